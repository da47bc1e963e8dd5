//! Whether a message to a patient leaves at this instant: everything is looked at again, and the answer is to send it, to hold it, or to withdraw it, with
//! a reason staff can read. Pure: loading the facts is `app::compose`'s work, the words of the mail are `mail::render`'s.

use crate::domain::care::AdministrationState;
use crate::domain::language::Language;
use crate::domain::schedule::cover::{Cover, Reads};
use crate::domain::schedule::hours::Hours;
use crate::domain::schedule::policy::{NobodyReads, SendingPolicy};
use crate::domain::schedule::{AFTER_SESSION, STALE_AFTER, session_of};
use crate::domain::words::words;
use chrono::{NaiveDateTime, TimeDelta};
use std::fmt;

words! {
    /// By what a patient is reached.
    Channel {
        /// Mail.
        Mail = "mail",
        /// Text message.
        Text = "text",
        /// Nothing: forms are given in the clinic only.
        None = "none",
    }
}

/// A pause without an end is looked at again after this long, should nobody release what it holds.
pub const LOOK_AGAIN: TimeDelta = TimeDelta::hours(6);
/// A message this late is taken for one that an outage held up; before, two that are due on one day may both leave.
pub const LATE_AFTER: TimeDelta = TimeDelta::hours(1);
/// Occasions of these names are meant for after the end of care.
const AFTER_CARE: [&str; 2] = ["discharge", "follow-up"];
/// How often cover and hours are brought together before they count as never meeting.
const TRIES: usize = 14;

/// What the message asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asking {
    /// For the first time.
    Invitation,
    /// Once more: which reminder it is, from 1.
    Reminder(u32),
}

/// How the care stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Care {
    /// The episode is open.
    Running,
    /// It ended, and the patient lives as far as is known.
    Ended,
    /// The patient died, in this episode or another one.
    Died,
}

/// Whether an address or a number can be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Line {
    /// As far as is known.
    Good,
    /// There is none.
    Missing,
    /// It was refused for good.
    Refused,
}

/// What a pause covers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Paused {
    /// Everybody.
    Site(Option<NaiveDateTime>),
    /// The patient's program.
    Program(Option<NaiveDateTime>),
    /// The patient.
    Patient(Option<NaiveDateTime>),
}

impl Paused {
    /// Until when, if somebody said so.
    pub fn until(self) -> Option<NaiveDateTime> {
        match self {
            Paused::Site(until) | Paused::Program(until) | Paused::Patient(until) => until,
        }
    }
}

/// Whether the form asks about danger to life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Risk {
    /// It can raise a flag: somebody has to read the answers.
    Asked,
    /// It cannot.
    NotAsked,
}

/// Whether something newer is on its way to the same patient.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rival {
    /// No.
    None,
    /// A message about a newer form waits too, or left just now.
    Newer,
}

/// All that the decision hangs on.
#[derive(Debug, Clone)]
pub struct Facts<'a> {
    /// What it asks.
    pub asking: Asking,
    /// Where the occasion stands.
    pub state: AdministrationState,
    /// The occasion's name within its episode.
    pub occasion: &'a str,
    /// When the occasion fell due, UTC.
    pub due_at: NaiveDateTime,
    /// When this message was wanted first, UTC: later than due when an address came late, and for a reminder.
    pub wanted_at: NaiveDateTime,
    /// When the form stops taking answers, UTC.
    pub expires_at: NaiveDateTime,
    /// When the patient began, if they did.
    pub opened_at: Option<NaiveDateTime>,
    /// When the last reminder about this form left.
    pub reminded_at: Option<NaiveDateTime>,
    /// When the link was withdrawn.
    pub revoked_at: Option<NaiveDateTime>,
    /// How the care stands.
    pub care: Care,
    /// When the patient asked for no messages at all.
    pub opted_out_at: Option<NaiveDateTime>,
    /// When the patient stopped reminders.
    pub reminders_stopped_at: Option<NaiveDateTime>,
    /// When the patient stopped text messages.
    pub texts_stopped_at: Option<NaiveDateTime>,
    /// By what the patient is reached.
    pub channel: Channel,
    /// Their mail address.
    pub mail: Line,
    /// Their number.
    pub phone: Line,
    /// The pause that holds, if one does.
    pub pause: Option<Paused>,
    /// Why the form may not be used; `None` when it may.
    pub not_permitted: Option<String>,
    /// When a message may reach the patient.
    pub hours: Hours,
    /// Whether the form asks about danger to life.
    pub risk: Risk,
    /// Who reads answers.
    pub cover: &'a Cover,
    /// What else is on its way.
    pub rival: Rival,
    /// The language on record today.
    pub language: Language,
    /// The language in which the form was begun, if it was.
    pub begun_in: Option<Language>,
}

