//! What licensed people do with a flag besides taking it on and closing it: taking it over from a colleague, giving it to one, and saying up to which answer a patient's answers are
//! known. Pure; the life these acts belong to is in `life`.

use super::life::{FlagRefusal, Step, Times, raised};
use super::people::{Candidate, Standing};
use super::policy::KnownLevelRule;
use super::{FlagState, Tier};
use crate::domain::ids::{ClinicId, StaffId};
use crate::domain::instrument::{Instrument, RiskRule};
use chrono::{NaiveDate, NaiveDateTime, TimeDelta};

/// What somebody had before them when they acted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seen {
    /// The flag's answer.
    pub answer: i32,
    /// How many answers belonged to it.
    pub answers: i32,
}

/// Nothing is closed that was not on the page.
///
/// # Errors
/// Refused when the answer rose, or another one came.
pub fn saw_all(seen: Option<Seen>, now: Seen) -> Result<(), FlagRefusal> {
    match seen {
        None => Err(FlagRefusal::NotSeen),
        Some(seen) if seen.answer != now.answer => Err(FlagRefusal::AnswerRose),
        Some(seen) if seen.answers != now.answers => Err(FlagRefusal::AnswerCame),
        Some(_) => Ok(()),
    }
}

/// "I take it over": from whoever took it on.
///
/// # Errors
/// Refused when nobody has it, when it is theirs already, or when it is closed.
pub fn claim(state: FlagState, owner: StaffId, by: StaffId) -> Result<(), FlagRefusal> {
    match state {
        FlagState::Open => Err(FlagRefusal::NobodyHasIt),
        FlagState::Closed => Err(FlagRefusal::AlreadyClosed),
        FlagState::Acknowledged if owner == by => Err(FlagRefusal::AlreadyYours),
        FlagState::Acknowledged => Ok(()),
    }
}

/// Why somebody cannot be given a flag.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unfit {
    /// Nobody was chosen, or nobody by that id works here.
    Unknown,
    /// No working account, or no licence.
    Ineligible,
    /// Away today.
    Away,
    /// They do not work in the patient's clinic.
    OutOfReach,
    /// It is theirs.
    HasIt,
}

impl std::fmt::Display for Unfit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Unfit::Unknown => "Choose a colleague.",
            Unfit::Ineligible => {
                "This colleague has no working account with a licence. Choose somebody else."
            }
            Unfit::Away => "This colleague is away today. Choose somebody else.",
            Unfit::OutOfReach => {
                "This colleague does not work in the patient’s clinic. Choose somebody else."
            }
            Unfit::HasIt => "It is with this colleague already. Choose somebody else.",
        })
    }
}

/// Whether this person may be given a flag of this clinic.
///
/// # Errors
/// Says why not.
pub fn may_be_given(
    to: Option<&Candidate>,
    clinic: ClinicId,
    owner: StaffId,
) -> Result<StaffId, Unfit> {
    let to = to.ok_or(Unfit::Unknown)?;
    match to.standing {
        Standing::Ineligible => Err(Unfit::Ineligible),
        _ if !to.clinics.contains(&clinic) => Err(Unfit::OutOfReach),
        Standing::Absent { .. } => Err(Unfit::Away),
        Standing::Eligible if to.id == owner => Err(Unfit::HasIt),
        Standing::Eligible => Ok(to.id),
    }
}

/// "Please take this": a colleague has to take it on, with a deadline of its own.
///
/// # Errors
/// Refused when it is closed.
pub fn hand_over(
    state: FlagState,
    tier: Tier,
    now: NaiveDateTime,
    times: Times<'_>,
) -> Result<Step, FlagRefusal> {
    match state {
        FlagState::Closed => Err(FlagRefusal::AlreadyClosed),
        FlagState::Open | FlagState::Acknowledged => Ok(Step {
            state: FlagState::Open,
            deadlines: Some(raised(tier, now, times)),
        }),
    }
}

/// The answers up to which somebody may say that they are known: those that fire, not above the flag's own, and not further up than the site lets a known level reach.
#[must_use]
pub fn knowable(
    instrument: &Instrument,
    rule: &RiskRule,
    answer: i32,
    limit: KnownLevelRule,
) -> Vec<i16> {
    let Some(item) = instrument.items.get(rule.item) else {
        return vec![];
    };
    let mut firing: Vec<i16> = item
        .values()
        .filter(|value| rule.wanted.takes(*value))
        .collect();
    firing.sort_unstable();
    firing
        .into_iter()
        .take(limit.grades.into())
        .filter(|value| i32::from(*value) <= answer)
        .collect()
}

/// A known level as it was typed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TypedLevel {
    /// The highest answer that is known.
    pub up_to: String,
    /// `2026-03-04`.
    pub until_on: String,
    /// Why.
    pub reason: String,
}

/// What a licensed person says about answers that are known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SaidLevel {
    /// The highest answer that is known.
    pub up_to: i16,
    /// The last day on which it holds.
    pub until_on: NaiveDate,
    /// Why.
    pub reason: String,
}

/// The longest reason, in characters.
pub const REASON_MOST: usize = 1_000;

