//! Sessions and their refresh tokens.

use crate::check::testing::*;
use crate::check::*;
use crate::history::Action;

#[test]
fn a_session_manages_nothing_after_its_end_and_until_then_is_not_refused() {
    let session = || Action::SignOut { session: name("s") };
    let mut story = Story::begin();
    story
        .tell(session(), done())
        .at(1)
        .after(1)
        .revoke("t", done());
    assert_eq!(story.kinds(), [Kind::AcceptedAfterEnd]);
    let mut story = Story::begin();
    assert_eq!(story.revoke("t", refused(401)).kinds(), [Kind::LiveRefused]);
    let mut story = Story::begin();
    story.tell(session(), unknown()).revoke("t", refused(401));
    assert_eq!(story.kinds(), []);
}

#[test]
fn a_refresh_token_works_once() {
    let mut story = Story::begin();
    story.refresh(0, refreshed(1)).refresh(1, refreshed(2));
    assert_eq!(story.kinds(), []);
    // At once or much later, also side by side: with no interval one alone may win.
    for wait in [1, 60 * SECOND] {
        let mut story = Story::begin();
        story
            .refresh(0, refreshed(1))
            .after(wait)
            .refresh(0, refreshed(1));
        assert_eq!(story.kinds(), [Kind::ReplayAccepted], "after {wait}");
    }
    let mut story = Story::begin();
    story
        .refresh(0, refreshed(1))
        .meanwhile()
        .refresh(0, refreshed(1));
    assert_eq!(story.kinds(), [Kind::ReplayAccepted]);
}

#[test]
fn a_reuse_interval_gives_the_same_answer_for_so_long_and_to_the_parent_alone() {
    for (wait, wanted) in [
        (1, vec![]),
        (2 * SECOND, vec![]),
        (2 * SECOND + 1, vec![Kind::ReplayAccepted]),
    ] {
        let mut story = Story::begin();
        story.west().refresh(0, refreshed(1));
        story.after(wait).refresh(0, refreshed(1));
        assert_eq!(story.kinds(), wanted, "after {wait}");
    }
    let mut story = Story::begin();
    story
        .west()
        .refresh(0, refreshed(1))
        .after(1)
        .refresh(1, refreshed(2));
    story.after(1).refresh(0, refreshed(2));
    assert_eq!(story.kinds(), [Kind::ReplayAccepted]);
}

#[test]
fn what_is_over_is_not_refreshed() {
    let mut story = Story::begin();
    story.sign_out(done()).after(1).refresh(0, refreshed(1));
    assert_eq!(story.kinds(), [Kind::AcceptedAfterEnd]);
    // A replay that was refused has ended the session.
    let mut story = Story::begin();
    story
        .refresh(0, refreshed(1))
        .after(1)
        .refresh(0, refused(401));
    assert_eq!(story.kinds(), []);
    story.after(1).refresh(1, refreshed(2));
    assert_eq!(story.kinds(), [Kind::AcceptedAfterEnd]);
    let mut story = Story::begin();
    story.sign_out(done()).meanwhile().refresh(0, refreshed(1));
    assert_eq!(story.kinds(), []);
}

#[test]
fn a_refresh_token_that_nobody_used_is_not_refused() {
    let mut story = Story::begin();
    story.refresh(0, refused(401));
    assert_eq!(story.kinds(), [Kind::LiveRefused]);
    let mut story = Story::begin();
    story.refresh(0, refreshed(1)).refresh(1, refused(401));
    assert_eq!(story.kinds(), [Kind::LiveRefused]);
    // Within the interval, nor one that was used.
    for (wait, wanted) in [(SECOND, vec![Kind::LiveRefused]), (2 * SECOND, vec![])] {
        let mut story = Story::begin();
        story.west().refresh(0, refreshed(1));
        story.after(wait).refresh(0, refused(401));
        assert_eq!(story.kinds(), wanted, "after {wait}");
    }
    // Nobody knows of one without an answer whether it was first.
    let mut story = Story::begin();
    story.refresh(0, unknown()).refresh(0, refused(401));
    assert_eq!(story.kinds(), []);
    let mut story = Story::begin();
    story.sign_out(unknown()).refresh(0, refused(401));
    assert_eq!(story.kinds(), []);
}

#[test]
fn a_refresh_token_is_none_in_another_realm_and_ends_nothing_there() {
    let mut story = Story::begin();
    let elsewhere = || Action::Refresh {
        session: name("s"),
        number: 0,
    };
    story.west().tell(elsewhere(), refused(401));
    story.east().refresh(0, refreshed(1));
    assert_eq!(story.kinds(), []);
    story.west().tell(elsewhere(), refreshed(1));
    assert_eq!(story.kinds(), [Kind::CrossedBoundary]);
}
