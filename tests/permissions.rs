//! An instrument whose owner asks for a permission is used only while one is on record: wherever a form is given or planned, and when it falls due.

use attune::app::enrol::{EpisodeDetails, PatientDetails, add_patient};
use attune::app::permit_instrument::{
    NewPermission, Refusal, permit_instrument, withdraw_permission,
};
use attune::app::plan_due::plan_due;
use attune::app::set_plan::PlanDetails;
use attune::app::{Failure, give_form};
use attune::domain::access::Actor;
use attune::domain::schedule::Cadence;
use chrono::TimeDelta;
use std::ops::ControlFlow;

use crate::house::{House, monday, wait_for};
use crate::mail::send;
use crate::operator::{Office, complaint};
use crate::patient::{get, post};
use crate::support::http::{Client, path_of};
use crate::support::smtp::SmtpSink;

/// One of class B: its wording ships, on its owner's terms.
const ASKS: &str = "who5";
/// One of class C: its wording is the clinic's to bring.
const PROTECTED: &str = "isi";

fn permission(id: &str) -> NewPermission {
    NewPermission {
        instrument: id.into(),
        reference: "Letter 12 of 3 March".into(),
        holder: "WHO, to Harbor Care".into(),
        granted_on: None,
        expires_on: None,
    }
}

fn permit(house: &House, new: NewPermission) {
    let administrator = house.people.administrator.actor.clone();
    wait_for(permit_instrument(&house.app, administrator, new)).expect("it is recorded");
}

fn withdraw(house: &House, id: &str) {
    let administrator = house.people.administrator.actor.clone();
    wait_for(withdraw_permission(&house.app, administrator, id.into())).expect("it is withdrawn");
}

fn weekly(id: &str) -> PlanDetails {
    PlanDetails {
        instruments: vec!["phq9".into(), id.into()],
        cadence: Cadence::EveryWeeks { weeks: 1 },
    }
}

/// What giving this form is refused with; empty when it is given.
fn giving(house: &House, id: &str) -> String {
    let patient = house.ids("patient")[0].parse().expect("an id");
    let wanted = vec!["phq9".to_owned(), id.to_owned()];
    match wait_for(give_form::give_form(
        &house.app,
        house.operator(),
        (patient, None),
        wanted,
    )) {
        Ok(_) => String::new(),
        Err(failure) => failure.to_string(),
    }
}

fn planning(house: &House, patient: &str, id: &str) -> String {
    let Actor::Staff(therapist) = &house.people.therapist.actor else {
        panic!("a therapist is staff");
    };
    let who = PatientDetails {
        external_id: patient.into(),
        name: "Somebody".into(),
        email: None,
        language: "en".into(),
        time_zone: chrono_tz::America::Chicago,
        sex: None,
    };
    let care = EpisodeDetails {
        clinic: therapist.clinics[0],
        program: house.ids("program")[0].parse().expect("an id"),
        clinician: house.people.therapist.id,
        started_on: house.app.clock.now().date(),
    };
    let plans = vec![weekly(id)];
    match wait_for(add_patient(&house.app, house.operator(), who, care, plans)) {
        Ok(_) => String::new(),
        Err(failure) => failure.to_string(),
    }
}

fn giving_to_all(house: &House, id: &str) -> String {
    let wanted = [id.to_owned()];
    match give_form::give_to_all(&house.app, &house.operator(), &wanted, 1, |_| {
        ControlFlow::Continue(())
    }) {
        Ok(()) => String::new(),
        Err(failure) => failure.to_string(),
    }
}

#[test]
fn without_a_permission_a_form_is_neither_given_nor_planned_and_with_one_it_is() {
    let house = House::at(monday());
    house.patient("P1");
    for said in [
        giving(&house, ASKS),
        planning(&house, "P2", ASKS),
        giving_to_all(&house, ASKS),
    ] {
        for wanted in [
            "WHO-5",
            "World Health Organization",
            "no permission is on record",
            "administrator",
        ] {
            assert!(said.contains(wanted), "{wanted}: {said}");
        }
    }
    assert_eq!(house.number("administration"), 0);
    assert_eq!(house.number("patient"), 1, "nobody is taken in half");
    permit(&house, permission(ASKS));
    assert_eq!(giving(&house, ASKS), "");
    assert_eq!(planning(&house, "P2", ASKS), "");
    assert_eq!(giving_to_all(&house, ASKS), "");
    withdraw(&house, ASKS);
    assert!(giving(&house, ASKS).contains("withdrawn on 2026-03-02"));
    house.verified();
}

