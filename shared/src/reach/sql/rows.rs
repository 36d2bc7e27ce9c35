//! The rows that a statement returns, as JSON.

use std::collections::{BTreeMap, HashMap};

use futures_util::TryStreamExt as _;
use serde_json::{Map, Value};
use sqlx::postgres::types::Oid;
use sqlx::postgres::{PgArguments, PgConnection, PgRow, PgStatement, PgTypeInfo};
use sqlx::{
    Arguments, Column as _, Either, Error, Executor as _, Row as _, SqlSafeStr as _, Statement as _,
    ValueRef as _,
};

use super::args::Raw;
use super::decode::{Cell, Decoder, ToWrite};
use super::failures;
use super::perform::Deadline;
use super::types::{Types, oid};
use crate::reach::ReachFailure;

/// Values of a result, as they are sent, with the name of the column before each: what the JSON of it will be at least.
const MAX_RESULT_BYTES: usize = 5_000_000;
/// Cells of a result: each takes some hundred bytes of memory as a value with its name, however small it is.
const MAX_CELLS: usize = 1_000_000;
/// Values within its cells of `json` and `jsonb`, for the same reason; as many as the body of an `http` answer may have.
const MAX_JSON_VALUES: usize = 300_000;
/// Writes values as Postgres does where it shows them, which a cast to text does not for each type. `$1`: an array of them. In arrays of a hundred: each
/// row is a message, which costs more than a short text does, and what is too large altogether is noticed before all of it is written.
const WRITE: &str = "select pg_catalog.array_agg(pg_catalog.format('%s', s.v) order by s.n)
    from (select pg_catalog.unnest($1) as v, pg_catalog.generate_subscripts($1, 1) as n) as s
    group by (s.n - 1) / 100
    order by (s.n - 1) / 100";

/// What came back.
pub(super) struct Fetched {
    pub(super) rows: Vec<PgRow>,
    pub(super) affected: u64,
}

/// What the rows so far come to.
#[derive(Default)]
struct Sum {
    bytes: usize,
    cells: usize,
    json_values: usize,
}

impl Sum {
    fn add(&mut self, row: &PgRow, deadline: Deadline) -> Result<(), ReachFailure> {
        for column in row.columns() {
            let cell = raw(row, column.ordinal(), deadline)?.unwrap_or_default();
            self.cells += 1;
            self.bytes = self.bytes.saturating_add(column.name().len()).saturating_add(cell.len());
            if let Some(Oid(oid::JSON | oid::JSONB)) = column.type_info().oid() {
                // What a value of JSON has before it.
                self.json_values += cell.iter().filter(|byte| b"[{,".contains(byte)).count();
            }
        }
        let bounds = [
            (self.bytes, MAX_RESULT_BYTES, "bytes"),
            (self.cells, MAX_CELLS, "values"),
            (self.json_values, MAX_JSON_VALUES, "values within json"),
        ];
        match bounds.into_iter().find(|(sum, most, _)| sum > most) {
            None => Ok(()),
            Some((_, most, what)) => {
                let message = format!("the statement returns more than {most} {what}");
                Err(ReachFailure::new("result_too_large", message))
            }
        }
    }
}

/// Runs the statement. Of what is too much it does not wait for the rest.
pub(super) async fn fetch(
    line: &mut PgConnection,
    statement: &PgStatement,
    arguments: PgArguments,
    max_rows: usize,
    deadline: Deadline,
) -> Result<Fetched, ReachFailure> {
    let mut fetched = Fetched { rows: Vec::new(), affected: 0 };
    let mut sum = Sum::default();
    let mut answers = line.fetch_many(statement.query_with(arguments).persistent(false));
    loop {
        let answer = answers.try_next().await.map_err(|error| failures::of_statement(error, deadline))?;
        match answer {
            None => return Ok(fetched),
            Some(Either::Left(result)) => fetched.affected = result.rows_affected(),
            Some(Either::Right(_)) if fetched.rows.len() >= max_rows => {
                let message = format!("the statement returns more than {max_rows} rows");
                return Err(ReachFailure::new("too_many_rows", message));
            }
            Some(Either::Right(row)) => {
                sum.add(&row, deadline)?;
                fetched.rows.push(row);
            }
        }
    }
}

/// The rows as objects. Asks Postgres for what it has to write, once for each type.
pub(super) async fn values(
    line: &mut PgConnection,
    statement: &PgStatement,
    rows: &[PgRow],
    deadline: Deadline,
) -> Result<Vec<Value>, ReachFailure> {
    let failed = |error| failures::of_statement(error, deadline);
    let mut types = Types::default();
    statement.columns().iter().for_each(|column| types.note(column.type_info()));
    let (cells, to_write) = loop {
        let mut decoder = Decoder::new(&types);
        let cells: Vec<_> =
            rows.iter().map(|row| decoded(row, &mut decoder, deadline)).collect::<Result<_, _>>()?;
        let Decoder { to_write, unknown, .. } = decoder;
        if unknown.is_empty() {
            break (cells, to_write);
        }
        types.find(line, unknown).await.map_err(failed)?;
    };
    let mut written = written(line, to_write).await.map_err(failed)?;
    let mut values = Vec::with_capacity(cells.len());
    for cells in cells {
        let names = statement.columns().iter().map(|column| column.name().to_owned());
        let row: Option<Map<_, _>> =
            names.zip(cells).map(|(name, cell)| Some((name, shown(cell, &mut written)?))).collect();
        let Some(row) = row else {
            return Err(ReachFailure::new(
                "invalid_result",
                "a value that Postgres had to write did not come back",
            ));
        };
        values.push(Value::Object(row));
    }
    Ok(values)
}

