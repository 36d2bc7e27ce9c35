//! What the release before has asked of Postgres.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sqlx::{AssertSqlSafe, PgConnection};

/// A release's statements.
#[derive(Debug, Serialize, Deserialize)]
pub struct Release {
    /// Its version, as CHANGELOG.md has it. None: nothing was released when they were taken down.
    pub release: Option<String>,
    pub statements: Vec<Statement>,
}

/// One of them.
#[derive(Debug, Serialize, Deserialize)]
pub struct Statement {
    /// In `shared/sql/`; some stand in the code.
    pub file: Option<String>,
    pub sql: String,
    /// What Postgres makes of it, as sqlx writes that down.
    pub describe: Value,
}

/// What sqlx writes down of a query.
#[derive(Deserialize)]
struct Query {
    query: String,
    describe: Value,
}

pub const OWN: &str = include_str!("statements.json");

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

impl Release {
    pub fn before() -> Self {
        serde_json::from_str(OWN).unwrap()
    }

    /// The text of this file.
    pub fn sql(&self, file: &str) -> &str {
        let found = self.statements.iter().find(|statement| statement.file.as_deref() == Some(file));
        &found.unwrap_or_else(|| panic!("the release before has no {file}")).sql
    }

    /// One statement a line, so that a difference can be read.
    fn text(&self) -> String {
        let lines = self.statements.iter().map(|statement| serde_json::to_string(statement).unwrap());
        let lines = lines.collect::<Vec<_>>().join(",\n");
        format!(
            "{{\"release\":{},\"statements\":[\n{lines}\n]}}\n",
            serde_json::to_string(&self.release).unwrap()
        )
    }
}

/// The newest version that CHANGELOG.md gives a heading to.
fn newest_release() -> Option<String> {
    let changelog = std::fs::read_to_string(root().join("CHANGELOG.md")).unwrap();
    let versions = changelog.lines().filter_map(|line| line.strip_prefix("## [")?.split_once(']'));
    versions.map(|(version, _)| version.to_owned()).find(|version| version != "Unreleased")
}

/// Those that the code has now.
fn of_this_version() -> Vec<Statement> {
    let in_folder =
        |folder: &str| std::fs::read_dir(root().join(folder)).unwrap().map(|file| file.unwrap().path());
    let read = |path: &Path| std::fs::read_to_string(path).unwrap();
    let files: BTreeMap<_, _> = in_folder("shared/sql")
        .map(|path| (read(&path), path.file_name().unwrap().to_string_lossy().into_owned()))
        .collect();
    let mut statements = Vec::new();
    for path in in_folder(".sqlx") {
        let Query { query, describe } = serde_json::from_str(&read(&path)).unwrap();
        statements.push(Statement { file: files.get(&query).cloned(), sql: query, describe });
    }
    statements.sort_by(|a, b| (&a.file, &a.sql).cmp(&(&b.file, &b.sql)));
    statements
}

/// What the functions' role is told that is about to run it; None: it may.
pub async fn refusal(conn: &mut PgConnection, sql: &str) -> Option<sqlx::Error> {
    // One message is one transaction: a role that was put on in one that fails is off again.
    let all = format!("set role runplane_functions; explain (generic_plan) {sql}; reset role");
    sqlx::raw_sql(AssertSqlSafe(all)).execute(conn).await.err()
}

#[test]
fn the_statements_are_those_of_the_newest_release() {
    let newest = newest_release();
    let before = Release::before();
    // Before the first release nobody runs one.
    let is_newer = before.release != newest || newest.is_none();
    if std::env::var_os("RUNPLANE_WRITE_PREVIOUS").is_some() && is_newer {
        let release = Release { release: newest, statements: of_this_version() };
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/previous/statements.json");
        return std::fs::write(path, release.text()).unwrap();
    }
    assert_eq!(
        before.release, newest,
        "CHANGELOG.md has a newer release than shared/tests/previous: RUNPLANE_WRITE_PREVIOUS=1 cargo test -p runplane --test previous takes its statements down"
    );
    assert!(before.statements.len() >= 90, "{}", before.statements.len());
    assert_eq!(before.text(), OWN, "statements.json is not as it was written");
}
