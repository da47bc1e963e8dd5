//! The life of a flag as a machine: by when a person must act, what the program does when nobody did, and what a licensed person's act makes of it. It is
//! handed `now` and tells everything that has to be done; `app::escalate` turns its crank and `app::review_flag` brings the acts.
//!
//! Times come from the site's policy ([`Clocks`]) and its reading hours ([`Office`]).

use super::people::{Candidate, Standing, Supervision, next_in_chain, stand_in};
use super::policy::Clocks;
use super::{Act, FlagState, Tier};
use crate::domain::ids::{ClinicId, StaffId};
use crate::domain::schedule::office::Office;
use chrono::{NaiveDateTime, TimeDelta};

/// The site's times and hours.
#[derive(Debug, Clone, Copy)]
pub struct Times<'a> {
    /// How soon people must act.
    pub clocks: &'a Clocks,
    /// When the site's people read.
    pub office: &'a Office,
}

/// By when a person must act, and when the program looks next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deadlines {
    /// By when a person must act.
    pub due_at: NaiveDateTime,
    /// When the program looks next.
    pub next_step_at: NaiveDateTime,
}

/// What a new flag is owed: that somebody takes it on.
pub fn raised(tier: Tier, now: NaiveDateTime, times: Times<'_>) -> Deadlines {
    let due_at = match tier {
        Tier::Crisis if times.office.is_open(now) => now + times.clocks.acknowledge_in_hours(),
        Tier::Crisis => now + times.clocks.acknowledge_outside(),
        Tier::Review => times
            .office
            .end_of_working_day(now, times.clocks.review_working_days),
    };
    Deadlines {
        due_at,
        next_step_at: due_at,
    }
}

/// What a flag that somebody has is owed: that it is closed with an assessment.
pub fn taken_on(tier: Tier, now: NaiveDateTime, times: Times<'_>) -> Deadlines {
    let due_at = match tier {
        Tier::Crisis => times
            .office
            .end_of_day(now)
            .max(now + TimeDelta::hours(CLOSE_AT_LEAST_HOURS)),
        Tier::Review => times
            .office
            .end_of_working_day(now, times.clocks.review_close_working_days),
    };
    Deadlines {
        due_at,
        next_step_at: due_at,
    }
}

/// Whoever takes a flag on late in the evening has so many hours to close it.
const CLOSE_AT_LEAST_HOURS: i64 = 2;

/// From when on a flag that somebody has is overdue. An answer that a wrong clock put into the future is overdue when it is due.
fn overdue_at(waiting: &Waiting, now: NaiveDateTime, times: Times<'_>) -> NaiveDateTime {
    match waiting.tier {
        Tier::Crisis if waiting.raised_at <= now => {
            (waiting.raised_at + times.clocks.close_within()).max(waiting.due_at)
        }
        Tier::Crisis | Tier::Review => waiting.due_at,
    }
}

/// A flag that waits, as far as the machine needs to know it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Waiting {
    /// How soon a person must look.
    pub tier: Tier,
    /// Open or acknowledged.
    pub state: FlagState,
    /// When the answer was saved.
    pub raised_at: NaiveDateTime,
    /// By when a person must act.
    pub due_at: NaiveDateTime,
    /// When the program looks next.
    pub next_step_at: NaiveDateTime,
    /// Whose it is.
    pub owner: StaffId,
    /// When somebody took it on last; `None`: nobody did.
    pub taken_on_at: Option<NaiveDateTime>,
    /// The patient's own clinician.
    pub clinician: StaffId,
    /// Where the patient is cared for.
    pub clinic: ClinicId,
}

/// What the program has to do about a flag now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Crank {
    /// Nothing yet.
    NotYet,
    /// The clock was ahead when this was planned: these deadlines hold, and nobody is told.
    Earlier(Deadlines),
    /// Something, in one transaction.
    Step(CrankStep),
}

/// One step: what it is, whose the flag is from now on, who is told, and when the program looks next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CrankStep {
    /// What stands in the history.
    pub act: Act,
    /// The state after it. The program never moves one forward.
    pub state: FlagState,
    /// Whose it is from now on.
    pub owner: StaffId,
    /// Who is told.
    pub tell: Vec<Tell>,
    /// Deadlines from now on.
    pub deadlines: Deadlines,
}

