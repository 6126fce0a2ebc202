//! What must hold for every scenario of the list, with the real binary on real sockets.

mod common;

use common::{run, side_by_side};
use serde_json::Value;
use std::path::Path;
use std::sync::OnceLock;
use stickdemo::play::Linked;
use stickdemo::scenarios::{Scenario, syllabus};

fn each(check: impl Fn(&Scenario) + Sync) {
    side_by_side(syllabus(), |scenario| check(&scenario));
}

/// Shown on this system? The reason it is not must be one that the scenario itself gives, or that there is no link.
fn possible(scenario: &Scenario) -> bool {
    static LINKED: OnceLock<bool> = OnceLock::new();
    let linked =
        || *LINKED.get_or_init(|| ["link", "link_tun", "link_veth"].iter().any(|id| doctor()[*id]["value"] == true));
    (scenario.experiment.impossible)().is_none() && (scenario.experiment.linked == Linked::Able || linked())
}

fn doctor() -> Value {
    serde_json::from_str(&run(&["doctor", "--format", "json"]).out).expect("one JSON value")
}

fn lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).expect("each line is JSON")).collect()
}

#[test]
fn each_is_reproduced() {
    each(|scenario| {
        let ran = run(&[scenario.id, "--full"]);
        if possible(scenario) {
            assert_eq!(ran.code, Some(0), "{}:\n{}\n{}", scenario.id, ran.out, ran.err);
            assert!(ran.out.contains("\nreproduced "), "{}:\n{}", scenario.id, ran.out);
            assert!(!ran.out.contains("[fails]"), "{}:\n{}", scenario.id, ran.out);
        } else {
            assert_eq!(ran.code, Some(3), "{}", scenario.id);
            assert!(ran.out.contains("not-possible-here"), "{}:\n{}", scenario.id, ran.out);
        }
    });
}

#[test]
fn without_its_cause_each_fails_with_both_sides_shown() {
    each(|scenario| {
        let ran = run(&[scenario.id, "--control", "--full"]);
        if !possible(scenario) {
            return;
        }
        assert_eq!(ran.code, Some(1), "{}:\n{}\n{}", scenario.id, ran.out, ran.err);
        assert_eq!(ran.err, "", "{}: a control ends normally", scenario.id);
        let fails = ran.out.find("[fails, as it must] ").unwrap_or_else(|| panic!("{}:\n{}", scenario.id, ran.out));
        let after = &ran.out[fails..];
        assert!(after.contains("expected ") && after.contains("; got "), "{}:\n{}", scenario.id, ran.out);
        assert!(ran.out.contains("control passed: "), "{}:\n{}", scenario.id, ran.out);
    });
}

/// Where there can be a link.
#[test]
fn over_a_link_each_is_reproduced_and_fails_without_its_cause() {
    each(|scenario| {
        if !possible(scenario) {
            return;
        }
        let ran = run(&[scenario.id, "--link"]);
        if ran.code == Some(3) && ran.out.contains("not-possible-here") {
            return;
        }
        assert_eq!(ran.code, Some(0), "{}:\n{}\n{}", scenario.id, ran.out, ran.err);
        let ran = run(&[scenario.id, "--link", "--control"]);
        assert_eq!(ran.code, Some(1), "{}:\n{}\n{}", scenario.id, ran.out, ran.err);
        assert_eq!(ran.err, "", "{}: a control ends normally", scenario.id);
        assert!(ran.out.contains("[fails, as it must] "), "{}:\n{}", scenario.id, ran.out);
    });
}

/// A run that a limit ended is no verdict on its claims, and one that takes long says so before.
#[test]
fn a_run_that_ended_before_its_time_falsifies_nothing() {
    for (link, words) in [("loss=100%", "the link lost it"), ("rtt=4s", "over this link it takes some")] {
        let ran = run(&["tcp-naive", "--link", link, "--timeout", "500ms"]);
        assert_eq!(ran.code, Some(3), "{link}: {ran}");
        let linked = !ran.err.is_empty();
        assert_eq!(linked, ran.err.contains(words) && ran.err.contains("500ms"), "{link}: {ran}");
        assert!(linked || ran.out.contains("not-possible-here"), "only without a link: {ran}");
        assert!(!ran.out.contains("not-reproduced") && !ran.out.contains("[fails]"), "{link}: {ran}");
    }
}

