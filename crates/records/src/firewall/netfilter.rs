//! The kernel's lines of iptables' and nftables' LOG: one packet each (`IN= OUT= SRC= DST= PROTO=TCP SPT= DPT= SYN`).
//!
//! Such a line says what was seen, not what became of it: the rule's prefix does, where its owner put it there.

use std::sync::LazyLock;

use memchr::memmem;

use super::packet::Packet;
use super::session::parse_proto;
use super::{Header, Line, Why};
use crate::Event;
use crate::fields::Pairs;

/// The sensor of a machine that is not named.
pub(super) const UNNAMED: &[u8] = b"netfilter";

/// Words of a prefix by which a packet was refused.
const REFUSED: [&[u8]; 5] = [b"DROP", b"REJECT", b"DENY", b"DENIED", b"BLOCK"];

static OUT: LazyLock<memmem::Finder<'static>> = LazyLock::new(|| memmem::Finder::new(" OUT="));
static SRC: LazyLock<memmem::Finder<'static>> = LazyLock::new(|| memmem::Finder::new(" SRC="));
static KERNEL: LazyLock<memmem::Finder<'static>> = LazyLock::new(|| memmem::Finder::new(" kernel:"));
/// What ufw writes of a packet before any rule has decided.
static AUDIT: LazyLock<memmem::Finder<'static>> = LazyLock::new(|| memmem::Finder::new("[UFW AUDIT"));

/// What UniFi writes of a rule behind its name.
static DESCRIBED: LazyLock<memmem::Finder<'static>> = LazyLock::new(|| memmem::Finder::new("DESCR"));

/// Whether a line is one of them.
pub(super) fn is_line(line: &[u8]) -> bool {
    body(line).is_some_and(|at| memmem::find(&line[at..], b" PROTO=").is_some())
}

/// Where the packet begins: at `IN=`, before which a prefix may stand without a space. Proxmox leaves out of both interfaces the one that
/// a packet has not.
pub(super) fn body(line: &[u8]) -> Option<usize> {
    let Some(out) = OUT.find(line) else {
        let src = SRC.find(line)?;
        return memmem::find(&line[..src], b" IN=").map(|at| at + 1);
    };
    SRC.find(&line[out..])?;
    memmem::rfind(&line[..out], b"IN=").or(Some(out + 1))
}

/// The part of the header that is syslog's: behind it stand the kernel's clock and the rule's prefix.
pub(super) fn syslog(head: &[u8]) -> &[u8] {
    KERNEL.find(head).map_or(head, |at| &head[..at])
}

/// What stands before the packet and is not syslog's: the kernel's clock and the rule's prefix. ulogd writes no program, and RFC 5424
/// no colon behind it; there it is what follows the name of the host.
fn prefix<'a>(head: &'a [u8], name: &'a [u8]) -> &'a [u8] {
    let syslog = syslog(head);
    if syslog.len() < head.len() {
        return &head[syslog.len()..];
    }
    let behind = memmem::find(head, name).map_or(head, |at| &head[at + name.len()..]);
    // Without a host, the prefix itself was taken for its name: `Mar  4 16:05:38 my-deny: IN=`.
    if behind.starts_with(b":") && is_refusal(name) { name } else { behind }
}

/// Whether what stands where a host is named is none: the beginning of a rule's prefix, for `dmesg` names no host, or Proxmox's chain
/// (`100 6 tap100i0-IN 16/Nov/2021:10:17:00 +0100 policy DROP: `).
pub(super) fn is_no_host(name: &[u8], head: &[u8]) -> bool {
    let mut words = head.split(|byte| *byte == b' ');
    let mut is_number = || words.next().is_some_and(|word| !word.is_empty() && word.iter().all(u8::is_ascii_digit));
    let is_of_prefix = || REFUSED.iter().chain(&[&b"ACCEPT"[..]]).any(|word| word.eq_ignore_ascii_case(name));
    is_number() && is_number() || is_of_prefix()
}

/// A packet from `IN=` on.
pub(super) fn parse<'a>(text: &[u8], head: &'a [u8], header: Header<'a>, event: &mut Event) -> Result<Line<'a>, Why> {
    let Header { known, name, own } = header;
    let known = known?;
    let mut fields = Fields::default();
    for (key, value) in Pairs::new(b' ', text) {
        fields.put(key, value.unwrap_or_default());
    }
    let proto = parse_proto(fields.proto).ok_or("no protocol")?;
    let prefix = prefix(head, name);
    let does = verdict(prefix);
    let is_refused = does.map_or_else(|| is_refusal(prefix), |does| matches!(does, b"D" | b"R"));
    let is_syn = fields.syn && !fields.ack;
    let (orig, resp) = ([fields.src, fields.spt], [fields.dst, fields.dpt]);
    let says = Packet { proto, orig, resp, is_syn, is_refused }.tell(known, event)?;
    let is_undecided = || does == Some(b"RET") || AUDIT.find(prefix).is_some();
    if !says || (!is_refused && is_undecided()) {
        return Ok(Line::Skipped { name });
    }
    Ok(Line::Said { known, name, own })
}

/// What a line says, as it is written there. An error of ICMP has the packet that it is about behind its own: the first of
/// each key counts.
#[derive(Default)]
struct Fields<'a> {
    src: &'a [u8],
    dst: &'a [u8],
    proto: &'a [u8],
    spt: &'a [u8],
    dpt: &'a [u8],
    syn: bool,
    ack: bool,
}

impl<'a> Fields<'a> {
    fn put(&mut self, key: &[u8], value: &'a [u8]) {
        let slot = match key {
            b"SRC" => &mut self.src,
            b"DST" => &mut self.dst,
            b"PROTO" => &mut self.proto,
            b"SPT" if self.proto != b"ICMP" => &mut self.spt,
            b"DPT" if self.proto != b"ICMP" => &mut self.dpt,
            b"SYN" => return self.syn = true,
            b"ACK" if value.is_empty() => return self.ack = true,
            _ => return,
        };
        if slot.is_empty() {
            *slot = value;
        }
    }
}

fn is_refusal(prefix: &[u8]) -> bool {
    let begins = |rest: &[u8]| {
        REFUSED.iter().any(|word| rest.get(..word.len()).is_some_and(|part| part.eq_ignore_ascii_case(word)))
    };
    let initials =
        prefix.iter().enumerate().filter(|(_, byte)| matches!(byte.to_ascii_uppercase(), b'D' | b'R' | b'B'));
    initials.map(|(at, _)| &prefix[at..]).any(begins)
}

/// VyOS, EdgeOS and UniFi write `[WAN_IN-3001-A]`, and later UniFi `[WAN_IN-A-3001] DESCR="..."`: the set of rules, the rule, and what it
/// does, which is to accept, to drop, to reject, or to return (`RET`) and decide nothing. A set may have any name, and so may what
/// describes it, which may be cut.
fn verdict(prefix: &[u8]) -> Option<&[u8]> {
    let prefix = DESCRIBED.find(prefix).map_or(prefix, |at| &prefix[..at]).trim_ascii_end();
    let rule = prefix.strip_suffix(b"]")?;
    let rule = &rule[memchr::memrchr(b'[', rule)? + 1..];
    let mut parts = rule.rsplit(|byte| *byte == b'-');
    let (last, before) = (parts.next()?, parts.next()?);
    let is_number = |part: &[u8]| !part.is_empty() && part.iter().all(u8::is_ascii_digit);
    let does = if is_number(last) && !is_number(before) { before } else { last };
    matches!(does, b"A" | b"D" | b"R" | b"RET").then_some(does)
}
