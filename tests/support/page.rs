//! Reads what a program without eyes needs from a page: its forms with their fields, its links, its heading. A quick
//! scanner of our own pages, which are well-formed; not a parser of HTML at large.

use std::collections::BTreeMap;

/// A form as a browser without JavaScript would send it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Form {
    /// Where it goes; empty means the page's own address.
    pub action: String,
    /// In capitals, `GET` when the form does not say.
    pub method: String,
    pub fields: Vec<Field>,
}

/// One control of a form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    pub name: String,
    /// `hidden`, `radio`, `checkbox`, `text`, `submit`, `textarea`, `select` …
    pub kind: String,
    pub value: String,
    pub checked: Checked,
}

/// Whether a radio button or a box is chosen as the page arrives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Checked {
    Yes,
    No,
}

impl Form {
    /// What would be sent if nothing were touched: hidden and text fields, what is checked; no button.
    pub fn untouched(&self) -> Vec<(String, String)> {
        self.fields
            .iter()
            .filter(|field| match field.kind.as_str() {
                "submit" | "button" | "reset" => false,
                "radio" | "checkbox" => field.checked == Checked::Yes,
                _ => true,
            })
            .map(|field| (field.name.clone(), field.value.clone()))
            .collect()
    }

    /// The radio groups in the page's order, each with its values in order.
    pub fn choices(&self) -> Vec<(String, Vec<String>)> {
        let mut groups: Vec<(String, Vec<String>)> = Vec::new();
        for field in self.fields.iter().filter(|field| field.kind == "radio") {
            match groups.iter_mut().find(|(name, _)| *name == field.name) {
                Some((_, values)) => values.push(field.value.clone()),
                None => groups.push((field.name.clone(), vec![field.value.clone()])),
            }
        }
        groups
    }

    /// The named buttons, in the page's order.
    pub fn buttons(&self) -> impl Iterator<Item = &Field> {
        self.fields.iter().filter(|field| field.kind == "submit")
    }

    /// As [`Form::untouched`], with these fields set instead of whatever the page had for them.
    pub fn with(&self, set: &[(&str, &str)]) -> Vec<(String, String)> {
        let mut fields = self.untouched();
        fields.retain(|(name, _)| set.iter().all(|(changed, _)| changed != name));
        fields.extend(
            set.iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned())),
        );
        fields
    }
}

/// All forms of a page, in its order.
pub fn forms(html: &str) -> Vec<Form> {
    let mut found = Vec::new();
    let mut open: Option<Form> = None;
    let mut rest = html;
    while let Some((name, attributes, after)) = next_tag(rest) {
        rest = after;
        match name {
            "form" => open = Some(new_form(attributes)),
            "/form" => found.extend(open.take()),
            "input" | "button" | "textarea" | "select" => {
                if let Some(form) = &mut open {
                    form.fields.extend(field(name, attributes, rest));
                }
            }
            "option" => {
                if let Some(form) = &mut open {
                    choose_option(form, attributes);
                }
            }
            _ => {}
        }
    }
    found.extend(open);
    found
}

/// The first form that is sent to an address that contains this text.
pub fn form_to(html: &str, action_part: &str) -> Option<Form> {
    forms(html)
        .into_iter()
        .find(|form| form.action.contains(action_part))
}

/// The addresses of all links, in the page's order.
pub fn links(html: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut rest = html;
    while let Some((name, attributes, after)) = next_tag(rest) {
        rest = after;
        if name == "a" {
            found.extend(parse_attributes(attributes).remove("href"));
        }
    }
    found
}

/// The text of the first element of this name, without its inner tags.
pub fn text_of(html: &str, element: &str) -> Option<String> {
    let mut rest = html;
    while let Some((name, _, after)) = next_tag(rest) {
        if name == element {
            let end = after.find(&format!("</{element}")).unwrap_or(after.len());
            return Some(plain_text(&after[..end]));
        }
        rest = after;
    }
    None
}

/// The page's words: tags taken out, entities read, white space folded; scripts and styles left out.
pub fn plain_text(html: &str) -> String {
    let mut text = String::with_capacity(html.len() / 2);
    let mut rest = html;
    while let Some(at) = rest.find('<') {
        text.push_str(&rest[..at]);
        text.push(' ');
        let Some((name, _, after)) = next_tag(&rest[at..]) else {
            rest = "";
            break;
        };
        rest = after;
        if name == "script" || name == "style" {
            let end = rest.find(&format!("</{name}")).unwrap_or(rest.len());
            rest = &rest[end..];
        }
    }
    text.push_str(rest);
    let words: Vec<&str> = text.split_whitespace().collect();
    unescaped(&words.join(" "))
}

