//! What the functions' roles grant is what their code calls, and docs/permissions.md says so.

use std::collections::{BTreeMap, BTreeSet};

use hcl::Expression;

use super::{FUNCTION, FUNCTIONS, PUSHPOOL, calls::Calls, local_name, locals, member, module, read, text, walk};

/// Actions that no call in the code names, with what needs them.
const IMPLIED: [(&str, &str); 15] = [
    ("ecs:TagResource", "RunTask and RegisterTaskDefinition with tags"),
    ("iam:PassRole", "RunTask and RegisterTaskDefinition with roles"),
    ("sqs:ReceiveMessage", "Lambda's mapping"),
    ("sqs:DeleteMessage", "Lambda's mapping"),
    ("sqs:GetQueueAttributes", "Lambda's mapping"),
    ("kms:Decrypt", "queues and secrets with a key of the operator's"),
    ("kms:GenerateDataKey", "queues with a key of the operator's"),
    ("logs:CreateLogStream", "Lambda's log"),
    ("logs:PutLogEvents", "Lambda's log"),
    ("xray:PutTraceSegments", "tracing"),
    ("xray:PutTelemetryRecords", "tracing"),
    ("ec2:CreateNetworkInterface", "Lambda in a VPC"),
    ("ec2:DescribeNetworkInterfaces", "Lambda in a VPC"),
    ("ec2:DescribeSubnets", "Lambda in a VPC"),
    ("ec2:DeleteNetworkInterface", "Lambda in a VPC"),
];

/// Lambda's, for functions in a VPC, as its developer guide lists them.
const IN_A_VPC: [&str; 2] = ["ec2:AssignPrivateIpAddresses", "ec2:UnassignPrivateIpAddresses"];

/// Calls that the module's configuration leaves out.
const NOT_HERE: [(&str, &str, &str); 1] =
    [("dispatcher", "s3:GetObject", "the module keeps pool documents in SSM parameters")];

/// A statement of a policy.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Statement {
    sid: String,
    actions: BTreeSet<String>,
}

/// The statements in an expression, and in the locals that it names.
fn statements(expression: &Expression, locals: &BTreeMap<String, Expression>) -> BTreeSet<Statement> {
    let mut found = BTreeSet::new();
    let mut named = BTreeSet::new();
    walk(expression, &mut |part| {
        named.extend(local_name(part));
        if let (Some(sid), Some(Expression::Array(actions))) = (member(part, "Sid"), member(part, "Action")) {
            let actions = actions.iter().map(|action| text(action).unwrap()).collect();
            found.insert(Statement { sid: text(sid).unwrap(), actions });
        }
    });
    for name in named {
        found.extend(statements(&locals[&name], locals));
    }
    found
}

/// What each function's role grants, and what every role does.
fn policies() -> (BTreeMap<&'static str, BTreeSet<Statement>>, BTreeSet<Statement>) {
    let locals_of_module = locals(&module(PUSHPOOL));
    let policies = FUNCTIONS.map(|function| {
        let policy = member(&locals_of_module["policies"], function).unwrap();
        (function, statements(policy, &locals_of_module))
    });
    let of_all = locals(&module(FUNCTION));
    (policies.into(), statements(&of_all["statements"], &of_all))
}

#[test]
fn roles_grant_what_the_code_calls_and_nothing_else() {
    let calls = Calls::read();
    let (policies, of_all) = policies();
    for (function, statements) in &policies {
        let granted: BTreeSet<&str> = statements.iter().flat_map(|it| &it.actions).map(String::as_str).collect();
        let called = calls.actions(function);
        for action in &called {
            let left_out = NOT_HERE.iter().any(|(of, what, _)| of == function && what == action);
            assert!(granted.contains(action) != left_out, "the {function} calls {action}; left out: {left_out}");
        }
        for action in &granted {
            let implied = IMPLIED.iter().any(|(it, _)| it == action);
            assert!(called.contains(action) || implied, "the {function} may {action}, and its code does not call that");
        }
        assert!(granted.contains("iam:PassRole") == called.contains("ecs:RunTask"), "{function}");
    }
    for action in of_all.iter().flat_map(|it| &it.actions) {
        let known = IMPLIED.iter().map(|(it, _)| *it).chain(IN_A_VPC).any(|it| it == action);
        assert!(known, "every function may {action}: what for?");
    }
}

