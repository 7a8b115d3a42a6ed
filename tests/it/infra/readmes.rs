//! READMEs of modules and examples hold their inputs and outputs as tables. `PUSHPOOL_UPDATE=1 cargo test -p pushpool-tests
//! --test it -- infra::readmes` writes them.

use hcl::Block;

use super::{attribute, module, root, text};

const MODULES: [&str; 7] = ["pushpool", "launch-role", "cluster", "network", "task-roles", "ecr", "prefect-server"];
const EXAMPLES: [&str; 4] = ["minimal", "complete", "multi-region", "standalone"];
const BEGIN: &str = "<!-- inputs and outputs: written by the test infra::readmes -->";
const END: &str = "<!-- end -->";

/// An expression on one line.
fn written(expression: &hcl::Expression) -> String {
    let text = expression.to_string();
    text.split_whitespace().collect::<Vec<_>>().join(" ").replace("${", "").replace('|', "\\|")
}

fn cell(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ").replace('|', "\\|")
}

/// The type in short: what is in an object, its default or its description says.
fn kind(block: &Block) -> String {
    let Some(kind) = attribute(block.body(), "type") else { return String::new() };
    let text = written(kind);
    let short = if text.len() > 60 { text.split('(').next().unwrap_or_default().to_owned() } else { text };
    format!("`{short}`")
}

fn of<'a>(blocks: &'a [Block], what: &str) -> Vec<&'a Block> {
    blocks.iter().filter(|block| block.identifier() == what).collect()
}

fn tables(path: &str) -> String {
    let blocks = module(path);
    let says = |block: &Block| attribute(block.body(), "description").and_then(text).unwrap_or_default();
    let mut page = String::from("## Inputs\n\n| name | type | default | |\n| --- | --- | --- | --- |\n");
    for block in of(&blocks, "variable") {
        let default =
            attribute(block.body(), "default").map_or_else(|| "required".to_owned(), |it| format!("`{}`", written(it)));
        page +=
            &format!("| `{}` | {} | {default} | {} |\n", block.labels()[0].as_str(), kind(block), cell(&says(block)));
    }
    page += "\n## Outputs\n\n| name | |\n| --- | --- |\n";
    for block in of(&blocks, "output") {
        page += &format!("| `{}` | {} |\n", block.labels()[0].as_str(), cell(&says(block)));
    }
    page
}

#[test]
fn readmes_hold_inputs_and_outputs() {
    let modules = MODULES.iter().map(|name| format!("infra/modules/{name}"));
    let examples = EXAMPLES.iter().map(|name| format!("infra/examples/{name}"));
    let update = std::env::var_os("PUSHPOOL_UPDATE").is_some();
    for path in modules.chain(examples) {
        let file = root().join(&path).join("README.md");
        let page = std::fs::read_to_string(&file).unwrap_or_else(|error| panic!("{path}/README.md: {error}"));
        let (head, rest) = page.split_once(BEGIN).unwrap_or_else(|| panic!("{path}/README.md has no line {BEGIN}"));
        let (_, tail) = rest.split_once(END).unwrap_or_else(|| panic!("{path}/README.md has no line {END}"));
        let expected = format!("{head}{BEGIN}\n\n{}\n{END}{tail}", tables(&path));
        if update {
            std::fs::write(&file, expected).unwrap();
        } else {
            assert!(page == expected, "{path}/README.md is out of date: PUSHPOOL_UPDATE=1 and this test write it");
        }
    }
}

#[test]
fn every_variable_and_output_says_what_it_is() {
    let modules = MODULES.iter().map(|name| format!("infra/modules/{name}"));
    for path in modules.chain(EXAMPLES.iter().map(|name| format!("infra/examples/{name}"))) {
        for block in module(&path).iter().filter(|it| ["variable", "output"].contains(&it.identifier())) {
            assert!(attribute(block.body(), "description").is_some(), "{path}: {}", block.labels()[0].as_str());
        }
    }
}
