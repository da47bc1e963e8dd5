//! Something the patient wants to put right in answers that were sent: a note beside them, within 48 hours, that changes nothing.

use attune::domain::access::{Action, decide};
use attune::store::{Fault, correction};
use chrono::TimeDelta;

use crate::house::{House, PATIENT_NAME, monday};
use crate::late_answers::helped;
use crate::patient::{CALM, get, post, start, submit};
use crate::support::assessment::close;
use crate::support::page;
use crate::ways::{ask_for_years, informant, paired, send_all};

const RISK: [&str; 10] = ["1", "1", "1", "1", "1", "1", "1", "1", "3", "1"];
const NOTE: &str = "I meant <never>, not “nearly every day”.";

/// What must not move when a note comes.
fn everything_but_notes(house: &House) -> Vec<String> {
    let moves = ["correction: ", "signal: ", "audit_event: "];
    let mut seen = house.snapshot();
    seen.retain(|line| !moves.iter().any(|start| line.starts_with(start)) && line != "open");
    seen
}

#[test]
fn a_note_is_kept_beside_the_answers_and_changes_none_of_them() {
    let house = House::at(monday());
    let link = house.phq9("P1");
    let mut patient = house.client();
    submit(&mut patient, &link, &RISK);
    let before = everything_but_notes(&house);
    let end = get(&mut patient, &format!("{link}/end")).text();
    let offer = format!("href=\"{link}/correction\"");
    assert!(end.contains("Something you want to put right?") && end.contains(&offer));
    let used = get(&mut patient, &link);
    assert!(
        used.status == 410 && used.text().contains(&offer),
        "{}",
        used.text()
    );

    let page = get(&mut patient, &format!("{link}/correction")).text();
    assert!(
        page.contains("up to 2,000 characters") && page.contains("Nobody reads this right away")
    );
    assert!(
        page.contains("until Wednesday 4 March at 10:00 am"),
        "{page}"
    );
    let sent = post(
        &mut patient,
        &format!("{link}/correction"),
        &[("note", NOTE)],
    );
    assert_eq!(sent.location(), Some(format!("{link}/corrected").as_str()));
    let kept = get(&mut patient, &format!("{link}/corrected")).text();
    assert!(
        kept.contains("Your note is in") && kept.contains("Write one more note"),
        "{kept}"
    );
    assert!(
        !kept.contains("never"),
        "what was written is not shown to whoever holds the link"
    );

    house.app.clock.set(monday() + TimeDelta::hours(1));
    post(
        &mut patient,
        &format!("{link}/correction"),
        &[("note", "And item 3: two days.")],
    );
    assert_eq!(everything_but_notes(&house), before);
    assert_eq!(
        house.texts("SELECT words AS value FROM correction ORDER BY id"),
        [NOTE, "And item 3: two days."]
    );
    assert_eq!(
        house.number("audit_event WHERE act = 'correction_taken'"),
        2
    );
    assert_eq!(
        house.texts("SELECT CAST(times AS TEXT) AS value FROM signal WHERE kind = 'words'"),
        ["2"],
        "one signal until somebody decides"
    );
    assert_eq!(
        house.counts(["flags", "flags_waiting", "scores"]),
        [1, 1, 1]
    );
}

#[test]
fn staff_read_the_note_on_the_patients_page_and_are_told_that_it_came() {
    let house = House::at(monday());
    let who = house.patient("P1");
    let link = house.link(who, &["phq9"]);
    let mut patient = house.client();
    submit(&mut patient, &link, &CALM);
    post(
        &mut patient,
        &format!("{link}/correction"),
        &[("note", NOTE)],
    );
    let mut staff = house.signed_in(&house.people.therapist);
    let signals = get(&mut staff, "/signals").text();
    assert!(signals.contains("never"), "{signals}");
    assert_eq!(house.number("task"), 0, "and nobody has two things to do");
    let page = get(&mut staff, &format!("/patients/{who}")).text();
    assert!(page.contains("A note to answers that were sent"), "{page}");
    assert!(
        page.contains("I meant &#60;never&#62;") || page.contains("I meant &lt;never&gt;"),
        "{page}"
    );
    assert!(page.contains("to PHQ-9 of Mon 2 Mar"), "{page}");
    let mut elsewhere = house.signed_in(&house.people.elsewhere);
    assert_eq!(get(&mut elsewhere, &format!("/patients/{who}")).status, 404);
}

