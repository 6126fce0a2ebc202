//! Why a run came out as it did. Of its own run the page says it; of another one the events that its first failing claim
//! rests on do.

use super::{PART_OF_THE_LINK, Report, RunEnd, Why};
use crate::claims::{Claim, is_invariant};
use crate::say;
use crate::text::{Text, grouped};
use crate::trace::{Call, Event, Fact, Loss, Proto};

fn why(text: Text, source: &str) -> Why {
    Why { text, source: source.to_owned() }
}

impl Report {
    /// Why it came out as it did; nothing that this run did not show.
    pub fn why(&self) -> Vec<Why> {
        match self.ending() {
            RunEnd::Shown => self.lost_on_the_link().into_iter().chain(self.head.why.iter().cloned()).collect(),
            RunEnd::ControlPassed => vec![why(
                Text::new(
                    "One thing was changed, and the outcome changed with it: it is what makes the difference.",
                    "只改了一处，结果就变了：差别正是由它造成的。",
                ),
                "",
            )],
            RunEnd::ControlFailed => vec![why(
                Text::new(
                    "The cause was taken away and the effect is still there: in this run something else caused it.",
                    "去掉了原因，现象却还在：这次运行里另有原因。",
                ),
                "",
            )],
            RunEnd::NotShown => vec![self.not_shown()],
            RunEnd::NotHere if self.head.alone.is_some() && !self.findings.unjudged.is_empty() => vec![why(
                Text::new(
                    "This end saw its own calls alone; what became of its bytes the other end saw.",
                    "这一端只看得到自己的调用；它的字节后来怎样，要看另一端。",
                ),
                "",
            )],
            RunEnd::Impossible | RunEnd::Broken | RunEnd::NotHere => Vec::new(),
        }
    }

    /// What a link that was asked for did to a run that is not about links.
    fn lost_on_the_link(&self) -> Option<Why> {
        let crossed = self.summary.crossed.filter(|crossed| crossed.dropped > 0)?;
        if self.head.part == PART_OF_THE_LINK {
            return None;
        }
        let lost = |of: &crate::trace::ProtocolCounts| of.losses.iter().any(|(loss, _)| *loss == Loss::OnTheWay);
        match self.summary.protocols.iter().any(lost) {
            true => Some(why(
                Text::new("The link dropped datagrams; UDP sends none again.", "链路丢了数据报；UDP 不会重传。"),
                "RFC 768",
            )),
            false if crossed.retransmitted > 0 => Some(why(
                Text::new(
                    "The link dropped packets; TCP sent the bytes again, and the stream has no gap.",
                    "链路丢了分组；TCP 重传了这些字节，字节流没有缺口。",
                ),
                "RFC 9293 §3.8.1",
            )),
            false => None,
        }
    }

    /// Why the first failing claim failed, as far as the events say it.
    fn not_shown(&self) -> Why {
        let failing = self.findings.claims.iter().find(|claim| !claim.holds && !is_invariant(claim));
        if failing.is_some_and(|claim| claim.id == "other-end") {
            return why(
                Text::new(
                    "The other end did not say what its page says: this is an outcome of another program's bytes.",
                    "另一端说的不是页面上的话：这是另一个程序的字节带来的结果。",
                ),
                "",
            );
        }
        let seen = failing.filter(|_| !self.calls_vary()).and_then(|claim| self.seen(claim));
        let given = Text::same(self.head.given_in_short());
        match (seen, self.head.given.is_empty()) {
            (Some((text, source)), false) => why(Text::new("{}: {}", "{}：{}").with_all([&given, &text]), source),
            (Some((text, source)), true) => why(text, source),
            (None, false) => {
                let text = Text::new(
                    "{} changes what happens: this is an outcome of those values, and no promise of the protocol.",
                    "{} 改变了经过：这是这些取值带来的结果，不是协议的保证。",
                );
                why(text.with_all([&given]), "")
            }
            (None, true) => why(
                Text::new(
                    "This machine did something else this time: the failing claim says what.",
                    "这台机器这次的做法不同：不成立的论断说明了哪里不同。",
                ),
                "",
            ),
        }
    }

    /// What happened instead, and where it is written that it may: read off the events that the claim cites.
    fn seen(&self, claim: &Claim) -> Option<(Text, &'static str)> {
        let cited: Vec<&Event> = self.trace.events.iter().filter(|e| claim.events.contains(&e.seq)).collect();
        let received = || cited.iter().find(|e| e.call.receives() && !e.bytes.is_empty());
        self.nothing_sent().or_else(|| match received() {
            Some(recv) if recv.call == Call::RecvFrom => self.datagram(recv),
            Some(recv) => Some(self.stretch(recv)),
            None => cited.iter().filter(|e| e.call.sends()).find_map(|send| self.put(send, cited.len())),
        })
    }

    /// An empty message that was sent into a stream.
    fn nothing_sent(&self) -> Option<(Text, &'static str)> {
        let in_stream = |e: &Event| e.sock.and_then(|s| self.trace.socket(s)).is_some_and(|s| s.proto == Proto::Tcp);
        let empty =
            self.trace.events.iter().find(|e| e.call.sends() && e.asked == Some(0) && e.ok() && in_stream(e))?;
        let id = empty.handed?.msg;
        let text = say!(
            "{id} is empty, and puts nothing into a stream: no segment, no byte, no boundary.",
            "{id} 是空的，放进字节流里什么也不会留下：没有报文段，没有字节，也没有边界。"
        );
        Some((text, "RFC 9293 §2.2"))
    }

