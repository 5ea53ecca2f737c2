//! A rule's payload options held against a buffer, with every way in which they may fit tried.

use regex::bytes::Regex;

/// Work that one rule may do on one buffer, in bytes looked at: a rule that would need more does not match.
const BUDGET: usize = 4 << 20;

/// What is inspected.
#[derive(Clone, Copy, Debug)]
pub struct Buffer<'a> {
    /// The bytes.
    pub bytes: &'a [u8],
    /// How many bytes of the stream stand before them (0 of a packet): `offset` and `depth` count from its beginning.
    pub base: u64,
    /// How many of them were inspected before. What matches within those alone is no match.
    pub seen: usize,
}

impl<'a> Buffer<'a> {
    /// The payload of a packet.
    #[must_use]
    pub fn packet(bytes: &'a [u8]) -> Self {
        Self { bytes, base: 0, seen: 0 }
    }

    /// Where the packet or the stream begins, counted from the first byte.
    fn beginning(self) -> i64 {
        i64::try_from(self.base).map_or(i64::MIN, |base| -base)
    }

    fn unseen(self) -> Self {
        let bytes = self.bytes.get(self.seen..).unwrap_or_default();
        Self { bytes, base: self.base.saturating_add(self.seen as u64), seen: 0 }
    }
}

/// A number in an option: written there, or taken from the data by `byte_extract`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Number {
    Is(i64),
    Taken(usize),
}

impl Number {
    fn value(self, scratch: &Scratch) -> i64 {
        match self {
            Self::Is(value) => value,
            Self::Taken(register) => scratch.registers.get(register).copied().unwrap_or_default(),
        }
    }
}

/// Where a pattern may stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// From the beginning: `offset`, and `depth` from there.
    Absolute { offset: Number, depth: Option<Number> },
    /// From the end of the last match: `distance`, and `within` from there.
    Relative { distance: Number, within: Option<Number> },
}

/// How a pattern is looked for.
#[derive(Clone, Debug)]
pub(crate) enum Finder {
    Exact(Box<memchr::memmem::Finder<'static>>),
    /// Without regard to case, by the byte at this place, which is rare.
    NoCase(usize),
}

/// `content`
#[derive(Clone, Debug)]
pub(crate) struct Content {
    pub(crate) pattern: Vec<u8>,
    pub(crate) finder: Finder,
    pub(crate) place: Place,
    /// `endswith`
    pub(crate) ends: bool,
    pub(crate) negated: bool,
}

impl Content {
    pub(crate) fn is_nocase(&self) -> bool {
        matches!(self.finder, Finder::NoCase(_))
    }

    fn equals(&self, bytes: &[u8]) -> bool {
        if self.is_nocase() { bytes.eq_ignore_ascii_case(&self.pattern) } else { bytes == self.pattern }
    }

    /// The first place in `bytes` from `from` on at which the pattern stands.
    fn find(&self, bytes: &[u8], from: usize) -> Option<usize> {
        let rest = bytes.get(from..)?;
        if rest.len() == self.pattern.len() {
            return self.equals(rest).then_some(from);
        }
        match &self.finder {
            Finder::Exact(finder) => finder.find(rest).map(|at| from + at),
            Finder::NoCase(rare) => self.find_nocase(rest, *rare).map(|at| from + at),
        }
    }

    fn find_nocase(&self, bytes: &[u8], rare: usize) -> Option<usize> {
        let last = bytes.len().checked_sub(self.pattern.len())?;
        let (low, high) = (self.pattern[rare].to_ascii_lowercase(), self.pattern[rare].to_ascii_uppercase());
        memchr::memchr2_iter(low, high, &bytes[rare..=last + rare])
            .find(|at| self.equals(&bytes[*at..*at + self.pattern.len()]))
    }
}

/// `pcre`
#[derive(Clone, Debug)]
pub(crate) struct Pcre {
    pub(crate) regex: Regex,
    pub(crate) relative: bool,
    pub(crate) negated: bool,
}

/// How a number stands in the data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Reading {
    pub(crate) count: usize,
    pub(crate) offset: Number,
    pub(crate) relative: bool,
    pub(crate) little: bool,
    /// Digits of this base; `None`: binary.
    pub(crate) text: Option<u32>,
    pub(crate) mask: Option<u32>,
}

