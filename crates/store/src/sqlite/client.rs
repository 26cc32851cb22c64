//! Clients and their secrets.

use super::ceiling;
use super::scope::{Record, Scope, Target};
use super::tx::RealmTx;
use crate::row::ceiling::CeilingRow;
use crate::row::client::{ClientRow, SECRET, SecretEntry, SecretRow, TABLE, revoked_at};
use crate::row::{bounded, join, tenants_json};
use async_trait::async_trait;
use doorward_base::secret::TokenDigest;
use doorward_base::{ClientId, SubjectId, TenantId, Timestamp};
use doorward_identity::model::{Client, ClientSecret, SecretUse};
use doorward_identity::port::{ClientRead, ClientWrite, Page, StoreError};
use rusqlite::Row;
use std::fmt::Display;

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT id, name, kind, tenant, roles, permissions, audiences, environment, \
             redirect_uris, revoked_at, created_at, created_by FROM client WHERE realm = ?1 ",
            $rest
        )
    };
}

fn list(
    scope: Scope<'_>,
    tenants: Option<&[TenantId]>,
    page: Page<ClientId>,
) -> Result<Vec<Client>, StoreError> {
    let after = page.after.as_ref().map_or(&[][..], |id| id.as_bytes());
    match tenants {
        None => scope.list::<ClientRow, _>(
            select!("AND id > ?2 ORDER BY id LIMIT ?3"),
            &[&after, &page.limit],
        ),
        Some(tenants) => scope.list::<ClientRow, _>(
            select!(
                "AND id > ?2 AND tenant IN (SELECT value FROM json_each(?4)) \
                 ORDER BY id LIMIT ?3"
            ),
            &[&after, &page.limit, &tenants_json(tenants)],
        ),
    }
}

fn list_secrets(scope: Scope<'_>, ids: &[ClientId]) -> Result<Vec<SecretEntry>, StoreError> {
    let mut secrets: Vec<SecretEntry> = Vec::new();
    for id in ids {
        secrets.extend(scope.list::<SecretRow, SecretEntry>(
            "SELECT client, digest, created_at, expires_at, last_used_at, last_used_from \
             FROM client_secret WHERE realm = ?1 AND client = ?2 \
             ORDER BY expires_at IS NOT NULL, created_at DESC, digest",
            &[id.as_bytes()],
        )?);
    }
    Ok(secrets)
}

fn insert(scope: Scope<'_>, client: &Client) -> Result<(), StoreError> {
    let ceiling = CeilingRow::of(&client.ceiling);
    scope.write_one(
        target(&client.id),
        "INSERT INTO client (realm, id, name, kind, tenant, roles, permissions, audiences, \
         environment, redirect_uris, revoked_at, created_at, created_by) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)",
        &[
            client.id.as_bytes(),
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
            &client.created_by.as_ref().map(SubjectId::as_bytes),
        ],
    )
}

fn revoke(scope: Scope<'_>, id: ClientId, at: Timestamp) -> Result<bool, StoreError> {
    scope.write(
        secret(&id),
        "DELETE FROM client_secret WHERE realm = ?1 AND client = ?2",
        &[id.as_bytes()],
    )?;
    scope
        .write(
            target(&id),
            "UPDATE client SET revoked_at = ?3 \
             WHERE realm = ?1 AND id = ?2 AND revoked_at IS NULL",
            &[id.as_bytes(), &at.as_micros()],
        )
        .map(|revoked| revoked > 0)
}

fn insert_secret(scope: Scope<'_>, client: ClientId, new: &ClientSecret) -> Result<(), StoreError> {
    scope.write_one(
        secret(&client),
        "INSERT INTO client_secret (realm, client, digest, created_at, expires_at, \
         last_used_at, last_used_from) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        &[
            client.as_bytes(),
            new.digest.as_bytes(),
            &new.created_at.as_micros(),
            &new.expires_at.map(Timestamp::as_micros),
            &new.last_used_at.map(Timestamp::as_micros),
            &new.last_used_from.map(|address| address.to_string()),
        ],
    )
}

