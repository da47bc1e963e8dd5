//! Coverage: what became of the forms of the last days, or of the site's newest period, by clinic, and who in care can be reached, is asked in their own language and answers, by language
//! and channel. Numbers, no names; small ones are hidden from whoever sees them as an evaluation. The reading is audited.

use super::read_sending::clinics;
use super::site_days::{SiteDays, instants, is_held_to_the_grid, site_days};
use super::{App, Failure};
use crate::app::cell::{guarded, quoted};
use crate::domain::access::{Action, Actor, Permit, Subject, decide};
use crate::domain::care::AdministrationState;
use crate::domain::evaluation::{CountTable, Hiding, Period, Rate, Shown, ShownTable};
use crate::domain::ids::{Id, PatientId, kind};
use crate::domain::instrument::Library;
use crate::domain::language::Language;
use crate::store::contact::Channel;
use crate::store::send_log::{self, FormCount, InCare};
use crate::store::{Fault, Tx, audit};
use chrono::NaiveDateTime;
use chrono_tz::Tz;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::convert::Infallible;

/// Days that are looked back on, today with them.
pub const DAYS: u64 = 30;

/// As whom somebody sees the numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SeenAs {
    /// As one of those who treat the patients: their own clinics, every number.
    Caseload,
    /// As an evaluation: small numbers are hidden.
    Evaluation,
}

impl SeenAs {
    fn action(self) -> Action {
        match self {
            SeenAs::Caseload => Action::SeeCaseload,
            SeenAs::Evaluation => Action::Evaluate,
        }
    }

    fn hiding(self) -> Hiding {
        match self {
            SeenAs::Caseload => Hiding::Nothing,
            SeenAs::Evaluation => Hiding::SmallCells,
        }
    }
}

/// What is counted of forms that fell due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OfForms {
    /// Fell due; what the clinic withdrew is left out.
    Due,
    /// Of these: answered.
    Answered,
    /// Of these: not answered yet, and still open.
    Open,
    /// Of these: "this is not for me".
    Declined,
    /// Of these: sent and never opened.
    NotSeen,
    /// Of these: begun and not handed in.
    Abandoned,
    /// Of these: over before they could be sent.
    Expired,
}

/// How many counts there are of forms.
pub const OF_FORMS: usize = OfForms::Expired as usize + 1;

impl OfForms {
    /// What a form in this state is counted as; `None` when it is not counted at all.
    #[must_use]
    pub fn of(state: AdministrationState) -> Option<OfForms> {
        match state {
            AdministrationState::Planned
            | AdministrationState::Sent
            | AdministrationState::Opened => Some(OfForms::Open),
            AdministrationState::Completed => Some(OfForms::Answered),
            AdministrationState::Declined => Some(OfForms::Declined),
            AdministrationState::NotSeen => Some(OfForms::NotSeen),
            AdministrationState::Abandoned => Some(OfForms::Abandoned),
            AdministrationState::Expired => Some(OfForms::Expired),
            AdministrationState::Cancelled => None,
        }
    }
}

/// What is counted of patients in care.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OfPatients {
    /// In care.
    InCare,
    /// Of these: with an address or number that can be used, and no wish against it.
    Reachable,
    /// Of these in care: every planned form has its questions in their language.
    InLanguage,
    /// Of these in care: answered in the period something they were asked.
    Answered,
}

/// How many counts there are of patients.
const OF_PATIENTS: usize = OfPatients::Answered as usize + 1;

/// The numbers.
#[derive(Debug, Clone)]
pub struct Coverage {
    /// Names of the clinics: the rows of `forms`.
    pub clinics: Vec<String>,
    /// Forms that fell due in the period; one column.
    pub forms: ShownTable,
    /// Tags of the languages: the rows of `patients`.
    pub languages: Vec<String>,
    /// Patients in care; a column for each [`Channel`].
    pub patients: ShownTable,
    /// The days that are counted, as the site's calendar has them.
    pub period: Period,
}

impl Coverage {
    /// How many of the forms of a clinic that fell due; all clinics at the end.
    #[must_use]
    pub fn of_forms(&self, clinic: usize, count: OfForms) -> Rate {
        let at = |count: OfForms| self.forms.at(clinic, self.forms.columns(), count as usize);
        Rate::of(at(count), at(OfForms::Due))
    }

    /// How many of the patients in care with a language (all at the end) and a channel (all at the end).
    #[must_use]
    pub fn of_patients(&self, language: usize, channel: usize, count: OfPatients) -> Rate {
        let at = |count: OfPatients| self.patients.at(language, channel, count as usize);
        Rate::of(at(count), at(OfPatients::InCare))
    }
}

