//! Look-ups of a whole: a subject, or the owner of a token or session, with all that gives it
//! authority; a client with its secrets.

use super::{StoreError, TokenKey};
use crate::model::{ClientDossier, Dossier, Session, TokenDossier};
use async_trait::async_trait;
use doorward_base::secret::TokenDigest;
use doorward_base::{ClientId, SubjectId};

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
    /// A client, revoked or not, with its secrets.
    async fn find_client_dossier(
        &mut self,
        id: ClientId,
    ) -> Result<Option<ClientDossier>, StoreError>;
}
