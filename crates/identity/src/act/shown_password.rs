//! The current password that a person shows beside its session: matched before the
//! transaction, where hashing takes its time, and confirmed in it. Not here: signing in
//! (`authenticate`), what a shown password allows (`decide`).

use super::Context;
use super::guesses::Origin;
use super::password::PasswordCheck;
use super::work::{Failure, Query, Stop};
use crate::decide::refusal::ManageRefusal;
use crate::model::{HashedPassword, Identifier};
use crate::port::{Read, StoreError, Tx};
use async_trait::async_trait;
use doorward_base::{Secret, SubjectId};

/// The stored hash that it matched, or why there is none.
pub(super) struct ShownPassword(Result<HashedPassword, ManageRefusal>);

impl ShownPassword {
    /// None was shown, or none is asked for.
    pub(super) const fn none() -> Self {
        Self(Err(ManageRefusal::PasswordWrong))
    }

    /// It was not looked at, for this reason.
    pub(super) const fn refused(refusal: ManageRefusal) -> Self {
        Self(Err(refusal))
    }

    /// Matches it. It is a guess at the account, as one at sign-in is, counted by itself: a
    /// stolen session must not open a way around that limit, and whoever guesses outside
    /// must not keep a person from changing its password. For a caller that is the account's
    /// own session, and has its turn: nobody else uses the account's guesses up.
    pub(super) async fn check(
        ctx: Context<'_>,
        subject: SubjectId,
        password: Option<Secret>,
    ) -> Result<Self, Failure<ManageRefusal>> {
        let Some(password) = password else {
            return Ok(Self::none());
        };
        let Some(stored) = ctx.query(FindPassword(subject)).await? else {
            return Ok(Self::none());
        };
        // By the account: its address may be another's elsewhere.
        let account = subject.to_string();
        let guesses = &ctx.identity.guesses;
        let from = Origin::Session {
            address: ctx.call.peer,
        };
        let taken = guesses.take(ctx.realm.id, &account, from, ctx.call.now);
        let guess = match taken.await {
            Ok(guess) => guess,
            Err(retry_after) => return Ok(Self(Err(ManageRefusal::TooManyGuesses(retry_after)))),
        };
        match ctx.identity.passwords.check(&password, Some(&stored)).await {
            Ok(PasswordCheck::Wrong) => Ok(Self::none()),
            Ok(PasswordCheck::Right { .. }) => {
                guess.give_back();
                Ok(Self(Ok(stored)))
            }
            Err(failure) => {
                guess.give_back();
                Err(failure)
            }
        }
    }

    /// Whether it matched.
    pub(super) const fn matched(&self) -> bool {
        self.0.is_ok()
    }

    /// Whether it is the subject's password, or why not; none if the subject has no
    /// password. It is compared again here: the hash may have changed since it was matched.
    pub(super) async fn confirm(
        &self,
        tx: &mut dyn Tx,
        subject: SubjectId,
    ) -> Result<Option<Result<(), ManageRefusal>>, StoreError> {
        let stored = tx.find_password(subject).await?;
        Ok(stored.map(|stored| match &self.0 {
            Ok(shown) if *shown == stored => Ok(()),
            Ok(_) => Err(ManageRefusal::PasswordWrong),
            Err(refusal) => Err(refusal.clone()),
        }))
    }
}

/// Whether this is the password that a person has, asked where it will be its new one and so
/// is no guess.
pub(super) async fn is_current(
    ctx: Context<'_>,
    subject: SubjectId,
    password: &Secret,
) -> Result<bool, Failure<ManageRefusal>> {
    let Some(stored) = ctx.query(FindPassword(subject)).await? else {
        return Ok(false);
    };
    let check = ctx.identity.passwords.check(password, Some(&stored));
    Ok(matches!(check.await?, PasswordCheck::Right { .. }))
}

/// A user's password.
struct FindPassword(SubjectId);

#[async_trait]
impl Query for FindPassword {
    type Done = Option<HashedPassword>;
    type Refusal = ManageRefusal;

    async fn run(&self, tx: &mut dyn Read) -> Result<Self::Done, Stop<ManageRefusal>> {
        match tx.find_subject(self.0).await?.map(|found| found.identifier) {
            Some(Identifier::User(_)) => Ok(tx.find_password(self.0).await?),
            Some(_) | None => Ok(None),
        }
    }
}