/// What comes twice is not out of order.
#[test]
fn a_copy_overtakes_nobody() {
    for link in ["up.dup=2", "up.dup=1+2+3", "dup=100%"] {
        let ran = run(&["udp-reorder", "--link", link]);
        if ran.code == Some(3) && ran.out.contains("not-possible-here") {
            return;
        }
        assert_eq!(ran.code, Some(1), "{link}: {ran}");
        assert!(ran.out.contains("[fails] UDP: received in the order of arrival"), "{link}: {ran}");
    }
}

/// Messages that cross in fragments, of which one is lost in its middle; and one that comes twice.
#[test]
fn what_a_link_lost_is_known_message_by_message() {
    for link in ["up.drop=5+40,mtu=600", "up.drop=3+17,up.dup=5"] {
        let ran = run(&["link-loss", "--link", link]);
        if ran.code == Some(3) && ran.out.contains("not-possible-here") {
            return;
        }
        assert_eq!(ran.code, Some(0), "{link}:\n{}\n{}", ran.out, ran.err);
        assert!(!ran.out.contains("missing: none"), "{link}:\n{}", ran.out);
    }
}

#[test]
fn stable_text_is_the_same_on_every_run_in_both_languages() {
    each(|scenario| {
        for lang in ["en", "zh"] {
            let text = || run(&[scenario.id, "--stable", "--lang", lang]).out;
            let first = text();
            for _ in 0..3 {
                assert_eq!(first, text(), "{} --lang {lang}", scenario.id);
            }
            let control = || run(&[scenario.id, "--stable", "--control", "--lang", lang]).out;
            assert_eq!(control(), control(), "{} --control --lang {lang}", scenario.id);
        }
    });
}

#[test]
fn text_fits_its_columns() {
    use unicode_width::UnicodeWidthStr;
    each(|scenario| {
        for lang in ["en", "zh"] {
            for line in run(&[scenario.id, "--lang", lang]).out.lines() {
                // A command to paste is never broken, and closing punctuation may hang.
                assert!(line.width() <= 82, "{} --lang {lang}: {} columns: {line}", scenario.id, line.width());
                assert_eq!(line.trim_end(), line, "{}: space at the end", scenario.id);
            }
        }
    });
}

#[test]
fn json_is_valid_and_says_what_the_text_says() {
    let schema: Value = serde_json::from_str(include_str!("../docs/trace.schema.json")).expect("the schema is JSON");
    let validator = jsonschema::validator_for(&schema).expect("the schema is a schema");
    each(|scenario| {
        for control in [false, true] {
            let mut args = vec![scenario.id, "--format", "json"];
            args.extend(control.then_some("--control"));
            let ran = run(&args);
            let lines = lines(&ran.out);
            for line in &lines {
                let errors: Vec<String> =
                    validator.iter_errors(line).map(|e| format!("{}: {e}", e.instance_path())).collect();
                assert!(errors.is_empty(), "{}: {errors:?}\n{line}", scenario.id);
            }
            check_spans(&lines, scenario.id);
            args.retain(|a| *a != "--format" && *a != "json");
            args.push("--full");
            let text = run(&args).out;
            check_same(&lines, &text, scenario.id);
        }
    });
}

/// Spans are in order and cover every byte of a data call, and the bytes are the message's.
fn check_spans(lines: &[Value], id: &str) {
    let message =
        |name: &Value| lines.iter().find(|l| l["type"] == "message" && l["id"] == *name).expect("a known message");
    for event in lines.iter().filter(|l| l["type"] == "event") {
        let bytes = event["bytes"].as_str().expect("hex");
        let spans = event["spans"].as_array().expect("spans");
        let covered: u64 = spans.iter().map(|s| s["len"].as_u64().expect("len")).sum();
        assert_eq!(covered * 2, bytes.len() as u64, "{id}: {event}");
        let mut at = 0;
        for span in spans {
            let [offset, len] = ["offset", "len"].map(|k| span[k].as_u64().expect("a number") as usize);
            let whole = message(&span["msg"])["bytes"].as_str().expect("hex");
            assert_eq!(whole[offset * 2..(offset + len) * 2], bytes[at..at + len * 2], "{id}: {event}");
            let header = (offset as u64) < message(&span["msg"])["header_len"].as_u64().expect("a number");
            assert_eq!(span["part"] == "header", header && len > 0, "{id}: {event}");
            at += len * 2;
        }
    }
}

