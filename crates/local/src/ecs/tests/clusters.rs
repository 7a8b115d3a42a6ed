//! Clusters.

use serde_json::json;

use super::{Desk, run, with};
use crate::ecs::Config;

#[test]
fn clusters_are_created_listed_described_and_deleted() {
    let mut desk = Desk::new(Config { clusters: vec![], ..Config::default() });
    assert_eq!(desk.refusal("ListTasks", json!({})).0, "ClusterNotFoundException");
    let created = desk.call("CreateCluster", json!({})).unwrap();
    assert_eq!(created["cluster"]["clusterName"], "default");
    let arn = "arn:aws:ecs:us-east-1:123456789012:cluster/work";
    let created = desk.call("CreateCluster", json!({"clusterName": "work"})).unwrap();
    assert_eq!(created["cluster"]["clusterArn"], arn);
    assert_eq!(desk.call("CreateCluster", json!({"clusterName": "work"})).unwrap(), created);
    assert_eq!(desk.refusal("CreateCluster", json!({"clusterName": "a b"})).0, "InvalidParameterException");
    let listed = desk.call("ListClusters", json!({})).unwrap();
    assert_eq!(listed["clusterArns"].as_array().unwrap().len(), 2);
    let described = desk.call("DescribeClusters", json!({"clusters": [arn, "nowhere"]})).unwrap();
    assert_eq!(described["clusters"][0]["status"], "ACTIVE");
    let missing = "arn:aws:ecs:us-east-1:123456789012:cluster/nowhere";
    assert_eq!(described["failures"], json!([{"arn": missing, "reason": "MISSING"}]));
    let deleted = desk.call("DeleteCluster", json!({"cluster": "work"})).unwrap();
    assert_eq!(deleted["cluster"]["status"], "INACTIVE");
    assert_eq!(desk.call("ListClusters", json!({})).unwrap()["clusterArns"].as_array().unwrap().len(), 1);
    let (code, message) = desk.refusal("ListTasks", json!({"cluster": "work"}));
    assert_eq!(
        (code.as_str(), message.as_str()),
        ("InvalidParameterException", "The referenced cluster was inactive.")
    );
    assert_eq!(desk.refusal("DeleteCluster", json!({"cluster": "nowhere"})).0, "ClusterNotFoundException");
}

#[test]
fn a_cluster_with_tasks_stays() {
    let mut desk = Desk::ready(Config::default());
    let task = desk.run(run("f"))[0].clone();
    desk.until_running();
    let counted = desk.call("DescribeClusters", json!({})).unwrap();
    assert_eq!(counted["clusters"][0]["runningTasksCount"], 1);
    assert_eq!(desk.refusal("DeleteCluster", json!({"cluster": "default"})).0, "ClusterContainsTasksException");
    desk.call("StopTask", json!({"task": task})).unwrap();
    desk.engine.exited(desk.now, &crate::ecs::ContainerId { task_arn: task, index: 0 }, 0);
    desk.advance(1000);
    desk.call("DeleteCluster", json!({"cluster": "default"})).unwrap();
}

#[test]
fn strategies_use_the_providers_of_the_cluster() {
    let mut desk = Desk::ready(Config::default());
    desk.call("CreateCluster", json!({"clusterName": "bare"})).unwrap();
    let spot = json!([{"capacityProvider": "FARGATE_SPOT", "weight": 1}]);
    let request = with(run("f"), json!({"launchType": null, "capacityProviderStrategy": spot, "cluster": "bare"}));
    assert!(desk.refusal("RunTask", request).1.contains("FARGATE_SPOT"));
    let strategy =
        json!({"clusterName": "spot", "capacityProviders": ["FARGATE_SPOT"], "defaultCapacityProviderStrategy": spot});
    desk.call("CreateCluster", strategy).unwrap();
    let task = desk.call("RunTask", with(run("f"), json!({"launchType": null, "cluster": "spot"}))).unwrap();
    assert_eq!(task["tasks"][0]["capacityProviderName"], "FARGATE_SPOT");
}

#[test]
fn an_operation_that_is_not_modelled_says_so() {
    let mut desk = Desk::new(Config::default());
    assert_eq!(desk.refusal("CreateService", json!({})).0, "UnknownOperationException");
}
