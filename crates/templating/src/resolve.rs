//! Blocks and Prefect variables: what a document refers to on the server, and putting it in.
//!
//! Prefect resolves blocks over the whole document and then variables over the result of that (prefect
//! 3.9.1, `utilities/templating`, `resolve_block_document_references`, `resolve_variables`). A place is resolved from
//! the inside out there as here, so one walk does both: variables inside the data of a block are resolved, blocks
//! inside it are not, and what a variable holds is not looked at again.
//!
//! This crate does no I/O: [`References`] says what will be asked, the caller fetches it, and a [`Resolver`] hands it out.

use std::{collections::HashSet, fmt};

use serde::Serialize;
use serde_json::Value;

use crate::{
    error::{Gathered, ResolveError, TemplatingError},
    limits::{Budget, REFERENCE_KEY, may_hold_placeholder},
    placeholder::{self, BlockPath, Kind, Path},
    policy::{Missing, Policy},
    python,
};

/// Hands out what [`References`] named. The texts of its errors must not hold secrets.
pub trait Resolver {
    /// Data of the block document with this id, for `{"$ref": {"block_document_id": id}}`.
    ///
    /// # Errors
    /// Why it is not known.
    fn block_document(&self, id: &str) -> Result<Value, ResolveError>;

    /// Data of the block document of this type and name, for `{{ prefect.blocks.<type>.<name> }}`.
    ///
    /// # Errors
    /// Why it is not known.
    fn block(&self, type_slug: &str, name: &str) -> Result<Value, ResolveError>;

    /// Value of a Prefect variable; none if there is no such variable: what that means is the policy's to say.
    ///
    /// # Errors
    /// Why it is not known whether there is.
    fn variable(&self, name: &str) -> Result<Option<Value>, ResolveError>;

    /// Data, without its secrets, of the block that [`Reference::Credentials`] names; none where it is not known. They are not
    /// used, so a run does not fail for want of them.
    fn credentials(&self, credentials: &Reference) -> Option<Value> {
        let _ = credentials;
        None
    }
}

/// The resolver where there is no Prefect server: every reference is an error that says so.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoReferences;

impl Resolver for NoReferences {
    fn block_document(&self, _: &str) -> Result<Value, ResolveError> {
        Err(ResolveError::NeedsServer)
    }

    fn block(&self, _: &str, _: &str) -> Result<Value, ResolveError> {
        Err(ResolveError::NeedsServer)
    }

    fn variable(&self, _: &str) -> Result<Option<Value>, ResolveError> {
        Err(ResolveError::NeedsServer)
    }
}

/// Something on the Prefect server that a document refers to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Reference {
    /// A block document by id.
    BlockDocument {
        /// Its id, as written.
        id: String,
    },
    /// A block document by type and name.
    Block {
        /// Slug of the block type.
        type_slug: String,
        /// Name of the document.
        name: String,
    },
    /// A Prefect variable.
    Variable {
        /// Its name.
        name: String,
    },
    /// AWS credentials, of which only the region and the role are wanted: to be read without secrets.
    Credentials {
        /// The block that holds them.
        of: Box<Reference>,
    },
}

impl Reference {
    /// The block that the whole value stands for.
    #[must_use]
    pub fn of_block(value: &Value) -> Option<Self> {
        match value {
            Value::String(text) => placeholder::find(text).find_map(|found| match found.kind() {
                Kind::Block(Some(BlockPath { type_slug, name, .. })) => Some(Self::Block { type_slug, name }),
                _ => None,
            }),
            other => match document_reference(other) {
                DocumentReference::Id(id) => Some(Self::BlockDocument { id: id.to_owned() }),
                _ => None,
            },
        }
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            // An id is a UUID. Whatever else stands there may have been put in by a placeholder.
            Self::BlockDocument { id }
                if id.len() <= 36 && id.bytes().all(|it| it == b'-' || it.is_ascii_hexdigit()) =>
            {
                write!(f, "block document {id}")
            }
            Self::BlockDocument { .. } => f.write_str("a block document whose id is no UUID"),
            Self::Block { type_slug, name } => write!(f, "block `{name}` of type `{type_slug}`"),
            Self::Variable { name } => write!(f, "Prefect variable `{name}`"),
            Self::Credentials { of } => write!(f, "AWS credentials in {of}"),
        }
    }
}

