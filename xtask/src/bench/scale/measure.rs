//! The pages that the verbs' statements read in the database as it is.

use anyhow::{Context, Result, ensure};
use sqlx::{AssertSqlSafe, PgConnection};

use super::seed::{Sizes, tenant};
use crate::bench::explain::{Plans, explain};
use crate::bench::statements::{self, Memory, NULL, Statement};
use crate::bench::stats::Spread;
use crate::bench::world::quoted;
use crate::paths::Dirs;

/// What is asked of the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    /// A claim that names its tenant.
    ClaimOfTenant,
    /// A claim that names none.
    ClaimOfAny,
    /// The completion of what was claimed.
    Complete,
    /// The newest 100 runs of a tenant.
    FirstPage,
    /// The 100 runs after 9,999 pages, or the oldest 100 where there are fewer.
    FarPage,
}

impl What {
    /// For tables.
    pub fn title(self) -> &'static str {
        match self {
            Self::ClaimOfTenant => "claim of a tenant",
            Self::ClaimOfAny => "claim of any tenant",
            Self::Complete => "complete",
            Self::FirstPage => "list, page 1",
            Self::FarPage => "list, page 10,000 or the last",
        }
    }
}

/// Runs of a page.
const PAGE: u32 = 100;
/// The number of the page that is far.
const FAR: i64 = 10_000;
/// The first executions of a session plan what the later ones reuse.
const WARM_UP: u32 = 3;

/// The pages of `samples` executions of each. Claims and completes as many runs, and some more. Fails when one does not do
/// what it is for.
pub async fn measure(
    dirs: &Dirs,
    connection: &mut PgConnection,
    sizes: Sizes,
    what: &[What],
    samples: u32,
) -> Result<Vec<(What, Spread)>> {
    let mut found = Vec::new();
    for &what in what {
        let mut pages = Vec::new();
        let mut memory = Memory::new();
        for sample in 0..WARM_UP + samples {
            let tenant = tenant(u64::from(sample) % sizes.tenants);
            let statement = match what {
                What::ClaimOfTenant => statements::claim(dirs, &tenant, &memory, 1)?,
                What::ClaimOfAny => statements::claim(dirs, NULL, &memory, 1)?,
                What::Complete => complete(dirs, connection).await?,
                What::FirstPage => statements::list(dirs, &tenant, [NULL, NULL], PAGE + 1)?,
                What::FarPage => far_page(dirs, connection, &tenant).await?,
            };
            let (plans, wanted) = match what {
                What::FirstPage | What::FarPage => (Plans::Custom, f64::from(PAGE)),
                _ => (Plans::Generic, 1.0),
            };
            let explained = explain(connection, &statement, plans).await?;
            ensure!(
                explained.rows >= wanted,
                "{}: {} rows instead of {wanted}",
                what.title(),
                explained.rows
            );
            if what == What::ClaimOfAny {
                memory.remember(connection).await?;
            }
            if sample >= WARM_UP {
                pages.push(explained.pages as f64);
            }
        }
        found.push((what, Spread::of(pages).context("no sample")?));
    }
    Ok(found)
}

/// Of a run that was claimed before, whichever.
async fn complete(dirs: &Dirs, connection: &mut PgConnection) -> Result<Statement> {
    let claimed = "select tenant_id::text, id::text, lease_token::text from pipeline_runs where status = 'RUNNING' limit 1";
    let claimed: Option<(String, String, String)> =
        sqlx::query_as(claimed).fetch_optional(connection).await?;
    let (tenant, run, token) = claimed.context("nothing was claimed that could be completed")?;
    statements::complete(dirs, &quoted(&tenant), &quoted(&run), &quoted(&token))
}

/// A page is found by the last run of the page before it.
async fn far_page(dirs: &Dirs, connection: &mut PgConnection, tenant: &str) -> Result<Statement> {
    let runs = format!("select count(*) from pipeline_runs where tenant_id = {tenant}");
    let runs: i64 = sqlx::query_scalar(AssertSqlSafe(runs)).fetch_one(&mut *connection).await?;
    let before = (FAR - 1).min((runs - 1) / i64::from(PAGE) - 1) * i64::from(PAGE);
    ensure!(before > 0, "a tenant of {runs} runs has no second page");
    let last = format!(
        "select created_at::text, id::text from pipeline_runs where tenant_id = {tenant}
         order by created_at desc, id desc offset {before} - 1 limit 1"
    );
    let (created_at, id): (String, String) =
        sqlx::query_as(AssertSqlSafe(last)).fetch_one(connection).await?;
    statements::list(dirs, tenant, [&quoted(&created_at), &quoted(&id)], PAGE + 1)
}
