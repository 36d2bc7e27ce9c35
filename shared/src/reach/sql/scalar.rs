//! One argument, or one element of it, as Postgres takes it.

use serde_json::{Number, Value};
use sqlx::TypeInfo as _;
use sqlx::postgres::types::Oid;
use sqlx::postgres::{PgTypeInfo, PgTypeKind};
use uuid::Uuid;

use super::types::{known, oid};
use crate::dag::words::{a, shown};

/// A value that is not an array.
#[derive(Debug, PartialEq)]
pub(super) enum Scalar {
    Null,
    /// As it is sent.
    Bytes(Vec<u8>),
    /// Postgres has to read it.
    Text(String),
}

/// What a domain is of, and whatever that is of.
pub(super) fn base(mut info: &PgTypeInfo) -> &PgTypeInfo {
    while let PgTypeKind::Domain(of) = known(info) {
        info = of;
    }
    info
}

/// The name of a type as people write it.
pub(super) fn name(info: &PgTypeInfo) -> String {
    let name = info.name();
    if name.contains(|char: char| char.is_ascii_lowercase()) {
        name.to_owned()
    } else {
        name.to_ascii_lowercase()
    }
}

/// A value for a parameter of this type, which is no domain. Null is NULL for each type. Fails with what would be right.
///
/// For a number, Postgres would take the text of one, so we do; what it takes as text and what is none of these (a date, an interval) it reads itself.
pub(super) fn scalar(value: &Value, info: &PgTypeInfo) -> Result<Scalar, String> {
    if value.is_null() {
        return Ok(Scalar::Null);
    }
    let Some(Oid(of)) = info.oid() else { return Err("wants nothing that could be given here".to_owned()) };
    let wants = |wanted: &str| Err(format!("wants {wanted}, is {}", shown(value)));
    let bytes = match (of, value) {
        (oid::BOOL, Value::Bool(bool)) => vec![u8::from(*bool)],
        (oid::INT2, _) => match integer(value).and_then(|number| i16::try_from(number).ok()) {
            Some(number) => number.to_be_bytes().to_vec(),
            None => return wants("a whole number from -32768 to 32767"),
        },
        (oid::INT4, _) => match integer(value).and_then(|number| i32::try_from(number).ok()) {
            Some(number) => number.to_be_bytes().to_vec(),
            None => return wants("a whole number of 32 bits"),
        },
        (oid::INT8, _) => match integer(value) {
            Some(number) => number.to_be_bytes().to_vec(),
            None => return wants("a whole number of 64 bits"),
        },
        (oid::OID, _) => match integer(value).and_then(|number| u32::try_from(number).ok()) {
            Some(number) => number.to_be_bytes().to_vec(),
            None => return wants("a whole number from 0 to 4294967295"),
        },
        (oid::FLOAT4, _) => match float(value).and_then(shorter) {
            Some(number) => number.to_be_bytes().to_vec(),
            None => return wants("a number of 32 bits"),
        },
        (oid::FLOAT8, _) => match float(value) {
            Some(number) => number.to_be_bytes().to_vec(),
            None => return wants("a number"),
        },
        (oid::TEXT | oid::VARCHAR | oid::BPCHAR | oid::NAME | oid::UNKNOWN, _) => return text(value),
        (oid::JSON, _) => value.to_string().into_bytes(),
        (oid::JSONB, _) => [&[1], value.to_string().as_bytes()].concat(),
        (oid::BYTEA, Value::String(text)) => match text.strip_prefix("\\x").map(hex::decode) {
            Some(Ok(bytes)) => bytes,
            // In the other notation of Postgres, or in none.
            _ => return Ok(Scalar::Text(text.clone())),
        },
        (oid::UUID, Value::String(text)) => match Uuid::try_parse(text) {
            Ok(uuid) => uuid.as_bytes().to_vec(),
            Err(_) => return Ok(Scalar::Text(text.clone())),
        },
        (oid::BYTEA | oid::UUID, _) => return wants("a string"),
        _ => return other(value, info),
    };
    Ok(Scalar::Bytes(bytes))
}

fn text(value: &Value) -> Result<Scalar, String> {
    match value {
        Value::String(text) => Ok(Scalar::Bytes(text.clone().into_bytes())),
        // As they are written: Postgres would take them too.
        Value::Number(_) | Value::Bool(_) => Ok(Scalar::Bytes(value.to_string().into_bytes())),
        _ => Err(format!("wants a string, is {}: `tojson` makes one of it", a(value))),
    }
}

fn other(value: &Value, info: &PgTypeInfo) -> Result<Scalar, String> {
    match (known(info), value) {
        (PgTypeKind::Enum(_), _) => text(value),
        (PgTypeKind::Pseudo, _) => {
            Err("cannot be given: write the type after it, as in `$1::text`".to_owned())
        }
        (_, Value::String(text)) => Ok(Scalar::Text(text.clone())),
        (_, Value::Number(number)) => Ok(Scalar::Text(number.to_string())),
        _ => Err(format!("wants a string as Postgres writes it, is {}", a(value))),
    }
}

