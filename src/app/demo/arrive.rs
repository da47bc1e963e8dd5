//! Answers that come in on the demo's first day, by a link and through the same door as everybody's: what they raise is raised by the program itself. The history
//! before them is written in bulk and raises nothing anew.

use crate::app::link::Token;
use crate::app::take_answers::{TakeAnswers, Taken, take_answers};
use crate::app::{App, Failure, give_form};
use crate::domain::access::{Action, Actor, Permit, Subject, decide};
use crate::domain::care::{Layout, ResponseState};
use crate::domain::ids::{EpisodeId, PatientId};
use crate::domain::instrument::{Answers, Instrument, Library, RiskRule};
use crate::domain::submission::{Entry, Intent, Left, Sheet};
use crate::store::response::{self, EpisodeScaleRow};
use crate::store::{Fault, Tx, patient};
use std::cmp::Reverse;

/// So many of those who fare worst answer, and as many of those who have been ill longest.
const OF_EACH: usize = 4;
/// Fewer scores than this are no course.
const SCORES: i32 = 3;
/// So many questions are answered one step higher than the last time.
const WORSE_BY: usize = 3;

/// Somebody who is not getting better, and how they answered last.
struct Ill {
    patient: PatientId,
    course: EpisodeScaleRow,
    instrument: &'static Instrument,
    answers: Answers,
}

impl Ill {
    fn worse_by(&self) -> f64 {
        self.course.last_value - self.course.first_value
    }
}

/// Has some patients who are not getting better answer once more, a little higher; says how many did.
///
/// # Errors
/// When a link or the answers are not taken.
pub async fn arrive(app: &App) -> Result<usize, String> {
    let operator = Actor::Operator { org: app.org };
    let permit = decide(&operator, Action::GiveForm, Subject::Organisation)
        .map_err(|denied| denied.to_string())?;
    let library = app.library;
    let all: Result<Vec<Ill>, Fault> = app.store.read(move |tx| ill(tx, &permit, library)).await;
    let chosen = chosen(all.map_err(|fault| fault.to_string())?);
    for one in &chosen {
        answer(app, operator.clone(), one).await?;
    }
    Ok(chosen.len())
}

fn chosen(mut all: Vec<Ill>) -> Vec<Ill> {
    all.sort_by(|a, b| b.worse_by().total_cmp(&a.worse_by()));
    let mut rest = all.split_off(all.len().min(OF_EACH));
    rest.sort_by_key(|one| Reverse(one.course.n));
    rest.truncate(OF_EACH);
    all.append(&mut rest);
    all
}

fn ill(tx: &mut Tx, permit: &Permit, library: &'static Library) -> Result<Vec<Ill>, Fault> {
    let mut found = vec![];
    for (patient, episode) in patient::active(tx, permit)? {
        found.extend(ill_one(tx, permit, library, patient, episode)?);
    }
    Ok(found)
}

fn ill_one(
    tx: &mut Tx,
    permit: &Permit,
    library: &'static Library,
    patient: PatientId,
    episode: EpisodeId,
) -> Result<Option<Ill>, Fault> {
    let responses = response::of_episode(tx, permit, episode)?;
    let completed = ResponseState::Completed.word();
    let Some(last) = responses.iter().rfind(|row| row.state == completed) else {
        return Ok(None);
    };
    let Some(instrument) = library.get(&last.instrument) else {
        return Ok(None);
    };
    let answers = Answers::from_json(instrument, &last.answers)
        .map_err(|fault| Fault::Corrupt(fault.to_string()))?;
    let courses = response::summaries(tx, permit.org(), episode, &last.instrument)?;
    let watched = instrument.scales.first().map(|scale| scale.id.as_str());
    let course = courses.into_iter().find(|row| {
        Some(row.scale.as_str()) == watched && row.n >= SCORES && row.last_value >= row.first_value
    });
    // What asks for help at once is shown by the patient whose story ends so.
    let calm = |rule: &RiskRule| answers.get(rule.item) == Some(0);
    Ok(course
        .filter(|_| instrument.risk_rules.iter().all(calm))
        .map(|course| Ill {
            patient,
            course,
            instrument,
            answers,
        }))
}

async fn answer(app: &App, operator: Actor, one: &Ill) -> Result<(), String> {
    let words = |failure: Failure<give_form::Refusal>| failure.to_string();
    let ids = vec![one.instrument.id.clone()];
    let handed = give_form::give_form(app, operator, (one.patient, None), ids).await;
    let address = handed.map_err(words)?.address;
    let token = address.rsplit('/').next().and_then(Token::parse);
    let command = TakeAnswers {
        token_hash: token.ok_or("a link without a token")?.hash(),
        holder: Default::default(),
        sheet: Sheet::Whole {
            part: 0,
            answers: a_little_higher(one),
            stood: vec![],
            left: Left::Blank,
        },
        layout: Layout::List,
        language: None,
        intent: Intent::Send,
    };
    let taken = take_answers(app, command).await;
    match taken {
        Ok(Taken::In(_)) => Ok(()),
        other => Err(format!("an invented answer was not taken: {other:?}")),
    }
}

fn a_little_higher(one: &Ill) -> Vec<(String, Entry)> {
    let mut left = WORSE_BY;
    let mut given = vec![];
    for (position, item) in one.instrument.items.iter().enumerate() {
        let Some(value) = one.answers.get(position) else {
            continue;
        };
        let higher = item.options.iter().map(|option| option.value);
        let higher = higher.filter(|other| *other > value).min();
        let asks_for_help = one
            .instrument
            .risk_rules
            .iter()
            .any(|rule| rule.item == position);
        let value = match higher.filter(|_| left > 0 && !asks_for_help) {
            Some(higher) => {
                left -= 1;
                higher
            }
            None => value,
        };
        given.push((item.id.clone(), Entry::Typed(vec![value.to_string()])));
    }
    given
}
