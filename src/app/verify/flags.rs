//! What must hold of flags: each answer that a rule names is on one, each flag has its answers, notice, owner and deadlines, and none was closed but by a licensed person who
//! had taken it on and documented an assessment.

use super::{Known, Verification};
use crate::domain::ids::{FlagId, ResponseId};
use crate::domain::instrument::{Answers, Instrument, Library};
use crate::domain::risk::{Act, FlagState, HowAnswered, PHRASE_RULE, Tier, rules};
use crate::store::flag::{FlagAnswerRow, FlagRow};
use crate::store::past::PastRow;
use crate::store::response::ResponseRow;
use crate::store::verify::{ActRow, Page};
use std::collections::HashMap;

/// The flags of a page with what hangs on them, found by their keys.
pub(super) struct OfFlags<'a> {
    by_response: HashMap<ResponseId, Vec<&'a FlagAnswerRow>>,
    by_flag: HashMap<FlagId, Vec<&'a FlagAnswerRow>>,
    acts: HashMap<FlagId, Vec<&'a ActRow>>,
}

impl<'a> OfFlags<'a> {
    pub fn of(page: &'a Page) -> Self {
        let mut found = OfFlags {
            by_response: HashMap::new(),
            by_flag: HashMap::new(),
            acts: HashMap::new(),
        };
        for row in &page.flag_answers {
            found.by_flag.entry(row.flag_id).or_default().push(row);
            if let Some(response) = row.response_id {
                found.by_response.entry(response).or_default().push(row);
            }
        }
        for act in &page.flag_acts {
            found.acts.entry(act.flag_id).or_default().push(act);
        }
        found
    }

    fn acts(&self, flag: FlagId) -> &[&'a ActRow] {
        self.acts.get(&flag).map_or(&[], Vec::as_slice)
    }

    fn answers(&self, flag: FlagId) -> &[&'a FlagAnswerRow] {
        self.by_flag.get(&flag).map_or(&[], Vec::as_slice)
    }
}

/// A response as those who look back see it.
fn past(row: &ResponseRow) -> PastRow {
    PastRow {
        id: row.id,
        administration_id: row.administration_id,
        episode_id: row.episode_id,
        instrument: row.instrument.clone(),
        version: row.version.clone(),
        answers: String::new(),
        started_at: row.started_at,
        completed_at: row.completed_at,
        carried: row.carried.clone(),
    }
}

