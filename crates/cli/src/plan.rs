//! A plan as people read it, and the question whether to carry it out. For programs a plan is `json!(plan)`.

use dialoguer::{Confirm, theme::ColorfulTheme};
use manage::plan::{Change, Field, Kind, Plan};

use crate::{
    error::CliError,
    grid::{self, Cell},
    output::{DIM, HEAD},
};

/// A line for each field: `cpu  1024` of a new object, `cpu  512  ->  1024` of one that exists.
pub(crate) fn lines<S>(plan: &Plan<S>, width: Option<usize>) -> Vec<String> {
    let rows: Vec<Vec<Cell>> =
        plan.changes.iter().flat_map(|change| change.fields.iter().map(|field| row(change, field))).collect();
    grid::lines(&rows, width)
}

fn row<S>(change: &Change<S>, field: &Field) -> Vec<Cell> {
    let text = |value: &Option<String>| Cell::new(value.as_deref().unwrap_or("(none)"));
    match change.kind {
        Kind::Create => vec![Cell::new(&field.name), text(&field.new)],
        Kind::Update | Kind::Delete | Kind::Send => {
            vec![Cell::new(&field.name).styled(HEAD), text(&field.old).styled(DIM), Cell::new("->"), text(&field.new)]
        }
    }
}

/// Asks whether to carry out a plan.
///
/// # Errors
/// The user said no, or left the question.
pub(crate) fn confirm(question: &str, default: bool) -> Result<(), CliError> {
    let confirm = Confirm::with_theme(&ColorfulTheme::default()).with_prompt(question).default(default).interact();
    match confirm {
        Ok(true) => Ok(()),
        _ => Err(CliError::Declined),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_object_has_values_and_another_one_has_changes() {
        let changed = |old: Option<&str>, new: Option<&str>| {
            Field::changed("memory", old.map(str::to_owned), new.map(str::to_owned))
        };
        let plan = Plan::new("pools").with(Kind::Create, "a", vec![Field::new("cpu", "256")], ()).with(
            Kind::Update,
            "b",
            vec![changed(Some("4096"), Some("8192")), changed(None, Some("1"))],
            (),
        );
        let lines: Vec<String> =
            lines(&plan, None).iter().map(|line| anstream::adapter::strip_str(line).to_string()).collect();
        assert_eq!(lines, ["cpu     256", "memory  4096    ->  8192", "memory  (none)  ->  1"]);
    }
}
