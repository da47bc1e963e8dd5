//! "Something you want to put right?": a note to answers that are handed in. It stands beside them and changes nothing.

use super::lead::{self, Opened};
use super::view::{Correction, Missing, NoticeKind};
use super::visit::{Calm, Page, Visit};
use super::ways::{CORRECTION, help_first};
use crate::app::Failure;
use crate::app::correct::{self, Noted, Refusal};
use crate::app::take_answers::Support;
use crate::domain::correction::{LONGEST, Unfit};
use crate::store::door::Door;
use crate::web::form::{Fields, FormTrouble};
use actix_web::http::StatusCode;

/// The page with the field.
pub async fn correction(visit: Visit) -> Page {
    let Opened { door, .. } = &visit.look().await?;
    match correct::is_full(&visit.site.app, &door.slip).await {
        Ok(true) if lead::takes_note(door) => refuse(&visit, door, Refusal::TooMany).await,
        Ok(_) => show(&visit, door, Missing::Nothing, String::new(), "").await,
        Err(fault) => Err(visit.calm_or_end(Failure::Fault(fault)).await),
    }
}

/// After a note was kept.
pub async fn corrected(visit: Visit) -> Page {
    visit.look().await?;
    Ok(visit.say(StatusCode::OK, NoticeKind::Corrected).await)
}

/// A note came.
pub async fn correct(visit: Visit, fields: Result<Fields, FormTrouble>) -> Page {
    let fields = visit.fields(fields).await?;
    let typed = fields.one("note");
    let (hash, language) = (visit.token().await?.hash(), visit.said());
    let note = correct::correct(
        &visit.site.app,
        hash,
        visit.holder,
        typed.to_owned(),
        language,
    );
    let (why, support) = match note.await {
        Ok(Noted::Kept(support)) => return Ok(visit.go(&help_first("/corrected", support))),
        Ok(Noted::NotKept { why, support }) => (why, support),
        Err(Failure::Refused(why)) => (why, Support::NotNow),
        Err(Failure::Denied(denied)) => {
            return Err(visit.calm_or_end(Failure::Denied(denied)).await);
        }
        Err(Failure::Fault(fault)) => return Err(visit.calm_or_end(Failure::Fault(fault)).await),
    };
    let visit = visit.helping(support);
    if let Refusal::Link(why) = why {
        return Err(visit.calm_or_end(Failure::Refused(why)).await);
    }
    let Opened { door, .. } = &visit.look().await?;
    let words = &visit.frame(door).words;
    match why {
        Refusal::Unfit(Unfit::Empty) => {
            let why = words.correction.nothing_written.to_owned();
            show(&visit, door, Missing::Asked, why, typed).await
        }
        Refusal::Unfit(Unfit::TooLong { by }) => {
            let why = (words.question.too_long)(by);
            show(&visit, door, Missing::Unfit, why, typed).await
        }
        why => refuse(&visit, door, why).await,
    }
}

async fn refuse(visit: &Visit, door: &Door, why: Refusal) -> Page {
    let (status, kind) = match why {
        Refusal::Link(why) => return Err(visit.calm_or_end(Failure::Refused(why)).await),
        // There is nothing to put right yet: the questions are still open, or will never be answered.
        Refusal::NotHandedIn | Refusal::Unfit(_) if !visit.helps() => return Ok(visit.go("")),
        Refusal::NotHandedIn | Refusal::Unfit(_) => (StatusCode::CONFLICT, NoticeKind::Unreadable),
        Refusal::Late => (StatusCode::GONE, NoticeKind::TooLateToCorrect),
        Refusal::TooMany => (
            StatusCode::TOO_MANY_REQUESTS,
            NoticeKind::TooManyCorrections,
        ),
    };
    Err(Calm::from(visit.say_behind(Some(door), status, kind).await))
}

async fn show(visit: &Visit, door: &Door, missing: Missing, why: String, typed: &str) -> Page {
    let until = match correct::open_until(&door.slip, door.seen_at) {
        Ok(until) => until,
        Err(why) => return refuse(visit, door, why).await,
    };
    let frame = visit.frame(door);
    let page = Correction {
        frame,
        until: &(frame.words.moment)(lead::local(door, until)),
        action: &visit.address(CORRECTION),
        longest: LONGEST,
        missing,
        why,
        typed,
    };
    Ok(visit.page(missing.status(), &page))
}
