//! Signals of the lower tier: what a score, a silence or a patient's own words ask somebody to look at. Each carries the figures it rests on, so that a clinician can judge
//! it alone, and each ends in a licensed person's choice and reason. Nothing here changes care, priority or a level of care. Not here: risk rules (`rules`), storing.

use super::policy::SignalRules;
use crate::domain::change::{self, ChangeParameters, Direction, ReliableLimit, Verdict};
use crate::domain::instrument::{Instrument, Limit, Person, Respondent, Scale};
use crate::domain::scoring::{Score, Scored};
use crate::domain::submission::{Course, Extreme};
use crate::domain::words::words;
use chrono::{NaiveDateTime, TimeDelta};
use serde::{Deserialize, Serialize};

/// Version of the rules in this file; stands with every signal. A change of what raises a signal raises it.
pub const RULES_VERSION: u16 = 1;
/// The fewest weeks a site may set for "not on track".
pub const WEEKS_LEAST: i64 = 2;
/// A decided signal is not raised again for so long unless it gets worse: four occasions of a weekly plan. This program's own choice, to keep signals few.
pub const QUIET: TimeDelta = TimeDelta::days(28);
/// A form counts as asked and not answered once it has waited so long: the shortest silence a site may set.
pub const ASKED_BEFORE: TimeDelta = TimeDelta::days(7);
/// So many passages of a patient's words stand on one signal; earlier ones are counted and stay where they were written.
pub const PASSAGES_MOST: usize = 12;
/// So many more of those that stand nowhere else; a person writes fewer, a machine is stopped.
pub const ONLY_HERE_MOST: usize = 500;
/// With this begins the key of words that came too late to be stored where they belong.
pub const LATE: &str = "late ";
/// The longest reason for a decision, in characters.
pub const REASON_MOST: usize = 2_000;
/// The shortest: a word that says something.
pub const REASON_LEAST: usize = 4;

words! {
    /// What kind of signal it is.
    SignalKind {
        /// Reliably worse than at the start.
        Deteriorated = "deteriorated",
        /// No reliable improvement after the site's number of weeks, and still at or above the cut-off. Not an expected course.
        NotOnTrack = "not_on_track",
        /// A score reached the scale's cut-off.
        InNeed = "in_need",
        /// Asked, and no answer for a long time.
        Silent = "silent",
        /// The patient wrote words that somebody should read.
        Words = "words",
    }
}

words! {
    /// What a licensed person chose to do about a signal.
    Choice {
        /// The plan of care was changed, by a person and elsewhere.
        ChangedPlan = "changed_plan",
        /// Wait and look again.
        Watch = "watch",
        /// The patient and the clinician talked about it.
        TalkedAboutIt = "talked_about_it",
        /// It does not matter here, and why.
        NotRelevant = "not_relevant",
    }
}

words! {
    /// Where a patient's words were written.
    WrittenIn {
        /// In an answer of a form.
        Form = "form",
        /// In a text message to the site's number.
        Text = "text",
        /// In a correction note to answers that were handed in.
        Note = "note",
    }
}

/// A score and when it was given, UTC.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Mark {
    /// The score, in points.
    pub value: f64,
    /// When.
    pub at: NaiveDateTime,
}

impl From<Extreme> for Mark {
    fn from(known: Extreme) -> Mark {
        Mark {
            value: known.value,
            at: known.at,
        }
    }
}

/// A limit as it was applied, with where it was published.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Stated {
    /// In points of the scale.
    pub points: f64,
    /// Whether higher scores are worse on this scale.
    pub higher_is_worse: bool,
    /// Author and sample.
    pub source: String,
}

/// A passage that the patient wrote.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Passage {
    /// A [`WrittenIn`]'s word.
    pub written_in: String,
    /// The form's short name and the item's printed number; empty outside a form.
    pub place: String,
    /// What tells this passage from others: the same place written anew takes its place.
    pub key: String,
    /// The words.
    pub words: String,
    /// When they were saved.
    pub at: NaiveDateTime,
}

impl Passage {
    /// Whether the words can be read nowhere but on the signal: no form and no note of the record holds them.
    fn is_only_here(&self) -> bool {
        self.written_in == WrittenIn::Text.word() || self.key.starts_with(LATE)
    }
}

