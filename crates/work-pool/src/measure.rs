//! How much work a schema makes, before anything is judged by it.
//!
//! A schema is a graph: `$ref`s lead from everywhere to everywhere. Forty definitions that each name the next one twice
//! judge one value 2^40 times, a schema that names itself twice below a property does so with every level of the value,
//! and a chain of twenty thousand definitions overflows the stack (all seen with jsonschema 0.61.2, whose memory helps
//! only where nothing is wrong with the value). Whoever may edit a pool could so stop the dispatcher for all pools, and a
//! stack that overflows takes the whole batch along. So the graph is measured once, when the schema is read.
//!
//! Keywords fall into three kinds: those that judge the *same* value (`allOf`, `$ref`, …), those that judge a *part* of it
//! (`properties`, `items`, …), and all others, which judge nothing by a schema. A value is an object or a list and not
//! both, so the parts of each are counted apart; of several named properties one has the part, so the largest counts.

use std::collections::HashMap;

use serde_json::Value;

use crate::{error::WorkPoolError, policy::MAX_DEPTH};

/// Schemas that one place of a value, with the places above it, may be judged by. The built-in template has 11.
const MAX_VISITS: u64 = 5_000;

/// Schemas that may be under way one within the other. A level takes up to 1.5 KB of stack in a debug build.
const MAX_NESTED: u64 = 400;

/// Schemas that a document may consist of, those nobody refers to included.
const MAX_SCHEMAS: usize = 50_000;

/// Keywords whose value is a schema, or a list or an object of schemas, for the same value.
const SAME: [&str; 9] = ["allOf", "anyOf", "oneOf", "not", "if", "then", "else", "dependentSchemas", "dependencies"];

/// Keywords that name a schema for the same value.
const REFERENCES: [&str; 3] = ["$ref", "$dynamicRef", "$recursiveRef"];

/// Keywords for parts of an object.
const OF_OBJECTS: [&str; 4] = ["patternProperties", "additionalProperties", "unevaluatedProperties", "propertyNames"];

/// Keywords for parts of a list. A list of schemas under `items` is that of drafts before 2020-12.
const OF_LISTS: [&str; 5] = ["items", "prefixItems", "additionalItems", "unevaluatedItems", "contains"];

/// What a schema makes of values of each depth.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Measure {
    /// How deep a value may nest that is judged by it.
    pub(crate) depth: usize,
    /// At most so many times is a place of such a value judged, that of each depth.
    visits: Vec<u64>,
}

impl Measure {
    /// Measures a schema.
    ///
    /// # Errors
    /// `PP0104`: a reference is none, or leads back to itself, or there is too much of everything.
    pub(crate) fn of(schema: &Value) -> Result<Self, WorkPoolError> {
        let mut graph = Graph { root: schema, schemas: Vec::new(), places: HashMap::new() };
        graph.read()?;
        let order = graph.order()?;
        let mut measured = Self { depth: 0, visits: Vec::new() };
        let mut below: Vec<Work> = vec![Work::default(); graph.schemas.len()];
        for depth in 0..=MAX_DEPTH {
            let mut works = vec![Work::default(); graph.schemas.len()];
            for &index in &order {
                works[index] = graph.schemas[index].work(&works, (depth > 0).then_some(&below));
            }
            let all = works[0];
            if all.visits() > MAX_VISITS || all.nested > MAX_NESTED {
                if depth == 0 {
                    return Err(refused("its references multiply"));
                }
                break;
            }
            measured.depth = depth;
            measured.visits.push(all.visits());
            // What deeper values make is the same from here on.
            if works == below {
                measured.depth = MAX_DEPTH;
                break;
            }
            below = works;
        }
        Ok(measured)
    }

    /// How often a place of a value of this depth is judged at most.
    pub(crate) fn visits(&self, depth: usize) -> usize {
        let visits = self.visits.get(depth).or_else(|| self.visits.last()).copied().unwrap_or(1);
        usize::try_from(visits).unwrap_or(usize::MAX)
    }
}

fn refused(problem: &str) -> WorkPoolError {
    WorkPoolError::CompileSchema { reason: problem.to_owned() }
}

/// What judging one value takes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Work {
    /// Schemas it is judged by, with those of its worst part, if it is an object.
    object: u64,
    /// The same, if it is a list.
    list: u64,
    /// Schemas one within the other.
    nested: u64,
}

impl Work {
    fn visits(self) -> u64 {
        self.object.max(self.list)
    }
}

