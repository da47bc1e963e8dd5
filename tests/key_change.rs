//! The site's key is lost for good, or was seen by somebody: another takes its place. Links go on working, what was sealed before is told apart from what can be checked,
//! and nobody changes a key unseen.

use attune::app::accounts::{self, NewAccount};
use attune::app::replace_key::{Replaced, replace_key};
use attune::app::seal_audit::seal_audit;
use attune::app::verify::verify;
use attune::domain::access::Role;
use attune::domain::audit::KeyBefore;
use attune::store::seal::{self, Fit};
use attune::store::{Fault, Place};
use chrono::{NaiveDateTime, TimeDelta};

use crate::house::{House, instant, monday};
use crate::mail::{due, send, send_notices};
use crate::patient::{CALM, get, post, submit};
use crate::support::http::path_of;
use crate::support::smtp::SmtpSink;

const BECAUSE: &str = "the disk with the key died";
const EDITED: &str = "no audit event was edited";
const SEALS: &str = "no audit event was removed, added or moved since it was sealed";
const CHANGES: &str = "every change of key was written down with the new key, and nothing from before it was changed since";

/// The key is gone; the operator puts one of these bytes in its place.
fn replace(house: &mut House, key: u8, before: KeyBefore) -> Replaced {
    house.start_again([key; 32]);
    let (store, now) = (&house.app.store, house.app.clock.now());
    replace_key(store, house.app.org, before, BECAUSE, now).expect("the key is replaced")
}

fn broken(house: &House) -> Vec<&'static str> {
    let found = verify(&house.app).expect("the database can be read");
    let mut rules: Vec<_> = found.broken.iter().map(|broken| broken.rule).collect();
    rules.sort_unstable();
    rules
}

fn work(house: &House, now: NaiveDateTime) {
    house.app.clock.set(now);
    get(&mut house.signed_in(&house.people.therapist), "/caseload");
    let later = now + TimeDelta::minutes(1);
    seal_audit(&house.app, later).expect("the audit is sealed");
}

fn minute(minutes: i64) -> NaiveDateTime {
    monday() + TimeDelta::minutes(minutes)
}

/// A site that worked, lost its key, got another, and worked on.
fn changed() -> House {
    let mut house = House::at(monday());
    let link = house.phq9("P1");
    submit(&mut house.client(), &link, &CALM);
    work(&house, minute(1));
    house.app.clock.set(minute(5));
    replace(&mut house, 8, KeyBefore::Missing);
    work(&house, minute(6));
    work(&house, minute(8));
    house
}

#[test]
fn a_key_is_replaced_again_while_set_up_links_wait() {
    let (mut house, sink) = (House::at(monday()), SmtpSink::start());
    let account = NewAccount {
        email: "new@staff.example.org".into(),
        name: "Noa Hartwell".into(),
        role: Role::Quality,
        licence: None,
        clinics: vec![],
    };
    accounts::add_account(&house.app, &house.operator(), &account).expect("it is added");
    for (minutes, key) in [(5, 8), (6, 9), (7, 10)] {
        house.app.clock.set(minute(minutes));
        replace(&mut house, key, KeyBefore::Missing);
    }
    send(&house, &sink);
    send_notices(&house, &sink);
    let mails = sink.mails();
    let mail = mails.iter().find(|mail| mail.to[0].starts_with("new@"));
    let link = path_of(&mail.expect("it left").links()[0]).to_owned();
    assert_eq!(get(&mut house.client(), &link).status, 200);
}

