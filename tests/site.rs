//! How an administrator keeps the site's people and places: an account changes, clinics and programs are added and named.

use attune::app::give_form::give_to_all;
use std::ops::ControlFlow;

use crate::house::{House, Person, monday};
use crate::patient::{get, post};
use crate::support::assessment::close;
use crate::support::http::{Client, Response};
use crate::support::page;

/// The account's own form, with these fields otherwise; a list of clinics takes the place of those that are ticked.
fn change(staff: &mut Client, who: &Person, with: &[(&str, &str)]) -> Response {
    let path = format!("/admin/staff/{}", who.id);
    let page = get(staff, &path).text();
    let mut fields = page::form_to(&page, &path)
        .expect("the account's form")
        .untouched();
    for (name, _) in with {
        fields.retain(|(known, _)| known != name);
    }
    let with = with
        .iter()
        .filter(|(name, value)| !(*name == "clinics" && value.is_empty()));
    fields.extend(with.map(|(name, value)| (name.to_string(), value.to_string())));
    staff.post_form(&path, &fields).expect("an answer")
}

fn clinic(house: &House, external_id: &str) -> String {
    let sql = format!(
        "SELECT {} AS value FROM clinic WHERE external_id = '{external_id}'",
        house.hex_of_id()
    );
    house.texts(&sql)[0].clone()
}

#[test]
fn an_account_gets_another_clinic_and_sees_its_patients_from_the_next_click_on() {
    let house = House::at(monday());
    let patient = house.patient("P1");
    let mut admin = house.signed_in(&house.people.administrator);
    let mut elsewhere = house.signed_in(&house.people.elsewhere);
    let record = format!("/patients/{patient}");
    assert_eq!(get(&mut elsewhere, &record).status, 404);
    let (north, south) = (clinic(&house, "north"), clinic(&house, "south"));
    let who = &house.people.elsewhere;
    let both = [
        ("clinics", north.as_str()),
        ("clinics", south.as_str()),
        ("name", "Sou  Two"),
    ];
    let done = change(&mut admin, who, &both);
    assert_eq!(done.status, 303, "{}", done.text());
    assert_eq!(get(&mut elsewhere, &record).status, 200);
    assert_eq!(house.number("staff WHERE name = 'Sou Two'"), 1);
    assert_eq!(change(&mut admin, who, &[("clinics", &south)]).status, 303);
    assert_eq!(get(&mut elsewhere, &record).status, 404);
    house.verified();
}

#[test]
fn a_clinician_leaves_no_clinic_in_which_they_care_for_patients() {
    let house = House::at(monday());
    house.patient("P1");
    let mut admin = house.signed_in(&house.people.administrator);
    let south = clinic(&house, "south");
    let refused = change(&mut admin, &house.people.therapist, &[("clinics", &south)]);
    assert_eq!(refused.status, 422);
    assert!(
        refused
            .text()
            .contains("Give these patients to a colleague first")
    );
    let none = change(&mut admin, &house.people.therapist, &[("clinics", "")]);
    assert!(none.status == 422 && none.text().contains("at least one clinic"));
    let before = house.number("staff_clinic");
    for (name, value, words) in [
        ("name", " ", "Write a name"),
        ("clinics", "x", "Choose clinics from the list"),
        (
            "clinics",
            "00000000000000000000000000000009",
            "There is no such clinic",
        ),
    ] {
        let refused = change(&mut admin, &house.people.therapist, &[(name, value)]);
        assert!(
            refused.status == 422 && refused.text().contains(words),
            "{words}"
        );
    }
    assert_eq!(house.number("staff_clinic"), before);
    house.verified();
}

