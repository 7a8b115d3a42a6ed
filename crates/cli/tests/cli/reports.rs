//! What people who start ECS tasks from Prefect and other schedulers have reported in public, as small inputs: settings that
//! vanished, and refusals that came too late. Each says what `render` makes of it, and names the report.

use std::{fs, path::PathBuf, process::Output};

use serde_json::{Value, json};

use crate::{run, stderr, stdout};

/// A pool with the built-in template, a cluster and a network, and a deployment of it.
struct Report {
    directory: tempfile::TempDir,
    template: Value,
}

impl Report {
    fn new() -> Self {
        let template: Value = serde_json::from_str(include_str!("../../../work-pool/src/built_in.json")).unwrap();
        let report = Self { directory: tempfile::tempdir().unwrap(), template };
        report.with_default("cluster", json!("etl")).with_default(
            "network_configuration",
            json!({"subnets": ["subnet-0a1b2c3d"], "securityGroups": ["sg-0a1b2c3d"], "assignPublicIp": "ENABLED"}),
        )
    }

    fn with(mut self, pointer: &str, value: Value) -> Self {
        let (parent, member) = pointer.rsplit_once('/').unwrap();
        self.template.pointer_mut(parent).unwrap()[member] = value;
        self
    }

    fn with_default(self, variable: &str, value: Value) -> Self {
        self.with(&format!("/variables/properties/{variable}/default"), value)
    }

    fn with_container(self, container: Value) -> Self {
        self.with("/job_configuration/task_definition/containerDefinitions", json!([container]))
    }

    fn write(&self, name: &str, document: &Value) -> String {
        let path: PathBuf = self.directory.path().join(name);
        fs::write(&path, document.to_string()).unwrap();
        path.to_str().unwrap().to_owned()
    }

    fn run(&self, variables: Value, more: &[&str]) -> Output {
        let pool = self.write("pool.json", &json!({"name": "etl", "base_job_template": self.template}));
        let deployment = self.write("deployment.json", &json!({"name": "nightly", "job_variables": variables}));
        run(&[&["render", "--pool", &pool, "--deployment", &deployment], more].concat())
    }

    /// The requests, after standard error had all of these words.
    #[track_caller]
    fn renders(&self, variables: Value, words: &[&str]) -> Value {
        let output = self.run(variables, &[]);
        assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
        says(&output, words);
        serde_json::from_str(&stdout(&output)).unwrap()
    }

    /// Refused with all of these words.
    #[track_caller]
    fn refuses(&self, variables: Value, words: &[&str]) {
        let output = self.run(variables, &[]);
        assert_eq!(output.status.code(), Some(1), "{}", stdout(&output));
        says(&output, words);
    }
}

#[track_caller]
fn says(output: &Output, words: &[&str]) {
    let said = stderr(output);
    words.iter().for_each(|word| assert!(said.contains(word), "{word} in: {said}"));
}

const IMAGE: &str = "/job_configuration/task_definition/containerDefinitions";
const NETWORK: &str = "/networkConfiguration/awsvpcConfiguration";

/// <https://github.com/PrefectHQ/prefect/issues/17249>
#[test]
fn an_image_beside_an_existing_definition_is_named() {
    let variables = json!({
        "task_definition_arn": "arn:aws:ecs:us-east-1:111122223333:task-definition/base:4",
        "image": "ghcr.io/acme/etl:main", "execution_role_arn": "arn:aws:iam::111122223333:role/exec", "family": "etl",
    });
    Report::new().renders(
        variables,
        &["note: `execution_role_arn`, `family`, `image` have no effect beside `task_definition_arn`", "base:4"],
    );
}

/// <https://github.com/PrefectHQ/prefect/issues/10931>
#[test]
fn variables_that_end_nowhere_are_named_with_the_nearest() {
    let given = json!({"memroy": 8192, "image": "acme/etl:9", "blaa": 1});
    let words = ["`memroy` (deployment) has no effect", "Did you mean `memory`?", "`blaa` (deployment)"];
    let report = Report::new();
    report.renders(given.clone(), &words);
    let explained = report.run(given.clone(), &["--explain"]);
    says(&explained, &words);
    let no_image = Report::new().with_container(json!({"name": "{{ container_name }}"}));
    no_image.renders(given.clone(), &["`image` (deployment) has no effect: the base job template declares it"]);
    let mut no_cluster = Report::new();
    let configuration = no_cluster.template["job_configuration"].as_object_mut().unwrap();
    configuration.remove("cluster");
    configuration["task_run_request"].as_object_mut().unwrap().remove("cluster");
    no_cluster.renders(given, &["`cluster` (pool default) has no effect"]);
}

