//! What rows of patients add, change and are rejected for.

use super::*;
use crate::app::permit_instrument::{NewPermission, permit_instrument, withdraw_permission};
use crate::domain::instrument::{Library, LicenceClass};
use crate::store::schema::staff as staff_table;
use diesel::prelude::*;

#[test]
fn a_file_taken_twice_changes_nothing() {
    let site = Site::new();
    let ids: Vec<String> = (0..450).map(|n| format!("p{n}")).collect();
    let rows: Vec<String> = ids.iter().map(|id| row(id, &[])).collect();
    assert_eq!(counts(&site.take_patients(&rows)), [450, 450, 0, 0, 0]);
    let (before, events) = (site.patient("p7").unwrap(), site.events());
    site.app.clock.set(instant("2026-03-02 12:00"));
    let again = site.take_patients(&rows);
    assert_eq!(counts(&again), [450, 0, 0, 450, 0]);
    assert!(again.created.is_empty());
    assert_eq!(site.patient("p7").unwrap(), before);
    assert_eq!(site.events(), events, "an unchanged row wrote to the audit");
}

#[test]
fn a_patient_comes_with_episode_plan_and_audit() {
    let site = Site::new();
    let report = site.take_patients(&[row(
        "p1",
        &[("name", " José\nMaría  Núñez "), ("language", "es")],
    )]);
    let created: Vec<_> = report
        .created
        .iter()
        .map(|one| (one.place, one.external_id.as_str()))
        .collect();
    assert_eq!(created, [(Place::Program, "trauma")]);
    let patient = site.patient("p1").unwrap();
    assert_eq!(
        (patient.name.as_str(), patient.language.as_str()),
        ("José María Núñez", "es")
    );
    let episode = site.episodes("p1").remove(0);
    assert_eq!(
        (episode.started_on, episode.clinic_id, episode.ended_on),
        (day("2026-01-05"), site.clinic, None)
    );
    let plan = site.plans("p1").remove(0);
    assert_eq!(
        (plan.instruments.as_str(), plan.cadence.as_str()),
        ("phq9 gad7", "every_weeks:2")
    );
    assert_eq!(
        plan.next_due_at,
        Some(instant("2026-03-02 15:00")),
        "nine o'clock in Chicago"
    );
    assert_eq!(site.events(), 2, "one for the program, one for the patient");
}

#[test]
fn a_changed_row_changes_just_what_changed() {
    let site = Site::new();
    site.take_patients(&[row("p1", &[])]);
    let before = site.patient("p1").unwrap();
    let (org, id) = (site.app.org, before.id);
    let refused_at = instant("2026-02-01 10:00");
    let mark = move |tx: &mut Tx| patient::mark_address_refused(tx, org, id, refused_at);
    site.app.store.write_blocking::<(), Fault, _>(mark).unwrap();

    let renamed = row("p1", &[("name", "Ada Other"), ("clinician", "t2@x.org")]);
    assert_eq!(counts(&site.take_patients(&[renamed])), [1, 0, 1, 0, 0]);
    let after = site.patient("p1").unwrap();
    assert_eq!(
        after,
        PatientRow {
            name: "Ada Other".into(),
            email_refused_at: Some(refused_at),
            ..before
        }
    );

    let moved = [
        ("name", "Ada Other"),
        ("clinician", "t2@x.org"),
        ("email", "new@mail.org"),
        ("time_zone", "Asia/Tokyo"),
    ];
    assert_eq!(
        counts(&site.take_patients(&[row("p1", &moved)])),
        [1, 0, 1, 0, 0]
    );
    let after = site.patient("p1").unwrap();
    assert_eq!(
        (after.email.as_deref(), after.email_refused_at),
        (Some("new@mail.org"), None)
    );
    assert_eq!(
        site.plans("p1")[0].next_due_at,
        Some(instant("2026-03-02 00:00")),
        "nine o'clock in Tokyo"
    );
}

