//! Good and bad histories by hand: each rule finds what breaks it, and nothing in what
//! merely looks like it.

mod audit;
mod permission;
mod session;

use super::testing::*;
use super::*;
use crate::history::{Action, Effect, Outcome, Standing};

#[test]
fn a_quiet_life_breaks_no_rule() {
    let mut story = Story::begin();
    story
        .exchange("t", exchanged(1, 0))
        .use_it(jwt(1, "t"), passed("owner"));
    story.use_it(token("t"), passed("owner"));
    story.revoke("t", done()).exchange("t", refused(401));
    story
        .use_it(token("t"), refused(401))
        .use_it(jwt(1, "t"), refused(401));
    story.create("u").exchange("u", exchanged(2, 0));
    story.list(&[("t", Standing::Ended), ("u", Standing::Active)]);
    assert_eq!(story.kinds(), []);
}

#[test]
fn an_exchange_after_an_acknowledged_revocation_is_found_on_any_node_at_once() {
    for node in [0, 1] {
        let mut story = Story::begin();
        story.revoke("t", done()).at(node).after(1);
        assert_eq!(
            story.exchange("t", exchanged(1, 0)).kinds(),
            [Kind::AcceptedAfterEnd]
        );
    }
}

#[test]
fn an_exchange_that_overlaps_the_revocation_may_go_either_way() {
    let mut story = Story::begin();
    story
        .revoke("t", done())
        .meanwhile()
        .exchange("t", exchanged(1, 0));
    assert_eq!(story.kinds(), []);
    let mut story = Story::begin();
    story
        .revoke("t", done())
        .meanwhile()
        .exchange("t", refused(401));
    assert_eq!(story.kinds(), []);
}

#[test]
fn a_gate_elsewhere_has_the_lease_and_a_second_and_no_more() {
    for credential in [token("t"), jwt(1, "t")] {
        for (node, wait, wanted) in [
            (0, 1, vec![Kind::AcceptedAfterEnd]),
            (1, ELSEWHERE, vec![]),
            (1, ELSEWHERE + 1, vec![Kind::AcceptedAfterEnd]),
        ] {
            let mut story = Story::begin();
            story.exchange("t", exchanged(1, 0)).revoke("t", done());
            story
                .at(node)
                .after(wait)
                .use_it(credential.clone(), passed("owner"));
            assert_eq!(
                story.kinds(),
                wanted,
                "{credential:?} on node {node} after {wait}"
            );
        }
    }
}

#[test]
fn a_node_whose_look_into_the_store_refused_may_not_have_heard_at_its_gate() {
    for (wait, wanted) in [(1, vec![]), (ELSEWHERE + 1, vec![Kind::AcceptedAfterEnd])] {
        let mut story = Story::begin();
        story.exchange("t", exchanged(1, 0)).revoke("t", done());
        story.at(1).after(1).exchange("t", refused(401));
        story.after(wait).use_it(jwt(1, "t"), passed("owner"));
        assert_eq!(story.kinds(), wanted, "after {wait}");
    }
}

#[test]
fn an_access_token_of_an_expiry_realm_lives_on_and_its_api_token_does_not() {
    let mut story = Story::begin();
    story
        .west()
        .create("x")
        .exchange("x", exchanged(1, 1))
        .revoke("x", done());
    story.use_it(jwt(1, "x"), passed("west-owner"));
    assert_eq!(story.kinds(), []);
    story.use_it(token("x"), passed("west-owner"));
    assert_eq!(story.kinds(), [Kind::AcceptedAfterEnd]);
}

#[test]
fn an_access_token_of_an_expiry_realm_must_not_be_refused() {
    let mut story = Story::begin();
    story
        .west()
        .create("x")
        .exchange("x", exchanged(1, 1))
        .revoke("x", done());
    assert_eq!(
        story.use_it(jwt(1, "x"), refused(401)).kinds(),
        [Kind::LiveRefused]
    );
}

#[test]
fn a_revocation_nobody_knows_the_end_of_excuses_both_answers_until_the_store_has_spoken() {
    let mut story = Story::begin();
    story.revoke("t", unknown()).exchange("t", exchanged(1, 0));
    story.exchange("t", refused(401));
    assert_eq!(story.kinds(), []);
    story.exchange("t", exchanged(2, 0));
    assert_eq!(story.kinds(), [Kind::AcceptedAfterEnd]);
}

#[test]
fn a_revocation_that_was_refused_ended_nothing() {
    let mut story = Story::begin();
    story
        .revoke("t", refused(404))
        .exchange("t", exchanged(1, 0));
    assert_eq!(story.kinds(), []);
    assert_eq!(
        story.exchange("t", refused(401)).kinds(),
        [Kind::LiveRefused]
    );
}