/// Who is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tell {
    /// The owner.
    Owner,
    /// Whoever else answers for the clinic's queue: see [`told_besides`].
    Besides,
    /// The site's duty contact, because nobody licensed is here, or nobody but the one who lets it lie. In the first case an alarm for whoever runs the site goes with it.
    Duty,
}

/// What has to be done about a flag now. Called whenever something may be due; calling it once more changes nothing.
pub fn crank(
    waiting: &Waiting,
    people: &[Candidate],
    now: NaiveDateTime,
    times: Times<'_>,
) -> Crank {
    let due = waiting.next_step_at <= now;
    let here = is_at_it(waiting, people);
    let anybody = people
        .iter()
        .any(|person| person.standing == Standing::Eligible);
    // What somebody has who is not here goes on at once, if it can.
    if due || (!here && anybody) {
        let stays = waiting.state == FlagState::Acknowledged && (here || !anybody);
        return Crank::Step(if stays {
            late(waiting, people, now, times)
        } else {
            pass_on(waiting, people, now, times)
        });
    }
    let latest = latest_look(waiting, now, times);
    if waiting.next_step_at <= latest + SLACK {
        return Crank::NotYet;
    }
    Crank::Earlier(sane(waiting, latest))
}

/// The deadlines of a flag, none of them behind the latest that a clock that is right could have planned.
fn sane(waiting: &Waiting, latest: NaiveDateTime) -> Deadlines {
    Deadlines {
        due_at: waiting.due_at.min(latest),
        next_step_at: waiting.next_step_at.min(latest),
    }
}

/// So far a clock may be moved back without anything being planned anew.
const SLACK: TimeDelta = TimeDelta::seconds(5);

/// No step of this flag lies further ahead than this, whatever the clock said when it was planned.
fn latest_look(waiting: &Waiting, now: NaiveDateTime, times: Times<'_>) -> NaiveDateTime {
    match (waiting.tier, waiting.state) {
        (Tier::Crisis, FlagState::Open | FlagState::Closed) => {
            now + planned_wait(waiting, now, times)
        }
        _ => farthest(waiting.tier, waiting.state, now, times),
    }
}

/// How long an open crisis flag was to wait, at most: its first wait ends when it is due, and every later one is the same. An answer that a wrong clock put into the
/// future says nothing about its first wait.
fn planned_wait(waiting: &Waiting, now: NaiveDateTime, times: Times<'_>) -> TimeDelta {
    let clocks = times.clocks;
    let then = clocks.then_every();
    if waiting.next_step_at == waiting.due_at && waiting.raised_at <= now {
        let longest = clocks
            .acknowledge_in_hours()
            .max(clocks.acknowledge_outside());
        (waiting.due_at - waiting.raised_at).clamp(then, longest.max(then))
    } else {
        then
    }
}

/// The nearest moment behind which a flag of this tier and state may have been planned by a wrong clock: what is planned before it need not be looked at.
pub fn suspect_after(
    tier: Tier,
    state: FlagState,
    now: NaiveDateTime,
    times: Times<'_>,
) -> NaiveDateTime {
    let farthest = match (tier, state) {
        (Tier::Crisis, FlagState::Open | FlagState::Closed) => now + times.clocks.then_every(),
        _ => farthest(tier, state, now, times),
    };
    farthest + SLACK
}

/// Nothing of this tier and state is planned further ahead by a clock that is right.
fn farthest(tier: Tier, state: FlagState, now: NaiveDateTime, times: Times<'_>) -> NaiveDateTime {
    match state {
        FlagState::Acknowledged => taken_on(tier, now, times)
            .due_at
            .max(now + times.clocks.close_within()),
        FlagState::Open | FlagState::Closed => raised(tier, now, times).due_at,
    }
}

/// Whether somebody may own a flag and is here today.
pub fn is_here(who: StaffId, people: &[Candidate]) -> bool {
    people
        .iter()
        .any(|person| person.id == who && person.standing == Standing::Eligible)
}

