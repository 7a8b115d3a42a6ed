//! Object stores: S3, Google Cloud Storage, Azure Blob Storage.

use serde_json::{Map, Value, json};

use super::{
    Storage,
    place::{bucket, folder, joined, resolved},
};
use crate::plan::Level;

impl Storage<'_> {
    /// The S3 block of Prefect 2's core.
    pub(super) fn s3(&mut self) -> Result<Value, String> {
        let place = self.place_in_bucket("s3")?;
        let (bucket, inner) = bucket(&place);
        let mut credentials = Map::new();
        for field in ["aws_access_key_id", "aws_secret_access_key"] {
            credentials.extend(self.secret(field).map(|reference| (field.to_owned(), reference.into())));
        }
        let credentials = (!credentials.is_empty()).then_some(Value::Object(credentials));
        self.needs("prefect-aws");
        Ok(step(
            "prefect_aws.deployments.steps.pull_from_s3",
            json!({"requires": "prefect-aws", "bucket": bucket, "folder": folder(inner)}),
            credentials,
        ))
    }

    /// Bucket and folder of a block of Prefect 2's core.
    fn place_in_bucket(&mut self, scheme: &str) -> Result<String, String> {
        let base = self.required("bucket_path")?;
        if base.contains("://") {
            return Err(format!(
                "`bucket_path` of {} begins with a scheme, to which the block adds another: no run finds its code under the agent",
                self.block.label()
            ));
        }
        let scheme = format!("{scheme}://");
        let place = resolved(&format!("{scheme}{base}"), self.path)?;
        let place = place.strip_prefix(&scheme).unwrap_or(&place).to_owned();
        self.note_dots(&place);
        Ok(place)
    }

    /// Object stores have no directories, so a dot in a path is a name that no object has.
    pub(super) fn note_dots(&mut self, place: &str) {
        if let Some(path) = self.path.filter(|path| *path == "." || path.starts_with("./")) {
            self.findings.risk(
                Level::Medium,
                "dot_in_path",
                format!("The path `{path}` has a dot, which is a name to a store: the agent found no code. The step reads `{place}`."),
            );
        }
    }

    /// The S3 Bucket block of prefect-aws, which forgets its own folder as soon as it gets a path.
    pub(super) fn s3_bucket(&mut self) -> Result<Value, String> {
        let own = self.text("bucket_folder").or_else(|| self.text("basepath")).unwrap_or_default();
        let dot = self.path.is_some_and(|path| path == ".");
        let place = match self.path {
            Some(path) if !dot => path.strip_prefix("./").unwrap_or(path),
            _ => own,
        };
        self.note_dots(&folder(place));
        if let Some(path) = self.path.filter(|_| !own.is_empty() && !dot) {
            let read = if path.is_empty() { "the whole bucket".to_owned() } else { format!("`{path}`") };
            self.findings.risk(
                Level::Medium,
                "bucket_folder_ignored",
                format!(
                    "S3Bucket ignores its folder `{own}` when a deployment has a path: the agent read {read}, while uploads went \
                     to `{}`. The step reads what the agent read.",
                    folder(&joined(own, Some(path)))
                ),
            );
        }
        let bucket = self.required("bucket_name")?;
        let field = ["credentials", "aws_credentials", "minio_credentials"].into_iter().find(|field| {
            self.block.reference(field).is_some() || self.block.data.get(*field).is_some_and(Value::is_object)
        });
        let credentials = field.and_then(|field| self.credentials(field));
        Ok(step(
            "prefect_aws.deployments.steps.pull_from_s3",
            json!({"requires": "prefect-aws", "bucket": bucket, "folder": folder(place)}),
            credentials,
        ))
    }

    /// The GCS block of Prefect 2's core. Its key is text with JSON in it, and the step takes an object.
    pub(super) fn gcs(&mut self) -> Result<Value, String> {
        let place = self.place_in_bucket("gcs")?;
        let (bucket, inner) = bucket(&place);
        if self.text("service_account_info").is_some() {
            let setting = format!("{}: service_account_info", self.block.label());
            self.findings.lost(
                &setting,
                "the block holds JSON as text, and the step takes an object: save a gcp-credentials block and refer to it",
            );
            self.findings.risk(Level::High, "credentials_not_carried", format!("{setting} is not carried."));
        }
        self.needs("prefect-gcp");
        Ok(step(
            "prefect_gcp.deployments.steps.pull_from_gcs",
            json!({"requires": "prefect-gcp", "bucket": bucket, "folder": folder(inner)}),
            None,
        ))
    }

    /// The GCS Bucket block of prefect-gcp.
    pub(super) fn gcs_bucket(&mut self) -> Result<Value, String> {
        let bucket = self.required("bucket")?;
        let own = self.text("bucket_folder").unwrap_or_default();
        // `PurePosixPath(folder, path)`: an absolute path stands alone.
        let place = match self.path {
            Some(path) if path.starts_with('/') || own.is_empty() => path.to_owned(),
            path => joined(own, path),
        };
        let credentials = self.credentials("gcp_credentials");
        Ok(step(
            "prefect_gcp.deployments.steps.pull_from_gcs",
            json!({"requires": "prefect-gcp", "bucket": bucket, "folder": folder(&place)}),
            credentials,
        ))
    }

    /// The Azure block of Prefect 2's core.
    pub(super) fn azure(&mut self) -> Result<Value, String> {
        let place = self.place_in_bucket("az")?;
        let (container, inner) = match self.block.data.get("azure_storage_container") {
            None | Some(Value::Null) => {
                let (container, inner) = bucket(&place);
                (container.to_owned(), inner.to_owned())
            }
            Some(_) if self.block.data.get("azure_storage_account_name").is_none_or(Value::is_null) => {
                return Err(format!(
                    "{} has an `azure_storage_container` and no `azure_storage_account_name`, which fails under the agent",
                    self.block.label()
                ));
            }
            // It is a secret of the block, and the whole path is in it.
            Some(_) => {
                let container = self.reference(&["azure_storage_container"]);
                let container = container.ok_or("the container is a secret of an anonymous block")?;
                (container, place)
            }
        };
        let credentials = self.azure_credentials();
        self.needs("prefect-azure");
        Ok(step(
            "prefect_azure.deployments.steps.pull_from_azure_blob_storage",
            json!({"requires": "prefect-azure[blob_storage]", "container": container, "folder": folder(&inner)}),
            credentials,
        ))
    }

    /// The step takes a connection string, or the URL of an account whose credentials the environment has.
    fn azure_credentials(&mut self) -> Option<Value> {
        if let Some(connection) = self.secret("azure_storage_connection_string") {
            return Some(json!({"connection_string": connection}));
        }
        for field in ["azure_storage_account_key", "azure_storage_client_secret"] {
            if self.text(field).is_some() {
                let setting = format!("{}: {field}", self.block.label());
                self.findings
                    .lost(&setting, "the step takes a connection string, or the credentials of its environment");
                self.findings.risk(Level::High, "credentials_not_carried", format!("{setting} is not carried."));
            }
        }
        let account = self.secret("azure_storage_account_name")?;
        Some(json!({"account_url": format!("https://{account}.blob.core.windows.net/")}))
    }

    /// The container block of prefect-azure.
    pub(super) fn azure_container(&mut self) -> Result<Value, String> {
        let container = self.required("container_name")?;
        let own = self.text("base_folder").unwrap_or_default();
        let place = if own.is_empty() { self.path.unwrap_or_default().to_owned() } else { joined(own, self.path) };
        let credentials = self.credentials("credentials");
        Ok(step(
            "prefect_azure.deployments.steps.pull_from_azure_blob_storage",
            json!({"requires": "prefect-azure[blob_storage]", "container": container, "folder": folder(&place)}),
            credentials,
        ))
    }
}

fn step(name: &str, mut inputs: Value, credentials: Option<Value>) -> Value {
    if let Some(credentials) = credentials {
        inputs["credentials"] = credentials;
    }
    json!({name: inputs})
}
