//! Blocks of other infrastructure: Docker, Kubernetes, a process.
//!
//! Tasks on ECS are no replacement that can be assumed, so such a deployment is left. If a user maps it to a pool, the image, the
//! environment and the size are what fits; everything else of the block is listed.

use prefect_api::models::Object;
use serde_json::{Map, Value};

use super::findings::Findings;

/// Fields that say nothing about a run.
const SILENT: [&str; 5] = ["type", "block_type_slug", "name", "env", "image"];

/// The job variables of such a block, for a pool with an image and an environment of its own.
pub(crate) fn job_variables(
    label: &str,
    slug: &str,
    data: &Object,
    overrides: &Object,
    findings: &mut Findings,
) -> Object {
    let mut variables = Map::new();
    if let Some(image) = text(data, "image") {
        variables.insert("image".to_owned(), image.into());
    }
    if let Some(Value::Object(environment)) =
        data.get("env").filter(|env| env.as_object().is_some_and(|it| !it.is_empty()))
    {
        variables
            .insert("env".to_owned(), environment.iter().map(|(name, value)| (name.clone(), as_text(value))).collect());
    }
    if let Some(Value::Array(command)) =
        data.get("command").filter(|command| command.as_array().is_some_and(|it| !it.is_empty()))
    {
        let words: Vec<String> = command.iter().filter_map(Value::as_str).map(str::to_owned).collect();
        variables.insert("command".to_owned(), super::shape::shell_joined(&words).into());
    }
    let carried: &[&str] = match slug {
        "docker-container" => {
            variables.extend(text(data, "mem_limit").and_then(mebibytes).map(|it| ("memory".to_owned(), it.into())));
            &["mem_limit"]
        }
        "kubernetes-job" => {
            let (cpu, memory) = kubernetes_size(data);
            variables.extend(cpu.map(|it| ("cpu".to_owned(), it.into())));
            variables.extend(memory.map(|it| ("memory".to_owned(), it.into())));
            &[]
        }
        _ => &[],
    };
    for (field, value) in data {
        let is_set = !matches!(value, Value::Null | Value::Bool(false))
            && value != ""
            && value.as_array().is_none_or(|it| !it.is_empty())
            && value.as_object().is_none_or(|it| !it.is_empty());
        let overridden = overrides.keys().any(|key| key == field || key.starts_with(&format!("{field}.")));
        if (is_set || overridden)
            && !SILENT.contains(&field.as_str())
            && !carried.contains(&field.as_str())
            && field != "command"
        {
            findings.lost(format!("{label}: {field}"), "a task on ECS has no counterpart");
        }
    }
    variables
}

fn text<'a>(data: &'a Object, field: &str) -> Option<&'a str> {
    data.get(field).and_then(Value::as_str).filter(|text| !text.is_empty())
}

fn as_text(value: &Value) -> Value {
    match value {
        Value::Null | Value::String(_) => value.clone(),
        other => other.to_string().into(),
    }
}

/// `2g`, `512m`, `1048576` of Docker, in MiB.
fn mebibytes(text: &str) -> Option<i64> {
    let text = text.trim().to_lowercase();
    let text = text.strip_suffix('b').unwrap_or(&text);
    let (number, unit) = text.split_at(text.find(|it: char| !it.is_ascii_digit()).unwrap_or(text.len()));
    let number: i64 = number.parse().ok()?;
    match unit {
        "" => Some(number / (1 << 20)),
        "k" => Some(number / 1024),
        "m" => Some(number),
        "g" => number.checked_mul(1024),
        _ => None,
    }
}

