//! The build, push and pull steps of a deployment: its own, or those of the file; checked before any of them runs.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use diagnosis::{Code, PP0704, PP0708};
use serde_json::{Map, Value, json};
use steps::Step;
use templating::placeholder::{self, Kind};

use crate::{
    draft::Draft,
    file::File,
    fill::{Fetched, blocks_in},
    places::{dotted, nearest},
    problem::{Findings, Origin, Problem},
};

const SET_WORKING_DIRECTORY: &str = "prefect.deployments.steps.set_working_directory";
const BUILD_DOCKER_IMAGE: &str = "prefect_docker.deployments.steps.build_docker_image";

/// A step as it is written.
#[derive(Debug, Clone)]
pub(crate) struct Placed {
    pub(crate) value: Value,
    /// `build[0]`
    pub(crate) key: String,
    pub(crate) origin: Option<Origin>,
    /// Whether it stands at the top of the file, for all deployments.
    shared: bool,
}

/// The steps of a deployment.
#[derive(Debug, Clone, Default)]
pub(crate) struct Actions {
    pub(crate) build: Vec<Placed>,
    pub(crate) push: Vec<Placed>,
    /// None if neither the deployment nor the file says how a run gets its code.
    pub(crate) pull: Option<Vec<Placed>>,
}

impl Actions {
    /// The steps that hold for a deployment. An empty list switches the file's steps off; for `push` and `pull` null does
    /// not, as in Prefect.
    pub(crate) fn of(draft: &mut Draft, file: Option<&File>) -> Self {
        let mut take = |kind: &str| (draft.values.shift_remove(kind), kind.to_owned());
        let (build, push, pull) = (take("build"), take("push"), take("pull"));
        let of_file = |kind: &str| file.and_then(|file| from_file(file, kind));
        let own = |value: &Value, kind: &str| {
            placed(value, kind, false, |index| draft.places.origin(&pointer(kind, index, value)))
        };
        let or_file = |(value, kind): &(Option<Value>, String)| match value {
            None | Some(Value::Null) => of_file(kind),
            Some(value) => Some(own(value, kind)),
        };
        let build = match &build {
            (Some(Value::Null), _) => Vec::new(),
            other => or_file(other).unwrap_or_default(),
        };
        Self { build, push: or_file(&push).unwrap_or_default(), pull: or_file(&pull) }
    }

    /// Checks all steps, and that every output they name is there by then. Returns the outputs that the deployment may name.
    pub(crate) fn check(
        &self,
        draft: &Draft,
        flags: &[String],
        environment: &BTreeMap<String, String>,
        findings: &mut Findings,
    ) -> Known {
        let environment = environment.keys().cloned().collect();
        let mut known = Known { flat: flags.iter().cloned().collect(), environment, ..Known::default() };
        for step in self.build.iter().chain(&self.push) {
            check_step(step, draft, &mut known, findings);
        }
        let mut pulling = known.clone();
        for step in self.pull.iter().flatten() {
            check_step(step, draft, &mut pulling, findings);
        }
        known
    }

    /// Blocks of pull steps are filled in where a run starts, and have to exist by then.
    pub(crate) fn check_blocks(&self, draft: &Draft, fetched: &Fetched, findings: &mut Findings) {
        for step in self.pull.iter().flatten() {
            for (pointer, block) in blocks_in(&step.value).into_iter().filter(|(_, block)| fetched.lacks(block)) {
                let problem = written(step, draft, PP0704, format!("{block} does not exist on the server"));
                let problem = problem.key(format!("{}.{}", step.key, dotted(&pointer)));
                let problem = problem.help("Runs cannot get their code without it. Create the block first.");
                // As for Prefect, the file's own steps may name a block that is still to come.
                if step.shared { findings.warning(problem) } else { findings.problem(problem) }
            }
        }
    }

