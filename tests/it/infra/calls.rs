//! Which operations of AWS the code of each function calls, read from the sources.
//!
//! The calls stand in the adapters (`crates/aws`, and `ecs` with its feature `aws`), as builders of an SDK client or as signed
//! calls of `aws::call`. Which of an adapter's methods a function reaches is found in two steps: its use case calls the
//! methods of ports by name, and the adapters implement these. The two lists that people write are [`USES`], what each
//! function is made of, and [`OPERATIONS`]; what they lack is found out:
//!
//! * an operation of a client that is not in [`OPERATIONS`] fails,
//! * a method of an adapter that makes a call and that no function reaches fails,
//! * a file of `dispatch` that calls such a method and is part of no function's use case fails.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
};

use syn::{
    Expr, ExprCall, ExprMethodCall, ImplItem, Item,
    visit::{self, Visit},
};

use super::{FUNCTIONS, files, root};

/// A call as the code writes it, and the action that IAM asks for.
const OPERATIONS: [(&str, &str); 17] = [
    ("run_task", "ecs:RunTask"),
    ("register_task_definition", "ecs:RegisterTaskDefinition"),
    ("describe_task_definition", "ecs:DescribeTaskDefinition"),
    ("list_tasks", "ecs:ListTasks"),
    ("describe_tasks", "ecs:DescribeTasks"),
    ("stop_task", "ecs:StopTask"),
    ("send_message", "sqs:SendMessage"),
    ("send_message_batch", "sqs:SendMessage"),
    ("get_queue_attributes", "sqs:GetQueueAttributes"),
    ("change_message_visibility", "sqs:ChangeMessageVisibility"),
    ("Rpc::get_parameter", "ssm:GetParameter"),
    ("Rpc::get_secret_value", "secretsmanager:GetSecretValue"),
    ("Rpc::put_events", "events:PutEvents"),
    ("Rpc::get_log_events", "logs:GetLogEvents"),
    ("Bucket::new", "s3:GetObject"),
    ("Query::assume_role", "sts:AssumeRole"),
    ("CreateSchedule::new", "scheduler:CreateSchedule"),
];

/// What a function is made of.
struct Use {
    /// Files and directories of `crates/dispatch/src` with its use case.
    modules: &'static [&'static str],
    /// The adapters behind its ports.
    adapters: &'static [&'static str],
}

const SECRETS: &str = "Secret";

fn uses(function: &str) -> Use {
    match function {
        "poller" => Use { modules: &["poll/"], adapters: &["SqsPollerQueues", SECRETS] },
        "dispatcher" => Use {
            modules: &["dispatcher.rs", "dispatcher/", "batch.rs", "prefect/", "standalone.rs", "pool.rs"],
            adapters: &[
                "EcsLauncher",
                "SqsQueues",
                "Pools",
                "EventBridgeBus",
                "EventBridgeSchedules",
                "AssumedRole",
                SECRETS,
            ],
        },
        "observer" => Use {
            modules: &["observe/", "batch.rs", "runs/"],
            adapters: &["EcsLauncher", "CloudWatchOutput", "SqsObserverQueues", "AssumedRole", SECRETS],
        },
        "reconciler" => Use {
            modules: &["reconcile/", "runs/"],
            adapters: &["EcsLauncher", "CloudWatchOutput", "AssumedRole", SECRETS],
        },
        "doorbell" => Use { modules: &["doorbell.rs"], adapters: &["Sender", SECRETS] },
        _ => unreachable!("{function}"),
    }
}

/// A function or method of the adapters.
#[derive(Debug, Default)]
struct Routine {
    /// Operations that it calls itself.
    operations: BTreeSet<&'static str>,
    /// Routines that it calls.
    calls: BTreeSet<String>,
    /// How many arguments it takes besides `self`, if it implements a port's.
    port: Option<usize>,
}

/// What the code calls.
pub(super) struct Calls {
    /// By `Type::method`, or the name of a free function.
    routines: BTreeMap<String, Routine>,
    /// Method calls of each file of `dispatch`: name and number of arguments.
    methods: BTreeMap<String, BTreeSet<(String, usize)>>,
}

