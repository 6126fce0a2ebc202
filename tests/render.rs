//! What people see, from traces built by hand: the real text, white space kept. Snapshots are files
//! beside this one; `cargo insta review` (or INSTA_UPDATE=always) accepts a change that is meant.

use std::net::SocketAddr;
use std::time::{Duration, SystemTime};
use stickdemo::claims::{Findings, Judge};
use stickdemo::net::Settings;
use stickdemo::play::{Failure, Outcome, Plan, Side};
use stickdemo::render::palette::Palette;
use stickdemo::render::{self, Extent, Style};
use stickdemo::scenarios::{Explanation, find};
use stickdemo::text::{Lang, Text};
use stickdemo::trace::{Call, EndName, Event, Fact, Handed, Proto, Recorder, Role, Sink, SockId, Tie, Trace};

const CLIENT: EndName = EndName::only(Role::Client);
const SERVER: EndName = EndName::only(Role::Server);

/// A recording in the making: events a tenth of a millisecond apart.
struct Stage {
    recorder: Recorder,
    now: u64,
}

impl Stage {
    fn new(roles: &[Role]) -> Stage {
        Stage { recorder: Recorder::new(roles.to_vec()), now: 0 }
    }

    fn pair(&self, proto: Proto) -> (SockId, SockId) {
        let (client, server) = (self.recorder.socket(CLIENT, proto), self.recorder.socket(SERVER, proto));
        let [a, b]: [SocketAddr; 2] = [([127, 0, 0, 1], 40_001).into(), ([127, 0, 0, 1], 9000).into()];
        self.recorder.addresses(client, Some(a), Some(b));
        self.recorder.addresses(server, Some(b), Some(a));
        (client, server)
    }

    fn push(&mut self, end: EndName, call: Call, sock: SockId, fill: impl FnOnce(&mut Event)) {
        let mut event = Event::new(end, call);
        event.sock = Some(sock);
        event.returned = Some(0);
        self.now += 50;
        event.t_us = self.now;
        self.now += 50;
        event.end_us = self.now;
        fill(&mut event);
        self.recorder.push(event);
    }

    fn send(&mut self, sock: SockId, bytes: &[u8], header: usize, label: Option<Text>, segments: u32) {
        let id = self.recorder.message(CLIENT, bytes.into(), header, label);
        self.push(CLIENT, Call::Send, sock, |e| {
            e.asked = Some(bytes.len());
            e.returned = Some(bytes.len());
            e.bytes = bytes.to_vec();
            e.handed = Some(Handed { msg: id, offset: 0 });
            e.evidence.segments_out = Some(segments);
            e.evidence.retransmissions = Some(0);
            e.evidence.unsent = Some(0);
        });
    }

    fn recv(&mut self, sock: SockId, asked: usize, bytes: &[u8], left: u32) {
        self.push(SERVER, Call::Recv, sock, |e| {
            e.asked = Some(asked);
            e.returned = Some(bytes.len());
            e.bytes = bytes.to_vec();
            e.evidence.queued = Some(left);
        });
    }

    fn finish(self) -> Trace {
        self.recorder.take().finish(Tie::Clock)
    }
}

/// hello, feng, and a late receiver.
fn merged() -> Trace {
    let mut stage = Stage::new(&[Role::Client, Role::Server]);
    let (client, server) = stage.pair(Proto::Tcp);
    stage.push(SERVER, Call::Listen, server, |e| e.peer = Some(([127, 0, 0, 1], 9000).into()));
    stage.push(CLIENT, Call::Connect, client, |e| e.peer = Some(([127, 0, 0, 1], 9000).into()));
    stage.send(client, b"hello", 0, None, 1);
    stage.send(client, b"feng", 0, None, 2);
    stage.push(SERVER, Call::Wait, server, |e| {
        e.fact = Some(Fact::Queued(9));
        e.note = Some(Box::new(Text::new("until 9 bytes are queued", "等到队列里有 9 字节")));
        e.evidence.queued = Some(9);
    });
    stage.recv(server, 10, b"hellofeng", 0);
    stage.recv(server, 10, b"", 0);
    stage.finish()
}

