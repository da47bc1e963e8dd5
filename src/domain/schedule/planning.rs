//! What is asked now, what is left out and why, and when to look again: decided for all plans of an episode at once. The dates themselves are `dates`',
//! what fits into a month is `burden`'s. The preview is the same decision, made again and again.

use super::burden::{Asked, BUDGET_DAYS, Wish, battery};
use super::dates::{Calendar, Occasion, same_occasion, session_of};
use super::{Cadence, PlanRole, local_day, local_moment};
use crate::domain::ids::PlanId;
use chrono::{NaiveDate, NaiveDateTime, NaiveTime, TimeDelta};
use std::collections::{BTreeMap, BTreeSet};

/// A form that is asked so much later than it fell due is late: it waits for the hours in which a message may reach the patient. A turn takes seconds.
const LATE_AFTER: TimeDelta = TimeDelta::minutes(10);
/// A new plan still asks for what fell due so shortly before it was made; `stale_at` says the rest.
const LOOKS_BACK: TimeDelta = TimeDelta::days(7);
/// How far before its session an occasion can fall due: a week ahead, moved out of quiet hours.
const SESSION_AHEAD_MOST: TimeDelta = TimeDelta::days(10);

/// Stands for the form of today in a battery: nothing of it is ever dropped.
const NO_PLAN: PlanId = PlanId::from_uuid(uuid::Uuid::nil());

/// A plan of the episode.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Planned {
    /// Id.
    pub id: PlanId,
    /// Core or supplement.
    pub role: PlanRole,
    /// Among supplements: what is dropped last stands first.
    pub position: i32,
    /// Instruments in order of asking.
    pub instruments: Vec<String>,
    /// How often.
    pub cadence: Cadence,
    /// The day it counts from.
    pub anchor: NaiveDate,
    /// When the first occasion that nothing has become of yet falls due, UTC, as far as it was known when somebody looked last.
    pub awaits: Option<NaiveDateTime>,
}

/// A form this patient was asked before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Earlier {
    /// When it fell due, UTC.
    pub at: NaiveDateTime,
    /// What it asked.
    pub instruments: Vec<String>,
    /// Seconds it takes.
    pub seconds: u32,
    /// The ids of the sessions before which plans of this episode asked it, stopped plans too.
    pub sessions: BTreeSet<String>,
    /// Whether another occasion of its day may be joined to it.
    pub joining: Joining,
}

/// Whether another occasion of the day may be joined to a form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Joining {
    /// A plan of this episode asked for it and nobody has begun.
    Open,
    /// A plan of this episode asked for it and it was begun.
    Begun,
    /// A plan of this episode asked for it and it ended before anybody began.
    Ended,
    /// No plan of this episode asked for it.
    Apart,
}

/// Why nothing is sent for a while.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bar {
    /// Until when; `None`: until somebody ends it.
    pub until: Option<NaiveDateTime>,
    /// In words for staff.
    pub why: String,
}

/// Everything the decision follows from.
#[derive(Debug, Clone)]
pub struct Situation {
    /// Dates.
    pub calendar: Calendar,
    /// Plans that were not stopped, in any order.
    pub plans: Vec<Planned>,
    /// Occasions of which something has become.
    pub settled: BTreeSet<(PlanId, String)>,
    /// What this patient was asked lately, in all episodes of care.
    pub earlier: Vec<Earlier>,
    /// Why nothing is sent.
    pub bars: Vec<Bar>,
    /// Seconds a month may ask.
    pub budget_s: u32,
    /// Seconds of each instrument, or why it may not be asked.
    pub instruments: BTreeMap<String, Result<u32, String>>,
}

/// What becomes of an occasion.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It is asked, with this decision's form.
    Asked,
    /// It was asked already, today or before the same session, with the form of that place in `earlier`.
    Covered(usize),
    /// The burden is too large.
    Dropped(String),
    /// It is not kept for another reason.
    Skipped(Skipped),
}

/// Why an occasion is not kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Skipped {
    /// Nothing ran while it could have been asked.
    Stale,
    /// The episode of care had ended.
    Ended,
    /// The patient could not be reached before the session at a time that suits them.
    NoHour,
    /// Another form had been begun that day, and by the next it is too late.
    AnotherToday,
    /// Another form of that day had ended before anybody began it, and by the next day it is too late.
    EndedToday,
    /// A pause, or the patient's own wish.
    Barred(String),
    /// An instrument may not be asked here.
    NotPermitted(String),
}

