//! The tables of variables, as docs/functions.md and the documentation of the functions show them.

use std::fmt::Write;

use crate::{Function, Mode, Preset, SetBy, Variable, variables};

/// The variables of a function as a table of Markdown.
#[must_use]
pub fn table(function: Function) -> String {
    let mut page = String::from("| variable | meaning | default | set by |\n| --- | --- | --- | --- |\n");
    for variable in variables::of(function).filter(|variable| variable.set_by != SetBy::Tests) {
        let Variable { name, meaning, set_by, .. } = variable;
        // Only the dispatcher runs without a server.
        let when = match variable.mode {
            Mode::Server if function == Function::Dispatcher => "with a server: ",
            Mode::Standalone => "standalone: ",
            _ => "",
        };
        let set_by = match set_by {
            SetBy::Module => "the module",
            SetBy::Operator => "`more_environment`",
            SetBy::Lambda => "Lambda",
            SetBy::Tests => "tests",
        };
        let _ = writeln!(page, "| `{name}` | {when}{meaning} | {} | {set_by} |", default(variable, function));
    }
    page
}

fn default(variable: &Variable, function: Function) -> String {
    if variable.is_required_by(function) {
        return "required".to_owned();
    }
    match variable.preset {
        Preset::None => "none".to_owned(),
        Preset::Number(number) => number.to_string(),
        Preset::Flag(flag) => flag.to_string(),
        Preset::Text(text) | Preset::Derived(text) => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_says_what_is_required_of_whom() {
        let of = |function: Function, name: &str| {
            let table = table(function);
            table.lines().find(|line| line.contains(&format!("| `{name}` |"))).map(str::to_owned)
        };
        assert!(of(Function::Poller, "PREFECT_API_URL").unwrap().contains("| required |"));
        assert!(of(Function::Dispatcher, "PREFECT_API_URL").unwrap().contains("| none |"));
        assert!(of(Function::Dispatcher, "PUSHPOOL_EVENT_BUS").unwrap().contains("standalone: "));
        assert!(of(Function::Poller, "PUSHPOOL_HORIZON").unwrap().contains("| 60 |"));
        assert_eq!(of(Function::Observer, "PUSHPOOL_TEST_CLAIM_GRACE"), None);
    }
}
