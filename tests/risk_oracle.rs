//! Generated responses against a second rule check: which answer has to reach a person, worked out here by hand from the published forms and in plain sets, with
//! nothing of `domain::risk` or `scoring` in it. Forms are complete, partial, left half-way, changed item by item, handed in twice, raced by two browsers,
//! typed in from paper by staff. At the end every answer that has to be seen has been passed on each time it was given, none is missed, and nothing else is there; meanwhile a therapist closes flags.
//!
//! `ATTUNE_TEST_RESPONSES=100000` runs it at length; a seed that fails is printed and replays: `ATTUNE_TEST_SEED=7`.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use attune::app::Failure;
use attune::app::check_link::Holder;
use attune::app::give_form::{Occasion, battery, hand_out, may_give};
use attune::app::link::Token;
use attune::app::record_form::{Came, Day, Gaps, RecordForm, Recorded, record_form};
use attune::app::take_answers::{Refusal, TakeAnswers, Taken as Stored, take_answers};
use attune::domain::care::Layout;
use attune::domain::ids::{AdministrationId, PatientId};
use attune::domain::language::Language;
use attune::domain::schedule::policy::SendingPolicy;
use attune::domain::submission::{Entry, Intent, Left, Sheet};
use attune::store::{Place, fresh};

use crate::crash_points::{acknowledge_form, assessed, close_form};
use crate::house::{House, wait_for};
use crate::patient::get;
use crate::support::database::{Engine, engine};
use crate::support::http::{Client, Response};

// --- the forms, by hand -----------------------------------------------------------------------------------------------

/// A form: its items with the values that may be ticked, and which values a person has to see.
struct Form {
    id: &'static str,
    hand: Hand,
    items: &'static [(&'static str, &'static [i16])],
    alarms: &'static [Alarm],
}

/// Who fills it in.
#[derive(PartialEq)]
enum Hand {
    /// The patient, through a link; staff too, from paper.
    Patient,
    /// The clinician alone.
    Clinician,
}

struct Alarm {
    rule: &'static str,
    item: &'static str,
    on: &'static [i16],
    tier: &'static str,
}

const fn crisis(rule: &'static str, item: &'static str, on: &'static [i16]) -> Alarm {
    Alarm {
        rule,
        item,
        on,
        tier: "crisis",
    }
}

const fn review(rule: &'static str, item: &'static str, on: &'static [i16]) -> Alarm {
    Alarm {
        rule,
        item,
        on,
        tier: "review",
    }
}

const TO_3: &[i16] = &[0, 1, 2, 3];
const TO_4: &[i16] = &[0, 1, 2, 3, 4];
const YES_NO: &[i16] = &[0, 1];
/// 2 is a refusal.
const ASKED_ALOUD: &[i16] = &[0, 1, 2];

