//! What is wrong with a form, field by field, so that the page can say it in a summary and beside each field. What was typed stays typed.

use validator::ValidationErrors;

/// What is wrong, in the order of the form's fields. Each sentence says what to do.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Mistakes(Vec<(&'static str, String)>);

impl Mistakes {
    /// Nothing is wrong.
    pub fn none() -> Mistakes {
        Mistakes::default()
    }

    /// One thing is wrong.
    pub fn one(field: &'static str, words: impl Into<String>) -> Mistakes {
        let mut mistakes = Mistakes::none();
        mistakes.add(field, words);
        mistakes
    }

    /// What a form's own checks found, in the order of `fields`.
    pub fn of(errors: &ValidationErrors, fields: &[&'static str]) -> Mistakes {
        let found = errors.field_errors();
        let said = |field: &&'static str| {
            let error = found.get(*field)?.first()?;
            Some((
                *field,
                error
                    .message
                    .as_ref()
                    .map_or_else(|| "Check this.".to_owned(), ToString::to_string),
            ))
        };
        Mistakes(fields.iter().filter_map(said).collect())
    }

    /// Adds what is wrong with a field, unless something is known about it.
    pub fn add(&mut self, field: &'static str, words: impl Into<String>) {
        if self.why(field).is_none() {
            self.0.push((field, words.into()));
        }
    }

    /// Whether nothing is wrong.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What is wrong with a field.
    pub fn why(&self, field: &str) -> Option<&str> {
        self.0
            .iter()
            .find(|(known, _)| *known == field)
            .map(|(_, words)| words.as_str())
    }

    /// Everything, for the summary.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.0.iter().map(|(field, words)| (*field, words.as_str()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use validator::Validate;

    #[derive(Validate)]
    struct Form {
        #[validate(length(min = 1, message = "Write a name."))]
        name: String,
        #[validate(email(message = "Write an address."))]
        email: String,
    }

    #[test]
    fn mistakes_come_in_the_order_of_the_form() {
        let errors = Form {
            name: String::new(),
            email: "x".into(),
        }
        .validate()
        .unwrap_err();
        let mistakes = Mistakes::of(&errors, &["email", "name"]);
        assert_eq!(
            mistakes.iter().collect::<Vec<_>>(),
            [("email", "Write an address."), ("name", "Write a name.")]
        );
        assert_eq!(mistakes.why("other"), None);
    }
}