/// A whole number, however it is written: `3`, `3.0`, `3e0`.
pub(super) fn whole(number: &Number) -> Option<i64> {
    const TWO_TO_63: f64 = 9_223_372_036_854_775_808.0;
    if number.is_i64() || number.is_u64() {
        return number.as_i64();
    }
    let float = number.as_f64()?;
    let fits = float.fract() == 0.0 && (-TWO_TO_63..TWO_TO_63).contains(&float);
    // It is whole, and within the bounds.
    fits.then_some(float as i64)
}

fn integer(value: &Value) -> Option<i64> {
    match value {
        Value::Number(number) => whole(number),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}

fn float(value: &Value) -> Option<f64> {
    match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => {
            let float: f64 = text.trim().parse().ok()?;
            // Only what says so is infinite.
            (float.is_finite() || !text.contains(|char: char| char.is_ascii_digit())).then_some(float)
        }
        _ => None,
    }
}

/// The nearest one.
fn shorter(float: f64) -> Option<f32> {
    let short = float as f32;
    (short.is_finite() || !float.is_finite()).then_some(short)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn given(of: u32, value: Value) -> Result<Scalar, String> {
        scalar(&value, &PgTypeInfo::with_oid(Oid(of)))
    }

    fn bytes(bytes: &[u8]) -> Result<Scalar, String> {
        Ok(Scalar::Bytes(bytes.to_vec()))
    }

    #[test]
    fn whole_numbers_are_taken_however_they_are_written_and_never_cut() {
        for value in [json!(3), json!(3.0), json!("3"), json!(" 3 "), json!(30e-1)] {
            assert_eq!(given(oid::INT4, value), bytes(&[0, 0, 0, 3]));
        }
        assert_eq!(given(oid::INT8, json!(i64::MAX)), bytes(&i64::MAX.to_be_bytes()));
        assert_eq!(given(oid::INT8, json!("9223372036854775807")), bytes(&i64::MAX.to_be_bytes()));
        assert_eq!(given(oid::OID, json!(u32::MAX)), bytes(&[0xff; 4]));
        for value in
            [json!(3.5), json!(32768), json!("3.0"), json!("x"), json!(true), json!([3]), json!(u64::MAX)]
        {
            given(oid::INT2, value).unwrap_err();
        }
        for value in [json!(u64::MAX), json!(9.3e18), json!("9223372036854775808")] {
            given(oid::INT8, value).unwrap_err();
        }
        given(oid::OID, json!(-1)).unwrap_err();
    }

    #[test]
    fn only_what_says_so_is_infinite() {
        assert_eq!(given(oid::FLOAT8, json!("-Infinity")), bytes(&f64::NEG_INFINITY.to_be_bytes()));
        assert_eq!(given(oid::FLOAT4, json!("Infinity")), bytes(&f32::INFINITY.to_be_bytes()));
        assert_eq!(given(oid::FLOAT4, json!(0.1)), bytes(&0.1_f32.to_be_bytes()));
        given(oid::FLOAT4, json!(1e39)).unwrap_err();
        given(oid::FLOAT4, json!("1e39")).unwrap_err();
        given(oid::FLOAT8, json!("1e309")).unwrap_err();
        given(oid::FLOAT8, json!(true)).unwrap_err();
    }

    #[test]
    fn texts_take_what_postgres_would_take() {
        assert_eq!(given(oid::TEXT, json!(12.50)), bytes(b"12.5"));
        assert_eq!(given(oid::TEXT, json!(true)), bytes(b"true"));
        assert_eq!(given(oid::TEXT, json!("")), bytes(b""));
        assert_eq!(given(oid::TEXT, json!(null)), Ok(Scalar::Null));
        let refused = given(oid::TEXT, json!({})).unwrap_err();
        assert_eq!(refused, "wants a string, is an object: `tojson` makes one of it");
    }

    #[test]
    fn json_takes_everything_but_null_which_is_null_for_each_type() {
        assert_eq!(given(oid::JSONB, json!({"a": [1, null]})), bytes(b"\x01{\"a\":[1,null]}"));
        assert_eq!(given(oid::JSON, json!("text")), bytes(b"\"text\""));
        assert_eq!(given(oid::JSONB, json!(null)), Ok(Scalar::Null));
    }

    #[test]
    fn bytes_are_read_here_in_hexadecimal_and_by_postgres_otherwise() {
        assert_eq!(given(oid::BYTEA, json!("\\x00fF")), bytes(&[0, 255]));
        assert_eq!(given(oid::BYTEA, json!("\\x0")), Ok(Scalar::Text("\\x0".to_owned())));
        assert_eq!(given(oid::BYTEA, json!("a\\000")), Ok(Scalar::Text("a\\000".to_owned())));
        given(oid::BYTEA, json!(1)).unwrap_err();
    }
}
