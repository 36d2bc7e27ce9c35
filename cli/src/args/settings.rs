//! What holds for every command.

use reqwest::Url;
use uuid::Uuid;

/// Where the API is, and how it is spoken to.
#[derive(Clone, Debug, clap::Args)]
pub struct Settings {
    /// Where the API is, without /api
    #[arg(long, global = true, env = "RUNPLANE_URL", default_value = "http://127.0.0.1:8000", value_parser = base_url)]
    pub url: Url,
    /// Whose things are meant
    #[arg(long, global = true, env = "RUNPLANE_TENANT", value_name = "ID")]
    pub tenant: Option<Uuid>,
    /// Sign requests with AWS credentials: auto does so when the URL is one of API Gateway
    #[arg(long, global = true, env = "RUNPLANE_SIGN", value_enum, default_value_t = Signing::Auto)]
    pub sign: Signing,
    /// Print what the API answers, for programs
    #[arg(long, global = true)]
    pub json: bool,
}

/// Whether requests are signed (SigV4, service `execute-api`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Signing {
    /// When the host is API Gateway's.
    Auto,
    /// Always.
    Aws,
    /// Never.
    None,
}

/// A base URL: http or https, nothing after the path, and no credentials, which would end up in messages.
fn base_url(text: &str) -> Result<Url, String> {
    let url = Url::parse(text).map_err(|error| error.to_string())?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err("must begin with http:// or https://".to_owned());
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("must not have a user name or a password".to_owned());
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err("must end with its path".to_owned());
    }
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_base_url_has_nothing_but_host_and_path() {
        assert!(base_url("https://abc.execute-api.eu-west-1.amazonaws.com/prod/").is_ok());
        for wrong in ["127.0.0.1:8000", "ftp://a", "http://me:secret@a", "http://a/?x=1", "http://a/#x", ""] {
            let fault = base_url(wrong).unwrap_err();
            assert!(!fault.contains("secret"), "{fault}");
        }
    }
}
