//! PP02: why a job configuration cannot become a request.

use crate::code::{Family, Outcome::*, family};

family! {
    "PP02", "Requests",
    "The job configuration cannot become a request that ECS would take. Nothing was sent to AWS. A run is told \
     all reasons at once: the state's message has the code of the first one, and the detail has those of all. \
     `pushpool render`, `pool create` and `pool set-variable` apply the same rules, so a mistake shows before a \
     run is launched. PP0224 to PP0229 are rules that AWS documents or answers with.\n\nA setting that has no \
     effect does not fail a run. pushpool mentions it in a note: a job variable that the template does not use \
     (with the nearest name), `image` and roles beside `task_definition_arn`, `aws_credentials`, a public address \
     outside Fargate, a shell's `&&` in `command`. Notes are printed on standard error by `render`, `pool create` \
     and `pool set-variable`, and written to the run's log.";

    PP0201 => Crashed, "A key of the job configuration has the wrong type",
        "Correct the job variable that fills the key, in the flow run, the deployment or the pool's default. \
         Leave it out instead of setting it to null.";

    PP0202 => Crashed, "There is neither a task definition nor the ARN of one",
        "Put a `task_definition` into the pool's base job template or set `task_definition_arn`.";

    PP0203 => Crashed, "The orchestration container is not in the task definition",
        "Set `container_name` to a container of the task definition, or leave it out: then it is `prefect` where \
         there is one, else the first.";

    PP0204 => Crashed, "No container of the task definition is essential",
        "Remove `essential: false` from the container that the flow run executes in.";

    PP0205 => Crashed, "CloudWatch logs need an execution role",
        "Set `execution_role_arn` to a role that may logs:CreateLogGroup, logs:CreateLogStream and \
         logs:PutLogEvents, or turn `configure_cloudwatch_logs` off.";

    PP0206 => Crashed, "Log options are given although CloudWatch logs are off",
        "Set `configure_cloudwatch_logs` to true or remove `cloudwatch_logs_options`.";

    PP0207 => Crashed, "A command cannot be split into words",
        "Close the quote, escape it with a backslash, or write the command as a list.";

    PP0208 => Crashed, "A request is not one that ECS understands",
        "Correct the field that the failure names, in the pool's base job template or in the job variable that \
         ends up there.";

    PP0209 => Crashed, "A Prefect API secret would travel as plain environment",
        "Store the value in Secrets Manager and set `prefect_api_key_secret_arn` or \
         `prefect_api_auth_string_secret_arn` to the ARN of the secret.";

    PP0210 => Crashed, "A secret ARN cannot be put into an existing task definition",
        "Put the secret into the `secrets` of that task definition and unset the job variable.";

    PP0211 => Crashed, "A secret ARN is not the ARN of a secret",
        "Copy the whole ARN of the secret. The value of the secret does not belong here.";

    PP0212 => Crashed, "Secrets on Fargate need an execution role",
        "Set `execution_role_arn` to a role that may read these secrets.";

    PP0213 => Crashed, "The task needs a subnet and none is known",
        "Set `network_configuration` to {\"subnets\": [...], \"securityGroups\": [...]} in the pool, or give the \
         dispatcher default subnets.";

    PP0214 => Crashed, "The launch type is not among the definition's compatibilities",
        "Add FARGATE to `requiresCompatibilities` or set `launch_type` to EC2.";

    PP0215 => Crashed, "Fargate needs the network mode awsvpc",
        "Remove `networkMode` from the task definition or set `launch_type` to EC2.";

    PP0216 => Crashed, "Fargate has no such combination of CPU and memory",
        "Set `cpu` (units, 1,024 are one vCPU) and `memory` (MiB) to a pair that Fargate has; the failure names \
         the nearest.";

    PP0217 => Crashed, "Fargate has no such ephemeral storage",
        "Choose a size from 21 to 200, or remove `ephemeralStorage`: every Fargate task has 20 GiB.";

    PP0218 => Crashed, "The overrides are longer than ECS allows",
        "Shorten the parts that the failure names, or pass large values through S3 or a parameter store.";

    PP0219 => Crashed, "The task definition is larger than ECS allows",
        "Shorten the parts that the failure names, or pass large values through S3 or a parameter store.";

    PP0220 => Crashed, "The pool asks for AWS credentials that the dispatcher does not use",
        "Remove the region or the role from the pool's `aws_credentials`, or run a dispatcher there.";

    PP0221 => Crashed, "A run is one task",
        "Remove `count` from the base job template.";

    PP0222 => Crashed, "CPU or memory is no number",
        "Set `cpu` or `memory` to a whole number (CPU units, MiB).";

    PP0223 => Crashed, "A job variable changes a role",
        "Remove the job variable, and run in a work pool whose defaults name the role. To allow roles in job \
         variables, set the module's `allow_role_overrides` (PUSHPOOL_ALLOW_ROLE_OVERRIDES of the dispatcher) to \
         true.";

    PP0224 => Crashed, "An image in ECR or a log on Fargate needs an execution role",
        "Set `execution_role_arn` to a role that may pull the image and write the log.";

    PP0225 => Crashed, "ECS refuses a container of the task definition",
        "Correct the container in the pool's base job template, or the job variable that ends up there.";

    PP0226 => Crashed, "ECS refuses the task definition",
        "Correct the task definition in the pool's base job template, or the job variable that ends up there.";

    PP0227 => Crashed, "ECS refuses the RunTask request",
        "Correct the `task_run_request` in the pool's base job template, or the job variable that ends up there.";

    PP0228 => Crashed, "A placeholder was never replaced",
        "Give the job variable a value or a default, or take the placeholder out of the text.";

    PP0229 => Crashed, "The cluster or the task definition is in another region",
        "Use a cluster and a task definition of the dispatcher's region, or run a dispatcher in theirs.";
}
