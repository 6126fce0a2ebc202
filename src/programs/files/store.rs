//! Where files are kept: one directory, opened once and never left. A file gets its name when it is complete; until
//! then it has none (Linux, open(2): O_TMPFILE), or a hidden one that is removed.
//!
//! Nothing is flushed to the disk before a file is named: like cp and curl this leaves the time to the system, which
//! is fast, and a power failure in the next seconds may still take the file away.

use crate::programs::trouble::{Result, Trouble};
use crate::say;
use crate::sys::partial::{Folder, PartialFile};
use crate::text::{Text, escaped};
use cap_fs_ext::{FollowSymlinks, OpenOptionsFollowExt, OpenOptionsSyncExt};
use cap_std::fs::OpenOptions;
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::Arc;

/// A directory of files.
pub struct Store {
    folder: Arc<Folder>,
    overwrite: bool,
}

impl Store {
    /// Opens the directory. It may be named by a symbolic link; nothing in it is reached through one.
    ///
    /// # Errors
    /// When it is none, or may not be opened.
    pub fn open(path: &Path, overwrite: bool) -> io::Result<Store> {
        large_files_are_refused_and_not_the_end();
        Ok(Store { folder: Folder::open(path)?, overwrite })
    }

    /// Opens a regular file, and tells its size.
    ///
    /// # Errors
    /// When it is not there, not regular, or not to be read.
    pub fn read(&self, name: &OsStr) -> Result<(File, u64)> {
        let failed = |e: io::Error| about(name, &because(&e));
        // Looked at before: opening a device can have effects.
        if !self.folder.dir.symlink_metadata(name).map_err(failed)?.is_file() {
            return Err(irregular(name));
        }
        let mut options = OpenOptions::new();
        // It may have become something else since: a link is not followed, a pipe is not waited for.
        options.read(true).follow(FollowSymlinks::No).nonblock(true);
        let file = self.folder.dir.open_with(name, &options).map_err(failed)?.into_std();
        let there = file.metadata().map_err(failed)?;
        if there.is_file() { Ok((file, there.len())) } else { Err(irregular(name)) }
    }

    /// May a file of this name be stored?
    ///
    /// # Errors
    /// Why not.
    pub fn vacant(&self, name: &OsStr) -> Result<()> {
        match self.folder.dir.symlink_metadata(name) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(e) => Err(about(name, &because(&e))),
            Ok(there) if !there.is_file() => Err(irregular(name)),
            Ok(_) if self.overwrite => Ok(()),
            Ok(_) => Err(exists(name)),
        }
    }

    /// A file that will have this name.
    ///
    /// # Errors
    /// When the name is taken, or no file can be made.
    pub fn draft(&self, name: &OsStr) -> Result<DraftFile> {
        self.vacant(name)?;
        let part = PartialFile::new(&self.folder, name).map_err(|e| unnamed(name, &e))?;
        Ok(DraftFile { part, name: name.to_owned(), overwrite: self.overwrite })
    }
}

/// A file that is not complete. Dropped, it leaves nothing.
pub struct DraftFile {
    part: PartialFile,
    name: OsString,
    overwrite: bool,
}

impl DraftFile {
    /// What is written to.
    pub fn file(&mut self) -> &mut File {
        self.part.file()
    }

    /// It is complete: it gets its name, all at once.
    ///
    /// # Errors
    /// When the name was taken meanwhile, or cannot be given.
    pub fn keep(self) -> Result<()> {
        let DraftFile { part, name, overwrite } = self;
        part.keep(overwrite).map_err(|e| match e.kind() {
            io::ErrorKind::AlreadyExists => exists(&name),
            _ => unnamed(&name, &e),
        })
    }
}

/// Past a limit on the size of files (`ulimit -f`) a write is to fail, and not to end the program: setrlimit(2),
/// SIGXFSZ.
fn large_files_are_refused_and_not_the_end() {
    #[cfg(unix)]
    // SAFETY: a signal that is ignored runs no code.
    unsafe {
        libc::signal(libc::SIGXFSZ, libc::SIG_IGN);
    }
}

/// A write to a file that is being made failed.
pub fn unwritable(error: &io::Error) -> Trouble {
    Trouble::local(Text::new("cannot write: {}", "无法写入：{}").with(&because(error)))
}

fn about(name: &OsStr, why: &Text) -> Trouble {
    let name = escaped(&name.to_string_lossy());
    Trouble::local(Text::made(format!("{name}: {}", why.en), format!("{name}：{}", why.zh)))
}

/// Why a file cannot be made under a name: there what is missing is the directory.
fn unnamed(name: &OsStr, error: &io::Error) -> Trouble {
    match error.kind() {
        io::ErrorKind::NotFound => about(name, &Text::new("its directory is gone", "它的目录不在了")),
        _ => about(name, &because(error)),
    }
}

fn exists(name: &OsStr) -> Trouble {
    let why = Text::new("there is a file of this name already", "已有同名文件");
    Trouble { kind: "exists", ..about(name, &why) }
}

fn irregular(name: &OsStr) -> Trouble {
    about(name, &Text::new("it is not a regular file", "它不是普通文件"))
}

/// Why, without the place: that is this machine's business.
fn because(error: &io::Error) -> Text {
    match error.kind() {
        io::ErrorKind::NotFound => Text::new("there is no such file", "没有这个文件"),
        io::ErrorKind::PermissionDenied => Text::new("permission denied", "没有权限"),
        io::ErrorKind::StorageFull => Text::new("the disk is full", "磁盘已满"),
        io::ErrorKind::QuotaExceeded => Text::new("the disk quota is used up", "磁盘配额已用完"),
        io::ErrorKind::FileTooLarge => Text::new("the file is too large for this system", "文件超过系统允许的大小"),
        io::ErrorKind::ReadOnlyFilesystem => Text::new("the file system is read-only", "文件系统是只读的"),
        _ => say!("{error}", "{error}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::scratch::Scratch;

    #[test]
    fn a_directory_that_is_gone_is_no_missing_file() {
        let folder = Scratch::folder("store").expect("a folder");
        let store = Store::open(folder.path(), false).expect("a store");
        let draft = store.draft(OsStr::new("a")).expect("a draft");
        // Windows does not remove what is open.
        if std::fs::remove_dir_all(folder.path()).is_ok() {
            for refused in [draft.keep(), store.draft(OsStr::new("b")).map(drop)] {
                assert!(refused.expect_err("no place").text.en.ends_with("its directory is gone"));
            }
        }
    }
}
