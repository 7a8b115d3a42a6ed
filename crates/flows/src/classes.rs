//! Classes of the project: their kind, their ancestors and their type parameters.

use std::rc::Rc;

use ruff_python_ast::{Arguments, Expr};
use ruff_text_size::{Ranged, TextSize};

use crate::{
    eval::{END, flatten_union},
    known,
    object::{Applied, Class, MadeKind, Obj, Outcome},
    session::Session,
};

/// What pydantic takes a class for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ClassKind {
    Model {
        root: bool,
        settings: bool,
    },
    Enum,
    TypedDict,
    NamedTuple,
    Dataclass {
        pydantic: bool,
    },
    /// Any other class: its instances are taken as they are.
    Plain,
}

/// A class among its own ancestors, with what its type parameters stand for.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Ancestor<'p> {
    pub(crate) class: Class<'p>,
    pub(crate) given: Vec<(Obj<'p>, Obj<'p>)>,
}

/// The method resolution order of a class.
#[derive(Debug, Clone, Default)]
pub(crate) struct Lineage<'p> {
    /// Classes of the project, the class itself first.
    pub(crate) classes: Vec<Ancestor<'p>>,
    /// Bases from outside, with their arguments.
    pub(crate) known: Vec<(Rc<str>, Vec<Obj<'p>>)>,
}

