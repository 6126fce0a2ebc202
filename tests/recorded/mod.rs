//! Runs, written as lines, read back, and rendered.

use stickdemo::commands::report;
use stickdemo::net::Settings;
use stickdemo::play::{self, Plan};
use stickdemo::render::report::{Reader, lines};
use stickdemo::render::{self, Extent, Report, Style};
use stickdemo::scenarios::Scenario;
use stickdemo::text::Lang;

/// The report of a run on loopback, or over a link.
pub fn played(scenario: &Scenario, link: bool, control: bool, stable: bool) -> Report {
    let mut plan = Plan::new(if control { scenario.controlled() } else { scenario.experiment.clone() });
    (plan.steady, plan.link) = (stable, None);
    if link {
        plan = plan.over(play::seeded(scenario.experiment.usual_link(), stable));
    }
    let outcome = play::run(&plan);
    report(scenario, &plan, outcome, &Settings { recv_size: Some(7), ..Settings::NONE }, control)
}

pub fn written(report: &Report, lang: Lang) -> String {
    let mut out = Vec::new();
    lines::run(&mut out, report, lang).expect("memory");
    String::from_utf8(out).expect("UTF-8")
}

fn read(lines: &str) -> Vec<Report> {
    let read: Result<Vec<Report>, _> = Reader::new(lines.as_bytes()).collect();
    read.unwrap_or_else(|damage| panic!("{}\n{lines}", damage.text("it")))
}

/// The same report in every form, language and width.
fn rendered(report: &Report) -> Vec<String> {
    let mut all = Vec::new();
    for lang in [Lang::En, Lang::Zh] {
        use Extent::{Brief, Full, Screen};
        for (width, unicode, extent) in [
            (80, false, Screen),
            (40, true, Screen),
            (80, false, Full),
            (40, true, Full),
            (80, false, Brief),
            (40, true, Brief),
        ] {
            let style = Style { lang, width, unicode, extent, ..Style::plain() };
            let mut out = Vec::new();
            render::terminal(&mut out, report, &style, &mut ()).expect("memory");
            render::mermaid(&mut out, report, &style).expect("memory");
            all.push(String::from_utf8(out).expect("UTF-8"));
        }
        all.push(written(report, lang));
    }
    all
}

/// With and without its cause, with times and without: what was written and read is what was played, in every form.
pub fn is_shown_as_it_was(scenario: &Scenario, link: bool) {
    for (control, stable) in [(false, false), (false, true), (true, false), (true, true)] {
        let report = played(scenario, link, control, stable);
        let back = read(&written(&report, if control { Lang::Zh } else { Lang::En }));
        assert!(back == [report.clone()], "{}: {back:?}\n{report:?}", scenario.id);
        assert_eq!(rendered(&back[0]), rendered(&report), "{}", scenario.id);
    }
}
