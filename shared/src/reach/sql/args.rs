//! The arguments of a statement, by the types of its parameters.

use serde_json::Value;
use sqlx::encode::IsNull;
use sqlx::error::BoxDynError;
use sqlx::postgres::types::Oid;
use sqlx::postgres::{PgArgumentBuffer, PgArguments, PgConnection, PgTypeInfo, PgTypeKind, Postgres};
use sqlx::{
    Arguments, Encode, Executor as _, Row as _, SqlSafeStr as _, Statement as _, Type, ValueRef as _,
};

use super::array::{array, flat, literal};
use super::failures;
use super::perform::Deadline;
use super::scalar::{Scalar, base, name, scalar};
use super::types::{known, oid};
use crate::dag::words::a;
use crate::reach::ReachFailure;

/// Reads texts: each as the only element of an array, which is the one function that reads every type. `$1`: literals of such arrays; `$2`: the types of
/// their elements.
const READ: &str = "select pg_catalog.array_in(u.v::pg_catalog.cstring, u.t, -1)
    from rows from (pg_catalog.unnest($1), pg_catalog.unnest($2)) with ordinality as u (v, t, n)
    order by u.n";
/// Before the only element of an array of one dimension, and the length of that element.
const HEAD_OF_ONE: usize = 20;

/// Arguments, of which Postgres may have to read some.
#[derive(Debug, Default)]
pub(super) struct Args {
    args: Vec<Arg>,
    literals: Vec<String>,
    types: Vec<Oid>,
}

#[derive(Debug)]
struct Arg {
    info: PgTypeInfo,
    shape: Shape,
}

#[derive(Debug)]
enum Shape {
    One(Slot),
    /// An array: the type of its elements, its lengths, its elements.
    List(u32, Vec<usize>, Vec<Slot>),
}

#[derive(Debug)]
enum Slot {
    Null,
    Bytes(Vec<u8>),
    /// What Postgres makes of the literal at this place.
    Read(usize),
}

impl Args {
    /// Checks them all. Nothing has been executed yet.
    pub(super) fn read(args: &[Value], parameters: &[PgTypeInfo]) -> Result<Self, ReachFailure> {
        let invalid = |message| ReachFailure::new("invalid_args", message);
        if args.len() != parameters.len() {
            let message = format!("the statement takes {} args, is given {}", parameters.len(), args.len());
            return Err(invalid(message));
        }
        let mut read = Self::default();
        for (index, (value, info)) in args.iter().zip(parameters).enumerate() {
            let shape = read
                .shape(value, info)
                .map_err(|what| invalid(format!("${} is of type {} and {what}", index + 1, name(info))))?;
            read.args.push(Arg { info: info.clone(), shape });
        }
        Ok(read)
    }

    fn shape(&mut self, value: &Value, info: &PgTypeInfo) -> Result<Shape, String> {
        let base = base(info);
        let vector = base.oid().is_some_and(|Oid(oid)| [oid::INT2VECTOR, oid::OIDVECTOR].contains(&oid));
        let element = match known(base) {
            // These are written `1 2 3`.
            PgTypeKind::Array(element) if !vector => element,
            _ => return Ok(Shape::One(self.slot(value, base)?)),
        };
        let items = match value {
            Value::Null => return Ok(Shape::One(Slot::Null)),
            Value::Array(items) => items,
            _ => return Err(format!("wants a list, is {}", a(value))),
        };
        let Some(Oid(oid)) = element.oid() else {
            return Err("wants nothing that could be given here".to_owned());
        };
        let inner = self::base(element);
        let (lengths, items) = flat(items, is_json(inner))?;
        let slots = items.into_iter().map(|item| self.slot(item, inner));
        let slots = slots.collect::<Result<_, _>>().map_err(|what| format!("an element of it {what}"))?;
        Ok(Shape::List(oid, lengths, slots))
    }

    fn slot(&mut self, value: &Value, base: &PgTypeInfo) -> Result<Slot, String> {
        Ok(match scalar(value, base)? {
            Scalar::Null => Slot::Null,
            Scalar::Bytes(bytes) => Slot::Bytes(bytes),
            Scalar::Text(text) => {
                self.literals.push(literal(&text));
                self.types.extend(base.oid());
                Slot::Read(self.literals.len() - 1)
            }
        })
    }

