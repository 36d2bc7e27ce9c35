//! AWS, or what plays it: credentials, and requests signed with them.

use std::time::SystemTime;

use aws_config::SdkConfig;
use aws_credential_types::provider::ProvideCredentials as _;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use reqwest::Request;
use serde_json::Value;

/// The environment's configuration; on an endpoint of one's own, which is a local stack, with any credentials where it has none.
pub(crate) async fn config() -> SdkConfig {
    let set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    let mut config = aws_config::defaults(aws_config::BehaviorVersion::latest());
    if set("AWS_ENDPOINT_URL") {
        config = config.region("us-east-1");
        if !set("AWS_ACCESS_KEY_ID") {
            config = config.test_credentials();
        }
    }
    config.load().await
}

/// A signed `POST` of `body` to Lambda's invoke API. Who does not look at signatures is not bothered by one.
///
/// # Panics
/// When the environment has no credentials, or the URL is none.
pub(crate) async fn invocation(url: &str, body: &Value) -> Request {
    let config = config().await;
    let credentials = config.credentials_provider().expect("AWS credentials");
    let identity = credentials.provide_credentials().await.expect("AWS credentials").into();
    let parameters = v4::SigningParams::builder()
        .identity(&identity)
        .region(config.region().map_or("us-east-1", |region| region.as_ref()))
        .name("lambda")
        .time(SystemTime::now())
        .settings(SigningSettings::default())
        .build()
        .expect("all parameters")
        .into();
    let body = body.to_string();
    let signable =
        SignableRequest::new("POST", url, std::iter::empty(), SignableBody::Bytes(body.as_bytes()));
    let signed = sign(signable.expect("a URL"), &parameters).expect("a signature");
    let mut request = http::Request::post(url).body(body).expect("a request");
    signed.into_parts().0.apply_to_request_http1x(&mut request);
    request.try_into().expect("a request")
}
