//! The built program and a mail server that is not ours: what one side takes for correct, the other must too.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use crate::mail::tells_nothing;
use crate::operator::Office;
use crate::support::http::path_of;
use crate::support::smtp::Mail;

/// The mails in a Maildir, as they were sent.
fn mails(folder: &std::path::Path) -> Vec<Mail> {
    let files = std::fs::read_dir(folder.join("new"))
        .map(|files| files.flatten().collect::<Vec<_>>())
        .unwrap_or_default();
    let read = |file: &std::fs::DirEntry| {
        let raw = std::fs::read_to_string(file.path())
            .ok()?
            .replace("\r\n", "\n")
            .replace('\n', "\r\n");
        Some(Mail {
            from: String::new(),
            to: Vec::new(),
            raw,
        })
    };
    files.iter().filter_map(read).collect()
}

fn wait_until(what: &str, done: impl Fn() -> bool) {
    let began = Instant::now();
    while !done() {
        assert!(began.elapsed() < Duration::from_secs(30), "{what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
#[ignore = "needs a mail server of another make: scripts/with-mail-server"]
fn another_makes_mail_server_takes_our_mails_and_they_read_well() {
    let url =
        std::env::var("ATTUNE_TEST_SMTP_URL").expect("scripts/with-mail-server names the server");
    let folder = PathBuf::from(
        std::env::var("ATTUNE_TEST_MAILDIR").expect("scripts/with-mail-server names the Maildir"),
    );
    let office = Office::open_with(&[
        ("ATTUNE_SMTP_URL", &url),
        ("ATTUNE_MAIL_FROM", "Harbor Care <forms@example.org>"),
    ]);
    assert!(
        office
            .site
            .must_run(&["doctor"])
            .lines()
            .all(|line| line.starts_with("ok") || line.starts_with("WARN   duty contact")),
        "the relay answers"
    );

    office.site.must_run(&[
        "user",
        "add",
        "--email",
        "new@staff.example.org",
        "--name",
        "New",
        "--role",
        "quality",
    ]);
    let zone = crate::mail_process::daytime_zone();
    let row = [
        "D1,Zoë Quillfeather,due@patients.example.org,en,",
        &zone,
        ",north,,main,,lee@staff.example.org,2026-01-05,phq9",
    ]
    .concat();
    let due = office.site.folder.write(
        "due.csv",
        format!(
            "{}\n{},before_session:24\n",
            "patient_id,name,email,language,time_zone,clinic_id,clinic,program_id,program,clinician,episode_start,instruments,cadence",
            row
        ),
    );
    office
        .site
        .must_run(&["import", "patients", &due.to_string_lossy()]);
    let tomorrow = (chrono::Utc::now() + chrono::TimeDelta::hours(20)).format("%Y-%m-%dT%H:%M:%SZ");
    let session = office.site.folder.write(
        "sessions.csv",
        format!("session_id,patient_id,starts_at,state\nS1,D1,{tomorrow},planned\n"),
    );
    office
        .site
        .must_run(&["import", "sessions", &session.to_string_lossy()]);

    let has = |subject: &str| {
        mails(&folder).iter().any(|mail| {
            mail.header("subject")
                .is_some_and(|known| known.contains(subject))
        })
    };
    wait_until("an invitation comes", || has("A form from"));
    wait_until("set-up mails come", || has("Set up your account"));
    let invitation = mails(&folder).into_iter().find(|mail| {
        mail.header("subject")
            .is_some_and(|known| known.contains("A form from"))
    });
    let invitation = invitation.expect("it came");
    let link = path_of(&invitation.links()[0]).to_owned();
    assert_eq!(office.client().get(&link).expect("an answer").status, 200);
    office
        .client()
        .post_form(&format!("{link}/q/9"), &[("answer", "1")])
        .expect("an answer");
    wait_until("a notice comes", || has("Something waits for you"));

    for mail in mails(&folder) {
        tells_nothing(&mail);
        assert!(
            mail.text().is_some_and(|text| text.contains("http://")) && mail.html().is_some(),
            "{}",
            mail.raw
        );
        assert!(
            mail.header("message-id").is_some()
                && mail.header("date").is_some()
                && mail.header("mime-version").is_some()
        );
    }
}
