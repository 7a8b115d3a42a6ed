//! Every type of storage, as its own code reads it.

use serde_json::{Value, json};

use super::{Pull, pull};
use crate::{corpus, plan::Level};

fn deployment(path: Value, entrypoint: &str) -> prefect_api::models::DeploymentDocument {
    serde_json::from_value(json!({"id": "22222222-2222-2222-2222-222222222222", "name": "d",
        "flow_id": "11111111-1111-1111-1111-111111111111", "path": path, "entrypoint": entrypoint}))
    .unwrap()
}

fn block(slug: &str, data: Value, references: Value) -> crate::estate::Block {
    corpus::block(json!({"id": "66666666-6666-6666-6666-666666666666", "name": "code", "block_type": {"slug": slug},
        "data": data, "block_document_references": references}))
}

fn reference(field: &str, slug: &str, name: &str) -> Value {
    json!({field: {"block_document": {"id": "77777777-7777-7777-7777-777777777777", "name": name,
        "block_type": {"slug": slug}, "is_anonymous": false}}})
}

fn pulled(slug: &str, data: Value, references: Value, path: Value) -> Pull {
    pull(&deployment(path, "f.py:f"), Some(&block(slug, data, references))).unwrap()
}

fn step(slug: &str, data: Value, references: Value, path: Value) -> Value {
    let pulled = pulled(slug, data, references, path);
    assert_eq!(pulled.steps.len(), 1);
    pulled.steps[0].clone()
}

fn lost(pull: &Pull) -> Vec<&str> {
    pull.findings.not_carried.iter().map(|lost| lost.setting.as_str()).collect()
}

#[test]
fn s3_folders_are_joined_and_end_in_a_slash() {
    let folder = |path: Value| {
        let step = step("s3", json!({"bucket_path": "bucket/flows", "aws_access_key_id": null}), json!({}), path);
        step["prefect_aws.deployments.steps.pull_from_s3"].clone()
    };
    for (path, expected) in [
        (json!(null), "flows/"),
        (json!(""), "flows/"),
        (json!("."), "flows/"),
        (json!("a/b"), "flows/a/b/"),
        (json!("/a/"), "flows/a/"),
        (json!("s3://bucket/flows/a"), "flows/flows/a/"),
        (json!("a#b"), "flows/a/"),
        (json!("./a"), "flows/a/"),
    ] {
        assert_eq!(folder(path.clone())["folder"], expected, "{path}");
    }
    assert!(folder(json!(null)).get("credentials").is_none(), "no keys: the task's own role");
    let of = |bucket_path: &str, path: Value| {
        pull(&deployment(path, "f.py:f"), Some(&block("s3", json!({"bucket_path": bucket_path}), json!({}))))
    };
    for path in ["s3://other/flows/a", "s3://bucket/a", "gcs://bucket/flows/a"] {
        assert!(of("bucket/flows", json!(path)).unwrap_err().contains("outside"), "{path}");
    }
    assert!(of("s3://bucket/flows", json!("a")).unwrap_err().contains("begins with a scheme"));
    assert_eq!(of("bucket/flows", json!("./a")).unwrap().findings.notes[0].code, "dot_in_path");
    let whole = step("s3", json!({"bucket_path": "bucket"}), json!({}), json!(null));
    assert_eq!(whole["prefect_aws.deployments.steps.pull_from_s3"]["folder"], "");
}

#[test]
fn an_s3_bucket_forgets_its_folder_when_there_is_a_path() {
    let data = json!({"bucket_name": "team", "bucket_folder": "code"});
    let of =
        |path: Value| pulled("s3-bucket", data.clone(), reference("credentials", "aws-credentials", "estate"), path);
    for (path, folder, told) in [
        (json!(null), "code/", false),
        (json!("jobs"), "jobs/", true),
        (json!(""), "", true),
        (json!("."), "code/", false),
    ] {
        let pulled = of(path.clone());
        let step = &pulled.steps[0]["prefect_aws.deployments.steps.pull_from_s3"];
        assert_eq!(step["folder"], folder, "{path}");
        assert_eq!(step["credentials"], "{{ prefect.blocks.aws-credentials.estate }}");
        assert_eq!(pulled.findings.notes.iter().any(|note| note.code == "bucket_folder_ignored"), told, "{path}");
    }
    let minio = step(
        "s3-bucket",
        json!({"bucket_name": "team"}),
        reference("credentials", "minio-credentials", "box"),
        json!(null),
    );
    assert_eq!(
        minio["prefect_aws.deployments.steps.pull_from_s3"]["credentials"],
        "{{ prefect.blocks.minio-credentials.box }}"
    );
    let inline = json!({"bucket_name": "team", "credentials": {"aws_secret_access_key": "********", "region_name": "eu", "profile_name": null}});
    let credentials =
        &step("s3-bucket", inline, json!({}), json!(null))["prefect_aws.deployments.steps.pull_from_s3"]["credentials"];
    assert_eq!(
        *credentials,
        json!({
        "aws_secret_access_key": "{{ prefect.blocks.s3-bucket.code.credentials.aws_secret_access_key }}",
        "region_name": "{{ prefect.blocks.s3-bucket.code.credentials.region_name }}"})
    );
}

