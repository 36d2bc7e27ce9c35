//! How the AWS SDK finds region, credentials and endpoints: in a function as Lambda gives them, elsewhere as the AWS command line finds them.
//!
//! Lambda gives variables and nothing else. The SDK's own search looks into profiles, at instances and containers, and takes roles, for all of which a
//! function would carry a client of STS, a reader of XML and more: 0.5 MB of each zip (docs/benchmarks.md).

use aws_config::environment::{EnvironmentVariableCredentialsProvider, EnvironmentVariableRegionProvider};
use aws_config::meta::region::ProvideRegion as _;
use aws_config::{BehaviorVersion, SdkConfig};
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_types::service_config::{LoadServiceConfig, ServiceConfigKey};
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;

use crate::config;

/// Where a process finds it. Who asks for [`of_function`] has nothing of [`of_machine`] in its program.
pub type Found = fn() -> BoxFuture<'static, SdkConfig>;

/// As Lambda gives it: `AWS_REGION`, `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY` and `AWS_SESSION_TOKEN`. Besides `AWS_ENDPOINT_URL`, also
/// of one service (`AWS_ENDPOINT_URL_SQS`), `AWS_USE_FIPS_ENDPOINT` and `AWS_USE_DUALSTACK_ENDPOINT`. Reaches nothing.
pub fn of_function() -> BoxFuture<'static, SdkConfig> {
    async {
        let mut found = SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(EnvironmentVariableRegionProvider::new().region().await)
            .credentials_provider(SharedCredentialsProvider::new(
                EnvironmentVariableCredentialsProvider::new(),
            ))
            .service_config(Variables);
        found.set_endpoint_url(config::of_aws("AWS_ENDPOINT_URL"));
        found.set_use_fips(flag("AWS_USE_FIPS_ENDPOINT"));
        found.set_use_dual_stack(flag("AWS_USE_DUALSTACK_ENDPOINT"));
        found.build()
    }
    .boxed()
}

/// As the AWS command line finds it: variables, a profile, the role of a container or an instance.
pub fn of_machine() -> BoxFuture<'static, SdkConfig> {
    aws_config::load_defaults(BehaviorVersion::latest()).boxed()
}

fn flag(name: &str) -> Option<bool> {
    config::of_aws(name).map(|value| value.eq_ignore_ascii_case("true"))
}

/// The endpoint of one service, of its variable.
#[derive(Debug)]
struct Variables;

impl LoadServiceConfig for Variables {
    fn load_config(&self, key: ServiceConfigKey<'_>) -> Option<String> {
        let service = key.service_id().to_uppercase().replace(' ', "_");
        config::of_aws(&format!("{}_{service}", key.env()))
    }
}
