//! Shapes of single blocks.

use serde_json::{Value, json};

use super::{Environment, Shape, Sized, Source};
use crate::{
    corpus,
    estate::Account,
    mapping::{
        ecs_task::{EcsTask, Reading},
        job_variables::{Explicit, differences},
        overrides,
    },
};

fn shape(data: &Value, given: &Value) -> Shape {
    let data = corpus::object(data.clone());
    let reading = Reading { repair: false, prefect_version: "2.20.26" };
    let base = EcsTask::read(&data, reading).unwrap();
    let task = EcsTask::read(&overrides::apply(&data, &corpus::object(given.clone())).unwrap(), reading).unwrap();
    let environment = Environment { label: "ecs-task/b".to_owned(), name: Some("b"), data: &data };
    let account = Account::default();
    let source = Source {
        task: &task,
        environment: &environment,
        credentials: None,
        sized: Sized::of(&base),
        repair: false,
        account: &account,
    };
    Shape::of(source).unwrap()
}

/// The job variables of overrides in the pool of the block itself.
fn variables(data: Value, given: Value) -> Value {
    let (pool, own) = (shape(&data, &json!({})), shape(&data, &given));
    assert!(pool.fits(&own), "{given}");
    Value::Object(differences(&pool, &own, &Explicit::of(&corpus::object(given))))
}

#[test]
fn overrides_become_job_variables_by_what_comes_out() {
    let data = json!({"image": "a:1", "cpu": 512, "memory": 1024, "env": {"A": "1", "B": "2"}, "labels": {"x": "1"}});
    for (given, expected) in [
        (json!({"cpu": "2048"}), json!({"cpu": 2048})),
        (json!({"cpu": 512}), json!({"cpu": 512})),
        (json!({"cpu": null}), json!({"cpu": null})),
        (json!({"image": "a:2", "env.C": 3}), json!({"env": {"C": "3"}, "image": "a:2"})),
        (json!({"env.A": null}), json!({"env": {"A": null}})),
        (json!({"env": {"A": "1", "C": "3"}}), json!({"env": {"A": "1", "C": "3", "B": null}})),
        (json!({"env": {}}), json!({"env": {"A": null, "B": null}})),
        (json!({"labels.y": "2"}), json!({"labels": {"x": "1", "y": "2"}})),
        (json!({"labels": {}}), json!({"labels": null})),
        (json!({"launch_type": "FARGATE_SPOT"}), json!({"launch_type": "FARGATE_SPOT"})),
        (json!({"command": ["sh", "-c", "echo it's"]}), json!({"command": r#"sh -c 'echo it'"'"'s'"#})),
        (json!({"env.M": "{{ image }}"}), json!({"env": {"M": "{{ text_1 }}"}, "text_1": "{{ image }}"})),
        (json!({"auto_deregister_task_definition": false, "task_start_timeout_seconds": 5}), json!({})),
    ] {
        assert_eq!(variables(data.clone(), given.clone()), expected, "{given}");
    }
}

#[test]
fn text_of_a_deployment_is_filled_in_only_where_the_pool_has_an_environment() {
    let given = json!({"env.M": "{{ image }}"});
    assert_eq!(variables(json!({"image": "a:1", "env": {}}), given), json!({"env": {"M": "{{ image }}"}}));
}

#[test]
fn image_null_is_the_image_of_the_definition() {
    let definition = json!({"containerDefinitions": [{"name": "prefect", "image": "a:1"}]});
    let same = json!({"env": {}, "task_definition": definition, "image": "a:1"});
    assert_eq!(variables(same, json!({"image": null})), json!({}));
    let other = json!({"env": {}, "task_definition": definition, "image": "a:2"});
    assert_eq!(variables(other, json!({"image": null})), json!({"image": "a:1"}));
}

#[test]
fn every_placeholder_of_a_template_is_declared() {
    let data = json!({"image": "a:1", "env": {"T": "{{ image }}"}, "task_definition": {"containerDefinitions": [
        {"name": "prefect", "command": ["{{ x }}"]}, {"name": "side", "image": "{{ side }}"}]},
        "task_customizations": [{"op": "add", "path": "/group", "value": "{{ group }}"}]});
    let template = shape(&data, &json!({})).template();
    let properties = &template["variables"]["properties"];
    let configuration = template["job_configuration"].to_string();
    let mut found = 0;
    for placeholder in templating::placeholder::find(&configuration) {
        let templating::placeholder::Kind::Standard(name) = placeholder.kind() else { panic!("{configuration}") };
        assert!(properties.get(name).is_some(), "{name}");
        found += 1;
    }
    assert!(found > 10);
    let literals: Vec<&Value> = (1..=4).map(|number| &properties[format!("literal_{number}")]["default"]).collect();
    assert_eq!(literals, ["{{ x }}", "{{ side }}", "{{ group }}", "{{ image }}"]);
    assert_eq!(properties["env"]["default"]["T"], "{{ literal_4 }}");
    work_pool::BaseJobTemplate::from_value(&template).unwrap();
}
