//! How much memory the evaluators of this process take.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

/// The most that one child has taken, in KiB.
#[derive(Clone, Copy, Debug, Default)]
pub struct Peak {
    /// Of memory, whatever is in it: its program too.
    pub resident: u64,
    /// Of memory that no file holds: its stack and what it has allocated.
    pub anonymous: u64,
    /// Of addresses.
    pub addresses: u64,
    /// How many children were seen.
    pub children: usize,
}

/// Looks at the children again and again, in a thread of its own.
pub struct Watch {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<Peak>,
}

impl Watch {
    pub fn start() -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let thread = std::thread::spawn(move || {
            let (mut peak, mut seen) = (Peak::default(), HashMap::new());
            while !stopped.load(Ordering::Relaxed) {
                for (pid, fields) in children() {
                    let field = |name: &str| fields.get(name).copied().unwrap_or_default();
                    peak.resident = peak.resident.max(field("VmHWM"));
                    peak.anonymous = peak.anonymous.max(field("RssAnon"));
                    peak.addresses = peak.addresses.max(field("VmPeak"));
                    seen.insert(pid, ());
                }
                // Not for anything to pass: a child grows by less than it may meanwhile.
                std::thread::sleep(Duration::from_millis(2));
            }
            Peak { children: seen.len(), ..peak }
        });
        Self { stop, thread }
    }

    pub fn stop(self) -> Peak {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().unwrap()
    }
}

/// The children of this process, each with the numbers that the kernel tells of it.
fn children() -> Vec<(u32, HashMap<String, u64>)> {
    let own = u64::from(std::process::id());
    let processes = std::fs::read_dir("/proc")
        .unwrap()
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    processes
        .filter_map(|pid: u32| {
            // It may have ended since. Before it has become the child that it is to be, it shows the memory of this process.
            let command = std::fs::read_to_string(format!("/proc/{pid}/cmdline")).ok()?;
            if !command.contains("\0evaluate\0") {
                return None;
            }
            let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
            let fields: HashMap<String, u64> = status
                .lines()
                .filter_map(|line| {
                    let (name, value) = line.split_once(':')?;
                    Some((name.to_owned(), value.split_whitespace().next()?.parse().ok()?))
                })
                .collect();
            (fields.get("PPid") == Some(&own)).then_some((pid, fields))
        })
        .collect()
}
