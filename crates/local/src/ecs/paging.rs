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

/// In which order a list is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    Ascending,
    Descending,
}

/// An answer with one page of `items`: what is shown, each with the key the list is ordered by. The token is the key of
/// the page's last item, so that a page neither repeats nor skips anything when items come and go meanwhile.
pub(super) fn answer(member: &str, items: Vec<(String, String)>, order: Order, page: &Page) -> Result<Value, AwsError> {
    let size = page.size()?;
    let last = page.after()?;
    let follows = |key: &String| match (&last, order) {
        (None, _) => true,
        (Some(last), Order::Ascending) => key > last,
        (Some(last), Order::Descending) => key < last,
    };
    let mut rest = items.into_iter().filter(|(key, _)| follows(key)).peekable();
    let mut end = String::new();
    let mut shown: Vec<Value> = Vec::new();
    while let Some((key, item)) = rest.next_if(|_| shown.len() < size) {
        end = key;
        shown.push(item.into());
    }
    let mut answer = json!({});
    if rest.peek().is_some() {
        answer["nextToken"] = encode(&end).into();
    }
    answer[member] = shown.into();
    Ok(answer)
}

/// Opaque enough that nobody parses it by accident: hex.
fn encode(text: &str) -> String {
    text.bytes().map(|byte| format!("{byte:02x}")).collect()
}

fn decode(token: &str) -> Option<String> {
    let digits = |at: usize| token.get(at..at + 2).and_then(|pair| u8::from_str_radix(pair, 16).ok());
    let bytes: Option<Vec<u8>> = (0..token.len()).step_by(2).map(digits).collect();
    String::from_utf8(bytes?).ok()
}
