//! The bodies of requests, all of them in one table: which name a tenant, and which do not.

use serde::de::DeserializeOwned;
use uuid::Uuid;

use crate::auth::keys::CreateKeyRequest;
use crate::catalog::{
    ChangeStatusRequest, CreateConnectionRequest, CreatePipelineRequest, CreateScheduleRequest,
    CreateTenantRequest, CreateVersionRequest, CreateWebhookRequest, EditVersionRequest,
    UpdatePipelineRequest, UpdateScheduleRequest, UpdateTenantRequest, UpdateWebhookRequest,
};
use crate::evidence::{ArtifactRequest, LogsRequest};
use crate::runs::{
    CancelRequest, ClaimRequest, CompleteRequest, CreateRequest, HeartbeatRequest, ReleaseRequest,
    RetryRequest, SecretsRequest,
};
use crate::steps::StoreStepsRequest;

/// The body of a request. The table below implements it, and nothing else does: a test holds the table against the OpenAPI document.
pub trait Body: DeserializeOwned {
    /// Whether it has the field `tenant_id`, which whoever belongs to a tenant may leave out.
    const HAS_TENANT: bool;

    /// The tenant that it names. None if it names none, or has no such field.
    fn tenant_id(&self) -> Option<Uuid>;
}

macro_rules! bodies {
    (with_tenant: [$($with:ty),+ $(,)?], without: [$($without:ty),+ $(,)?] $(,)?) => {
        $(impl Body for $with {
            const HAS_TENANT: bool = true;

            fn tenant_id(&self) -> Option<Uuid> {
                self.tenant_id.into()
            }
        })+
        $(impl Body for $without {
            const HAS_TENANT: bool = false;

            fn tenant_id(&self) -> Option<Uuid> {
                None
            }
        })+

        /// Each of them by the name of its schema, and whether it has a tenant.
        #[cfg(test)]
        fn all() -> Vec<(String, bool)> {
            vec![$(named::<$with>()),+, $(named::<$without>()),+]
        }
    };
}

bodies!(
    with_tenant: [
        ClaimRequest,
        CreateConnectionRequest,
        CreateKeyRequest,
        CreatePipelineRequest,
        CreateRequest,
        CreateScheduleRequest,
        CreateVersionRequest,
        CreateWebhookRequest,
    ],
    // About a run, or about something else that has a tenant already.
    without: [
        ArtifactRequest,
        CancelRequest,
        ChangeStatusRequest,
        CompleteRequest,
        CreateTenantRequest,
        EditVersionRequest,
        HeartbeatRequest,
        LogsRequest,
        ReleaseRequest,
        RetryRequest,
        SecretsRequest,
        StoreStepsRequest,
        UpdatePipelineRequest,
        UpdateScheduleRequest,
        UpdateTenantRequest,
        UpdateWebhookRequest,
    ],
);

#[cfg(test)]
fn named<T: Body + utoipa::ToSchema>() -> (String, bool) {
    (T::name().into_owned(), T::HAS_TENANT)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::Value;

    use super::*;

    /// The names of the schemas that this one refers to.
    fn refers_to(schema: &Value) -> Vec<&str> {
        match schema {
            Value::Object(fields) => fields
                .iter()
                .flat_map(|(name, value)| match value.as_str() {
                    Some(path) if name == "$ref" => {
                        path.strip_prefix("#/components/schemas/").into_iter().collect()
                    }
                    _ => refers_to(value),
                })
                .collect(),
            Value::Array(values) => values.iter().flat_map(refers_to).collect(),
            _ => Vec::new(),
        }
    }

    /// That a schema has the field is what its Rust type says, and that the edge looks at it is what the table says. A body that gains a `tenant_id` and
    /// stays where it is in the table would let callers name a tenant that is not theirs.
    #[test]
    fn a_body_has_a_tenant_if_and_only_if_its_schema_has() {
        let document = crate::openapi::document().unwrap();
        let schemas = &document["components"]["schemas"];
        let operations =
            document["paths"].as_object().unwrap().values().flat_map(|path| path.as_object().unwrap());
        let mut documented = BTreeMap::new();
        for (_, operation) in operations {
            let names = refers_to(&operation["requestBody"]["content"]["application/json"]["schema"]);
            assert_eq!(names.len(), usize::from(!operation["requestBody"].is_null()), "{operation}");
            let Some(name) = names.first() else { continue };
            // Of several at once, each is the request of the single call, and one field besides.
            let single = match refers_to(&schemas[name]["properties"]["items"]).first() {
                Some(item) => item.replace("ItemRequest", "Request"),
                None => (*name).to_owned(),
            };
            let has_tenant = !schemas[&single]["properties"]["tenant_id"].is_null();
            documented.insert(single, has_tenant);
        }
        assert_eq!(documented, all().into_iter().collect::<BTreeMap<_, _>>());
    }

    /// The edge puts the caller's tenant in before it is missed.
    #[test]
    fn nobody_who_has_a_tenant_is_required_to_name_it() {
        let document = crate::openapi::document().unwrap();
        let schemas = document["components"]["schemas"].as_object().unwrap();
        for (name, schema) in schemas.iter().filter(|(name, _)| name.ends_with("Request")) {
            let required = schema["required"].as_array().into_iter().flatten();
            assert!(required.into_iter().all(|field| field != "tenant_id"), "{name}");
        }
    }
}
