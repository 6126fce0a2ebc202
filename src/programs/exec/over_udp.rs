//! Commands over datagrams: one there, two back.

use super::answer::Answer;
use crate::exit::Exit;
use crate::programs::Exec;
use crate::programs::console::Console;
use crate::programs::datagram_socket::{DatagramSocket, Until, is_refusal, is_too_long, largest, refused};
use crate::programs::trouble::{Result, Trouble};
use crate::say;
use crate::text::{Text, grouped};
use std::io;

/// Sends one command and prints both datagrams of its answer, in the order in which they come: no byte of them says
/// which is standard error. Each command has a socket of its own. The port is all that ties an answer to a command,
/// so one that comes late finds nobody, and is not taken for the next.
pub(super) fn ask(exec: &Exec, console: &Console, line: &str) -> Result<Exit> {
    let socket = DatagramSocket::open(console, exec.server)?;
    socket.send_to(line.as_bytes(), exec.server, Some(Text::same(line))).map_err(|e| unsent(exec, line, &e))?;
    let mut answer = Answer::new(console, exec.shown);
    let mut came = 0;
    while came < 2 {
        let label = say!("answer to {line}", "{line} 的响应");
        match socket.recv_from(Until::Passed(exec.patience.timeout), Some(label)) {
            Err(e) if is_refusal(&e) => return Err(refused(exec.server)),
            Err(e) => return Err(Trouble::call(&Text::new("while waiting for the answer", "等待响应时"), &e)),
            Ok(None) => break,
            Ok(Some(datagram)) => answer.add(&datagram.bytes),
        }
        came += 1;
    }
    answer.finish(line);
    if came == 2 {
        return Ok(Exit::Done);
    }
    console.complain(&incomplete(exec, came));
    Ok(Exit::Failed)
}

fn incomplete(exec: &Exec, came: u32) -> Trouble {
    let waited = exec.patience.timeout;
    let text = match came {
        0 => say!("neither datagram of the answer came in {waited:?}", "{waited:?} 内响应的两个数据报都没有到达"),
        _ => say!(
            "the second datagram of the answer did not come in {waited:?}; what is printed is the first",
            "{waited:?} 内响应的第二个数据报没有到达；打印的是第一个"
        ),
    };
    Trouble::peer("timeout", text).hint(Text::new(
        "UDP does not say why: the command, or the answer, was lost, or it takes longer (--timeout)",
        "UDP 不会说明原因：命令或响应丢失了，或者它还没有做完（--timeout）",
    ))
}

fn unsent(exec: &Exec, line: &str, error: &io::Error) -> Trouble {
    if !is_too_long(error) {
        return Trouble::call(&Text::new("while sending the command", "发送命令时"), error);
    }
    let (len, most) = (grouped(line.len()), grouped(largest(exec.server)));
    let text = say!(
        "a command of {len} bytes does not fit a datagram of {most}",
        "{len} 字节的命令装不进 {most} 字节的数据报"
    );
    Trouble { exit: Exit::Usage, ..Trouble::local(text) }
}
