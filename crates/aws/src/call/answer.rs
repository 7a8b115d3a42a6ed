//! How an answer is read: its bytes, or what the service said instead.

use std::{fmt, mem};

use aws_smithy_runtime_api::client::{
    interceptors::context::{Error, Output},
    orchestrator::{HttpResponse, OrchestratorError},
    ser_de::DeserializeResponse,
};
use aws_smithy_types::{body::SdkBody, config_bag::ConfigBag, error::ErrorMetadata};
use http_body_util::Limited;
use serde_json::Value;

/// The most that is read of an answer, in bytes: SSM parameters have at most 8 KiB, and a pool document that would not fit
/// has a mistake in it rather than four million characters of meaning.
pub(super) const LIMIT: usize = 4 << 20;

/// The most that is kept of a service's message, in characters.
const MESSAGE: usize = 1_000;

/// The bytes of an answer. They may hold a secret, so `Debug` shows only how many there are.
pub(super) struct Answer(Vec<u8>);

impl Answer {
    #[cfg(test)]
    pub(super) fn of(bytes: &[u8]) -> Self {
        Self(bytes.to_vec())
    }

    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.0
    }
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Answer({} bytes)", self.0.len())
    }
}

/// What a service writes its errors in.
#[derive(Debug, Clone, Copy)]
pub(super) enum Format {
    /// AWS JSON 1.1.
    Json,
    /// XML, as S3 and STS speak it.
    Xml,
}

/// Reads answers of a service.
#[derive(Debug)]
pub(super) struct Reader(pub(super) Format);

impl DeserializeResponse for Reader {
    /// Called before the body is read: the place to limit it.
    fn deserialize_streaming_with_config(
        &self,
        response: &mut HttpResponse,
        _config: &ConfigBag,
    ) -> Option<Result<Output, OrchestratorError<Error>>> {
        let length = response.headers().get("content-length").and_then(|length| length.parse::<u64>().ok());
        if length.is_some_and(|length| length > LIMIT as u64) {
            return Some(Err(refused("AnswerTooLarge", &format!("longer than {LIMIT} bytes"))));
        }
        let body = mem::replace(response.body_mut(), SdkBody::taken());
        *response.body_mut() = SdkBody::from_body_1_x(Limited::new(body, LIMIT));
        None
    }

    fn deserialize_nonstreaming_with_config(
        &self,
        response: &HttpResponse,
        _config: &ConfigBag,
    ) -> Result<Output, OrchestratorError<Error>> {
        let body = response.body().bytes().unwrap_or_default();
        if response.status().is_success() {
            return Ok(Output::erase(Answer(body.to_vec())));
        }
        let (code, message) = match self.0 {
            Format::Json => json(response.headers().get("x-amzn-errortype"), body),
            Format::Xml => xml(body),
        };
        let code = code.unwrap_or_else(|| format!("HTTP {}", response.status().as_u16()));
        Err(refused(&code, message.as_deref().unwrap_or("no message")))
    }
}

fn refused(code: &str, message: &str) -> OrchestratorError<Error> {
    let message: String = message.chars().take(MESSAGE).collect();
    OrchestratorError::operation(Error::erase(ErrorMetadata::builder().code(code).message(message).build()))
}

/// Code and message of an error document.
type Said = (Option<String>, Option<String>);

/// Smithy specification, "AWS JSON 1.1 protocol", operation error serialization: the code is in a header or in `__type`
/// or `code`, and may have a namespace before it (`NAMESPACE#`) and a link behind it (`:LINK`).
pub(super) fn json(header: Option<&str>, body: &[u8]) -> Said {
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    let member = |names: &[&str]| names.iter().find_map(|name| body[*name].as_str());
    let code = header.or_else(|| member(&["__type", "code"])).map(|code| {
        let code = code.split(':').next().unwrap_or_default();
        code.rsplit('#').next().unwrap_or_default().to_owned()
    });
    (code.filter(|code| !code.is_empty()), member(&["message", "Message"]).map(str::to_owned))
}

/// S3 API reference, "REST error responses": one flat element `Error` with `Code` and `Message`. Two texts out of it need
/// no XML parser.
pub(super) fn xml(body: &[u8]) -> Said {
    let body = String::from_utf8_lossy(body);
    (element(&body, "Code"), element(&body, "Message"))
}

/// The text of the first element of that name, if it has one.
#[must_use]
pub fn element(body: &str, name: &str) -> Option<String> {
    let (_, rest) = body.split_once(&format!("<{name}>"))?;
    let (text, _) = rest.split_once(&format!("</{name}>"))?;
    Some(unescaped(text)).filter(|text| !text.is_empty())
}

/// The five entities that XML predefines; the ampersand last, because it begins the others.
fn unescaped(text: &str) -> String {
    let text = text.trim().replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&apos;", "'");
    text.replace("&amp;", "&")
}
