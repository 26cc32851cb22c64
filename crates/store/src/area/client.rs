//! Clients and their secrets.

use super::ceiling;
use crate::engine::{Engine, InRealm, among, either};
use crate::row::{Cursor, Record, Target, Value, join, page, values};
use async_trait::async_trait;
use doorward_base::secret::TokenDigest;
use doorward_base::{ClientId, TenantId, Timestamp};
use doorward_identity::model::{Client, ClientDossier, ClientSecret, ClientState, SecretUse};
use doorward_identity::port::{ClientRead, ClientWrite, Page, StoreError};
use std::fmt::Display;

const TABLE: &str = "client";
const SECRET: &str = "client_secret";

/// A secret with whose it is.
pub(crate) type SecretEntry = (ClientId, ClientSecret);

impl Record for Client {
    const TABLE: &'static str = TABLE;

    fn read(row: &mut Cursor<'_>) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.id("id")?,
            name: row.text("name")?.to_owned(),
            kind: row.parse("kind")?,
            ceiling: ceiling::read(row)?,
            redirect_uris: row.list("redirect_uris")?,
            state: row
                .opt_time("revoked_at")?
                .map_or(ClientState::Active, |at| ClientState::Revoked { at }),
            created_at: row.time("created_at")?,
            created_by: row.opt_id("created_by")?,
        })
    }
}

/// The columns as they are read.
fn values(client: &Client) -> [Value<'_>; 12] {
    let [tenant, roles, permissions, audiences, environment] = ceiling::values(&client.ceiling);
    let revoked_at = match client.state {
        ClientState::Active => None,
        ClientState::Revoked { at } => Some(at),
    };
    [
        client.id.into(),
        (&client.name).into(),
        client.kind.as_str().into(),
        tenant,
        roles,
        permissions,
        audiences,
        environment,
        join(&client.redirect_uris).into(),
        revoked_at.into(),
        client.created_at.into(),
        client.created_by.into(),
    ]
}

impl Record for SecretEntry {
    const TABLE: &'static str = SECRET;

    fn read(row: &mut Cursor<'_>) -> Result<Self, StoreError> {
        let client = row.id("client")?;
        let secret = ClientSecret {
            digest: row.digest("digest")?,
            created_at: row.time("created_at")?,
            expires_at: row.opt_time("expires_at")?,
            last_used_at: row.opt_time("last_used_at")?,
            last_used_from: row.opt_parse("last_used_from")?,
        };
        Ok((client, secret))
    }
}

/// A client `c`, whether its tenant stands, and one of its secrets `s`, if it has any.
macro_rules! presented_columns {
    () => {
        "c.id, c.name, c.kind, c.tenant, c.roles, c.permissions, c.audiences, c.environment, \
         c.redirect_uris, c.revoked_at, c.created_at, c.created_by, \
         c.tenant IS NULL OR EXISTS (SELECT 1 FROM tenant WHERE tenant.realm = c.realm \
             AND tenant.id = c.tenant AND tenant.deleted_at IS NULL LIMIT 1 OFFSET 0), \
         s.client, s.digest, s.created_at, s.expires_at, s.last_used_at, s.last_used_from"
    };
}

pub(crate) use presented_columns;

/// Adds what a row of `presented_columns` says.
pub(crate) fn read_presented(
    found: &mut Option<ClientDossier>,
    row: &mut Cursor<'_>,
) -> Result<(), StoreError> {
    let client = row.record()?;
    let tenant_stands = row.opt_flag("tenant")? == Some(true);
    let secret = row.opt_record::<SecretEntry>()?;
    let found = found.get_or_insert(ClientDossier {
        client,
        tenant_stands,
        secrets: Vec::new(),
    });
    found.secrets.extend(secret.map(|(_, secret)| secret));
    Ok(())
}

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

fn target(row: &(dyn Display + Sync)) -> Target<'_> {
    Target::new(TABLE, row, "the client")
}

fn secret(row: &(dyn Display + Sync)) -> Target<'_> {
    Target::new(SECRET, row, "the client's secret")
}

#[async_trait]
impl<E: Engine> ClientRead for InRealm<E> {
    async fn find_client(&mut self, id: ClientId) -> Result<Option<Client>, StoreError> {
        self.0.find(select!("AND id = $2"), values![id]).await
    }