/// <https://github.com/PrefectHQ/prefect/issues/20442>
#[test]
fn credentials_of_another_account_or_region_are_refused_in_a_block_too() {
    let data = json!({
        "aws_access_key_id": "AKIA0000000000000000", "aws_secret_access_key": "canary-1", "aws_session_token": null,
        "region_name": "eu-west-1", "assume_role_arn": "arn:aws:iam::444455556666:role/launcher",
    });
    let id = "11111111-2222-3333-4444-555555555555";
    let words = ["error[PP0220]", "eu-west-1", "role/launcher"];
    let literal = Report::new().with_default("aws_credentials", data.clone());
    literal.refuses(json!({"image": "a/b:1"}), &words);
    let mut unknown = data.clone();
    unknown["region_name"] = json!(null);
    unknown["assume_role_arn"] = json!(null);
    for credentials in [json!({"$ref": {"block_document_id": id}}), json!("{{ prefect.blocks.aws-credentials.prod }}")]
    {
        let report = Report::new().with_default("aws_credentials", credentials);
        let references =
            |data: &Value| json!({"block_documents": {id: data}, "blocks": {"aws-credentials/prod": data}});
        let file = report.write("references.json", &references(&data));
        let refused = report.run(json!({"image": "a/b:1"}), &["--references", &file]);
        assert_eq!(refused.status.code(), Some(1));
        says(&refused, &words);
        assert!(!stderr(&refused).contains("canary"));
        let file = report.write("references.json", &references(&unknown));
        let noted = report.run(json!({"image": "a/b:1"}), &["--references", &file]);
        assert_eq!(noted.status.code(), Some(0), "{}", stderr(&noted));
        says(&noted, &["note: `aws_credentials` are not used"]);
        report.renders(json!({"image": "a/b:1"}), &["note: `aws_credentials` are not used"]);
    }
}

/// <https://github.com/PrefectHQ/prefect/issues/18476>
#[test]
fn the_number_of_a_gpu_becomes_text() {
    let requirement = json!([{"type": "GPU", "value": "{{ gpu }}"}]);
    let report = Report::new()
        .with_container(
            json!({"image": "{{ image }}", "name": "{{ container_name }}", "resourceRequirements": requirement}),
        )
        .with("/variables/properties/gpu", json!({"type": "integer"}))
        .with_default("network_configuration", json!(null))
        .with_default("launch_type", json!("EC2"));
    let container = "/registerTaskDefinition/containerDefinitions/0/resourceRequirements";
    let sent = report.renders(json!({"gpu": 1, "image": "acme/train:1"}), &[]);
    assert_eq!(sent.pointer(container), Some(&json!([{"type": "GPU", "value": "1"}])));
    let unset = report.renders(json!({"image": "acme/train:1"}), &["asks for GPU without a `value`"]);
    assert_eq!(unset.pointer(container), None);
    report.refuses(json!({"gpu": 1, "launch_type": "FARGATE"}), &["PP0225", "nothing on Fargate"]);
}

/// <https://github.com/aws/aws-cli/issues/3568>
#[test]
fn a_pasted_description_is_taken_or_explained() {
    let pasted = json!({
        "taskDefinitionArn": "arn:aws:ecs:eu-west-1:111122223333:task-definition/etl-flow:7", "family": "etl-flow",
        "containerDefinitions": [{"name": "prefect", "image": "{{ image }}", "cpu": 0, "portMappings": [], "essential": true,
            "environment": [], "mountPoints": [], "volumesFrom": [], "systemControls": []}],
        "executionRoleArn": "arn:aws:iam::111122223333:role/exec", "networkMode": "awsvpc", "revision": 7, "volumes": [],
        "status": "ACTIVE", "requiresAttributes": [{"name": "ecs.capability.task-eni"}], "placementConstraints": [],
        "compatibilities": ["EC2", "FARGATE"], "requiresCompatibilities": ["FARGATE"], "cpu": "512", "memory": "1024",
        "registeredAt": "2026-01-05T10:00:00+00:00", "registeredBy": "arn:aws:iam::111122223333:root",
    });
    let report = Report::new().with("/job_configuration/task_definition", pasted.clone());
    report.renders(json!({"image": "acme/etl:1"}), &["note:", "`taskDefinitionArn`", "`registeredBy`", "Left out"]);
    let wrapped = json!({"taskDefinition": pasted, "tags": []});
    let report = Report::new().with("/job_configuration/task_definition", wrapped);
    report.refuses(json!({"image": "acme/etl:1"}), &["PP0208", "the inner object"]);
}

