//! `catspaw scan`: evidence in, a report out.

use std::fs::File;
use std::io::{self, BufWriter, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use catspaw_records::{Days, HashSeed};
use catspaw_relay::{Connection, LegPair};
use indicatif::{ProgressBar, ProgressStyle};

use crate::args::{Format, ScanArgs, When};
use crate::input::{Expanded, Severity, Source, expand};
use crate::output::{Output, Taken};
use crate::owners::{self, LeaseFile, Owners};
use crate::pipeline::{Gathered, Options, Sorter, Stamps, run};
use crate::report::{self, Cases, Findings, Names, Report, delivered, text};
use crate::settings::Settings;
use crate::tables::{Form, Table};

/// The run failed.
const FAILED: u8 = 2;
/// Something was found.
const FOUND: u8 = 1;

/// Runs the command.
pub(crate) fn scan(args: ScanArgs) -> ExitCode {
    match Settings::new(args).and_then(|settings| Scan::new(settings)?.run()) {
        Ok(found) => ExitCode::from(if found { FOUND } else { 0 }),
        Err(why) => {
            complain("error", &why);
            ExitCode::from(FAILED)
        }
    }
}

/// Says something on standard error; where that is closed there is nobody to say it to.
fn complain(kind: &str, what: &str) {
    _ = writeln!(io::stderr(), "{kind}: {what}");
}

/// A scan whose files for output are open: it fails before it has read for an hour, not after.
struct Scan {
    settings: Settings,
    evidence: Expanded,
    report: Option<Output>,
    pairs: Option<(Output, Form)>,
    connections: Option<(Output, Form)>,
    owners: Owners,
    leases: Vec<LeaseFile>,
}

impl Scan {
    fn new(settings: Settings) -> Result<Self, String> {
        let evidence = expand(&settings.evidence);
        let mut taken = Taken::default();
        for source in &evidence.sources {
            match source.path() {
                Some(path) => taken.protect(path),
                None => taken.protect_standard_input(),
            }
        }
        for file in [&settings.configuration, &settings.signatures_file].into_iter().flatten() {
            taken.protect(file);
        }
        let report = settings.output.as_ref().map(|path| taken.create("-o", path)).transpose()?;
        let owners = settings.owners.read(settings.configuration.as_deref(), &settings.zone)?;
        let mut table = |option, wanted: &Option<(PathBuf, Form)>| match wanted {
            Some((path, form)) => Ok::<_, String>(Some((taken.create(option, path)?, *form))),
            None => Ok(None),
        };
        let pairs = table("--pairs", &settings.pairs)?;
        let connections = table("--connections", &settings.connections)?;
        Ok(Self { settings, evidence, report, pairs, connections, owners, leases: Vec::new() })
    }

    fn run(mut self) -> Result<bool, String> {
        let mut gathered = self.gather()?;
        self.tell_problems(&gathered);
        self.refuse_nothing(&gathered)?;
        owners::list(std::mem::take(&mut self.leases), &mut gathered.files);
        let names = Names::new(&gathered);
        let mut days = Days::new(self.settings.zone.clone());
        let failed = |e: io::Error| format!("a temporary file failed: {e} (TMPDIR says where they lie)");

        let mut rows = connections_of(&mut gathered).map_err(failed)?;
        let lanes = std::mem::take(&mut gathered.lanes);
        let mut given = std::mem::take(&mut gathered.rows);
        let config = &self.settings.config;
        let mut found = Findings::of(&mut given, &lanes, config, &mut days).map_err(failed)?;
        found.read_attempts(&mut given, &lanes, &gathered, config, &mut days).map_err(failed)?;
        drop(given);

        if let Some((output, form)) = self.pairs.take() {
            let written = write_pairs(&mut found.pairs, &found.cases, &names, form, output.file());
            written.map_err(|e| unwritten(output.path(), &e))?;
            output.keep()?;
        }
        if let Some((output, form)) = self.connections.take() {
            let written = write_connections(&mut rows, &names, form, output.file());
            written.map_err(|e| unwritten(output.path(), &e))?;
            output.keep()?;
        }
        let mut report = report::build(&self.settings, &gathered, &lanes, &found, &names);
        self.owners.name(&mut report);
        if !self.settings.quiet {
            report.warnings.iter().for_each(|warning| complain("warning", warning));
        }
        self.write_report(&report)?;
        Ok(!report.incidents.is_empty())
    }

    fn gather(&mut self) -> Result<Gathered, String> {
        let mut expanded = std::mem::take(&mut self.evidence);
        let options = Options {
            home: self.settings.home.clone(),
            config: Arc::new(self.settings.config.clone()),
            stamps: Stamps { zone: self.settings.zone.clone(), year: self.settings.year },
            days: Days::new(self.settings.zone.clone()),
            threads: self.settings.threads,
            wait: self.settings.wait,
            wants_connections: self.connections.is_some(),
            seed: HashSeed(random()),
            signatures: Arc::clone(&self.settings.signatures),
        };
        let (leases, problems) = owners::sift(&mut expanded.sources, &mut self.owners, &options.stamps);
        self.leases = leases;
        expanded.problems.extend(problems);
        let bar = self.progress_bar(&expanded.sources);
        let gathered = run(expanded.sources, &options, |bytes| bar.set_position(bytes));
        bar.finish_and_clear();
        let mut gathered = gathered.map_err(|e| format!("the scan failed: {e}"))?;
        gathered.problems.splice(0..0, expanded.problems);
        Ok(gathered)
    }

    fn progress_bar(&self, sources: &[Source]) -> ProgressBar {
        let wanted = self.settings.progress == When::Auto && !self.settings.quiet && io::stderr().is_terminal();
        if !wanted {
            return ProgressBar::hidden();
        }
        let sizes: Option<Vec<u64>> = sources.iter().map(Source::size).collect();
        let Some(sizes) = sizes else {
            let form = "{spinner} {bytes} read, {bytes_per_sec}";
            return ProgressBar::new_spinner()
                .with_style(ProgressStyle::with_template(form).unwrap_or_else(|_| ProgressStyle::default_spinner()));
        };
        let form = "{wide_bar} {bytes}/{total_bytes}, {bytes_per_sec}, {eta} left";
        let style = ProgressStyle::with_template(form).unwrap_or_else(|_| ProgressStyle::default_bar());
        ProgressBar::new(sizes.iter().sum()).with_style(style)
    }

    fn tell_problems(&self, gathered: &Gathered) {
        for problem in &gathered.problems {
            match problem.severity() {
                Severity::Error => complain("error", &problem.to_string()),
                Severity::Warning if self.settings.quiet => {}
                Severity::Warning => complain("warning", &problem.to_string()),
            }
        }
    }

    /// Nothing read, or nothing of it ours, is no result.
    fn refuse_nothing(&self, gathered: &Gathered) -> Result<(), String> {
        let sensors = || gathered.files.values().filter(|file| !file.is_scan()).flat_map(|file| file.sensors.values());
        if sensors().map(|sensor| sensor.records).sum::<u64>() == 0 {
            if gathered.scans.files > 0 {
                return Ok(());
            }
            return Err(report::nothing_understood(&gathered.files));
        }
        if sensors().map(|sensor| sensor.inside).sum::<u64>() > 0 {
            return Ok(());
        }
        Err(report::no_inside(&self.settings.home, &gathered.strangers))
    }

    fn write_report(&mut self, report: &Report) -> Result<(), String> {
        match self.report.take() {
            Some(output) => {
                let written = self.write_report_to(report, BufWriter::new(output.file()), false);
                written.map_err(|e| unwritten(output.path(), &e))?;
                output.keep()
            }
            None => {
                let out = io::stdout();
                let colour = out.is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
                match self.write_report_to(report, BufWriter::new(out.lock()), colour) {
                    // Whoever read it has seen enough.
                    Err(e) if e.kind() == io::ErrorKind::BrokenPipe => Ok(()),
                    result => result.map_err(|e| format!("standard output: {e}")),
                }
            }
        }
    }

    fn write_report_to(&self, report: &Report, mut out: impl Write, colour: bool) -> io::Result<()> {
        match self.settings.format {
            Format::Json => {
                serde_json::to_writer_pretty(&mut out, report)?;
                writeln!(out)?;
            }
            Format::Text => {
                let style = text::Style { width: width(), colour, verbose: self.settings.verbose };
                text::write(report, style, &mut out)?;
            }
        }
        out.flush()
    }
}

fn unwritten(path: &Path, error: &io::Error) -> String {
    format!("{}: cannot be written: {error}", path.display())
}

/// The columns of the terminal; `COLUMNS` where it is set, 80 where nobody knows.
fn width() -> usize {
    let asked = std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok());
    let seen = || terminal_size::terminal_size().map(|(width, _)| usize::from(width.0));
    asked.or_else(seen).unwrap_or(80).clamp(40, 400)
}

