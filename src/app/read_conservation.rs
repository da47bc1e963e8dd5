//! Whether anything was lost between an answer and a person's act, day by day: the answers that rules name, asked anew of what is stored; the answers that stand on flags;
//! the flags; and where those stand. Each difference is named. `verify` checks the same and more over all data; this is for people, some days at a time.

use super::past_answers::{Found, PAGE, look, read, with_rules};
use super::policy_history::PolicyHistory;
use super::read_caseload::site_zone;
use super::{App, Failure};
use crate::domain::access::{Action, Actor, Subject, decide};
use crate::domain::ids::{FlagAnswerId, FlagId, Id, OrgId, PatientId, ResponseId, kind};
use crate::domain::instrument::Library;
use crate::domain::risk::rules::RiskHit;
use crate::domain::risk::{FlagState, HowAnswered};
use crate::domain::schedule::{local_day, local_instant};
use crate::store::flag::FlagAnswerRow;
use crate::store::past::{self, Flagged, LONGEST_FORM, Raised};
use crate::store::{Fault, Tx, audit};
use chrono::{NaiveDate, NaiveDateTime, TimeDelta};
use chrono_tz::Tz;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::convert::Infallible;

/// Days on one page.
pub const DAYS: u32 = 14;
/// Differences named on one page; more are only counted.
pub const NAMED_MOST: usize = 200;

/// The figures of a day.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Figures {
    /// Answers in stored responses that a rule names.
    pub positive: u64,
    /// Of these: on a flag.
    pub flagged: u64,
    /// Of these: below the site's threshold of their time.
    pub below: u64,
    /// Of these: came with the form before, and are on a flag there.
    pub carried: u64,
    /// Of these: none of that. Must be 0.
    pub missing: u64,
    /// Answers that were put on a flag on this day.
    pub on_flags: u64,
    /// Of these: raised the flag.
    pub raised: u64,
    /// Of these: joined one that waited.
    pub joined: u64,
    /// Of these: raised one that waited.
    pub rose: u64,
    /// Of those on flags: not in the response as it is stored now, for the patient changed the answer afterwards. The flag stays.
    pub changed: u64,
    /// Of those on flags: patients' own words.
    pub words: u64,
    /// Of those on flags: came when their form took no more, and so are in no response.
    pub late: u64,
    /// Flags raised on this day.
    pub flags: u64,
    /// Of these: nobody has it.
    pub open: u64,
    /// Of these: somebody has it.
    pub acknowledged: u64,
    /// Of these: closed.
    pub closed: u64,
}

impl Figures {
    /// Whether every sum comes out.
    #[must_use]
    pub fn balances(&self) -> bool {
        self.missing == 0
            && self.positive == self.flagged + self.below + self.carried
            && self.on_flags == self.raised + self.joined + self.rose
            && self.raised == self.flags
            && self.flags == self.open + self.acknowledged + self.closed
    }

    fn each(&mut self, other: &Figures) {
        for (sum, part) in [
            (&mut self.positive, other.positive),
            (&mut self.flagged, other.flagged),
            (&mut self.below, other.below),
            (&mut self.carried, other.carried),
            (&mut self.missing, other.missing),
            (&mut self.on_flags, other.on_flags),
            (&mut self.raised, other.raised),
            (&mut self.joined, other.joined),
            (&mut self.rose, other.rose),
            (&mut self.changed, other.changed),
            (&mut self.words, other.words),
            (&mut self.late, other.late),
            (&mut self.flags, other.flags),
            (&mut self.open, other.open),
            (&mut self.acknowledged, other.acknowledged),
            (&mut self.closed, other.closed),
        ] {
            *sum += part;
        }
    }
}

/// What does not come out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    /// A rule names the answer, and it is on no flag.
    NoFlag,
    /// The response cannot be read by the definition it names.
    Unreadable,
    /// The answer on the flag is not in its response, and the history does not say that it was changed.
    NotInResponse,
    /// The flag was raised by no answer.
    NoAnswer,
    /// The answer that raised it belongs to a flag that was raised on another day, or to none.
    NoRaisedFlag,
    /// The flag stands in no state that there is.
    NoState,
}

/// A difference, with the row it is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// On which day.
    pub day: NaiveDate,
    /// What it is.
    pub what: What,
    /// The response, where it is about one.
    pub response: Option<ResponseId>,
    /// Whose it is, where that is known.
    pub patient: Option<PatientId>,
    /// The flag, where it is about one.
    pub flag: Option<FlagId>,
}

/// Some days.
#[derive(Debug, Clone)]
pub struct Conservation {
    /// The days, newest first.
    pub days: Vec<(NaiveDate, Figures)>,
    /// All of them together.
    pub all: Figures,
    /// What does not come out; at most [`NAMED_MOST`].
    pub differences: Vec<Difference>,
    /// How many more there are.
    pub more: usize,
    /// Today, on the site's clock.
    pub today: NaiveDate,
}

