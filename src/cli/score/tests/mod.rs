//! `attune score`, as a program that feeds it lines sees it.

mod hurt;

use super::{Columns, ScoreFault, Tally, run, run_table};
use crate::domain::instrument::Library;
use serde_json::{Value, json};

fn lines(instrument: &str, input: impl AsRef<[u8]>) -> (Vec<Value>, Tally) {
    let mut output = Vec::new();
    let tally = run(Library::embedded(), instrument, input.as_ref(), &mut output).unwrap();
    let output = String::from_utf8(output).unwrap();
    let lines: Vec<_> = output
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(
        lines.len() as u64,
        tally.lines,
        "one line out for each line in"
    );
    (lines, tally)
}

fn line(instrument: &str, input: impl AsRef<[u8]>) -> Value {
    let (mut lines, _) = lines(instrument, input);
    assert_eq!(lines.len(), 1);
    lines.remove(0)
}

fn problems(line: &Value) -> Vec<&str> {
    line["problems"]
        .as_array()
        .unwrap()
        .iter()
        .map(|problem| problem.as_str().unwrap())
        .collect()
}

#[test]
fn a_complete_form_is_scored() {
    let line = line(
        "phq9",
        r#"{"answers":{"1":3,"2":2,"3":2,"4":2,"5":0,"6":0,"7":0,"8":0,"9":1,"10":2}}"#,
    );
    assert_eq!(
        (&line["instrument"], &line["version"]),
        (&json!("phq9"), &json!("1"))
    );
    assert_eq!(
        line["scores"]["total"],
        json!({"value": 10, "reason": null, "band": "moderate", "answered": 9, "items": 9, "not_asked": 0,
               "prorated": false, "cut_offs": {"major_depression_screen": true}})
    );
    assert_eq!(
        line["criteria"],
        json!({"major_depressive_syndrome": true, "other_depressive_syndrome": false})
    );
    let flag = &line["flags"][0];
    assert_eq!(
        (&flag["rule"], &flag["item"], &flag["value"]),
        (
            &json!("thoughts_of_death_or_self_harm"),
            &json!("9"),
            &json!(1)
        )
    );
    assert_eq!(
        (&flag["tier"], &flag["grade"]),
        (&json!("crisis"), &json!(1))
    );
    assert_eq!(line["problems"], json!([]));
}

#[test]
fn absent_and_null_are_not_answered_and_zero_is() {
    let line = line(
        "gad7",
        r#"{"answers":{"1":0,"2":null,"3":0,"4":0,"5":0,"6":0}}"#,
    );
    let total = &line["scores"]["total"];
    assert_eq!(
        (&total["value"], &total["answered"], &total["items"]),
        (&Value::Null, &json!(5), &json!(7))
    );
    assert_eq!(
        total["reason"],
        json!("items 2, 7 not answered; this scale allows 0 missing")
    );
    assert_eq!(
        total["cut_offs"],
        json!({"generalized_anxiety_screen": null, "nhs_caseness": null})
    );
    assert_eq!(line["problems"], json!([]));
}

