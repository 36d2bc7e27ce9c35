//! What a command has found, with where it was found: printed, or put into a document with its plots.

use std::path::Path;

use anyhow::{Context as _, Result};

use crate::document::Place;
use crate::paths::Dirs;
use crate::progress::say;

/// Figures and where they were taken.
#[derive(Debug)]
pub struct Taken<T> {
    /// The figures.
    pub found: Vec<T>,
    /// The machine, the versions, and how often: one line.
    pub machine: String,
    /// What else the machine was doing: one line.
    pub noise: String,
}

impl<T> Taken<T> {
    /// The lines around the table, and it.
    pub fn around(&self, table: &str) -> String {
        format!("{}\n\n{}\n\n{}\n", self.machine, table.trim_end(), self.noise)
    }
}

/// Prints `text`. With `write` it goes into the document as well, beneath the images (file names beside the document, and what they show), which `plots`
/// draws into the document's folder. Fails when that cannot be written.
pub fn tell(
    dirs: &Dirs,
    write: bool,
    place: Place,
    text: &str,
    images: &[(&str, &str)],
    plots: impl FnOnce(&Path) -> Result<()>,
) -> Result<()> {
    say(format_args!("\n{text}"));
    if !write {
        return Ok(());
    }
    let path = dirs.root().join(place.document);
    plots(path.parent().context("a document lies in a folder")?)?;
    let images = images.iter().map(|(file, shows)| format!("![{shows}]({file})\n")).collect::<String>();
    let date = chrono::Utc::now().format("%Y-%m-%d");
    place.write(dirs, &format!("{images}\nTaken on {date}: {text}"))?;
    say(format_args!("Written into {}", place.document));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLACE: Place = Place { document: "docs/a.md", command: "bench a" };

    fn told(write: bool) -> (String, bool) {
        let folder = tempfile::tempdir().unwrap();
        let docs = folder.path().join("docs");
        std::fs::create_dir(&docs).unwrap();
        let marks = "<!-- what `cargo xtask bench a --write` writes -->\n<!-- until here -->";
        std::fs::write(docs.join("a.md"), marks).unwrap();
        let taken = Taken { found: vec![1], machine: "2 cores".to_owned(), noise: "Noise".to_owned() };
        let text = taken.around("| a |\n|---|\n| 1 |\n");
        let draw = |folder: &Path| Ok(std::fs::write(folder.join("a.svg"), "<svg/>")?);
        tell(&Dirs::new(folder.path()), write, PLACE, &text, &[("a.svg", "A plot")], draw).unwrap();
        (std::fs::read_to_string(docs.join("a.md")).unwrap(), docs.join("a.svg").exists())
    }

    #[test]
    fn a_document_gets_the_plot_the_machine_the_table_and_the_noise() {
        let (text, plotted) = told(true);
        assert!(plotted);
        let order = ["![A plot](a.svg)\n\nTaken on 2", ": 2 cores\n\n| a |", "| 1 |\n\nNoise\n<!-- until"];
        let places = order.map(|part| text.find(part).unwrap_or_else(|| panic!("{part}: {text}")));
        assert!(places.is_sorted(), "{text}");
    }

    #[test]
    fn what_is_only_printed_changes_no_document() {
        let (text, plotted) = told(false);
        assert!(!text.contains("2 cores") && !plotted, "{text}");
    }
}
