//! One question to a project: what is read for it, and how much work it may cost.

use std::{
    cell::{Cell, RefCell},
    collections::HashMap,
    path::{Path, PathBuf},
    rc::Rc,
};

use ruff_python_ast::{Expr, Stmt};

use crate::{
    Project,
    known::is_loaded,
    names::Names,
    source::{Broken, Module, on_enough_stack},
};

/// Evaluated expressions for one flow. Constants that double each other would otherwise take forever.
const FUEL: u32 = 200_000;

/// Evaluations within each other, which is what bounds the stack.
const DEPTH: u32 = 120;

/// What one evaluation may take of the stack, in an unoptimised build.
const STACK: usize = 256 << 10;

/// What an import finds.
#[derive(Debug, Clone)]
pub(crate) enum Import<'p> {
    Module(&'p Module),
    /// A package without `__init__.py`.
    Folder(Rc<Path>),
    /// Not in the project.
    Outside,
    /// In the project, and not readable as Python.
    Broken(String),
}

/// Where a module lies.
#[derive(Debug)]
pub(crate) enum Located {
    File(PathBuf),
    Folder(PathBuf),
    Outside,
}

pub(crate) struct Session<'p> {
    pub(crate) project: &'p Project,
    /// The folders of the project that Python searches.
    search: Vec<PathBuf>,
    names: RefCell<HashMap<usize, Rc<Names<'p>>>>,
    imports: RefCell<HashMap<String, Import<'p>>>,
    fuel: Cell<u32>,
    depth: Cell<u32>,
}

impl<'p> Session<'p> {
    /// `beside` is the folder of the file that is run, which Python searches first.
    pub(crate) fn new(project: &'p Project, beside: Option<&Path>) -> Self {
        let root = project.root();
        let folders = beside.into_iter().map(Path::to_owned).chain([root.to_owned(), root.join("src")]);
        let mut search = Vec::new();
        folders.for_each(|folder| {
            if !search.contains(&folder) {
                search.push(folder);
            }
        });
        Self {
            project,
            search,
            names: RefCell::default(),
            imports: RefCell::default(),
            fuel: Cell::new(FUEL),
            depth: Cell::new(0),
        }
    }

    pub(crate) fn names(&self, body: &'p [Stmt]) -> Rc<Names<'p>> {
        let key = body.as_ptr().addr();
        if let Some(names) = self.names.borrow().get(&key) {
            return Rc::clone(names);
        }
        let names = Rc::new(on_enough_stack(|| Names::of(body)));
        self.names.borrow_mut().insert(key, Rc::clone(&names));
        names
    }

    pub(crate) fn snippet(&self, text: &str) -> Option<&'p Expr> {
        self.project.snippet(text)
    }

    /// Run `work` one level deeper; none if that is too deep or too much.
    pub(crate) fn deeper<T>(&self, work: impl FnOnce() -> T) -> Option<T> {
        let (depth, fuel) = (self.depth.get(), self.fuel.get());
        if depth >= DEPTH || fuel == 0 {
            return None;
        }
        self.depth.set(depth + 1);
        self.fuel.set(fuel - 1);
        let result = stacker::maybe_grow(STACK, 8 * STACK, work);
        self.depth.set(depth);
        Some(result)
    }

    /// `import dotted`.
    pub(crate) fn import(&self, dotted: &str) -> Import<'p> {
        if let Some(found) = self.imports.borrow().get(dotted) {
            return found.clone();
        }
        let found = self.search_for(dotted);
        self.imports.borrow_mut().insert(dotted.to_owned(), found.clone());
        found
    }

    fn search_for(&self, dotted: &str) -> Import<'p> {
        match self.locate(dotted) {
            Located::File(path) => self.load(&path, dotted),
            Located::Folder(path) => Import::Folder(path.into()),
            Located::Outside => Import::Outside,
        }
    }

    /// Where the module `dotted` lies, as Python searches for it.
    pub(crate) fn locate(&self, dotted: &str) -> Located {
        let root = dotted.split('.').next().unwrap_or(dotted);
        if is_loaded(root) || dotted.split('.').any(str::is_empty) {
            return Located::Outside;
        }
        let owner = self.search.iter().find(|folder| {
            folder.join(root).is_dir() && has_python(&folder.join(root)) || folder.join(format!("{root}.py")).is_file()
        });
        owner.map_or(Located::Outside, |folder| located(folder, dotted))
    }

    /// The module `dotted` (with dots) below a folder, to be called `name`.
    fn import_below(&self, folder: &Path, dotted: &str, name: &str) -> Import<'p> {
        match located(folder, dotted) {
            Located::File(path) => self.load(&path, name),
            Located::Folder(path) => Import::Folder(path.into()),
            Located::Outside => Import::Outside,
        }
    }

    pub(crate) fn load(&self, path: &Path, name: &str) -> Import<'p> {
        match self.project.module(path, name) {
            Ok(module) => Import::Module(module),
            Err(Broken::Unreadable(error)) => Import::Broken(format!("{} cannot be read: {error}", path.display())),
            Err(Broken::Syntax { place, message }) => Import::Broken(format!("{place}: {message}")),
        }
    }

    /// `from ..dotted import` in `module`.
    pub(crate) fn import_relative(&self, module: &Module, level: u32, dotted: &str) -> Import<'p> {
        let above = usize::try_from(level).unwrap_or(usize::MAX);
        let is_package = module.path.file_name().is_some_and(|name| name == "__init__.py");
        let is_run = !is_package && !module.name.contains('.');
        // Prefect lets a file that is run import from its own folder, and not from above it.
        if is_run && level > 1 {
            return Import::Outside;
        }
        let Some(folder) = module.path.parent().and_then(|folder| folder.ancestors().nth(above - 1)) else {
            return Import::Outside;
        };
        let package: Vec<&str> = module.name.split('.').collect();
        // A file that is run counts as a package of its own name.
        let keep = package.len().saturating_sub(above - usize::from(is_package || is_run));
        let name = package.iter().take(keep).copied().chain((!dotted.is_empty()).then_some(dotted));
        let name = name.collect::<Vec<_>>().join(".");
        if dotted.is_empty() {
            let package = folder.join("__init__.py");
            return if package.is_file() { self.load(&package, &name) } else { Import::Folder(folder.into()) };
        }
        match self.import_below(folder, dotted, &name) {
            // Prefect also searches the working directory for what a file imports relatively.
            Import::Outside if level == 1 => self.import_below(self.project.root(), dotted, &name),
            found => found,
        }
    }

    /// The module or package `name` in a package's folder.
    pub(crate) fn submodule(&self, folder: &Path, package: &str, name: &str) -> Import<'p> {
        let full = if package.is_empty() { name.to_owned() } else { format!("{package}.{name}") };
        self.import_below(folder, name, &full)
    }
}

fn located(folder: &Path, dotted: &str) -> Located {
    let path = dotted.split('.').fold(folder.to_owned(), |path, part| path.join(part));
    let (package, file) = (path.join("__init__.py"), path.with_extension("py"));
    if package.is_file() {
        Located::File(package)
    } else if file.is_file() {
        Located::File(file)
    } else if path.is_dir() {
        Located::Folder(path)
    } else {
        Located::Outside
    }
}

/// Whether a folder may be a package: a folder of data with the name of a library is none.
fn has_python(folder: &Path) -> bool {
    let Ok(entries) = folder.read_dir() else { return false };
    entries.filter_map(Result::ok).take(1000).any(|entry| {
        let path = entry.path();
        path.extension().is_some_and(|extension| extension == "py") || path.join("__init__.py").is_file()
    })
}
