//! What a norm may depend on: a person's sex and age, where they are known.
//!
//! Bands and cut-offs that were published for some people only say for whom ([`Whom`]); they are used only when it is
//! known that the person is one of them. Not here: patients (`domain::care`).

use serde::Deserialize;

/// A sex, as the authors of norms record it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Sex {
    /// Norms for women and girls.
    Female,
    /// Norms for men and boys.
    Male,
}

impl Sex {
    /// The word in definitions and exports.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Female => "female",
            Self::Male => "male",
        }
    }
}

impl std::str::FromStr for Sex {
    type Err = ();

    fn from_str(word: &str) -> Result<Self, ()> {
        [Self::Female, Self::Male]
            .into_iter()
            .find(|sex| sex.word().eq_ignore_ascii_case(word))
            .ok_or(())
    }
}

/// What is known of the person who answered. The default is nothing, which fits everybody's norms only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Person {
    /// `None` = not known.
    pub sex: Option<Sex>,
    /// In whole years; `None` = not known.
    pub age: Option<u16>,
}

/// For whom something was published.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Whom {
    /// Only for this sex.
    pub sex: Option<Sex>,
    /// Only from this age, in whole years.
    pub age_from: Option<u16>,
    /// Only up to this age (and including it), in whole years.
    pub age_to: Option<u16>,
}

impl Whom {
    /// Whether it is known that the person is one of these.
    #[must_use]
    pub fn includes(self, person: Person) -> bool {
        let sex = self.sex.is_none_or(|sex| person.sex == Some(sex));
        let old_enough = |from: u16| person.age.is_some_and(|age| age >= from);
        let young_enough = |to: u16| person.age.is_some_and(|age| age <= to);
        sex && self.age_from.is_none_or(old_enough) && self.age_to.is_none_or(young_enough)
    }

    /// Whether it is for everybody.
    #[must_use]
    pub fn is_everybody(self) -> bool {
        self == Self::default()
    }
}

impl std::fmt::Display for Whom {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut parts = Vec::new();
        parts.extend(self.sex.map(|sex| sex.word().to_owned()));
        match (self.age_from, self.age_to) {
            (Some(from), Some(to)) => parts.push(format!("aged {from} to {to}")),
            (Some(from), None) => parts.push(format!("aged {from} or more")),
            (None, Some(to)) => parts.push(format!("aged {to} or less")),
            (None, None) => {}
        }
        f.write_str(&if parts.is_empty() {
            "everybody".to_owned()
        } else {
            parts.join(", ")
        })
    }
}
