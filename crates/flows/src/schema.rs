//! JSON from core schemas, with pydantic's rules for references and titles.

use std::collections::HashMap;

use serde_json::{Value, json};

use crate::{
    core::{Body, ClassJson, Core, Definition, FieldCore, Json},
    object::Fault,
};

/// Why a core schema has no JSON.
#[derive(Debug)]
pub(crate) enum NoJson {
    /// The type has none, such as a callable. A union leaves such a member out.
    Invalid,
    /// A class has none, because a field of it has none.
    InvalidClass,
    /// A member of a union is such a class: pydantic leaves it out or fails, as it happens to be used elsewhere.
    Unsure,
    Fault(Fault),
}

type Made<T> = Result<T, NoJson>;

/// Stands for the name of a definition until all are known.
const PLACEHOLDER: &str = "#/definitions/\u{0}";

pub(crate) struct Generator<'a> {
    definitions: &'a [Definition],
    made: HashMap<usize, Option<Json>>,
}

impl<'a> Generator<'a> {
    pub(crate) fn new(definitions: &'a [Definition]) -> Self {
        Self { definitions, made: HashMap::new() }
    }

    /// A field of an object, its name as the title unless it has one.
    pub(crate) fn field(&mut self, field: &FieldCore) -> Made<Json> {
        let mut json = self.noted(&field.core, &field.updates, &field.extra)?;
        if !json.contains_key("title") && field.core.wants_title() {
            json.insert("title".to_owned(), title_of(&field.name).into());
        }
        self.drop_redundant(&mut json);
        Ok(json)
    }

    fn noted(&mut self, core: &Core, updates: &Json, extra: &Json) -> Made<Json> {
        let mut json = self.core(core)?;
        json.extend(updates.clone());
        json.extend(extra.clone());
        Ok(json)
    }

    /// Beside a reference, what the referenced schema says itself goes without saying.
    fn drop_redundant(&self, json: &mut Json) {
        let index = json.get("$ref").and_then(Value::as_str).and_then(placeholder);
        if let Some(Some(definition)) = index.and_then(|index| self.made.get(&index)) {
            json.retain(|key, value| key == "$ref" || definition.get(key) != Some(value));
        }
    }

    pub(crate) fn core(&mut self, core: &Core) -> Made<Json> {
        match core {
            Core::Any => Ok(Json::new()),
            Core::Invalid => Err(NoJson::Invalid),
            Core::Leaf { json, .. } => Ok(json.clone()),
            Core::Items { items, unique, limits, .. } => {
                let mut json = object([("type", json!("array")), ("items", self.core(items)?.into())]);
                if *unique {
                    json.insert("uniqueItems".to_owned(), Value::Bool(true));
                }
                json.extend(limits.clone());
                Ok(json)
            }
            Core::Tuple { items, variadic, limits } => self.tuple(items, *variadic, limits),
            Core::Mapping { keys, values, limits, .. } => self.mapping(keys, values, limits),
            Core::Json(inner) => {
                let inner = self.core(inner)?;
                Ok(object([
                    ("type", json!("string")),
                    ("contentMediaType", json!("application/json")),
                    ("contentSchema", inner.into()),
                ]))
            }
            Core::Union(choices) => {
                let made = self.choices(choices.iter())?;
                Ok(match <[Json; 1]>::try_from(made) {
                    Ok([only]) => only,
                    Err(all) => any_of(all),
                })
            }
            Core::Tagged { property, choices } => self.tagged(property, choices),
            Core::Nullable(inner) => {
                let null = object([("type", json!("null"))]);
                let inner = self.core(inner)?;
                Ok(if inner == null { null } else { any_of(vec![inner, null]) })
            }
            Core::Ref(index) => {
                self.definition(*index)?;
                Ok(object([("$ref", format!("{PLACEHOLDER}{index}").into())]))
            }
            Core::Default { inner, value } => {
                let mut json = self.core(inner)?;
                json.extend(value.clone().map(|value| ("default".to_owned(), value)));
                Ok(json)
            }
            Core::Noted { inner, updates, extra, .. } => self.noted(inner, updates, extra),
        }
    }

