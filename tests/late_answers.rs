//! An answer that came when its form took no more: it is in no record and no score, and a person sees it all the same.

use attune::app::expire_due::expire_due;
use attune::domain::risk::policy::RuleSetting;
use chrono::TimeDelta;

use crate::house::{House, monday};
use crate::patient::{CALM, get, post, sheet, start, submit};
use crate::signals::{set_policy, told};
use crate::support::http::Response;

/// Puts an answer to item 9 where nothing more is taken; the page that says so.
fn too_late(house: &House, link: &str, answer: &str) -> Response {
    let path = format!("{link}/q/9");
    post(&mut house.client(), &path, &[("answer", answer)])
}

/// Whether help comes before everything else on a page, with the truth about what was sent.
fn helps(page: &Response) -> bool {
    let text = page.text();
    let main = text.split("<main>").nth(1).unwrap_or_default().trim_start();
    let first = main.starts_with("<div class=\"crisis\">");
    if first {
        assert!(text.contains("tel:988") && text.contains("could not be kept"));
        assert!(!text.contains("Your answer is saved"), "{text}");
    }
    first
}

pub fn helped(page: Response, status: u16) -> bool {
    page.status == status && helps(&page)
}

/// The answers on flags, in the order in which they came.
fn on_flags(house: &House) -> Vec<String> {
    house.texts("SELECT rule || ' ' || CAST(answer AS TEXT) AS value FROM flag_answer ORDER BY id")
}

fn notices(house: &House) -> usize {
    house.number("outbox WHERE kind = 'flag_notice'")
}

#[test]
fn a_page_left_open_until_its_time_was_over_still_brings_a_crisis_answer_to_a_person() {
    let house = House::at(monday());
    let link = house.phq9("P1");
    start(&mut house.client(), &link, "steps");
    house.app.clock.set(monday() + TimeDelta::days(8));
    for round in 0..2 {
        let page = too_late(&house, &link, "2");
        assert!(page.text().contains("The time for these questions is over"));
        assert!(helped(page, 410), "{round}");
        assert_eq!(
            house.counts(["responses", "flags", "flags_waiting", "flag_answers"]),
            [0, 1, 1, 1],
            "the same once more is no news: {round}"
        );
        assert_eq!(notices(&house), 1);
        // The second time the occasion has been put away.
        expire_due(&house.app).expect("occasions end");
    }
    let calm = too_late(&house, &link, "0");
    assert!(calm.status == 410 && !helps(&calm));
    assert!(helped(too_late(&house, &link, "3"), 410));
    assert_eq!(on_flags(&house).len(), 2, "a higher answer is news");
    assert_eq!(notices(&house), 2);

    let mut therapist = house.signed_in(&house.people.therapist);
    let flag = get(&mut therapist, &format!("/flags/{}", house.flag())).text();
    for said in [
        "came when the form took no more answers",
        "It is in no score",
        "Nearly every day",
    ] {
        assert!(flag.contains(said), "{said}: {flag}");
    }
}

#[test]
fn a_second_page_with_a_worse_answer_after_the_first_was_sent_reaches_a_person_and_changes_no_score()
 {
    let house = House::open();
    let link = house.phq9("P1");
    let mut second = house.client();
    start(&mut second, &link, "list");
    submit(&mut house.client(), &link, &CALM);
    let scores = "SELECT CAST(value AS TEXT) AS value FROM score ORDER BY scale";
    let before = house.texts(scores);
    let mut otherwise = CALM;
    otherwise[8] = "1";
    let send = |second: &mut crate::support::http::Client, answers: &[&str]| {
        let said = second.post_form(&format!("{link}/list/1"), &sheet(answers));
        said.expect("the site answers")
    };
    let said = send(&mut second, &otherwise);
    assert!(said.text().contains("Your answers were sent before"));
    assert!(helped(said, 409));
    assert_eq!(
        house.counts(["responses", "flags", "flags_waiting"]),
        [1, 1, 1]
    );
    assert_eq!(house.texts(scores), before);
    // "Send without these answers" is no way around it.
    let mut without = otherwise;
    (without[3], without[8]) = ("", "2");
    let mut fields = sheet(&without);
    fields.retain(|(name, value)| name != "send" && !value.is_empty());
    fields.push(("incomplete".into(), "1".into()));
    let said = second.post_form(&format!("{link}/list/1"), &fields);
    assert!(helped(said.expect("the site answers"), 409));
    assert_eq!(on_flags(&house).len(), 2);
    // What says nothing worse is told as before, and leaves nothing behind.
    otherwise[8] = "0";
    otherwise[0] = "3";
    let before = house.snapshot();
    assert_eq!(send(&mut second, &otherwise).status, 409);
    assert_eq!(send(&mut second, &CALM).status, 303, "a second click");
    assert_eq!(house.snapshot(), before);
}

