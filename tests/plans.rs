//! Measurement plans as a whole: what is asked together, what moves with a session, what survives the end of care, what is left out and says so; and that the
//! dates shown beforehand are the dates that come.

use attune::app::enrol::end_episode;
use attune::app::outlook::{Outlook, Rules};
use attune::app::plan_due::plan_due;
use attune::app::put_session::put_session;
use attune::app::set_plan::PlanDetails;
use attune::app::set_plan::{self, Wanted};
use attune::domain::access::{Action, Permit, Subject, decide};
use attune::domain::ids::{CareSessionId, EpisodeId, PatientId};
use attune::domain::schedule::PlanRole;
use attune::domain::schedule::planning::{Outcome, preview};
use attune::store::session::{self, SessionRow};
use attune::store::{Fault, Place, Tx, fresh, patient};
use chrono::{NaiveDateTime, TimeDelta};

use crate::house::{House, address_of, instant, monday, wait_for};
use crate::mail::send;
use crate::patient::{get, submit};
use crate::support::http::path_of;
use crate::support::smtp::SmtpSink;

pub fn wanted(instruments: &[&str], cadence: &str, role: PlanRole) -> Wanted {
    Wanted {
        steps: vec![],
        details: details(instruments, cadence),
        role,
    }
}

pub fn details(instruments: &[&str], cadence: &str) -> PlanDetails {
    PlanDetails {
        instruments: instruments.iter().map(|id| (*id).to_owned()).collect(),
        cadence: cadence.parse().expect("a test writes its cadences well"),
    }
}

fn add(house: &House, who: PatientId, instruments: &[&str], cadence: &str, role: PlanRole) {
    let therapist = house.people.therapist.actor.clone();
    let wanted = wanted(instruments, cadence, role);
    wait_for(set_plan::add_plan(&house.app, therapist, who, wanted)).expect("the plan is added");
}

/// Turns the planner's crank until nothing is due.
fn plan(house: &House) {
    while plan_due(&house.app).expect("the database works") > 0 {}
}

pub fn at(house: &House, now: NaiveDateTime) {
    house.app.clock.set(now);
    plan(house);
}

/// Works on the one episode as the program's file import would.
fn on_episode<T: Send + 'static>(
    house: &House,
    who: PatientId,
    work: impl FnOnce(&mut Tx, &Permit, &Rules, EpisodeId) -> Result<T, Fault> + Send + 'static,
) -> T {
    let (app, actor) = (house.app.clone(), house.operator());
    let done = house.app.store.write_blocking(move |tx| {
        let subject = Subject::Patient {
            id: who,
            clinics: vec![],
        };
        let permit = decide(&actor, Action::Import, subject).expect("the operator may");
        let rules = Rules::read(tx, app.library, app.org, app.clock.now())?;
        let episode = patient::episodes_of(tx, &permit, &[who])?[0].id;
        work(tx, &permit, &rules, episode)
    });
    done.expect("the database works")
}

fn put(
    house: &House,
    who: PatientId,
    external_id: &'static str,
    starts_at: &str,
    state: &'static str,
) {
    put_at(
        house,
        who,
        external_id.to_owned(),
        instant(starts_at),
        state,
    );
}

/// A session as a file says it now.
pub fn put_at(
    house: &House,
    who: PatientId,
    external_id: String,
    starts_at: NaiveDateTime,
    state: &'static str,
) {
    on_episode(house, who, move |tx, permit, rules, episode_id| {
        let known = session::by_external_id(tx, permit.org(), &external_id)?;
        let id: CareSessionId = known
            .as_ref()
            .map_or_else(|| fresh(rules.now), |row| row.id);
        let row = SessionRow {
            org_id: permit.org(),
            id,
            episode_id,
            external_id,
            starts_at,
            state: state.into(),
        };
        put_session(tx, permit, rules, known.as_ref(), &row)
    });
}

pub fn end(house: &House, who: PatientId, ended_on: &str, ending: &'static str) {
    let ended_on = Some(ended_on.parse().expect("a day"));
    on_episode(house, who, move |tx, permit, rules, id| {
        let mut row = patient::episode_by_id(tx, permit.org(), id)?;
        row.ended_on = ended_on;
        row.ending = Some(ending.into());
        end_episode(tx, permit, rules, &row)
    });
}

fn forms(house: &House) -> Vec<String> {
    house.texts(
        "SELECT state || ' ' || instruments || ' ' || substr(CAST(due_at AS TEXT), 1, 16) || ' ' || substr(CAST(expires_at AS TEXT), 1, 16) AS value \
         FROM administration ORDER BY due_at, id",
    )
}

fn occasions(house: &House) -> Vec<String> {
    house.texts(
        "SELECT outcome || ' ' || COALESCE(why, '') AS value FROM occasion ORDER BY due_at, outcome, name",
    )
}

#[test]
fn what_falls_due_on_one_day_leaves_as_one_form_with_each_instrument_once() {
    let (house, sink) = (House::at(monday()), SmtpSink::start());
    let who = house.enrol("P1", vec![details(&["phq9"], "every_weeks:1")]);
    add(
        &house,
        who,
        &["gad7", "phq9"],
        "every_weeks:2",
        PlanRole::Supplement,
    );
    plan(&house);
    assert_eq!(
        forms(&house),
        ["planned phq9@1 gad7@1 2026-03-02 15:00 2026-03-09 15:00"]
    );
    assert_eq!(occasions(&house), ["asked ", "asked "]);
    assert_eq!(send(&house, &sink), 1);
    // On the next Monday the clocks have changed: nine in Chicago is an hour earlier in UTC.
    at(&house, instant("2026-03-09 13:59:59"));
    assert_eq!(house.number("administration"), 1);
    at(&house, instant("2026-03-09 14:00:00"));
    assert_eq!(
        forms(&house)[1],
        "planned phq9@1 2026-03-09 14:00 2026-03-16 14:00"
    );
    house.verified();
}

