//! ARCHITECTURE.md's table of parts (here: rooms), and what each may not do: held against dependencies and sources.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    process::Command,
};

use super::{read, root};

/// Words of the sources, and packages among the dependencies, with what they stand for.
#[derive(Clone, Copy)]
struct Ban {
    what: &'static str,
    /// In sources, outside comments and tests.
    words: &'static [&'static str],
    /// Names of packages, or with `*` their beginnings, among all dependencies with default features.
    packages: &'static [&'static str],
}

const CLOCK: Ban = Ban { what: "a clock", words: &["::now(", "::now)", "SystemTime", "Instant"], packages: &[] };

/// A steady clock tells no time of day, so use cases have one for their deadlines.
const WALL_CLOCK: Ban = Ban {
    what: "the wall clock",
    words: &["SystemTime", "Timestamp::now", "Zoned::now", "Utc::now", "Local::now"],
    packages: &["chrono"],
};

const FILES: Ban = Ban {
    what: "files",
    words: &["std::fs", "tokio::fs", "fs::read", "fs::write", "File::open", "File::create", "OpenOptions"],
    packages: &["tempfile"],
};

const STANDARD_OUTPUT: Ban = Ban {
    what: "standard output",
    words: &["print!(", "println!(", "eprint!(", "eprintln!(", "stdout()", "stderr()", "io::Stdout"],
    packages: &[],
};

const SOCKET: Ban = Ban {
    what: "a socket",
    words: &["std::net::Tcp", "std::net::Udp", "tokio::net", "TcpStream", "TcpListener", "UdpSocket", "hyper::"],
    packages: &["hyper", "hyper-*", "reqwest", "rustls", "tokio-rustls", "ureq"],
};

const SDK: Ban =
    Ban { what: "an SDK", words: &["aws_sdk_", "aws_config", "aws_smithy", "aws_types"], packages: &["aws-*"] };

const LAMBDA: Ban = Ban { what: "Lambda", words: &["lambda_runtime"], packages: &["lambda_runtime*"] };

const PROCESSES: Ban = Ban {
    what: "processes and the environment",
    words: &["process::Command", "Command::new", "env::var", "env::current_dir"],
    packages: &[],
};

const RUNTIME: Ban = Ban { what: "a runtime", words: &["tokio::"], packages: &["tokio", "async-std", "smol"] };

const ARGUMENTS: Ban = Ban { what: "arguments", words: &["clap::", "env::args"], packages: &["clap", "clap_*"] };

const TERMINAL: Ban = Ban {
    what: "a terminal",
    words: &["io::stdin()", "IsTerminal", "termios"],
    packages: &[
        "anstream",
        "anstyle",
        "console",
        "crossterm",
        "dialoguer",
        "indicatif",
        "terminal_size",
        "unicode-width",
    ],
};

const DECISIONS: Ban = Ban {
    what: "a decision of the protocol",
    words: &["decide(", "judge(", "may_wait(", "Action::", "Judgement", "Class::Capacity", "Class::Throttled"],
    packages: &[],
};

const USE_CASES: Ban = Ban {
    what: "a use case",
    words: &[
        "dispatch::dispatcher",
        "dispatch::observe",
        "dispatch::poll",
        "dispatch::reconcile",
        "dispatch::doorbell",
        "dispatch::standalone",
        "dispatch::runs",
    ],
    packages: &[],
};

const PURPOSES: Ban = Ban {
    what: "what a run or a message is for",
    words: &["ScheduledRun", "Attempt", "sqs", "ecs::"],
    packages: &["dispatch", "ecs", "work-pool", "manage", "aws"],
};

const DOCUMENTS: Ban = Ban {
    what: "what a document is for",
    words: &["prefect_api", "job_variables", "work_pool", "deployments"],
    packages: &["prefect-api", "work-pool", "templating", "deploy", "migrate", "steps"],
};

const SERVER: Ban = Ban { what: "a Prefect server", words: &["prefect_api", "HttpTransport"], packages: &[] };

const DEPLOYMENTS: Ban = Ban { what: "a deployment", words: &["deploy::"], packages: &["deploy", "migrate"] };

const LOOPBACK: Ban = Ban { what: "AWS on loopback", words: &["local::"], packages: &["local"] };

const COMMAND_LINE: Ban = Ban { what: "the command line tool", words: &[], packages: &["pushpool", "manage"] };

/// What a room may not do, in the words of the table, and how that is seen.
struct Rule {
    room: &'static str,
    may_not: &'static str,
    bans: &'static [Ban],
}

