//! The authenticated caller of one request. It travels as an argument from the
//! gate to the target; it is never read from a header.

use crate::claims::{ClaimPlaces, Field};
use crate::word::Words as _;
use crate::{
    ApiTokenId, Audience, ClientId, Environment, Permission, RoleName, Scope, SessionId, SubjectId,
    TenantId, Timestamp,
};
use serde_json::{Map, Value};
use std::fmt;
use std::ops::Deref;
use std::str::FromStr;
use std::sync::Arc;

/// Who can own credentials.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum SubjectKind {
    /// A person of this realm.
    User,
    /// A service account of this realm.
    Service,
    /// A subject of a login that is not ours: (issuer, sub).
    External,
}

crate::words!(SubjectKind { User = "user", Service = "service", External = "external" });

impl SubjectKind {
    /// `user`, `service` or `external`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.word()
    }
}

impl fmt::Display for SubjectKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

impl FromStr for SubjectKind {
    type Err = ();
    fn from_str(text: &str) -> Result<Self, ()> {
        Self::of_word(text).ok_or(())
    }
}

/// What the caller's authority was derived from; what a revocation names.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum CredentialId {
    /// One sign-in of ours.
    Session(SessionId),
    /// An API token, presented itself or exchanged for the access token at hand.
    ApiToken(ApiTokenId),
    /// A client that authenticated itself and acts for nobody else.
    Client(ClientId),
    /// A token of an external issuer; only its issuer can revoke it.
    Foreign,
}

impl CredentialId {
    /// The bytes of its id, if it is one of ours.
    #[must_use]
    pub const fn as_bytes(&self) -> Option<&[u8; 16]> {
        match self {
            Self::Session(id) => Some(id.as_bytes()),
            Self::ApiToken(id) => Some(id.as_bytes()),
            Self::Client(id) => Some(id.as_bytes()),
            Self::Foreign => None,
        }
    }

    /// Its id as text, if it is one of ours. Not a secret.
    #[must_use]
    pub fn to_text(&self) -> Option<String> {
        match self {
            Self::Session(id) => Some(id.to_string()),
            Self::ApiToken(id) => Some(id.to_string()),
            Self::Client(id) => Some(id.to_string()),
            Self::Foreign => None,
        }
    }
}

/// The most actors in a chain.
pub const MAX_ACTORS: usize = 5;

/// One actor of a delegated token (RFC 8693 §4.1): who acts, and what that was derived
/// from.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ActorLink {
    /// Its `sub`.
    pub sub: Arc<str>,
    /// Which subject of ours.
    pub subject: SubjectId,
    /// What kind of subject.
    pub kind: SubjectKind,
    /// Through what it acts.
    pub credential: CredentialId,
    /// The epoch its part of the authority was computed in.
    pub epoch: Epoch,
}

/// A version number of (subject, tenant): it grows with every change of grants or
/// membership. `immediate` realms refuse access tokens of an older one.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Epoch(pub i64);

/// What became of the role that would be in force, had nothing narrowed it away. Whoever holds
/// less than a role holds nothing that somebody without a role does.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum LostRole {
    /// A part of what it gives is left, or nothing was said of the role itself.
    Part(RoleName),
    /// It was taken away by its name, or whoever acts for the subject does not hold it.
    Whole,
}

/// The authenticated caller of one request. Everything that is said of it says the same
/// authority, because it is made at once and changed by nothing but
/// [`Principal::acting`].
#[derive(Clone, Debug)]
pub struct Principal {
    parts: PrincipalParts,
    /// Whether a role was selected that it was not verified as.
    is_narrowed: bool,
}

