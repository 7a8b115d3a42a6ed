//! What the documents say about the code is held against the code.

use std::path::Path;

mod paths;
mod rooms;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap()
}

/// docs/errors.md is made from the catalogue.
#[test]
fn every_code_is_documented_with_its_title_and_nothing_else_is() {
    assert_eq!(
        read("docs/errors.md"),
        diagnosis::page(),
        "write the page anew: cargo run -p diagnosis --example errors"
    );
}

/// A code that nothing gives is not documented for nothing.
#[test]
fn every_code_is_given_by_something() {
    let catalogue = root().join("crates/diagnosis");
    let mut sources = String::new();
    for directory in ["crates", "functions"] {
        gather(&root().join(directory), &catalogue, &mut sources);
    }
    let unused: Vec<&str> = diagnosis::codes().map(diagnosis::Code::id).filter(|id| !sources.contains(id)).collect();
    assert!(unused.is_empty(), "no failure has the codes {unused:?}");
}

/// Reads the Rust files below a directory, without those of tests.
fn gather(directory: &Path, without: &Path, sources: &mut String) {
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        let is_test = path.file_stem().is_some_and(|name| name == "tests");
        if path == without || is_test {
            continue;
        }
        if path.is_dir() {
            gather(&path, without, sources);
        } else if path.extension().is_some_and(|it| it == "rs") {
            sources.push_str(&std::fs::read_to_string(&path).unwrap());
        }
    }
}

/// cargo-machete looks for what a crate does not use, not for what no crate asks for.
#[test]
fn every_dependency_of_the_workspace_is_used() {
    let table = |text: &str| text.parse::<toml::Table>().unwrap();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut unused = table(&read("Cargo.toml"))["workspace"]["dependencies"].as_table().unwrap().clone();
    let rooms = ["crates", "functions"].map(|rooms| std::fs::read_dir(root.join(rooms)).unwrap());
    let members = rooms.into_iter().flatten().map(|member| member.unwrap().path()).chain([root.join("tests")]);
    for member in members {
        let manifest = table(&std::fs::read_to_string(member.join("Cargo.toml")).unwrap());
        for kind in ["dependencies", "dev-dependencies", "build-dependencies"] {
            for name in manifest.get(kind).and_then(toml::Value::as_table).into_iter().flat_map(toml::Table::keys) {
                unused.remove(name);
            }
        }
    }
    assert!(unused.is_empty(), "nothing depends on {:?}", unused.keys().collect::<Vec<_>>());
}

#[test]
fn every_sample_event_is_listed() {
    let page = read("events/README.md");
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    for directory in ["sqs", "poll", "ecs", "doorbell"] {
        for file in std::fs::read_dir(root.join("events").join(directory)).unwrap() {
            let name = file.unwrap().file_name().into_string().unwrap();
            assert!(page.contains(&format!("`{directory}/{name}`")), "{directory}/{name} is not in events/README.md");
        }
    }
}

#[test]
fn every_intended_difference_is_documented_and_nothing_else_is() {
    let page = read("docs/differences.md");
    let rows = page
        .lines()
        .filter(|line| line.starts_with("| ") && !line.starts_with("| difference") && !line.starts_with("| ---"));
    let documented: Vec<&str> = rows.collect();
    let in_code: Vec<String> =
        pushpool_tests::oracle::differences::all().map(|it| format!("| {} | {} |", it.name, it.reason)).collect();
    assert_eq!(documented, in_code);
}

/// Defaults that stand in sentences of docs/answers.md.
#[test]
fn the_defaults_in_the_sentences_about_answers_are_those_of_the_installation() {
    use installation::{Preset, variables};
    let page = read("docs/answers.md").split_whitespace().collect::<Vec<_>>().join(" ");
    for (variable, words) in
        [(&variables::CAPACITY_TIMEOUT, "(N s) has passed"), (&variables::INTERRUPTIONS, "says (N).")]
    {
        let Preset::Number(preset) = variable.preset else { panic!("{} is a number", variable.name) };
        let expected = format!("`{}` {}", variable.name, words.replace('N', &preset.to_string()));
        assert!(page.contains(&expected), "docs/answers.md has to say: {expected}");
    }
}

