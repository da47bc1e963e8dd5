//! The conversation with a mail server that fails in every way in which real ones do: what was promised leaves once, with the same link and the
//! same id however often it is tried, and what cannot leave becomes a person's task.

use std::sync::Arc;
use std::time::{Duration, Instant};

use attune::app::plan_due::plan_due;
use attune::app::send_due::send_due;
use attune::app::set_plan::PlanDetails;
use attune::config::{DEFAULT_CONNECTIONS, Security, Smtp};
use attune::domain::schedule::Cadence;
use attune::mail::{Mailer, Patience, SmtpMailer};
use attune::store::outbox::{self, LEASE, Lane};
use chrono::TimeDelta;

use crate::house::{House, PATIENT_NAME, address_of, monday};
use crate::patient::{CALM, get, post, submit};
use crate::support::http::path_of;
use crate::support::smtp::{Behaviour, Mail, SmtpSink};

/// A mailer to this server.
pub fn mailer(sink: &SmtpSink) -> Mailer {
    let smtp = Smtp {
        host: "127.0.0.1".into(),
        port: sink.address().port(),
        security: Security::Loopback,
        credentials: None,
    };
    let mailer = SmtpMailer::new(&smtp, "Harbor Care <forms@example.org>");
    Mailer::Smtp(Arc::new(
        mailer.expect("the sender is good").with_patience(HURRY),
    ))
}

/// What a mail server may take in a test: enough for any machine, and a stall is over soon.
pub const HURRY: Patience = Patience {
    connect: Duration::from_secs(3),
    greeting: Duration::from_secs(3),
    command: Duration::from_secs(3),
    word: Duration::from_secs(3),
    conversation: Duration::from_secs(10),
};

/// A PHQ-9 every week.
pub fn weekly() -> PlanDetails {
    PlanDetails {
        instruments: vec!["phq9".into()],
        cadence: Cadence::EveryWeeks { weeks: 1 },
    }
}

/// A patient whose first weekly form is due now; its invitation waits in the outbox.
pub fn due(house: &House, id: &str) {
    house.enrol(id, vec![weekly()]);
    assert_eq!(plan_due(&house.app).expect("the database works"), 1);
}

/// Turns the invitations' crank once; says how many messages were claimed.
pub fn send(house: &House, sink: &SmtpSink) -> usize {
    send_due(&house.app, &mailer(sink), Lane::Mails).expect("the database works")
}

pub fn send_notices(house: &House, sink: &SmtpSink) -> usize {
    send_due(&house.app, &mailer(sink), Lane::Notices).expect("the database works")
}

/// Words that would tell what the care is about, or whose it is.
pub fn tells_nothing(mail: &Mail) {
    // Random keys and boundaries spell any word sooner or later.
    let everything = mail
        .everything()
        .to_lowercase()
        .split(|c: char| !(c.is_ascii_alphanumeric() || "_-".contains(c)))
        .filter(|run| run.len() < 20)
        .collect::<Vec<_>>()
        .join(" ");
    for word in [
        "phq",
        "gad",
        "pcl",
        "ptsd",
        "depress",
        "anxi",
        "suicid",
        "self-harm",
        "hurt",
        "trauma",
        "score",
        "symptom",
        "questionnaire",
        "mental",
        "psych",
        "therap",
        "crisis",
        "diagnos",
        "treatment",
        "disorder",
        "severe",
        "flag",
        "quillfeather",
    ] {
        assert!(!everything.contains(word), "{word:?} is in {everything}");
    }
    assert!(!everything.contains(&PATIENT_NAME.to_lowercase()));
}

fn states(house: &House) -> Vec<String> {
    house.texts("SELECT state AS value FROM outbox WHERE kind <> 'reminder' ORDER BY id")
}

