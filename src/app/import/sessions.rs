//! A file of sessions: when they are and what became of them. A session belongs to the episode of care its patient is in on that local day. The
//! loop around it, and the counting, are the parent's.

use super::cells::{Cells, Columns, EARLIEST};
use super::ledger::{Claim, News, fingerprint};
use super::places::Created;
use super::table::{Column, Row};
use super::{Desk, Kind, Mode, Setback, Verdict};
use crate::app::outlook::{Rules, look_again};
use crate::app::put_session::{self, AHEAD_DAYS_MAX, Wanted, instant_of, place_session};
use crate::domain::access::Permit;
use crate::domain::care::SessionState;
use crate::domain::ids::{EpisodeId, PatientId};
use crate::domain::instrument::Library;
use crate::store::patient::{self, EpisodeRow, PatientRow};
use crate::store::session::{self, SessionRow};
use crate::store::{Fault, Tx, audit, fresh};
use chrono::{DateTime, NaiveDateTime, TimeDelta};
use chrono_tz::Tz;
use std::collections::{BTreeSet, HashMap};

/// The import of a file of sessions.
pub struct Sessions {
    library: &'static Library,
    /// Read once a chunk, when something is to be written.
    rules: Option<Rules>,
    patients: HashMap<String, PatientRow>,
    episodes: HashMap<PatientId, Vec<EpisodeRow>>,
    sessions: HashMap<String, SessionRow>,
    /// Episodes whose plans look at their sessions anew once the chunk is done.
    touched: BTreeSet<EpisodeId>,
    /// Those in which other sessions bear other numbers now.
    renumbered: BTreeSet<EpisodeId>,
}

/// What a row says.
#[derive(Debug, Clone)]
pub struct Said {
    external_id: String,
    patient_id: String,
    starts_at: Start,
    state: SessionState,
}

/// When a session starts, as the file has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Start {
    /// On the clock of wherever the patient lives.
    Local(NaiveDateTime),
    /// An instant, UTC.
    Instant(NaiveDateTime),
}

impl Kind for Sessions {
    type Said = Said;
    const COLUMNS: &'static [Column] = &[
        Column::required("session_id"),
        Column::required("patient_id"),
        Column::required("starts_at"),
        Column::required("state"),
    ];
    const ID: &'static str = "session_id";

    fn begin(
        _tx: &mut Tx,
        _permit: &Permit,
        library: &'static Library,
        _now: NaiveDateTime,
    ) -> Result<Self, Fault> {
        Ok(Sessions {
            library,
            rules: None,
            patients: HashMap::new(),
            episodes: HashMap::new(),
            sessions: HashMap::new(),
            touched: BTreeSet::new(),
            renumbered: BTreeSet::new(),
        })
    }

    fn read(&self, columns: &Columns, row: &Row, now: NaiveDateTime) -> Result<Said, String> {
        let mut cells = Cells::of(columns, row)?;
        let external_id = cells.id("session_id");
        let patient_id = cells.id("patient_id");
        let starts_at = read_start(&mut cells, now);
        let state = cells.word("state", SessionState::ALL);
        let said = (|| {
            Some(Said {
                external_id: external_id?,
                patient_id: patient_id?,
                starts_at: starts_at?,
                state: state?,
            })
        })();
        cells.finish(said)
    }

    fn id(said: &Said) -> &str {
        &said.external_id
    }

    fn claims(said: &Said) -> Vec<Claim> {
        vec![Claim {
            about: "session",
            key: fingerprint(&("session", &said.external_id)),
            content: fingerprint(&(&said.patient_id, said.starts_at, said.state)),
        }]
    }

    fn load(&mut self, desk: &mut Desk, said: &[&Said]) -> Result<(), Fault> {
        let ids: Vec<&str> = said.iter().map(|said| said.external_id.as_str()).collect();
        let sessions = session::by_external_ids(desk.tx, desk.permit, &ids)?;
        let ids: Vec<&str> = said.iter().map(|said| said.patient_id.as_str()).collect();
        let patients = patient::by_external_ids(desk.tx, desk.permit, &ids)?;
        let ids: Vec<PatientId> = patients.iter().map(|row| row.id).collect();
        self.episodes.clear();
        for row in patient::episodes_of(desk.tx, desk.permit, &ids)? {
            self.episodes.entry(row.patient_id).or_default().push(row);
        }
        self.patients = patients
            .into_iter()
            .map(|row| (row.external_id.clone(), row))
            .collect();
        self.sessions = sessions
            .into_iter()
            .map(|row| (row.external_id.clone(), row))
            .collect();
        Ok(())
    }

    fn take(&mut self, desk: &mut Desk, said: &Said, _news: &[News]) -> Result<Verdict, Setback> {
        let refused = |why: String| Err(Setback::Row(why));
        let Some(patient) = self.patients.get(&said.patient_id) else {
            return refused(format!(
                "there is no patient {:?}; import the patients first",
                said.patient_id
            ));
        };
        let patient_id = patient.id;
        let zone: Tz = patient
            .time_zone
            .parse()
            .map_err(|_| Fault::Corrupt(format!("{:?} is not a time zone", patient.time_zone)))?;
        let starts_at = said.starts_at.instant(zone).map_err(Setback::Row)?;
        let known = self.sessions.get(&said.external_id);
        let episodes = self
            .episodes
            .get(&patient_id)
            .map(Vec::as_slice)
            .unwrap_or_default();
        let Some(row) = decide(desk, said, known, episodes, starts_at, zone)? else {
            return Ok(Verdict::Unchanged);
        };
        let verdict = if known.is_some() {
            Verdict::Changed
        } else {
            Verdict::Added
        };
        if desk.mode == Mode::Write {
            let rules = rules(&mut self.rules, self.library, desk)?;
            put_session::write_session(desk.tx, desk.permit, rules, known, &row)?;
            audit::record(desk.tx, desk.permit, "patient", Some(patient_id), desk.now)?;
        }
        if [Some(&row), known]
            .into_iter()
            .flatten()
            .any(|row| lies_ahead(row, desk.now))
        {
            self.touched.insert(row.episode_id);
        } else if known.is_some_and(counts) != counts(&row) {
            // The sessions behind it bear other numbers now.
            self.renumbered.insert(row.episode_id);
        }
        self.sessions.insert(row.external_id.clone(), row);
        Ok(verdict)
    }

    fn finish(&mut self, desk: &mut Desk) -> Result<(), Fault> {
        let mut touched = std::mem::take(&mut self.touched);
        for episode in std::mem::take(&mut self.renumbered) {
            if session::lies_ahead(desk.tx, desk.permit, episode, desk.now)? {
                touched.insert(episode);
            }
        }
        if desk.mode == Mode::DryRun || touched.is_empty() {
            return Ok(());
        }
        let rules = rules(&mut self.rules, self.library, desk)?;
        for episode in touched {
            look_again(desk.tx, rules, desk.permit.org(), episode)?;
        }
        self.rules = None;
        Ok(())
    }

    fn created(self) -> Vec<Created> {
        vec![]
    }
}

