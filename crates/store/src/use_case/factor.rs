//! Second factors: whose they are.

use super::world::*;
use crate::conformance::fixture::tenant_id;
use crate::conformance::writing;
use doorward_base::authn::AssuranceLevel;
use doorward_base::principal::CredentialId;
use doorward_base::{ErrorCode, FactorId, SessionId, SubjectId};
use doorward_identity::act::*;
use doorward_identity::decide::refusal::ManageRefusal;
use doorward_identity::model::{
    AuditAction, Ceiling, Factor, FactorData, FactorKind, FactorState, Metadata, Session,
};
use doorward_identity::port::StoreHandle;

async fn enrol(world: &World, subject: SubjectId, n: u8, kind: FactorKind) -> FactorId {
    let factor = Factor {
        id: FactorId::from_bytes([n; 16]),
        subject,
        kind,
        state: FactorState::Verified { at: NOW },
        name: None,
        data: FactorData::Public(Metadata::new()),
        counter: None,
        created_at: NOW,
        last_used_at: None,
    };
    let (store, realm) = (world.store(), world.realm.id);
    let written = writing!(store, realm, [factor], |tx| tx.insert_factor(&factor).await);
    written.unwrap();
    factor.id
}

/// A session that a second factor strengthened.
async fn strong(world: &World, subject: SubjectId) -> Caller {
    let id = SessionId::from_bytes([8; 16]);
    let end = after(86_400);
    let mut session = Session::begin(id, subject, Ceiling::default(), NOW, end);
    session.aal = AssuranceLevel::Aal2;
    let (store, realm) = (world.store(), world.realm.id);
    let written = writing!(store, realm, [session], |tx| tx
        .insert_session(&session)
        .await);
    written.unwrap();
    Caller::Subject {
        subject,
        credential: CredentialId::Session(id),
        carries: None,
    }
}

async fn kinds(world: &World, caller: &Caller, subject: SubjectId) -> Vec<FactorKind> {
    let listed = list_factors(world.ctx(), caller, subject).await.unwrap();
    listed.iter().map(|factor| factor.kind).collect()
}

pub(crate) async fn factors_are_their_owners(store: StoreHandle) {
    let world = World::new(store).await;
    world.tenant("globex").await;
    let ada = world.person("ada", Some("acme"), &["read"]).await;
    let eve = world.person("eve", Some("acme"), &["read"]).await;
    let edit = &["platform.users.edit", "platform.users.read"];
    let local = world.person("local", Some("acme"), edit).await;
    let elsewhere = world.person("elsewhere", Some("globex"), edit).await;
    let totp = enrol(&world, ada.id, 1, FactorKind::Totp).await;
    enrol(&world, ada.id, 2, FactorKind::RecoveryCodes).await;
    let both = [FactorKind::Totp, FactorKind::RecoveryCodes];
    for caller in [&ada.caller, &local.caller, &OPERATOR] {
        assert_eq!(kinds(&world, caller, ada.id).await, both);
    }
    for (caller, expected) in [
        (&eve.caller, ErrorCode::InsufficientPermission),
        (&elsewhere.caller, ErrorCode::NotFound),
    ] {
        let listed = list_factors(world.ctx(), caller, ada.id).await;
        assert_eq!(code(listed), expected);
        let done = delete_factor(world.ctx(), caller, ada.id, totp).await;
        assert_eq!(code(done), expected);
    }
    // Under another's name it is not there.
    for subject in [eve.id, SubjectId::from_bytes([9; 16])] {
        let done = delete_factor(world.ctx(), &OPERATOR, subject, totp).await;
        assert_eq!(code(done), ErrorCode::NotFound);
    }
    // An open session is not enough to take the second lock away.
    let done = delete_factor(world.ctx(), &ada.caller, ada.id, totp).await;
    assert_eq!(reason(done), ManageRefusal::FactorNeeded);
    assert_eq!(kinds(&world, &OPERATOR, ada.id).await, both);
    let passkey = enrol(&world, ada.id, 3, FactorKind::Passkey).await;
    let strong = strong(&world, ada.id).await;
    let done = delete_factor(world.ctx(), &strong, ada.id, passkey).await;
    done.unwrap();
    assert_eq!(kinds(&world, &OPERATOR, ada.id).await, both);
    let done = delete_factor(world.ctx(), &local.caller, ada.id, totp).await;
    done.unwrap();
    let row = world.last_audit().await.event;
    assert_eq!(row.action, AuditAction::FactorDelete);
    assert_eq!(
        (row.subject, row.detail["factor"].clone()),
        (Some(ada.id), totp.to_string().into())
    );
    assert_eq!(
        kinds(&world, &OPERATOR, ada.id).await,
        [],
        "the codes go with it"
    );
    let member = end_membership(world.ctx(), &OPERATOR, ada.id, tenant_id("acme")).await;
    member.unwrap();
    let listed = list_factors(world.ctx(), &local.caller, ada.id).await;
    assert_eq!(code(listed), ErrorCode::NotFound);
}
