//! Signals of the lower tier: raised with the score, for silence and for a patient's own words; counted, decided by licensed people alone, and never acting by themselves.

use attune::app::link::Token;
use attune::app::raise_signals::raise_silent;
use attune::domain::access::{Action, Actor, Subject, decide};
use attune::domain::ids::PatientId;
use attune::domain::risk::policy::SafetyPolicy;
use attune::store::deposit::{self, Deposit, Occasion, Standing, Stored, Summary, Whole};
use attune::store::response::{EpisodeScaleRow, ResponseRow, ScoreRow};
use attune::store::schema::{response, score, signal};
use attune::store::signal::{Again, SignalRow};
use attune::store::{Fault, audit, door, fresh, policy};
use chrono::TimeDelta;
use diesel::prelude::*;

use crate::house::{House, PATIENT_NAME, monday};
use crate::mail::weekly;
use crate::patient::{get, post, start, submit};
use crate::support::http::{Client, Response};
use crate::support::page::plain_text;
use crate::ways::record_form;

/// A PHQ-9 of this total whose last question, about death, is answered with "not at all".
fn phq9(total: usize) -> Vec<&'static str> {
    let value = |item: usize| match total.saturating_sub(3 * item) {
        0 => "0",
        1 => "1",
        2 => "2",
        _ => "3",
    };
    let mut answers: Vec<&str> = (0..8).map(value).collect();
    answers.extend(["0", "0"]);
    answers
}

/// The patient hands in a PHQ-9 of this total.
fn scores(house: &House, patient: PatientId, total: usize) {
    let link = house.link(patient, &["phq9"]);
    let answer = submit(&mut house.client(), &link, &phq9(total));
    assert_eq!(answer.status, 303, "{}", answer.text());
}

fn later(house: &House, days: i64) {
    house
        .app
        .clock
        .set(house.app.clock.now() + TimeDelta::days(days));
}

/// Kind, state and how often, oldest first.
pub fn told(house: &House) -> Vec<String> {
    house.texts(
        "SELECT kind || ' ' || state || ' ' || CAST(times AS TEXT) AS value FROM signal ORDER BY raised_at, kind, id",
    )
}

pub fn decided(client: &mut Client, signal: &str, choice: &str, reason: &str) -> Response {
    post(
        client,
        &format!("/signals/{signal}/decide"),
        &[("choice", choice), ("reason", reason)],
    )
}

/// Puts a safety policy in force, whatever it is.
pub fn set_policy(house: &House, change: impl FnOnce(&mut SafetyPolicy)) {
    let mut body = SafetyPolicy::default();
    change(&mut body);
    let (actor, now) = (
        house.people.administrator.actor.clone(),
        house.app.clock.now(),
    );
    let stored: Result<_, Fault> = house.app.store.write_blocking(move |tx| {
        let permit = decide(&actor, Action::Administer, Subject::Organisation).expect("may");
        policy::replace(tx, &permit, SafetyPolicy::KIND, &body, now)
    });
    stored.expect("the policy is stored");
}

#[test]
fn a_first_score_at_the_cut_off_is_a_signal_with_its_figures_and_no_mail() {
    let house = House::at(monday());
    let patient = house.patient("P1");
    scores(&house, patient, 9);
    assert_eq!(told(&house), [""; 0]);
    later(&house, 7);
    scores(&house, patient, 10);
    assert_eq!(told(&house), ["in_need open 1"]);
    assert_eq!(house.number("outbox WHERE kind <> 'invitation'"), 0);
    let mut therapist = house.signed_in(&house.people.therapist);
    let page = get(&mut therapist, "/signals").text();
    for words in [
        PATIENT_NAME,
        "Reached the cut-off",
        "PHQ-9 10 (9 before); the cut-off is 10",
        "Source: ",
        "It is no diagnosis",
        "Rules version 1, policy as shipped",
        "yours",
    ] {
        assert!(page.contains(words), "{words} is not on {page}");
    }
    assert!(page.contains("Signals <b>1"), "the menu says how many wait");
    house.verified();
}

