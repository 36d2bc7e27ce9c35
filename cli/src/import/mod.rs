//! `runplane import`: tenants, pipelines, versions and runs of the service that Runplane replaces, read from its database and
//! written into ours. docs/cut-over.md is what its users read.
//!
//! | module | what is in it |
//! |---|---|
//! | [`source`] | the old database: one snapshot, read only |
//! | [`target`] | ours |
//! | [`kind`] | what is done with a batch of rows of any kind |
//! | [`tenants`], [`pipelines`], [`versions`], [`runs`] | the four kinds |
//! | [`fit`], [`json`] | values that fit |
//! | [`left_behind`] | what is not imported, counted |
//! | [`verify`] | both sides compared |
//! | [`report`] | what is said |
//!
//! An import can be repeated, and goes on where an earlier one was interrupted: a row is known by its id, a batch is a
//! transaction. It is a tool of the operator, so that it writes to the tables themselves, whose constraints hold for it too.

mod fit;
mod json;
mod kind;
mod known;
mod left_behind;
mod pipelines;
mod report;
mod runs;
mod source;
mod target;
mod tenants;
mod verify;
mod versions;

use std::io::Write;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use chrono::{DateTime, Utc};
use sqlx::postgres::{PgConnectOptions, PgConnection};
use uuid::Uuid;

use crate::exit::Exit;
use kind::Rows;
use known::Known;
use pipelines::Pipelines;
use report::{Kind, Report};
use runs::Runs;
use source::Source;
use tenants::Tenants;
use versions::Versions;

/// How often it is said how far an import is.
const PROGRESS: Duration = Duration::from_secs(5);

/// Import from the database of the service that Runplane replaces
#[derive(Clone, Debug, clap::Args)]
#[command(
    after_help = "Exit codes: 0 everything that was read is here · 2 arguments that cannot be used · 4 a database is out of reach \
                        or failed (run it again: what is done stays done) · 6 something was left out, is missing or differs (the lines \
                        say what).\n\ndocs/cut-over.md says how to move with no run lost."
)]
pub struct Args {
    /// The old database: postgres://user:password@host:5432/name. It is only read
    #[arg(long, value_name = "URL", env = "IMPORT_FROM_URL", hide_env_values = true)]
    from: String,
    /// Runplane's database, migrated. Connected to directly, not through a transaction pooler
    #[arg(long, value_name = "URL", env = "DATABASE_URL", hide_env_values = true)]
    to: String,
    /// Writes nothing; says what would be done
    #[arg(long, conflicts_with = "verify")]
    dry_run: bool,
    /// Only this tenant; may be given several times
    #[arg(long, value_name = "ID", num_args = 1..)]
    tenant: Vec<Uuid>,
    /// Only runs that ended at this time or later (RFC 3339); the catalogue is always read whole
    #[arg(long, value_name = "TIME")]
    since: Option<DateTime<Utc>>,
    /// QUEUED runs are taken over too, to wait here under the same ids. Only when the old service is stopped for good: it is
    /// refused while anybody else is connected to its database
    #[arg(long, conflicts_with_all = ["verify", "since"])]
    take_queued: bool,
    /// Imports nothing; compares both sides row by row, with counts and checksums by tenant
    #[arg(long)]
    verify: bool,
    /// JSON, one document a line; the last one is the summary
    #[arg(long)]
    json: bool,
    /// Rows in a transaction
    #[arg(long, value_name = "ROWS", default_value_t = 1000, value_parser = clap::value_parser!(u16).range(1..=10_000))]
    batch_size: u16,
}

/// Imports, or verifies, and says on standard output what came of it. Returns the exit code; failures go to standard error.
pub async fn run(args: Args) -> Exit {
    for (name, url) in [("--from", &args.from), ("--to", &args.to)] {
        let is_postgres = ["postgres://", "postgresql://"].iter().any(|scheme| url.starts_with(scheme));
        if !is_postgres || url.parse::<PgConnectOptions>().is_err() {
            eprintln!("{name} is no postgres:// URL");
            return Exit::Usage;
        }
    }
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    let mut report = Report::new(&mut out, args.json);
    let result = all(&args, &mut report).await;
    let is_complete = report.is_complete();
    let flushed = out.flush();
    match result.and_then(|()| Ok(flushed?)) {
        Ok(()) if is_complete => Exit::Done,
        Ok(()) => Exit::Incomplete,
        Err(error) => {
            eprintln!("{error:#}");
            Exit::Unreachable
        }
    }
}