/// Every answer that a rule names is on a flag, unless the site's threshold of its time lay above it or it came with the form before.
pub(super) fn check_risk(
    found: &mut Verification,
    known: &Known,
    (page, flags): (&Page, &OfFlags<'_>),
    row: &ResponseRow,
    instrument: &Instrument,
    answers: &Answers,
) {
    let hits = rules::evaluate(instrument, answers);
    found.count("positive_answers", hits.len());
    let of_response = flags
        .by_response
        .get(&row.id)
        .map_or(&[][..], Vec::as_slice);
    for hit in &hits {
        let flagged = of_response
            .iter()
            .any(|answer| answer.rule == hit.rule.id && answer.answer >= i32::from(hit.value));
        if !flagged
            && !known.policies.below_threshold(&past(row), hit)
            && !flagged_before(page, row, hit.item)
        {
            found.breaks(
                "every answer that a risk rule names has its flag",
                row.id.to_string(),
            );
        }
    }
    for answer in of_response {
        let stays = hits.iter().any(|hit| hit.rule.id == answer.rule);
        if !stays && !was_changed(flags.acts(answer.flag_id), answer, instrument) {
            found.breaks(
                "every answer on a flag stands in its response, or was changed and says so",
                answer.flag_id.to_string(),
            );
        }
    }
}

/// Whether the history of its flag says that the answer was changed afterwards. Words have no rule of a definition, and cannot be looked for here.
fn was_changed(acts: &[&ActRow], answer: &FlagAnswerRow, instrument: &Instrument) -> bool {
    let in_definition = instrument
        .risk_rules
        .iter()
        .any(|rule| rule.id == answer.rule);
    !in_definition
        || acts
            .iter()
            .any(|act| act.act == Act::AnswerChanged.word() && act.at >= answer.at)
}

/// Whether the answer to this item came with a form before it on the same occasion, which has a flag of its own.
fn flagged_before(page: &Page, row: &ResponseRow, item: &str) -> bool {
    let carried = row.carried.as_deref().unwrap_or_default();
    let before = |answer: &FlagAnswerRow| {
        page.responses.iter().any(|other| {
            Some(other.id) == answer.response_id
                && other.id != row.id
                && other.administration_id == row.administration_id
        })
    };
    carried.split_whitespace().any(|known| known == item) && page.flag_answers.iter().any(before)
}

/// What must hold of each flag of a page.
pub(super) fn check_flags(
    found: &mut Verification,
    library: &Library,
    known: &Known,
    (page, flags): (&Page, &OfFlags<'_>),
) {
    found.count("flag_answers", page.flag_answers.len());
    found.count("assessments", page.closings.len());
    let responses: HashMap<ResponseId, &ResponseRow> =
        page.responses.iter().map(|row| (row.id, row)).collect();
    for row in &page.flags {
        check_answers(found, library, flags.answers(row.id), &responses, row);
        if !known.notified.contains(&row.id.bytes()[..]) {
            found.breaks("every flag has a notice", row.id.to_string());
        }
        let acts = flags.acts(row.id);
        if row.state == FlagState::Closed.word() {
            check_closed(found, known, page, row, acts);
        } else {
            check_waiting(found, known, page, row, acts);
        }
    }
}

fn check_answers(
    found: &mut Verification,
    library: &Library,
    answers: &[&FlagAnswerRow],
    responses: &HashMap<ResponseId, &ResponseRow>,
    row: &FlagRow,
) {
    let id = row.id.to_string();
    if i32::try_from(answers.len()).ok() != Some(row.answers) || answers.is_empty() {
        found.breaks("every flag has the answers that it counts", id.clone());
    }
    let raised = answers
        .iter()
        .filter(|answer| answer.how == HowAnswered::Raised.word());
    if raised.count() != 1 {
        found.breaks("every flag was raised by one answer", id.clone());
    }
    if answers.iter().map(|answer| answer.answer).max() != Some(row.answer) {
        found.breaks("every flag names the highest of its answers", id.clone());
    }
    for answer in answers {
        let Some(response) = answer.response_id else {
            continue;
        };
        // What was found in words names where they were written, which may be a note to the form.
        let whole = responses.get(&response).is_some_and(|known| {
            answer.rule == PHRASE_RULE
                || (known.instrument == answer.instrument && known.version == answer.version)
        });
        let in_rule = library
            .version(&answer.instrument, &answer.version)
            .and_then(|instrument| {
                let mut rules = instrument.risk_rules.iter();
                rules.find(|rule| rule.id == answer.rule)
            })
            .is_none_or(|rule| {
                i16::try_from(answer.answer).is_ok_and(|value| rule.wanted.takes(value))
            });
        if !whole || !in_rule {
            found.breaks(
                "every answer on a flag is one that its rule names, in a response of its episode",
                id.clone(),
            );
        }
    }
}

/// Acts by which somebody takes a flag on.
fn takes_on(act: &ActRow) -> bool {
    [Act::Acknowledged.word(), Act::Claimed.word()].contains(&act.act.as_str())
}

fn check_closed(
    found: &mut Verification,
    known: &Known,
    page: &Page,
    row: &FlagRow,
    acts: &[&ActRow],
) {
    let id = row.id.to_string();
    let mut closed = acts.iter().filter(|act| act.act == Act::Closed.word());
    let (first, second) = (closed.next(), closed.next());
    let licensed = |who| known.licensed.contains(&who);
    if !first.is_some_and(|act| act.staff_id.is_some_and(licensed)) {
        found.breaks(
            "every closed flag was closed by a licensed person",
            id.clone(),
        );
    }
    if second.is_some() {
        found.breaks("every flag is closed once", id.clone());
    }
    if row.closed_at.is_none() || first.is_some_and(|act| row.closed_at != Some(act.at)) {
        found.breaks("every closed flag says when it was closed", id.clone());
    }
    if row.tier != Tier::Crisis.word() {
        return;
    }
    // Not by the times: a clock that went back between the two would tell of a fault that is none.
    let taken_on = acts.iter().any(|act| takes_on(act));
    if !taken_on {
        found.breaks(
            "every closed crisis flag was taken on before it was closed",
            id.clone(),
        );
    }
    let mut closings = page.closings.iter();
    let assessment = closings.find(|(flag, ..)| *flag == row.id);
    if !assessment.is_some_and(|(_, who, _)| licensed(*who))
        && !known.closed_before.contains(&row.id)
    {
        found.breaks(
            "every closed crisis flag has an assessment by a licensed person",
            id,
        );
    }
}

fn check_waiting(
    found: &mut Verification,
    known: &Known,
    page: &Page,
    row: &FlagRow,
    acts: &[&ActRow],
) {
    let id = row.id.to_string();
    found.count("flags_waiting", 1);
    if acts.iter().any(|act| act.act == Act::Closed.word())
        || page.closings.iter().any(|(flag, ..)| *flag == row.id)
    {
        found.breaks("a waiting flag has not been closed", id.clone());
    }
    let taken_on = acts.iter().any(|act| takes_on(act)) && row.acknowledged_at.is_some();
    if row.state == FlagState::Acknowledged.word() && !taken_on {
        found.breaks(
            "every acknowledged flag was taken on by somebody",
            id.clone(),
        );
    }
    if !known.eligible.contains(&row.owner_id) {
        found.breaks(
            "every waiting flag has an owner who is active and licensed",
            id.clone(),
        );
    }
    if row.due_at.is_none() || row.next_step_at.is_none() {
        found.breaks("every waiting flag has a next deadline", id);
    }
}
