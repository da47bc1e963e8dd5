//! Every rule of sending as a row of a table: these facts, this decision.

use attune::domain::care::AdministrationState as State;
use attune::domain::language::Language;
use attune::domain::message::sending::{
    Asking, Begun, Care, Channel, Decision, Facts, Held, LOOK_AGAIN, Line, Paused, Risk, Rival,
    Saying, Withdrawn, decide,
};
use attune::domain::schedule::cover::{Cover, Reader};
use attune::domain::schedule::hours::Hours;
use attune::domain::schedule::policy::{NobodyReads, ReadingHours, SendingPolicy};
use chrono::{NaiveDateTime, NaiveTime, TimeDelta};

use crate::house::instant;

/// Tuesday, 10:00 in Chicago: inside everybody's hours.
fn tuesday() -> NaiveDateTime {
    instant("2026-03-03 16:00:00")
}

fn read_by_somebody() -> Cover {
    Cover {
        hours: ReadingHours::default(),
        zone: chrono_tz::America::Chicago,
        readers: vec![Reader {
            id: attune::store::fresh(tuesday()),
            name: "Lee".into(),
            away: vec![],
        }],
    }
}

fn chicago(safe: Option<(i32, i32)>) -> Hours {
    Hours::of(&SendingPolicy::default(), chrono_tz::America::Chicago, safe)
}

/// An invitation that leaves.
fn wanted(cover: &Cover) -> Facts<'_> {
    Facts {
        asking: Asking::Invitation,
        state: State::Planned,
        occasion: "weeks 2026-03-03",
        due_at: tuesday(),
        wanted_at: tuesday(),
        expires_at: tuesday() + TimeDelta::days(7),
        opened_at: None,
        reminded_at: None,
        revoked_at: None,
        care: Care::Running,
        opted_out_at: None,
        reminders_stopped_at: None,
        texts_stopped_at: None,
        channel: Channel::Mail,
        mail: Line::Good,
        phone: Line::Missing,
        pause: None,
        not_permitted: None,
        hours: chicago(None),
        risk: Risk::Asked,
        cover,
        rival: Rival::None,
        language: Language::English,
        begun_in: None,
    }
}

fn reminder(cover: &Cover, number: u32) -> Facts<'_> {
    Facts {
        asking: Asking::Reminder(number),
        state: State::Sent,
        due_at: tuesday() - TimeDelta::days(2),
        ..wanted(cover)
    }
}

fn decided(facts: &Facts<'_>, now: NaiveDateTime) -> Decision {
    decide(facts, &SendingPolicy::default(), now)
}

fn said(facts: &Facts<'_>, now: NaiveDateTime) -> Saying {
    match decided(facts, now) {
        Decision::Send(saying) => saying,
        other => panic!("{other:?}"),
    }
}

fn why(facts: &Facts<'_>, now: NaiveDateTime) -> Withdrawn {
    match decided(facts, now) {
        Decision::Withdraw { why } => why,
        other => panic!("{other:?}"),
    }
}

