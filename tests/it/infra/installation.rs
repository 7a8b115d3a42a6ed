//! The installation as data against everything that repeats it: the sources of the functions, the module, what a plan makes of it,
//! and the documentation.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use ::installation::{
    BATCH_SIZE, DEAD_LETTER_RETENTION, Function, MAX_RECEIVE_COUNT, MAXIMUM_CONCURRENCY, Mode, PREFIX, Preset, Queue,
    RECEIVE_WAIT, SetBy, Variable, page, timing, variables,
};
use pushpool_tests::rig::applied::{Applied, Resource};
use regex_lite::Regex;
use serde_json::{Value, json};

use super::{PUSHPOOL, files, locals, module, root, settings::set};

/// Constants of `installation::variables` that sources mention, by their names in Rust.
fn mentioned(directory: &str) -> BTreeSet<String> {
    let mention = Regex::new(r"variables::([A-Z_]+)").unwrap();
    let mut found = BTreeSet::new();
    for file in files(&root().join(directory), ".rs") {
        let text = std::fs::read_to_string(file).unwrap();
        let text = text.split("#[cfg(test)]").next().unwrap().to_owned();
        found.extend(mention.captures_iter(&text).map(|seen| seen[1].to_owned()));
    }
    found
}

/// The name in Rust of a variable: without the prefix.
fn constant(variable: &Variable) -> String {
    let name = variable.name;
    let short = ["PUSHPOOL_", "PREFECT_", "AWS_LAMBDA_", "AWS_"].iter().find_map(|prefix| name.strip_prefix(prefix));
    short.unwrap_or(name).to_owned()
}

/// What is read and not declared for a function fails where it is read, so only the other way is left.
#[test]
fn every_variable_is_read_by_the_functions_that_the_data_names() {
    let shared = mentioned("functions/runtime/src");
    for function in Function::ALL {
        let own = mentioned(&format!("functions/{function}/src"));
        let unread: Vec<&str> = variables::of(function)
            .filter(|it| !own.contains(&constant(it)) && !shared.contains(&constant(it)))
            .map(|it| it.name)
            .collect();
        assert!(unread.is_empty(), "the {function} does not read {unread:?}");
        let known: BTreeSet<String> = variables::of(function).map(constant).collect();
        let foreign: Vec<&String> = own.difference(&known).collect();
        assert!(foreign.is_empty(), "the {function} reads {foreign:?}, and the data says nothing of it");
    }
    // No other text of a function names a variable, so none is read past the data.
    let literal = Regex::new(r#""(PUSHPOOL_[A-Z_]+)""#).unwrap();
    for directory in Function::ALL.map(|function| format!("functions/{function}/src")) {
        for file in files(&root().join(&directory), ".rs") {
            let text = std::fs::read_to_string(&file).unwrap();
            let text = text.split("#[cfg(test)]").next().unwrap();
            assert!(!literal.is_match(text), "{}: {:?}", file.display(), &literal.captures(text).unwrap()[1]);
        }
    }
}

#[test]
fn the_module_sets_what_the_data_says() {
    let locals = locals(&module(PUSHPOOL));
    for function in Function::ALL {
        let set = set(function.name(), &locals);
        let expected: BTreeSet<String> =
            variables::of(function).filter(|it| it.set_by == SetBy::Module).map(|it| it.name.to_owned()).collect();
        assert_eq!(set, expected, "{function}");
    }
}

/// The plan's part of that name: `module.poller[0].…` and others alike.
fn functions(applied: &Applied) -> BTreeMap<Function, Resource<'_>> {
    let all = applied.all("aws_lambda_function").into_values();
    let named = all.map(|it| {
        let name = it.text("function_name").strip_prefix(PREFIX).unwrap();
        (Function::named(&name[1..]).unwrap(), it)
    });
    named.collect()
}

fn name_of(arn: &str) -> &str {
    arn.rsplit(':').next().unwrap()
}

fn plans() -> [(Mode, Applied); 2] {
    [(Mode::Server, Applied::served()), (Mode::Standalone, Applied::standalone())]
}

#[test]
fn the_plan_has_the_queues_of_the_data_with_its_timings() {
    for (mode, applied) in plans() {
        let functions = functions(&applied);
        let queues: Vec<Queue> = Queue::ALL.into_iter().filter(|queue| queue.is_in(mode)).collect();
        let names: BTreeSet<String> =
            applied.all("aws_sqs_queue").into_values().map(|it| it.text("name").to_owned()).collect();
        let expected: BTreeSet<String> =
            queues.iter().flat_map(|queue| [queue.full_name(PREFIX), queue.full_dead_letters(PREFIX)]).collect();
        assert_eq!(names, expected);
        let mut timings = timing::Timings { queues: Vec::new(), ..timing::Timings::default() };
        for queue in queues {
            let all = applied.all("aws_sqs_queue");
            let it = all[&*format!("aws_sqs_queue.this[\"{queue}\"]")];
            let dead = all[&*format!("aws_sqs_queue.dead_letter[\"{queue}\"]")];
            assert_eq!(it.text("name"), queue.full_name(PREFIX));
            assert_eq!(dead.text("name"), queue.full_dead_letters(PREFIX));
            assert_eq!(it.number("message_retention_seconds"), queue.retention().as_secs());
            assert_eq!(it.number("receive_wait_time_seconds"), RECEIVE_WAIT.as_secs());
            assert_eq!(dead.number("message_retention_seconds"), DEAD_LETTER_RETENTION.as_secs());
            for it in [it, dead] {
                assert_eq!(*it.get("fifo_queue"), queue.is_fifo(), "{queue}");
            }
            let redrive = json!({"deadLetterTargetArn": dead.text("arn"), "maxReceiveCount": MAX_RECEIVE_COUNT});
            assert_eq!(*it.get("redrive_policy"), redrive);

            let mapping = applied.find("aws_lambda_event_source_mapping", "event_source_arn", it.text("arn"));
            let function = functions[&queue.consumer()];
            assert_eq!(name_of(mapping.text("function_name")), function.text("function_name"));
            assert_eq!(mapping.number("batch_size"), u64::from(BATCH_SIZE));
            let concurrency = mapping.block("scaling_config").number("maximum_concurrency");
            assert_eq!(concurrency, u64::from(MAXIMUM_CONCURRENCY));
            let (timeout, visibility) = (function.number("timeout"), it.number("visibility_timeout_seconds"));
            let window = Duration::from_secs(mapping.number("maximum_batching_window_in_seconds"));
            let seconds = Duration::from_secs;
            assert_eq!(seconds(visibility), timing::visibility(seconds(timeout), window));
            timings.queues.push((queue, seconds(timeout), seconds(visibility)));
        }
        for (name, it) in applied.all("aws_scheduler_schedule") {
            let every = rate(it.text("schedule_expression"));
            if name.contains(".tick") {
                assert_eq!(every, timing::TICK);
            } else {
                timings.passes = every;
                assert_eq!(every, timing::PASSES);
            }
        }
        assert_eq!(timings.broken(), Vec::<String>::new());
    }
}

