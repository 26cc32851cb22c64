//! Why management said no.

use super::super::password::MAX_CHARS;
use super::Reason;
use doorward_base::{ErrorCode, SubjectId};

/// Management of subjects, tenants, memberships and grants said no.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ManageRefusal {
    /// The caller's credential is dead.
    #[error("the caller's credential is no longer valid")]
    CallerDead,
    /// The caller is not there any more.
    #[error("the caller is not there any more")]
    CallerGone,
    /// The caller may not act.
    #[error("the caller is disabled or banned")]
    CallerBanned,
    /// The session that the caller came by was ended, or is not known any more.
    #[error("the session has ended")]
    SessionEnded,
    /// The session that the caller came by has had its time.
    #[error("the session is past its end")]
    SessionExpired,
    /// The caller lacks the management permission everywhere.
    #[error("the caller lacks {0}")]
    NotPermitted(&'static str),
    /// The caller lacks the management permission over the whole realm, which this takes.
    #[error(
        "the caller lacks {needed} in the whole realm: held in a tenant it is for what names \
         that tenant. An operator grants it by `doorward grant add --config FILE --realm REALM \
         --id {caller} --permission {needed}`"
    )]
    NotRealmWide {
        /// The permission.
        needed: &'static str,
        /// Who lacks it.
        caller: SubjectId,
    },
    /// The caller came by an access token that was exchanged, where only a sign-in of
    /// its own will do.
    #[error("this needs a session: sign in")]
    SessionNeeded,
    /// The caller would give what it does not hold itself.
    #[error("the caller does not hold {0} itself")]
    NotHeld(String),
    /// Only operators grant realm-wide.
    #[error("only operators grant realm-wide")]
    RealmWide,
    /// Its word does not stand for addresses, nor for what the realm says of a user.
    #[error("only who may edit users of the whole realm vouches for one")]
    NotVouching,
    /// The caller lacks what it takes to make tokens of the class for others.
    #[error("the caller lacks {0}, which the class of the token takes")]
    ClassPermission(String),
    /// The class of the token names no permission to make it for others.
    #[error("only operators make tokens of this class for others")]
    OperatorsOnly,
    /// It is not there, or out of the caller's reach: one answer for both.
    #[error("{0} is not there or out of reach")]
    NotFound(&'static str),
    /// An amount of something else than what the limit counts.
    #[error("the limit counts something else: see its rate, in_flight or quota")]
    OtherMeasure,
    /// It is there already.
    #[error("{0} exists already")]
    Exists(&'static str),
    /// Several subjects in the caller's reach have the address, each where it counts, or one
    /// has it in a tenant alone.
    #[error("nobody has this address in the whole realm alone: name the tenant, or the id ({0})")]
    Ambiguous(String),
    /// The address counts in one tenant alone, and so does who has it.
    #[error("the address counts in one tenant alone, and so does who has it: invite its person")]
    StandIn,
    /// Who stands in for the address in the tenant may not act, and nobody takes its place.
    #[error(
        "who stands in for the address there may not act ({0}): enable it, or delete it, before \
         somebody joins by the address"
    )]
    Barred(SubjectId),
    /// An address names who is given authority, and its account signed itself up with it.
    #[error(
        "whoever signed up with the address first made its account, and nobody has shown that \
         the address is theirs: invite the address, or name the account by its id ({0}) if it \
         is meant (--id)"
    )]
    SelfMade(SubjectId),
    /// The caller's own address is unproven, and no mail goes out by its word.
    #[error(
        "the caller signed up with an address that nobody has shown to be its own, and sends no \
         mail: prove the address first, by an invitation to it"
    )]
    OwnAddressUnproven,
    /// Who signed up got the tenant for its own, and nobody answers for the mail it sends.
    #[error(
        "whoever signed up made this tenant, and it sends no mail: let somebody with a proven \
         address invite, or who may edit memberships realm-wide"
    )]
    NobodyAnswers,
    /// A role that neither the realm nor the tenant defines.
    #[error("role {0} is not defined")]
    RoleUnknown(String),
    /// The password's length is outside the bounds, the lower of which is the realm's.
    #[error("a password has {0} to {MAX_CHARS} characters")]
    PasswordLength(usize),
    /// The password is one of those that everybody tries first.
    #[error("the password is a common one")]
    PasswordCommon,
    /// The current password was wrong or missing.
    #[error("the current password was wrong or missing")]
    PasswordWrong,
    /// A new password needs the current one, and none was given.
    #[error("send the current password with the new one")]
    PasswordNotShown,
    /// A new password needs a sign-in of the last day, or the current one.
    #[error("sign in again, or send the current password with the new one")]
    ReauthenticationNeeded,
    /// The new password is the one there is.
    #[error("the new password must differ from the current one")]
    PasswordSame,
    /// The account was guessed at too often of late; the next guess may be made in so many
    /// seconds.
    #[error("too many wrong guesses of late")]
    TooManyGuesses(u64),
    /// The address got many mails of late, or whoever asks or its tenant had many sent; the
    /// next one may be sent in so many seconds.
    #[error("too many mails of late, to this address or of this sender or tenant")]
    TooManyMails(u64),
    /// The caller had many passwords set of late; the next one may be in so many seconds.
    #[error("too many passwords of late")]
    TooManyPasswords(u64),
    /// As many invitations of the caller wait in the tenant as may.
    #[error(
        "at most {0} invitations of yours may wait in one tenant: withdraw some, or let them \
         be taken or expire"
    )]
    TooManyInvitations(u32),
    /// A display name longer than 200 characters, or with a character that does not show.
    #[error("a name has at most 200 characters and none that does not show")]
    NameInvalid,
    /// It would be the account's last way in.
    #[error("this is the last way into the account")]
    LastWayIn,
    /// The subject has as many as it may.
    #[error("at most {0} identities can be linked")]
    TooManyIdentities(usize),
    /// The caller must have signed in a short while ago.
    #[error("this needs a sign-in of the last minutes")]
    SignInTooOld,
    /// A ban must end in the future, and a disabled subject cannot be banned as well.
    #[error("the ban does not fit: {0}")]
    BanInvalid(&'static str),
    /// A list of more than 64 names.
    #[error("at most 64 {0} can be named")]
    TooMany(&'static str),
    /// Metadata larger than 16 KiB.
    #[error("{0} is too long")]
    TooLong(&'static str),
    /// The invitation is unknown, taken or expired, or for another address.
    #[error("the invitation is unknown, taken, expired or for another address: ask for a new one")]
    InvitationInvalid,
    /// Something that is malformed or not of this realm.
    #[error("{0} is malformed or not one of the realm's")]
    Invalid(&'static str),
    /// No address alone takes an invitation in this realm.
    #[error(
        "the realm's enrolment has no \"invited_address\": an invitation is taken by its secret"
    )]
    AddressProvesNothing,
    /// A factor that works is removed only from a session that a factor strengthened.
    #[error("this needs a session that a second factor strengthened")]
    FactorNeeded,
    /// It was given, and nothing would come of it: the account keeps its own.
    #[error("the account keeps its own: {0} changes nothing here")]
    Unused(&'static str),
    /// Nothing would let the person into the account but a password, and none was given.
    #[error("this account has no other way in: send a password")]
    PasswordNeeded,
    /// The account is kept for who knows its password, and no other was sent.
    #[error(
        "send the account's own password with its session, and the account is kept; or take \
         the invitation without the session, with a new password, and the account begins anew"
    )]
    OwnPasswordNeeded,
    /// Nothing lets the person into the account, and who got the secret cannot say for it
    /// what may.
    #[error("only an invitation that came by mail gives this account its first password")]
    MailNeeded,
    /// It waits for who reads the address's mail, and the account has its address by
    /// somebody's word.
    #[error("the invitation was mailed: show its secret, in this session")]
    SecretNeeded,
    /// It would be mailed.
    #[error(
        "no mail is sent here: set [server.mail], or ask for the delivery `nobody`, which only \
         an account that exists can take, by a session of its own"
    )]
    NoMail,
}

