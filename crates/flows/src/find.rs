//! All flows of a project, for a wizard to offer.

use std::{
    fs,
    path::{Path, PathBuf},
};

use crate::{
    Found, Project,
    eval::END,
    names::{Binding, What},
    object::{Class, FlowObject, Obj, Same, Scope},
    session::Session,
    source::Module,
};

/// A project has fewer files than this, or the search would take too long to wait for.
const MAX_FILES: usize = 5000;
const MAX_DEPTH: usize = 12;

/// Folders that hold other people's code.
const SKIPPED: &[&str] = &["__pycache__", "node_modules", "site-packages", "venv", "env", "build", "dist"];

pub(crate) fn find(project: &Project) -> Vec<Found> {
    let mut files = Vec::new();
    collect(project.root(), 0, &mut files);
    let mut found: Vec<Found> = files.iter().flat_map(|file| in_file(project, file)).collect();
    found.sort_by(|left, right| left.entrypoint.cmp(&right.entrypoint));
    found
}

/// Python files below a folder, in order.
fn collect(folder: &Path, depth: usize, files: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    let mut entries: Vec<_> = entries.filter_map(Result::ok).collect();
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if files.len() >= MAX_FILES || name.starts_with('.') {
            continue;
        }
        let path = entry.path();
        // Links are not followed: they may lead in circles.
        match entry.file_type() {
            Ok(kind) if kind.is_file() && name.ends_with(".py") => files.push(path),
            Ok(kind) if kind.is_dir() && depth < MAX_DEPTH && !is_skipped(&path, &name) => {
                collect(&path, depth + 1, files);
            }
            _ => {}
        }
    }
}

/// Whether a folder holds other people's code.
fn is_skipped(path: &Path, name: &str) -> bool {
    SKIPPED.contains(&name) || path.join("pyvenv.cfg").is_file()
}

/// The flows that a file defines.
pub(crate) fn in_file(project: &Project, path: &Path) -> Vec<Found> {
    // Most files define none, and parsing them would be the larger part of the work.
    if !fs::read(path).is_ok_and(|bytes| holds(&bytes, b"flow") && holds(&bytes, b"prefect")) {
        return Vec::new();
    }
    let name = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or("flow");
    let Ok(module) = project.module(path, name) else { return Vec::new() };
    let session = Session::new(project, path.parent());
    let mut finder = Finder { session: &session, module, found: Vec::new() };
    finder.module_flows();
    finder.found
}

fn holds(bytes: &[u8], word: &[u8]) -> bool {
    bytes.windows(word.len()).any(|window| window == word)
}

struct Finder<'s, 'p> {
    session: &'s Session<'p>,
    module: &'p Module,
    found: Vec<Found>,
}

impl<'p> Finder<'_, 'p> {
    fn module_flows(&mut self) {
        let scope = Scope::of(self.module);
        let names = self.session.names(self.module.body());
        for name in &names.order {
            let Some(last) = names.before(name, END).next() else { continue };
            if let What::Class(def) = last.what {
                self.methods(&Class { scope: scope.clone(), def: Same(def) });
            } else if may_be_flow(last)
                && let Some(Ok(Obj::Flow(flow))) = self.session.bound(&names, name, &scope, END)
            {
                self.add(name, &flow, last);
            }
        }
    }

    fn methods(&mut self, class: &Class<'p>) {
        let names = self.session.names(&class.def.0.body);
        for name in &names.order {
            let Some(last) = names.before(name, END).next() else { continue };
            if may_be_flow(last)
                && let Some(Ok(Obj::Flow(flow))) = self.session.bound(&names, name, &class.inside(), END)
            {
                self.add(&format!("{}.{name}", class.qualified()), &flow, last);
            }
        }
    }

    fn add(&mut self, path: &str, flow: &FlowObject<'p>, binding: &Binding<'p>) {
        let file: Vec<_> = self.module.shown.iter().map(|part| part.to_string_lossy()).collect();
        let place = match binding.what {
            What::Function(def) => self.module.place(def.name.range.start()),
            _ => self.module.place(binding.at),
        };
        self.found.push(Found { entrypoint: format!("{}:{path}", file.join("/")), name: name_of(flow, path), place });
    }
}

/// A decorated function, or a call.
fn may_be_flow(binding: &Binding<'_>) -> bool {
    match &binding.what {
        What::Function(def) => !def.decorator_list.is_empty(),
        What::Value(value) => value.is_call_expr(),
        _ => false,
    }
}

fn name_of(flow: &FlowObject<'_>, path: &str) -> String {
    if let Some(Ok(Obj::Str(name))) = &flow.options.name
        && !name.is_empty()
    {
        return name.to_string();
    }
    let function = match &flow.function {
        Ok(Obj::Function(function)) => Some(function),
        _ => flow.written.as_ref(),
    };
    let last = || path.rsplit('.').next().unwrap_or(path);
    let name = function.map_or_else(last, |function| function.def.0.name.as_str());
    name.replace('_', "-")
}