#[test]
fn an_invitation_leaves_once_says_nothing_about_health_and_its_link_works() {
    let (house, sink) = (House::at(monday()), SmtpSink::start());
    due(&house, "P1");
    assert_eq!(
        plan_due(&house.app).expect("the database works"),
        0,
        "an occasion comes once"
    );
    assert_eq!(send(&house, &sink), 1);
    assert_eq!((send(&house, &sink), sink.mails().len()), (0, 1));
    let mail = sink.mails().remove(0);
    assert_eq!(
        (mail.from.as_str(), mail.to.clone()),
        ("forms@example.org", vec![address_of("P1")])
    );
    tells_nothing(&mail);
    let kind = mail.header("content-type").expect("a type");
    assert!(kind.starts_with("multipart/alternative"), "{kind}");
    let (text, html) = (mail.text().expect("plain text"), mail.html().expect("HTML"));
    for part in [&text, &html] {
        assert!(
            part.contains("Zephyrine") && part.contains("North House") && part.contains("988"),
            "{part}"
        );
    }
    assert!(
        !html.contains("<img") && !html.contains("src="),
        "nothing that tells who opened it"
    );
    assert_eq!(mail.links().len(), 1);
    assert_eq!(
        mail.header("auto-submitted").as_deref(),
        Some("auto-generated")
    );
    assert!(mail.header("message-id").is_some());
    assert_eq!(states(&house), ["accepted"]);
    assert_eq!(
        house.texts("SELECT state AS value FROM administration"),
        ["sent"]
    );

    let link = path_of(&mail.links()[0]).to_owned();
    assert_eq!(submit(&mut house.client(), &link, &CALM).status, 303);
    assert_eq!(house.counts(["responses", "scores"]), [1, 1]);
}

/// What a passing trouble must end in: one mail, later, with the id and the link it had from the beginning.
fn is_tried_again(trouble: Behaviour) {
    let (house, sink) = (House::at(monday()), SmtpSink::start());
    due(&house, "P1");
    sink.then(&[trouble]);
    assert_eq!(send(&house, &sink), 1, "{trouble:?}");
    assert_eq!(states(&house), ["queued"], "{trouble:?}");
    assert_eq!(send(&house, &sink), 0, "{trouble:?}: not at once");
    let kept_before = sink.mails();
    house.app.clock.set(monday() + TimeDelta::seconds(76));
    assert_eq!(send(&house, &sink), 1, "{trouble:?}: but a minute later");
    assert_eq!(states(&house), ["accepted"], "{trouble:?}");
    assert_eq!(sink.mails().len(), kept_before.len() + 1);
    assert_eq!(house.number("task"), 0, "nobody has to do anything");
    for doubled in kept_before {
        let mails = sink.mails();
        assert_eq!(
            doubled.header("message-id"),
            mails[1].header("message-id"),
            "a doubled mail can be recognised"
        );
        assert_eq!(doubled.links(), mails[1].links());
    }
    house.verified();
}

#[test]
fn a_server_that_greets_with_421_is_asked_again() {
    is_tried_again(Behaviour::RefuseConnection);
}

#[test]
fn a_recipient_that_gets_450_is_tried_again() {
    is_tried_again(Behaviour::RefuseForNow);
}

#[test]
fn a_connection_that_breaks_in_the_middle_of_a_mail_is_made_again() {
    is_tried_again(Behaviour::DropInData);
}

#[test]
fn a_server_that_takes_a_mail_and_does_not_say_so_gets_it_again_with_the_same_id_and_link() {
    is_tried_again(Behaviour::KeepAndDrop);
}

#[test]
fn a_server_that_is_not_there_is_asked_again_with_growing_pauses() {
    let house = House::at(monday());
    due(&house, "P1");
    let gone = SmtpSink::start();
    let nowhere = mailer(&gone);
    drop(gone);
    let mut now = monday();
    for minutes in [1, 2, 4, 8] {
        assert_eq!(
            send_due(&house.app, &nowhere, Lane::Mails).expect("the database works"),
            1
        );
        let tried = now;
        house
            .app
            .clock
            .set(tried + TimeDelta::seconds(minutes * 60 - 1));
        assert_eq!(
            send_due(&house.app, &nowhere, Lane::Mails).expect("the database works"),
            0,
            "not before {minutes} minutes"
        );
        // And up to a quarter more.
        now = tried + TimeDelta::seconds(minutes * 75 + 1);
        house.app.clock.set(now);
    }
    let sink = SmtpSink::start();
    assert_eq!((send(&house, &sink), sink.mails().len()), (1, 1));
    assert_eq!(
        house.texts("SELECT CAST(attempts AS TEXT) AS value FROM outbox WHERE kind = 'invitation'"),
        ["5"]
    );
}

#[test]
fn an_address_that_is_refused_for_good_is_not_tried_again_and_becomes_a_task() {
    let (house, sink) = (House::at(monday()), SmtpSink::start());
    due(&house, "P1");
    sink.for_recipient(&address_of("P1"), Behaviour::RefuseForGood);
    assert_eq!(send(&house, &sink), 1);
    assert_eq!(states(&house), ["refused"]);
    assert_eq!(
        house.texts("SELECT kind AS value FROM task"),
        ["mail_refused"]
    );
    let detail = house.texts("SELECT detail AS value FROM task");
    assert!(!detail[0].contains("patients.example.org"), "{detail:?}");
    let tasks = get(
        &mut House::signed_in(&house, &house.people.therapist),
        "/tasks",
    )
    .text();
    assert!(
        tasks.contains("refused the patient’s address") && tasks.contains(PATIENT_NAME),
        "{tasks}"
    );

    house.app.clock.set(monday() + TimeDelta::days(7));
    plan_due(&house.app).expect("the database works");
    let attempts = sink.attempts();
    send(&house, &sink);
    assert_eq!(
        (sink.attempts(), sink.mails().len()),
        (attempts, 0),
        "the address is left alone"
    );
    assert_eq!(
        house.number("task WHERE kind IN ('mail_refused', 'no_address')"),
        2,
        "and each missed form has its task"
    );
    house.verified();
}