const FORMS: &[Form] = &[
    // Item 9, "better off dead or of hurting yourself": any day counts (authors' instructions; APA and others: ask the same day).
    Form {
        id: "phq9",
        hand: Hand::Patient,
        items: &[
            ("1", TO_3),
            ("2", TO_3),
            ("3", TO_3),
            ("4", TO_3),
            ("5", TO_3),
            ("6", TO_3),
            ("7", TO_3),
            ("8", TO_3),
            ("9", TO_3),
            ("10", TO_3),
        ],
        alarms: &[crisis("thoughts_of_death_or_self_harm", "9", &[1, 2, 3])],
    },
    // The same for teenagers, with two more questions that must be followed up when answered yes (GLAD-PC toolkit).
    Form {
        id: "phq_a",
        hand: Hand::Patient,
        items: &[
            ("1", TO_3),
            ("2", TO_3),
            ("3", TO_3),
            ("4", TO_3),
            ("5", TO_3),
            ("6", TO_3),
            ("7", TO_3),
            ("8", TO_3),
            ("9", TO_3),
            ("10", YES_NO),
            ("11", TO_3),
            ("12", YES_NO),
            ("13", YES_NO),
        ],
        alarms: &[
            crisis("thoughts_of_death_or_self_harm", "9", &[1, 2, 3]),
            crisis("serious_thoughts_of_ending_life", "12", &[1]),
            crisis("suicide_attempt_ever", "13", &[1]),
        ],
    },
    // "I made plans to end my life."
    Form {
        id: "core10",
        hand: Hand::Patient,
        items: &[
            ("1", TO_4),
            ("2", TO_4),
            ("3", TO_4),
            ("4", TO_4),
            ("5", TO_4),
            ("6", TO_4),
            ("7", TO_4),
            ("8", TO_4),
            ("9", TO_4),
            ("10", TO_4),
        ],
        alarms: &[crisis("plans_to_end_life", "6", &[1, 2, 3, 4])],
    },
    // The six risk items; the two about others are of the lower tier.
    Form {
        id: "core_om",
        hand: Hand::Patient,
        items: &[
            ("1", TO_4),
            ("2", TO_4),
            ("3", TO_4),
            ("4", TO_4),
            ("5", TO_4),
            ("6", TO_4),
            ("7", TO_4),
            ("8", TO_4),
            ("9", TO_4),
            ("10", TO_4),
            ("11", TO_4),
            ("12", TO_4),
            ("13", TO_4),
            ("14", TO_4),
            ("15", TO_4),
            ("16", TO_4),
            ("17", TO_4),
            ("18", TO_4),
            ("19", TO_4),
            ("20", TO_4),
            ("21", TO_4),
            ("22", TO_4),
            ("23", TO_4),
            ("24", TO_4),
            ("25", TO_4),
            ("26", TO_4),
            ("27", TO_4),
            ("28", TO_4),
            ("29", TO_4),
            ("30", TO_4),
            ("31", TO_4),
            ("32", TO_4),
            ("33", TO_4),
            ("34", TO_4),
        ],
        alarms: &[
            review("violence_to_others", "6", &[1, 2, 3, 4]),
            crisis("thoughts_of_self_harm", "9", &[1, 2, 3, 4]),
            crisis("plans_to_end_life", "16", &[1, 2, 3, 4]),
            review("threats_to_others", "22", &[1, 2, 3, 4]),
            crisis("better_if_dead", "24", &[1, 2, 3, 4]),
            crisis("self_harm", "34", &[1, 2, 3, 4]),
        ],
    },
    // The value of a yes is the level of ideation that the question stands for.
    Form {
        id: "c_ssrs_screener",
        hand: Hand::Patient,
        items: &[
            ("1", &[0, 1]),
            ("2", &[0, 2]),
            ("3", &[0, 3]),
            ("4", &[0, 4]),
            ("5", &[0, 5]),
            ("6", YES_NO),
            ("6a", YES_NO),
        ],
        alarms: &[
            crisis("wish_to_be_dead", "1", &[1]),
            crisis("suicidal_thoughts", "2", &[2]),
            crisis("thoughts_with_method", "3", &[3]),
            crisis("intent", "4", &[4]),
            crisis("intent_with_plan", "5", &[5]),
            review("behavior_in_lifetime", "6", &[1]),
            crisis("behavior_in_past_3_months", "6a", &[1]),
        ],
    },
    // Yes to any of 1 to 4, or a refusal, is a positive screen; yes to 5 an acute one, and a refusal of 5 rules that out by nothing.
    Form {
        id: "asq",
        hand: Hand::Clinician,
        items: &[
            ("1", ASKED_ALOUD),
            ("2", ASKED_ALOUD),
            ("3", ASKED_ALOUD),
            ("4", ASKED_ALOUD),
            ("5", ASKED_ALOUD),
        ],
        alarms: &[
            crisis("wished_dead", "1", &[1]),
            crisis("better_off_dead", "2", &[1]),
            crisis("thoughts_of_suicide", "3", &[1]),
            review("past_attempt", "4", &[1]),
            crisis("thoughts_right_now", "5", &[1]),
            review("refused_1", "1", &[2]),
            review("refused_2", "2", &[2]),
            review("refused_3", "3", &[2]),
            review("refused_4", "4", &[2]),
            crisis("refused_5", "5", &[2]),
        ],
    },
    // Nothing here raises anything.
    Form {
        id: "gad7",
        hand: Hand::Patient,
        items: &[
            ("1", TO_3),
            ("2", TO_3),
            ("3", TO_3),
            ("4", TO_3),
            ("5", TO_3),
            ("6", TO_3),
            ("7", TO_3),
            ("8", TO_3),
        ],
        alarms: &[],
    },
];

/// Class C: whoever has a licence brings the wording, and without it nobody can be asked.
const WITHOUT_WORDING: [&str; 2] = ["epds", "oq45"];

// --- chance -----------------------------------------------------------------------------------------------------------

/// The same numbers for the same seed on every machine (splitmix).
#[derive(Clone)]
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }
    fn below(&mut self, most: usize) -> usize {
        usize::try_from(self.next() % most as u64).expect("small")
    }
    fn happens(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }
    fn one<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[self.below(of.len())]
    }
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

// --- what happens to one form -----------------------------------------------------------------------------------------

type Ticks = BTreeMap<&'static str, i16>;

