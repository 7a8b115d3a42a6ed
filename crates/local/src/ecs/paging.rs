//! `maxResults` and `nextToken`.

use serde::Deserialize;
use serde_json::{Value, json};

use super::errors::invalid;
use crate::wire::AwsError;

/// Which page of a list a request asks for.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Page {
    max_results: Option<i64>,
    next_token: Option<String>,
}

impl Page {
    /// "This value can be between 1 and 100. If this parameter isn't used, then … up to 100 results" (ListTasks and
    /// the other lists).
    pub(super) fn size(&self) -> Result<usize, AwsError> {
        match self.max_results {
            None => Ok(100),
            Some(size @ 1..=100) => Ok(size as usize),
            Some(size) => Err(invalid(format!("maxResults should be between 1 and 100, not {size}."))),
        }
    }

    /// What the token of the page before says.
    pub(super) fn after(&self) -> Result<Option<String>, AwsError> {
        let Some(token) = &self.next_token else { return Ok(None) };
        decode(token).map(Some).ok_or_else(|| invalid("Invalid token."))
    }
}

/// An answer with one page of `items`, which are ARNs or names in a fixed order. The token names the last item of the
/// page, so that a page neither repeats nor skips anything when items come and go meanwhile.
pub(super) fn answer(member: &str, items: Vec<String>, page: &Page) -> Result<Value, AwsError> {
    let size = page.size()?;
    let start = match page.after()? {
        None => 0,
        Some(last) => items.iter().position(|item| *item == last).map_or_else(
            // It is gone; the order is the items' own where they are sorted.
            || items.iter().position(|item| *item > last).unwrap_or(items.len()),
            |index| index + 1,
        ),
    };
    let mut rest = items.into_iter().skip(start);
    let shown: Vec<String> = rest.by_ref().take(size).collect();
    let mut answer = json!({});
    if rest.next().is_some() {
        answer["nextToken"] = encode(shown.last().map_or("", String::as_str)).into();
    }
    answer[member] = shown.into();
    Ok(answer)
}

/// Opaque enough that nobody parses it by accident: hex.
pub(super) fn encode(text: &str) -> String {
    text.bytes().map(|byte| format!("{byte:02x}")).collect()
}

fn decode(token: &str) -> Option<String> {
    let digits = |at: usize| token.get(at..at + 2).and_then(|pair| u8::from_str_radix(pair, 16).ok());
    let bytes: Option<Vec<u8>> = (0..token.len()).step_by(2).map(digits).collect();
    String::from_utf8(bytes?).ok()
}
