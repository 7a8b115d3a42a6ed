//! `pushpool upgrade plan`.

use std::path::PathBuf;

use clap::{Args, ValueHint};
use manage::{
    Address, ManageError, Server,
    account::operator_config,
    pool::{PUSH, cloud::refuse_push},
};
use migrate::{
    Options, PlanFile, Sharing, Source,
    plan::{Action, UpgradePlan},
    read,
};
use prefect_api::{http::HttpTransport, without_userinfo};

use super::screen;
use crate::{
    args::{Output, RequestArgs},
    error::CliError,
    output::{self, GOOD, note, paint, say},
    server::ServerArgs,
};

pub(crate) const HELP: &str = "\
Examples:
  pushpool upgrade plan
      Show what would become of each deployment. Nothing is written.
  pushpool upgrade plan --out upgrade.json
      The same, and a file for `pushpool upgrade apply`.
  pushpool upgrade plan --deployment 'report/*' --shared-pool --aws --out reports.json
      Some deployments, with one pool for all blocks that fit one template, and
      what the AWS account says about task definitions and VPCs.
  pushpool upgrade plan --source-profile cloud --out pools.json
      The ecs:push pools of Prefect Cloud, to be made on this server.
  pushpool upgrade plan --output json | jq '.plan.deployments[] | select(.risk.level == \"high\")'

The plan compares, for each deployment, the requests that ECS gets now with those
that pushpool would send. Give the dispatcher's settings, as variables or flags, so
that they are the same here and there.

Exit codes:
  0    shown, and written if a file was named
  1    it could not be done; standard error says why
  2    the command line is wrong";

#[derive(Debug, Args)]
pub(crate) struct PlanArgs {
    /// Only deployments whose flow/name fits this pattern (*, ?); may be repeated
    #[arg(long = "deployment", value_name = "GLOB")]
    deployments: Vec<String>,

    /// Make a work pool for each infrastructure block (the default)
    #[arg(long, conflicts_with = "shared_pool")]
    pool_per_block: bool,

    /// Make one work pool for all blocks whose templates differ in defaults only
    #[arg(long)]
    shared_pool: bool,

    /// Move deployments of this block to this push pool, or those of a type of blocks, or one deployment
    /// (docker-container/dock=etl, docker-container=etl, flow/name=etl); may be repeated
    #[arg(long, value_name = "WHAT=POOL", value_parser = mapping)]
    map: Vec<(String, String)>,

    /// Repair settings that fail under the agent today and have one sensible meaning
    #[arg(long)]
    repair: bool,

    /// Move deployments without a work queue too: their runs would start
    #[arg(long)]
    without_queue: bool,

    /// Read from the server of this Prefect profile; the plan is for the server of --profile
    #[arg(long, value_name = "NAME")]
    source_profile: Option<String>,

    /// Ask AWS, with your credentials, about task definitions and VPCs that blocks name
    #[arg(long)]
    aws: bool,

    /// Write the plan to this file, for `pushpool upgrade apply`
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    out: Option<PathBuf>,

    /// Form of the answer
    #[arg(long, value_enum, value_name = "FORM", default_value_t = Output::Text)]
    output: Output,

    #[command(flatten)]
    requests: RequestArgs,
}

/// `WHAT=POOL`, split at the last `=`: names of pools have none.
pub(super) fn mapping(text: &str) -> Result<(String, String), String> {
    match text.rsplit_once('=') {
        Some((what, pool)) if !what.is_empty() && !pool.is_empty() => Ok((what.to_owned(), pool.to_owned())),
        _ => Err("not WHAT=POOL, for instance docker-container/dock=etl".to_owned()),
    }
}

/// Runs the command.
///
/// # Errors
/// It could not be done.
pub(super) async fn run(server: &ServerArgs, args: &PlanArgs) -> Result<u8, CliError> {
    let target = Server::at(&server.address())?;
    let source = match &args.source_profile {
        None => None,
        Some(profile) => Some(Server::at(&Address { api_url: None, profile: Some(profile.clone()) })?),
    };
    let plan = plan(args, &target, source.as_ref()).await?;
    let file = PlanFile::new(plan);
    let text = match args.output {
        Output::Text => screen::plan(&file.plan, output::width()),
        Output::Json => format!("{:#}\n", serde_json::json!(file)),
    };
    output::data(&text).map_err(CliError::WriteOutput)?;
    conclude(args, &file)
}

