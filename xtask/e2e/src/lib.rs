//! What the end-to-end suite stands on: a running stack, its answers, and rows put into a known state.
//!
//! The suite knows the HTTP API and the tables, and nothing of the code behind them, so that the same tests run on
//! `cargo lambda watch`, on the Runtime-API host of xtask and on a deployed stack. It reads its surroundings from:
//!
//! | variable | what for |
//! |---|---|
//! | `RUNPLANE_URL` | the base URL, e.g. `http://127.0.0.1:8000` |
//! | `DATABASE_URL` | the stack's Postgres: tenants, versions and start states are made there |
//! | `RUNPLANE_API_KEY` | an operator's key, where the stack asks for keys; the tests of `auth::` fail where it does not |
//! | `RUNPLANE_ONE_HEADER` | set where what stands before the functions drops one of two headers of one name: then nobody can tell that there were two |
//! | `RUNPLANE_RANDOM_CALLS` | how many random calls of three tenants are made; 500 if not set |
//! | `RUNPLANE_INVOKE_URL` | where functions without a route are invoked, as by Lambda's invoke API; `RUNPLANE_URL` if not set |
//! | `RUNPLANE_SWEEP_FUNCTION` | the name of the sweep there; `sweep` if not set |
//! | `RUNPLANE_DELIVER_FUNCTION` | that of the one that delivers events; `deliver` if not set |
//! | `RUNPLANE_CLI` | the program `runplane`, for the tests that use the command line |
//! | `RUNPLANE_QUEUE_URL` | the queue of the worker, for the tests that send messages of their own |
//! | `RUNPLANE_DEAD_LETTER_QUEUE_URL` | where its messages go that came too often |
//! | `RUNPLANE_SECRET_…`, `AWS_ENDPOINT_URL_LAMBDA` | what the stack's worker knows of them, for `runplane worker`, which runs the examples too (left out with `--skip examples::`) |
//! | `RUNPLANE_SECRET_580115B4_A291_4917_8DBD_247CFA13E2D6_E2E_HOOKS` | what the stack signs events with for webhooks of the demo tenant whose `secret_ref` is `e2e_hooks` |
//! | `RUNPLANE_SECRET_PARAMETER` | what tests give to secret parameters; any text if not set |
//! | `AWS_ENDPOINT_URL`, credentials | where those queues are, unless on AWS; whoever invokes functions on AWS |
//!
//! Without them a test fails and says so. Every test makes a tenant of its own, so tests run side by side and again and
//! again on one database. No test waits for time to pass: leases and due times are moved in SQL.

mod answer;
mod aws;
mod cli;
mod keys;
mod queue;
mod receiver;
mod secrets;
mod seed;
mod stack;
mod states;
mod wait;

pub use answer::Answer;
pub use cli::{Cli, Said};
pub use keys::{Validity, made_by};
pub use queue::Queue;
pub use receiver::{Receiver, Told};
pub use secrets::secret_parameter;
pub use seed::Tenant;
pub use stack::{Stack, id_of};
pub use states::{Seeded, State};
pub use wait::{DEADLINE, eventually};

/// The variable `name`, or, when it is not set, the variable `other`.
///
/// # Panics
/// As [`setting`] does, when neither is set.
pub(crate) fn setting_or(name: &str, other: &str) -> String {
    std::env::var(name).ok().filter(|value| !value.is_empty()).unwrap_or_else(|| setting(other))
}

/// The variable `name`.
///
/// # Panics
/// With a sentence that says how to run the suite, when it is not set.
pub(crate) fn setting(name: &str) -> String {
    match std::env::var(name) {
        Ok(value) if !value.is_empty() => value,
        _ => panic!(
            "{name} is not set. This suite needs a running stack: `cargo xtask test` starts one and runs the suite on it; \
             or start one with `cargo xtask up --detach` and run `RUNPLANE_URL=<base URL> DATABASE_URL=<what it gives \
             psql> AWS_ENDPOINT_URL=<SQS, see cargo xtask status> RUNPLANE_QUEUE_URL=<the runs queue there> \
             RUNPLANE_DEAD_LETTER_QUEUE_URL=<its dead-letter queue> RUNPLANE_CLI=<the program, after `cargo build -p runplane-cli` \
             target/debug/runplane> cargo test -p e2e`."
        ),
    }
}
