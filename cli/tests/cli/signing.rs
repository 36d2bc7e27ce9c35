//! Requests signed with AWS credentials, checked as the other side checks them.

use std::time::{Duration, UNIX_EPOCH};

use aws_sigv4::sign::v4::{calculate_signature, generate_signing_key};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::support::{Api, Asked, Program, TENANT, page, tenant, told};

const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";

fn signed(api: &Api, args: &[&str]) -> crate::support::Ran {
    Program::new(&[args, &["--sign", "aws"]].concat())
        .env("RUNPLANE_URL", &api.url)
        .env("AWS_REGION", "eu-central-1")
        .env("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
        .env("AWS_SECRET_ACCESS_KEY", SECRET)
        .env("AWS_SESSION_TOKEN", "session")
        .run()
}

/// The signature that a request has to have, from the parts that it names itself. Written from the description of SigV4.
fn expected(asked: &Asked) -> String {
    let (path, query) = asked.path.split_once('?').unwrap_or((&asked.path, ""));
    let mut query: Vec<&str> = query.split('&').filter(|pair| !pair.is_empty()).collect();
    query.sort_unstable();
    let names =
        asked.header("authorization").split("SignedHeaders=").nth(1).unwrap().split(',').next().unwrap();
    let headers: String =
        names.split(';').map(|name| format!("{name}:{}\n", asked.header(name).trim())).collect();
    let digest =
        |text: &str| -> String { Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect() };
    let canonical =
        format!("{}\n{path}\n{}\n{headers}\n{names}\n{}", asked.method, query.join("&"), digest(&asked.body));
    let time = asked.header("x-amz-date");
    let scope = format!("{}/eu-central-1/execute-api/aws4_request", &time[..8]);
    let to_sign = format!("AWS4-HMAC-SHA256\n{time}\n{scope}\n{}", digest(&canonical));
    let at = chrono::NaiveDateTime::parse_from_str(time, "%Y%m%dT%H%M%SZ").unwrap().and_utc().timestamp();
    let at = UNIX_EPOCH + Duration::from_secs(at.try_into().unwrap());
    let key = generate_signing_key(SECRET, at, "eu-central-1", "execute-api");
    let signature = calculate_signature(key, to_sign.as_bytes());
    format!("AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/{scope}, SignedHeaders={names}, Signature={signature}")
}

#[test]
fn the_other_side_comes_to_the_same_signature() {
    let api = Api::plays([
        told(200, page(json!([]), Value::Null)),
        told(201, tenant()),
        told(201, json!({ "id": TENANT })),
    ]);
    signed(&api, &["runs", "list", "--status", "failed", "--label", "team=a b/ä", "--queue", "z"])
        .ends_with(0);
    signed(&api, &["tenants", "create", "--name", "acmé"]).ends_with(0);
    signed(&api, &["runs", "create", "--version", TENANT, "--tenant", TENANT, "--param", "n=1"]).ends_with(0);
    for asked in api.asked() {
        assert_eq!(asked.header("authorization"), expected(&asked));
        assert_eq!(asked.header("x-amz-security-token"), "session");
        for header in ["host", "x-amz-date", "x-amz-security-token"] {
            assert!(asked.header("authorization").contains(header), "{header} is not signed");
        }
    }
    assert!(
        api.asked()[2].header("authorization").contains("idempotency-key"),
        "nobody can change the key on the way"
    );
}

#[test]
fn nobody_signs_for_a_host_that_is_not_api_gateway_unless_told_to() {
    let api = Api::plays([told(200, page(json!([]), Value::Null))]);
    let program = Program::new(&["tenants", "list", "--url", &api.url]).env("AWS_SECRET_ACCESS_KEY", SECRET);
    program.env("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE").env("AWS_REGION", "eu-central-1").run().ends_with(0);
    assert_eq!(api.asked()[0].header("authorization"), "");
}

#[test]
fn without_credentials_or_region_nothing_is_sent() {
    let api = Api::plays([]);
    let nowhere = |program: Program| {
        program
            .env("RUNPLANE_URL", &api.url)
            .env("AWS_EC2_METADATA_DISABLED", "true")
            .env("AWS_CONFIG_FILE", "/nowhere")
            .env("AWS_SHARED_CREDENTIALS_FILE", "/nowhere")
    };
    let program = Program::new(&["tenants", "list", "--sign", "aws"]);
    let ran = nowhere(program).run().ends_with(2);
    assert!(ran.err.contains("no AWS region is known"), "{}", ran.err);
    let program = Program::new(&["tenants", "list", "--sign", "aws"]).env("AWS_REGION", "eu-central-1");
    let ran = nowhere(program).run().ends_with(2);
    assert!(ran.err.contains("there are no AWS credentials"), "{}", ran.err);
}

#[test]
fn a_host_of_api_gateway_is_signed_for_without_being_told() {
    let url = "https://a1b2.execute-api.eu-west-1.amazonaws.com";
    let program = Program::new(&["tenants", "list", "--url", url]).env("AWS_EC2_METADATA_DISABLED", "true");
    let program = program.env("AWS_CONFIG_FILE", "/nowhere").env("AWS_SHARED_CREDENTIALS_FILE", "/nowhere");
    let ran = program.run().ends_with(2);
    assert!(ran.err.contains("there are no AWS credentials"), "{}", ran.err);
}
