//! Objects as the lines of a table.

use comfy_table::{ColumnConstraint, ContentArrangement, Row, Table, presets};
use serde_json::Value;

use super::plain::field;

/// A column that is cut keeps so many characters at least.
const LEAST: u16 = 12;
/// Spaces between columns.
const GAP: u16 = 2;

/// One line for each item, with these of its fields, the most important first. Where a line would be longer than `width`, the columns that
/// are free text are cut, and then the last columns are left out; ids and states are never cut.
pub fn table(items: &[Value], columns: &[&str], width: Option<u16>) -> String {
    let whole = build(items, columns, width);
    let Some(width) = width else { return lines(&whole) };
    let needed = columns
        .iter()
        .zip(whole.column_max_content_widths())
        .map(|(name, content)| if is_free_text(name) { content.min(LEAST) } else { content });
    let ends = needed.scan(0, |end: &mut u16, needed| {
        let begin = *end;
        *end = begin.saturating_add(needed).saturating_add(GAP);
        Some(begin.saturating_add(needed))
    });
    let fit = ends.take_while(|end| *end <= width).count().max(1);
    if fit == columns.len() { lines(&whole) } else { lines(&build(items, &columns[..fit], Some(width))) }
}

fn build(items: &[Value], columns: &[&str], width: Option<u16>) -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header(columns.iter().map(|name| name.to_uppercase()));
    for item in items {
        let cell = |name: &&str| field(item, name).replace(['\n', '\r'], " ");
        let mut row = Row::from(columns.iter().map(cell).collect::<Vec<_>>());
        row.max_height(1);
        table.add_row(row);
    }
    if let Some(width) = width {
        table
            .set_content_arrangement(ContentArrangement::Dynamic)
            .set_width(width)
            .set_truncation_indicator("…");
    }
    for (at, name) in columns.iter().enumerate() {
        if let Some(column) = table.column_mut(at) {
            column.set_padding((0, if at + 1 == columns.len() { 0 } else { GAP }));
            if !is_free_text(name) {
                column.set_constraint(ColumnConstraint::ContentWidth);
            }
        }
    }
    table
}

fn lines(table: &Table) -> String {
    let lines: Vec<String> = table.lines().map(|line| line.trim_end().to_owned()).collect();
    lines.join("\n")
}

/// What may be long, and says something although its end is missing.
fn is_free_text(column: &str) -> bool {
    matches!(
        column,
        "name"
            | "description"
            | "version"
            | "queue"
            | "secret_ref"
            | "claimed_by"
            | "error_message"
            | "approved_by"
            | "comment"
            | "by"
            | "trigger_type"
            | "error_code"
            | "error"
            | "detail"
            | "payload"
            | "principal"
            | "details"
            | "created_by"
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn items() -> Vec<Value> {
        vec![
            json!({ "id": "0199e0c0-0000-7000-8000-0000000000aa", "name": "short", "max_running": 3, "paused": false }),
            json!({ "id": "0199e0c0-0000-7000-8000-0000000000bb", "name": "a name of many words ö\nand lines, which goes on and on and on",
                    "max_running": null, "paused": true }),
        ]
    }

    const COLUMNS: [&str; 4] = ["id", "name", "max_running", "paused"];

    #[test]
    fn nothing_is_cut_where_there_is_no_terminal() {
        insta::assert_snapshot!(table(&items(), &COLUMNS, None), @"
        ID                                    NAME                                                           MAX_RUNNING  PAUSED
        0199e0c0-0000-7000-8000-0000000000aa  short                                                          3            false
        0199e0c0-0000-7000-8000-0000000000bb  a name of many words ö and lines, which goes on and on and on               true
        ");
    }

    #[test]
    fn a_terminal_cuts_names_and_never_ids() {
        let shown = table(&items(), &COLUMNS, Some(80));
        insta::assert_snapshot!(shown, @"
        ID                                    NAME                   MAX_RUNNING  PAUSED
        0199e0c0-0000-7000-8000-0000000000aa  short                  3            false
        0199e0c0-0000-7000-8000-0000000000bb  a name of many words…               true
        ");
        assert!(shown.lines().all(|line| line.chars().count() <= 80));
        for width in [1, 10, 40, 60] {
            assert!(
                table(&items(), &COLUMNS, Some(width)).contains("0199e0c0-0000-7000-8000-0000000000bb"),
                "{width}"
            );
        }
    }

    #[test]
    fn a_narrow_terminal_sees_the_columns_that_come_first() {
        let head = |width| table(&items(), &COLUMNS, Some(width)).lines().next().unwrap().to_owned();
        assert_eq!(head(80).split_whitespace().collect::<Vec<_>>(), ["ID", "NAME", "MAX_RUNNING", "PAUSED"]);
        assert_eq!(head(60).split_whitespace().collect::<Vec<_>>(), ["ID", "NAME"]);
        assert_eq!(head(40), "ID");
        for width in 50..120 {
            let shown = table(&items(), &COLUMNS, Some(width));
            assert!(shown.lines().all(|line| line.chars().count() <= usize::from(width)), "{width}: {shown}");
        }
    }

    #[test]
    fn a_table_of_nothing_has_its_head() {
        assert_eq!(table(&[], &["id", "name"], Some(80)), "ID  NAME");
    }
}
