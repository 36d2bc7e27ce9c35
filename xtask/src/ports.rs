//! Choosing ports on 127.0.0.1: the usual one where it is free, the one of last time where it is not, else a free one.

use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use crate::paths::Dirs;
use crate::process::{read_json, write_json};

/// The ports of `up`, kept in `.dev/ports.json` so that an address printed once stays good.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ports {
    /// Of the HTTP API.
    pub api: u16,
    /// Of Postgres.
    pub postgres: u16,
    /// Of SQS.
    pub sqs: u16,
    /// Of the shop that the examples call.
    #[serde(default = "usual_shop")]
    pub shop: u16,
}

/// What is used where nothing else listens.
pub const USUAL: Ports = Ports { api: 8000, postgres: 5432, sqs: 4566, shop: 8090 };

/// For a file that was written before there was a shop.
fn usual_shop() -> u16 {
    USUAL.shop
}

impl Ports {
    /// Those of the last `up`, or [`USUAL`].
    pub fn load(dirs: &Dirs) -> Result<Self> {
        Ok(read_json(&dirs.dev()?.join("ports.json")).unwrap_or(USUAL))
    }

    /// Keeps them for the next `up`.
    pub fn save(&self, dirs: &Dirs) -> Result<()> {
        write_json(&dirs.dev()?.join("ports.json"), self)
    }
}

/// `wanted` where `is_free` says so, else the first free one of the 50 above it, else `None`.
pub fn choose(wanted: u16, is_free: impl Fn(u16) -> bool) -> Option<u16> {
    (wanted..=wanted.saturating_add(50)).find(|port| is_free(*port))
}

/// [`choose`] on this machine; any free port where those near `wanted` are taken.
pub fn near(wanted: u16) -> Result<u16> {
    choose(wanted, is_free).map_or_else(any, Ok)
}

/// A free port, which the system picks. Fails when there is none.
pub fn any() -> Result<u16> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("no free port on 127.0.0.1")?;
    Ok(listener.local_addr()?.port())
}

/// Whether nothing answers on the port of 127.0.0.1 and it can be listened on. (On macOS one can listen on an address
/// although somebody listens on all of them, so asking for the port alone is not enough.)
pub fn is_free(port: u16) -> bool {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    TcpStream::connect_timeout(&address, Duration::from_millis(200)).is_err()
        && TcpListener::bind(address).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wanted_port_is_used_where_it_is_free() {
        assert_eq!(choose(8000, |_| true), Some(8000));
    }

    #[test]
    fn the_next_free_port_is_used_where_it_is_taken() {
        assert_eq!(choose(8000, |port| port > 8002), Some(8003));
        assert_eq!(choose(8000, |_| false), None);
        assert_eq!(choose(u16::MAX, |_| false), None);
    }

    #[test]
    fn a_port_that_is_listened_on_is_not_free() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        assert!(!is_free(port));
        drop(listener);
        assert!(is_free(port));
    }

    #[test]
    fn ports_are_remembered() {
        let folder = tempfile::tempdir().unwrap();
        let dirs = Dirs::new(folder.path());
        assert_eq!(Ports::load(&dirs).unwrap(), USUAL);
        let chosen = Ports { api: 8003, ..USUAL };
        chosen.save(&dirs).unwrap();
        assert_eq!(Ports::load(&dirs).unwrap(), chosen);

        let file = folder.path().join(".dev/ports.json");
        std::fs::write(file, r#"{"api":8003,"postgres":5432,"sqs":4566}"#).unwrap();
        assert_eq!(Ports::load(&dirs).unwrap(), chosen, "written before there was a shop");
    }
}