#[test]
fn an_episode_that_cannot_be_planned_holds_up_nobody_else_and_is_looked_at_again() {
    let (house, sink) = (House::at(monday()), SmtpSink::start());
    let weekly = || vec![details(&["phq9"], "every_weeks:1")];
    house.enrol("P1", weekly());
    plan(&house);
    assert_eq!(send(&house, &sink), 1);
    // Whoever has a form already can have no other: P1, whose turn comes first.
    house.run_sql("CREATE UNIQUE INDEX one_form_each ON administration (patient_id)");
    let week_later = instant("2026-03-09 16:00:00");
    house.app.clock.set(week_later);
    house.enrol("P2", weekly());
    let forms_of = |patient: &str| {
        house.number(&format!(
            "administration JOIN patient ON patient.id = administration.patient_id WHERE external_id = '{patient}'"
        ))
    };
    plan(&house);
    assert_eq!((forms_of("P1"), forms_of("P2")), (1, 1));
    send(&house, &sink);
    assert_eq!(
        sink.mails_to(&address_of("P2")).len(),
        1,
        "whose invitation leaves"
    );

    let again = week_later + TimeDelta::minutes(15);
    for still in [
        again - TimeDelta::seconds(1),
        again,
        again + TimeDelta::minutes(14),
    ] {
        at(&house, still);
        assert_eq!((forms_of("P1"), forms_of("P2")), (1, 1), "at {still}");
    }
    house.run_sql("DROP INDEX one_form_each");
    at(
        &house,
        again + TimeDelta::minutes(15) - TimeDelta::seconds(1),
    );
    assert_eq!(forms_of("P1"), 1, "every quarter of an hour, not oftener");
    at(&house, again + TimeDelta::minutes(15));
    assert_eq!((forms_of("P1"), forms_of("P2")), (2, 1));
    house.verified();
}

#[test]
fn a_cancelled_session_cancels_its_unsent_form_and_one_that_is_planned_again_gets_another() {
    let (house, sink) = (House::at(monday()), SmtpSink::start());
    let who = house.enrol("P1", vec![details(&["phq9"], "before_session:24")]);
    put(&house, who, "S1", "2026-03-04 16:00:00", "planned");
    at(&house, instant("2026-03-03 16:00:00"));
    assert_eq!(
        forms(&house),
        ["planned phq9@1 2026-03-03 16:00 2026-03-04 18:00"]
    );
    put(&house, who, "S1", "2026-03-04 16:00:00", "cancelled");
    plan(&house);
    send(&house, &sink);
    assert_eq!(sink.mails().len(), 0, "nothing leaves");
    assert_eq!(
        house.texts("SELECT state || ' ' || ended_why AS value FROM administration"),
        ["cancelled its session was called off"]
    );
    assert_eq!(
        house.texts("SELECT state AS value FROM outbox"),
        ["withdrawn"]
    );
    put(&house, who, "S1", "2026-03-06 16:00:00", "planned");
    at(&house, instant("2026-03-05 16:00:00"));
    send(&house, &sink);
    assert_eq!(sink.mails().len(), 1);
    assert_eq!(
        forms(&house)[1],
        "sent phq9@1 2026-03-05 16:00 2026-03-06 18:00"
    );
    house.verified();
}

#[test]
fn a_moved_session_moves_its_unsent_form_and_the_window_of_a_sent_one() {
    let (house, sink) = (House::at(monday()), SmtpSink::start());
    let who = house.enrol("P1", vec![details(&["phq9"], "before_session:24")]);
    put(&house, who, "S1", "2026-03-04 16:00:00", "planned");
    at(&house, instant("2026-03-03 16:00:00"));
    put(&house, who, "S1", "2026-03-10 16:00:00", "planned");
    assert_eq!(
        forms(&house),
        ["planned phq9@1 2026-03-09 16:00 2026-03-10 18:00"]
    );
    let waits =
        "SELECT state || ' ' || substr(CAST(not_before AS TEXT), 1, 16) AS value FROM outbox";
    assert_eq!(house.texts(waits), ["queued 2026-03-09 16:00"]);
    plan(&house);
    assert_eq!(send(&house, &sink), 0, "it waits for its new time");
    at(&house, instant("2026-03-09 16:00:00"));
    assert_eq!(send(&house, &sink), 1);
    put(&house, who, "S1", "2026-03-12 15:00:00", "planned");
    plan(&house);
    assert_eq!(
        forms(&house),
        ["sent phq9@1 2026-03-09 16:00 2026-03-12 17:00"]
    );
    assert_eq!(house.number("occasion"), 1, "it is the same occasion");
    house.verified();
}

#[test]
fn a_session_that_moves_after_its_form_ended_unopened_is_asked_for_again() {
    for between in ["planned", "cancelled", "missed"] {
        let (house, sink) = (House::at(monday()), SmtpSink::start());
        let who = house.enrol("P1", vec![details(&["phq9"], "before_session:24")]);
        put(&house, who, "S1", "2026-03-04 16:00:00", "planned");
        at(&house, instant("2026-03-03 16:00:00"));
        assert_eq!(send(&house, &sink), 1);
        at(&house, instant("2026-03-04 18:01:00"));
        attune::app::expire_due::expire_due(&house.app).expect("the database works");
        put(&house, who, "S1", "2026-03-04 16:00:00", between);
        put(&house, who, "S1", "2026-03-10 16:00:00", "planned");
        at(&house, instant("2026-03-09 16:00:00"));
        assert_eq!(
            forms(&house),
            [
                "not_seen phq9@1 2026-03-03 16:00 2026-03-04 18:00",
                "planned phq9@1 2026-03-09 16:00 2026-03-10 18:00"
            ],
            "{between}"
        );
        house.verified();
    }
}

