//! Clients and their secrets.

use super::ceiling;
use super::scope::{Id, Record, Scope, Target, Trouble, start};
use super::tx::{RealmTx, reading, writing};
use crate::row::ceiling::CeilingRow;
use crate::row::client::{ClientRow, SECRET, SecretEntry, SecretRow, TABLE, revoked_at};
use crate::row::{bounded, join};
use async_trait::async_trait;
use doorward_base::secret::TokenDigest;
use doorward_base::{ClientId, TenantId, Timestamp};
use doorward_identity::model::{Client, ClientSecret, SecretUse};
use doorward_identity::port::{ClientRead, ClientWrite, Page, StoreError};
use std::fmt::Display;
use tokio_postgres::{Error, Row};

macro_rules! columns {
    () => {
        "id, name, kind, tenant, roles, permissions, audiences, environment, redirect_uris, \
         revoked_at, created_at, created_by"
    };
}

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT ",
            columns!(),
            " FROM client WHERE realm = $1 ",
            $rest
        )
    };
}

pub(super) async fn find(scope: Scope<'_>, id: ClientId) -> Result<Option<Client>, Trouble> {
    scope
        .find::<ClientRow, _>(select!("AND id = $2"), &[&Id::from(id)])
        .await
}

pub(super) async fn list(
    scope: Scope<'_>,
    tenants: Option<&[TenantId]>,
    page: Page<ClientId>,
) -> Result<Vec<Client>, Trouble> {
    let (from, whole) = start(page.after);
    let limit = i64::from(page.limit);
    match tenants {
        None => {
            let sql =
                select!("AND realm > 0 AND id >= $2 AND ($3 OR id > $2) ORDER BY id LIMIT $4");
            scope
                .list::<ClientRow, _>(sql, &[&from, &whole, &limit])
                .await
        }
        Some(tenants) => {
            let tenants: Vec<&str> = tenants.iter().map(TenantId::as_str).collect();
            // Tenant by tenant, so that each has one index to choose.
            let sql = concat!(
                "SELECT ",
                columns!(),
                " FROM (SELECT DISTINCT unnest($5::text[]) AS wanted) AS each \
                 CROSS JOIN LATERAL (SELECT * FROM client WHERE realm = $1 \
                 AND tenant = wanted AND id >= $2 AND ($3 OR id > $2) ORDER BY id LIMIT $4) \
                 AS found ORDER BY id LIMIT $4"
            );
            scope
                .list::<ClientRow, _>(sql, &[&from, &whole, &limit, &tenants])
                .await
        }
    }
}

pub(super) async fn list_secrets(
    scope: Scope<'_>,
    ids: &[ClientId],
) -> Result<Vec<SecretEntry>, Trouble> {
    let wanted: Vec<Id> = ids.iter().copied().map(Id::from).collect();
    scope
        .list::<SecretRow, SecretEntry>(
            "SELECT client, digest, created_at, expires_at, last_used_at, last_used_from \
             FROM client_secret WHERE realm = $1 AND client = ANY($2) \
             ORDER BY client, expires_at IS NOT NULL, created_at DESC, digest",
            &[&wanted],
        )
        .await
}

async fn list_revoked(scope: Scope<'_>, since: Timestamp) -> Result<Vec<ClientId>, Trouble> {
    let found: Vec<Id> = scope
        .column(
            TABLE,
            "SELECT id FROM client WHERE realm = $1 AND revoked_at >= $2 ORDER BY id",
            &[&since.as_micros()],
        )
        .await?;
    let ids = found.into_iter().map(|Id(id)| ClientId::from_bytes(id));
    Ok(ids.collect())
}

async fn insert(scope: Scope<'_>, client: &Client) -> Result<(), Trouble> {
    let ceiling = CeilingRow::of(&client.ceiling);
    scope
        .insert_one(
            target(&client.id),
            "INSERT INTO client (realm, id, name, kind, tenant, roles, permissions, audiences, \
             environment, redirect_uris, revoked_at, created_at, created_by) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13) \
             ON CONFLICT DO NOTHING",
            &[
                &Id::from(client.id),
                &client.name,
                &client.kind.as_str(),
                &ceiling.tenant,
                &ceiling.roles,
                &ceiling.permissions,
                &ceiling.audiences,
                &ceiling.environment,
                &join(&client.redirect_uris),
                &revoked_at(client),
                &client.created_at.as_micros(),
                &client.created_by.map(Id::from),
            ],
        )
        .await
}

pub(super) async fn revoke(scope: Scope<'_>, id: ClientId, at: Timestamp) -> Result<bool, Trouble> {
    let sql = "DELETE FROM client_secret WHERE realm = $1 AND client = $2";
    scope.write(secret(&id), sql, &[&Id::from(id)]).await?;
    let sql = "UPDATE client SET revoked_at = $3 \
               WHERE realm = $1 AND id = $2 AND revoked_at IS NULL";
    scope
        .write(target(&id), sql, &[&Id::from(id), &at.as_micros()])
        .await
        .map(|revoked| revoked > 0)
}

async fn insert_secret(
    scope: Scope<'_>,
    client: ClientId,
    new: &ClientSecret,
) -> Result<(), Trouble> {
    scope
        .insert_one(
            secret(&client),
            "INSERT INTO client_secret (realm, client, digest, created_at, expires_at, \
             last_used_at, last_used_from) VALUES ($1, $2, $3, $4, $5, $6, $7) \
             ON CONFLICT DO NOTHING",
            &[
                &Id::from(client),
                &new.digest.as_bytes().as_slice(),
                &new.created_at.as_micros(),
                &new.expires_at.map(Timestamp::as_micros),
                &new.last_used_at.map(Timestamp::as_micros),
                &new.last_used_from.map(|address| address.to_string()),
            ],
        )
        .await
}

