//! Trying a draft of the safety policy on past answers, before it goes live: how many answers it would have flagged, a week and a clinician, who would have been missed and
//! who would be new, beside what holds now and what really was flagged. Stores nothing. By the domain's rules alone, apart from the code that raises flags.

use super::past_answers::{Found, Looked, Onward, each_page};
use super::read_caseload::site_zone;
use super::{App, Failure};
use crate::domain::access::{Action, Actor, Permit, Reach, Subject, decide, role_may};
use crate::domain::ids::{FlagId, Id, PatientId, StaffId, kind};
use crate::domain::risk::Tier;
use crate::domain::risk::policy::SafetyPolicy;
use crate::domain::risk::rules::RiskHit;
use crate::domain::risk::strictness::BadSetting;
use crate::domain::schedule::{local_day, local_instant};
use crate::store::past::{self, LONGEST_FORM};
use crate::store::{Fault, audit, policy};
use chrono::{Datelike, NaiveDate, NaiveDateTime, TimeDelta};
use chrono_tz::Tz;
use serde::Serialize;
use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Weeks that are looked back on, unless somebody says otherwise.
pub const WEEKS: u32 = 12;
/// The most weeks.
pub const WEEKS_MOST: u32 = 52;
/// After so long a rehearsal stops and says how far it came.
pub const LONGEST: Duration = Duration::from_secs(120);
/// Rows named on one list; more are only counted.
pub const ROWS_MOST: usize = 200;

/// Why nothing was rehearsed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// The draft holds what cannot be kept.
    Rules(Vec<BadSetting>),
    /// Too few or too many weeks.
    Weeks,
    /// Another rehearsal is running.
    Busy,
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Refusal::Rules(bad) => {
                let wanted: Vec<&str> = bad.iter().map(|rule| rule.wanted.as_str()).collect();
                f.write_str(&wanted.join(" "))
            }
            Refusal::Weeks => write!(f, "Look back on 1 to {WEEKS_MOST} weeks."),
            Refusal::Busy => {
                f.write_str("Another rehearsal is running. Wait a minute, then try again.")
            }
        }
    }
}

/// Answers by tier.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Tiers {
    /// The same hour.
    pub crisis: u64,
    /// At the next review.
    pub review: u64,
}

impl Tiers {
    fn count(&mut self, tier: Option<Tier>) {
        match tier {
            Some(Tier::Crisis) => self.crisis += 1,
            Some(Tier::Review) => self.review += 1,
            None => {}
        }
    }

    /// All of them.
    #[must_use]
    pub fn all(&self) -> u64 {
        self.crisis + self.review
    }
}

/// Answers that are flagged, three ways.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Figures {
    /// As the rules that hold now would have flagged them.
    pub in_force: Tiers,
    /// As the draft would have.
    pub draft: Tiers,
    /// As they really were flagged, by the rules of their time and by the tier that their flag has now.
    pub really: Tiers,
}

/// The answers of one clinician's patients.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OfClinician {
    /// Their name.
    pub clinician: String,
    /// Over all the weeks.
    pub all: Figures,
    /// In their worst week under the draft.
    pub draft_most_in_a_week: u64,
}

/// How an answer fares.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Fate {
    /// Flagged now, and not by the draft.
    Missed,
    /// A crisis now, and for review by the draft.
    Later,
    /// For review now, and a crisis by the draft.
    Sooner,
    /// Not flagged now, and flagged by the draft.
    New,
}

impl Fate {
    /// All of them, what loses most first.
    pub const ALL: [Fate; 4] = [Fate::Missed, Fate::Later, Fate::Sooner, Fate::New];

    fn of(in_force: Option<Tier>, draft: Option<Tier>) -> Option<Fate> {
        match (in_force, draft) {
            (Some(_), None) => Some(Fate::Missed),
            (None, Some(_)) => Some(Fate::New),
            (Some(Tier::Crisis), Some(Tier::Review)) => Some(Fate::Later),
            (Some(Tier::Review), Some(Tier::Crisis)) => Some(Fate::Sooner),
            _ => None,
        }
    }
}

/// An answer that fares otherwise under the draft, for those who may see whose it is.
#[derive(Debug, Clone)]
pub struct Row {
    /// The patient.
    pub patient: PatientId,
    /// Their name.
    pub name: String,
    /// The flag it belongs to, where it has one.
    pub flag: Option<FlagId>,
    /// The instrument's short name.
    pub form: String,
    /// The item's printed number.
    pub item: String,
    /// The answer.
    pub answer: i16,
    /// On which day, on the site's clock.
    pub on: NaiveDate,
}

/// The answers that fare otherwise in one way.
#[derive(Debug, Clone)]
pub struct Faring {
    /// In which way.
    pub fate: Fate,
    /// How many answers.
    pub answers: u64,
    /// Of how many patients.
    pub patients: u64,
    /// Those that the reader may see; at most [`ROWS_MOST`].
    pub rows: Vec<Row>,
}

