//! Values as Postgres sends them, in binary, as JSON. What Postgres has to write itself is collected.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Number, Value};
use uuid::Uuid;

use super::array::MAX_DIMENSIONS;
use super::rest::{Rest, exactly, malformed};
use super::types::{Kind, Types};
use crate::reach::ReachFailure;

/// Values within values: records, and arrays of them.
const MAX_DEPTH: usize = 32;

/// A value that is shown, or that will be.
#[derive(Debug, PartialEq)]
pub(super) enum Cell {
    Ready(Value),
    /// The one at this place of those of this type that Postgres writes.
    Written {
        of: u32,
        at: usize,
    },
    List(Vec<Cell>),
}

/// Values of one type that Postgres has to write, as the elements of an array.
#[derive(Debug)]
pub(super) struct ToWrite {
    pub(super) array: u32,
    pub(super) count: usize,
    pub(super) elements: Vec<u8>,
}

/// What is gathered on the way through a result.
#[derive(Debug)]
pub(super) struct Decoder<'a> {
    types: &'a Types,
    pub(super) to_write: BTreeMap<u32, ToWrite>,
    /// Types that have to be asked for. With such, the cells are of no use.
    pub(super) unknown: BTreeSet<u32>,
}

impl<'a> Decoder<'a> {
    pub(super) fn new(types: &'a Types) -> Self {
        Self { types, to_write: BTreeMap::new(), unknown: BTreeSet::new() }
    }

    /// A value of the type with this OID, within so many others.
    pub(super) fn cell(
        &mut self,
        oid: u32,
        bytes: Option<&[u8]>,
        depth: usize,
    ) -> Result<Cell, ReachFailure> {
        let Some(bytes) = bytes else { return Ok(Cell::Ready(Value::Null)) };
        if depth > MAX_DEPTH {
            let message = format!("a value is within {MAX_DEPTH} others: fewer can be shown");
            return Err(ReachFailure::new("invalid_result", message));
        }
        let Some(kind) = self.types.kind(oid) else {
            self.unknown.insert(oid);
            return Ok(Cell::Ready(Value::Null));
        };
        Ok(Cell::Ready(match kind {
            Kind::Bool => Value::Bool(exactly::<1>(bytes)? != [0]),
            Kind::Int2 => i16::from_be_bytes(exactly(bytes)?).into(),
            Kind::Int4 => i32::from_be_bytes(exactly(bytes)?).into(),
            Kind::Int8 => i64::from_be_bytes(exactly(bytes)?).into(),
            Kind::Oid => u32::from_be_bytes(exactly(bytes)?).into(),
            Kind::Float4 => float4(f32::from_be_bytes(exactly(bytes)?)),
            Kind::Float8 => float8(f64::from_be_bytes(exactly(bytes)?)),
            Kind::Text => Value::String(std::str::from_utf8(bytes).map_err(|_| not_utf8())?.to_owned()),
            Kind::Bytea => Value::String(format!("\\x{}", hex::encode(bytes))),
            Kind::Uuid => Value::String(Uuid::from_bytes(exactly(bytes)?).to_string()),
            Kind::Json => json(bytes)?,
            Kind::Jsonb => match bytes {
                [1, bytes @ ..] => json(bytes)?,
                _ => return Err(malformed()),
            },
            Kind::Void => Value::Null,
            Kind::Array => return self.array(bytes, depth),
            Kind::Record => return self.record(bytes, depth),
            Kind::Written { of, array } => {
                let to_write = self.to_write.entry(of);
                let to_write = to_write.or_insert(ToWrite { array, count: 0, elements: Vec::new() });
                let length = i32::try_from(bytes.len()).map_err(|_| malformed())?;
                to_write.elements.extend_from_slice(&length.to_be_bytes());
                to_write.elements.extend_from_slice(bytes);
                let at = to_write.count;
                to_write.count += 1;
                return Ok(Cell::Written { of, at });
            }
            Kind::Unreadable => {
                let message =
                    format!("values of the type with OID {oid} cannot be shown: write `::text` after them");
                return Err(ReachFailure::new("unsupported_type", message));
            }
        }))
    }

    fn array(&mut self, bytes: &[u8], depth: usize) -> Result<Cell, ReachFailure> {
        let mut rest = Rest(bytes);
        let (dimensions, _has_nulls, element) = (rest.count()?, rest.i32()?, rest.u32()?);
        if dimensions > MAX_DIMENSIONS {
            return Err(malformed());
        }
        let mut lengths = Vec::new();
        for _ in 0..dimensions {
            lengths.push(rest.count()?);
            // The lower bound: a list begins where it begins.
            rest.i32()?;
        }
        if lengths.is_empty() || lengths.contains(&0) {
            return Ok(Cell::List(Vec::new()));
        }
        self.lists(&mut rest, &lengths, element, depth)
    }

    fn lists(
        &mut self,
        rest: &mut Rest<'_>,
        lengths: &[usize],
        element: u32,
        depth: usize,
    ) -> Result<Cell, ReachFailure> {
        let [length, inner @ ..] = lengths else {
            let bytes = rest.value()?;
            return self.cell(element, bytes, depth + 1);
        };
        // Whatever length is claimed: there are no more elements than bytes.
        (0..*length)
            .map(|_| self.lists(rest, inner, element, depth))
            .collect::<Result<_, _>>()
            .map(Cell::List)
    }

