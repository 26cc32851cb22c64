//! The surface as targets made once for all realms. Not here: who may call them.

use crate::off;
use crate::openapi::{Methods, endpoints};
use doorward_identity::act::Identity;
use doorward_surface::Local;
use doorward_surface::axum_target::AxumLocal;
use std::sync::Arc;

/// What the paths begin with: the product's hosted form has `/v1`, and clients that are told
/// an address without it add nothing.
pub const PREFIXES: [&str; 2] = ["/v1", ""];

/// The paths, below a prefix, of what the product has and this version does not, with all that
/// is missing beside what is there. Other paths below `/v1` are not the product's.
pub const OFF_PATHS: [&str; 9] = [
    "/signin/**",
    "/signup/**",
    "/user/**",
    "/token/**",
    "/mfa/**",
    "/link/**",
    "/elevate/**",
    "/oauth2/**",
    "/verify",
];

/// The endpoints.
#[derive(Clone)]
pub struct NhostTargets {
    /// `POST /signup/email-password`.
    pub sign_up: Arc<dyn Local>,
    /// `POST /signin/email-password`.
    pub sign_in: Arc<dyn Local>,
    /// `POST /signin/pat`.
    pub sign_in_pat: Arc<dyn Local>,
    /// `POST /token`.
    pub refresh: Arc<dyn Local>,
    /// `POST /token/verify`, for anybody.
    pub check_token: Arc<dyn Local>,
    /// `POST /signout`, for anybody.
    pub sign_out: Arc<dyn Local>,
    /// `GET /user`, for who has an access token.
    pub user: Arc<dyn Local>,
    /// `POST /user/password`, for anybody.
    pub password: Arc<dyn Local>,
    /// `POST /pat`, for who has an access token.
    pub create_pat: Arc<dyn Local>,
    /// `GET /healthz`.
    pub health: Arc<dyn Local>,
    /// `GET /version`.
    pub version: Arc<dyn Local>,
    /// `GET /hasura/webhook`, for who has a credential, and `POST`, for anybody.
    pub webhook: Arc<dyn Local>,
    /// [`OFF_PATHS`].
    pub off: Arc<dyn Local>,
}

impl NhostTargets {
    /// Over the process's identity.
    #[must_use]
    pub fn new(identity: &Arc<Identity>) -> Self {
        let endpoint = |methods: Methods| -> Arc<dyn Local> {
            let methods = methods.with_state(Arc::clone(identity));
            Arc::new(AxumLocal::endpoint(methods))
        };
        let [
            sign_up,
            sign_in,
            sign_in_pat,
            refresh,
            check_token,
            sign_out,
            user,
            password,
            create_pat,
            health,
            version,
            webhook,
        ] = endpoints().map(|(_, _, methods)| endpoint(methods));
        Self {
            sign_up,
            sign_in,
            sign_in_pat,
            refresh,
            check_token,
            sign_out,
            user,
            password,
            create_pat,
            health,
            version,
            webhook,
            off: endpoint(off::methods()),
        }
    }

    /// Each of them as `with` makes it.
    #[must_use]
    pub fn map(self, with: impl Fn(Arc<dyn Local>) -> Arc<dyn Local>) -> Self {
        Self {
            sign_up: with(self.sign_up),
            sign_in: with(self.sign_in),
            sign_in_pat: with(self.sign_in_pat),
            refresh: with(self.refresh),
            check_token: with(self.check_token),
            sign_out: with(self.sign_out),
            user: with(self.user),
            password: with(self.password),
            create_pat: with(self.create_pat),
            health: with(self.health),
            version: with(self.version),
            webhook: with(self.webhook),
            off: with(self.off),
        }
    }

    /// The same target everywhere.
    #[must_use]
    pub fn all(target: &Arc<dyn Local>) -> Self {
        let one = || Arc::clone(target);
        Self {
            sign_up: one(),
            sign_in: one(),
            sign_in_pat: one(),
            refresh: one(),
            check_token: one(),
            sign_out: one(),
            user: one(),
            password: one(),
            create_pat: one(),
            health: one(),
            version: one(),
            webhook: one(),
            off: one(),
        }
    }
}
