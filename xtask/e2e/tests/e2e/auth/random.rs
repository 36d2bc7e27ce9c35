//! Random calls by three tenants: none sees anything of another.

use e2e::Stack;
use proptest::prelude::{Strategy, any};
use proptest::strategy::ValueTree as _;
use proptest::test_runner::{Config, RngSeed, TestRunner};
use serde_json::json;
use uuid::Uuid;

use super::endpoints::{Endpoint, all};
use super::things::Things;

/// How many calls are made where the environment does not say.
const CALLS: u32 = 500;
/// Whose an id may be: one of three tenants', or nobody's.
const OWNERS: usize = 4;

/// A call: by whose key, at which endpoint, and whose each of the things is that it names.
#[derive(Clone, Copy, Debug)]
struct Call {
    caller: usize,
    endpoint: usize,
    owners: [usize; 11],
}

fn calls(endpoints: usize) -> impl Strategy<Value = Call> {
    // Half of all ids are the caller's own: with one that is not, most calls end early.
    let owner = any::<(bool, usize)>();
    let owners = proptest::array::uniform11(owner);
    (0..OWNERS - 1, 0..endpoints, owners).prop_map(|(caller, endpoint, owners)| Call {
        caller,
        endpoint,
        owners: owners.map(|(own, other)| if own { caller } else { other % OWNERS }),
    })
}

/// One tenant's or another's, each.
fn mixed(owners: [usize; 11], all: &[Things; OWNERS]) -> Things {
    let [tenant, pipeline, version, draft, queued, running, token, connection, schedule, webhook, key] =
        owners.map(|owner| &all[owner]);
    let mut mixed = all[owners[0]].clone();
    mixed.tenant.id = tenant.tenant.id;
    mixed.tenant.pipeline_id = pipeline.tenant.pipeline_id;
    mixed.tenant.version_id = version.tenant.version_id;
    (mixed.draft, mixed.queued, mixed.failed) = (draft.draft, queued.queued, queued.failed);
    (mixed.running, mixed.token) = (running.running, token.token);
    (mixed.connection, mixed.schedule) = (connection.connection, schedule.schedule);
    (mixed.webhook, mixed.key) = (webhook.webhook, key.key);
    mixed
}

/// What tells of a tenant: ids of what it has, and what only it would write.
fn marks(things: &Things, secret: &str) -> Vec<String> {
    let Things { tenant, draft, queued, running, token, failed, connection, schedule, webhook, key } = things;
    let ids = [tenant.id, tenant.pipeline_id, tenant.version_id, *draft, *queued, *running, *token, *failed];
    let ids = ids.into_iter().chain([*connection, *schedule, *webhook, *key]);
    ids.map(|id| id.to_string()).chain([secret.to_owned()]).collect()
}

#[tokio::test]
async fn no_answer_has_anything_of_another_tenant() {
    let stack = Stack::connect().await;
    let wanted = std::env::var("RUNPLANE_RANDOM_CALLS").ok().and_then(|calls| calls.parse().ok());
    let endpoints: Vec<Endpoint> = all();
    let mut everybodys = Vec::new();
    let (mut callers, mut secrets) = (Vec::new(), Vec::new());
    for _ in 0..OWNERS - 1 {
        let things = Things::of_a_tenant(&stack).await;
        // What it has said, wherever something can be said.
        let secret = format!("only-{}", Uuid::new_v4().simple());
        let rename = json!({ "name": secret });
        stack.patch(&format!("/api/tenants/{}", things.tenant.id), &rename).await.expect(200);
        stack.patch(&format!("/api/pipelines/{}", things.tenant.pipeline_id), &rename).await.expect(200);
        let run = json!({ "labels": { "a": secret }, "parameters": { "b": secret }, "queue": secret });
        stack.created(&things.tenant, run).await;
        let logs = format!("/api/runs/{}/logs", things.running);
        stack.post(&logs, &json!({ "level": "INFO", "message": secret, "source": "e2e" })).await.expect(201);
        let artifact = json!({ "artifact_type": "e2e", "payload": { "c": secret } });
        stack.post(&format!("/api/runs/{}/artifacts", things.running), &artifact).await.expect(201);
        let roles = ["viewer", "submitter", "worker", "approver", "admin"];
        callers.push(stack.with(Some(&stack.key(Some(things.tenant.id), &roles).await)));
        everybodys.push(things);
        secrets.push(secret);
    }
    everybodys.push(Things::that_are_not());
    let everybodys: [Things; OWNERS] = everybodys.try_into().expect("four");
    let marks: Vec<_> =
        secrets.iter().enumerate().map(|(owner, secret)| marks(&everybodys[owner], secret)).collect();

    let mut runner = TestRunner::new(Config { rng_seed: RngSeed::Random, ..Config::default() });
    let strategy = calls(endpoints.len());
    let mut done = [0_u32; 3];
    for _ in 0..wanted.unwrap_or(CALLS) {
        let call = strategy.new_tree(&mut runner).expect("a call").current();
        let endpoint = &endpoints[call.endpoint];
        let (status, answer) = endpoint.ask(&callers[call.caller], &mixed(call.owners, &everybodys)).await;
        let kind = match status {
            200..300 => 0,
            404 | 409 => 1,
            _ => 2,
        };
        done[kind] += 1;
        assert!(answer.status < 500, "{call:?}\n{answer}");
        for (owner, marks) in marks.iter().enumerate().filter(|(owner, _)| *owner != call.caller) {
            let told = marks.iter().find(|mark| answer.text.contains(mark.as_str()));
            assert_eq!(told, None, "tenant {} is told of tenant {owner}\n{call:?}\n{answer}", call.caller);
        }
    }
    // Calls that all end at the door would prove nothing.
    assert!(done[0] > 0 && done[1] > 0, "{done:?}");
    for (things, secret) in everybodys.iter().zip(&secrets) {
        let kept = stack.get(&format!("/api/tenants/{}", things.tenant.id)).await;
        assert_eq!(kept.expect(200)["name"], *secret);
    }
}
