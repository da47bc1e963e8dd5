//! The life of a risk flag: two acts by licensed people move it forward, time passes it on, and nothing else ever closes it.

use attune::app::accounts;
use attune::app::escalate::escalate;
use attune::app::expire_due::expire_due;
use attune::app::import::{Mode, Order, What, import};
use attune::app::plan_due::plan_due;
use attune::app::verify::verify;
use attune::domain::ids::StaffId;
use attune::domain::risk::policy::RuleSetting;
use chrono::TimeDelta;

use crate::house::{House, monday, wait_for};
use crate::late_answers::helped;
use crate::patient::{CALM, get, post, submit};
use crate::signals::set_policy;
use crate::support::assessment::{ASSESSED, assessed, close, close_with};
use crate::support::page;

/// A house in which one patient has just answered item 9 above zero.
fn flagged(house: &House) -> String {
    let link = house.phq9("P1");
    post(
        &mut house.client(),
        &format!("{link}/q/9"),
        &[("answer", "2")],
    );
    assert_eq!(house.counts(["flags", "flags_waiting"]), [1, 1]);
    link
}

fn owner(house: &House) -> String {
    let id = match house.app.store.place() {
        attune::store::Place::Sqlite(_) => "lower(hex(owner_id))",
        attune::store::Place::Postgres(_) => "encode(owner_id, 'hex')",
    };
    house.texts(&format!("SELECT {id} AS value FROM flag"))[0].clone()
}

fn hex(id: StaffId) -> String {
    id.to_string()
}

#[test]
fn acknowledging_and_closing_are_two_acts_with_name_time_and_note() {
    let house = House::open();
    flagged(&house);
    let flag = house.flag();
    let mut therapist = house.signed_in(&house.people.therapist);
    let (acknowledge, close) = (
        format!("/flags/{flag}/acknowledge"),
        format!("/flags/{flag}/close"),
    );
    let seen = [("seen", "2"), ("seen_answers", "1")];
    let whole = [ASSESSED, &seen].concat();

    assert_eq!(
        post(&mut therapist, &close, &whole).status,
        409,
        "closing comes after acknowledging"
    );
    assert_eq!(
        post(&mut therapist, &acknowledge, &[("note", "Calling now.")]).status,
        303
    );
    assert_eq!(
        post(&mut therapist, &acknowledge, &[("note", "Calling now.")]).status,
        409
    );
    for (field, empty) in [
        ("assessment", ""),
        ("assessment", "   \n "),
        ("plan", ""),
        ("asked", ""),
        ("asked", "nothing"),
        ("level", ""),
        ("contact", "by_pigeon"),
        ("no_check_why", " "),
    ] {
        let fields = [assessed(&[(field, empty)]), seen.to_vec()].concat();
        let answer = post(&mut therapist, &close, &fields);
        assert_eq!(answer.status, 422, "{field} is needed");
        for (name, typed) in &fields {
            let kept = *name == field || answer.text().contains(typed);
            assert!(kept, "{name} “{typed}” is lost: {}", answer.text());
        }
    }
    assert_eq!(
        post(&mut therapist, &close, ASSESSED).status,
        409,
        "nothing is closed that was not seen"
    );
    assert_eq!(
        house.texts("SELECT state AS value FROM flag"),
        ["acknowledged"]
    );
    assert_eq!(house.counts(["flags_waiting"]), [1]);

    let mut supervisor = house.signed_in(&house.people.supervisor);
    assert_eq!(post(&mut supervisor, &close, &whole).status, 303);
    assert_eq!(
        post(&mut therapist, &close, &whole).status,
        409,
        "closed once"
    );
    assert_eq!(
        post(&mut therapist, &acknowledge, &[]).status,
        409,
        "and for good"
    );
    assert_eq!(house.texts("SELECT state AS value FROM flag"), ["closed"]);
    assert_eq!(
        house.texts("SELECT act AS value FROM flag_act ORDER BY id"),
        ["raised", "acknowledged", "closed"]
    );
    assert_eq!(
        house.number(
            "audit_event WHERE act IN ('acknowledge_flag', 'close_flag') AND actor_id IS NOT NULL AND outcome = 'done'"
        ),
        2
    );
    assert_eq!(house.number("audit_event WHERE outcome = 'refused'"), 13);
    assert_eq!(
        house.texts(
            "SELECT asked || ' ' || level || ' ' || contact || ' ' || plan AS value FROM closing"
        ),
        ["ideation low by_phone Safety plan renewed, seen tomorrow."]
    );
    assert_eq!(house.counts(["flags_waiting"]), [0]);

    let page = get(&mut therapist, &format!("/flags/{flag}")).text();
    for words in [
        "Lee Hartwell",
        "Sam Hartwell",
        "Calling now.",
        "seen tomorrow",
    ] {
        assert!(page.contains(words), "{words} is missing in {page}");
    }
}

