//! What each fix costs: what is judged and written of given figures, and the binary from the command line to the
//! picture.

mod common;

use common::run;
use std::time::Duration;
use stickdemo::claims::Verdict;
use stickdemo::commands::cost::findings::judge;
use stickdemo::commands::cost::{Cell, Figures, Fix, Load, Measurement, Medium, Results, presentation};
use stickdemo::exit::Exit;
use stickdemo::render::Style;
use stickdemo::render::plot::svg;
use stickdemo::text::{Lang, Text};

const NEAR: Medium = Medium::Link(Duration::from_millis(1));
const FAR: Medium = Medium::Link(Duration::from_millis(50));

fn measured(total_us: u64, waits: u64, segments: u64, wire: Option<(u64, u64)>) -> Measurement {
    let totals = [0, 1, 400].map(|more| Duration::from_micros(total_us + more)).to_vec();
    let (packets, wire_bytes) = (wire.map(|(packets, _)| packets), wire.map(|(_, bytes)| bytes));
    Measurement::Measured(Figures { totals, waits, segments: Some(segments), packets, wire_bytes })
}

/// A run as a machine with nothing else to do gives it: 20 messages of 100 bytes.
fn results() -> Results {
    let load = Load { messages: 20, size: 100, gap: Duration::from_millis(5), nodelay: true };
    let broken = Text::new("length and body left in one segment", "长度和正文从同一个报文段发出");
    let wire = |packets, bytes| Some((packets, bytes));
    let outcomes = [
        (Medium::Loopback, measured(220, 20, 40, None), measured(102_000, 0, 40, None), measured(400, 20, 60, None)),
        (
            NEAR,
            measured(22_300, 20, 40, wire(42, 3880)),
            measured(103_800, 0, 40, wire(75, 5060)),
            measured(23_400, 20, 60, wire(81, 5500)),
        ),
        (
            FAR,
            measured(1_040_000, 20, 40, wire(42, 3880)),
            Measurement::Broken { rounds: 3, reason: broken },
            measured(1_075_000, 20, 60, wire(81, 5500)),
        ),
    ];
    let headers = [
        (measured(180, 0, 35, None), measured(240, 0, 35, None)),
        (measured(1_840, 0, 12, wire(24, 3040)), measured(1_920, 0, 12, wire(24, 3400))),
        (measured(75_400, 0, 12, wire(24, 3040)), measured(75_410, 0, 12, wire(24, 3400))),
    ];
    let cells = outcomes.into_iter().zip(headers).flat_map(|((medium, none, sleep, ack), (i32le, json))| {
        Fix::ALL.into_iter().zip([none, sleep, ack, i32le, json]).map(move |(fix, outcome)| Cell {
            medium,
            fix,
            outcome,
        })
    });
    Results { load, reduced: true, cells: cells.collect(), took: Duration::from_secs(12) }
}

/// The same with one cell as it should not be.
fn with(medium: Medium, fix: Fix, outcome: Measurement) -> Results {
    let mut results = results();
    for cell in results.cells.iter_mut().filter(|cell| cell.medium == medium && cell.fix == fix) {
        cell.outcome = outcome.clone();
    }
    results
}

fn text(results: &Results, lang: Lang, width: usize) -> String {
    let style = Style { lang, width, ..Style::plain() };
    let mut out = Vec::new();
    presentation::write(&mut out, results, &judge(results), stickdemo::render::Format::Text, &style).expect("memory");
    String::from_utf8(out).expect("text")
}

#[test]
fn the_report_in_english() {
    insta::assert_snapshot!(text(&results(), Lang::En, 80));
}

#[test]
fn the_report_in_chinese() {
    insta::assert_snapshot!(text(&results(), Lang::Zh, 80));
}

#[test]
fn no_line_is_wider_than_the_terminal() {
    for (lang, width) in [(Lang::En, 80), (Lang::Zh, 80), (Lang::En, 48), (Lang::Zh, 48)] {
        for line in text(&results(), lang, width).lines() {
            let wide = stickdemo::text::columns::columns(line);
            assert!(wide <= width, "{wide} of {width}: {line}");
        }
    }
}

fn failing(results: &Results) -> Vec<String> {
    let findings = judge(results);
    let failing: Vec<_> =
        findings.claims.iter().filter(|claim| !claim.holds).map(|claim| claim.id.clone().into_owned()).collect();
    assert_eq!(findings.exit(), if failing.is_empty() { Exit::Done } else { Exit::Failed });
    failing
}

