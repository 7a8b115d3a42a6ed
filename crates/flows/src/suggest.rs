//! Suggestions for entrypoints that are not there.

use std::path::Path;

use ruff_python_ast::Stmt;

use crate::{FlowError, Project, find, session::Session, source::Module};

/// How alike two names must be, from 0 to 1.
const ALIKE: f64 = 0.7;

pub(crate) fn nearest<'a>(name: &str, offered: impl Iterator<Item = &'a str>) -> Option<String> {
    let plain = |name: &str| name.to_lowercase().replace('-', "_");
    let scored = offered.map(|other| (strsim::normalized_damerau_levenshtein(&plain(name), &plain(other)), other));
    let best = scored.filter(|(score, _)| *score >= ALIKE).max_by(|left, right| left.0.total_cmp(&right.0));
    best.map(|(_, name)| name.to_owned())
}

/// The entrypoints that a file offers.
pub(crate) fn flows_of(project: &Project, file: &Path) -> Vec<String> {
    if !file.is_file() {
        return Vec::new();
    }
    let mut found = find::in_file(project, file);
    found.sort_by(|left, right| left.place.cmp(&right.place));
    found.into_iter().map(|found| found.entrypoint).collect()
}

/// The entrypoints that the files of a folder offer.
pub(crate) fn flows_in(project: &Project, folder: &Path) -> Vec<String> {
    let mut files: Vec<_> =
        folder.read_dir().into_iter().flatten().filter_map(Result::ok).map(|entry| entry.path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "py"));
    files.sort();
    files.truncate(200);
    files.iter().flat_map(|file| flows_of(project, file)).collect()
}

/// An entrypoint anywhere in the project whose function has this name.
pub(crate) fn nearest_entrypoint(project: &Project, function: &str) -> Option<String> {
    let found = find::find(project);
    let of = |entrypoint: &str| entrypoint.rsplit(':').next().unwrap_or_default().to_owned();
    let names: Vec<String> = found.iter().map(|found| of(&found.entrypoint)).collect();
    let nearest = nearest(function, names.iter().map(String::as_str))?;
    found.into_iter().map(|found| found.entrypoint).find(|entrypoint| of(entrypoint) == nearest)
}

/// The names of functions and classes in a file.
pub(crate) fn names_of(session: &Session<'_>, module: &Module) -> Vec<String> {
    let mut names = Vec::new();
    for statement in module.body() {
        match statement {
            Stmt::FunctionDef(def) => names.push(def.name.as_str().to_owned()),
            Stmt::ClassDef(class) => {
                let methods = class.body.iter().filter_map(|statement| statement.as_function_def_stmt());
                names.extend(methods.map(|method| format!("{}.{}", class.name, method.name)));
            }
            _ => {}
        }
    }
    names.extend(
        flows_of(session.project, &module.path).iter().filter_map(|flow| flow.rsplit(':').next().map(str::to_owned)),
    );
    names
}

/// The file is a folder, or not there.
pub(crate) fn no_file(project: &Project, entrypoint: &str, path: &Path) -> FlowError {
    let function = entrypoint.rsplit(':').next().unwrap_or_default();
    let entrypoint = entrypoint.to_owned();
    if path.is_dir() {
        return FlowError::Folder { entrypoint, folder: project.shown(path), flows: flows_in(project, path) };
    }
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let beside = path.parent().into_iter().flat_map(|folder| folder.read_dir().into_iter().flatten());
    let mut offered: Vec<String> = beside
        .filter_map(Result::ok)
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .filter(|name| name.ends_with(".py"))
        .collect();
    offered.sort();
    let nearest = nearest(&name, offered.iter().map(String::as_str)).map(|name| {
        let folder = path.parent().unwrap_or(path);
        project.shown(&folder.join(name)).display().to_string()
    });
    let nearest = nearest.or_else(|| nearest_entrypoint(project, function));
    FlowError::NoFile { entrypoint, file: project.shown(path), nearest }
}