/// A schema, and which others it leads to.
#[derive(Default)]
struct Schema {
    same: Vec<usize>,
    /// Named properties: the largest counts.
    named: Vec<usize>,
    of_objects: Vec<usize>,
    of_lists: Vec<usize>,
}

impl Schema {
    fn work(&self, works: &[Work], below: Option<&Vec<Work>>) -> Work {
        let mut work = Work { object: 1, list: 1, nested: 0 };
        for &index in &self.same {
            let same = works[index];
            work.object = work.object.saturating_add(same.object);
            work.list = work.list.saturating_add(same.list);
            work.nested = work.nested.max(same.nested);
        }
        if let Some(below) = below {
            let sum = |parts: &[usize]| parts.iter().fold(0_u64, |sum, &part| sum.saturating_add(below[part].visits()));
            let named = self.named.iter().map(|&part| below[part].visits()).max().unwrap_or_default();
            work.object = work.object.saturating_add(named).saturating_add(sum(&self.of_objects));
            work.list = work.list.saturating_add(sum(&self.of_lists));
            let parts = self.named.iter().chain(&self.of_objects).chain(&self.of_lists);
            work.nested = work.nested.max(parts.map(|&part| below[part].nested).max().unwrap_or_default());
        }
        work.nested += 1;
        work
    }
}

struct Graph<'s> {
    root: &'s Value,
    schemas: Vec<Schema>,
    /// Index of a schema by where it stands in memory.
    places: HashMap<*const Value, usize>,
}

impl<'s> Graph<'s> {
    /// Reads all schemas that the root leads to, the root first.
    fn read(&mut self) -> Result<(), WorkPoolError> {
        let mut open = Vec::new();
        self.index(self.root, &mut open)?;
        while let Some((index, value)) = open.pop() {
            let Value::Object(keywords) = value else { continue };
            let mut schema = Schema::default();
            for (keyword, value) in keywords {
                let keyword = keyword.as_str();
                if REFERENCES.contains(&keyword) {
                    let target = self.target(value)?;
                    schema.same.push(self.index(target, &mut open)?);
                    continue;
                }
                let kind = match keyword {
                    "properties" => &mut schema.named,
                    _ if SAME.contains(&keyword) => &mut schema.same,
                    _ if OF_OBJECTS.contains(&keyword) => &mut schema.of_objects,
                    _ if OF_LISTS.contains(&keyword) => &mut schema.of_lists,
                    "$id" if index != 0 => return Err(refused("`$id` stands below its root")),
                    _ => continue,
                };
                let is_table =
                    matches!(keyword, "properties" | "patternProperties" | "dependentSchemas" | "dependencies");
                match value {
                    Value::Object(table) if is_table => {
                        for schema in table.values().filter(|it| it.is_object()) {
                            kind.push(self.index(schema, &mut open)?);
                        }
                    }
                    Value::Object(_) => kind.push(self.index(value, &mut open)?),
                    Value::Array(items) => {
                        for schema in items.iter().filter(|it| it.is_object()) {
                            kind.push(self.index(schema, &mut open)?);
                        }
                    }
                    _ => {}
                }
            }
            self.schemas[index] = schema;
        }
        Ok(())
    }

