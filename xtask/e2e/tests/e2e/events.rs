//! Events, from the request that changes a run to a receiver that checks their signature. Webhooks are the demo tenant's, whose secret the stack knows; each
//! test has a pipeline and a queue of its own there.

use std::collections::BTreeMap;

use e2e::{Receiver, Stack, Tenant, Told, eventually, id_of};
use serde_json::{Value, json};
use uuid::Uuid;

/// The demo tenant.
const TENANT: Uuid = uuid::uuid!("580115b4-a291-4917-8dbd-247cfa13e2d6");

/// A webhook that is told of the runs of a pipeline, and whoever works on them.
struct Hook {
    stack: Stack,
    tenant: Tenant,
    queue: String,
    id: Uuid,
}

impl Hook {
    /// Made over the API, with this URL.
    async fn at(url: &str) -> Self {
        let stack = Stack::connect().await;
        let queue = format!("events-{}", Uuid::now_v7());
        let pipeline_id = stack.pipeline(TENANT, Some(&queue)).await;
        let version_id = stack.version(TENANT, pipeline_id, "APPROVED", json!({})).await;
        let webhook = json!({
            "tenant_id": TENANT, "name": queue, "url": url, "secret_ref": "e2e_hooks", "pipeline_id": pipeline_id,
        });
        let id = id_of(stack.post("/api/webhooks", &webhook).await.expect(201));
        Self { tenant: Tenant { id: TENANT, pipeline_id, version_id }, stack, queue, id }
    }

    /// The same, opened to a receiver on this machine.
    async fn to(receiver: &Receiver) -> Self {
        let hook = Self::at("https://hooks.example.com/runplane").await;
        hook.open_to(receiver).await;
        hook
    }

    /// As an operator has to: there is no other way to private addresses, and to http.
    async fn open_to(&self, receiver: &Receiver) {
        let open = sqlx::query("update listeners set url = $2, allow_private_addresses = true where id = $1");
        let open = open.bind(self.id).bind(format!("http://{}/hook", receiver.address()));
        open.execute(&self.stack.db).await.expect("an update");
    }

    async fn created(&self, more: Value) -> Uuid {
        self.stack.created(&self.tenant, more).await
    }

    /// Claims the run and completes it with this outcome.
    async fn worked(&self, run: Uuid, mut outcome: Value) {
        let claimed = self.claimed(run).await;
        outcome["lease_token"] = claimed["run"]["lease_token"].clone();
        self.stack.complete(run, outcome).await.expect(200);
    }

    async fn claimed(&self, run: Uuid) -> Value {
        let claimed = self.stack.claimed(&self.tenant, json!({ "queues": [self.queue] })).await;
        assert_eq!(claimed["run"]["id"], json!(run));
        claimed
    }

    async fn cancelled(&self, run: Uuid) {
        self.stack.post(&format!("/api/runs/{run}/cancel"), &json!({})).await.expect(200);
    }

    /// The webhook as the API shows it.
    async fn shown(&self) -> Value {
        self.stack.get(&format!("/api/webhooks/{}", self.id)).await.expect(200).clone()
    }

    /// Delivers until so many requests have come in all; what they brought.
    async fn told(&self, receiver: &Receiver, count: usize) -> Vec<Told> {
        eventually(&format!("the receiver is told {count} times"), async || {
            self.stack.deliver().await;
            let told = receiver.told();
            (told.len() >= count).then_some(told)
        })
        .await
    }

    /// Delivers, and lets so much time pass in between that everything is due again, until the webhook is shown like this.
    async fn delivers_until(&self, what: &str, is_so: impl Fn(&Value) -> bool) -> Value {
        eventually(what, async || {
            for due in [
                "update deliveries set due_at = now() where listener_id = $1 and due_at > now()",
                "update listener_health set rests_until = now() where listener_id = $1 and rests_until > now()",
            ] {
                sqlx::query(due).bind(self.id).execute(&self.stack.db).await.expect("an update");
            }
            self.stack.deliver().await;
            Some(self.shown().await).filter(&is_so)
        })
        .await
    }
}

/// Type and reason of an event.
fn said(told: &Told) -> (&str, &str) {
    let (kind, reason) = (&told.event["type"], &told.event["data"]["reason"]);
    (kind.as_str().unwrap_or_default(), reason.as_str().unwrap_or_default())
}