#[test]
fn links_that_people_hold_stay_good_and_what_is_sent_later_opens() {
    let (mut house, sink) = (House::at(monday()), SmtpSink::start());
    due(&house, "P1");
    send(&house, &sink);
    let invited = sink.mails()[0].clone();
    let held = path_of(&invited.links()[0]).to_owned();
    let by_hand = house.phq9("P2");
    due(&house, "P3");
    let account = NewAccount {
        email: "new@staff.example.org".into(),
        name: "Noa Hartwell".into(),
        role: Role::Quality,
        licence: None,
        clinics: vec![],
    };
    let given = accounts::add_account(&house.app, &house.operator(), &account);
    let given = path_of(&given.expect("the account is added")).to_owned();
    let mut signed_in = house.signed_in(&house.people.therapist);

    let done = replace(&mut house, 8, KeyBefore::Missing);
    assert_eq!(done.links, 3);

    // What people hold.
    for link in [&held, &by_hand] {
        assert_eq!(get(&mut house.client(), link).status, 200);
    }
    assert_eq!(submit(&mut house.client(), &by_hand, &CALM).status, 303);
    // The site was away: the browser's connection is gone, its sign-in is not.
    drop(signed_in.get("/caseload"));
    assert_eq!(get(&mut signed_in, "/caseload").status, 200);
    assert_eq!(get(&mut house.client(), &given).status, 200);

    // What waited in the outbox.
    send(&house, &sink);
    send_notices(&house, &sink);
    let later = sink.mails()[1..].to_vec();
    let to = |who: &str| {
        let mail = later.iter().find(|mail| mail.to[0].starts_with(who));
        path_of(&mail.expect("it left").links()[0]).to_owned()
    };
    assert_eq!(submit(&mut house.client(), &to("p3@"), &CALM).status, 303);
    let mailed = to("new@");
    assert_ne!(mailed, given);
    assert_eq!(get(&mut house.client(), &mailed).status, 200);

    // A reminder to somebody who was asked before.
    house.app.clock.set(instant("2026-03-04 15:00:00"));
    send(&house, &sink);
    let mails = sink.mails();
    let reminder = mails.last().expect("a reminder");
    assert!(
        reminder
            .text()
            .expect("plain text")
            .contains("is still open")
    );
    assert_eq!(reminder.to, invited.to);
    let reminded = path_of(&reminder.links()[0]).to_owned();
    assert_ne!(reminded, held);
    post(&mut house.client(), &held, &[]);
    assert_eq!(submit(&mut house.client(), &reminded, &CALM).status, 303);
    for link in [&held, &reminded] {
        let end = get(&mut house.client(), &format!("{link}/end")).text();
        assert!(end.contains("Your answers are in"), "{end}");
    }

    // Stopping reminders: by an address of before the page says calmly that it is of no use, by one of today it stops them.
    let stop = |mail: &crate::support::smtp::Mail| {
        let header = mail.header("list-unsubscribe").expect("it is offered");
        path_of(header.trim_matches(['<', '>'])).to_owned()
    };
    let old = get(&mut house.client(), &stop(&invited));
    assert_eq!(old.status, 404);
    for wanted in ["tell your clinic", "988"] {
        assert!(old.text().contains(wanted), "{}", old.text());
    }
    let spanish = get(&mut house.client(), &format!("{}?lang=es", stop(&invited)));
    assert!(spanish.text().contains("dígaselo a su clínica"));
    let click = [("List-Unsubscribe", "One-Click")];
    let stopped = post(&mut house.client(), &stop(reminder), &click);
    assert!(stopped.text().contains("Reminders are stopped"));
    house.verified();
}

#[test]
fn a_set_up_link_that_was_used_is_not_made_again() {
    let (mut house, sink) = (House::at(monday()), SmtpSink::start());
    let account = NewAccount {
        email: "new@staff.example.org".into(),
        name: "Noa Hartwell".into(),
        role: Role::Quality,
        licence: None,
        clinics: vec![],
    };
    let given = accounts::add_account(&house.app, &house.operator(), &account);
    let given = path_of(&given.expect("the account is added")).to_owned();
    let fields = [
        ("password", crate::house::PASSWORD),
        ("again", crate::house::PASSWORD),
    ];
    assert_eq!(post(&mut house.client(), &given, &fields).status, 303);
    replace(&mut house, 8, KeyBefore::Missing);
    send(&house, &sink);
    send_notices(&house, &sink);
    assert_eq!(sink.mails().len(), 0, "nobody needs it any more");
}

