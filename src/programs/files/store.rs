//! Where files are kept: one directory, opened once and never left. A file gets its name when it is complete; until
//! then it has none (Linux, open(2): O_TMPFILE), or a hidden one that is removed.
//!
//! Nothing is flushed to the disk before a file is named: like cp and curl this leaves the time to the system, which
//! is fast, and a power failure in the next seconds may still take the file away.

use crate::programs::trouble::{Result, Trouble};
use crate::say;
use crate::sys::scratch::Scratch;
use crate::text::{Text, escaped};
use cap_fs_ext::{FollowSymlinks, OpenOptionsFollowExt, OpenOptionsSyncExt};
use cap_std::ambient_authority;
use cap_std::fs::{Dir, OpenOptions, Permissions};
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

/// How the names of files that are not complete begin; no client may use one.
pub const PREFIX: &str = ".stickdemo-";

/// A directory of files.
pub struct Store {
    dir: Dir,
    /// Where it is, for the interrupt handler.
    path: PathBuf,
    overwrite: bool,
}

impl Store {
    /// Opens the directory. It may be named by a symbolic link; nothing in it is reached through one.
    ///
    /// # Errors
    /// When it is none, or may not be opened.
    pub fn open(path: &Path, overwrite: bool) -> io::Result<Store> {
        large_files_are_refused_and_not_the_end();
        let path = path.canonicalize()?;
        let dir = Dir::open_ambient_dir(&path, ambient_authority())?;
        Ok(Store { dir, path, overwrite })
    }

    /// Opens a regular file, and tells its size.
    ///
    /// # Errors
    /// When it is not there, not regular, or not to be read.
    pub fn read(&self, name: &OsStr) -> Result<(File, u64)> {
        let failed = |e: io::Error| about(name, &because(&e));
        // Looked at before: opening a device can have effects.
        if !self.dir.symlink_metadata(name).map_err(failed)?.is_file() {
            return Err(irregular(name));
        }
        let mut options = OpenOptions::new();
        // It may have become something else since: a link is not followed, a pipe is not waited for.
        options.read(true).follow(FollowSymlinks::No).nonblock(true);
        let file = self.dir.open_with(name, &options).map_err(failed)?.into_std();
        let there = file.metadata().map_err(failed)?;
        if there.is_file() { Ok((file, there.len())) } else { Err(irregular(name)) }
    }

    /// May a file of this name be stored?
    ///
    /// # Errors
    /// Why not.
    pub fn vacant(&self, name: &OsStr) -> Result<()> {
        match self.dir.symlink_metadata(name) {
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
    pub fn draft(&self, name: &OsStr) -> Result<PartialFile<'_>> {
        self.vacant(name)?;
        let (file, growing) = match nameless(&self.dir) {
            Ok(file) => (file, None),
            Err(_) => {
                let (file, growing) = self.part().map_err(|e| unnamed(name, &e))?;
                (file, Some(growing))
            }
        };
        Ok(PartialFile { store: self, name: name.to_owned(), file, growing })
    }

    /// A hidden file that goes when the program ends.
    fn part(&self) -> io::Result<(File, Scratch)> {
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        self.hidden(|name| self.dir.open_with(name, &options).map(cap_std::fs::File::into_std))
    }

    /// Makes something under a hidden name that nothing has yet.
    fn hidden<T>(&self, make: impl Fn(&OsStr) -> io::Result<T>) -> io::Result<(T, Scratch)> {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        loop {
            let number = NUMBER.fetch_add(1, Ordering::Relaxed);
            let name = OsString::from(format!("{PREFIX}{}-{number}.part", std::process::id()));
            match Scratch::made(self.path.join(&name), || make(&name)) {
                // One that a killed program of the same number left.
                Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {}
                other => return other,
            }
        }
    }
}

/// A file that is not complete. Dropped, it leaves nothing.
pub struct PartialFile<'s> {
    store: &'s Store,
    name: OsString,
    file: File,
    growing: Option<Scratch>,
}

