//! A subject, or a token's owner, with all that gives it authority.

use super::{StoreError, TokenKey};
use crate::model::{Dossier, TokenDossier};
use async_trait::async_trait;
use doorward_base::SubjectId;

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
}
