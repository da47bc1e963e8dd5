//! The rules of safety: who may set what, trying a draft on past answers, what staff and patients read of them, and that nothing is lost between an answer and a flag.

use attune::app::rehearse::{Fate, rehearse};
use attune::app::verify::verify;
use attune::domain::risk::policy::{RuleSetting, SafetyPolicy};
use chrono::TimeDelta;

use crate::house::{House, PATIENT_NAME, Person, instant, monday, wait_for};
use crate::patient::{CALM, get, post, submit};
use crate::support::assessment::close;
use crate::support::http::{Client, Response};
use crate::support::page::{Form, form_to, plain_text};

const RULE: &str = "phq9.thoughts_of_death_or_self_harm";

/// What is ticked and said by somebody who answers for weaker rules.
const ANSWERED_FOR: [(&str, &str); 2] = [
    ("understood", "yes"),
    ("reason", "Agreed with the medical board on 2 March."),
];

fn policy_form(client: &mut Client) -> Form {
    let page = get(client, "/safety/policy");
    assert_eq!(page.status, 200, "{}", page.text());
    form_to(&page.text(), "/safety/policy").expect("the form is there")
}

fn send(client: &mut Client, form: &Form, to: &str, set: &[(&str, &str)]) -> Response {
    client
        .post_form(to, &form.with(set))
        .expect("the site answers")
}

/// Opens the page and saves it with these changes.
fn set_policy(client: &mut Client, set: &[(&str, &str)]) -> Response {
    let form = policy_form(client);
    send(client, &form, "/safety/policy", set)
}

/// From now on only answers from 2 on are flagged.
fn raise_threshold(house: &House) {
    let least = format!("least:{RULE}");
    let mut set = vec![(least.as_str(), "2")];
    set.extend(ANSWERED_FOR);
    let mut lead = house.signed_in(&house.people.supervisor);
    let answer = set_policy(&mut lead, &set);
    assert_eq!(answer.status, 303, "{}", plain_text(&answer.text()));
}

/// A whole PHQ-9 with this answer to item 9.
fn answers(house: &House, patient: &str, item_9: &str) {
    let link = house.phq9(patient);
    let mut sheet = CALM;
    sheet[8] = item_9;
    assert_eq!(submit(&mut house.client(), &link, &sheet).status, 303);
}

fn broken(house: &House) -> Vec<&'static str> {
    let found = verify(&house.app).expect("the database can be read");
    found.broken.iter().map(|broken| broken.rule).collect()
}

#[test]
fn whoever_runs_the_site_may_set_what_is_stricter_and_nothing_weaker() {
    let house = House::open();
    let mut administrator = house.signed_in(&house.people.administrator);
    let stricter = set_policy(
        &mut administrator,
        &[("acknowledge_minutes", "10"), ("digest_at", "08:15")],
    );
    assert_eq!(stricter.status, 303, "{}", stricter.text());
    let before = house.texts("SELECT body AS value FROM policy");
    assert_eq!(before.len(), 1);
    for (field, value) in [
        ("acknowledge_minutes", "16"),
        ("acknowledge_minutes_outside", "61"),
        ("then_every_minutes", "16"),
        ("close_hours", "25"),
        ("review_working_days", "2"),
        ("review_close_working_days", "4"),
        ("known_grades", "2"),
        ("known_days", "91"),
        ("not_on_track_weeks", ""),
        ("silent_days", "29"),
        (&format!("least:{RULE}"), "2"),
        (&format!("tier:{RULE}"), "review"),
    ] {
        let mut set = vec![(field, value)];
        set.extend(ANSWERED_FOR);
        let answer = set_policy(&mut administrator, &set);
        assert_eq!(answer.status, 422, "{field}");
        assert!(
            answer
                .text()
                .contains("Only a supervisor with a licence may set"),
            "{field}: {}",
            plain_text(&answer.text())
        );
    }
    let mut off = policy_form(&mut administrator);
    off.fields.retain(|field| field.name != "phrases");
    assert_eq!(
        send(&mut administrator, &off, "/safety/policy", &ANSWERED_FOR).status,
        422
    );
    assert_eq!(house.texts("SELECT body AS value FROM policy"), before);
}