/// What becomes of the message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// It leaves now and says this.
    Send(Saying),
    /// It waits, and is looked at again.
    Hold {
        /// Then, UTC, at the earliest.
        until: NaiveDateTime,
        /// Why.
        why: Held,
    },
    /// It never leaves.
    Withdraw {
        /// Why.
        why: Withdrawn,
    },
}

/// How a message says what it says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Saying {
    /// In this language.
    pub language: Language,
    /// By mail or text message; never [`Channel::None`].
    pub channel: Channel,
    /// Whether the patient has begun.
    pub begun: Begun,
    /// When answers are read next, if nobody reads them now and the form asks about danger to life; UTC.
    pub read_from: Option<NaiveDateTime>,
}

/// Whether the patient has begun.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Begun {
    /// Not yet.
    NotYet,
    /// Yes; what they answered is kept.
    Kept,
}

/// Why a message waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Held {
    /// Sending is paused.
    Paused(Paused),
    /// Nobody would read the answers, and the site holds such forms.
    NobodyReadsNow,
    /// Nobody licensed reads answers here at all.
    NobodyReadsAtAll,
    /// Outside the hours in which this patient may be written to.
    OutsideHours,
}

impl Held {
    /// How every reason of a pause begins; what was held for one is found again by it.
    pub const PAUSED: &'static str = "sending is paused";

    /// Both reasons that hang on who reads answers.
    pub const OF_READING: [Held; 2] = [Held::NobodyReadsNow, Held::NobodyReadsAtAll];

    /// Whether these words are a reason that hangs on who reads answers.
    pub fn is_of_reading(words: &str) -> bool {
        Held::OF_READING
            .iter()
            .any(|held| held.to_string() == words)
    }
}

impl fmt::Display for Held {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Held::Paused(Paused::Site(_)) => "sending is paused for the whole site",
            Held::Paused(Paused::Program(_)) => "sending is paused for the program",
            Held::Paused(Paused::Patient(_)) => "sending is paused for this patient",
            Held::NobodyReadsNow => {
                "nobody would read the answers now; waits for the reading hours"
            }
            Held::NobodyReadsAtAll => "nobody licensed reads answers here",
            Held::OutsideHours => "outside the hours in which this patient may be written to",
        })
    }
}

/// Why a message never leaves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Withdrawn {
    /// The occasion has ended like this.
    Over(AdministrationState),
    /// The patient died.
    Died,
    /// The episode of care ended, and the form is not one for afterwards.
    CareEnded,
    /// The link was withdrawn.
    LinkRevoked,
    /// The form stopped taking answers.
    WindowOver,
    /// Its time passed by without it: an outage, or a pause.
    TooLate,
    /// It would only leave after its window, or its hours never come together.
    NoHourLeft,
    /// The patient asked for no messages.
    OptedOut,
    /// Forms are given in the clinic only.
    ClinicOnly,
    /// The patient stopped reminders.
    RemindersStopped,
    /// The site sends fewer reminders than this.
    ReminderTooMany,
    /// Somebody who has begun is reminded once.
    RemindedEnough,
    /// The invitation never left.
    NothingToRemindOf,
    /// The form may not be used here any more.
    NotPermitted(String),
    /// There is no mail address.
    NoAddress,
    /// The mail address was refused.
    AddressRefused,
    /// There is no number.
    NoNumber,
    /// The number was refused.
    NumberRefused,
    /// The patient stopped text messages.
    TextsStopped,
    /// A message about a newer form goes in its place.
    NewerWaits,
}

impl fmt::Display for Withdrawn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Withdrawn::Over(state) => {
                write!(f, "the form is over: {}", state.word().replace('_', " "))
            }
            Withdrawn::NotPermitted(why) => f.write_str(why),
            plain => f.write_str(plain.words()),
        }
    }
}

