//! What tests of several modules share: a store that can be held back, and what one
//! does with it.

use crate::config::{Loaded, Overrides, parse};
use crate::system::{SystemClock, SystemEntropy};
use doorward_base::limit::LocalLimiter;
use doorward_base::{
    ApiTokenId, Clock as _, Effects, Email, RealmId, RealmName, RequestId, SubjectId, Timestamp,
};
use doorward_identity::act::mail::{MailLimit, MailPolicy, MailRates};
use doorward_identity::act::{
    Call, Caller, Context, CreateServiceAccount, CreateToken, Guesses, Identity, LastUsed,
    MintedToken, OwnerRef, PasswordPool, Placement, Realm, TokenRef, create_service_account,
    create_token, revoke_token,
};
use doorward_identity::model::{Ceiling, ChangeRow, ChangeSeq, ClaimedMail, MailCount, TokenKind};
use doorward_identity::port::{Extent, Node, ReadJob, Store, StoreError, StoreHandle, WriteJob};
use doorward_jose::MasterKey;
use doorward_store::sqlite::SqliteStore;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::{Notify, Semaphore};

/// A store whose answers to the feed can be held back, counted and changed.
pub(crate) struct Held {
    pub(crate) inner: SqliteStore,
    /// Questions whether anything changed take one of these.
    pub(crate) room: Semaphore,
    /// Listings take one of these.
    pub(crate) lists: Semaphore,
    pub(crate) questions: AtomicU64,
    pub(crate) reads: AtomicU64,
    pub(crate) heard: Notify,
    /// The change log says that it went on for this long, and keeps the end alone.
    pub(crate) pruned: AtomicI64,
    /// Whether questions fail.
    pub(crate) deaf: AtomicBool,
    /// The processes that are there besides.
    pub(crate) others: Mutex<Vec<Node>>,
    /// What was announced and not taken back.
    pub(crate) announced: Mutex<Option<Node>>,
    /// Whether the change log holds an entry that cannot be read.
    pub(crate) garbled: AtomicBool,
    /// Whether reads of a realm fail.
    pub(crate) unreadable: AtomicBool,
    /// Whether announcements fail.
    pub(crate) read_only: AtomicBool,
}

pub(crate) const PLENTY: usize = 1_000_000;

impl Held {
    /// Over a new file in `directory`, with nothing held back.
    pub(crate) fn new(directory: &Path) -> Arc<Self> {
        Arc::new(Self {
            inner: SqliteStore::open(&directory.join("x.db")).unwrap(),
            room: Semaphore::new(PLENTY),
            lists: Semaphore::new(PLENTY),
            questions: AtomicU64::new(0),
            reads: AtomicU64::new(0),
            heard: Notify::new(),
            pruned: AtomicI64::new(0),
            deaf: AtomicBool::new(false),
            others: Mutex::default(),
            announced: Mutex::default(),
            garbled: AtomicBool::new(false),
            unreadable: AtomicBool::new(false),
            read_only: AtomicBool::new(false),
        })
    }

    /// Identity over it, with a master key of its own.
    pub(crate) fn identity(self: &Arc<Self>) -> Arc<Identity> {
        let master = MasterKey::generate(&SystemEntropy);
        Arc::new(Identity {
            guesses: Guesses::new(Arc::new(LocalLimiter::new(16)), &master).unwrap(),
            refreshes: Arc::new(LocalLimiter::new(16)),
            mail: MailPolicy {
                is_on: false,
                limit: MailLimit::new(
                    Arc::new(LocalLimiter::new(16)),
                    &master,
                    MailRates::usual().unwrap(),
                )
                .unwrap(),
            },
            store: StoreHandle::new(Arc::clone(self) as Arc<dyn Store>),
            master,
            passwords: PasswordPool::new(1, || {}),
            entropy: Arc::new(SystemEntropy),
            last_used: LastUsed::default(),
            strangers: Arc::default(),
        })
    }
}

