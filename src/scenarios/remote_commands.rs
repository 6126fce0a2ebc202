//! The remote commands that several pages run: the same three for every protocol, so that a problem
//! and its fix carry the same messages. The outputs are the ones D0 prints (as UTF-8), not run
//! here: the lesson is how bytes travel, and a fixed output makes two runs comparable.

use crate::claims::{Draft, Judge};
use crate::net::{Conn, End, Outgoing};
use crate::say;
use crate::text::Text;
use crate::trace::Role::{Client, Server};

/// One command with what it prints.
pub(super) struct RemoteCommand {
    /// What the client sends, without a terminator.
    pub line: &'static str,
    /// Its standard output; may be empty.
    pub stdout: &'static str,
    /// Its standard error; may be empty.
    pub stderr: &'static str,
}

impl RemoteCommand {
    /// Both outputs as one body: what the fixed protocols send.
    pub fn answer(&self) -> Vec<u8> {
        [self.stdout, self.stderr].concat().into_bytes()
    }

    /// A name for its standard output.
    pub fn stdout_label(&self) -> Text {
        Text::same(format!("{}: stdout", self.line))
    }

    /// A name for its standard error.
    pub fn stderr_label(&self) -> Text {
        Text::same(format!("{}: stderr", self.line))
    }

    /// A name for both outputs together.
    pub fn answer_label(&self) -> Text {
        Text::same(format!("{}: output", self.line))
    }
}

/// One with both outputs, one of more than 1024 bytes, one short.
pub(super) const COMMANDS: [RemoteCommand; 3] = [
    RemoteCommand {
        line: "dir;ls",
        stdout: " 驱动器 C 中的卷是 系统\r\n 卷的序列号是 85C0-669A\r\n\r\n \
                 C:\\Users\\Administrator\\PycharmProjects\\Internet_program 的目录\r\n",
        stderr: "找不到文件\r\n",
    },
    RemoteCommand {
        line: "ipconfig&dir",
        stdout: "\r\nWindows IP 配置\r\n\r\n\r\n\
                 以太网适配器 Bluetooth 网络连接 2:\r\n\r\n   \
                 媒体状态  . . . . . . . . . . . . : 媒体已断开\r\n   \
                 连接特定的 DNS 后缀 . . . . . . . : \r\n\r\n\
                 以太网适配器 本地连接:\r\n\r\n   \
                 媒体状态  . . . . . . . . . . . . : 媒体已断开\r\n   \
                 连接特定的 DNS 后缀 . . . . . . . : \r\n\r\n\
                 无线局域网适配器 无线网络连接:\r\n\r\n   \
                 连接特定的 DNS 后缀 . . . . . . . : \r\n   \
                 本地链接 IPv6 地址. . . . . . . . : fe80::8c6:36a9:6fa6:8018%14\r\n   \
                 IPv4 地址 . . . . . . . . . . . . : 192.168.43.216\r\n   \
                 子网掩码  . . . . . . . . . . . . : 255.255.255.0\r\n   \
                 默认网关. . . . . . . . . . . . . : 192.168.43.1\r\n\r\n\
                 隧道适配器 本地连接* 3:\r\n\r\n   \
                 媒体状态  . . . . . . . . . . . . : 媒体已断开\r\n   \
                 连接特定的 DNS 后缀 . . . . . . . : \r\n \
                 驱动器 C 中的卷是 系统\r\n 卷的序列号是 85C0-669A\r\n\r\n \
                 C:\\Users\\Administrator\\PycharmProjects\\Internet_program 的目录\r\n\r\n\
                 2019/09/16  14:43               553 Client1.py\r\n\
                 2019/09/16  13:42                 0 Client2.py\r\n\
                 2019/09/16  14:43               306 Sever1.py\r\n\
                 2019/09/16  01:41                70 time_test.py\r\n",
        stderr: "",
    },
    RemoteCommand {
        line: "pwd",
        stdout: "",
        stderr: "'pwd' 不是内部或外部命令,也不是可运行的程序\r\n或批处理文件。\r\n",
    },
];

/// What a command is answered with.
#[derive(Clone)]
pub(super) struct CommandAnswer {
    /// The command.
    pub line: &'static str,
    /// Both outputs, or the learner's own message (`--message`).
    pub bytes: Vec<u8>,
    /// A name for the outputs.
    label: Option<Text>,
}

impl CommandAnswer {
    /// The answer behind this header, as one message.
    pub fn behind(&self, end: &End, header: &[u8]) -> Outgoing {
        end.framed([header, &self.bytes].concat(), header.len(), self.label.clone())
    }
}

/// The answers of a run, in the order of their commands.
pub(super) fn answers(end: &End) -> Vec<CommandAnswer> {
    let outputs = COMMANDS.each_ref().map(RemoteCommand::answer);
    let bytes = end.messages(&outputs.each_ref().map(|output| &output[..]));
    let label = |command: &RemoteCommand| end.settings().messages.is_empty().then(|| command.answer_label());
    let answer = |(command, bytes): (&RemoteCommand, &[u8])| CommandAnswer {
        line: command.line,
        bytes: bytes.to_vec(),
        label: label(command),
    };
    COMMANDS.iter().zip(bytes).map(answer).collect()
}

/// Receives the next command, and finds its answer; `None` when the client has gone.
pub(super) fn next_answer(end: &End, conn: &Conn) -> anyhow::Result<Option<CommandAnswer>> {
    let command = next_command(conn)?;
    Ok(command.and_then(|command| answers(end).into_iter().find(|answer| answer.line == command.line)))
}

/// How many answers are due: one for each command, or for each of the learner's messages.
pub(super) fn due(j: &Judge) -> usize {
    j.messages(&COMMANDS.each_ref().map(|command| command.line.as_bytes())).len()
}

/// Receives the next command; `None` when the client has gone.
fn next_command(conn: &Conn) -> anyhow::Result<Option<&'static RemoteCommand>> {
    let line = conn.recv(1024)?;
    if line.is_empty() {
        return Ok(None);
    }
    let known = COMMANDS.iter().find(|c| c.line.as_bytes() == line);
    let start: String = String::from_utf8_lossy(&line).chars().take(20).collect();
    let unknown = || say!("not one of the three commands: {start:?}", "不是那三条命令之一：{start:?}");
    Ok(Some(known.ok_or_else(unknown)?))
}

/// Closes a claim: the client was given all answers, each whole and alone, in the order of its commands.
pub(super) fn all_answers_whole<'a>(j: &Judge<'a>, claim: Draft<'_, 'a>, commands: usize) {
    let delivered = j.delivered(Client);
    let side = |n: usize, ids: &Vec<String>| {
        j.sentence([&n, &commands, ids], |[n, all, ids]| {
            say!("{n} of {all} answers whole: {ids}", "{all} 个响应中 {n} 个完整：{ids}")
        })
    };
    let seen = j.held_by(&delivered);
    let answers = j.message_names(Server);
    let whole = seen.iter().zip(&answers).filter(|(seen, answer)| seen == answer).count();
    claim.of(&delivered).same(side(commands, &answers), side(whole, &seen));
}

#[cfg(test)]
mod tests {
    use super::COMMANDS;

    #[test]
    fn the_three_are_of_the_three_kinds() {
        let [both, long, short] = &COMMANDS;
        assert!(!both.stdout.is_empty() && !both.stderr.is_empty());
        assert!(both.answer().len() < 1024 && short.answer().len() < 1024);
        assert!(long.stdout.len() > 1024, "{}", long.stdout.len());
    }
}
