//! What the examples reach, and what has to be known of it: by the worker in its environment, by the demo tenant as connections.

use std::ffi::OsString;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sqlx::{Connection, PgConnection};

use super::{FUNCTION, TENANT};
use crate::database;
use crate::progress::say;
use crate::warehouse::{self, Warehouse};

/// A shop, a warehouse, a function and a queue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Surroundings {
    /// Of the [shop](crate::shop), on 127.0.0.1.
    pub shop_port: u16,
    /// What the shop asks for.
    pub shop_token: String,
    /// None where the Postgres is somebody else's.
    pub warehouse: Option<Warehouse>,
}

impl Surroundings {
    /// With a shop on this port, whose token is made up, and with a warehouse on the Postgres of `database_url`. Without one, which is said,
    /// where that Postgres does not let us make it.
    pub async fn prepare(database_url: &str, shop_port: u16) -> Self {
        let warehouse = match warehouse::prepare(database_url).await {
            Ok(Some(warehouse)) => Some(warehouse),
            Ok(None) => {
                say(
                    "Postgres is not on this machine: there is no database `warehouse` for the example orders",
                );
                None
            }
            Err(error) => {
                say(format_args!(
                    "Warning: there is no database `warehouse` for the example orders: {error:#}"
                ));
                None
            }
        };
        Self { shop_port, shop_token: uuid::Uuid::new_v4().simple().to_string(), warehouse }
    }

    /// The secrets, as a worker without Secrets Manager looks for them.
    pub fn environment(&self) -> Vec<(String, OsString)> {
        let token = [("SHOP_TOKEN", &self.shop_token)].into_iter();
        let password = self.warehouse.iter().map(|warehouse| ("WAREHOUSE_PASSWORD", &warehouse.password));
        token.chain(password).map(|(name, secret)| (variable(name), secret.into())).collect()
    }

    /// Makes the connections of the demo tenant lead here, as an operator has to: that addresses of this machine may be reached is nothing
    /// that the API can be asked for.
    pub async fn register(&self, database_url: &str, alerts_url: &str) -> Result<()> {
        let mut connection = database::connect(database_url).await?;
        for one in self.connections(alerts_url) {
            put(&mut connection, &one)
                .await
                .with_context(|| format!("cannot make the connection {}", one.name))?;
        }
        Ok(connection.close().await?)
    }

    fn connections(&self, alerts_url: &str) -> Vec<Registered> {
        let of = |name, kind, config, secret_ref| Registered { name, kind, config, secret_ref };
        let shop = json!({
            "base_url": format!("http://127.0.0.1:{}", self.shop_port),
            "auth": { "type": "bearer" },
            "allow_private_addresses": true
        });
        let warehouse = self.warehouse.iter().map(|Warehouse { host, port, .. }| {
            let config = json!({
                "host": host,
                "port": port,
                "database": warehouse::NAME,
                "user": warehouse::NAME,
                "tls": "disable",
                "allow_private_addresses": true
            });
            of("warehouse", "sql", config, Some("warehouse_password"))
        });
        let others = [
            of("shop_api", "http", shop, Some("shop_token")),
            of("fx_rates", "lambda", json!({ "function": FUNCTION }), None),
            of("ops_alerts", "sqs", json!({ "queue_url": alerts_url }), None),
        ];
        others.into_iter().chain(warehouse).collect()
    }
}

/// Where functions without Secrets Manager look for a secret of the demo tenant; `name` is its name in capitals.
pub fn variable(name: &str) -> String {
    format!("RUNPLANE_SECRET_{}_{name}", TENANT.to_uppercase().replace('-', "_"))
}

/// A connection as it is stored.
struct Registered {
    name: &'static str,
    kind: &'static str,
    config: Value,
    secret_ref: Option<&'static str>,
}

async fn put(connection: &mut PgConnection, one: &Registered) -> Result<()> {
    let upsert = "insert into connections (id, tenant_id, name, kind, config, secret_ref)
                  values ($1, $2::uuid, $3, $4, $5, $6)
                  on conflict (tenant_id, name) do update
                  set kind = excluded.kind, config = excluded.config, secret_ref = excluded.secret_ref";
    sqlx::query(upsert)
        .bind(uuid::Uuid::now_v7())
        .bind(TENANT)
        .bind(one.name)
        .bind(one.kind)
        .bind(&one.config)
        .bind(one.secret_ref)
        .execute(connection)
        .await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn surroundings(warehouse: Option<Warehouse>) -> Surroundings {
        Surroundings { shop_port: 8090, shop_token: "a-token".to_owned(), warehouse }
    }

    #[test]
    fn secrets_are_named_by_their_tenant() {
        let warehouse =
            Warehouse { host: "127.0.0.1".to_owned(), port: 5432, password: "a-password".to_owned() };
        let prefix = "RUNPLANE_SECRET_580115B4_A291_4917_8DBD_247CFA13E2D6";
        assert_eq!(
            surroundings(Some(warehouse)).environment(),
            [
                (format!("{prefix}_SHOP_TOKEN"), OsString::from("a-token")),
                (format!("{prefix}_WAREHOUSE_PASSWORD"), OsString::from("a-password"))
            ]
        );
    }

    #[test]
    fn no_connection_leads_to_a_warehouse_that_is_not_there() {
        let names: Vec<_> = surroundings(None).connections("http://q").iter().map(|one| one.name).collect();
        assert_eq!(names, ["shop_api", "fx_rates", "ops_alerts"]);
    }
}
