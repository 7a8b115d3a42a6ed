//! From a case that fails to a small one that fails in the same way.
//!
//! Greedy: remove one member or item anywhere in the case, or put something plain in its place; keep what still fails; begin
//! again; stop when nothing can go or the budget of questions is spent. Templates and variables refer to one another by
//! name, which is why the generator's choices are not replayed with smaller ones instead.

use serde_json::{Value, json};

use crate::oracle::Case;

/// Questions to spend on one case.
const BUDGET: usize = 1_500;

/// The smallest case found for which `fails` holds, as it does for `case`.
pub fn shrink(case: &Case, mut fails: impl FnMut(&Case) -> bool) -> Case {
    let mut best = serde_json::to_value(case).expect("a case is JSON");
    let mut budget = BUDGET;
    let mut try_one = |candidate: &Value, budget: &mut usize| {
        let Ok(case) = serde_json::from_value::<Case>(candidate.clone()) else { return false };
        *budget = budget.saturating_sub(1);
        fails(&case)
    };
    for (pointer, plain) in [
        ("/template", json!({})),
        ("/deployment_job_variables", json!({})),
        ("/flow_run_job_variables", Value::Null),
        ("/blocks", json!([])),
        ("/variables", json!({})),
        ("/process_environment", json!({})),
        ("/work_pool/name", json!("p")),
        ("/flow/name", json!("f")),
        ("/flow_run/name", json!("r")),
        ("/deployment/name", json!("d")),
    ] {
        let mut candidate = best.clone();
        if let Some(place) = candidate.pointer_mut(pointer)
            && *place != plain
        {
            *place = plain;
            if try_one(&candidate, &mut budget) {
                best = candidate;
            }
        }
    }
    let parts = [
        "/template/job_configuration",
        "/template/variables",
        "/deployment_job_variables",
        "/flow_run_job_variables",
        "/blocks",
        "/variables",
    ];
    loop {
        let before = best.clone();
        for part in parts {
            let mut pointers = Vec::new();
            if let Some(value) = best.pointer(part) {
                collect(value, part, &mut pointers);
            }
            // Shallow places first: they take the most with them.
            pointers.sort_by_key(|pointer| pointer.matches('/').count());
            for pointer in pointers.into_iter().rev().collect::<Vec<_>>().into_iter().rev() {
                if budget == 0 {
                    break;
                }
                for candidate in smaller(&best, &pointer) {
                    if try_one(&candidate, &mut budget) {
                        best = candidate;
                        break;
                    }
                }
            }
        }
        if budget == 0 || best == before {
            break;
        }
    }
    serde_json::from_value(best).expect("a shrunk case is a case")
}

fn collect(value: &Value, path: &str, pointers: &mut Vec<String>) {
    let escape = |key: &str| key.replace('~', "~0").replace('/', "~1");
    let mut add = |key: String, inner: &Value| {
        let pointer = format!("{path}/{key}");
        pointers.push(pointer.clone());
        collect(inner, &pointer, pointers);
    };
    match value {
        Value::Object(members) => members.iter().for_each(|(key, inner)| add(escape(key), inner)),
        Value::Array(items) => items.iter().enumerate().rev().for_each(|(index, inner)| add(index.to_string(), inner)),
        _ => {}
    }
}

/// `case` without what is at `pointer`, and with something plainer there.
fn smaller(case: &Value, pointer: &str) -> Vec<Value> {
    let Some(value) = case.pointer(pointer) else { return Vec::new() };
    let mut candidates = Vec::new();
    let (parent, key) = pointer.rsplit_once('/').expect("a pointer has a slash");
    let key = key.replace("~1", "/").replace("~0", "~");
    let mut without = case.clone();
    match without.pointer_mut(parent) {
        Some(Value::Object(members)) => {
            members.remove(&key);
            candidates.push(without);
        }
        Some(Value::Array(items)) => {
            items.remove(key.parse().expect("an index"));
            candidates.push(without);
        }
        _ => {}
    }
    let plain = match value {
        Value::String(text) if text.len() > 1 => vec![json!("a")],
        Value::Object(members) if !members.is_empty() => vec![json!({})],
        Value::Array(items) if !items.is_empty() => vec![json!([])],
        Value::Number(number) if number.as_i64() != Some(1) => vec![json!(1)],
        _ => Vec::new(),
    };
    for plain in plain {
        let mut candidate = case.clone();
        if let Some(place) = candidate.pointer_mut(pointer) {
            *place = plain;
            candidates.push(candidate);
        }
    }
    candidates
}