/// A framed message of 700 bytes after a short one, read together, then an error.
fn framed() -> Trace {
    let mut stage = Stage::new(&[Role::Client, Role::Server]);
    let (client, server) = stage.pair(Proto::Tcp);
    let mut long = vec![0xbc, 0x02, 0, 0];
    long.extend("目录 listing\r\n".bytes().cycle().take(700));
    stage.send(client, b"\x02\0\0\0ok", 4, None, 1);
    stage.send(client, &long, 4, Some(Text::new("dir: stdout", "dir:标准输出")), 2);
    stage.recv(server, 1024, &[b"\x02\0\0\0ok".as_slice(), &long[..600]].concat(), 104);
    stage.push(SERVER, Call::Recv, server, |e| {
        e.asked = Some(1024);
        e.returned = None;
        e.error = Some("ECONNRESET".into());
    });
    stage.finish()
}

fn many() -> Trace {
    let mut stage = Stage::new(&[Role::Client, Role::Server]);
    let (client, server) = stage.pair(Proto::Udp);
    for i in 0..120u8 {
        let id = stage.recorder.message(
            CLIENT,
            [b'0' + i / 100, b'0' + i / 10 % 10, b'0' + i % 10].as_slice().into(),
            0,
            None,
        );
        stage.push(CLIENT, Call::SendTo, client, |e| {
            e.bytes = vec![b'0' + i / 100, b'0' + i / 10 % 10, b'0' + i % 10];
            e.asked = Some(3);
            e.returned = Some(3);
            e.handed = Some(Handed { msg: id, offset: 0 });
            e.datagram_len = Some(3);
            e.peer = Some(([127, 0, 0, 1], 9000).into());
        });
    }
    stage.push(SERVER, Call::RecvFrom, server, |e| {
        e.bytes = b"0".to_vec();
        e.asked = Some(1);
        e.returned = Some(1);
        e.truncated = true;
        e.datagram_len = Some(3);
        e.peer = Some(([127, 0, 0, 1], 40_001).into());
        e.evidence.dropped = Some(110);
    });
    stage.finish()
}

fn outcome(trace: Trace, findings: Findings, failure: Option<Failure>) -> Outcome {
    let (began, took) = (SystemTime::UNIX_EPOCH, Duration::ZERO);
    Outcome { summary: trace.summary(), trace, findings, failure, began, took }
}

fn text(trace: Trace, failure: Option<Failure>, side: Side, style: &Style) -> String {
    let mut scenario = find("tcp-naive").expect("in the list");
    let mut plan = Plan::new(scenario.experiment.clone());
    (plan.side, plan.steady) = (side, style.stable);
    scenario.teaching.next.truncate(1);
    scenario.teaching.why = vec![Explanation {
        text: Text::new("TCP carries a stream of bytes.", "TCP 传送的是字节流。"),
        source: "RFC 9293 §2.2",
        act: None,
    }];
    let judge = Judge::new(&trace, false);
    (scenario.experiment.judge)(&judge);
    let findings = judge.finish();
    let outcome = outcome(trace, findings, failure);
    let report = stickdemo::commands::report(&scenario, &plan, outcome, &Settings::NONE, false);
    let mut out = Vec::new();
    render::terminal(&mut out, &report, style, &mut ()).expect("memory");
    String::from_utf8(out).expect("UTF-8")
}

fn style(lang: Lang, width: usize) -> Style {
    Style { lang, width, extent: Extent::Full, ..Style::plain() }
}

#[test]
fn english_at_80_columns() {
    insta::assert_snapshot!(text(merged(), None, Side::Both, &style(Lang::En, 80)));
}

#[test]
fn chinese_at_80_columns() {
    insta::assert_snapshot!(text(merged(), None, Side::Both, &style(Lang::Zh, 80)));
}

