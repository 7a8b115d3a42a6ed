//! What there is to know about an environment variable.

use std::time::Duration;

use crate::Function;

/// Which kind of installation something is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Both.
    Any,
    /// Those with a Prefect server.
    Server,
    /// Those without one: messages carry their runs.
    Standalone,
}

/// What a variable is when it is not set.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Preset {
    /// Nothing.
    None,
    /// A number.
    Number(f64),
    /// `true` or `false`.
    Flag(bool),
    /// A text.
    Text(&'static str),
    /// What another setting makes it, in words.
    Derived(&'static str),
}

/// Who sets a variable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SetBy {
    /// The Terraform module, for every function that reads it.
    Module,
    /// The operator, by the module's `more_environment`.
    Operator,
    /// Lambda itself.
    Lambda,
    /// Tests only, to make a deployment's minutes seconds. No table shows it, and a function that finds it set says so.
    Tests,
}

/// An environment variable of the functions.
#[derive(Debug)]
pub struct Variable {
    /// Its name.
    pub name: &'static str,
    /// What it sets, as the tables say it.
    pub meaning: &'static str,
    /// What it is when it is not set.
    pub preset: Preset,
    /// The functions that read it.
    pub readers: &'static [Function],
    /// Of these, the functions that do not start without it; in its mode.
    pub required_by: &'static [Function],
    /// When it has an effect.
    pub mode: Mode,
    /// Who sets it.
    pub set_by: SetBy,
}

impl Variable {
    /// A variable of these functions that the module sets and that may be left out.
    pub(crate) const fn new(name: &'static str, readers: &'static [Function], meaning: &'static str) -> Self {
        Self { name, meaning, preset: Preset::None, readers, required_by: &[], mode: Mode::Any, set_by: SetBy::Module }
    }

    /// These functions need it.
    pub(crate) const fn required_by(mut self, functions: &'static [Function]) -> Self {
        self.required_by = functions;
        self
    }

    /// All its functions need it.
    pub(crate) const fn required(self) -> Self {
        let readers = self.readers;
        self.required_by(readers)
    }

    pub(crate) const fn preset(mut self, preset: Preset) -> Self {
        self.preset = preset;
        self
    }

    pub(crate) const fn number(self, number: f64) -> Self {
        self.preset(Preset::Number(number))
    }

    pub(crate) const fn seconds(self, span: Duration) -> Self {
        self.number(span.as_secs_f64())
    }

    pub(crate) const fn flag(self, flag: bool) -> Self {
        self.preset(Preset::Flag(flag))
    }

    pub(crate) const fn only(mut self, mode: Mode) -> Self {
        self.mode = mode;
        self
    }

    pub(crate) const fn set_by(mut self, whom: SetBy) -> Self {
        self.set_by = whom;
        self
    }

    /// Whether a function reads it.
    #[must_use]
    pub fn is_read_by(&self, function: Function) -> bool {
        self.readers.contains(&function)
    }

    /// Whether a function does not start without it.
    #[must_use]
    pub fn is_required_by(&self, function: Function) -> bool {
        self.required_by.contains(&function)
    }

    /// Whether it has an effect in an installation with a server, or without one.
    #[must_use]
    pub fn is_for(&self, has_server: bool) -> bool {
        match self.mode {
            Mode::Any => true,
            Mode::Server => has_server,
            Mode::Standalone => !has_server,
        }
    }

    /// Its default as a number; 0 if it is none.
    #[must_use]
    pub fn default_number(&self) -> f64 {
        match self.preset {
            Preset::Number(number) => number,
            _ => 0.0,
        }
    }

    /// Its default as seconds; zero if it is no number.
    #[must_use]
    pub fn default_seconds(&self) -> Duration {
        Duration::try_from_secs_f64(self.default_number()).unwrap_or_default()
    }

    /// Its default as a flag; `false` if it is none.
    #[must_use]
    pub fn default_flag(&self) -> bool {
        self.preset == Preset::Flag(true)
    }
}
