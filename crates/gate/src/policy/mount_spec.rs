//! Where a local target is mounted, as configuration and the dialects state it. Not here:
//! the rest of a realm (`spec`).

use super::spec::LimitSpec;
use doorward_base::CredentialKind;
use doorward_surface::{Form, Local, Template};
use http::{HeaderName, Method};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// Where a local target is mounted, and what the gate does before it is called.
#[derive(Clone)]
pub struct MountSpec {
    /// A name for traces, for example `oauth`.
    pub name: &'static str,
    /// Its patterns.
    pub paths: Vec<String>,
    /// Methods; empty is all.
    pub methods: Vec<Method>,
    pub target: Arc<dyn Local>,
    /// Who may call it.
    pub access: MountAccess,
    /// Whether the target itself looks up in the store whether an access token's session and
    /// subject still stand, and words it. The gate leaves it to that; what it tells by the
    /// token alone it refuses as everywhere.
    pub asks_standing: bool,
    /// The header that carries an API key beside a bearer, such as `apikey`: an API token
    /// of a class with this header, or an access token. Alone it is the caller's
    /// credential; beside another bearer it is verified too and gives nothing.
    pub api_key: Option<HeaderName>,
    /// The cookie that carries a sign-in, where the access accepts one.
    pub cookie: Option<String>,
    /// The body form of refusals there, the gate's and the target's.
    pub errors: Arc<dyn Form>,
    /// Limits by address or subject, for example on sign-in.
    pub limits: Vec<LimitSpec>,
    /// Whether the limits of the realm count its calls too. Those of a load balancer's probe
    /// they do not.
    pub counted: bool,
    /// Which origins may call it from a browser; `None` is as in the rest of the realm.
    pub cors: Option<CorsSpec>,
    /// Whether what callers prove themselves by here can be guessed, as passwords and
    /// codes can: an address that failed too often is not listened to at all.
    pub guessable: bool,
    /// From the call to the head of the answer, the reading of the body included.
    pub timeout: Duration,
    /// The largest request body, bytes; `None` is the listener's cap.
    pub max_body: Option<u64>,
}

impl MountSpec {
    /// A target that anyone may call, with the defaults of the rest.
    #[must_use]
    pub fn open(name: &'static str, paths: Vec<String>, target: Arc<dyn Local>) -> Self {
        Self {
            name,
            paths,
            methods: Vec::new(),
            target,
            access: MountAccess::Open,
            asks_standing: false,
            api_key: None,
            cookie: None,
            errors: Arc::new(Template::default()),
            limits: Vec::new(),
            counted: true,
            cors: None,
            guessable: false,
            timeout: Duration::from_secs(30),
            max_body: None,
        }
    }
}

impl fmt::Debug for MountSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MountSpec")
            .field("name", &self.name)
            .field("paths", &self.paths)
            .finish_non_exhaustive()
    }
}

/// Who may call a mount.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum MountAccess {
    /// Anyone; presented credentials are the target's own business (an exchange body,
    /// a client secret) and are not verified by the gate.
    Open,
    /// Whoever presents a credential of these kinds.
    Required(Vec<CredentialKind>),
    /// Anyone; who presents a credential presents one of these kinds, and it is verified.
    Optional(Vec<CredentialKind>),
}

impl MountAccess {
    /// Whoever presents an access token.
    #[must_use]
    pub fn jwt() -> Self {
        Self::Required(vec![CredentialKind::Jwt])
    }

    /// The kinds that are verified.
    #[must_use]
    pub fn kinds(&self) -> &[CredentialKind] {
        match self {
            Self::Open => &[],
            Self::Required(kinds) | Self::Optional(kinds) => kinds,
        }
    }
}

/// Which origins may call from a browser, and what their pages may see.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CorsSpec {
    pub origins: Origins,
    /// Whether cookies and other credentials of the browser go along; never with
    /// [`Origins::Any`].
    pub credentials: bool,
    /// Headers that pages may read beside those every answer of the gate has.
    pub exposed: Vec<HeaderName>,
    /// How long a browser keeps the answer to a preflight.
    pub max_age: Duration,
}

impl CorsSpec {
    /// These origins, with credentials: the form of a realm's list.
    #[must_use]
    pub fn listed(origins: Vec<String>) -> Self {
        Self {
            origins: Origins::Listed(origins),
            credentials: true,
            exposed: Vec::new(),
            max_age: Duration::from_secs(600),
        }
    }

    /// Whether it depends on the origin what a page may do.
    #[must_use]
    pub const fn is_listed(&self) -> bool {
        matches!(self.origins, Origins::Listed(_))
    }
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Origins {
    /// Every origin.
    Any,
    /// These, compared byte for byte.
    Listed(Vec<String>),
}
