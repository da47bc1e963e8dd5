//! Which groups of people can be counted by adding and subtracting the counts shown for one cell.
//!
//! Each count is a set of kinds of episode. Taking a contained set away from its container gives another real group,
//! again and again: the closure below. Not here: what is done about it.

use std::cmp::Reverse;
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

/// All groups that follow from `sets` (one per count), each with every smallest choice of counts that gives it away,
/// those that take later counts first; `None` when there are more than `limit`.
pub fn derivations(sets: &[Kinds], limit: usize) -> Option<Vec<Derivation>> {
    let mut known = Ways::default();
    let mut fresh = Ways::default();
    for (count, &group) in sets.iter().enumerate() {
        // Equal sets are shown and hidden together; the first stands for all.
        if !sets.iter().take(count).any(|earlier| *earlier == group) {
            known.learn(group, 1 << count, &mut fresh);
        }
    }
    while !fresh.0.is_empty() {
        if known.len() > limit {
            return None;
        }
        fresh = one_step(&fresh, &mut known);
    }
    Some(known.listed())
}

/// Everything new that follows from something fresh and something known.
fn one_step(fresh: &Ways, known: &mut Ways) -> Ways {
    let mut next = Ways::default();
    let all: Vec<(Kinds, Vec<Counts>)> = known.0.clone().into_iter().collect();
    for (&new, new_ways) in &fresh.0 {
        for (old, old_ways) in &all {
            // Groups first and ways after: most pairs of groups do not contain each other.
            if let Some(rest) = difference(new, *old) {
                for (one, other) in pairs(new_ways, old_ways) {
                    known.learn(rest, one | other, &mut next);
                }
            }
        }
    }
    next.keep(known);
    next
}

fn pairs<'a>(
    left: &'a [Counts],
    right: &'a [Counts],
) -> impl Iterator<Item = (Counts, Counts)> + 'a {
    left.iter()
        .flat_map(|&one| right.iter().map(move |&other| (one, other)))
}

/// The larger group without the smaller, where one contains the other.
fn difference(left: Kinds, right: Kinds) -> Option<Kinds> {
    let shared = left & right;
    let rest = if shared == right {
        left & !shared
    } else if shared == left {
        right & !shared
    } else {
        0
    };
    (rest != 0).then_some(rest)
}

/// Groups, each with the ways to work it out.
#[derive(Default)]
struct Ways(BTreeMap<Kinds, Vec<Counts>>);

impl Ways {
    /// Remembers a way unless a smaller one to the same group is known; notes in `fresh` when it was news.
    fn learn(&mut self, group: Kinds, needs: Counts, fresh: &mut Ways) {
        if group == 0 {
            return;
        }
        let ways = self.0.entry(group).or_default();
        if ways.iter().any(|way| way & needs == *way) {
            return;
        }
        ways.retain(|way| way & needs != needs);
        ways.push(needs);
        fresh.0.entry(group).or_default().push(needs);
    }

    /// Forgets the ways that are not `known` any more: what follows from them follows from smaller ones too.
    fn keep(&mut self, known: &Ways) {
        self.0.retain(|group, ways| {
            let standing = known.0.get(group);
            ways.retain(|way| standing.is_some_and(|standing| standing.contains(way)));
            !ways.is_empty()
        });
    }

    fn len(&self) -> usize {
        self.0.values().map(Vec::len).sum()
    }

    fn listed(mut self) -> Vec<Derivation> {
        self.0
            .values_mut()
            .for_each(|ways| ways.sort_unstable_by_key(|&way| Reverse(way)));
        self.0
            .iter()
            .flat_map(|(&group, ways)| ways.iter().map(move |&needs| Derivation { group, needs }))
            .collect()
    }
}
