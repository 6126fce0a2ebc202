//! What a row says, word by word: in both languages, with nothing cut. Whoever lays it out decides how much room there
//! is, and what is left out for want of it.

use super::preview::preview;
use crate::render::Style;
use crate::text::Text;
use crate::text::columns::{columns, cut, elided};
use crate::trace::{Message, MsgId, Role};
use std::borrow::Cow;

/// One thing that a row says. Tokens stand behind each other as they are: the space between them is theirs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Token<'a> {
    /// The same in both languages: a call, a number, a bracket.
    Same(Cow<'static, str>),
    /// Words.
    Words(Text),
    /// A message's number.
    Message(MsgId),
    /// A message in a few words, as far as there is room.
    Name(Name<'a>),
    /// How many bytes a call was asked to move. It moved all of them: where there is no room, one number says so.
    Asked(String),
    /// Where a socket is, or what it connects to: the machine's choice.
    Address(String),
    /// Who a datagram is for, or from: worth a word where that end has no lane.
    Peer(Text),
    /// The way out of this end's lane.
    Arrow(Role),
}

/// What a message is called, or what bytes are shown as.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Name<'a> {
    /// A name better than its first bytes.
    Label(&'a Text),
    /// Its first bytes, as text or as hex.
    Bytes(&'a [u8]),
    /// A text made of its bytes.
    Quoted(String),
}

impl<'a> Name<'a> {
    /// A message's label, else its first bytes.
    pub fn of(message: &'a Message) -> Name<'a> {
        message.label.as_ref().map_or(Name::Bytes(message.body()), Name::Label)
    }

    /// Says nothing.
    pub fn is_empty(&self) -> bool {
        match self {
            Name::Label(label) => label.en.is_empty(),
            Name::Bytes(bytes) => bytes.is_empty(),
            Name::Quoted(text) => text.is_empty(),
        }
    }

    fn cut(&self, style: &Style, width: usize) -> String {
        match self {
            Name::Label(label) => elided(label.to(style.lang), width, style.unicode),
            Name::Bytes(bytes) => cut(&preview(bytes), width, style.unicode),
            Name::Quoted(text) => cut(text, width, style.unicode),
        }
    }
}

impl<'a> From<Text> for Token<'a> {
    fn from(text: Text) -> Token<'a> {
        Token::Words(text)
    }
}

impl<'a> From<&'static str> for Token<'a> {
    fn from(text: &'static str) -> Token<'a> {
        Token::Same(text.into())
    }
}

impl<'a> From<String> for Token<'a> {
    fn from(text: String) -> Token<'a> {
        Token::Same(text.into())
    }
}

impl Token<'_> {
    /// The token in columns: a name within so many.
    fn written(&self, style: &Style, name: usize) -> Cow<'_, str> {
        match self {
            Token::Same(text) => Cow::Borrowed(text),
            Token::Asked(text) | Token::Address(text) => Cow::Borrowed(text),
            Token::Words(text) | Token::Peer(text) => Cow::Borrowed(text.to(style.lang)),
            Token::Message(id) => id.to_string().into(),
            Token::Name(shown) => shown.cut(style, name).into(),
            Token::Arrow(from) => arrow(*from, style).into(),
        }
    }
}

fn arrow(from: Role, style: &Style) -> &'static str {
    match (from == Role::Client, style.unicode) {
        (true, true) => "→",
        (true, false) => "->",
        (false, true) => "←",
        (false, false) => "<-",
    }
}

/// The tokens on one line, each name within so many columns.
pub fn line(tokens: &[Token], style: &Style, name: usize) -> String {
    tokens.iter().map(|token| token.written(style, name)).collect()
}

/// A packet on one line: beside a message's name "again" has to find room.
pub fn packet(tokens: &[Token], style: &Style) -> String {
    line(tokens, style, 10)
}

/// What a call moved of a message, on one line.
pub fn glance(tokens: &[Token], style: &Style) -> String {
    line(tokens, style, 24)
}

/// The columns of a message's name in a lane.
const NAME: usize = 12;

/// A call's tokens that are longer than this say only once what was asked and returned, in columns.
const SHORT: usize = 26;

/// The tokens without addresses.
pub fn without_addresses<'a>(tokens: &[Token<'a>]) -> Vec<Token<'a>> {
    tokens.iter().filter(|token| !matches!(token, Token::Address(_))).cloned().collect()
}

/// A call on one line, its peers in lanes of their own.
pub fn call(tokens: &[Token], style: &Style) -> String {
    let named: Vec<Token> = tokens.iter().filter(|t| !matches!(t, Token::Peer(_))).cloned().collect();
    within(&named, style, NAME, SHORT)
}

/// A call with its peer, fitted into so many columns, be they few or many.
pub fn call_with_peer(tokens: &[Token], style: &Style, room: usize) -> String {
    let others: Vec<Token> =
        tokens.iter().filter(|t| !matches!(t, Token::Name(_) | Token::Asked(_) | Token::Peer(_))).cloned().collect();
    let name = room.saturating_sub(columns(&line(&others, style, 0))).max(NAME / 2);
    within(tokens, style, name, room)
}

/// What was asked is left out where the line is longer than that without its peer.
fn within(tokens: &[Token], style: &Style, name: usize, room: usize) -> String {
    let but = |without: fn(&Token) -> bool| -> String {
        tokens.iter().filter(|t| !without(t)).map(|t| t.written(style, name)).collect()
    };
    match columns(&but(|t| matches!(t, Token::Peer(_)))) > room {
        true => but(|t| matches!(t, Token::Asked(_))),
        false => line(tokens, style, name),
    }
}
