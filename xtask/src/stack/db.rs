//! `cargo xtask db`

use std::env;
use std::ffi::OsString;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result};

use super::status;
use crate::paths::Dirs;
use crate::postgres;

/// Becomes psql, connected to the stack's database (without a stack: to `DATABASE_URL`). Returns only to fail.
pub async fn psql(dirs: &Dirs, args: &[OsString]) -> Result<()> {
    let url = match status::addresses(dirs) {
        Ok(addresses) => addresses.database_url,
        Err(error) => env::var("DATABASE_URL").map_err(|_| error)?,
    };
    let error = Command::new(program(dirs).await?).arg(url).args(args).exec();
    Err(error).context("cannot start psql")
}

/// The one on PATH, which has the user's habits; else the wheel's.
async fn program(dirs: &Dirs) -> Result<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let found = env::split_paths(&path).map(|folder| folder.join("psql")).find(|program| program.is_file());
    match found {
        Some(program) => Ok(program),
        None => Ok(postgres::install(dirs).await?.join("psql")),
    }
}
