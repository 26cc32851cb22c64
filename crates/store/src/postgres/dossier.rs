//! A subject with all that gives it authority, and tokens and sessions with their owners:
//! one statement, for many at once.

use super::gather::{Gather, Together};
use super::scope::{Id, Scope, Trouble, failed};
use super::shared::{Kind, Shared};
use super::subject::read_at;
use super::tenant::there;
use super::tx::RealmTx;
use super::tx::reading;
use crate::row::api_token::Keyed;
use crate::row::grant::{GrantRow, RoleRow};
use crate::row::subject::TABLE;
use crate::row::{Cursor, Place};
use async_trait::async_trait;
use deadpool_postgres::ClientWrapper;
use doorward_base::principal::Epoch;
use doorward_base::secret::TokenDigest;
use doorward_base::{RealmId, SubjectId, TenantId};
use doorward_identity::model::{Dossier, Grant, RoleDefinition, Session, Subject, TokenDossier};
use doorward_identity::port::{DossierRead, StoreError, TokenKey};
use futures_util::future::try_join;
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;

/// The columns of a subject, in the order of `subject::read_at`, and what it holds, as
/// arrays of columns that belong together by position.
macro_rules! dossier {
    () => {
        "s.id, s.kind, s.email, s.email_confirmed_at, s.email_proven_at, s.phone, \
         s.phone_confirmed_at, s.phone_proven_at, s.anonymous, s.tenant, s.issuer, s.sub, \
         s.name, s.disabled_at, s.banned_until, s.user_metadata, s.app_metadata, s.created_at, \
         s.last_sign_in_at, \
         g.tenants, g.kinds, g.names, g.audiences, m.tenants, m.since, m.ids, \
         r.tenants, r.roles, r.permissions, e.tenants, e.epochs"
    };
}

macro_rules! held {
    () => {
        concat!(" LEFT JOIN LATERAL (SELECT array_agg(tenant) AS tenants, array_agg(kind) AS kinds, \
              array_agg(name) AS names, array_agg(audience) AS audiences \
              FROM grant_ WHERE realm = s.realm AND subject = s.id) AS g ON true \
          LEFT JOIN LATERAL (SELECT array_agg(tenant) AS tenants, \
              array_agg(created_at) AS since, array_agg(id) AS ids \
              FROM membership WHERE realm = s.realm AND subject = s.id",
              there!(),
              ") AS m ON true \
          LEFT JOIN LATERAL (SELECT array_agg(tenant) AS tenants, array_agg(role) AS roles, \
              array_agg(permissions) AS permissions \
              FROM tenant_role WHERE realm = s.realm AND tenant = ANY (m.tenants)) AS r ON true \
          LEFT JOIN LATERAL (SELECT array_agg(tenant) AS tenants, array_agg(epoch) AS epochs \
              FROM epoch WHERE realm = s.realm AND subject = s.id) AS e ON true")
    };
}

macro_rules! token {
    () => {
        "t.id, t.class, t.kind, t.owner, t.tenant, t.roles, t.permissions, t.audiences, \
         t.environment, t.name, t.state, t.state_at, t.created_at, t.created_by, t.expires_at, \
         t.last_used_at, t.replaces, t.digest_key, "
    };
}

/// How many a subject has.
const SUBJECT_COLUMNS: usize = 19;
/// How many a subject with all that it holds has.
const DOSSIER_COLUMNS: usize = SUBJECT_COLUMNS + 12;

const BY_SUBJECT: &str = concat!(
    "SELECT ",
    dossier!(),
    " FROM subject AS s",
    held!(),
    " WHERE s.realm = $1 AND s.id = $2 AND s.deleted_at IS NULL"
);

