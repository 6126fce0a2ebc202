//! A file that has no name until it is complete, and then takes it in one step. Where a system has no files without a
//! name, or another file has to make room, it lies in a folder of its own meanwhile, which nobody else can enter: no name
//! that a peer may say leads there, however a file system folds names.

use super::scratch::Scratch;
use cap_fs_ext::DirExt;
use cap_std::ambient_authority;
use cap_std::fs::{Dir, DirBuilder, Metadata, OpenOptions};
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// How the names of those folders begin.
pub(crate) const PREFIX: &str = ".stickdemo-";

/// The file in such a folder.
const PART: &str = "part";

/// A folder in which files are made.
pub(crate) struct Folder {
    /// Opened once: it stays the same folder whatever its path comes to mean.
    pub(crate) dir: Dir,
    /// Where it is, for the interrupt handler.
    path: PathBuf,
}

impl Folder {
    /// Opens it, and takes away what killed programs left in it.
    ///
    /// # Errors
    /// What the system says.
    pub(crate) fn open(path: &Path) -> io::Result<Arc<Folder>> {
        let path = path.canonicalize()?;
        let dir = Dir::open_ambient_dir(&path, ambient_authority())?;
        sweep(&dir);
        Ok(Arc::new(Folder { dir, path }))
    }

    /// Makes the part in a new folder of its own.
    fn hidden<T>(&self, make: impl Fn(&Dir) -> io::Result<T>) -> io::Result<(T, Hidden)> {
        const ATTEMPTS: u32 = 1000;
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        for _ in 0..ATTEMPTS {
            let number = NUMBER.fetch_add(1, Ordering::Relaxed);
            let name = format!("{PREFIX}{}-{number}", std::process::id());
            let made = Scratch::made(self.path.join(&name), || self.dir.create_dir_with(&name, &private()));
            let ((), scratch) = match made {
                // One that a killed program of the same number left, or somebody's file.
                Err(e) if e.kind() == io::ErrorKind::AlreadyExists => continue,
                made => made?,
            };
            let opened = self.dir.open_dir_nofollow(&name).and_then(|dir| {
                let held = hold(&dir, false)?;
                Ok((make(&dir)?, Hidden { dir, scratch, _held: held }))
            });
            match opened {
                // Another program, which starts, took it for one that was left.
                Err(e) if e.kind() == io::ErrorKind::NotFound => {}
                opened => return opened,
            }
        }
        Err(io::ErrorKind::NotFound.into())
    }
}

/// A folder with the part in it; it goes with what is in it, also when the program is interrupted.
struct Hidden {
    dir: Dir,
    #[cfg_attr(not(windows), allow(dead_code, reason = "kept until it goes"))]
    scratch: Scratch,
    _held: Option<File>,
}

/// A file that is not complete. Dropped, it leaves nothing.
pub(crate) struct PartialFile {
    folder: Arc<Folder>,
    name: OsString,
    file: File,
    hidden: Option<Hidden>,
}

impl PartialFile {
    /// A file that will have this name.
    ///
    /// # Errors
    /// What the system says.
    pub(crate) fn new(folder: &Arc<Folder>, name: &OsStr) -> io::Result<PartialFile> {
        match nameless(&folder.dir) {
            Ok(file) => Ok(PartialFile { folder: Arc::clone(folder), name: name.to_owned(), file, hidden: None }),
            Err(_) => PartialFile::named(folder, name),
        }
    }

    /// The same where the system has no files without a name.
    pub(crate) fn named(folder: &Arc<Folder>, name: &OsStr) -> io::Result<PartialFile> {
        let (file, hidden) = folder.hidden(|dir| {
            let mut options = OpenOptions::new();
            dir.open_with(PART, options.write(true).create_new(true)).map(cap_std::fs::File::into_std)
        })?;
        Ok(PartialFile { folder: Arc::clone(folder), name: name.to_owned(), file, hidden: Some(hidden) })
    }

    /// What is written to.
    pub(crate) fn file(&mut self) -> &mut File {
        &mut self.file
    }

    /// It is complete: it gets its name, all at once. What has it already is replaced if that is meant, and the new file
    /// is then as the old one was.
    ///
    /// # Errors
    /// `AlreadyExists` when the name is taken and nothing may be replaced; else what the system says.
    pub(crate) fn keep(self, overwrite: bool) -> io::Result<()> {
        let PartialFile { folder, name, file, hidden } = self;
        let dir = &folder.dir;
        written(&file)?;
        let hidden = match hidden {
            // Where nothing has the name, one step does it.
            None => match link(&file, dir, &name) {
                Err(e) if e.kind() == io::ErrorKind::AlreadyExists && overwrite => {
                    alike(&file, dir.symlink_metadata(&name).ok())?;
                    folder.hidden(|inside| link(&file, inside, OsStr::new(PART)))?.1
                }
                other => return other,
            },
            Some(hidden) => {
                if overwrite {
                    alike(&file, dir.symlink_metadata(&name).ok())?;
                }
                hidden
            }
        };
        drop(file);
        if overwrite {
            return hidden.dir.rename(PART, dir, &name);
        }
        // The part goes with its folder; plain renaming would replace what came under the name meanwhile.
        match hidden.dir.hard_link(PART, dir, &name) {
            Err(unlinked) if unlinked.kind() != io::ErrorKind::AlreadyExists => rename_new(&hidden, &folder, &name)
                .map_err(|e| match e.kind() {
                    io::ErrorKind::AlreadyExists => e,
                    _ => unlinked,
                }),
            other => other,
        }
    }
}

