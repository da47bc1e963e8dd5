//! Evaluations of a real database file.

use super::{Evaluation, Query, Refusal, evaluate_blocking, measures, sheet};
use crate::app::clock::Clock;
use crate::app::{App, Failure};
use crate::domain::access::{Action, Actor, Denied, Role, StaffActor, Subject, decide};
use crate::domain::evaluation::{Grid, Group, Shown};
use crate::domain::ids::{ClinicId, EpisodeId, OrgId, ProgramId, StaffId};
use crate::domain::instrument::Library;
use crate::store::bulk::{self, Batch};
use crate::store::organisation::{self, ClinicRow, OrganisationRow, ProgramRow};
use crate::store::patient::{EpisodeRow, PatientRow};
use crate::store::response::EpisodeScaleRow;
use crate::store::schema::{audit_event, episode_scale, response, score};
use crate::store::staff::{self, StaffRow};
use crate::store::{Fault, Place as Database, Seal, Store, Tx, fresh};
use chrono::{NaiveDate, NaiveDateTime};
use diesel::prelude::*;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The name every invented patient bears; it must never come out.
const NAME: &str = "Secretname";

fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

fn instant(text: &str) -> NaiveDateTime {
    NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M").unwrap()
}

/// A founded organisation with two clinics, two programs and a therapist, in a folder of its own.
pub struct Site {
    pub app: App,
    folder: PathBuf,
    clinics: [ClinicId; 2],
    programs: [ProgramId; 2],
    clinician: StaffId,
}

