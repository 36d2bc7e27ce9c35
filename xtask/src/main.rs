//! `cargo xtask …`: see [`xtask::cli`].

use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    xtask::cli::main().await
}