#[test]
fn the_notes_of_a_response_are_those_of_its_occasion() {
    let house = House::at(monday());
    let who = house.patient("P1");
    let (one, other) = (house.link(who, &["phq9"]), house.link(who, &["phq9"]));
    let mut patient = house.client();
    for (link, note) in [(&one, "first"), (&other, "second")] {
        submit(&mut patient, link, &CALM);
        post(
            &mut patient,
            &format!("{link}/correction"),
            &[("note", note)],
        );
    }
    let of = |answers: &str| {
        let id = house.hex_of_id().replace("(id", "(r.id");
        let query = format!(
            "SELECT {id} AS value FROM response r JOIN correction c ON c.administration_id = r.administration_id WHERE c.words = '{answers}'"
        );
        let response = house.texts(&query)[0].parse().expect("an id");
        let actor = house.people.therapist.actor.clone();
        house
            .app
            .store
            .read_blocking(move |tx| {
                let place =
                    attune::store::patient::place_of(tx, actor.org(), who)?.expect("a patient");
                let permit = decide(&actor, Action::ReadPatient, place).expect("their own patient");
                correction::of_response(tx, &permit, response)
            })
            .map(|rows: Vec<correction::CorrectionRow>| {
                rows.into_iter().map(|row| row.words).collect::<Vec<_>>()
            })
            .unwrap_or_else(|fault: Fault| panic!("{fault}"))
    };
    assert_eq!(of("first"), ["first"]);
    assert_eq!(of("second"), ["second"]);
}

#[test]
fn a_note_is_taken_for_48_hours_to_the_second_and_then_refused_calmly() {
    let house = House::at(monday());
    let link = house.phq9("P1");
    let mut patient = house.client();
    submit(&mut patient, &link, &CALM);
    let to = format!("{link}/correction");
    house.app.clock.set(monday() + TimeDelta::hours(48));
    assert_eq!(post(&mut patient, &to, &[("note", "in time")]).status, 303);
    house
        .app
        .clock
        .set(monday() + TimeDelta::hours(48) + TimeDelta::seconds(1));
    let before = house.snapshot();
    for late in [
        get(&mut patient, &to),
        post(&mut patient, &to, &[("note", "late")]),
    ] {
        assert_eq!(late.status, 410);
        let text = late.text();
        assert!(text.contains("The time for a note is over") && text.contains("tell your clinic"));
        assert!(text.contains("tel:988"), "{text}");
    }
    assert!(
        !get(&mut patient, &format!("{link}/end"))
            .text()
            .contains("/correction")
    );
    assert!(!get(&mut patient, &link).text().contains("/correction"));
    assert_eq!(house.snapshot(), before);
}

#[test]
fn what_is_no_note_comes_back_with_what_was_typed_and_is_not_kept() {
    let house = House::at(monday());
    let link = house.phq9("P1");
    let mut patient = house.client();
    submit(&mut patient, &link, &CALM);
    let to = format!("{link}/correction");
    let before = house.snapshot();
    let empty = post(&mut patient, &to, &[("note", " \r\n ")]);
    assert!(empty.status == 422 && empty.text().contains("Write what you want to put right"));
    let long = post(&mut patient, &to, &[("note", &"é".repeat(2_003))]);
    assert_eq!(long.status, 422);
    assert!(
        long.text().contains("3 characters too long") && long.text().contains(&"é".repeat(2_003))
    );
    for path in ["/correction", "/corrected", "/end", ""] {
        for _ in 0..3 {
            get(&mut patient, &format!("{link}{path}"));
        }
    }
    assert_eq!(house.snapshot(), before, "looking changes nothing");
    let whole = "é".repeat(2_000);
    assert_eq!(post(&mut patient, &to, &[("note", &whole)]).status, 303);
}