/// One episode to be stored, and how many like it.
#[derive(Clone)]
struct Like {
    count: usize,
    clinic: usize,
    program: usize,
    days: (&'static str, Option<&'static str>),
    ending: &'static str,
    /// First and last score with their instants, UTC.
    scores: Option<[(f64, &'static str); 2]>,
}

/// Ended as planned in the first half of 2026 with two scores.
const PAIR: Like = Like {
    count: 1,
    clinic: 0,
    program: 0,
    days: ("2026-01-05", Some("2026-04-10")),
    ending: "planned",
    scores: Some([(18.0, "2026-01-06 15:00"), (7.0, "2026-04-01 15:00")]),
};

impl Site {
    pub fn new() -> Site {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let folder =
            std::env::temp_dir().join(format!("attune-evaluate-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let store = Store::open(
            Database::Sqlite(folder.join("attune.db")),
            Seal::new([7; 32]),
        )
        .unwrap();
        store.migrate().unwrap();
        let now = instant("2026-11-22 12:00");
        let (org, clinician) = (fresh(now), fresh(now));
        let (clinics, programs) = ([fresh(now), fresh(now)], [fresh(now), fresh(now)]);
        store
            .write_blocking(move |tx| found(tx, org, &clinics, &programs, clinician, now))
            .unwrap();
        let (library, clock) = (Library::embedded(), Clock::stopped_at(now));
        let app = App {
            begun: Default::default(),
            help: Default::default(),
            store,
            library,
            clock,
            org,
            base_url: "http://localhost".into(),
        };
        Site {
            app,
            folder,
            clinics,
            programs,
            clinician,
        }
    }

    /// 45 episodes that ended in the first half of 2026: 30 better in the first clinic, 15 unchanged in the second.
    pub fn with_history() -> Site {
        let site = Site::new();
        site.add(Like { count: 30, ..PAIR });
        site.add(Like {
            count: 15,
            clinic: 1,
            scores: Some([(18.0, "2026-01-06 15:00"), (17.0, "2026-04-01 15:00")]),
            ..PAIR
        });
        site
    }

    pub fn operator(&self) -> Actor {
        Actor::Operator { org: self.app.org }
    }

    fn staff(&self, role: Role, clinics: Vec<ClinicId>) -> Actor {
        Actor::Staff(StaffActor {
            org: self.app.org,
            id: self.clinician,
            role,
            licence: None,
            clinics,
        })
    }

    fn add(&self, like: Like) {
        let mut batch = Batch::default();
        for _ in 0..like.count {
            self.invent(&like, &mut batch);
        }
        let permit = decide(&self.operator(), Action::Import, Subject::Organisation).unwrap();
        self.app
            .store
            .write_blocking(move |tx| bulk::add(tx, &permit, batch))
            .unwrap();
    }

    fn invent(&self, like: &Like, batch: &mut Batch) {
        let (org_id, now) = (self.app.org, self.app.clock.now());
        let (patient_id, episode) = (fresh(now), fresh(now));
        batch.patients.push(PatientRow {
            org_id,
            id: patient_id,
            external_id: patient_id.to_string(),
            name: NAME.into(),
            email: None,
            email_refused_at: None,
            language: "en".into(),
            time_zone: "America/Chicago".into(),
            created_at: now,
            changed_at: now,
            sex: None,
        });
        batch.episodes.push(EpisodeRow {
            org_id,
            id: episode,
            patient_id,
            clinic_id: self.clinics[like.clinic],
            program_id: self.programs[like.program],
            clinician_id: self.clinician,
            started_on: day(like.days.0),
            ended_on: like.days.1.map(day),
            ending: like.days.1.map(|_| like.ending.into()),
        });
        batch
            .summaries
            .extend(like.scores.map(|scores| summary(org_id, episode, scores)));
    }

    fn evaluate(
        &self,
        actor: &Actor,
        from: &str,
        to: &str,
    ) -> Result<Evaluation, Failure<Refusal>> {
        let query = Query {
            from: day(from),
            to: day(to),
            instrument: "phq9".into(),
            scale: Some("total".into()),
        };
        evaluate_blocking(&self.app, actor, &query)
    }

    fn shows(&self, grid: Grid) {
        let org = self.app.org;
        self.app
            .store
            .write_blocking(move |tx| organisation::set_shown_by(tx, org, grid))
            .unwrap();
    }

    fn first_half(&self, actor: &Actor) -> Evaluation {
        self.evaluate(actor, "2026-01-01", "2026-06-30").unwrap()
    }

    fn refusal(&self, actor: &Actor, from: &str, to: &str) -> Refusal {
        match self.evaluate(actor, from, to) {
            Err(Failure::Refused(refusal)) => refusal,
            other => panic!("{other:?}"),
        }
    }

    fn audited(&self) -> Vec<(String, String, Option<Vec<u8>>)> {
        let read = |tx: &mut Tx| -> Result<_, Fault> {
            Ok(audit_event::table
                .filter(audit_event::act.eq("evaluate"))
                .select((
                    audit_event::actor,
                    audit_event::subject,
                    audit_event::subject_id,
                ))
                .load(&mut tx.db)?)
        };
        self.app.store.read_blocking(read).unwrap()
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        self.app.store.close();
        std::fs::remove_dir_all(&self.folder).unwrap();
    }
}

fn summary(
    org_id: OrgId,
    episode_id: EpisodeId,
    [first, last]: [(f64, &str); 2],
) -> EpisodeScaleRow {
    EpisodeScaleRow {
        org_id,
        episode_id,
        instrument: "phq9".into(),
        scale: "total".into(),
        version: "1".into(),
        n: if first.1 == last.1 { 1 } else { 2 },
        first_value: first.0,
        first_at: instant(first.1),
        last_value: last.0,
        last_at: instant(last.1),
        last_band: None,
        best_value: last.0,
        best_at: instant(last.1),
        recent: String::new(),
    }
}

fn found(
    tx: &mut Tx,
    org: OrgId,
    clinics: &[ClinicId],
    programs: &[ProgramId],
    clinician: StaffId,
    now: NaiveDateTime,
) -> Result<(), Fault> {
    organisation::found(
        tx,
        &OrganisationRow {
            id: org,
            name: "Site".into(),
            time_zone: "America/Chicago".into(),
            crisis_line: None,
            reading_promise: "before your next visit".into(),
            created_at: now,
            shown_by: "quarters".into(),
        },
    )?;
    // Names and ids in opposite orders, and one that a spreadsheet would run.
    for (&id, (external_id, name)) in clinics
        .iter()
        .zip([("b", "=North()"), ("a", "South, \"old\"")])
    {
        organisation::add_clinic(
            tx,
            &ClinicRow {
                org_id: org,
                id,
                external_id: external_id.into(),
                name: name.into(),
            },
        )?;
    }
    for (&id, name) in programs.iter().zip(["Adult", "Young"]) {
        organisation::add_program(
            tx,
            &ProgramRow {
                org_id: org,
                id,
                external_id: name.into(),
                name: name.into(),
            },
        )?;
    }
    let row = StaffRow {
        org_id: org,
        id: clinician,
        email: "t@example.org".into(),
        name: "Therapist".into(),
        role: Role::Therapist.word().into(),
        licence: None,
        state: "active".into(),
        password_hash: None,
        created_at: now,
    };
    staff::add(tx, &row, clinics)
}

fn total(evaluation: &Evaluation) -> &Group {
    evaluation.report.groups.last().unwrap()
}

fn names(evaluation: &Evaluation) -> Vec<(Option<&str>, Option<&str>)> {
    let places = &evaluation.places;
    let name = |group: &Group| {
        let program = group
            .key
            .program
            .map(|key| &*places.program(key).unwrap().name);
        (
            program,
            group
                .key
                .clinic
                .map(|key| &*places.clinic(key).unwrap().name),
        )
    };
    evaluation.report.groups.iter().map(name).collect()
}

#[test]
fn episodes_are_counted_by_program_and_clinic_from_their_summaries() {
    let site = Site::with_history();
    site.add(Like {
        count: 12,
        program: 1,
        scores: None,
        ..PAIR
    });
    site.add(Like {
        count: 20,
        days: ("2026-02-01", None),
        ..PAIR
    });
    site.add(Like {
        count: 25,
        days: ("2025-02-01", Some("2025-12-31")),
        ..PAIR
    });
    site.add(Like {
        count: 25,
        days: ("2026-07-01", None),
        ..PAIR
    });
    let evaluation = site.first_half(&site.operator());
    let all = total(&evaluation);
    assert_eq!(
        (all.started, all.ended),
        (Shown::Count(77), Shown::Count(57))
    );
    assert_eq!(all.completeness.paired.numerator, Shown::Count(45));
    assert_eq!(
        all.completers.reliable_improvement.numerator,
        Shown::Count(30)
    );
    assert_eq!(
        all.everyone.reliable_improvement.denominator,
        Shown::Count(57)
    );
    let (north, south) = (Some("=North()"), Some("South, \"old\""));
    let expected = [
        (Some("Adult"), north),
        (Some("Adult"), south),
        (Some("Adult"), None),
        (Some("Young"), north),
        (Some("Young"), south),
        (Some("Young"), None),
        (None, north),
        (None, south),
        (None, None),
    ];
    assert_eq!(names(&evaluation), expected);
}

#[test]
fn the_history_is_not_read() {
    let site = Site::with_history();
    let before = sheet::csv(&site.first_half(&site.operator()));
    // There is no response and no score at all, and the figures stand on the summaries alone.
    let rows = |tx: &mut Tx| -> Result<(i64, i64, i64), Fault> {
        diesel::update(episode_scale::table)
            .set(episode_scale::last_value.eq(18.0))
            .execute(&mut tx.db)?;
        let responses = response::table.count().get_result(&mut tx.db)?;
        let scores = score::table.count().get_result(&mut tx.db)?;
        Ok((
            responses,
            scores,
            episode_scale::table.count().get_result(&mut tx.db)?,
        ))
    };
    assert_eq!(site.app.store.write_blocking(rows).unwrap(), (0, 0, 45));
    let after = site.first_half(&site.operator());
    assert_ne!(sheet::csv(&after), before);
    assert_eq!(
        total(&after).everyone.reliable_improvement.numerator,
        Shown::Count(0)
    );
}

#[test]
fn more_episodes_than_a_page_are_all_counted_once() {
    let site = Site::new();
    site.add(Like {
        count: 20_001,
        ..PAIR
    });
    assert_eq!(
        total(&site.first_half(&site.operator())).ended,
        Shown::Count(20_001)
    );
}

#[test]
fn days_are_those_of_the_organisations_time_zone() {
    let site = Site::new();
    // 03:00 UTC is the evening before in Chicago: two scores of one day there are no pair.
    site.add(Like {
        count: 20,
        scores: Some([(18.0, "2026-01-06 16:00"), (7.0, "2026-01-07 03:00")]),
        ..PAIR
    });
    assert_eq!(
        total(&site.first_half(&site.operator()))
            .completeness
            .paired
            .numerator,
        Shown::Count(0)
    );
    site.add(Like {
        count: 20,
        scores: Some([(18.0, "2026-01-06 03:00"), (7.0, "2026-01-06 16:00")]),
        ..PAIR
    });
    assert_eq!(
        total(&site.first_half(&site.operator()))
            .completeness
            .paired
            .numerator,
        Shown::Count(20)
    );
}

#[test]
fn the_same_question_gives_the_same_bytes() {
    let site = Site::with_history();
    let once = sheet::csv(&site.first_half(&site.operator()));
    assert_eq!(once, sheet::csv(&site.first_half(&site.operator())));
    let mut reader = csv::Reader::from_reader(&once[..]);
    let columns: Vec<String> = reader
        .headers()
        .unwrap()
        .iter()
        .map(str::to_owned)
        .collect();
    assert_eq!(columns, sheet::COLUMNS);
    let rows: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
    let cell = |row: usize, column: &str| {
        rows[row][columns.iter().position(|known| known == column).unwrap()].to_owned()
    };
    assert_eq!(cell(0, "clinic"), "'=North()");
    assert_eq!(cell(2, "clinic"), "South, \"old\"");
    assert_eq!(
        (cell(0, "n"), cell(0, "mean_change"), cell(0, "effect_note")),
        ("30".into(), "-11.0000".into(), "no spread".into())
    );
    assert_eq!(
        (
            cell(0, "reliable_improvement"),
            cell(0, "reliable_improvement_rate")
        ),
        ("30".into(), "1.0000".into())
    );
    assert!(
        cell(0, "reliable_change_rule").starts_with("Reliable change: 6 points or more. Source: ")
    );
}

#[test]
fn a_small_clinic_is_hidden_in_the_file_and_so_is_what_would_give_it_away() {
    let site = Site::with_history();
    for (count, clinic) in [(40, 0), (4, 1)] {
        site.add(Like {
            count,
            clinic,
            program: 1,
            ..PAIR
        });
    }
    let evaluation = site.first_half(&site.operator());
    let ended = ended_in(&evaluation);
    let given_away = [sheet::Cell::Count(4), sheet::Cell::Count(40)];
    assert!(
        ended.iter().all(|cell| !given_away.contains(cell)),
        "{ended:?}"
    );
    let report = &evaluation.report;
    assert!(report.groups.iter().all(|group| group.key.clinic.is_none()));
    assert_eq!(total(&evaluation).ended, Shown::Count(89));
    let said = &report.words.suppression;
    assert!(said.contains("by program and not by clinic"), "{said}");
}

#[test]
fn where_a_small_program_would_hide_every_total_the_figures_stand_by_clinic_alone() {
    let site = Site::with_history();
    site.add(Like {
        count: 4,
        program: 1,
        ..PAIR
    });
    let evaluation = site.first_half(&site.operator());
    let report = &evaluation.report;
    assert!(
        report
            .groups
            .iter()
            .all(|group| group.key.program.is_none())
    );
    assert_eq!(report.groups.len(), 3, "two clinics and all of them");
    assert_eq!(total(&evaluation).ended, Shown::Count(49));
    assert_eq!(
        total(&evaluation).completeness.paired.numerator,
        Shown::Count(49)
    );
    assert!(
        ended_in(&evaluation)
            .iter()
            .all(|cell| *cell != sheet::Cell::Count(4))
    );
    let said = &report.words.suppression;
    assert!(said.contains("by clinic and not by program"), "{said}");
}

/// How many ended, row by row of the file.
fn ended_in(evaluation: &Evaluation) -> Vec<sheet::Cell> {
    let ended = sheet::COLUMNS.iter().position(|name| *name == "ended");
    let rows = sheet::rows(evaluation).into_iter();
    rows.map(|mut row| row.swap_remove(ended.unwrap()))
        .collect()
}

#[test]
fn nobody_is_named_and_every_look_is_audited() {
    let site = Site::with_history();
    let quality = site.staff(Role::Quality, vec![]);
    let evaluation = site.evaluate(&quality, "2026-04-01", "2026-06-30").unwrap();
    let csv = String::from_utf8(sheet::csv(&evaluation)).unwrap();
    assert!(!csv.contains(NAME) && !csv.contains("Therapist"), "{csv}");
    assert!(!format!("{evaluation:?}").contains(NAME));
    assert_eq!(
        site.audited(),
        [("staff".to_owned(), "evaluation".to_owned(), None)]
    );
}

#[test]
fn a_supervisor_sees_the_own_clinics_alone() {
    let site = Site::with_history();
    let evaluation = site.first_half(&site.staff(Role::Supervisor, vec![site.clinics[1]]));
    assert_eq!(total(&evaluation).ended, Shown::Count(15));
    assert!(!names(&evaluation).contains(&(None, Some("=North()"))));
    let nowhere = site.first_half(&site.staff(Role::Supervisor, vec![]));
    assert_eq!(total(&nowhere).ended, Shown::Count(0));
}

#[test]
fn a_therapist_and_an_administrator_may_not_look() {
    let site = Site::with_history();
    for role in [Role::Therapist, Role::Administrator] {
        let answer = site.evaluate(
            &site.staff(role, site.clinics.to_vec()),
            "2026-01-01",
            "2026-06-30",
        );
        assert!(
            matches!(answer, Err(Failure::Denied(Denied::Role))),
            "{role}"
        );
    }
    assert_eq!(site.audited(), []);
}

#[test]
fn whoever_must_not_see_small_numbers_gets_one_whole_period_of_the_sites_that_is_over() {
    let site = Site::with_history();
    let quality = site.staff(Role::Quality, vec![]);
    let supervisor = site.staff(Role::Supervisor, site.clinics.to_vec());
    let too_fine = |from: &str, to: &str| {
        let refusal = site.refusal(&quality, from, to);
        assert!(
            matches!(refusal, Refusal::PeriodTooFine(_)),
            "{from} {to}: {refusal}"
        );
        for other in [&supervisor, &site.operator()] {
            assert!(site.evaluate(other, from, to).is_ok());
        }
    };
    too_fine("2026-01-02", "2026-03-31");
    too_fine("2026-10-01", "2026-12-31");
    too_fine("2026-01-01", "2026-06-30");
    // The year less three of its quarters would be the fourth.
    too_fine("2025-01-01", "2025-12-31");
    assert!(site.evaluate(&quality, "2025-10-01", "2025-12-31").is_ok());
    site.shows(Grid::Years);
    too_fine("2025-10-01", "2025-12-31");
    too_fine("2026-01-01", "2026-12-31");
    assert!(site.evaluate(&quality, "2025-01-01", "2025-12-31").is_ok());
}

#[test]
fn a_quarter_is_over_when_it_is_at_the_site() {
    let site = Site::with_history();
    let quality = site.staff(Role::Quality, vec![]);
    // Still the last evening of September in Chicago.
    site.app.clock.set(instant("2026-10-01 04:59"));
    let early = site.refusal(&quality, "2026-07-01", "2026-09-30");
    assert!(early.to_string().contains("2026-04-01 to 2026-06-30"));
    site.app.clock.set(instant("2026-10-01 05:00"));
    assert!(site.evaluate(&quality, "2026-07-01", "2026-09-30").is_ok());
}

#[test]
fn a_quarter_is_over_when_it_is_over_on_the_sites_clock() {
    let site = Site::with_history();
    let quality = site.staff(Role::Quality, vec![]);
    let org = site.app.org;
    let moved = move |tx: &mut Tx| organisation::rename(tx, org, "Harbor", "America/Los_Angeles");
    site.app
        .store
        .write_blocking::<(), Fault, _>(moved)
        .unwrap();
    // The evening of 30 September there.
    site.app.clock.set(instant("2026-10-01 01:00"));
    let asked = ("2026-07-01", "2026-09-30");
    let refusal = site.refusal(&quality, asked.0, asked.1);
    assert!(matches!(refusal, Refusal::PeriodTooFine(_)), "{refusal}");
    site.app.clock.set(instant("2026-10-01 07:00"));
    assert!(site.evaluate(&quality, asked.0, asked.1).is_ok());
}

#[test]
fn absurd_periods_are_refused() {
    let site = Site::new();
    assert_eq!(
        site.refusal(&site.operator(), "2026-06-30", "2026-01-01"),
        Refusal::PeriodReversed
    );
    assert_eq!(
        site.refusal(&site.operator(), "0026-01-01", "2026-06-30"),
        Refusal::PeriodAbsurd
    );
}

#[test]
fn only_scales_with_a_published_limit_can_be_evaluated() {
    let known = measures(Library::embedded());
    assert!(
        known
            .iter()
            .any(|measure| (measure.instrument, measure.scale) == ("phq9", "total"))
    );
    assert!(
        known
            .iter()
            .all(|measure| measure.instrument != "pc_ptsd_5")
    );
    let asked = super::measure(Library::embedded(), "phq9", Some("sleep")).unwrap_err();
    assert_eq!(
        asked.to_string(),
        "there is no scale \"sleep\"; there are: total"
    );
}

#[test]
fn the_measures_most_in_use_come_first_and_the_session_is_none() {
    let known = super::by_use(
        measures(Library::embedded()),
        &["pcl5".into(), "phq9".into(), "pcl5".into()],
    );
    let order: Vec<&str> = known.iter().map(|measure| measure.instrument).collect();
    assert!(order.starts_with(&["pcl5"]), "{order:?}");
    let after = order.iter().find(|id| **id != "pcl5");
    assert_eq!(after, Some(&"phq9"));
    assert!(!order.contains(&"session_check"));
}
