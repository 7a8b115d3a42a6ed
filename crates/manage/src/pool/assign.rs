//! `VARIABLE=VALUE`: the user's text for a default becomes a value of the type that the variable's schema wants.
//!
//! A variable that takes text gets the text as it stands, so nothing needs quoting twice. For every other variable the text
//! is JSON (`1024`, `true`, `{"a":"b"}`). Text that is no JSON stays text, and the schema then objects to it. A list also
//! takes values with commas between them. A dotted name reaches into an object, as in Prefect's job variables. `null`
//! removes the default of a variable of any type, as if it had never been set.

use serde_json::{Value, json};
use work_pool::{Object, did_you_mean};

use crate::error::ManageError;

/// Names that write `network_configuration`, with the member each writes.
const NETWORK: [(&str, &str); 3] =
    [("subnets", "subnets"), ("security_groups", "securityGroups"), ("assign_public_ip", "assignPublicIp")];

const NETWORK_CONFIGURATION: &str = "network_configuration";
/// How deep references between schemas are followed.
const MAX_REFERENCES: usize = 8;
/// How many schemas are looked at for what a variable may be. References may branch at each level.
const MAX_SCHEMAS: usize = 200;
/// Parts of a dotted name. What nests deeper is refused when a run is rendered.
const MAX_PARTS: usize = 50;

/// One `VARIABLE=VALUE`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assignment {
    /// The variable, perhaps with a path into it: `env.STAGE`.
    pub name: String,
    /// The new default as the user typed it.
    pub text: String,
}

/// Reads `VARIABLE=VALUE`.
///
/// # Errors
/// There is no `=`, or nothing before it.
pub fn parse(text: &str) -> Result<Assignment, String> {
    match text.split_once('=') {
        Some((name, text)) if !name.trim().is_empty() => {
            Ok(Assignment { name: name.trim().to_owned(), text: text.to_owned() })
        }
        _ => Err("not VARIABLE=VALUE".to_owned()),
    }
}

/// A variable whose default differs between two versions of a template.
#[derive(Debug, Clone, PartialEq)]
pub struct Difference {
    /// The variable.
    pub variable: String,
    /// Its default before; none if it had none.
    pub old: Option<Value>,
    /// Its default now; none if it has none any more.
    pub new: Option<Value>,
}

/// The schema of a template's variables: `variables.properties`, and what they refer to.
struct Schema<'t> {
    root: &'t Value,
    properties: &'t Object,
}

/// Writes the defaults into a template that has `variables.properties`. Returns the variables that differ now.
///
/// # Errors
/// The template has no such variable, or a path leads into something that is no object.
pub fn apply(template: &mut Value, set: &[Assignment], unset: &[String]) -> Result<Vec<Difference>, ManageError> {
    let before = defaults(template);
    for assignment in set {
        if assignment.text.trim() == "null" {
            let (variable, path) = locate(template, &assignment.name)?;
            remove(template, &variable, &path)?;
            continue;
        }
        let (variable, path, value) = resolve(template, assignment)?;
        let place = default_of(template, &variable)?;
        *put(place, &path, &assignment.name)? = value;
    }
    for name in unset {
        let (variable, path) = locate(template, name)?;
        remove(template, &variable, &path)?;
    }
    Ok(differences(&before, &defaults(template)))
}

/// The variables whose defaults differ, those that have a default before first.
#[must_use]
pub fn differences(before: &Object, after: &Object) -> Vec<Difference> {
    let names = before.keys().chain(after.keys().filter(|name| !before.contains_key(*name)));
    let changed = names.filter(|name| before.get(*name) != after.get(*name)).map(|name| Difference {
        variable: name.clone(),
        old: before.get(name).cloned(),
        new: after.get(name).cloned(),
    });
    changed.collect()
}

/// Defaults that are not null, by variable.
#[must_use]
pub fn defaults(template: &Value) -> Object {
    let properties = template.pointer("/variables/properties").and_then(Value::as_object);
    let default = |(name, schema): (&String, &Value)| {
        schema.get("default").filter(|default| !default.is_null()).map(|default| (name.clone(), default.clone()))
    };
    properties.into_iter().flatten().filter_map(default).collect()
}

