//! docs/cost.md: its counts are the code's and the module's, and its tables follow from its formula.
//! `PUSHPOOL_UPDATE=1 cargo test -p pushpool-tests --test it -- infra::cost` writes the tables.

use std::collections::BTreeMap;

use dispatch::metrics::METRICS;
use hcl::Expression;

use super::{FUNCTIONS, PUSHPOOL, attribute, locals, member, module, read, root, walk};

const PAGE: &str = "docs/cost.md";
const BEGIN: &str = "<!-- written by the test infra::cost -->";
const END: &str = "<!-- end -->";
const IDLE_BEGIN: &str = "<!-- idle: written by the test infra::cost -->";
const IDLE_END: &str = "<!-- end of idle -->";

/// The page's numbers by name.
fn numbers(page: &str) -> BTreeMap<String, f64> {
    let rows = page.lines().filter_map(|line| line.strip_prefix("| `"));
    rows.filter_map(|row| {
        let (name, rest) = row.split_once("` | ")?;
        Some((name.to_owned(), rest.split(' ').next()?.parse().ok()?))
    })
    .collect()
}

fn number(of: &BTreeMap<String, f64>, name: &str) -> f64 {
    *of.get(name).unwrap_or_else(|| panic!("{PAGE} has no `{name}`"))
}

/// What an idle month costs, by its parts: dollars, and dollars that are left of them with the free tiers.
fn idle(of: &BTreeMap<String, f64>) -> Vec<(&'static str, f64, f64)> {
    let n = |name: &str| number(of, name);
    let million = |name: &str| n(name) / 1e6;
    let polls = n("hours") * 3600.0 / n("poll_interval");
    let passes = n("hours") * 60.0 / n("reconcile_minutes");
    let receives = n("queues") * n("pollers") * n("hours") * 180.0;
    let seconds = (polls * n("poll_seconds") + passes * n("pass_seconds")) * n("function_gb");
    let logs = (polls + passes) * n("log_kb_idle") / 1e6;
    let over = |used: f64, free: f64, price: f64| (used * price, (used - free).max(0.0) * price);
    // The free million of SQS is for receives and messages together.
    let sqs = over(receives, 1e6 - 3.0 * polls, million("sqs_million_requests"));
    let requests = over(polls + passes, 1e6, million("lambda_million_requests"));
    let time = over(seconds, 400_000.0, n("lambda_gb_second"));
    let parts = [
        ("SQS: Lambda's pollers ask the queues", sqs),
        ("SQS: ticks are sent, received, deleted", over(3.0 * polls, 1e6, million("sqs_million_requests"))),
        ("Lambda: polls and passes", (requests.0 + time.0, requests.1 + time.1)),
        ("Scheduler: ticks and passes", over(n("hours") * 60.0 + passes, 14e6, million("scheduler_million"))),
        ("Logs", over(logs, 5.0, n("logs_gb"))),
        ("Metrics", over(n("metrics_idle"), 10.0, n("metric"))),
    ];
    parts.into_iter().map(|(name, (all, left))| (name, all, left)).collect()
}

/// What an idle month costs with so many alarms: without and with the free tiers.
fn idle_month(of: &BTreeMap<String, f64>, alarms: f64) -> (f64, f64) {
    let parts = idle(of);
    let sum = |part: fn(&(&str, f64, f64)) -> f64| parts.iter().map(part).sum::<f64>();
    (
        sum(|part| part.1) + alarms * number(of, "alarm"),
        sum(|part| part.2) + (alarms - 10.0).max(0.0) * number(of, "alarm"),
    )
}

/// What a month of so many runs costs, in batches of `batch`.
fn month(of: &BTreeMap<String, f64>, alarms: &str, runs: f64, batch: f64) -> f64 {
    let n = |name: &str| number(of, name);
    let million = |name: &str| n(name) / 1e6;
    let alarms = if alarms.is_empty() { 0.0 } else { n(alarms) };
    let busy = n("metrics_busy") * (runs / n("hours")).min(1.0) * n("metric");
    let dispatch = n(&format!("dispatch_seconds_{batch}"));
    let run = (2.0 + 7.0 / batch) * million("sqs_million_requests")
        + 3.0 / batch * million("lambda_million_requests")
        + (dispatch + 2.0 * n("observe_seconds")) / batch * n("function_gb") * n("lambda_gb_second")
        + n("log_kb_run") / 1e6 * n("logs_gb");
    idle_month(of, alarms).0 + busy + runs * run
}

fn idle_table(of: &BTreeMap<String, f64>) -> String {
    let mut text = String::from("| part | a month |\n| --- | --- |\n");
    for (name, dollars, _) in idle(of) {
        text += &format!("| {name} | ${dollars:.2} |\n");
    }
    text += "\n| level of alarms | alarms | a month | with the free tiers |\n| --- | --- | --- | --- |\n";
    for (level, alarms) in [("all", of["alarms_all"]), ("essential", of["alarms_essential"]), ("none", 0.0)] {
        let (dollars, left) = idle_month(of, alarms);
        text += &format!("| {level} | {alarms} | ${dollars:.2} | ${left:.2} |\n");
    }
    text
}

