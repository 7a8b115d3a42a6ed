//! Which requests a [`Proxy`](super::Proxy) breaks, and how.

use std::sync::Arc;
use std::time::Duration;

use hyper::{HeaderMap, Method};

/// What is done to a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// 503 in place of forwarding it, with `Retry-After` in seconds when given.
    Unavailable {
        /// Value of `Retry-After`.
        retry_after: Option<u32>,
    },
    /// Any other status in place of forwarding it, with a body as the server would give.
    Status(u16),
    /// The connection is closed; the server never sees the request.
    LostRequest,
    /// The server acts on it; the connection is closed in place of its answer.
    LostAnswer,
    /// It is forwarded this much later, whether or not the client still waits.
    Delay(Duration),
    /// The server acts on it at once; its answer comes this much later.
    LateAnswer(Duration),
}

impl Fault {
    /// What it is, in two words.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Unavailable { .. } => "503",
            Self::Status(_) => "another status",
            Self::LostRequest => "lost request",
            Self::LostAnswer => "lost answer",
            Self::Delay(_) => "delayed request",
            Self::LateAnswer(_) => "late answer",
        }
    }
}

/// Which requests get which fault, and how often.
#[derive(Clone)]
pub struct Rule {
    method: Option<Method>,
    path: Arc<dyn Fn(&str) -> bool + Send + Sync>,
    having: Option<(&'static str, &'static str)>,
    lacking: Option<(&'static str, &'static str)>,
    fault: Fault,
    skip: u32,
    times: Option<u32>,
}

impl std::fmt::Debug for Rule {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Rule")
            .field("method", &self.method)
            .field("fault", &self.fault)
            .field("skip", &self.skip)
            .field("times", &self.times)
            .finish_non_exhaustive()
    }
}

impl Rule {
    /// `fault` for every request, until narrowed.
    #[must_use]
    pub fn new(fault: Fault) -> Self {
        Self { method: None, path: Arc::new(|_| true), having: None, lacking: None, fault, skip: 0, times: None }
    }

    /// Only requests of this method.
    #[must_use]
    pub fn method(mut self, method: Method) -> Self {
        self.method = Some(method);
        self
    }

    /// Only requests whose path contains `part`.
    #[must_use]
    pub fn path(self, part: &str) -> Self {
        let part = part.to_owned();
        self.matching(move |path| path.contains(&part))
    }

    /// Only requests whose path (no query) `matches`.
    #[must_use]
    pub fn matching(mut self, matches: impl Fn(&str) -> bool + Send + Sync + 'static) -> Self {
        self.path = Arc::new(matches);
        self
    }

    /// Only requests with a header of this value.
    #[must_use]
    pub fn having(mut self, header: &'static str, value: &'static str) -> Self {
        self.having = Some((header, value));
        self
    }

    /// Only requests without a header of this value: who does not know it has no way.
    #[must_use]
    pub fn lacking(mut self, header: &'static str, value: &'static str) -> Self {
        self.lacking = Some((header, value));
        self
    }

    /// Lets the first `count` of them pass.
    #[must_use]
    pub fn after(mut self, count: u32) -> Self {
        self.skip = count;
        self
    }

    /// Only `count` of them; then the rule is spent.
    #[must_use]
    pub fn times(mut self, count: u32) -> Self {
        self.times = Some(count);
        self
    }

    /// The fault for this request, if it is one of the rule's; counts it.
    pub(super) fn apply(&mut self, method: &Method, path: &str, headers: &HeaderMap) -> Option<Fault> {
        let mine = self.method.as_ref().is_none_or(|wanted| wanted == method)
            && (self.path)(path)
            && self.having.is_none_or(|(name, value)| headers.get(name).is_some_and(|found| found == value))
            && self.lacking.is_none_or(|(name, value)| headers.get(name).is_none_or(|found| found != value));
        if !mine || self.times == Some(0) {
            return None;
        }
        if self.skip > 0 {
            self.skip -= 1;
            return None;
        }
        if let Some(times) = &mut self.times {
            *times -= 1;
        }
        Some(self.fault)
    }
}
