//! How soon people acted on flags over a period, by clinic and program, hour and weekday: always a numerator with its denominator, never a name. Small numbers are hidden
//! from whoever sees no patient. Deadlines are those of the policy and the reading hours that held when the flag was raised; the clocks of a crisis run from the moment the flag
//! became one. The reading is audited.

use super::became_crisis::{Then, became_crisis};
use super::cell::{guarded, quoted};
use super::past_answers::{Onward, each_page};
use super::policy_history::PolicyHistory;
use super::read_sending::clinics;
use super::site_days::{SiteDays, instants, is_held_to_the_grid, site_days};
use super::{App, Failure};
use crate::domain::access::{Action, Actor, Permit, Reach, Subject, decide};
use crate::domain::evaluation::{CountTable, Hiding, Period, Rate, Shown, ShownTable, TooFine};
use crate::domain::ids::{ClinicId, FlagId, Id, ProgramId, kind};
use crate::domain::instrument::Library;
use crate::domain::risk::life::{Times, due_when_passed_on, raised};
use crate::domain::risk::waits::{self, Begun, Wait, waits};
use crate::domain::risk::{Act, FlagState, Tier};
use crate::domain::schedule::office::Office;
use crate::domain::schedule::policy::SendingPolicy;
use crate::domain::schedule::{local_day, local_time};
use crate::store::past::LONGEST_FORM;
use crate::store::policy::{self, Dated};
use crate::store::safety::{self, TimedRow};
use crate::store::{Fault, Tx, audit, organisation};
use chrono::{Datelike, NaiveDate, NaiveDateTime, TimeDelta, Timelike};
use chrono_tz::Tz;
use std::collections::{HashMap, HashSet};

/// Days that are looked back on, unless somebody says otherwise.
pub const DAYS: u64 = 90;
/// The longest period, in days.
pub const DAYS_MOST: i64 = 366;
/// Numbers below this are small: as in the evaluation.
const SMALL: usize = 11;

/// What is counted of flags.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Of {
    /// Crisis flags raised in the period.
    Crisis,
    /// Of these: taken on, or the time for it is over.
    AckDue,
    /// Of those: taken on in time, each time it had to be.
    AckInTime,
    /// Of the crisis flags: closed, or their 24 hours are over.
    CloseDue,
    /// Of those: closed on the calendar day on which they were raised, or became crisis flags.
    ClosedSameDay,
    /// Of those: closed within 24 hours.
    ClosedInADay,
    /// Crisis flags that are closed.
    Closed,
    /// Of those: with a documented assessment.
    Assessed,
    /// Crisis flags that wait and whose deadline is over now.
    OverdueNow,
    /// Flags for review raised in the period.
    Review,
    /// Of these: taken on, or the time for it is over.
    ReviewDue,
    /// Of those: taken on in time.
    ReviewInTime,
    /// Flags whose form was left and is not handed in.
    Unfinished,
}

const COUNTS: usize = Of::Unfinished as usize + 1;

/// Why there is no report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// The period ends before it begins, or is too long.
    Period,
    /// Whoever must not see small numbers asked for a period that is none of the site's.
    TooFine(TooFine),
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Refusal::Period => write!(
                f,
                "Choose a first day and a last day that is not before it, at most {DAYS_MOST} days in all."
            ),
            Refusal::TooFine(why) => write!(f, "Nothing is shown of these days: {why}."),
        }
    }
}

/// Minutes until crisis flags were taken on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Minutes {
    /// Half were taken on within this.
    pub median: i64,
    /// Nine of ten were.
    pub ninetieth: i64,
}

