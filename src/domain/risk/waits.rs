//! When a flag waited for somebody to take it on, read off its history: for looking back at how soon people acted. Pure; by when it had to be taken on is `life`'s to say, and
//! what is counted `app::read_timeliness`'s.

use super::Act;
use chrono::NaiveDateTime;

/// The acts that [`waits`] reads; the others neither begin a wait nor end one.
pub const READ: [Act; 7] = [
    Act::Acknowledged,
    Act::Claimed,
    Act::Reopened,
    Act::HandedOver,
    Act::Notified,
    Act::Alarmed,
    Act::Closed,
];

/// What a wait began with, on which hangs how long it may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Begun {
    /// An answer that raised it or made it a crisis flag, or a colleague who gave it to another.
    Anew,
    /// Whoever had it is not here any more: the program told the next person.
    PassedOn,
}

/// A time in which a flag waited for somebody to take it on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wait {
    /// With what it began.
    pub begun: Begun,
    /// When it began.
    pub began: NaiveDateTime,
    /// When it was over; `None` while the flag waits.
    pub ended: Option<NaiveDateTime>,
}

/// The times in which a flag waited, oldest first; its acts in the order in which they were done.
///
/// A notice or an alarm tells only that somebody was told. Both are written by one step alone, which leaves the flag open (`life::pass_on`); what a flag that somebody keeps is told
/// of is due or overdue, which are acts of their own. So the first of them after somebody took the flag on took it from them, and every other repeats what waits already. A flag that
/// is given to a colleague before anybody took it on has waited since it was raised.
///
/// A flag that was raised for review and became a crisis flag at some moment waits from then on for something else, also when nobody had it: one wait is over, another begins.
#[must_use]
pub fn waits(
    raised_at: NaiveDateTime,
    acts: &[(Act, NaiveDateTime)],
    became_crisis: Option<NaiveDateTime>,
) -> Vec<Wait> {
    let waits = taken_on_and_from(raised_at, acts);
    let Some(became) = became_crisis else {
        return waits;
    };
    let parts = waits.into_iter().flat_map(|wait| {
        let both = wait.began < became && wait.ended.is_none_or(|ended| ended > became);
        let before = both.then_some(Wait {
            ended: Some(became),
            ..wait
        });
        let after = match both {
            true => Wait {
                begun: Begun::Anew,
                began: became,
                ended: wait.ended,
            },
            false => wait,
        };
        before.into_iter().chain([after])
    });
    parts.collect()
}

fn taken_on_and_from(raised_at: NaiveDateTime, acts: &[(Act, NaiveDateTime)]) -> Vec<Wait> {
    let mut over = vec![];
    let mut wait = Wait {
        begun: Begun::Anew,
        began: raised_at,
        ended: None,
    };
    for (act, at) in acts {
        let begun = match act {
            // One for review may be closed by whoever reads it, without a word before.
            Act::Acknowledged | Act::Claimed | Act::Closed => {
                wait.ended = wait.ended.or(Some(*at));
                continue;
            }
            Act::Reopened | Act::HandedOver => Begun::Anew,
            Act::Notified | Act::Alarmed => Begun::PassedOn,
            _ => continue,
        };
        if wait.ended.is_some() {
            over.push(wait);
            wait = Wait {
                begun,
                began: *at,
                ended: None,
            };
        }
    }
    over.push(wait);
    over
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::TimeDelta;

    fn at(minute: i64) -> NaiveDateTime {
        NaiveDateTime::default() + TimeDelta::minutes(minute)
    }

    /// Began and ended, in minutes after the answer.
    fn waited(acts: &[(Act, i64)]) -> Vec<(Begun, i64, Option<i64>)> {
        waited_as(acts, None)
    }

    fn waited_as(acts: &[(Act, i64)], crisis: Option<i64>) -> Vec<(Begun, i64, Option<i64>)> {
        let acts: Vec<_> = acts
            .iter()
            .map(|(act, minute)| (*act, at(*minute)))
            .collect();
        let minute = |moment: NaiveDateTime| (moment - at(0)).num_minutes();
        waits(at(0), &acts, crisis.map(at))
            .into_iter()
            .map(|wait| (wait.begun, minute(wait.began), wait.ended.map(minute)))
            .collect()
    }

    #[test]
    fn a_flag_waits_again_when_it_is_taken_from_whoever_had_it() {
        use Begun::{Anew, PassedOn};
        assert_eq!(waited(&[]), [(Anew, 0, None)]);
        assert_eq!(waited(&[(Act::Closed, 7)]), [(Anew, 0, Some(7))]);
        for (act, begun) in [
            (Act::Reopened, Anew),
            (Act::HandedOver, Anew),
            (Act::Notified, PassedOn),
            (Act::Alarmed, PassedOn),
        ] {
            assert_eq!(
                waited(&[(Act::Acknowledged, 10), (act, 12), (Act::Acknowledged, 300)]),
                [(Anew, 0, Some(10)), (begun, 12, Some(300))],
                "{act}"
            );
            assert_eq!(
                waited(&[(act, 12), (act, 27), (Act::Acknowledged, 30)]),
                [(Anew, 0, Some(30))],
                "{act} while nobody had it"
            );
        }
        // The next people are told while the colleague does not answer: one wait.
        assert_eq!(
            waited(&[
                (Act::Acknowledged, 10),
                (Act::Claimed, 11),
                (Act::HandedOver, 12),
                (Act::Notified, 27),
                (Act::Alarmed, 42),
            ]),
            [(Anew, 0, Some(10)), (Anew, 12, None)]
        );
    }

    #[test]
    fn what_becomes_a_crisis_flag_waits_from_then_on_for_something_else() {
        use Begun::Anew;
        assert_eq!(
            waited_as(&[(Act::Acknowledged, 305)], Some(300)),
            [(Anew, 0, Some(300)), (Anew, 300, Some(305))]
        );
        assert_eq!(
            waited_as(&[], Some(300)),
            [(Anew, 0, Some(300)), (Anew, 300, None)]
        );
        // Somebody had it: the history says that it was opened again.
        let acts = [
            (Act::Acknowledged, 10),
            (Act::Reopened, 300),
            (Act::Acknowledged, 305),
        ];
        assert_eq!(
            waited_as(&acts, Some(300)),
            [(Anew, 0, Some(10)), (Anew, 300, Some(305))]
        );
    }

    #[test]
    fn being_told_that_it_is_due_takes_a_flag_from_nobody() {
        let acts = [
            (Act::Acknowledged, 10),
            (Act::CloseDue, 600),
            (Act::Overdue, 1_440),
        ];
        assert_eq!(waited(&acts), [(Begun::Anew, 0, Some(10))]);
    }
}
