//! Tables in documents: what a command writes stands between two marks, what people write stands around them.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context as _, Result};

use crate::paths::Dirs;

const END: &str = "<!-- until here -->";

/// Where a command writes its tables.
#[derive(Debug, Clone, Copy)]
pub struct Place {
    /// The document, a path in the repository.
    pub document: &'static str,
    /// What comes after `cargo xtask`, without its options.
    pub command: &'static str,
}

impl Place {
    /// The text of the document with `tables` in place of what stands between the command's marks; `None` where it lacks one of them.
    pub fn filled(self, text: &str, tables: &str) -> Option<String> {
        let begin = format!("<!-- what `cargo xtask {} --write` writes -->", self.command);
        let (before, rest) = text.split_once(&begin)?;
        let (old, after) = rest.split_once(END)?;
        // The end of another command's tables is not that of ours.
        let is_ours = !old.contains("<!-- what `cargo xtask ");
        is_ours.then(|| format!("{before}{begin}\n{}\n{END}{after}", tables.trim_end()))
    }

    /// Fails when there is nowhere to write to: asked before anything is measured for hours.
    pub fn check(self, dirs: &Dirs) -> Result<()> {
        self.read(dirs, "").map(drop)
    }

    /// Puts `tables` into the document. Fails when it lacks the marks, or cannot be written.
    pub fn write(self, dirs: &Dirs, tables: &str) -> Result<()> {
        let (path, text) = self.read(dirs, tables)?;
        fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))
    }

    fn read(self, dirs: &Dirs, tables: &str) -> Result<(PathBuf, String)> {
        let path = dirs.root().join(self.document);
        let text = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        let text = self.filled(&text, tables);
        let text =
            text.with_context(|| format!("{} lacks the marks of `{}`", path.display(), self.command))?;
        Ok((path, text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: Place = Place { document: "a.md", command: "one" };
    const TWO: Place = Place { document: "a.md", command: "two" };

    fn section(command: &str, tables: &str) -> String {
        format!("# {command}\n<!-- what `cargo xtask {command} --write` writes -->\n{tables}\n{END}\nend\n")
    }

    #[test]
    fn what_stands_between_the_commands_own_marks_is_replaced() {
        let text = section("one", "old") + &section("two", "old");
        let new = section("one", "old") + &section("two", "new");
        assert_eq!(TWO.filled(&text, "new\n"), Some(new.clone()));
        assert_eq!(TWO.filled(&new, "new"), Some(new));
    }

    #[test]
    fn a_document_without_the_marks_is_left_alone() {
        assert_eq!(ONE.filled("a", "new"), None);
        let text = section("one", "old").replace(END, "") + &section("two", "old");
        assert_eq!(ONE.filled(&text, "new"), None);
        assert!(TWO.filled(&text, "new").is_some());
    }

    #[test]
    fn a_place_that_is_not_there_is_noticed_before_anything_is_written() {
        let folder = tempfile::tempdir().unwrap();
        let dirs = Dirs::new(folder.path());
        assert!(ONE.check(&dirs).is_err());
        let path = folder.path().join("a.md");
        fs::write(&path, section("two", "old")).unwrap();
        assert!(ONE.check(&dirs).is_err());
        TWO.check(&dirs).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), section("two", "old"));
        TWO.write(&dirs, "new").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), section("two", "new"));
    }
}