/// The report.
#[derive(Debug, Clone)]
pub struct Timeliness {
    /// The first day.
    pub from: NaiveDate,
    /// The last day.
    pub to: NaiveDate,
    /// Names of the clinics: the rows.
    pub clinics: Vec<String>,
    /// Names of the programs: the columns.
    pub programs: Vec<String>,
    /// Flags by clinic and program.
    pub flags: ShownTable,
    /// Minutes until crisis flags were taken on, by clinic, all at the end; `None` where there are none or they are hidden.
    pub minutes: Vec<Option<Minutes>>,
    /// Crisis flags by the hour in which they were raised, or became crisis flags, 0 to 23; `None` when hidden as a whole.
    pub hours: Option<ShownTable>,
    /// The same by weekday, Monday first.
    pub weekdays: Option<ShownTable>,
    /// Answers below the site's threshold.
    pub below: Shown,
    /// Whether small numbers are hidden.
    pub hides: bool,
}

impl Timeliness {
    /// One count over another, of a clinic and a program; the number of rows or columns asks for all.
    #[must_use]
    pub fn rate(&self, clinic: usize, program: usize, of: Of, all: Of) -> Rate {
        let at = |count: Of| self.flags.at(clinic, program, count as usize);
        Rate::of(at(of), at(all))
    }

    /// Crisis flags taken on in time, of an hour or weekday.
    #[must_use]
    pub fn in_time(table: &ShownTable, row: usize) -> Rate {
        let at = |count: Of| table.at(row, 0, count as usize);
        Rate::of(at(Of::AckInTime), at(Of::AckDue))
    }
}

/// Reads the report.
///
/// # Errors
/// See [`Refusal`]. Denied by role.
pub async fn read_timeliness(
    app: &App,
    actor: Actor,
    period: Option<(NaiveDate, NaiveDate)>,
) -> Result<Timeliness, Failure<Refusal>> {
    let (now, library) = (app.clock.now(), app.library);
    let permit = decide(&actor, Action::Evaluate, Subject::Organisation)?;
    let days: Result<SiteDays, Fault> = app.store.read(move |tx| site_days(tx, now)).await;
    let days = days?;
    let period = asked(&actor, period, &days).map_err(Failure::Refused)?;
    let zone = days.zone;
    let span = instants(zone, period);
    let asked = permit.clone();
    let audited: Result<(), Fault> = app
        .store
        .write(move |tx| audit::record(tx, &asked, "timeliness", None::<Id<kind::Patient>>, now))
        .await;
    audited?;
    let hiding = match permit.reach() {
        Reach::Clinics(_) => Hiding::Nothing,
        Reach::Everything => Hiding::SmallCells,
    };
    let reader = permit.clone();
    let read: Result<Gathered, Fault> = app
        .store
        .read(move |tx| tx.snapshot(|tx| gather(tx, &reader, (zone, library), span, now)))
        .await;
    let gathered = read?;
    let below = count_below(app, &permit, &gathered.policies, span).await?;
    // Hiding small numbers is arithmetic: it must hold neither a database thread nor one that serves pages.
    tokio::task::spawn_blocking(move || gathered.into_report(period, below, hiding))
        .await
        .map_err(|_| Failure::Fault(Fault::Bug))
}

/// The period somebody asks for and may be shown; `None`: the usual one.
fn asked(
    actor: &Actor,
    wanted: Option<(NaiveDate, NaiveDate)>,
    days: &SiteDays,
) -> Result<Period, Refusal> {
    let held = is_held_to_the_grid(actor);
    let usual = match held {
        true => days.grid.newest(days.today),
        false => Period::ending(days.today, DAYS),
    };
    let Some((from, to)) = wanted else {
        return Ok(usual);
    };
    let period = Period::new(from, to)
        .ok()
        .filter(|_| (to - from).num_days() < DAYS_MOST)
        .ok_or(Refusal::Period)?;
    if held {
        let allowed = days.grid.allows(period, days.today);
        allowed.map_err(Refusal::TooFine)?;
    }
    Ok(period)
}

/// The numbers before small ones are hidden.
struct Gathered {
    clinics: Vec<String>,
    programs: Vec<String>,
    flags: CountTable,
    hours: CountTable,
    weekdays: CountTable,
    minutes: Vec<Vec<i64>>,
    policies: PolicyHistory,
}

