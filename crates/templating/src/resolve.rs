//! Blocks and Prefect variables: what a document refers to on the server, and putting it in.
//!
//! Prefect resolves blocks over the whole document and then variables over the result of that (prefect
//! 3.9.1, `utilities/templating`, `resolve_block_document_references`, `resolve_variables`). A place is resolved from
//! the inside out there as here, so one walk does both: variables inside the data of a block are resolved, blocks
//! inside it are not, and what a variable holds is not looked at again.
//!
//! This crate does no I/O: [`References`](crate::References) says what will be asked, the caller fetches it, and a [`Resolver`] hands it out.

use serde_json::Value;

use crate::{
    error::{Gathered, ResolveError, TemplatingError},
    limits::{Budget, may_hold_placeholder},
    placeholder::{self, BlockPath, Kind, Path},
    policy::{Missing, Policy},
    python,
    reference::{DocumentReference, Reference, document_reference},
};

/// Hands out what [`References`](crate::References) named. The texts of its errors must not hold secrets.
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

fn unresolved(reference: Reference, answer: ResolveError) -> TemplatingError {
    TemplatingError::Resolve { at: String::new(), reference, answer }
}

fn unusable(problem: impl Into<String>) -> TemplatingError {
    TemplatingError::UseReference { at: String::new(), problem: problem.into() }
}
