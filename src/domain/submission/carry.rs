//! What a handed-in screener opens: the longer form with the answers that were given already. Which steps there are stands in `schedule::step`; whether
//! the opened form may be used here today is for the caller to find out, and it opens nothing without.

use super::{Asks, Outcome, Part};
use crate::domain::instrument::{Answer, Answers, Instrument, Library, Person, Position, shared};
use crate::domain::risk::Tier;
use crate::domain::risk::rules::{self, RiskHit};
use crate::domain::schedule::step::Step;
use crate::domain::scoring::{self, Scored};

/// The instruments that these steps open now, each once: the ones a score of this hand-in reaches and that are no part of the battery yet. A screener
/// without a score opens nothing.
#[must_use]
pub fn reached<'a>(
    library: &'a Library,
    steps: &[Step],
    outcomes: &[Outcome<'_>],
) -> Vec<&'a Instrument> {
    let mut opened: Vec<&Instrument> = vec![];
    for step in steps {
        let there = outcomes
            .iter()
            .any(|outcome| outcome.instrument.id == step.opens)
            || opened.iter().any(|known| known.id == step.opens);
        let scored = outcomes
            .iter()
            .find(|outcome| outcome.instrument.id == step.screener)
            .and_then(|outcome| outcome.scored.as_ref());
        let newest = library
            .get(&step.opens)
            .filter(|_| !there && scored.is_some_and(|scored| reaches(scored, step)));
        opened.extend(newest);
    }
    opened
}

fn reaches(scored: &Scored<'_>, step: &Step) -> bool {
    let value = scored
        .scores
        .iter()
        .find(|score| score.scale.id == step.scale)
        .and_then(|score| score.value);
    value.is_some_and(|value| value >= step.at_least)
}

/// A form that is opened, with the answers that the forms before it gave already: the same questions in the same language. Handed in at once when
/// nothing is left to ask.
///
/// `before` are the outcomes of this hand-in, each with the language in which it was answered; `language` is the one the opened form is shown in. `flagged` says
/// how soon a person must look at a hit of these under the site's policy, or that it raised nothing: then the opened form's own rule has to.
#[must_use]
pub fn open<'a>(
    instrument: &'a Instrument,
    before: &[(&Outcome<'_>, &str)],
    language: &str,
    flagged: &dyn Fn(&Instrument, &RiskHit<'_>) -> Option<Tier>,
) -> Outcome<'a> {
    let mut answers = Answers::none(instrument);
    let (mut carried, mut seen, mut helped) = (vec![], vec![], vec![]);
    for (outcome, _) in before.iter().filter(|(_, spoken)| *spoken == language) {
        for pair in shared(outcome.instrument, instrument, language) {
            let counted = instrument
                .scales
                .iter()
                .any(|scale| scale.items.iter().any(|item| item.position == pair.to));
            let put = counted
                && !carried.contains(&pair.to)
                && copy(outcome, pair.from, &mut answers, pair.to, instrument);
            if put {
                carried.push(pair.to);
                let known = rules::evaluate(outcome.instrument, &outcome.answers);
                for hit in known.iter().filter(|hit| hit.rule.item == pair.from) {
                    helped.push((pair.to, hit.tier()));
                    seen.extend(flagged(outcome.instrument, hit).map(|tier| (pair.to, tier)));
                }
            }
        }
    }
    carried.sort_unstable();
    // One answer, one flag: unless this form asks for a person sooner than the one before.
    let sooner = |told: &[(Position, Tier)], hit: &RiskHit<'_>| {
        !told
            .iter()
            .any(|(position, tier)| *position == hit.rule.item && *tier <= hit.tier())
    };
    let all = rules::evaluate(instrument, &answers);
    let beyond = |told: &[(Position, Tier)]| -> Vec<RiskHit<'a>> {
        let hits = all.iter().filter(|hit| sooner(told, hit));
        hits.copied().collect()
    };
    // Help was offered by the rules of the form before, whatever the site made of their flags.
    let (hits, news) = (beyond(&seen), beyond(&helped));
    let part = Part {
        instrument,
        answers,
        asks: Asks::AllBut(carried),
    };
    let left = instrument
        .asked(&part.answers)
        .any(|position| part.is_asked(position));
    let scored = (!left).then(|| scoring::score(instrument, &part.answers, Person::default()));
    Outcome {
        instrument,
        answers: part.answers,
        asks: part.asks,
        touched: true,
        scored,
        hits,
        news,
        taken_back: vec![],
    }
}

