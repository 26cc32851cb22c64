//! Buckets: how the holder of a bucket becomes a key, and the limiter of this process.
//! Not here: which limits apply (`stage::limit`) and shared limits across nodes.

mod local;

pub use local::LocalLimiter;

use doorward_base::Entropy;
use std::hash::Hasher as _;
use std::net::IpAddr;

/// Makes bucket keys: a hash under a secret of this process, so that nobody can
/// choose holders that collide.
#[derive(Debug)]
pub(crate) struct KeyMaker {
    seeds: [[u8; 16]; 2],
}

impl KeyMaker {
    pub(crate) fn new(entropy: &dyn Entropy) -> Self {
        let mut seeds = [[0; 16]; 2];
        for seed in &mut seeds {
            entropy.fill(seed);
        }
        Self { seeds }
    }

    /// The key of a holder, given in parts, under a limit's label.
    pub(crate) fn key(&self, label: &str, parts: &[&[u8]]) -> u128 {
        let [high, low] = self.seeds.map(|seed| {
            // SipHash: a pseudo-random function once it has swallowed a secret seed.
            let mut hasher = std::hash::DefaultHasher::new();
            hasher.write(&seed);
            hasher.write_usize(label.len());
            hasher.write(label.as_bytes());
            for part in parts {
                hasher.write_usize(part.len());
                hasher.write(part);
            }
            u128::from(hasher.finish())
        });
        high << 64 | low
    }

    /// The key of an address; an IPv6 network of /64 is one holder.
    pub(crate) fn address(&self, label: &str, ip: IpAddr) -> u128 {
        match ip.to_canonical() {
            IpAddr::V4(ip) => self.key(label, &[b"a", &ip.octets()]),
            IpAddr::V6(ip) => {
                let octets = ip.octets();
                let (network, _) = octets.split_at(8);
                self.key(label, &[b"a", network])
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use doorward_base::testing::SeededEntropy;

    #[test]
    fn g20_a_network_is_one_holder_and_labels_are_apart() {
        let keys = KeyMaker::new(&SeededEntropy::new(1));
        let at = |text: &str| keys.address("l", text.parse().unwrap());
        assert_eq!(at("2001:db8::1"), at("2001:db8::ffff:1"));
        assert_ne!(at("2001:db8::1"), at("2001:db8:0:1::1"));
        assert_eq!(at("::ffff:1.2.3.4"), at("1.2.3.4"));
        assert_ne!(at("1.2.3.4"), at("1.2.3.5"));
        assert_ne!(at("1.2.3.4"), keys.address("m", "1.2.3.4".parse().unwrap()));
        assert_ne!(keys.key("a", &[b"bc"]), keys.key("ab", &[b"c"]));
    }
}
