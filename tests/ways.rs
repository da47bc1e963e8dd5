//! Other ways in, and what is asked of whoever opens a link: the waiting room's tablet, "not this time", the year of birth, paper and interviews with
//! their true day, somebody who answers about the patient.

use attune::domain::access::{Action, Subject, decide};
use attune::domain::schedule::policy::SendingPolicy;
use attune::store::contact::{self, ContactRow};
use attune::store::{Fault, policy};
use chrono::TimeDelta;

use crate::house::{House, PATIENT_NAME, monday};
use crate::patient::{CALM, get, post, start, submit};
use crate::support::http::{Client, Response};
use crate::support::page;

/// Presses "Hand over a tablet"; the code as it is shown.
fn code(house: &House, staff: &mut Client) -> String {
    let patient = &house.ids("patient")[0];
    let shown = post(
        staff,
        &format!("/patients/{patient}/tablet"),
        &[("instrument", "phq9")],
    );
    assert_eq!(shown.status, 200, "{}", shown.text());
    let text = shown.text();
    let (_, after) = text.split_once("<p class=\"code\">").expect("a code");
    page::text_of(after, "strong").expect("a code is shown")
}

fn pair(tablet: &mut Client, code: &str) -> Response {
    post(tablet, "/tablet", &[("code", code)])
}

/// A tablet with a PHQ-9 on it, and the link's path.
pub fn paired(house: &House) -> (Client, String) {
    house.patient("P1");
    let mut staff = house.signed_in(&house.people.therapist);
    let code = code(house, &mut staff);
    let mut tablet = house.client();
    let opened = pair(&mut tablet, &code);
    assert_eq!(opened.status, 303, "{}", opened.text());
    let link = opened.location().expect("it leads on").to_owned();
    (tablet, link)
}

