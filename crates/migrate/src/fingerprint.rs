//! A document as one line of text that changes when the document does.

use serde_json::Value;
use sha2::{Digest, Sha256};

/// Members that change without anybody changing the object.
const VOLATILE: [&str; 7] =
    ["active_slots", "block_schema", "created_by", "last_polled", "status", "updated", "updated_by"];

/// Members whose objects are the API's own, like the document itself. Whatever stands elsewhere is the user's.
const OWN: [&str; 5] =
    ["block_document", "block_document_references", "block_type", "global_concurrency_limit", "schedules"];

/// SHA-256 of a document as the API returns it, whatever the order of its keys, without members that change by themselves
/// (`updated`, `last_polled`, `status`, …).
#[must_use]
pub fn fingerprint(document: &Value) -> String {
    let mut text = String::new();
    write(document, true, &mut text);
    hex(&text)
}

/// SHA-256 over fingerprints, in the given order.
pub(crate) fn digest<'a>(fingerprints: impl IntoIterator<Item = &'a str>) -> String {
    hex(&fingerprints.into_iter().collect::<Vec<_>>().join("\n"))
}

fn hex(text: &str) -> String {
    Sha256::digest(text.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Canonical JSON: keys sorted, volatile members of the API's own objects left out. References to blocks are objects of any key.
fn write(value: &Value, own: bool, text: &mut String) {
    match value {
        Value::Object(members) => {
            let mut keys: Vec<&String> =
                members.keys().filter(|key| !own || !VOLATILE.contains(&key.as_str())).collect();
            keys.sort();
            text.push('{');
            for key in keys {
                text.push_str(&Value::from(key.as_str()).to_string());
                text.push(':');
                let member = &members[key];
                let refers = member.get("block_document").is_some();
                write(member, own && (refers || OWN.contains(&key.as_str())), text);
                text.push(',');
            }
            text.push('}');
        }
        Value::Array(items) => {
            text.push('[');
            for item in items {
                write(item, own, text);
                text.push(',');
            }
            text.push(']');
        }
        scalar => text.push_str(&scalar.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn document(updated: &str, status: &str, env: &str) -> Value {
        json!({"name": "a", "updated": updated, "status": status, "tags": ["x", "y"], "job_variables": {"env": {"status": env}},
            "schedules": [{"active": true, "updated": updated}],
            "block_document_references": {"credentials": {"block_document": {"id": 1, "block_type": {"updated": updated}}}}})
    }

    #[test]
    fn neither_the_order_of_keys_nor_a_poll_changes_a_fingerprint() {
        let seen = document("1", "NOT_READY", "x");
        let mut later = document("2", "READY", "x");
        let name = later.as_object_mut().unwrap().shift_remove("name").unwrap();
        later["name"] = name;
        assert_eq!(fingerprint(&seen), fingerprint(&later));
        assert_eq!(fingerprint(&seen).len(), 64);
    }

    #[test]
    fn every_other_change_does() {
        let seen = document("1", "READY", "x");
        let mut others = vec![document("1", "READY", "y"); 4];
        others[1] = json!({"name": "b"});
        others[2]["tags"] = json!(["xy"]);
        others[3] = seen.clone();
        others[3]["schedules"][0]["active"] = json!(false);
        for other in others {
            assert_ne!(fingerprint(&seen), fingerprint(&other), "{other}");
        }
    }
}
