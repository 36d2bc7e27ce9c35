//! A database that is not configured, or leads nowhere.

use crate::faults::silent;
use crate::stage::{FUNCTIONS, functions, problems_in_time};

#[tokio::test]
async fn a_missing_or_wrong_database_url_is_answered_and_not_hung_upon() {
    let silent = format!("postgres://postgres@127.0.0.1:{}/runplane", silent().await);
    for (url, status) in [
        (None, 500),
        (Some(""), 500),
        (Some("nonsense"), 500),
        (Some("postgres://postgres@127.0.0.1:1/runplane"), 503),
        (Some(silent.as_str()), 503),
    ] {
        let functions = functions();
        let functions = match url {
            Some(url) => functions.env("DATABASE_URL", url),
            None => functions,
        };
        let host = functions.start().await.unwrap();
        for (function, problem) in FUNCTIONS.iter().zip(problems_in_time(&host).await) {
            let code = if status == 500 { "internal" } else { "unavailable" };
            assert_eq!((problem.status, problem.code.as_str()), (status, code), "{function} with {url:?}");
        }
        if status == 500 {
            let logged = host.logs("create").join("\n");
            assert!(logged.contains("DATABASE_URL"), "the log names the variable: {logged}");
        }
    }
}
