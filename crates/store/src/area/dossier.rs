//! A subject with all that gives it authority: what both engines' look-ups select, and what
//! they make of it. Not here: the look-ups, which each engine does in its own way.

use crate::row::{Columns, Cursor, Record as _};
use doorward_base::TenantId;
use doorward_base::principal::Epoch;
use doorward_identity::model::{Dossier, Grant, RoleDefinition, Subject};
use doorward_identity::port::StoreError;

/// The columns of the subject `s`.
macro_rules! subject_columns {
    () => {
        "s.id, s.kind, s.email, s.email_confirmed_at, s.email_proven_at, s.email_shown_at, s.home, \
         s.phone, s.phone_confirmed_at, s.phone_proven_at, s.anonymous, s.tenant, s.issuer, \
         s.sub, s.name, s.disabled_at, s.banned_until, s.user_metadata, s.app_metadata, s.created_at, \
         s.last_sign_in_at, "
    };
}

/// The columns of the API token `t`.
macro_rules! token_columns {
    () => {
        concat!(
            "t.id, t.class, t.kind, t.owner, t.tenant, t.roles, t.permissions, t.audiences, \
             t.environment, t.name, t.state, t.state_at, t.created_at, t.created_by, \
             t.expires_at, t.last_used_at, t.last_used_from, t.notice_at, t.replaces, \
             t.digest_key, ",
            $crate::area::ending::ended_at!("t"),
            ", "
        )
    };
}

/// The columns of the session `t`.
macro_rules! session_columns {
    () => {
        "t.id, t.subject, t.tenant, t.roles, t.permissions, t.audiences, t.environment, \
         t.ended_at, t.created_at, t.expires_at, t.idle_until, t.steps, t.aal, t.factor, \
         t.client, t.made_from, t.address, t.user_agent, t.refreshed_at, t.refresh_digest, \
         t.refresh_key, t.refresh_number, "
    };
}

pub(crate) use {session_columns, subject_columns, token_columns};

/// A row of a list within a row.
type Texts<const N: usize> = [Option<String>; N];

/// What a subject holds, as texts, in any order but that of the memberships.
#[derive(Default)]
pub(crate) struct Held {
    /// Tenant, kind, name, audience.
    pub(crate) grants: Vec<Texts<4>>,
    /// The tenants, the oldest membership first.
    pub(crate) members: Vec<Texts<1>>,
    /// Tenant, role, permissions; of these tenants.
    pub(crate) roles: Vec<Texts<3>>,
    /// Tenant and epoch.
    pub(crate) epochs: Vec<(Option<String>, i64)>,
}

impl Held {
    /// The dossier. What it lists is in the order of its types.
    pub(crate) fn of(self, subject: Subject) -> Result<Dossier, StoreError> {
        let mut grants = read_all(&self.grants, "grant_", Grant::whole)?;
        let mut tenant_roles = read_all(&self.roles, "tenant_role", |row| {
            Ok((
                row.parse::<TenantId>("tenant")?,
                row.record::<RoleDefinition>()?,
            ))
        })?;
        let epochs = self.epochs.iter().map(|(of, epoch)| {
            let tenant = Cursor::new("epoch", &std::slice::from_ref(of)).opt_parse("tenant")?;
            Ok((tenant, Epoch(*epoch)))
        });
        let mut epochs: Vec<_> = epochs.collect::<Result<_, StoreError>>()?;
        grants.sort_unstable();
        tenant_roles.sort_by(|(one, a), (next, b)| (one, &a.role).cmp(&(next, &b.role)));
        epochs.sort();
        Ok(Dossier {
            grants,
            member_of: read_all(&self.members, "membership", |row| row.parse("tenant"))?,
            tenant_roles,
            epochs,
            subject,
        })
    }
}

fn read_all<T, const N: usize>(
    rows: &[Texts<N>],
    table: &'static str,
    read: impl Fn(&mut Cursor<'_>) -> Result<T, StoreError>,
) -> Result<Vec<T>, StoreError> {
    let read = |row: &Texts<N>| read(&mut Cursor::new(table, &row.as_slice()));
    rows.iter().map(read).collect()
}

impl Columns for &[Option<String>] {
    fn id(&self, _: usize) -> Result<Option<[u8; 16]>, String> {
        Err("it is a text".to_owned())
    }

    fn text(&self, at: usize) -> Result<Option<&str>, String> {
        let text = self.get(at).ok_or("it is not there")?;
        Ok(text.as_deref())
    }

    fn int(&self, _: usize) -> Result<Option<i64>, String> {
        Err("it is a text".to_owned())
    }

    fn flag(&self, _: usize) -> Result<Option<bool>, String> {
        Err("it is a text".to_owned())
    }

    fn bytes(&self, _: usize) -> Result<Option<&[u8]>, String> {
        Err("it is a text".to_owned())
    }
}
