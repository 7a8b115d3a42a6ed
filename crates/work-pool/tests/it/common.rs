//! What the tests of this crate share.

use std::collections::BTreeMap;

use serde_json::Value;
use work_pool::{BaseJobTemplate, JobConfiguration, Layers, Object, ResolveError, Resolver, WorkPoolError};

pub(crate) fn object(value: Value) -> Object {
    match value {
        Value::Object(object) => object,
        other => panic!("{other} is not an object"),
    }
}

/// A server that holds these things.
#[derive(Default)]
pub(crate) struct Server {
    pub(crate) documents: BTreeMap<&'static str, Value>,
    pub(crate) blocks: BTreeMap<(&'static str, &'static str), Value>,
    pub(crate) variables: BTreeMap<&'static str, Value>,
}

impl Resolver for Server {
    fn block_document(&self, id: &str) -> Result<Value, ResolveError> {
        self.documents.get(id).cloned().ok_or(ResolveError::NotFound)
    }

    fn block(&self, type_slug: &str, name: &str) -> Result<Value, ResolveError> {
        let found = self.blocks.iter().find(|(key, _)| **key == (type_slug, name));
        found.map(|(_, data)| data.clone()).ok_or(ResolveError::NotFound)
    }

    fn variable(&self, name: &str) -> Result<Option<Value>, ResolveError> {
        Ok(self.variables.get(name).cloned())
    }
}

/// Renders with the job variables of a deployment and a flow run.
pub(crate) fn render(
    template: &BaseJobTemplate,
    deployment: Value,
    flow_run: Value,
    resolver: &dyn Resolver,
) -> Result<JobConfiguration, WorkPoolError> {
    let (deployment, flow_run) = (object(deployment), object(flow_run));
    template.render(Layers { deployment: Some(&deployment), flow_run: Some(&flow_run) }, resolver)
}
