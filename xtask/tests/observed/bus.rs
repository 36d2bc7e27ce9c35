//! The event bus: what `deliver` puts there arrives at whom a rule of the bus names, here a queue.

use std::collections::BTreeMap;

use aws_sdk_eventbridge::Client;
use aws_sdk_eventbridge::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_eventbridge::types::Target;
use serde_json::{Value, json};
use uuid::Uuid;
use xtask::queues;

use crate::stage::{Aws, Stage, TENANT, eventually};

/// A version of another tenant, in the demo data, and that tenant.
const OTHER: (&str, &str) = ("0199e0c0-0000-7000-8000-000000000023", "0199e0c0-0000-7000-8000-000000000002");

/// A bus of the test's own, whose events of the source `runplane` go into a queue.
struct Bus {
    arn: String,
    sqs: aws_sdk_sqs::Client,
    queue_url: String,
}

impl Bus {
    async fn new(aws: &Aws) -> Self {
        let config = aws_sdk_eventbridge::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new(queues::REGION))
            .credentials_provider(Credentials::new("test", "test", None, None, "local"))
            .endpoint_url(&aws.endpoint_url)
            .build();
        let events = Client::from_conf(config);
        let (queue_url, queue_arn) = aws.queue().await;
        let name = Uuid::new_v4().to_string();
        let arn = events.create_event_bus().name(&name).send().await.unwrap().event_bus_arn.unwrap();
        let pattern = json!({ "source": ["runplane"] }).to_string();
        let rule = events.put_rule().name("all").event_bus_name(&name).event_pattern(pattern);
        rule.send().await.unwrap();
        let target = Target::builder().id("queue").arn(queue_arn).build().unwrap();
        let targets = events.put_targets().rule("all").event_bus_name(&name).targets(target);
        assert_eq!(targets.send().await.unwrap().failed_entry_count, 0);
        Self { arn, sqs: queues::client(&aws.endpoint_url).await, queue_url }
    }

    /// Takes so many events out of the queue, as the bus has sent them.
    async fn take(&self, count: usize) -> Vec<Value> {
        let mut taken = Vec::new();
        eventually(&format!("{count} events come through the bus"), async || {
            let receive = self.sqs.receive_message().queue_url(&self.queue_url).max_number_of_messages(10);
            for message in receive.send().await.unwrap().messages() {
                taken.push(serde_json::from_str(message.body().unwrap()).unwrap());
                let receipt = message.receipt_handle().unwrap();
                self.sqs
                    .delete_message()
                    .queue_url(&self.queue_url)
                    .receipt_handle(receipt)
                    .send()
                    .await
                    .unwrap();
            }
            (taken.len() >= count).then_some(())
        })
        .await;
        taken
    }
}

/// The types of the events of each run in the order of `sequence`: a bus keeps none.
fn by_run(mut events: Vec<Value>) -> BTreeMap<String, Vec<String>> {
    events.sort_by_key(|event| event["detail"]["sequence"].as_i64());
    let mut of_run = BTreeMap::<_, Vec<_>>::new();
    for event in events {
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        of_run.entry(text(&event["detail"]["data"]["run_id"])).or_default().push(text(&event["detail-type"]));
    }
    of_run
}

async fn stage(name: &str, aws: &Aws, bus: &Bus) -> Stage {
    let functions = ["create", "claim", "complete", "cancel", "deliver"];
    let stage = Stage::start(name, aws, &functions, &[("EVENT_BUS", &bus.arn)]).await;
    // From the first invocation on there is a bus to note events for.
    assert_eq!(stage.invoke("deliver").await, delivered(0));
    stage
}

/// What `deliver` answers that has delivered so many events.
fn delivered(count: usize) -> Value {
    json!({ "delivered": count, "failed": 0, "given_up": 0, "deleted": 0, "unfinished": false })
}

#[tokio::test]
async fn the_bus_is_told_of_every_state_of_a_run_and_whoever_listens_there_hears_of_it() {
    let aws = Aws::get("bus").await;
    let bus = Bus::new(&aws).await;
    let mut stage = stage("bus", &aws, &bus).await;
    let version = stage.version(json!({})).await;
    let body = json!({ "tenant_id": TENANT, "pipeline_version_id": version, "dispatch": "pull", "labels": { "team": "blue" } });
    let run = stage.post("/api/runs", &body, None).await;
    let claim = json!({ "worker_id": "w", "tenant_id": TENANT });
    let claimed = stage.post("/api/runs/claim", &claim, None).await;
    let path = format!("/api/runs/{}/complete", run["id"].as_str().unwrap());
    let outcome = json!({ "status": "SUCCEEDED", "lease_token": claimed["run"]["lease_token"] });
    stage.post(&path, &outcome, None).await;
    assert_eq!(stage.invoke("deliver").await, delivered(3));

    let mut events = bus.take(3).await;
    events.sort_by_key(|event| event["detail"]["sequence"].as_i64());
    let told =
        ["run.queued", "run.running", "run.succeeded"].into_iter().zip(["QUEUED", "RUNNING", "SUCCEEDED"]);
    assert_eq!(events.len(), 3, "{events:?}");
    for (event, (kind, status)) in events.iter().zip(told) {
        assert_eq!((&event["source"], &event["detail-type"]), (&json!("runplane"), &json!(kind)));
        // The same text as webhooks are sent.
        let (detail, data) = (&event["detail"], &event["detail"]["data"]);
        assert_eq!((&detail["type"], &data["status"]), (&json!(kind), &json!(status)));
        assert_eq!((&data["run_id"], &data["tenant_id"]), (&run["id"], &json!(TENANT)));
        assert_eq!(data["labels"], json!({ "team": "blue" }));
        assert!(detail["id"].is_string() && detail["timestamp"].is_string(), "{detail}");
    }
    // Once.
    assert_eq!(stage.invoke("deliver").await, delivered(0));
}

/// Of one run one event at a time, so that the first request after another has all runs in it, ten to each.
#[tokio::test]
async fn more_than_the_bus_takes_at_once_arrives_of_all_tenants_once() {
    let aws = Aws::get("bus-many").await;
    let bus = Bus::new(&aws).await;
    let mut stage = stage("bus-many", &aws, &bus).await;
    let version = stage.version(json!({})).await;
    let mut runs = Vec::new();
    for (tenant, version) in [(TENANT, version.to_string()), (OTHER.1, OTHER.0.to_owned())] {
        let body = json!({ "tenant_id": tenant, "pipeline_version_id": version, "dispatch": "pull" });
        for _ in 0..12 {
            let run = stage.post("/api/runs", &body, None).await;
            let id = run["id"].as_str().unwrap().to_owned();
            stage.post(&format!("/api/runs/{id}/cancel"), &json!({}), None).await;
            runs.push(id);
        }
    }
    assert_eq!(stage.invoke("deliver").await, delivered(48));
    let told = by_run(bus.take(48).await);
    runs.sort_unstable();
    assert_eq!(told.keys().collect::<Vec<_>>(), runs.iter().collect::<Vec<_>>());
    assert!(told.values().all(|types| *types == ["run.queued", "run.cancelled"]), "{told:?}");
}