/// Something somebody does with a form.
#[derive(Debug, Clone)]
enum Act {
    /// One question; `None` takes the answer back.
    Answer(&'static str, Option<i16>),
    /// "Skip this question".
    Skip(&'static str),
    /// The whole list, saved while a question is open.
    Sheet(Ticks),
    /// The whole list, handed in as it is.
    HandIn(Ticks),
    /// What is there is handed in.
    Send,
    /// Two browsers at the same instant.
    Race(Box<Act>, Box<Act>),
    /// Staff type it in.
    Paper(Ticks),
}

/// One generated response.
struct Story {
    form: &'static Form,
    /// Another form that is asked before it on the same occasion.
    behind: Option<&'static Form>,
    patient: usize,
    kind: &'static str,
    acts: Vec<Act>,
}

fn ticks(form: &'static Form, dice: &mut Dice, answered: usize) -> Ticks {
    let mut ticks = Ticks::new();
    for (item, values) in form.items {
        if !dice.happens(answered) {
            continue;
        }
        let watched = form.alarms.iter().any(|alarm| alarm.item == *item);
        // Most people say no to what is watched.
        let value = match watched && dice.happens(70) {
            true => values[0],
            false => *dice.one(values),
        };
        ticks.insert(item, value);
    }
    ticks
}

/// Item by item, with changes of what is watched.
fn steps(form: &'static Form, dice: &mut Dice, answered: usize) -> Vec<Act> {
    let mut acts = vec![];
    for (item, value) in ticks(form, dice, answered) {
        acts.push(Act::Answer(item, Some(value)));
    }
    for alarm in form.alarms {
        let (_, values) = form
            .items
            .iter()
            .find(|(item, _)| *item == alarm.item)
            .expect("an item");
        for _ in 0..dice.below(4) {
            let act = match dice.below(10) {
                0 => Act::Answer(alarm.item, None),
                1 => Act::Skip(alarm.item),
                _ => Act::Answer(alarm.item, Some(*dice.one(values))),
            };
            let at = dice.below(acts.len() + 1);
            acts.insert(at, act);
        }
    }
    acts
}

fn story(seed: u64, index: usize, patients: usize) -> Story {
    let mut dice = Dice(seed ^ (index as u64).wrapping_mul(0xA076_1D64_78BD_642F));
    let form = dice.one(FORMS);
    let patient = dice.below(patients);
    let dice = &mut dice;
    if form.hand == Hand::Clinician || dice.happens(7) {
        let sheet = ticks(form, dice, 85);
        let acts = match dice.happens(25) {
            true => vec![Act::Paper(sheet.clone()), Act::Paper(sheet)],
            false => vec![Act::Paper(sheet)],
        };
        let kind = "typed in by staff";
        return Story {
            form,
            behind: None,
            patient,
            kind,
            acts,
        };
    }
    let watched = form.alarms.first().map_or("1", |alarm| alarm.item);
    let (_, values) = form
        .items
        .iter()
        .find(|(item, _)| *item == watched)
        .expect("an item");
    let (kind, acts) = match dice.below(100) {
        0..30 => ("complete", vec![Act::HandIn(ticks(form, dice, 100))]),
        30..42 => ("partial", vec![Act::HandIn(ticks(form, dice, 60))]),
        42..48 => {
            let first = ticks(form, dice, 70);
            let mut second = first.clone();
            second.extend(ticks(form, dice, 90));
            (
                "partial, asked again",
                vec![Act::Sheet(first), Act::HandIn(second)],
            )
        }
        48..60 => ("left half-way", steps(form, dice, 50)),
        60..77 => {
            let mut acts = steps(form, dice, 100);
            acts.push(Act::Send);
            ("item by item", acts)
        }
        77..87 => {
            let sheet = Act::HandIn(ticks(form, dice, 95));
            ("handed in twice", vec![sheet.clone(), sheet])
        }
        87..92 => {
            let sheet = Box::new(Act::HandIn(ticks(form, dice, 95)));
            ("raced, the same", vec![Act::Race(sheet.clone(), sheet)])
        }
        92..96 => {
            let [one, other] = [(); 2].map(|()| Box::new(Act::HandIn(ticks(form, dice, 95))));
            ("raced, different", vec![Act::Race(one, other)])
        }
        _ => {
            let [one, other] =
                [(); 2].map(|()| Box::new(Act::Answer(watched, Some(*dice.one(values)))));
            ("raced, one question", vec![Act::Race(one, other)])
        }
    };
    let calm = FORMS.iter().find(|other| other.alarms.is_empty());
    let behind = calm.filter(|other| other.id != form.id && dice.happens(20));
    Story {
        form,
        behind,
        patient,
        kind,
        acts,
    }
}

// --- what has to come of it -------------------------------------------------------------------------------------------

/// What a person has to see of one response, by rule.
#[derive(Debug, Default, Clone, PartialEq)]
struct Due {
    /// These answers, in the order in which they were given; one that was taken back and given again is here twice.
    must: Vec<i16>,
    /// Each of these may be there once besides: of two that were given at the same instant the lower may have come first.
    may: BTreeSet<i16>,
}

/// The second rule check: follows one response, answer by answer.
#[derive(Default)]
struct Oracle {
    now: Ticks,
    due: BTreeMap<&'static str, Due>,
    /// What came too late, by rule.
    late: Vec<(&'static str, i16)>,
}

impl Oracle {
    fn hears(&mut self, form: &'static Form, act: &Act) {
        let before = self.now.clone();
        match act {
            Act::Answer(item, Some(value)) => {
                self.now.insert(item, *value);
            }
            Act::Answer(item, None) | Act::Skip(item) => {
                self.now.remove(item);
            }
            Act::Sheet(ticks) | Act::HandIn(ticks) | Act::Paper(ticks) => self.now = ticks.clone(),
            Act::Send | Act::Race(..) => {}
        }
        for alarm in form.alarms {
            let Some(value) = self
                .now
                .get(alarm.item)
                .filter(|value| alarm.on.contains(value))
            else {
                continue;
            };
            // What is no worse than what stood there just before is no news.
            let stood = before
                .get(alarm.item)
                .filter(|known| alarm.on.contains(known));
            if stood.is_none_or(|stood| value > stood) {
                self.due.entry(alarm.rule).or_default().must.push(*value);
            }
        }
    }

    /// The first was taken and the other came too late: of that, what is worse than what was taken has to be seen as well.
    fn hears_late(&mut self, form: &'static Form, first: &Act, other: &Act, lost: &Taken) {
        self.hears(form, first);
        let (Act::HandIn(first), Act::HandIn(other)) = (first, other) else {
            panic!("only what is handed in comes too late: {lost:?}");
        };
        for alarm in form.alarms {
            let of = |ticks: &Ticks| {
                let value = ticks.get(alarm.item).copied();
                value.filter(|value| alarm.on.contains(value))
            };
            if of(other) > of(first) {
                self.late.extend(of(other).map(|value| (alarm.rule, value)));
            }
        }
        // What a sheet leaves out stays as it was.
        let says_the_same = |(item, value): (&&'static str, &i16)| first.get(*item) == Some(value);
        let why = match other.iter().all(says_the_same) {
            true => Refusal::SentAlready,
            false => Refusal::SentOtherwise,
        };
        let expected = match self.late.is_empty() {
            true => Taken::Before(why),
            false => Taken::Late(why),
        };
        assert_eq!(*lost, expected);
    }

    /// Both were taken, in one order or the other.
    fn hears_both(&mut self, form: &'static Form, one: &Act, other: &Act) {
        let orders = [[one, other], [other, one]].map(|order| {
            let mut heard = Oracle {
                now: self.now.clone(),
                due: self.due.clone(),
                late: vec![],
            };
            order.iter().for_each(|act| heard.hears(form, act));
            heard.due
        });
        for alarm in form.alarms {
            let [a, b] =
                [0, 1].map(|n: usize| orders[n].get(alarm.rule).cloned().unwrap_or_default());
            if a != b || !a.must.is_empty() {
                let [a, b]: [BTreeSet<i16>; 2] = [a, b].map(|due| due.must.into_iter().collect());
                let must = a.intersection(&b).copied().collect();
                let may = a.symmetric_difference(&b).copied().collect();
                self.due.insert(alarm.rule, Due { must, may });
            }
        }
    }
}

// --- the acts, by the program's verbs ---------------------------------------------------------------------------------

/// How a response is found again in the database: its link's hash, or the name of the recording.
type Handle = String;

struct Given {
    story: Story,
    index: usize,
    patient: PatientId,
    token: Token,
}

struct Done {
    handle: Handle,
    patient: usize,
    /// The patient's id, in hex digits.
    person: Handle,
    kind: &'static str,
    form: &'static Form,
    due: BTreeMap<&'static str, Due>,
    late: Vec<(&'static str, i16)>,
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn typed(value: i16) -> Entry {
    Entry::Typed(vec![value.to_string()])
}

fn entries(ticks: &Ticks) -> Vec<(String, Entry)> {
    let entry = |(item, value): (&&'static str, &i16)| ((*item).to_owned(), typed(*value));
    ticks.iter().map(entry).collect()
}

/// Whether something was taken.
#[derive(Debug, PartialEq)]
enum Taken {
    Yes,
    /// It had been handed in before, the same or otherwise.
    Before(Refusal),
    /// The same, and it held what a person must see all the same.
    Late(Refusal),
}

async fn send(house: &House, given: &Given, act: &Act) -> Taken {
    let form = given.story.form;
    let question = |item: &str, entry| {
        let place = form.items.iter().position(|(known, _)| *known == item);
        let before = given.story.behind.map_or(0, |other| other.items.len());
        let number = before + place.expect("an item of the form") + 1;
        (
            Sheet::Question {
                number,
                entry,
                stood: true,
            },
            Intent::Save,
        )
    };
    let whole = |ticks, intent| {
        let (answers, left) = (entries(ticks), Left::Blank);
        let part = usize::from(given.story.behind.is_some());
        (
            Sheet::Whole {
                part,
                answers,
                stood: vec![],
                left,
            },
            intent,
        )
    };
    let (sheet, intent) = match act {
        Act::Answer(item, Some(value)) => question(item, typed(*value)),
        Act::Answer(item, None) => question(item, Entry::Typed(vec![])),
        Act::Skip(item) => question(item, Entry::Declined),
        Act::Sheet(ticks) => whole(ticks, Intent::Save),
        Act::HandIn(ticks) => whole(ticks, Intent::Send),
        Act::Send => (Sheet::Empty, Intent::Send),
        Act::Race(..) | Act::Paper(_) => unreachable!("not through a link as it is"),
    };
    let command = TakeAnswers {
        token_hash: given.token.hash(),
        holder: Holder::default(),
        sheet,
        layout: Layout::List,
        language: None,
        intent,
    };
    match take_answers(&house.app, command).await {
        Ok(Stored::In(_)) => Taken::Yes,
        Ok(Stored::Late { why, .. }) => Taken::Late(why),
        Err(Failure::Refused(why @ (Refusal::SentAlready | Refusal::SentOtherwise))) => {
            Taken::Before(why)
        }
        Err(other) => panic!("response {}: {other:?}", given.index),
    }
}

async fn record(house: &House, given: &Given, name: AdministrationId, ticks: &Ticks) {
    let command = RecordForm {
        patient: given.patient,
        episode: None,
        instrument: given.story.form.id.to_owned(),
        language: Language::English,
        name,
        answers: entries(ticks),
        gaps: Gaps::Keep,
        given: Day::Today,
        came: Came::OnPaper,
        informant: None,
    };
    let therapist = house.people.therapist.actor.clone();
    match record_form(&house.app, therapist, command).await {
        Ok(Recorded::Kept) => {}
        other => panic!("response {}: {other:?}", given.index),
    }
}

/// Does all of it, and says what has to come of it.
fn live(house: &House, given: &Given, runtime: &tokio::runtime::Runtime) -> Done {
    let story = &given.story;
    let mut oracle = Oracle::default();
    let mut handle = hex(&given.token.hash());
    let name: AdministrationId = fresh(house.app.clock.now());
    for act in &story.acts {
        match act {
            Act::Paper(ticks) => {
                runtime.block_on(record(house, given, name, ticks));
                handle = format!("entered {name}");
                oracle.hears(story.form, act);
            }
            Act::Race(one, other) => race(house, given, &mut oracle, one, other),
            act => match runtime.block_on(send(house, given, act)) {
                Taken::Yes => oracle.hears(story.form, act),
                before => assert_eq!(
                    (story.kind, before),
                    ("handed in twice", Taken::Before(Refusal::SentAlready)),
                    "response {}",
                    given.index
                ),
            },
        }
    }
    Done {
        handle,
        patient: story.patient,
        person: hex(given.patient.bytes()),
        kind: story.kind,
        form: story.form,
        due: oracle.due,
        late: oracle.late,
    }
}

fn race(house: &House, given: &Given, oracle: &mut Oracle, one: &Act, other: &Act) {
    let start = std::sync::Barrier::new(2);
    let runner = |act| {
        start.wait();
        wait_for(send(house, given, act))
    };
    let (first, second) = std::thread::scope(|scope| {
        let first = scope.spawn(|| runner(one));
        let second = runner(other);
        (first.join().expect("no browser panics"), second)
    });
    let form = given.story.form;
    match (first, second) {
        (Taken::Yes, Taken::Yes) => oracle.hears_both(form, one, other),
        (Taken::Yes, lost) => oracle.hears_late(form, one, other, &lost),
        (lost, Taken::Yes) => oracle.hears_late(form, other, one, &lost),
        neither => panic!("response {}: {neither:?}", given.index),
    }
}

// --- the comparison ---------------------------------------------------------------------------------------------------

/// An answer that was passed on, as it is stored.
#[derive(Debug)]
struct Passed {
    rule: String,
    tier: String,
    item: String,
    answer: i16,
}

/// Everything that was passed on, by response.
fn passed(house: &House) -> HashMap<Handle, Vec<Passed>> {
    let hex = match house.app.store.place() {
        Place::Sqlite(_) => "lower(hex(l.token_hash))",
        Place::Postgres(_) => "encode(l.token_hash, 'hex')",
    };
    let rows = house.texts(&format!(
        "SELECT CASE WHEN l.token_hash IS NULL THEN a.occasion ELSE {hex} END || '|' || t.rule || '|' || f.tier || '|' || t.item || '|' || CAST(t.answer AS TEXT) AS value \
         FROM flag_answer t JOIN flag f ON f.org_id = t.org_id AND f.id = t.flag_id AND f.rule = t.rule AND f.instrument = t.instrument \
         JOIN response r ON r.org_id = t.org_id AND r.id = t.response_id AND r.instrument = t.instrument AND r.episode_id = f.episode_id \
         JOIN administration a ON a.org_id = r.org_id AND a.id = r.administration_id \
         LEFT JOIN link l ON l.org_id = a.org_id AND l.administration_id = a.id"
    ));
    assert_eq!(
        rows.len(),
        house.number("flag_answer WHERE response_id IS NOT NULL"),
        "each belongs to a response and to a flag of its rule and patient"
    );
    let mut by_response: HashMap<Handle, Vec<Passed>> = HashMap::new();
    for row in rows {
        let parts: Vec<&str> = row.split('|').collect();
        let [handle, rule, tier, item, answer] = parts[..] else {
            panic!("{row}");
        };
        by_response
            .entry(handle.to_owned())
            .or_default()
            .push(Passed {
                rule: rule.to_owned(),
                tier: tier.to_owned(),
                item: item.to_owned(),
                answer: answer.parse().expect("a number"),
            });
    }
    by_response
}

/// What came too late: of each patient, form and rule the worst is there, and nothing that did not come. Says how many answers were passed on.
fn compare_late(house: &House, done: &[Done]) -> usize {
    let person = match house.app.store.place() {
        Place::Sqlite(_) => "lower(hex(f.patient_id))",
        Place::Postgres(_) => "encode(f.patient_id, 'hex')",
    };
    let mut stored = house.texts(&format!(
        "SELECT {person} || '|' || t.instrument || '|' || t.rule || '|' || CAST(t.answer AS TEXT) AS value \
         FROM flag_answer t JOIN flag f ON f.org_id = t.org_id AND f.id = t.flag_id AND f.rule = t.rule AND f.instrument = t.instrument \
         WHERE t.response_id IS NULL"
    ));
    let all = stored.len();
    let mut due: BTreeMap<String, BTreeSet<i16>> = BTreeMap::new();
    for one in done {
        for (rule, value) in &one.late {
            let key = format!("{}|{}|{rule}", one.person, one.form.id);
            due.entry(key).or_default().insert(*value);
        }
    }
    for (key, values) in due {
        let here = |row: &String| row.rsplit_once('|').is_some_and(|(known, _)| known == key);
        let (of_key, others): (Vec<_>, Vec<_>) = stored.into_iter().partition(here);
        stored = others;
        let seen = of_key
            .iter()
            .filter_map(|row| row.rsplit('|').next()?.parse().ok());
        let seen: BTreeSet<i16> = seen.collect();
        assert!(
            seen.is_subset(&values),
            "{key}: {seen:?} against {values:?}"
        );
        assert_eq!(seen.last(), values.last(), "{key}");
    }
    assert!(stored.is_empty(), "too late for no reason: {stored:?}");
    all
}

/// None missed, none doubled, nothing else. Says how many answers were passed on.
fn compare(house: &House, done: &[Done]) -> usize {
    let (mut passed, mut all) = (passed(house), 0);
    for one in done {
        let mut seen = passed.remove(&one.handle).unwrap_or_default();
        all += seen.len();
        let about = format!(
            "{} {} {}: {:?} against {seen:?}",
            one.kind, one.form.id, one.handle, one.due
        );
        for alarm in one.form.alarms {
            let Some(due) = one.due.get(alarm.rule) else {
                continue;
            };
            let (of_rule, others): (Vec<_>, Vec<_>) =
                seen.into_iter().partition(|known| known.rule == alarm.rule);
            seen = others;
            let (mut missed, mut besides) = (due.must.clone(), due.may.clone());
            for known in of_rule {
                assert_eq!(
                    (known.item.as_str(), known.tier.as_str()),
                    (alarm.item, alarm.tier),
                    "{about}"
                );
                match missed.iter().position(|due| *due == known.answer) {
                    Some(at) => drop(missed.remove(at)),
                    None => assert!(besides.remove(&known.answer), "for no reason: {about}"),
                }
            }
            assert!(missed.is_empty(), "missed: {about}");
        }
        assert!(seen.is_empty(), "for no reason: {about}");
    }
    assert!(passed.is_empty(), "of no response: {passed:?}");
    all
}

/// Whatever came at the same time: of one patient and one rule at most one flag waits, and no flag is there for nothing.
fn repeats_are_together(house: &House) {
    let several = "(SELECT COUNT(*) AS n FROM flag WHERE state <> 'closed' GROUP BY episode_id, instrument, rule) w WHERE w.n > 1";
    assert_eq!(house.number(several), 0, "two flags wait for the same");
    let answered =
        "EXISTS (SELECT 1 FROM flag_answer t WHERE t.org_id = flag.org_id AND t.flag_id = flag.id)";
    assert_eq!(house.number(&format!("flag WHERE NOT {answered}")), 0);
    let worst = "(SELECT MAX(t.answer) FROM flag_answer t WHERE t.org_id = flag.org_id AND t.flag_id = flag.id)";
    assert_eq!(house.number(&format!("flag WHERE answer <> {worst}")), 0);
}

// --- meanwhile, a therapist ---------------------------------------------------------------------------------------------

/// Takes a flag on and closes it with a documented assessment, unless somebody's answer comes between.
fn assess(therapist: &mut Client, flag: &str) {
    let path = format!("/flags/{flag}");
    let done = |answer: Response| {
        assert!(
            [303, 409].contains(&answer.status),
            "{}: {}",
            answer.status,
            answer.text()
        );
    };
    if let Some(form) = acknowledge_form(&get(therapist, &path)) {
        let fields = form.untouched();
        let answer = therapist.post_form(&format!("{path}/acknowledge"), &fields);
        done(answer.expect("the site answers"));
    }
    if let Some(form) = close_form(&get(therapist, &path)) {
        let fields = assessed(&form);
        let answer = therapist.post_form(&format!("{path}/close"), &fields);
        done(answer.expect("the site answers"));
    }
}

/// Closes some of the flags that wait, while more answers come.
fn close_some(house: &House, therapist: &mut Client, dice: &mut Dice, over: impl Fn() -> bool) {
    let id = house.hex_of_id();
    let waiting = house.texts(&format!(
        "SELECT {id} AS value FROM flag WHERE state <> 'closed' ORDER BY id"
    ));
    for flag in waiting {
        if over() {
            return;
        }
        if dice.happens(25) {
            assess(therapist, &flag);
        }
    }
}

// --- all of it --------------------------------------------------------------------------------------------------------

/// Responses that live at the same time.
const WAVE: usize = 1_000;
/// Browsers at once; they share commits on SQLite.
const WORKERS: usize = 48;

fn hand_out_all(house: &House, patients: &[PatientId], stories: Vec<(usize, Story)>) -> Vec<Given> {
    let (library, actor, now) = (house.app.library, house.operator(), house.app.clock.now());
    let wanted: Vec<(PatientId, Vec<String>)> = stories
        .iter()
        .map(|(_, story)| {
            let asked = match story.form.hand {
                Hand::Patient => story.form.id,
                // Nobody opens this one.
                Hand::Clinician => "gad7",
            };
            let before = story.behind.map(|other| other.id.to_owned());
            let ids = before.into_iter().chain([asked.to_owned()]).collect();
            (patients[story.patient], ids)
        })
        .collect();
    let tokens: Result<Vec<Token>, Failure<attune::app::give_form::Refusal>> =
        house.app.store.write_blocking(move |tx| {
            let policy = SendingPolicy::default();
            wanted
                .iter()
                .map(|(patient, ids)| {
                    let battery = battery(library, ids).map_err(Failure::Refused)?;
                    let (permit, episode) = may_give(tx, &actor, (*patient, None), now)?;
                    let occasion = Occasion::by_hand(*patient, episode.id, &battery, &policy, now);
                    let (_, link) = hand_out(tx, &permit, &occasion, now)?;
                    Ok(Token::of(&tx.seal, link))
                })
                .collect()
        });
    let tokens = tokens.expect("the forms are given");
    let with_tokens = stories.into_iter().zip(tokens);
    with_tokens
        .map(|((index, story), token)| Given {
            patient: patients[story.patient],
            story,
            index,
            token,
        })
        .collect()
}

/// Lets a wave of responses live side by side.
fn wave(house: &House, given: &[Given], therapist: &mut Client, dice: &mut Dice) -> Vec<Done> {
    let (next, done) = (AtomicUsize::new(0), Mutex::new(vec![]));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let over = || next.load(Ordering::Relaxed) >= given.len();
            while !over() {
                close_some(house, therapist, dice, over);
            }
        });
        for _ in 0..WORKERS {
            scope.spawn(|| {
                let runtime = tokio::runtime::Builder::new_current_thread()
                    .enable_all()
                    .build();
                let runtime = runtime.expect("a runtime can be made");
                while let Some(one) = given.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let lived = live(house, one, &runtime);
                    done.lock().expect("no response failed").push(lived);
                }
            });
        }
    });
    done.into_inner().expect("no response failed")
}

/// Names the seed when a check fails.
struct Name(u64, usize);

impl Drop for Name {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!(
                "again: ATTUNE_TEST_SEED={} ATTUNE_TEST_RESPONSES={}",
                self.0, self.1
            );
        }
    }
}

