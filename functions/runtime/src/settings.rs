//! Settings from environment variables. All mistakes are reported at once, by name and never by value.

use std::{cell::RefCell, time::Duration};

/// Every mistake in the environment of a function.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("the {function}'s settings are wrong: {}", mistakes.join("; "))]
pub struct BadSettings {
    /// Name of the function.
    pub function: &'static str,
    /// What is wrong, one sentence each.
    pub mistakes: Vec<String>,
}

type Lookup<'a> = dyn Fn(&str) -> Option<String> + 'a;

/// Reads variables and collects mistakes. An empty value counts as unset.
pub struct Settings<'a> {
    function: &'static str,
    variable: Box<Lookup<'a>>,
    mistakes: RefCell<Vec<String>>,
}

impl Settings<'static> {
    /// The environment of this process.
    #[must_use]
    pub fn of(function: &'static str) -> Self {
        Self::through(function, |name| std::env::var(name).ok())
    }
}

impl<'a> Settings<'a> {
    /// Variables read through `variable`.
    pub fn through(function: &'static str, variable: impl Fn(&str) -> Option<String> + 'a) -> Self {
        Self { function, variable: Box::new(variable), mistakes: RefCell::default() }
    }

    /// A variable, if it is set.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<String> {
        (self.variable)(name).map(|value| value.trim().to_owned()).filter(|value| !value.is_empty())
    }

    /// A variable that has to be set; `what` says to what.
    #[must_use]
    pub fn required(&self, name: &str, what: &str) -> String {
        self.get(name).unwrap_or_else(|| {
            self.mistake(format!("{name} is not set: {what}"));
            String::new()
        })
    }

    /// A number of at least 0.
    #[must_use]
    pub fn number(&self, name: &str, default: f64) -> f64 {
        let Some(text) = self.get(name) else { return default };
        match text.parse::<f64>() {
            Ok(value) if value.is_finite() && value >= 0.0 => value,
            _ => {
                self.mistake(format!("{name} is not a number of at least 0"));
                default
            }
        }
    }

    /// A number of seconds, fractions allowed.
    #[must_use]
    pub fn seconds(&self, name: &str, default: Duration) -> Duration {
        Duration::try_from_secs_f64(self.number(name, default.as_secs_f64())).unwrap_or(Duration::MAX)
    }

    /// `true` or `false`.
    #[must_use]
    pub fn flag(&self, name: &str, default: bool) -> bool {
        match self.get(name).as_deref() {
            None => default,
            Some("true") => true,
            Some("false") => false,
            Some(_) => {
                self.mistake(format!("{name} is neither true nor false"));
                default
            }
        }
    }

    /// A list with commas between its items.
    #[must_use]
    pub fn list(&self, name: &str) -> Vec<String> {
        let listed = self.get(name).unwrap_or_default();
        listed.split(',').map(|item| item.trim().to_owned()).filter(|item| !item.is_empty()).collect()
    }

    /// Notes a mistake.
    pub fn mistake(&self, mistake: String) {
        self.mistakes.borrow_mut().push(mistake);
    }

    /// The settings, if no mistake was made on the way to them.
    ///
    /// # Errors
    /// [`BadSettings`] with all of them.
    pub fn finish<T>(self, settings: T) -> Result<T, BadSettings> {
        let mistakes = self.mistakes.into_inner();
        if mistakes.is_empty() { Ok(settings) } else { Err(BadSettings { function: self.function, mistakes }) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(pairs: &'static [(&'static str, &'static str)]) -> Settings<'static> {
        Settings::through("tester", |name| {
            pairs.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn all_mistakes_are_reported_at_once_without_values() {
        let settings = settings(&[("N", "canary"), ("F", "canary"), ("EMPTY", " ")]);
        let _ = (settings.number("N", 1.0), settings.flag("F", false), settings.required("EMPTY", "what for"));
        let bad = settings.finish(()).unwrap_err();
        assert_eq!(bad.mistakes.len(), 3, "{bad}");
        let text = bad.to_string();
        assert!(["N ", "F ", "EMPTY ", "what for", "tester"].iter().all(|word| text.contains(word)), "{text}");
        assert!(!text.contains("canary"), "{text}");
    }

    #[test]
    fn values_and_defaults() {
        let settings = settings(&[("S", "1.5"), ("L", "a, b,"), ("F", "true")]);
        assert_eq!(settings.seconds("S", Duration::ZERO), Duration::from_millis(1_500));
        assert_eq!(settings.seconds("T", Duration::from_secs(3)), Duration::from_secs(3));
        assert_eq!(settings.list("L"), ["a", "b"]);
        assert!(settings.flag("F", false) && settings.flag("G", true));
        assert_eq!(settings.finish(5), Ok(5));
    }
}
