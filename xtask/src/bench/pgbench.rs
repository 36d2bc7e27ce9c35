//! The limit: pgbench with the verbs' own statements.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context, Result, bail};
use tokio::process::Command;

use super::script::{NULL, to_pgbench};
use super::verbs::{Case, Measured};
use super::{noise, world};
use crate::paths::Dirs;
use crate::postgres::Server;
use crate::{database, postgres};

/// As `runplane::db::Db` sets up its connections.
const PGOPTIONS: &str = "-c plan_cache_mode=force_generic_plan -c statement_timeout=4500 -c jit=off";
/// A UUID that is greater than all before it, or nearly, as the verb's own (version 7) are: they go to the same end of
/// the indexes.
const NEXT_ID: &str = "('ff' || lpad(to_hex(:number::bigint), 30, '0'))";
/// Variables live as long as their client: each counts by itself, and its last digits are its own.
const COUNT: &str = "\\set step :step + 1\n\\set number :step * 1000 + :client_id\n";

/// pgbench and its scripts.
#[derive(Debug)]
pub struct Pgbench {
    program: PathBuf,
    scripts: PathBuf,
}

impl Pgbench {
    /// Writes the scripts, one per case, to `.dev/bench/`. The server has been migrated.
    pub async fn prepare(dirs: &Dirs, server: &Server) -> Result<Self> {
        let scripts = dirs.dev()?.join("bench");
        std::fs::create_dir_all(&scripts)?;
        let arguments = [":tenant", ":no_tenant", NULL, ":worker", ":lease_seconds", NULL];
        let claim = statement(dirs, server, "claim", &arguments);
        let arguments = [":tenant", ":claimed_id", ":claimed_lease_token", NULL];
        let complete = statement(dirs, server, "complete", &arguments);
        let claim_complete = format!("{}\n\\gset claimed_\n{};\n", claim.await?, complete.await?);
        std::fs::write(script(&scripts, Case::ClaimComplete), claim_complete)?;
        #[rustfmt::skip]
        let arguments = [
            NEXT_ID, ":tenant", ":version", ":trigger", ":empty", NULL, ":priority", ":empty", ":dispatch", NULL, NULL,
            ":max_lost", NULL, NULL, NULL,
        ];
        let create = statement(dirs, server, "create", &arguments);
        std::fs::write(script(&scripts, Case::Create), format!("{COUNT}{};\n", create.await?))?;
        Ok(Self { program: postgres::install(dirs).await?.join("pgbench"), scripts })
    }

    /// Runs a case on the database of `server` that [`world::copy`] made.
    pub async fn run(
        &self,
        server: &Server,
        database_url: &str,
        case: Case,
        connections: u32,
        seconds: u32,
    ) -> Result<Measured> {
        let threads = std::thread::available_parallelism().map_or(1, usize::from).min(connections as usize);
        let mut command = Command::new(&self.program);
        for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("PG")) {
            command.env_remove(name);
        }
        command
            .env_remove("LD_LIBRARY_PATH")
            .env("PGOPTIONS", PGOPTIONS)
            .args(["-n", "-M", "prepared", "-f"]);
        command.arg(script(&self.scripts, case));
        for (option, value) in
            [("-c", connections), ("-j", threads as u32), ("-T", seconds), ("-p", server.port.into())]
        {
            command.arg(option).arg(value.to_string());
        }
        for (name, value) in [
            ("tenant", world::TENANT),
            ("version", world::VERSION),
            ("no_tenant", "00000000-0000-0000-0000-000000000000"),
            ("worker", "worker-1"),
            ("lease_seconds", "300"),
            ("trigger", "manual"),
            ("empty", "{}"),
            ("priority", "5"),
            ("dispatch", "pull"),
            ("max_lost", "3"),
            ("step", "0"),
        ] {
            command.arg("-D").arg(format!("{name}={value}"));
        }
        command.args(["-h", "127.0.0.1", "-U", "postgres"]).arg(database_name(database_url));
        let cpu = noise::children_cpu_seconds();
        let output = command.stdin(Stdio::null()).kill_on_drop(true).output().await;
        let output = output.context("cannot start pgbench")?;
        let cpu = cpu.zip(noise::children_cpu_seconds()).map(|(before, after)| after - before);
        let text = String::from_utf8_lossy(&output.stdout);
        match parse(&text) {
            Some((done, per_second)) if output.status.success() => Ok(Measured::new(done, per_second, cpu)),
            _ => bail!(
                "pgbench failed (did the queue run dry? then give --backlog a larger number): {}",
                String::from_utf8_lossy(&output.stderr).trim()
            ),
        }
    }
}

async fn statement(dirs: &Dirs, server: &Server, name: &str, arguments: &[&str]) -> Result<String> {
    let path = dirs.root().join(format!("shared/sql/{name}.sql"));
    let sql = std::fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    let mut connection = database::connect(&server.database_url).await?;
    let types = world::parameter_types(&mut connection, name, &sql).await?;
    if types.len() != arguments.len() {
        bail!(
            "{} has {} parameters, the benchmark gives it {}",
            path.display(),
            types.len(),
            arguments.len()
        );
    }
    to_pgbench(&sql, &types, arguments)
}

fn script(folder: &Path, case: Case) -> PathBuf {
    folder.join(format!("{}.sql", case.name()))
}

fn database_name(url: &str) -> &str {
    url.rsplit('/').next().unwrap_or(url)
}

/// How many transactions pgbench says it ran, and how many of them a second.
fn parse(text: &str) -> Option<(u64, f64)> {
    let after = |start: &str| text.lines().find_map(|line| line.strip_prefix(start)?.split(' ').next());
    let done = after("number of transactions actually processed: ")?.parse().ok()?;
    Some((done, after("tps = ")?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pgbenchs_summary_is_read() {
        let text = "transaction type: a.sql\nnumber of transactions actually processed: 4711\n\
                    number of failed transactions: 0 (0.000%)\ninitial connection time = 3.1 ms\n\
                    tps = 1234.567890 (without initial connection time)\n";
        assert_eq!(parse(text), Some((4711, 1234.56789)));
        assert_eq!(parse("pgbench: error"), None);
    }

    #[test]
    fn a_url_ends_in_its_database() {
        assert_eq!(database_name("postgres://postgres@127.0.0.1:1/bench"), "bench");
    }
}
