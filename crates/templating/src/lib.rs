//! Prefect's placeholders in JSON-like documents, without any I/O.
//!
//! Two kinds of documents hold them: base job templates of work pools, and `prefect.yaml`. Both write `{{ name }}`,
//! `{{ name.path[0] }}`, `{{ prefect.blocks.type.name.path }}`, `{{ prefect.variables.name }}` and `{{ $NAME }}`, and
//! Prefect treats both with the same functions (prefect 3.8.8 and 3.9.1, `utilities/templating`). They differ in what a
//! placeholder may reach and in what becomes of one without a value, so those decisions are a parameter: the [`Policy`].
//!
//! ```
//! use serde_json::json;
//! use templating::{Environment, Limits, Missing, Policy, apply};
//!
//! # fn main() -> Result<(), templating::TemplatingError> {
//! let environment = |name: &str| (name == "STAGE").then(|| "test".to_owned());
//! let policy = Policy {
//!     environment: Environment::From(&environment),
//!     undefined: Missing::Refuse,
//!     unknown: Missing::Remove,
//!     kept: &["ctx."],
//!     limits: Limits { depth: 100, bytes: 1 << 20 },
//! };
//! let outputs = json!({"build": {"image": "flows:1"}});
//! let deployment = json!({"image": "{{ build.image }}", "tags": ["{{ $STAGE }}"], "note": "{{ ctx.flow.name }}"});
//! let filled = apply(&deployment, outputs.as_object().unwrap(), &policy)?;
//! assert_eq!(filled, Some(json!({"image": "flows:1", "tags": ["test"], "note": "{{ ctx.flow.name }}"})));
//! # Ok(())
//! # }
//! ```
//!
//! There are two passes, and a caller decides which it makes, over what and when: [`apply()`] (or a compiled [`Node`])
//! puts values and the environment in and leaves blocks and Prefect variables as they are written; [`resolve_all`] puts
//! those in and leaves everything else. A pull step of `prefect.yaml`, whose blocks the container resolves, gets the first
//! pass only.
//!
//! A document has several authors, and some may only choose the values. So everything that copies or descends spends from
//! a [`Budget`], and no error text holds a value: errors name placeholders, references and places.

mod apply;
mod error;
mod limits;
mod node;
pub mod placeholder;
pub mod pointer;
mod policy;
pub mod python;
mod reference;
mod resolve;

pub use crate::{
    apply::{apply, resolve_all},
    error::{ResolveError, TemplatingError, Unfilled},
    limits::{Budget, Limits, depth_of, may_hold_placeholder},
    node::{Lookup, Node, Segment, Values, render_value},
    policy::{Environment, Missing, Policy},
    reference::{Reference, References, is_reference, names_block},
    resolve::{NoReferences, Resolver, resolve},
};
