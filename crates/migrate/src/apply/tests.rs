use std::path::PathBuf;

use serde_json::json;

use super::*;
use crate::fake::{
    Fake, Outage,
    scenario::{PUSH, nightly, plan, server},
};

const OLD: &str = "2.20.26";
const NEW: &str = "3.9.1";

struct Place(tempfile::TempDir);

impl Place {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self) -> PathBuf {
        self.0.path().join("upgrade.journal")
    }

    fn journal(&self, file: &PlanFile) -> Journal {
        Journal::of_plan(&self.path(), &file.digest, &file.plan.server).unwrap()
    }

    /// Everything that is left, for these deployments or for all.
    async fn apply(&self, fake: &Fake, file: &PlanFile, only: &[&str]) -> Result<Report, UpgradeError> {
        let only: Vec<String> = only.iter().map(|it| (*it).to_owned()).collect();
        let mut journal = self.journal(file);
        let prepared = prepare(&fake.server(), file, &only, Some(&journal)).await?;
        apply(&fake.server(), &prepared.plan, &mut journal, |_, _| {}).await
    }
}

fn writes(fake: &Fake) -> Vec<String> {
    fake.state(|state| state.writes.clone())
}

fn code(refused: Result<Report, UpgradeError>) -> String {
    let diagnosis = refused.unwrap_err().diagnosis().unwrap();
    format!("{} {}", diagnosis.code, diagnosis.detail)
}

#[tokio::test]
async fn pools_come_first_then_queues_then_deployments_one_write_each() {
    for (version, method) in [(OLD, "POST /deployments/"), (NEW, "PATCH /deployments/")] {
        let (fake, place) = (server(version), Place::new());
        let before = fake.deployments();
        let report = place.apply(&fake, &plan(&fake), &[]).await.unwrap();
        assert_eq!((report.failed(), report.outcomes.len()), (0, 5), "{report:?}");
        let writes = writes(&fake);
        assert_eq!(writes[0], "POST /work_pools/");
        assert_eq!(writes[1], format!("PATCH /work_pools/{PUSH}/queues/default"));
        assert_eq!(writes[2], format!("POST /work_pools/{PUSH}/queues"));
        let of_deployments = writes.iter().filter(|it| it.starts_with(method) && !it.contains("schedules"));
        assert_eq!(of_deployments.count(), 2, "{writes:?}");

        let after = fake.deployments();
        assert_eq!(after["stays"], before["stays"]);
        for name in ["nightly", "hourly"] {
            let (before, after) = (&before[name], &after[name]);
            assert_eq!((&after["work_pool_name"], &after["path"]), (&json!(PUSH), &Value::Null));
            for kept in ["id", "schedules", "paused", "tags", "version", "description"] {
                assert_eq!(after[kept], before[kept], "{kept} of {name} on {version}");
            }
        }
        let variables = if version == OLD { "infra_overrides" } else { "job_variables" };
        assert_eq!(after["nightly"][variables], json!({"env": {"STAGE": "nightly"}}));
    }
}

#[tokio::test]
async fn prefect_cloud_gets_no_push_pools() {
    let (fake, place) = (server(NEW), Place::new());
    let (file, mut server) = (plan(&fake), fake.server());
    server.url = "https://api.prefect.cloud/api/accounts/a/workspaces/w".to_owned();
    let refused = prepare(&server, &file, &[], None).await.unwrap_err();
    assert!(refused.to_string().contains("Prefect Cloud submits the runs of ecs:push"), "{refused}");
    assert!(writes(&fake).is_empty() && !place.path().exists());
}

#[tokio::test]
async fn a_second_time_there_is_nothing_to_do() {
    let (fake, place) = (server(OLD), Place::new());
    let file = plan(&fake);
    place.apply(&fake, &file, &[]).await.unwrap();
    let written = writes(&fake);
    for journal in [Some(place.journal(&file)), None] {
        let prepared = prepare(&fake.server(), &file, &[], journal.as_ref()).await.unwrap();
        assert!(prepared.plan.is_empty(), "{prepared:?}");
        assert_eq!(prepared.already, ["report/nightly", "report/hourly"]);
    }
    assert_eq!(writes(&fake), written);
}

