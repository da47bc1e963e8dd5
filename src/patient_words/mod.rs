//! Everything the program itself says to patients, on pages and in mails: one value of [`Words`] a language, so that a text that is missing in a
//! language does not compile. Not here: the words of questionnaires, which are their owners' and stand in `survey-defs/`, and what a site
//! writes itself.
//!
//! How our own words sound: a reading age of 9 to 11, second person, no blame; in Spanish "usted", as it is written in the United States. What
//! says "with markup" is put on the page as it stands here and never holds what a person wrote.

mod english;
pub mod help;
mod hours;
pub mod reading;
mod rules;
mod spanish;

use crate::domain::language::Language;
use crate::domain::schedule::policy::ReadingHours;
use crate::domain::submission::Counted;
use chrono::NaiveDateTime;
use help::{HelpLines, HelpSaid};
pub use rules::RulesWords;

/// All words of one language.
#[derive(Debug)]
pub struct Words {
    /// Which language this is.
    pub language: Language,
    /// A day: `Tuesday 3 March`.
    pub day: fn(NaiveDateTime) -> String,
    /// A moment: `Tuesday 3 March at 10:14 am`.
    pub moment: fn(NaiveDateTime) -> String,
    /// On every page.
    pub page: PageWords,
    /// Where to get help, in full.
    pub help: HelpWords,
    /// Who reads the answers and when.
    pub reading: ReadingWords,
    /// The first page.
    pub start: StartWords,
    /// One question.
    pub question: QuestionWords,
    /// All questions in a list.
    pub list: ListWords,
    /// All answers once more.
    pub review: ReviewWords,
    /// Help, at once after an answer that asks for it.
    pub support: SupportWords,
    /// The last page.
    pub end: EndWords,
    /// A note to answers that were sent.
    pub correction: CorrectionWords,
    /// Pages for what is not a question.
    pub notice: NoticeWords,
    /// The light second check.
    pub check: CheckWords,
    /// The waiting room's tablet.
    pub tablet: TabletWords,
    /// The page that stops reminders.
    pub stop: StopWords,
    /// The page on which answers a person looks at first.
    pub rules: RulesWords,
    /// The invitation.
    pub mail: MailWords,
    /// Text messages.
    pub text: TextWords,
}

/// On every page.
#[derive(Debug)]
pub struct PageWords {
    /// End of every title. Tells nothing to whoever looks over a shoulder.
    pub title: &'static str,
    /// Name of the links in the head.
    pub nav: &'static str,
    /// Link to the foot.
    pub help_now: &'static str,
    /// Before the title of a page that complains.
    pub error: &'static str,
    /// Link to the page before.
    pub back: &'static str,
    /// Above a question that nobody has translated into this language.
    pub english_only: &'static str,
    /// Before the first question, when that is so of some.
    pub some_english_only: &'static str,
    /// That a parent or caregiver answers, about the child.
    pub for_parent: &'static str,
    /// Before the first question, when that is so of some.
    pub some_for_parent: &'static str,
    /// Above the first question of a form that an answer has opened.
    pub more: &'static str,
    /// The same, where answers were carried over.
    pub more_carried: &'static str,
}

/// Where to get help.
#[derive(Debug)]
pub struct HelpWords {
    /// What is said of a country's lines.
    pub say: fn(&HelpLines) -> HelpSaid,
    /// The site's own line; its number as people read it follows.
    pub call_line: &'static str,
}

/// Who reads the answers. When, in the site's words, follows each.
#[derive(Debug)]
pub struct ReadingWords {
    /// "reads your answers …"
    pub answers: fn(&str) -> String,
    /// "reads them …"
    pub them: fn(&str) -> String,
    /// "reads it …"
    pub it: fn(&str) -> String,
    /// What every site promises until it writes something else.
    pub first_promise: &'static str,
    /// Before the site's words when they are in English on a page that is not; ends the sentence before.
    pub in_english: &'static str,
    /// The site's reading hours, as the end of "… reads your answers": `Monday to Friday, 9 am to 5 pm`; empty when there are none.
    pub week: fn(&ReadingHours) -> String,
    /// After them, when they are on another clock than the patient's: the name of that clock's city.
    pub clock_of: fn(&str) -> String,
    /// In which hours answers are read; a sentence.
    pub read_in: fn(&str) -> String,
    /// Before which moment nobody reads them; a sentence.
    pub nobody_before: fn(&str) -> String,
    /// Nobody reads them for long; a sentence.
    pub nobody_now: &'static str,
    /// Who reads while the clinician is away and nobody was named, at the beginning of a sentence.
    pub clinic: &'static str,
}

