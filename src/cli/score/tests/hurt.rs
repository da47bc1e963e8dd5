//! Input that somebody cut, misspelt or wrote twice: nothing of it is lost in silence, least of all an answer that a
//! person must see.

use super::{line, lines, problems, table};
use crate::cli::score::{Columns, ScoreFault, run_table};
use crate::domain::instrument::Library;
use serde_json::{Value, json};

pub(super) fn refused(instrument: &str, wanted: Columns, input: impl AsRef<[u8]>) -> ScoreFault {
    run_table(
        Library::embedded(),
        instrument,
        wanted,
        input.as_ref(),
        Vec::new(),
    )
    .unwrap_err()
}

fn said(input: impl AsRef<[u8]>) -> String {
    refused("phq9", Columns::Every, input).to_string()
}

#[test]
fn a_table_that_lacks_a_column_is_refused_unless_the_sender_says_so() {
    let fault = refused(
        "phq9",
        Columns::Every,
        "id,1,2,3,4,5,6,7,8,phq9_9,note\nA,0,0,0,0,0,0,0,0,3,x\n",
    );
    assert!(matches!(fault, ScoreFault::Header(_)), "{fault}");
    let fault = fault.to_string();
    assert!(
        fault.contains(
            "there is no column for items 9, 10 (nearest unused column: \"phq9_9\" for item 9)"
        ),
        "{fault}"
    );
    assert!(fault.contains("--partial"), "{fault}");
    let (rows, _) = table("phq9", "id,1,2,3,4,5,6,7,8,q9\nA,0,0,0,0,0,0,0,0,3\n");
    assert_eq!(rows[1][0], "A", "with --partial it is read");
}

#[test]
fn a_header_that_cannot_be_one_is_refused() {
    for (header, wanted) in [
        (
            "1;2;3;4;5;6;7;8;9;10\n",
            "separated by semicolons; wanted are commas",
        ),
        ("1\t2\t3\t4\t5\t6\t7\t8\t9\t10\n", "separated by tabs"),
        ("Q1,Q2\n", "nearest unused column: \"Q1\" for item 1"),
        (
            "total,1,2,3,4,5,6,7,8,9,10\n",
            "your column \"total\" has the name of a column",
        ),
        (
            "flag_thoughts_of_death_or_self_harm,1,2,3,4,5,6,7,8,9,10\n",
            "give it another name",
        ),
    ] {
        assert!(said(header).contains(wanted), "{header}: {}", said(header));
    }
    assert!(said(b"n\xe9,1,2,3,4,5,6,7,8,9,10\n").contains("save the table as UTF-8"));
}

#[test]
fn a_row_without_an_end_is_named_by_the_line_in_which_it_begins() {
    let header = "1,2,3,4,5,6,7,8,9,10,note";
    let row = "0,0,0,0,0,0,0,0,0,0";
    let endless = format!("{header}\n{row},\"a\nb\"\n{row},\"{}", "x,".repeat(1 << 20));
    let fault = refused("phq9", Columns::Every, endless);
    assert!(matches!(fault, ScoreFault::Row { line: 4, .. }), "{fault}");
    assert!(fault.to_string().contains("longer than 1 MiB"), "{fault}");
    // Without the check the rest of the table would be a note of the second row.
    let unclosed = format!("{header}\n{row},a\n{row},\"b\n{row},c\n0,0,0,0,0,0,0,0,3,0,d\n");
    let fault = refused("phq9", Columns::Every, unclosed);
    assert!(matches!(fault, ScoreFault::Row { line: 3, .. }), "{fault}");
    assert!(fault.to_string().contains("never closed"), "{fault}");
    // The next row's quotation mark would close it: two people would be one, and an answer that somebody must see a part of a name.
    let swallowed =
        format!("name,{header}\n\"Ann,0,0,0,0,0,0,0,0,3,0,\n\"Bob\",{row},\nc,{row},\n");
    let fault = refused("phq9", Columns::Every, swallowed);
    assert!(matches!(fault, ScoreFault::Row { line: 3, .. }), "{fault}");
    assert!(
        fault
            .to_string()
            .contains("behind a closing quotation mark"),
        "{fault}"
    );
}

