//! What a Prefect server calls its flow runs and their states, as types of their own: both are UUIDs, and a function that
//! wants the one takes not the other.
//!
//! In JSON they are what the server writes: a UUID as text.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

macro_rules! id {
    ($(#[$docs:meta])* $name:ident) => {
        $(#[$docs])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Uuid);

        impl $name {
            /// Out of a number.
            #[must_use]
            pub const fn from_u128(number: u128) -> Self {
                Self(Uuid::from_u128(number))
            }

            /// The UUID alone.
            #[must_use]
            pub const fn uuid(self) -> Uuid {
                self.0
            }

            /// Its 16 bytes.
            #[must_use]
            pub const fn as_bytes(&self) -> &[u8; 16] {
                self.0.as_bytes()
            }
        }

        impl From<Uuid> for $name {
            fn from(id: Uuid) -> Self {
                Self(id)
            }
        }

        impl From<$name> for Uuid {
            fn from(id: $name) -> Self {
                id.0
            }
        }

        impl FromStr for $name {
            type Err = uuid::Error;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Uuid::try_parse(text).map(Self)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }

        /// The UUID alone.
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }
    };
}

id!(
    /// A flow run.
    FlowRunId
);

id!(
    /// One state of a flow run. A run gets a new one with each change, also where the type stays.
    StateId
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_and_text_have_the_uuid_alone() {
        let text = "00000000-0000-0000-0000-000000000007";
        let run = FlowRunId::from_u128(7);
        assert_eq!((run.to_string(), format!("{run:?}")), (text.to_owned(), text.to_owned()));
        assert_eq!(serde_json::to_value(run).unwrap(), text);
        assert_eq!(serde_json::from_value::<FlowRunId>(text.into()).unwrap(), run);
        assert_eq!(text.parse(), Ok(run));
        assert!("seven".parse::<StateId>().is_err());
    }
}
