//! Blocks of ports that carriers' NAT gives to a subscriber, of devices that log nothing else: NFWare, A10 Thunder (CEF), and
//! Juniper MX (`JSERVICES_NAT_PORT_BLOCK_*`, `ASP_NAT_PORT_BLOCK_*` of its older cards).
//!
//! NFWare and A10 log single ports, and NFWare whole addresses, in the same form, where they are told to; they are translations, too.

use memchr::{memchr_iter, memmem};

use super::session::{PortBlock, parse_end, parse_mapped, parse_proto, proto_of};
use super::{Header, Line, Why};
use crate::fields::{Cef, value};
use crate::{Event, Proto, Translation, TranslationKind};

/// The sensor of a device that is not named.
pub(super) const UNNAMED: &[u8] = b"nat";

/// What Juniper's tags begin with.
const JUNIPER: [&[u8]; 2] = [b"JSERVICES_", b"ASP_"];
/// What they go on with.
pub(super) const PORT_BLOCK: &[u8] = b"NAT_PORT_BLOCK_";

/// Where the message begins.
pub(super) fn body(line: &[u8]) -> Option<usize> {
    if let Some(at) = memmem::find(line, PORT_BLOCK)
        && let Some(of) = JUNIPER.iter().find(|of| line[..at].ends_with(of))
    {
        return Some(at - of.len());
    }
    if let Some(cef) = Cef::parse(line) {
        return (cef.vendor == b"A10").then_some(cef.start);
    }
    memchr_iter(b'V', line).find_map(|at| {
        let start = at.checked_sub(2)?;
        let is = matches!(line.get(start..at)?, b"A " | b"D ") && line[at..].starts_with(b"VRF ");
        (is && (start == 0 || line[start - 1] == b' ')).then_some(start)
    })
}

/// A message.
pub(super) fn parse<'a>(text: &'a [u8], header: Header<'a>, event: &mut Event) -> Result<Line<'a>, Why> {
    let Header { known, name, own } = header;
    let juniper = JUNIPER.iter().find_map(|of| text.strip_prefix(*of)?.strip_prefix(PORT_BLOCK));
    let said = if let Some(text) = juniper {
        parse_juniper(text)?
    } else if let Some(cef) = Cef::parse(text) {
        parse_a10(&cef)?
    } else {
        parse_nfware(text)?
    };
    let Some(said) = said else { return Ok(Line::Skipped { name }) };
    *event = said;
    Ok(Line::Said { known: known?, name, own })
}

/// `ALLOC: 10.0.0.1 -> 203.0.113.1:1024-1535 0x...`
fn parse_juniper(text: &[u8]) -> Result<Option<Event>, Why> {
    let colon = text.iter().position(|byte| *byte == b':').ok_or("no block")?;
    let gone = match &text[..colon] {
        b"ALLOC" | b"ACTIVE" => None,
        b"RELEASE" => Some(None),
        _ => return Ok(None),
    };
    let mut words = text[colon + 1..].split(|byte| *byte == b' ').filter(|word| !word.is_empty() && *word != b"->");
    let (real, mapped) = words.next().zip(words.next()).ok_or("no block")?;
    let (mapped, first, last) = parse_range(mapped).ok_or("no block")?;
    PortBlock { real, mapped, first, last, proto: None }.translation(gone).map(Some)
}

/// `A10|CFW|...|CGN 106|Nat Port Batch Pool Allocated|5|proto=UDP src=... sourceTranslatedAddress=... sourceTranslatedPort=22016
/// cn3=22271 cn3Label=Last Nat Port`; `Nat Port Allocated` with an `spt` is one port, and `Nat Session Created` that of one session.
fn parse_a10(cef: &Cef<'_>) -> Result<Option<Event>, Why> {
    let gone = match cef.name.rsplit(|byte| *byte == b' ').next() {
        Some(b"Allocated" | b"Created") => None,
        Some(b"Freed" | b"Deleted") => Some(None),
        _ => return Ok(None),
    };
    let (mut block, mut port): (_, &[u8]) = (PortBlock::default(), &[]);
    for (key, value) in cef.extension {
        match key {
            b"src" => block.real = value,
            b"spt" => port = value,
            b"sourceTranslatedAddress" => block.mapped = value,
            b"sourceTranslatedPort" => block.first = value,
            b"cn3" => block.last = value,
            b"proto" => block.proto = parse_proto(value),
            _ => {}
        }
    }
    if memmem::find(cef.name, b"Port Batch").is_some() {
        return block.translation(gone).map(Some);
    }
    if !cef.name.starts_with(b"Nat Port ") && !cef.name.starts_with(b"Nat Session ") {
        return Ok(None);
    }
    let proto = block.proto.ok_or("no protocol")?;
    single(TranslationKind::Port(proto), [block.real, port], [block.mapped, block.first], gone).map(Some)
}

/// One port, or a whole address.
fn single(
    kind: TranslationKind,
    real: [&[u8]; 2],
    mapped: [&[u8]; 2],
    gone: Option<Option<i64>>,
) -> Result<Event, Why> {
    let proto = if let TranslationKind::Port(proto) = kind { proto } else { Proto::Other(0) };
    let real = parse_end(proto, real).ok_or("an inside address that is none")?;
    let mapped = parse_mapped(proto, mapped).ok_or("an outside address that is none")?;
    Ok(Event::Translation(Translation { kind, real: real.into(), mapped: mapped.into(), torn_down: gone }))
}

/// `A VRF 0 INT 10.0.0.1 EXT 203.0.113.1:1024-1535`; with a protocol and a port of each it is one port, without ports a whole
/// address. `D`: it is given back.
fn parse_nfware(text: &[u8]) -> Result<Option<Event>, Why> {
    let gone = text.starts_with(b"D").then_some(None);
    let mut words = text.split(|byte| *byte == b' ');
    let behind = |word: &[u8]| text.split(|byte| *byte == b' ').skip_while(|other| *other != word).nth(1);
    let (real, mapped) = behind(b"INT").zip(behind(b"EXT")).ok_or("no INT and EXT")?;
    if let Some((mapped, first, last)) = parse_range(mapped) {
        return PortBlock { real, mapped, first, last, proto: None }.translation(gone).map(Some);
    }
    let split = |text| parse_colon(text).unwrap_or((text, &[]));
    let ((real, real_port), (mapped, port)) = (split(real), split(mapped));
    let kind = match words.nth(3).and_then(value::number) {
        Some(number) if !port.is_empty() => TranslationKind::Port(proto_of(number)),
        None if port.is_empty() => TranslationKind::OneToOne,
        _ => return Err("neither a block nor a port nor an address"),
    };
    single(kind, [real, real_port], [mapped, port], gone).map(Some)
}

/// `203.0.113.1:1024-1535`.
fn parse_range(text: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let (addr, range) = parse_colon(text)?;
    let dash = range.iter().position(|byte| *byte == b'-')?;
    Some((addr, &range[..dash], &range[dash + 1..]))
}

fn parse_colon(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let colon = text.iter().rposition(|byte| *byte == b':')?;
    Some((&text[..colon], &text[colon + 1..]))
}
