//! JSON pointers (RFC 6901).

/// `/` and the escaped token.
#[must_use]
pub fn token(name: &str) -> String {
    format!("/{}", name.replace('~', "~0").replace('/', "~1"))
}
