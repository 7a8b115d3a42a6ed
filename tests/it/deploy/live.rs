//! The real tool and pushpool side by side, each on a fresh server of its own.
//!
//! The other projects are compared with what the real tool left once (`expected.json`). A few are carried out by both here,
//! so that the recordings, and the way they are read, stay true.

use super::drive::{Project, Tool};
use super::judge::{self, Recorded};
use super::{quiet, recording, state};

/// Projects that show much and need few runs of the real tool, which takes seconds for each.
const PROJECTS: [&str; 6] = [
    "01-plain-pair",
    "07-legacy-schedule",
    "11-docstrings-and-fields",
    "14-pull-and-step-overrides",
    "57-kinds-of-schedules",
    "61-kinds-of-flows",
];

#[tokio::test]
async fn two_fresh_servers_hold_the_same_after_both_tools() {
    let binary = tokio::task::spawn_blocking(pushpool_tests::pushpool).await.expect("pushpool builds");
    let (theirs, ours) = tokio::join!(quiet().start(), quiet().start());
    let mut report = Vec::new();
    for name in PROJECTS {
        let project = Project::read(name);
        for server in [&theirs, &ours] {
            let before = state::look(&server.api(), project.prefix(), &project.folder).await;
            assert!(before.deployments.is_empty(), "the servers are fresh: {before:?}");
        }
        let (prefect, pushpool) = (Tool::Prefect, Tool::Pushpool(binary.clone()));
        let (theirs, ours) = tokio::join!(project.drive(&theirs, &prefect), project.drive(&ours, &pushpool));
        assert_eq!((theirs.len(), ours.len()), (project.steps().count(), project.steps().count()), "{name}");
        let kept = recording::read(&project.folder);
        for (((step, theirs), ours), kept) in project.steps().zip(&theirs).zip(&ours).zip(&kept) {
            let told = |what: &str, fault: String| format!("{name}: {}: {what}: {fault}", step.line);
            let changed = judge::differences(&kept.deployments, &theirs.state.deployments);
            report.extend(changed.into_iter().map(|it| told("the recording is out of date", it)));
            let live = Recorded {
                failed: theirs.code != 0,
                before: theirs.before.clone(),
                deployments: theirs.state.deployments.clone(),
            };
            report.extend(judge::faults(step, ours, Some(&live)).into_iter().map(|it| told("differs", it)));
        }
        assert!(theirs.iter().any(|it| !it.state.deployments.is_empty()), "{name} deploys something");
    }
    assert!(report.is_empty(), "{}", report.join("\n"));
}
