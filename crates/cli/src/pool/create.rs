//! `pushpool pool create`.

use std::path::PathBuf;

use clap::{Args, ValueHint};
use prefect_api::{
    Transport,
    models::{WorkPool, WorkPoolCreate},
};
use serde_json::{Value, json};

use super::{
    PUSH,
    assign::{self, Assignment},
    cloud, template, wizard,
};
use crate::{
    error::CliError,
    grid::{self, Cell},
    input,
    output::{DIM, GOOD, note, paint, say},
    server::Server,
};

pub(crate) const HELP: &str = "\
Examples:
  pushpool pool create etl
      On a terminal: asks for what is needed and shows it before it does it.
  pushpool pool create etl --set cluster=etl --set subnets=subnet-a,subnet-b \\
      --set security_groups=sg-1 --set cpu=1024 --set memory=4096 \\
      --set execution_role_arn=arn:aws:iam::123456789012:role/ecs-execution \\
      --set env.STAGE=prod --concurrency-limit 20
      With the built-in template and these defaults.
  prefect work-pool inspect old --output json | jq .base_job_template |
      pushpool pool create etl --base-job-template -
      With the template of another pool.

--set writes the default of a variable of the template. A value is text where
the variable takes text, else JSON: cpu=1024, labels={\"team\":\"etl\"}. Lists take
a,b too, a dotted name reaches into an object (env.STAGE=prod), and null takes a
default away. subnets, security_groups and assign_public_ip write
network_configuration.

The template is tried as a dispatcher would. Defaults with which runs would crash
are refused, all of them at once, unless --force is given.

Exit codes:
  0    made (or replaced)
  1    refused; nothing was changed
  2    the command line is wrong
  130  the wizard was left";

#[derive(Debug, Args)]
pub(crate) struct CreateArgs {
    /// Name of the pool
    #[arg(value_parser = pool_name)]
    name: String,

    /// Base job template as JSON, or - for standard input; also a whole work pool [default: the built-in one]
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    base_job_template: Option<PathBuf>,

    /// Default of a variable; may be repeated
    #[arg(long, value_name = "VARIABLE=VALUE", value_parser = assign::parse)]
    set: Vec<Assignment>,

    /// Most runs of the pool at once [default: no limit]
    #[arg(long, value_name = "N")]
    concurrency_limit: Option<u32>,

    /// What the pool is for
    #[arg(long, value_name = "TEXT")]
    description: Option<String>,

    /// Give out no runs before `pushpool pool resume`
    #[arg(long)]
    paused: bool,

    /// Type of the pool; it can never be changed. Prefect Cloud needs ecs
    #[arg(long = "type", value_name = "TYPE", default_value = PUSH)]
    pool_type: String,

    /// Store defaults with which runs would crash
    #[arg(long)]
    force: bool,

    /// Replace the template (and limit and description, if given) of a pool that exists
    #[arg(long)]
    overwrite: bool,
}

/// What the server says about names (prefect 3.8.8, `types/names.py` and `server/api/workers.py`), said sooner.
fn pool_name(name: &str) -> Result<String, String> {
    if name.trim().is_empty() {
        return Err("it is empty".to_owned());
    }
    if name.contains(['/', '%', '&', '>', '<']) {
        return Err("/ % & < > are not allowed".to_owned());
    }
    if name.to_lowercase().starts_with("prefect") {
        return Err("names that begin with \"prefect\" are reserved".to_owned());
    }
    Ok(name.to_owned())
}

pub(super) async fn run<T: Transport>(server: &Server<T>, args: &CreateArgs, may_ask: bool) -> Result<u8, CliError> {
    cloud::refuse_push(&server.url, &args.pool_type)?;
    // Before anything is asked: nobody likes to answer ten questions for "there is one already".
    let existing = match server.client.work_pool(&args.name).await {
        Ok(pool) => Some(pool),
        Err(error) if error.is_not_found() => None,
        Err(error) => return Err(server.told(error)),
    };
    if let Some(existing) = &existing {
        check_replaceable(args, existing)?;
    }
    let mut document = match &args.base_job_template {
        Some(path) => read_template(path)?,
        None => template::built_in(),
    };
    check_type(&args.pool_type, &document)?;
    let nothing_given = args.set.is_empty() && args.base_job_template.is_none();
    let mut limit = args.concurrency_limit;
    if nothing_given && may_ask {
        let asked = wizard::ask(&args.name, &document, limit)?;
        limit = asked.limit;
        assign::apply(&mut document, &asked.set, &[])?;
        // Before the last question: who has said yes has seen them.
        template::check(&document, &args.name)?.tell(None, args.force)?;
        wizard::confirm(&args.name, &document, limit, existing.is_some())?;
    } else {
        assign::apply(&mut document, &args.set, &[])?;
        template::check(&document, &args.name)?.tell(None, args.force)?;
    }
    match existing {
        Some(_) => replace(server, args, limit, &document).await?,
        None => create(server, args, limit, document).await?,
    }
    Ok(0)
}

/// Refuses a pool of a type whose workers do not read the template. No worker of another type starts an ECS task, and pushpool
/// serves such a pool only if it is told to.
fn check_type(pool_type: &str, document: &Value) -> Result<(), CliError> {
    let configuration = &document["job_configuration"];
    let is_for_ecs = ["task_definition", "task_run_request"].iter().any(|key| configuration.get(key).is_some());
    if matches!(pool_type, PUSH | "ecs") || !is_for_ecs {
        return Ok(());
    }
    Err(CliError::Explained {
        summary: format!("the base job template is for ECS, and the type of the pool is {pool_type}"),
        detail: format!("A worker of type {pool_type} does not read `task_definition` and `task_run_request`."),
        help: format!(
            "Leave out --type for a pool of type {PUSH}, or give a template of that type with --base-job-template."
        ),
    })
}

/// Whether --overwrite was said, and the type stays.
fn check_replaceable(args: &CreateArgs, existing: &WorkPool) -> Result<(), CliError> {
    let name = &args.name;
    if existing.pool_type != args.pool_type {
        return Err(CliError::Explained {
            summary: format!("there is a work pool \"{name}\" of type {} already", existing.pool_type),
            detail: format!("Wanted is type {}, and the type of a pool can never be changed.", args.pool_type),
            help: "Choose another name. (Deleting the pool would take its queues along.)".to_owned(),
        });
    }
    if !args.overwrite {
        return Err(CliError::Explained {
            summary: format!("there is a work pool \"{name}\" already"),
            detail: String::new(),
            help: format!(
                "`pushpool pool set-variable {name} VARIABLE=VALUE` changes single defaults; --overwrite replaces the \
                 whole template."
            ),
        });
    }
    Ok(())
}

/// A base job template, or a work pool that has one.
fn read_template(path: &std::path::Path) -> Result<Value, CliError> {
    let document = input::json(path)?;
    let inner = document.get("base_job_template").cloned();
    Ok(template::of_pool(&inner.unwrap_or(document)))
}

async fn create<T: Transport>(
    server: &Server<T>,
    args: &CreateArgs,
    concurrency_limit: Option<u32>,
    document: Value,
) -> Result<(), CliError> {
    let pool = WorkPoolCreate {
        name: args.name.clone(),
        pool_type: args.pool_type.clone(),
        base_job_template: document,
        description: args.description.clone(),
        is_paused: args.paused,
        concurrency_limit,
    };
    server.client.create_work_pool(&pool).await.map_err(|error| server.told(error))?;
    say(paint(GOOD, format_args!("Work pool \"{}\" of type {} is there.", args.name, args.pool_type)));
    if !args.pool_type.ends_with(":push") {
        note("pushpool serves a pool of this type only if the poller's settings name the pool.");
    }
    next_steps(&args.name, args.paused);
    Ok(())
}

async fn replace<T: Transport>(
    server: &Server<T>,
    args: &CreateArgs,
    concurrency_limit: Option<u32>,
    document: &Value,
) -> Result<(), CliError> {
    let mut changes = json!({"base_job_template": document});
    if let Some(limit) = concurrency_limit {
        changes["concurrency_limit"] = limit.into();
    }
    if let Some(description) = &args.description {
        changes["description"] = description.as_str().into();
    }
    if args.paused {
        changes["is_paused"] = true.into();
    }
    server.client.update_work_pool(&args.name, &changes).await.map_err(|error| server.told(error))?;
    say(paint(GOOD, format_args!("The base job template of work pool \"{}\" is replaced.", args.name)));
    Ok(())
}

fn next_steps(name: &str, paused: bool) {
    let resume = (format!("pushpool pool resume {name}"), "it is paused: no run starts before");
    let steps = [
        (format!("pushpool pool status {name}"), "whether a poller serves it"),
        (format!("prefect deploy --pool {name}"), "give it deployments"),
        ("pushpool doorbell install".to_owned(), "let ad-hoc runs start at once"),
    ];
    let rows: Vec<Vec<Cell>> = paused
        .then_some(resume)
        .into_iter()
        .chain(steps)
        .map(|(command, why)| vec![Cell::new(format!("  {command}")), Cell::new(why).styled(DIM)])
        .collect();
    say("\nNext:");
    grid::lines(&rows, None).iter().for_each(say);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_template_for_ecs_is_for_pools_of_ecs() {
        for right in ["ecs:push", "ecs"] {
            check_type(right, &template::built_in()).unwrap();
        }
        let refused = check_type("process", &template::built_in()).unwrap_err();
        assert!(refused.to_string().contains("process"), "{refused}");
        check_type("process", &json!({"job_configuration": {"command": "{{ command }}"}})).unwrap();
    }

    #[test]
    fn names_the_server_refuses_are_refused() {
        for wrong in ["", "  ", "a/b", "a%", "a&b", "<a>", "prefect-pool", "Prefect"] {
            assert!(pool_name(wrong).is_err(), "{wrong}");
        }
        for right in ["etl", "data eng", "my-prefect", "Ü"] {
            assert_eq!(pool_name(right).as_deref(), Ok(right));
        }
    }
}
