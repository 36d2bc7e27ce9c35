//! The bucket for large outputs of steps, on whatever serves SQS here: it serves S3 too.

use anyhow::{Result, bail};
use aws_sdk_s3::Client;
use aws_sdk_s3::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_s3::error::DisplayErrorContext;

use crate::queues::{REGION, credentials};

/// What functions get as `OUTPUT_BUCKET`.
pub const BUCKET: &str = "runplane-outputs";

/// Creates the bucket on the S3 at `endpoint_url`, unless it is there. Fails when S3 refuses.
pub async fn create(endpoint_url: &str) -> Result<()> {
    let (key, secret) = credentials();
    let config = aws_sdk_s3::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(REGION))
        .credentials_provider(Credentials::new(key, secret, None, None, "local"))
        .endpoint_url(endpoint_url)
        .force_path_style(true)
        .build();
    if let Err(error) = Client::from_conf(config).create_bucket().bucket(BUCKET).send().await {
        let error = error.into_service_error();
        if !error.is_bucket_already_owned_by_you() && !error.is_bucket_already_exists() {
            bail!("cannot create the bucket {BUCKET} on {endpoint_url}: {}", DisplayErrorContext(&error));
        }
    }
    Ok(())
}
