//! What must be the same on both servers.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use jiff::Timestamp;
use prefect_api::Method;
use serde_json::{Value, json};
use simulation::server::Caller;

use super::{Answers, Pair, SOON, Twin, items, known_type, uuid, without_ids};

impl Pair {
    pub(super) fn compare_proposal(&mut self, answers: &Answers) {
        let [(status, real), (simulated_status, simulated)] = answers;
        self.assert_same("HTTP status of a proposal", status, simulated_status);
        if *status >= 300 {
            return self.assert_same("failure", &without_ids(real), &without_ids(simulated));
        }
        for member in ["status", "details"] {
            let plain = |body: &Value| {
                let mut member = body[member].clone();
                if let Some(details) = member.as_object_mut() {
                    details.remove("delay_seconds");
                    details.retain(|_, value| !value.is_null());
                }
                member
            };
            self.assert_same(member, &plain(real), &plain(simulated));
        }
        let delays = [real, simulated].map(|body| body["details"]["delay_seconds"].as_f64());
        match delays {
            [Some(one), Some(other)] => assert!((one - other).abs() < 20.0, "{}", self.report("delay", &one, &other)),
            [one, other] => self.assert_same("delay", &one, &other),
        }
        self.compare_states("state of the answer", &real["state"], &simulated["state"]);
    }

    /// States, up to ids and to times that the servers made themselves.
    pub(super) fn compare_states(&mut self, what: &str, real: &Value, simulated: &Value) {
        let plain = |state: &Value| {
            let details = &state["state_details"];
            // The real one repeats an unpersisted result to who sent it, and forgets it.
            let kept = Some(&state["data"]).filter(|data| data["type"] != "unpersisted");
            json!([
                state["type"],
                state["name"],
                state["message"],
                kept,
                details["transition_id"],
                details["pause_timeout"],
                details["pause_reschedule"],
                details["pause_key"],
            ])
        };
        self.assert_same(what, &plain(real), &plain(simulated));
        let [one, other] = [real, simulated].map(|state| state["state_details"]["scheduled_time"].clone());
        self.compare_times(&format!("scheduled time of the {what}"), &one, &other);
        let [one, other] =
            [real, simulated].map(|state| state["state_details"]["deployment_concurrency_lease_id"].clone());
        self.compare_leases(&one, &other);
    }

    pub(super) fn compare_leases(&mut self, real: &Value, simulated: &Value) {
        if real.is_null() || simulated.is_null() {
            return self.assert_same("lease", real, simulated);
        }
        let twin = Twin { real: uuid(real), simulated: uuid(simulated) };
        match self.leases.iter().find(|lease| lease.real == twin.real || lease.simulated == twin.simulated) {
            Some(lease) => {
                let ids = |twin: &Twin| (twin.real, twin.simulated);
                self.assert_same("lease", &ids(lease), &ids(&twin));
            }
            None => self.leases.push(twin),
        }
    }

    pub(super) fn compare_times(&self, what: &str, real: &Value, simulated: &Value) {
        let [one, other] = [real, simulated].map(|time| time.as_str().map(|time| time.parse::<Timestamp>().unwrap()));
        match (one, other) {
            (Some(one), Some(other)) => {
                assert!(one.duration_since(other).abs() < SOON, "{}", self.report(what, &one, &other));
            }
            _ => self.assert_same(what, &one, &other),
        }
    }