#[test]
fn a_tablet_takes_a_code_once_answers_and_is_handed_back_with_nothing_on_it() {
    let house = House::at(monday());
    house.patient("P1");
    let mut staff = house.signed_in(&house.people.therapist);
    let code = code(&house, &mut staff);
    assert_eq!(code.len(), 7, "{code}");

    let mut tablet = house.client();
    assert_eq!(get(&mut tablet, "/tablet").status, 200);
    let opened = pair(&mut tablet, &code.to_lowercase());
    let link = opened.location().expect("it leads on").to_owned();
    assert!(link.starts_with("/s/") && opened.status == 303);

    let page = get(&mut tablet, &link).text();
    assert!(page.contains("Finished? Hand the tablet back"), "{page}");
    assert!(!page.contains("with the same link"), "{page}");
    assert!(page.contains("http-equiv=\"refresh\" content=\"540;url=/s/"));
    assert!(!page.contains(PATIENT_NAME), "no name stands on a tablet");
    // The link alone, photographed, opens nothing elsewhere; nor does it take an answer there.
    let mut phone = house.client();
    let before = house.snapshot();
    for path in [
        "", "/next", "/q/1", "/list/1", "/review", "/end", "/support",
    ] {
        let elsewhere = get(&mut phone, &format!("{link}{path}"));
        assert_eq!(elsewhere.status, 410, "{path}");
        assert!(
            elsewhere.text().contains("opened on a tablet") && elsewhere.text().contains("988")
        );
    }
    for (path, field) in [
        ("", ("layout", "page")),
        ("/q/1", ("answer", "3")),
        ("/send", ("a", "1")),
        ("/not-now", ("a", "1")),
        ("/not-for-me", ("a", "1")),
        ("/hand-back", ("a", "1")),
    ] {
        let elsewhere = post(&mut phone, &format!("{link}{path}"), &[field]);
        assert!([303, 410].contains(&elsewhere.status), "{path}");
    }
    attune::app::begin::write_down(&house.app, house.app.clock.now());
    assert_eq!(house.snapshot(), before);

    assert_eq!(submit(&mut tablet, &link, &CALM).status, 303);
    let thanks = get(&mut tablet, &format!("{link}/end"));
    assert!(thanks.text().contains("Hand the tablet back"));
    let back = post(&mut tablet, &format!("{link}/hand-back"), &[]);
    assert_eq!((back.status, back.location()), (303, Some("/tablet?back")));
    assert_eq!(
        back.header("clear-site-data"),
        Some(r#""cache", "cookies", "storage""#)
    );
    // Even a browser that kept its secret sees nothing more.
    for path in ["", "/end", "/review", "/q/1"] {
        let after = get(&mut tablet, &format!("{link}{path}"));
        assert_eq!(after.status, 410, "{path}");
        assert_eq!(after.header("cache-control"), Some("no-store"));
        assert!(!after.text().contains("We received"), "{path}");
    }
    let ready = get(&mut tablet, "/tablet?back").text();
    assert!(ready.contains("Please give the tablet back"), "{ready}");
    assert_eq!(house.counts(["responses", "scores"]), [1, 1]);
    house.verified();
}

#[test]
fn whoever_was_signed_in_on_the_tablet_is_signed_out() {
    let house = House::at(monday());
    house.patient("P1");
    let mut tablet = house.signed_in(&house.people.therapist);
    let code = code(&house, &mut tablet);
    assert_eq!(get(&mut tablet, "/caseload").status, 200);
    let session = tablet.cookie("attune").expect("signed in").to_owned();
    assert_eq!(pair(&mut tablet, &code).status, 303);
    for path in ["/caseload", "/queue", "/"] {
        assert_eq!(
            get(&mut tablet, path).location(),
            Some("/sign-in"),
            "{path}"
        );
    }
    // The sign-in itself is over, not only this browser's cookie.
    let mut thief = house.client();
    thief.set_cookie("attune", &session);
    assert_eq!(get(&mut thief, "/caseload").location(), Some("/sign-in"));
}

#[test]
fn wrong_used_and_old_codes_have_clear_words_and_change_nothing() {
    let house = House::at(monday());
    house.patient("P1");
    let mut staff = house.signed_in(&house.people.therapist);
    let (first, second) = (code(&house, &mut staff), code(&house, &mut staff));
    let mut tablet = house.client();
    assert_eq!(pair(&mut tablet, &first).status, 303);
    let before = house.snapshot();
    let says = |code: &str, status: u16, words: &str| {
        let answer = pair(&mut house.client(), code);
        assert_eq!(answer.status, status, "{code}");
        assert!(answer.text().contains(words), "{}", answer.text());
        assert_eq!(answer.header("clear-site-data"), Some("\"cache\""));
    };
    says(&first, 410, "used already");
    says("222-222", 422, "not right");
    says("", 422, "not right");
    says("<script>", 422, "not right");
    house.app.clock.set(monday() + TimeDelta::minutes(10));
    says(&second, 410, "too old");
    assert_eq!(house.snapshot(), before);
    let codes = house.texts("SELECT CAST(COUNT(*) AS TEXT) AS value FROM pairing");
    assert_eq!(codes, ["2"]);
}

#[test]
fn a_tablet_lets_go_after_an_hour_and_what_was_saved_is_kept() {
    let house = House::at(monday());
    let (mut tablet, link) = paired(&house);
    start(&mut tablet, &link, "page");
    post(&mut tablet, &format!("{link}/q/1"), &[("answer", "2")]);
    house.app.clock.set(monday() + TimeDelta::minutes(61));
    assert_eq!(get(&mut tablet, &link).status, 410);
    assert_eq!(
        attune::app::expire_due::expire_due(&house.app).expect("the database works"),
        1
    );
    assert_eq!(
        house.texts("SELECT state AS value FROM administration"),
        ["abandoned"]
    );
    assert_eq!(house.counts(["responses", "scores"]), [1, 0]);
}

#[test]
fn an_idle_tablet_forgets_its_form_and_that_changes_nothing_here() {
    let house = House::at(monday());
    let (mut tablet, link) = paired(&house);
    let before = house.snapshot();
    let asks = get(&mut tablet, &format!("{link}/idle"));
    assert!(asks.text().contains("Are you still there?") && asks.status == 200);
    let over = format!("{link}/idle?over");
    assert!(asks.text().contains(&format!("content=\"60;url={over}\"")));
    assert!(asks.text().contains(&format!("href=\"{link}/next\"")));
    let idle = get(&mut tablet, &over);
    assert_eq!((idle.status, idle.location()), (303, Some("/tablet?idle")));
    assert!(
        idle.header("clear-site-data")
            .is_some_and(|what| what.contains("cookies"))
    );
    assert_eq!(house.snapshot(), before);
}

#[test]
fn a_tablet_shows_one_question_at_a_time_so_that_nothing_unsaved_is_given_up_with_it() {
    let house = House::at(monday());
    let (mut tablet, link) = paired(&house);
    assert!(!get(&mut tablet, &link).text().contains("value=\"list\""));
    let next = format!("{link}/next");
    let began = post(&mut tablet, &link, &[("layout", "list")]);
    assert_eq!(began.location(), Some(next.as_str()));
    let list = get(&mut tablet, &format!("{link}/list/1"));
    assert_eq!(list.location(), Some(next.as_str()));
    let phone = house.phq9("P2");
    assert!(
        get(&mut house.client(), &phone)
            .text()
            .contains("value=\"list\"")
    );
}

#[test]
fn a_tablet_is_handed_over_by_those_who_may_give_a_form() {
    let house = House::at(monday());
    let patient = house.patient("P1");
    let to = format!("/patients/{patient}/tablet");
    let fields = [("instrument", "phq9")];
    for (person, status) in [
        (&house.people.elsewhere, 404),
        (&house.people.quality, 403),
        (&house.people.administrator, 403),
        (&house.people.unlicensed, 200),
    ] {
        assert_eq!(
            post(&mut house.signed_in(person), &to, &fields).status,
            status
        );
    }
    let none = post(&mut house.signed_in(&house.people.therapist), &to, &[]);
    assert!(none.status == 422 && none.text().contains("No questionnaire was chosen"));
    assert_eq!(house.number("pairing"), 1);
}

#[test]
fn not_this_time_declines_the_occasion_and_three_in_a_row_make_one_task() {
    let house = House::at(monday());
    let patient = house.patient("P1");
    for n in 1..=4 {
        let link = house.link(patient, &["phq9"]);
        let mut browser = house.client();
        assert!(get(&mut browser, &link).text().contains("Not this time"));
        let said = post(&mut browser, &format!("{link}/not-now"), &[]);
        assert_eq!(said.location(), Some(format!("{link}/later").as_str()));
        let page = get(&mut browser, &format!("{link}/later")).text();
        assert!(page.contains("That is all right") && page.contains("988"));
        assert_eq!(get(&mut browser, &link).status, 410);
        house.app.clock.set(monday() + TimeDelta::days(n));
        let tasks = house.number("task WHERE kind = 'declined_often'");
        assert_eq!(tasks, usize::from(n >= 3), "after {n}");
    }
    assert_eq!(house.number("task"), 1, "one task, however often");
    assert_eq!(
        house.texts("SELECT DISTINCT state || ': ' || ended_why AS value FROM administration"),
        ["declined: the patient said not this time"]
    );
    let tasks = get(&mut house.signed_in(&house.people.therapist), "/tasks").text();
    assert!(tasks.contains("Three times in a row"), "{tasks}");
    house.verified();
}

#[test]
fn an_answered_form_ends_the_row_of_those_left_out() {
    let house = House::at(monday());
    let patient = house.patient("P1");
    for n in 0..5 {
        house.app.clock.set(monday() + TimeDelta::days(n));
        let link = house.link(patient, &["phq9"]);
        let mut browser = house.client();
        match n {
            2 => submit(&mut browser, &link, &CALM),
            _ => post(&mut browser, &format!("{link}/not-now"), &[]),
        };
    }
    assert_eq!(house.number("task"), 0);
    house.verified();
}

/// Asks for the year of birth here, and puts this one on record for everybody.
pub fn ask_for_years(house: &House, year: i32) {
    let permit = decide(&house.operator(), Action::Administer, Subject::Organisation)
        .expect("the operator may");
    let now = house.app.clock.now();
    let patients = house.ids("patient");
    house
        .app
        .store
        .write_blocking(move |tx| {
            let rules = SendingPolicy {
                second_check: true,
                ..SendingPolicy::default()
            };
            policy::replace(tx, &permit, SendingPolicy::KIND, &rules, now)?;
            for id in patients {
                let id = id.parse().expect("an id");
                let row = ContactRow {
                    birth_year: Some(year),
                    ..ContactRow::unsaid(permit.org(), id, now)
                };
                contact::put(tx, &row)?;
            }
            Ok::<_, Fault>(())
        })
        .expect("it is stored");
    house.app.store.forget_words();
}

#[test]
fn a_link_asks_for_the_year_of_birth_before_it_shows_or_takes_anything() {
    let house = House::at(monday());
    let link = house.phq9("P1");
    ask_for_years(&house, 1984);
    let mut browser = house.client();
    let before = house.snapshot();
    for path in [
        "", "/next", "/q/1", "/list/1", "/review", "/end", "/support",
    ] {
        let page = get(&mut browser, &format!("{link}{path}"));
        let text = page.text();
        assert!(
            text.contains("In which year were you born"),
            "{path}: {text}"
        );
        for secret in [PATIENT_NAME, "Lee Hartwell", "North House", "Question"] {
            assert!(!text.contains(secret), "{secret} on {path}");
        }
        assert!(text.contains("988"), "{path}");
    }
    for path in ["/q/1", "/list/1", "/send", "/not-now", "/not-for-me"] {
        let page = post(&mut browser, &format!("{link}{path}"), &[("answer", "1")]);
        assert_eq!(
            page.status,
            if path == "/list/1" { 422 } else { 403 },
            "{path}"
        );
    }
    post(&mut browser, &link, &[("layout", "page")]);
    attune::app::begin::write_down(&house.app, house.app.clock.now());
    assert_eq!(house.snapshot(), before);

    let right = post(
        &mut browser,
        &format!("{link}/check"),
        &[("year", " 1984 ")],
    );
    assert_eq!(right.status, 303);
    let cookie = right.header("set-cookie").expect("a cookie").to_owned();
    for part in ["HttpOnly", "SameSite=Strict", &format!("Path={link}")] {
        assert!(cookie.contains(part), "{cookie}");
    }
    assert!(!cookie.contains("1984"));
    let page = get(&mut browser, right.location().expect("it leads on")).text();
    assert!(page.contains("North House"), "{page}");
    assert_eq!(submit(&mut browser, &link, &CALM).status, 303);
    assert!(
        get(&mut browser, &format!("{link}/end"))
            .text()
            .contains("We received")
    );
    assert!(
        !get(&mut house.client(), &format!("{link}/end"))
            .text()
            .contains("We received")
    );
    house.verified();
}

#[test]
fn a_proof_of_one_link_opens_no_other() {
    let house = House::at(monday());
    let patient = house.patient("P1");
    let (one, other) = (
        house.link(patient, &["phq9"]),
        house.link(patient, &["phq9"]),
    );
    ask_for_years(&house, 1984);
    let mut browser = house.client();
    post(&mut browser, &format!("{one}/check"), &[("year", "1984")]);
    let proof = browser.cookie("checked").expect("a proof").to_owned();
    let mut forger = house.client();
    forger.set_cookie("checked", &proof);
    assert!(get(&mut forger, &one).text().contains("North House"));
    assert!(get(&mut forger, &other).text().contains("In which year"));
}

#[test]
fn a_page_that_still_asks_for_the_year_when_nobody_does_any_more_leads_on() {
    let house = House::at(monday());
    let link = house.phq9("P1");
    ask_for_years(&house, 1984);
    house.run_sql("UPDATE contact_preference SET birth_year = NULL");
    let said = post(
        &mut house.client(),
        &format!("{link}/check"),
        &[("year", "1984")],
    );
    assert_eq!(said.location(), Some(link.as_str()), "{}", said.text());
}

#[test]
fn a_wrong_year_and_a_link_that_does_not_exist_are_answered_with_the_same_words() {
    let house = House::at(monday());
    let link = house.phq9("P1");
    ask_for_years(&house, 1984);
    let words = |link: &str, year: &str| {
        let answer = post(
            &mut house.client(),
            &format!("{link}/check"),
            &[("year", year)],
        );
        let token = link.trim_start_matches("/s/");
        (answer.status, answer.text().replace(token, "TOKEN"))
    };
    let unknown = format!("/s/{}", "A".repeat(43));
    let wrong = words(&link, "1985");
    assert_eq!(wrong.0, 422);
    assert!(wrong.1.contains("That does not fit") && !wrong.1.contains(PATIENT_NAME));
    assert_eq!(words(&unknown, "1985"), wrong);
    assert_eq!(words(&unknown, "1984"), wrong);
    assert_eq!(words(&link, "84"), wrong);
    // What says no is the year alone; the name is never asked and never said.
    let page = get(&mut house.client(), &link).text();
    assert!(!page.contains("name=\"name\""));
}

#[test]
fn five_wrong_years_close_a_link_for_an_hour_and_no_other() {
    let house = House::at(monday());
    let link = house.phq9("P1");
    let other = house.phq9("P2");
    ask_for_years(&house, 1984);
    let try_year = |link: &str, year: &str| {
        let to = format!("{link}/check");
        post(&mut house.client(), &to, &[("year", year)])
    };
    for year in ["1980", "1981", "1982", "1983", "1985"] {
        assert_eq!(try_year(&link, year).status, 422);
    }
    let waits = try_year(&link, "1984");
    assert_eq!(waits.status, 429);
    let text = waits.text();
    assert!(
        text.contains("Please wait an hour")
            && text.contains("ask the clinic")
            && text.contains("988")
    );
    assert_eq!(try_year(&other, "1984").status, 303);
    house.app.clock.set(monday() + TimeDelta::minutes(60));
    assert_eq!(try_year(&link, "1984").status, 303);
    let failed = house.number("audit_event WHERE act = 'link_check_failed'");
    assert_eq!(failed, 5);
    house.verified();
}

#[test]
fn a_browser_that_keeps_no_cookies_is_told_so() {
    let house = House::at(monday());
    let link = house.phq9("P1");
    ask_for_years(&house, 1984);
    let mut browser = house.client();
    let right = post(&mut browser, &format!("{link}/check"), &[("year", "1984")]);
    browser.forget_cookies();
    let page = get(&mut browser, right.location().expect("it leads on")).text();
    assert!(
        page.contains("did not keep your answer") && page.contains("cookies"),
        "{page}"
    );
}

#[test]
fn without_a_year_on_record_nothing_is_asked() {
    let house = House::at(monday());
    house.patient("P0");
    ask_for_years(&house, 1984);
    let link = house.phq9("P1");
    assert_eq!(submit(&mut house.client(), &link, &CALM).status, 303);
}

/// The empty record form's fields, as a browser would send them.
pub fn record_form(staff: &mut Client, patient: &str, instrument: &str) -> page::Form {
    let fields = [("instrument", instrument), ("language", "en")];
    let shown = post(staff, &format!("/patients/{patient}/record"), &fields);
    assert_eq!(shown.status, 200, "{}", shown.text());
    page::form_to(&shown.text(), "/recorded").expect("a form")
}

/// Records a PHQ-9 with this answer to items 1 to 8, that to item 9, and these fields besides.
pub fn record(
    staff: &mut Client,
    patient: &str,
    (all, ninth): (&str, &str),
    besides: &[(&str, &str)],
) -> Response {
    let form = record_form(staff, patient, "phq9");
    let names: Vec<String> = (1..=8).map(|item| format!("q{item}")).collect();
    let mut set: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), all)).collect();
    set.extend([("q9", ninth), ("q10", "0")]);
    set.extend(besides);
    staff
        .post_form(&form.action, &form.with(&set))
        .expect("the site answers")
}

