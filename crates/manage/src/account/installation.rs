//! The parts of an installation as they are, to be held against what they should be.
//!
//! Lambda, STS and Service Quotas are asked for one or two things each, so they are signed calls ([`aws::call`]): the SDK
//! crate for Lambda alone is larger than all that is linked now.

use std::collections::BTreeMap;

use aws::{
    SdkConfig,
    call::{Lambda, Query, Rpc, element, encoded},
    ecs_client,
};
use aws_sdk_sqs::types::QueueAttributeName;
use serde_json::{Value, json};

use super::{dead_letters::url_of, trouble::Trouble};

/// "Fargate On-Demand vCPU resource count" (Service Quotas console, AWS Fargate).
const FARGATE_ON_DEMAND: &str = "L-3032A538";

/// A queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueueFacts {
    /// Its URL.
    pub url: String,
    /// Its ARN.
    pub arn: String,
    /// Seconds that a received message is hidden.
    pub visibility: u64,
    /// Where messages go that were received too often, and how often that is.
    pub redrive: Option<(String, u64)>,
    /// About how many messages it holds.
    pub messages: u64,
}

/// A function.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FunctionFacts {
    /// `Active` when it can be invoked.
    pub state: String,
    /// `Successful` when what runs is what was deployed last.
    pub last_update: String,
    /// What was written about it.
    pub description: String,
    /// SHA-256 of its zip, base64.
    pub code_sha256: String,
    /// Seconds.
    pub timeout: u64,
    /// Its role.
    pub role_arn: String,
    /// Its variables. They hold references to secrets, never secrets.
    pub environment: BTreeMap<String, String>,
}

/// What feeds a function from a queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MappingFacts {
    /// The queue.
    pub queue_arn: String,
    /// `Enabled`, or `Disabled`, `Creating`, …
    pub state: String,
    /// Whether one bad record keeps only itself in the queue.
    pub reports_items: bool,
}

/// Asks for the parts of an installation.
#[derive(Debug)]
pub struct Installation {
    sqs: aws_sdk_sqs::Client,
    ecs: aws_sdk_ecs::Client,
    config: SdkConfig,
}

impl Installation {
    /// With the credentials of `config`, in its region.
    #[must_use]
    pub fn new(config: &SdkConfig) -> Self {
        Self { sqs: aws_sdk_sqs::Client::new(config), ecs: ecs_client(config), config: config.clone() }
    }

    /// Who asks: the ARN.
    ///
    /// # Errors
    /// [`Trouble`].
    pub async fn caller(&self) -> Result<String, Trouble> {
        const ACTION: &str = "sts:GetCallerIdentity";
        let answer = Query::get_caller_identity(&self.config).call(&[]).await;
        let answer = answer.map_err(|error| Trouble::of_call(ACTION, error))?;
        element(&answer, "Arn")
            .ok_or_else(|| Trouble::NoAnswer { operation: ACTION, reason: "the answer names nobody".to_owned() })
    }

    /// A queue by its name. None if there is no such queue.
    ///
    /// # Errors
    /// [`Trouble`].
    pub async fn queue(&self, name: &str) -> Result<Option<QueueFacts>, Trouble> {
        let Some(url) = url_of(&self.sqs, name).await? else { return Ok(None) };
        let get = self.sqs.get_queue_attributes().queue_url(&url).attribute_names(QueueAttributeName::All);
        let output = get.send().await.map_err(|error| Trouble::of("sqs:GetQueueAttributes", &error))?;
        let attributes = output.attributes.unwrap_or_default();
        let text = |name: QueueAttributeName| attributes.get(&name).map(String::as_str).unwrap_or_default();
        let number = |name| text(name).parse::<u64>().unwrap_or_default();
        let policy: Value = serde_json::from_str(text(QueueAttributeName::RedrivePolicy)).unwrap_or_default();
        // A number, or one written as text: SQS keeps it as it was set.
        let most = &policy["maxReceiveCount"];
        let most = most.as_u64().or_else(|| most.as_str()?.parse().ok());
        Ok(Some(QueueFacts {
            arn: text(QueueAttributeName::QueueArn).to_owned(),
            visibility: number(QueueAttributeName::VisibilityTimeout),
            redrive: policy["deadLetterTargetArn"].as_str().map(str::to_owned).zip(most),
            messages: number(QueueAttributeName::ApproximateNumberOfMessages),
            url,
        }))
    }

