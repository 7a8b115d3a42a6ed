//! The steps whose arguments are known: those of Prefect 3.9.1, prefect-docker 0.7.4, prefect-aws 0.7.12, prefect-gcp and
//! prefect-azure.
//!
//! A table, because a wrong argument is to be found before the first step runs, and in steps that only a container runs.

mod docker;

use crate::step::Object;
pub(crate) use docker::is_buildx;

/// What an argument may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Text,
    Flag,
    Integer,
    /// A list of texts.
    Texts,
    /// A text or a list of texts.
    TextOrTexts,
    /// A mapping to texts.
    TextMap,
    /// A mapping to texts, numbers and flags.
    ScalarMap,
    /// Any mapping.
    Mapping,
    /// A flag or a mapping to scalars.
    FlagOrMap,
    /// A text, a mapping to scalars or a list of those.
    TextOrMaps,
    /// Anything.
    Any,
}

/// An argument.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Input {
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    pub(crate) required: bool,
}

const fn required(name: &'static str, kind: Kind) -> Input {
    Input { name, kind, required: true }
}

const fn optional(name: &'static str, kind: Kind) -> Input {
    Input { name, kind, required: false }
}

/// The native implementations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Native {
    GitClone,
    SetWorkingDirectory,
    RunShellScript,
    PipInstallRequirements,
    BuildDockerImage,
    PushDockerImage,
    PushToS3,
    PullFromS3,
}

/// A known step.
#[derive(Debug)]
pub(crate) struct Signature {
    /// Modules that have it; the first is the one that people write.
    pub(crate) modules: &'static [&'static str],
    pub(crate) name: &'static str,
    pub(crate) inputs: &'static [Input],
    /// Whether it passes on arguments that it does not name.
    pub(crate) open: bool,
    pub(crate) outputs: &'static [&'static str],
    pub(crate) native: Option<Native>,
}

impl Signature {
    /// The full name that people write.
    pub(crate) fn full_name(&self) -> String {
        format!("{}.{}", self.modules[0], self.name)
    }

    /// The arguments, of which those of a docker build depend on `build_backend`.
    pub(crate) fn inputs(&self, given: &Object) -> Vec<Input> {
        let more = if self.native == Some(Native::BuildDockerImage) { docker::build_inputs(given) } else { &[] };
        self.inputs.iter().chain(more).copied().collect()
    }

    /// Why it runs in Python; none for a native one.
    pub(crate) fn needs_python(&self, given: &Object) -> Option<String> {
        match self.native {
            None => Some(format!("`{}` is a Python function", self.full_name())),
            Some(Native::PushToS3 | Native::PullFromS3) => crate::s3::needs_python(given)
                .map(|input| format!("`{input}` is only understood by `{}` in Python", self.full_name())),
            Some(_) => None,
        }
    }
}

/// The known step of this name.
pub(crate) fn of(function: &str) -> Option<&'static Signature> {
    let (module, name) = function.rsplit_once('.')?;
    KNOWN.iter().find(|known| known.name == name && known.modules.contains(&module))
}

/// Whether all functions of the module are known.
pub(crate) fn knows_module(module: &str) -> bool {
    KNOWN.iter().any(|known| known.modules[0] == module)
}

/// The last part of a function's name.
pub(crate) fn short(function: &str) -> &str {
    function.rsplit(['.', ':']).next().unwrap_or(function)
}

const PULL: &[&str] = &["prefect.deployments.steps", "prefect.deployments.steps.pull"];
const UTILITY: &[&str] = &["prefect.deployments.steps", "prefect.deployments.steps.utility"];
const DOCKER: &[&str] = &["prefect_docker.deployments.steps"];
const AWS: &[&str] = &["prefect_aws.deployments.steps"];
const GCP: &[&str] = &["prefect_gcp.deployments.steps"];
const AZURE: &[&str] = &["prefect_azure.deployments.steps"];