#[test]
fn a_claim_that_the_figures_do_not_bear_out_fails() {
    assert_eq!(failing(&results()), [""; 0], "a sleep that breaks is no failure: it is no fix");
    // 20 messages in less than 20 round trips: then nobody waited.
    let too_fast = measured(19_999, 20, 60, Some((81, 5500)));
    assert_eq!(failing(&with(NEAR, Fix::Ack, too_fast)), ["ack-round-trip"]);
    assert_eq!(failing(&with(FAR, Fix::Ack, measured(1_075_000, 19, 60, None))), ["waits"]);
    assert_eq!(failing(&with(FAR, Fix::Ack, measured(1_075_000, 20, 59, None))), ["segments"]);
    assert_eq!(failing(&with(FAR, Fix::I32Le, measured(1_200_000, 0, 12, None))), ["header-is-faster"]);
    let broken = Measurement::Broken { rounds: 1, reason: Text::same("two in one") };
    assert_eq!(failing(&with(NEAR, Fix::Json, broken)), ["whole"]);
}

#[test]
fn a_void_run_is_neither_a_success_nor_a_failure() {
    let findings = judge(&with(NEAR, Fix::LockStep, Measurement::Void(Text::same("3 packets lost"))));
    assert_eq!(findings.verdict, Verdict::NotPossibleHere(Text::same("3 packets lost")));
    assert_eq!(findings.exit(), Exit::NotHere);
}

/// Every element is closed, in order, and the page or picture asks for nothing from elsewhere.
fn sound(markup: &str) {
    let mut open: Vec<&str> = Vec::new();
    for tag in markup.split('<').skip(1).filter(|tag| !tag.starts_with('!')) {
        let (tag, _) = tag.split_once('>').expect("a tag ends");
        let name = tag.trim_start_matches('/').split(|c: char| c.is_whitespace() || c == '/').next().unwrap_or("");
        match (tag.starts_with('/'), tag.ends_with('/') || ["meta", "br"].contains(&name)) {
            (true, _) => assert_eq!(open.pop(), Some(name), "</{name}>"),
            (false, false) => open.push(name),
            (false, true) => {}
        }
    }
    assert!(open.is_empty(), "{open:?} are left open");
    let outside = markup.replace("http://www.w3.org/2000/svg", "");
    for word in ["http", "script", "url(", "@import", "href", "src="] {
        assert!(!outside.contains(word), "{word}");
    }
}

#[test]
fn the_picture_is_sound_and_says_all_in_text() {
    for (lang, words) in [
        (Lang::En, ["messages a second", "loopback", "RTT 50ms", "sleep broken", "what the delay alone allows"]),
        (Lang::Zh, ["每秒消息数", "回环", "RTT 50ms", "sleep 出错", "只受延迟限制"]),
    ] {
        let picture = svg(&presentation::plot(&results()), lang);
        sound(&picture);
        assert!(picture.contains("prefers-color-scheme: dark"), "dark pages can be read");
        for word in words {
            assert!(picture.contains(word), "{word}: {picture}");
        }
        // Five series over three media; one cell has nothing to show.
        assert_eq!(picture.matches("<path class=\"mark s").count(), 14 + 5, "the marks and the names'");
        assert!(!picture.contains("NaN") && !picture.contains("inf"), "{picture}");
    }
}

#[test]
fn over_loopback_alone_the_picture_has_no_axis() {
    let mut alone = results();
    let reason = Text::same("no link");
    for cell in alone.cells.iter_mut().filter(|cell| cell.medium != Medium::Loopback) {
        cell.outcome = Measurement::NotHere(reason.clone());
    }
    let picture = svg(&presentation::plot(&alone), Lang::En);
    sound(&picture);
    assert!(!picture.contains("RTT") && !picture.contains("NaN"), "{picture}");
    assert_eq!(failing(&alone), [""; 0]);
    let said = text(&alone, Lang::En, 80);
    assert_eq!(said.matches("no link").count(), 1, "the reason once: {said}");
}

#[test]
fn wrong_options_are_explained() {
    for (args, word) in [
        (&["--rtt", "0ms"][..], "at least 100"),
        (&["--rtt", "1ms,soon"], "20ms or 1.5s"),
        (&["--rtt", ""], "--rtt"),
        (&["--rtt", "1h"], "20ms or 1.5s"),
        (&["--messages", "0"], "whole number from 1"),
        (&["--size", "0"], "from 1 to 65536"),
        (&["--size", "1MiB"], "64 KiB"),
        (&["--messages", "5000", "--size", "64KiB"], "16 MiB"),
        (&["--gap", "5"], "20ms or 1.5s"),
        (&["--repeat", "3"], "--repeat"),
        (&["--format", "mermaid"], "cost has no output in that format"),
        (&["--out", "x.svg", "--format", "mermaid"], "cost has no output in that format"),
    ] {
        let ran = run(&[&["cost"], args].concat());
        assert_eq!((ran.code, ran.out.as_str()), (Some(2), ""), "{args:?}: {}", ran.err);
        assert!(ran.err.contains(word), "{args:?} should say {word:?}: {}", ran.err);
    }
}

/// Sockets and links as they are.
#[cfg(target_os = "linux")]
mod measured_here {
    use super::sound;
    use crate::common::{BINARY, Ran, finished, run, spawn};
    use serde_json::Value;

