//! Arguments that `build_docker_image` passes on, by backend.

use serde_json::Value;

use super::{Input, Kind, optional};
use crate::step::Object;

/// Those of docker-py 7 (`APIClient.build`) that a file can give. `decode` and `labels` are also set by the step.
const DOCKER_PY: &[Input] = &[
    optional("path", Kind::Text),
    optional("quiet", Kind::Flag),
    optional("nocache", Kind::Flag),
    optional("rm", Kind::Flag),
    optional("timeout", Kind::Integer),
    optional("pull", Kind::Flag),
    optional("forcerm", Kind::Flag),
    optional("container_limits", Kind::ScalarMap),
    optional("decode", Kind::Flag),
    optional("buildargs", Kind::TextMap),
    optional("gzip", Kind::Flag),
    optional("shmsize", Kind::Integer),
    optional("labels", Kind::TextMap),
    optional("cache_from", Kind::Texts),
    optional("target", Kind::Text),
    optional("network_mode", Kind::Text),
    optional("squash", Kind::Flag),
    optional("extra_hosts", Kind::TextMap),
    optional("platform", Kind::Text),
    optional("isolation", Kind::Text),
    optional("use_config_proxy", Kind::Flag),
];

/// Those of python-on-whales 0.81 (`docker.buildx.build`) and of the step itself.
const BUILDX: &[Input] = &[
    optional("path", Kind::Text),
    optional("push", Kind::Flag),
    optional("pull", Kind::Flag),
    optional("platform", Kind::TextOrTexts),
    optional("platforms", Kind::Texts),
    optional("labels", Kind::ScalarMap),
    optional("decode", Kind::Flag),
    optional("add_hosts", Kind::TextMap),
    optional("allow", Kind::TextOrTexts),
    optional("attest", Kind::ScalarMap),
    optional("build_args", Kind::ScalarMap),
    optional("build_contexts", Kind::ScalarMap),
    optional("builder", Kind::Text),
    optional("cache", Kind::Flag),
    optional("cache_from", Kind::TextOrMaps),
    optional("cache_to", Kind::TextOrMaps),
    optional("load", Kind::Flag),
    optional("metadata_file", Kind::Text),
    optional("network", Kind::Text),
    optional("output", Kind::ScalarMap),
    optional("progress", Kind::Any),
    optional("provenance", Kind::FlagOrMap),
    optional("sbom", Kind::FlagOrMap),
    optional("secrets", Kind::TextOrTexts),
    optional("ssh", Kind::Text),
    optional("target", Kind::Text),
];

pub(super) fn build_inputs(given: &Object) -> &'static [Input] {
    if is_buildx(given) { BUILDX } else { DOCKER_PY }
}

/// Whether the backend is buildx; docker-py is the default.
pub(crate) fn is_buildx(given: &Object) -> bool {
    given.get("build_backend").and_then(Value::as_str) == Some("buildx")
}
