//! What does not change during a run: realms and what they promise, subjects and whose
//! they are. Not here: what happens (`history`).

use crate::history::Micros;

/// A subject, by its place in [`World::subjects`].
pub type SubjectNo = usize;

/// A realm, by its place in [`World::realms`].
pub type RealmNo = usize;

/// What does not change during a run.
#[derive(Clone, Debug, Default)]
pub struct World {
    pub realms: Vec<RealmFacts>,
    /// Who owns tokens, and who manages.
    pub subjects: Vec<SubjectFacts>,
}

#[derive(Clone, Debug)]
pub struct RealmFacts {
    pub name: String,
    /// Its issuer, as tokens carry it.
    pub issuer: String,
    /// What becomes of access tokens whose credential is revoked.
    pub revocation: Revocation,
    /// How many tokens of an owner its class allows.
    pub owning: Owning,
    /// For how long a refresh token that was used up gives the same answer again.
    pub reuse: Micros,
}

/// As a realm's setting of this name.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Revocation {
    /// They die too.
    Immediate,
    /// They live to their end.
    Expiry,
}

/// How many active tokens an owner may have.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Owning {
    /// At most one.
    One,
    /// As many as it likes.
    Many,
}

#[derive(Clone, Debug)]
pub struct SubjectFacts {
    pub realm: RealmNo,
    /// The one tenant it belongs to.
    pub tenant: String,
    /// Its id in the store.
    pub id: String,
    /// What it is called in reports.
    pub email: String,
    /// What it may do to others.
    pub part: Part,
}

impl SubjectFacts {
    /// Whether it manages in the other's tenant.
    fn manages_in(&self, other: &Self) -> bool {
        let here = (self.realm, &self.tenant) == (other.realm, &other.tenant);
        self.part == Part::Manager && here
    }
}

/// What a subject does in a run.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Part {
    /// Signs in and manages the service accounts of its tenant.
    Manager,
    /// Signs in and has tokens of its own.
    Person,
    /// Owns tokens that managers make.
    Service,
}

impl World {
    /// The part of the subject of this id.
    #[must_use]
    pub fn subject(&self, number: SubjectNo) -> Option<&SubjectFacts> {
        self.subjects.get(number)
    }

    /// Whether `who` may handle the tokens and grants of `owner`.
    #[must_use]
    pub fn may_manage(&self, who: SubjectNo, owner: SubjectNo) -> bool {
        let (Some(by), Some(of)) = (self.subject(who), self.subject(owner)) else {
            return false;
        };
        who == owner || (of.part == Part::Service && by.manages_in(of))
    }

    /// Whether `who` may see the tokens of `owner`.
    #[must_use]
    pub fn may_see(&self, who: SubjectNo, owner: SubjectNo) -> bool {
        let (Some(by), Some(of)) = (self.subject(who), self.subject(owner)) else {
            return false;
        };
        who == owner || by.manages_in(of)
    }
}