/// The types that a variable's schema allows; empty where nothing says so.
pub(super) fn types_of(template: &Value, variable: &str) -> Vec<String> {
    let Ok(schema) = schema_of(template) else { return Vec::new() };
    let mut types = Vec::new();
    if let Some(of_variable) = schema.at(variable, &[]) {
        schema.types(of_variable, &mut types, MAX_REFERENCES, &mut MAX_SCHEMAS.clone());
    }
    types.into_iter().map(str::to_owned).collect()
}

/// Variable, path into it, and the value, of one assignment.
fn resolve(template: &Value, assignment: &Assignment) -> Result<(String, Vec<String>, Value), ManageError> {
    let (variable, path) = locate(template, &assignment.name)?;
    let schema = schema_of(template)?;
    let text = assignment.text.as_str();
    if is_network(&schema, &assignment.name) {
        return Ok((variable, path, network_value(&assignment.name, text)));
    }
    let value = match schema.at(&variable, &path) {
        Some(schema_of_value) => schema.value(schema_of_value, text),
        None => json_or_text(text),
    };
    Ok((variable, path, value))
}

/// Variable and path a name means.
fn locate(template: &Value, name: &str) -> Result<(String, Vec<String>), ManageError> {
    let schema = schema_of(template)?;
    if schema.properties.contains_key(name) {
        return Ok((name.to_owned(), Vec::new()));
    }
    if is_network(&schema, name) {
        let member = NETWORK.iter().find_map(|(known, member)| (*known == name).then_some(*member)).unwrap_or(name);
        // Both shapes are understood; what is there already keeps its own.
        let wrapped = schema.properties[NETWORK_CONFIGURATION].pointer("/default/awsvpcConfiguration").is_some();
        let path = if wrapped { vec!["awsvpcConfiguration", member] } else { vec![member] };
        return Ok((NETWORK_CONFIGURATION.to_owned(), path.into_iter().map(str::to_owned).collect()));
    }
    let mut parts = name.split('.').map(str::to_owned);
    let variable = parts.next().unwrap_or_default();
    if schema.properties.contains_key(&variable) {
        return Ok((variable, parts.collect()));
    }
    let network = NETWORK.iter().map(|(name, _)| *name).filter(|name| is_network(&schema, name));
    let known: Vec<&str> = schema.properties.keys().map(String::as_str).chain(network).collect();
    let (detail, help) = match did_you_mean(&variable, known.iter().copied()) {
        Some(hint) => (String::new(), hint),
        None => (
            format!("Its variables: {}", known.join(", ")),
            "A new variable has to be added to the base job template itself.".to_owned(),
        ),
    };
    Err(ManageError::Explained { summary: format!("the template has no variable `{variable}`"), detail, help })
}

/// Whether the name is a convenience here: the template has no variable of that name itself.
fn is_network(schema: &Schema<'_>, name: &str) -> bool {
    NETWORK.iter().any(|(known, _)| *known == name)
        && !schema.properties.contains_key(name)
        && schema.properties.contains_key(NETWORK_CONFIGURATION)
}

/// What AWS wants in `awsvpcConfiguration`.
fn network_value(name: &str, text: &str) -> Value {
    if name != "assign_public_ip" {
        return list(text);
    }
    match text.trim().to_ascii_lowercase().as_str() {
        "true" | "yes" | "enabled" => json!("ENABLED"),
        "false" | "no" | "disabled" => json!("DISABLED"),
        _ => json!(text),
    }
}

fn list(text: &str) -> Value {
    match serde_json::from_str(text) {
        Ok(Value::Array(items)) => Value::Array(items),
        _ => text.split(',').map(str::trim).filter(|item| !item.is_empty()).map(Value::from).collect(),
    }
}

fn json_or_text(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|_| text.into())
}

fn schema_of(template: &Value) -> Result<Schema<'_>, ManageError> {
    let root = &template["variables"];
    match root["properties"].as_object() {
        Some(properties) => Ok(Schema { root, properties }),
        None => Err(ManageError::Explained {
            summary: "the base job template declares no variables".to_owned(),
            detail: "`variables.properties` is missing.".to_owned(),
            help: "Give the template a JSON schema of its variables, or leave it out for the built-in one.".to_owned(),
        }),
    }
}