/// What came of it.
#[derive(Debug, Clone)]
pub struct Rehearsal {
    /// The first day that is looked at.
    pub from: NaiveDate,
    /// The last day that was looked at; before today only when there was no more time.
    pub to: NaiveDate,
    /// Whether there was no more time.
    pub stopped_early: bool,
    /// How many responses were looked at.
    pub responses: usize,
    /// The Monday of each week, with its figures.
    pub weeks: Vec<(NaiveDate, Figures)>,
    /// Each clinician's patients, those with most answers under the draft first.
    pub clinicians: Vec<OfClinician>,
    /// What fares otherwise.
    pub otherwise: Vec<Faring>,
    /// How long it took.
    pub took: Duration,
}

/// One at a time: each goes through months of answers.
static RUNNING: AtomicBool = AtomicBool::new(false);

struct Turn;

impl Turn {
    fn take() -> Option<Turn> {
        let free = RUNNING.compare_exchange(false, true, Ordering::AcqRel, Ordering::Acquire);
        free.ok().map(|_| Turn)
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        RUNNING.store(false, Ordering::Release);
    }
}

/// What is gathered while the pages go by.
struct Gathering {
    zone: Tz,
    from: NaiveDateTime,
    in_force: SafetyPolicy,
    draft: SafetyPolicy,
    weeks: BTreeMap<NaiveDate, Figures>,
    clinicians: HashMap<StaffId, BTreeMap<NaiveDate, Figures>>,
    otherwise: Vec<Gathered>,
}

/// One way of faring otherwise, while it is gathered.
struct Gathered {
    fate: Fate,
    answers: u64,
    patients: std::collections::HashSet<PatientId>,
    rows: Vec<Row>,
}

/// Tries a draft on the answers of the last weeks. That it was tried is audited.
///
/// # Errors
/// See [`Refusal`]. Denied unless the account may set the rules.
pub async fn rehearse(
    app: &App,
    actor: Actor,
    draft: SafetyPolicy,
    weeks: u32,
) -> Result<Rehearsal, Failure<Refusal>> {
    let permit = decide(&actor, Action::SetSafety, Subject::Organisation)?;
    let bad = draft.faults(app.library);
    if !bad.is_empty() {
        return Err(Failure::Refused(Refusal::Rules(bad)));
    }
    if !(1..=WEEKS_MOST).contains(&weeks) {
        return Err(Failure::Refused(Refusal::Weeks));
    }
    let _turn = Turn::take().ok_or(Failure::Refused(Refusal::Busy))?;
    let (began, now) = (Instant::now(), app.clock.now());
    let mut gathering = begin(app, &permit, draft, weeks).await?;
    let mut reached = now;
    let responses = each_page(app, gathering.from - LONGEST_FORM, now, |page| {
        let begun = page.found.last().map(|found| found.row.begun_at());
        gathering.add(&permit, page);
        if began.elapsed() < LONGEST {
            return Onward::More;
        }
        reached = begun.unwrap_or(reached);
        Onward::Enough
    })
    .await?;
    let stopped_early = reached < now;
    let (org, from) = (app.org, gathering.from);
    let really = app
        .store
        .read(move |tx| past::flagged_between(tx, org, from, reached))
        .await?;
    gathering.add_really(&really);
    finish(
        app,
        &permit,
        gathering,
        (reached, stopped_early),
        responses,
        began,
    )
    .await
}

async fn begin(
    app: &App,
    permit: &Permit,
    draft: SafetyPolicy,
    weeks: u32,
) -> Result<Gathering, Failure<Refusal>> {
    let (now, org, audited) = (app.clock.now(), app.org, permit.clone());
    let read: Result<_, Fault> = app
        .store
        .write(move |tx| {
            audit::record(
                tx,
                &audited,
                "safety_rehearsal",
                None::<Id<kind::Patient>>,
                now,
            )?;
            let in_force: SafetyPolicy = policy::newest(tx, org, SafetyPolicy::KIND)?;
            Ok((in_force, site_zone(tx)?))
        })
        .await;
    let (in_force, zone) = read?;
    let this_week = monday(local_day(zone, now));
    let first = this_week - TimeDelta::weeks(i64::from(weeks) - 1);
    let weeks = (0..i64::from(weeks)).map(|n| (first + TimeDelta::weeks(n), Figures::default()));
    Ok(Gathering {
        zone,
        from: local_instant(zone, first, 0),
        in_force,
        draft,
        weeks: weeks.collect(),
        clinicians: HashMap::new(),
        otherwise: Fate::ALL.map(Gathered::new).into(),
    })
}

fn monday(day: NaiveDate) -> NaiveDate {
    day - TimeDelta::days(day.weekday().num_days_from_monday().into())
}

impl Gathered {
    fn new(fate: Fate) -> Gathered {
        Gathered {
            fate,
            answers: 0,
            patients: std::collections::HashSet::new(),
            rows: vec![],
        }
    }
}

impl Gathering {
    fn add(&mut self, permit: &Permit, page: Looked) {
        for found in &page.found {
            for hit in &found.hits {
                let at = found.saved_at(hit);
                // What came with the form before is counted there.
                let counted = found.is_carried(hit) && found.flag_of(hit).is_none();
                if at >= self.from && !counted {
                    self.add_hit(permit, found, hit, at);
                }
            }
        }
    }

