//! How a patient is reached: what staff set holds for the very next message, an address that changed takes its links along, and pauses hold what waits.

use attune::app::plan_due::plan_due;
use attune::app::stop_reminders::stop_reminders;
use attune::domain::ids::{AdministrationId, PatientId};
use attune::store::{Fault, contact};
use chrono::TimeDelta;

use crate::house::{House, Person, address_of, instant, monday, wait_for};
use crate::mail::{due, send};
use crate::patient::{CALM, get, post, submit};
use crate::support::http::{Client, path_of};
use crate::support::smtp::{Behaviour, SmtpSink};

fn only_patient(house: &House) -> PatientId {
    let ids = house.ids("patient");
    assert_eq!(ids.len(), 1);
    ids[0].parse().expect("an id")
}

/// The contact form as the page shows it at first, with these changes.
fn fields<'a>(changes: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let mut fields = vec![
        ("channel", "mail"),
        ("email", "p1@patients.example.org"),
        ("phone", ""),
        ("safe_from", ""),
        ("safe_until", ""),
        ("note", ""),
        ("birth_year", ""),
    ];
    for (name, value) in changes {
        match fields.iter_mut().find(|(known, _)| known == name) {
            Some(field) => field.1 = value,
            None => fields.push((name, value)),
        }
    }
    fields
}

pub fn set(house: &House, client: &mut Client, changes: &[(&str, &str)]) -> u16 {
    let address = format!("/patients/{}/contact", only_patient(house));
    post(client, &address, &fields(changes)).status
}

fn states(house: &House) -> Vec<String> {
    house.texts("SELECT state AS value FROM outbox WHERE kind = 'invitation' ORDER BY state")
}

fn why(house: &House) -> String {
    let said = house.texts("SELECT last_error AS value FROM outbox WHERE kind = 'invitation'");
    said.join("; ")
}

#[test]
fn another_address_closes_the_old_link_and_gets_a_new_one() {
    let (house, sink) = (House::at(monday()), SmtpSink::start());
    due(&house, "P1");
    send(&house, &sink);
    let old = path_of(&sink.mails()[0].links()[0]).to_owned();
    let mut therapist = house.signed_in(&house.people.therapist);
    let moved = [("email", "new@patients.example.org")];
    assert_eq!(set(&house, &mut therapist, &moved), 303);
    assert_eq!(send(&house, &sink), 1);
    let mail = sink.mails().remove(1);
    assert_eq!(mail.to, ["new@patients.example.org"]);
    let new = path_of(&mail.links()[0]).to_owned();
    assert_ne!(old, new);
    assert_eq!(get(&mut house.client(), &old).status, 410);
    assert_eq!(submit(&mut house.client(), &new, &CALM).status, 303);
    assert_eq!(house.counts(["responses"]), [1]);
    // What stays as it is asks for nothing.
    assert_eq!(set(&house, &mut therapist, &moved), 303);
    assert_eq!(send(&house, &sink), 0);
}

#[test]
fn a_form_that_was_begun_keeps_its_link_when_the_address_changes() {
    let (house, sink) = (House::at(monday()), SmtpSink::start());
    due(&house, "P1");
    send(&house, &sink);
    let link = path_of(&sink.mails()[0].links()[0]).to_owned();
    let mut browser = house.client();
    post(&mut browser, &format!("{link}/q/1"), &[("answer", "0")]);
    let mut therapist = house.signed_in(&house.people.therapist);
    set(
        &house,
        &mut therapist,
        &[("email", "new@patients.example.org")],
    );
    assert_eq!(send(&house, &sink), 0);
    assert_eq!(get(&mut house.client(), &link).status, 200);
}

