//! The first sight of every scenario: one screen of 24 rows and 80 columns, which begins with a question.
#![cfg(target_os = "linux")]

mod common;

use common::run;
use stickdemo::scenarios::syllabus;
use stickdemo::text::columns::columns;

const LANGUAGES: [(&str, &str); 2] = [("en", "?"), ("zh", "？")];

/// Rows of the terminal, the prompt's not counted.
const ROWS: usize = 23;
const COLUMNS: usize = 80;

/// One screen of a run.
fn screen(id: &str, more: &[&str]) -> Vec<String> {
    let ran = run(&[&[id], more].concat());
    assert_eq!(ran.err, "", "{id} {more:?}");
    ran.out.lines().map(str::to_owned).collect()
}

#[test]
fn every_scenario_fits_and_begins_with_a_question() {
    for scenario in syllabus() {
        for (lang, mark) in LANGUAGES {
            let lines = screen(scenario.id, &["--lang", lang]);
            let text = lines.join("\n");
            assert!(lines.len() <= ROWS, "{} rows\n{text}", lines.len());
            assert!(lines[0].starts_with(scenario.id) && lines[0].ends_with(mark), "{text}");
            let wide: Vec<&String> = lines.iter().filter(|line| columns(line) > COLUMNS).collect();
            assert!(wide.is_empty(), "{wide:?}\n{text}");
        }
    }
}

/// What the claims rest on is what is shown: a screen without its evidence would be an assertion.
#[test]
fn every_screen_shows_what_its_first_claim_rests_on() {
    for scenario in syllabus() {
        let lines = screen(scenario.id, &[]);
        let text = lines.join("\n");
        let cited = text.split("(#").nth(1).and_then(|rest| rest.split([' ', ')']).next()).expect("evidence");
        let row = |line: &String| line.trim_start().split(' ').next() == Some(cited);
        assert!(lines.iter().any(row), "#{cited} is not shown\n{text}");
    }
}

/// Every suggestion has room on one line: a command to paste, and what it shows behind it.
#[test]
fn every_suggestion_fits_on_a_line() {
    for scenario in syllabus() {
        for next in &scenario.teaching.next {
            for shows in [&next.shows.en, &next.shows.zh] {
                let line = format!("next    stickdemo {}  # {shows}", next.command);
                assert!(columns(&line) <= COLUMNS, "{}: {} columns\n{line}", scenario.id, columns(&line));
            }
        }
    }
}
