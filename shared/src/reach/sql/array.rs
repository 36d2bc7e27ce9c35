//! Arrays as Postgres takes them.

use serde_json::Value;

/// Dimensions of an array in Postgres.
pub(super) const MAX_DIMENSIONS: usize = 6;

/// Of lists within lists the lengths, and all that is in the innermost ones. JSON values may be lists themselves: those are of one dimension.
pub(super) fn flat(items: &[Value], is_json: bool) -> Result<(Vec<usize>, Vec<&Value>), String> {
    let mut lengths = vec![items.len()];
    let mut level: Vec<_> = items.iter().collect();
    while !is_json && level.iter().any(|value| value.is_array()) {
        let lists: Option<Vec<_>> = level.iter().map(|value| value.as_array()).collect();
        let first = lists.as_ref().and_then(|lists| lists.first()).map_or(0, |list| list.len());
        let Some(lists) = lists.filter(|lists| lists.iter().all(|list| list.len() == first)) else {
            return Err("wants lists of the same length within a list".to_owned());
        };
        lengths.push(first);
        if lengths.len() > MAX_DIMENSIONS {
            return Err(format!("may have {MAX_DIMENSIONS} dimensions at most"));
        }
        level = lists.into_iter().flatten().collect();
    }
    Ok((lengths, level))
}

/// An array with this text as its only element, as Postgres reads it. Not a part of a statement: it is sent as a value.
pub(super) fn literal(text: &str) -> String {
    format!("{{\"{}\"}}", text.replace('\\', "\\\\").replace('"', "\\\""))
}

/// An array with elements of this type, as it is sent.
pub(super) fn array(element: u32, lengths: &[usize], elements: &[Option<&[u8]>]) -> Vec<u8> {
    // Postgres gives an empty array no dimensions.
    let lengths: &[usize] = if elements.is_empty() { &[] } else { lengths };
    let has_nulls = elements.iter().any(Option::is_none);
    let mut bytes = size(lengths.len()).to_vec();
    bytes.extend(i32::from(has_nulls).to_be_bytes());
    bytes.extend(element.to_be_bytes());
    for length in lengths {
        bytes.extend(size(*length));
        // The lower bound.
        bytes.extend(1_i32.to_be_bytes());
    }
    for element in elements {
        match element {
            Some(element) => {
                bytes.extend(size(element.len()));
                bytes.extend(*element);
            }
            None => bytes.extend((-1_i32).to_be_bytes()),
        }
    }
    bytes
}

/// A rendered `with` is not that large.
fn size(length: usize) -> [u8; 4] {
    i32::try_from(length).unwrap_or(i32::MAX).to_be_bytes()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn lengths(value: &Value, is_json: bool) -> Result<Vec<usize>, String> {
        flat(value.as_array().unwrap(), is_json).map(|(lengths, _)| lengths)
    }

    #[test]
    fn lists_within_lists_are_dimensions_unless_they_are_values() {
        assert_eq!(lengths(&json!([1, 2, 3]), false), Ok(vec![3]));
        assert_eq!(lengths(&json!([[1, 2, 3], [4, null, 6]]), false), Ok(vec![2, 3]));
        assert_eq!(lengths(&json!([[1, 2], 3]), true), Ok(vec![2]));
        assert_eq!(lengths(&json!([[], []]), false), Ok(vec![2, 0]));
        for ragged in [json!([[1], [2, 3]]), json!([[1], 2]), json!([[1], null])] {
            lengths(&ragged, false).unwrap_err();
        }
        assert_eq!(lengths(&json!([[[[[[1]]]]]]), false), Ok(vec![1; 6]));
        lengths(&json!([[[[[[[1]]]]]]]), false).unwrap_err();
    }

    #[test]
    fn an_empty_array_has_no_dimensions() {
        let expected = [&[0; 8][..], &23_u32.to_be_bytes()].concat();
        assert_eq!(array(23, &[0], &[]), expected);
        assert_eq!(array(23, &[2, 0], &[]), expected);
    }

    #[test]
    fn a_literal_has_one_element_whatever_is_in_it() {
        assert_eq!(literal(r#"a","b\"#), r#"{"a\",\"b\\"}"#);
        assert_eq!(literal(""), r#"{""}"#);
        assert_eq!(literal("NULL"), r#"{"NULL"}"#);
    }
}
