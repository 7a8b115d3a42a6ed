//! Definitions as `aws ecs describe-task-definition` prints them.
//!
//! People paste them into a base job template. What the answer has beyond a request is left out: it says nothing about the
//! task, and ECS takes it from nobody.

use serde_json::Value;
use work_pool::Object;

use crate::findings::Findings;

/// What DescribeTaskDefinition adds to what RegisterTaskDefinition takes (ECS service model, `TaskDefinition`).
const ANSWERS: [&str; 9] = [
    "compatibilities",
    "deleteRequestedAt",
    "deregisteredAt",
    "registeredAt",
    "registeredBy",
    "requiresAttributes",
    "revision",
    "status",
    "taskDefinitionArn",
];

/// Leaves them out.
pub(crate) fn drop_answers(definition: &mut Object, findings: &mut Findings) {
    if !definition.keys().any(|member| ANSWERS.contains(&member.as_str())) {
        return;
    }
    let mut dropped = Vec::new();
    definition.retain(|member, value: &mut Value| {
        let is_answer = ANSWERS.contains(&member.as_str());
        if is_answer && !value.is_null() {
            dropped.push(format!("`{member}`"));
        }
        !is_answer
    });
    if !dropped.is_empty() {
        findings.notes.push(format!(
            "`task_definition` is the answer of DescribeTaskDefinition. Left out, because RegisterTaskDefinition does not take \
             it: {}.",
            dropped.join(", ")
        ));
    }
}
