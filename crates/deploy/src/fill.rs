//! Placeholders of a deployment: what the environment and the server have is put in first, outputs of steps later.

use std::collections::{BTreeMap, HashMap};

use diagnosis::PP0704;
use futures_util::future::join_all;
use prefect_api::{ApiError, Client, Transport};
use serde_json::{Map, Value};
use templating::{
    Environment, Limits, Missing, Policy, Reference, References, ResolveError, Resolver, TemplatingError, apply,
    resolve_all,
};

use crate::{draft::Draft, flags::token, problem::Problem};

type Object = Map<String, Value>;

/// Beginnings of names that the container fills in when a run starts.
const KEPT: [&str; 1] = ["ctx."];

const LIMITS: Limits = Limits { depth: 100, bytes: 16 << 20 };

/// What placeholders are filled with.
#[derive(Debug, Clone)]
pub(crate) struct Filling {
    /// Variables of the process.
    pub(crate) environment: BTreeMap<String, String>,
    /// Whether a placeholder without a value counts as empty, as for `prefect deploy`.
    pub(crate) allow_undefined: bool,
    pub(crate) fetched: Fetched,
}

impl Filling {
    fn policy<'p>(&self, environment: Environment<'p>, undefined: Missing, unknown: Missing) -> Policy<'p> {
        Policy { environment, undefined, unknown, kept: &KEPT, limits: LIMITS }
    }

    fn strict(&self, otherwise: Missing) -> Missing {
        if self.allow_undefined { otherwise } else { Missing::Refuse }
    }

    /// Puts blocks, Prefect variables and the environment in. Names of outputs stay.
    ///
    /// # Errors
    /// What has no value.
    pub(crate) fn surroundings(&self, value: &Value) -> Result<Value, TemplatingError> {
        let get = |name: &str| self.environment.get(name).cloned();
        let mut value = value.clone();
        let policy = self.policy(Environment::From(&get), self.strict(Missing::Remove), Missing::Keep);
        resolve_all(&mut value, &self.fetched, &policy)?;
        Ok(apply(&value, &Object::new(), &policy)?.unwrap_or(Value::Null))
    }

    /// Puts outputs of steps in.
    ///
    /// # Errors
    /// What has no value.
    pub(crate) fn outputs(&self, value: &Value, outputs: &Object) -> Result<Value, TemplatingError> {
        // The environment was put in before: text that looks like a placeholder of it came out of a value.
        let policy = self.policy(Environment::Hidden, Missing::Keep, self.strict(Missing::Remove));
        Ok(apply(value, outputs, &policy)?.unwrap_or(Value::Null))
    }

    /// A text that no author of a deployment wrote, such as a docstring: what looks like a placeholder goes, as in Prefect.
    pub(crate) fn foreign(&self, text: &str, outputs: &Object) -> Option<String> {
        let policy = self.policy(Environment::Hidden, Missing::Keep, Missing::Remove);
        match apply(&Value::String(text.to_owned()), outputs, &policy) {
            Ok(Some(Value::String(text))) => Some(text),
            Ok(Some(other)) => Some(other.to_string()),
            _ => None,
        }
    }

    /// Puts the environment, as far as it is set, and outputs into pull steps. All else is filled in where a run starts.
    ///
    /// # Errors
    /// The result is too large.
    pub(crate) fn pull(&self, value: &Value, outputs: &Object) -> Result<Value, TemplatingError> {
        let get = |name: &str| self.environment.get(name).cloned();
        let policy = self.policy(Environment::From(&get), Missing::Keep, Missing::Keep);
        Ok(apply(value, outputs, &policy)?.unwrap_or(Value::Null))
    }
}

/// Problems of a deployment whose placeholders cannot be filled; `prefix` is the JSON pointer of what was filled.
pub(crate) fn problems(error: &TemplatingError, draft: &Draft, prefix: &str) -> Vec<Problem> {
    match error {
        TemplatingError::Missing { places } => places
            .iter()
            .map(|it| {
                let problem =
                    draft.problem(PP0704, &format!("{prefix}{}", it.at), format!("`{}` has no value", it.placeholder));
                problem.help(help_for(&it.placeholder))
            })
            .collect(),
        TemplatingError::Resolve { at, reference, answer } => {
            vec![draft.problem(PP0704, &format!("{prefix}{at}"), format!("{reference}: {answer}"))]
        }
        TemplatingError::UseReference { at, problem } => {
            vec![draft.problem(PP0704, &format!("{prefix}{at}"), problem.clone())]
        }
        other => vec![draft.problem(PP0704, prefix, other.to_string())],
    }
}

