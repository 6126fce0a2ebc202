//! What a lane says about a call, and what the kernel said beside it.

use super::packet_text::listed;
use super::preview::preview;
use super::token::{Name, Token};
use crate::say;
use crate::text::{Text, excerpt, grouped};
use crate::trace::{Call, Event, Message, News, Part, Proto, Trace};

/// A word for each thing that a lane says about a call.
pub fn label<'a>(trace: &'a Trace, event: &'a Event) -> Vec<Token<'a>> {
    let call = event.call.word();
    let note = || event.note.as_deref().cloned().unwrap_or_default();
    let refused = || event.error.as_ref().map(|e| format!(" = {e}").into());
    match event.call {
        Call::Wait if event.varies => {
            vec![Text::new("(until n bytes are queued)", "(等到队列里有 n 字节)").into()]
        }
        Call::Wait => vec!["(".into(), note().into(), ")".into()],
        Call::Process => vec!["* ".into(), note().into()],
        Call::Print => print(event),
        Call::Send | Call::SendTo => send(trace, event),
        Call::Recv | Call::RecvFrom => recv(trace, event),
        Call::SetSockOpt => {
            let asked = event.asked.unwrap_or(0);
            let made = event.returned.filter(|n| *n != asked).map(|n| format!(" -> {}", grouped(n)).into());
            let tokens = [note().into(), format!(" {}", grouped(asked)).into()];
            tokens.into_iter().chain(made).chain(refused()).collect()
        }
        Call::Deliver => vec![delivered(trace, event).into()],
        Call::Bind | Call::Listen | Call::Connect | Call::Accept => {
            let address = event.peer.map(|address| Token::Address(format!(" {address}")));
            [call.into()].into_iter().chain(address).chain(refused()).collect()
        }
        Call::Shutdown => {
            // A recording from before says nothing, and then it is this half.
            let half = event.note.as_deref().cloned().unwrap_or(Text::new("SHUT_WR", "SHUT_WR"));
            ["shutdown(".into(), half.into(), ")".into()].into_iter().chain(refused()).collect()
        }
        Call::Close => {
            let noted =
                event.note.as_deref().into_iter().flat_map(|note| [" (".into(), note.clone().into(), ")".into()]);
            [call.into()].into_iter().chain(refused()).chain(noted).collect()
        }
    }
}

/// `prints hellofeng`; what went to standard error says so. Of many lines the last: it is where programs say why they
/// end.
fn print(event: &Event) -> Vec<Token<'_>> {
    let words = match event.note {
        None => Text::new("prints ", "打印 "),
        Some(_) => Text::new("prints (stderr) ", "打印（stderr）"),
    };
    let lines: Vec<&[u8]> = event.made.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).collect();
    let (n, last) = (lines.len(), preview(lines.last().copied().unwrap_or_default()));
    let count = (n > 1).then(|| say!("{n} lines, the last: ", "{n} 行，最后一行：").into());
    let refused = event.error.as_ref().map(|error| format!(" = {error}").into());
    [words.into()].into_iter().chain(count).chain([excerpt(&last).into()]).chain(refused).collect()
}

/// A number of bytes. Nothing stays nothing: a zero says end of stream.
fn number(event: &Event, n: usize) -> String {
    if event.varies && n > 0 { "n".to_owned() } else { grouped(n) }
}

fn result(event: &Event) -> String {
    match (&event.error, event.returned) {
        (Some(error), _) => error.clone(),
        (None, Some(n)) => number(event, n),
        (None, None) => "?".into(),
    }
}

/// `send M1 [hello] 5 = 5`
fn send<'a>(trace: &'a Trace, event: &'a Event) -> Vec<Token<'a>> {
    let mut tokens = vec![event.call.word().into(), " ".into()];
    if let Some(message) = event.handed.and_then(|h| trace.message(h.msg)) {
        tokens.extend([Token::Message(message.id), " [".into()]);
        tokens.extend(handed(message, event));
        tokens.push("] ".into());
    }
    let asked = format!("{} = ", number(event, event.asked.unwrap_or(0)));
    tokens.push(if event.asked == event.returned { Token::Asked(asked) } else { asked.into() });
    tokens.push(result(event).into());
    tokens.extend(event.struck.map(|how| Text::new(" ({})", "（{}）").with(&how.text()).into()));
    tokens.extend(stranger(trace, event).map(Token::Peer));
    tokens
}

