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

/// The system's version, as Windows says it of itself: `10.0.22631`.
#[cfg(windows)]
pub fn kernel() -> Option<String> {
    use windows_sys::Wdk::System::SystemServices::RtlGetVersion;
    use windows_sys::Win32::System::SystemInformation::OSVERSIONINFOW;
    let size = size_of::<OSVERSIONINFOW>() as u32;
    let mut version = OSVERSIONINFOW { dwOSVersionInfoSize: size, ..OSVERSIONINFOW::default() };
    // SAFETY: the structure is live, says its own size, and is writable for the call.
    let status = unsafe { RtlGetVersion(&mut version) };
    let OSVERSIONINFOW { dwMajorVersion: major, dwMinorVersion: minor, dwBuildNumber: build, .. } = version;
    (status == 0).then(|| format!("{major}.{minor}.{build}"))
}

/// The language that the system is set to, as a locale's name; on Unix the environment says it.
pub fn locale() -> Option<String> {
    #[cfg(windows)]
    return sys_locale::get_locale();
    #[cfg(not(windows))]
    None
}
