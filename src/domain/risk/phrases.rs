//! A short list of phrases about wanting to die, killing oneself or hurting oneself, in English and Spanish, and the search that finds sentences with
//! them in what a patient wrote. Pure: text in, sentences out.
//!
//! **What this is.** Our own list, put together for this program from the words that questionnaires about suicide use and from plain speech. It was not
//! validated: nobody has counted how many such sentences it finds or how often it is wrong. It relays a sentence to a person and assesses nothing.
//!
//! **It can miss**: what is said without these words ("I have written the letters", "everyone would be better off"), slang, spelling
//! beyond a lost accent or apostrophe, other languages, pictures, irony. **It can be wrong**: negation, quotation, the past, other people, films and
//! jokes are not judged away ("I do not want to die" is found), because a list that judged them would hide the sentence that a person has to read.
//! A text that nothing is found in says nothing about the person who wrote it.

use crate::domain::language::Language;

/// Which list found a sentence: stands with what it led to. Grows by one with every change to the list or the search.
pub const PHRASES_VERSION: u16 = 1;
/// The most characters of a sentence that are handed on; around the phrase where the sentence is longer.
pub const LONGEST_SENTENCE: usize = 400;

/// A phrase of the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Phrase {
    /// Its language.
    pub language: Language,
    /// Its words, in lower case, without accents or apostrophes. A word that ends in `*` stands for every word that begins so.
    pub words: &'static str,
    /// Why it is on the list.
    pub why: &'static str,
}

/// A sentence in which a phrase was found.
#[derive(Clone, PartialEq, Eq)]
pub struct Found {
    /// The sentence as it was written, white space made single; at most [`LONGEST_SENTENCE`] characters, cut with an ellipsis.
    pub sentence: String,
    /// The first phrase in it.
    pub phrase: &'static Phrase,
}

/// The sentence is a patient's own and stays out of debug output.
impl std::fmt::Debug for Found {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Found")
            .field("phrase", &self.phrase.words)
            .finish_non_exhaustive()
    }
}

const DEATH: &str = "says something about wanting to die";
const SUICIDE: &str = "names suicide, or an act of killing oneself";
const NOT_LIVING: &str = "says something about not wanting to live, or to be gone";
const HARM: &str = "names hurting oneself";
const MEANS: &str = "names a way of killing or hurting oneself";

macro_rules! phrases {
    ($($language:ident $why:ident: $($words:literal),+;)+) => {
        const PHRASES: &[Phrase] = &[$($(Phrase { language: Language::$language, words: $words, why: $why }),+),+];
    };
}

phrases! {
    English DEATH:
        "want to die", "wanted to die", "wanting to die", "wanna die", "wish i was dead", "wish i were dead", "wishing i was dead", "rather be dead",
        "better off dead", "should be dead", "want to be dead", "ready to die", "hope i die", "hope i dont wake up", "never wake up",
        "not wake up", "go to sleep and not", "thoughts of death", "thoughts of dying", "thinking about dying", "think about dying";
    English SUICIDE:
        "suicid*", "kill myself", "killing myself", "killed myself", "end my life", "ending my life", "end it all", "ending it all",
        "take my life", "take my own life", "taking my own life", "took my own life", "do myself in", "unalive";
    English NOT_LIVING:
        "dont want to live", "do not want to live", "dont want to be alive", "do not want to be alive", "dont want to be here anymore",
        "do not want to be here anymore", "dont want to exist", "do not want to exist", "no reason to live", "nothing to live for", "no point in living",
        "not worth living", "isnt worth living", "cant go on living", "tired of living", "tired of being alive", "wish i was never born", "wish i had never been born",
        "wish i could disappear";
    English HARM:
        "hurt myself", "hurting myself", "harm myself", "harming myself", "self harm*", "selfharm*", "cut myself", "cutting myself", "burn myself",
        "burning myself", "injure myself", "self injur*";
    English MEANS:
        "hang myself", "shoot myself", "overdos*", "jump off a bridge", "jump off the bridge", "drown myself", "slit my wrists", "cut my wrists",
        "poison myself", "take all my pills", "took all my pills";
    Spanish DEATH:
        "quiero morir*", "querer morir*", "queria morir*", "quisiera morir*", "ganas de morir*", "deseo morir*", "desearia morir*",
        "me quiero morir", "quisiera estar muert*", "quiero estar muert*", "ojala me muera", "ojala me muriera", "mejor muert*", "no despertar*",
        "no volver a despertar", "pienso en la muerte", "pienso en morir*", "pensar en morir*";
    Spanish SUICIDE:
        "suicid*", "matarme", "me mato", "me voy a matar", "me quiero matar", "quitarme la vida", "me quito la vida", "acabar con mi vida", "terminar con mi vida",
        "acabar con todo", "terminar con todo";
    Spanish NOT_LIVING:
        "no quiero vivir", "no quiero seguir viviendo", "no quiero seguir vivi*", "no quiero estar viv*", "sin ganas de vivir",
        "no tengo ganas de vivir", "no vale la pena vivir", "cansad* de vivir", "no tengo razones para vivir", "no tengo por que vivir", "no quiero existir",
        "quisiera desaparecer", "quiero desaparecer", "ojala no hubiera nacido";
    Spanish HARM:
        "hacerme dano", "me hago dano", "me hice dano", "lastimarme", "me lastimo", "cortarme", "me corto", "me corte", "quemarme", "autolesi*", "herirme";
    Spanish MEANS:
        "ahorcarme", "colgarme", "pegarme un tiro", "dispararme", "sobredosis", "tirarme de un puente", "tirarme por la ventana", "cortarme las venas", "envenenarme",
        "tomarme todas las pastillas";
}

