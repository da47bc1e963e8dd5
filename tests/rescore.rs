//! Scoring anew: nothing is written over, the newest revision counts everywhere, and a run that was cut short is finished by another.

use attune::app::mark_in_error::{mark, take_back};
use attune::app::rescore::{Difference, Mode, Order, Refusal, Report, rescore};
use attune::app::{App, Failure};
use attune::domain::instrument::{DefinitionFile, Library};
use chrono::TimeDelta;
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::house::{House, monday, wait_for};
use crate::operator::{Office, complaint, printed};
use crate::patient::{CALM, get, sheet, start, submit};
use crate::support::http::path_of;

/// A PHQ-9 in which question 8 stays open: no score by version 1.
const GAP: [&str; 10] = ["1", "2", "3", "0", "1", "2", "3", "", "0", "1"];

/// The shipped PHQ-9 and a second version of it, which fills in up to two gaps and begins its second band at 4.
fn two_versions() -> &'static Library {
    let root = format!("{}/survey-defs/phq9", env!("CARGO_MANIFEST_DIR"));
    let first = std::fs::read_to_string(format!("{root}/1.toml")).expect("it ships");
    let second = first
        .replacen("version = \"1\"", "version = \"2\"", 1)
        .replace(
            "rule = \"refuse\"",
            "rule = \"prorate\"\nat_most = 2\nrounding = \"nearest\"",
        )
        .replace("id = \"severe\"\nfrom = 20", "id = \"severe\"\nfrom = 13")
        .replace(
            "id = \"moderately severe\"\nfrom = 15\nto = 19",
            "id = \"moderately severe\"\nfrom = 12\nto = 12",
        )
        .replace(
            "id = \"moderate\"\nfrom = 10\nto = 14",
            "id = \"moderate\"\nfrom = 10\nto = 11",
        );
    let file =
        |name: &str, text: String| DefinitionFile::shipped(format!("phq9/{name}.toml"), text);
    let library = Library::read([file("1", first), file("2", second)]);
    Box::leak(Box::new(library.expect("both versions are sound")))
}

fn order(mode: Mode) -> Order {
    Order {
        instrument: "phq9".into(),
        from: Some("1".into()),
        to: None,
        reason: "Gaps are filled in from now on".into(),
        by: "lee@staff.example.org".into(),
        mode,
    }
}

fn run(app: &App, order: &Order) -> Result<(Report, Vec<Difference>), Failure<Refusal>> {
    let mut seen = Vec::new();
    let actor = attune::domain::access::Actor::Operator { org: app.org };
    let report = rescore(
        app,
        &actor,
        order,
        &mut |difference| seen.push(difference.clone()),
        &mut |_| (),
    )?;
    Ok((report, seen))
}

fn answered(house: &House, link: &str, answers: &[&str; 10]) {
    let mut client = house.client();
    start(&mut client, link, "list");
    let mut fields = sheet(answers);
    fields.retain(|(name, answer)| !answer.is_empty() && name != "send");
    // Asked once more about a gap, this sends without it.
    let last = if answers.contains(&"") {
        "incomplete"
    } else {
        "send"
    };
    fields.push((last.to_owned(), "1".to_owned()));
    let sent = client
        .post_form(&format!("{link}/list/1"), &fields)
        .expect("the site answers");
    assert_eq!(sent.status, 303, "{}", sent.text());
}

/// A house in which one patient answered twice, the first time with a gap, and then a new version came.
fn with_answers() -> House {
    let mut house = House::at(monday());
    let patient = house.patient("P1");
    let first = house.link(patient, &["phq9"]);
    answered(&house, &first, &GAP);
    house.app.clock.set(monday() + TimeDelta::days(1));
    let second = house.link(patient, &["phq9"]);
    answered(&house, &second, &CALM);
    assert_eq!(house.number("response WHERE state = 'completed'"), 2);
    house.verified();
    house.app.library = two_versions();
    house
}

