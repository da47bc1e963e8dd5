//! Every role tries every act on a flag, over HTTP and through the verbs: only a licensed person within reach does any of them, each is documented, and every attempt is in the audit.
//! And what the further acts do: claim, hand over, disagree, known levels.

use attune::app::Failure;
use attune::app::review_flag::{self, Refusal};
use attune::domain::access::{Actor, Licence, Role, StaffActor};
use attune::domain::ids::{FlagId, StaffId};
use attune::domain::risk::acts::{Seen, TypedLevel};
use attune::domain::risk::closing::Typed;
use chrono::TimeDelta;

use crate::house::{House, Person, monday, wait_for};
use crate::patient::{get, post, submit};
use crate::support::assessment::{ASSESSED, REVIEWED, close, close_with};
use crate::support::http::Client;
use crate::support::page;

/// Acts in an order in which each can succeed, by the words of the audit.
const ACTS: &[&str] = &[
    "disagree_with_flag",
    "acknowledge_flag",
    "claim_flag",
    "set_known_level",
    "end_known_level",
    "close_flag",
    "hand_over_flag",
];

fn flagged(house: &House, answer: &str) -> FlagId {
    let link = house.phq9("P1");
    let path = format!("{link}/q/9");
    post(&mut house.client(), &path, &[("answer", answer)]);
    house.flag()
}

/// The same question answered on another form.
fn again(house: &House, answer: &str) {
    let patient = house.ids("patient")[0].parse().expect("an id");
    let path = format!("{}/q/9", house.link(patient, &["phq9"]));
    post(&mut house.client(), &path, &[("answer", answer)]);
}