async fn all(args: &Args, report: &mut Report<'_>) -> Result<()> {
    let mut source = Source::open(&args.from, &args.tenant).await?;
    let mut target = target::open(&args.to).await?;
    if args.take_queued {
        refuse_while_in_use(&mut source).await?;
    }
    let mut import = Import {
        args,
        source: &mut source,
        target: &mut target,
        known: Known::default(),
        report,
        told_at: Instant::now(),
    };
    import.all().await?;
    target::close(target).await?;
    source.close().await?;
    Ok(())
}

/// Two services that both have the waiting runs would run each twice.
async fn refuse_while_in_use(source: &mut Source) -> Result<()> {
    let sessions = source.other_sessions().await?;
    if !sessions.is_empty() {
        bail!(
            "--take-queued is for a service that is stopped, and its database is in use by {}: stop what writes to it, \
             and close what looks at it",
            sessions.join(", ")
        );
    }
    Ok(())
}

/// An import under way, or a comparison.
struct Import<'a, 'b> {
    args: &'a Args,
    source: &'a mut Source,
    target: &'a mut PgConnection,
    known: Known,
    report: &'a mut Report<'b>,
    /// When it was last said how far it is.
    told_at: Instant,
}

impl Import<'_, '_> {
    async fn all(&mut self) -> Result<()> {
        let mut totals = verify::Totals::default();
        self.rows::<Tenants>(&mut totals).await?;
        if let Some(unknown) = self.args.tenant.iter().find(|tenant| !self.known.tenants.contains(*tenant)) {
            bail!("--tenant {unknown}: --from has no such tenant that could be here");
        }
        self.rows::<Pipelines>(&mut totals).await?;
        self.rows::<Versions>(&mut totals).await?;
        self.rows::<Runs>(&mut totals).await?;

        left_behind::count(self.source, self.target, self.args.take_queued, self.report).await?;
        let mut extra = serde_json::json!({ "dry_run": self.args.dry_run, "verify": self.args.verify });
        if self.args.verify {
            extra["runs"] = totals.close(self.target, self.report).await?;
        }
        if self.args.dry_run {
            self.report.remark("Nothing was written: this was a dry run.");
        }
        Ok(self.report.close(self.args.verify, extra)?)
    }

    /// Reads all rows of a kind, batch by batch.
    async fn rows<R: Rows>(&mut self, totals: &mut verify::Totals) -> Result<()> {
        let is_run = R::TABLE.name == Runs::TABLE.name;
        let filter = if is_run { self.which_runs() } else { "true".to_owned() };
        // The first of several with one name keeps it. Runs have no names, and sorting all of them would cost the old database a lot.
        let is_sorted = !is_run && self.source.has_column(R::TABLE.name, "created_at");
        let order = if is_sorted { "order by created_at, id" } else { "" };
        let mut reading = self.source.read(R::TABLE, &filter, order).await?;
        let mut rows = R::new(self.source.ids_given_twice(R::TABLE).await?);
        loop {
            let batch = self.source.batch(&mut reading, usize::from(self.args.batch_size)).await?;
            if batch.is_empty() {
                return Ok(());
            }
            self.progress(R::KIND);
            let ends = (&mut *self.source, &mut *self.target);
            if self.args.verify {
                verify::batch(&mut rows, ends, &mut self.known, batch, totals, self.report).await?;
            } else {
                kind::import(&mut rows, ends, &mut self.known, batch, self.args.dry_run, self.report).await?;
            }
            self.report.flush()?;
        }
    }

    /// Every few seconds, on standard error, how far it is.
    fn progress(&mut self, kind: Kind) {
        if self.told_at.elapsed() >= PROGRESS {
            self.told_at = Instant::now();
            eprintln!("{} {} read", self.report.count(kind).read, kind.plural());
        }
    }

    /// A condition of SQL: the runs that are read.
    fn which_runs(&self) -> String {
        let not_read = match (self.args.take_queued, self.args.verify) {
            (false, false) => "'QUEUED', 'RUNNING'",
            // Those that were taken over are compared.
            (_, true) | (true, _) => "'RUNNING'",
        };
        let status = format!("coalesce(status::text, '') not in ({not_read})");
        let Some(since) = &self.args.since else { return status };
        let times: Vec<String> = ["finished_at", "updated_at", "created_at"]
            .into_iter()
            .filter(|column| self.source.has_column(Runs::TABLE.name, column))
            .map(|column| format!("{column}::timestamptz"))
            .collect();
        // A run without any time is always read.
        let ended = format!("coalesce({}, 'infinity')", [times, vec!["null".to_owned()]].concat().join(", "));
        format!("{status} and {ended} >= '{}'", since.to_rfc3339())
    }
}
