//! How much a dag_spec may ask for. docs/dag_spec.md lists the same numbers.

/// As compact JSON, in bytes.
pub const MAX_SPEC_BYTES: usize = 256 * 1024;
/// Lists and objects within each other, the spec itself included. JSON is read to 128 levels at most, and a spec stands inside requests and
/// answers: what is stored can be sent.
pub const MAX_DEPTH: usize = 64;
/// Steps of a spec.
pub const MAX_STEPS: usize = 200;
/// Items of a `for_each` that are written down in the spec.
pub const MAX_ITEMS: usize = 1000;
/// The text between `${` and `}`, in bytes.
pub const MAX_EXPRESSION_BYTES: usize = 4096;
/// Brackets within each other in an expression, of whatever kind, string interpolations included.
pub const MAX_BRACKETS: usize = 64;
/// Operators and keywords of an expression, commas not counted: with [`MAX_BRACKETS`] this bounds how deep a parser, and whoever walks what it
/// has parsed, calls itself.
pub const MAX_OPERATORS: usize = 128;
/// Faults that are reported: as many as a problem names.
pub use crate::problem::MAX_DAG_FAULTS as MAX_FAULTS;
/// Their texts together, in bytes: a pointer repeats the keys above it, and an answer has to fit into what Lambda returns.
pub const MAX_FAULT_BYTES: usize = 64 * 1024;
/// Schemas within `params`, each `$ref` counted as if what it names stood in its place.
pub const MAX_SCHEMAS: u64 = 10_000;
/// Regular expressions of `params`.
pub const MAX_PATTERNS: usize = 100;
/// One of them compiled, in bytes.
pub const MAX_PATTERN_BYTES: usize = 64 * 1024;
/// What is remembered of one of them while it matches, in bytes.
pub const MAX_PATTERN_CACHE_BYTES: usize = 256 * 1024;
/// What validating may take, in pairs of a schema and a value it is asked about, or what takes as long.
pub const MAX_WORK: u64 = 1_000_000;
/// Above this the first fault alone is told: jsonschema makes all errors before it tells one.
pub const MAX_WORK_FOR_ALL_FAULTS: u64 = 50_000;
