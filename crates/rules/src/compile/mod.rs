//! From the tree of a rule to what is run.

mod classes;
mod content;
mod flow;
mod hosts;
mod number;
mod numbers;
mod packet;
mod pcre;
mod threshold;
mod unended;

use std::collections::HashMap;

use xxhash_rust::xxh3::xxh3_64;

use crate::ast::{self, Arrow, Opt, Spanned};
use crate::diagnostic::{Code, Fault, Span};
use crate::header::{Class, Header};
use crate::hostbits::HostRule;
use crate::inspect::{Content, Place, Step};
use crate::keyword::{Keyword, Known, look_up, similar};
use crate::network::{Variables, is_foreign_protocol};
use crate::packet::PacketTest;
use crate::rule::{Action, BitOp, BitTest, Filter, FlowTest, Meta, Rule, Scope};

/// A rule with more options than this is refused.
const MAX_OPTIONS: usize = 256;
/// Rules without a `sid` get one from here on, above those that anybody assigns.
const MADE_SIDS: u32 = 0xc000_0000;

/// The names of the bits of flows, and of those that flows share, over all rules of a set.
#[derive(Clone, Debug, Default)]
pub(crate) struct Names {
    flow: BitNames,
    host: BitNames,
}

#[derive(Clone, Debug, Default)]
struct BitNames(HashMap<String, u32, foldhash::fast::RandomState>);

impl BitNames {
    fn number(&mut self, name: &str) -> u32 {
        let next = self.0.len() as u32;
        *self.0.entry(name.to_owned()).or_insert(next)
    }
}

/// A compiled rule and what it is found by.
pub(crate) struct Compiled {
    pub(crate) rule: Rule,
    /// The step whose content is its fast pattern.
    pub(crate) fast: Option<usize>,
    pub(crate) warnings: Vec<Fault>,
}

/// Compiles `rule`, whose text is `text`.
pub(crate) fn compile(
    rule: &ast::Rule,
    text: &[u8],
    variables: &Variables,
    names: &mut Names,
) -> Result<Compiled, Fault> {
    let (header, bound) = header(rule, variables)?;
    if rule.options.len() > MAX_OPTIONS {
        return Err(Fault::new(Code::TooLarge, rule.span, format!("a rule of more than {MAX_OPTIONS} options")));
    }
    let mut compiler = Compiler { names, parts: Parts::default() };
    for option in &rule.options {
        compiler.option(option)?;
    }
    compiler.parts.finish(rule, text, header, bound)
}

/// What the protocol's name asks for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Bound {
    Either,
    Packet,
    Stream,
}

fn header(rule: &ast::Rule, variables: &Variables) -> Result<(Header, Bound), Fault> {
    let (classes, bound) = match rule.protocol.value.as_str() {
        "tcp" => (Class::Tcp.bit(), Bound::Either),
        "tcp-pkt" => (Class::Tcp.bit(), Bound::Packet),
        "tcp-stream" => (Class::Tcp.bit(), Bound::Stream),
        "udp" => (Class::Udp.bit(), Bound::Either),
        "icmp" => (Class::Icmp.bit(), Bound::Either),
        "ip" => (Class::ALL.iter().fold(0, |bits, class| bits | class.bit()), Bound::Either),
        name => return Err(foreign_protocol(name, rule.protocol.span)),
    };
    let header = Header {
        classes,
        src: variables.addresses(&rule.src)?,
        src_ports: variables.ports(&rule.src_ports)?,
        dst: variables.addresses(&rule.dst)?,
        dst_ports: variables.ports(&rule.dst_ports)?,
        both: rule.arrow == Arrow::Both,
    };
    Ok((header, bound))
}

fn foreign_protocol(name: &str, span: Span) -> Fault {
    if is_foreign_protocol(name.as_bytes()) {
        return Fault::new(Code::NotBuilt, span, format!("rules on protocol `{name}` are not built"))
            .help("tcp, udp, icmp, ip, tcp-pkt and tcp-stream are");
    }
    Fault::new(Code::Header, span, format!("`{name}` is no protocol"))
        .help("the protocols are tcp, udp, icmp, ip, tcp-pkt and tcp-stream")
}

/// What the options said so far.
#[derive(Default)]
struct Parts {
    msg: Option<String>,
    sid: Option<u32>,
    gid: Option<u32>,
    rev: Option<u32>,
    classtype: Option<String>,
    priority: Option<u8>,
    flow: FlowTest,
    stream_only: bool,
    packet_only: bool,
    bit_tests: Vec<BitTest>,
    bit_ops: Vec<BitOp>,
    host: HostRule,
    silent: bool,
    filter: Option<Filter>,
    packet: Vec<PacketTest>,
    payload: Vec<Step>,
    fast: Option<usize>,
    /// What `byte_extract` took, in the order of their registers.
    taken: Vec<String>,
    warnings: Vec<Fault>,
}

