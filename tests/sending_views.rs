//! What staff see of sending: the log of attempts, who has not answered, and numbers with their denominators.

use attune::app::expire_due::expire_due;
use attune::app::plan_due::plan_due;
use attune::app::set_plan::PlanDetails;
use attune::domain::schedule::Cadence;
use chrono::TimeDelta;

use crate::house::{House, PATIENT_NAME, monday};
use crate::patient::{get, post, start, submit};
use crate::support::page::plain_text;

/// A house in which so many patients were asked by plan a moment ago.
fn asked(patients: usize) -> House {
    let house = House::at(monday());
    for n in 0..patients {
        let plan = PlanDetails {
            instruments: vec!["phq9".into()],
            cadence: Cadence::EveryWeeks { weeks: 1 },
        };
        house.enrol(&format!("P{n}"), vec![plan]);
    }
    next_week(&house);
    house
}

fn next_week(house: &House) {
    let now = house.app.clock.now();
    house.app.clock.set(now + TimeDelta::days(7));
    while expire_due(&house.app).expect("the database works") > 0 {}
    while plan_due(&house.app).expect("the database works") > 0 {}
}

/// One attempt for every message, behind the program's back: sending itself is tested elsewhere.
fn attempted(house: &House, outcome: &str, detail: &str, minutes: i64) {
    let at = house.app.clock.now() + TimeDelta::minutes(minutes);
    let id = match minutes {
        0 => "a.id",
        _ => "o.id",
    };
    house.run_sql(&format!(
        "INSERT INTO send_attempt (org_id, id, outbox_id, at, outcome, detail)
         SELECT o.org_id, {id}, o.id, '{at}', '{outcome}', '{detail}'
         FROM outbox o JOIN administration a ON a.org_id = o.org_id AND a.id = o.subject_id"
    ));
}

fn page(house: &House, person: &crate::house::Person, path: &str) -> String {
    let answer = get(&mut house.signed_in(person), path);
    assert_eq!(answer.status, 200, "{path}: {}", answer.text());
    answer.text()
}

#[test]
fn every_attempt_is_told_with_its_state_and_why() {
    let house = asked(1);
    attempted(&house, "deferred", "450 try again later", 0);
    attempted(&house, "accepted", "", 5);
    house.run_sql("UPDATE administration SET state = 'sent'");
    let log = plain_text(&page(&house, &house.people.therapist, "/sending"));
    assert!(
        log.contains("queued, tried again") && log.contains("450 try again later"),
        "{log}"
    );
    assert!(
        log.contains("accepted by relay") && log.contains(PATIENT_NAME),
        "{log}"
    );
    assert!(
        log.contains("invitation") && !log.contains("delivered"),
        "{log}"
    );
    let refused = plain_text(&page(
        &house,
        &house.people.therapist,
        "/sending?state=refused",
    ));
    assert!(
        refused.contains("Nothing matches") && !refused.contains(PATIENT_NAME),
        "{refused}"
    );
    let held = plain_text(&page(
        &house,
        &house.people.therapist,
        "/sending?state=queued",
    ));
    assert!(
        held.contains(PATIENT_NAME) && !held.contains("450 try again later accepted"),
        "{held}"
    );
    // Once the form is answered, the attempt that asked for it says so.
    house.run_sql("UPDATE administration SET state = 'completed'");
    let log = plain_text(&page(
        &house,
        &house.people.therapist,
        "/sending?state=answered",
    ));
    assert!(
        log.contains(PATIENT_NAME) && log.contains("answered"),
        "{log}"
    );
    let none = plain_text(&page(
        &house,
        &house.people.therapist,
        "/sending?state=accepted",
    ));
    assert!(!none.contains(PATIENT_NAME), "{none}");
}

#[test]
fn the_log_ends_at_the_clinics_of_whoever_reads_it() {
    let house = asked(1);
    attempted(&house, "refused", "550 no such user", 0);
    for path in ["/sending", "/sending/unanswered"] {
        let log = page(&house, &house.people.elsewhere, path);
        assert!(!log.contains(PATIENT_NAME), "{path}");
    }
    let quality = get(&mut house.signed_in(&house.people.quality), "/sending");
    assert_eq!(quality.status, 403);
}

#[test]
fn the_log_is_read_page_by_page_without_a_gap_or_a_doublet() {
    let house = asked(35);
    attempted(&house, "accepted", "", 0);
    let mut client = house.signed_in(&house.people.therapist);
    let first = get(&mut client, "/sending").text();
    let rows = |page: &str| page.matches("<th scope=\"row\">").count();
    assert_eq!(rows(&first), 30);
    let (_, rest) = first
        .split_once("href=\"/sending?before=")
        .expect("more follows");
    let on = rest.split('"').next().expect("an address ends");
    let second = get(&mut client, &format!("/sending?before={on}")).text();
    assert_eq!(rows(&second), 5, "{second}");
    assert!(!second.contains("Older attempts"));
    let patients = |page: &str| -> Vec<String> {
        page.split("/patients/")
            .skip(1)
            .map(|at| at[..32].to_owned())
            .collect()
    };
    let mut seen = [patients(&first), patients(&second)].concat();
    seen.retain(|id| !id.starts_with("new"));
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), 35);
}