#[test]
fn a_person_without_a_licence_can_see_a_flag_and_not_move_it() {
    let house = House::open();
    flagged(&house);
    let flag = house.flag();
    let mut unlicensed = house.signed_in(&house.people.unlicensed);
    assert_eq!(get(&mut unlicensed, &format!("/flags/{flag}")).status, 200);
    let before = house.texts("SELECT state AS value FROM flag");
    for (act, field) in [("acknowledge", "note"), ("close", "assessment")] {
        assert_eq!(
            post(
                &mut unlicensed,
                &format!("/flags/{flag}/{act}"),
                &[(field, "Seen and done.")]
            )
            .status,
            403
        );
    }
    post(
        &mut house.signed_in(&house.people.therapist),
        &format!("/flags/{flag}/acknowledge"),
        &[],
    );
    assert_eq!(
        post(
            &mut unlicensed,
            &format!("/flags/{flag}/close"),
            &[("assessment", "Seen and done.")]
        )
        .status,
        403
    );
    assert_eq!(before, ["open"]);
    assert_eq!(
        house.texts("SELECT state AS value FROM flag"),
        ["acknowledged"]
    );
}

#[test]
fn nothing_but_a_licensed_persons_act_closes_a_flag() {
    let house = House::at(monday());
    let link = flagged(&house);
    let still_open = |after: &str| {
        assert_eq!(
            house.counts(["flags", "flags_waiting"]),
            [1, 1],
            "after {after}"
        );
        assert_eq!(
            house.texts("SELECT state AS value FROM flag"),
            ["open"],
            "after {after}"
        );
    };
    submit(&mut house.client(), &link, &CALM);
    still_open("handing the same form in with a zero");

    house.app.clock.set(monday() + TimeDelta::minutes(10));
    let patient = house.ids("patient")[0].parse().expect("an id");
    let later = house.link(patient, &["phq9"]);
    submit(&mut house.client(), &later, &["0"; 10]);
    still_open("a later score of zero");

    let file = house.folder.write(
        "patients.csv",
        "patient_id,name,email,language,time_zone,clinic_id,clinic,program_id,program,clinician,episode_start,episode_end,ending\n\
         P1,Zephyrine Quillfeather,p1@patients.example.org,en,America/Chicago,north,,main,,lee@staff.example.org,2026-03-02,2026-03-02,planned\n",
    );
    let order = Order {
        what: What::Patients,
        rejects: house.folder.path().join("rejected.csv"),
        file,
        mode: Mode::Write,
    };
    let report =
        import(&house.app, &house.operator(), &order, &mut |_| ()).expect("the file is good");
    assert_eq!(
        house.number("episode WHERE ended_on IS NOT NULL"),
        1,
        "{report:?}"
    );
    still_open("an import that ends the episode");

    house.app.clock.set(monday() + TimeDelta::days(30));
    for _ in 0..3 {
        plan_due(&house.app).expect("the database works");
        expire_due(&house.app).expect("the database works");
        escalate(&house.app).expect("the database works");
    }
    still_open("a month of loops");

    let administrator = house.people.administrator.actor.clone();
    for leaving in [house.people.therapist.id, house.people.supervisor.id] {
        wait_for(accounts::disable(
            &house.app,
            administrator.clone(),
            leaving,
        ))
        .expect("the account is disabled");
        still_open("its owner's leaving");
    }
    assert_eq!(
        owner(&house),
        hex(house.people.elsewhere.id),
        "whoever is left has it"
    );
}