#[tokio::test]
async fn a_webhook_is_told_of_each_state_of_a_run_in_order_signed() {
    let receiver = Receiver::start();
    let hook = Hook::to(&receiver).await;
    let first = hook.created(json!({ "max_attempts": 2, "labels": { "team": "blue" } })).await;
    assert_eq!(hook.told(&receiver, 1).await.len(), 1);
    hook.worked(first, json!({ "status": "FAILED", "error_code": "no_rates" })).await;
    hook.stack.due_in(first, -1.0).await;
    hook.worked(first, json!({ "status": "FAILED", "error_code": "no_rates" })).await;
    assert_eq!(hook.told(&receiver, 5).await.len(), 5);
    let retried = hook.stack.post(&format!("/api/runs/{first}/retry"), &json!({})).await;
    let second = id_of(retried.expect(201));
    hook.worked(second, json!({ "status": "SUCCEEDED" })).await;
    let third = hook.created(json!({})).await;
    let token = hook.claimed(third).await["run"]["lease_token"].clone();
    let release = json!({ "lease_token": token });
    hook.stack.post(&format!("/api/runs/{third}/release"), &release).await.expect(200);
    hook.cancelled(third).await;

    let told = hook.told(&receiver, 12).await;
    // 401: the signature is wrong.
    assert!(told.iter().all(|told| told.status == 204 && told.event["id"] == json!(told.id)), "{told:?}");
    let of = |run: Uuid| told.iter().filter(move |told| told.event["data"]["run_id"] == json!(run));
    let lives = [
        (
            first,
            vec![
                ("run.queued", "created"),
                ("run.running", "claimed"),
                ("run.queued", "attempt_failed"),
                ("run.running", "claimed"),
                ("run.failed", ""),
            ],
        ),
        (second, vec![("run.queued", "retried"), ("run.running", "claimed"), ("run.succeeded", "")]),
        (
            third,
            vec![
                ("run.queued", "created"),
                ("run.running", "claimed"),
                ("run.queued", "handed_back"),
                ("run.cancelled", ""),
            ],
        ),
    ];
    for (run, life) in lives {
        assert_eq!(of(run).map(said).collect::<Vec<_>>(), life);
        assert!(of(run).map(|told| told.event["sequence"].as_i64()).is_sorted(), "{told:?}");
    }
    let failed = &of(first).next_back().expect("an event").event["data"];
    assert_eq!(
        [
            &failed["status"],
            &failed["error_code"],
            &failed["attempt"],
            &failed["labels"]["team"],
            &failed["tenant_id"]
        ],
        [&json!("FAILED"), &json!("no_rates"), &json!(2), &json!("blue"), &json!(TENANT)]
    );
    assert_eq!(of(second).next().expect("an event").event["data"]["retry_of_run_id"], json!(first));
    let shown = hook.shown().await;
    assert_eq!((&shown["failures"], &shown["last_error"]), (&json!(0), &json!(null)), "{shown}");
}

#[tokio::test]
async fn a_receiver_that_was_down_is_told_everything_in_order_when_it_returns() {
    let mut receiver = Receiver::closed();
    let hook = Hook::to(&receiver).await;
    let mut runs = Vec::new();
    for _ in 0..6 {
        runs.push(hook.created(json!({})).await);
    }
    let refused =
        hook.delivers_until("connections are refused", |shown| shown["last_error"] == "connect").await;
    assert_eq!(refused["pending"], 6, "{refused}");
    for (number, run) in runs.iter().enumerate() {
        match number % 2 {
            0 => hook.worked(*run, json!({ "status": "SUCCEEDED" })).await,
            _ => hook.cancelled(*run).await,
        }
    }
    let rests = hook.delivers_until("it rests", |shown| !shown["rests_until"].is_null()).await;
    assert_eq!((&rests["pending"], &rests["given_up"]), (&json!(15), &json!(0)), "{rests}");

    // It is there again, but not well yet.
    receiver.answers(500);
    receiver.open();
    hook.delivers_until("it fails", |shown| shown["last_error"] == "http_500").await;
    receiver.answers(204);
    let well = hook.delivers_until("all was delivered", |shown| shown["pending"] == 0).await;
    assert_eq!((&well["failures"], &well["given_up"]), (&json!(0), &json!(0)), "{well}");

    // What comes again comes under its id.
    let mut accepted = BTreeMap::<_, Vec<_>>::new();
    let mut ids = Vec::new();
    for told in receiver.told().into_iter().filter(|told| told.status != 500) {
        assert_eq!(told.status, 204, "{told:?}");
        if !ids.contains(&told.id) {
            ids.push(told.id);
            let run: Uuid =
                told.event["data"]["run_id"].as_str().and_then(|id| id.parse().ok()).expect("a run");
            accepted.entry(run).or_default().push(told.event["type"].clone());
        }
    }
    assert_eq!(ids.len(), 15);
    for (number, run) in runs.iter().enumerate() {
        let life = match number % 2 {
            0 => vec!["run.queued", "run.running", "run.succeeded"],
            _ => vec!["run.queued", "run.cancelled"],
        };
        assert_eq!(accepted[run], life, "{run}");
    }
}

#[tokio::test]
async fn an_address_inside_is_not_reached_until_an_operator_has_opened_it() {
    let receiver = Receiver::start();
    let hook = Hook::at(&format!("https://{}/hook", receiver.address())).await;
    hook.created(json!({})).await;
    hook.delivers_until("it is refused", |shown| shown["last_error"] == "address_refused").await;
    assert!(receiver.told().is_empty());
    hook.open_to(&receiver).await;
    hook.delivers_until("it was delivered", |shown| shown["pending"] == 0).await;
    let told = receiver.told();
    assert_eq!((said(&told[0]), told[0].status), (("run.queued", "created"), 204));
}