/// Reads the days up to and with `last`, or up to today. The reading is audited.
///
/// # Errors
/// Denied unless the account answers for a queue.
pub async fn read_conservation(
    app: &App,
    actor: Actor,
    last: Option<NaiveDate>,
) -> Result<Conservation, Failure<Infallible>> {
    let permit = decide(&actor, Action::ReadSafety, Subject::Organisation)?;
    let (now, org, library) = (app.clock.now(), app.org, app.library);
    let audited: Result<(), Fault> = app
        .store
        .write(move |tx| audit::record(tx, &permit, "conservation", None::<Id<kind::Patient>>, now))
        .await;
    audited?;
    let read: Result<Conservation, Fault> = app
        .store
        .read(move |tx| tx.snapshot(|tx| count(tx, (org, library), last, now)))
        .await;
    Ok(read?)
}

/// A span of days, while they are counted.
struct Counting {
    zone: Tz,
    from: NaiveDateTime,
    until: NaiveDateTime,
    days: BTreeMap<NaiveDate, Figures>,
    differences: Vec<Difference>,
}

fn count(
    tx: &mut Tx,
    (org, library): (OrgId, &'static Library),
    last: Option<NaiveDate>,
    now: NaiveDateTime,
) -> Result<Conservation, Fault> {
    let zone = site_zone(tx)?;
    let today = local_day(zone, now);
    let last = last.map_or(today, |last| last.min(today));
    let first = last - TimeDelta::days(i64::from(DAYS) - 1);
    let days = first.iter_days().take_while(|day| *day <= last);
    let mut counting = Counting {
        zone,
        from: local_instant(zone, first, 0),
        until: local_instant(zone, last + TimeDelta::days(1), 0),
        days: days.map(|day| (day, Figures::default())).collect(),
        differences: vec![],
    };
    let stands = counting.count_responses(tx, (org, library))?;
    let flagged = past::flagged_between(tx, org, counting.from, counting.until)?;
    let changed = changed_since(tx, (org, library), &flagged, &stands)?;
    counting.count_flagged(&flagged, &changed);
    let raised = past::raised_between(tx, org, counting.from, counting.until)?;
    counting.count_flags(&raised, &flagged);
    Ok(counting.told(today))
}

/// What became of an answer on a flag that does not stand in its response as it is stored now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Since {
    /// The patient changed it, and the flag's history says so.
    Changed,
    /// It is the patient's own words, which no definition's rule names.
    Words,
    /// It came when the form took no more answers.
    Late,
    /// Nobody says.
    Gone,
}

