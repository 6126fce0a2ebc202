//! `put`: uploads to `serve files`.

use super::program;
use crate::cli::Command;
use crate::cli::args::{flag, get, one_of, positional, value};
use crate::programs::{Put, Spelling, files};
use crate::text::{Lang, Text};
use clap::{Arg, ArgMatches, ValueHint, value_parser};
use std::path::PathBuf;

pub(super) fn command() -> Command {
    let summary = Text::new("upload files to serve files", "把文件上传到 serve files");
    program::command("put", summary, |matches, _| {
        let asked = asked(matches);
        program::task(matches, move |console| files::put::run(&asked, console))
    })
    .args(|lang| program::args(args(lang), lang))
    .words([("put --help", "upload send 上传")])
}

fn args(lang: Lang) -> Vec<Arg> {
    let spelling = Text::new(
        "the header's fields: d1 (filename, filesize) or d0 (fileName, fileSize, filePath) (default: d1)",
        "报头的字段：d1（filename、filesize）或 d0（fileName、fileSize、filePath）（默认 d1）",
    );
    let separate = Text::new(
        "a connection for each file, for a server that reads past a file's end",
        "每个文件一个连接，用于会读过文件末尾的服务器",
    );
    vec![
        positional("files", "FILE", lang, Text::new("what is sent", "要发送的文件"))
            .num_args(1..)
            .value_hint(ValueHint::FilePath)
            .value_parser(value_parser!(PathBuf)),
        program::server(lang),
        value("spelling", "WHICH", lang, spelling)
            .value_parser(one_of([("d1", Spelling::D1), ("d0", Spelling::D0)]))
            .hide_possible_values(true),
        flag("separate", lang, separate),
        program::timeout(lang),
        program::min_rate(lang),
    ]
}

fn asked(matches: &ArgMatches) -> Put {
    Put {
        files: matches.get_many::<PathBuf>("files").into_iter().flatten().cloned().collect(),
        server: program::address(matches),
        spelling: get(matches, "spelling").unwrap_or(Spelling::D1),
        separate: matches.get_flag("separate"),
        patience: program::patience(matches),
    }
}
