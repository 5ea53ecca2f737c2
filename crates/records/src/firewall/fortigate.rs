//! Fortinet FortiGate: traffic logs, as `key=value` (FortiOS's `default` and `csv` formats of syslog, and what is downloaded), as JSON and as
//! CEF.
//!
//! The keys are those of the "FortiOS Log Message Reference" from FortiOS 5.0 on, and FortiOS 4's own (`src_port`, `status`), in
//! CEF those of its "Traffic log support for CEF".

use memchr::{memchr2, memmem};

use super::session::{Course, End, Session, answered, name, parse_end, parse_mapped, proto_of, reckon_start};
use super::{Line, Why};
use crate::fields::json::{self, Value};
use crate::fields::{Cef, Csv, Pairs, value};
use crate::reckon::{Sent, payload};
use crate::syslog::header::decode_header;
use crate::syslog::timekeeper::Timekeeper;
use crate::syslog::written::{parse_written, parse_zone};
use crate::{Ending, Event, Inside, Nanos, Proto, RecordId, SensorId, Stamp};

/// The sensor of a device that is not named.
const UNNAMED: &[u8] = b"fortigate";

/// Who makes it, in CEF.
pub(super) const MAKER: &[u8] = b"Fortinet";

/// What a log says, as it is written there.
#[derive(Default)]
struct Log<'a> {
    date: &'a [u8],
    time: &'a [u8],
    zone: &'a [u8],
    eventtime: &'a [u8],
    devname: &'a [u8],
    devid: &'a [u8],
    logid: &'a [u8],
    kind: &'a [u8],
    subtype: &'a [u8],
    action: &'a [u8],
    proto: &'a [u8],
    src: End<'a>,
    dst: End<'a>,
    trans_src: End<'a>,
    trans_dst: End<'a>,
    roles: [&'a [u8]; 2],
    session: &'a [u8],
    duration: &'a [u8],
    sent: [&'a [u8]; 2],
    rcvd: [&'a [u8]; 2],
    service: &'a [u8],
    app: &'a [u8],
}

/// What stands before FortiOS's own keys in CEF, in most versions; the last is FortiAnalyzer's.
const PREFIXES: [&[u8]; 3] = [b"FTNTFGT", b"FortinetFortiGate", b"ad."];

/// Whether a line that is no CEF is a log of FortiOS, of whatever type.
pub(super) fn is_line(line: &[u8]) -> bool {
    if object(line).is_some() {
        return is_object(line);
    }
    let has = |key: &[u8]| memmem::find(line, key).is_some();
    // Other makers have a `log_type`, and no type.
    let is_of_name = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    let has_type = memmem::find_iter(line, b"type=").any(|at| at == 0 || !is_of_name(line[at - 1]));
    (has(b"logid=") || has(b"log_id="))
        && has_type
        && (has(b"devid=") || has(b"vd=") || has(b"eventtime=") || has(b"device_id="))
}

/// Whether a line is one of its objects of JSON, as far as that goes.
pub(super) fn is_object(line: &[u8]) -> bool {
    let Some(start) = object(line) else { return false };
    let (mut is_log, mut is_typed, mut is_device) = (false, false, false);
    _ = json::each(&line[start..], |key, _| match key {
        b"logid" => is_log = true,
        b"type" => is_typed = true,
        b"devid" | b"vd" | b"eventtime" => is_device = true,
        _ => {}
    });
    is_log && is_typed && is_device
}

/// Where an object of JSON begins, if no pair stands before it.
fn object(line: &[u8]) -> Option<usize> {
    memchr2(b'{', b'=', line).filter(|at| line[*at] == b'{')
}

/// A line that is no CEF.
pub(super) fn parse<'a>(line: &'a [u8], time: &mut Timekeeper, event: &mut Event) -> Result<Line<'a>, Why> {
    let mut log = Log::default();
    if let Some(start) = object(line) {
        let own = &line[start..];
        let take = |key: &[u8], value: Value<'a>| _ = value.single().map(|value| log.put(key, value));
        json::each(own, take).map_err(|broken| broken.why)?;
        return log.tell((line, start), time, event);
    }
    let start = own_start(line);
    if let Some(quote) = start.checked_sub(1).filter(|before| line[*before] == b'"') {
        let own = &line[quote..];
        for (key, value) in Csv::new(b',', own).filter_map(pair_of_cell) {
            log.put(key, value);
        }
        return log.tell((line, quote), time, event);
    }
    let own = &line[start..];
    for (key, value) in Pairs::new(separator(own), own) {
        log.put(key, value.unwrap_or_default());
    }
    log.tell((line, start), time, event)
}

