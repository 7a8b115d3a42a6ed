//! What a batch makes of answers that fail, over a server in memory. All else is shown before real servers: `tests/it/served`.

use std::sync::Mutex;

use ecs::{
    ClusterRef, TaskArn,
    failure::Class,
    launch::{LaunchError, Page},
    task::Task,
};
use jiff::Timestamp;
use prefect_api::{Patience, Request, Response, TransportError};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{reading::no_deployment, *};
use crate::ports::Order;

const NOW: &str = "2026-01-01T00:00:00Z";

/// Answers for two due runs, one of whose deployments refers to a variable and one to a block with a variable in it.
#[derive(Default)]
struct Server {
    /// Paths that are answered with 503, by a part of them.
    busy: &'static str,
    said: Mutex<Vec<String>>,
    /// Whether its runs are claimed already.
    claimed: bool,
    /// Whether it cannot write the second run's deployment, alone or in a list.
    poisoned: bool,
    renewed: Mutex<Vec<Value>>,
}

/// A run whose slot is on the lease of its number.
fn claimed(number: u128) -> Value {
    let attempt = message(number).attempt();
    json!({"id": id(number), "flow_id": id(50), "deployment_id": id(11), "work_pool_name": "p", "state": pending(attempt, number)})
}

fn pending(attempt: Attempt, lease: u128) -> Value {
    json!({"id": id(90), "type": "PENDING", "timestamp": NOW, "state_details": {"scheduled_time": NOW,
        "transition_id": attempt.transition_id(), "deployment_concurrency_lease_id": id(lease)}})
}

fn id(number: u128) -> Uuid {
    Uuid::from_u128(number)
}

impl Transport for Server {
    async fn send(&self, request: Request) -> Result<Response, TransportError> {
        let path = request.path.as_str();
        let answer =
            |status: u16, body: &Value| Ok(Response { status, retry_after: None, body: body.to_string().into_bytes() });
        if !self.busy.is_empty() && path.contains(self.busy) {
            return answer(503, &json!({"exception_message": "Service Unavailable"}));
        }
        let run = |number: u128| {
            json!({"id": id(number), "flow_id": id(50), "deployment_id": id(number + 10), "work_pool_name": "p",
                "state": {"id": id(number + 20), "type": "SCHEDULED", "timestamp": NOW,
                    "state_details": {"scheduled_time": NOW}}})
        };
        let deployment = |number: u128, value: &str| json!({"id": id(number + 10), "name": "d", "flow_id": id(50), "job_variables": {"env": {"X": value}}});
        match path {
            "/flow_runs/filter" if self.claimed => answer(200, &json!([claimed(1), claimed(2)])),
            "/flow_runs/filter" => answer(200, &json!([run(1), run(2), run(3)])),
            "/work_pools/p" => answer(200, &json!({"id": id(60), "name": "p", "type": "ecs:push"})),
            "/work_pools/p/queues/filter" => answer(200, &json!([])),
            "/deployments/filter"
                if self.poisoned && request.body.as_deref().unwrap_or_default().contains(&id(12).to_string()) =>
            {
                answer(500, &json!({"exception_message": "Internal Server Error"}))
            }
            "/deployments/filter" => answer(
                200,
                &json!([
                    deployment(1, "plain"),
                    deployment(2, "{{ prefect.variables.v }}"),
                    deployment(3, "{{ prefect.blocks.json.b }}")
                ]),
            ),
            "/flows/filter" => answer(200, &json!([{"id": id(50), "name": "f"}])),
            "/variables/name/v" => answer(200, &json!({"value": "of the variable"})),
            "/logs/" => {
                self.said.lock().unwrap().push(request.body.unwrap_or_default());
                answer(201, &Value::Null)
            }
            _ if path.contains("/block_documents/name/b") => {
                answer(200, &json!({"data": {"value": "{{ prefect.variables.v }}"}}))
            }
            // The lease of the second run has ended.
            _ if path.ends_with("/renew") => {
                self.renewed.lock().unwrap().push(serde_json::from_str(&request.body.unwrap_or_default()).unwrap());
                let gone = path.contains(&id(2).to_string());
                if gone { answer(410, &json!({"detail": "Lease not found"})) } else { answer(204, &Value::Null) }
            }
            _ if path.ends_with("/set_state") && request.body.as_deref().unwrap_or_default().contains("PENDING") => {
                let number = if path.contains(&id(1).to_string()) { 1 } else { 2 };
                let mut state = pending(message(number).attempt(), number);
                let proposed: Value = serde_json::from_str(&request.body.unwrap_or_default()).unwrap();
                state["message"] = proposed["state"]["message"].clone();
                answer(201, &json!({"status": "ACCEPT", "state": state}))
            }
            _ if path.ends_with("/set_state") => {
                answer(200, &json!({"status": "ACCEPT", "state": {"id": id(99), "type": "CRASHED", "timestamp": NOW}}))
            }
            _ => panic!("{path}"),
        }
    }
}