/// Whether whoever owns it is here, or took it on while they were away: nobody takes a crisis from somebody who is on the telephone with the patient.
fn is_at_it(waiting: &Waiting, people: &[Candidate]) -> bool {
    is_here(waiting.owner, people)
        || waiting.state == FlagState::Acknowledged
            && people.iter().any(|person| {
                let knew = |since| waiting.taken_on_at.is_some_and(|at| at > since);
                person.id == waiting.owner
                    && matches!(person.standing, Standing::Absent { since, .. } if knew(since))
            })
}

/// The flag goes to the next person, who has to take it on.
pub fn pass_on(
    waiting: &Waiting,
    people: &[Candidate],
    now: NaiveDateTime,
    times: Times<'_>,
) -> CrankStep {
    let due = waiting.next_step_at <= now;
    let next = match waiting.tier {
        // It waits for its own clinician over days, unless they are away.
        Tier::Review if is_here(waiting.owner, people) => Some(waiting.owner),
        _ => stand_in(waiting.owner, people)
            .or_else(|| next_in_chain(waiting.clinician, waiting.clinic, people, waiting.owner)),
    };
    let owner = next.unwrap_or(waiting.owner);
    let here = is_here(owner, people);
    let mut tell = vec![];
    if next.is_some() {
        tell.push(Tell::Owner);
    }
    if waiting.tier == Tier::Review && due {
        tell.push(Tell::Besides);
    }
    if !here {
        tell.push(Tell::Duty);
    }
    CrankStep {
        act: if here { Act::Notified } else { Act::Alarmed },
        state: FlagState::Open,
        owner,
        tell,
        deadlines: passed_on(waiting, now, times),
    }
}

/// By when the next person has to take on a flag that was taken from whoever had it.
pub fn due_when_passed_on(tier: Tier, now: NaiveDateTime, times: Times<'_>) -> NaiveDateTime {
    match tier {
        Tier::Crisis => now + times.clocks.then_every(),
        Tier::Review => raised(Tier::Review, now, times).due_at,
    }
}

fn passed_on(waiting: &Waiting, now: NaiveDateTime, times: Times<'_>) -> Deadlines {
    let next_step_at = due_when_passed_on(waiting.tier, now, times);
    match waiting.state {
        // Whoever had it has gone before it was due: it is due when it was.
        FlagState::Open if waiting.next_step_at > now => {
            sane(waiting, latest_look(waiting, now, times))
        }
        FlagState::Open => Deadlines {
            due_at: waiting.due_at,
            next_step_at,
        },
        FlagState::Acknowledged | FlagState::Closed => Deadlines {
            due_at: next_step_at,
            next_step_at,
        },
    }
}

/// Somebody has it and has not closed it.
fn late(
    waiting: &Waiting,
    people: &[Candidate],
    now: NaiveDateTime,
    times: Times<'_>,
) -> CrankStep {
    let overdue_at = overdue_at(waiting, now, times);
    let overdue = now >= overdue_at;
    let mut tell = vec![Tell::Owner];
    let mut alone = !is_at_it(waiting, people);
    if overdue {
        tell.push(Tell::Besides);
        alone |= told_besides(people, waiting.clinic, waiting.owner).is_empty();
    }
    // Somebody besides the one who lets it lie has to hear of it, whoever that is.
    if alone {
        tell.push(Tell::Duty);
    }
    CrankStep {
        act: if overdue { Act::Overdue } else { Act::CloseDue },
        state: FlagState::Acknowledged,
        owner: waiting.owner,
        tell,
        deadlines: Deadlines {
            due_at: waiting.due_at,
            next_step_at: if overdue {
                now + times.clocks.close_within()
            } else {
                overdue_at
            },
        },
    }
}

/// Everybody who is told besides the owner when something is not done in time: the eligible supervisors of the clinic or, where none is here, every eligible colleague who
/// works there. Each of them can open it. Empty: nobody.
pub fn told_besides(people: &[Candidate], clinic: ClinicId, owner: StaffId) -> Vec<StaffId> {
    let here = |person: &&Candidate| {
        person.id != owner
            && person.standing == Standing::Eligible
            && person.clinics.contains(&clinic)
    };
    let (supervisors, colleagues): (Vec<&Candidate>, Vec<&Candidate>) = people
        .iter()
        .filter(here)
        .partition(|person| person.answers_for_queue == Supervision::Supervises);
    let told = match supervisors.is_empty() {
        true => colleagues,
        false => supervisors,
    };
    told.into_iter().map(|person| person.id).collect()
}