#[test]
fn a_permission_that_has_ended_is_none() {
    let house = House::at(monday());
    house.patient("P1");
    let until = Some(monday().date() + TimeDelta::days(1));
    permit(
        &house,
        NewPermission {
            expires_on: until,
            ..permission(ASKS)
        },
    );
    assert_eq!(giving(&house, ASKS), "");
    house.app.clock.set(monday() + TimeDelta::days(2));
    assert!(giving(&house, ASKS).contains("ended with 2026-03-03"));
}

#[test]
fn protected_wording_is_missing_whatever_is_on_record() {
    let house = House::at(monday());
    house.patient("P1");
    permit(&house, permission(PROTECTED));
    let said = giving(&house, PROTECTED);
    assert!(
        said.contains("Bring your licensed copy") && said.contains("Morin"),
        "{said}"
    );
}

#[test]
fn a_plan_whose_permission_is_gone_sends_nothing_and_a_person_is_told_once() {
    let (house, sink) = (House::at(monday()), SmtpSink::start());
    permit(&house, permission(ASKS));
    house.enrol("P1", vec![weekly(ASKS)]);
    withdraw(&house, ASKS);
    for week in 1..=2 {
        assert_eq!(plan_due(&house.app).expect("the database works"), 1);
        assert_eq!(
            plan_due(&house.app).expect("the database works"),
            0,
            "the plan has gone on to its next date"
        );
        send(&house, &sink);
        assert_eq!((sink.mails().len(), house.number("outbox")), (0, 0));
        assert_eq!(
            house.number("occasion WHERE outcome = 'skipped' AND why LIKE '%World Health%'"),
            week
        );
        assert_eq!(house.number("task"), 1, "once, not every week");
        house.app.clock.set(monday() + TimeDelta::weeks(1));
    }
    let task = &house.texts("SELECT kind || ': ' || detail AS value FROM task")[0];
    assert!(
        task.starts_with("no_permission: WHO-5") && task.contains("World Health Organization"),
        "{task}"
    );
    let page = get(&mut house.signed_in(&house.people.therapist), "/tasks").text();
    assert!(page.contains("may not be used here"), "{page}");
    permit(&house, permission(ASKS));
    house.app.clock.set(monday() + TimeDelta::weeks(2));
    assert_eq!(plan_due(&house.app).expect("the database works"), 1);
    send(&house, &sink);
    assert_eq!(sink.mails().len(), 1, "with a permission it goes on");
    house.verified();
}

#[test]
fn a_plan_whose_wording_went_away_goes_on_and_a_person_is_told() {
    let house = House::at(monday());
    house.enrol("P1", vec![weekly("gad7")]);
    house.run_sql(&format!("UPDATE plan SET instruments = 'phq9 {PROTECTED}'"));
    assert_eq!(plan_due(&house.app).expect("the database works"), 1);
    assert_eq!(
        plan_due(&house.app).expect("the database works"),
        0,
        "it does not stay due"
    );
    let task = &house.texts("SELECT kind || ': ' || detail AS value FROM task")[0];
    assert!(
        task.starts_with("no_permission: ISI") && task.contains("Morin"),
        "{task}"
    );
    house.verified();
}

