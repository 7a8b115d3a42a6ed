//! `pushpool pool inspect`.

use clap::Args;
use manage::{
    Server,
    pool::{self, assign::defaults, shown::shown, template},
};
use prefect_api::Transport;
use serde_json::Value;

use crate::{
    args::Output,
    error::CliError,
    grid::{self, Cell},
    output::{self, DIM, HEAD, paint},
};

pub(crate) const HELP: &str = "\
Examples:
  pushpool pool inspect etl
  pushpool pool inspect etl --output json | pushpool render --pool -
      JSON is the work pool as the API returns it.";

#[derive(Debug, Args)]
pub(crate) struct InspectArgs {
    /// Name of the pool
    name: String,

    /// Form of the answer
    #[arg(long, value_enum, value_name = "FORM", default_value_t = Output::Text)]
    output: Output,
}

pub(super) async fn run<T: Transport>(server: &Server<T>, args: &InspectArgs) -> Result<u8, CliError> {
    let pool = pool::document(server, &args.name).await?;
    let text = match args.output {
        Output::Json => format!("{pool:#}\n"),
        Output::Text => summary(&pool, output::width()),
    };
    output::data(&text).map_err(CliError::WriteOutput)?;
    Ok(0)
}

fn summary(pool: &Value, width: Option<usize>) -> String {
    let text = |name: &str| match &pool[name] {
        Value::Null => "-".to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let fact = |label: &str, value: String| vec![Cell::new(label).styled(DIM), Cell::new(value)];
    let limit = match (&pool["concurrency_limit"], &pool["active_slots"]) {
        (Value::Null, _) => "none".to_owned(),
        (limit, Value::Null) => limit.to_string(),
        (limit, used) => format!("{limit}, {used} in use"),
    };
    let facts = [
        fact("Type", text("type")),
        fact("Status", text("status")),
        fact("Paused", if pool["is_paused"] == true { "yes".to_owned() } else { "no".to_owned() }),
        fact("Concurrency limit", limit),
        fact("Description", text("description")),
        fact("Created", text("created")),
        fact("Id", text("id")),
    ];
    let template = template::of_pool(&pool["base_job_template"]);
    let built_in =
        if pool["base_job_template"].as_object().is_none_or(|it| it.is_empty()) { " (built in)" } else { "" };
    let mut lines = vec![paint(HEAD, Cell::new(text("name")).plain())];
    lines.extend(grid::lines(&facts, width));
    lines.extend([String::new(), paint(HEAD, format_args!("Variables{built_in}"))]);
    lines.extend(grid::lines(&variables(&template), width));
    lines.push(String::new());
    lines.join("\n")
}

/// Those with a default first: they are what makes this pool different from others.
fn variables(template: &Value) -> Vec<Vec<Cell>> {
    let defaults = defaults(template);
    let properties = template.pointer("/variables/properties").and_then(Value::as_object);
    let required: Vec<&str> =
        template["variables"]["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let row = |(name, schema): (&String, &Value)| {
        let (value, style) = match defaults.get(name) {
            Some(value) => (shown(name, value, schema), anstyle::Style::new()),
            None if required.contains(&name.as_str()) => ("required".to_owned(), output::ODD),
            None => ("-".to_owned(), DIM),
        };
        let about = schema["description"].as_str().unwrap_or_default();
        vec![Cell::new(name), Cell::new(value).styled(style), Cell::new(about).styled(DIM)]
    };
    let (with, without): (Vec<_>, Vec<_>) =
        properties.into_iter().flatten().partition(|(name, _)| defaults.contains_key(*name));
    let mut rows = vec![["VARIABLE", "DEFAULT", "ABOUT"].map(|heading| Cell::new(heading).styled(HEAD)).to_vec()];
    rows.extend(with.into_iter().chain(without).map(row));
    rows
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn variables_with_defaults_come_first_and_required_ones_are_marked() {
        let pool = json!({"name": "p", "type": "ecs:push", "status": "READY", "is_paused": false, "active_slots": 2,
            "concurrency_limit": 5, "base_job_template": {"job_configuration": {"x": 1}, "variables": {
                "required": ["b"], "properties": {"a": {}, "b": {}, "cpu": {"default": 256, "description": "Size."}}}}});
        let text = anstream::adapter::strip_str(&summary(&pool, None)).to_string();
        let names: Vec<&str> = text
            .lines()
            .skip_while(|line| !line.starts_with("VARIABLE"))
            .skip(1)
            .filter_map(|it| it.split(' ').next())
            .collect();
        assert_eq!(names, ["cpu", "a", "b"], "{text}");
        for part in ["256", "Size.", "required", "5, 2 in use"] {
            assert!(text.contains(part), "{part} in {text}");
        }
    }
}
