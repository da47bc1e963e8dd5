//! A safety policy held against what ships: what in it cannot be kept, what is weaker, and how two versions differ in words. What follows from a policy for one answer
//! is `policy`'s.

use super::Tier;
use super::policy::{RuleSetting, SafetyPolicy, TierWord};
use crate::domain::instrument::{Instrument, Library, RiskRule};

/// The longest reason, name and address, in characters.
pub const MOST_WORDS: usize = 1_000;
const MOST_NAME: usize = 80;
const MOST_EMAIL: usize = 254;

/// Something that cannot be kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadSetting {
    /// The field: `acknowledge_minutes`, `rule.phq9.item9`.
    pub key: String,
    /// What is wanted, as a sentence.
    pub wanted: String,
}

/// A setting that is weaker than what ships.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Weaker {
    /// The field.
    pub key: String,
    /// What is set, in words.
    pub name: String,
    /// As the site has it.
    pub set: String,
    /// As it ships.
    pub shipped: String,
}

impl std::fmt::Display for Weaker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {} (shipped: {})", self.name, self.set, self.shipped)
    }
}

/// A rule of the library that a site may set, in its newest version.
#[derive(Debug, Clone, Copy)]
pub struct KnownRule<'a> {
    /// The definition.
    pub instrument: &'a Instrument,
    /// The rule.
    pub rule: &'a RiskRule,
}

impl<'a> KnownRule<'a> {
    /// Under which a policy keeps what is set about it: `phq9.item9`.
    #[must_use]
    pub fn key(&self) -> String {
        format!("{}.{}", self.instrument.id, self.rule.id)
    }

    /// The answers that the definition names, lowest first.
    #[must_use]
    pub fn firing(&self) -> Vec<i16> {
        let item = self.instrument.items.get(self.rule.item);
        let mut values: Vec<i16> = item.map(|item| item.values().collect()).unwrap_or_default();
        values.retain(|value| self.rule.wanted.takes(*value));
        values.sort_unstable();
        values.dedup();
        values
    }

    /// The item's printed number.
    #[must_use]
    pub fn item(&self) -> &'a str {
        let item = self.instrument.items.get(self.rule.item);
        item.map_or("", |item| &item.id)
    }
}

/// Every risk rule there is, by instrument, each in its newest version.
#[must_use]
pub fn known_rules(library: &Library) -> Vec<KnownRule<'_>> {
    let mut found: Vec<KnownRule<'_>> = vec![];
    for instrument in library.iter() {
        for rule in &instrument.risk_rules {
            let newer = KnownRule { instrument, rule };
            match found.iter_mut().find(|known| known.key() == newer.key()) {
                Some(known) => *known = newer,
                None => found.push(newer),
            }
        }
    }
    found
}

/// One setting as it can be compared.
struct Line {
    key: String,
    name: String,
    value: String,
    /// Higher is weaker.
    weakness: i64,
}

impl SafetyPolicy {
    /// The lowest answer to a rule that raises a flag here.
    #[must_use]
    pub fn lowest(&self, known: &KnownRule<'_>) -> Option<i16> {
        let set = self.setting(&known.instrument.id, &known.rule.id).at_least;
        let fires = |value: &i16| set.is_none_or(|least| *value >= least);
        known.firing().into_iter().find(fires)
    }

    /// The tier of a rule here.
    #[must_use]
    pub fn tier(&self, known: &KnownRule<'_>) -> Tier {
        let set = self.setting(&known.instrument.id, &known.rule.id).tier;
        set.map_or(known.rule.tier, Tier::from)
    }

    /// The same policy without what says nothing: settings equal to the definition's, and those of rules that are no more.
    #[must_use]
    pub fn tidied(mut self, library: &Library) -> SafetyPolicy {
        let rules = known_rules(library);
        self.rules.retain(|key, setting| {
            let Some(known) = rules.iter().find(|known| known.key() == *key) else {
                return false;
            };
            let lowest = known.firing().first().copied();
            setting.at_least = setting.at_least.filter(|least| Some(*least) > lowest);
            setting.tier = setting
                .tier
                .filter(|word| Tier::from(*word) != known.rule.tier);
            *setting != RuleSetting::default()
        });
        self
    }

