//! The local stack: Postgres, SQS, the functions under `cargo lambda watch`, the event source mapping and the sweep's
//! schedule, watched over by one supervisor (the process of `up` itself, or with `--detach` one in the background).

pub mod db;
pub mod detach;
pub mod docker;
pub mod down;
pub mod functions;
pub mod logs;
pub mod part;
pub mod plan;
pub mod running;
pub mod state;
pub mod status;
pub mod supervisor;
pub mod up;
