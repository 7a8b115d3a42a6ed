//! What an attempt is called elsewhere.
//!
//! All names are derived from the two ids of the attempt and nothing else: a message that is delivered again, to another
//! process and days later, yields the same claim and the same token, which is what makes the launch single.

use prefect_ids::{FlowRunId, StateId};
use uuid::Uuid;

use crate::Attempt;

/// Version 5 UUID of `pushpool` in the OID namespace.
const NAMESPACE: Uuid = Uuid::from_u128(0x466f_3036_0cfc_55e8_96a5_b810_16ae_06bb);

impl Attempt {
    /// That of no run: for a request that is prepared to be looked at.
    pub const OF_NO_RUN: Self = Self { flow_run_id: FlowRunId::from_u128(0), state_id: StateId::from_u128(0) };

    /// RunTask's `clientToken`: 36 characters of the allowed 64, all of them in the range 33 to 126 (AWS ECS API
    /// reference, RunTask).
    #[must_use]
    pub fn client_token(&self) -> String {
        self.derived("task").to_string()
    }

    /// RunTask's `startedBy`, `<flow run>/<state>`: 73 characters of the allowed 128, of letters, digits, hyphens and a
    /// slash (AWS ECS API reference, RunTask).
    #[must_use]
    pub fn started_by(&self) -> String {
        format!("{}/{}", self.flow_run_id, self.state_id)
    }

    /// The `transition_id` of the proposal that claims the attempt.
    #[must_use]
    pub fn transition_id(&self) -> Uuid {
        self.derived("claim")
    }

    /// The attempt that follows when this one is handed back and no server makes a new SCHEDULED state (standalone).
    #[must_use]
    pub fn handed_back(&self) -> Self {
        Self { flow_run_id: self.flow_run_id, state_id: self.derived("handed back").into() }
    }

    fn derived(&self, purpose: &str) -> Uuid {
        let mut name = Vec::with_capacity(48);
        name.extend_from_slice(self.flow_run_id.as_bytes());
        name.extend_from_slice(self.state_id.as_bytes());
        name.extend_from_slice(purpose.as_bytes());
        Uuid::new_v5(&NAMESPACE, &name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use prefect_ids::{FlowRunId, StateId};

    fn attempt() -> Attempt {
        Attempt { flow_run_id: FlowRunId::from_u128(3), state_id: StateId::from_u128(9) }
    }

    #[test]
    fn names_are_legal_and_do_not_change() {
        assert_eq!(NAMESPACE, Uuid::new_v5(&Uuid::NAMESPACE_OID, b"pushpool"));
        let token = attempt().client_token();
        assert!(token.len() <= 64 && token.bytes().all(|byte| (33..=126).contains(&byte)));
        assert_eq!(attempt().started_by(), "00000000-0000-0000-0000-000000000003/00000000-0000-0000-0000-000000000009");
        assert_eq!(token, "763315b2-51e3-5958-aaca-13b95c2a2201");
        assert_eq!(attempt().transition_id().to_string(), "7e1810fa-48e2-5762-afe9-e5308940d0c4");
        assert_eq!(attempt().handed_back().state_id.to_string(), "cd38dd38-d3f1-5535-909a-3f815f1be4f3");
    }

    #[test]
    fn each_purpose_and_each_attempt_has_its_own() {
        let other = Attempt { state_id: StateId::from_u128(10), ..attempt() };
        let swapped = Attempt { flow_run_id: FlowRunId::from_u128(9), state_id: StateId::from_u128(3) };
        let mut names: Vec<String> = [attempt(), other, swapped, attempt().handed_back()]
            .iter()
            .flat_map(|attempt| {
                [
                    attempt.client_token(),
                    attempt.transition_id().to_string(),
                    attempt.handed_back().state_id.to_string(),
                ]
            })
            .collect();
        let count = names.len();
        names.sort();
        names.dedup();
        assert_eq!(names.len(), count);
        assert_eq!(attempt().handed_back().flow_run_id, attempt().flow_run_id);
    }
}
