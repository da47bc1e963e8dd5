//! Single rules in words: which answers count, when an item is asked, what a criterion asks.

use crate::domain::instrument::{AskedWhen, Condition, Endorsed, Instrument, Position, Wanted};

/// An item's printed number.
pub(super) fn item(instrument: &Instrument, position: Position) -> &str {
    let known = instrument.items.get(position);
    known.map_or("?", |item| item.id.as_str())
}

/// Which answers count.
pub(super) fn wanted(wanted: &Wanted) -> String {
    match wanted {
        Wanted::From(from) => format!("{from} or more"),
        Wanted::Between(from, to) => format!("{from} to {to}"),
        Wanted::Any(values) => {
            let values: Vec<_> = values.iter().map(ToString::to_string).collect();
            values.join(" or ")
        }
    }
}

/// When an item is asked.
pub(super) fn gate(instrument: &Instrument, asked: &AskedWhen) -> String {
    let joined = |parts: &[AskedWhen], word: &str| {
        let parts: Vec<_> = parts.iter().map(|part| gate(instrument, part)).collect();
        format!("({})", parts.join(word))
    };
    match asked {
        AskedWhen::Answer {
            item: position,
            wanted: answers,
        } => format!(
            "item {} is {}",
            item(instrument, *position),
            wanted(answers)
        ),
        AskedWhen::All(parts) => joined(parts, " and "),
        AskedWhen::Any(parts) => joined(parts, " or "),
    }
}

/// What a criterion asks.
pub(super) fn condition(instrument: &Instrument, asked: &Condition) -> String {
    let joined = |parts: &[Condition], word: &str| {
        let parts: Vec<_> = parts
            .iter()
            .map(|part| match part {
                Condition::All(_) | Condition::Any(_) => {
                    format!("({})", condition(instrument, part))
                }
                Condition::Count { .. } | Condition::Score { .. } => condition(instrument, part),
            })
            .collect();
        parts.join(word)
    };
    match asked {
        Condition::Count {
            endorsed,
            at_least,
            at_most,
        } => count(instrument, endorsed, *at_least, *at_most),
        Condition::Score { scale, limit } => {
            let id = instrument.scales.get(*scale).map_or("?", |scale| &scale.id);
            format!("a score on {id} of {limit}")
        }
        Condition::All(parts) => joined(parts, "; and "),
        Condition::Any(parts) => joined(parts, "; or "),
    }
}

fn count(
    instrument: &Instrument,
    endorsed: &[Endorsed],
    at_least: u16,
    at_most: Option<u16>,
) -> String {
    let mut groups: Vec<(&Wanted, Vec<&str>)> = Vec::new();
    for one in endorsed {
        let id = item(instrument, one.position);
        match groups.last_mut() {
            Some((wanted, ids)) if **wanted == one.wanted => ids.push(id),
            _ => groups.push((&one.wanted, vec![id])),
        }
    }
    let groups: Vec<_> = groups
        .iter()
        .map(|(answers, ids)| {
            let noun = if ids.len() == 1 { "item" } else { "items" };
            format!("{noun} {} answered {}", ids.join(", "), wanted(answers))
        })
        .collect();
    let groups = groups.join(", or ");
    match (endorsed.len(), at_least, at_most) {
        (1, 1, None) => groups,
        (_, _, None) => format!("at least {at_least} of {groups}"),
        (_, 0, Some(most)) => format!("at most {most} of {groups}"),
        (_, _, Some(most)) => format!("{at_least} to {most} of {groups}"),
    }
}