/// <https://github.com/hashicorp/terraform-provider-aws/issues/3051>
#[test]
fn an_image_in_ecr_without_an_execution_role_is_refused() {
    let report = Report::new().with_default("image", json!("111122223333.dkr.ecr.us-east-1.amazonaws.com/etl:7"));
    report.refuses(json!({}), &["error[PP0224]", "in ECR, and no execution role", "Set `execution_role_arn`"]);
    report.renders(json!({"execution_role_arn": "arn:aws:iam::111122223333:role/exec"}), &[]);
}

/// <https://github.com/hashicorp/terraform-provider-aws/issues/5950>
#[test]
fn names_and_images_that_ecs_does_not_take_are_refused() {
    for name in ["my flow", "flow@v1", "Ünï", &"x".repeat(256)] {
        let words = ["error[PP0225]", "containerDefinitions[0].name", "up to 255 ASCII letters"];
        Report::new().refuses(json!({"container_name": name, "image": "a/b:1"}), &words);
    }
    for image in ["my image:1", "a/b:1\n"] {
        Report::new().refuses(json!({"image": image}), &["error[PP0225]", "containerDefinitions[0].image"]);
    }
}

/// <https://github.com/PrefectHQ/prefect/issues/5498>
#[test]
fn a_sidecar_without_memory_on_ec2_is_named() {
    let containers = json!([
        {"image": "{{ image }}", "name": "{{ container_name }}"},
        {"name": "side", "image": "a/b:1", "essential": false},
    ]);
    let report = Report::new().with(IMAGE, containers).with_default("launch_type", json!("EC2"));
    let words = ["error[PP0225]", "containerDefinitions[1].memory: found nothing", "of container \"side\""];
    report.refuses(json!({"image": "c/d:1"}), &words);
}