/// What an object says about being a reference to a block document.
enum DocumentReference<'v> {
    No,
    Id(&'v str),
    Malformed(&'static str),
}

fn document_reference(value: &Value) -> DocumentReference<'_> {
    match value.get(REFERENCE_KEY) {
        None => DocumentReference::No,
        Some(Value::Object(target)) => match target.get("block_document_id") {
            Some(Value::String(id)) if !id.is_empty() => DocumentReference::Id(id),
            Some(other) if python::is_truthy(other) => {
                DocumentReference::Malformed("`block_document_id` is not a string")
            }
            _ => DocumentReference::No,
        },
        Some(_) => DocumentReference::Malformed("`$ref` is not an object"),
    }
}

/// Whether the value itself will be replaced by something from the server.
#[must_use]
pub fn is_reference(value: &Value) -> bool {
    match value {
        Value::String(text) => {
            may_hold_placeholder(text)
                && placeholder::find(text).any(|found| matches!(found.kind(), Kind::Block(_) | Kind::Variable(_)))
        }
        Value::Object(_) => matches!(document_reference(value), DocumentReference::Id(_)),
        _ => false,
    }
}

/// Whether some of the value will come out of a block document.
#[must_use]
pub fn names_block(value: &Value) -> bool {
    let mut references = References::default();
    references.collect(value);
    references.ordered.iter().any(|reference| !matches!(reference, Reference::Variable { .. }))
}

/// References in the order they are met, each once.
#[derive(Debug, Default)]
pub struct References {
    seen: HashSet<Reference>,
    ordered: Vec<Reference>,
}

impl References {
    /// All of them.
    #[must_use]
    pub fn into_vec(self) -> Vec<Reference> {
        self.ordered
    }

    /// Adds one.
    pub fn add(&mut self, reference: Reference) {
        if self.seen.insert(reference.clone()) {
            self.ordered.push(reference);
        }
    }

    /// Adds everything a document refers to. The caller bounds its depth, see [`Limits::check_depth`](crate::Limits::check_depth).
    pub fn collect(&mut self, value: &Value) {
        match value {
            Value::String(text) if may_hold_placeholder(text) => {
                for found in placeholder::find(text) {
                    match found.kind() {
                        Kind::Block(Some(BlockPath { type_slug, name, .. })) => {
                            self.add(Reference::Block { type_slug, name });
                        }
                        Kind::Variable(name) => self.add(Reference::Variable { name }),
                        _ => {}
                    }
                }
            }
            Value::Array(items) => items.iter().for_each(|item| self.collect(item)),
            Value::Object(entries) => match document_reference(value) {
                DocumentReference::Id(id) => self.add(Reference::BlockDocument { id: id.to_owned() }),
                _ => entries.values().for_each(|entry| self.collect(entry)),
            },
            _ => {}
        }
    }
}

/// Replaces every reference in `value`, which stands `depth` levels down.
///
/// # Errors
///
/// [`TemplatingError::Resolve`] and [`TemplatingError::UseReference`] at the first reference that fails; [`TemplatingError::Missing`] if the policy
/// refuses undefined variables and there are some; [`TemplatingError::Depth`] and [`TemplatingError::Size`] beyond the budget.
pub fn resolve(
    value: &mut Value,
    resolver: &dyn Resolver,
    policy: &Policy<'_>,
    budget: &mut Budget,
    depth: usize,
) -> Result<(), TemplatingError> {
    budget.within_depth(depth)?;
    match value {
        Value::String(text) => {
            if may_hold_placeholder(text)
                && let Some(mut resolved) = resolve_blocks(text, resolver, budget, depth)?
            {
                resolve_variables(&mut resolved, resolver, policy, budget, depth)?;
                *value = resolved;
            }
            Ok(())
        }
        Value::Array(_) => each(value, |item| resolve(item, resolver, policy, budget, depth + 1)),
        Value::Object(_) => match document_reference(value) {
            DocumentReference::Malformed(problem) => Err(unusable(problem)),
            DocumentReference::Id(id) => {
                let data = resolver
                    .block_document(id)
                    .map_err(|source| unresolved(Reference::BlockDocument { id: id.to_owned() }, source))?;
                let mut data = budget.copy(&data, depth)?;
                resolve_variables(&mut data, resolver, policy, budget, depth)?;
                *value = data;
                Ok(())
            }
            DocumentReference::No => each(value, |entry| resolve(entry, resolver, policy, budget, depth + 1)),
        },
        _ => Ok(()),
    }
}

/// Does something to each item of a list or entry of an object.
fn each(
    value: &mut Value,
    mut with: impl FnMut(&mut Value) -> Result<(), TemplatingError>,
) -> Result<(), TemplatingError> {
    let mut gathered = Gathered::default();
    match value {
        Value::Array(items) => {
            for (index, item) in items.iter_mut().enumerate() {
                gathered.take(with(item), || index.to_string())?;
            }
        }
        Value::Object(entries) => {
            for (key, entry) in entries {
                gathered.take(with(entry), || key.clone())?;
            }
        }
        _ => {}
    }
    gathered.finish()
}

