//! Where a service is.
//!
//! A URL that the environment or a profile gives for the service or for all services wins, read as the SDK reads it
//! (AWS SDKs and Tools reference, "Service-specific endpoints"). Otherwise the host follows from service, region and the
//! switches for FIPS and dual-stack. The rules are those of the endpoint rule sets in botocore 1.43.106, and
//! `endpoints.txt` is what botocore makes of them.

use aws_config::SdkConfig;
use aws_types::service_config::ServiceConfigKey;

/// A service as endpoints and signatures name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Service {
    /// First label of its hosts, and the name it is signed for.
    pub(super) host: &'static str,
    /// Its SDK id: the end of `AWS_ENDPOINT_URL_…`.
    pub(super) id: &'static str,
}

/// Systems Manager.
pub(super) const SSM: Service = Service { host: "ssm", id: "SSM" };

/// Secrets Manager.
pub(super) const SECRETS: Service = Service { host: "secretsmanager", id: "Secrets Manager" };

/// EventBridge.
pub(super) const EVENTS: Service = Service { host: "events", id: "EventBridge" };

/// EventBridge Scheduler.
pub(super) const SCHEDULER: Service = Service { host: "scheduler", id: "Scheduler" };

/// CloudWatch Logs.
pub(super) const LOGS: Service = Service { host: "logs", id: "CloudWatch Logs" };

/// Security Token Service.
pub(super) const STS: Service = Service { host: "sts", id: "STS" };

/// Lambda.
pub(super) const LAMBDA: Service = Service { host: "lambda", id: "Lambda" };

/// EC2.
pub(super) const EC2: Service = Service { host: "ec2", id: "EC2" };

/// Elastic Container Service.
pub(super) const ECS: Service = Service { host: "ecs", id: "ECS" };

/// Service Quotas.
pub(super) const QUOTAS: Service = Service { host: "servicequotas", id: "Service Quotas" };

/// IAM: one for all regions of a partition.
pub(super) const IAM: Service = Service { host: "iam", id: "IAM" };

/// S3.
pub(super) const S3: Service = Service { host: "s3", id: "S3" };

/// Beginning of the regions of each partition but the first, with its suffix for hosts and that for dual-stack hosts.
const PARTITIONS: [(&str, &str, &str); 6] = [
    ("cn-", "amazonaws.com.cn", "api.amazonwebservices.com.cn"),
    ("eusc-", "amazonaws.eu", "api.amazonwebservices.eu"),
    ("us-iso-", "c2s.ic.gov", "api.aws.ic.gov"),
    ("us-isob-", "sc2s.sgov.gov", "api.aws.scloud"),
    ("eu-isoe-", "cloud.adc-e.uk", "api.cloud-aws.adc-e.uk"),
    ("us-isof-", "csp.hci.ic.gov", "api.aws.hci.ic.gov"),
];

/// An address to send to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Endpoint {
    /// Scheme and host; a custom one may have a port and a path.
    pub(super) url: String,
    /// Whether it was given rather than derived.
    custom: bool,
}

impl Endpoint {
    /// The endpoint of a service; `None` without a region.
    pub(super) fn of(service: Service, config: &SdkConfig) -> Option<Self> {
        if let Some(url) = given(service, config) {
            return Some(Self { url, custom: true });
        }
        let (fips, dual) = (config.use_fips().unwrap_or(false), config.use_dual_stack().unwrap_or(false));
        Some(Self { url: derived(service, config.region()?.as_ref(), fips, dual), custom: false })
    }

    /// The endpoint for a bucket, and what stands before its keys in a path.
    ///
    /// S3 user guide, "Virtual hosting of general purpose buckets": the bucket is a label of the host. Not so where that
    /// cannot work: a dot in the name breaks the wildcard of the certificate, upper case (old buckets) is lost in a host
    /// name, and a custom endpoint rarely resolves `BUCKET.HOST`.
    pub(super) fn with_bucket(self, bucket: &str) -> (Self, String) {
        match self.url.strip_prefix("https://") {
            Some(host) if !self.custom && is_label(bucket) => {
                (Self { url: format!("https://{bucket}.{host}"), ..self }, "/".to_owned())
            }
            _ => (self, format!("/{bucket}/")),
        }
    }
}

/// Follows the SDK's clients: an endpoint set in code counts before everything, then the service's own, then the general one.
fn given(service: Service, config: &SdkConfig) -> Option<String> {
    let general = config.endpoint_url().map(str::to_owned);
    if config.get_origin("endpoint_url").is_client_config() {
        return general;
    }
    let key =
        ServiceConfigKey::builder().service_id(service.id).env("AWS_ENDPOINT_URL").profile("endpoint_url").build();
    key.ok().and_then(|key| config.service_config()?.load_config(key)).or(general)
}

fn derived(service: Service, region: &str, fips: bool, dual: bool) -> String {
    let partition = PARTITIONS.iter().find(|(regions, ..)| region.starts_with(regions));
    let (_, suffix, dual_suffix) = *partition.unwrap_or(&("", "amazonaws.com", "api.aws"));
    // Secrets Manager's hosts were dual-stack from the start in the older partitions, and have no other name for it.
    let named = service != SECRETS || !(partition.is_none() || (region.starts_with("cn-") && !fips));
    let dual_suffix = if named { dual_suffix } else { suffix };
    // In GovCloud the plain hosts are the FIPS ones.
    let plain =
        region.starts_with("us-gov-") && (service == EVENTS || ([SSM, LOGS, EC2, QUOTAS].contains(&service) && !dual));
    let fips = if fips && !plain { "-fips" } else { "" };
    let host = service.host;
    if service == IAM && partition.is_none() {
        return match (region.starts_with("us-gov-"), dual) {
            (true, true) => "https://iam.us-gov.api.aws".to_owned(),
            (true, false) => "https://iam.us-gov.amazonaws.com".to_owned(),
            (false, true) => format!("https://iam{fips}.global.api.aws"),
            (false, false) => format!("https://iam{fips}.amazonaws.com"),
        };
    }
    match (service == S3, dual) {
        (true, true) => format!("https://{host}{fips}.dualstack.{region}.{suffix}"),
        (false, true) => format!("https://{host}{fips}.{region}.{dual_suffix}"),
        (_, false) => format!("https://{host}{fips}.{region}.{suffix}"),
    }
}

/// The region that calls of IAM are signed for.
pub(super) fn region_of_iam(region: &str) -> &str {
    let begins = |start: &str| region.starts_with(start);
    if begins("cn-") {
        "cn-north-1"
    } else if begins("us-gov-") {
        "us-gov-west-1"
    } else if PARTITIONS.iter().any(|(regions, ..)| begins(regions)) {
        region
    } else {
        "us-east-1"
    }
}

/// Whether a bucket's name is one label of a host: 3 to 63 of `a-z 0-9 -`, with a letter or digit at both ends.
fn is_label(bucket: &str) -> bool {
    (3..=63).contains(&bucket.len())
        && bucket.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        && !bucket.starts_with('-')
        && !bucket.ends_with('-')
}
