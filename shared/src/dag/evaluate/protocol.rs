//! What goes through the pipes between a worker and the child that evaluates for it: JSON behind its length.

use std::io::{Error, ErrorKind, Read, Write};

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// No message is longer, in bytes: a context and what is asked of it, with room to spare.
pub(super) const MAX_MESSAGE_BYTES: usize = 64 * 1024 * 1024;

/// What the child is asked.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Question<'a> {
    /// Contexts that it need not remember any longer.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) forget: Vec<u64>,
    /// Which context.
    pub(super) context: u64,
    /// The context itself, when the child has not seen it before.
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    pub(super) document: Option<&'a RawValue>,
    /// Fields that are put into the context for this question: `item`, `index`, `result`.
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    pub(super) beside: Option<&'a RawValue>,
    /// The template.
    #[serde(borrow)]
    pub(super) template: &'a RawValue,
    /// The answer may be no longer, as compact JSON, in bytes.
    pub(super) max_bytes: usize,
}

/// What it answers.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Answer {
    /// The value, as compact JSON.
    Value(Box<RawValue>),
    /// Why there is none, in a sentence.
    Failed(String),
    /// It would be longer than it may be: so long.
    TooLarge(usize),
}

/// Writes one message.
pub(super) fn write(to: &mut impl Write, message: &[u8]) -> std::io::Result<()> {
    let length = u32::try_from(message.len()).map_err(|_| Error::from(ErrorKind::InvalidInput))?;
    to.write_all(&length.to_le_bytes())?;
    to.write_all(message)?;
    to.flush()
}

/// Reads one message; `None`: there is none any more.
pub(super) fn read(from: &mut impl Read) -> std::io::Result<Option<Vec<u8>>> {
    let mut length = [0; 4];
    match from.read_exact(&mut length) {
        Ok(()) => {}
        Err(error) if error.kind() == ErrorKind::UnexpectedEof => return Ok(None),
        Err(error) => return Err(error),
    }
    let length = u32::from_le_bytes(length) as usize;
    if length > MAX_MESSAGE_BYTES {
        return Err(ErrorKind::InvalidData.into());
    }
    let mut message = vec![0; length];
    from.read_exact(&mut message)?;
    Ok(Some(message))
}
