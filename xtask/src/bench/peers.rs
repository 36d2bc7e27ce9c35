//! What we compare with: other queues on Postgres, each by the client that it comes with (`xtask/peers/`).

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};
use sqlx::Connection;

use super::case::Measured;
use super::{noise, world};
use crate::node::Node;
use crate::paths::Dirs;
use crate::postgres::Server;
use crate::process::Spec;
use crate::{database, python, venv};

/// What `xtask/peers/` has.
const FILES: [&str; 11] = [
    "package.json",
    "package-lock.json",
    "common.mjs",
    "graphile.mjs",
    "pgboss.mjs",
    "dialect.mjs",
    "adapter-graphile.mjs",
    "adapter-graphile-worker.mjs",
    "adapter-pgboss.mjs",
    "procrastinate_peer.py",
    "original.py",
];

/// Of npm's packages, and of PyPI's.
const NAMED: [&[&str]; 2] = [&["graphile-worker", "pg-boss"], &["procrastinate", "fastapi", "SQLAlchemy"]];

/// Names and versions of those who are compared with, in one line. Fails when a file does not pin one.
pub fn versions(dirs: &Dirs) -> Result<String> {
    let read = |name: &str| {
        std::fs::read_to_string(dirs.root().join(name)).with_context(|| format!("cannot read {name}"))
    };
    let npm: serde_json::Value = serde_json::from_str(&read("xtask/peers/package.json")?)?;
    let pypi = read("localstack/peers.txt")?;
    let mut all = Vec::new();
    for &name in NAMED[0] {
        all.push((name, npm["dependencies"][name].as_str()));
    }
    for &name in NAMED[1] {
        let version = pypi.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix("=="));
        all.push((name, version));
    }
    let all = all.into_iter().map(|(name, version)| {
        version.map(|version| format!("{name} {version}")).with_context(|| format!("{name} is not pinned"))
    });
    Ok(all.collect::<Result<Vec<_>>>()?.join(", "))
}

/// A queue that is not ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Peer {
    /// <https://github.com/graphile/worker>
    Graphile,
    /// <https://github.com/timgit/pg-boss>
    PgBoss,
    /// <https://github.com/procrastinate-org/procrastinate>
    Procrastinate,
}

impl Peer {
    /// In names of files and databases.
    pub fn name(self) -> &'static str {
        match self {
            Self::Graphile => "graphile",
            Self::PgBoss => "pgboss",
            Self::Procrastinate => "procrastinate",
        }
    }

    /// How many of `runs` its tables show as done: graphile-worker deletes what is.
    fn done(self) -> &'static str {
        match self {
            Self::Graphile => "select $1 - count(*) from graphile_worker._private_jobs",
            Self::PgBoss => {
                "select count(*) from pgboss.job where name = 'noop' and state = 'completed' and $1 > 0"
            }
            Self::Procrastinate => {
                "select count(*) from procrastinate_jobs where status = 'succeeded' and $1 > 0"
            }
        }
    }

    /// Makes jobs that wait ones that have ended. graphile-worker keeps none of those.
    fn finish(self) -> &'static str {
        match self {
            Self::Graphile => "truncate graphile_worker._private_jobs",
            Self::PgBoss => {
                "update pgboss.job set state = 'completed', started_on = now(), completed_on = now() where name = 'noop'"
            }
            Self::Procrastinate => "update procrastinate_jobs set status = 'succeeded', attempts = 1",
        }
    }

    /// The database with `runs` jobs that wait.
    pub fn database(self, runs: u32) -> String {
        format!("{}_{runs}", self.name())
    }
}

/// Node with the peers' packages, and a Python with its own where that was asked for.
#[derive(Debug)]
pub struct Peers {
    node: Node,
    folder: PathBuf,
    python: Option<PathBuf>,
}

#[derive(Serialize)]
struct Order<'a> {
    action: &'a str,
    url: &'a str,
    setting: &'a str,
    seconds: u32,
    runs: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    workers: Option<u32>,
}

/// What a peer does.
#[derive(Debug, Clone, Copy)]
pub struct Job<'a> {
    /// One of the settings of its program in `xtask/peers/`.
    pub setting: &'a str,
    /// For how long.
    pub seconds: u32,
    /// Jobs that wait.
    pub runs: u32,
    /// Jobs that have ended before.
    pub finished: u32,
    /// How many work at once; `None`: as many as the program says.
    pub workers: Option<u32>,
}

#[derive(Deserialize)]
struct Report {
    done: u64,
    seconds: f64,
    total: u64,
}

impl Peers {
    /// Installs Node (`.dev/venv/node`) and the packages that `xtask/peers/` pins (`.dev/peers`), unless they are there. npm
    /// and pip get the caller's environment, so the user's own configuration counts. Fails when one of them does.
    pub async fn install(dirs: &Dirs) -> Result<Self> {
        let node = Node::ensure(dirs).await?;
        let (source, folder) = (dirs.root().join("xtask/peers"), dirs.dev()?.join("peers"));
        std::fs::create_dir_all(&folder)?;
        let waiting = "Another command is installing the other queues; waiting for it";
        let _lock = venv::lock(&folder.join("lock"), waiting).await?;
        for file in FILES {
            let copied = std::fs::copy(source.join(file), folder.join(file));
            copied.with_context(|| format!("cannot copy {} of {}", file, source.display()))?;
        }
        node.packages(&folder).await?;
        Ok(Self { node, folder, python: None })
    }

    /// With what `localstack/peers.txt` pins for Python beside them (`.dev/venv/peers`). Fails when pip does.
    pub async fn with_python(self, dirs: &Dirs) -> Result<Self> {
        let python = venv::ensure(dirs, "peers", &python::find()?).await?.join("bin/python");
        Ok(Self { python: Some(python), ..self })
    }

