//! `attune demo` as somebody meets it who tries the program for the first time.

use std::time::Duration;

use crate::patient::{CALM, get, post, sheet, start};
use crate::support::http::{Client, path_of};
use crate::support::page::{form_to, links};
use crate::support::process::{PATIENCE, Site, free_address};

/// The word after a label in what the demo prints.
fn after(printed: &str, label: &str) -> String {
    let (_, rest) = printed
        .split_once(label)
        .unwrap_or_else(|| panic!("{label} in {printed}"));
    rest.split_whitespace()
        .next()
        .expect("a word after the label")
        .to_owned()
}

#[test]
fn the_demo_prints_ways_in_that_work_and_says_on_every_page_that_it_is_one() {
    let site = Site::new();
    let (folder, address) = (site.folder.path().join("demo"), free_address());
    let (folder_words, address_words) =
        (folder.to_string_lossy().into_owned(), address.to_string());
    let service = site.start(&[
        "demo",
        "--listen",
        &address_words,
        "--dir",
        &folder_words,
        "--patients",
        "40",
    ]);
    let printed = service.wait_for_log("Stop with Ctrl-C", PATIENCE);
    let mut anybody = Client::new(address);
    let began = std::time::Instant::now();
    while anybody.get("/readyz").map_or(0, |answer| answer.status) != 200 {
        assert!(began.elapsed() < PATIENCE, "{}", service.log());
        std::thread::sleep(Duration::from_millis(20));
    }

    let link = path_of(&after(&printed, "A patient's link")).to_owned();
    start(&mut anybody, &link, "list");
    let mut first: Vec<(String, String)> = sheet(&CALM);
    first.retain(|(name, _)| name != "send");
    first.push(("next".to_owned(), "1".to_owned()));
    anybody
        .post_form(&format!("{link}/list/1"), &first)
        .expect("an answer");
    let sent = post(
        &mut anybody,
        &format!("{link}/list/2"),
        &[("q0", "0"), ("send", "1")],
    );
    assert_eq!(
        sent.location(),
        Some(format!("{link}/end").as_str()),
        "{}",
        sent.text()
    );

    let password = after(&printed, "Sign in with the password");
    for (label, home) in [
        ("therapist ", "/caseload"),
        ("supervisor ", "/caseload"),
        ("quality team ", "/evaluation"),
        ("administrator ", "/admin"),
    ] {
        let mut client = Client::new(address);
        let email = after(&printed, label);
        let signed_in = post(
            &mut client,
            "/sign-in",
            &[("email", &email), ("password", &password)],
        );
        assert_eq!(signed_in.status, 303, "{label}: {}", signed_in.text());
        let page = get(&mut client, home);
        assert!(
            page.status == 200 && page.text().to_lowercase().contains("demo"),
            "{label}: {}",
            page.text()
        );
        assert!(
            page.body.len() < 120_000,
            "{label}: {} bytes",
            page.body.len()
        );
        if label == "therapist " {
            says_that_texts_would_wait(&mut client, &page.text());
        }
    }
    assert_eq!(get(&mut anybody, "/mailbox").status, 200);
    let (status, log) = service.stop(Duration::from_secs(10));
    assert!(status.success(), "{log}");
}

/// The demo has no gateway for text messages: whoever chooses them for a patient is told.
fn says_that_texts_would_wait(client: &mut Client, caseload: &str) {
    let patient = links(caseload)
        .into_iter()
        .find(|path| path.starts_with("/patients/") && path.len() > 40)
        .expect("a patient");
    let path = format!("{}/contact", patient.split(['?', '#']).next().unwrap_or(""));
    let page = get(client, &path).text();
    assert!(
        page.contains("this site has no gateway for them") && !page.contains("nobody is asked"),
        "{page}"
    );
    let mut fields = form_to(&page, &path).expect("the form").untouched();
    for (name, value) in &mut fields {
        match name.as_str() {
            "channel" => *value = "text".to_owned(),
            "phone" => *value = "+1 555 010 0133".to_owned(),
            _ => {}
        }
    }
    let saved = client.post_form(&path, &fields).expect("an answer");
    assert_eq!(saved.status, 303, "{}", saved.text());
    assert!(get(client, &path).text().contains("nobody is asked"));
}

#[test]
fn the_demo_listens_on_loopback_only() {
    let refused = Site::new().run(&["demo", "--listen", "0.0.0.0:8099"]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(crate::operator::complaint(&refused).contains("loopback"));
}