async fn plan(
    args: &PlanArgs,
    target: &Server<HttpTransport>,
    source: Option<&Server<HttpTransport>>,
) -> Result<UpgradePlan, CliError> {
    refuse_push(&target.url, PUSH)?;
    let read_from = source.unwrap_or(target);
    let mut estate = read::estate(read_from).await.map_err(ManageError::from)?;
    read::choose(&mut estate, &args.deployments).map_err(ManageError::from)?;
    if source.is_some() && !args.deployments.is_empty() {
        read::only_their_pools(&mut estate);
    }
    if args.aws {
        let config = operator_config(None).await;
        estate.account = read::account(&config, &estate).await.map_err(ManageError::from)?;
    }
    let options = Options {
        server_url: without_userinfo(&target.url),
        source: if source.is_some() { Source::Elsewhere } else { Source::SelfHosted },
        sharing: if args.shared_pool { Sharing::Shared } else { Sharing::PoolPerBlock },
        repair: args.repair,
        without_queue: args.without_queue,
        map: args.map.iter().cloned().collect(),
        settings: args.requests.settings(),
    };
    let plan = migrate::assess(&estate, &options);
    match source {
        None => Ok(plan),
        Some(_) => Ok(read::for_server(plan, target).await.map_err(ManageError::from)?),
    }
}

/// Writes the file, and says how to go on.
fn conclude(args: &PlanArgs, file: &PlanFile) -> Result<u8, CliError> {
    let count = |action: Action| file.plan.deployments.iter().filter(|it| it.action == action).count();
    let numbers = [
        (Action::Migrate, "to migrate"),
        (Action::Leave, "left"),
        (Action::Refuse, "refused"),
        (Action::Skip, "skipped"),
    ];
    let numbers = numbers.iter().map(|(action, words)| (count(*action), words)).filter(|(number, _)| *number > 0);
    let numbers: Vec<String> = numbers.map(|(number, words)| format!("{number} {words}")).collect();
    let numbers = if numbers.is_empty() { "none".to_owned() } else { numbers.join(", ") };
    say(format_args!("Deployments: {numbers}"));
    let Some(path) = &args.out else {
        note("nothing was written; --out FILE writes the plan that `pushpool upgrade apply` takes");
        return Ok(0);
    };
    file.write(path).map_err(ManageError::from)?;
    say(paint(GOOD, format_args!("Wrote plan {} to {}", file.short(), path.display())));
    say(format_args!("Review it, then: pushpool upgrade apply {} --only FLOW/NAME", path.display()));
    Ok(0)
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[test]
    fn prefect_cloud_gets_no_push_pools() {
        #[derive(Parser)]
        struct Line {
            #[command(flatten)]
            plan: PlanArgs,
        }
        let cloud = "https://api.prefect.cloud/api/accounts/a/workspaces/w".to_owned();
        let target = Server::at(&Address { api_url: Some(cloud), profile: None }).unwrap();
        let args = Line::parse_from(["plan"]).plan;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let refused = runtime.block_on(plan(&args, &target, None)).unwrap_err();
        assert!(refused.to_string().contains("Prefect Cloud submits the runs of ecs:push"), "{refused}");
    }

    #[test]
    fn what_goes_to_a_pool_is_told_before_the_last_equals_sign() {
        let pair = |what: &str, pool: &str| Ok((what.to_owned(), pool.to_owned()));
        assert_eq!(mapping("docker-container/dock=etl"), pair("docker-container/dock", "etl"));
        assert_eq!(mapping("a=b/nightly=etl"), pair("a=b/nightly", "etl"));
        for wrong in ["etl", "=etl", "dock="] {
            assert!(mapping(wrong).is_err(), "{wrong}");
        }
    }
}
