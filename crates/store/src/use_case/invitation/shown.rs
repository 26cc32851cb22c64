//! Who takes what was mailed: not who gave his word that the address is his account's.

use super::*;

fn is_shown(subject: &Subject) -> bool {
    let contact = subject.identifier.contact().unwrap();
    let address = contact.email.as_ref().and_then(Mailbox::wide);
    address.is_some_and(Address::is_shown)
}

/// Who edits users of the realm, and nothing else, makes an account for whoever is invited, and
/// would become what the invitation gives.
pub(crate) async fn a_word_takes_nothing_that_waits_for_the_mail(store: StoreHandle) {
    let world = World::new(store).await;
    let acme = world.person("local", Some("acme"), &[EDIT]).await;
    let desk = world.person("desk", None, &[USERS]).await;
    let ctx = world.ctx();
    invite(ctx, &acme.caller, inviting("ada")).await.unwrap();
    let posing = CreateUser {
        password: Some(secret(PASSWORD)),
        ..new_user("ada", placement(None, &[]))
    };
    let ada = create_user(ctx, &desk.caller, posing).await.unwrap();
    assert!(is_proven(&ada) && !is_shown(&ada));
    let signed = sign_in(ctx, signing_in("ada@example.org", PASSWORD)).await;
    let session = caller_of(&signed.unwrap());
    let offered = list_own_invitations(ctx, &session, all()).await.unwrap();
    let done = accept_own_invitation(ctx, &session, offered[0].id).await;
    assert_eq!(reason(done), ManageRefusal::SecretNeeded);
    let profile = load_profile(ctx, &OPERATOR, ada.id).await.unwrap();
    assert!(profile.memberships.is_empty());
    // Whoever reads the mail shows it, in the session, and is asked for none any more.
    let request = AcceptInvitation {
        by: Some(session.clone()),
        ..taking(&mailed(&world, "ada").await, None)
    };
    let joined = accept_invitation(ctx, request).await.unwrap();
    assert_eq!(joined.id, ada.id);
    assert!(is_shown(&joined));
    let found = find_subject(ctx, &OPERATOR, ada.id).await.unwrap();
    assert!(is_shown(&found));
    let globex = world.person("other", Some("globex"), &[EDIT]).await;
    let again = Invite {
        tenant: tenant_id("globex"),
        ..inviting("ada")
    };
    invite(ctx, &globex.caller, again).await.unwrap();
    let offered = list_own_invitations(ctx, &session, all()).await.unwrap();
    let joined = accept_own_invitation(ctx, &session, offered[0].id).await;
    joined.unwrap();
}

/// A secret that was handed to who edits users shows no mailbox; what an operator says does.
pub(crate) async fn an_address_is_shown_by_mail_or_an_operators_word(store: StoreHandle) {
    let world = World::new(store).await;
    world.tenant("acme").await;
    let voucher = world.person("voucher", None, &[EDIT, USERS]).await;
    let ctx = world.ctx();
    let handed = invite(ctx, &voucher.caller, inviting("bob")).await.unwrap();
    let handed = handed.secret.unwrap();
    let bob = accept_invitation(ctx, taking(&handed, Some(PASSWORD))).await;
    let bob = bob.unwrap();
    assert!(is_proven(&bob) && !is_shown(&bob));
    let sent = Invite {
        delivery: Some(Delivery::Mail),
        ..inviting("carol")
    };
    invite(ctx, &voucher.caller, sent).await.unwrap();
    let secret = mailed(&world, "carol").await;
    let carol = accept_invitation(ctx, taking(&secret, Some(PASSWORD))).await;
    assert!(is_shown(&carol.unwrap()));
    let id = world.user("dave", None, &[]).await;
    let dave = find_subject(ctx, &OPERATOR, id).await.unwrap();
    assert!(is_shown(&dave));
}
