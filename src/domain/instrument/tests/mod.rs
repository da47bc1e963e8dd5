//! Tests of definitions: what is refused and how it is said, what a published version owes its readers.

mod answers;
mod faults;
mod guide;
mod library;
mod messages;
mod published;
mod texts;
