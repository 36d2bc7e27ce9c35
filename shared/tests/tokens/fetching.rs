//! When the issuer is asked for its keys, and when not.

use std::task::Poll;
use std::time::Duration;

use futures_util::future::join_all;
use futures_util::poll;
use serde_json::json;

use crate::issuer::{Answer, Issuer};
use crate::keys::Key;
use crate::support::{MINUTE, SECOND, Time, claims, outcome, tokens_at};

#[tokio::test]
async fn keys_are_fetched_once_in_ten_minutes() {
    let (key, time) = (Key::new("a", "ES256"), Time::default());
    let issuer = Issuer::new(&[&key]).await;
    let tokens = tokens_at(&issuer, &time);
    assert_eq!(issuer.requests(), 0, "nobody has asked for anything yet");
    let token = key.token(&claims(&issuer));
    for _ in 0..10 {
        assert_eq!(outcome(&tokens, &token).await, "in");
    }
    assert_eq!((issuer.fetches(), issuer.requests()), (1, 2));
    time.pass(10 * MINUTE - SECOND);
    assert_eq!(outcome(&tokens, &token).await, "in");
    assert_eq!(issuer.fetches(), 1);
    time.pass(SECOND);
    assert_eq!(outcome(&tokens, &token).await, "in");
    assert_eq!(issuer.fetches(), 2);
}

#[tokio::test]
async fn unknown_keys_lead_to_one_more_fetch_in_half_a_minute() {
    let (key, time) = (Key::new("a", "ES256"), Time::default());
    let issuer = Issuer::new(&[&key]).await;
    let tokens = tokens_at(&issuer, &time);
    let token = key.token(&claims(&issuer));
    assert_eq!(outcome(&tokens, &token).await, "in");
    let unknown = |number: u32| {
        key.signed(&json!({"alg": "ES256", "kid": format!("made up {number}")}), &claims(&issuer))
    };
    for number in 0..100 {
        assert_eq!(outcome(&tokens, &unknown(number)).await, "invalid");
    }
    assert_eq!(issuer.fetches(), 2);
    time.pass(30 * SECOND - Duration::from_millis(1));
    assert_eq!(outcome(&tokens, &unknown(0)).await, "invalid");
    assert_eq!(issuer.fetches(), 2);
    time.pass(Duration::from_millis(1));
    for number in 0..100 {
        assert_eq!(outcome(&tokens, &unknown(number)).await, "invalid");
    }
    assert_eq!(issuer.fetches(), 3);
    assert_eq!(outcome(&tokens, &token).await, "in", "the others are let in all the while");
}

#[tokio::test]
async fn the_first_fetch_is_not_made_twice_for_a_key_that_is_not_there() {
    let (key, time) = (Key::new("a", "ES256"), Time::default());
    let issuer = Issuer::new(&[]).await;
    let tokens = tokens_at(&issuer, &time);
    assert_eq!(outcome(&tokens, &key.token(&claims(&issuer))).await, "invalid");
    assert_eq!(issuer.fetches(), 1);
}

#[tokio::test]
async fn a_new_key_is_taken_at_once_and_a_withdrawn_one_no_longer() {
    let [first, second, third] = ["a", "b", "c"].map(|kid| Key::new(kid, "ES256"));
    let time = Time::default();
    let issuer = Issuer::new(&[&first]).await;
    let tokens = tokens_at(&issuer, &time);
    let [old, new, newest] = [&first, &second, &third].map(|key| key.token(&claims(&issuer)));
    assert_eq!(outcome(&tokens, &old).await, "in");
    issuer.rotate(&[&first, &second]);
    assert_eq!(outcome(&tokens, &new).await, "in");
    assert_eq!(outcome(&tokens, &old).await, "in");
    assert_eq!(issuer.fetches(), 2);
    issuer.rotate(&[&third]);
    time.pass(30 * SECOND);
    assert_eq!(outcome(&tokens, &newest).await, "in");
    assert_eq!(outcome(&tokens, &old).await, "invalid");
    assert_eq!(outcome(&tokens, &new).await, "invalid");
    assert_eq!(issuer.fetches(), 3);
}

