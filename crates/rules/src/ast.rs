//! A rule as it is written, every part with its place.

use crate::diagnostic::Span;

/// Something with its place in the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spanned<T> {
    /// What.
    pub value: T,
    /// Where.
    pub span: Span,
}

/// What a rule does when it matches. Nothing is blocked here: what drops or rejects, alerts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Says so.
    Alert,
    /// Keeps the packet or flow from alerting.
    Pass,
    /// Blocks the packet, and says so.
    Drop,
    /// Answers with a reset, and says so.
    Reject,
    /// Writes the packet down.
    Log,
}

impl Action {
    /// The action of that name.
    #[must_use]
    pub fn parse(word: &[u8]) -> Option<Self> {
        match word {
            b"alert" => Some(Self::Alert),
            b"pass" => Some(Self::Pass),
            b"drop" | b"block" | b"sdrop" => Some(Self::Drop),
            b"reject" | b"rejectsrc" | b"rejectdst" | b"rejectboth" => Some(Self::Reject),
            b"log" => Some(Self::Log),
            _ => None,
        }
    }
}

/// Addresses or ports.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Set {
    /// `any`
    Any,
    /// An address, a network, a port, a range: as written.
    Item(String),
    /// `$NAME`, without the dollar.
    Variable(String),
    /// `!…`
    Not(Box<Spanned<Set>>),
    /// `[…,…]`
    List(Vec<Spanned<Set>>),
}

/// The arrow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arrow {
    /// `->`
    To,
    /// `<>`
    Both,
}

/// One option.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opt {
    /// The keyword, in lower case.
    pub name: Spanned<String>,
    /// What stands behind the colon, without the spaces around it.
    pub value: Option<Spanned<Vec<u8>>>,
}

/// A rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// What it does.
    pub action: Action,
    /// On which protocol.
    pub protocol: Spanned<String>,
    /// From whom.
    pub src: Spanned<Set>,
    /// From which ports.
    pub src_ports: Spanned<Set>,
    /// Which way.
    pub arrow: Arrow,
    /// To whom.
    pub dst: Spanned<Set>,
    /// To which ports.
    pub dst_ports: Spanned<Set>,
    /// The options, in order.
    pub options: Vec<Opt>,
    /// All of it.
    pub span: Span,
}
