//! From an entrypoint to a flow.

use std::path::Path;

use ruff_python_ast::{Expr, Stmt};
use ruff_text_size::Ranged;

use crate::{
    Flow, FlowError, Kind, Part, Project, Unknown, docstring,
    error::Place,
    eval::END,
    names::What,
    object::{Fault, FlowObject, Function, Obj, Outcome, Scope},
    parameters,
    session::{Located, Session},
    source::{Broken, Module},
    suggest,
};

/// Characters that Prefect does not allow in a flow's name.
const BANNED: &[char] = &['/', '%', '&', '>', '<'];

/// The parts of an entrypoint.
struct Split<'a> {
    /// A file if it ends with `.py:`, a module otherwise.
    file: Option<&'a str>,
    module: &'a str,
    path: &'a str,
}

fn split(entrypoint: &str) -> Option<Split<'_>> {
    if let Some(at) = entrypoint.rfind(".py:") {
        let (file, path) = (&entrypoint[..at + 3], &entrypoint[at + 4..]);
        return Some(Split { file: Some(file), module: "", path });
    }
    let (module, path) = entrypoint.rsplit_once(':').or_else(|| entrypoint.rsplit_once('.'))?;
    Some(Split { file: None, module, path })
}

pub(crate) fn flow(project: &Project, entrypoint: &str) -> Result<Flow, FlowError> {
    if entrypoint.trim().is_empty() {
        return Err(FlowError::Blank);
    }
    let format = |flows| FlowError::Format { entrypoint: entrypoint.to_owned(), flows };
    // `flow.py` alone would be the object `py` of a module `flow`.
    if entrypoint.ends_with(".py") {
        let flows = suggest::flows_of(project, &project.root().join(entrypoint));
        return Err(format(flows));
    }
    let Some(parts) = split(entrypoint) else {
        return Err(format(suggest::nearest_entrypoint(project, entrypoint).into_iter().collect()));
    };
    if parts.path.is_empty() {
        return Err(format(
            parts.file.map(|file| suggest::flows_of(project, &project.root().join(file))).unwrap_or_default(),
        ));
    }
    match parts.file {
        Some(file) => {
            let path = project.root().join(file);
            let session = Session::new(project, path.parent());
            let module = open(project, entrypoint, &path)?;
            Finder { session: &session, entrypoint, module }.flow(parts.path)
        }
        None => in_module(project, entrypoint, &parts),
    }
}

fn in_module(project: &Project, entrypoint: &str, parts: &Split<'_>) -> Result<Flow, FlowError> {
    let session = Session::new(project, None);
    if let Located::File(path) = session.locate(parts.module) {
        let module = open(project, entrypoint, &path)?;
        return Finder { session: &session, entrypoint, module }.flow(parts.path);
    }
    // A path where a module should stand.
    let path = project.root().join(parts.module);
    let is_path = parts.module.contains(['/', '\\']) || entrypoint.contains(':') && path.is_dir();
    Err(if is_path {
        suggest::no_file(project, entrypoint, &path)
    } else {
        FlowError::NoModule {
            entrypoint: entrypoint.to_owned(),
            module: parts.module.to_owned(),
            nearest: suggest::nearest_entrypoint(project, parts.path),
        }
    })
}

fn open<'p>(project: &'p Project, entrypoint: &str, path: &Path) -> Result<&'p Module, FlowError> {
    if !path.is_file() {
        return Err(suggest::no_file(project, entrypoint, path));
    }
    let name = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or("flow");
    project.module(path, name).as_ref().map_err(|broken| broken_error(project, entrypoint, path, broken))
}

fn broken_error(project: &Project, entrypoint: &str, path: &Path, broken: &Broken) -> FlowError {
    let entrypoint = entrypoint.to_owned();
    match broken {
        Broken::Unreadable(error) => FlowError::Unreadable {
            entrypoint,
            file: project.shown(path),
            source: std::io::Error::new(error.kind(), error.to_string()),
        },
        Broken::Syntax { place, message } => {
            FlowError::Syntax { entrypoint, place: place.clone(), message: message.clone() }
        }
    }
}

struct Finder<'s, 'p> {
    session: &'s Session<'p>,
    entrypoint: &'s str,
    module: &'p Module,
}

