//! What holds for every command on the API.

use reqwest::Url;
use uuid::Uuid;

/// Where the API is, and how it is spoken to.
#[derive(Clone, Debug, clap::Args)]
pub struct Settings {
    /// Where the API is, without /api
    #[arg(
        long,
        global = true,
        env = "RUNPLANE_URL",
        hide_env_values = true,
        default_value = "http://127.0.0.1:8000"
    )]
    pub url: Url,
    /// Whose things are meant
    #[arg(long, global = true, env = "RUNPLANE_TENANT", value_name = "ID")]
    pub tenant: Option<Uuid>,
    /// Sign requests with AWS credentials: auto does so when the URL is one of API Gateway
    #[arg(long, global = true, env = "RUNPLANE_SIGN", hide_possible_values = true, value_name = "auto|aws|none", value_enum, default_value_t = Signing::Auto)]
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
