//! One page of a run's logs or artifacts.

use std::fmt::Debug;
use std::str::FromStr;

use crate::catalog::{List, Listed, Page};
use crate::scope::Scope;

/// A page ends before it is larger than this: Lambda answers with 6 MB at most, in which each byte may take two.
pub(super) const MAX_PAGE_BYTES: i64 = 2_900_000;

/// Which end of a list comes first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    /// Oldest first.
    #[default]
    Asc,
    /// Newest first.
    Desc,
}

impl FromStr for Order {
    type Err = UnknownOrder;

    fn from_str(text: &str) -> Result<Self, UnknownOrder> {
        match text {
            "asc" => Ok(Self::Asc),
            "desc" => Ok(Self::Desc),
            _ => Err(UnknownOrder),
        }
    }
}

/// The word is neither `asc` nor `desc`.
#[derive(Debug, thiserror::Error)]
#[error("must be asc or desc")]
pub struct UnknownOrder;

/// The list of rows that a statement has cut already: `follows` says whether there are more.
pub(super) fn list<T: Listed>(
    items: Vec<T>,
    follows: bool,
    page: &Page,
    scope: Scope,
    filter: &impl Debug,
) -> List<T> {
    let next_cursor = items.last().filter(|_| follows).map(|last| last.place().encode(scope, filter));
    List { count: items.len(), items, limit: page.limit, next_cursor }
}
