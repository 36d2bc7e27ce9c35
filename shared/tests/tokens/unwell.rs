//! An issuer that is away, or answers something else than it should.

use std::time::Duration;

use runplane::auth::tokens::Refused;
use serde_json::json;

use crate::issuer::{Answer, Issuer};
use crate::keys::Key;
use crate::support::{LONG, MINUTE, SECOND, Time, claims, impatient, outcome, tokens_at};

const HOUR: Duration = Duration::from_secs(60 * 60);

#[tokio::test]
async fn keys_that_are_known_go_on_to_serve_for_a_day_while_the_issuer_is_away() {
    let [known, other] = ["a", "b"].map(|kid| Key::new(kid, "ES256"));
    let time = Time::default();
    let issuer = Issuer::new(&[&known]).await;
    let tokens = tokens_at(&issuer, &time);
    let [token, unknown] = [&known, &other].map(|key| key.token(&claims(&issuer)));
    assert_eq!(outcome(&tokens, &token).await, "in");
    issuer.go_away();
    for _ in 0..23 {
        time.pass(HOUR);
        assert_eq!(outcome(&tokens, &token).await, "in");
        assert_eq!(outcome(&tokens, &unknown).await, "unavailable", "it may have new keys");
    }
    time.pass(HOUR - SECOND);
    assert_eq!(outcome(&tokens, &token).await, "in");
    time.pass(SECOND);
    assert_eq!(outcome(&tokens, &token).await, "unavailable");
    issuer.come_back().await;
    time.pass(5 * SECOND);
    assert_eq!(outcome(&tokens, &token).await, "in");
}

#[tokio::test]
async fn an_issuer_that_is_back_is_asked_within_half_a_minute() {
    let [first, second] = ["a", "b"].map(|kid| Key::new(kid, "ES256"));
    let time = Time::default();
    let issuer = Issuer::new(&[&first]).await;
    let tokens = tokens_at(&issuer, &time);
    let [old, new] = [&first, &second].map(|key| key.token(&claims(&issuer)));
    assert_eq!(outcome(&tokens, &old).await, "in");
    issuer.go_away();
    time.pass(10 * MINUTE);
    assert_eq!(outcome(&tokens, &old).await, "in");
    issuer.rotate(&[&second]);
    issuer.come_back().await;
    time.pass(30 * SECOND - Duration::from_millis(1));
    assert_eq!(outcome(&tokens, &old).await, "in");
    assert_eq!(issuer.fetches(), 1);
    time.pass(Duration::from_millis(1));
    assert_eq!(outcome(&tokens, &old).await, "invalid", "its key is no longer there");
    assert_eq!(outcome(&tokens, &new).await, "in");
    assert_eq!(issuer.fetches(), 2);
}

#[tokio::test]
async fn an_issuer_that_was_never_reached_is_asked_every_five_seconds() {
    let (key, time) = (Key::new("a", "ES256"), Time::default());
    let issuer = Issuer::new(&[&key]).await;
    let tokens = tokens_at(&issuer, &time);
    let token = key.token(&claims(&issuer));
    issuer.answers_keys(Answer::Other(503, String::new()));
    for fetches in 1..4 {
        for _ in 0..10 {
            assert_eq!(outcome(&tokens, &token).await, "unavailable");
        }
        assert_eq!(issuer.fetches(), fetches);
        time.pass(5 * SECOND);
    }
    issuer.answers_keys(Answer::Right);
    assert_eq!(outcome(&tokens, &token).await, "in");
}

#[tokio::test]
async fn what_can_be_told_without_keys_is_told_while_the_issuer_is_away() {
    let key = Key::new("a", "ES256");
    let issuer = Issuer::new(&[&key]).await;
    let tokens = tokens_at(&issuer, &Time::default());
    issuer.go_away();
    assert_eq!(outcome(&tokens, "a.b.c").await, "invalid");
    let token = key.signed(&json!({"alg": "none"}), &claims(&issuer));
    assert_eq!(outcome(&tokens, &token).await, "invalid");
    assert_eq!(outcome(&tokens, &key.token(&claims(&issuer))).await, "unavailable");
}

