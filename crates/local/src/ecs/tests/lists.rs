//! DescribeTasks, ListTasks, the other lists, and tags of resources.

use serde_json::{Value, json};

use super::{Desk, definition, run, with};
use crate::ecs::{Config, Lag};

const INVALID: &str = "InvalidParameterException";

fn list(desk: &mut Desk, input: Value) -> Vec<String> {
    let answer = desk.call("ListTasks", input).unwrap();
    answer["taskArns"].as_array().unwrap().iter().map(|arn| arn.as_str().unwrap().to_owned()).collect()
}

#[test]
fn describe_tasks_by_arn_and_by_id_with_missing_ones_as_failures() {
    let mut desk = Desk::ready(Config::default());
    desk.call("CreateCluster", json!({"clusterName": "other"})).unwrap();
    let here = desk.run(run("f"))[0].clone();
    let there = desk.run(with(run("f"), json!({"cluster": "other"})))[0].clone();
    let id = here.rsplit('/').next().unwrap();
    let answer = desk.call("DescribeTasks", json!({"tasks": [here, id, there, "nobody"]})).unwrap();
    assert_eq!(answer["tasks"].as_array().unwrap().len(), 2);
    let nobody = "arn:aws:ecs:us-east-1:123456789012:task/default/nobody";
    let missing = json!([{"arn": there, "reason": "MISSING"}, {"arn": nobody, "reason": "MISSING"}]);
    assert_eq!(answer["failures"], missing);
    let ids = |count: usize| json!({"tasks": vec![id; count]});
    assert!(desk.call("DescribeTasks", ids(100)).is_ok());
    assert_eq!(desk.refusal("DescribeTasks", ids(101)).0, INVALID);
    assert_eq!(desk.refusal("DescribeTasks", ids(0)).0, INVALID);
    assert_eq!(desk.refusal("DescribeTasks", json!({})).0, INVALID);
    let unknown = json!({"tasks": [id], "cluster": "nowhere"});
    assert_eq!(desk.refusal("DescribeTasks", unknown).0, "ClusterNotFoundException");
}

#[test]
fn stop_task_needs_a_task() {
    let mut desk = Desk::ready(Config::default());
    let (code, message) = desk.refusal("StopTask", json!({"task": "nobody"}));
    assert_eq!((code.as_str(), message.as_str()), (INVALID, "The referenced task was not found."));
    assert_eq!(desk.refusal("StopTask", json!({"task": "x", "cluster": "y"})).0, "ClusterNotFoundException");
}

#[test]
fn list_tasks_filters() {
    let mut desk = Desk::ready(Config::default());
    desk.call("RegisterTaskDefinition", definition("g", &["true"])).unwrap();
    desk.call("CreateCluster", json!({"clusterName": "other"})).unwrap();
    let a = desk.run(with(run("f"), json!({"startedBy": "a"})))[0].clone();
    let b = desk.run(with(run("g"), json!({"startedBy": "b"})))[0].clone();
    let c = desk.run(with(run("f"), json!({"startedBy": "a", "cluster": "other"})))[0].clone();
    assert_eq!(list(&mut desk, json!({})), [a.clone(), b.clone()]);
    assert_eq!(list(&mut desk, json!({"cluster": "other"})), [c]);
    assert_eq!(list(&mut desk, json!({"family": "g", "launchType": "FARGATE"})), std::slice::from_ref(&b));
    assert_eq!(list(&mut desk, json!({"startedBy": "a"})), std::slice::from_ref(&a));
    assert!(list(&mut desk, json!({"launchType": "EC2"})).is_empty());
    assert!(list(&mut desk, json!({"desiredStatus": "PENDING"})).is_empty());
    desk.call("StopTask", json!({"task": a})).unwrap();
    assert_eq!(list(&mut desk, json!({})), [b]);
    assert_eq!(list(&mut desk, json!({"desiredStatus": "STOPPED"})), std::slice::from_ref(&a));
    assert!(list(&mut desk, json!({"startedBy": "a"})).is_empty());
    assert_eq!(list(&mut desk, json!({"family": "f", "desiredStatus": "STOPPED"})), [a]);
    for filter in [
        json!({"family": "f"}),
        json!({"launchType": "FARGATE"}),
        json!({"containerInstance": "i"}),
        json!({"desiredStatus": "STOPPED"}),
        json!({"desiredStatus": "RUNNING"}),
    ] {
        assert_eq!(desk.refusal("ListTasks", with(filter, json!({"startedBy": "a"}))).0, INVALID);
    }
    assert_eq!(desk.refusal("ListTasks", json!({"serviceName": "s"})).0, "ServiceNotFoundException");
    assert_eq!(desk.refusal("ListTasks", json!({"desiredStatus": "DEAD"})).0, INVALID);
}

