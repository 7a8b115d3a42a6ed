//! What a command is about to change, as a value: shown first, carried out afterwards.
//!
//! A use case that changes something reads what is there and returns a [`Plan`]. The front end shows it, asks, and applies
//! it. So the text that a user agrees to and the calls that follow come from the same value. An empty plan means that
//! everything is as wanted.
//!
//! Each use case has an enum of its steps, and `Plan` is generic over that. A step is an enum and no boxed future: it can be
//! compared in a test, borrows no server, and waits for the user's answer without cost. There is no enum of all steps: those
//! of a work pool need a Prefect server, those of a redrive need queues, and this module would have to know every use case.

use serde::Serialize;

/// What happens to an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// It does not exist yet.
    Create,
    /// It exists and changes.
    Update,
    /// It exists and goes away.
    Delete,
    /// It moves to another place.
    Send,
}

/// A field of an object, before and after. Values are text for people, with secrets masked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Field {
    /// Name of the field.
    pub name: String,
    /// Its value now; none if it has none.
    pub old: Option<String>,
    /// Its value afterwards; none if it has none any more.
    pub new: Option<String>,
}

impl Field {
    /// A field of a new object.
    pub fn new(name: impl Into<String>, value: impl Into<String>) -> Self {
        Self { name: name.into(), old: None, new: Some(value.into()) }
    }

    /// A field that changes.
    pub fn changed(name: impl Into<String>, old: Option<String>, new: Option<String>) -> Self {
        Self { name: name.into(), old, new }
    }
}

/// One change of one object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(bound = "")]
pub struct Change<S> {
    /// What happens.
    pub kind: Kind,
    /// The object, as a user calls it: `work pool "etl"`.
    pub object: String,
    /// The fields that differ, or all fields of a new object.
    pub fields: Vec<Field>,
    /// The call that does it.
    #[serde(skip)]
    pub step: S,
}

/// All changes that a command is about to make, in the order in which it makes them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(bound = "")]
pub struct Plan<S> {
    /// What the command is about.
    pub subject: String,
    /// The changes.
    pub changes: Vec<Change<S>>,
}

impl<S> Plan<S> {
    /// A plan that changes nothing yet.
    pub fn new(subject: impl Into<String>) -> Self {
        Self { subject: subject.into(), changes: Vec::new() }
    }

    /// The same plan with one more change at its end.
    #[must_use]
    pub fn with(mut self, kind: Kind, object: impl Into<String>, fields: Vec<Field>, step: S) -> Self {
        self.changes.push(Change { kind, object: object.into(), fields, step });
        self
    }

    /// Whether everything is as wanted already.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }

    /// Carries out the changes one after the other and stops at the first that fails. The changes before that one stay.
    ///
    /// # Errors
    /// The error of `carry`.
    pub async fn apply<E>(&self, mut carry: impl AsyncFnMut(&Change<S>) -> Result<(), E>) -> Result<(), E> {
        for change in &self.changes {
            carry(change).await?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn three() -> Plan<u8> {
        Plan::new("pools")
            .with(Kind::Create, "a", vec![Field::new("cpu", "256")], 1)
            .with(Kind::Update, "b", vec![Field::changed("cpu", Some("256".into()), None)], 2)
            .with(Kind::Delete, "c", Vec::new(), 3)
    }

    #[tokio::test(flavor = "current_thread")]
    async fn changes_are_made_in_order_until_one_fails() {
        let mut made = Vec::new();
        let result = three()
            .apply(async |change| {
                made.push(change.step);
                if change.kind == Kind::Update { Err("refused") } else { Ok(()) }
            })
            .await;
        assert_eq!((result, made), (Err("refused"), vec![1, 2]));
    }

    #[test]
    fn a_plan_for_programs_has_no_steps() {
        let document = json!(three());
        assert_eq!(document["subject"], "pools");
        assert_eq!(
            document["changes"][1],
            json!({"kind": "update", "object": "b", "fields": [{"name": "cpu", "old": "256", "new": null}]})
        );
        assert!(three().changes.len() == 3 && !three().is_empty() && Plan::<u8>::new("x").is_empty());
    }
}
