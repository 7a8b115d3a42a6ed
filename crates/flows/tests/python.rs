//! The program that asks the project's Python. A stand-in for Prefect lies in the project's folder, so that any Python runs
//! it; that the real Prefect offers the same functions is for the tests of the whole to show.

use std::{
    fs,
    io::Write as _,
    path::Path,
    process::{Command, Stdio},
};

use flows::python::{Answer, SCRIPT, answers, request};
use serde_json::json;

const STAND_IN: &[(&str, &str)] = &[
    ("prefect/__init__.py", ""),
    (
        "prefect/flows.py",
        r#"
import importlib.util

class ScriptError(Exception):
    def __init__(self, user_exc):
        self.user_exc = user_exc

class Flow:
    def __init__(self, fn, version=None):
        self.fn, self.name, self.description = fn, fn.__name__, fn.__doc__
        self.version = version

def load_flow_from_entrypoint(entrypoint):
    file, name = entrypoint.rsplit(":", 1)
    spec = importlib.util.spec_from_file_location("loaded", file)
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise ScriptError(error) from error
    return Flow(getattr(module, name), getattr(module, "VERSION", None))
"#,
    ),
    ("prefect/utilities/__init__.py", ""),
    (
        "prefect/utilities/callables.py",
        r#"
class Schema:
    def __init__(self, names):
        self.names = names

    def model_dump(self, exclude_unset):
        assert exclude_unset
        return {"title": "Parameters", "type": "object", "properties": {name: {} for name in self.names}}

def parameter_schema(flow):
    return Schema(flow.fn.__code__.co_varnames)
"#,
    ),
    ("prefect/utilities/hashing.py", "def file_hash(path):\n    return 'the hash'\n"),
    ("quiet.py", "VERSION = 'the hash'\n\n\ndef daily(a, b):\n    'Doc.'\n"),
    (
        "noisy.py",
        "import sys, os, threading, time\nprint('{\"flows\": []}')\nos.write(1, b'more')\n\
         threading.Thread(target=time.sleep, args=(600,)).start()\nassert sys.stdin.read() == ''\n\
         VERSION = '7'\n\n\ndef loud(a):\n    pass\n",
    ),
    ("exits.py", "import sys\n\nsys.exit('nothing to see')\n"),
    ("raises.py", "def fail():\n    raise ValueError('two\\nlines')\n\n\nfail()\n"),
    ("syntax.py", "def broken(:\n"),
];

fn ask(folder: &Path, entrypoints: &[&str]) -> Vec<Answer> {
    let mut command = Command::new("python3");
    command.args(["-c", SCRIPT]).current_dir(folder).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn().expect("Python starts");
    let mut input = child.stdin.take().expect("its input is a pipe");
    input.write_all(request(entrypoints.iter().copied()).as_bytes()).expect("it reads the request");
    drop(input);
    let output = child.wait_with_output().expect("it ends");
    answers(&String::from_utf8_lossy(&output.stdout)).expect("it answers")
}

#[test]
fn python_answers_for_every_entrypoint_whatever_the_code_does() {
    if Command::new("python3").arg("--version").output().is_err() {
        eprintln!("skipped: there is no python3");
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    for (name, text) in STAND_IN {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().expect("it lies in the folder")).expect("the folder is made");
        fs::write(path, text).expect("the file is written");
    }
    let entrypoints =
        ["quiet.py:daily", "noisy.py:loud", "exits.py:x", "raises.py:x", "syntax.py:x", "quiet.py:missing"];
    let found = ask(folder.path(), &entrypoints);
    assert_eq!(found.iter().map(|answer| answer.entrypoint.as_str()).collect::<Vec<_>>(), entrypoints);

    let daily = found[0].flow.as_ref().expect("it is a flow");
    assert_eq!((daily.name.as_str(), daily.description.as_deref()), ("daily", Some("Doc.")));
    assert_eq!((daily.file.as_deref(), daily.line), (Some(Path::new("quiet.py")), Some(4)));
    assert_eq!(daily.version, None, "the hash of the file is no version of its own");
    assert_eq!(daily.schema, json!({"title": "Parameters", "type": "object", "properties": {"a": {}, "b": {}}}));

    assert_eq!(found[1].flow.as_ref().expect("it is a flow").version.as_deref(), Some("7"));
    let errors: Vec<&str> =
        found[2..].iter().map(|answer| answer.flow.as_ref().expect_err("it is no flow").as_str()).collect();
    assert_eq!(errors[0], "SystemExit: nothing to see (exits.py:3)");
    assert_eq!(errors[1], "ValueError: two lines (raises.py:2)");
    assert!(errors[2].starts_with("SyntaxError: ") && errors[2].ends_with("(syntax.py:1)"), "{}", errors[2]);
    assert!(errors[3].contains("missing"), "{}", errors[3]);
}

#[test]
fn output_that_is_no_answer_is_an_error() {
    for output in ["", "Traceback", "{}", r#"{"flows": [{}]}"#, r#"{"flows": [{"entrypoint": "a", "flow": {}}]}"#] {
        assert!(answers(output).is_err(), "{output}");
    }
}