#[test]
fn a_plan_follows_the_file_and_stays_when_the_file_says_nothing() {
    let site = Site::new();
    site.take_patients(&[row("p1", &[])]);
    let silent = [("instruments", ""), ("cadence", "")];
    assert_eq!(
        counts(&site.take_patients(&[row("p1", &silent)])),
        [1, 0, 0, 1, 0]
    );
    assert_eq!(
        counts(&site.take_patients(&[row("p1", &[("cadence", "every_weeks:1")])])),
        [1, 0, 1, 0, 0]
    );
    let plans = site.plans("p1");
    assert_eq!(
        (plans.len(), plans[0].cadence.as_str()),
        (1, "every_weeks:1")
    );
}

#[test]
fn a_step_goes_when_the_file_no_longer_asks_its_short_form() {
    let site = Site::new();
    site.take_patients(&[row("p1", &[("instruments", "phq2 gad2")])]);
    let steps = "phq2.total>=3:phq9 gad2.total>=3:gad7";
    site.change_plan("p1", |plan| plan.step = Some(steps.into()));
    site.take_patients(&[row("p1", &[("instruments", "phq9 gad2")])]);
    let step = || site.plans("p1").remove(0).step;
    assert_eq!(step().as_deref(), Some("gad2.total>=3:gad7"));
    site.take_patients(&[row("p1", &[("instruments", "phq9 gad7")])]);
    assert_eq!(step(), None);
}

#[test]
fn an_ending_ends_the_episode_and_an_empty_one_does_not_open_it_again() {
    let site = Site::new();
    site.take_patients(&[row("p1", &[])]);
    let ended = row(
        "p1",
        &[("episode_end", "2026-02-20"), ("ending", "planned")],
    );
    assert_eq!(
        counts(&site.take_patients(std::slice::from_ref(&ended))),
        [1, 0, 1, 0, 0]
    );
    assert_eq!(counts(&site.take_patients(&[ended])), [1, 0, 0, 1, 0]);
    assert_eq!(
        counts(&site.take_patients(&[row("p1", &[])])),
        [1, 0, 0, 1, 0]
    );
    let episode = site.episodes("p1").remove(0);
    assert_eq!(
        (episode.ended_on, episode.ending.as_deref()),
        (Some(day("2026-02-20")), Some("planned"))
    );
    assert_eq!(site.plans("p1")[0].next_due_at, None);
}

#[test]
fn several_rows_of_one_patient_are_several_episodes() {
    let site = Site::new();
    let first = row(
        "p1",
        &[
            ("episode_start", "2025-01-05"),
            ("episode_end", "2025-06-01"),
            ("ending", "transferred"),
        ],
    );
    // Far enough apart to fall into different chunks.
    let between: Vec<String> = (0..300).map(|n| row(&format!("q{n}"), &[])).collect();
    let rows: Vec<String> = std::iter::once(first)
        .chain(between)
        .chain([row("p1", &[]), row("p1", &[])])
        .collect();
    let preview = site.take(What::Patients, file_of(&rows), Mode::DryRun);
    let report = site.take_patients(&rows);
    assert_eq!(counts(&report), [303, 302, 0, 1, 0]);
    assert_eq!(preview, report, "a dry run foretells what happens");
    assert_eq!(site.episodes("p1").len(), 2);
    assert_eq!(counts(&site.take_patients(&rows)), [303, 0, 0, 303, 0]);
}

