//! `talk`: the client of `serve upper` and `serve chat`.

use super::program::{self, of_streams};
use crate::cli::Command;
use crate::programs::{Talk, talk};
use crate::text::Text;

pub(super) fn command() -> Command {
    let summary = Text::new("talk to serve upper or serve chat, line by line", "逐行与 serve upper 或 serve chat 对话");
    program::command("talk", summary, |matches, _| {
        of_streams(matches)?;
        let asked = Talk {
            server: program::address(matches),
            udp: matches.get_flag("udp"),
            patience: program::patience(matches),
        };
        program::task(matches, move |console| talk::run(&asked, console))
    })
    .args(|lang| {
        let args = vec![program::server(lang), program::udp(lang), program::timeout(lang), program::settle(lang)];
        program::args(args, lang)
    })
    .words([("talk --help", "client connect telnet nc 客户端 对话")])
}