#[test]
fn what_comes_again_is_counted_and_not_doubled() {
    let house = House::at(monday());
    let patient = house.patient("P1");
    scores(&house, patient, 10);
    later(&house, 7);
    scores(&house, patient, 16);
    assert_eq!(told(&house), ["in_need open 1", "deteriorated open 1"]);
    later(&house, 7);
    scores(&house, patient, 18);
    assert_eq!(told(&house), ["in_need open 1", "deteriorated open 2"]);
    let page = get(
        &mut house.signed_in(&house.people.supervisor),
        &format!("/patients/{patient}"),
    )
    .text();
    for words in [
        "PHQ-9 10 → 18: 8 points worse; 6 or more count",
        "2 times, last",
        "What to look at next",
        "none of which you have to take",
        "Social support",
        "10.1080/10503307.2023.2181114",
    ] {
        assert!(page.contains(words), "{words} is not on {page}");
    }
    house.verified();
}

#[test]
fn no_reliable_improvement_after_eight_weeks_is_not_on_track_and_says_what_it_is_not() {
    let house = House::at(monday());
    let patient = house.patient("P1");
    scores(&house, patient, 15);
    for _ in 0..2 {
        later(&house, 28);
        scores(&house, patient, 13);
    }
    assert_eq!(told(&house), ["in_need open 1", "not_on_track open 1"]);
    let page = get(&mut house.signed_in(&house.people.therapist), "/signals").text();
    assert!(page.contains("Not on track: no reliable improvement in 8 weeks"));
    assert!(page.contains("not an expected course"), "{page}");
}

#[test]
fn the_sites_policy_says_which_signals_there_are() {
    let house = House::at(monday());
    set_policy(&house, |policy| {
        policy.signals.in_need = false;
        policy.signals.deteriorated = false;
        policy.signals.not_on_track_weeks = Some(2);
    });
    let patient = house.patient("P1");
    scores(&house, patient, 12);
    later(&house, 14);
    scores(&house, patient, 12);
    scores(&house, patient, 20);
    assert_eq!(told(&house), ["not_on_track open 1"]);
    assert_eq!(
        house.texts("SELECT CAST(policy AS TEXT) AS value FROM signal"),
        ["1"]
    );
}

#[test]
fn silence_is_seen_after_four_weeks_in_which_somebody_asked() {
    let house = House::at(monday());
    let (asked, unasked) = (house.patient("P1"), house.patient("P2"));
    scores(&house, asked, 3);
    scores(&house, unasked, 3);
    later(&house, 1);
    house.link(asked, &["phq9"]);
    later(&house, 13);
    // No sign of life: a stranger's word, and a form of somebody else in this record.
    let strayed = house.link(asked, &["gad7"]);
    post(&mut house.client(), &format!("{strayed}/not-for-me"), &[]);
    later(&house, 1);
    let mut staff = house.signed_in(&house.people.therapist);
    crate::ways::record(&mut staff, &asked.to_string(), ("0", "0"), &[]);
    let error = crate::in_error::about_newest(&house);
    assert_eq!(crate::in_error::mark(&mut staff, &error, "not hers"), 303);
    // Nor what the clinician thinks.
    rate(&mut staff, asked);
    later(&house, 12);
    assert_eq!(raise_silent(&house.app).expect("it looks"), 0, "27 days");
    later(&house, 1);
    assert_eq!(raise_silent(&house.app).expect("it looks"), 1);
    assert_eq!(raise_silent(&house.app).expect("it looks"), 0, "once");
    assert_eq!(told(&house), ["silent open 1"]);
    let mut therapist = house.signed_in(&house.people.therapist);
    let page = get(&mut therapist, "/signals").text();
    assert!(page.contains("No answer for 28 days") && page.contains("1 form not answered"));

    let signal = house.ids("signal")[0].clone();
    assert_eq!(
        decided(&mut therapist, &signal, "watch", "on holiday until May").status,
        303
    );
    later(&house, 27);
    assert_eq!(raise_silent(&house.app).expect("it looks"), 0, "decided");
    later(&house, 1);
    assert_eq!(
        raise_silent(&house.app).expect("it looks"),
        1,
        "four weeks on"
    );
    house.verified();
}

/// The clinician puts down a rating of their own.
fn rate(staff: &mut Client, patient: PatientId) {
    let rating = record_form(staff, &patient.to_string(), "cgi");
    let rating = rating.with(&[("q1", "5"), ("q2", "3")]);
    let fields: Vec<_> = rating.iter().map(|(a, b)| (&**a, &**b)).collect();
    let path = format!("/patients/{patient}/recorded");
    assert_eq!(post(staff, &path, &fields).status, 303);
}

