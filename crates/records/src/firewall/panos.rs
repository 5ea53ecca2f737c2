//! Palo Alto Networks PAN-OS: TRAFFIC logs, as CSV of syslog, as CEF and as LEEF.
//!
//! The CSV has its fields by position, as "Traffic Log Fields" in the manuals of PAN-OS 8.1 to 11.1 lists them; later
//! versions only added to its end. CEF has the keys of Palo Alto Networks' "CEF Configuration Guide", LEEF those of IBM's guide
//! to the device and of the Strata Logging Service.

use jiff::tz::TimeZone;

use super::session::{Course, End, Session, answered, name, parse_end, parse_mapped, parse_proto};
use super::{Line, Why};
use crate::fields::{Cef, Csv, Leef, value};
use crate::reckon::{Sent, ethernet, payload};
use crate::syslog::timekeeper::Timekeeper;
use crate::syslog::written::{Written, parse_written};
use crate::{Clock, Ending, Event, Inside, Nanos, Proto, RecordId, SensorId, Stamp, YearHint};

/// Who makes it, in CEF and LEEF.
pub(super) const MAKER: &[u8] = b"Palo Alto Networks";

/// The sensor of a device that is not named.
const UNNAMED: &[u8] = b"pan-os";

/// Types of logs that have the CSV's first fields in common.
pub(super) const TYPES: [&[u8]; 19] = [
    b"TRAFFIC",
    b"THREAT",
    b"SYSTEM",
    b"CONFIG",
    b"URL",
    b"USERID",
    b"HIPMATCH",
    b"HIP-MATCH",
    b"GLOBALPROTECT",
    b"CORRELATION",
    b"DECRYPTION",
    b"AUTHENTICATION",
    b"SCTP",
    b"GTP",
    b"IPTAG",
    b"AUDIT",
    b"HIP",
    // The beginning and the end of a tunnel that is looked into.
    b"START",
    b"END",
];

/// The fields of a TRAFFIC log that are used, by their place.
mod place {
    pub(super) const SERIAL: usize = 2;
    pub(super) const TYPE: usize = 3;
    pub(super) const SUBTYPE: usize = 4;
    pub(super) const GENERATED: usize = 6;
    pub(super) const SRC: usize = 7;
    pub(super) const DST: usize = 8;
    pub(super) const NATSRC: usize = 9;
    pub(super) const NATDST: usize = 10;
    pub(super) const APP: usize = 14;
    pub(super) const INBOUND_IF: usize = 18;
    pub(super) const OUTBOUND_IF: usize = 19;
    pub(super) const SESSION: usize = 22;
    pub(super) const SPORT: usize = 24;
    pub(super) const DPORT: usize = 25;
    pub(super) const NATSPORT: usize = 26;
    pub(super) const NATDPORT: usize = 27;
    pub(super) const PROTO: usize = 29;
    pub(super) const SENT: usize = 32;
    pub(super) const RECEIVED: usize = 33;
    pub(super) const START: usize = 35;
    pub(super) const ELAPSED: usize = 36;
    pub(super) const PKTS_SENT: usize = 44;
    pub(super) const PKTS_RECEIVED: usize = 45;
    pub(super) const REASON: usize = 46;
    /// As many are kept.
    pub(super) const KEPT: usize = 47;
    /// From here on the stamp with a zone may stand, which PAN-OS 10.0 added.
    pub(super) const HIGH_RESOLUTION: usize = 90;
}

/// What a log says, as it is written there.
#[derive(Default)]
struct Log<'a> {
    serial: &'a [u8],
    subtype: &'a [u8],
    generated: &'a [u8],
    /// The same moment with its zone.
    zoned: Option<Written>,
    src: End<'a>,
    dst: End<'a>,
    natsrc: End<'a>,
    natdst: End<'a>,
    app: &'a [u8],
    interfaces: [&'a [u8]; 2],
    session: &'a [u8],
    proto: &'a [u8],
    sent: &'a [u8],
    received: &'a [u8],
    start: &'a [u8],
    elapsed: &'a [u8],
    pkts_sent: &'a [u8],
    pkts_received: &'a [u8],
    reason: &'a [u8],
}

/// Whether a line that is no CEF is a log of PAN-OS.
pub(super) fn is_line(line: &[u8]) -> bool {
    if let Some(leef) = Leef::parse(line) {
        return leef.vendor == MAKER;
    }
    let mut fields = Csv::new(b',', line).skip(1);
    let dated = fields.next().is_some_and(|field| parse_written(field).is_some_and(|(written, _)| written.has_year()));
    dated && fields.nth(1).is_some_and(|field| TYPES.contains(&field))
}

