//! The rules in force as people read them: every rule of every definition with what the site set about it, what happens then, and the signals. For staff, and for patients
//! with only what concerns them. How the site sets them is `set_safety_policy`.

use super::App;
use super::safety_in_force::InForce;
use crate::domain::ids::OrgId;
use crate::domain::instrument::{Library, LicenceClass, can_be_asked};
use crate::domain::risk::Tier;
use crate::domain::risk::policy::{Clocks, SafetyPolicy, SignalRules};
use crate::domain::risk::strictness::{KnownRule, Weaker, known_rules};
use crate::domain::schedule::cover::Cover;
use crate::store::{Fault, cover};

/// A rule as it holds here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleInForce {
    /// Id of the instrument.
    pub instrument: String,
    /// Its short name.
    pub form: String,
    /// Version of the definition.
    pub version: String,
    /// Id of the rule.
    pub rule: String,
    /// Version of the rule.
    pub rule_version: String,
    /// The rule's name, for clinicians.
    pub name: String,
    /// The item's printed number.
    pub item: String,
    /// What the item asks, in English; empty where the wording is not here.
    pub asks: String,
    /// The answers that are flagged here: the value and, where it has them, its words.
    pub answers: Vec<(i16, String)>,
    /// The lowest answer that the definition names, where the site asks for a higher one.
    pub shipped_from: Option<i16>,
    /// How soon a person looks.
    pub tier: Tier,
    /// The tier of the definition, where the site's is another.
    pub shipped_tier: Option<Tier>,
    /// Where the rule comes from.
    pub source: String,
}

/// Everything that is in force.
#[derive(Debug, Clone)]
pub struct RulesInForce {
    /// The rules, by instrument.
    pub rules: Vec<RuleInForce>,
    /// How soon people must act.
    pub clocks: Clocks,
    /// The signals of the lower tier.
    pub signals: SignalRules,
    /// Whether patients' own words are looked through for phrases.
    pub phrases: bool,
    /// The whole policy.
    pub policy: SafetyPolicy,
    /// Version of the site's policy; 0: as shipped.
    pub policy_version: i32,
    /// What in it is weaker than what ships.
    pub weaker: Vec<Weaker>,
}

/// Reads the rules. They are about nobody, so the reading is not audited.
///
/// # Errors
/// When a stored version cannot be read, or the database fails.
pub async fn read_rules(app: &App) -> Result<RulesInForce, Fault> {
    let (org, library) = (app.org, app.library);
    let in_force = app.store.read(move |tx| InForce::read(tx, org)).await?;
    Ok(told(&in_force, library))
}

fn told(in_force: &InForce, library: &Library) -> RulesInForce {
    let policy = &in_force.policy;
    RulesInForce {
        rules: known_rules(library)
            .iter()
            .map(|known| rule(known, policy))
            .collect(),
        clocks: policy.clocks.clone(),
        signals: policy.signals.clone(),
        phrases: policy.phrases,
        policy: policy.clone(),
        policy_version: in_force.version,
        weaker: policy.weaker(library),
    }
}

fn rule(known: &KnownRule<'_>, policy: &SafetyPolicy) -> RuleInForce {
    let (instrument, shipped) = (known.instrument, known.rule);
    let texts = instrument.texts_or_english("en");
    let names = instrument.risk_rules.iter().zip(&texts.risk_rules);
    let name = names
        .clone()
        .find(|(rule, _)| rule.id == shipped.id)
        .map_or_else(|| shipped.id.clone(), |(_, name)| name.clone());
    let (firing, lowest) = (known.firing(), policy.lowest(known));
    let tier = policy.tier(known);
    let words = texts.items.get(shipped.item);
    let item = instrument.items.get(shipped.item);
    let said = |value: i16| {
        let option = item.and_then(|item| item.option_with(value));
        let text = option.and_then(|option| words?.options.get(option));
        (value, text.cloned().unwrap_or_default())
    };
    RuleInForce {
        instrument: instrument.id.clone(),
        form: texts.short_name.clone(),
        version: instrument.version.clone(),
        rule: shipped.id.clone(),
        rule_version: shipped.version.clone(),
        name,
        item: known.item().to_owned(),
        asks: words.map(|words| words.text.clone()).unwrap_or_default(),
        answers: firing
            .iter()
            .filter(|value| lowest.is_some_and(|lowest| **value >= lowest))
            .map(|value| said(*value))
            .collect(),
        shipped_from: firing
            .first()
            .copied()
            .filter(|first| lowest != Some(*first)),
        tier,
        shipped_tier: (tier != shipped.tier).then_some(shipped.tier),
        source: shipped.source.clone(),
    }
}

