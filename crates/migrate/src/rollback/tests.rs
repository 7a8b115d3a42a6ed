use std::{collections::BTreeMap, path::PathBuf};

use serde_json::json;

use super::*;
use crate::{
    apply,
    fake::{
        Fake, Outage,
        scenario::{PUSH, plan, server},
    },
    file::PlanFile,
};

const OLD: &str = "2.20.26";
const NEW: &str = "3.9.1";

/// An upgraded server, its journal, and how it was before.
struct Upgraded {
    fake: Fake,
    before: BTreeMap<String, Value>,
    directory: tempfile::TempDir,
}

impl Upgraded {
    async fn new(version: &str) -> Self {
        let fake = server(version);
        let upgraded = Self { before: fake.deployments(), fake, directory: tempfile::tempdir().unwrap() };
        upgraded.upgrade(&plan(&upgraded.fake), &[]).await;
        upgraded
    }

    fn path(&self) -> PathBuf {
        self.directory.path().join("upgrade.journal")
    }

    async fn upgrade(&self, file: &PlanFile, only: &[String]) {
        let mut journal = Journal::of_plan(&self.path(), &file.digest, &file.plan.server).unwrap();
        let server = self.fake.server();
        let prepared = apply::prepare(&server, file, only, Some(&journal)).await.unwrap();
        let report = apply::apply(&server, &prepared.plan, &mut journal, |_, _| {}).await.unwrap();
        assert_eq!(report.failed(), 0, "{report:?}");
    }

    async fn prepared(&self, force: bool) -> Prepared {
        prepare(&self.fake.server(), &Journal::existing(&self.path()).unwrap(), force).await.unwrap()
    }

    async fn roll_back(&self, force: bool) -> Result<Report, UpgradeError> {
        let mut journal = Journal::existing(&self.path())?;
        let server = self.fake.server();
        let prepared = prepare(&server, &journal, force).await?;
        super::apply(&server, &prepared.plan, &mut journal, |_, _| {}).await
    }

    fn pools(&self) -> Vec<Value> {
        self.fake.state(|state| state.pools.iter().map(|it| it["name"].clone()).collect())
    }
}

#[tokio::test]
async fn everything_is_as_it_was() {
    for version in [OLD, NEW] {
        let upgraded = Upgraded::new(version).await;
        assert_ne!(upgraded.fake.deployments(), upgraded.before);
        let report = upgraded.roll_back(false).await.unwrap();
        assert_eq!(report.failed(), 0, "{report:?}");
        assert_eq!(upgraded.fake.deployments(), upgraded.before, "{version}");
        assert_eq!((upgraded.pools(), upgraded.fake.state(|state| state.queues.len())), (vec![json!("agents")], 1));

        let again = upgraded.prepared(false).await;
        assert!(again.plan.is_empty() && again.refused.is_empty(), "{again:?}");
    }
}

#[tokio::test]
async fn the_last_that_was_written_is_the_first_that_is_taken_back() {
    let upgraded = Upgraded::new(NEW).await;
    let plan = upgraded.prepared(false).await.plan;
    let objects: Vec<&str> = plan.changes.iter().map(|change| change.object.as_str()).collect();
    assert_eq!(
        objects,
        [
            "deployment \"report/hourly\"",
            "deployment \"report/nightly\"",
            "queue \"urgent\" of work pool \"prod-push\"",
            "work pool \"prod-push\"",
        ]
    );
    let names: Vec<&str> = plan.changes[0].fields.iter().map(|field| field.name.as_str()).collect();
    assert!(names.contains(&"work_pool_name") && names.contains(&"job variable env.STAGE"), "{names:?}");
}

#[tokio::test]
async fn wherever_it_is_interrupted_it_goes_on_to_the_same_end() {
    for version in [OLD, NEW] {
        for how in [Outage::Before, Outage::After] {
            for requests in 0.. {
                let upgraded = Upgraded::new(version).await;
                upgraded.fake.goes_down_after(requests, how);
                let finished = upgraded.roll_back(false).await;
                upgraded.fake.comes_up();
                if finished.is_ok() {
                    assert!(requests > 12, "{requests}");
                    break;
                }
                let report = upgraded.roll_back(false).await.unwrap();
                assert_eq!(report.failed(), 0, "{version} {how:?} {requests}: {report:?}");
                assert_eq!(upgraded.fake.deployments(), upgraded.before, "{version} {how:?} {requests}");
                assert_eq!(upgraded.pools(), [json!("agents")], "{version} {how:?} {requests}");
            }
        }
    }
}