/// The sensor that has a serial number; a device that was not licensed yet has none.
fn name_of(serial: &[u8]) -> &[u8] {
    if serial.is_empty() { UNNAMED } else { serial }
}

/// A line that is no CEF.
pub(super) fn parse<'a>(line: &'a [u8], time: &mut Timekeeper, event: &mut Event) -> Result<Line<'a>, Why> {
    match Leef::parse(line) {
        Some(leef) if leef.vendor == MAKER => parse_leef(&leef, &line[leef.start..], time, event),
        _ => parse_csv(line, time, event),
    }
}

fn parse_csv<'a>(line: &'a [u8], time: &mut Timekeeper, event: &mut Event) -> Result<Line<'a>, Why> {
    let mut kept: [&[u8]; place::KEPT] = [&[]; place::KEPT];
    let mut fields = Csv::new(b',', line);
    // The moment at which the management plane, or Panorama, had it is not the firewall's.
    fields.nth(place::SERIAL - 1);
    let own = &line[fields.start().unwrap_or(line.len())..];
    let mut count = place::SERIAL;
    for (slot, field) in kept[place::SERIAL..].iter_mut().zip(fields.by_ref()) {
        *slot = field;
        count += 1;
        if count == place::TYPE + 1 && field != b"TRAFFIC" {
            // What is exported has the names of its columns first.
            if field == b"Type" {
                return Ok(Line::Skipped { name: UNNAMED });
            }
            if !TYPES.contains(&field) {
                return Err("no TRAFFIC log, nor another of PAN-OS");
            }
            return Ok(Line::Skipped { name: name_of(kept[place::SERIAL]) });
        }
    }
    if count <= place::ELAPSED {
        return Err("fewer fields than a TRAFFIC log has: cut off?");
    }
    let at = |place: usize| kept[place];
    let log = Log {
        serial: at(place::SERIAL),
        subtype: at(place::SUBTYPE),
        generated: at(place::GENERATED),
        zoned: fields.skip(place::HIGH_RESOLUTION - place::KEPT).find_map(parse_zoned),
        src: [at(place::SRC), at(place::SPORT)],
        dst: [at(place::DST), at(place::DPORT)],
        natsrc: [at(place::NATSRC), at(place::NATSPORT)],
        natdst: [at(place::NATDST), at(place::NATDPORT)],
        app: at(place::APP),
        interfaces: [at(place::INBOUND_IF), at(place::OUTBOUND_IF)],
        session: at(place::SESSION),
        proto: at(place::PROTO),
        sent: at(place::SENT),
        received: at(place::RECEIVED),
        start: at(place::START),
        elapsed: at(place::ELAPSED),
        pkts_sent: at(place::PKTS_SENT),
        pkts_received: at(place::PKTS_RECEIVED),
        reason: at(place::REASON),
    };
    log.tell(own, time, event)
}

/// A stamp of the form `2023-10-04T18:54:25.443+08:00`.
fn parse_zoned(field: &[u8]) -> Option<Written> {
    if field.len() < 20 || field.get(10) != Some(&b'T') {
        return None;
    }
    parse_written(field).map(|(written, _)| written)
}

pub(super) fn parse_cef<'a>(
    cef: &Cef<'a>,
    own: &'a [u8],
    time: &mut Timekeeper,
    event: &mut Event,
) -> Result<Line<'a>, Why> {
    let mut log = Log { subtype: cef.class, ..Log::default() };
    // PAN-OS has its words in the one order by its guide, and in the other by that of its logging service.
    let is_traffic = |word: &[u8]| word.eq_ignore_ascii_case(b"TRAFFIC");
    if is_traffic(cef.class) {
        log.subtype = cef.name;
    }
    let by_service = cef.product == b"LF";
    let mut zone: &[u8] = b"";
    for (key, value) in cef.extension {
        match key {
            b"rt" if log.generated.is_empty() => log.generated = value,
            // The moment at which the log was generated; what was received when it came to the service.
            b"start" => log.generated = value,
            b"PanOSSessionStartTime" => log.start = value,
            b"dtz" => zone = value,
            b"deviceExternalId" => log.serial = value,
            // CEF's own keys are for IPv4.
            b"src" | b"c6a2" if log.src[0].is_empty() => log.src[0] = value,
            b"spt" => log.src[1] = value,
            b"dst" | b"c6a3" if log.dst[0].is_empty() => log.dst[0] = value,
            b"dpt" => log.dst[1] = value,
            b"sourceTranslatedAddress" => log.natsrc[0] = value,
            b"sourceTranslatedPort" => log.natsrc[1] = value,
            b"destinationTranslatedAddress" => log.natdst[0] = value,
            b"destinationTranslatedPort" => log.natdst[1] = value,
            b"app" => log.app = value,
            b"deviceInboundInterface" => log.interfaces[0] = value,
            b"deviceOutboundInterface" => log.interfaces[1] = value,
            b"cn1" => log.session = value,
            b"cn3" => log.elapsed = value,
            b"proto" => log.proto = value,
            b"in" if by_service => log.received = value,
            b"out" if by_service => log.sent = value,
            b"in" => log.sent = value,
            b"out" => log.received = value,
            b"PanOSPacketsSent" => log.pkts_sent = value,
            b"PanOSPacketsReceived" => log.pkts_received = value,
            b"reason" => log.reason = value,
            _ => {}
        }
    }
    if !is_traffic(cef.class) && !is_traffic(cef.name) {
        return Ok(Line::Skipped { name: name_of(log.serial) });
    }
    if matches!(zone, b"UTC" | b"GMT") {
        log.zoned = parse_written(log.generated).map(|(written, _)| written.in_utc());
    }
    log.tell(own, time, event)
}

