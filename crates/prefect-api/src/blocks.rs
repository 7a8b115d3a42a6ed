//! Block documents, and the types and schemas that a new one names.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use crate::{
    client::{Client, segment},
    error::ApiError,
    filters::Is,
    lists::found,
    models::Object,
    transport::{Method, Transport},
};

/// A block document.
#[derive(Clone, PartialEq, Deserialize)]
pub struct BlockDocument {
    /// Its id.
    pub id: Uuid,
    /// Its fields; the server masks secret ones unless it is asked for them.
    #[serde(default)]
    pub data: Object,
}

/// Data may be secret.
impl std::fmt::Debug for BlockDocument {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("BlockDocument").field("id", &self.id).finish_non_exhaustive()
    }
}

/// A type of blocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub struct BlockType {
    /// Its id.
    pub id: Uuid,
}

/// A schema of a type of blocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub struct BlockSchema {
    /// Its id.
    pub id: Uuid,
}

/// A block document by the name under which a template refers to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedBlock {
    /// Slug of its type.
    pub type_slug: String,
    /// Its name.
    pub name: String,
}

#[derive(Deserialize)]
struct ListedBlock {
    /// Anonymous documents have one as well, and no use for others.
    name: Option<String>,
    block_type: Slug,
}

#[derive(Deserialize)]
struct Slug {
    slug: String,
}

#[derive(Serialize)]
struct OfTypes<'a> {
    block_types: SlugFilter<'a>,
    include_secrets: bool,
    sort: &'static str,
    limit: usize,
}

#[derive(Serialize)]
struct SlugFilter<'a> {
    slug: Is<&'a [&'a str]>,
}

/// A block document of which only the data is read.
#[derive(Deserialize)]
struct DataOnly {
    #[serde(default)]
    data: Value,
}

#[derive(Serialize)]
struct NewBlock<'a> {
    name: &'a str,
    block_type_id: Uuid,
    block_schema_id: Uuid,
    data: &'a Value,
}

#[derive(Serialize)]
struct NewData<'a> {
    data: &'a Value,
    merge_existing_data: bool,
}

#[derive(Serialize)]
struct Schemas {
    block_schemas: SchemaFilter,
    limit: usize,
}

#[derive(Serialize)]
struct SchemaFilter {
    block_type_id: Is<[Uuid; 1]>,
}

impl<T: Transport> Client<T> {
    /// Data of a block document; without its secrets, the server masks their values.
    ///
    /// # Errors
    /// [`ApiError`].
    pub async fn block_document(&self, id: &str, with_secrets: bool) -> Result<Value, ApiError> {
        let path = format!("/block_documents/{}?include_secrets={with_secrets}", segment(id));
        let document: DataOnly = self.get(path).await?;
        Ok(document.data)
    }

    /// Data of the block document of a type and name; without its secrets, the server masks their values.
    ///
    /// # Errors
    /// [`ApiError`].
    pub async fn block(&self, type_slug: &str, name: &str, with_secrets: bool) -> Result<Value, ApiError> {
        let document: DataOnly = self.get(path_of(type_slug, name, with_secrets)).await?;
        Ok(document.data)
    }

    /// The block document of a type and name, secrets included; none if there is no such document.
    ///
    /// # Errors
    /// [`ApiError`].
    pub async fn find_block(&self, type_slug: &str, name: &str) -> Result<Option<BlockDocument>, ApiError> {
        found(self.get(path_of(type_slug, name, true)).await)
    }

    /// The first block documents of these types, by name; without their data. The server leaves anonymous ones out.
    ///
    /// # Errors
    /// [`ApiError`].
    pub async fn blocks_of_types(&self, slugs: &[&str]) -> Result<Vec<NamedBlock>, ApiError> {
        let block_types = SlugFilter { slug: Is::AnyOf(slugs) };
        let body = OfTypes { block_types, include_secrets: false, sort: "NAME_ASC", limit: 200 };
        let listed: Vec<ListedBlock> = self.post("/block_documents/filter".into(), &body).await?;
        let named = |it: ListedBlock| Some(NamedBlock { type_slug: it.block_type.slug, name: it.name? });
        Ok(listed.into_iter().filter_map(named).collect())
    }

    /// The type of blocks with this slug.
    ///
    /// # Errors
    /// [`ApiError`]; not found if the server has no such type of blocks.
    pub async fn block_type(&self, slug: &str) -> Result<BlockType, ApiError> {
        self.get(format!("/block_types/slug/{}", segment(slug))).await
    }

