//! The surface as targets made once, and what it keeps of each realm. Not here: where they
//! are mounted and who may call them.

use crate::openapi::endpoints;
use crate::settings::{Errors, Grant};
use crate::{off, openapi};
use doorward_identity::act::Identity;
use doorward_surface::Local;
use doorward_surface::axum_target::AxumLocal;
use std::sync::Arc;

/// Where the dialect lies and how it answers, checked by
/// [`crate::settings::Supabase::lower`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SupabaseMount {
    pub(crate) enabled: bool,
    pub(crate) path: String,
    pub(crate) lenient: bool,
    pub(crate) default_grant: Option<Grant>,
    pub(crate) refresh_in_answer: bool,
    pub(crate) errors: Errors,
    pub(crate) anon_keys: Vec<String>,
}

impl SupabaseMount {
    /// The path of an endpoint below it, for example `/auth/v1/token` of `/token`.
    #[must_use]
    pub fn path(&self, endpoint: &str) -> String {
        format!("{}{endpoint}", self.path)
    }

    /// Whether accounts are there; else every path below it is to lead to
    /// [`SupabaseTargets::off`].
    #[must_use]
    pub const fn is_enabled(&self) -> bool {
        self.enabled
    }

    /// The publishable keys, by which nobody is anybody.
    #[must_use]
    pub fn anon_keys(&self) -> &[String] {
        &self.anon_keys
    }

    /// Whether its errors have the product's form, not the realm's.
    #[must_use]
    pub const fn has_own_errors(&self) -> bool {
        matches!(self.errors, Errors::GoTrue)
    }
}

/// What the surface keeps of one realm. The realm's parts hold it as `Arc<SupabaseRealm>`,
/// beside its `Arc<Realm>`.
#[derive(Clone, Debug)]
pub struct SupabaseRealm {
    pub(crate) mount: SupabaseMount,
}

impl SupabaseRealm {
    /// Of a realm that has it there.
    #[must_use]
    pub const fn new(mount: SupabaseMount) -> Self {
        Self { mount }
    }
}

/// The endpoints, each made once for all realms.
#[derive(Clone)]
pub struct SupabaseTargets {
    /// `POST /signup`.
    pub sign_up: Arc<dyn Local>,
    /// `POST /token`.
    pub token: Arc<dyn Local>,
    /// `POST /logout`, for who has an access token.
    pub log_out: Arc<dyn Local>,
    /// `GET` and `PUT /user`, likewise.
    pub user: Arc<dyn Local>,
    /// `GET /health`.
    pub health: Arc<dyn Local>,
    /// `GET /settings`.
    pub settings: Arc<dyn Local>,
    /// All other paths of the product; every path where accounts are off.
    pub off: Arc<dyn Local>,
}

impl SupabaseTargets {
    /// Over the process's identity.
    #[must_use]
    pub fn new(identity: &Arc<Identity>) -> Self {
        let endpoint = |methods: openapi::Methods| -> Arc<dyn Local> {
            Arc::new(AxumLocal::endpoint(
                methods.with_state(Arc::clone(identity)),
            ))
        };
        let [sign_up, token, log_out, user, health, settings] =
            endpoints().map(|(_, _, methods)| endpoint(methods));
        Self {
            sign_up,
            token,
            log_out,
            user,
            health,
            settings,
            off: endpoint(off::methods()),
        }
    }
}