#[test]
fn what_is_weaker_takes_a_licensed_lead_who_has_read_the_warning_and_says_why() {
    let house = House::open();
    let mut lead = house.signed_in(&house.people.supervisor);
    let least = format!("least:{RULE}");
    let weaker = (least.as_str(), "2");
    for set in [
        &[weaker][..],
        &[weaker, ANSWERED_FOR[0]],
        &[weaker, ANSWERED_FOR[1]],
        &[weaker, ANSWERED_FOR[0], ("reason", "  ")],
    ] {
        let answer = set_policy(&mut lead, set);
        assert_eq!(answer.status, 422, "{set:?}");
        let kept = form_to(&answer.text(), "/safety/policy").expect("the form comes back");
        assert!(
            kept.untouched().contains(&(least.clone(), "2".into())),
            "what was chosen stays"
        );
    }
    house.run_sql("UPDATE staff SET licence = NULL WHERE role = 'supervisor'");
    let set = [weaker, ANSWERED_FOR[0], ANSWERED_FOR[1]];
    let unlicensed = set_policy(&mut house.signed_in(&house.people.supervisor), &set);
    assert_eq!(unlicensed.status, 422);
    assert_eq!(house.number("policy"), 0, "nothing was stored");
    house.run_sql("UPDATE staff SET licence = 'LCSW 2' WHERE role = 'supervisor'");
    raise_threshold(&house);

    assert_eq!(
        house.number("policy WHERE kind = 'safety' AND made_by IS NOT NULL"),
        1
    );
    assert_eq!(
        house.number("audit_event WHERE act = 'set_safety' AND subject = 'safety_policy'"),
        house.number("audit_event WHERE act = 'set_safety'")
    );
    let page = plain_text(&get(&mut lead, "/safety/policy").text());
    for words in [
        "1 rule of safety is weaker here than what ships.",
        "Agreed with the medical board on 2 March.",
        "from 2, crisis instead of from 1, crisis",
        "Sam Hartwell",
    ] {
        assert!(page.contains(words), "{words} is missing in {page}");
    }
    let mut therapist = house.signed_in(&house.people.therapist);
    let rules = plain_text(&get(&mut therapist, "/safety/rules").text());
    assert!(
        rules.contains("1 rule of safety is weaker here") && rules.contains("shipped: from 1"),
        "{rules}"
    );
    // Whoever changes something else does not have to answer for it anew.
    let mut administrator = house.signed_in(&house.people.administrator);
    assert_eq!(
        set_policy(&mut administrator, &[("close_hours", "20")]).status,
        303
    );
    // Back to what ships: the warning goes.
    assert_eq!(
        set_policy(&mut administrator, &[(&least, "1"), ("close_hours", "24")]).status,
        303
    );
    assert!(
        !get(&mut lead, "/safety/rules")
            .text()
            .contains("weaker here")
    );
    assert_eq!(
        house.number("policy WHERE kind = 'safety'"),
        3,
        "every version stays"
    );
}

#[test]
fn two_who_set_the_rules_at_once_do_not_undo_each_other() {
    let house = House::open();
    let mut lead = house.signed_in(&house.people.supervisor);
    let mut administrator = house.signed_in(&house.people.administrator);
    let (first, second) = (policy_form(&mut lead), policy_form(&mut administrator));
    assert_eq!(
        send(
            &mut lead,
            &first,
            "/safety/policy",
            &[("close_hours", "20")]
        )
        .status,
        303
    );
    let late = send(
        &mut administrator,
        &second,
        "/safety/policy",
        &[("close_hours", "12")],
    );
    assert_eq!(late.status, 409);
    assert!(late.text().contains("Somebody else saved version 1"));
    assert_eq!(house.number("policy"), 1);
    assert_eq!(set_policy(&mut administrator, &[]).status, 303);
    assert_eq!(
        house.number("policy"),
        1,
        "what changes nothing makes no version"
    );
}

