//! A test for each folder of `tests/data/deploy`.

use std::collections::BTreeSet;
use std::fs;

use super::drive::{Project, Tool};
use super::{data, judge, recorder, recording, server, told};

/// If it is set, a test first records what the real tool does in its project.
const RECORD: &str = "PUSHPOOL_RECORD";

macro_rules! projects {
    ($($test:ident: $folder:literal,)*) => {
        const FOLDERS: &[&str] = &[$($folder,)*];
        $(
            #[tokio::test]
            async fn $test() {
                check($folder).await;
            }
        )*
    };
}

projects! {
    p01_plain_pair: "01-plain-pair",
    p03_environment_placeholders: "03-environment-placeholders",
    p05_variables_and_secrets: "05-variables-and-secrets",
    p07_legacy_schedule: "07-legacy-schedule",
    p09_builtin_parameter_types: "09-builtin-parameter-types",
    p11_docstrings_and_fields: "11-docstrings-and-fields",
    p13_triggers: "13-triggers",
    p14_pull_and_step_overrides: "14-pull-and-step-overrides",
    p17_unicode_and_crlf: "17-unicode-and-crlf",
    p20_version_sources: "20-version-sources",
    p21_broken_yaml: "21-broken-yaml",
    p23_schedules_that_cannot_be: "23-schedules-that-cannot-be",
    p25_entrypoints_that_fail: "25-entrypoints-that-fail",
    p27_steps_that_fail: "27-steps-that-fail",
    p29_twice_and_nameless: "29-twice-and-nameless",
    p31_flags_over_the_file: "31-flags-over-the-file",
    p32_flags_of_schedules_and_triggers: "32-flags-of-schedules-and-triggers",
    p33_no_file: "33-no-file",
    p34_selection: "34-selection",
    p35_anchors_and_merges: "35-anchors-and-merges",
    p36_schedules_with_slugs: "36-schedules-with-slugs",
    p37_paused_by_hand: "37-paused-by-hand",
    p38_concurrency_limits: "38-concurrency-limits",
    p39_enforced_parameters: "39-enforced-parameters",
    p40_models_and_dataclasses: "40-models-and-dataclasses",
    p41_module_entrypoints: "41-module-entrypoints",
    p42_nested_folders: "42-nested-folders",
    p43_odd_names: "43-odd-names",
    p44_queues: "44-queues",
    p45_moving_between_pools: "45-moving-between-pools",
    p46_types_of_pools: "46-types-of-pools",
    p47_step_outputs: "47-step-outputs",
    p48_missing_environment: "48-missing-environment",
    p49_missing_variables_and_blocks: "49-missing-variables-and-blocks",
    p50_unknown_pools: "50-unknown-pools",
    p51_parameters_that_do_not_fit: "51-parameters-that-do-not-fit",
    p52_job_variables_that_do_not_fit: "52-job-variables-that-do-not-fit",
    p53_misspelt_keys: "53-misspelt-keys",
    p54_wrong_types: "54-wrong-types",
    p55_all_faults_at_once: "55-all-faults-at-once",
    p56_context_placeholders: "56-context-placeholders",
    p57_kinds_of_schedules: "57-kinds-of-schedules",
    p58_empty_values: "58-empty-values",
    p59_sixty_deployments: "59-sixty-deployments",
    p60_yaml_in_all_its_forms: "60-yaml-in-all-its-forms",
    p61_kinds_of_flows: "61-kinds-of-flows",
    p62_imports_that_are_missing: "62-imports-that-are-missing",
    p63_scripts_that_serve: "63-scripts-that-serve",
    p64_dry_runs: "64-dry-runs",
    p65_forms_of_output: "65-forms-of-output",
    p66_pruning: "66-pruning",
    p67_checks_of_push_pools: "67-checks-of-push-pools",
    p68_triggers_that_change: "68-triggers-that-change",
    p69_shell_steps: "69-shell-steps",
    p70_steps_of_the_project: "70-steps-of-the-project",
    p71_git_clone_steps: "71-git-clone-steps",
    p72_docker_steps: "72-docker-steps",
    p73_redeploying: "73-redeploying",
    p74_typed_values_of_variables: "74-typed-values-of-variables",
    p75_files_that_are_odd: "75-files-that-are-odd",
    p76_flows_that_only_python_knows: "76-flows-that-only-python-knows",
    p77_files_that_raise: "77-files-that-raise",
    p78_lookalikes: "78-lookalikes",
    p79_values_of_yaml: "79-values-of-yaml",
    p80_more_schedules: "80-more-schedules",
    p81_flags_in_all_forms: "81-flags-in-all-forms",
    p82_triggers_filled_in: "82-triggers-filled-in",
}

/// Runs pushpool in the project, and fails with all that is wrong.
async fn check(name: &str) {
    let project = Project::read(name);
    if std::env::var_os(RECORD).is_some() && project.steps().any(|step| step.recorded) {
        // On a server of its own: the other one must not have any of it.
        let server = recorder().await;
        let ran = project.drive(server, &Tool::Prefect).await;
        recording::write(&project, &ran, server.version().number());
    }
    let binary = tokio::task::spawn_blocking(pushpool_tests::pushpool).await.expect("pushpool builds");
    let ran = project.drive(server().await, &Tool::Pushpool(binary)).await;
    let mut recorded = recording::read(&project.folder).into_iter();
    let mut report = String::new();
    for (step, ran) in project.steps().zip(&ran) {
        let recorded = if step.recorded { recorded.next() } else { None };
        let faults = judge::faults(step, ran, recorded.as_ref());
        if !faults.is_empty() {
            report += &format!("\n$ {}\n  {}\n{}", step.line, faults.join("\n  "), ran.output);
        }
    }
    let told = told::differences(&project, &ran);
    assert!(report.is_empty() && told.is_empty(), "{name}{report}\n{}", told.join("\n"));
}

#[test]
fn every_folder_is_a_test() {
    let folders: BTreeSet<String> = fs::read_dir(data())
        .expect("tests/data/deploy can be read")
        .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned())
        .filter(|name| name.starts_with(|first: char| first.is_ascii_digit()))
        .collect();
    assert_eq!(folders, FOLDERS.iter().map(|name| (*name).to_owned()).collect());
}

/// The table of docs/deploying.md names the projects whose `should` lines differ from the recording, all of them and no
/// others.
#[test]
fn the_documents_list_the_differences_of_the_projects() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/deploying.md");
    let text = fs::read_to_string(path).expect("docs/deploying.md can be read");
    let table = text.lines().skip_while(|line| !line.ends_with("| projects |")).skip(2);
    let named: BTreeSet<&str> = table
        .take_while(|line| line.starts_with('|'))
        .flat_map(|line| line.trim_end_matches('|').rsplit('|').next().unwrap_or_default().split(','))
        .map(str::trim)
        .filter(|number| !number.is_empty())
        .collect();
    let differs = |name: &&&str| Project::read(name).steps().any(|step| step.recorded && step.should.is_some());
    let differing: BTreeSet<&str> = FOLDERS.iter().filter(differs).filter_map(|name| name.split('-').next()).collect();
    assert_eq!(named, differing);
}
