//! What is asked on a terminal.

use std::process::Command;

use pushpool_tests::rig::{
    prefect::{Server, environment, shared, unique},
    python::python,
};
use serde_json::json;

use super::{Ended, finish, run, with_aws};

/// Runs the binary on a terminal of its own; standard output is what that showed.
async fn converse(server: &Server, arguments: &[&str], steps: &[(&str, &str)]) -> Ended {
    finish(conversation(server, arguments, steps).await).await
}

/// The same with AWS on loopback beside the server.
pub(super) async fn converse_with_aws(
    server: &Server,
    endpoint: &str,
    arguments: &[&str],
    steps: &[(&str, &str)],
) -> Ended {
    let mut command = conversation(server, arguments, steps).await;
    with_aws(&mut command, endpoint);
    finish(command).await
}

pub(super) async fn conversation(server: &Server, arguments: &[&str], steps: &[(&str, &str)]) -> Command {
    let binary = tokio::task::spawn_blocking(pushpool_tests::pushpool).await.unwrap();
    let python = tokio::task::spawn_blocking(python).await.unwrap();
    let mut command = Command::new(python.interpreter());
    command.arg(python.script("converse.py")).arg(json!(steps).to_string()).arg(binary).args(arguments);
    command.env_clear().envs(environment(server)).env("NO_COLOR", "1").env("TERM", "xterm");
    command
}

#[tokio::test]
async fn it_asks_for_what_a_pool_needs_and_shows_it_before_it_makes_it() {
    let (server, name) = (shared().await, unique("wizard"));
    let steps = [
        ("ECS cluster", "etl\r"),
        ("Subnets", "nonsense\r"),
        ("does not begin with subnet-", "\x15\x7f\x7f\x7f\x7f\x7f\x7f\x7f\x7fsubnet-a, subnet-b\r"),
        ("Security groups", "sg-1\r"),
        ("public address", "y"),
        ("Image", "\r"),
        ("CPU units", "\r"),
        ("Memory", "512\r"),
        ("Nearest sizes", "\x7f\x7f\x7f4096\r"),
        ("Task role", "\r"),
        ("Execution role", "arn:aws:iam::123456789012:role/execution\r"),
        ("CloudWatch", "y"),
        ("Prefect API key", "pnu_canary\r"),
        ("not the ARN of a secret", "\x7f\x7f\x7f\x7f\x7f\x7f\x7f\x7f\x7f\x7f\r"),
        ("auth string", "arn:aws:secretsmanager:us-east-1:123456789012:secret:prefect-AbCdEf\r"),
        ("Environment", "STAGE=prod, TEAM=etl\r"),
        ("Most runs at once", "5\r"),
        ("concurrency limit", ""),
        ("Create work pool", "y"),
    ];
    let ended = converse(server, &["pool", "create", &name], &steps).await;
    assert!(ended.stdout.contains("Created work pool"), "{}", ended.stdout);
    ended.ok();
    let pool = server.api().get(&format!("/work_pools/{name}")).await.ok();
    let default = |variable: &str| &pool["base_job_template"]["variables"]["properties"][variable]["default"];
    assert_eq!((default("cluster"), default("cpu"), default("memory")), (&json!("etl"), &json!(1024), &json!(4096)));
    assert_eq!(default("configure_cloudwatch_logs"), &json!(true));
    let network = json!({"subnets": ["subnet-a", "subnet-b"], "securityGroups": ["sg-1"], "assignPublicIp": "ENABLED"});
    assert_eq!(default("network_configuration"), &network);
    assert_eq!(default("env"), &json!({"STAGE": "prod", "TEAM": "etl"}));
    let secret = json!("arn:aws:secretsmanager:us-east-1:123456789012:secret:prefect-AbCdEf");
    assert_eq!(default("prefect_api_auth_string_secret_arn"), &secret);
    assert_eq!((default("prefect_api_key_secret_arn"), &pool["concurrency_limit"]), (&json!(null), &json!(5)));
}

#[tokio::test]
async fn who_leaves_or_says_no_has_changed_nothing() {
    let (server, name) = (shared().await, unique("left"));
    let left = converse(server, &["pool", "create", &name], &[("ECS cluster", "\x03")]).await;
    assert_eq!(left.code, Some(130), "{}", left.stdout);
    assert!(left.stdout.contains("nothing was changed"), "{}", left.stdout);
    assert_eq!(server.api().get(&format!("/work_pools/{name}")).await.status, 404);

    run(server, &["pool", "create", &name, "--no-input"]).await.ok();
    let kept = converse(server, &["pool", "delete", &name], &[("for good?", "n")]).await;
    assert_eq!(kept.code, Some(130), "{}", kept.stdout);
    assert_eq!(server.api().get(&format!("/work_pools/{name}")).await.status, 200);
    let deleted = converse(server, &["pool", "delete", &name], &[("for good?", "y")]).await;
    assert_eq!(deleted.code, Some(0), "{}", deleted.stdout);
    assert_eq!(server.api().get(&format!("/work_pools/{name}")).await.status, 404);
}

