//! The catalogue: tenants, pipelines, versions and connections, made and changed over the API.

mod bad_input;
mod bounds;
mod checker;
mod conflicts;
mod faulty;
mod isolation;
mod lists;
mod patches;
mod races;
mod shapes;
mod walk;

use e2e::{Answer, Stack, id_of};
use serde_json::{Value, json};
use uuid::Uuid;

/// A tenant with a pipeline, both made over the API.
#[derive(Clone, Copy, Debug)]
struct World {
    tenant: Uuid,
    pipeline: Uuid,
}

impl World {
    async fn new(stack: &Stack) -> Self {
        let tenant = id_of(stack.post("/api/tenants", &json!({ "name": "e2e" })).await.expect(201));
        let pipeline = json!({ "tenant_id": tenant, "name": "e2e" });
        Self { tenant, pipeline: id_of(stack.post("/api/pipelines", &pipeline).await.expect(201)) }
    }

    /// The body of a request for another version, with `more` over it.
    fn version(&self, more: Value) -> Value {
        let version = Uuid::now_v7().to_string();
        let mut body = json!({ "tenant_id": self.tenant, "pipeline_id": self.pipeline, "version": version });
        body.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
        body
    }

    /// A draft with this spec.
    async fn draft(&self, stack: &Stack, dag_spec: Value) -> Uuid {
        id_of(
            stack
                .post("/api/pipeline-versions", &self.version(json!({ "dag_spec": dag_spec })))
                .await
                .expect(201),
        )
    }

    /// A version in this status.
    async fn version_in(&self, stack: &Stack, status: &str) -> Uuid {
        let id = self.draft(stack, json!({ "steps": ["a"] })).await;
        if status != "DRAFT" {
            change(stack, id, json!({ "status": "APPROVED" })).await.expect(200);
        }
        if status == "DEPRECATED" {
            change(stack, id, json!({ "status": "DEPRECATED" })).await.expect(200);
        }
        id
    }

    /// A connection to a queue.
    async fn connection(&self, stack: &Stack, name: &str) -> Uuid {
        let config = json!({ "queue_url": "https://sqs.eu-central-1.amazonaws.com/123456789012/q" });
        let body = json!({ "tenant_id": self.tenant, "name": name, "kind": "sqs", "config": config });
        id_of(stack.post("/api/connections", &body).await.expect(201))
    }
}

/// `POST /api/pipeline-versions/{id}/status`.
async fn change(stack: &Stack, id: Uuid, body: Value) -> Answer {
    stack.post(&format!("/api/pipeline-versions/{id}/status"), &body).await
}

/// `PUT /api/pipeline-versions/{id}`.
async fn edit(stack: &Stack, id: Uuid, body: Value) -> Answer {
    stack.put(&format!("/api/pipeline-versions/{id}"), &body).await
}

/// `GET /api/pipeline-versions/{id}`, the body of it.
async fn look(stack: &Stack, id: Uuid) -> Value {
    stack.get(&format!("/api/pipeline-versions/{id}")).await.expect(200).clone()
}
