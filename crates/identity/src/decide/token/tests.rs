//! Tests of the rules of API tokens.

mod carry;
mod life;

use super::super::manage::{Manager, Through};
use super::super::refusal::Reason as _;
use super::super::testing::*;
use super::carry::bound_by_maker;
use super::*;
use crate::decide::refusal::UseRefusal;
use crate::model::{ApiToken, Grant, Granted, SubjectStatus, TokenState};
use crate::settings::{ExpiryRule, MAX_ACTIVE, MAX_HOURLY, Presentation, UnknownScope};
use doorward_base::token_format::{TokenBody, TokenFormat};
use doorward_base::{ClassName, Environment};
use std::time::Duration;

const DAY: Duration = Duration::from_secs(86_400);
const TOKENS_EDIT: &str = "platform.users.service-accounts.access-tokens.edit";

/// Witboost's class: personal and service, one active, optional expiry.
fn class() -> TokenClass {
    TokenClass {
        name: ClassName::new("access").unwrap(),
        kinds: vec![TokenKind::Personal, TokenKind::Service],
        format: TokenFormat::new("wbat-", vec![], TokenBody::Checked).unwrap(),
        max_active: 1,
        max_hourly: MAX_HOURLY,
        expiry: ExpiryRule::Optional {
            ttl: None,
            max: None,
        },
        presentations: vec![Presentation::Exchange, Presentation::Basic],
        regenerate_keeps_expiry: true,
        grace: Duration::ZERO,
        create_permission: Some(permission(TOKENS_EDIT)),
    }
}

fn keys() -> TokenClass {
    let live = Environment::new("live").unwrap();
    TokenClass {
        kinds: vec![TokenKind::Key],
        format: TokenFormat::new("flotac_api_key_", vec![live], TokenBody::Hex64).unwrap(),
        max_active: MAX_ACTIVE,
        ..class()
    }
}

struct Case {
    caller: ManagementCaller,
    class: TokenClass,
    kind: TokenKind,
    owner: Subject,
    grants: Vec<Grant>,
    member_of: Vec<TenantId>,
    ceiling: Ceiling,
    expires_at: Option<Timestamp>,
    active: u32,
    name: String,
    unknown_scope: UnknownScope,
}

impl Case {
    fn new(caller: ManagementCaller, kind: TokenKind, owner: Subject) -> Self {
        Self {
            caller,
            class: class(),
            kind,
            owner,
            grants: Vec::new(),
            member_of: Vec::new(),
            ceiling: Ceiling::default(),
            expires_at: None,
            active: 0,
            name: "ci".to_owned(),
            unknown_scope: UnknownScope::Refuse,
        }
    }

    fn decide(&self) -> Result<Option<Timestamp>, TokenRefusal> {
        self.made().map(|made| made.expires_at)
    }

    fn made(&self) -> Result<Made, TokenRefusal> {
        create(&CreateInput {
            caller: &self.caller,
            class: &self.class,
            kind: self.kind,
            owner: &self.owner,
            holdings: Holdings {
                grants: &self.grants,
                member_of: &self.member_of,
                roles: &[],
                tenant_roles: &[],
                crossing: None,
            },
            ceiling: &self.ceiling,
            name: Some(&self.name),
            expires_at: self.expires_at,
            active: self.active,
            audiences: &[audience("https://api")],
            unknown_scope: self.unknown_scope,
            now: NOW,
        })
    }

    fn code(&self) -> &'static str {
        self.decide()
            .map_or_else(|refusal| refusal.code().as_str(), |_| "ok")
    }
}

fn subject_caller(
    n: u8,
    grants: &[Grant],
    member_of: &[&str],
    ceilings: &[Ceiling],
) -> ManagementCaller {
    ManagementCaller::Subject(Box::new(Manager {
        subject: id(n),
        through: Through::SignIn,
        grants: grants.to_vec(),
        member_of: member_of.iter().map(|name| tenant(name)).collect(),
        roles: Vec::new(),
        tenant_roles: Vec::new(),
        ceilings: ceilings.to_vec(),
    }))
}

/// The same caller by an access token that was exchanged for an API token.
fn exchanged(mut caller: ManagementCaller, from: ApiTokenId) -> ManagementCaller {
    if let ManagementCaller::Subject(manager) = &mut caller {
        manager.through = Through::ApiToken(from);
    }
    caller
}

