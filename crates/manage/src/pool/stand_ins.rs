//! Values that stand in for what a template refers to on the server.
//!
//! What a block or a Prefect variable holds is known when a run starts, and may change until then. So a template is tried with
//! several values in its place, and a reason to refuse the template counts only if none of them takes it away.

use serde_json::{Value, json};
use templating::placeholder::{self, Kind};
use work_pool::{Reference, ResolveError, Resolver, is_reference};

use super::assign::types_of;

/// Begins a text that stands in for a value: a finding that shows it is about a value that is not known. By itself, as an item of
/// a list, it stands for no item.
pub(super) const MARK: &str = "pushpool-stand-in";

/// The references of a template: a value for each place that has one.
#[derive(Debug, Clone, Default)]
pub(super) struct StandIns {
    values: Vec<Value>,
    /// Places where the type of the value matters: all but environment variables, which are text.
    typed: Vec<usize>,
}

impl StandIns {
    /// Gives every reference of the template a name of its own by which this answers.
    pub(super) fn take_over(template: &mut Value) -> Self {
        let mut stand_ins = Self::default();
        let original = template.clone();
        let defaults =
            template.pointer_mut("/variables/properties").and_then(Value::as_object_mut).into_iter().flatten();
        for (name, property) in defaults {
            property.get_mut("default").into_iter().for_each(|default| stand_ins.member(&original, name, default));
        }
        let configuration = template.get_mut("job_configuration").and_then(Value::as_object_mut);
        configuration.into_iter().flatten().for_each(|(name, value)| stand_ins.member(&original, name, value));
        stand_ins
    }

    /// Takes over what a default, or a member of the job configuration, refers to.
    fn member(&mut self, template: &Value, name: &str, value: &mut Value) {
        match value {
            Value::Object(variables) if name == "env" && !variables.contains_key("$ref") => {
                variables.values_mut().for_each(|value| self.rename(value, false));
            }
            Value::Array(_) | Value::Object(_) if !is_reference(value) => self.rename(value, true),
            _ => {
                let first = self.values.len();
                self.rename(value, true);
                let types = types_of(template, name);
                let takes = |wanted: &str| types.iter().any(|it| it == wanted);
                // Several values of the wrong kind would hide each other.
                if let Some(place) = self.values.get_mut(first).filter(|_| !types.is_empty() && !takes("string")) {
                    *place = if takes("object") { json!({}) } else { Value::Null };
                }
            }
        }
    }

    fn rename(&mut self, value: &mut Value, typed: bool) {
        if let Some(Reference::BlockDocument { .. }) = Reference::of_block(value) {
            *value = json!({"$ref": {"block_document_id": self.add(typed)}});
            return;
        }
        match value {
            Value::String(text) => {
                let (mut renamed, mut copied) = (String::new(), 0);
                for found in placeholder::find(text) {
                    let kind = match found.kind() {
                        Kind::Block(Some(_)) => "blocks.stand-in",
                        Kind::Variable(_) => "variables",
                        _ => continue,
                    };
                    renamed.push_str(&text[copied..found.start]);
                    renamed.push_str(&format!("{{{{ prefect.{kind}.{} }}}}", self.add(typed)));
                    copied = found.end;
                }
                renamed.push_str(&text[copied..]);
                *text = renamed;
            }
            Value::Array(items) => items.iter_mut().for_each(|item| self.rename(item, typed)),
            Value::Object(members) => members.values_mut().for_each(|member| self.rename(member, typed)),
            _ => {}
        }
    }

    /// Adds a place; its name.
    fn add(&mut self, typed: bool) -> String {
        let place = self.values.len();
        // Two containers must not get one name.
        self.values.push(format!("{MARK}-{place}").into());
        self.typed.extend(typed.then_some(place));
        place.to_string()
    }

    /// The same with another value in one of the places.
    pub(super) fn others(&self) -> impl Iterator<Item = Self> {
        let all = self.typed.iter().flat_map(|place| candidates().into_iter().map(move |value| (*place, value)));
        all.map(|(place, value)| {
            let mut other = self.clone();
            other.values[place] = value;
            other
        })
    }

    fn value(&self, name: &str) -> Result<Value, ResolveError> {
        let value = name.parse().ok().and_then(|place: usize| self.values.get(place));
        value.cloned().ok_or(ResolveError::NeedsServer)
    }
}

impl Resolver for StandIns {
    fn block_document(&self, id: &str) -> Result<Value, ResolveError> {
        self.value(id)
    }

    fn block(&self, _: &str, name: &str) -> Result<Value, ResolveError> {
        self.value(name)
    }

    fn variable(&self, name: &str) -> Result<Option<Value>, ResolveError> {
        self.value(name).map(Some)
    }
}

/// Takes the items out of lists that stand for none: no other value fits every list.
pub(super) fn drop_absent<'v>(values: impl IntoIterator<Item = &'v mut Value>) {
    for value in values {
        match value {
            Value::Array(items) => {
                items.retain(|item| item != MARK);
                drop_absent(items);
            }
            Value::Object(members) => drop_absent(members.values_mut()),
            _ => {}
        }
    }
}

/// Values of each kind that a job configuration takes somewhere.
fn candidates() -> Vec<Value> {
    let subnets = json!([SUBNET]);
    let mut values = vec![
        Value::Null,
        MARK.into(),
        json!({}),
        json!([]),
        json!({"awsvpcConfiguration": {"subnets": subnets}}),
        json!({"containerDefinitions": [{"name": "prefect", "image": "stand-in"}]}),
        subnets,
        SUBNET.into(),
        "EC2".into(),
        "arn:aws:iam::111122223333:role/stand-in".into(),
    ];
    // Each size of Fargate has a partner among them.
    values.extend((0..9).map(|power| json!(256 << power)));
    values
}

/// Not the subnet that stands for the dispatcher's settings.
const SUBNET: &str = "subnet-11111111";
