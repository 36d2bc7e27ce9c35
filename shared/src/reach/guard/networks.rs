//! The networks that are not for everybody, by the special-purpose address registries of IANA for IPv4 and IPv6 as of 2025. Where the registries
//! say "globally reachable" of something that serves nobody (identifiers, relays), it is refused here all the same.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use Rule::{Never, Private};
use ipnet::{Ipv4Net, Ipv6Net};

/// Who may reach an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rule {
    /// Nobody.
    Never(&'static str),
    /// Connections that an operator has opened private addresses to.
    Private(&'static str),
    /// Everybody.
    Public,
}

/// The first that contains an address decides; in none of them: everybody's.
const V4: [(Ipv4Net, Rule); 20] = [
    // Services that hand out credentials: in networks that may be opened, or anybody's.
    (v4([169, 254, 0, 0], 16), Never("a link-local address, as those of metadata services are")),
    (v4([192, 0, 0, 192], 32), Never("the address of a metadata service")),
    (v4([100, 100, 100, 200], 32), Never("the address of a metadata service")),
    (v4([168, 63, 129, 16], 32), Never("the address of a metadata service")),
    (v4([0, 0, 0, 0], 8), Never("an unspecified address")),
    (v4([192, 0, 2, 0], 24), Never("an address for documentation")),
    (v4([198, 51, 100, 0], 24), Never("an address for documentation")),
    (v4([203, 0, 113, 0], 24), Never("an address for documentation")),
    (v4([192, 88, 99, 0], 24), Never("the address of a 6to4 relay")),
    (v4([224, 0, 0, 0], 4), Never("a multicast address")),
    (v4([255, 255, 255, 255], 32), Never("the broadcast address")),
    (v4([240, 0, 0, 0], 4), Never("a reserved address")),
    (v4([127, 0, 0, 0], 8), Private("a loopback address")),
    (v4([10, 0, 0, 0], 8), Private("a private address")),
    (v4([172, 16, 0, 0], 12), Private("a private address")),
    (v4([192, 168, 0, 0], 16), Private("a private address")),
    (v4([100, 64, 0, 0], 10), Private("a shared address")),
    (v4([192, 0, 0, 0], 24), Private("an address for protocols")),
    (v4([198, 18, 0, 0], 15), Private("an address for benchmarks")),
    (v4([0, 0, 0, 0], 0), Rule::Public),
];

/// The first that contains an address decides. Only 2000::/3 has been given out: the rest is nobody's.
const V6: [(Ipv6Net, Rule); 15] = [
    (v6([0, 0, 0, 0, 0, 0, 0, 1], 128), Private("a loopback address")),
    (v6([0, 0, 0, 0, 0, 0, 0, 0], 128), Never("an unspecified address")),
    (v6([0xfd00, 0xec2, 0, 0, 0, 0, 0, 0], 32), Never("the address of a metadata service")),
    (v6([0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254], 128), Never("the address of a metadata service")),
    (v6([0xfe80, 0, 0, 0, 0, 0, 0, 0], 10), Never("a link-local address")),
    (v6([0xff00, 0, 0, 0, 0, 0, 0, 0], 8), Never("a multicast address")),
    (v6([0x64, 0xff9b, 1, 0, 0, 0, 0, 0], 48), Never("an address of local translation")),
    // Teredo (2001::/32) carries an IPv4 address that is hidden; benchmarks, identifiers and anycast are here too.
    (v6([0x2001, 0, 0, 0, 0, 0, 0, 0], 23), Never("an address for protocols")),
    (v6([0x2001, 0xdb8, 0, 0, 0, 0, 0, 0], 32), Never("an address for documentation")),
    (v6([0x3fff, 0, 0, 0, 0, 0, 0, 0], 20), Never("an address for documentation")),
    (v6([0x5f00, 0, 0, 0, 0, 0, 0, 0], 16), Never("an address for segment routing")),
    (v6([0xfc00, 0, 0, 0, 0, 0, 0, 0], 7), Private("a private address")),
    (v6([0xfec0, 0, 0, 0, 0, 0, 0, 0], 10), Private("a site-local address")),
    (v6([0x2000, 0, 0, 0, 0, 0, 0, 0], 3), Rule::Public),
    (v6([0, 0, 0, 0, 0, 0, 0, 0], 0), Never("a reserved address")),
];

/// Networks of IPv6 whose addresses stand for one of IPv4, and the byte at which it begins.
const CARRIES_V4: [(Ipv6Net, usize); 5] = [
    // Mapped, ::ffff:a.b.c.d.
    (v6([0, 0, 0, 0, 0, 0xffff, 0, 0], 96), 12),
    // Translated, ::ffff:0:a.b.c.d.
    (v6([0, 0, 0, 0, 0xffff, 0, 0, 0], 96), 12),
    // NAT64.
    (v6([0x64, 0xff9b, 0, 0, 0, 0, 0, 0], 96), 12),
    // 6to4.
    (v6([0x2002, 0, 0, 0, 0, 0, 0, 0], 16), 2),
    // Compatible, ::a.b.c.d; what is unspecified and loopback has been recognized before.
    (v6([0, 0, 0, 0, 0, 0, 0, 0], 96), 12),
];

/// Who may reach it.
pub(super) fn rule(address: IpAddr) -> Rule {
    match address {
        IpAddr::V4(address) => rule_v4(address),
        IpAddr::V6(address) => match within(address) {
            Some(address) => rule_v4(address),
            None => {
                decided_by(V6.iter().find(|(network, _)| network.contains(&address)).map(|(_, rule)| rule))
            }
        },
    }
}

fn rule_v4(address: Ipv4Addr) -> Rule {
    decided_by(V4.iter().find(|(network, _)| network.contains(&address)).map(|(_, rule)| rule))
}

/// Both tables end in a network of everything.
fn decided_by(rule: Option<&Rule>) -> Rule {
    rule.copied().unwrap_or(Never("a reserved address"))
}

/// The address of IPv4 that one of IPv6 stands for.
fn within(address: Ipv6Addr) -> Option<Ipv4Addr> {
    if address.is_unspecified() || address.is_loopback() {
        return None;
    }
    let (_, at) = CARRIES_V4.iter().find(|(network, _)| network.contains(&address))?;
    let bytes: [u8; 4] = address.octets()[*at..at + 4].try_into().ok()?;
    Some(Ipv4Addr::from(bytes))
}

const fn v4([a, b, c, d]: [u8; 4], length: u8) -> Ipv4Net {
    Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, d), length)
}

const fn v6([a, b, c, d, e, f, g, h]: [u16; 8], length: u8) -> Ipv6Net {
    Ipv6Net::new_assert(Ipv6Addr::new(a, b, c, d, e, f, g, h), length)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_are_written_without_bits_that_do_not_count() {
        for (network, _) in V4 {
            assert_eq!(network, network.trunc());
        }
        for network in
            V6.map(|(network, _)| network).into_iter().chain(CARRIES_V4.map(|(network, _)| network))
        {
            assert_eq!(network, network.trunc());
        }
    }

    #[test]
    fn no_network_is_hidden_by_one_before_it() {
        for (place, (network, _)) in V4.iter().enumerate() {
            assert!(!V4[..place].iter().any(|(before, _)| before.contains(network)), "{network}");
        }
        for (place, (network, _)) in V6.iter().enumerate() {
            assert!(!V6[..place].iter().any(|(before, _)| before.contains(network)), "{network}");
        }
    }
}