#[test]
fn each_rejected_row_says_everything_that_is_wrong_with_it() {
    let site = Site::new();
    let known: Vec<_> = Library::embedded()
        .offered()
        .filter(|known| known.licence.class == LicenceClass::A)
        .map(|known| known.id.as_str())
        .collect();
    let no_instrument = format!(
        "there is no instrument \"mmpi\"; known ones: {}",
        known.join(" ")
    );
    let cases: [(&[(&str, &str)], &str); 17] = [
        (
            &[("instruments", "cgi"), ("cadence", "every_weeks:2")],
            "CGI cannot be given to a patient: a clinician answers it, so it is never sent to a patient; use “Record a form” on the patient’s page",
        ),
        (&[("patient_id", "")], "patient_id is empty"),
        (
            &[("patient_id", "a b"), ("name", "")],
            "patient_id must have up to 100 characters and no spaces; name is empty",
        ),
        (
            &[("email", "ada at mail")],
            "email \"ada at mail\" is not an e-mail address",
        ),
        (
            &[("language", "fr")],
            "language is \"fr\"; wanted one of en, es",
        ),
        (
            &[("time_zone", "CST6")],
            "time_zone \"CST6\" is not a time zone; wanted a name like America/Chicago",
        ),
        (
            &[("clinician", "nobody@x.org")],
            "clinician \"nobody@x.org\" has no account here; an administrator must add them first",
        ),
        (
            &[("clinician", "q@x.org")],
            "clinician \"q@x.org\" is not a clinician but has the role quality",
        ),
        (
            &[("clinic_id", "new"), ("clinic", "")],
            "clinic_id \"new\" is new here, so the column clinic must give its name",
        ),
        (
            &[("clinic_id", "south"), ("clinic", "South")],
            "the clinician does not work in this clinic; an administrator must add the clinic to their account first",
        ),
        (
            &[("episode_start", "2026-1-5")],
            "episode_start \"2026-1-5\" is not a day; wanted YYYY-MM-DD",
        ),
        (
            &[("episode_start", "2206-01-05")],
            "episode_start 2206-01-05 is before 1970-01-01 or after 2027-03-02",
        ),
        (
            &[("episode_end", "2026-01-04"), ("ending", "planned")],
            "episode_end 2026-01-04 is before episode_start",
        ),
        (
            &[("episode_end", "2026-02-04")],
            "ending is \"\"; wanted one of planned, unplanned, transferred, died",
        ),
        (
            &[("episode_end", "2026-03-02"), ("ending", "died")],
            "episode_end 2026-03-02 lies ahead; import the ending once the day has come",
        ),
        (&[("instruments", "phq9 mmpi")], &no_instrument),
        (
            &[("cadence", "")],
            "instruments and cadence must both be given, or both be empty",
        ),
    ];
    let rows: Vec<String> = (0..)
        .zip(&cases)
        .map(|(n, (changes, _))| row(&format!("p{n}"), changes))
        .chain(["p99,x".to_owned()])
        .collect();
    let report = site.take_patients(&rows);
    assert_eq!(counts(&report), [18, 0, 0, 0, 18]);
    let expected: Vec<(u64, String)> = (2..)
        .zip(
            cases
                .iter()
                .map(|(_, reason)| *reason)
                .chain(["the row has 2 cells and the header has 16"]),
        )
        .map(|(line, reason)| (line, reason.to_owned()))
        .collect();
    assert_eq!(site.reasons(), expected);
    assert_eq!(
        site.patient("p2"),
        None,
        "a rejected row left something behind"
    );
}

#[test]
fn a_new_clinic_is_kept_so_that_its_people_can_be_added() {
    let site = Site::new();
    let south = row("p1", &[("clinic_id", "south"), ("clinic", "South")]);
    assert_eq!(site.take_patients(std::slice::from_ref(&south)).rejected, 1);
    let org = site.app.org;
    let join = move |tx: &mut Tx| {
        let clinics = organisation::clinics(tx, org)?;
        let south = clinics
            .iter()
            .find(|clinic| clinic.external_id == "south")
            .unwrap()
            .id;
        let person = staff::by_email(tx, "t1@x.org")?.unwrap().id;
        staff::add_to_clinic(tx, org, person, south)
    };
    site.app.store.write_blocking::<(), Fault, _>(join).unwrap();
    assert_eq!(counts(&site.take_patients(&[south])), [1, 1, 0, 0, 0]);
    assert!(
        !site.rejects().exists(),
        "an old file of rejected rows was left"
    );
}

