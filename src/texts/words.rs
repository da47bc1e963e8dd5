//! What a text message says: one line with the link, short enough to leave in one piece, in characters every telephone shows.

use crate::mail::render::quiet_name;
use crate::patient_words::Words;

/// What fits into one message of the GSM alphabet.
const ONE_SEGMENT: usize = 160;
/// What fits into each part when one does not do.
const PART: usize = 153;
/// The letters of the GSM 03.38 alphabet that are not ASCII; those of ASCII that are not in it stand below.
const BEYOND_ASCII: &str = "£¥èéùìòÇØøÅåΔΦΓΛΩΠΨΣΘΞÆæßÉ¤¡ÄÖÑÜ§¿äöñüà";
/// ASCII that the alphabet has not, or that takes two places.
const NOT_PLAIN: &str = "`^{}[]~|\\€";

/// Asks a patient to answer.
pub fn invitation(words: &Words, clinic: &str, link: &str, help: &str) -> String {
    fitted(words, clinic, |clinic| {
        (words.text.invitation)(clinic, link, help)
    })
}

/// Asks once more.
pub fn reminder(words: &Words, clinic: &str, link: &str, help: &str) -> String {
    fitted(words, clinic, |clinic| {
        (words.text.reminder)(clinic, link, help)
    })
}

/// With the clinic's name if that leaves in one piece, else with "your clinic".
fn fitted(words: &Words, clinic: &str, said: impl Fn(&str) -> String) -> String {
    let named = said(&quiet_name(clinic, words));
    if segments(&named) == 1 {
        named
    } else {
        said(words.text.your_clinic)
    }
}

/// In how many pieces a text leaves; 0 when a character of it is not in the alphabet every telephone shows.
pub fn segments(text: &str) -> usize {
    let plain = |c: char| {
        (c.is_ascii() && (c == '\n' || !c.is_ascii_control()) && !NOT_PLAIN.contains(c))
            || BEYOND_ASCII.contains(c)
    };
    let length = text.chars().count();
    match text.chars().all(plain) {
        false => 0,
        true if length <= ONE_SEGMENT => 1,
        true => length.div_ceil(PART),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::language::Language;
    use crate::patient_words::words;

    const LINK: &str =
        "https://forms.harbor-street.example.org/s/zoNAw2cgSce9oK7Es2tuY-DjEcoru-cjkKgQReHXc00";

    #[test]
    fn every_text_leaves_in_one_piece_and_says_how_to_stop() {
        for language in Language::ALL {
            let words = words(*language);
            for text in [
                invitation(words, "Harbor Street Clinic", LINK, "988"),
                reminder(words, "Harbor Street Clinic", LINK, "988"),
                invitation(words, &"Clinic ".repeat(20), LINK, "988"),
                invitation(words, "Клиника 🌊", LINK, "116123"),
            ] {
                assert_eq!(segments(&text), 1, "{text}");
                assert!(text.contains(LINK) && text.contains("STOP"), "{text}");
            }
        }
    }

    #[test]
    fn a_clinic_whose_name_tells_is_not_named() {
        let text = invitation(
            words(Language::English),
            "Harbor Trauma Center",
            LINK,
            "988",
        );
        assert!(!text.to_lowercase().contains("trauma"), "{text}");
    }

    #[test]
    fn a_letter_no_telephone_need_show_is_seen() {
        assert_eq!(segments("¿Cómo?"), 0);
        assert_eq!(segments(&"a".repeat(161)), 2);
    }
}
