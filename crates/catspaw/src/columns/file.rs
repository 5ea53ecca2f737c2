//! A file of maps.

use std::collections::BTreeMap;
use std::path::Path;

use catspaw_records::ByteKind;
use catspaw_records::columns::{Field, Form, Map, Meaning, Pattern, Spec, Times, Unit};
use serde::Deserialize;
use toml::Spanned;

use crate::settings::Text;

/// Maps in one file.
const MAPS: usize = 100;

/// The file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    map: Vec<Spanned<Stanza>>,
}

/// A map.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stanza {
    name: Spanned<String>,
    form: Spanned<Words>,
    separator: Option<Spanned<String>>,
    assign: Option<Spanned<String>>,
    header: Option<Spanned<Vec<String>>>,
    #[serde(rename = "match")]
    must: Option<Spanned<Vec<Words>>>,
    #[serde(default)]
    only: BTreeMap<String, Words>,
    #[serde(default)]
    except: BTreeMap<String, Words>,
    #[serde(default)]
    ts_is_end: BTreeMap<String, Words>,
    #[serde(default)]
    whole: Vec<String>,
    #[serde(default)]
    within: Vec<String>,
    #[serde(default)]
    unset: Vec<String>,
    time: Option<Spanned<String>>,
    unit: Option<Spanned<String>>,
    counted: Option<Spanned<String>>,
    columns: BTreeMap<Spanned<String>, Words>,
    #[serde(default)]
    constants: BTreeMap<Spanned<String>, String>,
    #[serde(default)]
    words: BTreeMap<Spanned<String>, Words>,
}

/// One or several.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged, expecting = "a text, or a list of texts")]
enum Words {
    One(String),
    Several(Vec<String>),
}

impl Words {
    fn all(&self) -> Vec<String> {
        match self {
            Self::One(one) => vec![one.clone()],
            Self::Several(all) => all.clone(),
        }
    }
}

/// Columns, and what each must say.
fn says(columns: &BTreeMap<String, Words>) -> Vec<(String, Vec<String>)> {
    columns.iter().map(|(name, values)| (name.clone(), values.all())).collect()
}

/// The maps of a file.
///
/// # Errors
/// What is wrong, with its place.
pub(super) fn parse(path: &Path, text: &str) -> Result<Vec<Map>, String> {
    let source = Text { path, text };
    let file: File = source.parse()?;
    if file.map.len() > MAPS {
        return Err(source.error(0, &format!("{} entries [[map]]; {MAPS} are the most", file.map.len())));
    }
    let mut maps = Vec::new();
    for stanza in &file.map {
        for form in stanza.as_ref().form.as_ref().all() {
            maps.push(stanza.as_ref().compile(&form, &source, stanza.span().start)?);
        }
    }
    Ok(maps)
}

impl Stanza {
    /// The map of a stanza that begins at byte `at`, for one of its forms.
    fn compile(&self, form: &str, source: &Text<'_>, at: usize) -> Result<Map, String> {
        let name = self.name.as_ref();
        let is_name = !name.is_empty() && name.len() <= 40 && name.bytes().all(|byte| byte.is_ascii_graphic());
        if !is_name {
            return Err(
                source.error(self.name.span().start, "a name has up to 40 letters, digits and signs, no spaces")
            );
        }
        let form = self.form(form, source)?;
        let columns = self.columns(source)?;
        let spec = Spec {
            name: name.clone(),
            form,
            must: self.must(source, at)?,
            only: says(&self.only),
            except: says(&self.except),
            ts_is_end: says(&self.ts_is_end),
            whole: self.whole.clone(),
            within: self.within.clone(),
            counted: self.counted(source, at, &columns)?,
            columns,
            constants: self.constants(source)?,
            words: self.words(source)?,
            unset: self.unset.clone(),
            times: self.times(source)?,
            unit: one_of(source, self.unit.as_ref(), &Unit::ALL, "unit")?.unwrap_or(Unit::Seconds),
        };
        Map::new(spec).map_err(|why| source.error(at, &format!("map {name}: {why}")))
    }

    fn form(&self, form: &str, source: &Text<'_>) -> Result<Form, String> {
        let one_byte = |text: &Option<Spanned<String>>, what: &str, usual: u8| match text {
            None => Ok(usual),
            Some(text) => match text.as_ref().as_bytes() {
                [byte] if !matches!(byte, b'"' | b'\n' | b'\r') => Ok(*byte),
                _ => Err(source.error(text.span().start, &format!("{what} is one byte, and no quote"))),
            },
        };
        let separator = |usual: u8| one_byte(&self.separator, "a separator", usual);
        if let (Some(assign), true) = (&self.assign, form != "pairs") {
            return Err(source.error(assign.span().start, "pairs alone have a sign between key and value"));
        }
        let form = match form {
            "csv" => Form::Delimited {
                separator: separator(b',')?,
                header: self.header.as_ref().map(|names| names.as_ref().clone()),
            },
            "pairs" => Form::Pairs {
                separator: separator(b' ')?,
                assign: one_byte(&self.assign, "what is between a key and its value", b'=')?,
            },
            "json" => Form::Json,
            _ => {
                return Err(source.error(self.form.span().start, "form is one of csv, pairs, json, or a list of these"));
            }
        };
        if let (Form::Json | Form::Pairs { .. }, Some(header)) = (&form, &self.header) {
            return Err(source.error(header.span().start, "csv alone has a header: keys have their names with them"));
        }
        Ok(form)
    }

