//! Cover: who reads answers and when is data; the patient is told the truth about it, and whoever is away is passed over for new flags.

use attune::store::outbox::Lane;

use crate::house::{House, instant, monday};
use crate::mail::{due, send, send_notices};
use crate::patient::{get, post};
use crate::support::http::path_of;
use crate::support::page::{Form, forms};
use crate::support::smtp::SmtpSink;

/// Monday, 20:00 in Chicago: the patient may be written to and nobody reads.
const EVENING: &str = "2026-03-03 02:00:00";

/// The page's form: weekdays 9 to 5.
fn office_hours(changes: &[(&'static str, &'static str)]) -> Vec<(&'static str, &'static str)> {
    let mut fields = vec![
        ("monday_from", "09:00"),
        ("monday_until", "17:00"),
        ("tuesday_from", "09:00"),
        ("tuesday_until", "17:00"),
        ("nobody_reads", "send"),
        ("closed_on", ""),
    ];
    for change in changes {
        fields.retain(|(name, _)| *name != change.0);
        fields.push(*change);
    }
    fields
}

#[test]
fn a_mail_outside_the_hours_says_when_answers_are_read_in_the_patients_language() {
    for (language, said) in [
        (
            "en",
            "Answers are read Monday to Friday, 9 am to 5 pm. Nobody reads answers before Tuesday 3 March at 9:00 am.",
        ),
        (
            "es",
            "Las respuestas se leen de lunes a viernes, de las 9 de la mañana a las 5 de la tarde. Nadie lee las respuestas antes del martes 3 de marzo a las 9:00",
        ),
    ] {
        let (house, sink) = (House::at(monday()), SmtpSink::start());
        due(&house, "P1");
        house.run_sql(&format!("UPDATE patient SET language = '{language}'"));
        house.app.clock.set(instant(EVENING));
        send(&house, &sink);
        let mail = sink.mails().remove(0);
        let text = mail.text().expect("plain text");
        let text = text
            .split([' ', '\r', '\n'])
            .filter(|word| !word.is_empty());
        let text = text.collect::<Vec<_>>().join(" ");
        assert!(text.contains(said), "{text}");
        crate::mail::tells_nothing(&mail);
        // The page speaks the language in which the mail asked, and says the same.
        let page = get(&mut house.client(), path_of(&mail.links()[0])).text();
        assert!(
            page.contains(&format!("<html lang=\"{language}\"")),
            "{page}"
        );
        let not_now = said.split(". ").nth(1).expect("two sentences");
        assert!(page.contains(not_now), "{page}");
    }
}

#[test]
fn inside_the_hours_nothing_is_said_about_nobody_reading() {
    let (house, sink) = (House::at(monday()), SmtpSink::start());
    due(&house, "P1");
    send(&house, &sink);
    let mail = sink.mails().remove(0);
    assert!(
        !mail
            .text()
            .expect("plain text")
            .contains("Nobody reads answers")
    );
    let page = get(&mut house.client(), path_of(&mail.links()[0])).text();
    assert!(
        page.contains("Lee Hartwell reads your answers Monday to Friday, 9 am to 5 pm."),
        "{page}"
    );
    assert!(!page.contains("Nobody reads answers"), "{page}");
}

#[test]
fn a_site_may_hold_such_forms_until_somebody_reads() {
    let (house, sink) = (House::at(monday()), SmtpSink::start());
    let mut admin = house.signed_in(&house.people.administrator);
    let hold = office_hours(&[("nobody_reads", "hold")]);
    assert_eq!(post(&mut admin, "/admin/cover", &hold).status, 303);
    due(&house, "P1");
    house.app.clock.set(instant(EVENING));
    send(&house, &sink);
    assert_eq!(sink.mails().len(), 0);
    assert_eq!(
        house.texts("SELECT CAST(not_before AS TEXT) AS value FROM outbox"),
        ["2026-03-03 15:00:00"]
    );
    house.app.clock.set(instant("2026-03-03 15:00:00"));
    assert_eq!((send(&house, &sink), sink.mails().len()), (1, 1));
}