    /// The arguments as they are sent.
    pub(super) async fn bound(
        self,
        line: &mut PgConnection,
        deadline: Deadline,
    ) -> Result<PgArguments, ReachFailure> {
        let texts = if self.literals.is_empty() {
            Vec::new()
        } else {
            let texts = read(self.literals, self.types, line).await;
            texts.map_err(|error| failures::of_args(error, deadline))?
        };
        let mut arguments = PgArguments::default();
        for Arg { info, shape } in self.args {
            let bytes = match shape {
                Shape::One(slot) => slot.bytes(&texts).map(<[u8]>::to_vec),
                Shape::List(element, lengths, slots) => {
                    let elements: Vec<_> = slots.iter().map(|slot| slot.bytes(&texts)).collect();
                    Some(array(element, &lengths, &elements))
                }
            };
            let added = Arguments::add(&mut arguments, Raw { info, bytes });
            added.map_err(|error| ReachFailure::new("invalid_args", error.to_string()))?;
        }
        Ok(arguments)
    }
}

impl Slot {
    fn bytes<'a>(&'a self, texts: &'a [Vec<u8>]) -> Option<&'a [u8]> {
        match self {
            Self::Null => None,
            Self::Bytes(bytes) => Some(bytes),
            Self::Read(index) => texts.get(*index).map(Vec::as_slice),
        }
    }
}

fn is_json(info: &PgTypeInfo) -> bool {
    info.oid().is_some_and(|Oid(oid)| [oid::JSON, oid::JSONB].contains(&oid))
}

async fn read(
    literals: Vec<String>,
    types: Vec<Oid>,
    line: &mut PgConnection,
) -> Result<Vec<Vec<u8>>, sqlx::Error> {
    // Described first, under a name: sqlx asks for the type of what it returns, and a statement without a name is gone when it has asked.
    let parameters = [oid::TEXTS, oid::OIDS].map(|oid| PgTypeInfo::with_oid(Oid(oid)));
    let statement = line.prepare_with(READ.into_sql_str(), &parameters).await?;
    let query = statement.query().persistent(false).bind(literals).bind(types);
    let rows = query.fetch_all(line).await?;
    let element = |row: &sqlx::postgres::PgRow| {
        let value = row.try_get_raw(0)?;
        let bytes: &[u8] =
            if value.is_null() { &[] } else { value.as_bytes().map_err(sqlx::Error::Decode)? };
        let element = bytes.get(HEAD_OF_ONE + 4..).map(<[u8]>::to_vec);
        element.ok_or_else(|| sqlx::Error::Protocol("an array of one element has none".to_owned()))
    };
    rows.iter().map(element).collect()
}

/// A value of any type, encoded.
#[derive(Debug)]
pub(super) struct Raw {
    pub(super) info: PgTypeInfo,
    pub(super) bytes: Option<Vec<u8>>,
}

impl Type<Postgres> for Raw {
    fn type_info() -> PgTypeInfo {
        // Never asked for: each value says of which type it is.
        PgTypeInfo::with_oid(Oid(oid::UNKNOWN))
    }
}

impl Encode<'_, Postgres> for Raw {
    fn encode_by_ref(&self, buffer: &mut PgArgumentBuffer) -> Result<IsNull, BoxDynError> {
        let Some(bytes) = &self.bytes else { return Ok(IsNull::Yes) };
        buffer.extend_from_slice(bytes);
        Ok(IsNull::No)
    }

    fn produces(&self) -> Option<PgTypeInfo> {
        Some(self.info.clone())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_wrong_number_of_args_is_told_before_anything_else() {
        let int = PgTypeInfo::with_oid(Oid(oid::INT4));
        let failure = Args::read(&[json!("x"), json!(2)], &[int]).unwrap_err();
        assert_eq!(failure.to_string(), "invalid_args: the statement takes 1 args, is given 2");
    }
}
