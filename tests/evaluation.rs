//! What the figures of an evaluation count and what they leave out, whom they show which periods, and that care which has ended keeps its figures.

use attune::app::read_coverage::{SeenAs, read_coverage};
use attune::app::rescore::{Mode, Order, Report, rescore};
use attune::app::set_periods::set_periods;
use attune::app::site_days::is_held_to_the_grid;
use attune::app::verify::verify;
use attune::domain::evaluation::Grid;
use attune::domain::ids::PatientId;

use crate::house::{House, Person, address_of, instant, monday, wait_for};
use crate::mail::send;
use crate::patient::{get, post, submit};
use crate::plans::{at, details, end};
use crate::support::http::path_of;
use crate::support::page::plain_text;
use crate::support::smtp::SmtpSink;
use crate::ways::{informant, record, send_all};

fn page(house: &House, person: &Person, path: &str) -> String {
    let answer = get(&mut house.signed_in(person), path);
    assert_eq!(answer.status, 200, "{path}: {}", answer.text());
    answer.text()
}

/// How the PHQ-9 is called in the addresses of an evaluation.
fn phq9_code(house: &House) -> String {
    let form = page(house, &house.people.supervisor, "/evaluation");
    let (before, _) = form.split_once(">PHQ-9, ").expect("it is on offer");
    let (_, code) = before.rsplit_once("value=\"").expect("with its code");
    let (code, _) = code.split_once('"').expect("which ends");
    code.to_owned()
}

/// The summaries: how many scores, the first and the last.
fn summaries(house: &House) -> Vec<String> {
    house.texts(
        "SELECT CAST(n AS TEXT) || ': ' || CAST(CAST(first_value AS INTEGER) AS TEXT) || ' ' || CAST(CAST(last_value AS INTEGER) AS TEXT) AS value \
         FROM episode_scale ORDER BY episode_id",
    )
}

fn answer(house: &House, link: &str, answers: &[&str; 10]) {
    let answer = submit(&mut house.client(), link, answers);
    assert_eq!(answer.status, 303, "{}", answer.text());
}

/// Sends what is due and answers the form that the newest mail to this patient asks for.
fn answer_mail(house: &House, sink: &SmtpSink, patient: &str, answers: &[&str; 10]) {
    assert!(send(house, sink) > 0, "a mail is due");
    let mails = sink.mails_to(&address_of(patient));
    let links = mails.last().expect("a mail").links();
    answer(house, path_of(&links[0]), answers);
}

/// Eleven points at the start of care.
const FIRST: [&str; 10] = ["2", "2", "2", "2", "3", "0", "0", "0", "0", "1"];
/// Four at its end.
const LAST: [&str; 10] = ["1", "1", "1", "1", "0", "0", "0", "0", "0", "0"];
/// Twenty a month later, with an alarming answer.
const LATER: [&str; 10] = ["3", "3", "3", "3", "3", "3", "0", "0", "2", "1"];

/// Somebody who was asked at the start, when care ended on 6 April, and a month later; and somebody whose only answer is the one after care.
fn followed_up(house: &House, sink: &SmtpSink) -> PatientId {
    let plans = || {
        vec![
            details(&["phq9"], "discharge"),
            details(&["phq9"], "follow_up:1"),
        ]
    };
    let who = house.enrol("P1", plans());
    let other = house.enrol("P2", vec![details(&["phq9"], "follow_up:1")]);
    answer(house, &house.link(who, &["phq9"]), &FIRST);
    house.app.clock.set(instant("2026-04-06 16:00:00"));
    end(house, who, "2026-04-06", "planned");
    end(house, other, "2026-04-06", "planned");
    at(house, instant("2026-04-06 16:00:00"));
    answer_mail(house, sink, "P1", &LAST);
    who
}

#[test]
fn a_follow_up_is_kept_shown_and_flagged_and_changes_no_figure_of_the_care_before_it() {
    let (house, sink) = (House::at(monday()), SmtpSink::start());
    let who = followed_up(&house, &sink);
    assert_eq!(summaries(&house), ["2: 11 4"], "the discharge form counts");
    let quarter = format!(
        "/evaluation.csv?from=2026-04-01&to=2026-04-30&scale={}",
        phq9_code(&house)
    );
    let before = page(&house, &house.people.supervisor, &quarter);

    at(&house, instant("2026-05-06 16:00:00"));
    assert_eq!(
        house.texts("SELECT occasion AS value FROM administration WHERE ended_at IS NULL"),
        ["follow-up 1"; 2]
    );
    answer_mail(&house, &sink, "P1", &LATER);
    answer(
        &house,
        path_of(&sink.mails_to(&address_of("P2"))[0].links()[0]),
        &LATER,
    );
    assert_eq!(house.number("score"), 4);
    assert_eq!(summaries(&house), ["2: 11 4"]);
    assert_eq!(page(&house, &house.people.supervisor, &quarter), before);
    assert_eq!(house.number("flag"), 2);
    assert_eq!(
        house.texts("SELECT kind AS value FROM signal ORDER BY kind"),
        ["deteriorated", "in_need", "in_need"],
        "worse than at the start, and at the cut-off"
    );
    let seen = page(&house, &house.people.therapist, &format!("/patients/{who}"));
    let words = plain_text(&seen);
    assert!(
        words.contains("Wed 6 May") && seen.contains(">20<"),
        "{seen}"
    );
    assert!(
        words.contains("4 minimal (0 to 27), Mon 6 Apr")
            && words.contains("; follow-up 20 severe (0 to 27), Wed 6 May")
            && words.contains("▼ 7 better since the first score")
            && seen.contains("20 severe, follow-up")
            && seen.contains("<td>follow-up</td>"),
        "{words}"
    );
    let (_, remission) = seen.split_once("<li>Remission").expect("its basis");
    let (remission, _) = remission.split_once("</li>").expect("which ends");
    assert!(remission.ends_with(" Reached."), "{remission}");
    house.verified();
}