/// The whole list, for whoever wants to know what is looked for.
pub fn list() -> &'static [Phrase] {
    PHRASES
}

/// Every sentence of a text in which a phrase of this language is found, in their order. Each sentence once.
///
/// People mix languages: a caller that does not know better asks for both.
pub fn find(text: &str, language: Language) -> Vec<Found> {
    let phrases: Vec<(&'static Phrase, Vec<&'static str>)> = PHRASES
        .iter()
        .filter(|phrase| phrase.language == language)
        .map(|phrase| (phrase, phrase.words.split(' ').collect()))
        .collect();
    sentences(text)
        .into_iter()
        .filter_map(|sentence| found_in(sentence, &phrases))
        .collect()
}

fn found_in(sentence: &str, phrases: &[(&'static Phrase, Vec<&'static str>)]) -> Option<Found> {
    let words = words_of(sentence);
    let first = phrases
        .iter()
        .filter_map(|(phrase, wanted)| Some((place(&words, wanted)?, *phrase)))
        .min_by_key(|((at, _), _)| *at);
    first.map(|((at, until), phrase)| Found {
        sentence: cut(sentence, at, until),
        phrase,
    })
}

/// A word as it is compared, with the bytes of the sentence it stands at.
struct Word {
    plain: String,
    from: usize,
    until: usize,
}

/// From which byte to which the wanted words stand one after the other.
fn place(words: &[Word], wanted: &[&str]) -> Option<(usize, usize)> {
    let run = words.windows(wanted.len()).find(|run| {
        run.iter()
            .zip(wanted)
            .all(|(word, wanted)| is(word, wanted))
    })?;
    Some((run.first()?.from, run.last()?.until))
}

fn is(word: &Word, wanted: &str) -> bool {
    match wanted.strip_suffix('*') {
        Some(stem) => word.plain.starts_with(stem),
        None => word.plain == wanted,
    }
}

/// The words of a sentence: letters and digits, in lower case, without accents and apostrophes. Everything else parts them.
fn words_of(sentence: &str) -> Vec<Word> {
    let mut words: Vec<Word> = vec![];
    let mut open = false;
    for (at, letter) in sentence.char_indices() {
        let until = at + letter.len_utf8();
        if is_silent(letter) {
            continue;
        }
        if !letter.is_alphanumeric() {
            open = false;
            continue;
        }
        if !open {
            words.push(Word {
                plain: String::new(),
                from: at,
                until,
            });
            open = true;
        }
        if let Some(word) = words.last_mut() {
            word.plain.extend(letter.to_lowercase().map(bare));
            word.until = until;
        }
    }
    words
}

/// What stands in or over a word without parting it: apostrophes of every make, an accent that is a character of its own, what nobody sees.
fn is_silent(letter: char) -> bool {
    matches!(letter, '\'' | '’' | '‘' | 'ʼ' | '`' | '´' | '\u{300}'..='\u{36f}' | '\u{ad}' | '\u{200b}'..='\u{200d}' | '\u{2060}' | '\u{feff}')
}

/// A letter without its accent, for the letters that English and Spanish use.
fn bare(letter: char) -> char {
    match letter {
        'á' | 'à' | 'â' | 'ä' | 'ã' => 'a',
        'é' | 'è' | 'ê' | 'ë' => 'e',
        'í' | 'ì' | 'î' | 'ï' => 'i',
        'ó' | 'ò' | 'ô' | 'ö' | 'õ' => 'o',
        'ú' | 'ù' | 'û' | 'ü' => 'u',
        'ñ' => 'n',
        'ç' => 'c',
        other => other,
    }
}