#[test]
fn what_waited_for_somebody_to_read_is_not_too_late_when_they_do() {
    // Everybody is back on Sunday, or one of them earlier than planned.
    for (until, back_early) in [("2026-03-06", false), ("2026-03-08", true)] {
        let (house, sink) = (House::at(monday()), SmtpSink::start());
        let mut admin = house.signed_in(&house.people.administrator);
        let hold = office_hours(&[
            ("nobody_reads", "hold"),
            ("thursday_from", "09:00"),
            ("thursday_until", "17:00"),
            ("sunday_from", "09:00"),
            ("sunday_until", "17:00"),
        ]);
        assert_eq!(post(&mut admin, "/admin/cover", &hold).status, 303);
        let people = &house.people;
        for person in [&people.therapist, &people.supervisor, &people.elsewhere] {
            let mut own = house.signed_in(person);
            let away = [("from", "2026-03-02"), ("until", until)];
            assert_eq!(post(&mut own, "/leave", &away).status, 303);
        }
        due(&house, "P1");
        send(&house, &sink);
        assert_eq!(sink.mails().len(), 0);
        if back_early {
            house.app.clock.set(instant("2026-03-05 16:00:00"));
            send(&house, &sink);
            assert_eq!(sink.mails().len(), 0);
            let absence = house.ids("absence").remove(0);
            let ended = post(
                &mut house.signed_in(&house.people.administrator),
                "/admin/cover/absences/end",
                &[("absence", absence.as_str())],
            );
            assert_eq!(ended.status, 303);
        } else {
            house.app.clock.set(instant("2026-03-08 15:00:00"));
        }
        send(&house, &sink);
        assert_eq!(sink.mails().len(), 1, "back early: {back_early}");
        assert_eq!(house.number("task"), 0);
    }
}

#[test]
fn the_hours_an_administrator_sets_are_what_patients_read() {
    let house = House::at(monday());
    let link = house.phq9("P1");
    let mut admin = house.signed_in(&house.people.administrator);
    for (field, value, words) in [
        ("monday_until", "", "Monday: write both times"),
        (
            "monday_until",
            "09:00",
            "must not begin and end at the same time",
        ),
        ("closed_on", "Christmas", "year-month-day"),
    ] {
        let answer = post(&mut admin, "/admin/cover", &office_hours(&[(field, value)]));
        assert_eq!(answer.status, 422, "{value}");
        assert!(answer.text().contains(words), "{}", answer.text());
    }
    assert_eq!(house.number("policy"), 0);
    // Hours over midnight and the whole day are rules that can be kept, here and when the other rules are saved.
    let night = office_hours(&[
        ("monday_from", "22:00"),
        ("monday_until", "06:00"),
        ("tuesday_from", "00:00"),
        ("tuesday_until", "00:00"),
    ]);
    assert_eq!(post(&mut admin, "/admin/cover", &night).status, 303);
    let rules = get(&mut admin, "/admin/sending").text();
    let is_of_rules = |form: &Form| form.action == "/admin/sending";
    let rules = forms(&rules).into_iter().find(is_of_rules);
    let rules = rules.expect("the form");
    let saved = admin.post_form("/admin/sending", &rules.untouched());
    let saved = saved.expect("the site answers");
    assert_eq!(saved.status, 303, "{}", saved.text());
    let closed = office_hours(&[("closed_on", "2026-03-02\n2026-12-25")]);
    assert_eq!(post(&mut admin, "/admin/cover", &closed).status, 303);
    let page = get(&mut house.client(), &link).text();
    let said =
        "Monday and Tuesday, 9 am to 5 pm. Nobody reads answers before Tuesday 3 March at 9:00 am.";
    assert!(page.contains(said), "{page}");
    assert!(
        get(&mut admin, "/admin/cover")
            .text()
            .contains("nobody reads answers")
    );
}

#[test]
fn flags_pass_whoever_is_on_leave_over_and_the_patient_reads_who_stands_in() {
    let (house, sink) = (House::at(monday()), SmtpSink::start());
    let mut therapist = house.signed_in(&house.people.therapist);
    let sam = house.people.supervisor.id.to_string();
    let week = [
        ("from", "2026-03-02"),
        ("until", "2026-03-06"),
        ("covered_by", sam.as_str()),
        ("note", "spring break"),
    ];
    assert_eq!(post(&mut therapist, "/leave", &week).status, 303);
    assert!(
        get(&mut therapist, "/leave")
            .text()
            .contains("Sam Hartwell stands in. spring break")
    );
    let link = house.phq9("P1");
    let page = get(&mut house.client(), &link).text();
    assert!(page.contains("Sam Hartwell reads your answers"), "{page}");
    post(
        &mut house.client(),
        &format!("{link}/q/9"),
        &[("answer", "3")],
    );
    assert_eq!(send_notices(&house, &sink), 1);
    assert_eq!(
        sink.mails()[0].to,
        std::slice::from_ref(&house.people.supervisor.email)
    );
    house.verified();

    // Taken back: the next one is theirs again.
    let absence = house.ids("absence").pop().expect("an absence");
    assert_eq!(
        post(
            &mut therapist,
            "/leave/end",
            &[("absence", absence.as_str())]
        )
        .status,
        303
    );
    let link = house.phq9("P2");
    post(
        &mut house.client(),
        &format!("{link}/q/9"),
        &[("answer", "3")],
    );
    send_notices(&house, &sink);
    assert_eq!(
        sink.mails()[1].to,
        std::slice::from_ref(&house.people.therapist.email)
    );
}

