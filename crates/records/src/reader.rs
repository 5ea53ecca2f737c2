//! Which reader a piece of evidence wants, told from its content.

use std::borrow::Cow;
use std::sync::Arc;

use memchr::memmem;

use crate::{Block, Clock, HashSeed, LineSink, Place, cisco, columns, firewall, is_of_programs, zeek};

/// A reader of one file. It is a small state machine over the file's blocks: [`Reader::read`] parses a block and
/// leaves the state as it is at the block's end; [`Reader::advance`] does only the latter, cheaply, so that a clone
/// taken before can parse the block on another thread while the next block is read.
#[derive(Clone, Debug)]
pub enum Reader {
    /// Syslog of Cisco's firewalls.
    Cisco(cisco::Reader),
    /// A firewall that writes whole sessions.
    Firewall(firewall::Reader),
    /// Zeek `conn.log`.
    ZeekConn(zeek::Reader),
    /// A log whose columns somebody has named.
    Columns(columns::Reader),
}

/// What content is, by its first bytes.
#[derive(Clone, Debug)]
pub enum Sniffed {
    /// Evidence, and its reader.
    Evidence(Box<Reader>),
    /// Not evidence that can be read, and what it seems to be instead (for the error message).
    Other(&'static str),
}

/// Tells from the first bytes of a file (up to some 64 KiB, whole lines where possible) what it is.
#[must_use]
pub fn sniff(head: &[u8], clock: Clock) -> Sniffed {
    Reader::sniff(head, clock)
        .map_or_else(|| Sniffed::Other(name_of(head)), |reader| Sniffed::Evidence(Box::new(reader)))
}

impl Reader {
    /// The reader of a log of which these are lines, at its front or further on; `None` where nobody knows one of them.
    #[must_use]
    pub fn sniff(lines: &[u8], clock: Clock) -> Option<Self> {
        let zeek = zeek::Reader::sniff(lines);
        // Where JSON stands among syslog, the reader of the latter knows its clock.
        if let Some(reader) = zeek.clone().filter(|reader| !reader.is_json()) {
            return Some(Self::ZeekConn(reader));
        }
        if cisco::sniff(lines) {
            return Some(Self::Cisco(cisco::Reader::of(lines, clock)));
        }
        firewall::Reader::sniff(lines, &clock).map(Self::Firewall).or_else(|| zeek.map(Self::ZeekConn))
    }

    /// The format's name in the report's `evidence`.
    #[must_use]
    pub fn format(&self) -> Cow<'static, str> {
        match self {
            Self::Cisco(_) => "cisco-syslog".into(),
            Self::Firewall(reader) => reader.format().into(),
            Self::ZeekConn(_) => "zeek-conn".into(),
            Self::Columns(reader) => format!("columns:{}", reader.map().name()).into(),
        }
    }

    /// Whether what follows a line can be read by what that line alone says.
    #[must_use]
    pub fn goes_on_from_a_line(&self) -> bool {
        match self {
            Self::Cisco(reader) => !reader.is_wrapped(),
            Self::Firewall(_) => true,
            Self::ZeekConn(_) | Self::Columns(_) => false,
        }
    }

    /// A reader of a later part of the log that this one reads, where lines that nobody knows by themselves may begin one: columns
    /// without the line that names them, or what a collector says of the line before.
    #[must_use]
    pub fn of_a_part(&self, head: &[u8], clock: Clock) -> Option<Self> {
        match self {
            Self::Cisco(_) if self.begins_with_a_repetition(head) => Some(Self::Cisco(cisco::Reader::of(head, clock))),
            Self::Columns(reader) => reader.of_a_part(head).map(Self::Columns),
            Self::ZeekConn(reader) => reader.of_a_part(head).map(Self::ZeekConn),
            _ => None,
        }
    }

