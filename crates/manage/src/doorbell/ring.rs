//! One ring, sent from here.

use prefect_api::{
    Connection, Method, Request, Response, Transport,
    http::{BadConnection, HttpTransport},
};

use crate::error::ManageError;

/// Posts an empty ring.
///
/// # Errors
/// It could not be sent, or the doorbell did not answer in time.
pub(super) async fn ring(url: &str, token: Option<&str>) -> Result<Response, ManageError> {
    let failed = |detail: String| ManageError::Explained {
        summary: "the doorbell does not answer".to_owned(),
        detail,
        help: "Check --url, and that the function is deployed and can be reached from here.".to_owned(),
    };
    let mut connection = Connection::to(url);
    connection.headers =
        token.map(|token| ("authorization".to_owned(), format!("Bearer {token}"))).into_iter().collect();
    let transport = HttpTransport::new(&connection).map_err(|error: BadConnection| failed(error.to_string()))?;
    // The transport takes the slash at the end for the start of a path.
    let path = if url.ends_with('/') { "/" } else { "" };
    let request =
        Request { method: Method::Post, path: path.to_owned(), body: Some("{}".to_owned()), headers: Vec::new() };
    transport.send(request).await.map_err(|error| failed(error.to_string()))
}