impl Withdrawn {
    fn words(&self) -> &'static str {
        match self {
            Withdrawn::Over(_) => "the form is over",
            Withdrawn::Died => "the patient died",
            Withdrawn::CareEnded => "the episode of care ended",
            Withdrawn::LinkRevoked => "the link was withdrawn",
            Withdrawn::WindowOver => "the form takes no answers any more",
            Withdrawn::TooLate => "its time passed by before it could be sent",
            Withdrawn::NoHourLeft => {
                "no hour is left in which it may be sent before the form closes"
            }
            Withdrawn::OptedOut => "the patient asked for no messages",
            Withdrawn::ClinicOnly => "this patient gets forms in the clinic only",
            Withdrawn::RemindersStopped => "the patient stopped reminders",
            Withdrawn::ReminderTooMany => "the site sends no further reminder",
            Withdrawn::RemindedEnough => "somebody who has begun is reminded once",
            Withdrawn::NothingToRemindOf => "the invitation was not sent",
            Withdrawn::NotPermitted(_) => "the form may not be used here",
            Withdrawn::NoAddress => "there is no e-mail address",
            Withdrawn::AddressRefused => "the e-mail address was refused",
            Withdrawn::NoNumber => "there is no telephone number",
            Withdrawn::NumberRefused => "the telephone number was refused",
            Withdrawn::TextsStopped => "the patient stopped text messages",
            Withdrawn::NewerWaits => "a message about a newer form goes in its place",
        }
    }

    /// What an invitation that never leaves for this reason means for its occasion.
    pub fn aftermath(&self) -> Aftermath {
        match self {
            Withdrawn::NotPermitted(_) => Aftermath::NotPermitted,
            Withdrawn::TooLate | Withdrawn::WindowOver | Withdrawn::NoHourLeft => {
                Aftermath::NeverAsked
            }
            Withdrawn::NewerWaits => Aftermath::Replaced,
            Withdrawn::Died => Aftermath::Cancelled,
            Withdrawn::Over(AdministrationState::Expired) => Aftermath::Missed,
            _ => Aftermath::Nothing,
        }
    }
}

/// What a withdrawn invitation leaves behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Aftermath {
    /// The occasion stays as it is.
    Nothing,
    /// The occasion ends, withdrawn.
    Cancelled,
    /// The occasion ends, withdrawn, and somebody is told which permission is missing.
    NotPermitted,
    /// The occasion ends as expired, and somebody is told that we missed it.
    NeverAsked,
    /// The occasion has ended so already; somebody is told.
    Missed,
    /// The occasion ends as expired: a newer one is asked.
    Replaced,
}

/// Looks at everything once more.
pub fn decide(facts: &Facts<'_>, policy: &SendingPolicy, now: NaiveDateTime) -> Decision {
    let settled = not_any_more(facts)
        .or_else(|| no_reminder(facts, policy))
        .or_else(|| not_reachable(facts));
    if let Some(why) = settled {
        return Decision::Withdraw { why };
    }
    if let Some(pause) = facts.pause {
        return Decision::Hold {
            until: pause.until().unwrap_or(now + LOOK_AGAIN),
            why: Held::Paused(pause),
        };
    }
    if let Some(why) = too_late(facts, policy, now) {
        return Decision::Withdraw { why };
    }
    match moment(facts, policy, now) {
        Moment::Now => Decision::Send(saying(facts, now)),
        Moment::Never => Decision::Withdraw {
            why: Withdrawn::NoHourLeft,
        },
        Moment::At(until, _) if until >= leaves_until(facts) => Decision::Withdraw {
            why: Withdrawn::NoHourLeft,
        },
        Moment::At(until, why) => Decision::Hold { until, why },
    }
}

fn not_any_more(facts: &Facts<'_>) -> Option<Withdrawn> {
    let after_care = AFTER_CARE
        .iter()
        .any(|prefix| facts.occasion.starts_with(prefix));
    if !facts.state.is_open() {
        Some(Withdrawn::Over(facts.state))
    } else if facts.care == Care::Died {
        Some(Withdrawn::Died)
    } else if facts.care == Care::Ended && !after_care {
        Some(Withdrawn::CareEnded)
    } else if facts.revoked_at.is_some() {
        Some(Withdrawn::LinkRevoked)
    } else if facts.opted_out_at.is_some() {
        Some(Withdrawn::OptedOut)
    } else {
        facts.not_permitted.clone().map(Withdrawn::NotPermitted)
    }
}

fn no_reminder(facts: &Facts<'_>, policy: &SendingPolicy) -> Option<Withdrawn> {
    let Asking::Reminder(number) = facts.asking else {
        return None;
    };
    let told_since_begun = facts
        .opened_at
        .zip(facts.reminded_at)
        .is_some_and(|(opened, reminded)| reminded >= opened);
    if facts.reminders_stopped_at.is_some() {
        Some(Withdrawn::RemindersStopped)
    } else if number as usize > policy.reminder_days.len() {
        Some(Withdrawn::ReminderTooMany)
    } else if facts.state == AdministrationState::Planned {
        Some(Withdrawn::NothingToRemindOf)
    } else if told_since_begun {
        Some(Withdrawn::RemindedEnough)
    } else {
        None
    }
}

