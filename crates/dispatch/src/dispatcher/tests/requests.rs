//! What is asked of ECS, and what the run's owner is told about it.

use super::*;

/// A control plane that keeps what a run's owner is told.
struct Told(Standalone<Documents, Queues, Queues, NoBus>, Arc<Mutex<Vec<String>>>);

impl ControlPlane for Told {
    async fn read(&self, deliveries: &[Delivery], queue: RunQueue) -> Vec<Result<Reading, Failure>> {
        self.0.read(deliveries, queue).await
    }

    async fn claim(&self, delivery: &Delivery) -> Result<Claim, Failure> {
        self.0.claim(delivery).await
    }

    async fn waited(&self, message: &ScheduledRun) -> Result<Waited, Failure> {
        self.0.waited(message).await
    }

    async fn settle(&self, message: &ScheduledRun, settlement: &Settlement) -> Result<(), Failure> {
        self.0.settle(message, settlement).await
    }

    fn note(&self, _: &ScheduledRun, notes: Vec<String>) {
        self.1.lock().unwrap().extend(notes);
    }
}

/// What a run with these job variables is told, and how often a task was asked for.
async fn told(job_variables: Value, adopted: bool) -> (Vec<String>, usize, Vec<&'static str>) {
    let launcher = scripted(&[(1, Script::Answer(Ok(task(adopted))))]);
    let World { dispatcher, queues } = World::new(launcher, Queues::default());
    let Dispatcher { control, launcher, policy, sink, clock, .. } =
        Arc::into_inner(dispatcher).unwrap_or_else(|| panic!("the dispatcher is shared"));
    let notes = Arc::default();
    let control = Told(control, Arc::clone(&notes));
    let dispatcher = Arc::new(Dispatcher::new(control, launcher, Arc::clone(&queues), policy, sink, clock));
    let mut body = body(1);
    body["run"]["deployment"] = json!({"name": "d", "job_variables": job_variables});
    let deadline = Instant::now() + Duration::from_secs(30);
    dispatcher.handle(vec![record("a", 1, &body.to_string())], deadline).await;
    let asked = dispatcher.launcher.asked.lock().unwrap().len();
    let buried = queues.buried.lock().unwrap().iter().map(|(_, code)| *code).collect();
    let notes = std::mem::take(&mut *notes.lock().unwrap());
    (notes, asked, buried)
}

#[tokio::test(start_paused = true)]
async fn settings_without_effect_are_told_once_the_run_is_launched() {
    let variables = json!({"memroy": 8192, "image": "a/b:1"});
    let (notes, asked, _) = told(variables.clone(), false).await;
    assert_eq!((notes.len(), asked), (1, 1), "{notes:?}");
    assert!(notes[0].contains("`memroy`") && notes[0].contains("Did you mean `memory`?"), "{notes:?}");
    assert_eq!(told(variables, true).await.0, Vec::<String>::new(), "an earlier delivery has told them");
}

#[tokio::test(start_paused = true)]
async fn settings_without_effect_are_told_with_a_refusal_too() {
    let world = World::new(Launcher::default(), Queues::default());
    let mut body = body(1);
    body["run"]["deployment"] = json!({"name": "d", "job_variables": {
        "image": "111122223333.dkr.ecr.eu-west-1.amazonaws.com/etl:7", "execution_rol_arn": "arn:aws:iam::1:role/x"}});
    assert!(world.handle(vec![record("a", 1, &body.to_string())]).await.is_empty());
    assert_eq!(world.buried(), ["PP0224"]);
    let details = world.queues.details.lock().unwrap().concat();
    assert!(details.contains("Did you mean `execution_role_arn`?"), "{details}");
}

#[tokio::test(start_paused = true)]
async fn what_ecs_would_refuse_is_refused_before_it_is_asked() {
    for (variables, code) in [
        (json!({"image": "{{ build.image }}"}), "PP0228"),
        (json!({"image": "111122223333.dkr.ecr.eu-west-1.amazonaws.com/etl:7"}), "PP0224"),
        (json!({"container_name": "my flow"}), "PP0225"),
        (json!({"execution_role_arn": "arn:aws:iam::1:user/x"}), "PP0226"),
        (json!({"network_configuration": {"subnets": ["foo"]}}), "PP0227"),
        (json!({"cluster": "arn:aws:ecs:us-east-1:111122223333:cluster/etl"}), "PP0229"),
    ] {
        assert_eq!(told(variables.clone(), false).await, (Vec::new(), 0, vec![code]), "{variables}");
    }
}

#[tokio::test(start_paused = true)]
async fn roles_come_from_the_pool_alone_where_the_operator_says_so() {
    let run = |number: u8, of_run: Value, of_deployment: Value| {
        let mut body = body(number);
        body["work_pool"] = json!("roles");
        body["run"]["job_variables"] = of_run;
        body["run"]["deployment"] = json!({"name": "d", "job_variables": of_deployment});
        record(&number.to_string(), 1, &body.to_string())
    };
    let role = json!({"task_role_arn": "arn:aws:iam::1:role/admin"});
    let records = || {
        vec![run(1, role.clone(), json!({})), run(2, json!({}), role.clone()), run(3, json!({}), json!({"cpu": 512}))]
    };
    let open = World::new(Launcher::default(), Queues::default());
    assert!(open.handle(records()).await.is_empty());
    assert_eq!((open.asked(), open.buried().len()), (3, 0), "by default a deployment may choose its role");
    let closed =
        World::told(Launcher::default(), Queues::default(), |policy| policy.requests.roles_of_pool_only = true);
    assert!(closed.handle(records()).await.is_empty());
    assert_eq!((closed.asked(), closed.buried()), (1, vec!["PP0223"; 2]));
}
