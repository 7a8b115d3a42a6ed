//! Flags of `docker build` for the arguments of docker-py.

use std::path::Path;

use serde_json::Value;

use super::build::Image;
use crate::{error::Problem, inputs, step::Object};

/// Limits of containers, and their flags.
const LIMITS: [(&str, &str); 4] = [
    ("memory", "--memory"),
    ("memswap", "--memory-swap"),
    ("cpushares", "--cpu-shares"),
    ("cpusetcpus", "--cpuset-cpus"),
];

/// Sources that are no directory of this machine.
const REMOTE: [&str; 5] = ["http://", "https://", "git://", "github.com/", "git@"];

pub(super) fn check(given: &Object) -> Vec<Problem> {
    let is_known = |name: &str| LIMITS.iter().any(|(limit, _)| *limit == name);
    let mut problems = Vec::new();
    if inputs::entries(given, "container_limits").any(|(name, _)| !is_known(name)) {
        let keys = "its keys are `memory`, `memswap`, `cpushares` and `cpusetcpus`";
        problems.push(Problem::invalid("container_limits", keys));
    }
    if !inputs::flag(given, "use_config_proxy", true) {
        let always = "docker's command line always passes on the proxies of its configuration; remove it";
        problems.push(Problem::invalid("use_config_proxy", always));
    }
    problems
}

/// The arguments behind `docker`.
pub(super) fn arguments(given: &Object, image: &Image, directory: &Path) -> Vec<String> {
    let mut flags = Flags(vec!["build".to_owned()]);
    flags.switch("--pull", inputs::flag(given, "pull", true));
    flags.switch("--quiet", inputs::flag(given, "quiet", false));
    flags.switch("--no-cache", inputs::flag(given, "nocache", false));
    // docker-py keeps the containers of a build unless told otherwise, docker removes them.
    if let Some(remove) = given.get("rm").and_then(Value::as_bool) {
        flags.0.push(format!("--rm={remove}"));
    }
    flags.switch("--force-rm", inputs::flag(given, "forcerm", false));
    flags.switch("--compress", inputs::flag(given, "gzip", false));
    flags.switch("--squash", inputs::flag(given, "squash", false));
    for (limit, flag) in LIMITS {
        let value = inputs::entries(given, "container_limits")
            .find(|(name, _)| *name == limit)
            .map(|(_, value)| inputs::written(value));
        flags.option(flag, value);
    }
    flags.pairs("--build-arg", given, "buildargs", '=');
    flags.option("--shm-size", given.get("shmsize").filter(|size| !size.is_null()).map(inputs::written));
    flags.all("--label", image.labels(given));
    flags.all("--cache-from", inputs::texts(given, "cache_from"));
    flags.option("--target", inputs::text(given, "target"));
    flags.option("--network", inputs::text(given, "network_mode"));
    flags.pairs("--add-host", given, "extra_hosts", ':');
    flags.option("--platform", inputs::text(given, "platform"));
    flags.option("--isolation", inputs::text(given, "isolation"));
    let context = context(given, directory);
    flags.option("--file", Some(image.file(&context, REMOTE.iter().any(|start| context.starts_with(start)))));
    flags.all("--tag", image.references());
    flags.0.push("--iidfile".to_owned());
    flags.0.push(image.id_file());
    flags.0.push(context);
    flags.0
}

/// The source of the build: a directory, or an address as it is written.
fn context(given: &Object, directory: &Path) -> String {
    let path = inputs::text(given, "path").unwrap_or_default();
    if REMOTE.iter().any(|start| path.starts_with(start)) {
        return path.to_owned();
    }
    super::build::directory_of(path, directory)
}

/// Words of a command line.
pub(super) struct Flags(pub(super) Vec<String>);

impl Flags {
    pub(super) fn switch(&mut self, flag: &str, on: bool) {
        if on {
            self.0.push(flag.to_owned());
        }
    }

    pub(super) fn option(&mut self, flag: &str, value: Option<impl Into<String>>) {
        if let Some(value) = value {
            self.0.extend([flag.to_owned(), value.into()]);
        }
    }

    pub(super) fn all(&mut self, flag: &str, values: impl IntoIterator<Item = impl Into<String>>) {
        for value in values {
            self.option(flag, Some(value));
        }
    }

    /// The entries of a mapping. One without a value takes that of the variable of its name.
    pub(super) fn pairs(&mut self, flag: &str, given: &Object, input: &str, between: char) {
        for (name, value) in inputs::entries(given, input) {
            let value = if value.is_null() { String::new() } else { format!("{between}{}", inputs::written(value)) };
            self.option(flag, Some(format!("{name}{value}")));
        }
    }
}