/// Why an act on a flag was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FlagRefusal {
    /// Somebody has it already.
    AlreadyAcknowledged,
    /// It is closed; a closed flag is never touched again.
    AlreadyClosed,
    /// Closing comes after acknowledging: the two are separate acts.
    NotAcknowledged,
    /// The patient gave a higher answer after the page was opened: nobody has assessed that one yet.
    AnswerRose,
    /// Another answer came after the page was opened.
    AnswerCame,
    /// It was not said what was seen.
    NotSeen,
    /// Nobody has it yet, so that it cannot be taken over.
    NobodyHasIt,
    /// It is theirs already.
    AlreadyYours,
}

impl std::fmt::Display for FlagRefusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            FlagRefusal::AlreadyAcknowledged => "Somebody has already taken this on.",
            FlagRefusal::AlreadyClosed => "This is already closed and stays as it is.",
            FlagRefusal::NotAcknowledged => "First say that you have it, then close it.",
            FlagRefusal::AnswerRose => "The patient’s answer rose after you opened this page. Read it and say that you have it, then close it. Your words are kept below.",
            FlagRefusal::AnswerCame => "Another answer came after you opened this page. Read it, then close it. Your words are kept below.",
            FlagRefusal::NotSeen => "Read the answers on this page first, then close it from here.",
            FlagRefusal::NobodyHasIt => "Nobody has this yet. Say that you have it.",
            FlagRefusal::AlreadyYours => "You have this already.",
        })
    }
}

impl std::error::Error for FlagRefusal {}

/// What an accepted act makes of the flag.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step {
    /// The state after the act.
    pub state: FlagState,
    /// What is due next; `None` once closed.
    pub deadlines: Option<Deadlines>,
}

/// "I have it."
///
/// # Errors
/// Refused when the flag is already acknowledged or closed.
pub fn acknowledge(
    state: FlagState,
    tier: Tier,
    now: NaiveDateTime,
    times: Times<'_>,
) -> Result<Step, FlagRefusal> {
    match state {
        FlagState::Open => Ok(Step {
            state: FlagState::Acknowledged,
            deadlines: Some(taken_on(tier, now, times)),
        }),
        FlagState::Acknowledged => Err(FlagRefusal::AlreadyAcknowledged),
        FlagState::Closed => Err(FlagRefusal::AlreadyClosed),
    }
}

