//! The documented assessment with which a licensed person closes a flag: what it has to say, and what is wrong with one that does not. Everything in it is the clinician's own
//! judgement; nothing here suggests, weighs or scores. Whether a flag may be closed now is `life`'s to say.

use super::Tier;
use crate::domain::words::words;
use chrono::{NaiveDate, TimeDelta};

words! {
    /// What the patient was asked about. The topics of NPSG.15.01.01, EP 3 (The Joint Commission): ideation, plan, intent, self-harm behaviour, risk factors, protective
    /// factors; and means, which a safety plan needs.
    Topic {
        /// Thoughts of death or suicide.
        Ideation = "ideation",
        /// A plan.
        Plan = "plan",
        /// The intent to act.
        Intent = "intent",
        /// What was done or begun.
        Behaviour = "behaviour",
        /// Access to means.
        Means = "means",
        /// What makes it more likely.
        RiskFactors = "risk_factors",
        /// What protects.
        ProtectiveFactors = "protective_factors",
    }
}

words! {
    /// The overall level by the clinician's own judgement (NPSG.15.01.01, EP 4). The program never proposes one.
    Level {
        /// Nothing was found.
        NoneFound = "none_found",
        /// Low.
        Low = "low",
        /// Moderate.
        Moderate = "moderate",
        /// High.
        High = "high",
        /// It cannot be said yet.
        NotSettled = "not_settled",
    }
}

words! {
    /// How the patient was reached.
    Contact {
        /// In person.
        InPerson = "in_person",
        /// By telephone.
        ByPhone = "by_phone",
        /// By video.
        ByVideo = "by_video",
        /// Through somebody, with the patient's consent.
        ThroughSomebody = "through_somebody",
        /// It was tried, and nobody was reached.
        NotReached = "not_reached",
        /// It was not tried.
        NotAttempted = "not_attempted",
    }
}

words! {
    /// What came of a flag of the lower tier.
    Choice {
        /// The plan was changed.
        ChangedPlan = "changed_plan",
        /// It is watched.
        Watch = "watch",
        /// It was talked about.
        TalkedAboutIt = "talked_about_it",
        /// It does not matter here, and the words say why.
        NotRelevant = "not_relevant",
    }
}

words! {
    /// A part of an assessment, by the name of its field.
    Field {
        /// What was asked.
        Asked = "asked",
        /// The overall level.
        Level = "level",
        /// The assessment in words.
        Assessment = "assessment",
        /// The plan.
        Plan = "plan",
        /// How the patient was reached.
        Contact = "contact",
        /// Words about that.
        ContactNote = "contact_note",
        /// When somebody looks next.
        NextCheck = "next_check_on",
        /// Why nobody has to.
        NoCheckWhy = "no_check_why",
        /// What came of it (lower tier).
        Choice = "choice",
    }
}

/// The longest text of one part, in characters.
pub const WORDS_MOST: usize = 4_000;
/// The next check lies at most so many days ahead.
pub const CHECK_DAYS_MOST: i64 = 365;

/// An assessment as it was typed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Typed {
    /// [`Topic`]s' words.
    pub asked: Vec<String>,
    /// A [`Level`]'s word.
    pub level: String,
    /// The assessment in words.
    pub assessment: String,
    /// The plan.
    pub plan: String,
    /// A [`Contact`]'s word.
    pub contact: String,
    /// Words about it.
    pub contact_note: String,
    /// `2026-03-04`.
    pub next_check_on: String,
    /// Why none is needed.
    pub no_check_why: String,
    /// A [`Choice`]'s word.
    pub choice: String,
}

impl Typed {
    /// Whether somebody wrote or chose anything at all.
    #[must_use]
    pub fn says_something(&self) -> bool {
        let texts = [
            &self.level,
            &self.assessment,
            &self.plan,
            &self.contact,
            &self.contact_note,
            &self.next_check_on,
            &self.no_check_why,
            &self.choice,
        ];
        !self.asked.is_empty() || texts.iter().any(|text| !text.trim().is_empty())
    }
}

/// What is wrong with a part, and what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wrong {
    /// The part.
    pub field: Field,
    /// In words.
    pub words: String,
}

/// When somebody looks next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NextCheck {
    /// On this day.
    On(NaiveDate),
    /// Nobody has to, because.
    NotNeeded(String),
}

/// The assessment that closes a flag of the crisis tier.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assessment {
    /// What was asked; at least one, each once.
    pub asked: Vec<Topic>,
    /// The overall level.
    pub level: Level,
    /// In words.
    pub assessment: String,
    /// The plan.
    pub plan: String,
    /// How the patient was reached.
    pub contact: Contact,
    /// Words about that; always there when nobody was reached.
    pub contact_note: Option<String>,
    /// When somebody looks next.
    pub next_check: NextCheck,
}

