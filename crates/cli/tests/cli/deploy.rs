//! `pushpool deploy init`; what needs a server is tested with real ones.

use std::fs;

use super::{pushpool, stderr};

#[test]
fn init_writes_a_first_file_once_and_says_what_it_does_not_support() {
    let folder = tempfile::tempdir().unwrap();
    let init = |arguments: &[&str]| {
        let output = pushpool(&["deploy", "init"]).args(arguments).current_dir(folder.path()).output().unwrap();
        (output.status.code(), stderr(&output))
    };
    fs::write(folder.path().join("etl.py"), "from prefect import flow\n\n@flow\ndef etl():\n    pass\n").unwrap();
    let named = ["--name", "wares", "--pool", "etl", "--image", "repo/etl:1", "--prefect-file", "etl.yaml"];
    let (code, told) = init(&named);
    assert_eq!(code, Some(0), "{told}");
    assert!(told.contains("--prefect-file etl.yaml --all --check"), "{told}");
    let text = fs::read_to_string(folder.path().join("etl.yaml")).unwrap();
    for part in ["name: wares", "entrypoint: etl.py:etl", "name: etl\n", "image: repo/etl:1"] {
        assert!(text.contains(part), "{part} in {text}");
    }
    let (code, told) = init(&named);
    assert_eq!(code, Some(1));
    assert!(told.contains("etl.yaml exists"), "{told}");
    let (code, told) = init(&["--recipe", "docker-s3"]);
    assert_eq!(code, Some(1));
    assert!(told.contains("--recipe"), "{told}");
    assert!(!folder.path().join("prefect.yaml").exists());
}
