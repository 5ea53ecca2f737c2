//! The readers of evidence in lines.

use std::io::{BufRead, BufReader};
use std::sync::Arc;

use catspaw_records::columns::{self as mapped, Field, Form, Map, Meaning, Pattern, Spec, Times, Unit};
use catspaw_records::fields::json::{self, Value};
use catspaw_records::firewall::Dialect;
use catspaw_records::leases::{self, csv, parse_mac, parse_name};
use catspaw_records::nmap;
use catspaw_records::{
    Block, ByteKind, Clock, HashSeed, LineSink, Place, Reader, Record, Sniffed, Unparsed, YearHint, cisco, sniff,
};
use jiff::tz::TimeZone;

/// The Cisco reader.
pub fn cisco(data: &[u8]) {
    let _ = sniff(data, clock());
    check(&Reader::Cisco(cisco::Reader::new(clock())), data);
    // As a mail program leaves them.
    let wrapped = [WRAPPED, data].concat();
    let mut reader = cisco::Reader::of(&wrapped, clock());
    assert!((1..=wrapped.len()).contains(&reader.whole(&wrapped)));
    reader.read(block(&wrapped, 1), HashSeed(0), &mut Ignore);
}

const WRAPPED: &[u8] = b"> Mar 04 2003 00:00:00 pix : %PIX-6-302014: Teardown TCP connection 1\n\
                         > for outside:192.0.2.1/80 to inside:10.0.0.5/2000 duration 0:00:01 bytes\n\
                         > 700 TCP FINs\n";

struct Ignore;

impl LineSink for Ignore {
    fn record(&mut self, _: &Record, _: &[u8]) {}

    fn skipped(&mut self, _: &[u8]) {}

    fn unparsed(&mut self, _: Unparsed) {}
}

/// The readers of the firewalls that write whole sessions, each with whatever it is given.
pub fn firewall(data: &[u8]) {
    let _ = sniff(data, clock());
    for dialect in Dialect::ALL {
        check(&Reader::Firewall(dialect.reader(clock())), data);
    }
}

/// The reader of Zeek's conn.log, where the content begins as one.
pub fn zeek(data: &[u8]) {
    if let Sniffed::Evidence(reader) = sniff(data, clock())
        && let Reader::ZeekConn(_) = *reader
    {
        check(&reader, data);
    }
}

/// Logs whose columns are named, in every form that takes the content for one.
pub fn columns(data: &[u8]) {
    for map in maps() {
        if let Some(reader) = mapped::Reader::sniff(&map, data, clock()) {
            check(&Reader::Columns(reader), data);
        }
    }
}

/// A map for each form that uses every field, with times by their looks and by a pattern; one of ends that stand in one column each,
/// and one whose moments stand in syslog's header.
fn maps() -> Vec<Arc<Map>> {
    let forms = [
        Form::Delimited { separator: b',', header: None },
        Form::Delimited { separator: b';', header: Some(Field::ALL.map(|(_, name)| name.to_owned()).to_vec()) },
        Form::Pairs { separator: b' ', assign: b'=' },
        Form::Json,
        Form::Pairs { separator: b'|', assign: b'=' },
        Form::Pairs { separator: b';', assign: b':' },
    ];
    let column = |form: &Form, name: &str| match (form, name.strip_suffix("_p")) {
        (Form::Pairs { separator: b'|', .. }, Some(end)) => format!("{end}_h"),
        (Form::Pairs { separator: b';', .. }, _) if matches!(name, "ts" | "sensor") => "@header".to_owned(),
        _ => name.to_owned(),
    };
    let words = |(meaning, name): (Meaning, &str)| (meaning, name.to_owned());
    let pattern = || Pattern::new("%d/%b/%Y:%H:%M:%S.%f %z").expect("a pattern");
    let kinds =
        [ByteKind::Payload, ByteKind::IpLevel, ByteKind::Frame, ByteKind::PayloadRetransmitted].into_iter().cycle();
    let map = |((form, times), counted): ((Form, Times), ByteKind)| {
        let spec = Spec {
            name: "fuzzed".to_owned(),
            columns: Field::ALL.map(|(field, name)| (field, vec![column(&form, name)])).to_vec(),
            form,
            must: ["orig_h", "resp_h"].map(|name| vec![name.to_owned()]).to_vec(),
            only: Vec::new(),
            except: vec![("action".to_owned(), vec!["again".to_owned()])],
            ts_is_end: vec![("service".to_owned(), vec!["late".to_owned()])],
            whole: Vec::new(),
            within: vec!["in".to_owned()],
            constants: vec![(Field::Proto, "tcp".to_owned())],
            words: Meaning::ALL.map(words).to_vec(),
            unset: vec!["n/a".to_owned()],
            times,
            unit: Unit::Millis,
            counted,
        };
        Arc::new(Map::new(spec).expect("a map"))
    };
    let times = [Times::Auto, Times::Pattern(pattern()), Times::Epoch(Unit::Micros)]
        .into_iter()
        .chain([const { Times::Auto }; 3]);
    forms.into_iter().zip(times).zip(kinds).map(map).collect()
}

