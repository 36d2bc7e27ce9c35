//! The child: reads questions, answers them, and knows nothing else.

use std::collections::HashMap;
use std::io::{BufReader, BufWriter};

use jaq_json::Val;
#[cfg(unix)]
use rustix::process::{Resource, Rlimit, setrlimit};

use super::jq::Jq;
use super::protocol::{self, Answer, Question};
use super::render::{self, RenderError, render};

/// jq calls itself for what is nested, be it code or data.
const STACK_BYTES: usize = 32 * 1024 * 1024;

/// Answers what comes through the standard input until it is closed. `argument` is the limit of its memory, in bytes; that of a worker that
/// starts itself as a child ([`Evaluators`](super::Evaluators)). Has to be called before anything else is set up, on a process without threads.
pub fn serve(argument: Option<&str>) {
    let Some(bytes) = argument.and_then(|bytes| bytes.parse::<u64>().ok()) else {
        eprintln!("this is for a worker to call, with a number of bytes");
        std::process::exit(2);
    };
    // The message of a panic may quote what was evaluated, and the standard error is the worker's log.
    std::panic::set_hook(Box::new(|panic| {
        let at = panic.location().map(ToString::to_string).unwrap_or_default();
        eprintln!("evaluator: it went wrong at {at}");
    }));
    limit(bytes);
    let thread = std::thread::Builder::new().stack_size(STACK_BYTES).spawn(|| {
        if let Err(error) = answer_all() {
            eprintln!("evaluator: {error}");
            std::process::exit(1);
        }
    });
    // A panic is told on stderr, and ends the process: its worker starts another one.
    if thread.map_or(true, |thread| thread.join().is_err()) {
        std::process::exit(1);
    }
}

/// Whoever needs more memory than that is ended by its allocator. No memory of it goes to disk.
#[cfg(unix)]
fn limit(bytes: u64) {
    let all = |bytes| Rlimit { current: Some(bytes), maximum: Some(bytes) };
    for (resource, limit) in [(Resource::Data, bytes), (Resource::Core, 0)] {
        if let Err(error) = setrlimit(resource, all(limit)) {
            // Without its limit it would take the worker with it.
            eprintln!("evaluator: no limit could be set: {error}");
            std::process::exit(1);
        }
    }
}

/// Windows has no such limits. The deadline holds there too.
#[cfg(not(unix))]
fn limit(_bytes: u64) {}

fn answer_all() -> std::io::Result<()> {
    let (mut questions, mut answers) = (BufReader::new(std::io::stdin()), BufWriter::new(std::io::stdout()));
    let (jq, mut contexts) = (Jq::default(), HashMap::new());
    while let Some(message) = protocol::read(&mut questions)? {
        let question: Question<'_> = serde_json::from_slice(&message)?;
        let answer = answer(&jq, &mut contexts, &question);
        protocol::write(&mut answers, &serde_json::to_vec(&answer)?)?;
    }
    Ok(())
}

fn answer(jq: &Jq, contexts: &mut HashMap<u64, Val>, question: &Question<'_>) -> Answer {
    for context in &question.forget {
        contexts.remove(context);
    }
    match try_answer(jq, contexts, question) {
        Ok(answer) | Err(answer) => answer,
    }
}

fn try_answer(jq: &Jq, contexts: &mut HashMap<u64, Val>, question: &Question<'_>) -> Result<Answer, Answer> {
    if let Some(document) = question.document {
        contexts.insert(question.context, render::parse(document.get()).map_err(Answer::Failed)?);
    }
    let known = contexts
        .get(&question.context)
        .ok_or_else(|| Answer::Failed("there is no such context".to_owned()))?;
    let context =
        render::context(known, question.beside.map(|beside| beside.get())).map_err(Answer::Failed)?;
    let template =
        serde_json::from_str(question.template.get()).map_err(|error| Answer::Failed(error.to_string()))?;
    let json = render(jq, &template, &context, question.max_bytes).map_err(|error| match error {
        RenderError::Failed(detail) => Answer::Failed(detail),
        RenderError::TooLarge(bytes) => Answer::TooLarge(bytes),
    })?;
    // What was rendered is JSON by construction; should it not be, nobody is to read it.
    serde_json::value::RawValue::from_string(json)
        .map(Answer::Value)
        .map_err(|error| Answer::Failed(format!("gives no JSON: {error}")))
}
