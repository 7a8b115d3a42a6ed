//! Deployments and pools that are none of the corpus.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{
    super::{Options, Source, assess},
    deployment, pool_of,
};
use crate::{
    corpus,
    estate::{Account, Answers, Estate},
    plan::{Action, Level, MadeFrom, PoolAction, UpgradePlan, Write},
};

const FLOW: &str = "11111111-1111-1111-1111-111111111111";
const BLOCK: &str = "55555555-5555-5555-5555-555555555555";
const STORAGE: &str = "66666666-6666-6666-6666-666666666666";

/// A server with parts of its answers given.
#[derive(Default)]
struct Server {
    version: &'static str,
    pools: Vec<Value>,
    queues: Vec<Value>,
    blocks: Vec<Value>,
    variables: Vec<Value>,
    deployments: Vec<Value>,
}

impl Server {
    fn estate(self) -> Estate {
        Estate::from_answers(Answers {
            version: if self.version.is_empty() { "2.20.26".to_owned() } else { self.version.to_owned() },
            flows: vec![json!({"id": FLOW, "name": "etl"})],
            deployments: self.deployments,
            work_pools: self.pools,
            work_queues: self.queues,
            block_documents: self.blocks,
            variables: Some(self.variables),
            account: corpus::account(),
            ..Answers::default()
        })
        .unwrap()
    }

    fn plan(self, options: &Options) -> UpgradePlan {
        assess(&self.estate(), options)
    }
}

fn pool(name: &str, pool_type: &str, rest: Value) -> Value {
    let id = uuid::Uuid::new_v5(&uuid::Uuid::NAMESPACE_OID, name.as_bytes());
    merged(json!({"id": id, "name": name, "type": pool_type, "base_job_template": {}}), rest)
}

fn queue(pool: &str, name: &str, rest: Value) -> Value {
    let id = uuid::Uuid::new_v5(&uuid::Uuid::NAMESPACE_OID, format!("{pool}/{name}").as_bytes());
    merged(json!({"id": id, "name": name, "work_pool_name": pool}), rest)
}

fn a_deployment(name: &str, rest: Value) -> Value {
    let id = uuid::Uuid::new_v5(&uuid::Uuid::NAMESPACE_OID, name.as_bytes());
    merged(
        json!({"id": id, "name": name, "flow_id": FLOW, "path": "/opt/flows", "entrypoint": "f.py:f", "schedules": [],
            "parameters": {}, "tags": [], "work_pool_name": "agents", "work_queue_name": "default", "paused": false,
            "infra_overrides": {}, "infrastructure_document_id": BLOCK, "storage_document_id": null,
            "enforce_parameter_schema": false}),
        rest,
    )
}

fn merged(mut base: Value, over: Value) -> Value {
    for (member, value) in over.as_object().unwrap() {
        base[member] = value.clone();
    }
    base
}

fn block() -> Value {
    corpus::ecs_task(json!({"env": {"A": "1"}, "labels": {}, "image": "registry.example.com/etl:1"}))
}

fn agents() -> Value {
    pool("agents", "prefect-agent", json!({}))
}

fn one(rest: Value) -> Server {
    Server {
        pools: vec![agents()],
        blocks: vec![block()],
        deployments: vec![a_deployment("one", rest)],
        ..Server::default()
    }
}

#[test]
fn a_deployment_without_a_queue_would_start_and_is_left() {
    let nothing = json!({"work_pool_name": null, "work_queue_name": null});
    let plan = one(nothing.clone()).plan(&Options::default());
    assert_eq!(plan.deployments[0].action, Action::Leave);
    assert!(plan.deployments[0].reasons[0].contains("would start at once"));
    let told = Options { without_queue: true, ..Options::default() };
    let moved = one(nothing).plan(&told);
    assert_eq!(moved.deployments[0].action, Action::Migrate);
    assert_eq!(moved.deployments[0].target.as_ref().unwrap().queue, "default");
    let served = json!({"work_pool_name": null, "work_queue_name": null, "infrastructure_document_id": null, "pull_steps": [{"a": {}}]});
    assert_eq!(one(served).plan(&told).deployments[0].action, Action::Skip);
}