#[test]
fn a_session_before_a_chart_begins_has_no_tick_on_it() {
    let house = House::at(monday());
    let who = house.patient("P1");
    let day = |days: i64| monday() + TimeDelta::days(days);
    put_at(&house, who, "S1".into(), day(40), "attended");
    // Nothing was asked until long after it: the chart begins four weeks before the first form.
    house.app.clock.set(day(128));
    let link = house.link(who, &["phq9"]);
    submit(&mut house.client(), &link, &["0"; 10]);
    let chart = || {
        let mut staff = house.signed_in(&house.people.therapist);
        let page = get(&mut staff, &format!("/patients/{who}")).text();
        let (_, chart) = page.split_once("<svg").expect("a chart");
        chart.split_once("</svg>").expect("which ends").0.to_owned()
    };
    let without = chart();
    assert!(!without.contains(">sessions<"), "{without}");
    put_at(&house, who, "S2".into(), day(120), "attended");
    let with = chart();
    let (before, _) = with.split_once(">sessions<").expect("one within");
    let (_, ticks) = before.rsplit_once("<path d=\"").expect("its tick");
    let (ticks, _) = ticks.split_once('"').expect("which ends");
    assert_eq!(ticks.matches('M').count(), 1, "{ticks}");
}

#[test]
fn session_numbers_are_asked_once_each() {
    let house = House::at(monday());
    let who = house.enrol("P1", vec![details(&["phq9"], "at_sessions:1,3@2")]);
    for (id, day) in [("S1", "03"), ("S2", "04"), ("S3", "05"), ("S4", "06")] {
        let starts_at = format!("2026-03-{day} 18:00:00");
        put(&house, who, id, &starts_at, "planned");
    }
    for day in 3..=7 {
        at(&house, instant(&format!("2026-03-0{day} 17:00:00")));
    }
    let days: Vec<String> = forms(&house)
        .iter()
        .map(|form| form[15..25].to_owned())
        .collect();
    assert_eq!(days, ["2026-03-03", "2026-03-05"]);
}

#[test]
fn the_end_of_care_is_asked_after_and_follow_ups_come_but_never_after_a_death() {
    let (house, sink) = (House::at(monday()), SmtpSink::start());
    let plans = || {
        vec![
            details(&["phq9"], "every_weeks:1"),
            details(&["phq9"], "discharge"),
            details(&["gad7"], "follow_up:3"),
        ]
    };
    let who = house.enrol("P1", plans());
    let other = house.enrol("P2", plans());
    plan(&house);
    send(&house, &sink);
    assert_eq!(sink.mails().len(), 2);
    house.app.clock.set(instant("2026-03-05 20:00:00"));
    end(&house, who, "2026-03-05", "planned");
    end(&house, other, "2026-03-05", "died");
    plan(&house);
    send(&house, &sink);
    assert_eq!(
        sink.mails().len(),
        3,
        "the form at the end leaves after the end"
    );
    at(&house, instant("2026-06-05 14:00:00"));
    send(&house, &sink);
    assert_eq!(sink.mails().len(), 4, "three months later");
    assert!(
        forms(&house)
            .iter()
            .any(|form| form.starts_with("sent gad7@1 2026-06-05 14:00"))
    );
    at(&house, instant("2027-06-05 14:00:00"));
    send(&house, &sink);
    assert_eq!(sink.mails().len(), 4, "then never again");
    house.verified();
}

#[test]
fn what_care_came_to_does_not_change_when_a_follow_up_comes_in() {
    let (house, sink) = (House::at(monday()), SmtpSink::start());
    let who = house.enrol(
        "P1",
        vec![
            details(&["phq9"], "every_weeks:1"),
            details(&["phq9"], "discharge"),
            details(&["phq9"], "follow_up:3"),
        ],
    );
    let answer = |sent: usize, with: &str| {
        send(&house, &sink);
        let mails = sink.mails();
        assert_eq!(mails.len(), sent);
        let link = mails[sent - 1].links()[0].clone();
        let answer = submit(&mut house.client(), path_of(&link), &[with; 10]);
        assert_eq!(answer.status, 303, "{}", answer.text());
    };
    let course = || {
        house.texts(
            "SELECT CAST(n AS TEXT) || ' ' || CAST(CAST(last_value AS INTEGER) AS TEXT) || ' ' || recent AS value FROM episode_scale",
        )
    };
    plan(&house);
    answer(1, "2");
    at(&house, instant("2026-03-05 20:00:00"));
    end(&house, who, "2026-03-05", "planned");
    plan(&house);
    answer(2, "0");
    assert_eq!(course(), ["2 0 18 0"], "the form at the end counts");
    at(&house, instant("2026-06-05 14:00:00"));
    answer(3, "3");
    assert_eq!(
        house.number("score WHERE scale = 'total' AND value = 27"),
        1
    );
    assert_eq!(
        course(),
        ["2 0 18 0"],
        "three months later is another matter"
    );
    assert_eq!(
        house.counts(["flag_answers"]),
        [2],
        "but item 9 is seen by a person"
    );
    house.verified();
    let page = get(
        &mut house.signed_in(&house.people.therapist),
        &format!("/patients/{who}"),
    );
    assert!(page.text().contains(">27<"), "and the page shows it");
}

