//! Which column is which field, and what its words mean.

use memchr::memmem;

use super::field::{Field, Meaning};
use super::names::{self, Names};
use super::time::{Times, Unit};
use crate::ByteKind;

/// Stands for several columns, or a constant.
pub(super) const SEVERAL: u8 = names::NONE - 1;
/// Stands for no column.
pub(super) const NOTHING: u8 = names::NONE - 2;

/// In place of a column: what syslog's header says that stands before the pairs or the object, a moment or who wrote the line.
pub(super) const HEADER: &str = "@header";

/// How the fields stand in a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Form {
    /// Between separators, quoted or not.
    Delimited {
        /// What stands between two.
        separator: u8,
        /// The names of the columns, where the log does not name them itself.
        header: Option<Vec<String>>,
    },
    /// `key=value`.
    Pairs {
        /// What stands between two.
        separator: u8,
        /// What stands between a key and its value.
        assign: u8,
    },
    /// An object to a line; names of nested objects with dots between them.
    Json,
}

/// What the owner says of a log.
#[derive(Clone, Debug)]
pub struct Spec {
    /// What the log is called in the report.
    pub name: String,
    /// How the fields stand in a line.
    pub form: Form,
    /// Columns by which a log is known: one of each of these must be there.
    pub must: Vec<Vec<String>>,
    /// Columns with what they must say for the line to tell of a connection; other lines are left out.
    pub only: Vec<(String, Vec<String>)>,
    /// Columns and what they say on lines that are left out.
    pub except: Vec<(String, Vec<String>)>,
    /// Columns with what they must say for [`Field::Ts`] to be when it ended: some programs take the moment of a line for the beginning of
    /// what it says is over.
    pub ts_is_end: Vec<(String, Vec<String>)>,
    /// Columns of which one says something where a line tells of a whole connection; empty where every line does. Others are
    /// left out, unless they tell of an opening or a denial.
    pub whole: Vec<String>,
    /// Objects that a log may have put all of a line into (`_source`): their names before the columns' are left out.
    pub within: Vec<String>,
    /// Each field's columns: the first that says something counts.
    pub columns: Vec<(Field, Vec<String>)>,
    /// What a field is where no column says it.
    pub constants: Vec<(Field, String)>,
    /// What words mean, whatever their case.
    pub words: Vec<(Meaning, String)>,
    /// What is written for nothing, beside `-` and nothing at all.
    pub unset: Vec<String>,
    /// How times are written.
    pub times: Times,
    /// What a duration's number counts.
    pub unit: Unit,
    /// What bytes were counted.
    pub counted: ByteKind,
}

/// The number of a column, and what it must say: one of these.
pub(super) type Says = (u8, Vec<Box<[u8]>>);

/// A log's columns, ready to be asked for every line.
#[derive(Clone, Debug)]
pub struct Map {
    name: Box<str>,
    form: Form,
    names: Names,
    /// The number of [`HEADER`], if that stands for a column.
    header: Option<u8>,
    must: Box<[Box<[u8]>]>,
    /// The same, a bit for each name.
    must_bits: Box<[u64]>,
    pub(super) only: Vec<Says>,
    pub(super) except: Vec<Says>,
    pub(super) ts_is_end: Vec<Says>,
    pub(super) whole: Box<[u8]>,
    within: Vec<Box<[u8]>>,
    sources: [Source; Field::COUNT],
    /// By the field in whose columns they stand.
    words: [Words; Field::COUNT],
    unset: Vec<Box<[u8]>>,
    pub(super) times: Times,
    pub(super) unit: Unit,
    pub(super) counted: ByteKind,
}

/// Where a field comes from.
#[derive(Clone, Debug, Default)]
pub(super) struct Source {
    /// The numbers of its columns' names.
    pub(super) names: Box<[u8]>,
    /// What it is where none of them says anything.
    pub(super) constant: Option<Box<[u8]>>,
}

/// What the words of a field's columns mean, whatever their case.
#[derive(Clone, Debug)]
struct Words {
    /// In small letters.
    names: Names,
    /// By the numbers of `names`.
    meanings: Vec<Meaning>,
    /// Those for which there is no number any more.
    more: Vec<(Meaning, Box<[u8]>)>,
    /// Whether nothing at all is one of them.
    has_empty: bool,
}

