//! From an entrypoint to a flow.

use std::path::Path;

use ruff_python_ast::{Expr, Stmt};
use ruff_text_size::{Ranged, TextSize};

use crate::{
    Flow, FlowError, Kind, Project,
    describe::{Refused, describe},
    error::Place,
    eval::END,
    known::is_loaded,
    names::What,
    needs,
    object::{Fault, Obj, Same, Scope},
    session::{Located, Session},
    source::{Broken, Module},
    suggest,
};

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
            Obj::Flow(flow) => {
                let described = describe(self.session, &flow).map_err(|refused| self.refused(refused, path, place))?;
                Ok(Flow { needs: needs::of(self.session, self.module), ..described })
            }
            Obj::Known(name) if !is_familiar(&name) => {
                Err(self.unclear(path, place, format!("`{name}` is not part of the project")))
            }
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
        let top = TextSize::default();
        let mut value = Obj::Module(Same(self.module));
        let mut place = self.module.place(top);
        for part in path.split('.') {
            place = self.binding_place(&value, part).unwrap_or(place);
            let found = match &value {
                Obj::Module(_) | Obj::Class(_) | Obj::Instance(_) => {
                    self.session.attribute_at(&value, part, top, &scope, END)
                }
                _ => None,
            };
            value = match found {
                Some(Ok(found)) => found,
                Some(Err(Fault::Doubt(doubt))) if self.is_bound(&value, part) => {
                    return Err(self.unclear(path, place, doubt.why.clone()));
                }
                _ => return Err(self.no_function(path)),
            };
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
        match self.module.body().iter().find(|statement| self.stops(statement)) {
            None => Ok(()),
            Some(statement) => Err(FlowError::Stops {
                entrypoint: self.entrypoint.to_owned(),
                place: self.module.place(statement.start()),
                text: self.module.snippet(statement),
            }),
        }
    }

    fn stops(&self, statement: &'p Stmt) -> bool {
        const EXITS: &[&str] = &["sys.exit", "os._exit", "builtins.exit", "builtins.quit"];
        match statement {
            Stmt::Raise(_) => true,
            Stmt::Expr(expression) => {
                let Expr::Call(call) = &*expression.value else { return false };
                let callee = self.session.eval(&call.func, &Scope::of(self.module), statement.start());
                matches!(callee, Ok(Obj::Known(name)) if EXITS.contains(&&*name))
            }
            _ => false,
        }
    }

    fn refused(&self, refused: Refused, path: &str, place: Place) -> FlowError {
        let entrypoint = self.entrypoint.to_owned();
        match refused {
            Refused::Unclear(why) => self.unclear(path, place, why),
            Refused::Name { name, place } => FlowError::FlowName { entrypoint, name, place },
            Refused::Parameter { parameter, place, why } => {
                FlowError::ParameterName { entrypoint, parameter, place, why }
            }
        }
    }

    fn unclear(&self, path: &str, place: Place, why: String) -> FlowError {
        FlowError::Unclear { entrypoint: self.entrypoint.to_owned(), function: path.to_owned(), place, why }
    }
}

/// Whether a name from outside is known well enough to say that it is no flow.
fn is_familiar(name: &str) -> bool {
    name.split('.').next().is_some_and(is_loaded)
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
