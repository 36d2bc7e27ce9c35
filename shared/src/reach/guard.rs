//! Which addresses may be reached. A spec is a stranger's, and this process stands in somebody's network: next to services that trust whoever gets
//! to them, and to one that hands out its credentials.

mod networks;

use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use futures_util::future::BoxFuture;
use url::Host;

use self::networks::{Rule, rule};
use super::ReachFailure;

/// Where the addresses of a name are looked up.
pub trait Lookup: fmt::Debug + Send + Sync {
    /// The addresses of a name.
    fn lookup<'a>(&'a self, name: &'a str) -> BoxFuture<'a, io::Result<Vec<IpAddr>>>;
}

/// Looks names up as the system does.
#[derive(Clone, Copy, Debug, Default)]
pub struct System;

impl Lookup for System {
    fn lookup<'a>(&'a self, name: &'a str) -> BoxFuture<'a, io::Result<Vec<IpAddr>>> {
        Box::pin(async move {
            let found = tokio::net::lookup_host((name, 0)).await?;
            Ok(found.map(|address| address.ip()).collect())
        })
    }
}

/// Whether an address may be reached. `allow_private_addresses` is what an operator has set for a connection.
///
/// # Errors
/// `address_refused`.
pub fn check(address: IpAddr, allow_private_addresses: bool) -> Result<(), ReachFailure> {
    match refusal(address, allow_private_addresses) {
        None => Ok(()),
        Some(why) => Err(refused(format!("{address} is {why}"))),
    }
}

/// Whether the host of a URL may be asked for: an address is checked as by [`check`]. A name tells nothing before it is looked up, which
/// [`addresses`] does, but for those of this machine.
///
/// # Errors
/// `address_refused`.
pub fn check_host(host: &Host<&str>, allow_private_addresses: bool) -> Result<(), ReachFailure> {
    match host {
        Host::Ipv4(address) => check(IpAddr::V4(*address), allow_private_addresses),
        Host::Ipv6(address) => check(IpAddr::V6(*address), allow_private_addresses),
        Host::Domain(name) => check_name(name, allow_private_addresses),
    }
}

/// The addresses of a host, a name or an address without brackets, each of which may be reached: whoever connects to these and looks up nothing
/// again connects to what was checked. If any of them may not be reached none may: a name leads into a network on purpose, or by mistake, and which
/// of its addresses is tried is left to chance.
///
/// # Errors
/// `address_refused`, and `connect` where the name has no address now.
pub async fn addresses(
    host: &str,
    port: u16,
    allow_private_addresses: bool,
    lookup: &dyn Lookup,
) -> Result<Vec<SocketAddr>, ReachFailure> {
    if let Ok(address) = host.parse() {
        check(address, allow_private_addresses)?;
        return Ok(vec![SocketAddr::new(address, port)]);
    }
    check_name(host, allow_private_addresses)?;
    let found = lookup.lookup(host).await.map_err(|error| {
        ReachFailure::passing("connect", format!("the name {host:?} could not be looked up: {error}"))
    })?;
    if found.is_empty() {
        return Err(ReachFailure::passing("connect", format!("the name {host:?} has no address")));
    }
    // Which address it is stays here: a stranger could draw a map of the network.
    if let Some(why) = found.iter().find_map(|address| refusal(*address, allow_private_addresses)) {
        return Err(refused(format!("the name {host:?} leads to {why}")));
    }
    Ok(found.into_iter().map(|address| SocketAddr::new(address, port)).collect())
}

/// `localhost` and what ends in it is this machine, whatever a server of names says (RFC 6761).
fn check_name(name: &str, allow_private_addresses: bool) -> Result<(), ReachFailure> {
    let lower = name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase();
    if lower != "localhost" && !lower.ends_with(".localhost") {
        return Ok(());
    }
    match refusal(IpAddr::V4(Ipv4Addr::LOCALHOST), allow_private_addresses) {
        None => Ok(()),
        Some(why) => Err(refused(format!("the name {name:?} leads to {why}"))),
    }
}

/// What an address is, and why that may not be reached; none if it may.
fn refusal(address: IpAddr, allow_private_addresses: bool) -> Option<String> {
    match rule(address) {
        Rule::Public => None,
        Rule::Private(_) if allow_private_addresses => None,
        Rule::Private(what) => Some(format!(
            "{what}, which only a connection may reach that an operator has opened private addresses to"
        )),
        Rule::Never(what) => Some(format!("{what}, which no step may reach")),
    }
}

fn refused(message: String) -> ReachFailure {
    ReachFailure::new("address_refused", message)
}

#[cfg(test)]
mod tests;
