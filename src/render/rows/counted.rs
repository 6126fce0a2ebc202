//! The counts in words, protocol by protocol: what was sent and received, and what became of the messages.

use super::packet_text::listed;
use crate::render::Report;
use crate::say;
use crate::text::{Text, grouped};
use crate::trace::summary::Crossed;
use crate::trace::{Loss, Proto, ProtocolCounts};

/// What the counts say, a text for each protocol, and one for the link's packets.
pub fn counted(report: &Report) -> Vec<Text> {
    let summary = &report.summary;
    let name = summary.protocols.len() > 1;
    let counts = Counts { blurred: report.calls_vary() };
    let mut texts: Vec<Text> = summary.protocols.iter().map(|of| counts.protocol(of, name)).collect();
    texts.extend(summary.crossed.map(|crossed| Counts { blurred: report.packets_vary() }.packets(crossed)));
    texts
}

/// How numbers read.
struct Counts {
    /// They differ from run to run, and read `n`.
    blurred: bool,
}

impl Counts {
    /// A number and what it counts.
    fn number(&self, n: u64) -> String {
        if self.blurred { "n".into() } else { grouped(n) }
    }

    fn some(&self, n: usize, [one, many]: [&str; 2]) -> String {
        let word = if n == 1 && !self.blurred { one } else { many };
        format!("{} {word}", self.number(n as u64))
    }

    fn protocol(&self, of: &ProtocolCounts, named: bool) -> Text {
        let calls = listed(&self.calls(of), &Text::new(", ", "，"));
        let text = match self.messages(of) {
            Some(messages) => Text::new("{}; {}", "{}；{}").with_all([&calls, &messages]),
            None => calls,
        };
        let name = Text::same(if of.proto == Proto::Tcp { "TCP" } else { "UDP" });
        if named { Text::new("{}: {}", "{}：{}").with_all([&name, &text]) } else { text }
    }

    /// What was called, and what that made.
    fn calls(&self, of: &ProtocolCounts) -> Vec<Text> {
        let (sends, n) = (self.some(of.sends, ["send", "sends"]), self.number(of.sends as u64));
        let mut words = vec![say!("{sends}", "发送 {n} 次")];
        if of.empty_sends > 0 {
            let (empty, n) = (self.some(of.empty_sends, ["empty send", "empty sends"]), grouped(of.empty_sends));
            words.push(say!("{empty}", "空发送 {n} 次"));
        }
        if let Some(segments) = of.segments {
            let made = self.some(usize::try_from(segments).unwrap_or(usize::MAX), ["segment", "segments"]);
            let n = self.number(segments);
            words.push(say!("{made}", "报文段 {n} 个"));
        }
        let (recvs, n) = (self.some(of.recvs, ["recv", "recvs"]), self.number(of.recvs as u64));
        words.push(say!("{recvs}", "接收 {n} 次"));
        if of.ends > 0 {
            let n = self.number(of.ends as u64);
            let ends = self.some(of.ends, ["end of stream", "ends of stream"]);
            words.push(say!("{ends}", "流结束 {n} 次"));
        }
        words
    }

    /// How many messages came out whole, and what became of the others.
    fn messages(&self, of: &ProtocolCounts) -> Option<Text> {
        let (all, intact) = (self.number(of.messages as u64), self.number(of.intact as u64));
        let whole = say!("{intact} of {all} messages intact", "消息 {all} 条，完整 {intact} 条");
        let others: Vec<Text> = of.losses.iter().map(|(loss, n)| self.loss(*loss, *n)).collect();
        match (of.messages, &others[..]) {
            (0, _) => None,
            (_, []) => Some(whole),
            (_, others) => {
                let others = listed(others, &Text::new(", ", "，"));
                Some(Text::new("{}: {}", "{}：{}").with_all([&whole, &others]))
            }
        }
    }

    fn loss(&self, loss: Loss, n: usize) -> Text {
        let n = self.number(n as u64);
        Text::new("{} {}", "{} 条{}").with_all([&Text::same(n), &loss.name()])
    }

    fn packets(&self, crossed: Crossed) -> Text {
        let [packets, dropped, again] =
            [crossed.packets, crossed.dropped as u64, crossed.retransmitted as u64].map(|n| self.number(n));
        say!(
            "{packets} packets, {dropped} dropped, {again} retransmitted",
            "分组 {packets} 个，丢弃 {dropped} 个，重传 {again} 个"
        )
    }
}