/// `n first@day last@day best@day recent` of the PHQ-9's total.
pub fn summary(house: &House) -> String {
    let day = |column: &str| format!("substr(CAST({column} AS TEXT), 1, 10)");
    house.texts(&format!(
        "SELECT CAST(n AS TEXT) || ' ' || CAST(CAST(first_value AS INTEGER) AS TEXT) || '@' || {} || ' ' || \
         CAST(CAST(last_value AS INTEGER) AS TEXT) || '@' || {} || ' ' || CAST(CAST(best_value AS INTEGER) AS TEXT) || '@' || {} || ' ' || recent AS value \
         FROM episode_scale WHERE instrument = 'phq9'",
        day("first_at"),
        day("last_at"),
        day("best_at")
    ))
    .join("\n")
}

#[test]
fn an_older_paper_form_takes_its_true_place_in_the_series() {
    let house = House::at(monday());
    let patient = house.patient("P1");
    let id = patient.to_string();
    let day = |n: i64| monday() + TimeDelta::days(n);
    house.app.clock.set(day(14));
    submit(&mut house.client(), &house.link(patient, &["phq9"]), &CALM);
    assert_eq!(
        summary(&house),
        "1 13@2026-03-16 13@2026-03-16 13@2026-03-16 13"
    );

    house.app.clock.set(day(15));
    let mut staff = house.signed_in(&house.people.unlicensed);
    let kept = record(&mut staff, &id, ("2", "0"), &[("day", "2026-03-04")]);
    assert_eq!(kept.status, 303, "{}", kept.text());
    assert_eq!(
        summary(&house),
        "2 16@2026-03-04 13@2026-03-16 13@2026-03-16 16 13"
    );
    // Two of one day, one before all others, and one of today, which comes last.
    let older = [
        ("1", "2026-03-10"),
        ("0", "2026-03-10"),
        ("3", "2026-03-02"),
    ];
    for ((all, on), minute) in older.into_iter().zip(1..) {
        house.app.clock.set(day(15) + TimeDelta::minutes(minute));
        let kept = record(&mut staff, &id, (all, "0"), &[("day", on)]);
        assert_eq!(kept.status, 303);
    }
    house.app.clock.set(day(15) + TimeDelta::minutes(5));
    assert_eq!(
        summary(&house),
        "5 24@2026-03-02 13@2026-03-16 0@2026-03-10 24 16 8 0 13"
    );
    assert_eq!(record(&mut staff, &id, ("1", "0"), &[]).status, 303);
    assert!(summary(&house).starts_with("6 24@2026-03-02 8@2026-03-17 0@2026-03-10"));
    house.app.clock.set(day(21));
    submit(&mut house.client(), &house.link(patient, &["phq9"]), &CALM);
    assert!(summary(&house).ends_with("24 16 8 0 13 8 13"));

    // A day without an hour stands at noon of the site's clock.
    assert_eq!(
        house.number("response WHERE CAST(completed_at AS TEXT) LIKE '2026-03-04_18:00:00%'"),
        house.number("way_in WHERE answered_on = '2026-03-04'")
    );
    let mut staff = house.signed_in(&house.people.therapist);
    let shown = page::plain_text(&get(&mut staff, &format!("/patients/{id}")).text());
    assert!(
        shown.contains("on paper, on Wed 4 Mar 2026, entered by Kim Hartwell"),
        "{shown}"
    );
    house.verified();
}