/// A five-minute token that somebody found must not become one of ninety days.
#[test]
fn an_exchanged_token_gives_itself_no_successor() {
    let from = ApiTokenId::from_bytes([9; 16]);
    let all = [has(TOKENS_EDIT, None), has("read", None)];
    for (kind, owner) in [
        (TokenKind::Personal, user(1)),
        (TokenKind::Service, service(1)),
    ] {
        for ceiling in [Ceiling::default(), up_to(&[]), up_to(&["read"])] {
            let session = subject_caller(1, &all, &[], &[]);
            let mut case = Case::new(session.clone(), kind, owner.clone());
            case.grants = all.to_vec();
            case.ceiling = ceiling;
            assert_eq!(case.code(), "ok");
            case.caller = exchanged(session, from);
            let refused = Err(ManageRefusal::SessionNeeded.into());
            assert_eq!(case.decide(), refused, "{kind} {:?}", case.ceiling);
        }
    }
    // Nor anybody else, whatever it may do.
    let caller = exchanged(subject_caller(1, &all, &[], &[]), from);
    let case = Case::new(caller, TokenKind::Service, service(2));
    assert_eq!(case.decide(), Err(ManageRefusal::SessionNeeded.into()));
}

/// A credential never manages its siblings (N5): by what a caller asks, whose token it is,
/// and whether it is the one the caller asks through.
#[test]
fn a_credential_ends_itself_and_no_sibling() {
    let class = class();
    let itself = ApiTokenId::from_bytes([9; 16]);
    let sibling = ApiTokenId::from_bytes([8; 16]);
    let powerful = [has(TOKENS_EDIT, None), has("platform.users.edit", None)];
    let through = |through| {
        let mut caller = subject_caller(1, &powerful, &[], &[]);
        if let ManagementCaller::Subject(manager) = &mut caller {
            manager.through = through;
        }
        caller
    };
    let refused = Err(ManageRefusal::SessionNeeded);
    let owners = [
        (TokenKind::Personal, user(1)),
        (TokenKind::Personal, user(2)),
        (TokenKind::Service, service(1)),
        (TokenKind::Service, service(2)),
        (TokenKind::Key, key_owner(1, "acme")),
    ];
    for (kind, owner) in &owners {
        for (how, ends_itself, ends_sibling) in [
            (Through::SignIn, Ok(()), Ok(())),
            (Through::ApiToken(itself), Ok(()), refused.clone()),
            (Through::Other, refused.clone(), refused.clone()),
        ] {
            for (id, expected) in [(itself, ends_itself), (sibling, ends_sibling)] {
                let target = TokenTarget {
                    id: Some(id),
                    class: &class,
                    kind: *kind,
                    owner,
                    belonging: Belonging::of(&[], &powerful),
                    tenant: None,
                };
                let caller = through(how);
                assert_eq!(may_revoke(&caller, &target), expected, "{kind} {how:?}");
            }
        }
    }
    for (how, id, proof, expected) in [
        (Through::ApiToken(itself), itself, Proof::Secret, true),
        (Through::ApiToken(itself), itself, Proof::Id, false),
        (Through::ApiToken(itself), sibling, Proof::Secret, false),
        (Through::SignIn, itself, Proof::Secret, false),
        (Through::Other, itself, Proof::Secret, false),
    ] {
        assert_eq!(
            replaces_itself(&through(how), id, proof),
            expected,
            "{how:?} {proof:?}"
        );
    }
}

/// WB-05: a user makes its own. K8: nobody makes one for another user.
#[test]
fn wb_05_a_personal_token_is_its_persons_alone() {
    let own = Case::new(
        subject_caller(1, &[], &[], &[]),
        TokenKind::Personal,
        user(1),
    );
    assert_eq!(own.code(), "ok");
    let powerful = [has(TOKENS_EDIT, None), has("platform.users.edit", None)];
    let others = Case::new(
        subject_caller(1, &powerful, &[], &[]),
        TokenKind::Personal,
        user(2),
    );
    assert_eq!(others.code(), "not_found");
    let operator = Case::new(ManagementCaller::Operator, TokenKind::Personal, user(2));
    assert_eq!(operator.code(), "ok");
}