fn minutes_a_month(house: &House, minutes: u32) {
    house.run_sql(&format!(
        "INSERT INTO policy (org_id, kind, version, body, made_at) \
         SELECT id, 'sending', 1, '{{\"minutes_per_month\": {minutes}}}', '{}' FROM organisation",
        monday()
    ));
}

#[test]
fn supplements_give_way_to_the_months_budget_and_the_record_says_so() {
    let house = House::at(monday());
    minutes_a_month(&house, 4);
    let who = house.enrol("P1", vec![details(&["phq9"], "every_weeks:1")]);
    add(
        &house,
        who,
        &["gad7"],
        "every_weeks:1",
        PlanRole::Supplement,
    );
    for week in 0..3 {
        at(&house, monday() + TimeDelta::weeks(week));
    }
    let asked: Vec<String> = forms(&house)
        .iter()
        .map(|form| form.split(" 2026").next().unwrap_or_default().to_owned())
        .collect();
    assert_eq!(asked[0], "planned phq9@1 gad7@1");
    assert!(
        asked[1..].iter().all(|form| form.ends_with(" phq9@1")),
        "{asked:?}"
    );
    let said = occasions(&house);
    assert_eq!(
        said.iter().filter(|one| one.starts_with("dropped")).count(),
        2
    );
    assert!(
        said.iter()
            .any(|one| one.contains("to keep within 4 minutes in 30 days")),
        "{said:?}"
    );
}

#[test]
fn after_a_long_outage_a_patient_gets_one_form_and_what_was_missed_is_written_down() {
    let (house, sink) = (House::at(monday()), SmtpSink::start());
    let who = house.enrol("P1", vec![details(&["phq9"], "every_weeks:1")]);
    add(&house, who, &["gad7"], "before_session:24", PlanRole::Core);
    put(&house, who, "S1", "2026-03-20 16:00:00", "planned");
    plan(&house);
    send(&house, &sink);
    at(&house, instant("2026-03-31 15:00:00"));
    send(&house, &sink);
    assert_eq!(sink.mails().len(), 2);
    let said = occasions(&house);
    assert_eq!(said.len(), 6);
    let skipped = said
        .iter()
        .filter(|one| one.contains("nothing was running"));
    assert_eq!(skipped.count(), 4, "three Mondays and a session: {said:?}");
    house.verified();
}

#[test]
fn what_falls_due_in_a_pause_or_for_nobody_is_skipped_with_its_reason() {
    let house = House::at(monday());
    let who = house.enrol("P1", vec![details(&["phq9"], "every_weeks:1")]);
    house.run_sql(&format!(
        "INSERT INTO pause (org_id, id, scope, reason, from_at, until_at) SELECT id, id, 'site', 'moving house', '{}', '{}' FROM organisation",
        monday(),
        monday() + TimeDelta::days(1)
    ));
    plan(&house);
    let unreached = who.to_string();
    let hex = match house.app.store.place() {
        Place::Sqlite(_) => format!("X'{unreached}'"),
        Place::Postgres(_) => format!("decode('{unreached}', 'hex')"),
    };
    house.run_sql(&format!(
        "INSERT INTO contact_preference (org_id, patient_id, channel, note, changed_at) SELECT id, {hex}, 'none', '', '{}' FROM organisation",
        monday()
    ));
    at(&house, monday() + TimeDelta::weeks(1));
    assert_eq!(house.number("administration"), 0);
    let said = occasions(&house);
    assert!(
        said[0].contains("moving house") && said[1].contains("in the clinic only"),
        "{said:?}"
    );
}

#[test]
fn the_dates_shown_beforehand_are_the_dates_that_come() {
    let house = House::at(monday());
    minutes_a_month(&house, 8);
    let who = house.enrol(
        "P1",
        vec![
            details(&["phq9"], "every_weeks:3"),
            details(&["gad7"], "before_session:30"),
            details(&["phq2", "gad2"], "intake"),
        ],
    );
    add(
        &house,
        who,
        &["pcl5"],
        "every_weeks:4",
        PlanRole::Supplement,
    );
    add(
        &house,
        who,
        &["phq15"],
        "every_weeks:2",
        PlanRole::Supplement,
    );
    let starts = [
        "2026-03-09 01:00:00",
        "2026-03-23 14:30:00",
        "2026-05-04 13:05:00",
        "2026-11-02 15:00:00",
    ];
    for (id, start) in ["S1", "S2", "S3", "S4"].iter().zip(starts) {
        put(&house, who, id, start, "planned");
    }
    let until = monday() + TimeDelta::days(365);
    let shown = on_episode(&house, who, move |tx, permit, rules, episode| {
        let outlook = Outlook::read(tx, rules, permit.org(), episode)?;
        Ok(preview(&outlook.situation, rules.now, until, usize::MAX))
    });
    let promised: Vec<String> = shown
        .iter()
        .flat_map(|dated| {
            let form = dated.form.as_ref().map_or(dated.at, |form| form.due_at);
            dated.verdicts.iter().map(move |verdict| {
                let (outcome, why) = match &verdict.outcome {
                    Outcome::Asked | Outcome::Covered(_) => ("asked", String::new()),
                    Outcome::Dropped(why) => ("dropped", why.clone()),
                    Outcome::Skipped(why) => ("skipped", why.to_string()),
                };
                let when = if outcome == "asked" {
                    form
                } else {
                    verdict.occasion.due_at
                };
                format!(
                    "{} {} {outcome} {when} {why}",
                    verdict.plan, verdict.occasion.name
                )
            })
        })
        .collect();
    let mut now = monday();
    while now < until {
        at(&house, now);
        now += TimeDelta::minutes(30);
    }
    let (hex, cut) = match house.app.store.place() {
        Place::Sqlite(_) => (
            "lower(hex(o.plan_id))",
            "substr(COALESCE(a.due_at, o.due_at), 1, 19)",
        ),
        Place::Postgres(_) => (
            "encode(o.plan_id, 'hex')",
            "to_char(COALESCE(a.due_at, o.due_at), 'YYYY-MM-DD HH24:MI:SS')",
        ),
    };
    let mut came = house.texts(&format!(
        "SELECT {hex} || ' ' || o.name || ' ' || o.outcome || ' ' || {cut} || ' ' || COALESCE(o.why, '') AS value \
         FROM occasion o LEFT JOIN administration a ON a.org_id = o.org_id AND a.id = o.administration_id"
    ));
    let mut promised = promised;
    came.sort();
    promised.sort();
    assert!(promised.len() > 50, "{}", promised.len());
    assert!(promised.iter().any(|line| line.contains(" dropped ")));
    assert_eq!(promised, came);
    house.verified();
}

