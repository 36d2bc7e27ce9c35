//! What holds for every command on the API.

use std::ffi::OsString;
use std::path::Path;

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
    /// How the API lets the command in.
    #[command(flatten)]
    pub access: Access,
    /// Print what the API answers, for programs
    #[arg(long, global = true)]
    pub json: bool,
}

/// How the API lets a command in. The key itself is no option: whoever lists the processes of the machine would read it.
#[derive(Clone, Debug, clap::Args)]
pub struct Access {
    /// A file with the API key [default: RUNPLANE_API_KEY has the key itself]
    #[arg(long, global = true, env = "RUNPLANE_API_KEY_FILE", hide_env_values = true, value_name = "FILE")]
    api_key_file: Option<OsString>,
    /// Send the API key over http:// to other machines too, where it can be read on the way
    #[arg(long, global = true, env = "RUNPLANE_ALLOW_PLAIN_HTTP", value_parser = yes_or_no)]
    pub allow_plain_http: bool,
}

impl Access {
    /// The file with the API key, if one was named. A variable that is empty names none.
    pub fn api_key_file(&self) -> Option<&Path> {
        self.api_key_file.as_deref().filter(|file| !file.is_empty()).map(Path::new)
    }
}

/// What a variable says. One that is empty says no.
fn yes_or_no(text: &str) -> Result<bool, String> {
    match text {
        "true" => Ok(true),
        "" | "false" => Ok(false),
        _ => Err("must be true or false".to_owned()),
    }
}
