//! Many rules, and which of them may match a packet.

use std::collections::HashSet;

use crate::compile::{Compiled, Names, compile};
use crate::diagnostic::{Code, Diagnostic, Fault, Severity};
use crate::header::{Class, Flow};
use crate::inspect::{Buffer, Content, Scratch, Step, inspect};
use crate::network::{Ports, Variables};
use crate::packet::Facts;
use crate::parse::parse_rule;
use crate::prefilter::Prefilter;
use crate::rule::{Action, Direction, FlowBits, Rule, Scope};
use crate::source::{RuleText, split};

/// More rules than this are not taken.
const MAX_RULES: usize = 200_000;

/// What became of one file.
#[derive(Clone, Debug, Default)]
pub struct Loaded {
    /// Rules that run.
    pub rules: usize,
    /// Rules that were refused, and lines that begin none.
    pub refused: usize,
    /// Why, and what else is to be said, in the order of the file.
    pub diagnostics: Vec<Diagnostic>,
}

/// Takes the rules of one file after another.
#[derive(Debug)]
pub struct Builder {
    variables: Variables,
    names: Names,
    rules: Vec<Rule>,
    fast: Vec<Option<usize>>,
    known: HashSet<(u32, u32), foldhash::fast::RandomState>,
}

impl Builder {
    /// Where variables stand for what `variables` says.
    #[must_use]
    pub fn new(variables: Variables) -> Self {
        Self { variables, names: Names::default(), rules: Vec::new(), fast: Vec::new(), known: HashSet::default() }
    }

    /// Takes the rules of a file.
    pub fn add(&mut self, file: &[u8]) -> Loaded {
        let mut loaded = Loaded::default();
        split(file, &mut |rule| match rule.and_then(|text| self.add_rule(&text)) {
            Ok(warnings) => {
                loaded.rules += 1;
                loaded.diagnostics.extend(warnings.into_iter().map(|fault| fault.at(file, Severity::Warning)));
            }
            Err(fault) => {
                loaded.refused += 1;
                loaded.diagnostics.push(fault.at(file, Severity::Error));
            }
        });
        loaded
    }

    fn add_rule(&mut self, text: &RuleText) -> Result<Vec<Fault>, Fault> {
        let tree = parse_rule(text)?;
        let Compiled { rule, fast, warnings } = compile(&tree, &text.bytes, &self.variables, &mut self.names)?;
        let name = (rule.meta.gid, rule.meta.sid);
        if self.rules.len() >= MAX_RULES {
            return Err(Fault::new(Code::TooLarge, tree.span, format!("more than {MAX_RULES} rules")));
        }
        if !self.known.insert(name) {
            return Err(Fault::new(Code::Duplicate, tree.span, format!("a rule with sid {} was there before", name.1)));
        }
        self.rules.push(rule);
        self.fast.push(fast);
        Ok(warnings)
    }

    fn sort(&mut self) {
        let mut rules: Vec<_> = self.rules.drain(..).zip(self.fast.drain(..)).collect();
        rules.sort_by_key(|(rule, _)| turn(rule));
        (self.rules, self.fast) = rules.into_iter().unzip();
    }

    /// The set. `None` where its patterns are too large together.
    #[must_use]
    pub fn build(mut self) -> Option<Ruleset> {
        self.sort();
        let patterns = |of: fn(Scope) -> bool| {
            let pattern = |(number, rule): (usize, &Rule)| {
                let content = fast_content(rule, self.fast[number]).filter(|_| of(rule.scope))?;
                Some((number as u32, content.clone()))
            };
            self.rules.iter().enumerate().filter_map(pattern).collect::<Vec<_>>()
        };
        let prefilter = |patterns: Vec<(u32, Content)>| {
            Prefilter::new(&patterns.iter().map(|(rule, content)| (*rule, content)).collect::<Vec<_>>())
        };
        let packets = [prefilter(patterns(on_packets))?, prefilter(patterns(on_any_packet))?];
        let streams = prefilter(patterns(on_streams))?;
        let unfiltered = |of: fn(Scope) -> bool| {
            bitset(
                self.rules
                    .iter()
                    .enumerate()
                    .map(|(at, rule)| of(rule.scope) && fast_content(rule, self.fast[at]).is_none()),
            )
        };
        let (packets_always, streams_always) = (unfiltered(on_packets), unfiltered(on_streams));
        let ports = Class::ALL.map(|class| PortIndex::new(&self.rules, class));
        Some(Ruleset { rules: self.rules, ports, packets, packets_always, streams, streams_always })
    }
}