/// What a send was given of a message: its header, its body by name, or a piece of it as it is.
fn handed<'a>(message: &'a Message, event: &'a Event) -> Vec<Token<'a>> {
    let header = Text::new("header", "报头");
    let [in_header, in_body] =
        [Part::Header, Part::Body].map(|part| event.spans.iter().filter(|s| s.part == part).map(|s| s.len).sum());
    let piece = message.label.is_none() && (message.passed.is_some() || 0 < in_body && in_body < message.body().len());
    // What a named message's send goes on with, the name does not say; nor what was tried in vain.
    let start = event.handed.map_or(0, |handed| handed.offset.saturating_sub(message.header_len));
    if start > 0 && !piece && message.passed.is_none() {
        let from = number(event, start);
        return vec![say!("from {from}", "从 {from} 起").into()];
    }
    let name = if piece { Name::Bytes(&event.bytes[in_header..]) } else { Name::of(message) };
    match (in_header, in_body) {
        (0, _) => vec![Token::Name(name)],
        (_, 0) => vec![header.into()],
        _ => vec![header.into(), "+".into(), Token::Name(name)],
    }
}

/// `recv(10) = 9`, and what a zero, or a cut, means.
fn recv<'a>(trace: &Trace, event: &Event) -> Vec<Token<'a>> {
    let asked = event.asked.map(grouped).unwrap_or_default();
    let mut tokens = vec![format!("{}({asked}) = {}", event.call.word(), result(event)).into()];
    tokens.push(ending(trace, event).into());
    tokens.extend(event.note.as_ref().map(|note| Text::new(" ({})", "（{}）").with(note).into()));
    tokens.extend(stranger(trace, event).map(Token::Peer));
    tokens
}

/// Who a datagram is for, or from, where the socket has many peers.
fn stranger(trace: &Trace, event: &Event) -> Option<Text> {
    let address =
        event.peer.filter(|_| event.sock.and_then(|sock| trace.socket(sock)).is_some_and(|s| s.peer.is_none()))?;
    match event.call {
        Call::SendTo => Some(say!(" to {address}", " 发往 {address}")),
        Call::RecvFrom => Some(say!(" from {address}", " 来自 {address}")),
        _ => None,
    }
}

/// What a receive call's zero, or cut, means.
fn ending(trace: &Trace, event: &Event) -> Text {
    let udp = event.sock.and_then(|s| trace.socket(s)).is_some_and(|s| s.proto == Proto::Udp);
    match (event.truncated, event.datagram_len, event.returned) {
        (true, Some(len), _) => {
            let len = grouped(len);
            say!(" of {len}, cut", " / {len}，截断")
        }
        (true, None, _) => Text::new(", cut", "，截断"),
        (false, _, Some(0)) if udp => Text::new(" empty datagram", " 空数据报"),
        (false, _, Some(0)) if event.asked != Some(0) => Text::new(" end of stream", " 流结束"),
        _ => Text::new("", ""),
    }
}

fn delivered(trace: &Trace, event: &Event) -> Text {
    let n = if event.varies { "n".into() } else { grouped(event.bytes.len()) };
    match trace.exactly_one(event) {
        Some(id) if n == "1" => say!("= {id} whole, 1 byte", "= {id} 完整，1 字节"),
        Some(id) => say!("= {id} whole, {n} bytes", "= {id} 完整，{n} 字节"),
        None => {
            let ids = event.messages().iter().map(ToString::to_string).collect::<Vec<_>>().join("+");
            say!("= {n} bytes, not one whole message ({ids})", "= {n} 字节，不是一条完整消息（{ids}）")
        }
    }
}

/// What the kernel said that is new.
pub fn note<'n>(news: impl IntoIterator<Item = &'n News>) -> Text {
    listed(&news.into_iter().map(word).collect::<Vec<_>>(), &Text::same(", "))
}

fn word(news: &News) -> Text {
    let count = |n: Option<u32>| n.map_or("n".to_owned(), grouped);
    match *news {
        News::Datagram => Text::new("1 datagram", "1 个数据报"),
        News::Held => Text::new("held: MSG_MORE", "暂存：MSG_MORE"),
        News::Segments(first, last) if first == last => say!("segment {last}", "报文段 {last}"),
        News::Segments(first, last) => say!("segments {first}-{last}", "报文段 {first}-{last}"),
        News::SentAgain(n) => say!("{n} sent again", "重传 {n}"),
        News::AckSent => Text::new("ACK sent", "发出 ACK"),
        News::Unsent(n) => Text::new("{} unsent", "{} 未发出").with(&Text::same(grouped(n))),
        News::Queued(n) => Text::new("queued {}", "队列中 {}").with(&Text::same(count(n))),
        News::Dropped(n) => Text::new("dropped {}", "丢弃 {}").with(&Text::same(count(n))),
        News::Unread(n) => say!("{n} unread", "{n} 未读"),
    }
}