#[test]
fn everything_that_cannot_be_kept_is_said_at_once_and_nothing_is_stored() {
    let house = House::open();
    let mut administrator = house.signed_in(&house.people.administrator);
    let least = format!("least:{RULE}");
    let numbers = set_policy(
        &mut administrator,
        &[
            ("acknowledge_minutes", "0"),
            ("known_days", "200"),
            ("silent_days", "1"),
            ("duty_email", "nobody"),
            (&least, "9"),
        ],
    );
    assert_eq!(numbers.status, 422);
    let text = plain_text(&numbers.text());
    for words in [
        "Between 1 and 60 minutes.",
        "Between 1 and 180 days.",
        "Between 7 and 180 days.",
        "mail address like",
        "A rule cannot be switched off",
    ] {
        assert!(text.contains(words), "{words} is missing in {text}");
    }
    for (field, value) in [
        ("acknowledge_minutes", "soon"),
        ("close_hours", "-1"),
        ("digest_at", "25:00"),
        ("base", ""),
        (&format!("tier:{RULE}"), "never"),
        (&least, ""),
        ("known_grades", "99999999999999999999"),
        ("duty_name", &"D".repeat(81)),
        ("reason", &"x".repeat(1_001)),
    ] {
        let answer = set_policy(&mut administrator, &[(field, value)]);
        assert_eq!(answer.status, 422, "{field} {value:?}");
    }
    assert_eq!(house.number("policy"), 0);
}

#[test]
fn a_raised_threshold_excuses_answers_of_its_time_and_no_others() {
    let house = House::at(monday());
    answers(&house, "P1", "1");
    house.app.clock.set(monday() + TimeDelta::hours(1));
    raise_threshold(&house);
    house.app.clock.set(monday() + TimeDelta::hours(2));
    answers(&house, "P2", "1");
    answers(&house, "P3", "2");
    assert_eq!(house.number("flag"), 2);
    house.verified();
    let mut lead = house.signed_in(&house.people.supervisor);
    let page = get(&mut lead, "/safety/conservation");
    assert_eq!(page.status, 200);
    let text = page.text();
    assert!(
        text.contains("every sum comes out"),
        "{}",
        plain_text(&text)
    );
    let today = text
        .split("<tbody>")
        .nth(1)
        .expect("days")
        .split("</tr>")
        .next()
        .expect("today");
    let figures: Vec<&str> = today
        .split("<td>")
        .skip(1)
        .map(|cell| cell.split('<').next().unwrap())
        .collect();
    assert_eq!(
        figures,
        [
            "3", "2", "1", "0", "0", "2", "2", "0", "0", "0", "0", "0", "2", "2", "0", "0", "yes"
        ]
    );
    // The same answer before the threshold was raised has no excuse.
    house.run_sql("DELETE FROM flag_act WHERE flag_id IN (SELECT id FROM flag WHERE answer = 1)");
    house.run_sql("DELETE FROM flag_answer WHERE answer = 1");
    house.run_sql("DELETE FROM flag WHERE answer = 1");
    assert_eq!(
        broken(&house),
        ["every answer that a risk rule names has its flag"]
    );
    let page = get(&mut lead, "/safety/conservation").text();
    assert!(
        page.contains("1 difference<") && page.contains("/patients/"),
        "{}",
        plain_text(&page)
    );
    let earlier = get(&mut lead, "/safety/conservation?to=2026-02-15").text();
    assert!(
        earlier.contains("every sum comes out"),
        "another page has other days"
    );
}

#[test]
fn an_answer_that_is_changed_or_comes_again_is_counted_where_it_belongs() {
    let house = House::at(monday());
    let patient = house.patient("P1");
    let link = house.link(patient, &["phq9"]);
    let mut phone = house.client();
    for answer in ["1", "2", "0"] {
        post(&mut phone, &format!("{link}/q/9"), &[("answer", answer)]);
    }
    house.app.clock.set(monday() + TimeDelta::hours(1));
    let again = house.link(patient, &["phq9"]);
    post(&mut phone, &format!("{again}/q/9"), &[("answer", "2")]);
    // One more on a page that was left open.
    house.run_sql("UPDATE administration SET expires_at = '2026-03-01 00:00:00'");
    post(&mut phone, &format!("{again}/q/9"), &[("answer", "3")]);
    house.verified();
    assert_eq!(house.number("flag"), 1);
    let mut lead = house.signed_in(&house.people.supervisor);
    let text = get(&mut lead, "/safety/conservation").text();
    assert!(
        text.contains("every sum comes out"),
        "{}",
        plain_text(&text)
    );
    let today = text
        .split("<tbody>")
        .nth(1)
        .expect("days")
        .split("</tr>")
        .next()
        .expect("today");
    let figures: Vec<&str> = today
        .split("<td>")
        .skip(1)
        .map(|cell| cell.split('<').next().unwrap())
        .collect();
    assert_eq!(
        figures,
        [
            "1", "1", "0", "0", "0", "4", "1", "1", "2", "2", "0", "1", "1", "1", "0", "0", "yes"
        ]
    );
}

