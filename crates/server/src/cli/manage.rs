//! How a management command runs: on the store directly, as an operator, with the
//! running server (if there is one) following by the change log.

use super::args::Target;
use super::{Failure, output};
use crate::engine::Engine;
use crate::system::SystemClock;
use clap::Args;
use doorward_base::{Clock as _, Effects, RequestId, SubjectId, TenantId};
use doorward_identity::act::{self, Call, Context, Realm};
use doorward_identity::decide::proof::check_meant;
use doorward_identity::decide::refusal::Reason;
use doorward_identity::model::Subject;
use doorward_identity::port::Page;
use serde::Serialize;
use serde_json::Value;
use std::fmt::Display;
use std::str::FromStr;
use std::sync::Arc;

/// An opened installation and the realm a command works on.
pub(super) struct Management {
    pub(super) engine: Engine,
    pub(super) realm: Arc<Realm>,
    pub(super) call: Call,
    effects: Effects,
}

impl Management {
    /// The context its use-cases run in.
    pub(super) fn ctx(&self) -> Context<'_> {
        Context {
            identity: &self.engine.identity,
            realm: &self.realm,
            call: &self.call,
            effects: &self.effects,
        }
    }

    /// The user or service account of an address: whose it is in the whole realm, else the
    /// only one that has it in a tenant.
    pub(super) async fn subject(&self, email: doorward_base::Email) -> Result<Subject, Failure> {
        let text = email.to_string();
        act::find_subject_by_email(self.ctx(), &act::Caller::Operator, email)
            .await
            .map_err(|failure| match failure.code() {
                doorward_base::ErrorCode::NotFound => Failure::Refused(format!(
                    "no subject has the address {text} in realm {}",
                    self.realm.settings.name
                )),
                _ => refused(failure),
            })
    }
}

/// The user of an address: whose it is in the whole realm.
async fn user(management: &Management, email: doorward_base::Email) -> Result<Subject, Failure> {
    let text = email.to_string();
    act::find_user_by_email(management.ctx(), &act::Caller::Operator, email)
        .await
        .map_err(|failure| match failure.code() {
            doorward_base::ErrorCode::NotFound => Failure::Refused(format!(
                "no user has the address {text} in realm {}; a service account is named by --id",
                management.realm.settings.name
            )),
            _ => refused(failure),
        })
}

fn meant(subject: &Subject) -> Result<SubjectId, Failure> {
    match check_meant(subject) {
        Ok(()) => Ok(subject.id),
        Err(refusal) => Err(Failure::Refused(refusal.to_string())),
    }
}

/// Runs a management command to its end and closes the store.
pub(super) fn run<T>(
    target: &Target,
    command: impl AsyncFnOnce(&Management) -> Result<T, Failure>,
) -> Result<T, Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .map_err(|error| Failure::Refused(format!("cannot start: {error}")))?;
    runtime.block_on(async {
        let engine = Engine::open(&target.installation).await?;
        let realm = engine.realm(&target.realm).await?;
        let now = SystemClock.now();
        let call = Call {
            now,
            request: RequestId::mint(&*engine.identity.entropy, now),
            peer: None,
        };
        let management = Management {
            engine,
            realm,
            call,
            effects: Effects::undeclared(),
        };
        let outcome = command(&management).await;
        management.engine.close().await;
        outcome
    })
}

/// Every row of a listing, page by page.
pub(super) async fn every<T, K>(
    mut list: impl AsyncFnMut(Page<K>) -> Result<Vec<T>, Failure>,
    key: impl Fn(&T) -> K,
) -> Result<Vec<T>, Failure> {
    const LIMIT: u32 = 1000;
    let (mut rows, mut after) = (Vec::new(), None);
    loop {
        let page = Page {
            after,
            limit: LIMIT,
        };
        let found = list(page).await?;
        after = found.last().map(&key);
        let last = found.len() < LIMIT as usize;
        rows.extend(found);
        if last {
            return Ok(rows);
        }
    }
}

/// What a refused use-case says at the command line: its own text and the code.
#[expect(
    clippy::needless_pass_by_value,
    reason = "used as a function of map_err"
)]
pub(super) fn refused<R: Reason>(failure: act::Failure<R>) -> Failure {
    Failure::Refused(format!("{failure} ({})", failure.code()))
}

/// Prints one thing: as JSON, or as `key  value` lines without the empty ones.
pub(super) fn show(json: bool, view: &impl Serialize) {
    let value = value_of(view);
    if json {
        output::json(&value);
        return;
    }
    let rows: Vec<Vec<String>> = value
        .as_object()
        .into_iter()
        .flatten()
        .filter(|(_, value)| !value.is_null())
        .map(|(name, value)| vec![name.clone(), text_of(value)])
        .collect();
    output::pairs(&rows);
}