    /// The newest schema that the server has for a type of blocks. It lists the newest first (prefect 3.9.1,
    /// `server/models/block_schemas.py`).
    ///
    /// # Errors
    /// [`ApiError`].
    pub async fn block_schema(&self, block_type: BlockType) -> Result<Option<BlockSchema>, ApiError> {
        let block_schemas = SchemaFilter { block_type_id: Is::AnyOf([block_type.id]) };
        let schemas: Vec<BlockSchema> =
            self.post("/block_schemas/filter".into(), &Schemas { block_schemas, limit: 1 }).await?;
        Ok(schemas.into_iter().next())
    }

    /// Makes a block document of a type, by the newest schema the server has for it.
    ///
    /// # Errors
    /// [`ApiError`]; not found if the server has no such type of blocks.
    pub async fn create_block(&self, type_slug: &str, name: &str, data: &Value) -> Result<BlockDocument, ApiError> {
        let block_type = self.block_type(type_slug).await?;
        let Some(schema) = self.block_schema(block_type).await? else {
            return Err(ApiError::NotFound {
                operation: "POST /block_schemas/filter".to_owned(),
                detail: format!("no schema of block type {type_slug}"),
            });
        };
        let body = NewBlock { name, block_type_id: block_type.id, block_schema_id: schema.id, data };
        self.post("/block_documents/".into(), &body).await
    }

    /// Replaces the data of a block document.
    ///
    /// # Errors
    /// [`ApiError`].
    pub async fn replace_block(&self, id: Uuid, data: &Value) -> Result<(), ApiError> {
        let body = NewData { data, merge_existing_data: false };
        self.send(Method::Patch, format!("/block_documents/{id}"), Some(&body)).await
    }

    /// Deletes a block document.
    ///
    /// # Errors
    /// [`ApiError`].
    pub async fn delete_block(&self, id: Uuid) -> Result<(), ApiError> {
        self.send(Method::Delete, format!("/block_documents/{id}"), None::<&Value>).await
    }
}

fn path_of(type_slug: &str, name: &str, with_secrets: bool) -> String {
    let (slug, name) = (segment(type_slug), segment(name));
    format!("/block_types/slug/{slug}/block_documents/name/{name}?include_secrets={with_secrets}")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::fake::Fake;

    #[tokio::test]
    async fn a_block_is_found_by_type_and_name_with_its_secrets_or_does_not_exist() {
        let id = Uuid::from_u128(4);
        let document = json!({"id": id, "name": "my tok", "data": {"value": "s3cret"}, "block_type_name": "Secret"});
        let missing = json!({"detail": "Block document not found"});
        let (client, fake) = Fake::client([(200, document.clone()), (200, document), (404, missing)]);
        let found = client.find_block("secret", "my tok").await.unwrap().unwrap();
        assert_eq!((found.id, &found.data["value"]), (id, &json!("s3cret")));
        assert!(!format!("{found:?}").contains("s3cret"));
        assert_eq!(client.block("secret", "my tok", false).await, Ok(json!({"value": "s3cret"})));
        assert_eq!(client.find_block("secret", "none").await, Ok(None));
        let by_name = "/block_types/slug/secret/block_documents/name";
        assert_eq!(
            fake.paths(),
            [
                format!("{by_name}/my%20tok?include_secrets=true"),
                format!("{by_name}/my%20tok?include_secrets=false"),
                format!("{by_name}/none?include_secrets=true"),
            ]
        );
    }

    #[tokio::test]
    async fn a_new_block_names_its_type_and_the_newest_schema() {
        let [block_type, schema, document] = [1, 2, 3].map(Uuid::from_u128);
        let answers = [
            (200, json!({"id": block_type, "slug": "secret"})),
            (200, json!([{"id": schema, "fields": {}}])),
            (201, json!({"id": document, "data": {"value": "********"}})),
        ];
        let (client, fake) = Fake::client(answers);
        let made = client.create_block("secret", "token", &json!({"value": "s"})).await.unwrap();
        assert_eq!(made.id, document);
        let asked = fake.asked();
        assert_eq!(asked[0], (Method::Get, "/block_types/slug/secret".into(), Value::Null));
        let of_type = json!({"block_schemas": {"block_type_id": {"any_": [block_type]}}, "limit": 1});
        assert_eq!(asked[1], (Method::Post, "/block_schemas/filter".into(), of_type));
        let new =
            json!({"name": "token", "block_type_id": block_type, "block_schema_id": schema, "data": {"value": "s"}});
        assert_eq!(asked[2], (Method::Post, "/block_documents/".into(), new));

        let (client, _) = Fake::client([(200, json!({"id": block_type})), (200, json!([]))]);
        assert!(client.create_block("secret", "token", &json!({})).await.unwrap_err().is_not_found());
    }
}
