//! Keeping a lease while work goes on.

use std::time::Duration;

use runplane::app::App;
use runplane::runs::{self, Claim, HeartbeatError, HeartbeatRequest};
use runplane::scope::Scope;
use tokio::sync::oneshot;

/// How long the worker's leases are, and how often it extends them.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// The lease it asks for, in seconds.
    pub lease_seconds: i32,
    /// The pause between heartbeats: one of them may be lost, and the next one still comes in time.
    pub heartbeat_every: Duration,
    /// The pause before something that did not reach Postgres is tried again.
    pub retry_after: Duration,
}

impl Pace {
    /// A dead worker is noticed within half a minute.
    pub const DEFAULT: Pace = Pace {
        lease_seconds: 30,
        heartbeat_every: Duration::from_secs(10),
        retry_after: Duration::from_secs(1),
    };
}

/// How the work ended.
#[derive(Debug, PartialEq, Eq)]
pub enum Held<T> {
    /// The lease was ours throughout.
    Kept(T),
    /// It was lost, and the work was dropped where it stood.
    Lost,
}

/// Does the work while heartbeats keep its lease alive; drops it as soon as one is refused. A heartbeat that does not
/// reach Postgres is logged and tried again: the lease decides, not the network.
pub async fn keep<T>(app: &App, claim: &Claim, pace: Pace, work: impl Future<Output = T>) -> Held<T> {
    let (done, stop) = oneshot::channel::<()>();
    let beats = heartbeats(app, claim, pace, stop);
    let work = async {
        let result = work.await;
        // A heartbeat under way is waited for: dropping it would leave its statement on the connection.
        drop(done);
        result
    };
    tokio::pin!(beats, work);
    tokio::select! {
        result = &mut work => {
            beats.await;
            Held::Kept(result)
        }
        () = &mut beats => Held::Lost,
    }
}

/// Returns when a heartbeat was refused, or the work is done.
async fn heartbeats(app: &App, claim: &Claim, pace: Pace, mut stop: oneshot::Receiver<()>) {
    let run = &claim.run.run;
    let request =
        HeartbeatRequest { lease_token: Some(claim.run.lease_token), ..HeartbeatRequest::default() };
    let mut pause = pace.heartbeat_every;
    loop {
        tokio::select! {
            _ = &mut stop => return,
            () = tokio::time::sleep(pause) => {}
        }
        let beat = app.within_limit(async {
            runs::heartbeat(&mut *app.conn().await?, Scope::Tenant(run.tenant_id), run.id, &request).await
        });
        match beat.await {
            Ok(_) => {
                pause = pace.heartbeat_every;
                tracing::debug!("lease extended");
            }
            Err(HeartbeatError::Refused(refusal)) => {
                tracing::warn!("heartbeat refused: {refusal}");
                return;
            }
            Err(HeartbeatError::Db(error)) => {
                app.db.discard().await;
                pause = pace.retry_after;
                tracing::warn!(
                    error = format!("{error:#}"),
                    "heartbeat did not reach Postgres: trying again"
                );
            }
        }
    }
}
