//! The tables: `--pairs` and `--connections`, as JSON lines or in Zeek's TSV.

use std::fmt::Write as _;
use std::io::{self, Write};
use std::net::IpAddr;

use base64::Engine as _;
use catspaw_records::{Counters, Endpoint, Nanos, Place, Proto, RecordId, SensorId, Stamp, Uid};
use catspaw_relay::{Basis, Connection, Leg, LegPair, Said, Sent, Topology};
use serde_json::{Map, Value, json};
use sha1::{Digest, Sha1};
use xxhash_rust::xxh3::xxh3_64;

use crate::pipeline::Sorted;
use crate::report::Names;

/// How a table is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// One JSON object per line.
    Jsonl,
    /// Zeek's TSV.
    Zeek,
}

impl Form {
    /// Told from the file's name.
    #[must_use]
    pub(crate) fn of(path: &std::path::Path) -> Option<Self> {
        match path.extension()?.to_str()? {
            "jsonl" => Some(Self::Jsonl),
            "log" | "tsv" => Some(Self::Zeek),
            _ => None,
        }
    }
}

/// A value of a row: nested in JSON, dotted in columns.
#[derive(Clone, Debug, PartialEq)]
enum Cell {
    Text(String),
    Number(u64),
    Seconds(i64),
    Flag(bool),
    Unset,
}

/// A column: Zeek's dotted name, and its type in the header.
type Column = (&'static str, &'static str);

const PAIR: [Column; 26] = [
    ("host", "addr"),
    ("topology", "string"),
    ("incident", "string"),
    ("basis", "string"),
    ("inbound.uid", "string"),
    ("inbound.ts", "time"),
    ("inbound.orig_h", "addr"),
    ("inbound.orig_p", "port"),
    ("inbound.resp_h", "addr"),
    ("inbound.resp_p", "port"),
    ("inbound.duration", "interval"),
    ("inbound.orig_bytes", "count"),
    ("inbound.resp_bytes", "count"),
    ("inbound.bytes", "count"),
    ("outbound.uid", "string"),
    ("outbound.ts", "time"),
    ("outbound.orig_h", "addr"),
    ("outbound.orig_p", "port"),
    ("outbound.resp_h", "addr"),
    ("outbound.resp_p", "port"),
    ("outbound.duration", "interval"),
    ("outbound.orig_bytes", "count"),
    ("outbound.resp_bytes", "count"),
    ("outbound.bytes", "count"),
    ("delivered", "count"),
    ("sensor", "string"),
];

const CONNECTION: [Column; 28] = [
    ("ts", "time"),
    ("uid", "string"),
    ("id.orig_h", "addr"),
    ("id.orig_p", "port"),
    ("id.resp_h", "addr"),
    ("id.resp_p", "port"),
    ("proto", "enum"),
    ("service", "string"),
    ("duration", "interval"),
    ("orig_bytes", "count"),
    ("resp_bytes", "count"),
    ("conn_state", "string"),
    ("history", "string"),
    ("orig_pkts", "count"),
    ("orig_ip_bytes", "count"),
    ("resp_pkts", "count"),
    ("resp_ip_bytes", "count"),
    ("missed_bytes", "count"),
    ("bytes", "count"),
    ("mapped_orig_h", "addr"),
    ("mapped_orig_p", "port"),
    ("mapped_resp_h", "addr"),
    ("mapped_resp_p", "port"),
    ("community_id", "string"),
    ("late", "bool"),
    ("sensor", "string"),
    ("source", "string"),
    ("place", "string"),
];

/// Writes one table.
#[derive(Debug)]
pub(crate) struct Table<W> {
    out: W,
    form: Form,
    columns: &'static [Column],
    line: String,
}

impl<W: Write> Table<W> {
    /// A table of pairs.
    ///
    /// # Errors
    /// Where the header cannot be written.
    pub(crate) fn pairs(out: W, form: Form) -> io::Result<Self> {
        Self::new(out, form, "pairs", &PAIR)
    }

    /// A table of connections.
    ///
    /// # Errors
    /// Where the header cannot be written.
    pub(crate) fn connections(out: W, form: Form) -> io::Result<Self> {
        Self::new(out, form, "conn", &CONNECTION)
    }