#[test]
fn a_form_that_is_not_handed_in_takes_no_note_and_neither_does_a_withdrawn_link() {
    let house = House::at(monday());
    let link = house.phq9("P1");
    let mut patient = house.client();
    let to = format!("{link}/correction");
    assert_eq!(get(&mut patient, &to).location(), Some(link.as_str()));
    let early = post(&mut patient, &to, &[("note", "early")]);
    assert_eq!(early.location(), Some(link.as_str()));
    submit(&mut patient, &link, &CALM);
    house.run_sql("UPDATE link SET revoked_at = created_at");
    assert_eq!(
        post(&mut patient, &to, &[("note", "withdrawn")]).status,
        410
    );
    let nobody = format!("/s/{}/correction", "A".repeat(43));
    assert_eq!(
        post(&mut patient, &nobody, &[("note", "nobody")]).status,
        404
    );
    assert_eq!(house.number("correction"), 0);
}

#[test]
fn no_more_than_twenty_notes_are_kept_and_the_next_is_told_so() {
    let house = House::at(monday());
    let link = house.phq9("P1");
    let mut patient = house.client();
    submit(&mut patient, &link, &CALM);
    let to = format!("{link}/correction");
    let statuses: Vec<u16> = (0..21)
        .map(|n| post(&mut patient, &to, &[("note", &format!("note {n}"))]).status)
        .collect();
    assert_eq!(statuses[..20], [303; 20]);
    assert_eq!((statuses[20], house.number("correction")), (429, 20));
}

#[test]
fn a_cry_for_help_in_a_note_that_is_not_taken_reaches_somebody_once_and_shows_help() {
    const CRY: &str = "I forgot something. I want to kill myself.";
    let house = House::at(monday());
    let (late, full) = (house.phq9("P1"), house.phq9("P2"));
    let mut patient = house.client();
    submit(&mut patient, &late, &CALM);
    house.app.clock.set(monday() + TimeDelta::hours(1));
    submit(&mut patient, &full, &CALM);
    let to_full = format!("{full}/correction");
    for n in 0..20 {
        post(&mut patient, &to_full, &[("note", &format!("note {n}"))]);
    }
    house
        .app
        .clock
        .set(monday() + TimeDelta::hours(48) + TimeDelta::seconds(1));
    for (n, link, says) in [(1, late, 410), (2, full, 429)] {
        let to = format!("{link}/correction");
        for _ in 0..2 {
            let sent = post(&mut patient, &to, &[("note", CRY)]);
            assert!(helped(sent, says));
        }
        assert_eq!(get(&mut patient, &to).status, says);
        assert_eq!(house.counts(["flags_waiting"]), [n]);
    }
    let said = house.texts("SELECT answer_words AS value FROM flag_answer ORDER BY id");
    assert_eq!(said, ["I want to kill myself."; 2]);
    assert_eq!(
        house.number("correction WHERE words LIKE '%kill%'"),
        0,
        "it is no note"
    );
    house.verified();
}

#[test]
fn a_cry_for_help_in_a_note_that_is_too_long_or_before_the_year_of_birth_reaches_somebody() {
    let house = House::at(monday());
    let link = house.phq9("P1");
    let (mut patient, to) = (house.client(), format!("{link}/correction"));
    submit(&mut patient, &link, &CALM);
    let long = format!("I want to die. {}", "é".repeat(2_000));
    for _ in 0..2 {
        let sent = post(&mut patient, &to, &[("note", &long)]);
        assert!(sent.text().contains("I want to die. é"), "nothing is lost");
        assert!(helped(sent, 422));
        assert_eq!(house.counts(["flag_answers"]), [1]);
    }
    ask_for_years(&house, 1984);
    let sent = post(&mut patient, &to, &[("note", "I want to kill myself.")]);
    assert!(sent.text().contains("In which year"));
    assert!(helped(sent, 403));
    assert_eq!(house.counts(["flags", "flag_answers"]), [1, 2]);
    assert_eq!(house.number("correction"), 0);
    house.verified();
}