async fn expire_secret(
    scope: Scope<'_>,
    digest: &TokenDigest,
    at: Timestamp,
) -> Result<(), Trouble> {
    let sql = "UPDATE client_secret SET expires_at = $3 WHERE realm = $1 AND digest = $2";
    let digest = digest.as_bytes().as_slice();
    scope
        .write_one(secret(&"one of a digest"), sql, &[&digest, &at.as_micros()])
        .await
}

pub(super) async fn delete_secret(scope: Scope<'_>, digest: &TokenDigest) -> Result<(), Trouble> {
    let sql = "DELETE FROM client_secret WHERE realm = $1 AND digest = $2";
    let digest = digest.as_bytes().as_slice();
    scope
        .write_one(secret(&"one of a digest"), sql, &[&digest])
        .await
}

/// One after the other: there are few clients, and each is written once a minute at most.
async fn touch(scope: Scope<'_>, uses: &[SecretUse]) -> Result<(), Trouble> {
    for used in uses {
        scope
            .write(
                secret(&"those used"),
                "UPDATE client_secret SET last_used_at = $3, last_used_from = $4 \
                 WHERE realm = $1 AND digest = $2 \
                 AND (last_used_at IS NULL OR last_used_at < $3)",
                &[
                    &used.digest.as_bytes().as_slice(),
                    &used.at.as_micros(),
                    &used.from.map(|address| address.to_string()),
                ],
            )
            .await?;
    }
    Ok(())
}

async fn prune(scope: Scope<'_>, before: Timestamp, limit: u32) -> Result<u64, Trouble> {
    scope
        .write(
            target(&"revoked ones"),
            "DELETE FROM client WHERE realm = $1 AND id IN (SELECT id FROM client \
             WHERE realm = $1 AND revoked_at < $2 ORDER BY revoked_at LIMIT $3)",
            &[&before.as_micros(), &i64::from(limit)],
        )
        .await
}

#[async_trait]
impl ClientRead for RealmTx {
    async fn find_client(&mut self, id: ClientId) -> Result<Option<Client>, StoreError> {
        reading!(self, find(id))
    }

    async fn list_clients(
        &mut self,
        tenants: Option<&[TenantId]>,
        page: Page<ClientId>,
    ) -> Result<Vec<Client>, StoreError> {
        reading!(self, list(tenants, bounded(page)))
    }

    async fn list_client_secrets(
        &mut self,
        ids: &[ClientId],
    ) -> Result<Vec<SecretEntry>, StoreError> {
        reading!(self, list_secrets(ids))
    }

    async fn list_revoked_clients(
        &mut self,
        since: Timestamp,
    ) -> Result<Vec<ClientId>, StoreError> {
        reading!(self, list_revoked(since))
    }
}

#[async_trait]
impl ClientWrite for RealmTx {
    async fn insert_client(&mut self, client: &Client) -> Result<(), StoreError> {
        writing!(self, insert(client))
    }

    async fn revoke_client(&mut self, id: ClientId, at: Timestamp) -> Result<bool, StoreError> {
        writing!(self, revoke(id, at))
    }

    async fn insert_client_secret(
        &mut self,
        client: ClientId,
        secret: &ClientSecret,
    ) -> Result<(), StoreError> {
        writing!(self, insert_secret(client, secret))
    }

    async fn expire_client_secret(
        &mut self,
        digest: &TokenDigest,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        writing!(self, expire_secret(digest, at))
    }

    async fn delete_client_secret(&mut self, digest: &TokenDigest) -> Result<(), StoreError> {
        writing!(self, delete_secret(digest))
    }

    async fn touch_client_secrets(&mut self, uses: &[SecretUse]) -> Result<(), StoreError> {
        writing!(self, touch(uses))
    }

    async fn prune_clients(&mut self, before: Timestamp, limit: u32) -> Result<u64, StoreError> {
        writing!(self, prune(before, limit))
    }
}

fn target(row: &(dyn Display + Sync)) -> Target<'_> {
    Target {
        table: TABLE,
        row,
        unique: "the client",
    }
}

fn secret(row: &(dyn Display + Sync)) -> Target<'_> {
    Target {
        table: SECRET,
        row,
        unique: "the client's secret",
    }
}

impl Record for ClientRow {
    const TABLE: &'static str = TABLE;

    fn read(row: &Row) -> Result<Self, Error> {
        let Id(id) = row.try_get(0)?;
        let created_by: Option<Id> = row.try_get(11)?;
        Ok(Self {
            id,
            name: row.try_get(1)?,
            kind: row.try_get(2)?,
            ceiling: ceiling::read(row, 3)?,
            redirect_uris: row.try_get(8)?,
            revoked_at: row.try_get(9)?,
            created_at: row.try_get(10)?,
            created_by: created_by.map(|Id(id)| id),
        })
    }
}

impl Record for SecretRow {
    const TABLE: &'static str = SECRET;

    fn read(row: &Row) -> Result<Self, Error> {
        let Id(client) = row.try_get(0)?;
        let digest: &[u8] = row.try_get(1)?;
        Ok(Self {
            client,
            digest: digest.try_into().ok(),
            created_at: row.try_get(2)?,
            expires_at: row.try_get(3)?,
            last_used_at: row.try_get(4)?,
            last_used_from: row.try_get(5)?,
        })
    }
}
