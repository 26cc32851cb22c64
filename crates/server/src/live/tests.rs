//! Tests of what the gate is told at once.

use super::*;

const TOKEN: ApiTokenId = ApiTokenId::from_bytes([1; 16]);
const OWNER: SubjectId = SubjectId::from_bytes([2; 16]);
const SESSION: SessionId = SessionId::from_bytes([3; 16]);

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_seconds(seconds)
}

fn seq(seq: i64) -> Position {
    Position {
        era: 0,
        seq: ChangeSeq(seq),
    }
}

fn token_changed(at: i64) -> Changes {
    Changes {
        tokens: HashMap::from([(TOKEN, seq(at))]),
        ..Changes::default()
    }
}

fn token_is(state: TokenState) -> Standing {
    Standing {
        tokens: vec![(TOKEN, state)],
        ..Standing::default()
    }
}

fn is_revoked(live: &RealmLive, now: i64) -> bool {
    live.is_revoked(&CredentialId::ApiToken(TOKEN), at(now))
}

#[test]
fn what_changed_after_it_was_cached_is_stale() {
    let live = RealmLive::new(RealmId(1));
    live.apply(&token_changed(5), token_is(TokenState::Active), at(0));
    assert!(live.is_stale(TOKEN, OWNER, seq(4)));
    assert!(!live.is_stale(TOKEN, OWNER, seq(5)));
    let changes = Changes {
        subjects: HashMap::from([(OWNER, seq(6))]),
        ..Changes::default()
    };
    live.apply(&changes, Standing::default(), at(0));
    assert!(live.is_stale(TOKEN, OWNER, seq(5)));
}

#[test]
fn a_retiring_token_is_revoked_when_its_grace_is_over() {
    let live = RealmLive::new(RealmId(1));
    assert!(!is_revoked(&live, 0));
    let retiring = TokenState::Retiring { until: at(5) };
    live.apply(&token_changed(1), token_is(retiring), at(0));
    assert!(!is_revoked(&live, 4));
    assert!(is_revoked(&live, 5));
    let revoked = TokenState::Revoked { at: at(1) };
    live.apply(&token_changed(2), token_is(revoked), at(1));
    assert!(is_revoked(&live, 1));
}

#[test]
fn what_the_store_no_longer_has_is_revoked_and_ended() {
    let live = RealmLive::new(RealmId(1));
    let mut changes = token_changed(1);
    let other = SessionId::from_bytes([4; 16]);
    changes.sessions = HashSet::from([SESSION, other]);
    let standing = Standing {
        active_sessions: vec![other],
        ..Standing::default()
    };
    live.apply(&changes, standing, at(0));
    assert!(is_revoked(&live, 0));
    assert!(live.is_revoked(&CredentialId::Session(SESSION), at(0)));
    assert!(!live.is_revoked(&CredentialId::Session(other), at(0)));
}

#[test]
fn no_token_of_a_deleted_tenant_is_current() {
    let live = RealmLive::new(RealmId(1));
    let (gone, other) = (
        TenantId::new("gone").unwrap(),
        TenantId::new("other").unwrap(),
    );
    let changes = Changes {
        tenants: Some(seq(7)),
        ..Changes::default()
    };
    let standing = Standing {
        deleted_tenants: vec![gone.clone()],
        ..Standing::default()
    };
    live.apply(&changes, standing, at(100));
    assert_eq!(live.epoch(OWNER, Some(&gone)), Epoch(i64::MAX));
    assert_eq!(live.epoch(OWNER, Some(&other)), Epoch(0));
    assert_eq!(live.epoch(OWNER, None), Epoch(0));
    assert!(live.is_deleted(Some(&gone)) && !live.is_deleted(Some(&other)));
    // Forgotten with the last access token; what was cached before is stale then.
    live.forget(at(101));
    assert!(!live.is_deleted(Some(&gone)));
    assert!(live.is_stale(TOKEN, OWNER, seq(6)));
    assert!(!live.is_stale(TOKEN, OWNER, seq(7)));
}

