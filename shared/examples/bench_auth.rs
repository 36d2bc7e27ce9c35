//! The Rust half of `cargo xtask bench auth`: what an API key costs a claim. Interleaves claims that find nothing, as the function makes them: let in by anybody,
//! by a key, and by a key with a limit. `DATABASE_URL` names a database with a tenant and nothing that waits.

use std::time::Instant;

use anyhow::{Context as _, Result, ensure};
use http::HeaderMap;
use http::header::AUTHORIZATION;
use runplane::auth::{ApiKey, Auth, SECRET_BYTES};
use runplane::db::{Db, Plans, Pooler};
use runplane::runs::{self, ClaimOptions, Marks};
use uuid::Uuid;

/// Rounds, and claims in each.
const FULL: (usize, u32) = (15, 2000);
/// With the argument `small`: does it work at all? The figures mean nothing.
const SMALL: (usize, u32) = (1, 20);

/// How a request is let in.
struct Way {
    name: &'static str,
    auth: Auth,
    headers: HeaderMap,
    rounds: Vec<f64>,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let (rounds, claims) =
        if std::env::args().nth(1).is_some_and(|argument| argument == "small") { SMALL } else { FULL };
    let url = std::env::var("DATABASE_URL").context("DATABASE_URL is not set")?;
    let db = Db::from_url(&url, Plans::Generic, Pooler::None)?;
    let open = Way { name: "`AUTH=off`", auth: Auth::off(), headers: HeaderMap::new(), rounds: Vec::new() };
    let mut ways =
        [open, with_key(&db, "a key", None).await?, with_key(&db, "a key with a limit", Some(10_000)).await?];
    let marks = Marks::default();
    let options = ClaimOptions {
        worker: "bench",
        queues: None,
        lease_seconds: 30,
        claim_id: None,
        max_runs: 1,
        pushed_only: false,
    };
    // The first round connects and prepares.
    for round in 0..=rounds {
        for way in &mut ways {
            let started = Instant::now();
            for _ in 0..claims {
                let principal = way
                    .auth
                    .principal(&way.headers, &db)
                    .await
                    .map_err(|problem| anyhow::anyhow!("{problem:?}"))?;
                let claimed =
                    db.call(async |conn| runs::claim(conn, principal.scope(), &marks, options).await).await?;
                ensure!(claimed.claims.is_empty(), "a run waits in this database");
            }
            if round > 0 {
                way.rounds.push(started.elapsed().as_secs_f64() * 1e6 / f64::from(claims));
            }
        }
    }
    println!("| {claims} claims that find nothing | µs a claim |\n|---|---|");
    for way in &mut ways {
        way.rounds.sort_by(f64::total_cmp);
        let (median, least, most) = (way.rounds[rounds / 2], way.rounds[0], way.rounds[rounds - 1]);
        println!("| {} | {median:.1} ({least:.1}–{most:.1}) |", way.name);
    }
    Ok(())
}

async fn with_key(db: &Db, name: &'static str, per_second: Option<i32>) -> Result<Way> {
    let key = ApiKey::new(Uuid::now_v7(), [1; SECRET_BYTES]);
    let insert = sqlx::query(
        "insert into api_keys (id, name, roles, secret_sha256, created_by, requests_per_second)
         values ($1, 'bench', '{worker}', $2, 'bench', $3)",
    );
    let insert = insert.bind(key.id).bind(key.digest().to_vec()).bind(per_second);
    db.call(async |conn| insert.execute(conn).await).await?;
    let bearer = format!("Bearer {}", key.text()).parse()?;
    let headers = HeaderMap::from_iter([(AUTHORIZATION, bearer)]);
    Ok(Way { name, auth: Auth::required(None), headers, rounds: Vec::new() })
}