#[tokio::test]
async fn nothing_is_asked_when_that_was_said() {
    let (server, name) = (shared().await, unique("silent"));
    let made = converse(server, &["pool", "create", &name, "--no-input"], &[]).await;
    assert!(made.stdout.contains("Created work pool") && !made.stdout.contains('?'), "{}", made.stdout);
    let refused = converse(server, &["pool", "delete", &name, "--no-input"], &[]).await;
    assert_eq!(refused.code, Some(1), "{}", refused.stdout);
}

#[tokio::test]
async fn watching_draws_in_place_and_ends_with_ctrl_c() {
    let (server, name) = (shared().await, unique("watched"));
    run(server, &["pool", "create", &name]).await.ok();
    let steps = [("NOT SERVED: ", ""), ("NOT SERVED: ", "\x03")];
    let watched = converse(server, &["pool", "status", &name, "--watch", "1"], &steps).await;
    assert_eq!(watched.code, Some(130), "{}", watched.stdout);
    // Up again by the ten lines of the first frame.
    assert!(watched.stdout.contains("\u{1b}[10A"), "{:?}", watched.stdout);
}

/// A project with one flow.
fn project() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let source = "from prefect import flow\n\n\n@flow\ndef report(day: str = \"today\"):\n    pass\n";
    std::fs::write(folder.path().join("flow.py"), source).expect("the flow is written");
    folder
}

async fn deploy(server: &Server, folder: &std::path::Path, steps: &[(&str, &str)]) -> Ended {
    let mut command = conversation(server, &["deploy"], steps).await;
    command.current_dir(folder).env("TZ", "UTC");
    finish(command).await
}

#[tokio::test]
async fn the_wizard_makes_a_pool_and_a_deployment_and_saves_it() {
    let (server, pool) = (shared().await, unique("asked"));
    let folder = project();
    let file = folder.path().join("prefect.yaml");
    std::fs::write(&file, "# ours\nname: ours  # kept\n").expect("the file is written");
    let (up, down) = ("\x1b[A\r", "\x1b[B\r");
    let named = format!("{pool}\r");
    let deployment = format!("{}\r", unique("nightly"));
    let steps = [
        ("Flow to deploy", "\r"),
        ("Deployment name", deployment.as_str()),
        ("Work pool", up),
        ("Name of the new work pool", named.as_str()),
        ("The code is", down),
        ("Image", "img:1\r"),
        ("Folder of the code", "\r"),
        ("Schedule", down),
        ("Cron expression", "30 2 * * *\r"),
        ("Time zone", "Europe/Madrid\r"),
        ("The next runs", ""),
        ("you mean", "y"),
        ("Another schedule", "\r"),
        ("Save", "y"),
    ];
    let ended = deploy(server, folder.path(), &steps).await;
    assert!(ended.stdout.contains("Created deployment"), "{}", ended.stdout);
    ended.ok();
    let text = std::fs::read_to_string(&file).expect("the file");
    assert!(text.starts_with("# ours\nname: ours  # kept\n"), "{text}");
    let name = deployment.trim();
    let stored = server.api().get(&format!("/deployments/name/report/{name}")).await.ok();
    assert_eq!((&stored["work_pool_name"], &stored["job_variables"]["image"]), (&json!(pool), &json!("img:1")));
    assert_eq!(stored["schedules"][0]["schedule"]["timezone"], "Europe/Madrid");
    let again = deploy(server, folder.path(), &[]).await;
    assert!(again.stdout.contains("No changes"), "{}", again.stdout);
}

#[tokio::test]
async fn who_leaves_the_wizard_has_changed_nothing() {
    let server = shared().await;
    let folder = project();
    let steps = [("Flow to deploy", "\r"), ("Deployment name", "\r"), ("Work pool", "\x03")];
    let left = deploy(server, folder.path(), &steps).await;
    assert_eq!(left.code, Some(130), "{}", left.stdout);
    assert!(!folder.path().join("prefect.yaml").exists());
}

/// Runs git in a folder.
fn git(folder: &std::path::Path, arguments: &[&str]) {
    let mut command = Command::new("git");
    command.arg("-C").arg(folder).args(["-c", "user.name=t", "-c", "user.email=t@example.com"]).args(arguments);
    let output = command.env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_SYSTEM", "/dev/null").output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
}

