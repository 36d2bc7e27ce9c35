//! What is read: a table's columns, and rows as text.

use std::sync::Arc;

/// A longer text is not imported, in bytes: parameters, a message and a dag_spec of this size each, and what is around them, still go
/// into one answer of the API, of which Lambda sends at most 6 MB.
pub(in crate::import) const MAX_TEXT: usize = 1_500_000;

/// A table of the old service.
#[derive(Clone, Copy, Debug)]
pub(in crate::import) struct Table {
    /// Its name.
    pub name: &'static str,
    /// Columns it must have.
    pub required: &'static [&'static str],
    /// Columns that count as null where they are missing.
    pub optional: &'static [&'static str],
    /// Which of them are times.
    pub times: &'static [&'static str],
    /// Which of them may be long: of these no more is read than it takes to see that they are too long.
    pub long: &'static [&'static str],
    /// The column that names the tenant.
    pub tenant: &'static str,
}

/// A row as it was read: text by column.
#[derive(Debug)]
pub(in crate::import) struct Raw {
    columns: Arc<[&'static str]>,
    values: Vec<Option<String>>,
}

impl Raw {
    /// A row with a value for each column.
    pub(super) fn new(columns: Arc<[&'static str]>, values: Vec<Option<String>>) -> Self {
        Self { columns, values }
    }

    /// The value of a column; `None` if it is null, or missing in this database.
    pub fn get(&self, column: &str) -> Option<&str> {
        let at = self.columns.iter().position(|name| *name == column)?;
        self.values.get(at)?.as_deref()
    }

    /// The id as it stands there.
    pub fn id(&self) -> String {
        self.get("id").unwrap_or("null").to_owned()
    }

    /// How much it holds.
    pub(super) fn bytes(&self) -> usize {
        self.values.iter().flatten().map(String::len).sum()
    }
}
