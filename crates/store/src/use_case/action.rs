//! Every management action, to be tried by callers of different authority.

use super::world::*;
use crate::conformance::fixture::all;
use doorward_base::{ApiTokenId, ErrorCode, SubjectId, TenantId};
use doorward_identity::act::*;
use doorward_identity::decide::manage::ManagementPermission::{self, *};
use doorward_identity::model::{Ceiling, ClientKind, Grant, Granted, KeyPurpose, TokenKind};
use doorward_identity::port::AuditFilter;

/// A management action. The order of [`Action::ALL`] lets one scene serve them all.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Action {
    FindSubject,
    FindSubjectByEmail,
    LoadProfile,
    ListSubjects,
    ListTenants,
    ListMembers,
    ForeseeLeaving,
    ListTokens,
    ListInvitations,
    ListClients,
    ListAudit,
    ReadDenials,
    RotateKeys,
    CreateTenant,
    CreateUser,
    CreateServiceAccount,
    CreateServiceToken,
    CreateKey,
    HandOverToken,
    RegenerateServiceToken,
    EndTokenOverlap,
    RevokeServiceToken,
    RevokePersonalToken,
    Invite,
    CreateClient,
    CreateMembership,
    AddGrant,
    RemoveGrant,
    DisableUser,
    EnableUser,
    BanUser,
    DisableServiceAccount,
    EndMembership,
    DeleteUser,
    DeleteServiceAccount,
    DeleteTenant,
}

impl Action {
    pub(crate) const ALL: [Self; 36] = [
        Self::FindSubject,
        Self::FindSubjectByEmail,
        Self::LoadProfile,
        Self::ListSubjects,
        Self::ListTenants,
        Self::ListMembers,
        Self::ForeseeLeaving,
        Self::ListTokens,
        Self::ListInvitations,
        Self::ListClients,
        Self::ListAudit,
        Self::ReadDenials,
        Self::RotateKeys,
        Self::CreateTenant,
        Self::CreateUser,
        Self::CreateServiceAccount,
        Self::CreateServiceToken,
        Self::CreateKey,
        Self::HandOverToken,
        Self::RegenerateServiceToken,
        Self::EndTokenOverlap,
        Self::RevokeServiceToken,
        Self::RevokePersonalToken,
        Self::Invite,
        Self::CreateClient,
        Self::CreateMembership,
        Self::AddGrant,
        Self::RemoveGrant,
        Self::DisableUser,
        Self::EnableUser,
        Self::BanUser,
        Self::DisableServiceAccount,
        Self::EndMembership,
        Self::DeleteUser,
        Self::DeleteServiceAccount,
        Self::DeleteTenant,
    ];

    pub(crate) const fn needs(self) -> &'static [ManagementPermission] {
        match self {
            Self::FindSubject
            | Self::FindSubjectByEmail
            | Self::LoadProfile
            | Self::ListSubjects
            | Self::ListTenants
            | Self::ListMembers => &[UsersRead],
            Self::ListTokens => &[UsersRead, AccessTokensEdit],
            Self::ListAudit => &[AuditRead],
            Self::ReadDenials => &[DenialsRead],
            Self::RotateKeys => &[KeysEdit],
            Self::CreateTenant | Self::DeleteTenant => &[TenantsEdit],
            Self::CreateUser
            | Self::DisableUser
            | Self::EnableUser
            | Self::BanUser
            | Self::DeleteUser
            | Self::RevokePersonalToken => &[UsersEdit],
            Self::CreateServiceAccount
            | Self::DisableServiceAccount
            | Self::DeleteServiceAccount => &[ServiceAccountsEdit],
            Self::CreateServiceToken
            | Self::CreateKey
            | Self::HandOverToken
            | Self::RegenerateServiceToken
            | Self::EndTokenOverlap
            | Self::RevokeServiceToken => &[AccessTokensEdit],
            Self::Invite
            | Self::ListInvitations
            | Self::CreateMembership
            | Self::ForeseeLeaving
            | Self::EndMembership => &[MembershipsEdit],
            Self::ListClients | Self::CreateClient => &[ClientsEdit],
            Self::AddGrant | Self::RemoveGrant => &[GrantsEdit],
        }
    }

    /// What who lacks the permission is told: a token is not shown to exist.
    pub(crate) const fn denied(self) -> ErrorCode {
        match self {
            Self::HandOverToken
            | Self::RegenerateServiceToken
            | Self::EndTokenOverlap
            | Self::RevokeServiceToken
            | Self::RevokePersonalToken => ErrorCode::NotFound,
            _ => ErrorCode::InsufficientPermission,
        }
    }

    /// Whether it is of the whole realm, and so no tenant's administrator's.
    pub(crate) const fn is_realm_wide(self) -> bool {
        matches!(
            self,
            Self::ListSubjects
                | Self::RotateKeys
                | Self::CreateTenant
                | Self::CreateMembership
                | Self::EnableUser
                | Self::BanUser
                | Self::DeleteUser
                | Self::DeleteServiceAccount
                | Self::DeleteTenant
        )
    }

    /// Whether it names no tenant: it answers with what is within reach.
    pub(crate) const fn is_of_no_tenant(self) -> bool {
        matches!(
            self,
            Self::ListTenants | Self::ReadDenials | Self::ListClients
        )
    }
}