fn check_same(lines: &[Value], text: &str, id: &str) {
    let summary = lines.last().expect("a last line");
    assert_eq!(summary["type"], "summary", "{id}");
    let verdict = summary["verdict"].as_str().expect("a word");
    // A control whose claim fails has passed.
    let (said, fails) = match lines[0]["control"] == true && verdict != "not-possible-here" {
        true => ("control passed: ", "[fails, as it must] "),
        false => (verdict, "[fails] "),
    };
    assert!(text.contains(&format!("\n{said}")), "{id}: {verdict}\n{text}");
    let claims: Vec<&Value> = lines.iter().filter(|l| l["type"] == "claim").collect();
    let held = claims.iter().filter(|c| c["holds"] == true).count();
    assert_eq!(text.matches("[holds] ").count(), held, "{id}\n{text}");
    assert_eq!(text.matches(fails).count(), claims.len() - held, "{id}\n{text}");
    let flat = |s: &str| s.split_whitespace().collect::<String>();
    for claim in &claims {
        let sentence = flat(claim["text"].as_str().expect("text"));
        assert!(flat(text).contains(&sentence), "{id}: {sentence}");
    }
    // Events and packets, in one sequence.
    let seqs: Vec<u64> = lines.iter().filter_map(|l| l["seq"].as_u64()).collect();
    assert_eq!(seqs, (1..=seqs.len() as u64).collect::<Vec<_>>(), "{id}");
}

#[test]
fn each_says_everything_a_learner_needs_in_both_languages() {
    each(|s| {
        let said = |what: &str, text: &stickdemo::text::Text| {
            assert!(!text.en.is_empty() && !text.zh.is_empty(), "{}: {what} is missing", s.id);
        };
        said("title", &s.title);
        said("question", &s.question);
        said("claim", &s.claim);
        said("control", &s.teaching.control.change);
        assert!(!s.documents.is_empty(), "{}: no document", s.id);
        assert!(
            !s.teaching.why.is_empty() && s.teaching.why.iter().all(|why| !why.source.is_empty()),
            "{}: why, without source",
            s.id
        );
        assert!(!s.teaching.next.is_empty(), "{}: nothing to try next", s.id);
        s.teaching.why.iter().for_each(|why| said("why", &why.text));
        s.teaching.next.iter().for_each(|next| said("next", &next.shows));
    });
}

/// Whoever follows the suggestions comes through the whole syllabus.
#[test]
fn every_scenario_leads_on_to_the_next_one() {
    let all = syllabus();
    for pair in all.windows(2) {
        let leads = pair[0].teaching.next.iter().any(|next| next.command == pair[1].id);
        assert!(leads, "{} does not suggest {}", pair[0].id, pair[1].id);
    }
}

#[test]
fn every_suggested_command_is_one_that_works() {
    use stickdemo::commands::parse;
    each(|s| {
        for next in &s.teaching.next {
            let words = std::iter::once("stickdemo").chain(next.command.split_whitespace());
            let parsed = parse(words.map(Into::into).collect(), stickdemo::text::Lang::En);
            assert!(parsed.is_ok(), "{}: stickdemo {}: {:?}", s.id, next.command, parsed.err());
        }
    });
}

#[test]
fn each_has_its_page_in_both_languages() {
    each(|scenario| {
        for folder in ["docs", "docs/zh"] {
            let page = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder).join(format!("{}.md", scenario.id));
            let text = std::fs::read_to_string(&page).unwrap_or_else(|e| panic!("{}: {e}", page.display()));
            for part in [format!("$ stickdemo {} --full --stable", scenario.id), "--control".into(), "<details>".into()]
            {
                assert!(text.contains(&part), "{} lacks {part}", page.display());
            }
        }
    });
}

