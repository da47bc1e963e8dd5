//! The conversation with a relay, step by step: what is said, what is never said, and that nothing lasts for ever. What a refusal means for a patient.

use std::sync::Arc;
use std::time::{Duration, Instant};

use attune::app::App;
use attune::app::send_due::send_due;
use attune::config::{Security, Smtp};
use attune::domain::message::Failure;
use attune::mail::{Mail, Patience, SmtpMailer};
use attune::store::outbox::Lane;
use attune::store::{Seal, Store};
use chrono::TimeDelta;

use crate::house::{House, address_of, monday};
use crate::mail::{HURRY, due, mailer, send};
use crate::support::smtp::{Behaviour, SmtpSink};

/// The certificate of the test's own relay, for 127.0.0.1.
const CERTIFICATE: &[u8] = include_bytes!("support/relay/certificate.der");
const KEY: &[u8] = include_bytes!("support/relay/key.der");

fn relay(sink: &SmtpSink, security: Security) -> Smtp {
    Smtp {
        host: "127.0.0.1".into(),
        port: sink.address().port(),
        security,
        credentials: None,
    }
}

fn plain(sink: &SmtpSink) -> SmtpMailer {
    by(&relay(sink, Security::Loopback))
}

fn by(relay: &Smtp) -> SmtpMailer {
    SmtpMailer::new(relay, "Harbor Care <forms@example.org>")
        .expect("the sender is good")
        .with_patience(Patience {
            greeting: Duration::from_millis(400),
            command: Duration::from_millis(400),
            word: Duration::from_millis(400),
            conversation: Duration::from_secs(3),
            ..HURRY
        })
}

fn a_mail() -> Mail {
    Mail {
        message_id: "<1@example.org>".into(),
        in_reply_to: None,
        from_name: None,
        to: "pat@patients.example.org".into(),
        subject: "A form".into(),
        text: "Hello.\n.\n.. and a dot\n".into(),
        html: "<p>Hello.</p>".into(),
        return_path: None,
        stop: None,
    }
}

fn own_tls() -> Arc<rustls::ServerConfig> {
    let ring = Arc::new(rustls::crypto::ring::default_provider());
    let key = rustls::pki_types::PrivatePkcs8KeyDer::from(KEY.to_vec());
    let config = rustls::ServerConfig::builder_with_provider(ring)
        .with_safe_default_protocol_versions()
        .expect("the versions are known")
        .with_no_client_auth()
        .with_single_cert(vec![CERTIFICATE.to_vec().into()], key.into())
        .expect("the certificate is good");
    Arc::new(config)
}

#[test]
fn fifty_mails_on_one_connection_have_no_pause_between_them() {
    let sink = SmtpSink::start();
    let mailer = plain(&sink);
    let began = Instant::now();
    for _ in 0..50 {
        mailer.send(&a_mail()).expect("the relay takes it");
    }
    let took = began.elapsed();
    // 40 ms each, as it was with delayed acknowledgements, would be two seconds and more.
    assert!(took < Duration::from_millis(1_500), "{took:?}");
    assert_eq!((sink.connections(), sink.mails().len()), (1, 50));
    let text = sink.mails()[0].text().expect("plain text");
    assert_eq!(text.trim_end(), "Hello.\r\n.\r\n.. and a dot");
}

#[test]
fn a_relay_without_pipelining_is_asked_in_turn() {
    let sink = SmtpSink::start();
    sink.offer(&["8BITMIME"]);
    let mailer = plain(&sink);
    for _ in 0..3 {
        mailer.send(&a_mail()).expect("the relay takes it");
    }
    assert_eq!((sink.connections(), sink.mails().len()), (1, 3));
    sink.then(&[Behaviour::RefuseForGood, Behaviour::Accept]);
    let refused = mailer.send(&a_mail()).expect_err("no such mailbox");
    assert_eq!(refused.failure, Failure::Final);
    mailer
        .send(&a_mail())
        .expect("and the connection still works");
    assert_eq!(sink.connections(), 1);
}

#[test]
fn a_refused_recipient_costs_no_connection() {
    let sink = SmtpSink::start();
    let mailer = plain(&sink);
    for trouble in [
        Behaviour::RefuseForGood,
        Behaviour::RefuseForNow,
        Behaviour::RefuseSender,
        Behaviour::RefuseToRelay,
        Behaviour::RefuseText,
    ] {
        sink.then(&[trouble]);
        let refused = mailer.send(&a_mail()).expect_err("refused");
        assert!(!refused.words.contains('@'), "{}", refused.words);
        mailer.send(&a_mail()).expect("the next is taken");
    }
    assert_eq!((sink.connections(), sink.mails().len()), (1, 5));
}

#[test]
fn a_kept_connection_that_the_relay_ends_costs_no_mail() {
    let sink = SmtpSink::start();
    let mailer = plain(&sink);
    sink.then(&[Behaviour::Accept, Behaviour::Leave, Behaviour::Accept]);
    for _ in 0..2 {
        mailer
            .send(&a_mail())
            .expect("taken, the second on a new connection");
    }
    assert_eq!((sink.connections(), sink.mails().len()), (2, 2));
}

