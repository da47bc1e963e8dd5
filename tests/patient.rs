//! The main job as a patient meets it: a link, a form, an end page. What may go wrong with what is sent is in `bad_input`; links that take
//! nothing any more are in `bad_links`.

use crate::house::{House, PATIENT_NAME};
use crate::support::http::{Client, Response};
use crate::support::page;

/// Ten answers in the compact layout; item 9 is the ninth.
pub const CALM: [&str; 10] = ["1", "2", "3", "0", "1", "2", "3", "1", "0", "1"];

/// The fields of a list that is sent.
pub fn sheet(answers: &[&str]) -> Vec<(String, String)> {
    let mut fields: Vec<(String, String)> = answers
        .iter()
        .zip(1..)
        .map(|(answer, item)| (format!("q{item}"), (*answer).to_owned()))
        .collect();
    fields.push(("send".to_owned(), "1".to_owned()));
    fields
}

pub fn get(client: &mut Client, path: &str) -> Response {
    client.get(path).expect("the site answers")
}

pub fn post(client: &mut Client, path: &str, fields: &[(&str, &str)]) -> Response {
    client.post_form(path, fields).expect("the site answers")
}

/// Presses start; says where that leads.
pub fn start(client: &mut Client, link: &str, layout: &str) -> String {
    let answer = post(client, link, &[("layout", layout)]);
    assert_eq!(answer.status, 303, "{}", answer.text());
    let onward = answer
        .location()
        .expect("a redirect has a target")
        .to_owned();
    if !onward.ends_with("/next") {
        return onward;
    }
    get(client, &onward)
        .location()
        .expect("next leads on")
        .to_owned()
}

/// Answers one question; says where that leads.
fn answer(client: &mut Client, link: &str, number: usize, field: (&str, &str)) -> String {
    let answer = post(client, &format!("{link}/q/{number}"), &[field]);
    assert_eq!(answer.status, 303, "{}", answer.text());
    answer
        .location()
        .expect("a redirect has a target")
        .to_owned()
}

/// The whole of a compact PHQ-9.
pub fn submit(client: &mut Client, link: &str, answers: &[&str]) -> Response {
    start(client, link, "list");
    client
        .post_form(&format!("{link}/list/1"), &sheet(answers))
        .expect("the site answers")
}

#[test]
fn opening_a_link_again_and_again_changes_nothing() {
    let house = House::open();
    let link = house.phq9("P1");
    let before = house.snapshot();
    let mut scanner = house.client();
    for _ in 0..20 {
        let page = get(&mut scanner, &link);
        assert_eq!(page.status, 200);
        assert!(
            page.text().contains("988") && page.text().contains("Nobody watches this page live")
        );
    }
    for path in [
        "", "/next", "/q/1", "/q/9", "/list/1", "/review", "/support", "/end", "/closed",
    ] {
        for method in ["GET", "HEAD"] {
            let answer = scanner
                .request(method, &format!("{link}{path}"), &[], b"")
                .expect("the site answers");
            assert!(answer.status < 400, "{method} {path}: {}", answer.status);
        }
    }
    assert_eq!(house.snapshot(), before);
    assert_eq!(
        house.texts("SELECT state AS value FROM administration"),
        ["sent"]
    );
}

#[test]
fn a_list_is_sent_once_and_its_end_survives_reload_back_and_double_click() {
    let house = House::open();
    let link = house.phq9("P1");
    let mut patient = house.client();
    assert_eq!(start(&mut patient, &link, "list"), format!("{link}/list/1"));
    let list = get(&mut patient, &format!("{link}/list/1"));
    let form = page::form_to(&list.text(), "/list/1").expect("a form");
    assert_eq!(form.choices().len(), 10);

    let sent = patient
        .post_form(&format!("{link}/list/1"), &sheet(&CALM))
        .expect("the site answers");
    assert_eq!(
        (sent.status, sent.location()),
        (303, Some(format!("{link}/end").as_str()))
    );
    let end = get(&mut patient, &format!("{link}/end"));
    assert!(
        end.text().contains("Your answers are in") && end.text().contains("10 of 10"),
        "{}",
        end.text()
    );
    let after = house.snapshot();

    for _ in 0..3 {
        assert_eq!(get(&mut patient, &format!("{link}/end")).text(), end.text());
        let again = patient
            .post_form(&format!("{link}/list/1"), &sheet(&CALM))
            .expect("the site answers");
        assert_eq!(
            (again.status, again.location()),
            (303, Some(format!("{link}/end").as_str()))
        );
    }
    let back = get(&mut patient, &format!("{link}/list/1"));
    assert_eq!(back.status, 410);
    assert!(back.text().contains("already answered") && back.text().contains("988"));

    let mut others = CALM;
    others[0] = "3";
    let other = patient
        .post_form(&format!("{link}/list/1"), &sheet(&others))
        .expect("the site answers");
    assert_eq!(other.status, 409);
    assert!(other.text().contains("988"));
    assert_eq!(
        house.snapshot(),
        after,
        "nothing after the first hand-in is stored"
    );
    assert_eq!(house.counts(["responses", "scores", "flags"]), [1, 1, 0]);
    assert_eq!(
        house.texts("SELECT CAST(CAST(value AS INTEGER) AS TEXT) AS value FROM score"),
        ["13"]
    );
}

