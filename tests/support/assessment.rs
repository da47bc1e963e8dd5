//! How a flag is closed over HTTP: the page is opened, its form is filled in with a whole assessment, and sent.

use super::http::{Client, Response};
use super::page;

/// A whole assessment, as the form of a crisis flag takes it.
pub const ASSESSED: &[(&str, &str)] = &[
    ("asked", "ideation"),
    ("level", "low"),
    ("assessment", "Spoke; safe."),
    ("plan", "Safety plan renewed, seen tomorrow."),
    ("contact", "by_phone"),
    ("no_check_why", "Seen tomorrow in any case."),
];

/// A whole assessment of a flag of the lower tier.
pub const REVIEWED: &[(&str, &str)] = &[
    ("choice", "talked_about_it"),
    ("assessment", "As every week; spoke about it."),
];

/// The whole assessment with these words in the place of its own.
pub fn assessed(changed: &[(&'static str, &'static str)]) -> Vec<(&'static str, &'static str)> {
    let mut fields = ASSESSED.to_vec();
    fields.retain(|(name, _)| changed.iter().all(|(other, _)| other != name));
    fields.extend(changed);
    fields
}

/// Opens the flag's page and closes it from there with these fields.
///
/// # Panics
/// When the page offers no such form.
pub fn close_with(
    client: &mut Client,
    flag: impl std::fmt::Display,
    fields: &[(&str, &str)],
) -> Response {
    let path = format!("/flags/{flag}");
    let page = client.get(&path).expect("the site answers").text();
    let form = page::form_to(&page, "/close").expect("a form to close it");
    client
        .post_form(&format!("{path}/close"), &form.with(fields))
        .expect("the site answers")
}

/// The same with [`ASSESSED`].
pub fn close(client: &mut Client, flag: impl std::fmt::Display) -> Response {
    close_with(client, flag, ASSESSED)
}