#[test]
fn the_year_of_birth_is_asked_before_a_note_too() {
    let house = House::at(monday());
    let link = house.phq9("P1");
    submit(&mut house.client(), &link, &CALM);
    ask_for_years(&house, 1984);
    let mut stranger = house.client();
    let to = format!("{link}/correction");
    assert!(get(&mut stranger, &to).text().contains("In which year"));
    let refused = post(&mut stranger, &to, &[("note", "not mine")]);
    assert_eq!(refused.status, 403);
    assert_eq!(house.number("correction"), 0);
    post(&mut stranger, &format!("{link}/check"), &[("year", "1984")]);
    assert_eq!(post(&mut stranger, &to, &[("note", "mine")]).status, 303);
}

#[test]
fn a_tablet_that_was_handed_back_offers_and_takes_no_note() {
    let house = House::at(monday());
    let (mut tablet, link) = paired(&house);
    submit(&mut tablet, &link, &CALM);
    let to = format!("{link}/correction");
    let end = get(&mut tablet, &format!("{link}/end")).text();
    assert!(end.contains("put right"), "the patient still holds it");
    post(&mut tablet, &format!("{link}/hand-back"), &[]);
    for path in ["", "/end", "/correction", "/corrected"] {
        let page = get(&mut tablet, &format!("{link}{path}")).text();
        assert!(!page.contains("/correction\""), "{path}: {page}");
    }
    assert_eq!(
        post(&mut tablet, &to, &[("note", "next patient")]).status,
        410
    );
    let phone = post(&mut house.client(), &to, &[("note", "photographed link")]);
    assert_eq!(phone.status, 410);
    assert_eq!(house.number("correction"), 0);
    assert!(!get(&mut tablet, "/tablet").text().contains(PATIENT_NAME));
}

#[test]
fn a_note_whose_task_cannot_be_written_is_not_kept_either() {
    for table in ["signal", "audit_event"] {
        let house = House::at(monday());
        let link = house.phq9("P1");
        let mut patient = house.client();
        submit(&mut patient, &link, &CALM);
        let to = format!("{link}/correction");
        house.run_sql(&format!("ALTER TABLE {table} RENAME TO gone"));
        let failed = post(&mut patient, &to, &[("note", NOTE)]);
        assert!(failed.status == 500 && failed.text().contains("tel:988"));
        house.run_sql(&format!("ALTER TABLE gone RENAME TO {table}"));
        assert_eq!(house.number("correction"), 0, "{table}");
    }
}

#[test]
fn a_spanish_patient_reads_all_of_it_in_spanish() {
    let house = House::at(monday());
    let who = house.enrol_speaking("es", "P1", vec![]);
    let link = house.link(who, &["phq9"]);
    let mut patient = house.client();
    submit(&mut patient, &link, &CALM);
    let to = format!("{link}/correction");
    let page = get(&mut patient, &to).text();
    assert!(
        page.contains("¿Quiere corregir algo?") && page.contains("hasta el miércoles 4 de marzo"),
        "{page}"
    );
    post(&mut patient, &to, &[("note", "Quise decir nunca")]);
    assert!(
        get(&mut patient, &format!("{link}/corrected"))
            .text()
            .contains("Ya recibimos su nota")
    );
    assert_eq!(
        house.texts("SELECT language AS value FROM correction"),
        ["es"]
    );
}

