//! The audit: reads and writes leave their event, and nobody edits it unnoticed.

use attune::app::seal_audit::seal_audit;
use attune::app::verify::verify;
use attune::domain::access::Actor;
use attune::domain::ids::Id;
use attune::store::seal::{self, Fit};
use attune::store::{Fault, Seal, Store, audit};
use chrono::{NaiveDateTime, TimeDelta};

use crate::house::{House, monday};
use crate::patient::{CALM, get, post, submit};

/// A day's work, sealed.
fn sealed() -> House {
    let house = House::at(monday());
    let link = house.phq9("P1");
    submit(&mut house.client(), &link, &CALM);
    let now = monday() + TimeDelta::minutes(5);
    house.app.clock.set(now);
    let sealed = seal_audit(&house.app, now).expect("the audit is sealed");
    assert!(sealed >= 3, "{sealed} events");
    house.verified();
    house
}

fn broken(house: &House) -> Vec<&'static str> {
    let found = verify(&house.app).expect("the database can be read");
    found.broken.iter().map(|broken| broken.rule).collect()
}

#[test]
fn an_edited_event_shows() {
    for edit in [
        "act = 'read_patient'",
        "actor = 'somebody else'",
        "outcome = 'failed'",
        "at = '2020-01-01 00:00:00'",
        "subject_id = NULL",
    ] {
        let house = sealed();
        assert_eq!(
            house.run_sql(&format!(
                "UPDATE audit_event SET {edit} WHERE act = 'answers_sent'"
            )),
            1
        );
        assert!(
            broken(&house).contains(&"no audit event was edited"),
            "{edit}: {:?}",
            broken(&house)
        );
    }
}

#[test]
fn a_removed_event_shows() {
    for (what, statement) in [
        (
            "one in the middle",
            "DELETE FROM audit_event WHERE act = 'give_form'",
        ),
        (
            "the last one",
            "DELETE FROM audit_event WHERE act = 'answers_sent'",
        ),
        ("all of them", "DELETE FROM audit_event"),
        ("a seal", "DELETE FROM audit_seal"),
    ] {
        let house = sealed();
        let now = monday() + TimeDelta::minutes(10);
        // A second seal, so that taking the first away leaves a hole.
        get(&mut house.signed_in(&house.people.therapist), "/caseload");
        house.app.clock.set(now);
        seal_audit(&house.app, now).expect("the audit is sealed");
        let statement = if what == "a seal" {
            format!("{statement} WHERE number = 1")
        } else {
            statement.to_owned()
        };
        assert!(house.run_sql(&statement) >= 1, "{what}");
        let rules = broken(&house);
        assert!(
            rules.contains(&"no audit event was removed, added or moved since it was sealed"),
            "{what}: {rules:?}"
        );
    }
}

#[test]
fn a_foreign_key_is_told_from_an_edited_event() {
    let house = sealed();
    let org = house.app.org;
    let fits = |store: &Store| {
        let fit: Result<Fit, Fault> = store.read_blocking(move |tx| seal::fits_key(tx, org));
        fit.expect("the audit can be read")
    };
    assert_eq!(fits(&house.app.store), Fit::Fits);
    assert_eq!(
        house.run_sql(
            "UPDATE audit_event SET outcome = 'failed' WHERE id = (SELECT id FROM audit_event ORDER BY id DESC LIMIT 1)"
        ),
        1
    );
    assert_eq!(fits(&house.app.store), Fit::Fits, "the others are ours");
    let other = Store::open(house.app.store.place().clone(), Seal::new([8; 32]))
        .expect("the database opens twice");
    assert_eq!(fits(&other), Fit::Foreign);
    house.run_sql("DELETE FROM audit_event");
    assert_eq!(
        fits(&other),
        Fit::Fits,
        "where nothing is written every key is right"
    );
    other.close();
}

/// Something happens at this moment, and what is old enough then is sealed.
fn work_at(house: &House, now: NaiveDateTime) -> usize {
    house.app.clock.set(now);
    get(&mut house.signed_in(&house.people.therapist), "/caseload");
    seal_audit(&house.app, now).expect("the audit is sealed")
}

