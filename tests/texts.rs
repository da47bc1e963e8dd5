//! Text messages: what people write to our number is heard when the gateway signed it, STOP holds at once, and nothing anybody writes is lost.

use attune::domain::ids::PatientId;
use attune::store::contact::{self, Channel, ContactRow};
use base64::{Engine, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit, Mac};

use attune::app::plan_due::plan_due;
use attune::app::send_due::{Carriers, send_due};
use attune::config::TextGateway;
use attune::mail::Mailer;
use attune::store::outbox::Lane;
use attune::texts::{Gateway, segments};
use chrono::TimeDelta;

use crate::house::{House, TEXT_SECRET, instant, monday};
use crate::mail::weekly;
use crate::support::gateway::{Answer, Request, TextSink};
use crate::support::http::{Response, form_encoded, path_of};

pub const PHONE: &str = "+15550100142";

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

pub fn writes(house: &House, from: &str, text: &str) -> Response {
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
    assert_eq!(tasks(&house).len(), 0, "it waits for somebody licensed");
    let mut therapist = house.signed_in(&house.people.therapist);
    let page = therapist.get("/signals").expect("the site answers").text();
    assert!(
        page.contains("Text message") && page.contains("I cannot do this &#60;any&#62; more"),
        "{page}"
    );
    house.run_sql("UPDATE episode SET ended_on = '2026-03-01', ending = 'planned'");
    writes(&house, PHONE, "And now <this>");
    let told = tasks(&house);
    assert!(told[0].contains("And now <this>"), "{told:?}");
    let page = therapist.get("/tasks").expect("the site answers").text();
    assert!(
        page.contains("wrote a text message") && page.contains("And now &#60;this&#62;"),
        "{page}"
    );
}