#[test]
fn two_clicks_at_the_same_instant_hand_in_once() {
    let house = House::open();
    let link = house.phq9("P1");
    start(&mut house.client(), &link, "list");
    let statuses: Vec<u16> = std::thread::scope(|scope| {
        let clicks: Vec<_> = (0..6)
            .map(|_| {
                scope.spawn(|| {
                    house
                        .client()
                        .post_form(&format!("{link}/list/1"), &sheet(&CALM))
                        .expect("an answer")
                        .status
                })
            })
            .collect();
        clicks
            .into_iter()
            .map(|click| click.join().expect("no click panics"))
            .collect()
    });
    assert_eq!(statuses, [303; 6]);
    assert_eq!(house.counts(["responses", "scores"]), [1, 1]);
    assert_eq!(house.number("audit_event WHERE act = 'answers_sent'"), 1);
}

#[test]
fn several_occasions_of_one_patient_answered_at_once_amount_to_one_summary() {
    let house = House::open();
    let patient = house.patient("P1");
    let links: Vec<String> = (0..8).map(|_| house.link(patient, &["phq9"])).collect();
    std::thread::scope(|scope| {
        for link in &links {
            scope.spawn(|| assert_eq!(submit(&mut house.client(), link, &CALM).status, 303));
        }
    });
    assert_eq!(house.counts(["responses", "scores"]), [8, 8]);
    assert_eq!(
        house.texts("SELECT CAST(n AS TEXT) AS value FROM episode_scale"),
        ["8"]
    );
}

#[test]
fn a_patient_goes_question_by_question_stops_goes_on_elsewhere_reviews_and_sends() {
    let house = House::open();
    let link = house.phq9("P1");
    let mut phone = house.client();
    assert_eq!(start(&mut phone, &link, "page"), format!("{link}/q/1"));
    let question = get(&mut phone, &format!("{link}/q/1")).text();
    assert!(
        question.contains("Question 1 of 10")
            && question.contains("fieldset")
            && question.contains("988")
    );
    for number in 1..=4 {
        assert_eq!(
            answer(&mut phone, &link, number, ("answer", "2")),
            format!("{link}/q/{}", number + 1)
        );
    }

    let mut laptop = house.client();
    assert!(
        get(&mut laptop, &link)
            .text()
            .contains("4 of your answers are saved")
    );
    assert_eq!(
        start(&mut laptop, &link, "page"),
        format!("{link}/q/5"),
        "the first open question"
    );
    assert!(
        get(&mut laptop, &format!("{link}/q/4"))
            .text()
            .contains("checked"),
        "what was answered stays chosen"
    );
    assert_eq!(
        answer(&mut laptop, &link, 5, ("skip", "1")),
        format!("{link}/q/6")
    );
    for number in 6..=8 {
        answer(&mut laptop, &link, number, ("answer", "1"));
    }
    answer(&mut laptop, &link, 9, ("answer", "0"));
    assert_eq!(
        answer(&mut laptop, &link, 10, ("answer", "0")),
        format!("{link}/review")
    );

    let review = get(&mut laptop, &format!("{link}/review")).text();
    assert_eq!(review.matches("You chose not to answer</em>").count(), 1);
    assert!(review.contains("not sent yet") && review.contains(&format!("{link}/q/5")));
    assert_eq!(
        house.counts(["responses", "scores"]),
        [1, 0],
        "a review is no score"
    );
    let sent = post(&mut laptop, &format!("{link}/send"), &[]);
    assert_eq!(sent.location(), Some(format!("{link}/end").as_str()));
    assert!(
        get(&mut phone, &format!("{link}/end"))
            .text()
            .contains("9 of 10")
    );
    assert_eq!(house.counts(["responses", "scores"]), [1, 1]);
    let missing_one =
        "SELECT CAST(answered AS TEXT) || ' of ' || CAST(items AS TEXT) AS value FROM score";
    assert_eq!(house.texts(missing_one), ["8 of 9"]);
}

#[test]
fn a_question_without_an_answer_is_asked_once_more_and_may_be_skipped() {
    let house = House::open();
    let link = house.phq9("P1");
    let mut patient = house.client();
    start(&mut patient, &link, "page");
    let gentle = post(&mut patient, &format!("{link}/q/1"), &[]);
    assert_eq!(gentle.status, 422);
    let text = gentle.text();
    assert!(
        text.contains("You have not chosen an answer")
            && text.contains("name=\"skip\"")
            && text.contains("role=\"alert\"")
    );
    assert_eq!(
        answer(&mut patient, &link, 1, ("skip", "1")),
        format!("{link}/q/2")
    );
}