/// Where a rule stands among those that match together: what keeps others silent first, then what asks for addresses alone, then
/// what sets bits before what asks for them, then by priority; else as in the files. This is Suricata's order.
fn turn(rule: &Rule) -> (u8, bool, u8, u8, u8) {
    let action = match rule.action {
        Action::Pass => 0,
        Action::Drop => 1,
        Action::Reject => 2,
        Action::Alert => 3,
        Action::Log => 4,
    };
    let bits = |changes_none: bool, asks_none: bool| match (changes_none, asks_none) {
        (false, true) => 0,
        (false, false) => 1,
        (true, false) => 2,
        (true, true) => 3,
    };
    let of_flow = bits(rule.bit_ops.is_empty(), rule.bit_tests.is_empty());
    let of_host = bits(rule.host.ops.is_empty(), rule.host.tests.is_empty());
    (action, rule.scope != Scope::AddressesOnly, of_flow, of_host, rule.meta.priority)
}

fn on_packets(scope: Scope) -> bool {
    scope != Scope::StreamOnly
}

/// Whether a packet is inspected, too, whose payload is part of a stream.
fn on_any_packet(scope: Scope) -> bool {
    matches!(scope, Scope::Packet | Scope::Both)
}

fn on_streams(scope: Scope) -> bool {
    matches!(scope, Scope::Stream | Scope::StreamOnly | Scope::Both)
}

/// The content without which the rule cannot match: the fast pattern, unless it is anywhere but plainly there.
fn fast_content(rule: &Rule, fast: Option<usize>) -> Option<&Content> {
    match rule.payload.get(fast?)? {
        Step::Content(content) if !content.negated => Some(content),
        _ => None,
    }
}

fn bitset(bits: impl Iterator<Item = bool>) -> Vec<u64> {
    let mut words = Vec::new();
    for (at, bit) in bits.enumerate() {
        if at % 64 == 0 {
            words.push(0);
        }
        if let Some(word) = words.last_mut() {
            *word |= u64::from(bit) << (at % 64);
        }
    }
    words
}

/// For each port, the rules of one class whose header has it.
#[derive(Debug)]
struct PortIndex {
    src: PortBits,
    dst: PortBits,
}

/// The rules by one port: between two bounds they are the same.
#[derive(Debug)]
struct PortBits {
    /// The first port of each stretch.
    bounds: Vec<u16>,
    rules: Vec<Vec<u64>>,
}

impl PortIndex {
    fn new(rules: &[Rule], class: Class) -> Self {
        let of = |rule: &Rule, one: &Ports, other: &Ports| match rule.header.classes & class.bit() {
            0 => Ports::none(),
            _ if rule.header.both => one.clone().union(other.clone()),
            _ => one.clone(),
        };
        let src = rules.iter().map(|rule| of(rule, &rule.header.src_ports, &rule.header.dst_ports)).collect();
        let dst = rules.iter().map(|rule| of(rule, &rule.header.dst_ports, &rule.header.src_ports)).collect();
        Self { src: PortBits::new(src), dst: PortBits::new(dst) }
    }
}

impl PortBits {
    fn new(ports: Vec<Ports>) -> Self {
        let mut bounds: Vec<u16> = ports.iter().flat_map(Ports::bounds).chain([0]).collect();
        bounds.sort_unstable();
        bounds.dedup();
        let rules = bounds.iter().map(|bound| bitset(ports.iter().map(|ports| ports.has(*bound)))).collect();
        Self { bounds, rules }
    }

