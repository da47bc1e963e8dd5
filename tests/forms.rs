//! Answers of every kind on the patient's pages (ticks, numbers, words, the wish not to answer), who may be asked what, and forms that staff
//! record themselves.

use attune::domain::instrument::{AnsweredBy, ENGLISH, Library};

use crate::house::{House, PATIENT_NAME, Person, instant, monday};
use crate::patient::{get, post, start, submit};
use crate::support::http::{Client, Response};
use crate::support::page;

/// The answers as they are stored.
fn stored(house: &House) -> String {
    let answers = house.texts("SELECT answers AS value FROM response ORDER BY id");
    assert_eq!(answers.len(), 1, "{answers:?}");
    answers[0].clone()
}

/// A whole list of this instrument, every item with its first answer, and these fields besides.
fn whole(id: &str, besides: &[(&str, &str)]) -> Vec<(String, String)> {
    let instrument = Library::embedded().get(id).expect("it ships");
    let mut fields: Vec<(String, String)> = instrument
        .items
        .iter()
        .filter(|item| item.answered_by != AnsweredBy::Words)
        .map(|item| (format!("q{}", item.id), item.lowest().to_string()))
        .filter(|(name, _)| besides.iter().all(|(known, _)| known != name))
        .collect();
    fields.extend(
        besides
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned())),
    );
    fields
}

fn post_all(client: &mut Client, path: &str, fields: &[(String, String)]) -> Response {
    client.post_form(path, fields).expect("the site answers")
}