#[test]
fn a_refused_address_closes_its_link_and_a_better_one_gets_the_form() {
    let (house, sink) = (House::at(monday()), SmtpSink::start());
    due(&house, "P1");
    sink.for_recipient(&address_of("P1"), Behaviour::RefuseForGood);
    send(&house, &sink);
    assert_eq!(house.number("link WHERE revoked_at IS NULL"), 0);
    assert_eq!(house.number("task WHERE kind = 'mail_refused'"), 1);
    let mut therapist = house.signed_in(&house.people.therapist);
    let page = get(
        &mut therapist,
        &format!("/patients/{}/contact", only_patient(&house)),
    );
    assert!(page.text().contains("refused the address on 2 March 2026"));
    set(
        &house,
        &mut therapist,
        &[("email", "better@patients.example.org")],
    );
    assert_eq!((send(&house, &sink), sink.mails().len()), (1, 1));
    assert_eq!(sink.mails()[0].to, ["better@patients.example.org"]);
    let link = path_of(&sink.mails()[0].links()[0]).to_owned();
    assert_eq!(submit(&mut house.client(), &link, &CALM).status, 303);
    house.verified();
}

/// An invitation waits; this is set; nothing leaves, for this reason.
fn is_withdrawn_when(changes: &[(&str, &str)], reason: &str) {
    let (house, sink) = (House::at(monday()), SmtpSink::start());
    due(&house, "P1");
    let mut therapist = house.signed_in(&house.people.therapist);
    assert_eq!(set(&house, &mut therapist, changes), 303, "{reason}");
    send(&house, &sink);
    assert_eq!(sink.mails().len(), 0, "{reason}");
    assert!(!states(&house).contains(&"queued".to_owned()), "{reason}");
    assert!(why(&house).contains(reason), "{reason}: {}", why(&house));
}

#[test]
fn what_the_patient_asked_for_holds_for_the_message_that_waits() {
    is_withdrawn_when(&[("no_messages", "yes")], "asked for no messages");
    is_withdrawn_when(&[("channel", "none")], "in the clinic only");
    is_withdrawn_when(&[("email", "")], "no e-mail address");
}

#[test]
fn safe_hours_hold_a_message_until_they_begin() {
    let (house, sink) = (House::at(monday()), SmtpSink::start());
    due(&house, "P1");
    let mut therapist = house.signed_in(&house.people.therapist);
    let safe = [
        ("safe_from", "18:00"),
        ("safe_until", "20:00"),
        ("note", "shared mailbox"),
    ];
    assert_eq!(set(&house, &mut therapist, &safe), 303);
    send(&house, &sink);
    assert_eq!(
        (sink.mails().len(), states(&house)),
        (0, vec!["queued".to_owned()])
    );
    assert!(why(&house).contains("outside the hours"), "{}", why(&house));
    house.app.clock.set(instant("2026-03-03 00:00:00"));
    assert_eq!((send(&house, &sink), sink.mails().len()), (1, 1));
    let mut therapist = house.signed_in(&house.people.therapist);
    let page = get(
        &mut therapist,
        &format!("/patients/{}", only_patient(&house)),
    )
    .text();
    let beside = "Mail to p…@patients.example.org · Safe 18:00 to 20:00 · shared mailbox";
    assert!(page.contains(beside), "{page}");
}

#[test]
fn what_cannot_be_is_refused_beside_its_field_and_nothing_is_stored() {
    let house = House::at(monday());
    house.patient("P1");
    let mut therapist = house.signed_in(&house.people.therapist);
    let address = format!("/patients/{}/contact", only_patient(&house));
    let this_year = "2027";
    for (field, value, words) in [
        ("phone", "555 0100", "with its country"),
        ("email", "nobody", "like name@example.org"),
        ("safe_from", "18:00", "Write both times"),
        ("birth_year", this_year, "four digits"),
        ("channel", "pigeon", "from the list"),
        ("channel", "text", "Write a number"),
    ] {
        let answer = post(&mut therapist, &address, &fields(&[(field, value)]));
        assert_eq!(answer.status, 422, "{field}");
        assert!(answer.text().contains(words), "{field}: {}", answer.text());
    }
    assert_eq!(house.number("contact_preference"), 0);
    assert_eq!(
        set(&house, &mut therapist, &[("phone", "+1 (555) 010-0199")]),
        303
    );
    assert_eq!(
        house.texts("SELECT phone AS value FROM contact_preference"),
        ["+15550100199"]
    );
}

