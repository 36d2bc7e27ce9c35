use sqlx::postgres::Postgres;

use super::*;

fn dirs() -> Dirs {
    Dirs::new(std::path::Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap())
}

fn step_of(size: u64, pages: [f64; 2]) -> Step {
    let spread = |median| Spread { median, min: median - 1.0, max: median + 1.0 };
    let [one, other] = pages;
    Step { size, pages: vec![(What::ClaimOfAny, spread(one)), (What::ClaimOfTenant, spread(other))] }
}

#[test]
fn a_step_is_compared_with_the_first_one() {
    let [.., series] = all(true);
    let steps = [step_of(1, [20.0, 10.0]), step_of(1_000_000, [30.0, 25.0])];
    let table = report::table(&series, &steps);
    assert_eq!(
        table.lines().skip(2).collect::<Vec<_>>(),
        [
            "| 1 | 20 (19–21) | 1.00 | 10 (9–11) | 1.00 |",
            "| 1,000,000 | 30 (29–31) | 1.50 | 25 (24–26) | 2.50 |",
        ]
    );
    assert_eq!(
        report::aims(&series, &steps),
        "Aim: at most 2× what the smallest number of tenants reads: MISSED by claim of a tenant (2.50×)\n"
    );
    assert!(report::aims(&series, &steps[..1]).ends_with(": met\n"));
}

#[test]
fn every_step_is_as_large_as_the_one_before() {
    for series in all(false).into_iter().chain(all(true)) {
        for steps in series.steps.windows(2) {
            assert!((series.size)(steps[0]) < (series.size)(steps[1]), "{}", series.name);
            assert!(
                steps[0].queued <= steps[1].queued && steps[0].finished <= steps[1].finished,
                "{}",
                series.name
            );
        }
    }
}

#[test]
fn numbers_are_written_in_groups() {
    assert_eq!([0, 999, 1_000, 10_000_000].map(report::number), ["0", "999", "1,000", "10,000,000"]);
}

type Conn = sqlx::pool::PoolConnection<Postgres>;

/// Small, but real: what is bounded at these sizes by an index is bounded at larger ones.
async fn grown(conn: &mut PgConnection, series: &Series, sizes: &[Sizes]) -> Vec<Step> {
    let dirs = dirs();
    let migrations = sqlx::migrate::Migrator::new(dirs.root().join("migrations")).await.unwrap();
    migrations.run(&mut *conn).await.unwrap();
    seed::start(conn, sizes[0].tenants).await.unwrap();
    let mut from = Sizes { queued: 0, finished: 0, ..sizes[0] };
    let mut steps = Vec::new();
    for &to in sizes {
        steps.push(step(&dirs, conn, series, from, to, 5).await.unwrap());
        from = to;
    }
    steps
}

#[sqlx::test(migrations = false)]
async fn what_the_verbs_read_is_bounded_however_many_runs_wait_or_have_ended(mut conn: Conn) {
    let [series, ..] = all(true);
    let few = Sizes { queued: 300, finished: 0, tenants: 1 };
    // The last step is large enough for the indexes to be made anew.
    let many = [
        few,
        Sizes { queued: 3_000, finished: 3_000, ..few },
        Sizes { queued: 3_000, finished: 60_000, ..few },
    ];
    let steps = grown(&mut conn, &series, &many).await;
    let indexes = "select count(*) from pg_indexes where tablename = 'pipeline_runs' and indexname = 'pipeline_runs_queue'";
    assert_eq!(sqlx::query_scalar::<_, i64>(indexes).fetch_one(&mut *conn).await.unwrap(), 1);
    for step in &steps {
        for (what, pages) in &step.pages {
            // A page of a list looks up each of its runs by id.
            let most = if matches!(what, What::FirstPage | What::FarPage) { 600.0 } else { 100.0 };
            assert!(pages.max < most, "{}: {pages:?}\n{}", what.title(), report::table(&series, &steps));
        }
    }
}

#[sqlx::test(migrations = false)]
async fn a_claim_without_a_tenant_does_not_read_every_tenants_runs(mut conn: Conn) {
    let [.., series] = all(true);
    let sizes = [Sizes { queued: 30_000, finished: 0, tenants: 3_000 }];
    let steps = grown(&mut conn, &series, &sizes).await;
    assert!(steps[0].pages.iter().all(|(_, pages)| pages.max < 100.0), "{}", report::table(&series, &steps));
}