#[test]
fn colour_on() {
    let style = Style { palette: Palette::new(true), ..style(Lang::En, 80) };
    let colored = text(merged(), None, Side::Both, &style);
    insta::assert_snapshot!(colored.replace('\u{1b}', "ESC"));
    let plain = text(merged(), None, Side::Both, &self::style(Lang::En, 80));
    let stripped: String = colored
        .split('\u{1b}')
        .enumerate()
        .map(|(i, part)| if i == 0 { part } else { part.split_once('m').map_or("", |(_, rest)| rest) })
        .collect();
    assert_eq!(stripped, plain, "colour adds and takes away nothing");
}

#[test]
fn forty_columns() {
    insta::assert_snapshot!(text(merged(), None, Side::Both, &style(Lang::En, 40)));
}

#[test]
fn twenty_columns() {
    let narrow = text(merged(), None, Side::Both, &style(Lang::Zh, 20));
    for line in narrow.lines() {
        assert!(
            stickdemo::text::columns::columns(line) <= 22 || line.contains("stickdemo") || !line.contains(' '),
            "{line}"
        );
    }
    insta::assert_snapshot!(narrow);
}

#[test]
fn wide() {
    insta::assert_snapshot!(text(merged(), None, Side::Both, &style(Lang::En, 200)));
}

#[test]
fn headers_long_bodies_and_an_error() {
    let failure = Failure {
        end: SERVER,
        error: anyhow::Error::new(Text::new("the peer reset the connection", "对端重置了连接")),
    };
    insta::assert_snapshot!(text(framed(), Some(failure), Side::Both, &style(Lang::En, 80)));
}

#[test]
fn many_alike_are_folded_and_a_cut_datagram_says_so() {
    insta::assert_snapshot!(text(many(), None, Side::Both, &style(Lang::En, 80)));
}

#[test]
fn a_lone_end_says_what_it_cannot_judge() {
    let mut stage = Stage::new(&[Role::Server]);
    stage.recorder.rehearse(&merged());
    let server = stage.recorder.socket(SERVER, Proto::Tcp);
    stage.recv(server, 10, b"hellofeng", 0);
    stage.recv(server, 10, b"and more", 0);
    let side = Side::Server(([127, 0, 0, 1], 9000).into());
    insta::assert_snapshot!(text(stage.finish(), None, side, &style(Lang::En, 80)));
}

#[test]
fn mermaid_escapes_what_it_reads_as_its_own() {
    let mut stage = Stage::new(&[Role::Client, Role::Server]);
    let (client, _) = stage.pair(Proto::Tcp);
    stage.send(client, b"dir;ls #1 \"x\"", 0, None, 1);
    let trace = stage.finish();
    let scenario = find("tcp-naive").expect("in the list");
    let plan = Plan::new(scenario.experiment.clone());
    let findings = Judge::new(&trace, false).finish();
    let outcome = outcome(trace, findings, None);
    let report = stickdemo::commands::report(&scenario, &plan, outcome, &Settings::NONE, false);
    let mut out = Vec::new();
    render::mermaid(&mut out, &report, &Style::plain()).expect("memory");
    insta::assert_snapshot!(String::from_utf8(out).expect("UTF-8"));
}

#[test]
fn a_run_that_was_begun_again_says_how_often_and_why_unless_the_text_must_be_the_same() {
    let mut trace = merged();
    trace.restarts = vec![Text::new("an ACK was there too soon", "ACK 到得太早"); 2];
    let said = |lang, stable| {
        let style = Style { stable, ..style(lang, 80) };
        text(trace.clone(), None, Side::Both, &style)
    };
    assert!(said(Lang::En, false).contains("This run was begun again 2 times: an ACK was there too soon."));
    assert!(said(Lang::Zh, false).contains("这次运行重新开始了 2 次：ACK 到得太早。"));
    assert!(!said(Lang::En, true).contains("begun again"));
}

