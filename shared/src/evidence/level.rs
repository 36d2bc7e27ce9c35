//! How serious a line of a log is.

use serde::{Deserialize, Deserializer, Serialize};
use utoipa::ToSchema;

/// How serious a line is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, ToSchema, sqlx::Type)]
#[serde(rename_all = "lowercase")]
#[sqlx(type_name = "text", rename_all = "lowercase")]
pub enum LogLevel {
    /// For whoever looks for a fault.
    Debug,
    /// All is well.
    #[default]
    Info,
    /// Something may be wrong. `warn` means the same.
    Warning,
    /// Something went wrong.
    Error,
    /// Everything went wrong.
    Critical,
}

impl LogLevel {
    /// As in SQL and JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Debug => "debug",
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Error => "error",
            Self::Critical => "critical",
        }
    }
}

/// In whatever case, as programs for the original API send them.
impl<'de> Deserialize<'de> for LogLevel {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let word = String::deserialize(deserializer)?;
        match word.to_ascii_lowercase().as_str() {
            "debug" => Ok(Self::Debug),
            "info" => Ok(Self::Info),
            "warning" | "warn" => Ok(Self::Warning),
            "error" => Ok(Self::Error),
            "critical" => Ok(Self::Critical),
            _ => Err(serde::de::Error::custom("must be debug, info, warning, error or critical")),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn levels_come_in_whatever_case() {
        let read = |word: &str| serde_json::from_value::<LogLevel>(json!(word));
        for (word, level) in [
            ("debug", LogLevel::Debug),
            ("Info", LogLevel::Info),
            ("WARN", LogLevel::Warning),
            ("Warning", LogLevel::Warning),
            ("ERROR", LogLevel::Error),
            ("critical", LogLevel::Critical),
        ] {
            assert_eq!(read(word).unwrap(), level);
        }
        read("loud").unwrap_err();
    }
}
