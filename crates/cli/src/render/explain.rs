//! Where each value comes from, as a table or as JSON.
//!
//! Of a run that cannot be launched there are no requests to explain. Then the job configuration is explained, as far
//! as it could be rendered: what is refused is in there, and whose it is, is the question.

use ecs::Prepared;
use serde::Serialize;
use serde_json::Value;
use work_pool::{JobConfiguration, Sources};

use crate::{
    args::Output,
    grid::{self, Cell},
    output::{DIM, HEAD},
};

/// How much of a value the table shows, in columns.
const VALUE: usize = 48;

/// One value and its origin.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Origin {
    /// JSON pointer into what `render` prints, or below `/jobConfiguration`.
    pointer: String,
    value: Value,
    origin: String,
}

/// Origins of the values of both requests. `requests` is what `render` prints for them.
pub(super) fn of_requests(
    prepared: &Prepared,
    requests: &Value,
    configuration: &JobConfiguration,
    sources: &Sources,
) -> Vec<Origin> {
    let leaves = ecs::explain(prepared, configuration, sources);
    leaves
        .into_iter()
        .map(|(pointer, origin)| {
            let value = requests.pointer(&pointer).cloned().unwrap_or_default();
            Origin { pointer, value, origin }
        })
        .collect()
}

/// Origins of the values of a job configuration that does not lead to requests.
pub(super) fn of_configuration(configuration: &JobConfiguration, sources: &Sources) -> Vec<Origin> {
    let values = Value::Object(configuration.values.clone());
    sources
        .iter()
        .map(|leaf| {
            let origins = leaf.origins.iter().map(|origin| match &origin.variable {
                Some(variable) => format!("{} (`{variable}`)", origin.layer),
                None => origin.layer.to_string(),
            });
            let all: Vec<String> = origins.chain(leaf.references.iter().map(ToString::to_string)).collect();
            Origin {
                pointer: format!("/jobConfiguration{}", leaf.pointer),
                value: values.pointer(&leaf.pointer).cloned().unwrap_or_default(),
                origin: all.join(", "),
            }
        })
        .collect()
}

/// The origins as text of the asked form, for a terminal of this width or for a file.
pub(super) fn text(origins: &[Origin], form: Output, width: Option<usize>) -> String {
    if form == Output::Json {
        return format!("{:#}\n", serde_json::json!(origins));
    }
    let mut rows = vec![["PLACE", "FROM", "VALUE"].map(|heading| Cell::new(heading).styled(HEAD)).to_vec()];
    let mut rest = origins;
    while let Some((first, others)) = rest.split_first() {
        let folded = others.first().and_then(|second| Some((pair(first, second)?, second)));
        let (place, shown) = match folded {
            Some((place, second)) => {
                rest = &others[1..];
                (place, second)
            }
            None => {
                rest = others;
                (first.pointer.clone(), first)
            }
        };
        let value = grid::cut(&shown.value.to_string(), VALUE);
        rows.push(vec![
            Cell::new(place.trim_start_matches('/')),
            Cell::new(&shown.origin),
            Cell::new(value).styled(DIM),
        ]);
    }
    let mut lines = grid::lines(&rows, width);
    lines.push(String::new());
    lines.join("\n")
}

/// Environment and tags are lists of names and values: two leaves that are one thing to people, named by its name.
fn pair(name: &Origin, value: &Origin) -> Option<String> {
    let place = name.pointer.strip_suffix("/name").or_else(|| name.pointer.strip_suffix("/key"))?;
    let is_pair = value.pointer.strip_prefix(place) == Some("/value") && value.origin == name.origin;
    let (list, _) = place.rsplit_once('/')?;
    is_pair.then(|| format!("{list}/{}", name.value.as_str().unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_table_cuts_values_and_json_does_not() {
        let origins =
            [Origin { pointer: "/runTask/x".into(), value: json!("y".repeat(99)), origin: "template".into() }];
        let table = text(&origins, Output::Text, None);
        let table = anstream::adapter::strip_str(&table).to_string();
        assert_eq!(table.lines().nth(1).unwrap(), format!("runTask/x  template  \"{}…", "y".repeat(46)));
        let document: Value = serde_json::from_str(&text(&origins, Output::Json, None)).unwrap();
        assert_eq!(document[0]["value"], "y".repeat(99));
    }

    #[test]
    fn names_and_their_values_are_one_line() {
        let leaf = |pointer: &str, value: &str, origin: &str| Origin {
            pointer: pointer.into(),
            value: json!(value),
            origin: origin.into(),
        };
        let origins = [
            leaf("/runTask/env/0/name", "A", "flow run"),
            leaf("/runTask/env/0/value", "1", "flow run"),
            leaf("/runTask/tags/0/key", "team", "pool"),
            leaf("/runTask/tags/0/value", "data", "pool"),
            leaf("/runTask/env/1/name", "B", "template"),
            leaf("/runTask/env/1/value", "2", "flow run"),
            leaf("/runTask/name", "n", "template"),
        ];
        let table = anstream::adapter::strip_str(&text(&origins, Output::Text, None)).to_string();
        let places: Vec<&str> = table.lines().skip(1).map(|line| line.split(' ').next().unwrap()).collect();
        let separate = ["runTask/env/1/name", "runTask/env/1/value", "runTask/name"];
        assert_eq!(places, [&["runTask/env/A", "runTask/tags/team"][..], &separate].concat());
    }
}
