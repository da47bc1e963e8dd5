//! Writes one line: instrument, version, scores, criteria, flags, problems. `docs/instruments/scoring.md` explains the keys.

use crate::domain::instrument::{Instrument, PUBLISHED, Scale};
use crate::domain::risk::rules::RiskHit;
use crate::domain::scoring::{Completion, Score, Scored, Verdict};
use serde::ser::{Serialize, SerializeMap, SerializeStruct, Serializer};
use std::io::{self, Write};

/// The sender's own name for a line: a text or a whole number. It comes back as it was.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct OwnId(serde_json::Value);

impl OwnId {
    /// `None` when it is neither a text nor a whole number: that is no name, and would not come back as it was.
    pub(super) fn from_json(value: serde_json::Value) -> Option<Self> {
        (value.is_string() || value.is_i64() || value.is_u64()).then_some(Self(value))
    }
}

/// Everything one line says.
pub(super) struct Answer<'a> {
    pub id: Option<&'a OwnId>,
    pub instrument: &'a Instrument,
    /// `None` = the line was refused; its scores are null.
    pub scored: Option<Scored<'a>>,
    pub hits: Vec<RiskHit<'a>>,
    pub problems: &'a [String],
}

/// The reason given for each score of a refused line.
const REFUSED: &str = "the line was refused, see problems";

pub(super) fn line(answer: &Answer<'_>, output: &mut impl Write) -> io::Result<()> {
    serde_json::to_writer(&mut *output, answer)?;
    output.write_all(b"\n")
}

impl Serialize for Answer<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut line = serializer.serialize_struct("Answer", 6 + usize::from(self.id.is_some()))?;
        if let Some(OwnId(id)) = self.id {
            line.serialize_field("id", id)?;
        }
        line.serialize_field("instrument", &self.instrument.id)?;
        line.serialize_field("version", &self.instrument.version)?;
        line.serialize_field("scores", &Scores(self))?;
        line.serialize_field("criteria", &Criteria(self))?;
        line.serialize_field("flags", &Flags(&self.hits))?;
        line.serialize_field("problems", &Problems(self))?;
        line.end()
    }
}

/// Scores by scale.
struct Scores<'a>(&'a Answer<'a>);

impl Serialize for Scores<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Answer {
            instrument, scored, ..
        } = self.0;
        let mut scores = serializer.serialize_map(Some(instrument.scales.len()))?;
        match scored {
            Some(scored) => scored
                .scores
                .iter()
                .try_for_each(|score| scores.serialize_entry(&score.scale.id, &One(score)))?,
            None => instrument
                .scales
                .iter()
                .try_for_each(|scale| scores.serialize_entry(&scale.id, &Refused(scale)))?,
        }
        scores.end()
    }
}

struct One<'a>(&'a Score<'a>);

impl Serialize for One<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let score = self.0;
        let prorated = matches!(score.completed_by, Completion::Prorated { .. });
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("value", &score.value.map(Number))?;
        map.serialize_entry("reason", &score.reason.as_ref().map(ToString::to_string))?;
        map.serialize_entry("band", &score.band.map(|band| &band.id))?;
        map.serialize_entry("answered", &score.answered)?;
        map.serialize_entry("items", &score.items)?;
        map.serialize_entry("not_asked", &score.not_asked)?;
        map.serialize_entry("prorated", &prorated)?;
        map.serialize_entry("cut_offs", &CutOffs(score))?;
        self.where_they_apply(&mut map)?;
        map.end()
    }
}

impl One<'_> {
    /// Keys that only some scales and some forms have.
    fn where_they_apply<M: SerializeMap>(&self, map: &mut M) -> Result<(), M::Error> {
        let score = self.0;
        if score.declined > 0 {
            map.serialize_entry("declined", &score.declined)?;
        }
        if let (Some(raw), Some(_)) = (score.raw, score.value) {
            map.serialize_entry("raw", &Number(raw))?;
        }
        if let Some(error) = score.standard_error {
            map.serialize_entry("standard_error", &Number(error))?;
        }
        if let Some(most) = score.out_of {
            map.serialize_entry("out_of", &Number(most))?;
        }
        if let (Some(banding), Some(_)) = (score.banding, score.band)
            && banding.id != PUBLISHED
        {
            map.serialize_entry("scheme", &banding.id)?;
        }
        if !score.other_bands.is_empty() {
            map.serialize_entry("other_bands", &OtherBands(score))?;
        }
        Ok(())
    }
}

