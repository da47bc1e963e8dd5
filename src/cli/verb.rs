//! From a verb of `app` to a command's answer.

use super::console::{Console, Exit};
use crate::app::Failure;

/// One line of result, or of complaint.
pub fn tell(console: &mut Console<'_>, done: Result<String, String>) -> Exit {
    let (written, exit) = match done {
        Ok(line) => (writeln!(console.out, "{line}"), Exit::Done),
        Err(words) => (writeln!(console.err, "{words}"), Exit::Failed),
    };
    if written.is_ok() { exit } else { Exit::Failed }
}

/// Runs a verb that waits for the database, on a thread that may block.
pub fn wait_for<T, R: std::fmt::Display>(
    verb: impl Future<Output = Result<T, Failure<R>>>,
) -> Result<T, String> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .map_err(|error| error.to_string())?;
    runtime
        .block_on(verb)
        .map_err(|failure| failure.to_string())
}
