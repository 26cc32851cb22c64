//! What proves that an address is somebody's, and what a proof may do to the account of
//! the address. The one place that says so, for all that stands for control of an
//! address. Not here: who may issue it, and how it is kept and found.

use super::manage::{ManagementCaller, ManagementPermission};
use super::refusal::ManageRefusal;
use crate::model::{Address, Contact, Delivery, Identifier, Mailbox, Subject, TenantOrigin};
use doorward_base::{TenantId, Timestamp};

/// Who issued what is shown.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Issuer {
    /// Who has the store: it may set anybody's password.
    Operator,
    /// Who may edit users realm-wide: its word stands for addresses.
    Vouching,
    /// The person itself asked for it, or a tenant's administrator: it must not receive
    /// what it issues.
    Other,
}

impl Issuer {
    /// Every one.
    pub const ALL: [Self; 3] = [Self::Operator, Self::Vouching, Self::Other];
}

/// What the shown secret is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Purpose {
    /// Joining a tenant.
    Invitation,
    /// A new password in place of a forgotten one.
    Recovery,
    /// Signing in by a link or a code.
    MagicLink,
    /// Another address for the account of the session that asks.
    AddressChange,
    /// A login elsewhere that has verified the address becomes a way into its account.
    Linking,
}

impl Purpose {
    /// Every one.
    pub const ALL: [Self; 5] = [
        Self::Invitation,
        Self::Recovery,
        Self::MagicLink,
        Self::AddressChange,
        Self::Linking,
    ];
}

/// The account of the address in the whole realm. What stands in for it in a tenant says
/// nothing of whose the address is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Account {
    /// There is none.
    Missing,
    /// Nobody has shown that its address is theirs: whoever made it may wait in it.
    Unproven,
    /// It is its person's, by the word of who edits users: whoever gave it may wait in it for
    /// what is sent to the address.
    Said,
    /// It is its person's.
    Proven,
    /// It is its person's, and nothing lets the person in.
    Shut,
    /// It is no person's, or it may not act.
    Unfit,
}

impl Account {
    /// Every one.
    pub const ALL: [Self; 6] = [
        Self::Missing,
        Self::Unproven,
        Self::Said,
        Self::Proven,
        Self::Shut,
        Self::Unfit,
    ];

    /// What an account found by an address is at `now`.
    #[must_use]
    pub fn of(found: Option<&Subject>, now: Timestamp) -> Self {
        let Some(subject) = found else {
            return Self::Missing;
        };
        let Identifier::User(contact) = &subject.identifier else {
            return Self::Unfit;
        };
        if !subject.status.allows(now) {
            return Self::Unfit;
        }
        match contact.email.as_ref().and_then(Mailbox::wide) {
            Some(address) if address.is_shown() => Self::Proven,
            Some(address) if address.is_proven() => Self::Said,
            _ => Self::Unproven,
        }
    }

    /// What it is to who asks whether its person has a way in (`identity::WaysIn`).
    #[must_use]
    pub const fn with_way_in(self, has_way_in: bool) -> Self {
        match self {
            Self::Said | Self::Proven if !has_way_in => Self::Shut,
            other => other,
        }
    }
}

/// One showing of a secret.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Showing {
    /// What it is for.
    pub purpose: Purpose,
    /// Who issued it. For an invitation it is asked when it is taken.
    pub issuer: Issuer,
    /// Whom it was given to.
    pub delivery: Delivery,
    /// The account of the address.
    pub account: Account,
    /// Whether it is shown by a session of that account's own.
    pub own_session: bool,
    /// How it is named.
    pub named: Named,
}

/// How what is taken is named.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Named {
    /// By its secret.
    Secret,
    /// By its id, which the account is told that its address has it waiting.
    Id,
}

/// What a showing does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Taking {
    /// An account is made, with a proven address.
    Make,
    /// As [`Taking::Make`], and what was left under the address is erased before: the
    /// account that somebody else made, with its id and all that carries it.
    Claim,
    /// Who is signed in to the account shows that its address is his: it is his, with all it
    /// has.
    Prove,
    /// The account is its person's, who gets a first password; all else stays.
    Open,
    /// The account is its person's, and used as it is.
    Enter,
}

/// Why a showing does nothing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Barred {
    /// It proves nothing.
    Unproven,
    /// The account must ask by a session of its own.
    SessionNeeded,
    /// Only what came by mail would do.
    MailNeeded,
    /// It was mailed, and is to be shown.
    SecretNeeded,
    /// There is no account that this could be for.
    Account,
}