impl PartialFile<'_> {
    /// What is written to.
    pub fn file(&mut self) -> &mut File {
        &mut self.file
    }

    /// It is complete: it gets its name, all at once.
    ///
    /// # Errors
    /// When the name was taken meanwhile, or cannot be given.
    pub fn keep(self) -> Result<()> {
        let name = self.name.clone();
        self.named().map_err(|e| match e.kind() {
            io::ErrorKind::AlreadyExists => exists(&name),
            _ => unnamed(&name, &e),
        })
    }

    fn named(self) -> io::Result<()> {
        let PartialFile { store, name, file, growing } = self;
        let dir = &store.dir;
        written(&file)?;
        let growing = match growing {
            // Where nothing has the name, one step does it.
            None => match link(&file, dir, &name) {
                Err(e) if e.kind() == io::ErrorKind::AlreadyExists && store.overwrite => {
                    store.hidden(|hidden| link(&file, dir, hidden))?.1
                }
                other => return other,
            },
            Some(growing) => growing,
        };
        drop(file);
        let Some(hidden) = growing.path().file_name() else { return Err(io::ErrorKind::InvalidInput.into()) };
        if store.overwrite {
            if let Ok(there) = dir.symlink_metadata(&name) {
                dir.set_permissions(hidden, plain(there.permissions()))?;
            }
            dir.rename(hidden, dir, &name)?;
            growing.keep();
            return Ok(());
        }
        // The hidden name goes with `growing`; plain renaming would replace what came under the name meanwhile.
        match dir.hard_link(hidden, dir, &name) {
            Err(e) if e.kind() != io::ErrorKind::AlreadyExists => rename_new(dir, hidden, &name).map_err(|_| e),
            other => other,
        }
    }
}

/// The old file's permissions for the new one; what it could do in another's name (set-user-ID, set-group-ID) was said
/// of the old bytes, and writing to it would have taken that away, too: write(2).
#[cfg(unix)]
fn plain(there: Permissions) -> Permissions {
    use cap_std::fs::PermissionsExt;
    Permissions::from_mode(there.mode() & 0o777)
}

#[cfg(not(unix))]
fn plain(there: Permissions) -> Permissions {
    there
}

