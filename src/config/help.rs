//! The country of the site and where its patients find help: `ATTUNE_COUNTRY`, `ATTUNE_EMERGENCY_NUMBER`, `ATTUNE_CRISIS_LINES`. In the United
//! States 988 and 911 are known; anywhere else the site has to say, and the service does not start before it did.

use super::{BadSetting, Given, bad};
use crate::patient_words::help::{Chat, HelpLine, HelpLines, Number, Open, TextTo};

/// Where the lines are known to us.
const KNOWN: &str = "US";
/// The officially assigned codes of ISO 3166-1 alpha-2.
const COUNTRIES: &str = "AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT BV BW BY BZ CA CC CD CF CG \
    CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH ER ES ET FI FJ FK FM FO FR GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT \
    GU GW GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE JM JO JP KE KG KH KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME \
    MF MG MH MK ML MM MN MO MP MQ MR MS MT MU MV MW MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW PY QA RE RO \
    RS RU RW SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF TG TH TJ TK TL TM TN TO TR TT TV TW TZ UA UG UM US UY UZ VA VC VE \
    VG VI VN VU WF WS YE YT ZA ZM ZW";
/// The most lines that find room at the foot of a page.
const LINES_MOST: usize = 4;
/// The longest name of a line, in characters.
const NAME_MOST: usize = 60;
/// What a line may say of its hours and price.
const FREE: &str = "free day and night";

const EMERGENCY: &str = "EMERGENCY_NUMBER";
const LINES: &str = "CRISIS_LINES";
const EMERGENCY_WANTED: &str = "the number to call in immediate danger in your country, such as 112: patients see it on every page";
const LINES_WANTED: &str = "one to four crisis lines with a semicolon between them, each a name, a number to call and what else there is: \
    NAME | call 116 123 | text SHOUT to 85258 | chat https://example.org/chat | free day and night";

/// Where the site is, and where its patients find help.
#[derive(Debug, Clone)]
pub struct HelpSetting {
    /// ISO 3166-1 alpha-2.
    pub country: String,
    /// The lines; or the setting that is missing, without which the service does not start.
    pub lines: Result<HelpLines, BadSetting>,
}

impl Default for HelpSetting {
    fn default() -> Self {
        HelpSetting {
            country: KNOWN.to_owned(),
            lines: Ok(HelpLines::united_states()),
        }
    }
}

/// Reads the three settings.
pub(super) fn read(given: &Given) -> Result<HelpSetting, BadSetting> {
    let country = read_country(given.get("COUNTRY").unwrap_or(KNOWN))?;
    let emergency = given.get(EMERGENCY).map(read_emergency).transpose()?;
    let lines = given.get(LINES).map(read_lines).transpose()?;
    if country == KNOWN {
        for key in [EMERGENCY, LINES] {
            if let Some(seen) = given.get(key) {
                let wanted = "nothing while ATTUNE_COUNTRY is US, where 988 and 911 are shown; for another country set ATTUNE_COUNTRY; a clinic's own \
                    line is set on the page Administration";
                return Err(bad(key, seen, wanted));
            }
        }
        return Ok(HelpSetting::default());
    }
    Ok(HelpSetting {
        lines: put_together(emergency, lines, &country),
        country,
    })
}

fn put_together(
    emergency: Option<Number>,
    lines: Option<(HelpLine, Vec<HelpLine>)>,
    country: &str,
) -> Result<HelpLines, BadSetting> {
    let missing = |key: &str, wanted: &str| BadSetting {
        name: format!("ATTUNE_{key}"),
        seen: format!("nothing, with ATTUNE_COUNTRY {country:?}"),
        wanted: wanted.to_owned(),
    };
    let emergency = emergency.ok_or_else(|| missing(EMERGENCY, EMERGENCY_WANTED))?;
    let (first, others) = lines.ok_or_else(|| missing(LINES, LINES_WANTED))?;
    Ok(HelpLines {
        emergency,
        first,
        others,
    })
}

fn read_country(text: &str) -> Result<String, BadSetting> {
    let known = text.len() == 2 && COUNTRIES.split_whitespace().any(|code| code == text);
    let wanted = "the country's two capital letters of ISO 3166-1, such as US or GB";
    match known {
        true => Ok(text.to_owned()),
        false => Err(bad("COUNTRY", text, wanted)),
    }
}

fn read_emergency(text: &str) -> Result<Number, BadSetting> {
    Number::parse(text).ok_or_else(|| bad(EMERGENCY, text, EMERGENCY_WANTED))
}

fn read_lines(text: &str) -> Result<(HelpLine, Vec<HelpLine>), BadSetting> {
    let wanted = || bad(LINES, text, LINES_WANTED);
    let lines: Option<Vec<HelpLine>> = text
        .split(';')
        .filter(|line| !line.trim().is_empty())
        .map(read_line)
        .collect();
    let mut lines = lines.ok_or_else(wanted)?.into_iter();
    let first = lines.next().ok_or_else(wanted)?;
    let others: Vec<HelpLine> = lines.collect();
    match others.len() < LINES_MOST {
        true => Ok((first, others)),
        false => Err(wanted()),
    }
}

/// `Samaritans | call 116 123 | text SHOUT to 85258 | chat https://… | free day and night`
fn read_line(text: &str) -> Option<HelpLine> {
    let mut parts = text.split('|').map(str::trim);
    let name = parts.next().filter(|name| is_name(name))?.to_owned();
    let (mut call, mut text, mut chat, mut open) = (None, None, None, Open::NotSaid);
    for part in parts {
        match part.split_once(' ') {
            Some(("call", number)) if call.is_none() => call = Some(Number::parse(number)?),
            Some(("text", to)) if text.is_none() => text = Some(read_text_to(to)?),
            Some(("chat", address)) if chat.is_none() => chat = Some(Chat::parse(address)?),
            _ if part == FREE => open = Open::FreeDayAndNight,
            _ => return None,
        }
    }
    Some(HelpLine {
        name,
        call: call?,
        spanish_press: None,
        text,
        chat,
        open,
        veterans: None,
    })
}