#[tokio::test]
async fn a_key_that_was_withdrawn_counts_for_ten_minutes_at_most() {
    let [withdrawn, other] = ["a", "b"].map(|kid| Key::new(kid, "ES256"));
    let time = Time::default();
    let issuer = Issuer::new(&[&withdrawn, &other]).await;
    let tokens = tokens_at(&issuer, &time);
    let token = withdrawn.token(&claims(&issuer));
    assert_eq!(outcome(&tokens, &token).await, "in");
    issuer.rotate(&[&other]);
    time.pass(10 * MINUTE);
    assert_eq!(outcome(&tokens, &token).await, "invalid");
}

#[tokio::test]
async fn many_callers_share_one_fetch() {
    let (key, time) = (Key::new("a", "ES256"), Time::default());
    let issuer = Issuer::new(&[&key]).await;
    let tokens = tokens_at(&issuer, &time);
    let token = key.token(&claims(&issuer));
    issuer.close();
    let all = async { join_all((0..50).map(|_| outcome(&tokens, &token))).await };
    let opens = async {
        while issuer.fetches() == 0 {
            tokio::task::yield_now().await;
        }
        issuer.open();
    };
    let (outcomes, ()) = tokio::join!(all, opens);
    assert_eq!(outcomes, ["in"; 50]);
    assert_eq!((issuer.fetches(), issuer.requests()), (1, 2));
}

#[tokio::test]
async fn many_callers_share_a_fetch_that_fails() {
    let (key, time) = (Key::new("a", "ES256"), Time::default());
    let issuer = Issuer::new(&[&key]).await;
    let tokens = tokens_at(&issuer, &time);
    issuer.answers_keys(Answer::Other(500, String::new()));
    let token = key.token(&claims(&issuer));
    let outcomes = join_all((0..50).map(|_| outcome(&tokens, &token))).await;
    assert_eq!(outcomes, ["unavailable"; 50]);
    assert_eq!(issuer.fetches(), 1);
}

#[tokio::test]
async fn many_callers_share_a_fetch_that_does_not_find_their_key() {
    let (key, time) = (Key::new("a", "ES256"), Time::default());
    let issuer = Issuer::new(&[]).await;
    let tokens = tokens_at(&issuer, &time);
    let token = key.token(&claims(&issuer));
    let outcomes = join_all((0..50).map(|_| outcome(&tokens, &token))).await;
    assert_eq!(outcomes, ["invalid"; 50]);
    assert_eq!(issuer.fetches(), 1);
}

#[tokio::test]
async fn while_one_caller_asks_again_others_go_on_with_what_is_known() {
    let (key, time) = (Key::new("a", "ES256"), Time::default());
    let issuer = Issuer::new(&[&key]).await;
    let tokens = tokens_at(&issuer, &time);
    let token = key.token(&claims(&issuer));
    assert_eq!(outcome(&tokens, &token).await, "in");
    time.pass(10 * MINUTE);
    issuer.close();
    let mut asking = Box::pin(outcome(&tokens, &token));
    while issuer.fetches() < 2 {
        assert!(poll!(&mut asking).is_pending());
        tokio::task::yield_now().await;
    }
    assert_eq!(poll!(Box::pin(outcome(&tokens, &token))), Poll::Ready("in"), "it waits for nobody");
    assert!(poll!(&mut asking).is_pending());
    issuer.open();
    assert_eq!(asking.await, "in");
    assert_eq!(issuer.fetches(), 2);
}

#[tokio::test]
async fn a_caller_that_is_gone_keeps_nobody_else_out() {
    let (key, time) = (Key::new("a", "ES256"), Time::default());
    let issuer = Issuer::new(&[&key]).await;
    let tokens = tokens_at(&issuer, &time);
    let token = key.token(&claims(&issuer));
    issuer.close();
    let mut asking = Box::pin(outcome(&tokens, &token));
    while issuer.fetches() == 0 {
        assert!(poll!(&mut asking).is_pending());
        tokio::task::yield_now().await;
    }
    drop(asking);
    issuer.open();
    assert_eq!(outcome(&tokens, &token).await, "unavailable", "it is too soon");
    assert_eq!(issuer.fetches(), 1);
    time.pass(5 * SECOND);
    assert_eq!(outcome(&tokens, &token).await, "in");
    assert_eq!(issuer.fetches(), 2);
}