impl Reason for ManageRefusal {
    fn row(&self) -> (&'static str, ErrorCode) {
        match self {
            Self::CallerDead => ("caller_dead", ErrorCode::TokenInvalid),
            Self::CallerGone => ("caller_gone", ErrorCode::TokenInvalid),
            Self::CallerBanned => ("caller_banned", ErrorCode::TokenInvalid),
            Self::SessionEnded => ("session_over", ErrorCode::TokenInvalid),
            Self::SessionExpired => ("session_expired", ErrorCode::TokenInvalid),
            Self::NotPermitted(_) | Self::NotRealmWide { .. } => {
                ("not_permitted", ErrorCode::InsufficientPermission)
            }
            Self::SessionNeeded => ("session_needed", ErrorCode::InsufficientPermission),
            Self::SignInTooOld => ("sign_in_too_old", ErrorCode::InsufficientPermission),
            Self::NotHeld(_) => ("not_held", ErrorCode::InsufficientPermission),
            Self::RealmWide => ("realm_wide", ErrorCode::InsufficientPermission),
            Self::FactorNeeded => ("factor_needed", ErrorCode::InsufficientPermission),
            Self::NotVouching => ("not_vouching", ErrorCode::InsufficientPermission),
            Self::ClassPermission(_) => ("class_permission", ErrorCode::InsufficientPermission),
            Self::OperatorsOnly => ("operators_only", ErrorCode::InsufficientPermission),
            Self::NotFound(_) => ("not_found", ErrorCode::NotFound),
            Self::Exists(_) => ("exists", ErrorCode::AlreadyExists),
            Self::Ambiguous(_) => ("ambiguous", ErrorCode::InvalidRequest),
            Self::Barred(_) => ("barred", ErrorCode::AlreadyExists),
            Self::SelfMade(_) => ("self_made", ErrorCode::InvalidRequest),
            Self::OwnAddressUnproven => ("own_address_unproven", ErrorCode::InsufficientPermission),
            Self::OtherMeasure => ("other_measure", ErrorCode::InvalidRequest),
            Self::NobodyAnswers => ("nobody_answers", ErrorCode::InsufficientPermission),
            Self::StandIn => ("stand_in", ErrorCode::InvalidRequest),
            Self::RoleUnknown(_) => ("role_unknown", ErrorCode::InvalidRequest),
            Self::LastWayIn => ("last_way_in", ErrorCode::InvalidRequest),
            Self::TooManyIdentities(_) => ("too_many_identities", ErrorCode::InvalidRequest),
            Self::BanInvalid(_) => ("ban_invalid", ErrorCode::InvalidRequest),
            Self::PasswordLength(_) => ("password_length", ErrorCode::InvalidRequest),
            Self::PasswordCommon => ("password_common", ErrorCode::InvalidRequest),
            Self::PasswordWrong => ("password_wrong", ErrorCode::SignInRefused),
            Self::PasswordNotShown => ("password_not_shown", ErrorCode::InvalidRequest),
            Self::ReauthenticationNeeded => {
                ("reauthentication_needed", ErrorCode::InsufficientPermission)
            }
            Self::PasswordSame => ("password_same", ErrorCode::InvalidRequest),
            Self::TooManyGuesses(_) => ("too_many_guesses", ErrorCode::RateLimited),
            Self::TooManyMails(_) => ("too_many_mails", ErrorCode::RateLimited),
            Self::TooManyPasswords(_) => ("too_many_passwords", ErrorCode::RateLimited),
            Self::TooManyInvitations(_) => ("too_many_invitations", ErrorCode::InvalidRequest),
            Self::NameInvalid => ("name_invalid", ErrorCode::InvalidRequest),
            Self::TooMany(_) => ("too_many", ErrorCode::InvalidRequest),
            Self::TooLong(_) => ("too_long", ErrorCode::InvalidRequest),
            Self::Invalid(_) => ("invalid", ErrorCode::InvalidRequest),
            Self::AddressProvesNothing => ("address_proves_nothing", ErrorCode::InvalidRequest),
            Self::InvitationInvalid => ("invitation_invalid", ErrorCode::NotFound),
            Self::PasswordNeeded => ("password_needed", ErrorCode::InvalidRequest),
            Self::OwnPasswordNeeded => ("own_password_needed", ErrorCode::InvalidRequest),
            Self::MailNeeded => ("mail_needed", ErrorCode::InsufficientPermission),
            Self::SecretNeeded => ("secret_needed", ErrorCode::InsufficientPermission),
            Self::NoMail => ("no_mail", ErrorCode::InvalidRequest),
            Self::Unused(_) => ("unused", ErrorCode::InvalidRequest),
        }
    }

    fn retry_after(&self) -> Option<u64> {
        match self {
            Self::TooManyGuesses(seconds)
            | Self::TooManyMails(seconds)
            | Self::TooManyPasswords(seconds) => Some(*seconds),
            _ => None,
        }
    }
}