#[test]
fn a_permission_that_is_withdrawn_before_the_mail_leaves_holds_the_mail_back() {
    let (house, sink) = (House::at(monday()), SmtpSink::start());
    permit(&house, permission(ASKS));
    house.enrol("P1", vec![weekly(ASKS)]);
    assert_eq!(plan_due(&house.app).expect("the database works"), 1);
    withdraw(&house, ASKS);
    send(&house, &sink);
    assert_eq!(sink.mails().len(), 0);
    assert_eq!(
        house.texts("SELECT state AS value FROM outbox"),
        ["withdrawn"]
    );
    assert_eq!(
        house.texts("SELECT state AS value FROM administration"),
        ["cancelled"]
    );
    assert_eq!(
        house.texts("SELECT kind AS value FROM task"),
        ["no_permission"]
    );
    house.verified();
}

#[test]
fn only_an_administrator_records_and_every_act_is_audited() {
    let house = House::at(monday());
    for person in [&house.people.therapist, &house.people.quality] {
        let tried = wait_for(permit_instrument(
            &house.app,
            person.actor.clone(),
            permission(ASKS),
        ));
        assert!(matches!(tried, Err(Failure::Denied(_))), "{tried:?}");
        let tried = wait_for(withdraw_permission(
            &house.app,
            person.actor.clone(),
            ASKS.into(),
        ));
        assert!(matches!(tried, Err(Failure::Denied(_))), "{tried:?}");
    }
    assert_eq!(house.number("instrument_permission"), 0);
    permit(&house, permission(ASKS));
    withdraw(&house, ASKS);
    for act in ["permit_instrument", "withdraw_permission"] {
        let found = format!("audit_event WHERE act = '{act}' AND actor_id IS NOT NULL");
        assert_eq!(house.number(&found), 1, "{act}");
    }
    let administrator = || house.people.administrator.actor.clone();
    let refused = |new| {
        let tried = wait_for(permit_instrument(&house.app, administrator(), new));
        match tried {
            Err(Failure::Refused(refusal)) => refusal,
            other => panic!("{other:?}"),
        }
    };
    assert!(matches!(refused(permission("phq9")), Refusal::NotNeeded(_)));
    assert!(matches!(
        refused(permission("mmpi")),
        Refusal::NoInstrument(_)
    ));
    let nameless = NewPermission {
        reference: " ".into(),
        ..permission(ASKS)
    };
    assert!(matches!(refused(nameless), Refusal::Reference));
    let backwards = NewPermission {
        expires_on: Some(monday().date() - TimeDelta::days(1)),
        ..permission(ASKS)
    };
    assert!(matches!(refused(backwards), Refusal::EndsBefore));
    let again = wait_for(withdraw_permission(
        &house.app,
        administrator(),
        ASKS.into(),
    ));
    assert!(matches!(
        again,
        Err(Failure::Refused(Refusal::NothingToWithdraw(_)))
    ));
    house.verified();
}

fn page_of(client: &mut Client, id: &str) -> String {
    let answer = get(client, &format!("/instruments/{id}"));
    assert_eq!(answer.status, 200, "{id}");
    answer.text()
}

#[test]
fn an_administrator_records_and_withdraws_on_the_instruments_page() {
    let house = House::at(monday());
    let mut client = house.signed_in(&house.people.administrator);
    assert!(page_of(&mut client, ASKS).contains("May not be used here"));
    let address = format!("/instruments/{ASKS}/permission");
    let wrong = post(
        &mut client,
        &address,
        &[("reference", ""), ("holder", "WHO")],
    );
    assert_eq!(wrong.status, 422);
    assert!(wrong.text().contains("Write what the permission is"));
    assert!(
        wrong.text().contains("value=\"WHO\""),
        "what was typed stays"
    );
    let fields = [
        ("reference", "Terms of 2026"),
        ("holder", "WHO"),
        ("granted_on", "2026-03-01"),
        ("expires_on", ""),
    ];
    assert_eq!(post(&mut client, &address, &fields).status, 303);
    let page = page_of(&mut client, ASKS);
    assert!(
        page.contains("May be used here:") && page.contains("Terms of 2026"),
        "{page}"
    );
    assert!(page.contains("2 Mar 2026 by Ada Hartwell"), "{page}");
    let list = get(&mut client, "/instruments").text();
    assert!(list.contains("yes, permission on record"), "{list}");
    let withdrawn = post(&mut client, &format!("/instruments/{ASKS}/withdraw"), &[]);
    assert_eq!(withdrawn.status, 303);
    assert!(page_of(&mut client, ASKS).contains("withdrawn on 2026-03-02"));
    assert_eq!(
        post(&mut client, "/instruments/mmpi/permission", &fields).status,
        404
    );
    assert_eq!(
        post(&mut client, "/instruments/phq9/permission", &fields).status,
        422
    );
}

