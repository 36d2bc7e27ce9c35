//! Change a version's status: approve it, take it out of use, take it back into use.

use serde::{Deserialize, Serialize};
use sqlx::postgres::PgConnection;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{Transition, VersionError, VersionInFull, VersionStatus, get_version, in_full};
use crate::canonical;
use crate::dag::{self, ConnectionKind, Connections, Fault};
use crate::problem::Problem;
use crate::runs::Faults;
use crate::scope::Scope;
use crate::strict;

/// Where a version can be brought. Nothing becomes a DRAFT again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum ApprovedStatus {
    /// From DRAFT, which is checked, or from DEPRECATED.
    Approved,
    /// From APPROVED.
    Deprecated,
}

/// What a client sends to change a version's status.
#[derive(Clone, Debug, Deserialize, ToSchema)]
pub struct ChangeStatusRequest {
    /// Where it is to stand.
    #[serde(deserialize_with = "strict::word")]
    pub status: ApprovedStatus,
    /// Why, for people: up to 2000 characters.
    #[schema(max_length = 2000)]
    pub comment: Option<String>,
    /// The revision that was looked at: if somebody has edited the draft since, it is not approved.
    #[schema(minimum = 1)]
    pub revision: Option<i32>,
    /// Who does it: 1 to 200 characters, no ARN. Where callers have to prove who they are (`AUTH`), this is never read: whoever calls did it.
    #[schema(min_length = 1, max_length = 200)]
    pub approved_by: Option<String>,
}

impl ChangeStatusRequest {
    /// Checks every bound.
    ///
    /// # Errors
    /// `invalid_field` with every field that is out of bounds.
    pub fn check(&self) -> Result<(), Problem> {
        let mut faults = Faults::default();
        if let Some(comment) = &self.comment {
            faults.up_to("/comment", comment, 2000);
        }
        faults.range("/revision", self.revision.unwrap_or(1), 1, i32::MAX);
        if let Some(approved_by) = &self.approved_by {
            faults.text("/approved_by", approved_by, 200);
            // What merely says so would look the same ever after as what a credential has proven.
            let start = approved_by.trim_start().to_ascii_lowercase();
            if ["arn:", "key:", "token:"].iter().any(|proven| start.starts_with(proven)) {
                faults.add("/approved_by", "must not begin as what a credential proves: it is noted anyway");
            }
        }
        faults.finish()
    }
}

/// Why a version's status was not changed.
#[derive(Debug, thiserror::Error)]
pub enum ChangeStatusError {
    /// There is none in this scope.
    #[error("pipeline version not found")]
    NotFound,
    /// There is no way from where it stands.
    #[error("a version that is {} cannot become {}", .from.as_str(), .to.as_str())]
    InvalidTransition {
        /// Where it stands.
        from: VersionStatus,
        /// Where it was to stand.
        to: VersionStatus,
    },
    /// Somebody has edited it since it was looked at.
    #[error("the version is at revision {0}")]
    OtherRevision(i32),
    /// Somebody has edited it, or changed its status, while it was checked.
    #[error("the version was changed meanwhile")]
    ChangedMeanwhile,
    /// It cannot run as it is.
    #[error("the dag_spec has {} faults", .0.len())]
    InvalidDagSpec(Vec<Fault>),
    /// Postgres.
    #[error(transparent)]
    Db(#[from] sqlx::Error),
}

impl From<VersionError> for ChangeStatusError {
    fn from(error: VersionError) -> Self {
        match error {
            VersionError::NotFound => Self::NotFound,
            VersionError::Db(error) => Self::Db(error),
        }
    }
}

/// Brings the version to the status and returns it as stored. A DRAFT is approved only if nothing is wrong with its dag_spec; `by` is who
/// does it. What was read and checked is what is changed: whoever comes in between wins, and this call changes nothing. The request has
/// passed [`ChangeStatusRequest::check`].
///
/// # Errors
/// [`ChangeStatusError`]; the version is as it was.
pub async fn change_status(
    conn: &mut PgConnection,
    scope: Scope,
    id: Uuid,
    request: &ChangeStatusRequest,
    by: Option<&str>,
) -> Result<VersionInFull, ChangeStatusError> {
    use VersionStatus::{Approved, Deprecated, Draft};
    let VersionInFull { version, dag_spec, mut transitions } = get_version(conn, scope, id).await?;
    let (from, to) = match (version.status, request.status) {
        (from @ (Draft | Deprecated), ApprovedStatus::Approved) => (from, Approved),
        (from @ Approved, ApprovedStatus::Deprecated) => (from, Deprecated),
        (from, ApprovedStatus::Approved) => {
            return Err(ChangeStatusError::InvalidTransition { from, to: Approved });
        }
        (from, ApprovedStatus::Deprecated) => {
            return Err(ChangeStatusError::InvalidTransition { from, to: Deprecated });
        }
    };
    if request.revision.is_some_and(|revision| revision != version.revision) {
        return Err(ChangeStatusError::OtherRevision(version.revision));
    }
    let mut digest = None;
    if from == Draft {
        let connections = connections(conn, version.tenant_id).await?;
        let faults = dag::check(&dag_spec, Some(&connections));
        if !faults.is_empty() {
            return Err(ChangeStatusError::InvalidDagSpec(faults));
        }
        digest = Some(canonical::sha256(dag_spec.clone()));
    }
    let row = sqlx::query_file!(
        "sql/change_status.sql",
        scope.tenant(),
        id,
        from.as_str(),
        version.revision,
        version.updated_at,
        to.as_str(),
        digest,
        by,
        request.comment,
    )
    .fetch_optional(&mut *conn)
    .await?
    .ok_or(ChangeStatusError::ChangedMeanwhile)?;
    let (at, by, comment) = (row.updated_at, by.map(str::to_owned), request.comment.clone());
    transitions.push(Transition { from, to, at, by, comment });
    let over = transitions.len().saturating_sub(super::MAX_TRANSITIONS as usize);
    transitions.drain(..over);
    Ok(in_full!(row, dag_spec, transitions))
}

/// What the steps of a tenant's versions may be connected to.
async fn connections(conn: &mut PgConnection, tenant: Uuid) -> Result<Connections, sqlx::Error> {
    let rows = sqlx::query!(
        r#"select c.name, c.kind as "kind: ConnectionKind" from connections c where c.tenant_id = $1"#,
        tenant
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(|row| (row.name, row.kind)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_gives_himself_out_as_somebody_who_was_asked() {
        let check = |approved_by: &str| {
            let approved_by = Some(approved_by.to_owned());
            ChangeStatusRequest {
                status: ApprovedStatus::Approved,
                comment: None,
                revision: None,
                approved_by,
            }
            .check()
        };
        for name in ["arn:aws:iam::123456789012:user/bob", " ARN:x", "key:1 ann", "Token:https://issuer|ann"]
        {
            assert_eq!(check(name).unwrap_err().errors[0].pointer, "/approved_by", "{name}");
        }
        for name in ["ann", "arnold", "ärn", "keyes"] {
            check(name).unwrap();
        }
    }

    #[test]
    fn a_status_is_a_string() {
        let read = |body: &str| serde_json::from_str::<ChangeStatusRequest>(body);
        read(r#"{"status": "APPROVED"}"#).unwrap();
        read(r#"{"status": {"APPROVED": null}}"#).unwrap_err();
    }
}
