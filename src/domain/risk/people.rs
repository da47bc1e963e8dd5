//! Who may own a flag, and who is told next. Not here: when (`life`), and who is on leave on which day (`schedule::cover`).

use crate::domain::ids::{ClinicId, StaffId};
use chrono::NaiveDateTime;

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
        /// Since when this is so and known, UTC.
        since: NaiveDateTime,
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

/// Who stands in for somebody who is away: the person they named, or whoever stands in for that one. `None` when that ends with nobody who is here.
pub fn stand_in(who: StaffId, staff: &[Candidate]) -> Option<StaffId> {
    let mut asked = who;
    // Two who stand in for each other end it.
    for _ in staff {
        let person = staff.iter().find(|person| person.id == asked)?;
        match person.standing {
            Standing::Eligible => return (asked != who).then_some(asked),
            Standing::Absent { covered_by, .. } => asked = covered_by?,
            Standing::Ineligible => return None,
        }
    }
    None
}

fn ordered(
    clinician: StaffId,
    clinic: ClinicId,
    staff: &[Candidate],
    may: impl Fn(Standing) -> bool,
) -> Vec<StaffId> {
    let stands_in = stand_in(clinician, staff);
    let mut people: Vec<_> = staff.iter().filter(|person| may(person.standing)).collect();
    people.sort_by_key(|person| {
        let near = match person.id {
            id if id == clinician => 0,
            id if Some(id) == stands_in => 1,
            _ => nearness(person, clinic),
        };
        (near, person.id)
    });
    people.into_iter().map(|person| person.id).collect()
}

fn nearness(person: &Candidate, clinic: ClinicId) -> u8 {
    match (person.clinics.contains(&clinic), person.answers_for_queue) {
        (true, Supervision::Supervises) => 2,
        (true, Supervision::DoesNot) => 3,
        (false, Supervision::Supervises) => 4,
        (false, Supervision::DoesNot) => 5,
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
            since: NaiveDateTime::default(),
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
    fn whoever_stands_in_is_found_through_others_who_are_away_and_never_in_a_ring() {
        use {Standing::*, Supervision::*};
        let covered = |by: Option<u128>| Absent {
            covered_by: by.map(id),
            since: NaiveDateTime::default(),
        };
        let mut staff = [
            person(1, covered(Some(2)), DoesNot, 7),
            person(2, covered(Some(3)), DoesNot, 7),
            person(3, Eligible, DoesNot, 7),
        ];
        assert_eq!(stand_in(id(1), &staff), Some(id(3)));
        assert_eq!(stand_in(id(3), &staff), None);
        staff[1].standing = covered(Some(1));
        assert_eq!(stand_in(id(1), &staff), None);
        staff[1].standing = Ineligible;
        assert_eq!(stand_in(id(1), &staff), None);
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
}
