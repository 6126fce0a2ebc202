//! What one stickdemo tells another about an upload, while it runs and at its end. The documents' clients ask for
//! none and get none.

use super::header;
use crate::framing::protocols::{self, Source};
use crate::framing::{Fault, I32_LE, json};
use crate::programs::connection::Connection;
use crate::programs::trouble::{Result, Trouble};
use crate::text::{Text, excerpt};
use crate::trace::Part;
use serde_json::{Map, Value, json};

/// The longest receipt that a client reads.
const LONGEST: usize = 64 << 10;

/// One receipt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Receipt {
    /// The header was read: whoever sees this knows that a last word will follow.
    Ready,
    /// The file is there, with this digest.
    Stored {
        /// MD5 of what was stored.
        md5: String,
    },
    /// The file is not there.
    Refused {
        /// Why.
        reason: String,
    },
}

impl Receipt {
    /// Its bytes on the wire.
    ///
    /// # Errors
    /// Never, in practice: it is short.
    pub fn write(&self, name: &str, size: u64) -> std::result::Result<Vec<u8>, Fault> {
        let mut fields = json!({ "receipt": self.word(), "filename": name, "filesize": size });
        match self {
            Receipt::Ready => {}
            Receipt::Stored { md5 } => fields["md5"] = md5.as_str().into(),
            Receipt::Refused { reason } => fields["reason"] = reason.as_str().into(),
        }
        json::pack(&fields)
    }

    const fn word(&self) -> &'static str {
        match self {
            Receipt::Ready => "ready",
            Receipt::Stored { .. } => "stored",
            Receipt::Refused { .. } => "refused",
        }
    }

    /// Reads its fields.
    ///
    /// # Errors
    /// When they are no receipt's.
    pub fn parse(fields: &Map<String, Value>) -> std::result::Result<Receipt, Text> {
        match json::text(fields, "receipt")? {
            "ready" => Ok(Receipt::Ready),
            "stored" => Ok(Receipt::Stored { md5: header::digest(json::text(fields, "md5")?)? }),
            "refused" => Ok(Receipt::Refused { reason: excerpt(json::text(fields, "reason").unwrap_or_default()) }),
            _ => Err(Text::new("the receipt is of no known kind", "回执的种类未知")),
        }
    }
}

/// Sends a receipt.
///
/// # Errors
/// What send says.
pub fn send(conn: &mut Connection, receipt: &Receipt, name: &str, size: u64) -> Result<()> {
    let bytes = receipt.write(name, size)?;
    let doing = Text::new("sending the receipt", "发送回执");
    conn.outgoing(Text::new("receipt", "回执"));
    // In one call: a receipt is not to be cut by a connection that ends.
    conn.send_framed(&bytes, I32_LE.width()).map_err(|e| Trouble::call(&doing, &e))
}

/// Reads the next receipt; `None` when the stream ends where it would begin.
///
/// # Errors
/// What recv says, or that it is no receipt.
pub fn read(source: &mut impl Source) -> Result<Option<Receipt>> {
    let doing = Text::new("waiting for the receipt", "等待回执");
    source.incoming(Text::new("receipt", "回执"));
    let stopped = Trouble::stopped(&doing);
    let Some(length) = protocols::length(source, LONGEST).map_err(&stopped)? else { return Ok(None) };
    let bytes = protocols::words(source, length, Part::Body).map_err(&stopped)?;
    Receipt::parse(&json::parse(&bytes)?).map(Some).map_err(|why| Trouble::peer("syntax", why))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_is_read() {
        for receipt in [
            Receipt::Ready,
            Receipt::Stored { md5: "d41d8cd98f00b204e9800998ecf8427e".to_owned() },
            Receipt::Refused { reason: "磁盘已满".to_owned() },
        ] {
            let bytes = receipt.write("a", 0).unwrap();
            assert_eq!(Receipt::parse(&json::parse(&bytes[4..]).unwrap()), Ok(receipt));
        }
    }

    #[test]
    fn what_is_no_receipt_is_none() {
        for bad in [r#"{}"#, r#"{"receipt": "maybe"}"#, r#"{"receipt": "stored"}"#, r#"{"receipt": 7}"#] {
            assert!(Receipt::parse(&json::parse(bad.as_bytes()).unwrap()).is_err(), "{bad}");
        }
    }
}
