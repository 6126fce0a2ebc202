//! What a terminal understands.

/// Does the terminal do what escape sequences say? Every terminal of Unix does. On Windows a console is asked to
/// (ENABLE_VIRTUAL_TERMINAL_PROCESSING, SetConsoleMode) and may refuse; a terminal that is no console there says its kind
/// in TERM.
pub fn understands_escapes() -> bool {
    #[cfg(windows)]
    return anstyle_query::windows::enable_ansi_colors() == Some(true) || std::env::var_os("TERM").is_some();
    #[cfg(not(windows))]
    true
}
