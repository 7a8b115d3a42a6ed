//! Names of images.

use jiff::Timestamp;

use crate::{context::Context, error::Problem};

/// Variables of the setting; both names are Prefect's.
const NAMESPACE: [&str; 2] =
    ["PREFECT_DEFAULT_DOCKER_BUILD_NAMESPACE", "PREFECT_DEPLOYMENTS_DEFAULT_DOCKER_BUILD_NAMESPACE"];

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
    let namespace =
        NAMESPACE.iter().find_map(|variable| context.variable(variable)).or_else(|| context.build_namespace.clone());
    match namespace.filter(|namespace| !namespace.is_empty() && !name.contains('/')) {
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
