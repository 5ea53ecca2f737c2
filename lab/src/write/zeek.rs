//! Zeek's `conn.log`, as TSV, from a span port on the inside of the device.

use std::io::{self, Write};

use super::Lines;
use super::text::{address, number, seconds};
use crate::civil::Civil;
use crate::engine::Sink;
use crate::flow::{Ending, Event, Flow, Proto};
use crate::rng::mix;

const FIELDS: &str = "#fields\tts\tuid\tid.orig_h\tid.orig_p\tid.resp_h\tid.resp_p\tproto\tservice\tduration\torig_bytes\
\tresp_bytes\tconn_state\tlocal_orig\tlocal_resp\tmissed_bytes\thistory\torig_pkts\torig_ip_bytes\tresp_pkts\
\tresp_ip_bytes\ttunnel_parents\n";
const TYPES: &str = "#types\ttime\tstring\taddr\tport\taddr\tport\tenum\tstring\tinterval\tcount\tcount\tstring\tbool\
\tbool\tcount\tstring\tcount\tcount\tcount\tcount\tset[string]\n";
const BASE62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
/// Payload of a full segment.
const SEGMENT: u64 = 1460;

/// Writes a line for each connection that is over. What is open when the log ends has none: Zeek has not stopped.
pub struct ZeekConn<W: Write> {
    lines: Lines<W>,
    /// What a line says.
    over: fn(&mut Vec<u8>, &Flow),
}

impl<W: Write> ZeekConn<W> {
    /// Writes to `to` what begins at `begin` (microseconds since 1970).
    pub fn new(to: W, begin: u64) -> Self {
        let mut lines = Lines::new(to);
        lines.buffer.extend_from_slice(head(begin).as_bytes());
        Self { lines, over }
    }

    /// Writes the same as JSON, with `JSON::TS_EPOCH` and without `LogAscii::json_include_unset_fields`: what is not set is left out.
    pub fn json(to: W) -> Self {
        Self { lines: Lines::new(to), over: over_json }
    }
}

/// The line of a connection, between tabs.
fn over(line: &mut Vec<u8>, flow: &Flow) {
    seconds(line, flow.start);
    line.push(b'\t');
    uid(line, flow.id, flow.start);
    let (inside, outside) = ((flow.inside, flow.inside_port), (flow.outside, flow.outside_port));
    let ends = if flow.inbound { [outside, inside] } else { [inside, outside] };
    for (addr, port) in ends {
        line.push(b'\t');
        address(line, addr);
        line.push(b'\t');
        number(line, u64::from(port));
    }
    line.extend_from_slice(if flow.proto == Proto::Tcp { b"\ttcp\t" } else { b"\tudp\t" });
    line.extend_from_slice(service(flow).as_bytes());
    line.push(b'\t');
    seconds(line, flow.last - flow.start);
    for bytes in [flow.up, flow.down] {
        line.push(b'\t');
        number(line, u64::from(bytes));
    }
    let (state, history) = state(flow);
    line.push(b'\t');
    line.extend_from_slice(state.as_bytes());
    line.extend_from_slice(if flow.inbound { b"\tF\tT\t0\t" } else { b"\tT\tF\t0\t" });
    line.extend_from_slice(history.as_bytes());
    for (bytes, packets) in packets(flow) {
        line.push(b'\t');
        number(line, packets);
        line.push(b'\t');
        number(line, bytes);
    }
    line.extend_from_slice(b"\t-");
}

/// The same as an object.
fn over_json(line: &mut Vec<u8>, flow: &Flow) {
    line.extend_from_slice(b"{\"ts\":");
    seconds(line, flow.start);
    line.extend_from_slice(b",\"uid\":\"");
    uid(line, flow.id, flow.start);
    let (inside, outside) = ((flow.inside, flow.inside_port), (flow.outside, flow.outside_port));
    let ends = if flow.inbound { [outside, inside] } else { [inside, outside] };
    for (name, (addr, port)) in ["orig", "resp"].into_iter().zip(ends) {
        let before = if name == "orig" { "\"" } else { "" };
        line.extend_from_slice(format!("{before},\"id.{name}_h\":\"").as_bytes());
        address(line, addr);
        line.extend_from_slice(format!("\",\"id.{name}_p\":{port}").as_bytes());
    }
    line.extend_from_slice(if flow.proto == Proto::Tcp { b",\"proto\":\"tcp\"" } else { b",\"proto\":\"udp\"" });
    let service = service(flow);
    if service != "-" {
        line.extend_from_slice(format!(",\"service\":\"{service}\"").as_bytes());
    }
    // Zeek takes the difference of two doubles, and writes all digits that it has.
    let lasted = flow.last as f64 / 1e6 - flow.start as f64 / 1e6;
    let (state, history) = state(flow);
    let local = if flow.inbound { ["false", "true"] } else { ["true", "false"] };
    let [(orig_bytes, orig), (resp_bytes, resp)] = packets(flow);
    line.extend_from_slice(
        format!(
            ",\"duration\":{lasted},\"orig_bytes\":{},\"resp_bytes\":{},\"conn_state\":\"{state}\",\"local_orig\":{},\
             \"local_resp\":{},\"missed_bytes\":0,\"history\":\"{history}\",\"orig_pkts\":{orig},\"orig_ip_bytes\":{orig_bytes},\
             \"resp_pkts\":{resp},\"resp_ip_bytes\":{resp_bytes}}}",
            flow.up, flow.down, local[0], local[1]
        )
        .as_bytes(),
    );
}

