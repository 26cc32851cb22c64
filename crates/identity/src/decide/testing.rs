//! Values that several tests of decisions start from.

use crate::model::{
    Address, ApiToken, Ceiling, Dossier, Grant, Granted, Identifier, Metadata, RoleDefinition,
    Session, SessionState, Subject, SubjectStatus, TokenKind, TokenState,
};
use crate::settings::{CommonPasswords, PasswordChange, RefreshMode, SessionSettings};
use doorward_base::authn::{AssuranceLevel, AuthMethod, AuthStep};
use doorward_base::limit::Quota;
use doorward_base::{
    ApiTokenId, Audience, ClassName, Email, Permission, RoleName, Scope, SessionId, SubjectId,
    TenantId, Timestamp,
};
use std::time::Duration;

pub(super) const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);

pub(super) fn id(n: u8) -> SubjectId {
    SubjectId::from_bytes([n; 16])
}

pub(super) fn user(n: u8) -> Subject {
    let email = Email::new(&format!("user{n}@example.org")).unwrap();
    subject(n, Identifier::user(Address::shown(email, NOW)))
}

pub(super) fn service(n: u8) -> Subject {
    let email = Email::new(&format!("bot{n}@example.org")).unwrap();
    subject(n, Identifier::Service { email, home: None })
}

pub(super) fn key_owner(n: u8, of: &str) -> Subject {
    subject(n, Identifier::TenantKeys { tenant: tenant(of) })
}

pub(super) fn subject(n: u8, identifier: Identifier) -> Subject {
    Subject {
        id: id(n),
        identifier,
        name: None,
        status: SubjectStatus::Active,
        user_metadata: Metadata::new(),
        app_metadata: Metadata::new(),
        created_at: NOW,
        last_sign_in_at: None,
    }
}

pub(super) fn tenant(name: &str) -> TenantId {
    TenantId::new(name).unwrap()
}

pub(super) fn permission(name: &str) -> Permission {
    Permission::new(name).unwrap()
}

pub(super) fn permissions(names: &[&str]) -> Vec<Permission> {
    let mut list: Vec<_> = names.iter().map(|name| permission(name)).collect();
    list.sort();
    list
}

pub(super) fn role(name: &str) -> RoleName {
    RoleName::new(name).unwrap()
}

pub(super) fn audience(name: &str) -> Audience {
    Audience::new(name).unwrap()
}

pub(super) fn scopes(names: &[&str]) -> Vec<Scope> {
    names.iter().map(|name| Scope::new(name).unwrap()).collect()
}

/// A role that gives these permissions.
pub(super) fn gives(name: &str, names: &[&str]) -> RoleDefinition {
    RoleDefinition {
        role: role(name),
        permissions: permissions(names),
    }
}

/// A role that everybody was given.
pub(super) fn has_default(name: &str) -> Grant {
    Grant {
        tenant: None,
        granted: Granted::Default(role(name)),
    }
}

pub(super) fn has_role(name: &str, of: Option<&str>) -> Grant {
    Grant {
        tenant: of.map(tenant),
        granted: Granted::Role(role(name)),
    }
}

/// A grant of a permission on every API.
pub(super) fn has(name: &str, of: Option<&str>) -> Grant {
    Grant {
        tenant: of.map(tenant),
        granted: Granted::Permission {
            permission: permission(name),
            audience: None,
        },
    }
}

/// A ceiling on permissions.
pub(super) fn up_to(names: &[&str]) -> Ceiling {
    Ceiling {
        permissions: Some(permissions(names)),
        ..Ceiling::default()
    }
}

/// A live token without expiry.
pub(super) fn token(kind: TokenKind, owner: &Subject) -> ApiToken {
    ApiToken {
        id: ApiTokenId::from_bytes([9; 16]),
        class: ClassName::new("access").unwrap(),
        kind,
        owner: owner.id,
        ceiling: Ceiling::default(),
        name: None,
        state: TokenState::Active,
        created_at: NOW,
        created_by: None,
        expires_at: None,
        replaces: None,
        last_used_at: None,
        last_used_from: None,
        notice_at: None,
    }
}

/// A session that began now and lasts an hour.
pub(super) fn session(of: &Subject) -> Session {
    Session {
        id: SessionId::from_bytes([5; 16]),
        subject: of.id,
        ceiling: Ceiling::default(),
        state: SessionState::Active,
        created_at: NOW,
        expires_at: NOW.plus(Duration::from_secs(3600)),
        idle_until: None,
        steps: vec![AuthStep {
            method: AuthMethod::Password,
            at: NOW,
        }],
        aal: AssuranceLevel::Aal1,
        factor: None,
        client: None,
        made_from: None,
        address: None,
        user_agent: None,
        refreshed_at: None,
        refresh: None,
    }
}

/// Sessions of twelve hours without refresh tokens.
pub(super) fn session_settings() -> SessionSettings {
    SessionSettings {
        absolute_ttl: Duration::from_secs(12 * 3600),
        idle_ttl: None,
        refresh: RefreshMode::Off,
        reuse_interval: Duration::ZERO,
        refresh_rate: Quota::new(150, Duration::from_secs(300), 150).unwrap(),
        max_active: 200,
        min_password: 8,
        common_passwords: CommonPasswords::Refuse,
        password_change: PasswordChange::default(),
    }
}

/// A subject with what gives it authority.
pub(super) fn dossier(subject: &Subject, grants: &[Grant], member_of: &[&str]) -> Dossier {
    Dossier {
        subject: subject.clone(),
        grants: grants.to_vec(),
        member_of: member_of.iter().map(|name| tenant(name)).collect(),
        tenant_roles: Vec::new(),
        epochs: Vec::new(),
    }
}
