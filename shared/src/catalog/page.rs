//! One page of a list, newest first.

use std::fmt::Debug;

use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::cursor::Cursor;
use crate::scope::Scope;

/// Which page.
#[derive(Clone, Debug)]
pub struct Page {
    /// Items on it, 1 to 100, or 1000 where a list says so.
    pub limit: i64,
    /// It begins after this place.
    pub cursor: Option<Cursor>,
}

impl Page {
    /// How many rows a statement reads: one more than asked for tells whether there is another page.
    pub(crate) fn rows(&self) -> i64 {
        self.limit + 1
    }

    /// After what was created then.
    pub(crate) fn created_at(&self) -> Option<DateTime<Utc>> {
        self.cursor.map(|cursor| cursor.created_at)
    }

    /// After what has this id.
    pub(crate) fn id(&self) -> Option<Uuid> {
        self.cursor.map(|cursor| cursor.id)
    }
}

/// One page of a list.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct List<T> {
    /// Newest first: by `created_at`, then `id`.
    pub items: Vec<T>,
    /// As asked for.
    pub limit: i64,
    /// How many `items` there are.
    pub count: usize,
    /// Where the next page begins; null on the last one.
    pub next_cursor: Option<String>,
}

/// What is listed knows its place.
pub trait Listed {
    /// Where it stands.
    fn place(&self) -> Cursor;
}

impl<T: Listed> List<T> {
    /// From [`Page::rows`] rows of the list that `scope` and `filter` make.
    pub(crate) fn new(mut rows: Vec<T>, page: &Page, scope: Scope, filter: &impl Debug) -> Self {
        let more = rows.len() as i64 > page.limit;
        rows.truncate(page.limit as usize);
        let next_cursor = rows.last().filter(|_| more).map(|last| last.place().encode(scope, filter));
        Self { count: rows.len(), items: rows, limit: page.limit, next_cursor }
    }
}

/// [`Listed`] for things with `created_at` and `id`.
macro_rules! listed {
    ($thing:ty) => {
        impl $crate::catalog::page::Listed for $thing {
            fn place(&self) -> $crate::cursor::Cursor {
                $crate::cursor::Cursor { created_at: self.created_at, id: self.id }
            }
        }
    };
}
pub(super) use listed;