impl std::fmt::Display for Skipped {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Skipped::Stale => {
                f.write_str("not sent: nothing was running when it was due, and it is too late now")
            }
            Skipped::Ended => f.write_str("not sent: the episode of care had ended"),
            Skipped::NoHour => f.write_str(
                "not sent: there was no hour left before the session at which this patient may be written to",
            ),
            Skipped::AnotherToday => {
                f.write_str("not sent: another form had been begun that day, and one a day is enough")
            }
            Skipped::EndedToday => f.write_str(
                "not sent: another form of that day had ended without being answered, and one a day is enough",
            ),
            Skipped::Barred(why) | Skipped::NotPermitted(why) => write!(f, "not sent: {why}"),
        }
    }
}

/// One occasion with what becomes of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// Whose.
    pub plan: PlanId,
    /// Which.
    pub occasion: Occasion,
    /// What becomes of it.
    pub outcome: Outcome,
}

/// The one form that is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Form {
    /// When it leaves, UTC.
    pub due_at: NaiveDateTime,
    /// Until when it takes answers if nobody opens it, UTC.
    pub expires_at: NaiveDateTime,
    /// What it asks, each once; with what the form it joins asks already.
    pub instruments: Vec<String>,
    /// What it takes, in seconds; with what the form it joins asks already.
    pub seconds: u32,
    /// The place in `earlier` of the form of today it is joined to, if there is one.
    pub joins: Option<usize>,
}

/// When a plan is looked at next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Look {
    /// Whose.
    pub plan: PlanId,
    /// When to look, UTC; `None` when nothing lies ahead.
    pub at: Option<NaiveDateTime>,
    /// When what is looked for falls due, UTC. Earlier than `at` when it waits for a better hour.
    pub awaits: Option<NaiveDateTime>,
}

/// What is to be done now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// What becomes of each occasion of which nothing had become.
    pub verdicts: Vec<Verdict>,
    /// The form, if one is asked.
    pub form: Option<Form>,
    /// When to look again, for each plan.
    pub looks: Vec<Look>,
}

/// An occasion of which nothing has become yet.
#[derive(Debug, Clone)]
struct Pending<'a> {
    plan: &'a Planned,
    occasion: Occasion,
}

impl Pending<'_> {
    fn verdict(&self, outcome: Outcome) -> Verdict {
        Verdict {
            plan: self.plan.id,
            occasion: self.occasion.clone(),
            outcome,
        }
    }
}

/// Decides what is asked at `now`. All that falls due on the same local day leaves together, at the first of its moments.
pub fn decide(situation: &Situation, now: NaiveDateTime) -> Decision {
    let calendar = &situation.calendar;
    let today = local_day(calendar.zone, now);
    let tomorrow = local_moment(calendar.zone, today + TimeDelta::days(1), NaiveTime::MIN);
    let mut live: Vec<Pending> = situation
        .plans
        .iter()
        .flat_map(|plan| pending(situation, plan, now, tomorrow))
        .collect();
    let mut verdicts = vec![];
    live.retain(|one| {
        let over = situation.over(one, now).map(Outcome::Skipped);
        let settled = over.or_else(|| situation.asked_before(one).map(Outcome::Covered));
        let is_live = settled.is_none();
        verdicts.extend(settled.map(|outcome| one.verdict(outcome)));
        is_live
    });
    let mut waits_until = None;
    if let Some(first) = earliest(&live, now) {
        let late = first + LATE_AFTER < now;
        let opening = calendar.hours.next(now);
        if late && opening > now {
            // What no hour is left for is over; the rest waits.
            live.retain(|one| {
                let in_time = one.occasion.stale_at > opening;
                if !in_time {
                    verdicts.push(one.verdict(Outcome::Skipped(Skipped::NoHour)));
                }
                in_time
            });
            waits_until = Some(opening);
        }
    }
    let mut form = None;
    if earliest(&live, now).is_some() && waits_until.is_none() {
        situation.drop_not_permitted(&mut live, &mut verdicts);
        match situation.form_of(today) {
            Some((place, closed)) if closed.joining != Joining::Open => {
                let opening = calendar.hours.next(tomorrow);
                give_way(&mut live, place, closed, opening, &mut verdicts);
                waits_until = Some(opening).filter(|_| !live.is_empty());
            }
            joins => form = situation.ask(&live, joins, today, now, &mut verdicts),
        }
    }
    let looks = situation
        .plans
        .iter()
        .map(|plan| situation.look(plan, &verdicts, waits_until, now))
        .collect();
    Decision {
        verdicts,
        form,
        looks,
    }
}

