//! A rule as it is run.

pub use crate::ast::Action;
use crate::header::{Flow, Header};
use crate::hostbits::HostRule;
use crate::inspect::Step;
use crate::packet::{Facts, PacketTest};

/// What a rule says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Meta {
    /// The generator; 1 for text rules.
    pub gid: u32,
    /// The rule's number.
    pub sid: u32,
    /// Its revision.
    pub rev: u32,
    /// What an alert says.
    pub msg: String,
    /// The class of what is found.
    pub classtype: Option<String>,
    /// 1 is the highest.
    pub priority: u8,
}

/// What payload is held against the rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// The packet's alone.
    Packet,
    /// The stream's; the packet's where it is not part of a stream.
    Stream,
    /// The stream's alone.
    StreamOnly,
    /// Both: `offset` and `depth` are meant from the beginning of a packet, and of the stream.
    Both,
    /// No payload, and no packet's header: addresses alone. Once for each direction of a flow.
    AddressesOnly,
}

/// Which way a packet goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// From the originator.
    ToServer,
    /// From the responder.
    ToClient,
}

/// `flow`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FlowTest {
    /// Which way; both where `None`.
    pub direction: Option<Direction>,
    /// Whether the flow must be (or must not be) established.
    pub established: Option<bool>,
    /// Whether there must be a flow at all.
    pub required: bool,
}

impl FlowTest {
    /// Whether a packet that goes `direction` on a flow passes; `None`: it belongs to no flow.
    #[must_use]
    pub fn matches(&self, flow: Option<(Direction, bool)>) -> bool {
        match flow {
            Some((direction, established)) => {
                self.direction.is_none_or(|wanted| wanted == direction)
                    && self.established.is_none_or(|wanted| wanted == established)
            }
            None => !self.required,
        }
    }
}

/// A question to the bits of a flow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BitTest {
    /// Any of these is set.
    IsSet(Vec<u32>),
    /// None of these is.
    IsNotSet(Vec<u32>),
}

/// What a match does to the bits of its flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BitOp {
    /// Sets it.
    Set(u32),
    /// Unsets it.
    Unset(u32),
    /// Turns it.
    Toggle(u32),
}

/// The bits that rules set on one flow. There are few.
#[derive(Clone, Debug, Default)]
pub struct FlowBits(Vec<u32>);

impl FlowBits {
    pub(crate) fn passes(&self, test: &BitTest) -> bool {
        match test {
            BitTest::IsSet(bits) => bits.iter().any(|bit| self.0.contains(bit)),
            BitTest::IsNotSet(bits) => !bits.iter().any(|bit| self.0.contains(bit)),
        }
    }

    /// Does what a match does.
    pub fn apply(&mut self, op: BitOp) {
        let (BitOp::Set(bit) | BitOp::Unset(bit) | BitOp::Toggle(bit)) = op;
        let held = self.0.iter().position(|held| *held == bit);
        match (op, held) {
            (BitOp::Set(_) | BitOp::Toggle(_), None) => self.0.push(bit),
            (BitOp::Unset(_) | BitOp::Toggle(_), Some(at)) => {
                self.0.swap_remove(at);
            }
            _ => {}
        }
    }
}

/// Whom a threshold counts by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Track {
    /// The packet's source.
    BySrc,
    /// Its destination.
    ByDst,
    /// Both, whichever way.
    ByBoth,
    /// The rule alone.
    ByRule,
    /// The flow.
    ByFlow,
}

/// What a `detection_filter` counts once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Distinct {
    /// Each source port.
    SrcPort,
    /// Each destination port.
    DstPort,
}

/// How a filter lets alerts pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FilterKind {
    /// The first `count` in `seconds`.
    Limit,
    /// Every `count`th in `seconds`.
    Threshold,
    /// Once in `seconds`, after `count`.
    Both,
    /// All after the first `count` in `seconds` (`detection_filter`).
    After,
}

/// `threshold` or `detection_filter`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Filter {
    /// Which.
    pub kind: FilterKind,
    /// By whom.
    pub track: Track,
    /// How many.
    pub count: u32,
    /// Within what time.
    pub seconds: u32,
    /// What is counted once.
    pub distinct: Option<Distinct>,
}

/// A rule.
#[derive(Clone, Debug)]
pub struct Rule {
    /// What it says of itself.
    pub meta: Meta,
    /// What it does.
    pub action: Action,
    /// What it is held against.
    pub scope: Scope,
    /// `flow`.
    pub flow: FlowTest,
    /// What is asked of the flow's bits.
    pub bit_tests: Vec<BitTest>,
    /// What a match does to them.
    pub bit_ops: Vec<BitOp>,
    /// The same of bits that flows share ([`crate::HostBits`]).
    pub(crate) host: HostRule,
    /// Whether a match is silent (`noalert`).
    pub silent: bool,
    /// What holds alerts back.
    pub filter: Option<Filter>,
    pub(crate) header: Header,
    pub(crate) packet: Vec<PacketTest>,
    pub(crate) payload: Vec<Step>,
}

impl Rule {
    /// Whether a match is told.
    #[must_use]
    pub fn tells(&self) -> bool {
        matches!(self.action, Action::Alert | Action::Drop | Action::Reject) && !self.silent
    }

    /// Whether [`crate::HostBits`] must know of each match.
    #[must_use]
    pub fn shares_bits(&self) -> bool {
        !self.host.is_empty()
    }

    /// Whether header, flow, bits and fields let it match; the payload is not looked at.
    pub(crate) fn admits(
        &self,
        flow: Flow,
        state: Option<(Direction, bool)>,
        bits: &FlowBits,
        facts: Option<&Facts<'_>>,
    ) -> bool {
        self.flow.matches(state)
            && self.header.matches(flow)
            && self.packet.iter().all(|test| facts.is_some_and(|facts| test.matches(facts)))
            && self.bit_tests.iter().all(|test| bits.passes(test))
    }
}