#[test]
fn a_risk_answer_on_an_old_paper_form_is_flagged_now_and_says_when_it_was_given() {
    let house = House::at(monday());
    let id = house.patient("P1").to_string();
    house.app.clock.set(monday() + TimeDelta::days(9));
    let mut staff = house.signed_in(&house.people.therapist);
    let kept = record(&mut staff, &id, ("1", "2"), &[("day", "2026-03-03")]);
    assert_eq!(kept.status, 303);
    assert_eq!(
        house.counts(["flags", "flags_waiting", "notices"]),
        [1, 1, 1]
    );
    assert_eq!(
        house.texts("SELECT note AS value FROM flag_act WHERE act = 'raised'"),
        ["answered 2 to item 9; on paper, on Tue 3 Mar 2026"]
    );
    assert_eq!(
        house.number("flag WHERE CAST(raised_at AS TEXT) LIKE '2026-03-11%'"),
        1
    );
    let shown = get(&mut staff, &format!("/flags/{}", house.flag())).text();
    assert!(shown.contains("on paper, on Tue 3 Mar 2026"), "{shown}");
    house.verified();
}

#[test]
fn an_interview_says_who_asked_and_how() {
    let house = House::at(monday());
    let id = house.patient("P1").to_string();
    let mut staff = house.signed_in(&house.people.therapist);
    let by_telephone = [("came", "telephone"), ("asked_by", "Ines Marlow")];
    assert_eq!(
        record(&mut staff, &id, ("1", "0"), &by_telephone).status,
        303
    );
    house.app.clock.set(monday() + TimeDelta::minutes(1));
    assert_eq!(
        record(&mut staff, &id, ("2", "0"), &[("came", "in_person")]).status,
        303
    );
    assert_eq!(
        house.texts("SELECT mode || ' ' || manner || ' ' || asked_by AS value FROM way_in ORDER BY manner DESC"),
        ["interview telephone Ines Marlow", "interview in_person Lee Hartwell"]
    );
    let shown = page::plain_text(&get(&mut staff, &format!("/patients/{id}")).text());
    assert!(
        shown.contains("in an interview by telephone with Ines Marlow, on Mon 2 Mar 2026"),
        "{shown}"
    );
    // A form that the clinician answers stays the clinician's.
    let form = record_form(&mut staff, &id, "cgi");
    let sent = form.with(&[("q1", "4"), ("q2", "3"), ("came", "video")]);
    assert_eq!(
        staff
            .post_form(&form.action, &sent)
            .expect("an answer")
            .status,
        303
    );
    assert_eq!(
        house.number("way_in WHERE mode = 'clinician' AND manner IS NULL"),
        1
    );
    house.verified();
}