#[test]
fn blocks_that_are_gone_and_entrypoints_that_are_none_are_refused() {
    for (rest, word) in [
        (json!({"infrastructure_document_id": STORAGE}), "infrastructure block does not exist"),
        (json!({"storage_document_id": STORAGE}), "storage block does not exist"),
        (json!({"entrypoint": null}), "no entrypoint"),
        (json!({"path": null}), "neither storage nor a path"),
        (json!({"infra_overrides": {"cpu": "lots"}}), "`cpu` must be a whole number"),
    ] {
        let plan = one(rest.clone()).plan(&Options::default());
        assert_eq!(plan.deployments[0].action, Action::Refuse, "{rest}");
        assert!(plan.deployments[0].reasons[0].contains(word), "{rest}: {:?}", plan.deployments[0].reasons);
        assert!(plan.pools.is_empty(), "{rest}");
    }
}

#[test]
fn what_pushpool_would_not_launch_is_refused() {
    let plan = one(json!({"infra_overrides": {"cpu": 256, "memory": 8192}})).plan(&Options::default());
    assert_eq!(plan.deployments[0].action, Action::Refuse);
    assert!(plan.deployments[0].reasons[0].contains("PP0216"), "{:?}", plan.deployments[0].reasons);
}

#[test]
fn a_process_is_left_and_its_way_is_shown() {
    let server = one(json!({"infrastructure_document_id": null, "infra_overrides": {"env": {"A": "1"}}}));
    let plan = server.plan(&Options::default());
    let planned = &plan.deployments[0];
    assert_eq!(planned.action, Action::Leave);
    assert!(planned.reasons[0].contains("process of its agent"));
    let target = planned.target.as_ref().unwrap();
    assert!(target.pool.is_empty() && target.job_variables.is_empty());
}

#[test]
fn docker_is_moved_when_the_user_maps_it() {
    let docker = json!({"id": BLOCK, "name": "dock", "block_type": {"slug": "docker-container"},
        "data": {"image": "a:1", "env": {"A": "1"}, "mem_limit": "4g"}});
    let server = |map: &str, extra: Vec<Value>| {
        let pools = [vec![agents()], extra].concat();
        let server = Server {
            pools,
            blocks: vec![docker.clone()],
            deployments: vec![a_deployment("one", json!({}))],
            ..Server::default()
        };
        let map = BTreeMap::from([(map.to_owned(), "tasks".to_owned())]);
        server.plan(&Options { map, ..Options::default() })
    };
    for key in ["docker-container/dock", "docker-container", "etl/one"] {
        let plan = server(key, Vec::new());
        let planned = &plan.deployments[0];
        assert_eq!(planned.action, Action::Migrate, "{key}: {:?}", planned.reasons);
        let target = planned.target.as_ref().unwrap();
        assert_eq!(
            Value::Object(target.job_variables.clone()),
            json!({"image": "a:1", "env": {"A": "1"}, "memory": 4096})
        );
        assert_eq!((plan.pools[0].name.as_str(), plan.pools[0].action), ("tasks", PoolAction::Create));
        assert!(planned.notes.iter().any(|note| note.code == "no_old_requests"));
    }
    let existing = server("docker-container", vec![pool("tasks", "ecs:push", json!({"concurrency_limit": 3}))]);
    assert_eq!((existing.pools[0].action, existing.pools[0].concurrency_limit), (PoolAction::Reuse, Some(3)));
    let wrong = server("docker-container", vec![pool("tasks", "process", json!({}))]);
    assert!(wrong.deployments[0].reasons[0].contains("of type process"));
}