/// What plans go by, read when it is first wanted: a file that changes nothing does without.
fn rules<'a>(
    known: &'a mut Option<Rules>,
    library: &'static Library,
    desk: &mut Desk,
) -> Result<&'a Rules, Fault> {
    match known {
        Some(rules) => Ok(rules),
        None => Ok(known.insert(Rules::read(desk.tx, library, desk.permit.org(), desk.now)?)),
    }
}

/// Only planned sessions ahead decide when a plan falls due; years of past ones need no planning.
fn lies_ahead(row: &SessionRow, now: NaiveDateTime) -> bool {
    row.state == SessionState::Planned.word() && row.starts_at > now
}

/// Whether a session bears a number.
fn counts(row: &SessionRow) -> bool {
    [SessionState::Planned, SessionState::Attended]
        .iter()
        .any(|state| row.state == state.word())
}

/// The session as it is to be stored; `None` when it is stored so already.
fn decide(
    desk: &Desk,
    said: &Said,
    known: Option<&SessionRow>,
    episodes: &[EpisodeRow],
    starts_at: NaiveDateTime,
    zone: Tz,
) -> Result<Option<SessionRow>, Setback> {
    let wanted = Wanted {
        starts_at,
        state: said.state,
    };
    let place = place_session(known, episodes, wanted, zone, desk.now);
    let place = place.map_err(|why| Setback::Row(why.to_string()))?;
    Ok(place.map(|episode_id| SessionRow {
        org_id: desk.permit.org(),
        id: known.map_or_else(|| fresh(desk.now), |known| known.id),
        episode_id,
        external_id: said.external_id.clone(),
        starts_at,
        state: said.state.word().to_owned(),
    }))
}

fn read_start(cells: &mut Cells, now: NaiveDateTime) -> Option<Start> {
    let text = cells.get("starts_at");
    let start = strict_local(text).map(Start::Local).or_else(|| {
        DateTime::parse_from_rfc3339(text)
            .ok()
            .map(|instant| Start::Instant(instant.naive_utc()))
    });
    let Some(start) = start else {
        return cells.fault(format!(
            "starts_at {text:?} is not a time; wanted YYYY-MM-DD HH:MM on the patient's clock, or with an offset like 2026-01-31T14:30:00-06:00"
        ));
    };
    let (Start::Local(at) | Start::Instant(at)) = start;
    let latest = now.date() + TimeDelta::days(AHEAD_DAYS_MAX);
    if !(EARLIEST..=latest).contains(&at.date()) {
        return cells.fault(format!(
            "starts_at {text} is before {EARLIEST} or after {latest}"
        ));
    }
    Some(start)
}

/// A wall-clock time in exactly sixteen characters.
fn strict_local(text: &str) -> Option<NaiveDateTime> {
    if text.len() == 16 {
        NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M").ok()
    } else {
        None
    }
}

impl Start {
    /// The instant, UTC. An hour that comes twice when the clocks go back is its first.
    fn instant(self, zone: Tz) -> Result<NaiveDateTime, String> {
        let Start::Local(at) = self else {
            let (Start::Instant(at) | Start::Local(at)) = self;
            return Ok(at);
        };
        instant_of(at, zone).ok_or_else(|| {
            format!(
                "starts_at {} does not exist in {zone}: the clocks go forward that night",
                at.format("%Y-%m-%d %H:%M")
            )
        })
    }
}
