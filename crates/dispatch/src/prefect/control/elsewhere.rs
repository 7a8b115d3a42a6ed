//! Runs that a worker starts: what pushpool would have started in its place.

use ecs::launch::TaskControl;
use prefect_api::{Transport, models::StateType};

use super::{PrefectControl, reading::assemble};
use crate::{
    infrastructure::Infrastructure,
    message::{RunQueue, ScheduledRun},
    ports::{Failure, Reading, Started},
    prefect::{failure, judge::Judgement},
};

impl<T: Transport, K: TaskControl> PrefectControl<T, K> {
    /// The task that is recorded for a run, with the order by which pushpool would have launched it.
    pub(super) async fn started_elsewhere(&self, message: &ScheduledRun) -> Result<Started, Failure> {
        let found = self.client.flow_runs_by_id(&[message.flow_run_id]).await.map_err(|error| failure::of(&error))?;
        let Some(run) = found.first() else { return Ok(Started::Nothing) };
        let Some(Infrastructure { cluster, task_arn }) = Infrastructure::of_run(run) else {
            // A worker claims a run, starts its task, and records it some seconds later.
            let is_on_its_way = matches!(run.state_type(), StateType::Pending | StateType::Running);
            return Ok(if is_on_its_way { Started::NotYet } else { Started::Nothing });
        };
        let now = (self.clock)();
        let shared = self.lately.fetch(&self.client, &[run], RunQueue::Standard, now).await;
        let mut readings = [assemble(message, false, run, &Judgement::Due, &shared)];
        self.references.resolve(&self.client, &mut readings, &[false], now).await;
        let [reading] = readings;
        Ok(match reading? {
            Reading::Due(order) => Started::Task { order, cluster, task_arn },
            _ => Started::Nothing,
        })
    }
}