    /// Whether a later part is to both the same: they have the same format, and the same columns where it has any.
    #[must_use]
    pub fn reads_parts_as(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Columns(reader), Self::Columns(other)) => reader.reads_as(other),
            (Self::ZeekConn(reader), Self::ZeekConn(other)) => reader.reads_as(other),
            _ => std::mem::discriminant(self) == std::mem::discriminant(other),
        }
    }

    /// The abbreviation of a zone that stands behind the stamps of these lines and is not read: others have it, too.
    #[must_use]
    pub fn named_zone<'a>(&self, lines: &'a [u8]) -> Option<&'a [u8]> {
        match self {
            Self::Cisco(_) => cisco::named_zone(lines),
            Self::Firewall(_) | Self::ZeekConn(_) | Self::Columns(_) => None,
        }
    }

    /// How far east of UTC the zone is that syslog's stamps before these lines say, in minutes: the first that says one.
    #[must_use]
    pub fn said_zone(&self, lines: &[u8]) -> Option<i16> {
        /// Lines in which one is looked for.
        const LOOKED_AT: usize = 100;
        let mut lines = Block::new(lines, Place { file: 0, line: 1 }).lines().take(LOOKED_AT);
        lines.find_map(|(_, line)| match self {
            Self::Cisco(_) => cisco::written_of(line)?.said_zone(),
            Self::Firewall(reader) => reader.said_zone(line),
            Self::ZeekConn(_) | Self::Columns(_) => None,
        })
    }

    /// Whether the first of these lines tells of one that stands before them.
    #[must_use]
    pub fn begins_with_a_repetition(&self, lines: &[u8]) -> bool {
        matches!(self, Self::Cisco(_)) && cisco::begins_with_a_repetition(lines)
    }

    /// Goes on where `before`, of the same format, has come to: it has read the part of the log that stands before this one.
    pub fn go_on_from(&mut self, before: &Self) {
        match (self, before) {
            (Self::Cisco(reader), Self::Cisco(before)) => reader.go_on_from(before),
            (Self::Firewall(reader), Self::Firewall(before)) => reader.go_on_from(before),
            // What these keep is of one file, or each line says all.
            _ => {}
        }
    }

    /// The same reader, which knows what addresses a device's names stand for; of evidence without such names the same.
    #[must_use]
    pub fn with_names(self, names: &Arc<cisco::Names>) -> Self {
        match self {
            Self::Cisco(reader) => Self::Cisco(reader.with_names(Arc::clone(names))),
            Self::Firewall(reader) => Self::Firewall(reader.with_names(Arc::clone(names))),
            Self::Columns(reader) => Self::Columns(reader.with_names(Arc::clone(names))),
            zeek @ Self::ZeekConn(_) => zeek,
        }
    }

    /// The same reader, before any line, to which the first stamp is of this year if it has none.
    #[must_use]
    pub fn of_year(self, year: i16) -> Self {
        match self {
            Self::Cisco(reader) => Self::Cisco(reader.of_year(year)),
            Self::Firewall(reader) => Self::Firewall(reader.of_year(year)),
            Self::Columns(reader) => Self::Columns(reader.of_year(year)),
            zeek @ Self::ZeekConn(_) => zeek,
        }
    }

    /// Parses a block into `sink`.
    pub fn read(&mut self, block: Block<'_>, seed: HashSeed, sink: &mut impl LineSink) {
        match self {
            Self::Cisco(reader) => reader.read(block, seed, sink),
            Self::Firewall(reader) => reader.read(block, seed, sink),
            Self::ZeekConn(reader) => reader.read(block, seed, sink),
            Self::Columns(reader) => reader.read(block, seed, sink),
        }
    }

    /// How much of these lines, after which more will come, may be given as a block: all of them, but where a record takes
    /// several lines.
    #[must_use]
    pub fn whole(&self, lines: &[u8]) -> usize {
        match self {
            Self::Cisco(reader) => reader.whole(lines),
            Self::Firewall(_) | Self::ZeekConn(_) | Self::Columns(_) => lines.len(),
        }
    }

    /// Moves over a block without parsing it: the state afterwards is what [`Reader::read`] would have left.
    pub fn advance(&mut self, block: Block<'_>) {
        match self {
            Self::Cisco(reader) => reader.advance(block),
            Self::Firewall(reader) => reader.advance(block),
            Self::ZeekConn(reader) => reader.advance(block),
            Self::Columns(reader) => reader.advance(block),
        }
    }
}

/// Flows as nfdump keeps them.
const NFCAPD: &str = "a file of nfcapd's (NetFlow, IPFIX, sFlow), which this version does not read: nfdump -r FILE -B -O tstart -o csv \
                      writes its flows as text, both directions together and in order of time, and --columns says what the columns of that mean";

