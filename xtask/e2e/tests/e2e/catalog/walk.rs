//! The whole way: a tenant, its pipeline, a draft that is edited and approved, runs of it, its end.

use e2e::{Stack, id_of, made_by};
use serde_json::{Value, json};
use uuid::Uuid;

use super::shapes::{assert_connection, assert_pipeline, assert_tenant, assert_version_in_full};
use super::{World, change, edit, look};
use crate::life::assert_fields;
use crate::shapes::{is_time, is_uuid};

#[tokio::test]
async fn from_a_tenant_to_a_run_that_has_ended_and_a_version_that_has() {
    let stack = Stack::connect().await;
    let answer = stack.post("/api/tenants", &json!({ "name": "Acme 🚀" })).await;
    let tenant = answer.expect(201).clone();
    assert_tenant(&tenant);
    assert_fields(&tenant, &json!({ "name": "Acme 🚀", "max_running": null, "paused": false }));
    let tenant_id = id_of(&tenant);
    assert_eq!(answer.header("location"), format!("/api/tenants/{tenant_id}"));
    assert_eq!(stack.get(&format!("/api/tenants/{tenant_id}")).await.expect(200), &tenant);

    let pipeline = json!({ "tenant_id": tenant_id, "name": "nightly", "queue": "nights", "max_running": 1 });
    let answer = stack.post("/api/pipelines", &pipeline).await;
    let pipeline = answer.expect(201).clone();
    assert_pipeline(&pipeline);
    let pipeline_id = id_of(&pipeline);
    assert_eq!(answer.header("location"), format!("/api/pipelines/{pipeline_id}"));
    assert_eq!(stack.get(&format!("/api/pipelines/{pipeline_id}")).await.expect(200), &pipeline);

    let draft =
        json!({ "tenant_id": tenant_id, "pipeline_id": pipeline_id, "version": "1.0.0", "dag_spec": {} });
    let answer = stack.post("/api/pipeline-versions", &draft).await;
    let draft = answer.expect(201).clone();
    assert_version_in_full(&draft);
    let nothing_yet =
        json!({ "dag_sha256": null, "approved_at": null, "approved_by": null, "transitions": [] });
    assert_fields(&draft, &nothing_yet);
    assert_fields(&draft, &json!({ "version": "1.0.0", "status": "DRAFT", "revision": 1, "dag_spec": {} }));
    let version_id = id_of(&draft);
    assert_eq!(answer.header("location"), format!("/api/pipeline-versions/{version_id}"));
    assert_eq!(look(&stack, version_id).await, draft);

    let run = json!({ "tenant_id": tenant_id, "pipeline_version_id": version_id });
    stack.post("/api/runs", &run).await.expect_problem(409, "version_not_approved");

    let spec = json!({ "steps": ["extract", "load"] });
    let edited = edit(&stack, version_id, json!({ "dag_spec": spec, "revision": 1 })).await;
    let edited = edited.expect(200);
    assert_version_in_full(edited);
    assert_fields(edited, &json!({ "version": "1.0.0", "status": "DRAFT", "revision": 2, "dag_spec": spec }));

    let asked =
        json!({ "status": "APPROVED", "comment": "as discussed", "revision": 2, "approved_by": "ann" });
    let approved = change(&stack, version_id, asked).await;
    let approved = approved.expect(200);
    assert_version_in_full(approved);
    assert_fields(
        approved,
        &json!({ "status": "APPROVED", "revision": 2, "dag_spec": spec, "approved_by": made_by(Some("ann")) }),
    );
    assert!(is_time(&approved["approved_at"]), "{approved}");
    // Of the text with sorted keys and no spaces.
    let digest: String =
        sqlx::query_scalar("select encode(sha256('{\"steps\":[\"extract\",\"load\"]}'), 'hex')")
            .fetch_one(&stack.db)
            .await
            .expect("a digest");
    assert_eq!(approved["dag_sha256"], digest);
    let transition = json!({
        "from": "DRAFT", "to": "APPROVED", "at": approved["approved_at"], "by": made_by(Some("ann")), "comment": "as discussed",
    });
    assert_eq!(approved["transitions"], json!([transition]));
    assert_eq!(&look(&stack, version_id).await, approved);

    // Its runs go into the pipeline's queue, and the worker runs its steps.
    let created = stack.post("/api/runs", &run).await;
    assert_eq!(created.expect(201)["queue"], "nights");
    assert_eq!(stack.ended(id_of(&created.body)).await["status"], "SUCCEEDED");

    let deprecated = change(&stack, version_id, json!({ "status": "DEPRECATED" })).await;
    assert_eq!(deprecated.expect(200)["approved_at"], approved["approved_at"]);
    stack.post("/api/runs", &run).await.expect_problem(409, "version_not_approved");
    let again = change(&stack, version_id, json!({ "status": "APPROVED", "approved_by": "bob" })).await;
    assert_fields(
        again.expect(200),
        &json!({ "dag_sha256": digest, "approved_by": made_by(Some("bob")), "revision": 2 }),
    );
    let moved: Vec<_> = again.body["transitions"].as_array().expect("transitions").iter().collect();
    let moved: Vec<_> = moved.into_iter().map(|one| json!([one["from"], one["to"], one["by"]])).collect();
    let expected = json!([
        ["DRAFT", "APPROVED", made_by(Some("ann"))],
        ["APPROVED", "DEPRECATED", made_by(None)],
        ["DEPRECATED", "APPROVED", made_by(Some("bob"))]
    ]);
    assert_eq!(Value::from(moved), expected);
    stack
        .post(
            "/api/runs",
            &json!({ "dispatch": "pull", "tenant_id": tenant_id, "pipeline_version_id": version_id }),
        )
        .await
        .expect(201);
}