#[test]
fn a_summary_that_counted_a_follow_up_is_found_and_made_anew() {
    let (house, sink) = (House::at(monday()), SmtpSink::start());
    followed_up(&house, &sink);
    at(&house, instant("2026-05-06 16:00:00"));
    answer_mail(&house, &sink, "P1", &LATER);
    // As the program before summed up.
    house.run_sql("UPDATE episode_scale SET n = 3, last_value = 20, recent = '11 4 20'");
    let broken = verify(&house.app).expect("the database works").broken;
    let rules: Vec<_> = broken.iter().map(|broken| broken.rule).collect();
    assert_eq!(rules, ["an episode's summary is what its scores amount to"]);
    let run = |mode| -> Report {
        let order = Order {
            instrument: "phq9".into(),
            from: None,
            to: None,
            reason: "Follow-ups are counted apart".into(),
            by: "lee@staff.example.org".into(),
            mode,
        };
        rescore(
            &house.app,
            &house.operator(),
            &order,
            &mut |_| (),
            &mut |_| (),
        )
        .expect("it is done")
    };
    assert_eq!(run(Mode::DryRun).summaries, 1);
    assert_eq!(summaries(&house), ["3: 11 20"]);
    let done = run(Mode::Write);
    assert_eq!((done.rescored, done.summaries), (0, 1));
    assert_eq!(summaries(&house), ["2: 11 4"]);
    assert_eq!(run(Mode::Write).summaries, 0);
    assert_eq!(
        house.number("audit_event WHERE act = 'rescore' AND subject = 'summary'"),
        1
    );
    house.verified();
}

/// A whole address with the question in it.
fn evaluation_of(house: &House, days: &str) -> String {
    format!("/evaluation?{days}&scale={}", phq9_code(house))
}

#[test]
fn the_quality_team_sees_one_sort_of_periods_and_the_administrator_says_which() {
    let house = House::at(monday());
    // Still new year's eve in Chicago.
    house.app.clock.set(instant("2026-01-01 05:59:00"));
    let (quality, supervisor) = (&house.people.quality, &house.people.supervisor);
    let seen = page(&house, quality, "/evaluation");
    assert!(
        seen.contains("<option value=\"2025-07-01..2025-09-30\" selected>2025, quarter 3</option>"),
        "{seen}"
    );
    assert!(!seen.contains("2025-10-01") && !seen.contains("2024-01-01..2024-12-31"));
    assert!(!seen.contains("type=\"date\"") && seen.contains("whole quarters that are over"));
    let free = page(&house, supervisor, "/evaluation");
    assert!(free.contains("type=\"date\"") && free.contains("Last four whole quarters"));

    house.app.clock.set(instant("2026-01-01 06:00:00"));
    let seen = page(&house, quality, "/evaluation");
    assert!(
        seen.contains("\"2025-10-01..2025-12-31\" selected"),
        "{seen}"
    );
    let year = evaluation_of(&house, "from=2025-01-01&to=2025-12-31");
    let refused = get(&mut house.signed_in(quality), &year);
    assert_eq!(refused.status, 422);
    assert!(
        plain_text(&refused.text())
            .contains("choose one whole quarter that is over, such as 2025-10-01 to 2025-12-31")
    );
    page(&house, supervisor, &year);

    let mut administrator = house.signed_in(&house.people.administrator);
    let odd = post(
        &mut administrator,
        "/admin/periods",
        &[("periods", "weeks")],
    );
    assert_eq!(odd.status, 422);
    assert!(odd.text().contains("Choose one from the list."));
    let set = post(
        &mut administrator,
        "/admin/periods",
        &[("periods", "years")],
    );
    assert_eq!((set.status, set.location()), (303, Some("/admin?periods")));
    let said = get(&mut administrator, "/admin?periods").text();
    assert!(
        said.contains("<option value=\"years\" selected>") && said.contains("Choose once."),
        "{said}"
    );
    assert_eq!(
        house.number("audit_event WHERE act = 'administer' AND subject = 'evaluation_by_years'"),
        1
    );
    assert!(page(&house, quality, &year).contains(">2025</option>"));
    let quarter = evaluation_of(&house, "period=2025-10-01..2025-12-31");
    let refused = get(&mut house.signed_in(quality), &quarter);
    assert_eq!(refused.status, 422);
    assert!(plain_text(&refused.text()).contains("one whole calendar year that is over"));
    assert_eq!(
        get(
            &mut house.signed_in(quality),
            "/safety/report?period=2025-10-01..2025-12-31"
        )
        .status,
        422
    );
}