impl Words {
    fn new() -> Self {
        Self { names: Names::new(), meanings: Vec::new(), more: Vec::new(), has_empty: false }
    }

    /// Takes a word in; one that is there keeps its meaning.
    fn add(&mut self, meaning: Meaning, word: &[u8]) {
        self.has_empty |= word.is_empty();
        let word = word.to_ascii_lowercase();
        match self.names.add(&word) {
            Some(number) if usize::from(number) == self.meanings.len() => self.meanings.push(meaning),
            Some(_) => {}
            None => self.more.push((meaning, word.into())),
        }
    }

    fn is_empty(&self) -> bool {
        self.meanings.is_empty()
    }

    #[inline]
    fn meaning(&self, word: &[u8]) -> Option<Meaning> {
        let more = || self.more.iter().find(|(_, own)| own.eq_ignore_ascii_case(word)).map(|(meaning, _)| *meaning);
        self.meanings.get(usize::from(self.names.number_of_word(word))).copied().or_else(more)
    }
}

impl Map {
    /// Takes what the owner says.
    ///
    /// # Errors
    /// What is missing or too much.
    pub fn new(spec: Spec) -> Result<Self, String> {
        let mut names = Names::new();
        let mut number = |name: &String| {
            names.add(name.as_bytes()).ok_or_else(|| format!("more than {} columns are named", names::MOST))
        };
        let must: Box<[Box<[u8]>]> =
            spec.must.iter().map(|either| either.iter().map(&mut number).collect()).collect::<Result<_, _>>()?;
        let whole: Box<[u8]> = spec.whole.iter().map(&mut number).collect::<Result<_, _>>()?;
        let bytes = |texts: Vec<String>| texts.into_iter().map(|text| text.into_bytes().into()).collect::<Vec<_>>();
        let mut says = |all: Vec<(String, Vec<String>)>| {
            all.into_iter().map(|(name, values)| Ok((number(&name)?, bytes(values)))).collect::<Result<_, String>>()
        };
        let (only, except, ts_is_end) = (says(spec.only)?, says(spec.except)?, says(spec.ts_is_end)?);
        let mut sources: [Source; Field::COUNT] = std::array::from_fn(|_| Source::default());
        for (field, columns) in spec.columns {
            sources[field as usize].names = columns.iter().map(&mut number).collect::<Result<_, _>>()?;
        }
        for (field, constant) in spec.constants {
            sources[field as usize].constant = Some(constant.into_bytes().into());
        }
        let has = |field: Field| {
            let Source { names, constant } = &sources[field as usize];
            !names.is_empty() || constant.is_some()
        };
        for either in [&[Field::Ts, Field::End][..], &[Field::OrigH], &[Field::RespH], &[Field::Proto]] {
            if !either.iter().any(|field| has(*field)) {
                let named: Vec<&str> = either.iter().map(|field| field.name()).collect();
                return Err(format!("no column says {}", named.join(" or ")));
            }
        }
        let mut words: [Words; Field::COUNT] = std::array::from_fn(|_| Words::new());
        for (meaning, word) in spec.words {
            for (field, _) in Field::ALL.into_iter().filter(|(field, _)| meaning.is_of(*field)) {
                words[field as usize].add(meaning, word.as_bytes());
            }
        }
        let names_columns = matches!(&spec.form, Form::Delimited { header: Some(_), .. });
        let header = Some(names.number(HEADER.as_bytes())).filter(|number| *number != names::NONE);
        if spec.must.is_empty() && !names_columns {
            return Err("no column tells that a log is of this map".to_owned());
        }
        if let Some(header) = header {
            if matches!(&spec.form, Form::Delimited { .. }) {
                return Err(format!("{HEADER} stands before pairs and objects, and not before columns"));
            }
            let columns: [&Vec<Says>; 3] = [&only, &except, &ts_is_end];
            let said = columns.into_iter().flatten().map(|says| &says.0);
            let others = must.iter().flatten().chain(whole.iter()).chain(said);
            let wrong = |(field, _): &(Field, &str)| {
                let names = &sources[*field as usize].names;
                let is_its_own = matches!(field, Field::Ts | Field::End | Field::Sensor) && names.len() == 1;
                names.contains(&header) && !is_its_own
            };
            if others.copied().any(|number| number == header) || Field::ALL.iter().any(wrong) {
                return Err(format!("{HEADER} alone says ts or end, and sensor, and nothing else"));
            }
        }
        Ok(Self {
            name: spec.name.into(),
            form: spec.form,
            names,
            header,
            must_bits: must.iter().map(|either| either.iter().fold(0, |bits, number| bits | 1 << number)).collect(),
            must,
            only,
            except,
            ts_is_end,
            whole,
            within: bytes(spec.within.into_iter().map(|name| name + ".").collect()),
            sources,
            words,
            unset: bytes(spec.unset),
            times: spec.times,
            unit: spec.unit,
            counted: spec.counted,
        })
    }

