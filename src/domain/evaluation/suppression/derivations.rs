//! Which groups of people can be counted by adding and subtracting the counts shown for one cell.
//!
//! Each count is a set of kinds of episode. Taking a contained set away from its container gives another real group,
//! again and again: the closure below. Not here: what is done about it.

use std::collections::BTreeMap;

/// A set of kinds of episode, one bit a kind.
pub type Kinds = u128;
/// A set of counts, one bit a count.
pub type Counts = u32;

/// A group of people and the counts one needs to see to work out its size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Derivation {
    /// The kinds of episode in the group.
    pub group: Kinds,
    /// The counts it takes.
    pub needs: Counts,
}

/// All groups that follow from `sets` (one per count), each with every smallest choice of counts that gives it away;
/// `None` when there are more than `limit`.
pub fn derivations(sets: &[Kinds], limit: usize) -> Option<Vec<Derivation>> {
    let mut known = Known::default();
    let mut fresh: Vec<Derivation> = sets
        .iter()
        .enumerate()
        // Equal sets are shown and hidden together; the first stands for all.
        .filter(|(count, group)| !sets.iter().take(*count).any(|earlier| earlier == *group))
        .filter_map(|(count, &group)| {
            let needs = 1 << count;
            known.learn(Derivation { group, needs })
        })
        .collect();
    while !fresh.is_empty() {
        let all = known.all();
        if all.len() > limit {
            return None;
        }
        fresh = one_step(&fresh, &all, &mut known);
    }
    Some(known.all())
}

fn one_step(fresh: &[Derivation], all: &[Derivation], known: &mut Known) -> Vec<Derivation> {
    let mut next = Vec::new();
    for new in fresh {
        for old in all {
            next.extend(difference(new, old).and_then(|found| known.learn(found)));
        }
    }
    next
}

/// The larger group without the smaller, where one contains the other.
fn difference(left: &Derivation, right: &Derivation) -> Option<Derivation> {
    let shared = left.group & right.group;
    let rest = if shared == right.group {
        left.group & !shared
    } else if shared == left.group {
        right.group & !shared
    } else {
        0
    };
    let needs = left.needs | right.needs;
    (rest != 0).then_some(Derivation { group: rest, needs })
}

#[derive(Default)]
struct Known(BTreeMap<Kinds, Vec<Counts>>);

impl Known {
    /// Remembers a derivation unless a smaller one of the same group is known; hands it back when it was news.
    fn learn(&mut self, found: Derivation) -> Option<Derivation> {
        if found.group == 0 {
            return None;
        }
        let ways = self.0.entry(found.group).or_default();
        if ways.iter().any(|way| way & found.needs == *way) {
            return None;
        }
        ways.retain(|way| way & found.needs != found.needs);
        ways.push(found.needs);
        Some(found)
    }

    fn all(&self) -> Vec<Derivation> {
        self.0
            .iter()
            .flat_map(|(&group, ways)| ways.iter().map(move |&needs| Derivation { group, needs }))
            .collect()
    }
}