/// What a principal is made of. The sets are sorted and free of repetition, so that
/// membership is a binary search.
#[derive(Clone, Debug)]
pub struct PrincipalParts {
    /// The `sub` claim: the subject's UUID for our subjects, the issuer's text for
    /// external ones. Opaque, compared byte by byte.
    pub sub: Arc<str>,
    /// Our subject, if it is one of ours.
    pub subject: Option<SubjectId>,
    /// What kind of subject.
    pub kind: SubjectKind,
    /// The active tenant, fixed when the credential was issued.
    pub tenant: Option<TenantId>,
    /// Effective permissions, where the credential carries them.
    pub permissions: Vec<Permission>,
    /// Roles that may be selected.
    pub roles: Vec<RoleName>,
    /// The role in force: the selected one, else the default one.
    pub role: Option<RoleName>,
    /// The role that would be in force, if none is because it was narrowed away, or because the
    /// token's claims say none.
    pub lost_role: Option<LostRole>,
    /// Granted scopes.
    pub scopes: Vec<Scope>,
    /// Whether the scope that names another tenant opens one, if it is among them: all that
    /// is carried is held in the whole realm, and nothing of it in a tenant alone.
    pub crosses: bool,
    /// The credential behind this principal.
    pub credential: CredentialId,
    /// The client that a session's token was issued to.
    pub client: Option<ClientId>,
    /// Who acts for the subject, whoever acts now first; at most [`MAX_ACTORS`]. Empty
    /// where the subject acts itself.
    pub actors: Vec<ActorLink>,
    /// The environment of the API token, if its class has environments.
    pub environment: Option<Environment>,
    /// The token's issuer.
    pub issuer: Arc<str>,
    /// The token's audiences.
    pub audience: Vec<Audience>,
    /// When this authentication ends.
    pub expires_at: Timestamp,
    /// The epoch the authority was computed in.
    pub epoch: Epoch,
    /// The token's claims as parsed, bounded by the token's size cap (16 KiB);
    /// shared, so that a cached principal is cheap to clone.
    pub claims: Arc<Map<String, Value>>,
}

impl Deref for Principal {
    type Target = PrincipalParts;

    fn deref(&self) -> &PrincipalParts {
        &self.parts
    }
}

/// What a request selects of what its caller may be.
#[derive(Clone, Copy, Debug)]
pub struct Acting<'a> {
    /// The role: the caller then has no other, and no more than it gives.
    pub role: Option<Selected<'a>>,
    /// The tenant.
    pub tenant: Option<&'a TenantId>,
    /// Where the caller's claims carry what it acts as.
    pub places: &'a ClaimPlaces,
}

/// A role that a request selects.
#[derive(Clone, Copy, Debug)]
pub struct Selected<'a> {
    /// The role.
    pub role: &'a RoleName,
    /// What it gives.
    pub gives: &'a [Permission],
}

impl Selected<'_> {
    /// Whether it gives this: a scope is the name of a permission.
    #[must_use]
    pub fn gives(&self, name: &str) -> bool {
        self.gives.iter().any(|one| one.as_str() == name)
    }
}

impl Principal {
    /// The caller of these facts, which agree: the claims say what the rest says.
    #[must_use]
    pub const fn new(parts: PrincipalParts) -> Self {
        Self {
            parts,
            is_narrowed: false,
        }
    }

    /// Whether it acts in a role that the request selected, and so is less than what it was
    /// verified as.
    #[must_use]
    pub const fn is_narrowed(&self) -> bool {
        self.is_narrowed
    }

    /// The caller as it acts in this role and this tenant, its claims included: of its
    /// permissions and scopes those are left that the role gives. Whether it may take the
    /// role is decided before.
    #[must_use]
    pub fn acting(&self, acting: &Acting<'_>) -> Self {
        let mut parts = self.parts.clone();
        let claims = Arc::make_mut(&mut parts.claims);
        let text = |name: &str| Value::String(name.to_owned());
        if let Some(selected) = acting.role {
            let role = selected.role;
            acting
                .places
                .write(claims, Field::Role, &text(role.as_str()));
            let only = Value::Array(vec![text(role.as_str())]);
            acting.places.write(claims, Field::Roles, &only);
            parts.role = Some(role.clone());
            parts.lost_role = None;
            parts.roles = vec![role.clone()];
            for field in [Field::Permissions, Field::Scopes, Field::Scope] {
                let is_given = |name: &str| selected.gives(name);
                acting.places.narrow(claims, field, &is_given);
            }
            let permissions = &mut parts.permissions;
            permissions.retain(|permission| selected.gives(permission.as_str()));
            parts.scopes.retain(|scope| selected.gives(scope.as_str()));
        }
        if let Some(tenant) = acting.tenant {
            let tenant_text = text(tenant.as_str());
            acting.places.write(claims, Field::Tenant, &tenant_text);
            parts.tenant = Some(tenant.clone());
        }
        Self {
            parts,
            is_narrowed: self.is_narrowed || acting.role.is_some(),
        }
    }