/// The steps of the planner's own query, as the engine would take them.
fn steps(house: &House) -> String {
    let query = "SELECT episode_id, next_due_at FROM plan WHERE next_due_at <= '2026-03-02 15:00:00' AND \
         org_id = (SELECT id FROM organisation) ORDER BY next_due_at LIMIT 200";
    match house.app.store.place() {
        Place::Sqlite(_) => explained(house, &format!("EXPLAIN QUERY PLAN {query}")),
        Place::Postgres(_) => {
            house.run_sql("ANALYZE plan");
            explained(house, &format!("EXPLAIN {query}"))
        }
    }
}

fn explained(house: &House, query: &str) -> String {
    use diesel::prelude::*;
    #[derive(QueryableByName)]
    struct Sqlite {
        #[diesel(sql_type = diesel::sql_types::Text)]
        detail: String,
    }
    #[derive(QueryableByName)]
    struct Postgres {
        #[diesel(sql_type = diesel::sql_types::Text, column_name = "QUERY PLAN")]
        step: String,
    }
    let query = query.to_owned();
    let lines = house.app.store.read_blocking(move |tx| {
        Ok::<Vec<String>, Fault>(match &mut tx.db {
            attune::store::Db::Sqlite(db) => {
                let rows: Vec<Sqlite> = diesel::sql_query(query).load(db)?;
                rows.into_iter().map(|row| row.detail).collect()
            }
            attune::store::Db::Postgres(db) => {
                let rows: Vec<Postgres> = diesel::sql_query(query).load(db)?;
                rows.into_iter().map(|row| row.step).collect()
            }
        })
    });
    lines.expect("the query is good").join("\n")
}

#[test]
fn a_tick_looks_only_at_what_is_due() {
    let house = House::at(monday());
    let who = house.enrol("P1", vec![details(&["phq9"], "every_weeks:1")]);
    // Twenty thousand others whose time has not come.
    let (id, series) = match house.app.store.place() {
        Place::Sqlite(_) => (
            "randomblob(16)",
            "(WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000) SELECT i FROM n)",
        ),
        Place::Postgres(_) => (
            "decode(md5(i::text || 'x'), 'hex')",
            "generate_series(1, 20000) AS s(i)",
        ),
    };
    house.run_sql(&format!(
        "INSERT INTO plan (org_id, id, episode_id, instruments, cadence, anchor, next_due_at, role, position) \
         SELECT p.org_id, {id}, p.episode_id, p.instruments, p.cadence, p.anchor, '2030-01-01 15:00:00', 'core', 0 FROM plan p, {series}"
    ));
    let steps = steps(&house);
    assert!(steps.contains("plan_due"), "{steps}");
    assert!(
        !steps.contains("Seq Scan on plan") && !steps.contains("SCAN plan"),
        "{steps}"
    );
    let _ = who;
}

#[test]
fn a_programs_plans_come_with_the_episode_and_are_carried_over() {
    use attune::app::program_plans::{
        add_program_plan, apply_program, read_programs, stop_program_plan,
    };
    let house = House::at(monday());
    let before = house.patient("P1");
    let administrator = || house.people.administrator.actor.clone();
    let program = house.ids("program")[0].parse().expect("an id");
    let weekly = wanted(&["phq9"], "every_weeks:1", PlanRole::Core);
    wait_for(add_program_plan(
        &house.app,
        administrator(),
        program,
        weekly,
    ))
    .expect("it is added");
    house.patient("P2");
    assert_eq!(house.number("plan"), 1, "only who comes now has it");
    let done =
        wait_for(apply_program(&house.app, administrator(), program)).expect("it is carried over");
    assert_eq!((done.patients, done.added, done.stopped), (1, 1, 0));
    let done =
        wait_for(apply_program(&house.app, administrator(), program)).expect("it may be repeated");
    assert_eq!(done.patients, 0);
    let known = wait_for(read_programs(&house.app, administrator())).expect("they are read");
    let plan = known.programs[0].plans[0].0.id;
    assert_eq!(known.programs[0].plans[0].1, 2);
    wait_for(stop_program_plan(&house.app, administrator(), plan)).expect("it is stopped");
    let done =
        wait_for(apply_program(&house.app, administrator(), program)).expect("it is carried over");
    assert_eq!((done.patients, done.stopped), (2, 2));
    at(&house, monday() + TimeDelta::weeks(2));
    assert_eq!(
        house.number("administration"),
        0,
        "nothing is asked any more"
    );
    let tried = wait_for(apply_program(
        &house.app,
        house.people.therapist.actor.clone(),
        program,
    ));
    assert!(tried.is_err(), "only an administrator");
    add(&house, before, &["phq9"], "every_weeks:1", PlanRole::Core);
    house.verified();
}