#[test]
fn a_list_with_gaps_is_kept_asked_about_once_and_sent_without_them() {
    let house = House::open();
    let link = house.phq9("P1");
    let mut patient = house.client();
    let mut gaps = sheet(&CALM);
    gaps.retain(|(name, _)| name != "q2" && name != "q4");
    start(&mut patient, &link, "list");
    let kept = patient
        .post_form(&format!("{link}/list/1"), &gaps)
        .expect("the site answers");
    assert_eq!(kept.status, 422);
    assert!(
        kept.text().contains("2 questions have no answer yet")
            && kept.text().contains("name=\"incomplete\"")
    );
    assert_eq!(house.counts(["responses", "scores"]), [1, 0]);

    gaps.retain(|(name, _)| name != "send");
    gaps.push(("incomplete".to_owned(), "1".to_owned()));
    let sent = patient
        .post_form(&format!("{link}/list/1"), &gaps)
        .expect("the site answers");
    assert_eq!(sent.location(), Some(format!("{link}/end").as_str()));
    assert_eq!(house.counts(["responses", "scores"]), [1, 1]);
}

#[test]
fn an_answer_above_zero_to_item_9_shows_help_and_is_in_the_queue_even_if_nothing_more_is_sent() {
    let house = House::open();
    let link = house.phq9("P1");
    let mut patient = house.client();
    start(&mut patient, &link, "page");
    let onward = answer(&mut patient, &link, 9, ("answer", "1"));
    assert_eq!(
        onward,
        format!("{link}/support?then=q/10"),
        "help comes before going on"
    );

    // The browser is closed here; nothing more is sent.
    assert_eq!(
        house.counts(["responses", "scores", "flags", "flags_waiting", "notices"]),
        [1, 0, 1, 1, 1]
    );
    let together = "SELECT CAST(COUNT(*) AS TEXT) AS value FROM flag JOIN outbox ON outbox.subject_id = flag.id \
                    WHERE outbox.created_at = flag.raised_at AND outbox.kind = 'flag_notice' AND flag.tier = 'crisis'";
    assert_eq!(
        house.texts(together),
        ["1"],
        "flag and notice are one transaction"
    );
    let queue = get(&mut house.signed_in(&house.people.therapist), "/queue").text();
    assert!(queue.contains(PATIENT_NAME), "{queue}");

    let help = get(&mut patient, &onward);
    assert_eq!(help.status, 200);
    for words in [
        "988",
        "911",
        "(555) 010-0199",
        "Nobody is watching this page now",
        "Your answer is saved",
    ] {
        assert!(help.text().contains(words), "{words}");
    }
    assert!(
        page::links(&help.text()).contains(&format!("{link}/q/10")),
        "and the form goes on"
    );
}

#[test]
fn a_list_with_item_9_above_zero_shows_help_flags_and_ends_on_help() {
    let house = House::open();
    let link = house.phq9("P1");
    let mut patient = house.client();
    let mut answers = CALM;
    answers[8] = "3";
    let sent = submit(&mut patient, &link, &answers);
    assert_eq!(
        sent.location(),
        Some(format!("{link}/support?then=end").as_str())
    );
    let help = get(&mut patient, &format!("{link}/support?then=end"));
    assert!(page::links(&help.text()).contains(&format!("{link}/end")));
    assert!(
        get(&mut patient, &format!("{link}/end"))
            .text()
            .contains("class=\"crisis\"")
    );
    assert_eq!(
        house.counts(["flags", "flags_waiting", "notices"]),
        [1, 1, 1]
    );
}

#[test]
fn an_item_9_answer_that_is_taken_back_keeps_its_flag_and_the_history_says_so() {
    let house = House::open();
    let link = house.phq9("P1");
    let mut patient = house.client();
    start(&mut patient, &link, "page");
    answer(&mut patient, &link, 9, ("answer", "2"));
    assert_eq!(
        answer(&mut patient, &link, 9, ("answer", "0")),
        format!("{link}/q/10")
    );
    assert_eq!(house.counts(["flags", "flags_waiting"]), [1, 1]);
    assert_eq!(
        house.texts("SELECT act AS value FROM flag_act ORDER BY id"),
        ["raised", "answer_changed"]
    );
    post(&mut patient, &format!("{link}/send"), &[]);
    assert_eq!(
        house.counts(["flags", "flags_waiting", "scores"]),
        [1, 1, 1]
    );
}