    /// Whether it has this role alone, and nothing that the role does not give: to select
    /// it changes nothing.
    #[must_use]
    pub fn acts_in(&self, selected: &Selected<'_>) -> bool {
        let Selected { role, .. } = *selected;
        let mut permissions = self.permissions.iter().map(Permission::as_str);
        let mut scopes = self.scopes.iter().map(Scope::as_str);
        self.role.as_ref() == Some(role)
            && self.roles == [RoleName::clone(role)]
            && permissions.all(|name| selected.gives(name))
            && scopes.all(|name| selected.gives(name))
    }

    /// Whether what it acts as is what it was verified as: nothing was selected that its
    /// token does not say.
    #[must_use]
    pub fn is_as_verified(&self, verified: &Self) -> bool {
        // Where nothing was selected it is the very same.
        if std::ptr::eq(self, verified) {
            return true;
        }
        self.tenant == verified.tenant
            && self.role == verified.role
            && self.roles == verified.roles
            && self.permissions == verified.permissions
            && self.scopes == verified.scopes
    }

    /// The caller, who turned out to be this subject of ours, in this epoch.
    #[must_use]
    pub fn recognised(mut self, subject: SubjectId, epoch: Epoch) -> Self {
        self.parts.subject = Some(subject);
        self.parts.epoch = epoch;
        self
    }

    /// Everything whose end ends this authentication: the credential, the client it was
    /// issued to, and the credential of each actor.
    pub fn credentials(&self) -> impl Iterator<Item = CredentialId> + '_ {
        let actors = self.actors.iter().map(|actor| actor.credential);
        std::iter::once(self.credential)
            .chain(self.client.map(CredentialId::Client))
            .chain(actors)
    }

    /// Whether the scope was granted.
    #[must_use]
    pub fn has_scope(&self, scope: &Scope) -> bool {
        self.scopes.binary_search(scope).is_ok()
    }

    /// Whether the permission is held.
    #[must_use]
    pub fn has_permission(&self, permission: &Permission) -> bool {
        self.permissions.binary_search(permission).is_ok()
    }

    /// How many bytes it takes in memory, about; what caches are bounded by. Not cheap.
    #[must_use]
    pub fn weight(&self) -> usize {
        // A name is a pointer in a list and a shared text with its counts.
        const NAME: usize = 48;
        let permissions = self.permissions.iter().map(|name| name.as_str().len());
        let roles = self.roles.iter().map(|name| name.as_str().len());
        let scopes = self.scopes.iter().map(|name| name.as_str().len());
        let audiences = self.audience.iter().map(|name| name.as_str().len());
        let names = permissions.chain(roles).chain(scopes).chain(audiences);
        let names: usize = names.map(|text| text + NAME).sum();
        let actors = self.actors.iter().map(|actor| actor.sub.len());
        let actors = size_of_val(&*self.actors) + actors.sum::<usize>();
        let tenant = self.tenant.as_ref().map_or(0, |name| name.as_str().len());
        let texts = self.sub.len() + self.issuer.len() + tenant;
        size_of::<Self>() + texts + names + actors + members_weight(&self.claims)
    }

    /// Whether the role may be selected.
    #[must_use]
    pub fn may_take(&self, role: &RoleName) -> bool {
        self.roles.binary_search(role).is_ok()
    }
}

/// Bounded in depth by the parser that read them.
fn members_weight(members: &Map<String, Value>) -> usize {
    fn value(of: &Value) -> usize {
        size_of::<Value>()
            + match of {
                Value::String(text) => text.len() + 16,
                Value::Array(values) => values.iter().map(value).sum(),
                Value::Object(members) => members_weight(members),
                Value::Null | Value::Bool(_) | Value::Number(_) => 0,
            }
    }
    // A member is its name, a text of its own, and its share of a node.
    let members = members.iter();
    members.map(|(name, of)| name.len() + 64 + value(of)).sum()
}
