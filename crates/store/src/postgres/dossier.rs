//! A subject with all that gives it authority, tokens and sessions with their owners, and
//! clients with their secrets: one statement, for many at once.

use super::gather::{Gather, Together};
use super::scope::{Id, Scope, Trouble, failed};
use super::shared::{Kind, Shared};
use super::tx::RealmTx;
use crate::area::api_token::Keyed;
use crate::area::client::{presented_columns, read_presented};
use crate::area::dossier::{Held, session_columns, subject_columns, token_columns};
use crate::area::subject::TABLE;
use crate::area::tenant::there;
use crate::engine::InRealm;
use crate::row::Cursor;
use async_trait::async_trait;
use deadpool_postgres::ClientWrapper;
use doorward_base::secret::TokenDigest;
use doorward_base::{ClientId, RealmId, SubjectId};
use doorward_identity::model::{ClientDossier, Dossier, Session, TokenDossier};
use doorward_identity::port::{DossierRead, StoreError, TokenKey};
use futures_util::future::try_join;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Error, Row};

/// The columns of a subject, and what it holds, as arrays of columns that belong together by
/// position.
macro_rules! dossier {
    () => {
        concat!(
            subject_columns!(),
            "g.tenants, g.kinds, g.names, g.audiences, m.tenants, m.since, m.ids, \
             r.tenants, r.roles, r.permissions, e.tenants, e.epochs"
        )
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

const BY_SUBJECT: &str = concat!(
    "SELECT ",
    dossier!(),
    " FROM subject AS s",
    held!(),
    " WHERE s.realm = $1 AND s.id = $2 AND s.deleted_at IS NULL"
);

/// What many ask by its `$key`, with the dossier of its `$owner`. OFFSET 0 keeps the order of
/// the joins: from what is asked to the row to its owner. A plan that was made over empty
/// tables begins anywhere, and reads all subjects.
macro_rules! owned {
    ($columns:expr, $table:literal, $key:literal: $kind:literal, $owner:literal) => {
        concat!(
            "SELECT ",
            $columns,
            dossier!(),
            ", q.asked FROM unnest($1::int4[], $2::int8[], $3::",
            $kind,
            "[]) AS q (asked, realm, key) CROSS JOIN LATERAL (SELECT * FROM ",
            $table,
            " WHERE realm = q.realm AND ",
            $key,
            " = q.key OFFSET 0) AS t CROSS JOIN LATERAL (SELECT * FROM subject \
             WHERE realm = t.realm AND id = t.",
            $owner,
            " AND deleted_at IS NULL OFFSET 0) AS s",
            held!()
        )
    };
}

const BY_DIGEST: &str = owned!(token_columns!(), "api_token", "digest": "bytea", "owner");
const BY_ID: &str = owned!(token_columns!(), "api_token", "id": "uuid", "owner");
const BY_REFRESH: &str =
    owned!(session_columns!(), "session", "refresh_digest": "bytea", "subject");

const CLIENTS: &str = concat!(
    "SELECT ",
    presented_columns!(),
    ", q.asked FROM unnest($1::int4[], $2::int8[], $3::uuid[]) AS q (asked, realm, id) \
     CROSS JOIN LATERAL (SELECT * FROM client \
         WHERE realm = q.realm AND id = q.id OFFSET 0) AS c \
     LEFT JOIN LATERAL (SELECT * FROM client_secret \
         WHERE realm = c.realm AND client = c.id OFFSET 0) AS s ON true \
     ORDER BY s.expires_at IS NOT NULL, s.created_at DESC, s.digest"
);

/// A subject's dossier.
pub(super) async fn find(scope: Scope<'_>, id: SubjectId) -> Result<Option<Dossier>, Trouble> {
    let (conn, RealmId(realm)) = scope.parts();
    let rows = rows(conn, BY_SUBJECT, &[&realm, &Id(*id.as_bytes())]).await?;
    let found = rows.first();
    found
        .map(|row| read(row, &mut Cursor::new(TABLE, row)))
        .transpose()
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
        let rows = by_digest.iter().chain(&by_id);
        place(asked.len(), rows, |found, row, cursor| {
            let (token, digest_key) = cursor.record::<Keyed>()?;
            *found = Some(TokenDossier {
                token,
                digest_key,
                owner: read(row, cursor)?,
            });
            Ok(())
        })
    }
}

impl Kind for Tokens {
    fn lane(shared: &Shared) -> &Gather<Self> {
        &shared.tokens
    }
}

/// Sessions by their refresh tokens, with their subjects.
pub(super) struct Refreshed;

#[async_trait]
impl Together for Refreshed {
    type Ask = (RealmId, Vec<TokenDigest>);
    type Told = Option<(Session, Dossier)>;
    const REPEATABLE: bool = true;

    async fn serve(conn: &ClientWrapper, asked: &[Self::Ask]) -> Result<Vec<Self::Told>, Trouble> {
        let mut by_digest = Asked::default();
        for (number, (realm, digests)) in (0_i32..).zip(asked) {
            for digest in digests {
                by_digest.push(number, *realm, digest.as_bytes().as_slice());
            }
        }
        let rows = by_digest.rows(conn, BY_REFRESH).await?;
        place(asked.len(), rows.iter(), |found, row, cursor| {
            *found = Some((cursor.record()?, read(row, cursor)?));
            Ok(())
        })
    }
}

impl Kind for Refreshed {
    fn lane(shared: &Shared) -> &Gather<Self> {
        &shared.refreshed
    }
}

/// Clients with their secrets.
pub(super) struct Clients;

#[async_trait]
impl Together for Clients {
    type Ask = (RealmId, ClientId);
    type Told = Option<ClientDossier>;
    const REPEATABLE: bool = true;

    async fn serve(conn: &ClientWrapper, asked: &[Self::Ask]) -> Result<Vec<Self::Told>, Trouble> {
        let mut by_id = Asked::default();
        for (number, (realm, id)) in (0_i32..).zip(asked) {
            by_id.push(number, *realm, Id(*id.as_bytes()));
        }
        let rows = by_id.rows(conn, CLIENTS).await?;
        place(asked.len(), rows.iter(), |found, _, cursor| {
            Ok(read_presented(found, cursor)?)
        })
    }
}

impl Kind for Clients {
    fn lane(shared: &Shared) -> &Gather<Self> {
        &shared.clients
    }
}

/// What was found, each at the number of its question, which is the last column.
fn place<'r, T>(
    asked: usize,
    rows: impl Iterator<Item = &'r Row>,
    read: impl Fn(&mut Option<T>, &Row, &mut Cursor<'_>) -> Result<(), Trouble>,
) -> Result<Vec<Option<T>>, Trouble> {
    let mut found: Vec<Option<T>> = (0..asked).map(|_| None).collect();
    for row in rows {
        let number: i32 = row
            .try_get("asked")
            .map_err(|error| failed(TABLE, &error))?;
        let place = usize::try_from(number).ok();
        if let Some(place) = place.and_then(|at| found.get_mut(at)) {
            read(place, row, &mut Cursor::new(TABLE, row))?;
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

/// A subject and what it holds, from the cursor on.
fn read(row: &Row, cursor: &mut Cursor<'_>) -> Result<Dossier, Trouble> {
    let subject = cursor.record()?;
    let held = read_held(row, cursor.next()).map_err(|error| failed(TABLE, &error))?;
    Ok(held.of(subject)?)
}

fn read_held(row: &Row, at: usize) -> Result<Held, Error> {
    let ([of, kinds, names, audiences], [members], [role_of, roles, permissions], [epoch_of]) = (
        texts(row, [at, at + 1, at + 2, at + 3])?,
        texts(row, [at + 4])?,
        texts(row, [at + 7, at + 8, at + 9])?,
        texts(row, [at + 10])?,
    );
    let since: Option<Vec<i64>> = row.try_get(at + 5)?;
    let ids: Option<Vec<Id>> = row.try_get(at + 6)?;
    let order = since.into_iter().flatten().zip(ids.into_iter().flatten());
    let mut members: Vec<_> = order.zip(members).collect();
    members.sort_by_key(|((since, Id(id)), _)| (*since, *id));
    let epochs: Option<Vec<i64>> = row.try_get(at + 11)?;
    let (grants, defined) = (of.zip(kinds).zip(names), role_of.zip(roles));
    Ok(Held {
        grants: grants
            .zip(audiences)
            .map(|(((of, kind), name), audience)| [of, kind, name, audience])
            .collect(),
        members: members.into_iter().map(|(_, tenant)| [tenant]).collect(),
        roles: defined
            .zip(permissions)
            .map(|((of, role), permissions)| [of, role, permissions])
            .collect(),
        epochs: epoch_of.zip(epochs.into_iter().flatten()).collect(),
    })
}

/// The values of columns that are arrays of texts.
fn texts<const N: usize>(
    row: &Row,
    columns: [usize; N],
) -> Result<[std::vec::IntoIter<Option<String>>; N], Error> {
    let mut all = [const { Vec::new() }; N];
    for (texts, column) in all.iter_mut().zip(columns) {
        *texts = row
            .try_get::<_, Option<Vec<_>>>(column)?
            .unwrap_or_default();
    }
    Ok(all.map(Vec::into_iter))
}

#[async_trait]
impl DossierRead for InRealm<RealmTx> {
    async fn find_dossier(&mut self, subject: SubjectId) -> Result<Option<Dossier>, StoreError> {
        let scope = self.0.reading().await?;
        let found = find(scope, subject).await;
        self.0.done(found)
    }

    async fn find_token_dossier(
        &mut self,
        key: &TokenKey,
    ) -> Result<Option<TokenDossier>, StoreError> {
        self.0.look_up::<Tokens, _, _>(key.clone()).await
    }

    async fn find_session_dossier(
        &mut self,
        digests: &[TokenDigest],
    ) -> Result<Option<(Session, Dossier)>, StoreError> {
        self.0.look_up::<Refreshed, _, _>(digests.to_vec()).await
    }

    async fn find_client_dossier(
        &mut self,
        id: ClientId,
    ) -> Result<Option<ClientDossier>, StoreError> {
        self.0.look_up::<Clients, _, _>(id).await
    }
}