/// What closes a flag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Closing {
    /// The whole assessment.
    Assessed(Assessment),
    /// The short form of the lower tier.
    Short {
        /// What came of it.
        choice: Choice,
        /// The assessment in words.
        assessment: String,
    },
}

/// Reads what was typed about a flag of this tier.
///
/// # Errors
/// Everything that is wrong with it, in the order of the form.
pub fn parse(tier: Tier, typed: &Typed, today: NaiveDate) -> Result<Closing, Vec<Wrong>> {
    let mut reader = Reader::default();
    let closing = match tier {
        Tier::Crisis => reader.whole(typed, today).map(Closing::Assessed),
        Tier::Review => reader.short(typed),
    };
    match closing {
        Some(closing) if reader.wrong.is_empty() => Ok(closing),
        _ => Err(reader.wrong),
    }
}

/// Collects what is wrong, so that nobody has to send a form five times.
#[derive(Default)]
struct Reader {
    wrong: Vec<Wrong>,
}

impl Reader {
    fn whole(&mut self, typed: &Typed, today: NaiveDate) -> Option<Assessment> {
        let asked = self.asked(&typed.asked, typed.contact.parse().ok());
        let level = self.one_of(
            Field::Level,
            &typed.level,
            "Choose the overall level by your own judgement; “not settled” is an answer.",
        );
        let assessment = self.text(
            Field::Assessment,
            &typed.assessment,
            "Write your assessment.",
        );
        let plan = self.text(Field::Plan, &typed.plan, "Write the plan.");
        let contact = self.one_of(
            Field::Contact,
            &typed.contact,
            "Choose how you reached the patient, or that you did not.",
        );
        let contact_note = self.contact_note(contact, &typed.contact_note);
        let next_check = self.next_check(&typed.next_check_on, &typed.no_check_why, today);
        Some(Assessment {
            asked: asked?,
            level: level?,
            assessment: assessment?,
            plan: plan?,
            contact: contact?,
            contact_note,
            next_check: next_check?,
        })
    }

    fn short(&mut self, typed: &Typed) -> Option<Closing> {
        let choice = self.one_of(Field::Choice, &typed.choice, "Choose what came of it.");
        let assessment = self.text(
            Field::Assessment,
            &typed.assessment,
            "Write what you looked at and why.",
        );
        Some(Closing::Short {
            choice: choice?,
            assessment: assessment?,
        })
    }

    /// Whoever did not speak with the patient has asked nothing, and need not say otherwise.
    fn asked(&mut self, typed: &[String], contact: Option<Contact>) -> Option<Vec<Topic>> {
        let spoke = !matches!(contact, Some(Contact::NotReached | Contact::NotAttempted));
        let topics: Result<Vec<Topic>, _> = typed.iter().map(|word| word.parse()).collect();
        match topics {
            Ok(mut topics) if !topics.is_empty() || !spoke => {
                topics.sort_unstable();
                topics.dedup();
                Some(topics)
            }
            _ => {
                self.say(Field::Asked, "Tick what was asked: at least one.");
                None
            }
        }
    }

    fn one_of<W: std::str::FromStr>(&mut self, field: Field, typed: &str, why: &str) -> Option<W> {
        let read = typed.parse().ok();
        if read.is_none() {
            self.say(field, why);
        }
        read
    }

    fn text(&mut self, field: Field, typed: &str, why: &str) -> Option<String> {
        if typed.trim().is_empty() {
            self.say(field, why);
            return None;
        }
        self.short_enough(field, typed)
    }

    fn short_enough(&mut self, field: Field, typed: &str) -> Option<String> {
        let length = typed.chars().count();
        if length > WORDS_MOST {
            self.say(
                field,
                &format!("Write at most {WORDS_MOST} characters here; these are {length}."),
            );
            return None;
        }
        Some(typed.trim().to_owned())
    }

    fn contact_note(&mut self, contact: Option<Contact>, typed: &str) -> Option<String> {
        let empty = typed.trim().is_empty();
        match contact {
            Some(Contact::NotReached) if empty => {
                self.say(Field::ContactNote, "Say what you tried, and when.");
                None
            }
            Some(Contact::NotAttempted) if empty => {
                self.say(Field::ContactNote, "Say why you did not try.");
                None
            }
            _ if empty => None,
            _ => self.short_enough(Field::ContactNote, typed),
        }
    }

    fn next_check(&mut self, on: &str, why: &str, today: NaiveDate) -> Option<NextCheck> {
        match (on.trim(), why.trim()) {
            ("", "") => {
                self.say(
                    Field::NextCheck,
                    "Give the day on which somebody looks next, or say why nobody has to.",
                );
                None
            }
            ("", _) => self
                .short_enough(Field::NoCheckWhy, why)
                .map(NextCheck::NotNeeded),
            (on, "") => self.check_day(on, today).map(NextCheck::On),
            _ => {
                self.say(
                    Field::NoCheckWhy,
                    "Give a day or say why nobody has to look again, not both.",
                );
                None
            }
        }
    }

