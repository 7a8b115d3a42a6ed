//! Where a run gets the code from.

use serde_json::{Map, Value, json};

use super::{Ask, Left, NewSecret, Offer, git::Remote};

const CLONE: &str = "prefect.deployments.steps.git_clone";
const DIRECTORY: &str = "prefect.deployments.steps.set_working_directory";
/// Type of the blocks that keep one text.
const SECRET: &str = "secret";
const PUSH_TO_S3: &str = "prefect_aws.deployments.steps.push_to_s3";
const PULL_FROM_S3: &str = "prefect_aws.deployments.steps.pull_from_s3";
const BUILD: &str = "prefect_docker.deployments.steps.build_docker_image";
const PUSH_IMAGE: &str = "prefect_docker.deployments.steps.push_docker_image";

/// What the answers put into the deployment.
#[derive(Default)]
pub(super) struct Code {
    /// `build`, `push` and `pull`, as far as they are there.
    pub(super) steps: Map<String, Value>,
    /// The image of the runs; none for that of the work pool.
    pub(super) image: Option<String>,
    /// A block that the steps refer to and that does not exist.
    pub(super) new_secret: Option<NewSecret>,
}

/// Asks where a run gets the code from, and the image that it needs for that.
pub(super) fn ask(offer: &Offer, ask: &mut dyn Ask, entrypoint: &str, name: &str) -> Result<Code, Left> {
    let clone = match &offer.remote {
        Some(remote) => format!("cloned from {} when a run starts", remote.https()),
        None => "cloned from a git repository when a run starts".to_owned(),
    };
    let choices = [
        clone,
        "part of an image that exists".to_owned(),
        "put into an image that is built and pushed now".to_owned(),
        "copied to S3 now, and from there when a run starts".to_owned(),
    ];
    match ask.choose("The code is", &choices)? {
        0 => git(offer, ask, entrypoint, name),
        1 => image(offer, ask),
        2 => build(offer, ask),
        _ => s3(offer, ask),
    }
}

fn git(offer: &Offer, ask: &mut dyn Ask, entrypoint: &str, name: &str) -> Result<Code, Left> {
    let detected = offer.remote.clone().unwrap_or_else(|| Remote { branch: "main".to_owned(), ..Remote::default() });
    let file = entrypoint.split(':').next().unwrap_or(entrypoint);
    if detected.has_changed(file) {
        ask.show(&format!("{file} is not committed as it is; runs get what is pushed."));
    }
    if detected.https() != detected.url {
        ask.show("A container has no SSH key, so HTTPS is proposed.");
    }
    let url = ask.text("URL of the repository", &detected.https(), &needed)?;
    let branch = ask.text("Branch", &detected.branch, &needed)?;
    let mut clone = clone(&Remote { url, branch, ..detected.clone() });
    let mut new_secret = None;
    if ask.confirm("Is the repository private?", false)? {
        let (argument, reference) = access(offer, ask, name, &mut new_secret)?;
        clone.insert(argument.to_owned(), json!(reference));
    }
    let steps = Map::from_iter([("pull".to_owned(), pull(clone, &detected.folder))]);
    Ok(Code { steps, image: pool_image(ask)?, new_secret })
}

/// What lets a run clone a private repository: an argument of the step, and the block that it names. The token itself is
/// in no file and in no deployment.
fn access(
    offer: &Offer,
    ask: &mut dyn Ask,
    deployment: &str,
    new: &mut Option<NewSecret>,
) -> Result<(&'static str, String), Left> {
    let mut choices: Vec<String> =
        offer.credentials.iter().map(|block| format!("the {} block {}", block.type_slug, block.name)).collect();
    choices.push("a new Secret block, for a token that you enter now".to_owned());
    let index = ask.choose("Access to the repository comes from", &choices)?;
    if let Some(block) = offer.credentials.get(index) {
        let argument = if block.type_slug == SECRET { "access_token" } else { "credentials" };
        if argument == "credentials" {
            let package = block.type_slug.trim_end_matches("-credentials");
            ask.show(&format!("The image of the runs needs prefect-{package}."));
        }
        return Ok((argument, reference(&block.type_slug, &block.name)));
    }
    let taken = |text: &str| offer.credentials.iter().any(|it| it.type_slug == SECRET && it.name == text);
    let name = ask.text("Name of the Secret block", &block_name_for(deployment), &|text| {
        block_name(text)?;
        if taken(text) { Err("there is a Secret block of this name".to_owned()) } else { Ok(()) }
    })?;
    let value = ask.secret("Token")?;
    *new = Some(NewSecret { name: name.clone(), value });
    Ok(("access_token", reference(SECRET, &name)))
}

fn reference(type_slug: &str, name: &str) -> String {
    format!("{{{{ prefect.blocks.{type_slug}.{name} }}}}")
}