#[test]
fn an_anonymous_block_gives_its_values_and_never_its_name() {
    let name = "anonymous-00000000-0000-0000-0000-000000000000";
    let data = json!({"image": "registry.example.com/etl:1", "env": {"DB_PASSWORD": "canary", "A": "1"}, "labels": {}});
    let infrastructure =
        json!({"id": BLOCK, "name": name, "is_anonymous": true, "block_type": {"slug": "ecs-task"}, "data": data});
    let storage = json!({"id": STORAGE, "name": name, "is_anonymous": true, "block_type": {"slug": "s3"},
        "data": {"bucket_path": "b/x", "aws_access_key_id": "********", "aws_secret_access_key": "********"}});
    let server = Server {
        pools: vec![agents()],
        blocks: vec![infrastructure, storage],
        deployments: vec![a_deployment("one", json!({"storage_document_id": STORAGE, "path": "reports"}))],
        ..Server::default()
    };
    let plan = server.plan(&Options::default());
    let planned = &plan.deployments[0];
    assert_eq!(planned.action, Action::Migrate, "{:?}", planned.reasons);
    assert_eq!(planned.risk.level, Level::High);
    let target = planned.target.as_ref().unwrap();
    assert_eq!(
        target.pull_steps,
        [json!({"prefect_aws.deployments.steps.pull_from_s3":
        {"requires": "prefect-aws", "bucket": "b", "folder": "x/reports/"}})]
    );
    assert_eq!(target.pool, "one-push");
    let text = serde_json::to_string(&plan).unwrap();
    assert!(!text.contains("canary") && !text.contains(name) && !text.contains("****"));
    let lost: Vec<&str> = planned.not_carried.iter().map(|lost| lost.setting.as_str()).collect();
    assert!(
        lost.iter().any(|lost| lost.ends_with("env.DB_PASSWORD"))
            && lost.iter().any(|lost| lost.ends_with("aws_access_key_id"))
    );
}

#[test]
fn pools_get_free_and_legal_names() {
    let mut named = block();
    named["name"] = json!("prefect-ecs");
    let server = |extra: Vec<Value>| Server {
        pools: [vec![agents()], extra].concat(),
        blocks: vec![named.clone()],
        deployments: vec![a_deployment("one", json!({}))],
        ..Server::default()
    };
    let first = server(Vec::new()).plan(&Options::default());
    assert_eq!(first.pools[0].name, "ecs-prefect-ecs-push");
    let taken = server(vec![pool("ecs-prefect-ecs-push", "process", json!({}))]).plan(&Options::default());
    assert_eq!(taken.pools[0].name, "ecs-prefect-ecs-push-2");
    let made_before = json!({"base_job_template": first.pools[0].base_job_template});
    let again = server(vec![pool("ecs-prefect-ecs-push", "ecs:push", made_before)]).plan(&Options::default());
    assert_eq!((again.pools[0].name.as_str(), again.pools[0].action), ("ecs-prefect-ecs-push", PoolAction::Reuse));
}

#[test]
fn a_queue_that_is_there_stays_and_the_plan_says_what_that_does() {
    let codes = |old: Value, existing: Value, existing_pool: Value| -> Vec<String> {
        let server = |extra: Vec<Value>, queues: Vec<Value>| Server {
            pools: [vec![agents()], extra].concat(),
            queues: [vec![queue("agents", "nightly", old.clone())], queues].concat(),
            blocks: vec![block()],
            deployments: vec![a_deployment("one", json!({"work_queue_name": "nightly"}))],
            ..Server::default()
        };
        let first = server(Vec::new(), Vec::new()).plan(&Options::default());
        let name = &first.pools[0].name;
        let made_before = merged(json!({"base_job_template": first.pools[0].base_job_template}), existing_pool);
        let again = server(vec![pool(name, "ecs:push", made_before)], vec![queue(name, "nightly", existing)]);
        let plan = again.plan(&Options::default());
        assert_eq!(plan.pools[0].action, PoolAction::Reuse);
        let notes = plan.deployments[0].notes.iter().filter(|note| note.code.starts_with("queue_"));
        notes.map(|note| note.code.clone()).collect()
    };
    let (open, paused, limited) = (json!({}), json!({"is_paused": true}), json!({"concurrency_limit": 2}));
    for (old, existing, existing_pool, expected) in [
        (&open, &open, &open, vec![]),
        (&paused, &paused, &open, vec![]),
        (&paused, &open, &paused, vec![]),
        (&paused, &open, &open, vec!["queue_not_paused"]),
        (&open, &paused, &open, vec!["queue_paused"]),
        (&open, &open, &paused, vec!["queue_paused"]),
        (&limited, &open, &open, vec!["queue_limit"]),
    ] {
        assert_eq!(
            codes(old.clone(), existing.clone(), existing_pool.clone()),
            expected,
            "{old} {existing} {existing_pool}"
        );
    }
}

