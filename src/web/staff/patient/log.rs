//! What was asked and sent: every occasion with its state and its mails, and the sessions. Nobody can know whether a mail was delivered, so that
//! word is not here.

use crate::app::read_patient::{Attempt, EpisodeRecord, OccasionRecord, Record};
use crate::domain::care::{AdministrationState, SessionState};
use crate::domain::instrument::Library;
use crate::domain::message::{AttemptOutcome, MessageState};
use crate::domain::schedule::local_time;
use crate::store::outbox::OutboxRow;
use crate::web::staff::sending::{by, what};
use crate::web::staff::words::day_ago;
use crate::web::staff::words::short_names;

/// One occasion.
pub struct OccasionLine {
    /// When it fell due.
    pub due: String,
    /// Which instruments.
    pub what: String,
    /// Where it stands.
    pub state: String,
    /// Its messages and what was tried, one sentence each.
    pub mails: Vec<String>,
}

/// One session.
pub struct SessionLine {
    /// When.
    pub day: String,
    /// What became of it.
    pub state: &'static str,
}

/// The occasions, newest first.
pub fn occasions(
    library: &'static Library,
    record: &Record,
    episode: &EpisodeRecord,
) -> Vec<OccasionLine> {
    let own = episode.occasions.iter().map(|occasion| (occasion, None));
    let others = episode.informed.iter().flat_map(|informed| {
        let theirs = informed.episode.occasions.iter();
        theirs.map(|occasion| (occasion, Some(informed.who.who())))
    });
    let mut all: Vec<_> = own.chain(others).collect();
    all.sort_by_key(|(occasion, _)| std::cmp::Reverse(occasion.row.id));
    all.into_iter()
        .map(|(occasion, who)| {
            let mut line = line(library, record, occasion);
            if let Some(who) = who {
                line.what.push_str(&format!(", by {who}"));
            }
            line
        })
        .collect()
}

fn line(library: &'static Library, record: &Record, occasion: &OccasionRecord) -> OccasionLine {
    let row = &occasion.row;
    let mut mails: Vec<_> = occasion
        .messages
        .iter()
        .flat_map(|(message, attempts)| {
            let tried = attempts.iter().filter_map(|one| attempt(record, one));
            std::iter::once(mail(record, message, attempts)).chain(tried)
        })
        .collect();
    if mails.is_empty() {
        let way = match row.occasion.split(' ').next() {
            Some("by") => "none: link given by hand",
            Some("tablet") => "none: on a tablet",
            Some("entered") => "none: recorded by staff",
            _ => "none",
        };
        mails.push(way.to_owned());
    }
    OccasionLine {
        due: day_ago(record.day(row.due_at), record.today()),
        what: short_names(library, &row.instruments),
        state: match &row.ended_why {
            Some(why) => format!("{}: {why}", state(record, occasion)),
            None => state(record, occasion),
        },
        mails,
    }
}

fn state(record: &Record, occasion: &OccasionRecord) -> String {
    let row = &occasion.row;
    let on = |at: Option<chrono::NaiveDateTime>| {
        at.map_or_else(String::new, |at| {
            format!(" {}", record.day(at).format("%a %-d %b"))
        })
    };
    match row.state.parse() {
        Ok(AdministrationState::Planned) => "planned".to_owned(),
        Ok(AdministrationState::Sent) => format!(
            "open until {}",
            record.day(row.expires_at).format("%a %-d %b")
        ),
        Ok(AdministrationState::Opened) => format!("begun{}", on(row.opened_at)),
        Ok(AdministrationState::Completed) => format!("answered{}", on(row.ended_at)),
        Ok(AdministrationState::Declined) => {
            let why = row.ended_why.as_deref();
            let why = why.map_or_else(String::new, |why| format!(": {why}"));
            format!("declined{}{why}", on(row.ended_at))
        }
        Ok(AdministrationState::NotSeen) => "not seen".to_owned(),
        Ok(AdministrationState::Abandoned) => {
            format!("abandoned: begun{}, not handed in", on(row.opened_at))
        }
        Ok(AdministrationState::Expired) => "expired before it was sent".to_owned(),
        Ok(AdministrationState::Cancelled) => format!("withdrawn{}", on(row.ended_at)),
        Err(_) => row.state.clone(),
    }
}

/// A message; why it stands so is said by its attempts, where there are any.
fn mail(record: &Record, message: &OutboxRow, attempts: &[Attempt]) -> String {
    let day = |at: chrono::NaiveDateTime| record.day(at).format("%a %-d %b").to_string();
    let ended = message.ended_at.map(day).unwrap_or_default();
    let tries = if message.attempts > 1 {
        format!(", {} tries", message.attempts)
    } else {
        String::new()
    };
    let name = match (message.number, by(&message.lane)) {
        (0, "mail") => "Mail".to_owned(),
        (0, _) => "Text message".to_owned(),
        (number, by) => format!("{} by {by}", what(&message.kind, number)),
    };
    let why = message.last_error.as_deref().unwrap_or_default();
    let why = match why.is_empty() || !attempts.is_empty() {
        true => String::new(),
        false => format!(": {why}"),
    };
    match message.state.parse() {
        Ok(MessageState::Queued) => {
            format!(
                "{name} queued since {}{tries}{why}",
                day(message.created_at)
            )
        }
        Ok(MessageState::Accepted) => format!("{name} accepted by the relay {ended}{tries}"),
        Ok(MessageState::Refused) => format!("{name} refused {ended}{tries}{why}"),
        Ok(MessageState::Bounced) => format!("{name} bounced {ended}{tries}{why}"),
        Ok(MessageState::Unknown) => format!("{name} unknown: it may have arrived {ended}{tries}"),
        Ok(MessageState::Withdrawn) => format!("{name} withdrawn {ended}{why}"),
        Err(_) => format!("{name}: {}", message.state),
    }
}

/// One attempt, where it says more than that the relay took it.
fn attempt(record: &Record, (at, outcome, detail): &Attempt) -> Option<String> {
    let said = match outcome.parse() {
        Ok(AttemptOutcome::Accepted) => return None,
        Ok(AttemptOutcome::Deferred) => "not taken, tried again",
        Ok(AttemptOutcome::Refused) => "refused",
        Ok(AttemptOutcome::Unknown) => "unknown",
        Ok(AttemptOutcome::Bounced) => "bounced",
        Ok(AttemptOutcome::Held) => "held",
        Ok(AttemptOutcome::Withdrawn) => "withdrawn",
        Err(_) => outcome.as_str(),
    };
    let at = local_time(record.zone, *at).format("%a %-d %b, %H:%M");
    Some(match detail.is_empty() {
        true => format!("{at}: {said}"),
        false => format!("{at}: {said}, {detail}"),
    })
}

/// The sessions, newest first.
pub fn sessions(record: &Record, episode: &EpisodeRecord) -> Vec<SessionLine> {
    let line = |(at, state): &(chrono::NaiveDateTime, String)| SessionLine {
        day: day_ago(record.day(*at), record.today()),
        state: match state.parse() {
            Ok(SessionState::Planned) => "planned",
            Ok(SessionState::Attended) => "took place",
            Ok(SessionState::Cancelled) => "called off",
            Ok(SessionState::Missed) => "patient did not come",
            Err(_) => "unknown",
        },
    };
    episode.sessions.iter().rev().map(line).collect()
}