// OFFSET 0 keeps the order of the joins: from what is asked to the token to its owner. A
// plan that was made over empty tables begins anywhere, and reads all subjects.
const BY_DIGEST: &str = concat!(
    "SELECT ",
    token!(),
    dossier!(),
    ", q.asked FROM unnest($1::int4[], $2::int8[], $3::bytea[]) AS q (asked, realm, digest) \
     CROSS JOIN LATERAL (SELECT * FROM api_token \
         WHERE realm = q.realm AND digest = q.digest OFFSET 0) AS t \
     CROSS JOIN LATERAL (SELECT * FROM subject \
         WHERE realm = t.realm AND id = t.owner AND deleted_at IS NULL OFFSET 0) AS s",
    held!()
);

const BY_REFRESH: &str = concat!(
    "SELECT t.id, t.subject, t.tenant, t.roles, t.permissions, t.audiences, t.environment, \
     t.ended_at, t.created_at, t.expires_at, t.idle_until, t.steps, t.aal, t.factor, t.client, \
     t.address, t.user_agent, t.refreshed_at, t.refresh_digest, t.refresh_key, \
     t.refresh_number, ",
    dossier!(),
    ", q.asked FROM unnest($1::int4[], $2::int8[], $3::bytea[]) AS q (asked, realm, digest) \
     CROSS JOIN LATERAL (SELECT * FROM session \
         WHERE realm = q.realm AND refresh_digest = q.digest OFFSET 0) AS t \
     CROSS JOIN LATERAL (SELECT * FROM subject \
         WHERE realm = t.realm AND id = t.subject AND deleted_at IS NULL OFFSET 0) AS s",
    held!()
);

const BY_ID: &str = concat!(
    "SELECT ",
    token!(),
    dossier!(),
    ", q.asked FROM unnest($1::int4[], $2::int8[], $3::uuid[]) AS q (asked, realm, id) \
     CROSS JOIN LATERAL (SELECT * FROM api_token \
         WHERE realm = q.realm AND id = q.id OFFSET 0) AS t \
     CROSS JOIN LATERAL (SELECT * FROM subject \
         WHERE realm = t.realm AND id = t.owner AND deleted_at IS NULL OFFSET 0) AS s",
    held!()
);

/// A subject's dossier.
pub(super) async fn find(scope: Scope<'_>, id: SubjectId) -> Result<Option<Dossier>, Trouble> {
    let (conn, RealmId(realm)) = scope.parts();
    let rows = rows(conn, BY_SUBJECT, &[&realm, &Id(*id.as_bytes())]).await?;
    rows.first().map(|row| read(row, 0)).transpose()
}

/// API tokens with their owners.
pub(super) struct Tokens;

#[async_trait]
impl Together for Tokens {
    type Ask = (RealmId, TokenKey);
    type Told = Option<TokenDossier>;
    const REPEATABLE: bool = true;

    async fn serve(conn: &ClientWrapper, asked: &[Self::Ask]) -> Result<Vec<Self::Told>, Trouble> {
        let (mut by_digest, mut by_id) = (Asked::default(), Asked::default());
        for (number, (realm, key)) in (0_i32..).zip(asked) {
            match key {
                TokenKey::Id(id) => by_id.push(number, *realm, Id(*id.as_bytes())),
                TokenKey::Digests(digests) => {
                    for digest in digests {
                        by_digest.push(number, *realm, digest.as_bytes().as_slice());
                    }
                }
            }
        }
        let (by_digest, by_id) =
            try_join(by_digest.rows(conn, BY_DIGEST), by_id.rows(conn, BY_ID)).await?;
        place(asked.len(), by_digest.iter().chain(&by_id), |row| {
            let mut cursor = Cursor::new(TABLE, row);
            let (token, digest_key) = cursor.record::<Keyed>()?;
            let owner = read(row, cursor.next())?;
            let token = TokenDossier {
                token,
                digest_key,
                owner,
            };
            Ok((token, cursor.next()))
        })
    }
}

impl Kind for Tokens {
    fn lane(shared: &Shared) -> &Gather<Self> {
        &shared.tokens
    }
}