fn scores(house: &House) -> Vec<String> {
    house.texts(
        "SELECT CAST(revision AS TEXT) || ' by ' || version || ': ' || COALESCE(CAST(CAST(value AS INTEGER) AS TEXT), 'none') || ' ' \
         || COALESCE(band, '') AS value FROM score ORDER BY response_id, revision",
    )
}

fn summary(house: &House) -> Vec<String> {
    house.texts(
        "SELECT version || ' ' || CAST(n AS TEXT) || ': ' || recent || ' ' || COALESCE(last_band, '') AS value FROM episode_scale",
    )
}

#[test]
fn a_new_revision_stands_beside_the_old_one_and_is_the_one_that_counts() {
    let house = with_answers();
    assert_eq!(scores(&house), ["1 by 1: none ", "1 by 1: 13 moderate"]);
    assert_eq!(summary(&house), ["1 1: 13 moderate"]);
    let before = house.snapshot();
    let (foretold, _) = run(&house.app, &order(Mode::DryRun)).expect("it can be foretold");
    assert_eq!(house.snapshot(), before, "a dry run stores nothing");

    let (report, seen) = run(&house.app, &order(Mode::Write)).expect("it is done");
    assert_eq!(report, foretold);
    assert_eq!(
        report,
        Report {
            responses: 2,
            rescored: 2,
            values: 1,
            bands: 2,
            unreadable: 0,
            summaries: 1,
        }
    );
    assert_eq!(seen.len(), 2);
    assert_eq!(seen[0].patient, "P1");
    assert_eq!(
        scores(&house),
        [
            "1 by 1: none ",
            "2 by 2: 14 severe",
            "1 by 1: 13 moderate",
            "2 by 2: 13 severe"
        ]
    );
    assert_eq!(summary(&house), ["2 2: 14 13 severe"]);
    assert_eq!(house.number("rescore"), 1);
    assert_eq!(
        house.number("audit_event WHERE act = 'rescore' AND subject = 'response'"),
        2
    );
    let reasons = house.texts(
        "SELECT r.reason || ' / ' || s.email AS value FROM rescored d JOIN rescore r ON r.org_id = d.org_id AND r.id = d.rescore_id \
         JOIN staff s ON s.org_id = r.org_id AND s.id = r.author_id",
    );
    assert_eq!(reasons.len(), 2);
    assert_eq!(
        reasons[0],
        "Gaps are filled in from now on / lee@staff.example.org"
    );
    house.verified();

    let patient = &house.ids("patient")[0];
    let page = get(
        &mut house.signed_in(&house.people.therapist),
        &format!("/patients/{patient}"),
    )
    .text();
    assert!(
        page.contains(">14<"),
        "the newest revision is shown: {page}"
    );

    assert!(
        page.contains("scored anew by version 2 (Gaps are filled in from now on, Lee Hartwell)"),
        "{page}"
    );

    let after = (scores(&house), summary(&house), house.number("audit_event"));
    let (again, _) = run(&house.app, &order(Mode::Write)).expect("it is done");
    assert_eq!((again.responses, again.rescored), (2, 0));
    assert_eq!(
        (scores(&house), summary(&house), house.number("audit_event")),
        after,
        "nothing changes twice"
    );
}

#[test]
fn what_was_entered_in_error_is_scored_anew_too_and_counts_by_the_new_rules_when_that_is_taken_back()
 {
    let house = with_answers();
    let therapist = || house.people.therapist.actor.clone();
    let newest = house.ids("administration")[1].parse().expect("an id");
    let why = "of somebody else".to_owned();
    wait_for(mark(&house.app, therapist(), newest, why)).expect("it is marked");
    let (report, _) = run(&house.app, &order(Mode::Write)).expect("it is done");
    assert_eq!(report.rescored, 2);
    assert_eq!(summary(&house), ["2 1: 14 severe"], "it counts nowhere");
    house.verified();
    wait_for(take_back(&house.app, therapist(), newest)).expect("it is taken back");
    assert_eq!(summary(&house), ["2 2: 14 13 severe"]);
    house.verified();
}

