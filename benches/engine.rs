//! What recording costs, and that mapping and rendering grow linearly: `cargo bench --bench engine`.

#![allow(missing_docs, reason = "criterion's macro makes a public function")]

use criterion::{BatchSize, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use std::net::SocketAddr;
use std::time::{Duration, Instant, SystemTime};
use stickdemo::claims::Judge;
use stickdemo::net::Settings;
use stickdemo::play::{Outcome, Plan};
use stickdemo::render::Style;
use stickdemo::scenarios::find;
use stickdemo::trace::{Call, EndName, Event, Handed, Proto, Recorder, Role, Sink, Tie, Trace};

const CLIENT: EndName = EndName::only(Role::Client);
const SERVER: EndName = EndName::only(Role::Server);

/// A raw recording of `events` events: one message a send, received in pieces that fit nothing.
fn recording(events: usize) -> Trace {
    let recorder = Recorder::default();
    let (client, server) = (recorder.socket(CLIENT, Proto::Tcp), recorder.socket(SERVER, Proto::Tcp));
    let [a, b]: [SocketAddr; 2] = [([127, 0, 0, 1], 1).into(), ([127, 0, 0, 1], 2).into()];
    recorder.addresses(client, Some(a), Some(b));
    recorder.addresses(server, Some(b), Some(a));
    let bytes = *b"hello feng";
    for _ in 0..events / 2 {
        let id = recorder.message(CLIENT, bytes.as_slice().into(), 4, None);
        let mut event = Event::new(CLIENT, Call::Send);
        event.sock = Some(client);
        event.asked = Some(bytes.len());
        event.returned = Some(bytes.len());
        event.bytes = bytes.to_vec();
        event.handed = Some(Handed { msg: id, offset: 0 });
        recorder.push(event);
    }
    let mut left = events / 2 * bytes.len();
    for i in 0.. {
        let n = [7, 13, 10][i % 3].min(left);
        if n == 0 {
            break;
        }
        left -= n;
        let mut event = Event::new(SERVER, Call::Recv);
        event.sock = Some(server);
        event.asked = Some(n);
        event.returned = Some(n);
        event.bytes = vec![0; n];
        recorder.push(event);
    }
    recorder.take()
}

/// Events a recorder holds in this benchmark: more than any scenario, not so many that memory is measured.
const HELD: u64 = 10_000;

fn record(c: &mut Criterion) {
    c.bench_function("record one event", |b| {
        b.iter_custom(|times| {
            let mut spent = Duration::ZERO;
            for done in (0..times).step_by(HELD as usize) {
                let recorder = Recorder::default();
                let sock = recorder.socket(CLIENT, Proto::Tcp);
                let began = Instant::now();
                for _ in 0..HELD.min(times - done) {
                    let mut event = Event::new(CLIENT, Call::Send);
                    event.sock = Some(sock);
                    event.t_us = recorder.now_us();
                    event.end_us = recorder.now_us();
                    event.bytes = b"hello".to_vec();
                    recorder.push(event);
                }
                spent += began.elapsed();
            }
            spent
        });
    });
}

fn map_and_render(c: &mut Criterion) {
    let mut group = c.benchmark_group("map and render");
    group.sample_size(10).measurement_time(Duration::from_secs(3));
    for events in [10_000, 20_000, 50_000, 100_000] {
        group.throughput(Throughput::Elements(events as u64));
        let raw = recording(events);
        let scenario = find("tcp-naive").expect("in the list");
        let plan = Plan::new(scenario.experiment.clone());
        let chosen = Settings::NONE;
        group.bench_function(BenchmarkId::from_parameter(events), |b| {
            b.iter_batched(
                || raw.clone(),
                |raw| {
                    let trace = raw.finish(Tie::Clock);
                    let findings = Judge::new(&trace, false).finish();
                    let summary = trace.summary();
                    let outcome = Outcome {
                        trace,
                        findings,
                        summary,
                        failure: None,
                        began: SystemTime::UNIX_EPOCH,
                        took: Duration::ZERO,
                    };
                    let report = stickdemo::commands::report(&scenario, &plan, outcome, &chosen, false);
                    let mut out = std::io::sink();
                    stickdemo::render::terminal(&mut out, &report, &Style::plain(), &mut ()).expect("a sink");
                    stickdemo::render::run_json(&mut out, &report, Style::plain().lang).expect("a sink");
                },
                BatchSize::PerIteration,
            );
        });
    }
    group.finish();
}

criterion_group!(benches, record, map_and_render);
criterion_main!(benches);
