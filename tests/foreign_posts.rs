//! What another site makes a browser send is not taken, from patients or from staff.

use crate::house::House;
use crate::patient::{CALM, sheet};
use crate::support::http::form_encoded;

const FOREIGN: &[&[(&str, &str)]] = &[
    &[("Sec-Fetch-Site", "cross-site")],
    &[("Sec-Fetch-Site", "same-site")],
    &[("Sec-Fetch-Site", "cross-site"), ("Origin", "null")],
    &[("Origin", "null")],
    &[("Origin", "https://evil.example")],
    &[("Origin", "http://127.0.0.1:1")],
    &[
        ("Origin", "https://evil.example"),
        ("Referer", "http://127.0.0.1/"),
    ],
];

#[test]
fn a_patients_answers_are_taken_from_our_own_pages_only() {
    let house = House::open();
    let link = house.phq9("P1");
    let body = form_encoded(&sheet(&CALM));
    let before = house.snapshot();
    for headers in FOREIGN {
        for path in ["", "/q/9", "/list/1", "/send", "/not-for-me"] {
            let mut all = vec![("Content-Type", "application/x-www-form-urlencoded")];
            all.extend_from_slice(headers);
            let answer = house
                .client()
                .request("POST", &format!("{link}{path}"), &all, body.as_bytes())
                .expect("an answer");
            assert_eq!(answer.status, 403, "{path} {headers:?}");
            assert!(answer.text().contains("988"));
        }
    }
    assert_eq!(house.snapshot(), before);
    let ours = [
        ("Content-Type", "application/x-www-form-urlencoded"),
        ("Sec-Fetch-Site", "same-origin"),
        ("Origin", "null"),
    ];
    let answer = house
        .client()
        .request("POST", &format!("{link}/list/1"), &ours, body.as_bytes())
        .expect("an answer");
    assert_eq!(
        answer.status, 303,
        "a strict referrer policy sends a null origin from our own page"
    );
}

#[test]
fn what_a_clinician_does_is_taken_from_our_own_pages_only() {
    let house = House::open();
    let link = house.phq9("P1");
    house
        .client()
        .post_form(&format!("{link}/q/9"), &[("answer", "1")])
        .expect("an answer");
    let flag = house.flag();
    let mut clinician = house.signed_in(&house.people.therapist);
    let before = house.snapshot();
    let paths = [
        format!("/flags/{flag}/acknowledge"),
        format!("/flags/{flag}/close"),
        "/patients/new".to_owned(),
        "/sign-out".to_owned(),
    ];
    for headers in FOREIGN {
        for path in &paths {
            let mut all = vec![("Content-Type", "application/x-www-form-urlencoded")];
            all.extend_from_slice(headers);
            let answer = clinician
                .request("POST", path, &all, b"note=x&assessment=x")
                .expect("an answer");
            assert_eq!(answer.status, 403, "{path} {headers:?}");
        }
    }
    assert_eq!(house.snapshot(), before);
    let answer = clinician
        .post_form(&paths[0], &[("note", "")])
        .expect("an answer");
    assert_eq!(answer.status, 303);
}

#[test]
fn a_foreign_page_cannot_sign_anybody_in() {
    let house = House::open();
    let body = form_encoded(&[
        ("email", house.people.therapist.email.as_str()),
        ("password", crate::house::PASSWORD),
    ]);
    for headers in FOREIGN {
        let mut all = vec![("Content-Type", "application/x-www-form-urlencoded")];
        all.extend_from_slice(headers);
        let mut client = house.client();
        let answer = client
            .request("POST", "/sign-in", &all, body.as_bytes())
            .expect("an answer");
        assert_eq!(answer.status, 403);
        assert_eq!(client.cookie("attune"), None);
    }
}