/// The only patient presses the button that stops reminders.
fn stops_reminders(house: &House) {
    let form: AdministrationId = house.ids("administration")[0].parse().expect("an id");
    let stopped = wait_for(stop_reminders(&house.app, form)).expect("the database works");
    assert!(stopped.is_some());
}

fn stopped(house: &House) -> usize {
    house.number("contact_preference WHERE reminders_stopped_at IS NOT NULL")
}

#[test]
fn a_form_opened_before_reminders_were_stopped_comes_back_and_says_so() {
    let house = House::at(monday());
    house.phq9("P1");
    let mut therapist = house.signed_in(&house.people.therapist);
    let address = format!("/patients/{}/contact", only_patient(&house));
    let opened = get(&mut therapist, &address).text();
    assert!(!opened.contains("saw_stop"), "{opened}");
    stops_reminders(&house);
    let tasks = house.number("task");

    let typed = [("note", "shared mailbox")];
    let back = post(&mut therapist, &address, &fields(&typed));
    let text = back.text();
    assert_eq!(back.status, 422, "{text}");
    assert!(text.contains("Reminders were stopped after this form was opened"));
    assert!(text.contains("shared mailbox") && text.contains("name=\"saw_stop\""));
    assert!(
        text.contains("name=\"no_reminders\" value=\"yes\" checked"),
        "{text}"
    );
    assert_eq!(
        (
            stopped(&house),
            house.number("contact_preference WHERE note = ''")
        ),
        (1, 1)
    );

    // As it came back it keeps the stop; whoever takes the tick away knows of it.
    let seen = [typed[0], ("saw_stop", "yes"), ("no_reminders", "yes")];
    assert_eq!(set(&house, &mut therapist, &seen), 303);
    assert_eq!(
        (
            stopped(&house),
            house.number("contact_preference WHERE note <> ''")
        ),
        (1, 1)
    );
    assert_eq!(set(&house, &mut therapist, &seen[..2]), 303);
    assert_eq!((stopped(&house), house.number("task")), (0, tasks));
    house.verified();
}

#[test]
fn a_stop_in_the_same_moment_as_another_change_is_not_lost() {
    let house = House::at(monday());
    house.phq9("P1");
    let (org, patient) = (house.app.org, only_patient(&house));
    let (tell, told) = std::sync::mpsc::channel();
    let now = house.app.clock.now();
    let known = house
        .app
        .store
        .write_blocking(move |tx| contact::take(tx, org, patient, now));
    assert!(known.is_ok(), "there is a row already");
    std::thread::scope(|scope| {
        scope.spawn(|| {
            house.app.store.write_blocking(move |tx| {
                let row = contact::take(tx, org, patient, now)?;
                tell.send(()).expect("the test waits");
                // Time for the other to overtake, if nothing kept it waiting.
                std::thread::sleep(std::time::Duration::from_millis(500));
                let row = contact::ContactRow {
                    note: "shared mailbox".into(),
                    ..row
                };
                contact::put(tx, &row)?;
                Ok::<_, Fault>(())
            })
        });
        told.recv().expect("the other has the row");
        stops_reminders(&house);
    });
    assert_eq!(
        (
            stopped(&house),
            house.number("contact_preference WHERE note <> ''")
        ),
        (1, 1)
    );
}

#[test]
fn a_patient_of_another_clinic_is_not_there() {
    let house = House::at(monday());
    house.patient("P1");
    let mut elsewhere = house.signed_in(&house.people.elsewhere);
    let address = format!("/patients/{}/contact", only_patient(&house));
    assert_eq!(get(&mut elsewhere, &address).status, 404);
    assert_eq!(set(&house, &mut elsewhere, &[("no_messages", "yes")]), 404);
    let pause = format!("/patients/{}/pause", only_patient(&house));
    assert_eq!(post(&mut elsewhere, &pause, &[("reason", "x")]).status, 404);
    assert_eq!(
        house.number("contact_preference") + house.number("pause"),
        0
    );
}

