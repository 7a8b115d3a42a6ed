//! Flags of `docker buildx build` for the arguments of python-on-whales, in its order.

use std::path::Path;

use serde_json::Value;

use super::{build::Image, classic::Flags};
use crate::{error::Problem, inputs, step::Object};

pub(super) fn check(given: &Object) -> Vec<Problem> {
    let several = platforms(given).len() > 1 && !inputs::flag(given, "push", false);
    let problem = "an image for several platforms cannot be loaded into docker; set `push: true`, or build for one";
    several.then(|| Problem::invalid("platforms", problem)).into_iter().collect()
}

fn platforms(given: &Object) -> Vec<&str> {
    let platforms = inputs::texts(given, "platforms");
    if platforms.is_empty() { inputs::texts(given, "platform") } else { platforms }
}

/// The arguments behind `docker`.
pub(super) fn arguments(given: &Object, image: &Image, directory: &Path) -> Vec<String> {
    let context = super::build::directory_of(inputs::text(given, "path").unwrap_or_default(), directory);
    let mut flags = Flags(vec!["buildx".to_owned(), "build".to_owned()]);
    flags.option("--progress", inputs::text(given, "progress").filter(|progress| *progress != "auto"));
    flags.pairs("--add-host", given, "add_hosts", ':');
    flags.all("--allow", inputs::texts(given, "allow"));
    flags.option("--attest", map(given.get("attest")));
    flags.pairs("--build-arg", given, "build_args", '=');
    flags.pairs("--build-context", given, "build_contexts", '=');
    flags.option("--builder", inputs::text(given, "builder"));
    flags.all("--label", image.labels(given));
    flags.option("--ssh", inputs::text(given, "ssh"));
    attestation(&mut flags, given, "provenance");
    flags.switch("--pull", inputs::flag(given, "pull", true));
    flags.switch("--push", inputs::flag(given, "push", false));
    attestation(&mut flags, given, "sbom");
    flags.switch("--load", inputs::flag(given, "load", false));
    flags.option("--metadata-file", inputs::text(given, "metadata_file"));
    flags.option("--file", Some(image.file(&context, false)));
    flags.option("--target", inputs::text(given, "target"));
    for input in ["cache_from", "cache_to"] {
        flags.all(&format!("--{}", input.replace('_', "-")), maps(given.get(input)));
    }
    flags.all("--secret", inputs::texts(given, "secrets"));
    flags.option("--output", map(given.get("output")));
    let platforms = platforms(given);
    flags.option("--platform", (!platforms.is_empty()).then(|| platforms.join(",")));
    flags.option("--network", inputs::text(given, "network"));
    flags.switch("--no-cache", !inputs::flag(given, "cache", true));
    flags.all("--tag", image.references());
    if is_loaded(given) {
        flags.option("--iidfile", Some(image.id_file()));
    }
    flags.0.push(context);
    flags.0
}

/// Whether the image is one of docker's afterwards, and so has an id.
pub(super) fn is_loaded(given: &Object) -> bool {
    let output = given.get("output").and_then(Value::as_object).filter(|output| !output.is_empty());
    let to_docker = |output: &Object| inputs::text(output, "type") == Some("docker") && !output.contains_key("dest");
    inputs::flag(given, "load", false) || (!inputs::flag(given, "push", false) && output.is_none_or(to_docker))
}

fn attestation(flags: &mut Flags, given: &Object, input: &str) {
    match given.get(input) {
        Some(Value::Bool(on)) => flags.0.push(format!("--{input}={on}")),
        other => flags.option(&format!("--{input}"), map(other)),
    }
}

/// `key=value,key=value` of a mapping; a text as it is.
fn map(value: Option<&Value>) -> Option<String> {
    match value? {
        Value::String(text) => Some(text.clone()),
        Value::Object(entries) if !entries.is_empty() => {
            let pairs = entries.iter().map(|(name, value)| format!("{name}={}", inputs::written(value)));
            Some(pairs.collect::<Vec<_>>().join(","))
        }
        _ => None,
    }
}

fn maps(value: Option<&Value>) -> Vec<String> {
    match value {
        Some(Value::Array(items)) => items.iter().filter_map(|item| map(Some(item))).collect(),
        other => map(other).into_iter().collect(),
    }
}
