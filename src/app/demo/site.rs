//! The invented organisation itself: clinics, programs with their plans, staff with their accounts, and what every story needs to know of
//! them. Not here: patients.

use super::answers::Form;
use super::chance::{Chance, Ids};
use super::people::{CLINICS, Colleague, candidates, colleagues};
use crate::domain::ids::{ClinicId, OrgId, ProgramId};
use crate::domain::instrument::Library;
use crate::domain::risk::Candidate;
use crate::domain::schedule::Cadence;
use crate::store::organisation::{ClinicRow, ProgramRow};
use crate::store::staff::{StaffRow, StaffState};
use crate::store::{Fault, Seal, Tx, organisation, staff};
use chrono::{NaiveDate, NaiveDateTime, NaiveTime, TimeDelta};
use chrono_tz::Tz;

const CLINIC_NAMES: [(&str, &str); CLINICS] = [
    ("HARBOR", "Harbor Street Clinic"),
    ("NORTH", "Northside Clinic"),
    ("RIVER", "Riverbend Clinic"),
];

/// A program of the invented organisation.
#[derive(Debug)]
pub struct ProgramKind {
    external_id: &'static str,
    name: &'static str,
    /// Its share of all episodes.
    pub share: f64,
    /// How often its patients are asked.
    pub cadence: Cadence,
    /// What they are asked each time.
    pub routine: &'static [&'static str],
    /// What they are asked once, when they come.
    pub intake: &'static [&'static str],
    /// How many of them are screened when they come.
    pub screened: f64,
}

/// What those who are screened get.
pub const SCREEN: &str = "pc_ptsd_5";

/// All programs.
pub const PROGRAMS: [ProgramKind; 3] = [
    ProgramKind {
        external_id: "ADULT",
        name: "Adult program",
        share: 0.5,
        cadence: Cadence::BeforeSession { hours: 24 },
        routine: &["phq9", "gad7"],
        intake: &["phq9", "gad7"],
        screened: 0.4,
    },
    ProgramKind {
        external_id: "YOUNG",
        name: "Young adult program",
        share: 0.27,
        cadence: Cadence::EveryWeeks { weeks: 2 },
        routine: &["phq9"],
        intake: &["phq9", "gad7"],
        screened: 0.25,
    },
    ProgramKind {
        external_id: "RECOVERY",
        name: "Recovery program",
        share: 0.23,
        cadence: Cadence::EveryWeeks { weeks: 2 },
        routine: &["pcl5"],
        intake: &["pcl5", "phq9"],
        screened: 1.0,
    },
];

/// Everything a story needs to know of the place it happens in.
pub struct Site<'a> {
    /// The organisation.
    pub org: OrgId,
    /// Its zone.
    pub zone: Tz,
    /// The seed of everything.
    pub seed: u64,
    /// Today; nothing that was told happened today but what is urgent.
    pub today: NaiveDate,
    /// Now, to the microsecond.
    pub now: NaiveDateTime,
    /// How many patients there will be.
    pub patients: usize,
    /// The clinics.
    pub clinics: Vec<ClinicId>,
    /// The programs, in the order of [`PROGRAMS`].
    pub programs: Vec<ProgramId>,
    /// The staff.
    pub staff: Vec<Colleague>,
    /// The staff as possible owners of a flag.
    pub candidates: Vec<Candidate>,
    /// Every questionnaire that is used.
    pub forms: Vec<Form<'a>>,
    /// The site's seal, for links.
    pub seal: &'a Seal,
}

impl<'a> Site<'a> {
    /// Invents the place; nothing is stored.
    pub fn invent(
        (org, zone): (OrgId, Tz),
        library: &'a Library,
        seal: &'a Seal,
        (seed, patients, now): (u64, usize, NaiveDateTime),
    ) -> Self {
        let mut chance = Chance::of(seed, u64::MAX);
        let today = now.date();
        let mut ids = Ids::at(midnight(today) - TimeDelta::days(400));
        let clinics: Vec<ClinicId> = (0..CLINICS).map(|_| ids.next(&mut chance)).collect();
        let programs = PROGRAMS.iter().map(|_| ids.next(&mut chance)).collect();
        let staff = colleagues(&mut chance, |chance| ids.next(chance));
        let candidates = candidates(&staff, &clinics);
        let forms = library.offered().map(Form::of).collect();
        Site {
            org,
            zone,
            seed,
            today,
            now,
            patients,
            clinics,
            programs,
            staff,
            candidates,
            forms,
            seal,
        }
    }

