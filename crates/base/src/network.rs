//! Whose an address is, as far as an address tells. An IPv4 address is one holder's. Of IPv6
//! whoever asks for one gets a network, and may come from another address of it each time;
//! how large a network depends on what is asked. These are the only places where that is
//! decided.
//!
//! Not here: what is counted by it.

use std::net::{IpAddr, Ipv6Addr};

/// Who has one share of what there is for everybody: connections, failures, requests. A line
/// gets a /56 or a /48 (RFC 6177 §2; RIPE-690 §4.2), a single host a /64. By /64 the holder
/// of a /56 would have 256 shares; by /48 neighbours who have a /56 each would take each
/// other's.
#[must_use]
pub fn holder(address: IpAddr) -> IpAddr {
    within(address, 56)
}

/// What counts as one of many different places, where only many places together do something
/// to somebody else: lock strangers out of an account, fill a log. The largest network that
/// one line gets is a /48 (RFC 6177 §2), and who has one must not count for 256 holders.
#[must_use]
pub fn site(address: IpAddr) -> IpAddr {
    within(address, 48)
}

/// Where a device comes from again: the network of one link, which keeps its number while the
/// rest of the address changes (RFC 8981). It is as narrow as can be, because who is
/// recognised is spared what strangers are not.
#[must_use]
pub fn link(address: IpAddr) -> IpAddr {
    within(address, 64)
}

fn within(address: IpAddr, bits: u32) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(v4) => IpAddr::V4(v4),
        IpAddr::V6(v6) => {
            let rest = 128 - bits;
            IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() >> rest << rest))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_is_as_large_as_what_is_asked() {
        let at = |text: &str| text.parse::<IpAddr>().unwrap();
        let same = |of: fn(IpAddr) -> IpAddr, one: &str, other: &str| of(at(one)) == of(at(other));
        let own = "2001:db8:1:1200::1";
        // In one /64, one /56, one /48, and beside it.
        for (other, [on_link, one_holder, one_site]) in [
            ("2001:db8:1:1200:ffff::2", [true, true, true]),
            ("2001:db8:1:12ff::1", [false, true, true]),
            ("2001:db8:1:1300::1", [false, false, true]),
            ("2001:db8:2:1200::1", [false, false, false]),
        ] {
            assert_eq!(same(link, own, other), on_link, "{other}");
            assert_eq!(same(holder, own, other), one_holder, "{other}");
            assert_eq!(same(site, own, other), one_site, "{other}");
        }
        for of in [link, holder, site] {
            assert!(same(of, "192.0.2.1", "::ffff:192.0.2.1"));
            assert!(!same(of, "192.0.2.1", "192.0.2.2"));
        }
    }
}
