//! An answer's body, up to a bound, unpacked.

use std::io::{self, Write};
use std::time::Duration;

use flate2::write::MultiGzDecoder;
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH};
use reqwest::Response;

use super::MAX_BODY_BYTES;
use super::client::causes;
use crate::reach::ReachFailure;

/// How a body is packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Packing {
    /// Not at all.
    None,
    /// With gzip, which is what is asked for.
    Gzip,
    /// In a way that nobody asked for, or that the step itself did.
    Other,
}

/// How the body of an answer is packed.
pub(super) fn packing(answer: &Response) -> Packing {
    let mut codings = answer.headers().get_all(CONTENT_ENCODING).iter();
    match (codings.next(), codings.next()) {
        (None, _) => Packing::None,
        (Some(coding), None) => match coding.as_bytes().to_ascii_lowercase().as_slice() {
            b"" | b"identity" => Packing::None,
            b"gzip" | b"x-gzip" => Packing::Gzip,
            _ => Packing::Other,
        },
        (Some(_), Some(_)) => Packing::Other,
    }
}

/// All of a body.
pub(super) async fn read(answer: &mut Response, idle: Duration) -> Result<Vec<u8>, ReachFailure> {
    let length = answer.headers().get(CONTENT_LENGTH).and_then(|length| length.to_str().ok());
    // What it says it will send: nothing of it has to come first. What a HEAD tells of is not sent.
    if length.and_then(|length| length.parse().ok()).is_some_and(|length: u64| length > MAX_BODY_BYTES as u64)
    {
        return Err(too_large());
    }
    let mut unpacked = Unpacked::new(packing(answer), MAX_BODY_BYTES);
    loop {
        match tokio::time::timeout(idle, answer.chunk()).await {
            Err(_) => {
                let message = format!("nothing more of the body came for {} s", idle.as_secs_f64());
                return Err(ReachFailure::passing("timeout", message));
            }
            Ok(Err(error)) => {
                let why = causes(&error.without_url());
                return Err(ReachFailure::passing("incomplete_body", format!("the body broke off: {why}")));
            }
            Ok(Ok(None)) => return unpacked.finish(),
            Ok(Ok(Some(chunk))) => unpacked.add(&chunk)?,
        }
    }
}

/// The first bytes of a body, as many as came in time: to be shown.
pub(super) async fn beginning(answer: &mut Response, max_bytes: usize, within: Duration) -> Vec<u8> {
    let mut unpacked = Unpacked::new(packing(answer), max_bytes);
    let all = async {
        while let Ok(Some(chunk)) = answer.chunk().await {
            if unpacked.add(&chunk).is_err() {
                break;
            }
        }
    };
    // Why it is not more is of no interest.
    let _ = tokio::time::timeout(within, all).await;
    unpacked.into_bytes()
}

fn too_large() -> ReachFailure {
    ReachFailure::new("body_too_large", format!("the body has more than {MAX_BODY_BYTES} bytes"))
}

fn corrupt(error: &io::Error) -> ReachFailure {
    ReachFailure::new("invalid_body", format!("the body is said to be packed with gzip, and is not: {error}"))
}

enum Unpacked {
    Plain(Bounded),
    Gzip { unpacker: Box<MultiGzDecoder<Bounded>>, is_empty: bool },
}

impl Unpacked {
    fn new(packing: Packing, max_bytes: usize) -> Self {
        let bounded = Bounded { bytes: Vec::new(), max_bytes, is_full: false };
        match packing {
            Packing::None | Packing::Other => Self::Plain(bounded),
            Packing::Gzip => Self::Gzip { unpacker: Box::new(MultiGzDecoder::new(bounded)), is_empty: true },
        }
    }

    fn add(&mut self, chunk: &[u8]) -> Result<(), ReachFailure> {
        match self {
            Self::Plain(bounded) => bounded.write_all(chunk).map_err(|_| too_large()),
            Self::Gzip { unpacker, is_empty } => {
                *is_empty &= chunk.is_empty();
                let added = unpacker.write_all(chunk);
                // A few bytes may become thousands of times as many: it is stopped amidst them.
                added.map_err(|error| if unpacker.get_ref().is_full { too_large() } else { corrupt(&error) })
            }
        }
    }

    fn finish(self) -> Result<Vec<u8>, ReachFailure> {
        match self {
            Self::Plain(bounded) => Ok(bounded.bytes),
            // An answer without a body tells how it would be packed, too.
            Self::Gzip { is_empty: true, .. } => Ok(Vec::new()),
            Self::Gzip { mut unpacker, .. } => match unpacker.try_finish() {
                Ok(()) => Ok(std::mem::take(&mut unpacker.get_mut().bytes)),
                Err(_) if unpacker.get_ref().is_full => Err(too_large()),
                Err(error) => Err(corrupt(&error)),
            },
        }
    }

    fn into_bytes(self) -> Vec<u8> {
        match self {
            Self::Plain(bounded) => bounded.bytes,
            Self::Gzip { mut unpacker, .. } => {
                // What is unpacked already is handed on by that; that it is not all of it is known.
                let _ = unpacker.try_finish();
                std::mem::take(&mut unpacker.get_mut().bytes)
            }
        }
    }
}

/// Takes so many bytes, and then fails.
#[derive(Debug)]
struct Bounded {
    bytes: Vec<u8>,
    max_bytes: usize,
    is_full: bool,
}

impl Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let fits = bytes.len().min(self.max_bytes - self.bytes.len());
        self.bytes.extend_from_slice(&bytes[..fits]);
        if fits == 0 && !bytes.is_empty() {
            self.is_full = true;
            return Err(io::Error::other("there is more than fits"));
        }
        Ok(fits)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests;
