//! `cargo xtask …`: see [`xtask::cli`].

use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    xtask::proxy::except_this_machine();
    xtask::cli::main().await
}
