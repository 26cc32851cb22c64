//! What a token may ask for after grants and removals.

use crate::check::testing::*;
use crate::check::*;
use crate::history::{Action, Effect, Outcome, Reach};

fn wide(token: &str) -> Action {
    Action::Exchange {
        token: name(token),
        reach: Reach::Write,
    }
}

#[test]
fn a_permission_is_there_from_its_grant_to_its_removal() {
    let mut story = Story::begin();
    story
        .tell(wide("t"), refused(400))
        .grant(done())
        .tell(wide("t"), exchanged(1, 0));
    story.take_away(done()).tell(wide("t"), refused(400));
    assert_eq!(story.kinds(), []);
    story.tell(wide("t"), exchanged(2, 0));
    assert_eq!(story.kinds(), [Kind::AcceptedAfterEnd]);
}

#[test]
fn a_permission_that_was_granted_must_not_be_refused_and_one_never_granted_not_accepted() {
    let mut story = Story::begin();
    story.grant(done()).tell(wide("t"), refused(400));
    assert_eq!(story.kinds(), [], "it was made without the permission");
    story.create("x").tell(wide("x"), refused(400));
    assert_eq!(story.kinds(), [Kind::LiveRefused]);
    let mut story = Story::begin();
    assert_eq!(
        story.tell(wide("t"), exchanged(1, 0)).kinds(),
        [Kind::AcceptedAfterEnd]
    );
}

#[test]
fn an_unknown_removal_may_take_effect_late_but_a_grant_after_it_counts_again() {
    let mut story = Story::begin();
    story.grant(done()).take_away(unknown());
    story
        .tell(wide("t"), exchanged(1, 0))
        .tell(wide("t"), refused(400));
    story.grant(done()).tell(wide("t"), exchanged(2, 0));
    // The first removal may still have been under way.
    story.tell(wide("t"), refused(400));
    assert_eq!(story.kinds(), []);
}

#[test]
fn what_the_store_says_of_a_permission_is_held_against_the_history() {
    let read = |held| {
        (
            Action::ReadGrant { owner: OWNER },
            Outcome::Ok(Effect::Held(held)),
        )
    };
    for (held, wanted) in [(true, vec![]), (false, vec![Kind::LostWrite])] {
        let mut story = Story::begin();
        let (action, outcome) = read(held);
        assert_eq!(story.grant(done()).tell(action, outcome).kinds(), wanted);
    }
    let mut story = Story::begin();
    let (action, outcome) = read(true);
    story.grant(done()).take_away(done()).tell(action, outcome);
    assert_eq!(story.kinds(), [Kind::LostWrite]);
}

#[test]
fn a_permission_taken_away_outdates_access_tokens_of_an_immediate_realm() {
    let mut story = Story::begin();
    story.grant(done()).exchange("t", exchanged(1, 0));
    story.take_away(done()).use_it(jwt(1, "t"), refused(401));
    assert_eq!(story.kinds(), []);
    story.use_it(jwt(1, "t"), passed("owner"));
    assert_eq!(story.kinds(), [Kind::AcceptedAfterEnd]);
    let mut story = Story::begin();
    story
        .exchange("t", exchanged(1, 0))
        .take_away(Outcome::Ok(Effect::Unchanged))
        .use_it(jwt(1, "t"), passed("owner"));
    assert_eq!(story.kinds(), []);
}

#[test]
fn a_permission_given_may_outdate_access_tokens_and_need_not() {
    for outcome in [refused(401), passed("owner")] {
        let mut story = Story::begin();
        story.exchange("t", exchanged(1, 0)).grant(done());
        assert_eq!(story.use_it(jwt(1, "t"), outcome).kinds(), []);
    }
}
