//! What may be an address or a token, and where a token may travel.

use std::net::IpAddr;

use crate::error::ManageError;

/// Whether a text can be the address of a doorbell.
///
/// # Errors
/// The problem.
pub fn check_url(text: &str) -> Result<String, String> {
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    match rest {
        None => Err("it must begin with https:// or http://".to_owned()),
        Some(rest) if rest.split(['/', '?', '#']).next().unwrap_or_default().contains('@') => {
            Err("it must not hold a user or password".to_owned())
        }
        Some("") => Err("it names no host".to_owned()),
        Some(_) => Ok(text.to_owned()),
    }
}

/// Refuses to send a token where others can read it on its way.
pub(super) fn check_plain(url: &str, allow_http: bool) -> Result<(), ManageError> {
    if allow_http || url.starts_with("https://") || is_loopback(url) {
        return Ok(());
    }
    Err(ManageError::Explained {
        summary: format!("the token would travel to {url} in plain text"),
        detail: "Anyone who reads the token on its way can ring.".to_owned(),
        help: "Give an https:// address, as function URLs have. --allow-http sends it all the same, for a network that is \
               yours."
            .to_owned(),
    })
}

/// Whether a URL names this machine.
#[must_use]
pub fn is_loopback(url: &str) -> bool {
    let authority = url.split_once("://").map_or(url, |(_, rest)| rest).split('/').next().unwrap_or_default();
    let host = authority.rsplit('@').next().unwrap_or_default();
    let host = match host.strip_prefix('[') {
        Some(v6) => v6.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    };
    host == "localhost" || host.parse().is_ok_and(|address: IpAddr| address.is_loopback() || address.is_unspecified())
}

/// Whether a text can be a token, which travels as the value of a header.
///
/// # Errors
/// The problem.
pub fn check_token(text: &str) -> Result<String, String> {
    match text.trim() {
        "" => Err("it is empty".to_owned()),
        token if token.bytes().all(|byte| (33..=126).contains(&byte)) => Ok(token.to_owned()),
        _ => Err("only printable ASCII without spaces".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_url_of_this_machine_is_one_of_loopback() {
        for url in
            ["http://127.0.0.1:4200/api", "http://localhost/api", "https://u:p@[::1]:1/api", "http://0.0.0.0:4200/api"]
        {
            assert!(is_loopback(url), "{url}");
        }
        for url in [
            "https://api.prefect.cloud/api",
            "http://10.0.0.1:4200/api",
            "http://localhost.example.com/api",
            "http://prefect:4200/api",
        ] {
            assert!(!is_loopback(url), "{url}");
        }
    }

    #[test]
    fn addresses_and_tokens_are_checked() {
        for wrong in ["example.com", "ftp://x", "https://", "https://u:p@x/"] {
            assert!(check_url(wrong).is_err(), "{wrong}");
        }
        assert!(check_url("https://x/?a=b@c").is_ok());
        for wrong in ["", " ", "a b", "a\nb", "ü"] {
            assert!(check_token(wrong).is_err(), "{wrong}");
        }
        assert_eq!(check_token(" t ").as_deref(), Ok("t"));
    }
}