    /// The Python with its packages, and the folder of the peers' programs. Fails where it was not asked for.
    pub fn python(&self) -> Result<(&Path, &Path)> {
        Ok((self.python.as_deref().context("Python was not asked for")?, &self.folder))
    }

    /// Makes the peer's database `name` with `finished` jobs that have ended and `runs` that do nothing and wait. Fails with what its
    /// client says.
    pub async fn seed(
        &self,
        server: &Server,
        name: &str,
        peer: Peer,
        finished: u32,
        runs: u32,
    ) -> Result<()> {
        let url = &world::create(server, name).await?;
        let order = |runs| Order { action: "seed", url, setting: "", seconds: 0, runs, workers: None };
        if finished > 0 {
            self.call(peer, &order(finished)).await?;
            let mut connection = database::connect(url).await?;
            sqlx::query(peer.finish()).execute(&mut connection).await?;
            connection.close().await?;
        }
        self.call(peer, &order(runs)).await?;
        let mut connection = database::connect(url).await?;
        sqlx::raw_sql("vacuum (analyze, freeze)").execute(&mut connection).await?;
        Ok(connection.close().await?)
    }

    /// Has the peer work for some seconds on a copy of its database. What its tables do not show as done in the end does not
    /// count. Fails with what its client says.
    pub async fn run(&self, database_url: &str, peer: Peer, job: Job<'_>) -> Result<Measured> {
        let Job { setting, seconds, runs, finished, workers } = job;
        let cpu = noise::children_cpu_seconds();
        let order = Order { action: "run", url: database_url, setting, seconds, runs, workers };
        let output = self.call(peer, &order).await?;
        let cpu = cpu.zip(noise::children_cpu_seconds()).map(|(before, after)| after - before);
        let report: Report = serde_json::from_slice(&output).context("the peer's report")?;
        let mut connection = database::connect(database_url).await?;
        let shown = sqlx::query_scalar(peer.done()).bind(i64::from(runs));
        let shown: i64 = shown.fetch_one(&mut connection).await?;
        connection.close().await?;
        let kept = if peer == Peer::Graphile { 0 } else { i64::from(finished) };
        let done = counted(&report, (shown - kept).try_into().unwrap_or(0));
        // The client's time is that of all it did, its start and its warm-up included.
        let client_us = Measured::new(report.total, 0.0, cpu).client_us;
        Ok(Measured { done, per_second: done as f64 / report.seconds, client_us })
    }

    /// What starts the peer's adapter for `cargo xtask conformance` on a port of 127.0.0.1.
    pub fn adapter(&self, peer: Peer, database_url: &str, port: u16) -> Spec {
        let spec = serde_json::json!({ "url": database_url, "port": port }).to_string();
        Spec {
            name: format!("conformance-{}", peer.name()),
            program: self.node.program(),
            args: vec![format!("adapter-{}.mjs", peer.name()).into(), spec.into()],
            cwd: Some(self.folder.clone()),
            port: Some(port),
            ..Spec::default()
        }
    }

    async fn call(&self, peer: Peer, order: &Order<'_>) -> Result<Vec<u8>> {
        let (program, file) = match peer {
            Peer::Procrastinate => (self.python()?.0.to_owned(), "procrastinate_peer.py".to_owned()),
            Peer::Graphile | Peer::PgBoss => (self.node.program(), format!("{}.mjs", peer.name())),
        };
        let mut command = self.node.command(&program, &self.folder)?;
        command.arg(file).arg(serde_json::to_string(order)?);
        let output = command.output().await.with_context(|| format!("cannot start {}", program.display()))?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            bail!("{} failed: {}", peer.name(), said.trim());
        }
        Ok(output.stdout)
    }
}

/// What was done within the measured time, less what the client says it did and the tables do not show.
fn counted(report: &Report, shown: u64) -> u64 {
    report.done.saturating_sub(report.total.saturating_sub(shown))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_tables_do_not_show_does_not_count() {
        let report = Report { done: 100, seconds: 1.0, total: 130 };
        assert_eq!(counted(&report, 130), 100);
        assert_eq!(counted(&report, 120), 90);
        assert_eq!(counted(&report, 0), 0);
    }

    #[test]
    fn everybody_has_a_version() {
        let versions = versions(&Dirs::new(Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap())).unwrap();
        let names: Vec<&str> = versions.split(", ").map(|one| one.split_once(' ').unwrap().0).collect();
        assert_eq!(names, NAMED.concat());
    }

    #[test]
    fn every_file_of_the_peers_is_copied() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("peers");
        let files = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().file_name());
        let files = files.filter_map(|name| name.into_string().ok()).filter(|name| name != "node_modules");
        let mut files: Vec<String> = files.collect();
        files.sort();
        let mut copied = FILES.map(str::to_owned).to_vec();
        copied.sort();
        assert_eq!(files, copied);
    }

    #[test]
    fn the_packages_are_pinned_and_come_from_wherever_the_user_says() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("peers");
        let read = |name: &str| -> serde_json::Value {
            serde_json::from_str(&std::fs::read_to_string(folder.join(name)).unwrap()).unwrap()
        };
        for (name, version) in read("package.json")["dependencies"].as_object().unwrap() {
            assert!(version.as_str().unwrap().chars().all(|c| c.is_ascii_digit() || c == '.'), "{name}");
        }
        for (name, package) in read("package-lock.json")["packages"].as_object().unwrap() {
            assert!(
                package.get("resolved").is_none(),
                "{name}: generate it with --omit-lockfile-registry-resolved"
            );
            assert!(name.is_empty() || package["integrity"].is_string(), "{name}");
        }
    }
}
