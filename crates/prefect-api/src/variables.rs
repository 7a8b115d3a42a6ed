//! Variables.

use serde::Deserialize;
use serde_json::Value;

use crate::{
    client::{Client, segment},
    error::ApiError,
    lists::found,
    transport::Transport,
};

#[derive(Deserialize)]
struct Variable {
    #[serde(default)]
    value: Value,
}

impl<T: Transport> Client<T> {
    /// Value of a variable; none if there is no such variable.
    ///
    /// # Errors
    /// [`ApiError`].
    pub async fn variable(&self, name: &str) -> Result<Option<Value>, ApiError> {
        let variable: Option<Variable> = found(self.get(format!("/variables/name/{}", segment(name))).await)?;
        Ok(variable.map(|variable| variable.value))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::fake::Fake;

    #[tokio::test]
    async fn a_variable_has_a_value_of_any_kind_or_does_not_exist() {
        let variable = |value: &Value| json!({"id": uuid::Uuid::nil(), "name": "v", "value": value, "tags": []});
        for value in [json!("text"), json!(5), json!(["a"]), json!({"a": null}), Value::Null] {
            let (client, fake) = Fake::client([(200, variable(&value))]);
            assert_eq!(client.variable("my var").await, Ok(Some(value)));
            assert_eq!(fake.paths(), ["/variables/name/my%20var"]);
        }
        let (client, _) = Fake::client([(404, json!({"detail": "Variable not found."}))]);
        assert_eq!(client.variable("v").await, Ok(None));
    }
}
