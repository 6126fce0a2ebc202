//! No claim holds whatever was recorded: each scenario is played once, and its recording falsified, one value at a
//! time, in the events and packets that a claim names.

use std::collections::BTreeSet;
use std::sync::Arc;
use stickdemo::claims::{Claim, Judge, Verdict};
use stickdemo::play::{self, Experiment, JudgeFn, Linked, Plan};
use stickdemo::scenarios::syllabus;
use stickdemo::text::Text;
use stickdemo::trace::packet::{Cause, Content, Fate, Packet, Segment};
use stickdemo::trace::{Call, Event, Evidence, Message, MsgId, Role, Span, Trace};

/// Something else recorded in an event; it may look at what was really sent.
type OfEvent = (&'static str, fn(&mut Event, &[Message]));

fn more(n: &mut Option<usize>) {
    *n = Some(n.map_or(7, |n| n + 1));
}

fn less(n: &mut Option<usize>) {
    *n = Some(n.map_or(0, |n| n.saturating_sub(1)));
}

/// Each byte belongs to the message behind its own.
fn other_messages(spans: &mut [Span]) {
    spans.iter_mut().for_each(|span| span.msg = MsgId(span.msg.0 + 1));
}

/// The message that its first bytes are of, from the first byte to the last.
fn whole_message(event: &mut Event, messages: &[Message]) {
    let Some(first) = event.spans.first().copied() else { return };
    let Some(message) = messages.iter().find(|m| m.id == first.msg) else { return };
    event.bytes = message.bytes.to_vec();
    event.spans = vec![Span { offset: 0, len: message.bytes.len(), ..first }];
    event.returned = Some(message.bytes.len());
}

/// Every count that the kernel told is another.
fn every(evidence: &mut Evidence, change: fn(u32) -> Option<u32>) {
    let Evidence { queued, segments_out, segments_in, acks_out, retransmissions, .. } = evidence;
    for field in [queued, segments_out, segments_in, acks_out, retransmissions] {
        *field = field.and_then(change);
    }
    let Evidence { unsent, unacked, peer_window, backoff, mss, dropped, unread, .. } = evidence;
    for field in [unsent, unacked, peer_window, backoff, mss, dropped, unread] {
        *field = field.and_then(change);
    }
}

const OF_EVENT: [OfEvent; 36] = [
    ("no bytes", |e, _| (e.bytes, e.spans) = (vec![], vec![])),
    ("the whole message", whole_message),
    ("other bytes", |e, _| e.bytes.iter_mut().for_each(|byte| *byte ^= 0x20)),
    ("the kernel counts nothing", |e, _| every(&mut e.evidence, |_| Some(0))),
    ("a segment more", |e, _| e.evidence.segments_out = e.evidence.segments_out.map(|n| n + 1)),
    ("returned more", |e, _| more(&mut e.returned)),
    ("returned less", |e, _| less(&mut e.returned)),
    ("returned nothing", |e, _| e.returned = None),
    ("asked for more", |e, _| more(&mut e.asked)),
    ("asked for less", |e, _| less(&mut e.asked)),
    ("an error", |e, _| e.error = Some("EIO".into())),
    ("no error", |e, _| (e.error, e.returned) = (None, Some(0))),
    ("a byte less", |e, _| e.bytes.truncate(e.bytes.len().saturating_sub(1))),
    ("asked for what it moved", |e, _| e.asked = Some(e.bytes.len())),
    ("a connection", |e, _| e.call = Call::Connect),
    ("the kernel counts one", |e, _| every(&mut e.evidence, |_| Some(1))),
    ("no spans", |e, _| e.spans.clear()),
    ("other messages", |e, _| other_messages(&mut e.spans)),
    ("other offsets", |e, _| e.spans.iter_mut().for_each(|span| span.offset += 1)),
    ("shorter spans", |e, _| e.spans.iter_mut().for_each(|span| span.len = span.len.saturating_sub(1))),
    ("a span twice", |e, _| e.spans.extend(e.spans.first().copied())),
    ("handed nothing", |e, _| e.handed = None),
    ("no peer", |e, _| e.peer = None),
    ("another peer", |e, _| e.peer = Some(([192, 0, 2, 1], 9).into())),
    ("nothing known of the kernel", |e, _| e.evidence = Evidence::default()),
    ("the kernel counts more", |e, _| every(&mut e.evidence, |n| Some(n + 1))),
    ("no note", |e, _| e.note = None),
    ("another note", |e, _| e.note = Some(Box::new(Text::new("something else", "别的")))),
    ("nothing made", |e, _| e.made.clear()),
    ("something else made", |e, _| e.made = b"something else".to_vec()),
    ("a longer datagram", |e, _| more(&mut e.datagram_len)),
    ("no datagram", |e, _| e.datagram_len = None),
    ("cut or not", |e, _| e.truncated = !e.truncated),
    ("in no act", |e, _| e.act = None),
    ("long before", |e, _| (e.t_us, e.end_us) = (0, 0)),
    ("long after", |e, _| (e.t_us, e.end_us) = (e.t_us + 60_000_000, e.end_us + 60_000_000)),
];

/// Something else recorded of a packet.
type OfPacket = (&'static str, fn(&mut Packet));

fn segment(packet: &mut Packet, change: fn(&mut Segment)) {
    if let Content::Tcp(segment) = &mut packet.content {
        change(segment);
    }
}

const OF_PACKET: [OfPacket; 18] = [
    ("a byte more", |p| p.payload_len += 1),
    ("no payload", |p| (p.payload_len, p.spans) = (0, vec![])),
    ("no spans", |p| p.spans.clear()),
    ("other messages", |p| other_messages(&mut p.spans)),
    ("dropped", |p| (p.fate, p.arrivals) = (Fate::Dropped(Cause::Asked), vec![])),
    ("delivered", |p| p.fate = Fate::Delivered),
    ("delivered, and there", |p| (p.fate, p.arrivals) = (Fate::Delivered, vec![p.t_us + 1000])),
    ("duplicated", |p| (p.fate, p.arrivals) = (Fate::Duplicated, vec![p.t_us + 1000, p.t_us + 1000])),
    ("never there", |p| p.arrivals.clear()),
    ("there once more", |p| p.arrivals.push(p.t_us + 60_000_000)),
    ("there late", |p| p.arrivals.iter_mut().for_each(|at| *at += 60_000_000)),
    ("sent again, or not", |p| segment(p, |s| s.retransmission = !s.retransmission)),
    ("other numbers", |p| segment(p, |s| (s.seq, s.ack) = (s.seq + 1, s.ack + 1))),
    ("another window", |p| segment(p, |s| s.window = if s.window == 0 { 65_536 } else { 0 })),
    ("another protocol", |p| p.content = Content::Other(99)),
    ("no fragment", |p| p.fragment = None),
    ("left early", |p| p.t_us = 0),
    ("left late", |p| p.t_us += 60_000_000),
];

/// Below so many bytes in its events, everything is tried with each claim of a run.
const THOROUGH: usize = 20_000;
/// More often than anything happens in a run.
const AGAIN: usize = 1000;

/// A run, and what judges it.
struct Run {
    id: String,
    trace: Trace,
    judge: JudgeFn,
    found: BTreeSet<String>,
}

/// Of a claim what stays when other values are recorded.
type Name = (String, String);

fn name(claim: &Claim) -> Name {
    (claim.id.to_string(), claim.text.en.to_string())
}

/// How a claim reads whose sides agree on nothing.
const ON_NOTHING: &str = ", but nothing recorded shows it";

/// Fails by what it compares, and not only because nothing is left that would show it.
fn has_failed(claim: Option<Claim>) -> bool {
    claim.is_some_and(|claim| !claim.holds && !claim.actual.exact.en.ends_with(ON_NOTHING))
}

impl Run {
    /// What this recording is judged to show.
    fn judged(&self, trace: &Trace) -> Vec<Claim> {
        let judge = Judge::new(trace, false);
        (self.judge)(&judge);
        judge.finish().claims
    }

    /// What is wrong with these claims, whatever was recorded.
    fn wrong(&mut self, claims: &[Claim], with: &str) {
        for claim in claims {
            let [expected, actual] = [&claim.expected, &claim.actual].map(|side| &side.exact);
            if !claim.holds && (expected.en == actual.en || expected.zh == actual.zh) {
                self.finds(claim, format!("fails ({with}), and both sides say {actual}"));
            }
            let of_none = format!(" {} ", actual.en).contains(" 0 of 0 ");
            if claim.holds && (claim.events.is_empty() || of_none) {
                self.finds(claim, format!("holds on nothing ({with})"));
            }
        }
    }

    fn finds(&mut self, claim: &Claim, what: String) {
        self.found.insert(format!("{} {} {what}", self.id, claim.id));
    }

    /// Changes what a claim names, and where others then show it, those too, until it no longer holds, or names nothing
    /// else. What becomes of it; `None` where it is no longer made.
    fn without(
        &mut self,
        claim: &Claim,
        with: &str,
        mut change: impl FnMut(&mut Trace, &BTreeSet<usize>),
    ) -> Option<Claim> {
        let mut trace = self.trace.clone();
        let mut changed = BTreeSet::new();
        let mut named: BTreeSet<usize> = claim.events.iter().copied().collect();
        loop {
            change(&mut trace, &named);
            changed.append(&mut named);
            let claims = self.judged(&trace);
            self.wrong(&claims, with);
            let now = claims.iter().find(|c| name(c) == name(claim))?;
            named = now.events.iter().copied().filter(|seq| !changed.contains(seq)).collect();
            if !now.holds || named.is_empty() {
                return Some(now.clone());
            }
        }
    }

    /// Does it fail where what it names is recorded otherwise: all of it, or its first event alone?
    fn can_fail(&mut self, claim: &Claim) -> bool {
        // Everything is tried, since any claim may say something wrong then; of a long run, only until this one fails.
        let all = self.trace.events.iter().map(|e| e.bytes.len()).sum::<usize>() < THOROUGH;
        let mut fails = false;
        for (what, change) in OF_EVENT {
            for most in [usize::MAX, 1] {
                if fails && !all {
                    return true;
                }
                let change = |trace: &mut Trace, named: &BTreeSet<usize>| {
                    let Trace { events, messages, .. } = trace;
                    let named = events.iter_mut().filter(|e| named.contains(&e.seq));
                    named.take(most).for_each(|e| change(e, messages));
                };
                fails |= has_failed(self.without(claim, what, change));
            }
        }
        for (what, change) in OF_PACKET {
            if fails && !all {
                return true;
            }
            let change = |trace: &mut Trace, named: &BTreeSet<usize>| {
                trace.packets.iter_mut().filter(|p| named.contains(&p.seq)).for_each(change);
            };
            fails |= has_failed(self.without(claim, what, change));
        }
        let again = |trace: &mut Trace, named: &BTreeSet<usize>| {
            let often = |e: Event| vec![e.clone(); if named.contains(&e.seq) { AGAIN } else { 1 }];
            trace.events = std::mem::take(&mut trace.events).into_iter().flat_map(often).collect();
        };
        fails || has_failed(self.without(claim, "again and again", again))
    }

    /// Everything that is wrong with its claims.
    fn findings(mut self) -> BTreeSet<String> {
        let claims = self.judged(&self.trace);
        self.wrong(&claims, "as it was");
        let names: BTreeSet<Name> = claims.iter().map(name).collect();
        assert_eq!(names.len(), claims.len(), "{}: each claim has a name of its own: {names:?}", self.id);
        for claim in claims.iter().filter(|claim| claim.holds) {
            let removed = self.without(claim, "without it", |trace, named| {
                trace.events.retain(|e| !named.contains(&e.seq));
                trace.packets.retain(|p| !named.contains(&p.seq));
            });
            if removed.is_some_and(|claim| claim.holds) {
                self.finds(claim, "holds without what it names".into());
            }
            if !self.can_fail(claim) {
                self.finds(claim, format!("holds whatever its {} events say", claim.events.len()));
            }
        }
        self.found
    }
}

/// A run of this plan, if this machine can show it.
fn played(id: &str, plan: &Plan) -> Option<Run> {
    let outcome = play::run(plan);
    if let Verdict::NotPossibleHere(_) = outcome.findings.verdict {
        return None;
    }
    assert_eq!(outcome.findings.verdict, Verdict::Reproduced, "{id}: {:?}", outcome.findings);
    let judge = plan.experiment.judge.clone();
    let way = if plan.link.is_some() { " --link" } else { "" };
    Some(Run { id: format!("{id}{way}"), trace: outcome.trace, judge, found: BTreeSet::new() })
}

/// Plays what this machine can show; the names of what it cannot.
fn check(plans: impl Fn(&Experiment) -> Option<Plan>) -> Vec<&'static str> {
    let mut found = BTreeSet::new();
    let mut unseen = Vec::new();
    for scenario in syllabus() {
        let Some(plan) = plans(&scenario.experiment) else { continue };
        match played(scenario.id, &plan) {
            Some(run) => found.extend(run.findings()),
            None => unseen.push(scenario.id),
        }
    }
    let found: Vec<String> = found.into_iter().collect();
    assert!(found.is_empty(), "{}", found.join("\n"));
    unseen
}

/// Claims that compare nothing that was recorded, in each form.
fn compares_nothing(j: &Judge) {
    let recvs = j.recvs(Role::Server).with_data();
    let said = |n: String| Text::same(n);
    j.claim("equal", "equal", "等于").of(&recvs).equal([1usize], [1], |[n]| said(n));
    j.claim("at-least", "at least", "至少").of(&recvs).at_least(0, recvs.len(), said);
    j.claim("fewer-than", "fewer than", "少于").of(&recvs).fewer_than(usize::MAX, recvs.len(), said);
    j.claim("that", "that", "如此").of(&recvs).that(true, Text::same("so"), Text::same("so it is"));
}

#[test]
fn a_claim_that_compares_nothing_is_found() {
    let naive = stickdemo::scenarios::find("tcp-naive").expect("it is in the list");
    let trace = play::run(&Plan::new(naive.experiment)).trace;
    let run = Run { id: "none".into(), trace, judge: Arc::new(compares_nothing), found: BTreeSet::new() };
    let found = run.findings().into_iter().collect::<Vec<_>>().join("\n");
    for id in ["equal", "at-least", "fewer-than", "that"] {
        assert!(found.contains(&format!("none {id} holds whatever its 1 events say")), "{id}: {found}");
    }
}

#[test]
fn no_claim_holds_whatever_was_recorded() {
    let unseen =
        check(|experiment| (!matches!(experiment.linked, Linked::Only)).then(|| Plan::new(experiment.clone())));
    for scenario in syllabus() {
        let possible = (scenario.experiment.impossible)().is_none();
        assert!(!possible || !unseen.contains(&scenario.id), "{}: possible, and not shown", scenario.id);
    }
}

#[test]
fn over_a_link_no_claim_holds_whatever_was_recorded() {
    let over =
        |experiment: &Experiment| Plan::new(experiment.clone()).over(play::seeded(experiment.usual_link(), true));
    let unseen = check(|experiment| Some(over(experiment)));
    let all = syllabus().len();
    let impossible = syllabus().iter().filter(|s| (s.experiment.impossible)().is_some()).count();
    assert!(unseen.len() <= impossible || unseen.len() == all, "a link for some and not for others: {unseen:?}");
}
