//! Names instead of ids.

use serde_json::Value;
use uuid::Uuid;

use super::Context;
use crate::args::NameOrId;
use crate::failure::Failure;
use crate::http::Request;

/// The id of a pipeline; a name is looked up in the tenant.
///
/// # Errors
/// [`Failure::NotFound`] if the tenant has none of that name.
pub async fn pipeline(context: &Context, pipeline: &NameOrId) -> Result<Uuid, Failure> {
    let name = match pipeline {
        NameOrId::Id(id) => return Ok(*id),
        NameOrId::Name(name) => name,
    };
    let tenant = context.tenant()?;
    let request = Request::get("/api/pipelines").query("tenant_id", Some(tenant)).query("name", Some(name));
    let answer = context.client.send(&request).await?;
    let found = answer.items()?.iter().find(|item| item["name"] == name.as_str());
    found
        .map(id)
        .unwrap_or_else(|| Err(Failure::NotFound(format!("the tenant {tenant} has no pipeline {name:?}"))))
}

/// The id of a pipeline that may have been named.
///
/// # Errors
/// As [`pipeline`].
pub async fn maybe_pipeline(context: &Context, given: Option<&NameOrId>) -> Result<Option<Uuid>, Failure> {
    match given {
        Some(given) => pipeline(context, given).await.map(Some),
        None => Ok(None),
    }
}

/// The id of a version; a name is looked up in a pipeline.
///
/// # Errors
/// [`Failure::NotFound`] if the pipeline has none of that name, [`Failure::Usage`] if there is no pipeline to look in.
pub async fn version(context: &Context, pipeline: Option<Uuid>, version: &NameOrId) -> Result<Uuid, Failure> {
    let name = match version {
        NameOrId::Id(id) => return Ok(*id),
        NameOrId::Name(name) => name,
    };
    let pipeline = pipeline.ok_or_else(|| {
        Failure::Usage(format!(
            "{name:?} is no id, and a version's name needs its pipeline: give --pipeline too"
        ))
    })?;
    let request =
        Request::get("/api/pipeline-versions").query("pipeline_id", Some(pipeline)).query("limit", Some(100));
    let request = context.narrowed(request);
    let mut cursor: Option<String> = None;
    loop {
        let answer = context.client.send(&request.clone().query("cursor", cursor.as_ref())).await?;
        if let Some(item) = answer.items()?.iter().find(|item| item["version"] == name.as_str()) {
            return id(item);
        }
        let next = answer.next_cursor().map(str::to_owned);
        if next.is_none() || next == cursor {
            return Err(Failure::NotFound(format!("the pipeline {pipeline} has no version {name:?}")));
        }
        cursor = next;
    }
}

/// The `id` of what the API has answered.
///
/// # Errors
/// [`Failure::Unreachable`] if it has none: then it is not the API that answers.
pub fn id(object: &Value) -> Result<Uuid, Failure> {
    let id = object["id"].as_str().and_then(|id| id.parse().ok());
    id.ok_or_else(|| Failure::Unreachable("the answer has no id: is --url the API's?".to_owned()))
}
