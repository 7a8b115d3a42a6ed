//! Each finding with its place, what was found and what to do.

use serde_json::{Value, json};

use super::*;

fn definition() -> Value {
    json!({
        "family": "f", "requiresCompatibilities": ["FARGATE"], "networkMode": "awsvpc", "cpu": "256", "memory": "512",
        "containerDefinitions": [{"name": "prefect", "image": "flows:1"}],
    })
}

fn with(mut base: Value, pointer: &str, value: Value) -> Value {
    let (parent, member) = pointer.rsplit_once('/').unwrap();
    base.pointer_mut(parent).unwrap()[member] = value;
    base
}

/// Code and detail of each refusal of a definition with one member changed.
fn refusals(pointer: &str, value: Value) -> Vec<(Code, String)> {
    let refusals = register_task_definition(&with(definition(), pointer, value));
    refusals.iter().map(|it| it.reason("task_definition").diagnosis).map(|it| (it.code, it.detail)).collect()
}

#[test]
fn a_legal_definition_is_not_refused() {
    assert_eq!(register_task_definition(&definition()), []);
    assert_eq!(suits(&definition()), Suits { fargate: true, ec2: true });
}

#[test]
fn every_finding_names_its_place_what_is_there_and_what_is_allowed() {
    let ecr = "123456789012.dkr.ecr.us-east-1.amazonaws.com/flows:1";
    for (pointer, value, code, words) in [
        (
            "/containerDefinitions/0/name",
            json!("my flow"),
            CONTAINER,
            "task_definition.containerDefinitions[0].name: found \"my flow\", allowed: up to 255",
        ),
        ("/containerDefinitions/0/name", json!("flow@v1"), CONTAINER, "\"flow@v1\""),
        ("/containerDefinitions/0/name", json!("Ünï"), CONTAINER, "\"Ünï\""),
        ("/containerDefinitions/0/name", json!("x".repeat(256)), CONTAINER, "xxx…\""),
        ("/containerDefinitions/0/image", json!("my image:1"), CONTAINER, "[0].image: found \"my image:1\""),
        ("/containerDefinitions/0/image", json!("image:1\n"), CONTAINER, "\"image:1\\n\""),
        ("/containerDefinitions/0/image", json!(ecr), ROLE, "in ECR, and no execution role"),
        (
            "/executionRoleArn",
            json!("arn:aws:iam::1:user/x"),
            DEFINITION,
            "executionRoleArn: found \"arn:aws:iam::1:user/x\", allowed: arn:aws:iam::ACCOUNT:role/NAME",
        ),
        ("/taskRoleArn", json!("not a role"), DEFINITION, "\"not a role\""),
        ("/containerDefinitions/0/memory", json!(1024), CONTAINER, "found 1024, allowed: at most 512"),
        ("/containerDefinitions/0/cpu", json!(512), CONTAINER, "found 512 in all, allowed: at most 256"),
        (
            "/containerDefinitions/0/resourceRequirements",
            json!([{"type": "GPU", "value": "1"}]),
            CONTAINER,
            "found a GPU, allowed: nothing on Fargate",
        ),
        (
            "/containerDefinitions/0/logConfiguration",
            json!({"logDriver": "awslogs", "options": {"awslogs-group": "g", "awslogs-region": "r", "awslogs-stream-prefix": "p"}}),
            ROLE,
            "awslogs, and no execution role",
        ),
        ("/cpu", json!("64"), diagnosis::PP0216, "cpu: found \"64\""),
        ("/tags", json!([{"key": "aws:x"}]), DEFINITION, "tags[0].key: found \"aws:x\""),
    ] {
        let found = refusals(pointer, value);
        assert!(found.iter().any(|(it, detail)| *it == code && detail.contains(words)), "{words}: {found:?}");
    }
}

#[test]
fn all_that_is_wrong_is_found_at_once() {
    let request = json!({
        "family": "f", "requiresCompatibilities": ["FARGATE"], "networkMode": "awsvpc", "cpu": "256", "memory": "512",
        "containerDefinitions": [
            {"name": "a b", "image": "", "secrets": [{"name": "A", "valueFrom": "arn"}], "environment": [{"name": "A", "value": "hunter2"}]},
            {"name": "side"},
            {"name": "side", "image": "i", "dependsOn": [{"containerName": "none"}], "mountPoints": [{"sourceVolume": "v"}]},
        ],
    });
    let refusals = register_task_definition(&request);
    let places: Vec<&str> = refusals.iter().map(|it| it.place.as_str()).collect();
    assert_eq!(
        places,
        [
            "containerDefinitions[0].name",
            "containerDefinitions[0].image",
            "containerDefinitions[0].secrets[0].name",
            "containerDefinitions[1].image",
            "containerDefinitions[2].name",
            "containerDefinitions[2].mountPoints[0].sourceVolume",
            "containerDefinitions[2].dependsOn[0].containerName",
            "containerDefinitions[0].secrets",
        ]
    );
    assert!(!format!("{refusals:?}").contains("hunter2"), "values are not told");
}

