//! A receiver that does not read closes its window. The sender stops, probes, and goes on when the receiver reads:
//! TCP waits where UDP would lose.

use super::prelude::*;
use crate::trace::packet::Packet;
use std::sync::LazyLock;

pub(super) fn scenario() -> Scenario {
    Scenario::new("tcp-window", SyllabusPart::Link, &["D1 §6", "D1 §10", "D3 §6"])
        .title("the window closes", "窗口关闭")
        .question("the receiver stops reading: what does the sender do?", "接收方停止读取：发送方会怎样？")
        .claim(
            "A receiver that does not read closes its window; the sender waits and probes, and nothing is lost.",
            "接收方不读，窗口就关闭；发送方一边等一边探测，一个字节也不丢。",
        )
        .takes(&[Opt::Rcvbuf, Opt::RecvSize])
        .recv_size(2048)
        .buffers(None, Some(4096))
        .client(client)
        .server(|end| server(end, true))
        .judge(judge)
        .only_over("rtt=2ms")
        .varies()
        .words("window zero-window flow-control backpressure 窗口 流量控制")
        .teach(teach)
}

/// More than the receiver's small buffer holds, and less than the sender's.
const LENGTH: usize = 16_000;
const SENDER_HOLDS: usize = 64 * 1024;
/// Two probes show that there is more than one.
const PROBES: usize = 2;

/// Its own offsets, written out, so that a piece shows where it belongs.
static TEXT: LazyLock<Vec<u8>> =
    LazyLock::new(|| (0..LENGTH).step_by(8).flat_map(|at| format!("{at:07} ").into_bytes()).collect());

fn client(end: &End) -> Ends {
    let s = end.tcp().sndbuf(Some(SENDER_HOLDS)).rcvbuf(None).connect()?;
    s.send_message(&end.labelled(TEXT.as_slice(), Text::new("16,000 bytes", "16,000 字节")))?;
    s.wait_probed(PROBES as u64)?;
    end.open("probed");
    s.shutdown_write()?;
    Ok(s.recv_to_end(end.recv_size())?)
}

fn server(end: &End, busy: bool) -> Ends {
    let listener = end.listen()?;
    let conn = listener.accept()?;
    if busy {
        end.pass("probed", Text::new("busy until the sender has probed", "忙着别的，直到发送方探测过"))?;
    }
    Ok(conn.recv_to_end(end.recv_size())?)
}

/// What the link saw of the sender's window.
#[derive(Default)]
struct SendWindow<'a> {
    /// The packet that closed it first.
    closing: Option<&'a Packet>,
    /// The first that opened it again.
    update: Option<&'a Packet>,
    /// Linux's probes: segments without data whose number was used before, so that they must be answered
    /// (RFC 9293 §3.8.6.1, §3.10.7.4).
    probes: Vec<&'a Packet>,
    /// New bytes that left while it was closed.
    against: usize,
    /// New bytes that left before it was closed, and after it was opened again.
    before: usize,
    after: usize,
}

