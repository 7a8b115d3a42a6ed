//! The wizard's questions on a terminal, and `pushpool deploy init`.

use deploy::{
    DeployError, Request, names_of_file,
    wizard::{self, Ask, First, Left, Offer},
};
use dialoguer::{Confirm, Input, Password, Select, theme::ColorfulTheme};
use jiff::Timestamp;
use manage::{
    ManageError, Server,
    pool::{self, PUSH, create, template},
    with_sources,
};
use prefect_api::http::HttpTransport;
use serde_json::json;

use super::{Failure, args::InitArgs};
use crate::{
    error::CliError,
    output::{GOOD, paint, say},
};

/// Asks which deployments are meant, and for a new one if none is there.
pub(super) async fn complete(request: &mut Request, server: &Server<HttpTransport>) -> Result<(), Failure> {
    let names = names_of_file(&request.folder, &request.file)?;
    match names.len() {
        0 => {}
        1 => return Ok(()),
        _ => {
            let mut choices = vec!["all of them".to_owned()];
            choices.extend(names.iter().cloned());
            choices.push("a new one".to_owned());
            let chosen = Terminal.choose("Deployment", &choices).map_err(left)?;
            if chosen == 0 {
                request.flags.all = true;
                return Ok(());
            }
            if let Some(name) = names.get(chosen - 1) {
                request.flags.names = vec![name.clone()];
                return Ok(());
            }
        }
    }
    new(request, server, names).await
}

/// Asks for a deployment; creates its pool, and saves it, as the user wants.
async fn new(request: &mut Request, server: &Server<HttpTransport>, taken: Vec<String>) -> Result<(), Failure> {
    let offer = Offer::of(server, &request.folder, taken).await?;
    let answers = wizard::ask(&offer, &mut Terminal, Timestamp::now()).map_err(left)?;
    if let Some(name) = &answers.new_pool {
        create_pool(name, server).await?;
    }
    if let Some(secret) = &answers.new_secret {
        let data = json!({"value": secret.value});
        server.client.create_block("secret", &secret.name, &data).await.map_err(|error| server.told(error))?;
        say(paint(GOOD, format_args!("Created Secret block {}", secret.name)));
    }
    if answers.save {
        let path = request.folder.join(&request.file);
        wizard::save(&path, &offer, &answers).map_err(|error| not_saved(&error))?;
        say(paint(GOOD, format_args!("Saved to {}", request.file.display())));
    }
    request.entry = Some(answers.deployment);
    Ok(())
}

async fn create_pool(name: &str, server: &Server<HttpTransport>) -> Result<(), Failure> {
    create::find(server, name, PUSH, false).await.map_err(CliError::from)?;
    let wanted = create::Wanted {
        name: name.to_owned(),
        pool_type: PUSH.to_owned(),
        template: template::built_in(),
        concurrency_limit: None,
        description: None,
        paused: false,
    };
    pool::apply(server, &create::plan(wanted, None)).await.map_err(CliError::from)?;
    say(paint(GOOD, format_args!("Created work pool {name}")));
    say(format_args!("`pushpool pool set-variable {name} cluster=... subnets=...` says where its tasks run."));
    Ok(())
}

/// Writes a first file.
///
/// # Errors
/// There is one, or it cannot be written.
pub(super) fn init(args: &InitArgs) -> Result<u8, CliError> {
    if args.recipe.is_some() || !args.fields.is_empty() {
        return Err(CliError::from(ManageError::Explained {
            summary: "`--recipe` and `--field` are not supported".to_owned(),
            detail: "The file is made of what the folder shows: its first flow and its git remote.".to_owned(),
            help: "Leave them out. `pushpool deploy` asks for an image, a bucket and a schedule.".to_owned(),
        }));
    }
    let folder = std::env::current_dir()
        .and_then(|it| it.canonicalize())
        .map_err(|source| CliError::SetUp { what: "find the working directory", source })?;
    let mut offer = Offer::of_folder(&folder);
    if let Some(name) = &args.name {
        offer.folder.clone_from(name);
    }
    let path = &args.prefect_file;
    let first = First { pool: args.pool.as_deref(), image: args.image.as_deref() };
    wizard::first_file(path, &offer, &first).map_err(|error| not_saved(&error))?;
    say(paint(GOOD, format_args!("Created {}", path.display())));
    match path.to_str() {
        Some("prefect.yaml") => say("Look through it, then `pushpool deploy --all --check`."),
        _ => say(format_args!(
            "Look through it, then `pushpool deploy --prefect-file {} --all --check`.",
            path.display()
        )),
    }
    Ok(0)
}

fn not_saved(error: &wizard::SaveError) -> CliError {
    CliError::from(ManageError::Explained { summary: with_sources(error), detail: String::new(), help: String::new() })
}

fn left(_: Left) -> Failure {
    Failure::Cli(CliError::Declined)
}

impl From<ManageError> for Failure {
    fn from(error: ManageError) -> Self {
        Self::Deploy(DeployError::Manage(error))
    }
}

/// Questions on standard error, with answers from standard input.
struct Terminal;

impl Ask for Terminal {
    fn choose(&mut self, question: &str, choices: &[String]) -> Result<usize, Left> {
        let theme = ColorfulTheme::default();
        Select::with_theme(&theme).with_prompt(question).items(choices).default(0).interact().map_err(|_| Left)
    }

    fn text(
        &mut self,
        question: &str,
        default: &str,
        check: &dyn Fn(&str) -> Result<(), String>,
    ) -> Result<String, Left> {
        let theme = ColorfulTheme::default();
        let mut input = Input::<String>::with_theme(&theme).with_prompt(question).allow_empty(true);
        if !default.is_empty() {
            input = input.default(default.to_owned());
        }
        input.validate_with(|text: &String| check(text)).interact_text().map_err(|_| Left)
    }

    fn secret(&mut self, question: &str) -> Result<String, Left> {
        let theme = ColorfulTheme::default();
        Password::with_theme(&theme).with_prompt(question).interact().map_err(|_| Left)
    }

    fn confirm(&mut self, question: &str, default: bool) -> Result<bool, Left> {
        let theme = ColorfulTheme::default();
        Confirm::with_theme(&theme).with_prompt(question).default(default).interact().map_err(|_| Left)
    }

    fn show(&mut self, line: &str) {
        say(line);
    }
}
