//! The Rust half of `cargo xtask bench dag`: what executing costs, beside what the steps themselves do. Executes runs of a hundred steps and prints the rows
//! of a table. `DATABASE_URL` names a database with a tenant, a pipeline and nothing that waits; the program is its own child for expressions.

use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context as _, Result, bail, ensure};
use runplane::app::App;
use runplane::dag::ParamsCache;
use runplane::dag::evaluate::{self, Evaluators, Limits};
use runplane::dag::execute::{Ended, RunContext, Work, execute};
use runplane::db::{Db, Plans, Pooler};
use runplane::functions;
use runplane::reach::Reach;
use runplane::reach::secrets::Secrets;
use runplane::runs::{self, Claim};
use runplane::scope::Scope;
use runplane::steps::PgJournal;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

const ROUNDS: usize = 30;
/// With the argument `small`: does it work at all? The figures mean nothing.
const FEW: usize = 2;
const STEPS: usize = 100;

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().collect();
    if arguments.get(1).is_some_and(|argument| argument == "evaluate") {
        evaluate::serve(arguments.get(2).map(String::as_str));
        return Ok(());
    }
    // As the worker has it.
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?.block_on(report(
        if arguments.get(1).is_some_and(|argument| argument == "small") { FEW } else { ROUNDS },
    ))
}

async fn report(rounds: usize) -> Result<()> {
    let url = std::env::var("DATABASE_URL").context("DATABASE_URL is not set")?;
    let db = Db::from_url(&url, Plans::Generic, Pooler::None)?;
    let app = Arc::new(App::new(functions::named("worker"), db, None));
    let evaluators =
        Arc::new(Evaluators::new(std::env::current_exe()?, vec!["evaluate".to_owned()], Limits::default()));
    println!("| {STEPS} steps | ms a run | ms a step |\n|---|---|---|");
    let steps = |step: &dyn Fn(usize) -> Value| (0..STEPS).map(step).collect::<Vec<_>>();
    let row = |number: usize| {
        number.checked_sub(1).map(|before| format!("s{before}")).into_iter().collect::<Vec<_>>()
    };
    let transform = |number: usize, depends_on: Vec<String>, value: &str| json!({"id": format!("s{number}"), "type": "transform", "depends_on": depends_on, "with": {"value": value}});
    let strings = json!({"steps": steps(&|number| json!(format!("s{number}")))});
    let chain = json!({"steps": steps(&|number| transform(number, row(number), "x"))});
    let wide = json!({"max_parallel": 32, "steps": steps(&|number| transform(number, vec![], "x"))});
    let expressions = json!({"steps": steps(&|number| transform(number, row(number), "${ .params.x + 1 }"))});
    let items: Vec<usize> = (0..STEPS).collect();
    let for_each = json!({"steps": [{"id": "a", "type": "transform", "for_each": {"items": items, "max_parallel": 32},
        "with": {"value": "${ .item }"}}]});
    for (what, spec) in [
        ("none", json!({"steps": []})),
        ("strings, which do nothing: stored together", strings),
        ("`transform` in a row: a statement for each", chain),
        ("`transform` beside each other, 32 at once", wide),
        ("`transform` in a row, each with an expression", expressions),
        ("items of a `for_each`, 32 at once, each with an expression", for_each),
    ] {
        measure(&app, &evaluators, what, &spec, rounds).await?;
    }
    Ok(())
}

/// The median of all rounds, with their range.
async fn measure(
    app: &Arc<App>,
    evaluators: &Arc<Evaluators>,
    what: &str,
    spec: &Value,
    rounds: usize,
) -> Result<()> {
    let version = version(app, spec).await?;
    let mut taken = Vec::with_capacity(rounds);
    for _ in 0..rounds {
        let claim = claimed(app, version).await?;
        let started = Instant::now();
        let ended = execute(work(app, &claim), evaluators).await?;
        taken.push(started.elapsed().as_secs_f64() * 1000.0);
        ensure!(matches!(ended, Ended::Succeeded { .. }), "{what}: {ended:?}");
    }
    taken.sort_by(f64::total_cmp);
    let (median, least, most) = (taken[rounds / 2], taken[0], taken[rounds - 1]);
    println!("| {what} | {median:.2} ({least:.2}–{most:.2}) | {:.3} |", median / STEPS as f64);
    Ok(())
}

async fn version(app: &App, spec: &Value) -> Result<(Uuid, Uuid)> {
    let id = Uuid::now_v7();
    let insert = sqlx::query_scalar(
        "insert into pipeline_versions (id, tenant_id, pipeline_id, version, status, dag_spec, approved_at)
         select $1, tenant_id, id, $1::text, 'APPROVED', $2, now() from pipelines order by id limit 1 returning tenant_id",
    );
    let insert = insert.bind(id).bind(spec);
    let tenant = app.call(async |conn| insert.fetch_optional(conn).await).await?;
    Ok((tenant.context("there is no pipeline")?, id))
}

async fn claimed(app: &App, (tenant, version): (Uuid, Uuid)) -> Result<Claim> {
    let request = json!({"tenant_id": tenant, "pipeline_version_id": version, "parameters": {"x": 1}});
    let request = serde_json::from_value(request)?;
    let created =
        app.call(async |conn| runs::create(conn, &ParamsCache::default(), &request, None).await).await?;
    let asked = [(Scope::Tenant(tenant), created.run.id)];
    let claims = app.call(async |conn| runs::claim_by_ids(conn, &asked, "bench", 300).await).await?;
    match claims.into_iter().next() {
        Some(claim) => Ok(claim),
        None => bail!("the run was not claimed"),
    }
}

fn work(app: &Arc<App>, claim: &Claim) -> Work<PgJournal> {
    let run = &claim.run.run;
    let journal =
        PgJournal::new(Arc::clone(app), Scope::Tenant(run.tenant_id), run.id, claim.run.lease_token);
    Work {
        run: RunContext::of(&claim.run),
        dag_spec: claim.pipeline_version.dag_spec.clone(),
        journal: Arc::new(journal),
        leave: CancellationToken::new(),
        ends_at: None,
        untouched: true,
        spill: None,
        reach: Arc::new(Reach::new(Secrets::of_environment(), runplane::aws::of_function)),
    }
}
