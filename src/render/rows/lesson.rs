//! Which rows carry the lesson: those that claims cite, what caused them, and what else moved bytes, in this order.

use super::Row;
use crate::claims::{Claim, is_invariant};
use crate::render::Report;
use crate::trace::{Call, Event, Span, Trace};
use std::collections::HashSet;

/// So many of the events that show a claim are named beside it.
pub const NAMED: usize = 4;
/// No screen has room for more events of one claim; the others come with what moves bytes.
const ROUNDS: usize = 24;

/// The rows by their place, what the claims rest on first. Whoever has less room than all of them need takes from the
/// front: a whole stage of the first two, and of the last none or all.
pub struct Stages {
    /// What the claims cite, each with its causes: event after event, claim by claim.
    pub cited: Vec<usize>,
    /// What else moves bytes.
    pub moving: Vec<usize>,
    /// Everything else.
    pub rest: Vec<usize>,
}

impl Stages {
    /// Of a report and its rows.
    pub fn of(report: &Report, rows: &[Row]) -> Stages {
        let places = RowPlaces::of(report, rows);
        let mut seen = HashSet::new();
        let mut fresh = |places: Vec<usize>| places.into_iter().filter(|at| seen.insert(*at)).collect::<Vec<_>>();
        let cited = fresh(places.cited());
        let moves = |row: &Row| match row {
            Row::Event(row) => moves(row.event),
            Row::Packet(row) => row.packet.is_data(),
            Row::More(_) => true,
        };
        let moving = fresh((0..rows.len()).filter(|at| moves(&rows[*at])).collect());
        let rest = fresh((0..rows.len()).filter(|at| !is_title(&report.trace, &rows[*at])).collect());
        Stages { cited, moving, rest }
    }
}

fn moves(event: &Event) -> bool {
    event.call.sends() || event.call.receives() || event.call == Call::Deliver
}

/// The title of an act, which stands above its rows anyway.
fn is_title(trace: &Trace, row: &Row) -> bool {
    let Row::Event(row) = row else { return false };
    let act = row.event.act.and_then(|act| trace.acts.get(act));
    row.event.call == Call::Process && act.is_some_and(|act| row.event.note.as_deref() == Some(&act.title))
}

/// Where the events of a report stand among its rows.
struct RowPlaces<'a> {
    report: &'a Report,
    /// The first number of each row, and its place.
    first: Vec<(usize, usize)>,
}

impl<'a> RowPlaces<'a> {
    fn of(report: &'a Report, rows: &[Row]) -> RowPlaces<'a> {
        let number = |row: &Row| match row {
            Row::Event(row) => Some(row.event.seq),
            Row::Packet(row) => Some(row.number),
            Row::More(_) => None,
        };
        let first = rows.iter().enumerate().filter_map(|(at, row)| Some((number(row)?, at)));
        RowPlaces { report, first: first.collect() }
    }

    /// The event of this number, if it is one and no packet.
    fn event(&self, seq: usize) -> Option<usize> {
        self.report.trace.events.binary_search_by_key(&seq, |event| event.seq).ok()
    }

    /// Is it cited only for what the kernel counted by then, and nothing was new?
    fn is_silent(&self, seq: usize) -> bool {
        let event = self.event(seq).map(|at| &self.report.trace.events[at]);
        let quiet = |call| matches!(call, Call::Close | Call::Shutdown | Call::Wait);
        event.is_some_and(|event| quiet(event.call) && event.ok() && event.news.is_empty())
    }

    /// The row that shows an event, or stands for it.
    fn place(&self, seq: usize) -> Option<usize> {
        let after = self.first.partition_point(|(number, _)| *number <= seq);
        self.first[..after].last().map(|(_, at)| *at)
    }

    /// First what the answer rests on: so much of the first claim as is named beside it, each event with its causes.
    /// Then the first event of each other claim, the second, and so on.
    fn cited(&self) -> Vec<usize> {
        let claims: Vec<&Claim> = self.report.findings.claims.iter().filter(|claim| !is_invariant(claim)).collect();
        // What fails is what one asks about.
        let (mut claims, held): (Vec<&Claim>, Vec<&Claim>) = claims.into_iter().partition(|claim| !claim.holds);
        claims.extend(held);
        let named = claims.first().map_or(&[][..], |claim| &claim.events[..claim.events.len().min(NAMED)]);
        let longest = claims.iter().map(|claim| claim.events.len()).max().unwrap_or(0).min(ROUNDS);
        let nth = |nth: usize| claims.iter().filter_map(move |claim| claim.events.get(nth).copied()).collect();
        let rounds: Vec<Vec<usize>> = (0..longest).map(nth).collect();
        std::iter::once(named.to_vec()).chain(rounds).flat_map(|round| self.with_causes(round)).collect()
    }

    /// The rows of these events, then those of their causes; not of what says nothing new.
    fn with_causes(&self, mut events: Vec<usize>) -> Vec<usize> {
        events.retain(|seq| !self.is_silent(*seq));
        let rows = events.iter().filter_map(|seq| self.place(*seq));
        rows.chain(events.iter().flat_map(|seq| self.causes(*seq))).collect()
    }

    /// The sends whose bytes a receive call returned, or an application was handed, and what it waited for before; of an
    /// end of the stream the close.
    fn causes(&self, seq: usize) -> Vec<usize> {
        let Some(at) = self.event(seq) else { return Vec::new() };
        let (before, event) = (&self.report.trace.events[..at], &self.report.trace.events[at]);
        let others = before.iter().rev().filter(|other| other.end.role != event.end.role && other.act == event.act);
        let is_close = |other: &&Event| matches!(other.call, Call::Close | Call::Shutdown);
        let causes: Vec<&Event> = match (event.call, event.returned) {
            (Call::Deliver, _) | (Call::Recv | Call::RecvFrom, Some(1..)) => {
                let waited = before.iter().rev().find(|other| other.end == event.end);
                let sends = before.iter().filter(|send| send.call.sends() && send.end.role != event.end.role);
                let sends = sends.filter(|send| send.spans.iter().any(|a| event.spans.iter().any(|b| overlap(a, b))));
                sends.chain(waited.filter(|other| other.call == Call::Wait)).collect()
            }
            (Call::Recv, _) if event.error.as_deref() != Some("EAGAIN") => {
                others.clone().find(is_close).into_iter().collect()
            }
            _ => Vec::new(),
        };
        causes.into_iter().filter_map(|event| self.place(event.seq)).collect()
    }
}

fn overlap(a: &Span, b: &Span) -> bool {
    a.msg == b.msg && a.offset < b.offset + b.len && b.offset < a.offset + a.len
}
