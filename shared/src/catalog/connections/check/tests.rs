//! Each kind with what it takes and what it refuses.

#![allow(
    clippy::unwrap_used,
    reason = "a test may panic; clippy.toml allows it only in functions marked as tests"
)]

use serde_json::json;

use super::super::CreateConnectionRequest;
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
        (Sqs, json!({"queue_url": "http://127.0.0.1:4566/000000000000/runs"}), false),
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
        (Sql, json!({"host": "db:5432", "database": "d", "user": "u"}), true, vec!["/config/host"]),
        (Sql, json!({"host": "[::1]", "database": "d", "user": "u"}), true, vec!["/config/host"]),
        (
            Sql,
            json!({"host": "db", "database": "ä".repeat(32), "user": "ä".repeat(32)}),
            true,
            vec!["/config/database", "/config/user"],
        ),
        (Http, json!({"base_url": "http:example.com"}), false, vec!["/config/base_url"]),
        (Http, json!({"base_url": "HTTPS://example.com"}), false, vec!["/config/base_url"]),
        (Http, json!({"base_url": r"https://example.com\v1"}), false, vec!["/config/base_url"]),
        // What serde would take as well.
        (Http, json!({"base_url": url, "auth": ["header", "X"]}), true, vec!["/config/auth"]),
        (Http, json!({"base_url": url, "auth": {"type": {"bearer": null}}}), true, vec!["/config/auth/type"]),
        (
            Sql,
            json!({"host": "db", "database": "d", "user": "u", "tls": {"disable": null}}),
            true,
            vec!["/config/tls"],
        ),
    ];
    for (kind, config, has_secret, expected) in bad {
        assert_eq!(pointers(kind, config.clone(), has_secret), expected, "{kind:?} {config}");
    }
}

#[test]
fn a_header_is_neither_a_credential_nor_how_a_request_is_sent() {
    let header = |name: &str| {
        let config = json!({"base_url": "https://example.com", "headers": {name: "x"}});
        !pointers(ConnectionKind::Http, config, false).is_empty()
    };
    for name in [
        "X-Goog-Api-Key",
        "apikey",
        "Private-Token",
        "X-Auth",
        "Proxy-Authorization",
        "Set-Cookie",
        "My-Secret",
        "x-password",
        "X-Credentials",
        "Host",
        "Connection",
        "Content-Length",
        "Expect",
        "TE",
        "Transfer-Encoding",
        "Upgrade",
        "Idempotency-Key",
    ] {
        assert!(header(name), "{name}");
    }
    for name in ["Accept", "User-Agent", "X-Keyspace", "Key-Id"] {
        assert!(!header(name), "{name}");
    }
}

#[test]
fn the_header_of_the_secret_carries_that_and_nothing_else() {
    let auth = |name: &str| {
        let auth = json!({"type": "header", "name": name});
        let config = json!({"base_url": "https://example.com", "headers": {"X-Tenant": "x"}, "auth": auth});
        pointers(ConnectionKind::Http, config, true)
    };
    for name in HOW_IT_IS_SENT.iter().chain(&["Host", "x-tenant", "a b"]) {
        assert_eq!(auth(name), ["/config/auth/name"], "{name}");
    }
    for name in ["Authorization", "X-Api-Key", "Cookie"] {
        assert_eq!(auth(name), [""; 0], "{name}");
    }
}

#[test]
fn headers_that_differ_by_case_are_one() {
    let config = json!({"base_url": "https://example.com", "headers": {"Accept": "a", "accept": "b"}});
    assert_eq!(pointers(ConnectionKind::Http, config, false), ["/config/headers/accept"]);
}

#[test]
fn a_config_is_no_larger_than_a_page_of_them_can_be() {
    let config = |bytes: usize| {
        let headers: Map<_, _> =
            (0..15).map(|index| (format!("H{index}"), "x".repeat(1024).into())).collect();
        let config = json!({"base_url": "https://example.com/", "headers": headers});
        let missing = bytes - config.to_string().len();
        let base_url = format!("https://example.com/{}", "x".repeat(missing));
        json!({"base_url": base_url, "headers": config["headers"]})
    };
    assert_eq!(pointers(ConnectionKind::Http, config(MAX_CONFIG_BYTES), false), [""; 0]);
    assert_eq!(pointers(ConnectionKind::Http, config(MAX_CONFIG_BYTES + 1), false), ["/config"]);
}

#[test]
fn a_queue_is_named_as_sqs_names_it() {
    let good = |url: &str| pointers(ConnectionKind::Sqs, json!({"queue_url": url}), false).is_empty();
    for url in ["http://sqs/123456789012/a-b_c", "https://127.0.0.1:4566/000000000000/q.fifo"] {
        assert!(good(url), "{url}");
    }
    for url in [
        "https://sqs/12345678901/q",
        "https://sqs/123456789012/",
        "https://sqs/123456789012/q/r",
        "https://sqs/123456789012/q.fifo.fifo",
        "https://sqs/123456789012/.fifo",
        "https://sqs/123456789012/q?x",
        "https://sqs//123456789012/q",
        "ftp://sqs/123456789012/q",
        "http://169.254.169.254/123456789012/q",
        // The same address, written as a number and within IPv6.
        "http://2852039166/123456789012/q",
        "http://[::ffff:169.254.169.254]/123456789012/q",
        "http://[fe80::1]/123456789012/q",
        "http://[fd00:ec2::254]/123456789012/q",
    ] {
        assert!(!good(url), "{url}");
    }
}

#[test]
fn what_is_stored_is_what_was_read_without_nulls() {
    let config =
        json!({"base_url": "https://example.com", "headers": null, "auth": {"type": "bearer", "name": null}});
    let request = json!({"tenant_id": uuid::Uuid::nil(), "name": "n", "kind": "http", "config": config, "secret_ref": "s"});
    let request: CreateConnectionRequest = serde_json::from_value(request).unwrap();
    let stored = serde_json::to_value(request.check().unwrap()).unwrap();
    assert_eq!(stored, json!({"base_url": "https://example.com", "auth": {"type": "bearer"}}));
}

#[test]
fn a_secret_is_named_by_a_plain_path() {
    let check = |secret_ref: &str| {
        let config = json!({"host": "db", "database": "d", "user": "u"});
        let request = json!({"tenant_id": uuid::Uuid::nil(), "name": "n", "kind": "sql", "config": config, "secret_ref": secret_ref});
        serde_json::from_value::<CreateConnectionRequest>(request).unwrap().check().is_ok()
    };
    for secret_ref in ["a", "runplane/db+1=x.y@z_-", &"x".repeat(256)] {
        assert!(check(secret_ref), "{secret_ref}");
    }
    for secret_ref in ["", "arn:aws:x", "a b", "$A", "ü", &"x".repeat(257)] {
        assert!(!check(secret_ref), "{secret_ref}");
    }
}

#[test]
fn a_kind_is_a_string() {
    let request = json!({"tenant_id": uuid::Uuid::nil(), "name": "n", "kind": {"lambda": null}, "config": {"function": "f"}});
    assert!(serde_json::from_value::<CreateConnectionRequest>(request).is_err());
}
