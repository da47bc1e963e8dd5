//! How much one form asks of a patient, and what is left out when a month would ask too much. When it is asked is `planning`.

use crate::domain::ids::PlanId;
use crate::domain::instrument::Instrument;

/// Seconds for one question. An estimate, not a measurement: no definition names its own duration.
pub const SECONDS_A_QUESTION: u32 = 9;
/// The days over which minutes are counted.
pub const BUDGET_DAYS: i64 = 30;

/// How long an instrument takes, in seconds, by its number of questions, rounded up to half minutes. An estimate.
pub fn seconds_of(instrument: &Instrument) -> u32 {
    let questions = u32::try_from(instrument.items.len()).unwrap_or(u32::MAX);
    questions
        .saturating_mul(SECONDS_A_QUESTION)
        .div_ceil(30)
        .saturating_mul(30)
}

/// What one plan would ask.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wish {
    /// The plan.
    pub plan: PlanId,
    /// Instruments in order of asking, each with its seconds.
    pub instruments: Vec<(String, u32)>,
}

/// What is asked on one occasion.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Asked {
    /// Instruments in order of asking, each once.
    pub instruments: Vec<String>,
    /// What it takes, in seconds.
    pub seconds: u32,
    /// The supplements that are left out, the least informative first, each with the words that say so.
    pub dropped: Vec<(PlanId, String)>,
}

/// Puts a core and its supplements (what is dropped last stands first) into one form. The core is always asked whole; supplements are dropped from the
/// end until the month's budget holds. `asked_s`: seconds asked of this patient in the thirty days before; `budget_s`: seconds a month may ask.
pub fn battery(core: &[Wish], supplements: &[Wish], asked_s: u32, budget_s: u32) -> Asked {
    let fits = |kept: &[Wish]| {
        let (_, seconds) = joined(core.iter().chain(kept));
        asked_s.saturating_add(seconds) <= budget_s
    };
    let mut kept = supplements;
    while let Some((_, rest)) = kept.split_last()
        && !fits(kept)
    {
        kept = rest;
    }
    let (instruments, seconds) = joined(core.iter().chain(kept));
    // One that asks nothing the others do not ask costs nothing.
    let left_out = |wish: &&Wish| {
        wish.instruments
            .iter()
            .any(|(id, _)| !instruments.contains(id))
    };
    let dropped = supplements
        .iter()
        .skip(kept.len())
        .rev()
        .filter(left_out)
        .map(|wish| {
            let (_, with_it) = joined(core.iter().chain(kept).chain([wish]));
            (
                wish.plan,
                words(asked_s, with_it, with_it - seconds, budget_s),
            )
        })
        .collect();
    Asked {
        instruments,
        seconds,
        dropped,
    }
}

fn joined<'a>(wishes: impl Iterator<Item = &'a Wish>) -> (Vec<String>, u32) {
    let (mut instruments, mut seconds) = (Vec::<String>::new(), 0_u32);
    for (id, takes) in wishes.flat_map(|wish| &wish.instruments) {
        if !instruments.contains(id) {
            instruments.push(id.clone());
            seconds = seconds.saturating_add(*takes);
        }
    }
    (instruments, seconds)
}

fn words(asked_s: u32, with_it_s: u32, saved_s: u32, budget_s: u32) -> String {
    format!(
        "left out to keep within {} minutes in 30 days: it takes about {}, and the month would come to about {}",
        minutes(budget_s),
        minutes(saved_s),
        minutes(asked_s.saturating_add(with_it_s)),
    )
}

/// Seconds as minutes to the half: `1.5`.
pub fn minutes(seconds: u32) -> String {
    let halves = seconds.div_ceil(30);
    match (halves / 2, halves % 2) {
        (whole, 0) => whole.to_string(),
        (whole, _) => format!("{whole}.5"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wish(n: u128, instruments: &[(&str, u32)]) -> Wish {
        Wish {
            plan: PlanId::from_uuid(uuid::Uuid::from_u128(n)),
            instruments: instruments
                .iter()
                .map(|(id, seconds)| ((*id).to_owned(), *seconds))
                .collect(),
        }
    }
    fn dropped(asked: &Asked) -> Vec<u128> {
        asked
            .dropped
            .iter()
            .map(|(plan, _)| u128::from_be_bytes(*plan.bytes()))
            .collect()
    }

    #[test]
    fn an_instrument_of_two_plans_is_asked_once() {
        let asked = battery(
            &[wish(1, &[("a", 60)])],
            &[wish(2, &[("a", 60), ("b", 60)])],
            0,
            120,
        );
        assert_eq!(
            (asked.instruments, asked.seconds),
            (vec!["a".into(), "b".into()], 120)
        );
        assert!(asked.dropped.is_empty());
    }

    #[test]
    fn the_last_supplement_is_dropped_first_and_says_why() {
        let core = [wish(1, &[("a", 120)])];
        let more = [wish(2, &[("b", 60)]), wish(3, &[("c", 60)])];
        let asked = battery(&core, &more, 60, 240);
        assert_eq!(dropped(&asked), [3]);
        assert_eq!(
            asked.dropped[0].1,
            "left out to keep within 4 minutes in 30 days: it takes about 1, and the month would come to about 5"
        );
        let same = [wish(2, &[("b", 60)]), wish(3, &[("b", 60)])];
        assert_eq!(dropped(&battery(&core, &same, 120, 240)), [3, 2]);
        assert_eq!(dropped(&battery(&core, &same, 60, 240)), []);
        assert_eq!(dropped(&battery(&core, &more, 120, 240)), [3, 2]);
    }

    #[test]
    fn the_core_is_never_dropped() {
        let asked = battery(&[wish(1, &[("a", 600)])], &[wish(2, &[("b", 30)])], 900, 60);
        assert_eq!(
            (asked.instruments.clone(), dropped(&asked)),
            (vec!["a".to_owned()], vec![2])
        );
    }

    #[test]
    fn minutes_are_said_to_the_half() {
        assert_eq!(
            (minutes(90), minutes(60), minutes(0)),
            ("1.5".into(), "1".into(), "0".into())
        );
    }
}
