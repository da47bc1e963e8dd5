//! Checks the bands and cut-offs of a scale.

use super::{check_distinct, check_id, check_source};
use crate::domain::instrument::faults::Faults;
use crate::domain::instrument::file::{BandFile, BandingFile, CutOffFile, ScaleFile};
use crate::domain::instrument::{Band, Banding, CutOff, Limit, PUBLISHED, ROUNDING, Whom};

pub(super) fn bandings(file: &ScaleFile, faults: &mut Faults<'_>) -> Vec<Banding> {
    let step = step(file, faults);
    if let (Some(_), Some(banding)) = (file.bands.first(), file.bandings.first()) {
        faults.at(
            banding.id.span(),
            "a scale has either bands, its one usual scheme, or several bandings",
        );
    }
    let direct = file.bands.first().map(|first| {
        let source = file.bands_source.clone().unwrap_or_default();
        check_source(first.id.span(), "bands_source", &source, faults);
        Banding {
            id: PUBLISHED.to_owned(),
            whom: Whom::default(),
            source,
            bands: bands(file, &file.bands, step, faults),
        }
    });
    check_distinct(
        "banding",
        file.bandings.iter().map(|banding| &banding.id),
        faults,
    );
    let mut all: Vec<_> = direct.into_iter().collect();
    for banding in &file.bandings {
        all.push(build(file, banding, step, faults));
    }
    all
}

fn build(file: &ScaleFile, banding: &BandingFile, step: f64, faults: &mut Faults<'_>) -> Banding {
    check_id("banding", &banding.id, faults);
    check_source(banding.id.span(), "source", &banding.source, faults);
    if banding.bands.is_empty() {
        faults.at(banding.id.span(), "a banding needs its bands");
    }
    let whom = Whom {
        sex: banding.sex,
        age_from: banding.age_from,
        age_to: banding.age_to,
    };
    check_ages(&banding.id, whom, faults);
    Banding {
        id: banding.id.get_ref().clone(),
        whom,
        source: banding.source.clone(),
        bands: bands(file, &banding.bands, step, faults),
    }
}

fn check_ages(place: &toml::Spanned<String>, whom: Whom, faults: &mut Faults<'_>) {
    if let (Some(from), Some(to)) = (whom.age_from, whom.age_to)
        && from > to
    {
        faults.at(
            place.span(),
            format!("ages go from {from} down to {to}; nobody is that old"),
        );
    }
}

fn step(file: &ScaleFile, faults: &mut Faults<'_>) -> f64 {
    let Some(step) = &file.band_step else {
        return 1.0;
    };
    if !(step.get_ref().is_finite() && *step.get_ref() > 0.0) {
        faults.at(step.span(), "band_step must be a number above 0");
    }
    *step.get_ref()
}

fn bands(file: &ScaleFile, bands: &[BandFile], step: f64, faults: &mut Faults<'_>) -> Vec<Band> {
    check_distinct("band", bands.iter().map(|band| &band.id), faults);
    if let Some(ends) = file.ends() {
        check_cover(ends, bands, step, faults);
    }
    let built = bands.iter().map(|band| Band {
        id: band.id.get_ref().clone(),
        from: band.from,
        to: band.to,
    });
    built.collect()
}

/// Every score has one band, and only one.
fn check_cover(
    [lowest, highest]: [f64; 2],
    bands: &[BandFile],
    step: f64,
    faults: &mut Faults<'_>,
) {
    let ends = [
        bands.first().map(|band| (band, band.from, lowest)),
        bands.last().map(|band| (band, band.to, highest)),
    ];
    for (band, seen, wanted) in ends.into_iter().flatten() {
        if (seen - wanted).abs() > ROUNDING {
            let what = format!(
                "band {:?} ends the scale at {seen}, but the range ends at {wanted}",
                band.id.get_ref()
            );
            faults.at(band.id.span(), what);
        }
    }
    for pair in bands.windows(2) {
        if let [before, after] = pair {
            check_neighbours(before, after, step, faults);
        }
    }
    for band in bands.iter().filter(|band| band.from > band.to) {
        faults.at(
            band.id.span(),
            format!(
                "band {:?} goes from {} down to {}",
                band.id.get_ref(),
                band.from,
                band.to
            ),
        );
    }
}

fn check_neighbours(before: &BandFile, after: &BandFile, step: f64, faults: &mut Faults<'_>) {
    let (a, b) = (before.id.get_ref(), after.id.get_ref());
    // Without the rounding, 0.1 + 0.2 is asked for as 0.30000000000000004.
    let wanted = ((before.to + step) * 1e6).round() / 1e6;
    if after.from < wanted - ROUNDING {
        faults.at(
            after.id.span(),
            format!("bands {a:?} and {b:?} overlap: {b:?} must begin at {wanted}"),
        );
    } else if after.from > wanted + ROUNDING {
        faults.at(
            after.id.span(),
            format!("there is a gap between bands {a:?} and {b:?}: {b:?} must begin at {wanted}"),
        );
    }
}

pub(super) fn cut_offs(file: &ScaleFile, faults: &mut Faults<'_>) -> Vec<CutOff> {
    check_distinct(
        "cut-off",
        file.cut_offs.iter().map(|cut_off| &cut_off.id),
        faults,
    );
    file.cut_offs
        .iter()
        .map(|cut_off| build_cut_off(cut_off, file.ends(), faults))
        .collect()
}

fn check_limit(
    file: &CutOffFile,
    limit: Limit,
    [lowest, highest]: [f64; 2],
    faults: &mut Faults<'_>,
) {
    let tells_apart = match limit {
        Limit::AtLeast(points) => lowest < points && points <= highest,
        Limit::AtMost(points) => lowest <= points && points < highest,
    };
    if !tells_apart {
        let points = limit.points();
        faults.at(
            file.id.span(),
            format!(
                "a cut-off of {points} tells nobody apart on a scale from {lowest} to {highest}"
            ),
        );
    }
}

fn build_cut_off(file: &CutOffFile, ends: Option<[f64; 2]>, faults: &mut Faults<'_>) -> CutOff {
    check_id("cut-off", &file.id, faults);
    check_source(file.id.span(), "source", &file.source, faults);
    let limit = match (file.at_least, file.at_most) {
        (Some(points), None) => Limit::AtLeast(points),
        (None, Some(points)) => Limit::AtMost(points),
        _ => {
            faults.at(
                file.id.span(),
                "a cut-off has either at_least = n or at_most = n",
            );
            Limit::AtLeast(0.0)
        }
    };
    let said = file.at_least.is_some() != file.at_most.is_some();
    if let Some(ends) = ends.filter(|_| said) {
        check_limit(file, limit, ends, faults);
    }
    let whom = Whom {
        sex: file.sex,
        age_from: file.age_from,
        age_to: file.age_to,
    };
    check_ages(&file.id, whom, faults);
    CutOff {
        id: file.id.get_ref().clone(),
        limit,
        whom,
        source: file.source.clone(),
    }
}
