//! How often in a row a patient has not answered. Not here: what is done about it.

use super::AdministrationState;

/// The forms that ended without an answer since the last one that was answered. `newest_first` are the states of an episode's occasions; what is open
/// still or was withdrawn by the clinic says nothing about the patient.
pub fn missed_in_a_row(newest_first: impl IntoIterator<Item = AdministrationState>) -> usize {
    use AdministrationState::{
        Abandoned, Cancelled, Completed, Declined, Expired, NotSeen, Opened, Planned, Sent,
    };
    newest_first
        .into_iter()
        .filter(|state| !matches!(state, Planned | Sent | Opened | Cancelled))
        .take_while(|state| match state {
            Declined | NotSeen | Abandoned | Expired => true,
            Completed | Planned | Sent | Opened | Cancelled => false,
        })
        .count()
}

#[cfg(test)]
mod tests {
    use super::super::AdministrationState::*;
    use super::*;

    #[test]
    fn an_answer_begins_the_count_anew_and_open_or_withdrawn_forms_do_not_count() {
        assert_eq!(missed_in_a_row([]), 0);
        assert_eq!(missed_in_a_row([Completed, NotSeen]), 0);
        let states = [Sent, NotSeen, Cancelled, Abandoned, Completed, Declined];
        assert_eq!(missed_in_a_row(states), 2);
        assert_eq!(missed_in_a_row([Declined, Expired, NotSeen]), 3);
    }
}
