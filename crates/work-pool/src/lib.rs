//! What a Prefect work pool says about a run, without any I/O.
//!
//! A work pool has a *base job template*: a `job_configuration` full of placeholders and a JSON schema of the `variables`
//! they name. A deployment and a flow run bring *job variables*. Out of the three comes the *job configuration* of the
//! run, and it has to be the one a Prefect worker would have built, or a pool could not move from a worker to pushpool
//! and back. So this crate follows prefect 3.9.1 (`workers/base.py`, `utilities/templating`, `utilities/collections`,
//! `server/api/validation.py`) and prefect-aws 0.7.12 (the built-in template) wherever a difference could be seen.
//!
//! ```
//! use serde_json::json;
//! use work_pool::{BaseJobTemplate, Layers, NoReferences};
//!
//! # fn main() -> Result<(), work_pool::WorkPoolError> {
//! let template = BaseJobTemplate::from_value(&json!({}))?;
//! let deployment = json!({"cpu": 512, "env": {"STAGE": "test"}});
//! let layers = Layers { deployment: deployment.as_object(), flow_run: None };
//! template.validate(layers)?;
//! let configuration = template.render(layers, &NoReferences)?;
//! assert_eq!(configuration.values["task_definition"]["cpu"], json!(512));
//! # Ok(())
//! # }
//! ```
//!
//! The crate `templating` finds and replaces the placeholders. This crate says what they may reach (module `policy`) and
//! which values they get.
//!
//! A template is read once: its placeholders are found then, and its schema is compiled when it is first needed.
//! Rendering copies only what ends up in the result. It is a function of its arguments and of nothing else, and the
//! result has its keys in a fixed order (that of writing, which Python shows where it puts a dictionary into text), so
//! that equal runs give equal requests.
//!
//! # On purpose different from Prefect
//!
//! * **`{{ $NAME }}` is always missing.** Prefect reads the environment of the worker there, and since the values of
//!   `env` become templates as soon as the pool has an `env` default, anybody who may create a run could read the
//!   dispatcher's own settings into his container.
//! * **`aws_credentials` is never used.** Tasks are launched with the dispatcher's role. Only `region_name` and
//!   `assume_role_arn` remain, literal or out of the block that is named there, so that they can be compared with what is
//!   used. The block is asked for without its secrets ([`Reference::Credentials`]): a key that is not fetched cannot leak.
//! * **Null unsets a job variable of any type**, `env` and `labels` included, for which Prefect fails.
//! * **Text is replaced in one pass everywhere.** Prefect replaces blocks and variables one after the other in the order
//!   of a hash set, so that a value which itself looks like another placeholder of the same text is replaced in one
//!   process and not in the next. Before 3.9 this went for job variables as well.
//! * **Nesting and size are bounded**, see `PP0112` and `PP0113`.
//! * **Numbers are those of JSON as Rust reads it:** an integer beyond 64 bits and `-0` become floats. In `str()` of a
//!   text, which characters print is decided by Unicode 16; Python's answer depends on its release.
//! * **The environment of a run must be an object.** `dict.update` would also take a list of pairs.
//! * **Validation looks at what will be used:** dotted keys are judged where they lead (under `env` any scalar will do,
//!   for it becomes a string), environments are merged first, references are not judged, and a default that does not
//!   fit excuses only its own variable from being required. Formats are not checked, as on the server.
//!
//! Types are checked here for `env`, `labels`, `command` and `name`, the fields every worker has. The rest is checked
//! by the crate that makes requests of it.

mod allowed;
mod configuration;
mod error;
mod excerpt;
mod measure;
mod near;
mod policy;
mod private;
mod sources;
mod template;
mod unused;
mod validate;
mod variables;

use serde_json::{Map, Value};

pub use templating::{NoReferences, Reference, ResolveError, Resolver, is_reference, placeholder::unfilled};

pub use crate::{
    configuration::JobConfiguration,
    error::{Violation, WorkPoolError},
    excerpt::Excerpt,
    near::{did_you_mean, near},
    sources::{Layer, Origin, Source, Sources},
    template::{BaseJobTemplate, references_in},
    unused::Unused,
    variables::Layers,
};

/// A JSON object, in the order its keys were written.
pub type Object = Map<String, Value>;
