//! Writing rows, so that one that Postgres refuses harms no other.

use std::collections::HashMap;

use sqlx::Connection as _;
use sqlx::postgres::PgConnection;
use uuid::Uuid;

use super::Rows;
use crate::import::fit::Fitted;

/// Why rows were not written, by id.
pub(super) type Refused = HashMap<Uuid, String>;

/// Inserts what Postgres takes. Rows that it refuses are looked for by halves: one bad row costs some statements more, no other row.
///
/// # Errors
/// [`sqlx::Error`] that is no row's fault.
pub(super) async fn insert<R: Rows>(
    target: &mut PgConnection,
    new: &[Fitted<R::Row>],
) -> Result<Refused, sqlx::Error> {
    let all: Vec<&R::Row> = new.iter().map(|fitted| &fitted.row).collect();
    let mut refused = Refused::new();
    let mut waiting = vec![all.as_slice()];
    while let Some(part) = waiting.pop().filter(|part| !part.is_empty()) {
        let mut savepoint = target.begin().await?;
        match R::insert(&mut savepoint, part).await {
            Ok(()) => savepoint.commit().await?,
            Err(error) => {
                savepoint.rollback().await?;
                let Some(why) = refusal(&error) else { return Err(error) };
                match part {
                    [row] => drop(refused.insert(R::id(row), why)),
                    many => {
                        let (first, second) = many.split_at(many.len() / 2);
                        waiting.extend([second, first]);
                    }
                }
            }
        }
    }
    Ok(refused)
}

/// Brings rows up to date, one by one: there are few.
///
/// # Errors
/// [`sqlx::Error`] that is no row's fault.
pub(super) async fn update<R: Rows>(
    target: &mut PgConnection,
    rows: &[Fitted<R::Row>],
) -> Result<Refused, sqlx::Error> {
    let mut refused = Refused::new();
    for Fitted { row, .. } in rows {
        let mut savepoint = target.begin().await?;
        let why = match R::update(&mut savepoint, row).await {
            Ok(true) => {
                savepoint.commit().await?;
                continue;
            }
            Ok(false) => "was changed here while it was compared: kept as it is here".to_owned(),
            Err(error) => refusal(&error).ok_or(error)?,
        };
        savepoint.rollback().await?;
        refused.insert(R::id(row), why);
    }
    Ok(refused)
}

/// What Postgres has against a value: data exceptions and broken constraints. Anything else is no row's fault.
fn refusal(error: &sqlx::Error) -> Option<String> {
    let error = error.as_database_error()?;
    let is_about_data = error.code().is_some_and(|code| code.starts_with("22") || code.starts_with("23"));
    is_about_data.then(|| format!("Postgres refuses it: {}", error.message()))
}
