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
    use std::ffi::CStr;
    use std::mem::MaybeUninit;
    let mut name = MaybeUninit::<libc::utsname>::zeroed();
    // SAFETY: uname fills in the live struct; on success each field is a NUL-terminated string.
    let release = unsafe {
        if libc::uname(name.as_mut_ptr()) != 0 {
            return None;
        }
        CStr::from_ptr(name.assume_init_ref().release.as_ptr()).to_owned()
    };
    Some(release.to_string_lossy().into_owned())
}

/// The kernel's release; `None` where there is no such call.
#[cfg(not(unix))]
pub fn kernel() -> Option<String> {
    None
}
