//! A subject, or the owner of a token or session, with all that gives it authority.

use super::{StoreError, TokenKey};
use crate::model::{Dossier, Session, TokenDossier};
use async_trait::async_trait;
use doorward_base::SubjectId;
use doorward_base::secret::TokenDigest;

/// Reading them.
#[async_trait]
pub trait DossierRead: Send {
    /// A subject with all that gives it authority.
    async fn find_dossier(&mut self, subject: SubjectId) -> Result<Option<Dossier>, StoreError>;
    /// An API token with its owner's dossier.
    async fn find_token_dossier(
        &mut self,
        key: &TokenKey,
    ) -> Result<Option<TokenDossier>, StoreError>;
    /// The session of a refresh token, by the digests it may be stored under, with its
    /// subject's dossier.
    async fn find_session_dossier(
        &mut self,
        digests: &[TokenDigest],
    ) -> Result<Option<(Session, Dossier)>, StoreError>;
}
