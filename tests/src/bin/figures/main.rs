//! The figures of the README: the release dispatcher as a whole process, behind a Runtime API, against AWS on loopback.
//!
//! `cargo run -p pushpool-tests --bin figures`; with the path of a binary behind it, that one is measured. Times depend on
//! the machine; call counts and sizes do not, and processor time depends on it less than time on the clock.

mod served;

use std::{
    collections::{BTreeMap, VecDeque},
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use http_body_util::{BodyExt, Full};
use hyper::{Request, Response, body::Bytes, body::Incoming, service::service_fn};
use hyper_util::rt::TokioIo;
use local::{Config, Local, ecs::Runner};
use serde_json::{Value, json};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::Notify,
};
use tokio_rustls::{TlsAcceptor, rustls};

type Failure = Box<dyn std::error::Error + Send + Sync>;

const RUN_QUEUE: &str = "pushpool-runs";
const DEAD_LETTER_QUEUE: &str = "pushpool-runs-dlq";
const COLD_STARTS: usize = 21;

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let bootstrap = std::env::args_os().nth(1).map_or_else(pushpool_tests::bootstrap, PathBuf::from);
    let size = fs::metadata(&bootstrap)?.len();
    println!("binary                                    {:>8.2} MB", megabytes(size));
    println!("zipped                                    {:>8.2} MB", megabytes(zipped(&bootstrap)?));

    let aws = Aws::start().await?;
    cold_starts(&bootstrap, &aws).await?;
    definitions(&bootstrap, &aws).await?;
    for runs in [100, 1_000, 10_000] {
        warm(&bootstrap, &aws, runs).await?;
    }
    served::figures(&bootstrap, &aws).await?;
    aws.local.stop().await;
    Ok(())
}

/// From process start to the first poll of the Runtime API, and to the first answer that includes one RunTask over TLS.
async fn cold_starts(bootstrap: &Path, aws: &Aws) -> Result<(), Failure> {
    let (mut to_poll, mut to_answer, mut own) = (Vec::new(), Vec::new(), Vec::new());
    let tls = TlsFront::start(aws.local.endpoint()).await?;
    for number in 0..COLD_STARTS {
        let runtime = RuntimeApi::start().await?;
        runtime.push(event(&[message(&format!("cold-{number}"), 0)]));
        let started = Instant::now();
        let function =
            Function::spawn(bootstrap, &runtime, aws, &tls.endpoint, Some(&tls.certificate), &BTreeMap::new())?;
        let answers = runtime.answers(1).await?;
        check_all_acknowledged(&answers)?;
        to_poll.push(runtime.first_poll().ok_or("the function never polled")?.duration_since(started));
        to_answer.push(answers[0].0.duration_since(started));
        own.push(function.processor_time()?);
    }
    println!("process start to first poll               {:>8.1} ms (median of {COLD_STARTS})", median(to_poll));
    println!(
        "process start to answer with RunTask, TLS {:>8.1} ms (the definition is known to AWS)",
        median(to_answer)
    );
    println!("own CPU until then                        {:>8.1} ms", median(own));
    Ok(())
}

/// 1,000 messages in batches of 10 with 100 distinct definitions, in one process.
async fn definitions(bootstrap: &Path, aws: &Aws) -> Result<(), Failure> {
    let runtime = RuntimeApi::start().await?;
    let function = Function::spawn(bootstrap, &runtime, aws, &aws.local.endpoint(), None, &BTreeMap::new())?;
    aws.local.reset_calls();
    for batch in 0..100 {
        let messages: Vec<Value> =
            (0..10).map(|i| message(&format!("definitions-{batch}-{i}"), 1_000 + batch)).collect();
        runtime.push(event(&messages));
    }
    check_all_acknowledged(&runtime.answers(100).await?)?;
    drop(function);
    println!("1,000 runs with 100 distinct definitions:");
    for (call, count) in aws.local.calls() {
        println!("    {call:<37} {count:>8}");
    }
    Ok(())
}

/// Own processor time for each run and the peak of resident memory, in one process.
async fn warm(bootstrap: &Path, aws: &Aws, runs: usize) -> Result<(), Failure> {
    let runtime = RuntimeApi::start().await?;
    let function = Function::spawn(bootstrap, &runtime, aws, &aws.local.endpoint(), None, &BTreeMap::new())?;
    runtime.push(event(&[message(&format!("warm-up-{runs}"), 0)]));
    runtime.answers(1).await?;
    aws.local.reset_calls();
    let before = function.processor_time()?;
    let started = Instant::now();
    for batch in 0..runs / 10 {
        let messages: Vec<Value> = (0..10).map(|i| message(&format!("warm-{runs}-{batch}-{i}"), i)).collect();
        runtime.push(event(&messages));
    }
    check_all_acknowledged(&runtime.answers(1 + runs / 10).await?)?;
    let own = (function.processor_time()? - before).as_secs_f64() * 1_000.0 / f64::from(u32::try_from(runs)?);
    let rate = f64::from(u32::try_from(runs)?) / started.elapsed().as_secs_f64();
    let peak = megabytes(function.peak_memory()?);
    let calls: u64 = aws.local.calls().values().sum();
    println!(
        "{runs:>6} runs: own CPU a run {own:>6.3} ms, peak memory {peak:>5.1} MB, {calls} AWS calls, {rate:.0} runs/s"
    );
    Ok(())
}