#[test]
fn repositories_are_cloned_whole_and_the_entrypoint_stays() {
    let github = pulled(
        "github",
        json!({"repository": "https://github.com/o/r.git", "reference": "v2.1", "access_token": "********", "include_git_objects": false}),
        json!({}),
        json!("flows/sub"),
    );
    assert_eq!(
        github.steps,
        [json!({"prefect.deployments.steps.git_clone": {"repository": "https://github.com/o/r.git", "branch": "v2.1",
        "access_token": "{{ prefect.blocks.github.code.access_token }}"}})]
    );
    assert_eq!(github.entrypoint, None);
    assert_eq!(lost(&github), ["github/code: include_git_objects false"]);
    let public =
        step("github", json!({"repository": "https://github.com/o/r.git", "reference": null}), json!({}), json!(null));
    assert_eq!(public, json!({"prefect.deployments.steps.git_clone": {"repository": "https://github.com/o/r.git"}}));

    for (slug, repository, field, credentials) in [
        ("github-repository", "repository_url", "credentials", "github-credentials"),
        ("gitlab-repository", "repository", "credentials", "gitlab-credentials"),
        ("bitbucket-repository", "repository", "bitbucket_credentials", "bitbucket-credentials"),
    ] {
        let step = step(
            slug,
            json!({repository: "https://host/r.git", "reference": "main"}),
            reference(field, credentials, "bot"),
            json!(null),
        );
        let expected = json!({"repository": "https://host/r.git", "branch": "main",
            "credentials": format!("{{{{ prefect.blocks.{credentials}.bot }}}}")});
        assert_eq!(step["prefect.deployments.steps.git_clone"], expected, "{slug}");
    }
    let deep =
        pulled("gitlab-repository", json!({"repository": "https://h/r.git", "git_depth": 5}), json!({}), json!(null));
    assert_eq!(lost(&deep), ["gitlab-repository/code: git_depth 5"]);
    let in_url = step("github", json!({"repository": "https://user:canary@h/r.git"}), json!({}), json!(null));
    assert_eq!(
        in_url["prefect.deployments.steps.git_clone"]["repository"],
        "{{ prefect.blocks.github.code.repository }}"
    );
}

#[test]
fn a_remote_file_system_keeps_its_settings_and_refers_to_its_secrets() {
    let data = json!({"basepath": "s3://rfs/base/", "settings": {"key": "canary", "secret": "canary", "use_ssl": false,
        "client_kwargs": {"endpoint_url": "https://minio", "aws_session_token": "canary"}}});
    let step = step("remote-file-system", data, json!({}), json!("a/b"));
    let inner = |path: &str| format!("{{{{ prefect.blocks.remote-file-system.code.settings.{path} }}}}");
    assert_eq!(
        step["prefect.deployments.steps.pull_from_remote_storage"],
        json!({
        "url": "s3://rfs/base/a/b/", "key": inner("key"), "secret": inner("secret"), "use_ssl": false,
        "client_kwargs": {"endpoint_url": "https://minio", "aws_session_token": inner("client_kwargs.aws_session_token")}})
    );
    let password = self::step(
        "remote-file-system",
        json!({"basepath": "sftp://u:canary@h/x", "settings": {}}),
        json!({}),
        json!("y"),
    );
    assert_eq!(
        password["prefect.deployments.steps.pull_from_remote_storage"]["url"],
        "{{ prefect.blocks.remote-file-system.code.basepath }}/y/"
    );
}