/// Somebody pauses; what waits is held; they end the pause; it leaves.
fn holds_until_resumed(house: &House, person: &Person, begin: &str, extra: &[(&str, &str)]) {
    let sink = SmtpSink::start();
    let mut client = house.signed_in(person);
    let mut asked = vec![("reason", "moved house")];
    asked.extend(extra);
    assert_eq!(post(&mut client, begin, &asked).status, 303, "{begin}");
    assert_eq!(
        post(&mut client, begin, &asked).status,
        422,
        "twice is once too often"
    );
    send(house, &sink);
    assert_eq!(sink.mails().len(), 0, "{begin}");
    assert!(
        why(house).starts_with("sending is paused"),
        "{}",
        why(house)
    );
    let pause = house.ids("pause").pop().expect("a pause");
    let end = match begin.strip_suffix("/pause") {
        Some(patient) if patient.starts_with("/patients") => format!("{patient}/resume"),
        _ => format!("{begin}/{pause}/end"),
    };
    assert_eq!(
        post(&mut client, &end, &[("pause", pause.as_str())]).status,
        303,
        "{begin}"
    );
    assert_eq!((send(house, &sink), sink.mails().len()), (1, 1), "{begin}");
}

#[test]
fn a_pause_of_patient_program_or_site_holds_what_waits_until_it_is_ended() {
    let house = House::at(monday());
    due(&house, "P1");
    let patient = format!("/patients/{}/pause", only_patient(&house));
    holds_until_resumed(&house, &house.people.therapist, &patient, &[]);

    let house = House::at(monday());
    due(&house, "P1");
    let begin = "/admin/sending/pause";
    holds_until_resumed(
        &house,
        &house.people.administrator,
        begin,
        &[("scope", "site")],
    );

    let house = House::at(monday());
    due(&house, "P1");
    let programs = house.ids("program");
    let mut admin = house.signed_in(&house.people.administrator);
    for program in &programs {
        let asked = [("scope", program.as_str()), ("reason", "over the summer")];
        assert_eq!(post(&mut admin, begin, &asked).status, 303);
    }
    let sink = SmtpSink::start();
    send(&house, &sink);
    assert_eq!(
        (sink.mails().len(), why(&house)),
        (0, "sending is paused for the program".into())
    );
    for pause in house.ids("pause") {
        assert_eq!(
            post(&mut admin, &format!("{begin}/{pause}/end"), &[]).status,
            303
        );
    }
    assert_eq!((send(&house, &sink), sink.mails().len()), (1, 1));
}

#[test]
fn while_the_site_is_paused_everybody_reads_so_and_afterwards_nothing_stale_leaves() {
    let (house, sink) = (House::at(monday()), SmtpSink::start());
    due(&house, "P1");
    let mut admin = house.signed_in(&house.people.administrator);
    let asked = [
        ("scope", "site"),
        ("reason", "new relay"),
        ("last_day", "2026-03-05"),
    ];
    assert_eq!(post(&mut admin, "/admin/sending/pause", &asked).status, 303);
    let mut therapist = house.signed_in(&house.people.therapist);
    assert!(
        get(&mut therapist, "/caseload")
            .text()
            .contains("Sending is paused.")
    );
    let page = get(&mut admin, "/admin/sending").text();
    assert!(
        page.contains("to the end of 5 March 2026. new relay"),
        "{page}"
    );
    send(&house, &sink);
    // A minute after its end the form is three days late.
    house.app.clock.set(instant("2026-03-06 16:00:00"));
    assert!(
        !get(&mut therapist, "/caseload")
            .text()
            .contains("Sending is paused.")
    );
    plan_due(&house.app).expect("the database works");
    send(&house, &sink);
    assert_eq!(sink.mails().len(), 0);
    assert_eq!(states(&house), ["withdrawn"]);
    assert_eq!(
        house.texts("SELECT state AS value FROM administration ORDER BY due_at"),
        ["expired"]
    );
    assert_eq!(house.number("task"), 0, "somebody wanted it so");
}

