//! One invocation: takes what is due as long as there is something due and time left, and sends it, many at once. A listener has so many under way and no
//! more until one of these has ended, so that one that is slow keeps nobody waiting but itself.

use std::collections::HashMap;
use std::time::Instant;

use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt as _, StreamExt as _};
use runplane::events::{self, Delivery, Outcome, Room, Settled};
use runplane::metrics::{self, Metrics};
use runplane::reach::ReachFailure;
use serde::Serialize;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::{Deliverer, bus, webhook};

/// Deliveries of one webhook that are taken at once.
const OF_A_WEBHOOK: i64 = 16;
/// And of the bus, which takes ten with each request.
const OF_THE_BUS: i64 = 100;
/// Under way at once, of all.
const AT_ONCE: usize = 256;
/// Deliveries that one statement gives up or deletes, of each kind.
const BATCH: i64 = 1000;
/// How often that is done before anything is sent. What a webhook leaves behind that was deleted may be millions: the rest comes when everybody is told.
const BATCHES_FIRST: usize = 4;

/// What was done: counts of deliveries.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Delivered {
    /// Acknowledged.
    pub delivered: u64,
    /// Not acknowledged.
    pub failed: u64,
    /// Not tried again, as they have waited for three days.
    pub given_up: u64,
    /// Deleted, as they were given up a month ago or belong to no listener any more.
    pub deleted: u64,
    /// Whether time ran out before everything was done.
    pub unfinished: bool,
}

impl Delivered {
    /// Notes the counts as metrics. Zeros too, so that a graph has no holes.
    pub fn note(&self, metrics: &Metrics) {
        let counts = [
            (metrics::EVENTS_DELIVERED, self.delivered),
            (metrics::EVENTS_FAILED, self.failed),
            (metrics::EVENTS_GIVEN_UP, self.given_up),
            (metrics::DELIVER_UNFINISHED, u64::from(self.unfinished)),
        ];
        for (metric, count) in counts {
            metrics.note(metric, count as f64);
        }
    }
}

/// Delivers. Returns what was done, also if Postgres failed in the middle of it: what was under way then is sent again.
pub async fn deliver(deliverer: &Deliverer, until: Instant) -> (Delivered, Result<(), sqlx::Error>) {
    let mut delivered = Delivered::default();
    let app = &deliverer.app;
    let has_bus = deliverer.bus.is_some();
    if let Err(error) = app.call_in_time(async |conn| events::keep_bus(conn, has_bus).await).await {
        return (delivered, Err(error));
    }
    let cleared = clear(deliverer, until, BATCHES_FIRST, &mut delivered).await;
    // Those who wait to be told do not wait for that.
    if cleared.is_err() {
        app.db.discard().await;
    }
    let sent = send(deliverer, until, &mut delivered).await;
    let result = match (cleared, sent) {
        (Ok(true), Ok(())) => {
            clear(deliverer, until, usize::MAX, &mut delivered).await.map(|more| delivered.unfinished |= more)
        }
        (cleared, sent) => sent.and(cleared.map(drop)),
    };
    (delivered, result)
}

/// Clears away what nobody waits for any more, in so many batches at most. True: there is more of it.
async fn clear(
    deliverer: &Deliverer,
    until: Instant,
    batches: usize,
    delivered: &mut Delivered,
) -> Result<bool, sqlx::Error> {
    for _ in 0..batches {
        let expire = async |conn: &mut PgConnection| events::expire_deliveries(conn, BATCH).await;
        let expired = deliverer.app.call_in_time(expire).await?;
        delivered.given_up += expired.given_up;
        delivered.deleted += expired.deleted;
        if !expired.more || Instant::now() >= until {
            return Ok(expired.more);
        }
    }
    Ok(true)
}

async fn send(deliverer: &Deliverer, until: Instant, delivered: &mut Delivered) -> Result<(), sqlx::Error> {
    let mut under_way = UnderWay::default();
    let mut turn = None;
    loop {
        let room = AT_ONCE.saturating_sub(under_way.count());
        let time_left = Instant::now() < until;
        if time_left && room > 0 {
            let taken = take(deliverer, &under_way.listeners(), turn, room).await?;
            turn = last_turn(&taken, turn);
            under_way.add(deliverer, taken);
        }
        let Some(outcomes) = under_way.ended().await else {
            delivered.unfinished = !time_left;
            return Ok(());
        };
        let settled = settle(deliverer, &outcomes).await?;
        delivered.delivered += settled.delivered;
        delivered.failed += settled.failed;
        delivered.given_up += settled.given_up;
        for webhook in settled.gone {
            tracing::warn!(listener.id = %webhook, "a webhook said that it is gone, and is paused");
        }
    }
}