#[test]
fn limits_and_pauses_of_queues_and_pools_come_along() {
    let plain = pool("default-agent-pool", "prefect-agent", json!({"is_paused": true}));
    let server = Server {
        pools: vec![pool("agents", "prefect-agent", json!({"concurrency_limit": 20, "is_paused": true})), plain],
        queues: vec![
            queue("agents", "urgent", json!({"priority": 1, "concurrency_limit": 2})),
            queue("default-agent-pool", "urgent", json!({"priority": 5, "is_paused": true})),
        ],
        blocks: vec![block()],
        deployments: vec![
            a_deployment("a", json!({"work_queue_name": "urgent"})),
            a_deployment("b", json!({"work_queue_name": "urgent", "work_pool_name": "default-agent-pool"})),
        ],
        ..Server::default()
    };
    let plan = server.plan(&Options::default());
    let pool = &plan.pools[0];
    assert_eq!((pool.is_paused, pool.concurrency_limit), (true, None));
    let queues: Vec<(&str, Option<u32>, bool)> =
        pool.queues.iter().map(|it| (it.name.as_str(), it.concurrency_limit, it.is_paused)).collect();
    assert_eq!(queues, [("urgent", Some(2), false), ("urgent-default-agent-pool", None, true)]);
    assert_eq!(deployment(&plan, "b").target.as_ref().unwrap().queue, "urgent-default-agent-pool");
    assert!(deployment(&plan, "b").notes.iter().any(|note| note.code == "plain_queue"));
    assert_eq!(pool.seen.len(), 4, "two pools and two queues");
}

#[test]
fn queues_of_several_pools_keep_their_order() {
    let of = |pool: &str, queue: &str| {
        a_deployment(&format!("{pool}-{queue}"), json!({"work_pool_name": pool, "work_queue_name": queue}))
    };
    let queues = [("agents", "urgent", 1), ("agents", "default", 2), ("agents", "night", 4), ("others", "first", 1)];
    let server = Server {
        pools: vec![pool("agents", "prefect-agent", json!({})), pool("others", "prefect-agent", json!({}))],
        queues: queues.iter().map(|(pool, name, priority)| queue(pool, name, json!({"priority": priority}))).collect(),
        blocks: vec![block()],
        deployments: queues.iter().map(|(pool, name, _)| of(pool, name)).collect(),
        ..Server::default()
    };
    let plan = server.plan(&Options::default());
    let made: Vec<(&str, Option<u32>)> =
        plan.pools[0].queues.iter().map(|it| (it.name.as_str(), it.priority)).collect();
    assert_eq!(made, [("first", Some(1)), ("urgent", Some(2)), ("default", Some(3)), ("night", Some(4))]);
    assert!(plan.pools[0].notes.iter().any(|note| note.code == "priorities_distinct"));
}

#[test]
fn deployments_of_a_paused_pool_do_not_start_beside_those_of_another() {
    let plan = |other_is_paused: bool| {
        let server = Server {
            pools: vec![
                pool("agents", "prefect-agent", json!({"is_paused": other_is_paused})),
                pool("resting", "prefect-agent", json!({"is_paused": true})),
            ],
            queues: vec![queue("agents", "default", json!({})), queue("resting", "default", json!({}))],
            blocks: vec![block()],
            deployments: vec![a_deployment("a", json!({})), a_deployment("b", json!({"work_pool_name": "resting"}))],
            ..Server::default()
        };
        server.plan(&Options::default())
    };
    let queues = |plan: &UpgradePlan| -> Vec<(String, bool)> {
        plan.pools[0].queues.iter().map(|it| (it.name.clone(), it.is_paused)).collect()
    };
    let beside = plan(false);
    assert!(!beside.pools[0].is_paused);
    assert_eq!(queues(&beside), [("default".to_owned(), false), ("default-resting".to_owned(), true)]);
    assert_eq!(deployment(&beside, "b").target.as_ref().unwrap().queue, "default-resting");
    assert!(beside.pools[0].notes.iter().any(|note| note.code == "pool_was_paused"));
    let both = plan(true);
    assert!(both.pools[0].is_paused, "which holds back all of its queues");
    assert_eq!(queues(&both), [("default".to_owned(), false)]);
}