    /// What a recv took out of a stream.
    fn stretch(&self, recv: &Event) -> (Text, &'static str) {
        let (asked, got) = (recv.asked.unwrap_or(0), recv.bytes.len());
        let ids = recv.messages();
        let names = ids.iter().map(ToString::to_string).collect::<Vec<_>>().join("+");
        let of_sender = |end| self.trace.messages.iter().filter(move |m| m.from == end).count();
        let alone = ids.first().and_then(|id| self.trace.message(*id)).is_some_and(|m| of_sender(m.from) == 1);
        let (size, n) = (grouped(asked), grouped(got));
        match self.trace.exactly_one(recv) {
            _ if ids.len() > 1 => (
                say!(
                    "{names} lay in the queue when recv was called, and it returned what lay there.",
                    "调用 recv 时 {names} 都已在队列里，它把队列里的一起返回。"
                ),
                "recv(2)",
            ),
            Some(_) if asked == got => (
                say!(
                    "recv({size}) asks for just as many bytes as {names} has. It fits by luck: other messages do not.",
                    "recv({size}) 要的字节数恰好是 {names} 的长度：碰巧合适，换一条消息就不行了。"
                ),
                "recv(2)",
            ),
            Some(_) if alone => (
                say!(
                    "recv({size}) has room for all of {names}, and all of it was there.",
                    "recv({size}) 装得下整条 {names}，而且它已全部到达。"
                ),
                "recv(2)",
            ),
            Some(_) => (
                say!(
                    "Only {names} lay in the queue when recv was called: quicker than the next send. Nothing promises that.",
                    "调用 recv 时队列里只有 {names}：它比下一次 send 快。没有什么保证这一点。"
                ),
                "RFC 9293 §2.2",
            ),
            None if asked == got => (
                say!(
                    "recv({size}) takes at most {size} bytes: it cut {names}, and the rest waits for the next recv.",
                    "recv({size}) 至多取 {size} 字节：它切开了 {names}，剩下的等下一次 recv。"
                ),
                "recv(2)",
            ),
            None => (
                say!(
                    "Of {names} only {n} bytes had come when recv was called.",
                    "调用 recv 时 {names} 只到了 {n} 字节。"
                ),
                "recv(2)",
            ),
        }
    }

    /// What a send put into the kernel, where that is what the claim is about.
    fn put(&self, send: &Event, cited: usize) -> Option<(Text, &'static str)> {
        let (asked, taken) = (send.asked?, send.returned?);
        let (all, n) = (grouped(asked), grouped(taken));
        let before = self.trace.events.iter().rev().find(|e| e.end == send.end && e.seq < send.seq);
        let paused = before.is_some_and(|e| matches!(e.fact, Some(Fact::Pause(1..))));
        match (send.evidence.unsent, send.evidence.unacked) {
            (Some(0), _) if paused => {
                let id = send.handed?.msg;
                Some((
                    say!(
                        "In the pause before {id} all earlier bytes were acknowledged: nothing held it back.",
                        "在 {id} 之前的停顿里，先前的字节都已被确认：没有什么扣住它。"
                    ),
                    "RFC 9293 §3.7.4",
                ))
            }
            (Some(unsent @ 1..), Some(1..)) => {
                let unsent = grouped(unsent);
                Some((
                    say!(
                        "{unsent} bytes wait in the kernel for the ACK of an earlier segment.",
                        "有 {unsent} 字节留在内核里，等前一个报文段的 ACK。"
                    ),
                    "RFC 9293 §3.7.4",
                ))
            }
            _ if taken < asked => Some((
                say!(
                    "The kernel took {n} of {all} bytes: its buffers were full.",
                    "内核接收了 {all} 字节中的 {n} 字节：缓冲区已满。"
                ),
                "send(2)",
            )),
            _ if cited == 1 => Some((
                say!(
                    "The kernel took all {all} bytes at once: its buffers have room.",
                    "内核一次接收了全部 {all} 字节：缓冲区装得下。"
                ),
                "send(2)",
            )),
            _ => None,
        }
    }

    /// What a recvfrom kept of its datagram; or of all that there was room for them.
    fn datagram(&self, recv: &Event) -> Option<(Text, &'static str)> {
        let (asked, got) = (recv.asked.unwrap_or(0), recv.bytes.len());
        let (size, n) = (grouped(asked), grouped(got));
        let udp = self.summary.protocols.iter().find(|of| of.proto == Proto::Udp);
        match (recv.truncated, udp) {
            (true, _) => Some((
                say!(
                    "recvfrom({size}) keeps at most {size} of its datagram's bytes; the rest is discarded.",
                    "recvfrom({size}) 至多留下数据报的 {size} 字节；其余被丢弃。"
                ),
                "udp(7)",
            )),
            (false, _) if asked > got => Some((
                say!(
                    "recvfrom({size}) has room for the whole datagram ({n} bytes).",
                    "recvfrom({size}) 装得下整个数据报（{n} 字节）。"
                ),
                "udp(7)",
            )),
            (false, Some(of)) if of.intact == of.messages => {
                let all = grouped(of.messages);
                Some((
                    say!(
                        "The receive buffer had room for all {all} datagrams until they were read.",
                        "接收缓冲区装得下全部 {all} 个数据报，直到它们被读走。"
                    ),
                    "socket(7)",
                ))
            }
            (false, _) => None,
        }
    }
}
