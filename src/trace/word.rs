//! How values are written in JSON that are neither numbers nor structures: by their word, and bytes in hex.

/// Serializes a type as what `Display` writes, and reads it with `FromStr`.
macro_rules! serde_by_word {
    ($type:ty) => {
        impl serde::Serialize for $type {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> serde::Deserialize<'de> for $type {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<$type, D::Error> {
                let word = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
                word.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}
pub(crate) use serde_by_word;

/// Bytes as lower-case hex: `#[serde(with = "hex")]`.
pub(crate) mod hex {
    use crate::text::hex;
    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serializer};
    use std::borrow::Cow;

    pub(crate) fn serialize<S: Serializer>(bytes: &impl AsRef<[u8]>, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&hex::hex(bytes))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>, B: From<Vec<u8>>>(deserializer: D) -> Result<B, D::Error> {
        let digits = <Cow<'de, str>>::deserialize(deserializer)?;
        let bytes = hex::parse(&digits);
        bytes.map(B::from).ok_or_else(|| D::Error::custom("bytes are pairs of the digits 0 to 9 and a to f"))
    }
}