struct NoTasks;

impl TaskControl for NoTasks {
    async fn describe(&self, _: &ClusterRef, _: &[TaskArn]) -> Result<Vec<Task>, LaunchError> {
        Ok(Vec::new())
    }

    async fn running(&self, _: &ClusterRef, _: Option<&str>, _: usize) -> Result<Page, LaunchError> {
        Ok(Page::default())
    }

    async fn started_by(&self, _: &ClusterRef, _: &str) -> Result<Vec<Task>, LaunchError> {
        Ok(Vec::new())
    }

    async fn stop(&self, _: &ClusterRef, _: &TaskArn, _: &str) -> Result<(), LaunchError> {
        Ok(())
    }
}

fn control(busy: &'static str) -> PrefectControl<Server, NoTasks> {
    control_at(NOW, Server { busy, ..Server::default() })
}

fn control_at(now: &'static str, server: Server) -> PrefectControl<Server, NoTasks> {
    let client = Client::new(server, Patience::FUNCTION);
    PrefectControl::new(client, Arc::new(NoTasks), Options::default(), Arc::new(move || now.parse().unwrap()))
}

fn message(number: u128) -> ScheduledRun {
    let body = json!({"version": 1, "flow_run_id": id(number), "state_id": id(number + 20), "expected_start_time": NOW,
        "work_pool": "p"});
    ScheduledRun::parse(&body.to_string()).unwrap()
}

async fn read(control: &PrefectControl<Server, NoTasks>) -> Vec<Result<Reading, Failure>> {
    control.read(&[1, 2, 3].map(delivery), RunQueue::Standard).await
}

fn delivery(number: u128) -> Delivery {
    Delivery {
        message: message(number),
        message_id: number.to_string(),
        delivery_id: "d".to_owned(),
        queue: RunQueue::Standard,
        read: NOW.parse().unwrap(),
        again: false,
    }
}

fn order(reading: &Result<Reading, Failure>) -> &Order {
    match reading {
        Ok(Reading::Due(order)) => order,
        Ok(_) => panic!("not due"),
        Err(failure) => panic!("{failure:?}"),
    }
}

/// What the run's container would have for `X`.
fn rendered(reading: &Result<Reading, Failure>) -> Value {
    let order = order(reading);
    let layers = work_pool::Layers { deployment: Some(&order.deployment_variables), flow_run: None };
    order.template.render(layers, &*order.resolver).unwrap().values["env"]["X"].clone()
}

#[tokio::test]
async fn what_runs_refer_to_is_fetched_for_them() {
    let readings = read(&control("")).await;
    let values: Vec<Value> = readings.iter().map(rendered).collect();
    assert_eq!(values, ["plain", "of the variable", "of the variable"]);
}

