//! What one row of a file of patients says: its cells read and checked as far as that goes without the database. What that adds or changes is
//! decided in `decide`.

use crate::app::enrol::PatientDetails;
use crate::app::import::cells::{Cells, Columns};
use crate::app::import::ledger::{Claim, fingerprint};
use crate::app::import::places::Named;
use crate::app::import::table::Row;
use crate::app::permit_instrument::OnRecord;
use crate::app::set_plan::PlanDetails;
use crate::app::{Failure, give_form};
use crate::domain::access::Permit;
use crate::domain::care::Ending;
use crate::domain::instrument::{Library, Sex};
use crate::domain::permission::NotPermitted;
use crate::domain::schedule::{Cadence, local_day};
use crate::store::{Fault, Tx};
use chrono::{NaiveDate, NaiveDateTime};
use chrono_tz::Tz;

/// The languages a patient can be written to in.
const LANGUAGES: [&str; 2] = ["en", "es"];

/// What a row says.
#[derive(Debug, Clone)]
pub struct Said {
    /// The patient.
    pub who: PatientDetails,
    /// Where.
    pub clinic: Named,
    /// In which program.
    pub program: Named,
    /// Address of the clinician's account, lower case.
    pub clinician: String,
    /// First day of the episode of care.
    pub started_on: NaiveDate,
    /// Its last day and how it ended, if the file says so.
    pub ended: Option<(NaiveDate, Ending)>,
    /// What to ask how often, if the file says so.
    pub plan: Option<PlanDetails>,
}

/// What it takes to read a row: the instruments a plan may name.
pub struct Reading {
    library: &'static Library,
    reader: Reader,
    on_record: OnRecord,
}

/// Whether somebody licensed is there to read what a form with risk rules says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reader {
    Somebody,
    Nobody,
}

impl Reading {
    /// Looks once whether somebody licensed is there, and what may be used.
    ///
    /// # Errors
    /// When the database fails.
    pub fn begin(
        tx: &mut Tx,
        permit: &Permit,
        library: &'static Library,
        now: NaiveDateTime,
    ) -> Result<Self, Fault> {
        let everything: Vec<String> = library.offered().map(|known| known.id.clone()).collect();
        let battery = give_form::battery(library, &everything).unwrap_or_default();
        let reader = match give_form::require_reader(tx, permit, library, &battery) {
            Ok(()) => Reader::Somebody,
            Err(Failure::Fault(fault)) => return Err(fault),
            Err(_) => Reader::Nobody,
        };
        Ok(Reading {
            library,
            reader,
            on_record: OnRecord::read(tx, permit.org(), now)?,
        })
    }

    /// Whether these may be used here today. Asked of a new or changed plan alone: a file that says what is stored already is taken
    /// whatever became of a permission, for nothing is sent without one.
    ///
    /// # Errors
    /// Why the first one that may not be used may not.
    pub fn require_permission(&self, instruments: &[String]) -> Result<(), NotPermitted> {
        self.on_record
            .require(instruments.iter().filter_map(|id| self.library.get(id)))
    }

    /// Reads a row.
    ///
    /// # Errors
    /// All that is wrong with its cells.
    pub fn read(&self, columns: &Columns, row: &Row, now: NaiveDateTime) -> Result<Said, String> {
        let mut cells = Cells::of(columns, row)?;
        let who = read_patient(&mut cells);
        let clinic = read_named(&mut cells, "clinic_id", "clinic");
        let program = read_named(&mut cells, "program_id", "program");
        let clinician = read_clinician(&mut cells);
        let started_on = cells.day("episode_start", now);
        let zone = who.as_ref().map_or(Tz::UTC, |who| who.time_zone);
        let ended = read_ending(&mut cells, started_on, zone, now);
        let plan = self.read_plan(&mut cells);
        let said = (|| {
            Some(Said {
                who: who?,
                clinic: clinic?,
                program: program?,
                clinician: clinician?,
                started_on: started_on?,
                ended: ended?,
                plan: plan?,
            })
        })();
        cells.finish(said)
    }

    fn read_plan(&self, cells: &mut Cells) -> Option<Option<PlanDetails>> {
        let (names, cadence) = (cells.get("instruments"), cells.get("cadence"));
        match (names.is_empty(), cadence.is_empty()) {
            (true, true) => return Some(None),
            (false, false) => {}
            _ => {
                return cells
                    .fault("instruments and cadence must both be given, or both be empty".into());
            }
        }
        let instruments = self.read_instruments(cells, names);
        let cadence = match cadence.parse::<Cadence>() {
            Ok(cadence) => Some(cadence),
            Err(bad) => cells.fault(format!("cadence: {bad}")),
        };
        Some(Some(PlanDetails {
            instruments: instruments?,
            cadence: cadence?,
        }))
    }