#[test]
fn verify_names_each_flag_whose_history_does_not_hold() {
    let house = House::at(monday());
    answers(&house, "P1", "1");
    let flag = house.flag();
    let mut therapist = house.signed_in(&house.people.therapist);
    post(
        &mut therapist,
        &format!("/flags/{flag}/acknowledge"),
        &[("note", "")],
    );
    house.verified();
    let undone = |statement: &str, undo: &str, rule: &str| {
        house.run_sql(statement);
        assert!(
            broken(&house).contains(&rule),
            "{rule}: {:?}",
            broken(&house)
        );
        house.run_sql(undo);
        house.verified();
    };
    undone(
        "UPDATE flag_act SET act = 'disagreed' WHERE act = 'acknowledged'",
        "UPDATE flag_act SET act = 'acknowledged' WHERE act = 'disagreed'",
        "every acknowledged flag was taken on by somebody",
    );
    undone(
        "UPDATE flag_answer SET how = 'joined'",
        "UPDATE flag_answer SET how = 'raised'",
        "every flag was raised by one answer",
    );
    undone(
        "UPDATE flag SET answers = 2",
        "UPDATE flag SET answers = 1",
        "every flag has the answers that it counts",
    );
    undone(
        "UPDATE flag_answer SET answer = 3",
        "UPDATE flag_answer SET answer = 1",
        "every flag names the highest of its answers",
    );
    undone(
        "UPDATE flag_answer SET version = '0'",
        "UPDATE flag_answer SET version = '1'",
        "every answer on a flag is one that its rule names, in a response of its episode",
    );
    undone(
        "UPDATE flag_act SET act = 'closed' WHERE act = 'acknowledged'",
        "UPDATE flag_act SET act = 'acknowledged' WHERE act = 'closed'",
        "a waiting flag has not been closed",
    );
    undone(
        "UPDATE outbox SET kind = 'invitation' WHERE kind = 'flag_notice'",
        "UPDATE outbox SET kind = 'flag_notice' WHERE kind = 'invitation'",
        "every flag has a notice",
    );
    house.run_sql("UPDATE flag SET state = 'closed', due_at = NULL, next_step_at = NULL");
    let found = broken(&house);
    for rule in [
        "every closed flag was closed by a licensed person",
        "every closed flag says when it was closed",
        "every closed crisis flag has an assessment by a licensed person",
    ] {
        assert!(found.contains(&rule), "{rule}: {found:?}");
    }
}

/// From 2 on.
fn draft() -> SafetyPolicy {
    let setting = RuleSetting {
        at_least: Some(2),
        tier: None,
    };
    SafetyPolicy {
        rules: [(RULE.to_owned(), setting)].into(),
        ..SafetyPolicy::default()
    }
}