/// A key that nobody outside can know: the standard library's own hasher keys are random.
fn random() -> u64 {
    use std::hash::{BuildHasher, Hasher};
    std::hash::RandomState::new().build_hasher().finish()
}

fn connections_of(gathered: &mut Gathered) -> io::Result<Sorter<Connection>> {
    let mut rows = Sorter::default();
    for of_worker in &mut gathered.rows {
        for row in of_worker.connections.rows()? {
            rows.push(row?)?;
        }
        of_worker.connections = Default::default();
    }
    Ok(rows)
}

fn write_pairs(
    pairs: &mut Sorter<LegPair>,
    cases: &Cases<'_>,
    names: &Names,
    form: Form,
    file: &File,
) -> io::Result<()> {
    let mut table = Table::pairs(BufWriter::new(file), form)?;
    pairs.for_each(|pair| {
        let Some((case, _)) = cases.of(&pair).filter(|_| pair.clear) else { return Ok(()) };
        let case = &cases.cases[case];
        let mail = delivered(&pair.outbound, case.delivered_from);
        table.pair(&pair, &case.id(), mail, names)
    })?;
    table.finish()
}

fn write_connections(rows: &mut Sorter<Connection>, names: &Names, form: Form, file: &File) -> io::Result<()> {
    let mut table = Table::connections(BufWriter::new(file), form)?;
    rows.for_each(|row| table.connection(&row, names))?;
    table.finish()
}
