//! A successful answer.

use serde_json::Value;
use serde_json::value::RawValue;

use crate::failure::Failure;

/// What the API says.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The body, byte for byte; empty with a 204.
    pub text: String,
    /// The body as JSON; null when it is empty.
    pub body: Value,
}

impl Answer {
    /// The items of a list, each as one line of text as it came.
    ///
    /// # Errors
    /// [`Failure::Unreachable`] if it is no list: then it is not the API that answers.
    pub fn item_lines(&self) -> Result<Vec<String>, Failure> {
        #[derive(serde::Deserialize)]
        struct List<'a> {
            #[serde(borrow)]
            items: Vec<&'a RawValue>,
        }
        let list: List<'_> = serde_json::from_str(&self.text).map_err(|_| not_a_list())?;
        let line = |item: &&RawValue| {
            let text = item.get();
            // A line break that stands between values; inside of a text JSON has none.
            if text.contains(['\n', '\r']) {
                serde_json::from_str::<Value>(text).map_or_else(|_| text.to_owned(), |item| item.to_string())
            } else {
                text.to_owned()
            }
        };
        Ok(list.items.iter().map(line).collect())
    }

    /// The items of a list.
    ///
    /// # Errors
    /// As [`item_lines`](Self::item_lines).
    pub fn items(&self) -> Result<&Vec<Value>, Failure> {
        self.body["items"].as_array().ok_or_else(not_a_list)
    }

    /// Where the next page of a list begins; None on the last one.
    pub fn next_cursor(&self) -> Option<&str> {
        self.body["next_cursor"].as_str()
    }
}

fn not_a_list() -> Failure {
    Failure::Unreachable("the answer is not a list: is --url the API's?".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_stay_as_they_came_but_on_one_line() {
        let text = "{\"items\":[{\"b\":1.0,\"a\":18446744073709551615},{\n  \"c\": \"\\n\"\n}],\"next_cursor\":\"x\"}";
        let answer = Answer { text: text.to_owned(), body: serde_json::from_str(text).unwrap() };
        assert_eq!(
            answer.item_lines().unwrap(),
            ["{\"b\":1.0,\"a\":18446744073709551615}", "{\"c\":\"\\n\"}"]
        );
        assert_eq!((answer.items().unwrap().len(), answer.next_cursor()), (2, Some("x")));
        let other = Answer { text: "{}".to_owned(), body: Value::Null };
        assert!(other.item_lines().is_err() && other.items().is_err());
    }
}