#[test]
fn a_link_that_was_closed_or_withdrawn_meanwhile_keeps_no_crisis_answer_from_a_person() {
    let house = House::open();
    type Close = fn(&House, &str);
    let ways: [(&str, Close); 3] = [
        ("P1", |house, link| {
            post(&mut house.client(), &format!("{link}/not-now"), &[]);
        }),
        ("P2", |house, link| {
            post(&mut house.client(), &format!("{link}/not-for-me"), &[]);
        }),
        ("P3", |house, _| {
            house.run_sql("UPDATE link SET revoked_at = created_at");
        }),
    ];
    for ((patient, close), flags) in ways.into_iter().zip(1..) {
        let link = house.phq9(patient);
        close(&house, &link);
        assert!(helped(too_late(&house, &link, "1"), 410), "{patient}");
        assert_eq!(
            house.counts(["flags", "responses"]),
            [flags, 0],
            "{patient}"
        );
    }
}

#[test]
fn a_page_that_was_open_before_the_year_of_birth_was_asked_for_keeps_no_crisis_answer_from_a_person()
 {
    let house = House::at(monday());
    let link = house.phq9("P1");
    start(&mut house.client(), &link, "list");
    crate::ways::ask_for_years(&house, 1984);
    let asked = too_late(&house, &link, "2");
    assert!(asked.text().contains("One question first"));
    assert!(helped(asked, 403), "help before the year is asked");
    assert_eq!(house.counts(["responses", "flags"]), [0, 1]);
    let told = house.texts("SELECT note AS value FROM flag_act WHERE act = 'raised'");
    assert!(told[0].contains("it is not known who answered"), "{told:?}");
    // "Send without these answers" is no way around it.
    let mut fields = sheet(&CALM);
    fields.retain(|(name, _)| name != "send" && name != "q9");
    fields.extend([("q9".into(), "3".into()), ("incomplete".into(), "1".into())]);
    let without = house.client().post_form(&format!("{link}/list/1"), &fields);
    assert!(helped(without.expect("the site answers"), 403));
    assert_eq!(on_flags(&house).len(), 2);
    let first = get(&mut house.client(), &link).text();
    assert!(first.contains("One question first"), "{first}");
    // What says nothing of the kind is asked for the year as before.
    let calm = post(
        &mut house.client(),
        &format!("{link}/q/1"),
        &[("answer", "1")],
    );
    assert_eq!(calm.status, 403);
}

#[test]
fn the_same_answer_on_another_form_that_came_too_late_is_told_as_well() {
    let house = House::at(monday());
    let patient = house.patient("P1");
    let links = [
        house.link(patient, &["phq9"]),
        house.link(patient, &["phq9"]),
    ];
    house.app.clock.set(monday() + TimeDelta::days(8));
    assert!(helped(too_late(&house, &links[0], "2"), 410));
    house
        .app
        .clock
        .set(monday() + TimeDelta::days(8) + TimeDelta::hours(1));
    assert!(helped(too_late(&house, &links[1], "2"), 410));
    assert_eq!(on_flags(&house).len(), 2);
    house.verified();
}