/// Why this patient stands where they stand on the caseload, and when they answered last.
fn row_of(house: &House, patient: PatientId) -> String {
    let mut staff = house.signed_in(&house.people.therapist);
    let page = get(&mut staff, "/caseload").text();
    let mut rows = page.split("<tr>");
    let row = rows.find(|row| row.contains(&patient.to_string()));
    plain_text(row.expect("a row"))
}

#[test]
fn the_caseload_hears_what_the_signals_hear() {
    let house = House::at(monday());
    let (blank, rated, gone) = (
        house.patient("P1"),
        house.patient("P2"),
        house.patient("P3"),
    );
    for patient in [blank, rated, gone] {
        scores(&house, patient, 3);
    }
    later(&house, 29);
    let link = house.link(blank, &["phq9"]);
    start(&mut house.client(), &link, "list");
    let sent = post(
        &mut house.client(),
        &format!("{link}/list/1"),
        &[("incomplete", "1")],
    );
    assert_eq!(
        sent.location(),
        Some(format!("{link}/end").as_str()),
        "{}",
        sent.text()
    );
    let mut staff = house.signed_in(&house.people.therapist);
    rate(&mut staff, rated);
    later(&house, 1);

    let row = row_of(&house, blank);
    assert!(
        row.contains("yesterday") && !row.contains("No answer"),
        "{row}"
    );
    for silent in [rated, gone] {
        let row = row_of(&house, silent);
        assert!(
            row.contains("No answer for 30 days") && row.contains("30 days ago"),
            "{row}"
        );
    }
    house.verified();
}

#[test]
fn only_a_licensed_person_within_reach_decides_and_only_once() {
    let house = House::at(monday());
    scores(&house, house.patient("P1"), 20);
    let signal = house.ids("signal")[0].clone();
    let people = &house.people;
    for (person, status) in [
        (&people.unlicensed, 403),
        (&people.quality, 403),
        (&people.administrator, 403),
        (&people.elsewhere, 404),
    ] {
        let answer = decided(&mut house.signed_in(person), &signal, "watch", "because");
        assert_eq!(answer.status, status, "{}", person.email);
    }
    assert_eq!(told(&house), ["in_need open 1"]);
    let mut therapist = house.signed_in(&people.therapist);
    for (choice, reason) in [
        ("watch", " a "),
        ("", "because I say so"),
        ("close", "a reason"),
    ] {
        let answer = decided(&mut therapist, &signal, choice, reason);
        assert_eq!(answer.status, 422, "{choice} {reason}");
        assert!(answer.text().contains("Nothing was changed"));
    }
    let long = "x".repeat(2_001);
    assert_eq!(decided(&mut therapist, &signal, "watch", &long).status, 422);
    let page = decided(&mut therapist, &signal, "", "kept words").text();
    assert!(page.contains("kept words"), "what was typed is not lost");
    let seen = post(
        &mut therapist,
        &format!("/signals/{signal}/decide"),
        &[("choice", "watch"), ("reason", "because"), ("seen", "7")],
    );
    assert_eq!(seen.status, 409, "the page was older than the signal");

    let done = decided(
        &mut therapist,
        &signal,
        "not_relevant",
        "known and expected",
    );
    assert_eq!((done.status, done.location()), (303, Some("/signals")));
    let mut supervisor = house.signed_in(&people.supervisor);
    let again = decided(&mut supervisor, &signal, "changed_plan", "I know better");
    assert_eq!(again.status, 409);
    assert!(again.text().contains("never changed"), "{}", again.text());
    assert_eq!(
        house.texts("SELECT choice || ': ' || reason AS value FROM signal"),
        ["not_relevant: known and expected"]
    );
    assert_eq!(
        house.number("audit_event WHERE act = 'decide_signal' AND subject = 'signal'"),
        1
    );
    house.verified();
}