/// The tokenizer of JSON: it ends within the text, tells slices of it, and agrees with itself on lists.
pub fn json(data: &[u8]) {
    let mut told = 0;
    let ended = json::each(data, |path, value| {
        told += 1;
        assert!(!path.is_empty() || data.windows(2).any(|two| two == b"\"\""));
        let text = match value {
            Value::Text(text) | Value::Bare(text) | Value::List(text) => text,
        };
        assert!(data.as_ptr_range().contains(&text.as_ptr()) || text.is_empty());
        let all: usize = json::elements(text).map(<[u8]>::len).sum();
        assert!(all <= text.len());
        _ = value.single();
    });
    assert!(told <= data.len());
    match ended {
        Ok(len) => assert!(data[..len].ends_with(b"}")),
        Err(broken) => assert!(broken.at <= data.len()),
    }
}

/// Both readers of nmap's output: how the content comes in changes nothing, and nothing grows beyond what was given.
pub fn nmap(data: &[u8]) {
    _ = nmap::Form::sniff(data);
    for form in [nmap::Form::Xml, nmap::Form::Grepable] {
        let whole = read_scan(form, data);
        assert_eq!(whole, read_scan(form, BufReader::with_capacity(7, data)));
        for said in &whole.1 {
            let nmap::Said::Host(host) = said else { continue };
            assert!(!host.addresses.is_empty());
            let texts = host.names.iter().chain(host.open.values().map(|port| &port.product));
            // What is not UTF-8 becomes three bytes for one.
            assert!(texts.map(String::len).sum::<usize>() <= 3 * data.len());
        }
    }
}

fn read_scan(form: nmap::Form, input: impl BufRead) -> (nmap::Scan, Vec<nmap::Said>) {
    let mut all = Vec::new();
    let scan = form.read(input, 0, &TimeZone::UTC, &mut |said| all.push(said));
    (scan, all)
}

/// The readers of leases: every line is told once, however the lines come in, and with no more than stands in it.
pub fn leases(data: &[u8]) {
    use leases::Form::{Dhcpd, Dnsmasq, Kea, Syslog};
    let sniffed = leases::Form::sniff(data);
    let lines = block(data, 1).lines().count();
    for form in [Syslog, Dhcpd, Kea, Dnsmasq] {
        let whole = read_leases(form, &[data]);
        assert_eq!(whole.len(), lines, "{form:?}");
        for cut in line_ends(data) {
            let (before, behind) = data.split_at(cut);
            assert_eq!(whole, read_leases(form, &[before, behind]), "{form:?} cut at {cut}");
        }
        check_entries(&whole, data.len());
        // What a file is taken for, it must have shown a line of.
        let shows = |said: &leases::Said| *said != leases::Said::Skipped;
        assert!(sniffed != Some(form) || matches!(form, Dhcpd | Kea) || whole.iter().any(shows), "{form:?}");
    }
    for (_, line) in block(data, 1).lines() {
        let line = String::from_utf8_lossy(line);
        let fields = csv::fields(&line);
        assert!(fields.iter().map(|field| field.len() + 1).sum::<usize>() <= line.len() + 1);
    }
}

fn read_leases(form: leases::Form, blocks: &[&[u8]]) -> Vec<leases::Said> {
    let (mut all, mut reader, mut line) = (Vec::new(), form.reader(clock()), 1);
    for bytes in blocks {
        reader.read(block(bytes, line), &mut |said| all.push(said));
        line += after(bytes) - 1;
    }
    all
}

