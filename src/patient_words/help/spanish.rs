//! Help lines in Spanish, as it is written in the United States.

use super::{HelpLine, HelpLines, HelpSaid, Open, chat_link, harmless, in_brackets, link};
use super::{strong_link, tail};
use crate::domain::language::Language;

/// What Spanish says of these lines.
pub fn said(lines: &HelpLines) -> HelpSaid {
    let emergency = &lines.emergency;
    let feet: Vec<String> = lines.all().map(foot).collect();
    HelpSaid {
        foot: format!(
            "<strong>¿Necesita ayuda ahora?</strong> {} ¿Está en peligro? Llame al {}.",
            feet.join(" "),
            link("tel", emergency)
        ),
        ways: lines.all().flat_map(ways).collect(),
        emergency: strong_link(
            &format!("tel:{}", emergency.dial),
            &format!("Llame al {}", emergency.shown),
        ) + " O vaya a la sala de emergencias más cercana si está en peligro ahora mismo.",
        now: format!(
            "Si necesita ayuda ahora, {}{}.",
            reach(&lines.first),
            in_brackets(&lines.first)
        ),
        danger: format!(
            "Si está en peligro ahora mismo, llame al {}.",
            emergency.shown
        ),
        by_text: format!(
            "Ayuda ya: {}. En peligro: llame al {}.",
            by_phone(&lines.first),
            emergency.shown
        ),
        number: lines.first.call.dial.clone(),
    }
}

/// `llame al 988 y oprima 2`
fn by_phone(line: &HelpLine) -> String {
    let press = line
        .spanish_press
        .map_or_else(String::new, |key| format!(" y oprima {key}"));
    format!("llame al {}{press}", line.call.shown)
}

/// `llame al 988 y oprima 2, o envíe la palabra AYUDA por mensaje de texto al 988`
fn reach(line: &HelpLine) -> String {
    let text = line.text.as_ref().map_or_else(String::new, |text| {
        let number = &text.number.shown;
        match text.word(Language::Spanish) {
            Some(word) => {
                format!(", o envíe la palabra {word} por mensaje de texto al {number}")
            }
            None => format!(", o envíe un mensaje de texto al {number}"),
        }
    });
    by_phone(line) + &text
}

fn foot(line: &HelpLine) -> String {
    let named = match line.name.as_str() {
        "" => "Llame al ".to_owned(),
        name => format!("{}: llame al ", harmless(name)),
    };
    let press = line
        .spanish_press
        .map_or_else(String::new, |key| format!(" y oprima {key}"));
    let text = line.text.as_ref().map_or_else(String::new, |text| {
        let number = link("sms", &text.number);
        match text.word(Language::Spanish) {
            Some(word) => {
                format!(", o envíe la palabra {word} por mensaje de texto al {number}")
            }
            None => format!(", o envíe un mensaje de texto al {number}"),
        }
    });
    let open = match open(line) {
        "" => String::new(),
        said => format!(" {said}"),
    };
    format!("{named}{}{press}{text}.{open}", link("tel", &line.call))
}

fn open(line: &HelpLine) -> &'static str {
    match line.open {
        Open::FreeDayAndNight => "Es gratis, de día y de noche.",
        Open::NotSaid => "",
    }
}

fn ways(line: &HelpLine) -> Vec<String> {
    let name = harmless(&line.name);
    let mut ways = vec![call(line, &name)];
    if let Some(text) = &line.text {
        let number = &text.number.shown;
        let (said, after) = match text.word(Language::Spanish) {
            Some(word) => (
                format!("Envíe {word} al {number}"),
                "Es un mensaje de texto.",
            ),
            None => (format!("Envíe un mensaje de texto al {number}"), ""),
        };
        let veterans = line.veterans.as_ref().map_or_else(String::new, |known| {
            format!(
                "Los veteranos pueden escribir al {}",
                link("sms", &known.text)
            )
        });
        ways.push(
            strong_link(&format!("sms:{}", text.number.dial), &said)
                + &tail(&[name.clone(), after.to_owned(), veterans]),
        );
    }
    if let Some(chat) = &line.chat {
        ways.push(chat_link(chat, &format!("Chatee en {}", chat.host)) + &tail(&[name]));
    }
    ways
}

fn call(line: &HelpLine, name: &str) -> String {
    let said = format!("Llame al {}", line.call.shown);
    let spanish = line.spanish_press.map_or_else(String::new, |key| {
        format!("Oprima {key} para hablar en español.")
    });
    let veterans = line.veterans.as_ref().map_or_else(String::new, |known| {
        format!("Si es veterano o veterana, oprima {}.", known.press)
    });
    let rest = [name.to_owned(), spanish, open(line).to_owned(), veterans];
    strong_link(&format!("tel:{}", line.call.dial), &said) + &tail(&rest)
}
