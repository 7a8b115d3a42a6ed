//! PP01: what is wrong with a base job template or with job variables.

use crate::code::{Family, Outcome::*, family};

family! {
    "PP01", "Work pool and job variables",
    "The pool's base job template or the job variables are wrong. Nothing was sent to AWS.";

    PP0101 => Crashed, "Base job template is not an object",
        "Give the work pool a base job template with `job_configuration` and `variables`, or `{}` for the \
         built-in one.";

    PP0102 => Crashed, "Base job template has no job configuration",
        "Add a `job_configuration` object to the base job template, or use `{}` for the built-in template.";

    PP0103 => Crashed, "Variables of the base job template are malformed",
        "Make `variables` a JSON schema of type object with one entry per variable below `properties`.";

    PP0104 => Crashed, "Variables schema of the base job template is invalid",
        "Correct the schema in the base job template of the work pool.";

    PP0105 => Crashed, "Job variables do not fit the work pool",
        "Change the job variable in the deployment or the flow run, or what the work pool allows for it.";

    PP0106 => Crashed, "Dotted job variable contradicts another",
        "Write the variable as one nested object instead of mixing dotted keys.";

    PP0107 => Crashed, "Environment is not an object",
        "Give `env` as an object of names and values; to remove everything inherited, set each name to null.";

    PP0108 => Crashed, "Field of the job configuration has the wrong type",
        "Correct the job variable or the default that the base job template puts there.";

    PP0109 => Crashed, "Block or variable could not be read",
        "Check that the block or variable exists, that its name is spelled as on the server, and that pushpool \
         may read it.";

    PP0110 => Crashed, "Reference to a block cannot be used",
        "Name a block as `{{ prefect.blocks.<type>.<name> }}` and, inside other text, a single value of it as \
         `….<name>.<key>`.";

    PP0111 => Crashed, "Blocks and variables need a Prefect server",
        "Replace the reference by a plain value, or run with a Prefect server instead of standalone mode.";

    PP0112 => Crashed, "Template or job variables nest too deeply",
        "Flatten the base job template or the job variable.";

    PP0113 => Crashed, "Job configuration is too large",
        "Shorten the job variables: AWS accepts 64 KiB for a task definition. Large inputs belong into S3 or into \
         flow parameters.";
}
