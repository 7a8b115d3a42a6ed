//! PP07: reading `prefect.yaml` and deploying from it.

use crate::code::{Family, Outcome::*, family};

const NOTHING: &str = "nothing was written to the server";

family! {
    "PP07", "Deployments",
    "`pushpool deploy` checks everything before it writes anything, so a deployment with one of these codes is on the \
     server as it was before.";

    PP0701 => Other(NOTHING), "The deployment file cannot be read",
        "Correct the line that the message names. A file that is YAML has one document, spaces for indentation, and quotes \
         around values that begin with `{{`.";
    PP0702 => Other(NOTHING), "A key of the deployment file is unknown, or its value has the wrong type",
        "Correct the key or the value; the message names what is allowed there.";
    PP0703 => Other(NOTHING), "The command line does not say which deployments to make",
        "Name deployments with `-n`, or take all of the file with `--all`.";
    PP0704 => Other(NOTHING), "A placeholder has no value",
        "Set the environment variable or Prefect variable, create the block, or correct the name of the step's output. \
         `--allow-undefined` puts nothing in its place, as `prefect deploy` does.";
    PP0705 => Other(NOTHING), "The flow cannot be found from the entrypoint",
        "Write the entrypoint as `path/to/file.py:function`, relative to the folder in which the command runs; the function \
         needs `@flow`.";
    PP0706 => Other(NOTHING), "A schedule cannot be used",
        "Give each schedule exactly one of `cron`, `interval` and `rrule`; the message names what is wrong with it.";
    PP0707 => Other(NOTHING), "A trigger cannot be used",
        "Correct the trigger; the message names its key.";
    PP0708 => Other(NOTHING), "A build, push or pull step cannot be used",
        "Write a step as one mapping from the full name of its function to its arguments.";
    PP0709 => Other(NOTHING), "The work pool cannot be used",
        "Create the work pool first, for instance with `pushpool pool create`, or name another one.";
    PP0710 => Other(NOTHING), "Job variables do not fit the work pool",
        "Correct the variable; `pushpool pool inspect` shows what the pool allows.";
    PP0711 => Other(NOTHING), "Parameters do not fit the flow",
        "Correct the parameter, or set `enforce_parameter_schema: false` to store it as it is.";
    PP0712 => Other("the steps before it have run; nothing was written to the server"), "A build or push step failed",
        "Correct what the step complains about and deploy again.";
    PP0713 => Other("this deployment is as it was before; the others are written"), "The server refused a deployment",
        "Correct what the server objects to and deploy again: what is written already is left alone.";
    PP0714 => Other(NOTHING), "A run of this deployment would not start",
        "Correct the job variable; `pushpool render` shows the requests of a run.";
}
