//! Where a run gets the code from.

use std::{path::Path, process::Command};

use serde_json::{Map, Value, json};

use super::{Ask, Left, Offer};

const CLONE: &str = "prefect.deployments.steps.git_clone";
const DIRECTORY: &str = "prefect.deployments.steps.set_working_directory";
const PUSH_TO_S3: &str = "prefect_aws.deployments.steps.push_to_s3";
const PULL_FROM_S3: &str = "prefect_aws.deployments.steps.pull_from_s3";

/// A git repository that a folder comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remote {
    /// URL of `origin`, without credentials.
    pub url: String,
    /// The branch that is checked out.
    pub branch: String,
}

impl Remote {
    /// The remote of a folder; none if it has none.
    #[must_use]
    pub fn of(folder: &Path) -> Option<Self> {
        let git = |arguments: &[&str]| {
            let output = Command::new("git").arg("-C").arg(folder).args(arguments).output().ok()?;
            let text = String::from_utf8_lossy(&output.stdout).trim().to_owned();
            (output.status.success() && !text.is_empty()).then_some(text)
        };
        let url = git(&["config", "--get", "remote.origin.url"])?;
        let branch = git(&["symbolic-ref", "--short", "HEAD"]).unwrap_or_else(|| "main".to_owned());
        Some(Self { url: crate::version::without_credentials(&url), branch })
    }

    /// The step that clones it.
    pub(super) fn step(&self) -> Map<String, Value> {
        Map::from_iter([("repository".to_owned(), json!(self.url)), ("branch".to_owned(), json!(self.branch))])
    }
}

/// Asks, and puts the steps into the deployment.
pub(super) fn ask(offer: &Offer, ask: &mut dyn Ask, deployment: &mut Map<String, Value>) -> Result<(), Left> {
    let clone = match &offer.remote {
        Some(remote) => format!("cloned from {} when a run starts", remote.url),
        None => "cloned from a git repository when a run starts".to_owned(),
    };
    let choices =
        [clone, "part of the image".to_owned(), "copied to S3 now, and from there when a run starts".to_owned()];
    match ask.choose("The code is", &choices)? {
        0 => deployment.insert("pull".to_owned(), git(offer, ask)?),
        1 => deployment.insert("pull".to_owned(), image(offer, ask)?),
        _ => {
            let (push, pull) = s3(offer, ask)?;
            deployment.insert("push".to_owned(), push);
            deployment.insert("pull".to_owned(), pull)
        }
    };
    Ok(())
}

fn git(offer: &Offer, ask: &mut dyn Ask) -> Result<Value, Left> {
    let detected = offer.remote.clone().unwrap_or_else(|| Remote { url: String::new(), branch: "main".to_owned() });
    let needed = |text: &str| if text.trim().is_empty() { Err("it is needed".to_owned()) } else { Ok(()) };
    let url = ask.text("URL of the repository", &detected.url, &needed)?;
    let branch = ask.text("Branch", &detected.branch, &needed)?;
    let mut step = Remote { url, branch }.step();
    if ask.confirm("Is the repository private?", false)? {
        ask.show("The token stays in a Secret block of the server; the deployment only names the block.");
        let block = ask.text("Name of the Secret block with a token", "git-token", &|text| {
            let fits =
                !text.is_empty() && text.bytes().all(|it| it.is_ascii_lowercase() || it.is_ascii_digit() || it == b'-');
            if fits { Ok(()) } else { Err("a block's name has lowercase letters, digits and dashes".to_owned()) }
        })?;
        step.insert("access_token".to_owned(), json!(format!("{{{{ prefect.blocks.secret.{block} }}}}")));
    }
    Ok(json!([{CLONE: step}]))
}

fn image(offer: &Offer, ask: &mut dyn Ask) -> Result<Value, Left> {
    let default = format!("/opt/prefect/{}", offer.folder);
    let directory = ask.text("Folder of the code in the image", &default, &|text| match text.starts_with('/') {
        true => Ok(()),
        false => Err("an absolute path is needed".to_owned()),
    })?;
    Ok(json!([{DIRECTORY: {"directory": directory}}]))
}

fn s3(offer: &Offer, ask: &mut dyn Ask) -> Result<(Value, Value), Left> {
    let bucket = ask.text("Bucket", "", &|text| match text.len() >= 3 && !text.contains(['/', ' ']) {
        true => Ok(()),
        false => Err("the bare name of a bucket is needed".to_owned()),
    })?;
    let folder = ask.text("Folder in the bucket", &offer.folder, &|_| Ok(()))?;
    ask.show("Access comes from your AWS credentials now, and from the task role when a run starts.");
    let place = json!({"bucket": bucket, "folder": folder});
    Ok((json!([{PUSH_TO_S3: place}]), json!([{PULL_FROM_S3: place}])))
}
