//! Links that take nothing: used, too old, withdrawn, declined, mistyped, guessed. Each has a calm page with help on it, and whatever is sent
//! through it changes nothing.

use chrono::TimeDelta;

use crate::house::{House, monday};
use crate::patient::{CALM, get, post, sheet, start, submit};
use crate::support::http::Client;

/// Opens and sends; every answer has this status, says these words and shows where help is.
fn is_calm(house: &House, link: &str, status: u16, words: &str) {
    let before = house.snapshot();
    let mut patient = house.client();
    let mut answers = vec![
        ("GET", get(&mut patient, link)),
        ("GET next", get(&mut patient, &format!("{link}/next"))),
    ];
    answers.push(("GET q", get(&mut patient, &format!("{link}/q/1"))));
    answers.push((
        "POST q",
        post(&mut patient, &format!("{link}/q/1"), &[("answer", "1")]),
    ));
    answers.push((
        "POST list",
        patient
            .post_form(&format!("{link}/list/1"), &sheet(&CALM))
            .expect("an answer"),
    ));
    answers.push((
        "POST send",
        post(&mut patient, &format!("{link}/send"), &[]),
    ));
    for (what, answer) in answers {
        let text = answer.text();
        assert_eq!(answer.status, status, "{what}: {text}");
        assert!(
            text.contains(words) && text.contains("988") && text.contains("(555) 010-0199"),
            "{what}: {text}"
        );
    }
    assert_eq!(house.snapshot(), before);
}

#[test]
fn an_expired_link_has_a_calm_page_and_keeps_what_was_saved() {
    let house = House::at(monday());
    let link = house.phq9("P1");
    let mut patient = house.client();
    start(&mut patient, &link, "page");
    post(&mut patient, &format!("{link}/q/1"), &[("answer", "2")]);
    house
        .app
        .clock
        .set(monday() + TimeDelta::days(7) + TimeDelta::seconds(1));
    is_calm(&house, &link, 410, "The time for these questions is over");
    assert_eq!(
        attune::app::expire_due::expire_due(&house.app).expect("the database works"),
        1
    );
    is_calm(&house, &link, 410, "The time for these questions is over");
    assert_eq!(house.counts(["responses", "scores"]), [1, 0]);
    assert_eq!(
        house.texts("SELECT state AS value FROM administration"),
        ["abandoned"]
    );
}

#[test]
fn a_link_takes_answers_until_its_last_second() {
    let house = House::at(monday());
    let link = house.phq9("P1");
    house
        .app
        .clock
        .set(monday() + TimeDelta::days(7) - TimeDelta::seconds(1));
    assert_eq!(submit(&mut house.client(), &link, &CALM).status, 303);
    assert_eq!(house.counts(["scores"]), [1]);
}

#[test]
fn a_withdrawn_link_has_a_calm_page() {
    let house = House::open();
    let link = house.phq9("P1");
    house.run_sql("UPDATE link SET revoked_at = created_at");
    is_calm(&house, &link, 410, "This link is no longer used");
}

#[test]
fn a_used_link_has_a_calm_page() {
    let house = House::open();
    let link = house.phq9("P1");
    let mut patient = house.client();
    submit(&mut patient, &link, &CALM);
    let before = house.snapshot();
    for path in ["", "/next", "/q/1", "/list/1"] {
        let page = get(&mut patient, &format!("{link}{path}"));
        assert_eq!(page.status, 410, "{path}");
        assert!(page.text().contains("already answered") && page.text().contains("988"));
    }
    let late = post(&mut patient, &format!("{link}/q/1"), &[("answer", "3")]);
    assert_eq!(late.status, 409, "another answer after the hand-in");
    assert_eq!(house.snapshot(), before);
}

#[test]
fn a_mistyped_link_has_a_calm_page() {
    let house = House::open();
    let link = house.phq9("P1");
    let mut wrong = link.clone();
    let last = if wrong.pop() == Some('A') { 'B' } else { 'A' };
    wrong.push(last);
    is_calm(&house, &wrong, 404, "We cannot find this page");
    is_calm(
        &house,
        &link[..link.len() - 5],
        404,
        "We cannot find this page",
    );
    assert_eq!(
        get(&mut house.client(), &link).status,
        200,
        "the right one still works"
    );
}

