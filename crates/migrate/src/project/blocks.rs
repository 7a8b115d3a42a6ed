//! Blocks as artefacts hold them: written into the deployment, with the asterisks of their secrets.

use prefect_api::models::Object;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::mapping::{ecs_task, findings::Findings, secret};

/// A block in an artefact.
#[derive(Debug, Clone)]
pub(super) struct Embedded {
    pub slug: String,
    /// Its name, if it is one by which a placeholder may refer to it.
    pub name: Option<String>,
    pub id: Uuid,
    pub data: Object,
}

/// Members that Prefect adds to the fields of a block.
const OWN: [&str; 5] =
    ["_block_document_id", "_block_document_name", "_is_anonymous", "_block_type_slug", "block_type_slug"];

impl Embedded {
    /// Reads a block; nothing where there is none.
    pub(super) fn read(value: Option<&Value>) -> Option<Self> {
        let block = value?.as_object()?;
        let text = |key: &str| block.get(key).and_then(Value::as_str).filter(|text| !text.is_empty());
        let slug = text("block_type_slug").or_else(|| text("_block_type_slug")).or_else(|| text("type"))?.to_owned();
        let is_anonymous = block.get("_is_anonymous") == Some(&Value::Bool(true));
        let name = text("_block_document_name").filter(|_| !is_anonymous).map(str::to_owned);
        let written = Value::Object(block.clone()).to_string();
        let id = text("_block_document_id").and_then(|id| Uuid::parse_str(id).ok());
        let id = id.unwrap_or_else(|| Uuid::new_v5(&Uuid::NAMESPACE_OID, written.as_bytes()));
        let data = block.iter().filter(|(key, _)| !OWN.contains(&key.as_str()));
        Some(Self { slug, name, id, data: data.map(|(key, value)| (key.clone(), value.clone())).collect() })
    }

    /// The block as the API returns it.
    pub(super) fn document(&self) -> Value {
        let references: Map<String, Value> = self
            .data
            .iter()
            .filter_map(|(field, value)| Some((field.clone(), Self::read(Some(value))?)))
            .filter(|(_, block)| block.name.is_some())
            .map(|(field, block)| (field, json!({"block_document": block.identity()})))
            .collect();
        let mut document = self.identity();
        document["data"] = Value::Object(self.data.clone());
        document["block_document_references"] = Value::Object(references);
        document
    }

    fn identity(&self) -> Value {
        json!({"id": self.id, "name": self.name, "is_anonymous": self.name.is_none(), "block_type": {"slug": self.slug}})
    }

    /// Whether it is an ECSTask without a name. Its pool is made for one deployment, which then says itself what it needs.
    pub(super) fn is_anonymous_ecs_task(&self) -> bool {
        self.name.is_none() && self.slug == ecs_task::SLUG
    }

    /// Moves what a deployment can set by itself into its overrides. Overrides that are there already win.
    pub(super) fn move_to_overrides(&mut self, overrides: &mut Object, findings: &mut Findings) {
        for field in MOVED {
            let is_default =
                self.data.get(field).is_none_or(is_empty) || self.data.get(field) == Some(&json!("FARGATE"));
            let Some(mut value) = self.data.get(field).filter(|_| !is_default).cloned() else { continue };
            self.data.remove(field);
            if !overrides.contains_key(field) {
                remove_secrets(field, &mut value, findings);
                overrides.insert(field.to_owned(), value);
            }
        }
    }
}

/// Fields of an ECSTask that are job variables under the same name.
const MOVED: [&str; 9] =
    ["env", "image", "cpu", "memory", "labels", "launch_type", "cluster", "task_role_arn", "execution_role_arn"];

fn is_empty(value: &Value) -> bool {
    value.is_null() || value.as_object().is_some_and(Map::is_empty)
}

fn remove_secrets(field: &str, value: &mut Value, findings: &mut Findings) {
    let Some(members) = value.as_object_mut() else { return };
    members.retain(|name, value| {
        let is_secret = secret::is_secret(name, value);
        if is_secret {
            findings.lost(
                format!("{field}.{name}"),
                "it looks like a secret, and an anonymous block cannot be referred to: save it as a Secret block and refer to that",
            );
        }
        !is_secret
    });
}
