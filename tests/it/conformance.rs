//! The conformance suite (`pushpool_tests::conformance`): every rule against our loopback AWS with two clients, and
//! against two emulators of others with the list of what they are known to get wrong.

use std::{collections::BTreeSet, sync::Arc};

use futures_util::future::join_all;
use local::{
    Config, Local,
    ecs::{ContainerInstance, HostImage},
};
use pushpool_tests::conformance::{self, Document, Emulator, KnownGaps, Verdict};
use tempfile::TempDir;

use crate::conformance_sdk::Sdk;

/// The services there are rules for, each a file.
const SERVICES: [&str; 2] = ["sqs", "ecs"];

async fn boto3(service: &'static str, endpoint: String, options: &'static [&'static str]) -> Vec<Verdict> {
    let ask = move || conformance::ask_boto3(service, &endpoint, options);
    tokio::task::spawn_blocking(ask).await.unwrap()
}

/// And the directory of the tasks' output, which goes with it.
async fn local() -> (Local, TempDir) {
    let logs = TempDir::new().unwrap();
    let mut config = Config::default();
    config.ecs.log_directory = Some(logs.path().to_owned());
    // Rules of launch type EC2 need an instance; on AWS someone has registered one before.
    config.ecs.container_instances = vec![ContainerInstance { cpu: 4096, memory: 16_384 }];
    // A container that is not essential becomes a process only if its image is known.
    config.ecs.images.insert("sidecar".to_owned(), HostImage::default());
    (Local::start(config).await.unwrap(), logs)
}

#[test]
fn rules_are_well_formed() {
    let mut names = BTreeSet::new();
    for service in SERVICES {
        let document = Document::read(service);
        for rule in &document.rules {
            assert!(names.insert(rule.name.clone()), "there are two rules {}", rule.name);
            assert!(rule.source.len() > 10 && rule.says.len() > 5, "{} has no source", rule.name);
            let steps = document.steps_of(rule);
            assert!(steps.iter().any(|step| step.get("call").is_some()), "{} asks nothing", rule.name);
        }
    }
    for emulator in ["moto", "ministack"] {
        let known = KnownGaps::of(emulator);
        let unknown = known.breaks.keys().chain(known.unsteady.keys()).find(|name| !names.contains(*name));
        assert_eq!(unknown, None, "{emulator} has a gap in a rule that does not exist");
    }
}

/// What differs in the end, of all services: they are asked at the same time.
async fn differences<F: Future<Output = Vec<Verdict>>>(
    known: &KnownGaps,
    ask: impl Fn(&'static str) -> F,
) -> Vec<String> {
    let verdicts = join_all(SERVICES.map(&ask)).await;
    let of_service =
        |(service, verdicts): (_, &Vec<_>)| conformance::differences(&Document::read(service), verdicts, known);
    SERVICES.into_iter().zip(&verdicts).flat_map(of_service).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn local_keeps_every_rule_as_boto3_sees_it() {
    let (local, _logs) = local().await;
    let ask = |service| boto3(service, local.endpoint(), &["--jobs", "48"]);
    let broken = differences(&KnownGaps::default(), ask).await;
    local.stop().await;
    assert!(broken.is_empty(), "{} rules:\n{}", broken.len(), broken.join("\n"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn local_keeps_every_rule_as_the_rust_sdk_sees_it() {
    let (local, _logs) = local().await;
    let sdk = Arc::new(Sdk::new(&local.endpoint()).await);
    let ask = |service| {
        let sdk = Arc::clone(&sdk);
        async move { Document::read(service).ask(sdk, "r").await }
    };
    let broken = differences(&KnownGaps::default(), ask).await;
    local.stop().await;
    assert!(broken.is_empty(), "{} rules:\n{}", broken.len(), broken.join("\n"));
}

async fn assert_known_gaps(name: &str, emulator: fn() -> Emulator) {
    let emulator = tokio::task::spawn_blocking(emulator).await.unwrap();
    let ask = |service| {
        // ministack loses its head over concurrent RunTask calls: its tables change while they are walked. Neither runs
        // containers, so that it is no use to wait long for one. moto looks the subnets up.
        let options: &[&str] = match service {
            "ecs" => &["--jobs", "1", "--patience", "0.03", "--network"],
            _ => &["--jobs", "16"],
        };
        boto3(service, emulator.endpoint(), options)
    };
    let complaints = differences(&KnownGaps::of(name), ask).await.join("\n");
    assert!(complaints.is_empty(), "{name} differs from tests/data/conformance/known-gaps.json:\n{complaints}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn moto_breaks_the_rules_it_is_known_to_break() {
    assert_known_gaps("moto", conformance::moto).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ministack_breaks_the_rules_it_is_known_to_break() {
    assert_known_gaps("ministack", conformance::ministack).await;
}
