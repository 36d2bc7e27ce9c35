//! The operations on API keys and the audit log, and how every operation is told who asks.

use utoipa::Modify;
use utoipa::openapi::OpenApi;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};

use crate::audit::AuditEntry;
use crate::auth::keys::{CreateKeyRequest, KeyView, NewKey};
use crate::catalog::List;
use crate::problem::ProblemBody;

/// The scheme by which callers say who they are. The document names it for all operations.
pub(super) struct Bearer;

impl Modify for Bearer {
    fn modify(&self, openapi: &mut OpenApi) {
        let description = "`Authorization: Bearer` with an API key, or with a token of the OIDC issuer that the deployment knows";
        let scheme = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).description(Some(description)).build();
        let components = openapi.components.get_or_insert_default();
        components.add_security_scheme("bearer", SecurityScheme::Http(scheme));
    }
}

/// Make an API key
#[utoipa::path(
    post, path = "/api/keys", tag = "admin", operation_id = "create_key",
    request_body = CreateKeyRequest,
    responses(
        (status = 201, body = NewKey, description = "The key, with its text, which is shown this once"),
        (status = 404, body = ProblemBody, content_type = "application/problem+json",
            description = "`tenant_not_found`"),
    ),
)]
#[expect(dead_code, reason = "only its attributes are read")]
pub(super) fn create_key() {}

/// List API keys, newest first
#[utoipa::path(
    get, path = "/api/keys", tag = "admin", operation_id = "list_keys",
    params(
        ("tenant_id" = Option<uuid::Uuid>, Query, description = "Only this tenant's"),
        ("limit" = Option<i64>, Query, minimum = 1, maximum = 100, description = "20 if left out"),
        ("cursor" = Option<String>, Query, description = "`next_cursor` of the page before, with the same filters"),
    ),
    responses(
        (status = 200, body = List<KeyView>, description = "One page, with keys that have expired or were revoked"),
    ),
)]
#[expect(dead_code, reason = "only its attributes are read")]
pub(super) fn list_keys() {}

/// Revoke an API key: it is worth nothing from then on, everywhere within 60 seconds
#[utoipa::path(
    delete, path = "/api/keys/{key_id}", tag = "admin", operation_id = "revoke_key",
    params(
        ("key_id" = uuid::Uuid, Path, description = "The key"),
        ("tenant_id" = Option<uuid::Uuid>, Query, description = "Only if it is this tenant's"),
    ),
    responses(
        (status = 200, body = KeyView, description = "The key; one that was revoked before is as it was"),
        (status = 404, body = ProblemBody, content_type = "application/problem+json",
            description = "`key_not_found`"),
    ),
)]
#[expect(dead_code, reason = "only its attributes are read")]
pub(super) fn revoke_key() {}

/// List who did what, newest first
#[utoipa::path(
    get, path = "/api/audit", tag = "admin", operation_id = "list_audit",
    params(
        ("tenant_id" = Option<uuid::Uuid>, Query, description = "Only what was done to this tenant's things"),
        ("action" = Option<String>, Query,
            description = "Only this: `version.approved`, `version.deprecated`, `run.cancelled`, `run.retried`, `key.created`, `key.revoked`, \
                           `connection.created`, `connection.deleted`, `tenant.created`, `tenant.changed`, `tenant.deletion_started`, `tenant.deleted` or `pipeline.changed`"),
        ("since" = Option<chrono::DateTime<chrono::Utc>>, Query, description = "Not older than this"),
        ("until" = Option<chrono::DateTime<chrono::Utc>>, Query, description = "Older than this"),
        ("limit" = Option<i64>, Query, minimum = 1, maximum = 100, description = "20 if left out"),
        ("cursor" = Option<String>, Query, description = "`next_cursor` of the page before, with the same filters"),
    ),
    responses(
        (status = 200, body = List<AuditEntry>, description = "One page"),
    ),
)]
#[expect(dead_code, reason = "only its attributes are read")]
pub(super) fn list_audit() {}