    fn record(&mut self, bytes: &[u8], depth: usize) -> Result<Cell, ReachFailure> {
        let mut rest = Rest(bytes);
        let fields = rest.count()?;
        let field = |_| {
            let oid = rest.u32()?;
            let bytes = rest.value()?;
            self.cell(oid, bytes, depth + 1)
        };
        (0..fields).map(field).collect::<Result<_, _>>().map(Cell::List)
    }
}

fn not_utf8() -> ReachFailure {
    ReachFailure::new("invalid_result", "a text is not UTF-8, although the line asks for it")
}

fn json(bytes: &[u8]) -> Result<Value, ReachFailure> {
    serde_json::from_slice(bytes).map_err(|error| {
        let message =
            format!("a JSON value cannot be read: {error}; `::text` after it gives it as it is stored");
        ReachFailure::new("invalid_result", message)
    })
}

fn float8(float: f64) -> Value {
    match Number::from_f64(float) {
        Some(number) => Value::Number(number),
        None if float.is_nan() => "NaN".into(),
        None if float > 0.0 => "Infinity".into(),
        None => "-Infinity".into(),
    }
}

/// With the digits that it has, not those that it gets as a longer one: 0.1, not 0.10000000149011612.
fn float4(float: f32) -> Value {
    float8(float.to_string().parse().unwrap_or_else(|_| f64::from(float)))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn array(element: u32, lengths: &[i32], elements: &[u8]) -> Vec<u8> {
        let mut bytes: Vec<u8> = i32::try_from(lengths.len()).unwrap().to_be_bytes().to_vec();
        bytes.extend([0; 4]);
        bytes.extend(element.to_be_bytes());
        lengths.iter().for_each(|length| {
            bytes.extend(length.to_be_bytes());
            bytes.extend(7_i32.to_be_bytes());
        });
        bytes.extend(elements);
        bytes
    }

    fn decode(oid: u32, bytes: &[u8]) -> Result<Cell, String> {
        let types = Types::default();
        let mut decoder = Decoder::new(&types);
        decoder.cell(oid, Some(bytes), 0).map_err(|failure| failure.error)
    }

    #[test]
    fn what_claims_more_than_it_has_is_refused_at_once() {
        let invalid = Err("invalid_result".to_owned());
        assert_eq!(decode(23, &[0, 0, 1]), invalid);
        assert_eq!(decode(1007, &array(23, &[i32::MAX, i32::MAX], &[])), invalid);
        assert_eq!(decode(1007, &array(23, &[1; 7], &[])), invalid);
        assert_eq!(decode(1007, &array(23, &[-1], &[])), invalid);
        assert_eq!(decode(1007, &array(23, &[1], &[0x7f, 0xff, 0xff, 0xff])), invalid);
        assert_eq!(decode(1007, &array(23, &[1], &[0xff, 0xff, 0xff, 0xfe])), invalid);
        assert_eq!(decode(1007, &array(23, &[i32::MAX, 0], &[])), Ok(Cell::List(vec![])));
        assert_eq!(decode(2249, &i32::MAX.to_be_bytes()), invalid);
    }

    #[test]
    fn records_and_arrays_cannot_nest_until_the_stack_is_full() {
        let nested = |count: i32, head: &dyn Fn(i32) -> Vec<u8>| {
            let length = head(0).len() + 4;
            let mut bytes: Vec<u8> = (0..count)
                .rev()
                .flat_map(|inner| {
                    let mut bytes = head(inner);
                    bytes.extend((4 + inner * i32::try_from(length).unwrap()).to_be_bytes());
                    bytes
                })
                .collect();
            bytes.extend([0; 4]);
            bytes
        };
        let record = |_: i32| [&1_i32.to_be_bytes()[..], &2249_u32.to_be_bytes()].concat();
        assert!(matches!(decode(2249, &nested(32, &record)), Ok(Cell::List(_))));
        assert_eq!(decode(2249, &nested(33, &record)), Err("invalid_result".to_owned()));
        assert_eq!(decode(2249, &nested(100_000, &record)), Err("invalid_result".to_owned()));
        // No such array exists, but somebody may send one.
        let array = |_: i32| array(1007, &[1], &[]);
        assert_eq!(decode(1007, &nested(50_000, &array)), Err("invalid_result".to_owned()));
    }

    #[test]
    fn lists_are_nested_as_arrays_are_and_lower_bounds_are_left_out() {
        let elements: Vec<u8> = (1..=4).flat_map(|n| [0, 0, 0, 4, 0, 0, 0, n]).collect();
        let ready = |n: i32| Cell::Ready(json!(n));
        let expected =
            Cell::List(vec![Cell::List(vec![ready(1), ready(2)]), Cell::List(vec![ready(3), ready(4)])]);
        assert_eq!(decode(1007, &array(23, &[2, 2], &elements)), Ok(expected));
    }

    #[test]
    fn floats_keep_their_digits_and_what_json_has_no_number_for_is_a_text() {
        assert_eq!(float4(0.1), json!(0.1));
        assert_eq!(float4(f32::MAX), json!(3.4028235e38));
        assert_eq!(float8(f64::MIN_POSITIVE), json!(f64::MIN_POSITIVE));
        assert_eq!(
            [f64::NAN, f64::INFINITY, f64::NEG_INFINITY].map(float8),
            ["NaN", "Infinity", "-Infinity"]
        );
    }
}