    fn must(&self, source: &Text<'_>, at: usize) -> Result<Vec<Vec<String>>, String> {
        match (&self.must, &self.header) {
            (Some(must), _)
                if must.as_ref().iter().any(|either| either.all().is_empty()) || must.as_ref().is_empty() =>
            {
                Err(source.error(must.span().start, "match names the columns by which a log is known"))
            }
            (Some(must), _) => Ok(must.as_ref().iter().map(Words::all).collect()),
            // Where the columns are named here, their number and what stands in them tells.
            (None, Some(_)) => Ok(Vec::new()),
            (None, None) => Err(source.error(at, "match is missing: the columns by which a log is known")),
        }
    }

    fn columns(&self, source: &Text<'_>) -> Result<Vec<(Field, Vec<String>)>, String> {
        let field = |(name, columns): (&Spanned<String>, &Words)| {
            let (field, columns) = (field(source, name)?, columns.all());
            match &self.header {
                Some(header) if !columns.iter().any(|column| header.as_ref().contains(column)) => {
                    let why = format!("header has no {}; it has {}", columns.join(", "), header.as_ref().join(", "));
                    Err(source.error(name.span().start, &why))
                }
                _ => Ok((field, columns)),
            }
        };
        self.columns.iter().map(field).collect()
    }

    fn constants(&self, source: &Text<'_>) -> Result<Vec<(Field, String)>, String> {
        let field = |(name, text): (&Spanned<String>, &String)| Ok((field(source, name)?, text.clone()));
        self.constants.iter().map(field).collect()
    }

    fn words(&self, source: &Text<'_>) -> Result<Vec<(Meaning, String)>, String> {
        let mut all = Vec::new();
        for (name, words) in &self.words {
            let Some(meaning) = Meaning::parse(name.as_ref()) else {
                let known: Vec<&str> = Meaning::ALL.iter().map(|(_, name)| *name).collect();
                return Err(source.error(name.span().start, &format!("words mean one of {}", known.join(", "))));
            };
            all.extend(words.all().into_iter().map(|word| (meaning, word)));
        }
        Ok(all)
    }

    fn times(&self, source: &Text<'_>) -> Result<Times, String> {
        const EPOCHS: [(Unit, &str); 4] = [
            (Unit::Seconds, "epoch"),
            (Unit::Millis, "epoch-ms"),
            (Unit::Micros, "epoch-us"),
            (Unit::Nanos, "epoch-ns"),
        ];
        let Some(time) = &self.time else { return Ok(Times::Auto) };
        let text = time.as_ref().as_str();
        if text == "auto" {
            return Ok(Times::Auto);
        }
        if let Some((unit, _)) = EPOCHS.iter().find(|(_, name)| *name == text) {
            return Ok(Times::Epoch(*unit));
        }
        if !text.contains('%') {
            let why =
                "time is auto, epoch, epoch-ms, epoch-us, epoch-ns, or a pattern such as \"%d/%b/%Y:%H:%M:%S %z\"";
            return Err(source.error(time.span().start, why));
        }
        Pattern::new(text).map(Times::Pattern).map_err(|why| source.error(time.span().start, &why))
    }

    /// What bytes were counted: nobody guesses it.
    fn counted(&self, source: &Text<'_>, at: usize, columns: &[(Field, Vec<String>)]) -> Result<ByteKind, String> {
        const KINDS: [(ByteKind, &str); 4] = [
            (ByteKind::Payload, "payload"),
            (ByteKind::PayloadRetransmitted, "payload-retransmitted"),
            (ByteKind::IpLevel, "ip"),
            (ByteKind::Frame, "frame"),
        ];
        let is_bytes = |field: &Field| matches!(field, Field::OrigBytes | Field::RespBytes | Field::Bytes);
        match one_of(source, self.counted.as_ref(), &KINDS, "counted")? {
            None if columns.iter().any(|(field, _)| is_bytes(field)) => {
                let why = "counted is missing: what the bytes are of (payload, payload-retransmitted, ip: with the IP \
                           header, frame: with the link layer's)";
                Err(source.error(at, why))
            }
            kind => Ok(kind.unwrap_or(ByteKind::Payload)),
        }
    }
}

fn field(source: &Text<'_>, name: &Spanned<String>) -> Result<Field, String> {
    Field::parse(name.as_ref()).ok_or_else(|| {
        let known: Vec<&str> = Field::ALL.iter().map(|(_, name)| *name).collect();
        source.error(name.span().start, &format!("no field of ours: one of {}", known.join(", ")))
    })
}

fn one_of<T: Copy>(
    source: &Text<'_>,
    said: Option<&Spanned<String>>,
    known: &[(T, &str)],
    key: &str,
) -> Result<Option<T>, String> {
    let Some(text) = said else { return Ok(None) };
    let found = known.iter().find(|(_, name)| name == text.as_ref()).map(|(value, _)| *value);
    found.map(Some).ok_or_else(|| {
        let names: Vec<&str> = known.iter().map(|(_, name)| *name).collect();
        source.error(text.span().start, &format!("{key} is one of {}", names.join(", ")))
    })
}
