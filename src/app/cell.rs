//! The cells of the CSV files that we write. What a spreadsheet would run as a formula is guarded by an apostrophe, and read back as it was.

/// What makes a spreadsheet take a cell for a formula, after OWASP's page on CSV injection.
const STARTS: [char; 7] = ['=', '+', '-', '@', '\t', '\r', '\n'];

/// The cell as it is written: with an apostrophe before what a spreadsheet would run. Cells that would then look guarded get one more.
pub fn guarded(cell: &str) -> String {
    if cell.trim_start_matches('\'').starts_with(STARTS) {
        format!("'{cell}")
    } else {
        cell.to_owned()
    }
}

/// What [`guarded`] was given.
pub fn unguarded(cell: &str) -> &str {
    match cell.strip_prefix('\'') {
        Some(rest) if rest.trim_start_matches('\'').starts_with(STARTS) => rest,
        _ => cell,
    }
}

/// A cell as it stands between commas.
pub fn quoted(cell: &str) -> String {
    if cell.contains([',', '"', '\r', '\n']) {
        format!("\"{}\"", cell.replace('"', "\"\""))
    } else {
        cell.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_formula_is_guarded_and_reads_back_as_it_was() {
        for formula in ["=1+1", "+1", "-x", "@SUM(A1)", "\tx", "'=x", "''-x"] {
            assert!(guarded(formula).starts_with('\''));
            assert_eq!(unguarded(&guarded(formula)), formula);
        }
        for plain in ["Ada", "'s-Gravenhage", "", "2026-01-01", "a=b"] {
            assert_eq!(guarded(plain), plain);
            assert_eq!(unguarded(plain), plain);
        }
    }
}
