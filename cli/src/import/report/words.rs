//! The words of a report, and its numbers.

use serde::Serialize;

/// What is imported.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub(in crate::import) enum Kind {
    /// A tenant.
    Tenant,
    /// A pipeline.
    Pipeline,
    /// A pipeline version.
    PipelineVersion,
    /// A run.
    Run,
}

impl Kind {
    /// In the order in which they are imported.
    pub(super) const ALL: [Kind; 4] = [Kind::Tenant, Kind::Pipeline, Kind::PipelineVersion, Kind::Run];

    /// As the summary calls them.
    pub(in crate::import) fn plural(self) -> &'static str {
        match self {
            Kind::Tenant => "tenants",
            Kind::Pipeline => "pipelines",
            Kind::PipelineVersion => "versions",
            Kind::Run => "runs",
        }
    }

    /// As lines call one.
    pub(super) fn singular(self) -> &'static str {
        match self {
            Kind::Tenant => "tenant",
            Kind::Pipeline => "pipeline",
            Kind::PipelineVersion => "version",
            Kind::Run => "run",
        }
    }
}

/// What a line is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(in crate::import) enum Note {
    /// The row is not here, or not as it is there.
    LeftOut,
    /// A value was changed to fit.
    Changed,
    /// The row is here; something about it is odd.
    Warning,
    /// `--verify`: the row should be here and is not.
    Missing,
    /// `--verify`: the row is here with other values.
    Differs,
}

impl Note {
    /// As lines for people begin.
    pub(super) fn words(self) -> &'static str {
        match self {
            Note::LeftOut => "left out",
            Note::Changed => "changed",
            Note::Warning => "warning",
            Note::Missing => "missing",
            Note::Differs => "differs",
        }
    }
}

/// How many rows of a kind went which way. Every row that was read is in exactly one of the first four, or in two of the last.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(in crate::import) struct Counts {
    /// Read from the source.
    pub read: u64,
    /// New here.
    pub copied: u64,
    /// Here before, and brought up to date.
    pub updated: u64,
    /// Here before, and left alone.
    pub already_there: u64,
    /// Not here, or not as they are there.
    pub left_out: u64,
    /// Of those copied or updated: with a value changed to fit.
    pub changed_to_fit: u64,
    /// Of those copied, updated or there: with something odd.
    pub warnings: u64,
    /// `--verify`: should be here and are not.
    pub missing: u64,
    /// `--verify`: here with other values.
    pub differing: u64,
}
