//! ARNs of another region than the one that is asked.
//!
//! A client of one region cannot name the cluster or the definition of another: ECS answers "Invalid Region in ARN"
//! (<https://github.com/aws/aws-cli/issues/3175>).

use serde_json::Value;

use super::{REGION, Refusal, invalid, quoted, text};

pub(super) fn check(request: &Value, region: &str) -> Vec<Refusal> {
    let mut out = Vec::new();
    if region.is_empty() {
        return out;
    }
    for (member, variable) in [("cluster", "cluster"), ("taskDefinition", "task_definition_arn")] {
        let Some(arn) = text(request, member).filter(|it| it.starts_with("arn:")) else { continue };
        let theirs = arn.split(':').nth(3).unwrap_or_default();
        if theirs != region && !theirs.is_empty() {
            out.push(invalid(REGION, "Invalid Region in ARN").at(member, quoted(arn)).wants(
                format!("an ARN of {region}, where this dispatcher launches"),
                format!("Set `{variable}` to one of {region}, or run a dispatcher in {theirs}."),
            ));
        }
    }
    out
}
