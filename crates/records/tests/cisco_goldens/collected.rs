//! The lines of the collections, with what their projects say of them.

use std::fs;
use std::path::PathBuf;

use serde_json::Value;

use crate::literals;

/// A line with what another project's reader says of it.
pub(crate) struct Golden {
    pub(crate) collection: &'static str,
    /// The clock that its project's test had.
    pub(crate) zone: &'static str,
    pub(crate) year: i16,
    pub(crate) line: String,
    /// Name and value; see [`crate::told::Told::field`].
    pub(crate) fields: Vec<(String, String)>,
}

impl Golden {
    pub(crate) fn new(collection: &'static str, line: impl Into<String>) -> Self {
        Self { collection, zone: "UTC", year: 2016, line: line.into(), fields: Vec::new() }
    }

    pub(crate) fn says(&mut self, name: &str, value: impl Into<String>) {
        self.fields.push((name.to_owned(), value.into()));
    }

    /// The six digits of its tag; empty where it has none.
    pub(crate) fn message_id(&self) -> String {
        let tags = self.line.split(['%', ' ']).filter_map(|word| word.split([':', ' ']).next()?.rsplit_once('-'));
        let ids = tags.map(|(_, id)| id).filter(|id| id.len() == 6 && id.bytes().all(|byte| byte.is_ascii_digit()));
        ids.map(str::to_owned).next().unwrap_or_default()
    }
}

/// The content of a file of the collections, or `None` (and a word about it) where there is no copy.
fn collected(path: &str) -> Option<String> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/cisco").join(path);
    let text = fs::read_to_string(&path).ok();
    if text.is_none() {
        println!("not tested, for there is no {}", path.display());
    }
    text
}

/// All of them; `None` where one is missing.
pub(crate) fn all() -> Option<Vec<Golden>> {
    let mut goldens = Vec::new();
    for (collection, path) in [
        ("metron", "metron/asa_raw"),
        ("metron", "metron/AsaOutput"),
        ("metron", "metron/Syslog3164Output"),
        ("cribl", "cribl/asa_samples.log"),
    ] {
        let text = collected(path)?;
        let lines = text.lines().filter(|line| !line.trim().is_empty());
        goldens.extend(lines.map(|line| Golden::new(collection, line)));
    }
    goldens.extend(objects(&collected("metron/asa_parsed")?).iter().map(metron));
    goldens.extend(objects(&collected("metron/Syslog3164Parsed")?).iter().map(rfc3164));
    goldens.extend(cribl(&collected("cribl/wZHMfD.json")?));
    for (path, read) in literals::SOURCES {
        goldens.extend(read(&collected(path)?));
    }
    Some(goldens)
}

fn objects(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).expect("a golden is an object")).collect()
}

/// Metron's: `ip_src_addr` is the end that is named first.
fn metron(object: &Value) -> Golden {
    let mut golden = Golden::new("metron", object["original_string"].as_str().expect("a golden has its line"));
    for (theirs, ours) in [
        ("ip_src_addr", "first"),
        ("ip_src_port", "first port"),
        ("ip_dst_addr", "second"),
        ("ip_dst_port", "second port"),
        ("protocol", "proto"),
        ("syslog_host", "sensor"),
        ("timestamp", "at"),
    ] {
        match &object[theirs] {
            Value::Null => {}
            Value::String(text) => golden.says(ours, text),
            other => golden.says(ours, other.to_string()),
        }
    }
    golden
}

/// What Metron's reader of RFC 3164 says of the header.
fn rfc3164(object: &Value) -> Golden {
    let mut golden = Golden::new("metron", object["original_string"].as_str().expect("a golden has its line"));
    golden.year = 2018;
    if let Some(host) = object["syslog.header.hostName"].as_str() {
        golden.says("sensor", host);
    }
    golden.says("at", object["timestamp"].to_string());
    golden
}

/// Cribl's events, read by somebody in California.
fn cribl(text: &str) -> Vec<Golden> {
    let events: Vec<Value> = serde_json::from_str(text).expect("a list of events");
    let golden = |event: Value| {
        let mut golden = Golden::new("cribl", event["_raw"].as_str().expect("an event has its line"));
        golden.zone = "America/Los_Angeles";
        let at = event["_time"].as_f64().expect("an event has a moment");
        golden.says("at", ((at * 1000.0).round() as i64).to_string());
        golden
    };
    events.into_iter().map(golden).collect()
}
