//! Maps of columns: those of the owner, and those that come with the program.

mod file;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use catspaw_records::columns::{Lack, Map, Reader as Mapped, doubts, misfit};
use catspaw_records::{Clock, Nanos, Reader, Sniffed, sniff};
use xxhash_rust::xxh3::xxh3_64;

/// Those in the binary, and how they are called where they are wrong.
const READY: [(&str, &str); 4] = [
    ("the built-in map of ECS", include_str!("ecs.toml")),
    ("the built-in map of Splunk's CIM", include_str!("cim.toml")),
    ("the built-in map of Suricata's EVE", include_str!("eve.toml")),
    ("the built-in map of PAN-OS's JSON", include_str!("panos.toml")),
];

/// All maps of a run.
#[derive(Debug, Default)]
pub(crate) struct Maps {
    /// The owner's, who knows what his logs are: asked before the readers that we have.
    own: Vec<Arc<Map>>,
    /// Those that come with the program: asked after them.
    ready: Vec<Arc<Map>>,
    /// What the owner's files say, hashed.
    pub(crate) digest: u64,
}

impl Maps {
    /// Those of the owner's files, and those in the binary.
    ///
    /// # Errors
    /// Where a file cannot be read, or what is wrong in it: path, line, column, why.
    pub(crate) fn load(paths: &[PathBuf]) -> Result<Self, String> {
        let mut files = Vec::new();
        for path in paths {
            let text = fs::read_to_string(path).map_err(|e| format!("{}: cannot be read: {e}", path.display()))?;
            files.push((path.as_path(), text));
        }
        Self::of(&files)
    }

    /// What the owner's files say, and those in the binary.
    ///
    /// # Errors
    /// What is wrong: path, line, column, why.
    pub(crate) fn of(files: &[(&Path, String)]) -> Result<Self, String> {
        let (mut own, mut texts) = (Vec::new(), String::new());
        for (path, text) in files {
            own.extend(file::parse(path, text)?.into_iter().map(Arc::new));
            texts += text;
        }
        let mut ready = Vec::new();
        for (name, text) in READY {
            ready.extend(file::parse(Path::new(name), text)?.into_iter().map(Arc::new));
        }
        Ok(Self { own, ready, digest: xxh3_64(texts.as_bytes()) })
    }

    /// The reader of a log of which these are lines; `None` where nobody knows one of them.
    pub(crate) fn reader(&self, lines: &[u8], clock: &Clock) -> Option<Reader> {
        let first = |maps: &[Arc<Map>]| maps.iter().find_map(|map| Mapped::sniff(map, lines, clock.clone()));
        first(&self.own)
            .map(Reader::Columns)
            .or_else(|| Reader::sniff(lines, clock.clone()))
            .or_else(|| first(&self.ready).map(Reader::Columns))
    }

    /// Tells from the first bytes of a file what it is.
    pub(crate) fn sniff(&self, head: &[u8], clock: &Clock) -> Sniffed {
        let seems = self
            .reader(head, clock)
            .map_or_else(|| sniff(head, clock.clone()), |reader| Sniffed::Evidence(Box::new(reader)));
        match seems {
            Sniffed::Other(seems)
                if !self.own.is_empty() && ["text", "JSON", "lines"].iter().any(|kind| seems.starts_with(kind)) =>
            {
                Sniffed::Other(
                    "of no kind that is known, and no map of --columns fits it: each name in a map's `match` must be in its header \
                     or among its keys, and its separator must be the map's",
                )
            }
            sniffed => sniffed,
        }
    }

    /// What the header of a log that `reader` is for lacks of the owner's map that was taken for it.
    pub(crate) fn lack(&self, reader: &Reader, head: &[u8]) -> Option<String> {
        let Reader::Columns(mapped) = reader else { return None };
        let own = self.own.iter().find(|map| std::ptr::eq(&raw const ***map, mapped.map()))?;
        Lack::of(own, head)
            .map(|lack| format!("the map {} has columns for what its header lacks: {}", own.name(), said(&lack)))
    }

    /// What of the owner's map that was taken for a log looks wrong, by its first lines.
    pub(crate) fn doubts(&self, reader: &Reader, head: &[u8]) -> Vec<String> {
        let Reader::Columns(mapped) = reader else { return Vec::new() };
        if !self.own.iter().any(|map| std::ptr::eq(&raw const **map, mapped.map())) {
            return Vec::new();
        }
        let said = |doubt| format!("the map {} may be wrong: {doubt}", mapped.map().name());
        doubts(mapped, head, today()).into_iter().map(said).collect()
    }

    /// Why no map of the owner's fits a log: by that which comes nearest, or by what each makes of its first line.
    pub(crate) fn nearest(&self, head: &[u8], clock: &Clock) -> Option<String> {
        let lacks = self.own.iter().filter_map(|map| Some((map, Lack::of(map, head)?)));
        if let Some((map, lack)) = lacks.reduce(|best, other| if other.1.found > best.1.found { other } else { best }) {
            return Some(format!("the map {} does not fit, for its header lacks {}", map.name(), said(&lack)));
        }
        let misfits = self.own.iter().filter_map(|map| Some((map, misfit(map, head, clock)?))).take(MISFITS);
        let misfits: Vec<String> =
            misfits.map(|(map, why)| format!("the map {} does not fit: {why}", map.name())).collect();
        (!misfits.is_empty()).then(|| misfits.join("; "))
    }
}

/// Nothing that was logged is later.
fn today() -> Nanos {
    Nanos(jiff::Timestamp::now().as_nanosecond().try_into().unwrap_or(i64::MAX))
}

/// Maps of which a message says why they do not fit.
const MISFITS: usize = 3;
/// Names that a header has, in a message.
const SHOWN: usize = 40;

fn said(lack: &Lack) -> String {
    let more = if lack.header.len() > SHOWN { ", ..." } else { "" };
    let has = lack.header.iter().take(SHOWN).map(String::as_str).collect::<Vec<_>>().join(", ");
    format!("{}; it has {has}{more}", lack.names.join(", "))
}

/// For the example that times readers.
#[cfg(any(test, feature = "fuzzed"))]
pub(crate) mod check {
    use super::{Clock, Maps, Path, Sniffed};

    /// Tells what a file is that begins with `head`, by the maps of a file's text, too.
    ///
    /// # Errors
    /// What is wrong in the maps.
    pub fn sniff((path, text): (&Path, &str), head: &[u8], clock: Clock) -> Result<Sniffed, String> {
        Ok(Maps::of(&[(path, text.to_owned())])?.sniff(head, &clock))
    }
}

#[cfg(test)]
mod tests;
