//! Keeping secrets out of what is printed.

use std::{
    borrow::Cow,
    collections::BTreeSet,
    sync::{Arc, PoisonError, RwLock},
};

use serde_json::Value;

use crate::step::Object;

const MASK: &str = "***";

/// Shorter ones would mask ordinary text, and no such secret protects anything.
const SHORTEST: usize = 3;

/// Parts of the names of inputs that hold secrets.
const NAMES: [&str; 7] = ["password", "token", "secret", "credential", "private_key", "api_key", "passphrase"];

/// Parts of names that look like them and are public.
const PUBLIC: [&str; 3] = ["username", "url", "access_key_id"];

/// Texts that are masked wherever they appear. Clones share them.
#[derive(Clone, Default)]
pub struct Secrets(Arc<RwLock<BTreeSet<String>>>);

impl Secrets {
    /// Masks `text` from now on, as it is, percent-encoded, and line by line.
    pub fn add(&self, text: &str) {
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let encoded = percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string();
        let lines = text.lines().chain([text, &encoded]);
        known.extend(lines.map(str::trim).filter(|line| line.chars().count() >= SHORTEST).map(str::to_owned));
    }

    /// Adds every text of a value.
    pub fn add_value(&self, value: &Value) {
        match value {
            Value::String(text) => self.add(text),
            Value::Array(items) => items.iter().for_each(|item| self.add_value(item)),
            Value::Object(entries) => {
                entries.iter().filter(|(key, _)| !is_public(key)).for_each(|(_, value)| self.add_value(value));
            }
            _ => {}
        }
    }

    /// Adds the values of inputs whose names say that they are secret, and passwords in URLs.
    pub(crate) fn add_inputs(&self, inputs: &Object) {
        for (name, value) in inputs {
            if is_secret(name) {
                self.add_value(value);
            } else if let Value::Object(entries) = value {
                self.add_inputs(entries);
            } else if let Value::String(text) = value {
                self.add_url(text);
            }
        }
    }

    /// `user:password@` of a URL; a user alone may be a token.
    pub(crate) fn add_url(&self, url: &str) {
        let Some((scheme, rest)) = url.split_once("://") else { return };
        let authority = rest.split(['/', '?', '#']).next().unwrap_or(rest);
        let Some((user, _)) = authority.rsplit_once('@') else { return };
        let secret = match user.split_once(':') {
            Some((_, password)) => password,
            None if scheme.starts_with("http") => user,
            None => return,
        };
        self.add(secret);
        self.add(&percent_encoding::percent_decode_str(secret).decode_utf8_lossy());
    }

    /// The text without secrets.
    #[must_use]
    pub fn mask<'t>(&self, text: &'t str) -> Cow<'t, str> {
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
        // Backwards, so that a secret goes before its own beginning.
        known
            .iter()
            .rev()
            .filter(|secret| text.contains(secret.as_str()))
            .fold(Cow::Borrowed(text), |text, secret| Cow::Owned(text.replace(secret.as_str(), MASK)))
    }
}

/// Nothing of what they are.
impl std::fmt::Debug for Secrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secrets")
    }
}

fn is_secret(name: &str) -> bool {
    let name = name.to_lowercase();
    NAMES.iter().any(|part| name.contains(part)) && !is_public(&name)
}

fn is_public(name: &str) -> bool {
    PUBLIC.iter().any(|part| name.contains(part))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn masked(inputs: Value, text: &str) -> String {
        let secrets = Secrets::default();
        secrets.add_inputs(inputs.as_object().unwrap());
        secrets.mask(text).into_owned()
    }

    #[test]
    fn values_of_inputs_that_are_named_secret_are_masked() {
        assert_eq!(masked(json!({"access_token": "abc"}), "x abc y"), "x *** y");
        assert_eq!(masked(json!({"env": {"DB_PASSWORD": "pw1", "DB_USER": "me1"}}), "me1 pw1"), "me1 ***");
        let credentials = json!({"credentials": {"username": "me1", "password": "pw1", "registry_url": "reg.test"}});
        assert_eq!(masked(credentials, "me1 pw1 reg.test"), "me1 *** reg.test");
        let aws = json!({"credentials": {"aws_access_key_id": "AKIA1", "aws_secret_access_key": "s3cr"}});
        assert_eq!(masked(aws, "AKIA1 s3cr"), "AKIA1 ***");
    }

    #[test]
    fn passwords_in_urls_are_masked_in_both_spellings() {
        let inputs = json!({"script": "x", "index": "https://me:p%2Fw1@pypi.test/simple"});
        assert_eq!(masked(inputs, "me p%2Fw1 p/w1"), "me *** ***");
        assert_eq!(masked(json!({"url": "https://tok123@h.test/"}), "tok123"), "***");
        assert_eq!(masked(json!({"url": "ssh://git@h.test/"}), "git"), "git");
    }

    #[test]
    fn a_secret_of_several_lines_is_masked_line_by_line() {
        let secrets = Secrets::default();
        secrets.add("-----BEGIN-----\nabcdef\n");
        assert_eq!(secrets.mask("line abcdef"), "line ***");
    }

    #[test]
    fn a_secret_that_begins_with_another_is_masked_whole() {
        let secrets = Secrets::default();
        secrets.add("abc");
        secrets.add("abcdef");
        assert_eq!(secrets.mask("abcdef abc"), "*** ***");
    }

    #[test]
    fn what_is_too_short_to_protect_anything_is_shown() {
        let secrets = Secrets::default();
        secrets.add("a");
        assert_eq!(secrets.mask("a cat"), "a cat");
    }
}