#[test]
fn nothing_lasts_longer_than_its_limit_wherever_a_relay_stalls() {
    for (trouble, failure) in [
        (Behaviour::StallAtGreeting, Failure::Ours),
        (Behaviour::StallAtMail, Failure::Ours),
        (Behaviour::StallAtRcpt, Failure::Ours),
        (Behaviour::StallAtData, Failure::Ours),
        (Behaviour::Stall, Failure::Unknown),
        (Behaviour::Drip, Failure::Ours),
    ] {
        for offers in [&["PIPELINING"][..], &["8BITMIME"][..]] {
            let sink = SmtpSink::start();
            sink.offer(offers);
            sink.then(&[trouble]);
            let began = Instant::now();
            let failed = plain(&sink).send(&a_mail()).expect_err("it stalls");
            assert_eq!(failed.failure, failure, "{trouble:?} {}", failed.words);
            let took = began.elapsed();
            assert!(took < Duration::from_secs(3), "{trouble:?} took {took:?}");
        }
    }
}

#[test]
fn without_starttls_a_relay_elsewhere_hears_our_name_and_nothing_more() {
    let sink = SmtpSink::start();
    let mut relay = relay(&sink, Security::StartTls);
    relay.credentials = Some(("user".into(), "secret".into()));
    let failed = by(&relay).send(&a_mail()).expect_err("no STARTTLS");
    assert_eq!(failed.failure, Failure::Ours);
    assert!(failed.words.contains("STARTTLS"), "{}", failed.words);
    let heard = sink.heard();
    assert!(
        heard
            .iter()
            .all(|line| line.starts_with("EHLO") || line == "QUIT"),
        "{heard:?}"
    );
}

#[test]
fn a_relay_with_a_wrong_certificate_gets_no_password_and_no_mail() {
    let sink = SmtpSink::start();
    sink.offer(&["STARTTLS", "AUTH PLAIN LOGIN"]);
    sink.with_tls(own_tls());
    let mut relay = relay(&sink, Security::StartTls);
    relay.credentials = Some(("user".into(), "secret".into()));
    let failed = by(&relay)
        .send(&a_mail())
        .expect_err("nobody vouches for it");
    assert_eq!(failed.failure, Failure::Ours);
    assert!(failed.words.contains("TLS"), "{}", failed.words);
    let heard = sink.heard();
    assert!(
        heard
            .iter()
            .all(|line| !line.contains("AUTH") && !line.contains("MAIL")),
        "{heard:?}"
    );
}

#[test]
fn behind_a_certificate_that_is_vouched_for_we_sign_in_and_send() {
    let sink = SmtpSink::start();
    sink.offer(&["STARTTLS", "AUTH PLAIN LOGIN", "PIPELINING"]);
    sink.with_tls(own_tls());
    let mut relay = relay(&sink, Security::StartTls);
    relay.credentials = Some(("user".into(), "secret".into()));
    let mailer = by(&relay)
        .with_roots(&[CERTIFICATE.to_vec()])
        .expect("the root is good");
    for _ in 0..20 {
        mailer.send(&a_mail()).expect("the relay takes it");
    }
    assert_eq!((sink.connections(), sink.mails().len()), (1, 20));
    let heard = sink.heard();
    let place = |what: &str| heard.iter().position(|line| line.starts_with(what));
    assert!(place("STARTTLS") < place("AUTH PLAIN") && place("AUTH PLAIN") < place("MAIL FROM"));
}

fn outcomes(house: &House) -> Vec<String> {
    house.texts("SELECT outcome AS value FROM send_attempt ORDER BY id")
}

#[test]
fn a_refusal_that_is_about_us_silences_no_patient() {
    for trouble in [
        Behaviour::RefuseSender,
        Behaviour::RefuseToRelay,
        Behaviour::RefuseConnection,
    ] {
        let (house, sink) = (House::at(monday()), SmtpSink::start());
        due(&house, "P1");
        sink.always(trouble);
        send(&house, &sink);
        assert_eq!(house.texts("SELECT state AS value FROM outbox"), ["queued"]);
        assert_eq!(
            house.number("patient WHERE email_refused_at IS NOT NULL"),
            0
        );
        assert_eq!(
            (house.number("task"), outcomes(&house)),
            (0, vec!["deferred".to_owned()])
        );
        sink.always(Behaviour::Accept);
        house.app.clock.set(monday() + TimeDelta::seconds(76));
        send(&house, &sink);
        assert_eq!(outcomes(&house), ["deferred", "accepted"], "{trouble:?}");
        house.verified();
    }
}

