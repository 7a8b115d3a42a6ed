//! `build_docker_image` and `push_docker_image`, through the `docker` on the path.
//!
//! `build_backend: docker-py`, the default, becomes `docker build` with flags for docker-py's arguments, and `buildx` becomes
//! `docker buildx build` with those that python-on-whales writes. So builders, contexts and logins of the user's docker
//! apply. An image gets its tags from the build; docker-py tags it afterwards.

mod build;
mod buildx;
mod classic;
mod dockerfile;
mod name;
mod push;

use crate::{error::Problem, inputs, signature::is_buildx, step::Object};

pub(crate) use build::build;
pub(crate) use push::push;

const BACKENDS: [&str; 2] = ["docker-py", "buildx"];

/// What cannot be built, before anything runs.
pub(crate) fn check_build(given: &Object) -> Vec<Problem> {
    let mut problems = check_push(given);
    if is_buildx(given) {
        problems.extend(buildx::check(given));
    } else {
        problems.extend(classic::check(given));
    }
    problems
}

/// What cannot be pushed, before anything runs.
pub(crate) fn check_push(given: &Object) -> Vec<Problem> {
    let name = inputs::settled(given, "image_name").and_then(name::wrong);
    let backend = inputs::settled(given, "build_backend").filter(|backend| !BACKENDS.contains(backend));
    let backend = backend.map(|_| Problem::invalid("build_backend", "it is either `docker-py` or `buildx`"));
    name.into_iter().chain(backend).collect()
}

/// Why docker does not run, for people.
fn install(problem: Problem) -> Problem {
    match problem {
        Problem::NoProgram { program, .. } => Problem::NoProgram {
            program,
            hint: Some("Install Docker's command line, or put it on the PATH".to_owned()),
        },
        other => other,
    }
}

/// What to do about an error of docker.
fn hint(output: &str) -> Option<&'static str> {
    const HINTS: [(&str, &str); 5] = [
        ("cannot connect to the docker daemon", "Start Docker, or set DOCKER_HOST."),
        ("unknown command: docker buildx", "Install Docker's buildx plugin, or use `build_backend: docker-py`."),
        ("no basic auth credentials", "Log in to the registry with `docker login`, or give `credentials`."),
        ("denied", "Check the name of the image, and log in to its registry with `docker login`."),
        ("unauthorized", "Log in to the registry with `docker login`, or give `credentials`."),
    ];
    let output = output.to_lowercase();
    HINTS.iter().find(|(sign, _)| output.contains(sign)).map(|(_, hint)| *hint)
}