/// Whether the secret stands for control of its address: it was sent there, or whoever got
/// it vouches. Whoever issues one must not be the one who receives it.
#[must_use]
pub const fn proves(issuer: Issuer, delivery: Delivery) -> bool {
    match (delivery, issuer) {
        (Delivery::Mail, _) | (Delivery::Answer, Issuer::Operator | Issuer::Vouching) => true,
        (Delivery::Answer, Issuer::Other) | (Delivery::Nobody | Delivery::SignUp, _) => false,
    }
}

/// Decides what a showing does.
///
/// # Errors
/// [`Barred`].
pub const fn show(showing: &Showing) -> Result<Taking, Barred> {
    let proven = proves(showing.issuer, showing.delivery);
    match (showing.purpose, showing.account) {
        (_, Account::Unfit) => Err(Barred::Account),
        // Joining is the person's own act. Of who vouches, whoever could have made the
        // membership needs none (`invitation::take`).
        (Purpose::Invitation, Account::Said | Account::Proven | Account::Shut)
            if showing.own_session =>
        {
            match (showing.account, showing.delivery, showing.named) {
                // Whoever gave his word that the address is the account's may have made it
                // to take what was sent there.
                (Account::Said, Delivery::Mail, Named::Id) => Err(Barred::SecretNeeded),
                _ => Ok(Taking::Enter),
            }
        }
        (Purpose::Invitation, Account::Said | Account::Proven) => match showing.issuer {
            _ if !proven => Err(Barred::Unproven),
            Issuer::Operator | Issuer::Vouching => Ok(Taking::Enter),
            Issuer::Other => Err(Barred::SessionNeeded),
        },
        // No session is left to ask for. What came to the address may do what recovery
        // does; who vouches would come by all that the account holds.
        (Purpose::Invitation, Account::Shut) => match (showing.delivery, showing.issuer) {
            (Delivery::Mail, _) | (Delivery::Answer, Issuer::Operator) => Ok(Taking::Open),
            (Delivery::Answer, Issuer::Vouching) => Err(Barred::MailNeeded),
            (Delivery::Answer, Issuer::Other) | (Delivery::Nobody | Delivery::SignUp, _) => {
                Err(Barred::Unproven)
            }
        },
        _ if !proven => Err(Barred::Unproven),
        (Purpose::Invitation | Purpose::MagicLink, Account::Missing) => Ok(Taking::Make),
        (Purpose::Recovery | Purpose::Linking, Account::Missing)
        // Both sides must have proven it: an address that anybody could have typed here
        // would hand the account to whoever owns it there.
        | (Purpose::Linking, Account::Unproven)
        // Another account has it, and it is that person's.
        | (Purpose::AddressChange, Account::Said | Account::Proven | Account::Shut) => Err(Barred::Account),
        (Purpose::AddressChange, _) if !showing.own_session => Err(Barred::SessionNeeded),
        (Purpose::AddressChange, Account::Missing)
        | (_, Account::Said | Account::Proven | Account::Shut) => Ok(Taking::Enter),
        // Whoever made it is who reads the address's mail.
        (Purpose::Invitation | Purpose::Recovery | Purpose::MagicLink, Account::Unproven)
            if showing.own_session =>
        {
            Ok(Taking::Prove)
        }
        (_, Account::Unproven) => Ok(Taking::Claim),
    }
}

/// Whether who takes something shows that what goes to the address reaches the account: it was
/// mailed there, its secret is shown, and what takes it is, or becomes, the account itself.
#[must_use]
pub fn shows_address(delivery: Delivery, named: Named, own_session: bool, taking: Taking) -> bool {
    let is_account = match taking {
        Taking::Make | Taking::Claim | Taking::Prove | Taking::Open => true,
        Taking::Enter => own_session,
    };
    is_account && delivery == Delivery::Mail && named == Named::Secret
}

/// The address that whoever answers for it, at `now`, makes of one.
#[must_use]
pub fn answered<T>(value: T, is_shown: bool, now: Timestamp) -> Address<T> {
    match is_shown {
        true => Address::shown(value, now),
        false => Address::proven(value, now),
    }
}

/// What a caller's word makes of the address of a subject that it makes. An operator, who may
/// set anybody's password, answers for what is waiting there, too; who edits users does not.
#[must_use]
pub fn by_word(caller: &ManagementCaller, made: Identifier) -> Identifier {
    match (caller, made) {
        (ManagementCaller::Operator, Identifier::User(contact)) => Identifier::User(Contact {
            email: contact.email.map(|mailbox| match mailbox {
                Mailbox::Wide(address) => Mailbox::Wide(Address {
                    shown_at: address.proven_at,
                    ..address
                }),
                inside @ Mailbox::In(..) => inside,
            }),
            ..contact
        }),
        (_, made) => made,
    }
}