    async fn list_clients(
        &mut self,
        tenants: Option<&[TenantId]>,
        asked: Page<ClientId>,
    ) -> Result<Vec<Client>, StoreError> {
        let [from, whole, limit] = page(asked);
        let Some(tenants) = tenants else {
            let sql =
                select!("AND realm > 0 AND id >= $2 AND ($3 OR id > $2) ORDER BY id LIMIT $4");
            return self.0.list(sql, values![from, whole, limit]).await;
        };
        let sql = either!(
            E,
            sqlite: select!(
                "AND id >= $2 AND ($3 OR id > $2) \
                 AND tenant IN (SELECT value FROM json_each($5)) ORDER BY id LIMIT $4"
            ),
            // Tenant by tenant, so that each has one index to choose.
            postgres: concat!(
                "SELECT ",
                columns!(),
                " FROM (SELECT DISTINCT unnest($5::text[]) AS wanted) AS each \
                 CROSS JOIN LATERAL (SELECT * FROM client WHERE realm = $1 \
                 AND tenant = wanted AND id >= $2 AND ($3 OR id > $2) ORDER BY id LIMIT $4) \
                 AS found ORDER BY id LIMIT $4"
            ),
        );
        self.0.list(sql, values![from, whole, limit, tenants]).await
    }

    async fn list_client_secrets(
        &mut self,
        ids: &[ClientId],
    ) -> Result<Vec<SecretEntry>, StoreError> {
        let sql = among!(
            E,
            "SELECT client, digest, created_at, expires_at, last_used_at, last_used_from \
             FROM client_secret WHERE realm = $1 AND",
            "client",
            "$2",
            "ORDER BY client, expires_at IS NOT NULL, created_at DESC, digest"
        );
        self.0.list(sql, values![ids]).await
    }

    async fn list_revoked_clients(
        &mut self,
        since: Timestamp,
    ) -> Result<Vec<ClientId>, StoreError> {
        let sql = "SELECT id FROM client WHERE realm = $1 AND revoked_at >= $2 ORDER BY id";
        let values = values![since];
        self.0.rows(TABLE, sql, values, |row| row.id("id")).await
    }
}

#[async_trait]
impl<E: Engine> ClientWrite for InRealm<E> {
    async fn insert_client(&mut self, client: &Client) -> Result<(), StoreError> {
        let sql = "INSERT INTO client (realm, id, name, kind, tenant, roles, permissions, \
             audiences, environment, redirect_uris, revoked_at, created_at, created_by) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13) \
             ON CONFLICT DO NOTHING";
        self.0
            .insert(target(&client.id), sql, &values(client))
            .await
    }

    async fn revoke_client(&mut self, id: ClientId, at: Timestamp) -> Result<bool, StoreError> {
        let sql = "DELETE FROM client_secret WHERE realm = $1 AND client = $2";
        self.0.write(secret(&id), sql, values![id]).await?;
        let sql = "UPDATE client SET revoked_at = $3 \
                   WHERE realm = $1 AND id = $2 AND revoked_at IS NULL";
        self.0.try_change(target(&id), sql, values![id, at]).await
    }

    async fn insert_client_secret(
        &mut self,
        client: ClientId,
        new: &ClientSecret,
    ) -> Result<(), StoreError> {
        let sql = "INSERT INTO client_secret (realm, client, digest, created_at, expires_at, \
             last_used_at, last_used_from) VALUES ($1, $2, $3, $4, $5, $6, $7) \
             ON CONFLICT DO NOTHING";
        let values = values![
            client,
            &new.digest,
            new.created_at,
            new.expires_at,
            new.last_used_at,
            new.last_used_from.map(|address| address.to_string()),
        ];
        self.0.insert(secret(&client), sql, values).await
    }

    async fn expire_client_secret(
        &mut self,
        digest: &TokenDigest,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        let sql = "UPDATE client_secret SET expires_at = $3 WHERE realm = $1 AND digest = $2";
        let target = secret(&"one of a digest");
        self.0.change(target, sql, values![digest, at]).await
    }

    async fn delete_client_secret(&mut self, digest: &TokenDigest) -> Result<(), StoreError> {
        let sql = "DELETE FROM client_secret WHERE realm = $1 AND digest = $2";
        let target = secret(&"one of a digest");
        self.0.change(target, sql, values![digest]).await
    }

    /// One after the other: there are few clients, and each is written once a minute at most.
    async fn touch_client_secrets(&mut self, uses: &[SecretUse]) -> Result<(), StoreError> {
        let sql = "UPDATE client_secret SET last_used_at = $3, last_used_from = $4 \
             WHERE realm = $1 AND digest = $2 AND (last_used_at IS NULL OR last_used_at < $3)";
        for used in uses {
            let from = used.from.map(|address| address.to_string());
            let values = values![&used.digest, used.at, from];
            self.0.write(secret(&"those used"), sql, values).await?;
        }
        Ok(())
    }

    async fn prune_clients(&mut self, before: Timestamp, limit: u32) -> Result<u64, StoreError> {
        let sql = "DELETE FROM client WHERE realm = $1 AND id IN (SELECT id FROM client \
                   WHERE realm = $1 AND revoked_at < $2 ORDER BY revoked_at LIMIT $3)";
        let target = target(&"revoked ones");
        self.0.write(target, sql, values![before, limit]).await
    }
}
