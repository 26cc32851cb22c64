//! The only wiring: which part is given which. Not here: what the parts do.

use crate::adapter::{
    EgressCourier, FeedNews, FeedRevocations, InternalMinter, LivePlans, RealmKeys, TokenIntrospect,
};
use crate::cli::Failure;
use crate::config::{Loaded, RealmConfig, ServerSettings, policies};
use crate::data::{self, Erased};
use crate::descriptor::{self, RowsRoom};
use crate::engine::{Engine, open_realm, store_failure};
use crate::feed::Feed;
use crate::issuers::Issuers;
use crate::jobs::MailGauge;
use crate::live::RealmLive;
use crate::mounts::{Targets, place};
use crate::quotas::Quotas;
use crate::realms::{Realms, Served};
use crate::system::SystemClock;
use doorward_base::egress::Egress;
use doorward_base::{Clock as _, RealmName, RequestId, TenantId};
use doorward_gate::policy::Policies;
use doorward_gate::port::Introspect;
use doorward_gate::{Gate, GateOptions, GateParts, Streams};
use doorward_identity::act::{self, Identity, KeyNews, Realm};
use doorward_identity::port::{Courier, Mailer, StoreError};
use doorward_oauth::OAuthRealm;
use doorward_outbound::egress::{GuardedClient, SystemResolver};
use doorward_outbound::mail::Post;
use doorward_supabase::SupabaseRealm;
use doorward_surface::{Denial, DenialLog, RealmParts};
use std::sync::{Arc, OnceLock};

/// The running parts.
pub(crate) struct Composed {
    pub(crate) gate: Arc<Gate>,
    pub(crate) feed: Arc<Feed>,
    pub(crate) egress: Arc<GuardedClient>,
    pub(crate) issuers: Arc<Issuers>,
    /// Sends mail, where any is sent.
    pub(crate) mailer: Option<Arc<dyn Mailer>>,
    /// Brings messages to webhooks.
    pub(crate) courier: Arc<dyn Courier>,
    news: Arc<FeedNews>,
    /// How many mails there are, as last counted.
    pub(crate) mail_count: Arc<MailGauge>,
    pub(crate) identity: Arc<Identity>,
    pub(crate) realms: Arc<Realms>,
    /// Quotas of the calendar.
    quotas: Arc<Quotas>,
    /// API tokens that were presented themselves.
    presented: Arc<TokenIntrospect>,
    denials: Arc<LateDenials>,
    targets: Targets,
    /// Up to when the rows of deleted tenants are gone.
    pub(crate) erased: Erased,
    pub(crate) rows: RowsRoom,
}

/// Puts the parts together.
pub(crate) async fn compose(engine: &Engine, loaded: &Loaded) -> Result<Composed, Failure> {
    let identity = Arc::clone(&engine.identity);
    let realms = Arc::new(Realms::default());
    let streams = Arc::new(Streams::default());
    let feed = follow(&identity, &realms, &streams).await?;
    let news = Arc::new(FeedNews::new(Arc::clone(&feed)));
    let denials = Arc::new(LateDenials::default());
    let server = &loaded.settings.server;
    let egress = guarded(server)?;
    let issuers = Arc::new(Issuers::new(Arc::clone(&egress) as Arc<dyn Egress>));
    let cache = server.token_cache / 4;
    let presented = TokenIntrospect::new(Arc::clone(&identity), Arc::clone(&feed), cache);
    let presented = Arc::new(presented);
    let quotas = Arc::new(Quotas::new(identity.store.clone()));
    let parts = GateParts {
        introspect: Arc::clone(&presented) as Arc<dyn Introspect>,
        revocations: Arc::new(FeedRevocations::new(Arc::clone(&feed))),
        minter: Arc::new(InternalMinter::new(Arc::clone(&identity))),
        keys: Arc::new(RealmKeys::new(Arc::clone(&news), Arc::clone(&issuers))),
        limiter: engine.limits.limiter(),
        plans: Arc::new(LivePlans::new(Arc::clone(&quotas))),
        limit_seed: limit_seed(&identity)?,
        clock: Arc::new(SystemClock),
        entropy: Arc::clone(&identity.entropy),
        streams,
        options: gate_options(server),
    };
    let targets = Targets::new(&identity, &feed, Arc::clone(&denials) as Arc<dyn DenialLog>);
    let rows = RowsRoom::of(&loaded.settings, descriptor::limit());
    let wiring = Wiring {
        identity: &identity,
        realms: &realms,
        feed: &feed,
        news: &news,
        targets: &targets,
        rows: &rows,
    };
    let policies = wiring.put_in_force(loaded).await?;
    feed.catch_up().await.map_err(store_failure)?;
    let gate = Gate::new(parts, policies);
    denials.set(gate.denials());
    Ok(Composed {
        gate,
        feed,
        courier: courier(&egress),
        egress,
        issuers,
        mailer: mailer(server)?,
        mail_count: Arc::default(),
        news,
        identity,
        realms,
        quotas,
        presented,
        denials,
        targets,
        erased: Erased::default(),
        rows,
    })
}

