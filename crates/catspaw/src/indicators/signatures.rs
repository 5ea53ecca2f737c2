//! Signs by which proxyware is known: those in the binary, and the owner's own.

use std::collections::BTreeMap;
use std::fs;
use std::ops::RangeInclusive;
use std::path::Path;

use catspaw_records::nmap;
use serde::Deserialize;
use toml::Spanned;

use crate::settings::Text;

/// Those in the binary.
const BUILTIN: &str = include_str!("signatures.toml");
/// How they are called where they are wrong.
const BUILTIN_NAME: &str = "the built-in signatures";
/// Entries of one kind.
const ENTRIES: usize = 1000;
/// Ports of a run.
const LONGEST: u16 = 256;

/// Signs by which proxyware is known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Signatures {
    /// Ports in a row.
    pub(crate) runs: Vec<Run>,
    /// Ports that proxies are known by: name and source.
    pub(crate) ports: BTreeMap<u16, (String, String)>,
    banners: Vec<Banner>,
    scripts: Vec<Script>,
}

/// Ports in a row that one program answers on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Run {
    pub(crate) name: String,
    pub(crate) ports: RangeInclusive<u16>,
    /// How many of them must be open or asked for.
    pub(crate) least: usize,
    pub(crate) source: String,
}

/// Words in what a port says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Banner {
    name: String,
    /// In lower case.
    contains: String,
}

/// Words in what a script says of a port.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Script {
    id: String,
    /// In lower case.
    contains: String,
}