    /// The image's own folder if an image is built or named, else this folder; with a warning where that is doubtful.
    pub(crate) fn default_pull(&self, draft: &Draft, folder: &Path) -> (Vec<Value>, Option<Problem>) {
        let directory = |path: String| vec![json!({SET_WORKING_DIRECTORY: {"directory": path}})];
        let name = folder.file_name().unwrap_or_default().to_string_lossy();
        let warning = |text: String| {
            Some(draft.problem(PP0708, "/pull", text).help("Say it with `pull:`; `pull: []` means no steps."))
        };
        if let Some(build) = self.build.iter().find_map(|step| step.value.get(BUILD_DOCKER_IMAGE)) {
            let path = format!("/opt/prefect/{name}");
            let automatic = build.get("dockerfile").is_some_and(|it| it == "auto");
            let text = format!("no pull steps; runs will look for the code in {path} of the image");
            return (directory(path), if automatic { None } else { warning(text) });
        }
        if draft.text("/work_pool/job_variables/image").is_some() {
            let text = "no pull steps; runs will look for the code in /opt/prefect of the image".to_owned();
            return (directory("/opt/prefect".to_owned()), warning(text));
        }
        let path = folder.display().to_string();
        let text = format!("no pull steps; runs will look for the code in {path}, a folder of this machine");
        (directory(path), warning(text))
    }
}

fn pointer(kind: &str, index: usize, value: &Value) -> String {
    if value.is_array() { format!("/{kind}/{index}") } else { format!("/{kind}") }
}

fn from_file(file: &File, kind: &str) -> Option<Vec<Placed>> {
    let node = file.get(kind).filter(|node| !node.is_null())?;
    let value = node.to_json();
    Some(placed(&value, kind, true, |index| {
        let place = match value.is_array() {
            true => nearest(node, &format!("/{index}")),
            false => node.place,
        };
        Some(Origin::file(&file.name, place))
    }))
}

/// A list of steps, or one step alone.
fn placed(value: &Value, kind: &str, shared: bool, origin: impl Fn(usize) -> Option<Origin>) -> Vec<Placed> {
    let step = |(index, value): (usize, &Value)| Placed {
        value: value.clone(),
        key: format!("{kind}[{index}]"),
        origin: origin(index),
        shared,
    };
    match value {
        Value::Array(items) => items.iter().enumerate().map(step).collect(),
        Value::Object(entries) if entries.is_empty() => Vec::new(),
        other => vec![step((0, other))],
    }
}

impl Placed {
    /// A problem with this step.
    pub(crate) fn problem(&self, draft: &Draft, code: Code, text: impl Into<String>) -> Problem {
        let problem = Problem::new(code, text).of(&draft.label).key(&self.key);
        match &self.origin {
            Some(origin) => problem.at(origin.clone()),
            None => problem,
        }
    }
}

/// A problem with a step as it is written: of all deployments, if they share it.
fn written(placed: &Placed, draft: &Draft, code: Code, text: String) -> Problem {
    let mut problem = placed.problem(draft, code, text);
    if placed.shared {
        problem.subject.deployment = None;
    }
    problem
}

fn check_step(placed: &Placed, draft: &Draft, known: &mut Known, findings: &mut Findings) {
    let step = match Step::parse(&placed.value) {
        Ok(Some(step)) => step,
        Ok(None) => return,
        Err(error) => return findings.problem(written(placed, draft, PP0708, error.to_string())),
    };
    let errors = step.check().err().unwrap_or_default();
    // A name that is no function gives no outputs.
    let counts = errors.is_empty() || step.outputs().is_some();
    for error in errors {
        let mut problem = written(placed, draft, PP0708, error.to_string());
        if let Some(input) = error.input() {
            problem = problem.key(format!("{}.{}.{input}", placed.key, step.function));
        }
        findings.problem(problem);
    }
    for (pointer, name) in names_in(&placed.value) {
        if !known.has(&name) {
            let text = format!("`{{{{ {name} }}}}` is no output of a step before this one");
            let problem = written(placed, draft, PP0704, text).key(format!("{}.{}", placed.key, dotted(&pointer)));
            findings.problem(problem.help(known.help(&name)));
        }
    }
    if counts {
        known.add(&step);
    }
}

/// Names of outputs in the texts of a value, with their JSON pointers.
pub(crate) fn names_in(value: &Value) -> Vec<(String, String)> {
    let mut found = Vec::new();
    collect(value, "", &mut found);
    found
}