    fn new(mut out: W, form: Form, path: &str, columns: &'static [Column]) -> io::Result<Self> {
        if form == Form::Zeek {
            let join = |part: fn(&Column) -> &'static str| columns.iter().map(part).collect::<Vec<_>>().join("\t");
            writeln!(
                out,
                "#separator \\x09\n#set_separator\t,\n#empty_field\t(empty)\n#unset_field\t-\n#path\t{path}"
            )?;
            writeln!(out, "#fields\t{}\n#types\t{}", join(|c| c.0), join(|c| c.1))?;
        }
        Ok(Self { out, form, columns, line: String::new() })
    }

    /// Writes a pair.
    ///
    /// # Errors
    /// Where it cannot be written.
    pub(crate) fn pair(
        &mut self,
        pair: &LegPair,
        incident: &str,
        delivered: Option<u64>,
        names: &Names,
    ) -> io::Result<()> {
        let mut row = vec![
            Cell::Text(pair.host.addr().to_string()),
            Cell::Text(pair.topology.name().to_owned()),
            Cell::Text(incident.to_owned()),
            Cell::Text(basis(pair.basis).to_owned()),
        ];
        let sensor = names.sensor(pair.sensor);
        let inbound = &pair.inbound;
        // A tunnel was dialled by the host.
        let (orig, resp) = match pair.topology {
            Topology::Backconnect => (inbound.own, inbound.peer),
            Topology::Forward | Topology::Direct => (inbound.peer, inbound.own),
        };
        row.extend(leg(inbound, orig, resp, sensor));
        row.extend(leg(&pair.outbound, pair.outbound.own, pair.outbound.peer, sensor));
        row.push(delivered.map_or(Cell::Unset, Cell::Number));
        row.push(Cell::Text(sensor.to_owned()));
        self.write(&row)
    }

    /// Writes a connection.
    ///
    /// # Errors
    /// Where it cannot be written.
    pub(crate) fn connection(&mut self, connection: &Connection, names: &Names) -> io::Result<()> {
        let row = connection_row(connection, names);
        self.write(&row)
    }

    /// Writes what is buffered.
    ///
    /// # Errors
    /// Where it cannot be written.
    pub(crate) fn finish(mut self) -> io::Result<()> {
        self.out.flush()
    }

    fn write(&mut self, row: &[Cell]) -> io::Result<()> {
        self.line.clear();
        match self.form {
            Form::Jsonl => self.write_json(row),
            Form::Zeek => self.write_tsv(row),
        }
        self.line.push('\n');
        self.out.write_all(self.line.as_bytes())
    }

    fn write_json(&mut self, row: &[Cell]) {
        let mut object = Map::new();
        for ((name, _), cell) in self.columns.iter().zip(row) {
            match name.split_once('.').filter(|_| self.columns.len() == PAIR.len()) {
                Some((outer, inner)) => {
                    let nested = object.entry(outer).or_insert_with(|| json!({}));
                    if let Value::Object(nested) = nested {
                        nested.insert(inner.to_owned(), cell.json());
                    }
                }
                None => {
                    object.insert((*name).to_owned(), cell.json());
                }
            }
        }
        self.line.push_str(&Value::Object(object).to_string());
    }

    fn write_tsv(&mut self, row: &[Cell]) {
        for (number, cell) in row.iter().enumerate() {
            if number > 0 {
                self.line.push('\t');
            }
            cell.tsv(&mut self.line);
        }
    }
}

fn basis(basis: Basis) -> &'static str {
    match basis {
        Basis::Content => "content",
        Basis::Bytes => "bytes",
        Basis::Order => "order",
    }
}

impl Cell {
    fn json(&self) -> Value {
        match self {
            Self::Text(text) => Value::String(text.clone()),
            Self::Number(number) => json!(number),
            Self::Seconds(nanos) => {
                let mut text = String::new();
                seconds(*nanos, &mut text);
                text.parse::<serde_json::Number>().map_or(Value::Null, Value::Number)
            }
            Self::Flag(flag) => json!(flag),
            Self::Unset => Value::Null,
        }
    }

    fn tsv(&self, line: &mut String) {
        match self {
            Self::Text(text) if text.is_empty() => line.push_str("(empty)"),
            Self::Text(text) => escape(text, line),
            Self::Number(number) => _ = write!(line, "{number}"),
            Self::Seconds(nanos) => seconds(*nanos, line),
            Self::Flag(flag) => line.push(if *flag { 'T' } else { 'F' }),
            Self::Unset => line.push('-'),
        }
    }
}