struct Compiler<'a> {
    names: &'a mut Names,
    parts: Parts,
}

impl Compiler<'_> {
    fn option(&mut self, option: &Opt) -> Result<(), Fault> {
        let name = &option.name;
        let keyword = match look_up(&name.value) {
            Known::Built(keyword) => keyword,
            Known::Foreign => {
                return Err(Fault::new(Code::NotBuilt, name.span, format!("keyword `{}` is not built", name.value)));
            }
            Known::No => return Err(unknown(name)),
        };
        match unended::fault(option, keyword) {
            // That is free text, in which there may be any word.
            Some(fault) if option.name.value == "metadata" => self.parts.warnings.push(fault),
            Some(fault) => return Err(fault),
            None => {}
        }
        match keyword {
            Keyword::Remark => Ok(()),
            Keyword::Msg | Keyword::Sid | Keyword::Gid | Keyword::Rev | Keyword::Classtype | Keyword::Priority => {
                self.identity(keyword, option)
            }
            Keyword::Flow => flow::flow(&mut self.parts, option),
            Keyword::FlowBits => flow::flowbits(&mut self.parts, &mut self.names.flow, option),
            Keyword::HostBits | Keyword::XBits => hosts::option(&mut self.parts, &mut self.names.host, keyword, option),
            Keyword::NoAlert => {
                self.parts.silent = true;
                Ok(())
            }
            Keyword::Threshold | Keyword::DetectionFilter => threshold::filter(&mut self.parts, keyword, option),
            Keyword::Content
            | Keyword::Nocase
            | Keyword::Depth
            | Keyword::Offset
            | Keyword::Distance
            | Keyword::Within
            | Keyword::StartsWith
            | Keyword::EndsWith
            | Keyword::FastPattern
            | Keyword::RawBytes => content::option(&mut self.parts, keyword, option),
            Keyword::Pcre => pcre::option(&mut self.parts, option),
            Keyword::ByteTest | Keyword::ByteJump | Keyword::ByteExtract | Keyword::ByteMath | Keyword::IsDataAt => {
                numbers::option(&mut self.parts, keyword, option)
            }
            _ => {
                let test = packet::test(keyword, option)?;
                self.parts.packet.push(test);
                Ok(())
            }
        }
    }

    fn identity(&mut self, keyword: Keyword, option: &Opt) -> Result<(), Fault> {
        let value = value(option)?;
        let parts = &mut self.parts;
        match keyword {
            Keyword::Msg
                if value.value.starts_with(b"\"") && (value.value.len() < 2 || !value.value.ends_with(b"\"")) =>
            {
                return Err(Fault::new(Code::Unclosed, value.span, "this quote is not closed")
                    .help("a `;` within quotes is written as `\\;`"));
            }
            Keyword::Msg => parts.msg = Some(unquoted(value)),
            Keyword::Sid => parts.sid = Some(number::whole(value)?),
            Keyword::Gid => parts.gid = Some(number::whole(value)?),
            Keyword::Rev => parts.rev = Some(number::whole(value)?),
            Keyword::Priority => parts.priority = Some(number::whole(value)?),
            _ => parts.classtype = Some(text(value)),
        }
        Ok(())
    }
}

impl Parts {
    fn finish(self, rule: &ast::Rule, text: &[u8], header: Header, bound: Bound) -> Result<Compiled, Fault> {
        let scope = self.scope(&header, bound).map_err(|message| Fault::new(Code::Conflict, rule.span, message))?;
        let depends = !self.host.tests.is_empty() && !self.bit_ops.is_empty();
        if depends || !self.host.is_empty() && rule.action == Action::Pass {
            // What other flows set is known when this one has been left.
            let message =
                "what a flow's packets pass by or set in `flowbits` cannot depend on `hostbits` or `xbits` here";
            return Err(Fault::new(Code::NotBuilt, rule.span, message));
        }
        let mut warnings = self.warnings;
        let sid = self.sid.unwrap_or_else(|| made_sid(text));
        if self.sid.is_none() {
            let message = format!("this rule has no `sid`: it goes by {sid}, made from its text");
            warnings.push(Fault::new(Code::NoSid, rule.span, message).help("give it one: sid:1000001;"));
        }
        let priority = self.priority.or_else(|| self.classtype.as_deref().and_then(classes::priority)).unwrap_or(3);
        let meta = Meta {
            gid: self.gid.unwrap_or(1),
            sid,
            rev: self.rev.unwrap_or(0),
            msg: self.msg.unwrap_or_default(),
            classtype: self.classtype,
            priority,
        };
        let fast = self.fast.or_else(|| longest(&self.payload));
        let rule = Rule {
            meta,
            action: rule.action,
            scope,
            flow: self.flow,
            bit_tests: self.bit_tests,
            bit_ops: self.bit_ops,
            host: self.host,
            silent: self.silent,
            filter: self.filter,
            header,
            packet: self.packet,
            payload: self.payload,
        };
        Ok(Compiled { rule, fast, warnings })
    }