fn collect(value: &Value, at: &str, found: &mut Vec<(String, String)>) {
    match value {
        Value::String(text) => {
            for placeholder in placeholder::find(text) {
                if let Kind::Standard(name) = placeholder.kind()
                    && !name.starts_with("ctx.")
                {
                    found.push((at.to_owned(), name.to_owned()));
                }
            }
        }
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(index, item)| collect(item, &format!("{at}/{index}"), found));
        }
        Value::Object(entries) => {
            let token = crate::flags::token;
            entries.iter().for_each(|(key, value)| collect(value, &format!("{at}/{}", token(key)), found));
        }
        _ => {}
    }
}

/// The outputs of the steps so far, as far as they are known before the steps run.
#[derive(Debug, Clone, Default)]
pub(crate) struct Known {
    ids: BTreeMap<String, Option<&'static [&'static str]>>,
    flat: BTreeSet<String>,
    /// A step whose outputs cannot be known was among them.
    open: bool,
    /// Variables of the process, which are named with a `$`.
    environment: BTreeSet<String>,
}

impl Known {
    fn add(&mut self, step: &Step) {
        let outputs = step.outputs();
        if let Some(id) = &step.id {
            self.flat.remove(id);
            self.ids.insert(id.clone(), outputs);
        }
        match outputs {
            Some(outputs) => self.flat.extend(outputs.iter().map(|it| (*it).to_owned())),
            None => self.open = true,
        }
    }

    /// Whether an output of this name can be there.
    pub(crate) fn has(&self, name: &str) -> bool {
        let mut parts = placeholder::split(name).into_iter();
        let Some(root) = parts.next() else { return false };
        let hidden = self.is_hidden(&root);
        match (self.ids.get(&root), parts.next()) {
            (_, Some(_)) if hidden => self.open,
            (Some(Some(outputs)), Some(output)) => outputs.contains(&output.as_str()),
            (Some(_), _) => true,
            (None, _) => self.open || self.flat.contains(&root),
        }
    }

    /// Whether an output has the name of a step's id: it takes its place, as in Prefect.
    fn is_hidden(&self, id: &str) -> bool {
        self.ids.contains_key(id) && self.flat.contains(id)
    }

    /// What to do about a name that is not among them.
    pub(crate) fn help(&self, name: &str) -> String {
        if let Some((id, output)) = name.split_once('.')
            && self.is_hidden(id)
        {
            return format!(
                "The output `{id}` hides the id `{id}`. Give that step another id, or write `{{{{ {output} }}}}`."
            );
        }
        if self.environment.contains(name) {
            return format!("The environment has a variable of this name: write `{{{{ ${name} }}}}`.");
        }
        let full = |(id, outputs): (&String, &Option<&'static [&'static str]>)| {
            outputs.iter().flat_map(|it| it.iter()).map(|output| format!("{id}.{output}")).collect::<Vec<_>>()
        };
        let names: Vec<String> = self.ids.iter().flat_map(full).chain(self.flat.iter().cloned()).collect();
        work_pool::did_you_mean(name, names.iter().map(String::as_str)).unwrap_or_else(|| match names.is_empty() {
            true => "No step before has outputs.".to_owned(),
            false => format!("There are: {}.", names.join(", ")),
        })
    }
}

/// The steps as the server keeps them. A step that is an empty mapping stays one.
pub(crate) fn values(steps: &[Placed]) -> Value {
    Value::Array(steps.iter().map(|step| step.value.clone()).collect())
}

