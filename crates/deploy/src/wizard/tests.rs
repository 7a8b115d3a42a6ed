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

    fn secret(&mut self, _: &str) -> Result<String, Left> {
        self.answers.pop_front().map(str::to_owned).ok_or(Left)
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
        remote: Some(Remote {
            url: "git@git.test:o/r.git".into(),
            branch: "trunk".into(),
            changed: vec!["flow.py".into()],
            ..Remote::default()
        }),
        folder: "wares".into(),
        taken: vec!["nightly".into(), "default".into()],
        ..Offer::default()
    }
}

fn now() -> Timestamp {
    "2026-03-28T12:00:00Z".parse().expect("a time")
}

/// The entry and what was shown.
fn asked(offer: &Offer, answers: &[&'static str]) -> (Answers, Vec<String>) {
    let mut script = Script::of(answers);
    let answers = ask(offer, &mut script, now()).expect("answers");
    assert_eq!(script.answers, VecDeque::<&str>::new(), "answers that nothing asked for");
    (answers, script.told)
}

#[test]
fn answers_become_an_entry_of_the_file() {
    let (answers, told) = asked(
        &offer(),
        &[
            "flow",
            "flow.py:etl",
            "nightly",
            "a/b",
            "-",
            "etl",
            "cloned",
            "-",
            "-",
            "y",
            "a new Secret block",
            "Git Token",
            "git-token",
            "very-secret",
            "img:1",
            "cron",
            "61 * * * *",
            "30 2 * * *",
            "Europe/Madird",
            "Europe/Madrid",
            "y",
            "no schedule",
            "y",
        ],
    );
    assert_eq!(
        Value::Object(answers.deployment),
        json!({"name": "default-2", "entrypoint": "flow.py:etl",
            "pull": [{"prefect.deployments.steps.git_clone": {"repository": "https://git.test/o/r.git", "branch": "trunk",
                "access_token": "{{ prefect.blocks.secret.git-token }}"}}],
            "schedules": [{"cron": "30 2 * * *", "timezone": "Europe/Madrid"}],
            "work_pool": {"name": "etl", "job_variables": {"image": "img:1"}}})
    );
    assert_eq!((answers.new_pool, answers.save), (None, true));
    assert_eq!(
        told,
        [
            "write it as path/to/file.py:function",
            "prefect.yaml has a deployment of this name",
            "/ % & < > are not allowed",
            "flow.py is not committed as it is; runs get what is pushed.",
            "A container has no SSH key, so HTTPS is proposed.",
            "a block's name has lowercase letters, digits and dashes",
            "cron `61 * * * *`: minute: found `61`, wanted 0-59",
            "unknown time zone `Europe/Madird`: did you mean Europe/Madrid?",
            "The next runs: Sun 2026-03-29 03:30 CEST, Mon 2026-03-30 02:30 CEST, Tue 2026-03-31 02:30 CEST",
        ]
    );
}

#[test]
fn a_private_repository_takes_a_block_of_the_server_or_a_new_one() {
    let mut offer = offer();
    let block = |type_slug: &str, name: &str| NamedBlock { type_slug: type_slug.into(), name: name.into() };
    offer.credentials = vec![block("github-credentials", "bot"), block("secret", "default-2-repo-token")];
    let start = ["a.py:f", "-", "etl", "cloned", "-", "-", "y"];
    let clone = |access: &[&'static str]| {
        let (answers, told) = asked(&offer, &[&start[..], access, &["", "no", "n"]].concat());
        let step = answers.deployment["pull"][0]["prefect.deployments.steps.git_clone"].clone();
        (step, answers.new_secret, told)
    };
    let (step, new, told) = clone(&["the github-credentials block bot"]);
    assert_eq!((&step["credentials"], new), (&json!("{{ prefect.blocks.github-credentials.bot }}"), None));
    assert_eq!(told.last().map(String::as_str), Some("The image of the runs needs prefect-github."));
    let (step, new, _) = clone(&["the secret block default-2-repo-token"]);
    assert_eq!((&step["access_token"], new), (&json!("{{ prefect.blocks.secret.default-2-repo-token }}"), None));

    // The name that is proposed is taken.
    let (step, new, told) = clone(&["a new Secret block", "-", "own-token", "very-secret"]);
    assert_eq!(step["access_token"], "{{ prefect.blocks.secret.own-token }}");
    assert_eq!(told.last().map(String::as_str), Some("there is a Secret block of this name"));
    let new = new.expect("a new block");
    assert_eq!((new.name.as_str(), new.value.as_str()), ("own-token", "very-secret"));
    assert!(!format!("{new:?}").contains("very-secret"), "{new:?}");
}

#[test]
fn code_below_the_root_of_a_repository_is_found_there() {
    let mut offer = offer();
    offer.remote = offer.remote.map(|remote| Remote { folder: "apps/etl".into(), ..remote });
    let (answers, _) = asked(&offer, &["a.py:f", "-", "etl", "cloned", "-", "-", "n", "", "no", "n"]);
    assert_eq!(
        answers.deployment["pull"],
        json!([
            {"prefect.deployments.steps.git_clone":
                {"repository": "https://git.test/o/r.git", "branch": "trunk", "id": "clone"}},
            {"prefect.deployments.steps.set_working_directory": {"directory": "{{ clone.directory }}/apps/etl"}},
        ])
    );
}

#[test]
fn a_new_pool_and_code_on_s3_are_offered() {
    let (answers, _) = asked(
        &offer(),
        &[
            "a.py:f",
            "-",
            "a new",
            "prefect-x",
            "etl",
            "fresh",
            "copied",
            "x",
            "bucket",
            "-",
            "",
            "interval",
            "0",
            "600",
            "UTC",
            "n",
            "no",
            "n",
        ],
    );
    assert_eq!((answers.new_pool.as_deref(), answers.save), (Some("fresh"), false));
    assert_eq!(answers.deployment["push"][0]["prefect_aws.deployments.steps.push_to_s3"]["folder"], "wares");
    assert_eq!(answers.deployment["pull"][0]["prefect_aws.deployments.steps.pull_from_s3"]["bucket"], "bucket");
    assert!(!answers.deployment.contains_key("schedules"));
    assert_eq!(answers.deployment["work_pool"], json!({"name": "fresh"}));
}

#[test]
fn an_image_is_built_with_a_dockerfile_or_without() {
    let (without, _) = asked(&offer(), &["a.py:f", "-", "etl", "put", "", "r.test/etl", "no", "n"]);
    assert_eq!(
        without.deployment["build"],
        json!([{"prefect_docker.deployments.steps.build_docker_image":
            {"id": "build", "image_name": "r.test/etl", "dockerfile": "auto", "platform": "linux/amd64"}}])
    );
    assert_eq!(
        without.deployment["push"],
        json!([{"prefect_docker.deployments.steps.push_docker_image":
            {"image_name": "{{ build.image_name }}", "tag": "{{ build.tag }}"}}])
    );
    assert_eq!(without.deployment["work_pool"]["job_variables"]["image"], "{{ build.image }}");
    let directory = |answers: &Answers| {
        answers.deployment["pull"][0]["prefect.deployments.steps.set_working_directory"]["directory"].clone()
    };
    assert_eq!(directory(&without), "/opt/prefect/wares");
    let offer = Offer { has_dockerfile: true, ..offer() };
    let (with, _) = asked(&offer, &["a.py:f", "-", "etl", "put", "r.test/etl", "app", "/app", "no", "n"]);
    assert_eq!(
        with.deployment["build"][0]["prefect_docker.deployments.steps.build_docker_image"]["dockerfile"],
        "Dockerfile"
    );
    assert_eq!(directory(&with), "/app");
}

#[test]
fn an_image_with_the_code_has_to_be_named() {
    let (answers, told) = asked(&offer(), &["a.py:f", "-", "etl", "part", "", "img:1", "-", "no", "n"]);
    assert_eq!(told, ["a value is needed"]);
    assert_eq!(answers.deployment["work_pool"]["job_variables"]["image"], "img:1");
}

#[test]
fn a_user_may_leave_at_every_question() {
    let all =
        ["a.py:f", "-", "etl", "cloned", "-", "-", "y", "a new", "-", "t", "", "cron", "-", "UTC", "y", "no", "y"];
    assert!(ask(&offer(), &mut Script::of(&all), now()).is_ok());
    for count in 0..all.len() {
        assert_eq!(ask(&offer(), &mut Script::of(&all[..count]), now()), Err(Left), "after {count}");
    }
}

fn answers(name: &str) -> Answers {
    let deployment = json!({"name": name, "entrypoint": "a.py:f", "work_pool": {"name": "etl"}});
    Answers {
        deployment: deployment.as_object().cloned().expect("object"),
        new_pool: None,
        new_secret: None,
        save: true,
    }
}

#[test]
fn a_file_keeps_its_comments_and_gets_one_more_deployment() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("prefect.yaml");
    for before in [
        "# mine\nname: x   # the name\ndeployments:\n- name: one  # first\n  entrypoint: b.py:g\n",
        "# mine\nname: x\ndeployments:   # none yet\n",
        "# mine\r\nname: x\r\n",
        "deployments: []\n\n# the end\n",
        "",
    ] {
        std::fs::write(&path, before).expect("written");
        save(&path, &offer(), &answers("two")).expect("saved");
        let after = std::fs::read_to_string(&path).expect("read");
        for comment in before.lines().filter_map(|line| line.find('#').and_then(|at| line.get(at..))) {
            assert!(after.contains(comment), "{after}");
        }
        let json = yaml::read(&after).expect("YAML").to_json();
        let last = json["deployments"].as_array().and_then(|list| list.last()).expect("a deployment");
        assert_eq!(last["name"], "two", "{after}");
        assert_eq!(std::fs::read_dir(folder.path()).expect("a folder").count(), 1);
    }
}