/// `rate(1 minute)`, `rate(5 minutes)`.
fn rate(expression: &str) -> Duration {
    let inner = expression.strip_prefix("rate(").and_then(|it| it.strip_suffix(')')).unwrap();
    let (number, unit) = inner.split_once(' ').unwrap();
    assert!(["minute", "minutes"].contains(&unit), "{expression}");
    Duration::from_secs(60 * number.parse::<u64>().unwrap())
}

/// What the module makes of a variable's default, where that is not the function's.
const ELSEWHERE: [&str; 1] = [
    // Divided among the dispatchers that may run at once.
    "PUSHPOOL_RUN_TASK_RATE",
];

#[test]
fn the_plan_has_the_functions_of_the_data_with_variables_that_they_read() {
    for (mode, applied) in plans() {
        let functions = functions(&applied);
        let expected: Vec<Function> = Function::ALL.into_iter().filter(|function| function.is_in(mode)).collect();
        assert_eq!(functions.keys().copied().collect::<Vec<_>>(), expected);
        for (function, it) in functions {
            assert_eq!(it.number("memory_size"), u64::from(function.memory()));
            assert_eq!(it.number("timeout"), function.timeout().as_secs());
            let environment = it.block("environment").get("variables").as_object().unwrap();
            for (name, value) in environment {
                let variable = variables::named(name).unwrap_or_else(|| panic!("nothing reads {name}"));
                assert!(variable.is_read_by(function), "the {function} does not read {name}");
                assert!(variable.is_for(mode == Mode::Server), "{name} has no effect here");
                let preset = match variable.preset {
                    Preset::Number(number) => number.to_string(),
                    Preset::Flag(flag) => flag.to_string(),
                    Preset::Text(text) => text.to_owned(),
                    Preset::None | Preset::Derived(_) => continue,
                };
                if !ELSEWHERE.contains(&name.as_str()) {
                    assert_eq!(*value, Value::String(preset), "the default of {name} is the function's");
                }
            }
            for needed in variables::of(function).filter(|it| it.is_required_by(function) && it.set_by == SetBy::Module)
            {
                let has = environment.contains_key(needed.name) || !needed.is_for(mode == Mode::Server);
                assert!(has, "the {function} needs {}", needed.name);
            }
            for queue in Queue::ALL {
                if let Some(url) = environment.get(queue.url_variable().name).and_then(Value::as_str) {
                    assert_eq!(url.rsplit('/').next(), Some(&*queue.full_name(PREFIX)));
                }
            }
            if let Some(url) = environment.get(variables::DLQ_URL.name).and_then(Value::as_str) {
                let own = function.buries_in().unwrap().full_dead_letters(PREFIX);
                assert_eq!(url.rsplit('/').next(), Some(&*own));
            }
        }
    }
}

/// Where the table of a function's variables stands, and with what before each line.
fn places(function: Function) -> [(String, &'static str); 2] {
    let source = if function == Function::Dispatcher { "settings" } else { "main" };
    [("docs/functions.md".to_owned(), ""), (format!("functions/{function}/src/{source}.rs"), "//! ")]
}

#[test]
fn the_tables_of_variables_are_those_of_the_data() {
    let update = std::env::var_os("PUSHPOOL_UPDATE").is_some();
    for function in Function::ALL {
        for (path, before) in places(function) {
            let file = root().join(&path);
            let text = std::fs::read_to_string(&file).unwrap();
            let (begin, end) =
                (format!("{before}<!-- variables of the {function} -->\n"), format!("{before}<!-- end -->"));
            let (head, rest) = text.split_once(&begin).unwrap_or_else(|| panic!("{path} has no line {begin}"));
            let (_, tail) = rest.split_once(&end).unwrap_or_else(|| panic!("{path} has no line {end}"));
            let table: String = page::table(function).lines().map(|line| format!("{before}{line}\n")).collect();
            // A line of its own ends the comment that marks the place, and begins the next.
            let blank = format!("{}\n", before.trim_end());
            let expected = format!("{head}{begin}{blank}{table}{blank}{end}{tail}");
            if update {
                std::fs::write(&file, expected).unwrap();
            } else {
                assert!(text == expected, "{path} is out of date: PUSHPOOL_UPDATE=1 and this test write it");
            }
        }
    }
}