#[test]
fn a_mail_that_is_refused_for_what_it_says_is_a_persons_task_and_the_address_stays() {
    let (house, sink) = (House::at(monday()), SmtpSink::start());
    due(&house, "P1");
    sink.always(Behaviour::RefuseText);
    send(&house, &sink);
    assert_eq!(
        house.texts("SELECT state AS value FROM outbox"),
        ["refused"]
    );
    assert_eq!(
        house.texts("SELECT kind AS value FROM task"),
        ["mail_unsent"]
    );
    assert_eq!(
        house.number("patient WHERE email_refused_at IS NOT NULL"),
        0
    );
    house.verified();
}

#[test]
fn no_address_is_in_the_log_of_attempts() {
    let (house, sink) = (House::at(monday()), SmtpSink::start());
    for (n, trouble) in [
        Behaviour::RefuseToRelay,
        Behaviour::RefuseForGood,
        Behaviour::RefuseSender,
        Behaviour::Accept,
    ]
    .into_iter()
    .enumerate()
    {
        due(&house, &format!("P{n}"));
        sink.for_recipient(&address_of(&format!("P{n}")), trouble);
    }
    while send(&house, &sink) > 0 {}
    let details = house.texts("SELECT detail AS value FROM send_attempt");
    assert_eq!(details.len(), 4);
    for detail in details {
        assert!(
            !detail.contains('@') && !detail.contains("patients.example.org"),
            "{detail}"
        );
    }
}

#[test]
fn a_word_that_is_lost_again_and_again_ends_as_unknown_under_one_id_and_one_link() {
    let (house, sink) = (House::at(monday()), SmtpSink::start());
    due(&house, "P1");
    sink.always(Behaviour::KeepAndDrop);
    for hours in (0..=52).step_by(5) {
        house.app.clock.set(monday() + TimeDelta::hours(hours));
        send(&house, &sink);
    }
    assert_eq!(
        house.texts("SELECT state AS value FROM outbox"),
        ["unknown"]
    );
    assert_eq!(
        house.texts("SELECT kind AS value FROM task"),
        ["mail_unsent"]
    );
    assert_eq!(
        house.number("patient WHERE email_refused_at IS NOT NULL"),
        0
    );
    let outcomes = outcomes(&house);
    assert!(outcomes.iter().filter(|one| *one == "unknown").count() > 3);
    // At night it waits.
    assert!(outcomes.iter().all(|one| one == "unknown" || one == "held"));
    let mails = sink.mails();
    assert!(mails.len() > 3, "{}", mails.len());
    for mail in &mails {
        assert_eq!(mail.header("message-id"), mails[0].header("message-id"));
        assert_eq!(mail.links(), mails[0].links());
    }
    house.verified();
}

#[test]
fn while_the_relay_is_away_a_backlog_waits_without_being_tried_one_by_one() {
    let house = House::at(monday());
    for n in 0..40 {
        due(&house, &format!("P{n}"));
    }
    let gone = SmtpSink::start();
    let nowhere = mailer(&gone);
    drop(gone);
    let claimed = send_due(&house.app, &nowhere, Lane::Mails).expect("the database works");
    assert_eq!(claimed, 40);
    let tried = house.number("send_attempt");
    assert!((1..=4).contains(&tried), "{tried} were tried");
    assert_eq!(house.number("outbox WHERE attempts > 0"), tried);
    assert_eq!(
        house.number("outbox WHERE lease_until IS NOT NULL"),
        0,
        "nothing waits for a lease"
    );
    house.app.clock.set(monday() + TimeDelta::seconds(76));
    let sink = SmtpSink::start();
    while send(&house, &sink) > 0 {}
    assert_eq!(sink.mails().len(), 40, "and all leave once it is back");
}

#[test]
fn two_nodes_that_race_for_the_same_messages_send_each_once() {
    let (house, sink) = (House::at(monday()), SmtpSink::start());
    const MESSAGES: usize = 60;
    for n in 0..MESSAGES {
        due(&house, &format!("P{n}"));
    }
    let other = Store::open(house.app.store.place().clone(), Seal::new([7; 32]))
        .expect("a second node opens the database");
    let other = App {
        store: other,
        ..house.app.clone()
    };
    let (one, two) = (mailer(&sink), mailer(&sink));
    let claimed: usize = std::thread::scope(|scope| {
        let work = |app, mailer| {
            scope.spawn(move || {
                let mut claimed = 0;
                loop {
                    match send_due(app, mailer, Lane::Mails).expect("the database works") {
                        0 => return claimed,
                        more => claimed += more,
                    }
                }
            })
        };
        let nodes = [work(&house.app, &one), work(&other, &two)];
        nodes
            .map(|node| node.join().expect("a node ends"))
            .iter()
            .sum()
    });
    other.store.close();
    let mut to: Vec<String> = sink.mails().into_iter().flat_map(|mail| mail.to).collect();
    assert_eq!((claimed, to.len()), (MESSAGES, MESSAGES));
    to.sort();
    to.dedup();
    assert_eq!(to.len(), MESSAGES, "none doubled");
    assert_eq!(
        house.number("outbox WHERE state = 'accepted'"),
        MESSAGES,
        "none missed"
    );
    house.verified();
}