#[test]
fn a_file_that_cannot_be_read_stays_as_it_was() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("prefect.yaml");
    for before in ["deployments: [\n", "deployments: text\n", "a: 1\n---\nb: 2\n"] {
        std::fs::write(&path, before).expect("written");
        assert!(save(&path, &offer(), &answers("two")).is_err(), "{before}");
        assert_eq!(std::fs::read_to_string(&path).expect("read"), before);
    }
}

#[cfg(unix)]
#[test]
fn a_link_stays_a_link_and_rights_stay_as_they_are() {
    use std::os::unix::fs::{PermissionsExt as _, symlink};
    let folder = tempfile::tempdir().expect("a folder");
    let (file, link) = (folder.path().join("shared.yaml"), folder.path().join("prefect.yaml"));
    std::fs::write(&file, "name: x\n").expect("written");
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o640)).expect("rights");
    symlink("shared.yaml", &link).expect("a link");
    save(&link, &offer(), &answers("two")).expect("saved");
    assert!(link.is_symlink());
    assert!(std::fs::read_to_string(&file).expect("read").contains("two"));
    assert_eq!(std::fs::metadata(&file).expect("file").permissions().mode() & 0o777, 0o640);
}

fn first(offer: &Offer) -> String {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("prefect.yaml");
    let text = first_file(&path, offer, &First { pool: Some("etl"), image: None }).expect("written");
    assert_eq!(std::fs::read_to_string(&path).expect("read"), text);
    assert!(matches!(first_file(&path, offer, &First::default()), Err(SaveError::Exists { .. })));
    assert_eq!(std::fs::read_to_string(&path).expect("read"), text);
    yaml::read(&text).expect("YAML");
    text
}

