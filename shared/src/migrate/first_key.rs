//! An operator's key for a database that has no key at all: over the API nobody could make it.

use std::fmt;

use aws_sdk_secretsmanager::Client;
use serde_json::json;
use sqlx::{Connection as _, PgConnection};
use uuid::Uuid;

use super::{MigrateFailure, manager};
use crate::audit::{self, Action, Entry};
use crate::auth::ApiKey;
use crate::auth::Role;
use crate::auth::keys::{self, CreateKeyRequest, RevokeKeyError};
use crate::scope::Scope;

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

    /// Whether nothing has ever been put there.
    async fn is_empty(&self) -> Result<bool, MigrateFailure> {
        let client = manager::client(self.client.as_ref()).await;
        let describe = async || Ok(client.describe_secret().secret_id(&self.secret).send().await?);
        let answer = manager::allowed(describe).await;
        let answer = answer.map_err(|error| MigrateFailure::KeyStore(manager::said(&self.secret, &error)))?;
        Ok(answer.version_ids_to_stages().is_none_or(|versions| versions.is_empty()))
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
///
/// A deployment that failed elsewhere takes its secret with it and leaves the key, which nobody has ever read. So where there are such keys alone, and
/// nothing in the secret, another is made in their place. Here the secret comes last: as long as it is empty, the next call does it again.
pub(super) async fn ensure(
    conn: &mut PgConnection,
    store: &KeyStore,
    request_id: &str,
) -> Result<bool, MigrateFailure> {
    let left_over = match known(conn).await? {
        Known::None => None,
        Known::LeftOver(keys) if store.is_empty().await? => Some(keys),
        Known::LeftOver(_) | Known::Somebodys => return Ok(false),
    };
    let key = keys::mint().map_err(MigrateFailure::Random)?;
    match left_over {
        None => {
            store.put(key.text()).await?;
            make_valid(conn, &key, &[], request_id).await?;
        }
        Some(left_over) => {
            make_valid(conn, &key, &left_over, request_id).await?;
            store.put(key.text()).await?;
        }
    }
    tracing::info!(key.id = %key.id, secret = store.secret, "the first operator's key was made");
    Ok(true)
}

/// Which keys there are.
enum Known {
    None,
    /// Nobody but this function has ever had to do with one. Those that are valid.
    LeftOver(Vec<Uuid>),
    Somebodys,
}

async fn known(conn: &mut PgConnection) -> Result<Known, sqlx::Error> {
    let known = sqlx::query_as::<_, (i64, i64, Vec<Uuid>)>(
        "select count(*), count(*) filter (where k.created_by <> $1 or k.revoked_by <> $1 or k.last_used_at is not null),
           coalesce(array_agg(k.id) filter (where k.revoked_at is null), '{}')
         from api_keys k",
    );
    Ok(match known.bind(MAKER).fetch_one(conn).await? {
        (0, ..) => Known::None,
        (_, 0, valid) => Known::LeftOver(valid),
        _ => Known::Somebodys,
    })
}

/// The key opens everything, and those that it takes the place of nothing, in one transaction.
async fn make_valid(
    conn: &mut PgConnection,
    key: &ApiKey,
    replaced: &[Uuid],
    request_id: &str,
) -> Result<(), MigrateFailure> {
    let request = CreateKeyRequest {
        tenant_id: None,
        name: NAME.to_owned(),
        roles: vec![Role::Operator],
        expires_at: None,
        requests_per_second: None,
    };
    let noted = |action, subject, details| Entry {
        tenant: None,
        principal: MAKER,
        request_id,
        action,
        subject: Some(subject),
        details,
    };
    let mut transaction = conn.begin().await?;
    keys::insert_key(&mut transaction, MAKER, &request, key).await?;
    let details = json!({"name": request.name, "roles": request.roles});
    audit::record(&mut transaction, &noted(Action::KeyCreated, key.id, details)).await?;
    for id in replaced {
        match keys::revoke_key(&mut transaction, Scope::All, *id, MAKER).await {
            Ok(_) | Err(RevokeKeyError::NotFound) => {}
            Err(RevokeKeyError::Db(error)) => return Err(error.into()),
        }
        let details = json!({"name": NAME, "replaced_by": key.id});
        audit::record(&mut transaction, &noted(Action::KeyRevoked, *id, details)).await?;
    }
    Ok(transaction.commit().await?)
}