impl Calls {
    pub(super) fn read() -> Self {
        let mut adapters: Vec<PathBuf> = files(&root().join("crates/aws/src"), ".rs");
        adapters
            .extend(["launcher.rs", "control.rs", "revisions.rs"].map(|file| root().join("crates/ecs/src").join(file)));
        let mut routines = BTreeMap::new();
        for file in adapters {
            read_routines(&parse(&file).items, &mut routines);
        }
        let source = root().join("crates/dispatch/src");
        let mut methods = BTreeMap::new();
        let mut open = vec![source.clone()];
        while let Some(directory) = open.pop() {
            open.extend(std::fs::read_dir(&directory).unwrap().map(|it| it.unwrap().path()).filter(|it| it.is_dir()));
            for file in files(&directory, ".rs") {
                let name = file.strip_prefix(&source).unwrap().to_str().unwrap().to_owned();
                if name.ends_with("tests.rs") || name.ends_with("fake.rs") {
                    continue;
                }
                let mut found = MethodCalls::default();
                parse(&file).items.iter().filter(|item| !is_test(item)).for_each(|item| found.visit_item(item));
                methods.insert(name, found.0);
            }
        }
        Self { routines, methods }
    }

    /// The actions that a function's calls need.
    pub(super) fn actions(&self, function: &str) -> BTreeSet<&'static str> {
        self.reached(function).iter().flat_map(|name| &self.routines[name].operations).map(|it| action(it)).collect()
    }

    /// Whether the routine of that name leads to that action in that function.
    pub(super) fn leads_to(&self, function: &str, routine: &str, wanted: &str) -> bool {
        self.reached(function).contains(routine)
            && self
                .closure([routine.to_owned()])
                .iter()
                .any(|name| self.routines[name].operations.iter().any(|operation| action(operation) == wanted))
    }

    /// The routines that a function may run.
    fn reached(&self, function: &str) -> BTreeSet<String> {
        let of = uses(function);
        let called: BTreeSet<&(String, usize)> = self
            .methods
            .iter()
            .filter(|(file, _)| of.modules.iter().any(|module| file.starts_with(module)))
            .flat_map(|(_, methods)| methods)
            .collect();
        let roots = self.routines.iter().filter(|(name, routine)| {
            let Some((owner, method)) = name.split_once("::") else { return false };
            of.adapters.contains(&owner)
                && (routine.port.is_some_and(|arguments| called.contains(&(method.to_owned(), arguments)))
                    || matches!(method, "new" | "at"))
        });
        self.closure(roots.map(|(name, _)| name.clone()))
    }

    fn closure(&self, roots: impl IntoIterator<Item = String>) -> BTreeSet<String> {
        let mut open: Vec<String> = roots.into_iter().collect();
        let mut reached = BTreeSet::new();
        while let Some(name) = open.pop() {
            let Some(routine) = self.routines.get(&name) else { continue };
            if reached.insert(name) {
                open.extend(routine.calls.iter().cloned());
            }
        }
        reached
    }
}

fn action(operation: &str) -> &'static str {
    OPERATIONS.iter().find(|(name, _)| *name == operation).unwrap().1
}

fn parse(file: &std::path::Path) -> syn::File {
    syn::parse_file(&std::fs::read_to_string(file).unwrap())
        .unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

fn is_test(item: &Item) -> bool {
    let Item::Mod(module) = item else { return false };
    module.attrs.iter().any(|attribute| attribute.path().is_ident("cfg"))
}

fn read_routines(items: &[Item], into: &mut BTreeMap<String, Routine>) {
    for item in items.iter().filter(|item| !is_test(item)) {
        match item {
            Item::Fn(function) => {
                let mut body = Body::of(None);
                body.visit_block(&function.block);
                add(into, function.sig.ident.to_string(), body.routine);
            }
            Item::Impl(implementation) => {
                let syn::Type::Path(owner) = &*implementation.self_ty else { continue };
                let owner = owner.path.segments.last().unwrap().ident.to_string();
                for item in &implementation.items {
                    let ImplItem::Fn(method) = item else { continue };
                    let mut body = Body::of(Some(&owner));
                    body.visit_block(&method.block);
                    if implementation.trait_.is_some() {
                        body.routine.port = Some(method.sig.inputs.len() - 1);
                    }
                    add(into, format!("{owner}::{}", method.sig.ident), body.routine);
                }
            }
            _ => {}
        }
    }
}

/// A method of a port and one of the type's own may share a name, and are one here.
fn add(into: &mut BTreeMap<String, Routine>, name: String, routine: Routine) {
    let known = into.entry(name).or_default();
    known.operations.extend(routine.operations);
    known.calls.extend(routine.calls);
    known.port = known.port.or(routine.port);
}

/// Reads the body of one routine.
struct Body<'a> {
    owner: Option<&'a str>,
    routine: Routine,
}

impl<'a> Body<'a> {
    fn of(owner: Option<&'a str>) -> Self {
        Self { owner, routine: Routine::default() }
    }