#[test]
fn what_was_written_with_the_old_key_is_told_apart_and_not_called_broken() {
    let house = changed();
    let found = house.verified();
    let before = found.counts["audit_events_of_earlier_keys"];
    let [change] = &found.key_changes[..] else {
        panic!("one change: {:?}", found.key_changes);
    };
    assert_eq!((change.at, change.because.as_str()), (minute(5), BECAUSE));
    assert!(change.key_before.starts_with("not at hand"));
    assert_eq!(change.events_before, before as i64);
    assert_eq!(change.newest_before, Some(minute(1)));
    assert!(before >= 5 && found.counts["audit_events"] > before + 2);
    assert!(house.number("audit_seal WHERE number > 0") >= 3);
    let printed = serde_json::to_string(&found).expect("it can be printed");
    assert!(printed.contains(BECAUSE), "{printed}");
}

#[test]
fn tampering_after_a_change_of_key_shows_before_and_behind_it() {
    let newest = "(SELECT id FROM audit_event ORDER BY id DESC LIMIT 1)";
    let oldest = "(SELECT id FROM audit_event WHERE act = 'found')";
    let change = "act = 'replace_key'";
    for (what, statement, rules) in [
        (
            "an event behind it is edited",
            format!("UPDATE audit_event SET act = 'read_patient' WHERE id = {newest}"),
            &[EDITED][..],
        ),
        (
            "an event behind it is removed",
            "DELETE FROM audit_event WHERE id = (SELECT id FROM audit_event WHERE act = 'signed_in' ORDER BY id DESC LIMIT 1)".into(),
            &[SEALS],
        ),
        (
            "an event before it is edited",
            "UPDATE audit_event SET outcome = 'failed' WHERE act = 'give_form'".into(),
            &[CHANGES],
        ),
        (
            "an event before it is removed",
            format!("DELETE FROM audit_event WHERE id = {oldest}"),
            &[CHANGES],
        ),
        (
            "an old event's own digest is changed",
            format!("UPDATE audit_event SET mac = (SELECT mac FROM audit_event WHERE act = 'replace_key') WHERE id = {oldest}"),
            &[CHANGES],
        ),
        (
            "a seal before it is removed",
            "DELETE FROM audit_seal WHERE number = 1".into(),
            &[CHANGES, SEALS],
        ),
        (
            "a seal behind it is removed",
            "DELETE FROM audit_seal WHERE number = (SELECT MAX(number) - 1 FROM audit_seal)".into(),
            &[SEALS],
        ),
        (
            "its reason is edited",
            format!("UPDATE audit_event SET outcome = 'nothing to see' WHERE {change}"),
            &[CHANGES, SEALS, EDITED],
        ),
        (
            "its moment is edited",
            format!("UPDATE audit_event SET at = '2020-01-01 00:00:00' WHERE {change}"),
            &[CHANGES, SEALS, EDITED],
        ),
        (
            "its event is removed",
            format!("DELETE FROM audit_event WHERE {change}"),
            &[CHANGES, SEALS, EDITED],
        ),
        (
            "its seal is removed",
            "DELETE FROM audit_seal WHERE number < 0".into(),
            &[SEALS, EDITED],
        ),
        (
            "its seal is made an ordinary one",
            "UPDATE audit_seal SET number = 9 WHERE number < 0".into(),
            &[SEALS, EDITED],
        ),
    ] {
        let house = changed();
        assert_eq!(house.run_sql(&statement), 1, "{what}");
        let mut rules = rules.to_vec();
        rules.sort_unstable();
        assert_eq!(broken(&house), rules, "{what}");
    }
}

#[test]
fn a_change_that_somebody_makes_up_without_the_key_shows() {
    let house = changed();
    let copy = match house.app.store.place() {
        Place::Sqlite(_) => "x'7f98f0000000700080000000000000ff'",
        Place::Postgres(_) => "decode('7f98f0000000700080000000000000ff', 'hex')",
    };
    let event = "INSERT INTO audit_event (org_id, id, at, actor, actor_id, act, subject, subject_id, outcome, mac) \
                 SELECT org_id, COPY, at, actor, actor_id, act, subject, subject_id, outcome, mac FROM audit_event WHERE act = 'replace_key'";
    let seal = "INSERT INTO audit_seal (org_id, number, up_to, events, digest) \
                SELECT org_id, -2, COPY, events, digest FROM audit_seal WHERE number = -1";
    for statement in [event, seal] {
        assert_eq!(house.run_sql(&statement.replace("COPY", copy)), 1);
    }
    assert_eq!(broken(&house), [CHANGES, EDITED]);
}