#[test]
fn the_support_page_leads_only_to_our_own_pages() {
    let house = House::open();
    let link = house.phq9("P1");
    for then in [
        "//evil.example",
        "https://evil.example/",
        "../../admin",
        "q/1\"><script>",
        "a/b/c",
    ] {
        let page = get(&mut house.client(), &format!("{link}/support?then={then}")).text();
        for address in page::links(&page) {
            let help = ["tel:", "sms:", "https://988lifeline.org/", "#"]
                .iter()
                .any(|known| address.starts_with(known));
            assert!(help || address.starts_with(&link), "{then}: {address}");
        }
        assert!(!page.contains("<script"));
    }
}

#[test]
fn every_page_of_a_patient_is_small_keeps_out_of_caches_and_asks_nobody_else() {
    let house = House::open();
    let link = house.link(house.patient("P1"), &["pcl5"]);
    let mut patient = house.client();
    for path in ["", "/q/1", "/list/1", "/review", "/support", "/closed"] {
        let page = get(&mut patient, &format!("{link}{path}"));
        assert!(
            page.body.len() < 30_000,
            "{path}: {} bytes",
            page.body.len()
        );
        assert_eq!(page.header("cache-control"), Some("no-store"));
        assert!(
            page.header("content-security-policy")
                .is_some_and(|policy| policy.contains("default-src 'none'"))
        );
        assert!(
            !page.text().contains("//") || !page.text().contains("src=\"http"),
            "{path}"
        );
        assert!(
            page.text().contains("988") && page.text().contains("(555) 010-0199")
                || path == "/closed",
            "{path}"
        );
        assert!(
            !page.text().contains(PATIENT_NAME),
            "{path}: a link must not tell whose it is"
        );
    }
}

#[test]
fn an_answer_whose_notice_cannot_be_written_is_not_kept_either_and_the_patient_is_told() {
    for table in ["outbox", "flag_act", "audit_event"] {
        let house = House::open();
        let link = house.phq9("P1");
        let mut patient = house.client();
        start(&mut patient, &link, "page");
        post(&mut patient, &format!("{link}/q/1"), &[("answer", "1")]);
        let before = house.snapshot();
        house.run_sql(&format!("ALTER TABLE {table} RENAME TO gone"));
        let failed = post(&mut patient, &format!("{link}/q/9"), &[("answer", "3")]);
        assert_eq!(failed.status, 500, "{table}");
        assert!(
            failed.text().contains("not your fault") && failed.text().contains("988"),
            "{}",
            failed.text()
        );
        house.run_sql(&format!("ALTER TABLE gone RENAME TO {table}"));
        assert_eq!(
            house.snapshot(),
            before,
            "{table}: response, flag, notice and audit event are one transaction"
        );
        let saved = answer(&mut patient, &link, 9, ("answer", "3"));
        assert_eq!(
            saved,
            format!("{link}/support?then=q/10"),
            "{table}: and the next try succeeds"
        );
        assert_eq!(house.counts(["flags", "notices"]), [1, 1]);
    }
}

#[test]
fn an_answer_changed_from_the_review_leads_back_to_it_unless_it_opened_a_question() {
    let house = House::open();
    let link = house.link(house.patient("P1"), &["pc_ptsd_5"]);
    let mut patient = house.client();
    start(&mut patient, &link, "page");
    let mut answer = |path: &str, fields: &[(&str, &str)]| {
        let said = post(&mut patient, &format!("{link}{path}"), fields);
        let on = said
            .location()
            .and_then(|on| on.strip_prefix(link.as_str()));
        on.unwrap_or_else(|| panic!("{}", said.text())).to_owned()
    };
    let from_review = |number: usize| format!("/q/{number}?from=review");
    // Nothing of the kind ever happened: the other questions are not asked.
    assert_eq!(answer("/q/1", &[("answer", "0")]), "/review");
    assert_eq!(answer(&from_review(1), &[("answer", "1")]), "/q/2");
    for number in 2..6 {
        let next = format!("/q/{}", number + 1);
        assert_eq!(answer(&format!("/q/{number}"), &[("answer", "1")]), next);
    }
    assert_eq!(answer("/q/6", &[("answer", "0")]), "/review");
    assert_eq!(answer(&from_review(2), &[("answer", "0")]), "/review");
    assert_eq!(
        answer(&from_review(3), &[("answer", "0"), ("lang", "es")]),
        "/q/3?from=review&lang=es",
        "another language stays"
    );
    let page = get(&mut house.client(), &format!("{link}/q/3?from=review")).text();
    assert!(
        page.contains(&format!("href=\"{link}/review\""))
            && page.contains(&format!("action=\"{link}/q/3?from=review\"")),
        "{page}"
    );
    let review = get(&mut house.client(), &format!("{link}/review")).text();
    assert!(
        review.contains(&format!("href=\"{link}/q/6?from=review\"")),
        "{review}"
    );
}
