//! Names of images.

use jiff::Timestamp;

use crate::{context::Context, error::Problem};

/// Variables of the setting; both names are Prefect's.
const NAMESPACE: [&str; 2] =
    ["PREFECT_DEPLOYMENTS_DEFAULT_DOCKER_BUILD_NAMESPACE", "PREFECT_DEFAULT_DOCKER_BUILD_NAMESPACE"];

/// What is wrong with a name.
pub(super) fn wrong(name: &str) -> Option<Problem> {
    if name.contains(char::is_whitespace) {
        return Some(Problem::invalid("image_name", "a name of an image has no spaces"));
    }
    let last = name.rsplit('/').next().unwrap_or(name);
    if last.contains('@') {
        return Some(Problem::invalid("image_name", "it has a digest, which a build does not know yet"));
    }
    last.contains(':').then(|| Problem::invalid("image_name", "it has a tag; give the tag as `tag`"))
}

/// The name with the default namespace in front, if it has none.
pub(super) fn full(name: &str, context: &Context) -> String {
    let variables = NAMESPACE.iter().filter_map(|variable| context.variable(variable));
    let namespace = variables.chain(context.build_namespace.clone()).find(|namespace| !namespace.is_empty());
    match namespace.filter(|_| !name.contains('/')) {
        Some(namespace) => format!("{namespace}/{name}"),
        None => name.to_owned(),
    }
}

/// The default tag: the time in UTC as `2026-08-01t06-30-05-123456-00-00`.
pub(super) fn tag_of(now: Timestamp) -> String {
    let micros = now.subsec_microsecond();
    let fraction = if micros == 0 { String::new() } else { format!("-{micros:06}") };
    format!("{}{fraction}-00-00", now.strftime("%Y-%m-%dt%H-%M-%S"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_tag_is_the_slug_of_pythons_isoformat() {
        for (time, tag) in [
            ("2026-08-01T06:30:05.123456Z", "2026-08-01t06-30-05-123456-00-00"),
            ("2026-08-01T06:30:05.000100999Z", "2026-08-01t06-30-05-000100-00-00"),
            ("2026-08-01T06:30:05Z", "2026-08-01t06-30-05-00-00"),
        ] {
            assert_eq!(tag_of(time.parse().unwrap()), tag);
        }
    }
}