impl Reading {
    /// The number, and where it ends. `None` where the data does not hold it.
    fn read(&self, buffer: Buffer<'_>, cursor: usize, scratch: &Scratch) -> Option<(u64, usize)> {
        let start = if self.relative { i64::try_from(cursor).ok()? } else { buffer.beginning() };
        let start = usize::try_from(start.checked_add(self.offset.value(scratch))?).ok()?;
        let end = start.checked_add(self.count)?;
        let field = buffer.bytes.get(start..end)?;
        let value = match self.text {
            Some(base) => digits(field, base)?,
            None if self.little => field.iter().rev().fold(0, |value, byte| value << 8 | u64::from(*byte)),
            None => field.iter().fold(0, |value, byte| value << 8 | u64::from(*byte)),
        };
        Some((masked(value, self.mask), end))
    }
}

/// What a mask leaves, moved to the right end.
fn masked(value: u64, mask: Option<u32>) -> u64 {
    mask.map_or(value, |mask| (value & u64::from(mask)) >> mask.trailing_zeros().min(31))
}

/// The number at the beginning of text, as `strtoull` reads it; an empty field is 0, which jumps nowhere.
fn digits(field: &[u8], base: u32) -> Option<u64> {
    if field.is_empty() {
        return Some(0);
    }
    let text = field.trim_ascii_start();
    let text = if base == 16 { text.strip_prefix(b"0x").or(text.strip_prefix(b"0X")).unwrap_or(text) } else { text };
    let mut digits = text.iter().map_while(|byte| char::from(*byte).to_digit(base)).peekable();
    digits.peek()?;
    digits.try_fold(0u64, |value, digit| value.checked_mul(u64::from(base))?.checked_add(u64::from(digit)))
}

/// How numbers are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Compare {
    Less,
    Greater,
    Equal,
    AtMost,
    AtLeast,
    And,
    Xor,
}

impl Compare {
    fn holds(self, left: u64, right: u64) -> bool {
        match self {
            Self::Less => left < right,
            Self::Greater => left > right,
            Self::Equal => left == right,
            Self::AtMost => left <= right,
            Self::AtLeast => left >= right,
            Self::And => left & right != 0,
            Self::Xor => left ^ right != 0,
        }
    }
}

/// What `byte_math` does with a number and another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operator {
    Plus,
    Minus,
    Times,
    Over,
    Left,
    Right,
}

impl Operator {
    /// The result as 64 bits hold it; `None`: there is none.
    fn of(self, left: u64, right: u64) -> Option<u64> {
        let shifted =
            |by: fn(u64, u32) -> Option<u64>| u32::try_from(right).ok().and_then(|n| by(left, n)).unwrap_or(0);
        Some(match self {
            Self::Plus => left.wrapping_add(right),
            Self::Minus => left.wrapping_sub(right),
            Self::Times => left.wrapping_mul(right),
            Self::Over => left.checked_div(right)?,
            Self::Left => shifted(u64::checked_shl),
            Self::Right => shifted(u64::checked_shr),
        })
    }
}

/// From where `byte_jump` jumps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum From {
    Number,
    Beginning,
    End,
}

/// One option that looks at the payload.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    Content(Content),
    Pcre(Pcre),
    ByteTest { reading: Reading, compare: Compare, negated: bool, value: Number },
    ByteJump { reading: Reading, multiplier: u32, align: bool, from: From, post_offset: i64 },
    ByteExtract { reading: Reading, multiplier: u32, align: u32, register: usize },
    ByteMath { reading: Reading, operator: Operator, value: Number, mask: Option<u32>, register: usize },
    IsDataAt { at: Number, relative: bool, negated: bool },
}

impl Step {
    /// Whether it depends on where the last match ended.
    fn is_relative(&self) -> bool {
        match self {
            Self::Content(content) => matches!(content.place, Place::Relative { .. }),
            Self::Pcre(pcre) => pcre.relative,
            Self::ByteTest { reading, .. }
            | Self::ByteJump { reading, .. }
            | Self::ByteExtract { reading, .. }
            | Self::ByteMath { reading, .. } => reading.relative,
            Self::IsDataAt { relative, .. } => *relative,
        }
    }

