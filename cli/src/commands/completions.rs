//! `runplane completions`

use clap::CommandFactory as _;
use clap_complete::Shell;

use crate::args::Cli;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::Output;

/// Prints the script for a shell.
pub fn run(shell: Shell, output: Output) -> Result<Exit, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "runplane", &mut script);
    output.text(&String::from_utf8_lossy(&script))
}
