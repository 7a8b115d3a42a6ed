//! How many invocations an account runs at a time, and what of that is reserved.
//!
//! All functions of an account and region share one limit. A function with reserved concurrency has that much for itself, which
//! is taken off the shared rest, and never more: the reservation is a guarantee and a brake (Lambda developer guide,
//! "Understanding Lambda function scaling" and "Configuring reserved concurrency for a function"). What finds no place is not
//! queued: it is refused, `TooManyRequestsException`, and each kind of caller makes something else of that.
//!
//! Not modelled: the ten requests a second that each place may serve, and the 1,000 places in ten seconds by which a function
//! may grow.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::Value;

use super::function::{Function, FunctionError, Invocation};

/// What AWS keeps unreserved for the functions that reserve nothing.
const UNRESERVED: usize = 100;

/// An account's concurrency.
#[derive(Debug)]
pub struct Concurrency {
    limit: usize,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// By function: its places, and how many of them are taken.
    reserved: BTreeMap<String, (usize, usize)>,
    /// Taken by functions without a reservation.
    shared: usize,
}

/// Places that are taken until this is dropped.
#[derive(Debug)]
pub struct Places {
    concurrency: Arc<Concurrency>,
    /// The function whose reservation they are of; none for the shared rest.
    of: Option<String>,
    count: usize,
}

/// A function that shares its account's concurrency.
struct Limited {
    name: String,
    function: Arc<dyn Function>,
    concurrency: Arc<Concurrency>,
}

/// Why nothing was reserved; the words are AWS's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "Specified ReservedConcurrentExecutions for function decreases account's UnreservedConcurrentExecution below its \
     minimum value of [{0}]."
)]
pub struct ReserveError(usize);

impl Concurrency {
    /// An account with this limit: 1,000 is Lambda's default, new accounts have 10.
    #[must_use]
    pub fn new(limit: usize) -> Arc<Self> {
        Arc::new(Self { limit, state: Mutex::default() })
    }

    /// Reserves places for a function, as PutFunctionConcurrency does.
    ///
    /// # Errors
    /// Too little would be left for the others: 100, or in accounts that have less than that, all of it.
    pub fn reserve(&self, function: &str, places: usize) -> Result<(), ReserveError> {
        let mut state = self.state();
        let others: usize = state.reserved.iter().filter(|(name, _)| *name != function).map(|(_, (it, _))| it).sum();
        let least = UNRESERVED.min(self.limit);
        if self.limit < least + others + places {
            return Err(ReserveError(least));
        }
        state.reserved.entry(function.to_owned()).or_default().0 = places;
        Ok(())
    }

    /// Takes places of the shared rest, as other functions of the account would. None if there are not as many.
    #[must_use]
    pub fn occupy(self: &Arc<Self>, places: usize) -> Option<Places> {
        let mut state = self.state();
        let reserved: usize = state.reserved.values().map(|(places, _)| places).sum();
        if state.shared + places > self.limit - reserved {
            return None;
        }
        state.shared += places;
        Some(Places { concurrency: Arc::clone(self), of: None, count: places })
    }

    /// The function with this account's limit. Invocations that find no place end with [`FunctionError::Throttled`].
    #[must_use]
    pub fn limited(self: &Arc<Self>, name: &str, function: Arc<dyn Function>) -> Arc<dyn Function> {
        Arc::new(Limited { name: name.to_owned(), function, concurrency: Arc::clone(self) })
    }

    fn place(self: &Arc<Self>, function: &str) -> Result<Places, FunctionError> {
        if let Some((places, taken)) = self.state().reserved.get_mut(function) {
            if taken >= places {
                return Err(FunctionError::Throttled("ReservedFunctionConcurrentInvocationLimitExceeded"));
            }
            *taken += 1;
            return Ok(Places { concurrency: Arc::clone(self), of: Some(function.to_owned()), count: 1 });
        }
        self.occupy(1).ok_or(FunctionError::Throttled("ConcurrentInvocationLimitExceeded"))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Places {
    fn drop(&mut self) {
        let mut state = self.concurrency.state();
        match &self.of {
            None => state.shared -= self.count,
            Some(function) => {
                if let Some((_, taken)) = state.reserved.get_mut(function) {
                    *taken -= self.count;
                }
            }
        }
    }
}

impl Function for Limited {
    fn invoke(&self, event: Value, timeout: Duration) -> Invocation<'_> {
        let place = self.concurrency.place(&self.name);
        Box::pin(async move {
            let _place = place?;
            self.function.invoke(event, timeout).await
        })
    }
}