/// Sessions by their refresh tokens, with their subjects, in the order asked.
pub(super) async fn find_sessions(
    conn: &ClientWrapper,
    asked: &[(RealmId, Vec<TokenDigest>)],
) -> Result<Vec<Option<(Session, Dossier)>>, Trouble> {
    let mut by_digest = Asked::default();
    for (number, (realm, digests)) in (0_i32..).zip(asked) {
        for digest in digests {
            by_digest.push(number, *realm, digest.as_bytes().as_slice());
        }
    }
    let rows = by_digest.rows(conn, BY_REFRESH).await?;
    place(asked.len(), rows.iter(), |row| {
        let mut cursor = Cursor::new(TABLE, row);
        let session = cursor.record::<Session>()?;
        let owner = read(row, cursor.next())?;
        Ok(((session, owner), cursor.next()))
    })
}

/// What was found, each at the number of its question, which stands behind its columns.
/// `read` says where its subject's columns begin.
fn place<'r, T>(
    asked: usize,
    rows: impl Iterator<Item = &'r Row>,
    read: impl Fn(&Row) -> Result<(T, usize), Trouble>,
) -> Result<Vec<Option<T>>, Trouble> {
    let mut found: Vec<Option<T>> = (0..asked).map(|_| None).collect();
    for row in rows {
        let (value, subject) = read(row)?;
        let number: i32 = row
            .try_get(subject + DOSSIER_COLUMNS)
            .map_err(|error| failed(TABLE, &error))?;
        let place = usize::try_from(number)
            .ok()
            .and_then(|at| found.get_mut(at));
        if let Some(place) = place {
            *place = Some(value);
        }
    }
    Ok(found)
}

/// Questions of one kind, as columns.
struct Asked<K> {
    numbers: Vec<i32>,
    realms: Vec<i64>,
    keys: Vec<K>,
}

impl<K> Default for Asked<K> {
    fn default() -> Self {
        Self {
            numbers: Vec::new(),
            realms: Vec::new(),
            keys: Vec::new(),
        }
    }
}

impl<K: ToSql + Sync> Asked<K> {
    fn push(&mut self, number: i32, realm: RealmId, key: K) {
        self.numbers.push(number);
        self.realms.push(realm.0);
        self.keys.push(key);
    }

    async fn rows(&self, conn: &ClientWrapper, sql: &str) -> Result<Vec<Row>, Trouble> {
        if self.numbers.is_empty() {
            return Ok(Vec::new());
        }
        rows(conn, sql, &[&self.numbers, &self.realms, &self.keys]).await
    }
}

async fn rows(
    conn: &ClientWrapper,
    sql: &str,
    values: &[&(dyn ToSql + Sync)],
) -> Result<Vec<Row>, Trouble> {
    let asked = async {
        let statement = conn.prepare_cached(sql).await?;
        conn.query(&statement, values).await
    };
    asked.await.map_err(|error| failed(TABLE, &error))
}

/// Columns that belong together by position.
type Columns = (
    Option<Vec<Option<String>>>,
    Option<Vec<String>>,
    Option<Vec<String>>,
    Option<Vec<Option<String>>>,
);