fn fields(house: &House, act: &str, to: StaffId) -> (&'static str, Vec<(&'static str, String)>) {
    let said = |pairs: &[(&'static str, &str)]| {
        pairs
            .iter()
            .map(|(name, value)| (*name, (*value).to_owned()))
            .collect::<Vec<_>>()
    };
    let until = (house.app.clock.now().date() + TimeDelta::days(7)).to_string();
    match act {
        "disagree_with_flag" => ("disagree", said(&[("disagreement", "Misread.")])),
        "acknowledge_flag" => ("acknowledge", vec![]),
        "claim_flag" => ("claim", vec![]),
        "set_known_level" => (
            "known",
            said(&[
                ("up_to", "1"),
                ("until_on", &until),
                ("known_reason", "For years."),
            ]),
        ),
        "end_known_level" => ("known/end", vec![]),
        "close_flag" => (
            "close",
            said(&[ASSESSED, &[("seen", "1"), ("seen_answers", "1")]].concat()),
        ),
        "hand_over_flag" => ("hand-over", said(&[("to", &to.to_string())])),
        other => panic!("{other} is no act"),
    }
}

fn try_over_http(house: &House, client: &mut Client, flag: FlagId, act: &str, to: StaffId) -> u16 {
    let (path, fields) = fields(house, act, to);
    let fields: Vec<(&str, &str)> = fields
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
        .collect();
    post(client, &format!("/flags/{flag}/{path}"), &fields).status
}

fn try_by_verb(
    house: &House,
    actor: Actor,
    flag: FlagId,
    act: &str,
    to: StaffId,
) -> Result<(), Failure<Refusal>> {
    let app = &house.app;
    let until_on = (app.clock.now().date() + TimeDelta::days(7)).to_string();
    wait_for(async move {
        match act {
            "disagree_with_flag" => {
                review_flag::disagree(app, actor, flag, "Misread.".into()).await
            }
            "acknowledge_flag" => review_flag::acknowledge(app, actor, flag, String::new()).await,
            "claim_flag" => review_flag::claim(app, actor, flag, String::new()).await,
            "set_known_level" => {
                let typed = TypedLevel {
                    up_to: "1".into(),
                    until_on,
                    reason: "For years.".into(),
                };
                review_flag::set_level(app, actor, flag, typed).await
            }
            "end_known_level" => review_flag::end_level(app, actor, flag).await,
            "close_flag" => {
                let seen = Seen {
                    answer: 1,
                    answers: 1,
                };
                review_flag::close(app, actor, flag, typed(), Some(seen)).await
            }
            "hand_over_flag" => {
                review_flag::hand_over(app, actor, flag, Some(to), String::new()).await
            }
            other => panic!("{other} is no act"),
        }
    })
}

fn typed() -> Typed {
    let one = |name: &str| {
        let found = ASSESSED.iter().find(|(known, _)| *known == name);
        found.map_or_else(String::new, |(_, value)| (*value).to_owned())
    };
    Typed {
        asked: vec![one("asked")],
        level: one("level"),
        assessment: one("assessment"),
        plan: one("plan"),
        contact: one("contact"),
        no_check_why: one("no_check_why"),
        ..Typed::default()
    }
}

/// How often an act was tried by such an actor and came to this.
fn attempts(house: &House, act: &str, outcome: &str) -> usize {
    house.number(&format!(
        "audit_event WHERE act = '{act}' AND outcome = '{outcome}'"
    ))
}

/// What stands about flags, without the audit.
fn standing(house: &House) -> Vec<String> {
    [
        "SELECT state || ' ' || CAST(answers AS TEXT) AS value FROM flag ORDER BY id",
        "SELECT act AS value FROM flag_act ORDER BY id",
        "SELECT level AS value FROM closing ORDER BY flag_id",
        "SELECT CASE WHEN ended_at IS NULL THEN 'holds' ELSE 'ended' END AS value FROM known_level ORDER BY id",
        "SELECT kind AS value FROM outbox ORDER BY id",
    ]
    .iter()
    .flat_map(|query| house.texts(query))
    .collect()
}

#[test]
fn nobody_but_a_licensed_person_within_reach_does_anything_with_a_flag_and_every_attempt_is_in_the_audit()
 {
    let house = House::at(monday());
    let flag = flagged(&house, "1");
    let people = &house.people;
    // Whether the flag is open, taken on, known or closed: it is tried at every stage.
    let stages: [Option<&str>; 4] = [
        None,
        Some("acknowledge_flag"),
        Some("set_known_level"),
        Some("close_flag"),
    ];
    let mut disabled = house.signed_in(&people.supervisor);
    wait_for(attune::app::accounts::disable(
        &house.app,
        people.administrator.actor.clone(),
        people.supervisor.id,
    ))
    .expect("the account is disabled");
    let may_not: [(&Person, u16); 4] = [
        (&people.unlicensed, 403),
        (&people.elsewhere, 404),
        (&people.quality, 403),
        (&people.administrator, 403),
    ];
    let mut clients: Vec<(Client, u16)> = may_not
        .iter()
        .map(|(person, status)| (house.signed_in(person), *status))
        .collect();
    let mut therapist = house.signed_in(&people.therapist);
    let mut tried = 0;
    for stage in stages {
        if let Some(act) = stage {
            assert_eq!(
                try_over_http(&house, &mut therapist, flag, act, people.therapist.id),
                303,
                "{act}"
            );
        }
        let before = standing(&house);
        for act in ACTS {
            let known =
                ["done", "refused", "denied", "signed_out"].map(|to| attempts(&house, act, to));
            for (client, status) in &mut clients {
                assert_eq!(
                    try_over_http(&house, client, flag, act, people.therapist.id),
                    *status,
                    "{act} {stage:?}"
                );
            }
            let signed_out = try_over_http(&house, &mut disabled, flag, act, people.therapist.id);
            assert!(
                [303, 401].contains(&signed_out),
                "to the sign-in: {signed_out}"
            );
            assert_eq!(
                try_over_http(&house, &mut house.client(), flag, act, people.therapist.id),
                303
            );
            for actor in without_a_right(&house) {
                let done = try_by_verb(&house, actor.clone(), flag, act, people.therapist.id);
                assert!(
                    matches!(done, Err(Failure::Denied(_))),
                    "{act} by {actor:?}: {done:?}"
                );
            }
            let found =
                ["done", "refused", "denied", "signed_out"].map(|to| attempts(&house, act, to));
            let denied = clients.len() + without_a_right(&house).len();
            assert_eq!(
                [0, 1, 2, 3].map(|n| found[n] - known[n]),
                [0, 0, denied, 2],
                "{act}: done, refused, denied, signed out"
            );
            tried += denied + 2;
        }
        assert_eq!(standing(&house), before, "nothing moved after {stage:?}");
    }
    assert!(tried > 300, "{tried} attempts");
    assert_eq!(
        house.number("audit_event WHERE act = 'close_flag' AND outcome = 'done'"),
        1
    );
    house.verified();
}

/// Everybody and everything that may do nothing here, as the verbs know them: also somebody who says they are licensed and is not.
fn without_a_right(house: &House) -> Vec<Actor> {
    let (people, org) = (&house.people, house.app.org);
    let patient = house.ids("patient")[0].parse().expect("an id");
    let claims = |person: &Person, role| {
        let Actor::Staff(known) = &person.actor else {
            panic!("staff")
        };
        let Actor::Staff(therapist) = &people.therapist.actor else {
            panic!("staff")
        };
        Actor::Staff(StaffActor {
            role,
            licence: Some(Licence("made up".into())),
            clinics: therapist.clinics.clone(),
            ..known.clone()
        })
    };
    let mut all: Vec<Actor> = [
        &people.unlicensed,
        &people.elsewhere,
        &people.quality,
        &people.administrator,
        &people.supervisor,
    ]
    .iter()
    .map(|person| person.actor.clone())
    .collect();
    all.extend([
        claims(&people.unlicensed, Role::Therapist),
        claims(&people.elsewhere, Role::Supervisor),
        claims(&people.quality, Role::Therapist),
        claims(&people.administrator, Role::Supervisor),
        Actor::Operator { org },
        Actor::System { org },
        Actor::LinkHolder { org, patient },
    ]);
    all
}

#[test]
fn a_licensed_person_within_reach_does_each_act_once_and_it_is_in_the_history_and_the_audit() {
    let house = House::at(monday());
    let flag = flagged(&house, "1");
    let people = &house.people;
    let mut therapist = house.signed_in(&people.therapist);
    let mut supervisor = house.signed_in(&people.supervisor);
    for (by_supervisor, act) in [
        (false, "disagree_with_flag"),
        (false, "acknowledge_flag"),
        (true, "claim_flag"),
        (false, "hand_over_flag"),
        (false, "acknowledge_flag"),
        (false, "set_known_level"),
        (false, "end_known_level"),
        (false, "close_flag"),
    ] {
        let done = attempts(&house, act, "done");
        let client = if by_supervisor {
            &mut supervisor
        } else {
            &mut therapist
        };
        assert_eq!(
            try_over_http(&house, client, flag, act, people.therapist.id),
            303,
            "{act}"
        );
        assert_eq!(attempts(&house, act, "done"), done + 1, "{act}");
    }
    // What makes no sense any more is refused, and that is written down too.
    for act in [
        "acknowledge_flag",
        "claim_flag",
        "hand_over_flag",
        "close_flag",
        "end_known_level",
    ] {
        assert_eq!(
            try_over_http(&house, &mut therapist, flag, act, people.supervisor.id),
            409,
            "{act}"
        );
        assert_eq!(attempts(&house, act, "refused"), 1, "{act}");
    }
    let mut acts = house.texts("SELECT act AS value FROM flag_act");
    acts.sort();
    assert_eq!(
        acts,
        [
            "acknowledged",
            "acknowledged",
            "claimed",
            "closed",
            "disagreed",
            "handed_over",
            "level_ended",
            "level_known",
            "raised"
        ]
    );
    house.verified();
}

fn owner(house: &House) -> String {
    let id = house.hex_of_id().replace("id", "owner_id");
    house.texts(&format!("SELECT {id} AS value FROM flag"))[0].clone()
}

fn told(house: &House, who: StaffId) -> usize {
    let id = house.hex_of_id().replace("id", "recipient_id");
    house.number(&format!(
        "outbox WHERE kind = 'flag_notice' AND {id} = '{who}'"
    ))
}

#[test]
fn a_flag_is_handed_only_to_a_licensed_colleague_who_is_here_and_has_to_take_it_on() {
    let house = House::at(monday());
    let flag = flagged(&house, "2");
    let people = &house.people;
    let mut therapist = house.signed_in(&people.therapist);
    post(&mut therapist, &format!("/flags/{flag}/acknowledge"), &[]);
    let path = format!("/flags/{flag}/hand-over");
    for (to, why) in [
        (people.unlicensed.id, "no working account with a licence"),
        (people.administrator.id, "no working account with a licence"),
        (people.elsewhere.id, "does not work in the patient"),
        (people.therapist.id, "with this colleague already"),
    ] {
        let fields = [("to", &*to.to_string()), ("hand_note", "Please call.")];
        let refused = post(&mut therapist, &path, &fields);
        assert_eq!(refused.status, 422);
        let text = refused.text();
        assert!(
            text.contains(why) && text.contains("Please call."),
            "{why}: {text}"
        );
    }
    assert_eq!(post(&mut therapist, &path, &[("to", "")]).status, 422);
    assert_eq!(
        (
            owner(&house),
            house.texts("SELECT state AS value FROM flag")
        ),
        (people.therapist.id.to_string(), vec!["acknowledged".into()])
    );

    house.app.clock.set(monday() + TimeDelta::minutes(10));
    let fields = [
        ("to", &*people.supervisor.id.to_string()),
        ("hand_note", "Please call."),
    ];
    assert_eq!(post(&mut therapist, &path, &fields).status, 303);
    assert_eq!(
        (
            owner(&house),
            house.texts("SELECT state AS value FROM flag")
        ),
        (people.supervisor.id.to_string(), vec!["open".into()])
    );
    assert_eq!(told(&house, people.supervisor.id), 1);
    assert_eq!(
        house.texts("SELECT substr(CAST(due_at AS TEXT), 12, 5) AS value FROM flag"),
        ["16:25"],
        "a deadline of its own"
    );
    let page = get(&mut therapist, &format!("/flags/{flag}")).text();
    assert!(
        page.contains("Please call.") && page.contains("Sam Hartwell was told"),
        "{page}"
    );
    house.verified();
}

#[test]
fn nobody_who_is_away_is_given_a_flag() {
    let house = House::at(monday());
    let flag = flagged(&house, "2");
    let mut supervisor = house.signed_in(&house.people.supervisor);
    let leave = [
        ("from", "2026-03-02"),
        ("until", "2026-03-03"),
        ("note", ""),
    ];
    let away = post(&mut supervisor, "/leave", &leave);
    assert!(house.number("absence") == 1, "{}", away.text());
    let mut therapist = house.signed_in(&house.people.therapist);
    let to = house.people.supervisor.id.to_string();
    let refused = post(
        &mut therapist,
        &format!("/flags/{flag}/hand-over"),
        &[("to", &to)],
    );
    assert_eq!(refused.status, 422);
    assert!(refused.text().contains("away today"), "{}", refused.text());
    let page = get(&mut therapist, &format!("/flags/{flag}")).text();
    assert!(page.contains("Nobody else here today"), "{page}");
}

#[test]
fn whoever_had_a_flag_is_told_when_a_colleague_takes_it_over_and_its_deadline_stays() {
    let house = House::at(monday());
    let flag = flagged(&house, "2");
    let people = &house.people;
    let mut therapist = house.signed_in(&people.therapist);
    post(&mut therapist, &format!("/flags/{flag}/acknowledge"), &[]);
    let due = house.texts("SELECT CAST(due_at AS TEXT) AS value FROM flag");
    let before = told(&house, people.therapist.id);
    house.app.clock.set(monday() + TimeDelta::minutes(5));
    let mut supervisor = house.signed_in(&people.supervisor);
    assert_eq!(
        post(&mut supervisor, &format!("/flags/{flag}/claim"), &[]).status,
        303
    );
    assert_eq!(owner(&house), people.supervisor.id.to_string());
    assert_eq!(told(&house, people.therapist.id), before + 1);
    assert_eq!(
        house.texts("SELECT CAST(due_at AS TEXT) AS value FROM flag"),
        due
    );
    assert_eq!(
        post(&mut supervisor, &format!("/flags/{flag}/claim"), &[]).status,
        409,
        "theirs already"
    );
    house.verified();
}

#[test]
fn a_known_level_lowers_the_tier_of_later_answers_mutes_no_rise_and_ends_by_itself() {
    let house = House::at(monday());
    let flag = flagged(&house, "2");
    let mut therapist = house.signed_in(&house.people.therapist);
    let known = format!("/flags/{flag}/known");
    let say = |up_to, until| {
        [
            ("up_to", up_to),
            ("until_on", until),
            ("known_reason", "Passive thoughts for years."),
        ]
    };
    assert_eq!(
        post(&mut therapist, &known, &say("1", "2026-03-31")).status,
        409,
        "first somebody has it"
    );
    post(&mut therapist, &format!("/flags/{flag}/acknowledge"), &[]);
    for (up_to, until) in [
        ("2", "2026-03-31"),
        ("0", "2026-03-31"),
        ("1", "2026-07-01"),
        ("1", "2026-03-01"),
    ] {
        assert_eq!(
            post(&mut therapist, &known, &say(up_to, until)).status,
            422,
            "{up_to} {until}"
        );
    }
    assert_eq!(house.number("known_level"), 0);
    assert_eq!(
        post(&mut therapist, &known, &say("1", "2026-03-31")).status,
        303
    );
    let patient = house.ids("patient")[0].clone();
    for path in [format!("/flags/{flag}"), format!("/patients/{patient}")] {
        let page = get(&mut therapist, &path).text();
        assert!(
            page.contains("Passive thoughts for years."),
            "{path}: {page}"
        );
    }
    assert_eq!(close(&mut therapist, flag).status, 303);

    let tiers = || house.texts("SELECT tier || ' ' || state AS value FROM flag ORDER BY raised_at");
    house.app.clock.set(monday() + TimeDelta::days(7));
    again(&house, "1");
    assert_eq!(tiers()[1..], ["review open"]);
    let second = house.ids("flag")[1].clone();
    let mut therapist = house.signed_in(&house.people.therapist);
    assert_eq!(
        close_with(&mut therapist, &second, REVIEWED).status,
        303,
        "closed from open, in one act"
    );
    // A moment later, so that the flags have an order.
    house
        .app
        .clock
        .set(monday() + TimeDelta::days(7) + TimeDelta::minutes(1));
    again(&house, "2");
    assert_eq!(tiers()[2..], ["crisis open"], "a rise is as ever");

    house.app.clock.set(monday() + TimeDelta::days(40));
    let mut therapist = house.signed_in(&house.people.therapist);
    let third = house.ids("flag")[2].clone();
    post(&mut therapist, &format!("/flags/{third}/acknowledge"), &[]);
    assert_eq!(close(&mut therapist, &third).status, 303);
    again(&house, "1");
    assert_eq!(tiers()[3..], ["crisis open"], "the day is over");
    house.verified();
}

#[test]
fn a_known_level_that_somebody_ends_holds_no_more() {
    let house = House::at(monday());
    let flag = flagged(&house, "1");
    let mut therapist = house.signed_in(&house.people.therapist);
    post(&mut therapist, &format!("/flags/{flag}/acknowledge"), &[]);
    let fields = [
        ("up_to", "1"),
        ("until_on", "2026-03-31"),
        ("known_reason", "For years."),
    ];
    post(&mut therapist, &format!("/flags/{flag}/known"), &fields);
    assert_eq!(
        post(&mut therapist, &format!("/flags/{flag}/known/end"), &[]).status,
        303
    );
    assert_eq!(close(&mut therapist, flag).status, 303);
    again(&house, "1");
    assert_eq!(
        house.texts("SELECT tier AS value FROM flag ORDER BY id"),
        ["crisis", "crisis"]
    );
}

#[test]
fn the_flags_page_says_on_what_it_rests() {
    let house = House::at(monday());
    let patient = house.patient("P1");
    submit(
        &mut house.client(),
        &house.link(patient, &["phq9"]),
        &["1", "1", "1", "1", "1", "1", "1", "1", "0", "1"],
    );
    house
        .app
        .clock
        .set(monday() + TimeDelta::days(7) + TimeDelta::minutes(5));
    submit(
        &mut house.client(),
        &house.link(patient, &["phq9"]),
        &["2", "2", "2", "2", "2", "2", "2", "2", "2", "1"],
    );
    house
        .app
        .clock
        .set(monday() + TimeDelta::days(7) + TimeDelta::minutes(9));
    again(&house, "1");
    let mut therapist = house.signed_in(&house.people.therapist);
    let flag = house.flag();
    let text = page::plain_text(&get(&mut therapist, &format!("/flags/{flag}")).text());
    for words in [
        "answered 2, “More than half the days”, to item 9",
        "on Mon 9 Mar, 11:05",
        "acknowledge by 11:20, in 11 min",
        "nobody has it yet; Lee Hartwell was told",
        "as shipped: the rule’s own threshold; to be seen the same hour",
        "Source of the rule",
        "Mon 9 Mar, 11:09: 1, “Several days” not higher than before",
        "Mon 9 Mar, 11:05: 2, “More than half the days” raised this flag",
        "0, “Not at all”",
        "8, mild",
        "18, moderately severe",
        "What was missing",
        "What the rule cannot see",
    ] {
        assert!(text.contains(words), "“{words}” is missing in {text}");
    }
    assert!(!text.to_lowercase().contains("high risk"), "{text}");
    let queue = page::plain_text(&get(&mut therapist, "/queue").text());
    assert!(
        queue.contains("2 answers, the last Mon 9 Mar, 11:09"),
        "{queue}"
    );
}

#[test]
fn only_ones_own_are_shown_when_asked_for_and_every_overdue_crisis_flag() {
    let house = House::at(monday());
    let flag = flagged(&house, "1");
    let shown = |path: &str| {
        let mut supervisor = house.signed_in(&house.people.supervisor);
        get(&mut supervisor, path)
            .text()
            .contains(&flag.to_string())
    };
    assert!(shown("/queue") && !shown("/queue?show=mine"));
    house.app.clock.set(monday() + TimeDelta::minutes(16));
    assert!(shown("/queue?show=mine"), "overdue is everybody's");
}

#[test]
fn what_was_written_while_the_sign_in_ended_is_sent_again_and_not_lost() {
    let house = House::at(monday());
    let flag = flagged(&house, "1");
    let path = format!("/flags/{flag}");
    let mut therapist = house.signed_in(&house.people.therapist);
    post(&mut therapist, &format!("{path}/acknowledge"), &[]);
    let form = page::form_to(&get(&mut therapist, &path).text(), "/close").expect("a form");
    house.app.clock.set(monday() + TimeDelta::minutes(20));
    let close = format!("{path}/close");
    let kept = therapist
        .post_form(&close, &form.with(ASSESSED))
        .expect("an answer");
    assert_eq!(kept.status, 401, "{}", kept.text());
    assert_eq!(house.counts(["flags_waiting"]), [1]);
    assert_eq!(attempts(&house, "close_flag", "signed_out"), 1);
    let again = page::form_to(&kept.text(), "/close").expect("a form");
    let mut therapist = house.signed_in(&house.people.therapist);
    let closed = therapist
        .post_form(&close, &again.untouched())
        .expect("an answer");
    assert_eq!(closed.status, 303, "{}", closed.text());
    assert_eq!(house.counts(["flags_waiting"]), [0]);
}
