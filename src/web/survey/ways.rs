//! The ends of addresses behind a link that several pages lead to.

use crate::app::take_answers::Support;

/// The page that takes a note after a form was sent.
pub const CORRECTION: &str = "/correction";

/// The end of an address, or of the help page's that leads there, when an answer asks for help.
pub fn help_first(next: &str, support: Support) -> String {
    match support {
        Support::NotNow => next.to_owned(),
        Support::ShowNow => format!("/support?then={}", next.trim_start_matches('/')),
    }
}
