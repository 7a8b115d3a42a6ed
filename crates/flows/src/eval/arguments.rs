//! The arguments of a call. Each is evaluated, but an unknown one matters only to a call that uses it.

use ruff_python_ast::{Arguments, Expr};
use ruff_text_size::TextSize;

use crate::{
    object::{Fault, Obj, Outcome, Scope},
    session::Session,
};

#[derive(Debug, Clone)]
pub(crate) struct Args<'p> {
    pub(crate) positional: Vec<Outcome<Obj<'p>>>,
    pub(crate) keywords: Vec<(String, Outcome<Obj<'p>>)>,
    /// Set if there may be more: `f(**options)`.
    pub(crate) open: Option<Fault>,
}

impl<'p> Args<'p> {
    /// The argument for the parameter `name`, which is the `index`-th positional one if it is positional at all.
    pub(crate) fn get(&self, index: Option<usize>, name: &str) -> Option<Outcome<Obj<'p>>> {
        let positional = index.and_then(|index| self.positional.get(index));
        let keyword = || self.keywords.iter().find(|(key, _)| key == name).map(|(_, value)| value);
        let found = positional.or_else(keyword).cloned();
        found.or_else(|| self.open.clone().map(Err))
    }

    /// Likewise, with the fault of an unknown argument raised.
    pub(crate) fn take(&self, index: Option<usize>, name: &str) -> Outcome<Option<Obj<'p>>> {
        self.get(index, name).transpose()
    }

    /// All positional arguments, if there are no others.
    pub(crate) fn only_positional(&self) -> Option<Outcome<Vec<Obj<'p>>>> {
        (self.keywords.is_empty() && self.open.is_none()).then(|| self.positional.iter().cloned().collect())
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.positional.is_empty() && self.keywords.is_empty() && self.open.is_none()
    }

    /// Whether only these keywords are given.
    pub(crate) fn has_only(&self, positional: usize, names: &[&str]) -> bool {
        self.positional.len() <= positional
            && self.open.is_none()
            && self.keywords.iter().all(|(key, _)| names.contains(&key.as_str()))
    }
}

impl<'p> Session<'p> {
    pub(crate) fn arguments(&self, arguments: &'p Arguments, scope: &Scope<'p>, at: TextSize) -> Args<'p> {
        let mut args = Args { positional: Vec::new(), keywords: Vec::new(), open: None };
        for argument in &arguments.args {
            match argument {
                Expr::Starred(starred) => {
                    let items = self.eval(&starred.value, scope, at).map(|value| self.iterate(&value));
                    match items {
                        Ok(Some(items)) => args.positional.extend(items.into_iter().map(Ok)),
                        Ok(None) => args.open = Some(self.not_followed(argument, scope)),
                        Err(fault) => args.open = Some(fault),
                    }
                }
                _ => args.positional.push(self.eval(argument, scope, at)),
            }
        }
        for keyword in &arguments.keywords {
            let value = self.eval(&keyword.value, scope, at);
            match (&keyword.arg, value) {
                (Some(name), value) => args.keywords.push((name.as_str().to_owned(), value)),
                (None, Ok(Obj::Dict(items))) => {
                    let named = items.iter().filter_map(|(key, value)| match key {
                        Obj::Str(key) => Some((key.to_string(), Ok(value.clone()))),
                        _ => None,
                    });
                    args.keywords.extend(named);
                }
                (None, Ok(_)) => args.open = Some(self.not_followed(&keyword.value, scope)),
                (None, Err(fault)) => args.open = Some(fault),
            }
        }
        args
    }
}