/// What other schemes say that fit the person too: scheme to band.
struct OtherBands<'a>(&'a Score<'a>);

impl Serialize for OtherBands<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let others = self.0.other_bands.iter();
        serializer.collect_map(others.map(|(banding, band)| (&banding.id, &band.id)))
    }
}

/// The score of a line that was refused.
struct Refused<'a>(&'a Scale);

impl Serialize for Refused<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_struct("Score", 8)?;
        map.serialize_field("value", &None::<f64>)?;
        map.serialize_field("reason", REFUSED)?;
        map.serialize_field("band", &None::<&str>)?;
        map.serialize_field("answered", &0)?;
        map.serialize_field("items", &self.0.items.len())?;
        map.serialize_field("not_asked", &0)?;
        map.serialize_field("prorated", &false)?;
        map.serialize_field("cut_offs", &NoCutOffs(self.0))?;
        map.end()
    }
}

/// Whether each published threshold is reached; null without a score, and where it is not known to fit the person.
struct CutOffs<'a>(&'a Score<'a>);

impl Serialize for CutOffs<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let cut_offs = self.0.scale.cut_offs.iter();
        serializer.collect_map(cut_offs.map(|cut_off| (&cut_off.id, self.0.reaches(cut_off))))
    }
}

/// The published thresholds of a line that was refused.
struct NoCutOffs<'a>(&'a Scale);

impl Serialize for NoCutOffs<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let cut_offs = self.0.cut_offs.iter();
        serializer.collect_map(cut_offs.map(|cut_off| (&cut_off.id, None::<bool>)))
    }
}

/// A score: without a decimal point when it is whole.
struct Number(f64);

impl Serialize for Number {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.0.fract() == 0.0 && self.0.abs() < f64::from(i32::MAX) {
            serializer.serialize_i64(self.0 as i64)
        } else {
            serializer.serialize_f64(self.0)
        }
    }
}

/// Criteria by id: true, false, or null when a missing answer decides.
struct Criteria<'a>(&'a Answer<'a>);

impl Serialize for Criteria<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.0.scored {
            Some(scored) => {
                let judged = scored.criteria.iter();
                serializer.collect_map(
                    judged.map(|judged| (&judged.criterion.id, as_json(judged.verdict))),
                )
            }
            None => {
                let criteria = self.0.instrument.criteria.iter();
                serializer.collect_map(criteria.map(|criterion| (&criterion.id, None::<bool>)))
            }
        }
    }
}

fn as_json(verdict: Verdict) -> Option<bool> {
    match verdict {
        Verdict::Met => Some(true),
        Verdict::NotMet => Some(false),
        Verdict::Unknown => None,
    }
}

/// One object per risk rule that fired.
struct Flags<'a>(&'a [RiskHit<'a>]);

impl Serialize for Flags<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(Flag))
    }
}

struct Flag<'a>(&'a RiskHit<'a>);

impl Serialize for Flag<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let hit = self.0;
        let mut map = serializer.serialize_struct("Flag", 7)?;
        map.serialize_field("rule", &hit.rule.id)?;
        map.serialize_field("version", &hit.rule.version)?;
        map.serialize_field("tier", hit.tier().word())?;
        map.serialize_field("item", hit.item)?;
        map.serialize_field("value", &hit.value)?;
        map.serialize_field("grade", &hit.grade)?;
        map.serialize_field("source", &hit.rule.source)?;
        map.end()
    }
}

/// What is wrong with the line, then what is odd about the answers.
struct Problems<'a>(&'a Answer<'a>);

impl Serialize for Problems<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let odd = self
            .0
            .scored
            .iter()
            .flat_map(|scored| &scored.problems)
            .map(ToString::to_string);
        serializer.collect_seq(self.0.problems.iter().cloned().chain(odd))
    }
}