#[test]
fn whoever_loses_their_licence_has_their_flags_passed_on_and_the_last_one_keeps_it() {
    let house = House::at(monday());
    let link = house.phq9("P1");
    post(
        &mut house.client(),
        &format!("{link}/q/9"),
        &[("answer", "2")],
    );
    let owner =
        || house.texts("SELECT s.email AS value FROM flag f JOIN staff s ON s.id = f.owner_id");
    assert_eq!(owner(), [house.people.therapist.email.as_str()]);
    let mut admin = house.signed_in(&house.people.administrator);
    assert_eq!(
        change(&mut admin, &house.people.therapist, &[("licence", "")]).status,
        303
    );
    assert_ne!(owner(), [house.people.therapist.email.as_str()]);
    let mut theirs = house.signed_in(&house.people.therapist);
    let path = format!("/flags/{}/acknowledge", house.flag());
    assert!(
        post(&mut theirs, &path, &[]).status >= 400,
        "no licence, no act"
    );
    assert_eq!(
        change(&mut admin, &house.people.elsewhere, &[("licence", "")]).status,
        303
    );
    let last = change(&mut admin, &house.people.supervisor, &[("licence", "")]);
    assert!(
        last.status == 422 && last.text().contains("last licensed clinician"),
        "{}",
        last.text()
    );
    house.verified();
    // And whoever gets one may act.
    assert_eq!(
        change(
            &mut admin,
            &house.people.therapist,
            &[("licence", "LCSW 9")]
        )
        .status,
        303
    );
    house.verified();
}

#[test]
fn what_somebody_closed_while_they_had_a_licence_stays_well_closed_when_they_lose_it() {
    let house = House::at(monday());
    let link = house.phq9("P1");
    let answer = [("answer", "2")];
    post(&mut house.client(), &format!("{link}/q/9"), &answer);
    let (flag, mut theirs) = (house.flag(), house.signed_in(&house.people.therapist));
    post(&mut theirs, &format!("/flags/{flag}/acknowledge"), &[]);
    assert_eq!(close(&mut theirs, flag).status, 303);
    house.verified();
    let mut admin = house.signed_in(&house.people.administrator);
    let done = change(&mut admin, &house.people.therapist, &[("licence", "")]);
    assert_eq!(done.status, 303);
    house.verified();
}

#[test]
fn a_disabled_account_and_one_that_is_not_there_cannot_be_changed() {
    let house = House::at(monday());
    let mut admin = house.signed_in(&house.people.administrator);
    let gone = &house.people.unlicensed;
    let path = format!("/admin/staff/{}", gone.id);
    assert_eq!(
        post(&mut admin, &format!("{path}/disable"), &[]).status,
        303
    );
    let page = get(&mut admin, &path).text();
    assert!(page.contains("disabled, for good") && !page.contains("Save the account"));
    assert_eq!(post(&mut admin, &path, &[("name", "Back")]).status, 404);
    let nobody = "/admin/staff/00000000000000000000000000000009";
    assert_eq!(get(&mut admin, nobody).status, 404);
    assert_eq!(house.number("staff WHERE name = 'Back'"), 0);
}

