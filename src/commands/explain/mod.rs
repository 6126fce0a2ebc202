//! `explain`: what a scenario shows, what an error means, and what a wrong length really was.

mod symptom;

use crate::cli::Command;
use crate::cli::args::positional;
use crate::cli::command::{Context, Task};
use crate::cli::guess;
use crate::exit::Exit;
use crate::framing::suspect::{Came, Suspicion, of_number, of_stream};
use crate::output::complain;
use crate::render::palette::Ink;
use crate::render::{Format, Style};
use crate::say;
use crate::scenarios::{self, Scenario};
use crate::text::columns::{columns, padded, wrapped};
use crate::text::{Text, escaped, hex};
use serde_json::{Value, json};
use std::io::{self, Write};
use symptom::Symptom;

pub(super) fn command() -> Command {
    let summary = Text::new("a scenario, an error, or a wrong length", "解释场景、错误信息或读错的长度");
    let about = Text::new(
        "What X means: a scenario, an error text or number, a word such as 粘包, or a number (or bytes, 48 54 54 50) \
         that was read as a length.",
        "解释 X：一个场景、一段错误信息或错误号、粘包之类的词，或者被当成长度读的数（或字节：48 54 54 50）。",
    );
    Command::new("explain", summary, |matches, _| {
        let words: Vec<&str> = matches.get_many::<String>("what").into_iter().flatten().map(String::as_str).collect();
        let asked = words.join(" ");
        Ok(Task::new(move |context, out| {
            let answers = answers(&asked, &context.commands);
            if answers.is_empty() {
                complain(&nothing_known(&asked), context.style.lang);
                return Ok(Exit::Usage);
            }
            write(&answers, context, out)
        }))
    })
    .about(about)
    .formats([Format::Text, Format::Json])
    .args(|lang| {
        let help = Text::new("a scenario, an error text, a word, a number, bytes", "场景、错误信息、词、数或字节");
        vec![positional("what", "X", lang, help).num_args(1..).allow_negative_numbers(true)]
    })
    .words([("explain", "meaning symptom error 解释 报错 错误")])
}

