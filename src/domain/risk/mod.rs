//! Risk: `rules` turns answers into hits; this file is the life of a flag — raised, acknowledged, closed — and the deadlines
//! that keep a flag from waiting unseen. Nothing here closes a flag but a licensed person's own act.

pub mod phrases;
pub mod rules;

use super::ids::{ClinicId, StaffId};
use super::words::words;
use chrono::{NaiveDateTime, TimeDelta};

words! {
    /// How soon a person must look.
    Tier {
        /// Same hour: the answer may mean danger to life.
        Crisis = "crisis",
        /// At the next review.
        Review = "review",
    }
}

words! {
    /// Where a flag stands.
    FlagState {
        /// Nobody has said "I have it" yet.
        Open = "open",
        /// Somebody licensed has it; the assessment is not documented yet.
        Acknowledged = "acknowledged",
        /// A licensed person documented the assessment. Final.
        Closed = "closed",
    }
}

words! {
    /// What was done to a flag; the list of acts is its history and is only ever added to.
    Act {
        /// The answer that raised it was saved.
        Raised = "raised",
        /// The patient changed the answer before handing in; the flag stays.
        AnswerChanged = "answer_changed",
        /// Another person was told because nobody had acknowledged it in time.
        Notified = "notified",
        /// A licensed person took it on.
        Acknowledged = "acknowledged",
        /// A licensed person closed it with an assessment.
        Closed = "closed",
    }
}

/// Minutes until a crisis flag must be acknowledged, and between two steps of escalation.
///
/// The site's policy decides; this is the shipped default: no standard seen sets minutes (the Joint Commission's
/// NPSG.15.01.01 asks for a policy), so the shorter of the two defaults in our safety requirements (R39) holds at all hours.
pub const ACKNOWLEDGE_WITHIN: TimeDelta = TimeDelta::minutes(15);
/// Hours until an acknowledged flag must be closed with a documented assessment (R39: overdue at 24 h).
pub const CLOSE_WITHIN: TimeDelta = TimeDelta::hours(24);
/// Hours until a flag of the lower tier must be acknowledged.
pub const REVIEW_WITHIN: TimeDelta = TimeDelta::hours(24);

/// When a new flag of this tier has to be acknowledged.
pub fn first_deadline(tier: Tier, raised_at: NaiveDateTime) -> NaiveDateTime {
    match tier {
        Tier::Crisis => raised_at + ACKNOWLEDGE_WITHIN,
        Tier::Review => raised_at + REVIEW_WITHIN,
    }
}

/// Somebody who could own a flag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// Who.
    pub id: StaffId,
    /// Whether their account works and they are licensed.
    pub standing: Standing,
    /// Whether they answer for queues (a supervisor).
    pub answers_for_queue: Supervision,
    /// Where they work.
    pub clinics: Vec<ClinicId>,
}

/// Whether a person may own a flag at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Active and licensed.
    Eligible,
    /// Active and licensed, but away today.
    Absent {
        /// Who stands in for them, if somebody does.
        covered_by: Option<StaffId>,
    },
    /// Disabled, only invited, or without a licence.
    Ineligible,
}

/// Whether a person supervises.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Supervision {
    /// A supervisor.
    Supervises,
    /// Not a supervisor.
    DoesNot,
}

/// Who owns a new flag: the patient's own clinician if they are eligible, else whoever stands in for them, else an eligible supervisor of the clinic, else anybody
/// eligible there, else anybody eligible at all. `None` only when nobody here is licensed and active.
pub fn owner_for(clinician: StaffId, clinic: ClinicId, staff: &[Candidate]) -> Option<StaffId> {
    chain(clinician, clinic, staff).first().copied()
}

/// Who is told next when nobody acknowledged in time: the next in the chain after `told_last`, round and round, without end.
pub fn next_in_chain(
    clinician: StaffId,
    clinic: ClinicId,
    staff: &[Candidate],
    told_last: StaffId,
) -> Option<StaffId> {
    let chain = chain(clinician, clinic, staff);
    let after = chain
        .iter()
        .position(|id| *id == told_last)
        .map_or(0, |at| at + 1);
    chain.get(after).or(chain.first()).copied()
}