#[test]
fn an_invitation_that_no_server_takes_for_two_days_becomes_a_task() {
    let (house, sink) = (House::at(monday()), SmtpSink::start());
    due(&house, "P1");
    sink.always(Behaviour::RefuseForNow);
    for hours in (0..=52).step_by(4) {
        house.app.clock.set(monday() + TimeDelta::hours(hours));
        send(&house, &sink);
    }
    assert_eq!(states(&house), ["refused"]);
    assert_eq!(house.number("task"), 1);
    house.verified();
}

#[test]
fn thirty_invitations_leave_once_each_over_few_connections() {
    let (house, sink) = (House::at(monday()), SmtpSink::start());
    for n in 0..30 {
        due(&house, &format!("P{n}"));
    }
    while send(&house, &sink) > 0 {}
    let mut to: Vec<String> = sink.mails().into_iter().flat_map(|mail| mail.to).collect();
    to.sort();
    to.dedup();
    assert_eq!((to.len(), sink.mails().len()), (30, 30));
    assert!(
        sink.most_open() <= DEFAULT_CONNECTIONS,
        "{} connections at once",
        sink.most_open()
    );
    let mut ids: Vec<_> = sink
        .mails()
        .iter()
        .map(|mail| mail.header("message-id"))
        .collect();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 30);
}

#[test]
fn one_patients_bad_address_holds_up_nobody_else() {
    let (house, sink) = (House::at(monday()), SmtpSink::start());
    for n in 0..6 {
        due(&house, &format!("P{n}"));
    }
    sink.for_recipient(&address_of("P0"), Behaviour::RefuseForGood);
    sink.for_recipient(&address_of("P1"), Behaviour::RefuseForNow);
    sink.for_recipient(&address_of("P2"), Behaviour::DropInData);
    while send(&house, &sink) > 0 {}
    for n in 3..6 {
        assert_eq!(sink.mails_to(&address_of(&format!("P{n}"))).len(), 1);
    }
    assert_eq!(sink.mails().len(), 3);
}

#[test]
fn a_message_that_was_claimed_and_lost_with_its_process_leaves_when_the_lease_is_over() {
    let (house, sink) = (House::at(monday()), SmtpSink::start());
    due(&house, "P1");
    let (org, now) = (house.app.org, monday());
    let lost = house
        .app
        .store
        .write_blocking(move |tx| outbox::claim(tx, org, Lane::Mails, now, 10));
    assert_eq!(lost.map(|rows| rows.len()).expect("the database works"), 1);
    assert_eq!(send(&house, &sink), 0, "somebody holds it");
    house
        .app
        .clock
        .set(monday() + TimeDelta::minutes(5) + TimeDelta::seconds(1));
    assert_eq!((send(&house, &sink), sink.mails().len()), (1, 1));
    assert_eq!(states(&house), ["accepted"]);
}

#[test]
fn a_flag_notice_goes_to_the_clinician_and_says_nothing() {
    let (house, sink) = (House::at(monday()), SmtpSink::start());
    let link = house.phq9("P1");
    post(
        &mut house.client(),
        &format!("{link}/q/9"),
        &[("answer", "3")],
    );
    assert_eq!(
        send_notices(&house, &sink),
        1,
        "the notice waits the moment the answer is saved"
    );
    assert_eq!(send_notices(&house, &sink), 0);
    let mail = sink.mails().remove(0);
    assert_eq!(mail.to, std::slice::from_ref(&house.people.therapist.email));
    tells_nothing(&mail);
    assert!(!mail.everything().contains("Zephyrine"));
    assert_eq!(mail.links(), [format!("http://{}/queue", house.address())]);
    assert_eq!(house.counts(["flags", "notices"]), [1, 1]);
}