const IO: [Ban; 5] = [FILES, STANDARD_OUTPUT, SOCKET, PROCESSES, RUNTIME];
const PURE: &[Ban] = &[CLOCK, IO[0], IO[1], IO[2], IO[3], IO[4], SDK, LAMBDA];
const FRONT_END: &[Ban] = &[ARGUMENTS, STANDARD_OUTPUT, TERMINAL, LAMBDA];

const RULES: &[Rule] = &[
    Rule {
        room: "crates/diagnosis",
        may_not: "depend on anything; know where a failure comes from or is shown",
        bans: &[
            Ban { what: "anything", words: &[], packages: &["*"] },
            CLOCK,
            FILES,
            STANDARD_OUTPUT,
            SOCKET,
            PROCESSES,
        ],
    },
    Rule {
        room: "crates/installation",
        may_not: "any I/O; depend on anything",
        bans: &[
            Ban { what: "anything", words: &[], packages: &["*"] },
            FILES,
            STANDARD_OUTPUT,
            SOCKET,
            PROCESSES,
            RUNTIME,
        ],
    },
    Rule {
        room: "crates/prefect-ids",
        may_not: "any I/O; know a clock; depend on a crate of ours",
        bans: &[
            CLOCK,
            FILES,
            STANDARD_OUTPUT,
            SOCKET,
            PROCESSES,
            RUNTIME,
            Ban {
                what: "a crate of ours",
                words: &[],
                packages: &["diagnosis", "dispatch", "ecs", "installation", "prefect-api", "templating", "work-pool"],
            },
        ],
    },
    Rule { room: "crates/templating", may_not: "any I/O; know a clock; know what a document is for", bans: PURE },
    Rule { room: "crates/work-pool", may_not: "any I/O; know a clock", bans: PURE },
    Rule { room: "crates/ecs", may_not: "its pure half: any I/O; know a clock", bans: PURE },
    Rule {
        room: "crates/prefect-api",
        may_not: "know what a run or a message is for",
        // Without its features it has no socket.
        bans: &[PURPOSES, SDK, LAMBDA, STANDARD_OUTPUT, Ban { words: &[], ..SOCKET }],
    },
    Rule {
        room: "crates/dispatch",
        may_not: "know an SDK, Lambda, a socket, a file, standard output, or the wall clock (it is handed one)",
        bans: &[SDK, LAMBDA, SOCKET, FILES, STANDARD_OUTPUT, WALL_CLOCK, PROCESSES, ARGUMENTS],
    },
    Rule { room: "crates/aws", may_not: "decide anything", bans: &[DECISIONS, LAMBDA, LOOPBACK, COMMAND_LINE] },
    // That no function uses it stands in the rules of the functions.
    Rule { room: "crates/local", may_not: "be used by a function", bans: &[LAMBDA, COMMAND_LINE] },
    Rule { room: "crates/manage", may_not: "parse arguments, ask, print, know a terminal", bans: FRONT_END },
    Rule {
        room: "crates/yaml",
        may_not: "any I/O; know what a document is for",
        bans: &[DOCUMENTS, FILES, STANDARD_OUTPUT, SOCKET, PROCESSES, RUNTIME],
    },
    Rule {
        room: "crates/flows",
        may_not: "run user code; talk to a server",
        bans: &[SOCKET, SERVER, STANDARD_OUTPUT, PROCESSES, RUNTIME],
    },
    Rule { room: "crates/schedules", may_not: "any I/O; know a clock (it is handed one)", bans: PURE },
    Rule { room: "crates/steps", may_not: "know a deployment; talk to a Prefect server", bans: &[DEPLOYMENTS, SERVER] },
    Rule { room: "crates/deploy", may_not: "parse arguments, print, know a terminal", bans: FRONT_END },
    Rule { room: "crates/migrate", may_not: "parse arguments, print, know a terminal", bans: FRONT_END },
    // That no function uses it stands in the rules of the functions.
    Rule { room: "crates/cli", may_not: "hold rules that a function needs too", bans: &[LAMBDA] },
    Rule {
        room: "functions/runtime",
        may_not: "know a use case",
        bans: &[USE_CASES, LOOPBACK, COMMAND_LINE, ARGUMENTS],
    },
    Rule {
        room: "tests/simulation",
        may_not: "know a socket, a process, or the wall clock",
        // AWS on loopback, which it drives without its socket, has one.
        bans: &[WALL_CLOCK, PROCESSES, Ban { packages: &[], ..SOCKET }],
    },
    Rule {
        room: "functions/*",
        may_not: "anything else",
        bans: &[
            LOOPBACK,
            COMMAND_LINE,
            ARGUMENTS,
            FILES,
            STANDARD_OUTPUT,
            WALL_CLOCK,
            Ban { packages: &[], ..SDK },
            Ban { packages: &[], ..SOCKET },
        ],
    },
];

