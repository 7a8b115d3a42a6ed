//! docs/cost.md: its counts are the code's and the module's, and its table follows from its formula.
//! `PUSHPOOL_UPDATE=1 cargo test -p pushpool-tests --test it -- infra::cost` writes the table.

use std::collections::BTreeMap;

use hcl::Expression;

use super::{FUNCTIONS, PUSHPOOL, attribute, locals, member, module, read, root, walk};

const PAGE: &str = "docs/cost.md";
const BEGIN: &str = "<!-- written by the test infra::cost -->";
const END: &str = "<!-- end -->";

/// The page's numbers by name.
fn numbers(page: &str) -> BTreeMap<String, f64> {
    let rows = page.lines().filter_map(|line| line.strip_prefix("| `"));
    rows.filter_map(|row| {
        let (name, rest) = row.split_once("` | ")?;
        Some((name.to_owned(), rest.split(' ').next()?.parse().ok()?))
    })
    .collect()
}

/// What a month of so many runs costs, in batches of `batch`.
fn month(of: &BTreeMap<String, f64>, runs: f64, batch: f64) -> f64 {
    let n = |name: &str| *of.get(name).unwrap_or_else(|| panic!("{PAGE} has no `{name}`"));
    let million = |name: &str| n(name) / 1e6;
    let polls = n("hours") * 3600.0 / n("poll_interval");
    let passes = n("hours") * 60.0 / n("reconcile_minutes");
    let idle = (3.0 * polls + n("queues") * n("pollers") * n("hours") * 180.0) * million("sqs_million_requests")
        + (polls + passes) * million("lambda_million_requests")
        + (polls * n("poll_seconds") + passes * n("pass_seconds")) * n("function_gb") * n("lambda_gb_second")
        + (n("hours") * 60.0 + passes) * million("scheduler_million")
        + (polls + passes) * n("log_kb_idle") / 1e6 * n("logs_gb");
    let watched = n("alarms") * n("alarm") + (4.0 + 3.0 * (runs / n("hours")).min(1.0)) * n("metric");
    let dispatch = n(&format!("dispatch_seconds_{batch}"));
    let run = (2.0 + 7.0 / batch) * million("sqs_million_requests")
        + 3.0 / batch * million("lambda_million_requests")
        + (dispatch + 2.0 * n("observe_seconds")) / batch * n("function_gb") * n("lambda_gb_second")
        + n("log_kb_run") / 1e6 * n("logs_gb");
    idle + watched + runs * run
}

fn table(of: &BTreeMap<String, f64>) -> String {
    let worker = |vcpu: f64, gb: f64| of["hours"] * (vcpu * of["fargate_vcpu_hour"] + gb * of["fargate_gb_hour"]);
    let mut unwatched = of.clone();
    unwatched.insert("alarms".to_owned(), 0.0);
    let mut text = String::from(
        "| runs a day | batches of | pushpool | without alarms | of it for runs | smallest worker | usual worker |\n\
         | --- | --- | --- | --- | --- | --- | --- |\n",
    );
    for (daily, name, batch) in
        [(0.0, "none", 1.0), (10.0, "10", 1.0), (1e3, "1,000", 1.0), (1e5, "100,000", 1.0), (1e5, "100,000", 10.0)]
    {
        let runs = daily * of["hours"] / 24.0;
        let all = month(of, runs, batch);
        text += &format!(
            "| {name} | {batch} | ${all:.2} | ${:.2} | ${:.2} | ${:.2} | ${:.2} |\n",
            month(&unwatched, runs, batch),
            all - month(of, 0.0, batch),
            worker(0.25, 0.5),
            worker(1.0, 2.0),
        );
    }
    let extras = ["public_ipv4_hour", "nat_hour"].map(|name| of["hours"] * of[name]);
    text + &format!("\nA public address adds ${:.2} a month to a worker, a NAT gateway ${:.2}.\n", extras[0], extras[1])
}

#[test]
fn the_table_follows_from_the_formula() {
    let page = read(PAGE);
    let (head, rest) = page.split_once(BEGIN).unwrap();
    let (_, tail) = rest.split_once(END).unwrap();
    let expected = format!("{head}{BEGIN}\n\n{}\n{END}{tail}", table(&numbers(&page)));
    if std::env::var_os("PUSHPOOL_UPDATE").is_some() {
        std::fs::write(root().join(PAGE), expected).unwrap();
    } else {
        assert!(page == expected, "{PAGE} is out of date: PUSHPOOL_UPDATE=1 and this test write it");
    }
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
    // Errors and throttles of four functions.
    let alarms = size("plain_alarms") + size("pool_alarms") + size("all_queues") + 2 * (FUNCTIONS.len() - 1);
    assert_eq!((size("all_queues") as f64, alarms as f64), (of["queues"], of["alarms"]));
}