fn parse_leef<'a>(leef: &Leef<'a>, own: &'a [u8], time: &mut Timekeeper, event: &mut Event) -> Result<Line<'a>, Why> {
    let mut log = Log::default();
    let (mut received, mut is_traffic): (&[u8], _) = (&[], false);
    for (key, value) in leef.pairs() {
        let Some(value) = value else { continue };
        let slot = match key {
            b"cat" | b"Type" => {
                is_traffic |= value.eq_ignore_ascii_case(b"TRAFFIC");
                continue;
            }
            b"ReceiveTime" => &mut received,
            b"devTime" => &mut log.generated,
            b"SerialNumber" | b"DeviceSN" => &mut log.serial,
            b"Subtype" | b"SubType" | b"subtype" => &mut log.subtype,
            b"src" => &mut log.src[0],
            b"dst" => &mut log.dst[0],
            b"srcPort" => &mut log.src[1],
            b"dstPort" => &mut log.dst[1],
            b"srcPostNAT" => &mut log.natsrc[0],
            b"dstPostNAT" => &mut log.natdst[0],
            b"srcPostNATPort" => &mut log.natsrc[1],
            b"dstPostNATPort" => &mut log.natdst[1],
            b"Application" => &mut log.app,
            b"IngressInterface" | b"InboundInterface" => &mut log.interfaces[0],
            b"EgressInterface" | b"OutboundInterface" => &mut log.interfaces[1],
            b"SessionID" => &mut log.session,
            b"proto" => &mut log.proto,
            b"srcBytes" => &mut log.sent,
            b"dstBytes" => &mut log.received,
            b"StartTime" | b"SessionStartTime" => &mut log.start,
            b"ElapsedTime" | b"SessionDuration" => &mut log.elapsed,
            b"srcPackets" => &mut log.pkts_sent,
            b"dstPackets" => &mut log.pkts_received,
            b"SessionEndReason" => &mut log.reason,
            _ => continue,
        };
        *slot = value;
    }
    if !is_traffic {
        return Ok(Line::Skipped { name: name_of(log.serial) });
    }
    log.zoned = zone_of(received, log.generated);
    log.tell(own, time, event)
}

/// A stamp with the zone that the device's own ones have: one moment stands there in both.
fn zone_of(local: &[u8], in_utc: &[u8]) -> Option<Written> {
    const QUARTER: i64 = 15 * 60 * Nanos::SECOND;
    let mut time = Timekeeper::new(Clock::new(TimeZone::UTC, YearHint::First(1970)));
    let mut moment = |text| {
        let (written, len) = parse_written(text)?;
        Some((written, time.resolve(SensorId(0), &written)?, &text[len..]))
    };
    let (written, local, _) = moment(local)?;
    let (_, utc, zone) = moment(in_utc)?;
    let apart = local.since(utc);
    let minutes = i16::try_from(apart / QUARTER * 15).ok()?;
    (zone == b" GMT" && apart % QUARTER == 0).then(|| written.east(minutes))
}