#[test]
fn google_and_azure_get_what_their_steps_take() {
    let gcs =
        pulled("gcs", json!({"bucket_path": "b/flows", "service_account_info": "********"}), json!({}), json!("x"));
    assert_eq!(
        gcs.steps[0],
        json!({"prefect_gcp.deployments.steps.pull_from_gcs": {"requires": "prefect-gcp", "bucket": "b", "folder": "flows/x/"}})
    );
    assert_eq!((lost(&gcs), gcs.findings.risk_of_all().level), (vec!["gcs/code: service_account_info"], Level::High));
    let bucket = step(
        "gcs-bucket",
        json!({"bucket": "b", "bucket_folder": "f"}),
        reference("gcp_credentials", "gcp-credentials", "g"),
        json!("x"),
    );
    assert_eq!(
        bucket["prefect_gcp.deployments.steps.pull_from_gcs"],
        json!({"requires": "prefect-gcp", "bucket": "b", "folder": "f/x/",
        "credentials": "{{ prefect.blocks.gcp-credentials.g }}"})
    );
    let azure = |data: Value| {
        step("azure", data, json!({}), json!(null))["prefect_azure.deployments.steps.pull_from_azure_blob_storage"]
            .clone()
    };
    assert_eq!(
        azure(json!({"bucket_path": "flows/prod", "azure_storage_connection_string": "********"})),
        json!({
        "requires": "prefect-azure[blob_storage]", "container": "flows", "folder": "prod/",
        "credentials": {"connection_string": "{{ prefect.blocks.azure.code.azure_storage_connection_string }}"}})
    );
    let account = azure(
        json!({"bucket_path": "prod", "azure_storage_container": "********", "azure_storage_account_name": "********"}),
    );
    assert_eq!(account["container"], "{{ prefect.blocks.azure.code.azure_storage_container }}");
    assert_eq!(account["folder"], "prod/");
    assert_eq!(
        account["credentials"]["account_url"],
        "https://{{ prefect.blocks.azure.code.azure_storage_account_name }}.blob.core.windows.net/"
    );
    let nameless = block("azure", json!({"bucket_path": "prod", "azure_storage_container": "********"}), json!({}));
    let refused = pull(&deployment(json!(null), "f.py:f"), Some(&nameless)).unwrap_err();
    assert!(refused.contains("no `azure_storage_account_name`"), "{refused}");
    let container = step(
        "azure-blob-storage-container",
        json!({"container_name": "c", "base_folder": "b"}),
        reference("credentials", "azure-blob-storage-credentials", "a"),
        json!("x"),
    );
    assert_eq!(container["prefect_azure.deployments.steps.pull_from_azure_blob_storage"]["folder"], "b/x/");
}

#[test]
fn directories_are_changed_into() {
    let directory = |slug: Option<(&str, Value)>, path: Value| {
        let block = slug.map(|(slug, data)| block(slug, data, json!({})));
        let pull = pull(&deployment(path, "f.py:f"), block.as_ref()).unwrap();
        pull.steps[0]["prefect.deployments.steps.set_working_directory"]["directory"].clone()
    };
    assert_eq!(directory(None, json!("/opt/prefect/flows")), "/opt/prefect/flows");
    assert_eq!(directory(None, json!(".")), ".");
    assert_eq!(directory(None, json!("flows")), "flows/flows");
    assert_eq!(directory(None, json!("~/flows")), "~/flows");
    let share = || Some(("local-file-system", json!({"basepath": "/mnt/share"})));
    assert_eq!(directory(share(), json!(null)), "/mnt/share");
    assert_eq!(directory(share(), json!("a")), "/mnt/share/a");
    assert_eq!(directory(share(), json!("/mnt/share/a")), "/mnt/share/a");
    let outside = block("local-file-system", json!({"basepath": "/mnt/share"}), json!({}));
    for path in ["/etc", "/mnt/shared", "/mnt"] {
        assert!(pull(&deployment(json!(path), "f.py:f"), Some(&outside)).is_err(), "{path}");
    }
    let working = || Some(("local-file-system", json!({"basepath": null})));
    assert_eq!(directory(working(), json!("/opt/prefect/flows")), "/opt/prefect/flows");
    assert_eq!(directory(working(), json!(null)), ".");
}

#[test]
fn a_module_never_read_storage() {
    let storage = block("s3", json!({"bucket_path": "b"}), json!({}));
    let module = pull(&deployment(json!("x"), "flows.etl.f"), Some(&storage)).unwrap();
    assert!(module.steps.is_empty());
    assert_eq!(module.findings.notes[0].code, "entrypoint_is_module");
}

#[test]
fn pull_steps_of_an_agents_deployment_go_before_its_storage() {
    let storage = block("s3", json!({"bucket_path": "b"}), json!({}));
    let mut deployment = deployment(json!("x"), "f.py:f");
    let steps = vec![json!({"prefect.deployments.steps.set_working_directory": {"directory": "/opt/flows"}})];
    deployment.pull_steps = Some(steps.clone());
    let pulled = pull(&deployment, Some(&storage)).unwrap();
    assert_eq!((pulled.steps, pulled.findings.notes[0].code.as_str()), (steps, "has_pull_steps"));
}

#[test]
fn an_unknown_block_pulls_by_itself_or_not_at_all() {
    let smb = block("smb", json!({}), json!({}));
    let pulled = pull(&deployment(json!("flows"), "f.py:f"), Some(&smb)).unwrap();
    assert_eq!(
        pulled.steps[0],
        json!({"prefect.deployments.steps.pull_with_block": {"block_type_slug": "smb", "block_document_name": "code"}})
    );
    assert_eq!(pulled.entrypoint.as_deref(), Some("flows/f.py:f"));
    let mut anonymous = smb;
    anonymous.is_anonymous = true;
    assert!(pull(&deployment(json!(null), "f.py:f"), Some(&anonymous)).unwrap_err().contains("anonymous"));
}