/// The first page.
#[derive(Debug)]
pub struct StartWords {
    /// Its heading.
    pub heading: &'static str,
    /// Which clinician at which clinic asks, and why.
    pub asks: fn(&str, &str) -> String,
    /// How many questions, how many minutes.
    pub length: fn(usize, usize) -> String,
    /// Nobody watches; with markup. What to do then follows.
    pub not_live: &'static str,
    /// That one may skip and stop, and until which day.
    pub may_stop: fn(&str) -> String,
    /// How many answers are saved.
    pub saved: fn(usize) -> String,
    /// Button: goes on.
    pub go_on: &'static str,
    /// Button: begins.
    pub start: &'static str,
    /// Button: the list.
    pub show_all: &'static str,
    /// Opens the next two.
    pub not_for_me: &'static str,
    /// What closing does.
    pub closing: &'static str,
    /// Button: closes the link.
    pub close: &'static str,
    /// Opens the next two.
    pub not_now: &'static str,
    /// What leaving this occasion out does.
    pub leaving_out: &'static str,
    /// Button: leaves it out.
    pub leave_out: &'static str,
    /// The heading, for somebody who answers about the patient.
    pub heading_about: &'static str,
    /// Who asks them, at which clinic, and why.
    pub asks_about: fn(&str, &str) -> String,
    /// That the answers are about somebody else, who is not named here.
    pub about_somebody: &'static str,
}

/// One question.
#[derive(Debug)]
pub struct QuestionWords {
    /// Which question of how many.
    pub step: fn(Counted, usize) -> String,
    /// Complaint: nothing is chosen.
    pub not_chosen: &'static str,
    /// Complaint: no number is written.
    pub not_written: &'static str,
    /// Complaint: what is written does not fit.
    pub unfit: &'static str,
    /// What to do.
    pub choose: &'static str,
    /// The same, where several answers may fit; also the hint above them.
    pub choose_all: &'static str,
    /// Label of a number's field, with its range.
    pub number: fn(i16, i16) -> String,
    /// What to write there instead.
    pub number_unfit: fn(i16, i16) -> String,
    /// Label of a field for words, with the most characters.
    pub own_words: fn(usize) -> String,
    /// That the words are so many characters too long.
    pub too_long: fn(usize) -> String,
    /// Above a field for words: nobody reads it at once; with markup. Where help is follows.
    pub nobody_reads: &'static str,
    /// At a question that was left out on purpose.
    pub declined: &'static str,
    /// Or what else.
    pub may_skip: &'static str,
    /// Button: saves.
    pub save: &'static str,
    /// Button: leaves the question out.
    pub skip: &'static str,
    /// Under the buttons.
    pub saved: &'static str,
}

/// All questions in a list.
#[derive(Debug)]
pub struct ListWords {
    /// Which list of how many.
    pub part: fn(usize, usize) -> String,
    /// The title when there is only one.
    pub title: &'static str,
    /// How many questions have no answer.
    pub gaps: fn(usize) -> String,
    /// How many answers do not fit.
    pub unfit: fn(usize) -> String,
    /// What to do.
    pub may_leave: &'static str,
    /// At such a question.
    pub no_answer_yet: &'static str,
    /// Button: hands in.
    pub send: &'static str,
    /// Button: hands in without so many answers.
    pub send_without: fn(usize) -> String,
    /// Button: goes on without so many answers.
    pub go_on_without: fn(usize) -> String,
}

