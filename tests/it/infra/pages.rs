//! What docs/*.md say of the module's variables is true: settings in examples can be set, and names in tables are there.

use std::collections::{BTreeMap, BTreeSet};

use hcl::{Block, Body, Expression};
use regex_lite::Regex;

use super::{PUSHPOOL, attribute, files, key_text, member, module, read, root, walk};

/// The variables of a module: name, and the type.
fn variables(path: &str) -> BTreeMap<String, Option<Expression>> {
    let blocks = module(path);
    let declared = blocks.iter().filter(|block| block.identifier() == "variable");
    declared.map(|it| (it.labels()[0].as_str().to_owned(), attribute(it.body(), "type").cloned())).collect()
}

/// Whether an object of that type has the member.
fn has_member(kind: Option<&Expression>, name: &str) -> bool {
    let mut found = false;
    walk(kind.unwrap(), &mut |part| found |= member(part, name).is_some());
    found
}

/// Pages, by path.
fn pages() -> BTreeMap<String, String> {
    let paths = files(&root().join("docs"), ".md");
    paths.into_iter().map(|path| (path.display().to_string(), std::fs::read_to_string(path).unwrap())).collect()
}

/// The fenced blocks of HCL.
fn examples(page: &str) -> Vec<Body> {
    let mut blocks = Vec::new();
    for rest in page.split("```hcl\n").skip(1) {
        blocks.push(hcl::parse(rest.split("```").next().unwrap()).unwrap());
    }
    blocks
}

#[test]
fn modules_in_pages_have_the_variables_that_are_set() {
    let mut seen = 0;
    for (page, text) in pages() {
        for block in examples(&text).into_iter().flat_map(Body::into_blocks).filter(|it| it.identifier() == "module") {
            seen += 1;
            check(&page, &block);
        }
    }
    assert!(seen >= 3, "{seen} examples");
}

fn check(page: &str, block: &Block) {
    let source = attribute(block.body(), "source").and_then(super::text).unwrap();
    let of = format!("infra/modules/{}", source.rsplit('/').next().unwrap());
    let known = variables(&of);
    for set in block.body().attributes().filter(|it| it.key() != "source") {
        let kind = known.get(set.key()).unwrap_or_else(|| panic!("{page}: {of} has no {}", set.key()));
        if let Expression::Object(object) = set.expr() {
            for key in object.keys().filter_map(key_text) {
                assert!(has_member(kind.as_ref(), &key), "{page}: {}.{key}", set.key());
            }
        }
    }
    let required = module(&of);
    let required = required.iter().filter(|it| it.identifier() == "variable");
    for variable in required.filter(|it| attribute(it.body(), "default").is_none()) {
        let name = variable.labels()[0].as_str();
        assert!(attribute(block.body(), name).is_some(), "{page}: {name} has to be set");
    }
}

/// `NAME` or `NAME.MEMBER` in a column of variables, and `OBJECT.MEMBER` anywhere.
#[test]
fn variables_that_pages_name_are_the_modules() {
    let known = variables(PUSHPOOL);
    let objects: BTreeSet<&str> =
        known.iter().filter(|(_, kind)| kind.is_some()).map(|(name, _)| name.as_str()).collect();
    let quoted = Regex::new(r"`([a-z_]+)(?:\.([a-z_]+))?`").unwrap();
    let mut seen = 0;
    for (page, text) in pages() {
        let mut column = None;
        for line in text.lines() {
            let cells: Vec<&str> = line.split('|').map(str::trim).collect();
            match cells.iter().position(|cell| *cell == "variable") {
                Some(index) => column = Some(index),
                None if !line.starts_with('|') => column = None,
                None => {}
            }
            let in_column = column.and_then(|index| cells.get(index)).copied().unwrap_or_default();
            for name in quoted.captures_iter(in_column) {
                seen += 1;
                assert!(known.contains_key(&name[1]), "{page}: the module has no variable {}", &name[1]);
            }
            for name in quoted.captures_iter(line) {
                let (Some(member), true) = (name.get(2), objects.contains(&name[1])) else { continue };
                // `prefect.yaml` is a file.
                if ["yaml", "toml"].contains(&member.as_str()) {
                    continue;
                }
                assert!(has_member(known[&name[1]].as_ref(), member.as_str()), "{page}: {}", &name[0]);
            }
        }
    }
    assert!(seen > 15, "{seen} names");
}

#[test]
fn the_installation_sets_what_the_example_needs() {
    let known = variables("infra/examples/minimal");
    let blocks = module("infra/examples/minimal");
    let page = read("docs/install.md");
    let set: BTreeSet<String> =
        examples(&page).iter().flat_map(|it| it.attributes().map(|it| it.key().to_owned())).collect();
    for name in &set {
        assert!(known.contains_key(name), "the example has no variable {name}");
    }
    for variable in blocks.iter().filter(|it| it.identifier() == "variable") {
        let name = variable.labels()[0].as_str();
        assert!(attribute(variable.body(), "default").is_some() || set.contains(name), "{name} has to be set");
    }
}