#[test]
fn a_day_that_cannot_be_is_said_and_what_was_typed_stays() {
    let house = House::at(monday());
    let id = house.patient("P1").to_string();
    house.app.clock.set(monday() + TimeDelta::days(3));
    let mut staff = house.signed_in(&house.people.therapist);
    let long = "x".repeat(201);
    for (besides, words) in [
        ([("day", "2026-03-06"), ("came", "paper")], "lies ahead"),
        (
            [("day", "2026-03-01"), ("came", "paper")],
            "began on Mon 2 Mar 2026",
        ),
        ([("day", "yesterday"), ("came", "paper")], "year-month-day"),
        ([("day", ""), ("came", "paper")], "year-month-day"),
        (
            [("asked_by", long.as_str()), ("came", "video")],
            "longer than 200",
        ),
    ] {
        let said = record(&mut staff, &id, ("2", "0"), &besides);
        assert_eq!(said.status, 422, "{words}");
        let text = said.text();
        assert!(text.contains(words), "{text}");
        let form = page::form_to(&text, "/recorded").expect("the form again");
        assert!(form.untouched().contains(&("q1".into(), "2".into())));
        assert!(
            form.untouched()
                .contains(&(besides[0].0.into(), besides[0].1.into()))
        );
    }
    assert_eq!(house.number("response") + house.number("way_in"), 0);
    // The day on which it is evening in Chicago and tomorrow in Greenwich is today.
    house
        .app
        .clock
        .set(monday() + TimeDelta::days(3) + TimeDelta::hours(11));
    let mut staff = house.signed_in(&house.people.therapist);
    let late = record(&mut staff, &id, ("2", "0"), &[("day", "2026-03-05")]);
    assert_eq!(late.status, 303, "{}", late.text());
    let tomorrow = record(&mut staff, &id, ("2", "0"), &[("day", "2026-03-06")]);
    assert_eq!(tomorrow.status, 422);
}

/// Every row of every table, as text.
fn everything(house: &House) -> Vec<String> {
    house.run_sql("UPDATE heartbeat SET worker = worker");
    match house.app.store.place() {
        attune::store::Place::Sqlite(_) => {
            let tables = "SELECT name AS value FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name";
            let rows = |table: &String| {
                let columns = house.texts(&format!(
                    "SELECT 'quote(' || name || ')' AS value FROM pragma_table_info('{table}')"
                ));
                let row = columns.join(" || ' ' || ");
                house.texts(&format!(
                    "SELECT '{table}: ' || {row} AS value FROM {table} ORDER BY 1"
                ))
            };
            house.texts(tables).iter().flat_map(rows).collect()
        }
        attune::store::Place::Postgres(_) => {
            let tables = "SELECT CAST(table_name AS TEXT) AS value FROM information_schema.tables \
                WHERE table_schema = 'public' ORDER BY table_name";
            let rows = |table: &String| {
                house.texts(&format!(
                    "SELECT '{table}: ' || t::text AS value FROM {table} t ORDER BY 1"
                ))
            };
            house.texts(tables).iter().flat_map(rows).collect()
        }
    }
}