/// All answers once more.
#[derive(Debug)]
pub struct ReviewWords {
    /// The title.
    pub title: &'static str,
    /// The heading.
    pub heading: &'static str,
    /// That nothing is sent yet, and how many questions have no answer.
    pub not_sent: fn(usize) -> String,
    /// At a question without an answer.
    pub no_answer: &'static str,
    /// Link back to a question.
    pub change: &'static str,
    /// Which answer it changes, for who hears the page.
    pub change_which: fn(Counted) -> String,
}

/// Help, at once after an answer that asks for it.
#[derive(Debug)]
pub struct SupportWords {
    /// The title.
    pub title: &'static str,
    /// The heading.
    pub heading: &'static str,
    /// Above the numbers.
    pub intro: &'static str,
    /// That nothing is lost.
    pub saved: &'static str,
    /// That nobody watches; with markup.
    pub not_live: &'static str,
    /// Link onwards.
    pub go_on: &'static str,
    /// Under it.
    pub may_stop: &'static str,
    /// That something was not kept, where the rest of the page says why: instead of what is saved and who reads it.
    pub not_kept: &'static str,
}

/// The last page.
#[derive(Debug)]
pub struct EndWords {
    /// The title.
    pub title: &'static str,
    /// The heading.
    pub heading: &'static str,
    /// Above the numbers, when an answer asks for help.
    pub help: &'static str,
    /// How many answers of how many came, and when.
    pub received: fn(usize, usize, &str) -> String,
    /// That nobody watches.
    pub not_live: &'static str,
    /// Before the clinic's number.
    pub other_questions: &'static str,
    /// What to do now.
    pub close: &'static str,
}

/// A note to answers that were sent.
#[derive(Debug)]
pub struct CorrectionWords {
    /// The link to it, and its heading.
    pub heading: &'static str,
    /// What becomes of it.
    pub what: &'static str,
    /// Button.
    pub send: &'static str,
    /// Until when.
    pub until: fn(&str) -> String,
    /// Complaint: the field is empty.
    pub nothing_written: &'static str,
    /// It was kept.
    pub kept: Said,
    /// The link to one more.
    pub another: &'static str,
    /// The time for it is over.
    pub too_late: Said,
    /// There are as many as there may be.
    pub too_many: Said,
}

/// A heading and what it means.
#[derive(Debug)]
pub struct Said {
    /// The heading.
    pub heading: &'static str,
    /// The sentences under it.
    pub text: &'static str,
}

/// Pages for what is not a question.
#[derive(Debug)]
pub struct NoticeWords {
    /// Title: the link takes nothing.
    pub closed_title: &'static str,
    /// Title: the link was closed just now.
    pub thanks_title: &'static str,
    /// Title: it may work the next time.
    pub again_title: &'static str,
    /// The link's time is over.
    pub expired: Said,
    /// The clinic withdrew it.
    pub revoked: Said,
    /// "Not this time" was said through it before.
    pub left_out: Said,
    /// "This is not for me" was said through it before.
    pub not_theirs: Said,
    /// The answers are sent.
    pub used: Said,
    /// Other answers came after these were sent, and change nothing.
    pub not_added: Said,
    /// The answers to this form are sent, and more questions are open.
    pub handed_in: Said,
    /// There is no such page.
    pub unknown: Said,
    /// "This is not for me" was pressed.
    pub not_for_me: Said,
    /// "Not this time" was pressed.
    pub not_now: Said,
    /// It is open on a tablet, or was.
    pub other_device: Said,
    /// Too many wrong years of birth.
    pub too_many_years: Said,
    /// The form could not be read.
    pub unreadable: Said,
    /// Another site's page sent the form.
    pub foreign: Said,
    /// Too many requests.
    pub too_many: Said,
    /// A fault on our side.
    pub fault: Said,
    /// The database has not answered in time: what came last may be kept, or not.
    pub slow: Said,
    /// The whole site is closed for a while; shown by the proxy in front of it.
    pub away: Said,
    /// Link back.
    pub back: &'static str,
}

/// The light second check.
#[derive(Debug)]
pub struct CheckWords {
    /// The heading.
    pub heading: &'static str,
    /// Why it is asked.
    pub why: &'static str,
    /// Label of the field.
    pub year: &'static str,
    /// Complaint: heading.
    pub wrong: &'static str,
    /// Complaint: what to do.
    pub wrong_advice: &'static str,
    /// Complaint: the browser keeps nothing.
    pub no_cookies: &'static str,
    /// What to do then.
    pub no_cookies_advice: &'static str,
    /// Button.
    pub go_on: &'static str,
}