#[test]
fn whoever_guesses_links_is_told_to_wait_and_a_patient_on_the_same_line_is_not() {
    let house = House::open();
    let link = house.phq9("P1");
    let mut guesser = house.client();
    let guess = |guesser: &mut Client, n: usize| get(guesser, &format!("/s/{n:043}"));
    let statuses: Vec<u16> = (0..40).map(|n| guess(&mut guesser, n).status).collect();
    assert!(
        statuses[..30].iter().all(|status| *status == 404) && statuses.contains(&429),
        "{statuses:?}"
    );
    let page = guess(&mut guesser, 99);
    assert!(
        page.text().contains("Please wait a minute") && page.text().contains("988"),
        "{}",
        page.text()
    );
    assert_eq!(submit(&mut guesser, &link, &CALM).status, 303);
    assert_eq!(house.counts(["scores"]), [1]);
}

#[test]
fn this_is_not_for_me_closes_the_link_tells_staff_and_touches_nothing_else() {
    let house = House::open();
    let link = house.phq9("P1");
    let mut stranger = house.client();
    let said = post(&mut stranger, &format!("{link}/not-for-me"), &[]);
    assert_eq!(
        (said.status, said.location()),
        (303, Some(format!("{link}/closed").as_str()))
    );
    let closed = get(&mut stranger, &format!("{link}/closed"));
    assert!(
        closed.status == 200
            && closed.text().contains("Thank you for telling us")
            && closed.text().contains("988")
    );
    is_calm(&house, &link, 410, "closed with “This is not for me”");
    let again = post(&mut stranger, &format!("{link}/not-for-me"), &[]);
    assert!(
        again.status == 410 && again.text().contains("988"),
        "{}",
        again.status
    );
    assert_eq!(
        house.texts("SELECT kind AS value FROM task"),
        ["not_for_me"]
    );
    assert_eq!(
        house.texts("SELECT state AS value FROM administration"),
        ["declined"]
    );
    let tasks = get(&mut house.signed_in(&house.people.therapist), "/tasks").text();
    assert!(tasks.contains("this link is not for me"), "{tasks}");
    assert_eq!(house.counts(["responses", "scores", "flags"]), [0, 0, 0]);
}

/// What the page behind a link says in both languages.
fn says(house: &House, link: &str) -> [String; 2] {
    ["en", "es"].map(|language| get(&mut house.client(), &format!("{link}?lang={language}")).text())
}

#[test]
fn a_link_that_was_declined_says_so_and_not_that_the_clinic_closed_it() {
    let house = House::open();
    let ways = [
        (
            "not-now",
            "You left these questions out this time",
            "Esta vez dejó estas preguntas",
        ),
        (
            "not-for-me",
            "closed with “This is not for me”",
            "se cerró con “Esto no es para mí”",
        ),
    ];
    for (way, english, spanish) in ways {
        let link = house.phq9(way);
        post(&mut house.client(), &format!("{link}/{way}"), &[]);
        is_calm(&house, &link, 410, english);
        let pages = says(&house, &link);
        assert!(pages[1].contains(spanish), "{way}: {}", pages[1]);
        for page in &pages {
            let blames = ["Your clinic has closed it", "Su clínica lo cerró"];
            assert!(
                !blames.iter().any(|words| page.contains(words)),
                "{way}: {page}"
            );
        }
        let note = post(
            &mut house.client(),
            &format!("{link}/correction"),
            &[("note", "x")],
        );
        assert_eq!(
            note.location(),
            Some(link.as_str()),
            "{way}: {}",
            note.text()
        );
    }
}

#[test]
fn a_flag_stays_when_its_link_is_closed_by_not_for_me() {
    let house = House::open();
    let link = house.phq9("P1");
    let mut patient = house.client();
    post(&mut patient, &format!("{link}/q/9"), &[("answer", "1")]);
    assert_eq!(
        post(&mut patient, &format!("{link}/not-for-me"), &[]).status,
        303
    );
    assert_eq!(house.counts(["flags", "flags_waiting"]), [1, 1]);
}