/// Notes what became of them. Once more on a new connection if that fails, since what was acknowledged and is not noted is sent again.
async fn settle(deliverer: &Deliverer, outcomes: &[Outcome]) -> Result<Settled, sqlx::Error> {
    let app = &deliverer.app;
    let settle = async |conn: &mut PgConnection| events::settle_deliveries(conn, outcomes).await;
    match app.call_in_time(settle).await {
        Ok(settled) => Ok(settled),
        Err(error) => {
            tracing::warn!(error = format!("{error:#}"), "what became of events is noted once more");
            app.db.discard().await;
            app.call_in_time(settle).await
        }
    }
}

/// Whose turn was the last one: turns go up from the one before, and then from below.
fn last_turn(taken: &[Delivery], before: Option<Uuid>) -> Option<Uuid> {
    let from_below = |listener: Uuid| before.is_some_and(|before| listener <= before);
    let listeners = taken.iter().map(|delivery| delivery.listener_id);
    listeners.max_by_key(|listener| (from_below(*listener), *listener)).or(before)
}

async fn take(
    deliverer: &Deliverer,
    busy: &[Uuid],
    turn: Option<Uuid>,
    room: usize,
) -> Result<Vec<Delivery>, sqlx::Error> {
    let room = Room { webhook: OF_A_WEBHOOK, bus: OF_THE_BUS, all: i64::try_from(room).unwrap_or(i64::MAX) };
    deliverer.app.call_in_time(async |conn| events::take_deliveries(conn, busy, turn, room).await).await
}

/// What is being sent.
#[derive(Default)]
struct UnderWay<'a> {
    requests: FuturesUnordered<BoxFuture<'a, Vec<Outcome>>>,
    /// How many deliveries, of each listener that has any.
    of_listener: HashMap<Uuid, usize>,
}

impl<'a> UnderWay<'a> {
    fn count(&self) -> usize {
        self.of_listener.values().sum()
    }

    fn listeners(&self) -> Vec<Uuid> {
        self.of_listener.keys().copied().collect()
    }

    fn add(&mut self, deliverer: &'a Deliverer, taken: Vec<Delivery>) {
        for delivery in &taken {
            *self.of_listener.entry(delivery.listener_id).or_default() += 1;
        }
        let (to_webhooks, to_bus): (Vec<_>, Vec<_>) =
            taken.into_iter().partition(|delivery| delivery.webhook.is_some());
        for delivery in to_webhooks {
            let sent = async move {
                let result = webhook::send(deliverer, &delivery).await;
                vec![outcome(&delivery, result)]
            };
            self.requests.push(sent.boxed());
        }
        for deliveries in to_bus.chunks(bus::MAX_ENTRIES).map(<[Delivery]>::to_vec) {
            let sent = async move {
                let results = bus::send(deliverer.bus.as_ref(), &deliveries).await;
                deliveries.iter().zip(results).map(|(delivery, result)| outcome(delivery, result)).collect()
            };
            self.requests.push(sent.boxed());
        }
    }

    /// What has ended by now, at least one; None: nothing is under way.
    async fn ended(&mut self) -> Option<Vec<Outcome>> {
        let mut ended = self.requests.next().await?;
        while let Some(Some(more)) = self.requests.next().now_or_never() {
            ended.extend(more);
        }
        for outcome in &ended {
            let listener = outcome.listener_id();
            if let Some(count) = self.of_listener.get_mut(&listener) {
                *count -= 1;
                if *count == 0 {
                    self.of_listener.remove(&listener);
                }
            }
        }
        Some(ended)
    }
}

/// Says so where it did not go well: ids, and the word for the error. What a receiver says, and the URL, may be secret.
fn outcome(delivery: &Delivery, result: Result<(), ReachFailure>) -> Outcome {
    if let Err(failure) = &result {
        tracing::info!(
            tenant.id = %delivery.tenant_id,
            listener.id = %delivery.listener_id,
            event.id = %delivery.event.id,
            attempt = delivery.attempt,
            error = failure.error,
            "an event was not delivered"
        );
    }
    Outcome::new(delivery, result)
}