    /// Everything in it that cannot be kept, all at once; empty when it may be used.
    #[must_use]
    pub fn faults(&self, library: &Library) -> Vec<BadSetting> {
        let mut faults = self.bad_numbers();
        faults.extend(self.bad_rules(library));
        faults.extend(self.bad_duty());
        if self.reason.chars().count() > MOST_WORDS {
            faults.push(bad(
                "reason",
                format!("Write at most {MOST_WORDS} characters."),
            ));
        }
        faults
    }

    fn bad_numbers(&self) -> Vec<BadSetting> {
        let (clocks, signals) = (&self.clocks, &self.signals);
        let numbers = [
            (
                "acknowledge_minutes",
                Some(clocks.acknowledge_minutes),
                1,
                60,
                "minutes",
            ),
            (
                "acknowledge_minutes_outside",
                Some(clocks.acknowledge_minutes_outside),
                1,
                240,
                "minutes",
            ),
            (
                "then_every_minutes",
                Some(clocks.then_every_minutes),
                1,
                60,
                "minutes",
            ),
            ("close_hours", Some(clocks.close_hours), 1, 72, "hours"),
            (
                "review_working_days",
                Some(clocks.review_working_days),
                1,
                10,
                "working days",
            ),
            (
                "review_close_working_days",
                Some(clocks.review_close_working_days),
                1,
                30,
                "working days",
            ),
            (
                "known_grades",
                Some(self.known_level.grades.into()),
                0,
                20,
                "answers",
            ),
            (
                "known_days",
                Some(self.known_level.days_most),
                1,
                180,
                "days",
            ),
            (
                "not_on_track_weeks",
                signals.not_on_track_weeks,
                2,
                52,
                "weeks",
            ),
            ("silent_days", signals.silent_days, 7, 180, "days"),
        ];
        numbers
            .into_iter()
            .filter_map(|(key, value, least, most, unit)| {
                let kept = value.is_none_or(|value| (least..=most).contains(&value));
                (!kept).then(|| bad(key, format!("Between {least} and {most} {unit}.")))
            })
            .collect()
    }

    fn bad_rules(&self, library: &Library) -> Vec<BadSetting> {
        self.rules
            .iter()
            .filter_map(|(key, setting)| {
                let versions: Vec<KnownRule<'_>> = every_version(library, key);
                let Some(newest) = versions.last() else {
                    return Some(bad(&format!("rule.{key}"), format!("There is no rule {key}.")));
                };
                // An answer must be left in every version, or the rule would be switched off.
                let highest = versions.iter().filter_map(|known| known.firing().last().copied()).min()?;
                let least = setting.at_least?;
                let fits = newest.firing().contains(&least) && least <= highest;
                (!fits).then(|| {
                    bad(
                        &format!("rule.{key}"),
                        format!(
                            "{}: choose one of the answers that the rule names, at most {highest}. A rule cannot be switched off.",
                            rule_name(newest)
                        ),
                    )
                })
            })
            .collect()
    }

    fn bad_duty(&self) -> Vec<BadSetting> {
        let Some(duty) = &self.duty else {
            return vec![];
        };
        let mut faults = vec![];
        let name = duty.name.trim();
        if name.is_empty() || name.chars().count() > MOST_NAME || name.chars().any(char::is_control)
        {
            let wanted = format!(
                "Write who the duty contact is, in at most {MOST_NAME} characters on one line, or leave name and address empty."
            );
            faults.push(bad("duty_name", wanted));
        }
        if !is_address(&duty.email) {
            faults.push(bad(
                "duty_email",
                "Write a mail address like duty@clinic.example, or leave name and address empty.",
            ));
        }
        faults
    }

    /// Every setting that is weaker than what ships.
    #[must_use]
    pub fn weaker(&self, library: &Library) -> Vec<Weaker> {
        let shipped = SafetyPolicy::default().lines(library);
        self.lines(library)
            .into_iter()
            .zip(shipped)
            .filter(|(line, shipped)| line.weakness > shipped.weakness)
            .map(|(line, shipped)| Weaker {
                key: line.key,
                name: line.name,
                set: line.value,
                shipped: shipped.value,
            })
            .collect()
    }