    /// Union members, without those that have no JSON.
    fn choices<'c>(&mut self, choices: impl Iterator<Item = &'c Core>) -> Made<Vec<Json>> {
        let mut made = Vec::new();
        for choice in choices {
            match self.core(choice) {
                Ok(json) => made.push(json),
                Err(NoJson::Invalid) => {}
                Err(NoJson::InvalidClass) => return Err(NoJson::Unsure),
                Err(fault) => return Err(fault),
            }
        }
        Ok(made)
    }

    fn tuple(&mut self, items: &[Core], variadic: bool, limits: &Json) -> Made<Json> {
        let mut json = object([("type", json!("array"))]);
        let made = items.iter().map(|item| self.core(item)).collect::<Made<Vec<_>>>()?;
        match (variadic, made.into_iter().next()) {
            (true, Some(item)) => {
                json.insert("items".to_owned(), item.into());
            }
            _ => {
                let all = items.iter().map(|item| Ok(self.core(item)?.into())).collect::<Made<Vec<Value>>>()?;
                json.insert("minItems".to_owned(), all.len().into());
                json.insert("maxItems".to_owned(), all.len().into());
                if !all.is_empty() {
                    json.insert("prefixItems".to_owned(), all.into());
                }
            }
        }
        json.extend(limits.clone());
        Ok(json)
    }

    fn mapping(&mut self, keys: &Core, values: &Core, limits: &Json) -> Made<Json> {
        let mut json = object([("type", json!("object"))]);
        let mut keys = self.core(keys)?;
        let mut pattern = None;
        if !keys.contains_key("$ref") {
            pattern = keys.shift_remove("pattern").and_then(|pattern| pattern.as_str().map(str::to_owned));
            keys.shift_remove("title");
        }
        let mut values = self.core(values)?;
        values.shift_remove("title");
        match pattern {
            Some(pattern) => {
                json.insert("patternProperties".to_owned(), json!({ pattern: values }));
            }
            None if values.is_empty() => {
                json.insert("additionalProperties".to_owned(), Value::Bool(true));
            }
            None => {
                json.insert("additionalProperties".to_owned(), values.into());
            }
        }
        let is_text = keys.get("type").is_some_and(|kind| kind == "string") && keys.len() > 1;
        if is_text || keys.contains_key("$ref") {
            keys.shift_remove("type");
            json.insert("propertyNames".to_owned(), keys.into());
        }
        json.extend(limits.clone());
        Ok(json)
    }

    fn tagged(&mut self, property: &str, choices: &[(String, Core)]) -> Made<Json> {
        let mut mapping = Json::new();
        let mut one_of: Vec<Json> = Vec::new();
        for (tag, choice) in choices {
            let json = match self.core(choice) {
                Ok(json) => json,
                Err(NoJson::Invalid | NoJson::InvalidClass) => return Err(NoJson::Unsure),
                Err(fault) => return Err(fault),
            };
            let target = json.get("$ref").cloned().unwrap_or_else(|| json.clone().into());
            mapping.insert(tag.clone(), target);
            if !one_of.contains(&json) {
                one_of.push(json);
            }
        }
        let discriminator = json!({"propertyName": property, "mapping": mapping});
        Ok(object([("oneOf", one_of.into_iter().map(Value::from).collect()), ("discriminator", discriminator)]))
    }

    fn definition(&mut self, index: usize) -> Made<()> {
        if self.made.contains_key(&index) {
            return Ok(());
        }
        self.made.insert(index, None);
        let made = match &self.definitions[index].body {
            Body::Open => return Ok(()),
            Body::Failed(fault) => Err(NoJson::Fault(fault.clone())),
            Body::Core(core) => self.core(core),
            Body::Fields { fields, class } => self.fields(fields, class),
            Body::Tuple(fields) => self.named_tuple(fields),
            Body::Root { field, class } => self.root(field, class),
        };
        match made {
            Ok(json) => {
                self.made.insert(index, Some(json));
                Ok(())
            }
            Err(fault) => {
                self.made.remove(&index);
                Err(if let NoJson::Invalid = fault { NoJson::InvalidClass } else { fault })
            }
        }
    }

    fn fields(&mut self, fields: &[FieldCore], class: &ClassJson) -> Made<Json> {
        let mut properties = Json::new();
        for field in fields {
            properties.insert(field.name.clone(), self.field(field)?.into());
        }
        let required: Vec<&str> = fields.iter().filter(|field| field.required).map(|field| &*field.name).collect();
        let mut json = object([("type", json!("object")), ("properties", properties.into())]);
        if !required.is_empty() {
            json.insert("required".to_owned(), required.into());
        }
        add_class(&mut json, class);
        Ok(json)
    }

    fn root(&mut self, field: &FieldCore, class: &ClassJson) -> Made<Json> {
        let mut json = self.core(&field.core)?;
        add_class(&mut json, class);
        let mut updates = field.updates.clone();
        // The docstring of the class comes before the description of its field.
        if let (Some(described), Some(doc)) = (updates.get_mut("description"), &class.description) {
            *described = doc.clone().into();
        }
        json.extend(updates);
        json.extend(field.extra.clone());
        Ok(json)
    }

    fn named_tuple(&mut self, fields: &[FieldCore]) -> Made<Json> {
        let items = fields.iter().map(|field| self.tuple_field(field)).collect::<Made<Vec<Value>>>()?;
        let required = fields.iter().filter(|field| field.required).count();
        let mut json = object([("type", json!("array")), ("maxItems", items.len().into())]);
        if required > 0 {
            json.insert("minItems".to_owned(), required.into());
        }
        if !items.is_empty() {
            json.insert("prefixItems".to_owned(), items.into());
        }
        Ok(json)
    }

    fn tuple_field(&mut self, field: &FieldCore) -> Made<Value> {
        let mut json = self.noted(&field.core, &field.updates, &field.extra)?;
        if !json.contains_key("title") && field.core.wants_title() {
            json.insert("title".to_owned(), title_of(&field.name).into());
        }
        Ok(json.into())
    }

    /// Put the names of the definitions in the place of their placeholders, and give those that `root` reaches.
    pub(crate) fn finish(self, root: &mut Value) -> Json {
        let reached = self.reached(root);
        let names = self.names(&reached);
        rename(root, &names);
        let mut definitions = Json::new();
        for index in reached {
            if let (Some(Some(json)), Some(name)) = (self.made.get(&index), names.get(&index)) {
                let mut json = Value::from(json.clone());
                rename(&mut json, &names);
                definitions.insert(name.clone(), json);
            }
        }
        definitions
    }

    fn reached(&self, root: &Value) -> Vec<usize> {
        let mut reached = Vec::new();
        let mut waiting = Vec::new();
        references(root, &mut waiting);
        while let Some(index) = waiting.pop() {
            if !reached.contains(&index) {
                reached.push(index);
                if let Some(Some(json)) = self.made.get(&index) {
                    json.values().for_each(|value| references(value, &mut waiting));
                }
            }
        }
        reached.sort_unstable();
        reached
    }

    /// The short name of a definition, unless a different one wants it as well.
    fn names(&self, reached: &[usize]) -> HashMap<usize, String> {
        let wants = |index: usize| &self.definitions[index].names[0];
        let differs = |left: usize, right: usize| self.made.get(&left) != self.made.get(&right);
        let named = |index: usize| {
            let is_contested = reached.iter().any(|other| wants(*other) == wants(index) && differs(*other, index));
            let [short, long] = &self.definitions[index].names;
            (index, if is_contested { long.clone() } else { short.clone() })
        };
        reached.iter().copied().map(named).collect()
    }
}