/// The option that a file is for, where it is not evidence but goes with it; by its first lines.
fn other_option(head: &[u8]) -> Option<&'static str> {
    const LINES: usize = 200;
    const ACTIONS: [&[u8]; 7] = [b"alert", b"log", b"pass", b"drop", b"reject", b"sdrop", b"block"];
    const TABLES: [&[u8]; 5] = [b"[[authorised]]", b"[[contained]]", b"[thresholds]", b"[owners]", b"home_net"];
    let head = head.strip_prefix(crate::BOM).unwrap_or(head);
    let lines = head.split(|byte| *byte == b'\n').take(LINES).map(<[u8]>::trim_ascii);
    lines.filter(|line| !line.is_empty() && line[0] != b'#').find_map(|line| {
        let mut words = line.split(u8::is_ascii_whitespace);
        let acts = words.next().is_some_and(|word| ACTIONS.contains(&word));
        if acts && words.any(|word| matches!(word, b"->" | b"<>")) {
            return Some("rules of Snort or Suricata: --rules FILE holds them against captures");
        }
        let name = line.split(|byte| matches!(byte, b' ' | b'\t' | b'=')).next().unwrap_or_default();
        match name {
            b"[[map]]" => Some("a map of columns: --columns FILE reads logs by it"),
            _ if TABLES.contains(&name) => Some("a configuration of catspaw's: --config FILE takes it"),
            _ => None,
        }
    })
}

/// What is said of objects that are no lines.
const SPREAD: &str = "JSON of which an object stands on several lines: jq -c . FILE | catspaw scan - puts each on one";

/// The same of a list of objects.
const LISTED: &str = "JSON, a list of objects: jq -c '.[]' FILE | catspaw scan - puts each on a line";

/// The same of objects without anything between them.
const JOINED: &str = "JSON of which several objects stand on one line: jq -c . FILE | catspaw scan - puts each on one";

const UTF_16: &str = "text in UTF-16: iconv -f UTF-16 -t UTF-8 FILE | catspaw scan -";

/// A guess at what a file is that is no evidence, for its owner.
fn name_of(head: &[u8]) -> &'static str {
    /// What was packed once is unpacked by then.
    const TWICE: &str = "packed twice: unpack it once, as in zcat FILE | catspaw scan -";
    const MAGIC: [(&[u8], &str); 15] = [
        (&[0x0c, 0xa5], NFCAPD),
        (&[0xa5, 0x0c], NFCAPD),
        (b"<?xml", "XML, and not nmap's, the only one that this version reads"),
        (b"# Nmap ", "nmap's normal output, which is for people: name the file of -oX or -oG"),
        (b"{\n", SPREAD),
        (b"{\r\n", SPREAD),
        (
            b"{",
            "JSON that is no Zeek conn log and fits no map of columns: --columns FILE tells what its keys mean; where one of them holds a \
             log's line, take that out, as in jq -r .message FILE | catspaw scan -",
        ),
        (b"\xff\xfe", UTF_16),
        (b"\xfe\xff", UTF_16),
        (b"PK\x03\x04", "a zip archive: unpack it first"),
        (b"\x1f\x8b", TWICE),
        (b"\x28\xb5\x2f\xfd", TWICE),
        (b"\xfd7zXZ\x00", TWICE),
        (b"BZh", TWICE),
        (b"\x7fELF", "a program"),
    ];
    let objects = |between: &[u8]| memmem::find(head, between).is_some();
    match head {
        [b'[', rest @ ..] if matches!(rest.trim_ascii_start(), [b'{', ..]) => return LISTED,
        [b'{', b'"', ..] if objects(b"}{\"") || objects(b"} {\"") => return JOINED,
        _ => {}
    }
    let magic = MAGIC.iter().find(|(magic, _)| head.starts_with(magic));
    if let (None, Some(name)) = (magic, other_option(head)) {
        return name;
    }
    match magic {
        Some((_, name)) => name,
        None if head.starts_with(b"#separator") => {
            "a Zeek log of another kind than conn, which this version does not read"
        }
        None if head.is_empty() => "empty",
        None if head.get(257..262) == Some(b"ustar") => {
            "a tar archive: unpack it first, or tar -xOf FILE | catspaw scan -"
        }
        None if head.contains(&0) => "binary data of no kind that is known",
        None if zeek::lacks_header(head) => {
            "lines of Zeek's conn.log without the #fields line that names their columns (were they grepped?): put that of the log \
                 before them, as in (grep -h '^#fields' conn.log; cat FILE) | catspaw scan -"
        }
        None if is_of_programs(head) => {
            "lines of other programs, and none of a firewall that is read (docs/logs.md) or of Zeek among them"
        }
        None => {
            "text of no kind that is known in its first 64 KiB (docs/logs.md lists them); for another log of connections --columns says \
                 what its columns mean"
        }
    }
}
