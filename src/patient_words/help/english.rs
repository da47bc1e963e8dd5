//! Help lines in English.

use super::{HelpLine, HelpLines, HelpSaid, Open, chat_link, harmless, in_brackets, link};
use super::{strong_link, tail};
use crate::domain::language::Language;

/// What English says of these lines.
pub fn said(lines: &HelpLines) -> HelpSaid {
    let emergency = &lines.emergency;
    let feet: Vec<String> = lines.all().map(foot).collect();
    HelpSaid {
        foot: format!(
            "<strong>Need help now?</strong> {} In danger? Call {}.",
            feet.join(" "),
            link("tel", emergency)
        ),
        ways: lines.all().flat_map(ways).collect(),
        emergency: strong_link(
            &format!("tel:{}", emergency.dial),
            &format!("Call {}", emergency.shown),
        ) + " Or go to the nearest emergency department if you are in danger right now.",
        now: format!(
            "If you need help now, {}{}.",
            reach(&lines.first),
            in_brackets(&lines.first)
        ),
        danger: format!("In danger right now, call {}.", emergency.shown),
        by_text: format!(
            "Need help now: {}. In danger: call {}.",
            reach(&lines.first),
            emergency.shown
        ),
        number: lines.first.call.dial.clone(),
    }
}

/// `call or text 988`; `call 116 123 or text SHOUT to 85258`.
fn reach(line: &HelpLine) -> String {
    let call = &line.call.shown;
    match &line.text {
        None => format!("call {call}"),
        Some(text) => match text.word(Language::English) {
            Some(word) => format!("call {call} or text {word} to {}", text.number.shown),
            None if text.number == line.call => format!("call or text {call}"),
            None => format!("call {call} or text {}", text.number.shown),
        },
    }
}

fn foot(line: &HelpLine) -> String {
    let named = match line.name.as_str() {
        "" => "Call ".to_owned(),
        name => format!("{}: call ", harmless(name)),
    };
    let text = line.text.as_ref().map_or_else(String::new, |text| {
        let number = link("sms", &text.number);
        match text.word(Language::English) {
            Some(word) => format!(" or text {word} to {number}"),
            None => format!(" or text {number}"),
        }
    });
    format!("{named}{}{text}.{}", link("tel", &line.call), open(line))
}

fn open(line: &HelpLine) -> &'static str {
    match line.open {
        Open::FreeDayAndNight => " Free, day and night.",
        Open::NotSaid => "",
    }
}

fn ways(line: &HelpLine) -> Vec<String> {
    let name = harmless(&line.name);
    let mut ways = vec![call(line, &name)];
    if let Some(text) = &line.text {
        let number = &text.number.shown;
        let said = match text.word(Language::English) {
            Some(word) => format!("Text {word} to {number}"),
            None => format!("Text {number}"),
        };
        let veterans = line.veterans.as_ref().map_or_else(String::new, |known| {
            format!("Veterans can text {}", link("sms", &known.text))
        });
        let spanish = text
            .spanish_word
            .as_ref()
            .map_or_else(String::new, |word| format!("In Spanish: text {word}."));
        ways.push(
            strong_link(&format!("sms:{}", text.number.dial), &said)
                + &tail(&[name.clone(), spanish, veterans]),
        );
    }
    if let Some(chat) = &line.chat {
        ways.push(chat_link(chat, &format!("Chat at {}", chat.host)) + &tail(&[name]));
    }
    ways
}

fn call(line: &HelpLine, name: &str) -> String {
    let said = format!("Call {}", line.call.shown);
    let press = |who: &str, key: Option<char>| {
        key.map_or_else(String::new, |key| format!("{who}: press {key}."))
    };
    let rest = [
        name.to_owned(),
        open(line).trim().to_owned(),
        press("Spanish", line.spanish_press),
        press("Veterans", line.veterans.as_ref().map(|known| known.press)),
    ];
    strong_link(&format!("tel:{}", line.call.dial), &said) + &tail(&rest)
}
