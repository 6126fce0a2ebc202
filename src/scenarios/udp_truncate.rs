//! A datagram longer than the receiver's buffer loses its tail for good; the next recv is the next datagram.

use super::prelude::*;
use super::tcp_empty::WOULD_BLOCK;
use crate::text::excerpt;

pub(super) fn scenario() -> Scenario {
    Scenario::new("udp-truncate", SyllabusPart::Udp, &["D1 §10", "D3 §9"])
        .title("a buffer too small for the datagram", "缓冲区装不下数据报")
        .question(
            "a buffer smaller than the datagram: what becomes of the rest?",
            "缓冲区比数据报小：剩下的字节去哪儿了？",
        )
        .claim(
            "A datagram longer than the buffer loses its tail for good; the next recv returns the next datagram.",
            "数据报比缓冲区长，尾部就永远丢掉；下一次 recv 得到的是下一个数据报。",
        )
        .takes(&[Opt::RecvSize, Opt::Message])
        .recv_size(1)
        .messages(1..=16, 16 << 10)
        .client(client)
        .server(server)
        .judge(judge)
        .on_link(Variation::Nothing)
        .words("wsaemsgsize msg-trunc truncated cut-off 截断")
        .teach(teach)
}

const WORDS: [&[u8]; 3] = [b"hello", b"world", b"egon"];

fn client(end: &End) -> Ends {
    let s = end.udp()?;
    let server = end.server_address()?;
    for word in end.messages(&WORDS) {
        s.send_to(word, server)?;
    }
    Ok(())
}

fn server(end: &End) -> Ends {
    let s = end.udp()?;
    for _ in end.messages(&WORDS) {
        s.recv_from(end.recv_size())?;
    }
    // Are the tails still somewhere? Nothing else was sent, so one more look tells.
    s.set_nonblocking(true)?;
    s.try_recv_from(end.recv_size())?;
    Ok(())
}

fn judge(j: &Judge) {
    let recvs = j.recvs(Server);
    let words = j.messages(&WORDS);
    let all = words.len();
    // What each call kept: as much of the front as the buffer holds, and less than there was.
    let room = recvs.first().and_then(|e| e.asked).unwrap_or(0);
    let fronts = words.iter().map(|word| String::from_utf8_lossy(&word[..word.len().min(room)])).collect::<Vec<_>>();
    let short = recvs.iter().zip(&words).filter(|(e, word)| e.bytes.len() < word.len()).count();
    j.claim(
        "only-the-front",
        "each recvfrom kept only the beginning of its own datagram",
        "每次 recvfrom 只留下自己那个数据报的开头",
    )
    .of(&recvs)
    .equal([fronts.join(", "), grouped(all)], [recvs.texts().join(", "), grouped(short)], |[fronts, n]| {
        let fronts = excerpt(&fronts);
        say!("{fronts} ({n} of {all} short)", "{fronts}（{all} 个中 {n} 个不全）")
    });

    // The system says that it cut: MSG_TRUNC, or on Windows the error WSAEMSGSIZE.
    let marked = recvs.only(|e| e.truncated);
    let sign = if cfg!(windows) { "WSAEMSGSIZE" } else { "MSG_TRUNC" };
    j.claim("marked-as-cut", "the system marks each as cut", "系统标明每个都被截断").of(&marked).equal(
        [all],
        [marked.len()],
        |[n]| say!("{sign} on {n} of {all}", "{all} 个中 {n} 个有 {sign}"),
    );

    true_lengths(j, &recvs, &words);

    // A fourth look finds nothing: the tails are nowhere.
    let look = match all {
        3 => Text::new("a fourth recvfrom: {}", "第四次 recvfrom：{}"),
        _ => Text::new("one more recvfrom: {}", "再一次 recvfrom：{}"),
    };
    let fourth = j.calls(Server, Call::RecvFrom).just(all);
    j.claim("tails-gone", "the tails never arrive", "尾部再也不会到来").of(&fourth).in_order(
        vec![WOULD_BLOCK.into()],
        fourth.outcomes(),
        |outcome| look.with(&Text::same(outcome)),
    );
}

/// Their lengths as sent, where the system tells them.
fn true_lengths(j: &Judge, recvs: &Events, words: &[&[u8]]) {
    let told: Vec<usize> = recvs.iter().filter_map(|e| e.datagram_len).collect();
    if told.len() < recvs.len() {
        j.limit(Text::new(
            "this system does not tell how long a cut datagram was (Linux does: MSG_TRUNC as a flag to recv)",
            "本系统不告诉被截断的数据报原本多长（Linux 可以：给 recv 传 MSG_TRUNC）",
        ));
        return;
    }
    j.claim("true-lengths", "Linux knows how long they were", "Linux 知道它们原本多长").of(recvs).in_order(
        words.iter().map(|word| word.len()).collect(),
        told,
        |lengths| say!("{lengths} bytes", "{lengths} 字节"),
    );
}

fn teach(t: Teaching) -> Teaching {
    t.why(
        "A receive returns one datagram; what does not fit into the buffer is discarded and MSG_TRUNC is set.",
        "一次接收返回一个数据报；放不进缓冲区的部分被丢弃，并置 MSG_TRUNC。",
        "recv(2), udp(7)",
    )
    .why(
        "Windows discards the rest too, but returns the error WSAEMSGSIZE (10040), not a count.",
        "Windows 同样丢弃剩余部分，但返回的是错误 WSAEMSGSIZE（10040），而不是字节数。",
        "Microsoft Learn, recvfrom",
    )
    .next("udp-truncate --recv-size 4", "two are cut, egon just fits", "两个被截断，egon 刚好放下")
    .next("tcp-short-recv", "the same buffer over TCP: the rest waits", "TCP 上同样的小缓冲区：剩下的会等着")
    .next("udp-remote-cmd", "what it does to a real answer", "一个真实的响应会怎样")
    .next("udp-loss", "datagrams that are lost whole", "整个丢掉的数据报")
    .control(
        "a buffer that holds every datagram (1024 bytes)",
        "缓冲区装得下每个数据报（1024 字节）",
        |e| e.defaults.recv_size = Some(1024),
    )
}
