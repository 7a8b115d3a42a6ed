//! The step that built an image, and pushed it as well, before there were two.

use serde_json::{Value, json};

use crate::mapping::findings::Findings;

/// Name of the step without its module.
const BUILD: &str = "build_docker_image";

/// The output that was the whole name of the image in Prefect 2.10, and is its name without the tag today.
const OLD_OUTPUT: &str = "{{ image_name }}";

/// Takes the pushing out of build steps. Returns the steps that push instead.
pub(super) fn split(build: &mut Value, findings: &mut Findings) -> Vec<Value> {
    let mut pushes = Vec::new();
    for step in build.as_array_mut().into_iter().flatten().filter_map(Value::as_object_mut) {
        for (name, inputs) in step.iter_mut().filter(|(name, _)| name.ends_with(BUILD)) {
            let Some(inputs) = inputs.as_object_mut() else { continue };
            let Some(push) = inputs.shift_remove("push") else { continue };
            let credentials = inputs.shift_remove("credentials");
            findings.note("push_is_a_step", "Building and pushing an image are two steps today.");
            if push == Value::Bool(true) {
                let mut push = json!({"image_name": OLD_OUTPUT, "tag": "{{ tag }}"});
                if let Some(credentials) = credentials {
                    push["credentials"] = credentials;
                }
                let module = name.trim_end_matches(BUILD);
                pushes.push(json!({format!("{module}push_docker_image"): push}));
            }
        }
    }
    pushes
}

/// Whether an image is built by the step of Prefect 2.10.
pub(super) fn is_of_projects(build: Option<&Value>) -> bool {
    let steps = build.and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_object);
    steps.flat_map(serde_json::Map::keys).any(|name| name.ends_with(BUILD) && name.contains(".projects."))
}

/// Puts today's output in the place of the old one.
pub(super) fn rename_output(value: &mut Value) {
    match value {
        Value::String(text) if text == OLD_OUTPUT => *text = "{{ image }}".to_owned(),
        Value::Array(items) => items.iter_mut().for_each(rename_output),
        Value::Object(members) => members.values_mut().for_each(rename_output),
        _ => {}
    }
}
