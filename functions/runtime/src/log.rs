//! The log of a function: one JSON object a line, on standard output, and metrics among them.

use installation::variables;
use tracing_subscriber::filter::LevelFilter;

/// Starts the log, at the level that the function's logging configuration asks for, and says where its metrics belong.
pub fn start_log() {
    if let Some(namespace) = std::env::var(variables::METRIC_NAMESPACE.name).ok().filter(|name| !name.trim().is_empty())
    {
        dispatch::metrics::choose_namespace(namespace.trim().to_owned());
    }
    tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .with_current_span(false)
        .with_max_level(level(std::env::var(variables::LOG_LEVEL.name).ok().as_deref()))
        .init();
}

/// Lambda developer guide, "Advanced logging controls": TRACE, DEBUG, INFO, WARN, ERROR or FATAL. Nothing here is graver than
/// an error. Lambda sets one level for everything, so a filter by target would be weight without use.
fn level(setting: Option<&str>) -> LevelFilter {
    match setting.map(str::trim) {
        // The parser takes an empty text for ERROR.
        None | Some("") => LevelFilter::INFO,
        Some(level) if level.eq_ignore_ascii_case("fatal") => LevelFilter::ERROR,
        Some(level) => level.parse().unwrap_or(LevelFilter::INFO),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_log_level_is_lambdas() {
        for (setting, expected) in [
            (None, LevelFilter::INFO),
            (Some("TRACE"), LevelFilter::TRACE),
            (Some("DEBUG"), LevelFilter::DEBUG),
            (Some("INFO"), LevelFilter::INFO),
            (Some("WARN"), LevelFilter::WARN),
            (Some("ERROR"), LevelFilter::ERROR),
            (Some("FATAL"), LevelFilter::ERROR),
            (Some("debug"), LevelFilter::DEBUG),
            (Some(""), LevelFilter::INFO),
            (Some("loud"), LevelFilter::INFO),
        ] {
            assert_eq!(level(setting), expected, "{setting:?}");
        }
    }
}
