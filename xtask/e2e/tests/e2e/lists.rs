//! `GET /api/runs`: filters, order, pages.

use chrono::{DateTime, SecondsFormat, Utc};
use e2e::{Answer, Stack, State, Tenant, id_of};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::shapes::assert_run;

/// An empty page.
const NONE: [Uuid; 0] = [];

/// Lists the tenant's runs with more query parameters.
async fn list(stack: &Stack, tenant: &Tenant, more: &[(&str, &str)]) -> Answer {
    let tenant_id = tenant.id.to_string();
    let query: Vec<_> = [("tenant_id", &*tenant_id)].into_iter().chain(more.iter().copied()).collect();
    stack.get_with("/api/runs", &query).await
}

/// The ids of a page, in its order.
#[track_caller]
fn ids(answer: &Answer) -> Vec<Uuid> {
    let items = answer.expect(200)["items"].as_array().unwrap_or_else(|| panic!("no items\n{answer}"));
    assert_eq!(answer.body["count"], items.len(), "`count` is what this page holds\n{answer}");
    items.iter().map(id_of).collect()
}

/// Runs of a tenant, one a minute, the newest first as a list has them.
async fn minutes_apart(stack: &Stack, tenant: &Tenant, count: usize) -> Vec<Uuid> {
    let mut runs = Vec::new();
    for _ in 0..count {
        runs.push(stack.created(tenant, json!({})).await);
    }
    runs.reverse();
    sqlx::query(
        "update pipeline_runs set created_at = date_trunc('minute', now()) - make_interval(mins => place::int)
         from unnest($2::uuid[]) with ordinality as newest_first (run_id, place) where tenant_id = $1 and id = run_id",
    )
    .bind(tenant.id)
    .bind(&runs)
    .execute(&stack.db)
    .await
    .expect("an update");
    runs
}

#[tokio::test]
async fn runs_are_listed_newest_first_with_all_their_fields() {
    let stack = Stack::connect().await;
    let tenant = stack.tenant().await;
    let runs = minutes_apart(&stack, &tenant, 3).await;
    let answer = list(&stack, &tenant, &[]).await;
    assert_eq!(ids(&answer), runs);
    answer.body["items"].as_array().expect("items").iter().for_each(assert_run);
    let page = json!([answer.body["limit"], answer.body["offset"], answer.body["next_cursor"]]);
    assert_eq!(page, json!([20, 0, null]), "{answer}");
}

#[tokio::test]
async fn runs_of_the_same_moment_keep_one_order() {
    let stack = Stack::connect().await;
    let tenant = stack.tenant().await;
    stack.queued_runs(&tenant, 30).await;
    let whole = ids(&list(&stack, &tenant, &[("limit", "100")]).await);
    assert_eq!(whole.len(), 30);
    let mut pages = Vec::new();
    for offset in ["0", "10", "20"] {
        pages.extend(ids(&list(&stack, &tenant, &[("limit", "10"), ("offset", offset)]).await));
    }
    assert_eq!(pages, whole);
}

#[tokio::test]
async fn a_list_can_be_narrowed_to_statuses() {
    let stack = Stack::connect().await;
    let tenant = stack.tenant().await;
    let queued = stack.created(&tenant, json!({})).await;
    let running = stack.run_in(&tenant, State::Alive, false).await.id;
    let succeeded = stack.run_in(&tenant, State::Succeeded, false).await.id;
    let failed = stack.run_in(&tenant, State::Failed, false).await.id;
    let cancelled = stack.run_in(&tenant, State::Cancelled, false).await.id;
    let each = [
        ("QUEUED", queued),
        ("RUNNING", running),
        ("SUCCEEDED", succeeded),
        ("FAILED", failed),
        ("CANCELLED", cancelled),
    ];
    for (status, id) in each {
        assert_eq!(ids(&list(&stack, &tenant, &[("status", status)]).await), [id], "{status}");
    }
    let several =
        list(&stack, &tenant, &[("status", "FAILED"), ("status", "CANCELLED"), ("status", "FAILED")]).await;
    assert_same(ids(&several), [failed, cancelled]);
    let all = list(&stack, &tenant, &each.map(|(status, _)| ("status", status))).await;
    assert_same(ids(&all), each.map(|(_, id)| id));
}

