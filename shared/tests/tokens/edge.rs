//! What a request with a token is answered by the edge of the functions.

use std::sync::Arc;

use lambda_http::Body;
use runplane::app::App;
use runplane::auth::Auth;
use runplane::config::ConfigError;
use runplane::db::{Db, Plans, Pooler};
use runplane::functions::named;
use runplane::http::{Call, Reply, answer};
use runplane::problem::Problem;
use serde_json::{Value, json};
use sqlx::postgres::PgConnectOptions;

use crate::issuer::Issuer;
use crate::keys::Key;
use crate::support::{claims, tokens, with};

/// The answer to a claim that sends this credential, of a function that says who asks, and whose tenant it would touch. No database is there.
async fn asked(auth: Auth, credential: &str) -> (u16, Value) {
    let nowhere = Db::new(PgConnectOptions::new().host("127.0.0.1").port(1), Plans::Generic, Pooler::None);
    let app: Result<_, ConfigError> = Ok(Arc::new(App::new(named("claim"), nowhere, None).with_auth(auth)));
    let mut event: Value = serde_json::from_str(include_str!("../../../events/claim.json")).unwrap();
    event["headers"]["authorization"] = json!(format!("Bearer {credential}"));
    let request = lambda_http::request::from_str(&event.to_string()).unwrap();
    let whose = async |_app: Arc<App>, call: Call| {
        let body = json!({"id": call.principal().id, "tenant": call.own_scope().tenant()});
        let reply: Result<Reply, Problem> = Reply::ok(&body);
        reply
    };
    let response = answer(&app, &|app, call| whose(app, call), request).await;
    let Body::Text(body) = response.body() else { panic!("{response:?}") };
    (response.status().as_u16(), serde_json::from_str(body).unwrap())
}

#[tokio::test]
async fn whose_token_it_is_is_let_in_and_touches_its_tenant() {
    let key = Key::new("a", "ES256");
    let issuer = Issuer::new(&[&key]).await;
    let mine = with(claims(&issuer), json!({"roles": ["worker"]}));
    let (status, body) = asked(Auth::required(Some(tokens(&issuer))), &key.token(&mine)).await;
    assert_eq!((status, &body["tenant"]), (200, &mine["tenant_id"]), "{body}");
    assert!(body["id"].as_str().unwrap().starts_with("token:http://"), "{body}");
}

#[tokio::test]
async fn who_has_no_role_for_it_is_told_which_would_do() {
    let key = Key::new("a", "ES256");
    let issuer = Issuer::new(&[&key]).await;
    let mine = with(claims(&issuer), json!({"roles": ["viewer", "admin"]}));
    let (status, body) = asked(Auth::required(Some(tokens(&issuer))), &key.token(&mine)).await;
    assert_eq!((status, &body["code"]), (403, &json!("forbidden")));
    assert_eq!(body["detail"], "This needs one of the roles worker, operator");
}

#[tokio::test]
async fn a_forged_token_and_one_of_an_issuer_that_nobody_knows_are_told_nothing() {
    let [key, other] = [Key::new("a", "ES256"), Key::new("a", "ES256")];
    let issuer = Issuer::new(&[&key]).await;
    let mine = with(claims(&issuer), json!({"roles": ["worker"]}));
    for (auth, token) in [
        (Auth::required(Some(tokens(&issuer))), other.token(&mine)),
        (Auth::required(None), key.token(&mine)),
    ] {
        let (status, body) = asked(auth, &token).await;
        assert_eq!((status, &body["code"]), (401, &json!("unauthenticated")));
        assert_eq!(
            body["detail"],
            "Send a valid credential: `Authorization: Bearer` with an API key or a token"
        );
    }
}

#[tokio::test]
async fn nobody_is_let_in_while_the_issuer_cannot_be_asked() {
    let key = Key::new("a", "ES256");
    let issuer = Issuer::new(&[&key]).await;
    let token = key.token(&with(claims(&issuer), json!({"roles": ["worker"]})));
    let tokens = tokens(&issuer);
    issuer.go_away();
    let (status, body) = asked(Auth::required(Some(tokens)), &token).await;
    assert_eq!((status, &body["code"]), (503, &json!("unavailable")), "{body}");
}
