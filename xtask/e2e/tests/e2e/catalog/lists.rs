//! Lists: filters, pages, order.

use e2e::{Stack, id_of};
use serde_json::{Value, json};
use uuid::Uuid;

use super::World;
use super::shapes::{assert_connection, assert_list, assert_pipeline, assert_tenant, assert_version};

/// The items of a list with these parameters.
async fn items(stack: &Stack, path: &str, query: &[(&str, &str)]) -> Vec<Value> {
    let answer = stack.get_with(path, query).await;
    let list = answer.expect(200);
    assert_list(list);
    let items = list["items"].as_array().expect("items").clone();
    assert_eq!(list["count"], items.len(), "{answer}");
    items
}

fn ids(items: &[Value]) -> Vec<Uuid> {
    items.iter().map(id_of).collect()
}

#[tokio::test]
async fn each_thing_is_listed_newest_first_with_all_its_fields() {
    let stack = Stack::connect().await;
    let world = World::new(&stack).await;
    let tenant = world.tenant.to_string();
    let mine = [("tenant_id", tenant.as_str())];
    let second = json!({ "tenant_id": world.tenant, "name": "second" });
    let second = id_of(stack.post("/api/pipelines", &second).await.expect(201));
    let pipelines = items(&stack, "/api/pipelines", &mine).await;
    pipelines.iter().for_each(assert_pipeline);
    assert_eq!(ids(&pipelines), [second, world.pipeline]);

    let first = world.version_in(&stack, "APPROVED").await;
    let second = world.draft(&stack, json!({})).await;
    let versions = items(&stack, "/api/pipeline-versions", &mine).await;
    versions.iter().for_each(assert_version);
    assert_eq!(ids(&versions), [second, first]);

    let (first, second) = (world.connection(&stack, "a").await, world.connection(&stack, "b").await);
    let connections = items(&stack, "/api/connections", &mine).await;
    connections.iter().for_each(assert_connection);
    assert_eq!(ids(&connections), [second, first]);

    let tenants = items(&stack, "/api/tenants", &[("limit", "100")]).await;
    tenants.iter().for_each(assert_tenant);
    let times: Vec<_> =
        tenants.iter().map(|one| one["created_at"].as_str().expect("a time").to_owned()).collect();
    let time = |text: &String| chrono::DateTime::parse_from_rfc3339(text).expect("a time");
    assert!(times.iter().map(time).is_sorted_by(|earlier, later| earlier >= later), "{times:?}");
}

#[tokio::test]
async fn filters_find_what_fits_and_nothing_else() {
    let stack = Stack::connect().await;
    let world = World::new(&stack).await;
    let (tenant, pipeline) = (world.tenant.to_string(), world.pipeline.to_string());
    let mine = ("tenant_id", tenant.as_str());
    let draft = world.version_in(&stack, "DRAFT").await;
    let approved = world.version_in(&stack, "APPROVED").await;
    let deprecated = world.version_in(&stack, "DEPRECATED").await;
    for (query, expected) in [
        (vec![mine, ("pipeline_id", &pipeline)], vec![deprecated, approved, draft]),
        (vec![("pipeline_id", &pipeline)], vec![deprecated, approved, draft]),
        (vec![mine, ("status", "DRAFT")], vec![draft]),
        (vec![mine, ("status", "DRAFT"), ("status", "DEPRECATED")], vec![deprecated, draft]),
        (vec![mine, ("pipeline_id", &tenant)], vec![]),
    ] {
        assert_eq!(ids(&items(&stack, "/api/pipeline-versions", &query).await), expected, "{query:?}");
    }
    assert_eq!(ids(&items(&stack, "/api/pipelines", &[mine, ("name", "e2e")]).await), [world.pipeline]);
    assert!(items(&stack, "/api/pipelines", &[mine, ("name", "E2E")]).await.is_empty());
    assert!(
        items(&stack, "/api/pipelines", &[mine, ("name", "a'; drop table pipelines; --")]).await.is_empty()
    );
    let queue = world.connection(&stack, "q").await;
    assert_eq!(ids(&items(&stack, "/api/connections", &[mine, ("kind", "sqs")]).await), [queue]);
    assert!(items(&stack, "/api/connections", &[mine, ("kind", "http")]).await.is_empty());
}

