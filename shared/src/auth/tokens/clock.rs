//! The time that keys go by.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

/// Says how much time has gone by since some moment.
#[derive(Clone)]
pub struct Clock(Arc<dyn Fn() -> Duration + Send + Sync>);

impl Clock {
    /// That of the system. Two clocks, and the one that is ahead counts: one is set now and then, the other may stand still while an environment is
    /// frozen.
    pub fn system() -> Self {
        let (steady, wall) = (Instant::now(), SystemTime::now());
        Self::of(move || steady.elapsed().max(wall.elapsed().unwrap_or_default()))
    }

    /// One that `now` tells.
    pub fn of(now: impl Fn() -> Duration + Send + Sync + 'static) -> Self {
        Self(Arc::new(now))
    }

    /// How much time has gone by.
    pub(super) fn now(&self) -> Duration {
        (self.0)()
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Clock").field(&self.now()).finish()
    }
}