#[test]
fn a_flag_that_nobody_acknowledges_goes_round_everybody_who_is_licensed() {
    let house = House::at(monday());
    flagged(&house);
    let people = &house.people;
    assert_eq!(
        owner(&house),
        hex(people.therapist.id),
        "first the patient's own clinician"
    );
    let mut now = monday();
    house
        .app
        .clock
        .set(now + TimeDelta::minutes(15) - TimeDelta::seconds(1));
    assert_eq!(
        escalate(&house.app).expect("the database works"),
        0,
        "not before its time"
    );
    let round = [
        &people.supervisor,
        &people.elsewhere,
        &people.therapist,
        &people.supervisor,
    ];
    for (step, next) in round.into_iter().enumerate() {
        now += TimeDelta::minutes(15);
        house.app.clock.set(now);
        assert_eq!(escalate(&house.app).expect("the database works"), 1);
        assert_eq!(
            escalate(&house.app).expect("the database works"),
            0,
            "one step at a time"
        );
        assert_eq!(owner(&house), hex(next.id), "step {step}");
        assert_eq!(
            house.number("outbox WHERE kind = 'flag_notice'"),
            step + 2,
            "each step tells somebody"
        );
    }
    assert_eq!(house.counts(["flags_waiting"]), [1]);
}

#[test]
fn an_acknowledged_flag_is_not_passed_on() {
    let house = House::at(monday());
    flagged(&house);
    let flag = house.flag();
    let mut supervisor = house.signed_in(&house.people.supervisor);
    assert_eq!(
        post(&mut supervisor, &format!("/flags/{flag}/acknowledge"), &[]).status,
        303
    );
    assert_eq!(
        owner(&house),
        hex(house.people.supervisor.id),
        "whoever says they have it, has it"
    );
    house.app.clock.set(monday() + TimeDelta::hours(1));
    assert_eq!(escalate(&house.app).expect("the database works"), 0);
    assert_eq!(owner(&house), hex(house.people.supervisor.id));
}

#[test]
fn of_several_who_take_a_flag_on_at_once_one_has_it() {
    let house = House::open();
    flagged(&house);
    let flag = house.flag();
    let clients =
        [&house.people.therapist, &house.people.supervisor].map(|person| house.signed_in(person));
    let mut statuses: Vec<u16> = std::thread::scope(|scope| {
        let acts: Vec<_> = clients
            .into_iter()
            .map(|mut client| {
                scope.spawn(move || {
                    post(&mut client, &format!("/flags/{flag}/acknowledge"), &[]).status
                })
            })
            .collect();
        acts.into_iter()
            .map(|act| act.join().expect("no act panics"))
            .collect()
    });
    statuses.sort_unstable();
    assert_eq!(statuses, [303, 409]);
    assert_eq!(house.number("flag_act WHERE act = 'acknowledged'"), 1);
    house.verified();
}

#[test]
fn a_flag_goes_to_a_supervisor_when_the_clinician_has_no_licence() {
    let house = House::open();
    let link = house.phq9("P1");
    house.run_sql("UPDATE staff SET licence = NULL WHERE email = 'lee@staff.example.org'");
    post(
        &mut house.client(),
        &format!("{link}/q/9"),
        &[("answer", "1")],
    );
    assert_eq!(owner(&house), hex(house.people.supervisor.id));
    assert_eq!(house.counts(["flags_waiting"]), [1]);
}