/// Everybody who may own the flag, in the order in which they are asked. Whoever is away is passed over, unless everybody is: a flag is never nobody's.
fn chain(clinician: StaffId, clinic: ClinicId, staff: &[Candidate]) -> Vec<StaffId> {
    let here = ordered(clinician, clinic, staff, |standing| {
        standing == Standing::Eligible
    });
    if here.is_empty() {
        ordered(clinician, clinic, staff, |standing| {
            matches!(standing, Standing::Absent { .. })
        })
    } else {
        here
    }
}

fn ordered(
    clinician: StaffId,
    clinic: ClinicId,
    staff: &[Candidate],
    may: impl Fn(Standing) -> bool,
) -> Vec<StaffId> {
    let stands_in = staff
        .iter()
        .find(|person| person.id == clinician)
        .and_then(|person| match person.standing {
            Standing::Absent { covered_by } => covered_by,
            Standing::Eligible | Standing::Ineligible => None,
        });
    let first = [Some(clinician), stands_in];
    let mut people: Vec<_> = staff.iter().filter(|person| may(person.standing)).collect();
    people.sort_by_key(|person| (nearness(person, first, clinic), person.id));
    people.into_iter().map(|person| person.id).collect()
}

fn nearness(person: &Candidate, first: [Option<StaffId>; 2], clinic: ClinicId) -> u8 {
    let here = person.clinics.contains(&clinic);
    match (
        first.contains(&Some(person.id)),
        here,
        person.answers_for_queue,
    ) {
        (true, _, _) => 0,
        (_, true, Supervision::Supervises) => 1,
        (_, true, Supervision::DoesNot) => 2,
        (_, false, Supervision::Supervises) => 3,
        (_, false, Supervision::DoesNot) => 4,
    }
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
    /// Closing needs the assessment in words.
    NoAssessment,
    /// The patient gave a higher answer after the page was opened: nobody has assessed that one yet.
    AnswerRose,
}

impl std::fmt::Display for FlagRefusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            FlagRefusal::AlreadyAcknowledged => "Somebody has already taken this on.",
            FlagRefusal::AlreadyClosed => "This is already closed and stays as it is.",
            FlagRefusal::NotAcknowledged => "First say that you have it, then close it.",
            FlagRefusal::NoAssessment => "Write what you assessed and what happens next, then close it.",
            FlagRefusal::AnswerRose => "The patient changed this answer while you were writing. Read the new one, then close it.",
        })
    }
}

impl std::error::Error for FlagRefusal {}

/// What an accepted act makes of the flag.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step {
    /// The state after the act.
    pub state: FlagState,
    /// By when the next act is due; `None` once closed.
    pub next_deadline_at: Option<NaiveDateTime>,
}

/// "I have it."
///
/// # Errors
/// Refused when the flag is already acknowledged or closed.
pub fn acknowledge(state: FlagState, now: NaiveDateTime) -> Result<Step, FlagRefusal> {
    match state {
        FlagState::Open => Ok(Step {
            state: FlagState::Acknowledged,
            next_deadline_at: Some(now + CLOSE_WITHIN),
        }),
        FlagState::Acknowledged => Err(FlagRefusal::AlreadyAcknowledged),
        FlagState::Closed => Err(FlagRefusal::AlreadyClosed),
    }
}

