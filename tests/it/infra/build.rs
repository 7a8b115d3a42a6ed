//! What `infra/build` packs is what the module reads.
//!
//! Nothing is compiled here: binaries are a header and some bytes. That the real ones start and answer is for `built`.

use std::{collections::BTreeSet, fs, path::Path, process::Command};

use base64::prelude::{BASE64_STANDARD, Engine as _};
use hcl::{Expression, expr::TraversalOperator};
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::{FUNCTION, FUNCTIONS, PUSHPOOL, attributes, local_name, module, read, root, walk};

const ARCHITECTURES: [(&str, u8); 2] = [("arm64", 0xB7), ("x86_64", 0x3E)];

/// Puts what stands for cargo-lambda's output there.
fn build(at: &Path, machine: impl Fn(u8) -> u8) {
    for (architecture, of) in ARCHITECTURES {
        for function in FUNCTIONS {
            let directory = at.join(architecture).join("lambda").join(function);
            fs::create_dir_all(&directory).unwrap();
            let mut elf = b"\x7fELF".to_vec();
            elf.resize(18, 0);
            elf.extend([machine(of), 0]);
            elf.extend(function.as_bytes());
            fs::write(directory.join("bootstrap"), elf).unwrap();
        }
        fs::write(at.join(architecture).join("rustc-version"), "rustc 1.0.0\n").unwrap();
    }
}

/// Whether it packs them.
fn pack(built: &Path, into: &Path) -> bool {
    let mut command = Command::new(pushpool_tests::rig::python::python().interpreter());
    command.current_dir(root()).args(["infra/pack.py", "--tools", "none"]);
    command.arg("--built").arg(built).arg("--into").arg(into);
    command.args(["--functions", &FUNCTIONS.join(" "), "--architectures", "arm64 x86_64"]);
    command.output().unwrap().status.success()
}

/// What the module reads of the manifest itself.
fn members_read() -> BTreeSet<String> {
    let mut members = BTreeSet::new();
    for (_, expression) in attributes(&module(PUSHPOOL)) {
        walk(expression, &mut |part| {
            if local_name(part).as_deref() == Some("manifest")
                && let Expression::Traversal(traversal) = part
                && let Some(TraversalOperator::GetAttr(name)) = traversal.operators.get(1)
            {
                members.insert(name.to_string());
            }
        });
    }
    // A template's parts are text to the parser.
    let text = read(&format!("{PUSHPOOL}/main.tf"));
    let named = regex_lite::Regex::new(r"local\.manifest\.(\w+)").unwrap();
    members.extend(named.captures_iter(&text).map(|it| it[1].to_owned()));
    members
}

#[test]
fn the_manifest_is_the_zips_and_says_what_the_module_reads() {
    let scratch = tempfile::tempdir().unwrap();
    let (built, into) = (scratch.path().join("built"), scratch.path().join("dist"));
    build(&built, |machine| machine);
    assert!(pack(&built, &into));
    let manifest: Value = serde_json::from_slice(&fs::read(into.join("manifest.json")).unwrap()).unwrap();
    for function in FUNCTIONS {
        for (architecture, _) in ARCHITECTURES {
            let packed = &manifest["functions"][function][architecture];
            let zip = fs::read(into.join(packed["file"].as_str().unwrap())).unwrap();
            assert_eq!(packed["sha256"], BASE64_STANDARD.encode(Sha256::digest(&zip)), "{function} {architecture}");
            assert_eq!(packed["size"], zip.len());
            // The mode, in the central directory's entry: Lambda has to be able to start it.
            let entry = zip.windows(4).position(|four| four == b"PK\x01\x02").unwrap();
            let attributes = u32::from_le_bytes(zip[entry + 38..entry + 42].try_into().unwrap());
            assert_eq!(attributes >> 16, 0o100_755, "{function} {architecture}");
        }
    }
    let read = members_read();
    assert!(read.contains("functions") && read.contains("revision"), "{read:?}");
    let sample: Value = serde_json::from_str(&super::read(&format!("{PUSHPOOL}/tests/manifest.json"))).unwrap();
    for member in read {
        assert!(!manifest[&member].is_null(), "the module reads {member}, and infra/pack.py does not write it");
        assert!(!sample[&member].is_null(), "the module reads {member}, and its tests' manifest has none");
    }
}

#[test]
fn the_same_binary_gives_the_same_zip_whenever_it_is_packed() {
    let scratch = tempfile::tempdir().unwrap();
    let mut zips = Vec::new();
    for (name, age) in [("one", 0), ("two", 10_000_000)] {
        let (built, into) = (scratch.path().join(name), scratch.path().join(name).join("dist"));
        build(&built, |machine| machine);
        let bootstrap = built.join("arm64/lambda/poller/bootstrap");
        let made = std::time::SystemTime::now() - std::time::Duration::from_secs(age);
        fs::File::options().write(true).open(bootstrap).unwrap().set_modified(made).unwrap();
        assert!(pack(&built, &into));
        zips.push(fs::read(into.join("arm64/poller.zip")).unwrap());
    }
    assert!(zips[0] == zips[1]);
}

#[test]
fn a_binary_for_another_architecture_is_not_packed() {
    let scratch = tempfile::tempdir().unwrap();
    // Both are built, and both for arm64.
    build(scratch.path(), |_| ARCHITECTURES[0].1);
    assert!(!pack(scratch.path(), &scratch.path().join("dist")));
}

#[test]
fn every_function_is_built() {
    let script = read("infra/build");
    let line = script.lines().find_map(|line| line.strip_prefix("functions=\"")).unwrap();
    let built: BTreeSet<&str> = line.trim_end_matches('"').split(' ').collect();
    assert_eq!(built, BTreeSet::from(FUNCTIONS));
}

/// Shipping code with `cargo lambda deploy` stands on these two (docs/building.md).
#[test]
fn code_goes_with_the_manifest_and_a_plan_does_not_look_at_what_runs() {
    let blocks = module(FUNCTION);
    let all = attributes(&blocks);
    let hash = all.iter().find(|(name, _)| *name == "source_code_hash").unwrap().1;
    assert_eq!(hash.to_string(), "var.code.sha256");
    assert!(!all.iter().any(|(name, _)| ["code_sha256", "ignore_changes", "publish"].contains(name)));
}