/// What was seen: the figures a signal rests on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "seen", rename_all = "snake_case")]
pub enum Seen {
    /// Reliably worse than at the start.
    Deteriorated {
        /// The first score.
        first: Mark,
        /// The new one.
        last: Mark,
        /// The limit of reliable change.
        limit: Stated,
    },
    /// No reliable improvement in the site's number of weeks.
    NotOnTrack {
        /// The first score.
        first: Mark,
        /// The best so far.
        best: Mark,
        /// The new one.
        last: Mark,
        /// Whole weeks from the first to the new one.
        weeks: i64,
        /// The limit of reliable change.
        limit: Stated,
        /// The cut-off that the new score still reaches.
        cut_off: Stated,
    },
    /// A score reached the cut-off.
    InNeed {
        /// The score before, which did not reach it; `None`: this is the first.
        before: Option<Mark>,
        /// The new one.
        last: Mark,
        /// The cut-off.
        cut_off: Stated,
    },
    /// Asked and not answered.
    Silent {
        /// Since when there is no answer: the last one, or the first day of care.
        since: NaiveDateTime,
        /// Whether there ever was one.
        answered: bool,
        /// When the first form since then was due.
        asked_at: NaiveDateTime,
        /// How many forms were.
        asked: u32,
    },
    /// The patient wrote.
    Words {
        /// The newest passages, oldest first: at most [`PASSAGES_MOST`], and every one that stands nowhere else.
        passages: Vec<Passage>,
        /// How many earlier ones there were.
        earlier: u32,
    },
}

impl Seen {
    /// What kind of signal it makes.
    #[must_use]
    pub fn kind(&self) -> SignalKind {
        match self {
            Seen::Deteriorated { .. } => SignalKind::Deteriorated,
            Seen::NotOnTrack { .. } => SignalKind::NotOnTrack,
            Seen::InNeed { .. } => SignalKind::InNeed,
            Seen::Silent { .. } => SignalKind::Silent,
            Seen::Words { .. } => SignalKind::Words,
        }
    }

    /// The first score, where it is held against that.
    fn first(&self) -> Option<&Mark> {
        match self {
            Seen::Deteriorated { first, .. } | Seen::NotOnTrack { first, .. } => Some(first),
            Seen::InNeed { .. } | Seen::Silent { .. } | Seen::Words { .. } => None,
        }
    }

    /// The new score and whether higher ones are worse, where it is about a score.
    fn level(&self) -> Option<(f64, bool)> {
        match self {
            Seen::Deteriorated { last, limit, .. } | Seen::NotOnTrack { last, limit, .. } => {
                Some((last.value, limit.higher_is_worse))
            }
            Seen::InNeed { last, cut_off, .. } => Some((last.value, cut_off.higher_is_worse)),
            Seen::Silent { .. } | Seen::Words { .. } => None,
        }
    }

    /// Whether this is worse than what was seen before.
    fn is_worse_than(&self, before: &Seen) -> bool {
        match (self.level(), before.level()) {
            (Some((now, true)), Some((then, _))) => now > then,
            (Some((now, false)), Some((then, _))) => now < then,
            _ => false,
        }
    }

    /// What no rule of this kind can see, in words for staff.
    #[must_use]
    pub fn blind_to(&self) -> &'static str {
        match self {
            Seen::Deteriorated { .. } => {
                "The rule compares two scores of one scale. It does not know what happened in between, what the patient says, other scales, or why."
            }
            Seen::NotOnTrack { .. } => {
                "The rule compares the first score with this one and counts weeks. It is not an expected course worked out from similar patients: this site has none yet. Some people get better late."
            }
            Seen::InNeed { .. } => {
                "A cut-off is one number on one scale. It is no diagnosis, and a score below it does not mean that all is well."
            }
            Seen::Silent { .. } => {
                "The rule counts days and forms. It does not know whether a mail arrived, whether the patient was seen, or why there is no answer."
            }
            Seen::Words { .. } => "Nothing here has read these words. Whoever decides has to.",
        }
    }

    /// What raises it, in words for staff.
    #[must_use]
    pub fn rule(&self) -> &'static str {
        match self {
            Seen::Deteriorated { .. } => {
                "Worse than the first score by at least the scale’s limit of reliable change."
            }
            Seen::NotOnTrack { .. } => {
                "Better than the first score by less than the limit of reliable change after the site’s number of weeks, and still on the cut-off’s side."
            }
            Seen::InNeed { .. } => {
                "The score reaches the scale’s cut-off and the one before did not, or it is the first."
            }
            Seen::Silent { .. } => {
                "No form handed in or declined for the site’s number of days, although at least one was due for a week."
            }
            Seen::Words { .. } => {
                "The patient wrote words of their own. Every such passage is shown once to a person."
            }
        }
    }
}