#[test]
fn days_and_clinics_narrow_the_log() {
    let house = asked(1);
    attempted(&house, "accepted", "", 0);
    let shown = |query: &str| {
        page(
            &house,
            &house.people.supervisor,
            &format!("/sending?{query}"),
        )
        .contains(PATIENT_NAME)
    };
    assert!(shown("from=2026-03-09&to=2026-03-09"));
    assert!(!shown("from=2026-03-10"));
    assert!(!shown("to=2026-03-08"));
    assert!(
        shown("from=soon&to=&state=nonsense&before=x"),
        "nonsense is passed over"
    );
    let clinics = house.ids("clinic");
    let with = clinics
        .iter()
        .filter(|id| shown(&format!("clinic={id}")))
        .count();
    assert_eq!(with, 1);
}

#[test]
fn who_has_not_answered_is_told_with_what_was_done_about_it() {
    let house = asked(1);
    house.run_sql("UPDATE administration SET state = 'sent'");
    house.run_sql("UPDATE outbox SET kind = 'reminder', number = 1, state = 'accepted'");
    let waiting = plain_text(&page(
        &house,
        &house.people.therapist,
        "/sending/unanswered",
    ));
    assert!(
        waiting.contains("PHQ-9") && waiting.contains("not opened yet"),
        "{waiting}"
    );
    assert!(
        waiting.contains("7 days") || waiting.contains("6 days"),
        "{waiting}"
    );
    house.run_sql("UPDATE administration SET state = 'opened'");
    let begun = plain_text(&page(
        &house,
        &house.people.therapist,
        "/sending/unanswered",
    ));
    assert!(begun.contains("begun"), "{begun}");
    // Three weeks later nobody has answered: begun and left, then never seen.
    for _ in 0..2 {
        next_week(&house);
        house.run_sql("UPDATE administration SET state = 'sent' WHERE state = 'planned'");
    }
    let states = house.texts("SELECT state AS value FROM administration ORDER BY due_at");
    assert_eq!(states, ["abandoned", "not_seen", "sent"]);
    let ended = plain_text(&page(
        &house,
        &house.people.therapist,
        "/sending/unanswered",
    ));
    assert!(
        ended.contains("abandoned: begun and not handed in") && ended.contains("not seen"),
        "{ended}"
    );
    assert!(ended.contains("2 in a row"), "{ended}");
}

#[test]
fn numbers_stand_beside_their_denominators() {
    let house = asked(2);
    house.run_sql("UPDATE administration SET state = 'sent'");
    let by_hand = house.link(house.patient("P9"), &["phq9"]);
    let mut patient = house.client();
    start(&mut patient, &by_hand, "list");
    submit(&mut patient, &by_hand, &["0"; 10]);
    house
        .app
        .clock
        .set(house.app.clock.now() + TimeDelta::minutes(1));
    let numbers = plain_text(&page(&house, &house.people.therapist, "/sending/numbers"));
    assert!(
        numbers.contains("33 % 1 of 3"),
        "answered, of those that fell due: {numbers}"
    );
    assert!(numbers.contains("100 % 3 of 3"), "reachable: {numbers}");
    assert!(
        numbers.contains("67 % 2 of 3"),
        "with a planned form: {numbers}"
    );
    let csv = page(&house, &house.people.therapist, "/sending/numbers.csv");
    assert!(
        csv.contains("forms_answered,all clinics,,,1,3,0.3333\r\n"),
        "{csv}"
    );
    assert!(
        csv.contains("patients_reachable,,en,mail,3,3,1.0000\r\n"),
        "{csv}"
    );
    assert!(
        csv.contains("patients_answered,,all languages,all channels,1,3,0.3333\r\n"),
        "{csv}"
    );
}