impl Schema<'_> {
    /// Schema of what stands at a path into a variable, where it is described.
    fn at(&self, variable: &str, path: &[String]) -> Option<&Value> {
        let mut schema = self.follow(self.properties.get(variable)?);
        for part in path {
            let inner =
                schema.pointer(&format!("/properties/{part}")).or_else(|| schema.get("additionalProperties"))?;
            schema = self.follow(inner);
        }
        Some(schema)
    }

    fn follow<'v>(&'v self, mut schema: &'v Value) -> &'v Value {
        for _ in 0..MAX_REFERENCES {
            let target = schema["$ref"].as_str().and_then(|target| target.strip_prefix('#'));
            match target.and_then(|pointer| self.root.pointer(pointer)) {
                Some(target) => schema = target,
                None => break,
            }
        }
        schema
    }

    fn value(&self, schema: &Value, text: &str) -> Value {
        let mut types = Vec::new();
        self.types(schema, &mut types, MAX_REFERENCES, &mut MAX_SCHEMAS.clone());
        if types.contains(&"string") {
            return text.into();
        }
        match serde_json::from_str(text) {
            Ok(value) => value,
            Err(_) if types.contains(&"array") => list(text),
            Err(_) => text.into(),
        }
    }

    /// The types a schema allows, as far as `left` schemas say.
    fn types<'v>(&'v self, schema: &'v Value, types: &mut Vec<&'v str>, depth: usize, left: &mut usize) {
        let Some(fewer) = left.checked_sub(1) else { return };
        *left = fewer;
        match &schema["type"] {
            Value::String(name) => types.push(name),
            Value::Array(names) => types.extend(names.iter().filter_map(Value::as_str)),
            _ => {}
        }
        if schema["enum"].as_array().is_some_and(|options| options.iter().any(Value::is_string)) {
            types.push("string");
        }
        if depth == 0 {
            return;
        }
        for keyword in ["anyOf", "oneOf", "allOf"] {
            for option in schema[keyword].as_array().into_iter().flatten() {
                self.types(self.follow(option), types, depth - 1, left);
            }
        }
    }
}

/// Where the default of a variable is.
fn default_of<'t>(template: &'t mut Value, variable: &str) -> Result<&'t mut Value, ManageError> {
    match &mut template["variables"]["properties"][variable] {
        Value::Object(schema) => Ok(schema.entry("default").or_insert(Value::Null)),
        _ => Err(ManageError::Explained {
            summary: format!("the variable `{variable}` of the template has no schema"),
            detail: "What stands below `variables.properties` is no object.".to_owned(),
            help: "Correct the base job template.".to_owned(),
        }),
    }
}

/// The place at the end of a path, with the objects on the way.
fn put<'v>(mut place: &'v mut Value, path: &[String], name: &str) -> Result<&'v mut Value, ManageError> {
    if path.len() > MAX_PARTS {
        return Err(no_object(name));
    }
    for part in path {
        if place.is_null() {
            *place = json!({});
        }
        let Value::Object(object) = place else { return Err(no_object(name)) };
        place = object.entry(part.clone()).or_insert(Value::Null);
    }
    Ok(place)
}

fn remove(template: &mut Value, variable: &str, path: &[String]) -> Result<(), ManageError> {
    let Some((last, parents)) = path.split_last() else {
        // A variable with a null default is one without: the templates of Prefect write it that way.
        let place = default_of(template, variable)?;
        *place = Value::Null;
        let schema = &mut template["variables"]["properties"][variable];
        if let Some(schema) = schema.as_object_mut().filter(|schema| !takes_null(schema)) {
            schema.shift_remove("default");
        }
        return Ok(());
    };
    let mut place = default_of(template, variable)?;
    for part in parents {
        match place.get_mut(part) {
            Some(inner) => place = inner,
            None => return Ok(()),
        }
    }
    if let Some(object) = place.as_object_mut() {
        object.shift_remove(last);
    }
    Ok(())
}

fn takes_null(schema: &Object) -> bool {
    let options = schema.get("anyOf").and_then(Value::as_array);
    options.is_some_and(|options| options.iter().any(|option| option["type"] == "null"))
}

