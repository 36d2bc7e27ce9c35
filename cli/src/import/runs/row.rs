//! A run as it is to be here.

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use serde::Serialize;
use uuid::Uuid;

use crate::import::fit::{self, Fitted};
use crate::import::json::JsonText;
use crate::import::known::Known;
use crate::import::source::Raw;

use super::values;

/// The columns that an import writes or compares.
#[derive(Clone, Debug, Serialize)]
pub(in crate::import) struct Run {
    pub id: Uuid,
    pub tenant_id: Uuid,
    pub pipeline_id: Uuid,
    pub pipeline_version_id: Uuid,
    pub status: String,
    pub trigger_type: String,
    pub parameters: JsonText,
    pub claim_count: i32,
    pub claimed_by: Option<String>,
    pub claimed_at: Option<DateTime<Utc>>,
    pub heartbeat_at: Option<DateTime<Utc>>,
    pub started_at: Option<DateTime<Utc>>,
    pub finished_at: Option<DateTime<Utc>>,
    pub output: Option<JsonText>,
    pub error_code: Option<String>,
    pub error_message: Option<String>,
    pub retry_of_run_id: Option<Uuid>,
    pub root_run_id: Uuid,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

impl Run {
    /// The columns in which two rows of one run differ.
    pub fn differences(&self, other: &Run) -> Vec<&'static str> {
        let mut names = Vec::new();
        macro_rules! compare {
            ($($column:ident)*) => { $(if self.$column != other.$column { names.push(stringify!($column)); })* };
        }
        compare!(tenant_id pipeline_id pipeline_version_id status trigger_type parameters claim_count claimed_by claimed_at
                 heartbeat_at started_at finished_at output error_code error_message retry_of_run_id root_run_id created_at
                 updated_at);
        names
    }

    /// The same for equal rows, wherever they are.
    pub fn canonical(&self) -> String {
        let canonical = Run {
            parameters: JsonText(self.parameters.canonical()),
            output: self.output.as_ref().map(|output| JsonText(output.canonical())),
            ..self.clone()
        };
        // Ids, texts and times can always be written.
        serde_json::to_string(&canonical).unwrap_or_default()
    }
}

/// Makes a run fit. Without a root of its own that can be read, its root is itself until its lineage is known.
///
/// # Errors
/// Why it cannot be here, in a sentence.
pub(super) fn fit(
    raw: &Raw,
    given_twice: &HashSet<String>,
    known: &Known,
    owners: &[(Uuid, Option<String>)],
) -> Result<Fitted<Run>, String> {
    let id = fit::own_id(raw, given_twice)?;
    let tenant_id = fit::uuid("tenant_id", raw.get("tenant_id"))?;
    if !known.tenants.contains(&tenant_id) {
        return Err(format!("its tenant {tenant_id} is not here"));
    }
    let pipeline_version_id = fit::uuid("pipeline_version_id", raw.get("pipeline_version_id"))?;
    let Some(version) =
        known.versions.get(&pipeline_version_id).filter(|version| version.tenant == tenant_id)
    else {
        return Err(why_without_version(pipeline_version_id, tenant_id, known, owners));
    };
    let status = raw.get("status").unwrap_or_default();
    let is_queued = status == "QUEUED";
    if !is_queued && !["SUCCEEDED", "FAILED", "CANCELLED"].contains(&status) {
        return Err(format!(
            "its status {status:?} is none of QUEUED, RUNNING, SUCCEEDED, FAILED and CANCELLED"
        ));
    }
    if is_queued && version.is_draft {
        return Err(format!(
            "it waits, and its version {pipeline_version_id} is a DRAFT: only APPROVED ones run"
        ));
    }

    let (mut changes, mut warnings) = (Vec::new(), Vec::new());
    let mut time = |column| fit::optional_time(column, raw.get(column), &mut changes);
    let [created_at, started_at, claimed_at, heartbeat_at, finished_at, updated_at] =
        ["created_at", "started_at", "claimed_at", "heartbeat_at", "finished_at", "updated_at"]
            .map(&mut time);
    let mut stand_in = |column: &str, others: &[(&str, Option<DateTime<Utc>>)]| {
        let (name, time) = others
            .iter()
            .find_map(|(name, time)| Some((*name, (*time)?)))
            .unwrap_or(("1970-01-01, since it has no times", DateTime::UNIX_EPOCH));
        changes.push(format!("{column} is not known: {name} here"));
        time
    };
    let created_at = created_at.unwrap_or_else(|| {
        let others = [("started_at", started_at), ("claimed_at", claimed_at), ("finished_at", finished_at)];
        stand_in("created_at", &[others.as_slice(), &[("updated_at", updated_at)]].concat())
    });
    let finished_at = (!is_queued).then(|| {
        finished_at.unwrap_or_else(|| {
            let others =
                [("updated_at", updated_at), ("heartbeat_at", heartbeat_at), ("started_at", started_at)];
            stand_in("finished_at", &[others.as_slice(), &[("created_at", Some(created_at))]].concat())
        })
    });
    if let (Some(started), Some(finished)) = (started_at, finished_at)
        && finished < started
    {
        warnings.push("finished_at is before started_at, as it is there".to_owned());
    }

    let parameters = values::parameters(raw.get("parameters"), is_queued, &mut changes)?;
    let trigger_type = values::trigger_type(raw.get("trigger_type"), &mut changes);
    let claimed_by = values::claimed_by(raw.get("claimed_by"), &mut changes);
    let (error_message, output) = values::error(raw.get("error_message"), status, &mut changes)?;
    let retry_of_run_id = values::related("retry_of_run_id", raw, &mut changes);
    let root_run_id = values::related("root_run_id", raw, &mut changes).unwrap_or(id);
    let was_claimed = claimed_by.is_some() || claimed_at.is_some() || started_at.is_some();

    let mut run = Run {
        id,
        tenant_id,
        pipeline_id: version.pipeline,
        pipeline_version_id,
        status: status.to_owned(),
        trigger_type,
        parameters: JsonText(parameters),
        claim_count: i32::from(was_claimed),
        claimed_by,
        claimed_at,
        heartbeat_at,
        started_at,
        finished_at,
        output: output.map(JsonText),
        // Cancelling is the only thing that ends a run so, and its code is always this one here.
        error_code: (status == "CANCELLED").then(|| "cancelled".to_owned()),
        error_message,
        retry_of_run_id,
        root_run_id,
        created_at,
        updated_at: updated_at.or(finished_at).unwrap_or(created_at),
    };
    if is_queued && was_claimed {
        // Whoever had it has lost it; a first claim here may report without a token.
        changes.push("it waits again after a claim there: it was never claimed here".to_owned());
        run = Run {
            claim_count: 0,
            claimed_by: None,
            claimed_at: None,
            heartbeat_at: None,
            started_at: None,
            ..run
        };
    }
    Ok(Fitted { row: run, changes, warnings })
}

fn why_without_version(
    version: Uuid,
    tenant: Uuid,
    known: &Known,
    owners: &[(Uuid, Option<String>)],
) -> String {
    let owner = known.versions.get(&version).map(|version| version.tenant.to_string());
    let there = owners.iter().find(|(id, _)| *id == version).and_then(|(_, owner)| owner.clone());
    match owner.or(there) {
        None => format!("its version {version} does not exist"),
        Some(owner) if owner.to_lowercase() != tenant.to_string() => {
            format!("its version {version} belongs to another tenant, {owner}")
        }
        Some(_) => format!("its version {version} was left out"),
    }
}