impl<'p> Finder<'_, 'p> {
    fn flow(&self, path: &str) -> Result<Flow, FlowError> {
        self.check_import()?;
        let (value, place) = self.object(path)?;
        match value {
            Obj::Flow(flow) => self.describe(&flow, path, place),
            Obj::Known(name) if !is_familiar(&name) => Err(self.unclear(path, place, foreign(&name))),
            Obj::Applied(_) => Err(self.unclear(path, place, "it is an element of something unknown".to_owned())),
            other => Err(FlowError::NotAFlow {
                entrypoint: self.entrypoint.to_owned(),
                function: path.to_owned(),
                kind: kind_of(&other),
                place: place_of(&other).unwrap_or(place),
            }),
        }
    }

    /// The object that a dotted path names, and where its name is bound.
    fn object(&self, path: &str) -> Result<(Obj<'p>, Place), FlowError> {
        let scope = Scope::of(self.module);
        let mut value = Obj::Module(crate::object::Same(self.module));
        let mut place = self.module.place(0.into());
        for part in path.split('.') {
            let bound = self.binding_place(&value, part);
            place = bound.unwrap_or(place);
            let found = match &value {
                Obj::Module(module) => {
                    let names = self.session.names(module.0.body());
                    let is_known = names.bindings.contains_key(part) || !names.stars.is_empty();
                    if !is_known && !module.path.ends_with("__init__.py") {
                        return Err(self.no_function(path));
                    }
                    self.session.attribute(&value, part, &EMPTY, &scope, END)
                }
                Obj::Class(_) | Obj::Instance(_) => self.session.attribute(&value, part, &EMPTY, &scope, END),
                _ => return Err(self.no_function(path)),
            };
            value = found.map_err(|fault| match fault {
                Fault::Doubt(_) if !self.is_bound(&value, part) => self.no_function(path),
                Fault::Doubt(doubt) => self.unclear(path, place.clone(), doubt.why.clone()),
                Fault::Raises(_) => self.no_function(path),
            })?;
        }
        Ok((value, place))
    }

    fn is_bound(&self, holder: &Obj<'p>, name: &str) -> bool {
        match holder {
            Obj::Module(module) => {
                let names = self.session.names(module.0.body());
                names.bindings.contains_key(name) || !names.stars.is_empty()
            }
            Obj::Class(class) => self
                .session
                .ancestors(class)
                .is_ok_and(|all| all.iter().any(|base| self.session.defines(&base.class, name))),
            _ => false,
        }
    }

    fn binding_place(&self, holder: &Obj<'p>, name: &str) -> Option<Place> {
        let (module, names) = match holder {
            Obj::Module(module) => (module.0, self.session.names(module.0.body())),
            Obj::Class(class) => (class.scope.module.0, self.session.names(&class.def.0.body)),
            _ => return None,
        };
        let binding = names.before(name, END).next()?;
        Some(match &binding.what {
            What::Function(def) => module.place(def.name.range.start()),
            What::Class(def) => module.place(def.name.range.start()),
            _ => module.place(binding.at),
        })
    }

    fn no_function(&self, path: &str) -> FlowError {
        let offered = suggest::names_of(self.session, self.module);
        FlowError::NoFunction {
            entrypoint: self.entrypoint.to_owned(),
            file: self.module.shown.clone(),
            function: path.to_owned(),
            nearest: suggest::nearest(path, offered.iter().map(String::as_str)),
            flows: suggest::flows_of(self.session.project, &self.module.path),
        }
    }

    /// A statement at the top of the file that ends the import.
    fn check_import(&self) -> Result<(), FlowError> {
        let scope = Scope::of(self.module);
        for statement in self.module.body() {
            let stops = match statement {
                Stmt::Raise(_) => true,
                Stmt::Expr(expression) => match &*expression.value {
                    Expr::Call(call) => {
                        let callee = self.session.eval(&call.func, &scope, statement.start());
                        matches!(callee, Ok(Obj::Known(name)) if matches!(&*name, "sys.exit" | "os._exit" | "builtins.exit" | "builtins.quit"))
                    }
                    _ => false,
                },
                _ => false,
            };
            if stops {
                return Err(FlowError::Stops {
                    entrypoint: self.entrypoint.to_owned(),
                    place: self.module.place(statement.start()),
                    text: self.module.snippet(statement),
                });
            }
        }
        Ok(())
    }

    fn describe(&self, flow: &FlowObject<'p>, path: &str, place: Place) -> Result<Flow, FlowError> {
        let mut unknown = Vec::new();
        let (outer, inner) = match &flow.function {
            Ok(Obj::Function(function)) => (function.clone(), function.clone()),
            Ok(wrapped @ Obj::Wrapped(pair)) => (pair.0.clone(), innermost(wrapped).unwrap_or_else(|| pair.0.clone())),
            Ok(_) => {
                return Err(self.unclear(path, place, "the flow is made of something else than a function".to_owned()));
            }
            Err(fault) => {
                let Some(written) = &flow.written else {
                    return Err(self.unclear(path, place, "the function of the flow is not known".to_owned()));
                };
                unknown.push(Unknown::of(Part::Parameters, fault, written));
                (written.clone(), written.clone())
            }
        };
        let doc = docstring::of(&inner.def.0.body).map(|doc| docstring::clean(&doc));
        let named = self.text(&flow.options.name, Part::Name, &inner, &mut unknown);
        let described = self.text(&flow.options.description, Part::Description, &inner, &mut unknown);
        let version = self.text(&flow.options.version, Part::Version, &inner, &mut unknown);
        let name = named.unwrap_or_else(|| inner.def.0.name.as_str().replace('_', "-"));
        if name.contains(BANNED) {
            return Err(FlowError::FlowName { entrypoint: self.entrypoint.to_owned(), name, place: inner.place() });
        }
        self.check_parameters(&inner)?;
        let parameters = parameters::of(self.session, &inner, doc.as_deref());
        unknown.extend(parameters.unknown);
        Ok(Flow {
            name,
            function: inner.qualified(),
            file: Some(outer.scope.module.shown.clone()),
            line: Some(inner.place().line),
            description: described.or(doc),
            version,
            schema: parameters.schema,
            unknown,
        })
    }

    fn unclear(&self, path: &str, place: Place, why: String) -> FlowError {
        FlowError::Unclear { entrypoint: self.entrypoint.to_owned(), function: path.to_owned(), place, why }
    }

    /// An option of the decorator; an empty one counts as not given.
    fn text(
        &self,
        option: &Option<Outcome<Obj<'p>>>,
        part: Part,
        function: &Function<'p>,
        unknown: &mut Vec<Unknown>,
    ) -> Option<String> {
        let fault = match option {
            None => return None,
            Some(Ok(Obj::Str(text))) => return (!text.is_empty()).then(|| text.to_string()),
            Some(Ok(value)) if self.session.truth(value) == Some(false) => return None,
            Some(Ok(Obj::Known(name))) => function.scope.doubt(function.def.0.range.start(), foreign(name)),
            Some(Ok(_)) => function.scope.doubt(function.def.0.range.start(), "the option of @flow is no text"),
            Some(Err(fault)) => fault.clone(),
        };
        unknown.push(Unknown::of(part, &fault, function));
        None
    }

    /// Names that Prefect or pydantic refuses for a parameter.
    fn check_parameters(&self, function: &Function<'p>) -> Result<(), FlowError> {
        let parameters = &function.def.0.parameters;
        for parameter in parameters.iter() {
            let name = parameter.name();
            let why = match name.as_str() {
                "return_state" | "wait_for" => "is a name that Prefect reserves",
                "model_config" => "is a name that pydantic reserves",
                name if name.starts_with('_') => "begins with an underscore",
                _ => continue,
            };
            return Err(FlowError::ParameterName {
                entrypoint: self.entrypoint.to_owned(),
                parameter: name.as_str().to_owned(),
                place: function.scope.module.place(name.range.start()),
                why,
            });
        }
        Ok(())
    }
}

