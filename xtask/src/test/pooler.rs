//! The transaction pooler before the test Postgres, and what becomes of the tests that need it where there is none.

use std::ffi::OsString;

use anyhow::{Result, bail};

use super::stack::Backend;
use crate::paths::Dirs;
use crate::pgbouncer;
use crate::progress::say;

/// What the names of tests that need a pooler contain.
const NAME: &str = "pooler";

/// A pgbouncer, or why there is none. Dropping it kills it.
#[derive(Debug)]
pub(super) struct Pooler(Result<pgbouncer::Server, String>);

impl Pooler {
    /// Starts pgbouncer before the Postgres of `backend`. Where none can be had, that is an error in CI (the variable `CI`
    /// is set), and anywhere else a reason to do without. Fails also when one is there and does not start.
    pub async fn start(dirs: &Dirs, backend: &Backend) -> Result<Self> {
        let program = match pgbouncer::find(dirs).await {
            Ok(program) => program,
            Err(reason) => {
                let sentence = format!(
                    "there is no pgbouncer here ({reason:#}); `apt install pgbouncer` or `brew install pgbouncer` gets it"
                );
                if std::env::var("CI").is_ok_and(|value| !value.is_empty()) {
                    bail!("The pooler tests cannot be run: {sentence}.");
                }
                say(&sentence);
                return Ok(Self(Err(format!("The pooler tests were not run: {sentence}."))));
            }
        };
        let options =
            pgbouncer::Options { name: "test-pgbouncer".to_owned(), postgres_port: backend.postgres_port() };
        Ok(Self(Ok(pgbouncer::Server::start(dirs, &program, &options).await?)))
    }

    /// The pooler that runs.
    pub fn server(&self) -> Option<&pgbouncer::Server> {
        self.0.as_ref().ok()
    }

    /// What the report has to say: that tests were left out, and why.
    pub fn note(&self) -> Option<&str> {
        self.0.as_ref().err().map(String::as_str)
    }

    /// `RUNPLANE_TEST_POOLER` = `127.0.0.1:<port>`, for the tests.
    pub fn environment(&self) -> Vec<(String, OsString)> {
        let address = self.server().map(pgbouncer::Server::address);
        address.map(|address| ("RUNPLANE_TEST_POOLER".to_owned(), address.into())).into_iter().collect()
    }

    /// What tells a test runner to leave out the tests that need a pooler.
    pub fn leaving_out(&self) -> &'static [&'static str] {
        if self.server().is_some() { &[] } else { &["--skip", NAME] }
    }

    /// Stops it.
    pub async fn stop(&mut self) -> Result<()> {
        match &mut self.0 {
            Ok(server) => server.stop().await,
            Err(_) => Ok(()),
        }
    }
}