    /// What is weaker than shipped and weaker than before: what somebody has to answer for now.
    #[must_use]
    pub fn newly_weaker(&self, before: &SafetyPolicy, library: &Library) -> Vec<Weaker> {
        let before = before.lines(library);
        let lines = self.lines(library);
        let grown: Vec<String> = lines
            .into_iter()
            .zip(before)
            .filter(|(line, before)| line.weakness > before.weakness)
            .map(|(line, _)| line.key)
            .collect();
        let mut weaker = self.weaker(library);
        weaker.retain(|one| grown.contains(&one.key));
        weaker
    }

    /// What differs from the version before, a sentence each.
    #[must_use]
    pub fn differences(&self, before: &SafetyPolicy, library: &Library) -> Vec<String> {
        let lines = self.lines(library).into_iter();
        let mut said: Vec<String> = lines
            .zip(before.lines(library))
            .filter(|(line, before)| line.value != before.value)
            .map(|(line, before)| {
                format!("{}: {} instead of {}", line.name, line.value, before.value)
            })
            .collect();
        if self.duty != before.duty && said.iter().all(|line| !line.starts_with(DUTY)) {
            said.push(format!("{DUTY}: another address"));
        }
        said
    }

    /// Every setting, always in the same order.
    fn lines(&self, library: &Library) -> Vec<Line> {
        let (clocks, signals) = (&self.clocks, &self.signals);
        let counted =
            |key: &str, name: &str, n: u32, unit: &str| line(key, name, amount(n, unit), n.into());
        let or_never = |key: &str, name: &str, n: Option<u32>, unit: &str| match n {
            Some(n) => line(key, name, amount(n, unit), n.into()),
            None => line(key, name, "never".into(), i64::MAX),
        };
        let switch = |key: &str, name: &str, on: bool| {
            let (value, weakness) = if on { ("on", 0) } else { ("off", 1) };
            line(key, name, value.into(), weakness)
        };
        let mut lines = vec![
            counted(
                "acknowledge_minutes",
                "Crisis answer taken on within, in hours",
                clocks.acknowledge_minutes,
                "minute",
            ),
            counted(
                "acknowledge_minutes_outside",
                "Crisis answer taken on within, outside hours",
                clocks.acknowledge_minutes_outside,
                "minute",
            ),
            counted(
                "then_every_minutes",
                "Then the next person every",
                clocks.then_every_minutes,
                "minute",
            ),
            counted(
                "close_hours",
                "Crisis answer overdue after",
                clocks.close_hours,
                "hour",
            ),
            counted(
                "review_working_days",
                "Review answer taken on within",
                clocks.review_working_days,
                "working day",
            ),
            counted(
                "review_close_working_days",
                "Review answer closed within",
                clocks.review_close_working_days,
                "working day",
            ),
            counted(
                "known_grades",
                "How far a known level reaches",
                self.known_level.grades.into(),
                "answer",
            ),
            counted(
                "known_days",
                "A known level holds for at most",
                self.known_level.days_most,
                "day",
            ),
            switch(
                "deteriorated",
                "Signal: reliably worse",
                signals.deteriorated,
            ),
            or_never(
                "not_on_track_weeks",
                "Signal: not on track after",
                signals.not_on_track_weeks,
                "week",
            ),
            or_never(
                "silent_days",
                "Signal: no answer for",
                signals.silent_days,
                "day",
            ),
            switch(
                "in_need",
                "Signal: a score reaches the cut-off",
                signals.in_need,
            ),
            switch("phrases", "Phrases in patients’ own words", self.phrases),
            line(
                "digest_at",
                "Digest leaves at",
                self.digest_at.format("%H:%M").to_string(),
                0,
            ),
            line(
                "duty_name",
                DUTY,
                self.duty
                    .as_ref()
                    .map_or("nobody", |duty| &duty.name)
                    .to_owned(),
                0,
            ),
        ];
        lines.extend(
            known_rules(library)
                .iter()
                .map(|known| self.rule_line(known)),
        );
        lines
    }

