//! Where requests do not go.

use std::sync::Arc;

use runplane::reach::HttpDestination;
use runplane::reach::guard::System;
use runplane::reach::http::Http;
use serde_json::json;

use crate::server::{Server, answer};
use crate::support::{ALONG, LONG, Names, error, fields, http, named, to};

async fn server() -> Server {
    Server::answering(|_| answer(200, &[], "inside")).await
}

#[tokio::test]
async fn a_step_without_a_connection_does_not_get_inside() {
    let server = server().await;
    let port = server.address.port();
    let system = Http::with_lookup(Arc::new(System));
    for host in [
        "127.0.0.1",
        "127.1",
        "0x7f.1",
        "0x7f000001",
        "0177.0.0.1",
        "2130706433",
        "%31%32%37.0.0.1",
        "127.0.0.1.",
        "0.0.0.0",
        "0",
        "localhost",
        "localhost.",
        "LOCALHOST",
        "a.localhost",
        "[::1]",
        "[::]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[::127.0.0.1]",
        "[64:ff9b::127.0.0.1]",
        "[2002:7f00:1::]",
    ] {
        let with = fields(json!({"url": format!("http://{host}:{port}/")}));
        for http in [&system, &http()] {
            let given = http.call(&with, None, ALONG, LONG).await;
            assert_eq!(named(given), error("address_refused", false), "{host}");
        }
    }
    assert_eq!(server.lines(), 0);
}

#[tokio::test]
async fn what_hands_out_credentials_is_not_asked_even_where_private_addresses_are_open() {
    for base in
        ["http://169.254.169.254", "http://169.254.170.2", "http://[fd00:ec2::254]", "http://0xa9fea9fe"]
    {
        let with = fields(json!({"path": "/latest/meta-data/"}));
        let given = http().call(&with, Some(&to(base)), ALONG, LONG).await;
        assert_eq!(named(given), error("address_refused", false), "{base}");
        let given = http().call(&fields(json!({"url": base})), None, ALONG, LONG).await;
        assert_eq!(named(given), error("address_refused", false), "{base}");
    }
}

#[tokio::test]
async fn a_connection_gets_inside_only_if_an_operator_has_opened_it() {
    let server = server().await;
    let closed = HttpDestination { allow_private_addresses: false, ..to(server.url("")) };
    let with = fields(json!({"path": "/"}));
    assert_eq!(named(http().call(&with, Some(&closed), ALONG, LONG).await), error("address_refused", false));
    assert_eq!(server.lines(), 0);
    assert_eq!(http().call(&with, Some(&to(server.url(""))), ALONG, LONG).await.unwrap()["body"], "inside");
}

#[tokio::test]
async fn a_name_that_leads_inside_is_refused() {
    let server = server().await;
    let with = fields(json!({"url": format!("http://inside.example:{}/", server.address.port())}));
    for found in
        [&["127.0.0.1"][..], &["1.1.1.1", "127.0.0.1"], &["127.0.0.1", "1.1.1.1"], &["::ffff:127.0.0.1"]]
    {
        let http = Http::with_lookup(Names::one("inside.example", &[found]));
        let failure = http.call(&with, None, ALONG, LONG).await.unwrap_err();
        assert_eq!((failure.error.as_str(), failure.passes), ("address_refused", false), "{found:?}");
        assert!(!failure.message.contains("127"), "{}", failure.message);
    }
    assert_eq!(server.lines(), 0);
}

#[tokio::test]
async fn what_is_connected_to_is_what_was_checked() {
    // A name that leads to a server when it is looked up first, and to credentials ever after.
    let server = Server::sending(answer(200, &["connection: close"], "inside")).await;
    let names = Names::one("moving.example", &[&["127.0.0.1"], &["169.254.169.254"]]);
    let http = Http::with_lookup(names.clone());
    let destination = to(format!("http://moving.example:{}", server.address.port()));
    let with = fields(json!({"path": "/"}));
    assert_eq!(http.call(&with, Some(&destination), ALONG, LONG).await.unwrap()["body"], "inside");
    // There was no second look-up between the check and the connection.
    assert_eq!((names.asked(), server.lines()), (1, 1));
    assert_eq!(
        named(http.call(&with, Some(&destination), ALONG, LONG).await),
        error("address_refused", false)
    );
    assert_eq!((names.asked(), server.lines()), (2, 1));
}

#[tokio::test]
async fn a_line_to_the_inside_is_not_used_by_others() {
    let server = server().await;
    let http = Http::with_lookup(Names::one("inside.example", &[&["127.0.0.1"]]));
    let base = format!("http://inside.example:{}", server.address.port());
    let opened = to(base.clone());
    let closed = HttpDestination { allow_private_addresses: false, ..to(base.clone()) };
    let with = fields(json!({"path": "/"}));
    assert_eq!(http.call(&with, Some(&opened), ALONG, LONG).await.unwrap()["body"], "inside");
    // The line is kept, and would do.
    assert_eq!(named(http.call(&with, Some(&closed), ALONG, LONG).await), error("address_refused", false));
    let url = fields(json!({"url": format!("{base}/")}));
    assert_eq!(named(http.call(&url, None, ALONG, LONG).await), error("address_refused", false));
    assert_eq!(http.call(&with, Some(&opened), ALONG, LONG).await.unwrap()["body"], "inside");
    assert_eq!(server.seen().len(), 2);
}