#[test]
fn a_key_that_is_swapped_without_the_verb_shows() {
    for times in 0..=1 {
        let mut house = match times {
            0 => House::at(monday()),
            _ => changed(),
        };
        work(&house, minute(10));
        house.verified();
        house.start_again([9; 32]);
        work(&house, minute(12));
        let rules = broken(&house);
        assert!(
            rules.contains(&EDITED) && rules.contains(&SEALS),
            "{rules:?}"
        );
        assert_eq!(rules.contains(&CHANGES), times == 1);
        assert_eq!(house.number("audit_seal WHERE number < 0"), times);
    }
}

#[test]
fn a_second_change_hides_nothing_of_the_first() {
    for edit in [
        None,
        Some(format!(
            "UPDATE audit_event SET outcome = 'nothing to see' WHERE outcome = '{BECAUSE}' AND subject = 'missing_key'"
        )),
        Some("DELETE FROM audit_seal WHERE number = -1".to_owned()),
        Some("DELETE FROM audit_event WHERE subject = 'missing_key'".to_owned()),
    ] {
        let mut house = changed();
        house.app.clock.set(minute(20));
        let done = replace(&mut house, 9, KeyBefore::AtHand);
        assert_eq!(done.links, 0, "the only form is handed in");
        work(&house, minute(21));
        let found = house.verified();
        let told: Vec<_> = found
            .key_changes
            .iter()
            .map(|change| (change.at, &change.key_before[..7]))
            .collect();
        assert_eq!(told, [(minute(5), "not at "), (minute(20), "at hand")]);
        assert!(found.key_changes[0].events_before < found.key_changes[1].events_before);
        if let Some(edit) = edit {
            assert_eq!(house.run_sql(&edit), 1);
            assert_eq!(broken(&house), [CHANGES], "{edit}");
        }
    }
}

#[test]
fn a_link_gets_one_more_token_with_each_change_and_all_of_them_open() {
    let (mut house, sink) = (House::at(monday()), SmtpSink::start());
    let first = house.phq9("P1");
    for key in [8, 9] {
        assert_eq!(replace(&mut house, key, KeyBefore::Missing).links, 1);
    }
    assert_eq!(house.number("link"), 3);
    assert_eq!(get(&mut house.client(), &first).status, 200);
    due(&house, "P2");
    send(&house, &sink);
    let link = path_of(&sink.mails()[0].links()[0]).to_owned();
    assert_eq!(submit(&mut house.client(), &link, &CALM).status, 303);
    house.verified();
}

#[test]
fn the_key_of_before_is_known_for_what_it_is() {
    let mut house = changed();
    let fit = |house: &House| {
        let org = house.app.org;
        let fit: Result<Fit, Fault> = house
            .app
            .store
            .read_blocking(move |tx| seal::fits_key(tx, org));
        fit.expect("the audit can be read")
    };
    assert_eq!(fit(&house), Fit::Fits);
    house.start_again([7; 32]);
    assert_eq!(fit(&house), Fit::Replaced(minute(5)));
    house.start_again([6; 32]);
    assert_eq!(fit(&house), Fit::Foreign);
}

#[test]
fn a_clock_that_is_put_back_around_a_change_of_key_is_no_tampering() {
    let mut house = House::at(monday());
    work(&house, minute(1));
    house.app.clock.set(minute(-60));
    replace(&mut house, 8, KeyBefore::Missing);
    house.app.clock.set(minute(-61));
    house.start_again([8; 32]);
    work(&house, minute(-61));
    work(&house, minute(-50));
    let found = house.verified();
    assert_eq!(found.key_changes[0].at, minute(-60));
}

#[test]
fn who_administers_the_site_reads_that_its_key_was_replaced_and_why() {
    let mut house = House::at(monday());
    let page = |house: &House| {
        let mut client = house.signed_in(&house.people.administrator);
        get(&mut client, "/admin").text()
    };
    assert!(!page(&house).contains("key was replaced"));
    replace(&mut house, 8, KeyBefore::Missing);
    let page = page(&house);
    assert!(page.contains("key was replaced"), "{page}");
    assert!(page.contains(BECAUSE), "{page}");
}