#[test]
fn a_worker_pool_becomes_a_push_pool_and_its_deployments_keep_their_settings() {
    let mut template = manage::pool::template::built_in();
    template["variables"]["properties"]["image"]["default"] = json!("registry.example.com/etl:1");
    template["variables"]["properties"]["env"]["default"] = json!({"STAGE": "prod"});
    template["variables"]["properties"]["vpc_id"]["default"] = json!("vpc-0blue");
    template["variables"]["properties"]["auto_deregister_task_definition"]["default"] = json!(true);
    let workers = pool("workers", "ecs", json!({"base_job_template": template, "concurrency_limit": 5}));
    let server = Server {
        version: "3.4.11",
        pools: vec![workers],
        queues: vec![queue("workers", "default", json!({"priority": 1}))],
        variables: vec![json!({"name": "a", "value": "1"})],
        deployments: vec![a_deployment(
            "one",
            json!({"work_pool_name": "workers", "infrastructure_document_id": null,
                "infra_overrides": {"cpu": 512, "memory": 1024, "env": {"A": "{{ prefect.variables.a }}"}},
                "pull_steps": [{"prefect.deployments.steps.set_working_directory": {"directory": "/opt"}}]}),
        )],
        ..Server::default()
    };
    let plan = server.plan(&Options::default());
    let planned = &plan.deployments[0];
    assert_eq!(planned.action, Action::Migrate, "{:?}", planned.reasons);
    let pool = pool_of(&plan, planned);
    assert_eq!((pool.name.as_str(), pool.concurrency_limit), ("workers-push", Some(5)));
    assert_eq!(pool.made_from, MadeFrom::Pool { name: "workers".to_owned(), pool_type: "ecs".to_owned() });
    assert_eq!(pool.not_carried[0].setting, "workers: auto_deregister_task_definition");
    let Some(Write::Patch { body }) = &planned.write else { panic!("no patch") };
    assert_eq!(json!(body), json!({"work_pool_name": "workers-push", "work_queue_name": "default"}));
    let proof = planned.proof.as_ref().unwrap();
    let unexplained: Vec<_> = proof.unexplained().collect();
    assert!(unexplained.is_empty(), "{unexplained:#?}");
    let subnets = proof.new.run_task.pointer("/networkConfiguration/awsvpcConfiguration/subnets").unwrap();
    assert_eq!(*subnets, json!(["subnet-0b1", "subnet-0b2", "subnet-0b3"]));
}

#[test]
fn a_worker_pool_without_a_known_network_is_told() {
    let server = Server {
        version: "3.4.11",
        pools: vec![pool("workers", "ecs", json!({}))],
        deployments: vec![a_deployment(
            "one",
            json!({"work_pool_name": "workers", "infrastructure_document_id": null}),
        )],
        ..Server::default()
    };
    let mut estate = server.estate();
    estate.account = Account::default();
    let plan = assess(&estate, &Options::default());
    let codes: Vec<&str> = plan.pools[0].notes.iter().map(|note| note.code.as_str()).collect();
    assert_eq!(codes, ["type_cannot_change", "template_of_worker", "credentials_not_used", "subnets_of_dispatcher"]);
    let unexplained: Vec<_> =
        plan.deployments[0].proof.as_ref().unwrap().unexplained().map(|it| it.pointer.as_str()).collect();
    assert_eq!(unexplained, ["/register_task_definition/containerDefinitions/prefect/image"]);
}

