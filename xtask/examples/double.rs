//! A function for the tests of the Runtime-API host (`tests/host.rs`): it does what the event's field `do`, or the
//! request's header `x-do`, says, and otherwise answers with the event itself.

use std::time::Duration;

use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde_json::{Value, json};

#[tokio::main]
async fn main() -> Result<(), Error> {
    if std::env::var_os("DOUBLE_DIES_AT_INIT").is_some() {
        eprintln!("dies at init");
        std::process::exit(3);
    }
    lambda_runtime::run(service_fn(handle)).await
}

async fn handle(event: LambdaEvent<Value>) -> Result<Value, Error> {
    let (event, context) = event.into_parts();
    let what = event["do"].as_str().or(event["headers"]["x-do"].as_str()).unwrap_or_default().to_owned();
    match what.as_str() {
        "hang" => {
            println!("hangs");
            tokio::time::sleep(Duration::from_secs(600)).await;
            Ok(Value::Null)
        }
        "die" => std::process::exit(7),
        "fail" => Err("it failed".into()),
        "no status" => Ok(json!({ "statusCode": "none" })),
        "describe" => Ok(json!({
            "pid": std::process::id(),
            "deadline_ms": context.deadline,
            "function": context.env_config.function_name,
            "given": std::env::var("GIVEN").ok(),
            "inherited": std::env::var("CARGO_MANIFEST_DIR").ok(),
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