/// What was seen with the version of the rules that saw it: what is stored with a signal.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Facts {
    /// Version of the rules.
    pub rules: u16,
    /// Whether the series begins with another score by now than the one that stands here.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub begins_elsewhere: bool,
    /// What they saw.
    #[serde(flatten)]
    pub seen: Seen,
}

impl Facts {
    /// By the rules of this file.
    #[must_use]
    pub fn of(seen: Seen) -> Facts {
        Facts {
            rules: RULES_VERSION,
            begins_elsewhere: false,
            seen,
        }
    }

    /// The same beside a series that begins with `first`; `None` where that says nothing new.
    #[must_use]
    pub fn beside(&self, first: Extreme) -> Option<Facts> {
        let known = self.seen.first()?;
        let begins_elsewhere = *known != Mark::from(first);
        (begins_elsewhere != self.begins_elsewhere).then(|| Facts {
            begins_elsewhere,
            ..self.clone()
        })
    }

    /// As stored.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn read(json: &str) -> Result<Facts, serde_json::Error> {
        serde_json::from_str(json)
    }

    /// To be stored.
    #[must_use]
    pub fn to_json(&self) -> String {
        // Structs of numbers, times and texts always have a JSON form.
        serde_json::to_string(self).unwrap_or_else(|_| "{}".into())
    }
}

/// The score that signals look at: an instrument's first scale, which by custom is the total. One form raises no signal for each of its parts. `None` for what says nothing
/// about how the patient is (sessions, the service) or was not the patient's own to answer.
#[must_use]
pub fn watched<'s, 'a>(instrument: &Instrument, scored: &'s Scored<'a>) -> Option<&'s Score<'a>> {
    let own = instrument.respondent != Respondent::Clinician;
    let about = instrument.kind.is_outcome();
    scored
        .scores
        .first()
        .filter(|score| own && about && score.value.is_some())
}

/// Everything that a new score could mean under the most watchful rules a site may set; [`holds`] says what is left under those it has. Nothing for a score that is older
/// than the last one: it says nothing of how the patient is now.
#[must_use]
pub fn could_be(score: &Score<'_>, at: NaiveDateTime, before: Option<&Course>) -> Vec<Seen> {
    let mut seen = vec![];
    let Some(value) = score.value else {
        return seen;
    };
    if before.is_some_and(|course| at < course.last.at) {
        return seen;
    }
    let last = Mark { value, at };
    if let (Some(course), Some(parameters)) = (before, score.scale.change.as_ref()) {
        seen.extend(against_first(
            (score.scale, score.person),
            parameters,
            course,
            last,
        ));
    }
    seen.extend(in_need(score, before, last));
    seen
}

/// What the last score means against a first one that is another by now: an older form was put down, or one was entered in error. `None` where the rules see nothing.
#[must_use]
pub fn against_new_first(instrument: &Instrument, scale: &Scale, course: &Course) -> Option<Seen> {
    let own = instrument.respondent != Respondent::Clinician;
    let about = instrument.kind.is_outcome();
    let watched = instrument
        .scales
        .first()
        .is_some_and(|first| first.id == scale.id);
    if !own || !about || !watched || course.n < 2 {
        return None;
    }
    let (person, last) = (Person::default(), Mark::from(course.last));
    against_first((scale, person), scale.change.as_ref()?, course, last)
}