/// The waiting room's tablet.
#[derive(Debug)]
pub struct TabletWords {
    /// The title and heading.
    pub heading: &'static str,
    /// What to do.
    pub advice: &'static str,
    /// Label of the field.
    pub code: &'static str,
    /// Button.
    pub open: &'static str,
    /// It was handed back.
    pub back: &'static str,
    /// Nobody touched it for a while.
    pub idle: &'static str,
    /// There is no such code.
    pub wrong: &'static str,
    /// The code opened a form already.
    pub used: &'static str,
    /// The code's minutes are over.
    pub old: &'static str,
    /// Too many codes were tried.
    pub too_many: &'static str,
    /// Nobody touched it for some minutes: a minute is left.
    pub still: Said,
    /// Link back to the questions.
    pub go_on: &'static str,
    /// On every page of a form on a tablet: what happens to it.
    pub finished: &'static str,
    /// Beside a field for words: the minutes count from when the page came, however much is written.
    pub save_writing: &'static str,
    /// Button beside that.
    pub hand_back: &'static str,
    /// That questions may be skipped and that one may stop: there is no link to come back with.
    pub may_stop: &'static str,
    /// After "This is not for me": there is no message to delete.
    pub not_for_me: Said,
}

/// The page that stops reminders, opened from a mail. No word in it may say what the care is about.
#[derive(Debug)]
pub struct StopWords {
    /// Before the button.
    pub ask: Said,
    /// The button.
    pub button: &'static str,
    /// Once they are stopped.
    pub done: Said,
    /// When the address is none of ours, or not any more.
    pub unknown: Said,
}

/// The invitation. No word in it may say what the care is about.
#[derive(Debug)]
pub struct MailWords {
    /// The clinic when its own name would tell, in the middle of a sentence.
    pub your_clinic: &'static str,
    /// From which clinic.
    pub subject: fn(&str) -> String,
    /// To whom, by first name; empty when it is not known.
    pub hello: fn(&str) -> String,
    /// Which clinic asks.
    pub asks: fn(&str) -> String,
    /// In a reminder, instead: that it still waits.
    pub still_open: fn(&str) -> String,
    /// In a reminder to somebody who has begun: what they answered is kept.
    pub kept: &'static str,
    /// Above the link.
    pub open: &'static str,
    /// To somebody who has begun: until which moment the link works.
    pub works_until: fn(&str) -> String,
    /// To somebody who has not: by which moment to begin, and how many hours there are from then on.
    pub begin_by: fn(&str, i64) -> String,
    /// That nobody reads replies. Where help is follows.
    pub not_for_emergencies: &'static str,
    /// What to do when it is not yours.
    pub not_yours: &'static str,
}

/// In text messages, in letters that every telephone shows: no accents but those of the GSM alphabet.
#[derive(Debug)]
pub struct TextWords {
    /// The clinic when its own name would tell or does not fit, in the middle of a sentence.
    pub your_clinic: &'static str,
    /// To whoever writes back: nobody reads it. Where help is follows. Without `<`, `>` or `&`.
    pub nobody_reads: &'static str,
    /// Which clinic asks, the link, how to stop, and a number for help.
    pub invitation: fn(&str, &str, &str) -> String,
    /// The same once more.
    pub reminder: fn(&str, &str, &str) -> String,
}

