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
    /// The pause between heartbeats. Three fit into a lease, so that one may be lost.
    pub heartbeat_every: Duration,
}

impl Pace {
    /// A dead worker is noticed within half a minute.
    pub const DEFAULT: Pace = Pace { lease_seconds: 30, heartbeat_every: Duration::from_secs(10) };
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
    loop {
        tokio::select! {
            _ = &mut stop => return,
            () = tokio::time::sleep(pace.heartbeat_every) => {}
        }
        let beat = async {
            runs::heartbeat(&mut *app.conn().await?, Scope::Tenant(run.tenant_id), run.id, &request).await
        };
        match beat.await {
            Ok(_) => tracing::debug!("lease extended"),
            Err(HeartbeatError::Refused(refusal)) => {
                tracing::warn!("heartbeat refused: {refusal}");
                return;
            }
            Err(HeartbeatError::Db(error)) => {
                app.db.discard().await;
                tracing::warn!(
                    error = format!("{error:#}"),
                    "heartbeat did not reach Postgres: trying again"
                );
            }
        }
    }
}