/// When each plan is looked at first, or again after something changed; nothing is asked.
pub fn looks(situation: &Situation, now: NaiveDateTime) -> Vec<Look> {
    let plans = situation.plans.iter();
    plans
        .map(|plan| situation.look(plan, &[], None, now))
        .collect()
}

/// When a new plan of a new episode falls due first.
pub fn first_due(plan: Planned, calendar: Calendar, now: NaiveDateTime) -> Option<NaiveDateTime> {
    let situation = Situation {
        calendar,
        plans: vec![plan],
        settled: BTreeSet::new(),
        earlier: vec![],
        bars: vec![],
        budget_s: 0,
        instruments: BTreeMap::new(),
    };
    looks(&situation, now).into_iter().find_map(|look| look.at)
}

/// Today's form takes nothing more, and one a day is enough: what it asked is done with, the rest waits for tomorrow's opening if that is not too late for it.
fn give_way(
    live: &mut Vec<Pending>,
    place: usize,
    today: &Earlier,
    opening: NaiveDateTime,
    verdicts: &mut Vec<Verdict>,
) {
    let begun = today.joining == Joining::Begun;
    live.retain(|one| {
        let mut asks = one.plan.instruments.iter();
        let outcome = if begun && asks.all(|id| today.instruments.contains(id)) {
            Outcome::Covered(place)
        } else if one.occasion.stale_at > opening {
            return true;
        } else if begun {
            Outcome::Skipped(Skipped::AnotherToday)
        } else {
            Outcome::Skipped(Skipped::EndedToday)
        };
        verdicts.push(one.verdict(outcome));
        false
    });
}

fn earliest(live: &[Pending], now: NaiveDateTime) -> Option<NaiveDateTime> {
    let due = live.iter().map(|one| one.occasion.due_at);
    due.filter(|at| *at <= now).min()
}

/// What nothing has become of and falls due before `until`.
fn pending<'a>(
    situation: &Situation,
    plan: &'a Planned,
    now: NaiveDateTime,
    until: NaiveDateTime,
) -> Vec<Pending<'a>> {
    let since = plan
        .awaits
        .filter(|awaited| *awaited <= now)
        .unwrap_or(now - LOOKS_BACK);
    let is_new = plan.awaits.is_none_or(|awaited| awaited > now);
    situation
        .calendar
        .occasions(
            &plan.cadence,
            plan.anchor,
            since.min(now - SESSION_AHEAD_MOST),
            until,
        )
        .into_iter()
        .filter(|occasion| occasion.due_at < until)
        // A session that lies ahead is asked for however late it became known; of other things, what was over before anybody waited for it is no business
        // of this plan.
        .filter(|occasion| {
            let awaited = occasion.due_at >= since && !(is_new && occasion.stale_at <= now);
            awaited || (is_of_session(&plan.cadence) && occasion.stale_at > now)
        })
        .filter(|occasion| !situation.is_settled(plan.id, &occasion.name))
        .map(|occasion| Pending { plan, occasion })
        .collect()
}

fn is_of_session(cadence: &Cadence) -> bool {
    matches!(
        cadence,
        Cadence::BeforeSession { .. } | Cadence::AtSessions { .. }
    )
}

impl Situation {
    fn is_settled(&self, plan: PlanId, name: &str) -> bool {
        let of_plan = (plan, String::new())..;
        self.settled
            .range(of_plan)
            .take_while(|(known, _)| *known == plan)
            .any(|(_, known)| same_occasion(known, name))
    }

    /// Why an occasion that was due cannot be asked any more, whatever else is due.
    fn over(&self, one: &Pending, now: NaiveDateTime) -> Option<Skipped> {
        if one.occasion.due_at > now {
            return None;
        }
        let bar = || {
            self.bars
                .iter()
                .find(|bar| bar.until.is_none_or(|until| until > now))
        };
        if one.occasion.stale_at <= now {
            Some(Skipped::Stale)
        } else if self.has_ended(now) && !one.plan.cadence.asks_after_the_end() {
            Some(Skipped::Ended)
        } else {
            bar().map(|bar| Skipped::Barred(bar.why.clone()))
        }
    }

    /// The form that asked all of it before the same session: for another plan, as a rule one that was stopped since and that this one stands in for.
    fn asked_before(&self, one: &Pending) -> Option<usize> {
        let session = session_of(&one.occasion.name)?;
        self.earlier.iter().position(|form| {
            let mut asks = one.plan.instruments.iter();
            form.sessions.contains(session)
                && form.joining != Joining::Ended
                && asks.all(|id| form.instruments.contains(id))
        })
    }

