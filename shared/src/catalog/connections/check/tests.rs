//! Each kind with what it takes and what it refuses.

#![allow(
    clippy::unwrap_used,
    reason = "a test may panic; clippy.toml allows it only in functions marked as tests"
)]

use serde_json::json;

use super::*;

fn pointers(kind: ConnectionKind, config: Value, has_secret: bool) -> Vec<String> {
    let mut faults = Faults::default();
    check(kind, config.as_object().unwrap(), has_secret, &mut faults);
    let problem = faults.finish().err();
    problem.into_iter().flat_map(|problem| problem.errors).map(|fault| fault.pointer).collect()
}

#[test]
fn each_kind_has_its_form() {
    use ConnectionKind::{Http, Lambda, Sql, Sqs};
    let good = [
        (Http, json!({"base_url": "https://example.com"}), false),
        (Http, json!({"base_url": "http://10.0.0.1:8080/v1/", "headers": {"Accept": "text/csv"}}), false),
        (Http, json!({"base_url": "https://example.com", "auth": {"type": "bearer"}}), true),
        (Http, json!({"base_url": "https://example.com", "auth": {"type": "header", "name": "X-Key"}}), true),
        (Sql, json!({"host": "db", "database": "d", "user": "u"}), false),
        (
            Sql,
            json!({"host": "::1", "port": 1, "database": "d", "user": "u", "tls": "verify_full", "read_only": true}),
            true,
        ),
        (Lambda, json!({"function": "resize"}), false),
        (Lambda, json!({"function": "resize:live"}), false),
        (
            Lambda,
            json!({"function": "arn:aws:lambda:eu-central-1:123456789012:function:resize:$LATEST"}),
            false,
        ),
        (Sqs, json!({"queue_url": "https://sqs.eu-central-1.amazonaws.com/123456789012/q.fifo"}), false),
    ];
    for (kind, config, has_secret) in good {
        assert_eq!(pointers(kind, config.clone(), has_secret), [""; 0], "{kind:?} {config}");
    }
}

#[test]
fn what_a_kind_does_not_know_is_refused_where_it_stands() {
    use ConnectionKind::{Http, Lambda, Sql, Sqs};
    let url = "https://example.com";
    let bad = [
        (Http, json!({}), false, vec!["/config/base_url"]),
        (Http, json!({"base_url": url, "a": 1, "b/c": 1}), false, vec!["/config/a", "/config/b~1c"]),
        (Http, json!({"base_url": "ftp://example.com"}), false, vec!["/config/base_url"]),
        (Http, json!({"base_url": "https://u:p@example.com"}), false, vec!["/config/base_url"]),
        (Http, json!({"base_url": "https://example.com?key=1"}), false, vec!["/config/base_url"]),
        (Http, json!({"base_url": "example.com"}), false, vec!["/config/base_url"]),
        (Http, json!({"base_url": "https://exa\nmple.com"}), false, vec!["/config/base_url"]),
        (Http, json!({"base_url": "https://a\0b"}), false, vec!["/config/base_url", "/config/base_url"]),
        (
            Http,
            json!({"base_url": url, "headers": {"Authorization": "x"}}),
            false,
            vec!["/config/headers/Authorization"],
        ),
        (Http, json!({"base_url": url, "headers": {"a b": "x"}}), false, vec!["/config/headers/a b"]),
        (Http, json!({"base_url": url, "headers": {"a": "x\r\ny"}}), false, vec!["/config/headers/a"]),
        (Http, json!({"base_url": url, "auth": {"type": "bearer"}}), false, vec!["/secret_ref"]),
        (Http, json!({"base_url": url}), true, vec!["/config/auth"]),
        (Http, json!({"base_url": url, "auth": {"type": "header"}}), true, vec!["/config/auth/name"]),
        (
            Http,
            json!({"base_url": url, "auth": {"type": "basic", "name": "x"}}),
            true,
            vec!["/config/auth/name"],
        ),
        (Http, json!({"base_url": url, "auth": {"type": "digest"}}), true, vec!["/config/auth/type"]),
        (
            Http,
            json!({"base_url": url, "allow_private_addresses": true}),
            false,
            vec!["/config/allow_private_addresses"],
        ),
        (
            Sql,
            json!({"host": "", "port": 0, "database": "", "user": ""}),
            true,
            vec!["/config/host", "/config/port", "/config/database", "/config/user"],
        ),
        (Sql, json!({"host": "u@db", "database": "d", "user": "u"}), true, vec!["/config/host"]),
        (
            Sql,
            json!({"host": "db", "database": "d", "user": "u", "password": "p"}),
            true,
            vec!["/config/password"],
        ),
        (
            Sql,
            json!({"host": "db", "database": "d", "user": "u", "tls": "prefer"}),
            true,
            vec!["/config/tls"],
        ),
        (Lambda, json!({"function": "a b"}), false, vec!["/config/function"]),
        (Lambda, json!({"function": "arn:aws:s3:::bucket"}), false, vec!["/config/function"]),
        (Lambda, json!({"function": "f"}), true, vec!["/secret_ref"]),
        (Sqs, json!({"queue_url": "q"}), false, vec!["/config/queue_url"]),
    ];
    for (kind, config, has_secret, expected) in bad {
        assert_eq!(pointers(kind, config.clone(), has_secret), expected, "{kind:?} {config}");
    }
}
