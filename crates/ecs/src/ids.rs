//! What ECS calls tasks and clusters, as types of their own: a function that wants a task takes no cluster.
//!
//! They are texts as AWS writes them, also in JSON. Nothing is checked, because ECS is the judge of its names.

use std::{borrow::Borrow, fmt, ops::Deref};

use serde::{Deserialize, Serialize};

macro_rules! text_id {
    ($(#[$docs:meta])* $name:ident) => {
        $(#[$docs])*
        #[derive(Clone, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// As AWS writes it.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl Deref for $name {
            type Target = str;

            fn deref(&self) -> &str {
                &self.0
            }
        }

        impl Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                Self(text.to_owned())
            }
        }

        impl From<String> for $name {
            fn from(text: String) -> Self {
                Self(text)
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.0
            }
        }

        impl PartialEq<str> for $name {
            fn eq(&self, other: &str) -> bool {
                self.0 == other
            }
        }

        impl PartialEq<&str> for $name {
            fn eq(&self, other: &&str) -> bool {
                self.0 == *other
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        /// The text alone.
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&self.0, f)
            }
        }
    };
}

text_id!(
    /// The ARN of a task: `arn:PARTITION:ecs:REGION:ACCOUNT:task/CLUSTER/ID`.
    TaskArn
);

text_id!(
    /// A cluster, by its ARN or by its name: events have ARNs, templates and settings names.
    ClusterRef
);

impl TaskArn {
    /// The cluster that the ARN names. None for the older form, which names none.
    #[must_use]
    pub fn cluster(&self) -> Option<ClusterRef> {
        let (head, resource) = self.0.split_once(":task/")?;
        let (cluster, _) = resource.split_once('/')?;
        Some(ClusterRef(format!("{head}:cluster/{cluster}")))
    }
}

impl ClusterRef {
    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        self.0.rsplit('/').next().unwrap_or_default()
    }

    /// Whether both have one name. Clusters of two accounts or regions may, too.
    #[must_use]
    pub fn is_called_as(&self, other: &Self) -> bool {
        self.name() == other.name()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cluster_is_read_from_the_long_arn_form_only() {
        let cluster = |arn: &str| TaskArn::from(arn).cluster();
        assert_eq!(
            cluster("arn:aws:ecs:eu-west-1:123456789012:task/prod/0123"),
            Some(ClusterRef::from("arn:aws:ecs:eu-west-1:123456789012:cluster/prod"))
        );
        assert_eq!(cluster("arn:aws:ecs:eu-west-1:123456789012:task/0123"), None);
    }

    #[test]
    fn a_cluster_is_known_by_name_and_arn() {
        let (arn, name) = (ClusterRef::from("arn:aws:ecs:eu-west-1:1:cluster/prod"), ClusterRef::from("prod"));
        assert!(arn.is_called_as(&name) && arn != name && !name.is_called_as(&ClusterRef::from("test")));
    }

    #[test]
    fn json_has_the_text_alone() {
        let arn: TaskArn = serde_json::from_str(r#""arn:t""#).unwrap();
        assert_eq!((arn.as_str(), serde_json::to_string(&arn).unwrap().as_str()), ("arn:t", r#""arn:t""#));
        assert_eq!(format!("{arn} {arn:?}"), r#"arn:t "arn:t""#);
    }
}