#[tokio::test]
async fn one_deployment_goes_first_and_the_others_follow() {
    let (fake, place) = (server(NEW), Place::new());
    let file = plan(&fake);
    let report = place.apply(&fake, &file, &["report/nightly"]).await.unwrap();
    assert_eq!(report.outcomes.last().unwrap().0, "deployment \"report/nightly\"");
    assert_eq!(fake.deployments()["hourly"]["work_pool_name"], "agents");
    let report = place.apply(&fake, &file, &[]).await.unwrap();
    let names: Vec<&str> = report.outcomes.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["deployment \"report/hourly\""]);

    for (name, word) in [("stays", "leaves it as it is"), ("none", "no such deployment")] {
        let refused = code(place.apply(&fake, &file, &[name]).await);
        assert!(refused.starts_with("PP0807") && refused.contains(word), "{refused}");
    }
}

#[tokio::test]
async fn a_server_that_has_changed_is_refused_before_anything_is_written() {
    type Change = fn(&mut crate::fake::State);
    let cases: [(&str, Change, &str); 6] = [
        ("deployment", |it| it.deployments[1]["tags"] = json!(["b"]), "deployment \"hourly\" was changed"),
        ("deleted", |it| drop(it.deployments.remove(0)), "was deleted"),
        ("block", |it| it.blocks[0]["data"] = json!({"cpu": 512}), "block \"prod\" was changed"),
        ("release", |it| it.version = "2.20.27".to_owned(), "PP0803"),
        ("pool", |it| it.pools.push(json!({"name": PUSH, "type": "ecs"})), "PP0806"),
        (
            "template",
            |it| it.pools.push(json!({"name": PUSH, "type": "ecs:push", "base_job_template": {}})),
            "another base job template",
        ),
    ];
    for (what, change, word) in cases {
        let (fake, place) = (server(OLD), Place::new());
        let file = plan(&fake);
        fake.state(change);
        let refused = code(place.apply(&fake, &file, &[]).await);
        assert!(refused.contains(word), "{what}: {refused}");
        assert!(writes(&fake).is_empty(), "{what}");
    }
}

#[tokio::test]
async fn a_deployment_that_is_refused_does_not_stop_the_others() {
    for version in [OLD, NEW] {
        let (fake, place) = (server(version), Place::new());
        let file = plan(&fake);
        fake.state(|state| state.refuses = vec!["nightly".to_owned()]);
        let report = place.apply(&fake, &file, &[]).await.unwrap();
        let failed: Vec<&(String, Outcome)> =
            report.outcomes.iter().filter(|(_, outcome)| outcome.failure().is_some()).collect();
        let [(name, Outcome::Failed(diagnosis))] = failed.as_slice() else { panic!("{report:?}") };
        assert_eq!((name.as_str(), diagnosis.code.id()), ("deployment \"report/nightly\"", "PP0808"));
        assert_eq!(fake.deployments()["hourly"]["work_pool_name"], PUSH);

        fake.state(|state| state.refuses.clear());
        let report = place.apply(&fake, &file, &[]).await.unwrap();
        assert_eq!(report.outcomes, [("deployment \"report/nightly\"".to_owned(), Outcome::Done)]);
    }
}

#[tokio::test]
async fn wherever_it_is_interrupted_it_goes_on_to_the_same_end() {
    for version in [OLD, NEW] {
        let whole = server(version);
        Place::new().apply(&whole, &plan(&whole), &[]).await.unwrap();
        for how in [Outage::Before, Outage::After] {
            for requests in 0.. {
                let (fake, place) = (server(version), Place::new());
                let file = plan(&fake);
                fake.goes_down_after(requests, how);
                let finished = place.apply(&fake, &file, &[]).await;
                fake.comes_up();
                if finished.is_ok() {
                    assert!(requests > 15, "{requests}");
                    break;
                }
                let report = place.apply(&fake, &file, &[]).await.unwrap();
                assert_eq!(report.failed(), 0, "{version} {how:?} {requests}: {report:?}");
                assert_eq!(fake.deployments(), whole.deployments(), "{version} {how:?} {requests}");
                let pools = |fake: &Fake| fake.state(|state| (state.pools.len(), state.queues.len()));
                assert_eq!(pools(&fake), pools(&whole));
                let record = place.journal(&file).record(&nightly()).cloned().unwrap();
                assert_eq!(record.stage, Stage::Written);
                assert_eq!(record.before.unwrap()["work_pool_name"], "agents");
            }
        }
    }
}

