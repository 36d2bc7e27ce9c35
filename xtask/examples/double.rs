//! A function for the tests of the Runtime-API host (`tests/host.rs`) and of what invokes functions: it does what the
//! event's field `do`, or the request's header `x-do`, says, and otherwise answers with the event itself. Where
//! `DOUBLE_DOES` is set, an event that says nothing is printed, and that is done instead.
//!
//! It speaks the Runtime API itself. With `lambda_runtime` among its dependencies, testing xtask would compile half of
//! what runs `cargo xtask` a second time; `tests/outages` runs functions that are built on it.

use std::env::var;
use std::time::Duration;

use serde_json::{Value, json};

type Error = Box<dyn std::error::Error>;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    if var("DOUBLE_DIES_AT_INIT").is_ok() {
        eprintln!("dies at init");
        std::process::exit(3);
    }
    let api = format!("http://{}/2018-06-01/runtime/invocation", var("AWS_LAMBDA_RUNTIME_API")?);
    let client = reqwest::Client::builder().no_proxy().build()?;
    loop {
        let next = client.get(format!("{api}/next")).send().await?.error_for_status()?;
        let header = |name: &str| next.headers()[name].to_str().map(str::to_owned);
        let (id, deadline_ms) =
            (header("lambda-runtime-aws-request-id")?, header("lambda-runtime-deadline-ms")?);
        let (verb, body) = match answer(next.json().await?, &deadline_ms).await {
            Ok(answer) => ("response", answer),
            Err(error) => ("error", json!({ "errorType": "double", "errorMessage": error })),
        };
        let answered = client.post(format!("{api}/{id}/{verb}")).json(&body).send().await?;
        answered.error_for_status()?;
    }
}

async fn answer(event: Value, deadline_ms: &str) -> Result<Value, &'static str> {
    let told = event["do"].as_str().or(event["headers"]["x-do"].as_str()).map(str::to_owned);
    let what = told.or_else(|| {
        let usual = var("DOUBLE_DOES").ok()?;
        println!("event {event}");
        Some(usual)
    });
    match what.as_deref().unwrap_or_default() {
        "hang" => {
            println!("hangs");
            tokio::time::sleep(Duration::from_secs(600)).await;
            Ok(Value::Null)
        }
        "die" => std::process::exit(7),
        "fail" => Err("it failed"),
        "no status" => Ok(json!({ "statusCode": "none" })),
        "describe" => Ok(json!({
            "pid": std::process::id(),
            "deadline_ms": deadline_ms.parse::<u64>().ok(),
            "function": var("AWS_LAMBDA_FUNCTION_NAME").ok(),
            "given": var("GIVEN").ok(),
            "log_stream": var("AWS_LAMBDA_LOG_STREAM_NAME").ok(),
            "inherited": var("CARGO_MANIFEST_DIR").ok(),
        })),
        _ if event["version"] == "2.0" => Ok(json!({
            "statusCode": 299,
            "headers": { "content-type": "application/json" },
            "cookies": ["a=1"],
            "body": event.to_string(),
        })),
        _ => Ok(event),
    }
}