/// WB-10: generating a service account's token takes its own permission.
#[test]
fn wb_10_a_service_accounts_token_takes_the_token_permission() {
    for (permission, code) in [
        (
            "platform.users.service-accounts.edit",
            "insufficient_permission",
        ),
        (TOKENS_EDIT, "ok"),
        ("platform.users.edit", "insufficient_permission"),
    ] {
        let admin = subject_caller(1, &[has(permission, None)], &[], &[]);
        assert_eq!(
            Case::new(admin, TokenKind::Service, service(2)).code(),
            code,
            "{permission}"
        );
    }
}

/// A14: the class's permission is what it takes, and without one only operators may.
#[test]
fn a_class_says_what_it_takes_to_make_one_for_another() {
    let holding = |name| subject_caller(1, &[has(name, None)], &[], &[]);
    for (class_permission, caller, code) in [
        (Some("mint"), holding("mint"), "ok"),
        (
            Some("mint"),
            holding(TOKENS_EDIT),
            "insufficient_permission",
        ),
        (Some("mint"), ManagementCaller::Operator, "ok"),
        (Some(TOKENS_EDIT), holding(TOKENS_EDIT), "ok"),
        (None, holding(TOKENS_EDIT), "insufficient_permission"),
        (None, holding("mint"), "insufficient_permission"),
        (None, ManagementCaller::Operator, "ok"),
    ] {
        let mut case = Case::new(caller, TokenKind::Service, service(2));
        case.class.create_permission = class_permission.map(permission);
        assert_eq!(case.code(), code, "{class_permission:?} {:?}", case.caller);
        // Ending one is another matter, and its own person needs nothing.
        let mut own = Case::new(holding("read"), TokenKind::Personal, user(1));
        own.class.create_permission = class_permission.map(permission);
        assert_eq!(own.code(), "ok");
    }
    let mut class = class();
    class.create_permission = None;
    assert_eq!(
        handling_reach(&holding(TOKENS_EDIT), &class),
        Ok(Reach::Realm)
    );
}

#[test]
fn a_kind_belongs_to_one_kind_of_owner() {
    for (kind, owner, fits) in [
        (TokenKind::Personal, user(1), true),
        (TokenKind::Personal, service(1), false),
        (TokenKind::Service, service(1), true),
        (TokenKind::Service, user(1), false),
        (TokenKind::Service, key_owner(1, "acme"), false),
    ] {
        let case = Case::new(ManagementCaller::Operator, kind, owner);
        assert_eq!(
            case.decide().is_ok(),
            fits,
            "{kind} {:?}",
            case.owner.identifier
        );
    }
}

/// WB-12: the second is refused; regenerating is the way.
#[test]
fn wb_12_the_limit_holds_for_operators_too() {
    let mut case = Case::new(ManagementCaller::Operator, TokenKind::Personal, user(1));
    case.active = 1;
    assert_eq!(case.code(), "token_limit_reached");
    case.class.max_active = 2;
    assert_eq!(case.code(), "ok");
}

/// A tenant's administrator handles the tenant's service accounts only.
#[test]
fn a_token_too_many_within_an_hour_waits_for_the_oldest() {
    let hour = Duration::from_secs(3600);
    let owner = subject_caller(1, &[], &[], &[]);
    let ago = |seconds| Some(NOW.minus(Duration::from_secs(seconds)));
    for (caller, nth_newest, wait) in [
        (&owner, None, None),
        (&owner, ago(3600), None),
        (&owner, ago(3599), Some(1)),
        (&owner, ago(600), Some(3000)),
        // A clock that was set back.
        (&owner, Some(NOW.plus(hour)), Some(3600)),
        (&ManagementCaller::Operator, ago(1), None),
    ] {
        let expected = wait.map_or(Ok(()), |seconds| Err(TokenRefusal::TooOften(seconds)));
        assert_eq!(
            check_rate(caller, nth_newest, NOW),
            expected,
            "{nth_newest:?}"
        );
    }
}

#[test]
fn an_administrator_of_one_tenant_reaches_that_tenant() {
    let admin = || subject_caller(1, &[has(TOKENS_EDIT, Some("acme"))], &["acme"], &[]);
    for (member_of, bound, code) in [
        (vec!["acme"], Some("acme"), "ok"),
        (vec!["globex"], Some("globex"), "not_found"),
        // In both tenants, but bound to the other, or to none.
        (vec!["acme", "globex"], Some("globex"), "not_found"),
        (vec!["acme", "globex"], None, "not_found"),
        (vec![], None, "not_found"),
        // Bound to a tenant that the owner is not in.
        (vec!["globex"], Some("acme"), "not_found"),
    ] {
        let mut case = Case::new(admin(), TokenKind::Service, service(2));
        case.member_of = member_of.iter().map(|name| tenant(name)).collect();
        case.ceiling.tenant = bound.map(tenant);
        assert_eq!(case.code(), code, "{member_of:?} {bound:?}");
    }
}