/// Zeek's escapes: what would end a field or a line is written as `\xHH`.
fn escape(text: &str, line: &mut String) {
    if text == "-" {
        line.push_str("\\x2d");
        return;
    }
    for c in text.chars() {
        if c.is_control() || c == '\\' {
            let mut utf8 = [0; 4];
            c.encode_utf8(&mut utf8).bytes().for_each(|b| _ = write!(line, "\\x{b:02x}"));
        } else {
            line.push(c);
        }
    }
}

/// Seconds with as many digits as are needed, at least one: exact, where a float would round.
fn seconds(nanos: i64, line: &mut String) {
    let sign = if nanos < 0 { "-" } else { "" };
    let (whole, rest) = (nanos.unsigned_abs() / 1_000_000_000, nanos.unsigned_abs() % 1_000_000_000);
    let digits = format!("{rest:09}");
    let digits = digits.trim_end_matches('0');
    _ = write!(line, "{sign}{whole}.{}", if digits.is_empty() { "0" } else { digits });
}

fn leg(leg: &Leg, orig: Endpoint, resp: Endpoint, sensor: &str) -> [Cell; 10] {
    let size = leg.size();
    let directed = size.filter(|size| size.directed);
    let number = |n: i64| Cell::Number(n.max(0) as u64);
    let duration = leg.end.map_or(Cell::Unset, |end| Cell::Seconds(end.at.since(leg.start.at).max(0)));
    [
        Cell::Text(uid(leg.id, sensor, leg.start)),
        Cell::Seconds(leg.start.at.0),
        Cell::Text(orig.addr.to_string()),
        Cell::Number(orig.port.into()),
        Cell::Text(resp.addr.to_string()),
        Cell::Number(resp.port.into()),
        duration,
        directed.map_or(Cell::Unset, |size| number(size.up)),
        directed.map_or(Cell::Unset, |size| number(size.down)),
        size.map_or(Cell::Unset, |size| number(size.total())),
    ]
}

/// A connection's name: the witness's own, or one made of device, number and opening, so that it is the same wherever
/// the record stands.
#[must_use]
pub(crate) fn uid(id: RecordId, sensor: &str, start: Stamp) -> String {
    match id {
        RecordId::Uid(uid) => uid.as_str().to_owned(),
        RecordId::Device(number) => {
            let mut hash = xxh3_64(format!("{sensor}\t{number}\t{}", start.at.0).as_bytes());
            let mut text = String::from("C");
            for _ in 0..11 {
                text.push(char::from(
                    b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"[(hash % 62) as usize],
                ));
                hash /= 62;
            }
            text
        }
    }
}

/// The Community ID (version 1, seed 0) by which other tools know the same flow; not of ICMP, whose types stand for
/// ports in it by a table of its own.
pub(crate) fn community_id(proto: Proto, orig: Endpoint, resp: Endpoint) -> Option<String> {
    let number = match proto {
        Proto::Tcp => 6,
        Proto::Udp => 17,
        Proto::Icmp | Proto::Other(_) => return None,
    };
    let (first, second) = (orig.min(resp), orig.max(resp));
    let mut hash = Sha1::new_with_prefix([0, 0]);
    for end in [first, second] {
        match end.addr {
            IpAddr::V4(addr) => hash.update(addr.octets()),
            IpAddr::V6(addr) => hash.update(addr.octets()),
        }
    }
    hash.update([number, 0]);
    hash.update(first.port.to_be_bytes());
    hash.update(second.port.to_be_bytes());
    Some(format!("1:{}", base64::engine::general_purpose::STANDARD.encode(hash.finalize())))
}