    fn rule_line(&self, known: &KnownRule<'_>) -> Line {
        let (lowest, tier) = (self.lowest(known), self.tier(known));
        let place = known
            .firing()
            .iter()
            .position(|value| Some(*value) == lowest);
        let muted = place.map_or(i64::MAX / 2, |place| {
            i64::try_from(place).unwrap_or(i64::MAX / 2)
        });
        let lowered = i64::from(tier == Tier::Review && known.rule.tier == Tier::Crisis);
        let raised = i64::from(tier == Tier::Crisis && known.rule.tier == Tier::Review);
        // Whoever is told sooner of fewer answers is not as well told: a threshold weighs more than any tier.
        let weakness = match muted {
            0 => lowered - raised,
            muted => 2 * muted + lowered,
        };
        let answers = lowest.map_or("no answer".to_owned(), |value| format!("from {value}"));
        line(
            &format!("rule.{}", known.key()),
            &rule_name(known),
            format!("{answers}, {tier}"),
            weakness,
        )
    }
}

const DUTY: &str = "Duty contact";

fn line(key: &str, name: &str, value: String, weakness: i64) -> Line {
    Line {
        key: key.to_owned(),
        name: name.to_owned(),
        value,
        weakness,
    }
}

fn amount(n: u32, unit: &str) -> String {
    match n {
        1 => format!("1 {unit}"),
        n => format!("{n} {unit}s"),
    }
}

fn bad(key: &str, wanted: impl Into<String>) -> BadSetting {
    BadSetting {
        key: key.to_owned(),
        wanted: wanted.into(),
    }
}

fn every_version<'a>(library: &'a Library, key: &str) -> Vec<KnownRule<'a>> {
    let of = |instrument: &'a Instrument| {
        let rules = instrument.risk_rules.iter();
        rules.map(move |rule| KnownRule { instrument, rule })
    };
    library
        .iter()
        .flat_map(of)
        .filter(|known| known.key() == key)
        .collect()
}

/// `PHQ-9: Item 9 was answered above “Not at all”`.
#[must_use]
pub fn rule_name(known: &KnownRule<'_>) -> String {
    let texts = known.instrument.texts_or_english("en");
    let short = &texts.short_name;
    let form = if short.is_empty() {
        &known.instrument.id
    } else {
        short
    };
    let rules = known.instrument.risk_rules.iter();
    let said = rules
        .zip(&texts.risk_rules)
        .find(|(rule, _)| rule.id == known.rule.id)
        .map(|(_, words)| words.as_str());
    format!("{form}: {}", said.unwrap_or(&known.rule.id))
}

/// Whether mail could go there; the relay knows more.
fn is_address(text: &str) -> bool {
    let plain = |c: char| !c.is_whitespace() && !c.is_control() && !"<>\"\\,;:()".contains(c);
    text.len() <= MOST_EMAIL
        && text.chars().all(plain)
        && text.split_once('@').is_some_and(|(name, domain)| {
            !name.is_empty()
                && !domain.contains('@')
                && domain.contains('.')
                && domain.split('.').all(|label| !label.is_empty())
        })
}