/// hello and feng, put together by what stands between the two, and passed on in one send.
fn relayed() -> Trace {
    const RELAY: EndName = EndName::only(Role::Relay);
    let mut stage = Stage::new(&Role::ALL);
    let [client, front, back, server] =
        [CLIENT, RELAY, RELAY, SERVER].map(|end| stage.recorder.socket(end, Proto::Tcp));
    let [a, b, c, d] = [40_001, 9000, 40_002, 9001].map(|port| Some(SocketAddr::from(([127, 0, 0, 1], port))));
    for (sock, local, peer) in [(client, a, b), (front, b, a), (back, c, d), (server, d, c)] {
        stage.recorder.addresses(sock, local, peer);
    }
    stage.send(client, b"hello", 0, None, 1);
    stage.send(client, b"feng", 0, None, 2);
    stage.push(RELAY, Call::Recv, front, |e| {
        (e.asked, e.returned, e.bytes) = (Some(1024), Some(9), b"hellofeng".to_vec());
    });
    let both = stage.recorder.message(RELAY, b"hellofeng".as_slice().into(), 0, None);
    stage.push(RELAY, Call::Send, back, |e| {
        (e.asked, e.returned, e.bytes) = (Some(9), Some(9), b"hellofeng".to_vec());
        e.handed = Some(Handed { msg: both, offset: 0 });
        e.evidence.segments_out = Some(1);
    });
    stage.recv(server, 1024, b"hellofeng", 0);
    stage.finish()
}

#[test]
fn a_relay_has_a_lane_of_its_own_between_the_two() {
    let [en, zh] = [Lang::En, Lang::Zh].map(|lang| text(relayed(), None, Side::Both, &style(lang, 80)));
    insta::assert_snapshot!(format!("{en}\n{zh}"));
    for line in en.lines().chain(zh.lines()) {
        assert!(stickdemo::text::columns::columns(line) <= 81, "{line}");
    }
}

#[test]
fn a_relay_is_written_and_read_like_any_other_end() {
    let scenario = find("tcp-naive").expect("in the list");
    let plan = Plan::new(scenario.experiment.clone());
    let trace = relayed();
    let findings = Judge::new(&trace, false).finish();
    let report = stickdemo::commands::report(&scenario, &plan, outcome(trace, findings, None), &Settings::NONE, false);
    let mut lines = Vec::new();
    stickdemo::render::report::lines::run(&mut lines, &report, Lang::En).expect("memory");
    let mut back = stickdemo::render::report::Reader::new(&lines[..]);
    assert_eq!(back.next().expect("a run").expect("sound"), report);
    let mut diagram = Vec::new();
    render::mermaid(&mut diagram, &report, &Style::plain()).expect("memory");
    let diagram = String::from_utf8(diagram).expect("UTF-8");
    let who: Vec<_> = diagram.lines().filter_map(|line| line.trim().strip_prefix("participant ")).collect();
    assert_eq!(who, ["client", "relay", "server"]);
    assert!(diagram.contains("client->>relay: ") && diagram.contains("relay->>server: "), "{diagram}");
}

fn one_screen(lang: Lang, width: usize) -> Style {
    Style { extent: Extent::Screen, ..style(lang, width) }
}

#[test]
fn one_screen_in_both_languages() {
    let [en, zh] = [Lang::En, Lang::Zh].map(|lang| text(merged(), None, Side::Both, &one_screen(lang, 80)));
    insta::assert_snapshot!(format!("{en}\n{zh}"));
}

#[test]
fn one_screen_of_a_narrow_terminal() {
    insta::assert_snapshot!(text(merged(), None, Side::Both, &one_screen(Lang::En, 40)));
}

#[test]
fn one_screen_of_a_run_that_broke() {
    let failure = Failure {
        end: SERVER,
        error: anyhow::Error::new(Text::new("the peer reset the connection", "对端重置了连接")),
    };
    insta::assert_snapshot!(text(framed(), Some(failure), Side::Both, &one_screen(Lang::En, 80)));
}