fn check_all_acknowledged(answers: &[(Instant, Bytes)]) -> Result<(), Failure> {
    for (_, answer) in answers {
        let answer: Value = serde_json::from_slice(answer)?;
        if answer["batchItemFailures"] != json!([]) {
            return Err(format!("records were returned: {answer}").into());
        }
    }
    Ok(())
}

fn median(mut times: Vec<Duration>) -> f64 {
    times.sort_unstable();
    times[times.len() / 2].as_secs_f64() * 1_000.0
}

#[expect(clippy::cast_precision_loss, reason = "a size to print")]
fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}

fn zipped(bootstrap: &Path) -> Result<u64, Failure> {
    let directory = tempfile::tempdir()?;
    let archive = directory.path().join("function.zip");
    let status = Command::new("python3").args(["-m", "zipfile", "-c"]).arg(&archive).arg(bootstrap).status()?;
    if !status.success() {
        return Err("python3 -m zipfile failed".into());
    }
    Ok(fs::metadata(archive)?.len())
}

/// A message of deployment number `deployment`; each deployment has a definition of its own.
fn message(run: &str, deployment: usize) -> Value {
    let id = |what: &str| uuid::Uuid::new_v5(&uuid::Uuid::NAMESPACE_OID, format!("{what} {run}").as_bytes());
    json!({
        "version": 1,
        "flow_run_id": id("run"),
        "state_id": id("state"),
        "expected_start_time": "2026-01-01T00:00:00Z",
        "work_pool": "figures",
        "run": {
            "name": run,
            "flow": {"name": "figures"},
            "deployment": {
                "name": format!("deployment {deployment}"),
                "job_variables": {"image": "figures:1", "env": {"DEPLOYMENT": deployment.to_string()}},
            },
        },
    })
}

fn event(messages: &[Value]) -> Value {
    let records: Vec<Value> = messages
        .iter()
        .map(|message| {
            json!({
                "messageId": message["state_id"],
                "receiptHandle": "receipt",
                "body": message.to_string(),
                "attributes": {"ApproximateReceiveCount": "1"},
                "eventSource": "aws:sqs",
            })
        })
        .collect();
    json!({"Records": records})
}

/// AWS on loopback with the two queues, and a directory with the pool.
struct Aws {
    local: Local,
    pools: tempfile::TempDir,
}

impl Aws {
    async fn start() -> Result<Self, Failure> {
        let mut config = Config::default();
        config.ecs.runner = Runner::Instant { exit_code: 0 };
        let local = Local::start(config).await?;
        for queue in [RUN_QUEUE, DEAD_LETTER_QUEUE] {
            local.sqs().call("CreateQueue", json!({"QueueName": queue})).await.map_err(|error| format!("{error:?}"))?;
        }
        let pools = tempfile::tempdir()?;
        fs::write(pools.path().join("figures.json"), json!({"name": "figures", "base_job_template": {}}).to_string())?;
        Ok(Self { local, pools })
    }

    fn queue_url(&self, name: &str) -> String {
        format!("{}/000000000000/{name}", self.local.endpoint())
    }
}

/// The dispatcher as a process; killed when dropped.
struct Function(Child);

impl Function {
    fn spawn(
        bootstrap: &Path,
        runtime: &RuntimeApi,
        aws: &Aws,
        endpoint: &str,
        certificate: Option<&Path>,
        more: &BTreeMap<&str, String>,
    ) -> Result<Self, Failure> {
        let mut command = Command::new(bootstrap);
        command
            .env_clear()
            .env("AWS_LAMBDA_RUNTIME_API", runtime.address.to_string())
            .env("AWS_LAMBDA_FUNCTION_NAME", "figures")
            .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256")
            .env("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST")
            .env("AWS_REGION", "us-east-1")
            .env("AWS_ACCESS_KEY_ID", "loopback")
            .env("AWS_SECRET_ACCESS_KEY", "loopback")
            .env("AWS_ENDPOINT_URL", endpoint)
            .env("PUSHPOOL_RUN_QUEUE_URL", aws.queue_url(RUN_QUEUE))
            .env("PUSHPOOL_DLQ_URL", aws.queue_url(DEAD_LETTER_QUEUE))
            .env("PUSHPOOL_RUN_QUEUE_ARN", format!("arn:aws:sqs:us-east-1:000000000000:{RUN_QUEUE}"))
            .env("PUSHPOOL_SCHEDULE_GROUP", "pushpool")
            .env("PUSHPOOL_SCHEDULE_ROLE_ARN", "arn:aws:iam::000000000000:role/schedules")
            .env("PUSHPOOL_POOL_DOCUMENTS", aws.pools.path())
            .env("PUSHPOOL_SUBNETS", "subnet-1")
            .env("PUSHPOOL_RUN_TASK_RATE", "0")
            .envs(more)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        if let Some(certificate) = certificate {
            command.env("SSL_CERT_FILE", certificate);
        }
        Ok(Self(command.spawn()?))
    }

