//! URLs of repositories, and credentials in them.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;

use crate::{error::Problem, inputs, step::Object};

/// What `urllib.parse.quote` with `safe=""` leaves.
const QUOTED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'_').remove(b'.').remove(b'-').remove(b'~');

/// A URL in parts; `authority` with user and port. Without `://` there is only a path, as in `git@host:path`.
struct Parts<'a> {
    scheme: &'a str,
    authority: &'a str,
    path: &'a str,
}

impl<'a> Parts<'a> {
    fn of(url: &'a str) -> Self {
        let Some((scheme, rest)) = url.split_once("://") else {
            return Self { scheme: "", authority: "", path: url };
        };
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        Self { scheme, authority: &rest[..end], path: &rest[end..] }
    }

    fn host(&self) -> &'a str {
        self.authority.rsplit_once('@').map_or(self.authority, |(_, host)| host)
    }
}

/// The directory that a clone gets: the last part of the path, and the branch.
pub(super) fn directory_name(url: &str, branch: Option<&str>) -> String {
    let path = Parts::of(url).path.split(['?', '#']).next().unwrap_or_default();
    let name = path.rsplit('/').next().unwrap_or_default().replace(".git", "");
    match branch {
        Some(branch) => format!("{name}-{}", branch.replace('/', "-")),
        None => name,
    }
}

/// The URL without user and password.
pub(super) fn without_user(url: &str) -> String {
    let parts = Parts::of(url);
    if parts.authority.is_empty() {
        return url.to_owned();
    }
    format!("{}://{}{}", parts.scheme, parts.host(), parts.path)
}

/// The URL, and that with credentials, if there are any; with submodules those of the whole host. As in Prefect, they are
/// only for https.
pub(super) fn rewriting(given: &Object, url: &str, whole_host: bool) -> Result<Option<(String, String)>, Problem> {
    let Some(user) = user_of(given, Parts::of(url).authority)? else { return Ok(None) };
    let parts = Parts::of(url);
    if parts.scheme != "https" {
        return Ok(None);
    }
    let (from, path) =
        if whole_host { (format!("https://{}/", parts.authority), "/") } else { (url.to_owned(), parts.path) };
    Ok(Some((from, format!("https://{user}@{}{path}", parts.host()))))
}

/// `user:password` of the credentials, in the way of the provider, quoted.
fn user_of(given: &Object, authority: &str) -> Result<Option<String>, Problem> {
    let quote = |text: &str| utf8_percent_encode(text, QUOTED).to_string();
    let pair = |text: &str| text.split_once(':').map(|(user, password)| format!("{}:{}", quote(user), quote(password)));
    let block = given.get("credentials").and_then(Value::as_object).filter(|block| !block.is_empty());
    let of_block = |name: &str| block.and_then(|block| inputs::text(block, name));
    let token = inputs::text(given, "access_token").or_else(|| of_block("access_token"));
    let Some(token) = token.or_else(|| of_block("token")).or_else(|| of_block("password")) else {
        return match block {
            None => Ok(None),
            Some(_) => {
                Err(Problem::invalid("credentials", "they have neither `access_token` nor `token` nor `password`"))
            }
        };
    };
    // As prefect 3.9.1 takes dictionaries, which is what blocks in a step become.
    Ok(Some(if let Some(user) = of_block("username") {
        format!("{}:{}", quote(user), quote(token))
    } else if authority.contains("bitbucketserver") {
        pair(token).ok_or_else(|| {
            Problem::invalid("credentials", "Bitbucket Server needs `username` and `token` or `password`")
        })?
    } else if authority.contains("bitbucket") {
        pair(token).unwrap_or_else(|| format!("x-token-auth:{}", quote(token)))
    } else if authority.contains("gitlab") {
        pair(token).unwrap_or_else(|| format!("oauth2:{}", quote(token)))
    } else {
        quote(token)
    }))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn table() -> Value {
        serde_json::from_str(include_str!("../../tests/data/git_clone.json")).unwrap()
    }

    #[test]
    fn directories_are_named_as_by_prefect() {
        let names: Vec<(String, Option<String>, String)> = serde_json::from_value(table()["names"].take()).unwrap();
        for (url, branch, name) in names {
            assert_eq!(directory_name(&url, branch.as_deref()), name, "{url}");
        }
    }

    #[test]
    fn credentials_are_written_as_by_prefect() {
        for case in table()["urls"].as_array().unwrap() {
            let url = case["repository"].as_str().unwrap();
            let whole_host = case["include_submodules"] == json!(true);
            let given = case.as_object().unwrap();
            let Ok(rewriting) = rewriting(given, url, whole_host) else {
                assert_eq!(case["refused"], json!(true), "{case}");
                continue;
            };
            assert_eq!(case["refused"], Value::Null, "{case}");
            let rewritten = match &rewriting {
                None => url.to_owned(),
                Some((from, to)) => url.replacen(from.as_str(), to, 1),
            };
            assert_eq!(rewritten, case["url"].as_str().unwrap(), "{case}");
            if let (true, Some((from, to))) = (whole_host, rewriting) {
                let (from, to) = (from.trim_end_matches('/'), to.trim_end_matches('/'));
                assert_eq!(case["config"], json!(["-c", format!("url.{to}.insteadOf={from}")]), "{case}");
            }
        }
    }

    #[test]
    fn a_token_alone_is_taken_for_credentials() {
        let given = json!({"access_token": "tok"});
        let rewriting = rewriting(given.as_object().unwrap(), "https://h.test/a.git", false).unwrap();
        assert_eq!(rewriting, Some(("https://h.test/a.git".to_owned(), "https://tok@h.test/a.git".to_owned())));
    }
}
