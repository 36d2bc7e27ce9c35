//! The bucket for outputs that are too large for the database.

use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_sdk_s3::Client;
use aws_sdk_s3::config::Builder;
use aws_sdk_s3::error::DisplayErrorContext;

use crate::aws::Found;
use crate::dag::execute::{Spill, Spilled};

/// One call, its retries included: an output has at most 4 MiB.
const CALL_TIMEOUT: Duration = Duration::from_secs(20);

/// A bucket of S3, under one prefix for each tenant.
#[derive(Clone, Debug)]
pub struct Bucket {
    client: Client,
    name: String,
}

impl Bucket {
    /// The bucket of this name, by credentials and in the region that are `found`.
    pub async fn new(name: String, found: Found) -> Self {
        let config = found().await.into_builder();
        let config = config.retry_config(RetryConfig::standard().with_max_attempts(4));
        let timeouts = TimeoutConfig::builder().operation_timeout(CALL_TIMEOUT).build();
        let config = config.timeout_config(timeouts).build();
        // An emulator has no name for each bucket.
        let by_path = config.endpoint_url().is_some();
        Self { client: Client::from_conf(Builder::from(&config).force_path_style(by_path).build()), name }
    }
}

impl Spill for Bucket {
    fn put<'a>(&'a self, key: &'a str, json: Vec<u8>) -> Spilled<'a, ()> {
        Box::pin(async move {
            let put = self.client.put_object().bucket(&self.name).key(key).content_type("application/json");
            let sent = put.body(json.into()).send().await;
            sent.map(drop).map_err(|error| DisplayErrorContext(error).to_string())
        })
    }

    fn get<'a>(&'a self, key: &'a str) -> Spilled<'a, Vec<u8>> {
        Box::pin(async move {
            let got = self.client.get_object().bucket(&self.name).key(key).send().await;
            let got = got.map_err(|error| DisplayErrorContext(error).to_string())?;
            let body = got.body.collect().await.map_err(|error| error.to_string())?;
            Ok(body.into_bytes().to_vec())
        })
    }
}