/// One thing that it may be.
#[derive(Clone, Debug)]
struct Explained {
    /// The word in JSON.
    kind: &'static str,
    /// What it is called.
    name: Text,
    /// What it means.
    says: Text,
    /// What speaks for it, or why it is so.
    because: Vec<Text>,
    /// Lines to try, and what they show.
    see: Vec<(&'static str, Text)>,
}

/// Everything that this may be, the likeliest first.
fn answers(asked: &str, commands: &[Command]) -> Vec<Explained> {
    let name = guess::normal(asked);
    if let Some(scenario) = scenarios::find(&name) {
        return vec![of_scenario(&scenario)];
    }
    let symptoms = symptom::recognised(asked).into_iter().map(of_symptom);
    let found: Vec<Explained> = symptoms.chain(wrong_lengths(asked)).collect();
    if !found.is_empty() {
        return found;
    }
    let mut lines = guess::lines(asked, commands);
    if lines.is_empty() {
        let words = asked.split_whitespace().flat_map(|word| guess::lines(word, commands));
        lines = words.filter(|line| *line != "explain").collect();
    }
    if lines.is_empty() && name.len() > 2 {
        lines = commands.iter().map(|command| command.name).filter(|known| known.contains(&name)).collect();
    }
    lines.extend(commands.iter().find(|command| command.name == name).map(|command| command.name));
    let mut told = Vec::new();
    for line in lines {
        if !told.contains(&line) {
            told.push(line);
        }
    }
    told.into_iter().map(|line| of_line(line, commands)).collect()
}

fn of_scenario(scenario: &Scenario) -> Explained {
    let id = scenario.id;
    let title = Text::new("{}: {}", "{}：{}").with_all([&Text::same(id), &scenario.title]);
    let why = scenario.teaching.why.iter();
    let control = Text::new("without its cause: {}", "去掉原因：{}").with(&scenario.teaching.control.change);
    let next = scenario.teaching.next.iter().map(|next| (next.command, next.shows.clone()));
    Explained {
        kind: "scenario",
        name: title,
        says: scenario.claim.clone(),
        because: why
            .map(|why| Text::new("{} [{}]", "{} [{}]").with_all([&why.text, &Text::same(why.source)]))
            .chain([control])
            .collect(),
        see: std::iter::once((id, Text::new("runs it", "运行它"))).chain(next).collect(),
    }
}

/// A scenario in full; of any other command what it is for.
fn of_line(line: &'static str, commands: &[Command]) -> Explained {
    let called = line.split(' ').next().unwrap_or_default();
    if let Some(scenario) = scenarios::find(called).filter(|scenario| scenario.id == line) {
        return of_scenario(&scenario);
    }
    let about = commands.iter().find(|command| command.name == called).map(|command| command.about.clone());
    Explained {
        kind: "command",
        name: Text::same(line),
        says: about.unwrap_or_default(),
        because: Vec::new(),
        see: vec![(line, Text::default())],
    }
}

/// What a line shows: a scenario's title, or the command's summary.
fn shown(line: &'static str) -> (&'static str, Text) {
    let called = line.split(' ').next().unwrap_or_default();
    (line, scenarios::find(called).map(|scenario| scenario.title).unwrap_or_default())
}

fn of_symptom(symptom: &Symptom) -> Explained {
    let name = Text::same(symptom.name);
    let name = match symptom.errno {
        None => name,
        Some([linux, macos, windows]) => Text::new("{} ({})", "{}（{}）").with_all([
            &name,
            &say!(
                "{linux} on Linux, {macos} on macOS, {windows} on Windows",
                "Linux {linux}，macOS {macos}，Windows {windows}"
            ),
        ]),
    };
    Explained {
        kind: "symptom",
        name,
        says: symptom.means.clone(),
        because: Vec::new(),
        see: symptom.see.iter().map(|line| shown(line)).collect(),
    }
}

/// What the number, or the bytes, or the likeliest number within a text, really was.
fn wrong_lengths(asked: &str) -> Vec<Explained> {
    let told = |suspicions: Vec<Suspicion>, name: Text| -> Vec<Explained> {
        let answer = |suspicion: Suspicion| Explained {
            kind: "length",
            name: name.clone(),
            says: suspicion.what.clone(),
            because: vec![suspicion.because.clone()],
            see: vec![shown(suspicion.culprit.shown_by())],
        };
        suspicions.into_iter().map(answer).collect()
    };
    if let Some(bytes) = bytes(asked) {
        let name = Text::new("{} where a length was due", "长度处是 {}").with(&Text::same(hex::spaced(&bytes)));
        return told(of_stream(None, &Came::all(&bytes)), name);
    }
    let named = |n: i128| say!("{n} read as a length", "{n} 被当作长度");
    if let Some(n) = number(asked) {
        return told(of_number(n), named(n));
    }
    let words = asked.split(|c: char| !c.is_ascii_alphanumeric() && c != '-');
    let numbers = words.filter_map(number).filter(|n| n.unsigned_abs() > 999);
    let likely = numbers.filter_map(|n| Some((n, of_number(n).into_iter().next().filter(Suspicion::is_strong)?)));
    let likeliest = likely.reduce(|a, b| if b.1.is_likelier_than(&a.1) { b } else { a });
    likeliest.map_or(Vec::new(), |(n, suspicion)| told(vec![suspicion], named(n)))
}

/// A number as people copy it: `369,295,617`, `0x16030100`, `-1`.
fn number(word: &str) -> Option<i128> {
    let plain: String = word.trim().chars().filter(|c| !matches!(c, ',' | '_')).collect();
    match plain.strip_prefix("0x") {
        Some(digits) => i128::from_str_radix(digits, 16).ok(),
        None => plain.parse().ok(),
    }
}

/// At least four bytes as people copy them: `16 03 01 00`.
fn bytes(asked: &str) -> Option<Vec<u8>> {
    let pairs: Vec<&str> = asked.split_whitespace().collect();
    let all_pairs = pairs.len() >= 4 && pairs.iter().all(|pair| pair.len() == 2);
    hex::parse(&pairs.concat().to_lowercase()).filter(|_| all_pairs)
}

fn nothing_known(asked: &str) -> Text {
    let shown = escaped(asked);
    if let Some(n) = number(asked) {
        return say!(
            "{n}: no error has this number, and as a length nothing speaks against it",
            "{n}：没有这个错误号；作为长度，它也没有可疑之处"
        );
    }
    let scenarios = scenarios::syllabus();
    let names: Vec<&str> = scenarios.iter().map(|scenario| scenario.id).collect();
    match guess::nearest(asked, &names) {
        Some(near) => say!(
            "nothing is known about {shown}; did you mean stickdemo explain {near}?",
            "没有关于 {shown} 的内容；你是不是想用 stickdemo explain {near}？"
        ),
        None => say!(
            "nothing is known about {shown}; stickdemo list shows the scenarios",
            "没有关于 {shown} 的内容；stickdemo list 列出所有场景"
        ),
    }
}

fn write(answers: &[Explained], context: &Context, out: &mut dyn Write) -> io::Result<Exit> {
    for (at, answer) in answers.iter().enumerate() {
        match context.format {
            Format::Json => writeln!(out, "{}", line(answer, &context.style))?,
            _ if at > 0 => {
                writeln!(out)?;
                text(answer, answers[at - 1].name != answer.name, &context.style, out)?;
            }
            _ => text(answer, true, &context.style, out)?,
        }
    }
    Ok(Exit::Done)
}

fn line(answer: &Explained, style: &Style) -> Value {
    let to = |text: &Text| text.to(style.lang).to_owned();
    json!({
        "type": answer.kind,
        "name": to(&answer.name),
        "text": to(&answer.says),
        "because": answer.because.iter().map(to).collect::<Vec<_>>(),
        "see": answer.see.iter().map(|(line, _)| *line).collect::<Vec<_>>(),
    })
}

/// The name once above all that it may be.
fn text(answer: &Explained, named: bool, style: &Style, out: &mut dyn Write) -> io::Result<()> {
    if named {
        for line in wrapped(answer.name.to(style.lang), style.width) {
            writeln!(out, "{}", style.palette.paint(&line, Ink::Strong))?;
        }
    }
    for line in wrapped(answer.says.to(style.lang), style.width.saturating_sub(2)) {
        writeln!(out, "  {line}")?;
    }
    let lines: Vec<String> = answer.because.iter().map(|because| because.to(style.lang).to_owned()).collect();
    block(out, Text::new("because", "依据").to(style.lang), &lines, style)?;
    let room = style.width.saturating_sub(INDENT);
    let see = answer.see.iter().flat_map(|(line, shows)| {
        let (line, shows) = (format!("stickdemo {line}"), shows.to(style.lang));
        match format!("{}  {shows}", padded(&line, 30)) {
            both if columns(&both) <= room => vec![both.trim_end().to_owned()],
            _ => vec![line, format!("  {shows}")],
        }
    });
    block(out, Text::new("see", "看").to(style.lang), &see.collect::<Vec<_>>(), style)
}

/// Where the text behind a label begins, in columns.
const INDENT: usize = 10;

/// Lines behind a label, each wrapped.
fn block(out: &mut dyn Write, label: &str, lines: &[String], style: &Style) -> io::Result<()> {
    let mut label = label;
    for line in lines.iter().flat_map(|line| wrapped(line, style.width.saturating_sub(INDENT))) {
        writeln!(out, "  {}{line}", style.palette.paint(&padded(label, INDENT - 2), Ink::Faint))?;
        label = "";
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::every;
    use crate::framing::Kind;
    use crate::framing::suspect::Culprit;
    use crate::text::Lang;

    /// What is named first for a question.
    fn first(asked: &str) -> (&'static str, &'static str) {
        let answers = answers(asked, &every());
        let answer = answers.first().unwrap_or_else(|| panic!("{asked}: nothing"));
        (answer.kind, answer.see[0].0)
    }

    #[test]
    fn what_people_ask_leads_to_the_right_place() {
        for (asked, kind, line) in [
            ("tcp-naive", "scenario", "tcp-naive"),
            ("TCP_NAIVE", "scenario", "tcp-naive"),
            ("粘包", "symptom", "tcp-naive"),
            ("tcp粘包问题", "symptom", "tcp-naive"),
            ("半包", "symptom", "tcp-short-recv"),
            ("拆包", "symptom", "tcp-split"),
            ("nagle", "scenario", "tcp-nagle"),
            ("demo", "scenario", "tcp-naive"),
            ("server", "command", "serve upper"),
            ("why do my messages stick together", "scenario", "tcp-naive"),
            ("40 ms", "symptom", "tcp-stall"),
            ("10040", "symptom", "udp-truncate"),
            ("10054", "symptom", "tcp-close"),
            ("ConnectionResetError: [Errno 104] Connection reset by peer", "symptom", "tcp-close"),
            ("OSError: [WinError 10048]", "symptom", "tcp-reuseaddr"),
            ("OSError: [Errno 98] Address already in use", "symptom", "tcp-reuseaddr"),
            ("json.decoder.JSONDecodeError: Extra data: line 1 column 79 (char 78)", "symptom", "tcp-naive"),
            ("struct.error: unpack requires a buffer of 4 bytes", "symptom", "fix-one-recv"),
            ("bufio.Scanner: token too long", "symptom", "fix-delimiter"),
            ("1277174131", "length", "fix-exact"),
            ("1,213,486,160", "length", "fix-header"),
            ("0x16030100", "length", "fix-header"),
            ("16 03 01 00", "length", "fix-header"),
            ("-442977561", "length", "fix-exact"),
            ("1446", "length", "tcp-split"),
        ] {
            assert_eq!(first(asked), (kind, line), "{asked}");
        }
        for none in ["zzz", "5", "1147", ""] {
            assert!(answers(none, &every()).is_empty(), "{none}: {:?}", answers(none, &every()));
        }
    }

    #[test]
    fn the_number_in_an_error_is_looked_at_too() {
        for (asked, says) in [
            ("Invalid receive (size = 369295617 larger than 104857600)", "TLS"),
            ("Adjusted frame length exceeds 8192: 12346 - discarded", "digits"),
            ("frame size 1213486160 is larger than max", "HTTP response"),
        ] {
            let answers = answers(asked, &every());
            let kinds: Vec<_> = answers.iter().map(|answer| answer.kind).collect();
            assert_eq!(kinds, ["symptom", "length"], "{asked}");
            assert!(answers[1].says.en.contains(says), "{asked}: {}", answers[1].says);
        }
    }

    #[test]
    fn every_line_that_is_named_can_be_run() {
        let culprits = [
            Culprit::OtherProtocol,
            Culprit::Text,
            Culprit::Turned,
            Culprit::Width,
            Culprit::Shifted,
            Culprit::CountsItself,
            Culprit::Characters,
            Culprit::Several,
            Culprit::Segment,
        ];
        let framed = Kind::ALL.map(Culprit::Framed);
        let culprits = culprits.into_iter().chain(framed).map(Culprit::shown_by);
        for line in symptom::SYMPTOMS.iter().flat_map(|symptom| symptom.see).copied().chain(culprits) {
            let words = std::iter::once("stickdemo").chain(line.split(' ')).map(Into::into).collect();
            assert!(crate::commands::parse(words, Lang::En).is_ok(), "{line}");
        }
    }
}
