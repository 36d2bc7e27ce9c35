//! What is done for a command line.

mod audit;
mod body;
mod completions;
mod connections;
mod keys;
mod list;
mod logs;
mod names;
mod pipelines;
mod runs;
mod schedules;
mod steps;
mod tenants;
mod validate;
mod versions;
mod waiting;
mod watch;
mod webhooks;
mod workers;

use uuid::Uuid;

use crate::args::{Api, Cli, Command, Settings};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::http::{Client, Request};
use crate::import;
use crate::output::Output;
use crate::worker;

/// What a command works with.
#[derive(Debug)]
pub struct Context {
    /// The API.
    pub client: Client,
    /// Where results go.
    pub output: Output,
    tenant: Option<Uuid>,
}

impl Context {
    fn new(settings: Settings, output: Output) -> Result<Self, Failure> {
        Ok(Self { client: Client::new(&settings, output)?, output, tenant: settings.tenant })
    }

    /// The tenant of the settings.
    ///
    /// # Errors
    /// [`Failure::Usage`] if they name none.
    pub fn tenant(&self) -> Result<Uuid, Failure> {
        let missing = "which tenant? Give --tenant ID, or set RUNPLANE_TENANT";
        self.tenant.ok_or_else(|| Failure::Usage(missing.to_owned()))
    }

    /// The request, narrowed to the tenant of the settings if they name one.
    pub fn narrowed(&self, request: Request) -> Request {
        request.query("tenant_id", self.tenant)
    }
}

/// Does what the command line says, and prints what comes of it.
pub async fn run(cli: Cli) -> Exit {
    let output = Output::new(cli.command.is_for_programs());
    match dispatch(cli.command, output).await {
        Ok(exit) => exit,
        Err(failure) => {
            output.failure(&failure);
            failure.exit()
        }
    }
}

async fn dispatch(command: Command, output: Output) -> Result<Exit, Failure> {
    match command {
        Command::Validate { files, .. } => validate::run(&files, output),
        Command::Completions { shell } => completions::run(shell, output),
        Command::Import(args) => Ok(import::run(args).await),
        Command::Tenants(Api { settings, command }) => {
            tenants::run(command, &Context::new(settings, output)?).await
        }
        Command::Pipelines(Api { settings, command }) => {
            pipelines::run(command, &Context::new(settings, output)?).await
        }
        Command::Versions(Api { settings, command }) => {
            versions::run(command, &Context::new(settings, output)?).await
        }
        Command::Connections(Api { settings, command }) => {
            connections::run(command, &Context::new(settings, output)?).await
        }
        Command::Schedules(Api { settings, command }) => {
            schedules::run(command, &Context::new(settings, output)?).await
        }
        Command::Webhooks(Api { settings, command }) => {
            webhooks::run(command, &Context::new(settings, output)?).await
        }
        Command::Runs(Api { settings, command }) => {
            runs::run(command, &Context::new(settings, output)?).await
        }
        Command::Worker(args) => worker::run(&args, output).await,
        Command::Workers(Api { settings, command }) => {
            workers::run(command, &Context::new(settings, output)?).await
        }
        Command::Keys(Api { settings, command }) => keys::run(command, settings, output).await,
        Command::Audit(Api { settings, command }) => {
            audit::run(command, &Context::new(settings, output)?).await
        }
    }
}
