//! A place in a list that is ordered by `created_at`, then `id`, both descending.

use std::fmt::Debug;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::runs::is_storable;
use crate::scope::Scope;

/// A place in a list: after what was created then and has this id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cursor {
    /// When it was created.
    pub(crate) created_at: DateTime<Utc>,
    /// Its id.
    pub(crate) id: Uuid,
}

/// The cursor is not one of ours, or belongs to another list.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("cursor is not a next_cursor of this list with these filters")]
pub struct InvalidCursor;

impl Cursor {
    /// Opaque to clients: place and digest of the list it belongs to, in base64. The filter's type tells lists of different things
    /// apart.
    pub(crate) fn encode(self, scope: Scope, filter: &impl Debug) -> String {
        let mut bytes = Vec::with_capacity(32);
        bytes.extend(self.created_at.timestamp_micros().to_be_bytes());
        bytes.extend(self.id.as_bytes());
        bytes.extend(digest(&self, scope, filter));
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// Reads the `next_cursor` of a page of the same list.
    ///
    /// # Errors
    /// [`InvalidCursor`] if it is none, or one of another list.
    pub fn decode(text: &str, scope: Scope, filter: &impl Debug) -> Result<Self, InvalidCursor> {
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| InvalidCursor)?;
        let (micros, rest) = bytes.split_first_chunk::<8>().ok_or(InvalidCursor)?;
        let (id, given) = rest.split_first_chunk::<16>().ok_or(InvalidCursor)?;
        let created_at = DateTime::from_timestamp_micros(i64::from_be_bytes(*micros)).ok_or(InvalidCursor)?;
        let cursor = Self { created_at, id: Uuid::from_bytes(*id) };
        let ours = given == digest(&cursor, scope, filter) && is_storable(&created_at);
        if ours { Ok(cursor) } else { Err(InvalidCursor) }
    }
}

/// Ties a place to its list. Not a secret: whoever computes one gets a page of a list that is theirs anyway.
pub(crate) fn digest(place: &impl Debug, scope: Scope, filter: &impl Debug) -> [u8; 8] {
    let digest = Sha256::digest(format!("{place:?} {:?} {filter:?}", scope.tenant()));
    let mut short = [0; 8];
    short.copy_from_slice(&digest[..8]);
    short
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a list may be asked for.
    #[derive(Clone, Debug, Default)]
    struct Filter {
        #[expect(dead_code, reason = "only how it is written matters")]
        status: Vec<&'static str>,
    }

    #[test]
    fn a_cursor_belongs_to_one_list() {
        let filter = Filter::default();
        let cursor = Cursor {
            created_at: DateTime::from_timestamp_micros(1_790_000_000_123_456).unwrap(),
            id: Uuid::now_v7(),
        };
        let text = cursor.encode(Scope::All, &filter);
        assert_eq!(Cursor::decode(&text, Scope::All, &filter), Ok(cursor));
        assert_eq!(Cursor::decode(&text, Scope::Tenant(Uuid::nil()), &filter), Err(InvalidCursor));
        let other = Filter { status: vec!["FAILED"] };
        assert_eq!(Cursor::decode(&text, Scope::All, &other), Err(InvalidCursor));
        assert_eq!(
            Cursor::decode(&text, Scope::All, &crate::runs::ListFilter::default()),
            Err(InvalidCursor)
        );
    }

    #[test]
    fn a_forged_cursor_is_refused() {
        let text =
            Cursor { created_at: Utc::now(), id: Uuid::now_v7() }.encode(Scope::All, &Filter::default());
        for forged in ["", "x", "!!!", &text[1..], &format!("{text}AAAA"), &URL_SAFE_NO_PAD.encode([0; 32])] {
            assert_eq!(
                Cursor::decode(forged, Scope::All, &Filter::default()),
                Err(InvalidCursor),
                "{forged}"
            );
        }
    }
}