/// Copies one answer. What was left blank is asked for; that somebody chose not to answer is carried over like an answer.
fn copy(
    outcome: &Outcome<'_>,
    from: Position,
    answers: &mut Answers,
    to: Position,
    instrument: &Instrument,
) -> bool {
    match outcome.answers.at(from) {
        Answer::Blank => false,
        Answer::Declined => {
            answers.decline(to);
            true
        }
        Answer::Value(value) => answers.set(instrument, to, value).is_ok(),
        Answer::Several(ticks) => {
            let values: Vec<i16> = ticks.values().collect();
            answers.set_several(instrument, to, &values).is_ok()
        }
        Answer::Words => {
            let words = outcome.answers.words(from).unwrap_or_default();
            answers.set_words(instrument, to, words).is_ok()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::submission::{Given, Intent, Put, decide};

    fn step() -> Vec<Step> {
        vec!["phq2.total>=3:phq9".parse().unwrap()]
    }

    fn answered(id: &str, values: &[i16]) -> Vec<Outcome<'static>> {
        let instrument = Library::embedded().get(id).unwrap();
        let given: Vec<Given> = values
            .iter()
            .enumerate()
            .map(|(position, value)| Given {
                part: 0,
                position,
                answer: Put::Value(*value),
            })
            .collect();
        decide(vec![Part::fresh(instrument)], &given, Intent::Send).unwrap()
    }

    #[test]
    fn the_threshold_opens_and_a_point_less_does_not() {
        let library = Library::embedded();
        for (values, opens) in [([1, 1], 0), ([2, 1], 1), ([3, 3], 1)] {
            let outcomes = answered("phq2", &values);
            assert_eq!(
                reached(library, &step(), &outcomes).len(),
                opens,
                "{values:?}"
            );
        }
    }

    #[test]
    fn without_a_score_nothing_opens() {
        let outcomes = answered("phq2", &[3]);
        assert!(outcomes[0].scored.is_some());
        assert!(reached(Library::embedded(), &step(), &outcomes).is_empty());
    }

    #[test]
    fn what_is_in_the_battery_already_opens_no_second_time() {
        let library = Library::embedded();
        let mut outcomes = answered("phq2", &[3, 3]);
        let twice = [step(), step()].concat();
        assert_eq!(reached(library, &twice, &outcomes).len(), 1);
        outcomes.extend(answered("phq9", &[]));
        assert!(reached(library, &step(), &outcomes).is_empty());
    }

    fn as_shipped(_: &Instrument, hit: &RiskHit<'_>) -> Option<Tier> {
        Some(hit.tier())
    }

    #[test]
    fn an_answer_below_the_sites_threshold_on_the_screener_is_flagged_by_the_opened_form() {
        let library = Library::embedded();
        let phq9 = library.get("phq9").unwrap();
        let mut screener = phq9.clone();
        screener.id = "screener".into();
        let outcome = Outcome {
            instrument: &screener,
            ..answered("phq9", &[0, 0, 0, 0, 0, 0, 0, 0, 1]).remove(0)
        };
        let below = |_: &Instrument, _: &RiskHit<'_>| None;
        let opened = open(phq9, &[(&outcome, "en")], "en", &below);
        assert_eq!(opened.hits.len(), 1);
        assert!(opened.news.is_empty(), "help was offered with the screener");
    }

    #[test]
    fn answers_are_carried_over_in_the_same_language_only() {
        let library = Library::embedded();
        let outcomes = answered("phq2", &[2, 1]);
        let phq9 = library.get("phq9").unwrap();
        let opened = open(phq9, &[(&outcomes[0], "es")], "es", &as_shipped);
        assert_eq!(opened.answers.to_json(phq9), "{\"1\":2,\"2\":1}");
        assert_eq!(opened.asks, Asks::AllBut(vec![0, 1]));
        assert!(opened.touched && opened.scored.is_none());
        let opened = open(phq9, &[(&outcomes[0], "es")], "en", &as_shipped);
        assert_eq!(
            (opened.answers.answered(), opened.asks),
            (0, Asks::AllBut(vec![]))
        );
    }

    #[test]
    fn an_opened_form_with_nothing_left_to_ask_is_handed_in() {
        let library = Library::embedded();
        let outcomes = answered("phq8", &[1; 8]);
        let mut short = library.get("phq9").unwrap().clone();
        short.items.truncate(2);
        short.scales.truncate(1);
        short.scales[0].items.truncate(2);
        short.criteria.clear();
        short.risk_rules.clear();
        let opened = open(&short, &[(&outcomes[0], "en")], "en", &as_shipped);
        assert!(opened.scored.is_some());
    }

    #[test]
    fn a_carried_risk_answer_is_flagged_once_or_when_the_opened_form_is_more_urgent() {
        let library = Library::embedded();
        let phq9 = library.get("phq9").unwrap();
        let mut screener = phq9.clone();
        screener.id = "screener".into();
        let known = answered("phq9", &[0, 0, 0, 0, 0, 0, 0, 0, 2]).remove(0);
        let found = |screener: &Instrument| {
            let outcome = Outcome {
                instrument: screener,
                hits: vec![],
                scored: None,
                ..known.clone()
            };
            let opened = open(phq9, &[(&outcome, "en")], "en", &as_shipped);
            (opened.hits.len(), opened.news.len())
        };
        assert_eq!(found(&screener), (0, 0), "its flag is the screener's");
        screener.risk_rules[0].tier = Tier::Review;
        assert_eq!(found(&screener), (1, 1), "a person must look sooner");
        screener.risk_rules.clear();
        assert_eq!(found(&screener), (1, 1), "nobody has told yet");
    }
}