#[tokio::test(start_paused = true)]
async fn a_reference_that_cannot_be_read_just_now_brings_its_message_back_and_no_other() {
    for (busy, failed) in [("/variables/", [false, true, true]), ("/block_types/", [false, false, true])] {
        let readings = read(&control(busy)).await;
        for (reading, failed) in readings.iter().zip(failed) {
            match reading {
                Err(failure) => assert!(failed && failure.class == Class::Transient, "{busy}: {failure:?}"),
                Ok(_) => assert!(!failed && !rendered(reading).is_null(), "{busy}"),
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_deployment_that_cannot_be_read_brings_its_own_message_back_and_no_other() {
    for again in [false, true] {
        let control = control_at(NOW, Server { poisoned: true, ..Server::default() });
        let deliveries = [1, 2, 3].map(|number| Delivery { again, ..delivery(number) });
        let readings = control.read(&deliveries, RunQueue::Standard).await;
        assert!(!rendered(&readings[0]).is_null() && !rendered(&readings[2]).is_null());
        // After the first time it must not keep others from starting: it is handed back, a bounded number of times.
        match &readings[1] {
            Err(failure) => assert!(!again && failure.class == Class::Transient, "{failure:?}"),
            Ok(Reading::Postponed { claimed: false, reason }) => {
                assert!(again && reason.code == "PP0508", "{reason:?}");
            }
            Ok(_) => panic!("it cannot be launched"),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_run_is_told_that_it_crashed_once_it_has() {
    let reason = no_deployment(id(7));
    for (busy, lines) in [("/set_state", 0), ("", 1)] {
        let control = control(busy);
        let settled = control.settle(&message(1), &Settlement::Crashed(reason.clone())).await;
        assert_eq!(settled.is_ok(), lines == 1);
        control.flush().await;
        assert_eq!(control.client.transport().said.lock().unwrap().len(), lines);
    }
}

#[tokio::test(start_paused = true)]
async fn a_slot_is_kept_from_the_claim_on() {
    for number in [1, 2] {
        let control = control("");
        // A lease that ends as it begins is of a server that keeps none.
        assert_eq!(control.claim(&delivery(number)).await.unwrap(), Claim::Ours { again: false });
        assert_eq!(*control.client.transport().renewed.lock().unwrap(), [json!({"lease_duration": leases::LIFE})]);
    }
    let failure = control("/renew").claim(&delivery(1)).await.unwrap_err();
    assert_eq!(failure.class, Class::Transient, "nothing is launched on a slot that may be lost");
}

#[tokio::test(start_paused = true)]
async fn a_claim_of_an_earlier_delivery_is_launched_with_its_slot_only() {
    let control = |now, busy| control_at(now, Server { busy, claimed: true, ..Server::default() });
    let (at_once, later) = ("2026-01-01T00:00:20Z", "2026-01-01T00:10:00Z");
    let soon = control(at_once, "");
    assert!(matches!(&read(&soon).await[0], Ok(Reading::InHand(_))));
    assert_eq!(soon.client.transport().renewed.lock().unwrap().len(), 2, "the one that claimed may have died");
    let readings = read(&control(later, "")).await;
    assert!(matches!(&readings[0], Ok(Reading::Claimed(_))));
    assert!(matches!(&readings[1], Ok(Reading::SlotLost { reason, .. }) if reason.code == "PP0510"));
    let readings = read(&control(later, "/renew")).await;
    assert!(readings[..2].iter().all(|reading| matches!(reading, Err(failure) if failure.class == Class::Transient)));
}

/// A server with AWS credentials in a block, as it shows them to those who ask for no secrets.
struct Credentials;

impl Transport for Credentials {
    async fn send(&self, request: Request) -> Result<Response, TransportError> {
        let (status, body) = match request.path.as_str() {
            "/block_documents/mine?include_secrets=false"
            | "/block_types/slug/aws-credentials/block_documents/name/mine?include_secrets=false" => {
                (200, json!({"data": {"aws_secret_access_key": "********", "region_name": "eu-west-1"}}))
            }
            "/block_documents/gone?include_secrets=false" => (404, json!({"detail": "Block document not found"})),
            other => panic!("{other}"),
        };
        Ok(Response { status, retry_after: None, body: body.to_string().into_bytes() })
    }
}

/// They are only compared with what the dispatcher uses: their secrets need not leave the server, and a run does not fail for
/// want of them.
#[tokio::test(start_paused = true)]
async fn credentials_are_read_without_their_secrets() {
    use work_pool::{Reference, Resolver};

    let client = Client::new(Credentials, Patience::FUNCTION);
    let document = |id: &str| Reference::Credentials { of: Box::new(Reference::BlockDocument { id: id.to_owned() }) };
    let (type_slug, name) = ("aws-credentials".to_owned(), "mine".to_owned());
    let block = Reference::Credentials { of: Box::new(Reference::Block { type_slug, name }) };
    let now: Timestamp = NOW.parse().unwrap();
    let wanted = [document("mine"), document("gone"), block.clone()].map(|reference| (reference, now));
    let fetched = References::new().fetch(&client, wanted.into_iter().collect(), now).await;
    for known in [document("mine"), block] {
        assert_eq!(fetched.credentials(&known).unwrap()["region_name"], "eu-west-1");
        assert!(fetched.failure(&[known]).is_none());
    }
    assert_eq!(fetched.credentials(&document("gone")), None);
    assert!(fetched.failure(&[document("gone")]).is_none());
}
