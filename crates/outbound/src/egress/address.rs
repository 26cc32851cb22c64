//! Which addresses may be reached: the public ones, and what the operator named. Not
//! here: how a name becomes an address.

use ipnet::IpNet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The networks that the operator named beside the public ones.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Reach(Vec<IpNet>);

impl Reach {
    /// Public addresses, and these networks.
    #[must_use]
    pub fn new(allowed: Vec<IpNet>) -> Self {
        Self(allowed)
    }

    /// Whether a connection may be made to the address. An IPv4 address in an IPv6
    /// mapping is the same host, so it is judged as itself.
    #[must_use]
    pub fn covers(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        let named = self.0.iter().any(|net| net.contains(&address));
        named
            || match address {
                IpAddr::V4(address) => is_public_v4(address),
                IpAddr::V6(address) => match embedded(address) {
                    // NAT64 leads to the IPv4 address inside it, wherever that is.
                    Some(inner) => self.covers(inner.into()),
                    None => is_public_v6(address),
                },
            }
    }
}

/// What the IANA registry of special-purpose addresses (RFC 6890) says is globally
/// reachable, without multicast and the deprecated relays.
fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    !matches!(
        (a, b, c),
        (0 | 10 | 127 | 224.., _, _)
            | (100, 64..=127, _)
            | (169, 254, _)
            | (172, 16..=31, _)
            | (192, 0, 0 | 2)
            | (192, 88, 99)
            | (192, 168, _)
            | (198, 18 | 19, _)
            | (198, 51, 100)
            | (203, 0, 113)
    )
}

/// Global unicast (2000::/3) without what only looks so: Teredo and the other protocol
/// assignments, documentation, and 6to4, which hides an IPv4 address.
fn is_public_v6(address: Ipv6Addr) -> bool {
    let [a, b, ..] = address.segments();
    a & 0xe000 == 0x2000
        && !matches!(
            (a, b),
            (0x2001, 0..0x200 | 0xdb8) | (0x2002, _) | (0x3fff, 0..0x1000)
        )
}

/// The IPv4 address that a NAT64 gateway takes from the well-known prefix 64:ff9b::/96
/// (RFC 6052 §2.1).
fn embedded(address: Ipv6Addr) -> Option<Ipv4Addr> {
    match address.segments() {
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] => {
            Some(Ipv4Addr::from((u32::from(high) << 16) | u32::from(low)))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn covers(allowed: &[&str], address: &str) -> bool {
        let allowed = allowed.iter().map(|net| net.parse().unwrap());
        Reach::new(allowed.collect()).covers(address.parse().unwrap())
    }

    #[test]
    fn public_addresses_may_be_reached() {
        for public in [
            "8.8.8.8",
            "172.32.0.1",
            "100.128.0.1",
            "192.0.1.1",
            "223.255.255.255",
            "2606:4700::1111",
            "2001:4860::8888",
            "64:ff9b::808:808",
        ] {
            assert!(covers(&[], public), "{public}");
        }
    }

    #[test]
    fn all_others_may_not() {
        for private in [
            "0.0.0.0",
            "0.1.2.3",
            "10.0.0.1",
            "100.64.0.1",
            "127.0.0.1",
            "127.255.255.254",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.8",
            "192.0.2.1",
            "192.88.99.1",
            "192.168.1.1",
            "198.18.0.1",
            "198.51.100.1",
            "203.0.113.1",
            "224.0.0.1",
            "239.255.255.250",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::7f00:1",
            "::ffff:127.0.0.1",
            "::ffff:169.254.169.254",
            "64:ff9b::7f00:1",
            "64:ff9b::a00:1",
            "64:ff9b:1::808:808",
            "100::1",
            "2001::1",
            "2001:db8::1",
            "2002:7f00:1::",
            "2002:808:808::1",
            "3fff::1",
            "5f00::1",
            "fc00::1",
            "fd00:ec2::254",
            "fe80::1",
            "fec0::1",
            "ff02::1",
        ] {
            assert!(!covers(&[], private), "{private}");
        }
    }

    #[test]
    fn what_is_named_may_be_reached_in_every_spelling_and_nothing_beside_it() {
        let allowed = ["10.1.0.0/16", "fd00::/8"];
        for named in ["10.1.2.3", "::ffff:10.1.2.3", "64:ff9b::a01:203", "fd00::1"] {
            assert!(covers(&allowed, named), "{named}");
        }
        for beside in ["10.2.0.1", "127.0.0.1", "fe80::1", "2002:a01:203::"] {
            assert!(!covers(&allowed, beside), "{beside}");
        }
    }
}