    fn at(&self, port: u16) -> usize {
        self.bounds.partition_point(|bound| *bound <= port).saturating_sub(1)
    }
}

/// What rules may match on one direction of a flow: worked out once, held against each of its packets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Candidates {
    class: Class,
    src: u16,
    dst: u16,
    /// Whether there is any.
    any: bool,
    /// Whether any of them looks at packets whose payload is part of a stream.
    packets: bool,
    /// Whether any of them looks at the addresses alone.
    addresses: bool,
    /// Whether any of them looks at streams.
    streams: bool,
}

impl Candidates {
    /// Whether any rule may match on this direction.
    #[must_use]
    pub fn any(self) -> bool {
        self.any
    }

    /// Whether any rule may match on its stream.
    #[must_use]
    pub fn wants_stream(self) -> bool {
        self.streams
    }

    /// Whether any rule may match on such a packet.
    fn want(self, packet: &PacketView<'_>) -> bool {
        self.any && (!packet.in_stream || self.packets || self.addresses && packet.first)
    }
}

/// Rules that are held against packets and streams. Rules are named by their number in the set.
#[derive(Debug)]
pub struct Ruleset {
    rules: Vec<Rule>,
    ports: [PortIndex; 4],
    /// Of packets that belong to no stream, and of those that do.
    packets: [Prefilter; 2],
    /// Rules without a pattern that could be looked for.
    packets_always: Vec<u64>,
    streams: Prefilter,
    streams_always: Vec<u64>,
}

impl Ruleset {
    /// The rules, in order.
    #[must_use]
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// The rules whose headers fit what goes one way on a flow.
    #[must_use]
    pub fn candidates(&self, flow: Flow) -> Candidates {
        let index = &self.ports[flow.class as usize];
        let (src, dst) = (index.src.at(flow.src_port), index.dst.at(flow.dst_port));
        let none = Candidates {
            class: flow.class,
            src: src as u16,
            dst: dst as u16,
            any: false,
            packets: false,
            addresses: false,
            streams: false,
        };
        let mut found = none;
        let words = index.src.rules[src].iter().zip(&index.dst.rules[dst]).map(|(src, dst)| src & dst);
        for (at, mut word) in words.enumerate() {
            while word != 0 {
                let rule = &self.rules[at * 64 + word.trailing_zeros() as usize];
                word &= word - 1;
                let streams = flow.class == Class::Tcp && on_streams(rule.scope);
                let packets = on_any_packet(rule.scope);
                let addresses = rule.scope == Scope::AddressesOnly;
                let known = found.any
                    && (found.streams || !streams)
                    && (found.packets || !packets)
                    && (found.addresses || !addresses);
                if !known && rule.header.matches(flow) {
                    found.any = true;
                    found.streams |= streams;
                    found.packets |= packets;
                    found.addresses |= addresses;
                }
            }
        }
        found
    }

    /// Gives each rule that matches a packet: header, flow, bits, fields and, where the rule is about packets, payload.
    /// What a match does to the bits of the flow the rules after it see.
    pub fn packet(
        &self,
        packet: &PacketView<'_>,
        candidates: Candidates,
        bits: &mut FlowBits,
        scratch: &mut Scratch,
        matched: &mut impl FnMut(u32, &Rule),
    ) {
        if !candidates.want(packet) {
            return;
        }
        let payload = packet.facts.payload;
        self.pick(
            candidates,
            &self.packets_always,
            (&self.packets[usize::from(packet.in_stream)], 0),
            payload,
            scratch,
        );
        let picked = std::mem::take(&mut scratch.picked);
        for number in ones(&picked) {
            let rule = &self.rules[number as usize];
            let here = match rule.scope {
                Scope::Stream => !packet.in_stream,
                Scope::AddressesOnly => packet.first,
                Scope::StreamOnly => false,
                Scope::Packet | Scope::Both => true,
            };
            if here
                && rule.admits(packet.flow, packet.state, bits, Some(&packet.facts))
                && inspect(&rule.payload, Buffer::packet(payload), scratch)
            {
                rule.bit_ops.iter().for_each(|op| bits.apply(*op));
                matched(number, rule);
            }
        }
        scratch.picked = picked;
    }

