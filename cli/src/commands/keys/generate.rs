//! `runplane keys generate`: a key, and what its database has to be told of it.

use chrono::{DateTime, Months, SecondsFormat, Utc};
use runplane::auth::keys::{CreateKeyRequest, mint, misfit};
use runplane::auth::{ApiKey, Roles};
use runplane::problem::FieldError;
use runplane::strict;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::ONCE;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::Output;

/// Who made it, as the database has it.
const MAKER: &str = "runplane keys generate";

/// Makes the key that a request with these fields would make. The SQL goes to standard output, so that it can be handed on to psql; the key
/// stands beside it.
///
/// # Errors
/// [`Failure::Usage`] with everything that the API would refuse.
pub(super) fn run(fields: Map<String, Value>, output: Output) -> Result<Exit, Failure> {
    let request = check(fields, Utc::now()).map_err(|faults| {
        let said = faults.iter().map(|fault| format!("{}: {}", fault.pointer, fault.detail));
        Failure::Usage(said.collect::<Vec<_>>().join("\n  "))
    })?;
    let key = mint().map_err(|error| Failure::Usage(format!("no random numbers: {error}")))?;
    let (sql, text) = (sql(&request, &key), key.text());
    if output.is_json() {
        return output.text(&json!({"id": key.id, "key": text, "sql": sql}).to_string());
    }
    let exit = output.text(&sql)?;
    output.note(&format!("{ONCE} It is valid once the SQL has been run:\n{text}"));
    Ok(exit)
}

/// What the API checks, and its database.
fn check(fields: Map<String, Value>, now: DateTime<Utc>) -> Result<CreateKeyRequest, Vec<FieldError>> {
    let request: CreateKeyRequest = strict::read(Value::Object(fields))?;
    request.check().map_err(|problem| problem.errors)?;
    if let Some(fault) = misfit(request.tenant_id, Roles::of(&request.roles)) {
        return Err(vec![fault]);
    }
    let latest = now.checked_add_months(Months::new(12 * 5));
    if request.expires_at.is_some_and(|time| time <= now || Some(time) > latest) {
        return Err(vec![FieldError::new("/expires_at", "must be a time ahead, by 5 years at most")]);
    }
    Ok(request)
}

/// What makes the key valid: its row, and an entry in the audit log. The secret is not in it.
fn sql(request: &CreateKeyRequest, key: &ApiKey) -> String {
    let or_null = |text: Option<String>| text.map_or_else(|| "null".to_owned(), |text| quoted(&text));
    let tenant = or_null(request.tenant_id.map(|tenant| tenant.to_string()));
    let expires_at = request.expires_at.map(|time| time.to_rfc3339_opts(SecondsFormat::AutoSi, true));
    let roles: Vec<_> = request.roles.iter().map(|role| role.as_str()).collect();
    let details = json!({"name": request.name, "roles": request.roles});
    let digest: String = key.digest().iter().map(|byte| format!("{byte:02x}")).collect();
    format!(
        "begin;\n\
         insert into api_keys (id, tenant_id, name, roles, secret_sha256, created_by, expires_at, requests_per_second)\n\
         values ('{id}', {tenant}, {name}, '{{{roles}}}', decode('{digest}', 'hex'), '{MAKER}', {expires_at}, {per_second});\n\
         insert into audit_log (id, tenant_id, principal, request_id, action, subject_id, details)\n\
         values ('{entry}', {tenant}, '{MAKER}', '', 'key.created', '{id}', {details});\n\
         commit;\n",
        id = key.id,
        name = quoted(&request.name),
        roles = roles.join(","),
        expires_at = or_null(expires_at),
        per_second =
            request.requests_per_second.map_or_else(|| "null".to_owned(), |number| number.to_string()),
        entry = Uuid::now_v7(),
        details = quoted(&details.to_string()),
    )
}

/// A text as SQL has it, whatever the session makes of backslashes.
fn quoted(text: &str) -> String {
    let quotes = text.replace('\'', "''");
    if quotes.contains('\\') { format!("E'{}'", quotes.replace('\\', "\\\\")) } else { format!("'{quotes}'") }
}

#[cfg(test)]
mod tests {
    use runplane::auth::SECRET_BYTES;

    use super::*;

    fn request(fields: Value) -> Result<CreateKeyRequest, Vec<String>> {
        let Value::Object(fields) = fields else { panic!("an object") };
        let now = "2026-11-27T00:00:00Z".parse().unwrap();
        check(fields, now).map_err(|faults| faults.into_iter().map(|fault| fault.pointer).collect())
    }

    #[test]
    fn the_database_is_told_everything_but_the_secret() {
        let key = ApiKey::new(Uuid::from_u128(7), [1; SECRET_BYTES]);
        let request = request(json!({
            "tenant_id": "580115b4-a291-4917-8dbd-247cfa13e2d6", "name": "ann's \\ key", "roles": ["viewer", "worker"],
            "expires_at": "2027-01-31T12:00:00Z"
        }));
        let sql = sql(&request.unwrap(), &key);
        let (before, after) = sql.split_once("audit_log").unwrap();
        insta::assert_snapshot!(before, @r"
        begin;
        insert into api_keys (id, tenant_id, name, roles, secret_sha256, created_by, expires_at, requests_per_second)
        values ('00000000-0000-0000-0000-000000000007', '580115b4-a291-4917-8dbd-247cfa13e2d6', E'ann''s \\ key', '{viewer,worker}', decode('72cd6e8422c407fb6d098690f1130b7ded7ec2f7f5e1d30bd9d521f015363793', 'hex'), 'runplane keys generate', '2027-01-31T12:00:00Z', null);
        insert into
        ");
        assert!(after.contains(r#"E'{"name":"ann''s \\\\ key","roles":["viewer","worker"]}'"#), "{after}");
        let text = key.text();
        assert!(!sql.contains(&text[36..]), "{sql}");
    }

    #[test]
    fn what_the_api_would_refuse_is_refused_here() {
        assert!(request(json!({"name": "ops", "roles": ["operator"]})).is_ok());
        for (fields, pointer) in [
            (json!({"name": "", "roles": ["operator"]}), "/name"),
            (json!({"name": "ops", "roles": ["root"]}), "/roles/0"),
            (json!({"name": "ops", "roles": ["operator", "operator"]}), "/roles/1"),
            (json!({"name": "ops", "roles": ["admin"]}), "/tenant_id"),
            (
                json!({"name": "ops", "roles": ["operator"], "expires_at": "2026-11-26T00:00:00Z"}),
                "/expires_at",
            ),
            (
                json!({"name": "ops", "roles": ["operator"], "expires_at": "2031-11-27T00:00:01Z"}),
                "/expires_at",
            ),
        ] {
            assert_eq!(request(fields.clone()).unwrap_err(), [pointer], "{fields}");
        }
    }
}