#[test]
fn a_note_in_which_a_phrase_stands_raises_a_flag_and_shows_help() {
    let house = House::at(monday());
    let link = house.phq9("P1");
    let mut patient = house.client();
    submit(&mut patient, &link, &CALM);
    let kept = post(
        &mut patient,
        &format!("{link}/correction"),
        &[("note", "I put that wrong. I want to kill myself.")],
    );
    assert!(
        kept.location()
            .is_some_and(|onward| onward.contains("/support")),
        "{}",
        kept.text()
    );
    assert_eq!(
        house.counts(["flags", "flag_answers", "flags_waiting"]),
        [1, 1, 1]
    );
    let mut staff = house.signed_in(&house.people.therapist);
    for page in ["/queue".to_owned(), format!("/flags/{}", house.flag())] {
        let shown = get(&mut staff, &page).text();
        assert!(shown.contains("“I want to kill myself.”"), "{shown}");
        assert!(!shown.contains("answered 1"), "a sentence has no value");
    }
    let shown = get(&mut staff, &format!("/flags/{}", house.flag())).text();
    assert!(
        shown.contains("It can miss") && shown.contains("I put that wrong."),
        "{shown}"
    );
}

#[test]
fn a_note_by_somebody_else_is_told_as_theirs() {
    let house = House::at(monday());
    house.permit("psc17");
    let patient = house.patient("P1").to_string();
    let mut staff = house.signed_in(&house.people.therapist);
    let parent = informant(&house, &mut staff, &patient, "parent");
    let fields = [("informant", parent.as_str()), ("instrument", "psc17")];
    let to = format!("/patients/{patient}/informants/form");
    let given = post(&mut staff, &to, &fields).text();
    let address = given.split("value=\"http://").nth(1).expect("a link");
    let (_, rest) = address.split_once('/').expect("a path");
    let link = format!("/{}", rest.split('"').next().expect("its end"));
    let mut theirs = house.client();
    start(&mut theirs, &link, "list");
    assert_eq!(send_all(&mut theirs, &link, 17, "0").status, 303);
    let note = [("note", "She says: I want to kill myself.")];
    let kept = post(&mut theirs, &format!("{link}/correction"), &note);
    assert_eq!(kept.status, 303, "{}", kept.text());
    assert_eq!(
        house.counts(["flags", "flag_answers", "flags_waiting"]),
        [1, 1, 1]
    );
    assert_eq!(house.number("flag WHERE informant_id IS NOT NULL"), 1);
    let shown = page::plain_text(&get(&mut staff, &format!("/flags/{}", house.flag())).text());
    assert!(
        shown.contains("written by") && shown.contains("Ana Marlow"),
        "{shown}"
    );
    house.verified();
}

#[test]
fn the_same_sentence_in_a_later_note_is_a_new_call_for_help() {
    let house = House::at(monday());
    let link = house.phq9("P1");
    let mut patient = house.client();
    submit(&mut patient, &link, &CALM);
    let mut write = || {
        let note = [("note", "I want to kill myself.")];
        let kept = post(&mut patient, &format!("{link}/correction"), &note);
        kept.location().unwrap_or_default().to_owned()
    };
    assert!(write().contains("/support"));
    let close_flag = || {
        let mut staff = house.signed_in(&house.people.therapist);
        for id in house.ids("flag") {
            post(&mut staff, &format!("/flags/{id}/acknowledge"), &[]);
            close(&mut staff, &id);
        }
    };
    close_flag();
    assert_eq!(house.counts(["flag_answers", "flags_waiting"]), [1, 0]);
    house.app.clock.set(monday() + TimeDelta::hours(3));
    assert!(write().contains("/support"));
    assert_eq!(house.counts(["flag_answers", "flags_waiting"]), [2, 1]);
    house.verified();
}

#[test]
fn after_the_end_of_care_a_note_is_a_task() {
    let house = House::at(monday());
    let link = house.phq9("P1");
    let mut patient = house.client();
    submit(&mut patient, &link, &CALM);
    house.run_sql("UPDATE episode SET ended_on = '2026-03-02', ending = 'planned'");
    post(
        &mut patient,
        &format!("{link}/correction"),
        &[("note", NOTE)],
    );
    assert_eq!(
        house.texts("SELECT kind AS value FROM task"),
        ["correction"]
    );
    let detail = house.texts("SELECT detail AS value FROM task");
    assert!(!detail.join(" ").contains("never"), "{detail:?}");
}