/// A tenant with somebody and something to manage.
pub(crate) struct Scene {
    pub(crate) name: String,
    pub(crate) tenant: TenantId,
    pub(crate) member: SubjectId,
    pub(crate) personal: ApiTokenId,
    pub(crate) robot: SubjectId,
    pub(crate) service: ApiTokenId,
    pub(crate) stranger: SubjectId,
}

impl Scene {
    pub(crate) async fn set(world: &World, name: &str) -> Self {
        let tenant = world.tenant(name).await;
        let member = world.user(&format!("member-{name}"), Some(name), &[]).await;
        let robot = world
            .service(&format!("robot-{name}"), Some(name), &[])
            .await;
        Self {
            name: name.to_owned(),
            personal: world.mint(TokenKind::Personal, member).await.token.id,
            service: world.mint(TokenKind::Service, robot).await.token.id,
            stranger: world.user(&format!("stranger-{name}"), None, &[]).await,
            tenant,
            member,
            robot,
        }
    }

    pub(crate) async fn run(
        &self,
        world: &World,
        caller: &Caller,
        action: Action,
    ) -> Result<(), ErrorCode> {
        match action {
            Action::FindSubject
            | Action::FindSubjectByEmail
            | Action::LoadProfile
            | Action::ListSubjects
            | Action::ListTenants
            | Action::ListMembers
            | Action::ForeseeLeaving
            | Action::ListTokens
            | Action::ListInvitations
            | Action::ListClients
            | Action::ListAudit
            | Action::ReadDenials => self.read(world, caller, action).await,
            Action::CreateServiceToken
            | Action::CreateKey
            | Action::HandOverToken
            | Action::RegenerateServiceToken
            | Action::EndTokenOverlap
            | Action::RevokeServiceToken
            | Action::RevokePersonalToken => self.handle_token(world, caller, action).await,
            _ => self.write(world, caller, action).await,
        }
    }

    async fn read(&self, world: &World, by: &Caller, action: Action) -> Result<(), ErrorCode> {
        let ctx = world.ctx();
        match action {
            Action::FindSubject => outcome(find_subject(ctx, by, self.member).await),
            Action::FindSubjectByEmail => {
                let address = email(&format!("member-{}", self.name));
                outcome(find_subject_by_email(ctx, by, address).await)
            }
            Action::LoadProfile => outcome(load_profile(ctx, by, self.robot).await),
            Action::ListSubjects => outcome(list_subjects(ctx, by, all()).await),
            Action::ListTenants => outcome(list_tenants(ctx, by, all()).await),
            Action::ListMembers => {
                outcome(list_tenant_members(ctx, by, self.tenant.clone(), all()).await)
            }
            Action::ForeseeLeaving => {
                outcome(foresee_leaving(ctx, by, self.member, self.tenant.clone()).await)
            }
            Action::ListTokens => {
                let owner = Some(TokensOf::Owner(OwnerRef::Subject(self.robot)));
                outcome(list_tokens(ctx, by, owner, all()).await)
            }
            Action::ListInvitations => {
                let tenant = Some(self.tenant.clone());
                outcome(list_invitations(ctx, by, tenant, all()).await)
            }
            Action::ListClients => outcome(list_clients(ctx, by, all()).await),
            Action::ListAudit => {
                let filter = AuditFilter {
                    tenant: Some(self.tenant.clone()),
                    ..AuditFilter::default()
                };
                outcome(list_audit(ctx, by, filter, all()).await)
            }
            _ => outcome(authorize(ctx, by, DenialsRead).await),
        }
    }

