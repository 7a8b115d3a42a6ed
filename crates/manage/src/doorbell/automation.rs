//! The automation: which events ring, and for which work pools.

use prefect_api::models::AutomationSpec;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::pool::PUSH;

/// States of runs that are worth a look at once: something to start, or something to stop.
const STATES: [&str; 6] = ["Scheduled", "Late", "AwaitingRetry", "AwaitingConcurrencySlot", "Cancelling", "Cancelled"];

/// How events name their work pool: one of these, or any of type `ecs:push` if the user names none.
pub(super) fn pools_named(names: &[String]) -> Value {
    match names {
        [] => json!({"prefect.resource.role": "work-pool", "prefect.work-pool.type": PUSH}),
        names => json!({"prefect.resource.role": "work-pool", "prefect.resource.name": names}),
    }
}

/// The event itself is sent along, which costs the server no look-up.
pub(super) fn automation(name: &str, block: Uuid, pools: Value) -> AutomationSpec {
    AutomationSpec {
        name: name.to_owned(),
        description: format!("Rings pushpool when a run of an {PUSH} work pool is to start or to stop."),
        enabled: true,
        trigger: json!({
            "type": "event",
            "posture": "Reactive",
            "expect": STATES.map(|state| format!("prefect.flow-run.{state}")),
            "match": {"prefect.resource.id": "prefect.flow-run.*"},
            "match_related": pools,
            "for_each": ["prefect.resource.id"],
            "threshold": 1,
            "within": 0,
        }),
        actions: vec![call(block)],
    }
}

fn call(block: Uuid) -> Value {
    json!({"type": "call-webhook", "block_document_id": block, "payload": "{{ event | tojson }}"})
}