#[derive(Debug, Clone, PartialEq)]
enum Base<'p> {
    Class(Ancestor<'p>),
    Known(Rc<str>, Vec<Obj<'p>>),
}

/// Methods by which a class makes its own schema.
const HOOKS: &[&str] =
    &["__get_pydantic_core_schema__", "__get_pydantic_json_schema__", "__get_validators__", "__modify_schema__"];

/// Class decorators that change nothing that a schema shows.
const HARMLESS: &[&str] =
    &["enum.unique", "enum.verify", "functools.total_ordering", "typing.final", "typing.runtime_checkable"];

pub(crate) const DATACLASS: &str = "dataclasses.dataclass";
pub(crate) const PYDANTIC_DATACLASS: &str = "pydantic.dataclasses.dataclass";

impl<'p> Session<'p> {
    pub(crate) fn ancestors(&self, class: &Class<'p>) -> Outcome<Vec<Ancestor<'p>>> {
        Ok(self.lineage(class)?.classes)
    }

    pub(crate) fn lineage(&self, class: &Class<'p>) -> Outcome<Lineage<'p>> {
        let mut lineage = Lineage::default();
        for base in self.linear(&Ancestor { class: class.clone(), given: Vec::new() })? {
            match base {
                Base::Class(ancestor) => lineage.classes.push(ancestor),
                Base::Known(name, args) => lineage.known.push((name, args)),
            }
        }
        Ok(lineage)
    }

    /// C3 linearization, as Python orders the ancestors.
    fn linear(&self, ancestor: &Ancestor<'p>) -> Outcome<Vec<Base<'p>>> {
        let class = &ancestor.class;
        let tangled =
            || class.scope.doubt(class.def.start(), format!("the bases of `{}` are not followed", class.name()));
        let bases = self.bases(class)?;
        let mut lists: Vec<Vec<Base<'p>>> = Vec::new();
        for base in &bases {
            lists.push(match base {
                Base::Known(..) => vec![base.clone()],
                Base::Class(base) => self.deeper(|| self.linear(base)).ok_or_else(tangled)??,
            });
        }
        lists.push(bases);

        let mut order = vec![Base::Class(ancestor.clone())];
        while lists.iter().any(|list| !list.is_empty()) {
            let heads = lists.iter().filter_map(|list| list.first());
            let is_last =
                |head: &Base<'p>| !lists.iter().any(|list| list.iter().skip(1).any(|base| is_same(base, head)));
            let next = heads.clone().find(|head| is_last(head)).cloned().ok_or_else(tangled)?;
            lists.iter_mut().for_each(|list| list.retain(|base| !is_same(base, &next)));
            order.push(match next {
                Base::Class(mut base) => {
                    base.given.iter_mut().for_each(|(_, value)| *value = substitute(value, &ancestor.given));
                    Base::Class(base)
                }
                known => known,
            });
        }
        Ok(order)
    }

    fn bases(&self, class: &Class<'p>) -> Outcome<Vec<Base<'p>>> {
        let Some(arguments) = &class.def.0.arguments else { return Ok(Vec::new()) };
        let mut bases = Vec::new();
        for argument in &arguments.args {
            let base = self.eval(argument, &class.scope, class.def.start())?;
            let (origin, args) = match &base {
                Obj::Applied(applied) => (&applied.origin, applied.args.clone()),
                base => (base, Vec::new()),
            };
            bases.push(match origin {
                Obj::Class(base) => {
                    let parameters = self.parameters(base)?;
                    let given = parameters.into_iter().zip(args).collect();
                    Base::Class(Ancestor { class: base.clone(), given })
                }
                Obj::Known(name) => Base::Known(Rc::clone(name), args),
                _ => return Err(self.not_followed(argument, &class.scope)),
            });
        }
        Ok(bases)
    }

    /// The type parameters of a generic class.
    pub(crate) fn parameters(&self, class: &Class<'p>) -> Outcome<Vec<Obj<'p>>> {
        if let Some(parameters) = &class.def.0.type_params {
            let scope = &class.scope;
            return Ok(parameters.type_params.iter().map(|parameter| self.parameter(parameter, scope)).collect());
        }
        let Some(arguments) = &class.def.0.arguments else { return Ok(Vec::new()) };
        let mut found: Vec<Obj<'p>> = Vec::new();
        let mut generic = None;
        for argument in &arguments.args {
            if !argument.is_subscript_expr() {
                continue;
            }
            if let Obj::Applied(applied) = self.eval(argument, &class.scope, class.def.start())? {
                let mut variables = Vec::new();
                applied.args.iter().for_each(|arg| collect_variables(arg, &mut variables));
                if applied.origin.is_known("typing.Generic") {
                    generic = Some(variables.clone());
                }
                found.extend(variables);
            }
        }
        let mut distinct = Vec::new();
        for variable in generic.unwrap_or(found) {
            if !distinct.contains(&variable) {
                distinct.push(variable);
            }
        }
        Ok(distinct)
    }

    pub(crate) fn kind(&self, class: &Class<'p>) -> Outcome<ClassKind> {
        let lineage = self.lineage(class)?;
        let doubt = |why: String| class.scope.doubt(class.def.start(), why);
        let mut dataclass = None;
        for ancestor in &lineage.classes {
            let names = self.names(&ancestor.class.def.0.body);
            if let Some(hook) = HOOKS.iter().find(|hook| names.bindings.contains_key(*hook)) {
                return Err(doubt(format!("`{}` defines `{hook}`", ancestor.class.name())));
            }
            for (decorator, _) in self.decorators(&ancestor.class)? {
                match &*decorator {
                    DATACLASS => dataclass = dataclass.or(Some(ClassKind::Dataclass { pydantic: false })),
                    PYDANTIC_DATACLASS => dataclass = dataclass.or(Some(ClassKind::Dataclass { pydantic: true })),
                    name if HARMLESS.contains(&name) => {}
                    name => return Err(doubt(format!("`{}` is decorated with `{name}`", ancestor.class.name()))),
                }
            }
            self.check_keywords(&ancestor.class)?;
        }
        let mut kind = ClassKind::Plain;
        for (name, _) in &lineage.known {
            kind = match &**name {
                "pydantic.BaseModel" if kind == ClassKind::Plain => ClassKind::Model { root: false, settings: false },
                "pydantic.RootModel" => ClassKind::Model { root: true, settings: false },
                "pydantic_settings.BaseSettings" => ClassKind::Model { root: false, settings: true },
                "enum.Enum" | "enum.IntEnum" | "enum.StrEnum" | "enum.Flag" | "enum.IntFlag" => ClassKind::Enum,
                "typing.TypedDict" => ClassKind::TypedDict,
                "typing.NamedTuple" => ClassKind::NamedTuple,
                name if is_plain_base(name) => kind,
                name => {
                    return Err(doubt(format!("`{name}`, a base of `{}`, is not part of the project", class.name())));
                }
            };
        }
        Ok(dataclass.filter(|_| kind == ClassKind::Plain).unwrap_or(kind))
    }

    /// A metaclass may do anything.
    fn check_keywords(&self, class: &Class<'p>) -> Outcome<()> {
        let Some(arguments) = &class.def.0.arguments else { return Ok(()) };
        for keyword in &arguments.keywords {
            let is_metaclass = keyword.arg.as_ref().is_none_or(|name| name.as_str() == "metaclass");
            if is_metaclass {
                let value = self.eval(&keyword.value, &class.scope, class.def.start())?;
                if !value.is_known("abc.ABCMeta") {
                    return Err(class.scope.doubt(keyword.start(), format!("`{}` has a metaclass", class.name())));
                }
            }
        }
        Ok(())
    }

    /// The names of a class's decorators, with their arguments.
    pub(crate) fn decorators(&self, class: &Class<'p>) -> Outcome<Vec<(Rc<str>, Option<&'p Arguments>)>> {
        let mut found = Vec::new();
        for decorator in &class.def.0.decorator_list {
            let (callee, arguments) = match &decorator.expression {
                Expr::Call(call) => (&*call.func, Some(&call.arguments)),
                other => (other, None),
            };
            match self.eval(callee, &class.scope, class.def.start())? {
                Obj::Known(name) => found.push((name, arguments)),
                _ => return Err(self.not_followed(&decorator.expression, &class.scope)),
            }
        }
        Ok(found)
    }

    pub(crate) fn is_enum(&self, value: &Obj<'p>) -> bool {
        match value {
            Obj::Class(class) => self.kind(class) == Ok(ClassKind::Enum),
            Obj::Made(made) => matches!(made.kind, MadeKind::Enum { .. }),
            _ => false,
        }
    }

    /// What a name in the body of a class or of one of its ancestors is bound to.
    pub(crate) fn in_class(&self, class: &Class<'p>, name: &str) -> Option<Outcome<Obj<'p>>> {
        let names = self.names(&class.def.0.body);
        self.bound(&names, name, &class.inside(), END)
    }

    pub(crate) fn defines(&self, class: &Class<'p>, name: &str) -> bool {
        self.names(&class.def.0.body).bindings.contains_key(name)
    }
}

/// A base that leaves a class what it is.
fn is_plain_base(name: &str) -> bool {
    matches!(
        name,
        "abc.ABC"
            | "typing.Generic"
            | "builtins.object"
            | "builtins.str"
            | "builtins.int"
            | "builtins.float"
            | "builtins.bytes"
            | "builtins.list"
            | "builtins.dict"
            | "builtins.set"
            | "builtins.tuple"
            | "datetime.date"
            | "datetime.datetime"
    ) || known::is_plain_class(name)
}

fn is_same(left: &Base<'_>, right: &Base<'_>) -> bool {
    match (left, right) {
        (Base::Class(left), Base::Class(right)) => left.class.def == right.class.def,
        (Base::Known(left, _), Base::Known(right, _)) => left == right,
        _ => false,
    }
}

/// Put types in the place of type parameters.
pub(crate) fn substitute<'p>(value: &Obj<'p>, given: &[(Obj<'p>, Obj<'p>)]) -> Obj<'p> {
    if given.is_empty() {
        return value.clone();
    }
    if let Some((_, given)) = given.iter().find(|(parameter, _)| parameter == value) {
        return given.clone();
    }
    match value {
        Obj::Applied(applied) => {
            let args = applied.args.iter().map(|arg| substitute(arg, given)).collect();
            Obj::Applied(Rc::new(Applied { origin: applied.origin.clone(), args }))
        }
        Obj::Union(args) => flatten_union(args.iter().map(|arg| substitute(arg, given)).collect()),
        other => other.clone(),
    }
}

fn collect_variables<'p>(value: &Obj<'p>, found: &mut Vec<Obj<'p>>) {
    match value {
        Obj::Made(made) if matches!(made.kind, MadeKind::TypeVar { .. }) => found.push(value.clone()),
        Obj::Applied(applied) => applied.args.iter().for_each(|arg| collect_variables(arg, found)),
        Obj::Union(args) => args.iter().for_each(|arg| collect_variables(arg, found)),
        _ => {}
    }
}

/// Where a class stands, as a place for doubts.
pub(crate) fn start_of(class: &Class<'_>) -> TextSize {
    class.def.start()
}
