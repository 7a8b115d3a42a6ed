//! A doorbell that is installed, or updated if it exists.

use prefect_api::{Transport, is_cloud};
use rand::RngExt;
use serde_json::json;

use super::{
    automation::pools_named,
    installed::{Installed, MASK, address, installed},
    safety::check_plain,
    steps::Step,
};
use crate::{
    error::ManageError,
    plan::{Field, Kind, Plan},
    pool::PUSH,
    server::Server,
};

/// The doorbell that the user wants. It has no `Debug`, because it holds the token.
pub struct Wanted {
    /// Name of block and automation.
    pub name: String,
    /// Address of the doorbell function.
    pub url: String,
    /// Token that the function asks for; none keeps the present one, or makes one.
    pub token: Option<String>,
    /// Whether the token may travel to an `http://` address.
    pub allow_http: bool,
    /// Work pools to ring for; none are all of type `ecs:push`.
    pub pools: Vec<String>,
}

/// An installation that is not made yet.
pub struct Planned {
    /// The changes; that of the block is the first.
    pub plan: Plan<Step>,
    /// The token, if it is a new one: the user gives it to the function. Show it as soon as the block is there, because it is
    /// lost otherwise if a later change fails.
    pub new_token: Option<String>,
    /// Whether there was an automation of the name before.
    pub is_update: bool,
}

/// Plans to install a doorbell, or to update the one of the same name.
///
/// # Errors
/// The token would travel in plain text, the server hides the present one, pools have to be named, or the server has no
/// automations or does not answer.
pub async fn plan<T: Transport>(server: &Server<T>, wanted: &Wanted) -> Result<Planned, ManageError> {
    check_plain(&wanted.url, wanted.allow_http)?;
    check_pools(&server.url, &wanted.pools)?;
    let found = installed(server, &wanted.name).await?;
    let present = found.block.as_ref().and_then(|block| address(block).1);
    if found.block.is_some() && present.is_none() && wanted.token.is_none() {
        return Err(ManageError::Explained {
            summary: "the server does not show the token of the present doorbell".to_owned(),
            detail: String::new(),
            help: "Give it with PUSHPOOL_DOORBELL_TOKEN, or remove the doorbell first to get a new token.".to_owned(),
        });
    }
    let kept = wanted.token.clone().or(present);
    let new_token = kept.is_none().then(new_token);
    let token = kept.as_deref().or(new_token.as_deref()).unwrap_or_default();
    let plan = changes(&found, &wanted.name, &wanted.url, token, &wanted.pools);
    Ok(Planned { plan, new_token, is_update: !found.automations.is_empty() })
}

/// Pushpool serves no push pools on Prefect Cloud, so a doorbell for these would never help there.
fn check_pools(api_url: &str, pools: &[String]) -> Result<(), ManageError> {
    if !pools.is_empty() || !is_cloud(api_url) {
        return Ok(());
    }
    Err(ManageError::Explained {
        summary: format!("Prefect Cloud submits the runs of {PUSH} work pools itself"),
        detail: String::new(),
        help: "Name the work pools that pushpool serves with --pool.".to_owned(),
    })
}

/// Makes or updates the block, then the automation that calls it; automations of the same name would ring as well, so they go.
pub(super) fn changes(found: &Installed, name: &str, url: &str, token: &str, pools: &[String]) -> Plan<Step> {
    let kind = |exists: bool| if exists { Kind::Update } else { Kind::Create };
    let data = json!({
        "method": "POST",
        "url": url,
        "headers": {"authorization": format!("Bearer {token}"), "content-type": "application/json"},
    });
    let block = found.block.as_ref();
    let put = Step::PutBlock { existing: block.map(|block| block.id), name: name.to_owned(), data };
    let (first, others) = match found.automations.split_first() {
        Some((first, others)) => (Some(first.id), others),
        None => (None, &[][..]),
    };
    let automate = Step::PutAutomation { existing: first, name: name.to_owned(), pools: pools_named(pools) };
    let rings_for = match pools {
        [] => format!("all work pools of type {PUSH}"),
        pools => pools.join(", "),
    };
    let plan = Plan::new(format!("doorbell \"{name}\""))
        .with(kind(block.is_some()), format!("webhook block \"{name}\""), of_block(found, url, token), put)
        .with(
            kind(first.is_some()),
            format!("automation \"{name}\""),
            vec![Field::new("rings for", rings_for)],
            automate,
        );
    others.iter().fold(plan, |plan, other| {
        plan.with(Kind::Delete, format!("automation \"{name}\""), Vec::new(), Step::DeleteAutomation(other.id))
    })
}

/// Address and token of the block, where they differ. The token is never shown.
fn of_block(found: &Installed, url: &str, token: &str) -> Vec<Field> {
    let masked = || Some(MASK.to_owned());
    let Some(block) = &found.block else { return vec![Field::new("url", url), Field::new("token", MASK)] };
    let (old_url, old_token) = address(block);
    let mut fields = Vec::new();
    if old_url.as_deref() != Some(url) {
        fields.push(Field::changed("url", old_url, Some(url.to_owned())));
    }
    if old_token.as_deref() != Some(token) {
        fields.push(Field::changed("token", masked(), masked()));
    }
    fields
}

/// 256 bits.
fn new_token() -> String {
    let bytes: [u8; 32] = rand::rng().random();
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::Value;
    use uuid::Uuid;

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

    fn found(block: Option<Value>, automations: usize) -> Installed {
        let automation = json!({"id": Uuid::from_u128(2), "name": "bell", "enabled": true, "actions": []});
        Installed {
            block: block.map(|data| serde_json::from_value(json!({"id": Uuid::from_u128(1), "data": data})).unwrap()),
            automations: (0..automations).map(|_| serde_json::from_value(automation.clone()).unwrap()).collect(),
        }
    }

    #[test]
    fn a_plan_makes_what_is_missing_updates_what_is_there_and_shows_no_token() {
        let kinds = |plan: &Plan<Step>| plan.changes.iter().map(|change| change.kind).collect::<Vec<_>>();
        let new = changes(&found(None, 0), "bell", "https://x/", "canary", &[]);
        assert_eq!(kinds(&new), [Kind::Create, Kind::Create]);
        let data = json!({"url": "https://old/", "headers": {"authorization": "Bearer canary"}});
        let again = changes(&found(Some(data), 2), "bell", "https://x/", "other canary", &["etl".to_owned()]);
        assert_eq!(kinds(&again), [Kind::Update, Kind::Update, Kind::Delete], "one of two automations is too many");
        let text = |text: &str| Some(text.to_owned());
        let fields = [
            Field::changed("url", text("https://old/"), text("https://x/")),
            Field::changed("token", text(MASK), text(MASK)),
        ];
        assert_eq!(again.changes[0].fields, fields);
        for plan in [json!(new), json!(again)] {
            assert!(!plan.to_string().contains("canary"), "{plan}");
        }
    }
}
