//! `runplane keys …`

mod fleet;
mod generate;

use chrono::SecondsFormat;
use serde_json::{Map, Value};
use uuid::Uuid;

use super::Context;
use super::body::Body;
use super::list::list;
use crate::args::Settings;
use crate::args::keys::{Command, New};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::http::Request;
use crate::output::{Output, Record};

const PATH: &str = "/api/keys";
const COLUMNS: [&str; 9] = [
    "id",
    "name",
    "roles",
    "created_at",
    "last_used_at",
    "expires_at",
    "revoked_at",
    "created_by",
    "tenant_id",
];
const FIELDS: [&str; 12] = [
    "id",
    "tenant_id",
    "name",
    "roles",
    "created_at",
    "created_by",
    "expires_at",
    "revoked_at",
    "revoked_by",
    "last_used_at",
    "requests_per_second",
    "key",
];
/// What stands beside a key, on standard error.
const ONCE: &str = "The key is shown this once. Keep it where nobody reads it but its user.";

/// Runs one of them.
pub async fn run(command: Command, settings: Settings, output: Output) -> Result<Exit, Failure> {
    // Without the API, which lets in nobody who has no key.
    if let Command::Generate(new) = command {
        fleet::check(&new, settings.tenant)?;
        return generate::run(fields(&new, settings.tenant)?, output);
    }
    let context = &Context::new(settings, output)?;
    let request = match &command {
        Command::List(paging) => {
            return list(context, context.narrowed(Request::get(PATH)), paging, &COLUMNS).await;
        }
        Command::Create(new) | Command::Generate(new) => {
            fleet::check_who_asks(new, context).await?;
            Request::post(PATH).body(fields(new, context.tenant)?)
        }
        Command::Revoke { id } => context.narrowed(Request::delete(format!("{PATH}/{id}"))).repeatable(),
    };
    let answer = context.client.send(&request).await?;
    let exit = output.answer(&answer, view)?;
    if matches!(command, Command::Create(_)) {
        output.note(ONCE);
    }
    Ok(exit)
}

/// What is asked for. Without a tenant it is for the API to say whose it becomes.
fn fields(new: &New, tenant: Option<Uuid>) -> Result<Map<String, Value>, Failure> {
    let tenant = tenant.filter(|_| !new.across_tenants).map(|tenant| tenant.to_string());
    let roles: Vec<_> = new.roles.iter().map(|role| role.to_ascii_lowercase()).collect();
    let expires_at = new.expires_at()?.map(|time| time.to_rfc3339_opts(SecondsFormat::AutoSi, true));
    let body = Body::default().maybe("tenant_id", tenant).set("name", new.name.clone()).set("roles", roles);
    let body = body.maybe("expires_at", expires_at);
    Ok(body.maybe("requests_per_second", new.requests_per_second).fields())
}

fn view(key: &Value) -> String {
    Record::of(key, &FIELDS).to_string()
}