#[tokio::test]
async fn a_list_can_be_narrowed_to_a_queue_a_pipeline_and_a_version() {
    let stack = Stack::connect().await;
    let tenant = stack.tenant().await;
    let pipeline = stack.pipeline(tenant.id, None).await;
    let version = stack.version(tenant.id, pipeline, "APPROVED", json!({})).await;
    let sibling = stack.version(tenant.id, pipeline, "APPROVED", json!({})).await;
    stack.created(&tenant, json!({})).await;
    let one = stack.created(&tenant, json!({ "pipeline_version_id": version, "queue": "ü & co" })).await;
    let two = stack.created(&tenant, json!({ "pipeline_version_id": sibling })).await;

    assert_eq!(ids(&list(&stack, &tenant, &[("queue", "ü & co")]).await), [one]);
    assert_eq!(ids(&list(&stack, &tenant, &[("pipeline_version_id", &version.to_string())]).await), [one]);
    assert_same(ids(&list(&stack, &tenant, &[("pipeline_id", &pipeline.to_string())]).await), [one, two]);
    let together = [("pipeline_id", &*pipeline.to_string()), ("queue", "default"), ("status", "QUEUED")];
    assert_eq!(ids(&list(&stack, &tenant, &together).await), [two]);
    // Without a tenant too.
    let anyones = stack.get_with("/api/runs", &[("pipeline_version_id", &version.to_string())]).await;
    assert_eq!(ids(&anyones), [one]);
}

#[tokio::test]
async fn a_list_can_be_narrowed_to_labels() {
    let stack = Stack::connect().await;
    let tenant = stack.tenant().await;
    let labels = json!({ "team": "data", "env": "prod", "a.b": "x=y & z" });
    let one = stack.created(&tenant, json!({ "labels": labels })).await;
    let two = stack.created(&tenant, json!({ "labels": { "team": "data", "env": "test" } })).await;
    stack.created(&tenant, json!({ "labels": { "team": "web" } })).await;
    stack.created(&tenant, json!({})).await;

    assert_same(ids(&list(&stack, &tenant, &[("label.team", "data")]).await), [one, two]);
    assert_eq!(ids(&list(&stack, &tenant, &[("label.team", "data"), ("label.env", "test")]).await), [two]);
    assert_eq!(ids(&list(&stack, &tenant, &[("label.a.b", "x=y & z")]).await), [one]);
    assert_eq!(ids(&list(&stack, &tenant, &[("label.team", "dat")]).await), NONE);
    assert_eq!(ids(&list(&stack, &tenant, &[("label.nobody", "data")]).await), NONE);
}

#[tokio::test]
async fn a_list_can_be_narrowed_to_a_time() {
    let stack = Stack::connect().await;
    let tenant = stack.tenant().await;
    let runs = minutes_apart(&stack, &tenant, 4).await;
    // Half a minute before the second newest and before the oldest.
    let between: Vec<String> = sqlx::query_scalar(
        "select to_char((created_at - interval '30 s') at time zone 'utc', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"')
         from pipeline_runs where id in ($1, $2) order by created_at desc",
    )
    .bind(runs[1])
    .bind(runs[3])
    .fetch_all(&stack.db)
    .await
    .expect("two times");
    let (late, early) = (&*between[0], &*between[1]);
    assert_eq!(ids(&list(&stack, &tenant, &[("created_after", late)]).await), runs[..2]);
    assert_eq!(ids(&list(&stack, &tenant, &[("created_before", late)]).await), runs[2..]);
    assert_eq!(
        ids(&list(&stack, &tenant, &[("created_after", early), ("created_before", late)]).await),
        runs[2..]
    );
    assert_eq!(
        ids(&list(&stack, &tenant, &[("created_after", late), ("created_before", early)]).await),
        NONE
    );
    let offset = late.replace('Z', "+00:00");
    assert_eq!(
        ids(&list(&stack, &tenant, &[("created_after", &offset)]).await),
        runs[..2],
        "any RFC 3339 offset"
    );
}

#[tokio::test]
async fn limit_and_offset_cut_pages() {
    let stack = Stack::connect().await;
    let tenant = stack.tenant().await;
    let runs = minutes_apart(&stack, &tenant, 5).await;
    let answer = list(&stack, &tenant, &[("limit", "2"), ("offset", "1")]).await;
    assert_eq!(ids(&answer), runs[1..3]);
    assert_eq!((&answer.body["limit"], &answer.body["offset"]), (&json!(2), &json!(1)), "{answer}");
    assert_eq!(ids(&list(&stack, &tenant, &[("limit", "2"), ("offset", "4")]).await), runs[4..]);
    for beyond in ["5", "10000"] {
        let answer = list(&stack, &tenant, &[("offset", beyond)]).await;
        assert_eq!(ids(&answer), NONE);
        assert_eq!(answer.body["next_cursor"], Value::Null, "{answer}");
    }
    assert_eq!(ids(&list(&stack, &tenant, &[("limit", "100")]).await), runs);
}

