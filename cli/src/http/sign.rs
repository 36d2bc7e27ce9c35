//! Requests signed with AWS credentials (SigV4), as an API of API Gateway asks for.

use std::time::SystemTime;

use aws_credential_types::provider::{ProvideCredentials as _, SharedCredentialsProvider};
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use reqwest::header::{HeaderName, HeaderValue};
use reqwest::{Request, Url};

use crate::args::Signing;
use crate::failure::Failure;

/// What the signature is for.
const SERVICE: &str = "execute-api";

/// Whoever signs: where credentials come from (environment, profile, SSO, role, …), and for which region.
#[derive(Debug)]
pub(super) struct Signer {
    credentials: SharedCredentialsProvider,
    region: String,
}

impl Signer {
    /// For an API at `url`; None if its requests are not signed.
    ///
    /// # Errors
    /// [`Failure::Usage`] if there is no region or nothing that credentials could come from.
    pub async fn of(signing: Signing, url: &Url) -> Result<Option<Self>, Failure> {
        let region = url.host_str().and_then(region_of);
        match (signing, region) {
            (Signing::None, _) | (Signing::Auto, None) => return Ok(None),
            (Signing::Aws, _) | (Signing::Auto, Some(_)) => {}
        }
        let config = aws_config::load_defaults(aws_config::BehaviorVersion::latest()).await;
        let region = region.map(str::to_owned).or_else(|| config.region().map(ToString::to_string));
        let region = region.ok_or_else(|| {
            Failure::Usage(
                "requests are to be signed, and no AWS region is known: set AWS_REGION, or use --sign none"
                    .to_owned(),
            )
        })?;
        let credentials = config.credentials_provider();
        let credentials = credentials.ok_or_else(|| no_credentials("nothing is configured that has them"))?;
        Ok(Some(Self { credentials, region }))
    }

    /// Signs as of now.
    ///
    /// # Errors
    /// [`Failure::Usage`] if there are no credentials.
    pub async fn sign(&self, request: &mut Request) -> Result<(), Failure> {
        let credentials = self.credentials.provide_credentials().await;
        let credentials = credentials.map_err(|error| no_credentials(&chain(&error)))?;
        let identity = credentials.into();
        let params = v4::SigningParams::builder()
            .identity(&identity)
            .region(&self.region)
            .name(SERVICE)
            .time(SystemTime::now())
            .settings(SigningSettings::default())
            .build()
            .map(Into::into);
        let params = params.map_err(|error| Failure::Usage(format!("cannot sign: {error}")))?;
        apply(&params, request).map_err(|error| Failure::Usage(format!("cannot sign: {}", chain(&*error))))
    }
}

/// Adds the headers of a signature.
fn apply(
    params: &aws_sigv4::http_request::SigningParams<'_>,
    request: &mut Request,
) -> Result<(), Box<dyn std::error::Error>> {
    let instructions = {
        let headers = request.headers().iter();
        let headers: Vec<(&str, &str)> = headers
            .map(|(name, value)| Ok((name.as_str(), value.to_str()?)))
            .collect::<Result<_, reqwest::header::ToStrError>>()?;
        let body = request.body().and_then(|body| body.as_bytes()).unwrap_or_default();
        let signable = SignableRequest::new(
            request.method().as_str(),
            request.url().as_str(),
            headers.into_iter(),
            SignableBody::Bytes(body),
        )?;
        sign(signable, params)?.into_parts().0
    };
    for (name, value) in instructions.headers() {
        let mut value = HeaderValue::try_from(value)?;
        value.set_sensitive(true);
        request.headers_mut().insert(HeaderName::try_from(name)?, value);
    }
    Ok(())
}

/// The region in the name of a host of API Gateway.
fn region_of(host: &str) -> Option<&str> {
    let mut labels = host.split('.').skip_while(|label| *label != "execute-api").skip(1);
    let region = labels.next()?;
    let rest: Vec<&str> = labels.collect();
    matches!(rest.as_slice(), ["amazonaws", "com"] | ["amazonaws", "com", "cn"] | ["api", "aws"])
        .then_some(region)
}

fn no_credentials(why: &str) -> Failure {
    Failure::Usage(format!(
        "requests are to be signed, and there are no AWS credentials: {why}; with an API key in RUNPLANE_API_KEY they are not signed"
    ))
}

/// An error with its causes. Those of the AWS SDK name no secrets.
fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use aws_credential_types::Credentials;

    use super::*;

    #[test]
    fn a_signature_is_that_of_the_suite_which_aws_publishes() {
        // get-vanilla-query-order-key-case of the SigV4 test suite, on 2015-08-30T12:36:00Z.
        let credentials =
            Credentials::new("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", None, None, "test");
        let identity = credentials.into();
        let params = v4::SigningParams::builder()
            .identity(&identity)
            .region("us-east-1")
            .name("service")
            .time(UNIX_EPOCH + Duration::from_secs(1_440_938_160))
            .settings(SigningSettings::default())
            .build()
            .unwrap()
            .into();
        let url = "https://example.amazonaws.com/?Param2=value2&Param1=value1".parse().unwrap();
        let mut request = Request::new(reqwest::Method::GET, url);
        apply(&params, &mut request).unwrap();
        let authorization = &request.headers()["authorization"];
        assert!(authorization.is_sensitive());
        assert_eq!(
            authorization.to_str().unwrap(),
            "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, SignedHeaders=host;x-amz-date, \
             Signature=b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500"
        );
        assert_eq!(request.headers()["x-amz-date"], "20150830T123600Z");
        assert!(!format!("{request:?}").contains("b97d918c"), "a signature is not for logs");
    }

    #[test]
    fn a_host_of_api_gateway_says_its_region() {
        assert_eq!(region_of("a1b2.execute-api.eu-central-1.amazonaws.com"), Some("eu-central-1"));
        assert_eq!(region_of("a1b2-vpce-1.execute-api.us-east-1.amazonaws.com"), Some("us-east-1"));
        assert_eq!(region_of("a1b2.execute-api.cn-north-1.amazonaws.com.cn"), Some("cn-north-1"));
        assert_eq!(region_of("a1b2.execute-api.eu-west-1.api.aws"), Some("eu-west-1"));
        for other in [
            "127.0.0.1",
            "execute-api",
            "execute-api.eu.example.com",
            "x.execute-api.eu.amazonaws.com.example.com",
        ] {
            assert_eq!(region_of(other), None, "{other}");
        }
    }
}