#[test]
fn outside_fargate_each_container_has_memory() {
    let request = json!({"family": "f", "containerDefinitions": [
        {"name": "flow", "image": "i", "memory": 2048}, {"name": "side", "image": "i"}]});
    let refusals = register_task_definition(&request);
    let [refusal] = refusals.as_slice() else { panic!("{refusals:?}") };
    assert_eq!(refusal.place, "containerDefinitions[1].memory");
    assert!(refusal.advice.contains("container \"side\"") && !refusal.advice.contains("Fargate has"), "{refusal:?}");
}

#[test]
fn images_that_exist_are_taken() {
    for image in [
        "python",
        "docker.io/library/python:3.12-slim",
        "localhost:5000/a/b:1",
        "registry.example.com/a__b@sha256:0a1b",
        "public.ecr.aws/docker/library/busybox:1",
        "a/b:v1.0_x-y",
    ] {
        assert_eq!(refusals("/containerDefinitions/0/image", json!(image)), [], "{image}");
    }
}

#[test]
fn a_public_address_is_refused_on_instances_and_taken_on_fargate() {
    let network = json!({"awsvpcConfiguration": {"subnets": ["subnet-1"], "assignPublicIp": "ENABLED"}});
    let request = json!({"taskDefinition": "f", "networkConfiguration": network});
    let answers = |host| -> Vec<String> {
        run_task(&request, Some(&definition()), host).into_iter().map(|refusal| refusal.answer).collect()
    };
    assert_eq!(answers(Host::Fargate), Vec::<String>::new());
    assert_eq!(answers(Host::Instances), ["Assign public IP is not supported for this launch type."]);
}

#[test]
fn hosts_are_told_apart() {
    for (request, host) in [
        (json!({"launchType": "FARGATE"}), Host::Fargate),
        (json!({"launchType": "EC2"}), Host::Instances),
        (json!({"launchType": "EXTERNAL"}), Host::Unknown),
        (json!({}), Host::Unknown),
        (json!({"capacityProviderStrategy": [{"capacityProvider": "FARGATE_SPOT"}]}), Host::Fargate),
        (json!({"capacityProviderStrategy": [{"capacityProvider": "mine"}]}), Host::Instances),
    ] {
        assert_eq!(Host::of(&request), host, "{request}");
    }
}

#[test]
fn arns_of_another_region_are_refused() {
    let request = json!({
        "cluster": "arn:aws:ecs:eu-central-1:111122223333:cluster/my-prefect",
        "taskDefinition": "arn:aws:ecs:us-east-1:111122223333:task-definition/f:1",
    });
    let refusals = region::check(&request, "us-east-1");
    let [refusal] = refusals.as_slice() else { panic!("{refusals:?}") };
    assert!(refusal.place == "cluster" && refusal.advice.contains("eu-central-1"), "{refusal:?}");
    assert_eq!(region::check(&request, ""), [], "the region is not known");
    assert_eq!(region::check(&json!({"cluster": "default"}), "us-east-1"), []);
}

/// A template may write the whole environment into a text: `{{ env }}`.
#[test]
fn what_is_found_shows_no_value_of_the_environment() {
    let told = |environment: Value, image: &str| -> String {
        let mut request = with(definition(), "/containerDefinitions/0/environment", environment);
        request["containerDefinitions"][0]["image"] = image.into();
        let prepared = Prepared {
            definition: Definition::Content { family: "f".to_owned(), request },
            run_task: json!({"overrides": {"containerOverrides": [
                {"name": "prefect", "environment": [{"name": "B", "value": "of-the-run"}]},
            ]}}),
            container_name: "prefect".to_owned(),
            notices: Vec::new(),
        };
        let checked = check(&prepared, &Settings::default(), &[]);
        let of_image = |reason: &&Reason| reason.place.as_deref().is_some_and(|place| place.ends_with(".image"));
        format!("{:?}", checked.refusals.iter().find(of_image).unwrap().diagnosis)
    };
    let long = format!("canary-{}", "x".repeat(200));
    for (value, image) in [
        ("hunter2-canary", "{'A': 'hunter2-canary'}".to_owned()),
        ("hunter2-canary\n", "{'A': 'hunter2-canary\n'}".to_owned()),
        (long.as_str(), format!("{{'A': '{long}'}}")),
        ("x", "{'B': 'of-the-run'}".to_owned()),
        ("hunter2-canary", "{{ hunter2-canary }}".to_owned()),
    ] {
        let told = told(json!([{"name": "A", "value": value}]), &image);
        assert!(
            !told.contains("canary") && !told.contains("of-the-run") && told.contains(environment::HOLDS),
            "{told}"
        );
    }
    let named = json!([{"name": "PREFECT__FLOW_NAME", "value": "flows"}, {"name": "N", "value": "1"}]);
    assert!(told(named, "flows 1").contains("flows 1"), "what is no secret is told");
}
