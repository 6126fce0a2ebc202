//! Moves a file's bytes between disk and connection, once, and hashes them on the way. Memory is bounded by a few
//! buffers however large the file is.

use super::hashing::Hashing;
use crate::framing::Fault;
use crate::framing::protocols::Source;
use crate::programs::trouble::{Result, Trouble};
use crate::say;
use crate::text::{Text, grouped};
use crate::trace::Part;
use std::io::{self, Read, Write};
use std::thread;

/// From a file: its first `len` bytes to `send`, piece by piece. Returns the digest if it is wanted.
///
/// # Errors
/// What reading or `send` says, or that the file has become shorter than promised.
pub fn outward(
    file: &mut impl Read,
    len: u64,
    digest: bool,
    mut send: impl FnMut(&[u8]) -> Result<()>,
) -> Result<Option<String>> {
    thread::scope(|scope| {
        let mut hashing = Hashing::start(scope, len, digest);
        let mut left = len;
        while left > 0 {
            let mut buffer = hashing.take()?;
            let n = read(file, &mut buffer, left)?.ok_or_else(|| changed(len))?;
            send(&buffer[..n])?;
            hashing.give(buffer, n)?;
            left -= n as u64;
        }
        hashing.finish()
    })
}

/// The next piece of a file, at most `left` bytes; `None` at its end.
fn read(file: &mut impl Read, buffer: &mut [u8], left: u64) -> Result<Option<usize>> {
    let most = buffer.len().min(usize::try_from(left).unwrap_or(usize::MAX));
    loop {
        match file.read(&mut buffer[..most]) {
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(Trouble::local(say!("reading the file: {e}", "读取文件：{e}"))),
            Ok(n) => return Ok((n > 0).then_some(n)),
        }
    }
}

/// A file that is not as long any more as was promised.
pub fn changed(len: u64) -> Trouble {
    let len = grouped(len);
    Trouble::peer(
        "changed",
        say!(
            "the file changed while it was sent: {len} bytes were promised",
            "文件在发送过程中被改动：已承诺 {len} 字节"
        ),
    )
}

/// From a connection: exactly `len` bytes into a file; `progress` hears how many came in all, before they are written.
/// Returns the digest if it is wanted.
///
/// # Errors
/// What recv or `progress` says, that the stream ended, or ([`Exit::NotHere`](crate::exit::Exit::NotHere)) what writing says.
pub fn inward(
    source: &mut impl Source,
    len: u64,
    digest: bool,
    file: &mut impl Write,
    mut progress: impl FnMut(u64) -> Result<()>,
) -> Result<Option<String>> {
    let doing = Text::new("receiving the file", "接收文件");
    thread::scope(|scope| {
        let mut hashing = Hashing::start(scope, len, digest);
        let mut have = 0;
        while have < len {
            let mut buffer = hashing.take()?;
            let most = buffer.len().min(usize::try_from(len - have).unwrap_or(usize::MAX));
            let n = source.recv(&mut buffer[..most], Part::Body).map_err(|e| Trouble::call(&doing, &e))?;
            if n == 0 {
                let [have, need] = [have, len].map(|n| usize::try_from(n).unwrap_or(usize::MAX));
                return Err(Fault::EofInBody { have, need }.into());
            }
            have += n as u64;
            progress(have)?;
            file.write_all(&buffer[..n]).map_err(|e| super::store::unwritable(&e))?;
            hashing.give(buffer, n)?;
        }
        hashing.finish()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exit::Exit;
    use crate::framing::digest::md5_hex;
    use crate::programs::files::hashing::CHUNK;
    use std::time::Duration;

    /// Bytes in pieces of this size.
    struct Pieces<'b>(&'b [u8], usize);

    impl Pieces<'_> {
        fn take(&mut self, buffer: &mut [u8]) -> usize {
            let n = self.1.min(buffer.len()).min(self.0.len());
            buffer[..n].copy_from_slice(&self.0[..n]);
            self.0 = &self.0[n..];
            n
        }
    }

    impl Source for Pieces<'_> {
        fn recv(&mut self, buffer: &mut [u8], _: Part) -> io::Result<usize> {
            Ok(self.take(buffer))
        }

        fn recv_within(&mut self, buffer: &mut [u8], _: Part, _: Duration) -> io::Result<Option<usize>> {
            Ok(Some(self.take(buffer)))
        }

        fn incoming(&mut self, _: Text) {}
    }

    impl Read for Pieces<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            Ok(self.take(buffer))
        }
    }

    struct Full;

    impl Write for Full {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::StorageFull.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn both_directions_move_what_was_promised_and_no_more_whatever_the_pieces() {
        let bytes: Vec<u8> = (0..1_500_000u32).flat_map(u32::to_le_bytes).collect();
        for len in [0, 1, 1024, CHUNK, CHUNK + 1, 5_000_001] {
            for piece in [1000, CHUNK - 1, usize::MAX] {
                let expected = &bytes[..len];
                let (mut source, mut stored, mut most) = (Pieces(&bytes, piece), Vec::new(), 0);
                let md5 = inward(&mut source, len as u64, true, &mut stored, |n| {
                    most = n;
                    Ok(())
                })
                .unwrap();
                assert!(stored == expected && md5 == Some(md5_hex(expected)) && most == len as u64);
                assert_eq!(source.0.len(), bytes.len() - len, "what follows stays");
                let mut sent = Vec::new();
                let send = |piece: &[u8]| {
                    sent.extend_from_slice(piece);
                    Ok(())
                };
                assert_eq!(outward(&mut Pieces(&bytes, piece), len as u64, false, send).unwrap(), None);
                assert!(sent == expected);
            }
        }
    }

    #[test]
    fn whose_fault_it_is_can_be_told() {
        let ended = inward(&mut Pieces(b"abc", 2), 4, true, &mut Vec::new(), |_| Ok(())).unwrap_err();
        assert_eq!((ended.kind, ended.exit), ("eof-in-body", Exit::Failed));
        let full = inward(&mut Pieces(b"abc", 2), 3, true, &mut Full, |_| Ok(())).unwrap_err();
        assert_eq!((full.kind, full.exit), ("local", Exit::NotHere));
        let shorter = outward(&mut Pieces(b"abc", 2), 4, true, |_| Ok(())).unwrap_err();
        assert_eq!((shorter.kind, shorter.exit), ("changed", Exit::Failed));
    }
}