fn no_object(name: &str) -> ManageError {
    ManageError::Explained {
        summary: format!("`{name}` reaches into a value that is not an object"),
        detail: String::new(),
        help: "Set the whole variable with JSON instead.".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn template() -> Value {
        json!({"job_configuration": {}, "variables": {"properties": {
            "image": {"anyOf": [{"type": "string"}, {"type": "null"}], "default": null},
            "cpu": {"anyOf": [{"type": "integer"}, {"type": "null"}], "default": null},
            "logs": {"type": "boolean", "default": false},
            "env": {"type": "object", "additionalProperties": {"anyOf": [{"type": "string"}, {"type": "null"}]}},
            "providers": {"type": "array", "items": {"type": "string"}},
            "kind": {"enum": ["A", "B"]},
            "size": {"$ref": "#/definitions/Size"},
            "anything": {},
            "network_configuration": {"type": "object"},
        }, "definitions": {"Size": {"type": "object", "properties": {"gb": {"type": "integer"}}}}}})
    }

    fn set(lines: &[&str]) -> Value {
        let mut template = template();
        let assignments: Vec<Assignment> = lines.iter().map(|line| parse(line).unwrap()).collect();
        apply(&mut template, &assignments, &[]).unwrap();
        Value::Object(defaults(&template))
    }

    #[test]
    fn text_stays_text_and_the_rest_is_json() {
        assert_eq!(set(&["image=1.5"])["image"], "1.5", "a variable that takes text gets text");
        assert_eq!(set(&["image=a=b"])["image"], "a=b");
        assert_eq!(set(&["cpu=1024"])["cpu"], 1024);
        assert_eq!(set(&["cpu=lots"])["cpu"], "lots", "for the schema to object to");
        assert_eq!(set(&["logs=true"])["logs"], true);
        assert_eq!(set(&["kind=B"])["kind"], "B");
        assert_eq!(set(&["anything=[1]"])["anything"], json!([1]));
        assert_eq!(set(&["anything=words"])["anything"], "words");
        assert_eq!(set(&["providers=a, b"])["providers"], json!(["a", "b"]));
        assert_eq!(set(&[r#"providers=["a"]"#])["providers"], json!(["a"]));
    }

    #[test]
    fn a_dotted_name_reaches_into_an_object() {
        let defaults = set(&["env.STAGE=prod", "env.N=7", "size.gb=3", r#"env={"A":"1"}"#, "env.B=2"]);
        assert_eq!(defaults["env"], json!({"A": "1", "B": "2"}), "the last word counts");
        assert_eq!(defaults["size"], json!({"gb": 3}), "the schema of a member is looked up behind its reference");
        assert_eq!(set(&["env.N=7"])["env"], json!({"N": "7"}));
        let mut template = template();
        let error = apply(&mut template, &[parse("cpu=1").unwrap(), parse("cpu.x=1").unwrap()], &[]).unwrap_err();
        assert!(error.to_string().contains("not an object"), "{error}");
    }

    #[test]
    fn the_network_has_short_names() {
        let defaults = set(&["subnets=subnet-a, subnet-b", "security_groups=sg-1", "assign_public_ip=true"]);
        let expected =
            json!({"subnets": ["subnet-a", "subnet-b"], "securityGroups": ["sg-1"], "assignPublicIp": "ENABLED"});
        assert_eq!(defaults["network_configuration"], expected);
        let wrapped = set(&[r#"network_configuration={"awsvpcConfiguration":{"subnets":[]}}"#, "subnets=subnet-a"]);
        assert_eq!(
            wrapped["network_configuration"],
            json!({"awsvpcConfiguration": {"subnets": ["subnet-a"]}}),
            "what is there keeps its shape"
        );
    }

    #[test]
    fn a_template_with_its_own_subnets_is_taken_at_its_word() {
        let mut template = template();
        template["variables"]["properties"]["subnets"] = json!({"type": "string"});
        apply(&mut template, &[parse("subnets=a,b").unwrap()], &[]).unwrap();
        assert_eq!(Value::Object(defaults(&template)), json!({"logs": false, "subnets": "a,b"}));
    }

    #[test]
    fn an_unknown_variable_is_refused_with_the_nearest() {
        let mut template = template();
        let error = apply(&mut template, &[parse("imgae=x").unwrap()], &[]).unwrap_err();
        let ManageError::Explained { summary, help, .. } = error else { panic!("{error}") };
        assert!(summary.contains("`imgae`") && help.contains("`image`"), "{summary} {help}");
        let error = apply(&mut template, &[parse("retries=3").unwrap()], &[]).unwrap_err();
        let ManageError::Explained { detail, .. } = error else { panic!("{error}") };
        assert!(detail.contains("network_configuration") && detail.contains("subnets"), "{detail}");
        assert!(apply(&mut json!({}), &[parse("a=b").unwrap()], &[]).is_err());
    }

    #[test]
    fn what_is_unset_has_no_default() {
        let mut template = template();
        apply(&mut template, &["cpu=1", "env.A=1", "env.B=2"].map(|line| parse(line).unwrap()), &[]).unwrap();
        let unset = ["cpu", "env.A", "logs", "providers", "size.gb.x"].map(str::to_owned);
        let changes = apply(&mut template, &[], &unset).unwrap();
        assert_eq!(Value::Object(defaults(&template)), json!({"env": {"B": "2"}}));
        assert_eq!(template.pointer("/variables/properties/cpu/default"), Some(&Value::Null));
        assert_eq!(template.pointer("/variables/properties/logs/default"), None, "null is no boolean");
        let cpu = Difference { variable: "cpu".into(), old: Some(json!(1)), new: None };
        assert!(changes.contains(&cpu) && changes.len() == 3, "{changes:?}");
    }

    #[test]
    fn null_unsets_a_variable_of_any_type() {
        let lines =
            ["image=a:1", "cpu=1", "logs=true", "env.A=1", "env.B=2", "kind=A", "subnets=subnet-a", "providers=a"];
        let nulls =
            ["image=null", "cpu=null", "logs= null ", "env.A=null", "kind=null", "subnets=null", "providers=null"];
        let defaults = set(&[&lines[..], &nulls[..]].concat());
        assert_eq!(defaults, json!({"env": {"B": "2"}, "network_configuration": {}}));
        assert_eq!(set(&["env.A=1", "env=null"]), json!({"logs": false}));
    }

    #[test]
    fn an_assignment_has_two_sides() {
        for wrong in ["cpu", "=1", " =1", ""] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
        assert_eq!(parse("a=").unwrap().text, "");
    }

    #[test]
    fn schemas_that_branch_without_end_and_names_without_end_are_cut_short() {
        let branches: Vec<Value> = (0..50).map(|_| json!({"$ref": "#/definitions/a"})).collect();
        let mut template = template();
        template["variables"]["definitions"]["a"] = json!({"anyOf": branches});
        template["variables"]["properties"]["a"] = json!({"$ref": "#/definitions/a"});
        let set = |template: &mut Value, line: &str| apply(template, &[parse(line).unwrap()], &[]);
        set(&mut template, "a=1").unwrap();
        assert_eq!(defaults(&template)["a"], 1);
        let deep = format!("env{}=1", ".a".repeat(100_000));
        assert!(set(&mut template, &deep).is_err());
    }

    /// What people may type, and templates that people may have: an answer or an error, whatever it is.
    #[test]
    fn anything_may_be_typed() {
        use rand::{RngExt, SeedableRng, rngs::SmallRng};
        let mut dice = SmallRng::seed_from_u64(7);
        let parts = [
            "image",
            "env",
            "cpu",
            "network_configuration",
            "subnets",
            "assign_public_ip",
            "anything",
            "size",
            ".",
            "..",
            "=",
            "a",
            "{\"a\":",
            "[",
            "]",
            "}",
            "1e999",
            "-0",
            "null",
            "\"",
            "\\ud800",
            "ü",
            "/",
            "~",
            "\0",
            "$ref",
            ",",
            " ",
            "true",
        ];
        let odd = [
            json!(null),
            json!([]),
            json!("x"),
            json!({"default": [1], "$ref": "#"}),
            json!({"anyOf": [[], 5]}),
            json!(1),
        ];
        for _ in 0..20_000 {
            let mut template = template();
            if dice.random_ratio(1, 2) {
                let name = parts[dice.random_range(0..7)];
                template["variables"]["properties"][name] = odd[dice.random_range(0..odd.len())].clone();
            }
            let length = dice.random_range(0..8);
            let line: String = (0..length).map(|_| parts[dice.random_range(0..parts.len())]).collect();
            let Ok(assignment) = parse(&line) else { continue };
            let unset = assignment.name.clone();
            let _ = apply(&mut template, &[assignment], &[]);
            let _ = apply(&mut template, &[], &[unset]);
        }
    }
}
