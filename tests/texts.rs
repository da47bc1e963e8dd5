//! Text messages: what people write to our number is heard when the gateway signed it, STOP holds at once, and nothing anybody writes is lost.

use attune::domain::ids::PatientId;
use attune::store::contact::{self, Channel, ContactRow};
use base64::{Engine, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit, Mac};

use crate::house::{House, TEXT_SECRET, monday};
use crate::support::http::{Response, form_encoded};

const PHONE: &str = "+15550100142";

/// A patient who is reached by text.
fn by_text(house: &House, id: &str) -> PatientId {
    let patient = house.patient(id);
    reach_by_text(house, patient);
    patient
}

pub fn reach_by_text(house: &House, patient: PatientId) {
    let row = ContactRow {
        channel: Channel::Text.word().into(),
        phone: Some(PHONE.into()),
        ..ContactRow::unsaid(house.app.org, patient, house.app.clock.now())
    };
    house
        .app
        .store
        .write_blocking(move |tx| contact::put(tx, &row))
        .expect("the database works");
}

/// What the gateway would sign.
fn signature(house: &House, path: &str, fields: &[(&str, &str)]) -> String {
    let mut sorted = fields.to_vec();
    sorted.sort_unstable();
    let mut text = format!("http://{}{path}", house.address());
    sorted.iter().for_each(|(name, value)| {
        text.push_str(name);
        text.push_str(value);
    });
    let mut mac = Hmac::<sha1::Sha1>::new_from_slice(TEXT_SECRET.as_bytes()).expect("any key");
    mac.update(text.as_bytes());
    STANDARD.encode(mac.finalize().into_bytes())
}

fn from_gateway(house: &House, path: &str, fields: &[(&str, &str)], signature: &str) -> Response {
    let headers = [
        ("Content-Type", "application/x-www-form-urlencoded"),
        ("X-Twilio-Signature", signature),
    ];
    house
        .client()
        .request("POST", path, &headers, form_encoded(fields).as_bytes())
        .expect("the site answers")
}

fn writes(house: &House, from: &str, text: &str) -> Response {
    let fields = [("From", from), ("To", "+15550100100"), ("Body", text)];
    let signed = signature(house, "/texts/incoming", &fields);
    from_gateway(house, "/texts/incoming", &fields, &signed)
}

fn tasks(house: &House) -> Vec<String> {
    house.texts("SELECT kind || ': ' || detail AS value FROM task ORDER BY id")
}

#[test]
fn stop_ends_texts_at_once_and_tells_staff_once() {
    let house = House::at(monday());
    by_text(&house, "P1");
    for text in ["STOP", "stop."] {
        let answer = writes(&house, PHONE, text);
        assert_eq!(answer.status, 200);
        assert!(
            !answer.text().contains("<Message>"),
            "the gateway confirms it itself"
        );
    }
    let stopped = "FROM contact_preference WHERE texts_stopped_at IS NOT NULL";
    assert_eq!(
        house.texts(&format!("SELECT phone AS value {stopped}")),
        [PHONE]
    );
    let told = tasks(&house);
    assert!(
        told.len() == 1 && told[0].starts_with("texts_stopped"),
        "{told:?}"
    );
    writes(&house, PHONE, "START");
    assert_eq!(
        house
            .texts(&format!("SELECT phone AS value {stopped}"))
            .len(),
        0
    );
}

#[test]
fn what_a_patient_writes_waits_for_a_person_and_says_where_help_is() {
    let house = House::at(monday());
    by_text(&house, "P1");
    let answer = writes(&house, PHONE, "I cannot do this <any> more");
    let text = answer.text();
    assert!(
        text.contains("988") && text.contains("911") && text.contains("Nadie"),
        "{text}"
    );
    let told = tasks(&house);
    assert!(told[0].contains("I cannot do this <any> more"), "{told:?}");
    let mut therapist = house.signed_in(&house.people.therapist);
    let page = therapist.get("/tasks").expect("the site answers").text();
    assert!(
        page.contains("wrote a text message")
            && page.contains("I cannot do this &#60;any&#62; more"),
        "{page}"
    );
}

#[test]
fn an_unknown_number_and_an_unsigned_request_change_nothing() {
    let house = House::at(monday());
    by_text(&house, "P1");
    let before = house.snapshot();
    assert!(
        writes(&house, "+15550100999", "hello")
            .text()
            .contains("988")
    );
    let fields = [("From", PHONE), ("Body", "STOP")];
    for signature in [
        "",
        "bm90IHNpZ25lZA==",
        &signature(&house, "/texts/other", &fields),
    ] {
        let answer = from_gateway(&house, "/texts/incoming", &fields, signature);
        assert_eq!(answer.status, 403, "{signature}");
    }
    assert_eq!(house.snapshot(), before);
}
