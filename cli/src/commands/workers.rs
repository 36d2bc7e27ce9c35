//! `runplane workers …`

use super::Context;
use super::list::list;
use crate::args::workers::Command;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::http::Request;

const PATH: &str = "/api/workers";
const COLUMNS: [&str; 7] = ["worker_id", "alive", "running", "queues", "since", "last_seen_at", "tenant_id"];

/// Runs one of them.
pub async fn run(command: Command, context: &Context) -> Result<Exit, Failure> {
    match command {
        Command::List { queue, alive, paging } => {
            let request = context.narrowed(Request::get(PATH)).query("queue", queue).query("alive", alive);
            list(context, request, &paging, &COLUMNS).await
        }
    }
}