/// The role of another account is what the functions have for tasks otherwise.
#[test]
fn the_role_in_another_account_grants_what_is_called_on_tasks() {
    let of_tasks = |action: &str| ["ecs:", "iam:", "logs:Get"].iter().any(|service| action.starts_with(service));
    let actions = |statements: &BTreeSet<Statement>| -> BTreeSet<String> {
        statements.iter().flat_map(|it| it.actions.clone()).filter(|it| of_tasks(it)).collect()
    };
    let there = locals(&module("infra/modules/launch-role"));
    let (here, _) = policies();
    let launching: BTreeSet<String> =
        ["dispatcher", "observer", "reconciler"].iter().flat_map(|function| actions(&here[function])).collect();
    assert_eq!(actions(&statements(&there["statements"], &there)), launching);
}

#[test]
fn nothing_is_granted_by_a_wildcard() {
    let (policies, of_all) = policies();
    for statement in policies.values().flatten().chain(&of_all) {
        assert!(!statement.actions.iter().any(|action| action.contains('*')), "{statement:?}");
    }
}

/// A row of the page: `| function | statement | actions | on what | needed by |`.
struct Row {
    functions: Vec<String>,
    statement: Statement,
    needed_by: Vec<String>,
}

fn rows() -> Vec<Row> {
    let page = read("docs/permissions.md");
    let spans = |cell: &str| -> Vec<String> { cell.split('`').skip(1).step_by(2).map(str::to_owned).collect() };
    page.lines()
        .filter(|line| line.starts_with("| ") && line.contains('`'))
        .map(|line| {
            let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
            assert_eq!(cells.len(), 5, "{line}");
            Row {
                functions: cells[0].split(", ").map(str::to_owned).collect(),
                statement: Statement { sid: cells[1].to_owned(), actions: spans(cells[2]).into_iter().collect() },
                needed_by: spans(cells[4]),
            }
        })
        .collect()
}

#[test]
fn every_statement_is_documented_and_nothing_else_is() {
    let (policies, of_all) = policies();
    let mut granted: BTreeSet<(String, Statement)> =
        of_all.into_iter().map(|it| ("every one".to_owned(), it)).collect();
    for (function, statements) in policies {
        granted.extend(statements.into_iter().map(|it| (function.to_owned(), it)));
    }
    let documented: BTreeSet<(String, Statement)> = rows()
        .iter()
        .flat_map(|row| row.functions.iter().map(|function| (function.clone(), row.statement.clone())))
        .collect();
    let missing: Vec<_> = granted.difference(&documented).collect();
    let too_many: Vec<_> = documented.difference(&granted).collect();
    assert!(missing.is_empty() && too_many.is_empty(), "not documented: {missing:#?}\nnot granted: {too_many:#?}");
}

#[test]
fn the_calls_that_the_page_names_need_what_it_says() {
    let calls = Calls::read();
    for row in rows() {
        for function in row.functions.iter().filter(|it| *it != "every one") {
            for routine in &row.needed_by {
                let needed = row.statement.actions.iter().any(|action| {
                    // What is implied is needed by who launches and registers, and by who makes the call himself.
                    let implied = IMPLIED.iter().any(|(it, _)| it == action);
                    calls.leads_to(function, routine, action)
                        || implied && calls.leads_to(function, routine, "ecs:RunTask")
                });
                assert!(needed, "{function}, {}: {routine} does not lead to any of it", row.statement.sid);
            }
        }
    }
}
