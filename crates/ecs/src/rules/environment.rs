//! Values of the environment, which may be secret, in what a refusal shows: a template can write them into any text.

use serde_json::Value;

use super::{items, text};

/// What is told instead of a text that holds such a value.
pub(super) const HOLDS: &str = "a text with a value of the environment in it";

/// So much of a value tells it: what is shown may end within a longer one.
const TELLS: usize = 12;

/// Shorter values are in too many texts by chance.
const SHORTEST: usize = 4;

/// Whether what was found shows a value of a request's environment.
pub(super) fn shows(request: &Value, found: &str) -> bool {
    let overrides = request.get("overrides").map_or(&[][..], |overrides| items(overrides, "containerOverrides"));
    let containers = items(request, "containerDefinitions").iter().chain(overrides);
    let variables = containers.flat_map(|container| items(container, "environment"));
    // What pushpool itself tells a container about its run is no secret.
    let given = variables.filter(|it| !text(it, "name").is_some_and(|name| name.starts_with("PREFECT__")));
    // Numbers are found where ECS takes numbers.
    let mut values = given.filter_map(|it| text(it, "value")).filter(|value| value.parse::<f64>().is_err());
    values.any(|value| {
        let told: String = value.chars().take(TELLS).collect();
        // As `quoted` writes it.
        let told = format!("{told:?}");
        value.chars().count() >= SHORTEST && found.contains(&told[1..told.len() - 1])
    })
}
