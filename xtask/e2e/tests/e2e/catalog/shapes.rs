//! What the things of the catalogue look like: these fields, and no others.

use serde_json::Value;

#[track_caller]
fn assert_fields(what: &str, object: &Value, fields: &[&str]) {
    let found: Vec<_> = object.as_object().unwrap_or_else(|| panic!("{what} is {object}")).keys().collect();
    let mut expected = fields.to_vec();
    expected.sort_unstable();
    assert_eq!(found, expected, "{what}: {object}");
}

#[track_caller]
pub fn assert_tenant(tenant: &Value) {
    assert_fields("a tenant", tenant, &["id", "name", "max_running", "paused", "created_at"]);
}

#[track_caller]
pub fn assert_pipeline(pipeline: &Value) {
    let fields = ["id", "tenant_id", "name", "description", "queue", "max_running", "paused", "created_at"];
    assert_fields("a pipeline", pipeline, &fields);
}

/// Every field of a version in a list.
const VERSION: [&str; 11] = [
    "id",
    "tenant_id",
    "pipeline_id",
    "version",
    "status",
    "revision",
    "dag_sha256",
    "created_at",
    "updated_at",
    "approved_at",
    "approved_by",
];

#[track_caller]
pub fn assert_version(version: &Value) {
    assert_fields("a version in a list", version, &VERSION);
}

#[track_caller]
pub fn assert_version_in_full(version: &Value) {
    assert_fields("a version", version, &[VERSION.as_slice(), &["dag_spec", "transitions"]].concat());
    for transition in version["transitions"].as_array().expect("transitions") {
        assert_fields("a transition", transition, &["from", "to", "at", "by", "comment"]);
    }
}

#[track_caller]
pub fn assert_connection(connection: &Value) {
    let fields = ["id", "tenant_id", "name", "kind", "config", "secret_ref", "created_at"];
    assert_fields("a connection", connection, &fields);
}

#[track_caller]
pub fn assert_list(list: &Value) {
    assert_fields("a list", list, &["items", "limit", "count", "next_cursor"]);
}
