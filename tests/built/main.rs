//! What `infra/build` has built, as Lambda would be given it: `infra/smoke` runs these, and says what it could not.
//!
//! A test target of its own that `cargo test` leaves out unless it is named (`test = false`), because release builds of five functions for two architectures take longer than all other
//! tests together.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use base64::prelude::{BASE64_STANDARD, Engine as _};
use local::{
    Config, Local,
    ecs::Runner,
    lambda::{Bootstrap, Function, RuntimeApi},
};
use pushpool_tests::conformance;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// Emulated, and on a machine that may be busy.
const PATIENCE: Duration = Duration::from_secs(60);

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

fn sample(path: &str) -> Value {
    serde_json::from_slice(&fs::read(root().join("events").join(path)).unwrap()).unwrap()
}

/// The binary out of the zip that the manifest names.
fn unpack(function: &str, architecture: &str, into: &Path) -> PathBuf {
    let dist = root().join("target/dist");
    let manifest = fs::read(dist.join("manifest.json")).expect("infra/build comes first");
    let manifest: Value = serde_json::from_slice(&manifest).unwrap();
    let built = &manifest["functions"][function][architecture];
    let zip = dist.join(built["file"].as_str().unwrap_or_else(|| panic!("no {function} for {architecture}")));
    assert_eq!(built["sha256"], BASE64_STANDARD.encode(Sha256::digest(fs::read(&zip).unwrap())));
    let python = pushpool_tests::rig::python::python().interpreter();
    // Python's zipfile leaves modes out; infra::build looks at them.
    let unpacked = Command::new(python).args(["-m", "zipfile", "-e"]).arg(&zip).arg(into).status();
    assert!(unpacked.unwrap().success());
    let binary = into.join("bootstrap");
    fs::set_permissions(&binary, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    binary
}

/// AWS on loopback, with the queues that functions have.
struct World {
    local: Local,
    queues: BTreeMap<&'static str, String>,
}

impl World {
    async fn start() -> Self {
        let mut config = Config::default();
        config.ecs.runner = Runner::Instant { exit_code: 0 };
        let local = Local::start(config).await.unwrap();
        let mut queues = BTreeMap::new();
        for (name, fifo) in [("runs", false), ("runs.fifo", true), ("polls", false), ("events", false), ("dead", false)]
        {
            let attributes = if fifo { json!({"FifoQueue": "true"}) } else { json!({}) };
            queues.insert(name, local.sqs().create_queue(name, attributes).await.unwrap());
        }
        Self { local, queues }
    }

    fn url(&self, queue: &str) -> &str {
        &self.queues[queue]
    }

    /// Starts the function, asks it once and stops it.
    async fn ask(&self, function: &str, architecture: &str, variables: &[(&str, &str)], event: Value) -> Value {
        let scratch = tempfile::tempdir().unwrap();
        let binary = unpack(function, architecture, scratch.path());
        let mut bootstrap = Bootstrap::new(function, &binary);
        // For a binary that this machine runs only with help: a program and its arguments.
        let runner = std::env::var("PUSHPOOL_ARM64_RUNNER").ok().filter(|_| architecture == "arm64");
        if let Some(runner) = runner {
            let mut words = runner.split_whitespace().map(str::to_owned);
            bootstrap.path = words.next().unwrap().into();
            bootstrap.arguments = words.chain([binary.to_str().unwrap().to_owned()]).collect();
        }
        bootstrap.init_timeout = PATIENCE;
        bootstrap.endpoint_url = Some(self.local.endpoint());
        bootstrap.environment =
            variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let function = RuntimeApi::start(bootstrap).await.unwrap();
        let answer = function.invoke(event, PATIENCE).await;
        function.stop().await;
        answer.unwrap()
    }
}

// Every function does what it can do without a Prefect server. Nothing listens at port 1.
const SERVER: (&str, &str) = ("PREFECT_API_URL", "http://127.0.0.1:1/api");

async fn dispatcher(architecture: &str) {
    let world = World::start().await;
    let pools = root().join("events/pools");
    let variables = [
        ("PUSHPOOL_RUN_QUEUE_URL", world.url("runs")),
        ("PUSHPOOL_DLQ_URL", world.url("dead")),
        ("PUSHPOOL_RUN_QUEUE_ARN", "arn:aws:sqs:us-east-1:000000000000:runs"),
        ("PUSHPOOL_SCHEDULE_GROUP", "pushpool"),
        ("PUSHPOOL_SCHEDULE_ROLE_ARN", "arn:aws:iam::000000000000:role/schedules"),
        ("PUSHPOOL_POOL_DOCUMENTS", pools.to_str().unwrap()),
        ("PUSHPOOL_SUBNETS", "subnet-1"),
    ];
    let answer = world.ask("dispatcher", architecture, &variables, sample("sqs/single.json")).await;
    assert_eq!(answer, json!({"batchItemFailures": []}));
    assert_eq!(world.local.ecs().tasks().len(), 1);
    world.local.stop().await;
}

async fn doorbell(architecture: &str) {
    let world = World::start().await;
    let variables =
        [("PUSHPOOL_POLL_QUEUE_URL", world.url("polls")), ("PUSHPOOL_DOORBELL_TOKEN", "example-token-0123456789")];
    let answer = world.ask("doorbell", architecture, &variables, sample("doorbell/automation.json")).await;
    assert_eq!(answer["statusCode"], 202);
    assert_eq!(world.local.sqs().bodies("polls").unwrap().len(), 1);
    world.local.stop().await;
}

async fn observer(architecture: &str) {
    let world = World::start().await;
    let variables = [
        SERVER,
        ("PUSHPOOL_EVENTS_QUEUE_URL", world.url("events")),
        ("PUSHPOOL_POLL_QUEUE_URL", world.url("polls")),
        ("PUSHPOOL_DLQ_URL", world.url("dead")),
    ];
    let answer = world.ask("observer", architecture, &variables, sample("ecs/poison.json")).await;
    assert_eq!(answer, json!({"batchItemFailures": []}));
    assert_eq!(world.local.sqs().bodies("dead").unwrap().len(), 1);
    world.local.stop().await;
}

async fn poller(architecture: &str) {
    let world = World::start().await;
    let variables = [
        SERVER,
        ("PUSHPOOL_POLL_QUEUE_URL", world.url("polls")),
        ("PUSHPOOL_RUN_QUEUE_URL", world.url("runs")),
        ("PUSHPOOL_RUN_FIFO_QUEUE_URL", world.url("runs.fifo")),
        ("PUSHPOOL_EVENTS_QUEUE_URL", world.url("events")),
    ];
    let answer = world.ask("poller", architecture, &variables, sample("poll/minute-tick.json")).await;
    assert!(answer["batchItemFailures"].is_array(), "{answer}");
    world.local.stop().await;
}

async fn reconciler(architecture: &str) {
    let world = World::start().await;
    let answer = world.ask("reconciler", architecture, &[SERVER], json!({})).await;
    assert_eq!(answer["complete"], false, "{answer}");
    world.local.stop().await;
}

/// The tests of an architecture, one for each function.
macro_rules! answers {
    ($architecture:ident: $($function:ident)*) => {
        mod $architecture {
            $(
                #[tokio::test]
                async fn $function() {
                    super::$function(stringify!($architecture)).await;
                }
            )*
        }
    };
}

answers!(x86_64: dispatcher doorbell observer poller reconciler);
answers!(arm64: dispatcher doorbell observer poller reconciler);

/// The function, made first if it is to be.
fn function(endpoint: &str, what: &str) -> Value {
    let python = pushpool_tests::rig::python::python();
    let script = python.script("lambda_function.py");
    let shown =
        python.command([script.as_os_str(), endpoint.as_ref(), what.as_ref(), "pushpool-dispatcher".as_ref()]).output();
    let shown = shown.unwrap();
    assert!(shown.status.success(), "{}", String::from_utf8_lossy(&shown.stderr));
    serde_json::from_slice(&shown.stdout).unwrap()
}

/// `cargo lambda deploy` of the dispatcher to a function.
fn deploy(endpoint: &str, arguments: &[&str]) {
    let mut command = Command::new(root().join("target/tools/cargo-lambda/bin/cargo-lambda"));
    command.args(["lambda", "deploy", "--endpoint-url", endpoint]).args(arguments);
    command.current_dir(root()).env("AWS_REGION", "us-east-1");
    command.env("AWS_ACCESS_KEY_ID", "any").env("AWS_SECRET_ACCESS_KEY", "any");
    let done = command.output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
}

/// What Terraform owns: all but the code and what follows from it.
fn without_code(mut configuration: Value) -> Value {
    for of_code in ["CodeSha256", "CodeSize", "LastModified", "RevisionId"] {
        configuration.as_object_mut().unwrap().remove(of_code);
    }
    configuration
}

#[test]
fn cargo_lambda_deploy_ships_code_and_leaves_what_terraform_owns() {
    let moto = conformance::moto();
    let before = function(&moto.endpoint(), "make");
    let architecture = if cfg!(target_arch = "aarch64") { "arm64" } else { "x86_64" };
    let bootstrap = format!("target/functions/{architecture}/lambda/dispatcher/bootstrap");
    deploy(&moto.endpoint(), &["--binary-path", &bootstrap, before["FunctionArn"].as_str().unwrap()]);
    let after = function(&moto.endpoint(), "show");
    assert_ne!(before["CodeSha256"], after["CodeSha256"]);
    assert_eq!(without_code(before), without_code(after));
    // Why docs/building.md says the ARN: the name is that of a package, too.
    deploy(&moto.endpoint(), &["--binary-path", &bootstrap, "pushpool-dispatcher"]);
    let after = function(&moto.endpoint(), "show");
    assert_eq!((&after["MemorySize"], &after["Timeout"]), (&json!(256), &json!(30)));
}