#[test]
fn an_ecs_that_takes_a_status_beside_started_by() {
    let mut desk = Desk::ready(Config { started_by_alone: false, ..Config::default() });
    let task = desk.run(with(run("f"), json!({"startedBy": "a"})))[0].clone();
    assert_eq!(list(&mut desk, json!({"startedBy": "a", "desiredStatus": "RUNNING"})), std::slice::from_ref(&task));
    desk.call("StopTask", json!({"task": task})).unwrap();
    assert_eq!(list(&mut desk, json!({"startedBy": "a", "desiredStatus": "STOPPED"})), [task]);
    assert_eq!(desk.refusal("ListTasks", json!({"startedBy": "a", "family": "f"})).0, INVALID);
}

#[test]
fn list_tasks_comes_in_pages() {
    let mut desk = Desk::ready(Config::default());
    let tasks: Vec<String> = (0..25).flat_map(|_| desk.run(with(run("f"), json!({"count": 10})))).collect();
    let mut seen = Vec::new();
    let mut input = json!({"maxResults": 100});
    loop {
        let answer = desk.call("ListTasks", input.clone()).unwrap();
        seen.extend(answer["taskArns"].as_array().unwrap().iter().map(|arn| arn.as_str().unwrap().to_owned()));
        match answer.get("nextToken") {
            Some(token) => input["nextToken"] = token.clone(),
            None => break,
        }
    }
    assert_eq!(seen, tasks);
    assert_eq!(list(&mut desk, json!({})).len(), 100);
    assert_eq!(list(&mut desk, json!({"maxResults": 3})).len(), 3);
    for size in [0, 101] {
        assert_eq!(desk.refusal("ListTasks", json!({"maxResults": size})).0, INVALID);
    }
    assert_eq!(desk.refusal("ListTasks", json!({"nextToken": "zz"})).0, INVALID);
}

#[test]
fn a_page_neither_skips_nor_repeats_when_tasks_go() {
    let mut desk = Desk::ready(Config::default());
    let tasks = desk.run(with(run("f"), json!({"count": 6})));
    let first = desk.call("ListTasks", json!({"maxResults": 3})).unwrap();
    // The last of the first page stops, and leaves the list.
    desk.call("StopTask", json!({"task": tasks[2]})).unwrap();
    let rest = list(&mut desk, json!({"nextToken": first["nextToken"]}));
    assert_eq!(rest, tasks[3..]);
}

#[test]
fn definitions_and_families_are_listed() {
    let mut desk = Desk::new(Config::default());
    for family in ["b", "a", "ab", "b"] {
        desk.call("RegisterTaskDefinition", definition(family, &[])).unwrap();
    }
    desk.call("DeregisterTaskDefinition", json!({"taskDefinition": "a:1"})).unwrap();
    let names = |desk: &mut Desk, operation: &str, member: &str, input: Value| -> Vec<String> {
        let answer = desk.call(operation, input).unwrap();
        let names = answer[member].as_array().unwrap().iter();
        names.map(|name| name.as_str().unwrap().rsplit('/').next().unwrap().to_owned()).collect()
    };
    let definitions = |desk: &mut Desk, input| names(desk, "ListTaskDefinitions", "taskDefinitionArns", input);
    assert_eq!(definitions(&mut desk, json!({})), ["ab:1", "b:1", "b:2"]);
    assert_eq!(definitions(&mut desk, json!({"sort": "DESC"})), ["b:2", "b:1", "ab:1"]);
    assert_eq!(definitions(&mut desk, json!({"familyPrefix": "b"})), ["b:1", "b:2"]);
    assert_eq!(definitions(&mut desk, json!({"status": "INACTIVE"})), ["a:1"]);
    let families = |desk: &mut Desk, input| names(desk, "ListTaskDefinitionFamilies", "families", input);
    assert_eq!(families(&mut desk, json!({})), ["a", "ab", "b"]);
    assert_eq!(families(&mut desk, json!({"status": "ACTIVE"})), ["ab", "b"]);
    assert_eq!(families(&mut desk, json!({"status": "ALL", "familyPrefix": "a"})), ["a", "ab"]);
    assert_eq!(families(&mut desk, json!({"status": "INACTIVE"})), ["a"]);
}