    /// Everything about a run.
    pub(super) async fn compare_run(&mut self, run: usize) {
        let Twin { real, simulated } = self.runs[run];
        let paths = [format!("/flow_runs/{real}"), format!("/flow_runs/{simulated}")];
        let [(status, one), (other_status, other)] = self.ask(Caller::Other, Method::Get, paths, None).await;
        self.assert_same("status of a run", &status, &other_status);
        self.states[run] = one["state_type"].as_str().map(known_type);
        if status != 200 {
            return;
        }
        self.compare_states("run's state", &one["state"], &other["state"]);
        let plain = |run: &Value| {
            let policy = &run["empirical_policy"];
            let keys = policy["pause_keys"].as_array().map(|keys| {
                // Those that the server makes up are told by their number.
                let (short, long): (Vec<_>, Vec<_>) = keys.iter().partition(|key| key.as_str().unwrap().len() < 5);
                (short.into_iter().map(Value::to_string).collect::<BTreeSet<_>>(), long.len())
            });
            let labels = run["labels"].as_object().unwrap();
            let labels: BTreeMap<_, _> = labels.iter().filter(|(key, _)| !key.starts_with("prefect.")).collect();
            json!({
                "state": [run["state_type"], run["state_name"]],
                "policy": [policy["retries"], policy["retry_type"], policy["resuming"], keys],
                "run_count": run["run_count"],
                "infrastructure_pid": run["infrastructure_pid"],
                "job_variables": run["job_variables"],
                "labels": labels,
                "place": [run["work_pool_name"], run["work_queue_name"]],
            })
        };
        self.assert_same("run", &plain(&one), &plain(&other));
        for time in ["expected_start_time", "next_scheduled_start_time", "start_time", "end_time"] {
            self.compare_times(time, &one[time], &other[time]);
        }
    }

    pub(in crate::simulated_server) async fn compare_history(&mut self, run: usize) {
        let Twin { real, simulated } = self.runs[run];
        let paths = [real, simulated].map(|run| format!("/flow_run_states/?flow_run_id={run}"));
        let [(_, one), (_, other)] = self.ask(Caller::Other, Method::Get, paths, None).await;
        let history = |states: &Value| -> Vec<String> {
            let mut states = items(states).to_vec();
            states.sort_by_key(|state| state["timestamp"].as_str().unwrap().parse::<Timestamp>().unwrap());
            states
                .iter()
                .map(|state| format!("{} {} {}", state["type"], state["name"], state["state_details"]["transition_id"]))
                .collect()
        };
        self.assert_same("history", &history(&one), &history(&other));
    }

    /// Slots of the limit of a run's deployment.
    pub(in crate::simulated_server) async fn compare_slots(&mut self, run: usize) {
        if let Some(expected) = self.simulated.active_slots(self.deployments[self.of[run]].simulated) {
            self.assert_same("active slots", &self.real_slots(run).await, &Some(f64::from(expected)));
        }
    }

    pub(super) async fn real_slots(&self, run: usize) -> Option<f64> {
        let answer = self.api.get(&format!("/deployments/{}", self.deployments[self.of[run]].real)).await;
        answer.body["global_concurrency_limit"]["active_slots"].as_f64()
    }

    pub(super) async fn compare_queues(&mut self) {
        let path = format!("/work_pools/{}/queues/filter", self.pool);
        let bodies = Some([json!({}), json!({})]);
        let [(_, one), (_, other)] = self.ask(Caller::Other, Method::Post, [path.clone(), path], bodies).await;
        let plain = |queues: &Value| -> Vec<Value> {
            let plain = |it: &Value| json!([it["name"], it["priority"], it["is_paused"], it["concurrency_limit"]]);
            items(queues).iter().map(plain).collect()
        };
        self.assert_same("queues", &plain(&one), &plain(&other));
    }

    /// Runs of an answer by their place in this world.
    pub(super) fn names(&self, side: usize, answer: &Value, id: impl Fn(&Value) -> &Value) -> Vec<usize> {
        let of = |twin: &Twin| if side == 0 { twin.real } else { twin.simulated };
        let place = |item: &Value| {
            let wanted = uuid(id(item));
            self.runs.iter().position(|twin| of(twin) == wanted).unwrap_or(usize::MAX)
        };
        answer.as_array().map(|items| items.iter().map(place).collect()).unwrap_or_default()
    }

    pub(super) fn assert_same<T: PartialEq + std::fmt::Debug>(&self, what: &str, real: &T, simulated: &T) {
        assert!(real == simulated, "{}", self.report(what, real, simulated));
    }

    pub(super) fn report(&self, what: &str, real: &impl std::fmt::Debug, simulated: &impl std::fmt::Debug) -> String {
        let mut report = format!(
            "{what} differs (world of seed {}, step {}):\n  real      {real:?}\n  simulated {simulated:?}\n",
            self.seed,
            self.played.len()
        );
        for step in &self.played {
            let _ = writeln!(report, "  {step}");
        }
        report
    }
}
