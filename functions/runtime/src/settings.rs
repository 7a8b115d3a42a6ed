//! Settings from environment variables. All mistakes are reported at once, by name and never by value.
//!
//! Which variables there are, what they mean and what their defaults are is data: [`installation::variables`].

use std::{cell::RefCell, time::Duration};

use installation::{Function, SetBy, Variable, retired, variables};

/// Every mistake in the environment of a function.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("the {function}'s settings are wrong: {}", mistakes.join("; "))]
pub struct BadSettings {
    /// The function.
    pub function: Function,
    /// What is wrong, one sentence each.
    pub mistakes: Vec<String>,
}

type Lookup<'a> = dyn Fn(&str) -> Option<String> + 'a;

/// Reads the variables of a function and collects mistakes. An empty value counts as unset.
pub struct Settings<'a> {
    function: Function,
    variable: Box<Lookup<'a>>,
    mistakes: RefCell<Vec<String>>,
}

impl Settings<'static> {
    /// The environment of this process.
    #[must_use]
    pub fn of(function: Function) -> Self {
        Self::through(function, |name| std::env::var(name).ok())
    }
}

impl<'a> Settings<'a> {
    /// Variables read through `variable`.
    pub fn through(function: Function, variable: impl Fn(&str) -> Option<String> + 'a) -> Self {
        Self { function, variable: Box::new(variable), mistakes: RefCell::default() }
    }

    /// A variable, if it is set.
    #[must_use]
    pub fn get(&self, variable: &Variable) -> Option<String> {
        debug_assert!(variable.is_read_by(self.function), "{} is none of the {}", variable.name, self.function);
        self.look(variable.name)
    }

    fn look(&self, name: &str) -> Option<String> {
        (self.variable)(name).map(|value| value.trim().to_owned()).filter(|value| !value.is_empty())
    }

    /// A variable that has to be set.
    #[must_use]
    pub fn required(&self, variable: &Variable) -> String {
        debug_assert!(variable.is_required_by(self.function), "the {} does not need {}", self.function, variable.name);
        self.get(variable).unwrap_or_else(|| {
            self.mistake(format!("{} is not set: {}", variable.name, variable.meaning));
            String::new()
        })
    }

    /// A number of at least 0.
    #[must_use]
    pub fn number(&self, variable: &Variable) -> f64 {
        let default = variable.default_number();
        let Some(text) = self.get(variable) else { return default };
        match text.parse::<f64>() {
            Ok(value) if value.is_finite() && value >= 0.0 => value,
            _ => {
                self.mistake(format!("{} is not a number of at least 0", variable.name));
                default
            }
        }
    }

    /// A number of seconds, fractions allowed.
    #[must_use]
    pub fn seconds(&self, variable: &Variable) -> Duration {
        Duration::try_from_secs_f64(self.number(variable)).unwrap_or(Duration::MAX)
    }

    /// `true` or `false`.
    #[must_use]
    pub fn flag(&self, variable: &Variable) -> bool {
        self.flag_or(variable, variable.default_flag())
    }

    /// `true` or `false`, with a default that another setting decides.
    #[must_use]
    pub fn flag_or(&self, variable: &Variable, default: bool) -> bool {
        match self.get(variable).as_deref() {
            None => default,
            Some("true") => true,
            Some("false") => false,
            Some(_) => {
                self.mistake(format!("{} is neither true nor false", variable.name));
                default
            }
        }
    }

    /// A list with commas between its items.
    #[must_use]
    pub fn list(&self, variable: &Variable) -> Vec<String> {
        let listed = self.get(variable).unwrap_or_default();
        listed.split(',').map(|item| item.trim().to_owned()).filter(|item| !item.is_empty()).collect()
    }

    /// Notes a mistake.
    pub fn mistake(&self, mistake: String) {
        self.mistakes.borrow_mut().push(mistake);
    }

    /// Whether the function has a Prefect server. Only the dispatcher goes without.
    fn has_server(&self) -> bool {
        self.function != Function::Dispatcher || self.look(variables::API_URL.name).is_some()
    }

    /// What the log says at the start: variables that are set and have no effect, and those that only tests set.
    fn notes(&self) -> Vec<String> {
        let has_server = self.has_server();
        let is_set = |name: &str| self.look(name).is_some();
        let retired = retired::of(self.function)
            .filter(|it| !it.refused && it.has_server.is_none_or(|it| it == has_server) && is_set(it.name))
            .map(|it| format!("{} has no effect: {}", it.name, it.says));
        let where_else = if has_server { "only without a Prefect server" } else { "only with a Prefect server" };
        let told = |name: &str| retired::of(self.function).any(|it| it.name == name);
        let other_mode = variables::of(self.function)
            .filter(|it| !it.is_for(has_server) && is_set(it.name) && !told(it.name))
            .map(|it| format!("{} has no effect: the {} reads it {where_else}", it.name, self.function));
        let of_tests = variables::of(self.function)
            .filter(|it| it.set_by == SetBy::Tests && is_set(it.name))
            .map(|it| format!("{} is set, which is for tests: runs may start twice", it.name));
        retired.chain(other_mode).chain(of_tests).collect()
    }

