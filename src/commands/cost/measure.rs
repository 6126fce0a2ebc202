//! Runs one exchange, checks from its recording that every message came whole and in order, and counts.

use super::exchange::Exchange;
use super::results::{Figures, Measurement, median};
use super::terms::{Fix, Load, Medium};
use crate::net::{Allowance, NetError, Settings};
use crate::play::{self, Experiment, LIMIT, Plan};
use crate::say;
use crate::text::Text;
use crate::trace::packet::{Flags, Packet};
use crate::trace::{Call, Event, Message, Role, Trace};
use std::time::Duration;

/// One round's figures.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Sample {
    total: Duration,
    waits: u64,
    segments: Option<u64>,
    packets: Option<u64>,
    wire_bytes: Option<u64>,
}

/// What came of one round.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Round {
    /// Every message whole and in order.
    Timed(Sample),
    /// Not so; what was seen.
    Broken(Text),
    /// The machine itself lost packets.
    Void(Text),
}

/// The rounds of a cell so far.
#[derive(Clone, Debug, Default)]
pub(super) struct Rounds {
    samples: Vec<Sample>,
    broken: Vec<Text>,
    void: Option<Text>,
}

impl Rounds {
    /// Takes one more round.
    pub(super) fn add(&mut self, round: Round) {
        match round {
            Round::Timed(sample) => self.samples.push(sample),
            Round::Broken(reason) => self.broken.push(reason),
            Round::Void(reason) => self.void = Some(reason),
        }
    }

    /// A single round that is void or broken leaves nothing to be timed.
    pub(super) fn outcome(self) -> Measurement {
        let middle = |of: fn(&Sample) -> Option<u64>| median(self.samples.iter().filter_map(of).collect());
        match (self.void, self.broken.first()) {
            (Some(reason), _) => Measurement::Void(reason),
            (None, Some(reason)) => Measurement::Broken { rounds: self.broken.len(), reason: reason.clone() },
            (None, None) => {
                let mut totals: Vec<Duration> = self.samples.iter().map(|sample| sample.total).collect();
                totals.sort();
                Measurement::Measured(Figures {
                    totals,
                    waits: middle(|sample| Some(sample.waits)).unwrap_or_default(),
                    segments: middle(|sample| sample.segments),
                    packets: middle(|sample| sample.packets),
                    wire_bytes: middle(|sample| sample.wire_bytes),
                })
            }
        }
    }
}

/// Runs one round.
///
/// # Errors
/// What this machine could not do.
pub(super) fn once(medium: Medium, load: &Load, exchange: &Exchange) -> Result<Round, Text> {
    let (mut trace, failure, void) = play::perform(&plan(medium, load, exchange))?.came_to();
    if let Some(reason) = void {
        return Ok(Round::Void(reason));
    }
    // A recording that was full cannot tell how many there were.
    let complete = medium.rtt().is_some() && trace.unrecorded == 0;
    let packets = std::mem::take(&mut trace.packets);
    let packets = complete.then_some(packets);
    if let Some(reason) = first_wrong(&trace, load) {
        return Ok(Round::Broken(reason));
    }
    match failure {
        Some(failure) if failure.error.is::<NetError>() && !follows(&failure.error) => Err(failure.text()),
        Some(failure) => {
            let at_the_sender = left_together(&trace, exchange.fix, packets.as_deref().unwrap_or_default());
            Ok(Round::Broken(at_the_sender.unwrap_or_else(|| failure.text())))
        }
        None => Ok(all_there(&trace, load).map_or_else(Round::Broken, |()| Round::Timed(sample(&trace, packets)))),
    }
}

/// Both ends of the exchange, as an experiment that claims nothing.
fn plan(medium: Medium, load: &Load, exchange: &Exchange) -> Plan {
    let (load, exchange) = (*load, *exchange);
    let mut experiment = Experiment::default();
    experiment.client(move |end| exchange.client(end, &load)).server(move |end| exchange.server(end, &load));
    Plan {
        settings: Settings { nodelay: Some(load.nodelay), ..Settings::NONE },
        link: medium.spec(),
        allowed: allowed(medium, &load),
        ..Plan::new(experiment)
    }
}