/// Rows that are no crates.
const NO_CRATES: [&str; 3] = ["tests", "events", "infra"];

/// The rows of the table: room, and what it may not do.
fn rows() -> BTreeMap<String, String> {
    let page = read("ARCHITECTURE.md");
    let rows =
        page.lines().skip_while(|line| !line.starts_with("| part |")).skip(2).take_while(|line| line.starts_with('|'));
    rows.map(|row| {
        let cells: Vec<&str> = row.trim_matches('|').split(" | ").map(str::trim).collect();
        let [room, _, may_not] = cells[..] else { panic!("a row has three cells: {row}") };
        // Who enforces it stands behind it in brackets.
        let may_not = may_not.split(" (a test reads").next().unwrap();
        (room.trim_matches('`').to_owned(), may_not.to_owned())
    })
    .collect()
}

/// The crates of the repository but the one of the tests, by their directories.
fn crates() -> BTreeSet<String> {
    let workspace = read("Cargo.toml").parse::<toml::Table>().unwrap();
    let members =
        workspace["workspace"]["members"].as_array().unwrap().iter().map(|it| it.as_str().unwrap().to_owned());
    members.filter(|member| member != "tests").flat_map(|member| with_manifests(&member)).collect()
}

/// The directories with a manifest that a member of the workspace names: itself, or all in it.
fn with_manifests(member: &str) -> Vec<String> {
    let Some(parent) = member.strip_suffix("/*") else { return vec![member.to_owned()] };
    let entries = std::fs::read_dir(root().join(parent)).unwrap().map(|entry| entry.unwrap());
    let crates = entries.filter(|entry| entry.path().join("Cargo.toml").exists());
    crates.map(|entry| format!("{parent}/{}", entry.file_name().into_string().unwrap())).collect()
}

fn rule_of(member: &str) -> Option<&'static Rule> {
    let of_group = member.split('/').next().map(|group| format!("{group}/*"));
    let exact = RULES.iter().find(|rule| rule.room == member);
    exact.or_else(|| RULES.iter().find(|rule| Some(rule.room) == of_group.as_deref()))
}

/// The text of a source that counts: without comments, and without the tests at its end.
fn counted(text: &str) -> String {
    let lines: Vec<&str> = text.lines().collect();
    let tests = lines
        .windows(2)
        .position(|pair| pair[0] == "#[cfg(test)]" && pair[1].starts_with("mod ") && pair[1].ends_with('{'));
    let lines = lines.into_iter().take(tests.unwrap_or(usize::MAX));
    lines.filter(|line| !line.trim_start().starts_with("//")).map(|line| format!("{line}\n")).collect()
}

/// The forbidden words of a source.
fn words_in(source: &str, bans: &[Ban]) -> Vec<String> {
    let counted = counted(source);
    let found = |ban: &Ban| {
        let words = ban.words.iter().filter(|word| counted.contains(**word));
        words.map(|word| format!("`{word}`, which is {}", ban.what)).collect::<Vec<String>>()
    };
    bans.iter().flat_map(found).collect()
}

/// The forbidden ones of packages.
fn packages_in(packages: &BTreeSet<String>, bans: &[Ban]) -> Vec<String> {
    let is = |name: &str, pattern: &str| match pattern.strip_suffix('*') {
        Some(beginning) => name.starts_with(beginning),
        None => name == pattern,
    };
    let found = |ban: &Ban| {
        let banned = packages.iter().filter(|name| ban.packages.iter().any(|pattern| is(name, pattern)));
        banned.map(|name| format!("the package {name}, which is {}", ban.what)).collect::<Vec<String>>()
    };
    bans.iter().flat_map(found).collect()
}