    /// Gives each rule that matches a stretch of a stream; else as [`Ruleset::packet`]. Whether there is anything in it by
    /// which rules are found.
    pub fn stream(
        &self,
        stream: &StreamView<'_>,
        candidates: Candidates,
        bits: &mut FlowBits,
        scratch: &mut Scratch,
        matched: &mut impl FnMut(u32, &Rule),
    ) -> bool {
        let buffer = stream.buffer;
        let known = if stream.barren { buffer.seen } else { 0 };
        let found = self.pick(candidates, &self.streams_always, (&self.streams, known), buffer.bytes, scratch);
        let picked = std::mem::take(&mut scratch.picked);
        for number in ones(&picked) {
            let rule = &self.rules[number as usize];
            // Whom a rule of `pass` lets pass as a packet it must let pass here, too.
            let is_seen = rule.scope == Scope::Stream && rule.action != Action::Pass;
            let seen = if is_seen { buffer.seen.max(stream.passed) } else { buffer.seen };
            if on_streams(rule.scope)
                && seen < buffer.bytes.len()
                && rule.admits(stream.flow, Some(stream.state), bits, None)
                && inspect(&rule.payload, Buffer { seen, ..buffer }, scratch)
            {
                rule.bit_ops.iter().for_each(|op| bits.apply(*op));
                matched(number, rule);
            }
        }
        scratch.picked = picked;
        found
    }

    /// The rules whose ports fit and whose fast pattern, where they have one, is in `bytes`; those within `known` bytes do
    /// not count. Whether there is any.
    fn pick(
        &self,
        candidates: Candidates,
        always: &[u64],
        (prefilter, known): (&Prefilter, usize),
        bytes: &[u8],
        scratch: &mut Scratch,
    ) -> bool {
        scratch.picked.clear();
        scratch.picked.extend_from_slice(always);
        let found = prefilter.find(bytes, known, &mut scratch.picked);
        let index = &self.ports[candidates.class as usize];
        let (src, dst) = (&index.src.rules[usize::from(candidates.src)], &index.dst.rules[usize::from(candidates.dst)]);
        for (word, (src, dst)) in scratch.picked.iter_mut().zip(src.iter().zip(dst)) {
            *word &= src & dst;
        }
        found
    }
}

/// The places of the bits that are set.
fn ones(words: &[u64]) -> impl Iterator<Item = u32> + '_ {
    words.iter().enumerate().flat_map(|(at, word)| {
        let mut word = *word;
        std::iter::from_fn(move || {
            let bit = (word != 0).then(|| word.trailing_zeros())?;
            word &= word - 1;
            Some(at as u32 * 64 + bit)
        })
    })
}

/// A packet, as rules see it.
#[derive(Clone, Copy, Debug)]
pub struct PacketView<'a> {
    /// Who sends what to whom.
    pub flow: Flow,
    /// Which way it goes on its flow and whether that is established; `None`: it belongs to none.
    pub state: Option<(Direction, bool)>,
    /// Its headers and payload.
    pub facts: Facts<'a>,
    /// Whether the payload is given as part of the stream, too.
    pub in_stream: bool,
    /// Whether it is the first of its direction.
    pub first: bool,
}

/// A stretch of a stream, as rules see it.
#[derive(Clone, Copy, Debug)]
pub struct StreamView<'a> {
    /// Who sends it to whom.
    pub flow: Flow,
    /// Which way it goes and whether the connection is established.
    pub state: (Direction, bool),
    /// The bytes.
    pub buffer: Buffer<'a>,
    /// Whether in those that were inspected before nothing was by which rules are found.
    pub barren: bool,
    /// How many of them were given as a packet that is in no stream.
    pub passed: usize,
}
