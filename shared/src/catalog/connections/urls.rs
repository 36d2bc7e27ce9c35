//! The URLs of connections.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use url::{Host, Url};

use crate::runs::Faults;

const MAX_URL_CHARS: usize = 2048;

/// An absolute URL that says where, and nothing else.
pub(super) fn web(pointer: &str, text: &str, faults: &mut Faults) {
    parse(pointer, text, faults);
}

/// The same, and nobody on the way reads what is sent there.
pub(in crate::catalog) fn secure(pointer: &str, text: &str, faults: &mut Faults) {
    if parse(pointer, text, faults).is_some_and(|url| url.scheme() != "https") {
        faults.add(pointer, "must begin with https://");
    }
}

/// The URL of a queue, as SQS makes them: `http(s)://<host>/<account>/<name>`.
pub(super) fn queue(pointer: &str, text: &str, faults: &mut Faults) {
    let Some(url) = parse(pointer, text, faults) else { return };
    let is_queue = match url.path().split('/').collect::<Vec<_>>().as_slice() {
        ["", account, name] => is_account(account) && is_queue_name(name),
        _ => false,
    };
    if !is_queue {
        faults.add(pointer, "must end in /<account, 12 digits>/<name of the queue>");
    }
    // Requests to queues are signed: no host that hands out what they are signed with.
    if is_link_local(&url) {
        faults.add(pointer, "must not lead to a link-local address");
    }
}

fn parse(pointer: &str, text: &str, faults: &mut Faults) -> Option<Url> {
    faults.text(pointer, text, MAX_URL_CHARS);
    // A parser takes more than that and tidies it up, each in its own way.
    if !(text.starts_with("http://") || text.starts_with("https://")) {
        faults.add(pointer, "must begin with http:// or https://");
        return None;
    }
    let odd = |char: char| char.is_whitespace() || char.is_control() || char == '\\';
    let Some(url) = Url::parse(text).ok().filter(|url| url.has_host() && !text.contains(odd)) else {
        faults.add(pointer, "must be a URL with a host, as in https://example.com/v1");
        return None;
    };
    if !url.username().is_empty() || url.password().is_some() {
        faults.add(pointer, "must not contain credentials: they are named by secret_ref");
    }
    if url.query().is_some() || url.fragment().is_some() {
        faults.add(pointer, "must not have a query or a fragment");
    }
    Some(url)
}

fn is_account(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_queue_name(text: &str) -> bool {
    let name = text.strip_suffix(".fifo").unwrap_or(text);
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
    !name.is_empty() && text.len() <= 80 && name.bytes().all(fits)
}

fn is_link_local(url: &Url) -> bool {
    let address = match url.host() {
        Some(Host::Ipv4(address)) => IpAddr::V4(address),
        Some(Host::Ipv6(address)) => address.to_canonical(),
        Some(Host::Domain(_)) | None => return false,
    };
    match address {
        IpAddr::V4(address) => Ipv4Addr::is_link_local(&address),
        // The metadata service of AWS has an address of its own in IPv6.
        IpAddr::V6(address) => {
            address.is_unicast_link_local() || address == Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254)
        }
    }
}
