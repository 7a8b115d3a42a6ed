//! What a batch makes of answers that fail, over a server in memory. All else is shown before real servers: `tests/it/served`.

use std::sync::Mutex;

use ecs::{failure::Class, launch::LaunchError, task::Task};
use prefect_api::{Patience, Request, Response, TransportError};
use serde_json::{Value, json};

use super::*;

const NOW: &str = "2026-01-01T00:00:00Z";

/// Answers for two due runs, one of whose deployments refers to a variable and one to a block with a variable in it.
#[derive(Default)]
struct Server {
    /// Paths that are answered with 503, by a part of them.
    busy: &'static str,
    said: Mutex<Vec<String>>,
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
            "/flow_runs/filter" => answer(200, &json!([run(1), run(2), run(3)])),
            "/work_pools/p" => answer(200, &json!({"id": id(60), "name": "p", "type": "ecs:push"})),
            "/work_pools/p/queues/filter" => answer(200, &json!([])),
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
            _ if path.ends_with("/set_state") => {
                answer(200, &json!({"status": "ACCEPT", "state": {"id": id(99), "type": "CRASHED", "timestamp": NOW}}))
            }
            _ => panic!("{path}"),
        }
    }
}

struct NoTasks;

impl TaskControl for NoTasks {
    async fn describe(&self, _: &str, _: &[String]) -> Result<Vec<Task>, LaunchError> {
        Ok(Vec::new())
    }

    async fn running(&self, _: &str, _: usize) -> Result<Vec<String>, LaunchError> {
        Ok(Vec::new())
    }

    async fn started_by(&self, _: &str, _: &str) -> Result<Vec<Task>, LaunchError> {
        Ok(Vec::new())
    }

    async fn stop(&self, _: &str, _: &str, _: &str) -> Result<(), LaunchError> {
        Ok(())
    }
}

fn control(busy: &'static str) -> PrefectControl<Server, NoTasks> {
    let server = Server { busy, ..Server::default() };
    let client = Client::new(server, Patience::FUNCTION);
    PrefectControl::new(client, Arc::new(NoTasks), Options::default(), Arc::new(|| NOW.parse().unwrap()))
}

fn message(number: u128) -> ScheduledRun {
    let body = json!({"version": 1, "flow_run_id": id(number), "state_id": id(number + 20), "expected_start_time": NOW,
        "work_pool": "p"});
    ScheduledRun::parse(&body.to_string()).unwrap()
}

async fn read(control: &PrefectControl<Server, NoTasks>) -> Vec<Result<Reading, Failure>> {
    let deliveries: Vec<Delivery> = [1, 2, 3]
        .map(|number| Delivery {
            message: message(number),
            message_id: number.to_string(),
            delivery_id: "d".to_owned(),
            queue: RunQueue::Standard,
            again: false,
        })
        .into();
    control.read(&deliveries, RunQueue::Standard).await
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
