//! The values of a run that may not be here as they are there.

use uuid::Uuid;

use crate::import::fit;
use crate::import::json;
use crate::import::source::{MAX_TEXT, Raw};

const MAX_CLAIMED_BY: usize = 200;
const MAX_TRIGGER_TYPE: usize = 30;
/// An error message is kept up to this many bytes, as when a run is completed; a longer one is whole in `output`.
const MAX_MESSAGE_BYTES: usize = 8 * 1024;
const CUT_MARK: &str = "… [cut]";

/// Parameters are an object here.
pub(super) fn parameters(
    text: Option<&str>,
    is_queued: bool,
    changes: &mut Vec<String>,
) -> Result<String, String> {
    let Some(text) = text.filter(|text| !matches!(text.trim(), "null" | "{}")) else {
        return Ok("{}".to_owned());
    };
    if text.len() > MAX_TEXT {
        return Err(format!("its parameters have more than {MAX_TEXT} bytes: the API could not answer them"));
    }
    let clean = json::clean(text).map_err(|why| format!("its parameters: {why}"))?;
    changes.extend(clean.changes.into_iter().map(|change| format!("parameters: {change}")));
    if clean.value.is_object() {
        return Ok(clean.text);
    }
    if is_queued {
        return Err("it waits, and its parameters are no object: its worker would get other ones".to_owned());
    }
    changes.push(r#"parameters are no object: they are {"imported_value":…} here"#.to_owned());
    Ok(format!(r#"{{"imported_value":{}}}"#, clean.text))
}

pub(super) fn trigger_type(text: Option<&str>, changes: &mut Vec<String>) -> String {
    match text {
        None => "manual".to_owned(),
        Some("") => {
            changes.push("trigger_type is empty: manual here".to_owned());
            "manual".to_owned()
        }
        Some(text) => cut("trigger_type", text, MAX_TRIGGER_TYPE, changes),
    }
}

pub(super) fn claimed_by(text: Option<&str>, changes: &mut Vec<String>) -> Option<String> {
    let text = text?;
    if text.is_empty() {
        changes.push("claimed_by is empty: null here".to_owned());
        return None;
    }
    Some(cut("claimed_by", text, MAX_CLAIMED_BY, changes))
}

fn cut(column: &str, text: &str, max: usize, changes: &mut Vec<String>) -> String {
    let cut = fit::cut(text, max);
    if cut != text {
        changes.push(format!("{column} {text:?} is longer than {max} characters: cut"));
    }
    cut
}

/// The message, and the output that has what no message may be here: that of a run that succeeded, and what is too long.
pub(super) fn error(
    message: Option<&str>,
    status: &str,
    changes: &mut Vec<String>,
) -> Result<(Option<String>, Option<String>), String> {
    let Some(message) = message else { return Ok((None, None)) };
    if message.len() > MAX_TEXT {
        return Err(format!("its error_message has more than {MAX_TEXT} bytes: the API could not answer it"));
    }
    let whole = || serde_json::json!({ "error_message": message }).to_string();
    if status == "SUCCEEDED" {
        changes.push("it SUCCEEDED and has an error_message: that is in output here".to_owned());
        return Ok((None, Some(whole())));
    }
    if message.len() <= MAX_MESSAGE_BYTES {
        return Ok((Some(message.to_owned()), None));
    }
    changes
        .push(format!("error_message has {} bytes: cut, the whole of it is in output here", message.len()));
    let end = message.floor_char_boundary(MAX_MESSAGE_BYTES - CUT_MARK.len());
    Ok((Some(format!("{}{CUT_MARK}", &message[..end])), Some(whole())))
}

/// The id of another run of the lineage. It need not exist any more.
pub(super) fn related(column: &str, raw: &Raw, changes: &mut Vec<String>) -> Option<Uuid> {
    let text = raw.get(column).filter(|text| !text.is_empty())?;
    let id = Uuid::try_parse(text).ok();
    if id.is_none() {
        changes.push(format!("{column} {text:?} is no UUID: as if it were null"));
    }
    id
}
