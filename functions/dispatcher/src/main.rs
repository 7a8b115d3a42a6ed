//! The dispatcher function: run queues in, RunTask out. It builds the clients and calls one use case.

mod settings;

use std::sync::Arc;

use aws::LogAndMetrics;
use dispatch::{
    dispatcher::Dispatcher,
    ports::{ControlPlane, Inbox},
};
use ecs::launch::TaskLauncher;
use function::{Error, Settings, serve_batches, start_log};
use installation::{Function, timing, variables};

use crate::settings::Mode;

// One thread: below 1,769 MB Lambda gives less than one processor, and the work is waiting for answers.
#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    start_log();
    let settings = Settings::of(Function::Dispatcher);
    let role = function::launch_role(&settings);
    let mode = settings::read(settings)?;
    let access = function::access(role);
    let sink = Arc::new(LogAndMetrics);
    match mode {
        Mode::Standalone(settings) => {
            let dispatcher = aws::standalone_dispatcher(access, settings, sink);
            serve(dispatcher.map_err(|error| format!("{} {error}", variables::POOL_DOCUMENTS.name))?).await
        }
        Mode::Prefect { server, settings, shadow_pools } => {
            let client = server.client(access.own())?;
            serve(aws::prefect_dispatcher(access, client, settings, sink).in_shadow(shadow_pools)).await
        }
    }
}

async fn serve<C: ControlPlane, L: TaskLauncher, Q: Inbox>(dispatcher: Dispatcher<C, L, Q>) -> Result<(), Error> {
    let dispatcher = Arc::new(dispatcher);
    serve_batches(timing::WORK, move |records, deadline| {
        let dispatcher = Arc::clone(&dispatcher);
        async move { Box::pin(dispatcher.handle(records, deadline)).await }
    })
    .await
}