/// The end of care became known at 17:00 in Chicago, on a day whose form was not open to more any longer.
#[test]
fn the_form_at_the_end_waits_for_the_next_day_when_that_days_form_is_closed() {
    let (house, sink) = (House::at(monday()), SmtpSink::start());
    let plans = || {
        vec![
            details(&["phq9"], "every_weeks:1"),
            details(&["phq9", "pcl5"], "discharge"),
        ]
    };
    let who = house.enrol("P1", plans());
    plan(&house);
    send(&house, &sink);
    let link = sink.mails()[0].links()[0].clone();
    let answer = submit(&mut house.client(), path_of(&link), &["0"; 10]);
    assert_eq!(answer.status, 303, "{}", answer.text());
    house.app.clock.set(instant("2026-03-02 23:00:00"));
    end(&house, who, "2026-03-02", "planned");
    plan(&house);
    assert_eq!(
        occasions(&house),
        ["asked "],
        "nothing became of the end yet"
    );
    at(&house, instant("2026-03-03 13:59:59"));
    assert_eq!(house.number("administration"), 1);
    at(&house, instant("2026-03-03 14:00:00"));
    assert_eq!(
        forms(&house)[1],
        "planned phq9@1 pcl5@1 2026-03-03 14:00 2026-03-10 14:00"
    );
    assert_eq!(occasions(&house), ["asked ", "asked "]);
    house.verified();
}

#[test]
fn a_form_that_nobody_opened_stands_for_no_other_and_the_record_does_not_call_it_begun() {
    for (state, begun) in [
        ("opened", true),
        ("completed", true),
        ("abandoned", true),
        ("declined", false),
        ("not_seen", false),
        ("expired", false),
    ] {
        let house = House::at(monday());
        let plans = vec![
            details(&["phq9"], "every_weeks:1"),
            details(&["phq9"], "discharge"),
            details(&["gad7"], "before_session:1"),
        ];
        let who = house.enrol("P1", plans);
        plan(&house);
        house.run_sql(&format!("UPDATE administration SET state = '{state}'"));
        // A session of the same evening: what is asked before it cannot wait.
        house.app.clock.set(instant("2026-03-02 20:00:00"));
        put(&house, who, "S1", "2026-03-02 23:30:00", "planned");
        at(&house, instant("2026-03-02 22:30:00"));
        let why = house.texts("SELECT why AS value FROM occasion WHERE outcome = 'skipped'");
        assert_eq!(why.len(), 1, "{state}");
        assert_eq!(why[0].contains("begun"), begun, "{state}: {why:?}");
        assert_eq!(why[0].contains("without being answered"), !begun, "{why:?}");
        // The same questions at the end of care.
        end(&house, who, "2026-03-02", "planned");
        plan(&house);
        let asked = || house.number("occasion WHERE outcome = 'asked'");
        assert_eq!(asked(), if begun { 2 } else { 1 }, "{state}");
        at(&house, instant("2026-03-03 14:00:00"));
        assert_eq!(asked(), 2, "{state}");
        let forms = house.number("administration");
        assert_eq!(forms, if begun { 1 } else { 2 }, "{state}");
    }
}

#[test]
fn a_programs_plan_that_was_changed_for_one_patient_is_not_stopped_with_the_programs() {
    use attune::app::program_plans::{
        add_program_plan, apply_program, read_programs, stop_program_plan,
    };
    let house = House::at(monday());
    let administrator = || house.people.administrator.actor.clone();
    let program = house.ids("program")[0].parse().expect("an id");
    let set = |wanted: Wanted| {
        wait_for(add_program_plan(
            &house.app,
            administrator(),
            program,
            wanted,
        ))
        .expect("it is added");
    };
    let carry_over = || {
        wait_for(apply_program(&house.app, administrator(), program)).expect("it is carried over")
    };
    set(wanted(&["phq9"], "every_weeks:1", PlanRole::Core));
    let people = ["P1", "P2", "P3"].map(|id| house.patient(id));
    let change = |place: usize, wanted: Wanted| {
        let therapist = house.people.therapist.actor.clone();
        let who = people[place];
        let plan = house.texts(&format!(
            "SELECT {} AS value FROM plan WHERE episode_id = (SELECT e.id FROM episode e JOIN patient p ON p.id = e.patient_id \
             WHERE p.external_id = 'P{}')",
            house.hex_of_id(),
            place + 1
        ));
        let plan = plan[0].parse().expect("an id");
        wait_for(set_plan::change_plan(
            &house.app, therapist, who, plan, wanted,
        ))
        .expect("it is changed");
    };
    change(
        0,
        wanted(&["phq9", "pcl5"], "before_session:24", PlanRole::Core),
    );
    // What the program is about to ask of everybody.
    change(
        1,
        wanted(&["phq9", "gad7"], "every_weeks:1", PlanRole::Core),
    );
    let known = || wait_for(read_programs(&house.app, administrator())).expect("they are read");
    let weekly = known().programs[0].plans[0].0.id;
    wait_for(stop_program_plan(&house.app, administrator(), weekly)).expect("it is stopped");
    set(wanted(&["phq9", "gad7"], "every_weeks:1", PlanRole::Core));
    assert_eq!(known().programs[0].outdated, 2, "the changed one stays");
    let done = carry_over();
    assert_eq!((done.patients, done.added, done.stopped), (3, 3, 2));
    assert_eq!(
        house.texts(
            "SELECT instruments || ' ' || cadence AS value FROM plan WHERE ended_at IS NULL ORDER BY cadence, id"
        ),
        [
            "phq9 pcl5 before_session:24",
            "phq9 gad7 every_weeks:1",
            "phq9 gad7 every_weeks:1",
            "phq9 gad7 every_weeks:1",
        ]
    );
    assert_eq!(carry_over().patients, 0, "there is nothing left to do");
    assert_eq!(known().programs[0].outdated, 0, "and the page says so");
    house.verified();
}