#[tokio::test]
async fn twenty_runs_are_a_page() {
    let stack = Stack::connect().await;
    let tenant = stack.tenant().await;
    stack.queued_runs(&tenant, 21).await;
    let answer = list(&stack, &tenant, &[]).await;
    assert_eq!(ids(&answer).len(), 20);
    let cursor = answer.body["next_cursor"].as_str().unwrap_or_else(|| panic!("one run is left\n{answer}"));
    let rest = list(&stack, &tenant, &[("cursor", cursor)]).await;
    assert_eq!(ids(&rest).len(), 1);
    assert_eq!(rest.body["next_cursor"], Value::Null, "{rest}");
}

#[tokio::test]
async fn a_cursor_walks_all_runs_once_while_new_ones_arrive() {
    let stack = Stack::connect().await;
    let tenant = stack.tenant().await;
    minutes_apart(&stack, &tenant, 7).await;
    // Several of one moment, so that a page ends in the middle of them.
    stack.queued_runs(&tenant, 6).await;
    let runs = ids(&list(&stack, &tenant, &[("limit", "100")]).await);
    let (mut walked, mut cursor) = (Vec::new(), None::<String>);
    for page in 0..10 {
        let mut query = vec![("limit", "2"), ("status", "QUEUED")];
        query.extend(cursor.as_deref().map(|cursor| ("cursor", cursor)));
        let answer = list(&stack, &tenant, &query).await;
        walked.extend(ids(&answer));
        cursor = answer.body["next_cursor"].as_str().map(str::to_owned);
        if cursor.is_none() {
            break;
        }
        assert!(page < 9, "the walk does not end");
        stack.created(&tenant, json!({ "priority": 9 })).await;
    }
    assert_eq!(walked, runs);
}

#[tokio::test]
async fn a_page_that_follows_an_offset_can_be_walked_on() {
    let stack = Stack::connect().await;
    let tenant = stack.tenant().await;
    let runs = minutes_apart(&stack, &tenant, 4).await;
    let answer = list(&stack, &tenant, &[("limit", "2"), ("offset", "1")]).await;
    let cursor =
        answer.expect(200)["next_cursor"].as_str().unwrap_or_else(|| panic!("a run is left\n{answer}"));
    assert_eq!(ids(&list(&stack, &tenant, &[("cursor", cursor)]).await), runs[3..]);
}

#[tokio::test]
async fn a_cursor_opens_no_other_tenants_list() {
    let stack = Stack::connect().await;
    let (owner, stranger) = (stack.tenant().await, stack.tenant().await);
    minutes_apart(&stack, &owner, 4).await;
    let answer = list(&stack, &owner, &[("limit", "2")]).await;
    let cursor =
        answer.expect(200)["next_cursor"].as_str().unwrap_or_else(|| panic!("runs are left\n{answer}"));
    let answer = list(&stack, &stranger, &[("cursor", cursor)]).await;
    match answer.status {
        200 => assert_eq!(ids(&answer), NONE),
        _ => drop(answer.expect_problem(400, "invalid_cursor")),
    }
}

#[tokio::test]
async fn a_tenant_that_does_not_exist_has_no_runs() {
    let stack = Stack::connect().await;
    let tenant = stack.tenant().await;
    assert_eq!(ids(&list(&stack, &tenant, &[]).await), NONE);
    let nobody = Tenant { id: Uuid::now_v7(), ..tenant };
    assert_eq!(ids(&list(&stack, &nobody, &[]).await), NONE);
}

#[tokio::test]
async fn without_a_tenant_everybodys_runs_are_listed() {
    let stack = Stack::connect().await;
    let (one, other) = (stack.tenant().await, stack.tenant().await);
    let runs = [stack.created(&one, json!({})).await, stack.created(&other, json!({})).await];
    // A moment of the nineties that no other test shares: the list of today is as busy as the stack.
    let (from, to): (DateTime<Utc>, DateTime<Utc>) = sqlx::query_as(
        "with moment as (select timestamptz '1990-01-01' + random() * interval '10 years' as at),
              moved as (update pipeline_runs r set created_at = at + place * interval '1 ms'
                        from moment, unnest($1::uuid[]) with ordinality as runs (run_id, place) where r.id = run_id)
         select at, at + interval '3 ms' from moment",
    )
    .bind(runs)
    .fetch_one(&stack.db)
    .await
    .expect("an update");
    let [from, to] = [from, to].map(|time| time.to_rfc3339_opts(SecondsFormat::Micros, true));
    let answer = stack.get_with("/api/runs", &[("created_after", &from), ("created_before", &to)]).await;
    assert_eq!(ids(&answer), [runs[1], runs[0]], "newest first");
}

/// Asserts that two lists hold the same runs, in whatever order.
#[track_caller]
fn assert_same<const N: usize>(mut listed: Vec<Uuid>, mut expected: [Uuid; N]) {
    listed.sort_unstable();
    expected.sort_unstable();
    assert_eq!(listed, expected);
}
