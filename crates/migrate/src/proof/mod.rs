//! The requests of the old way beside those of the new.
//!
//! Three renderings: a block's ([`block`]), a worker's ([`worker`]), and pushpool's ([`ours`]), which goes through the very code
//! of the dispatcher. [`compare`] says how two of them differ and why.

pub(crate) mod block;
pub(crate) mod compare;
pub(crate) mod old;
pub(crate) mod ours;
pub(crate) mod resolver;
pub(crate) mod slug;
pub(crate) mod worker;

use prefect_api::models::Object;
use serde_json::Value;

use crate::{mapping::secret, plan::Requests};

/// A copy to show: values of the environment that look secret are hidden.
pub(crate) fn shown(mut requests: Requests) -> Requests {
    let definition = requests.register_task_definition.as_mut().and_then(|it| it.get_mut("containerDefinitions"));
    let overrides = requests.run_task.pointer_mut("/overrides/containerOverrides");
    for container in [definition, overrides].into_iter().flatten().filter_map(Value::as_array_mut).flatten() {
        let environment = container.get_mut("environment").and_then(Value::as_array_mut);
        environment.into_iter().flatten().filter_map(Value::as_object_mut).for_each(hide);
    }
    requests
}

fn hide(entry: &mut Object) {
    let name = entry.get("name").and_then(Value::as_str).unwrap_or_default().to_owned();
    if let Some(value) = entry.get_mut("value") {
        *value = secret::hidden(&name, value);
    }
}

#[cfg(test)]
mod tests;