fn help_for(placeholder: &str) -> String {
    let name = placeholder.trim_matches(['{', '}']).trim();
    if let Some(variable) = name.strip_prefix('$') {
        format!("Set the environment variable {variable}.")
    } else if let Some(variable) = name.strip_prefix("prefect.variables.") {
        match variable.split_once('.') {
            Some((root, _)) => {
                format!("Prefect takes `{variable}` for the name of a variable; it does not look inside `{root}`.")
            }
            None => format!("`prefect variable set {variable} VALUE` creates it."),
        }
    } else {
        "No step before has an output of that name.".to_owned()
    }
}

/// The blocks that a value refers to, with their JSON pointers.
pub(crate) fn blocks_in(value: &Value) -> Vec<(String, Reference)> {
    match value {
        Value::String(_) => Reference::of_block(value).into_iter().map(|it| (String::new(), it)).collect(),
        Value::Array(items) => {
            let items = items.iter().enumerate().map(|(index, item)| (index.to_string(), item));
            items.flat_map(|(key, item)| below(&key, item)).collect()
        }
        Value::Object(entries) => match Reference::of_block(value) {
            Some(block) => vec![(String::new(), block)],
            None => entries.iter().flat_map(|(key, item)| below(&token(key), item)).collect(),
        },
        _ => Vec::new(),
    }
}

fn below(key: &str, value: &Value) -> Vec<(String, Reference)> {
    blocks_in(value).into_iter().map(|(at, block)| (format!("/{key}{at}"), block)).collect()
}

/// What the server has of what the file refers to.
#[derive(Debug, Clone, Default)]
pub(crate) struct Fetched {
    blocks: HashMap<(String, String), Result<Value, ResolveError>>,
    documents: HashMap<String, Result<Value, ResolveError>>,
    variables: HashMap<String, Result<Option<Value>, ResolveError>>,
}

impl Fetched {
    /// Asks for everything that the values refer to, each once.
    pub(crate) async fn of<T: Transport>(client: &Client<T>, values: &[&Value]) -> Self {
        let mut references = References::default();
        values.iter().for_each(|value| references.collect(value));
        let mut fetched = Self::default();
        fetched.ask(client, references.into_vec()).await;
        // The data of a block may name variables.
        let mut inner = References::default();
        fetched.blocks.values().chain(fetched.documents.values()).flatten().for_each(|data| inner.collect(data));
        let known =
            |it: &Reference| matches!(it, Reference::Variable { name } if !fetched.variables.contains_key(name));
        let variables = inner.into_vec().into_iter().filter(known).collect();
        fetched.ask(client, variables).await;
        fetched
    }

    /// Whether the server has no such block.
    pub(crate) fn lacks(&self, block: &Reference) -> bool {
        let found = match block {
            Reference::Block { type_slug, name } => self.blocks.get(&(type_slug.clone(), name.clone())),
            Reference::BlockDocument { id } => self.documents.get(id),
            _ => None,
        };
        matches!(found, Some(Err(ResolveError::NotFound)))
    }

    /// The blocks that were asked for and exist.
    pub(crate) fn blocks(&self) -> impl Iterator<Item = &Value> {
        self.blocks.values().chain(self.documents.values()).flatten()
    }

    async fn ask<T: Transport>(&mut self, client: &Client<T>, references: Vec<Reference>) {
        let asked = references.into_iter().map(|reference| async move {
            let answer = match &reference {
                Reference::Block { type_slug, name } => client.block(type_slug, name, true).await.map(Some),
                Reference::BlockDocument { id } => client.block_document(id, true).await.map(Some),
                Reference::Variable { name } => client.variable(name).await,
                Reference::Credentials { .. } => Ok(None),
            };
            (reference, answer)
        });
        for (reference, answer) in join_all(asked).await {
            let data = |answer: Result<Option<Value>, ApiError>| match answer {
                Ok(Some(data)) => Ok(data),
                Ok(None) => Err(ResolveError::NotFound),
                Err(error) if error.is_not_found() => Err(ResolveError::NotFound),
                Err(error) => Err(ResolveError::Failed(error.to_string())),
            };
            match reference {
                Reference::Block { type_slug, name } => {
                    self.blocks.insert((type_slug, name), data(answer));
                }
                Reference::BlockDocument { id } => {
                    self.documents.insert(id, data(answer));
                }
                Reference::Variable { name } => {
                    let value = answer.map_err(|error| ResolveError::Failed(error.to_string()));
                    self.variables.insert(name, value);
                }
                Reference::Credentials { .. } => {}
            }
        }
    }
}