#[async_trait::async_trait]
impl Store for Held {
    async fn open_realm(&self, name: &RealmName) -> Result<RealmId, StoreError> {
        self.inner.open_realm(name).await
    }
    async fn find_store_value(&self, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
        self.inner.find_store_value(name).await
    }
    async fn init_store_value(&self, name: &str, value: &[u8]) -> Result<Vec<u8>, StoreError> {
        self.inner.init_store_value(name, value).await
    }
    async fn run_write(
        &self,
        realm: RealmId,
        extent: Extent,
        job: WriteJob,
    ) -> Result<(), StoreError> {
        self.inner.run_write(realm, extent, job).await
    }
    async fn run_read(
        &self,
        realm: RealmId,
        extent: Extent,
        job: ReadJob<'static>,
    ) -> Result<(), StoreError> {
        self.reads.fetch_add(1, Ordering::SeqCst);
        if self.unreadable.load(Ordering::SeqCst) {
            return Err(StoreError::Unavailable("unreadable".to_owned()));
        }
        self.inner.run_read(realm, extent, job).await
    }
    async fn hear_change(&self) {
        self.heard.notified().await;
    }
    fn poll_interval(&self) -> Duration {
        Duration::from_secs(3600)
    }
    async fn has_changed(&self) -> Result<bool, StoreError> {
        self.questions.fetch_add(1, Ordering::SeqCst);
        self.room.acquire().await.unwrap().forget();
        if self.deaf.load(Ordering::SeqCst) {
            return Err(StoreError::Unavailable("deaf".to_owned()));
        }
        self.inner.has_changed().await
    }
    async fn list_changes(
        &self,
        after: ChangeSeq,
        limit: u32,
    ) -> Result<Vec<ChangeRow>, StoreError> {
        self.lists.acquire().await.unwrap().forget();
        if self.garbled.load(Ordering::SeqCst) {
            return Err(StoreError::Inconsistent {
                table: "changes",
                column: "kind",
                row: "7".to_owned(),
                problem: "unknown".to_owned(),
            });
        }
        match self.pruned.load(Ordering::SeqCst) {
            0 => self.inner.list_changes(after, limit).await,
            _ => Ok(Vec::new()),
        }
    }
    async fn last_change(&self) -> Result<ChangeSeq, StoreError> {
        let last = self.inner.last_change().await?;
        Ok(ChangeSeq(last.0 + self.pruned.load(Ordering::SeqCst)))
    }
    async fn list_unswept(&self) -> Result<Vec<RealmId>, StoreError> {
        self.inner.list_unswept().await
    }
    async fn announce(&self, node: &Node) -> Result<Vec<Node>, StoreError> {
        if self.read_only.load(Ordering::SeqCst) {
            return Err(StoreError::Unavailable("read only".to_owned()));
        }
        *self.announced.lock().unwrap() = Some(node.clone());
        Ok(self.others.lock().unwrap().clone())
    }
    async fn take_lease(
        &self,
        job: &str,
        holder: &[u8; 16],
        life: Duration,
    ) -> Result<bool, StoreError> {
        self.inner.take_lease(job, holder, life).await
    }
    async fn rest_lease(
        &self,
        job: &str,
        holder: &[u8; 16],
        rest: Duration,
    ) -> Result<(), StoreError> {
        self.inner.rest_lease(job, holder, rest).await
    }
    async fn prune_changes(&self, limit: u32) -> Result<u64, StoreError> {
        self.inner.prune_changes(limit).await
    }
    async fn claim_mail(
        &self,
        now: Timestamp,
        hold: Duration,
        limit: u32,
    ) -> Result<Vec<ClaimedMail>, StoreError> {
        self.inner.claim_mail(now, hold, limit).await
    }
    async fn count_mail(&self) -> Result<MailCount, StoreError> {
        self.inner.count_mail().await
    }
    async fn withdraw(&self, _: &Node) -> Result<(), StoreError> {
        *self.announced.lock().unwrap() = None;
        Ok(())
    }
    async fn close(&self) {
        self.inner.close().await;
    }
}

/// A configuration of this text, which lies in `directory`.
pub(crate) fn loaded(directory: &Path, text: &str) -> Loaded {
    let nothing = |_: &str| None;
    let file = directory.join("d.toml");
    parse(&file, text.as_bytes(), &nothing, &Overrides::default()).unwrap()
}

/// A new API token of a new service account, and its owner.
pub(crate) async fn make_token(identity: &Identity, realm: &Arc<Realm>) -> (ApiTokenId, SubjectId) {
    let made = mint_token(identity, realm).await;
    (made.token.id, made.token.owner)
}

/// A new API token of a new service account, with its secret.
pub(crate) async fn mint_token(identity: &Identity, realm: &Arc<Realm>) -> MintedToken {
    let call = call();
    let ctx = Context {
        identity,
        realm,
        call: &call,
        effects: &Effects::undeclared(),
    };
    let email = Email::new("robot@example.com").unwrap();
    let new = CreateServiceAccount {
        email: email.clone(),
        name: None,
        placement: Placement {
            tenant: None,
            roles: Vec::new(),
            permissions: Vec::new(),
        },
    };
    create_service_account(ctx, &Caller::Operator, new)
        .await
        .unwrap();
    let new = CreateToken {
        kind: TokenKind::Service,
        owner: OwnerRef::Email(email),
        name: None,
        ceiling: Ceiling::default(),
        expires_at: None,
    };
    create_token(ctx, &Caller::Operator, new).await.unwrap()
}

pub(crate) async fn revoke(identity: &Identity, realm: &Arc<Realm>, token: ApiTokenId) {
    let call = call();
    let ctx = Context {
        identity,
        realm,
        call: &call,
        effects: &Effects::undeclared(),
    };
    let token = TokenRef::Id(token);
    revoke_token(ctx, &Caller::Operator, token).await.unwrap();
}

/// A request now.
pub(crate) fn call() -> Call {
    let now = SystemClock.now();
    Call {
        now,
        request: RequestId::mint(&SystemEntropy, now),
        peer: None,
    }
}

/// Waits, within a deadline, until it is so.
pub(crate) async fn until(mut so: impl FnMut() -> bool) {
    let waiting = async {
        while !so() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), waiting)
        .await
        .unwrap();
}
