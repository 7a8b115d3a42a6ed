//! Families and their revisions.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Deserialize;
use serde_json::{Value, json};

use super::definition::{Definition, Revision, Spec};
use super::engine::{Engine, typed};
use super::errors::{client, invalid};
use super::paging::{self, Order, Page};
use super::tags::{self, Tag};
use crate::clock::Millis;
use crate::wire::AwsError;

/// Revisions under one name. Numbers are never used twice.
#[derive(Debug, Default)]
pub(super) struct Family {
    last: u64,
    pub(super) revisions: BTreeMap<u64, Revision>,
}

impl Family {
    fn latest_active(&self) -> Option<&Revision> {
        self.active().next()
    }

    /// From the latest.
    fn active(&self) -> impl Iterator<Item = &Revision> {
        self.revisions.values().rev().filter(|revision| revision.is_active())
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct DescribeTaskDefinition {
    task_definition: String,
    #[serde(default)]
    include: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct DeregisterTaskDefinition {
    task_definition: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ListTaskDefinitions {
    family_prefix: Option<String>,
    status: Option<String>,
    sort: Option<String>,
    #[serde(flatten)]
    page: Page,
}

impl Engine {
    pub(super) fn register_task_definition(&mut self, now: Millis, input: Value) -> Result<Value, AwsError> {
        let spec = Spec::of_request(&input)?;
        let tags: Vec<Tag> = input.get("tags").cloned().map(typed).transpose()?.unwrap_or_default();
        tags::check(&tags)?;
        let name = input["family"].as_str().unwrap_or_default().to_owned();
        let number = self.families.get(&name).map_or(0, |family| family.last) + 1;
        let arn = self.arn(&format!("task-definition/{name}:{number}"));
        let registered_by = format!("arn:aws:iam::{}:root", self.account.account_id);
        let definition = Arc::new(Definition::new(arn, number, now, registered_by, input, spec));
        let revision = Revision { definition, registered_at: now, deregistered_at: None, tags };
        let answer = json!({"taskDefinition": revision.describe(), "tags": revision.tags});
        let family = self.families.entry(name).or_default();
        family.last = number;
        family.revisions.insert(number, revision);
        Ok(answer)
    }

    pub(super) fn describe_task_definition(&mut self, input: DescribeTaskDefinition) -> Result<Value, AwsError> {
        let revision =
            self.revision(&input.task_definition).ok_or_else(|| client("Unable to describe task definition."))?;
        let mut answer = json!({"taskDefinition": revision.describe()});
        if input.include.iter().any(|field| field == "TAGS") {
            answer["tags"] = json!(revision.tags);
        }
        Ok(answer)
    }

    pub(super) fn deregister_task_definition(
        &mut self,
        now: Millis,
        input: DeregisterTaskDefinition,
    ) -> Result<Value, AwsError> {
        // "You must specify a revision" (DeregisterTaskDefinitionRequest.taskDefinition).
        let (name, Some(number)) = parse(&input.task_definition) else {
            return Err(invalid("Revision is missing."));
        };
        let revision = number
            .parse()
            .ok()
            .and_then(|number: u64| self.families.get_mut(name)?.revisions.get_mut(&number))
            .ok_or_else(|| client("The specified task definition does not exist."))?;
        revision.deregistered_at.get_or_insert(now);
        Ok(json!({"taskDefinition": revision.describe()}))
    }

    /// "By default, only ACTIVE task definitions are listed", by family and revision; `familyPrefix` is "the full
    /// family name" (ListTaskDefinitionsRequest).
    pub(super) fn list_task_definitions(&mut self, input: ListTaskDefinitions) -> Result<Value, AwsError> {
        let active = input.status.as_deref().unwrap_or("ACTIVE") == "ACTIVE";
        let in_progress = input.status.as_deref() == Some("DELETE_IN_PROGRESS");
        let mut arns: Vec<(String, String)> = self
            .families
            .iter()
            .filter(|(name, _)| input.family_prefix.as_ref().is_none_or(|wanted| wanted == *name))
            .flat_map(|(name, family)| family.revisions.iter().map(move |(number, revision)| (name, number, revision)))
            .filter(|(_, _, revision)| !in_progress && revision.is_active() == active)
            // A space is below every character of a name, so the keys order as the families do.
            .map(|(name, number, revision)| (format!("{name} {number:020}"), revision.definition.arn.clone()))
            .collect();
        let order = if input.sort.as_deref() == Some("DESC") { Order::Descending } else { Order::Ascending };
        if order == Order::Descending {
            arns.reverse();
        }
        paging::answer("taskDefinitionArns", arns, order, &input.page)
    }

    /// Families by the beginning of their name; "By default, both ACTIVE and INACTIVE task definition families are
    /// listed", and ACTIVE means that a revision is (ListTaskDefinitionFamiliesRequest).
    pub(super) fn list_task_definition_families(&mut self, input: ListTaskDefinitions) -> Result<Value, AwsError> {
        let status = input.status.as_deref().unwrap_or("ALL");
        let names = self
            .families
            .iter()
            .filter(|(name, _)| input.family_prefix.as_ref().is_none_or(|start| name.starts_with(start.as_str())))
            .filter(|(_, family)| status == "ALL" || family.latest_active().is_some() == (status == "ACTIVE"))
            .map(|(name, _)| (name.clone(), name.clone()))
            .collect();
        paging::answer("families", names, Order::Ascending, &input.page)
    }

    /// The revision that `family`, `family:revision` or an ARN names; for a family its latest ACTIVE one.
    pub(super) fn revision(&self, reference: &str) -> Option<&Revision> {
        let (name, number) = parse(reference);
        let family = self.families.get(name)?;
        let is_seen = |it: &&Revision| self.is_seen(it.registered_at, self.config.lag.definitions);
        match number {
            None => family.active().find(is_seen),
            Some(number) => family.revisions.get(&number.parse().ok()?).filter(is_seen),
        }
    }

    /// The same, to change it.
    pub(super) fn revision_mut(&mut self, arn: &str) -> Option<&mut Revision> {
        let (name, number) = parse(arn);
        self.families.get_mut(name)?.revisions.get_mut(&number?.parse().ok()?)
    }
}

fn parse(reference: &str) -> (&str, Option<&str>) {
    let name = reference.split_once(":task-definition/").map_or(reference, |(_, name)| name);
    match name.split_once(':') {
        Some((family, revision)) => (family, Some(revision)),
        None => (name, None),
    }
}