/// Takes away the folders that nobody holds any more, with the part in them and nothing else: what somebody keeps under
/// such a name is his.
fn sweep(dir: &Dir) {
    let entries = dir.entries().into_iter().flatten().flatten();
    let names =
        entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir())).map(|entry| entry.file_name());
    for name in names.filter(|name| is_hidden(name)).collect::<Vec<_>>() {
        let Ok(left) = dir.open_dir_nofollow(&name) else { continue };
        let only_a_part = left.entries().is_ok_and(|mut all| all.all(|e| e.is_ok_and(|e| e.file_name() == PART)));
        if only_a_part && hold(&left, true).is_ok() {
            // Best effort: another program may be at it.
            let _ = left.remove_file(PART);
            let _ = dir.remove_dir(&name);
        }
    }
}

/// Is it the name of such a folder: the prefix, a process's number and a count?
fn is_hidden(name: &OsStr) -> bool {
    let rest = name.to_str().and_then(|name| name.strip_prefix(PREFIX)?.split_once('-'));
    rest.is_some_and(|numbers| {
        [numbers.0, numbers.1].iter().all(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()))
    })
}

/// Holds a folder as long as this is kept: flock(2) ends with the program, however that ends.
#[cfg(unix)]
fn hold(dir: &Dir, or_not: bool) -> io::Result<Option<File>> {
    use rustix::fs::{FlockOperation, Mode, OFlags, flock, openat};
    // Cap-std's own may be good for paths alone (O_PATH).
    let held = openat(dir, ".", OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
    flock(&held, if or_not { FlockOperation::NonBlockingLockExclusive } else { FlockOperation::LockExclusive })?;
    Ok(Some(held.into()))
}

/// Nothing tells there whether it is held: what was left stays.
#[cfg(not(unix))]
fn hold(_: &Dir, or_not: bool) -> io::Result<Option<File>> {
    if or_not { Err(io::ErrorKind::WouldBlock.into()) } else { Ok(None) }
}

/// For this user's eyes only.
fn private() -> DirBuilder {
    #[allow(unused_mut, reason = "where there are no modes")]
    let mut builder = DirBuilder::new();
    #[cfg(unix)]
    cap_std::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder
}

/// The old file's owner and permissions for the new one, before anybody can find that. What the old one could do in
/// another's name (set-user-ID, set-group-ID) was said of the old bytes, and writing to it would have taken that away,
/// too: write(2).
#[cfg(unix)]
fn alike(file: &File, there: Option<Metadata>) -> io::Result<()> {
    use cap_std::fs::MetadataExt;
    use std::os::unix::fs::PermissionsExt;
    let Some(there) = there else { return Ok(()) };
    // Only root may give files away; whose the others are, they are.
    let _ = std::os::unix::fs::fchown(file, Some(there.uid()), Some(there.gid()));
    file.set_permissions(std::fs::Permissions::from_mode(there.mode() & 0o777))
}

/// A file on Windows has its folder's.
#[cfg(not(unix))]
fn alike(_: &File, _: Option<Metadata>) -> io::Result<()> {
    Ok(())
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

/// Renames the part to a name that nothing has, for file systems without hard links (FAT): rename(2), RENAME_NOREPLACE;
/// on macOS RENAME_EXCL.
#[cfg(any(target_os = "linux", target_os = "macos"))]
fn rename_new(hidden: &Hidden, folder: &Folder, to: &OsStr) -> io::Result<()> {
    use rustix::fs::{RenameFlags, renameat_with};
    Ok(renameat_with(&hidden.dir, PART, &folder.dir, to, RenameFlags::NOREPLACE)?)
}

/// The same: MoveFileEx without MOVEFILE_REPLACE_EXISTING.
#[cfg(windows)]
fn rename_new(hidden: &Hidden, folder: &Folder, to: &OsStr) -> io::Result<()> {
    let part = tempfile::TempPath::try_from_path(hidden.scratch.path().join(PART))?;
    part.persist_noclobber(folder.path.join(to)).map_err(|tempfile::PathPersistError { error, path }| {
        // It would be removed.
        let _ = path.keep();
        error
    })
}

#[cfg(not(any(target_os = "linux", target_os = "macos", windows)))]
fn rename_new(_: &Hidden, _: &Folder, _: &OsStr) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn folder() -> (Scratch, Arc<Folder>) {
        let scratch = Scratch::folder("partial").expect("a folder");
        let folder = Folder::open(scratch.path()).expect("opened");
        (scratch, folder)
    }

    fn entries(folder: &Scratch) -> usize {
        std::fs::read_dir(folder.path()).expect("a folder").count()
    }

    /// As the system likes it, and as where it knows no files without a name.
    fn kinds(folder: &Arc<Folder>, name: &str) -> [PartialFile; 2] {
        let name = OsStr::new(name);
        [PartialFile::new(folder, name), PartialFile::named(folder, name)].map(|made| made.expect("a file"))
    }

    #[test]
    fn dropped_it_leaves_nothing_and_kept_the_file() {
        let (scratch, folder) = folder();
        for mut part in kinds(&folder, "a") {
            part.file().write_all(b"half").expect("room");
            assert!(!scratch.path().join("a").exists());
        }
        assert_eq!(entries(&scratch), 0);
        for (name, which) in [("a", 0), ("b", 1)] {
            let mut part = kinds(&folder, name).into_iter().nth(which).expect("two");
            part.file().write_all(b"all").expect("room");
            part.keep(false).expect("kept");
            assert_eq!(std::fs::read(scratch.path().join(name)).expect("a file"), b"all");
        }
        assert_eq!(entries(&scratch), 2);
    }

    #[test]
    fn what_came_meanwhile_stays_or_is_replaced_as_asked() {
        for overwrite in [false, true] {
            let (scratch, folder) = folder();
            for mut part in kinds(&folder, "a") {
                part.file().write_all(b"new").expect("room");
                std::fs::write(scratch.path().join("a"), "old").expect("a file");
                assert_eq!(part.keep(overwrite).is_ok(), overwrite);
                let now = std::fs::read(scratch.path().join("a")).expect("a file");
                assert_eq!(now, if overwrite { b"new" } else { b"old" });
                std::fs::remove_file(scratch.path().join("a")).expect("removed");
            }
            assert_eq!(entries(&scratch), 0);
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_new_file_keeps_who_may_read_it_and_acts_in_nobodys_name() {
        use std::os::unix::fs::PermissionsExt;
        let (scratch, folder) = folder();
        let path = scratch.path().join("a");
        for (old, new) in [(0o600, 0o600), (0o640, 0o640), (0o4755, 0o755), (0o2750, 0o750)] {
            for which in 0..2 {
                std::fs::write(&path, "old").expect("a file");
                std::fs::set_permissions(&path, std::fs::Permissions::from_mode(old)).expect("its owner's");
                kinds(&folder, "a").into_iter().nth(which).expect("two").keep(true).expect("kept");
                assert_eq!(path.metadata().expect("a file").permissions().mode() & 0o7777, new, "{old:o}");
            }
        }
    }

    /// Nobody else finds the file before it has its name: its folder is entered by its owner alone.
    #[cfg(unix)]
    #[test]
    fn the_part_lies_where_nobody_else_gets_in() {
        use std::os::unix::fs::PermissionsExt;
        let (scratch, folder) = folder();
        let part = PartialFile::named(&folder, OsStr::new("a")).expect("a file");
        let hidden = std::fs::read_dir(scratch.path()).expect("a folder").flatten().next().expect("one").path();
        assert!(hidden.is_dir() && hidden.join(PART).is_file());
        assert_eq!(hidden.metadata().expect("it").permissions().mode() & 0o777, 0o700);
        // What is held by a program that runs stays; what was left by one that does not goes.
        std::fs::create_dir(scratch.path().join(".stickdemo-1-0")).expect("a folder");
        std::fs::write(scratch.path().join(".stickdemo-1-0/part"), "left").expect("a file");
        let mine = [".stickdemo-mine", ".stickdemo-notes/thesis", ".stickdemo-2-0/thesis", ".stickdemo-3-x/part"];
        for mine in mine.map(|name| scratch.path().join(name)) {
            std::fs::create_dir_all(mine.parent().expect("a folder")).expect("a folder");
            std::fs::write(mine, "mine").expect("a file");
        }
        Folder::open(scratch.path()).expect("opened");
        assert_eq!(entries(&scratch), 1 + mine.len());
        assert!(hidden.join(PART).is_file() && mine.iter().all(|name| scratch.path().join(name).is_file()));
        drop(part);
        assert_eq!(entries(&scratch), mine.len());
    }

    #[cfg(any(target_os = "linux", target_os = "macos", windows))]
    #[test]
    fn renaming_to_a_new_name_replaces_nothing() {
        let (scratch, folder) = folder();
        std::fs::write(scratch.path().join("b"), "b").expect("a file");
        let ((), hidden) = folder.hidden(|dir| dir.write(PART, "a")).expect("a part");
        let taken = rename_new(&hidden, &folder, OsStr::new("b")).expect_err("a name that is taken");
        assert_eq!(taken.kind(), io::ErrorKind::AlreadyExists);
        rename_new(&hidden, &folder, OsStr::new("c")).expect("renamed");
        assert_eq!(["b", "c"].map(|name| std::fs::read(scratch.path().join(name)).expect("a file")), [b"b", b"a"]);
    }
}
