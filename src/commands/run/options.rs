//! What a scenario's command takes, and how each value is read.

use crate::cli::args::{flag, heading, one_of, value};
use crate::cli::values;
use crate::commands::common_options::{brief, busy, full, link, nodelay, quiz, repeat, stable};
use crate::say;
use crate::text::quantity;
use crate::text::{Lang, Text};
use clap::{Arg, ArgAction, ValueHint, value_parser};
use std::path::PathBuf;

/// The largest receive buffer a run allocates, in bytes.
const LARGEST_RECV: usize = 64 << 20;

/// The longest that all messages of one's own may be together, in bytes: every socket buffer has room for them.
pub(super) const LONGEST_MESSAGES: usize = 16 << 10;

/// `--as`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum As {
    /// Both ends here.
    Both,
    /// The server alone.
    Server,
    /// The client alone.
    Client,
}

/// Everything; each scenario shows those that make sense for it.
pub(super) fn all(lang: Lang) -> Vec<Arg> {
    let mut args = heading(socket(lang), lang, Text::new("Socket options", "套接字选项"));
    args.extend(heading(vec![link(lang), pcap(lang)], lang, Text::new("Link", "链路")));
    args.extend(heading(how(lang), lang, Text::new("How to run", "怎样运行")));
    args
}

fn socket(lang: Lang) -> Vec<Arg> {
    let sndbuf = Text::new("SO_SNDBUF of every socket (4096, 4KiB)", "每个套接字的 SO_SNDBUF（4096、4KiB）");
    let rcvbuf = Text::new("SO_RCVBUF of every socket", "每个套接字的 SO_RCVBUF");
    let recv_size = Text::new("the size passed to recv", "传给 recv 的大小");
    let gap = Text::new("the pause between the sends (20ms, 1.5s)", "两次发送之间的停顿（20ms、1.5s）");
    let race = Text::new("drop the barrier: let both ends run as they like", "撤掉屏障，两端谁也不等谁");
    let message = Text::new(
        "a message of your own in the place of the page's; once for each",
        "用自己的消息代替页面上的；每条消息写一次",
    );
    vec![
        nodelay(lang),
        value("sndbuf", "BYTES", lang, sndbuf).value_parser(buffer),
        value("rcvbuf", "BYTES", lang, rcvbuf).value_parser(buffer),
        value("recv-size", "BYTES", lang, recv_size).value_parser(recv),
        value("gap", "DURATION", lang, gap).value_parser(values::pause),
        value("message", "TEXT", lang, message).action(ArgAction::Append),
        flag("race", lang, race),
    ]
}

fn pcap(lang: Lang) -> Arg {
    let help = Text::new(
        "write the link's packets for Wireshark (pcapng)",
        "把链路上的分组写成 Wireshark 能读的文件（pcapng）",
    );
    value("pcap", "FILE", lang, help).value_hint(ValueHint::FilePath).value_parser(value_parser!(PathBuf))
}

fn how(lang: Lang) -> Vec<Arg> {
    let control = Text::new(
        "the control experiment: take the cause away; the claim must fail",
        "对照实验：去掉原因，论断必须不成立",
    );
    let step = Text::new("one event a key, the answer last", "按一次键显示一个事件，答案最后出现");
    let predict =
        Text::new("say first what will come out; the answer says whether it did", "先说出预测，答案会告诉你对不对");
    let side = Text::new("which ends run here", "在这里运行哪一端");
    let sides = [("both", As::Both), ("server", As::Server), ("client", As::Client)];
    let listen = Text::new(
        "where a lone server listens (default: any loopback port)",
        "单独的服务器在哪里监听（默认：任一回环端口）",
    );
    let connect = Text::new("where a lone client connects to", "单独的客户端连接到哪里");
    let timeout = Text::new(
        "how long the run may last (default: 60s, and each wait in it 10s; more over a link); of a lone end: to wait for \
         the other one, and then with it (default: 60s)",
        "运行最长多久（默认 60s，其中每次等待 10s；有链路时更长）；单独一端：等另一端多久，以及此后运行多久（默认 60s）",
    );
    vec![
        flag("control", lang, control),
        repeat(lang),
        busy(lang),
        flag("step", lang, step),
        flag("predict", lang, predict),
        quiz(lang),
        full(lang),
        brief(lang),
        stable(lang),
        value("as", "both|server|client", lang, side).value_parser(one_of(sides)).hide_possible_values(true),
        value("listen", "ADDR", lang, listen).value_parser(values::address),
        value("connect", "ADDR", lang, connect).value_parser(values::server),
        value("timeout", "DURATION", lang, timeout).value_parser(values::pause),
    ]
}

/// A buffer's size, as setsockopt takes it (socket(7)).
fn buffer(text: &str) -> Result<usize, Text> {
    match quantity::size(text)? {
        n if n > i32::MAX as usize => Err(say!(
            "{text}: the socket option is an int, at most 2147483647",
            "{text}：套接字选项是 int，最大 2147483647"
        )),
        n => Ok(n),
    }
}

fn recv(text: &str) -> Result<usize, Text> {
    match quantity::size(text)? {
        0 => Err(say!(
            "{text}: recv(0) returns 0 at once, which reads like end of stream; give 1 or more",
            "{text}：recv(0) 会立刻返回 0，看起来像流结束；请给 1 或更大的值"
        )),
        n if n > LARGEST_RECV => Err(say!(
            "{text}: at most {LARGEST_RECV} (64 MiB), to keep memory bounded",
            "{text}：最大 {LARGEST_RECV}（64 MiB），以限制内存"
        )),
        n => Ok(n),
    }
}
