//! A patient's sessions on a page: what is asked before them goes with them.

use attune::domain::ids::PatientId;
use chrono::TimeDelta;

use crate::house::{House, monday};
use crate::patient::{get, post};
use crate::plans::{at, details};
use crate::support::http::{Client, Response};
use crate::support::page;

fn opened() -> (House, PatientId, Client) {
    let house = House::at(monday());
    let who = house.enrol("P1", vec![details(&["phq9"], "before_session:24")]);
    let staff = house.signed_in(&house.people.therapist);
    (house, who, staff)
}

fn set(staff: &mut Client, who: PatientId, fields: &[(&str, &str)]) -> Response {
    post(staff, &format!("/patients/{who}/sessions"), fields)
}

fn session(house: &House) -> String {
    let sql = format!("SELECT {} AS value FROM care_session", house.hex_of_id());
    house.texts(&sql)[0].clone()
}

/// What became of forms, with the minute they are due.
fn forms(house: &House) -> Vec<String> {
    house.texts(
        "SELECT state || ' ' || substr(CAST(due_at AS TEXT), 1, 16) AS value FROM administration ORDER BY id",
    )
}

#[test]
fn a_session_that_is_added_on_the_page_brings_its_form_which_moves_and_goes_with_it() {
    let (house, who, mut staff) = opened();
    let record = get(&mut staff, &format!("/patients/{who}")).text();
    assert!(record.contains(&format!("/patients/{who}/sessions")));
    let empty = get(&mut staff, &format!("/patients/{who}/sessions")).text();
    assert!(empty.contains("There is no session yet") && empty.contains("America/Chicago"));
    // Monday, 10:00 in Chicago is 16:00 UTC.
    let added = set(&mut staff, who, &[("at", "2026-03-05T10:00")]);
    assert_eq!(added.status, 303, "{}", added.text());
    at(&house, monday() + TimeDelta::days(2) + TimeDelta::hours(4));
    assert_eq!(forms(&house), ["planned 2026-03-04 16:00"]);
    let mut staff = house.signed_in(&house.people.therapist);
    let shown = get(&mut staff, &format!("/patients/{who}/sessions")).text();
    assert!(
        shown.contains("Thu 5 Mar 2026, 10:00") && shown.contains("planned"),
        "{shown}"
    );
    let id = session(&house);
    let moved = [
        ("session", id.as_str()),
        ("at", "2026-03-06T10:00"),
        ("state", "planned"),
    ];
    assert_eq!(set(&mut staff, who, &moved).status, 303);
    assert_eq!(forms(&house), ["planned 2026-03-05 16:00"]);
    let off = [
        ("session", id.as_str()),
        ("at", "2026-03-06T10:00"),
        ("state", "cancelled"),
    ];
    assert_eq!(set(&mut staff, who, &off).status, 303);
    assert_eq!(forms(&house), ["cancelled 2026-03-05 16:00"]);
    let shown = get(&mut staff, &format!("/patients/{who}/sessions")).text();
    assert!(shown.contains("called off"), "{shown}");
    house.verified();
}

#[test]
fn what_is_no_session_is_said_back_with_what_was_typed() {
    let (house, who, mut staff) = opened();
    assert_eq!(
        set(&mut staff, who, &[("at", "2026-03-02T10:00")]).status,
        303
    );
    let id = session(&house);
    for (fields, words) in [
        (vec![("at", "soon")], "Write day and hour"),
        (vec![("at", "2026-03-08T02:30")], "the clocks go forward"),
        (
            vec![("at", "2031-03-08T12:30")],
            "not more than three years ahead",
        ),
        (vec![("at", "2026-02-27T12:30")], "in no episode of care"),
        (
            vec![("at", "2026-03-02T10:00")],
            "a session at that time already",
        ),
        (
            vec![
                ("session", &id),
                ("at", "2026-03-09T10:00"),
                ("state", "attended"),
            ],
            "This session lies ahead",
        ),
        (
            vec![
                ("session", &id),
                ("at", "2026-02-20T10:00"),
                ("state", "planned"),
            ],
            "not in this episode of care on that day",
        ),
        (
            vec![
                ("session", &id),
                ("at", "2026-03-02T10:00"),
                ("state", "gone"),
            ],
            "Choose from the list",
        ),
        (
            vec![
                ("session", "00000000000000000000000000000009"),
                ("at", "2026-03-02T11:00"),
            ],
            "There is no such session any more",
        ),
    ] {
        let refused = set(&mut staff, who, &fields);
        assert_eq!(refused.status, 422, "{fields:?}");
        let text = refused.text();
        assert!(text.contains(words), "{words}: {text}");
        let typed = fields
            .iter()
            .find(|(name, _)| *name == "at")
            .expect("a time")
            .1;
        let named = fields
            .iter()
            .any(|(name, value)| *name == "session" && *value == id);
        if named || fields.len() == 1 {
            assert!(
                text.contains(&format!("value=\"{typed}\"")),
                "{typed} is lost"
            );
        }
    }
    assert_eq!(
        house.texts("SELECT state AS value FROM care_session"),
        ["planned"]
    );
    let page = get(&mut staff, &format!("/patients/{who}/sessions")).text();
    let forms = page.matches("name=\"session\"").count();
    assert_eq!(forms, 1, "one session, one form of its own");
    let came = page::form_to(&page, "/sessions").expect("a form");
    assert!(!came.untouched().is_empty());
    let took_place = [
        ("session", id.as_str()),
        ("at", "2026-03-02T10:00"),
        ("state", "attended"),
    ];
    assert_eq!(set(&mut staff, who, &took_place).status, 303);
    assert_eq!(
        set(&mut staff, who, &took_place).status,
        303,
        "a second click"
    );
    assert_eq!(
        house.texts("SELECT state AS value FROM care_session"),
        ["attended"]
    );
    house.verified();
}

#[test]
fn nobody_of_another_clinic_sees_or_sets_sessions() {
    let (house, who, _) = opened();
    let mut staff = house.signed_in(&house.people.elsewhere);
    assert_eq!(
        get(&mut staff, &format!("/patients/{who}/sessions")).status,
        404
    );
    assert_eq!(
        set(&mut staff, who, &[("at", "2026-03-05T10:00")]).status,
        404
    );
    assert_eq!(house.number("care_session"), 0);
}
