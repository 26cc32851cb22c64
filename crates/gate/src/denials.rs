//! Why was it refused? The recent denials: a ring for each tenant, one for the signed-in
//! who act in none, and one for whoever is not known, realm by realm, so that nobody
//! pushes another's evidence out. Bounded in bytes: when all rings together are too
//! heavy, the heaviest loses its oldest. Not here: what a trace says (`case`).

use doorward_base::{RealmName, RequestId, TenantId};
use doorward_surface::{Denial, DenialLog};
use std::collections::{BTreeSet, BinaryHeap, HashMap, VecDeque};
use std::sync::{Mutex, PoisonError};

/// How much room denials take.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct DenialRoom {
    /// All rings together, bytes, about. One ring takes an eighth of it at most.
    pub bytes: usize,
    /// How many one ring keeps.
    pub each: usize,
}

impl Default for DenialRoom {
    /// 16 MiB, and 1,024 in a ring.
    fn default() -> Self {
        Self {
            bytes: 16 << 20,
            each: 1024,
        }
    }
}

/// The recent denials of every realm.
#[derive(Debug)]
pub(crate) struct DenialRings {
    room: DenialRoom,
    kept: Mutex<Kept>,
}

/// Whose evidence a denial is.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
enum Whose {
    /// Nobody's who is known.
    Anonymous,
    /// Of somebody known who acts in no tenant.
    Realm,
    Tenant(TenantId),
}

type Place = (RealmName, Whose);

#[derive(Debug, Default)]
struct Kept {
    rings: HashMap<Place, Ring>,
    /// The rings by weight, the heaviest last.
    heaviest: BTreeSet<(usize, Place)>,
    bytes: usize,
    /// The number of the next denial: they are told apart in time by it.
    next: u64,
}

#[derive(Debug, Default)]
struct Ring {
    denials: VecDeque<(u64, Denial)>,
    bytes: usize,
}

impl DenialRings {
    pub(crate) fn new(room: DenialRoom) -> Self {
        Self {
            room,
            kept: Mutex::default(),
        }
    }

    pub(crate) fn push(&self, denial: Denial) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.push(denial, self.room);
    }
}

impl Kept {
    fn push(&mut self, denial: Denial, room: DenialRoom) {
        let number = self.next;
        self.next += 1;
        let place = place_of(&denial);
        self.change(&place, |ring| {
            ring.bytes += weight(&denial);
            ring.denials.push_back((number, denial));
            while ring.denials.len() > room.each || ring.bytes > room.bytes / 8 {
                if !ring.drop_oldest() {
                    break;
                }
            }
        });
        while self.bytes > room.bytes {
            let Some((_, heaviest)) = self.heaviest.last().cloned() else {
                break;
            };
            self.change(&heaviest, |ring| {
                ring.drop_oldest();
            });
        }
    }

    /// Changes a ring, and keeps count of what all weigh. An empty one is forgotten.
    fn change(&mut self, place: &Place, change: impl FnOnce(&mut Ring)) {
        let mut ring = self.rings.remove(place).unwrap_or_default();
        let key = (ring.bytes, place.clone());
        self.heaviest.remove(&key);
        self.bytes -= ring.bytes;
        change(&mut ring);
        if ring.denials.is_empty() {
            return;
        }
        self.bytes += ring.bytes;
        self.heaviest.insert((ring.bytes, key.1.clone()));
        self.rings.insert(key.1, ring);
    }

    fn rings_of<'k>(
        &'k self,
        realm: &'k RealmName,
        tenant: Option<&'k TenantId>,
    ) -> impl Iterator<Item = &'k Ring> {
        let rings = self.rings.iter().filter(move |((of, whose), _)| {
            let reached = match (tenant, whose) {
                (None, _) => true,
                (Some(tenant), Whose::Tenant(of)) => of == tenant,
                (Some(_), Whose::Anonymous | Whose::Realm) => false,
            };
            of == realm && reached
        });
        rings.map(|(_, ring)| ring)
    }
}

impl Ring {
    /// Whether there was one.
    fn drop_oldest(&mut self) -> bool {
        let Some((_, oldest)) = self.denials.pop_front() else {
            return false;
        };
        self.bytes -= weight(&oldest);
        true
    }
}

fn place_of(denial: &Denial) -> Place {
    let whose = match (&denial.tenant, &denial.subject) {
        (Some(tenant), _) => Whose::Tenant(tenant.clone()),
        (None, Some(_)) => Whose::Realm,
        (None, None) => Whose::Anonymous,
    };
    (denial.realm.clone(), whose)
}

/// How many bytes it takes, about. The same each time it is asked.
fn weight(denial: &Denial) -> usize {
    let texts = [
        denial.route.as_ref(),
        denial.subject.as_ref(),
        denial.credential.as_ref(),
        denial.credential_id.as_ref(),
        denial.issuer.as_ref(),
        denial.key.as_ref(),
    ];
    let texts = texts.into_iter().flatten().map(String::len);
    let names = denial.required.iter().chain(&denial.held);
    let names = names.chain(&denial.read);
    let names = names.map(|name| size_of::<String>() + name.len());
    let own = size_of::<(u64, Denial)>() + denial.method.len() + denial.path.len();
    own + texts.chain(names).sum::<usize>()
}