#[test]
fn with_nobody_licensed_the_answer_is_kept_help_is_shown_and_an_alarm_is_raised() {
    let house = House::open();
    let link = house.phq9("P1");
    house.run_sql("UPDATE staff SET licence = NULL");
    let answer = post(
        &mut house.client(),
        &format!("{link}/q/9"),
        &[("answer", "1")],
    );
    assert!(
        answer
            .location()
            .is_some_and(|onward| onward.contains("/support")),
        "{}",
        answer.text()
    );
    assert_eq!(
        house.texts("SELECT kind AS value FROM task"),
        ["nobody_licensed"]
    );
    let found = verify(&house.app).expect("the database can be read");
    let rules: Vec<&str> = found.broken.iter().map(|broken| broken.rule).collect();
    assert_eq!(
        rules,
        ["every waiting flag has an owner who is active and licensed"]
    );
    let refused = wait_for(attune::app::give_form::give_form(
        &house.app,
        house.operator(),
        (house.ids("patient")[0].parse().expect("an id"), None),
        vec!["phq9".into()],
    ));
    assert!(
        refused.is_err(),
        "and no further form that can raise a flag is given"
    );
}

#[test]
fn help_comes_with_the_answer_and_not_with_each_later_save_wherever_the_threshold_is() {
    let house = House::open();
    let library = attune::domain::instrument::Library::embedded();
    let rule = &library
        .get("phq9")
        .expect("a shipped instrument")
        .risk_rules[0]
        .id;
    let setting = RuleSetting {
        at_least: Some(2),
        tier: None,
    };
    set_policy(&house, |policy| {
        policy.rules = [(format!("phq9.{rule}"), setting)].into();
    });
    let link = house.phq9("P1");
    let mut patient = house.client();
    let mut helped = |number: usize, answer: &str| {
        let path = format!("{link}/q/{number}");
        let saved = post(&mut patient, &path, &[("answer", answer)]);
        assert_eq!(saved.status, 303, "{}", saved.text());
        saved.location().is_some_and(|on| on.contains("/support"))
    };
    assert!(helped(9, "1"), "below the site's threshold help comes too");
    assert_eq!(house.counts(["flags"]), [0]);
    assert!(!helped(1, "2") && !helped(2, "1"), "another answer");
    assert!(!helped(9, "1"), "the same again");
    assert!(helped(9, "2"), "more than before");
    assert_eq!(house.counts(["flags", "flags_waiting"]), [1, 1]);
    assert!(!helped(3, "1"), "another answer");
    assert!(!helped(9, "0"), "taken back");
    assert!(helped(9, "1"), "given once more");
    assert_eq!(house.counts(["flags"]), [1]);
    let sent = post(&mut patient, &format!("{link}/send"), &[]);
    assert_eq!(sent.location(), Some(format!("{link}/end").as_str()));
    let end = get(&mut patient, &format!("{link}/end")).text();
    assert!(end.contains("Help is there for you"), "{end}");
}

#[test]
fn a_higher_answer_raises_the_flag_again_and_a_lower_one_does_not() {
    let house = House::open();
    let link = house.phq9("P1");
    let mut patient = house.client();
    let path = format!("{link}/q/9");
    let support = |answer: Option<&str>| answer.is_some_and(|onward| onward.contains("/support"));
    assert!(support(
        post(&mut patient, &path, &[("answer", "1")]).location()
    ));
    assert!(
        !support(post(&mut patient, &path, &[("answer", "1")]).location()),
        "the same again"
    );
    assert!(
        support(post(&mut patient, &path, &[("answer", "3")]).location()),
        "more than before"
    );
    assert!(
        !support(post(&mut patient, &path, &[("answer", "2")]).location()),
        "less than before"
    );
    assert_eq!(
        house.texts("SELECT CAST(answer AS TEXT) AS value FROM flag"),
        ["3"]
    );
    assert_eq!(house.number("outbox WHERE kind = 'flag_notice'"), 2);
    assert_eq!(house.counts(["flags", "flags_waiting"]), [1, 1]);
}

