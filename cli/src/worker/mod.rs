//! `runplane worker`: claims runs over HTTP, runs their steps with the executor of the domain crate, and reports what comes of them.
//!
//! | file | what is in it |
//! |---|---|
//! | `claims` | asking for runs, and how often |
//! | `work` | one run, from its claim to its end |
//! | `leases` | heartbeats |
//! | `journal` | what the executor stores, over HTTP |
//! | `api` | the calls of the API, and what their answers mean |
//! | `pace` | pauses |
//! | `stop` | signals |
//! | `log` | what it says |
//!
//! The lease token fences whatever it reports, so that nothing here has to be exact about when a lease is lost: what comes too late is refused.

mod api;
mod claims;
mod journal;
mod leases;
mod log;
mod pace;
mod stop;
mod work;

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use runplane::aws;
use runplane::bucket::Bucket;
use runplane::dag::evaluate::{Evaluators, Limits};
use runplane::dag::execute::Spill;
use runplane::reach::Reach;
use runplane::reach::secrets::Secrets;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::args::worker::Worker as Args;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::http::Client;
use crate::output::Output;
use api::Claimant;
use leases::Leases;
use log::Log;

/// The subcommand that makes this program a child of a worker, in which expressions are evaluated.
pub const EVALUATE: &str = "evaluate";

/// What the runs of a worker share.
#[derive(Debug)]
pub struct Worker {
    client: Arc<Client>,
    log: Log,
    leases: Leases,
    evaluators: Arc<Evaluators>,
    /// Where large outputs are kept.
    spill: Option<Arc<dyn Spill>>,
    /// What steps reach outside.
    reach: Arc<Reach>,
    /// How long it works on one claim.
    time_limit: Option<Duration>,
    /// Cancelled when runs have to be handed back.
    leave: CancellationToken,
    /// Cancelled some seconds after that: what is not reported by then is not reported any more.
    give_up: CancellationToken,
    /// Versions about which it was said that they are for others.
    opaque: Mutex<HashSet<Uuid>>,
}

impl Worker {
    /// Whether it was asked for this version before.
    fn opaque_seen(&self, version: Uuid) -> bool {
        !self.opaque.lock().unwrap_or_else(PoisonError::into_inner).insert(version)
    }
}

/// Works until it is told to end, or with `--once` until there is nothing to do.
///
/// # Errors
/// [`Failure::Usage`] if it cannot begin; with `--once` also why it could not claim.
pub async fn run(args: &Args, output: Output) -> Result<Exit, Failure> {
    let (queues, worker_id) = (args.queues()?, args.worker_id()?);
    let settings = args.settings();
    let client = Arc::new(Client::new(&settings, output)?);
    let log = Log::new(args.json);
    let spill: Option<Arc<dyn Spill>> = match args.output_bucket() {
        Some(name) => Some(Arc::new(Bucket::new(name, aws::of_machine).await)),
        None => None,
    };
    let worker = Arc::new(Worker {
        client,
        log,
        leases: Leases::new(args.lease()),
        evaluators: Arc::new(evaluators(args.concurrency)?),
        spill,
        reach: Arc::new(Reach::new(Secrets::below(args.secrets_prefix()?, aws::of_machine), aws::of_machine)),
        time_limit: args.time_limit(),
        leave: CancellationToken::new(),
        give_up: CancellationToken::new(),
        opaque: Mutex::default(),
    });
    let claimant =
        Claimant { worker_id, tenant_id: args.tenant(), queues, lease_seconds: args.lease_seconds };
    log.worker("started", &introduction(args, &claimant, &settings.url));
    let stop = stop::on_signals(&worker, args.drain())?;
    let beating = {
        let worker = Arc::clone(&worker);
        tokio::spawn(async move { worker.leases.beat(&worker.client, log).await })
    };
    let how = claims::How { concurrency: args.concurrency.into(), poll: args.poll_seconds, once: args.once };
    let ended = claims::run(&worker, &claimant, how, &stop).await;
    beating.abort();
    log.worker("ended", "nothing is under way any more");
    ended
}

/// Children of this very program, one for two runs, and two at least: an expression that takes its whole time keeps one of them busy.
fn evaluators(concurrency: u8) -> Result<Evaluators, Failure> {
    let limits = Limits { children: usize::from(concurrency / 2).max(2), ..Limits::default() };
    Ok(Evaluators::new(this_program()?, vec![EVALUATE.to_owned()], limits))
}

/// On Linux that stays this version, also when another one is installed meanwhile.
fn this_program() -> Result<PathBuf, Failure> {
    if cfg!(target_os = "linux") {
        return Ok("/proc/self/exe".into());
    }
    std::env::current_exe()
        .map_err(|error| Failure::Usage(format!("this program does not know where it is: {error}")))
}

fn introduction(args: &Args, claimant: &Claimant, url: &reqwest::Url) -> String {
    let whose = claimant.tenant_id.map_or("every tenant".to_owned(), |tenant| format!("the tenant {tenant}"));
    let queues = claimant
        .queues
        .as_ref()
        .map_or("all queues".to_owned(), |queues| format!("queues {}", queues.join(", ")));
    format!(
        "{} claims runs of {whose}, {queues}, up to {} at a time, at {url}",
        claimant.worker_id, args.concurrency
    )
}