#[test]
fn a_programs_form_at_the_start_is_asked_of_those_in_care_at_whatever_hour_it_is_carried_over() {
    use attune::app::program_plans::{add_program_plan, apply_program};
    // An hour before the site's time of sending, and six after it.
    for (now, due_at) in [
        ("2026-03-02 14:00:00", "2026-03-02 15:00"),
        ("2026-03-02 21:00:00", "2026-03-02 15:00"),
    ] {
        let house = House::at(instant(now));
        house.patient("P1");
        let administrator = || house.people.administrator.actor.clone();
        let program = house.ids("program")[0].parse().expect("an id");
        wait_for(add_program_plan(
            &house.app,
            administrator(),
            program,
            wanted(&["phq9"], "intake", PlanRole::Core),
        ))
        .expect("it is added");
        let done = wait_for(apply_program(&house.app, administrator(), program))
            .expect("it is carried over");
        assert_eq!((done.patients, done.added), (1, 1));
        plan(&house);
        at(&house, instant("2026-03-02 22:00:00"));
        let asked = forms(&house);
        assert_eq!(asked.len(), 1, "applied at {now}");
        assert!(
            asked[0].starts_with(&format!("planned phq9@1 {due_at}")),
            "{asked:?}"
        );
        at(&house, instant("2026-03-20 15:00:00"));
        assert_eq!(house.number("administration"), 1, "once");
        house.verified();
    }
}

#[test]
fn a_clinician_sets_plans_on_the_page_and_sees_what_comes() {
    use crate::patient::{get, post};
    let house = House::at(monday());
    let who = house.patient("P1");
    let mut client = house.signed_in(&house.people.therapist);
    let address = format!("/patients/{who}/plans");
    assert!(
        get(&mut client, &format!("/patients/{who}"))
            .text()
            .contains(&address)
    );
    let weekly = [
        ("instruments", "phq9"),
        ("cadence", "every_weeks:1"),
        ("written", ""),
        ("role", "core"),
        ("plan", ""),
    ];
    assert_eq!(post(&mut client, &address, &weekly).status, 303);
    let again = post(&mut client, &address, &weekly);
    assert_eq!(again.status, 422);
    assert!(again.text().contains("already"), "{}", again.text());
    let more = [
        ("instruments", "gad7"),
        ("cadence", ""),
        ("written", "every_weeks:2"),
        ("role", "supplement"),
        ("plan", ""),
    ];
    assert_eq!(post(&mut client, &address, &more).status, 303);
    let page = get(&mut client, &address).text();
    for words in [
        "every week",
        "every 2 weeks",
        "Mon 9 Mar 2026, 09:00",
        "America/Chicago",
        "PHQ-9, GAD-7 (about 3",
    ] {
        assert!(page.contains(words), "{words} in {page}");
    }
    let plan = house.ids("plan")[1].clone();
    let changed = [
        ("instruments", "gad7"),
        ("cadence", "intake"),
        ("written", ""),
        ("role", "supplement"),
        ("plan", plan.as_str()),
    ];
    assert_eq!(post(&mut client, &address, &changed).status, 303);
    assert!(
        get(&mut client, &address)
            .text()
            .contains("once, at the start")
    );
    assert_eq!(
        post(
            &mut client,
            &format!("{address}/raise"),
            &[("plan", plan.as_str())]
        )
        .status,
        303
    );
    assert_eq!(
        post(
            &mut client,
            &format!("{address}/stop"),
            &[("plan", plan.as_str())]
        )
        .status,
        303
    );
    assert!(
        !get(&mut client, &address)
            .text()
            .contains("once, at the start</td>")
    );
    let wrong = [
        ("instruments", "gad7"),
        ("cadence", ""),
        ("written", "now and then"),
        ("role", "core"),
        ("plan", ""),
    ];
    let answer = post(&mut client, &address, &wrong);
    assert_eq!(answer.status, 422);
    assert!(answer.text().contains("is not a cadence") && answer.text().contains("now and then"));
    house.verified();
}

