//! The header of a Zeek ASCII log: which column is what.

/// Where a line's column goes. The discriminant is an index into the fields of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Slot {
    Ts,
    OrigH,
    OrigP,
    RespH,
    RespP,
    Proto,
    Uid,
    Service,
    Duration,
    OrigBytes,
    RespBytes,
    ConnState,
    LocalOrig,
    LocalResp,
    History,
    IpProto,
    /// A column that is not used.
    Ignored,
}

impl Slot {
    /// How many there are.
    pub(super) const COUNT: usize = Self::Ignored as usize + 1;

    /// Without these a line says nothing. Why it does not is said of the first that is missing.
    const NEEDED: [(Self, &'static str); 6] = [
        (Self::Ts, "#fields has no ts"),
        (Self::OrigH, "#fields has no id.orig_h"),
        (Self::OrigP, "#fields has no id.orig_p"),
        (Self::RespH, "#fields has no id.resp_h"),
        (Self::RespP, "#fields has no id.resp_p"),
        (Self::Proto, "#fields has no proto"),
    ];

    pub(super) fn of(name: &[u8]) -> Self {
        match name {
            b"ts" => Self::Ts,
            b"uid" => Self::Uid,
            b"id.orig_h" | b"id_orig_h" => Self::OrigH,
            b"id.orig_p" | b"id_orig_p" => Self::OrigP,
            b"id.resp_h" | b"id_resp_h" => Self::RespH,
            b"id.resp_p" | b"id_resp_p" => Self::RespP,
            b"proto" => Self::Proto,
            b"service" => Self::Service,
            b"duration" => Self::Duration,
            b"orig_bytes" => Self::OrigBytes,
            b"resp_bytes" => Self::RespBytes,
            b"conn_state" => Self::ConnState,
            b"local_orig" => Self::LocalOrig,
            b"local_resp" => Self::LocalResp,
            b"history" => Self::History,
            b"ip_proto" => Self::IpProto,
            _ => Self::Ignored,
        }
    }
}

/// What the lines after a header are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Section {
    /// Connections.
    Conn,
    /// Connections that cannot be read, and why.
    Unreadable(&'static str),
    /// Another log.
    Other,
}

/// All that header lines have said so far.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Header {
    separator: Option<u8>,
    unset: Box<[u8]>,
    empty: Box<[u8]>,
    /// Whether `#path` is conn; `None` where there is no `#path`.
    path_is_conn: Option<bool>,
    columns: Box<[Slot]>,
    /// Whether `#fields` stood before `#separator`, with which every header begins.
    is_out_of_order: bool,
    section: Section,
}

impl Default for Header {
    /// What Zeek writes unless it is told otherwise, before any `#fields`.
    fn default() -> Self {
        Self {
            separator: Some(b'\t'),
            unset: (*b"-").into(),
            empty: (*b"(empty)").into(),
            path_is_conn: None,
            columns: Box::default(),
            is_out_of_order: false,
            section: Section::Unreadable("no #fields line before it"),
        }
    }
}

impl Header {
    /// Takes in a line that begins with `#`; one that is no header line, or of no use, changes nothing.
    pub(super) fn update(&mut self, line: &[u8]) {
        let key_end = line.iter().position(|byte| self.ends_key(*byte)).unwrap_or(line.len());
        let (key, value) = (&line[..key_end], line.get(key_end + 1..).unwrap_or_default());
        match key {
            // The first line of every header: what an earlier one said does not hold any more.
            b"#separator" => {
                let is_out_of_order = !self.columns.is_empty();
                *self = Self { separator: separator(value), is_out_of_order, ..Self::default() };
            }
            b"#unset_field" => self.unset = value.into(),
            b"#empty_field" => self.empty = value.into(),
            b"#path" => self.path_is_conn = Some(value == b"conn"),
            b"#fields" => self.columns = columns(value, self.separator),
            _ => return,
        }
        self.section = self.judge();
    }

    /// Whether a header line's key ends here. Tabs and spaces are taken whatever the separator is: people edit logs.
    fn ends_key(&self, byte: u8) -> bool {
        byte == b'\t' || byte == b' ' || Some(byte) == self.separator
    }

    fn judge(&self) -> Section {
        if !self.is_conn() {
            // Without any `#fields` nothing is known of the lines that follow, so they count as unparsed.
            return match self.path_is_conn {
                None if self.columns.is_empty() => self.without_fields(),
                _ => Section::Other,
            };
        }
        if self.separator.is_none() {
            return Section::Unreadable("#separator is not one byte");
        }
        if self.columns.is_empty() {
            return self.without_fields();
        }
        match Slot::NEEDED.iter().find(|(slot, _)| !self.has(*slot)) {
            Some((_, why)) => Section::Unreadable(why),
            None => Section::Conn,
        }
    }

    fn without_fields(&self) -> Section {
        if self.is_out_of_order {
            return Section::Unreadable("no #fields line behind #separator: was the log sorted with its header?");
        }
        Self::default().section
    }

    /// Whether this is the header of connections, readable or not.
    pub(super) fn is_conn(&self) -> bool {
        const TELLING: [Slot; 4] = [Slot::OrigH, Slot::RespH, Slot::Proto, Slot::ConnState];
        self.path_is_conn.unwrap_or_else(|| TELLING.iter().all(|slot| self.has(*slot)))
    }

    fn has(&self, slot: Slot) -> bool {
        self.columns.contains(&slot)
    }

    /// What the lines that follow are.
    pub(super) fn section(&self) -> Section {
        self.section
    }

    /// What each column is, in their order.
    pub(super) fn columns(&self) -> &[Slot] {
        &self.columns
    }

    /// The byte between columns.
    pub(super) fn separator(&self) -> u8 {
        self.separator.unwrap_or(b'\t')
    }

    /// Whether the last column is one that is used, so that a line cut off there would say something wrong.
    pub(super) fn ends_in_use(&self) -> bool {
        self.columns.last().is_some_and(|slot| *slot != Slot::Ignored)
    }

    /// `text`, unless it is what Zeek writes for nothing.
    pub(super) fn value<'a>(&self, text: &'a [u8]) -> Option<&'a [u8]> {
        let nothing = text.is_empty() || *text == *self.unset || *text == *self.empty;
        (!nothing).then_some(text)
    }
}

/// The separator that a header line names: one byte, mostly written `\x09`; `None` for anything else.
fn separator(value: &[u8]) -> Option<u8> {
    match value {
        [byte] => Some(*byte),
        [b'\\', b'x', digits @ ..] if digits.len() == 2 => {
            u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
        }
        _ => None,
    }
}

/// What each column is. A name that stands twice counts where it stands first.
fn columns(names: &[u8], separator: Option<u8>) -> Box<[Slot]> {
    let separator = separator.unwrap_or(b'\t');
    let mut seen = [false; Slot::COUNT];
    names
        .split(|byte| *byte == separator)
        .map(|name| {
            let slot = Slot::of(name);
            let again = std::mem::replace(&mut seen[slot as usize], true);
            if again { Slot::Ignored } else { slot }
        })
        .collect()
}
