//! Whole documents that are filled in once, such as a deployment of `prefect.yaml`.

use serde_json::Value;

use crate::{
    Policy, Resolver, TemplatingError,
    limits::Budget,
    node::{Values, render_value},
    resolve::resolve,
};

/// The document with values and environment put in (Prefect's `apply_values`); none if it is one placeholder that is removed.
/// Blocks and Prefect variables stay as they are written.
///
/// # Errors
///
/// [`TemplatingError::Missing`] if the policy refuses placeholders without a value and there are some, [`TemplatingError::Depth`] and
/// [`TemplatingError::Size`] beyond its limits.
pub fn apply<V: Values + ?Sized>(
    document: &Value,
    values: &V,
    policy: &Policy<'_>,
) -> Result<Option<Value>, TemplatingError> {
    render_value(document, values, policy, &mut Budget::new(policy.limits), 0)
}

/// Puts blocks and Prefect variables into a document (Prefect's `resolve_block_document_references` and then
/// `resolve_variables`). All other placeholders stay as they are written.
///
/// # Errors
///
/// [`TemplatingError::Resolve`] and [`TemplatingError::UseReference`] at the first reference that fails; [`TemplatingError::Missing`] if the policy
/// refuses undefined variables and there are some; [`TemplatingError::Depth`] and [`TemplatingError::Size`] beyond its limits.
pub fn resolve_all(document: &mut Value, resolver: &dyn Resolver, policy: &Policy<'_>) -> Result<(), TemplatingError> {
    policy.limits.check_depth(document, 0)?;
    resolve(document, resolver, policy, &mut Budget::new(policy.limits), 0)
}
