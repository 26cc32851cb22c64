//! How many places of the cap one address has: no more than its share, so that whoever
//! takes all it can leaves the others theirs. Not here: the cap (`place`), and what of IPv6
//! is one address (`base::network`).

use doorward_base::network::holder;
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// The shares of all addresses.
#[derive(Debug)]
pub(super) struct Shares {
    most: u32,
    taken: Mutex<HashMap<IpAddr, Arc<AtomicU32>>>,
}

/// What one connection has of its address's share; given back when dropped.
#[derive(Debug)]
pub(super) struct Share {
    shares: Arc<Shares>,
    holder: IpAddr,
    taken: Arc<AtomicU32>,
}

impl Shares {
    /// `most` places for each address.
    pub(super) fn new(most: u32) -> Arc<Self> {
        Arc::new(Self {
            most,
            taken: Mutex::default(),
        })
    }

    /// A place for a connection of this address, if it has any left.
    pub(super) fn take(self: &Arc<Self>, ip: IpAddr) -> Option<Share> {
        let holder = holder(ip);
        let mut all = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let taken = all.entry(holder).or_default();
        self.add(taken).then(|| Share {
            shares: Arc::clone(self),
            holder,
            taken: Arc::clone(taken),
        })
    }

    fn add(&self, taken: &AtomicU32) -> bool {
        let more = |taken| (taken < self.most).then_some(taken + 1);
        taken
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, more)
            .is_ok()
    }
}

impl Share {
    /// Takes one more place, without a lock; [`Share::give_back`] gives it back.
    pub(super) fn add(&self) -> bool {
        self.shares.add(&self.taken)
    }

    pub(super) fn give_back(&self) {
        self.taken.fetch_sub(1, Ordering::AcqRel);
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let mut all = self
            .shares
            .taken
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        // Those that took more gave it back before: they keep their connection's share.
        if self.taken.fetch_sub(1, Ordering::AcqRel) == 1 {
            all.remove(&self.holder);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_gets_its_share_and_a_network_is_one_address() {
        let shares = Shares::new(2);
        let take = |text: &str| shares.take(text.parse().unwrap());
        let first = take("192.0.2.1").unwrap();
        let _second = take("::ffff:192.0.2.1").unwrap();
        assert!(take("192.0.2.1").is_none());
        assert!(take("192.0.2.2").is_some());
        let network = [take("2001:db8::1"), take("2001:db8:0:ff::2")];
        assert!(network.iter().all(Option::is_some));
        assert!(take("2001:db8::3").is_none());
        assert!(take("2001:db8:0:100::1").is_some());
        drop(first);
        assert!(take("192.0.2.1").is_some());
    }

    #[test]
    fn further_places_count_and_nothing_is_kept_of_who_left() {
        let shares = Shares::new(2);
        let ip = "192.0.2.1".parse().unwrap();
        let share = shares.take(ip).unwrap();
        assert!(share.add());
        assert!(!share.add());
        assert!(shares.take(ip).is_none());
        share.give_back();
        let second = shares.take(ip).unwrap();
        drop((share, second));
        assert!(shares.taken.lock().unwrap().is_empty());
    }
}
