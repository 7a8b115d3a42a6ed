//! Whole documents that are filled in once, such as a deployment of `prefect.yaml`.

use serde_json::Value;

use crate::{
    Error, Policy, Resolver,
    limits::Budget,
    node::{Values, render_value},
    resolve::resolve,
};

/// The document with values and environment put in (Prefect's `apply_values`); none if it is one placeholder that is removed.
/// Blocks and Prefect variables stay as they are written.
///
/// # Errors
///
/// [`Error::Missing`] if the policy refuses placeholders without a value and there are some, [`Error::Depth`] and
/// [`Error::Size`] beyond its limits.
pub fn apply<V: Values + ?Sized>(document: &Value, values: &V, policy: &Policy<'_>) -> Result<Option<Value>, Error> {
    render_value(document, values, policy, &mut Budget::new(policy.limits), 0)
}

/// Puts blocks and Prefect variables into a document (Prefect's `resolve_block_document_references` and then
/// `resolve_variables`). All other placeholders stay as they are written.
///
/// # Errors
///
/// [`Error::Resolve`] and [`Error::UseReference`] at the first reference that fails; [`Error::Missing`] if the policy
/// refuses undefined variables and there are some; [`Error::Depth`] and [`Error::Size`] beyond its limits.
pub fn resolve_all(document: &mut Value, resolver: &dyn Resolver, policy: &Policy<'_>) -> Result<(), Error> {
    policy.limits.check_depth(document, 0)?;
    resolve(document, resolver, policy, &mut Budget::new(policy.limits), 0)
}