/// Asks for errors of earlier writes that a file system tells only at close(2) (NFS: a full disk, a quota): the
/// closing of any of a file's descriptors is asked.
#[cfg(unix)]
fn written(file: &File) -> io::Result<()> {
    use std::os::fd::IntoRawFd;
    let other = file.try_clone()?.into_raw_fd();
    // SAFETY: it was just made, and nothing else has it.
    if unsafe { libc::close(other) } == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

#[cfg(not(unix))]
fn written(_: &File) -> io::Result<()> {
    Ok(())
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

/// A file without a name in this directory's file system.
#[cfg(target_os = "linux")]
fn nameless(dir: &Dir) -> io::Result<File> {
    use rustix::fs::{Mode, OFlags, openat};
    if !Path::new("/proc/self/fd").exists() {
        return Err(io::ErrorKind::Unsupported.into());
    }
    let flags = OFlags::TMPFILE | OFlags::WRONLY | OFlags::CLOEXEC;
    Ok(openat(dir, ".", flags, Mode::from_raw_mode(0o666))?.into())
}

#[cfg(not(target_os = "linux"))]
fn nameless(_: &Dir) -> io::Result<File> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Gives such a file a name that nothing has: open(2), the example for O_TMPFILE.
#[cfg(target_os = "linux")]
fn link(file: &File, dir: &Dir, name: &OsStr) -> io::Result<()> {
    use rustix::fs::{AtFlags, CWD, linkat};
    use std::os::fd::AsRawFd;
    let there = format!("/proc/self/fd/{}", file.as_raw_fd());
    Ok(linkat(CWD, there, dir, name, AtFlags::SYMLINK_FOLLOW)?)
}

#[cfg(not(target_os = "linux"))]
fn link(_: &File, _: &Dir, _: &OsStr) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Renames to a name that nothing has, for file systems without hard links (FAT): rename(2), RENAME_NOREPLACE.
#[cfg(target_os = "linux")]
fn rename_new(dir: &Dir, from: &OsStr, to: &OsStr) -> io::Result<()> {
    use rustix::fs::{RenameFlags, renameat_with};
    Ok(renameat_with(dir, from, dir, to, RenameFlags::NOREPLACE)?)
}

#[cfg(not(target_os = "linux"))]
fn rename_new(_: &Dir, _: &OsStr, _: &OsStr) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
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
    use std::io::Write;

    /// A folder, and a store in it.
    fn store(overwrite: bool) -> (Scratch, Store) {
        let folder = Scratch::folder("store").expect("a folder");
        let store = Store::open(folder.path(), overwrite).expect("a store");
        (folder, store)
    }

    fn entries(folder: &Scratch) -> usize {
        std::fs::read_dir(folder.path()).expect("a folder").count()
    }

    /// As where the system knows no files without a name.
    fn hidden<'s>(store: &'s Store, name: &str) -> PartialFile<'s> {
        store.vacant(OsStr::new(name)).expect("vacant");
        let (file, growing) = store.part().expect("a file");
        PartialFile { store, name: name.into(), file, growing: Some(growing) }
    }

    fn kinds<'s>(store: &'s Store, name: &str) -> [PartialFile<'s>; 2] {
        [store.draft(OsStr::new(name)).expect("a draft"), hidden(store, name)]
    }

    #[test]
    fn a_dropped_draft_leaves_nothing_and_a_kept_one_the_file() {
        let (folder, store) = store(false);
        for (n, mut draft) in kinds(&store, "a").into_iter().enumerate() {
            draft.file().write_all(b"half").expect("room");
            assert!(store.read(OsStr::new("a")).is_err());
            drop(draft);
            assert_eq!(entries(&folder), 1 - n, "the other draft's hidden name");
        }
        for (name, which) in [("a", 0), ("b", 1)] {
            let [first, second] = kinds(&store, name);
            let mut draft = if which == 0 { first } else { second };
            draft.file().write_all(b"all").expect("room");
            draft.keep().expect("kept");
            assert_eq!(std::fs::read(folder.path().join(name)).expect("a file"), b"all");
        }
        assert_eq!(entries(&folder), 2);
    }

    #[test]
    fn what_came_meanwhile_stays_or_is_replaced_as_asked() {
        for overwrite in [false, true] {
            let (folder, store) = store(overwrite);
            for mut draft in kinds(&store, "a") {
                draft.file().write_all(b"new").expect("room");
                std::fs::write(folder.path().join("a"), "old").expect("a file");
                assert_eq!(draft.keep().is_ok(), overwrite);
                let now = std::fs::read(folder.path().join("a")).expect("a file");
                assert_eq!(now, if overwrite { b"new" } else { b"old" });
                std::fs::remove_file(folder.path().join("a")).expect("removed");
            }
            assert_eq!(entries(&folder), 0);
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_new_file_keeps_who_may_read_it_and_acts_in_nobodys_name() {
        use std::os::unix::fs::PermissionsExt;
        let (folder, store) = store(true);
        let path = folder.path().join("a");
        for (old, new) in [(0o640, 0o640), (0o4755, 0o755), (0o2750, 0o750)] {
            for which in 0..2 {
                std::fs::write(&path, "old").expect("a file");
                std::fs::set_permissions(&path, std::fs::Permissions::from_mode(old)).expect("its owner's");
                let draft = kinds(&store, "a").into_iter().nth(which).expect("two");
                draft.keep().expect("kept");
                assert_eq!(path.metadata().expect("a file").permissions().mode() & 0o7777, new, "{old:o}");
            }
        }
    }

    #[test]
    fn a_directory_that_is_gone_is_no_missing_file() {
        let (folder, store) = store(false);
        let draft = store.draft(OsStr::new("a")).expect("a draft");
        // Windows does not remove what is open.
        if std::fs::remove_dir_all(folder.path()).is_ok() {
            for refused in [draft.keep(), store.draft(OsStr::new("b")).map(drop)] {
                assert!(refused.expect_err("no place").text.en.ends_with("its directory is gone"));
            }
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn renaming_to_a_new_name_replaces_nothing() {
        let (folder, store) = store(false);
        for name in ["a", "b"] {
            std::fs::write(folder.path().join(name), name).expect("a file");
        }
        let [a, b, c] = ["a", "b", "c"].map(OsStr::new);
        assert!(rename_new(&store.dir, a, b).is_err());
        rename_new(&store.dir, a, c).expect("renamed");
        assert_eq!([b, c].map(|name| std::fs::read(folder.path().join(name)).expect("a file")), [b"b", b"a"]);
    }
}