#[test]
fn an_answer_that_cannot_be_used_counts_as_not_answered_and_is_reported() {
    for (given, said) in [
        ("4", "item 1 has no answer 4; it counts as not answered"),
        ("-1", "item 1 has no answer -1; it counts as not answered"),
        (
            "99999999999999999999",
            "item 1 is a number far too large, not one of its answers; it counts as not answered",
        ),
        (
            "70000",
            "item 1 has no answer 70000; it counts as not answered",
        ),
        (
            "1.5",
            "item 1 is a fraction, not one of its answers; it counts as not answered",
        ),
        (
            "\"1\"",
            "item 1 is text, not one of its answers; it counts as not answered",
        ),
        (
            "true",
            "item 1 is true or false, not one of its answers; it counts as not answered",
        ),
        (
            "[1]",
            "item 1 is a list, not one of its answers; it counts as not answered",
        ),
        (
            "{\"1\":1}",
            "item 1 is an object, not one of its answers; it counts as not answered",
        ),
        (
            "1,\"1\":1",
            "item 1 is there twice; it counts as not answered",
        ),
    ] {
        let input = format!(r#"{{"answers":{{"1":{given},"2":3,"3":3,"4":3,"5":3,"6":3,"7":3}}}}"#);
        let line = line("gad7", input);
        assert_eq!(problems(&line), [said], "{given}");
        assert_eq!(line["scores"]["total"]["value"], Value::Null, "{given}");
        assert_eq!(line["scores"]["total"]["answered"], json!(6), "{given}");
    }
}

#[test]
fn a_whole_number_written_with_a_point_is_that_number() {
    let line = line(
        "gad7",
        r#"{"answers":{"1":3.0,"2":0.0,"3":-0.0,"4":1e0,"5":0,"6":0,"7":0}}"#,
    );
    assert_eq!(
        (&line["scores"]["total"]["value"], &line["problems"]),
        (&json!(4), &json!([]))
    );
}

#[test]
fn a_bad_line_is_answered_and_the_rest_goes_on() {
    let good = r#"{"answers":{"0":0}}"#;
    let bad = [
        ("not json", "the line is not JSON"),
        ("{\"answers\":{\"0\":1", "the line is not JSON"),
        ("", "the line is empty"),
        ("[]", "line 2: a list is here; wanted is an object like"),
        ("{}", "there is no \"answers\""),
        (
            "{\"answers\":null}",
            "wanted is \"answers\" to be an object",
        ),
        (
            "{\"answers\":{\"0\":1},\"answers\":{}}",
            "\"answers\" is there twice",
        ),
        ("{\"answers\":{\"0\":0}} {}", "the line is not JSON"),
        ("{\"answers\":{\"0\":0,\"6\":1}}", "there is no item \"6\""),
    ];
    for (wrong, said) in bad {
        let (lines, tally) = lines("pc_ptsd_5", format!("{good}\n{wrong}\n{good}\n"));
        assert_eq!(
            tally,
            Tally {
                lines: 3,
                with_problems: 1
            },
            "{wrong}"
        );
        assert!(
            problems(&lines[1])[0].contains(said),
            "{wrong}: {}",
            lines[1]["problems"]
        );
        let total = &lines[1]["scores"]["total"];
        assert_eq!(
            (&total["value"], &total["reason"]),
            (&Value::Null, &json!("the line was refused, see problems"))
        );
        assert_eq!(
            (&lines[0]["scores"]["total"]["value"], &lines[2]),
            (&json!(0), &lines[0]),
            "{wrong}"
        );
    }
}

#[test]
fn bytes_that_are_no_text_and_endless_lines_are_answered_too() {
    let (lines_out, _) = lines(
        "gad7",
        b"{\"answers\":{\"1\":\"\xff\"}}\n{\"answers\":{}}\n",
    );
    assert_eq!(problems(&lines_out[0]), ["the line is not UTF-8"]);
    assert_eq!(problems(&lines_out[1]), [""; 0]);
    let endless = format!(
        "{{\"answers\":{{\"1\":0,\"x\":\"{}\"}}}}\n{{\"answers\":{{}}}}",
        "a".repeat(200_000)
    );
    let (lines_out, tally) = lines("gad7", endless);
    assert_eq!(
        tally,
        Tally {
            lines: 2,
            with_problems: 1
        }
    );
    assert_eq!(
        problems(&lines_out[0]),
        ["the line is longer than 65536 bytes"]
    );
    let deep = format!("{{\"answers\":{{\"1\":{}", "[".repeat(60_000));
    assert!(problems(&line("gad7", deep))[0].contains("not JSON"));
}

#[test]
fn a_refused_line_still_raises_its_flag_when_the_answer_itself_is_sound() {
    let line = line("phq9", r#"{"answers":{"9":2,"11":0}}"#);
    assert_eq!(line["flags"][0]["value"], json!(2));
    assert_eq!(line["scores"]["total"]["value"], Value::Null);
    assert_eq!(
        line["criteria"],
        json!({"major_depressive_syndrome": null, "other_depressive_syndrome": null})
    );
}

#[test]
fn nothing_of_one_line_reaches_the_next() {
    let (lines, _) = lines(
        "phq9",
        "{\"answers\":{\"9\":3,\"9\":3,\"11\":0}}\n{\"answers\":{}}\n",
    );
    assert_eq!(
        (&lines[1]["flags"], &lines[1]["problems"]),
        (&json!([]), &json!([]))
    );
    assert_eq!(lines[1]["scores"]["total"]["answered"], json!(0));
}

#[test]
fn the_senders_own_keys_line_ends_and_byte_order_marks_are_passed_over() {
    let input = "\u{feff}{\"id\":{\"a\":[1]},\"answers\":{\"0\":1,\"\\u0031\":1,\"2\":1,\"3\":1,\"4\":0,\"5\":0}}\r\n";
    let line = line("pc_ptsd_5", input);
    assert_eq!(
        (&line["scores"]["total"]["value"], &line["problems"]),
        (&json!(3), &json!([]))
    );
    assert_eq!(
        line["scores"]["total"]["cut_offs"],
        json!({"positive_at_3": true, "positive_at_4": false})
    );
}

#[test]
fn an_odd_but_scored_form_is_reported() {
    let line = line(
        "pc_ptsd_5",
        r#"{"answers":{"1":1,"2":1,"3":0,"4":0,"5":0}}"#,
    );
    assert_eq!(line["scores"]["total"]["value"], json!(2));
    assert_eq!(
        problems(&line),
        ["item 0 was left blank although items that depend on it were answered"]
    );
}

#[test]
fn an_unknown_instrument_is_named_with_those_there_are() {
    let fault = run(Library::embedded(), "phq", &b""[..], Vec::new()).unwrap_err();
    assert!(matches!(fault, ScoreFault::NoSuchInstrument { .. }));
    assert!(
        fault
            .to_string()
            .contains("there is no instrument \"phq\"; did you mean \"phq2\"? wanted is one of: "),
        "{fault}"
    );
}

#[test]
fn a_line_is_answered_before_the_next_one_is_waited_for() {
    use std::io::{self, Read};
    use std::sync::{Arc, Mutex};

    struct Shared(Arc<Mutex<Vec<u8>>>);
    impl io::Write for Shared {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    /// Hands over one line at a time and notes what had been answered by then.
    struct OneByOne {
        left: usize,
        output: Arc<Mutex<Vec<u8>>>,
        answered: Arc<Mutex<Vec<usize>>>,
    }
    impl Read for OneByOne {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let lines = self
                .output
                .lock()
                .unwrap()
                .iter()
                .filter(|byte| **byte == b'\n')
                .count();
            self.answered.lock().unwrap().push(lines);
            if self.left == 0 {
                return Ok(0);
            }
            self.left -= 1;
            let line = b"{\"answers\":{}}\n";
            buffer[..line.len()].copy_from_slice(line);
            Ok(line.len())
        }
    }
    let (output, answered) = (
        Arc::new(Mutex::new(Vec::new())),
        Arc::new(Mutex::new(Vec::new())),
    );
    let input = OneByOne {
        left: 3,
        output: output.clone(),
        answered: answered.clone(),
    };
    run(Library::embedded(), "gad7", input, Shared(output)).unwrap();
    assert_eq!(*answered.lock().unwrap(), [0, 1, 2, 3]);
}

fn table(instrument: &str, input: &str) -> (Vec<Vec<String>>, Tally) {
    let mut output = Vec::new();
    let tally = run_table(
        Library::embedded(),
        instrument,
        Columns::Partial,
        input.as_bytes(),
        &mut output,
    )
    .unwrap();
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .from_reader(&output[..]);
    let rows = reader.records().map(|row| {
        let row = row.unwrap();
        row.iter().map(str::to_owned).collect()
    });
    (rows.collect(), tally)
}

#[test]
fn a_table_is_answered_row_by_row_with_the_senders_columns_in_front() {
    let (rows, tally) = table(
        "phq9",
        "\u{feff}patient,1,2,3,4,5,6,7,8,9,10,note\nA-1,3,3,3,3,3,3,3,3,3,,=1+1\nA-2,0,0.0,0,0,,0,0,0,declined,0,x\n",
    );
    assert_eq!(
        tally,
        Tally {
            lines: 2,
            with_problems: 0
        }
    );
    let column = |name: &str| rows[0].iter().position(|known| known == name).unwrap();
    assert_eq!(rows[0][..4], ["patient", "note", "instrument", "version"]);
    assert_eq!(rows[1][..4], ["A-1", "'=1+1", "phq9", "1"]);
    let seen = |row: usize, name: &str| rows[row][column(name)].as_str();
    assert_eq!(
        (
            seen(1, "total"),
            seen(1, "total_band"),
            seen(1, "total_major_depression_screen")
        ),
        ("27", "severe", "yes")
    );
    assert_eq!(
        (
            seen(1, "criterion_major_depressive_syndrome"),
            seen(1, "flag_thoughts_of_death_or_self_harm")
        ),
        ("yes", "3")
    );
    assert_eq!(
        (seen(2, "total"), seen(2, "total_reason")),
        (
            "",
            "items 5, 9 not answered (declined: 9); this scale allows 0 missing"
        )
    );
}

#[test]
fn a_table_tells_a_score_that_was_completed_from_one_that_was_answered() {
    let items: Vec<String> = (1..=17).map(|item| item.to_string()).collect();
    let ones = ["1"; 14].join(",");
    let (rows, _) = table(
        "psc17",
        &format!("{}\n{ones},0,0,0\n{ones},,,\nx\n", items.join(",")),
    );
    let column = |name: &str| rows[0].iter().position(|known| known == name);
    let seen = |row: usize| {
        ["total", "total_answered", "total_items", "total_reason"]
            .map(|name| rows[row][column(name).unwrap()].as_str())
    };
    assert_eq!(seen(1), ["14", "17", "17", ""]);
    assert_eq!(seen(2), ["14", "14", "17", ""]);
    assert_eq!(seen(3), ["", "", "", ""], "of a row that has no cells");
    assert_eq!(column("total_out_of"), None, "every item is asked");

    // Who does not work is not asked about work: WSAS, item 1.
    let (rows, _) = table("wsas", "0,1,2,3,4,5\n0,1,1,1,1,1\n1,,1,1,1,1\n");
    let column = |name: &str| rows[0].iter().position(|known| known == name).unwrap();
    let seen = |row: usize| {
        ["total_answered", "total_items", "total_out_of"]
            .map(|name| rows[row][column(name)].as_str())
    };
    assert_eq!(seen(1), ["5", "5", ""]);
    assert_eq!(seen(2), ["4", "5", "32"]);
}

#[test]
fn a_bad_row_of_a_table_is_answered_and_the_rest_goes_on() {
    let (rows, tally) = table("phq9", "id,1,9\na,1\nb,7,2\nc,1,0\n");
    assert_eq!(
        tally,
        Tally {
            lines: 3,
            with_problems: 2
        }
    );
    let problem = |row: usize| rows[row].last().unwrap().as_str();
    assert_eq!(problem(1), "the row has 2 cells, the header 3");
    assert_eq!(
        problem(2),
        "item 1 has no answer 7; it counts as not answered"
    );
    assert_eq!((problem(3), rows[3][0].as_str()), ("", "c"));
    let flag = rows[0]
        .iter()
        .position(|name| name.starts_with("flag_"))
        .unwrap();
    assert_eq!(rows[2][flag], "2", "a sound risk answer counts");
}

#[test]
fn a_table_without_items_is_refused() {
    for (header, said) in [
        ("a,b\n", "no column is named by an item's number"),
        ("1,2,1\n", "\"1\" is there twice"),
        ("", "no column"),
    ] {
        let fault = hurt::refused("phq9", Columns::Partial, header);
        assert!(matches!(fault, ScoreFault::Header(_)), "{fault}");
        assert!(fault.to_string().contains(said), "{fault}");
    }
}

#[test]
fn sex_and_age_are_read_and_what_is_neither_is_a_problem() {
    let good = line(
        "phq9",
        r#"{"sex":"female","age":34,"answers":{"1":"declined"}}"#,
    );
    assert_eq!(problems(&good), [""; 0]);
    assert_eq!(good["scores"]["total"]["declined"], json!(1));
    let bad = line("phq9", r#"{"sex":"x","age":-1,"answers":{}}"#);
    assert_eq!(
        problems(&bad),
        [
            "sex is not \"female\" or \"male\"; it counts as not known",
            "age is not a whole number from 0 to 130; it counts as not known"
        ]
    );
}
