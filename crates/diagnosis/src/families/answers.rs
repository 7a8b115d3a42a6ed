//! PP03: what AWS answered instead of a task.

use crate::code::{Family, Outcome::*, family};

family! {
    "PP03", "Answers of AWS",
    "AWS refused a call, failed, or did not answer. [answers.md](answers.md) lists the texts, and more specific \
     advice for some.";

    PP0301 => HandedBack, "AWS is throttling the calls",
        "Nothing now: the run starts when there is room. If it keeps happening, lower the dispatcher's RunTask \
         rate or ask AWS Support for a higher one.";

    PP0302 => HandedBack, "The account's Fargate vCPU quota is used up",
        "Wait for other tasks to end, or ask for more under Service Quotas, AWS Fargate, \"Fargate On-Demand vCPU \
         resource count\" (Spot has its own). A task that needs more than the whole quota never starts; new \
         accounts have a small one.";

    PP0303 => HandedBack, "There is no capacity for the task",
        "The run waits for capacity. On EC2, add container instances with the missing resource; on Fargate, allow \
         more subnets or availability zones.";

    PP0304 => HandedBack, "An AWS quota is used up",
        "The run waits. Free what is counted, or ask for more under Service Quotas.";

    PP0310 => Crashed, "The dispatcher's role may not do what is needed",
        "Allow the dispatcher's role the action that AWS names, on this cluster and these definitions.";

    PP0311 => Crashed, "The account is blocked or not subscribed",
        "Contact AWS Support.";

    PP0312 => Returned, "The dispatcher's AWS credentials are not accepted",
        "If it lasts: check the credentials of the process, the clock of its machine, and that the region is \
         enabled for the account.";

    PP0313 => Crashed, "A role of the task cannot be used",
        "Check `task_role_arn` and `execution_role_arn`: they must exist and trust ecs-tasks.amazonaws.com.";

    PP0314 => Crashed, "The cluster does not exist",
        "Set `cluster` to the name or ARN of a cluster in the dispatcher's region, or create it.";

    PP0315 => Crashed, "The network configuration is refused",
        "Check that the subnets and security groups exist in the dispatcher's region and belong to one VPC.";

    PP0316 => Crashed, "CPU or memory is refused",
        "On Fargate, set `cpu` and `memory` to a pair that Fargate has. Everywhere, what the containers reserve \
         must fit into the task.";

    PP0317 => Crashed, "The request or the definition is too large",
        "Shorten the environment and the command; pass large values through S3 or a parameter store.";

    PP0318 => Crashed, "The Fargate platform cannot run the task",
        "Check `platformVersion` and what the definition asks for in this region; LATEST is the default.";

    PP0319 => Crashed, "No container instance can run the task",
        "Compare the definition's needs and placement constraints with the attributes of the cluster's instances \
         and the subnets they are in.";

    PP0320 => Other("registered again; crashed if the pool named it"), "The task definition is inactive or unknown",
        "Register it again, correct `task_definition_arn`, or remove it from the pool.";

    PP0321 => Crashed, "The capacity provider is refused",
        "Associate the provider with the cluster, or correct `capacity_provider_strategy`.";

    PP0322 => Crashed, "The container is not in the task definition",
        "Set `container_name` to the container of the task definition that runs the flow.";

    PP0323 => Crashed, "The launch type does not go with the task definition",
        "Make `launch_type` and the definition's `requiresCompatibilities` and `networkMode` agree.";

    PP0324 => Other("nothing to do"), "The task is gone",
        "Nothing: ECS forgets a task about an hour after it stopped.";

    PP0329 => Crashed, "AWS refuses the request",
        "Correct what AWS names in the pool's base job template or the job variables; `pushpool render` shows the \
         request.";

    PP0330 => Other("its task is adopted; handed back if it has none"), "The client token was used with other parameters",
        "Nothing: the task that was started with it is adopted, or the run is tried again if there is none.";

    PP0331 => Returned, "AWS failed",
        "Nothing: the launch is tried again with the same client token. If it lasts, look at the AWS Health \
         Dashboard.";

    PP0332 => HandedBack, "EC2 could not tell ECS about the task's network",
        "Nothing: the run starts when EC2 answers again. If it lasts, look at the AWS Health Dashboard.";

    PP0333 => HandedBack, "The service-linked role of ECS is not there yet",
        "Nothing in an account whose first cluster was made a moment ago: AWS makes the role, and the run starts \
         then. If it stays, run `aws iam create-service-linked-role --aws-service-name ecs.amazonaws.com` once.";

    PP0339 => Returned, "It is not known what AWS did",
        "Nothing: the launch is tried again with the same client token, which starts no second task.";
}