/// A form that a patient may be asked and of which a person looks at some answers first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FormForPatients {
    /// Id of the instrument.
    pub instrument: String,
    /// The questions: the printed number, what it asks in the reader's language where the wording is free, and how soon a person looks.
    pub questions: Vec<(String, String, Tier)>,
}

/// What patients read.
#[derive(Debug, Clone)]
pub struct ForPatients {
    /// The forms.
    pub forms: Vec<FormForPatients>,
    /// When answers are read.
    pub cover: Cover,
    /// Whether patients' own words are looked through for phrases.
    pub phrases: bool,
}

/// Reads what patients may read, with questions in this language.
///
/// # Errors
/// When the database fails.
pub async fn read_for_patients(app: &App, language: &str) -> Result<ForPatients, Fault> {
    let (org, library, now): (OrgId, _, _) = (app.org, app.library, app.clock.now());
    let language = language.to_owned();
    app.store
        .read(move |tx| {
            let in_force = InForce::read(tx, org)?;
            Ok(ForPatients {
                forms: forms(library, &in_force.policy, &language),
                cover: cover::cover(tx, org, now)?,
                phrases: in_force.policy.phrases,
            })
        })
        .await
}

fn forms(library: &Library, policy: &SafetyPolicy, language: &str) -> Vec<FormForPatients> {
    let mut forms: Vec<FormForPatients> = vec![];
    for known in known_rules(library) {
        let instrument = known.instrument;
        // What a clinician asks face to face is no form of the patient's.
        if can_be_asked(instrument).is_err() {
            continue;
        }
        // Protected wording is shown to whoever answers it and to nobody else.
        let free = instrument.licence.class == LicenceClass::A;
        let asks = instrument
            .texts(language)
            .filter(|_| free)
            .and_then(|texts| texts.items.get(known.rule.item))
            .map_or_else(String::new, |item| item.text.clone());
        let question = (known.item().to_owned(), asks, policy.tier(&known));
        match forms
            .iter_mut()
            .find(|form| form.instrument == instrument.id)
        {
            // Two rules may look at one question: the sooner counts.
            Some(form) => match form
                .questions
                .iter_mut()
                .find(|(item, ..)| *item == question.0)
            {
                Some(same) => same.2 = same.2.min(question.2),
                None => form.questions.push(question),
            },
            None => forms.push(FormForPatients {
                instrument: instrument.id.clone(),
                questions: vec![question],
            }),
        }
    }
    forms
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patients_read_free_wording_only_and_each_question_once() {
        let library = Library::embedded();
        for language in ["en", "es"] {
            let forms = forms(library, &SafetyPolicy::default(), language);
            let phq9 = forms.iter().find(|form| form.instrument == "phq9").unwrap();
            assert_eq!(phq9.questions.len(), 1);
            assert!(!phq9.questions[0].1.is_empty());
            for form in &forms {
                let known = library.get(&form.instrument).unwrap();
                let free = known.licence.class == LicenceClass::A;
                assert!(free || form.questions.iter().all(|(_, asks, _)| asks.is_empty()));
                let mut items: Vec<_> = form.questions.iter().map(|(item, ..)| item).collect();
                items.dedup();
                assert_eq!(items.len(), form.questions.len());
            }
        }
    }
}