/// Whether a step pulls the code from a folder of this machine.
pub(crate) fn is_local(steps: &[Value], folder: &Path) -> bool {
    let directory =
        |step: &Map<String, Value>| step.get(SET_WORKING_DIRECTORY)?.get("directory")?.as_str().map(str::to_owned);
    let mut directories = steps.iter().filter_map(Value::as_object).filter_map(directory);
    directories.any(|it| Path::new(&it).starts_with(folder))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(text: &str) -> (Actions, Vec<String>, Known) {
        let file = File::parse("p.yaml".into(), text).expect("a file");
        let environment = BTreeMap::from([("STAGE".to_owned(), "test".to_owned())]);
        let mut findings = Findings::default();
        let node = file.deployments(&mut findings)[0].clone();
        let mut draft = Draft::read(&file, &node, 1, &mut findings);
        let actions = Actions::of(&mut draft, Some(&file));
        let known = actions.check(&draft, &["cpu".to_owned()], &environment, &mut findings);
        (actions, findings.problems.iter().map(|it| format!("{it} | {}", it.help)).collect(), known)
    }

    const SHELL: &str = "prefect.deployments.steps.run_shell_script";

    #[test]
    fn an_empty_list_switches_the_steps_of_the_file_off_and_null_does_so_for_build_only() {
        let file = format!(
            "build:\n- {SHELL}: {{script: b}}\npush:\n- {SHELL}: {{script: p}}\npull:\n- {SHELL}: {{script: l}}\n"
        );
        let counts = |entry: &str| {
            let (actions, ..) = checked(&format!("{file}deployments:\n- name: a\n{entry}"));
            (actions.build.len(), actions.push.len(), actions.pull.map(|it| it.len()))
        };
        assert_eq!(counts(""), (1, 1, Some(1)));
        assert_eq!(counts("  build: []\n  push: []\n  pull: []\n"), (0, 0, Some(0)));
        assert_eq!(counts("  build: null\n  push: null\n  pull: null\n"), (0, 1, Some(1)));
        let (actions, ..) = checked("deployments:\n- name: a\n  pull:\n    x.y: {}\n");
        assert_eq!(actions.pull.map(|it| it[0].key.clone()), Some("pull[0]".to_owned()));
        assert!(checked("deployments:\n- name: a\n").0.pull.is_none());
    }

    #[test]
    fn a_step_may_name_outputs_of_earlier_steps_only() {
        let (_, problems, known) = checked(&format!(
            "build:\n- {SHELL}:\n    id: a\n    script: echo {{{{ later.stdout }}}} {{{{ cpu }}}}\n- {SHELL}:\n    id: later\n    script: echo {{{{ a.stdout }}}} {{{{ a.nothing }}}}\ndeployments:\n- name: one\n"
        ));
        assert_eq!(problems.len(), 2, "{problems:?}");
        assert!(problems[0].starts_with("p.yaml:2:3: `build[0]"), "{problems:?}");
        assert!(problems[0].contains("`{{ later.stdout }}` is no output"), "{problems:?}");
        assert!(problems[1].contains("`{{ a.nothing }}`") && problems[1].contains("a.stdout"), "{problems:?}");
        assert!(known.has("later.stderr") && known.has("stdout") && !known.has("other") && !known.has("a.b"));
    }

    #[test]
    fn a_variable_of_the_environment_that_lacks_its_dollar_is_named() {
        let (_, problems, _) =
            checked(&format!("build:\n- {SHELL}: {{script: 'echo {{{{ STAGE }}}}'}}\ndeployments:\n- name: one\n"));
        assert!(problems[0].ends_with("write `{{ $STAGE }}`."), "{problems:?}");
    }

    #[test]
    fn an_output_hides_an_id_of_its_name() {
        let step = "prefect_docker.deployments.steps.build_docker_image";
        let file = |id: &str| {
            checked(&format!(
                "build:\n- {step}: {{id: {id}, image_name: i, tag: t}}\n- {SHELL}: {{script: 'echo {{{{ {id}.image }}}}'}}\ndeployments:\n- name: one\n"
            ))
        };
        assert_eq!(file("built").1, [] as [&str; 0]);
        let (_, problems, known) = file("image");
        assert!(problems[0].contains("hides the id `image`"), "{problems:?}");
        assert!(known.has("image"));
    }

    #[test]
    fn outputs_of_a_function_that_is_not_known_are_believed() {
        let (_, problems, known) = checked("build:\n- my.steps.build:\n    id: b\ndeployments:\n- name: one\n");
        assert_eq!(problems, [] as [&str; 0]);
        assert!(known.has("b.anything") && known.has("flat"));
    }
}
