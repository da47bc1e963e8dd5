//! What `attune instrument list` and `show` print: a definition in words, with the source of everything.

use crate::domain::change::{Basis, ChangeParameters};
use crate::domain::instrument::{
    AnsweredBy, AskedWhen, Banding, Blank, CutOff, ENGLISH, Instrument, Item, Library,
    LicenceClass, Method, MissingRule, NotAsked, Rounding, Scale, ScaleTexts, Texts, Wanted,
};
use std::fmt::Write as _;

/// One line of the list.
pub(super) fn line(instrument: &Instrument) -> String {
    let texts = instrument.texts_or_english(ENGLISH);
    let languages: Vec<_> = instrument.languages().collect();
    format!(
        "{:<20} {:>3}  {:<13} {:<8} {}  {}",
        instrument.id,
        instrument.version,
        instrument.kind.word(),
        if languages.is_empty() {
            "no text".to_owned()
        } else {
            languages.join(",")
        },
        class(instrument.licence.class),
        texts.name
    )
}

fn class(class: LicenceClass) -> &'static str {
    match class {
        LicenceClass::A => "A",
        LicenceClass::B => "B",
        LicenceClass::C => "C",
    }
}

/// The whole instrument.
pub(super) fn page(library: &Library, instrument: &Instrument) -> String {
    let mut page = String::new();
    // Writing into a string cannot fail.
    let _ = write_page(&mut page, library, instrument);
    page
}

fn write_page(page: &mut String, library: &Library, instrument: &Instrument) -> std::fmt::Result {
    let texts = instrument.texts_or_english(ENGLISH);
    let versions: Vec<_> = library
        .iter()
        .filter(|known| known.id == instrument.id)
        .map(|known| known.version.as_str())
        .collect();
    writeln!(page, "{} ({})", texts.name, texts.short_name)?;
    writeln!(
        page,
        "{} version {} (versions: {}), {}, answered by the {}",
        instrument.id,
        instrument.version,
        versions.join(", "),
        instrument.kind.word(),
        instrument.respondent.word()
    )?;
    writeln!(page, "sha256 {}", instrument.fingerprint)?;
    writeln!(page, "\n{}", texts.credit)?;
    write_licence(page, instrument)?;
    write_items(page, instrument, texts)?;
    for (scale, words) in instrument.scales.iter().zip(&texts.scales) {
        write_scale(page, instrument, scale, words)?;
    }
    write_rules(page, instrument, texts)?;
    writeln!(page, "\nSources")?;
    for source in &instrument.sources {
        writeln!(page, "  {source}")?;
    }
    for language in instrument.languages() {
        if let Some(translation) = instrument
            .texts(language)
            .and_then(|texts| texts.translation.as_ref())
        {
            writeln!(
                page,
                "  {language}: {}; {}",
                translation.translator, translation.status
            )?;
        }
    }
    Ok(())
}

fn write_licence(page: &mut String, instrument: &Instrument) -> std::fmt::Result {
    let licence = &instrument.licence;
    writeln!(
        page,
        "Licence: class {}, {}. {} Source: {} ({})",
        class(licence.class),
        licence.owner,
        licence.terms,
        licence.source,
        licence.checked_on
    )?;
    let permission = instrument
        .texts(ENGLISH)
        .and_then(|texts| texts.permission.as_ref());
    if let Some(permission) = permission {
        writeln!(
            page,
            "Permission: {}, {}, granted on {}",
            permission.holder, permission.reference, permission.granted_on
        )?;
    }
    Ok(())
}

