//! The server itself.

use crate::{client::Client, error::ApiError, transport::Transport};

impl<T: Transport> Client<T> {
    /// Version of the server.
    ///
    /// # Errors
    /// [`ApiError`].
    pub async fn server_version(&self) -> Result<String, ApiError> {
        self.get("/admin/version".into()).await
    }
}