/// All known steps.
pub(crate) static KNOWN: &[Signature] = &[
    Signature {
        modules: PULL,
        name: "git_clone",
        inputs: &[
            required("repository", Kind::Text),
            optional("branch", Kind::Text),
            optional("commit_sha", Kind::Text),
            optional("include_submodules", Kind::Flag),
            optional("access_token", Kind::Text),
            optional("credentials", Kind::Mapping),
            optional("directories", Kind::Texts),
            optional("clone_directory_name", Kind::Text),
        ],
        open: false,
        outputs: &["directory"],
        native: Some(Native::GitClone),
    },
    Signature {
        modules: PULL,
        name: "set_working_directory",
        inputs: &[required("directory", Kind::Text)],
        open: false,
        outputs: &["directory"],
        native: Some(Native::SetWorkingDirectory),
    },
    Signature {
        modules: PULL,
        name: "pull_from_remote_storage",
        inputs: &[required("url", Kind::Text)],
        open: true,
        outputs: &["directory"],
        native: None,
    },
    Signature {
        modules: PULL,
        name: "pull_with_block",
        inputs: &[required("block_document_name", Kind::Text), required("block_type_slug", Kind::Text)],
        open: false,
        outputs: &["directory"],
        native: None,
    },
    Signature {
        modules: UTILITY,
        name: "run_shell_script",
        inputs: &[
            required("script", Kind::Text),
            optional("directory", Kind::Text),
            optional("env", Kind::TextMap),
            optional("stream_output", Kind::Flag),
            optional("expand_env_vars", Kind::Flag),
            optional("shell", Kind::Flag),
        ],
        open: false,
        outputs: &["stdout", "stderr"],
        native: Some(Native::RunShellScript),
    },
    Signature {
        modules: UTILITY,
        name: "pip_install_requirements",
        inputs: &[
            optional("directory", Kind::Text),
            optional("requirements_file", Kind::Text),
            optional("stream_output", Kind::Flag),
        ],
        open: false,
        outputs: &["stdout", "stderr"],
        native: Some(Native::PipInstallRequirements),
    },
    Signature {
        modules: DOCKER,
        name: "build_docker_image",
        inputs: &[
            required("image_name", Kind::Text),
            optional("dockerfile", Kind::Text),
            optional("tag", Kind::Text),
            optional("additional_tags", Kind::Texts),
            optional("ignore_cache", Kind::Flag),
            optional("persist_dockerfile", Kind::Flag),
            optional("dockerfile_output_path", Kind::Text),
            optional("build_backend", Kind::Text),
        ],
        open: false,
        outputs: &["image_name", "tag", "image", "image_id", "additional_tags"],
        native: Some(Native::BuildDockerImage),
    },
    Signature {
        modules: DOCKER,
        name: "push_docker_image",
        inputs: &[
            required("image_name", Kind::Text),
            optional("tag", Kind::Text),
            optional("credentials", Kind::Mapping),
            optional("additional_tags", Kind::Texts),
            optional("ignore_cache", Kind::Flag),
            optional("build_backend", Kind::Text),
        ],
        open: false,
        outputs: &["image_name", "tag", "image", "additional_tags"],
        native: Some(Native::PushDockerImage),
    },
    Signature {
        modules: AWS,
        name: "push_to_s3",
        inputs: &[
            required("bucket", Kind::Text),
            required("folder", Kind::Text),
            optional("credentials", Kind::Mapping),
            optional("client_parameters", Kind::Mapping),
            optional("ignore_file", Kind::Text),
        ],
        open: false,
        outputs: &["bucket", "folder"],
        native: Some(Native::PushToS3),
    },
    Signature {
        modules: AWS,
        name: "pull_from_s3",
        inputs: &[
            required("bucket", Kind::Text),
            required("folder", Kind::Text),
            optional("credentials", Kind::Mapping),
            optional("client_parameters", Kind::Mapping),
        ],
        open: false,
        outputs: &["bucket", "folder", "directory"],
        native: Some(Native::PullFromS3),
    },
    Signature {
        modules: GCP,
        name: "push_to_gcs",
        inputs: &[
            required("bucket", Kind::Text),
            required("folder", Kind::Text),
            optional("project", Kind::Text),
            optional("credentials", Kind::Mapping),
            optional("ignore_file", Kind::Text),
        ],
        open: false,
        outputs: &["bucket", "folder"],
        native: None,
    },
    Signature {
        modules: GCP,
        name: "pull_from_gcs",
        inputs: &[
            required("bucket", Kind::Text),
            required("folder", Kind::Text),
            optional("project", Kind::Text),
            optional("credentials", Kind::Mapping),
        ],
        open: false,
        outputs: &["bucket", "folder", "directory"],
        native: None,
    },
    Signature {
        modules: AZURE,
        name: "push_to_azure_blob_storage",
        inputs: &[
            required("container", Kind::Text),
            required("folder", Kind::Text),
            required("credentials", Kind::Mapping),
            optional("ignore_file", Kind::Text),
        ],
        open: false,
        outputs: &["container", "folder"],
        native: None,
    },
    Signature {
        modules: AZURE,
        name: "pull_from_azure_blob_storage",
        inputs: &[
            required("container", Kind::Text),
            required("folder", Kind::Text),
            required("credentials", Kind::Mapping),
        ],
        open: false,
        outputs: &["container", "folder", "directory"],
        native: None,
    },
];
