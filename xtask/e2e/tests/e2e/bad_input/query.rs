//! Query parameters of the list.

use reqwest::Method;

use super::{Checker, Expected, invalid};

impl Checker {
    /// Lists the tenant's runs with this raw query string.
    async fn list(&mut self, query: &str, expected: Expected<'_>) {
        // As it stands: what is wrong with it must not be mended on the way.
        let path = format!("/api/runs?tenant_id={}&{query}", self.tenant.id);
        let answer = self.stack.send(self.stack.request_as_it_stands(Method::GET, &path)).await;
        self.check(query, answer, expected);
    }
}

#[tokio::test]
async fn a_bad_query_parameter_is_named() {
    let mut checker = Checker::new().await;
    let bad = [
        ("limit=0", "/limit"),
        ("limit=101", "/limit"),
        ("limit=-1", "/limit"),
        ("limit=abc", "/limit"),
        ("limit=", "/limit"),
        ("limit=1.5", "/limit"),
        ("limit=99999999999999999999", "/limit"),
        ("offset=-1", "/offset"),
        ("offset=10001", "/offset"),
        ("offset=abc", "/offset"),
        ("offset=99999999999999999999", "/offset"),
        ("status=DONE", "/status"),
        ("status=queued", "/status"),
        ("status=QUEUED&status=NOPE", "/status"),
        ("status=", "/status"),
        ("pipeline_id=x", "/pipeline_id"),
        ("pipeline_version_id=1", "/pipeline_version_id"),
        ("created_after=yesterday", "/created_after"),
        ("created_before=2026-01-01", "/created_before"),
        ("queue=%00", "/queue"),
        ("label.team=%00", "/label.team"),
        ("surprise=1", "/surprise"),
        ("Limit=1", "/Limit"),
        ("label=team", "/label"),
        ("a/b~c=1", "/a~1b~0c"),
    ];
    for (query, place) in bad {
        checker.list(query, invalid(place)).await;
    }
    // How a pointer shows a NUL is left open.
    checker.list("label.te%00am=a", Expected::Problem(400, &["invalid_field"], None)).await;
    let request = checker.stack.request_with_query(Method::GET, "/api/runs", &[("tenant_id", "not-a-uuid")]);
    let answer = checker.stack.send(request).await;
    checker.check("tenant_id=not-a-uuid", answer, invalid("/tenant_id"));
    checker.finish();
}

#[tokio::test]
async fn bounds_of_the_page_are_accepted() {
    let mut checker = Checker::new().await;
    for query in ["limit=1", "limit=100", "offset=0", "offset=10000", "limit=100&offset=10000"] {
        checker.list(query, Expected::Accepted).await;
    }
    checker.finish();
}

#[tokio::test]
async fn a_cursor_and_an_offset_exclude_each_other() {
    let mut checker = Checker::new().await;
    checker.stack.queued_runs(&checker.tenant, 3).await;
    let tenant_id = checker.tenant.id.to_string();
    let page = checker.stack.get_with("/api/runs", &[("tenant_id", &tenant_id), ("limit", "1")]).await;
    let cursor = page.expect(200)["next_cursor"].as_str().expect("a cursor");
    let refused = Expected::Problem(400, &["invalid_field", "invalid_cursor"], None);
    checker.list(&format!("cursor={cursor}&offset=1"), refused).await;
    checker.list(&format!("cursor={cursor}"), Expected::Accepted).await;
    checker.finish();
}

#[tokio::test]
async fn a_forged_cursor_is_refused() {
    let mut checker = Checker::new().await;
    checker.stack.queued_runs(&checker.tenant, 3).await;
    let tenant_id = checker.tenant.id.to_string();
    let page = checker.stack.get_with("/api/runs", &[("tenant_id", &tenant_id), ("limit", "1")]).await;
    let cursor = page.expect(200)["next_cursor"].as_str().expect("a cursor").to_owned();

    let refused = Expected::Problem(400, &["invalid_cursor"], Some("/cursor"));
    let half = &cursor[..cursor.len() / 2];
    let junk = [
        "abc",
        "0",
        "%FF",
        "!!!!",
        "bm90IGEgY3Vyc29y",
        "eyJhIjoxfQ",
        "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        half,
    ];
    for forged in junk {
        checker.list(&format!("cursor={forged}"), refused).await;
    }
    let no_text = Expected::Problem(400, &["invalid_cursor", "invalid_field"], Some("/cursor"));
    checker.list("cursor=%00", no_text).await;
    checker.list(&format!("cursor={cursor}{cursor}"), refused).await;
    checker.list(&format!("cursor={}", "A".repeat(5000)), refused).await;
    checker.list("cursor=", Expected::Either).await;
    // A letter changed may make another cursor that can be read: then it is a page like any other.
    for at in 0..cursor.len() {
        for letter in ["A", "9", "_"] {
            let mut forged = cursor.clone();
            forged.replace_range(at..=at, letter);
            checker.list(&format!("cursor={forged}"), Expected::Either).await;
        }
    }
    checker.finish();
}

#[tokio::test]
async fn strange_queries_are_survived() {
    let mut checker = Checker::new().await;
    let strange = [
        "",
        "&&&",
        "=",
        "=1",
        "limit=1&limit=2",
        "offset=1&offset=2",
        "cursor=a&cursor=b",
        "created_after=0000-01-01T00:00:00Z",
        "created_before=9999-12-31T23:59:60Z",
        "created_after=%2B262142-01-01T00:00:00Z",
        "created_after=infinity",
        "queue=%FF",
        "queue=%",
        "queue=%zz",
        "queue=",
        "queue=%27%3B%20drop%20table%20x%3B--",
        "label.=x",
        "label.a=",
        "label.a=1&label.a=2",
        "label.a.b.c=%F0%9F%9A%80",
        "label.%FF=%FF",
        "limit=%31",
        "limit=+5",
        "limit=1%00",
        "status=QUEUED%00",
        "status=QUEUED,RUNNING",
    ];
    for query in strange {
        checker.list(query, Expected::Either).await;
    }
    let many: Vec<String> = (0..300).map(|at| format!("label.k{at}=v")).collect();
    checker.list(&many.join("&"), Expected::Either).await;
    checker.list(&format!("queue={}", "q".repeat(6000)), Expected::Either).await;
    checker.list(&vec!["status=QUEUED"; 300].join("&"), Expected::Either).await;
    checker.finish();
}
