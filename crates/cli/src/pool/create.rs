//! `pushpool pool create`.

use std::path::PathBuf;

use clap::{Args, ValueHint};
use manage::{
    Server,
    pool::{
        self, PUSH,
        assign::{self, Assignment},
        create::{self, Wanted},
        template,
    },
};
use prefect_api::Transport;
use serde_json::Value;

use super::{findings, wizard};
use crate::{
    error::CliError,
    grid::{self, Cell},
    input,
    output::{DIM, GOOD, note, paint, say},
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
    #[arg(value_parser = create::check_name)]
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

pub(super) async fn run<T: Transport>(server: &Server<T>, args: &CreateArgs, may_ask: bool) -> Result<u8, CliError> {
    // Before anything is asked: nobody likes to answer ten questions for "there is one already".
    let existing = create::find(server, &args.name, &args.pool_type, args.overwrite).await?;
    let mut document = match &args.base_job_template {
        Some(path) => template::of_document(input::json(path)?),
        None => template::built_in(),
    };
    create::check_type(&args.pool_type, &document)?;
    let nothing_given = args.set.is_empty() && args.base_job_template.is_none();
    let is_wizard = nothing_given && may_ask;
    let mut limit = args.concurrency_limit;
    if is_wizard {
        let asked = wizard::ask(&args.name, &args.pool_type, &document, limit)?;
        limit = asked.limit;
        assign::apply(&mut document, &asked.set, &[])?;
    } else {
        assign::apply(&mut document, &args.set, &[])?;
    }
    // Before the last question: a user who says yes has seen the findings.
    findings::tell(template::check(&document, &args.name)?.judged(None, args.force))?;
    let plan = create::plan(wanted(args, limit, document), existing.as_ref());
    if is_wizard {
        wizard::confirm(&args.name, &plan, existing.is_some())?;
    }
    pool::apply(server, &plan).await?;
    match existing {
        Some(_) => say(paint(GOOD, format_args!("Replaced the base job template of work pool {}", args.name))),
        None => tell_created(args),
    }
    Ok(0)
}

fn wanted(args: &CreateArgs, concurrency_limit: Option<u32>, template: Value) -> Wanted {
    Wanted {
        name: args.name.clone(),
        pool_type: args.pool_type.clone(),
        template,
        concurrency_limit,
        description: args.description.clone(),
        paused: args.paused,
    }
}

fn tell_created(args: &CreateArgs) {
    say(paint(GOOD, format_args!("Created work pool {}", args.name)));
    if !args.pool_type.ends_with(":push") {
        note("pushpool serves a pool of this type only if the poller's settings name the pool.");
    }
    next_steps(&args.name, args.paused);
}

fn next_steps(name: &str, paused: bool) {
    let resume = (format!("pushpool pool resume {name}"), "it is paused: no run starts before");
    let steps = [
        (format!("pushpool pool status {name}"), "whether a poller serves it"),
        (format!("pushpool deploy --pool {name}"), "give it deployments"),
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