/// A name that Prefect takes, made of the deployment's.
fn block_name_for(deployment: &str) -> String {
    let plain = |it: char| if it.is_ascii_alphanumeric() { it.to_ascii_lowercase() } else { '-' };
    let words = deployment.chars().map(plain).collect::<String>();
    let words: Vec<&str> = words.split('-').filter(|word| !word.is_empty()).collect();
    format!("{}-repo-token", if words.is_empty() { "deployment".to_owned() } else { words.join("-") })
}

/// The arguments of the step that clones a repository.
fn clone(remote: &Remote) -> Map<String, Value> {
    Map::from_iter([("repository".to_owned(), json!(remote.url)), ("branch".to_owned(), json!(remote.branch))])
}

/// The pull steps of a project. Entrypoints are relative to its folder, and a clone begins at the root of the repository.
fn pull(mut clone: Map<String, Value>, folder: &str) -> Value {
    if folder.is_empty() {
        return json!([{CLONE: clone}]);
    }
    clone.insert("id".to_owned(), json!("clone"));
    let directory = format!("{{{{ clone.directory }}}}/{folder}");
    json!([{CLONE: clone}, {DIRECTORY: {"directory": directory}}])
}

/// The pull steps of a detected repository.
pub(super) fn pull_of(remote: &Remote) -> Value {
    pull(clone(&Remote { url: remote.https(), ..remote.clone() }), &remote.folder)
}

fn s3(offer: &Offer, ask: &mut dyn Ask) -> Result<Code, Left> {
    let bucket = ask.text("Bucket", "", &|text| match text.len() >= 3 && !text.contains(['/', ' ', ':']) {
        true => Ok(()),
        false => Err("the bare name of a bucket is needed".to_owned()),
    })?;
    let folder = ask.text("Folder in the bucket", &offer.folder, &|_| Ok(()))?;
    ask.show("Access comes from your AWS credentials now, and from the task role when a run starts.");
    let place = json!({"bucket": bucket, "folder": folder});
    let steps = Map::from_iter([
        ("push".to_owned(), json!([{PUSH_TO_S3: place}])),
        ("pull".to_owned(), json!([{PULL_FROM_S3: place}])),
    ]);
    Ok(Code { steps, image: pool_image(ask)?, new_secret: None })
}

/// An image that a deploy builds. Fargate runs Intel unless told otherwise, whatever machine builds.
fn build(offer: &Offer, ask: &mut dyn Ask) -> Result<Code, Left> {
    let name = ask.text("Repository of the image (account.dkr.ecr.region.amazonaws.com/name)", "", &needed)?;
    let (dockerfile, directory) = if offer.has_dockerfile {
        ("Dockerfile", directory(offer, ask)?)
    } else {
        ask.show("There is no Dockerfile: one is generated from Prefect's image and requirements.txt.");
        ("auto", format!("/opt/prefect/{}", offer.folder))
    };
    let build = json!({"id": "build", "image_name": name, "dockerfile": dockerfile, "platform": "linux/amd64"});
    let push = json!({"image_name": "{{ build.image_name }}", "tag": "{{ build.tag }}"});
    let steps = Map::from_iter([
        ("build".to_owned(), json!([{BUILD: build}])),
        ("push".to_owned(), json!([{PUSH_IMAGE: push}])),
        ("pull".to_owned(), json!([{DIRECTORY: {"directory": directory}}])),
    ]);
    Ok(Code { steps, image: Some("{{ build.image }}".to_owned()), new_secret: None })
}

fn image(offer: &Offer, ask: &mut dyn Ask) -> Result<Code, Left> {
    let image = ask.text("Image", "", &needed)?;
    let directory = directory(offer, ask)?;
    let steps = Map::from_iter([("pull".to_owned(), json!([{DIRECTORY: {"directory": directory}}]))]);
    Ok(Code { steps, image: Some(image), new_secret: None })
}

fn directory(offer: &Offer, ask: &mut dyn Ask) -> Result<String, Left> {
    let default = format!("/opt/prefect/{}", offer.folder);
    ask.text("Folder of the code in the image", &default, &|text| match text.starts_with('/') {
        true => Ok(()),
        false => Err("an absolute path is needed".to_owned()),
    })
}

/// An image that need not have the code.
fn pool_image(ask: &mut dyn Ask) -> Result<Option<String>, Left> {
    let image = ask.text("Image (empty: that of the work pool)", "", &|_| Ok(()))?;
    Ok(Some(image).filter(|image| !image.trim().is_empty()))
}

fn needed(text: &str) -> Result<(), String> {
    if text.trim().is_empty() { Err("a value is needed".to_owned()) } else { Ok(()) }
}

fn block_name(text: &str) -> Result<(), String> {
    let fits = !text.is_empty() && text.bytes().all(|it| it.is_ascii_lowercase() || it.is_ascii_digit() || it == b'-');
    if fits { Ok(()) } else { Err("a block's name has lowercase letters, digits and dashes".to_owned()) }
}
