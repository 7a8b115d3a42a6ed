//! Pool documents and outcomes over an AWS that somebody else wrote: moto, told to check signatures, session tokens and
//! permissions, so that a call signed wrongly is refused as AWS would refuse it.

use aws::{EventBridgeBus, Pools, SdkConfig};
use aws_sdk_sqs::config::{Credentials, SharedCredentialsProvider};
use dispatch::ports::{Failure, OutcomeBus, PoolDocuments};
use ecs::failure::Class;
use pushpool_tests::{
    conformance::{Emulator, moto},
    rig::python::python,
};
use serde_json::{Value, json};

const REGION: &str = "eu-west-1";

/// Runs `tests/python/aws_side.py` and reads what it prints.
fn aws_side(command: &str, moto: &Emulator, argument: &str) -> Value {
    let python = python();
    let output = python
        .command([python.script("aws_side.py")])
        .args([command, &moto.endpoint(), REGION, argument])
        .output()
        .expect("tests/python/aws_side.py can be started");
    let complaints = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "aws_side.py {command}: {complaints}\n{}", moto.log());
    serde_json::from_slice(&output.stdout).expect("aws_side.py prints JSON")
}

#[tokio::test]
async fn moto_takes_the_calls_of_pools_and_bus() {
    let moto = moto();
    let prepared = aws_side(
        "prepare",
        &moto,
        &json!({
            "parameters": {"/pushpool/pools/fargate": r#"{"name":"fargate"}"#, "/pushpool/pools/broken": "{"},
            "buckets": ["documents", "doc.uments"],
            "objects": {
                "fargate.json": r#"{"name":"at the top"}"#,
                "teams//data eng/données ~équipe~ 1+1 (ß).json": r#"{"name":"équipe"}"#,
                "teams//data eng/broken.json": "[1,",
            },
        })
        .to_string(),
    );
    let text = |index: usize| prepared[index].as_str().expect("aws_side.py prints strings");
    let base = aws::loopback_config(&moto.endpoint(), REGION).await;
    let with_secret = |secret: &str| {
        let keys = Credentials::new(text(0), secret, Some(text(2).to_owned()), None, "the assumed role");
        base.to_builder().credentials_provider(SharedCredentialsProvider::new(keys)).build()
    };
    let (config, stranger) = (with_secret(text(1)), with_secret("another secret"));

    parameters(&config).await;
    objects(&config).await;
    strangers_are_refused(&stranger).await;
    outcomes(&config, &stranger).await;
    let events = aws_side("events", &moto, text(3));
    let events: Vec<_> =
        events.as_array().expect("a list").iter().map(|event| (&event["detail-type"], &event["detail"])).collect();
    let (kind, detail) = (json!("dispatched"), json!({"run": "r–1", "n": 1}));
    assert_eq!(events, [(&kind, &detail)]);
}

async fn read(config: &SdkConfig, location: &str, pool: &str) -> Result<Option<Value>, Failure> {
    Pools::at(location, config).expect("the location is one").read(pool).await
}

fn assert_failed(result: Result<Option<Value>, Failure>, class: Class, code: &str, detail: &str) {
    let failure = result.expect_err("the document cannot be had");
    assert_eq!((failure.class, failure.diagnosis.code.id()), (class, code), "{failure:?}");
    assert!(failure.diagnosis.detail.contains(detail), "{failure:?}");
}

async fn parameters(config: &SdkConfig) {
    let at = "ssm:/pushpool/pools/";
    assert_eq!(read(config, at, "fargate").await, Ok(Some(json!({"name": "fargate"}))));
    assert_eq!(read(config, at, "missing").await, Ok(None));
    // Not a parameter's name: moto would answer ValidationException.
    assert_eq!(read(config, at, "far gate").await, Ok(None));
    assert_failed(read(config, at, "broken").await, Class::Rejected, "PP0405", "not JSON");
}

async fn objects(config: &SdkConfig) {
    for bucket in ["documents", "doc.uments"] {
        let top = format!("s3://{bucket}");
        let teams = format!("s3://{bucket}/teams//data eng/");
        assert_eq!(read(config, &top, "fargate").await, Ok(Some(json!({"name": "at the top"}))));
        assert_eq!(read(config, &teams, "données ~équipe~ 1+1 (ß)").await, Ok(Some(json!({"name": "équipe"}))));
        assert_eq!(read(config, &teams, "fargate").await, Ok(None));
        assert_failed(read(config, &teams, "broken").await, Class::Rejected, "PP0405", "not JSON");
    }
    assert_failed(read(config, "s3://elsewhere", "fargate").await, Class::Transient, "PP0406", "NoSuchBucket");
}

/// A key that moto gave out, with another secret: this is how the rest of the test knows that moto looks at signatures.
async fn strangers_are_refused(stranger: &SdkConfig) {
    // moto refuses in XML whichever service was asked.
    assert_failed(read(stranger, "ssm:/pushpool/pools", "fargate").await, Class::Transient, "PP0406", "HTTP 403");
    let object = read(stranger, "s3://documents", "fargate").await;
    assert_failed(object, Class::Transient, "PP0406", "SignatureDoesNotMatch");
}

async fn outcomes(config: &SdkConfig, stranger: &SdkConfig) {
    let bus = |config: &SdkConfig, name: &str| EventBridgeBus::new(config, Some(name.to_owned()));
    bus(config, "outcomes").publish("dispatched", json!({"run": "r–1", "n": 1})).await;
    // Neither of these may arrive, and neither may fail.
    bus(stranger, "outcomes").publish("refused", json!({})).await;
    bus(config, "elsewhere").publish("lost", json!({})).await;
    EventBridgeBus::new(config, None).publish("unwanted", json!({})).await;
}