/// Every message may take a wait, and is as large as was asked for.
fn allowed(medium: Medium, load: &Load) -> Allowance {
    let wait = LIMIT + 8 * medium.rtt().unwrap_or_default() + load.gap;
    Allowance::lasting(wait, wait.saturating_mul(load.messages.saturating_add(1))).unlimited_data()
}

/// Follows from the other end's failure.
fn follows(error: &anyhow::Error) -> bool {
    use std::io::ErrorKind::{BrokenPipe, ConnectionReset};
    error.downcast_ref::<NetError>().is_some_and(|error| {
        matches!(error, NetError::Abandoned) || matches!(error.kind(), Some(BrokenPipe | ConnectionReset))
    })
}

/// The first thing that the receiver took for a message and that is none: each must be the next, whole and alone.
fn first_wrong(trace: &Trace, load: &Load) -> Option<Text> {
    let delivered = trace.calls(Role::Server, Call::Deliver);
    let mut pairs = (1..).zip(delivered.zip(trace.messages_from(Role::Client)));
    let wrong = |event: &Event, sent: &Message| trace.exactly_one(event) != Some(sent.id) || event.bytes != sent.body();
    let (n, (event, _)) = pairs.find(|(_, (event, sent))| wrong(event, sent))?;
    let (got, size) = (event.bytes.len(), load.size);
    Some(say!(
        "what was taken for message {n} had {got} bytes, not {size}",
        "当作第 {n} 条消息取走的有 {got} 字节，不是 {size}"
    ))
}

fn all_there(trace: &Trace, load: &Load) -> Result<(), Text> {
    let (got, all) = (trace.calls(Role::Server, Call::Deliver).count(), load.messages);
    match got == all as usize {
        true => Ok(()),
        false => Err(say!("{got} of {all} messages arrived", "{all} 条消息只到了 {got} 条")),
    }
}

/// Did length and body of the message after the last whole one leave in one segment? Then it was the sender's
/// kernel that put them together: however idle the receiver is, it cannot tell them apart.
fn left_together(trace: &Trace, fix: Fix, packets: &[Packet]) -> Option<Text> {
    let n = trace.calls(Role::Server, Call::Deliver).count();
    let before: usize = trace.messages_from(Role::Client).take(n).map(|m| m.bytes.len()).sum();
    // Of a direction the first byte has the relative sequence number 1.
    let border = (1 + before + trace.messages_from(Role::Client).nth(n)?.header_len) as u64;
    let holds_both = |p: &Packet| {
        let seq = p.segment().filter(|_| p.from == Role::Client).map(|segment| segment.seq);
        seq.is_some_and(|seq| seq < border && border < seq + p.payload_len as u64)
    };
    let number = n + 1;
    (matches!(fix, Fix::Sleep | Fix::Ack) && packets.iter().any(holds_both)).then(|| {
        say!(
            "length and body of message {number} waited in the sender's kernel and left in one segment",
            "第 {number} 条消息的长度和正文都等在发送方内核里，从同一个报文段发出"
        )
    })
}

fn sample(trace: &Trace, packets: Option<Vec<Packet>>) -> Sample {
    let moved = |e: &&Event| e.returned.is_some_and(|n| n > 0);
    let began = trace.calls(Role::Client, Call::Send).map(|e| e.t_us).min().unwrap_or_default();
    let words: Vec<&Event> = trace.calls(Role::Client, Call::Recv).filter(moved).collect();
    let delivered = trace.calls(Role::Server, Call::Deliver);
    let ended = delivered.chain(words.iter().copied()).map(|e| e.end_us).max().unwrap_or_default();
    let exchanged = packets.as_deref().map(exchanged);
    Sample {
        total: Duration::from_micros(ended.saturating_sub(began)),
        waits: words.len() as u64,
        segments: trace.summary().segments,
        packets: exchanged.as_ref().map(|packets| packets.len() as u64),
        wire_bytes: exchanged.as_ref().map(|packets| packets.iter().map(|p| p.bytes.len() as u64).sum()),
    }
}