/// The words of a language.
pub fn words(language: Language) -> &'static Words {
    match language {
        Language::English => &english::WORDS,
        Language::Spanish => &spanish::WORDS,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> NaiveDateTime {
        NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M").unwrap()
    }

    #[test]
    fn every_language_is_its_own_and_names_the_button_that_a_mail_speaks_of() {
        for language in Language::ALL {
            let words = words(*language);
            assert_eq!(words.language, *language);
            let not_for_me = words.start.not_for_me;
            assert!(
                words.mail.not_yours.contains(not_for_me),
                "the button's name"
            );
        }
    }

    #[test]
    fn reading_hours_are_told_as_people_say_them() {
        let (english, spanish) = (words(Language::English), words(Language::Spanish));
        let at = |hour, minute| chrono::NaiveTime::from_hms_opt(hour, minute, 0).unwrap();
        let mut hours = ReadingHours::default();
        let said =
            |hours: &ReadingHours| [english, spanish].map(|words| (words.reading.week)(hours));
        assert_eq!(
            said(&hours),
            [
                "Monday to Friday, 9 am to 5 pm",
                "de lunes a viernes, de las 9 de la mañana a las 5 de la tarde"
            ]
        );
        hours.week[4] = Some((at(9, 30), at(13, 0)));
        hours.week[5] = hours.week[4];
        assert_eq!(
            said(&hours),
            [
                "Monday to Thursday, 9 am to 5 pm; Friday and Saturday, 9:30 am to 1 pm",
                "de lunes a jueves, de las 9 de la mañana a las 5 de la tarde; los viernes y los sábados, de las 9:30 de la mañana a la 1 de la tarde"
            ]
        );
        hours.week = [None; 7];
        assert_eq!(said(&hours), ["", ""]);
        hours.week = [Some((at(0, 0), at(12, 0))); 7];
        assert_eq!(
            said(&hours),
            [
                "every day, 12 am to 12 pm",
                "todos los días, de las 12 de la noche a las 12 del mediodía"
            ]
        );
        hours.week = [Some((at(0, 0), at(0, 0))); 7];
        let round_the_clock = ["every day, at any hour", "todos los días, a cualquier hora"];
        assert_eq!(said(&hours), round_the_clock);
        hours.week = [Some((at(0, 0), at(12, 0))); 7];
        hours.week[1] = None;
        hours.week[3] = None;
        assert_eq!(
            said(&hours)[0],
            "Monday, Wednesday and Friday to Sunday, 12 am to 12 pm"
        );
    }

    #[test]
    fn one_and_many_are_told_apart() {
        let (english, spanish) = (words(Language::English), words(Language::Spanish));
        assert_eq!((english.start.length)(1, 1), "1 question, about 1 minute.");
        assert_eq!(
            (spanish.start.length)(1, 1),
            "1 pregunta, alrededor de 1 minuto."
        );
        assert_eq!(
            (spanish.start.length)(10, 2),
            "10 preguntas, alrededor de 2 minutos."
        );
        assert_eq!(
            (spanish.start.saved)(1),
            "1 de sus respuestas está guardada."
        );
        assert_eq!(
            (spanish.start.saved)(4),
            "4 de sus respuestas están guardadas."
        );
        assert_eq!((spanish.list.gaps)(1), "Falta la respuesta a 1 pregunta");
        assert_eq!((spanish.list.gaps)(3), "Falta la respuesta a 3 preguntas");
        assert!((english.review.not_sent)(0).ends_with("not sent yet."));
        assert!((spanish.review.not_sent)(1).contains("Una pregunta no tiene"));
        assert!((spanish.review.not_sent)(2).contains("2 preguntas no tienen"));
        assert_eq!((spanish.list.send_without)(1), "Enviar sin esta respuesta");
    }

    #[test]
    fn days_and_hours_are_written_as_the_language_writes_them() {
        let (english, spanish) = (words(Language::English), words(Language::Spanish));
        let morning = at("2026-03-03 10:14");
        assert_eq!((english.moment)(morning), "Tuesday 3 March at 10:14 am");
        assert_eq!((spanish.day)(morning), "martes 3 de marzo");
        for (time, said) in [
            ("2026-03-03 10:14", "a las 10:14\u{a0}a.\u{a0}m."),
            ("2026-03-03 00:05", "a las 12:05\u{a0}a.\u{a0}m."),
            ("2026-03-03 13:00", "a la 1:00\u{a0}p.\u{a0}m."),
        ] {
            let moment = (spanish.moment)(at(time));
            assert_eq!(moment, format!("martes 3 de marzo {said}"));
        }
        let last = (spanish.day)(at("2026-12-27 00:00"));
        assert_eq!(last, "domingo 27 de diciembre");
    }
}