#[test]
fn a_first_file_has_the_project_its_code_and_its_first_flow() {
    let flow = tempfile::tempdir().expect("a folder");
    std::fs::write(flow.path().join("flow.py"), "from prefect import flow\n\n@flow\ndef etl():\n    pass\n")
        .expect("written");
    let flows = Offer::of_folder(flow.path()).flows;
    let remote = offer().remote.map(|remote| Remote { folder: "apps/etl".into(), ..remote });
    assert_eq!(
        first(&Offer { flows, remote, ..offer() }),
        r##"# Deployments of this project; see docs/deploying.md of pushpool.
name: wares

# Runs clone the code; what is not pushed is not in them.
pull:
- prefect.deployments.steps.git_clone:
    repository: https://git.test/o/r.git
    branch: trunk
    id: clone
- prefect.deployments.steps.set_working_directory:
    directory: "{{ clone.directory }}/apps/etl"

deployments:
- name: default
  entrypoint: flow.py:etl
  work_pool:
    name: etl
  # schedules:
  # - cron: "0 6 * * *"
  #   timezone: UTC
  #   slug: morning
"##
    );
}

#[test]
fn a_first_file_has_the_image_that_the_user_names() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("flow.py"), "from prefect import flow\n\n@flow\ndef etl():\n    pass\n")
        .expect("written");
    let said = First { pool: None, image: Some("repo/etl:1") };
    let text = first_file(&folder.path().join("first.yaml"), &Offer::of_folder(folder.path()), &said).expect("written");
    let deployment = &yaml::read(&text).expect("YAML").to_json()["deployments"][0];
    assert_eq!(deployment["work_pool"], json!({"name": "my-pool", "job_variables": {"image": "repo/etl:1"}}));
}

#[test]
fn a_first_file_without_a_flow_says_so() {
    assert_eq!(
        first(&Offer { remote: None, ..offer() }),
        "# Deployments of this project; see docs/deploying.md of pushpool.
name: wares

# How a run gets the code: an empty list if the image has it in its working directory.
pull: []

# No flow was found; `pushpool deploy` asks for one.
deployments: []
"
    );
}

#[test]
fn a_file_that_is_not_there_is_made() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("other.yaml");
    save(&path, &offer(), &answers("two")).expect("saved");
    assert!(std::fs::read_to_string(&path).expect("read").contains("- name: two"));
}