fn against_first(
    (scale, person): (&Scale, Person),
    parameters: &ChangeParameters,
    course: &Course,
    last: Mark,
) -> Option<Seen> {
    let limit = parameters.reliable_limit()?;
    let stated = || Stated {
        points: limit.points(),
        higher_is_worse: parameters.direction == Direction::HigherIsWorse,
        source: limit_source(limit),
    };
    let first = Mark::from(course.first);
    match change::judge(parameters, first.value, last.value).verdict {
        Verdict::ReliablyDeteriorated => Some(Seen::Deteriorated {
            first,
            last,
            limit: stated(),
        }),
        Verdict::NoReliableChange => {
            let weeks = (last.at - first.at).num_weeks();
            let cut_off = scale.cut_offs_for(person).next()?;
            let unmoved = weeks >= WEEKS_LEAST && cut_off.is_reached(last.value);
            unmoved.then(|| Seen::NotOnTrack {
                first,
                best: course.best.into(),
                last,
                weeks,
                limit: stated(),
                cut_off: stated_cut_off(cut_off.limit, &cut_off.source),
            })
        }
        Verdict::ReliablyImproved | Verdict::NoPublishedLimit => None,
    }
}

fn in_need(score: &Score<'_>, before: Option<&Course>, last: Mark) -> Option<Seen> {
    let cut_off = score.scale.cut_offs_for(score.person).next()?;
    let reached_before = before.is_some_and(|course| cut_off.is_reached(course.last.value));
    (cut_off.is_reached(last.value) && !reached_before).then(|| Seen::InNeed {
        before: before.map(|course| course.last.into()),
        last,
        cut_off: stated_cut_off(cut_off.limit, &cut_off.source),
    })
}

fn stated_cut_off(limit: Limit, source: &str) -> Stated {
    Stated {
        points: limit.points(),
        higher_is_worse: matches!(limit, Limit::AtLeast(_)),
        source: source.to_owned(),
    }
}

fn limit_source(limit: ReliableLimit<'_>) -> String {
    match limit {
        ReliableLimit::Published { source, .. } => source.to_owned(),
        ReliableLimit::WorkedOut { statistics, .. } => format!(
            "worked out as 1.96 · SD · √2 · √(1 − r) from {}",
            statistics.source
        ),
    }
}

/// Whether the site's rules ask for it.
#[must_use]
pub fn holds(seen: &Seen, rules: &SignalRules) -> bool {
    match seen {
        Seen::Deteriorated { .. } => rules.deteriorated,
        Seen::NotOnTrack { weeks, .. } => rules
            .not_on_track_weeks
            .is_some_and(|after| *weeks >= i64::from(after)),
        Seen::InNeed { .. } => rules.in_need,
        Seen::Silent { .. } => rules.silent_days.is_some(),
        Seen::Words { .. } => true,
    }
}

/// What is known of an episode when it is looked for silence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quietness {
    /// The first moment of care.
    pub began: NaiveDateTime,
    /// The last form the patient handed in or declined: a sign of life.
    pub heard: Option<NaiveDateTime>,
}

impl Quietness {
    /// Since when nothing was heard.
    #[must_use]
    pub fn since(&self) -> NaiveDateTime {
        self.heard.unwrap_or(self.began)
    }
}

/// Whether an episode has fallen silent: nothing heard for the site's number of days although at least one form was due for a week. `unanswered`: when forms were due that the
/// patient neither handed in nor declined, in any order.
#[must_use]
pub fn silence(
    known: &Quietness,
    unanswered: &[NaiveDateTime],
    rules: &SignalRules,
    now: NaiveDateTime,
) -> Option<Seen> {
    let days = rules.silent_days?;
    let since = known.since();
    if now - since < TimeDelta::days(days.into()) {
        return None;
    }
    let asked = || {
        unanswered
            .iter()
            .filter(|due| **due > since && **due <= now)
    };
    let first = asked().min().copied()?;
    (now - first >= ASKED_BEFORE).then(|| Seen::Silent {
        since,
        answered: known.heard.is_some(),
        asked_at: first,
        asked: u32::try_from(asked().count()).unwrap_or(u32::MAX),
    })
}

