//! What a JSON Schema finds wrong, in our own words: jsonschema's repeat the value, however long.

use jsonschema::error::{TypeKind, ValidationErrorKind as Kind};
use jsonschema::{JsonType, ValidationError};
use serde_json::Value;

use crate::dag::at::{At, escape};
use crate::dag::faults::Faults;
use crate::dag::words::{cut, meant, quoted, shown};

/// Of the words that are allowed, so many are listed.
const MAX_LISTED: usize = 20;

/// Adds what an error means, below `at`. `names` are the fields that the schema describes at its top.
pub(super) fn add(error: &ValidationError<'_>, at: &At<'_>, names: &[String], faults: &mut Faults) {
    let place = format!("{at}{}", error.instance_path().as_str());
    match error.kind() {
        Kind::Required { property } => {
            let name = property.as_str().unwrap_or_default();
            faults.add_at(format!("{place}/{}", escape(name)), "is required");
        }
        Kind::AdditionalProperties { unexpected } | Kind::UnevaluatedProperties { unexpected } => {
            let top = error.instance_path().as_str().is_empty();
            for name in unexpected {
                if faults.is_full() {
                    return;
                }
                let hint = if top { meant(name, names.iter().map(String::as_str)) } else { String::new() };
                faults.add_at(
                    format!("{place}/{}", escape(name)),
                    format!("is not described by the schema{hint}"),
                );
            }
        }
        kind => faults.add_at(place, sentence(kind, error)),
    }
}

fn sentence(kind: &Kind, error: &ValidationError<'_>) -> String {
    match kind {
        Kind::Type { kind } => format!("must be {}, is {}", types(kind), shown(error.instance())),
        Kind::Enum { options } => format!("must be one of {}", listed(options)),
        Kind::Constant { expected_value } => format!("must be {}", cut(&expected_value.to_string())),
        Kind::Minimum { limit } => format!("must be at least {limit}"),
        Kind::Maximum { limit } => format!("must be at most {limit}"),
        Kind::ExclusiveMinimum { limit } => format!("must be more than {limit}"),
        Kind::ExclusiveMaximum { limit } => format!("must be less than {limit}"),
        Kind::MultipleOf { multiple_of } => format!("must be a multiple of {multiple_of}"),
        Kind::MinLength { limit } => format!("must have at least {}", counted(*limit, "character")),
        Kind::MaxLength { limit } => format!("may have at most {}", counted(*limit, "character")),
        Kind::MinItems { limit } => format!("must have at least {}", counted(*limit, "item")),
        Kind::MaxItems { limit } => format!("may have at most {}", counted(*limit, "item")),
        Kind::AdditionalItems { limit } => format!("may have at most {}", counted(*limit as u64, "item")),
        Kind::MinProperties { limit } => format!("must have at least {}", counted(*limit, "field")),
        Kind::MaxProperties { limit } => format!("may have at most {}", counted(*limit, "field")),
        Kind::UniqueItems => "has an item that is there twice".to_owned(),
        Kind::UnevaluatedItems { .. } => "has items that the schema does not describe".to_owned(),
        Kind::Contains => "has no item, or not as many, of the kind that has to be there".to_owned(),
        Kind::Pattern { pattern } => format!("must match the regular expression {}", quoted(pattern)),
        Kind::Format { format } => format!("must be {}", of_format(format)),
        Kind::ContentEncoding { content_encoding } => {
            format!("must be encoded as {}", quoted(content_encoding))
        }
        Kind::ContentMediaType { content_media_type } => {
            format!("must be of type {}", quoted(content_media_type))
        }
        Kind::FromUtf8 { .. } => "must be UTF-8 in its encoding".to_owned(),
        Kind::AnyOf { .. } | Kind::OneOfNotValid { .. } => {
            "is of none of the forms that the schema allows".to_owned()
        }
        Kind::OneOfMultipleValid { .. } => {
            "is of several forms, of which the schema allows one at a time".to_owned()
        }
        Kind::Not { .. } => "is what the schema excludes".to_owned(),
        Kind::FalseSchema => "is not allowed here".to_owned(),
        Kind::PropertyNames { error } => {
            let name = error.instance().as_str().map(quoted).unwrap_or_default();
            format!("has the name {name}, which {}", sentence(error.kind(), error))
        }
        Kind::Required { .. } | Kind::AdditionalProperties { .. } | Kind::UnevaluatedProperties { .. } => {
            "has other fields than the schema describes".to_owned()
        }
        Kind::Referencing(_) => "refers to a schema that is not there".to_owned(),
        Kind::BacktrackLimitExceeded { .. } | Kind::RegexEngineFailure { .. } => {
            "could not be matched against its regular expression".to_owned()
        }
        Kind::Custom { message, .. } => cut(message),
    }
}

fn types(kind: &TypeKind) -> String {
    match kind {
        TypeKind::Single(one) => of_type(*one).to_owned(),
        TypeKind::Multiple(several) => several.iter().map(of_type).collect::<Vec<_>>().join(" or "),
    }
}

fn of_type(one: JsonType) -> &'static str {
    match one {
        JsonType::Array => "a list",
        JsonType::Boolean => "a boolean",
        JsonType::Integer => "a whole number",
        JsonType::Null => "null",
        JsonType::Number => "a number",
        JsonType::Object => "an object",
        JsonType::String => "a string",
    }
}

fn counted(count: u64, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}

fn listed(options: &Value) -> String {
    let options = options.as_array().map(Vec::as_slice).unwrap_or_default();
    let mut words: Vec<_> = options.iter().take(MAX_LISTED).map(|option| cut(&option.to_string())).collect();
    if options.len() > MAX_LISTED {
        words.push(format!("… ({} more)", options.len() - MAX_LISTED));
    }
    words.join(", ")
}

fn of_format(format: &str) -> String {
    match format {
        "date" => "a date such as 2026-11-24".to_owned(),
        "date-time" => "a time such as 2026-11-24T18:00:00Z".to_owned(),
        "time" => "a time of day such as 18:00:00Z".to_owned(),
        "duration" => "a duration such as P1DT12H".to_owned(),
        "email" => "an email address".to_owned(),
        "uuid" => "a UUID".to_owned(),
        other => format!("of the format {other:?}"),
    }
}
