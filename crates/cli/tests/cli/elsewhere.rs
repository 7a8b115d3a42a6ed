//! `pushpool` outside of a clone, and the commands that look at an installation beside a `dev` that runs.

use std::{
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
};

use serde_json::{Value, json};

use super::{
    dev::{message, row, send_signal},
    json as answer, pushpool, stderr, stdout,
};

#[test]
fn the_samples_come_with_the_binary() {
    let elsewhere = tempfile::tempdir().unwrap();
    let output = pushpool(&["dev", "--output", "json"]).current_dir(elsewhere.path()).output().unwrap();
    let report = answer(&output, 0);
    assert_eq!(report["counts"]["messages"], 21, "{report:#}");
    assert_eq!(row(&report, "single.json")["work_pool"], "demo");
    assert_eq!(row(&report, "failing-job.json")["exit_code"], 3);
    assert_eq!(row(&report, "unknown-pool.json")["code"], "PP0404");
    assert_eq!(std::fs::read_dir(elsewhere.path()).unwrap().count(), 0, "nothing is left where it was started");
    assert!(stderr(&output).contains("samples"), "it says what it feeds: {}", stderr(&output));

    // Messages of one's own, and the pools that come with the binary.
    let own = elsewhere.path().join("mine.json");
    std::fs::write(&own, message(1, &json!({"command": "true"})).to_string()).unwrap();
    let line = ["dev", "--events", "mine.json", "--output", "json"];
    let report = answer(&pushpool(&line).current_dir(elsewhere.path()).output().unwrap(), 0);
    assert_eq!(row(&report, "mine.json")["exit_code"], 0, "{report:#}");
}

/// `dev --keep` with a state directory of its own.
struct Kept {
    child: Child,
    state: tempfile::TempDir,
}

impl Kept {
    fn start(arguments: &[&str]) -> Self {
        let state = tempfile::tempdir().unwrap();
        let all = [&["dev", "--keep", "--output", "json"], arguments].concat();
        let mut command = pushpool(&all);
        command.env("XDG_STATE_HOME", state.path()).stdout(Stdio::null()).stderr(Stdio::piped());
        Self { child: command.spawn().unwrap(), state }
    }

    /// The endpoint, once it goes on dispatching.
    fn endpoint(&mut self) -> String {
        let mut steps = BufReader::new(self.child.stderr.take().unwrap()).lines().map_while(Result::ok);
        let endpoint = steps.find_map(|step| {
            let (_, endpoint) = step.split_once("AWS_ENDPOINT_URL=")?;
            Some(endpoint.split(' ').next()?.to_owned())
        });
        std::thread::spawn(move || steps.for_each(drop));
        endpoint.expect("the endpoint is told")
    }

    /// A command beside it. Nothing in its environment leads to AWS.
    fn beside(&self, arguments: &[&str]) -> Command {
        let mut command = pushpool(arguments);
        command.env("XDG_STATE_HOME", self.state.path()).env("AWS_EC2_METADATA_DISABLED", "true");
        command.envs([("AWS_CONFIG_FILE", "/dev/null"), ("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")]);
        command.env("PREFECT_HOME", self.state.path()).env_remove("PREFECT_API_URL").current_dir(self.state.path());
        command
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn redrive_and_doctor_look_at_the_dev_that_runs() {
    let mut kept = Kept::start(&["--events", "events/sqs/poison-body.json"]);
    let endpoint = kept.endpoint();

    // No region is set and no credentials: it is the `dev` that runs here.
    let output = kept.beside(&["redrive", "--output", "json"]).output().unwrap();
    let shown = answer(&output, 0);
    assert_eq!(shown["queues"][0]["name"], "pushpool-run-dlq", "{shown:#}");
    assert_eq!(shown["queues"][0]["messages"][0]["code"], "PP0401", "{shown:#}");
    assert!(stderr(&output).contains("pushpool dev"), "it says where it looks: {}", stderr(&output));

    // With the variables that `dev` prints, as other programs are given them.
    let variables =
        [("AWS_ENDPOINT_URL", endpoint.as_str()), ("AWS_REGION", "us-east-1"), ("AWS_ACCESS_KEY_ID", "any")];
    let variables = variables.into_iter().chain([("AWS_SECRET_ACCESS_KEY", "any")]);
    let output = kept.beside(&["redrive", "--output", "json"]).envs(variables.clone()).output().unwrap();
    assert_eq!(answer(&output, 0)["queues"][0]["messages"][0]["code"], "PP0401");

    // A region alone does not say that AWS is meant; who means `dev` says so.
    let output = kept.beside(&["redrive", "--output", "json"]).env("AWS_REGION", "us-east-1").output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{}", stdout(&output));
    assert!(stderr(&output).contains("--dev"), "{}", stderr(&output));
    let output =
        kept.beside(&["redrive", "--dev", "--output", "json"]).env("AWS_REGION", "eu-west-1").output().unwrap();
    assert_eq!(answer(&output, 0)["queues"][0]["messages"][0]["code"], "PP0401");

    for with in [false, true] {
        let mut doctor = kept.beside(&["doctor", "--output", "json"]);
        let output = if with { doctor.envs(variables.clone()) } else { &mut doctor }.output().unwrap();
        let shown = answer(&output, 0);
        let text = shown.to_string();
        assert!(!text.contains("sts"), "{shown:#}");
        let check = |name: &str| -> &Value {
            let checks = shown["checks"].as_array().unwrap();
            checks.iter().find(|it| it["check"] == name).unwrap_or_else(|| panic!("{name} in {shown:#}"))
        };
        assert_eq!(check("aws")["status"], "ok");
        assert!(check("aws")["what"].as_str().unwrap().contains(&endpoint), "{shown:#}");
        assert_eq!(check("queue run")["status"], "ok");
        assert_eq!(check("dead letters of run")["status"], "warning");
        assert_eq!(check("functions")["status"], "not checked");
    }

    // It has ended: nobody runs here any more, and AWS is what is left.
    send_signal("TERM", kept.child.id());
    kept.child.wait().unwrap();
    let output = kept.beside(&["redrive"]).output().unwrap();
    assert!(stderr(&output).contains("no AWS region is set"), "{}", stderr(&output));
    let output = kept.beside(&["redrive", "--dev"]).output().unwrap();
    assert!(stderr(&output).contains("no `pushpool dev` runs"), "{}", stderr(&output));
}