#[test]
fn a_push_pool_of_another_server_is_made_with_all_its_queues_and_its_deployments_stay_there() {
    let mut template = manage::pool::template::built_in();
    template["variables"]["properties"]["aws_credentials"]["default"] = json!({"$ref": {"block_document_id": BLOCK}});
    template["variables"]["properties"]["env"]["default"] = json!({"REGION": "{{ prefect.variables.region }}"});
    template["variables"]["required"] = json!(["aws_credentials"]);
    let server = || Server {
        version: "3.4.11",
        pools: vec![
            pool("cloud", "ecs:push", json!({"base_job_template": template, "concurrency_limit": 7})),
            pool("unused", "ecs:push", json!({"base_job_template": template})),
        ],
        queues: vec![
            queue("cloud", "default", json!({"priority": 1})),
            queue("cloud", "later", json!({"priority": 2, "concurrency_limit": 3, "is_paused": true})),
        ],
        variables: vec![json!({"name": "region", "value": "eu"})],
        deployments: vec![a_deployment("one", json!({"work_pool_name": "cloud", "infrastructure_document_id": null}))],
        ..Server::default()
    };
    let here = server().plan(&Options::default());
    assert_eq!((here.deployments[0].action, here.pools.len()), (Action::Skip, 0));
    let plan = server().plan(&Options { source: Source::Elsewhere, ..Options::default() });
    assert_eq!(plan.deployments[0].action, Action::Leave);
    assert!(plan.deployments[0].reasons[0].contains("Deploy it to the new one, to work pool cloud, queue default"));
    let made: Vec<(&str, PoolAction, Option<u32>)> =
        plan.pools.iter().map(|it| (it.name.as_str(), it.action, it.concurrency_limit)).collect();
    assert_eq!(made, [("cloud", PoolAction::Create, Some(7)), ("unused", PoolAction::Create, None)]);
    let queues: Vec<(&str, Option<u32>, bool)> =
        plan.pools[0].queues.iter().map(|it| (it.name.as_str(), it.concurrency_limit, it.is_paused)).collect();
    assert_eq!(queues, [("default", None, false), ("later", Some(3), true)]);
    let variables = &plan.pools[0].base_job_template["variables"];
    assert!(variables["properties"]["aws_credentials"].get("default").is_none());
    assert_eq!(variables["required"], json!([]));
    let text = |code: &str| plan.pools[0].notes.iter().find(|note| note.code == code).map(|note| note.text.as_str());
    assert!(text("refers_to").unwrap().contains("variable region"), "{:?}", plan.pools[0].notes);
    assert_eq!(text("type_cannot_change"), None);
}

#[test]
fn blocks_and_variables_that_settings_name_survive_are_checked_and_shown() {
    let mut template = manage::pool::template::built_in();
    template["variables"]["properties"]["image"]["default"] = json!("{{ prefect.variables.image }}");
    template["variables"]["properties"]["env"]["default"] = json!({"TOKEN": "{{ prefect.blocks.secret.token.value }}"});
    let secret =
        json!({"id": STORAGE, "name": "token", "block_type": {"slug": "secret"}, "data": {"value": "********"}});
    let planned = |variables: Vec<Value>, blocks: Vec<Value>| {
        let deployment = json!({"work_pool_name": "workers", "infrastructure_document_id": null,
            "infra_overrides": {"memory": 2048, "env": {"A": "{{ prefect.variables.a }}"}},
            "pull_steps": [{"prefect.deployments.steps.git_clone": {"repository": "{{ prefect.variables.repository }}"}}]});
        let server = Server {
            pools: vec![pool("workers", "ecs", json!({"base_job_template": template}))],
            blocks,
            variables,
            deployments: vec![a_deployment("one", deployment)],
            ..Server::default()
        };
        server.plan(&Options::default())
    };
    let known = [("image", json!("etl:7")), ("a", json!("1")), ("repository", json!("https://h/r.git"))];
    let known: Vec<Value> = known.iter().map(|(name, value)| json!({"name": name, "value": value})).collect();
    let plan = planned(known, vec![secret.clone()]);
    let deployment = &plan.deployments[0];
    assert_eq!(deployment.action, Action::Migrate, "{:?}", deployment.reasons);
    let target = deployment.target.as_ref().unwrap();
    assert_eq!(target.job_variables["env"]["A"], "{{ prefect.variables.a }}");
    let properties = &plan.pools[0].base_job_template["variables"]["properties"];
    assert_eq!(properties["image"]["default"], "{{ prefect.variables.image }}");
    let text = |plan: &UpgradePlan, code: &str| {
        plan.deployments[0].notes.iter().find(|note| note.code == code).map(|note| note.text.clone())
    };
    let listed = "block secret/token, variable a, variable image, variable repository.";
    assert!(text(&plan, "refers_to").unwrap().ends_with(listed), "{:?}", deployment.notes);
    assert_eq!(text(&plan, "reference_missing"), None);
    let proof = deployment.proof.as_ref().unwrap();
    let definition = proof.new.register_task_definition.as_ref().unwrap();
    assert_eq!(definition["containerDefinitions"][0]["image"], "etl:7");
    assert_eq!(proof.unexplained().count(), 0, "{:?}", proof.differences);
    let written = serde_json::to_string(&plan).unwrap();
    assert!(!written.contains("****"), "{written}");

    let plan = planned(vec![json!({"name": "image", "value": "etl:7"})], vec![secret]);
    let missing = text(&plan, "reference_missing").unwrap();
    assert!(missing.contains("variable a, variable repository"), "{missing}");
    assert_eq!(plan.deployments[0].risk.level, Level::High);
    let plan = planned(Vec::new(), Vec::new());
    assert_eq!(plan.deployments[0].action, Action::Refuse, "{:?}", plan.deployments[0].notes);
    assert!(plan.deployments[0].reasons[0].contains("token"), "{:?}", plan.deployments[0].reasons);
}

