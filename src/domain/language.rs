//! The languages patients are spoken to in.

use super::words::words;

words! {
    /// A language in which the patient's pages and mails are written. Which of them a questionnaire has is its definition's own matter.
    Language {
        /// English, which everything has.
        English = "en",
        /// Spanish as it is written in the United States.
        Spanish = "es",
    }
}

impl Language {
    /// The language a tag stands for, whatever its region: `es-MX` is Spanish.
    pub fn of_tag(tag: &str) -> Option<Language> {
        let primary = tag.split(['-', '_']).next().unwrap_or_default();
        primary.trim().to_ascii_lowercase().parse().ok()
    }

    /// What speakers call it themselves.
    pub fn own_name(self) -> &'static str {
        match self {
            Language::English => "English",
            Language::Spanish => "Español",
        }
    }

    /// What staff call it.
    pub fn name(self) -> &'static str {
        match self {
            Language::English => "English",
            Language::Spanish => "Spanish",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_region_does_not_matter_and_an_unknown_language_is_none() {
        assert_eq!(Language::of_tag("es-419"), Some(Language::Spanish));
        assert_eq!(Language::of_tag("EN_us"), Some(Language::English));
        for unknown in ["", "fr", "español", "e", "es\r\nSet-Cookie: a=b"] {
            assert_eq!(Language::of_tag(unknown), None, "{unknown}");
        }
    }
}
