use serde_json::json;
use uuid::Uuid;

use super::*;
use crate::{Options, Source, assess, fake::scenario::server, plan::Action};

#[tokio::test]
async fn an_estate_has_every_block_that_another_one_refers_to() {
    let fake = server("2.20.26");
    let id = |number| Uuid::from_u128(number);
    let reference = |to: u128| json!({"field": {"block_document": {"id": id(to), "block_type": {"slug": "x"}}}});
    fake.state(|state| {
        state.deployments[0]["storage_document_id"] = json!(id(0x51));
        for (number, refers_to) in [(0x51, 0x52), (0x52, 0x53), (0x53, 0x51)] {
            state.blocks.push(json!({"id": id(number), "block_type": {"slug": "x"},
                "block_document_references": reference(refers_to)}));
        }
        state.deployments[1]["storage_document_id"] = json!(id(0xdead));
    });
    let estate = estate(&fake.server()).await.unwrap();
    let mut blocks: Vec<u128> = estate.blocks.keys().map(|id| id.as_u128()).collect();
    blocks.sort_unstable();
    assert_eq!(blocks, [0x51, 0x52, 0x53, 0xb10c]);
    assert_eq!((estate.version.0.as_str(), estate.deployments.len(), estate.work_queues.len()), ("2.20.26", 3, 1));
    assert!(fake.state(|state| state.writes.is_empty()));
}

#[tokio::test]
async fn an_estate_has_the_blocks_and_variables_that_settings_name() {
    let fake = server("3.9.1");
    let id = |number| Uuid::from_u128(number);
    fake.state(|state| {
        let template = json!({"job_configuration": {"env": {"A": "{{ prefect.blocks.secret.a.value }}"}}, "variables":
            {"properties": {"aws_credentials": {"default": {"$ref": {"block_document_id": id(0x61)}}}}}});
        state.pools.push(json!({"id": id(0xa1), "name": "workers", "type": "ecs", "base_job_template": template}));
        let other = json!({"job_configuration": {"env": "{{ prefect.blocks.secret.unasked }}"}});
        state.pools.push(json!({"id": id(0xa2), "name": "k8s", "type": "kubernetes", "base_job_template": other}));
        state.deployments[0]["job_variables"] = json!({"env": {"B": "x-{{ prefect.blocks.json.b.value.c }}"}});
        state.deployments[1]["pull_steps"] = json!([{"s": {"token": "{{ prefect.blocks.secret.gone }}"}}]);
        for (number, slug, name) in
            [(0x61, "aws-credentials", "keys"), (0x62, "secret", "a"), (0x63, "json", "b"), (0x64, "secret", "unasked")]
        {
            state.blocks.push(json!({"id": id(number), "name": name, "block_type": {"slug": slug}, "data": {}}));
        }
        state.variables = vec![json!({"id": id(0x71), "name": "region", "value": {"any": "kind"}})];
    });
    let estate = estate(&fake.server()).await.unwrap();
    let mut blocks: Vec<u128> = estate.blocks.keys().map(|id| id.as_u128()).collect();
    blocks.sort_unstable();
    assert_eq!(blocks, [0x61, 0x62, 0x63, 0xb10c]);
    assert_eq!(estate.variables.unwrap()["region"], json!({"any": "kind"}));
}

#[tokio::test]
async fn runs_are_read_without_their_parameters() {
    let fake = server("3.9.1");
    let deployment = Uuid::from_u128(1);
    fake.state(|state| {
        state.runs = vec![json!({"id": Uuid::from_u128(7), "flow_id": Uuid::nil(), "name": "late-otter",
            "deployment_id": deployment, "state_type": "SCHEDULED", "auto_scheduled": true, "parameters": {"big": "canary"}})];
    });
    let estate = estate(&fake.server()).await.unwrap();
    let [run] = estate.flow_runs.as_slice() else { panic!("one run") };
    assert_eq!((run.deployment_id, run.auto_scheduled, run.state_type.as_str()), (Some(deployment), true, "SCHEDULED"));
    assert!(!format!("{run:?}").contains("canary"));
}

#[tokio::test]
async fn a_choice_leaves_the_deployments_that_fit() {
    let fake = server("3.9.1");
    fake.state(|state| state.flows = vec![json!({"id": Uuid::from_u128(0xf), "name": "report"})]);
    let whole = estate(&fake.server()).await.unwrap();
    let names = |patterns: &[&str]| {
        let mut estate = whole.clone();
        choose(&mut estate, &patterns.iter().map(|it| (*it).to_owned()).collect::<Vec<_>>())
            .map(|()| estate.deployments.iter().map(|it| it.view.name.clone()).collect::<Vec<_>>())
            .map_err(|error| error.to_string())
    };
    assert_eq!(names(&[]).unwrap(), ["nightly", "hourly", "stays"]);
    assert_eq!(names(&["report/*ly"]).unwrap(), ["nightly", "hourly"]);
    assert_eq!(names(&["*/stays", "report/n?ghtly"]).unwrap(), ["nightly", "stays"]);
    assert!(names(&["*/stays", "other/*"]).unwrap_err().starts_with("other/*: no deployment"));
    assert!(names(&["report/["]).is_err());
}

#[tokio::test]
async fn a_plan_of_some_deployments_for_another_server_makes_their_pools_only() {
    let fake = server("3.9.1");
    fake.state(|state| {
        state.flows = vec![json!({"id": Uuid::from_u128(0xf), "name": "report"})];
        for (number, name) in [(0xa1, "cloud"), (0xa2, "other")] {
            state.pools.push(json!({"id": Uuid::from_u128(number), "name": name, "type": "ecs:push",
                "base_job_template": {"job_configuration": {}, "variables": {"properties": {}}}}));
        }
        state.deployments[0]["work_pool_name"] = json!("cloud");
    });
    let mut estate = estate(&fake.server()).await.unwrap();
    let options = Options { source: Source::Elsewhere, ..Options::default() };
    let pools = |estate: &Estate| -> Vec<String> {
        assess(estate, &options)
            .pools
            .iter()
            .map(|pool| pool.name.clone())
            .filter(|it| !it.ends_with("-push"))
            .collect()
    };
    assert_eq!(pools(&estate), ["cloud", "other"]);
    choose(&mut estate, &["report/nightly".to_owned()]).unwrap();
    only_their_pools(&mut estate);
    assert_eq!(pools(&estate), ["cloud"]);
}

#[tokio::test]
async fn a_plan_for_another_server_relies_on_nothing_there() {
    let (cloud, own) = (server("3.9.1"), server("3.8.8"));
    let mut plan = crate::fake::scenario::plan(&cloud).plan;
    let properties = json!({"a": {"default": {"$ref": {"block_document_id": "x"}}}, "b": {"default": {"c": 1}}});
    plan.pools[0].base_job_template = json!({"job_configuration": {}, "variables": {"properties": properties}});
    let plan = for_server(plan, &own.server()).await.unwrap();
    assert_eq!((plan.server.version.as_str(), plan.pools[0].seen.len()), ("3.8.8", 0));
    let properties = json!({"a": {}, "b": {"default": {"c": 1}}});
    assert_eq!(plan.pools[0].base_job_template["variables"]["properties"], properties);
    assert_eq!(plan.pools[0].not_carried[0].setting, "a");
    assert!(plan.deployments.iter().all(|it| it.action == Action::Leave && it.write.is_none()));
    assert!(plan.deployments[0].reasons[0].contains("to work pool prod-push, queue urgent"));
}