/// What stands between two pairs, by what stands behind the first: a comma in the `csv` format.
fn separator(own: &[u8]) -> u8 {
    let quoted = own.iter().position(|byte| *byte == b'=').is_some_and(|equals| own.get(equals + 1) == Some(&b'"'));
    let from =
        if quoted { memmem::find(own, b"\",").or_else(|| memmem::find(own, b"\" ")).map_or(0, |at| at + 1) } else { 0 };
    memchr2(b',', b' ', &own[from..]).map_or(b' ', |at| own[from + at])
}

/// Where what the device wrote begins: at the first key. Before it are a priority and a collector's stamp and name.
fn own_start(line: &[u8]) -> usize {
    let equals = memchr::memchr(b'=', line).unwrap_or(line.len());
    let before = line[..equals].iter().rposition(|byte| !byte.is_ascii_alphanumeric() && *byte != b'_');
    before.map_or(0, |before| before + 1)
}

/// A cell of what is downloaded as CSV: `proto=6`, and `type=""traffic""` of FortiAnalyzer.
fn pair_of_cell(cell: &[u8]) -> Option<(&[u8], &[u8])> {
    let (key, value) = cell.split_at(memchr::memchr(b'=', cell)?);
    let value = &value[1..];
    let bare = value.strip_prefix(b"\"\"").and_then(|value| value.strip_suffix(b"\"\""));
    Some((key, bare.unwrap_or(value)))
}

pub(super) fn parse_cef<'a>(
    cef: &Cef<'a>,
    line: &'a [u8],
    time: &mut Timekeeper,
    event: &mut Event,
) -> Result<Line<'a>, Why> {
    let mut log = Log { logid: cef.class, ..Log::default() };
    for (key, value) in cef.extension {
        match key {
            b"deviceExternalId" => log.devid = value,
            b"dvchost" => log.devname = value,
            b"cat" => log.kind = value.split(|byte| *byte == b':').next().unwrap_or_default(),
            b"act" => log.action = value,
            // CEF's own keys are for IPv4.
            b"src" | b"c6a2" if log.src[0].is_empty() => log.src[0] = value,
            b"spt" => log.src[1] = value,
            b"dst" | b"c6a3" if log.dst[0].is_empty() => log.dst[0] = value,
            b"dpt" => log.dst[1] = value,
            b"sourceTranslatedAddress" => log.trans_src[0] = value,
            b"sourceTranslatedPort" => log.trans_src[1] = value,
            b"destinationTranslatedAddress" => log.trans_dst[0] = value,
            b"destinationTranslatedPort" => log.trans_dst[1] = value,
            b"externalId" => log.session = value,
            b"app" => log.service = value,
            b"out" => log.sent[0] = value,
            b"in" => log.rcvd[0] = value,
            // All that has no key of CEF's own has FortiOS's.
            _ => log.put(PREFIXES.iter().find_map(|prefix| key.strip_prefix(*prefix)).unwrap_or(key), value),
        }
    }
    if log.kind.is_empty()
        && let Some(colon) = cef.name.iter().position(|byte| *byte == b':')
    {
        // Some collectors leave it out; the event is called `traffic:forward close`.
        log.kind = &cef.name[..colon];
    }
    log.tell((line, cef.start), time, event)
}