#[test]
fn a_draft_is_tried_on_past_answers_and_stores_nothing() {
    let house = House::at(monday() - TimeDelta::weeks(3));
    answers(&house, "P1", "1");
    house.app.clock.set(monday() - TimeDelta::weeks(1));
    answers(&house, "P4", "1");
    answers(&house, "P2", "2");
    answers(&house, "P3", "0");
    house.app.clock.set(monday());
    let tried = |person: &Person, weeks| {
        wait_for(rehearse(&house.app, person.actor.clone(), draft(), weeks)).expect("it is tried")
    };
    let lead = tried(&house.people.supervisor, 12);
    assert_eq!(
        (lead.responses, lead.weeks.len(), lead.stopped_early),
        (4, 12, false)
    );
    let sums = |of: fn(&attune::app::rehearse::Figures) -> u64| -> Vec<u64> {
        lead.weeks
            .iter()
            .rev()
            .take(4)
            .map(|(_, figures)| of(figures))
            .collect()
    };
    assert_eq!(sums(|figures| figures.in_force.crisis), [0, 2, 0, 1]);
    assert_eq!(sums(|figures| figures.draft.crisis), [0, 1, 0, 0]);
    assert_eq!(sums(|figures| figures.really.all()), [0, 2, 0, 1]);
    assert_eq!(lead.clinicians.len(), 1);
    assert_eq!(lead.clinicians[0].all.draft.all(), 1);
    let missed = &lead.otherwise[0];
    assert_eq!(
        (missed.fate, missed.answers, missed.patients),
        (Fate::Missed, 2, 2)
    );
    assert_eq!(missed.rows.len(), 2);
    assert!(
        missed
            .rows
            .iter()
            .all(|row| row.name == PATIENT_NAME && row.flag.is_some())
    );
    assert!(lead.otherwise[1..].iter().all(|one| one.answers == 0));

    let administrator = tried(&house.people.administrator, 12);
    assert_eq!(administrator.otherwise[0].answers, 2);
    assert!(administrator.otherwise[0].rows.is_empty(), "counts alone");
    assert_eq!(tried(&house.people.supervisor, 2).otherwise[0].answers, 1);
    assert_eq!(house.number("policy"), 0);

    let mut client = house.signed_in(&house.people.supervisor);
    let form = policy_form(&mut client);
    let least = format!("least:{RULE}");
    let before = house.number("flag_act") + house.number("outbox") + house.number("policy");
    let page = send(&mut client, &form, "/safety/rehearse", &[(&least, "2")]);
    assert_eq!(page.status, 200);
    let text = plain_text(&page.text());
    assert!(
        text.contains("Would have been missed: 2 answers of 2 patients"),
        "{text}"
    );
    assert_eq!(
        house.number("flag_act") + house.number("outbox") + house.number("policy"),
        before
    );
    // The draft can be changed, or saved as it stands.
    let draft = form_to(&page.text(), "/safety/policy").expect("the draft goes on");
    let again = send(&mut client, &draft, "/safety/policy", &[("change", "yes")]);
    assert_eq!(again.status, 200);
    let shown = form_to(&again.text(), "/safety/policy").expect("the form");
    assert!(shown.untouched().contains(&(least, "2".into())));
    assert_eq!(
        send(&mut client, &draft, "/safety/policy", &ANSWERED_FOR).status,
        303
    );
    assert_eq!(house.number("policy"), 1);
    for weeks in ["0", "53", "soon", ""] {
        let answer = send(&mut client, &form, "/safety/rehearse", &[("weeks", weeks)]);
        assert_eq!(answer.status, 422, "{weeks:?}");
    }
}

#[test]
fn everybody_who_works_here_reads_the_rules_and_patients_read_what_concerns_them() {
    let house = House::open();
    for person in [
        &house.people.quality,
        &house.people.unlicensed,
        &house.people.administrator,
    ] {
        let text = plain_text(&get(&mut house.signed_in(person), "/safety/rules").text());
        for words in [
            "PHQ-9",
            "within 15 minutes",
            "Simon et al.",
            "thoughts_of_death_or_self_harm, version 1",
            "Nearly every day",
        ] {
            assert!(text.contains(words), "{words} is missing in {text}");
        }
    }
    for (language, words) in [
        (
            "en",
            [
                "Which answers a person looks at first",
                "Question 9",
                "Nobody watches this page",
                "A person decides",
                "988",
                "Monday to Friday",
            ],
        ),
        (
            "es",
            [
                "Qué respuestas ve primero una persona",
                "Pregunta 9",
                "Nadie está viendo",
                "Decide una persona",
                "AYUDA",
                "de lunes a viernes",
            ],
        ),
    ] {
        let page = get(&mut house.client(), &format!("/rules?lang={language}"));
        assert_eq!(page.status, 200);
        let text = plain_text(&page.text());
        for word in words {
            assert!(text.contains(word), "{word} is missing in {text}");
        }
        assert!(
            !text.contains("Nearly every day") && !text.contains("Casi todos"),
            "no answer is named"
        );
    }
    let start = get(&mut house.client(), &house.phq9("P1")).text();
    assert!(start.contains("href=\"/rules?lang=en\""));
}