/// The next tag: its name (with `/` when it closes), the text of its attributes, and what follows.
fn next_tag(html: &str) -> Option<(&str, &str, &str)> {
    let start = html.find('<')? + 1;
    let inside = &html[start..];
    if let Some(comment) = inside.strip_prefix("!--") {
        let end = comment.find("-->").map_or(comment.len(), |at| at + 3);
        return Some(("!--", "", &comment[end..]));
    }
    let end = tag_end(inside)?;
    let tag = inside[..end].trim_end_matches('/');
    let name_end = tag
        .find(|character: char| character.is_ascii_whitespace())
        .unwrap_or(tag.len());
    Some((&tag[..name_end], &tag[name_end..], &inside[end + 1..]))
}

/// Where the tag ends: the first `>` outside quotes.
fn tag_end(inside: &str) -> Option<usize> {
    let mut quote = None;
    for (at, byte) in inside.bytes().enumerate() {
        match (quote, byte) {
            (None, b'>') => return Some(at),
            (None, b'"' | b'\'') => quote = Some(byte),
            (Some(open), _) if open == byte => quote = None,
            _ => {}
        }
    }
    None
}

fn parse_attributes(text: &str) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        let name_end = rest
            .find(|character: char| character == '=' || character.is_ascii_whitespace())
            .unwrap_or(rest.len());
        let name = rest[..name_end].to_ascii_lowercase();
        rest = rest[name_end..].trim_start();
        let value = match rest.strip_prefix('=') {
            Some(after) => {
                let (value, after) = attribute_value(after.trim_start());
                rest = after.trim_start();
                unescaped(value)
            }
            None => String::new(),
        };
        if !name.is_empty() {
            found.insert(name, value);
        } else if name_end == 0 {
            break;
        }
    }
    found
}

fn attribute_value(text: &str) -> (&str, &str) {
    for quote in ['"', '\''] {
        if let Some(quoted) = text.strip_prefix(quote) {
            return quoted.split_once(quote).unwrap_or((quoted, ""));
        }
    }
    let end = text
        .find(|character: char| character.is_ascii_whitespace())
        .unwrap_or(text.len());
    text.split_at(end)
}

fn new_form(attributes: &str) -> Form {
    let mut attributes = parse_attributes(attributes);
    Form {
        action: attributes.remove("action").unwrap_or_default(),
        method: attributes
            .remove("method")
            .unwrap_or_else(|| "GET".to_owned())
            .to_ascii_uppercase(),
        fields: Vec::new(),
    }
}

fn field(element: &str, attributes: &str, after: &str) -> Option<Field> {
    let mut attributes = parse_attributes(attributes);
    if attributes.contains_key("disabled") {
        return None;
    }
    let kind = match element {
        "input" => attributes
            .remove("type")
            .unwrap_or_else(|| "text".to_owned()),
        "button" => attributes
            .remove("type")
            .unwrap_or_else(|| "submit".to_owned()),
        other => other.to_owned(),
    };
    let value = match (element, attributes.remove("value")) {
        ("textarea", _) => unescaped(after.split("</textarea").next().unwrap_or_default()),
        (_, Some(value)) => value,
        (_, None) if kind == "radio" || kind == "checkbox" => "on".to_owned(),
        (_, None) => String::new(),
    };
    let checked = if attributes.contains_key("checked") {
        Checked::Yes
    } else {
        Checked::No
    };
    Some(Field {
        name: attributes.remove("name").filter(|name| !name.is_empty())?,
        kind,
        value,
        checked,
    })
}

/// A select's value is its first option's until a selected one comes.
fn choose_option(form: &mut Form, attributes: &str) {
    let mut attributes = parse_attributes(attributes);
    let Some(select) = form
        .fields
        .last_mut()
        .filter(|field| field.kind == "select")
    else {
        return;
    };
    let selected = attributes.contains_key("selected");
    if selected || select.checked == Checked::No {
        select.value = attributes.remove("value").unwrap_or_default();
        select.checked = Checked::Yes;
    }
}

/// Reads the entities that a template engine writes.
fn unescaped(text: &str) -> String {
    if !text.contains('&') {
        return text.to_owned();
    }
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        plain.push_str(&rest[..at]);
        rest = &rest[at..];
        let entity = rest.find(';').filter(|end| *end <= 10);
        match entity.and_then(|end| Some((character(&rest[1..end])?, end))) {
            Some((character, end)) => {
                plain.push(character);
                rest = &rest[end + 1..];
            }
            None => {
                plain.push('&');
                rest = &rest[1..];
            }
        }
    }
    plain.push_str(rest);
    plain
}

fn character(entity: &str) -> Option<char> {
    match entity {
        "amp" => Some('&'),
        "lt" => Some('<'),
        "gt" => Some('>'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        "nbsp" => Some('\u{a0}'),
        _ => {
            let number = entity.strip_prefix('#')?;
            let code = match number.strip_prefix(['x', 'X']) {
                Some(hex) => u32::from_str_radix(hex, 16).ok()?,
                None => number.parse().ok()?,
            };
            char::from_u32(code)
        }
    }
}