#[test]
fn a_thousand_visits_of_scanners_and_prefetchers_leave_the_whole_database_as_it_was() {
    let house = House::at(monday());
    let patient = house.patient("P1");
    let (link, begun) = (
        house.link(patient, &["phq9"]),
        house.link(patient, &["phq9"]),
    );
    let mut browser = house.client();
    post(&mut browser, &format!("{begun}/q/1"), &[("answer", "2")]);
    let before = everything(&house);
    assert!(before.len() > 20, "{before:#?}");
    let purposes: [&[(&str, &str)]; 4] = [
        &[],
        &[("Purpose", "prefetch")],
        &[("Sec-Purpose", "prefetch;prerender")],
        &[("X-Moz", "prefetch"), ("Sec-Fetch-Site", "cross-site")],
    ];
    let paths = [
        "",
        "/next",
        "/q/1",
        "/q/9",
        "/list/1",
        "/review",
        "/support",
        "/end",
        "/closed",
        "/later",
        "/idle",
        "/check",
        "/send",
        "?lang=es",
        "/not-now",
        "/hand-back",
    ];
    let mut scanner = house.client();
    for n in 0..1_000 {
        let method = if n % 3 == 0 { "HEAD" } else { "GET" };
        let link = if n % 5 == 0 { &begun } else { &link };
        let path = format!("{link}{}", paths[n % paths.len()]);
        let answer = scanner
            .request(method, &path, purposes[n % purposes.len()], b"")
            .expect("the site answers");
        assert!(answer.status < 500, "{method} {path}: {}", answer.status);
    }
    get(&mut scanner, "/tablet?code=ABCDEF");
    attune::app::begin::write_down(&house.app, house.app.clock.now());
    assert_eq!(everything(&house), before);
    assert_eq!(submit(&mut house.client(), &link, &CALM).status, 303);
    house.verified();
}

/// Adds somebody who answers about the patient; their id as it stands in forms.
pub fn informant(house: &House, staff: &mut Client, patient: &str, relation: &str) -> String {
    let fields = [
        ("relation", relation),
        ("name", "Ana Marlow"),
        ("email", ""),
        ("language", "en"),
    ];
    let added = post(staff, &format!("/patients/{patient}/informants"), &fields);
    assert_eq!(added.status, 303, "{}", added.text());
    house.ids("informant").pop().expect("somebody was added")
}

/// Sends a whole list of an instrument, every item with this answer, through a link.
pub fn send_all(browser: &mut Client, link: &str, items: usize, answer: &str) -> Response {
    let mut fields: Vec<(String, String)> = (1..=items)
        .map(|item| (format!("q{item}"), answer.to_owned()))
        .collect();
    fields.push(("send".to_owned(), "1".to_owned()));
    browser
        .post_form(&format!("{link}/list/1"), &fields)
        .expect("the site answers")
}

#[test]
fn what_a_parent_answers_is_a_series_of_its_own_and_never_the_patients() {
    let house = House::at(monday());
    let patient = house.patient("P1");
    let id = patient.to_string();
    let mut staff = house.signed_in(&house.people.therapist);
    house.permit("psc17");
    let parent = informant(&house, &mut staff, &id, "parent");
    let to = format!("/patients/{id}/informants/form");
    let given = post(
        &mut staff,
        &to,
        &[("informant", &parent), ("instrument", "psc17")],
    );
    assert_eq!(given.status, 200, "{}", given.text());
    let form_text = given.text();
    let link = form_text
        .split("value=\"http://")
        .nth(1)
        .and_then(|rest| rest.split('"').next())
        .and_then(|address| address.split_once('/'))
        .map(|(_, path)| format!("/{path}"))
        .expect("a link");

    let mut browser = house.client();
    let start = get(&mut browser, &link).text();
    assert!(
        start.contains("You answer about the person you were asked about"),
        "{start}"
    );
    assert!(!start.contains(PATIENT_NAME) && !start.contains("Ana Marlow"));
    assert!(!start.contains("how you are"));
    assert_eq!(send_all(&mut browser, &link, 17, "1").status, 303);
    assert_eq!(house.number("score WHERE instrument = 'psc17'"), 4);
    assert_eq!(
        house.number("episode_scale"),
        0,
        "nothing of it is the patient's"
    );
    house.verified();

    // The patient's own form beside it counts alone.
    let own = house.link(patient, &["psc17"]);
    assert_eq!(send_all(&mut house.client(), &own, 17, "2").status, 303);
    let values = "SELECT CAST(n AS TEXT) || ' ' || recent AS value FROM episode_scale WHERE instrument = 'psc17' AND scale = 'total'";
    assert_eq!(house.texts(values), ["1 34"]);

    let shown = get(&mut staff, &format!("/patients/{id}")).text();
    assert!(
        shown.contains("Answered by a parent, Ana Marlow"),
        "{shown}"
    );
    let (own, theirs) = shown.split_once("id=\"series-1\"").expect("two series");
    assert!(own.contains("34") && theirs.contains("PSC-17"));
    let caseload = get(&mut staff, "/caseload").text();
    assert!(!caseload.contains("Ana Marlow"));
    house.verified();

    // Answered on paper for an earlier day, it stays apart too.
    house.app.clock.set(monday() + TimeDelta::days(5));
    let mut staff = house.signed_in(&house.people.therapist);
    let form = record_form(&mut staff, &id, "psc17");
    let names: Vec<String> = (1..=17).map(|item| format!("q{item}")).collect();
    let mut set: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "0")).collect();
    set.extend([("day", "2026-03-03"), ("informant", parent.as_str())]);
    let kept = staff
        .post_form(&form.action, &form.with(&set))
        .expect("an answer");
    assert_eq!(kept.status, 303, "{}", kept.text());
    // The same page once more, as if the patient had answered: not the form that is recorded.
    set.retain(|(name, _)| *name != "informant");
    let other = staff.post_form(&form.action, &form.with(&set));
    let other = other.expect("an answer");
    assert!(
        other.status == 422
            && other
                .text()
                .contains("recorded already, with other answers"),
        "{} {}",
        other.status,
        other.text()
    );
    assert_eq!(house.texts(values), ["1 34"]);
    assert_eq!(
        house.number("administration WHERE informant_id IS NOT NULL"),
        2
    );
    house.verified();
}

