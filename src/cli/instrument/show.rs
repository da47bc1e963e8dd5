//! How `attune instrument list` and `show` lay out what `domain::description` says.

use crate::domain::description::{
    Description, Group, RuleWords, ScaleWords, class_letter, describe,
};
use crate::domain::instrument::{ENGLISH, Instrument, Library};
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
        class_letter(instrument.licence.class),
        texts.name
    )
}

/// The whole instrument.
pub(super) fn page(library: &Library, instrument: &Instrument) -> String {
    let mut page = String::new();
    // Writing into a string cannot fail.
    let _ = write_page(&mut page, &describe(library, instrument));
    page
}

fn write_page(page: &mut String, known: &Description<'_>) -> std::fmt::Result {
    writeln!(page, "{} ({})", known.name, known.short_name)?;
    writeln!(
        page,
        "{}. {}. {} items",
        known.kind, known.respondent, known.items
    )?;
    writeln!(page, "{} version {}", known.id, known.version)?;
    for version in &known.versions {
        writeln!(
            page,
            "  version {}: sha256 {}",
            version.version, version.fingerprint
        )?;
    }
    writeln!(page, "\n{}", known.credit)?;
    write_licence(page, known)?;
    write_items(page, known)?;
    for scale in &known.scales {
        write_scale(page, scale)?;
    }
    write_rules(page, "Criteria", &known.criteria)?;
    write_rules(page, "Answers a person must see", &known.risk_rules)?;
    writeln!(page, "\nSources")?;
    for source in &known.sources {
        writeln!(page, "  {source}")?;
    }
    for one in &known.translations {
        writeln!(
            page,
            "  {}: {}; {}",
            one.language, one.translator, one.status
        )?;
    }
    Ok(())
}

fn write_licence(page: &mut String, known: &Description<'_>) -> std::fmt::Result {
    let licence = &known.licence;
    writeln!(
        page,
        "Licence: class {}. {}",
        licence.class, licence.meaning
    )?;
    writeln!(
        page,
        "  Owner: {}. {} Source: {} ({})",
        licence.owner, licence.terms, licence.source, licence.checked_on
    )?;
    match licence.permission {
        Some(permission) => writeln!(
            page,
            "  Permission: {}, {}, granted on {}",
            permission.holder, permission.reference, permission.granted_on
        ),
        None => Ok(()),
    }
}

fn write_items(page: &mut String, known: &Description<'_>) -> std::fmt::Result {
    if known.wordings.is_empty() {
        writeln!(page, "\nItems (the wording is the clinic's to supply)")?;
        return write_groups(page, &known.unworded);
    }
    for wording in &known.wordings {
        writeln!(page, "\nItems ({})", wording.language)?;
        if let Some(instruction) = wording.instruction {
            writeln!(page, "  {}", instruction.replace('\n', "\n  "))?;
        }
        write_groups(page, &wording.groups)?;
    }
    Ok(())
}

fn write_groups(page: &mut String, groups: &[Group<'_>]) -> std::fmt::Result {
    for group in groups {
        if let Some(stem) = group.stem {
            writeln!(page, "  {}", stem.replace('\n', "\n  "))?;
        }
        for item in &group.items {
            writeln!(page, "  {:>4}  {}", item.id, item.text)?;
            if let Some(asked) = &item.asked {
                writeln!(page, "        asked when {asked}")?;
            }
        }
        let options: Vec<_> = group
            .options
            .iter()
            .map(|(value, words)| format!("{value} {words}").trim_end().to_owned())
            .collect();
        let colon = if options.is_empty() { "" } else { ": " };
        writeln!(
            page,
            "        {}{colon}{}",
            group.answered,
            options.join(" | ")
        )?;
    }
    Ok(())
}

fn write_scale(page: &mut String, scale: &ScaleWords<'_>) -> std::fmt::Result {
    writeln!(page, "\n{} ({}), {}", scale.name, scale.id, scale.range)?;
    for sentence in &scale.scoring {
        writeln!(page, "  {sentence}")?;
    }
    writeln!(page, "  {} Source: {}", scale.missing, scale.missing_source)?;
    for banding in &scale.bandings {
        let name = banding
            .name
            .map_or_else(String::new, |name| format!(" {name}"));
        let whom = for_whom(banding.whom.as_deref());
        writeln!(page, "  Bands{name}{whom}. Source: {}", banding.source)?;
        for band in &banding.bands {
            writeln!(page, "    {}: {}", band.range, band.name)?;
        }
    }
    for cut_off in &scale.cut_offs {
        let whom = for_whom(cut_off.whom.as_deref());
        writeln!(
            page,
            "  Cut-off {}{whom}: {}. Source: {}",
            cut_off.limit, cut_off.name, cut_off.source
        )?;
    }
    if scale.change.is_empty() {
        writeln!(page, "  Change: nothing stated")?;
    }
    for sentence in &scale.change {
        writeln!(page, "  {sentence}")?;
    }
    Ok(())
}

fn for_whom(whom: Option<&str>) -> String {
    whom.map_or_else(String::new, |whom| format!(" for {whom}"))
}

fn write_rules(page: &mut String, title: &str, rules: &[RuleWords<'_>]) -> std::fmt::Result {
    if rules.is_empty() {
        return Ok(());
    }
    writeln!(page, "\n{title}")?;
    for rule in rules {
        let tier = rule
            .tier
            .map_or_else(String::new, |tier| format!(", {tier}"));
        writeln!(
            page,
            "  {} ({}{tier}): {}. Source: {}",
            rule.name, rule.id, rule.asks, rule.source
        )?;
    }
    Ok(())
}