#[test]
fn an_older_answer_does_not_take_an_epoch_back() {
    let live = RealmLive::new(RealmId(1));
    let tenant = TenantId::new("acme").unwrap();
    let learn = |realm_wide, there| {
        let epochs = vec![
            (OWNER, None, Epoch(realm_wide)),
            (OWNER, Some(tenant.clone()), Epoch(there)),
        ];
        live.learn(
            Snapshot {
                epochs,
                ..Snapshot::default()
            },
            at(0),
        );
    };
    learn(2, 5);
    learn(1, 4);
    assert_eq!(live.epoch(OWNER, Some(&tenant)), Epoch(5));
    assert_eq!(live.epoch(OWNER, None), Epoch(2));
}

#[test]
fn an_epoch_counts_as_long_as_an_access_token_of_before_it_lives() {
    let live = RealmLive::new(RealmId(1));
    let tenant = TenantId::new("acme").unwrap();
    let epoch = |seconds| Epoch(at(seconds).as_micros());
    let snapshot = Snapshot {
        epochs: vec![
            (OWNER, None, epoch(100)),
            (OWNER, Some(tenant.clone()), epoch(200)),
        ],
        ..Snapshot::default()
    };
    live.learn(snapshot, at(300));
    for (before, realm_wide, there) in [(200, epoch(100), epoch(200)), (201, Epoch(0), Epoch(0))] {
        live.forget(at(before));
        assert_eq!(live.epoch(OWNER, None), realm_wide, "{before}");
        assert_eq!(live.epoch(OWNER, Some(&tenant)), there, "{before}");
    }
    assert_eq!(live.known.load().epochs.values().count(), 0);
}

#[test]
fn a_revoked_client_is_dead_until_nothing_of_it_can_live() {
    let (live, other) = (RealmLive::new(RealmId(1)), RealmLive::new(RealmId(2)));
    let id = ClientId::from_bytes([7; 16]);
    let changes = Changes {
        clients: HashSet::from([id]),
        ..Changes::default()
    };
    live.apply(&changes, Standing::default(), at(100));
    let snapshot = Snapshot {
        revoked_clients: vec![id],
        ..Snapshot::default()
    };
    other.learn(snapshot, at(100));
    for live in [live, other] {
        let credential = CredentialId::Client(id);
        live.forget(at(100));
        assert!(live.is_revoked(&credential, at(100)));
        live.forget(at(101));
        assert!(!live.is_revoked(&credential, at(101)));
    }
}

#[test]
fn what_no_access_token_outlives_is_forgotten_and_what_was_cached_before_it_is_stale() {
    let live = RealmLive::new(RealmId(1));
    let revoked = TokenState::Revoked { at: at(0) };
    live.apply(&token_changed(5), token_is(revoked), at(100));
    live.forget(at(100));
    assert!(is_revoked(&live, 100));
    live.forget(at(101));
    assert!(!is_revoked(&live, 101));
    let known = live.known.load();
    assert_eq!((known.revoked.len(), known.tokens_changed.len()), (0, 0));
    assert!(live.is_stale(TOKEN, OWNER, seq(4)));
    assert!(!live.is_stale(TOKEN, OWNER, seq(5)));
}

#[test]
fn a_missed_part_of_the_log_makes_everything_stale_that_is_older() {
    let live = RealmLive::new(RealmId(1));
    live.distrust(seq(9));
    assert!(live.is_stale(TOKEN, OWNER, seq(8)));
    assert!(!live.is_stale(TOKEN, OWNER, seq(9)));
    let next = Position {
        era: 1,
        seq: ChangeSeq(3),
    };
    live.distrust(next);
    assert!(live.is_stale(TOKEN, OWNER, seq(9)), "of another log");
    assert!(!live.is_stale(TOKEN, OWNER, next));
}

#[test]
fn a_tenant_is_there_still_until_it_is_deleted_and_while_that_would_be_known() {
    let live = RealmLive::new(RealmId(1));
    let acme = TenantId::new("acme").unwrap();
    assert!(live.has_still(&acme, seq(1)));
    let changes = Changes {
        tenants: Some(seq(2)),
        ..Changes::default()
    };
    let standing = Standing {
        deleted_tenants: vec![acme.clone()],
        ..Standing::default()
    };
    live.apply(&changes, standing, at(5));
    assert!(!live.has_still(&acme, seq(1)));
    assert!(live.has_still(&TenantId::new("globex").unwrap(), seq(1)));
    // Forgotten: what was known before must be asked again.
    live.forget(at(6));
    assert!(!live.has_still(&acme, seq(1)));
    assert!(live.has_still(&acme, seq(2)), "asked after it was deleted");
}