#[test]
fn a_summary_made_anew_leaves_out_what_others_answered() {
    let house = House::at(monday());
    let patient = house.patient("P1");
    let id = patient.to_string();
    house.permit("psc17");
    let mut staff = house.signed_in(&house.people.therapist);
    let parent = informant(&house, &mut staff, &id, "parent");
    house.app.clock.set(monday() + TimeDelta::days(5));
    let mut staff = house.signed_in(&house.people.therapist);
    let mut enter = |all: &str, day: &str, who: &str| {
        let form = record_form(&mut staff, &id, "psc17");
        let names: Vec<String> = (1..=17).map(|item| format!("q{item}")).collect();
        let mut set: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), all)).collect();
        set.extend([("day", day), ("informant", who)]);
        staff
            .post_form(&form.action, &form.with(&set))
            .expect("an answer")
            .status
    };
    assert_eq!(enter("2", "2026-03-05", ""), 303);
    assert_eq!(enter("0", "2026-03-04", &parent), 303);
    assert_eq!(enter("1", "2026-03-03", ""), 303);
    let values =
        "SELECT CAST(n AS TEXT) || ' ' || recent AS value FROM episode_scale WHERE scale = 'total'";
    assert_eq!(house.texts(values), ["2 17 34"]);
    house.verified();
}

#[test]
fn a_form_about_oneself_is_given_to_nobody_else() {
    let house = House::at(monday());
    let id = house.patient("P1").to_string();
    let mut staff = house.signed_in(&house.people.therapist);
    let partner = informant(&house, &mut staff, &id, "partner");
    let to = format!("/patients/{id}/informants/form");
    let given = post(
        &mut staff,
        &to,
        &[("informant", &partner), ("instrument", "phq9")],
    );
    assert_eq!(given.status, 422);
    assert!(
        given.text().contains("asks people about themselves"),
        "{}",
        given.text()
    );
    let nothing = post(&mut staff, &to, &[("informant", &partner)]);
    assert!(nothing.status == 422 && nothing.text().contains("No questionnaire was chosen"));
    let form = record_form(&mut staff, &id, "phq9");
    let set: Vec<(String, String)> = (1..=10)
        .map(|item| (format!("q{item}"), "0".into()))
        .collect();
    let mut set: Vec<(&str, &str)> = set.iter().map(|(a, b)| (a.as_str(), b.as_str())).collect();
    set.push(("informant", &partner));
    let mut fields = form.with(&set);
    if !fields.iter().any(|(name, _)| name == "informant") {
        fields.push(("informant".into(), partner.clone()));
    }
    assert_eq!(
        staff
            .post_form(&form.action, &fields)
            .expect("an answer")
            .status,
        422
    );
    assert_eq!(house.number("administration"), 0);
}

#[test]
fn whoever_answers_no_more_has_no_open_form_and_keeps_what_was_answered() {
    let house = House::at(monday());
    let id = house.patient("P1").to_string();
    house.permit("psc17");
    let mut staff = house.signed_in(&house.people.therapist);
    let parent = informant(&house, &mut staff, &id, "parent");
    let fields = [("informant", parent.as_str()), ("instrument", "psc17")];
    assert_eq!(
        post(
            &mut staff,
            &format!("/patients/{id}/informants/form"),
            &fields
        )
        .status,
        200
    );
    let stop = format!("/patients/{id}/informants/stop");
    assert_eq!(
        post(&mut staff, &stop, &[("informant", &parent)]).status,
        303
    );
    assert_eq!(
        house.texts("SELECT state || ': ' || ended_why AS value FROM administration"),
        ["cancelled: whoever was to answer it answers no more"]
    );
    assert_eq!(house.number("link WHERE revoked_at IS NULL"), 0);
    let again = post(&mut staff, &stop, &[("informant", &parent)]);
    assert!(
        again.status == 422 && again.text().contains("any more"),
        "{}",
        again.text()
    );
    for wrong in [("name", ""), ("email", "nowhere")] {
        let mut fields = vec![("relation", "carer"), ("language", "en")];
        fields.push(if wrong.0 == "name" {
            ("email", "")
        } else {
            ("name", "Bo")
        });
        fields.push(wrong);
        assert_eq!(
            post(&mut staff, &format!("/patients/{id}/informants"), &fields).status,
            422
        );
    }
    let elsewhere = [("relation", "carer"), ("name", "Bo"), ("email", "")];
    let mut other = house.signed_in(&house.people.elsewhere);
    assert_eq!(
        post(
            &mut other,
            &format!("/patients/{id}/informants"),
            &elsewhere
        )
        .status,
        404
    );
    assert_eq!(house.number("informant"), 1);
    house.verified();
}

