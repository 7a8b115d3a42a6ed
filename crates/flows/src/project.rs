//! A project's folder and the modules read so far.

use std::path::{Component, Path, PathBuf};

use elsa::sync::FrozenMap;
use ruff_python_ast::Expr;

use crate::source::{Broken, Module, Snippet};

/// A project's folder and the modules read so far, each parsed once.
pub struct Project {
    root: PathBuf,
    modules: FrozenMap<PathBuf, Box<Result<Module, Broken>>>,
    /// Quoted annotations.
    snippets: FrozenMap<String, Box<Snippet>>,
}

impl std::fmt::Debug for Project {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Project").field("root", &self.root).finish_non_exhaustive()
    }
}

impl Project {
    /// A project at `root`, the folder that `prefect.yaml` lies in. Reads nothing yet.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into(), modules: FrozenMap::new(), snippets: FrozenMap::new() }
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// A path relative to the root, for people.
    pub(crate) fn shown(&self, path: &Path) -> PathBuf {
        match path.strip_prefix(&self.root) {
            Ok(inside) if inside.as_os_str().is_empty() => PathBuf::from("."),
            Ok(inside) => inside.to_owned(),
            Err(_) => path.to_owned(),
        }
    }

    pub(crate) fn module(&self, path: &Path, name: &str) -> &Result<Module, Broken> {
        // Without `.` parts, so that a file has one name.
        let path: PathBuf = path.components().filter(|part| !matches!(part, Component::CurDir)).collect();
        if let Some(module) = self.modules.get(&path) {
            return module;
        }
        let module = Module::read(path.clone(), self.shown(&path), name.to_owned());
        self.modules.insert(path, Box::new(module))
    }

    pub(crate) fn snippet(&self, text: &str) -> Option<&Expr> {
        if let Some(parsed) = self.snippets.get(text) {
            return parsed.expr();
        }
        self.snippets.insert(text.to_owned(), Box::new(Snippet::parse(text))).expr()
    }
}