#[test]
fn the_report_says_how_soon_people_acted_and_names_nobody() {
    let house = House::at(monday());
    answers(&house, "P1", "1");
    answers(&house, "P2", "1");
    let flags = house.ids("flag");
    house.app.clock.set(monday() + TimeDelta::minutes(10));
    let mut therapist = house.signed_in(&house.people.therapist);
    post(
        &mut therapist,
        &format!("/flags/{}/acknowledge", flags[0]),
        &[("note", "")],
    );
    house.app.clock.set(monday() + TimeDelta::minutes(40));
    let mut therapist = house.signed_in(&house.people.therapist);
    post(
        &mut therapist,
        &format!("/flags/{}/acknowledge", flags[1]),
        &[("note", "")],
    );
    house.app.clock.set(monday() + TimeDelta::hours(30));
    let mut lead = house.signed_in(&house.people.supervisor);
    let page = get(&mut lead, "/safety/report");
    assert_eq!(page.status, 200);
    let text = plain_text(&page.text());
    assert!(
        text.contains("1 of 2") && text.contains("0 of 2") && text.contains("10 / 40"),
        "{text}"
    );
    assert!(!text.contains(PATIENT_NAME));
    let csv = get(
        &mut lead,
        "/safety/report.csv?from=2026-03-01&to=2026-03-03",
    )
    .text();
    for line in [
        "crisis_taken_on_in_time,all clinics,all programs,,,1,2,0.5000",
        "crisis_closed_within_24_h,all clinics,all programs,,,0,2,0.0000",
        "crisis_taken_on_in_time,,,10,,1,2,0.5000",
        "crisis_taken_on_in_time,,,,Monday,1,2,0.5000",
        "crisis_minutes_90th,all clinics,all programs,,,40,,",
    ] {
        assert!(csv.contains(line), "{line} is missing in {csv}");
    }
    let mut quality = house.signed_in(&house.people.quality);
    let days = "/safety/report.csv?from=2026-03-01&to=2026-03-03";
    let refused = get(&mut quality, days);
    assert_eq!(refused.status, 422);
    assert!(
        refused
            .text()
            .contains("choose one whole quarter that is over, such as 2025-10-01 to 2025-12-31"),
        "{}",
        refused.text()
    );
    // The first quarter is over on the first of April, in Chicago.
    let quarter = "/safety/report.csv?from=2026-01-01&to=2026-03-31";
    house.app.clock.set(instant("2026-04-01 04:59:00"));
    let mut quality = house.signed_in(&house.people.quality);
    assert_eq!(get(&mut quality, quarter).status, 422);
    house.app.clock.set(instant("2026-04-01 05:00:00"));
    let hidden = get(&mut quality, quarter).text();
    assert!(
        hidden.contains("suppressed") && !hidden.contains(",1,2,") && !hidden.contains("minutes"),
        "{hidden}"
    );
    let page = get(&mut quality, "/safety/report").text();
    assert!(
        page.contains("value=\"2026-01-01..2026-03-31\" selected")
            && !page.contains("type=\"date\""),
        "{page}"
    );
    let chosen = get(&mut quality, "/safety/report?period=2025-10-01..2025-12-31");
    assert!(chosen.text().contains("1 Oct 2025 to 31 Dec 2025"));
    let mut lead = house.signed_in(&house.people.supervisor);
    assert_eq!(get(&mut quality, "/safety/report").status, 200);
    house.app.clock.set(monday() + TimeDelta::hours(30));
    for query in [
        "from=2026-03-02&to=2026-03-01",
        "from=2024-01-01&to=2026-03-01",
        "from=soon&to=later",
        "from=2026-03-01",
    ] {
        assert_eq!(
            get(&mut lead, &format!("/safety/report?{query}")).status,
            422,
            "{query}"
        );
        assert_eq!(
            get(&mut lead, &format!("/safety/report.csv?{query}")).status,
            422,
            "{query}"
        );
    }
}

