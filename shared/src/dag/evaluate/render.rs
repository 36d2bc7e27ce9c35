//! Templates to values.

use jaq_json::{Map, Val, read};
use serde_json::Value;

use super::jq::Jq;
use crate::dag::limits::MAX_DEPTH;
use crate::dag::template::{self, Part};
use crate::dag::words::cut;

/// Why a template gives no value.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum RenderError {
    /// In a sentence.
    Failed(String),
    /// It would be longer than it may be: so many bytes at least.
    TooLarge(usize),
}

/// The compact JSON of what a template gives for a context, at most `max_bytes` long.
pub(super) fn render(
    jq: &Jq,
    template: &Value,
    context: &Val,
    max_bytes: usize,
) -> Result<String, RenderError> {
    let mut json = Json { text: String::new(), max_bytes };
    value(jq, template, context, &mut json)?;
    Ok(json.text)
}

fn value(jq: &Jq, template: &Value, context: &Val, json: &mut Json) -> Result<(), RenderError> {
    match template {
        Value::String(text) => string(jq, text, context, json),
        Value::Array(items) => {
            json.push("[")?;
            for (index, item) in items.iter().enumerate() {
                json.push(if index == 0 { "" } else { "," })?;
                value(jq, item, context, json)?;
            }
            json.push("]")
        }
        Value::Object(fields) => {
            json.push("{")?;
            for (index, (key, field)) in fields.iter().enumerate() {
                json.push(if index == 0 { "" } else { "," })?;
                json.push(&Value::from(key.as_str()).to_string())?;
                json.push(":")?;
                value(jq, field, context, json)?;
            }
            json.push("}")
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => json.push(&template.to_string()),
    }
}

fn string(jq: &Jq, text: &str, context: &Val, json: &mut Json) -> Result<(), RenderError> {
    let parts = template::parts(text).map_err(|error| RenderError::Failed(error.to_string()))?;
    if let [Part::Expression(expression)] = parts[..] {
        let given = evaluate(jq, expression, context)?;
        return json.value(&given, 0).map_err(|error| error.of(expression));
    }
    let mut whole = String::new();
    for part in parts {
        match part {
            Part::Text(text) => whole.push_str(text),
            Part::Escaped => whole.push_str("${"),
            Part::Expression(expression) => match evaluate(jq, expression, context)? {
                Val::TStr(bytes) => match std::str::from_utf8(&bytes) {
                    Ok(text) => whole.push_str(text),
                    Err(_) => return Err(Unfit::Utf8.of(expression)),
                },
                other => {
                    let mut inner = Json { text: String::new(), max_bytes: json.max_bytes };
                    inner.value(&other, 0).map_err(|error| error.of(expression))?;
                    whole.push_str(&inner.text);
                }
            },
        }
        if whole.len() > json.max_bytes {
            return Err(RenderError::TooLarge(whole.len()));
        }
    }
    json.push(&Value::from(whole).to_string())
}

fn evaluate(jq: &Jq, expression: &str, context: &Val) -> Result<Val, RenderError> {
    jq.evaluate(expression, context.clone()).map_err(|detail| {
        RenderError::Failed(format!("the expression `{}` {detail}", cut(expression.trim())))
    })
}

/// What jq knows and JSON does not, or what is more of it than may be.
enum Unfit {
    Depth,
    Utf8,
    Number(String),
    Key,
    Nul,
    TooLarge(usize),
}

impl Unfit {
    fn of(self, expression: &str) -> RenderError {
        let detail = match self {
            Self::TooLarge(bytes) => return RenderError::TooLarge(bytes),
            Self::Depth => {
                format!("gives a value with more than {MAX_DEPTH} lists and objects within each other")
            }
            Self::Utf8 => "gives bytes that are no text".to_owned(),
            Self::Number(number) => format!("gives {number}, which JSON does not have"),
            Self::Key => "gives an object with a key that is no text".to_owned(),
            Self::Nul => "gives a text with a NUL character, which Postgres cannot store".to_owned(),
        };
        RenderError::Failed(format!("the expression `{}` {detail}", cut(expression.trim())))
    }
}

/// JSON text that does not outgrow its bound.
struct Json {
    text: String,
    max_bytes: usize,
}

impl Json {
    fn push(&mut self, text: &str) -> Result<(), RenderError> {
        self.text.push_str(text);
        if self.text.len() > self.max_bytes { Err(RenderError::TooLarge(self.text.len())) } else { Ok(()) }
    }

    fn put(&mut self, text: &str) -> Result<(), Unfit> {
        self.push(text).map_err(|_| Unfit::TooLarge(self.text.len()))
    }

    /// A value of jq as JSON. `depth`: how many lists and objects stand around it.
    fn value(&mut self, value: &Val, depth: usize) -> Result<(), Unfit> {
        match value {
            Val::Null => self.put("null"),
            Val::Bool(true) => self.put("true"),
            Val::Bool(false) => self.put("false"),
            Val::Num(number) => {
                let text = number.to_string();
                // NaN and infinities, and nothing else, do not begin like a number.
                let finite = serde_json::from_str::<serde_json::Number>(&text).is_ok();
                if finite { self.put(&text) } else { Err(Unfit::Number(cut(&text))) }
            }
            Val::TStr(bytes) => self.string(bytes),
            Val::BStr(_) => Err(Unfit::Utf8),
            Val::Arr(items) => {
                self.deeper(depth)?;
                self.put("[")?;
                for (index, item) in items.iter().enumerate() {
                    self.put(if index == 0 { "" } else { "," })?;
                    self.value(item, depth + 1)?;
                }
                self.put("]")
            }
            Val::Obj(fields) => {
                self.deeper(depth)?;
                self.put("{")?;
                for (index, (key, field)) in fields.iter().enumerate() {
                    self.put(if index == 0 { "" } else { "," })?;
                    let Val::TStr(key) = key else { return Err(Unfit::Key) };
                    self.string(key)?;
                    self.put(":")?;
                    self.value(field, depth + 1)?;
                }
                self.put("}")
            }
        }
    }

    fn deeper(&self, depth: usize) -> Result<(), Unfit> {
        if depth < MAX_DEPTH { Ok(()) } else { Err(Unfit::Depth) }
    }

    fn string(&mut self, bytes: &[u8]) -> Result<(), Unfit> {
        let text = std::str::from_utf8(bytes).map_err(|_| Unfit::Utf8)?;
        if text.contains('\0') {
            return Err(Unfit::Nul);
        }
        self.put(&Value::from(text).to_string())
    }
}

/// A context with fields of `beside` put into it.
///
/// # Errors
/// A sentence, if one of them is no JSON: a defect of whoever asks.
pub(super) fn context(document: &Val, beside: Option<&str>) -> Result<Val, String> {
    let Some(beside) = beside else { return Ok(document.clone()) };
    let (Val::Obj(fields), Val::Obj(more)) = (document, parse(beside)?) else {
        return Err("the context is no object".to_owned());
    };
    let mut all: Map = (**fields).clone();
    all.extend(more.iter().map(|(key, value)| (key.clone(), value.clone())));
    Ok(Val::obj(all))
}

/// JSON as jq has it, with all digits of its numbers.
pub(super) fn parse(json: &str) -> Result<Val, String> {
    read::parse_single(json.as_bytes()).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests;