/// Leases do not end before they begin, and texts have the one form that can be compared.
fn check_entries(said: &[leases::Said], len: usize) {
    let mut names = 0;
    for said in said {
        let leases::Said::Entry(entry) = said else { continue };
        let holder = match &entry.says {
            leases::Says::Held(lease) => {
                assert!(lease.from <= lease.to, "{lease:?}");
                &lease.holder
            }
            leases::Says::Given { holder, .. } => {
                assert!(holder.mac.is_some(), "{holder:?}");
                holder
            }
            leases::Says::Nobodys { .. } | leases::Says::Freed { .. } => continue,
        };
        let (mac, name) = (holder.mac.as_deref(), holder.name.as_deref());
        assert_eq!(mac.and_then(parse_mac).as_deref(), mac);
        assert_eq!(name.and_then(parse_name).as_deref(), name);
        names += name.map_or(0, str::len);
    }
    // What is not UTF-8 becomes three bytes for one.
    assert!(names <= 3 * len, "{names} bytes of names");
}

/// Some of the places at which a block may end: blocks are whole lines.
fn line_ends(data: &[u8]) -> impl Iterator<Item = usize> {
    let cuts = [data.len() / 3, data.len() / 2, data.len() - data.len() / 8];
    cuts.map(|cut| data[..cut].iter().rposition(|byte| *byte == b'\n').map_or(0, |newline| newline + 1)).into_iter()
}

fn clock() -> Clock {
    Clock::new(TimeZone::UTC, YearHint::First(2003))
}

/// What a reader said of each line.
#[derive(Debug, Default, PartialEq)]
struct Said {
    records: Vec<(Record, Vec<u8>)>,
    skipped: Vec<Vec<u8>>,
    unparsed: Vec<Unparsed>,
}

impl LineSink for Said {
    fn record(&mut self, record: &Record, sensor: &[u8]) {
        self.records.push((*record, sensor.to_owned()));
    }

    fn skipped(&mut self, sensor: &[u8]) {
        self.skipped.push(sensor.to_owned());
    }

    fn unparsed(&mut self, unparsed: Unparsed) {
        self.unparsed.push(unparsed);
    }
}

fn check(reader: &Reader, data: &[u8]) {
    let whole = read_whole(reader, data);
    check_that_no_line_is_lost(&whole, data);
    for cut in line_ends(data) {
        assert_eq!(whole, read_in_two(reader, data, cut), "cut at {cut}");
        assert_eq!(whole, read_over(reader, data, cut), "advanced over {cut}");
    }
}

/// A line is a record, or skipped, or unparsed, and never none of them; a header (`#`, or the names of columns) may be.
fn check_that_no_line_is_lost(said: &Said, data: &[u8]) {
    let lines = block(data, 1).lines().count();
    let headers = block(data, 1).lines().filter(|(_, line)| is_header(line)).count();
    let counted = said.records.len() + said.skipped.len() + said.unparsed.len();
    assert!((lines - headers..=lines).contains(&counted), "{counted} of {lines} lines ({headers} headers) counted");
}

fn is_header(line: &[u8]) -> bool {
    let line = line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line);
    let names = |name: &[u8]| line.windows(name.len()).any(|part| part == name);
    line.starts_with(b"#") || (names(b"orig_h") && names(b"resp_h"))
}

fn read_whole(reader: &Reader, data: &[u8]) -> Said {
    let mut said = Said::default();
    reader.clone().read(block(data, 1), SEED, &mut said);
    said
}

/// One block after the other by one reader.
fn read_in_two(reader: &Reader, data: &[u8], cut: usize) -> Said {
    let (mut reader, mut said) = (reader.clone(), Said::default());
    reader.read(block(&data[..cut], 1), SEED, &mut said);
    reader.read(block(&data[cut..], after(&data[..cut])), SEED, &mut said);
    said
}

/// The second block by a reader that has only moved over the first, as another thread would.
fn read_over(reader: &Reader, data: &[u8], cut: usize) -> Said {
    let (mut ahead, mut said) = (reader.clone(), Said::default());
    ahead.advance(block(&data[..cut], 1));
    reader.clone().read(block(&data[..cut], 1), SEED, &mut said);
    ahead.read(block(&data[cut..], after(&data[..cut])), SEED, &mut said);
    said
}

const SEED: HashSeed = HashSeed(7);

fn block(bytes: &[u8], line: u64) -> Block<'_> {
    Block::new(bytes, Place { file: 0, line })
}

/// The number of the line after `bytes`.
fn after(bytes: &[u8]) -> u64 {
    1 + bytes.iter().filter(|byte| **byte == b'\n').count() as u64
}
