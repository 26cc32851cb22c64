//! The use-cases: load, decide, write, audit, in one transaction each. They are the
//! only code that sequences store calls. Passwords are hashed before the transaction,
//! tokens signed after its commit; a refusal is a committed decision with its audit
//! row. Not here: the rules (`decide`), HTTP, SQL.

mod accept_invitation;
mod access;
mod addressed;
mod authenticate;
mod authenticate_client;
mod begin_session;
mod caller;
pub mod challenge;
mod change_client;
mod check_token;
mod client;
mod create_service_account;
mod create_tenant;
mod create_token;
mod create_user;
mod delete_tenant;
mod delete_user;
mod detail;
mod displace;
mod end_token_overlap;
mod exchange;
mod expose;
mod factor;
mod facts;
mod find;
mod grant;
mod guesses;
mod hand_over_token;
mod has_tenant;
mod hasura;
mod introspect;
mod invitation;
mod invite;
mod join;
pub mod keyring;
pub mod keys;
mod last_used;
mod leaver;
mod link_identity;
mod list_audit;
mod list_tokens;
mod look_up;
pub mod mail;
mod membership;
mod mint_internal;
mod notice;
pub mod password;
mod placement;
mod provision;
mod prune;
mod refresh;
mod refresh_token;
mod regenerate_token;
mod revoke_token;
mod sessions;
mod set_password;
mod set_status;
mod shown_password;
mod sign;
mod sign_in;
mod sign_in_by_token;
mod sign_out;
mod sign_up;
mod strangers;
mod sweep;
mod switch_tenant;
mod tenant_limit;
mod turn;
mod update_user;
pub mod webhook;
mod work;

pub use accept_invitation::{
    AcceptInvitation, accept_invitation, accept_own_invitation, list_own_invitations,
};
pub use access::{Accesses, Request as AccessRequest};
pub use authenticate::{authenticate, authorize};
pub use authenticate_client::{authenticate_client, present_client};
pub use caller::Caller;
pub use change_client::{end_client_overlap, revoke_client, rotate_client_secret};
pub use check_token::{CheckedToken, check_token};
pub use client::{ClientProfile, CreateClient, MintedClient, create_client, list_clients};
pub use create_service_account::{CreateServiceAccount, create_service_account};
pub use create_tenant::{CreateTenant, create_tenant};
pub use create_token::{CreateToken, MintedToken, OwnerRef, create_token};
pub use create_user::{CreateUser, create_user};
pub use delete_tenant::delete_tenant;
pub use delete_user::{DeleteUser, delete_user};
pub use end_token_overlap::end_token_overlap;
pub use exchange::{ExchangeRequest, exchange};
pub use expose::expose_credential;
pub use factor::{delete_factor, list_factors};
pub use find::{
    Profile, find_subject, find_subject_by_email, find_user_by_email, list_subjects,
    list_tenant_members, list_tenants, load_profile,
};
pub use grant::{add_grant, remove_grant};
pub use guesses::{Guesses, GuessesError};
pub use hand_over_token::{HandOver, hand_over_token};
pub use has_tenant::has_tenant;
pub use hasura::{HasuraError, hasura_secret};
pub use introspect::{Introspected, introspect, peek};
pub use invitation::{list_invitations, withdraw_invitation};
pub use invite::{Invite, Invited, invite};
pub use keyring::Keyring;
pub use last_used::LastUsed;
pub use leaver::{Leaving, foresee_leaving};
pub use link_identity::{LinkGround, LinkIdentity, link_identity, unlink_identity};
pub use list_audit::{AuditCursor, AuditPage, list_audit};
pub use list_tokens::{TokenPage, TokensOf, list_tokens};
pub use look_up::KeyNews;
pub use membership::{create_membership, end_membership, leave_tenant};
pub use mint_internal::{Internal, InternalRequest, mint_internal};
pub use notice::notify;
pub use password::PasswordPool;
pub use placement::Placement;
pub use provision::{ExternalName, Recognised, find_external};
pub use prune::prune;
pub use refresh::{Refresh, Refreshed, refresh};
pub use regenerate_token::{RegenerateToken, regenerate_token};
pub use revoke_token::{TokenRef, revoke_token};
pub use sessions::{end_other_sessions, end_session, list_sessions};
pub use set_password::{SetPassword, set_password, set_password_and_stay};
pub use set_status::{StatusChange, set_subject_status};
pub use sign::{INTERNAL_TYP, Issued};
pub use sign_in::{SignIn, SignedIn, sign_in};
pub use sign_in_by_token::{SignInByToken, sign_in_by_token};
pub use sign_out::{sign_out, sign_out_by_refresh_token};
pub use sign_up::{SignUp, sign_up};
pub use strangers::Strangers;
pub use sweep::sweep_erased;
pub use switch_tenant::switch_tenant;
pub use tenant_limit::{list_tenant_limits, set_tenant_limit};
pub use update_user::{check_own_metadata, update_own_metadata};
pub use work::Failure;

