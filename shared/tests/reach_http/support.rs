//! What the tests have in common.

use std::collections::BTreeMap;
use std::io;
use std::net::IpAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;
use futures_util::future::BoxFuture;
use runplane::catalog::{HttpAuth, HttpAuthType, HttpConfig};
use runplane::reach::guard::Lookup;
use runplane::reach::http::{Http, Limits};
use runplane::reach::{Along, HttpDestination, ReachFailure};
use serde_json::{Map, Value, json};

use crate::server::Server;

pub const KEY: &str = "0199a0b2-0000-7000-8000-000000000001/load/3";
/// With the key, and no trace.
pub const ALONG: Along<'static> = Along { idempotency_key: KEY, traceparent: None };
pub const SECRET: &str = "hunter2-hunter2";
/// Longer than anything here takes that goes well.
pub const LONG: Duration = Duration::from_secs(20);

/// Names, and the addresses that each has from one look-up to the next; the last ones stay.
#[derive(Debug, Default)]
pub struct Names {
    known: BTreeMap<&'static str, Vec<Vec<IpAddr>>>,
    asked: Mutex<Vec<String>>,
}

impl Names {
    pub fn one(name: &'static str, answers: &[&[&str]]) -> Arc<Self> {
        let ip = |text: &&str| -> IpAddr { text.parse().unwrap() };
        let answers = answers.iter().map(|answer| answer.iter().map(ip).collect()).collect();
        Arc::new(Self { known: BTreeMap::from([(name, answers)]), asked: Mutex::default() })
    }

    /// How many look-ups there were.
    pub fn asked(&self) -> usize {
        self.asked.lock().unwrap().len()
    }
}

impl Lookup for Names {
    fn lookup<'a>(&'a self, name: &'a str) -> BoxFuture<'a, io::Result<Vec<IpAddr>>> {
        let mut asked = self.asked.lock().unwrap();
        let before = asked.iter().filter(|before| *before == name).count();
        asked.push(name.to_owned());
        let answer = match self.known.get(name).map(Vec::as_slice) {
            Some([answers @ .., last]) => Ok(answers.get(before).unwrap_or(last).clone()),
            Some([]) | None => Err(io::Error::other("no such name")),
        };
        Box::pin(std::future::ready(answer))
    }
}

/// One that knows no name.
pub fn http() -> Http {
    Http::with_limits(Arc::new(Names::default()), Limits { connect: LONG, idle: LONG })
}

/// One that loses patience soon.
pub fn impatient() -> Http {
    let limits = Limits { connect: Duration::from_millis(200), idle: Duration::from_millis(200) };
    Http::with_limits(Arc::new(Names::default()), limits)
}

/// A connection, with private addresses opened.
pub fn to(base_url: impl Into<String>) -> HttpDestination {
    let config = HttpConfig { base_url: base_url.into(), headers: None, auth: None };
    HttpDestination { config, allow_private_addresses: true, secret: None }
}

pub fn with_headers(destination: HttpDestination, headers: &[(&str, &str)]) -> HttpDestination {
    let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let config = HttpConfig { headers: Some(headers), ..destination.config };
    HttpDestination { config, ..destination }
}

pub fn with_secret(
    destination: HttpDestination,
    r#type: HttpAuthType,
    name: Option<&str>,
    secret: &str,
) -> HttpDestination {
    let auth = Some(HttpAuth { r#type, name: name.map(str::to_owned) });
    let config = HttpConfig { auth, ..destination.config };
    HttpDestination { config, secret: Some(secret.into()), ..destination }
}

pub fn fields(with: Value) -> Map<String, Value> {
    let Value::Object(with) = with else { panic!("{with} is no object") };
    with
}

/// Calls a server, by a connection to it.
pub async fn call(server: &Server, with: Value) -> Result<Value, ReachFailure> {
    http().call(&fields(with), Some(&to(server.url(""))), ALONG, LONG).await
}

/// GETs what the server sends.
pub async fn get(server: &Server) -> Result<Value, ReachFailure> {
    call(server, json!({"path": "/"})).await
}

/// The name of the error, and whether it passes.
pub fn named<T: std::fmt::Debug>(result: Result<T, ReachFailure>) -> (String, bool) {
    let failure = result.expect_err("it does not go well");
    (failure.error, failure.passes)
}

pub fn error(name: &str, passes: bool) -> (String, bool) {
    (name.to_owned(), passes)
}

pub fn packed(bytes: &[u8]) -> Vec<u8> {
    let mut packer = GzEncoder::new(Vec::new(), Compression::best());
    io::Write::write_all(&mut packer, bytes).unwrap();
    packer.finish().unwrap()
}
