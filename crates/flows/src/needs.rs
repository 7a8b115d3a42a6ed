//! Packages that importing a flow's file takes.
//!
//! Prefect gives a flow another version if its file cannot be imported, so a deploy wants to know which imports to look for.

use std::collections::BTreeSet;

use ruff_text_size::TextSize;

use crate::{
    known::{is_loaded, is_standard},
    names::What,
    object::Scope,
    session::{Import, Session},
    source::Module,
};

/// Top-level packages from outside of the project that importing `module` takes in any case. Python's own and those that
/// Prefect has loaded are left out.
pub(crate) fn of<'p>(session: &Session<'p>, module: &'p Module) -> Vec<String> {
    let mut reader = Reader { session, seen: Vec::new(), found: BTreeSet::new() };
    reader.module(module);
    reader.found.into_iter().collect()
}

struct Reader<'s, 'p> {
    session: &'s Session<'p>,
    seen: Vec<*const Module>,
    found: BTreeSet<String>,
}

impl<'p> Reader<'_, 'p> {
    fn module(&mut self, module: &'p Module) {
        let address: *const Module = module;
        if self.seen.contains(&address) {
            return;
        }
        self.seen.push(address);
        let scope = Scope::of(module);
        let names = self.session.names(module.body());
        let mut imports: Vec<(TextSize, What<'p>)> = Vec::new();
        let bindings = names.bindings.values().flatten().chain(&names.stars);
        for binding in bindings.filter(|binding| self.session.is_made(binding, &scope) == Some(true)) {
            if matches!(binding.what, What::Import(_) | What::From(..)) {
                imports.push((binding.at, binding.what.clone()));
            }
        }
        imports.sort_by_key(|(at, _)| *at);
        for (_, what) in imports {
            // Reads the imported file, which may import others.
            self.session.deeper(|| match what {
                What::Import(dotted) => self.import(dotted),
                What::From(import, name) if import.level == 0 => {
                    let dotted = import.module.as_ref().map_or("", |module| module.as_str());
                    self.import(dotted);
                    self.part(&format!("{dotted}.{name}"));
                }
                What::From(import, name) => {
                    let dotted = import.module.as_ref().map_or("", |module| module.as_str());
                    let full = if dotted.is_empty() { name.to_owned() } else { format!("{dotted}.{name}") };
                    for dotted in [dotted, &full] {
                        if let Import::Module(found) = self.session.import_relative(module, import.level, dotted) {
                            self.module(found);
                        }
                    }
                }
                _ => {}
            });
        }
    }

    /// All packages on the way are imported, too.
    fn import(&mut self, dotted: &str) {
        let root = dotted.split('.').next().unwrap_or(dotted);
        if root.is_empty() || is_loaded(root) || is_standard(root) {
            return;
        }
        if matches!(self.session.import(root), Import::Outside) {
            self.found.insert(root.to_owned());
            return;
        }
        for (end, _) in dotted.match_indices('.').chain([(dotted.len(), "")]) {
            self.part(&dotted[..end]);
        }
    }

    /// A module of the project, if it is one.
    fn part(&mut self, dotted: &str) {
        if let Import::Module(module) = self.session.import(dotted) {
            self.module(module);
        }
    }
}