    fn read_instruments(&self, cells: &mut Cells, names: &str) -> Option<Vec<String>> {
        let instruments: Vec<String> = names.split_whitespace().map(str::to_owned).collect();
        let mut risky = false;
        for (place, name) in instruments.iter().enumerate() {
            match give_form::askable(self.library, name) {
                Ok(known) => risky |= !known.risk_rules.is_empty(),
                Err(refusal @ give_form::Refusal::CannotBeAsked(..)) => {
                    return cells.fault(refusal.to_string());
                }
                Err(_) => {
                    let known: Vec<_> = self
                        .on_record
                        .usable(self.library)
                        .map(|known| known.id.as_str())
                        .collect();
                    return cells.fault(format!(
                        "there is no instrument {name:?}; known ones: {}",
                        known.join(" ")
                    ));
                }
            }
            if instruments
                .iter()
                .take(place)
                .any(|earlier| earlier == name)
            {
                return cells.fault(format!("instruments names {name} twice"));
            }
        }
        if risky && self.reader == Reader::Nobody {
            return cells.fault(give_form::Refusal::NobodyReads.to_string());
        }
        Some(instruments)
    }
}

impl Said {
    /// What the row claims about the patient, then about the episode of care.
    pub fn claims(&self) -> Vec<Claim> {
        let who = &self.who;
        let plan = self
            .plan
            .as_ref()
            .map(|plan| (&plan.instruments, plan.cadence.to_string()));
        let zone = who.time_zone.name();
        let sex = who.sex.map(Sex::word);
        vec![
            Claim {
                about: "patient",
                key: fingerprint(&("patient", &who.external_id)),
                content: fingerprint(&(&who.name, &who.email, &who.language, zone, sex)),
            },
            Claim {
                about: "episode of care",
                key: fingerprint(&(
                    "episode",
                    &who.external_id,
                    &self.program.id,
                    self.started_on,
                )),
                content: fingerprint(&(&self.clinic.id, &self.clinician, self.ended, plan)),
            },
        ]
    }
}

fn read_patient(cells: &mut Cells) -> Option<PatientDetails> {
    let external_id = cells.id("patient_id");
    let name = cells.name("name");
    let email = cells.email("email");
    let language = read_language(cells);
    let time_zone = cells.time_zone("time_zone");
    let sex = read_sex(cells);
    Some(PatientDetails {
        external_id: external_id?,
        name: name?,
        email: email?,
        language: language?,
        time_zone: time_zone?,
        sex: sex?,
    })
}

/// Empty says nothing.
fn read_sex(cells: &mut Cells) -> Option<Option<Sex>> {
    let text = cells.get("sex");
    match text.parse() {
        _ if text.is_empty() => Some(None),
        Ok(sex) => Some(Some(sex)),
        Err(()) => cells.fault(format!(
            "sex is {text:?}; wanted female, male or nothing: it is read for norms that depend on it"
        )),
    }
}

fn read_language(cells: &mut Cells) -> Option<String> {
    let text = cells.get("language");
    if LANGUAGES.contains(&text) {
        return Some(text.to_owned());
    }
    cells.fault(format!(
        "language is {text:?}; wanted one of {}",
        LANGUAGES.join(", ")
    ))
}

fn read_named(cells: &mut Cells, id: &str, name: &str) -> Option<Named> {
    let (id, name) = (cells.id(id), cells.name_or_nothing(name));
    Some(Named {
        id: id?,
        name: name?,
    })
}

fn read_clinician(cells: &mut Cells) -> Option<String> {
    match cells.email("clinician")? {
        Some(email) => Some(email.to_lowercase()),
        None => cells.fault("clinician is empty; wanted the e-mail address of an account".into()),
    }
}

fn read_ending(
    cells: &mut Cells,
    started_on: Option<NaiveDate>,
    zone: Tz,
    now: NaiveDateTime,
) -> Option<Option<(NaiveDate, Ending)>> {
    if cells.get("episode_end").is_empty() && cells.get("ending").is_empty() {
        return Some(None);
    }
    let day = cells.day("episode_end", now);
    let ending = cells.word("ending", Ending::ALL);
    let (day, ending) = (day?, ending?);
    if started_on.is_some_and(|started_on| day < started_on) {
        return cells.fault(format!("episode_end {day} is before episode_start"));
    }
    if day > local_day(zone, now) {
        return cells.fault(format!(
            "episode_end {day} lies ahead; import the ending once the day has come"
        ));
    }
    Some(Some((day, ending)))
}
