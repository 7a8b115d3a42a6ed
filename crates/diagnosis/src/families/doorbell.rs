//! PP064: the doorbell.

use crate::code::{Family, Outcome::*, family};

family! {
    "PP064", "The doorbell",
    "The doorbell cannot decide which requests to accept.";

    PP0640 => Other("it is found by the next poll; the doorbell does not start, or refuses every ring until its secret holds a token"), "The doorbell has no usable token",
        "Put a random text of at least 16 characters there, for instance of `openssl rand -hex 24`, and give the \
         same to `pushpool doorbell install`.";
}