fn table(of: &BTreeMap<String, f64>) -> String {
    let worker = |vcpu: f64, gb: f64| of["hours"] * (vcpu * of["fargate_vcpu_hour"] + gb * of["fargate_gb_hour"]);
    let mut text = String::from(
        "| runs a day | batches of | all alarms | essential alarms | no alarms | of it for runs | smallest worker | \
         usual worker |\n| --- | --- | --- | --- | --- | --- | --- | --- |\n",
    );
    for (daily, name, batch) in
        [(0.0, "none", 1.0), (10.0, "10", 1.0), (1e3, "1,000", 1.0), (1e5, "100,000", 1.0), (1e5, "100,000", 10.0)]
    {
        let runs = daily * of["hours"] / 24.0;
        let costs = |alarms: &str| month(of, alarms, runs, batch);
        text += &format!(
            "| {name} | {batch} | ${:.2} | ${:.2} | ${:.2} | ${:.2} | ${:.2} | ${:.2} |\n",
            costs("alarms_all"),
            costs("alarms_essential"),
            costs(""),
            costs("") - month(of, "", 0.0, batch),
            worker(0.25, 0.5),
            worker(1.0, 2.0),
        );
    }
    let extras = ["public_ipv4_hour", "nat_hour"].map(|name| of["hours"] * of[name]);
    text + &format!("\nA public address adds ${:.2} a month to a worker, a NAT gateway ${:.2}.\n", extras[0], extras[1])
}

/// The page with what stands between two lines replaced.
fn with(page: &str, begin: &str, end: &str, text: &str) -> String {
    let (head, rest) = page.split_once(begin).unwrap();
    let (_, tail) = rest.split_once(end).unwrap();
    format!("{head}{begin}\n\n{text}\n{end}{tail}")
}

#[test]
fn the_tables_follow_from_the_formula() {
    let page = read(PAGE);
    let of = numbers(&page);
    let expected = with(&page, BEGIN, END, &table(&of));
    let expected = with(&expected, IDLE_BEGIN, IDLE_END, &idle_table(&of));
    if std::env::var_os("PUSHPOOL_UPDATE").is_some() {
        std::fs::write(root().join(PAGE), expected).unwrap();
    } else {
        assert!(page == expected, "{PAGE} is out of date: PUSHPOOL_UPDATE=1 and this test write it");
    }
}

#[test]
fn an_idle_month_with_essential_alarms_costs_less_than_two_dollars_and_a_half() {
    let of = numbers(&read(PAGE));
    let (dollars, _) = idle_month(&of, of["alarms_essential"]);
    assert!(dollars < 2.5, "{dollars}");
}

/// What the README promises is what the page comes to.
#[test]
fn the_readme_says_the_same() {
    let of = numbers(&read(PAGE));
    let readme = read("README.md");
    for alarms in ["alarms_all", "alarms_essential"] {
        let says = format!("${:.2}", idle_month(&of, of[alarms]).0);
        assert!(readme.contains(&says), "README.md has no {says} ({alarms})");
    }
}

#[test]
fn what_is_paid_each_hour_is_what_the_code_sends() {
    let of = numbers(&read(PAGE));
    let billed = |names: &[&str]| -> f64 {
        let metrics = names.iter().map(|name| METRICS.iter().find(|metric| metric.name == *name).unwrap());
        metrics.map(|metric| if metric.total { 2.0 } else { 1.0 }).sum()
    };
    assert_eq!(billed(&["Polls"]), of["metrics_idle"]);
    let busy = ["Found", "Sent", "OldestDue", "Launched", "DueToLaunch", "LaunchToRunning"];
    assert_eq!(billed(&busy), of["metrics_busy"]);
}

/// `optional(number, 20)`, or a plain number, wherever it stands.
fn default_of(expression: &Expression, name: &str) -> Option<f64> {
    let mut found = None;
    walk(expression, &mut |part| {
        if let Some(Expression::FuncCall(call)) = member(part, name)
            && let Some(Expression::Number(number)) = call.args.get(1)
        {
            found = number.as_f64();
        }
    });
    found
}

#[test]
fn counts_and_prices_are_the_modules() {
    let of = numbers(&read(PAGE));
    let blocks = module(PUSHPOOL);
    let variable = |name: &str| {
        blocks.iter().find(|it| it.identifier() == "variable" && it.labels()[0].as_str() == name).unwrap().body()
    };
    let default = |of: &str, name: &str| default_of(attribute(variable(of), "type").unwrap(), name);
    for price in ["lambda_gb_second", "lambda_million_requests", "sqs_million_requests"] {
        assert_eq!(default("prices", price), Some(of[price]), "{price}");
    }
    assert_eq!(default("prefect", "poll_interval"), Some(of["poll_interval"]));
    let Some(Expression::Number(minutes)) = attribute(variable("reconcile_minutes"), "default") else { panic!() };
    assert_eq!(minutes.as_f64(), Some(of["reconcile_minutes"]));
    for function in FUNCTIONS.into_iter().filter(|it| *it != "doorbell") {
        let manifest: toml::Table = read(&format!("functions/{function}/Cargo.toml")).parse().unwrap();
        let memory = manifest["package"]["metadata"]["lambda"]["deploy"]["memory"].as_integer().unwrap();
        assert_eq!(memory as f64 / 1024.0, of["function_gb"], "{function}");
    }
    let locals = locals(&blocks);
    let size = |name: &str| {
        let Expression::Object(object) = &locals[name] else { panic!("{name} is an object") };
        object.len()
    };
    let Expression::Array(fed) = &locals["functions_of_queues"] else { panic!("a list") };
    // Errors and throttles of the functions without the doorbell, and refused invocations of those that queues feed.
    let all = size("plain_alarms") + size("all_queues") + 2 * (FUNCTIONS.len() - 1) + fed.len();
    let Expression::Object(plain) = &locals["plain_alarms"] else { panic!("plain_alarms is an object") };
    let essential =
        plain.iter().filter(|(_, alarm)| member(alarm, "essential") == Some(&Expression::Bool(true))).count();
    let Expression::Array(queues) = &locals["essential_dead_letters"] else { panic!("a list") };
    assert_eq!(
        (size("all_queues") as f64, all as f64, (essential + queues.len()) as f64),
        (of["queues"], of["alarms_all"], of["alarms_essential"])
    );
}
