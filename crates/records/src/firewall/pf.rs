//! pf of pfSense and OPNsense: what filterlog writes to syslog, one packet in a line of CSV.
//!
//! The order of the fields is that of pfSense's "Raw Filter Log Format", which OPNsense has too. Only what a rule of the filter did
//! counts: pf tells its translations, where it does, in lines of the same form, and not to what.

use std::sync::LazyLock;

use memchr::memmem;

use super::packet::Packet;
use super::session::parse_proto;
use super::{Header, Line, Why};
use crate::fields::Csv;
use crate::{Event, Proto};

/// The sensor of a machine that is not named.
pub(super) const UNNAMED: &[u8] = b"pf";

static FILTERLOG: LazyLock<memmem::Finder<'static>> = LazyLock::new(|| memmem::Finder::new("filterlog"));

/// Where the fields begin: at the number of the rule.
pub(super) fn body(line: &[u8]) -> Option<usize> {
    let program = FILTERLOG.find(line)?;
    let comma = program + memchr::memchr(b',', &line[program..])?;
    let start = line[..comma].iter().rposition(|byte| *byte == b' ')? + 1;
    let is_rule = start > program && start < comma && line[start..comma].iter().all(u8::is_ascii_digit);
    (is_rule && matches!(line.get(program.wrapping_sub(1)), None | Some(b' ' | b'>'))).then_some(start)
}

/// The part of what stands before the fields that is syslog's: a host may be missing, and the program must not be taken for one.
pub(super) fn syslog(head: &[u8]) -> &[u8] {
    FILTERLOG.find(head).map_or(head, |at| &head[..at])
}

/// A packet from the number of its rule on.
pub(super) fn parse<'a>(text: &[u8], header: Header<'a>, event: &mut Event) -> Result<Line<'a>, Why> {
    let Header { known, name, own } = header;
    let known = known?;
    // Rule, sub-rule, anchor, tracker and interface say nothing of the packet.
    let mut fields = Csv::new(b',', text.trim_ascii_end()).skip(6);
    let mut next = || fields.next().ok_or("cut off: fields are missing");
    let (action, _direction, version) = (next()?, next()?, next()?);
    let (proto, is_fragment) = match version {
        b"4" => {
            let [_tos, _ecn, _ttl, _id, offset, _flags, proto, _name] = take(&mut next)?;
            (proto, offset != b"0")
        }
        b"6" => {
            let [_class, _flow, _hops, name, _proto] = take(&mut next)?;
            (name, false)
        }
        _ => return Err("neither IPv4 nor IPv6"),
    };
    let [_length, src, dst] = take(&mut next)?;
    let is_refused = action == b"block";
    // Behind the first fragment of a datagram no ports stand.
    if is_fragment || !(is_refused || action == b"pass") {
        return Ok(Line::Skipped { name });
    }
    let proto = parse_proto(proto).ok_or("no protocol")?;
    let [sport, dport] = if matches!(proto, Proto::Tcp | Proto::Udp) { take(&mut next)? } else { [&b""[..]; 2] };
    let is_syn = proto == Proto::Tcp && {
        let [_payload, flags] = take(&mut next)?;
        flags.contains(&b'S') && !flags.contains(&b'A')
    };
    let packet = Packet { proto, orig: [src, sport], resp: [dst, dport], is_syn, is_refused };
    Ok(if packet.tell(known, event)? { Line::Said { known, name, own } } else { Line::Skipped { name } })
}

/// The next fields of a line.
fn take<'a, const N: usize>(next: &mut impl FnMut() -> Result<&'a [u8], Why>) -> Result<[&'a [u8]; N], Why> {
    let mut fields = [&b""[..]; N];
    for field in &mut fields {
        *field = next()?;
    }
    Ok(fields)
}