#[test]
fn every_instruments_page_is_whole_small_and_open_to_every_role() {
    let house = House::open();
    let people = &house.people;
    let mut clients: Vec<Client> = [
        &people.therapist,
        &people.quality,
        &people.supervisor,
        &people.administrator,
    ]
    .map(|person| house.signed_in(person))
    .into();
    for (number, known) in house.app.library.latest().enumerate() {
        let place = number % clients.len();
        let page = page_of(&mut clients[place], &known.id);
        assert!(page.len() < 60_000, "{}: {} bytes", known.id, page.len());
        assert!(page.contains(&known.fingerprint), "{}", known.id);
        let worded = known.has_text("en");
        assert_eq!(
            !worded,
            page.contains("Bring your licensed copy: the wording"),
            "{}",
            known.id
        );
    }
    let pcl5 = page_of(&mut clients[0], "pcl5");
    for points in [
        "10 points or more",
        "12 points",
        "15 points",
        "18 points",
        "(5 as reliable)",
    ] {
        assert!(pcl5.contains(points), "{points}");
    }
    let form = "/instruments/who5/permission";
    for (client, may) in clients.iter_mut().zip([false, false, false, true]) {
        assert_eq!(page_of(client, ASKS).contains(form), may);
        let status = post(client, form, &[]).status;
        assert_eq!(status, if may { 422 } else { 403 });
    }
    let list = get(&mut clients[1], "/instruments");
    assert!(list.text().len() < 60_000, "{}", list.text().len());
    assert_eq!(
        get(&mut house.client(), "/instruments").location(),
        Some("/sign-in")
    );
}

#[test]
fn forms_offer_only_what_may_be_used() {
    let house = House::at(monday());
    let patient = house.patient("P1");
    let mut client = house.signed_in(&house.people.therapist);
    for expected in [false, true] {
        for path in ["/patients/new".to_owned(), format!("/patients/{patient}")] {
            let page = get(&mut client, &path).text();
            assert_eq!(page.contains("value=\"who5\""), expected, "{path}");
            assert!(!page.contains("value=\"isi\""), "{path}");
        }
        if !expected {
            permit(&house, permission(ASKS));
        }
    }
    withdraw(&house, ASKS);
    let given = post(
        &mut client,
        &format!("/patients/{patient}/form"),
        &[("instrument", ASKS)],
    );
    assert_eq!(given.status, 422);
    assert!(
        given.text().contains("World Health Organization"),
        "{}",
        given.text()
    );
}

#[test]
fn the_command_line_records_through_the_running_service() {
    let office = Office::open();
    let site = &office.site;
    let link = ["link", "new", "--patient", "P1", "--instruments", ASKS];
    let refused = site.run(&link);
    assert_eq!(refused.status.code(), Some(1));
    assert!(
        complaint(&refused).contains("no permission is on record"),
        "{}",
        complaint(&refused)
    );
    site.must_run(&[
        "instrument",
        "permit",
        ASKS,
        "--reference",
        "Terms of 2026",
        "--holder",
        "WHO",
        "--granted-on",
        "2026-01-01",
    ]);
    assert!(path_of(site.must_run(&link).trim()).starts_with("/s/"));
    site.must_run(&["instrument", "withdraw", ASKS]);
    assert!(complaint(&site.run(&link)).contains("was withdrawn"));
    let scored = site.run_with_input(
        &["score", ASKS],
        "{\"answers\":{\"1\":5,\"2\":5,\"3\":5,\"4\":5,\"5\":5}}\n",
    );
    assert!(
        scored.status.success(),
        "whoever scores has a licence of their own"
    );
}