#[test]
fn a_flag_that_was_handed_over_has_to_be_taken_on_in_time_again() {
    let house = House::at(monday());
    answers(&house, "P1", "1");
    let flag = house.flag();
    let to = house.people.supervisor.id.to_string();
    let acts = [
        (10, &house.people.therapist, "acknowledge", vec![]),
        (12, &house.people.therapist, "hand-over", vec![("to", &*to)]),
        (300, &house.people.supervisor, "acknowledge", vec![]),
    ];
    let report = "/safety/report.csv?from=2026-03-01&to=2026-03-03";
    for (minutes, person, act, fields) in acts {
        house.app.clock.set(monday() + TimeDelta::minutes(minutes));
        let mut client = house.signed_in(person);
        let done = post(&mut client, &format!("/flags/{flag}/{act}"), &fields);
        assert_eq!(done.status, 303, "{act}: {}", done.text());
        let csv = get(&mut house.signed_in(&house.people.supervisor), report).text();
        let in_time = match minutes {
            10 => "1,1,1.0000",
            // The colleague still has time.
            12 => "0,0,",
            _ => "0,1,0.0000",
        };
        let line = format!("crisis_taken_on_in_time,all clinics,all programs,,,{in_time}\r\n");
        assert!(csv.contains(&line), "{line} is missing in {csv}");
        assert!(
            csv.contains("crisis_minutes_median,all clinics,all programs,,,10,,"),
            "until somebody saw the answer: {csv}"
        );
    }
}

#[test]
fn a_flag_that_rose_to_crisis_is_judged_from_the_answer_that_made_it_one() {
    let house = House::at(monday());
    let link = house.phq9("P1");
    let mut sheet = CALM;
    sheet[8] = "1";
    assert_eq!(submit(&mut house.client(), &link, &sheet).status, 303);
    let flag = house.flag();
    let mut therapist = house.signed_in(&house.people.therapist);
    post(&mut therapist, &format!("/flags/{flag}/acknowledge"), &[]);
    let fields = [
        ("up_to", "1"),
        ("until_on", "2026-03-31"),
        ("known_reason", "For years."),
    ];
    assert_eq!(
        post(&mut therapist, &format!("/flags/{flag}/known"), &fields).status,
        303
    );
    assert_eq!(close(&mut therapist, flag).status, 303);

    let patient = house.ids("patient")[0].parse().expect("an id");
    let again = |after: TimeDelta, answer: &str| {
        house.app.clock.set(monday() + after);
        let path = format!("{}/q/9", house.link(patient, &["phq9"]));
        post(&mut house.client(), &path, &[("answer", answer)]);
    };
    again(TimeDelta::days(7), "1");
    let tiers = || house.texts("SELECT tier || ' ' || state AS value FROM flag ORDER BY raised_at");
    assert_eq!(tiers()[1..], ["review open"]);
    // An hour earlier the next day: within the one working day, on another hour, after more than 15 minutes.
    let rose = TimeDelta::days(8) - TimeDelta::hours(1);
    again(rose, "2");
    assert_eq!(tiers()[1..], ["crisis open"]);
    let second = house.ids("flag")[1].clone();
    house.app.clock.set(monday() + rose + TimeDelta::minutes(5));
    let mut therapist = house.signed_in(&house.people.therapist);
    let taken_on = post(&mut therapist, &format!("/flags/{second}/acknowledge"), &[]);
    assert_eq!(taken_on.status, 303);
    // More than 24 hours after the first answer, less than that after the second, on its day.
    house.app.clock.set(monday() + rose + TimeDelta::hours(3));
    let mut therapist = house.signed_in(&house.people.therapist);
    assert_eq!(close(&mut therapist, &second).status, 303);
    let report = "/safety/report.csv?from=2026-03-09&to=2026-03-10";
    let csv = get(&mut house.signed_in(&house.people.supervisor), report).text();
    for line in [
        "crisis_taken_on_in_time,all clinics,all programs,,,1,1,1.0000",
        "crisis_closed_same_day,all clinics,all programs,,,1,1,1.0000",
        "crisis_closed_within_24_h,all clinics,all programs,,,1,1,1.0000",
        "crisis_minutes_median,all clinics,all programs,,,5,,",
        "crisis_taken_on_in_time,,,10,,1,1,1.0000",
        "crisis_taken_on_in_time,,,,Tuesday,1,1,1.0000",
    ] {
        assert!(csv.contains(line), "{line} is missing in {csv}");
    }
}