fn write_items(page: &mut String, instrument: &Instrument, texts: &Texts) -> std::fmt::Result {
    writeln!(page, "\nItems")?;
    if texts.items.is_empty() {
        writeln!(page, "  (the wording is the clinic's to supply)")?;
    }
    let mut stem = None;
    for (position, item) in instrument.items.iter().enumerate() {
        let words = texts.items.get(position);
        let own = words.and_then(|words| words.stem.as_ref());
        if own != stem {
            stem = own;
            if let Some(stem) = stem {
                writeln!(page, "  {}", stem.replace('\n', "\n  "))?;
            }
        }
        let text = words.map_or("", |words| words.text.as_str());
        writeln!(page, "  {:>4}  {text}", item.id)?;
        let options = words.map_or(&[][..], |words| &words.options);
        writeln!(page, "        {}", answered(item, options))?;
        if let Some(gate) = &item.asked_when {
            writeln!(page, "        asked when {}", gate_words(instrument, gate))?;
        }
    }
    Ok(())
}

fn answered(item: &Item, words: &[String]) -> String {
    let options: Vec<_> = item
        .options
        .iter()
        .enumerate()
        .map(|(at, option)| match words.get(at) {
            Some(words) => format!("{} {words}", option.value),
            None => option.value.to_string(),
        })
        .collect();
    match item.answered_by {
        AnsweredBy::One => options.join(" | "),
        AnsweredBy::Several => format!("all that apply: {}", options.join(" | ")),
        AnsweredBy::Number { from, to } => format!("a whole number from {from} to {to}"),
        AnsweredBy::Words => "words".to_owned(),
    }
}

fn wanted_words(wanted: &Wanted) -> String {
    match wanted {
        Wanted::From(from) => format!("{from} or more"),
        Wanted::Between(from, to) => format!("{from} to {to}"),
        Wanted::Any(values) => {
            let values: Vec<_> = values.iter().map(ToString::to_string).collect();
            values.join(" or ")
        }
    }
}

fn gate_words(instrument: &Instrument, gate: &AskedWhen) -> String {
    let joined = |parts: &[AskedWhen], word: &str| {
        let parts: Vec<_> = parts
            .iter()
            .map(|part| gate_words(instrument, part))
            .collect();
        format!("({})", parts.join(word))
    };
    match gate {
        AskedWhen::Answer { item, wanted } => {
            let id = instrument.items.get(*item).map_or("?", |item| &item.id);
            format!("item {id} is {}", wanted_words(wanted))
        }
        AskedWhen::All(parts) => joined(parts, " and "),
        AskedWhen::Any(parts) => joined(parts, " or "),
    }
}

fn write_scale(
    page: &mut String,
    instrument: &Instrument,
    scale: &Scale,
    words: &ScaleTexts,
) -> std::fmt::Result {
    writeln!(
        page,
        "\n{} ({}), {} to {}",
        words.name, scale.id, scale.lowest, scale.highest
    )?;
    writeln!(page, "  {}", method_words(instrument, scale))?;
    writeln!(page, "  {}", missing_words(scale.missing))?;
    if let Some(lookup) = &scale.lookup {
        writeln!(
            page,
            "  The score is looked up in a table of {} rows. Source: {}",
            lookup.rows.len(),
            lookup.source
        )?;
    }
    for (banding, names) in scale.bandings.iter().zip(&words.bandings) {
        write_banding(page, banding, names.name.as_deref(), &names.bands)?;
    }
    for (cut_off, name) in scale.cut_offs.iter().zip(&words.cut_offs) {
        write_cut_off(page, cut_off, name)?;
    }
    match &scale.change {
        Some(change) => write_change(page, change),
        None => writeln!(page, "  Change: nothing stated"),
    }
}

