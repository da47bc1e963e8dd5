//! What the start button leaves in memory for a moment: made-up links take no place there, and one beginning that cannot be written down holds up no other.

use attune::app::begin::{begin, write_down, write_down_old};
use attune::app::check_link::Holder;
use attune::app::link::Token;
use chrono::TimeDelta;

use crate::house::{House, monday, wait_for};

/// Somebody who presses start with nothing but this link.
fn holder_of(link: &str) -> ([u8; 32], Holder) {
    let token = Token::parse(link.trim_start_matches("/s/")).expect("a link");
    (token.hash(), Holder::default())
}

fn presses_start(house: &House, link: &str) {
    wait_for(begin(&house.app, holder_of(link)));
}

fn is_held(house: &House, link: &str) -> bool {
    house.app.begun.at(&holder_of(link)).is_some()
}

fn states(house: &House) -> Vec<String> {
    house.texts("SELECT state AS value FROM administration ORDER BY state")
}

#[test]
fn made_up_links_leave_room_for_patients_who_begin() {
    let house = House::at(monday());
    let revoked = house.phq9("P1");
    house.run_sql("UPDATE link SET revoked_at = created_at");
    let (early, late) = (house.phq9("P2"), house.phq9("P3"));
    let made_up = |n: usize| format!("/s/{n:043}");
    presses_start(&house, &early);
    for n in 0..2_000 {
        presses_start(&house, &made_up(n));
    }
    presses_start(&house, &late);
    presses_start(&house, &revoked);
    let held = (0..2_000).filter(|n| is_held(&house, &made_up(*n))).count();
    assert!(held < 1_000, "{held} made-up links stand in memory");
    assert!(is_held(&house, &early) && is_held(&house, &late));
    assert!(!is_held(&house, &revoked) && !is_held(&house, &made_up(1_999)));
    write_down(&house.app, house.app.clock.now());
    let held = (0..2_000).any(|n| is_held(&house, &made_up(n)));
    assert!(!held && !is_held(&house, &late), "all are written down");
    assert_eq!(states(&house), ["opened", "opened", "sent"]);
    house.verified();
}

#[test]
fn a_beginning_that_cannot_be_written_down_holds_up_no_other_and_is_given_up() {
    let house = House::at(monday());
    let broken = house.phq9("P1");
    // A moment that no row may hold and neither engine refuses.
    house.run_sql("UPDATE administration SET expires_at = 'infinity'");
    presses_start(&house, &broken);
    let others: Vec<String> = (2..8).map(|n| house.phq9(&format!("P{n}"))).collect();
    others.iter().for_each(|link| presses_start(&house, link));

    house.app.clock.set(monday() + TimeDelta::seconds(2));
    assert_eq!(write_down_old(&house.app), 6);
    assert!(others.iter().all(|link| !is_held(&house, link)));
    let opened = house.number("administration WHERE state = 'opened'");
    assert_eq!((opened, is_held(&house, &broken)), (6, true));

    house.app.clock.set(monday() + TimeDelta::seconds(70));
    assert_eq!(write_down_old(&house.app), 0);
    assert!(!is_held(&house, &broken), "it is given up");
}
