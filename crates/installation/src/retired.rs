//! Variables that were given up, so that a function that still finds one says what became of it.

use crate::Function::{self, Dispatcher, Observer, Poller, Reconciler};

/// A variable that was given up.
#[derive(Debug)]
pub struct Retired {
    /// Its name.
    pub name: &'static str,
    /// The functions that read it.
    pub readers: &'static [Function],
    /// Whether it has an effect with a server only, or without one only; always otherwise.
    pub has_server: Option<bool>,
    /// Whether the function does not start when it finds it; otherwise it says that the variable has no effect.
    pub refused: bool,
    /// What became of it, as a sentence.
    pub says: &'static str,
}

/// All of them.
pub static ALL: &[Retired] = &[
    Retired {
        name: "PUSHPOOL_POOLS",
        readers: &[Dispatcher],
        has_server: Some(false),
        refused: true,
        says: "it names the work pools that poller and reconciler serve; set PUSHPOOL_POOL_DOCUMENTS to where the pool \
               documents are",
    },
    Retired {
        name: "PUSHPOOL_FIFO_QUEUE_URL",
        readers: &[Poller, Dispatcher],
        has_server: Some(true),
        refused: true,
        says: "its name is PUSHPOOL_RUN_FIFO_QUEUE_URL now",
    },
    Retired {
        name: "PUSHPOOL_HAND_BACK_DELAY",
        readers: &[Dispatcher, Observer, Reconciler],
        has_server: Some(true),
        refused: false,
        says: "with a Prefect server the delay follows from how long a request may be under way",
    },
    Retired {
        name: "PUSHPOOL_CLAIM_GRACE",
        readers: &[Observer, Reconciler],
        has_server: None,
        refused: false,
        says: "it follows from how long a dispatcher works on a claim",
    },
];

/// Those that a function has read.
pub fn of(function: Function) -> impl Iterator<Item = &'static Retired> {
    ALL.iter().filter(move |it| it.readers.contains(&function))
}
