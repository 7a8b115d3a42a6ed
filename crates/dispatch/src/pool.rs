//! Pool documents: a work pool as the Prefect API returns it, kept as a file, in SSM or in S3 for standalone mode.
//!
//! Reading and compiling a template costs far more than rendering one, so documents are cached for a short life. A name
//! that has no document is not cached: somebody is about to create it.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use diagnosis::{Diagnosis, PP0404, PP0405, PP0406};
use ecs::{Named, failure::Class};
use serde::Deserialize;
use serde_json::Value;
use tokio::time::Instant;
use uuid::Uuid;
use work_pool::BaseJobTemplate;

use crate::{
    message::without_values,
    ports::{Failure, PoolDocuments},
};

/// How long a document is used without looking again.
pub const POOL_LIFE: Duration = Duration::from_secs(60);

/// A work pool, ready to render.
#[derive(Clone)]
pub struct WorkPool {
    /// Its id and name.
    pub named: Named,
    /// Whether it is paused.
    pub is_paused: bool,
    /// Its base job template.
    pub template: BaseJobTemplate,
}

#[derive(Deserialize)]
struct Document {
    #[serde(default)]
    id: Option<Uuid>,
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    is_paused: bool,
    #[serde(default)]
    base_job_template: Value,
}

impl WorkPool {
    /// Reads a pool document. Fields that a pool of the Prefect API has besides are ignored.
    ///
    /// # Errors
    /// A [`Diagnosis`] that names the field.
    pub fn from_document(document: &Value, default_name: &str) -> Result<Self, Diagnosis> {
        let unreadable = |detail: String| {
            let diagnosis = Diagnosis {
                summary: format!("The document of work pool '{default_name}' cannot be used"),
                ..Diagnosis::of(PP0405, detail)
            };
            diagnosis.bounded()
        };
        if !document.is_object() {
            return Err(unreadable("it is not a JSON object".to_owned()));
        }
        let document =
            Document::deserialize(document).map_err(|error| unreadable(without_values(&error.to_string())))?;
        let template = if document.base_job_template.is_null() {
            BaseJobTemplate::built_in()
        } else {
            BaseJobTemplate::from_value(&document.base_job_template).map_err(|error| error.diagnosis())?
        };
        let name = document.name.unwrap_or_else(|| default_name.to_owned());
        Ok(Self { named: Named { id: document.id, name }, is_paused: document.is_paused, template })
    }
}

/// Pools by name, read again once their life is over.
pub struct PoolCache<D> {
    documents: D,
    life: Duration,
    pools: Mutex<HashMap<String, (Instant, Arc<WorkPool>)>>,
}

impl<D: PoolDocuments> PoolCache<D> {
    /// A cache over `documents`.
    pub fn new(documents: D, life: Duration) -> Self {
        Self { documents, life, pools: Mutex::default() }
    }

    /// The pool of that name.
    ///
    /// # Errors
    /// Rejected: there is no such pool (PP0404) or its document is broken. Transient: it could not be read.
    pub async fn get(&self, name: &str) -> Result<Arc<WorkPool>, Failure> {
        if let Some((read_at, pool)) = self.lock().get(name)
            && read_at.elapsed() < self.life
        {
            return Ok(Arc::clone(pool));
        }
        let Some(document) = self.documents.read(name).await? else {
            return Err(Failure {
                class: Class::Rejected,
                diagnosis: Diagnosis {
                    summary: format!("There is no work pool '{name}'"),
                    ..Diagnosis::of(
                        PP0404,
                        "The message names a work pool that has no document where the dispatcher looks.",
                    )
                }
                .bounded(),
            });
        };
        let pool = WorkPool::from_document(&document, name)
            .map_err(|diagnosis| Failure { class: Class::Rejected, diagnosis })?;
        let pool = Arc::new(pool);
        self.lock().insert(name.to_owned(), (Instant::now(), Arc::clone(&pool)));
        Ok(pool)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<String, (Instant, Arc<WorkPool>)>> {
        self.pools.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Name of the file or object of a pool: no separators, so that a message cannot name a file elsewhere.
#[must_use]
pub fn file_name(work_pool: &str) -> Option<String> {
    let plain = !work_pool.is_empty() && !work_pool.starts_with('.') && !work_pool.contains(['/', '\\', '\0']);
    plain.then(|| format!("{work_pool}.json"))
}

/// Reads the bytes of a document.
///
/// # Errors
/// Rejected (PP0405) when they are not JSON.
pub fn parse(work_pool: &str, bytes: &[u8]) -> Result<Value, Failure> {
    serde_json::from_slice(bytes).map_err(|error| Failure {
        class: Class::Rejected,
        diagnosis: Diagnosis {
            code: PP0405,
            summary: format!("The document of work pool '{work_pool}' cannot be used"),
            detail: format!("It is not JSON: line {} column {}.", error.line(), error.column()),
            resolution: "Correct the document, then redrive the message.".to_owned(),
        }
        .bounded(),
    })
}

/// The document could not be read just now.
#[must_use]
pub fn unread(work_pool: &str, detail: &str) -> Failure {
    Failure {
        class: Class::Transient,
        diagnosis: Diagnosis {
            summary: format!("The document of work pool '{work_pool}' could not be read"),
            ..Diagnosis::of(PP0406, detail)
        }
        .bounded(),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use serde_json::json;

    use super::*;

    #[test]
    fn a_name_cannot_leave_the_directory() {
        assert_eq!(file_name("data eng").as_deref(), Some("data eng.json"));
        for name in ["", "../secret", "a/b", ".hidden", "a\\b", "a\0"] {
            assert_eq!(file_name(name), None, "{name:?}");
        }
    }

    #[test]
    fn a_bare_pool_works_and_a_broken_one_says_why() {
        let pool = WorkPool::from_document(&json!({"name": "p", "type": "ecs:push", "status": "READY"}), "x").unwrap();
        assert_eq!((pool.named.name.as_str(), pool.is_paused), ("p", false));
        assert_eq!(WorkPool::from_document(&json!([]), "x").err().unwrap().code, "PP0405");
        let error = WorkPool::from_document(&json!({"is_paused": "hunter2"}), "x").err().unwrap();
        assert!(error.code == "PP0405" && !error.detail.contains("hunter2"), "{error:?}");
    }

    struct Counted(AtomicUsize);

    impl PoolDocuments for Arc<Counted> {
        async fn read(&self, name: &str) -> Result<Option<Value>, Failure> {
            self.0.fetch_add(1, Ordering::Relaxed);
            Ok((name == "p").then(|| json!({"name": "p"})))
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_document_is_read_once_in_its_life_and_a_missing_one_each_time() {
        let counted = Arc::new(Counted(AtomicUsize::new(0)));
        let pools = PoolCache::new(Arc::clone(&counted), Duration::from_secs(60));
        for _ in 0..5 {
            assert!(pools.get("p").await.is_ok());
        }
        assert_eq!(counted.0.load(Ordering::Relaxed), 1);
        tokio::time::advance(Duration::from_secs(61)).await;
        assert!(pools.get("p").await.is_ok());
        assert_eq!(counted.0.load(Ordering::Relaxed), 2);
        for _ in 0..2 {
            let missing = pools.get("q").await.err().unwrap();
            assert_eq!((missing.class, missing.diagnosis.code.id()), (Class::Rejected, "PP0404"));
        }
        assert_eq!(counted.0.load(Ordering::Relaxed), 4);
    }
}
