//! Files and folders that must not outlive the program: removed when dropped, and by the interrupt
//! handler, which has no way to drop them.

use std::fs;
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
    /// Takes responsibility for a path.
    pub fn new(path: PathBuf) -> Scratch {
        live().push(path.clone());
        Scratch { path }
    }

    /// Makes a new empty folder under the system's temporary one, for this user's eyes only where the
    /// system has such a thing; `what` becomes a part of its name.
    ///
    /// # Errors
    /// What the system says.
    pub fn folder(what: &str) -> io::Result<Scratch> {
        // Held while it is made: the interrupt handler finds either no folder or a listed one.
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
        live().retain(|path| *path != self.path);
        remove(&self.path);
    }
}

/// Removes everything that is still there; for the interrupt handler.
pub fn remove_all() {
    for path in std::mem::take(&mut *live()) {
        remove(&path);
    }
}

/// Best effort: what cannot be removed cannot be reported from here either.
fn remove(path: &Path) {
    let _ = if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) };
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
        let folder = Scratch::new(base.clone());
        fs::create_dir(&base).expect("a new folder");
        fs::write(base.join("kept"), "x").expect("a file");
        Scratch::new(base.join("kept")).keep();
        assert!(base.join("kept").exists());
        drop(folder);
        assert!(!base.exists());
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