/// What is needed to judge a flag.
struct Judging {
    zone: Tz,
    now: NaiveDateTime,
    policies: PolicyHistory,
    sending: Vec<Dated<SendingPolicy>>,
    acts: HashMap<FlagId, Vec<(Act, NaiveDateTime)>>,
    assessed: HashSet<FlagId>,
    /// From when on those were crisis flags that were raised for review.
    became_crisis: HashMap<FlagId, NaiveDateTime>,
}

fn gather(
    tx: &mut Tx,
    permit: &Permit,
    place: (Tz, &'static Library),
    (from, until): (NaiveDateTime, NaiveDateTime),
    now: NaiveDateTime,
) -> Result<Gathered, Fault> {
    let org = permit.org();
    let clinics = clinics(tx, permit)?;
    let mut programs: Vec<(ProgramId, String)> = organisation::programs(tx, org)?
        .into_iter()
        .map(|row| (row.id, row.name))
        .collect();
    programs.sort_by(|a, b| a.1.cmp(&b.1));
    let judging = Judging::read(tx, permit, place, (from, until), now)?;
    let mut gathered = Gathered {
        flags: CountTable::new(clinics.len(), programs.len(), COUNTS),
        hours: CountTable::new(24, 1, COUNTS),
        weekdays: CountTable::new(7, 1, COUNTS),
        minutes: vec![vec![]; clinics.len() + 1],
        clinics: vec![],
        programs: vec![],
        policies: judging.policies.clone(),
    };
    for row in safety::flags_between(tx, permit, from, until)? {
        gathered.add(&judging, &row, &clinics, &programs);
    }
    gathered.clinics = clinics.into_iter().map(|(_, name)| name).collect();
    gathered.programs = programs.into_iter().map(|(_, name)| name).collect();
    Ok(gathered)
}

impl Judging {
    fn read(
        tx: &mut Tx,
        permit: &Permit,
        (zone, library): (Tz, &'static Library),
        (from, until): (NaiveDateTime, NaiveDateTime),
        now: NaiveDateTime,
    ) -> Result<Judging, Fault> {
        let org = permit.org();
        let wanted = waits::READ.map(Act::word);
        let mut acts: HashMap<FlagId, Vec<(Act, NaiveDateTime)>> = HashMap::new();
        for (flag, act, _, at) in safety::acts_between(tx, org, &wanted, from, until)? {
            acts.entry(flag).or_default().push((act.parse()?, at));
        }
        let policies = PolicyHistory::read(tx, org)?;
        let then = Then {
            library,
            policies: &policies,
            zone,
        };
        Ok(Judging {
            zone,
            now,
            became_crisis: became_crisis(tx, org, (from, until), then)?,
            policies,
            sending: policy::every(tx, org, SendingPolicy::KIND)?,
            acts,
            assessed: safety::assessed_between(tx, org, from, until)?,
        })
    }

    /// When the site read at a moment.
    fn office(&self, moment: NaiveDateTime) -> Office {
        let held = self.sending.iter().rev().find(|one| one.from <= moment);
        Office {
            hours: held.map_or_else(
                || SendingPolicy::default().reading,
                |version| version.rules.reading.clone(),
            ),
            zone: self.zone,
        }
    }

    /// By when a flag that began to wait had to be taken on.
    fn due(&self, row: &TimedRow, tier: Tier, wait: Wait) -> NaiveDateTime {
        let office = self.office(wait.began);
        let times = Times {
            clocks: &self.policies.version(row.policy).clocks,
            office: &office,
        };
        match wait.begun {
            Begun::Anew => raised(tier, wait.began, times).due_at,
            Begun::PassedOn => due_when_passed_on(tier, wait.began, times),
        }
    }

    /// The times in which it waited for somebody to take it on.
    fn waits(&self, row: &TimedRow) -> Vec<Wait> {
        let acts = self.acts.get(&row.id).map_or(&[][..], Vec::as_slice);
        let became = self.became_crisis.get(&row.id).copied();
        waits(row.raised_at, acts, became)
    }

    /// From when on a crisis flag was one.
    fn crisis_since(&self, row: &TimedRow) -> NaiveDateTime {
        let became = self.became_crisis.get(&row.id).copied();
        became.unwrap_or(row.raised_at)
    }

    /// When somebody took a crisis flag on for the first time since it was one.
    fn crisis_taken_on(&self, row: &TimedRow) -> Option<NaiveDateTime> {
        let since = self.crisis_since(row);
        let mut waits = self.waits(row).into_iter();
        waits.find(|wait| wait.began >= since)?.ended
    }

    /// Whether it was taken on in time each time it had to be; `None` while there is still time.
    fn taken_on_in_time(&self, row: &TimedRow, tier: Tier) -> Option<bool> {
        let mut open = false;
        let since = self.crisis_since(row);
        for wait in self.waits(row) {
            let tier = match wait.began < since {
                true => Tier::Review,
                false => tier,
            };
            let due = self.due(row, tier, wait);
            match wait.ended {
                Some(at) if at <= due => {}
                None if self.now <= due => open = true,
                _ => return Some(false),
            }
        }
        (!open).then_some(true)
    }

    fn counts(&self, row: &TimedRow) -> Vec<Of> {
        let mut counts = vec![];
        let tier = row.tier.parse().unwrap_or(Tier::Crisis);
        let in_time = self.taken_on_in_time(row, tier);
        let (all, due, kept) = match tier {
            Tier::Crisis => (Of::Crisis, Of::AckDue, Of::AckInTime),
            Tier::Review => (Of::Review, Of::ReviewDue, Of::ReviewInTime),
        };
        counts.push(all);
        match in_time {
            Some(true) => counts.extend([due, kept]),
            Some(false) => counts.push(due),
            None => {}
        }
        if row.unfinished_at.is_some() {
            counts.push(Of::Unfinished);
        }
        if tier == Tier::Crisis {
            self.count_closing(row, &mut counts);
        }
        counts
    }

    fn count_closing(&self, row: &TimedRow, counts: &mut Vec<Of>) {
        let since = self.crisis_since(row);
        let a_day = since + TimeDelta::hours(24);
        if row.closed_at.is_some() || self.now > a_day {
            counts.push(Of::CloseDue);
        }
        let day = |at: NaiveDateTime| local_day(self.zone, at);
        if let Some(closed) = row.closed_at {
            counts.push(Of::Closed);
            if day(closed) == day(since) {
                counts.push(Of::ClosedSameDay);
            }
            if closed <= a_day {
                counts.push(Of::ClosedInADay);
            }
            if self.assessed.contains(&row.id) {
                counts.push(Of::Assessed);
            }
        }
        let waits = row.state != FlagState::Closed.word();
        if waits && row.due_at.is_some_and(|due| due < self.now) {
            counts.push(Of::OverdueNow);
        }
    }
}

impl Gathered {
    fn add(
        &mut self,
        judging: &Judging,
        row: &TimedRow,
        clinics: &[(ClinicId, String)],
        programs: &[(ProgramId, String)],
    ) {
        let clinic = clinics.iter().position(|(id, _)| *id == row.clinic_id);
        let program = programs.iter().position(|(id, _)| *id == row.program_id);
        let (Some(clinic), Some(program)) = (clinic, program) else {
            return;
        };
        let counts = judging.counts(row);
        let part_of: Vec<usize> = counts.iter().map(|count| *count as usize).collect();
        self.flags.add(clinic, program, &part_of, 1);
        if !counts.contains(&Of::Crisis) {
            return;
        }
        let timed = [Of::Crisis, Of::AckDue, Of::AckInTime];
        let timed: Vec<usize> = timed
            .into_iter()
            .filter(|count| counts.contains(count))
            .map(|count| count as usize)
            .collect();
        let since = judging.crisis_since(row);
        let local = local_time(judging.zone, since);
        let hour = usize::try_from(local.hour()).unwrap_or(0);
        let weekday = usize::try_from(local.weekday().num_days_from_monday()).unwrap_or(0);
        self.hours.add(hour, 0, &timed, 1);
        self.weekdays.add(weekday, 0, &timed, 1);
        if let Some(at) = judging.crisis_taken_on(row) {
            let minutes = (at - since).num_minutes();
            let all = self.minutes.len() - 1;
            for place in [clinic, all] {
                if let Some(list) = self.minutes.get_mut(place) {
                    list.push(minutes);
                }
            }
        }
    }

    fn into_report(self, period: Period, below: u64, hiding: Hiding) -> Timeliness {
        let flags = self.flags.shown(hiding);
        let (rows, columns) = (flags.rows(), flags.columns());
        // The same flags by hour add up to the same totals: where one of those is hidden, the sums would tell it.
        let told = [Of::Crisis, Of::AckDue, Of::AckInTime]
            .map(|count| flags.at(rows, columns, count as usize))
            .iter()
            .all(|shown| shown.value().is_some());
        let by_time = |table: CountTable| told.then(|| table.shown(hiding));
        let few = |list: &Vec<i64>| hiding == Hiding::SmallCells && list.len() < SMALL;
        let minutes = self.minutes.into_iter().enumerate().map(|(row, list)| {
            let hidden = flags.at(row, columns, Of::AckDue as usize) == Shown::Suppressed;
            if few(&list) || hidden {
                None
            } else {
                minutes_of(list)
            }
        });
        Timeliness {
            from: period.from(),
            to: period.to(),
            minutes: minutes.collect(),
            clinics: self.clinics,
            programs: self.programs,
            flags,
            hours: by_time(self.hours),
            weekdays: by_time(self.weekdays),
            below: match (hiding, below) {
                (Hiding::SmallCells, 1..=10) => Shown::Suppressed,
                (_, n) => Shown::Count(n),
            },
            hides: hiding == Hiding::SmallCells,
        }
    }
}

/// Median and 90th percentile by nearest rank; `None` of nothing.
fn minutes_of(mut list: Vec<i64>) -> Option<Minutes> {
    list.sort_unstable();
    let ranked = |percent: usize| {
        let rank = (list.len() * percent).div_ceil(100).max(1);
        list.get(rank - 1).copied()
    };
    Some(Minutes {
        median: ranked(50)?,
        ninetieth: ranked(90)?,
    })
}

/// Answers within reach that the site's threshold of their time lay above. A site that never raised one has none, and nothing has to be gone through.
async fn count_below(
    app: &App,
    permit: &Permit,
    policies: &PolicyHistory,
    (from, until): (NaiveDateTime, NaiveDateTime),
) -> Result<u64, Fault> {
    if policies.never_raised_a_threshold() {
        return Ok(0);
    }
    let within = |clinic: ClinicId| match permit.reach() {
        Reach::Everything => true,
        Reach::Clinics(own) => own.contains(&clinic),
    };
    let mut below = 0;
    each_page(app, from - LONGEST_FORM, until, |page| {
        for found in page.found {
            let here = found
                .whose
                .as_ref()
                .is_some_and(|whose| within(whose.clinic_id));
            let hits = found.hits.iter().filter(|hit| {
                let at = found.saved_at(hit);
                here && from <= at
                    && at < until
                    && found.flag_of(hit).is_none()
                    && policies.below_threshold(&found.row, hit)
            });
            below += u64::try_from(hits.count()).unwrap_or(0);
        }
        Onward::More
    })
    .await?;
    Ok(below)
}

/// The figures that the file and the page show of a place: a word for the file, the count and what it is of.
pub const RATES: [(&str, Of, Of); 9] = [
    ("crisis_taken_on_in_time", Of::AckInTime, Of::AckDue),
    ("crisis_closed_same_day", Of::ClosedSameDay, Of::CloseDue),
    ("crisis_closed_within_24_h", Of::ClosedInADay, Of::CloseDue),
    ("crisis_closed", Of::Closed, Of::Crisis),
    ("crisis_closed_with_assessment", Of::Assessed, Of::Closed),
    ("crisis_overdue_now", Of::OverdueNow, Of::Crisis),
    ("review_taken_on_in_time", Of::ReviewInTime, Of::ReviewDue),
    ("crisis", Of::Crisis, Of::Crisis),
    ("review", Of::Review, Of::Review),
];

/// Days of the week, as rows are named.
pub const WEEKDAYS: [&str; 7] = [
    "Monday",
    "Tuesday",
    "Wednesday",
    "Thursday",
    "Friday",
    "Saturday",
    "Sunday",
];

/// The report as a file: one row a measure and place, numerator beside denominator.
#[must_use]
pub fn csv(report: &Timeliness) -> String {
    let mut lines = vec!["from,to,measure,clinic,program,hour,weekday,count,of,share".to_owned()];
    let period = format!("{},{}", report.from, report.to);
    for clinic in 0..=report.clinics.len() {
        for program in 0..=report.programs.len() {
            let name = report
                .clinics
                .get(clinic)
                .map_or("all clinics", String::as_str);
            let other = report
                .programs
                .get(program)
                .map_or("all programs", String::as_str);
            for (word, of, all) in RATES {
                let rate = report.rate(clinic, program, of, all);
                lines.push(line(&period, word, [name, other, "", ""], &rate));
            }
        }
    }
    for (table, is_hour) in [(&report.hours, true), (&report.weekdays, false)] {
        let Some(table) = table else { continue };
        for row in 0..table.rows() {
            let rate = Timeliness::in_time(table, row);
            let hour = row.to_string();
            let place = match is_hour {
                true => ["", "", &hour, ""],
                false => ["", "", "", WEEKDAYS.get(row).copied().unwrap_or_default()],
            };
            lines.push(line(&period, "crisis_taken_on_in_time", place, &rate));
        }
    }
    for (clinic, minutes) in report.minutes.iter().enumerate() {
        let name = report
            .clinics
            .get(clinic)
            .map_or("all clinics", String::as_str);
        let name = quoted(&guarded(name));
        let Some(minutes) = minutes else { continue };
        let (median, ninetieth) = (minutes.median, minutes.ninetieth);
        lines.push(format!(
            "{period},crisis_minutes_median,{name},all programs,,,{median},,"
        ));
        lines.push(format!(
            "{period},crisis_minutes_90th,{name},all programs,,,{ninetieth},,"
        ));
    }
    let below = report.below;
    lines.push(format!(
        "{period},answers_below_threshold,all clinics,all programs,,,{below},,"
    ));
    lines.push(String::new());
    lines.join("\r\n")
}

fn line(period: &str, measure: &str, place: [&str; 4], rate: &Rate) -> String {
    let hidden = [rate.numerator, rate.denominator].contains(&Shown::Suppressed);
    let share = match rate.share {
        _ if hidden => "suppressed".to_owned(),
        Some(share) => format!("{share:.4}"),
        None => String::new(),
    };
    let place = place.map(|words| quoted(&guarded(words)));
    format!(
        "{period},{measure},{},{},{},{share}",
        place.join(","),
        rate.numerator,
        rate.denominator
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_values_that_were_seen() {
        assert_eq!(minutes_of(vec![]), None);
        let minutes = minutes_of((1..=10).collect()).unwrap();
        assert_eq!((minutes.median, minutes.ninetieth), (5, 9));
        let one = minutes_of(vec![7]).unwrap();
        assert_eq!((one.median, one.ninetieth), (7, 7));
    }
}