#[test]
fn a_clock_that_was_put_back_reads_as_no_tampering() {
    for back in [
        TimeDelta::seconds(5),
        TimeDelta::seconds(25),
        TimeDelta::hours(1),
        TimeDelta::days(400),
    ] {
        let mut house = sealed();
        let at = |minutes| monday() + TimeDelta::minutes(minutes) - back;
        for minutes in 6..10 {
            work_at(&house, at(minutes));
        }
        house.verified();
        // The process is started again, and its clock is still behind what is stored.
        house.start_again([7; 32]);
        for minutes in [10, 11, 12] {
            let sealed = work_at(&house, at(minutes));
            assert!(
                sealed > 0 || minutes == 10,
                "the audit goes on being sealed"
            );
        }
        house.verified();
        // It is put right again, and then put back once more.
        for moment in [monday() + TimeDelta::minutes(13), at(14), at(15), at(16)] {
            work_at(&house, moment);
        }
        house.verified();
        let moments = house.texts("SELECT CAST(at AS TEXT) AS value FROM audit_event");
        let first = at(6).format("%F %T").to_string();
        assert!(
            moments.iter().any(|moment| moment.starts_with(&first)),
            "each event keeps the moment that the clock said: {moments:?}"
        );
    }
}

#[test]
fn a_node_whose_clock_is_behind_follows_what_the_others_stored() {
    let house = House::at(monday());
    work_at(&house, monday());
    let other = Store::open(house.app.store.place().clone(), Seal::new([7; 32]))
        .expect("the database opens twice");
    let (org, ahead) = (house.app.org, monday() + TimeDelta::hours(1));
    let operator = house.operator();
    let event = audit::event_by(&operator, "evaluate", "organisation", Some(org), ahead);
    other
        .write_blocking(move |tx| audit::add(tx, &event))
        .expect("an event is added");
    // What the loops of both do, a few seconds later.
    let soon = monday() + TimeDelta::seconds(3);
    seal_audit(&house.app, soon).expect("the audit is sealed");
    let later = ahead + TimeDelta::minutes(1);
    let seal = other
        .read_blocking(move |tx| seal::make_seal(tx, org, later))
        .expect("the audit can be read")
        .expect("something is to be sealed");
    other
        .write_blocking(move |tx| seal::store_seal(tx, &seal))
        .expect("the seal is stored");
    work_at(&house, monday() + TimeDelta::seconds(5));
    work_at(&house, monday() + TimeDelta::minutes(5));
    house.verified();
    other.close();
}

#[test]
fn an_event_that_is_slipped_in_below_a_seal_shows_though_it_is_genuine() {
    for back in [TimeDelta::zero(), TimeDelta::hours(1)] {
        let house = House::at(monday());
        work_at(&house, monday());
        house.run_sql("CREATE TABLE kept AS SELECT * FROM audit_event WHERE act = 'see_caseload'");
        assert!(house.run_sql("DELETE FROM audit_event WHERE act = 'see_caseload'") >= 1);
        // Something that stands behind it for sure, and is sealed with what is left.
        work_at(&house, monday() + TimeDelta::seconds(5));
        let later = monday() + TimeDelta::minutes(5);
        work_at(&house, later);
        house.verified();
        work_at(&house, later - back);
        assert!(house.run_sql("INSERT INTO audit_event SELECT * FROM kept") >= 1);
        assert_eq!(
            broken(&house),
            ["no audit event was removed, added or moved since it was sealed"]
        );
    }
}

#[test]
fn an_event_that_somebody_makes_up_shows() {
    let house = sealed();
    let made_up = "INSERT INTO audit_event (org_id, id, at, actor, actor_id, act, subject, subject_id, outcome, mac) \
                   SELECT org_id, COPY, at, actor, actor_id, act, subject, subject_id, outcome, mac FROM audit_event WHERE act = 'answers_sent'";
    let copy = match house.app.store.place() {
        attune::store::Place::Sqlite(_) => "x'0198f0000000700080000000000000ff'",
        attune::store::Place::Postgres(_) => "decode('0198f0000000700080000000000000ff', 'hex')",
    };
    assert_eq!(house.run_sql(&made_up.replace("COPY", copy)), 1);
    assert!(broken(&house).contains(&"no audit event was edited"));
}

