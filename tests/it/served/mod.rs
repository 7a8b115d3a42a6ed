//! A real Prefect server whose `ecs:push` pools are served by the functions' own binaries; flow runs are executed by
//! `prefect flow-run execute` in processes of this machine.

mod way;

use std::time::Duration;

/// A flow process takes some seconds to start, and many tests run at once.
const PATIENCE: Duration = Duration::from_secs(180);
