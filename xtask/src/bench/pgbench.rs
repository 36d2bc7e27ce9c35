//! The limit: pgbench with the verbs' own statements.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context, Result, bail};
use sqlx::{Connection, PgConnection};
use tokio::process::Command;

use super::case::{Case, Measured, Work};
use super::noise;
use super::script::{Variables, to_pgbench};
use super::statements::{self, Memory, Statement};
use super::world::{TENANT, VERSION, quoted};
use crate::paths::Dirs;
use crate::postgres::Server;
use crate::{data_folder, database, postgres};

/// As `runplane::db::Db` sets up its connections.
const PGOPTIONS: &str = "-c plan_cache_mode=force_generic_plan -c statement_timeout=2500 -c jit=off";
/// A UUID that is greater than all before it, or nearly, as the verb's own (version 7) are: they go to the same end of
/// the indexes.
const NEXT_ID: &str = "('ff' || lpad(to_hex(:number::bigint), 30, '0'))";
/// Variables live as long as their client: each counts by itself, and its last digits are its own.
const COUNT: &str = "\\set step :step + 1\n\\set number :step * 1000 + :client_id\n";

/// pgbench and its scripts.
#[derive(Debug)]
pub struct Pgbench {
    program: PathBuf,
    scripts: BTreeMap<String, Script>,
}

#[derive(Debug)]
struct Script {
    path: PathBuf,
    variables: Variables,
}

impl Pgbench {
    /// Writes a script for each of the cases to `.dev/bench/`. The server has been migrated. Fails when a statement does not
    /// fit the database, or for a case that pgbench cannot do.
    pub async fn prepare(dirs: &Dirs, server: &Server, cases: &[Case]) -> Result<Self> {
        let folder = dirs.dev()?.join("bench");
        std::fs::create_dir_all(&folder)?;
        let mut connection = database::connect(&server.database_url).await?;
        let mut scripts = BTreeMap::new();
        for &case in cases {
            let (text, variables) = script(dirs, &mut connection, case).await?;
            let path = folder.join(format!("{}.sql", case.name()));
            std::fs::write(&path, text)?;
            scripts.insert(case.name(), Script { path, variables });
        }
        connection.close().await?;
        Ok(Self { program: postgres::install(dirs).await?.join("pgbench"), scripts })
    }

    /// Runs a case that was prepared for on a database of `server`. Fails with what pgbench says.
    pub async fn run(&self, server: &Server, database: &str, case: Case, seconds: u32) -> Result<Measured> {
        let script = self.scripts.get(&case.name()).context("a case that was not prepared for")?;
        let mut variables = script.variables.clone();
        let first = [("step", "0"), ("claimed_new_times", "{}"), ("claimed_new_runs", "{}")];
        variables.extend(first.map(|(name, value)| (name.to_owned(), value.to_owned())));
        execute(&self.program, server, database, &script.path, &variables, case, seconds).await
    }
}

/// Runs a script of which each turn does a case's number of runs, over its connections. Fails with what pgbench says.
pub async fn execute(
    program: &Path,
    server: &Server,
    database: &str,
    script: &Path,
    variables: &Variables,
    case: Case,
    seconds: u32,
) -> Result<Measured> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let threads = cores.min(case.connections as usize);
    let mut command = Command::new(program);
    for name in data_folder::pg_variables() {
        command.env_remove(name);
    }
    command.env("PGOPTIONS", PGOPTIONS).args(["-n", "-M", "prepared", "-f"]).arg(script);
    for (option, value) in
        [("-c", case.connections), ("-j", threads as u32), ("-T", seconds), ("-p", server.port.into())]
    {
        command.arg(option).arg(value.to_string());
    }
    for (name, value) in variables {
        command.arg("-D").arg(format!("{name}={value}"));
    }
    command.args(["-h", "127.0.0.1", "-U", "postgres", database]);
    let cpu = noise::children_cpu_seconds();
    let output = command.stdin(Stdio::null()).kill_on_drop(true).output().await;
    let output = output.context("cannot start pgbench")?;
    let cpu = cpu.zip(noise::children_cpu_seconds()).map(|(before, after)| after - before);
    let text = String::from_utf8_lossy(&output.stdout);
    match parse(&text) {
        Some((turns, per_second)) if output.status.success() => {
            Ok(Measured::new(turns * u64::from(case.size), per_second * f64::from(case.size), cpu))
        }
        _ => bail!(
            "pgbench failed (did the queue run dry? then give --backlog a larger number): {}",
            String::from_utf8_lossy(&output.stderr).trim()
        ),
    }
}

async fn script(dirs: &Dirs, connection: &mut PgConnection, case: Case) -> Result<(String, Variables)> {
    let (tenant, version) = (&quoted(TENANT), &quoted(VERSION));
    let (first, second) = match (case.work, case.size) {
        (Work::ClaimComplete, 1) => (
            statements::claim(dirs, tenant, &Memory::of_script(tenant, "claimed_"), 1)?,
            Some(statements::complete(dirs, tenant, ":claimed_id", ":claimed_lease_token")?),
        ),
        (Work::ClaimComplete, size) => (
            statements::claim(dirs, tenant, &Memory::of_script(tenant, "claimed_"), size)?,
            Some(statements::complete_all(dirs, tenant, ":claimed_ids", ":claimed_tokens", size)?),
        ),
        (Work::Create, 1) => (statements::create(dirs, NEXT_ID, tenant, version)?, None),
        (Work::Create, size) => (statements::create_all(dirs, tenant, version, size)?, None),
        (Work::ClaimCompleteEach | Work::Cycle, _) => bail!("pgbench has no script for {}", case.title()),
    };
    let mut variables = Variables::new();
    let first = converted(connection, &first, &mut variables).await?;
    let text = match second {
        None => format!("{COUNT}{first};\n"),
        Some(second) => {
            let second = converted(connection, &second, &mut variables).await?;
            let first = if case.size == 1 { first } else { with_what_was_claimed(&first) };
            format!("{first}\n\\aset claimed_\n{second};\n")
        }
    };
    Ok((text, variables))
}

/// All that a claim answers, and in its last row, of which alone pgbench keeps the columns, what was claimed.
fn with_what_was_claimed(claim: &str) -> String {
    let of_all = |column: &str| {
        format!(
            "case when row_number() over () = count(*) over () then (array_agg(c.{column}) over ())::text end"
        )
    };
    format!("select c.*, {} as ids, {} as tokens from (\n{claim}\n) c", of_all("id"), of_all("lease_token"))
}

async fn converted(
    connection: &mut PgConnection,
    statement: &Statement,
    variables: &mut Variables,
) -> Result<String> {
    let types = statement.types(connection).await?;
    to_pgbench(&statement.sql, &types, &statement.arguments, variables)
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
}