/// The sentences of a text: up to a full stop, a question or exclamation mark, an ellipsis, or an empty line. A single line break is white space, as people
/// write on telephones.
fn sentences(text: &str) -> Vec<&str> {
    let mut sentences = vec![];
    let (mut from, mut breaks) = (0, 0);
    for (at, letter) in text.char_indices() {
        breaks = match letter {
            '\n' => breaks + 1,
            letter if letter.is_whitespace() => breaks,
            _ => 0,
        };
        let next = at + letter.len_utf8();
        let ends_word = text
            .get(next..)
            .and_then(|rest| rest.chars().next())
            .is_none_or(|after| !after.is_alphanumeric());
        let ends = match letter {
            '.' => ends_word,
            '!' | '?' | '…' => true,
            '\n' => breaks > 1,
            _ => false,
        };
        if ends {
            sentences.extend(text.get(from..next));
            from = next;
        }
    }
    sentences.extend(text.get(from..));
    sentences.retain(|sentence| sentence.chars().any(char::is_alphanumeric));
    sentences
}

/// The sentence with single spaces; where it is too long, what stands around the bytes from `at` to `until`.
fn cut(sentence: &str, at: usize, until: usize) -> String {
    let tidy = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let whole = tidy(sentence);
    if whole.chars().count() <= LONGEST_SENTENCE {
        return whole;
    }
    let part = |range: std::ops::Range<usize>| tidy(sentence.get(range).unwrap_or_default());
    let (before, phrase, after) = (part(0..at), part(at..until), part(until..sentence.len()));
    // Two ellipses and two spaces.
    let room = LONGEST_SENTENCE.saturating_sub(phrase.chars().count() + 4);
    let lead = (room / 2).max(room.saturating_sub(after.chars().count()));
    let skipped = before.chars().count().saturating_sub(lead);
    let lead: String = before.chars().skip(skipped).collect();
    let rest = room.saturating_sub(lead.chars().count());
    let tail: String = after.chars().take(rest).collect();
    let mark = |cut: bool| if cut { "…" } else { "" };
    let joined = format!(
        "{}{lead} {phrase} {tail}{}",
        mark(skipped > 0),
        mark(after.chars().count() > rest)
    );
    joined.trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use Language::{English, Spanish};
    use proptest::prelude::*;
    use std::collections::HashSet;

    fn phrase_in(text: &str, language: Language) -> Option<&'static str> {
        find(text, language).first().map(|found| found.phrase.words)
    }

    #[test]
    fn sentences_with_a_phrase_are_found_however_they_are_typed() {
        for (text, language, phrase) in [
            ("I want to die.", English, "want to die"),
            ("SOMETIMES I WANT   TO\nDIE", English, "want to die"),
            (
                "I don't want to live like this",
                English,
                "dont want to live",
            ),
            (
                "I don’t want to live like this",
                English,
                "dont want to live",
            ),
            (
                "I dont want to live like this",
                English,
                "dont want to live",
            ),
            (
                "i keep thinking: kill-myself, again",
                English,
                "kill myself",
            ),
            ("Having suicidal thoughts?", English, "suicid*"),
            ("I self-harm at night", English, "self harm*"),
            (
                "“I wish I were dead”, she wrote",
                English,
                "wish i were dead",
            ),
            ("Quiero morirme.", Spanish, "quiero morir*"),
            ("¡Ya no quiero vivir!", Spanish, "no quiero vivir"),
            ("Pensé en hacerme daño", Spanish, "hacerme dano"),
            ("Pensé en hacerme dan\u{303}o", Spanish, "hacerme dano"),
            ("PENSE EN HACERME DAÑO", Spanish, "hacerme dano"),
            ("Ojalá me muera", Spanish, "ojala me muera"),
            ("estoy cansada de vivir", Spanish, "cansad* de vivir"),
        ] {
            assert_eq!(phrase_in(text, language), Some(phrase), "{text}");
        }
    }

    #[test]
    fn what_it_gets_wrong_is_known_and_stays_found() {
        for text in [
            "I do not want to die.",
            "My brother talked about suicide in 2009",
            "That film made me want to die laughing",
            "I never thought of hurting myself",
        ] {
            assert!(!find(text, English).is_empty(), "{text}");
        }
        assert!(!find("No quiero matarme", Spanish).is_empty());
    }

    #[test]
    fn what_it_misses_is_known() {
        for (text, language) in [
            ("Everyone would be better off without me", English),
            ("I have written the letters", English),
            ("I want to dye", English),
            ("I want to just die", English),
            ("kms", English),
            ("Quiero morir", English),
            ("ich will sterben", English),
            ("Todos estarían mejor sin mí", Spanish),
            ("kiero morirme", Spanish),
        ] {
            assert_eq!(phrase_in(text, language), None, "{text}");
        }
    }

    #[test]
    fn ordinary_sentences_are_left_alone() {
        for (text, language) in [
            ("I want to diet and the plant died", English),
            ("We talked about my skills myself and I", English),
            ("I cut my hair myself.", English),
            ("The battery is dead", English),
            ("Want to. Die hard is on tonight", English),
            ("Quiero vivir mejor y dormir", Spanish),
            ("Me gusta la vida", Spanish),
        ] {
            assert_eq!(phrase_in(text, language), None, "{text}");
        }
    }

    #[test]
    fn the_whole_sentence_is_handed_on_and_no_other() {
        let text = "The week was fine. At night, though,\nI want to die! Then I slept 7.5 hours.";
        let found = find(text, English);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].sentence, "At night, though, I want to die!");
        let apart = "no full stop here\n\nI want to die\n\nnor here";
        assert_eq!(find(apart, English)[0].sentence, "I want to die");
    }

    #[test]
    fn a_long_sentence_is_cut_around_the_phrase() {
        let text = format!(
            "{} I want to die {}",
            "before ".repeat(200),
            "after ".repeat(200)
        );
        let found = find(&text, English);
        let sentence = &found[0].sentence;
        assert!(sentence.chars().count() <= LONGEST_SENTENCE, "{sentence}");
        assert!(
            sentence.contains("before I want to die after"),
            "{sentence}"
        );
        assert!(sentence.starts_with('…') && sentence.ends_with('…'));
    }

    #[test]
    fn every_phrase_stands_once_is_written_as_it_is_compared_and_is_found() {
        let mut seen = HashSet::new();
        for phrase in list() {
            assert!(seen.insert((phrase.language, phrase.words)), "{phrase:?}");
            let plain = phrase.words.replace('*', "");
            let compared: Vec<String> = words_of(&plain)
                .into_iter()
                .map(|word| word.plain)
                .collect();
            assert_eq!(compared.join(" "), plain, "{phrase:?}");
            assert!(!phrase.why.is_empty());
            assert!(!find(&plain, phrase.language).is_empty(), "{phrase:?}");
        }
        for language in Language::ALL {
            assert!(list().iter().any(|phrase| phrase.language == *language));
        }
    }

    #[test]
    fn what_was_found_keeps_the_sentence_out_of_debug_output() {
        let found = find("my secret is that I want to die", English);
        assert!(!format!("{found:?}").contains("secret"));
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_a_fault_and_bounded(text in "\\PC{0,400}|[\\s\\S]{0,400}") {
            for language in Language::ALL {
                for found in find(&text, *language) {
                    prop_assert!(found.sentence.chars().count() <= LONGEST_SENTENCE);
                    prop_assert_eq!(found.phrase.language, *language);
                }
            }
        }

        #[test]
        fn a_phrase_is_found_wherever_it_stands_in_any_case_and_with_any_break(
            index in 0..PHRASES.len(), before in "[a-z ]{0,600}", after in "[a-z ]{0,600}", upper in any::<bool>(), gap in "[ \\t]{1,3}|\n|\r\n"
        ) {
            let phrase = &PHRASES[index];
            let plain = phrase.words.replace('*', "").replace(' ', &gap);
            let plain = if upper { plain.to_uppercase() } else { plain };
            let text = format!("{before} {plain} {after}");
            let found = find(&text, phrase.language);
            prop_assert_eq!(found.len(), 1);
            prop_assert!(found[0].sentence.chars().count() <= LONGEST_SENTENCE);
        }

        #[test]
        fn the_sentence_holds_the_phrase_it_names(index in 0..PHRASES.len(), before in "[a-zé ]{0,900}", after in "[a-zé ]{0,900}") {
            let phrase = &PHRASES[index];
            let text = format!("{before} {} {after}", phrase.words.replace('*', ""));
            for found in find(&text, phrase.language) {
                let wanted: Vec<&str> = found.phrase.words.split(' ').collect();
                prop_assert!(place(&words_of(&found.sentence), &wanted).is_some(), "{}", found.sentence);
            }
        }
    }
}
