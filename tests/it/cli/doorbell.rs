//! Installing, testing and removing the doorbell, with the server's own automations ringing it.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpListener},
    sync::mpsc::{Receiver, channel},
    time::Duration,
};

use pushpool_tests::rig::prefect::{NewDeployment, Options, Project, unique};
use serde_json::{Value, json};

use super::run;

/// Until the server's automation rings; 0.2 s on a quiet machine.
const PATIENCE: Duration = Duration::from_secs(60);

struct Ring {
    authorization: String,
    body: Value,
}

/// Answers every request: 202 to who has the token, else 401.
fn doorbell(token: &'static str) -> (SocketAddr, Receiver<Ring>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let mut reader = BufReader::new(&stream);
            let (mut line, mut length, mut authorization) = (String::new(), 0, String::new());
            while reader.read_line(&mut line).is_ok_and(|read| read > 2) {
                let (name, value) = line.split_once(':').unwrap_or_default();
                match name.to_ascii_lowercase().as_str() {
                    "content-length" => length = value.trim().parse().unwrap(),
                    "authorization" => value.trim().clone_into(&mut authorization),
                    _ => {}
                }
                line.clear();
            }
            let mut body = vec![0; length];
            reader.read_exact(&mut body).unwrap();
            let status = if authorization == format!("Bearer {token}") { "202 Accepted" } else { "401 Unauthorized" };
            let _ = write!(&stream, "HTTP/1.1 {status}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
            let body = serde_json::from_slice(&body).unwrap_or_default();
            if sender.send(Ring { authorization, body }).is_err() {
                return;
            }
        }
    });
    (address, receiver)
}

#[tokio::test]
async fn it_rings_for_runs_of_push_pools() {
    // One of its own: every run of every pool on it rings.
    let server = Options::default().start().await;
    let (api, project, pool) = (server.api(), Project::copy(), unique("rung"));
    let (address, rings) = doorbell("canary");
    let url = format!("http://{address}/ring");
    let missing = run(&server, &["doorbell", "test"]).await;
    assert_eq!(missing.code, Some(1));
    assert_eq!(missing.stdout.matches("missing").count(), 2, "{}", missing.stdout);

    let printed = run(&server, &["doorbell", "install", "--url", &url]).await.ok();
    let token = printed.trim().strip_prefix("PUSHPOOL_DOORBELL_TOKEN=").unwrap();
    assert_eq!(token.len(), 64);
    let rung = run(&server, &["doorbell", "test"]).await;
    assert_eq!(rung.code, Some(1), "{}", rung.stdout);
    assert!(rung.stdout.contains("token is not accepted"), "{}", rung.stdout);
    assert_eq!(rings.recv_timeout(PATIENCE).unwrap().authorization, format!("Bearer {token}"));

    let installed = run(&server, &["doorbell", "install", "--url", &url, "--token", "canary"]).await;
    assert!(!installed.stderr.contains("canary") && installed.stdout.is_empty(), "{}", installed.stderr);
    installed.ok();
    run(&server, &["doorbell", "install", "--url", &url]).await.ok();
    assert!(run(&server, &["doorbell", "test"]).await.ok().contains("HTTP 202"), "the token was kept");
    assert_eq!(rings.recv_timeout(PATIENCE).unwrap().body, json!({}));
    let elsewhere = run(&server, &["doorbell", "test", "--url", &format!("{url}/other")]).await;
    assert_eq!(elsewhere.code, Some(1), "{}", elsewhere.stdout);
    assert_eq!(rings.recv_timeout(PATIENCE).unwrap().authorization, "", "the token goes to its own address only");
    let automations = api.post("/automations/filter", json!({})).await.ok();
    assert_eq!(automations.as_array().unwrap().len(), 1, "nothing is doubled: {automations}");

    run(&server, &["pool", "create", &pool]).await.ok();
    let deployment = api.create_deployment(NewDeployment::new("echo", project.path(), &pool)).await.id;
    let id = api.create_run(&deployment, json!({})).await;
    let ring = rings.recv_timeout(PATIENCE).unwrap();
    assert_eq!(ring.authorization, "Bearer canary");
    assert_eq!(ring.body["event"], "prefect.flow-run.Scheduled", "{}", ring.body);
    assert_eq!(ring.body["resource"]["prefect.resource.id"], format!("prefect.flow-run.{id}"));

    run(&server, &["doorbell", "remove"]).await.ok();
    assert_eq!(api.post("/automations/filter", json!({})).await.ok(), json!([]));
    let block = api.get("/block_types/slug/webhook/block_documents/name/pushpool-doorbell").await;
    assert_eq!(block.status, 404);
    let again = run(&server, &["doorbell", "remove"]).await;
    assert!(again.stderr.contains("nothing was changed"), "{}", again.stderr);
    again.ok();
}