#[tokio::test]
async fn a_deployment_that_was_changed_since_is_left_unless_the_user_insists() {
    for version in [OLD, NEW] {
        let upgraded = Upgraded::new(version).await;
        upgraded.fake.state(|state| state.deployments[0]["tags"] = json!(["mine"]));
        let prepared = upgraded.prepared(false).await;
        let [(name, diagnosis)] = prepared.refused.as_slice() else { panic!("{prepared:?}") };
        assert_eq!((name.as_str(), diagnosis.code.id()), ("deployment \"report/nightly\"", "PP0810"));
        assert!(diagnosis.detail.contains("tags"), "{diagnosis:?}");

        let report = upgraded.roll_back(false).await.unwrap();
        let now = upgraded.fake.deployments();
        assert_eq!((&now["nightly"]["tags"], &now["hourly"]), (&json!(["mine"]), &upgraded.before["hourly"]));
        let kept: Vec<&Outcome> =
            report.outcomes.iter().map(|(_, it)| it).filter(|it| matches!(it, Outcome::Kept(_))).collect();
        assert_eq!(kept.len(), 2, "queue and pool of the deployment stay: {report:?}");

        upgraded.roll_back(true).await.unwrap();
        let now = upgraded.fake.deployments();
        assert_eq!(now["nightly"]["work_pool_name"], "agents");
        if version == OLD {
            assert_eq!(now, upgraded.before, "2.20 is written whole");
        }
    }
}

#[tokio::test]
async fn a_pool_with_runs_and_a_deployment_that_is_gone_are_told() {
    let upgraded = Upgraded::new(NEW).await;
    upgraded.fake.state(|state| {
        state.deployments.remove(1);
        state.runs = vec![json!({"id": Uuid::from_u128(7), "flow_id": Uuid::nil(), "state_type": "SCHEDULED",
            "work_pool_name": PUSH, "work_queue_name": "default"})];
    });
    let prepared = upgraded.prepared(false).await;
    assert!(prepared.refused[0].1.detail.contains("deleted"), "{prepared:?}");
    let report = upgraded.roll_back(false).await.unwrap();
    let (name, outcome) = report.outcomes.last().unwrap();
    assert_eq!(name, "work pool \"prod-push\"");
    assert_eq!(outcome, &Outcome::Kept("runs that have not ended: 1".to_owned()));
}

#[tokio::test]
async fn an_upgrade_may_be_applied_again_after_it_was_taken_back() {
    let upgraded = Upgraded::new(NEW).await;
    let file = plan(&server(NEW));
    upgraded.roll_back(false).await.unwrap();
    upgraded.upgrade(&file, &["nightly".to_owned()]).await;
    assert_eq!(upgraded.fake.deployments()["nightly"]["work_pool_name"], PUSH);
    upgraded.roll_back(false).await.unwrap();
    assert_eq!(upgraded.fake.deployments(), upgraded.before);
}

#[tokio::test]
async fn the_journal_of_another_server_is_refused() {
    let upgraded = Upgraded::new(NEW).await;
    upgraded.fake.state(|state| state.version = "3.10.0".to_owned());
    assert!(!upgraded.prepared(false).await.plan.is_empty(), "a newer release of the same server");
    upgraded.fake.state(|state| state.version = "4.0.0".to_owned());
    let refused = upgraded.roll_back(false).await.unwrap_err().diagnosis().unwrap();
    assert_eq!(refused.code, "PP0803");
}

#[tokio::test]
async fn a_deployment_that_had_no_pool_has_none_again() {
    for version in [OLD, NEW] {
        for requests in 0..60 {
            let fake = server(version);
            fake.state(|state| {
                for member in ["work_pool_name", "work_queue_name"] {
                    state.deployments[0][member] = Value::Null;
                }
            });
            let upgraded = Upgraded { before: fake.deployments(), fake, directory: tempfile::tempdir().unwrap() };
            upgraded.upgrade(&plan(&upgraded.fake), &["nightly".to_owned()]).await;
            upgraded.fake.goes_down_after(requests, Outage::Before);
            let finished = upgraded.roll_back(false).await.is_ok();
            upgraded.fake.comes_up();
            let report = upgraded.roll_back(false).await.unwrap();
            assert_eq!(report.failed(), 0, "{version} {requests}: {report:?}");
            assert_eq!(upgraded.fake.deployments(), upgraded.before, "{version} {requests}");
            assert_eq!(upgraded.pools(), [json!("agents")], "{version} {requests}");
            if finished {
                break;
            }
        }
    }
}