/// Stands for a place at the top of a file.
static EMPTY: Nowhere = Nowhere;

struct Nowhere;

impl Ranged for Nowhere {
    fn range(&self) -> ruff_text_size::TextRange {
        ruff_text_size::TextRange::default()
    }
}

/// Whether a name from outside is known well enough to say that it is no flow.
fn is_familiar(name: &str) -> bool {
    name.split('.').next().is_some_and(crate::known::is_loaded)
}

fn foreign(name: &str) -> String {
    format!("`{name}` is not part of the project")
}

fn innermost<'p>(value: &Obj<'p>) -> Option<Function<'p>> {
    match value {
        Obj::Function(function) => Some(function.clone()),
        Obj::Wrapped(pair) => innermost(&pair.1),
        _ => None,
    }
}

fn kind_of(value: &Obj<'_>) -> Kind {
    match value {
        Obj::Function(_) | Obj::Wrapped(_) | Obj::Method(_) => Kind::Function,
        Obj::Task(_) => Kind::Task,
        Obj::Class(_) | Obj::Made(_) => Kind::Class,
        Obj::Module(_) | Obj::Folder(_) => Kind::Module,
        _ => Kind::Value,
    }
}

fn place_of(value: &Obj<'_>) -> Option<Place> {
    match value {
        Obj::Function(function) | Obj::Task(function) => Some(function.place()),
        Obj::Class(class) => Some(class.place()),
        _ => None,
    }
}