#[test]
fn when_everybody_is_away_a_flag_still_has_a_licensed_owner_and_nobody_is_said_to_read() {
    let house = House::at(monday());
    let mut admin = house.signed_in(&house.people.administrator);
    for person in [
        &house.people.therapist,
        &house.people.supervisor,
        &house.people.elsewhere,
    ] {
        let id = person.id.to_string();
        let away = [
            ("staff", id.as_str()),
            ("from", "2026-03-01"),
            ("until", "2026-03-03"),
            ("covered_by", ""),
            ("note", ""),
        ];
        assert_eq!(post(&mut admin, "/admin/cover/absences", &away).status, 303);
    }
    let link = house.phq9("P1");
    let page = get(&mut house.client(), &link).text();
    let said = "Your clinic reads your answers Monday to Friday, 9 am to 5 pm. Nobody reads answers before Wednesday 4 March at 9:00 am.";
    assert!(page.contains(said), "{page}");
    post(
        &mut house.client(),
        &format!("{link}/q/9"),
        &[("answer", "3")],
    );
    assert_eq!(house.counts(["flags", "notices"]), [1, 1]);
}

#[test]
fn leave_is_ones_own_unless_one_administers() {
    let house = House::at(monday());
    let mut therapist = house.signed_in(&house.people.therapist);
    let sam = house.people.supervisor.id.to_string();
    let away = [
        ("staff", sam.as_str()),
        ("from", "2026-03-02"),
        ("until", "2026-03-06"),
    ];
    assert_eq!(
        post(&mut therapist, "/admin/cover/absences", &away).status,
        403
    );
    // The field is not asked for here: it is always oneself.
    assert_eq!(post(&mut therapist, "/leave", &away).status, 303);
    let page = get(&mut therapist, "/leave").text();
    assert!(
        page.contains("<strong>Lee Hartwell</strong>: 2 March 2026 to 6 March 2026"),
        "{page}"
    );
    let mut supervisor = house.signed_in(&house.people.supervisor);
    assert!(
        get(&mut supervisor, "/leave")
            .text()
            .contains("No absence is on record.")
    );
    let absence = house.ids("absence").pop().expect("an absence");
    assert_eq!(
        post(
            &mut supervisor,
            "/leave/end",
            &[("absence", absence.as_str())]
        )
        .status,
        403
    );
    for (from, until, by) in [
        ("2026-03-06", "2026-03-02", ""),
        ("2026-02-01", "2026-02-02", ""),
        ("2026-03-02", "2026-03-06", "me"),
    ] {
        let me = house.people.therapist.id.to_string();
        let by = if by == "me" { me.as_str() } else { by };
        let wrong = [("from", from), ("until", until), ("covered_by", by)];
        assert_eq!(
            post(&mut therapist, "/leave", &wrong).status,
            422,
            "{from} {until}"
        );
    }
    assert_eq!(house.number("absence"), 1);
}

#[test]
fn notices_leave_at_any_hour_and_whatever_is_paused() {
    let (house, sink) = (House::at(monday()), SmtpSink::start());
    let link = house.phq9("P1");
    let mut admin = house.signed_in(&house.people.administrator);
    let asked = [("scope", "site"), ("reason", "new relay")];
    post(&mut admin, "/admin/sending/pause", &asked);
    house.app.clock.set(instant("2026-03-03 09:00:00"));
    post(
        &mut house.client(),
        &format!("{link}/q/9"),
        &[("answer", "3")],
    );
    assert_eq!((send_notices(&house, &sink), sink.mails().len()), (1, 1));
    assert_eq!(
        house.number(&format!("outbox WHERE lane = '{}'", Lane::Notices.word())),
        1
    );
}
