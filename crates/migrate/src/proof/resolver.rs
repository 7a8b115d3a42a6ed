//! References, answered out of the estate.
//!
//! Blocks come masked, so a secret is asterisks here. That does no harm: renderings are compared and shown, and never sent.
//! The estate has every block and variable that anything of it refers to, so one that is not there does not exist.

use serde_json::Value;
use work_pool::{Reference, ResolveError, Resolver};

use crate::estate::Estate;

/// Answers what the blocks of an estate know.
pub(crate) struct OfEstate<'a>(pub &'a Estate);

impl Resolver for OfEstate<'_> {
    fn block_document(&self, id: &str) -> Result<Value, ResolveError> {
        let block = self.0.blocks.iter().find(|(known, _)| known.to_string() == id);
        block.map(|(_, block)| Value::Object(block.data.clone())).ok_or(ResolveError::NotFound)
    }

    fn block(&self, type_slug: &str, name: &str) -> Result<Value, ResolveError> {
        let is_meant =
            |block: &&crate::estate::Block| block.block_type.slug == type_slug && block.usable_name() == Some(name);
        let block = self.0.blocks.values().find(is_meant);
        block.map(|block| Value::Object(block.data.clone())).ok_or(ResolveError::NotFound)
    }

    fn variable(&self, name: &str) -> Result<Option<Value>, ResolveError> {
        Ok(match &self.0.variables {
            Some(known) => known.get(name).cloned(),
            None => Some(format!("(variable {name})").into()),
        })
    }

    fn credentials(&self, credentials: &Reference) -> Option<Value> {
        let Reference::Credentials { of } = credentials else { return None };
        match &**of {
            Reference::BlockDocument { id } => self.block_document(id).ok().or_else(|| self.nested(id)),
            Reference::Block { type_slug, name } => self.block(type_slug, name).ok(),
            _ => None,
        }
    }
}

impl OfEstate<'_> {
    /// Credentials as they stand in a block that refers to them.
    fn nested(&self, id: &str) -> Option<Value> {
        self.0.blocks.values().find_map(|block| {
            let mut references = block.block_document_references.iter();
            let (field, _) = references.find(|(_, reference)| reference.block_document.id.to_string() == id)?;
            block.data.get(field).cloned()
        })
    }
}
