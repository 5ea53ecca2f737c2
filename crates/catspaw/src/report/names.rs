//! Names that rows refer to by number.

use std::collections::BTreeMap;

use catspaw_records::SensorId;

use crate::pipeline::Gathered;

/// Names of sensors and files.
#[derive(Debug, Default)]
pub(crate) struct Names {
    sensors: BTreeMap<SensorId, String>,
    files: BTreeMap<u32, String>,
}

impl Names {
    /// Those of a run.
    pub(crate) fn new(gathered: &Gathered) -> Self {
        let mut names = Self::default();
        for (&number, file) in &gathered.files {
            names.files.insert(number, file.source.name());
            for (&sensor, count) in &file.sensors {
                names.sensors.entry(sensor).or_insert_with(|| count.name.clone());
            }
        }
        names
    }

    /// The names as they may be shown.
    pub(crate) fn redacted(&self, redact: impl Fn(&str) -> String) -> Self {
        Self {
            sensors: self.sensors.iter().map(|(&sensor, name)| (sensor, redact(name))).collect(),
            files: self.files.iter().map(|(&file, path)| (file, redact(path))).collect(),
        }
    }

    /// A sensor's name.
    pub(crate) fn sensor(&self, sensor: SensorId) -> &str {
        self.sensors.get(&sensor).map_or("", String::as_str)
    }

    /// A file's path.
    pub(crate) fn path(&self, file: u32) -> &str {
        self.files.get(&file).map_or("", String::as_str)
    }
}