#[test]
fn the_quality_team_sees_the_coverage_of_the_newest_period_and_supervisors_that_of_thirty_days() {
    let house = House::at(monday());
    let ask = |at: &str, names: std::ops::Range<usize>| -> Vec<String> {
        house.app.clock.set(instant(at));
        names.map(|n| house.phq9(&format!("P{n}"))).collect()
    };
    // The last evening of the quarter and the first moment of the next one, in Chicago.
    ask("2026-04-01 04:59:59", 0..12);
    let in_april = ask("2026-04-01 05:00:00", 12..24);
    for link in &in_april {
        answer(&house, link, &LAST);
    }
    for day in ["2026-04-02 16:00:00", "2026-04-20 16:00:00"] {
        house.app.clock.set(instant(day));
        let csv = page(&house, &house.people.quality, "/sending/coverage.csv");
        assert!(
            csv.contains("forms_open,all clinics,,,12,12,1.0000"),
            "{csv}"
        );
        assert!(
            csv.contains("patients_answered,,all languages,all channels,0,24,0.0000"),
            "{csv}"
        );
        let seen = page(&house, &house.people.quality, "/sending/coverage");
        assert!(seen.contains("1 Jan 2026 to 31 Mar 2026"), "{seen}");
        let csv = page(&house, &house.people.supervisor, "/sending/coverage.csv");
        assert!(
            csv.contains("forms_open,all clinics,,,12,24,0.5000"),
            "{csv}"
        );
        assert!(
            csv.contains("patients_answered,,all languages,all channels,12,24,0.5000"),
            "{csv}"
        );
    }
    let seen = page(&house, &house.people.supervisor, "/sending/coverage");
    assert!(seen.contains("22 Mar 2026 to 20 Apr 2026"), "{seen}");
    // Thirty whole days: all of the first of them, and the day before it no more.
    let forms = |now: &str| {
        house.app.clock.set(instant(now));
        let csv = page(&house, &house.people.supervisor, "/sending/coverage.csv");
        let of = csv.lines().find(|line| line.starts_with("forms_open,all"));
        of.expect("a line").to_owned()
    };
    assert_eq!(
        forms("2026-04-30 04:59:59"),
        "forms_open,all clinics,,,12,24,0.5000"
    );
    assert_eq!(
        forms("2026-04-30 05:00:00"),
        "forms_open,all clinics,,,0,12,0.0000"
    );
}

#[test]
fn the_coverage_is_of_a_period_that_the_evaluation_shows_whichever_sort_the_site_chose() {
    let house = House::at(monday());
    for grid in [Grid::Quarters, Grid::Years] {
        let by = house.people.administrator.actor.clone();
        wait_for(set_periods(&house.app, by, grid)).expect("the administrator may");
        let today = monday().date();
        let (mut held, mut free) = (0, 0);
        let people = &house.people;
        for person in [
            &people.therapist,
            &people.unlicensed,
            &people.supervisor,
            &people.elsewhere,
            &people.quality,
            &people.administrator,
        ] {
            let seen = read_coverage(&house.app, person.actor.clone(), SeenAs::Evaluation);
            let Ok(coverage) = wait_for(seen) else {
                continue;
            };
            if is_held_to_the_grid(&person.actor) {
                assert_eq!(grid.allows(coverage.period, today), Ok(()), "{grid:?}");
                held += 1;
            } else {
                free += 1;
            }
        }
        assert!(held > 0 && free > 0, "{held} {free}");
    }
}

#[test]
fn what_others_were_asked_and_what_staff_put_down_is_no_form_that_a_patient_was_asked() {
    let house = House::at(monday());
    answer(&house, &house.phq9("P1"), &LAST);
    let mut staff = house.signed_in(&house.people.therapist);
    let recorded = house.patient("P2").to_string();
    assert_eq!(record(&mut staff, &recorded, ("1", "0"), &[]).status, 303);
    let child = house.patient("P3").to_string();
    house.permit("psc17");
    let parent = informant(&house, &mut staff, &child, "parent");
    let given = post(
        &mut staff,
        &format!("/patients/{child}/informants/form"),
        &[("informant", &parent), ("instrument", "psc17")],
    )
    .text();
    let (_, link) = given.split_once("value=\"http://").expect("a link");
    let (address, _) = link.split_once('"').expect("which ends");
    let link = path_of(&format!("http://{address}")).to_owned();
    assert_eq!(send_all(&mut house.client(), &link, 17, "1").status, 303);
    assert_eq!(house.number("administration WHERE state = 'completed'"), 3);
    let csv = page(&house, &house.people.therapist, "/sending/numbers.csv");
    assert!(
        csv.contains("forms_answered,all clinics,,,1,1,1.0000"),
        "{csv}"
    );
    assert!(
        csv.contains("patients_answered,,all languages,all channels,1,3,0.3333"),
        "{csv}"
    );
}
