//! Lists: one page, or all of them.

use serde_json::Value;

use super::Context;
use crate::args::Paging;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::http::Request;
use crate::output::table;

/// Items on a page when all of them are wanted: as many as the API gives.
const WHOLE_PAGE: u8 = 100;

/// Asks for a list and prints it: a table with these columns, or for programs the page as it came; with `--all` a line for each item, as
/// its page comes.
///
/// # Errors
/// [`Failure`], of any kind.
pub async fn list(
    context: &Context,
    request: Request,
    paging: &Paging,
    columns: &[&str],
) -> Result<Exit, Failure> {
    let output = context.output;
    if !paging.all {
        let request = request.query("limit", paging.limit).query("cursor", paging.cursor.as_ref());
        let answer = context.client.send(&request).await?;
        let items = answer.items()?;
        let exit = output.answer(&answer, |_| table(items, columns, output.width()))?;
        if let Some(cursor) = answer.next_cursor() {
            output.note(&format!("There are more: --all, or --cursor {cursor}"));
        }
        return Ok(exit);
    }
    let request = request.query("limit", Some(paging.limit.unwrap_or(WHOLE_PAGE)));
    let (mut cursor, mut items): (Option<String>, Vec<Value>) = (None, Vec::new());
    loop {
        let answer = context.client.send(&request.clone().query("cursor", cursor.as_ref())).await?;
        if output.is_json() {
            for line in answer.item_lines()? {
                output.text(&line)?;
            }
        } else {
            items.extend_from_slice(answer.items()?);
        }
        let next = answer.next_cursor().map(str::to_owned);
        if next.is_some() && next == cursor {
            return Err(Failure::Unreachable("the list does not end: its cursor leads to itself".to_owned()));
        }
        cursor = next;
        if cursor.is_none() {
            break;
        }
    }
    if output.is_json() { Ok(Exit::Done) } else { output.text(&table(&items, columns, output.width())) }
}