    /// Whether what follows counts from its end.
    fn moves_cursor(&self) -> bool {
        match self {
            Self::Content(content) => !content.negated,
            Self::Pcre(pcre) => !pcre.negated,
            Self::ByteJump { .. } | Self::ByteExtract { .. } | Self::ByteMath { .. } => true,
            Self::ByteTest { .. } | Self::IsDataAt { .. } => false,
        }
    }
}

/// What inspection keeps between two buffers, so that it allocates nothing.
#[derive(Clone, Debug, Default)]
pub struct Scratch {
    registers: Vec<i64>,
    budget: usize,
    /// The furthest end of what was matched or read, or had to be there.
    furthest: usize,
    /// Rules that are to be looked at.
    pub(crate) picked: Vec<u64>,
}

impl Scratch {
    /// Keeps a number that was taken from the data.
    fn keep(&mut self, register: usize, number: u64) {
        if self.registers.len() <= register {
            self.registers.resize(register + 1, 0);
        }
        self.registers[register] = i64::try_from(number).unwrap_or(i64::MAX);
    }

    /// What was matched, or read, ends there.
    fn reach(&mut self, end: usize) {
        self.furthest = self.furthest.max(end);
    }

    /// Takes work from the budget; whether there was enough.
    fn spend(&mut self, bytes: usize) -> bool {
        let left = self.budget.checked_sub(bytes + 1);
        self.budget = left.unwrap_or(0);
        left.is_some()
    }
}

/// Whether all of `steps` match in `buffer`, not within what was seen alone.
pub(crate) fn inspect(steps: &[Step], buffer: Buffer<'_>, scratch: &mut Scratch) -> bool {
    let whole = attempt(steps, buffer, scratch);
    if buffer.seen == 0 || whole && scratch.furthest > buffer.seen {
        return whole;
    }
    attempt(steps, buffer.unseen(), scratch)
}

fn attempt(steps: &[Step], buffer: Buffer<'_>, scratch: &mut Scratch) -> bool {
    scratch.budget = BUDGET;
    scratch.furthest = 0;
    scratch.registers.clear();
    run(steps, buffer, 0, scratch)
}

fn run(steps: &[Step], buffer: Buffer<'_>, cursor: usize, scratch: &mut Scratch) -> bool {
    let Some((step, rest)) = steps.split_first() else {
        return true;
    };
    let bytes = buffer.bytes;
    match step {
        Step::Content(content) => run_content(content, rest, buffer, cursor, scratch),
        Step::Pcre(pcre) => run_pcre(pcre, rest, buffer, cursor, scratch),
        Step::ByteTest { reading, compare, negated, value } => {
            let Some((found, end)) = reading.read(buffer, cursor, scratch) else { return false };
            scratch.reach(end);
            compare.holds(found, value.value(scratch) as u64) != *negated && run(rest, buffer, cursor, scratch)
        }
        Step::ByteJump { .. } => match jump(step, buffer, cursor, scratch) {
            Some(to) => run(rest, buffer, to, scratch),
            None => false,
        },
        Step::ByteExtract { reading, multiplier, align, register } => {
            let Some((found, end)) = reading.read(buffer, cursor, scratch) else { return false };
            scratch.reach(end);
            scratch.keep(*register, aligned(found.wrapping_mul(u64::from(*multiplier)), *align));
            run(rest, buffer, end, scratch)
        }
        Step::ByteMath { reading, operator, value, mask, register } => {
            let Some((found, end)) = reading.read(buffer, cursor, scratch) else { return false };
            let Some(result) = operator.of(found, value.value(scratch) as u64) else { return false };
            scratch.reach(end);
            scratch.keep(*register, masked(result, *mask));
            run(rest, buffer, end, scratch)
        }
        Step::IsDataAt { at, relative, negated } => {
            // Behind a match so many bytes more are asked for; from the beginning on, a byte at that place.
            let (at, len) = (at.value(scratch), bytes.len() as i64);
            let from = if *relative { cursor as i64 } else { buffer.beginning().saturating_add(1) };
            let end = from.saturating_add(at);
            let is_there = end <= len;
            if is_there {
                scratch.reach(usize::try_from(end).unwrap_or(0));
            }
            is_there != *negated && run(rest, buffer, cursor, scratch)
        }
    }
}

fn aligned(value: u64, align: u32) -> u64 {
    if align == 0 { value } else { value.checked_next_multiple_of(u64::from(align)).unwrap_or(value) }
}