/// A text with its blocks put in; none if it has no placeholder of the server's at all.
fn resolve_blocks(
    text: &str,
    resolver: &dyn Resolver,
    budget: &mut Budget,
    depth: usize,
) -> Result<Option<Value>, TemplatingError> {
    let mut out = String::new();
    let mut copied = 0;
    let mut has_reference = false;
    for found in placeholder::find(text) {
        let path = match found.kind() {
            Kind::Block(Some(path)) => path,
            Kind::Block(None) => {
                return Err(unusable(format!("`{}` lacks the name of the block", found.name)));
            }
            kind => {
                has_reference |= matches!(kind, Kind::Variable(_));
                continue;
            }
        };
        has_reference = true;
        let value = read_block(&path, resolver)?;
        if found.is_whole(text) {
            return budget.copy(&value, depth).map(Some);
        }
        if value.is_array() || value.is_object() {
            let kind = python::kind_of(&value);
            return Err(unusable(format!("`{}` is {kind} and stands inside other text", found.name)));
        }
        out.push_str(&text[copied..found.start]);
        python::push_str(&value, &mut out, budget)?;
        copied = found.end;
    }
    if !has_reference {
        return Ok(None);
    }
    out.push_str(&text[copied..]);
    Ok(Some(Value::String(out)))
}

/// A block's data, or the value at a path of it. Data that is only `{"value": …}` stands for that value unless the path
/// says `value` itself.
fn read_block(path: &BlockPath, resolver: &dyn Resolver) -> Result<Value, TemplatingError> {
    let BlockPath { type_slug, name, path: key_path } = path;
    let data = resolver
        .block(type_slug, name)
        .map_err(|source| unresolved(Reference::Block { type_slug: type_slug.clone(), name: name.clone() }, source))?;
    let names_value = key_path
        .as_ref()
        .and_then(|key_path| key_path.strip_prefix("value"))
        .is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']));
    let data = match data {
        Value::Object(mut entries) if entries.len() == 1 && !names_value && entries.contains_key("value") => {
            entries.remove("value").unwrap_or_default()
        }
        other => other,
    };
    let Some(key_path) = key_path else { return Ok(data) };
    // The path begins inside the data, which need not be an object.
    let wrapped = Path::parse(&format!(".{key_path}"));
    match wrapped.follow(&data) {
        Some(value) => Ok(value.into_owned()),
        None => Err(unusable(format!("block `{name}` of type `{type_slug}` has nothing at `{key_path}`"))),
    }
}

/// Replaces Prefect variables in a value `depth` levels down.
fn resolve_variables(
    value: &mut Value,
    resolver: &dyn Resolver,
    policy: &Policy<'_>,
    budget: &mut Budget,
    depth: usize,
) -> Result<(), TemplatingError> {
    budget.within_depth(depth)?;
    let Value::String(text) = value else {
        return each(value, |inner| resolve_variables(inner, resolver, policy, budget, depth + 1));
    };
    if !may_hold_placeholder(text) {
        return Ok(());
    }
    let mut gathered = Gathered::default();
    let mut out = String::new();
    let mut copied = 0;
    for found in placeholder::find(text) {
        let Kind::Variable(name) = found.kind() else { continue };
        let read = resolver
            .variable(&name)
            .map_err(|source| unresolved(Reference::Variable { name: name.clone() }, source))?;
        match (&read, policy.undefined) {
            (None, Missing::Keep) => continue,
            (None, Missing::Refuse) => {
                gathered.add(found.written(text));
                continue;
            }
            (Some(_), _) | (None, Missing::Remove) => {}
        }
        if found.is_whole(text) {
            *value = match read {
                Some(read) => budget.copy(&read, depth)?,
                None => Value::String(String::new()),
            };
            return Ok(());
        }
        out.push_str(&text[copied..found.start]);
        if let Some(read) = read {
            python::push_str(&read, &mut out, budget)?;
        }
        copied = found.end;
    }
    gathered.finish()?;
    if copied > 0 {
        out.push_str(&text[copied..]);
        *text = out;
    }
    Ok(())
}

fn unresolved(reference: Reference, source: ResolveError) -> TemplatingError {
    TemplatingError::Resolve { at: String::new(), reference, source }
}

fn unusable(problem: impl Into<String>) -> TemplatingError {
    TemplatingError::UseReference { at: String::new(), problem: problem.into() }
}
