//! PP05: the Prefect server.

use crate::code::{Family, Outcome::*, family};

family! {
    "PP05", "The Prefect server",
    "The dispatcher, the observer or the reconciler asked the server and did not get what it needs.";

    PP0501 => Returned, "The Prefect server does not answer",
        "It is tried again. If it stays: check PREFECT_API_URL, and the way from the function's subnets to it.";

    PP0502 => Returned, "The Prefect server is busy",
        "It is tried again. If it stays: look at the server's own log and its database.";

    PP0503 => Returned, "The Prefect server does not accept the credentials",
        "Check the secret that the function's API key or auth string comes from. It is read anew, so nothing has \
         to be deployed; then redrive what is in the dead-letter queue.";

    PP0504 => Returned, "The Prefect server refuses a request",
        "It is tried again, and ends in the dead-letter queue if it goes on. Is the server of a release that \
         pushpool knows (3.x, 2.20)? If so, please report it with the log line.";

    PP0505 => Returned, "An answer of the Prefect server cannot be read",
        "Is PREFECT_API_URL the API (ending in /api), and not the user interface or a proxy's login page?";

    PP0506 => Crashed, "The work pool of the run does not exist",
        "Deploy to a work pool that exists, then run again.";

    PP0507 => Crashed, "The deployment of the run does not exist",
        "Deploy again, then run again.";

    PP0508 => Other("handed back; crashed after `capacity_timeout`"), "The flow run cannot be read",
        "Look at the server's own log, and at the parameters of the run: a server may be unable to write what it \
         has stored. Upgrade the server, or delete the run.";

    PP0509 => Other("handed back; crashed after `capacity_timeout`"), "A block or variable that the run refers to cannot be read",
        "Save the block or variable again, or take the reference out of the job variables and the base job \
         template. Look at the server's own log if it goes on.";

    PP0510 => HandedBack, "The run's concurrency slot was lost before its task was launched",
        "Nothing: the run waits for a slot again. If it goes on: look at the dispatcher's log, and raise the \
         deployment's grace_period_seconds.";
}