#[test]
fn the_list_is_in_teaching_order_without_repeats() {
    let all = syllabus();
    let parts: Vec<u8> = all.iter().map(|s| s.part.number()).collect();
    assert!(parts.is_sorted());
    let mut ids: Vec<&str> = all.iter().map(|s| s.id).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), all.len());
    assert_eq!(ids.len(), 37);
}

#[test]
fn all_replays_every_scenario() {
    let ran = run(&["all"]);
    assert_eq!(ran.code, Some(0), "{}\n{}", ran.out, ran.err);
    each(|scenario| assert!(ran.out.contains(&format!("\n{} ", scenario.id)), "{}\n{}", scenario.id, ran.out));
    let shown = syllabus().iter().filter(|s| possible(s)).count();
    assert!(ran.out.contains(&format!("{shown} reproduced, 0 not reproduced")), "{}", ran.out);
    assert_eq!(doctor()["scenarios"]["value"], shown, "the doctor says the same");
}

#[test]
fn repeat_prints_a_distribution_that_adds_up() {
    let ran = run(&["tcp-naive", "--race", "--repeat", "50", "--format", "json"]);
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    let lines = lines(&ran.out);
    assert_eq!(lines.iter().filter(|l| l["type"] == "summary").count(), 50);
    let last = lines.last().expect("a distribution");
    assert_eq!((&last["type"], &last["runs"]), (&"distribution".into(), &50.into()));
    let reproduced = lines.iter().filter(|l| l["verdict"] == "reproduced").count();
    assert_eq!(last["reproduced"], reproduced, "{last}");
    let failed: Vec<_> = last["failed"].as_array().expect("a list").iter().map(|f| &f["count"]).collect();
    assert_eq!(failed.is_empty(), reproduced == 50, "what did not hold is named: {last}");
    let outcomes = last["outcomes"].as_array().expect("outcomes");
    assert_eq!(outcomes.iter().filter_map(|o| o["count"].as_u64()).sum::<u64>(), 50);
    for outcome in outcomes {
        let bytes: u64 = outcome["pattern"].as_array().expect("lengths").iter().filter_map(Value::as_u64).sum();
        assert_eq!(bytes, 9, "nothing is lost, however it is cut: {outcome}");
    }
}

/// The bodies of one end's messages, one after another; the first `most` of them.
fn bodies(id: &str, end: &str, most: usize) -> String {
    let lines = lines(&run(&[id, "--format", "json"]).out);
    let sent = lines.iter().filter(|l| l["type"] == "message" && l["from"] == end);
    let body = |l: &Value| {
        let header = l["header_len"].as_u64().expect("a number") as usize;
        l["bytes"].as_str().expect("hex")[header * 2..].to_owned()
    };
    sent.map(body).take(most).collect()
}

#[test]
fn a_problem_and_its_fix_carry_the_same_messages() {
    assert_eq!(bodies("fix-nodelay", "client", 9), bodies("tcp-naive", "client", 9));
    let answers = bodies("tcp-remote-cmd", "server", 99);
    assert!(answers.len() > 2 * 1024);
    for id in ["udp-remote-cmd", "fix-ack", "fix-header"] {
        assert_eq!(bodies(id, "server", 99), answers, "{id}");
    }
    // Its further rounds ask again, to cut a header everywhere.
    assert_eq!(bodies("fix-json-header", "server", 3), answers);
}

/// Of many runs it is said which claim failed, in text and in JSON.
#[test]
fn repeat_names_the_claims_that_did_not_hold() {
    let args = ["tcp-naive", "--control", "--repeat", "3"];
    let ran = run(&args);
    assert!(ran.out.contains("did not hold in 3 runs: one recv returned both messages"), "{ran}");
    let ran = run(&[&args[..], &["--format", "json"]].concat());
    let last = lines(&ran.out).pop().expect("a distribution");
    assert_eq!((&last["reproduced"], &last["failed"][0]["claim"]), (&0.into(), &"one-recv-both".into()), "{last}");
    assert_eq!(last["failed"][0]["count"], 3, "{last}");
}

#[test]
fn a_recv_that_cuts_the_second_message_did_not_return_both() {
    for id in ["tcp-naive", "fix-nodelay"] {
        let ran = run(&[id, "--recv-size", "7"]);
        assert_eq!(ran.code, Some(1), "{id}:\n{}", ran.out);
    }
}
