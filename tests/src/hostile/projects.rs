//! Files of a user's project: `prefect.yaml`, and Python source that is read and never run.

use std::{cell::LazyCell, fs};

use flows::Project;
use tempfile::TempDir;

use super::{Dice, Verdict, odd};

/// Lines of deployment files, well-formed or not.
const LINES: &[&str] = &[
    "deployments:",
    "- name: one",
    "- name: on",
    "  name: two",
    "  entrypoint: flow.py:f",
    "  tags: [a, 012, yes, ~]",
    "  tags: {{ $TAGS }}",
    "  version: '{{ $V | upper }}'",
    "  description: '{{ NAME }} {{}} {{ }} }}{{'",
    "  parameters: {'{{ $K }}': 1, ~: 2}",
    "    max_scheduled_runs: 1e9",
    "    replaces: {{ a }}",
    "  tags: *a",
    "  parameters: &a {x: 1}",
    "  <<: *a",
    "  <<: [*a, *a]",
    "  schedules:",
    "  - cron: 0 6 * * *",
    "  - cron: '*/0 * * * *'",
    "  - interval: 1:30:00",
    "  - interval: 1e400",
    "  - interval: P1M",
    "  - rrule: FREQ=SECONDLY;INTERVAL=99999999999",
    "  - {rrule: 'FREQ=YEARLY;BYYEARDAY=366', timezone: Mars/Olympus}",
    "    timezone: Europe/Madrid",
    "    slug: s",
    "  schedule: {interval: 60, anchor_date: 0000-00-00}",
    "  concurrency_limit: {limit: -1, collision_strategy: X}",
    "  triggers:",
    "  - {type: compound, require: 99, triggers: [{expect: [a]}]}",
    "  - expect: a",
    "    within: -PT1H",
    "  work_pool: {name: p, job_variables: {env: {A: '{{ a.b }}'}}}",
    "build:",
    "- prefect.deployments.steps.run_shell_script:",
    "    id: a",
    "    script: echo \"{{ a.stdout }}",
    "- my.steps.build: {id: b}",
    "- {a: 1, b: 2}",
    "pull: null",
    "push: x",
    "? {a: b}",
    "--- !!python/object:os.system",
    "%YAML 9.9",
    "\t- tab",
    "!!binary aaaa====",
    "- |",
    "    text",
    "# comment",
];

/// Lines of Python.
const SOURCE: &[&str] = &[
    "from __future__ import annotations",
    "from prefect import flow, task",
    "from pydantic import BaseModel, Field",
    "from .other import *",
    "import flow",
    "class M(BaseModel):",
    "    m: 'M | None' = None",
    "    n: list['M'] = Field(default_factory=list)",
    "class N(M, N): pass",
    "X = X | int",
    "type Y = list[Y]",
    "@flow",
    "@flow(name='a' * 9999, description=x)",
    "@task",
    "async def f(a, b: int = 1, *c: X, d: M = M(), **e: Y) -> None:",
    "def f(a: Literal[1, 'x'], b: Annotated[int, Field(ge=1)] = 10**10**10):",
    "def f(",
    "    \"\"\"Doc. {{ x }}",
    "    Args:",
    "        a: text",
    "    \"\"\"",
    "    return 1",
    "    pass",
    "f = flow(f)",
    "sys.exit('no')",
    "x = ((((((((((((((((1",
    "\\",
    "'''",
];

fn lines(dice: &mut Dice, known: &[&str]) -> Vec<u8> {
    let mut text = String::new();
    for _ in 0..1 + dice.below(24) {
        if dice.one_in(12) {
            text.push_str(&odd::text(dice));
        } else {
            text.push_str(dice.pick(known));
        }
        text.push_str(if dice.one_in(20) { "\r\n" } else { "\n" });
    }
    let mut text = text.into_bytes();
    if dice.one_in(3) {
        dice.spoil_text(&mut text);
    }
    text
}

/// A deployment file.
pub(super) fn file(dice: &mut Dice) -> Vec<u8> {
    lines(dice, LINES)
}

pub(super) fn drive_file(input: &[u8]) -> Verdict {
    let Ok(text) = std::str::from_utf8(input) else { return Verdict::Refused("not UTF-8") };
    let findings = deploy::lint("prefect.yaml", text);
    match findings.problems.first() {
        None => Verdict::Accepted,
        Some(problem) => super::refused(&problem.diagnosis()),
    }
}

/// A module with a flow.
pub(super) fn source(dice: &mut Dice) -> Vec<u8> {
    lines(dice, SOURCE)
}

thread_local! {
    static FOLDER: LazyCell<TempDir> = LazyCell::new(|| tempfile::tempdir().expect("a temporary folder"));
}

pub(super) fn drive_source(input: &[u8]) -> Verdict {
    FOLDER.with(|folder| {
        fs::write(folder.path().join("flow.py"), input).expect("the source is written");
        match Project::new(folder.path()).flow("flow.py:f") {
            Ok(_) => Verdict::Accepted,
            Err(error) => {
                assert!(!error.to_string().is_empty() && error.to_string().len() < 100_000, "{error}");
                Verdict::Refused("no flow")
            }
        }
    })
}
