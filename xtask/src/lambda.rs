//! `cargo xtask lambda …`: cargo-lambda for those who have it only in `.dev/`.

use std::ffi::OsString;
use std::os::unix::process::CommandExt;
use std::process::Command;

use anyhow::{Context, Result};

use crate::cargo_lambda;
use crate::paths::Dirs;
use crate::stack::status;

/// Becomes `cargo lambda <args>`. An `invoke` without an address goes to the stack that is up. Returns only to fail.
pub async fn lambda(dirs: &Dirs, args: &[OsString]) -> Result<()> {
    let mut command = Command::new(cargo_lambda::find(dirs).await?);
    command.arg("lambda").args(args);
    if args.first().is_some_and(|verb| verb == "invoke") && !args.iter().any(names_address) {
        let port = status::addresses(dirs)?.port.to_string();
        command.args(["--invoke-address", "127.0.0.1", "--invoke-port", &port]);
    }
    Err(command.exec()).context("cannot start cargo-lambda")
}

/// Another target than the local stack was asked for.
fn names_address(arg: &OsString) -> bool {
    let arg = arg.to_string_lossy();
    ["--invoke-", "--remote", "--help", "-A", "-P", "-R", "-h"].iter().any(|flag| arg.starts_with(flag))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_of_ones_own_is_left_alone() {
        let of = |args: &[&str]| args.iter().map(OsString::from).any(|arg| names_address(&arg));
        assert!(of(&["invoke", "create", "--invoke-port", "9000"]));
        assert!(of(&["invoke", "create", "-P9000"]));
        assert!(!of(&["invoke", "create", "--data-file", "events/create.json"]));
    }
}