    /// The settings, if no mistake was made on the way to them. Says in the log which variables have no effect.
    ///
    /// # Errors
    /// [`BadSettings`] with all mistakes.
    pub fn finish<T>(self, settings: T) -> Result<T, BadSettings> {
        let has_server = self.has_server();
        for it in retired::of(self.function).filter(|it| it.refused && it.has_server.is_none_or(|it| it == has_server))
        {
            // An environment that serves old and new functions alike has both.
            let replaced =
                variables::of(self.function).any(|new| it.says.contains(new.name) && self.look(new.name).is_some());
            if !replaced && self.look(it.name).is_some() {
                self.mistake(format!("{} is set: {}", it.name, it.says));
            }
        }
        for note in self.notes() {
            tracing::warn!("{note}");
        }
        let mistakes = self.mistakes.into_inner();
        if mistakes.is_empty() { Ok(settings) } else { Err(BadSettings { function: self.function, mistakes }) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(function: Function, pairs: &'static [(&'static str, &'static str)]) -> Settings<'static> {
        Settings::through(function, |name| {
            pairs.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn all_mistakes_are_reported_at_once_without_values() {
        let pairs =
            &[("PUSHPOOL_RUN_TASK_RATE", "canary"), ("PUSHPOOL_ASSIGN_PUBLIC_IP", "canary"), ("PUSHPOOL_DLQ_URL", " ")];
        let settings = settings(Function::Dispatcher, pairs);
        let _ = settings.number(&variables::RUN_TASK_RATE);
        let _ = settings.flag(&variables::ASSIGN_PUBLIC_IP);
        let _ = settings.required(&variables::DLQ_URL);
        let bad = settings.finish(()).unwrap_err();
        assert_eq!(bad.mistakes.len(), 3, "{bad}");
        let text = bad.to_string();
        for word in ["RUN_TASK_RATE ", "ASSIGN_PUBLIC_IP ", "DLQ_URL ", "dead-letter queue", "dispatcher"] {
            assert!(text.contains(word), "{word} in: {text}");
        }
        assert!(!text.contains("canary"), "{text}");
    }

    #[test]
    fn values_and_defaults() {
        let pairs = &[("PUSHPOOL_POLL_INTERVAL", "1.5"), ("PUSHPOOL_POOLS", "a, b,"), ("PUSHPOOL_PUSH_POOLS", "false")];
        let settings = settings(Function::Poller, pairs);
        assert_eq!(settings.seconds(&variables::POLL_INTERVAL), Duration::from_millis(1_500));
        assert_eq!(settings.seconds(&variables::HORIZON), Duration::from_secs(60));
        assert_eq!(settings.list(&variables::POOLS), ["a", "b"]);
        assert!(!settings.flag(&variables::PUSH_POOLS));
        assert_eq!(settings.finish(5), Ok(5));
    }

    #[test]
    fn a_variable_without_effect_is_named_and_its_value_is_not() {
        let pairs = &[
            ("PREFECT_API_URL", "http://prefect/api"),
            ("PUSHPOOL_HAND_BACK_DELAY", "42"),
            ("PUSHPOOL_EVENT_BUS", "canary"),
            ("PUSHPOOL_TEST_HAND_BACK_DELAY", "5"),
        ];
        let notes = settings(Function::Dispatcher, pairs).notes();
        assert_eq!(notes.len(), 3, "{notes:#?}");
        assert!(notes[0].starts_with("PUSHPOOL_HAND_BACK_DELAY has no effect"), "{notes:#?}");
        assert!(notes[1].starts_with("PUSHPOOL_EVENT_BUS has no effect"), "{notes:#?}");
        assert!(notes[2].contains("for tests") && !notes.concat().contains("canary"), "{notes:#?}");
        let standalone = &[("PUSHPOOL_HAND_BACK_DELAY", "42")];
        assert_eq!(settings(Function::Dispatcher, standalone).notes(), Vec::<String>::new());
        let notes = settings(Function::Reconciler, &[("PUSHPOOL_CLAIM_GRACE", "30")]).notes();
        assert!(notes.len() == 1 && notes[0].starts_with("PUSHPOOL_CLAIM_GRACE has no effect"), "{notes:#?}");
    }

    #[test]
    fn a_variable_with_a_new_name_is_refused_with_it_unless_that_is_set_too() {
        let old = [("PUSHPOOL_FIFO_QUEUE_URL", "f")];
        let both = [("PUSHPOOL_FIFO_QUEUE_URL", "f"), ("PUSHPOOL_RUN_FIFO_QUEUE_URL", "f")];
        let read = |pairs: &[(&str, &str)]| {
            let value = |name: &str| pairs.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned());
            Settings::through(Function::Poller, value).finish(())
        };
        let bad = read(&old).unwrap_err().to_string();
        assert!(bad.contains("PUSHPOOL_FIFO_QUEUE_URL is set: its name is PUSHPOOL_RUN_FIFO_QUEUE_URL now"), "{bad}");
        assert_eq!(read(&both), Ok(()));
    }
}