pub use doorward_jose::MasterKey;

use crate::model::{Actor, AuditAction, AuditEvent, Outcome, TokenUse};
use crate::port::StoreHandle;
use crate::settings::RealmSettings;
use arc_swap::ArcSwap;
use doorward_base::limit::StrictLimiter;
use doorward_base::{ApiTokenId, Effects, Entropy, RealmId, RequestId, Timestamp};
use serde_json::Map;
use std::net::IpAddr;
use std::sync::{Arc, OnceLock};

/// What every use-case needs, once per process.
pub struct Identity {
    /// The store.
    pub store: StoreHandle,
    /// What keys are sealed under.
    pub master: MasterKey,
    /// Where passwords are hashed.
    pub passwords: PasswordPool,
    /// How often they are guessed.
    pub guesses: Guesses,
    /// Counts how often each session is refreshed.
    pub refreshes: Arc<dyn StrictLimiter>,
    /// Whether mail is sent, and how much of it.
    pub mail: mail::MailPolicy,
    /// Randomness.
    pub entropy: Arc<dyn Entropy>,
    /// Uses of API tokens that wait for [`LastUsed::flush`].
    pub last_used: LastUsed,
    /// Refusals of whoever is not known that wait for [`Strangers::flush`].
    pub strangers: Arc<Strangers>,
}

/// A realm as it runs: its number, its settings and its keys in force.
pub struct Realm {
    /// The store's number.
    pub id: RealmId,
    /// What the configuration says.
    pub settings: RealmSettings,
    keyring: ArcSwap<Keyring>,
    news: OnceLock<Arc<dyn KeyNews>>,
}

impl Realm {
    /// Puts a realm together.
    #[must_use]
    pub fn new(id: RealmId, settings: RealmSettings, keyring: Arc<Keyring>) -> Self {
        Self {
            id,
            settings,
            keyring: ArcSwap::new(keyring),
            news: OnceLock::new(),
        }
    }

    /// The keys in force.
    #[must_use]
    pub fn keyring(&self) -> Arc<Keyring> {
        self.keyring.load_full()
    }

    /// Puts other keys in force, after a rotation here or in another process.
    pub fn set_keyring(&self, keyring: Arc<Keyring>) {
        self.keyring.store(keyring);
    }

    /// Says who knows whether another process changed the keys; only the first call
    /// counts. Without one, the keys in force are taken for the newest.
    pub fn hear_from(&self, news: Arc<dyn KeyNews>) {
        drop(self.news.set(news));
    }
}

/// The request a use-case runs for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Call {
    /// The one `now` of the request.
    pub now: Timestamp,
    /// Its id.
    pub request: RequestId,
    /// Where it came from.
    pub peer: Option<IpAddr>,
}

impl Call {
    /// That an API token is used in it.
    const fn use_of(&self, token: ApiTokenId) -> TokenUse {
        TokenUse {
            token,
            at: self.now,
            from: self.peer,
        }
    }

    fn event(&self, actor: Actor, action: AuditAction) -> AuditEvent {
        AuditEvent {
            at: self.now,
            request: self.request,
            actor,
            action,
            outcome: Outcome::Success,
            subject: None,
            tenant: None,
            token: None,
            session: None,
            peer: self.peer,
            detail: Map::new(),
        }
    }
}

/// Where and for which request a use-case runs.
#[derive(Clone, Copy)]
pub struct Context<'a> {
    /// The process.
    pub identity: &'a Identity,
    /// The realm.
    pub realm: &'a Arc<Realm>,
    /// The request.
    pub call: &'a Call,
    /// Where the use-cases that answer it say what they did: the surface's own, so that
    /// its answer waits for the change feed where it must.
    pub effects: &'a Effects,
}
