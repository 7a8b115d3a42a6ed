//! Many small changes for a large one.

use serde_json::{Map, Value};

use super::{
    Document, Edit, EditError, Editor, Splice,
    locate::{Found, Holder},
    model, path_text,
};
use crate::{node::Step, tree::Shape};

impl Editor {
    /// Makes the value at a path equal to another one, and keeps the text of everything in it that is equal already. A
    /// mapping that becomes a list of itself, and a mapping of one entry that gets another key, keep their comments as well.
    ///
    /// # Errors
    /// The path does not fit the file, or an alias would change along.
    pub fn update(&mut self, path: &[Step<'_>], value: &Value) -> Result<(), EditError> {
        let old = match crate::read(&self.text)?.at(path) {
            Some(node) => node.to_json(),
            None => return self.set(path, value),
        };
        if old == *value {
            return Ok(());
        }
        let mut changed = self.clone();
        match changed.change(path, &old, value) {
            Ok(()) => *self = changed,
            // A part that cannot be changed by itself can be replaced with what is around it.
            Err(_) => self.set(path, value)?,
        }
        Ok(())
    }

    fn change(&mut self, path: &[Step<'_>], old: &Value, new: &Value) -> Result<(), EditError> {
        match (old, new) {
            (Value::Object(old), Value::Object(new)) if !old.is_empty() && !new.is_empty() => {
                self.change_entries(path, old, new)
            }
            (Value::Array(old), Value::Array(new)) if !old.is_empty() && !new.is_empty() => {
                self.change_items(path, old, new)
            }
            (Value::Object(old), Value::Array(items)) if !old.is_empty() && items.len() == 1 => {
                self.wrap(path)?;
                self.update(&[path, &[Step::Index(0)]].concat(), &items[0])
            }
            _ => self.set(path, new),
        }
    }

    fn change_entries(
        &mut self,
        path: &[Step<'_>],
        old: &Map<String, Value>,
        new: &Map<String, Value>,
    ) -> Result<(), EditError> {
        let at = |key| [path, &[Step::Key(key)]].concat();
        if let ([from], [to]) = (&keys(old)[..], &keys(new)[..])
            && from != to
        {
            self.rename(&at(from), to)?;
            return self.update(&at(to), &new[*to]);
        }
        for (key, value) in new {
            self.update(&at(key), value)?;
        }
        for key in keys(old).into_iter().filter(|key| !new.contains_key(*key)) {
            self.remove(&at(key))?;
        }
        Ok(())
    }

    fn change_items(&mut self, path: &[Step<'_>], old: &[Value], new: &[Value]) -> Result<(), EditError> {
        let at = |index| [path, &[Step::Index(index)]].concat();
        if old.len() > new.len() {
            // What is equal at the end stays, and the items before it go.
            let last = old.iter().rev().zip(new.iter().rev()).take_while(|(one, other)| one == other).count();
            for index in (new.len() - last..old.len() - last).rev() {
                self.remove(&at(index))?;
            }
        }
        for (index, value) in new.iter().enumerate().take(old.len()) {
            self.update(&at(index), value)?;
        }
        new.iter().skip(old.len()).try_for_each(|value| self.append(path, value))
    }

    /// Puts a mapping into a list of its own.
    fn wrap(&mut self, path: &[Step<'_>]) -> Result<(), EditError> {
        let document = Document::read(&self.text)?;
        let layout = || EditError::Layout { path: path_text(path) };
        let Found::Value(spot) = self.find(&document, path)? else { return Err(layout()) };
        let raw = document.tree.node(spot.id);
        let splices = match (&raw.shape, spot.holder) {
            (Shape::Mapping { is_flow: true, .. }, _) => {
                vec![Splice::insert(raw.start.byte, "[".to_owned()), Splice::insert(raw.end.byte, "]".to_owned())]
            }
            (Shape::Mapping { .. }, Holder::Entry { mapping, index }) => {
                let key = document.pair(mapping, index).ok_or_else(layout)?.start;
                let dash =
                    raw.content.column.checked_sub(2).filter(|column| *column >= key.column).ok_or_else(layout)?;
                let start = raw.content.byte - (raw.content.column - dash);
                vec![Splice { range: start..raw.content.byte, text: "- ".to_owned() }]
            }
            _ => return Err(layout()),
        };
        self.apply(Edit { splices, line_break: document.style.line_break, path, part: path }, |model| {
            let value = model::at(model, path)?;
            *value = Value::Array(vec![value.take()]);
            Some(())
        })
    }
}

fn keys(entries: &Map<String, Value>) -> Vec<&str> {
    entries.keys().map(String::as_str).collect()
}