/// Prints a listing: as a JSON array, or as a table of these members.
pub(super) fn show_list<V: Serialize>(
    json: bool,
    members: &[&str],
    views: impl IntoIterator<Item = V>,
) {
    let items: Vec<Value> = views.into_iter().map(|view| value_of(&view)).collect();
    if json {
        output::json(&Value::Array(items));
        return;
    }
    let heads: Vec<String> = members
        .iter()
        .map(|member| member.to_uppercase().replace('_', " "))
        .collect();
    let heads: Vec<&str> = heads.iter().map(String::as_str).collect();
    let row = |item: &Value| {
        members
            .iter()
            .map(|member| text_of(item.get(member).unwrap_or(&Value::Null)))
            .collect()
    };
    output::table(&heads, &items.iter().map(row).collect::<Vec<Vec<String>>>());
}

/// What the console answers of it, and `--json` prints.
pub(super) fn value_of(view: &impl Serialize) -> Value {
    // Texts, lists and objects of texts cannot fail to be written.
    serde_json::to_value(view).unwrap_or(Value::Null)
}

fn text_of(value: &Value) -> String {
    match value {
        Value::Null => "-".to_owned(),
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(text_of).collect::<Vec<_>>().join(" "),
        other => other.to_string(),
    }
}

/// Who owns a token: an address, an id, or `tenant:ID`.
#[derive(Debug, Clone)]
pub(super) struct Owner(pub(super) act::OwnerRef);

impl FromStr for Owner {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let fail = |error: &dyn Display| {
            format!("{error}; an owner is an e-mail address, an id or tenant:ID")
        };
        if let Ok(id) = text.parse() {
            return Ok(Self(act::OwnerRef::Subject(id)));
        }
        match text.strip_prefix("tenant:") {
            Some(id) => TenantId::new(id)
                .map(act::OwnerRef::Tenant)
                .map_err(|error| fail(&error)),
            None => doorward_base::Email::new(text)
                .map(act::OwnerRef::Email)
                .map_err(|error| fail(&error)),
        }
        .map(Self)
    }
}

/// Who made something: an address, or the id of somebody who may be gone.
#[derive(Debug, Clone)]
pub(super) struct Maker(pub(super) act::OwnerRef);

impl FromStr for Maker {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let made_by = match text.parse() {
            Ok(id) => act::OwnerRef::Subject(id),
            Err(_) => act::OwnerRef::Email(
                doorward_base::Email::new(text)
                    .map_err(|error| format!("{error}; write an e-mail address or an id"))?,
            ),
        };
        Ok(Self(made_by))
    }
}

/// Which subject a command is about: by its address, or by its id.
#[derive(Args, Debug, Clone)]
#[group(required = true, multiple = false)]
pub(super) struct Whom {
    /// The subject's address
    #[arg(long, value_parser = email)]
    email: Option<doorward_base::Email>,
    /// The subject's id: where several have the address, each in a tenant
    #[arg(long)]
    id: Option<SubjectId>,
}

impl Whom {
    /// Its id.
    pub(super) async fn find(&self, management: &Management) -> Result<SubjectId, Failure> {
        match (&self.email, self.id) {
            (Some(email), _) => Ok(management.subject(email.clone()).await?.id),
            (None, Some(id)) => Ok(id),
            (None, None) => Err(Failure::Usage("give --email or --id".to_owned())),
        }
    }

    /// Its id, for what gives it authority.
    pub(super) async fn find_meant(&self, management: &Management) -> Result<SubjectId, Failure> {
        match &self.email {
            Some(email) => meant(&management.subject(email.clone()).await?),
            None => self.find(management).await,
        }
    }

    /// The same of a user alone; an address means a user, not what tenants call their service accounts.
    pub(super) async fn find_meant_user(
        &self,
        management: &Management,
    ) -> Result<SubjectId, Failure> {
        match &self.email {
            Some(email) => meant(&user(management, email.clone()).await?),
            None => self.find(management).await,
        }
    }
}

/// That what cannot be undone is meant.
#[derive(Args, Debug, Clone, Copy)]
pub(super) struct Confirmed {
    /// Yes, for good: nothing brings it back
    #[arg(long)]
    yes: bool,
}

impl Confirmed {
    /// Refuses what was not confirmed.
    pub(super) fn check(self, what: &str) -> Result<(), Failure> {
        if self.yes {
            return Ok(());
        }
        Err(Failure::Usage(format!(
            "this deletes {what} for good; say --yes if you mean it"
        )))
    }
}

/// An address, for clap.
pub(super) fn email(text: &str) -> Result<doorward_base::Email, String> {
    doorward_base::Email::new(text).map_err(|error| error.to_string())
}
