//! What else the machine was doing: a figure without it says nothing on a shared machine. Read from `/proc`; where there
//! is none (macOS), nothing is reported.

use std::time::Duration;

use super::stats::Spread;

/// Processor time since the machine started, over all cores, in ticks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cpu {
    total: u64,
    idle: u64,
    steal: u64,
}

/// Shares of the machine's processor time, in percent.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Shares {
    /// Not idle.
    pub busy: f64,
    /// Taken by other machines on the same host.
    pub steal: f64,
}

impl Cpu {
    /// At this moment.
    pub fn now() -> Option<Self> {
        Self::parse(&std::fs::read_to_string("/proc/stat").ok()?)
    }

    /// `cpu  user nice system idle iowait irq softirq steal guest guest_nice` (guests are part of user and nice).
    fn parse(stat: &str) -> Option<Self> {
        let fields: Vec<u64> = stat
            .lines()
            .next()?
            .strip_prefix("cpu ")?
            .split_whitespace()
            .map_while(|n| n.parse().ok())
            .collect();
        let [_, _, _, idle, iowait, _, _, steal, ..] = fields.as_slice() else { return None };
        Some(Self { total: fields.iter().take(8).sum(), idle: idle + iowait, steal: *steal })
    }

    /// The shares since `before`; `None` when no tick has passed.
    pub fn since(self, before: Self) -> Option<Shares> {
        let total = self.total.checked_sub(before.total).filter(|total| *total > 0)? as f64;
        let idle = self.idle.saturating_sub(before.idle) as f64;
        let steal = self.steal.saturating_sub(before.steal) as f64;
        Some(Shares { busy: 100.0 * (total - idle) / total, steal: 100.0 * steal / total })
    }
}

/// What the machine did besides some measurements.
#[derive(Debug, Default)]
pub struct Noise {
    load: Vec<f64>,
    others: Vec<f64>,
    steal: Vec<f64>,
    since: Option<Cpu>,
}

impl Noise {
    /// Watches for a second in which we do nothing; then measurements begin.
    pub async fn before(&mut self) {
        self.load.extend(load());
        self.others.extend(of_others().await.map(|shares| shares.busy));
        self.since = Cpu::now();
    }

    /// The measurements are over.
    pub fn after(&mut self) {
        let shares = Cpu::now().zip(self.since).and_then(|(now, before)| now.since(before));
        self.steal.extend(shares.map(|shares| shares.steal));
    }

    /// All of it in one line.
    pub fn line(&self) -> String {
        let of = |figures: &[f64]| {
            Spread::of(figures.iter().copied())
                .map_or_else(|| "unknown".to_owned(), |spread| format!("{spread:.1}"))
        };
        format!(
            "Noise, median (range): load average before each group of neighbours {}; processors busy with something else \
             in the second before it {} %; stolen during it {} %.",
            of(&self.load),
            of(&self.others),
            of(&self.steal)
        )
    }
}

/// What others do with the machine: watched for a second in which we do nothing.
pub async fn of_others() -> Option<Shares> {
    let before = Cpu::now();
    tokio::time::sleep(Duration::from_secs(1)).await;
    Cpu::now()?.since(before?)
}

/// The load average over one minute.
pub fn load() -> Option<f64> {
    std::fs::read_to_string("/proc/loadavg").ok()?.split(' ').next()?.parse().ok()
}

/// Processor time in seconds, user and kernel, of the children that this process has waited for.
pub fn children_cpu_seconds() -> Option<f64> {
    parse_children(&std::fs::read_to_string("/proc/self/stat").ok()?)
}

/// `pid (name) state …`; the name may contain blanks and brackets.
fn parse_children(stat: &str) -> Option<f64> {
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let ticks = fields.get(13)?.parse::<f64>().ok()? + fields.get(14)?.parse::<f64>().ok()?;
    // /proc counts in hundredths of a second on every architecture that Lambda has.
    Some(ticks / 100.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_of_the_time_between_two_readings() {
        let before = Cpu::parse("cpu  100 0 100 800 0 0 0 0 0 0\ncpu0 1 2 3\n").unwrap();
        let after = Cpu::parse("cpu  130 0 110 840 10 0 0 10 0 0\n").unwrap();
        assert_eq!(after.since(before), Some(Shares { busy: 50.0, steal: 10.0 }));
        assert_eq!(before.since(before), None);
    }

    #[test]
    fn what_is_no_proc_stat_is_none() {
        assert_eq!(Cpu::parse(""), None);
        assert_eq!(Cpu::parse("cpu  1 2 3"), None);
    }

    #[test]
    fn the_time_of_children_is_found_behind_a_name_with_brackets() {
        let stat = "7 (a (b) c) S 1 7 7 0 -1 4194304 1 2 3 4 50 60 250 150 20 0 1";
        assert_eq!(parse_children(stat), Some(4.0));
    }
}