impl DenialLog for DenialRings {
    fn find(&self, realm: &RealmName, request: RequestId) -> Option<Denial> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.rings_of(realm, None)
            .flat_map(|ring| ring.denials.iter().rev())
            .find(|(_, denial)| denial.request == request)
            .map(|(_, denial)| denial.clone())
    }

    fn list(&self, realm: &RealmName, tenant: Option<&TenantId>, limit: usize) -> Vec<Denial> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let mut rings: Vec<_> = kept
            .rings_of(realm, tenant)
            .map(|ring| ring.denials.iter().rev().peekable())
            .collect();
        // Each ring is in order: the newest of all is the newest of one.
        let mut fronts = BinaryHeap::with_capacity(rings.len());
        for (at, ring) in rings.iter_mut().enumerate() {
            fronts.extend(ring.peek().map(|(number, _)| (*number, at)));
        }
        let mut listed = Vec::new();
        while listed.len() < limit
            && let Some((_, at)) = fronts.pop()
            && let Some(ring) = rings.get_mut(at)
        {
            listed.extend(ring.next().map(|(_, denial)| denial.clone()));
            fronts.extend(ring.peek().map(|(number, _)| (*number, at)));
        }
        listed
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use doorward_base::{ErrorCode, Timestamp};

    const ROOM: DenialRoom = DenialRoom {
        bytes: 1 << 20,
        each: 100,
    };

    fn realm() -> RealmName {
        RealmName::new("demo").unwrap()
    }

    fn tenant(name: &str) -> TenantId {
        TenantId::new(name).unwrap()
    }

    /// A denial at a second, in a tenant, with a path of so many bytes.
    fn denial(second: u32, of: Option<&str>, path: usize) -> Denial {
        Denial {
            request: request(second),
            at: Timestamp::from_seconds(i64::from(second)),
            realm: realm(),
            code: ErrorCode::InsufficientScope,
            stage: "decide",
            check: "scope",
            method: "GET".to_owned(),
            path: "p".repeat(path),
            route: None,
            tenant: of.map(tenant),
            subject: of.map(|_| "somebody".to_owned()),
            credential: None,
            credential_id: None,
            issuer: None,
            key: None,
            required: Vec::new(),
            held: Vec::new(),
            read: Vec::new(),
            cure: None,
        }
    }

    fn request(second: u32) -> RequestId {
        let mut bytes = [0; 16];
        bytes[..4].copy_from_slice(&second.to_be_bytes());
        RequestId::from_bytes(bytes)
    }

    fn seconds(listed: &[Denial]) -> Vec<i64> {
        listed.iter().map(|denial| denial.at.as_seconds()).collect()
    }

    /// G3: whoever is not known, or acts in another tenant, pushes out its own alone.
    #[test]
    fn nobody_pushes_out_the_evidence_of_another() {
        let rings = DenialRings::new(ROOM);
        rings.push(denial(1, Some("acme"), 10));
        for second in 2..1000 {
            let of = (second % 2 == 0).then_some("globex");
            rings.push(denial(second, of, 10));
        }
        assert!(rings.find(&realm(), request(1)).is_some());
        assert!(rings.find(&realm(), request(2)).is_none());
        assert!(rings.find(&realm(), request(3)).is_none());
        let acme = tenant("acme");
        assert_eq!(seconds(&rings.list(&realm(), Some(&acme), 10)), [1]);
        let all = rings.list(&realm(), None, 5);
        assert_eq!(seconds(&all), [999, 998, 997, 996, 995]);
        assert_eq!(rings.list(&realm(), None, 1000).len(), 201);
    }

    #[test]
    fn one_ring_takes_an_eighth_of_the_room() {
        let rings = DenialRings::new(ROOM);
        for second in 0..100 {
            rings.push(denial(second, None, 4096));
        }
        let kept = rings.kept.lock().unwrap();
        assert!(kept.bytes <= ROOM.bytes / 8, "{}", kept.bytes);
        assert!(kept.bytes > ROOM.bytes / 10, "{}", kept.bytes);
    }

    #[test]
    fn when_all_is_too_heavy_the_heaviest_loses() {
        let rings = DenialRings::new(ROOM);
        rings.push(denial(1, Some("small"), 10));
        // Each as much as one may take: more together than there is.
        for number in 0..16 {
            let name = format!("t{number}");
            for second in 0..40 {
                rings.push(denial(100 + second, Some(&name), 4096));
            }
        }
        let small = tenant("small");
        assert_eq!(rings.list(&realm(), Some(&small), 10).len(), 1);
        let kept = rings.kept.lock().unwrap();
        assert!(kept.bytes <= ROOM.bytes, "{}", kept.bytes);
        let weighed: usize = kept.rings.values().map(|ring| ring.bytes).sum();
        assert_eq!(
            (kept.bytes, kept.heaviest.len()),
            (weighed, kept.rings.len())
        );
        let fair = ROOM.bytes / 17;
        let of_tenants = kept
            .rings
            .iter()
            .filter(|(place, _)| place.1 != Whose::Tenant(tenant("small")));
        for (place, ring) in of_tenants {
            assert!(ring.bytes > fair / 2, "{place:?}: {}", ring.bytes);
        }
    }

    #[test]
    fn a_denial_that_does_not_fit_at_all_is_not_kept() {
        let rings = DenialRings::new(ROOM);
        rings.push(denial(1, None, ROOM.bytes));
        let kept = rings.kept.lock().unwrap();
        assert_eq!(
            (kept.bytes, kept.rings.len(), kept.heaviest.len()),
            (0, 0, 0)
        );
    }
}
