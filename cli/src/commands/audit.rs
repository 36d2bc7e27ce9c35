//! `runplane audit …`

use chrono::{DateTime, SecondsFormat, Utc};

use super::Context;
use super::list::list;
use crate::args::audit::Command;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::http::Request;

const PATH: &str = "/api/audit";
const COLUMNS: [&str; 8] =
    ["at", "action", "principal", "subject_id", "details", "tenant_id", "request_id", "id"];

/// Runs one of them.
pub async fn run(command: Command, context: &Context) -> Result<Exit, Failure> {
    match command {
        Command::List { action, since, until, paging } => {
            let request = context.narrowed(Request::get(PATH)).query("action", action);
            let request = request.query("since", since.map(time)).query("until", until.map(time));
            list(context, request, &paging, &COLUMNS).await
        }
    }
}

fn time(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::AutoSi, true)
}
