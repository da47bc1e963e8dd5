//! Text messages: their words (`words`) and the conversation with one HTTP gateway (`gateway`). Who gets one and when is decided elsewhere; nothing
//! here may hold a health word, a score, an instrument's name or a full name.

mod gateway;
mod signature;
mod words;

use crate::domain::message::Failure;
use crate::mail::SendFailure;

pub use gateway::{Gateway, blames_number};
pub use signature::is_signed;
pub use words::{invitation, reminder, segments};

/// One text message, ready to leave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Text {
    /// Number as dialled, `+15550100199`.
    pub to: String,
    /// What it says.
    pub words: String,
    /// Where the gateway tells later that it could not pass it on.
    pub status_address: String,
}

/// Why a text message did not leave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TextFailure {
    /// Worth another try.
    Later(String),
    /// The number can never be reached.
    BadNumber(String),
    /// Whoever has the number told the gateway to stop.
    Stopped,
    /// The answer did not come: it may have left.
    Unknown(String),
    /// Our account or our settings: nothing is wrong with the number.
    Ours(String),
}

impl From<TextFailure> for SendFailure {
    fn from(failed: TextFailure) -> SendFailure {
        let (failure, words) = match failed {
            TextFailure::Later(words) => (Failure::Passing, words),
            TextFailure::BadNumber(words) => (Failure::Final, words),
            TextFailure::Stopped => (Failure::Final, "the number takes no texts".to_owned()),
            TextFailure::Unknown(words) => (Failure::Unknown, words),
            TextFailure::Ours(words) => (Failure::Ours, words),
        };
        SendFailure {
            relay_is_away: failure == Failure::Ours,
            failure,
            words,
        }
    }
}
