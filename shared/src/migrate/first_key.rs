//! An operator's key for a database that has no key at all: over the API nobody could make it.

use std::fmt;

use aws_sdk_secretsmanager::Client;
use serde_json::json;
use sqlx::{Connection as _, PgConnection};

use super::{MigrateFailure, manager};
use crate::audit::{self, Action, Entry};
use crate::auth::Role;
use crate::auth::keys::{self, CreateKeyRequest};

/// Who made it, as the database has it.
const MAKER: &str = "functions/migrate";
/// What people call it.
const NAME: &str = "first operator";

/// Where the key is put: a secret of Secrets Manager that is there.
#[derive(Clone)]
pub struct KeyStore {
    secret: String,
    client: Option<Client>,
}

impl fmt::Debug for KeyStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyStore({})", self.secret)
    }
}

impl KeyStore {
    /// The secret of this name or ARN, by the credentials of the environment.
    pub fn of_manager(secret: String) -> Self {
        Self { secret, client: None }
    }

    /// The same, by this client.
    pub fn with_client(secret: String, client: Client) -> Self {
        Self { secret, client: Some(client) }
    }

    async fn put(&self, text: String) -> Result<(), MigrateFailure> {
        let client = manager::client(self.client.as_ref()).await;
        let put = async || {
            let call = client.put_secret_value().secret_id(&self.secret).secret_string(&text);
            call.send().await?;
            Ok(())
        };
        let put = manager::allowed(put).await;
        put.map_err(|error| MigrateFailure::KeyStore(manager::said(&self.secret, &error)))
    }
}

/// Makes the key, if there is none of any kind; returns whether. First it is put away, then it is made valid: a crash in between leaves a secret that
/// opens nothing, which the next call overwrites, and never a key that nobody knows.
pub(super) async fn ensure(
    conn: &mut PgConnection,
    store: &KeyStore,
    request_id: &str,
) -> Result<bool, MigrateFailure> {
    let there = sqlx::query_scalar("select exists (select from api_keys)");
    if there.fetch_one(&mut *conn).await? {
        return Ok(false);
    }
    let key = keys::mint().map_err(MigrateFailure::Random)?;
    store.put(key.text()).await?;
    let request = CreateKeyRequest {
        tenant_id: None,
        name: NAME.to_owned(),
        roles: vec![Role::Operator],
        expires_at: None,
        requests_per_second: None,
    };
    let mut transaction = conn.begin().await?;
    keys::insert_key(&mut transaction, MAKER, &request, &key).await?;
    let entry = Entry {
        tenant: None,
        principal: MAKER,
        request_id,
        action: Action::KeyCreated,
        subject: Some(key.id),
        details: json!({"name": request.name, "roles": request.roles}),
    };
    audit::record(&mut transaction, &entry).await?;
    transaction.commit().await?;
    tracing::info!(key.id = %key.id, secret = store.secret, "the first operator's key was made");
    Ok(true)
}