    /// What it is held against: where headers are asked for it is packets; where payload is, what the words of the
    /// protocol, of `flow` and of `content` say.
    fn scope(&self, header: &Header, bound: Bound) -> Result<Scope, &'static str> {
        let stream = bound == Bound::Stream || self.stream_only;
        let packet = bound == Bound::Packet || self.packet_only || !self.packet.is_empty();
        if stream && packet {
            return Err("this asks for the stream alone, and for what only a packet has");
        }
        if self.payload.is_empty() {
            return Ok(if self.asks_for_addresses_only(header, bound) { Scope::AddressesOnly } else { Scope::Packet });
        }
        if packet || header.classes & Class::Tcp.bit() == 0 {
            return Ok(Scope::Packet);
        }
        let placed = |step: &Step| {
            matches!(step, Step::Content(Content { place: Place::Absolute { offset, depth }, .. })
            if depth.is_some() || *offset != crate::inspect::Number::Is(0))
        };
        Ok(match (self.stream_only, bound == Bound::Stream) {
            (true, _) => Scope::StreamOnly,
            (_, true) => Scope::Stream,
            _ if self.payload.iter().any(placed) => Scope::Both,
            _ => Scope::Stream,
        })
    }

    /// Whether the first packet of each direction of a flow says all: nothing else is asked for than addresses and what IP carries,
    /// and no bits of the flow, which it may set.
    fn asks_for_addresses_only(&self, header: &Header, bound: Bound) -> bool {
        bound != Bound::Stream
            && !self.stream_only
            && !self.packet_only
            && self.packet.iter().all(|test| matches!(test, PacketTest::IpProto(..)))
            && self.flow == FlowTest::default()
            && header.ports_are_any()
            && self.bit_tests.is_empty()
            && self.bit_ops.iter().all(|op| matches!(op, BitOp::Set(_)))
    }

    /// The content that a modifier is about: the last one, whatever stands between.
    fn last_content(&mut self, option: &Opt) -> Result<(usize, &mut Content), Fault> {
        let mut contents = self.payload.iter_mut().enumerate().rev().filter_map(|(at, step)| match step {
            Step::Content(content) => Some((at, content)),
            _ => None,
        });
        contents.next().ok_or_else(|| {
            let message = format!("`{}` says more about a `content`, and none stands before it", option.name.value);
            Fault::new(Code::Conflict, option.name.span, message)
        })
    }
}

/// The longest content that must be there.
fn longest(payload: &[Step]) -> Option<usize> {
    let len = |step: &Step| match step {
        Step::Content(content) if !content.negated => content.pattern.len(),
        _ => 0,
    };
    let best = (0..payload.len()).max_by_key(|at| (len(&payload[*at]), usize::MAX - at))?;
    (len(&payload[best]) > 0).then_some(best)
}

/// A `sid` for a rule that has none: the same whatever the spaces and line breaks, in a range that nobody assigns.
fn made_sid(text: &[u8]) -> u32 {
    let text: Vec<&[u8]> = text.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty()).collect();
    MADE_SIDS | (xxh3_64(&text.join(&b' ')) as u32 >> 2)
}

fn unknown(name: &Spanned<String>) -> Fault {
    let fault = Fault::new(Code::UnknownKeyword, name.span, format!("there is no keyword `{}`", name.value));
    match similar(&name.value) {
        Some(meant) => fault.help(format!("perhaps `{meant}` is meant")),
        None => fault,
    }
}

fn value(option: &Opt) -> Result<&Spanned<Vec<u8>>, Fault> {
    option.value.as_ref().filter(|value| !value.value.is_empty()).ok_or_else(|| {
        Fault::new(
            Code::Value,
            option.name.span,
            format!("`{}` needs a value: `{}:…;`", option.name.value, option.name.value),
        )
    })
}

fn text(value: &Spanned<Vec<u8>>) -> String {
    String::from_utf8_lossy(&value.value).into_owned()
}

/// What stands between quotes, where there are any, without its escapes.
fn unquoted(value: &Spanned<Vec<u8>>) -> String {
    let text = text(value);
    let inner = text.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(&text);
    let mut plain = String::with_capacity(inner.len());
    let mut chars = inner.chars().peekable();
    while let Some(c) = chars.next() {
        match (c, chars.peek()) {
            ('\\', Some('"' | ';' | ':' | '\\')) => plain.extend(chars.next()),
            _ => plain.push(c),
        }
    }
    plain
}

fn bad_value(value: &Spanned<Vec<u8>>, why: impl Into<String>) -> Fault {
    Fault::new(Code::Value, value.span, why)
}
