//! aws-sdk-rust as a client of the conformance suite.
//!
//! The operation is the SDK's, so that it signs, sends, and reads the answer into its types; only the body is the
//! rule's, because most rules are about requests that the SDK's builders do not let anyone write. What came over the wire
//! is kept on its way into the SDK, because rules compare JSON.

use std::sync::{Arc, Mutex};

use aws_sdk_ecs::config::retry::RetryConfig;
use aws_sdk_ecs::config::timeout::TimeoutConfig;
use aws_sdk_ecs::config::{ConfigBag, Intercept, RuntimeComponents, interceptors};
use aws_sdk_ecs::error::{BoxError, ProvideErrorMetadata};
use pushpool_tests::conformance::{Client, Refusal};
use serde_json::{Map, Value};

/// Errors that an operation's model need not name, so that the SDK may have no type for them: those of the framework
/// under all services, and the one of ReceiveMessage.
const UNTYPED: [&str; 5] = [
    "InvalidAttributeName",
    "InvalidParameterValueException",
    "MissingRequiredParameterException",
    "SerializationException",
    "UnknownOperationException",
];

/// SQS and ECS at one endpoint.
#[derive(Debug)]
pub(crate) struct Sdk {
    sqs: aws_sdk_sqs::Client,
    ecs: aws_sdk_ecs::Client,
}

impl Sdk {
    pub(crate) async fn new(endpoint: &str) -> Self {
        let config = aws::loopback_config(endpoint, "us-east-1").await;
        // Rules say how often a call is made, a long poll outlives the timeouts that suit a function, and no rule is
        // broken because a machine is slow.
        let sqs = aws_sdk_sqs::config::Builder::from(&config)
            .retry_config(RetryConfig::disabled())
            .timeout_config(TimeoutConfig::disabled())
            .build();
        let ecs = aws_sdk_ecs::config::Builder::from(&config)
            .retry_config(RetryConfig::disabled())
            .timeout_config(TimeoutConfig::disabled())
            .build();
        Self { sqs: aws_sdk_sqs::Client::from_conf(sqs), ecs: aws_sdk_ecs::Client::from_conf(ecs) }
    }
}

/// Keeps the answer that the SDK reads.
#[derive(Debug, Clone, Default)]
struct Keep(Arc<Mutex<Option<Seen>>>);

#[derive(Debug)]
struct Seen {
    query_error: Option<String>,
    body: Vec<u8>,
}

impl Intercept for Keep {
    fn name(&self) -> &'static str {
        "keeps the answer"
    }

    fn read_after_deserialization(
        &self,
        context: &interceptors::AfterDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let response = context.response();
        let query_error = response.headers().get("x-amzn-query-error").map(str::to_owned);
        let body = response.body().bytes().unwrap_or_default().to_vec();
        *self.0.lock().expect("nobody panics with it") = Some(Seen { query_error, body });
        Ok(())
    }
}

/// What the SDK made of a refusal: the name of the type, and the code.
struct Typed {
    name: String,
    code: Option<String>,
}

fn typed<E: std::fmt::Debug + ProvideErrorMetadata>(error: Option<&E>, otherwise: String) -> Result<Typed, String> {
    let error = error.ok_or(otherwise)?;
    let shown = format!("{error:?}");
    let name = shown.split(['(', ' ', '{']).next().unwrap_or_default().to_owned();
    Ok(Typed { name, code: error.code().map(str::to_owned) })
}

/// Sends `$body` as one of the operations of `$client`.
macro_rules! send {
    ($client:expr, $operation:expr, $body:expr, $keep:expr; $($name:literal => $method:ident,)*) => {
        match $operation {
            $($name => {
                let sent = $client.$method().customize().interceptor($keep).mutate_request(move |request| {
                    let length = $body.len().to_string();
                    *request.body_mut() = $body.clone().into();
                    request.headers_mut().insert("content-length", length);
                });
                match sent.send().await {
                    Ok(_) => None,
                    Err(error) => Some(typed(error.as_service_error(), format!("{error:?}"))),
                }
            })*
            other => panic!("the suite does not call {other} yet"),
        }
    };
}

