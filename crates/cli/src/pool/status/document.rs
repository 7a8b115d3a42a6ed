//! The facts as one JSON document, for programs.

use jiff::Timestamp;
use manage::pool::status::{Facts, UNREAD, verdict, why};
use prefect_api::models::FlowRun;
use serde_json::{Value, json};

/// The facts about one pool.
pub(super) fn of(facts: &Facts, now: Timestamp) -> Value {
    let verdict = verdict::of(facts, now);
    let run = |run: &FlowRun| {
        json!({
            "id": run.id,
            "name": run.name,
            "due": run.due(),
            "state": run.state.as_ref().and_then(|state| state.name.clone()),
            "since": run.state.as_ref().map(|state| state.timestamp),
        })
    };
    json!({
        "name": facts.pool.name,
        "type": facts.pool.pool_type,
        "status": facts.pool.status,
        "is_paused": facts.pool.is_paused,
        "verdict": {"ready": verdict.is_ready(), "state": verdict.word(), "text": verdict.text},
        "last_polled": facts.last_polled(),
        "served_by": verdict::service(facts, now).workers().iter().map(|it| it.name.as_str()).collect::<Vec<_>>(),
        "workers": facts.workers.iter().map(|worker| json!({
            "name": worker.name,
            "status": worker.status,
            "created": worker.created,
            "last_heartbeat_time": worker.last_heartbeat_time,
        })).collect::<Value>(),
        "slots": {
            "used": facts.used(),
            "limit": facts.pool.concurrency_limit,
            "holders": facts.holders.iter().flatten().map(|holder| json!({
                "id": holder.run.id,
                "name": holder.run.name,
                "queue": holder.run.work_queue_name,
                "state": holder.run.state.as_ref().and_then(|state| state.name.clone()),
                "since": holder.run.state.as_ref().map(|state| state.timestamp),
                "because": why(holder),
                "infrastructure": holder.run.infrastructure_pid,
            })).chain(facts.unread.iter().map(|run| json!({"id": run, "because": UNREAD}))).collect::<Value>(),
        },
        "runs": {
            "due": facts.due,
            "late": facts.late,
            "pending": facts.pending,
            "running": facts.running,
            "cancelling": facts.cancelling,
        },
        "oldest_due": facts.oldest_due.as_ref().map(run),
        "oldest_pending": facts.oldest_pending.as_ref().map(run),
        "queues": facts.queues.iter().map(|queue| json!({
            "name": queue.name,
            "priority": queue.priority,
            "concurrency_limit": queue.concurrency_limit,
            "is_paused": queue.is_paused,
            "status": queue.status,
            "last_polled": queue.last_polled,
        })).collect::<Value>(),
        "crashed": facts.crashes.iter().map(|crash| json!({
            "id": crash.run.id,
            "name": crash.run.name,
            "at": crash.at,
            "message": crash.message,
        })).collect::<Value>(),
    })
}