impl<'a> Log<'a> {
    fn tell(&self, own: &'a [u8], time: &mut Timekeeper, event: &mut Event) -> Result<Line<'a>, Why> {
        let name = name_of(self.serial);
        let sensor = SensorId::of(name);
        let known = self.stamp(self.generated, sensor, time).ok_or("no moment at which it was generated")?;
        let session = self.session()?;
        match self.subtype {
            b"start" => {
                let start = self.stamp(self.start, sensor, time).filter(|start| start.at <= known.at);
                session.opened(start.unwrap_or(known), event)
            }
            b"end" => session.whole(self.course(session.proto, known, time)?, event),
            // Of what the application was refused for, the handshake at least went through.
            b"deny" if self.went_on() => session.whole(self.course(session.proto, known, time)?, event),
            b"drop" | b"deny" => session.denied(event),
            _ => return Err("a subtype that is none of start, end, drop and deny"),
        }
        Ok(Line::Said { known, name, own })
    }

    /// A moment, in the zone that the log says or the owner.
    fn stamp(&self, text: &[u8], sensor: SensorId, time: &mut Timekeeper) -> Option<Stamp> {
        let (mut written, len) = parse_written(text)?;
        if !written.has_year() {
            return None;
        }
        if matches!(&text[len..], b" GMT" | b" UTC") {
            written = written.in_utc();
        } else if let Some(zoned) = &self.zoned {
            written = written.in_zone_of(zoned);
        }
        Some(Stamp { at: time.resolve(sensor, &written)?, resolution: written.resolution, sensor })
    }

    /// Behind a translated destination is whoever was talked to; before a translated source whoever talked.
    fn session(&self) -> Result<Session, Why> {
        let proto = parse_proto(self.proto).ok_or("no protocol")?;
        let orig = parse_end(proto, self.src).ok_or("a source that is no address and port")?;
        let dst = parse_end(proto, self.dst).ok_or("a destination that is no address and port")?;
        let (natsrc, natdst) = (parse_mapped(proto, self.natsrc), parse_mapped(proto, self.natdst));
        let (mapped_orig, resp) = (natsrc.filter(|end| *end != orig), natdst.unwrap_or(dst));
        let number = value::number(self.session).ok_or("a session id that is no number")?;
        Ok(Session {
            id: RecordId::Device(number),
            proto,
            orig,
            resp,
            mapped: [mapped_orig, (resp != dst).then_some(dst)],
            // A zone has the name that its owner gave it.
            inside: Inside::default(),
        })
    }

    /// Whether something came back of what was denied; before PAN-OS 8.0 that can only be told by bytes.
    fn went_on(&self) -> bool {
        value::number(self.pkts_received)
            .or_else(|| value::number(self.received))
            .is_some_and(|came_back| came_back > 0)
    }

    /// Its life is up to the last packet; what the log waited for after that is in no field.
    fn course(&self, proto: Proto, known: Stamp, time: &mut Timekeeper) -> Result<Course, Why> {
        let elapsed = value::number(self.elapsed).ok_or("an elapsed time that is no number")?;
        let duration = i64::try_from(elapsed).ok().and_then(|elapsed| elapsed.checked_mul(Nanos::SECOND));
        let duration = duration.ok_or("an elapsed time that is too long")?;
        let start = self.stamp(self.start, known.sensor, time);
        let start = start.unwrap_or(Stamp { at: known.at.plus(-duration), ..known });
        let sent = |bytes: &[u8], packets, interface| {
            let bytes = value::number(bytes)?;
            Some(Sent { bytes, packets: value::number(packets), link: Some(ethernet(interface)) })
        };
        let [inbound, outbound] = self.interfaces;
        let ends = sent(self.sent, self.pkts_sent, inbound).zip(sent(self.received, self.pkts_received, outbound));
        let (orig, resp) = ends.ok_or("a byte count that is no number")?;
        let addr = value::address(self.src[0]).ok_or("a source that is no address and port")?;
        let silent = resp.bytes == 0;
        Ok(Course {
            start,
            duration: Some(duration),
            bytes: Some(payload(proto, addr, orig, resp)),
            ending: ending(self.reason, silent),
            answered: answered(proto, addr, orig, resp),
            service: Some(self.app).filter(|app| !is_no_application(app)).and_then(name),
        })
    }
}

/// What PAN-OS says where it has recognised nothing.
fn is_no_application(app: &[u8]) -> bool {
    matches!(app, b"incomplete" | b"insufficient-data" | b"not-applicable" | b"unknown-tcp" | b"unknown-udp")
}

/// `session_end_reason`, by "Traffic Log Fields". `tcp-fin` is of one side or of both.
fn ending(reason: &[u8], silent: bool) -> Ending {
    match reason {
        b"tcp-fin" => Ending::Fins,
        b"tcp-rst-from-client" => Ending::ResetByOrig,
        b"tcp-rst-from-server" => Ending::ResetByResp,
        b"aged-out" if silent => Ending::NoAnswer,
        b"aged-out" => Ending::Idle,
        // Another connection of the same ends began.
        b"" | b"n/a" | b"N/A" | b"unknown" | b"tcp-reuse" => Ending::Unknown,
        _ => Ending::ByDevice,
    }
}