    /// The first instant of today, UTC.
    pub fn dawn(&self) -> NaiveDateTime {
        midnight(self.today)
    }

    /// Since when this site exists.
    pub fn opened_at(&self) -> NaiveDateTime {
        self.dawn() - TimeDelta::days(400)
    }

    /// The positions of these instruments' forms.
    pub fn battery(&self, ids: &[&str]) -> Vec<usize> {
        ids.iter()
            .filter_map(|id| self.forms.iter().position(|form| form.instrument.id == *id))
            .collect()
    }

    /// Clinics, programs and staff as they are stored; `password_hash` is everybody's.
    pub fn place(&self, password_hash: Option<&str>) -> Place {
        let org_id = self.org;
        let clinic = |(&id, (external_id, name)): (&ClinicId, (&str, &str))| ClinicRow {
            org_id,
            id,
            external_id: external_id.into(),
            name: name.into(),
        };
        let program = |(&id, kind): (&ProgramId, &ProgramKind)| ProgramRow {
            org_id,
            id,
            external_id: kind.external_id.into(),
            name: kind.name.into(),
        };
        let clinics_of = |person: &Colleague| {
            person
                .clinics
                .iter()
                .filter_map(|&at| self.clinics.get(at).copied())
                .collect()
        };
        Place {
            clinics: self.clinics.iter().zip(CLINIC_NAMES).map(clinic).collect(),
            programs: self.programs.iter().zip(&PROGRAMS).map(program).collect(),
            staff: self
                .staff
                .iter()
                .map(|person| (self.account(person, password_hash), clinics_of(person)))
                .collect(),
        }
    }

    /// Active with or without a password: an owner of a flag must be active, and without a password nobody gets in anyway.
    fn account(&self, person: &Colleague, password_hash: Option<&str>) -> StaffRow {
        StaffRow {
            org_id: self.org,
            id: person.id,
            email: person.email.clone(),
            name: person.name.clone(),
            role: person.role.word().into(),
            licence: person.licence.clone(),
            state: StaffState::Active.word().into(),
            password_hash: password_hash.map(str::to_owned),
            created_at: self.opened_at(),
        }
    }
}

/// The place as rows.
pub struct Place {
    clinics: Vec<ClinicRow>,
    programs: Vec<ProgramRow>,
    staff: Vec<(StaffRow, Vec<ClinicId>)>,
}

impl Place {
    /// Stores clinics, programs and staff.
    ///
    /// # Errors
    /// When an address is taken, or the database fails.
    pub fn found(&self, tx: &mut Tx) -> Result<(), Fault> {
        self.clinics
            .iter()
            .try_for_each(|row| organisation::add_clinic(tx, row))?;
        self.programs
            .iter()
            .try_for_each(|row| organisation::add_program(tx, row))?;
        self.staff
            .iter()
            .try_for_each(|(row, clinics)| staff::add(tx, row, clinics))
    }
}

/// Refuses an organisation in which somebody has begun to work.
///
/// # Errors
/// Says what is there; or the database fails.
pub fn require_empty(tx: &mut Tx, org: OrgId) -> Result<(), Fault> {
    let (clinics, programs) = (
        organisation::clinics(tx, org)?.len(),
        organisation::programs(tx, org)?.len(),
    );
    if clinics + programs == 0 {
        return Ok(());
    }
    Err(Fault::Setting {
        name: "the database".into(),
        seen: format!("not empty ({clinics} clinics, {programs} programs)"),
        wanted: "an organisation without clinics, programs and patients, because invented people must never mix with real ones".into(),
    })
}

/// The first instant of a day, UTC.
pub fn midnight(day: NaiveDate) -> NaiveDateTime {
    day.and_time(NaiveTime::MIN)
}