fn not_reachable(facts: &Facts<'_>) -> Option<Withdrawn> {
    match (facts.channel, facts.mail, facts.phone) {
        (Channel::None, _, _) => Some(Withdrawn::ClinicOnly),
        (Channel::Mail, Line::Missing, _) => Some(Withdrawn::NoAddress),
        (Channel::Mail, Line::Refused, _) => Some(Withdrawn::AddressRefused),
        (Channel::Text, _, _) if facts.texts_stopped_at.is_some() => Some(Withdrawn::TextsStopped),
        (Channel::Text, _, Line::Missing) => Some(Withdrawn::NoNumber),
        (Channel::Text, _, Line::Refused) => Some(Withdrawn::NumberRefused),
        (Channel::Mail, Line::Good, _) | (Channel::Text, _, Line::Good) => None,
    }
}

/// After an outage a patient gets one message, and none that is stale. What our own rules held is not late.
fn too_late(facts: &Facts<'_>, policy: &SendingPolicy, now: NaiveDateTime) -> Option<Withdrawn> {
    if facts.expires_at <= now {
        return Some(Withdrawn::WindowOver);
    }
    if leaves_until(facts) <= now {
        return Some(Withdrawn::TooLate);
    }
    let wanted = facts.due_at.max(facts.wanted_at);
    let promised = match moment(facts, policy, wanted) {
        Moment::At(later, _) => later,
        Moment::Now | Moment::Never => wanted,
    };
    // A reminder steps back behind anything newer; two invitations of one day may both leave, unless an outage held them up.
    let steps_back = facts.asking != Asking::Invitation || now - promised >= LATE_AFTER;
    if now - promised > STALE_AFTER {
        Some(Withdrawn::TooLate)
    } else if facts.rival == Rival::Newer && steps_back {
        Some(Withdrawn::NewerWaits)
    } else {
        None
    }
}

/// Until when it makes sense to ask: what is asked before a session, before that begins, though it takes answers a little longer.
fn leaves_until(facts: &Facts<'_>) -> NaiveDateTime {
    match session_of(facts.occasion) {
        Some(_) => facts.expires_at - AFTER_SESSION,
        None => facts.expires_at,
    }
}

/// When the site's cover and the patient's hours let a message leave.
enum Moment {
    Now,
    At(NaiveDateTime, Held),
    Never,
}

/// The first moment from this one on at which both somebody reads, where that is asked for, and the patient may be written to.
fn moment(facts: &Facts<'_>, policy: &SendingPolicy, from: NaiveDateTime) -> Moment {
    let (mut at, mut why) = (from, None);
    for _ in 0..TRIES {
        let before = at;
        match when_read(facts, policy, at) {
            Reads::Now => {}
            Reads::Later(then) => {
                at = then;
                why = why.or(Some(Held::NobodyReadsNow));
            }
            Reads::Nobody => return Moment::At(from + LATE_AFTER, Held::NobodyReadsAtAll),
        }
        if !facts.hours.allow(at) {
            at = facts.hours.next(at);
            why = why.or(Some(Held::OutsideHours));
        }
        if at == before {
            return why.map_or(Moment::Now, |why| Moment::At(at, why));
        }
    }
    Moment::Never
}

/// When answers to this form are read, as far as its sending hangs on that. A form nobody would ever read waits under either rule.
fn when_read(facts: &Facts<'_>, policy: &SendingPolicy, at: NaiveDateTime) -> Reads {
    if facts.risk == Risk::NotAsked {
        return Reads::Now;
    }
    match (facts.cover.reads(at), policy.nobody_reads) {
        (Reads::Later(_), NobodyReads::SendAndSaySo) => Reads::Now,
        (reads, _) => reads,
    }
}

fn saying(facts: &Facts<'_>, now: NaiveDateTime) -> Saying {
    let read_from = match (facts.risk, facts.cover.reads(now)) {
        (Risk::Asked, Reads::Later(at)) => Some(at),
        _ => None,
    };
    Saying {
        language: facts.begun_in.unwrap_or(facts.language),
        channel: facts.channel,
        begun: match facts.opened_at {
            Some(_) => Begun::Kept,
            None => Begun::NotYet,
        },
        read_from,
    }
}
