//! Python objects, as far as the source tells them.

use std::{path::Path, ptr, rc::Rc};

use ruff_python_ast::{Expr, StmtClassDef, StmtFunctionDef};
use ruff_text_size::TextSize;

use crate::{error::Place, source::Module, time::Moment};

/// Why an expression has no value here.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Fault {
    /// Only running the source would tell.
    Doubt(Rc<Doubt>),
    /// Python raises this.
    Raises(Exception),
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Doubt {
    pub(crate) why: String,
    pub(crate) place: Place,
}

/// Exceptions that Prefect and pydantic treat differently.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exception {
    Name,
    /// `TypeError`, `ValueError` and pydantic's own for types that have no schema.
    Type,
}

pub(crate) type Outcome<T> = Result<T, Fault>;

/// A reference that is equal only to itself.
#[derive(Debug)]
pub(crate) struct Same<'p, T>(pub(crate) &'p T);

impl<T> Clone for Same<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Same<'_, T> {}

impl<T> PartialEq for Same<'_, T> {
    fn eq(&self, other: &Self) -> bool {
        ptr::eq(self.0, other.0)
    }
}

impl<T> std::ops::Deref for Same<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.0
    }
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Obj<'p> {
    None,
    Ellipsis,
    Bool(bool),
    Int(i128),
    Float(f64),
    Str(Rc<str>),
    Bytes(Rc<[u8]>),
    List(Rc<[Obj<'p>]>),
    Tuple(Rc<[Obj<'p>]>),
    Set(Rc<[Obj<'p>]>),
    Dict(Rc<[(Obj<'p>, Obj<'p>)]>),
    /// `range(…)`, which has no JSON of its own.
    Range(Rc<[Obj<'p>]>),
    Moment(Moment),
    Decimal(Rc<str>),
    Uuid(u128),
    Path(Rc<str>),
    /// Pydantic's secrets; whether it is empty.
    Secret(bool),
    /// A value that JSON does not hold: `object()`, a lambda with parameters.
    Opaque,
    /// A lambda without parameters: what it returns, and where it stands.
    Lambda(Same<'p, Expr>, Scope<'p>),
    /// A name from outside the project, qualified: `typing.List`.
    Known(Rc<str>),
    Module(Same<'p, Module>),
    /// A folder without `__init__.py`.
    Folder(Rc<Path>),
    Class(Class<'p>),
    /// What a call such as `NewType(…)` or a `type` statement makes.
    Made(Rc<Made<'p>>),
    Member(Rc<Member<'p>>),
    Instance(Rc<Instance<'p>>),
    Function(Function<'p>),
    Flow(Rc<FlowObject<'p>>),
    /// `flow(name=…)` before it gets its function.
    Decorator(Rc<Options<'p>>),
    /// A function made by a decorator of the project, with the function that it wraps.
    Wrapped(Rc<(Function<'p>, Obj<'p>)>),
    Task(Function<'p>),
    /// `staticmethod(f)` and its like.
    Method(Rc<Obj<'p>>),
    /// `origin[…]`.
    Applied(Rc<Applied<'p>>),
    Union(Rc<[Obj<'p>]>),
    Field(Rc<Field<'p>>),
    /// An object that `Annotated` may hold beside a type.
    Meta(Rc<Meta<'p>>),
    /// `enum.auto()`.
    Auto,
}

impl Obj<'_> {
    pub(crate) fn str(text: &str) -> Self {
        Self::Str(text.into())
    }

    pub(crate) fn known(name: &str) -> Self {
        Self::Known(name.into())
    }

    pub(crate) fn is_known(&self, name: &str) -> bool {
        matches!(self, Self::Known(known) if **known == *name)
    }
}

/// A class of the project.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Class<'p> {
    pub(crate) scope: Scope<'p>,
    pub(crate) def: Same<'p, StmtClassDef>,
}

impl<'p> Class<'p> {
    /// Names as its own body sees them.
    pub(crate) fn inside(&self) -> Scope<'p> {
        let classes = self.scope.classes.iter().copied().chain([self.def]).collect();
        Scope { module: self.scope.module, classes, locals: Rc::from([]) }
    }

    pub(crate) fn name(&self) -> &'p str {
        self.def.0.name.as_str()
    }

    pub(crate) fn qualified(&self) -> String {
        let outer: String = self.scope.classes.iter().map(|class| format!("{}.", class.name)).collect();
        format!("{outer}{}", self.def.name)
    }

    pub(crate) fn place(&self) -> Place {
        self.scope.module.place(self.def.name.range.start())
    }
}

/// A function of the project.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Function<'p> {
    pub(crate) scope: Scope<'p>,
    pub(crate) def: Same<'p, StmtFunctionDef>,
}

impl Function<'_> {
    pub(crate) fn qualified(&self) -> String {
        let outer: String = self.scope.classes.iter().map(|class| format!("{}.", class.name)).collect();
        format!("{outer}{}", self.def.name)
    }

    pub(crate) fn place(&self) -> Place {
        self.scope.module.place(self.def.name.range.start())
    }
}

/// Where an expression stands: the module, the classes around it, and names of its own.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Scope<'p> {
    pub(crate) module: Same<'p, Module>,
    pub(crate) classes: Rc<[Same<'p, StmtClassDef>]>,
    pub(crate) locals: Rc<[(&'p str, Obj<'p>)]>,
}

impl<'p> Scope<'p> {
    pub(crate) fn of(module: &'p Module) -> Self {
        Self { module: Same(module), classes: Rc::from([]), locals: Rc::from([]) }
    }

    pub(crate) fn doubt(&self, at: TextSize, why: impl Into<String>) -> Fault {
        Fault::Doubt(Rc::new(Doubt { why: why.into(), place: self.module.place(at) }))
    }
}

/// A class or a type that a call makes.
#[derive(Debug, PartialEq)]
pub(crate) struct Made<'p> {
    pub(crate) name: Rc<str>,
    /// Where it is made; two are the same if made by the same expression.
    pub(crate) scope: Scope<'p>,
    pub(crate) at: TextSize,
    pub(crate) kind: MadeKind<'p>,
}

#[derive(Debug, PartialEq)]
pub(crate) enum MadeKind<'p> {
    NewType(Obj<'p>),
    TypeVar {
        bound: Option<Outcome<Obj<'p>>>,
        constraints: Rc<[Obj<'p>]>,
        default: Option<Outcome<Obj<'p>>>,
    },
    /// A `type` statement.
    Alias {
        value: Same<'p, Expr>,
        parameters: Rc<[Obj<'p>]>,
    },
    /// Names and values, and the mixed in type.
    Enum {
        members: Rc<[(Rc<str>, Obj<'p>)]>,
        mixin: Option<Rc<str>>,
    },
    TypedDict {
        fields: Rc<[(Rc<str>, Obj<'p>)]>,
        total: bool,
    },
    /// Names, types and defaults.
    NamedTuple(Rc<[NamedField<'p>]>),
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct NamedField<'p> {
    pub(crate) name: Rc<str>,
    pub(crate) annotation: Option<Obj<'p>>,
    pub(crate) default: Option<Obj<'p>>,
}

/// A member of an enum.
#[derive(Debug, PartialEq)]
pub(crate) struct Member<'p> {
    /// The enum: [`Obj::Class`] or [`Obj::Made`].
    pub(crate) of: Obj<'p>,
    pub(crate) name: Rc<str>,
    pub(crate) value: Obj<'p>,
}

/// An instance of a class of the project.
#[derive(Debug, PartialEq)]
pub(crate) struct Instance<'p> {
    pub(crate) class: Obj<'p>,
    pub(crate) content: Content<'p>,
}

#[derive(Debug, PartialEq)]
pub(crate) enum Content<'p> {
    /// The names that its JSON uses, in order, with the attributes' names.
    Fields(Vec<(Rc<str>, Rc<str>, Obj<'p>)>),
    /// A root model.
    Root(Obj<'p>),
    /// A class whose instances have no JSON.
    None,
}

#[derive(Debug, PartialEq)]
pub(crate) struct Applied<'p> {
    pub(crate) origin: Obj<'p>,
    pub(crate) args: Vec<Obj<'p>>,
}

/// What `@flow(…)` is given. An option that is not given is absent.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Options<'p> {
    pub(crate) name: Option<Outcome<Obj<'p>>>,
    pub(crate) description: Option<Outcome<Obj<'p>>>,
    pub(crate) version: Option<Outcome<Obj<'p>>>,
}

#[derive(Debug, PartialEq)]
pub(crate) struct FlowObject<'p> {
    /// The function: [`Obj::Function`] or [`Obj::Wrapped`], or why it is not known.
    pub(crate) function: Outcome<Obj<'p>>,
    pub(crate) options: Options<'p>,
    /// The `def` below the decorators, which stands in for an unknown function.
    pub(crate) written: Option<Function<'p>>,
}

/// What `pydantic.Field(…)` is given, in the order of its parameters. `default` may be an ellipsis.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Field<'p> {
    /// Attributes that are set, some of them to `None`.
    pub(crate) attributes: Vec<(&'static str, Obj<'p>)>,
    pub(crate) metadata: Vec<Meta<'p>>,
}

impl<'p> Field<'p> {
    pub(crate) fn get(&self, name: &str) -> Option<&Obj<'p>> {
        self.attributes.iter().find(|(key, _)| *key == name).map(|(_, value)| value)
    }

    pub(crate) fn set(&mut self, name: &'static str, value: Obj<'p>) {
        match self.attributes.iter_mut().find(|(key, _)| *key == name) {
            Some((_, old)) => *old = value,
            None => self.attributes.push((name, value)),
        }
    }
}

/// What `Annotated` and `Field` say of a type beyond its name.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Meta<'p> {
    /// `ge=1` and its like.
    Constraint(&'static str, Obj<'p>),
    /// Several of them.
    Constraints(Vec<(&'static str, Obj<'p>)>),
    Field(Rc<Field<'p>>),
    /// A field's union is told apart by this field.
    Discriminator(Rc<str>),
    /// Does not change the schema.
    Harmless,
    /// A check around the type. Constraints that follow it are checks as well, and no longer part of the type.
    Validator,
}
