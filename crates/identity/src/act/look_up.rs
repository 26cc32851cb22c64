//! Finds an API token by its secret, also if another process has just moved it to a
//! digest key that this one does not know yet. Not here: whether it may be used
//! (`decide::token`).

use super::keyring::DigestKind;
use super::work::Stop;
use super::{Context, Keyring};
use crate::decide::refusal::UseRefusal;
use crate::decide::token::{UseInput, usable};
use crate::model::{ApiToken, Dossier};
use crate::port::{Read, StoreError, TokenKey, Tx};
use crate::settings::{Presentation, RealmSettings, TokenClass};
use async_trait::async_trait;
use doorward_base::secret::TokenDigest;
use doorward_base::token_format::Shape;
use doorward_base::{ClassName, Secret, Timestamp};

/// Brings what a process knows of a realm's keys up to date.
#[async_trait]
pub trait KeyNews: Send + Sync {
    /// Returns once every change of keys that was committed before this call is in force
    /// here. It is asked for each token that nobody knows, so it bounds what that costs
    /// the store.
    ///
    /// # Errors
    /// [`StoreError`] if that cannot be known.
    async fn catch_up(&self) -> Result<(), StoreError>;
}

/// A secret that has the shape of one of the realm's classes, as digests under every
/// live digest key, the current one first.
#[derive(Clone, Debug)]
pub(super) struct Presented {
    digests: Vec<(TokenDigest, String)>,
}

/// A token that was found, and its new digest if the old one was made by an older key.
pub(super) struct Found {
    pub(super) token: ApiToken,
    pub(super) rekey: Option<(TokenDigest, String)>,
}

impl Context<'_> {
    /// Digests a secret if any class could have made it. A typo costs no look-up.
    pub(super) fn present(&self, secret: &Secret) -> Result<Presented, UseRefusal> {
        if has_shape(&self.realm.settings.classes, secret) {
            Ok(Presented {
                digests: self.realm.keyring().digests(DigestKind::ApiToken, secret),
            })
        } else {
            Err(UseRefusal::Malformed)
        }
    }

    /// The digests of a secret that was found under none of the keys in `tried`, if the
    /// process has others now.
    pub(super) async fn present_again(
        &self,
        secret: &Secret,
        tried: &Keyring,
    ) -> Result<Option<Presented>, StoreError> {
        if let Some(news) = self.realm.news.get() {
            news.catch_up().await?;
        }
        let digests = self.realm.keyring().digests(DigestKind::ApiToken, secret);
        Ok((digests != tried.digests(DigestKind::ApiToken, secret))
            .then_some(Presented { digests }))
    }
}

fn has_shape(classes: &[TokenClass], secret: &Secret) -> bool {
    classes
        .iter()
        .any(|class| matches!(class.format.shape(secret.expose()), Shape::WellFormed(_)))
}

impl Presented {
    /// Looks the token up under each key.
    pub(super) async fn find(&self, tx: &mut dyn Read) -> Result<Option<Found>, StoreError> {
        for (digest, _) in &self.digests {
            if let Some((token, made_by)) = tx.find_api_token_by_digest(digest).await? {
                let current = self.digests.first();
                let rekey = current.filter(|(_, key)| *key != made_by).cloned();
                return Ok(Some(Found { token, rekey }));
            }
        }
        Ok(None)
    }
}

impl Presented {
    /// Looks the token up with its owner's dossier, under all keys at once.
    pub(super) async fn find_dossier(
        &self,
        tx: &mut dyn Read,
    ) -> Result<Option<(Found, Dossier)>, StoreError> {
        let digests = self.digests.iter().map(|(digest, _)| *digest).collect();
        let found = tx.find_token_dossier(&TokenKey::Digests(digests)).await?;
        Ok(found.map(|found| {
            let current = self.digests.first();
            let rekey = current.filter(|(_, key)| *key != found.digest_key).cloned();
            let token = found.token;
            (Found { token, rekey }, found.owner)
        }))
    }
}

/// Finds a presented token and what its owner holds.
pub(super) async fn find_presented(
    tx: &mut dyn Read,
    presented: &Result<Presented, UseRefusal>,
) -> Result<(Found, Dossier), Stop<UseRefusal>> {
    match presented {
        Ok(presented) => Ok(presented
            .find_dossier(tx)
            .await?
            .ok_or(UseRefusal::Unknown)?),
        Err(refusal) => Err(refusal.clone().into()),
    }
}

/// Decides whether a token may be used this way now; returns its class.
pub(super) fn use_token(
    token: &ApiToken,
    owner: &Dossier,
    settings: &RealmSettings,
    via: &Presentation,
    now: Timestamp,
) -> Result<ClassName, UseRefusal> {
    let (class, _) = usable(&UseInput {
        token,
        owner: Some(&owner.subject),
        member_of: &owner.member_of,
        classes: &settings.classes,
        via,
        now,
    })?;
    Ok(class.name.clone())
}

impl Found {
    /// Stores the digest under the current key, if it was made by an older one.
    pub(super) async fn rekey(&self, tx: &mut dyn Tx) -> Result<(), StoreError> {
        match &self.rekey {
            Some((digest, key)) => tx.rekey_api_token(self.token.id, digest, key).await,
            None => Ok(()),
        }
    }
}
