//! Which system this is, for the header of a trace and for `doctor`.

/// The operating system's name (`linux`, `macos`, `windows`).
pub fn os() -> &'static str {
    std::env::consts::OS
}

/// The processor's architecture (`x86_64`).
pub fn arch() -> &'static str {
    std::env::consts::ARCH
}

/// The kernel's release (uname(2)); `None` where there is no such call.
#[cfg(unix)]
pub fn kernel() -> Option<String> {
    Some(rustix::system::uname().release().to_string_lossy().into_owned())
}

/// The kernel's release; `None` where there is no such call.
#[cfg(not(unix))]
pub fn kernel() -> Option<String> {
    None
}
