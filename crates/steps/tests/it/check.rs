//! Mistakes that are found before anything runs.

use serde_json::{Value, json};
use steps::Step;

use crate::kit::step;

/// The texts of all mistakes of a step.
fn mistakes(function: &str, inputs: Value) -> Vec<String> {
    let errors = step(function, inputs).check().err().unwrap_or_default();
    errors.into_iter().map(|error| error.to_string()).collect()
}

fn refusal(value: Value) -> String {
    Step::parse(&value).unwrap_err().to_string()
}

#[test]
fn a_step_is_one_function_with_inputs() {
    let parsed = Step::parse(&json!({"a.b": {"x": 1, "id": "i", "requires": "p>=1"}})).unwrap().unwrap();
    assert_eq!((parsed.function.as_str(), parsed.id.as_deref()), ("a.b", Some("i")));
    assert_eq!((parsed.requires, parsed.inputs), (vec!["p>=1".to_owned()], crate::kit::object(json!({"x": 1}))));
    let two = refusal(json!({"a.b": {}, "another.key": {}}));
    assert_eq!(
        two,
        "step `b`: a step has one function, and `another.key` is one more; start a list item of its own for it"
    );
    let bare = refusal(json!("prefect.deployments.steps.run_shell_script"));
    assert!(
        bare.contains("`prefect.deployments.steps.run_shell_script` is only a name; put a colon behind it"),
        "{bare}"
    );
    assert!(refusal(json!({"a.b": null})).contains("are null, not a mapping; write `a.b: {}`"));
    assert!(refusal(json!({"a.b": [1]})).contains("are a list"));
    assert!(refusal(json!([1])).contains("not a list"));
    assert!(
        refusal(json!({"a.b": {"requires": {"p": 1}}}))
            .contains("`requires` is a mapping, not a text or a list of texts")
    );
    assert!(refusal(json!({"a.b": {"id": ["x"]}})).contains("`id` is a list"));
}

#[test]
fn an_empty_step_is_none() {
    assert_eq!(Step::parse(&json!({})).unwrap(), None);
    assert_eq!(Step::parse(&json!(null)).unwrap(), None);
}

#[test]
fn a_misspelt_function_is_named_with_the_right_one() {
    for (function, wanted) in [
        ("prefect.deployments.steps.run_shel_script", "Did you mean `run_shell_script`?"),
        ("git_clone", "Write `prefect.deployments.steps.git_clone`."),
        ("prefect.projects.steps.git_clone_project", "Write `prefect.deployments.steps.git_clone`."),
        ("prefect.deployment.steps.git_clone", "Did you mean `prefect.deployments.steps.git_clone`?"),
        ("prefect_docker.deployment.steps.build_docker_image", "`prefect_docker.deployments.steps.build_docker_image`"),
        ("prefect_aws.deployments.steps.push_to_s4", "Did you mean `push_to_s3`?"),
        ("prefect_gcp.deployments.steps.push_to_gs", "Did you mean `push_to_gcs`?"),
    ] {
        let [mistake] = mistakes(function, json!({})).try_into().unwrap();
        assert!(mistake.contains(function) && mistake.contains(wanted), "{mistake}");
    }
}

#[test]
fn functions_of_ones_own_are_not_judged() {
    for function in ["steps.build", "my_deployments.steps.git_clone", "lib/steps.py:build", "pkg.steps:Class.method"] {
        assert_eq!(mistakes(function, json!({"anything": [1]})), [""; 0]);
        let own = step(function, json!({}));
        assert!(!own.is_native() && own.outputs().is_none());
    }
}

#[test]
fn arguments_are_checked_by_name_and_type() {
    let shell = "prefect.deployments.steps.run_shell_script";
    let found = mistakes(shell, json!({"skript": "echo one"}));
    assert_eq!(
        found,
        [
            "step `run_shell_script`: there is no input `skript`. Did you mean `script`?",
            "step `run_shell_script`: the input `script` is missing",
        ]
    );
    for (inputs, wanted) in [
        (json!({"script": 5}), "`script` is a number, not a text; put it into quotes"),
        (json!({"script": null}), "`script` is null, not a text"),
        (json!({"script": "x", "shell": "yes"}), "`shell` is a text, not true or false"),
        (json!({"script": "x", "env": {"PORT": 8080}}), "`env.PORT` is a number, not a text; put it into quotes"),
        (json!({"script": "x", "env": ["A=1"]}), "`env` is a list, not a mapping"),
        (json!({"script": "echo 'x"}), "has a quote that does not close"),
    ] {
        let [mistake] = mistakes(shell, inputs).try_into().unwrap();
        assert!(mistake.contains(wanted), "{mistake}");
    }
    let nulls = json!({"repository": "x", "branch": null, "include_submodules": null, "directories": null});
    assert_eq!(mistakes("prefect.deployments.steps.git_clone", nulls), [""; 0]);
}