#[test]
fn a_phrase_in_a_text_raises_a_crisis_flag_that_needs_no_form() {
    let house = House::at(monday());
    by_text(&house, "P1");
    writes(&house, PHONE, "Not coming on Friday. I want to die");
    assert_eq!(
        house.texts("SELECT tier || ' ' || rule || ' ' || instrument || ' ' || answer_words AS value FROM flag WHERE response_id IS NULL"),
        ["crisis phrase text I want to die"]
    );
    assert_eq!(house.number("outbox WHERE kind = 'flag_notice'"), 1);
    house.verified();
    let mut therapist = house.signed_in(&house.people.therapist);
    for path in ["/queue".to_owned(), format!("/flags/{}", house.flag())] {
        let page = therapist.get(&path).expect("the site answers");
        assert!(page.status == 200 && page.text().contains("I want to die"));
    }
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

/// A patient who is reached by text and whose weekly form is due now.
fn due_by_text(house: &House, id: &str) {
    let patient = house.enrol(id, vec![weekly()]);
    reach_by_text(house, patient);
    assert_eq!(plan_due(&house.app).expect("the database works"), 1);
}

/// Turns both cranks, the mails' and the texts', as the loops do.
pub fn turn(house: &House, sink: &TextSink) -> Vec<Request> {
    let gateway = Gateway::new(&TextGateway {
        url: sink.url(),
        account: "AC0123".into(),
        secret: TEXT_SECRET.into(),
        from: "+15550100100".into(),
    });
    for lane in [Lane::Mails, Lane::Texts] {
        let by = Carriers {
            mailer: &Mailer::Nowhere,
            gateway: Some(&gateway),
        };
        send_due(&house.app, by, lane).expect("the database works");
    }
    sink.requests()
}

fn outbox(house: &House) -> Vec<String> {
    house.texts("SELECT kind || ' ' || state AS value FROM outbox ORDER BY kind")
}

#[test]
fn a_text_asks_with_the_same_link_a_mail_would_and_the_link_opens() {
    let (house, sink) = (House::at(monday()), TextSink::start());
    due_by_text(&house, "P1");
    let sent = turn(&house, &sink);
    assert_eq!(sent.len(), 1, "{sent:?}");
    let text = sent[0].field("Body");
    assert_eq!((sent[0].field("To"), segments(text)), (PHONE, 1), "{text}");
    assert_eq!(sent[0].path, "/2010-04-01/Accounts/AC0123/Messages.json");
    assert!(sent[0].authorization.starts_with("Basic "));
    let link = text
        .split(' ')
        .find(|word| word.contains("/s/"))
        .expect("a link");
    let page = house.client().get(path_of(link)).expect("the site answers");
    assert_eq!(page.status, 200);
    assert_eq!(outbox(&house)[0], "invitation accepted");
    assert_eq!(
        house.texts("SELECT state AS value FROM administration"),
        ["sent"]
    );
    turn(&house, &sink);
    assert_eq!(sink.requests().len(), 1, "once");
}

#[test]
fn stop_holds_for_what_is_queued_already() {
    let (house, sink) = (House::at(monday()), TextSink::start());
    due_by_text(&house, "P1");
    writes(&house, PHONE, "STOP");
    assert_eq!(turn(&house, &sink), []);
    assert_eq!(outbox(&house), ["invitation withdrawn"]);
}

#[test]
fn a_gateway_that_says_stopped_is_believed() {
    let (house, sink) = (House::at(monday()), TextSink::start());
    due_by_text(&house, "P1");
    sink.then(&[Answer::Error(400, 21610)]);
    turn(&house, &sink);
    assert_eq!(outbox(&house), ["invitation withdrawn"]);
    assert_eq!(
        house.number("contact_preference WHERE texts_stopped_at IS NOT NULL"),
        1
    );
    assert!(tasks(&house)[0].starts_with("texts_stopped"));
}

#[test]
fn a_number_that_cannot_be_reached_is_not_used_again_and_a_person_is_told() {
    let (house, sink) = (House::at(monday()), TextSink::start());
    due_by_text(&house, "P1");
    sink.then(&[Answer::Error(400, 21211)]);
    turn(&house, &sink);
    assert_eq!(outbox(&house), ["invitation refused"]);
    assert_eq!(
        house.number("contact_preference WHERE phone_refused_at IS NOT NULL"),
        1
    );
    assert_eq!(
        house.number("patient WHERE email_refused_at IS NOT NULL"),
        0
    );
    assert_eq!(tasks(&house).len(), 1);
}

#[test]
fn trouble_at_the_gateway_is_tried_again_and_blames_no_number() {
    let (house, sink) = (House::at(monday()), TextSink::start());
    due_by_text(&house, "P1");
    for answer in [
        Answer::Error(503, 0),
        Answer::Error(401, 20003),
        Answer::HangUp,
    ] {
        sink.then(&[answer]);
        turn(&house, &sink);
        assert_eq!(outbox(&house), ["invitation queued"], "{answer:?}");
        house
            .app
            .clock
            .set(house.app.clock.now() + TimeDelta::minutes(20));
    }
    assert_eq!(tasks(&house).len(), 0);
    turn(&house, &sink);
    assert_eq!(outbox(&house)[0], "invitation accepted");
    assert_eq!(
        house.texts("SELECT outcome AS value FROM send_attempt ORDER BY at"),
        ["deferred", "deferred", "unknown", "accepted"]
    );
    let bodies: Vec<String> = sink
        .requests()
        .iter()
        .map(|sent| sent.field("Body").to_owned())
        .collect();
    assert!(
        bodies.windows(2).all(|pair| pair[0] == pair[1]),
        "always the same link: {bodies:?}"
    );
}

#[test]
fn a_text_that_comes_back_is_a_persons_task() {
    let (house, sink) = (House::at(monday()), TextSink::start());
    due_by_text(&house, "P1");
    let sent = turn(&house, &sink);
    let status = path_of(sent[0].field("StatusCallback")).to_owned();
    let fields = [("MessageStatus", "undelivered"), ("ErrorCode", "30005")];
    for _ in 0..2 {
        let answer = from_gateway(
            &house,
            &status,
            &fields,
            &signature(&house, &status, &fields),
        );
        assert_eq!(answer.status, 204);
    }
    assert_eq!(outbox(&house)[0], "invitation bounced");
    assert_eq!(tasks(&house).len(), 1);
    assert_eq!(
        house.number("contact_preference WHERE phone_refused_at IS NOT NULL"),
        1
    );
}

#[test]
fn a_text_that_comes_back_for_our_sake_blames_no_number() {
    for code in ["30034", ""] {
        let (house, sink) = (House::at(monday()), TextSink::start());
        due_by_text(&house, "P1");
        let sent = turn(&house, &sink);
        let status = path_of(sent[0].field("StatusCallback")).to_owned();
        let fields = [("MessageStatus", "undelivered"), ("ErrorCode", code)];
        let signed = signature(&house, &status, &fields);
        assert_eq!(from_gateway(&house, &status, &fields, &signed).status, 204);
        assert_eq!(outbox(&house)[0], "invitation bounced");
        assert_eq!(
            house.number("contact_preference WHERE phone_refused_at IS NOT NULL"),
            0
        );
        assert_eq!(house.number("link WHERE revoked_at IS NULL"), 1);
        assert_eq!(
            house.texts("SELECT kind AS value FROM task"),
            ["mail_unsent"]
        );
    }
}

#[test]
fn a_patient_who_is_asked_by_mail_again_is_asked_by_mail() {
    let (house, sink) = (House::at(instant("2026-03-02 16:00:00")), TextSink::start());
    due_by_text(&house, "P1");
    house.run_sql("UPDATE contact_preference SET channel = 'mail'");
    assert_eq!(turn(&house, &sink), []);
    assert_eq!(
        house.texts("SELECT lane || ' ' || state AS value FROM outbox"),
        ["mails queued"]
    );
}

#[test]
fn a_text_that_comes_back_after_the_number_was_corrected_says_nothing_about_the_new_one() {
    let (house, sink) = (House::at(monday()), TextSink::start());
    due_by_text(&house, "P1");
    let sent = turn(&house, &sink);
    let status = path_of(sent[0].field("StatusCallback")).to_owned();
    house.app.clock.set(monday() + TimeDelta::minutes(5));
    let mut therapist = house.signed_in(&house.people.therapist);
    let corrected = [("channel", "text"), ("phone", "+1 555 010 0188")];
    assert_eq!(crate::contact::set(&house, &mut therapist, &corrected), 303);
    let fields = [("MessageStatus", "undelivered"), ("ErrorCode", "30005")];
    let signed = signature(&house, &status, &fields);
    assert_eq!(from_gateway(&house, &status, &fields, &signed).status, 204);
    assert_eq!(
        house.number("contact_preference WHERE phone_refused_at IS NOT NULL"),
        0
    );
    assert_eq!(house.number("link WHERE revoked_at IS NULL"), 1);
    assert_eq!(tasks(&house).len(), 1);
}

#[test]
fn another_mail_address_leaves_the_link_alone_that_went_out_by_text() {
    let (house, sink) = (House::at(monday()), TextSink::start());
    due_by_text(&house, "P1");
    assert_eq!(turn(&house, &sink).len(), 1);
    let mut therapist = house.signed_in(&house.people.therapist);
    let changed = [
        ("channel", "text"),
        ("phone", PHONE),
        ("email", "new@patients.example.org"),
    ];
    assert_eq!(crate::contact::set(&house, &mut therapist, &changed), 303);
    assert_eq!(
        house.texts("SELECT email AS value FROM patient"),
        ["new@patients.example.org"]
    );
    assert_eq!(turn(&house, &sink).len(), 1);
    assert_eq!(house.number("link WHERE revoked_at IS NULL"), 1);
    assert_eq!(house.number("link"), 1);
}

#[test]
fn whoever_stopped_texts_gets_no_mail_in_their_place_and_a_person_is_told_each_time() {
    let house = House::at(monday());
    let patient = house.enrol("P1", vec![weekly()]);
    reach_by_text(&house, patient);
    writes(&house, PHONE, "STOP");
    house.run_sql("UPDATE task SET done_at = created_at, done_by = (SELECT id FROM staff ORDER BY id LIMIT 1)");
    assert_eq!(plan_due(&house.app).expect("the database works"), 1);
    assert_eq!(house.number("outbox WHERE kind = 'invitation'"), 0);
    let told = house.texts("SELECT kind AS value FROM task WHERE done_at IS NULL");
    assert_eq!(told, ["no_address"]);
}
