//! Texts that look like placeholders and that nothing fills in: they would reach the server as they are written.

use diagnosis::PP0704;
use serde_json::Value;
use templating::placeholder::{self, Kind};

use crate::{
    actions::{Actions, Placed},
    draft::Draft,
    flags::token,
    places::dotted,
    problem::{Findings, Problem},
};

/// A text between braces that asks for a value and gets none.
#[derive(Debug, PartialEq, Eq)]
struct Found {
    /// JSON pointer to the value, or to the value of the key.
    pointer: String,
    written: String,
    in_key: bool,
}

/// Refuses them in the values of a deployment. In steps they may be meant for the program that a step runs.
pub(crate) fn check(draft: &Draft, actions: &Actions, findings: &mut Findings) {
    if draft.allows_undefined {
        return;
    }
    for found in draft.values.iter().flat_map(|(key, value)| below(key, value)) {
        let problem = described(&found, draft.problem(PP0704, &found.pointer, found.text()));
        // Braces in prose are rarely meant for placeholders.
        if found.pointer == "/description" { findings.warning(problem) } else { findings.problem(problem) }
    }
    for placed in actions.build.iter().chain(&actions.push).chain(actions.pull.iter().flatten()) {
        step(placed, draft, findings);
    }
}

fn step(placed: &Placed, draft: &Draft, findings: &mut Findings) {
    let mut found = Vec::new();
    collect(&placed.value, "", &mut found);
    for found in found {
        let problem = placed.problem(draft, PP0704, found.text());
        let problem = problem.key(format!("{}.{}", placed.key, dotted(&found.pointer)));
        findings.warning(described(&found, problem));
    }
}

impl Found {
    fn text(&self) -> String {
        let written = &self.written;
        match self.in_key {
            true => format!("`{written}` is a key, and keys are not filled in"),
            false => format!("`{written}` is no placeholder, and stays as it is written"),
        }
    }
}

fn described(found: &Found, problem: Problem) -> Problem {
    problem.help(match found.in_key {
        true => "Write the name itself. Placeholders are filled in where values stand.",
        false => "A placeholder is a name alone, such as `{{ $NAME }}`: without quotes, filters, operators and spaces.",
    })
}

fn below(key: &str, value: &Value) -> Vec<Found> {
    let mut found = Vec::new();
    collect(value, &format!("/{}", token(key)), &mut found);
    found
}

fn collect(value: &Value, at: &str, found: &mut Vec<Found>) {
    match value {
        Value::String(text) => {
            let add = |written: &str| Found { pointer: at.to_owned(), written: written.to_owned(), in_key: false };
            found.extend(in_text(text).into_iter().map(add));
        }
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(index, item)| collect(item, &format!("{at}/{index}"), found));
        }
        Value::Object(entries) => {
            for (key, value) in entries {
                let pointer = format!("{at}/{}", token(key));
                let asks = |kind: Kind<'_>| !matches!(kind, Kind::Standard(_));
                if let Some(placeholder) = placeholder::find(key).find(|it| asks(it.kind())) {
                    let written = placeholder.written(key).to_owned();
                    found.push(Found { pointer: pointer.clone(), written, in_key: true });
                }
                collect(value, &pointer, found);
            }
        }
        _ => {}
    }
}

/// The texts between braces that begin as a placeholder of the environment or the server does, and are none.
fn in_text(text: &str) -> Vec<&str> {
    const BEGINNINGS: [&str; 3] = ["$", "prefect.variables", "prefect.blocks"];
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(start) = text[at..].find("{{").map(|it| at + it) {
        let Some(end) = text[start..].find("}}").map(|it| start + it + 2) else { break };
        let inner = &text[start + 2..end - 2];
        let begins = BEGINNINGS.iter().any(|it| inner.trim_start().starts_with(it));
        let written = &text[start..end];
        if begins && !inner.contains("{{") && placeholder::find(written).next().is_none() {
            found.push(written);
        }
        // The next one may begin between these braces.
        at = if inner.contains("{{") { start + 2 } else { end };
    }
    found
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_what_asks_for_a_value_looks_like_a_placeholder() {
        for (text, expected) in [
            ("{{ $A | default('x') }}", vec!["{{ $A | default('x') }}"]),
            ("{{$A-}}{{ $A }}{{ $A b }}", vec!["{{ $A b }}"]),
            ("{{ prefect.variables.m['a'] }}", vec!["{{ prefect.variables.m['a'] }}"]),
            ("{{ prefect.blocks.secret.a | upper }}", vec!["{{ prefect.blocks.secret.a | upper }}"]),
            ("{{ {{ $A }} }} {{ $B ! }}", vec!["{{ $B ! }}"]),
            ("{{ 'a' }} {{ a | b }} {{ range $i }} {{ }} {{ $A", vec![]),
            ("größe {{ $ü ? }} größe", vec!["{{ $ü ? }}"]),
        ] {
            assert_eq!(in_text(text), expected, "{text}");
        }
    }

    #[test]
    fn keys_are_not_filled_in() {
        let found = below("work_pool", &json!({"env": {"{{ $A }}": "{{ $B }}", "{{ a.b }}": 1, "x": ["{{ $C c }}"]}}));
        let told: Vec<_> = found.iter().map(|it| (it.pointer.as_str(), it.written.as_str(), it.in_key)).collect();
        assert_eq!(told, [("/work_pool/env/{{ $A }}", "{{ $A }}", true), ("/work_pool/env/x/0", "{{ $C c }}", false)]);
    }
}
