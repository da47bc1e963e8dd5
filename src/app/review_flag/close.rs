//! "Assessed and documented": the only way in which a flag is ever closed.

use super::{Desk, Refusal, act};
use crate::app::{App, Failure};
use crate::domain::access::{Action, Actor};
use crate::domain::ids::FlagId;
use crate::domain::risk::acts::{Seen, saw_all};
use crate::domain::risk::closing::{self, Assessment, Closing, NextCheck, Typed};
use crate::domain::risk::{self, Act, FlagRefusal, FlagState};
use crate::store::closing::{self as closing_store, ClosingRow};
use crate::store::flag;

/// Closes a flag with a documented assessment. A crisis flag must have been taken on; `seen` is what the closer had before them.
///
/// # Errors
/// Refused when it is open (crisis tier) or closed, when something came that was not seen, or with everything that is wrong with the assessment; denied without a licence or
/// out of reach.
pub async fn close(
    app: &App,
    actor: Actor,
    id: FlagId,
    typed: Typed,
    seen: Option<Seen>,
) -> Result<(), Failure<Refusal>> {
    act(app, actor, Action::CloseFlag, id, move |tx, desk| {
        let flag = &desk.names.flag;
        let now = Seen {
            answer: flag.answer,
            answers: flag.answers,
        };
        // What was not seen goes before what is next to do: whoever wrote an assessment learns first that it is about something older.
        if desk.state != FlagState::Closed {
            unseen(seen, now)?;
        }
        let step = risk::close(desk.state, desk.tier)?;
        saw_all(seen, now)?;
        let closing = closing::parse(desk.tier, &typed, desk.today())
            .map_err(|wrong| Failure::Refused(Refusal::Closing(wrong)))?;

        let row = row_of(desk, closing);
        flag::step(tx, &desk.permit, id, step, desk.by, desk.now)?;
        desk.add_act(tx, Act::Closed, desk.by, &row.assessment)?;
        Ok(closing_store::add(tx, &row)?)
    })
    .await
}

fn unseen(seen: Option<Seen>, now: Seen) -> Result<(), FlagRefusal> {
    match seen {
        Some(seen) if seen.answer != now.answer => Err(FlagRefusal::AnswerRose),
        _ => Ok(()),
    }
}

fn row_of(desk: &Desk, closing: Closing) -> ClosingRow {
    let blank = ClosingRow {
        org_id: desk.permit.org(),
        flag_id: desk.names.flag.id,
        staff_id: desk.by,
        at: desk.now,
        asked: String::new(),
        level: String::new(),
        contact: String::new(),
        assessment: String::new(),
        plan: String::new(),
        next_check_on: None,
        no_check_why: None,
        contact_note: None,
        choice: None,
    };
    match closing {
        Closing::Assessed(said) => assessed(said, blank),
        Closing::Short { choice, assessment } => ClosingRow {
            choice: Some(choice.word().into()),
            assessment,
            ..blank
        },
    }
}

fn assessed(said: Assessment, blank: ClosingRow) -> ClosingRow {
    let asked: Vec<&str> = said.asked.iter().map(|topic| topic.word()).collect();
    let (next_check_on, no_check_why) = match said.next_check {
        NextCheck::On(day) => (Some(day), None),
        NextCheck::NotNeeded(why) => (None, Some(why)),
    };
    ClosingRow {
        asked: asked.join(" "),
        level: said.level.word().into(),
        contact: said.contact.word().into(),
        assessment: said.assessment,
        plan: said.plan,
        next_check_on,
        no_check_why,
        contact_note: said.contact_note,
        ..blank
    }
}