/// Where `byte_jump` jumps to: the beginning where that lies before it; `None` where it lies behind the end, or in what is held no more.
fn jump(step: &Step, buffer: Buffer<'_>, cursor: usize, scratch: &mut Scratch) -> Option<usize> {
    let Step::ByteJump { reading, multiplier, align, from, post_offset } = step else { return None };
    let (value, end) = reading.read(buffer, cursor, scratch)?;
    scratch.reach(end);
    let value = aligned(value.wrapping_mul(u64::from(*multiplier)), if *align { 4 } else { 0 });
    let by = i64::try_from(value).ok()?.checked_add(*post_offset)?;
    let start = match from {
        From::Number => i64::try_from(end).ok()?,
        From::Beginning => buffer.beginning(),
        From::End => buffer.bytes.len() as i64,
    };
    let to = usize::try_from(start.checked_add(by)?.max(buffer.beginning())).ok()?;
    (to <= buffer.bytes.len()).then_some(to)
}

/// The stretch of the buffer that the pattern may stand in.
fn window(place: Place, buffer: Buffer<'_>, cursor: usize, scratch: &Scratch) -> Option<(usize, usize)> {
    let len = buffer.bytes.len() as i64;
    let (from, length) = match place {
        Place::Absolute { offset, depth } => (offset.value(scratch).saturating_add(buffer.beginning()), depth),
        Place::Relative { distance, within } => ((cursor as i64).saturating_add(distance.value(scratch)), within),
    };
    let to = length.map_or(len, |length| from.saturating_add(length.value(scratch)).min(len));
    let (from, to) = (usize::try_from(from.max(0)).ok()?, usize::try_from(to).ok()?);
    (from < to).then_some((from, to))
}

fn run_content(content: &Content, rest: &[Step], buffer: Buffer<'_>, cursor: usize, scratch: &mut Scratch) -> bool {
    let window = window(content.place, buffer, cursor, scratch);
    let len = content.pattern.len();
    if content.negated {
        let found = window.is_some_and(|(from, to)| first(content, buffer.bytes, from, to).is_some());
        return !found && scratch.spend(window.map_or(0, |(from, to)| to - from)) && run(rest, buffer, cursor, scratch);
    }
    let Some((mut from, to)) = window else { return false };
    let retry = retries(rest);
    while let Some(at) = first(content, buffer.bytes, from, to) {
        let before = scratch.furthest;
        scratch.reach(at + len);
        if run(rest, buffer, at + len, scratch) {
            return true;
        }
        scratch.furthest = before;
        if !retry || !scratch.spend(at + len - from) {
            return false;
        }
        from = at + 1;
    }
    false
}

/// The first place of the pattern between `from` and `to`; at the end of the data where it must stand there.
fn first(content: &Content, bytes: &[u8], from: usize, to: usize) -> Option<usize> {
    if !content.ends {
        return content.find(&bytes[..to], from);
    }
    let at = bytes.len().checked_sub(content.pattern.len())?;
    (to == bytes.len() && at >= from && content.equals(&bytes[at..])).then_some(at)
}

fn run_pcre(pcre: &Pcre, rest: &[Step], buffer: Buffer<'_>, cursor: usize, scratch: &mut Scratch) -> bool {
    let start = if pcre.relative { cursor } else { 0 };
    let Some(bytes) = buffer.bytes.get(start..) else { return false };
    if !scratch.spend(bytes.len()) {
        return false;
    }
    if pcre.negated {
        return !pcre.regex.is_match(bytes) && run(rest, buffer, cursor, scratch);
    }
    let retry = retries(rest);
    let mut from = 0;
    while let Some(found) = pcre.regex.find_at(bytes, from) {
        let before = scratch.furthest;
        scratch.reach(start + found.end());
        if run(rest, buffer, start + found.end(), scratch) {
            return true;
        }
        scratch.furthest = before;
        from = found.start() + 1;
        if !retry || from > bytes.len() || !scratch.spend(bytes.len() - found.start()) {
            return false;
        }
    }
    false
}

/// Whether another match of this step could change what comes of those that follow.
fn retries(rest: &[Step]) -> bool {
    for step in rest {
        if step.is_relative() {
            return true;
        }
        if step.moves_cursor() {
            return false;
        }
    }
    false
}
