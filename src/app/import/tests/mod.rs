//! A site to import into, for the tests of files that go into a real database file. Reading bytes, headers and cells is tested beside the code
//! that does it.

mod files;
mod patients;
mod sessions;

use super::{Mode, Order, Refusal, Report, Stopped, What, import};
use crate::app::clock::Clock;
use crate::app::set_places::Place;
use crate::app::{App, Failure};
use crate::domain::access::{Action, Actor, Denied, Permit, Role, StaffActor, Subject, decide};
use crate::domain::ids::{ClinicId, OrgId, StaffId};
use crate::domain::instrument::Library;
use crate::store::organisation::{self, ClinicRow, OrganisationRow};
use crate::store::patient::{self, EpisodeRow, PatientRow};
use crate::store::plan::{self, PlanRow};
use crate::store::schema::audit_event;
use crate::store::session::{self, SessionRow};
use crate::store::staff::{self, StaffRow, StaffState};
use crate::store::{Fault, Place as Database, Seal, Store, Tx, fresh};
use chrono::{NaiveDate, NaiveDateTime};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

/// A name no other test has.
pub fn unique() -> String {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    format!(
        "{}-{}",
        std::process::id(),
        NEXT.fetch_add(1, Ordering::Relaxed)
    )
}

/// A founded organisation with one clinic and two licensed therapists in it, in a folder of its own.
pub struct Site {
    pub app: App,
    pub folder: PathBuf,
    clinic: ClinicId,
}

const HEADER: &str = "patient_id,name,email,language,time_zone,clinic_id,clinic,program_id,program,clinician,episode_start,\
                      episode_end,ending,instruments,cadence,sex";

fn instant(text: &str) -> NaiveDateTime {
    NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M").unwrap()
}

fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

impl Site {
    pub fn new() -> Site {
        let folder = std::env::temp_dir().join(format!("attune-import-{}", unique()));
        std::fs::create_dir_all(&folder).unwrap();
        let store = Store::open(
            Database::Sqlite(folder.join("attune.db")),
            Seal::new([7; 32]),
        )
        .unwrap();
        store.migrate().unwrap();
        let now = instant("2026-03-01 12:00");
        let (org, clinic) = (fresh(now), fresh(now));
        store
            .write_blocking(move |tx| found(tx, org, clinic, now))
            .unwrap();
        let app = App {
            begun: Default::default(),
            help: Default::default(),
            store,
            library: Library::embedded(),
            clock: Clock::stopped_at(now),
            org,
            base_url: "http://localhost".into(),
        };
        Site {
            app,
            folder,
            clinic,
        }
    }

    pub fn operator(&self) -> Actor {
        Actor::Operator { org: self.app.org }
    }

    pub fn file(&self, name: &str, text: impl AsRef<[u8]>) -> PathBuf {
        let path = self.folder.join(name);
        std::fs::write(&path, text).unwrap();
        path
    }

    /// A file with one good row for each id.
    pub fn patients(&self, ids: &[&str]) -> String {
        let rows = ids.iter().map(|id| row(id, &[]));
        std::iter::once(HEADER.to_owned())
            .chain(rows)
            .map(|line| line + "\n")
            .collect()
    }

    fn order(&self, what: What, text: impl AsRef<[u8]>, mode: Mode) -> Order {
        Order {
            what,
            file: self.file("in.csv", text),
            rejects: self.rejects(),
            mode,
        }
    }

    fn rejects(&self) -> PathBuf {
        self.folder.join("in.rejected.csv")
    }

    fn take(&self, what: What, text: impl AsRef<[u8]>, mode: Mode) -> Report {
        import(
            &self.app,
            &self.operator(),
            &self.order(what, text, mode),
            &mut |_| (),
        )
        .unwrap()
    }

    fn take_patients(&self, rows: &[String]) -> Report {
        self.take(What::Patients, file_of(rows), Mode::Write)
    }

    fn take_sessions(&self, rows: &[&str]) -> Report {
        let text = format!(
            "session_id,patient_id,starts_at,state\n{}\n",
            rows.join("\n")
        );
        self.take(What::Sessions, text, Mode::Write)
    }

    fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Tx, &Permit) -> Result<T, Fault> + Send + 'static,
    ) -> T {
        let permit = decide(&self.operator(), Action::Import, Subject::Organisation).unwrap();
        self.app
            .store
            .read_blocking(move |tx| work(tx, &permit))
            .unwrap()
    }

    fn patient(&self, id: &'static str) -> Option<PatientRow> {
        self.read(move |tx, permit| patient::by_external_id(tx, permit, id))
    }

    /// In the order of their first days; ids made in the same millisecond have none.
    fn episodes(&self, id: &'static str) -> Vec<EpisodeRow> {
        let patient = self.patient(id).unwrap().id;
        let mut rows = self.read(move |tx, permit| patient::episodes_of(tx, permit, &[patient]));
        rows.sort_by_key(|row| row.started_on);
        rows
    }

    fn plans(&self, id: &'static str) -> Vec<PlanRow> {
        let episodes: Vec<_> = self.episodes(id).iter().map(|row| row.id).collect();
        self.read(move |tx, permit| plan::of_episodes(tx, permit, &episodes))
    }

    /// Changes the patient's first plan, as somebody does on a page.
    fn change_plan(&self, id: &'static str, change: impl FnOnce(&mut PlanRow)) {
        let mut row = self.plans(id).remove(0);
        change(&mut row);
        let permit = decide(&self.operator(), Action::Import, Subject::Organisation).unwrap();
        let changed = self
            .app
            .store
            .write_blocking(move |tx| plan::change(tx, &permit, &row));
        changed.unwrap();
    }

    fn session(&self, id: &'static str) -> Option<SessionRow> {
        self.read(move |tx, permit| session::by_external_id(tx, permit.org(), id))
    }

    fn events(&self) -> usize {
        use diesel::prelude::*;
        let count =
            self.read(|tx, _| Ok(audit_event::table.count().get_result::<i64>(&mut tx.db)?));
        usize::try_from(count).unwrap()
    }

    fn reasons(&self) -> Vec<(u64, String)> {
        let mut reader = csv::ReaderBuilder::new();
        let mut reader = reader.flexible(true).from_path(self.rejects()).unwrap();
        let tail = |row: csv::StringRecord| {
            let cells: Vec<&str> = row.iter().rev().take(2).collect();
            (cells[1].parse().unwrap(), cells[0].to_owned())
        };
        reader.records().map(|row| tail(row.unwrap())).collect()
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        self.app.store.close();
        std::fs::remove_dir_all(&self.folder).unwrap();
    }
}

fn found(tx: &mut Tx, org: OrgId, clinic: ClinicId, now: NaiveDateTime) -> Result<(), Fault> {
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
    organisation::add_clinic(
        tx,
        &ClinicRow {
            org_id: org,
            id: clinic,
            external_id: "north".into(),
            name: "North".into(),
        },
    )?;
    for (email, role) in [
        ("t1@x.org", Role::Therapist),
        ("t2@x.org", Role::Therapist),
        ("q@x.org", Role::Quality),
    ] {
        let row = StaffRow {
            org_id: org,
            id: fresh(now),
            email: email.into(),
            name: email.into(),
            role: role.word().into(),
            licence: Some("LCSW 1".into()),
            state: StaffState::Active.word().into(),
            password_hash: None,
            created_at: now,
        };
        staff::add(tx, &row, &[clinic])?;
    }
    Ok(())
}

/// A good row, with some cells changed.
fn row(id: &str, changes: &[(&str, &str)]) -> String {
    let email = format!("{id}@mail.org");
    let good = [
        id,
        "Ada Example",
        &email,
        "en",
        "America/Chicago",
        "north",
        "North",
        "trauma",
        "Trauma",
        "T1@x.org",
        "2026-01-05",
        "",
        "",
        "phq9 gad7",
        "every_weeks:2",
        "",
    ];
    let cell = |(name, good): (&str, &str)| {
        let changed = changes
            .iter()
            .find(|(column, _)| *column == name)
            .map(|(_, text)| *text);
        format!("\"{}\"", changed.unwrap_or(good).replace('"', "\"\""))
    };
    assert!(
        changes
            .iter()
            .all(|(name, _)| HEADER.split(',').any(|column| column == *name))
    );
    HEADER
        .split(',')
        .zip(good)
        .map(cell)
        .collect::<Vec<_>>()
        .join(",")
}

fn file_of(rows: &[String]) -> String {
    std::iter::once(HEADER)
        .chain(rows.iter().map(String::as_str))
        .map(|line| format!("{line}\r\n"))
        .collect()
}

fn counts(report: &Report) -> [usize; 5] {
    [
        report.rows,
        report.added,
        report.changed,
        report.unchanged,
        report.rejected,
    ]
}