/// Whether what was decided about the same signal before still stands: it is not raised again for [`QUIET`] unless the score is worse than what was decided upon, or it
/// is another silence. New words are always news.
#[must_use]
pub fn still_decided(
    seen: &Seen,
    decided: &Seen,
    decided_at: NaiveDateTime,
    now: NaiveDateTime,
) -> bool {
    let fresh = match (seen, decided) {
        (Seen::Words { .. }, _) => true,
        (Seen::Silent { since, .. }, Seen::Silent { since: then, .. }) => since != then,
        _ => seen.is_worse_than(decided),
    };
    !fresh && now - decided_at < QUIET
}

/// What a signal shows when the same is seen again: the newest figures; words are added to those that wait.
#[must_use]
pub fn together(waiting: Seen, seen: Seen) -> Seen {
    let (
        Seen::Words { passages, earlier },
        Seen::Words {
            passages: new,
            earlier: more,
        },
    ) = (&waiting, &seen)
    else {
        return seen;
    };
    let mut all: Vec<Passage> = passages
        .iter()
        .filter(|known| new.iter().all(|one| one.key != known.key))
        .chain(new)
        .cloned()
        .collect();
    let known = all.len();
    keep_newest(&mut all, Passage::is_only_here, ONLY_HERE_MOST);
    keep_newest(&mut all, |one| !one.is_only_here(), PASSAGES_MOST);
    let surplus = known - all.len();
    Seen::Words {
        passages: all,
        earlier: earlier + more + u32::try_from(surplus).unwrap_or(0),
    }
}

/// Keeps of one sort the newest; of the others all.
fn keep_newest(all: &mut Vec<Passage>, of: impl Fn(&Passage) -> bool, most: usize) {
    let mut surplus = all
        .iter()
        .filter(|one| of(one))
        .count()
        .saturating_sub(most);
    all.retain(|one| {
        let goes = surplus > 0 && of(one);
        surplus -= usize::from(goes);
        !goes
    });
}

/// Why a decision cannot be taken as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DecisionRefusal {
    /// No choice was made.
    NoChoice,
    /// The reason is missing or too short to say anything.
    NoReason,
    /// The reason is too long.
    LongReason,
    /// Somebody decided before.
    Decided,
    /// What is to be decided upon has changed since the page was opened.
    Changed,
}

impl std::fmt::Display for DecisionRefusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::NoChoice => f.write_str("Choose what you decided. Nothing was changed."),
            Self::NoReason => f.write_str("Write a reason, in a few words. Nothing was changed."),
            Self::LongReason => write!(
                f,
                "Write at most {REASON_MOST} characters. Nothing was changed."
            ),
            Self::Decided => f.write_str(
                "This signal is decided already. What was decided stands below and is never changed.",
            ),
            Self::Changed => f.write_str(
                "It was seen again while this page was open. Read the newer figures, then decide. Nothing was changed.",
            ),
        }
    }
}