#[test]
fn a_new_answer_after_closing_raises_a_new_flag() {
    let house = House::open();
    let link = house.phq9("P1");
    let mut patient = house.client();
    post(&mut patient, &format!("{link}/q/9"), &[("answer", "1")]);
    let flag = house.flag();
    let mut therapist = house.signed_in(&house.people.therapist);
    post(&mut therapist, &format!("/flags/{flag}/acknowledge"), &[]);
    assert_eq!(close(&mut therapist, flag).status, 303);
    assert_eq!(house.counts(["flags_waiting"]), [0]);
    post(&mut patient, &format!("{link}/q/9"), &[("answer", "2")]);
    assert_eq!(house.counts(["flags", "flags_waiting"]), [2, 1]);
    submit(
        &mut patient,
        &house.link(house.ids("patient")[0].parse().expect("an id"), &["phq9"]),
        &["0", "0", "0", "0", "0", "0", "0", "0", "1", "0"],
    );
    assert_eq!(
        house.counts(["flags", "flag_answers", "flags_waiting"]),
        [2, 3, 1],
        "what comes again while a flag waits belongs to it"
    );
    assert_eq!(
        house.texts("SELECT how AS value FROM flag_answer ORDER BY id"),
        ["raised", "raised", "joined"]
    );
    house.verified();
}

#[test]
fn an_answer_that_was_taken_back_and_is_given_again_reaches_a_person_again() {
    let house = House::at(monday());
    let link = house.phq9("P1");
    let mut patient = house.client();
    let mut answers = |value: &str| {
        let path = format!("{link}/q/9");
        post(&mut patient, &path, &[("answer", value)]);
    };
    let how = || house.texts("SELECT how AS value FROM flag_answer ORDER BY at, id");
    answers("1");
    house.app.clock.set(monday() + TimeDelta::minutes(1));
    answers("0");
    answers("1");
    assert_eq!(how(), ["raised", "joined"], "while the flag waits");
    let mut therapist = house.signed_in(&house.people.therapist);
    let flag = house.flag();
    post(&mut therapist, &format!("/flags/{flag}/acknowledge"), &[]);
    answers("0");
    assert_eq!(close(&mut therapist, flag).status, 303);
    assert_eq!(house.counts(["flags", "flags_waiting"]), [1, 0]);
    answers("1");
    assert_eq!(
        house.counts(["flags", "flags_waiting"]),
        [2, 1],
        "whoever closed the first had read that it was taken back"
    );
    house.app.clock.set(monday() + TimeDelta::minutes(2));
    answers("1");
    assert_eq!(how().len(), 3, "the same once more is no news");
    house.verified();
}

#[test]
fn a_higher_answer_has_to_be_taken_on_anew_and_the_same_one_is_only_told() {
    let house = House::open();
    let link = house.phq9("P1");
    post(
        &mut house.client(),
        &format!("{link}/q/9"),
        &[("answer", "1")],
    );
    let (flag, mut therapist) = (house.flag(), house.signed_in(&house.people.therapist));
    post(&mut therapist, &format!("/flags/{flag}/acknowledge"), &[]);
    let again = |answer: &str| {
        let patient = house.ids("patient")[0].parse().expect("an id");
        let link = house.link(patient, &["phq9"]);
        post(
            &mut house.client(),
            &format!("{link}/q/9"),
            &[("answer", answer)],
        );
    };
    again("1");
    assert_eq!(
        house.texts("SELECT state AS value FROM flag"),
        ["acknowledged"]
    );
    assert_eq!(house.number("outbox WHERE kind = 'flag_notice'"), 2);
    again("3");
    assert_eq!(house.texts("SELECT state AS value FROM flag"), ["open"]);
    assert_eq!(house.number("outbox WHERE kind = 'flag_notice'"), 3);
    assert_eq!(house.counts(["flags", "flag_answers"]), [1, 3]);
    assert_eq!(
        post(&mut therapist, &format!("/flags/{flag}/acknowledge"), &[]).status,
        303
    );
    house.verified();
}