#[tokio::test]
async fn a_version_is_copied_within_its_tenant_whatever_its_status() {
    let stack = Stack::connect().await;
    let world = World::new(&stack).await;
    for status in ["DRAFT", "APPROVED", "DEPRECATED"] {
        let original = world.version_in(&stack, status).await;
        let copy = stack.post("/api/pipeline-versions", &world.version(json!({ "copy_of": original }))).await;
        let expected =
            json!({ "status": "DRAFT", "revision": 1, "dag_spec": { "steps": ["a"] }, "dag_sha256": null });
        assert_fields(copy.expect(201), &expected);
        assert_ne!(id_of(&copy.body), original);
        edit(&stack, id_of(&copy.body), json!({ "dag_spec": {} })).await.expect(200);
        assert_eq!(look(&stack, original).await["dag_spec"], json!({ "steps": ["a"] }));
    }
}

#[tokio::test]
async fn a_draft_may_be_renamed_while_it_is_edited() {
    let stack = Stack::connect().await;
    let world = World::new(&stack).await;
    let draft = world.draft(&stack, json!({})).await;
    let renamed = edit(&stack, draft, json!({ "dag_spec": {}, "version": "2.0.0" })).await;
    assert_fields(renamed.expect(200), &json!({ "version": "2.0.0", "revision": 2 }));
}

#[tokio::test]
async fn a_spec_of_another_kind_is_approved_and_pulled_by_its_own_workers() {
    let stack = Stack::connect().await;
    let world = World::new(&stack).await;
    let spec = json!({ "kind": "acme/flow", "stages": [{ "do": "it" }], "n": [1, 1.5, -0.25, 18446744073709551615u64] });
    let id = world.draft(&stack, spec.clone()).await;
    let approved = change(&stack, id, json!({ "status": "APPROVED" })).await;
    assert_eq!(approved.expect(200)["dag_spec"], spec);
    assert_eq!(approved.body["approved_by"], made_by(None));
    let mut run = json!({ "tenant_id": world.tenant, "pipeline_version_id": id });
    stack.post("/api/runs", &run).await.expect_problem(422, "invalid_dag_spec");
    run["dispatch"] = json!("pull");
    stack.post("/api/runs", &run).await.expect(201);
}

