//! `[owners]` in the configuration.

use std::path::{Path, PathBuf};

use jiff::tz::TimeZone;
use serde::Deserialize;

use super::{Command, Owners, Table};

/// Its keys.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Configured {
    csv: Option<PathBuf>,
    command: Option<Vec<String>>,
}

impl Configured {
    /// Reads what it names. A path that leads nowhere from here is tried from beside the configuration.
    ///
    /// # Errors
    /// Where the table cannot be read or is wrong, or the command is none.
    pub(crate) fn read(&self, configuration: Option<&Path>, zone: &TimeZone) -> Result<Owners, String> {
        let table = match &self.csv {
            Some(path) => {
                let beside = configuration.and_then(Path::parent).map(|folder| folder.join(path));
                let found = beside.filter(|beside| !path.exists() && beside.exists());
                Table::read(found.as_ref().unwrap_or(path), zone).map_err(|why| format!("owners.csv: {why}"))?
            }
            None => Table::default(),
        };
        let command = match &self.command {
            Some(words) if words.first().is_none_or(String::is_empty) => {
                return Err("owners.command: an empty list: the first word is the program".to_owned());
            }
            Some(words) => Some(Command::new(words.clone(), zone.clone())),
            None => None,
        };
        Ok(Owners::new(table, command))
    }
}