/// What callers' keys of limits are made with.
fn limit_seed(identity: &Identity) -> Result<[u8; 32], Failure> {
    let seed = identity.master.seed("limits");
    seed.map(|seed| *seed)
        .map_err(|error| Failure::Refused(error.to_string()))
}

/// What follows the store for these.
async fn follow(
    identity: &Arc<Identity>,
    realms: &Arc<Realms>,
    streams: &Arc<Streams>,
) -> Result<Arc<Feed>, Failure> {
    let (identity, realms) = (Arc::clone(identity), Arc::clone(realms));
    let feed = Feed::open(identity, realms, Arc::clone(streams)).await;
    feed.map(Arc::new).map_err(store_failure)
}

impl Composed {
    /// Puts another configuration in force, or says what is wrong with it and changes
    /// nothing that a request could see.
    pub(crate) async fn reload(&self, loaded: &Loaded) -> Result<(), Failure> {
        let wiring = Wiring {
            identity: &self.identity,
            realms: &self.realms,
            feed: &self.feed,
            news: &self.news,
            targets: &self.targets,
            rows: &self.rows,
        };
        let policies = wiring.put_in_force(loaded).await?;
        self.gate.swap(policies);
        Ok(())
    }
}

impl Composed {
    /// Writes the gathered uses of API tokens; what cannot be written is kept.
    pub(crate) async fn flush(&self) -> Result<u64, StoreError> {
        self.identity.last_used.flush(&self.identity.store).await
    }

    /// Tells the store what was counted of quotas.
    pub(crate) async fn tell_quotas(&self) -> Result<u64, StoreError> {
        self.quotas.flush().await
    }

    /// Writes down what was counted of refusals.
    pub(crate) async fn write_refusals(&self) -> Result<u64, StoreError> {
        self.identity.strangers.flush(&self.identity.store).await
    }

    /// Forgets what is over: revocations and keys, and what is cached. How many realms'
    /// keys were read for it.
    pub(crate) async fn forget_what_is_over(&self) -> Result<u64, StoreError> {
        self.gate.forget_what_is_over();
        self.presented.forget(&self.realms, SystemClock.now());
        self.feed.forget_what_is_over().await
    }

    /// Takes a piece away of what deleted subjects and tenants left.
    pub(crate) async fn sweep(&self) -> Result<u64, StoreError> {
        act::sweep_erased(&self.identity, SystemClock.now()).await
    }

    /// The trace of a denial in any realm.
    pub(crate) fn find_denial(&self, request: RequestId) -> Option<Denial> {
        let served = self.realms.all();
        served
            .iter()
            .find_map(|served| self.denials.find(&served.realm.settings.name, request))
    }
}

fn gate_options(server: &ServerSettings) -> GateOptions {
    GateOptions {
        trusted_proxies: server.trusted_proxies.clone(),
        max_body: server.max_body,
        body_pace: server.body_pace,
        token_cache: server.token_cache - server.token_cache / 4,
        ..GateOptions::default()
    }
}

/// The one way out for requests of our own.
fn guarded(server: &ServerSettings) -> Result<Arc<GuardedClient>, Failure> {
    GuardedClient::new(server.egress.clone(), Arc::new(SystemResolver))
        .map(Arc::new)
        .map_err(|error| Failure::Usage(format!("[server] egress_ca: {error}")))
}

/// Who brings messages to webhooks.
fn courier(egress: &Arc<GuardedClient>) -> Arc<dyn Courier> {
    let egress = Arc::clone(egress) as Arc<dyn Egress>;
    Arc::new(EgressCourier::new(egress))
}

/// Who sends mail, where any is sent.
pub(crate) fn mailer(server: &ServerSettings) -> Result<Option<Arc<dyn Mailer>>, Failure> {
    let Some(mail) = &server.mail else {
        return Ok(None);
    };
    let post = Post::new(&mail.way, mail.from.clone(), mail.templates.clone())
        .map_err(|error| Failure::Usage(format!("[server.mail] ca: {error}")))?;
    Ok(Some(Arc::new(post)))
}

struct Wiring<'a> {
    identity: &'a Arc<Identity>,
    realms: &'a Arc<Realms>,
    feed: &'a Arc<Feed>,
    news: &'a Arc<FeedNews>,
    targets: &'a Targets,
    rows: &'a RowsRoom,
}