/// Reads a known level: the name of each field that is wrong, with words.
///
/// # Errors
/// Everything that is wrong with it.
pub fn parse_level(
    typed: &TypedLevel,
    knowable: &[i16],
    today: NaiveDate,
    limit: KnownLevelRule,
) -> Result<SaidLevel, Vec<(&'static str, String)>> {
    let mut wrong = vec![];
    let up_to = typed
        .up_to
        .parse()
        .ok()
        .filter(|value| knowable.contains(value));
    if up_to.is_none() {
        wrong.push((
            "up_to",
            "Choose an answer that may be known here.".to_owned(),
        ));
    }
    let last = today + TimeDelta::days(limit.days_most.into());
    let until = typed
        .until_on
        .trim()
        .parse::<NaiveDate>()
        .ok()
        .filter(|day| (today..=last).contains(day));
    if until.is_none() {
        wrong.push(("until_on", format!("Give a day from {today} to {last}.")));
    }
    let reason = read_reason(&typed.reason);
    if let Err(words) = &reason {
        wrong.push(("known_reason", words.clone()));
    }
    match (up_to, until, reason) {
        (Some(up_to), Some(until_on), Ok(reason)) => Ok(SaidLevel {
            up_to,
            until_on,
            reason,
        }),
        _ => Err(wrong),
    }
}

/// Reads a reason that has to be given.
///
/// # Errors
/// Says what is wrong with it.
pub fn read_reason(typed: &str) -> Result<String, String> {
    let (reason, length) = (typed.trim(), typed.chars().count());
    if reason.is_empty() {
        return Err("Say why.".to_owned());
    }
    if length > REASON_MOST {
        return Err(format!(
            "Write at most {REASON_MOST} characters; these are {length}."
        ));
    }
    Ok(reason.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::instrument::Library;
    use uuid::Uuid;

    fn id<K>(n: u128) -> crate::domain::ids::Id<K> {
        crate::domain::ids::Id::from_uuid(Uuid::from_u128(n))
    }

    #[test]
    fn nothing_that_was_not_seen_is_closed() {
        let now = Seen {
            answer: 2,
            answers: 3,
        };
        assert_eq!(saw_all(Some(now), now), Ok(()));
        assert_eq!(saw_all(None, now), Err(FlagRefusal::NotSeen));
        assert_eq!(
            saw_all(
                Some(Seen {
                    answer: 1,
                    answers: 3
                }),
                now
            ),
            Err(FlagRefusal::AnswerRose)
        );
        assert_eq!(
            saw_all(
                Some(Seen {
                    answer: 2,
                    answers: 2
                }),
                now
            ),
            Err(FlagRefusal::AnswerCame)
        );
    }

    #[test]
    fn only_what_somebody_else_has_is_claimed() {
        assert_eq!(claim(FlagState::Acknowledged, id(1), id(2)), Ok(()));
        assert_eq!(
            claim(FlagState::Acknowledged, id(2), id(2)),
            Err(FlagRefusal::AlreadyYours)
        );
        assert_eq!(
            claim(FlagState::Open, id(1), id(2)),
            Err(FlagRefusal::NobodyHasIt)
        );
        assert_eq!(
            claim(FlagState::Closed, id(1), id(2)),
            Err(FlagRefusal::AlreadyClosed)
        );
    }

    #[test]
    fn a_flag_is_given_only_to_somebody_who_is_licensed_here_and_works_in_the_clinic() {
        use crate::domain::risk::Supervision::DoesNot;
        let person = |standing, clinic| Candidate {
            id: id(1),
            standing,
            answers_for_queue: DoesNot,
            clinics: vec![id(clinic)],
        };
        let given = |standing, clinic, owner| {
            may_be_given(Some(&person(standing, clinic)), id(7), id(owner))
        };
        assert_eq!(given(Standing::Eligible, 7, 2), Ok(id(1)));
        assert_eq!(given(Standing::Eligible, 7, 1), Err(Unfit::HasIt));
        assert_eq!(given(Standing::Eligible, 8, 2), Err(Unfit::OutOfReach));
        assert_eq!(
            given(
                Standing::Absent {
                    covered_by: None,
                    since: NaiveDateTime::default()
                },
                7,
                2
            ),
            Err(Unfit::Away)
        );
        assert_eq!(given(Standing::Ineligible, 7, 2), Err(Unfit::Ineligible));
        assert_eq!(may_be_given(None, id(7), id(2)), Err(Unfit::Unknown));
    }

    #[test]
    fn a_known_level_reaches_neither_above_the_answer_nor_above_what_the_site_allows() {
        let instrument = Library::embedded().get("phq9").unwrap();
        let rule = &instrument.risk_rules[0];
        let up_to = |answer, grades| {
            knowable(
                instrument,
                rule,
                answer,
                KnownLevelRule {
                    grades,
                    days_most: 90,
                },
            )
        };
        assert_eq!(up_to(3, 1), [1]);
        assert_eq!(up_to(1, 3), [1]);
        assert_eq!(up_to(3, 2), [1, 2]);
        assert!(up_to(3, 0).is_empty());
    }

    #[test]
    fn a_known_level_needs_an_answer_a_day_and_a_reason() {
        let today = NaiveDate::from_ymd_opt(2026, 3, 3).unwrap();
        let limit = KnownLevelRule::default();
        let typed = |up_to: &str, until_on: &str, reason: &str| TypedLevel {
            up_to: up_to.into(),
            until_on: until_on.into(),
            reason: reason.into(),
        };
        assert!(parse_level(&typed("1", "2026-06-01", "For years."), &[1], today, limit).is_ok());
        let wrong = parse_level(&typed("2", "2026-06-02", " "), &[1], today, limit).unwrap_err();
        let fields: Vec<_> = wrong.iter().map(|(field, _)| *field).collect();
        assert_eq!(fields, ["up_to", "until_on", "known_reason"]);
    }
}
