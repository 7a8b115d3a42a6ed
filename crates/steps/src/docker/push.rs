//! Pushing an image.

use serde_json::{Value, json};

use super::{hint, install, name};
use crate::{context::Scene, error::Problem, inputs, process::Program, signature::is_buildx, step::Object};

/// Logs in, if there are credentials, and pushes each tag.
pub(crate) async fn push(given: &Object, scene: Scene<'_>) -> Result<Object, Problem> {
    let name = name::full(inputs::text(given, "image_name").unwrap_or_default(), scene.context);
    let tag = inputs::text(given, "tag");
    let additional_tags = inputs::texts(given, "additional_tags");
    if let Some(credentials) = given.get("credentials").and_then(Value::as_object) {
        login(credentials, scene).await?;
    }
    let command: &[&str] = if is_buildx(given) { &["image", "push"] } else { &["push"] };
    let first = match tag {
        Some(tag) => vec![format!("{name}:{tag}")],
        // Without a tag docker-py pushes all of them, and python-on-whales `latest`.
        None if is_buildx(given) => vec![name.clone()],
        None => vec!["--all-tags".to_owned(), name.clone()],
    };
    docker(command, first, scene).await?;
    for tag in &additional_tags {
        docker(command, vec![format!("{name}:{tag}")], scene).await?;
    }
    let image = tag.map_or_else(|| name.clone(), |tag| format!("{name}:{tag}"));
    Ok(Object::from_iter([
        ("image_name".to_owned(), json!(name)),
        ("tag".to_owned(), json!(tag)),
        ("image".to_owned(), json!(image)),
        ("additional_tags".to_owned(), json!(additional_tags)),
    ]))
}

/// The password goes through docker's input, where no list of processes shows it.
async fn login(credentials: &Object, scene: Scene<'_>) -> Result<(), Problem> {
    let missing = |key: &str| Problem::invalid("credentials", format!("`{key}` is missing"));
    let username = inputs::text(credentials, "username").ok_or_else(|| missing("username"))?;
    let password = inputs::text(credentials, "password").ok_or_else(|| missing("password"))?;
    let server = inputs::text(credentials, "registry_url");
    let arguments = ["login", "--password-stdin", "--username", username].into_iter().chain(server);
    run(Program::new("docker", scene).args(arguments).input(password), "`docker login`", scene).await
}

async fn docker(command: &[&str], arguments: Vec<String>, scene: Scene<'_>) -> Result<(), Problem> {
    let named = format!("`docker {} {}`", command.join(" "), arguments.join(" "));
    let words = command.iter().map(|word| (*word).to_owned()).chain(arguments);
    run(Program::new("docker", scene).args(words), &named, scene).await
}

async fn run(program: Program, command: &str, scene: Scene<'_>) -> Result<(), Problem> {
    let ended = program.run(scene).await.map_err(install)?;
    if ended.status.success() {
        return Ok(());
    }
    Err(ended.failure(command).with_hint(hint(&ended.stderr)))
}
