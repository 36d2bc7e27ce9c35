//! `cargo xtask example <name>`: one of `examples/` on the stack that is up, over the public HTTP API: its pipeline is made and approved where
//! that has not been done yet, a run is created and watched, and what came of it is printed.

mod api;
mod outside;
mod surroundings;
mod watch;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};

use crate::api_keys;
use crate::paths::{Dirs, short_hash};
use crate::progress::say;
use crate::stack::state::State;
use crate::stack::status;
use api::Api;

pub use surroundings::{Surroundings, variable};

/// The demo tenant, whose the examples are.
pub const TENANT: &str = "580115b4-a291-4917-8dbd-247cfa13e2d6";
/// The function of `examples/fx_rates`: not a part of a deployment, and hosted beside the functions of one.
pub const FUNCTION: &str = "fx_rates";

/// Which example; each is a folder of `examples/`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
#[value(rename_all = "snake_case")]
pub enum Name {
    /// From a shop into a warehouse, with an exchange rate and an alert: all types of steps that reach outside
    Orders,
    /// 200 items, ten at a time, of which some may fail
    FanOut,
    /// A branch that fails, and what is done about it
    FailingBranch,
    /// Workers of one's own, in Python and in bash, with a format of their own
    OutsideWorker,
}

/// All of them, in the order of the table in examples/README.md.
pub const ALL: [Name; 4] = [Name::Orders, Name::FanOut, Name::FailingBranch, Name::OutsideWorker];

impl Name {
    /// The name of its folder, and of its pipeline.
    pub fn folder(self) -> &'static str {
        match self {
            Self::Orders => "orders",
            Self::FanOut => "fan_out",
            Self::FailingBranch => "failing_branch",
            Self::OutsideWorker => "outside_worker",
        }
    }

    /// How its runs have to end.
    fn end(self) -> &'static str {
        if self == Self::FailingBranch { "FAILED" } else { "SUCCEEDED" }
    }
}

/// Runs an example. The exit code is a failing one where a run ends otherwise than the example means it to. Fails when no stack is up, or
/// the API refuses something.
pub async fn run(dirs: &Dirs, name: Name) -> Result<ExitCode> {
    let addresses = status::addresses(dirs)?;
    let api = Api::new(&addresses.base_url, api_keys::of(&addresses.keys, "operator"))?;
    let folder = dirs.root().join("examples").join(name.folder());
    let spec = read(folder.join("pipeline.json"))?.context("the example has no pipeline.json")?;
    let parameters = read(folder.join("parameters.json"))?.unwrap_or_else(|| json!({}));
    let is_outside = name == Name::OutsideWorker;
    if !is_outside {
        ensure!(
            State::load(dirs)?.is_some_and(|state| state.worker),
            "the stack that is up has no worker (--no-worker): `cargo xtask down`, then `cargo xtask up`"
        );
        known_connections(&api, &spec).await?;
    }

    let pipeline = api.pipeline(name.folder()).await?;
    // Named by what it says: an example that was edited is another version.
    let version = format!("example-{}", short_hash(spec.to_string().as_bytes()));
    let version = api.version(&pipeline, &version, &spec).await?;
    let create = json!({ "tenant_id": TENANT, "pipeline_version_id": version, "parameters": parameters });
    let ended_well = if is_outside {
        outside::run(&api, &folder, create, name.end()).await?
    } else {
        let run = api.create(create).await?;
        let run = watch::until_it_ends(&api, &run, true).await?;
        watch::print_end(&api, &run).await?;
        run["status"] == name.end()
    };
    if !ended_well {
        say(format_args!("\nThis should have ended {}.", name.end()));
    }
    Ok(if ended_well { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// A JSON file of an example; `None` where there is none.
fn read(path: PathBuf) -> Result<Option<Value>> {
    match std::fs::read(&path) {
        Ok(text) => {
            let parsed = serde_json::from_slice(&text);
            parsed.map(Some).with_context(|| format!("{} is not JSON", path.display()))
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| format!("cannot read {}", path.display())),
    }
}

/// Fails, and says what helps, where the demo tenant lacks a connection that the spec names. `up` makes them, since an operator has to.
async fn known_connections(api: &Api, spec: &Value) -> Result<()> {
    let known = api.connections().await?;
    let steps = spec["steps"].as_array().into_iter().flatten();
    for name in steps.filter_map(|step| step["with"]["connection"].as_str()) {
        if !known.iter().any(|one| one == name) {
            bail!(
                "the demo tenant has no connection {name}: `up` makes it, where Postgres is on this machine (`cargo xtask down`, then \
                 `cargo xtask up`)"
            );
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