/// Reads the numbers.
///
/// # Errors
/// Denied by role, or the database fails.
pub async fn read_coverage(
    app: &App,
    actor: Actor,
    seen_as: SeenAs,
) -> Result<Coverage, Failure<Infallible>> {
    let (now, library) = (app.clock.now(), app.library);
    let permit = decide(&actor, seen_as.action(), Subject::Organisation)?;
    let asked = permit.clone();
    let audited: Result<(), Fault> = app
        .store
        .write(move |tx| audit::record(tx, &asked, "coverage", None::<Id<kind::Patient>>, now))
        .await;
    audited?;
    let read: Result<Gathered, Fault> = app
        .store
        .read(move |tx| {
            tx.snapshot(|tx| {
                let days = site_days(tx, now)?;
                gather(tx, &permit, library, (days.zone, period(&actor, &days)))
            })
        })
        .await;
    let gathered = read?;
    // Hiding small numbers is arithmetic: it must hold neither a database thread nor one that serves pages.
    tokio::task::spawn_blocking(move || gathered.into_coverage(seen_as.hiding()))
        .await
        .map_err(|_| Failure::Fault(Fault::Bug))
}

/// The days somebody sees. Small numbers are hidden in each look by itself, and days that move with the calendar would make of two looks the numbers of one day; a month beside the
/// quarter of the evaluation, which counts the same forms, would make of three looks the numbers of a hidden one. Whoever may not see those gets the period that the evaluation shows.
fn period(actor: &Actor, days: &SiteDays) -> Period {
    match is_held_to_the_grid(actor) {
        true => days.grid.newest(days.today),
        false => Period::ending(days.today, DAYS),
    }
}

/// The numbers before small ones are hidden.
struct Gathered {
    clinics: Vec<String>,
    forms: CountTable,
    languages: Vec<String>,
    patients: CountTable,
    period: Period,
}

impl Gathered {
    fn into_coverage(self, hiding: Hiding) -> Coverage {
        Coverage {
            clinics: self.clinics,
            forms: self.forms.shown(hiding),
            languages: self.languages,
            patients: self.patients.shown(hiding),
            period: self.period,
        }
    }
}

fn gather(
    tx: &mut Tx,
    permit: &Permit,
    library: &Library,
    (zone, period): (Tz, Period),
) -> Result<Gathered, Fault> {
    let (from, until) = instants(zone, period);
    let clinics = clinics(tx, permit)?;
    let mut forms = CountTable::new(clinics.len(), 1, OF_FORMS);
    for row in send_log::due_between(tx, permit, from, until)? {
        let place = clinics.iter().position(|(id, _)| *id == row.clinic_id);
        if let Some(place) = place {
            count_forms(&mut forms, place, 0, &row)?;
        }
    }
    let (languages, patients) = count_patients(tx, permit, library, (from, until))?;
    Ok(Gathered {
        clinics: clinics.into_iter().map(|(_, name)| name).collect(),
        forms,
        languages,
        patients,
        period,
    })
}

/// Puts counted forms into their cell.
///
/// # Errors
/// When their state is none.
pub fn count_forms(
    table: &mut CountTable,
    row: usize,
    column: usize,
    counted: &FormCount,
) -> Result<(), Fault> {
    if let Some(of) = OfForms::of(counted.state.parse()?) {
        let n = u64::try_from(counted.forms).unwrap_or(0);
        table.add(row, column, &[OfForms::Due as usize, of as usize], n);
    }
    Ok(())
}

fn count_patients(
    tx: &mut Tx,
    permit: &Permit,
    library: &Library,
    (from, until): (NaiveDateTime, NaiveDateTime),
) -> Result<(Vec<String>, CountTable), Fault> {
    // Somebody in two programs is one patient.
    let everybody: BTreeMap<PatientId, InCare> = send_log::in_care(tx, permit)?
        .into_iter()
        .map(|row| (row.patient_id, row))
        .collect();
    let mut planned: HashMap<PatientId, Vec<String>> = HashMap::new();
    for (patient, instruments) in send_log::planned(tx, permit)? {
        planned.entry(patient).or_default().push(instruments);
    }
    let answered: HashSet<PatientId> = send_log::answered_between(tx, permit, from, until)?
        .into_iter()
        .collect();
    let languages = languages_of(everybody.values());
    let mut table = CountTable::new(languages.len(), Channel::ALL.len(), OF_PATIENTS);
    for (id, row) in &everybody {
        let mut part_of = vec![OfPatients::InCare as usize];
        if is_reachable(row) {
            part_of.push(OfPatients::Reachable as usize);
        }
        let asked = planned.get(id).map_or(&[][..], Vec::as_slice);
        if speaks(library, asked, &row.language) {
            part_of.push(OfPatients::InLanguage as usize);
        }
        if answered.contains(id) {
            part_of.push(OfPatients::Answered as usize);
        }
        let language = languages.iter().position(|tag| *tag == row.language);
        let channel = channel(row);
        let column = Channel::ALL.iter().position(|known| *known == channel);
        if let (Some(language), Some(column)) = (language, column) {
            table.add(language, column, &part_of, 1);
        }
    }
    Ok((languages, table))
}

/// The languages of the program, and any other that somebody has on record.
fn languages_of<'a>(everybody: impl Iterator<Item = &'a InCare>) -> Vec<String> {
    let mut tags: Vec<String> = Language::ALL.iter().map(|one| one.word().into()).collect();
    let mut others: Vec<String> = everybody
        .map(|row| row.language.clone())
        .filter(|tag| !tags.contains(tag))
        .collect();
    others.sort();
    others.dedup();
    tags.extend(others);
    tags
}