fn is_name(name: &str) -> bool {
    !name.is_empty() && name.chars().count() <= NAME_MOST && !name.chars().any(char::is_control)
}

/// `85258`, or `SHOUT to 85258`.
fn read_text_to(text: &str) -> Option<TextTo> {
    let (word, number) = match text.trim().split_once(" to ") {
        Some((word, number)) => {
            let word = word.trim();
            let plain = (1..=20).contains(&word.len())
                && word.bytes().all(|byte| byte.is_ascii_alphanumeric());
            (Some(plain.then(|| word.to_owned())?), number)
        }
        None => (None, text),
    };
    Some(TextTo {
        number: Number::parse(number)?,
        word,
        spanish_word: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    const LINE: &str = "Samaritans | call 116 123 | text SHOUT to 85258 | chat https://chat.example.org/ | free day and night";

    fn read(pairs: &[(&str, &str)]) -> Result<HelpSetting, BadSetting> {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        Config::read(pairs.iter().map(owned)).map(|config| config.help)
    }

    #[test]
    fn without_a_setting_the_site_is_in_the_united_states() {
        let help = read(&[]).unwrap();
        assert_eq!(help.country, "US");
        assert_eq!(help.lines.unwrap(), HelpLines::united_states());
        assert_eq!(read(&[("ATTUNE_COUNTRY", "US")]).unwrap().country, "US");
    }

    #[test]
    fn elsewhere_a_site_names_its_own_lines_or_the_missing_setting_is_named() {
        let missing = |pairs: &[(&str, &str)]| read(pairs).unwrap().lines.unwrap_err();
        let none = missing(&[("ATTUNE_COUNTRY", "GB")]);
        assert_eq!(none.name, "ATTUNE_EMERGENCY_NUMBER");
        assert!(none.seen.contains("GB"), "{none}");
        let half = missing(&[("ATTUNE_COUNTRY", "GB"), ("ATTUNE_EMERGENCY_NUMBER", "999")]);
        assert_eq!(half.name, "ATTUNE_CRISIS_LINES");
        let other = missing(&[("ATTUNE_COUNTRY", "GB"), ("ATTUNE_CRISIS_LINES", LINE)]);
        assert_eq!(other.name, "ATTUNE_EMERGENCY_NUMBER");
        let whole = read(&[
            ("ATTUNE_COUNTRY", "GB"),
            ("ATTUNE_EMERGENCY_NUMBER", "999"),
            (
                "ATTUNE_CRISIS_LINES",
                &format!("{LINE}; Second | call 0800 000"),
            ),
        ]);
        let lines = whole.unwrap().lines.unwrap();
        assert_eq!(lines.emergency.dial, "999");
        assert_eq!(
            (lines.first.name.as_str(), lines.first.open),
            ("Samaritans", Open::FreeDayAndNight)
        );
        assert_eq!(lines.first.text.unwrap().word.as_deref(), Some("SHOUT"));
        assert_eq!(lines.others[0].call.dial, "0800000");
    }

    #[test]
    fn what_cannot_be_used_is_refused_with_its_name_and_what_is_wanted() {
        let too_many = "A | call 12;".repeat(5);
        for (name, value) in [
            ("ATTUNE_COUNTRY", "gb"),
            ("ATTUNE_COUNTRY", "XX"),
            ("ATTUNE_COUNTRY", "A "),
            ("ATTUNE_EMERGENCY_NUMBER", "nine"),
            ("ATTUNE_CRISIS_LINES", "Samaritans"),
            ("ATTUNE_CRISIS_LINES", "Samaritans | text 85258"),
            ("ATTUNE_CRISIS_LINES", "| call 116 123"),
            ("ATTUNE_CRISIS_LINES", "A | call 12 | call 13"),
            ("ATTUNE_CRISIS_LINES", "A | call 12 | chat http://a.b"),
            ("ATTUNE_CRISIS_LINES", "A | call 12 | fax 13"),
            ("ATTUNE_CRISIS_LINES", "A | call 12 | text a b to 13"),
            ("ATTUNE_CRISIS_LINES", &too_many),
        ] {
            let error = match name {
                "ATTUNE_COUNTRY" => read(&[(name, value)]),
                _ => read(&[("ATTUNE_COUNTRY", "GB"), (name, value)]),
            };
            let error = error.unwrap_err();
            assert_eq!(error.name, name, "{value}");
            assert!(!error.wanted.is_empty() && error.seen.contains(value));
        }
    }

    #[test]
    fn in_the_united_states_other_lines_are_refused_and_not_dropped() {
        for (name, value) in [
            ("ATTUNE_EMERGENCY_NUMBER", "112"),
            ("ATTUNE_CRISIS_LINES", LINE),
        ] {
            let error = read(&[(name, value)]).unwrap_err();
            assert_eq!(error.name, name);
            assert!(error.wanted.contains("ATTUNE_COUNTRY"), "{error}");
        }
    }

    #[test]
    fn every_country_stands_in_the_list_once() {
        let all: Vec<&str> = COUNTRIES.split_whitespace().collect();
        let once: std::collections::BTreeSet<&&str> = all.iter().collect();
        assert_eq!((all.len(), once.len()), (249, 249));
    }
}