/// Whether whoever came first made the account for itself, under an address that nobody has
/// shown. A sign-up without a proof makes such, and nothing else does.
#[must_use]
pub fn is_self_made(subject: &Subject) -> bool {
    let email = match &subject.identifier {
        Identifier::User(contact) => contact.email.as_ref(),
        _ => None,
    };
    email.is_some_and(|email| email.is_confirmed() && !email.is_proven())
}

/// Checks that whom an address means may be given authority by it: what a squatter made for
/// himself is not whom anybody means who names a person.
///
/// # Errors
/// [`ManageRefusal::SelfMade`].
pub fn check_meant(subject: &Subject) -> Result<(), ManageRefusal> {
    match is_self_made(subject) {
        true => Err(ManageRefusal::SelfMade(subject.id)),
        false => Ok(()),
    }
}

/// Checks that mail may go out by a caller's word in the name of a tenant. Under addresses that
/// are nobody's one could sign up, and have mails sent, as often as one likes; and so could
/// whatever such an account makes in the tenant of its own.
///
/// # Errors
/// [`ManageRefusal::OwnAddressUnproven`], [`ManageRefusal::NobodyAnswers`].
pub fn may_mail(
    caller: &ManagementCaller,
    maker: Option<&Subject>,
    origin: TenantOrigin,
) -> Result<(), ManageRefusal> {
    if maker.is_some_and(is_self_made) {
        return Err(ManageRefusal::OwnAddressUnproven);
    }
    match origin {
        TenantOrigin::Made => Ok(()),
        TenantOrigin::SignedUp => {
            let is_proven = maker.is_some_and(|maker| maker.identifier.proven_email().is_some());
            let of_realm = caller.demand_realm(ManagementPermission::MembershipsEdit);
            match is_proven || of_realm.is_ok() {
                true => Ok(()),
                false => Err(ManageRefusal::NobodyAnswers),
            }
        }
    }
}

/// Checks what a caller says of a subject that it makes: that an address is proven, and
/// what the realm says of it, are for who vouches to say. Who does not is refused rather
/// than passed over.
///
/// # Errors
/// [`ManageRefusal::NotVouching`].
pub fn may_say(caller: &ManagementCaller, made: &Subject) -> Result<(), ManageRefusal> {
    let contact = made.identifier.contact();
    let email = contact.and_then(|contact| contact.email.as_ref());
    let phone = contact.and_then(|contact| contact.phone.as_ref());
    let says = email.is_some_and(Mailbox::is_confirmed)
        || phone.is_some_and(Address::is_confirmed)
        || !made.app_metadata.is_empty();
    if says && !caller.vouches() {
        return Err(ManageRefusal::NotVouching);
    }
    Ok(())
}

/// Checks that whoever has its address in one tenant alone is given nothing in the whole
/// realm, and a user who stands in for an address nothing elsewhere: whoever made it there
/// would have it.
///
/// # Errors
/// [`ManageRefusal::StandIn`].
pub fn stays_home(subject: &Subject, tenant: Option<&TenantId>) -> Result<(), ManageRefusal> {
    let Some(home) = subject.identifier.home() else {
        return Ok(());
    };
    let stays = match tenant {
        None => false,
        Some(tenant) => tenant == home || subject.identifier.contact().is_none(),
    };
    if stays {
        Ok(())
    } else {
        Err(ManageRefusal::StandIn)
    }
}

/// Where the address of a subject that is made counts. A user's counts in the whole realm if
/// somebody vouches, who answers for it; else in the tenant it is made in, so that it takes
/// the address from nobody. A service account's counts where it is placed.
#[must_use]
pub fn placed(made: Identifier, vouches: bool, tenant: Option<&TenantId>) -> Identifier {
    match (made, tenant) {
        (Identifier::User(contact), Some(tenant)) if !vouches => Identifier::User(Contact {
            email: contact
                .email
                .map(|email| Mailbox::In(tenant.clone(), email.value().clone())),
            ..contact
        }),
        (Identifier::Service { email, .. }, tenant) => Identifier::Service {
            email,
            home: tenant.cloned(),
        },
        (other, _) => other,
    }
}

#[cfg(test)]
mod tests;