    fn has_ended(&self, now: NaiveDateTime) -> bool {
        let today = local_day(self.calendar.zone, now);
        self.calendar.ended.is_some_and(|(last, _)| last <= today)
    }

    fn drop_not_permitted(&self, live: &mut Vec<Pending>, verdicts: &mut Vec<Verdict>) {
        live.retain(|one| {
            let why = self.not_permitted(one.plan);
            let skipped = why.map(|why| one.verdict(Outcome::Skipped(Skipped::NotPermitted(why))));
            let permitted = skipped.is_none();
            verdicts.extend(skipped);
            permitted
        });
    }

    /// One form of all that is live, or what is put into the form of today that nobody has begun.
    fn ask(
        &self,
        live: &[Pending],
        joins: Option<(usize, &Earlier)>,
        today: NaiveDate,
        now: NaiveDateTime,
        verdicts: &mut Vec<Verdict>,
    ) -> Option<Form> {
        let mut live: Vec<&Pending> = live.iter().collect();
        let asked = self.battery(&live, joins.map(|(_, form)| form), now);
        live.retain(|one| {
            let words = asked.dropped.iter().find(|(plan, _)| *plan == one.plan.id);
            verdicts.push(one.verdict(match words {
                Some((_, words)) => Outcome::Dropped(words.clone()),
                None => Outcome::Asked,
            }));
            words.is_none()
        });
        let expires_at = live
            .iter()
            .map(|one| one.occasion.expires_at)
            .chain(joins.map(|(_, form)| self.calendar.window_from(form.at)))
            .max()?;
        if live.is_empty() {
            return None;
        }
        let first = live.iter().map(|one| one.occasion.due_at).min()?;
        let due_at = if local_day(self.calendar.zone, first) == today {
            first
        } else {
            now
        };
        Some(Form {
            due_at: joins.map_or(due_at, |(_, form)| form.at),
            expires_at: expires_at.max(self.late_window(&live, due_at)),
            instruments: asked.instruments,
            seconds: asked.seconds,
            joins: joins.map(|(place, _)| place),
        })
    }

    /// A recurring form that leaves late has its whole window all the same.
    fn late_window(&self, live: &[&Pending], due_at: NaiveDateTime) -> NaiveDateTime {
        if live.iter().all(|one| is_of_session(&one.plan.cadence)) {
            due_at
        } else {
            self.calendar.window_from(due_at)
        }
    }

    /// The form a plan of this episode asked for today.
    fn form_of(&self, today: NaiveDate) -> Option<(usize, &Earlier)> {
        self.earlier
            .iter()
            .enumerate()
            .filter(|(_, form)| form.joining != Joining::Apart)
            .rfind(|(_, form)| local_day(self.calendar.zone, form.at) == today)
    }

    fn not_permitted(&self, plan: &Planned) -> Option<String> {
        plan.instruments
            .iter()
            .find_map(|id| match self.instruments.get(id) {
                Some(Ok(_)) => None,
                Some(Err(why)) => Some(why.clone()),
                None => Some(format!("there is no instrument {id:?}")),
            })
    }

    fn battery(&self, live: &[&Pending], joined: Option<&Earlier>, now: NaiveDateTime) -> Asked {
        let mut plans: Vec<&Planned> = live.iter().map(|one| one.plan).collect();
        plans.sort_by_key(|plan| (plan.role, plan.position, plan.id));
        plans.dedup_by_key(|plan| plan.id);
        let (core, supplements): (Vec<&Planned>, Vec<&Planned>) = plans
            .into_iter()
            .partition(|plan| plan.role == PlanRole::Core);
        // What today's form asks already stands, like a core.
        let stands = joined.map(|form| self.wish(NO_PLAN, &form.instruments));
        let core: Vec<Wish> = stands
            .into_iter()
            .chain(
                core.iter()
                    .map(|plan| self.wish(plan.id, &plan.instruments)),
            )
            .collect();
        let supplements: Vec<Wish> = supplements
            .iter()
            .map(|plan| self.wish(plan.id, &plan.instruments))
            .collect();
        let asked_s = self.asked_s(now) - joined.map_or(0, |form| form.seconds);
        battery(&core, &supplements, asked_s, self.budget_s)
    }

