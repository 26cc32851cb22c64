//! How clients and invitations are written; never a secret but in [`NewClientView`].

use doorward_base::Timestamp;
use doorward_identity::act::{ClientProfile, MintedClient};
use doorward_identity::model::{ClientSecret, ClientState, Invitation};
use serde::Serialize;
use std::fmt::Display;
use utoipa::ToSchema;

/// An invitation without its secret.
#[derive(Serialize, ToSchema)]
#[schema(as = PendingInvitation)]
pub struct InvitationView {
    /// Its id.
    pub(crate) id: String,
    /// Who is invited.
    pub(crate) email: String,
    /// Into which tenant.
    pub(crate) tenant: String,
    /// The roles granted there when it is taken.
    pub(crate) roles: Vec<String>,
    /// Who invited; null is an operator at the command line.
    pub(crate) made_by: Option<String>,
    /// When it was made.
    pub(crate) created_at: String,
    /// Until when it can be taken.
    pub(crate) expires_at: String,
}

impl From<&Invitation> for InvitationView {
    fn from(invitation: &Invitation) -> Self {
        Self {
            id: invitation.id.to_string(),
            email: invitation.email.to_string(),
            tenant: invitation.tenant.to_string(),
            roles: texts(&invitation.roles),
            made_by: invitation.made_by.map(|subject| subject.to_string()),
            created_at: invitation.created_at.to_string(),
            expires_at: invitation.expires_at.to_string(),
        }
    }
}

/// An application that authenticates itself, without its secrets.
#[derive(Serialize, ToSchema)]
#[schema(as = Client)]
pub struct ClientView {
    /// Its id: the `client_id`.
    pub(crate) id: String,
    /// What it is called.
    pub(crate) name: String,
    /// `confidential` or `public`.
    pub(crate) kind: &'static str,
    /// The tenant whose client it is; null is the realm's.
    pub(crate) tenant: Option<String>,
    /// The scopes it may carry; null is whatever whoever it acts for may.
    pub(crate) scopes: Option<Vec<String>>,
    /// The roles it may carry; null as for scopes.
    pub(crate) roles: Option<Vec<String>>,
    /// The audiences it may ask for; null is all of the realm.
    pub(crate) audiences: Option<Vec<String>>,
    /// Where an authorization may return to.
    pub(crate) redirect_uris: Vec<String>,
    /// `active` or `revoked`.
    pub(crate) state: &'static str,
    /// Its secrets that work, the newest first: two during an overlap.
    pub(crate) secrets: Vec<ClientSecretView>,
    /// When it was made.
    pub(crate) created_at: String,
    /// Who made it; null is an operator at the command line.
    pub(crate) created_by: Option<String>,
}

/// A client's secret, without the secret.
#[derive(Serialize, ToSchema)]
#[schema(as = ClientSecret)]
pub(crate) struct ClientSecretView {
    /// When it was made.
    pub(crate) created_at: String,
    /// When it stops, if it was replaced.
    pub(crate) expires_at: Option<String>,
    /// When it was last used, to about a minute.
    pub(crate) last_used_at: Option<String>,
    /// From which address.
    pub(crate) last_used_from: Option<String>,
}

impl From<&ClientSecret> for ClientSecretView {
    fn from(secret: &ClientSecret) -> Self {
        Self {
            created_at: secret.created_at.to_string(),
            expires_at: secret.expires_at.map(|at| at.to_string()),
            last_used_at: secret.last_used_at.map(|at| at.to_string()),
            last_used_from: secret.last_used_from.map(|address| address.to_string()),
        }
    }
}

impl ClientView {
    /// The client as it stands at `now`.
    #[must_use]
    pub fn at(profile: &ClientProfile, now: Timestamp) -> Self {
        let client = &profile.client;
        let ceiling = &client.ceiling;
        let live = profile.secrets.iter().filter(|secret| secret.is_live(now));
        Self {
            id: client.id.to_string(),
            name: client.name.clone(),
            kind: client.kind.as_str(),
            tenant: ceiling.tenant.as_ref().map(ToString::to_string),
            scopes: ceiling.permissions.as_deref().map(texts),
            roles: ceiling.roles.as_deref().map(texts),
            audiences: ceiling.audiences.as_deref().map(texts),
            redirect_uris: client.redirect_uris.clone(),
            state: match client.state {
                ClientState::Active => "active",
                ClientState::Revoked { .. } => "revoked",
            },
            secrets: live.map(ClientSecretView::from).collect(),
            created_at: client.created_at.to_string(),
            created_by: client.created_by.map(|subject| subject.to_string()),
        }
    }
}

fn texts<T: Display>(list: &[T]) -> Vec<String> {
    list.iter().map(ToString::to_string).collect()
}

/// A client with a new secret, which is shown here and never again.
#[derive(Serialize, ToSchema)]
#[schema(as = NewClientSecret)]
pub struct NewClientView {
    /// The secret. Shown once; null for a public client.
    pub(crate) secret: Option<String>,
    /// The rest.
    #[serde(flatten)]
    pub(crate) view: ClientView,
}

impl NewClientView {
    /// The one place where a client's secret is written out.
    #[must_use]
    pub fn of(minted: &MintedClient, now: Timestamp) -> Self {
        let secret = minted.secret.as_ref();
        Self {
            secret: secret.map(|secret| secret.expose().to_owned()),
            view: ClientView::at(&minted.profile, now),
        }
    }
}