#[test]
fn what_is_not_relevant_stays_quiet_until_it_gets_worse() {
    let house = House::at(monday());
    let patient = house.patient("P1");
    scores(&house, patient, 5);
    later(&house, 7);
    scores(&house, patient, 12);
    let mut therapist = house.signed_in(&house.people.therapist);
    for signal in house.ids("signal") {
        let answer = decided(&mut therapist, &signal, "not_relevant", "exams this week");
        assert_eq!(answer.status, 303);
    }
    later(&house, 7);
    scores(&house, patient, 12);
    assert_eq!(
        house.number("signal WHERE state = 'open'"),
        0,
        "{:?}",
        told(&house)
    );
    later(&house, 7);
    scores(&house, patient, 14);
    assert_eq!(house.number("signal WHERE state = 'open'"), 1);
    let page = get(
        &mut house.signed_in(&house.people.therapist),
        &format!("/patients/{patient}"),
    )
    .text();
    assert!(
        page.contains("exams this week"),
        "decisions stay to be read"
    );
}

/// Everything that care consists of, whole.
fn care(house: &House) -> Vec<String> {
    let tables = [
        (
            "plan",
            "instruments || ' ' || cadence || ' ' || role || ' ' || CASE WHEN ended_at IS NULL THEN 'on' ELSE 'ended' END",
        ),
        ("care_session", "state || ' ' || CAST(starts_at AS TEXT)"),
        (
            "episode",
            "CAST(started_on AS TEXT) || ' ' || CASE WHEN ended_on IS NULL THEN 'open' ELSE 'ended' END",
        ),
        ("known_level", "rule"),
        ("staff", "role || ' ' || state"),
    ];
    tables
        .iter()
        .flat_map(|(table, columns)| {
            let id = house.hex_of_id();
            house.texts(&format!(
                "SELECT '{table} ' || {id} || ' ' || {columns} AS value FROM {table} ORDER BY {table}.id"
            ))
        })
        .collect()
}

#[test]
fn signals_raised_and_ignored_for_a_year_change_nothing_in_anybodys_care() {
    let house = House::at(monday());
    let patient = house.enrol("P1", vec![weekly()]);
    let silent = house.enrol("P2", vec![weekly()]);
    scores(&house, patient, 8);
    house.link(silent, &["phq9"]);
    let before = care(&house);
    assert!(before.len() > 6, "{before:?}");
    for week in 0..52 {
        later(&house, 7);
        if week % 4 == 0 {
            scores(&house, patient, 12 + (week % 12));
        }
        raise_silent(&house.app).expect("it looks");
    }
    assert_eq!(care(&house), before);
    let told = told(&house);
    assert!(told.contains(&"deteriorated open 8".to_owned()), "{told:?}");
    assert!(told.contains(&"silent open 1".to_owned()), "{told:?}");
    assert_eq!(house.number("signal WHERE state <> 'open'"), 0);
    assert_eq!(house.number("outbox WHERE kind <> 'invitation'"), 0);
    house.verified();
}

#[test]
fn a_late_paper_form_says_nothing_of_today_unless_it_is_the_newest() {
    let house = House::at(monday());
    let patient = house.patient("P1");
    house.run_sql("UPDATE episode SET started_on = '2026-01-05'");
    scores(&house, patient, 3);
    later(&house, 14);
    let mut staff = house.signed_in(&house.people.therapist);
    let id = patient.to_string();
    let mut paper = |day: &str, total: usize| {
        let form = record_form(&mut staff, &id, "phq9");
        let answers = phq9(total);
        let names: Vec<String> = (1..=answers.len()).map(|item| format!("q{item}")).collect();
        let answered = names.iter().map(String::as_str).zip(answers);
        let mut set: Vec<(&str, &str)> = answered.collect();
        set.push(("day", day));
        let kept = staff
            .post_form(&form.action, &form.with(&set))
            .expect("an answer");
        assert_eq!(kept.status, 303, "{}", kept.text());
    };
    paper("2026-02-20", 20);
    assert_eq!(told(&house), [""; 0], "older than the last score");
    paper("2026-03-10", 20);
    assert_eq!(told(&house), ["in_need open 1"], "the newest");
    house.verified();
}

/// The patient answers the one question and writes this.
fn comments(house: &House, patient: PatientId, words: &str) -> Response {
    let link = house.link(patient, &["fft"]);
    submit(&mut house.client(), &link, &["2", words])
}

