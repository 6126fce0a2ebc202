//! What the measurements show: judged from counts and from lower bounds; the one comparison of times is of
//! delays that differ by whole round trips.

use super::results::{self, Figures, Measurement, Results};
use super::terms::{Fix, Medium};
use crate::claims::{Claim, Sentence, Verdict};
use crate::exit::Exit;
use crate::say;
use crate::text::quantity::write_duration;
use crate::text::{Text, grouped};
use std::time::Duration;

/// What was found.
#[derive(Clone, Debug)]
pub struct Judgement {
    /// Each with its expected and its actual side.
    pub claims: Vec<Claim>,
    /// What follows from them.
    pub verdict: Verdict,
    /// The lesson, in this run's numbers.
    pub sentences: Vec<Text>,
}

impl Judgement {
    /// What the process should answer.
    pub fn exit(&self) -> Exit {
        match self.verdict {
            Verdict::Reproduced | Verdict::Observed => Exit::Done,
            Verdict::NotReproduced => Exit::Failed,
            Verdict::NotPossibleHere(_) => Exit::NotHere,
        }
    }
}

/// The same fixes over the same medium, both measured.
struct Pair<'a> {
    medium: Medium,
    ack: &'a Figures,
    header: &'a Figures,
}

/// Judges.
pub fn judge(results: &Results) -> Judgement {
    let pairs: Vec<Pair> = results.media().into_iter().filter_map(|medium| pair(results, medium)).collect();
    let linked: Vec<(Duration, &Pair)> = pairs.iter().filter_map(|pair| Some((pair.medium.rtt()?, pair))).collect();
    let mut claims = vec![whole(results)];
    if !pairs.is_empty() {
        claims.push(waits(results, &pairs));
        claims.extend(segments(results, &pairs));
    }
    if !linked.is_empty() {
        claims.push(round_trips(results, &linked));
        claims.push(header_is_faster(&linked));
    }
    Judgement { verdict: verdict(results, &claims), claims, sentences: sentences(results, &linked) }
}

fn pair(results: &Results, medium: Medium) -> Option<Pair<'_>> {
    let figures = |fix| results.cell(medium, fix)?.measured();
    Some(Pair { medium, ack: figures(Fix::Ack)?, header: figures(Fix::I32Le)? })
}

fn verdict(results: &Results, claims: &[Claim]) -> Verdict {
    let void = results.cells.iter().find_map(|cell| match &cell.outcome {
        Measurement::Void(reason) => Some(reason.clone()),
        _ => None,
    });
    match (claims.iter().all(|claim| claim.holds), void) {
        (false, _) => Verdict::NotReproduced,
        (true, Some(reason)) => Verdict::NotPossibleHere(reason),
        (true, None) => Verdict::Reproduced,
    }
}

fn claim(id: &'static str, text: Text, expected: Text, actual: Text, holds: bool) -> Claim {
    let [expected, actual] = [expected, actual].map(Sentence::from);
    Claim { id: id.into(), text, holds, expected, actual, events: Vec::new() }
}

/// `loopback 50, link, RTT 1ms 50`: a value for each medium.
fn each<'a>(pairs: impl IntoIterator<Item = &'a Pair<'a>>, value: impl Fn(&Pair) -> Text) -> Text {
    let clause = |pair: &Pair| {
        let medium = match pair.medium.rtt() {
            Some(rtt) => Text::same(write_duration(rtt)),
            None => pair.medium.text(),
        };
        Text::new("{}: {}", "{}：{}").with(&medium).with(&value(pair))
    };
    let join = |all: Text, next: Text| Text::new("{}; {}", "{}；{}").with(&all).with(&next);
    pairs.into_iter().map(clause).reduce(join).unwrap_or(Text::new("nothing", "无"))
}

fn whole(results: &Results) -> Claim {
    let tried = || results.cells.iter().filter(|c| c.fix.is_framing() && !matches!(c.outcome, Measurement::NotHere(_)));
    let broken = tried().find_map(|cell| match &cell.outcome {
        Measurement::Broken { reason, .. } => Some((cell, reason)),
        _ => None,
    });
    let whole = tried().filter(|cell| cell.measured().is_some()).count();
    let all = tried().filter(|cell| !matches!(cell.outcome, Measurement::Void(_))).count();
    let actual = say!("{whole} of {all}", "{all} 组中 {whole} 组");
    let actual = match broken {
        None => actual,
        Some((cell, reason)) => Text::new("{}; {}, {}: {}", "{}；{}，{}：{}")
            .with(&actual)
            .with(&Text::same(cell.fix.name()))
            .with(&cell.medium.text())
            .with(reason),
    };
    claim(
        "whole",
        Text::new(
            "ack, i32le and json: every message of every round came whole and in order",
            "ack、i32le、json：每一轮的每条消息都完整、按顺序到达",
        ),
        say!("{all} of {all} (fix, medium)", "{all} 组中 {all} 组（解法 × 介质）"),
        actual,
        whole == all && all > 0,
    )
}