    /// A function by its name. None if there is no such function.
    ///
    /// # Errors
    /// [`Trouble`].
    pub async fn function(&self, name: &str) -> Result<Option<FunctionFacts>, Trouble> {
        let path = format!("/2015-03-31/functions/{}/configuration", encoded(name));
        match Lambda::get(&self.config, "GetFunctionConfiguration").call(path).await {
            Ok(answer) => Ok(Some(function(&answer))),
            Err(error) if error.is("ResourceNotFoundException") => Ok(None),
            Err(error) => Err(Trouble::of_call("lambda:GetFunctionConfiguration", error)),
        }
    }

    /// What Lambda does about a function that it takes for a part of a loop: `Terminate` or `Allow`.
    ///
    /// # Errors
    /// [`Trouble`].
    pub async fn recursive_loop(&self, function: &str) -> Result<String, Trouble> {
        const ACTION: &str = "lambda:GetFunctionRecursionConfig";
        let path = format!("/2024-08-31/functions/{}/recursion-config", encoded(function));
        let answer = Lambda::get(&self.config, "GetFunctionRecursionConfig").call(path).await;
        let answer = answer.map_err(|error| Trouble::of_call(ACTION, error))?;
        let told = answer["RecursiveLoop"].as_str().map(str::to_owned);
        told.ok_or_else(|| Trouble::NoAnswer { operation: ACTION, reason: "the answer has no value".to_owned() })
    }

    /// What feeds a function from queues.
    ///
    /// # Errors
    /// [`Trouble`].
    pub async fn mappings(&self, function: &str) -> Result<Vec<MappingFacts>, Trouble> {
        // One page: a function of an installation has two at most.
        let path = format!("/2015-03-31/event-source-mappings?FunctionName={}", encoded(function));
        let answer = Lambda::get(&self.config, "ListEventSourceMappings").call(path).await;
        let answer = answer.map_err(|error| Trouble::of_call("lambda:ListEventSourceMappings", error))?;
        Ok(answer["EventSourceMappings"].as_array().into_iter().flatten().map(mapping).collect())
    }

    /// Status of a cluster, `ACTIVE` when tasks can run in it. None if there is no such cluster.
    ///
    /// # Errors
    /// [`Trouble`].
    pub async fn cluster(&self, cluster: &str) -> Result<Option<String>, Trouble> {
        let described = self.ecs.describe_clusters().clusters(cluster).send().await;
        let described = described.map_err(|error| Trouble::of("ecs:DescribeClusters", &error))?;
        Ok(described.clusters().first().and_then(|cluster| cluster.status()).map(str::to_owned))
    }

    /// How many vCPU the account's tasks on Fargate may have at once.
    ///
    /// # Errors
    /// [`Trouble`].
    pub async fn fargate_vcpu(&self) -> Result<f64, Trouble> {
        const ACTION: &str = "servicequotas:GetServiceQuota";
        let input = json!({"ServiceCode": "fargate", "QuotaCode": FARGATE_ON_DEMAND});
        let answer = Rpc::get_service_quota(&self.config).call(&input).await;
        let answer = answer.map_err(|error| Trouble::of_call(ACTION, error))?;
        answer["Quota"]["Value"]
            .as_f64()
            .ok_or_else(|| Trouble::NoAnswer { operation: ACTION, reason: "the answer has no value".to_owned() })
    }
}

/// Lambda API reference, FunctionConfiguration.
fn function(answer: &Value) -> FunctionFacts {
    let text = |name: &str| answer[name].as_str().unwrap_or_default().to_owned();
    let variables = answer["Environment"]["Variables"].as_object();
    let variable = |(name, value): (&String, &Value)| Some((name.clone(), value.as_str()?.to_owned()));
    FunctionFacts {
        state: text("State"),
        last_update: text("LastUpdateStatus"),
        description: text("Description"),
        code_sha256: text("CodeSha256"),
        timeout: answer["Timeout"].as_u64().unwrap_or_default(),
        role_arn: text("Role"),
        environment: variables.into_iter().flatten().filter_map(variable).collect(),
    }
}

/// Lambda API reference, EventSourceMappingConfiguration.
fn mapping(answer: &Value) -> MappingFacts {
    let types = answer["FunctionResponseTypes"].as_array();
    MappingFacts {
        queue_arn: answer["EventSourceArn"].as_str().unwrap_or_default().to_owned(),
        state: answer["State"].as_str().unwrap_or_default().to_owned(),
        reports_items: types.into_iter().flatten().any(|it| it == "ReportBatchItemFailures"),
    }
}
