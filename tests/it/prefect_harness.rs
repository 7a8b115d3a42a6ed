//! The harness itself: real servers start, and what the other tests lean on holds.

use std::time::Duration;

use hyper::Method;
use pushpool_tests::rig::prefect::{
    Api, Csrf, Fault, NewDeployment, Options, Project, Proxy, Rule, Server, Version, deploy, execute, shared, unique,
};
use serde_json::{Value, json};

/// A flow process takes 5 s on a quiet machine.
const PATIENCE: Duration = Duration::from_secs(120);

/// A pool with a deployment of `flow`, and a run of that which the server hands out.
async fn scheduled_run(api: &Api, project: &Project, flow: &str, parameters: Value) -> (String, String) {
    let pool = unique("pool");
    let created = api.create_pool(&pool, json!({})).await;
    assert_eq!(created["type"], "ecs:push");
    let deployment = NewDeployment::new(flow, project.path(), &pool).job_variables(json!({"cpu": 256}));
    let deployment = api.create_deployment(deployment).await;
    let run = api.create_run(&deployment.id, json!({"parameters": parameters})).await;
    let scheduled = api.scheduled_runs(&pool, json!({})).await;
    let ids: Vec<&Value> = scheduled.iter().map(|scheduled| &scheduled["flow_run"]["id"]).collect();
    assert_eq!(ids, [&json!(run)]);
    (pool, run)
}

/// Claims the run and executes it as its container would.
async fn claim_and_execute(server: &Server, run: &str) -> String {
    let verdict = server.api().set_state(run, json!({"type": "PENDING"})).await;
    assert_eq!(verdict["status"], "ACCEPT", "{verdict}");
    let output = execute(server, run, &[("GREETING", "hello")]).await;
    let printed = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{printed}");
    printed
}

#[tokio::test]
async fn deployed_flows_run() {
    let server = shared().await;
    let (api, project, pool) = (server.api(), Project::copy(), unique("deployed"));
    api.create_pool(&pool, json!({})).await;
    let printed = deploy(server, project.path(), &pool, &["--all"]).await;
    assert!(printed.contains("successfully"), "{printed}");

    let filter = json!({"work_pools": {"name": {"any_": [pool]}}});
    let deployments = api.post("/deployments/filter", filter).await.ok();
    assert_eq!(deployments.as_array().map(Vec::len), Some(7), "{deployments}");
    let echo = api.get("/deployments/name/echo/echo").await.ok();
    assert_eq!(echo["job_variables"], json!({"image": "flows:1", "env": {"GREETING": "hello"}}));

    let file = project.file("seen.json");
    let parameters = json!({"file": file, "names": ["GREETING", "NOBODY"]});
    let run = api.create_run(echo["id"].as_str().unwrap(), json!({"parameters": parameters})).await;
    let scheduled = api.scheduled_runs(&pool, json!({})).await;
    assert_eq!(scheduled.len(), 1, "{scheduled:?}");
    claim_and_execute(server, &run).await;
    api.wait_for(&run, &["COMPLETED"], PATIENCE).await;
    assert_eq!(api.state_names(&run).await, ["Scheduled", "Pending", "Running", "Completed"]);
    let seen: Value = serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
    assert_eq!(seen, json!({"GREETING": "hello", "NOBODY": null}));
}

#[tokio::test]
async fn flows_go_the_ways_they_are_named_after() {
    let server = shared().await;
    let (api, project) = (server.api(), Project::copy());

    let (_, failing) = scheduled_run(&api, &project, "failing", json!({"message": "so be it"})).await;
    claim_and_execute(server, &failing).await;
    let run = api.wait_for(&failing, &["FAILED"], PATIENCE).await;
    assert!(run["state"]["message"].as_str().unwrap().contains("so be it"), "{run}");
    assert!(api.logs(&failing).await.iter().any(|line| line.contains("so be it")));

    let (_, retried) = scheduled_run(&api, &project, "retried", json!({"marker": project.file("retried")})).await;
    claim_and_execute(server, &retried).await;
    api.wait_for(&retried, &["COMPLETED"], PATIENCE).await;
    let names = api.state_names(&retried).await;
    assert!(names.contains(&"AwaitingRetry".to_owned()), "{names:?}");

    let marker = json!({"marker": project.file("rescheduled")});
    let (pool, rescheduled) = scheduled_run(&api, &project, "rescheduled", marker).await;
    claim_and_execute(server, &rescheduled).await;
    api.wait_for(&rescheduled, &["AwaitingRetry"], PATIENCE).await;
    assert_eq!(api.scheduled_runs(&pool, json!({})).await.len(), 1, "a rescheduled run is handed out again");
    claim_and_execute(server, &rescheduled).await;
    api.wait_for(&rescheduled, &["COMPLETED"], PATIENCE).await;
}

