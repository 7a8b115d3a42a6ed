//! Unions, plain and told apart by a field.

use std::rc::Rc;

use ruff_text_size::TextSize;
use serde_json::Value;

use super::{Body, Builder, Core, leaf};
use crate::object::{Obj, Outcome, Scope};

impl<'p> Builder<'_, 'p> {
    pub(super) fn union(&mut self, args: &[Obj<'p>], scope: &Scope<'p>, at: TextSize) -> Outcome<Core> {
        let mut choices = Vec::with_capacity(args.len());
        for arg in args.iter().filter(|arg| **arg != Obj::None) {
            choices.push(self.build(arg, scope, at)?);
        }
        let nullable = args.contains(&Obj::None);
        let core = match <[Core; 1]>::try_from(choices) {
            Ok([only]) => only,
            Err(choices) if choices.is_empty() => return Ok(leaf::null()),
            Err(choices) => Core::Union(choices),
        };
        Ok(if nullable { Core::Nullable(Box::new(core)) } else { core })
    }

    /// Let the field `name` tell the members of a union apart.
    pub(super) fn discriminate(&mut self, core: Core, name: &str, scope: &Scope<'p>, at: TextSize) -> Outcome<Core> {
        match core {
            Core::Nullable(inner) => Ok(Core::Nullable(Box::new(self.discriminate(*inner, name, scope, at)?))),
            Core::Union(choices) => {
                let mut tagged: Vec<(String, Core)> = Vec::new();
                for choice in choices {
                    let tags = self.tags(&choice, name).ok_or_else(|| {
                        scope.doubt(at, format!("a member of the union is not told apart by a literal `{name}`"))
                    })?;
                    tagged.extend(tags.into_iter().map(|tag| (tag, choice.clone())));
                }
                Ok(Core::Tagged { property: Rc::from(name), choices: tagged })
            }
            _ => Err(scope.doubt(at, "a discriminator on anything but a union is not followed")),
        }
    }

    /// The values that the field `name` of a class may have.
    fn tags(&self, choice: &Core, name: &str) -> Option<Vec<String>> {
        let Core::Ref(index) = choice else { return None };
        let Body::Fields { fields, .. } = &self.definitions.get(*index)?.body else { return None };
        let mut core = &fields.iter().find(|field| field.name == name)?.core;
        while let Core::Default { inner, .. } | Core::Noted { inner, .. } = core {
            core = inner;
        }
        let Core::Leaf { kind: "literal", json } = core else { return None };
        let values = match (json.get("const"), json.get("enum")) {
            (Some(only), _) => vec![only.clone()],
            (None, Some(Value::Array(all))) => all.clone(),
            _ => return None,
        };
        values.iter().map(|value| value.as_str().map(str::to_owned)).collect()
    }
}