impl Resolver for Fetched {
    fn block_document(&self, id: &str) -> Result<Value, ResolveError> {
        self.documents.get(id).cloned().unwrap_or(Err(ResolveError::NotFetched))
    }

    fn block(&self, type_slug: &str, name: &str) -> Result<Value, ResolveError> {
        let key = (type_slug.to_owned(), name.to_owned());
        self.blocks.get(&key).cloned().unwrap_or(Err(ResolveError::NotFetched))
    }

    fn variable(&self, name: &str) -> Result<Option<Value>, ResolveError> {
        self.variables.get(name).cloned().unwrap_or(Err(ResolveError::NotFetched))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn filling(allow_undefined: bool) -> Filling {
        let mut fetched = Fetched::default();
        fetched.variables.insert("limits".into(), Ok(Some(json!({"max": 12}))));
        fetched.variables.insert("limits.max".into(), Ok(None));
        fetched.blocks.insert(("secret".into(), "tok".into()), Ok(json!({"value": "s"})));
        let environment = BTreeMap::from([("STAGE".to_owned(), "test".to_owned())]);
        Filling { environment, allow_undefined, fetched }
    }

    fn told(error: &TemplatingError) -> Vec<String> {
        problems(error, &Draft::of_values(Object::new()), "/tags")
            .iter()
            .map(|it| format!("{} {}", it.subject.key.clone().unwrap_or_default(), it.text))
            .collect()
    }

    #[test]
    fn surroundings_are_put_in_and_outputs_stay() {
        let value =
            json!({"a": "{{ $STAGE }}-{{ build.image }}", "b": "{{ prefect.variables.limits }}", "c": "{{ ctx.x }}"});
        let filled = filling(false).surroundings(&value).expect("filled");
        assert_eq!(filled, json!({"a": "test-{{ build.image }}", "b": {"max": 12}, "c": "{{ ctx.x }}"}));
        let outputs = json!({"build": {"image": "i"}}).as_object().cloned().expect("object");
        assert_eq!(filling(false).outputs(&filled, &outputs).expect("filled")["a"], "test-i");
    }

    #[test]
    fn a_placeholder_without_a_value_is_a_problem_unless_it_is_allowed() {
        let value = json!(["{{ $NOWHERE }}", "x-{{ prefect.variables.limits.max }}"]);
        // Variables are looked up before the environment, so theirs is the first to be told.
        let error = filling(false).surroundings(&value).expect_err("nothing there");
        assert_eq!(told(&error), ["tags[1] `{{ prefect.variables.limits.max }}` has no value"]);
        assert_eq!(filling(true).surroundings(&value).expect("filled"), json!(["", "x-"]));
        let error = filling(false).outputs(&json!(["{{ later.stdout }}"]), &Object::new()).expect_err("no step");
        assert_eq!(told(&error), ["tags[0] `{{ later.stdout }}` has no value"]);
    }

    #[test]
    fn pull_steps_keep_what_the_container_fills_in() {
        let value = json!(["{{ $STAGE }} {{ $NOWHERE }} {{ prefect.blocks.secret.tok }} {{ clone.directory }}"]);
        let filled = filling(false).pull(&value, &Object::new()).expect("filled");
        assert_eq!(filled, json!(["test {{ $NOWHERE }} {{ prefect.blocks.secret.tok }} {{ clone.directory }}"]));
    }

    #[test]
    fn braces_in_a_docstring_go() {
        assert_eq!(filling(false).foreign("Takes {{ braces }} out.", &Object::new()).as_deref(), Some("Takes  out."));
        assert_eq!(filling(false).foreign("{{ all }}", &Object::new()), None);
    }
}