#[test]
fn a_flag_whose_answer_rose_while_somebody_wrote_is_not_closed_unseen() {
    let house = House::open();
    let link = house.phq9("P1");
    let mut patient = house.client();
    post(&mut patient, &format!("{link}/q/9"), &[("answer", "1")]);
    let path = format!("/flags/{}", house.flag());
    let mut therapist = house.signed_in(&house.people.therapist);
    post(&mut therapist, &format!("{path}/acknowledge"), &[]);
    let page = get(&mut therapist, &path).text();
    let form = page::form_to(&page, "/close").expect("a form to close it");
    post(&mut patient, &format!("{link}/q/9"), &[("answer", "3")]);

    let typed = form.with(ASSESSED);
    let refused = therapist
        .post_form(&format!("{path}/close"), &typed)
        .expect("an answer");
    assert_eq!(refused.status, 409, "{}", refused.text());
    assert!(refused.text().contains("answer rose"), "{}", refused.text());
    assert_eq!(house.counts(["flags_waiting"]), [1]);

    // The words wait on the page until the flag was taken on anew.
    let words = |page: &str| page::form_to(page, "/close").expect("a form to close it");
    let kept = words(&refused.text());
    let taken_on = therapist
        .post_form(&format!("{path}/acknowledge"), &kept.untouched())
        .expect("an answer");
    assert_eq!(taken_on.status, 200, "{}", taken_on.text());
    let kept = words(&taken_on.text()).untouched();
    for (name, typed) in ASSESSED {
        let field = (name.to_string(), typed.to_string());
        assert!(kept.contains(&field), "{name} is lost: {kept:?}");
    }
    let closed = therapist
        .post_form(&format!("{path}/close"), &kept)
        .expect("an answer");
    assert_eq!(closed.status, 303, "{}", closed.text());
    assert_eq!(house.counts(["flags_waiting"]), [0]);
}

#[test]
fn a_flag_to_which_another_answer_came_is_not_closed_unseen() {
    let house = House::open();
    flagged(&house);
    let (flag, mut therapist) = (house.flag(), house.signed_in(&house.people.therapist));
    post(&mut therapist, &format!("/flags/{flag}/acknowledge"), &[]);
    let page = get(&mut therapist, &format!("/flags/{flag}")).text();
    let patient = house.ids("patient")[0].parse().expect("an id");
    let again = house.link(patient, &["phq9"]);
    let path = format!("{again}/q/9");
    post(&mut house.client(), &path, &[("answer", "1")]);
    let form = page::form_to(&page, "/close").expect("a form to close it");
    let refused = therapist
        .post_form(&format!("/flags/{flag}/close"), &form.with(ASSESSED))
        .expect("an answer");
    assert_eq!(refused.status, 409);
    let text = refused.text();
    assert!(
        text.contains("Another answer came") && text.contains("Safety plan renewed"),
        "{text}"
    );
    assert_eq!(close_with(&mut therapist, flag, ASSESSED).status, 303);
    house.verified();
}

#[test]
fn another_form_does_not_put_off_the_look_at_one_that_was_left() {
    let house = House::at(monday());
    let link = flagged(&house);
    house.app.clock.set(monday() + TimeDelta::minutes(5));
    let patient = house.ids("patient")[0].parse().expect("an id");
    let other = house.link(patient, &["phq9"]);
    submit(
        &mut house.client(),
        &other,
        &["0", "0", "0", "0", "0", "0", "0", "0", "1", "0"],
    );
    house.app.clock.set(monday() + TimeDelta::minutes(10));
    attune::app::escalate::note_unfinished(&house.app, attune::app::escalate::Look::Due)
        .expect("the database works");
    assert_eq!(house.number("flag WHERE unfinished_at IS NOT NULL"), 1);
    submit(&mut house.client(), &link, &CALM);
    assert_eq!(house.counts(["flags", "flag_answers"]), [1, 2]);
    house.verified();
}

#[test]
fn an_answer_after_the_end_of_care_raises_a_flag_with_an_owner_and_a_notice() {
    let house = House::at(monday());
    let link = house.phq9("P1");
    post(
        &mut house.client(),
        &format!("{link}/q/1"),
        &[("answer", "1")],
    );
    house.run_sql("UPDATE episode SET ended_on = '2026-03-02', ending = 'unplanned'");
    house.run_sql("UPDATE staff SET state = 'disabled' WHERE email = 'lee@staff.example.org'");
    let answer = post(
        &mut house.client(),
        &format!("{link}/q/9"),
        &[("answer", "2")],
    );
    assert!(
        answer
            .location()
            .is_some_and(|onward| onward.contains("/support"))
    );
    assert_eq!(
        house.counts(["flags", "notices", "flags_waiting"]),
        [1, 1, 1]
    );
    assert_eq!(owner(&house), hex(house.people.supervisor.id));
}

