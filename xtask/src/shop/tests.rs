use reqwest::{Client, Response};
use serde_json::{Value, json};

use super::start;

const TOKEN: &str = "a-token";

/// A shop of the test's own, and how it is asked.
struct Asked {
    base: String,
    client: Client,
}

impl Asked {
    async fn shop() -> Self {
        let port = crate::ports::any().unwrap();
        drop(start(port, TOKEN).await.unwrap());
        let client = Client::builder().no_proxy().build().unwrap();
        Self { base: format!("http://127.0.0.1:{port}"), client }
    }

    async fn get(&self, path: &str, key: Option<&str>) -> Response {
        let request = self.client.get(format!("{}{path}", self.base)).bearer_auth(TOKEN);
        let request = match key {
            Some(key) => request.header("idempotency-key", key),
            None => request,
        };
        request.send().await.unwrap()
    }

    async fn json(&self, path: &str) -> Value {
        let answer = self.get(path, None).await;
        assert_eq!(answer.status(), 200, "{path}");
        answer.json().await.unwrap()
    }
}

#[tokio::test]
async fn who_has_no_token_gets_nothing() {
    let shop = Asked::shop().await;
    for path in ["/v1/orders?since=2026-11-01", "/v1/items", "/v1/items/1", "/v1/flaky"] {
        let url = format!("{}{path}", shop.base);
        assert_eq!(shop.client.get(&url).send().await.unwrap().status(), 401, "{path}");
        let wrong = shop.client.get(&url).bearer_auth("another").send().await.unwrap();
        assert_eq!(wrong.status(), 401, "{path}");
    }
}

#[tokio::test]
async fn orders_are_those_since_a_day_and_always_the_same() {
    let shop = Asked::shop().await;
    let answer = shop.json("/v1/orders?since=2026-11-25").await;
    let orders = answer["orders"].as_array().unwrap();
    assert_eq!(orders.len(), 12);
    assert_eq!(orders[0], json!({ "id": "2026-11-25-01", "placed_on": "2026-11-25", "total": 37.5 }));
    assert_eq!(orders[11]["placed_on"], "2026-12-06");
    assert_eq!(orders.iter().filter(|order| order["total"].as_f64() >= Some(100.0)).count(), 7);
    assert_eq!(shop.json("/v1/orders?since=2026-11-25").await, answer);
    for path in ["/v1/orders", "/v1/orders?since=yesterday"] {
        assert_eq!(shop.get(path, None).await.status(), 400, "{path}");
    }
}

#[tokio::test]
async fn ten_of_two_hundred_items_are_not_sold() {
    let shop = Asked::shop().await;
    let items = shop.json("/v1/items").await;
    let mut missing = 0;
    for number in items["items"].as_array().unwrap() {
        match shop.get(&format!("/v1/items/{number}"), None).await {
            answer if answer.status() == 404 => missing += 1,
            answer => assert_eq!(&answer.json::<Value>().await.unwrap()["id"], number),
        }
    }
    assert_eq!((items["items"].as_array().unwrap().len(), missing), (200, 10));
    for path in ["/v1/items/0", "/v1/items/201", "/v1/items/x"] {
        assert_eq!(shop.get(path, None).await.status(), 404, "{path}");
    }
}

#[tokio::test]
async fn each_key_is_told_to_come_again_once() {
    let shop = Asked::shop().await;
    for key in ["a", "b"] {
        let first = shop.get("/v1/flaky", Some(key)).await;
        assert_eq!((first.status().as_u16(), &first.headers()["retry-after"]), (503, &"1".parse().unwrap()));
        assert_eq!(shop.get("/v1/flaky", Some(key)).await.status(), 200);
    }
    assert_eq!(shop.get("/v1/flaky", None).await.status(), 400);
}
