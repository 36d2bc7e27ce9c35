//! In which order a sweep comes to the schedules that are due, and how often.

use sqlx::AssertSqlSafe;

use super::*;

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn no_schedule_makes_up_for_more_than_a_hundred_runs_with_a_sweep_and_what_is_merely_late_comes_first(
    _pool: PgPoolOptions,
    options: PgConnectOptions,
) {
    app(options.clone(), FUNCTION).await;
    let app = App::new(FUNCTION, Db::new(options, Plans::Generic, Pooler::None), None);
    // More than a page of them, each with more than twice as many as it may have.
    schedules(&app, 103, "* * * * *").await;
    let behind = "update schedules set next_due_at = date_trunc('minute', now()) - interval '4 h' where missed_runs = 'all'";
    assert_eq!(execute(&app, sqlx::query(behind)).await, 103);
    for (name, minutes) in [("s7", 1), ("s103", 2)] {
        let late = AssertSqlSafe(format!(
            "update schedules set cron = '0 0 1 1 *', missed_runs = 'skip', next_due_at = date_trunc('minute', now()) - interval '{minutes} min'
             where name = '{name}'"
        ));
        assert_eq!(execute(&app, sqlx::query(late)).await, 1);
    }
    let did =
        swept(&app, Scope::All, Limits { until: Instant::now() + Duration::from_secs(300), ..limits() })
            .await;
    assert_eq!((did.scheduled, did.unfinished), (101 * 100 + 2, false));
    let made = async |conn: &mut sqlx::PgConnection| {
        sqlx::query_as::<_, (String, i64)>(
            "select s.name, count(*) from pipeline_runs r join schedules s on s.id = r.schedule_id
             group by s.name order by min(r.created_at)",
        )
        .fetch_all(conn)
        .await
    };
    let made = app.call(made).await.unwrap();
    let one = |name: &str| (name.to_owned(), 1);
    assert_eq!(made[..2], [one("s103"), one("s7")]);
    assert!(made[2..].iter().all(|(_, runs)| *runs == 100) && made.len() == 103, "{made:?}");
}
