//! Files and folders that must not outlive the program: removed when dropped, and by the interrupt
//! handler, which has no way to drop them.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

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
}