#[test]
fn below_the_sites_threshold_help_is_offered_and_nobody_is_called() {
    let house = House::open();
    let library = attune::domain::instrument::Library::embedded();
    let rule = &library.get("phq9").expect("a form").risk_rules[0].id;
    let setting = RuleSetting {
        at_least: Some(2),
        tier: None,
    };
    set_policy(&house, |policy| {
        policy.rules = [(format!("phq9.{rule}"), setting)].into();
    });
    let link = house.phq9("P1");
    submit(&mut house.client(), &link, &CALM);
    assert!(helped(too_late(&house, &link, "1"), 409));
    assert_eq!(house.counts(["flags"]), [0]);
    assert!(helped(too_late(&house, &link, "2"), 409));
    assert_eq!(house.counts(["flags"]), [1]);
}

#[test]
fn words_that_came_too_late_are_read_by_a_person_and_a_sentence_of_the_list_calls_one() {
    let house = House::at(monday());
    let link = house.link(house.patient("P1"), &["fft"]);
    start(&mut house.client(), &link, "page");
    house.app.clock.set(monday() + TimeDelta::days(8));
    let say = |words: &str| {
        let said = post(
            &mut house.client(),
            &format!("{link}/q/2"),
            &[("answer", words)],
        );
        helps(&said)
    };
    assert!(!say("The lift was broken."));
    assert_eq!(house.counts(["responses", "flags"]), [0, 0]);
    assert_eq!(told(&house), ["words open 1"]);
    assert!(say("I want to die."));
    assert!(!say("I want to die."), "the same once more");
    let long = format!("I want to end my life. {}", "ñ".repeat(2_000));
    assert!(say(&long) && say(&long), "help each time");
    assert_eq!(on_flags(&house).len(), 2);
    let kept = house.texts("SELECT facts AS value FROM signal").join("");
    assert!(kept.contains("The lift was broken.") && kept.contains("I want to die."));
    assert_eq!(
        house.counts(["responses", "flags", "flag_answers"]),
        [0, 1, 2]
    );
    assert_eq!(told(&house).len(), 1, "in the same signal");
}

#[test]
fn a_cry_for_help_in_words_that_are_too_long_reaches_somebody_and_stays_on_the_page() {
    let house = House::at(monday());
    let link = house.link(house.patient("P1"), &["fft"]);
    let mut patient = house.client();
    start(&mut patient, &link, "page");
    let long = format!("I want to die. {}", "ñ".repeat(2_000));
    let to = format!("{link}/q/2");
    for _ in 0..2 {
        let page = post(&mut patient, &to, &[("answer", &long)]);
        assert!(page.text().contains("I want to die. ñ"), "nothing is lost");
        assert!(page.text().contains("15 characters too long"));
        assert!(helped(page, 422));
        assert_eq!(on_flags(&house), ["phrase 1"], "and told once");
    }
    let told = house.texts("SELECT note AS value FROM flag_act WHERE act = 'raised'");
    assert!(told[0].contains("too long to be kept"), "{told:?}");
    // On a list, together with the end of it.
    let list = format!("{link}/list/1");
    let sent = [("q1", "2"), ("q2", &long), ("send", "1")];
    assert!(helped(post(&mut patient, &list, &sent), 422));
    assert_eq!(house.number("response WHERE state = 'completed'"), 0);
    assert_eq!(notices(&house), 1);
    house.verified();
}

#[test]
fn what_a_tablet_sends_after_it_was_left_for_long_is_not_taken_and_its_crisis_answer_reaches_a_person()
 {
    let house = House::at(monday());
    let (mut tablet, link) = crate::ways::paired(&house);
    start(&mut tablet, &link, "page");
    // Its cookie is over: it comes like any other device.
    let said = too_late(&house, &link, "2");
    assert!(said.text().contains("tablet"), "{}", said.text());
    assert!(helped(said, 410));
    assert_eq!(house.counts(["responses", "flags"]), [0, 1]);
    let told = house.texts("SELECT note AS value FROM flag_act WHERE act = 'raised'");
    assert!(told[0].contains("another device"), "{told:?}");
    house.verified();
}
