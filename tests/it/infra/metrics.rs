//! Dashboard and alarms name metrics that functions emit, with the dimensions they emit them with; the runbook has an entry for
//! each alarm.

use std::collections::{BTreeMap, BTreeSet};

use dispatch::metrics::{Dimensions, METRICS};
use hcl::{Block, Expression, expr::TraversalOperator};
use regex_lite::Regex;

use super::{PUSHPOOL, attribute, attributes, locals, member, module, read, resources, text, walk};

/// `var.prefix`, which is the namespace of our metrics.
fn is_prefix(expression: &Expression) -> bool {
    let Expression::Traversal(traversal) = expression else { return false };
    matches!(&traversal.expr, Expression::Variable(root) if root.as_str() == "var")
        && matches!(&traversal.operators[..], [TraversalOperator::GetAttr(name)] if name.as_str() == "prefix")
}

/// Our metrics in an expression: name, and whether it is asked for by work pool.
fn named(expression: &Expression) -> Vec<(String, bool)> {
    let search = Regex::new(r#"SEARCH\('\{\$\{var\.prefix\},WorkPool\} MetricName=\\?"(.+?)\\?"'"#).unwrap();
    let mut found = Vec::new();
    walk(expression, &mut |part| {
        if let Expression::Array(items) = part
            && let [namespace, name, ..] = &items[..]
            && is_prefix(namespace)
        {
            assert!(
                matches!(items.get(2), Some(Expression::Object(_))),
                "{name:?} has dimensions, and ours is in SEARCH"
            );
            found.push((text(name).unwrap(), false));
        }
        let Some(text) = text(part) else { return };
        assert!(!text.contains("FROM SCHEMA"), "a query is billed for each metric that it analyses: {text}");
        if text.contains("SEARCH(") && !text.starts_with("SUM(") {
            assert!(search.is_match(&text), "a search that this test does not understand: {text}");
        }
    });
    found
}

/// The searches of the dashboard are made of a list of names and statistics.
fn searched(locals: &BTreeMap<String, Expression>) -> Vec<(String, bool)> {
    let Expression::ForExpr(each) = &locals["by_pool"] else { panic!("by_pool is made by a for expression") };
    let template = text(&each.value_expr).unwrap();
    assert!(template.starts_with("SEARCH('{${var.prefix},WorkPool} MetricName="), "{template}");
    let Expression::Object(names) = &each.collection_expr else { panic!("of an object") };
    names
        .iter()
        .map(|(_, pair)| {
            let Expression::Array(pair) = pair else { panic!("with pairs") };
            (text(&pair[0]).unwrap(), true)
        })
        .collect()
}

fn check(named: &[(String, bool)]) {
    for (name, by_pool) in named {
        let metric = METRICS.iter().find(|metric| metric.name == name);
        let metric = metric.unwrap_or_else(|| panic!("{name} is watched, and no function emits it"));
        assert!(metric.is_sent(*by_pool), "{name} is watched by work pool: {by_pool}; {:?}", metric.dimensions);
    }
}

fn alarms(locals: &BTreeMap<String, Expression>, of: &str, member_name: &str) -> Vec<String> {
    let Expression::Object(alarms) = &locals[of] else { panic!("{of} is an object") };
    alarms.iter().map(|(_, alarm)| text(member(alarm, member_name).unwrap()).unwrap()).collect()
}

#[test]
fn dashboard_and_alarms_name_metrics_that_are_emitted() {
    let blocks = module(PUSHPOOL);
    let locals = locals(&blocks);
    let mut all = searched(&locals);
    all.extend(alarms(&locals, "plain_alarms", "metric").into_iter().map(|name| (name, false)));
    for (_, expression) in attributes(&blocks) {
        all.extend(named(expression));
    }
    check(&all);
    // Both kinds were found.
    for expected in
        [("Polls", false), ("DueToLaunch", true), ("Crashed", true), ("Crashed", false), ("LaunchToRunning", false)]
    {
        assert!(all.iter().any(|(name, by_pool)| (name.as_str(), *by_pool) == expected), "{expected:?} in {all:?}");
    }
}

/// In the order of the code, each with the alarm that watches it.
#[test]
fn the_table_of_metrics_is_that_of_the_code() {
    let locals = locals(&module(PUSHPOOL));
    let [watched, entries] = ["metric", "runbook"].map(|name| alarms(&locals, "plain_alarms", name));
    let alarms: BTreeMap<String, String> = watched.into_iter().zip(entries).collect();
    let page = read("docs/operating.md");
    let rows = page.lines().skip_while(|line| !line.starts_with("| metric |")).skip(2);
    let rows: Vec<&str> = rows.take_while(|line| line.starts_with('|')).collect();
    assert_eq!(rows.len(), METRICS.len());
    for (row, metric) in rows.into_iter().zip(METRICS) {
        let pool = match metric.dimensions {
            Dimensions::None => "none",
            Dimensions::WorkPool => "pool",
            Dimensions::WorkPoolIfKnown => "pool if known",
        };
        let total = if metric.total { "; none" } else { "" };
        let start =
            format!("| {} | {} | {pool}{total} | {} | ", metric.name, metric.unit, metric.emitted_by.join(", "));
        assert!(row.starts_with(&start), "{row} does not start with {start}");
        let alarm = alarms.get(metric.name).map_or_else(String::new, |alarm| format!(" [{alarm}](runbook.md#{alarm})"));
        assert!(row.ends_with(&format!(" |{alarm} |")), "{row} does not end with the alarm `{alarm}`");
    }
}

/// An alarm that is written otherwise would escape the test above.
#[test]
fn alarms_are_written_in_one_of_two_ways() {
    let blocks = module(PUSHPOOL);
    for (name, body) in resources(&blocks, "aws_cloudwatch_metric_alarm") {
        match attribute(body, "namespace") {
            Some(namespace) if is_prefix(namespace) => assert_eq!(name, "plain"),
            Some(namespace) => assert!(text(namespace).unwrap().starts_with("AWS/"), "{name}"),
            None => panic!("{name} has no metric of its own"),
        }
    }
}

#[test]
fn what_the_table_of_reasons_counts_is_in_the_lines() {
    let query = locals(&module(PUSHPOOL)).remove("reasons").unwrap();
    let counted = Regex::new(r"sum\((\w+)\)").unwrap();
    let mut names = BTreeSet::new();
    walk(&query, &mut |part| {
        let text = text(part).unwrap_or_default();
        names.extend(counted.captures_iter(&text).map(|seen| seen[1].to_owned()));
    });
    assert!(names.len() > 1, "{names:?}");
    for name in names {
        assert!(METRICS.iter().any(|metric| metric.name == name), "{name}");
    }
    assert!(read("crates/dispatch/src/outcome/dispatched.rs").contains(r#"line["Code"]"#));
}

/// The anchors that alarms point to.
fn pointed_to(blocks: &[Block]) -> BTreeSet<String> {
    let locals = locals(blocks);
    let single = locals.iter().filter(|(name, _)| name.ends_with("_runbook")).map(|(_, it)| text(it).unwrap());
    let mut all: BTreeSet<String> = single.collect();
    all.extend(alarms(&locals, "plain_alarms", "runbook"));
    all
}

#[test]
fn every_alarm_has_an_entry_in_the_runbook_and_nothing_else_has() {
    let page = read("docs/runbook.md");
    let entries: Vec<&str> = page.split("\n## ").skip(1).collect();
    let headings: BTreeSet<String> = entries.iter().map(|it| it.lines().next().unwrap().to_owned()).collect();
    assert_eq!(headings, pointed_to(&module(PUSHPOOL)));
    for entry in entries {
        for part in ["**Means.**", "**Look at.**", "**Do.**"] {
            assert!(entry.contains(part), "{part} in: {entry}");
        }
    }
    // Every alarm says where its entry is.
    for (name, body) in resources(&module(PUSHPOOL), "aws_cloudwatch_metric_alarm") {
        let says = text(attribute(body, "alarm_description").unwrap()).unwrap();
        assert!(says.contains("docs/runbook.md#${"), "{name}: {says}");
    }
}

#[test]
fn every_code_that_the_runbook_names_is_one() {
    let codes: BTreeSet<&str> = diagnosis::codes().map(diagnosis::Code::id).collect();
    let code = Regex::new(r"PP\d{4}").unwrap();
    for seen in code.find_iter(&read("docs/runbook.md")) {
        assert!(codes.contains(seen.as_str()), "{}", seen.as_str());
    }
}
