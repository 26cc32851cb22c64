//! How the holder of a bucket becomes a key, and how often limits were reached. Not here:
//! which limits apply (`stage::limit`), and the buckets (`base::limit`).

mod counters;

pub use counters::{LimitCounters, LimitReached};

use doorward_base::network::holder;
use std::fmt;
use std::hash::Hasher as _;
use std::net::IpAddr;

#[expect(
    deprecated,
    reason = "the one hasher of the standard library whose algorithm, SipHash-2-4, is \
              specified: nodes of different builds must agree on keys"
)]
use std::hash::SipHasher;

/// Makes bucket keys: a hash under a secret that all nodes have, so that they agree
/// and nobody can choose holders that collide.
pub(crate) struct KeyMaker {
    seeds: [[u64; 2]; 2],
}

impl KeyMaker {
    /// Keys under this secret.
    pub(crate) fn new(secret: &[u8; 32]) -> Self {
        let mut seeds = [[0; 2]; 2];
        for (seed, bytes) in seeds.as_flattened_mut().iter_mut().zip(secret.chunks(8)) {
            *seed = bytes
                .iter()
                .rev()
                .fold(0, |seed, byte| seed << 8 | u64::from(*byte));
        }
        Self { seeds }
    }

    /// The key of a holder, given in parts, under a limit's label.
    pub(crate) fn key(&self, label: &str, parts: &[&[u8]]) -> u128 {
        let [high, low] = self.seeds.map(|[first, second]| {
            #[expect(deprecated, reason = "as above")]
            let mut hasher = SipHasher::new_with_keys(first, second);
            for part in [label.as_bytes()].iter().chain(parts) {
                let length = u64::try_from(part.len()).unwrap_or(u64::MAX);
                hasher.write(&length.to_le_bytes());
                hasher.write(part);
            }
            u128::from(hasher.finish())
        });
        high << 64 | low
    }

    /// The key of whoever has this address.
    pub(crate) fn address(&self, label: &str, ip: IpAddr) -> u128 {
        match holder(ip) {
            IpAddr::V4(ip) => self.key(label, &[b"a", &ip.octets()]),
            IpAddr::V6(ip) => self.key(label, &[b"a", &ip.octets()]),
        }
    }
}

impl fmt::Debug for KeyMaker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyMaker")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn g20_a_network_is_one_holder_and_labels_are_apart() {
        let keys = KeyMaker::new(&[1; 32]);
        let at = |text: &str| keys.address("l", text.parse().unwrap());
        assert_eq!(at("2001:db8::1"), at("2001:db8:0:ff::1"));
        assert_ne!(at("2001:db8::1"), at("2001:db8:0:100::1"));
        assert_eq!(at("::ffff:1.2.3.4"), at("1.2.3.4"));
        assert_ne!(at("1.2.3.4"), at("1.2.3.5"));
        assert_ne!(at("1.2.3.4"), keys.address("m", "1.2.3.4".parse().unwrap()));
        assert_ne!(keys.key("a", &[b"bc"]), keys.key("ab", &[b"c"]));
    }

    #[test]
    fn nodes_with_one_secret_agree_and_others_do_not() {
        let secret: [u8; 32] = std::array::from_fn(|n| u8::try_from(n).unwrap());
        let keys = KeyMaker::new(&secret);
        assert_eq!(
            keys.key("l", &[b"t"]),
            KeyMaker::new(&secret).key("l", &[b"t"])
        );
        // SipHash-2-4 of the empty input under the bytes 0 to 15, from its paper's code.
        #[expect(deprecated, reason = "as above")]
        let empty = SipHasher::new_with_keys(keys.seeds[0][0], keys.seeds[0][1]).finish();
        assert_eq!(empty, 0x726f_db47_dd0e_0e31);
        for changed in 0..32 {
            let mut other = secret;
            other[changed] ^= 1;
            assert_ne!(
                keys.key("l", &[b"t"]),
                KeyMaker::new(&other).key("l", &[b"t"])
            );
        }
    }
}
