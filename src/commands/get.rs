//! `get`: a download from `serve files`.

use super::program;
use crate::cli::Command;
use crate::cli::args::{get, positional, value};
use crate::programs::{Get, files};
use crate::text::{Lang, Text};
use clap::{Arg, ValueHint, value_parser};
use std::path::PathBuf;

pub(super) fn command() -> Command {
    let summary = Text::new("download a file from serve files", "从 serve files 下载文件");
    program::command("get", summary, |matches, output| {
        let asked = Get {
            name: get(matches, "name").unwrap_or_default(),
            server: program::address(matches),
            // What `--out` names is where the download is stored; what is said about it goes to standard output.
            place: output.file.take(),
            overwrite: matches.get_flag("overwrite"),
            trailer: program::how(matches),
            largest: get::<usize>(matches, "max-file").map_or(4 << 30, |bytes| bytes as u64),
            patience: program::patience(matches),
        };
        program::task(matches, move |console| files::get::run(&asked, console))
    })
    .args(|lang| program::args(args(lang), lang))
    .words([("get --help", "download fetch receive 下载")])
}

fn args(lang: Lang) -> Vec<Arg> {
    let name = Text::new(
        "the file's name at the server, and here unless --out says otherwise",
        "文件在服务器上的名字；不用 --out 另存的话，这里也用它",
    );
    let out = Text::new("where to store it: a name or a directory", "存到哪里：文件名或目录");
    vec![
        positional("name", "NAME", lang, name),
        program::server(lang),
        program::trailer(lang),
        value("out", "PATH", lang, out).value_hint(ValueHint::AnyPath).value_parser(value_parser!(PathBuf)),
        program::overwrite(lang, Text::new("replace a file that is here", "替换这里已有的文件")),
        program::size("max-file", lang, Text::new("the largest download (default: 4GiB)", "最大的下载（默认 4GiB）")),
        program::timeout(lang),
        program::min_rate(lang),
        program::settle(lang),
    ]
}
