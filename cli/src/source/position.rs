//! Bytes of a text as lines and columns.

use super::Located;

/// A text, and where its lines begin.
#[derive(Debug)]
pub(super) struct Lines {
    text: String,
    starts: Vec<usize>,
}

/// A place for people: both 1-based, columns in characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Position {
    pub line: usize,
    pub column: usize,
}

impl Lines {
    pub fn new(text: String) -> Self {
        let starts = std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
        Self { text, starts }
    }

    pub fn text(&self) -> &str {
        &self.text
    }

    /// Where a byte stands; one past the end, or inside a character, counts as the end or the character.
    pub fn position(&self, byte: usize) -> Position {
        let byte = self.text.floor_char_boundary(byte);
        let line = self.starts.partition_point(|start| *start <= byte);
        Position { line, column: self.text[self.starts[line - 1]..byte].chars().count() + 1 }
    }

    /// The byte that serde_json means: its lines are 1-based, its columns count the bytes read of the line, up to the one at fault.
    pub fn offset(&self, line: usize, column: usize) -> usize {
        let start = self.starts.get(line.saturating_sub(1)).copied().unwrap_or(self.text.len());
        self.text.floor_char_boundary(start + column.saturating_sub(1))
    }

    /// A fault at a byte.
    pub fn fault(&self, file: &str, byte: usize, pointer: &str, detail: &str) -> Located {
        let Position { line, column } = self.position(byte);
        Located {
            file: file.to_owned(),
            line,
            column,
            pointer: pointer.to_owned(),
            detail: detail.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_count_characters_whatever_their_bytes() {
        let lines = Lines::new("ä\tx\r\n𝄞y\n".to_owned());
        let place = |byte| {
            let Position { line, column } = lines.position(byte);
            (line, column)
        };
        assert_eq!(place(0), (1, 1));
        assert_eq!(place(1), (1, 1), "inside of a character is the character");
        assert_eq!(place(2), (1, 2));
        assert_eq!(place(3), (1, 3));
        assert_eq!(place(6), (2, 1));
        assert_eq!(place(10), (2, 2));
        assert_eq!(place(12), (3, 1));
        assert_eq!(place(999), (3, 1));
        assert_eq!(lines.offset(2, 5), 10);
    }
}