/// "Assessed and documented." What lies in the assessment is `closing`'s.
///
/// # Errors
/// Refused when it is closed; a crisis flag also unless somebody has taken it on.
pub fn close(state: FlagState, tier: Tier) -> Result<Step, FlagRefusal> {
    match (state, tier) {
        (FlagState::Open, Tier::Crisis) => Err(FlagRefusal::NotAcknowledged),
        (FlagState::Closed, _) => Err(FlagRefusal::AlreadyClosed),
        (FlagState::Acknowledged, _) | (FlagState::Open, Tier::Review) => Ok(Step {
            state: FlagState::Closed,
            deadlines: None,
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::schedule::policy::ReadingHours;
    use uuid::Uuid;

    fn id(n: u128) -> StaffId {
        StaffId::from_uuid(Uuid::from_u128(n))
    }
    fn clinic() -> ClinicId {
        ClinicId::from_uuid(Uuid::from_u128(7))
    }
    fn person(n: u128, standing: Standing, supervision: Supervision) -> Candidate {
        Candidate {
            id: id(n),
            standing,
            answers_for_queue: supervision,
            clinics: vec![clinic()],
        }
    }
    fn at(text: &str) -> NaiveDateTime {
        NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M").unwrap()
    }
    fn office() -> Office {
        Office {
            hours: ReadingHours::default(),
            zone: chrono_tz::UTC,
        }
    }
    fn waiting(tier: Tier, state: FlagState, now: NaiveDateTime, times: Times<'_>) -> Waiting {
        let deadlines = match state {
            FlagState::Open => raised(tier, now, times),
            _ => taken_on(tier, now, times),
        };
        Waiting {
            tier,
            state,
            raised_at: now,
            due_at: deadlines.due_at,
            next_step_at: deadlines.next_step_at,
            taken_on_at: (state == FlagState::Acknowledged).then_some(now),
            owner: id(1),
            clinician: id(1),
            clinic: clinic(),
        }
    }
    // A Monday.
    const MORNING: &str = "2026-03-02 10:00";

    #[test]
    fn a_crisis_answer_has_fifteen_minutes_in_hours_and_an_hour_outside() {
        let (clocks, office) = (Clocks::default(), office());
        let times = Times {
            clocks: &clocks,
            office: &office,
        };
        let due = |text: &str| raised(Tier::Crisis, at(text), times).due_at;
        assert_eq!(due(MORNING), at("2026-03-02 10:15"));
        assert_eq!(due("2026-03-02 22:00"), at("2026-03-02 23:00"));
        assert_eq!(due("2026-03-07 12:00"), at("2026-03-07 13:00"), "Saturday");
        let on_call = Office {
            hours: ReadingHours {
                on_call: true,
                ..ReadingHours::default()
            },
            zone: chrono_tz::UTC,
        };
        let times = Times {
            office: &on_call,
            ..times
        };
        assert_eq!(
            raised(Tier::Crisis, at("2026-03-07 12:00"), times).due_at,
            at("2026-03-07 12:15"),
            "a 24-hour clock"
        );
    }

    #[test]
    fn the_lower_tier_keeps_working_days() {
        let (clocks, office) = (Clocks::default(), office());
        let times = Times {
            clocks: &clocks,
            office: &office,
        };
        let due = |text: &str| raised(Tier::Review, at(text), times).due_at;
        assert_eq!(due(MORNING), at("2026-03-03 17:00"));
        assert_eq!(
            due("2026-03-06 18:00"),
            at("2026-03-09 17:00"),
            "over a weekend"
        );
    }

    #[test]
    fn an_open_crisis_flag_goes_round_without_end_and_one_step_at_a_time() {
        use {Standing::*, Supervision::*};
        let (clocks, office) = (Clocks::default(), office());
        let times = Times {
            clocks: &clocks,
            office: &office,
        };
        let people = [
            person(1, Eligible, DoesNot),
            person(2, Eligible, Supervises),
        ];
        let mut flag = waiting(Tier::Crisis, FlagState::Open, at(MORNING), times);
        let mut now = at(MORNING);
        for told in [2, 1, 2, 1] {
            now += TimeDelta::minutes(15);
            assert_eq!(
                crank(&flag, &people, now - TimeDelta::seconds(1), times),
                Crank::NotYet
            );
            // However late the program looks, it is one step.
            let Crank::Step(step) = crank(&flag, &people, now, times) else {
                panic!("nothing is done at {now}");
            };
            assert_eq!((step.act, step.owner), (Act::Notified, id(told)));
            assert_eq!(
                (step.state, step.tell),
                (FlagState::Open, vec![Tell::Owner])
            );
            (flag.owner, flag.next_step_at) = (step.owner, step.deadlines.next_step_at);
            assert_eq!(step.deadlines.due_at, at("2026-03-02 10:15"));
        }
    }

    #[test]
    fn a_clock_that_goes_back_holds_nothing_up_for_longer_than_one_wait() {
        let (clocks, office) = (Clocks::default(), office());
        let times = Times {
            clocks: &clocks,
            office: &office,
        };
        let people = [person(1, Standing::Eligible, Supervision::DoesNot)];
        let flag = waiting(Tier::Crisis, FlagState::Open, at("2026-03-04 10:00"), times);
        assert_eq!(
            crank(&flag, &people, at(MORNING), times),
            Crank::Earlier(Deadlines {
                due_at: at("2026-03-02 10:15"),
                next_step_at: at("2026-03-02 10:15"),
            })
        );
        let at_night = waiting(Tier::Crisis, FlagState::Open, at("2026-03-02 08:30"), times);
        assert_eq!(at_night.due_at, at("2026-03-02 09:30"));
        assert_eq!(
            crank(&at_night, &people, at("2026-03-02 09:01"), times),
            Crank::NotYet,
            "what was raised at night keeps its hour when the day begins"
        );
    }

    #[test]
    fn when_nobody_is_here_the_duty_contact_is_told_again_and_again() {
        use {Standing::*, Supervision::*};
        let (clocks, office) = (Clocks::default(), office());
        let times = Times {
            clocks: &clocks,
            office: &office,
        };
        let flag = waiting(Tier::Crisis, FlagState::Open, at(MORNING), times);
        for people in [
            vec![person(
                1,
                Absent {
                    covered_by: None,
                    since: at(MORNING),
                },
                DoesNot,
            )],
            vec![person(1, Ineligible, DoesNot)],
            vec![],
        ] {
            let Crank::Step(step) = crank(&flag, &people, at("2026-03-02 10:15"), times) else {
                panic!("nothing is done for {people:?}");
            };
            assert_eq!(step.act, Act::Alarmed);
            assert!(step.tell.contains(&Tell::Duty));
            assert_eq!(step.deadlines.next_step_at, at("2026-03-02 10:30"));
        }
    }

    #[test]
    fn what_somebody_has_who_is_away_goes_to_the_next_at_once_and_has_to_be_taken_on() {
        use {Standing::*, Supervision::*};
        let (clocks, office) = (Clocks::default(), office());
        let times = Times {
            clocks: &clocks,
            office: &office,
        };
        let flag = waiting(Tier::Crisis, FlagState::Acknowledged, at(MORNING), times);
        let people = [
            person(
                1,
                Absent {
                    covered_by: Some(id(2)),
                    since: at("2026-03-02 10:01"),
                },
                DoesNot,
            ),
            person(2, Eligible, DoesNot),
        ];
        let Crank::Step(step) = crank(&flag, &people, at("2026-03-02 10:01"), times) else {
            panic!("it stays with somebody who is away");
        };
        assert_eq!((step.state, step.owner), (FlagState::Open, id(2)));
        assert_eq!(step.deadlines.due_at, at("2026-03-02 10:16"));

        // Who took it on although they are away has it.
        let flag = Waiting {
            taken_on_at: Some(at("2026-03-02 10:02")),
            ..flag
        };
        assert_eq!(
            crank(&flag, &people, at("2026-03-02 10:03"), times),
            Crank::NotYet
        );
    }

    #[test]
    fn what_is_taken_on_is_due_the_same_day_and_overdue_after_a_day() {
        let (clocks, office) = (Clocks::default(), office());
        let times = Times {
            clocks: &clocks,
            office: &office,
        };
        let people = [person(1, Standing::Eligible, Supervision::DoesNot)];
        let mut flag = waiting(Tier::Crisis, FlagState::Acknowledged, at(MORNING), times);
        assert_eq!(flag.due_at, at("2026-03-03 00:00"));
        for (now, act) in [
            ("2026-03-03 00:00", Act::CloseDue),
            ("2026-03-03 10:00", Act::Overdue),
            ("2026-03-04 10:00", Act::Overdue),
        ] {
            let Crank::Step(step) = crank(&flag, &people, at(now), times) else {
                panic!("nothing is done at {now}");
            };
            assert_eq!((step.act, step.state), (act, FlagState::Acknowledged));
            flag.next_step_at = step.deadlines.next_step_at;
        }
        assert_eq!(
            crank(&flag, &people, at("2026-03-04 10:01"), times),
            Crank::NotYet
        );
    }

    #[test]
    fn closing_a_crisis_flag_comes_only_after_taking_it_on() {
        let (clocks, office) = (Clocks::default(), office());
        let times = Times {
            clocks: &clocks,
            office: &office,
        };
        assert_eq!(
            close(FlagState::Open, Tier::Crisis),
            Err(FlagRefusal::NotAcknowledged)
        );
        let step = acknowledge(FlagState::Open, Tier::Crisis, at(MORNING), times).unwrap();
        assert_eq!(
            close(step.state, Tier::Crisis).unwrap().state,
            FlagState::Closed
        );
        assert!(close(FlagState::Open, Tier::Review).is_ok());
        assert_eq!(
            close(FlagState::Closed, Tier::Review),
            Err(FlagRefusal::AlreadyClosed)
        );
        assert_eq!(
            acknowledge(FlagState::Closed, Tier::Crisis, at(MORNING), times),
            Err(FlagRefusal::AlreadyClosed)
        );
    }
}
