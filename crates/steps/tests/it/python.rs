//! Steps in Python, with the `python3` on the path.

use serde_json::{Value, json};
use steps::{Context, StepError};

use crate::kit::{Project, run};

const STEPS: &str = r#"
import asyncio, pathlib, sys

def build(x, y=2):
    print("building", x)
    print("careful", file=sys.stderr)
    return {"sum": x + y, "path": pathlib.Path("/a/b"), "text": "grüße", "input": sys.stdin.read()}

async def slow(x):
    await asyncio.sleep(0)
    return {"x": x}

def nothing():
    return "not a mapping"

def fails(token):
    raise ValueError("bad token " + token)

def leaves():
    sys.exit(4)

class Steps:
    @staticmethod
    def inner(x):
        return {"x": x}
"#;

fn project() -> (Project, Context) {
    let project = Project::with(&[
        ("own_steps.py", STEPS),
        ("lib/more.py", "from own_steps import build\n"),
        ("broken.py", "import not_there_at_all\n"),
    ]);
    let mut context = project.context();
    context.python = Some("python3".into());
    context.environment.insert("PYTHONDONTWRITEBYTECODE".to_owned(), "1".to_owned());
    (project, context)
}

fn ran(function: &str, inputs: Value) -> Result<Value, StepError> {
    run(&project().1, function, inputs)
}

fn refused(function: &str, inputs: Value) -> String {
    ran(function, inputs).unwrap_err().to_string()
}

#[test]
fn a_function_of_the_project_runs_and_may_print() {
    let (project, context) = project();
    let outputs = run(&context, "own_steps.build", json!({"id": "mine", "x": 40})).unwrap();
    assert_eq!(outputs, json!({"sum": 42, "path": "/a/b", "text": "grüße", "input": ""}));
    let mut lines = project.lines();
    lines.sort();
    assert_eq!(lines, ["mine │ building 40", "mine │ careful"]);
}

#[test]
fn all_ways_to_name_a_function_are_understood() {
    for function in ["own_steps.slow", "own_steps:slow", "own_steps:Steps.inner"] {
        assert_eq!(ran(function, json!({"x": [1, {"a": null}]})).unwrap(), json!({"x": [1, {"a": null}]}));
    }
    assert_eq!(ran("lib/more.py:build", json!({"x": 1})).unwrap()["sum"], 3);
    assert_eq!(ran("own_steps.nothing", json!({})).unwrap(), json!({}));
}

#[test]
fn an_exception_is_named_without_secrets() {
    let (project, context) = project();
    let error = run(&context, "own_steps.fails", json!({"token": "hunter22"})).unwrap_err().to_string();
    assert_eq!(error, "step `fails`: `own_steps.fails` raised ValueError: bad token ***");
    let lines = project.lines().join("\n");
    assert!(lines.contains("own_steps.py") && !lines.contains("<string>") && !lines.contains("hunter22"), "{lines}");
    let wrong = refused("own_steps.build", json!({"z": 1}));
    assert!(wrong.contains("raised TypeError") && wrong.contains("'z'"), "{wrong}");
}

#[test]
fn a_function_that_ends_the_process_is_a_failure() {
    assert!(refused("own_steps.leaves", json!({})).contains("`own_steps.leaves` exited with status 4"));
}

#[test]
fn what_is_not_there_is_named() {
    let module = refused("c27_nowhere.steps.build", json!({"x": 1}));
    assert!(module.contains("there is no Python module `c27_nowhere` for `python3`"), "{module}");
    let function = refused("own_steps.biuld", json!({}));
    assert_eq!(function, "step `biuld`: the Python module `own_steps` has no `biuld`. Did you mean `build`?");
    let inner = refused("broken.build", json!({}));
    assert!(inner.contains("raised ModuleNotFoundError: No module named 'not_there_at_all'"), "{inner}");
    assert!(refused("gone.py:build", json!({})).contains("`gone.py`"));
}

#[test]
fn a_required_package_is_named_and_not_installed() {
    let error = refused("own_steps.nothing", json!({"requires": ["json", "c27-nowhere-package[x]>=1"]}));
    assert!(error.contains("it requires `c27-nowhere-package[x]>=1`, which `python3` does not have"), "{error}");
    assert!(error.contains("Run `python3 -m pip install 'c27-nowhere-package[x]>=1'`"), "{error}");
}

#[test]
fn without_python_the_error_says_what_needs_it() {
    let (_project, mut context) = project();
    context.python = None;
    let error = run(&context, "own_steps.nothing", json!({})).unwrap_err().to_string();
    assert!(error.contains("`own_steps.nothing` is a Python function, and there is no Python;"), "{error}");
    let pip = run(&context, "prefect.deployments.steps.pip_install_requirements", json!({})).unwrap_err().to_string();
    assert!(
        pip.contains("`pip_install_requirements` installs into the project's Python, and there is no Python"),
        "{pip}"
    );
    let requires = run(&context, "own_steps.nothing", json!({"requires": "some-package>=1"})).unwrap_err().to_string();
    assert!(requires.contains("requires `some-package>=1`, and there is no Python"), "{requires}");
    context.python = Some("/nowhere/python".into());
    let error = run(&context, "own_steps.nothing", json!({})).unwrap_err().to_string();
    assert!(error.contains("there is no program `/nowhere/python`"), "{error}");
}

#[test]
fn requirements_are_installed_by_the_projects_pip() {
    let project = Project::with(&[("sub/requirements.txt", "# nothing\n")]);
    let mut context = project.context();
    // A Python that shows its arguments.
    context.python = Some("/bin/echo".into());
    let function = "prefect.deployments.steps.pip_install_requirements";
    let outputs = run(&context, function, json!({"directory": "sub"})).unwrap();
    assert_eq!(outputs, json!({"stdout": "-m pip install -r requirements.txt", "stderr": ""}));
    assert_eq!(project.lines(), ["pip_install_requirements │ -m pip install -r requirements.txt"]);
    context.python = Some("false".into());
    let error = run(&context, function, json!({"requirements_file": "dev.txt"})).unwrap_err().to_string();
    assert!(error.contains("`pip install -r dev.txt` exited with status 1"), "{error}");
}