#[tokio::test]
async fn things_are_made_in_one_line() {
    let api = shared().await.api();
    let (pool, queue, name) = (unique("pool"), unique("queue"), unique("name"));
    api.create_pool(&pool, json!({})).await;
    let limited = api.create_queue(&pool, &queue, Some(1)).await;
    assert_eq!(limited["concurrency_limit"], 1);
    api.create_variable(&name.replace('-', "_"), json!({"a": [1]})).await;
    assert_eq!(api.get(&format!("/variables/name/{}", name.replace('-', "_"))).await.ok()["value"], json!({"a": [1]}));
    let secret = api.create_secret(&name, json!("hush")).await;
    let block = api.get(&format!("/block_documents/{secret}?include_secrets=true")).await.ok();
    assert_eq!(block["data"]["value"], "hush");

    let project = Project::copy();
    let deployment = api.create_deployment(NewDeployment::new("quick", project.path(), &pool).queue(&queue)).await;
    let later = api.create_run_later(&deployment.id, Duration::from_secs(3600), json!({})).await;
    let run = api.run(&later).await;
    assert_eq!((&run["state_type"], &run["work_queue_name"]), (&json!("SCHEDULED"), &json!(queue)));
    assert!(run["expected_start_time"].as_str() > run["created"].as_str(), "{run}");
}

#[tokio::test]
async fn the_proxy_counts_and_breaks() {
    let server = shared().await;
    let proxy = Proxy::start(server.address()).await;
    let (direct, api) = (server.api(), Api::new(proxy.address()));
    let pool = unique("proxied");
    proxy.record();

    let create = json!({"name": pool, "type": "ecs:push"});
    api.post("/work_pools/", create.clone()).await.ok();
    api.get(&format!("/work_pools/{pool}")).await.ok();
    api.get(&format!("/work_pools/{pool}")).await.ok();
    assert_eq!(proxy.count("GET /work_pools/{name}"), 2);
    assert_eq!(proxy.count("POST /work_pools/"), 1);
    let first = &proxy.exchanges()[0];
    assert_eq!((&first.request, first.status, &first.answer["name"]), (&create, Some(201), &json!(pool)));

    // The client of the tests retries 503 itself.
    proxy.reset();
    proxy.inject(Rule::new(Fault::Unavailable { retry_after: Some(7) }).method(Method::GET).times(2));
    api.get(&format!("/work_pools/{pool}")).await.ok();
    let statuses: Vec<_> = proxy.exchanges().iter().map(|exchange| exchange.status).collect();
    assert_eq!(statuses, [Some(503), Some(503), Some(200)]);

    // A lost request did nothing; a lost answer did.
    let attempt = async |description: &str| {
        let (api, path, body) = (api.clone(), format!("/work_pools/{pool}"), json!({"description": description}));
        tokio::spawn(async move { api.patch(&path, body).await }).await
    };
    proxy.inject(Rule::new(Fault::LostRequest).method(Method::PATCH).path("/work_pools/").times(1));
    assert!(attempt("lost request").await.is_err(), "there is no answer");
    assert_eq!(direct.get(&format!("/work_pools/{pool}")).await.ok()["description"], Value::Null);
    proxy.inject(Rule::new(Fault::LostAnswer).method(Method::PATCH).times(1));
    assert!(attempt("lost answer").await.is_err(), "there is no answer");
    assert_eq!(direct.get(&format!("/work_pools/{pool}")).await.ok()["description"], "lost answer");

    proxy.inject(Rule::new(Fault::Status(500)).after(1));
    assert_eq!(api.get("/health").await.status, 200);
    assert_eq!(api.get("/health").await.status, 500);
    proxy.heal();
    proxy.inject(Rule::new(Fault::Delay(Duration::from_millis(1))).times(1));
    assert_eq!(api.get("/health").await.body, true);
    let socket = api.clone().with_header("upgrade", "websocket").with_header("connection", "upgrade");
    assert_eq!(socket.get("/events/in").await.status, 501);
}

#[tokio::test]
async fn a_server_asks_for_its_auth_string_and_csrf_token() {
    let mut server = Options::default().auth("admin:pass").csrf().start().await;
    let stranger = Api::new(server.address());
    assert_eq!(stranger.get("/health").await.status, 200);
    let refused = stranger.get("/admin/version").await;
    assert_eq!((refused.status, &refused.body), (401, &json!({"exception_message": "Unauthorized"})));
    let without = server.api().with_csrf(Csrf::Without).post("/flows/", json!({"name": "f"})).await;
    assert_eq!((without.status, &without.body), (403, &json!({"detail": "Missing CSRF token."})));

    // The official client gets by, through the environment that flow processes are given.
    let (api, project) = (server.api(), Project::copy());
    let (pool, run) = scheduled_run(&api, &project, "quick", json!({"x": 3})).await;
    claim_and_execute(&server, &run).await;
    api.wait_for(&run, &["COMPLETED"], PATIENCE).await;
    assert!(!server.log().contains("admin:pass"));

    // What was committed survives a crash, on the same port.
    server.kill();
    assert!(std::net::TcpStream::connect(server.address()).is_err());
    server.restart().await;
    assert_eq!(server.api().get(&format!("/work_pools/{pool}")).await.ok()["name"], json!(pool));
}

#[tokio::test]
async fn a_server_of_2_20_starts_and_runs_flows() {
    let server = Options::default().version(Version::V2_20).start().await;
    let (api, project) = (server.api(), Project::copy());
    assert!(api.get("/admin/version").await.body.as_str().unwrap().starts_with("2.20."));
    let (_, run) = scheduled_run(&api, &project, "quick", json!({"x": 3})).await;
    let deployment = api.run(&run).await["deployment_id"].as_str().unwrap().to_owned();
    let deployment = api.get(&format!("/deployments/{deployment}")).await.ok();
    assert_eq!(deployment["infra_overrides"], json!({"cpu": 256}));
    claim_and_execute(&server, &run).await;
    api.wait_for(&run, &["COMPLETED"], PATIENCE).await;
}