/// The answers on flags that do not stand in their responses, and why.
fn changed_since(
    tx: &mut Tx,
    (org, library): (OrgId, &'static Library),
    flagged: &[Flagged],
    stands: &HashSet<(FlagId, ResponseId)>,
) -> Result<HashMap<FlagAnswerId, Since>, Fault> {
    let by_rule = |answer: &FlagAnswerRow| {
        library
            .version(&answer.instrument, &answer.version)
            .is_some_and(|known| known.risk_rules.iter().any(|rule| rule.id == answer.rule))
    };
    let mut fates = HashMap::new();
    let mut unsure: Vec<&FlagAnswerRow> = vec![];
    for answer in flagged.iter().map(|one| &one.answer) {
        match answer.response_id {
            Some(id) if stands.contains(&(answer.flag_id, id)) => {}
            Some(_) if by_rule(answer) => unsure.push(answer),
            None if by_rule(answer) => {
                fates.insert(answer.id, Since::Late);
            }
            _ => {
                fates.insert(answer.id, Since::Words);
            }
        }
    }
    for part in unsure.chunks(PAGE) {
        let flags: Vec<FlagId> = part.iter().map(|answer| answer.flag_id).collect();
        let changed = past::changed(tx, org, &flags)?;
        let responses: Vec<ResponseId> = part
            .iter()
            .filter_map(|answer| answer.response_id)
            .collect();
        let stored = past::by_ids(tx, org, &responses)?;
        for answer in part {
            let row = stored.iter().find(|row| Some(row.id) == answer.response_id);
            let hits = row.and_then(|row| read(library, row)).map(|(_, hits)| hits);
            if hits
                .unwrap_or_default()
                .iter()
                .any(|hit| hit.rule.id == answer.rule)
            {
                continue;
            }
            let fate = match changed.contains(&answer.flag_id) {
                true => Since::Changed,
                false => Since::Gone,
            };
            fates.insert(answer.id, fate);
        }
    }
    Ok(fates)
}

impl Counting {
    /// Counts what is stored; says which answers on flags stand in their responses.
    fn count_responses(
        &mut self,
        tx: &mut Tx,
        of: (OrgId, &'static Library),
    ) -> Result<HashSet<(FlagId, ResponseId)>, Fault> {
        let (instruments, policies) = (with_rules(of.1), PolicyHistory::read(tx, of.0)?);
        let mut after = past::key_at(self.from - LONGEST_FORM);
        let before = past::key_at(self.until);
        let mut stands = HashSet::new();
        loop {
            let looked = look(tx, of, &instruments, (after, before))?;
            for id in &looked.unreadable {
                self.name(
                    local_day(self.zone, self.from),
                    What::Unreadable,
                    Some(*id),
                    None,
                    None,
                );
            }
            for found in &looked.found {
                for hit in &found.hits {
                    let flags = found.flagged_by(hit).map(|answer| answer.flag_id);
                    stands.extend(flags.map(|flag| (flag, found.row.id)));
                    self.count_hit(found, hit, &policies);
                }
            }
            match looked.last {
                Some(last) => after = last,
                None => return Ok(stands),
            }
        }
    }

    fn count_hit(&mut self, found: &Found, hit: &RiskHit<'_>, policies: &PolicyHistory) {
        let at = found.saved_at(hit);
        let day = local_day(self.zone, at);
        let Some(figures) = self.days.get_mut(&day) else {
            return;
        };
        figures.positive += 1;
        if found.flag_of(hit).is_some() {
            figures.flagged += 1;
        } else if policies.below_threshold(&found.row, hit) {
            figures.below += 1;
        } else if found.is_flagged_before(hit) {
            figures.carried += 1;
        } else {
            figures.missing += 1;
            let patient = found.whose.as_ref().map(|whose| whose.patient_id);
            self.name(day, What::NoFlag, Some(found.row.id), patient, None);
        }
    }

    fn count_flagged(&mut self, flagged: &[Flagged], fates: &HashMap<FlagAnswerId, Since>) {
        for one in flagged {
            let answer = &one.answer;
            let day = local_day(self.zone, answer.at);
            let Some(figures) = self.days.get_mut(&day) else {
                continue;
            };
            figures.on_flags += 1;
            match answer.how.parse() {
                Ok(HowAnswered::Raised) => figures.raised += 1,
                Ok(HowAnswered::Joined) => figures.joined += 1,
                Ok(HowAnswered::Rose) => figures.rose += 1,
                Err(_) => {}
            }
            match fates.get(&answer.id) {
                None => {}
                Some(Since::Changed) => figures.changed += 1,
                Some(Since::Words) => figures.words += 1,
                Some(Since::Late) => figures.late += 1,
                Some(Since::Gone) => self.name(
                    day,
                    What::NotInResponse,
                    answer.response_id,
                    None,
                    Some(answer.flag_id),
                ),
            }
        }
    }

    fn count_flags(&mut self, raised: &[Raised], flagged: &[Flagged]) {
        let by_answer: HashMap<FlagId, NaiveDate> = flagged
            .iter()
            .filter(|one| one.answer.how == HowAnswered::Raised.word())
            .map(|one| (one.answer.flag_id, local_day(self.zone, one.answer.at)))
            .collect();
        let mut here = HashSet::new();
        for row in raised {
            let day = local_day(self.zone, row.raised_at);
            here.insert((row.id, day));
            let Some(figures) = self.days.get_mut(&day) else {
                continue;
            };
            figures.flags += 1;
            match row.state.parse() {
                Ok(FlagState::Open) => figures.open += 1,
                Ok(FlagState::Acknowledged) => figures.acknowledged += 1,
                Ok(FlagState::Closed) => figures.closed += 1,
                Err(_) => self.name(day, What::NoState, None, None, Some(row.id)),
            }
            if by_answer.get(&row.id) != Some(&day) {
                self.name(day, What::NoAnswer, None, None, Some(row.id));
            }
        }
        for (flag, day) in by_answer {
            if !here.contains(&(flag, day)) {
                self.name(day, What::NoRaisedFlag, None, None, Some(flag));
            }
        }
    }

    fn name(
        &mut self,
        day: NaiveDate,
        what: What,
        response: Option<ResponseId>,
        patient: Option<PatientId>,
        flag: Option<FlagId>,
    ) {
        self.differences.push(Difference {
            day,
            what,
            response,
            patient,
            flag,
        });
    }

    fn told(mut self, today: NaiveDate) -> Conservation {
        let mut all = Figures::default();
        self.days.values().for_each(|figures| all.each(figures));
        self.differences
            .sort_by_key(|one| std::cmp::Reverse(one.day));
        let more = self.differences.len().saturating_sub(NAMED_MOST);
        self.differences.truncate(NAMED_MOST);
        Conservation {
            days: self.days.into_iter().rev().collect(),
            all,
            differences: self.differences,
            more,
            today,
        }
    }
}