fn touch(scope: Scope<'_>, uses: &[SecretUse]) -> Result<(), StoreError> {
    for used in uses {
        scope.write(
            secret(&"those used"),
            "UPDATE client_secret SET last_used_at = ?3, last_used_from = ?4 \
             WHERE realm = ?1 AND digest = ?2 \
             AND (last_used_at IS NULL OR last_used_at < ?3)",
            &[
                used.digest.as_bytes(),
                &used.at.as_micros(),
                &used.from.map(|address| address.to_string()),
            ],
        )?;
    }
    Ok(())
}

fn prune(scope: Scope<'_>, before: Timestamp, limit: u32) -> Result<u64, StoreError> {
    scope
        .write(
            target(&"revoked ones"),
            "DELETE FROM client WHERE realm = ?1 AND id IN (SELECT id FROM client \
             WHERE realm = ?1 AND revoked_at < ?2 ORDER BY revoked_at LIMIT ?3)",
            &[&before.as_micros(), &limit],
        )
        .map(|pruned| pruned as u64)
}

#[async_trait]
impl ClientRead for RealmTx<'_> {
    async fn find_client(&mut self, id: ClientId) -> Result<Option<Client>, StoreError> {
        self.with(|scope| scope.find::<ClientRow, _>(select!("AND id = ?2"), &[id.as_bytes()]))
    }

    async fn list_clients(
        &mut self,
        tenants: Option<&[TenantId]>,
        page: Page<ClientId>,
    ) -> Result<Vec<Client>, StoreError> {
        self.with(|scope| list(scope, tenants, bounded(page)))
    }

    async fn list_client_secrets(
        &mut self,
        ids: &[ClientId],
    ) -> Result<Vec<SecretEntry>, StoreError> {
        self.with(|scope| list_secrets(scope, ids))
    }

    async fn list_revoked_clients(
        &mut self,
        since: Timestamp,
    ) -> Result<Vec<ClientId>, StoreError> {
        let sql = "SELECT id FROM client WHERE realm = ?1 AND revoked_at >= ?2 ORDER BY id";
        let found = self.with(|scope| scope.column(TABLE, sql, &[&since.as_micros()]))?;
        Ok(found.into_iter().map(ClientId::from_bytes).collect())
    }
}

#[async_trait]
impl ClientWrite for RealmTx<'_> {
    async fn insert_client(&mut self, client: &Client) -> Result<(), StoreError> {
        self.with(|scope| insert(scope, client))
    }

    async fn revoke_client(&mut self, id: ClientId, at: Timestamp) -> Result<bool, StoreError> {
        self.with(|scope| revoke(scope, id, at))
    }

    async fn insert_client_secret(
        &mut self,
        client: ClientId,
        secret: &ClientSecret,
    ) -> Result<(), StoreError> {
        self.with(|scope| insert_secret(scope, client, secret))
    }

    async fn expire_client_secret(
        &mut self,
        digest: &TokenDigest,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        let sql = "UPDATE client_secret SET expires_at = ?3 WHERE realm = ?1 AND digest = ?2";
        let values: &[&dyn rusqlite::ToSql] = &[digest.as_bytes(), &at.as_micros()];
        self.with(|scope| scope.write_one(secret(&"one of a digest"), sql, values))
    }

    async fn delete_client_secret(&mut self, digest: &TokenDigest) -> Result<(), StoreError> {
        let sql = "DELETE FROM client_secret WHERE realm = ?1 AND digest = ?2";
        self.with(|scope| scope.write_one(secret(&"one of a digest"), sql, &[digest.as_bytes()]))
    }

    async fn touch_client_secrets(&mut self, uses: &[SecretUse]) -> Result<(), StoreError> {
        self.with(|scope| touch(scope, uses))
    }

    async fn prune_clients(&mut self, before: Timestamp, limit: u32) -> Result<u64, StoreError> {
        self.with(|scope| prune(scope, before, limit))
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

    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            id: row.get(0)?,
            name: row.get(1)?,
            kind: row.get(2)?,
            ceiling: ceiling::read(row, 3)?,
            redirect_uris: row.get(8)?,
            revoked_at: row.get(9)?,
            created_at: row.get(10)?,
            created_by: row.get(11)?,
        })
    }
}

impl Record for SecretRow {
    const TABLE: &'static str = SECRET;

    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            client: row.get(0)?,
            digest: Some(row.get(1)?),
            created_at: row.get(2)?,
            expires_at: row.get(3)?,
            last_used_at: row.get(4)?,
            last_used_from: row.get(5)?,
        })
    }
}