fn decoded(row: &PgRow, decoder: &mut Decoder<'_>, deadline: Deadline) -> Result<Vec<Cell>, ReachFailure> {
    let cell = |column: &sqlx::postgres::PgColumn| {
        let Oid(oid) = column.type_info().oid().unwrap_or_default();
        decoder.cell(oid, raw(row, column.ordinal(), deadline)?, 0)
    };
    row.columns().iter().map(cell).collect()
}

fn raw(row: &PgRow, column: usize, deadline: Deadline) -> Result<Option<&[u8]>, ReachFailure> {
    let value = row.try_get_raw(column).map_err(|error| failures::of_statement(error, deadline))?;
    if value.is_null() {
        return Ok(None);
    }
    value.as_bytes().map(Some).map_err(|error| failures::of_statement(Error::Decode(error), deadline))
}

/// The texts of all values that Postgres has to write, by their type.
async fn written(
    line: &mut PgConnection,
    to_write: BTreeMap<u32, ToWrite>,
) -> Result<HashMap<u32, Vec<String>>, Error> {
    let mut written = HashMap::new();
    if to_write.is_empty() {
        return Ok(written);
    }
    // Described once, for texts: what it returns is the same for each type, and sqlx need not find out what the others are.
    let texts = [PgTypeInfo::with_oid(Oid(oid::TEXTS))];
    let statement = line.prepare_with(WRITE.into_sql_str(), &texts).await?;
    for (of, ToWrite { array, count, elements }) in to_write {
        // One dimension, no nulls, the type, so many elements, the first of them number 1.
        let count = u32::try_from(count).unwrap_or(u32::MAX);
        let head = [1, 0, of, count, 1].map(u32::to_be_bytes).concat();
        let raw = Raw { info: PgTypeInfo::with_oid(Oid(array)), bytes: Some([head, elements].concat()) };
        let mut arguments = PgArguments::default();
        Arguments::add(&mut arguments, raw).map_err(Error::Encode)?;
        let mut texts = Vec::new();
        let mut rows = line.fetch(statement.query_with(arguments).persistent(false));
        while let Some(row) = rows.try_next().await? {
            texts.extend(row.try_get::<Vec<String>, _>(0)?.into_iter().map(|text| as_iso(of, text)));
        }
        written.insert(of, texts);
    }
    Ok(written)
}

/// Points in time as others write them, where they can: Postgres puts a space between date and time, and leaves out the minutes of the zone.
fn as_iso(of: u32, text: String) -> String {
    let zone = match of {
        oid::TIMESTAMPTZ => "+00",
        oid::TIMESTAMP => "",
        _ => return text,
    };
    // Neither `infinity` nor a year before Christ has another form.
    match text.strip_suffix(zone).and_then(|text| text.split_once(' ')) {
        Some((date, time)) if !time.contains(' ') => {
            format!("{date}T{time}{}", if zone.is_empty() { "" } else { "Z" })
        }
        _ => text,
    }
}

/// Takes what was written for it. None is taken twice.
fn shown(cell: Cell, written: &mut HashMap<u32, Vec<String>>) -> Option<Value> {
    Some(match cell {
        Cell::Ready(value) => value,
        Cell::Written { of, at } => Value::String(std::mem::take(written.get_mut(&of)?.get_mut(at)?)),
        Cell::List(cells) => {
            Value::Array(cells.into_iter().map(|cell| shown(cell, written)).collect::<Option<_>>()?)
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_in_time_are_written_as_others_write_them_where_they_can() {
        let iso = |of, text: &str| as_iso(of, text.to_owned());
        assert_eq!(iso(oid::TIMESTAMPTZ, "2026-11-24 12:00:00.123456+00"), "2026-11-24T12:00:00.123456Z");
        assert_eq!(iso(oid::TIMESTAMPTZ, "2026-11-24 12:00:00+05:30"), "2026-11-24 12:00:00+05:30");
        assert_eq!(iso(oid::TIMESTAMPTZ, "0044-03-15 12:00:00+00 BC"), "0044-03-15 12:00:00+00 BC");
        assert_eq!(iso(oid::TIMESTAMPTZ, "infinity"), "infinity");
        assert_eq!(iso(oid::TIMESTAMP, "2026-11-24 12:00:00"), "2026-11-24T12:00:00");
        assert_eq!(iso(oid::TIMESTAMP, "0044-03-15 12:00:00 BC"), "0044-03-15 12:00:00 BC");
        assert_eq!(iso(oid::TIMESTAMP, "-infinity"), "-infinity");
        assert_eq!(iso(1082, "2026-11-24"), "2026-11-24");
    }
}
