//! A Lambda function that somebody else has, as far as Runplane is concerned: asked for the rates of a day, it answers with them. They are
//! made up, and of one day always the same.
//!
//! `{"base": "EUR", "date": "2026-11-01"}` → `{"base": "EUR", "date": "2026-11-01", "rates": {"CHF": …, "GBP": …, "USD": …}}`

use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde_json::{Value, json};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    lambda_runtime::run(service_fn(|event: LambdaEvent<Value>| async move { rates(&event.payload) })).await
}

fn rates(question: &Value) -> Result<Value, Error> {
    if question["base"] != "EUR" {
        return Err("base: must be EUR, the only one there is".into());
    }
    let date = question["date"].as_str().unwrap_or_default();
    let day = day(date).ok_or("date: must be a day, as in 2026-11-01")?;
    // Between 0 and a cent up, in whole hundredths of a cent: what is divided once is written as it is meant.
    let rate = |base: u32| f64::from(base + day * 37 % 100) / 10_000.0;
    let rates = json!({ "CHF": rate(9_400), "GBP": rate(8_500), "USD": rate(10_800) });
    Ok(json!({ "base": "EUR", "date": date, "rates": rates }))
}

/// The day as a number: 20261101.
fn day(text: &str) -> Option<u32> {
    let [year, month, day] = text.split('-').collect::<Vec<_>>().try_into().ok()?;
    let number = |text: &str, digits: usize, most: u32| {
        let fits = text.len() == digits && text.bytes().all(|byte| byte.is_ascii_digit());
        text.parse::<u32>().ok().filter(|number| fits && *number <= most)
    };
    Some(number(year, 4, 9999)? * 10_000 + number(month, 2, 12)? * 100 + number(day, 2, 31)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_has_its_rates() {
        let answer = rates(&json!({ "base": "EUR", "date": "2026-11-01" })).unwrap();
        assert_eq!(answer["rates"], json!({ "CHF": 0.9437, "GBP": 0.8537, "USD": 1.0837 }));
        assert_eq!(answer, rates(&json!({ "base": "EUR", "date": "2026-11-01" })).unwrap());
    }

    #[test]
    fn what_is_no_question_is_refused() {
        for question in [
            json!({}),
            json!([]),
            json!({ "base": "USD", "date": "2026-11-01" }),
            json!({ "base": "EUR" }),
            json!({ "base": "EUR", "date": "2026-11-1" }),
            json!({ "base": "EUR", "date": "2026-13-01" }),
            json!({ "base": "EUR", "date": "2026-11-01-01" }),
            json!({ "base": "EUR", "date": "+026-11-01" }),
        ] {
            assert!(rates(&question).is_err(), "{question}");
        }
    }
}