    /// What the log is called.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn form(&self) -> &Form {
        &self.form
    }

    /// The number of [`HEADER`], if that stands for a column.
    #[inline]
    pub(super) fn header(&self) -> Option<u8> {
        self.header
    }

    pub(super) fn names(&self) -> &Names {
        &self.names
    }

    /// The number of the name that a path of JSON leads to.
    #[inline]
    pub(super) fn number(&self, path: &[u8]) -> u8 {
        let number = self.names.number(path);
        if number != names::NONE || self.within.is_empty() {
            return number;
        }
        let inner = self.within.iter().find_map(|object| path.strip_prefix(&**object));
        inner.map_or(names::NONE, |path| self.names.number(path))
    }

    /// Whether lines have what tells that a log is of this map: asked of many at once.
    pub(super) fn may_be_in(&self, lines: &[u8]) -> bool {
        match &self.form {
            Form::Json => memchr::memchr(b'{', lines).is_some(),
            Form::Delimited { header: Some(_), .. } => true,
            // Within quotes a quote is written twice.
            Form::Delimited { header: None, .. } | Form::Pairs { .. } => self.has_all(|number| {
                let name = self.names.name(number);
                name.contains(&b'"') || memmem::find(lines, name).is_some()
            }),
        }
    }

    /// Whether among the names of these bits are all by which a line of the log is known.
    #[inline]
    pub(super) fn is_known_by(&self, there: u64) -> bool {
        self.must_bits.iter().all(|either| there & either != 0)
    }

    /// Whether what has these columns has all by which a log is known.
    pub(super) fn has_all(&self, has: impl Fn(u8) -> bool) -> bool {
        self.must.iter().all(|either| either.iter().any(|number| has(*number)))
    }

    /// The numbers of the columns by which a log is known, of which one of each of these must be there.
    pub(super) fn must(&self) -> &[Box<[u8]>] {
        &self.must
    }

    #[inline]
    pub(super) fn source(&self, field: Field) -> &Source {
        &self.sources[field as usize]
    }

    /// The number of the one name that says each field in a line that has the names of these bits, of which some are lists;
    /// [`NOTHING`], or [`SEVERAL`].
    pub(super) fn singles(&self, there: u64, lists: u64) -> [u8; Field::COUNT] {
        self.sources.each_ref().map(|source| {
            let mut names = source.names.iter().copied().filter(|number| there & (1 << number) != 0);
            match (names.next(), names.next(), &source.constant) {
                (None, _, None) => NOTHING,
                (Some(name), None, None) if lists & (1 << name) == 0 => name,
                _ => SEVERAL,
            }
        })
    }

    /// Whether a column of `field` that says nothing, or is not there, means something.
    #[inline]
    pub(super) fn has_empty_word(&self, field: Field) -> bool {
        self.words[field as usize].has_empty
    }

    /// Whether any word in a column of `field` means something.
    #[inline]
    pub(super) fn has_words(&self, field: Field) -> bool {
        !self.words[field as usize].is_empty()
    }

    /// What a word in a column of `field` means.
    #[inline]
    pub(super) fn meaning(&self, field: Field, word: &[u8]) -> Option<Meaning> {
        self.words[field as usize].meaning(word)
    }

    /// Whether a text says something.
    #[inline]
    pub(super) fn is_set(&self, text: &[u8]) -> bool {
        let nothing = text.is_empty() || (text.len() == 1 && text[0] == b'-');
        !nothing && (self.unset.is_empty() || !self.unset.iter().any(|unset| **unset == *text))
    }
}