    fn operation(&mut self, name: &str) {
        let known = OPERATIONS.iter().find(|(operation, _)| *operation == name);
        let (known, _) = known.unwrap_or_else(|| panic!("{name} is called, and OPERATIONS does not say what it needs"));
        self.routine.operations.insert(known);
    }
}

impl Visit<'_> for Body<'_> {
    fn visit_expr_method_call(&mut self, call: &ExprMethodCall) {
        let method = call.method.to_string();
        match last_name(&call.receiver).as_deref() {
            // Builders of operations take nothing.
            Some("client" | "ecs" | "sqs") if call.args.is_empty() && method != "clone" => self.operation(&method),
            Some("self") => {
                let owner = self.owner.unwrap_or_default();
                self.routine.calls.insert(format!("{owner}::{method}"));
            }
            _ => {}
        }
        visit::visit_expr_method_call(self, call);
    }

    fn visit_expr_call(&mut self, call: &ExprCall) {
        if let Expr::Path(path) = &*call.func {
            let names: Vec<String> = path.path.segments.iter().map(|it| it.ident.to_string()).collect();
            let mut named = names.join("::");
            if let (Some(rest), Some(owner)) = (named.strip_prefix("Self::"), self.owner) {
                named = format!("{owner}::{rest}");
            }
            if is_signed_call(&named) && !self.owner.is_some_and(|owner| ["Rpc", "Query"].contains(&owner)) {
                self.operation(&named);
            }
            self.routine.calls.insert(named);
        }
        visit::visit_expr_call(self, call);
    }
}

/// Whether it makes one of the operations of `aws::call`.
fn is_signed_call(named: &str) -> bool {
    named.starts_with("Rpc::")
        || named.starts_with("Query::")
        || ["Bucket::new", "CreateSchedule::new"].contains(&named)
}

/// The last name of `a.b.c`.
fn last_name(expression: &Expr) -> Option<String> {
    match expression {
        Expr::Field(field) => match &field.member {
            syn::Member::Named(name) => Some(name.to_string()),
            syn::Member::Unnamed(_) => None,
        },
        Expr::Path(path) => path.path.get_ident().map(ToString::to_string),
        _ => None,
    }
}

#[derive(Default)]
struct MethodCalls(BTreeSet<(String, usize)>);

impl Visit<'_> for MethodCalls {
    fn visit_expr_method_call(&mut self, call: &ExprMethodCall) {
        self.0.insert((call.method.to_string(), call.args.len()));
        visit::visit_expr_method_call(self, call);
    }
}

#[test]
fn what_functions_call_is_found() {
    let calls = Calls::read();
    assert!(calls.actions("dispatcher").contains("ecs:RunTask"));
    for function in ["poller", "observer", "reconciler", "doorbell"] {
        assert!(!calls.actions(function).contains("ecs:RunTask"), "{function} starts no tasks");
    }
    let expected: BTreeSet<&str> = ["sqs:SendMessage", "secretsmanager:GetSecretValue", "ssm:GetParameter"].into();
    assert_eq!(calls.actions("doorbell"), expected);
}

#[test]
fn every_call_is_some_functions() {
    let calls = Calls::read();
    let reached: BTreeSet<String> = FUNCTIONS.iter().flat_map(|function| calls.reached(function)).collect();
    for (name, routine) in &calls.routines {
        assert!(
            routine.operations.is_empty() || reached.contains(name),
            "{name} calls {:?} and is reached by no function: what is it for, and which role needs it?",
            routine.operations
        );
    }
    for (name, _) in OPERATIONS {
        let called = calls.routines.values().any(|routine| routine.operations.contains(name));
        assert!(called, "{name} is listed and nothing calls it");
    }
}

/// A new file of `dispatch` that calls a port belongs to somebody's use case.
#[test]
fn every_file_that_calls_a_port_is_part_of_a_function() {
    let calls = Calls::read();
    // Ports of I/O only; the names are their own in `dispatch`.
    let ports = [
        ("describe", 2),
        ("started_by", 2),
        ("running", 3),
        ("stop", 3),
        ("tail", 3),
        ("launch", 1),
        ("dead_letter", 2),
        ("return_after", 3),
    ];
    for (file, methods) in &calls.methods {
        let calling = ports.iter().find(|(name, arguments)| methods.contains(&((*name).to_owned(), *arguments)));
        let owned = FUNCTIONS.iter().any(|it| uses(it).modules.iter().any(|module| file.starts_with(module)));
        assert!(calling.is_none() || owned, "{file} calls {calling:?} and is in no function's `uses`");
    }
}