fn add_class(json: &mut Json, class: &ClassJson) {
    json.entry("title").or_insert_with(|| class.title.clone().into());
    if let Some(description) = &class.description {
        json.entry("description").or_insert_with(|| description.clone().into());
    }
    if let Some(additional) = class.additional {
        json.entry("additionalProperties").or_insert(Value::Bool(additional));
    }
    json.extend(class.extra.clone());
}

fn object<const N: usize>(pairs: [(&str, Value); N]) -> Json {
    pairs.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
}

/// A union: nested ones are flattened, duplicates dropped.
fn any_of(choices: Vec<Json>) -> Json {
    let mut members: Vec<Value> = Vec::new();
    for choice in choices {
        let inner = match choice.get("anyOf") {
            Some(Value::Array(inner)) if choice.len() == 1 => inner.clone(),
            _ => vec![choice.into()],
        };
        for member in inner {
            if !members.contains(&member) {
                members.push(member);
            }
        }
    }
    match <[Value; 1]>::try_from(members) {
        Ok([Value::Object(only)]) => only,
        Ok([only]) => object([("anyOf", vec![only].into())]),
        Err(members) => object([("anyOf", members.into())]),
    }
}

/// `first_name` is "First Name". Like Python's `title()`, every letter after a non-letter is a capital.
fn title_of(name: &str) -> String {
    let mut title = String::with_capacity(name.len());
    let mut inside = false;
    for character in name.chars() {
        match (character.is_alphabetic(), inside) {
            (true, true) => title.extend(character.to_lowercase()),
            (true, false) => title.extend(character.to_uppercase()),
            _ => title.push(character),
        }
        inside = character.is_alphabetic();
    }
    title.replace('_', " ").trim().to_owned()
}

fn placeholder(reference: &str) -> Option<usize> {
    reference.strip_prefix(PLACEHOLDER)?.parse().ok()
}

fn references(value: &Value, found: &mut Vec<usize>) {
    match value {
        Value::String(text) => found.extend(placeholder(text)),
        Value::Array(items) => items.iter().for_each(|item| references(item, found)),
        Value::Object(items) => items.values().for_each(|item| references(item, found)),
        _ => {}
    }
}

fn rename(value: &mut Value, names: &HashMap<usize, String>) {
    match value {
        Value::String(text) => {
            if let Some(name) = placeholder(text).and_then(|index| names.get(&index)) {
                *text = format!("#/definitions/{name}");
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| rename(item, names)),
        Value::Object(items) => items.values_mut().for_each(|item| rename(item, names)),
        _ => {}
    }
}
