//! The periods for accounts that may not see small numbers: one sort of whole calendar periods, of which no two overlap and none is a sum of others. Each report hides small
//! numbers by itself; a year less three of its quarters would show what the fourth one hides.

use super::Period;
use crate::domain::words::words;
use chrono::{Datelike, Days, Months, NaiveDate};

words! {
    /// Which periods a site shows to accounts that may not see small numbers.
    Grid {
        /// Each quarter of a year by itself.
        Quarters = "quarters",
        /// Each calendar year by itself.
        Years = "years",
    }
}

/// Why a period is not shown to somebody who may not see small numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooFine {
    /// What the site shows.
    pub grid: Grid,
    /// The newest of these that is over.
    pub newest: Period,
}

impl std::fmt::Display for TooFine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let whole = match self.grid {
            Grid::Quarters => "quarter",
            Grid::Years => "calendar year",
        };
        let (from, to) = (self.newest.from(), self.newest.to());
        write!(
            f,
            "choose one whole {whole} that is over, such as {from} to {to}; periods that overlap or add up to each other could show the small numbers that are hidden"
        )
    }
}

impl Period {
    /// The stretch of so many calendar months, counted from January, that a day lies in; 1 for months, 3 for quarters, 12 for years.
    #[must_use]
    pub fn of_months(months: u32, day: NaiveDate) -> Period {
        let into = (day.month0() % months.max(1)).min(11);
        // At the ends of the calendar time stands still rather than stopping the program.
        let from = day
            .with_day(1)
            .and_then(|first| first.checked_sub_months(Months::new(into)))
            .unwrap_or(day);
        let to = from
            .checked_add_months(Months::new(months.max(1)))
            .and_then(|next| next.pred_opt())
            .unwrap_or(NaiveDate::MAX);
        Period { from, to }
    }

    /// The last stretch of so many calendar months that is over on this day.
    #[must_use]
    pub fn last_of_months(months: u32, today: NaiveDate) -> Period {
        Period::of_months(months, today).one_before(months)
    }

    /// So many days, of which this is the last.
    #[must_use]
    pub fn ending(to: NaiveDate, days: u64) -> Period {
        let from = to.checked_sub_days(Days::new(days.saturating_sub(1)));
        let from = from.unwrap_or(to);
        Period { from, to }
    }

    fn one_before(self, months: u32) -> Period {
        Period::of_months(months, self.from.pred_opt().unwrap_or(self.from))
    }
}

impl Grid {
    fn months(self) -> u32 {
        match self {
            Grid::Quarters => 3,
            Grid::Years => 12,
        }
    }

    /// The periods that are over on this day, the newest first, without an end.
    pub fn over(self, today: NaiveDate) -> impl Iterator<Item = Period> {
        std::iter::successors(Some(self.newest(today)), move |later| {
            Some(later.one_before(self.months()))
        })
    }

    /// The newest period that is over on this day.
    #[must_use]
    pub fn newest(self, today: NaiveDate) -> Period {
        Period::last_of_months(self.months(), today)
    }

    /// Whether somebody who may not see small numbers is shown this period.
    ///
    /// # Errors
    /// [`TooFine`] unless it is exactly one of the grid's and over on this day.
    pub fn allows(self, period: Period, today: NaiveDate) -> Result<(), TooFine> {
        if period == Period::of_months(self.months(), period.from()) && period.to() < today {
            return Ok(());
        }
        Err(TooFine {
            grid: self,
            newest: self.newest(today),
        })
    }

    /// A period of the grid in words: `2026, quarter 3`, or `2026`.
    #[must_use]
    pub fn name(self, period: Period) -> String {
        let from = period.from();
        match self {
            Grid::Quarters => format!("{}, quarter {}", from.year(), from.month0() / 3 + 1),
            Grid::Years => from.year().to_string(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    fn period(from: &str, to: &str) -> Period {
        Period::new(day(from), day(to)).unwrap()
    }

    #[test]
    fn a_quarter_is_over_on_the_day_after_its_last() {
        let third = period("2026-07-01", "2026-09-30");
        assert!(Grid::Quarters.allows(third, day("2026-09-30")).is_err());
        assert_eq!(Grid::Quarters.allows(third, day("2026-10-01")), Ok(()));
        let year = period("2025-01-01", "2025-12-31");
        assert!(Grid::Years.allows(year, day("2025-12-31")).is_err());
        assert_eq!(Grid::Years.allows(year, day("2026-01-01")), Ok(()));
    }

    #[test]
    fn what_overlaps_or_adds_up_to_others_is_not_allowed_beside_them() {
        let today = day("2026-11-22");
        for (from, to) in [
            ("2025-01-01", "2025-12-31"),
            ("2026-01-01", "2026-06-30"),
            ("2025-10-01", "2026-03-31"),
            ("2026-01-01", "2026-03-30"),
            ("2026-01-02", "2026-03-31"),
            ("2026-02-01", "2026-04-30"),
            ("2026-10-01", "2026-12-31"),
        ] {
            let why = Grid::Quarters.allows(period(from, to), today).unwrap_err();
            assert!(
                why.to_string()
                    .contains("one whole quarter that is over, such as 2026-07-01 to 2026-09-30"),
                "{why}"
            );
        }
        for (from, to) in [
            ("2026-07-01", "2026-09-30"),
            ("2024-01-01", "2025-12-31"),
            ("2026-01-01", "2026-12-31"),
            ("2024-07-01", "2025-06-30"),
        ] {
            let why = Grid::Years.allows(period(from, to), today).unwrap_err();
            assert!(
                why.to_string().contains(
                    "one whole calendar year that is over, such as 2025-01-01 to 2025-12-31"
                ),
                "{why}"
            );
        }
    }

    #[test]
    fn no_two_periods_of_a_grid_share_a_day() {
        for grid in Grid::ALL {
            let shown: Vec<Period> = grid.over(day("2026-11-22")).take(40).collect();
            for pair in shown.windows(2) {
                assert_eq!(pair[1].to().succ_opt(), Some(pair[0].from()));
                assert_eq!(grid.allows(pair[1], day("2026-11-22")), Ok(()));
            }
        }
    }

    #[test]
    fn periods_have_names() {
        let today = day("2026-11-22");
        assert_eq!(
            Grid::Quarters.name(Grid::Quarters.newest(today)),
            "2026, quarter 3"
        );
        assert_eq!(Grid::Years.name(Grid::Years.newest(today)), "2025");
        assert_eq!(
            Period::last_of_months(1, day("2026-01-15")),
            period("2025-12-01", "2025-12-31")
        );
    }

    #[test]
    fn the_ends_of_the_calendar_stop_nobody() {
        for day in [NaiveDate::MIN, NaiveDate::MAX] {
            for grid in Grid::ALL {
                assert!(grid.over(day).take(3).count() == 3);
                let _ = grid.allows(Period::new(day, day).unwrap(), day);
            }
        }
    }
}
