//! A fault with its place in a file.

use serde::Serialize;

/// What is wrong, and where.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Located {
    /// The file's name as it was given; `<stdin>` for the standard input.
    pub file: String,
    /// 1-based.
    pub line: usize,
    /// 1-based, in characters; a tab is one.
    pub column: usize,
    /// JSON pointer into the file; empty for the whole of it, and where it is not JSON.
    pub pointer: String,
    /// What is wrong, and how to mend it.
    pub detail: String,
}

impl std::fmt::Display for Located {
    /// `file:line:column: pointer: detail`, as compilers write it.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}:{}: ", self.file, self.line, self.column)?;
        if !self.pointer.is_empty() {
            write!(f, "{}: ", self.pointer)?;
        }
        f.write_str(&self.detail)
    }
}
