//! What Postgres was asked for, as its own log tells: every statement, those that `pg_stat_statements` leaves out (an empty one, which is a ping) too.

use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::PathBuf;

use anyhow::{Context as _, Result};

/// What makes Postgres write it. A line begins with the name of the role.
pub const SETTINGS: [(&str, &str); 3] =
    [("log_statement", "all"), ("log_connections", "authorization"), ("log_line_prefix", "%u|")];

/// What was asked of Postgres.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Asked {
    /// Statements that were executed, `begin` and `commit` among them.
    pub statements: u64,
    /// Connections that were opened.
    pub connections: u64,
}

/// The log, and whose lines count.
#[derive(Debug)]
pub struct Log {
    path: PathBuf,
    role: String,
    read: u64,
}

impl Log {
    /// From its end on; lines of `role` count.
    pub fn of(path: PathBuf, role: &str) -> Result<Self> {
        let read = std::fs::metadata(&path).with_context(|| format!("cannot read {}", path.display()))?.len();
        Ok(Self { path, role: role.to_owned(), read })
    }

    /// What was asked for since it was read before. Postgres writes a line before it does what the line says, so that all of what was answered is there.
    pub fn asked(&mut self) -> Result<Asked> {
        let mut file = std::fs::File::open(&self.path)?;
        file.seek(SeekFrom::Start(self.read))?;
        let mut new = Vec::new();
        self.read += file.read_to_end(&mut new)? as u64;
        Ok(count(&String::from_utf8_lossy(&new), &self.role))
    }
}

fn count(log: &str, role: &str) -> Asked {
    let mut asked = Asked::default();
    // The further lines of a statement begin with a tab.
    for line in log.lines().filter_map(|line| line.strip_prefix(role)?.strip_prefix("|LOG:  ")) {
        if line.starts_with("execute ") || line.starts_with("statement: ") {
            asked.statements += 1;
        } else if line.starts_with("connection authorized: ") {
            asked.connections += 1;
        }
    }
    asked
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_and_connections_of_the_role_are_counted() {
        let log = "\
a|LOG:  connection authorized: user=a database=runplane
a|LOG:  execute sqlx_s_1: select 1
\tfrom t where x = 'a|LOG:  execute '
a|DETAIL:  Parameters: $1 = '1'
a|LOG:  statement: begin
b|LOG:  statement: select 2
ab|LOG:  statement: select 3
|LOG:  checkpoint starting: time
";
        assert_eq!(count(log, "a"), Asked { statements: 2, connections: 1 });
        assert_eq!(count(log, "b"), Asked { statements: 1, connections: 0 });
        assert_eq!(count(log, "c"), Asked::default());
    }

    #[test]
    fn a_line_counts_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        std::fs::write(&path, "a|LOG:  statement: before\n").unwrap();
        let mut log = Log::of(path.clone(), "a").unwrap();
        assert_eq!(log.asked().unwrap(), Asked::default());
        std::fs::write(&path, "a|LOG:  statement: before\na|LOG:  statement: new\n").unwrap();
        assert_eq!(log.asked().unwrap().statements, 1);
        assert_eq!(log.asked().unwrap().statements, 0);
    }
}