/// CPU units and MiB that a job's customizations, or the manifest itself, ask for; limits before requests.
fn kubernetes_size(data: &Object) -> (Option<i64>, Option<i64>) {
    let customizations = match data.get("customizations") {
        Some(Value::String(text)) => serde_json::from_str(text).unwrap_or_default(),
        other => other.cloned().unwrap_or_default(),
    };
    let mut found = (None, None);
    let patches = customizations.as_array().map_or(&[][..], Vec::as_slice);
    for patch in patches {
        let Some(rest) = patch.get("path").and_then(Value::as_str).and_then(|path| path.split_once("/resources"))
        else {
            continue;
        };
        let value = patch.get("value").unwrap_or(&Value::Null);
        let at = |kind: &str, member: &str| -> Option<Value> {
            let whole = format!("/{kind}/{member}");
            let inner = whole.strip_prefix(rest.1)?;
            if inner.is_empty() { Some(value.clone()) } else { value.pointer(inner).cloned() }
        };
        let quantity = |member: &str| at("limits", member).or_else(|| at("requests", member));
        found.0 = quantity("cpu").and_then(|it| cpu_units(&it)).or(found.0);
        found.1 = quantity("memory").and_then(|it| kubernetes_mebibytes(&it)).or(found.1);
    }
    found
}

/// `500m` and `0.5` are half a processor, which is 512 units.
fn cpu_units(quantity: &Value) -> Option<i64> {
    let processors = match quantity {
        Value::Number(number) => number.as_f64()?,
        Value::String(text) => match text.strip_suffix('m') {
            Some(millis) => millis.parse::<f64>().ok()? / 1000.0,
            None => text.parse().ok()?,
        },
        _ => return None,
    };
    #[expect(clippy::cast_possible_truncation, reason = "a number of processors")]
    let units = (processors * 1024.0).round() as i64;
    (units > 0).then_some(units)
}

fn kubernetes_mebibytes(quantity: &Value) -> Option<i64> {
    let text = quantity.as_str()?;
    let (number, unit) = text.split_at(text.find(|it: char| !it.is_ascii_digit() && it != '.').unwrap_or(text.len()));
    let number: f64 = number.parse().ok()?;
    let mebibyte = f64::from(1 << 20);
    let bytes = match unit {
        "" => 1.0,
        "k" => 1e3,
        "M" => 1e6,
        "G" => 1e9,
        "Ki" => 1024.0,
        "Mi" => mebibyte,
        "Gi" => mebibyte * 1024.0,
        _ => return None,
    };
    #[expect(clippy::cast_possible_truncation, reason = "a size in MiB")]
    let size = (number * bytes / mebibyte).ceil() as i64;
    (size > 0).then_some(size)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn sizes_are_read_in_the_terms_of_docker_and_kubernetes() {
        assert_eq!(
            (mebibytes("2g"), mebibytes("512m"), mebibytes("1GB"), mebibytes("x")),
            (Some(2048), Some(512), Some(1024), None)
        );
        let patch = |path: &str, value: Value| {
            let data = json!({"customizations": [{"op": "add", "path": path, "value": value}]});
            kubernetes_size(data.as_object().unwrap())
        };
        let resources = json!({"requests": {"cpu": "500m", "memory": "1Gi"}, "limits": {"memory": "2Gi"}});
        assert_eq!(patch("/spec/template/spec/containers/0/resources", resources), (Some(512), Some(2048)));
        assert_eq!(patch("/spec/template/spec/containers/0/resources/requests/cpu", json!(2)), (Some(2048), None));
        assert_eq!(patch("/metadata/labels/x", json!("y")), (None, None));
    }

    #[test]
    fn what_fits_is_carried_and_the_rest_is_listed() {
        let data = json!({"type": "docker-container", "image": "a:1", "env": {"N": 1}, "mem_limit": "2g",
            "volumes": ["/data:/data"], "privileged": false, "networks": ["etl"]});
        let mut findings = Findings::default();
        let variables = job_variables(
            "docker-container/dock",
            "docker-container",
            data.as_object().unwrap(),
            &Map::new(),
            &mut findings,
        );
        assert_eq!(Value::Object(variables), json!({"image": "a:1", "env": {"N": "1"}, "memory": 2048}));
        let lost: Vec<&str> = findings.not_carried.iter().map(|it| it.setting.as_str()).collect();
        assert_eq!(lost, ["docker-container/dock: volumes", "docker-container/dock: networks"]);
    }
}
