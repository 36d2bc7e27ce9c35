//! API keys and the audit log.

use serde_json::{Value, json};

use crate::support::{Api, Program, TENANT, page, problem, told, words};

const ID: &str = "0199e0c0-0000-7000-8000-000000000041";

fn key() -> Value {
    json!({
        "id": ID, "tenant_id": TENANT, "name": "nightly imports", "roles": ["viewer", "submitter"],
        "created_at": "2026-11-23T11:40:48.587117Z", "created_by": "key:1 ann", "expires_at": null, "revoked_at": null,
        "revoked_by": null, "last_used_at": null
    })
}

#[test]
fn a_key_is_made_with_one_request_and_shown() {
    let mut made = key();
    made["key"] = json!("rp_x_y");
    let api = Api::plays([told(201, made.clone()), told(201, made)]);
    let ran =
        api.run(&["keys", "create", "--name", "nightly imports", "--role", "viewer", "--role", "Submitter"]);
    insta::assert_snapshot!(ran.ends_with(0).out, @r#"
    id          0199e0c0-0000-7000-8000-000000000041
    tenant_id   580115b4-a291-4917-8dbd-247cfa13e2d6
    name        nightly imports
    roles       ["viewer","submitter"]
    created_at  2026-11-23T11:40:48Z
    created_by  key:1 ann
    key         rp_x_y
    "#);
    let line =
        "keys create --name fleet --role worker --across-tenants --expires-at 2027-01-31T12:00:00Z --json";
    let ran = api.run(&words(line)).ends_with(0);
    assert_eq!((ran.out.contains("\"key\":\"rp_x_y\""), ran.err.as_str()), (true, ""));
    insta::assert_snapshot!(api.requests(), @r#"
    POST /api/keys {"name":"nightly imports","roles":["viewer","submitter"],"tenant_id":"580115b4-a291-4917-8dbd-247cfa13e2d6"}
    POST /api/keys {"expires_at":"2027-01-31T12:00:00Z","name":"fleet","roles":["worker"]}
    "#);
}

/// The program for no tenant in particular.
fn without_tenant(api: &Api, line: &str) -> Program {
    Program::new(&words(line)).env("RUNPLANE_URL", &api.url)
}

#[test]
fn an_operator_makes_no_key_for_every_tenant_without_saying_so() {
    let nothing = || told(200, page(json!([]), Value::Null));
    let api = Api::plays([nothing(), nothing(), told(201, key()), told(201, key()), told(201, key())]);
    for line in ["keys create --name fleet --role worker", "keys create --name fleet --role Worker"] {
        let ran = without_tenant(&api, line).run().ends_with(2);
        assert!(ran.err.contains("--tenant ID") && ran.err.contains("--across-tenants"), "{}", ran.err);
        assert!(api.asked().iter().all(|asked| asked.method == "GET"), "nothing was made");
    }
    // Who says so, an operator's own, and one that the API refuses in its own words.
    without_tenant(&api, "keys create --name fleet --role worker --across-tenants").run().ends_with(0);
    without_tenant(&api, "keys create --name ops --role worker --role operator").run().ends_with(0);
    without_tenant(&api, "keys create --name ci --role worker --role viewer").run().ends_with(0);
    insta::assert_snapshot!(api.requests(), @r#"
    GET /api/keys?tenant_id=00000000-0000-0000-0000-000000000000&limit=1
    GET /api/keys?tenant_id=00000000-0000-0000-0000-000000000000&limit=1
    POST /api/keys {"name":"fleet","roles":["worker"]}
    POST /api/keys {"name":"ops","roles":["worker","operator"]}
    POST /api/keys {"name":"ci","roles":["worker","viewer"]}
    "#);
}

#[test]
fn whoever_belongs_to_a_tenant_makes_its_keys_without_naming_it() {
    let unknown = || problem(404, "tenant_not_found", "No such tenant");
    let api = Api::plays([
        unknown(),
        told(201, key()),
        problem(403, "forbidden", "This needs one of the roles admin, operator"),
    ]);
    without_tenant(&api, "keys create --name mine --role worker").run().ends_with(0);
    let ran = without_tenant(&api, "keys create --name mine --role worker").run().ends_with(1);
    assert!(ran.err.contains("This needs one of the roles"), "{}", ran.err);
    insta::assert_snapshot!(api.requests(), @r#"
    GET /api/keys?tenant_id=00000000-0000-0000-0000-000000000000&limit=1
    POST /api/keys {"name":"mine","roles":["worker"]}
    GET /api/keys?tenant_id=00000000-0000-0000-0000-000000000000&limit=1
    "#);
}

#[test]
fn a_key_is_not_made_twice_and_revoked_as_often_as_it_takes() {
    let unavailable = || problem(503, "unavailable", "later").header("retry-after", "0");
    let api = Api::plays([unavailable(), unavailable(), told(200, key())]);
    api.run(&words("keys create --name ci --role viewer --expires-in 90d")).ends_with(4);
    api.run(&["keys", "revoke", ID]).ends_with(0);
    let asked = api.asked();
    assert_eq!(asked[1].path, format!("/api/keys/{ID}?tenant_id={TENANT}"));
    assert_eq!((asked[2].method.as_str(), &asked[2].path), ("DELETE", &asked[1].path));
    let body: Value = serde_json::from_str(&asked[0].body).unwrap();
    let expires: chrono::DateTime<chrono::Utc> = body["expires_at"].as_str().unwrap().parse().unwrap();
    let days = (expires - chrono::Utc::now()).num_hours();
    assert!((90 * 24 - 1..=90 * 24).contains(&days), "{body}");
}

#[test]
fn keys_and_entries_are_listed() {
    let entry = json!({
        "id": ID, "at": "2026-11-23T11:40:48.587117Z", "tenant_id": TENANT, "principal": "key:1 ann", "request_id": "r-1",
        "action": "key.created", "subject_id": ID, "details": {"name": "ci"}
    });
    let api = Api::plays([
        told(200, page(json!([key()]), Value::Null)),
        told(200, page(json!([entry]), Value::Null)),
    ]);
    let ran = api.run(&["keys", "list", "--limit", "1"]).ends_with(0);
    assert!(ran.out.contains("nightly imports") && ran.out.starts_with("ID "), "{}", ran.out);
    let line = "audit list --action key.created --since 2026-11-23T00:00:00Z --until 2026-11-24T00:00:00.5Z --cursor c";
    insta::assert_snapshot!(api.run(&words(line)).ends_with(0).out, @r#"
    AT                    ACTION       PRINCIPAL  SUBJECT_ID                            DETAILS        TENANT_ID                             REQUEST_ID  ID
    2026-11-23T11:40:48Z  key.created  key:1 ann  0199e0c0-0000-7000-8000-000000000041  {"name":"ci"}  580115b4-a291-4917-8dbd-247cfa13e2d6  r-1         0199e0c0-0000-7000-8000-000000000041
    "#);
    insta::assert_snapshot!(api.requests(), @"
    GET /api/keys?tenant_id=580115b4-a291-4917-8dbd-247cfa13e2d6&limit=1
    GET /api/audit?tenant_id=580115b4-a291-4917-8dbd-247cfa13e2d6&action=key.created&since=2026-11-23T00%3A00%3A00Z&until=2026-11-24T00%3A00%3A00.500Z&cursor=c
    ");
}

#[test]
fn the_first_key_is_made_without_the_api_and_the_sql_has_no_secret() {
    let api = Api::plays([]);
    let ran = api.run(&words("keys generate --role operator --name ops --across-tenants")).ends_with(0);
    let key = ran.err.lines().last().unwrap();
    assert!(key.starts_with("rp_") && key.len() == 79, "{}", ran.err);
    assert!(
        ran.out.starts_with("begin;\ninsert into api_keys ") && ran.out.ends_with("commit;\n"),
        "{}",
        ran.out
    );
    assert!(!ran.out.contains(&key[36..]), "{}", ran.out);
    let ran =
        api.run(&words("keys generate --role operator --name ops --across-tenants --json")).ends_with(0);
    let made: Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(ran.err, "");
    let id = made["id"].as_str().unwrap();
    assert!(made["key"].as_str().unwrap().contains(&id.replace('-', "")), "{made}");
    assert!(made["sql"].as_str().unwrap().contains(id), "{made}");
}

#[test]
fn a_key_that_cannot_be_is_not_generated() {
    let api = Api::plays([]);
    let ran = api.run(&words("keys generate --role operator --name ops")).ends_with(2);
    assert!(ran.err.starts_with("error: /roles: operator goes with keys without tenant"), "{}", ran.err);
    let ran = Program::new(&words("keys generate --role root --name ops")).run().ends_with(2);
    assert!(ran.err.contains("/roles/0") && ran.out.is_empty(), "{}", ran.err);
    let ran = Program::new(&words("keys generate --role worker --name fleet")).run().ends_with(2);
    assert!(ran.err.contains("--across-tenants") && ran.out.is_empty(), "{}", ran.err);
    let said = Program::new(&words("keys generate --role worker --name fleet --across-tenants")).run();
    assert!(said.ends_with(0).out.contains("'{worker}'"));
    for line in [
        "keys generate --name ops",
        "keys generate --role operator",
        "keys generate --role operator --name ops --expires-in 6000d",
        "keys generate --role operator --name ops --expires-in 4294967295d",
        "keys generate --role operator --name ops --expires-at 2020-01-01T00:00:00Z",
        "keys create --role viewer --name ops --expires-in 1d --expires-at 2027-01-01T00:00:00Z",
        "keys revoke ops",
    ] {
        let ran = Program::new(&words(line)).run().ends_with(2);
        assert_eq!(ran.out, "", "{line}");
    }
}
