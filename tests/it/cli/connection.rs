//! How a server is found, and what is said when it is not.

use pushpool_tests::rig::prefect::{Options, shared};

use super::{finish, pushpool, run};

#[tokio::test]
async fn credentials_are_those_of_prefect_and_tokens_are_fetched() {
    let server = Options::default().auth("admin:canary-pass").csrf().start().await;
    run(&server, &["pool", "create", "locked"]).await.ok();
    let mut without = pushpool(&server, &["pool", "ls"]).await;
    without.env_remove("PREFECT_API_AUTH_STRING");
    let error = finish(without).await.refused();
    assert!(error.contains("401") && error.contains("PREFECT_API_AUTH_STRING"), "{error}");
    let mut wrong = pushpool(&server, &["pool", "ls"]).await;
    wrong.env("PREFECT_API_AUTH_STRING", "admin:canary-wrong");
    let error = finish(wrong).await.refused();
    assert!(error.contains("401") && !error.contains("canary"), "{error}");
}

#[tokio::test]
async fn who_does_not_answer_is_named() {
    let server = shared().await;
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let url = format!("http://{address}/api");
    let error = run(server, &["pool", "ls", "--prefect-api-url", &url]).await.refused();
    assert!(error.contains(&url) && error.contains("refused") && error.contains("--profile"), "{error}");
    let root = server.url().replace("/api", "");
    let error = run(server, &["--prefect-api-url", &root]).await;
    assert_eq!(error.code, Some(2), "it belongs to the commands that need a server");
    let error = run(server, &["pool", "ls", "--prefect-api-url", &root]).await.refused();
    assert!(error.contains("/api"), "{error}");
    let error = run(server, &["pool", "ls", "--prefect-api-url", "example"]).await.refused();
    assert!(error.contains("example"), "{error}");
}

#[tokio::test]
async fn the_active_profile_of_prefect_leads_to_the_server_and_another_may_be_named() {
    let server = shared().await;
    let home = tempfile::tempdir().unwrap();
    let profiles = format!(
        "active = \"lost\"\n[profiles.lost]\nPREFECT_API_URL = \"http://127.0.0.1:9/api\"\n\
         [profiles.mine]\nPREFECT_API_URL = \"{}\"\n",
        server.url()
    );
    std::fs::write(home.path().join("profiles.toml"), profiles).unwrap();
    let at_home = async |arguments: &[&str]| {
        let mut command = pushpool(server, arguments).await;
        command.env_remove("PREFECT_API_URL").env("PREFECT_HOME", home.path()).current_dir(home.path());
        finish(command).await
    };
    let error = at_home(&["pool", "ls"]).await.refused();
    assert!(error.contains("127.0.0.1:9"), "{error}");
    at_home(&["pool", "ls", "--profile", "mine"]).await.ok();
    at_home(&["pool", "ls", "--prefect-api-url", &server.url()]).await.ok();
    let error = at_home(&["pool", "ls", "--profile", "nobody"]).await.refused();
    assert!(error.contains("`nobody`") && error.contains("profiles.toml"), "{error}");
    std::fs::write(home.path().join("profiles.toml"), "active = \"empty\"\n[profiles.empty]\n").unwrap();
    let error = at_home(&["pool", "ls"]).await.refused();
    assert!(error.contains("no Prefect API is set") && error.contains("--prefect-api-url"), "{error}");
}