impl<'a> SendWindow<'a> {
    /// Follows the packets in the order in which the sender's host saw them: its own leave, the others arrive.
    fn of(packets: &'a [Packet]) -> SendWindow<'a> {
        let mut window = SendWindow::default();
        let (mut closed, mut newest) = (false, 0);
        for packet in seen_by_sender(packets) {
            let Some(segment) = packet.segment() else { continue };
            if packet.from == Server {
                window.heard(packet, closed, segment.window == 0);
                closed = segment.window == 0;
                continue;
            }
            let end = segment.seq + packet.payload_len as u64;
            let new = end.saturating_sub(newest.max(segment.seq)) as usize;
            if packet.payload_len > 0 {
                *window.count(closed) += new;
            } else if packet.is_pure_ack() && closed && segment.seq < newest {
                window.probes.push(packet);
            }
            newest = newest.max(end);
        }
        window
    }

    fn heard(&mut self, packet: &'a Packet, closed: bool, closes: bool) {
        match (closed, closes) {
            (false, true) => self.closing = self.closing.or(Some(packet)),
            (true, false) => self.update = self.update.or(Some(packet)),
            _ => {}
        }
    }

    fn count(&mut self, closed: bool) -> &mut usize {
        match (closed, self.closing.is_some()) {
            (true, _) => &mut self.against,
            (false, false) => &mut self.before,
            (false, true) => &mut self.after,
        }
    }

    /// How long after the closing, and after one another, the probes left, in microseconds.
    fn gaps_us(&self) -> Vec<u64> {
        let closed = self.closing.and_then(|p| p.arrivals.first()).copied().into_iter();
        let moments: Vec<u64> = closed.chain(self.probes.iter().map(|p| p.t_us)).collect();
        moments.windows(2).map(|pair| pair[1].saturating_sub(pair[0])).collect()
    }
}

fn seen_by_sender(packets: &[Packet]) -> impl Iterator<Item = &Packet> {
    let moment = |p: &&Packet| if p.from == Client { Some(p.t_us) } else { p.arrivals.first().copied() };
    let mut seen: Vec<&Packet> = packets.iter().filter(|p| moment(p).is_some()).collect();
    // Of one moment the arrival comes first: it is noted before it can have an effect.
    seen.sort_by_key(|p| (moment(p), p.from == Client));
    seen.into_iter()
}

fn judge(j: &Judge) {
    let window = SendWindow::of(&j.trace().packets);
    window_closes(j);
    probes_instead(j, &window);
    update_then_rest(j, &window);

    let (sends, recvs) = (j.sends(Client), j.recvs(Server));
    j.claim("nothing-lost", "nothing was lost meanwhile", "其间一个字节也没有丢").of(&sends).of(&recvs).equal(
        [LENGTH, LENGTH],
        [sends.moved(), recvs.moved()],
        |[sent, received]| say!("{sent} bytes sent, {received} received", "发送 {sent} 字节，收到 {received} 字节"),
    );
}

fn window_closes(j: &Judge) {
    let announced = |p: &Packet| p.segment().map_or(u64::MAX, |segment| segment.window);
    let least = j.packets(Server).min_by_key(|p| announced(p));
    j.claim("window-closes", "nobody reads: the receiver announced a window of 0", "没有人读：接收方通告窗口为 0")
        .shown_by(least)
        .equal([VaryingFromZero(0)], [VaryingFromZero(least.map_or(u64::MAX, announced))], |[n]| {
            say!("least window announced: {n} bytes", "通告的最小窗口：{n} 字节")
        });
}

fn probes_instead(j: &Judge, window: &SendWindow) {
    let SendWindow { probes, against, .. } = window;
    let gaps: Vec<Measured> = window.gaps_us().into_iter().take(PROBES).map(Measured).collect();
    let after = j.sentence([&gaps], |[gaps]| say!(" (after {gaps} ms)", "（隔 {gaps} 毫秒）"));
    // Two relations at once: none of the one, and enough of the other.
    j.claim(
        "probes-instead",
        "while it was closed no new data left, only probes",
        "窗口关闭期间没有发送新数据，只有探测",
    )
    .shown_by(probes.iter().copied())
    .beside((!gaps.is_empty()).then_some(after))
    .that(
        *against == 0 && probes.len() >= PROBES,
        say!("new bytes: 0, probes: {PROBES} or more", "新字节：0，探测：至少 {PROBES} 次"),
        j.sentence([&VaryingFromZero(*against), &Varying(probes.len())], |[bytes, probes]| {
            say!("new bytes: {bytes}, probes: {probes}", "新字节：{bytes}，探测：{probes} 次")
        }),
    );
}

fn update_then_rest(j: &Judge, window: &SendWindow) {
    let before = j.sentence([&VaryingFromZero(window.before)], |[n]| say!(", {n} before", "，之前 {n} 字节"));
    j.claim(
        "update-then-rest",
        "it read: a window update came, then the rest left",
        "它一读，窗口更新就到，其余随后离开",
    )
    .shown_by(window.update)
    .beside(before)
    .more_than(VaryingFromZero(0), VaryingFromZero(window.after), |n| {
        say!("{n} bytes after the update", "{n} 字节在更新后离开")
    });
}

fn teach(t: Teaching) -> Teaching {
    t.why(
        "Each ACK says how much more the receiver has room for: the window. At 0 the sender stops, and only asks.",
        "每个 ACK 都说明接收方还有多少空间，这就是窗口；窗口为 0，发送方停下，只不时地问。",
        "RFC 9293 §3.8.6",
    )
    .why(
        "The update that opens it again may get lost, so the sender asks now and then: a zero-window probe, less and less often.",
        "重新打开窗口的更新可能丢失，所以发送方不时地问一声（零窗口探测），间隔越来越长。",
        "RFC 9293 §3.8.6.1",
    )
    .why(
        "What the window keeps back fills the sender's buffer; when that is full, send waits, too.",
        "被窗口挡住的数据留在发送缓冲区里；缓冲区也满了，send 就要等。",
        "RFC 9293 §3.8.6; send(2)",
    )
    .next("tcp-window --rcvbuf 64KiB", "room for all: it stays open", "装得下：窗口一直开着")
    .next(
        "tcp-window --control",
        "a receiver that reads all the time",
        "一直在读的接收方",
    )
    .next(
        "tcp-partial-send",
        "the same as send sees it",
        "从 send 看同一件事",
    )
    .next("udp-loss", "UDP and such a receiver: dropped, nobody is told", "UDP 遇到这样的接收方：丢弃，谁也不知道")
    .control(
        "a receiver that reads all the time, with a buffer of the usual size",
        "接收方一直在读，缓冲区用系统默认大小",
        |e| {
            e.server(|end| server(end, false)).defaults.rcvbuf = None;
        },
    )
}
