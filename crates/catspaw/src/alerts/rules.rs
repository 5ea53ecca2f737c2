//! Rule files: read, compiled, and what is wrong with them said.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use catspaw_rules::{Builder, Code, Diagnostic, Ruleset, Severity, Variables};

use crate::console::complain;
use crate::input::expand;
use crate::pipeline::{Home, PRIVATE};

/// Bytes of one rule file; a longer one is none.
const LONGEST: u64 = 256 << 20;
/// Diagnostics that are shown of one file; `-v` shows all.
const SHOWN: usize = 10;
/// What the user asked for.
#[derive(Clone, Debug, Default)]
pub(crate) struct Asked {
    /// Files, and directories of `.rules` files.
    pub(crate) files: Vec<PathBuf>,
    /// `NAME=VALUE`.
    pub(crate) variables: Vec<String>,
    /// Whether a bad rule ends the run.
    pub(crate) strict: bool,
}

/// Rules that were loaded.
#[derive(Clone, Debug)]
pub(crate) struct Loaded {
    pub(crate) rules: Arc<Ruleset>,
    /// What the report says of rules that do not run.
    pub(crate) limit: Option<String>,
}

/// What is to be said of one file.
struct Said<'a> {
    name: &'a str,
    text: &'a [u8],
    loaded: &'a catspaw_rules::Loaded,
}

impl Asked {
    /// The files that are named, and those below directories whose name ends in `.rules`.
    pub(crate) fn paths(&self) -> Result<Vec<PathBuf>, String> {
        let mut paths = Vec::new();
        for named in &self.files {
            let found = expand(&[named]);
            if let Some(problem) = found.problems.first() {
                return Err(format!("--rules {problem}"));
            }
            let is_rules = |path: &Path| path.extension().is_some_and(|extension| extension == "rules");
            let within = named.is_dir();
            let files = found.sources.iter().filter_map(|source| source.path());
            let before = paths.len();
            paths.extend(files.filter(|path| !within || is_rules(path)).map(Path::to_owned));
            if paths.len() == before {
                return Err(format!("--rules {}: no file whose name ends in .rules is there", named.display()));
            }
        }
        Ok(paths)
    }

    /// Loads them; `None` where there are none.
    ///
    /// # Errors
    /// Where a file cannot be read, no rule of one that was named loads, or of a directory's files, or one does not and the user
    /// is strict.
    pub(crate) fn load(&self, home: &Home, quiet: bool, verbose: bool) -> Result<Option<Loaded>, String> {
        if self.files.is_empty() {
            return Ok(None);
        }
        let mut builder = Builder::new(self.variables(home)?);
        let (mut taken, mut refused) = (0, 0);
        for path in self.paths()? {
            let name = path.display().to_string();
            let text = read(&path).map_err(|why| format!("--rules {name}: {why}"))?;
            let loaded = builder.add(&text);
            let strict = self.strict && loaded.refused > 0;
            // Nobody expects that of all files of a directory rules can be run.
            let fails = loaded.rules == 0 && self.files.contains(&path);
            if !quiet || strict || fails {
                Said { name: &name, text: &text, loaded: &loaded }.say(verbose || strict);
            }
            if strict {
                let bad = loaded.refused;
                return Err(format!("--strict-rules: {bad} of {name} cannot be loaded: the reasons stand above"));
            }
            if fails {
                return Err(format!("--rules {name}: no rule of it could be loaded"));
            }
            taken += loaded.rules;
            refused += loaded.refused;
        }
        if taken == 0 {
            let named: Vec<String> = self.files.iter().map(|path| path.display().to_string()).collect();
            return Err(format!("--rules {}: no rule could be loaded", named.join(", ")));
        }
        let rules = builder.build().ok_or("--rules: the patterns of these rules are too large together")?;
        let limit = (refused > 0).then(|| {
            format!(
                "Of {} rules {refused} were refused and did not run; standard error says why (without -q).",
                taken + refused
            )
        });
        Ok(Some(Loaded { rules: Arc::new(rules), limit }))
    }

    /// `HOME_NET` is what is ours, unless the user says another.
    fn variables(&self, home: &Home) -> Result<Variables, String> {
        let mut variables = Variables::default();
        let nets: Vec<String> = home.nets.iter().map(ToString::to_string).collect();
        let ours = if nets.is_empty() { PRIVATE.join(",") } else { nets.join(",") };
        let ours = format!("[{ours}]");
        variables.set("HOME_NET", &ours).map_err(|error| error.to_string())?;
        for defined in &self.variables {
            let Some((name, value)) = defined.split_once('=') else {
                return Err(format!("--var {defined}: NAME=VALUE (such as HTTP_PORTS=[80,8080])"));
            };
            variables.set(name.trim(), value.trim()).map_err(|error| format!("--var {error}"))?;
        }
        Ok(variables)
    }
}

fn read(path: &Path) -> Result<Vec<u8>, String> {
    let unread = |error: std::io::Error| format!("cannot be read: {error}");
    if fs::metadata(path).map_err(unread)?.len() > LONGEST {
        return Err("larger than any rule file".to_owned());
    }
    fs::read(path).map_err(unread)
}

impl Said<'_> {
    /// Says what is wrong: what was refused first, and of that what is written wrongly before what is only not built here.
    fn say(&self, all: bool) {
        let mut diagnostics: Vec<&Diagnostic> = self.loaded.diagnostics.iter().collect();
        diagnostics.sort_by_key(|said| (std::cmp::Reverse(said.severity), said.code == Code::NotBuilt));
        let shown = if all { diagnostics.len() } else { SHOWN };
        for diagnostic in diagnostics.iter().take(shown) {
            let text = diagnostic.render(self.name, self.text);
            let kind = match diagnostic.severity {
                Severity::Warning => "warning",
                Severity::Error => "error",
            };
            complain(kind, text.strip_prefix(kind).unwrap_or(&text).trim_start_matches(": ").trim_end());
        }
        let more = diagnostics.len().saturating_sub(shown);
        if more > 0 {
            complain("warning", &format!("{}: {more} more like these (-v shows them)", self.name));
        }
    }
}
