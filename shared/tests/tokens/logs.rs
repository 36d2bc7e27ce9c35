use std::cell::RefCell;
use std::io;

use serde_json::json;

use crate::issuer::{Answer, Issuer};
use crate::keys::Key;
use crate::support::{Time, at, claims, outcome, tokens_at, with};

thread_local! {
    static LOG: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// Of each thread, and so of each test, by itself.
struct Log;

impl Log {
    fn take() -> String {
        String::from_utf8(LOG.take()).unwrap()
    }
}

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        LOG.with_borrow_mut(|log| log.extend_from_slice(bytes));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn the_log_says_why_a_token_was_refused_and_nothing_of_what_stands_in_it() {
    // For all threads: what one thread logs for the first time is logged nowhere later if that thread has no subscriber.
    tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_ansi(false)
        .with_writer(|| Log)
        .init();

    let [key, theirs] = ["kid-a", "kid-b"].map(|kid| Key::new(kid, "ES256"));
    let issuer = Issuer::new(&[&key]).await;
    let tokens = tokens_at(&issuer, &Time::default());
    let claims = with(claims(&issuer), json!({"sub": "subject-x", "more": "more-x"}));
    let changed = |changes| key.token(&with(claims.clone(), changes));
    let refused = [
        (changed(json!({"exp": at(-60)})), "it has expired"),
        (changed(json!({"nbf": at(60)})), "it is not valid yet"),
        (changed(json!({"exp": "exp-x"})), "it has no issuer, audience, subject or end"),
        (changed(json!({"aud": "aud-x"})), "it is for somebody else"),
        (changed(json!({"iss": "https://iss-x"})), "it is of another issuer"),
        (changed(json!({"sub": "subject-x\n"})), "its subject cannot be used"),
        (changed(json!({"tenant_id": "tenant-x"})), "its tenant is no UUID"),
        (theirs.token(&claims), "none of the issuer's keys fits"),
        (
            theirs.signed(&json!({"alg": "ES256", "kid": "kid-a"}), &claims),
            "its signature is not of this key",
        ),
        (key.signed(&json!({"alg": "alg-x"}), &claims), "its algorithm is not taken"),
        (key.signed(&json!({"alg": "ES256", "typ": "typ-x"}), &claims), "it is of a type that is not taken"),
        (key.signed(&json!({"alg": "ES256", "crit": ["crit-x"]}), &claims), "it has critical extensions"),
        (key.signed(&json!({"alg": "ES256", "kid": ["kid-x"]}), &claims), "its header cannot be read"),
        (key.signed(&json!({"alg": "ES256"}), &json!({"iss": ["iss-x"]})), "its claims cannot be read"),
        ("a.b.c.d".to_owned(), "it has other than three parts"),
    ];
    for (token, expected) in refused {
        Log::take();
        assert_eq!(outcome(&tokens, &token).await, "invalid", "{expected}");
        let text = Log::take();
        assert!(text.contains(&format!("A token was refused: {expected}")), "{expected}: {text}");
        assert_nothing_of(&token, &text);
    }
    let tokens = tokens_at(&issuer, &Time::default());
    issuer.answers_keys(Answer::Other(200, "secret-x".to_owned()));
    let token = key.token(&claims);
    assert_eq!(outcome(&tokens, &token).await, "unavailable");
    let text = Log::take();
    assert!(
        text.contains(
            "The keys of the token issuer could not be fetched: keys: the answer is no JSON Web Key Set"
        ),
        "{text}"
    );
    assert_nothing_of(&token, &text);
}

fn assert_nothing_of(token: &str, log: &str) {
    for part in token.split('.').filter(|part| part.len() > 1) {
        assert!(!log.contains(part), "{part}: {log}");
    }
    for word in ["-x", "kid-a", "kid-b"] {
        assert!(!log.contains(word), "{word}: {log}");
    }
}
