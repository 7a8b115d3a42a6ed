//! The functions: there, of one version, told what belongs together, and fed by their queues.

use std::collections::{BTreeMap, BTreeSet};

use base64::{Engine, prelude::BASE64_STANDARD};
use installation::{Function, Mode, Queue, variables};
use serde_json::Value;

use super::{
    finding::{Findings, Status},
    prefect::Seen,
};
use crate::account::{FunctionFacts, Installation, MappingFacts};

/// The functions that there are, by the part of their names behind the prefix.
#[derive(Debug, Default)]
pub(super) struct Functions {
    pub(super) all: BTreeMap<&'static str, FunctionFacts>,
    /// Whether the dispatcher runs without a server.
    pub(super) standalone: bool,
}

impl Functions {
    /// Which functions and queues there should be.
    pub(super) fn mode(&self) -> Mode {
        if self.standalone { Mode::Standalone } else { Mode::Server }
    }

    /// A variable of a function.
    pub(super) fn variable(&self, function: &str, name: &str) -> Option<&str> {
        self.all.get(function)?.environment.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// Items of a variable that is a list.
    pub(super) fn list(&self, function: &str, name: &str) -> BTreeSet<String> {
        let items = self.variable(function, name).unwrap_or_default().split(',');
        items.map(str::trim).filter(|item| !item.is_empty()).map(str::to_owned).collect()
    }
}

pub(super) async fn check(
    installation: &Installation,
    prefix: &str,
    seen: &Seen,
    manifest: Option<&Value>,
    findings: &mut Findings,
) -> Functions {
    let mut functions = Functions::default();
    let (mut missing, mut troubled) = (Vec::new(), false);
    for function in Function::ALL {
        let name = function.name();
        match installation.function(&function.full_name(prefix)).await {
            Ok(Some(facts)) => {
                functions.all.insert(name, facts);
            }
            Ok(None) if !function.is_optional() => missing.push(function),
            Ok(None) => {}
            Err(trouble) => {
                troubled = true;
                findings.not_checked(&format!("function {name}"), &trouble);
            }
        }
    }
    functions.standalone =
        functions.all.contains_key("dispatcher") && functions.variable("dispatcher", variables::API_URL.name).is_none();
    for name in missing.iter().filter(|name| name.is_in(functions.mode())) {
        let todo = "Apply the module, or give --prefix and --region as the installation has them.";
        findings.add(Status::Failed, &format!("function {name}"), format!("there is no {prefix}-{name}"), todo);
    }
    for (name, facts) in &functions.all {
        let (status, what, todo) = ready(facts);
        findings.add(status, &format!("function {name}"), what, todo);
    }
    if !functions.all.is_empty() {
        versions(&functions, findings);
        if !troubled {
            code(&functions, manifest, findings);
        }
        settings(&functions, prefix, seen, findings);
        for function in Function::ALL.into_iter().filter(|it| functions.all.contains_key(it.name())) {
            let queues: Vec<Queue> = function.sources().filter(|queue| queue.is_in(functions.mode())).collect();
            if !queues.is_empty() {
                mappings(installation, prefix, function, &queues, findings).await;
            }
        }
        loops(installation, prefix, &functions, findings).await;
    }
    functions
}

/// What Lambda does when a function that queues feed is invoked too often in one chain of messages.
async fn loops(installation: &Installation, prefix: &str, functions: &Functions, findings: &mut Findings) {
    const CHECK: &str = "loops";
    let mut settings = Vec::new();
    for function in Function::ALL {
        if function.sources().next().is_none() || !functions.all.contains_key(function.name()) {
            continue;
        }
        match installation.recursive_loop(&function.full_name(prefix)).await {
            Ok(setting) => settings.push((function.name(), setting)),
            Err(trouble) => return findings.not_checked(CHECK, &trouble),
        }
    }
    let (status, what, todo) = stops(&settings);
    findings.add(status, CHECK, what, todo);
}

/// Whether Lambda stops loops, by function and its `RecursiveLoop`.
fn stops(settings: &[(&str, String)]) -> (Status, String, &'static str) {
    let (allowed, stopped): (Vec<_>, Vec<_>) = settings.iter().partition(|(_, setting)| setting == "Allow");
    let names = |of: Vec<&(&str, String)>| of.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ");
    if allowed.is_empty() {
        let what = format!("Lambda stops loops through {}; pushpool's longest chain is shorter", names(stopped));
        return (Status::Ok, what, "");
    }
    let todo = "Nothing depends on it, but a defect could loop: `aws lambda put-function-recursion-config --recursive-loop \
                Terminate` restores Lambda's default.";
    let what = format!("Lambda does not stop loops through {} (RecursiveLoop is Allow)", names(allowed));
    (Status::Warning, what, todo)
}

/// Whether a function can be invoked.
fn ready(facts: &FunctionFacts) -> (Status, String, &'static str) {
    let FunctionFacts { state, last_update, description, timeout, .. } = facts;
    match (state.as_str(), last_update.as_str()) {
        // Idle functions are made active by the first invocation.
        ("Active" | "Inactive", "Successful" | "") => (Status::Ok, format!("{state}, {timeout} s, {description}"), ""),
        (_, "InProgress") | ("Pending", _) => {
            (Status::Warning, format!("{state}, its update is {last_update}"), "Look again in a minute.")
        }
        _ => {
            let todo = "`aws lambda get-function-configuration` says why; deploy it again.";
            (Status::Failed, format!("{state}, its last update: {last_update}"), todo)
        }
    }
}

/// `pushpool 0.1.0 (0123456789ab): what it does`, as the module writes it.
fn version(description: &str) -> Option<&str> {
    description.strip_prefix("pushpool ")?.split_once(':').map(|(version, _)| version)
}

fn versions(functions: &Functions, findings: &mut Findings) {
    const CHECK: &str = "versions";
    let all: BTreeSet<&str> = functions.all.values().filter_map(|it| version(&it.description)).collect();
    let own = env!("CARGO_PKG_VERSION");
    match all.iter().copied().collect::<Vec<_>>().as_slice() {
        [] => findings.add(Status::NotChecked, CHECK, "the functions' descriptions name none", ""),
        [one] if one.split(' ').next() == Some(own) => {
            findings.ok(CHECK, format!("the module's is {one}, and this tool's"));
        }
        [one] => {
            let todo = "Use the tool of the installation's version, or update the installation.";
            findings.add(Status::Warning, CHECK, format!("the module's is {one}, and this tool's is {own}"), todo);
        }
        many => {
            findings.add(
                Status::Failed,
                CHECK,
                format!("functions are of {}", many.join(" and of ")),
                "Apply the module again.",
            );
        }
    }
}

/// `cargo lambda deploy` changes code and no description, so the version alone does not say what runs.
fn code(functions: &Functions, manifest: Option<&Value>, findings: &mut Findings) {
    const CHECK: &str = "code";
    let Some(manifest) = manifest else {
        findings.add(Status::NotChecked, CHECK, "whether the functions are those of a build", "--manifest names one.");
        return;
    };
    let differs = |name: &&str| {
        let built = manifest["functions"][*name]["sha256"].as_str().unwrap_or_default();
        let deployed = BASE64_STANDARD.decode(&functions.all[*name].code_sha256).unwrap_or_default();
        let deployed: String = deployed.iter().map(|byte| format!("{byte:02x}")).collect();
        deployed != built
    };
    let others: Vec<&str> = functions.all.keys().copied().filter(|name| differs(name)).collect();
    if others.is_empty() {
        findings.ok(CHECK, "all functions are those of the manifest");
    } else {
        let what = format!("not what the manifest names: {}", others.join(", "));
        findings.add(
            Status::Warning,
            CHECK,
            what,
            "Somebody deployed other code since; apply the module, or deploy again.",
        );
    }
}

/// What the functions are told, held against one another and against what this tool is told.
fn settings(functions: &Functions, prefix: &str, seen: &Seen, findings: &mut Findings) {
    const CHECK: &str = "settings";
    let before = findings.0.len();
    let urls: BTreeSet<&str> = functions
        .all
        .keys()
        .filter_map(|name| functions.variable(name, variables::API_URL.name))
        .map(|url| url.trim_end_matches('/'))
        .collect();
    if urls.len() > 1 {
        let what =
            format!("functions talk to different servers: {}", urls.iter().copied().collect::<Vec<_>>().join(", "));
        findings.add(Status::Failed, CHECK, what, "Apply the module again.");
    } else if let (Some(url), Some(own)) = (urls.first(), &seen.url)
        && *url != own.trim_end_matches('/')
    {
        let todo = "Fine if both lead to the same server; else give --prefect-api-url or --profile.";
        findings.add(Status::Warning, CHECK, format!("the functions talk to {url}, and this tool to {own}"), todo);
    }
    for (function, facts) in &functions.all {
        let own = Function::named(function).and_then(Function::buries_in);
        let dead_letters = own.map(|queue| (variables::DLQ_URL.name, queue.full_dead_letters(prefix)));
        let queues = Queue::ALL.map(|queue| (queue.url_variable().name, queue.full_name(prefix)));
        for (variable, name) in queues.into_iter().chain(dead_letters) {
            let told = facts.environment.get(variable).filter(|url| !url.is_empty());
            if let Some(url) = told.filter(|url| url.rsplit('/').next() != Some(&name)) {
                let what = format!("{variable} of the {function} is {url}, and not {name}");
                findings.add(Status::Failed, CHECK, what, "Apply the module again.");
            }
        }
    }
    if findings.0.len() == before {
        let what = if functions.standalone {
            "standalone: there is no server"
        } else {
            "the functions agree on server and queues"
        };
        findings.ok(CHECK, what);
    }
}

async fn mappings(
    installation: &Installation,
    prefix: &str,
    function: Function,
    queues: &[Queue],
    findings: &mut Findings,
) {
    let found = match installation.mappings(&function.full_name(prefix)).await {
        Ok(found) => found,
        Err(trouble) => return findings.not_checked(&format!("mappings of {function}"), &trouble),
    };
    for queue in queues {
        let name = queue.full_name(prefix);
        let mapping = found.iter().find(|it| it.queue_arn.rsplit(':').next() == Some(&name));
        let (status, what, todo) = mapped(mapping);
        findings.add(status, &format!("mapping {queue}"), format!("{what} ({function})"), todo);
    }
}

fn mapped(mapping: Option<&MappingFacts>) -> (Status, &'static str, &'static str) {
    match mapping {
        None => (Status::Failed, "nothing feeds the function from the queue", "Apply the module."),
        Some(it) if !it.reports_items => {
            let todo = "Without ReportBatchItemFailures one bad record sends a whole batch back: apply the module.";
            (Status::Failed, "records are not reported one by one", todo)
        }
        Some(it) if it.state == "Enabled" => (Status::Ok, "enabled", ""),
        Some(it) if ["Creating", "Enabling", "Updating"].contains(&it.state.as_str()) => {
            (Status::Warning, "on its way to being enabled", "Look again in a minute.")
        }
        Some(_) => (Status::Failed, "not enabled", "`aws lambda update-event-source-mapping --enabled` ends that."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mapping_has_to_be_enabled_and_to_report_items() {
        let mapping = |state: &str, reports_items: bool| MappingFacts {
            queue_arn: String::new(),
            state: state.to_owned(),
            reports_items,
        };
        assert_eq!(mapped(Some(&mapping("Enabled", true))).0, Status::Ok);
        assert_eq!(mapped(Some(&mapping("Enabled", false))).0, Status::Failed);
        assert_eq!(mapped(Some(&mapping("Disabled", true))).0, Status::Failed);
        assert_eq!(mapped(Some(&mapping("Creating", true))).0, Status::Warning);
        assert_eq!(mapped(None).0, Status::Failed);
    }

    #[test]
    fn a_function_through_which_loops_are_allowed_is_named() {
        let of = |name, setting: &str| (name, setting.to_owned());
        let (status, what, _) = stops(&[of("dispatcher", "Terminate"), of("observer", "Terminate")]);
        assert_eq!(status, Status::Ok);
        assert!(what.contains("dispatcher, observer"), "{what}");
        let (status, what, todo) = stops(&[of("dispatcher", "Terminate"), of("observer", "Allow")]);
        assert_eq!(status, Status::Warning);
        assert!(what.contains("observer") && !what.contains("dispatcher"), "{what}");
        assert!(todo.contains("--recursive-loop Terminate"), "{todo}");
    }

    #[test]
    fn the_version_is_read_as_the_module_writes_it() {
        assert_eq!(version("pushpool 0.1.0 (0123456789ab): ticks and rings"), Some("0.1.0 (0123456789ab)"));
        assert_eq!(version("something else: x"), None);
    }
}