#[test]
fn a_risk_answer_of_somebody_else_is_flagged_and_says_whose_it_is() {
    let house = House::at(monday());
    let patient = house.patient("P1");
    let id = patient.to_string();
    let mut staff = house.signed_in(&house.people.therapist);
    informant(&house, &mut staff, &id, "carer");
    // No form for others that ships has a risk rule; one that a site brings may.
    let link = house.link(patient, &["phq9"]);
    house.run_sql("UPDATE administration SET informant_id = (SELECT id FROM informant)");
    let mut answers = CALM;
    answers[8] = "1";
    assert_eq!(submit(&mut house.client(), &link, &answers).status, 303);
    assert_eq!(
        house.texts("SELECT note AS value FROM flag_act WHERE act = 'raised'"),
        ["answered 1 to item 9; answered by a carer, Ana Marlow"]
    );
    assert_eq!(house.number("episode_scale"), 0);
    let shown = get(&mut staff, &format!("/flags/{}", house.flag())).text();
    assert!(shown.contains("answered by a carer, Ana Marlow"), "{shown}");
    house.verified();
}

#[test]
fn answers_that_contradict_each_other_are_told_beside_the_score() {
    let house = House::at(monday());
    let id = house.patient("P1").to_string();
    let mut staff = house.signed_in(&house.people.therapist);
    let form = record_form(&mut staff, &id, "pc_ptsd_5");
    // "Never had this happen", and yes to what came of it.
    let set = [("q0", "0"), ("q1", "1"), ("q2", "1"), ("q5", "0")];
    let mut fields = form.with(&set);
    fields.push(("incomplete".into(), "yes".into()));
    let kept = staff.post_form(&form.action, &fields);
    assert_eq!(kept.expect("an answer").status, 303);
    let shown = page::plain_text(&get(&mut staff, &format!("/patients/{id}")).text());
    assert!(
        shown.contains(
            "items 1, 2, 5 answered and not counted: the answer to item 0 rules that out"
        ),
        "{shown}"
    );
}

#[test]
fn a_form_goes_into_the_episode_of_care_from_whose_page_it_was_asked() {
    use attune::app::import::{Mode, Order, What, import};
    let house = House::at(monday());
    let id = house.patient("P1").to_string();
    let other = house.patient("P2").to_string();
    let file = house.folder.write(
        "patients.csv",
        "patient_id,name,email,language,time_zone,clinic_id,clinic,program_id,program,clinician,episode_start,episode_end,ending\n\
         P1,Zephyrine Quillfeather,p1@patients.example.org,en,America/Chicago,north,,trauma,Trauma program,lee@staff.example.org,2026-03-04,,\n",
    );
    let order = Order {
        what: What::Patients,
        rejects: house.folder.path().join("rejected.csv"),
        file,
        mode: Mode::Write,
    };
    house.app.clock.set(monday() + TimeDelta::days(5));
    let report = import(&house.app, &house.operator(), &order, &mut |_| ());
    assert_eq!(report.expect("the file is good").rejected, 0);
    let hex = house.hex_of_id();
    let of = |patient: &str, order: &str| {
        let own = format!(
            "SELECT {hex} AS value FROM episode WHERE patient_id = (SELECT id FROM patient WHERE external_id = '{patient}') ORDER BY started_on {order} LIMIT 1"
        );
        house.texts(&own).remove(0)
    };
    let (first, second, strange) = (of("P1", "ASC"), of("P1", "DESC"), of("P2", "ASC"));
    assert_ne!(first, second);
    let scored = |episode: &str| {
        let hex = hex.replace("id", "episode_id");
        house.number(&format!("response WHERE {hex} = '{episode}'"))
    };

    let mut staff = house.signed_in(&house.people.therapist);
    let page = get(&mut staff, &format!("/patients/{id}?episode={first}")).text();
    assert!(page.contains(&format!("name=\"episode\" value=\"{first}\"")));
    let asked = [
        ("instrument", "phq9"),
        ("language", "en"),
        ("episode", first.as_str()),
    ];
    let shown = post(&mut staff, &format!("/patients/{id}/record"), &asked).text();
    assert!(
        shown.contains("for Zephyrine Quillfeather, Outpatient"),
        "{shown}"
    );
    assert!(shown.contains(&format!("name=\"episode\" value=\"{first}\"")));
    let in_first = [("day", "2026-03-03"), ("episode", first.as_str())];
    assert_eq!(record(&mut staff, &id, ("2", "0"), &in_first).status, 303);
    assert_eq!((scored(&first), scored(&second)), (1, 0));
    let link = [("instrument", "phq9"), ("episode", first.as_str())];
    let given = post(&mut staff, &format!("/patients/{id}/form"), &link);
    assert_eq!(given.status, 200, "{}", given.text());
    let strayed = [("episode", strange.as_str())];
    assert_eq!(record(&mut staff, &id, ("2", "0"), &strayed).status, 422);
    assert_eq!(
        record(&mut staff, &other, ("2", "0"), &in_first).status,
        422
    );
    assert_eq!(
        (scored(&first), scored(&second), scored(&strange)),
        (1, 0, 0)
    );

    // What came back on paper after care had ended belongs to it, on a day within it.
    house.run_sql(&format!(
        "UPDATE episode SET ended_on = '2026-03-06', ending = 'planned' WHERE {hex} = '{first}'"
    ));
    let late = record(&mut staff, &id, ("1", "2"), &[("episode", first.as_str())]);
    assert!(
        late.status == 422 && late.text().contains("ended on Fri 6 Mar 2026"),
        "{}",
        late.text()
    );
    let within = [("day", "2026-03-06"), ("episode", first.as_str())];
    assert_eq!(record(&mut staff, &id, ("1", "2"), &within).status, 303);
    assert_eq!((scored(&first), scored(&second)), (2, 0));
    assert_eq!(house.counts(["flags", "flags_waiting"]), [1, 1]);
    let refused = post(&mut staff, &format!("/patients/{id}/form"), &link);
    assert_eq!(refused.status, 422, "no link after care has ended");
}