#[test]
fn a_token_refused_right_after_it_was_made_is_found_and_a_5xx_is_no_refusal() {
    let mut story = Story::begin();
    story
        .exchange("t", unknown())
        .use_it(token("t"), refused(429));
    assert_eq!(story.kinds(), []);
    story.use_it(token("t"), refused(401));
    assert_eq!(story.kinds(), [Kind::LiveRefused]);
}

#[test]
fn regeneration_ends_the_old_token_and_gives_the_new_one_its_owner() {
    let mut story = Story::begin();
    let (by, token) = (name("s"), name("t"));
    let minted = Outcome::Ok(Effect::Minted(name("u")));
    story.tell(Action::Regenerate { by, token }, minted);
    story.exchange("u", exchanged(1, 0));
    assert_eq!(story.kinds(), []);
    assert_eq!(
        story.exchange("t", exchanged(2, 0)).kinds()[0],
        Kind::AcceptedAfterEnd
    );
}

#[test]
fn two_tokens_that_surely_lived_at_once_are_found_only_where_one_may() {
    let mut story = Story::begin();
    story
        .create("u")
        .exchange("u", exchanged(1, 0))
        .exchange("t", exchanged(2, 0));
    assert_eq!(story.kinds(), [Kind::TwoActive]);
    let mut story = Story::begin();
    story.west().create("x").create("y");
    story
        .exchange("x", exchanged(1, 1))
        .exchange("y", exchanged(2, 1));
    assert_eq!(story.kinds(), []);
    // The first was last seen before the second was made.
    let mut story = Story::begin();
    story
        .exchange("t", exchanged(1, 0))
        .create("u")
        .exchange("u", exchanged(2, 0));
    assert_eq!(story.kinds(), []);
}

#[test]
fn a_listing_tells_of_lost_and_of_doubled_tokens() {
    let listed = |tokens: &[(&str, Standing)]| Story::begin().list(tokens).kinds();
    assert_eq!(listed(&[]), [Kind::LostWrite]);
    assert_eq!(listed(&[("t", Standing::Ended)]), [Kind::LostWrite]);
    let two = [("t", Standing::Active), ("?", Standing::Active)];
    assert_eq!(listed(&two), [Kind::TwoActive]);
    let mut story = Story::begin();
    story.revoke("t", done()).list(&[("t", Standing::Active)]);
    assert_eq!(story.kinds(), [Kind::LostWrite]);
}

#[test]
fn nothing_of_one_realm_is_accepted_in_another() {
    let mut story = Story::begin();
    story
        .west()
        .exchange("t", refused(401))
        .use_it(token("t"), refused(401));
    assert_eq!(story.kinds(), []);
    assert_eq!(
        story.exchange("t", exchanged(1, 1)).kinds(),
        [Kind::CrossedBoundary]
    );
    let mut story = Story::begin();
    story.west().use_it(token("t"), passed("owner"));
    assert_eq!(story.kinds(), [Kind::CrossedBoundary]);
    let mut story = Story::begin();
    assert_eq!(
        story.west().revoke("t", done()).kinds(),
        [Kind::CrossedBoundary]
    );
}

#[test]
fn nobody_is_taken_for_somebody_else() {
    let mut story = Story::begin();
    assert_eq!(
        story.exchange("t", exchanged(1, 1)).kinds(),
        [Kind::CrossedBoundary]
    );
    let mut story = Story::begin();
    assert_eq!(
        story.use_it(token("t"), passed("other")).kinds(),
        [Kind::CrossedBoundary]
    );
}

#[test]
fn a_manager_of_one_tenant_handles_nothing_of_another() {
    let create = || Action::Create {
        by: name("s"),
        owner: OTHER,
    };
    let mut story = Story::begin();
    story.tell(create(), refused(404));
    assert_eq!(story.kinds(), []);
    story.tell(create(), Outcome::Ok(Effect::Minted(name("u"))));
    assert_eq!(story.kinds(), [Kind::CrossedBoundary]);
}

#[test]
fn a_report_shows_the_events_in_the_order_of_time() {
    let mut story = Story::begin();
    story.revoke("t", done()).exchange("t", exchanged(1, 0));
    let found = check(&world(), &story.events, &story.rows);
    let report = Report {
        violation: &found[0],
        events: &story.events,
    };
    let text = report.to_string();
    let place = |what: &str| text.find(what).unwrap();
    assert!(place("Create") < place("Revoke"), "{text}");
    assert!(place("Revoke") < place("Exchange"), "{text}");
    assert!(text.starts_with("AcceptedAfterEnd: token t"), "{text}");
}