#[test]
fn every_answer_that_has_to_be_seen_is_passed_on_once_by_a_second_reading_of_the_rules() {
    // Some ten to twenty seconds on either engine.
    let usual = match engine() {
        Engine::Sqlite => 1_000,
        Engine::Postgres => 400,
    };
    let count = number("ATTUNE_TEST_RESPONSES").map_or(usual, |count| {
        usize::try_from(count).expect("as many as fit")
    });
    let seed = number("ATTUNE_TEST_SEED").unwrap_or_else(|| {
        let since = SystemTime::now().duration_since(UNIX_EPOCH);
        u64::from(since.expect("it is after 1970").subsec_nanos())
    });
    let _name = Name(seed, count);
    let (house, began) = (House::open(), Instant::now());
    FORMS.iter().for_each(|form| house.permit(form.id));
    let patients: Vec<PatientId> = (0..(count / 50).max(20))
        .map(|n| house.patient(&format!("P{n}")))
        .collect();
    let mut therapist = house.signed_in(&house.people.therapist);
    let (mut done, mut dice): (Vec<Done>, _) = (vec![], Dice(seed));
    for first in (0..count).step_by(WAVE) {
        let stories = (first..count.min(first + WAVE))
            .map(|index| (index, story(seed, index, patients.len())))
            .collect();
        let given = hand_out_all(&house, &patients, stories);
        done.extend(wave(&house, &given, &mut therapist, &mut dice));
    }
    let answered = began.elapsed();
    let passed_on = compare(&house, &done);
    let late = compare_late(&house, &done);
    repeats_are_together(&house);
    house.verified();
    let alarming = done.iter().filter(|one| !one.due.is_empty()).count();
    let mut kinds: BTreeMap<&str, usize> = BTreeMap::new();
    done.iter()
        .for_each(|one| *kinds.entry(one.kind).or_default() += 1);
    let who: BTreeSet<usize> = done.iter().map(|one| one.patient).collect();
    eprintln!(
        "{count} responses of {} patients, {alarming} of them with an answer that has to be seen: {passed_on} answers and {late} that came too late on {} flags, {} of them closed; seed {seed}; answered in {answered:?}, checked in {:?}: {kinds:?}",
        who.len(),
        house.number("flag"),
        house.number("flag WHERE state = 'closed'"),
        began.elapsed() - answered
    );
    assert!(alarming * 10 > count, "many are alarming");
    assert!(late > 0 || count < 1_000, "some come too late");
    assert!(
        house.number("flag WHERE state = 'closed'") > 0,
        "some are closed meanwhile"
    );
}

#[test]
fn no_form_with_risk_rules_is_left_out_of_the_second_reading() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("survey-defs");
    let mut found = BTreeSet::new();
    for entry in std::fs::read_dir(folder).expect("the definitions are there") {
        let file = entry
            .expect("the definitions are there")
            .path()
            .join("1.toml");
        let Ok(text) = std::fs::read_to_string(&file) else {
            continue;
        };
        let table: toml::Table = text.parse().expect("a definition is TOML");
        if table.contains_key("risk_rules") {
            found.insert(table["id"].as_str().expect("an id").to_owned());
        }
    }
    let read = FORMS.iter().filter(|form| !form.alarms.is_empty());
    let read: BTreeSet<String> = read
        .map(|form| form.id)
        .chain(WITHOUT_WORDING)
        .map(str::to_owned)
        .collect();
    assert_eq!(found, read);
}
