//! What the end-to-end suite cannot see of a deployment: that a sweep comes that was armed, that an update is one in place, and that nothing stays
//! behind.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};
use sqlx::{Connection as _, PgConnection};

use super::aws::Aws;
use super::deployed::{self, Resource};
use crate::database;

/// A sweep comes 40 s after it was armed.
const SCHEDULED: Duration = Duration::from_secs(180);

/// A run of the demo tenant that SQS was never told of, as after an outage.
const FORGOTTEN: &str = "
    insert into pipeline_runs (id, root_run_id, tenant_id, pipeline_id, pipeline_version_id, dispatch, dispatch_due_at)
    select new.id, new.id, version.tenant_id, version.pipeline_id, version.id, 'push', now() - interval '1 min'
    from (select gen_random_uuid() as id) new, pipeline_versions version
    where version.id = 'b31dbeba-3a2e-4fa9-a084-72c75f9f18a3'
    returning pipeline_runs.id::text";

/// The demo tenant, and a version of it that is APPROVED.
pub const TENANT: &str = "580115b4-a291-4917-8dbd-247cfa13e2d6";
pub const VERSION: &str = "b31dbeba-3a2e-4fa9-a084-72c75f9f18a3";

/// The role of the functions, which the stack makes.
pub const ROLE: &str = "rehearsed_app";

/// Makes a table that a migration makes: the database cannot be migrated any more.
pub async fn put_in_the_way(database_url: &str) -> Result<()> {
    run(database_url, "create table audit_log (in_the_way int)").await
}

/// Removes it. The migrations before that one stay.
pub async fn take_out_of_the_way(database_url: &str) -> Result<()> {
    run(database_url, "drop table audit_log").await
}

async fn run(database_url: &str, statement: &'static str) -> Result<()> {
    let mut connection = database::connect(database_url).await?;
    sqlx::raw_sql(statement).execute(&mut connection).await?;
    Ok(connection.close().await?)
}

/// Such a deployment fails, and whoever deploys is told which migration, and what Postgres has said.
pub fn says_why(deployed: Result<()>) -> Result<()> {
    let Err(error) = deployed else { bail!("a stack was deployed whose database could not be migrated") };
    let said = format!("{error:#}");
    for part in ["Migrations: ", "20261124000008_auth", r#"relation "audit_log" already exists"#] {
        ensure!(said.contains(part), "the deployment has failed, and does not say {part:?}: {said}");
    }
    ensure!(!said.contains("rehearsed%2Fword") && !said.contains("rehearsed/word"), "it says a password");
    Ok(())
}

/// What the database has of the password of the functions' role.
pub async fn password(database_url: &str) -> Result<String> {
    let mut connection = database::connect(database_url).await?;
    let stored = sqlx::query_scalar("select rolpassword from pg_authid where rolname = $1").bind(ROLE);
    Ok(stored.fetch_one(&mut connection).await?)
}

/// A run that SQS was not told of, in the database at `database_url`; its id.
pub async fn forgotten_run(database_url: &str) -> Result<String> {
    let mut connection = database::connect(database_url).await?;
    Ok(sqlx::query_scalar(FORGOTTEN).fetch_one(&mut connection).await?)
}