#[test]
fn secrets_of_sidecars_and_patches_stay_in_the_block() {
    let data = json!({"labels": {}, "env": {}, "task_definition": {"containerDefinitions": [
            {"name": "side", "image": "a:1", "essential": false, "environment": [{"name": "TOKEN", "value": "canary-1"}]},
            {"name": "prefect", "image": "b:1", "environment": [{"name": "API_KEY", "value": "canary-2"}]}]},
        "task_customizations": [{"op": "add", "path": "/overrides/containerOverrides/0/environment/-",
            "value": {"name": "DB_PASSWORD", "value": "canary-3"}}]});
    let server = Server {
        pools: vec![agents()],
        blocks: vec![corpus::ecs_task(data)],
        deployments: vec![a_deployment("one", json!({}))],
        ..Server::default()
    };
    let plan = server.plan(&Options::default());
    let planned = &plan.deployments[0];
    assert_eq!(planned.proof.as_ref().unwrap().unexplained().count(), 0, "{:?}", planned.reasons);
    let text = serde_json::to_string(&plan).unwrap();
    assert!(!text.contains("canary"), "{text}");
    for reference in [
        "task_definition.containerDefinitions[0].environment[0].value",
        "task_definition.containerDefinitions[1].environment[0].value",
        "task_customizations[0].value.value",
    ] {
        assert!(text.contains(&format!("{{{{ prefect.blocks.ecs-task.prod.{reference} }}}}")), "{reference}");
    }
}

#[test]
fn the_network_of_given_settings_is_a_known_difference() {
    let mut estate = one(json!({})).estate();
    estate.account = Account::default();
    let settings = ecs::Settings {
        region: "eu-central-1".to_owned(),
        subnets: vec!["subnet-9".to_owned()],
        security_groups: vec!["sg-9".to_owned()],
        ..ecs::Settings::default()
    };
    let plan = assess(&estate, &Options { settings, ..Options::default() });
    let planned = &plan.deployments[0];
    assert_eq!((planned.action, planned.risk.level), (Action::Migrate, Level::Medium));
    let proof = planned.proof.as_ref().unwrap();
    let unexplained: Vec<_> = proof.unexplained().collect();
    assert!(unexplained.is_empty(), "{unexplained:#?}");
    let network = proof.new.run_task.pointer("/networkConfiguration/awsvpcConfiguration").unwrap();
    assert_eq!(*network, json!({"assignPublicIp": "ENABLED", "securityGroups": ["sg-9"], "subnets": ["subnet-9"]}));
}
