//! Which processes there are, and whether a recorded one is still the same: a pid alone proves nothing, since the system
//! gives it away again.

use std::path::Path;
use std::process::Command;

use serde::{Deserialize, Serialize};

/// A process that cannot be mistaken for a later one with the same pid.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// The process id.
    pub pid: u32,
    /// When it started, in the system's own terms; only ever compared.
    pub started: String,
}

impl Identity {
    /// Of the process `pid`; `None` when there is none (a zombie is none).
    pub fn of(pid: u32) -> Option<Self> {
        let found = if has_proc() { from_proc(pid) } else { from_ps(&["-p", &pid.to_string()]).pop() };
        found.map(|process| process.identity)
    }

    /// Of this process. `None` where the system does not tell.
    pub fn own() -> Option<Self> {
        Self::of(std::process::id())
    }

    /// Whether exactly this process still runs.
    pub fn alive(&self) -> bool {
        Self::of(self.pid).as_ref() == Some(self)
    }
}

/// A line of the process table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Process {
    /// Pid and start.
    pub identity: Identity,
    /// The pid of its parent.
    pub parent: u32,
    /// The id of its process group.
    pub group: u32,
    /// Its command line; empty where it is not readable.
    pub command: String,
}

/// All processes but zombies.
pub fn list() -> Vec<Process> {
    if !has_proc() {
        return from_ps(&["-A"]);
    }
    let pids = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    pids.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).filter_map(from_proc).collect()
}

/// Those of `all` that descend from `pid`, parents before their children; not `pid` itself.
pub fn descendants(all: &[Process], pid: u32) -> Vec<Identity> {
    let mut found: Vec<Identity> = Vec::new();
    let mut parents = vec![pid];
    while let Some(parent) = parents.pop() {
        for child in all.iter().filter(|process| process.parent == parent) {
            found.push(child.identity.clone());
            parents.push(child.identity.pid);
        }
    }
    found
}

/// Linux has `/proc`; a small Linux image often lacks `ps`. macOS is the other way round.
fn has_proc() -> bool {
    Path::new("/proc/self/stat").exists()
}

fn from_proc(pid: u32) -> Option<Process> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let command = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    let command = String::from_utf8_lossy(&command).replace('\0', " ");
    parse_stat(pid, &stat, boot.trim(), command.trim_end())
}

/// `/proc/<pid>/stat`: the name in brackets may hold anything, brackets and spaces included, so count from the last one.
fn parse_stat(pid: u32, stat: &str, boot: &str, command: &str) -> Option<Process> {
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    if matches!(*fields.first()?, "Z" | "X") {
        return None;
    }
    Some(Process {
        identity: Identity { pid, started: format!("{boot}/{}", fields.get(19)?) },
        parent: fields.get(1)?.parse().ok()?,
        group: fields.get(2)?.parse().ok()?,
        command: command.to_owned(),
    })
}

fn from_ps(which: &[&str]) -> Vec<Process> {
    let output = Command::new("ps")
        .args(which)
        .args(["-o", "pid=,ppid=,pgid=,stat=,lstart=,command="])
        .env("LC_ALL", "C")
        .output();
    let Ok(output) = output else { return Vec::new() };
    String::from_utf8_lossy(&output.stdout).lines().filter_map(parse_ps).collect()
}

/// `123  1  123 S+ Mon Nov 23 10:45:20 2026 /bin/program args`
fn parse_ps(line: &str) -> Option<Process> {
    let mut fields = line.split_whitespace();
    let (pid, parent, group) =
        (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
    if fields.next()?.starts_with('Z') {
        return None;
    }
    let rest: Vec<&str> = fields.collect();
    let (started, command) = rest.split_at_checked(5)?;
    Some(Process {
        identity: Identity { pid, started: started.join(" ") },
        parent,
        group,
        command: command.join(" "),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_is_itself_and_no_earlier_one_with_its_pid() {
        let own = Identity::own().unwrap();
        assert!(own.alive());
        assert!(!Identity { started: "earlier".to_owned(), ..own }.alive());
        assert!(list().iter().any(|process| process.identity.pid == std::process::id()));
    }

    #[test]
    fn a_name_with_brackets_and_spaces_does_not_shift_the_fields() {
        let stat = "7 (a) b (c)) S 3 7 7 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 4242 1 1";
        let process = parse_stat(7, stat, "boot", "a b").unwrap();
        assert_eq!((process.parent, process.group), (3, 7));
        assert_eq!(process.identity.started, "boot/4242");
    }

    #[test]
    fn a_zombie_is_no_process() {
        assert_eq!(parse_stat(7, "7 (a) Z 3 7 7 0 -1 0 0 0 0 0 0 0 0 0 0 0 1 0 4242", "", ""), None);
        assert_eq!(parse_ps("7 3 7 Z Mon Nov 23 10:45:20 2026 (a)"), None);
    }

    #[test]
    fn the_lines_of_ps_are_read() {
        let process = parse_ps("  77     1    77 Ss   Mon Nov 23 10:45:20 2026 /bin/p -a b").unwrap();
        assert_eq!(process.identity, Identity { pid: 77, started: "Mon Nov 23 10:45:20 2026".to_owned() });
        assert_eq!((process.parent, process.group, process.command.as_str()), (1, 77, "/bin/p -a b"));
    }

    #[test]
    fn grandchildren_are_descendants_and_neighbours_are_not() {
        let process = |pid, parent| Process {
            identity: Identity { pid, started: String::new() },
            parent,
            group: pid,
            command: String::new(),
        };
        let all = [process(2, 1), process(3, 2), process(4, 3), process(5, 1)];
        let found: Vec<u32> = descendants(&all, 2).iter().map(|identity| identity.pid).collect();
        assert_eq!(found, [3, 4]);
    }
}
