//! What a role may, as IAM simulates it: nothing is tried out.

use aws::{SdkConfig, call::Query};
use roxmltree::Document;

use super::{network::text, trouble::Trouble};

/// Something that a role may or may not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Probe<'a> {
    /// For instance `ecs:RunTask`.
    pub action: &'a str,
    /// ARNs.
    pub resources: Vec<String>,
    /// A condition key and its value.
    pub context: (&'a str, &'a str),
}

/// Asks IAM which of the resources a role may *not* do that on, by its policies and its permissions boundary. Policies of the
/// organisation are not looked at (IAM API reference, SimulatePrincipalPolicy).
///
/// # Errors
/// [`Trouble`].
pub async fn denied(config: &SdkConfig, role_arn: &str, probe: &Probe<'_>) -> Result<Vec<String>, Trouble> {
    const ACTION: &str = "iam:SimulatePrincipalPolicy";
    let (key, value) = probe.context;
    let names: Vec<String> =
        (1..=probe.resources.len()).map(|number| format!("ResourceArns.member.{number}")).collect();
    let mut parameters = vec![
        ("PolicySourceArn", role_arn),
        ("ActionNames.member.1", probe.action),
        ("ContextEntries.member.1.ContextKeyName", key),
        ("ContextEntries.member.1.ContextKeyType", "string"),
        ("ContextEntries.member.1.ContextKeyValues.member.1", value),
    ];
    parameters.extend(names.iter().map(String::as_str).zip(probe.resources.iter().map(String::as_str)));
    let answer = Query::simulate_principal_policy(config).call(&parameters).await;
    let answer = answer.map_err(|error| Trouble::of_call(ACTION, error))?;
    let unreadable = |reason: String| Trouble::NoAnswer { operation: ACTION, reason };
    let decisions = decisions(&answer).map_err(|error| unreadable(format!("it cannot be read: {error}")))?;
    if decisions.len() != probe.resources.len() {
        return Err(unreadable(format!("{} decisions for {} resources", decisions.len(), probe.resources.len())));
    }
    let denied = decisions.into_iter().filter(|(_, decision)| decision != "allowed");
    Ok(denied.map(|(resource, _)| resource).collect())
}

/// Resources and what was decided about each.
fn decisions(answer: &str) -> Result<Vec<(String, String)>, roxmltree::Error> {
    let document = Document::parse(answer)?;
    let results = document.descendants().find(|it| it.tag_name().name() == "EvaluationResults");
    let members = results.into_iter().flat_map(|it| it.children().filter(|it| it.tag_name().name() == "member"));
    let read = |name| move |member| text(member, name).unwrap_or_default();
    let (resource, decision) = (read("EvalResourceName"), read("EvalDecision"));
    Ok(members.map(|member| (resource(member), decision(member))).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_decision_is_of_a_resource() {
        let answer = r#"<SimulatePrincipalPolicyResponse xmlns="https://iam.amazonaws.com/doc/2010-05-08/"><SimulatePrincipalPolicyResult>
            <IsTruncated>false</IsTruncated><EvaluationResults>
            <member><EvalActionName>iam:PassRole</EvalActionName><EvalDecision>allowed</EvalDecision>
                <MatchedStatements><member><SourcePolicyId>p</SourcePolicyId></member></MatchedStatements>
                <EvalResourceName>arn:aws:iam::1:role/a</EvalResourceName></member>
            <member><EvalDecision>implicitDeny</EvalDecision><EvalResourceName>arn:aws:iam::1:role/b</EvalResourceName></member>
            </EvaluationResults></SimulatePrincipalPolicyResult></SimulatePrincipalPolicyResponse>"#;
        let of = |role: &str, decision: &str| (format!("arn:aws:iam::1:role/{role}"), decision.to_owned());
        assert_eq!(decisions(answer).unwrap(), [of("a", "allowed"), of("b", "implicitDeny")]);
        assert!(decisions("<").is_err());
    }
}
