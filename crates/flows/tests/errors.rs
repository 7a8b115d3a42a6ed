//! What people read when an entrypoint names no flow, and flows that are found nevertheless.

use std::{fmt::Write as _, path::Path};

use flows::{FlowError, Project};

fn project() -> Project {
    Project::new(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/projects/errors"))
}

/// What becomes of each entrypoint, a line each.
fn said_of(entrypoints: &[&str]) -> String {
    let project = project();
    let mut said = String::new();
    for entrypoint in entrypoints {
        match project.flow(entrypoint) {
            Ok(flow) => {
                writeln!(said, "{entrypoint} -> {}", flow.name).expect("strings take everything");
                for unknown in flow.unknown {
                    writeln!(said, "    {:?}: {} ({})", unknown.part, unknown.why, unknown.place)
                        .expect("strings take everything");
                }
            }
            Err(error) => {
                let source = std::error::Error::source(&error).map(|source| format!(": {source}")).unwrap_or_default();
                writeln!(said, "{error}{source}").expect("strings take everything");
            }
        }
    }
    said
}

#[test]
fn an_entrypoint_that_is_badly_written_is_explained() {
    insta::assert_snapshot!(said_of(&[
        "",
        "  ",
        "flows.py",
        "flows.py:",
        "daily_report",
        "flows",
        ":daily_report",
        "flows.py:daily-report",
        "flows.py:daily_reprot",
        "flows.py:nothing_alike",
        "flows.py:Reports.monthli",
        "flows.py:daily_report.x",
    ]));
}

#[test]
fn a_file_or_module_that_is_not_there_gets_a_suggestion() {
    insta::assert_snapshot!(said_of(&[
        "flow.py:daily_report",
        "missing.py:daily_report",
        "missing.py:nothing",
        "sub/flows.py:daily_report",
        ".:daily_report",
        "package:nested_flow",
        "empty:flow",
        "package.py:nested_flow",
        "nowhere.at.all.daily_report",
        "nowhere.at.all:x",
        "package.missing.nested_flow",
        "empty.flow",
        "/nowhere/flows.py:x",
        "flows.txt:x",
    ]));
}

#[test]
fn what_is_no_flow_is_named_with_its_place() {
    insta::assert_snapshot!(said_of(&[
        "flows.py:plain",
        "flows.py:step",
        "flows.py:asynchronous",
        "flows.py:Reports",
        "flows.py:Reports.helper",
        "flows.py:NUMBER",
        "flows.py:made",
        "flows.py:task",
        "serving.py:job",
        "package:inner",
        "unclear.py:found",
        "unclear.py:outside",
    ]));
}

#[test]
fn a_file_that_is_no_python_is_shown_where() {
    insta::assert_snapshot!(said_of(&[
        "syntax.py:broken",
        "indented.py:indented",
        "unclosed.py:x",
        "string.py:x",
        "latin.py:x",
        "koi.py:x",
        "package.broken.x",
    ]));
}

#[test]
fn a_module_that_cannot_be_imported_has_no_flow() {
    insta::assert_snapshot!(said_of(&["exits.py:never", "raises.py:never"]));
}

#[test]
fn names_that_prefect_refuses_are_refused() {
    insta::assert_snapshot!(said_of(&["names.py:slashed", "names.py:reserved", "names.py:hidden"]));
}

#[test]
fn what_is_not_followed_is_left_open() {
    insta::assert_snapshot!(said_of(&["unclear.py:inside", "unclear.py:options", "unclear.py:spread"]));
}

#[test]
fn a_default_that_is_not_known_makes_a_parameter_optional() {
    let flow = project().flow("unclear.py:foreign").expect("it is a flow");
    assert_eq!(flow.schema["required"], serde_json::json!(["needed"]), "{}", flow.schema);
}

#[test]
fn every_way_to_write_an_entrypoint_finds_the_flow() {
    let project = project();
    for entrypoint in [
        "flows.py:daily_report",
        "./flows.py:daily_report",
        "flows:daily_report",
        "flows.daily_report",
        "flows.py:Reports.monthly",
        "flows:Reports.monthly",
        "package/inner.py:nested_flow",
        "package.inner:nested_flow",
        "package.inner.nested_flow",
        "package:inner.nested_flow",
        "package.nested_flow",
        "package/__init__.py:nested_flow",
        "crlf.py:crlf",
        "bom.py:bom",
    ] {
        let flow = project.flow(entrypoint);
        assert!(flow.is_ok(), "{entrypoint}: {}", flow.map(|_| ()).expect_err("it is an error"));
    }
}

#[test]
fn an_imported_flow_belongs_to_the_file_that_defines_it() {
    let flow = project().flow("package.nested_flow").expect("the package imports it");
    assert_eq!(flow.file.as_deref(), Some(Path::new("package/inner.py")));
    assert_eq!((flow.function.as_str(), flow.line), ("nested_flow", Some(5)));
}

#[test]
fn lines_that_end_as_on_windows_leave_no_trace() {
    let flow = project().flow("crlf.py:crlf").expect("it is a flow");
    assert_eq!(flow.description.as_deref(), Some("Doc.\n\nArgs:\n    a: first"));
    assert_eq!(flow.schema["properties"]["a"]["description"], "first");
}

#[test]
fn an_absolute_path_is_taken_as_it_is() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/projects/errors/flows.py");
    let flow = Project::new("/").flow(&format!("{}:daily_report", file.display())).expect("it is a flow");
    assert_eq!(flow.name, "daily-report");
}

#[test]
fn an_error_has_an_entrypoint_and_a_kind() {
    let error = project().flow("flows.py:step").expect_err("a task is no flow");
    assert!(matches!(error, FlowError::NotAFlow { kind: flows::Kind::Task, .. }), "{error}");
}

#[test]
fn the_flows_of_a_project_are_found() {
    let found = project().find();
    let lines: Vec<String> =
        found.iter().map(|found| format!("{} {:?} {}", found.entrypoint, found.name, found.place)).collect();
    insta::assert_snapshot!(lines.join("\n"));
}

#[test]
fn a_flow_knows_which_packages_its_file_imports() {
    let folder = tempfile::tempdir().expect("a folder");
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().expect("it lies in the folder")).expect("the folder is made");
        std::fs::write(path, text).expect("the file is written");
    };
    write(
        "etl.py",
        "import csv, numpy.linalg\nfrom typing import TYPE_CHECKING\nfrom prefect import flow\n\
         from shared.frames import Frame\nfrom beside import *\n\
         try:\n    import ujson\nexcept ImportError:\n    ujson = None\n\
         if TYPE_CHECKING:\n    import polars\nelse:\n    import torch\n\n\n@flow\ndef etl():\n    import boto3\n",
    );
    write("shared/__init__.py", "import attrs\n");
    write("shared/frames.py", "from pandas import DataFrame as Frame\nfrom . import more\n");
    write("shared/more.py", "import etl, duckdb\n");
    write("beside.py", "import requests\n");
    let flow = Project::new(folder.path()).flow("etl.py:etl").expect("a flow");
    assert_eq!(flow.needs, ["attrs", "duckdb", "numpy", "pandas", "requests", "torch"]);
}