/// The reason as it is kept.
///
/// # Errors
/// When it says nothing or too much.
pub fn reason(text: &str) -> Result<String, DecisionRefusal> {
    let text = text.trim();
    let length = text.chars().count();
    if length < REASON_LEAST {
        return Err(DecisionRefusal::NoReason);
    }
    if length > REASON_MOST {
        return Err(DecisionRefusal::LongReason);
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::instrument::{Answers, Library, Person};
    use crate::domain::scoring;

    fn at(day: i64) -> NaiveDateTime {
        chrono::DateTime::from_timestamp(day * 86_400, 0)
            .expect("a day")
            .naive_utc()
    }

    fn phq9(total: i16) -> Vec<i16> {
        (0..9).map(|item| (total - 3 * item).clamp(0, 3)).collect()
    }

    /// What a PHQ-9 of this total means after these, a week apart unless said.
    fn seen(before: &[(f64, i64)], total: i16, day: i64) -> Vec<Seen> {
        let instrument = Library::embedded().get("phq9").expect("the PHQ-9");
        let mut answers = Answers::none(instrument);
        for (position, value) in phq9(total).into_iter().enumerate() {
            answers.set(instrument, position, value).expect("an answer");
        }
        let scored = scoring::score(instrument, &answers, Person::default());
        let score = watched(instrument, &scored).expect("a score");
        let mut course: Option<Course> = None;
        for (value, day) in before {
            let at = Extreme {
                value: *value,
                at: at(*day),
            };
            match &mut course {
                Some(course) => course.add(at, Direction::HigherIsWorse, 8),
                None => course = Some(Course::begin(at)),
            }
        }
        could_be(score, at(day), course.as_ref())
    }

    fn kinds(seen: &[Seen]) -> Vec<SignalKind> {
        seen.iter().map(Seen::kind).collect()
    }

    #[test]
    fn a_score_that_reaches_the_cut_off_is_said_once() {
        assert_eq!(kinds(&seen(&[], 10, 0)), [SignalKind::InNeed]);
        assert_eq!(kinds(&seen(&[], 9, 0)), []);
        assert_eq!(kinds(&seen(&[(9.0, 0)], 10, 7)), [SignalKind::InNeed]);
        assert_eq!(kinds(&seen(&[(10.0, 0)], 12, 7)), []);
    }

    #[test]
    fn worse_by_the_limit_of_reliable_change_is_deteriorated_and_one_less_is_not() {
        let limit = 6;
        let worse = seen(&[(12.0, 0)], 12 + limit, 7);
        assert_eq!(kinds(&worse), [SignalKind::Deteriorated]);
        assert_eq!(kinds(&seen(&[(12.0, 0)], 11 + limit, 7)), []);
        let Seen::Deteriorated {
            first, last, limit, ..
        } = &worse[0]
        else {
            panic!("{worse:?}");
        };
        assert_eq!((first.value, last.value, limit.points), (12.0, 18.0, 6.0));
        assert!(!limit.source.is_empty());
    }

    #[test]
    fn no_reliable_improvement_counts_only_after_the_sites_weeks_and_above_the_cut_off() {
        let rules = SignalRules::default();
        let after = |weeks: i64, total| {
            let seen = seen(&[(15.0, 0), (14.0, 1)], total, weeks * 7);
            seen.into_iter()
                .filter(|one| holds(one, &rules))
                .collect::<Vec<_>>()
        };
        assert_eq!(kinds(&after(8, 12)), [SignalKind::NotOnTrack]);
        assert_eq!(kinds(&after(7, 12)), []);
        assert_eq!(kinds(&after(8, 9)), [], "below the cut-off");
        assert_eq!(kinds(&after(30, 5)), [], "reliably better");
        let never = SignalRules {
            not_on_track_weeks: None,
            ..SignalRules::default()
        };
        let unmoved = seen(&[(15.0, 0)], 15, 70);
        assert!(unmoved.iter().all(|one| !holds(one, &never)));
    }

    #[test]
    fn a_score_older_than_the_last_one_says_nothing_of_today() {
        assert_eq!(kinds(&seen(&[(5.0, 10), (6.0, 20)], 27, 15)), []);
        assert!(!seen(&[(5.0, 10), (6.0, 20)], 27, 20).is_empty());
    }

    #[test]
    fn a_silence_needs_a_form_that_was_asked_for_a_week() {
        let rules = SignalRules::default();
        let known = Quietness {
            began: at(0),
            heard: Some(at(10)),
        };
        let look = |due: &[NaiveDateTime], day| silence(&known, due, &rules, at(day));
        assert!(look(&[at(17)], 38).is_some());
        assert!(look(&[at(17)], 37).is_none(), "27 days");
        assert!(look(&[], 60).is_none(), "nobody asked");
        assert!(look(&[at(35)], 38).is_none(), "asked three days ago");
        assert!(look(&[at(5)], 60).is_none(), "asked before the last answer");
        let off = SignalRules {
            silent_days: None,
            ..SignalRules::default()
        };
        assert_eq!(silence(&known, &[at(17)], &off, at(90)), None);
    }

    #[test]
    fn a_decision_stands_for_four_weeks_unless_it_gets_worse() {
        let first = seen(&[(10.0, 0)], 18, 7).remove(0);
        let same = seen(&[(10.0, 0)], 18, 14).remove(0);
        let worse = seen(&[(10.0, 0)], 19, 14).remove(0);
        let better = seen(&[(10.0, 0)], 17, 14).remove(0);
        assert!(still_decided(&same, &first, at(8), at(14)));
        assert!(still_decided(&better, &first, at(8), at(14)));
        assert!(!still_decided(&worse, &first, at(8), at(14)));
        assert!(still_decided(&same, &first, at(8), at(35)));
        assert!(!still_decided(&same, &first, at(8), at(36)));
    }

    #[test]
    fn another_silence_is_news_and_so_are_words() {
        let silent = |since| Seen::Silent {
            since: at(since),
            answered: true,
            asked_at: at(since + 7),
            asked: 3,
        };
        assert!(still_decided(&silent(1), &silent(1), at(30), at(40)));
        assert!(!still_decided(&silent(2), &silent(1), at(30), at(40)));
        let words = wrote("a", "x");
        assert!(!still_decided(&words, &words, at(30), at(30)));
    }

    fn wrote(key: &str, words: &str) -> Seen {
        Seen::Words {
            passages: vec![Passage {
                written_in: WrittenIn::Text.word().into(),
                place: String::new(),
                key: key.into(),
                words: words.into(),
                at: at(0),
            }],
            earlier: 0,
        }
    }

    #[test]
    fn the_same_place_written_anew_takes_its_place_and_nothing_is_uncounted() {
        let two = together(wrote("a", "one"), wrote("b", "two"));
        let anew = together(two, wrote("a", "three"));
        let Seen::Words { passages, earlier } = &anew else {
            panic!("{anew:?}");
        };
        let said: Vec<_> = passages.iter().map(|one| one.words.as_str()).collect();
        assert_eq!((said, *earlier), (vec!["two", "three"], 0));
        let mut many = anew;
        for n in 0..20 {
            many = together(many, noted(&n.to_string()));
        }
        let Seen::Words { passages, earlier } = &many else {
            panic!("{many:?}");
        };
        // Two texts, which stand nowhere else, and the newest notes.
        let keys: Vec<_> = passages.iter().map(|one| one.key.as_str()).collect();
        let newest: Vec<String> = (8..20).map(|n| n.to_string()).collect();
        assert_eq!(keys[..2], ["b", "a"]);
        assert_eq!(keys[2..], newest);
        assert_eq!(*earlier, 20 - 12);
    }

    #[test]
    fn words_that_stand_nowhere_else_push_each_other_out_of_no_signal() {
        let mut many = wrote("first", "one");
        for n in 0..PASSAGES_MOST {
            many = together(many, wrote(&n.to_string(), "more"));
        }
        many = together(many, wrote("late 1/9", "too late"));
        many = together(many, noted("note"));
        let Seen::Words { passages, earlier } = &many else {
            panic!("{many:?}");
        };
        assert_eq!(passages.len(), PASSAGES_MOST + 3);
        assert_eq!((passages[0].key.as_str(), *earlier), ("first", 0));
        for n in 0..ONLY_HERE_MOST {
            many = together(many, wrote(&format!("again {n}"), "more"));
        }
        let Seen::Words { passages, .. } = &many else {
            panic!("{many:?}");
        };
        assert_eq!(passages.len(), ONLY_HERE_MOST + 1, "a machine is stopped");
    }

    /// A note, which the record holds too.
    fn noted(key: &str) -> Seen {
        let mut seen = wrote(key, "more");
        if let Seen::Words { passages, .. } = &mut seen {
            passages[0].written_in = WrittenIn::Note.word().into();
        }
        seen
    }

    #[test]
    fn facts_read_back_as_they_were_written() {
        for one in [
            seen(&[], 20, 0).remove(0),
            seen(&[(10.0, 0)], 18, 7).remove(0),
            wrote("a", "x"),
        ] {
            let facts = Facts::of(one);
            assert_eq!(Facts::read(&facts.to_json()).expect("facts"), facts);
        }
    }

    #[test]
    fn a_reason_says_something() {
        assert_eq!(reason("  no "), Err(DecisionRefusal::NoReason));
        assert_eq!(reason(" seen today "), Ok("seen today".to_owned()));
        assert_eq!(
            reason(&"x".repeat(REASON_MOST + 1)),
            Err(DecisionRefusal::LongReason)
        );
    }
}