#[test]
fn a_row_that_is_not_utf_8_is_refused_and_still_raises_its_flag() {
    let mut output = Vec::new();
    let input = b"id,1,2,3,4,5,6,7,8,9,10\nJos\xe9,0,0,0,0,0,0,0,0,2,0\n";
    let tally = run_table(
        Library::embedded(),
        "phq9",
        Columns::Every,
        &input[..],
        &mut output,
    );
    assert_eq!(tally.unwrap().with_problems, 1);
    let output = String::from_utf8(output).expect("what comes out is UTF-8");
    let row = output.lines().nth(1).unwrap();
    assert!(row.ends_with(",2,the row is not UTF-8"), "{row}");
    assert!(row.starts_with("Jos\u{fffd},phq9,1,,"), "{row}");
}

/// The values of the flags that this line raises.
fn flags(input: impl AsRef<[u8]>) -> Vec<Value> {
    let line = line("phq9", input);
    let flags = line["flags"].as_array().unwrap();
    flags.iter().map(|flag| flag["value"].clone()).collect()
}

#[test]
fn a_sound_risk_answer_raises_its_flag_whatever_stands_around_it() {
    for sound in [
        r#"{"answers":{"9":2,"1":1e400}}"#,
        r#"{"answers":{"1":NaN,"9":2}}"#,
        r#"{"id":-Infinity,"answers":{"9":2}}"#,
        r#"{"answers":{"1":-1e400,"2":[1e999],"9":2},"note":"1e400 \" 1e400"}"#,
        r#"{"answers":{"9":2},"answers":{}}"#,
        r#"{"answers":{"9":2,"#,
        r#"{"answers":{"9":2},"age":3"#,
        r#"{"answers":{"9":2}} and more"#,
        r#"{"answers":{"9":2,"x":0,"1":"#,
        r#"{"answers":{"9":2,"9":2}}"#,
        r#"{"answers":{"9":2,"9":0}}"#,
        r#"{"answers":{"9":0,"9":2,"9":1,"9":null}}"#,
    ] {
        assert_eq!(flags(sound), [json!(2)], "{sound}");
    }
    assert_eq!(flags(b"{\"n\":\"\xe9\",\"answers\":{\"9\":2}}"), [json!(2)]);
    // It may have been 20, and the next may have been anything.
    for unsound in [
        r#"{"answers":{"9":2"#,
        r#"{"answers":{"9":"#,
        r#"{"answers":{"9":0,"9":7}}"#,
    ] {
        assert_eq!(flags(unsound), [0; 0], "{unsound}");
    }
}

#[test]
fn a_number_that_cannot_be_held_is_a_problem_of_its_item_alone() {
    let line = line(
        "gad7",
        r#"{"answers":{"1":1e400,"2":1,"3":1,"4":1,"5":1,"6":1,"7":1}}"#,
    );
    assert_eq!(
        problems(&line),
        ["item 1 is a number far too large, not one of its answers; it counts as not answered"]
    );
    assert_eq!(line["scores"]["total"]["answered"], json!(6));
}

#[test]
fn an_item_that_is_there_twice_counts_as_not_answered() {
    let line = line("phq9", r#"{"answers":{"9":2,"9":2}}"#);
    assert_eq!(
        problems(&line),
        ["item 9 is there twice; it counts as not answered"]
    );
    assert_eq!(line["scores"]["total"]["answered"], json!(0));
}

#[test]
fn a_line_has_the_senders_name_for_it() {
    let (lines, _) = lines(
        "gad7",
        "{\"id\":\"A-1\",\"answers\":{}}\n{\"answers\":{},\"id\":17}\n{\"id\":1.5,\"answers\":{}}\n{\"id\":\"A-4\",\"answers\":{\"1\"\n",
    );
    let ids: Vec<_> = lines.iter().map(|line| line.get("id").cloned()).collect();
    assert_eq!(
        ids,
        [
            Some(json!("A-1")),
            Some(json!(17)),
            None,
            Some(json!("A-4"))
        ]
    );
}

#[test]
fn what_is_wrong_is_said_with_the_inputs_line_and_what_is_wanted() {
    let (lines_out, tally) = lines("gad7", "{\"answers\":{}}\n{\"answers\":{\"1\":x}}\n[1]\n");
    assert_eq!(tally.with_problems, 2);
    assert_eq!(
        problems(&lines_out[1]),
        ["line 2: the line is not JSON: expected value, at column 17"]
    );
    assert!(problems(&lines_out[2])[0].starts_with("line 3: a list is here; wanted is an object"));
}