fn connection_row(connection: &Connection, names: &Names) -> Vec<Cell> {
    let (orig, resp) = connection.ends();
    let [mapped_orig, mapped_resp] = connection.mapped();
    let (service, history, counters) = match &connection.said {
        Said::Whole { whole, .. } => (whole.service, whole.history, whole.counters()),
        Said::Built(..) | Said::TornDown(_) => (None, None, None),
    };
    let count = |of: fn(&Counters) -> u64| counters.as_ref().map_or(Cell::Unset, |counters| Cell::Number(of(counters)));
    let word = |uid: Option<Uid>| uid.map_or(Cell::Unset, |uid| Cell::Text(uid.as_str().to_owned()));
    let sensor = names.sensor(connection.start.sensor);
    let bytes = connection.bytes();
    let directed = bytes.and_then(catspaw_records::Bytes::directed);
    let text = |text: Option<String>| text.map_or(Cell::Unset, Cell::Text);
    let addr = |end: Option<Endpoint>| end.map_or(Cell::Unset, |end| Cell::Text(end.addr.to_string()));
    let port = |end: Option<Endpoint>| end.map_or(Cell::Unset, |end| Cell::Number(end.port.into()));
    let places: Vec<Place> = connection.places.into_iter().flatten().collect();
    let source = places.first().map(|place| names.path(place.file).to_owned());
    vec![
        Cell::Seconds(connection.start.at.0),
        Cell::Text(uid(connection.id(), sensor, connection.start)),
        addr(Some(orig)),
        port(Some(orig)),
        addr(Some(resp)),
        port(Some(resp)),
        Cell::Text(connection.proto().to_string()),
        word(service),
        connection.duration().map_or(Cell::Unset, Cell::Seconds),
        directed.map_or(Cell::Unset, |(orig, _)| Cell::Number(orig)),
        directed.map_or(Cell::Unset, |(_, resp)| Cell::Number(resp)),
        text(connection.state().map(|state| state.name().to_owned())),
        word(history),
        count(|counters| counters.orig_pkts),
        count(|counters| counters.orig_ip_bytes),
        count(|counters| counters.resp_pkts),
        count(|counters| counters.resp_ip_bytes),
        count(|counters| counters.missed_bytes),
        bytes.map_or(Cell::Unset, |bytes| Cell::Number(bytes.total())),
        addr(mapped_orig),
        port(mapped_orig),
        addr(mapped_resp),
        port(mapped_resp),
        text(community_id(connection.proto(), orig, resp)),
        Cell::Flag(connection.late),
        Cell::Text(sensor.to_owned()),
        text(source),
        Cell::Text(place_text(&places, names)),
    ]
}

/// The lines a connection was made from; a second one in another file names that file.
fn place_text(places: &[Place], names: &Names) -> String {
    let mut text = String::new();
    for (number, place) in places.iter().enumerate() {
        if number > 0 {
            text.push(',');
        }
        if number > 0 && place.file != places[0].file {
            _ = write!(text, "{}:", names.path(place.file));
        }
        _ = write!(text, "{}", place.line);
    }
    text
}

/// A connection's or leg's place among rows: time first, then what the record itself says.
type RowKey = (Nanos, SensorId, RecordId, Endpoint);

impl Sorted for LegPair {
    type Key = (RowKey, RowKey);

    fn key(&self) -> Self::Key {
        let key = |leg: &Leg| (leg.start.at, leg.start.sensor, leg.id, leg.peer);
        (key(&self.outbound), key(&self.inbound))
    }
}

impl Sorted for Sent {
    type Key = RowKey;

    fn key(&self) -> Self::Key {
        (self.leg.start.at, self.leg.start.sensor, self.leg.id, self.leg.peer)
    }
}

impl Sorted for Connection {
    type Key = (RowKey, Option<i64>);

    fn key(&self) -> Self::Key {
        ((self.start.at, self.start.sensor, self.id(), self.ends().0), self.duration())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Zeek's and Suricata's value for this flow, from the specification's own test vectors.
    #[test]
    fn the_community_id_is_that_of_other_tools() {
        let end = |addr: &str, port| Endpoint { addr: addr.parse().unwrap(), port };
        let (a, b) = (end("128.232.110.120", 34855), end("66.35.250.204", 80));
        let id = Some("1:LQU9qZlK+B5F3KDmev6m5PMibrg=".to_owned());
        assert_eq!(community_id(Proto::Tcp, a, b), id);
        assert_eq!(community_id(Proto::Tcp, b, a), id);
    }

    #[test]
    fn seconds_are_exact() {
        let text = |nanos| {
            let mut line = String::new();
            seconds(nanos, &mut line);
            line
        };
        assert_eq!(text(1_795_417_496_998_584_000), "1795417496.998584");
        assert_eq!((text(0), text(-1_500_000_000)), ("0.0".to_owned(), "-1.5".to_owned()));
    }

    #[test]
    fn nothing_in_a_field_ends_it() {
        let mut line = String::new();
        escape("a\tb\nc\\d", &mut line);
        assert_eq!(line, "a\\x09b\\x0ac\\x5cd");
    }
}
