//! `runplane tenants delete`: batch after batch, until the tenant is gone.

use std::time::Duration;

use uuid::Uuid;

use crate::commands::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::http::Request;

/// A pause after a batch in which nothing could be deleted: somebody else has it at that moment.
const PAUSE: Duration = Duration::from_secs(1);

/// Asks for a batch at a time, and says how far it has come. Whoever interrupts it has a tenant that is paused, and gives the same command again.
///
/// # Errors
/// [`Failure`] of any kind. A tenant that is gone by the second batch or later is none.
pub async fn run(context: &Context, id: Uuid, name: &str) -> Result<Exit, Failure> {
    // Whatever became of the last call, the same one goes on from there.
    let request = Request::delete(super::path(id)).query("name", Some(name)).repeatable();
    let (mut runs, mut rows) = (0, 0);
    for batch in 0_u64.. {
        let answer = match context.client.send(&request).await {
            Ok(answer) => answer,
            Err(Failure::Refused(refusal)) if batch > 0 && refusal.code() == "tenant_not_found" => {
                context.output.note(
                    "It is gone: the answer to the last call was lost, or somebody else has deleted it",
                );
                break;
            }
            Err(failure) => {
                if batch > 0 {
                    context.output.note("The tenant is not gone yet: the same command goes on");
                }
                return Err(failure);
            }
        };
        let (of_runs, of_rows) =
            (answer.body["deleted"]["runs"].as_u64(), answer.body["deleted"]["rows"].as_u64());
        let (Some(done), Some(more_runs), Some(more_rows)) =
            (answer.body["done"].as_bool(), of_runs, of_rows)
        else {
            let sentence = "the answer tells of no deletion: is --url the API's?";
            return Err(Failure::Unreachable(sentence.to_owned()));
        };
        runs += more_runs;
        rows += more_rows;
        // A line for each batch, so that a program can read them as they come.
        context.output.answer(&answer, |_| {
            if done { format!("{name} is gone: {runs} runs and {rows} other rows") } else { String::new() }
        })?;
        if done {
            break;
        }
        context.output.note(&format!("deleted {runs} runs and {rows} other rows"));
        if more_runs + more_rows == 0 {
            tokio::time::sleep(PAUSE).await;
        }
    }
    Ok(Exit::Done)
}