/// The tables of docs/answers.md are made from the recorded texts and from what the code says of them.
#[test]
fn every_text_of_aws_is_documented_with_what_becomes_of_the_run() {
    let page = read("docs/answers.md");
    for (name, table) in [("run-task", answers::of_run_task()), ("stopped-tasks", answers::of_stopped_tasks())] {
        let (begin, end) = (format!("<!-- {name} -->\n"), format!("<!-- end of {name} -->"));
        let inside = page.split_once(&begin).and_then(|(_, rest)| rest.split_once(&end)).map(|(inside, _)| inside);
        assert_eq!(
            inside,
            Some(table.as_str()),
            "put this into docs/answers.md, between the marks of {name}:\n{table}"
        );
    }
}

mod answers {
    use std::{collections::BTreeMap, time::Duration};

    use dispatch::runs::decide::{Action, Limits, Past, decide};
    use ecs::{
        failure::{Answer, Operation, classify},
        task::Task,
    };
    use prefect_api::models::StateType;
    use serde_json::Value;

    const HEAD: &str = "| AWS says | code | run | what to do |\n| --- | --- | --- | --- |\n";

    fn recorded(name: &str) -> Vec<Value> {
        serde_json::from_str(&super::read(&format!("events/answers/{name}.json"))).unwrap()
    }

    fn text<'a>(value: &'a Value, pointer: &str) -> Option<&'a str> {
        value.pointer(pointer).and_then(Value::as_str)
    }

    /// The code of Markdown's cells: what would end one is written in another way.
    fn cell(text: &str) -> String {
        text.replace('|', "\\|").replace('\n', " ")
    }

    /// One row for each code and each piece of advice, with all texts that lead there.
    #[derive(Default)]
    struct Table(BTreeMap<(String, String), (String, Vec<String>)>);

    impl Table {
        fn add(&mut self, it: &Value, said: &str, code: &str, resolution: &str) {
            let source = it["source"].as_str().map(|source| format!(" ([source]({source}))")).unwrap_or_default();
            let outcome = it["outcome"].as_str().unwrap().to_owned();
            let row = self.0.entry((code.to_owned(), resolution.to_owned())).or_insert((outcome, Vec::new()));
            row.1.push(format!("`{}`{source}", cell(said).replace('`', "'")));
        }

        fn markdown(self) -> String {
            let rows = self.0.into_iter().map(|((code, resolution), (outcome, said))| {
                format!("| {} | {code} | {outcome} | {} |\n", said.join("<br>"), cell(&resolution))
            });
            HEAD.to_owned() + &rows.collect::<String>()
        }
    }

    pub(super) fn of_run_task() -> String {
        let mut table = Table::default();
        for it in recorded("run-task") {
            let failure = |member: &str| text(&it, &format!("/body/failures/0/{member}"));
            let code = text(&it, "/body/__type").map(|name| name.rsplit('#').next().unwrap_or(name));
            let message = text(&it, "/body/message").unwrap_or_default();
            let classified = classify(&Answer {
                operation: Operation::RunTask,
                http_status: it["status"].as_u64().map(|status| status.try_into().unwrap()),
                code,
                message,
                reason: failure("reason"),
                detail: failure("detail"),
            });
            let said: Vec<&str> = [code, Some(message), failure("reason")]
                .into_iter()
                .flatten()
                .filter(|said| !said.is_empty())
                .collect();
            let said = if said.is_empty() { format!("HTTP {}", it["status"]) } else { said.join(": ") };
            table.add(&it, &said, classified.diagnosis.code.id(), &classified.diagnosis.resolution);
        }
        table.markdown()
    }

    pub(super) fn of_stopped_tasks() -> String {
        let limits = Limits { capacity_timeout: Duration::from_secs(3_600), interruptions: 3 };
        let mut table = Table::default();
        for it in recorded("stopped-tasks") {
            let mut task = it.clone();
            task["taskArn"] = "arn".into();
            let run = if it["run"] == "RUNNING" { StateType::Running } else { StateType::Pending };
            let decided = decide(run, &Task::of_json(&task).unwrap(), Past::default(), limits);
            let (Action::HandBack(reason) | Action::Crash(reason)) = decided else { panic!("{it}") };
            let mut said = it["stoppedReason"].as_str().unwrap().to_owned();
            for container in it["containers"].as_array().unwrap() {
                if let Some(exit_code) = container["exitCode"].as_i64() {
                    said.push_str(&format!("; {}: exit code {exit_code}", container["name"].as_str().unwrap()));
                }
                if let Some(why) = container["reason"].as_str() {
                    said.push_str(&format!("; {}: {why}", container["name"].as_str().unwrap()));
                }
            }
            table.add(&it, &said, reason.code.id(), &reason.resolution);
        }
        table.markdown()
    }
}
