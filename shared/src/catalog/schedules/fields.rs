//! The bounds of the fields that clients send.

use chrono::{DateTime, Utc};
use serde_json::{Map, Value};

use super::cron::{Cron, CronError};
use crate::catalog::MAX_NAME_CHARS;
use crate::runs::{Faults, Labels, is_storable};

/// How large the parameters of a schedule may be, as compact JSON: a list of a hundred of them has to fit into an answer.
const MAX_PARAMETERS_BYTES: usize = 16 * 1024;

/// What was given, to be checked on its own. What is None was not.
#[derive(Debug, Default)]
pub(super) struct Fields<'a> {
    pub(super) name: Option<&'a str>,
    pub(super) cron: Option<&'a str>,
    pub(super) time_zone: Option<&'a str>,
    pub(super) starts_at: Option<DateTime<Utc>>,
    pub(super) ends_at: Option<DateTime<Utc>>,
    pub(super) parameters: Option<&'a Map<String, Value>>,
    pub(super) queue: Option<&'a str>,
    pub(super) priority: Option<i32>,
    pub(super) labels: Option<&'a Labels>,
    pub(super) max_attempts: Option<i32>,
    pub(super) max_lost: Option<i32>,
    pub(super) concurrency_key: Option<&'a str>,
}

impl Fields<'_> {
    /// Collects every field that is out of bounds.
    pub(super) fn check(&self, faults: &mut Faults) {
        if let Some(name) = self.name {
            faults.text("/name", name, MAX_NAME_CHARS);
        }
        // Each of the two is read beside one that is right.
        if let Some(Err(error)) = self.cron.map(|cron| Cron::parse(cron, "UTC")) {
            faults.add("/cron", error.to_string());
        }
        if let Some(Err(CronError::TimeZone)) = self.time_zone.map(|zone| Cron::parse("* * * * *", zone)) {
            faults.add("/time_zone", CronError::TimeZone.to_string());
        }
        for (pointer, time) in [("/starts_at", self.starts_at), ("/ends_at", self.ends_at)] {
            if time.is_some_and(|time| !is_storable(&time)) {
                faults.add(pointer, "must be in a year from 1 to 9999");
            }
        }
        if let Some(parameters) = self.parameters {
            faults.json_in_list("/parameters", &Value::Object(parameters.clone()), MAX_PARAMETERS_BYTES);
        }
        if let Some(queue) = self.queue {
            faults.text("/queue", queue, 100);
        }
        faults.range("/priority", self.priority.unwrap_or(5), 0, 9);
        if let Some(labels) = self.labels {
            faults.labels("/labels", labels);
        }
        faults.range("/max_attempts", self.max_attempts.unwrap_or(1), 1, 20);
        faults.range("/max_lost", self.max_lost.unwrap_or(3), 0, 20);
        if let Some(key) = self.concurrency_key {
            faults.text("/concurrency_key", key, 200);
        }
    }
}