    /// Time on a processor, of all threads: the kernel counts nanoseconds in `schedstat`.
    fn processor_time(&self) -> Result<Duration, Failure> {
        let mut nanoseconds = 0;
        for thread in fs::read_dir(format!("/proc/{}/task", self.0.id()))? {
            let text = fs::read_to_string(thread?.path().join("schedstat"))?;
            nanoseconds += text.split_whitespace().next().ok_or("schedstat is empty")?.parse::<u64>()?;
        }
        Ok(Duration::from_nanos(nanoseconds))
    }

    fn peak_memory(&self) -> Result<u64, Failure> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.0.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).ok_or("no VmHWM")?;
        Ok(line.trim().trim_end_matches(" kB").parse::<u64>()? * 1_024)
    }
}

impl Drop for Function {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The least a function needs of the Runtime API, with the instants it was asked at. (`local` has a whole one; this one
/// measures, so it does nothing else.)
struct RuntimeApi {
    address: SocketAddr,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    pushed: Notify,
    answered: Notify,
}

#[derive(Default)]
struct State {
    events: VecDeque<Value>,
    first_poll: Option<Instant>,
    answers: Vec<(Instant, Bytes)>,
}

impl Shared {
    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

impl RuntimeApi {
    async fn start() -> Result<Self, Failure> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared::default());
        let of_server = Arc::clone(&shared);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let _ = stream.set_nodelay(true);
                let shared = Arc::clone(&of_server);
                let service = service_fn(move |request| answer(request, Arc::clone(&shared)));
                tokio::spawn(
                    hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service),
                );
            }
        });
        Ok(Self { address, shared })
    }

    fn push(&self, event: Value) {
        self.shared.state().events.push_back(event);
        self.shared.pushed.notify_one();
    }

    fn first_poll(&self) -> Option<Instant> {
        self.shared.state().first_poll
    }

    /// Waits until there are `count` answers in all.
    async fn answers(&self, count: usize) -> Result<Vec<(Instant, Bytes)>, Failure> {
        let all = async {
            loop {
                let answered = self.shared.answered.notified();
                let answers = self.shared.state().answers.clone();
                if answers.len() >= count {
                    return answers;
                }
                answered.await;
            }
        };
        Ok(tokio::time::timeout(Duration::from_secs(300), all).await?)
    }
}

async fn answer(request: Request<Incoming>, shared: Arc<Shared>) -> Result<Response<Full<Bytes>>, Failure> {
    let path = request.uri().path().to_owned();
    if path.ends_with("/invocation/next") {
        shared.state().first_poll.get_or_insert_with(Instant::now);
        let event = loop {
            let pushed = shared.pushed.notified();
            let event = shared.state().events.pop_front();
            match event {
                Some(event) => break event,
                None => pushed.await,
            }
        };
        let deadline = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH)? + Duration::from_secs(30);
        return Ok(Response::builder()
            .header("Lambda-Runtime-Aws-Request-Id", uuid::Uuid::new_v4().to_string())
            .header("Lambda-Runtime-Deadline-Ms", deadline.as_millis().to_string())
            .header("Lambda-Runtime-Invoked-Function-Arn", "arn:aws:lambda:us-east-1:000000000000:function:figures")
            .header("Lambda-Runtime-Trace-Id", "Root=1-0-0")
            .body(Full::from(event.to_string()))?);
    }
    let at = Instant::now();
    let body = request.into_body().collect().await?.to_bytes();
    if !path.ends_with("/response") {
        eprintln!("the function reported: {}", String::from_utf8_lossy(&body));
    }
    shared.state().answers.push((at, body));
    shared.answered.notify_one();
    Ok(Response::builder().status(202).body(Full::default())?)
}

/// TLS in front of the loopback endpoint, with a certificate of its own.
struct TlsFront {
    endpoint: String,
    certificate: std::path::PathBuf,
    _directory: tempfile::TempDir,
}

impl TlsFront {
    async fn start(behind: String) -> Result<Self, Failure> {
        let authority = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()])?;
        let directory = tempfile::tempdir()?;
        let certificate = directory.path().join("ca.pem");
        fs::write(&certificate, authority.cert.pem())?;
        let key = rustls::pki_types::PrivateKeyDer::try_from(authority.signing_key.serialize_der())?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(vec![authority.cert.der().clone()], key)?;
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let endpoint = format!("https://localhost:{}", listener.local_addr()?.port());
        let behind = behind.trim_start_matches("http://").to_owned();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (acceptor, behind) = (acceptor.clone(), behind.clone());
                tokio::spawn(async move {
                    let _ = stream.set_nodelay(true);
                    let (Ok(mut front), Ok(mut back)) =
                        (acceptor.accept(stream).await, TcpStream::connect(&behind).await)
                    else {
                        return;
                    };
                    let _ = back.set_nodelay(true);
                    let _ = tokio::io::copy_bidirectional(&mut front, &mut back).await;
                });
            }
        });
        Ok(Self { endpoint, certificate, _directory: directory })
    }
}