fn waits(results: &Results, pairs: &[Pair]) -> Claim {
    let all = results.load.messages;
    let clause = |pair: &Pair| {
        let (ack, header) = (pair.ack.waits, pair.header.waits);
        Text::same(format!("{ack}, {header}"))
    };
    claim(
        "waits",
        Text::new(
            "ack waits for the receiver once a message, a header never",
            "ack 每条消息等接收方一次，带报头的一次也不等",
        ),
        say!("ack {all}, i32le 0", "ack {all} 次，i32le 0 次"),
        each(pairs, clause),
        pairs.iter().all(|pair| pair.ack.waits == u64::from(all) && pair.header.waits == 0),
    )
}

/// Length, acknowledgement and body are never under way together, so nothing can merge them.
fn segments(results: &Results, pairs: &[Pair]) -> Option<Claim> {
    let all = u64::from(results.load.messages);
    let counted = pairs.iter().filter(|pair| pair.ack.segments.is_some() && pair.header.segments.is_some());
    let counted: Vec<&Pair> = counted.collect();
    let three = |pair: &Pair| pair.ack.segments >= Some(3 * all) && pair.header.segments < pair.ack.segments;
    let clause = |pair: &Pair| {
        let number = |n: Option<u64>| n.map(grouped).unwrap_or_default();
        Text::same(format!("{}, {}", number(pair.ack.segments), number(pair.header.segments)))
    };
    let least = grouped(3 * all);
    (!counted.is_empty()).then(|| {
        claim(
            "segments",
            Text::new(
                "ack needs three data segments a message at least, a header fewer",
                "ack 每条消息至少要三个带数据的报文段，带报头的更少",
            ),
            say!("ack {least} or more, i32le fewer", "ack 不少于 {least} 个，i32le 更少"),
            each(counted.iter().copied(), clause),
            counted.iter().all(|pair| three(pair)),
        )
    })
}

fn round_trips(results: &Results, linked: &[(Duration, &Pair)]) -> Claim {
    let fastest = |pair: &Pair| pair.ack.shortest() / results.load.messages;
    claim(
        "ack-round-trip",
        Text::new(
            "with ack a message takes a round trip or more, in the fastest round, too",
            "用 ack 时，每条消息至少花一次往返，最快的一轮也不例外",
        ),
        Text::new("at least the RTT a message", "每条消息不少于一个 RTT"),
        each(linked.iter().map(|(_, pair)| *pair), |pair| Text::same(format!("{} ms", results::ms(fastest(pair))))),
        linked.iter().all(|(rtt, pair)| fastest(pair) >= *rtt),
    )
}

fn header_is_faster(linked: &[(Duration, &Pair)]) -> Claim {
    let clause = |pair: &Pair| {
        let ms = |measured: &Figures| results::ms(measured.total());
        Text::same(format!("{} < {} ms", ms(pair.header), ms(pair.ack)))
    };
    claim(
        "header-is-faster",
        Text::new("all messages with a header take less time than with ack", "全部消息：带报头比 ack 用时少"),
        Text::new("i32le < ack", "i32le < ack"),
        each(linked.iter().map(|(_, pair)| *pair), clause),
        linked.iter().all(|(_, pair)| pair.header.total() < pair.ack.total()),
    )
}

fn sentences(results: &Results, linked: &[(Duration, &Pair)]) -> Vec<Text> {
    let all = results.load.messages;
    let Some((rtt, pair)) = linked.last() else {
        return vec![Text::new(
            "Over loopback a round trip costs next to nothing: what waiting costs, only a link shows.",
            "在回环上，一次往返几乎不花时间：等待的代价要在链路上才看得出来。",
        )];
    };
    let ms = |measured: &Figures| results::ms(measured.total());
    let (ack, header, waits) = (ms(pair.ack), ms(pair.header), pair.ack.waits);
    let times = times(pair.ack.total(), pair.header.total());
    let rtt = write_duration(*rtt);
    let mut sentences = vec![say!(
        "The ack fix magnifies the network's delay (D1 §11, D2): at an RTT of {rtt} its {all} messages took {ack} ms, with 4 bytes of header {header} ms. That is {times} times as long, for {waits} waits.",
        "等确认的解法会放大网络延迟（D1 §11、D2）：RTT 为 {rtt} 时，{all} 条消息用了 {ack} ms，加 4 字节报头只用 {header} ms。前者是后者的 {times} 倍，多等了 {waits} 次。"
    )];
    if let [(first_rtt, first), .., (last_rtt, last)] = linked {
        let rtts = self::times(*last_rtt, *first_rtt);
        let acks = self::times(last.ack.total(), first.ack.total());
        sentences.push(say!(
            "From the shortest to the longest link the RTT grew {rtts} times, and the time with ack {acks} times.",
            "从最短到最长的链路，RTT 变为 {rtts} 倍，ack 的用时变为 {acks} 倍。"
        ));
    }
    sentences
}

/// How many times as long, in two digits: `1.3`, `17`.
pub(super) fn times(long: Duration, short: Duration) -> String {
    let ratio = long.as_secs_f64() / short.as_secs_f64().max(1e-6);
    if ratio < 9.95 { format!("{ratio:.1}") } else { format!("{ratio:.0}") }
}