/// "Assessed and documented."
///
/// # Errors
/// Refused unless the flag is acknowledged and the assessment says something.
pub fn close(state: FlagState, assessment: &str) -> Result<Step, FlagRefusal> {
    match state {
        FlagState::Open => Err(FlagRefusal::NotAcknowledged),
        FlagState::Closed => Err(FlagRefusal::AlreadyClosed),
        FlagState::Acknowledged if assessment.trim().is_empty() => Err(FlagRefusal::NoAssessment),
        FlagState::Acknowledged => Ok(Step {
            state: FlagState::Closed,
            next_deadline_at: None,
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    fn person(n: u128, standing: Standing, supervision: Supervision, clinic: u128) -> Candidate {
        Candidate {
            id: StaffId::from_uuid(Uuid::from_u128(n)),
            standing,
            answers_for_queue: supervision,
            clinics: vec![ClinicId::from_uuid(Uuid::from_u128(clinic))],
        }
    }
    fn id(n: u128) -> StaffId {
        StaffId::from_uuid(Uuid::from_u128(n))
    }
    fn noon() -> NaiveDateTime {
        chrono::NaiveDate::from_ymd_opt(2026, 3, 1)
            .unwrap()
            .and_hms_opt(12, 0, 0)
            .unwrap()
    }

    #[test]
    fn a_disabled_clinician_is_passed_over_for_the_clinics_supervisor() {
        use {Standing::*, Supervision::*};
        let clinic = ClinicId::from_uuid(Uuid::from_u128(7));
        let staff = [
            person(1, Ineligible, DoesNot, 7),
            person(2, Eligible, DoesNot, 7),
            person(3, Eligible, Supervises, 7),
        ];
        assert_eq!(owner_for(id(1), clinic, &staff), Some(id(3)));
        assert_eq!(owner_for(id(2), clinic, &staff), Some(id(2)));
        assert_eq!(owner_for(id(1), clinic, &staff[..1]), None);
    }

    #[test]
    fn whoever_is_away_is_passed_over_for_the_one_who_stands_in_and_never_for_nobody() {
        use {Standing::*, Supervision::*};
        let clinic = ClinicId::from_uuid(Uuid::from_u128(7));
        let covered = |by: Option<u128>| Absent {
            covered_by: by.map(id),
        };
        let mut staff = [
            person(1, covered(Some(4)), DoesNot, 7),
            person(2, Eligible, Supervises, 7),
            person(4, Eligible, DoesNot, 9),
        ];
        assert_eq!(owner_for(id(1), clinic, &staff), Some(id(4)));
        assert_eq!(next_in_chain(id(1), clinic, &staff, id(4)), Some(id(2)));
        assert_eq!(next_in_chain(id(1), clinic, &staff, id(2)), Some(id(4)));
        // Who stands in is away too.
        staff[2].standing = covered(None);
        assert_eq!(owner_for(id(1), clinic, &staff), Some(id(2)));
        // Everybody is away: still somebody licensed.
        staff[1].standing = covered(None);
        assert_eq!(owner_for(id(1), clinic, &staff), Some(id(1)));
        staff[1].standing = Ineligible;
        assert!(next_in_chain(id(1), clinic, &staff, id(1)).is_some());
    }

    #[test]
    fn escalation_goes_round_without_end() {
        use {Standing::*, Supervision::*};
        let clinic = ClinicId::from_uuid(Uuid::from_u128(7));
        let staff = [
            person(1, Eligible, DoesNot, 7),
            person(2, Eligible, Supervises, 7),
            person(3, Eligible, DoesNot, 9),
        ];
        let mut told = id(1);
        let mut order = vec![];
        for _ in 0..4 {
            told = next_in_chain(id(1), clinic, &staff, told).unwrap();
            order.push(told);
        }
        assert_eq!(order, [id(2), id(3), id(1), id(2)]);
    }

    #[test]
    fn closing_comes_only_after_acknowledging_and_with_words() {
        assert_eq!(
            close(FlagState::Open, "fine"),
            Err(FlagRefusal::NotAcknowledged)
        );
        let step = acknowledge(FlagState::Open, noon()).unwrap();
        assert_eq!(step.next_deadline_at, Some(noon() + CLOSE_WITHIN));
        assert_eq!(close(step.state, "  "), Err(FlagRefusal::NoAssessment));
        assert_eq!(
            close(step.state, "seen today").unwrap().state,
            FlagState::Closed
        );
        assert_eq!(
            acknowledge(FlagState::Closed, noon()),
            Err(FlagRefusal::AlreadyClosed)
        );
    }
}
