//! PP06: what became of a task.

use crate::code::{Family, Outcome::*, family};

/// The usual mistakes in a command that does not run the flow.
const COMMAND: &str = "Check `command` in the job variables. ECS appends it to the image's entry point: an image whose entry point is \
    `prefect` would run `prefect prefect flow-run execute`. No shell runs it, so `&&`, `|` and `$NAME` are plain \
    arguments: write `sh -c \"…\"`. It is text, not a JSON list. Without a command of its own the pool's default \
    runs `prefect flow-run execute`.";

family! {
    "PP06", "Tasks",
    "The observer or the reconciler found that a task ended, or that there is none. The detail has ECS's own \
     words: stop code, stopped reason, each container's exit code and reason. A run that never began is handed \
     back until `PUSHPOOL_CAPACITY_TIMEOUT` has passed, and at least twice (PP0615). A run that had begun is \
     handed back as often as `PUSHPOOL_INTERRUPTIONS` says (PP0621).";

    PP0601 => Crashed, "The task did not start",
        "Look up what ECS says under \"Amazon ECS stopped tasks error messages\" in its developer guide.";

    PP0602 => HandedBack, "There was no room for the task",
        "Nothing now: the run is tried again. If it stays: on Fargate, allow more subnets or availability zones, \
         or subnets with more free addresses; on EC2, look at the capacity provider's Auto Scaling group.";

    PP0603 => HandedBack, "The task's network or its start-up did not come in time",
        "Nothing now: the run is tried again. If it stays, check that the subnets reach ECR, S3, Secrets Manager, \
         Systems Manager and CloudWatch Logs (NAT gateway, public address or VPC endpoints) and that the security \
         groups let them out.";

    PP0604 => HandedBack, "The registry did not give the image in time",
        "Nothing now: the run is tried again. If it stays: 429 is the registry's pull limit (log in, or keep the \
         image in ECR); a timeout, or a name that is not resolved, is a missing way from the subnets to the \
         registry (NAT gateway, public address, or VPC endpoints for ECR and S3).";

    PP0605 => HandedBack, "ECS failed to start the task",
        "Nothing now: the run is tried again. If it stays, look at what ECS says; on EC2, at the instance's disk \
         and agent.";

    PP0606 => Other("the task is stopped, the run handed back"), "The task did not start in time",
        "It was stopped, and the run is tried again. If it stays: look at the task's network and the size of its \
         image; PUSHPOOL_TASK_START_TIMEOUT is the limit.";

    PP0607 => HandedBack, "The run was claimed and no task was launched",
        "Nothing: the run is tried again. If it goes on: look at the dispatcher's log and its dead-letter queue.";

    PP0608 => Other("nothing until the operator lists the cluster in `PUSHPOOL_CLUSTERS` or restores what names it"), "The cluster of the run's task is not known",
        "List the clusters of all work pools in PUSHPOOL_CLUSTERS of observer and reconciler (cluster_arns of the \
         module), or restore what is missing. The next pass of the reconciler repairs the run.";

    PP0609 => HandedBack, "A volume of the task was not mounted in time",
        "Nothing now: the run is tried again. If it stays: EFS needs a mount target in the task's availability \
         zone, DNS resolution in the VPC, and a security group that lets port 2049 in from the task.";

    PP0610 => Crashed, "The image cannot be pulled",
        "Check the image's name and tag: the registry has no such image.";

    PP0611 => Crashed, "A secret or parameter of the task cannot be read",
        "Check that it exists in this region, under the name or ARN that the task definition has, and that it is \
         JSON with that key if a key is asked for.";

    PP0612 => Crashed, "The container's log cannot be set up",
        "Create the log group, or let the execution role create it (`awslogs-create-group`, logs:CreateLogGroup); \
         check the log options of the pool, above all `awslogs-region`.";

    PP0613 => Crashed, "The container cannot be started",
        COMMAND;

    PP0614 => Crashed, "A role of the task cannot be used",
        "Check `task_role_arn` and `execution_role_arn`: they must exist and trust ecs-tasks.amazonaws.com.";

    PP0615 => Crashed, "No task started in time",
        "Do what the last reason says: the detail names it with its code.";

    PP0616 => Crashed, "The image may not be pulled",
        "Check the image's name, because registries say the same of an image that is not there. For ECR, allow \
         the execution role (on EC2 the instance's role) ecr:GetAuthorizationToken, ecr:BatchGetImage and \
         ecr:GetDownloadUrlForLayer, and the repository of another account that role. For other registries, set \
         `repositoryCredentials`.";

    PP0617 => Crashed, "The image is not built for the task's platform",
        "Build it for the task's CPU architecture (`docker build --platform linux/amd64`), or set \
         `runtimePlatform` in the task definition to the image's.";

    PP0618 => Crashed, "The task's disk is full",
        "On Fargate, raise `ephemeralStorage` in the task definition; on EC2, free or enlarge the instance's \
         disk.";

    PP0619 => Crashed, "A volume of the task cannot be mounted",
        "Check the file system's id, that the directory exists on it (an access point can create it), and that \
         the task may mount it.";

    PP0620 => HandedBack, "AWS took back what the task ran on",
        "Nothing: the run starts again. Spot capacity comes and goes; runs that must not start again belong on \
         demand. A container that is to reschedule its run itself on SIGTERM needs \
         PREFECT_FLOW_RUN_EXECUTE_SIGTERM_BEHAVIOR=reschedule.";

    PP0621 => Crashed, "The run was interrupted too often",
        "Let it run on demand, or split it into shorter runs; PUSHPOOL_INTERRUPTIONS is the limit.";

    PP0622 => Crashed, "A user or another program stopped the task",
        "Read the reason that ECS gives. CloudTrail has the StopTask call with its caller.";

    PP0623 => Crashed, "The container ran out of memory",
        "Raise `memory` in the job variables (and `cpu` with it, if Fargate asks for that).";

    PP0624 => Crashed, "The container ended without starting the flow run",
        COMMAND;

    PP0625 => Crashed, "The container failed",
        "Look at the container's log; its last lines are in the run's log if they could be read.";

    PP0626 => Crashed, "The container ended without reporting",
        "Look at the container's log: its process ended from within, or could not reach the Prefect API.";

    PP0627 => Crashed, "ECS does not say how the container ended",
        "Something outside of the container ended it. Look at what ECS says, and at the container's log.";

    PP0628 => Crashed, "The task is gone",
        "Look at the container's log. Why no event told of its end: is the EventBridge rule on, and does the \
         observer get its messages?";

    PP0629 => Crashed, "The execution role may not do what the task's start needs",
        "Allow the execution role (on EC2 the instance's role) the action that AWS names; for secrets under a key \
         of your own, kms:Decrypt as well.";

    PP0630 => Buried, "The body is neither an ECS event nor a check",
        "Only the EventBridge rule for \"ECS Task State Change\" events, the poller and the observer itself may \
         send to the events queue. A rule must not transform its input.";

    PP0631 => Other("buried; the run stays as it is"), "An event is of another account than its task",
        "Find out who sent it: ECS makes no such event. Nothing has to be done for the run, which the reconciler \
         looks at by itself.";

    PP0632 => Crashed, "Another container ended first",
        "Look at the log of the container that ended first. ECS stops all containers of a task when an essential \
         one ends: set `essential` to false for a container that may end before the flow.";
}