impl<'a> Log<'a> {
    #[inline]
    fn put(&mut self, key: &[u8], value: &'a [u8]) {
        // By length first: most keys are of no use, and a list is gone through one by one.
        let slot = match key.len() {
            2 => match key {
                b"tz" => &mut self.zone,
                b"SN" => &mut self.session,
                _ => return,
            },
            3 => match key {
                b"app" => &mut self.app,
                b"src" => &mut self.src[0],
                b"dst" => &mut self.dst[0],
                _ => return,
            },
            4 => match key {
                b"date" => &mut self.date,
                b"time" => &mut self.time,
                b"type" => &mut self.kind,
                b"sent" => &mut self.sent[0],
                b"rcvd" => &mut self.rcvd[0],
                _ => return,
            },
            5 => match key {
                b"devid" => &mut self.devid,
                b"logid" => &mut self.logid,
                b"proto" => &mut self.proto,
                b"srcip" => &mut self.src[0],
                b"dstip" => &mut self.dst[0],
                _ => return,
            },
            6 => match key {
                b"action" | b"status" => &mut self.action,
                b"tranip" => &mut self.trans_dst[0],
                b"log_id" => &mut self.logid,
                _ => return,
            },
            7 => match key {
                b"devname" => &mut self.devname,
                // Of CEF before FortiOS 6.0.
                b"logtime" if self.eventtime.is_empty() => &mut self.eventtime,
                b"srcport" => &mut self.src[1],
                b"dstport" => &mut self.dst[1],
                b"transip" => &mut self.trans_src[0],
                b"sentpkt" => &mut self.sent[1],
                b"rcvdpkt" => &mut self.rcvd[1],
                b"service" => &mut self.service,
                b"subtype" => &mut self.subtype,
                _ => return,
            },
            8 => match key {
                b"src_port" => &mut self.src[1],
                b"dst_port" => &mut self.dst[1],
                b"sent_pkt" => &mut self.sent[1],
                b"rcvd_pkt" => &mut self.rcvd[1],
                b"tran_sip" => &mut self.trans_src[0],
                b"tran_dip" => &mut self.trans_dst[0],
                b"tranport" => &mut self.trans_dst[1],
                b"duration" => &mut self.duration,
                b"sentbyte" => &mut self.sent[0],
                b"rcvdbyte" => &mut self.rcvd[0],
                _ => return,
            },
            9 => match key {
                b"eventtime" => &mut self.eventtime,
                b"transport" => &mut self.trans_src[1],
                b"sessionid" => &mut self.session,
                b"device_id" => &mut self.devid,
                _ => return,
            },
            10 => match key {
                b"tran_sport" => &mut self.trans_src[1],
                b"tran_dport" => &mut self.trans_dst[1],
                _ => return,
            },
            11 => match key {
                b"srcintfrole" => &mut self.roles[0],
                b"dstintfrole" => &mut self.roles[1],
                _ => return,
            },
            _ => return,
        };
        *slot = value;
    }