/// What the messages caused: from the first data segment on, up to the first FIN. Opening and closing a
/// connection costs the same for everyone.
fn exchanged(packets: &[Packet]) -> Vec<&Packet> {
    let closes = |p: &&Packet| p.segment().is_some_and(|segment| segment.flags.has(Flags::FIN));
    packets.iter().skip_while(|p| !p.is_data()).take_while(|p| !closes(p)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOAD: Load = Load { messages: 4, size: 10, gap: Duration::from_millis(1), nodelay: true };

    fn over_loopback(exchange: Exchange) -> Round {
        once(Medium::Loopback, &LOAD, &exchange).unwrap_or_else(|reason| panic!("{reason}"))
    }

    #[test]
    fn the_framings_keep_every_message_and_only_ack_waits() {
        for (fix, waits) in [(Fix::LockStep, 4), (Fix::Ack, 4), (Fix::I32Le, 0), (Fix::Json, 0)] {
            match over_loopback(Exchange::of(fix)) {
                Round::Timed(sample) => assert_eq!((sample.waits, sample.packets), (waits, None), "{fix:?}"),
                other => panic!("{fix:?}: {other:?}"),
            }
        }
    }

    #[test]
    fn a_receiver_that_does_not_keep_messages_apart_is_not_timed() {
        let careless = Exchange {
            receive: |conn, load| {
                // Late: all four are there. One recv takes more than one of them.
                conn.wait_queued(4 * (4 + load.size))?;
                let taken = conn.recv(1024)?;
                conn.deliver(&taken);
                anyhow::bail!("enough seen");
            },
            ..Exchange::of(Fix::I32Le)
        };
        match over_loopback(careless) {
            Round::Broken(reason) => assert!(reason.en.contains("message 1 had 56 bytes, not 10"), "{reason}"),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_length_that_the_body_has_stuck_to_is_not_timed() {
        let hasty = Exchange { send: send_without_sleep, receive: late, fix: Fix::Sleep };
        match over_loopback(hasty) {
            Round::Broken(reason) => assert!(reason.en.contains("out of one recv"), "{reason}"),
            other => panic!("{other:?}"),
        }
    }

    fn send_without_sleep(
        _: &crate::net::End,
        conn: &crate::net::Conn,
        _: &Load,
        m: &crate::net::Outgoing,
    ) -> anyhow::Result<()> {
        Ok(conn.send_all(m.whole())?)
    }

    fn late(conn: &crate::net::Conn, load: &Load) -> anyhow::Result<()> {
        conn.wait_queued(2 + load.size)?;
        (Exchange::of(Fix::Sleep).receive)(conn, load)
    }

    #[test]
    fn one_round_that_failed_leaves_nothing_to_time() {
        let sample =
            Sample { total: Duration::from_millis(1), waits: 0, segments: None, packets: None, wire_bytes: None };
        let outcome = |rounds: [Round; 3]| {
            let mut tally = Rounds::default();
            rounds.into_iter().for_each(|round| tally.add(round));
            tally.outcome()
        };
        let bad = || Round::Broken(Text::same("bad"));
        let good = || Round::Timed(sample);
        assert!(matches!(outcome([good(), good(), good()]), Measurement::Measured(m) if m.totals.len() == 3));
        assert!(matches!(outcome([good(), bad(), good()]), Measurement::Broken { rounds: 1, .. }));
        assert!(matches!(outcome([good(), bad(), Round::Void(Text::same("lost"))]), Measurement::Void(_)));
    }
}