#[test]
fn words_in_a_form_wait_for_somebody_and_are_in_no_mail() {
    let house = House::at(monday());
    let patient = house.patient("P1");
    comments(&house, patient, "The lift was broken <again>.");
    comments(&house, patient, "");
    comments(&house, patient, "And the stairs too.");
    assert_eq!(told(&house), ["words open 2"]);
    assert_eq!(house.number("flag"), 0);
    assert_eq!(house.number("outbox WHERE kind <> 'invitation'"), 0);
    let mut therapist = house.signed_in(&house.people.therapist);
    let page = get(&mut therapist, "/signals").text();
    for words in [
        "Wrote words of their own",
        "2 passages to read",
        "The lift was broken &#60;again&#62;.",
        "And the stairs too.",
        "Nothing here has read these words",
    ] {
        assert!(page.contains(words), "{words} is not on {page}");
    }
    let record = get(
        &mut therapist,
        &format!("/patients/{patient}?open=answers-fft"),
    )
    .text();
    assert!(
        record.contains("The lift was broken &#60;again&#62;."),
        "{record}"
    );
    house.verified();
}

#[test]
fn a_phrase_in_a_forms_words_raises_a_crisis_flag_and_shows_help_first() {
    let house = House::at(monday());
    let patient = house.patient("P1");
    let words = "The nurse was kind. Some days I want to die. The lift was broken.";
    let onward = comments(&house, patient, words);
    assert!(
        onward.location().is_some_and(|to| to.contains("/support")),
        "{:?}",
        onward.location()
    );
    assert_eq!(
        house.texts("SELECT tier || ' ' || rule || ' ' || instrument || ' ' || item || ' ' || answer_words AS value FROM flag"),
        ["crisis phrase fft 2 Some days I want to die."]
    );
    assert_eq!(told(&house), ["words open 1"]);
    assert_eq!(house.number("outbox WHERE kind = 'flag_notice'"), 1);
    house.verified();

    let again = comments(&house, patient, "I wish I was dead.");
    assert!(again.location().is_some_and(|to| to.contains("/support")));
    assert_eq!(
        house.counts(["flags", "flag_answers", "flags_waiting"]),
        [1, 2, 1]
    );
    assert_eq!(
        house.texts("SELECT answer_words AS value FROM flag"),
        ["I wish I was dead."],
        "a sentence has no grade: the newest has to be looked at"
    );
}

#[test]
fn a_sentence_that_was_told_once_is_not_told_again_when_the_form_goes_on() {
    let house = House::at(monday());
    let link = house.link(house.patient("P1"), &["fft"]);
    let mut client = house.client();
    start(&mut client, &link, "page");
    let said = post(
        &mut client,
        &format!("{link}/q/2"),
        &[("answer", "I want to die.")],
    );
    assert!(said.location().is_some_and(|to| to.contains("/support")));
    assert_eq!(house.number("flag WHERE finish_by IS NOT NULL"), 1);
    post(&mut client, &format!("{link}/q/1"), &[("answer", "3")]);
    let sent = post(&mut client, &format!("{link}/send"), &[]);
    assert!(
        sent.location().is_some_and(|to| to.ends_with("/end")),
        "{:?}",
        sent.location()
    );
    assert_eq!(house.counts(["flags", "flag_answers"]), [1, 1]);
    house.app.clock.set(monday() + TimeDelta::minutes(10));
    attune::app::escalate::note_unfinished(&house.app, attune::app::escalate::Look::Due)
        .expect("the database works");
    assert_eq!(
        house.number("flag WHERE finish_by IS NOT NULL OR unfinished_at IS NOT NULL"),
        0,
        "it was handed in"
    );
    assert_eq!(told(&house), ["words open 1"]);
}

#[test]
fn a_sentence_that_was_taken_back_and_is_written_again_reaches_a_person_again() {
    let house = House::at(monday());
    let link = house.link(house.patient("P1"), &["fft"]);
    let mut client = house.client();
    start(&mut client, &link, "page");
    let mut writes = |words: &str| {
        let said = post(&mut client, &format!("{link}/q/2"), &[("answer", words)]);
        said.location().is_some_and(|to| to.contains("/support"))
    };
    assert!(writes("I want to die."));
    assert!(!writes("I want to die. The lift was broken."), "it stands");
    assert!(!writes("The lift was broken."));
    assert!(writes("The lift was broken. I want to die."));
    assert_eq!(house.counts(["flags", "flag_answers"]), [1, 2]);
    house.verified();
}

