//! The test runs: with nextest where it is installed, else with `cargo test`.

use std::ffi::OsString;

use anyhow::Result;

use super::command::Cargo;
use super::report::Report;

/// Three selections of packages, each with the features that its programs are built with anyway: the workspace's default
/// members as for the functions, xtask as for this command (with the end-to-end suite, which needs less), and the command line.
const OF_XTASK: [&str; 4] = ["-p", "xtask", "-p", "e2e"];
const OF_CLI: [&str; 2] = ["-p", "runplane-cli"];

/// How tests are run.
#[derive(Debug)]
pub(super) struct Suites<'a> {
    cargo: Cargo,
    filter: &'a [String],
    leaving_out: Vec<&'a str>,
    nextest: bool,
}

impl<'a> Suites<'a> {
    /// Tests whose name contains one of `filter` (all if it is empty), without those that `leaving_out` tells the test
    /// runner to skip, with `environment`.
    pub async fn new(
        cargo: &Cargo,
        filter: &'a [String],
        leaving_out: &'a [&'a str],
        environment: Vec<(String, OsString)>,
    ) -> Self {
        let nextest = cargo.succeeds(&["nextest", "--version"]).await;
        Self { cargo: cargo.envs(environment), filter, leaving_out: leaving_out.to_vec(), nextest }
    }

    /// The same without the tests whose names contain `part`.
    pub fn without(&self, part: &'a str) -> Self {
        let leaving_out = [self.leaving_out.as_slice(), &["--skip", part]].concat();
        Self { cargo: self.cargo.clone(), filter: self.filter, leaving_out, nextest: self.nextest }
    }

    /// Compiles every test, with cargo's own progress on the terminal.
    pub async fn build(&self) -> Result<()> {
        self.cargo.run(&["test", "--no-run"]).await?;
        self.cargo.run(&[&["test", "--no-run"], OF_CLI.as_slice()].concat()).await?;
        self.cargo.run(&[&["test", "--no-run"], OF_XTASK.as_slice()].concat()).await
    }

    /// All tests but the end-to-end suite.
    pub async fn own_tests(&self, report: &mut Report) -> Result<()> {
        if self.nextest {
            self.step("Tests of the domain and the functions", &self.cargo, &[], report).await?;
            self.step("Tests of the command line", &self.cargo, &OF_CLI, report).await?;
            let only_xtask = [OF_XTASK.as_slice(), &["-E", "package(xtask)"]].concat();
            self.step("Tests of xtask", &self.cargo, &only_xtask, report).await?;
            self.documentation_tests(&[], report).await?;
            self.documentation_tests(&["-p", "xtask"], report).await
        } else {
            self.step("Tests of the domain and the functions", &self.cargo, &[], report).await?;
            self.step("Tests of the command line", &self.cargo, &OF_CLI, report).await?;
            self.step("Tests of xtask", &self.cargo, &["-p", "xtask"], report).await
        }
    }

    /// The end-to-end suite on the stack that it finds in `environment`, with the command line, which is built if it is not.
    pub async fn end_to_end(
        &self,
        place: &str,
        environment: Vec<(String, OsString)>,
        report: &mut Report,
    ) -> Result<()> {
        self.cargo.run(&[&["build", "--quiet"], OF_CLI.as_slice()].concat()).await?;
        let program = self.cargo.target().join("debug/runplane");
        let cargo = self.cargo.envs(environment).env("RUNPLANE_CLI", program);
        let only_e2e: &[&str] = if self.nextest { &["-E", "package(e2e)"] } else { &["--test", "e2e"] };
        let args = [OF_XTASK.as_slice(), only_e2e].concat();
        self.step(&format!("End-to-end suite {place}"), &cargo, &args, report).await
    }

    async fn step(
        &self,
        headline: &str,
        cargo: &Cargo,
        selection: &[&str],
        report: &mut Report,
    ) -> Result<()> {
        let filter: Vec<&str> = self.filter.iter().map(String::as_str).collect();
        let args = if self.nextest {
            // A filter may have nothing to do with one of the runs.
            let none: &[&str] = if filter.is_empty() { &[] } else { &["--no-tests", "pass"] };
            [&["nextest", "run", "--no-fail-fast"], selection, none, &["--"], &filter, &self.leaving_out]
                .concat()
        } else {
            [&["test", "--no-fail-fast"], selection, &["--"], &filter, &self.leaving_out].concat()
        };
        self.run(headline, cargo, &args, if self.nextest { "Summary [" } else { OF_LIBTEST }, report).await
    }

    /// The examples in doc comments, which nextest does not run.
    async fn documentation_tests(&self, selection: &[&str], report: &mut Report) -> Result<()> {
        if !self.filter.is_empty() {
            return Ok(());
        }
        let args = [&["test", "--doc"], selection].concat();
        self.run("Examples in the documentation", &self.cargo, &args, OF_LIBTEST, report).await
    }

    async fn run(
        &self,
        headline: &str,
        cargo: &Cargo,
        args: &[&str],
        closing: &str,
        report: &mut Report,
    ) -> Result<()> {
        let mut lines = Vec::new();
        let result = report.step(headline, cargo.test(args, closing, &mut lines)).await;
        report.keep(headline, lines);
        result
    }
}

/// What every test program, and every run of documentation examples, closes with.
const OF_LIBTEST: &str = "test result:";
