//! `pushpool doorbell install`.

use clap::{Args, ValueHint};
use manage::{
    Server,
    doorbell::{
        Installer, check_token, check_url,
        install::{self, Planned, Wanted},
    },
    pool::PUSH,
};
use prefect_api::Transport;

use super::name::NameArgs;
use crate::{
    error::CliError,
    output::{self, GOOD, note, paint, say},
};

pub(crate) const HELP: &str = "\
Examples:
  pushpool doorbell install --url https://abc.lambda-url.eu-central-1.on.aws/
      The first time, a token is made and printed, once, to standard output. The
      doorbell function has to know it.
  PUSHPOOL_DOORBELL_TOKEN=$(aws secretsmanager get-secret-value \\
      --secret-id pushpool-doorbell --query SecretString --output text) \\
      pushpool doorbell install --url $URL
      With the token the function knows already.
  pushpool doorbell install --url $URL --pool etl
      For pools of another type than ecs:push, as on Prefect Cloud.

Doing it again updates both. Without a token the present one stays.";

#[derive(Debug, Args)]
pub(crate) struct InstallArgs {
    /// Address of the doorbell function
    #[arg(long, value_name = "URL", value_hint = ValueHint::Url, value_parser = check_url)]
    url: String,

    /// Token the doorbell function asks for [default: the present one, or a new one]
    #[arg(long, env = "PUSHPOOL_DOORBELL_TOKEN", hide_env_values = true, value_parser = check_token)]
    token: Option<String>,

    /// Send the token to an http:// address, too, where others may read it
    #[arg(long)]
    allow_http: bool,

    /// Ring for this work pool only; may be repeated [default: all pools of type ecs:push]
    #[arg(long, value_name = "NAME")]
    pool: Vec<String>,

    #[command(flatten)]
    name: NameArgs,
}

pub(super) async fn run<T: Transport>(server: &Server<T>, args: &InstallArgs) -> Result<u8, CliError> {
    let wanted = Wanted {
        name: args.name.name.clone(),
        url: args.url.clone(),
        token: args.token.clone(),
        allow_http: args.allow_http,
        pools: args.pool.clone(),
    };
    let Planned { plan, new_token, is_update } = install::plan(server, &wanted).await?;
    let mut new_token = new_token;
    let mut installer = Installer::new(server);
    plan.apply(async |change| {
        installer.carry(&change.step).await?;
        // The block is there. Its token would be lost if the automation failed.
        new_token.take().map_or(Ok(()), |token| tell_token(&token))
    })
    .await?;
    let done = if is_update { "Updated" } else { "Installed" };
    let rings_for = match &args.pool[..] {
        [] => format!("all work pools of type {PUSH}"),
        [pool] => format!("work pool {pool}"),
        pools => format!("work pools {}", pools.join(", ")),
    };
    say(paint(GOOD, format_args!("{done} doorbell \"{}\": it rings for {rings_for}", wanted.name)));
    say("`pushpool doorbell test` rings it.");
    Ok(0)
}

fn tell_token(token: &str) -> Result<(), CliError> {
    output::data(&format!("PUSHPOOL_DOORBELL_TOKEN={token}\n")).map_err(CliError::WriteOutput)?;
    note("This token is new and shown this once: give it to the doorbell function.");
    Ok(())
}
