//! An API that is away, slow, wrong, or another.

use std::io::Read as _;
use std::net::TcpListener;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::support::{Api, Program, RUN, TENANT, VERSION, problem, run, tenant, text, told};

fn unavailable() -> crate::support::Told {
    problem(503, "unavailable", "The service cannot be reached at the moment; try again")
        .header("retry-after", "0")
}

#[test]
fn reading_is_repeated_when_the_api_is_out_of_reach_for_a_moment() {
    let api =
        Api::plays([unavailable(), text(502, "<html>").header("retry-after", "0"), told(200, tenant())]);
    let ran = api.run(&["tenants", "show", TENANT]).ends_with(0);
    assert_eq!(
        ran.err,
        "The service cannot be reached at the moment; try again; trying again in 0.0 s\nBad Gateway; trying again in 0.0 s\n"
    );
    let api = Api::plays([unavailable(), told(200, tenant())]);
    assert_eq!(api.run(&["tenants", "show", TENANT, "--json"]).ends_with(0).err, "");
}

#[test]
fn repeating_has_an_end() {
    let api = Api::plays([unavailable(), unavailable(), unavailable(), unavailable()]);
    let ran = api.run(&["tenants", "show", TENANT, "--json"]).ends_with(4);
    let problem: Value = serde_json::from_str(&ran.err).unwrap();
    assert_eq!(problem["code"], "unavailable");
}

#[test]
fn the_api_says_how_long_to_wait() {
    let api =
        Api::plays([problem(503, "unavailable", "later").header("retry-after", "1"), told(200, tenant())]);
    let since = Instant::now();
    api.run(&["tenants", "show", TENANT]).ends_with(0);
    assert!(since.elapsed() >= Duration::from_secs(1));
}

#[test]
fn a_run_is_created_once_however_often_it_is_asked_for() {
    let api = Api::plays([unavailable(), told(201, run("QUEUED")), unavailable(), told(201, run("QUEUED"))]);
    api.run(&["runs", "create", "--version", VERSION]).ends_with(0);
    api.run(&["runs", "retry", RUN]).ends_with(0);
    let keys: Vec<String> =
        api.asked().iter().map(|asked| asked.header("idempotency-key").to_owned()).collect();
    assert_eq!((&keys[0], &keys[2]), (&keys[1], &keys[3]));
    assert_ne!(keys[0], keys[2]);
}

#[test]
fn what_may_have_been_done_is_not_done_again() {
    let api = Api::plays([unavailable()]);
    let ran = api.run(&["tenants", "create", "--name", "acme"]).ends_with(4);
    assert!(
        ran.err.starts_with("It may have been done all the same: look before you repeat it\n"),
        "{}",
        ran.err
    );
}

#[test]
fn setting_and_cancelling_are_the_same_when_repeated() {
    let api = Api::plays([unavailable(), told(200, tenant()), unavailable(), told(200, run("CANCELLED"))]);
    api.run(&["tenants", "pause", TENANT]).ends_with(0);
    api.run(&["runs", "cancel", RUN]).ends_with(0);
}

#[test]
fn too_many_requests_are_none_that_were_done() {
    let busy = text(429, "{\"message\":\"Too Many Requests\"}").header("retry-after", "0");
    let api = Api::plays([busy, told(201, tenant())]);
    api.run(&["tenants", "create", "--name", "acme"]).ends_with(0);
}

#[test]
fn a_defect_of_the_api_is_not_repeated() {
    let api = Api::plays([problem(
        500,
        "internal",
        "Something went wrong on our side; the request_id finds it in the logs",
    )]);
    let ran = api.run(&["tenants", "show", TENANT]).ends_with(4);
    assert!(ran.err.ends_with("  500 internal, request_id r-1\n"), "{}", ran.err);
}

#[test]
fn nobody_listening_ends_with_4() {
    let url = {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        format!("http://{}", listener.local_addr().unwrap())
    };
    let ran = Program::new(&["tenants", "create", "--name", "acme", "--url", &url]).run().ends_with(4);
    assert_eq!(ran.err.matches("trying again").count(), 3, "{}", ran.err);
    assert!(ran.err.contains(&format!("error: {url}/ cannot be reached: ")), "{}", ran.err);
}

/// A server that reads a request and hangs up, `times` times; the `Idempotency-Key`s it has seen.
fn hangs_up(times: usize) -> (String, std::thread::JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let server = std::thread::spawn(move || {
        let one = |_| {
            let (mut connection, _) = listener.accept().unwrap();
            let mut head = [0; 4096];
            let read = connection.read(&mut head).unwrap();
            let head = String::from_utf8_lossy(&head[..read]).to_lowercase();
            let key = head.lines().find_map(|line| line.strip_prefix("idempotency-key: "));
            key.unwrap_or_default().to_owned()
        };
        (0..times).map(one).collect()
    });
    (url, server)
}

#[test]
fn an_answer_that_got_lost_is_asked_for_again_with_the_same_key() {
    let (url, server) = hangs_up(4);
    let args = ["runs", "create", "--version", VERSION, "--tenant", TENANT, "--url", &url];
    let ran = Program::new(&args).run().ends_with(4);
    let keys = server.join().unwrap();
    assert!(!keys[0].is_empty() && keys.iter().all(|key| *key == keys[0]), "{keys:?}");
    assert!(ran.err.contains(&format!("repeat it with --idempotency-key {}", keys[0])), "{}", ran.err);

    let (url, server) = hangs_up(1);
    Program::new(&["tenants", "create", "--name", "acme", "--url", &url]).run().ends_with(4);
    server.join().unwrap();
}

#[test]
fn whoever_is_not_the_api_is_found_out() {
    let api = Api::plays([
        text(200, "<html>hello</html>"),
        text(200, "<html>hello</html>"),
        told(200, serde_json::json!({ "hello": 1 })),
        text(301, "").header("location", "https://elsewhere.example.com/"),
        text(403, "{\"message\":\"Forbidden\"}"),
    ]);
    let said = |code| api.run(&["tenants", "list"]).ends_with(code).err;
    assert!(said(4).contains("something that is not JSON"));
    let ran = api.run(&["tenants", "list", "--json"]).ends_with(4);
    let document: Value = serde_json::from_str(&ran.err).unwrap();
    assert!(document["detail"].as_str().unwrap().contains("something that is not JSON"), "{document}");
    assert!(said(4).contains("the answer is not a list"));
    assert!(said(4).contains("The answer leads elsewhere"));
    assert_eq!(said(1), "error: Forbidden\n  403\n");
}

#[test]
fn a_strangers_message_does_not_steer_the_terminal() {
    let api = Api::plays([problem(409, "x", "\u{1b}]0;title\u{7}no")]);
    let ran = api.run(&["tenants", "show", TENANT]).ends_with(1);
    assert!(ran.err.starts_with("error: \\u{1b}]0;title\\u{7}no\n"), "{:?}", ran.err);
}

#[test]
fn settings_that_cannot_be_used_end_with_2() {
    for args in [
        &["tenants", "list", "--url", "http://me:secret@127.0.0.1"] as &[_],
        &["tenants", "list", "--url", "127.0.0.1:8000"],
        &["tenants", "list", "--tenant", "acme"],
        &["tenants", "list", "--limit", "0"],
        &["tenants", "list", "--all", "--cursor", "c"],
        &["tenants"],
        &["nothing"],
        &[],
    ] {
        let ran = Program::new(args).run().ends_with(2);
        assert!(!ran.err.contains("secret"), "{}", ran.err);
    }
}