impl Wiring<'_> {
    /// Opens the realms, lowers the policies, and only then replaces the realms.
    async fn put_in_force(&self, loaded: &Loaded) -> Result<Policies, Failure> {
        self.rows.share_among(&loaded.settings);
        let mut served = Vec::with_capacity(loaded.settings.realms.len());
        for config in &loaded.settings.realms {
            let known = self.realms.get(config.name());
            let settings = config.identity.as_ref();
            let realm = match &known {
                Some(known) if known.signs_alike(settings) => {
                    let (id, keys) = (known.realm.id, known.realm.keyring());
                    Arc::new(Realm::new(id, settings.clone(), keys))
                }
                _ => open_realm(self.identity, config).await?,
            };
            realm.hear_from(Arc::clone(self.news) as Arc<dyn KeyNews>);
            let live = known.as_ref().map_or_else(
                || Arc::new(RealmLive::new(realm.id)),
                |known| Arc::clone(&known.live),
            );
            let before = known.as_ref().and_then(|known| known.data.as_deref());
            let of_live = Arc::clone(&live);
            let is_deleted = Arc::new(move |tenant: &TenantId| of_live.is_deleted(Some(tenant)));
            let open_files = self.rows.open_files();
            let data = data::realm(
                &self.identity.master,
                config,
                before,
                is_deleted,
                open_files,
            )?;
            served.push(Arc::new(Served {
                realm,
                live,
                data,
                longest_life: config.longest_life(),
            }));
        }
        // One for each realm of the configuration, in its order.
        let mut parts = served.iter();
        let mut placed = |config: &RealmConfig| {
            let parts = parts.next().map(|served| parts_of(config, served));
            place(config, parts.unwrap_or_default(), self.targets)
        };
        let policies = policies(loaded, &mut placed).map_err(|problems| {
            Failure::Usage(
                problems
                    .iter()
                    .map(ToString::to_string)
                    .collect::<Vec<_>>()
                    .join("\n"),
            )
        })?;
        self.feed.adopt(served).await.map_err(store_failure)?;
        Ok(policies)
    }
}

/// What ports and targets find of a realm.
fn parts_of(config: &RealmConfig, served: &Arc<Served>) -> RealmParts {
    let oauth = OAuthRealm::new(&served.realm.settings, config.exchange.clone());
    let parts = RealmParts::default()
        .with(Arc::clone(served))
        .with(Arc::clone(&served.realm))
        .with(Arc::new(oauth));
    let parts = match &served.data {
        Some(data) => parts.with(Arc::clone(data)),
        None => parts,
    };
    match &config.supabase {
        Some(mount) => parts.with(Arc::new(SupabaseRealm::new(mount.clone()))),
        None => parts,
    }
}

/// The gate's denials, for targets that are made before the gate.
#[derive(Default)]
pub(crate) struct LateDenials(OnceLock<Arc<dyn DenialLog>>);

impl LateDenials {
    fn set(&self, denials: Arc<dyn DenialLog>) {
        // It is set once, by `compose`, before a request can arrive.
        drop(self.0.set(denials));
    }
}

impl DenialLog for LateDenials {
    fn find(&self, realm: &RealmName, request: RequestId) -> Option<Denial> {
        self.0.get()?.find(realm, request)
    }

    fn list(&self, realm: &RealmName, tenant: Option<&TenantId>, limit: usize) -> Vec<Denial> {
        self.0
            .get()
            .map_or_else(Vec::new, |denials| denials.list(realm, tenant, limit))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::Limits;
    use crate::system::SystemClock;
    use crate::testing::{loaded, make_token, revoke};
    use doorward_base::principal::CredentialId;

    const TEXT: &str = "[realm.a]\ndialects = [\"oauth\"]\n[realm.a.api_tokens.service]\nkinds = [\"service\"]\nprefix = \"a_\"\nexpiry = \"optional\"";

    #[tokio::test]
    async fn what_was_revoked_and_changed_before_the_start_is_known_once_composed() {
        let directory = tempfile::tempdir().unwrap();
        let loaded = loaded(directory.path(), TEXT);
        let before = Engine::start(loaded.settings.clone(), Limits::Memory)
            .await
            .unwrap();
        let name = RealmName::new("a").unwrap();
        let realm = before.realm(&name).await.unwrap();
        let (token, owner) = make_token(&before.identity, &realm).await;
        revoke(&before.identity, &realm, token).await;
        let bumped = before.identity.store.write(realm.id, move |tx| {
            Box::pin(async move { tx.bump_epoch(owner, None, SystemClock.now()).await })
        });
        let epoch = bumped.await.unwrap();
        before.close().await;
        let engine = Engine::start(loaded.settings.clone(), Limits::Memory)
            .await
            .unwrap();
        let composed = compose(&engine, &loaded).await.unwrap();
        let live = Arc::clone(&composed.realms.get(&name).unwrap().live);
        let credential = CredentialId::ApiToken(token);
        assert!(live.is_revoked(&credential, SystemClock.now()));
        assert_eq!(live.epoch(owner, None), epoch);
        engine.close().await;
    }
}