type Change = fn(&mut Facts<'_>);

#[test]
fn what_is_wanted_leaves_in_the_language_of_the_day() {
    let cover = read_by_somebody();
    let mut facts = wanted(&cover);
    facts.language = Language::Spanish;
    let saying = said(&facts, tuesday());
    assert_eq!(
        saying,
        Saying {
            language: Language::Spanish,
            channel: Channel::Mail,
            begun: Begun::NotYet,
            read_from: None
        }
    );
}

#[test]
fn every_reason_against_a_message_stops_it() {
    let cover = read_by_somebody();
    let rows: &[(Withdrawn, Change)] = &[
        (Withdrawn::Over(State::Completed), |f| {
            f.state = State::Completed
        }),
        (Withdrawn::Over(State::Declined), |f| {
            f.state = State::Declined
        }),
        (Withdrawn::Over(State::NotSeen), |f| {
            f.state = State::NotSeen
        }),
        (Withdrawn::Over(State::Abandoned), |f| {
            f.state = State::Abandoned
        }),
        (Withdrawn::Over(State::Expired), |f| {
            f.state = State::Expired
        }),
        (Withdrawn::Over(State::Cancelled), |f| {
            f.state = State::Cancelled
        }),
        (Withdrawn::Died, |f| f.care = Care::Died),
        (Withdrawn::CareEnded, |f| f.care = Care::Ended),
        (Withdrawn::LinkRevoked, |f| f.revoked_at = Some(f.due_at)),
        (Withdrawn::OptedOut, |f| f.opted_out_at = Some(f.due_at)),
        (Withdrawn::WindowOver, |f| f.expires_at = f.due_at),
        (Withdrawn::ClinicOnly, |f| f.channel = Channel::None),
        (Withdrawn::NoAddress, |f| f.mail = Line::Missing),
        (Withdrawn::AddressRefused, |f| f.mail = Line::Refused),
        (Withdrawn::NoNumber, |f| f.channel = Channel::Text),
        (Withdrawn::NumberRefused, |f| {
            (f.channel, f.phone) = (Channel::Text, Line::Refused);
        }),
        (Withdrawn::TextsStopped, |f| {
            (f.channel, f.phone) = (Channel::Text, Line::Good);
            f.texts_stopped_at = Some(f.due_at);
        }),
        (Withdrawn::NotPermitted("no permission".into()), |f| {
            f.not_permitted = Some("no permission".into());
        }),
    ];
    for (expected, change) in rows {
        let mut facts = wanted(&cover);
        change(&mut facts);
        assert_eq!(&why(&facts, tuesday()), expected);
        let mut facts = reminder(&cover, 1);
        change(&mut facts);
        assert_eq!(&why(&facts, tuesday()), expected, "a reminder alike");
    }
}

#[test]
fn after_care_only_what_was_made_for_afterwards_leaves_and_nothing_after_a_death() {
    let cover = read_by_somebody();
    for (occasion, leaves) in [
        ("discharge 2026-03-03", true),
        ("follow-up 3 months", true),
        ("weeks 2026-03-03", false),
        ("session 0198", false),
    ] {
        for (care, may) in [
            (Care::Running, true),
            (Care::Ended, leaves),
            (Care::Died, false),
        ] {
            let facts = Facts {
                occasion,
                care,
                ..wanted(&cover)
            };
            let left = matches!(decided(&facts, tuesday()), Decision::Send(_));
            assert_eq!(left, may, "{occasion} {care:?}");
        }
    }
}

#[test]
fn reminders_have_a_cap_and_are_stopped_by_their_own_reasons() {
    let cover = read_by_somebody();
    for number in [1, 2] {
        said(&reminder(&cover, number), tuesday());
    }
    assert_eq!(
        why(&reminder(&cover, 3), tuesday()),
        Withdrawn::ReminderTooMany
    );
    let stopped = Facts {
        reminders_stopped_at: Some(tuesday()),
        ..reminder(&cover, 1)
    };
    assert_eq!(why(&stopped, tuesday()), Withdrawn::RemindersStopped);
    let invitation = Facts {
        reminders_stopped_at: Some(tuesday()),
        ..wanted(&cover)
    };
    said(&invitation, tuesday());
    let unsent = Facts {
        state: State::Planned,
        ..reminder(&cover, 1)
    };
    assert_eq!(why(&unsent, tuesday()), Withdrawn::NothingToRemindOf);
}

#[test]
fn somebody_who_has_begun_is_told_once_that_it_is_kept_in_the_language_they_began_in() {
    let cover = read_by_somebody();
    let opened = tuesday() - TimeDelta::hours(20);
    let mut facts = Facts {
        state: State::Opened,
        opened_at: Some(opened),
        begun_in: Some(Language::Spanish),
        ..reminder(&cover, 2)
    };
    let saying = said(&facts, tuesday());
    assert_eq!(
        (saying.begun, saying.language),
        (Begun::Kept, Language::Spanish)
    );
    facts.reminded_at = Some(opened - TimeDelta::hours(1));
    said(&facts, tuesday());
    facts.reminded_at = Some(opened + TimeDelta::hours(1));
    assert_eq!(why(&facts, tuesday()), Withdrawn::RemindedEnough);
}

#[test]
fn what_is_asked_before_a_session_leaves_before_that_begins_or_not_at_all() {
    let cover = read_by_somebody();
    let starts = tuesday() + TimeDelta::hours(3);
    let facts = Facts {
        occasion: "session s1",
        expires_at: starts + TimeDelta::hours(2),
        ..wanted(&cover)
    };
    said(&facts, starts - TimeDelta::minutes(1));
    assert_eq!(why(&facts, starts), Withdrawn::TooLate);
    // An hour that begins only after the session is none.
    let evening = Facts {
        expires_at: tuesday() + TimeDelta::hours(23),
        ..facts
    };
    let night = tuesday() + TimeDelta::hours(14);
    assert_eq!(why(&evening, night), Withdrawn::NoHourLeft);
}

#[test]
fn after_an_outage_nothing_stale_leaves_and_at_most_one() {
    let cover = read_by_somebody();
    let facts = wanted(&cover);
    said(&facts, tuesday() + TimeDelta::hours(24));
    said(&facts, tuesday() + TimeDelta::hours(48));
    let late = tuesday() + TimeDelta::hours(49);
    assert_eq!(why(&facts, late), Withdrawn::TooLate);
    // An address that came three days late is no outage.
    let asked_late = Facts {
        wanted_at: late,
        ..wanted(&cover)
    };
    said(&asked_late, late);

    let older = Facts {
        rival: Rival::Newer,
        ..wanted(&cover)
    };
    said(&older, tuesday() + TimeDelta::minutes(59));
    assert_eq!(
        why(&older, tuesday() + TimeDelta::hours(2)),
        Withdrawn::NewerWaits
    );
    let reminder = Facts {
        rival: Rival::Newer,
        ..reminder(&cover, 1)
    };
    assert_eq!(why(&reminder, tuesday()), Withdrawn::NewerWaits);
}

#[test]
fn a_pause_holds_what_waits_until_it_ends_and_then_it_is_too_late() {
    let cover = read_by_somebody();
    let until = tuesday() + TimeDelta::days(3);
    for (pause, looked_at) in [
        (Paused::Site(None), tuesday() + LOOK_AGAIN),
        (Paused::Program(Some(until)), until),
        (Paused::Patient(Some(until)), until),
    ] {
        let facts = Facts {
            pause: Some(pause),
            ..wanted(&cover)
        };
        let held = Decision::Hold {
            until: looked_at,
            why: Held::Paused(pause),
        };
        assert_eq!(decided(&facts, tuesday()), held);
        assert!(Held::Paused(pause).to_string().starts_with(Held::PAUSED));
    }
    assert_eq!(why(&wanted(&cover), until), Withdrawn::TooLate);
}

#[test]
fn quiet_hours_and_the_patients_own_hours_hold_a_message_and_do_not_make_it_late() {
    let cover = read_by_somebody();
    // 23:00 in Chicago.
    let night = instant("2026-03-04 05:00:00");
    let mut facts = Facts {
        due_at: night,
        wanted_at: night,
        risk: Risk::NotAsked,
        ..wanted(&cover)
    };
    let held = |until| Decision::Hold {
        until,
        why: Held::OutsideHours,
    };
    assert_eq!(decided(&facts, night), held(instant("2026-03-04 14:00:00")));
    facts.hours = chicago(Some((18 * 60, 20 * 60)));
    let evening = instant("2026-03-05 00:00:00");
    assert_eq!(decided(&facts, night), held(evening));
    said(&facts, evening);
    facts.expires_at = evening;
    assert_eq!(why(&facts, night), Withdrawn::NoHourLeft);
}

fn holding() -> SendingPolicy {
    SendingPolicy {
        nobody_reads: NobodyReads::Hold,
        ..SendingPolicy::default()
    }
}

#[test]
fn a_form_that_asks_about_danger_leaves_with_the_hours_or_waits_for_them() {
    let cover = read_by_somebody();
    // Friday, 18:00 in Chicago; read again on Monday at 9:00, when daylight saving has begun.
    let friday = instant("2026-03-07 00:00:00");
    let monday = instant("2026-03-09 14:00:00");
    let facts = Facts {
        due_at: friday,
        wanted_at: friday,
        expires_at: friday + TimeDelta::days(7),
        ..wanted(&cover)
    };
    assert_eq!(said(&facts, friday).read_from, Some(monday));
    let held = Decision::Hold {
        until: monday,
        why: Held::NobodyReadsNow,
    };
    assert_eq!(decide(&facts, &holding(), friday), held);
    // Three days later it is not stale: our own rule held it.
    assert!(matches!(
        decide(&facts, &holding(), monday),
        Decision::Send(_)
    ));
    let harmless = Facts {
        risk: Risk::NotAsked,
        ..facts.clone()
    };
    assert_eq!(said(&harmless, friday).read_from, None);
    assert!(matches!(
        decide(&harmless, &holding(), friday),
        Decision::Send(_)
    ));
    let short = Facts {
        expires_at: monday,
        ..facts
    };
    assert_eq!(
        decide(&short, &holding(), friday),
        Decision::Withdraw {
            why: Withdrawn::NoHourLeft
        }
    );
}

#[test]
fn hours_that_never_meet_are_said_to_somebody_and_not_waited_for() {
    let cover = read_by_somebody();
    let facts = Facts {
        hours: chicago(Some((18 * 60, 20 * 60))),
        ..wanted(&cover)
    };
    let never = Decision::Withdraw {
        why: Withdrawn::NoHourLeft,
    };
    assert_eq!(decide(&facts, &holding(), tuesday()), never);
}

#[test]
fn a_form_that_nobody_would_ever_read_waits_under_either_rule() {
    let mut cover = read_by_somebody();
    cover.readers.clear();
    for policy in [SendingPolicy::default(), holding()] {
        let decision = decide(&wanted(&cover), &policy, tuesday());
        let waits = matches!(
            decision,
            Decision::Hold {
                why: Held::NobodyReadsAtAll,
                ..
            }
        );
        assert!(waits, "{decision:?}");
    }
}

#[test]
fn without_quiet_hours_a_message_leaves_at_night() {
    let cover = read_by_somebody();
    let policy = SendingPolicy {
        quiet_from: NaiveTime::MIN,
        quiet_until: NaiveTime::MIN,
        ..SendingPolicy::default()
    };
    let night = instant("2026-03-03 09:00:00");
    let facts = Facts {
        due_at: night,
        wanted_at: night,
        hours: Hours::of(&policy, chrono_tz::America::Chicago, None),
        ..wanted(&cover)
    };
    assert!(matches!(decide(&facts, &policy, night), Decision::Send(_)));
}