/// Waits until a forgotten run has succeeded: the schedule has invoked the sweep, the sweep has told SQS, and SQS has woken the worker.
pub async fn succeeds(database_url: &str, run_id: &str) -> Result<()> {
    let mut connection = database::connect(database_url).await?;
    let since = Instant::now();
    loop {
        let status = status(&mut connection, run_id).await?;
        if status == "SUCCEEDED" {
            return Ok(connection.close().await?);
        }
        if since.elapsed() > SCHEDULED {
            bail!(
                "within {} s nobody has swept: a run that SQS was not told of is still {status}",
                SCHEDULED.as_secs()
            );
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}

/// Fails unless there are `runs` runs in the queues whose names begin with `queues`, and each has succeeded, claimed once.
pub async fn all_succeeded(database_url: &str, queues: &str, runs: u64) -> Result<()> {
    let mut connection = database::connect(database_url).await?;
    let (all, well): (i64, i64) = sqlx::query_as(
        "select count(*), count(*) filter (where status = 'SUCCEEDED' and claim_count = 1 and lost = 0)
         from pipeline_runs where starts_with(queue, $1)",
    )
    .bind(queues)
    .fetch_one(&mut connection)
    .await?;
    let (all, well) = (all.unsigned_abs(), well.unsigned_abs());
    ensure!(
        all == runs && well == runs,
        "of {runs} runs there are {all}, and {well} have ended as they should"
    );
    Ok(connection.close().await?)
}

async fn status(connection: &mut PgConnection, run_id: &str) -> Result<String> {
    let status = sqlx::query_scalar("select status from pipeline_runs where id = $1::uuid").bind(run_id);
    Ok(status.fetch_one(connection).await?)
}

/// Compares a stack before and after an update. Fails when it does not have the same resources, each as the one that it was.
pub fn none_replaced(before: &BTreeMap<String, Resource>, after: &BTreeMap<String, Resource>) -> Result<()> {
    for (name, resource) in before {
        let now = after.get(name).with_context(|| format!("the update has removed {name}"))?;
        ensure!(now.physical_id == resource.physical_id, "the update has replaced {name}");
    }
    ensure!(before.len() == after.len(), "the update has added resources");
    Ok(())
}

/// The API answers a claim for a tenant that does not exist, as it should: with none.
pub async fn claims(base_url: &str, key: &str) -> Result<()> {
    let client = reqwest::Client::builder().no_proxy().build()?;
    let claim = serde_json::json!({ "worker_id": "rehearsal", "tenant_id": uuid::Uuid::nil() });
    let answer = client.post(format!("{base_url}/api/runs/claim")).bearer_auth(key).json(&claim);
    let answer = answer.send().await?;
    let (status, text) = (answer.status(), answer.text().await?);
    ensure!(status == 200 && text.contains("\"claimed\":false"), "a claim is answered with {status}: {text}");
    Ok(())
}

/// A change after which something may be due has the sweep come.
pub async fn arms(base_url: &str, key: &str) -> Result<()> {
    let client = reqwest::Client::builder().no_proxy().build()?;
    let change = client.patch(format!("{base_url}/api/tenants/{TENANT}")).bearer_auth(key);
    let answer = change.json(&json!({ "paused": false })).send().await?;
    let (status, text) = (answer.status(), answer.text().await?);
    ensure!(status == 200, "a change of a tenant is answered with {status}: {text}");
    Ok(())
}

/// The API answers by itself, with a 404 of its own, for a path without a route: no function is asked.
pub async fn unknown_path(base_url: &str) -> Result<()> {
    let (status, text) = get(&format!("{base_url}/api/nothing")).await?;
    ensure!(
        status == 404 && text == r#"{"message":"Not Found"}"#,
        "a path without a route is answered with {status}: {text}"
    );
    Ok(())
}

/// Functions answer with 401 whoever has no key, and nothing else does: a gateway that asked for something of its own would take the header of theirs.
pub async fn refuses_strangers(base_url: &str) -> Result<()> {
    let (status, text) = get(&format!("{base_url}/api/runs")).await?;
    let ours = text.contains(r#""code":"unauthenticated""#);
    ensure!(status == 401 && ours, "a request without a key is answered with {status}: {text}");
    Ok(())
}

async fn get(url: &str) -> Result<(reqwest::StatusCode, String)> {
    let answer = reqwest::Client::builder().no_proxy().build()?.get(url).send().await?;
    Ok((answer.status(), answer.text().await?))
}

/// The stack has one schedule of this function (`sweep` or `deliver`), in this state (`ENABLED` or `DISABLED`).
pub async fn schedule_is(aws: &Aws, function: &str, state: &str) -> Result<()> {
    let found = aws.json(&["scheduler", "list-schedules"]).await?;
    let of = format!(":function:{}-{function}", deployed::STACK);
    let starts_it = |one: &&Value| one["Target"]["Arn"].as_str().is_some_and(|arn| arn.ends_with(&of));
    let all = found["Schedules"].as_array().into_iter().flatten();
    let states: Vec<_> = all.filter(starts_it).map(|one| &one["State"]).collect();
    ensure!(states == [state], "the schedules of {function} are {states:?}, and not one that is {state}");
    Ok(())
}

/// Every alarm tells the topic and is about something of this stack, and the dashboard is one that CloudWatch can read.
pub async fn watched(aws: &Aws) -> Result<()> {
    let found = aws.json(&["cloudwatch", "describe-alarms"]).await?;
    let alarms = found["MetricAlarms"].as_array().map(Vec::as_slice).unwrap_or_default();
    ensure!(alarms.len() == 13, "the stack has {} alarms", alarms.len());
    for alarm in alarms {
        ensure!(alarm["AlarmActions"] == json!([deployed::TOPIC]), "an alarm that nobody hears: {alarm}");
        let of = alarm["Dimensions"].as_array().into_iter().flatten();
        let known = of.map(|one| one["Value"].as_str().unwrap_or_default());
        let unknown = known.filter(|value| value.is_empty() || value.contains("${")).count();
        ensure!(unknown == 0, "an alarm about nothing: {alarm}");
    }
    let shown = ["cloudwatch", "get-dashboard", "--dashboard-name", deployed::STACK];
    let shown = aws.json(&shown).await?;
    let body = shown["DashboardBody"].as_str().unwrap_or_default();
    let body: Value = serde_json::from_str(body).context("the dashboard is no JSON")?;
    ensure!(body["widgets"].as_array().is_some_and(|widgets| !widgets.is_empty()), "an empty dashboard");
    ensure!(!body.to_string().contains("${"), "the dashboard names nothing of this stack: {body}");
    Ok(())
}

/// Every function is traced, or none is.
pub async fn traced(aws: &Aws, resources: &BTreeMap<String, Resource>, is: bool) -> Result<()> {
    let mode = if is { "Active" } else { "PassThrough" };
    for (name, function) in deployed::functions(aws, resources).await? {
        ensure!(function["TracingConfig"]["Mode"] == mode, "{name}: {}", function["TracingConfig"]);
    }
    Ok(())
}

/// What a deleted stack must not leave behind: how to list it, and where the list is.
const KINDS: [(&[&str], &str); 10] = [
    (&["lambda", "list-functions"], "Functions"),
    (&["lambda", "list-event-source-mappings"], "EventSourceMappings"),
    (&["sqs", "list-queues"], "QueueUrls"),
    (&["scheduler", "list-schedules"], "Schedules"),
    (&["iam", "list-roles"], "Roles"),
    (&["logs", "describe-log-groups"], "logGroups"),
    (&["apigatewayv2", "get-apis"], "Items"),
    (&["secretsmanager", "list-secrets"], "SecretList"),
    (&["cloudwatch", "describe-alarms"], "MetricAlarms"),
    (&["cloudwatch", "list-dashboards"], "DashboardEntries"),
];

/// Deletes the stack. Fails when anything of it is still there, or was not there before.
pub async fn delete(aws: &Aws) -> Result<()> {
    for (list, field) in KINDS {
        ensure!(count(aws, list, field).await? > 0, "the stack has no {field}");
    }
    deployed::delete(aws).await?;
    for (list, field) in KINDS {
        let left = count(aws, list, field).await?;
        ensure!(left == 0, "the deleted stack has left {left} {field} behind");
    }
    Ok(())
}

async fn count(aws: &Aws, list: &[&str], field: &str) -> Result<usize> {
    let found = aws.json(list).await?;
    let items = found[field].as_array().map(Vec::as_slice).unwrap_or_default();
    Ok(items.iter().filter(|item| ours(item)).count())
}

/// All of a stack's resources carry its name; an account has others of its own.
fn ours(item: &Value) -> bool {
    item.to_string().contains(deployed::STACK)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stack(ids: &[(&str, &str)]) -> BTreeMap<String, Resource> {
        let resource = |id: &str| Resource { kind: "AWS::SQS::Queue".to_owned(), physical_id: id.to_owned() };
        ids.iter().map(|(name, id)| (name.to_string(), resource(id))).collect()
    }

    #[test]
    fn an_update_that_replaces_removes_or_adds_is_none_in_place() {
        let before = stack(&[("Queue", "1"), ("Api", "2")]);
        let judge =
            |after: &[(&str, &str)]| none_replaced(&before, &stack(after)).map_err(|error| error.to_string());
        assert_eq!(judge(&[("Queue", "1"), ("Api", "2")]), Ok(()));
        assert_eq!(judge(&[("Queue", "3"), ("Api", "2")]).unwrap_err(), "the update has replaced Queue");
        assert_eq!(judge(&[("Api", "2")]).unwrap_err(), "the update has removed Queue");
        let more = judge(&[("Queue", "1"), ("Api", "2"), ("More", "3")]);
        assert_eq!(more.unwrap_err(), "the update has added resources");
    }
}
