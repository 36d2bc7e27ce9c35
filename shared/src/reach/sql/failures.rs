//! Why a statement failed.

use std::io::{self, ErrorKind};

use sqlx::Error;
use sqlx::postgres::PgDatabaseError;

use super::intake::{CALL_BYTES, Ended, OPENING_BYTES};
use super::perform::Deadline;
use crate::reach::ReachFailure;

/// Of what Postgres says, so many characters.
const MAX_MESSAGE_CHARS: usize = 1000;
/// And of its details.
const MAX_DETAIL_CHARS: usize = 500;
/// Classes and codes that may go better later: a lost line, a transaction that met another one, too little of something, a server that stops or starts.
const PASSING: [&str; 5] = ["08", "40001", "40P01", "53", "57P0"];
/// Postgres has stopped a statement: because of its timeout, or because somebody has asked for it.
const CANCELED: &str = "57014";
/// The line broke while it was used: connection_failure.
pub(super) const BROKEN: &str = "sql_08006";
/// What comes is not what Postgres sends: protocol_violation.
const NO_POSTGRES: &str = "sql_08P01";
/// Of a length that does not even count itself.
const MALFORMED: &str = "the database sent a message that is shorter than any can be";

/// While a line is opened.
pub(super) fn of_connecting(error: Error, host: &str, port: u16) -> ReachFailure {
    match error {
        Error::Database(error) => of_postgres(error.try_downcast_ref(), &error.to_string()),
        Error::Tls(error) => ReachFailure::new("tls", format!("no TLS with {host}:{port}: {error}")),
        Error::Io(error) => of_not_reaching(&error, host, port),
        error => of_other_answers(&error.to_string(), host, port),
    }
}

/// While a line is opened, which the relay has ended.
pub(super) fn of_an_end_while_connecting(ended: &Ended, host: &str, port: u16) -> ReachFailure {
    match ended {
        Ended::TooMuch(length) => of_other_answers(&too_much(*length, OPENING_BYTES), host, port),
        Ended::Malformed => of_other_answers(MALFORMED, host, port),
        Ended::Broken(error) => of_not_reaching(error, host, port),
    }
}

fn of_not_reaching(error: &io::Error, host: &str, port: u16) -> ReachFailure {
    // rustls says so of a certificate that it does not believe.
    if error.kind() == ErrorKind::InvalidData {
        return ReachFailure::new("tls", format!("no TLS with {host}:{port}: {error}"));
    }
    ReachFailure::passing("connect", format!("{host}:{port} cannot be reached: {error}"))
}

fn of_other_answers(what: &str, host: &str, port: u16) -> ReachFailure {
    ReachFailure::passing("connect", format!("{host}:{port} does not answer as Postgres: {what}"))
}

/// While it is used.
pub(super) fn of_statement(error: Error, deadline: Deadline) -> ReachFailure {
    match error {
        Error::Database(error) => {
            let failure = of_postgres(error.try_downcast_ref(), &error.to_string());
            if failure.error.strip_prefix("sql_") == Some(CANCELED) && deadline.is_over_for_postgres() {
                return ReachFailure::passing("timeout", "the statement took longer than it may");
            }
            failure
        }
        Error::Io(error) => broken(&error),
        Error::Protocol(message) if message.contains("Copy") => {
            let message = "copy from stdin and to stdout are not possible: insert or select the rows instead";
            ReachFailure::new("copy_not_supported", message)
        }
        Error::Protocol(message) => ReachFailure::passing(NO_POSTGRES, cut(&message, MAX_MESSAGE_CHARS)),
        // sqlx has asked for the types that the statement takes and gives, and does not know of such.
        Error::ColumnDecode { .. } | Error::TypeNotFound { .. } => {
            let message = "the statement takes or gives a type that cannot be described here, a multirange for example: \
                           write `::text` after it";
            ReachFailure::new("unsupported_type", message)
        }
        error => ReachFailure::new("sql_failed", cut(&error.to_string(), MAX_MESSAGE_CHARS)),
    }
}

/// While it is used, and the relay has ended it.
pub(super) fn of_an_end(ended: &Ended) -> ReachFailure {
    match ended {
        Ended::TooMuch(length) => ReachFailure::new("result_too_large", too_much(*length, CALL_BYTES)),
        Ended::Malformed => ReachFailure::passing(NO_POSTGRES, MALFORMED),
        Ended::Broken(error) => broken(error),
    }
}

fn too_much(length: u32, most: u64) -> String {
    if u64::from(length) > most {
        return format!("the database sent a message of {length} bytes; at most {most} are taken");
    }
    format!("the database sent more than {most} bytes, which are all that are taken")
}

fn broken(error: &io::Error) -> ReachFailure {
    let message =
        format!("the line to the database broke, and whether the statement took place is unknown: {error}");
    ReachFailure::passing(BROKEN, message)
}

/// While Postgres reads arguments from text: what it does not understand is the step's mistake.
pub(super) fn of_args(error: Error, deadline: Deadline) -> ReachFailure {
    let failure = of_statement(error, deadline);
    if failure.passes || !failure.error.starts_with("sql_") {
        return failure;
    }
    ReachFailure::new("invalid_args", format!("an argument cannot be read: {}", failure.message))
}

fn of_postgres(error: Option<&PgDatabaseError>, text: &str) -> ReachFailure {
    let Some(error) = error else { return ReachFailure::new("sql_failed", cut(text, MAX_MESSAGE_CHARS)) };
    // Whoever answers may be none: the code becomes part of a name.
    let code: String = error.code().chars().filter(char::is_ascii_alphanumeric).take(5).collect();
    let mut message = cut(error.message(), MAX_MESSAGE_CHARS);
    if let Some(detail) = error.detail() {
        message = format!("{message} ({})", cut(detail, MAX_DETAIL_CHARS));
    }
    let passes = PASSING.iter().any(|passing| code.starts_with(passing));
    ReachFailure { passes, ..ReachFailure::new(format!("sql_{code}"), message) }
}

fn cut(text: &str, max: usize) -> String {
    match text.char_indices().nth(max) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}…", &text[..end]),
    }
}
