//! Prefect's own ECS worker as a function: a run in, the AWS requests it would send out.
//!
//! One Python process (`tests/python/oracle.py`) answers all questions of a test; starting one per question would take
//! five seconds each.

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStdin, ChildStdout, Stdio};
use std::thread::JoinHandle;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::rig::python::python;

/// Id and name of a thing of Prefect's.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Thing {
    /// Its id.
    pub id: uuid::Uuid,
    /// Its name.
    pub name: String,
}

/// A block document.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Block {
    /// Its id.
    pub id: uuid::Uuid,
    /// Slug of its type.
    #[serde(rename = "type")]
    pub type_slug: String,
    /// Its name.
    pub name: String,
    /// Its data.
    pub data: Value,
}

/// A question to the oracle; `oracle.py` says what each key means.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Case {
    /// Base job template of the work pool; `{}` is the built-in one.
    pub template: Value,
    /// Job variables of the deployment.
    pub deployment_job_variables: Value,
    /// Job variables of the flow run, or null.
    pub flow_run_job_variables: Value,
    /// The work pool.
    pub work_pool: Thing,
    /// The deployment; none for a run submitted as a bundle.
    pub deployment: Option<Thing>,
    /// The flow.
    pub flow: Thing,
    /// The flow run.
    pub flow_run: Thing,
    /// Block documents of the server.
    #[serde(default)]
    pub blocks: Vec<Block>,
    /// Variables of the server.
    #[serde(default)]
    pub variables: Map<String, Value>,
    /// Prefect settings of the worker process.
    #[serde(default)]
    pub worker_environment: Map<String, Value>,
    /// Environment of the worker process, for `{{ $X }}`.
    #[serde(default)]
    pub process_environment: Map<String, Value>,
    /// Task definitions that exist in the account.
    #[serde(default)]
    pub existing_definitions: Map<String, Value>,
    /// Subnets by VPC; the first VPC is the default one.
    #[serde(default)]
    pub vpcs: Map<String, Value>,
    /// EC2 knows every VPC that is asked for, and every subnet is in it.
    #[serde(default)]
    pub lenient_ec2: bool,
}

/// One AWS call of the worker.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Call {
    /// Operation, with `ec2:` before it when it is not one of ECS.
    pub api: String,
    /// The request in AWS's own JSON names.
    pub request: Value,
}

/// A request that boto3 refuses to send.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Invalid {
    /// Operation.
    pub api: String,
    /// boto3's reasons, one per line.
    pub report: String,
}

/// An exception of the worker.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Exception {
    /// Class of the exception.
    #[serde(rename = "type")]
    pub class: String,
    /// Its text.
    pub message: String,
    /// Function that raised it.
    #[serde(default)]
    pub at: String,
}

/// What the worker did.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Answer {
    /// Its AWS calls in order.
    pub calls: Vec<Call>,
    /// Calls among them that boto3 would not have sent.
    #[serde(default)]
    pub invalid: Vec<Invalid>,
    /// Values that AWS refuses because an enumeration of the service model lacks them.
    #[serde(default)]
    pub beyond_enumerations: Vec<String>,
    /// The exception it ended in.
    pub error: Option<Exception>,
    /// What the server's validation of job variables has against them.
    #[serde(default)]
    pub schema_errors: Vec<String>,
}

/// Why requests cannot be sent or will be refused.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Objections {
    /// Calls that boto3 would not send.
    pub invalid: Vec<Invalid>,
    /// Values outside the enumerations of the service model.
    pub beyond_enumerations: Vec<String>,
}

impl Answer {
    /// Request of the last call of `operation`.
    pub fn request(&self, operation: &str) -> Option<&Value> {
        self.calls.iter().rfind(|call| call.api == operation).map(|call| &call.request)
    }

    /// The same, to change it.
    pub fn request_mut(&mut self, operation: &str) -> Option<&mut Value> {
        self.calls.iter_mut().rfind(|call| call.api == operation).map(|call| &mut call.request)
    }

    /// Whether the exception's text contains `part`.
    pub fn failed_with(&self, part: &str) -> bool {
        self.error.as_ref().is_some_and(|error| error.message.contains(part))
    }
}

/// What the oracle says of itself when it starts.
#[derive(Debug, Clone, Deserialize)]
pub struct Hello {
    /// Version of `prefect`.
    pub prefect: String,
    /// Version of `prefect-aws`.
    pub prefect_aws: String,
    /// The worker's own base job template, which `{}` means.
    pub default_template: Value,
    /// Image of a container for which none is named.
    pub default_image: String,
}

/// The Python process.
#[derive(Debug)]
pub struct Oracle {
    child: Child,
    questions: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
    noise: Option<JoinHandle<String>>,
    hello: Hello,
}

impl Oracle {
    /// Starts the process and waits for its greeting.
    ///
    /// # Panics
    ///
    /// When the environment cannot be made or the process does not greet.
    pub fn start() -> Self {
        let python = python();
        let mut child = python
            .command([python.script("oracle.py")])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the oracle starts");
        let questions = child.stdin.take();
        let answers = BufReader::new(child.stdout.take().expect("its output is piped"));
        let mut stderr = child.stderr.take().expect("its errors are piped");
        let noise = std::thread::spawn(move || {
            let mut text = Vec::new();
            stderr.read_to_end(&mut text).ok();
            String::from_utf8_lossy(&text).into_owned()
        });
        let mut oracle = Self {
            child,
            questions,
            answers,
            noise: Some(noise),
            hello: Hello {
                prefect: String::new(),
                prefect_aws: String::new(),
                default_template: Value::Null,
                default_image: String::new(),
            },
        };
        let greeting = oracle.line();
        oracle.hello = serde_json::from_str(&greeting).expect("the oracle greets with its versions");
        oracle
    }

    /// Versions and defaults of the real thing.
    pub fn hello(&self) -> &Hello {
        &self.hello
    }

    /// What the real worker does with `case`.
    ///
    /// # Panics
    ///
    /// When the process died; its standard error is in the message.
    pub fn ask(&mut self, case: &Case) -> Answer {
        self.exchange(case)
    }

    /// What boto3 has against sending `calls` of ECS, and what AWS has.
    ///
    /// # Panics
    ///
    /// As [`Oracle::ask`].
    pub fn validate(&mut self, calls: &[Call]) -> Objections {
        #[derive(Serialize)]
        struct Question<'a> {
            validate: &'a [Call],
        }
        self.exchange(&Question { validate: calls })
    }

    fn exchange<R: DeserializeOwned>(&mut self, question: &impl Serialize) -> R {
        let mut question = serde_json::to_string(question).expect("a question is JSON");
        question.push('\n');
        let written = self.questions.as_mut().expect("the oracle listens").write_all(question.as_bytes());
        if written.is_err() {
            self.fail();
        }
        let line = self.line();
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("the oracle's answer is not one: {error}: {line}"))
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        match self.answers.read_line(&mut line) {
            Ok(read) if read > 0 => line,
            _ => self.fail(),
        }
    }

    fn fail(&mut self) -> ! {
        self.questions = None;
        self.child.kill().ok();
        let status = self.child.wait();
        let noise = self.noise.take().and_then(|reader| reader.join().ok()).unwrap_or_default();
        panic!("the oracle died ({status:?}):\n{noise}");
    }
}

impl Drop for Oracle {
    fn drop(&mut self) {
        self.questions = None;
        self.child.kill().ok();
        self.child.wait().ok();
    }
}
