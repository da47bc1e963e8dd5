//! The lists from which people choose a period, and how a period stands in an address.

use crate::app::site_days::SiteDays;
use crate::domain::evaluation::{Grid, Period};
use chrono::NaiveDate;

/// A choice in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice {
    /// How it stands in an address.
    pub value: String,
    /// As people read it.
    pub words: String,
    /// Whether it is the one that is shown.
    pub chosen: bool,
}

/// First and last day.
pub type Days = (NaiveDate, NaiveDate);

/// A period as an address says it: `2026-01-01..2026-03-31`.
pub fn span((from, to): Days) -> String {
    format!("{from}..{to}")
}

/// A period's two days.
pub fn days(period: Period) -> Days {
    (period.from(), period.to())
}

/// The site's own periods that are over, the newest first: eight quarters, or six years.
pub fn of_the_site(site: &SiteDays, chosen: Option<Days>) -> Vec<Choice> {
    let most = match site.grid {
        Grid::Quarters => 8,
        Grid::Years => 6,
    };
    let periods = site.grid.over(site.today).take(most);
    periods
        .map(|period| Choice {
            value: span(days(period)),
            words: site.grid.name(period),
            chosen: chosen == Some(days(period)),
        })
        .collect()
}

/// The sort of periods in words, for whoever can choose no other.
pub fn sort(grid: Grid) -> &'static str {
    match grid {
        Grid::Quarters => "whole quarters",
        Grid::Years => "whole calendar years",
    }
}