#[test]
fn an_answer_to_a_form_of_care_that_ended_goes_to_whoever_cares_for_the_patient_now() {
    for late in [false, true] {
        let house = House::at(monday());
        let link = house.phq9("P1");
        let mut patient = house.client();
        let at_9 = format!("{link}/q/9");
        post(&mut patient, &format!("{link}/q/1"), &[("answer", "1")]);
        // On to the other clinic, and to somebody who works only there.
        house.run_sql("UPDATE episode SET ended_on = '2026-03-02', ending = 'transferred'");
        house.run_sql(&format!(
            "INSERT INTO episode (org_id, id, patient_id, clinic_id, program_id, clinician_id, started_on) \
             SELECT episode.org_id, administration.id, episode.patient_id, staff_clinic.clinic_id, program_id, staff.id, '2026-03-03' \
             FROM episode, administration, staff JOIN staff_clinic ON staff_clinic.staff_id = staff.id WHERE staff.email = '{}'",
            house.people.elsewhere.email
        ));
        if late {
            house.run_sql("UPDATE administration SET expires_at = '2026-03-02 00:00:00'");
        }
        let answer = post(&mut patient, &at_9, &[("answer", "2")]);
        match late {
            true => assert!(helped(answer, 410)),
            false => assert!(answer.location().is_some_and(|on| on.contains("/support"))),
        }
        assert_eq!(
            owner(&house),
            hex(house.people.elsewhere.id),
            "late: {late}"
        );
        let flag = house.flag();
        let mut elsewhere = house.signed_in(&house.people.elsewhere);
        assert!(
            get(&mut elsewhere, "/queue")
                .text()
                .contains(&flag.to_string())
        );
        // Nobody takes it on: first the others there, and their own clinician comes round again.
        house.app.clock.set(monday() + TimeDelta::minutes(60));
        escalate(&house.app).expect("the database works");
        assert_ne!(owner(&house), hex(house.people.elsewhere.id));
        house.verified();
    }
}

#[test]
fn whoever_a_flag_was_passed_on_to_can_act_on_it_and_reads_nothing_else() {
    let house = House::at(monday());
    flagged(&house);
    let (flag, patient) = (house.flag(), house.ids("patient")[0].clone());
    let mut elsewhere = house.signed_in(&house.people.elsewhere);
    assert_eq!(get(&mut elsewhere, &format!("/flags/{flag}")).status, 404);
    // Nobody of the clinic is left who may act.
    house.run_sql(
        "UPDATE staff SET licence = NULL WHERE email IN ('lee@staff.example.org', 'sam@staff.example.org')",
    );
    house.app.clock.set(monday() + TimeDelta::minutes(60));
    escalate(&house.app).expect("the database works");
    assert_eq!(owner(&house), hex(house.people.elsewhere.id));
    // The sign-in before has run out meanwhile.
    let mut elsewhere = house.signed_in(&house.people.elsewhere);
    let queue = get(&mut elsewhere, "/queue").text();
    assert!(queue.contains(&format!("/flags/{flag}")), "{queue}");
    assert_eq!(get(&mut elsewhere, &format!("/flags/{flag}")).status, 200);
    assert_eq!(
        get(&mut elsewhere, &format!("/patients/{patient}")).status,
        404
    );
    assert_eq!(
        post(&mut elsewhere, &format!("/flags/{flag}/acknowledge"), &[]).status,
        303
    );
    assert_eq!(close(&mut elsewhere, flag).status, 303);
    assert_eq!(get(&mut elsewhere, &format!("/flags/{flag}")).status, 404);
    house.verified();
}