#[tokio::test]
async fn the_wizard_keeps_the_token_of_a_private_repository_in_a_block() {
    let (server, pool) = (shared().await, unique("cloned"));
    let folder = project();
    git(folder.path(), &["init", "--quiet", "--initial-branch", "trunk"]);
    git(folder.path(), &["remote", "add", "origin", "git@git.test:acme/etl.git"]);
    git(folder.path(), &["add", "flow.py"]);
    git(folder.path(), &["commit", "--quiet", "--message", "first"]);
    let file = "# ours\npull: []  # none\ndeployments:\n  - name: other  # stays\n    entrypoint: flow.py:report\n    \
                work_pool: {name: nowhere}\n  - name: third\n    entrypoint: flow.py:report\n";
    std::fs::write(folder.path().join("prefect.yaml"), file).expect("the file is written");
    // Other tests have pools and blocks on this server, too: what is chosen stands at the end of its list.
    let up = "\x1b[A";
    let named = format!("{pool}\r");
    let deployment = format!("{}\r", unique("cloned"));
    let block = format!("{}-repo-token", deployment.trim());
    let new_one = format!("{up}\r");
    let steps = [
        ("Deployment", new_one.as_str()),
        ("Flow to deploy", "\r"),
        ("Deployment name", &deployment),
        ("Work pool", &new_one),
        ("Name of the new work pool", &named),
        ("The code is", "\r"),
        ("no SSH key", ""),
        ("URL of the repository", "\r"),
        ("Branch", "\r"),
        ("private", "y"),
        ("Access to the repository", &new_one),
        ("Name of the Secret block", "\r"),
        ("Token", "very-secret-token\r"),
        ("Image", "\r"),
        ("Schedule", "\r"),
        ("Save", "y"),
    ];
    let ended = deploy(server, folder.path(), &steps).await;
    assert!(ended.stdout.contains("Created Secret block"), "{}", ended.stdout);
    assert!(!ended.stdout.contains("very-secret-token"), "{}", ended.stdout);
    ended.ok();
    let stored = server.api().get(&format!("/deployments/name/report/{}", deployment.trim())).await.ok();
    assert_eq!(stored["work_pool_name"], pool);
    let clone = &stored["pull_steps"][0]["prefect.deployments.steps.git_clone"];
    let reference = format!("{{{{ prefect.blocks.secret.{block} }}}}");
    let wanted = json!({"repository": "https://git.test/acme/etl.git", "branch": "trunk", "access_token": reference});
    assert_eq!(*clone, wanted);
    let path = format!("/block_types/slug/secret/block_documents/name/{block}?include_secrets=true");
    assert_eq!(server.api().get(&path).await.ok()["data"]["value"], "very-secret-token");
    let saved = std::fs::read_to_string(folder.path().join("prefect.yaml")).expect("the file");
    assert!(saved.starts_with(file), "{saved}");
    assert!(!saved.contains("very-secret-token"), "{saved}");
}

#[tokio::test]
async fn the_wizard_copies_code_to_s3() {
    let (server, pool) = (shared().await, unique("stored"));
    let moto = tokio::task::spawn_blocking(pushpool_tests::conformance::moto).await.unwrap();
    let mut command = Command::new(python().interpreter());
    command.arg(python().script("s3_steps.py")).args(["create", "wares"]);
    with_aws(&mut command, &moto.endpoint());
    finish(command).await.ok();
    let folder = project();
    let (up, down) = ("\x1b[A\r", "\x1b[B");
    let (deployment, named) = (format!("{}\r", unique("stored")), format!("{pool}\r"));
    let rule = format!("{}\r", down.repeat(3));
    let every = format!("{}\r", down.repeat(2));
    let steps = [
        ("Flow to deploy", "\r"),
        ("Deployment name", deployment.as_str()),
        ("Work pool", up),
        ("Name of the new work pool", named.as_str()),
        ("The code is", up),
        ("Bucket", "a/b\r"),
        ("the bare name of a bucket", "\x7f\x7f\x7fwares\r"),
        ("Folder in the bucket", "\x15code\r"),
        ("Image", "\r"),
        ("Schedule", every.as_str()),
        ("Seconds between runs", "\r"),
        ("Time zone", "\r"),
        ("The next runs", ""),
        ("you mean", "n"),
        ("Schedule", rule.as_str()),
        ("Recurrence rule", "\r"),
        ("Time zone", "\r"),
        ("The next runs", ""),
        ("you mean", "y"),
        ("Another schedule", "\r"),
        ("Save", "n"),
    ];
    let mut command = conversation(server, &["deploy"], &steps).await;
    with_aws(&mut command, &moto.endpoint());
    command.current_dir(folder.path()).env("TZ", "UTC");
    let ended = finish(command).await;
    assert!(ended.stdout.contains("Uploaded 1 files"), "{}", ended.stdout);
    ended.ok();
    assert!(!folder.path().join("prefect.yaml").exists(), "it was not to be saved");
    let stored = server.api().get(&format!("/deployments/name/report/{}", deployment.trim())).await.ok();
    let pull = json!([{"prefect_aws.deployments.steps.pull_from_s3": {"bucket": "wares", "folder": "code"}}]);
    assert_eq!(stored["pull_steps"], pull);
    assert_eq!(stored["schedules"].as_array().map(Vec::len), Some(1));
    let rule = stored["schedules"][0]["schedule"]["rrule"].as_str().unwrap();
    assert!(rule.ends_with("FREQ=DAILY;BYHOUR=6;BYMINUTE=0"), "{rule}");
    let mut command = Command::new(python().interpreter());
    command.arg(python().script("s3_steps.py")).args(["list", "wares"]);
    with_aws(&mut command, &moto.endpoint());
    let keys = finish(command).await.json();
    assert_eq!(keys.as_object().unwrap().keys().collect::<Vec<_>>(), ["code/flow.py"]);
}