    async fn handle_token(
        &self,
        world: &World,
        by: &Caller,
        action: Action,
    ) -> Result<(), ErrorCode> {
        let ctx = world.ctx();
        match action {
            Action::CreateServiceToken => {
                let new = new_token(TokenKind::Service, OwnerRef::Subject(self.robot));
                outcome(create_token(ctx, by, new).await)
            }
            Action::CreateKey => {
                let owner = OwnerRef::Tenant(self.tenant.clone());
                outcome(create_token(ctx, by, new_token(TokenKind::Key, owner)).await)
            }
            Action::HandOverToken => {
                let request = HandOver {
                    token: self.personal,
                    name: None,
                    expires_at: None,
                    environment: None,
                };
                outcome(hand_over_token(ctx, by, request).await)
            }
            Action::EndTokenOverlap => {
                outcome(end_token_overlap(ctx, by, TokenRef::Id(self.service)).await)
            }
            Action::RegenerateServiceToken => {
                let request = RegenerateToken {
                    token: TokenRef::Id(self.service),
                    expires_at: None,
                    overlap: None,
                };
                outcome(regenerate_token(ctx, by, request).await)
            }
            Action::RevokeServiceToken => {
                outcome(revoke_token(ctx, by, TokenRef::Id(self.service)).await)
            }
            _ => outcome(revoke_token(ctx, by, TokenRef::Id(self.personal)).await),
        }
    }

    async fn write(&self, world: &World, by: &Caller, action: Action) -> Result<(), ErrorCode> {
        let (ctx, name, tenant) = (world.ctx(), &self.name, self.tenant.clone());
        // Held by whoever may grant at all.
        let given = grant(Some(name), GrantsEdit.as_str());
        match action {
            Action::RotateKeys => {
                outcome(keys::rotate(ctx, by, KeyPurpose::Access, keys::Pace::Staged).await)
            }
            Action::CreateTenant => {
                let id = format!("new-{name}").parse().unwrap();
                outcome(create_tenant(ctx, by, CreateTenant { id, name: None }).await)
            }
            Action::CreateUser => {
                let new = CreateUser {
                    proven: false,
                    ..new_user(&format!("new-{name}"), placement(Some(name), &[]))
                };
                outcome(create_user(ctx, by, new).await)
            }
            Action::CreateServiceAccount => {
                let new = CreateServiceAccount {
                    email: email(&format!("new-robot-{name}")),
                    name: None,
                    placement: placement(Some(name), &[]),
                };
                outcome(create_service_account(ctx, by, new).await)
            }
            Action::Invite => {
                let request = Invite {
                    email: email("invited"),
                    tenant,
                    roles: vec![],
                    life: None,
                    delivery: None,
                };
                outcome(invite(ctx, by, request).await)
            }
            Action::CreateClient => {
                let new = CreateClient {
                    name: "an application".to_owned(),
                    kind: ClientKind::Confidential,
                    ceiling: Ceiling {
                        tenant: Some(tenant),
                        ..Ceiling::default()
                    },
                    redirect_uris: Vec::new(),
                };
                outcome(create_client(ctx, by, new).await)
            }
            Action::CreateMembership => {
                outcome(create_membership(ctx, by, self.stranger, tenant).await)
            }
            Action::AddGrant => outcome(add_grant(ctx, by, self.member, given).await),
            Action::RemoveGrant => outcome(remove_grant(ctx, by, self.member, given).await),
            Action::DisableUser => {
                outcome(set_subject_status(ctx, by, self.member, StatusChange::Disabled).await)
            }
            Action::EnableUser => {
                outcome(set_subject_status(ctx, by, self.member, StatusChange::Enabled).await)
            }
            Action::BanUser => {
                let until = after(60);
                let banned = StatusChange::Banned { until };
                outcome(set_subject_status(ctx, by, self.member, banned).await)
            }
            Action::DeleteUser | Action::DeleteServiceAccount => {
                let is_user = action == Action::DeleteUser;
                let request = DeleteUser {
                    subject: if is_user { self.member } else { self.robot },
                    password: None,
                };
                outcome(delete_user(ctx, by, request).await)
            }
            Action::DeleteTenant => outcome(delete_tenant(ctx, by, tenant).await),
            Action::DisableServiceAccount => {
                outcome(set_subject_status(ctx, by, self.robot, StatusChange::Disabled).await)
            }
            _ => outcome(end_membership(ctx, by, self.member, tenant).await),
        }
    }
}

/// The names of every management permission but these.
pub(crate) fn all_but(without: &[ManagementPermission]) -> Vec<&'static str> {
    let kept = ManagementPermission::ALL
        .iter()
        .filter(|one| !without.contains(one));
    kept.map(|one| one.as_str()).collect()
}

pub(crate) fn role_grant(tenant: Option<&TenantId>, role: &str) -> Grant {
    Grant {
        tenant: tenant.cloned(),
        granted: Granted::Role(role.parse().unwrap()),
    }
}
