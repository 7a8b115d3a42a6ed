//! Calls against an HTTP client that records requests and gives out prepared answers.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
    time::Duration,
};

use aws_config::{BehaviorVersion, Region, identity::IdentityCache};
use aws_sdk_sqs::config::{Credentials, SharedCredentialsProvider};
use aws_smithy_async::time::StaticTimeSource;
use aws_smithy_runtime_api::client::{
    http::{HttpConnector, HttpConnectorFuture, SharedHttpConnector, http_client_fn},
    result::ConnectorError,
};
use aws_smithy_types::retry::RetryConfig;
use aws_types::{
    origin::Origin,
    sdk_config::Builder,
    service_config::{LoadServiceConfig, ServiceConfigKey},
};
use serde_json::json;

use super::*;

/// 2026-11-23T12:30:45Z.
const NOW: u64 = 1_795_437_045;

/// An answer of the fake client: status, headers, body. `None` is a connection that broke.
type Prepared = Option<(u16, Vec<(&'static str, String)>, Vec<u8>)>;

fn answer(status: u16, body: &str) -> Prepared {
    Some((status, Vec::new(), body.as_bytes().to_vec()))
}

#[derive(Debug, Clone, Default)]
struct Wire {
    answers: Arc<Mutex<VecDeque<Prepared>>>,
    requests: Arc<Mutex<Vec<HttpRequest>>>,
}

impl HttpConnector for Wire {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        self.requests.lock().unwrap().push(request);
        let prepared = self.answers.lock().unwrap().pop_front().expect("no more calls are expected");
        HttpConnectorFuture::ready(match prepared {
            Some((status, headers, body)) => {
                let mut response = HttpResponse::new(status.try_into().unwrap(), SdkBody::from(body));
                for (name, value) in headers {
                    response.headers_mut().insert(name, value);
                }
                Ok(response)
            }
            None => Err(ConnectorError::io("the line is cut".into())),
        })
    }
}

impl Wire {
    fn with(answers: impl IntoIterator<Item = Prepared>) -> Self {
        Self { answers: Arc::new(Mutex::new(answers.into_iter().collect())), ..Self::default() }
    }

    fn config(&self, region: &'static str) -> Builder {
        let wire = self.clone();
        let credentials = Credentials::new(
            "AKIDEXAMPLE",
            "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
            Some("session/token+1==".to_owned()),
            None,
            "test",
        );
        SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new(region))
            .credentials_provider(SharedCredentialsProvider::new(credentials))
            .identity_cache(IdentityCache::no_cache())
            .time_source(StaticTimeSource::from_secs(NOW))
            .retry_config(RetryConfig::standard().with_max_attempts(3).with_initial_backoff(Duration::from_millis(1)))
            .http_client(http_client_fn(move |_, _| SharedHttpConnector::new(wire.clone())))
    }

    /// URL, headers in lower case, and body of the only request.
    fn sent(&self) -> (String, impl Fn(&str) -> String, String) {
        let mut requests = self.requests.lock().unwrap();
        assert_eq!(requests.len(), 1);
        let request = requests.remove(0);
        let body = String::from_utf8(request.body().bytes().unwrap_or_default().to_vec()).unwrap();
        let url = request.uri().to_owned();
        (url, move |name| request.headers().get(name).unwrap_or_default().to_owned(), body)
    }

    fn tries(&self) -> usize {
        self.requests.lock().unwrap().len()
    }
}

/// The signatures in these tests were computed by botocore 1.43.106 (`SigV4Auth`, `S3SigV4Auth`) for the same requests.
fn authorization(scope: &str, headers: &str, signature: &str) -> String {
    format!(
        "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20261123/{scope}/aws4_request, SignedHeaders={headers}, \
         Signature={signature}"
    )
}

const RPC_HEADERS: &str = "content-type;host;x-amz-date;x-amz-security-token;x-amz-target";
const S3_HEADERS: &str = "host;x-amz-content-sha256;x-amz-date;x-amz-security-token";
const NO_BODY: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