fn read(row: &Row, first: usize) -> Result<Dossier, Trouble> {
    let failed = |error: tokio_postgres::Error| failed(TABLE, &error);
    let subject = Subject::try_from(read_at(row, first).map_err(failed)?)?;
    let held = first + SUBJECT_COLUMNS;
    let grants = read_grants(row, held).map_err(failed)?;
    let members = read_memberships(row, held + 4).map_err(failed)?;
    let roles = read_roles(row, held + 7).map_err(failed)?;
    let epochs = read_epochs(row, held + 10).map_err(failed)?;
    let place = Place {
        table: TABLE,
        row: &subject.id,
    };
    let tenant = |text: &str| place.parse::<TenantId>("tenant", text);
    let mut dossier = Dossier {
        grants: Vec::with_capacity(grants.len()),
        member_of: Vec::with_capacity(members.len()),
        tenant_roles: Vec::with_capacity(roles.len()),
        epochs: Vec::with_capacity(epochs.len()),
        subject: subject.clone(),
    };
    for grant in grants {
        dossier.grants.push(Grant::try_from(grant)?);
    }
    for text in members {
        dossier.member_of.push(tenant(&text)?);
    }
    for (of, role) in roles {
        let role = RoleDefinition::try_from(role)?;
        dossier.tenant_roles.push((tenant(&of)?, role));
    }
    for (of, epoch) in epochs {
        let of = of.as_deref().map(tenant).transpose()?;
        dossier.epochs.push((of, Epoch(epoch)));
    }
    // The order is the types', not the tables'.
    dossier.grants.sort_unstable();
    dossier
        .tenant_roles
        .sort_by(|(one, a), (next, b)| (one, &a.role).cmp(&(next, &b.role)));
    dossier.epochs.sort();
    Ok(dossier)
}

fn read_grants(row: &Row, at: usize) -> Result<Vec<GrantRow>, tokio_postgres::Error> {
    let (tenants, kinds, names, audiences): Columns = (
        row.try_get(at)?,
        row.try_get(at + 1)?,
        row.try_get(at + 2)?,
        row.try_get(at + 3)?,
    );
    let rest = kinds.into_iter().flatten().zip(names.into_iter().flatten());
    let ends = tenants
        .into_iter()
        .flatten()
        .zip(audiences.into_iter().flatten());
    Ok(rest
        .zip(ends)
        .map(|((kind, name), (tenant, audience))| GrantRow {
            tenant,
            kind,
            name,
            audience,
        })
        .collect())
}

/// The tenants, the oldest membership first.
fn read_memberships(row: &Row, at: usize) -> Result<Vec<String>, tokio_postgres::Error> {
    let tenants: Option<Vec<String>> = row.try_get(at)?;
    let since: Option<Vec<i64>> = row.try_get(at + 1)?;
    let ids: Option<Vec<Id>> = row.try_get(at + 2)?;
    let order = since.into_iter().flatten().zip(ids.into_iter().flatten());
    let mut members: Vec<_> = order
        .map(|(since, Id(id))| (since, id))
        .zip(tenants.into_iter().flatten())
        .collect();
    members.sort();
    Ok(members.into_iter().map(|(_, tenant)| tenant).collect())
}

fn read_roles(row: &Row, at: usize) -> Result<Vec<(String, RoleRow)>, tokio_postgres::Error> {
    let tenants: Option<Vec<String>> = row.try_get(at)?;
    let roles: Option<Vec<String>> = row.try_get(at + 1)?;
    let permissions: Option<Vec<String>> = row.try_get(at + 2)?;
    let defined = roles
        .into_iter()
        .flatten()
        .zip(permissions.into_iter().flatten())
        .map(|(role, permissions)| RoleRow { role, permissions });
    Ok(tenants.into_iter().flatten().zip(defined).collect())
}

fn read_epochs(row: &Row, at: usize) -> Result<Vec<(Option<String>, i64)>, tokio_postgres::Error> {
    let tenants: Option<Vec<Option<String>>> = row.try_get(at)?;
    let epochs: Option<Vec<i64>> = row.try_get(at + 1)?;
    Ok(tenants
        .into_iter()
        .flatten()
        .zip(epochs.into_iter().flatten())
        .collect())
}

#[async_trait]
impl DossierRead for RealmTx {
    async fn find_dossier(&mut self, subject: SubjectId) -> Result<Option<Dossier>, StoreError> {
        reading!(self, find(subject))
    }

    async fn find_token_dossier(
        &mut self,
        key: &TokenKey,
    ) -> Result<Option<TokenDossier>, StoreError> {
        self.look_up::<Tokens, _, _>(key.clone()).await
    }
}