#[tokio::test]
async fn a_deployment_that_was_changed_after_an_interruption_is_left_alone() {
    let (fake, place) = (server(OLD), Place::new());
    let file = plan(&fake);
    let mut journal = place.journal(&file);
    let prepared = prepare(&fake.server(), &file, &["nightly".to_owned()], Some(&journal)).await.unwrap();
    fake.state(|state| state.deployments[0]["tags"] = json!(["mine"]));
    let report = apply(&fake.server(), &prepared.plan, &mut journal, |_, _| {}).await.unwrap();
    assert_eq!(report.failed(), 1);
    assert_eq!(fake.deployments()["nightly"]["tags"], json!(["mine"]));
}

#[tokio::test]
async fn a_pool_of_another_server_is_made_without_its_deployments() {
    let (fake, place) = (server(NEW), Place::new());
    let mut plan = plan(&fake).plan;
    plan.deployments.iter_mut().for_each(|it| it.action = Action::Leave);
    let refused = PlanFile::new(plan.clone());
    assert!(prepare(&fake.server(), &refused, &[], None).await.unwrap().plan.is_empty(), "no one needs the pool");

    plan.pools[0].seen.clear();
    let file = PlanFile::new(plan);
    let before = fake.deployments();
    let report = place.apply(&fake, &file, &[]).await.unwrap();
    assert_eq!((report.outcomes.len(), fake.deployments() == before), (3, true), "{report:?}");
    assert!(prepare(&fake.server(), &file, &[], Some(&place.journal(&file))).await.unwrap().plan.is_empty());
}

/// A run of `nightly` that its schedules made in a pool.
fn scheduled(pool: &str, number: u128, is_due: bool) -> Value {
    let id = uuid::Uuid::from_u128;
    json!({"id": id(0x7000 + number), "flow_id": id(0xf), "name": format!("run-{number}"), "deployment_id": id(1),
        "state_type": "SCHEDULED", "auto_scheduled": true, "work_pool_name": pool, "work_queue_name": "urgent",
        "is_due": is_due})
}

#[tokio::test]
async fn runs_that_the_scheduler_adds_to_the_old_queue_meanwhile_are_made_anew() {
    for version in [OLD, NEW] {
        let (fake, place) = (server(version), Place::new());
        let file = plan(&fake);
        fake.state(|state| state.straggler = Some(scheduled("agents", 1, false)));
        let report = place.apply(&fake, &file, &[]).await.unwrap();
        assert_eq!((report.failed(), report.notes.len()), (0, 0), "{version}: {report:?}");
        assert!(fake.state(|state| state.runs.is_empty()), "{version}");

        // On the way back, they must not keep the pool.
        fake.state(|state| state.straggler = Some(scheduled(PUSH, 2, false)));
        let mut journal = Journal::existing(&place.path()).unwrap();
        let prepared = crate::rollback::prepare(&fake.server(), &journal, false).await.unwrap();
        let report = crate::rollback::apply(&fake.server(), &prepared.plan, &mut journal, |_, _| {}).await.unwrap();
        assert!(report.outcomes.iter().all(|(_, outcome)| *outcome == Outcome::Done), "{version}: {report:?}");
        assert!(fake.state(|state| state.runs.is_empty() && state.pools.len() == 1), "{version}");
    }
}

#[tokio::test]
async fn runs_that_stay_in_the_old_queue_are_told() {
    let (fake, place) = (server(NEW), Place::new());
    let file = plan(&fake);
    fake.state(|state| state.runs = vec![scheduled("agents", 1, true), scheduled(PUSH, 2, true)]);
    let report = place.apply(&fake, &file, &[]).await.unwrap();
    let [note] = report.notes.as_slice() else { panic!("{report:?}") };
    assert!(note.contains("report/nightly wait in agents/urgent, where it was: run-1."), "{note}");
}
