//! What an import says: a line for each row that did not go as it stands, while it works; a summary at the end.

mod words;

use std::collections::BTreeMap;
use std::io::{self, Write};

use comfy_table::{Table, presets};
use serde::Serialize;

pub(super) use words::{Counts, Kind, Note};

/// Where lines go, and what was counted.
pub(super) struct Report<'a> {
    out: &'a mut dyn Write,
    json: bool,
    counts: BTreeMap<Kind, Counts>,
    remarks: Vec<String>,
}

#[derive(Serialize)]
struct Line<'a> {
    note: Note,
    kind: Kind,
    id: &'a str,
    detail: &'a str,
}

impl<'a> Report<'a> {
    /// Writes to `out`: lines for people, or one JSON document a line.
    pub fn new(out: &'a mut dyn Write, json: bool) -> Self {
        Self {
            out,
            json,
            counts: Kind::ALL.map(|kind| (kind, Counts::default())).into(),
            remarks: Vec::new(),
        }
    }

    /// The counts of a kind.
    pub fn count(&mut self, kind: Kind) -> &mut Counts {
        self.counts.entry(kind).or_default()
    }

    /// A line about a row.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn note(&mut self, note: Note, kind: Kind, id: &str, detail: &str) -> io::Result<()> {
        if self.json {
            serde_json::to_writer(&mut *self.out, &Line { note, kind, id, detail })?;
            return writeln!(self.out);
        }
        // Ids are whatever stands there.
        writeln!(self.out, "{:<8}  {} {}: {detail}", note.words(), kind.singular(), id.escape_debug())
    }

    /// A row that is left out, counted.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn left_out(&mut self, kind: Kind, id: &str, why: &str) -> io::Result<()> {
        self.count(kind).left_out += 1;
        self.note(Note::LeftOut, kind, id, why)
    }

    /// Hands on what was said so far: what is committed has been told.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }

    /// A sentence for the end.
    pub fn remark(&mut self, sentence: impl Into<String>) {
        self.remarks.push(sentence.into());
    }

    /// Whether every row that was read is here as it is there, values that were changed to fit aside.
    pub fn is_complete(&self) -> bool {
        self.counts.values().all(|counts| counts.left_out + counts.missing + counts.differing == 0)
    }

    /// The summary. `extra` is added to the JSON document.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn close(&mut self, verify: bool, extra: serde_json::Value) -> io::Result<()> {
        if self.json {
            let by_kind: BTreeMap<_, _> =
                self.counts.iter().map(|(kind, counts)| (kind.plural(), counts)).collect();
            let mut summary = serde_json::json!({
                "complete": self.is_complete(), "counts": by_kind, "remarks": self.remarks,
            });
            if let (Some(summary), serde_json::Value::Object(extra)) = (summary.as_object_mut(), extra) {
                summary.extend(extra);
            }
            serde_json::to_writer(&mut *self.out, &serde_json::json!({ "summary": summary }))?;
            return writeln!(self.out);
        }
        let mut table = table();
        let columns: &[&str] = if verify {
            &["", "there", "here alike", "differ", "missing", "left out", "warnings"]
        } else {
            &["", "read", "copied", "updated", "already there", "left out", "changed to fit", "warnings"]
        };
        table.set_header(columns.to_vec());
        for (kind, c) in &self.counts {
            let numbers = if verify {
                vec![c.read, c.already_there, c.differing, c.missing, c.left_out, c.warnings]
            } else {
                vec![c.read, c.copied, c.updated, c.already_there, c.left_out, c.changed_to_fit, c.warnings]
            };
            table.add_row(
                [kind.plural().to_owned()]
                    .into_iter()
                    .chain(numbers.iter().map(u64::to_string))
                    .collect::<Vec<_>>(),
            );
        }
        self.table(&table)?;
        for remark in &self.remarks {
            writeln!(self.out, "{remark}")?;
        }
        Ok(())
    }

    /// A table for people; with `--json` nothing.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn table(&mut self, table: &Table) -> io::Result<()> {
        if self.json { Ok(()) } else { writeln!(self.out, "{table}") }
    }
}

/// An empty table in the form used here.
pub(super) fn table() -> Table {
    let mut table = Table::new();
    table.load_style(presets::ASCII_MARKDOWN);
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(json: bool) -> String {
        let mut out = Vec::new();
        let mut report = Report::new(&mut out, json);
        report.count(Kind::Run).read = 2;
        report.count(Kind::Run).copied = 1;
        report.left_out(Kind::Run, "17", "id \"17\" is no UUID").unwrap();
        report.remark("1 run is QUEUED there.");
        assert!(!report.is_complete());
        report.close(false, serde_json::json!({"dry_run": false})).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn people_get_lines_and_a_table() {
        let said = said(false);
        let lines: Vec<&str> = said.lines().collect();
        assert_eq!(lines[0], r#"left out  run 17: id "17" is no UUID"#);
        let cells = |line: &str| line.split('|').map(|cell| cell.trim().to_owned()).collect::<Vec<_>>();
        let header = [
            "",
            "",
            "read",
            "copied",
            "updated",
            "already there",
            "left out",
            "changed to fit",
            "warnings",
            "",
        ];
        assert_eq!(cells(lines[1]), header, "{said}");
        assert_eq!(cells(lines[6]), ["", "runs", "2", "1", "0", "0", "1", "0", "0", ""], "{said}");
        assert_eq!(lines[7], "1 run is QUEUED there.");
    }

    #[test]
    fn programs_get_one_document_a_line() {
        let said = said(true);
        let lines: Vec<serde_json::Value> =
            said.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(
            lines[0],
            serde_json::json!({"note": "left_out", "kind": "run", "id": "17", "detail": "id \"17\" is no UUID"})
        );
        let summary = &lines[1]["summary"];
        assert_eq!((&summary["complete"], &summary["dry_run"]), (&false.into(), &false.into()));
        assert_eq!(summary["counts"]["runs"]["left_out"], 1);
        assert_eq!(summary["counts"]["tenants"]["read"], 0);
        assert_eq!(summary["remarks"][0], "1 run is QUEUED there.");
    }
}