#[test]
fn a_site_may_do_without_the_phrase_list_but_not_without_reading() {
    let house = House::at(monday());
    set_policy(&house, |policy| policy.phrases = false);
    let onward = comments(&house, house.patient("P1"), "I want to die.");
    assert!(onward.location().is_some_and(|to| to.ends_with("/end")));
    assert_eq!(house.number("flag"), 0);
    assert_eq!(told(&house), ["words open 1"]);
}

#[test]
fn a_signal_goes_to_the_next_when_whoever_has_it_is_gone() {
    let house = House::at(monday());
    scores(&house, house.patient("P1"), 20);
    let owner = || {
        house.texts(
            "SELECT staff.name AS value FROM signal JOIN staff ON staff.id = signal.owner_id",
        )
    };
    assert_eq!(owner(), ["Lee Hartwell"]);
    house.run_sql("UPDATE staff SET state = 'disabled' WHERE name = 'Lee Hartwell'");
    assert_eq!(raise_silent(&house.app).expect("it looks"), 1);
    assert_eq!(owner(), ["Sam Hartwell"]);
    assert_eq!(raise_silent(&house.app).expect("it looks"), 0);
}

#[test]
fn the_ledger_tells_every_decision_and_how_long_it_took() {
    let house = House::at(monday());
    let patient = house.patient("P1");
    scores(&house, patient, 20);
    later(&house, 2);
    let mut therapist = house.signed_in(&house.people.therapist);
    let signal = house.ids("signal")[0].clone();
    decided(
        &mut therapist,
        &signal,
        "talked_about_it",
        "=cmd, \"quoted\"",
    );
    let link = house.link(patient, &["phq9"]);
    post(
        &mut house.client(),
        &format!("{link}/q/9"),
        &[("answer", "1")],
    );
    let page = get(&mut therapist, "/ledger").text();
    for words in [
        "Talked about it",
        "2 days",
        "Flag",
        "waits",
        "Lee Hartwell",
        "=cmd",
    ] {
        assert!(page.contains(words), "{words} is not on {page}");
    }
    let flags = get(&mut therapist, "/ledger?kind=flags").text();
    assert!(!flags.contains("Talked about it") && flags.contains("Answered 1 to PHQ-9"));
    let none = get(&mut therapist, "/ledger?kind=silent&from=2026-01-01").text();
    assert!(none.contains("Nothing matches"));
    let first = get(&mut therapist, &format!("/ledger?before={signal}")).text();
    assert!(
        first.contains("Nothing matches"),
        "behind the oldest is nothing"
    );
    let file = get(&mut therapist, "/ledger.csv").text();
    assert!(
        file.contains(
            "Talked about it,Lee Hartwell,2026-03-04T16:00:00Z,2880,\"'=cmd, \"\"quoted\"\"\""
        ),
        "{file}"
    );
    let elsewhere = get(&mut house.signed_in(&house.people.elsewhere), "/ledger.csv").text();
    assert_eq!(elsewhere.lines().count(), 1, "{elsewhere}");
    assert_eq!(
        get(&mut house.signed_in(&house.people.quality), "/ledger").status,
        403
    );
}

/// Everything that the house holds of answers, in rows.
fn held(house: &House) -> Vec<String> {
    house.texts(
        "SELECT CAST((SELECT COUNT(*) FROM response) AS TEXT) || ' ' || CAST((SELECT COUNT(*) FROM score) AS TEXT) || ' ' || \
         CAST((SELECT COUNT(*) FROM audit_event) AS TEXT) || ' ' || CAST((SELECT SUM(n) FROM episode_scale) AS TEXT) AS value",
    )
}

#[test]
fn forms_that_come_in_the_same_moment_are_each_counted_on_the_signal_that_waits() {
    let house = House::at(monday());
    let patient = house.patient("P1");
    scores(&house, patient, 12);
    later(&house, 60);
    scores(&house, patient, 12);
    assert_eq!(told(&house), ["in_need open 1", "not_on_track open 1"]);
    let links: Vec<String> = (0..6).map(|_| house.link(patient, &["phq9"])).collect();
    later(&house, 1);
    std::thread::scope(|scope| {
        for link in &links {
            let house = &house;
            scope.spawn(move || {
                let answer = submit(&mut house.client(), link, &phq9(12));
                assert_eq!(answer.status, 303, "{}", answer.text());
            });
        }
    });
    assert_eq!(told(&house), ["in_need open 1", "not_on_track open 7"]);
    assert_eq!(held(&house)[0].split(' ').next(), Some("8"));
}