/// <https://github.com/hashicorp/waypoint/issues/643>
#[test]
fn a_public_address_is_never_sent_outside_fargate() {
    let report = Report::new()
        .with("/job_configuration/task_definition/networkMode", json!("awsvpc"))
        .with_default("launch_type", json!("EC2"));
    let sent = report.renders(json!({"image": "c/d:1"}), &["`assignPublicIp` has no effect: only tasks on Fargate"]);
    assert_eq!(sent["runTask"].pointer(NETWORK).unwrap().get("assignPublicIp"), None);
    let report = report.with_default("network_configuration", json!(null));
    let output = report.run(json!({"image": "c/d:1"}), &["--subnets", "subnet-9", "--assign-public-ip"]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert!(!stdout(&output).contains("assignPublicIp"), "the dispatcher's setting adds none");
}

/// <https://github.com/muya/amazon-ecs-run-task/issues/7>
#[test]
fn what_a_network_configuration_means_for_an_existing_definition_is_said() {
    let report = Report::new().with_default("launch_type", json!("EC2"));
    let arn = json!({"task_definition_arn": "etl-on-ec2:3"});
    report.renders(arn, &["its network mode is awsvpc", "set `network_configuration` to {}"]);
    for unset in [json!({}), json!(null)] {
        let variables = json!({"task_definition_arn": "etl-on-ec2:3", "network_configuration": unset});
        assert_eq!(report.renders(variables, &[])["runTask"].get("networkConfiguration"), None);
    }
}

/// <https://github.com/PrefectHQ/prefect/issues/19627>
#[test]
fn no_launch_type_leaves_the_choice_to_the_cluster() {
    let report = Report::new()
        .with("/job_configuration/task_definition/requiresCompatibilities", json!(["EC2"]))
        .with("/job_configuration/task_definition/networkMode", json!("bridge"));
    let variables = json!({"cpu": 4096, "memory": 200_000, "image": "a/b:1", "launch_type": null});
    let sent = report.renders(variables, &[]);
    assert_eq!(sent["runTask"].get("launchType"), None);
    let strategy = json!([{"capacityProvider": "gpu-asg", "weight": 1, "base": 0}]);
    let variables = json!({"image": "a/b:1", "launch_type": "EC2", "capacity_provider_strategy": strategy});
    let sent = report.renders(variables, &[]);
    assert_eq!((sent["runTask"].get("launchType"), &sent["runTask"]["capacityProviderStrategy"]), (None, &strategy));
}

/// <https://github.com/PrefectHQ/prefect/issues/17204>
#[test]
fn a_placeholder_that_was_never_filled_is_named() {
    Report::new().refuses(
        json!({"image": "{{ build.image }}"}),
        &["error[PP0228]", "task_definition.containerDefinitions[0].image", "{{ build.image }}", "deploy again"],
    );
}

/// <https://github.com/prefect-archive/prefect-aws/pull/329>
#[test]
fn a_command_for_a_shell_gets_a_note() {
    let command = "pip install s3fs && prefect flow-run execute";
    Report::new().renders(json!({"command": command, "image": "a/b:1"}), &["No shell runs `command`: `&&`", "sh -c"]);
    let list = r#"["prefect","flow-run","execute"]"#;
    Report::new().renders(json!({"command": list, "image": "a/b:1"}), &["a JSON list written as text"]);
}

/// <https://github.com/PrefectHQ/prefect/issues/13268>
#[test]
fn a_network_configuration_in_capitals_is_refused_by_its_names() {
    let capitals = json!({"Subnets": ["subnet-aa"], "SecurityGroups": ["sg-1"], "AssignPublicIp": "ENABLED"});
    let report = Report::new().with_default("network_configuration", capitals);
    let words = ["error[PP0208]", "\"Subnets\"", "allowed: assignPublicIp, securityGroups, subnets"];
    report.refuses(json!({}), &words);
    let wrapped = json!({"awsvpcConfiguration": {"subnets": ["subnet-aa", "subnet-bb"], "assignPublicIp": "DISABLED"}});
    let sent = Report::new().with_default("network_configuration", wrapped.clone()).renders(json!({}), &[]);
    assert_eq!(sent["runTask"]["networkConfiguration"], wrapped);
}

/// <https://github.com/PrefectHQ/prefect/issues/20246>
#[test]
fn secrets_are_a_job_variable_and_their_names_are_checked() {
    let report = Report::new()
        .with_container(json!({"image": "{{ image }}", "name": "{{ container_name }}", "secrets": "{{ secrets }}"}))
        .with("/variables/properties/secrets", json!({"type": "array", "default": []}))
        .with_default("execution_role_arn", json!("arn:aws:iam::111122223333:role/exec"));
    let secrets = json!([{"name": "TOKEN", "valueFrom": "/etl/token"}]);
    let sent = report.renders(json!({"secrets": secrets}), &[]);
    assert_eq!(sent["registerTaskDefinition"]["containerDefinitions"][0]["secrets"], secrets);
    report.refuses(json!({"secrets": [{"Name": "TOKEN", "value_from": "/etl/token"}]}), &["PP0208", "\"value_from\""]);
    // One name as a variable and as a secret of the same definition.
    let twice = report.with(
        "/job_configuration/task_definition/containerDefinitions/0/environment",
        json!([{"name": "TOKEN", "value": "canary"}]),
    );
    twice.refuses(json!({"secrets": secrets}), &["error[PP0225]", "secrets[0].name: found \"TOKEN\""]);
}

/// <https://github.com/PrefectHQ/prefect/issues/19320>
#[test]
fn a_cluster_of_another_region_is_refused() {
    let report =
        Report::new().with_default("cluster", json!("arn:aws:ecs:eu-central-1:111122223333:cluster/my-prefect"));
    report.refuses(json!({"image": "a/b:1"}), &["error[PP0229]", "eu-central-1", "us-east-1"]);
    let there = report.run(json!({"image": "a/b:1"}), &["--region", "eu-central-1"]);
    let sent: Value = serde_json::from_str(&stdout(&there)).unwrap();
    assert_eq!(sent["runTask"]["launchType"], "FARGATE");
}

/// <https://github.com/PrefectHQ/prefect/issues/10458>
#[test]
fn an_existing_definition_on_fargate_needs_subnets() {
    let report = Report::new().with_default("network_configuration", json!({}));
    let arn = json!({"task_definition_arn": "arn:aws:ecs:us-east-1:111122223333:task-definition/etl:3"});
    report.refuses(arn.clone(), &["error[PP0213]"]);
    let output = report.run(arn, &["--subnets", "subnet-9"]);
    assert!(stdout(&output).contains("subnet-9"), "{}", stderr(&output));
}

/// <https://github.com/aws/aws-cdk/issues/15025>
#[test]
fn a_misspelt_member_is_named_with_those_there_are() {
    let volumes = json!([{"name": "shared", "efsVolumeConfiguration": {"filesystemId": "fs-0a1b2c3d"}}]);
    let report = Report::new().with("/job_configuration/task_definition/volumes", volumes);
    report.refuses(json!({}), &["efsVolumeConfiguration.filesystemId", "fileSystemId"]);
}

/// <https://github.com/bugcrowd/ecs-task-runner/issues/6>
#[test]
fn a_definition_full_of_nulls_is_legal() {
    let containers = json!([
        {"name": "prefect", "image": "{{ image }}", "entryPoint": null, "secrets": null, "environment": null, "cpu": 256},
        {"name": null, "image": null},
    ]);
    let report = Report::new()
        .with(IMAGE, containers)
        .with("/job_configuration/task_definition/taskRoleArn", json!(null))
        .with("/job_configuration/task_definition/pidMode", json!(null));
    let sent = report.renders(json!({"image": "acme/etl:1"}), &[]);
    assert_eq!(sent["registerTaskDefinition"]["containerDefinitions"].as_array().unwrap().len(), 1);
}

/// <https://github.com/fabfuel/ecs-deploy/issues/231>
#[test]
fn an_empty_role_is_not_sent() {
    let report = Report::new().with_default("task_role_arn", json!("arn:aws:iam::111122223333:role/etl"));
    for arn in [json!(null), json!("theirs:3")] {
        let variables =
            json!({"execution_role_arn": "", "task_role_arn": "", "image": "a/b:1", "task_definition_arn": arn});
        assert!(!report.renders(variables, &[]).to_string().contains("RoleArn"));
    }
}

/// <https://github.com/thnery/terraform-aws-template/issues/2>
#[test]
fn an_environment_is_a_list_of_names_and_values() {
    let container =
        |environment: Value| json!({"image": "i", "name": "{{ container_name }}", "environment": environment});
    let object = Report::new().with_container(container(json!({"PORT": "5432"})));
    object.refuses(json!({}), &["PP0208", "environment: found an object, allowed: a list"]);
    let blank = Report::new().with_container(container(json!([{"name": "", "value": "x"}])));
    let sent = blank.renders(json!({}), &["has a variable whose name is empty: it is left out"]);
    assert!(!sent.to_string().contains(r#""value":"x""#));
    let sent =
        blank.renders(json!({"env": {"": "x", "A=B": "1"}}), &["`env` has a variable whose name is empty", "\"A=B\""]);
    assert!(!sent.to_string().contains(r#""name":"""#));
}

#[test]
fn a_flow_that_would_run_in_a_sidecar_is_named() {
    let containers = json!([
        {"image": "{{ image }}", "name": "{{ container_name }}"},
        {"name": "log_router", "image": "amazon/aws-for-fluent-bit:2"},
    ]);
    let report = Report::new().with(IMAGE, containers);
    let note = "The flow runs in container \"log_router\" (image amazon/aws-for-fluent-bit:2)";
    report.renders(json!({}), &[note]);
    let alone = Report::new().with(
        IMAGE,
        json!([
            {"image": "{{ image }}", "name": "{{ container_name }}"},
            {"name": "log_router", "image": "amazon/aws-for-fluent-bit:2", "essential": false},
        ]),
    );
    alone.refuses(json!({}), &[note, "error[PP0204]"]);
    alone.renders(json!({"image": "a/b:1"}), &[]);
}

#[test]
fn null_in_a_deployment_is_as_if_nothing_had_been_set() {
    let report = Report::new()
        .with_default("image", json!("a/b:1"))
        .with_default("labels", json!({"team": "etl"}))
        .with_default("env", json!({"X": "1"}));
    let nulls = json!({
        "image": null, "labels": null, "launch_type": null, "env.X": null, "cloudwatch_logs_options": null,
        "auto_deregister_task_definition": null, "cluster": null,
    });
    let sent = report.renders(nulls, &[]).to_string();
    for gone in ["a/b:1", "\"team\"", "\"X\"", "\"cluster\"", "null"] {
        assert!(!sent.contains(gone), "{gone} in {sent}");
    }
}