    fn name(&self) -> &'a [u8] {
        let name = if self.devname.is_empty() { self.devid } else { self.devname };
        if name.is_empty() { UNNAMED } else { name }
    }

    /// What a line says, from where on it is the device's own.
    fn tell(
        &self,
        (line, start): (&'a [u8], usize),
        time: &mut Timekeeper,
        event: &mut Event,
    ) -> Result<Line<'a>, Why> {
        let name = self.name();
        if self.kind.is_empty() {
            return Err("no type");
        }
        // A sniffer sees what another device let through, and counts nothing of it.
        if self.kind != b"traffic" || self.subtype == b"sniffer" || self.is_interim() {
            return Ok(Line::Skipped { name });
        }
        let sensor = SensorId::of(name);
        // What a collector has taken out, or an older version does not write, the header says.
        let known = if self.eventtime.is_empty() && (self.date.is_empty() || self.time.is_empty()) {
            by_header(&line[..start], sensor, time)
                .ok_or("neither eventtime nor date and time, nor a stamp in the header")
        } else {
            self.known(sensor, time).ok_or("neither eventtime nor date and time")
        }?;
        let session = self.session()?;
        match self.action {
            b"" => return Err("no action"),
            b"start" => session.opened(known, event),
            // What was let through first and stopped by a profile later has carried something: more came back than an answer.
            b"deny" | b"violation" if !self.went_on(session) => session.denied(event),
            _ => session.whole(self.course(session, known)?, event),
        }
        Ok(Line::Said { known, name, own: &line[start..] })
    }

    /// LOG_ID_TRAFFIC_STAT tells every few minutes what a session that goes on has carried so far; what it carried in all
    /// stands in the log of its end.
    fn is_interim(&self) -> bool {
        self.logid.ends_with(b"00020")
    }

    /// `eventtime` is in UTC: seconds in FortiOS 6.0, nanoseconds later.
    fn known(&self, sensor: SensorId, time: &mut Timekeeper) -> Option<Stamp> {
        if let Some(number) = value::number(self.eventtime) {
            let (unit, resolution) = match self.eventtime.len() {
                ..=11 => (Nanos::SECOND, 1_000_000_000),
                12..=14 => (1_000_000, 1_000_000),
                15..=17 => (1_000, 1_000),
                _ => (1, 1),
            };
            let at = Nanos(i64::try_from(number).ok()?.checked_mul(unit)?);
            time.follow_moment(at);
            return Some(Stamp { at, resolution, sensor });
        }
        // `2019-05-10` and `11:37:47` as one stamp, which they are not in the line.
        let mut text = [b' '; 32];
        let end = 11 + self.time.len();
        text.get_mut(..self.date.len().min(11))?.copy_from_slice(&self.date[..self.date.len().min(11)]);
        text.get_mut(11..end)?.copy_from_slice(self.time);
        let (mut written, len) = parse_written(&text[..end])?;
        if len != end {
            return None;
        }
        if let Some((minutes, _)) = parse_zone(self.zone) {
            written = written.east(minutes);
        }
        Some(Stamp { at: time.resolve(sensor, &written)?, resolution: written.resolution, sensor })
    }

    fn session(&self) -> Result<Session, Why> {
        let proto = proto_of(value::number(self.proto).ok_or("proto is no number")?);
        let orig = parse_end(proto, self.src).ok_or("srcip and srcport are no address and port")?;
        let dst = parse_end(proto, self.dst).ok_or("dstip and dstport are no address and port")?;
        let (trans_src, trans_dst) = (parse_mapped(proto, self.trans_src), parse_mapped(proto, self.trans_dst));
        let resp = trans_dst.unwrap_or(dst);
        let [src_role, dst_role] = self.roles;
        Ok(Session {
            id: RecordId::Device(value::number(self.session).ok_or("sessionid is no number")?),
            proto,
            orig,
            resp,
            mapped: [trans_src.filter(|end| *end != orig), (resp != dst).then_some(dst)],
            inside: Inside { orig: role(src_role), resp: role(dst_role) },
        })
    }

    fn went_on(&self, session: Session) -> bool {
        let is_tcp = session.proto == Proto::Tcp;
        counted(self.rcvd).is_some_and(|resp| resp.bytes > 0 && !(is_tcp && resp.is_one_of(session.orig.addr)))
    }

    fn course(&self, session: Session, known: Stamp) -> Result<Course, Why> {
        let seconds =
            if self.duration.is_empty() { 0 } else { value::number(self.duration).ok_or("duration is no number")? };
        let (start, duration) = reckon_start(known, seconds).ok_or("duration is too long")?;
        let counts = counted(self.sent).zip(counted(self.rcvd));
        let bytes = counts.map(|(orig, resp)| payload(session.proto, session.orig.addr, orig, resp));
        let silent = counts.is_some_and(|(_, resp)| resp.bytes == 0);
        // What application control recognised says more than what the port is called.
        let service = if self.app.is_empty() { self.service } else { self.app };
        Ok(Course {
            start,
            duration: Some(duration),
            bytes,
            ending: ending(self.action, silent),
            answered: counts.and_then(|(orig, resp)| answered(session.proto, session.orig.addr, orig, resp)),
            service: name(service),
        })
    }
}

/// When syslog's header says that a line was written. It is a collector's, and moves no clock: where it has no year, it is of the one that
/// it would be of as the first line behind the device's own stamps.
fn by_header(head: &[u8], sensor: SensorId, time: &Timekeeper) -> Option<Stamp> {
    let written = decode_header(head).written?;
    Some(Stamp { at: time.clone().resolve(sensor, &written)?, resolution: written.resolution, sensor })
}

fn counted([bytes, packets]: [&[u8]; 2]) -> Option<Sent> {
    Some(Sent { bytes: value::number(bytes)?, packets: value::number(packets), link: None })
}

/// Whether an interface of this role leads inside; the roles are FortiOS's.
fn role(role: &[u8]) -> Option<bool> {
    match role {
        b"lan" | b"dmz" => Some(true),
        b"wan" => Some(false),
        _ => None,
    }
}

/// `action`, which says how a session that was let through was closed.
fn ending(action: &[u8], silent: bool) -> Ending {
    match action {
        b"close" => Ending::Fins,
        b"client-rst" => Ending::ResetByOrig,
        b"server-rst" => Ending::ResetByResp,
        // The device was told that there is nobody.
        b"ip-conn" => Ending::NoAnswer,
        b"timeout" if silent => Ending::NoAnswer,
        b"timeout" => Ending::Idle,
        b"deny" | b"violation" => Ending::ByDevice,
        _ => Ending::Unknown,
    }
}