/// What stands before the first line of a log that begins at `begin` (microseconds since 1970).
pub(crate) fn head(begin: u64) -> String {
    let Civil { year, month, day, hour } = Civil::of(begin);
    format!(
        "#separator \\x09\n#set_separator\t,\n#empty_field\t(empty)\n#unset_field\t-\n#path\tconn\n\
         #open\t{year:04}-{month:02}-{day:02}-{hour:02}-00-00\n{FIELDS}{TYPES}"
    )
}

/// `C` and 17 characters, as Zeek names connections.
pub(crate) fn uid(line: &mut Vec<u8>, id: u64, start: u64) {
    line.push(b'C');
    let (mut first, mut second) = (mix(id), mix(start ^ id << 24));
    for _ in 0..8 {
        line.push(BASE62[(first % 62) as usize]);
        line.push(BASE62[(second % 62) as usize]);
        first /= 62;
        second /= 62;
    }
    line.push(BASE62[(first % 62) as usize]);
}

/// What Zeek would recognise. A relay's protocol on an odd port it would too, and a log of the case would not be needed.
fn service(flow: &Flow) -> &'static str {
    let port = if flow.inbound { flow.inside_port } else { flow.outside_port };
    match (flow.proto, port) {
        (_, 53) => "dns",
        (Proto::Udp, 123) => "ntp",
        (Proto::Tcp, 25) if flow.down > 0 => "smtp",
        (Proto::Tcp, 80) if flow.up > 0 => "http",
        (Proto::Tcp, 443) if flow.up > 0 => "ssl",
        (Proto::Tcp, 110) if flow.down > 0 => "pop3",
        (Proto::Tcp, 143) if flow.down > 0 => "imap",
        _ => "-",
    }
}

/// `conn_state` and `history`.
fn state(flow: &Flow) -> (&'static str, &'static str) {
    let by_opener = flow.inbound == (flow.ending == Ending::ResetOutside);
    match flow.ending {
        Ending::Udp => ("SF", "Dd"),
        Ending::SynTimeout => ("S0", "S"),
        Ending::Fins if flow.total() == 0 => ("SF", "ShAFfa"),
        Ending::Fins => ("SF", "ShADadFfa"),
        Ending::FinTimeout => ("S2", "ShADadFa"),
        Ending::IdleTimeout => ("S1", "ShADad"),
        _ if by_opener => ("RSTO", "ShADadR"),
        _ if flow.total() == 0 => ("REJ", "Sr"),
        _ => ("RSTR", "ShADadr"),
    }
}

/// Bytes with headers, and packets, of the opener and of the other.
fn packets(flow: &Flow) -> [(u64, u64); 2] {
    let (up, down) = (u64::from(flow.up), u64::from(flow.down));
    let (header, [opener, other]) = match flow.ending {
        Ending::Udp => (28, [1, 1]),
        Ending::SynTimeout => (48, [3, 0]),
        _ if flow.total() == 0 => (40, [1, 1]),
        _ => (40, [4 + up.div_ceil(SEGMENT) + down / SEGMENT / 2, 3 + down.div_ceil(SEGMENT) + up / SEGMENT / 2]),
    };
    [(up + header * opener, opener), (down + header * other, other)]
}

impl<W: Write> Sink for ZeekConn<W> {
    fn event(&mut self, _at: u64, event: Event<'_>) -> io::Result<()> {
        let Event::Over(flow) = event else { return Ok(()) };
        (self.over)(&mut self.lines.buffer, flow);
        self.lines.end()
    }

    fn finish(&mut self) -> io::Result<()> {
        self.lines.finish()
    }
}
