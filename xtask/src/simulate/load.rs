//! When runs come: more of them by day than by night, and now and then many at once.

use std::f64::consts::TAU;

const DAY_SECONDS: f64 = 86_400.0;
/// How much the rate moves around its mean.
const SWING: f64 = 0.8;
/// The hour with the most runs.
pub const BUSIEST_HOUR: f64 = 14.0;
/// How many times as many come in a burst, and for how long.
pub const BURST: f64 = 3.0;
/// Seconds of a burst.
pub const BURST_SECONDS: f64 = 10.0;

/// Arrivals around an hour of the day.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Load {
    /// Runs a second, apart from the burst.
    pub rate: f64,
    /// When the burst begins, in seconds of the simulated time.
    pub burst_at: Option<f64>,
}

impl Load {
    /// Of so many runs a day, at an hour, without a burst.
    pub fn at(runs_a_day: f64, hour: f64) -> Self {
        let swing = 1.0 + SWING * (TAU * (hour - BUSIEST_HOUR) / 24.0).cos();
        Self { rate: runs_a_day / DAY_SECONDS * swing, burst_at: None }
    }

    /// The same with a burst.
    pub fn with_burst(self, at: f64) -> Self {
        Self { burst_at: Some(at), ..self }
    }

    /// Runs a second at a second of the simulated time.
    pub fn rate_at(&self, second: f64) -> f64 {
        let within = self.burst_at.is_some_and(|from| (from..from + BURST_SECONDS).contains(&second));
        if within { self.rate * BURST } else { self.rate }
    }

    /// No more come in any second.
    pub fn highest(&self) -> f64 {
        if self.burst_at.is_some() { self.rate * BURST } else { self.rate }
    }
}

/// How much more comes in the busiest hour than on average.
pub fn peak() -> f64 {
    1.0 + SWING
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_has_all_its_runs() {
        let hours = (0..24).map(|hour| Load::at(86_400_000.0, f64::from(hour)).rate * 3600.0);
        assert!((hours.sum::<f64>() - 86_400_000.0).abs() < 1.0);
        assert!((Load::at(86_400.0, BUSIEST_HOUR).rate - peak()).abs() < 1e-9);
    }

    #[test]
    fn a_burst_begins_and_ends() {
        let load = Load { rate: 10.0, burst_at: None }.with_burst(5.0);
        let rates = [4.9, 5.0, 14.9, 15.0].map(|second| load.rate_at(second));
        assert_eq!(rates, [10.0, 30.0, 30.0, 10.0]);
    }
}