/// All packages that a crate depends on with its default features, tests and builds aside.
fn packages(directory: &Path) -> BTreeSet<String> {
    let manifest = std::fs::read_to_string(directory.join("Cargo.toml")).unwrap().parse::<toml::Table>().unwrap();
    let name = manifest["package"]["name"].as_str().unwrap();
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    let arguments =
        ["tree", "--locked", "--offline", "--edges", "normal,no-proc-macro", "--prefix", "none", "--package", name];
    let output = Command::new(cargo).args(arguments).current_dir(root()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let listed = String::from_utf8(output.stdout).unwrap();
    let names = listed.lines().filter_map(|line| line.split(' ').next()).map(str::to_owned);
    names.filter(|other| !other.is_empty() && other != name).collect()
}

/// The sources of a crate, without those of tests and of what only a feature brings in.
fn sources(directory: &Path) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut open = vec![directory.join("src")];
    while let Some(directory) = open.pop() {
        for entry in std::fs::read_dir(&directory).unwrap() {
            let path = entry.unwrap().path();
            let stem = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
            if ["tests", "fake"].contains(&stem) {
                continue;
            }
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push((path.display().to_string(), std::fs::read_to_string(&path).unwrap()));
            }
        }
    }
    let root = directory.join("src/lib.rs");
    let gated = of_features(&std::fs::read_to_string(&root).unwrap_or_default());
    let is_gated = |path: &str| {
        let inner = path.strip_prefix(&format!("{}/", directory.join("src").display())).unwrap_or_default();
        gated.iter().any(|module| inner == format!("{module}.rs") || inner.starts_with(&format!("{module}/")))
    };
    found.retain(|(path, _)| !is_gated(path));
    found
}

/// The modules that a root declares for a feature.
fn of_features(root: &str) -> Vec<String> {
    let lines: Vec<&str> = root.lines().map(str::trim).collect();
    let gated = lines.windows(2).filter(|pair| pair[0].starts_with("#[cfg(feature = "));
    gated.filter_map(|pair| Some(pair[1].trim_end_matches(';').split_once("mod ")?.1.to_owned())).collect()
}

#[test]
fn every_crate_has_a_row_and_every_row_has_its_rule() {
    let rows = rows();
    for member in crates() {
        let rule = rule_of(&member).unwrap_or_else(|| panic!("{member} has no rule: add one for what its row forbids"));
        assert!(rows.contains_key(rule.room), "{member} has no row in ARCHITECTURE.md, \"Parts\"");
    }
    for (room, may_not) in &rows {
        if NO_CRATES.contains(&room.as_str()) {
            continue;
        }
        let rule = RULES.iter().find(|rule| rule.room == room).unwrap_or_else(|| panic!("{room} has no rule"));
        assert_eq!(rule.may_not, may_not, "{room}: the table and its rule say the same; change both, and the bans");
    }
    for rule in RULES {
        assert!(rows.contains_key(rule.room), "{} is in no row", rule.room);
        assert!(!rule.bans.is_empty(), "{} forbids nothing", rule.room);
    }
}

#[test]
fn no_room_does_what_it_may_not() {
    let mut wrong = Vec::new();
    let mut read = 0;
    for member in crates() {
        let directory = root().join(&member);
        let Some(rule) = rule_of(&member) else { continue };
        for (path, source) in sources(&directory) {
            read += 1;
            wrong.extend(words_in(&source, rule.bans).into_iter().map(|found| format!("{path}: {found}")));
        }
        wrong.extend(
            packages_in(&packages(&directory), rule.bans).into_iter().map(|found| format!("{member}: {found}")),
        );
    }
    assert!(read > 300, "only {read} sources were read");
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// A ban that finds nothing would forbid nothing.
#[test]
fn what_is_forbidden_is_found() {
    for rule in RULES {
        for ban in rule.bans {
            for word in ban.words {
                let source = format!("fn main() {{\n    {word}\n}}\n");
                assert!(!words_in(&source, rule.bans).is_empty(), "{}: {word}", rule.room);
                for harmless in [format!("    // {word}\n"), format!("#[cfg(test)]\nmod tests {{\n    {word}\n}}\n")] {
                    assert_eq!(words_in(&harmless, rule.bans), Vec::<String>::new(), "{}", rule.room);
                }
            }
            for package in ban.packages {
                let named = BTreeSet::from([package.replace('*', "x")]);
                assert!(!packages_in(&named, rule.bans).is_empty(), "{}: {package}", rule.room);
            }
            assert!(!ban.words.is_empty() || !ban.packages.is_empty(), "{}: {}", rule.room, ban.what);
        }
    }
    // Of the tree of dependencies: what is known to be there is seen.
    let of_manage = packages(&root().join("crates/manage"));
    assert!(of_manage.contains("aws-sdk-ecs") && of_manage.contains("dispatch"), "{of_manage:?}");
    assert!(!of_manage.contains("local") && !of_manage.contains("pushpool"), "{of_manage:?}");
    assert_eq!(of_features("mod a;\n#[cfg(feature = \"aws\")]\npub mod launcher;\nmod b;\n"), ["launcher"]);
}