#[tokio::test]
async fn pages_walk_through_all_of_it_once_while_more_arrives() {
    let stack = Stack::connect().await;
    let world = World::new(&stack).await;
    let tenant = world.tenant.to_string();
    let mut expected = Vec::new();
    for _ in 0..7 {
        expected.push(world.draft(&stack, json!({})).await);
    }
    expected.reverse();
    let mut seen = Vec::new();
    let mut cursor = None;
    loop {
        let mut query = vec![("tenant_id", tenant.clone()), ("limit", "3".to_owned())];
        query.extend(cursor.map(|text: String| ("cursor", text)));
        let query: Vec<_> = query.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let answer = stack.get_with("/api/pipeline-versions", &query).await;
        seen.extend(ids(answer.expect(200)["items"].as_array().expect("items")));
        world.draft(&stack, json!({})).await;
        match answer.body["next_cursor"].as_str() {
            Some(text) => cursor = Some(text.to_owned()),
            None => break,
        }
    }
    assert_eq!(seen, expected);
}

#[tokio::test]
async fn a_cursor_belongs_to_one_list() {
    let stack = Stack::connect().await;
    let world = World::new(&stack).await;
    for _ in 0..2 {
        world.draft(&stack, json!({})).await;
    }
    let tenant = world.tenant.to_string();
    let first = [("tenant_id", tenant.as_str()), ("limit", "1")];
    let answer = stack.get_with("/api/pipeline-versions", &first).await;
    let cursor = answer.expect(200)["next_cursor"].as_str().expect("another page").to_owned();
    let other = World::new(&stack).await.tenant.to_string();
    for (path, query) in [
        ("/api/pipeline-versions", vec![]),
        ("/api/pipeline-versions", vec![("tenant_id", other.as_str())]),
        ("/api/pipeline-versions", vec![("tenant_id", &tenant), ("status", "DRAFT")]),
        ("/api/pipelines", vec![("tenant_id", &tenant)]),
        ("/api/connections", vec![("tenant_id", &tenant)]),
        ("/api/tenants", vec![]),
        ("/api/runs", vec![("tenant_id", &tenant)]),
    ] {
        let query: Vec<_> = query.into_iter().chain([("cursor", cursor.as_str())]).collect();
        let answer = stack.get_with(path, &query).await;
        answer.expect_problem(400, "invalid_cursor").expect_pointer("/cursor");
    }
    // The page may be of another size.
    let query = [("tenant_id", tenant.as_str()), ("limit", "100"), ("cursor", &cursor)];
    assert_eq!(items(&stack, "/api/pipeline-versions", &query).await.len(), 1);
}

#[tokio::test]
async fn a_parameter_that_is_wrong_is_named() {
    let stack = Stack::connect().await;
    for path in ["/api/tenants", "/api/pipelines", "/api/pipeline-versions", "/api/connections"] {
        for (name, value) in [
            ("limit", "0"),
            ("limit", "101"),
            ("limit", "x"),
            ("limit", ""),
            ("offset", "0"),
            ("colour", "red"),
            ("cursor", ""),
            ("cursor", "x"),
            ("cursor", "%"),
        ] {
            let code = if name == "cursor" { "invalid_cursor" } else { "invalid_field" };
            let answer = stack.get_with(path, &[(name, value)]).await;
            answer.expect_problem(400, code).expect_pointer(&format!("/{name}"));
        }
        let twice = stack.get_with(path, &[("limit", "1"), ("limit", "2")]).await;
        twice.expect_problem(400, "invalid_field").expect_pointer("/limit");
    }
    for (path, name, value) in [
        ("/api/tenants", "tenant_id", "0199e0c0-0000-7000-8000-000000000002"),
        ("/api/pipelines", "tenant_id", "x"),
        ("/api/pipelines", "name", "a\0b"),
        ("/api/pipeline-versions", "pipeline_id", ""),
        ("/api/pipeline-versions", "status", "approved"),
        ("/api/pipeline-versions", "status", "QUEUED"),
        ("/api/connections", "kind", "HTTP"),
        ("/api/connections", "kind", "ftp"),
    ] {
        let answer = stack.get_with(path, &[(name, value)]).await;
        answer.expect_problem(400, "invalid_field").expect_pointer(&format!("/{name}"));
    }
}
