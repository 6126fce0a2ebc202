//! The loop that a mistake is mended with, in the program's own language.

use crate::watch::survival::Mistake;
use std::path::Path;

/// What a program is written in, as its command line tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Language {
    Python,
    C,
    Java,
    Go,
    JavaScript,
    Rust,
    Unknown,
}

impl Language {
    /// Of a program by its words.
    pub(super) fn of(words: &[String]) -> Language {
        let stem = |word: &String| Path::new(word).file_stem().and_then(|s| s.to_str()).unwrap_or_default().to_owned();
        let ends = |end: &str| words.iter().any(|word| word.ends_with(end));
        let program = words.first().map(stem).unwrap_or_default();
        match program.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.') {
            "python" | "pypy" => Language::Python,
            "java" => Language::Java,
            "node" | "bun" | "deno" => Language::JavaScript,
            "go" => Language::Go,
            "cargo" => Language::Rust,
            _ if ends(".py") => Language::Python,
            _ if ends(".js") || ends(".mjs") => Language::JavaScript,
            _ if ends(".c") || ends("a.out") => Language::C,
            _ => Language::Unknown,
        }
    }

    /// Its name.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Language::Python => "python",
            Language::C => "c",
            Language::Java => "java",
            Language::Go => "go",
            Language::JavaScript => "javascript",
            Language::Rust => "rust",
            Language::Unknown => "text",
        }
    }

    /// The corrected loop.
    pub(super) const fn correction(self, mistake: Mistake) -> &'static str {
        match mistake {
            Mistake::SendUnseen => self.send_all(),
            Mistake::SeveralForOne | Mistake::PauseForEnd => self.framed(),
            Mistake::CutCharacter => self.decoded(),
            Mistake::PartForWhole | Mistake::RestForNext | Mistake::SameSizeAgain | Mistake::EndUnseen => self.exact(),
        }
    }

    /// Reads so many bytes, no more and no less.
    const fn exact(self) -> &'static str {
        match self {
            Language::Python => {
                "def recv_exact(sock, n):\n    data = b\"\"\n    while len(data) < n:\n        part = sock.recv(n - len(data))\n        if not part:\n            raise EOFError(\"the stream ended inside a message\")\n        data += part\n    return data"
            }
            Language::C => {
                "size_t got = 0;\nwhile (got < n) {\n    ssize_t part = recv(fd, buf + got, n - got, 0);\n    if (part < 0 && errno == EINTR) continue;\n    if (part <= 0) return -1; /* 0: the stream ended */\n    got += part;\n}"
            }
            Language::Java => "byte[] data = new byte[n];\nnew DataInputStream(in).readFully(data);",
            Language::Go => "data := make([]byte, n)\n_, err := io.ReadFull(conn, data)",
            Language::JavaScript => {
                "let buffer = Buffer.alloc(0);\nsocket.on('data', part => {\n  buffer = Buffer.concat([buffer, part]);\n  while (buffer.length >= 4 && buffer.length >= 4 + buffer.readUInt32BE(0)) {\n    const end = 4 + buffer.readUInt32BE(0);\n    handle(buffer.subarray(4, end));\n    buffer = buffer.subarray(end);\n  }\n});"
            }
            Language::Rust => "let mut data = vec![0; n];\nstream.read_exact(&mut data)?;",
            Language::Unknown => {
                "got = 0\nwhile got < n:\n    part = recv(at most n - got)\n    if part is empty: the stream ended\n    got = got + length of part"
            }
        }
    }

    /// Decodes characters that may come in pieces.
    const fn decoded(self) -> &'static str {
        match self {
            Language::Python => {
                "decoder = codecs.getincrementaldecoder(\"utf-8\")()\nwhile part := sock.recv(4096):\n    text += decoder.decode(part)  # keeps half a character until the rest comes\ntext += decoder.decode(b\"\", final=True)"
            }
            Language::JavaScript => {
                "socket.setEncoding('utf8'); // keeps half a character until the rest comes\nsocket.on('data', part => { text += part; });"
            }
            Language::Java => {
                "Reader reader = new InputStreamReader(in, StandardCharsets.UTF_8);\nint n = reader.read(characters); // keeps half a character until the rest comes"
            }
            Language::Go => {
                "reader := bufio.NewReader(conn)\nr, _, err := reader.ReadRune() // waits for the whole character"
            }
            Language::Rust => {
                "let mut data = vec![0; n];\nstream.read_exact(&mut data)?;\nlet text = String::from_utf8(data)?; // the whole message, then its characters"
            }
            Language::C | Language::Unknown => {
                "collect bytes until the message is whole\ndecode the whole message at once"
            }
        }
    }

    /// Sends everything.
    const fn send_all(self) -> &'static str {
        match self {
            Language::Python => {
                "while data:\n    try:\n        data = data[sock.send(data):]\n    except BlockingIOError:\n        select.select([], [sock], [])  # until there is room"
            }
            Language::C => {
                "size_t sent = 0;\nwhile (sent < n) {\n    ssize_t part = send(fd, buf + sent, n - sent, MSG_NOSIGNAL);\n    if (part >= 0) sent += part;\n    else if (errno == EAGAIN) poll(&(struct pollfd){ fd, POLLOUT, 0 }, 1, -1);\n    else if (errno != EINTR) return -1;\n}"
            }
            Language::Java => {
                "while (buffer.hasRemaining()) {\n    channel.write(buffer); // and wait for OP_WRITE when it returns 0\n}"
            }
            Language::Rust => {
                "while !data.is_empty() {\n    match stream.write(data) {\n        Ok(sent) => data = &data[sent..],\n        Err(e) if e.kind() == ErrorKind::WouldBlock => break, // go on when it is writable\n        Err(e) => return Err(e),\n    }\n}"
            }
            Language::Go => {
                "_, err := conn.Write(data) // of net.Conn: returns when all of it is sent, or with an error"
            }
            Language::JavaScript => "socket.write(data); // keeps what the kernel does not take, and sends it later",
            Language::Unknown => {
                "while data is left:\n    sent = send(data)\n    if it would block: wait until the socket is writable\n    else: leave out the first `sent` bytes"
            }
        }
    }

    /// A message behind its length.
    const fn framed(self) -> &'static str {
        match self {
            Language::Python => {
                "def send_message(sock, body):\n    sock.sendall(struct.pack(\"!I\", len(body)) + body)\n\ndef recv_message(sock):\n    (n,) = struct.unpack(\"!I\", recv_exact(sock, 4))\n    return recv_exact(sock, n)  # loops until n bytes are there"
            }
            Language::Java => {
                "out.writeInt(body.length); // DataOutputStream\nout.write(body);\n\nbyte[] body = new byte[in.readInt()]; // DataInputStream\nin.readFully(body);"
            }
            Language::Go => {
                "err := binary.Write(conn, binary.BigEndian, uint32(len(body))) // then conn.Write(body)\n\nvar n uint32\nerr := binary.Read(conn, binary.BigEndian, &n) // and check n before it is believed\nbody := make([]byte, n)\n_, err = io.ReadFull(conn, body)"
            }
            Language::Rust => {
                "stream.write_all(&(body.len() as u32).to_be_bytes())?;\nstream.write_all(&body)?;\n\nlet mut header = [0; 4];\nstream.read_exact(&mut header)?;\nlet mut body = vec![0; u32::from_be_bytes(header) as usize]; // check it before it is believed\nstream.read_exact(&mut body)?;"
            }
            Language::C => {
                "uint32_t n = htonl(length);\nsend_all(fd, &n, 4);\nsend_all(fd, body, length);\n\nrecv_exact(fd, &n, 4); /* each loops until all of it is there */\nrecv_exact(fd, body, ntohl(n)); /* check it before it is believed */"
            }
            // What takes one message at a time out of what came, however it came.
            Language::JavaScript => self.exact(),
            Language::Unknown => {
                "send: the length of the body in 4 bytes, then the body\nreceive: exactly 4 bytes, then exactly as many as they say"
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_line_tells_the_language() {
        let of = |line: &str| Language::of(&line.split(' ').map(str::to_owned).collect::<Vec<_>>());
        assert_eq!(of("python3.11 server.py"), Language::Python);
        assert_eq!(of("/usr/bin/java Server"), Language::Java);
        assert_eq!(of("node n.js"), Language::JavaScript);
        assert_eq!(of("./a.out"), Language::C);
        assert_eq!(of("./serve.py --port 1"), Language::Python);
        assert_eq!(of("./server"), Language::Unknown);
    }
}