    const QUICK: [&str; 7] = ["cost", "--messages", "4", "--gap", "2ms", "--rtt", "2ms"];

    fn quick(more: &[&str]) -> Ran {
        run(&[QUICK.as_slice(), more].concat())
    }

    /// What must hold holds, and the figures fit each other.
    #[test]
    fn measured_for_programs() {
        let ran = quick(&["--format", "json"]);
        assert_eq!(ran.code, Some(0), "{}\n{}", ran.out, ran.err);
        let lines: Vec<Value> = ran.out.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
        let cells: Vec<&Value> = lines.iter().filter(|line| line["type"] == "cell").collect();
        let named: Vec<&str> = cells.iter().filter_map(|cell| cell["fix"].as_str()).collect();
        assert_eq!(named, ["none", "sleep", "ack", "i32le", "json"].repeat(2), "loopback, then the link");
        let ack = cells[7];
        assert_eq!((&ack["rtt_us"], &ack["theory_us"]), (&2000.into(), &9000.into()), "four round trips and a half");
        assert!(ack["total_us"].as_u64() >= Some(9000), "{ack}");
        assert_eq!((&ack["waits"], &ack["segments"]), (&4.into(), &12.into()));
        for cell in &cells[5..] {
            // A sleep may be too short on a machine that is busy: then it is not timed.
            let timed = cell["state"] == "measured";
            assert!(
                timed || cell["fix"] == "sleep" && cell["total_us"].is_null() && cell["reason"].is_string(),
                "{cell}"
            );
            let [packets, segments] = [&cell["packets"], &cell["segments"]].map(Value::as_u64);
            assert!(!timed || packets >= segments && segments.is_some(), "acknowledgements are packets, too: {cell}");
        }
        assert!(cells[..5].iter().all(|cell| cell["packets"].is_null()), "loopback does not tell");
        let summary = lines.last().expect("a summary");
        assert_eq!((&summary["type"], &summary["verdict"]), (&"summary".into(), &"reproduced".into()));
        assert_eq!(lines.iter().filter(|line| line["type"] == "claim" && line["holds"] == true).count(), 5);
    }

    #[test]
    fn measured_for_people_in_both_languages() {
        for (lang, words) in
            [("en", ["magnifies the network's delay", "round trip"]), ("zh", ["会放大网络延迟", "已复现"])]
        {
            let ran = quick(&["--lang", lang]);
            assert_eq!((ran.code, ran.err.as_str()), (Some(0), ""), "{}", ran.out);
            let said: String = ran.out.lines().collect::<Vec<_>>().join(if lang == "en" { " " } else { "" });
            assert!(words.iter().all(|word| said.contains(word)), "{said}");
            assert!(!ran.out.contains('\u{1b}') && (lang == "zh" || ran.out.is_ascii() || ran.out.contains('§')));
        }
    }

    #[test]
    fn a_file_has_the_format_of_its_name() {
        let folder = stickdemo::sys::scratch::Scratch::folder("cost").expect("a folder");
        for (name, lang, begins, word) in [
            ("plot.svg", "en", "<svg ", "messages a second"),
            ("plot.svg", "zh", "<svg ", "每秒消息数"),
            ("page.html", "zh", "<!DOCTYPE html>", "会放大网络延迟"),
            ("page.html", "en", "<!DOCTYPE html>", "magnifies the network's delay"),
        ] {
            let file = folder.path().join(name);
            let ran = quick(&["--lang", lang, "--out", file.to_str().expect("UTF-8")]);
            assert_eq!((ran.code, ran.out.as_str(), ran.err.as_str()), (Some(0), "", ""), "{name}");
            let written = std::fs::read_to_string(&file).expect("the file");
            sound(&written);
            assert!(written.starts_with(begins) && written.contains(word), "{name} {lang}: {written}");
        }
    }

    /// In a user namespace of its own that may hold no network namespace.
    #[test]
    fn without_a_link_loopback_is_measured_unless_the_link_was_asked_for() {
        let without = |args: &str| {
            let script = format!("echo 0 > /proc/sys/user/max_net_namespaces && exec {} cost {args}", BINARY);
            let mut unshare = std::process::Command::new("unshare");
            unshare.args(["--user", "--map-root-user", "sh", "-c", &script]).env("STICKDEMO_LANG", "en");
            finished(spawn(unshare.stdin(std::process::Stdio::null())))
        };
        let ran = without("--messages 4 --gap 2ms");
        assert_eq!(ran.code, Some(0), "{}\n{}", ran.out, ran.err);
        assert!(ran.err.contains("over loopback only: no packet link"), "{}", ran.err);
        assert!(ran.out.contains("likewise") && ran.out.contains("max_net_namespaces"), "{}", ran.out);
        let ran = without("--messages 4 --rtt 2ms");
        assert_eq!((ran.code, ran.out.as_str()), (Some(3), ""), "{}", ran.err);
        assert!(ran.err.contains("no packet link"), "{}", ran.err);
    }
}
