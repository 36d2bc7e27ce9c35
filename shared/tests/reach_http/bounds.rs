//! Answers that are too long, take too long, or are none.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use runplane::reach::ReachFailure;
use runplane::reach::http::{Http, MAX_BODY_BYTES, Post};
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;

use crate::server::{Line, Server, answer, head};
use crate::support::{ALONG, LONG, error, fields, get, http, impatient, named, packed, to};

const NO_HEADERS: &[&str] = &[];

/// GETs what the server sends, within so many milliseconds.
async fn within(http: &Http, server: &Server, milliseconds: u64) -> Result<Value, ReachFailure> {
    let timeout = Duration::from_millis(milliseconds);
    http.call(&fields(json!({"path": "/"})), Some(&to(server.url(""))), ALONG, timeout).await
}

/// Sends a head and then chunks without an end, and counts the bytes of these.
async fn endless(headers: &'static [&'static str], chunk: Vec<u8>) -> (Server, Arc<AtomicUsize>) {
    let (count, chunk) = (Arc::new(AtomicUsize::new(0)), Arc::new(chunk));
    let counted = Arc::clone(&count);
    let server = Server::with(move |_, mut line| {
        let (count, chunk) = (Arc::clone(&counted), Arc::clone(&chunk));
        async move {
            line.write_all(&head(200, headers)).await.ok()?;
            while line.write_all(&chunk).await.is_ok() {
                count.fetch_add(chunk.len(), Ordering::SeqCst);
            }
            None::<Line>
        }
    })
    .await;
    (server, count)
}

#[tokio::test]
async fn a_body_may_have_five_million_bytes_and_no_more() {
    let all = vec![b'x'; MAX_BODY_BYTES];
    let given = get(&Server::sending(answer(200, &[], &all)).await).await.unwrap();
    assert_eq!(given["body"].as_str().map(str::len), Some(MAX_BODY_BYTES));
    let more = [head(200, &[]), all, b"x".to_vec()].concat();
    assert_eq!(named(get(&Server::sending(more).await).await), error("body_too_large", false));
}

#[tokio::test]
async fn a_body_that_says_that_it_is_too_long_is_not_waited_for() {
    for length in [MAX_BODY_BYTES + 1, 50_000_000] {
        let server = Server::stalling(head(200, &[&format!("content-length: {length}")])).await;
        assert_eq!(named(get(&server).await), error("body_too_large", false));
    }
}

#[tokio::test]
async fn fifty_megabytes_are_not_read_to_their_end() {
    for headers in [NO_HEADERS, &["transfer-encoding: chunked"]] {
        let chunk = if headers.is_empty() {
            vec![b'x'; 0x10000]
        } else {
            [&b"10000\r\n"[..], &vec![b'x'; 0x10000], b"\r\n"].concat()
        };
        let (server, sent) = endless(headers, chunk).await;
        assert_eq!(named(get(&server).await), error("body_too_large", false));
        // What is beyond lies in the buffers of the sockets, or nowhere.
        let sent = sent.load(Ordering::SeqCst);
        assert!((MAX_BODY_BYTES - 0x40000..30_000_000).contains(&sent), "{sent} bytes were sent");
    }
}

#[tokio::test]
async fn a_bomb_is_stopped() {
    let bomb = packed(&vec![0; 50_000_000]);
    assert!(bomb.len() < 60_000, "{}", bomb.len());
    let server = Server::sending(answer(200, &["content-encoding: gzip"], bomb)).await;
    assert_eq!(named(get(&server).await), error("body_too_large", false));
    // Bombs one after the other, each of which is small enough.
    let (server, sent) = endless(&["content-encoding: gzip"], packed(&vec![0; 1_000_000])).await;
    assert_eq!(named(get(&server).await), error("body_too_large", false));
    assert!(sent.load(Ordering::SeqCst) > 0);
}

#[tokio::test]
async fn an_answer_that_trickles_for_ever_ends_with_the_steps_time() {
    let server = Server::with(|_, mut line| async move {
        line.write_all(&head(200, &[])).await.ok()?;
        let mut beat = tokio::time::interval(Duration::from_millis(10));
        while line.write_all(b".").await.is_ok() {
            beat.tick().await;
        }
        None::<Line>
    })
    .await;
    // Never idle for as long as would be noticed, and never ready.
    let failure = within(&impatient(), &server, 500).await.unwrap_err();
    assert_eq!((failure.error.as_str(), failure.passes), ("timeout", true));
    assert_eq!(failure.message, "there was no whole answer within 0.5 s");
}

#[tokio::test]
async fn a_body_that_stops_is_given_up() {
    for headers in [NO_HEADERS, &["content-length: 10"], &["transfer-encoding: chunked"]] {
        let server = Server::stalling([head(200, headers), b"5\r\nab".to_vec()].concat()).await;
        let failure = within(&impatient(), &server, 20_000).await.unwrap_err();
        assert_eq!((failure.error.as_str(), failure.passes), ("timeout", true));
        assert_eq!(failure.message, "nothing more of the body came for 0.2 s");
    }
}

