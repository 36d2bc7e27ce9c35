//! API keys, made in SQL as an operator makes the first one; and stacks as their holders see them.

use reqwest::header::HeaderValue;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::Stack;

/// What there is to say about a key beside its roles.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Validity {
    /// It may be used.
    Valid,
    /// It has expired a second ago.
    Expired,
    /// It was revoked a second ago.
    Revoked,
}

/// Who has done what was done with `RUNPLANE_API_KEY`, whose name is `RUNPLANE_API_KEY_NAME` or else `operator`; where no key is asked for, whoever was
/// said to.
///
/// # Panics
/// When the key is none.
#[must_use]
pub fn made_by(said: Option<&str>) -> Value {
    let Ok(key) = std::env::var("RUNPLANE_API_KEY") else { return json!(said) };
    let id = key.get(3..35).and_then(|id| Uuid::try_parse(id).ok()).expect("a key has an id");
    let name = std::env::var("RUNPLANE_API_KEY_NAME");
    json!(format!("key:{id} {}", name.as_deref().unwrap_or("operator")))
}

impl Stack {
    /// A valid key with these roles of a tenant; `None`: across tenants. Its text.
    pub async fn key(&self, tenant: Option<Uuid>, roles: &[&str]) -> String {
        self.key_that_is(Validity::Valid, tenant, roles).await
    }

    /// The same, expired or revoked if it has to be.
    ///
    /// # Panics
    /// When the database refuses.
    pub async fn key_that_is(&self, validity: Validity, tenant: Option<Uuid>, roles: &[&str]) -> String {
        sqlx::query_scalar(
            "with made as materialized (
                 select gen_random_uuid() as id, sha256(uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid())) as secret
             ), put as (
                 insert into api_keys (id, tenant_id, name, roles, secret_sha256, created_by, expires_at, revoked_at, revoked_by)
                 select made.id, $1, 'e2e', $2, sha256(made.secret), 'e2e',
                        case when $3 then now() - interval '1 s' end,
                        case when $4 then now() - interval '1 s' end, case when $4 then 'e2e' end
                 from made
             )
             select 'rp_' || replace(id::text, '-', '') || '_'
                    || translate(rtrim(encode(secret, 'base64'), '='), '+/', '-_')
             from made",
        )
        .bind(tenant)
        .bind(roles)
        .bind(validity == Validity::Expired)
        .bind(validity == Validity::Revoked)
        .fetch_one(&self.db)
        .await
        .expect("a key")
    }

    /// The stack as the holder of this credential sees it; `None`: as somebody without one.
    #[must_use]
    pub fn with(&self, credential: Option<&str>) -> Self {
        self.with_headers(&credential.map(|key| format!("Bearer {key}")).into_iter().collect::<Vec<_>>())
    }

    /// The stack as somebody sees it who sends these `Authorization` headers.
    ///
    /// # Panics
    /// When one of them is no value of a header.
    #[must_use]
    pub fn with_headers(&self, values: &[String]) -> Self {
        let values = values.iter().map(|value| HeaderValue::from_str(value).expect("a header's value"));
        self.with_authorization(values.collect())
    }
}