#[tokio::test]
async fn an_answer_that_is_not_what_it_should_be_gives_no_keys() {
    let [key, theirs] = [Key::new("a", "ES256"), Key::new("a", "ES256")];
    let issuer = Issuer::new(&[&key]).await;
    let other = Issuer::new(&[&theirs]).await;
    let token = key.token(&claims(&issuer));
    let large = format!(r#"{{"keys": [], "more": "{}"}}"#, "x".repeat(256 * 1024));
    let elsewhere = Answer::Redirect(other.on_host("/keys"));
    let answers = [
        (Answer::Other(404, issuer.jwks()), "404"),
        (Answer::Other(500, String::new()), "500"),
        (Answer::Other(204, String::new()), "204"),
        (elsewhere, "302"),
        (Answer::Redirect(issuer.on_host("/elsewhere")), "302"),
        (Answer::Other(200, String::new()), "no JSON Web Key Set"),
        (Answer::Other(200, "<html>".to_owned()), "no JSON Web Key Set"),
        (Answer::Other(200, "{}".to_owned()), "no JSON Web Key Set"),
        (Answer::Other(200, r#"{"keys": null}"#.to_owned()), "no JSON Web Key Set"),
        (Answer::Other(200, large), "262144 bytes"),
    ];
    for (answer, expected) in answers {
        issuer.answers_keys(answer.clone());
        expect_unavailable(&issuer, &token, expected).await;
    }
    issuer.answers_keys(Answer::Right);
    let answers = [
        (Answer::Other(404, String::new()), "404"),
        (Answer::Redirect(issuer.on_host("/keys")), "302"),
        (Answer::Other(200, "{}".to_owned()), "not what it should be"),
        (Answer::Other(200, "x".repeat(256 * 1024 + 1)), "262144 bytes"),
    ];
    let before = issuer.fetches();
    for (answer, expected) in answers {
        issuer.answers_discovery(answer.clone());
        expect_unavailable(&issuer, &token, expected).await;
    }
    assert_eq!((issuer.fetches(), other.requests()), (before, 0));
    issuer.answers_discovery(Answer::Right);
    assert_eq!(outcome(&tokens_at(&issuer, &Time::default()), &token).await, "in");
}

#[tokio::test]
async fn an_issuer_that_says_it_is_another_one_is_not_believed() {
    let key = Key::new("a", "ES256");
    let issuer = Issuer::new(&[&key]).await;
    let token = key.token(&claims(&issuer));
    for name in ["https://issuer.example".to_owned(), format!("{}/", issuer.url), String::new()] {
        issuer.says("issuer", name);
        expect_unavailable(&issuer, &token, "it says that it is another issuer").await;
    }
    assert_eq!(issuer.fetches(), 0);
}

#[tokio::test]
async fn keys_are_fetched_over_tls_or_from_this_machine_only() {
    let key = Key::new("a", "ES256");
    let issuer = Issuer::new(&[&key]).await;
    let token = key.token(&claims(&issuer));
    let others = [
        "http://issuer.example/keys",
        "http://10.0.0.1/keys",
        "file:///etc/keys",
        "ftp://issuer.example",
        "/keys",
    ];
    for uri in others {
        issuer.says("jwks_uri", uri);
        expect_unavailable(&issuer, &token, "its keys are not at an https URL").await;
    }
}

#[tokio::test]
async fn an_issuer_that_does_not_answer_in_time_is_not_waited_for() {
    let key = Key::new("a", "ES256");
    let issuer = Issuer::new(&[&key]).await;
    let token = key.token(&claims(&issuer));
    let soon = Duration::from_millis(200);
    for slow in [Issuer::answers_discovery, Issuer::answers_keys] {
        slow(&issuer, Answer::Never);
        let tokens = impatient(&issuer, &Time::default(), soon);
        let result = tokio::time::timeout(LONG, tokens.principal(&token)).await.unwrap();
        let Err(Refused::Unavailable(error)) = result else { panic!("{result:?}") };
        assert!(format!("{error:#}").contains("within 200ms"), "{error:#}");
        slow(&issuer, Answer::Right);
    }
    assert_eq!(outcome(&impatient(&issuer, &Time::default(), LONG), &token).await, "in");
}

#[tokio::test]
async fn an_issuer_that_shows_no_keys_any_more_is_believed() {
    let (key, time) = (Key::new("a", "ES256"), Time::default());
    let issuer = Issuer::new(&[&key]).await;
    let tokens = tokens_at(&issuer, &time);
    let token = key.token(&claims(&issuer));
    assert_eq!(outcome(&tokens, &token).await, "in");
    issuer.rotate(&[]);
    time.pass(10 * MINUTE);
    assert_eq!(outcome(&tokens, &token).await, "invalid");
}

async fn expect_unavailable(issuer: &Issuer, token: &str, expected: &str) {
    let tokens = tokens_at(issuer, &Time::default());
    let result = tokens.principal(token).await;
    let Err(Refused::Unavailable(error)) = result else { panic!("{expected}: {result:?}") };
    assert!(format!("{error:#}").contains(expected), "{expected}: {error:#}");
}