    fn check_day(&mut self, typed: &str, today: NaiveDate) -> Option<NaiveDate> {
        let last = today + TimeDelta::days(CHECK_DAYS_MOST);
        let day = typed
            .parse::<NaiveDate>()
            .ok()
            .filter(|day| (today..=last).contains(day));
        if day.is_none() {
            self.say(
                Field::NextCheck,
                &format!("Give a day from {today} to {last}, as in {today}."),
            );
        }
        day
    }

    fn say(&mut self, field: Field, words: &str) {
        self.wrong.push(Wrong {
            field,
            words: words.to_owned(),
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn today() -> NaiveDate {
        NaiveDate::from_ymd_opt(2026, 3, 3).unwrap()
    }

    fn typed() -> Typed {
        Typed {
            asked: vec!["plan".into(), "ideation".into(), "plan".into()],
            level: "not_settled".into(),
            assessment: " Passing thoughts. ".into(),
            plan: "Safety plan renewed.".into(),
            contact: "by_phone".into(),
            next_check_on: "2026-03-04".into(),
            ..Typed::default()
        }
    }

    fn wrong(tier: Tier, typed: &Typed) -> Vec<Field> {
        let wrong = parse(tier, typed, today()).unwrap_err();
        wrong.into_iter().map(|wrong| wrong.field).collect()
    }

    #[test]
    fn a_whole_assessment_is_read() {
        let Ok(Closing::Assessed(read)) = parse(Tier::Crisis, &typed(), today()) else {
            panic!("a good assessment is refused");
        };
        assert_eq!(read.asked, [Topic::Ideation, Topic::Plan]);
        assert_eq!(
            (read.level, read.contact),
            (Level::NotSettled, Contact::ByPhone)
        );
        assert_eq!(read.assessment, "Passing thoughts.");
        assert_eq!(
            read.next_check,
            NextCheck::On(NaiveDate::from_ymd_opt(2026, 3, 4).unwrap())
        );
    }

    #[test]
    fn everything_that_is_missing_is_named_at_once() {
        use Field::*;
        assert_eq!(
            wrong(Tier::Crisis, &Typed::default()),
            [Asked, Level, Assessment, Plan, Contact, NextCheck]
        );
        assert_eq!(wrong(Tier::Review, &Typed::default()), [Choice, Assessment]);
    }

    #[test]
    fn whoever_reached_nobody_says_what_was_tried_or_why_not() {
        for contact in ["not_reached", "not_attempted"] {
            let without = Typed {
                contact: contact.into(),
                ..typed()
            };
            assert_eq!(wrong(Tier::Crisis, &without), [Field::ContactNote]);
            let with = Typed {
                contact_note: "Rang twice, left no message.".into(),
                ..without
            };
            assert!(parse(Tier::Crisis, &with, today()).is_ok());
            // Nothing was asked, and nobody is made to write down that it was.
            let honest = Typed {
                asked: vec![],
                ..with
            };
            assert!(parse(Tier::Crisis, &honest, today()).is_ok());
        }
    }

    #[test]
    fn the_next_check_is_a_day_within_a_year_or_a_reason_and_never_both() {
        let with = |on: &str, why: &str| Typed {
            next_check_on: on.into(),
            no_check_why: why.into(),
            ..typed()
        };
        for (on, why) in [
            ("2026-03-03", ""),
            ("2027-03-03", ""),
            ("", "Transferred today."),
        ] {
            assert!(
                parse(Tier::Crisis, &with(on, why), today()).is_ok(),
                "{on} {why}"
            );
        }
        for on in ["2026-03-02", "2027-03-04", "soon", "2026-02-30"] {
            assert_eq!(
                wrong(Tier::Crisis, &with(on, "")),
                [Field::NextCheck],
                "{on}"
            );
        }
        assert_eq!(
            wrong(Tier::Crisis, &with("2026-03-04", "Not needed.")),
            [Field::NoCheckWhy]
        );
    }

    #[test]
    fn the_lower_tier_has_one_short_form() {
        let typed = Typed {
            choice: "talked_about_it".into(),
            assessment: "As last week.".into(),
            ..Typed::default()
        };
        assert_eq!(
            parse(Tier::Review, &typed, today()),
            Ok(Closing::Short {
                choice: Choice::TalkedAboutIt,
                assessment: "As last week.".into()
            })
        );
        let long = Typed {
            assessment: "x".repeat(WORDS_MOST + 1),
            ..typed
        };
        assert_eq!(wrong(Tier::Review, &long), [Field::Assessment]);
    }
}