#[test]
fn definitions_come_in_pages_in_either_order() {
    let mut desk = Desk::new(Config::default());
    for family in ["a", "a-b", "a"].iter().cycle().take(33) {
        desk.call("RegisterTaskDefinition", definition(family, &[])).unwrap();
    }
    let all = desk.call("ListTaskDefinitions", json!({})).unwrap()["taskDefinitionArns"].as_array().unwrap().clone();
    assert_eq!(all.len(), 33);
    for sort in ["ASC", "DESC"] {
        let mut seen = Vec::new();
        let mut input = json!({"maxResults": 10, "sort": sort});
        loop {
            let answer = desk.call("ListTaskDefinitions", input.clone()).unwrap();
            seen.extend(answer["taskDefinitionArns"].as_array().unwrap().clone());
            match answer.get("nextToken") {
                Some(token) => input["nextToken"] = token.clone(),
                None => break,
            }
        }
        if sort == "DESC" {
            seen.reverse();
        }
        assert_eq!(seen, all);
    }
}

#[test]
fn tags_of_resources() {
    let mut desk = Desk::ready(Config::default());
    let task = desk.run(with(run("f"), json!({"tags": [{"key": "a", "value": "1"}]})))[0].clone();
    let cluster = "arn:aws:ecs:us-east-1:123456789012:cluster/default";
    let definition = "arn:aws:ecs:us-east-1:123456789012:task-definition/f:1";
    for arn in [task.as_str(), cluster, definition] {
        let more = json!([{"key": "a", "value": "2"}, {"key": "b", "value": "3"}]);
        desk.call("TagResource", json!({"resourceArn": arn, "tags": more})).unwrap();
        let tags = desk.call("ListTagsForResource", json!({"resourceArn": arn})).unwrap();
        assert_eq!(tags["tags"], more);
        desk.call("UntagResource", json!({"resourceArn": arn, "tagKeys": ["a"]})).unwrap();
        let tags = desk.call("ListTagsForResource", json!({"resourceArn": arn})).unwrap();
        assert_eq!(tags["tags"], json!([{"key": "b", "value": "3"}]));
    }
    let fifty: Vec<Value> = (0..50).map(|n| json!({"key": format!("k{n}")})).collect();
    assert_eq!(desk.refusal("TagResource", json!({"resourceArn": task, "tags": fifty})).0, INVALID);
    for arn in ["arn:aws:ecs:us-east-1:123456789012:task/default/nobody", "f:1", cluster.strip_suffix("t").unwrap()] {
        assert_eq!(desk.refusal("ListTagsForResource", json!({"resourceArn": arn})).0, INVALID, "{arn}");
    }
}

#[test]
fn reads_may_see_writes_late() {
    let mut desk = Desk::new(Config { lag: Lag { tasks: 5_000, definitions: 2_000 }, ..Config::default() });
    desk.call("RegisterTaskDefinition", definition("f", &["true"])).unwrap();
    let described = json!({"taskDefinition": "f:1"});
    assert_eq!(desk.refusal("DescribeTaskDefinition", described.clone()).0, "ClientException");
    assert_eq!(desk.refusal("RunTask", run("f")).1, "TaskDefinition not found.");
    desk.advance(2_000);
    assert!(desk.call("DescribeTaskDefinition", described).is_ok());
    let task = desk.run(with(run("f"), json!({"clientToken": "t"})))[0].clone();
    assert_eq!(desk.run(with(run("f"), json!({"clientToken": "t"})))[0], task, "the token holds at once");
    let asked = json!({"tasks": [task]});
    assert_eq!(desk.call("DescribeTasks", asked.clone()).unwrap()["failures"][0]["reason"], "MISSING");
    assert!(list(&mut desk, json!({})).is_empty());
    desk.advance(5_000);
    assert_eq!(desk.call("DescribeTasks", asked).unwrap()["tasks"].as_array().unwrap().len(), 1);
    assert_eq!(list(&mut desk, json!({})), [task]);
}