#[test]
fn a_flag_notice_is_never_given_up() {
    let (house, sink) = (House::at(monday()), SmtpSink::start());
    let link = house.phq9("P1");
    post(
        &mut house.client(),
        &format!("{link}/q/9"),
        &[("answer", "3")],
    );
    sink.always(Behaviour::RefuseForGood);
    let mut now = monday();
    for _ in 0..30 {
        send_notices(&house, &sink);
        assert_eq!(states(&house), ["queued"]);
        now += TimeDelta::minutes(5);
        house.app.clock.set(now);
    }
    sink.always(Behaviour::Accept);
    assert_eq!((send_notices(&house, &sink), sink.mails().len()), (1, 1));
}

#[test]
fn a_notice_that_cannot_be_put_together_holds_up_no_other() {
    let (house, sink) = (House::at(monday()), SmtpSink::start());
    for id in ["P1", "P2"] {
        let link = house.phq9(id);
        post(
            &mut house.client(),
            &format!("{link}/q/9"),
            &[("answer", "3")],
        );
    }
    // The one that is put together first goes to nobody there is.
    let first = "(SELECT o.id FROM outbox o WHERE o.kind = 'flag_notice' ORDER BY o.id LIMIT 1)";
    house.run_sql(&format!(
        "UPDATE outbox SET recipient_id = subject_id WHERE id = {first}"
    ));
    assert_eq!(send_notices(&house, &sink), 2, "both are taken up");
    assert_eq!(states(&house), ["queued", "accepted"]);
    assert_eq!(sink.mails().len(), 1);

    house.run_sql(&format!(
        "UPDATE outbox SET recipient_id = (SELECT owner_id FROM flag WHERE flag.id = outbox.subject_id) WHERE id = {first}"
    ));
    house
        .app
        .clock
        .set(monday() + LEASE + TimeDelta::seconds(1));
    assert_eq!(send_notices(&house, &sink), 1, "it is tried again");
    assert_eq!(states(&house), ["accepted", "accepted"]);
    assert_eq!(sink.mails().len(), 2);
    house.verified();
}

#[test]
fn a_server_that_stalls_on_a_notice_holds_up_no_newer_one() {
    let (house, sink) = (House::at(monday()), SmtpSink::start());
    let links = ["P1", "P2"].map(|id| house.phq9(id));
    let flag = |link: &str| {
        let path = format!("{link}/q/9");
        post(&mut house.client(), &path, &[("answer", "1")]);
    };
    flag(&links[0]);
    sink.then(&[Behaviour::Stall]);
    std::thread::scope(|scope| {
        let began = Instant::now();
        let turn = scope.spawn(|| send_notices(&house, &sink));
        let wait_for = |what: &str, is_so: &dyn Fn() -> bool| {
            while !is_so() {
                assert!(began.elapsed() < Duration::from_secs(10), "{what}");
                std::thread::sleep(Duration::from_millis(10));
            }
        };
        wait_for("the first is under way", &|| sink.attempts() > 0);
        flag(&links[1]);
        wait_for("the second arrives", &|| sink.mails().len() == 1);
        assert!(!turn.is_finished(), "while the first hangs");
        assert_eq!(turn.join().expect("the turn ends"), 2);
    });
    assert_eq!(
        house.number("outbox WHERE kind = 'flag_notice' AND state = 'queued'"),
        1,
        "and is tried again"
    );
}

#[test]
fn a_server_that_stalls_on_an_invitation_holds_up_no_notice() {
    let (house, sink, good) = (House::at(monday()), SmtpSink::start(), SmtpSink::start());
    due(&house, "P1");
    let link = house.phq9("P2");
    sink.always(Behaviour::Stall);
    std::thread::scope(|scope| {
        let began = Instant::now();
        let stalled = scope.spawn(|| send(&house, &sink));
        while sink.attempts() == 0 {
            assert!(
                began.elapsed() < Duration::from_secs(10),
                "the invitation is under way"
            );
            std::thread::sleep(Duration::from_millis(10));
        }
        post(
            &mut house.client(),
            &format!("{link}/q/9"),
            &[("answer", "1")],
        );
        assert_eq!(
            (send_notices(&house, &good), good.mails().len()),
            (1, 1),
            "while the invitation hangs"
        );
        let alive = || house.number("heartbeat WHERE worker = 'invitations'") == 1;
        while !alive() {
            assert!(
                !stalled.is_finished(),
                "the loop says meanwhile that it lives"
            );
            std::thread::sleep(Duration::from_millis(10));
        }
        assert_eq!(stalled.join().expect("the stalled worker comes back"), 1);
        assert!(began.elapsed() < Duration::from_secs(60), "a stall ends");
    });
    assert_eq!(
        house.number("outbox WHERE kind = 'invitation' AND state = 'queued'"),
        1,
        "and is tried again"
    );
}
