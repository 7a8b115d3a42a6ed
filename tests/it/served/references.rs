//! What a deployment refers to, and what is secret.

use pushpool_tests::rig::{
    prefect::{Fault, Options, Proxy, Rule, unique},
    served::Setup,
};
use serde_json::{Value, json};

use super::{PATIENCE, World};

const AUTH: &str = "admin:hush-hush";
const SECRET: &str = "arn:aws:secretsmanager:us-east-1:000000000000:secret:prefect-AbCdEf";
const ROLE: &str = "arn:aws:iam::000000000000:role/etl-execution";

/// The definition of the run's only task as it is registered, and the task with its overrides as it was started.
async fn as_sent(world: &World, run: &str) -> (Value, Value) {
    let tasks = world.served.tasks_of(run);
    assert_eq!(tasks.len(), 1);
    let ecs = world.served.local.ecs();
    let definition = json!({"taskDefinition": tasks[0].task_definition_arn});
    let definition = ecs.call("DescribeTaskDefinition", definition).await.unwrap();
    let task = ecs.call("DescribeTasks", json!({"tasks": [tasks[0].task_arn]})).await.unwrap();
    (definition, task["tasks"][0].clone())
}

#[tokio::test]
async fn blocks_and_variables_reach_the_flow_and_blocks_no_task_definition() {
    let world = World::start(Setup::default(), json!({})).await;
    let (secret, variable) = (unique("token"), unique("region").replace('-', "_"));
    let id = world.api.create_secret(&secret, json!("canary-of-a-block")).await;
    world.api.create_variable(&variable, json!("eu-central")).await;
    let deployment = world.flow("echo").job_variables(json!({
        "aws_credentials": {"$ref": {"block_document_id": id}},
        "env": {
            "TOKEN": format!("{{{{ prefect.blocks.secret.{secret} }}}}"),
            "REGION": format!("{{{{ prefect.variables.{variable} }}}}"),
            "PLAIN": "plain",
        },
    }));
    let deployment = world.deploy(deployment).await;
    let file = world.project.file("seen.json");
    let own = format!("Bearer {{{{ prefect.blocks.secret.{secret}.value }}}}");
    let run = json!({
        "parameters": {"file": file, "names": ["TOKEN", "REGION", "PLAIN", "OWN"]},
        "job_variables": {"env": {"OWN": own}},
    });
    let run = world.api.create_run(&deployment, run).await;
    world.api.wait_for(&run, &["COMPLETED"], PATIENCE).await;
    let seen: Value = serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
    let expected = json!({
        "TOKEN": "canary-of-a-block", "REGION": "eu-central", "PLAIN": "plain", "OWN": "Bearer canary-of-a-block",
    });
    assert_eq!(seen, expected);
    let (definition, task) = as_sent(&world, &run).await;
    assert!(!definition.to_string().contains("canary"), "{definition}");
    assert!(definition.to_string().contains("eu-central"), "what is not secret is shared: {definition}");
    assert!(task["overrides"].to_string().contains("canary"), "{task}");
    let queued = [world.served.bodies("run"), world.served.bodies("run-dlq")].concat();
    assert!(!queued.join("\n").contains("canary"));
    assert!(!world.api.logs(&run).await.join("\n").contains("canary"));
    world.served.stop().await;
}

/// The server asks for an auth string and CSRF tokens, the proxy before it for a header. The functions read the auth string
/// from Secrets Manager; the container is given it by ECS.
#[tokio::test]
async fn an_auth_string_a_csrf_token_and_a_header_open_the_way() {
    let server = Options::default().auth(AUTH).csrf().start().await;
    let proxy = Proxy::start(server.address()).await;
    proxy.record();
    proxy.inject(Rule::new(Fault::Status(403)).lacking("x-door", "open"));
    let setup = Setup {
        api_urls: ["poller", "dispatcher", "observer", "reconciler"].map(|name| (name, proxy.url())).to_vec(),
        environment: vec![
            ("PUSHPOOL_API_AUTH_STRING_SECRET_ARN", SECRET.to_owned()),
            ("PREFECT_CLIENT_CUSTOM_HEADERS", json!({"X-Door": "open"}).to_string()),
        ],
        secrets: vec![(SECRET.to_owned(), AUTH.to_owned())],
        without: &["PREFECT_API_AUTH_STRING"],
        ..Setup::default()
    };
    let mut world = World::on(&server, "ecs:push", setup, json!({})).await;
    let deployment = world.flow("quick").job_variables(json!({"execution_role_arn": ROLE}));
    let deployment = world.deploy(deployment).await;
    let run = world.due(&deployment, 1).await.remove(0);
    world.api.wait_for(&run, &["COMPLETED"], PATIENCE).await;
    let (definition, task) = as_sent(&world, &run).await;
    let secrets = &definition["taskDefinition"]["containerDefinitions"][0]["secrets"];
    assert_eq!(*secrets, json!([{"name": "PREFECT_API_AUTH_STRING", "valueFrom": SECRET}]));
    let log = world.served.log().join("\n");
    for said in [definition.to_string(), task.to_string(), log] {
        assert!(!said.contains("hush-hush"), "{said}");
    }
    let exchanges = proxy.exchanges();
    assert!(exchanges.iter().any(|exchange| exchange.headers.contains_key("prefect-csrf-token")));
    assert!(exchanges.iter().all(|exchange| exchange.fault.is_none()), "every request has the header");
    world.served.stop().await;
}