#[tokio::test]
async fn a_json_call_is_signed_as_botocore_signs_it() {
    let wire = Wire::with([answer(200, r#"{"Parameter":{"Value":"{}"}}"#)]);
    let rpc = Rpc::get_parameter(&wire.config("eu-west-1").build());
    let output = rpc.call(&json!({ "Name": "/pools/é", "WithDecryption": true })).await.unwrap();
    assert_eq!(output["Parameter"]["Value"], "{}");
    let (url, header, body) = wire.sent();
    assert_eq!(url, "https://ssm.eu-west-1.amazonaws.com/");
    assert_eq!(body, r#"{"Name":"/pools/é","WithDecryption":true}"#);
    assert_eq!(header("x-amz-target"), "AmazonSSM.GetParameter");
    assert_eq!(header("x-amz-date"), "20261123T123045Z");
    assert_eq!(header("x-amz-security-token"), "session/token+1==");
    assert_eq!(header("user-agent"), USER_AGENT);
    let signature = "966cc5bf7581288dd228a276d837586314e2bc96bac75781072cc0155f91dfd8";
    assert_eq!(header("authorization"), authorization("eu-west-1/ssm", RPC_HEADERS, signature));
}

#[tokio::test]
async fn a_secret_is_asked_for_as_botocore_asks() {
    let wire = Wire::with([answer(200, r#"{"SecretString":"s"}"#)]);
    let rpc = Rpc::get_secret_value(&wire.config("eu-west-1").build());
    assert_eq!(rpc.call(&json!({ "SecretId": "prefect/é" })).await.unwrap()["SecretString"], "s");
    let (url, header, _) = wire.sent();
    assert_eq!(url, "https://secretsmanager.eu-west-1.amazonaws.com/");
    assert_eq!(header("x-amz-target"), "secretsmanager.GetSecretValue");
    let signature = "111993afd2f2b7e30859eca174b3664bda4aa395261124ba0bf3eb889b3d415e";
    assert_eq!(header("authorization"), authorization("eu-west-1/secretsmanager", RPC_HEADERS, signature));
}

#[tokio::test]
async fn a_schedule_is_named_in_the_path() {
    let wire = Wire::with([answer(200, r#"{"ScheduleArn":"arn"}"#)]);
    let create = CreateSchedule::new(&wire.config("eu-west-1").build());
    let input = json!({"GroupName": "pushpool", "Target": {"Input": "é"}});
    assert_eq!(create.call("run-1_due.2", &input).await.unwrap()["ScheduleArn"], "arn");
    let (url, header, body) = wire.sent();
    assert_eq!(url, "https://scheduler.eu-west-1.amazonaws.com/schedules/run-1_due.2");
    assert_eq!(body, input.to_string());
    let signature = "95f0bba0bbcc5587d16ffdd7eab73dda7e653d76d17f86d8127eb1166b2e2795";
    let headers = "content-type;host;x-amz-date;x-amz-security-token";
    assert_eq!(header("authorization"), authorization("eu-west-1/scheduler", headers, signature));
}

#[tokio::test]
async fn an_object_is_addressed_and_signed_as_botocore_does_it() {
    for (region, endpoint, bucket, key, url, signature) in [
        (
            "eu-west-1",
            None,
            "my-bucket",
            "teams//a b/ñandú+~(ß).json",
            "https://my-bucket.s3.eu-west-1.amazonaws.com/teams//a%20b/%C3%B1and%C3%BA%2B~%28%C3%9F%29.json",
            "5728493c4b8c3a5306c1a5addffb7b57e275871f0b20dad016441dd01f2683d0",
        ),
        (
            "cn-north-1",
            None,
            "my.bucket",
            "a b.json",
            "https://s3.cn-north-1.amazonaws.com.cn/my.bucket/a%20b.json",
            "7ed10d3dcadbe9bf7b47583f21a19adbabce66974099def4ad93f27af1c0dd25",
        ),
        (
            "eu-west-1",
            Some("http://127.0.0.1:9000/gate/"),
            "my-bucket",
            "a b.json",
            "http://127.0.0.1:9000/gate/my-bucket/a%20b.json",
            "79eef3d62a60327920a525b635df412ca99219a9d4560c58461cfdc1afc695f5",
        ),
    ] {
        let wire = Wire::with([answer(200, "bytes")]);
        let mut config = wire.config(region);
        config.set_endpoint_url(endpoint.map(str::to_owned));
        let got = Bucket::new(&config.build(), bucket).get(key).await.unwrap();
        assert_eq!(got, b"bytes");
        let (sent, header, body) = wire.sent();
        assert_eq!(sent, url);
        assert_eq!(body, "");
        assert_eq!(header("x-amz-content-sha256"), NO_BODY);
        assert_eq!(header("authorization"), authorization(&format!("{region}/s3"), S3_HEADERS, signature), "{url}");
    }
}

#[test]
fn hosts_are_those_of_botocore() {
    // Each line: service, region, `fips` or `-`, `dual` or `-`, bucket or `-`, URL.
    let mut lines = 0;
    for line in include_str!("endpoints.txt").lines() {
        let [service, region, fips, dual, bucket, url] = line.split(' ').collect::<Vec<_>>()[..] else {
            panic!("not six columns: {line}");
        };
        let services = [
            endpoint::SSM,
            endpoint::SECRETS,
            endpoint::EVENTS,
            endpoint::SCHEDULER,
            endpoint::LOGS,
            endpoint::S3,
            endpoint::LAMBDA,
            endpoint::EC2,
            endpoint::ECS,
            endpoint::QUOTAS,
            endpoint::IAM,
        ];
        let service = services.into_iter().find(|it| it.host == service).unwrap();
        let config = SdkConfig::builder()
            .region(Region::new(region.to_owned()))
            .use_fips(fips == "fips")
            .use_dual_stack(dual == "dual")
            .build();
        let endpoint = Endpoint::of(service, &config).unwrap();
        let derived = if bucket == "-" {
            endpoint.url
        } else {
            let (endpoint, path) = endpoint.with_bucket(bucket);
            format!("{}{}", endpoint.url, path.trim_end_matches('/'))
        };
        assert_eq!(derived, url, "{line}");
        lines += 1;
    }
    assert_eq!(lines, 441);
}

/// botocore, endpoint rule set of IAM: `signingRegion`.
#[test]
fn calls_of_iam_are_signed_for_its_partitions_region() {
    for (region, signed) in [
        ("eu-west-1", "us-east-1"),
        ("us-east-1", "us-east-1"),
        ("cn-northwest-1", "cn-north-1"),
        ("us-gov-east-1", "us-gov-west-1"),
        ("us-iso-east-1", "us-iso-east-1"),
        ("eusc-de-east-1", "eusc-de-east-1"),
    ] {
        assert_eq!(endpoint::region_of_iam(region), signed, "{region}");
    }
}

#[test]
fn a_given_endpoint_counts_in_the_order_of_the_sdk() {
    /// What the SDK loads from environment and profile.
    #[derive(Debug)]
    struct Environment;
    impl LoadServiceConfig for Environment {
        fn load_config(&self, key: ServiceConfigKey<'_>) -> Option<String> {
            assert_eq!((key.env(), key.profile()), ("AWS_ENDPOINT_URL", "endpoint_url"));
            (key.service_id() == "EventBridge").then(|| "http://of-the-service".to_owned())
        }
    }
    let config = || SdkConfig::builder().region(Region::new("eu-west-1")).service_config(Environment);
    let url = |service, config: &SdkConfig| Endpoint::of(service, config).unwrap().url;
    // What SDK and command line tool call AWS_ENDPOINT_URL and AWS_ENDPOINT_URL_EVENTBRIDGE.
    let general = config().endpoint_url("http://general").build();
    assert_eq!(url(endpoint::EVENTS, &general), "http://of-the-service");
    assert_eq!(url(endpoint::SSM, &general), "http://general");
    let none = config().build();
    assert_eq!(url(endpoint::EVENTS, &none), "http://of-the-service");
    assert_eq!(url(endpoint::S3, &none), "https://s3.eu-west-1.amazonaws.com");
    let mut in_code = config().endpoint_url("http://in-code");
    in_code.insert_origin("endpoint_url", Origin::shared_config());
    assert_eq!(url(endpoint::EVENTS, &in_code.build()), "http://in-code");
    // Without a region only a given endpoint can be named.
    assert_eq!(Endpoint::of(endpoint::SSM, &SdkConfig::builder().build()), None);
}

#[tokio::test]
async fn what_may_pass_is_tried_three_times_and_what_will_not_once() {
    let throttled = r#"{"__type":"ThrottlingException","message":"Rate exceeded"}"#;
    let denied = r#"{"__type":"com.amazon.coral.service#AccessDeniedException","Message":"not authorized"}"#;
    let fine = || answer(200, "{}");
    for (answers, tries, outcome) in [
        (vec![answer(500, ""), answer(503, "<html>"), fine()], 3, Ok(())),
        (vec![answer(400, throttled), fine()], 2, Ok(())),
        (vec![None, fine()], 2, Ok(())),
        (vec![None, None, None], 3, Err("no answer: the line is cut")),
        (vec![answer(502, "{}"), answer(502, "{}"), answer(502, "{}")], 3, Err("HTTP 502: no message")),
        (vec![answer(400, denied)], 1, Err("AccessDeniedException: not authorized")),
        (vec![answer(200, "<html>")], 1, Err("no answer: expected value at line 1 column 1")),
    ] {
        let wire = Wire::with(answers);
        let got = Rpc::put_events(&wire.config("eu-west-1").build()).call(&json!({ "Entries": [] })).await;
        let got = got.map(drop).map_err(|error| error.to_string());
        assert_eq!((got, wire.tries()), (outcome.map_err(str::to_owned), tries));
    }
}

#[tokio::test]
async fn an_answer_over_the_limit_is_not_read() {
    let announced = Some((200, vec![("content-length", (answer::LIMIT + 1).to_string())], Vec::new()));
    let wire = Wire::with([announced]);
    let error = Bucket::new(&wire.config("eu-west-1").build(), "bucket").get("k").await.unwrap_err();
    assert!(error.is("AnswerTooLarge"), "{error}");
    // An answer that does not say how long it is.
    let endless = || Some((200, Vec::new(), vec![b' '; answer::LIMIT + 1]));
    let wire = Wire::with([endless(), endless(), endless()]);
    let error = Bucket::new(&wire.config("eu-west-1").build(), "bucket").get("k").await.unwrap_err();
    assert!(matches!(error, CallError::NoAnswer(_)), "{error}");
    assert!(std::error::Error::source(&error).is_none(), "the text has the reason already: {error}");
    let wire = Wire::with([Some((200, Vec::new(), vec![b' '; answer::LIMIT]))]);
    let fits = Bucket::new(&wire.config("eu-west-1").build(), "bucket").get("k").await.unwrap();
    assert_eq!(fits.len(), answer::LIMIT);
}

#[tokio::test]
async fn what_cannot_be_sent_is_an_error_that_says_why() {
    let wire = Wire::default();
    let no_region = wire.config("eu-west-1").region(None).build();
    let error = Rpc::put_events(&no_region).call(&json!({})).await.unwrap_err();
    assert_eq!(error.to_string(), "not sent: no region is set");
    let mut no_credentials = wire.config("eu-west-1");
    no_credentials.set_credentials_provider(None);
    Rpc::put_events(&no_credentials.build()).call(&json!({})).await.unwrap_err();
    assert_eq!(wire.tries(), 0);
}

#[test]
fn error_codes_are_read_without_namespace_and_link() {
    let code = |header: Option<&str>, body: &str| answer::json(header, body.as_bytes()).0;
    assert_eq!(code(None, r#"{"__type":"ParameterNotFound"}"#).as_deref(), Some("ParameterNotFound"));
    assert_eq!(code(None, r#"{"__type":"com.amazonaws.ssm#ParameterNotFound"}"#).as_deref(), Some("ParameterNotFound"));
    assert_eq!(code(None, r#"{"code":"a.b#C:http://x#y/"}"#).as_deref(), Some("C"));
    assert_eq!(code(Some("FromHeader:http://x/"), r#"{"__type":"FromBody"}"#).as_deref(), Some("FromHeader"));
    for nothing in ["", "null", "[]", "{}", "<html>", r#"{"__type":1}"#, r#"{"__type":""}"#] {
        assert_eq!(code(None, nothing), None, "{nothing}");
    }
}

#[test]
fn s3_errors_are_read_from_their_document() {
    let body = "<?xml version=\"1.0\"?>\n<Error><Code>AccessDenied</Code><Message>for &quot;a&amp;lt;b&quot;</Message>\
                <Key>Code</Key></Error>";
    let (code, message) = answer::xml(body.as_bytes());
    assert_eq!((code.as_deref(), message.as_deref()), (Some("AccessDenied"), Some("for \"a&lt;b\"")));
    for nothing in ["", "<Code>", "<Error><Code></Code></Error>", "</Code><Code>", "Bad Gateway"] {
        assert_eq!(answer::xml(nothing.as_bytes()), (None, None), "{nothing}");
    }
}

#[test]
fn an_answer_does_not_show_its_bytes() {
    assert_eq!(format!("{:?}", Answer::of(b"secret")), "Answer(6 bytes)");
}

#[tokio::test]
async fn a_role_of_another_account_is_asked_for_with_its_external_id_and_calls_are_made_as_it() {
    let credentials = "<AssumeRoleResponse><AssumeRoleResult><Credentials><AccessKeyId>ASIAOTHER</AccessKeyId>\
        <SecretAccessKey>s</SecretAccessKey><SessionToken>t</SessionToken><Expiration>2026-11-23T13:30:45Z</Expiration>\
        </Credentials></AssumeRoleResult></AssumeRoleResponse>";
    let wire = Wire::with([answer(200, credentials), answer(200, r#"{"events":[]}"#)]);
    let role = crate::LaunchRole {
        arn: "arn:aws:iam::444455556666:role/tasks".to_owned(),
        external_id: Some("a b&c".to_owned()),
    };
    let access = crate::Access::launching_as(wire.config("eu-west-1").build(), Some(role));
    Rpc::get_log_events(&access.tasks).call(&json!({})).await.unwrap();
    let mut requests = wire.requests.lock().unwrap();
    let [assume, call] = &mut requests[..] else { panic!("{} requests", requests.len()) };
    assert_eq!(assume.uri(), "https://sts.eu-west-1.amazonaws.com/");
    assert_eq!(
        assume.body().bytes(),
        Some(
            &b"Action=AssumeRole&Version=2011-06-15&RoleArn=arn%3Aaws%3Aiam%3A%3A444455556666%3Arole%2Ftasks\
            &RoleSessionName=pushpool&ExternalId=a%20b%26c"[..]
        )
    );
    assert!(assume.headers().get("authorization").unwrap().contains("AKIDEXAMPLE"));
    assert!(call.headers().get("authorization").unwrap().contains("ASIAOTHER"));
}

#[tokio::test]
async fn a_role_that_may_not_be_taken_says_so() {
    let refusal = "<ErrorResponse><Error><Type>Sender</Type><Code>AccessDenied</Code>\
        <Message>User x is not authorized to perform: sts:AssumeRole</Message></Error></ErrorResponse>";
    let wire = Wire::with([answer(403, refusal)]);
    let role = crate::LaunchRole { arn: "arn:aws:iam::444455556666:role/tasks".to_owned(), external_id: None };
    let access = crate::Access::launching_as(wire.config("eu-west-1").build(), Some(role));
    let error = Rpc::get_log_events(&access.tasks).call(&json!({})).await.unwrap_err();
    assert!(error.to_string().contains("not authorized"), "{error}");
    assert_eq!(wire.tries(), 1);
}
