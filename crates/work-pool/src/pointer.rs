//! JSON pointers (RFC 6901).

/// `/` and the escaped token.
pub(crate) fn token(name: &str) -> String {
    format!("/{}", name.replace('~', "~0").replace('/', "~1"))
}