#[test]
fn an_outage_sends_nothing_stale_and_somebody_is_told_once() {
    let (house, sink) = (House::at(monday()), SmtpSink::start());
    due(&house, "P1");
    house.app.clock.set(monday() + TimeDelta::days(3));
    send(&house, &sink);
    assert_eq!(
        (sink.mails().len(), states(&house)),
        (0, vec!["withdrawn".to_owned()])
    );
    assert_eq!(house.texts("SELECT kind AS value FROM task"), ["not_sent"]);
    assert_eq!(
        house.texts("SELECT state || ': ' || ended_why AS value FROM administration"),
        ["expired: its time passed by before it could be sent"]
    );
    house.verified();
}

#[test]
fn the_rules_of_sending_are_kept_in_versions_and_a_name_that_tells_is_refused() {
    let (house, sink) = (House::at(monday()), SmtpSink::start());
    let mut admin = house.signed_in(&house.people.administrator);
    let rules = |sender: &'static str, days: &'static str| {
        [
            ("send_at", "09:00"),
            ("quiet_from", "21:00"),
            ("quiet_until", "08:00"),
            ("never_opened_days", "7"),
            ("begun_hours", "48"),
            ("reminder_days", days),
            ("minutes_per_month", "40"),
            ("sender_name", sender),
        ]
    };
    for (sender, days, words) in [
        ("Harbor Depression Center", "2, 4", "would tell everybody"),
        ("Harbor <x>", "2, 4", "at most 60 characters"),
        ("", "4, 2", "each later than the one before"),
        ("", "often", "numbers with commas"),
    ] {
        let answer = post(&mut admin, "/admin/sending", &rules(sender, days));
        assert_eq!(answer.status, 422, "{sender} {days}");
        assert!(answer.text().contains(words), "{}", answer.text());
    }
    assert_eq!(house.number("policy"), 0);
    let answer = post(&mut admin, "/admin/sending", &rules("Harbor Street", "3"));
    assert_eq!(answer.status, 303);
    let page = get(&mut admin, "/admin/sending").text();
    assert!(
        page.contains("Version 1: 2 March 2026, 10:00 by Ada Hartwell"),
        "{page}"
    );

    due(&house, "P1");
    send(&house, &sink);
    let from = sink.mails()[0].header("from").expect("a sender");
    assert!(
        from.contains("Harbor Street") && from.contains("forms@example.org"),
        "{from}"
    );
    assert_eq!(
        house.texts("SELECT CAST(not_before AS TEXT) AS value FROM outbox WHERE kind = 'reminder'"),
        ["2026-03-05 15:00:00"]
    );
}

#[test]
fn who_wants_messages_again_is_asked_for_what_waits_and_once() {
    let (house, sink) = (House::at(monday()), SmtpSink::start());
    due(&house, "P1");
    let mut therapist = house.signed_in(&house.people.therapist);
    assert_eq!(set(&house, &mut therapist, &[("no_messages", "on")]), 303);
    send(&house, &sink);
    assert_eq!(
        (sink.mails().len(), states(&house)),
        (0, vec!["withdrawn".to_owned()])
    );
    house.app.clock.set(monday() + TimeDelta::minutes(1));
    assert_eq!(set(&house, &mut therapist, &[]), 303);
    send(&house, &sink);
    assert_eq!(sink.mails().len(), 1);
    let link = path_of(&sink.mails()[0].links()[0]).to_owned();
    // What has left stays as it is, whatever is said afterwards.
    assert_eq!(set(&house, &mut therapist, &[("no_messages", "on")]), 303);
    assert_eq!(set(&house, &mut therapist, &[]), 303);
    send(&house, &sink);
    assert_eq!(sink.mails().len(), 1);
    assert_eq!(submit(&mut house.client(), &link, &CALM).status, 303);
    house.verified();
}