#[test]
fn several_answers_are_ticked_kept_shown_again_and_scored() {
    let house = House::open();
    let link = house.link(house.patient("P1"), &["lec5"]);
    let mut patient = house.client();
    let shown = get(&mut patient, &format!("{link}/q/1")).text();
    assert!(
        shown.contains("type=\"checkbox\"") && shown.contains("Choose all the answers that fit")
    );
    let sent = post(
        &mut patient,
        &format!("{link}/q/1"),
        &[("answer", "1"), ("answer", "3")],
    );
    assert_eq!(
        (sent.status, sent.location()),
        (303, Some(format!("{link}/q/2").as_str()))
    );
    assert_eq!(stored(&house), r#"{"1":[1,3]}"#);
    let shown = get(&mut patient, &format!("{link}/q/1")).text();
    let form = page::form_to(&shown, "/q/1").expect("a form");
    let ticked: Vec<_> = form
        .untouched()
        .into_iter()
        .map(|(_, value)| value)
        .collect();
    assert_eq!(ticked, ["1", "3"]);

    let fields = whole("lec5", &[("q1", "1"), ("q1", "2"), ("send", "1")]);
    let sent = post_all(&mut patient, &format!("{link}/list/1"), &fields);
    assert_eq!(
        sent.location(),
        Some(format!("{link}/end").as_str()),
        "{}",
        sent.text()
    );
    assert!(stored(&house).starts_with(r#"{"1":[1,2],"2":[1],"#));
    assert_eq!(house.number("score WHERE value = 17"), 1);
    house.verified();
}

#[test]
fn a_tick_that_is_no_option_and_two_answers_to_one_question_are_refused() {
    let house = House::open();
    let link = house.link(house.patient("P1"), &["lec5", "phq9"]);
    let mut patient = house.client();
    for fields in [
        [("answer", "1"), ("answer", "9")],
        [("answer", "1"), ("answer", "x")],
    ] {
        let answer = post(&mut patient, &format!("{link}/q/1"), &fields);
        assert_eq!(answer.status, 422);
        assert!(
            answer.text().contains("We could not read"),
            "{}",
            answer.text()
        );
    }
    let twice = post(
        &mut patient,
        &format!("{link}/q/18"),
        &[("answer", "1"), ("answer", "2")],
    );
    assert_eq!(twice.status, 422);
    assert_eq!(house.number("response"), 0);
}

#[test]
fn a_number_that_does_not_fit_comes_back_as_it_was_typed() {
    let house = House::open();
    let link = house.link(house.patient("P1"), &["crafft"]);
    let mut patient = house.client();
    let shown = get(&mut patient, &format!("{link}/q/1")).text();
    assert!(
        shown.contains("inputmode=\"numeric\"") && shown.contains("A whole number from 0 to 366")
    );
    for typed in ["367", "-1", "7.5", "<a few>"] {
        let answer = post(&mut patient, &format!("{link}/q/1"), &[("answer", typed)]);
        assert_eq!(answer.status, 422);
        let said = answer.text();
        assert!(
            said.contains("Write a whole number from 0 to 366"),
            "{said}"
        );
        assert!(!said.contains("<a few>"), "escaped");
        let form = page::form_to(&said, "/q/1").expect("a form");
        assert_eq!(form.untouched(), [("answer".to_owned(), typed.to_owned())]);
    }
    assert_eq!(house.number("response"), 0);
    let empty = post(&mut patient, &format!("{link}/q/1"), &[("answer", " ")]);
    assert_eq!(empty.status, 422);
    assert!(empty.text().contains("You have not written a number"));
    let good = post(&mut patient, &format!("{link}/q/1"), &[("answer", " 12 ")]);
    assert_eq!(good.status, 303);
    assert_eq!(stored(&house), r#"{"1":12}"#);
    assert!(
        get(&mut patient, &format!("{link}/review"))
            .text()
            .contains("12")
    );
}

#[test]
fn on_a_list_one_mistyped_number_keeps_nothing_else_from_being_saved() {
    let house = House::open();
    let link = house.link(house.patient("P1"), &["crafft"]);
    let mut patient = house.client();
    let fields = [("q1", "many"), ("q2", "3"), ("send", "1")];
    let answer = post(&mut patient, &format!("{link}/list/1"), &fields);
    assert_eq!(answer.status, 422);
    let said = answer.text();
    assert!(
        said.contains("Please check 1 answer") && said.contains("href=\"#q1\""),
        "{said}"
    );
    assert!(said.contains("value=\"many\"") && said.contains("value=\"3\""));
    assert_eq!(stored(&house), r#"{"2":3}"#);
    let states = house.texts("SELECT state AS value FROM administration");
    assert_eq!(states, ["opened"]);
}

#[test]
fn words_are_kept_as_written_and_too_many_come_back() {
    let house = House::open();
    let link = house.link(house.patient("P1"), &["session_check"]);
    let mut patient = house.client();
    let shown = get(&mut patient, &format!("{link}/q/5")).text();
    let plain = page::plain_text(&shown);
    assert!(
        plain.contains("Nobody reads this right away. If you need help now, call or text 988.")
    );
    assert!(plain.contains("up to 2,000 characters"));
    let long = "ñ".repeat(2_001);
    let answer = post(&mut patient, &format!("{link}/q/5"), &[("answer", &long)]);
    assert_eq!(answer.status, 422);
    assert!(answer.text().contains("1 character too long") && answer.text().contains(&long));
    assert_eq!(house.number("response"), 0);
    let said = "More time.\r\n<b>\"Slower\"</b>";
    let answer = post(&mut patient, &format!("{link}/q/5"), &[("answer", said)]);
    assert_eq!(answer.location(), Some(format!("{link}/review").as_str()));
    assert_eq!(stored(&house), r#"{"5":"More time.\n<b>\"Slower\"</b>"}"#);
    let review = get(&mut patient, &format!("{link}/review")).text();
    assert!(!review.contains("<b>") && page::plain_text(&review).contains("<b>\"Slower\"</b>"));
    let form = page::form_to(&get(&mut patient, &format!("{link}/q/5")).text(), "/q/5");
    let typed = form.expect("a form").untouched();
    assert_eq!(typed[0].1.trim_start(), "More time.\n<b>\"Slower\"</b>");
    // Nothing written is no complaint: there is only room to write.
    let emptied = [("answer", ""), ("stood", "1")];
    let answer = post(&mut patient, &format!("{link}/q/5"), &emptied);
    assert_eq!(answer.status, 303);
    assert_eq!(stored(&house), "{}");
}

#[test]
fn skipping_is_kept_apart_from_leaving_blank_until_an_answer_comes() {
    let house = House::open();
    let link = house.phq9("P1");
    let mut patient = house.client();
    start(&mut patient, &link, "page");
    post(&mut patient, &format!("{link}/q/1"), &[("answer", "2")]);
    let skipped = post(&mut patient, &format!("{link}/q/2"), &[("skip", "1")]);
    assert_eq!(skipped.location(), Some(format!("{link}/q/3").as_str()));
    assert_eq!(stored(&house), r#"{"1":2,"2":"declined"}"#);
    let review = page::plain_text(&get(&mut patient, &format!("{link}/review")).text());
    assert_eq!(
        review.matches("You chose not to answer").count(),
        1,
        "{review}"
    );
    assert_eq!(review.matches("No answer yet").count(), 8);
    assert!(review.contains("8 questions have no answer"));
    let shown = get(&mut patient, &format!("{link}/q/2")).text();
    assert!(shown.contains("You chose not to answer"));
    post(&mut patient, &format!("{link}/q/2"), &[("answer", "1")]);
    assert_eq!(stored(&house), r#"{"1":2,"2":1}"#);
}

#[test]
fn going_on_without_answers_on_a_list_declines_them() {
    let house = House::open();
    let link = house.phq9("P1");
    let mut patient = house.client();
    let asked = submit(&mut patient, &link, &["1", "1", "1", "1", "1", "1", "1"]);
    assert_eq!(asked.status, 422);
    let mut fields: Vec<(String, String)> = (1..=7)
        .map(|item| (format!("q{item}"), "1".to_owned()))
        .collect();
    fields.push(("incomplete".into(), "1".into()));
    let sent = post_all(&mut patient, &format!("{link}/list/1"), &fields);
    assert_eq!(sent.location(), Some(format!("{link}/end").as_str()));
    assert!(
        stored(&house).ends_with(r#""7":1,"8":"declined","9":"declined"}"#),
        "{}",
        stored(&house)
    );
    house.verified();
}

#[test]
fn the_pages_say_all_this_in_spanish_too() {
    let house = House::open();
    let link = house.link(house.patient("P1"), &["crafft", "session_check"]);
    let mut patient = house.client();
    let shown = get(&mut patient, &format!("{link}/q/1?lang=es")).text();
    assert!(shown.contains("Un número entero de 0 a 366"), "{shown}");
    let answer = post(&mut patient, &format!("{link}/q/1"), &[("answer", "x")]);
    assert!(
        answer
            .text()
            .contains("Escriba un número entero de 0 a 366")
    );
    let last = Library::embedded()
        .get("crafft")
        .expect("it ships")
        .items
        .len()
        + 5;
    let shown = get(&mut patient, &format!("{link}/q/{last}")).text();
    assert!(shown.contains("Nadie lee esto en este momento") && shown.contains("AYUDA"));
}

#[test]
fn every_page_of_every_instrument_that_is_offered_stays_small() {
    let house = House::open();
    let library = Library::embedded();
    let mut patient = house.client();
    for (number, known) in library.offered().enumerate() {
        let link = house.link(house.patient(&format!("P{number}")), &[&known.id]);
        let list = get(&mut patient, &format!("{link}/list/1"));
        assert_eq!(list.status, 200, "{}", known.id);
        assert!(
            list.body.len() < 30_000,
            "{}: {} bytes",
            known.id,
            list.body.len()
        );
        let one = get(&mut patient, &format!("{link}/q/1"));
        assert!(one.body.len() < 30_000, "{}", known.id);
    }
}

#[test]
fn a_form_about_a_child_says_who_is_to_answer() {
    let house = House::open();
    let id = house.patient("P1");
    let mut parent = house.client();
    let alone = house.link(id, &["psc17"]);
    let said = "These questions are for a parent or caregiver to answer, about the child.";
    assert!(get(&mut parent, &alone).text().contains(said));
    assert!(
        get(&mut parent, &format!("{alone}/list/1"))
            .text()
            .contains(said)
    );
    let mixed = house.link(id, &["phq9", "psc17"]);
    assert!(
        get(&mut parent, &mixed)
            .text()
            .contains("Some of the questions are for a parent")
    );
    let own = house.link(id, &["phq9"]);
    assert!(!get(&mut parent, &own).text().contains("caregiver"));
}

#[test]
fn a_clinicians_form_is_never_given_to_a_patient_and_the_error_names_it() {
    let house = House::open();
    let id = house.patient("P1");
    let mut staff = house.signed_in(&house.people.therapist);
    let answer = post(
        &mut staff,
        &format!("/patients/{id}/form"),
        &[("instrument", "cgi")],
    );
    assert_eq!(answer.status, 422);
    let said = page::plain_text(&answer.text());
    assert!(
        said.contains("CGI") && said.contains("a clinician answers it"),
        "{said}"
    );
    let bare = Library::embedded()
        .latest()
        .find(|known| !known.has_text(ENGLISH))
        .expect("some wording is protected");
    let answer = post(
        &mut staff,
        &format!("/patients/{id}/form"),
        &[("instrument", &bare.id)],
    );
    let said = page::plain_text(&answer.text());
    let name = &bare.texts_or_english(ENGLISH).short_name;
    assert!(
        said.contains(name) && said.contains("Bring your licensed copy"),
        "{said}"
    );
    assert_eq!(house.number("link"), 0);

    // Neither page offers it to patients; the record form does to staff.
    let shown = get(&mut staff, &format!("/patients/{id}")).text();
    let give = page::form_to(&shown, &format!("{id}/form")).expect("a form");
    assert!(give.fields.iter().all(|field| field.value != "cgi"));
    assert!(shown.contains("<option value=\"cgi\">"));
    let new = get(&mut staff, "/patients/new").text();
    assert!(!new.contains("value=\"cgi\"") && new.contains("value=\"psc17\""));

    // Not even when an occasion was made behind the program's back.
    let link = house.link(id, &["phq9"]);
    house.run_sql("UPDATE administration SET instruments = 'cgi@1'");
    assert_eq!(get(&mut house.client(), &link).status, 500);
}

/// The empty form's fields, as a browser would send them.
fn opened(staff: &mut Client, patient: &str, instrument: &str, language: &str) -> page::Form {
    let fields = [("instrument", instrument), ("language", language)];
    let answer = post(staff, &format!("/patients/{patient}/record"), &fields);
    assert_eq!(answer.status, 200, "{}", answer.text());
    let shown = answer.text();
    assert!(shown.contains(PATIENT_NAME));
    page::form_to(&shown, "/recorded").expect("a form")
}

fn recorded(staff: &mut Client, form: &page::Form, set: &[(&str, &str)]) -> Response {
    post_all(staff, &form.action, &form.with(set))
}

#[test]
fn a_clinician_records_a_rating_in_their_own_name() {
    let house = House::at(monday());
    let id = house.patient("P1").to_string();
    let mut staff = house.signed_in(&house.people.supervisor);
    let form = opened(&mut staff, &id, "cgi", "en");
    let gaps = recorded(&mut staff, &form, &[("q1", "5")]);
    assert_eq!(gaps.status, 422);
    assert!(
        gaps.text().contains("1 question has no answer"),
        "{}",
        gaps.text()
    );
    assert_eq!(house.number("response"), 0, "nothing is recorded half");
    let again = page::form_to(&gaps.text(), "/recorded").expect("a form");
    assert!(again.untouched().contains(&("q1".into(), "5".into())));

    let set = [("q1", "5"), ("q2", "3")];
    for _ in 0..2 {
        let done = recorded(&mut staff, &form, &set);
        assert_eq!(
            (done.status, done.location()),
            (303, Some(format!("/patients/{id}").as_str()))
        );
    }
    assert_eq!(
        house.number("response"),
        1,
        "a second click is no second form"
    );
    let other = recorded(&mut staff, &form, &[("q1", "1"), ("q2", "1")]);
    assert_eq!(other.status, 422);
    assert!(other.text().contains("recorded already"));

    assert_eq!(stored(&house), r#"{"1":5,"2":3}"#);
    assert_eq!(house.number("response WHERE entered_by IS NOT NULL AND layout = 'list' AND language = 'en' AND state = 'completed'"), 1);
    assert_eq!(house.number("link"), 0, "no patient ever sees it");
    assert!(house.number("score WHERE value = 5") > 0);
    let acts = house.texts("SELECT act || ' ' || subject AS value FROM audit_event WHERE act = 'record_form' ORDER BY subject");
    assert_eq!(acts, ["record_form administration", "record_form patient"]);
    let shown = get(&mut staff, &format!("/patients/{id}")).text();
    assert!(
        shown.contains("entered by Sam Hartwell") && shown.contains("Answered by the clinician."),
        "{shown}"
    );
    let answers = get(&mut staff, &format!("/patients/{id}?open=answers-cgi")).text();
    assert!(
        page::plain_text(&answers).contains("entered by Sam Hartwell, English"),
        "{answers}"
    );
    house.verified();
}

#[test]
fn a_paper_form_raises_its_flags_and_counts_like_any_other() {
    let house = House::at(monday());
    let id = house.patient("P1").to_string();
    let mut staff = house.signed_in(&house.people.unlicensed);
    let form = opened(&mut staff, &id, "phq9", "es");
    let set: Vec<(String, String)> = (1..=9)
        .map(|item| (format!("q{item}"), "1".into()))
        .collect();
    let set: Vec<(&str, &str)> = set.iter().map(|(a, b)| (a.as_str(), b.as_str())).collect();
    assert_eq!(recorded(&mut staff, &form, &set).status, 303);
    assert_eq!(
        house.number("flag WHERE rule IS NOT NULL AND state = 'open'"),
        1
    );
    assert_eq!(house.number("outbox WHERE kind = 'flag_notice'"), 1);
    assert_eq!(house.number("response WHERE language = 'es'"), 1);
    assert_eq!(
        house.number("episode_scale WHERE instrument = 'phq9' AND last_value = 9"),
        1
    );
    let shown = get(&mut staff, &format!("/patients/{id}")).text();
    assert!(
        shown.contains("Answered 1 to PHQ-9, item 9") && shown.contains("entered by Kim Hartwell")
    );
    house.verified();
}

#[test]
fn a_sum_that_leaves_a_question_out_is_given_no_band_on_any_page() {
    let house = House::at(monday());
    let id = house.patient("P1");
    let link = house.link(id, &["phq9"]);
    submit(&mut house.client(), &link, &["0"; 10]);
    // As scoring stores a WSAS: its wording is not here, so nobody can answer it in a test.
    let wsas = |value: &str, answers: &str, band: &str, out_of: &str| {
        house.run_sql(&format!(
            "UPDATE response SET instrument = 'wsas', answers = '{answers}'"
        ));
        house.run_sql(&format!(
            "UPDATE score SET instrument = 'wsas', value = {value}, band = {band}, out_of = {out_of}"
        ));
        house.run_sql(&format!(
            "UPDATE episode_scale SET instrument = 'wsas', last_value = {value}, last_band = {band}"
        ));
    };
    let mut staff = house.signed_in(&house.people.therapist);
    let mut says = |words: &str| {
        [format!("/patients/{id}"), "/caseload".to_owned()].map(|path| {
            let page = get(&mut staff, &path).text();
            assert!(page.contains("WSAS"), "{page}");
            page.contains(words)
        })
    };
    let left_out = r#"{"0":1,"2":3,"3":2,"4":2,"5":2}"#;
    wsas("9", left_out, "NULL", "32");
    // The chart names its bands at the edge, whatever the score.
    assert_eq!(says("9 subclinical"), [false, false], "beside the score");
    assert_eq!(says("<td>subclinical"), [false, false], "in the table");
    assert_eq!(says("out of 32"), [true, false]);
    let whole = r#"{"0":0,"1":1,"2":2,"3":2,"4":2,"5":2}"#;
    wsas("9", whole, "'subclinical'", "NULL");
    assert_eq!(says("9 subclinical"), [true, true]);
    assert_eq!(says("<td>subclinical"), [true, false]);
}

#[test]
fn blank_answers_are_recorded_as_blank_and_what_does_not_fit_comes_back() {
    let house = House::open();
    let id = house.patient("P1").to_string();
    let mut staff = house.signed_in(&house.people.therapist);
    house.permit("crafft");
    let form = opened(&mut staff, &id, "crafft", "en");
    let bad = recorded(&mut staff, &form, &[("q1", "many"), ("q2", "0")]);
    assert_eq!(bad.status, 422);
    assert!(
        bad.text().contains("Write a whole number from 0 to 366")
            && bad.text().contains("value=\"many\"")
    );
    let set = [("q1", "4"), ("q2", "0"), ("incomplete", "1")];
    assert_eq!(recorded(&mut staff, &form, &set).status, 303);
    assert_eq!(stored(&house), r#"{"1":4,"2":0}"#);
    for set in [
        [("q1", "1"), ("q5", "7")],
        [("q1", "1"), ("q77", "1")],
        [("q1", "1"), ("x", "1")],
    ] {
        let form = opened(&mut staff, &id, "crafft", "en");
        let answer = recorded(&mut staff, &form, &set);
        assert_eq!(answer.status, 422);
        assert!(
            answer.text().contains("could not be read"),
            "{}",
            answer.text()
        );
    }
    house.verified();
}

#[test]
fn only_those_who_treat_the_patient_record_forms() {
    let house = House::open();
    let id = house.patient("P1").to_string();
    let meets = |person: &Person| {
        let mut staff = house.signed_in(person);
        let fields = [("instrument", "cgi")];
        let shown = post(&mut staff, &format!("/patients/{id}/record"), &fields).status;
        let sent = post(&mut staff, &format!("/patients/{id}/recorded"), &fields).status;
        (shown, sent)
    };
    let people = &house.people;
    assert_eq!(meets(&people.therapist), (200, 422));
    assert_eq!(meets(&people.supervisor), (200, 422));
    assert_eq!(meets(&people.elsewhere), (404, 404));
    assert_eq!(meets(&people.quality), (403, 403));
    assert_eq!(meets(&people.administrator), (403, 403));
    assert_eq!(house.number("response"), 0);
}

#[test]
fn what_is_said_about_the_sessions_stays_apart_and_is_not_shown_again() {
    let house = House::at(monday());
    let id = house.patient("P1");
    let mut patient = house.client();
    let secret = "You talk too fast, Lee";
    for (day, mark) in [(0, "4"), (7, "0")] {
        house.app.clock.set(monday() + chrono::TimeDelta::days(day));
        let link = house.link(id, &["session_check"]);
        start(&mut patient, &link, "list");
        let fields = [
            ("q1", mark),
            ("q2", mark),
            ("q3", mark),
            ("q4", mark),
            ("q5", secret),
            ("send", "1"),
        ];
        let sent = post(&mut patient, &format!("{link}/list/1"), &fields);
        assert_eq!(
            sent.location(),
            Some(format!("{link}/end").as_str()),
            "{}",
            sent.text()
        );
        for path in [
            "", "/next", "/q/1", "/q/5", "/list/1", "/review", "/end", "/support",
        ] {
            let answer = get(&mut patient, &format!("{link}{path}"));
            let text = answer.text();
            assert!(
                !text.contains(secret) && !text.contains(" checked"),
                "{path}: {text}"
            );
        }
    }
    let mut staff = house.signed_in(&house.people.therapist);
    let caseload = page::plain_text(&get(&mut staff, "/caseload").text());
    assert!(
        caseload.contains(PATIENT_NAME) && !caseload.contains("Session check"),
        "{caseload}"
    );
    let shown = get(
        &mut staff,
        &format!("/patients/{id}?open=answers-session_check"),
    )
    .text();
    let (before, after) = shown
        .split_once("id=\"about-sessions\"")
        .expect("a section of its own");
    assert!(!before.contains("id=\"session_check\""));
    assert!(after.contains("not a validated scale") && after.contains(secret));
    for word in ["reliabl", "better", "worse since", "band"] {
        assert!(
            !after
                .split("id=\"sessions\"")
                .next()
                .expect("text")
                .contains(word),
            "{word}"
        );
    }
    assert_eq!(house.number("flag"), 0);
    house.verified();
}

#[test]
fn staff_read_every_kind_of_answer_and_every_kind_of_none() {
    let house = House::at(monday());
    let id = house.patient("P1");
    let mut patient = house.client();
    let link = house.link(id, &["crafft"]);
    start(&mut patient, &link, "page");
    post(&mut patient, &format!("{link}/q/1"), &[("answer", "0")]);
    post(&mut patient, &format!("{link}/q/2"), &[("answer", "0")]);
    post(&mut patient, &format!("{link}/q/3"), &[("answer", "0")]);
    post(&mut patient, &format!("{link}/q/4"), &[("skip", "1")]);
    post(&mut patient, &format!("{link}/send"), &[]);
    let mut staff = house.signed_in(&house.people.therapist);
    let shown = get(&mut staff, &format!("/patients/{id}?open=answers-crafft")).text();
    assert!(
        shown.contains(">declined</td>") && shown.contains(">not asked</td>"),
        "{shown}"
    );
}

#[test]
fn words_reach_neither_mails_nor_the_notices_of_flags() {
    let house = House::at(instant("2026-03-02 16:00:00"));
    let id = house.patient("P1");
    let mut patient = house.client();
    let link = house.link(id, &["session_check", "phq9"]);
    let secret = "Xylophone thoughts";
    post(&mut patient, &format!("{link}/q/5"), &[("answer", secret)]);
    post(&mut patient, &format!("{link}/q/14"), &[("answer", "3")]);
    assert_eq!(house.number("flag"), 1);
    for query in [
        "SELECT answer_words AS value FROM flag",
        "SELECT note AS value FROM flag_act",
        "SELECT COALESCE(last_error, '') AS value FROM outbox",
        "SELECT act || subject || outcome AS value FROM audit_event",
    ] {
        assert!(
            house.texts(query).iter().all(|text| !text.contains(secret)),
            "{query}"
        );
    }
}

#[test]
fn a_plan_for_patients_names_what_it_cannot_hold() {
    let house = House::open();
    let mut staff = house.signed_in(&house.people.therapist);
    let shown = get(&mut staff, "/patients/new").text();
    let form = page::form_to(&shown, "/patients/new").expect("a form");
    let first = |name: &str| {
        let place = shown
            .split_once(&format!("name=\"{name}\""))
            .expect("a select")
            .1;
        let (_, value) = place.split_once("<option value=\"").expect("an option");
        value.split('"').next().expect("a value").to_owned()
    };
    for (instrument, wanted) in [
        ("cgi", "CGI cannot be given to a patient"),
        ("mmpi", "there is no instrument"),
    ] {
        let set = [
            ("external_id", "P9"),
            ("name", PATIENT_NAME),
            ("clinic", &first("clinic")),
            ("program", &first("program")),
            ("instruments", instrument),
            ("cadence", "every_weeks:2"),
        ];
        let answer = post_all(&mut staff, "/patients/new", &form.with(&set));
        assert_eq!(answer.status, 422);
        let said = page::plain_text(&answer.text());
        assert!(said.contains(wanted), "{said}");
    }
    assert_eq!(house.number("patient"), 0);
}
