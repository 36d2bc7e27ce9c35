use serde_json::json;

use super::*;

fn joined(base: &str, path: &str) -> Result<String, String> {
    below(base, path).map(String::from).map_err(|failure| failure.error)
}

fn step(with: Value) -> Result<String, String> {
    let Value::Object(with) = with else { panic!("{with} is no object") };
    read(&with, None).map(String::from).map_err(|failure| failure.error)
}

#[test]
fn a_path_is_appended_with_one_slash() {
    for (base, path, expected) in [
        ("https://api.example", "/users", "https://api.example/users"),
        ("https://api.example/", "/users", "https://api.example/users"),
        ("https://api.example/v1", "/users", "https://api.example/v1/users"),
        ("https://api.example/v1/", "/users", "https://api.example/v1/users"),
        ("https://api.example/v1//", "/", "https://api.example/v1/"),
        ("http://api.example:8080/v1", "/a/b/?x=1", "http://api.example:8080/v1/a/b/?x=1"),
        ("https://api.example/v1", "/a%2Fb", "https://api.example/v1/a%2Fb"),
        ("https://api.example/v1", "/ä", "https://api.example/v1/%C3%A4"),
        ("https://api.example/v1", "/100%25", "https://api.example/v1/100%25"),
        ("https://api.example/v1", "/100%", "https://api.example/v1/100%"),
        ("https://api.example/v1", "/..a/b../...", "https://api.example/v1/..a/b../..."),
        ("https://api.example/v1", "/a//b", "https://api.example/v1/a//b"),
        ("https://api.example/v1", "/@evil.example/", "https://api.example/v1/@evil.example/"),
        ("https://api.example/v1", "/a?to=../..", "https://api.example/v1/a?to=../.."),
        ("https://api.example/v1", "/a?b?c", "https://api.example/v1/a?b?c"),
        ("https://api.example/v1", "/a:b@c", "https://api.example/v1/a:b@c"),
    ] {
        assert_eq!(joined(base, path).as_deref(), Ok(expected), "{base} {path}");
    }
}

#[test]
fn a_path_does_not_get_out_of_the_base() {
    for path in [
        "",
        "users",
        "?a=b",
        "//evil.example/",
        "/\\evil.example/",
        "\\\\evil.example",
        "@evil.example/",
        ":80@evil.example/",
        "https://evil.example/",
        "/..",
        "/.",
        "/../admin",
        "/a/../../admin",
        "/a/./b",
        "/a/..",
        "/%2e%2e/admin",
        "/%2E%2e/admin",
        "/.%2e/admin",
        "/%2e/admin",
        "/%252e%252e/admin",
        "/%25252e./admin",
        "/..%2fadmin",
        "/a%2f..%2f..%2fadmin",
        "/a%5c..%5cadmin",
        "/..;/admin",
        "/..;a=b/admin",
        "/%2e%2e%3b/admin",
        "/a\\..\\admin",
        "/a\t/b",
        "/.\t./admin",
        "/.\n./admin",
        "/a b",
        "/a\u{a0}b",
        "/a\u{0}",
        "/a#b",
        "/a?b#c",
        "/a?b c",
    ] {
        assert_eq!(joined("https://api.example/v1", path), Err("invalid_request".to_owned()), "{path:?}");
        assert_eq!(joined("https://api.example/", path), Err("invalid_request".to_owned()), "{path:?}");
    }
}

#[test]
fn a_base_that_was_written_past_the_api_is_not_used() {
    for base in ["", "/v1", "ftp://api.example", "https://user:word@api.example/", "https://", "unix:/run/a"]
    {
        assert_eq!(joined(base, "/users"), Err("invalid_connection".to_owned()), "{base:?}");
    }
    assert_eq!(joined("https://api.example/v1?a=b#c", "/d").as_deref(), Ok("https://api.example/v1/d"));
}

#[test]
fn a_url_is_absolute_and_without_credentials() {
    for url in [
        "example.com",
        "//example.com/",
        "/a",
        "",
        "https://",
        "https:example.com",
        "https:/example.com?a=://",
        "ftp://example.com/",
        "file:///etc/passwd",
        "unix:///run/docker.sock",
        "https://user@example.com/",
        "https://user:word@example.com/",
        "https://:word@example.com/",
        "https://example.com\\@evil.example/",
        " https://example.com/",
        "https://example.com/a b",
        "https://exam\tple.com/",
        "https://example.com:99999/",
        "http://[::1/",
        "http://1.2.3.4.5/",
    ] {
        assert_eq!(step(json!({"url": url})), Err("invalid_request".to_owned()), "{url:?}");
    }
    for url in [json!(null), json!(1), json!(["https://example.com"])] {
        assert_eq!(step(json!({"url": url})), Err("invalid_request".to_owned()), "{url}");
    }
    assert_eq!(step(json!({"url": "HTTPS://Example.com"})).as_deref(), Ok("https://example.com/"));
}

#[test]
fn a_query_is_added_to_what_is_there() {
    let query =
        json!({"text": "a b&c", "number": 1.5, "yes": true, "list": ["x", 2, null, false], "none": null});
    assert_eq!(
        step(json!({"url": "https://example.com/?z=0", "query": query})).as_deref(),
        Ok("https://example.com/?z=0&list=x&list=2&list=false&number=1.5&text=a+b%26c&yes=true")
    );
    for nothing in [json!(null), json!({}), json!({"a": null}), json!({"a": []})] {
        let given = step(json!({"url": "https://example.com/a", "query": nothing}));
        assert_eq!(given.as_deref(), Ok("https://example.com/a"));
    }
    for wrong in [json!([]), json!("a=b"), json!({"a": {}}), json!({"a": [["b"]]}), json!({"a": [{}]})] {
        let given = step(json!({"url": "https://example.com/a", "query": wrong}));
        assert_eq!(given, Err("invalid_request".to_owned()), "{wrong}");
    }
}
