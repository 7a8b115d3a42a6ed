//! Why a container ended, and what follows for the run whose task it was.

use diagnosis::{Code, Diagnosis, PP0623, PP0624, PP0625, PP0626, PP0627, PP0632};
use ecs::task::{Container, Task};

use super::decide::facts;

/// One of its containers ended by itself.
pub(super) fn ended(pending: bool, task: &Task) -> Diagnosis {
    let main = task.main_container();
    let exit_code = main.and_then(|container| container.exit_code);
    let name = main.map_or("prefect", |container| container.name.as_str());
    let when = if pending { "before the flow run began" } else { "while the flow ran" };
    let (code, summary, resolution) = if let Some(other) = main.and_then(|main| ended_first(main, task)) {
        took_along(other, name, when)
    } else if let Some(other) = main.and_then(|main| may_have_ended_first(main, task)) {
        killed(&other.name, name, when)
    } else if main.is_some_and(is_out_of_memory) {
        (PP0623, format!("{} {when}", PP0623.summary()), PP0623.resolution().to_owned())
    } else {
        match exit_code {
            Some(0) if pending => (
                PP0624,
                format!("{}: does its command run `prefect flow-run execute`?", PP0624.summary()),
                PP0624.resolution().to_owned(),
            ),
            Some(0) | None if !pending => (
                PP0626,
                format!("The container {name} ended without reporting how the flow run ended"),
                PP0626.resolution().to_owned(),
            ),
            Some(exit_code) => (
                PP0625,
                format!("The container {name} ended with exit code {exit_code} {when}"),
                if pending {
                    format!("{} {}", PP0625.resolution(), PP0624.resolution())
                } else {
                    PP0625.resolution().to_owned()
                },
            ),
            None => {
                (PP0627, format!("ECS does not say how the container {name} ended"), PP0627.resolution().to_owned())
            }
        }
    };
    Diagnosis { code, summary, detail: facts(task), resolution }
}

/// Exit codes of SIGKILL and SIGTERM: what a container gets that ECS stops.
const KILLED: i64 = 137;
const TERMINATED: i64 = 143;

/// The container that ended by itself before the run's, which ECS then stopped. An essential container takes all others
/// along, but a task does not say which are essential, nor when each ended.
fn ended_first<'a>(main: &Container, task: &'a Task) -> Option<&'a Container> {
    let stopped_by_ecs = match main.exit_code {
        Some(exit_code) => matches!(exit_code, KILLED | TERMINATED),
        // It waited for the other one (`dependsOn`), or was stopped before it ran.
        None => task.stop_code.as_deref() == Some("EssentialContainerExited"),
    };
    if says_out_of_memory(main) || !stopped_by_ecs {
        return None;
    }
    let mut others = task.containers.iter().filter(|container| container.name != main.name);
    let by_itself = |container: &&Container| match container.exit_code {
        _ if says_out_of_memory(container) => true,
        // After SIGTERM many end with 0, so this one may have ended second: see [`may_have_ended_first`].
        Some(0) => main.exit_code != Some(KILLED),
        Some(KILLED | TERMINATED) | None => false,
        Some(_) => true,
    };
    others.find(by_itself)
}

/// A container that ended well beside the run's, which was killed. Either the run's container used up its memory and ECS stopped
/// this one, or this one ended and ECS stopped the run's, which did not heed SIGTERM (a shell as first process does not).
fn may_have_ended_first<'a>(main: &Container, task: &'a Task) -> Option<&'a Container> {
    let is_unclear = main.exit_code == Some(KILLED) && !says_out_of_memory(main);
    let mut others = task.containers.iter().filter(|container| container.name != main.name);
    others.find(|container| is_unclear && container.exit_code == Some(0))
}

fn killed(other: &str, name: &str, when: &str) -> (Code, String, String) {
    (
        PP0623,
        format!("The container {name} was killed {when}: it ran out of memory, or {other} ended first"),
        format!(
            "{} If {other} may end before the flow, set `essential` to false for it: ECS stops all containers of a \
             task when an essential one ends.",
            PP0623.resolution()
        ),
    )
}

fn took_along(first: &Container, name: &str, when: &str) -> (Code, String, String) {
    let first_name = &first.name;
    let how = match first.exit_code {
        _ if says_out_of_memory(first) => "ran out of memory".to_owned(),
        Some(exit_code) => format!("ended with exit code {exit_code}"),
        None => "ended".to_owned(),
    };
    let mend = if says_out_of_memory(first) {
        format!("Give {first_name} more memory in the task definition")
    } else {
        format!("Look at the log of {first_name}")
    };
    (
        PP0632,
        format!("The container {first_name} {how} {when} and took {name} along"),
        format!(
            "{mend}. ECS stops all containers of a task when an essential one ends (SIGTERM, and SIGKILL after \
             `stopTimeout`): set `essential` to false for a container that may end before the flow."
        ),
    )
}

fn says_out_of_memory(container: &Container) -> bool {
    container.reason.as_deref().is_some_and(|reason| reason.contains("OutOfMemory"))
}

fn is_out_of_memory(container: &Container) -> bool {
    container.exit_code == Some(KILLED) || says_out_of_memory(container)
}