    fn index(&mut self, value: &'s Value, open: &mut Vec<(usize, &'s Value)>) -> Result<usize, WorkPoolError> {
        if let Some(&index) = self.places.get(&std::ptr::from_ref(value)) {
            return Ok(index);
        }
        let index = self.schemas.len();
        if index == MAX_SCHEMAS {
            return Err(refused("it has too many parts"));
        }
        self.schemas.push(Schema::default());
        self.places.insert(std::ptr::from_ref(value), index);
        open.push((index, value));
        Ok(index)
    }

    /// What a reference names: a place in this document. Others would have to be fetched, and named places (`$anchor`)
    /// are nothing that Prefect's schemas have.
    fn target(&self, reference: &Value) -> Result<&'s Value, WorkPoolError> {
        let reference = reference.as_str().ok_or_else(|| refused("a reference is no text"))?;
        let pointer = reference.strip_prefix('#').filter(|pointer| pointer.is_empty() || pointer.starts_with('/'));
        let pointer = pointer.ok_or_else(|| refused("a reference leads out of it, or to no JSON pointer"))?;
        let pointer = percent_encoding::percent_decode_str(pointer).decode_utf8_lossy();
        self.root.pointer(&pointer).ok_or_else(|| refused("a reference leads nowhere"))
    }

    /// The schemas so that those for the same value come after what they lead to.
    fn order(&self) -> Result<Vec<usize>, WorkPoolError> {
        #[derive(Clone, Copy, PartialEq)]
        enum Mark {
            New,
            Open,
            Done,
        }
        let mut marks = vec![Mark::New; self.schemas.len()];
        let mut order = Vec::with_capacity(self.schemas.len());
        for start in 0..self.schemas.len() {
            if marks[start] != Mark::New {
                continue;
            }
            marks[start] = Mark::Open;
            let mut way: Vec<(usize, usize)> = vec![(start, 0)];
            while let Some((index, next)) = way.last_mut() {
                match self.schemas[*index].same.get(*next) {
                    Some(&target) => {
                        *next += 1;
                        match marks[target] {
                            Mark::New => {
                                marks[target] = Mark::Open;
                                way.push((target, 0));
                            }
                            Mark::Open => return Err(refused("a reference leads back to itself")),
                            Mark::Done => {}
                        }
                    }
                    None => {
                        marks[*index] = Mark::Done;
                        order.push(*index);
                        way.pop();
                    }
                }
            }
        }
        Ok(order)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn depth(schema: &Value) -> usize {
        Measure::of(schema).unwrap().depth
    }

    fn reason(schema: &Value) -> String {
        Measure::of(schema).unwrap_err().to_string()
    }

    fn definitions(count: usize, of: impl Fn(&str) -> Value) -> Value {
        let mut definitions = crate::Object::new();
        for index in 0..count {
            definitions.insert(format!("d{index}"), of(&format!("#/$defs/d{}", index + 1)));
        }
        definitions.insert(format!("d{count}"), json!({"type": "string"}));
        json!({"$defs": definitions, "properties": {"a": {"$ref": "#/$defs/d0"}}})
    }

    #[test]
    fn schemas_that_people_write_judge_values_of_any_depth() {
        let built_in: Value = serde_json::from_str(include_str!("built_in.json")).unwrap();
        assert_eq!(depth(&built_in["variables"]), MAX_DEPTH);
        let json_value = json!({"$ref": "#/$defs/any", "$defs": {"any": {"anyOf": [
            {"type": "string"},
            {"type": "array", "items": {"$ref": "#/$defs/any"}},
            {"type": "object", "additionalProperties": {"$ref": "#/$defs/any"}},
        ]}}});
        let measure = Measure::of(&json_value).unwrap();
        assert!(measure.depth > 90 && measure.visits(90) < 600, "{measure:?}");
        assert_eq!(depth(&json!({"properties": {"next": {"$ref": "#"}}})), MAX_DEPTH);
        assert_eq!(depth(&json!({"$id": "https://example.com/s", "properties": {"a": true}})), MAX_DEPTH);
        assert_eq!(depth(&json!({"properties": {"$id": {"type": "string"}, "$ref": {"type": "string"}}})), MAX_DEPTH);
    }

    #[test]
    fn what_multiplies_is_refused_or_bounds_the_depth() {
        let twice = definitions(40, |next| json!({"anyOf": [{"$ref": next}, {"$ref": next}]}));
        let measured = Measure::of(&twice).unwrap();
        assert_eq!(measured.depth, 0, "no value may have parts: {measured:?}");
        let tree = json!({"properties": {"a": {"anyOf": [{"$ref": "#"}, {"allOf": [{"$ref": "#"}]}]}}});
        assert!((5..15).contains(&depth(&tree)), "{}", depth(&tree));
        let mut chain = definitions(20_000, |next| json!({"$ref": next}));
        assert_eq!(depth(&chain), 0);
        chain["properties"] = json!({});
        chain["$ref"] = json!("#/$defs/d0");
        assert!(reason(&chain).contains("multiply"));
        let wide = definitions(60_000, |next| json!({"properties": {"a": {"$ref": next}}}));
        assert!(reason(&wide).contains("too many parts"));
    }

    #[test]
    fn what_cannot_be_followed_is_refused() {
        assert!(reason(&json!({"anyOf": [{"$ref": "#"}]})).contains("back to itself"));
        assert!(reason(&json!({"properties": {"a": {"$ref": "#/properties/a"}}})).contains("back to itself"));
        assert!(reason(&json!({"properties": {"a": {"$ref": "#/$defs/b"}}})).contains("nowhere"));
        for outside in ["https://example.com/s", "#anchor", "other.json", ""] {
            assert!(reason(&json!({"properties": {"a": {"$ref": outside}}})).contains("out of it"), "{outside}");
        }
    }
}
