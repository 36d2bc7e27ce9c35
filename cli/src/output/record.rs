//! One object, a field a line.

use serde_json::Value;

use super::plain::{field, plain};

/// Names and values, in the order in which they are read.
#[derive(Clone, Debug, Default)]
pub struct Record {
    lines: Vec<(String, String)>,
}

impl Record {
    /// The fields of `object` that are there and not null.
    pub fn of(object: &Value, names: &[&str]) -> Self {
        let lines = names.iter().map(|name| ((*name).to_owned(), field(object, name)));
        Self { lines: lines.filter(|(_, value)| !value.is_empty()).collect() }
    }

    /// With another line.
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.lines.push((name.to_owned(), plain(value)));
        self
    }
}

impl std::fmt::Display for Record {
    /// Values stand below each other; further lines of a value too.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let width = self.lines.iter().map(|(name, _)| name.len()).max().unwrap_or_default();
        for (at, (name, value)) in self.lines.iter().enumerate() {
            if at > 0 {
                f.write_str("\n")?;
            }
            let value = value.replace('\n', &format!("\n{:width$}  ", ""));
            write!(f, "{name:width$}  {value}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_record_shows_what_is_there_in_the_order_asked_for() {
        let run = json!({ "status": "FAILED", "id": "r", "output": null, "error_message": "no\n  way", "labels": {} });
        insta::assert_snapshot!(Record::of(&run, &["id", "status", "output", "error_message", "labels"]).with("waits", "no"), @"
        id             r
        status         FAILED
        error_message  no
                         way
        labels         {}
        waits          no
        ");
    }
}
