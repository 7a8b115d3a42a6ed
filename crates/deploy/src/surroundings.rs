//! What the server and the process have for the deployments: values for placeholders, pools, versions.

use std::collections::HashMap;

use diagnosis::{PP0704, PP0709};
use manage::{ManageError, server::Server};
use prefect_api::{
    Transport,
    models::{ListedPool, WorkPool},
};
use serde_json::Value;
use steps::Secrets;

use crate::{
    actions::{self, Actions},
    draft::{Draft, Object},
    fill::{Fetched, Filling, problems},
    fit,
    problem::Findings,
    request::{DeployError, Request},
    snapshot,
    version::{self, Version},
};

/// What placeholders are filled with, and the version of the server.
pub(crate) async fn surroundings<T: Transport>(
    server: &Server<T>,
    request: &Request,
    drafts: &[(Draft, Actions)],
) -> Result<(Filling, Option<String>), DeployError> {
    let mut named: Vec<Value> = Vec::new();
    for (draft, actions) in drafts {
        named.push(Value::Object(draft.values.clone()));
        named.push(actions::values(&actions.build));
        named.push(actions::values(&actions.push));
        // Their blocks are looked at, not filled in.
        named.extend(actions.pull.as_deref().map(actions::values));
    }
    let named: Vec<&Value> = named.iter().collect();
    let (fetched, version) = tokio::join!(Fetched::of(&server.client, &named), server.client.server_version());
    let version = match version {
        Ok(version) => Some(version),
        // Prefect Cloud has no such page.
        Err(error) if error.is_not_found() => None,
        Err(error) => return Err(server.told(error).into()),
    };
    if let Some(version) = &version
        && (version.starts_with("2.") || version.starts_with("0."))
    {
        let help = "Upgrade the server, or use `prefect deploy` of the same version.".to_owned();
        let summary = format!("the server runs Prefect {version}, and `pushpool deploy` needs Prefect 3");
        return Err(ManageError::Explained { summary, detail: String::new(), help }.into());
    }
    let filling =
        Filling { environment: request.environment.clone(), allow_undefined: request.allow_undefined, fetched };
    Ok((filling, version))
}

/// The values with the surroundings put in; none if one of them has no value.
pub(crate) fn filled(draft: &Draft, filling: &Filling, findings: &mut Findings) -> Option<Value> {
    let mut filled = Object::new();
    let mut complete = true;
    // Each key for itself, so that all problems are told at once.
    for (key, value) in &draft.values {
        match filling.surroundings(value) {
            Ok(value) => {
                filled.insert(key.clone(), value);
            }
            Err(error) => {
                complete = false;
                problems(&error, draft, &format!("/{key}")).into_iter().for_each(|it| findings.problem(it));
            }
        }
    }
    complete.then_some(Value::Object(filled))
}

/// The pools that the deployments name.
pub(crate) async fn pools<T: Transport>(
    server: &Server<T>,
    values: &[Option<Value>],
    findings: &mut Findings,
    drafts: &[(Draft, Actions)],
) -> Result<HashMap<String, WorkPool>, DeployError> {
    let name_of = |values: &Value| values.pointer("/work_pool/name").and_then(Value::as_str).map(str::to_owned);
    let mut names: Vec<String> = values.iter().flatten().filter_map(name_of).filter(|it| !it.is_empty()).collect();
    names.sort_unstable();
    names.dedup();
    let told = |error| server.told(error);
    let pools = snapshot::pools(&server.client, &names).await.map_err(told)?;
    let mut all: Option<Vec<String>> = None;
    for ((draft, _), values) in drafts.iter().zip(values) {
        let Some(values) = values else { continue };
        match name_of(values).filter(|name| !name.is_empty()) {
            None => {
                let text = "no work pool is named";
                let help = "Add `work_pool: {name: ...}`, or name one with `-p`.";
                findings.problem(draft.problem(PP0709, "/work_pool/name", text).help(help));
            }
            Some(name) if pools.iter().any(|it| it.name == name) || name.contains("{{") => {}
            Some(name) => {
                if all.is_none() {
                    let listed: Vec<ListedPool> = server.client.all_pools().await.map_err(told)?;
                    all = Some(listed.into_iter().map(|pool| pool.name).collect());
                }
                findings.problem(fit::no_such_pool(draft, &name, all.as_deref().unwrap_or_default()));
            }
        }
    }
    Ok(pools.into_iter().map(|pool| (pool.name.clone(), pool)).collect())
}

/// Values of blocks, to be masked; with a warning where one is stored readable.
pub(crate) fn secrets(drafts: &[(Draft, Actions)], filling: &Filling, findings: &mut Findings) -> Secrets {
    let secrets = Secrets::default();
    filling.fetched.blocks().for_each(|data| secrets.add_value(data));
    for (draft, _) in drafts {
        for (pointer, block) in crate::fill::blocks_in(&Value::Object(draft.values.clone())) {
            let text = format!("the value of {block} is stored readable in the deployment");
            let help = "Everyone who may read deployments can read it. Pull steps keep the reference instead; ECS secrets keep it out of both.";
            findings.warning(draft.problem(PP0704, &pointer, text).help(help));
        }
    }
    secrets
}

/// Versions that come from the surroundings, each type asked for once.
#[derive(Default)]
pub(crate) struct Versions {
    known: HashMap<Option<String>, Option<Version>>,
}

impl Versions {
    pub(crate) fn of(&mut self, draft: &Draft, request: &Request) -> Option<Version> {
        let kind = draft.text("/version_type").map(str::to_owned);
        if draft.text("/version").is_some() || kind.as_deref() == Some("prefect:simple") {
            return None;
        }
        let infer = || version::inferred(&request.folder, &request.environment, kind.as_deref());
        self.known.entry(kind.clone()).or_insert_with(infer).clone()
    }
}
