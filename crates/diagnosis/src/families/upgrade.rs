//! PP08: moving agents, workers and blocks to push work pools.

use crate::code::{Family, Outcome::*, family};

const NOTHING: &str = "nothing was written to the server";
const NOW: &str = "the deployment stays as it is now";
const OTHERS: &str = "this deployment is as it was; the others are written";

family! {
    "PP08", "Upgrades",
    "`pushpool upgrade` writes one deployment at a time and keeps a journal. `pushpool upgrade rollback` takes back what \
     the journal holds, whatever went wrong.";

    PP0801 => Other(NOTHING), "The server's answer cannot be read",
        "Check that the address is that of a Prefect API of version 2.20 or 3. Report the document that the message names.";
    PP0802 => Other(NOTHING), "The plan file cannot be used",
        "Write a new one with `pushpool upgrade plan --out FILE`, and review it.";
    PP0803 => Other(NOTHING), "The plan was made for another server",
        "Choose the server that the plan names, with --profile or --prefect-api-url.";
    PP0804 => Other(NOTHING), "The server has changed since the plan was made",
        "Write a new plan and review it. `--only` applies the present one to deployments that have not changed.";
    PP0805 => Other(NOTHING), "The journal cannot be used",
        "Name another file with --journal. Keep the old one: it is what a rollback needs.";
    PP0806 => Other(NOTHING), "There is another work pool of that name",
        "Write a new plan with another name for the pool, or delete the pool if it has no deployments.";
    PP0807 => Other(NOTHING), "The plan does not change that deployment",
        "Name deployments as `flow/deployment`; `pushpool upgrade plan` says of each why it is left.";
    PP0808 => Other(OTHERS), "The server refused to change a deployment",
        "Correct what the server objects to and run the same command again: what is written already is left alone.";
    PP0809 => Other("the deployment is written"), "A deployment is not as it was to be",
        "Compare the members that the message names in the user interface, or take the deployment back with `pushpool \
         upgrade rollback`.";
    PP0810 => Other(NOW), "A deployment was changed after the upgrade",
        "Look at what was changed. --force puts back what was there before the upgrade all the same.";
    PP0811 => Other(NOW), "A deployment could not be put back",
        "Correct what the message names and run the same command again: it goes on where it stopped.";
}