/// Takes a minute to set up; run it with `cargo test --release -- --ignored a_thousand_due_plans`.
#[test]
#[ignore = "a measurement"]
fn a_thousand_due_plans_among_a_hundred_thousand_patients_are_planned_in_seconds() {
    let house = House::at(monday());
    house.enrol("P1", vec![details(&["phq9"], "every_weeks:1")]);
    plan(&house);
    let id = |kind: char| match house.app.store.place() {
        Place::Sqlite(_) => format!("CAST(printf('{kind}%015d', i) AS BLOB)"),
        Place::Postgres(_) => format!("convert_to('{kind}' || lpad(i::text, 15, '0'), 'UTF8')"),
    };
    let series = match house.app.store.place() {
        Place::Sqlite(_) => {
            "(WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100000) SELECT i FROM n) s"
        }
        Place::Postgres(_) => "generate_series(1, 100000) AS s(i)",
    };
    let (patient, episode, plan_id) = (id('p'), id('e'), id('l'));
    let first = "(SELECT * FROM patient ORDER BY external_id LIMIT 1) p";
    house.run_sql(&format!(
        "INSERT INTO patient (org_id, id, external_id, name, email, language, time_zone, created_at, changed_at) \
         SELECT org_id, {patient}, 'Q' || i, name, email, language, time_zone, created_at, changed_at FROM {first}, {series}"
    ));
    house.run_sql(&format!(
        "INSERT INTO episode (org_id, id, patient_id, clinic_id, program_id, clinician_id, started_on) \
         SELECT org_id, {episode}, {patient}, clinic_id, program_id, clinician_id, started_on FROM (SELECT * FROM episode LIMIT 1) e, {series}"
    ));
    house.run_sql(&format!(
        "INSERT INTO plan (org_id, id, episode_id, instruments, cadence, anchor, next_due_at, role, position) \
         SELECT org_id, {plan_id}, {episode}, instruments, cadence, anchor, \
         CASE WHEN i % 100 = 0 THEN '2026-03-02 15:00:00' ELSE '2026-03-09 14:00:00' END{}, 'core', 0 FROM (SELECT * FROM plan LIMIT 1) l, {series}",
        match house.app.store.place() {
            Place::Sqlite(_) => "",
            Place::Postgres(_) => "::timestamp",
        }
    ));
    if let Place::Postgres(_) = house.app.store.place() {
        house.run_sql("ANALYZE");
    }
    let before = std::time::Instant::now();
    plan(&house);
    let took = before.elapsed();
    eprintln!("1,000 due plans of 100,000: {took:?}");
    assert_eq!(house.number("administration"), 1_001);
    let before = std::time::Instant::now();
    plan(&house);
    eprintln!("a tick with nothing due: {:?}", before.elapsed());
    assert!(took < std::time::Duration::from_secs(60));
}

#[test]
fn a_plan_that_is_stopped_takes_back_what_has_not_left() {
    let (house, sink) = (House::at(monday()), SmtpSink::start());
    let plans = || {
        vec![
            details(&["phq9"], "every_weeks:1"),
            details(&["gad7"], "every_weeks:2"),
        ]
    };
    let (first, other) = (house.enrol("P1", plans()), house.enrol("P2", plans()));
    plan(&house);
    let stop = |who: PatientId, cadence: &str| {
        let id = house.texts(&format!(
            "SELECT {} AS value FROM plan WHERE cadence = '{cadence}' AND episode_id IN (SELECT e.id FROM episode e JOIN patient p ON p.id = e.patient_id \
             WHERE p.external_id = '{}')",
            house.hex_of_id(),
            if who == first { "P1" } else { "P2" }
        ));
        let therapist = house.people.therapist.actor.clone();
        let id = id[0].parse().expect("an id");
        wait_for(set_plan::stop_plan(&house.app, therapist, who, id)).expect("it is stopped");
    };
    // Nothing asks it any more; of the other's form the second plan asks a part.
    stop(first, "every_weeks:1");
    stop(first, "every_weeks:2");
    stop(other, "every_weeks:1");
    send(&house, &sink);
    assert_eq!(sink.mails().len(), 1);
    assert_eq!(
        house.texts("SELECT state || ' ' || coalesce(ended_why, '') AS value FROM administration ORDER BY state"),
        ["cancelled its plan was stopped", "sent "]
    );
    // What has left is not taken back.
    stop(other, "every_weeks:2");
    let link = path_of(&sink.mails()[0].links()[0]).to_owned();
    assert_eq!(crate::patient::get(&mut house.client(), &link).status, 200);
    assert_eq!(house.number("administration WHERE state = 'sent'"), 1);
    assert_eq!(house.number("link WHERE revoked_at IS NULL"), 1);
    house.verified();
}

#[test]
fn who_answered_before_a_session_is_not_asked_again_by_the_plan_that_takes_its_place() {
    for (cadence, instruments, again) in [
        ("before_session:48", &["phq9"][..], 0),
        ("before_session:48", &["phq9", "gad7"], 1),
        ("at_sessions:1", &["phq9"], 0),
    ] {
        let (house, sink) = (House::at(monday()), SmtpSink::start());
        let who = house.enrol("P1", vec![details(&["phq9"], "before_session:30")]);
        put(&house, who, "S1", "2026-03-03 21:00:00", "planned");
        at(&house, monday() + TimeDelta::hours(1));
        send(&house, &sink);
        let link = path_of(&sink.mails()[0].links()[0]).to_owned();
        let sent = submit(&mut house.client(), &link, &["0"; 10]).status;
        assert_eq!(sent, 303);
        house.app.clock.set(monday() + TimeDelta::hours(24));
        let therapist = || house.people.therapist.actor.clone();
        let old = house.ids("plan")[0].parse().expect("an id");
        wait_for(set_plan::stop_plan(&house.app, therapist(), who, old)).expect("it is stopped");
        add(&house, who, instruments, cadence, PlanRole::Core);
        plan(&house);
        let forms = house.number("administration");
        assert_eq!(forms, 1 + again, "{cadence} {instruments:?}");
        let asked = house.number("occasion WHERE outcome = 'asked'");
        assert_eq!(asked, 2, "the record says that both asked");
        house.verified();
    }
}
