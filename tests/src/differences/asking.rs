//! Where the worker depends on its circumstances and pushpool does not.

use serde_json::{Map, json};

use super::{Difference, Effect};
use crate::generate::LEAK;
use crate::oracle::{Answer, Case, Hello};

pub(super) const DIFFERENCES: &[Difference] = &[
    Difference {
        name: "placeholders never read the process environment",
        reason: "`{{ $X }}` in a pool would hand any variable of the dispatcher, credentials included, to whoever can edit a \
                 pool. It renders as a variable that is not set.",
        effect: Effect::Ask(without_process_environment),
    },
    Difference {
        name: "a network configuration needs no vpc_id",
        reason: "The worker wants the VPC only to look its subnets up.",
        effect: Effect::Ask(with_vpc_id),
    },
    Difference {
        name: "VPCs and subnets are not looked up",
        reason: "Two EC2 calls per run on the hot path; RunTask says the same about a subnet that does not exist.",
        effect: Effect::Ask(with_lenient_ec2),
    },
    Difference {
        name: "an API key's ARN needs no API key in the process",
        reason: "The worker deletes its own key from the environment and fails if it has none.",
        effect: Effect::Ask(with_worker_key),
    },
];

fn without_process_environment(case: &Case, answer: &Answer, _: &Hello) -> Option<Case> {
    let leaked = answer.calls.iter().any(|call| call.request.to_string().contains(LEAK))
        || answer.error.as_ref().is_some_and(|error| error.message.contains(LEAK));
    leaked.then(|| Case { process_environment: Map::new(), ..case.clone() })
}

fn with_vpc_id(case: &Case, answer: &Answer, hello: &Hello) -> Option<Case> {
    let message = "You must provide a `vpc_id` to enable custom `network_configuration`";
    if !answer.failed_with(message) {
        return None;
    }
    let mut case = case.clone();
    if case.template == json!({}) {
        case.template = hello.default_template.clone();
    }
    case.template["job_configuration"]["vpc_id"] = json!("vpc-given");
    case.lenient_ec2 = true;
    Some(case)
}

fn with_lenient_ec2(case: &Case, answer: &Answer, _: &Hello) -> Option<Case> {
    let refused = answer.failed_with("Failed to find VPC with ID") || answer.failed_with("not found within VPC with ID");
    (refused && !case.lenient_ec2).then(|| Case { lenient_ec2: true, ..case.clone() })
}

fn with_worker_key(case: &Case, answer: &Answer, _: &Hello) -> Option<Case> {
    let lacks = answer.error.as_ref().is_some_and(|error| {
        error.class == "KeyError" && error.at == "prepare_for_flow_run" && error.message == "'PREFECT_API_KEY'"
    });
    lacks.then(|| {
        let settings = [("PREFECT_API_URL", "http://127.0.0.1:4399/api"), ("PREFECT_API_KEY", "key-of-the-worker")];
        let worker_environment = settings.map(|(name, value)| (name.to_owned(), json!(value)));
        Case { worker_environment: Map::from_iter(worker_environment), ..case.clone() }
    })
}