#[tokio::test]
async fn a_server_that_does_not_answer_ends_with_the_steps_time() {
    for bytes in ["", "HTTP/1.1 200 OK\r\nx: "] {
        let failure = within(&http(), &Server::stalling(bytes).await, 200).await.unwrap_err();
        assert_eq!((failure.error.as_str(), failure.passes), ("timeout", true));
        assert_eq!(failure.message, "there was no whole answer within 0.2 s");
    }
}

#[tokio::test]
async fn a_length_that_is_a_lie_is_noticed() {
    let longer = [head(200, &["content-length: 100"]), b"hello".to_vec()].concat();
    assert_eq!(named(get(&Server::sending(longer).await).await), error("incomplete_body", true));
    let chunks = [head(200, &["transfer-encoding: chunked"]), b"5\r\nhello\r\n".to_vec()].concat();
    assert_eq!(named(get(&Server::sending(chunks).await).await), error("incomplete_body", true));
    let no_chunks = [head(200, &["transfer-encoding: chunked"]), b"hello".to_vec()].concat();
    assert_eq!(named(get(&Server::sending(no_chunks).await).await), error("incomplete_body", true));
    let shorter = [head(200, &["content-length: 5"]), b"hello world".to_vec()].concat();
    assert_eq!(get(&Server::sending(shorter).await).await.unwrap()["body"], json!("hello"));
}

#[tokio::test]
async fn what_follows_an_answer_is_no_answer_to_the_next_request() {
    let first = [answer(200, &[], "first"), answer(200, &[], "smuggled")].concat();
    let server = Server::answering(move |seen| match seen.line.as_str() {
        "GET /first HTTP/1.1" => first.clone(),
        _ => answer(200, &[], "second"),
    })
    .await;
    let (http, destination) = (http(), to(server.url("")));
    for expected in ["first", "second"] {
        let with = fields(json!({"path": format!("/{expected}")}));
        let given = http.call(&with, Some(&destination), ALONG, LONG).await.unwrap();
        assert_eq!(given["body"], expected);
    }
}

#[tokio::test]
async fn a_line_that_is_closed_or_speaks_something_else_gives_no_answer() {
    for bytes in
        ["", "HTTP/1.1 200", "SSH-2.0-OpenSSH_9.6\r\n", "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n"]
    {
        let given = get(&Server::sending(bytes).await).await;
        assert_eq!(named(given), error("no_answer", true), "{bytes:?}");
    }
    // Heads have a bound as well.
    let long = format!("HTTP/1.1 200 OK\r\n{}\r\n", "x-header: value\r\n".repeat(100_000));
    assert_eq!(named(get(&Server::sending(long).await).await), error("no_answer", true));
}

#[tokio::test]
async fn a_port_where_nobody_listens_may_be_open_later() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let given = http().call(&fields(json!({"path": "/"})), Some(&to(url)), ALONG, LONG).await;
    assert_eq!(named(given), error("connect", true));
}

#[tokio::test]
async fn a_name_that_nobody_knows_may_be_known_later() {
    let failure =
        http().call(&fields(json!({"url": "https://gone.example/"})), None, ALONG, LONG).await.unwrap_err();
    assert_eq!((failure.error.as_str(), failure.passes), ("connect", true));
    assert_eq!(failure.message, "the name \"gone.example\" could not be looked up: no such name");
}

#[tokio::test]
async fn a_server_without_tls_is_not_spoken_to_without_it() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let server = tokio::spawn(async move {
        let (mut line, _) = listener.accept().await.unwrap();
        line.write_all(&answer(200, &[], "hello")).await.unwrap();
        line.shutdown().await.unwrap();
        let mut sent = Vec::new();
        // The other side may close it first.
        let _ = tokio::io::AsyncReadExt::read_to_end(&mut line, &mut sent).await;
        sent
    });
    let given = http()
        .call(&fields(json!({"path": "/"})), Some(&to(format!("https://{address}"))), ALONG, LONG)
        .await;
    assert_eq!(named(given), error("tls", false));
    let sent = server.await.unwrap();
    assert!(!String::from_utf8_lossy(&sent).contains("GET"));
}

#[tokio::test]
async fn a_handshake_that_stalls_is_given_up() {
    let server = Server::stalling("").await;
    let url = format!("https://{}", server.address);
    let given = impatient().call(&fields(json!({"path": "/"})), Some(&to(url)), ALONG, LONG).await;
    assert_eq!(named(given), error("connect", true));
}

/// What is told to somebody who takes it and says nothing.
#[tokio::test]
async fn a_post_waits_as_long_as_it_is_told_to_and_no_longer() {
    let server = Server::stalling(Vec::new()).await;
    let url = server.url("/");
    let post = Post { url: &url, body: "{}".to_owned(), headers: &[], allow_private_addresses: true };
    let told = tokio::time::timeout(LONG, async { http().post(post, Duration::from_millis(200)).await });
    let told = told.await.expect("it gives up");
    assert_eq!(told.map_err(|failure| (failure.error, failure.passes)), Err(("timeout".to_owned(), true)));
}