#[test]
fn what_staff_typed_in_and_what_others_answered_are_no_forms_that_patients_were_asked() {
    let house = asked(4);
    house.run_sql(
        "UPDATE administration SET state = 'completed', ended_at = due_at, opened_at = due_at",
    );
    let of_all = |file: &str| {
        let line = file
            .lines()
            .find(|line| line.starts_with("forms_answered,all clinics"));
        line.map(str::to_owned)
    };
    let csv = || page(&house, &house.people.therapist, "/sending/numbers.csv");
    house
        .app
        .clock
        .set(house.app.clock.now() + TimeDelta::minutes(1));
    assert_eq!(
        of_all(&csv()).as_deref(),
        Some("forms_answered,all clinics,,,4,4,1.0000")
    );
    let one = "WHERE id = (SELECT id FROM administration ORDER BY id LIMIT 1)";
    house.run_sql(&format!(
        "UPDATE administration SET informant_id = id {one}"
    ));
    let other = "WHERE id = (SELECT id FROM administration ORDER BY id DESC LIMIT 1)";
    house.run_sql(&format!(
        "UPDATE administration SET occasion = 'entered x' {other}"
    ));
    assert_eq!(
        of_all(&csv()).as_deref(),
        Some("forms_answered,all clinics,,,2,2,1.0000")
    );
}

#[test]
fn whoever_sees_no_names_sees_no_small_numbers() {
    let house = asked(3);
    house.run_sql("UPDATE administration SET state = 'sent'");
    for path in ["/sending/coverage", "/sending/coverage.csv"] {
        let seen = page(&house, &house.people.quality, path);
        assert!(
            !seen.contains(PATIENT_NAME) && !seen.contains("3 of 3"),
            "{seen}"
        );
        assert!(
            seen.contains("hidden") || seen.contains("suppressed"),
            "{seen}"
        );
    }
    let csv = page(&house, &house.people.quality, "/sending/coverage.csv");
    assert!(
        csv.contains("patients_reachable,,en,mail,suppressed,suppressed,suppressed"),
        "{csv}"
    );
    let numbers = get(
        &mut house.signed_in(&house.people.quality),
        "/sending/numbers",
    );
    assert_eq!(numbers.status, 403);
    let therapist = get(
        &mut house.signed_in(&house.people.therapist),
        "/sending/coverage",
    );
    assert_eq!(therapist.status, 403);
    let evaluation = page(&house, &house.people.quality, "/evaluation");
    assert!(evaluation.contains("href=\"/sending/coverage\""));
}

#[test]
fn a_patients_page_tells_each_attempt_and_why_a_form_ended() {
    let house = asked(1);
    attempted(&house, "held", "quiet hours until 08:00", 0);
    attempted(&house, "deferred", "450 busy", 3);
    house.run_sql(
        "UPDATE outbox SET state = 'withdrawn', last_error = 'the patient stopped reminders'",
    );
    house.run_sql("UPDATE administration SET state = 'declined', ended_why = 'said on the phone', ended_at = due_at");
    let id = &house.ids("patient")[0];
    let folded = page(&house, &house.people.therapist, &format!("/patients/{id}"));
    let (before, _) = folded
        .split_once(" occasions with their mails")
        .expect("the history is folded");
    let (_, address) = before.rsplit_once("href=\"").expect("a link opens it");
    let address = address.split(['"', '#']).next().expect("an address ends");
    let record = plain_text(&page(
        &house,
        &house.people.therapist,
        &address.replace("&#38;", "&").replace("&amp;", "&"),
    ));
    assert!(record.contains("held, quiet hours until 08:00"), "{record}");
    assert!(
        record.contains("not taken, tried again, 450 busy"),
        "{record}"
    );
    assert!(
        record.contains("declined") && record.contains("said on the phone"),
        "{record}"
    );
    let answer = post(
        &mut house.signed_in(&house.people.therapist),
        "/sending",
        &[],
    );
    assert_eq!(answer.status, 404, "looking changes nothing");
}

#[test]
fn the_evaluation_splits_what_was_not_answered() {
    let house = asked(12);
    let ids = house.ids("administration");
    for (n, state) in ["declined", "not_seen", "abandoned", "expired"]
        .iter()
        .enumerate()
    {
        let id = match house.app.store.place() {
            attune::store::Place::Sqlite(_) => "lower(hex(id))",
            attune::store::Place::Postgres(_) => "encode(id, 'hex')",
        };
        house.run_sql(&format!(
            "UPDATE administration SET state = '{state}', ended_at = due_at WHERE {id} = '{}'",
            ids[n]
        ));
    }
    let form = page(&house, &house.people.supervisor, "/evaluation");
    let (before, _) = form
        .split_once(">PHQ-9, ")
        .expect("the measure is on offer");
    let (_, code) = before.rsplit_once("value=\"").expect("with its code");
    let code = code.split('"').next().expect("which ends");
    let seen = plain_text(&page(
        &house,
        &house.people.supervisor,
        &format!("/evaluation?from=2026-01-01&to=2026-03-31&scale={code}"),
    ));
    let (_, forms) = seen.split_once("Not answered").expect("the table of forms");
    assert!(
        forms.contains("Abandoned Expired") && forms.contains("North House 12 0 hidden hidden"),
        "twelve fell due, nobody answered, small numbers stay hidden: {seen}"
    );
}