    fn add_hit(&mut self, permit: &Permit, found: &Found, hit: &RiskHit<'_>, at: NaiveDateTime) {
        let known = found.known_at(hit, at, self.zone);
        let tier = |policy: &SafetyPolicy| policy.tier_of(&found.row.instrument, hit, known);
        let (in_force, draft) = (tier(&self.in_force), tier(&self.draft));
        let week = monday(local_day(self.zone, at));
        let count = |figures: &mut Figures| {
            figures.in_force.count(in_force);
            figures.draft.count(draft);
        };
        self.weeks.entry(week).and_modify(count);
        let Some(whose) = &found.whose else {
            return;
        };
        let weeks = self.clinicians.entry(whose.clinician_id).or_default();
        count(weeks.entry(week).or_default());
        let fate = Fate::of(in_force, draft);
        let Some(gathered) = self.otherwise.iter_mut().find(|one| Some(one.fate) == fate) else {
            return;
        };
        gathered.answers += 1;
        gathered.patients.insert(whose.patient_id);
        if gathered.rows.len() < ROWS_MOST && may_see(permit, whose) {
            gathered.rows.push(Row {
                patient: whose.patient_id,
                name: String::new(),
                flag: found.flag_of(hit).map(|answer| answer.flag_id),
                form: found.instrument.texts_or_english("en").short_name.clone(),
                item: hit.item.to_owned(),
                answer: hit.value,
                on: local_day(self.zone, at),
            });
        }
    }

    fn add_really(&mut self, flagged: &[past::Flagged]) {
        for one in flagged {
            let week = monday(local_day(self.zone, one.answer.at));
            let tier = one.tier.parse().ok();
            self.weeks
                .entry(week)
                .and_modify(|figures| figures.really.count(tier));
            let weeks = self.clinicians.entry(one.clinician_id).or_default();
            weeks.entry(week).or_default().really.count(tier);
        }
    }
}

/// Whose answers the reader may see by name: those who treat patients, in their own clinics.
fn may_see(permit: &Permit, whose: &past::Whose) -> bool {
    let reads = permit
        .actor()
        .staff()
        .is_some_and(|staff| role_may(staff.role, Action::ReadPatient));
    reads
        && match permit.reach() {
            Reach::Everything => true,
            Reach::Clinics(own) => own.contains(&whose.clinic_id),
        }
}

async fn finish(
    app: &App,
    permit: &Permit,
    gathering: Gathering,
    (reached, stopped_early): (NaiveDateTime, bool),
    responses: usize,
    began: Instant,
) -> Result<Rehearsal, Failure<Refusal>> {
    let org = permit.org();
    let mut named: Vec<PatientId> = vec![];
    for gathered in &gathering.otherwise {
        named.extend(gathered.rows.iter().map(|row| row.patient));
    }
    let read: Result<_, Fault> = app
        .store
        .read(move |tx| {
            Ok((
                past::patient_names(tx, org, &named)?,
                past::staff_names(tx, org)?,
            ))
        })
        .await;
    let (patients, staff) = read?;
    let (patients, staff): (HashMap<_, _>, HashMap<_, _>) =
        (patients.into_iter().collect(), staff.into_iter().collect());
    Ok(Rehearsal {
        from: local_day(gathering.zone, gathering.from),
        to: local_day(gathering.zone, reached),
        stopped_early,
        responses,
        clinicians: by_clinician(&gathering, &staff),
        weeks: gathering.weeks.into_iter().collect(),
        otherwise: gathering
            .otherwise
            .into_iter()
            .map(|gathered| Faring {
                fate: gathered.fate,
                answers: gathered.answers,
                patients: u64::try_from(gathered.patients.len()).unwrap_or(u64::MAX),
                rows: named_rows(gathered.rows, &patients),
            })
            .collect(),
        took: began.elapsed(),
    })
}

fn named_rows(rows: Vec<Row>, names: &HashMap<PatientId, String>) -> Vec<Row> {
    rows.into_iter()
        .map(|row| Row {
            name: names.get(&row.patient).cloned().unwrap_or_default(),
            ..row
        })
        .collect()
}

fn by_clinician(gathering: &Gathering, names: &HashMap<StaffId, String>) -> Vec<OfClinician> {
    let mut all: Vec<OfClinician> = gathering
        .clinicians
        .iter()
        .map(|(id, weeks)| {
            let mut sum = Figures::default();
            for figures in weeks.values() {
                for (whole, part) in [
                    (&mut sum.in_force, figures.in_force),
                    (&mut sum.draft, figures.draft),
                    (&mut sum.really, figures.really),
                ] {
                    whole.crisis += part.crisis;
                    whole.review += part.review;
                }
            }
            OfClinician {
                clinician: names.get(id).cloned().unwrap_or_default(),
                all: sum,
                draft_most_in_a_week: weeks
                    .values()
                    .map(|figures| figures.draft.all())
                    .max()
                    .unwrap_or(0),
            }
        })
        .collect();
    all.sort_by(|a, b| (b.all.draft.all(), &a.clinician).cmp(&(a.all.draft.all(), &b.clinician)));
    all
}