#[test]
fn placeholders_are_not_judged_and_their_inputs_names_are() {
    let clone = "prefect.deployments.steps.git_clone";
    let found = mistakes(clone, json!({"repositry": "x", "set_working_directory": "{{ clone.directory }}/sub"}));
    assert_eq!(found.len(), 3, "{found:?}");
    assert!(found[0].contains("Did you mean `repository`?"));
    let filled_later = json!({
        "repository": "{{ $URL }}", "branch": "{{ a.branch }}", "commit_sha": "{{ a.sha }}",
        "directories": "{{ a.list }}", "include_submodules": "{{ a.flag }}", "credentials": "{{ prefect.blocks.x.y }}",
    });
    assert_eq!(mistakes(clone, filled_later), [""; 0]);
}

#[test]
fn inputs_that_exclude_one_another_are_found() {
    let clone = "prefect.deployments.steps.git_clone";
    let build = "prefect_docker.deployments.steps.build_docker_image";
    for (function, inputs, wanted) in [
        (clone, json!({"repository": "r", "branch": "b", "commit_sha": "abcd"}), "give either it or `branch`"),
        (clone, json!({"repository": "r", "commit_sha": "main"}), "use `branch` for a branch"),
        (clone, json!({"repository": "r", "branch": "-x"}), "does not begin with `-`"),
        (clone, json!({"repository": "r", "access_token": "t", "credentials": {"token": "t"}}), "not both"),
        (build, json!({"image_name": "a b"}), "no spaces"),
        (build, json!({"image_name": "reg:5000/a:tag"}), "give the tag as `tag`"),
        (build, json!({"image_name": "a", "tag": 1.1}), "`tag` is a number"),
        (build, json!({"image_name": "a", "build_backend": "kaniko"}), "either `docker-py` or `buildx`"),
        (build, json!({"image_name": "a", "buildarg": {}}), "Did you mean `buildargs`?"),
        (build, json!({"image_name": "a", "build_backend": "buildx", "buildargs": {}}), "Did you mean `build_args` or"),
        (build, json!({"image_name": "a", "build_backend": "buildx", "platforms": ["a", "b"]}), "set `push: true`"),
        (build, json!({"image_name": "a", "container_limits": {"cpu": 1}}), "its keys are `memory`"),
        (build, json!({"image_name": "a", "use_config_proxy": false}), "always passes on the proxies"),
    ] {
        let [mistake] = mistakes(function, inputs).try_into().unwrap();
        assert!(mistake.contains(wanted), "{mistake}");
    }
}

#[test]
fn outputs_are_known_before_a_native_step_runs() {
    let build = step("prefect_docker.deployments.steps.build_docker_image", json!({"image_name": "a"}));
    assert_eq!(build.outputs().unwrap(), ["image_name", "tag", "image", "image_id", "additional_tags"]);
    assert!(build.is_native());
    let remote = step("prefect.deployments.steps.pull_from_remote_storage", json!({"url": "s3://b", "key": 1}));
    assert_eq!(remote.outputs().unwrap(), ["directory"]);
    assert!(!remote.is_native() && remote.check().is_ok());
    assert!(step("prefect.deployments.steps.pull.git_clone", json!({"repository": "r"})).is_native());
}

#[test]
fn settings_of_boto3_without_a_counterpart_need_python() {
    let push = "prefect_aws.deployments.steps.push_to_s3";
    let with = |client: Value| step(push, json!({"bucket": "b", "folder": "f", "client_parameters": client}));
    assert!(with(json!({"endpoint_url": "http://h", "use_ssl": false, "verify": true})).is_native());
    assert!(with(json!({"config": {"s3": {"addressing_style": "path"}, "retries": {"max_attempts": 2}}})).is_native());
    for (client, input) in [
        (json!({"verify": false}), "verify"),
        (json!({"use_ssl": false}), "use_ssl"),
        (json!({"config": {"proxies": {"https": "p"}}}), "config.proxies"),
        (json!({"config": {"signature_version": "s3"}}), "config.signature_version"),
        (json!({"config": {"s3": {"use_accelerate_endpoint": true}}}), "config.s3.use_accelerate_endpoint"),
    ] {
        let why = with(client).needs_python().unwrap();
        assert!(why.contains(&format!("`{input}`")), "{why}");
    }
}

#[test]
fn debug_output_shows_no_inputs() {
    let debug = format!("{:?}", step("a.b", json!({"password": "hunter22"})));
    assert!(debug.contains("password") && !debug.contains("hunter22"), "{debug}");
}