impl Client for Sdk {
    async fn call(&self, service: &str, operation: &str, input: Value) -> Result<Value, Result<Refusal, String>> {
        let keep = Keep::default();
        let kept = keep.clone();
        let body = input.to_string();
        let failed = match service {
            "sqs" => send!(self.sqs, operation, body, keep;
                "CreateQueue" => create_queue,
                "DeleteQueue" => delete_queue,
                "GetQueueUrl" => get_queue_url,
                "ListQueues" => list_queues,
                "ListDeadLetterSourceQueues" => list_dead_letter_source_queues,
                "GetQueueAttributes" => get_queue_attributes,
                "SetQueueAttributes" => set_queue_attributes,
                "PurgeQueue" => purge_queue,
                "TagQueue" => tag_queue,
                "UntagQueue" => untag_queue,
                "ListQueueTags" => list_queue_tags,
                "SendMessage" => send_message,
                "SendMessageBatch" => send_message_batch,
                "ReceiveMessage" => receive_message,
                "DeleteMessage" => delete_message,
                "DeleteMessageBatch" => delete_message_batch,
                "ChangeMessageVisibility" => change_message_visibility,
                "ChangeMessageVisibilityBatch" => change_message_visibility_batch,
                "StartMessageMoveTask" => start_message_move_task,
                "ListMessageMoveTasks" => list_message_move_tasks,
                "CancelMessageMoveTask" => cancel_message_move_task,
            ),
            "ecs" => send!(self.ecs, operation, body, keep;
                "CreateCluster" => create_cluster,
                "DescribeClusters" => describe_clusters,
                "ListClusters" => list_clusters,
                "DeleteCluster" => delete_cluster,
                "RegisterTaskDefinition" => register_task_definition,
                "DescribeTaskDefinition" => describe_task_definition,
                "DeregisterTaskDefinition" => deregister_task_definition,
                "ListTaskDefinitions" => list_task_definitions,
                "ListTaskDefinitionFamilies" => list_task_definition_families,
                "RunTask" => run_task,
                "StopTask" => stop_task,
                "DescribeTasks" => describe_tasks,
                "ListTasks" => list_tasks,
                "TagResource" => tag_resource,
                "UntagResource" => untag_resource,
                "ListTagsForResource" => list_tags_for_resource,
            ),
            other => panic!("the suite does not call {other}"),
        };
        let seen = kept.0.lock().expect("nobody panics with it").take();
        let seen = seen.ok_or_else(|| Err(format!("no answer: {:?}", failed.as_ref().map(|it| it.as_ref().err()))))?;
        let document: Value = match seen.body.as_slice() {
            [] => Value::Object(Map::new()),
            body => serde_json::from_slice(body).map_err(|error| Err(error.to_string()))?,
        };
        match failed {
            None => Ok(document),
            Some(typed) => Err(typed.and_then(|typed| refusal(typed, document, seen.query_error))),
        }
    }
}

/// Compares what the SDK read with what was there.
fn refusal(typed: Typed, document: Value, query_error: Option<String>) -> Result<Refusal, String> {
    let name = document["__type"].as_str().ok_or("an error without __type")?;
    let name = name.rsplit('#').next().unwrap_or_default().to_owned();
    let query_code = query_error.as_deref().and_then(|header| header.split(';').next()).unwrap_or(&name).to_owned();
    if typed.name != name && !(typed.name == "Unhandled" && UNTYPED.contains(&name.as_str())) {
        return Err(format!("{name} became the type {}", typed.name));
    }
    let code = typed.code.ok_or_else(|| format!("{name} has no code in the SDK"))?;
    if code != name && code != query_code {
        return Err(format!("{name} has code {code} in the SDK"));
    }
    let message = document["message"].as_str().or_else(|| document["Message"].as_str()).map(str::to_owned);
    Ok(Refusal { codes: vec![query_code.clone(), name], query_code, message, members: document })
}