    fn wish(&self, plan: PlanId, instruments: &[String]) -> Wish {
        let seconds = |id: &String| match self.instruments.get(id) {
            Some(Ok(seconds)) => *seconds,
            _ => 0,
        };
        Wish {
            plan,
            instruments: instruments
                .iter()
                .map(|id| (id.clone(), seconds(id)))
                .collect(),
        }
    }

    /// Seconds asked of this patient in the thirty days before, today included.
    fn asked_s(&self, now: NaiveDateTime) -> u32 {
        let since = now - TimeDelta::days(BUDGET_DAYS);
        self.earlier
            .iter()
            .filter(|form| form.at > since)
            .map(|form| form.seconds)
            .sum()
    }

    fn look(
        &self,
        plan: &Planned,
        verdicts: &[Verdict],
        waits_until: Option<NaiveDateTime>,
        now: NaiveDateTime,
    ) -> Look {
        let done = |name: &str| {
            verdicts
                .iter()
                .any(|one| one.plan == plan.id && same_occasion(&one.occasion.name, name))
        };
        let awaits = self.first_ahead(plan, &done, now);
        let at = match waits_until {
            Some(until) => awaits.map(|at| at.max(until)),
            None => awaits,
        };
        Look {
            plan: plan.id,
            at,
            awaits,
        }
    }

    /// When the first occasion falls due of which nothing has become. A year that was gone through before the clock was set back is gone through once more.
    fn first_ahead(
        &self,
        plan: &Planned,
        done: &dyn Fn(&str) -> bool,
        now: NaiveDateTime,
    ) -> Option<NaiveDateTime> {
        let days = match plan.cadence {
            // The next one nearly always; the long reaches are for a clock that was set back.
            Cadence::EveryWeeks { weeks } => [i64::from(weeks) * 7 + 10, 400, 1_500],
            _ => [8_000; 3],
        };
        days.iter().find_map(|days| {
            pending(self, plan, now, now + TimeDelta::days(*days))
                .into_iter()
                .find(|one| !done(&one.occasion.name))
                .map(|one| one.occasion.due_at)
        })
    }
}

/// One date of the preview.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dated {
    /// When it is decided, UTC.
    pub at: NaiveDateTime,
    /// What becomes of each occasion.
    pub verdicts: Vec<Verdict>,
    /// The form that leaves, if one does.
    pub form: Option<Form>,
}

/// The dates that lie ahead, at most so many, as they will be decided if nothing changes: the same decision that is made when they come.
pub fn preview(
    situation: &Situation,
    now: NaiveDateTime,
    until: NaiveDateTime,
    most: usize,
) -> Vec<Dated> {
    let (mut ahead, mut dates) = (situation.clone(), vec![]);
    let mut at = now;
    let mut looks = looks(&ahead, now);
    while dates.len() < most {
        let Some(next) = looks.iter().filter_map(|look| look.at).min() else {
            break;
        };
        at = next.max(at);
        if at > until {
            break;
        }
        let decision = decide(&ahead, at);
        let stands_still = decision.verdicts.is_empty()
            && decision
                .looks
                .iter()
                .any(|look| look.at.is_some_and(|again| again <= at));
        if stands_still {
            break;
        }
        ahead.apply(&decision);
        looks = decision.looks;
        if !decision.verdicts.is_empty() {
            dates.push(Dated {
                at,
                verdicts: decision.verdicts,
                form: decision.form,
            });
        }
    }
    dates
}

impl Situation {
    /// As if the decision had been carried out.
    pub fn apply(&mut self, decision: &Decision) {
        let names = decision.verdicts.iter();
        self.settled
            .extend(names.map(|one| (one.plan, one.occasion.name.clone())));
        if let Some(form) = &decision.form {
            let asked = decision.verdicts.iter();
            let asked = asked.filter(|one| one.outcome == Outcome::Asked);
            let mut asked = Earlier {
                at: form.due_at,
                instruments: form.instruments.clone(),
                seconds: form.seconds,
                sessions: asked
                    .filter_map(|one| session_of(&one.occasion.name))
                    .map(str::to_owned)
                    .collect(),
                joining: Joining::Open,
            };
            match form.joins.and_then(|place| self.earlier.get_mut(place)) {
                Some(known) => {
                    asked.sessions.append(&mut known.sessions);
                    *known = asked;
                }
                None => self.earlier.push(asked),
            }
        }
        for look in &decision.looks {
            if let Some(plan) = self.plans.iter_mut().find(|plan| plan.id == look.plan) {
                plan.awaits = look.awaits;
            }
        }
    }
}
