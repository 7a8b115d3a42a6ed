//! `pushpool doorbell install`.

use clap::{Args, ValueHint};
use prefect_api::{Transport, is_cloud, models::AutomationSpec};
use rand::RngExt;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{Installed, NameArgs, WEBHOOK, address, installed};
use crate::{
    error::CliError,
    output::{self, GOOD, note, paint, say},
    pool::PUSH,
    server::Server,
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

/// States of runs that are worth a look at once: something to start, or something to stop.
const STATES: [&str; 6] = ["Scheduled", "Late", "AwaitingRetry", "AwaitingConcurrencySlot", "Cancelling", "Cancelled"];

#[derive(Debug, Args)]
pub(crate) struct InstallArgs {
    /// Address of the doorbell function
    #[arg(long, value_name = "URL", value_hint = ValueHint::Url, value_parser = super::url)]
    url: String,

    /// Token the doorbell function asks for [default: the present one, or a new one]
    #[arg(long, env = "PUSHPOOL_DOORBELL_TOKEN", hide_env_values = true, value_parser = super::token)]
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
    super::check_plain(&args.url, args.allow_http)?;
    let name = args.name.name.as_str();
    check_pools(&server.url, &args.pool)?;
    let found = installed(server, name).await?;
    let Installed { block, automations } = &found;
    let present = block.as_ref().and_then(|block| address(block).1);
    if block.is_some() && present.is_none() && args.token.is_none() {
        return Err(CliError::Explained {
            summary: "the server does not show the token of the present doorbell".to_owned(),
            detail: String::new(),
            help: "Give it with PUSHPOOL_DOORBELL_TOKEN, or remove the doorbell first to get a new token.".to_owned(),
        });
    }
    let kept = args.token.clone().or(present);
    let made = kept.is_none().then(new_token);
    let token = kept.as_deref().or(made.as_deref()).unwrap_or_default();
    let block = put_block(server, &found, name, &args.url, token).await?;
    // The token of a block that is there by now would be lost if the automation failed.
    if let Some(token) = &made {
        output::data(&format!("PUSHPOOL_DOORBELL_TOKEN={token}\n")).map_err(CliError::WriteOutput)?;
        note("This token is new and shown this once: give it to the doorbell function.");
    }
    put_automation(server, &found, name, block, pools_named(&args.pool)).await?;
    let done = if automations.is_empty() { "Installed" } else { "Updated" };
    let rings_for = match &args.pool[..] {
        [] => format!("all work pools of type {PUSH}"),
        [pool] => format!("work pool {pool}"),
        pools => format!("work pools {}", pools.join(", ")),
    };
    say(paint(GOOD, format_args!("{done} doorbell \"{name}\": it rings for {rings_for}")));
    say("`pushpool doorbell test` rings it.");
    Ok(0)
}

/// Pushpool serves no push pools on Prefect Cloud, so a doorbell for these would never help there.
fn check_pools(api_url: &str, pools: &[String]) -> Result<(), CliError> {
    if !pools.is_empty() || !is_cloud(api_url) {
        return Ok(());
    }
    Err(CliError::Explained {
        summary: format!("Prefect Cloud submits the runs of {PUSH} work pools itself"),
        detail: String::new(),
        help: "Name the work pools that pushpool serves with --pool.".to_owned(),
    })
}

/// Makes or updates the block; its id.
pub(super) async fn put_block<T: Transport>(
    server: &Server<T>,
    found: &Installed,
    name: &str,
    url: &str,
    token: &str,
) -> Result<Uuid, CliError> {
    let data = json!({
        "method": "POST",
        "url": url,
        "headers": {"authorization": format!("Bearer {token}"), "content-type": "application/json"},
    });
    let id = match &found.block {
        Some(block) => server.client.replace_block(block.id, &data).await.map(|()| block.id),
        None => server.client.create_block(WEBHOOK, name, &data).await.map(|block| block.id),
    };
    id.map_err(|error| server.told(error))
}

/// Makes or updates the automation, which rings for events of `pools`.
pub(super) async fn put_automation<T: Transport>(
    server: &Server<T>,
    found: &Installed,
    name: &str,
    block: Uuid,
    pools: Value,
) -> Result<(), CliError> {
    let told = |error| server.told(error);
    let automation = automation(name, block, pools);
    match found.automations.split_first() {
        None => drop(server.client.create_automation(&automation).await.map_err(told)?),
        Some((first, others)) => {
            server.client.replace_automation(first.id, &automation).await.map_err(told)?;
            for other in others {
                server.client.delete_automation(other.id).await.map_err(told)?;
            }
        }
    }
    Ok(())
}

/// How events name their work pool: one of these, or any of the type that pushpool serves if none are named.
pub(super) fn pools_named(names: &[String]) -> Value {
    match names {
        [] => json!({"prefect.resource.role": "work-pool", "prefect.work-pool.type": PUSH}),
        names => json!({"prefect.resource.role": "work-pool", "prefect.resource.name": names}),
    }
}

/// 256 bits.
fn new_token() -> String {
    let bytes: [u8; 32] = rand::rng().random();
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The event itself is sent along, which costs the server no look-up.
fn automation(name: &str, block: Uuid, pools: Value) -> AutomationSpec {
    AutomationSpec {
        name: name.to_owned(),
        description: format!("Rings pushpool when a run of an {PUSH} work pool is to start or to stop."),
        enabled: true,
        trigger: json!({
            "type": "event",
            "posture": "Reactive",
            "expect": STATES.map(|state| format!("prefect.flow-run.{state}")),
            "match": {"prefect.resource.id": "prefect.flow-run.*"},
            "match_related": pools,
            "for_each": ["prefect.resource.id"],
            "threshold": 1,
            "within": 0,
        }),
        actions: vec![call(block)],
    }
}

fn call(block: Uuid) -> Value {
    json!({"type": "call-webhook", "block_document_id": block, "payload": "{{ event | tojson }}"})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn on_prefect_cloud_pools_are_named() {
        let (cloud, own) = ("https://api.prefect.cloud/api/accounts/a/workspaces/w", "http://127.0.0.1:4200/api");
        assert!(check_pools(cloud, &[]).is_err());
        assert!(check_pools(cloud, &["etl".to_owned()]).is_ok());
        assert!(check_pools(own, &[]).is_ok());
    }

    #[test]
    fn tokens_differ() {
        let (one, other) = (new_token(), new_token());
        assert_eq!(one.len(), 64);
        assert_ne!(one, other);
    }
}