#[test]
fn reading_and_writing_about_a_patient_leaves_an_event_each_time() {
    let house = House::open();
    let link = house.phq9("P1");
    let patient = house.ids("patient")[0].clone();
    let events = |act: &str| house.number(&format!("audit_event WHERE act = '{act}'"));
    assert_eq!((events("enrol_patient"), events("give_form")), (1, 1));
    let mut therapist = house.signed_in(&house.people.therapist);
    assert_eq!(events("signed_in"), 1);
    for reads in 1..=2 {
        assert_eq!(
            get(&mut therapist, &format!("/patients/{patient}")).status,
            200
        );
        assert_eq!(events("read_patient"), reads);
    }
    let (caseload, queue) = (events("see_caseload"), events("see_queue"));
    get(&mut therapist, "/caseload");
    get(&mut therapist, "/queue");
    assert!(events("see_caseload") > caseload && events("see_queue") > queue);
    post(
        &mut house.client(),
        &format!("{link}/q/1"),
        &[("answer", "1")],
    );
    post(&mut house.client(), &format!("{link}/send"), &[]);
    assert_eq!((events("answers_saved"), events("answers_sent")), (1, 1));
    post(&mut therapist, "/sign-out", &[]);
    assert_eq!(events("signed_out"), 1);
    house.verified();
}

#[test]
fn a_stored_answer_or_score_that_somebody_changes_shows() {
    for (edit, rule) in [
        (
            "UPDATE score SET value = 5, band = NULL",
            "a stored score is what its answers give when scored again",
        ),
        (
            "DELETE FROM score",
            "every completed response has a score on each scale",
        ),
        (
            "UPDATE episode_scale SET last_value = 1",
            "an episode's summary is what its scores amount to",
        ),
        (
            "DELETE FROM episode_scale",
            "an episode with scores has its summary",
        ),
        (
            "UPDATE administration SET state = 'opened', ended_at = NULL",
            "completed responses belong to a completed administration",
        ),
        (
            "UPDATE response SET episode_id = (SELECT id FROM episode WHERE id <> response.episode_id LIMIT 1)",
            "a response is of its administration's episode",
        ),
    ] {
        let house = sealed();
        house.patient("P2");
        assert!(house.run_sql(edit) >= 1);
        assert!(
            broken(&house).contains(&rule),
            "{edit}: {:?}",
            broken(&house)
        );
    }
}

#[test]
fn a_flag_that_somebody_closes_behind_the_programs_back_shows() {
    for (edit, rule) in [
        (
            "UPDATE flag SET state = 'closed', due_at = NULL, next_step_at = NULL",
            "every closed flag was closed by a licensed person",
        ),
        (
            "DELETE FROM outbox WHERE kind = 'flag_notice'",
            "every flag has a notice",
        ),
        (
            "UPDATE staff SET state = 'disabled' WHERE email = 'lee@staff.example.org'",
            "every waiting flag has an owner who is active and licensed",
        ),
        (
            "UPDATE flag SET answer = 0",
            "every flag names the highest of its answers",
        ),
        (
            "UPDATE flag_answer SET answer = 0",
            "every answer that a risk rule names has its flag",
        ),
        (
            "DELETE FROM flag_answer",
            "every answer that a risk rule names has its flag",
        ),
    ] {
        let house = House::open();
        let link = house.phq9("P1");
        post(
            &mut house.client(),
            &format!("{link}/q/9"),
            &[("answer", "1")],
        );
        house.verified();
        assert!(house.run_sql(edit) >= 1);
        assert!(
            broken(&house).contains(&rule),
            "{edit}: {:?}",
            broken(&house)
        );
    }
}

#[test]
fn a_seal_never_ends_within_a_millisecond() {
    let house = House::at(monday());
    let org = house.app.org;
    let micros = |count: i64| monday() + TimeDelta::microseconds(count);
    let about = None::<Id<()>>;
    let holder = Actor::LinkHolder {
        org,
        patient: house.patient("P1"),
    };
    let event = |at| audit::event_by(&holder, "answers_sent", "administration", about, at);
    seal_audit(&house.app, monday() + TimeDelta::minutes(1)).expect("what was before is sealed");
    // The later one stands before the earlier one: what follows the millisecond in their ids is chance.
    let (earlier, later) =
        std::iter::repeat_with(|| (event(micros(60_000_100)), event(micros(60_000_900))))
            .find(|(earlier, later)| later.id.bytes() < earlier.id.bytes())
            .expect("one of two comes so");
    for event in [earlier, later] {
        house
            .app
            .store
            .write_blocking(move |tx| audit::add(tx, &event))
            .expect("an event is added");
    }
    for count in [80_000_500, 80_001_000, 80_002_000] {
        seal_audit(&house.app, micros(count)).expect("the audit is sealed");
    }
    house.verified();
}