#[tokio::test]
async fn a_connection_is_made_shown_and_deleted() {
    let stack = Stack::connect().await;
    let world = World::new(&stack).await;
    let bodies = [
        json!({ "name": "crm", "kind": "http", "config": { "base_url": "https://crm.example.com/v2" } }),
        json!({
            "name": "erp", "kind": "http", "secret_ref": "runplane/erp",
            "config": {
                "base_url": "https://erp.example.com", "headers": { "Accept": "text/csv" },
                "auth": { "type": "header", "name": "X-Erp-Token" },
            },
        }),
        json!({
            "name": "warehouse", "kind": "sql", "secret_ref": "WAREHOUSE_PASSWORD",
            "config": { "host": "db", "port": 5433, "database": "w", "user": "u", "tls": "disable", "read_only": true },
        }),
        json!({ "name": "resize", "kind": "lambda", "config": { "function": "resize:live" } }),
        json!({ "name": "mail", "kind": "sqs", "config": { "queue_url": "https://sqs.eu-central-1.amazonaws.com/123456789012/m" } }),
    ];
    for mut body in bodies {
        body["tenant_id"] = json!(world.tenant);
        let answer = stack.post("/api/connections", &body).await;
        let connection = answer.expect(201).clone();
        assert_connection(&connection);
        assert_fields(&connection, &body);
        assert!(is_uuid(&connection["id"]), "{connection}");
        let path = format!("/api/connections/{}", id_of(&connection));
        assert_eq!(answer.header("location"), path);
        assert_eq!(stack.get(&path).await.expect(200), &connection);
        stack.delete(&path).await.expect_nothing();
        stack.get(&path).await.expect_problem(404, "connection_not_found");
        stack.delete(&path).await.expect_problem(404, "connection_not_found");
        // Its name is free again.
        stack.post("/api/connections", &body).await.expect(201);
    }
}

#[tokio::test]
async fn what_does_not_exist_is_not_found() {
    let stack = Stack::connect().await;
    let nobody = Uuid::now_v7();
    let version = format!("/api/pipeline-versions/{nobody}");
    stack.get(&format!("/api/tenants/{nobody}")).await.expect_problem(404, "tenant_not_found");
    stack.patch(&format!("/api/tenants/{nobody}"), &json!({})).await.expect_problem(404, "tenant_not_found");
    stack.get(&format!("/api/pipelines/{nobody}")).await.expect_problem(404, "pipeline_not_found");
    stack
        .patch(&format!("/api/pipelines/{nobody}"), &json!({}))
        .await
        .expect_problem(404, "pipeline_not_found");
    stack.get(&version).await.expect_problem(404, "pipeline_version_not_found");
    edit(&stack, nobody, json!({ "dag_spec": {} })).await.expect_problem(404, "pipeline_version_not_found");
    let approve = json!({ "status": "APPROVED" });
    change(&stack, nobody, approve).await.expect_problem(404, "pipeline_version_not_found");
    stack.get(&format!("/api/connections/{nobody}")).await.expect_problem(404, "connection_not_found");
    let world = World { tenant: nobody, pipeline: nobody };
    let draft = world.version(json!({ "dag_spec": {} }));
    stack.post("/api/pipeline-versions", &draft).await.expect_problem(404, "tenant_not_found");
    let world = World { pipeline: nobody, ..World::new(&stack).await };
    let draft = world.version(json!({ "dag_spec": {} }));
    stack.post("/api/pipeline-versions", &draft).await.expect_problem(404, "pipeline_not_found");
    let world = World::new(&stack).await;
    let copy = world.version(json!({ "copy_of": nobody }));
    stack.post("/api/pipeline-versions", &copy).await.expect_problem(404, "pipeline_version_not_found");
}