impl From<Tier> for TierWord {
    fn from(tier: Tier) -> TierWord {
        match tier {
            Tier::Crisis => TierWord::Crisis,
            Tier::Review => TierWord::Review,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::policy::DutyContact;
    use super::*;

    fn phq9() -> (&'static Library, String) {
        let library = Library::embedded();
        let rule = &library.get("phq9").unwrap().risk_rules[0];
        (library, format!("phq9.{}", rule.id))
    }

    fn with(key: &str, at_least: Option<i16>, tier: Option<TierWord>) -> SafetyPolicy {
        SafetyPolicy {
            rules: [(key.to_owned(), RuleSetting { at_least, tier })].into(),
            ..SafetyPolicy::default()
        }
    }

    #[test]
    fn what_ships_can_be_kept_and_is_as_strict_as_what_ships() {
        let policy = SafetyPolicy::default();
        let library = Library::embedded();
        assert_eq!(policy.faults(library), []);
        assert_eq!(policy.weaker(library), []);
        assert_eq!(policy.differences(&policy, library), Vec::<String>::new());
    }

    #[test]
    fn everything_that_cannot_be_kept_is_named_at_once() {
        let (library, key) = phq9();
        let mut policy = with(&key, Some(4), None);
        policy
            .rules
            .insert("phq9.none".into(), RuleSetting::default());
        policy.clocks.acknowledge_minutes = 0;
        policy.known_level.days_most = 181;
        policy.signals.silent_days = Some(6);
        policy.duty = Some(DutyContact {
            name: " ".into(),
            email: "nobody".into(),
        });
        let keys: Vec<String> = policy
            .faults(library)
            .into_iter()
            .map(|bad| bad.key)
            .collect();
        let rule = format!("rule.{key}");
        assert_eq!(
            keys,
            [
                "acknowledge_minutes",
                "known_days",
                "silent_days",
                "rule.phq9.none",
                &rule,
                "duty_name",
                "duty_email"
            ]
        );
    }

    #[test]
    fn a_rule_may_ask_for_its_highest_answer_and_no_more() {
        let (library, key) = phq9();
        assert_eq!(with(&key, Some(3), None).faults(library), []);
        assert_eq!(with(&key, Some(4), None).faults(library).len(), 1);
        assert_eq!(with(&key, Some(0), None).faults(library).len(), 1);
    }

    #[test]
    fn later_higher_lower_and_off_are_weaker_and_the_other_way_round_is_not() {
        let (library, key) = phq9();
        let mut weak = with(&key, Some(2), Some(TierWord::Review));
        weak.clocks.close_hours = 30;
        weak.signals.in_need = false;
        weak.signals.not_on_track_weeks = None;
        weak.known_level.grades = 2;
        weak.phrases = false;
        let weaker: Vec<String> = weak
            .weaker(library)
            .into_iter()
            .map(|one| one.key)
            .collect();
        let rule = format!("rule.{key}");
        assert_eq!(
            weaker,
            [
                "close_hours",
                "known_grades",
                "not_on_track_weeks",
                "in_need",
                "phrases",
                &rule
            ]
        );
        let mut strict = SafetyPolicy::default();
        strict.clocks.acknowledge_minutes = 5;
        strict.known_level.grades = 0;
        strict.signals.silent_days = Some(14);
        assert_eq!(strict.weaker(library), []);
        assert_eq!(
            strict.differences(&SafetyPolicy::default(), library).len(),
            3
        );
    }

    #[test]
    fn a_sooner_tier_does_not_make_up_for_fewer_answers() {
        let library = Library::embedded();
        let known = known_rules(library)
            .into_iter()
            .find(|known| known.rule.tier == Tier::Review && known.firing().len() > 1)
            .expect("a rule of the lower tier with several answers");
        let higher = known.firing()[1];
        let traded = with(&known.key(), Some(higher), Some(TierWord::Crisis));
        assert_eq!(traded.weaker(library).len(), 1);
        assert_eq!(
            with(&known.key(), None, Some(TierWord::Crisis)).weaker(library),
            []
        );
    }

    #[test]
    fn only_what_grows_weaker_has_to_be_answered_for() {
        let (library, key) = phq9();
        let before = with(&key, Some(2), None);
        let mut after = before.clone();
        after.clocks.then_every_minutes = 10;
        assert_eq!(after.newly_weaker(&before, library), []);
        after.clocks.then_every_minutes = 20;
        assert_eq!(after.newly_weaker(&before, library).len(), 1);
        assert_eq!(after.weaker(library).len(), 2);
    }

    #[test]
    fn what_says_nothing_is_not_kept() {
        let (library, key) = phq9();
        let mut policy = with(&key, Some(1), Some(TierWord::Crisis));
        policy.rules.insert(
            "gone.rule".into(),
            RuleSetting {
                at_least: Some(1),
                tier: None,
            },
        );
        assert_eq!(policy.tidied(library), SafetyPolicy::default());
    }
}
