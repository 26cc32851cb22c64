//! What is asked for when an invitation is taken: by what, which invitation that is, and what
//! taking it would do. Not here: doing it.

use super::super::caller::{load_maker, load_manager, load_standing};
use super::super::displace::find_barred;
use super::super::link_identity::has_way_in;
use super::super::work::{Query, Stop};
use super::super::{Caller, Realm};
use crate::decide::bounds::check_name;
use crate::decide::invitation::{TakeInput, take};
use crate::decide::proof::{Account, Named, Taking, shows_address};
use crate::decide::refusal::ManageRefusal;
use crate::model::{Invitation, Subject};
use crate::port::{ChallengeKey, Read, StoreError};
use crate::settings::RealmSettings;
use async_trait::async_trait;
use doorward_base::{Email, SubjectId, Timestamp};
use std::sync::Arc;

/// By what an invitation is taken.
pub(super) enum Taker {
    /// By its secret, under every live digest key, and by whom, if somebody is signed in.
    Secret(Vec<ChallengeKey>, Option<Caller>),
    /// By a session of the account it is for.
    Session(Caller, ChallengeKey),
}

/// What is asked for.
pub(super) struct Asked {
    pub(super) realm: Arc<Realm>,
    pub(super) now: Timestamp,
    pub(super) taker: Taker,
    pub(super) sets_password: bool,
    pub(super) name: Option<String>,
}

/// An invitation that was found, and who takes it.
pub(super) struct Found {
    pub(super) key: ChallengeKey,
    pub(super) invitation: Invitation,
    pub(super) account: Option<Subject>,
    pub(super) own_session: bool,
    pub(super) named: Named,
}

impl Found {
    /// Whether taking it shows that the address is the account's.
    pub(super) fn shows_address(&self, taking: Taking) -> bool {
        let delivery = self.invitation.delivery;
        shows_address(delivery, self.named, self.own_session, taking)
    }
}

impl Asked {
    pub(super) async fn find(&self, tx: &mut dyn Read) -> Result<Found, Stop<ManageRefusal>> {
        check_name(self.name.as_deref())?;
        let invalid = ManageRefusal::InvitationInvalid;
        match &self.taker {
            Taker::Secret(keys, caller) => {
                let (key, invitation) = find(tx, keys).await?.ok_or(invalid)?;
                let account = tx.find_user_by_email(&invitation.email, None).await?;
                let own_session = match (caller, &account) {
                    (Some(caller), Some(account)) if caller.subject() == Some(account.id) => {
                        let settings = &self.realm.settings;
                        let manager = load_standing(tx, settings, caller, self.now).await?;
                        manager.demand_session()?;
                        true
                    }
                    _ => false,
                };
                Ok(Found {
                    key,
                    invitation,
                    account,
                    own_session,
                    named: Named::Secret,
                })
            }
            Taker::Session(caller, key) => {
                let own = own_account(tx, &self.realm, caller, self.now).await?;
                let (account, address) = own.ok_or_else(|| invalid.clone())?;
                let found = find(tx, std::slice::from_ref(key)).await?;
                let (key, invitation) = found
                    .filter(|(_, invitation)| invitation.email == address)
                    .ok_or(invalid)?;
                Ok(Found {
                    key,
                    invitation,
                    account: Some(account),
                    own_session: true,
                    named: Named::Id,
                })
            }
        }
    }

    /// What taking it does.
    pub(super) async fn judge(
        &self,
        tx: &mut dyn Read,
        found: &Found,
    ) -> Result<Taking, Stop<ManageRefusal>> {
        let account = found.account.as_ref();
        let settings = &self.realm.settings;
        let input = TakeInput {
            invitation: &found.invitation,
            maker: None,
            account: Account::of(account, self.now).with_way_in(has_way_in(tx, account).await?),
            own_session: found.own_session,
            named: found.named,
            sets_password: self.sets_password,
            gives_name: self.name.is_some(),
            now: self.now,
        };
        judge(tx, settings, input).await
    }
}

/// What taking an invitation does, by whatever way it is taken. Its maker, of whom `input`
/// says nothing yet, is looked up.
///
/// # Errors
/// [`ManageRefusal::InvitationInvalid`] also where who stands in for the address in the
/// tenant may not act.
pub(in super::super) async fn judge(
    tx: &mut dyn Read,
    settings: &RealmSettings,
    input: TakeInput<'_>,
) -> Result<Taking, Stop<ManageRefusal>> {
    let (invitation, now) = (input.invitation, input.now);
    let barred = find_barred(tx, &invitation.email, &invitation.tenant, now).await?;
    if barred.is_some() {
        return Err(ManageRefusal::InvitationInvalid.into());
    }
    let maker = load_maker(tx, settings, invitation, now).await?;
    let taking = take(&TakeInput {
        maker: maker.as_ref(),
        ..input
    })?;
    Ok(taking)
}

/// What taking the invitation will do, and to whose account, before anything is paid for.
/// Whoever is refused here is refused where it is written down.
pub(super) struct Forecast(pub(super) Arc<Asked>);

#[async_trait]
impl Query for Forecast {
    type Done = (Taking, Option<SubjectId>);
    type Refusal = ManageRefusal;

    async fn run(&self, tx: &mut dyn Read) -> Result<Self::Done, Stop<ManageRefusal>> {
        let found = self.0.find(tx).await?;
        let taking = self.0.judge(tx, &found).await?;
        Ok((taking, found.account.map(|account| account.id)))
    }
}

/// The invitation that is stored under one of these keys, with the key.
pub(in super::super) async fn find(
    tx: &mut dyn Read,
    keys: &[ChallengeKey],
) -> Result<Option<(ChallengeKey, Invitation)>, StoreError> {
    for key in keys {
        let found = tx.find_challenge(key).await?;
        if let Some(invitation) = found.as_ref().and_then(Invitation::of) {
            return Ok(Some((key.clone(), invitation)));
        }
    }
    Ok(None)
}

/// The caller's account, if its address is proven, with the address. It must ask by a
/// session of its own.
pub(super) async fn own_account(
    tx: &mut dyn Read,
    realm: &Realm,
    caller: &Caller,
    now: Timestamp,
) -> Result<Option<(Subject, Email)>, Stop<ManageRefusal>> {
    let manager = load_manager(tx, &realm.settings, caller, now)
        .await?
        .ok_or(ManageRefusal::CallerDead)?;
    manager.demand_session()?;
    let Some(id) = manager.subject() else {
        return Ok(None);
    };
    let account = tx.find_subject(id).await?;
    let account = match Account::of(account.as_ref(), now) {
        Account::Said | Account::Proven => account,
        Account::Missing | Account::Unproven | Account::Shut | Account::Unfit => None,
    };
    Ok(account.and_then(|account| {
        let address = account.identifier.email().cloned()?;
        Some((account, address))
    }))
}