#[test]
fn a_rescore_that_was_cut_short_is_finished_by_another() {
    let mut house = House::at(monday());
    for number in 0..30 {
        let link = house.phq9(&format!("P{number}"));
        answered(&house, &link, &CALM);
    }
    house.app.library = two_versions();
    let actor = house.operator();
    let cut = catch_unwind(AssertUnwindSafe(|| {
        rescore(
            &house.app,
            &actor,
            &order(Mode::Write),
            &mut |_| panic!("the power went"),
            &mut |_| (),
        )
    }));
    assert!(cut.is_err());
    let done = house.number("score WHERE revision = 2");
    assert!(done > 0 && done < 30, "{done} were done");
    house.verified();
    let (report, _) = run(&house.app, &order(Mode::Write)).expect("it is finished");
    assert_eq!((report.responses, report.rescored), (30, 30 - done));
    assert_eq!(house.number("score WHERE revision = 2"), 30);
    assert_eq!(house.number("score"), 60);
    house.verified();
}

#[test]
fn verify_sees_a_revision_that_no_rescore_made_and_a_summary_of_older_ones() {
    let house = with_answers();
    run(&house.app, &order(Mode::Write)).expect("it is done");
    house.verified();
    let broken = |house: &House| -> Vec<&'static str> {
        let found = attune::app::verify::verify(&house.app).expect("the database works");
        found.broken.iter().map(|broken| broken.rule).collect()
    };
    house.run_sql("UPDATE episode_scale SET n = 1, recent = '13', first_value = 13");
    assert_eq!(
        broken(&house),
        ["an episode's summary is what its scores amount to"]
    );
    let (report, _) = run(&house.app, &order(Mode::Write)).expect("it is made anew");
    assert_eq!((report.rescored, report.summaries), (0, 1));
    house.verified();
    house.run_sql("DELETE FROM rescored");
    assert!(
        broken(&house)
            .iter()
            .any(|rule| rule.starts_with("every later revision of a score was made by a rescore"))
    );
}

#[test]
fn what_makes_no_sense_is_refused_before_anything_is_read() {
    let house = with_answers();
    let refused = |order: Order| match run(&house.app, &order) {
        Err(Failure::Refused(refusal)) => refusal.to_string(),
        other => panic!("{other:?}"),
    };
    let usual = || order(Mode::Write);
    for (order, words) in [
        (
            Order {
                instrument: "mmpi".into(),
                ..usual()
            },
            "no instrument \"mmpi\"",
        ),
        (
            Order {
                to: Some("9".into()),
                ..usual()
            },
            "no version \"9\"",
        ),
        (
            Order {
                reason: " ".into(),
                ..usual()
            },
            "say why",
        ),
        (
            Order {
                by: "nobody@staff.example.org".into(),
                ..usual()
            },
            "nobody who works here",
        ),
    ] {
        let said = refused(order);
        assert!(said.contains(words), "{words}: {said}");
    }
    assert_eq!(house.number("rescore"), 0);
}

#[test]
fn the_command_line_counts_and_writes_the_differences_through_the_running_service() {
    let office = Office::open();
    let site = &office.site;
    let link = site.must_run(&["link", "new", "--patient", "P1", "--instruments", "gad7"]);
    let mut client = office.client();
    let path = path_of(link.trim()).to_owned();
    submit(
        &mut client,
        &path,
        &["1", "2", "3", "0", "1", "2", "3", "1"],
    );
    let file = site.folder.path().join("differences.csv");
    let words = [
        "instrument",
        "rescore",
        "gad7",
        "--from",
        "all",
        "--reason",
        "a look",
        "--by",
        "lee@staff.example.org",
        "--csv",
        &file.to_string_lossy(),
    ];
    let done = site.run(&words);
    assert!(done.status.success(), "{}", complaint(&done));
    let said = printed(&done);
    assert!(
        said.contains("responses: 1\n") && said.contains("values changed: 0\n"),
        "{said}"
    );
    let written = std::fs::read_to_string(&file).expect("the file is there");
    assert_eq!(written.lines().count(), 1, "the heading alone: {written}");
    let again = site.run(&words);
    assert_eq!(again.status.code(), Some(2), "no file is written over");
}