#[test]
fn clinics_and_programs_are_added_and_renamed_and_each_id_is_there_once() {
    let house = House::at(monday());
    let patient = house.patient("P1");
    let mut admin = house.signed_in(&house.people.administrator);
    let set = |admin: &mut Client, fields: &[(&str, &str)]| post(admin, "/admin/places", fields);
    let east = [("kind", "clinic"), ("name", "East  House"), ("id", "east")];
    assert_eq!(set(&mut admin, &east).status, 303);
    let again = set(&mut admin, &east);
    assert!(
        again.status == 422 && again.text().contains("is taken"),
        "{}",
        again.text()
    );
    let group = [("kind", "program"), ("name", "Group"), ("id", "east")];
    assert_eq!(
        set(&mut admin, &group).status,
        303,
        "a program may have a clinic’s id"
    );
    for (fields, words) in [
        (
            [("kind", "clinic"), ("name", " "), ("id", "w")],
            "Write a name",
        ),
        (
            [("kind", "clinic"), ("name", "West"), ("id", "w 1")],
            "without spaces",
        ),
        (
            [("kind", "clinic"), ("name", "West"), ("renamed", "nowhere")],
            "There is none with this id",
        ),
        (
            [("kind", "ward"), ("name", "West"), ("id", "w")],
            "There is none with this id",
        ),
    ] {
        let refused = set(&mut admin, &fields);
        assert!(
            refused.status == 422 && refused.text().contains(words),
            "{words}"
        );
    }
    let typed = set(
        &mut admin,
        &[("kind", "clinic"), ("name", "West"), ("id", "w 1")],
    )
    .text();
    assert!(typed.contains("value=\"w 1\"") && typed.contains("value=\"West\""));
    assert_eq!(house.number("clinic"), 3);
    let renamed = [
        ("kind", "clinic"),
        ("name", "Polar House"),
        ("renamed", "north"),
    ];
    assert_eq!(set(&mut admin, &renamed).status, 303);
    for (name, status) in [(" ", 422), ("Harbor  Care", 303)] {
        let renamed = set(&mut admin, &[("kind", "organisation"), ("name", name)]);
        assert_eq!(renamed.status, status, "{}", renamed.text());
    }
    assert_eq!(
        house.texts("SELECT name AS value FROM organisation"),
        ["Harbor Care"]
    );
    let mut staff = house.signed_in(&house.people.therapist);
    assert!(
        get(&mut staff, &format!("/patients/{patient}"))
            .text()
            .contains("Polar House")
    );
    let places = get(&mut admin, "/admin/places").text();
    for words in ["East House", "Group", "Polar House", "north"] {
        assert!(places.contains(words), "{words}: {places}");
    }
    let list = get(&mut admin, "/admin").text();
    assert!(list.contains("East House") && list.contains("/admin/places"));
    house.verified();
}

#[test]
fn whoever_leaves_has_their_patients_given_to_a_colleague_of_the_clinic_at_once() {
    let house = House::at(monday());
    for patient in ["P1", "P2", "P3"] {
        house.patient(patient);
    }
    house.run_sql(
        "UPDATE episode SET ended_on = '2026-03-02', ending = 'planned' \
         WHERE patient_id = (SELECT id FROM patient WHERE external_id = 'P3')",
    );
    let mut admin = house.signed_in(&house.people.administrator);
    let leaving = house.people.therapist.clone();
    let path = format!("/admin/staff/{}", leaving.id);
    assert_eq!(
        post(&mut admin, &format!("{path}/disable"), &[]).status,
        303
    );
    let page = get(&mut admin, &path).text();
    assert!(page.contains("2 in care") && !page.contains("P1"), "{page}");
    let north = clinic(&house, "north");
    let give = |admin: &mut Client, to: &Person, clinic: &str| {
        let to = to.id.to_string();
        let fields = [("to", to.as_str()), ("clinic", clinic)];
        post(admin, &format!("{path}/care"), &fields)
    };
    for nobody in [&house.people.elsewhere, &house.people.quality, &leaving] {
        let refused = give(&mut admin, nobody, &north);
        assert!(refused.status == 422, "{}", nobody.email);
        assert!(refused.text().contains("works in that clinic"));
    }
    assert_eq!(
        give(&mut admin, &house.people.supervisor, &north).status,
        303
    );
    let owners = house.texts(
        "SELECT p.external_id || ' ' || s.email AS value FROM episode e JOIN staff s ON s.id = e.clinician_id \
         JOIN patient p ON p.id = e.patient_id ORDER BY p.external_id",
    );
    let (new, old) = (&house.people.supervisor.email, &leaving.email);
    assert_eq!(
        owners,
        [
            format!("P1 {new}"),
            format!("P2 {new}"),
            format!("P3 {old}")
        ],
        "what has ended stays as it was"
    );
    assert!(!get(&mut admin, &path).text().contains("in care"));
    house.verified();
}

#[test]
fn links_that_nobody_reads_any_more_are_not_made() {
    let house = House::at(monday());
    house.patient("P1");
    let mut read = 0;
    let done = give_to_all(
        &house.app,
        &house.operator(),
        &["phq9".into()],
        1_000,
        |_| {
            read += 1;
            match read {
                3 => ControlFlow::Break(()),
                _ => ControlFlow::Continue(()),
            }
        },
    );
    assert!(done.is_ok() && read == 3);
    assert_eq!(house.number("link"), 500, "those of one transaction");
}