#[test]
fn an_open_episode_never_goes_to_a_disabled_account() {
    let site = Site::new();
    site.take_patients(&[row("p1", &[])]);
    let org = site.app.org;
    let disable = move |tx: &mut Tx| {
        let person = staff::by_email(tx, "t1@x.org")?.unwrap().id;
        staff::set_state(tx, org, person, StaffState::Disabled)
    };
    site.app
        .store
        .write_blocking::<(), Fault, _>(disable)
        .unwrap();
    let past = row(
        "p3",
        &[("episode_end", "2026-02-20"), ("ending", "planned")],
    );
    let report = site.take_patients(&[row("p1", &[]), row("p2", &[]), past]);
    assert_eq!(counts(&report), [3, 1, 0, 1, 1]);
    assert_eq!(
        site.reasons(),
        [(
            3,
            "the clinician's account is disabled; name somebody who works here".to_owned()
        )]
    );
}

#[test]
fn what_is_known_stays_known_when_its_clinician_treats_nobody_any_more() {
    let site = Site::new();
    site.take_patients(&[row("p1", &[])]);
    let change_role = |tx: &mut Tx| {
        diesel::update(staff_table::table.filter(staff_table::email.eq("t1@x.org")))
            .set(staff_table::role.eq("quality"))
            .execute(&mut tx.db)?;
        Ok(())
    };
    let store = &site.app.store;
    store.write_blocking::<(), Fault, _>(change_role).unwrap();
    let report = site.take_patients(&[row("p1", &[]), row("p2", &[])]);
    assert_eq!(counts(&report), [2, 0, 0, 1, 1]);
    let reason = "clinician \"t1@x.org\" is not a clinician but has the role quality";
    assert_eq!(site.reasons(), [(3, reason.to_owned())]);
}

#[test]
fn a_form_with_risk_rules_is_not_planned_where_nobody_reads_it() {
    let site = Site::new();
    let org = site.app.org;
    let disable = move |tx: &mut Tx| {
        for email in ["t1@x.org", "t2@x.org"] {
            let person = staff::by_email(tx, email)?.unwrap().id;
            staff::set_state(tx, org, person, StaffState::Invited)?;
        }
        Ok(())
    };
    site.app
        .store
        .write_blocking::<(), Fault, _>(disable)
        .unwrap();
    let report = site.take_patients(&[row("p1", &[]), row("p2", &[("instruments", "gad7")])]);
    assert_eq!(counts(&report), [2, 1, 0, 0, 1]);
    assert!(site.reasons()[0].1.contains("nobody here is licensed"));
}

#[test]
fn a_sex_is_kept_until_a_file_says_another() {
    let site = Site::new();
    site.take_patients(&[row("p1", &[("sex", "female")])]);
    let sex = || site.patient("p1").unwrap().sex;
    assert_eq!(sex().as_deref(), Some("female"));
    site.take_patients(&[row("p1", &[("sex", "")])]);
    assert_eq!(sex().as_deref(), Some("female"));
    site.take_patients(&[row("p1", &[("sex", "male")])]);
    assert_eq!(sex().as_deref(), Some("male"));
    site.take_patients(&[row("p1", &[("sex", "yes")])]);
    assert_eq!(sex().as_deref(), Some("male"));
}

#[test]
fn a_new_plan_needs_its_permission_and_a_known_one_does_not_hold_up_a_row() {
    let site = Site::new();
    let plan: &[(&str, &str)] = &[("instruments", "phq9 who5")];
    let report = site.take_patients(&[row("p1", plan)]);
    assert_eq!(counts(&report), [1, 0, 0, 0, 1]);
    let (_, why) = site.reasons().remove(0);
    assert!(
        why.contains("WHO-5") && why.contains("World Health Organization"),
        "{why}"
    );
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .unwrap();
    let permission = NewPermission {
        instrument: "who5".into(),
        reference: "Letter 12".into(),
        holder: "WHO".into(),
        granted_on: None,
        expires_on: None,
    };
    runtime
        .block_on(permit_instrument(&site.app, site.operator(), permission))
        .unwrap();
    assert_eq!(
        counts(&site.take_patients(&[row("p1", plan)])),
        [1, 1, 0, 0, 0]
    );
    runtime
        .block_on(withdraw_permission(
            &site.app,
            site.operator(),
            "who5".into(),
        ))
        .unwrap();
    assert_eq!(
        counts(&site.take_patients(&[row("p1", plan)])),
        [1, 0, 0, 1, 0]
    );
}