/// A platform's administrator may well be a member of just one tenant.
#[test]
fn the_tokens_of_who_holds_realm_wide_are_no_tenants_to_revoke() {
    let (class, owner, acme) = (class(), user(2), [tenant("acme")]);
    let edit = "platform.users.edit";
    let local = subject_caller(1, &[has(edit, Some("acme"))], &["acme"], &[]);
    let realm = subject_caller(1, &[has(edit, None)], &[], &[]);
    for (grants, is_theirs) in [
        (vec![has("read", Some("acme"))], true),
        (vec![has_default("user")], true),
        (vec![has("read", None)], false),
        (vec![has_default("user"), has_role("boss", None)], false),
    ] {
        // What is bound to no tenant is none's.
        for (bound, is_theirs) in [(None, false), (Some(&acme[0]), is_theirs)] {
            let target = TokenTarget {
                id: None,
                class: &class,
                kind: TokenKind::Personal,
                owner: &owner,
                belonging: Belonging::of(&acme, &grants),
                tenant: bound,
            };
            let done = may_revoke(&local, &target);
            assert_eq!(done.is_ok(), is_theirs, "{grants:?} {bound:?}");
            assert_eq!(may_revoke(&realm, &target), Ok(()));
        }
    }
}

#[test]
fn environment_audience_name_and_owner_are_checked() {
    let operator = || Case::new(ManagementCaller::Operator, TokenKind::Personal, user(1));
    let mut case = operator();
    case.ceiling.environment = Some(Environment::new("live").unwrap());
    assert_eq!(case.decide(), Err(TokenRefusal::Environment));

    let mut case = Case::new(
        ManagementCaller::Operator,
        TokenKind::Key,
        key_owner(2, "acme"),
    );
    case.class = keys();
    case.member_of = vec![tenant("acme")];
    case.ceiling.tenant = Some(tenant("acme"));
    assert_eq!(case.decide(), Err(TokenRefusal::Environment));
    case.ceiling.environment = Some(Environment::new("test").unwrap());
    assert_eq!(case.decide(), Err(TokenRefusal::Environment));

    let mut case = operator();
    case.ceiling.audiences = Some(vec![audience("https://elsewhere")]);
    assert_eq!(case.decide(), Err(TokenRefusal::Audience));

    let mut case = operator();
    case.name = "é".repeat(200);
    assert_eq!(case.decide(), Ok(None));
    case.name.push('x');
    assert_eq!(case.decide(), Err(ManageRefusal::NameInvalid.into()));

    let mut case = operator();
    let many = (0..65).map(|n| permission(&format!("p{n}")));
    case.ceiling.permissions = Some(many.collect());
    assert_eq!(case.decide(), Err(ManageRefusal::TooMany("scopes").into()));

    let mut case = operator();
    case.owner.status = SubjectStatus::Disabled { at: NOW };
    assert_eq!(case.decide(), Err(TokenRefusal::OwnerDisabled));
}

/// K9: what somebody may not see looks like nothing.
#[test]
fn k9_revoking_anothers_token_needs_the_reach() {
    let (class, owner) = (class(), user(2));
    let acme = [tenant("acme")];
    let target = TokenTarget {
        id: None,
        class: &class,
        kind: TokenKind::Personal,
        owner: &owner,
        belonging: Belonging::of(&acme, &[]),
        tenant: Some(&acme[0]),
    };
    let users_edit = "platform.users.edit";
    for (caller, allowed) in [
        (ManagementCaller::Operator, true),
        (subject_caller(2, &[], &["acme"], &[]), true),
        (subject_caller(1, &[], &["acme"], &[]), false),
        (
            subject_caller(1, &[has(users_edit, Some("acme"))], &["acme"], &[]),
            true,
        ),
        (
            subject_caller(1, &[has(users_edit, Some("globex"))], &["globex"], &[]),
            false,
        ),
        (subject_caller(1, &[has(users_edit, None)], &[], &[]), true),
    ] {
        assert_eq!(may_revoke(&caller, &target).is_ok(), allowed, "{caller:?}");
    }
}
