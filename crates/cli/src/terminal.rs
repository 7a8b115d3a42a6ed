//! Where this process stands to the terminal that it was started from: what it may draw there, and how it is ended.

use std::{
    fs::{self, File},
    os::unix::fs::MetadataExt,
};

use futures_util::FutureExt;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// The terminal that controls this process, whatever its streams lead to.
const CONTROLLING: &str = "/dev/tty";

/// Whose turn it is on the terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// This process's: Ctrl-C reaches it.
    Foreground,
    /// Another's, because a shell started this process with `&` or moved it there with `bg`.
    Background,
    /// There is no terminal, or a script that goes on runs there.
    Apart,
}

impl Place {
    /// Asks the terminal.
    pub(crate) fn now() -> Self {
        let Ok(terminal) = File::open(CONTROLLING) else { return Self::Apart };
        match rustix::termios::tcgetpgrp(&terminal) {
            Ok(group) if group != rustix::process::getpgrp() => Self::Background,
            // A shell without job control leaves what it starts with `&` in its own group, and takes standard input away
            // (POSIX, "Shell Command Language", 2.9.3.1).
            Ok(_) if reads_nothing() => Self::Apart,
            Ok(_) => Self::Foreground,
            Err(_) => Self::Apart,
        }
    }

    /// How a person ends this process.
    pub(crate) fn way_to_end(self) -> String {
        let process = std::process::id();
        match self {
            Self::Foreground => "Ctrl-C".to_owned(),
            Self::Background => format!("`kill {process}`, or `fg` and Ctrl-C"),
            Self::Apart => format!("`kill {process}`"),
        }
    }
}

/// Whether standard input is `/dev/null`.
fn reads_nothing() -> bool {
    let device = |path: &str| fs::metadata(path).map(|it| it.rdev());
    matches!((device("/dev/stdin"), device("/dev/null")), (Ok(own), Ok(null)) if own == null)
}

/// A stream as a place to draw on.
#[derive(Debug)]
pub(crate) struct Easel {
    /// It is a terminal that can move its cursor.
    able: bool,
    /// The process was continued after it had been stopped: others have written meanwhile.
    continued: Option<Signal>,
    place: Place,
}

/// What changed since the last look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Turn {
    /// Nothing.
    Same,
    /// What was drawn is no longer where it was.
    Moved,
    /// The same, and from now on nothing may be drawn.
    Lost,
}

impl Easel {
    /// A stream that leads to a terminal, or does not. Within a runtime, it notices that the process was stopped for a while.
    pub(crate) fn new(is_terminal: bool) -> Self {
        let able = is_terminal && std::env::var_os("TERM").is_none_or(|term| term != "dumb");
        let continued = tokio::runtime::Handle::try_current()
            .ok()
            .and_then(|_| signal(SignalKind::from_raw(rustix::process::Signal::CONT.as_raw())).ok());
        Self { able, continued, place: Place::now() }
    }

    /// Whether it may be drawn on.
    pub(crate) fn is_free(&self) -> bool {
        self.able && self.place == Place::Foreground
    }

    /// Where the process stands.
    pub(crate) fn place(&self) -> Place {
        self.place
    }

    /// Looks again.
    pub(crate) fn look(&mut self) -> Turn {
        if !self.able {
            return Turn::Same;
        }
        let continued = self.continued.as_mut().is_some_and(|signal| signal.recv().now_or_never().is_some());
        let before = std::mem::replace(&mut self.place, Place::now());
        match (before == Place::Foreground, self.place == Place::Foreground) {
            (true, false) => Turn::Lost,
            (false, true) => Turn::Moved,
            (true, true) if continued => Turn::Moved,
            _ => Turn::Same,
        }
    }
}