fn method_words(instrument: &Instrument, scale: &Scale) -> String {
    let id = |position: usize| instrument.items.get(position).map_or("?", |item| &item.id);
    let items: Vec<_> = scale
        .items
        .iter()
        .map(|item| match (item.reversed_within, item.blank) {
            (Some(_), _) => format!("{} reversed", id(item.position)),
            (None, Blank::Zero) => format!("{} if answered", id(item.position)),
            (None, Blank::Missing) => id(item.position).to_owned(),
        })
        .collect();
    let how = match &scale.method {
        Method::Sum => "Sum of items".to_owned(),
        Method::Mean => "Mean of items".to_owned(),
        Method::Highest => "Highest of items".to_owned(),
        Method::CountFrom(from) => format!("How many are {from} or more, of items"),
        Method::CountAny(values) => format!(
            "How many are {}, of items",
            wanted_words(&Wanted::Any(values.clone()))
        ),
        Method::Rules(rules) => format!("How many of {} rules hold, over items", rules.len()),
    };
    let times = if (scale.times - 1.0).abs() < f64::EPSILON {
        String::new()
    } else {
        format!(", times {}", scale.times)
    };
    let left_out = match scale.not_asked {
        NotAsked::Zero => "",
        NotAsked::LeftOut => "; items that are not asked leave the scale",
    };
    format!("{how} {}{times}{left_out}", items.join(", "))
}

fn missing_words(rule: MissingRule) -> String {
    match rule {
        MissingRule::Refuse => "No score when an answer is missing".to_owned(),
        MissingRule::BlankIsZero { at_most } => {
            format!("Up to {at_most} missing answers count as 0")
        }
        MissingRule::Prorate { at_most, rounding } => {
            let rounding = match rounding {
                Rounding::None => "not rounded",
                Rounding::Nearest => "rounded to the nearest, a half upwards",
                Rounding::Up => "rounded up",
                Rounding::Down => "rounded down",
            };
            format!("Up to {at_most} missing answers: the mean of the others, {rounding}")
        }
    }
}

fn write_banding(
    page: &mut String,
    banding: &Banding,
    name: Option<&str>,
    names: &[String],
) -> std::fmt::Result {
    let scheme = name.map_or_else(String::new, |name| format!(" {name} ({})", banding.id));
    let whom = if banding.whom.is_everybody() {
        String::new()
    } else {
        format!(" for {}", banding.whom)
    };
    writeln!(page, "  Bands{scheme}{whom}. Source: {}", banding.source)?;
    for (band, name) in banding.bands.iter().zip(names) {
        writeln!(page, "    {} to {}: {name}", band.from, band.to)?;
    }
    Ok(())
}

fn write_cut_off(page: &mut String, cut_off: &CutOff, name: &str) -> std::fmt::Result {
    let whom = if cut_off.whom.is_everybody() {
        String::new()
    } else {
        format!(" for {}", cut_off.whom)
    };
    writeln!(
        page,
        "  Cut-off {}{whom}: {name}. Source: {}",
        cut_off.limit, cut_off.source
    )
}

fn write_change(page: &mut String, change: &ChangeParameters) -> std::fmt::Result {
    let basis = Basis::stated(change);
    let stated = [
        Some(basis.reliable),
        basis.treatment_response,
        basis.remission,
    ];
    let all = stated
        .into_iter()
        .flatten()
        .chain(basis.alternatives)
        .chain(basis.important);
    for sentence in all {
        writeln!(page, "  {sentence}")?;
    }
    Ok(())
}

fn write_rules(page: &mut String, instrument: &Instrument, texts: &Texts) -> std::fmt::Result {
    if !instrument.criteria.is_empty() {
        writeln!(page, "\nCriteria")?;
    }
    for (criterion, name) in instrument.criteria.iter().zip(&texts.criteria) {
        writeln!(
            page,
            "  {name} ({}). Source: {}",
            criterion.id, criterion.source
        )?;
    }
    if !instrument.risk_rules.is_empty() {
        writeln!(page, "\nAnswers a person must see")?;
    }
    for (rule, name) in instrument.risk_rules.iter().zip(&texts.risk_rules) {
        let item = instrument.items.get(rule.item).map_or("?", |item| &item.id);
        writeln!(
            page,
            "  {name} ({}, {}): item {item} is {}. Source: {}",
            rule.id,
            rule.tier.word(),
            wanted_words(&rule.wanted),
            rule.source
        )?;
    }
    Ok(())
}
