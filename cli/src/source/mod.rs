//! JSON files as somebody wrote them: the value, and the place of each of its parts, so that a fault can be found in an editor.

mod located;
mod places;
mod position;

use std::io::Read as _;

use serde_json::Value;

pub use located::Located;
use places::Places;
use position::Lines;

/// How the sentence about a field begins that ought not to be there, in a dag_spec as in a request.
const UNKNOWN: &str = "is not a field of";

/// A JSON file that has been read.
#[derive(Debug)]
pub struct Source {
    name: String,
    lines: Lines,
    places: Places,
    value: Value,
}

/// A JSON file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// It cannot be read.
    #[error("cannot read {name}: {cause}")]
    Unreadable {
        /// The file's name.
        name: String,
        /// Why.
        cause: std::io::Error,
    },
    /// It is not JSON, or not clearly so.
    #[error("{} is not valid JSON", .0[0].file)]
    Faults(Vec<Located>),
}

impl Source {
    /// Reads a file; `-` is the standard input.
    ///
    /// # Errors
    /// [`SourceError`].
    pub fn read(name: &str) -> Result<Self, SourceError> {
        let unreadable = |cause| SourceError::Unreadable { name: name.to_owned(), cause };
        let bytes = if name == "-" {
            let mut bytes = Vec::new();
            std::io::stdin().lock().read_to_end(&mut bytes).map(|_| bytes)
        } else {
            std::fs::read(name)
        };
        let name = if name == "-" { "<stdin>" } else { name };
        Self::parse(name, bytes.map_err(unreadable)?)
    }

    /// Reads a text; `name` is what faults call it.
    ///
    /// # Errors
    /// [`SourceError::Faults`]: the first place where it is not JSON (RFC 8259, in UTF-8), or every key that an object has twice, since of
    /// these all but the last would be lost without a word.
    pub fn parse(name: &str, bytes: Vec<u8>) -> Result<Self, SourceError> {
        let text = String::from_utf8(bytes).map_err(|error| {
            let (valid, lines) = (error.utf8_error().valid_up_to(), error.as_bytes());
            let lines = Lines::new(String::from_utf8_lossy(&lines[..valid]).into_owned());
            SourceError::Faults(vec![lines.fault(name, valid, "", "is not UTF-8")])
        })?;
        let lines = Lines::new(text);
        let value = serde_json::from_str(lines.text()).map_err(|error| {
            let at = lines.offset(error.line(), error.column());
            SourceError::Faults(vec![lines.fault(name, at, "", &syntax(lines.text(), &error))])
        })?;
        let places = Places::of(lines.text());
        let twice: Vec<Located> = places
            .duplicates()
            .iter()
            .map(|key| {
                let first = lines.position(key.first).line;
                let detail = format!("the key stands here a second time; the first one is on line {first}");
                lines.fault(name, key.second, &key.pointer, &detail)
            })
            .collect();
        if twice.is_empty() {
            Ok(Self { name: name.to_owned(), lines, places, value })
        } else {
            Err(SourceError::Faults(twice))
        }
    }

    /// What the file says.
    pub fn value(&self) -> &Value {
        &self.value
    }

    /// A fault at a JSON pointer, placed at the value that it names; at the key where a field is unknown, and at the nearest value around
    /// it where something is missing.
    pub fn locate(&self, pointer: &str, detail: &str) -> Located {
        let unknown = detail.starts_with(UNKNOWN);
        self.lines.fault(&self.name, self.places.find(pointer, unknown), pointer, detail)
    }
}

/// What serde_json says, without the place, which is given otherwise.
fn syntax(text: &str, error: &serde_json::Error) -> String {
    if text.starts_with('\u{feff}') {
        return "begins with a byte order mark, which JSON does not allow".to_owned();
    }
    let said = error.to_string();
    let place = format!(" at line {} column {}", error.line(), error.column());
    said.strip_suffix(&place).unwrap_or(&said).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(text: &str) -> Vec<String> {
        match Source::parse("dag.json", text.as_bytes().to_vec()) {
            Ok(_) => Vec::new(),
            Err(SourceError::Faults(faults)) => faults.iter().map(ToString::to_string).collect(),
            Err(other) => vec![other.to_string()],
        }
    }

    #[test]
    fn what_is_not_json_is_named_where_it_goes_wrong() {
        let one = |text: &str| faults(text).remove(0);
        assert_eq!(one("{\n  \"a\": 1,\n}"), "dag.json:3:1: trailing comma");
        assert_eq!(one("{\"ä\": \"ö\", x}"), "dag.json:1:12: key must be a string");
        assert_eq!(one("{} {}"), "dag.json:1:4: trailing characters");
        assert_eq!(one("// no\n{}"), "dag.json:1:1: expected value");
        assert_eq!(one("{'a': 1}"), "dag.json:1:2: key must be a string");
        assert_eq!(one(""), "dag.json:1:1: EOF while parsing a value");
        assert_eq!(one("{\"a\": [1,\n"), "dag.json:2:1: EOF while parsing a value");
        assert_eq!(
            one("\u{feff}{}"),
            "dag.json:1:1: begins with a byte order mark, which JSON does not allow"
        );
        let Err(SourceError::Faults(faults)) = Source::parse("x", b"{\"\xc3\xa4\": \"\xff\"}".to_vec())
        else {
            panic!("read what is not UTF-8");
        };
        assert_eq!(faults[0].to_string(), "x:1:8: is not UTF-8");
    }

    #[test]
    fn a_key_that_stands_twice_is_a_fault_and_not_a_choice() {
        let text = "{\n\t\"steps\": [\n\t\t{\"id\": \"a\", \"id\": \"b\"}\n\t],\n\t\"st\\u0065ps\": []\n}";
        assert_eq!(
            faults(text),
            [
                "dag.json:3:15: /steps/0/id: the key stands here a second time; the first one is on line 3",
                "dag.json:5:2: /steps: the key stands here a second time; the first one is on line 2"
            ]
        );
    }

    #[test]
    fn a_fault_is_placed_at_the_value_the_key_or_what_is_around() {
        let text =
            "{\n  \"steps\": [\n    \"ä\", {\"if\": \"${\", \"wiht\": {}}\n  ],\n  \"a/b\": {\"~\": 1}\n}\n";
        let source = Source::parse("d", text.as_bytes().to_vec()).unwrap();
        let place = |pointer: &str, detail: &str| {
            let fault = source.locate(pointer, detail);
            (fault.line, fault.column)
        };
        assert_eq!(place("/steps/1/if", "no"), (3, 17));
        assert_eq!(place("/steps/1/wiht", "is not a field of a step: did you mean with?"), (3, 23));
        assert_eq!(place("/steps/1/wiht", "must be a string"), (3, 31));
        assert_eq!(place("/steps/1/id", "is missing"), (3, 10));
        assert_eq!(place("/steps/7/id/x", "is missing"), (2, 12));
        assert_eq!(place("/a~1b/~0", "no"), (5, 16));
        assert_eq!(place("", "no"), (1, 1));
        assert_eq!(place("no pointer", "no"), (1, 1));
    }
}