#[test]
fn an_answer_whose_signal_changed_under_it_leaves_nothing_half_stored() {
    let house = House::at(monday());
    let patient = house.patient("P1");
    scores(&house, patient, 12);
    later(&house, 60);
    scores(&house, patient, 12);
    if !house.app.store.stores_at_once() {
        // Elsewhere a transaction has it all to itself.
        return;
    }
    let link = house.link(patient, &["phq9"]);
    let token = Token::parse(link.rsplit('/').next().unwrap()).unwrap();
    let (before, now) = (held(&house), house.app.clock.now());
    let store = |was: i32| -> Result<Stored, Fault> {
        let hash = token.hash();
        house.app.store.read_blocking(move |tx| {
            let (slip, summaries) = door::glance(tx, &hash)?.expect("a slip");
            let form = slip.administration;
            let waits: SignalRow = signal::table
                .filter(signal::kind.eq("not_on_track"))
                .first(&mut tx.db)?;
            let last: ResponseRow = response::table
                .order(response::id.desc())
                .first(&mut tx.db)?;
            let score: ScoreRow = score::table
                .filter(score::response_id.eq(last.id))
                .first(&mut tx.db)?;
            let id = fresh(now);
            let holder = Actor::LinkHolder {
                org: form.org_id,
                patient: form.patient_id,
            };
            let about = Some(form.id);
            let event = audit::event_by(&holder, "answers_sent", "administration", about, now);
            let ends = Occasion::Ends { opened: now };
            let mut deposit = Deposit::new(form.org_id, form.id, ends, event, now);
            let known = summaries.into_iter().find(|row| row.scale == score.scale);
            let known = known.expect("a summary");
            deposit.summaries.push(Summary {
                after: EpisodeScaleRow {
                    n: known.n + 1,
                    ..known.clone()
                },
                before: Some(known),
            });
            deposit.scores.push(ScoreRow {
                response_id: id,
                ..score
            });
            let row = ResponseRow {
                id,
                administration_id: form.id,
                ..last
            };
            deposit.responses.push((Standing::New, row));
            let again = Again {
                org: form.org_id,
                id: waits.id,
                facts: waits.facts,
                version: waits.version,
                policy: waits.policy,
                response: Some(id),
                at: now,
                was,
            };
            let whole = Whole::of(deposit, Some(again)).expect("one form with one scale");
            Ok(deposit::store_together(tx, &[whole])?[0])
        })
    };
    assert!(
        !matches!(store(5), Ok(Stored::Whole)),
        "the signal was seen once"
    );
    assert_eq!(held(&house), before);
    assert_eq!(told(&house), ["in_need open 1", "not_on_track open 1"]);
    // The same with what is so, to see that it was the signal that stood in the way.
    assert!(matches!(store(1), Ok(Stored::Whole)));
    assert_ne!(held(&house), before);
    assert_eq!(told(&house), ["in_need open 1", "not_on_track open 2"]);
}

#[test]
fn whoever_a_signal_was_given_to_in_another_clinic_can_decide_it_and_reads_nothing_else() {
    let house = House::at(monday());
    let patient = house.patient("P1");
    house.run_sql(
        "UPDATE staff SET licence = NULL WHERE email IN ('lee@staff.example.org', 'sam@staff.example.org')",
    );
    let mut elsewhere = house.signed_in(&house.people.elsewhere);
    comments(
        &house,
        patient,
        "Please call me soon, it is getting very bad.",
    );
    let signal = house.ids("signal").remove(0);
    let page = get(&mut elsewhere, "/signals").text();
    assert!(page.contains("it is getting very bad"), "{page}");
    assert_eq!(
        get(&mut elsewhere, &format!("/signals/{signal}")).status,
        200
    );
    assert_eq!(
        get(&mut elsewhere, &format!("/patients/{patient}")).status,
        404
    );
    let done = decided(&mut elsewhere, &signal, "watch", "called her clinic");
    assert_eq!(done.status, 303, "{}", done.text());
    assert_eq!(
        get(&mut elsewhere, &format!("/signals/{signal}")).status,
        404
    );
    house.verified();
}
