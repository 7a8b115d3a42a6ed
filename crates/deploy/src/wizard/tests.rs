use std::collections::VecDeque;

use serde_json::json;

use super::*;

/// Answers from a list; an end of the list is a user who leaves.
struct Script {
    answers: VecDeque<&'static str>,
    told: Vec<String>,
}

impl Script {
    fn of(answers: &[&'static str]) -> Self {
        Self { answers: answers.iter().copied().collect(), told: Vec::new() }
    }
}

impl Ask for Script {
    fn choose(&mut self, question: &str, choices: &[String]) -> Result<usize, Left> {
        let answer = self.answers.pop_front().ok_or(Left)?;
        let found = choices.iter().position(|it| it.starts_with(answer));
        Ok(found.unwrap_or_else(|| panic!("{question}: no {answer} in {choices:?}")))
    }

    fn text(&mut self, _: &str, default: &str, check: &dyn Fn(&str) -> Result<(), String>) -> Result<String, Left> {
        loop {
            let answer = self.answers.pop_front().ok_or(Left)?;
            let answer = if answer == "-" { default } else { answer };
            match check(answer) {
                Ok(()) => return Ok(answer.to_owned()),
                Err(problem) => self.told.push(problem),
            }
        }
    }

    fn confirm(&mut self, _: &str, _: bool) -> Result<bool, Left> {
        Ok(self.answers.pop_front().ok_or(Left)? == "y")
    }

    fn show(&mut self, line: &str) {
        self.told.push(line.to_owned());
    }
}

fn offer() -> Offer {
    Offer {
        pools: vec![("etl".into(), "ecs:push".into())],
        remote: Some(Remote { url: "https://git.test/o/r.git".into(), branch: "trunk".into() }),
        folder: "wares".into(),
        taken: vec!["nightly".into()],
        ..Offer::default()
    }
}

fn now() -> Timestamp {
    "2026-03-28T12:00:00Z".parse().expect("a time")
}

#[test]
fn answers_become_an_entry_of_the_file() {
    let mut script = Script::of(&[
        "flow",
        "flow.py:etl",
        "nightly",
        "default",
        "etl",
        "img:1",
        "cloned",
        "-",
        "-",
        "y",
        "-",
        "cron",
        "61 * * * *",
        "30 2 * * *",
        "Europe/Madrid",
        "y",
        "no schedule",
        "y",
    ]);
    let answers = ask(&offer(), &mut script, now()).expect("answers");
    assert_eq!(
        Value::Object(answers.deployment),
        json!({"name": "default", "entrypoint": "flow.py:etl",
            "pull": [{"prefect.deployments.steps.git_clone": {"repository": "https://git.test/o/r.git", "branch": "trunk",
                "access_token": "{{ prefect.blocks.secret.git-token }}"}}],
            "schedules": [{"cron": "30 2 * * *", "timezone": "Europe/Madrid"}],
            "work_pool": {"name": "etl", "job_variables": {"image": "img:1"}}})
    );
    assert_eq!((answers.new_pool, answers.save), (None, true));
    assert_eq!(script.told[0], "write it as path/to/file.py:function");
    assert_eq!(script.told[1], "prefect.yaml has a deployment of this name");
    assert!(script.told[3].contains("61"), "{:?}", script.told);
    let times = script.told.last().expect("times");
    assert!(times.starts_with("The next runs: ") && times.matches(", ").count() == 2, "{times}");
}

#[test]
fn a_new_pool_and_code_on_s3_are_offered() {
    let mut script = Script::of(&[
        "a.py:f",
        "-",
        "a new",
        "prefect-x",
        "etl",
        "fresh",
        "",
        "copied",
        "x",
        "bucket",
        "-",
        "interval",
        "0",
        "600",
        "UTC",
        "n",
        "no",
        "n",
    ]);
    let answers = ask(&offer(), &mut script, now()).expect("answers");
    assert_eq!((answers.new_pool.as_deref(), answers.save), (Some("fresh"), false));
    assert_eq!(answers.deployment["push"][0]["prefect_aws.deployments.steps.push_to_s3"]["folder"], "wares");
    assert_eq!(answers.deployment["pull"][0]["prefect_aws.deployments.steps.pull_from_s3"]["bucket"], "bucket");
    assert!(!answers.deployment.contains_key("schedules"));
    assert_eq!(answers.deployment["work_pool"], json!({"name": "fresh"}));
}

#[test]
fn a_user_may_leave_at_every_question() {
    let all = ["a.py:f", "-", "etl", "", "part", "-", "no", "y"];
    assert!(ask(&offer(), &mut Script::of(&all), now()).is_ok());
    for count in 0..all.len() {
        assert_eq!(ask(&offer(), &mut Script::of(&all[..count]), now()), Err(Left), "after {count}");
    }
}

fn answers(name: &str) -> Answers {
    let deployment = json!({"name": name, "entrypoint": "a.py:f", "work_pool": {"name": "etl"}});
    Answers { deployment: deployment.as_object().cloned().expect("object"), new_pool: None, save: true }
}

#[test]
fn a_file_keeps_its_comments_and_gets_one_more_deployment() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("prefect.yaml");
    let before = "# mine\nname: x   # the name\ndeployments:\n- name: one  # first\n  entrypoint: b.py:g\n";
    std::fs::write(&path, before).expect("written");
    save(&path, &offer(), &answers("two")).expect("saved");
    let after = std::fs::read_to_string(&path).expect("read");
    assert!(after.starts_with(before), "{after}");
    let json = yaml::read(&after).expect("YAML").to_json();
    assert_eq!(json["deployments"][1]["name"], "two");
    assert!(!folder.path().join("prefect.yaml.new").exists());
}

#[test]
fn a_first_file_can_be_read_and_is_never_written_over_another() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("prefect.yaml");
    first_file(&path, &offer(), Some("etl")).expect("written");
    let json = yaml::read(&std::fs::read_to_string(&path).expect("read")).expect("YAML").to_json();
    assert_eq!(json["name"], "wares");
    assert_eq!(json["pull"][0]["prefect.deployments.steps.git_clone"]["branch"], "trunk");
    assert_eq!(json["deployments"][0]["work_pool"]["name"], "etl");
    assert!(matches!(first_file(&path, &offer(), None), Err(SaveError::Exists { .. })));
    let new = folder.path().join("other.yaml");
    save(&new, &offer(), &answers("two")).expect("saved");
    assert!(std::fs::read_to_string(&new).expect("read").contains("- name: two"));
}