fn channel(row: &InCare) -> Channel {
    let said = row.contact.as_ref().map(|known| known.channel.parse());
    match said {
        Some(Ok(channel)) => channel,
        Some(Err(_)) | None => Channel::Mail,
    }
}

/// Whether a message could leave by the patient's channel today, as far as their record says.
fn is_reachable(row: &InCare) -> bool {
    let contact = row.contact.as_ref();
    let wants = contact.is_none_or(|known| known.opted_out_at.is_none());
    wants
        && match channel(row) {
            Channel::Mail => row.has_email && row.email_refused_at.is_none(),
            Channel::Text => contact.is_some_and(|known| {
                known.has_phone
                    && known.phone_refused_at.is_none()
                    && known.texts_stopped_at.is_none()
            }),
            Channel::None => false,
        }
}

/// Whether every planned form has its questions in this language; not so without a plan.
fn speaks(library: &Library, planned: &[String], language: &str) -> bool {
    let mut ids = planned
        .iter()
        .flat_map(|one| one.split_whitespace())
        .peekable();
    ids.peek().is_some()
        && ids.all(|id| {
            library
                .get(id)
                .is_some_and(|known| known.has_text(language))
        })
}

/// The numbers as a file: one row a measure and group, numerator beside denominator.
#[must_use]
pub fn csv(coverage: &Coverage) -> String {
    let mut lines = vec!["measure,clinic,language,channel,count,of,share".to_owned()];
    let forms = [
        ("answered", OfForms::Answered),
        ("open", OfForms::Open),
        ("declined", OfForms::Declined),
        ("not_seen", OfForms::NotSeen),
        ("abandoned", OfForms::Abandoned),
        ("expired", OfForms::Expired),
    ];
    for clinic in 0..=coverage.clinics.len() {
        let name = coverage.clinics.get(clinic);
        let name = name.map_or("all clinics", String::as_str);
        for (word, count) in forms {
            let rate = coverage.of_forms(clinic, count);
            lines.push(line(&format!("forms_{word}"), [name, "", ""], &rate));
        }
    }
    let patients = [
        ("reachable", OfPatients::Reachable),
        ("form_in_language", OfPatients::InLanguage),
        ("answered", OfPatients::Answered),
    ];
    for language in 0..=coverage.languages.len() {
        let tag = coverage.languages.get(language);
        let tag = tag.map_or("all languages", String::as_str);
        for channel in 0..=Channel::ALL.len() {
            let by = Channel::ALL.get(channel);
            let by = by.map_or("all channels", |known| known.word());
            for (word, count) in patients {
                let rate = coverage.of_patients(language, channel, count);
                lines.push(line(&format!("patients_{word}"), ["", tag, by], &rate));
            }
        }
    }
    lines.push(String::new());
    lines.join("\r\n")
}

fn line(measure: &str, group: [&str; 3], rate: &Rate) -> String {
    let shown = |shown: Shown| {
        shown
            .value()
            .map_or_else(|| "suppressed".to_owned(), |n| n.to_string())
    };
    let hidden = [rate.numerator, rate.denominator].contains(&Shown::Suppressed);
    let share = match rate.share {
        _ if hidden => "suppressed".to_owned(),
        Some(share) => format!("{share:.4}"),
        None => String::new(),
    };
    let group = group.map(|words| quoted(&guarded(words)));
    let (count, of) = (shown(rate.numerator), shown(rate.denominator));
    format!("{measure},{},{count},{of},{share}", group.join(","))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::send_log::Contact;
    use uuid::Uuid;

    fn somebody(channel: &str) -> InCare {
        InCare {
            patient_id: PatientId::from_uuid(Uuid::nil()),
            language: "en".into(),
            has_email: true,
            email_refused_at: None,
            contact: Some(Contact {
                channel: channel.into(),
                has_phone: true,
                phone_refused_at: None,
                texts_stopped_at: None,
                opted_out_at: None,
            }),
        }
    }

    #[test]
    fn somebody_is_reachable_by_the_own_channel_only() {
        let now = chrono::DateTime::UNIX_EPOCH.naive_utc();
        assert!(is_reachable(&somebody("mail")) && is_reachable(&somebody("text")));
        assert!(!is_reachable(&somebody("none")));
        let mut refused = somebody("mail");
        refused.email_refused_at = Some(now);
        assert!(!is_reachable(&refused));
        let mut stopped = somebody("text");
        stopped.contact.as_mut().unwrap().texts_stopped_at = Some(now);
        assert!(!is_reachable(&stopped));
        let mut unsaid = somebody("mail");
        unsaid.contact = None;
        assert!(is_reachable(&unsaid));
        unsaid.has_email = false;
        assert!(!is_reachable(&unsaid));
    }

    #[test]
    fn one_planned_form_without_words_in_the_language_is_enough_to_say_no() {
        let library = Library::embedded();
        assert!(speaks(library, &["phq9 gad7".into()], "es"));
        assert!(!speaks(library, &[], "en"));
        assert!(!speaks(library, &["phq9".into(), "oq45".into()], "en"));
    }
}