/// The file.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    builtin: Option<bool>,
    #[serde(default)]
    run: Vec<RunStanza>,
    #[serde(default)]
    port: Vec<PortStanza>,
    #[serde(default)]
    banner: Vec<BannerStanza>,
    #[serde(default)]
    script: Vec<ScriptStanza>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RunStanza {
    name: Spanned<String>,
    first: Spanned<i64>,
    last: Spanned<i64>,
    least: Spanned<i64>,
    source: Spanned<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct PortStanza {
    port: Spanned<i64>,
    name: Spanned<String>,
    source: Spanned<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct BannerStanza {
    contains: Spanned<String>,
    name: Spanned<String>,
    source: Spanned<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ScriptStanza {
    id: Spanned<String>,
    contains: Spanned<String>,
    source: Spanned<String>,
}

impl Signatures {
    /// Those in the binary, and those of the file at `path` (or these alone, where it says so).
    ///
    /// # Errors
    /// Where the file cannot be read, or what is wrong in it: path, line, column, why.
    pub(crate) fn load(path: Option<&Path>) -> Result<Self, String> {
        let mut all = Self::parse(Path::new(BUILTIN_NAME), BUILTIN)?.1;
        if let Some(path) = path {
            let text = fs::read_to_string(path).map_err(|e| format!("{}: cannot be read: {e}", path.display()))?;
            let (adds, own) = Self::parse(path, &text)?;
            if !adds {
                return Ok(own);
            }
            all.add(own);
        }
        Ok(all)
    }

    /// A file's signatures, and whether they are added to those in the binary.
    pub(crate) fn parse(path: &Path, text: &str) -> Result<(bool, Self), String> {
        let source = Text { path, text };
        let file: File = source.parse()?;
        for (entries, key) in [
            (file.run.len(), "run"),
            (file.port.len(), "port"),
            (file.banner.len(), "banner"),
            (file.script.len(), "script"),
        ] {
            if entries > ENTRIES {
                return Err(source.error(0, &format!("{entries} entries [[{key}]]; {ENTRIES} are the most")));
            }
        }
        let mut own = Self::default();
        for run in &file.run {
            own.runs.push(run.check(&source)?);
        }
        for port in &file.port {
            let (name, why) = (words(&source, &port.name)?, words(&source, &port.source)?);
            own.ports.insert(a_port(&source, &port.port)?, (name, why));
        }
        for banner in &file.banner {
            words(&source, &banner.source)?;
            let (name, contains) = (words(&source, &banner.name)?, sought(&source, &banner.contains)?);
            own.banners.push(Banner { name, contains });
        }
        for script in &file.script {
            words(&source, &script.source)?;
            let (id, contains) = (words(&source, &script.id)?, sought(&source, &script.contains)?);
            own.scripts.push(Script { id, contains });
        }
        Ok((file.builtin.unwrap_or(true), own))
    }

    /// Adds others, which replace those of the same name.
    fn add(&mut self, own: Self) {
        self.runs.retain(|run| own.runs.iter().all(|new| new.name != run.name));
        self.banners.retain(|banner| own.banners.iter().all(|new| new.name != banner.name));
        self.scripts.retain(|script| !own.scripts.contains(script));
        self.runs.extend(own.runs);
        self.ports.extend(own.ports);
        self.banners.extend(own.banners);
        self.scripts.extend(own.scripts);
    }

    /// What a port says it is: a product says more than the name of what it speaks, and longer words say more than short
    /// ones.
    pub(crate) fn banner(&self, port: &nmap::Port) -> Option<&str> {
        [&port.product, &port.service].into_iter().find_map(|said| {
            let said = said.to_lowercase();
            let banners = self.banners.iter().filter(|banner| said.contains(&banner.contains));
            banners.max_by_key(|banner| banner.contains.len()).map(|banner| banner.name.as_str())
        })
    }

    /// The script that found a port open to everybody.
    pub(crate) fn script(&self, port: &nmap::Port) -> Option<&str> {
        let found = |script: &&Script| {
            let said =
                |(id, output): &(String, String)| *id == script.id && output.to_lowercase().contains(&script.contains);
            port.scripts.iter().any(said)
        };
        self.scripts.iter().find(found).map(|script| script.id.as_str())
    }
}

impl RunStanza {
    fn check(&self, source: &Text<'_>) -> Result<Run, String> {
        let (first, last) = (a_port(source, &self.first)?, a_port(source, &self.last)?);
        let at = self.last.span().start;
        if first >= last {
            return Err(source.error(at, "a run ends at a port after its first"));
        }
        if last - first >= LONGEST {
            return Err(source.error(at, &format!("a run has at most {LONGEST} ports")));
        }
        let ports = usize::from(last - first) + 1;
        let least = usize::try_from(*self.least.as_ref()).ok().filter(|least| (2..=ports).contains(least));
        let Some(least) = least else {
            return Err(source.error(self.least.span().start, &format!("from 2 to {ports}, the ports of the run")));
        };
        Ok(Run { name: words(source, &self.name)?, ports: first..=last, least, source: words(source, &self.source)? })
    }
}

fn a_port(source: &Text<'_>, port: &Spanned<i64>) -> Result<u16, String> {
    let number = u16::try_from(*port.as_ref()).ok().filter(|&number| number > 0);
    number.ok_or_else(|| source.error(port.span().start, "a port from 1 to 65535"))
}

fn words(source: &Text<'_>, text: &Spanned<String>) -> Result<String, String> {
    let words = text.as_ref().trim();
    if words.is_empty() {
        return Err(source.error(text.span().start, "needs some words"));
    }
    Ok(words.to_owned())
}

/// In lower case. Words that are too short stand everywhere.
fn sought(source: &Text<'_>, text: &Spanned<String>) -> Result<String, String> {
    let words = words(source, text)?.to_lowercase();
    if words.len() < 3 {
        return Err(source.error(text.span().start, "needs at least three letters"));
    }
    Ok(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<(bool, Signatures), String> {
        Signatures::parse(Path::new("own.toml"), text)
    }

    fn port(service: &str, product: &str) -> nmap::Port {
        nmap::Port { service: service.to_owned(), product: product.to_owned(), scripts: Vec::new() }
    }

    #[test]
    fn those_in_the_binary_know_the_case_of_2003() {
        let all = Signatures::load(None).unwrap();
        assert!(all.runs.iter().any(|run| run.ports == (1180..=1185)));
        assert_eq!(all.ports[&1080].0, "SOCKS");
        assert_eq!(all.banner(&port("http-proxy", "Squid http proxy 2.5")), Some("Squid"));
        assert_eq!(all.banner(&port("socks5", "")), Some("SOCKS"));
        assert_eq!(all.banner(&port("ssh", "OpenSSH 9.6")), None);
    }

    #[test]
    fn a_file_adds_and_replaces() {
        let run = "name = \"x\"\nfirst = 5\nlast = 8\nleast = 2\nsource = \"y\"\n";
        let mut all = Signatures::load(None).unwrap();
        let before = all.clone();
        let name = &before.runs[0].name;
        all.add(parse(&format!("[[run]]\n{}", run.replace("\"x\"", &format!("{name:?}")))).unwrap().1);
        assert_eq!((all.runs.len(), all.runs.last().unwrap().ports.clone()), (before.runs.len(), 5..=8));
        let (adds, own) = parse(&format!("builtin = false\n[[run]]\n{run}")).unwrap();
        assert!(!adds && own.runs.len() == 1 && own.ports.is_empty());
    }

    #[test]
    fn what_is_wrong_is_said_with_its_place() {
        let run = |first, last, least| {
            format!("[[run]]\nname = \"x\"\nfirst = {first}\nlast = {last}\nleast = {least}\nsource = \"y\"\n")
        };
        for (text, says) in [
            ("[[runs]]\n".to_owned(), "own.toml:1:3: unknown field `runs`"),
            (run(0, 5, 2), "own.toml:3:9: a port from 1 to 65535"),
            (run(5, 5, 2), "own.toml:4:8: a run ends at a port after its first"),
            (run(1, 300, 2), "own.toml:4:8: a run has at most 256 ports"),
            (run(1, 4, 5), "own.toml:5:9: from 2 to 4"),
            ("[[port]]\nport = 1\nname = \"\"\nsource = \"y\"\n".to_owned(), "own.toml:3:8: needs some words"),
            ("[[port]]\nport = 1\nname = \"x\"\n".to_owned(), "own.toml:1:1: missing field `source`"),
            (
                "[[banner]]\ncontains = \"a\"\nname = \"x\"\nsource = \"y\"\n".to_owned(),
                "own.toml:2:12: needs at least three letters",
            ),
        ] {
            let error = parse(&text).unwrap_err();
            assert!(error.starts_with(says), "{text}\n{error}");
        }
    }
}
