//! The built program and its relay: killed in the middle of a mail, asked to test the relay, handed notices that came back.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use crate::mail_back::notice;
use crate::operator::{Office, complaint, printed};
use crate::support::smtp::{Behaviour, Mail, SmtpSink};

const GONE: &str = "Action: failed\r\nStatus: 5.1.1";

fn wait_until(what: &str, done: impl Fn() -> bool) {
    let began = Instant::now();
    while !done() {
        assert!(began.elapsed() < Duration::from_secs(30), "{what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn a_process_that_is_killed_while_a_mail_goes_out_loses_none_and_repeats_it_under_its_own_id() {
    // On PostgreSQL other nodes may live: there the lease has to run out first, which takes five minutes and is tested with a clock of our own.
    if std::env::var_os("ATTUNE_TEST_DATABASE_URL").is_some() {
        return;
    }
    let sink = SmtpSink::start();
    sink.always(Behaviour::KeepAndStall);
    let mut office = Office::open_with(&[
        ("ATTUNE_SMTP_URL", &sink.url()),
        ("ATTUNE_SMTP_CONNECTIONS", "2"),
    ]);
    let everybody = [
        "an@staff.example.org",
        "bo@staff.example.org",
        "cy@staff.example.org",
    ];
    for email in everybody {
        office.site.must_run(&[
            "user", "add", "--email", email, "--name", "New", "--role", "quality",
        ]);
    }
    wait_until("a set-up mail is under way", || !sink.mails().is_empty());
    office.kill();
    let doubtful = sink.mails();
    assert!((1..=2).contains(&doubtful.len()), "one a connection");
    sink.always(Behaviour::Accept);
    office.start();

    wait_until("each mail leaves", || {
        let in_doubt = |to: &str| doubtful.iter().filter(|mail| mail.to == [to]).count();
        everybody
            .into_iter()
            .all(|to| sink.mails_to(to).len() > in_doubt(to))
    });
    let mut by_recipient: HashMap<String, Vec<Mail>> = HashMap::new();
    for mail in sink.mails() {
        by_recipient
            .entry(mail.to[0].clone())
            .or_default()
            .push(mail);
    }
    let mut repeated = 0;
    for (to, mails) in &by_recipient {
        assert!(mails.len() <= 2, "{to} got {} mails", mails.len());
        repeated += mails.len() - 1;
        for mail in mails {
            assert_eq!(mail.header("message-id"), mails[0].header("message-id"));
            assert_eq!(mail.links(), mails[0].links());
        }
    }
    assert!(
        repeated <= doubtful.len(),
        "only what was in the air is repeated: {repeated} of {}",
        doubtful.len()
    );
    office.verified();
}

#[test]
fn a_test_mail_shows_what_was_said_and_fails_aloud() {
    let sink = SmtpSink::start();
    let office = Office::open_with(&[("ATTUNE_SMTP_URL", &sink.url())]);
    let said = office.site.must_run(&["mail", "test", "ops@example.org"]);
    for line in [
        "<- EHLO",
        "<- MAIL FROM:<",
        "<- RCPT TO:<ops@example.org>",
        "-> 354",
        "-> 250 2.0.0 kept",
        "accepted",
    ] {
        assert!(said.contains(line), "{line}: {said}");
    }
    let mail = sink.mails_to("ops@example.org").remove(0);
    crate::mail::tells_nothing(&mail);

    sink.for_recipient("nobody@example.org", Behaviour::RefuseForGood);
    let refused = office.site.run(&["mail", "test", "nobody@example.org"]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(
        printed(&refused).contains("550 5.1.1"),
        "{}",
        printed(&refused)
    );
    assert!(
        complaint(&refused).contains("did not accept"),
        "{}",
        complaint(&refused)
    );
    let wrong = office.site.run(&["mail", "test", "nobody"]);
    assert_eq!(wrong.status.code(), Some(1));
}

/// A zone in which it is early afternoon whenever this runs, so that quiet hours hold nothing.
pub fn daytime_zone() -> String {
    use chrono::Timelike;
    let ahead = 13 - i64::from(chrono::Utc::now().hour());
    // The names count westward.
    match ahead {
        0 => "Etc/UTC".to_owned(),
        ahead if ahead > 0 => format!("Etc/GMT-{ahead}"),
        behind => format!("Etc/GMT+{}", -behind),
    }
}

/// An invitation that leaves by this office for a session tomorrow.
fn invited(office: &Office, sink: &SmtpSink, id: &str) -> Mail {
    let address = format!("{}@patients.example.org", id.to_lowercase());
    let zone = daytime_zone();
    let due = office.site.folder.write(
        &format!("{id}.csv"),
        format!(
            "patient_id,name,email,language,time_zone,clinic_id,clinic,program_id,program,clinician,episode_start,instruments,cadence\n\
             {id},Zoë Quillfeather,{address},en,{zone},north,,main,,lee@staff.example.org,2026-01-05,phq9,before_session:24\n"
        ),
    );
    office
        .site
        .must_run(&["import", "patients", &due.to_string_lossy()]);
    let soon = (chrono::Utc::now() + chrono::TimeDelta::hours(20)).format("%Y-%m-%dT%H:%M:%SZ");
    let session = office.site.folder.write(
        &format!("{id}-session.csv"),
        format!("session_id,patient_id,starts_at,state\nS-{id},{id},{soon},planned\n"),
    );
    office
        .site
        .must_run(&["import", "sessions", &session.to_string_lossy()]);
    wait_until("the invitation leaves", || {
        !sink.mails_to(&address).is_empty()
    });
    // The relay's word has to be stored before a notice can follow it.
    std::thread::sleep(Duration::from_millis(300));
    sink.mails_to(&address).remove(0)
}

#[test]
fn notices_are_taken_from_a_pipe_and_from_a_maildir_while_the_service_runs() {
    let sink = SmtpSink::start();
    let office = Office::open_with(&[
        ("ATTUNE_SMTP_URL", &sink.url()),
        ("ATTUNE_MAIL_BOUNCES", "bounces@example.org"),
    ]);
    let (one, two) = (invited(&office, &sink, "D1"), invited(&office, &sink, "D2"));
    assert!(one.from.starts_with("bounces+"), "{}", one.from);

    // From a pipe, the address told by the mail server and by nothing in the notice.
    let elsewhere = notice("postmaster@example.org", &one, GONE);
    let taken = office
        .site
        .run_with_input(&["mail", "bounce", "--recipient", &one.from], &elsewhere);
    assert!(taken.status.success(), "{}", complaint(&taken));
    assert!(printed(&taken).contains("bounced"), "{}", printed(&taken));
    let again = office.site.run_with_input(&["mail", "bounce"], &elsewhere);
    assert!(printed(&again).contains("before"), "{}", printed(&again));
    let unreadable = office
        .site
        .run_with_input(&["mail", "bounce"], "From: a@b\r\n\r\nI am away.\r\n");
    assert_eq!(unreadable.status.code(), Some(1));
    assert!(
        complaint(&unreadable).contains("no delivery status"),
        "{}",
        complaint(&unreadable)
    );

    // From a maildir: what is taken moves on, what is none of ours stays.
    let (good, foreign) = (notice(&two.from, &two, GONE), "From: a@b\r\n\r\nHello.\r\n");
    let folder = office.site.folder.path().join("Maildir");
    std::fs::create_dir_all(folder.join("new")).expect("a folder can be made");
    std::fs::write(folder.join("new/1.good"), good).expect("a file can be written");
    std::fs::write(folder.join("new/2.foreign"), foreign).expect("a file can be written");
    let taken = office
        .site
        .run(&["mail", "bounce", "--maildir", &folder.to_string_lossy()]);
    assert_eq!(taken.status.code(), Some(3), "{}", complaint(&taken));
    assert!(
        printed(&taken).contains("1 taken, 1 left"),
        "{}",
        printed(&taken)
    );
    assert!(folder.join("cur/1.good:2,S").exists() && !folder.join("new/1.good").exists());
    assert!(folder.join("new/2.foreign").exists());
    office.verified();
}
