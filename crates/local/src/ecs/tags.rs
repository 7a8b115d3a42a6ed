//! Tags.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::errors::refused;
use crate::wire::AwsError;

/// One tag. The value may be left out, which means empty.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
pub(super) struct Tag {
    #[serde(default)]
    pub(super) key: String,
    #[serde(default)]
    pub(super) value: String,
}

/// Tags of one request: [`::ecs::rules::check_tags`] says which are refused.
pub(super) fn check(tags: &[Tag]) -> Result<(), AwsError> {
    let tags: Vec<Value> = tags.iter().map(|tag| json!(tag)).collect();
    refused(::ecs::rules::check_tags(&tags, diagnosis::PP0226))
}

/// Replaces the values of keys that exist and adds the rest (TagResource).
pub(super) fn merge(tags: &mut Vec<Tag>, more: Vec<Tag>) {
    for tag in more {
        match tags.iter_mut().find(|known| known.key == tag.key) {
            Some(known) => known.value = tag.value,
            None => tags.push(tag),
        }
    }
}
