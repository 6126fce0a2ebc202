//! Files and folders that must not outlive the program: removed when dropped, and by the interrupt
//! handler, which has no way to drop them.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

static LIVE: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());

/// A path that is removed (with what is in it) when this is dropped.
#[derive(Debug)]
pub struct Scratch {
    path: PathBuf,
}

impl Scratch {
    /// Makes a new file.
    ///
    /// # Errors
    /// What the system says, among them that something of that name exists.
    pub fn file(path: PathBuf) -> io::Result<(File, Scratch)> {
        Scratch::made(path.clone(), || File::create_new(&path))
    }

    /// Something new at this path, however it is made.
    ///
    /// # Errors
    /// What making it says.
    pub fn made<T>(path: PathBuf, make: impl FnOnce() -> io::Result<T>) -> io::Result<(T, Scratch)> {
        // Held while it is made: the interrupt handler finds either no file or a listed one.
        let mut live = live();
        let made = make()?;
        live.push(path.clone());
        Ok((made, Scratch { path }))
    }

    /// Makes a new empty folder under the system's temporary one, for this user's eyes only where the
    /// system has such a thing; `what` becomes a part of its name.
    ///
    /// # Errors
    /// What the system says.
    pub fn folder(what: &str) -> io::Result<Scratch> {
        // Held while it is made, as above.
        let mut live = live();
        for attempt in 0..100u32 {
            let nanos = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |t| t.subsec_nanos());
            let name = format!("stickdemo-{what}-{}-{nanos:09}-{attempt}", std::process::id());
            let path = std::env::temp_dir().join(name);
            // Making a folder fails when it exists, so one that was made is ours.
            match make(&path) {
                Ok(()) => {
                    live.push(path.clone());
                    return Ok(Scratch { path });
                }
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        }
        Err(io::ErrorKind::AlreadyExists.into())
    }

    /// The path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// It has become something that stays.
    pub fn keep(self) {
        live().retain(|path| *path != self.path);
        std::mem::forget(self);
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // Held until it is gone: the program does not end in the middle.
        let mut live = live();
        remove(&self.path);
        live.retain(|path| *path != self.path);
    }
}

/// Removes everything that is still there, and lets nothing new be made; for the interrupt handler,
/// while the other threads still run.
pub fn remove_all() {
    let live = live();
    for path in live.iter() {
        remove(path);
    }
    std::mem::forget(live);
}

/// Best effort: what cannot be removed cannot be reported from here either.
fn remove(path: &Path) {
    // A folder does not go while another thread puts a file into it.
    for _ in 0..10 {
        let gone = if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) };
        if gone.is_ok() || !path.exists() {
            return;
        }
    }
}

#[cfg(unix)]
fn make(folder: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    fs::DirBuilder::new().mode(0o700).create(folder)
}

#[cfg(not(unix))]
fn make(folder: &Path) -> io::Result<()> {
    fs::create_dir(folder)
}

fn live() -> MutexGuard<'static, Vec<PathBuf>> {
    LIVE.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dropped_path_is_gone_and_a_kept_one_stays() {
        let base = std::env::temp_dir().join(format!("stickdemo-scratch-{}", std::process::id()));
        let (_, dropped) = Scratch::file(base.with_extension("dropped")).expect("a new file");
        let (_, kept) = Scratch::file(base.with_extension("kept")).expect("a new file");
        assert!(Scratch::file(kept.path().to_owned()).is_err(), "what is there is not taken over");
        let [gone, stays] = [&dropped, &kept].map(|file| file.path().to_owned());
        drop(dropped);
        kept.keep();
        assert!(!gone.exists() && stays.exists());
        fs::remove_file(stays).expect("removed");
    }

    #[test]
    fn a_folder_is_gone_with_its_owner_even_after_a_panic() {
        let [a, b] = [(); 2].map(|()| Scratch::folder("test").expect("a new folder"));
        assert_ne!(a.path(), b.path());
        let [path, other] = [&a, &b].map(|folder| folder.path().to_owned());
        fs::create_dir(path.join("inner")).expect("a folder in it");
        fs::write(path.join("inner/file"), "x").expect("a file");
        drop(a);
        assert!(!path.exists() && other.exists());
        let died = std::thread::spawn(move || {
            let _owned = b;
            panic!("on purpose");
        });
        assert!(died.join().is_err());
        assert!(!other.exists());
    }
}
