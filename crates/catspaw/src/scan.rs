//! `catspaw scan`: evidence in, a report out.

use std::collections::HashSet;
use std::fs::File;
use std::io::{self, BufWriter, IsTerminal, Write};
use std::mem::ManuallyDrop;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use catspaw_records::{Days, Endpoint, HashSeed};
use catspaw_relay::{Connection, LegPair};
use indicatif::{ProgressBar, ProgressStyle};

use crate::alerts::{self, Counts};
use crate::args::{FailOn, Format, ScanArgs, When};
use crate::console::{self, complain};
use crate::extract::{self, Chosen};
use crate::input::{Expanded, Problem, Source, expand};
use crate::output::{Output, Taken};
use crate::owners::{self, LeaseFile, Owners};
use crate::packets::Replay;
use crate::pipeline::{Clocks, FileRead, Gathered, Home, Lanes, Options, Sorter, Wanted, read};
use crate::redact::{Key, Redactor, Scope};
use crate::report::dialogue::Strongest;
use crate::report::explain::{Explained, Material};
use crate::report::{self, Cases, Findings, Names, Report, delivered, text};
use crate::settings::Settings;
use crate::tables::{Form, Table};

/// Runs the command.
pub(crate) fn scan(args: ScanArgs) -> ExitCode {
    console::exit(Settings::new(args).and_then(|settings| Scan::new(settings)?.run()))
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
    suggest: Option<Output>,
    rules: Option<alerts::Loaded>,
    alerts: Option<Output>,
    extract: Option<Output>,
    key: Option<(Scope, Key)>,
}

impl Scan {
    fn new(settings: Settings) -> Result<Self, String> {
        settings.warn();
        let evidence = expand(&settings.evidence);
        let mut taken = Taken::default();
        for source in &evidence.sources {
            match source.path() {
                Some(path) => taken.protect(path),
                None => taken.protect_standard_input(),
            }
        }
        let rule_files = settings.rules.asked.paths()?;
        for file in [&settings.configuration, &settings.signatures_file, &settings.names_file]
            .into_iter()
            .flatten()
            .chain(&rule_files)
            .chain(&settings.column_files)
        {
            taken.protect(file);
        }
        if settings.extract.is_some() && evidence.sources.iter().any(|source| source.size().is_none()) {
            return Err(
                "--extract reads captures twice, and standard input or a pipe can be read once: name files".to_owned()
            );
        }
        let key = settings.key()?;
        if let Some((_, Some(path))) = &settings.redact {
            taken.protect(path);
        }
        let report = settings.output.as_ref().filter(|path| path.as_os_str() != "-");
        let report = report.map(|path| taken.create("-o", path)).transpose()?;
        let owners = settings.owners.read(settings.configuration.as_deref(), &settings.zone)?;
        let mut table = |option, wanted: &Option<(PathBuf, Form)>| match wanted {
            Some((path, form)) => Ok::<_, String>(Some((taken.create(option, path)?, *form))),
            None => Ok(None),
        };
        let pairs = table("--pairs", &settings.pairs)?;
        let connections = table("--connections", &settings.connections)?;
        let suggest = &settings.suggest_authorised;
        let suggest = suggest.as_ref().map(|path| taken.create("--suggest-authorised", path)).transpose()?;
        let alerts = settings.rules.alerts.as_ref().map(|path| taken.create("--alerts", path)).transpose()?;
        let extract = settings.extract.as_ref().map(|(_, path)| taken.create("--extract", path)).transpose()?;
        let rules = settings.rules.asked.load(&settings.home, settings.quiet, settings.verbose)?;
        let leases = Vec::new();
        Ok(Self {
            settings,
            evidence,
            report,
            pairs,
            connections,
            owners,
            leases,
            suggest,
            rules,
            alerts,
            extract,
            key,
        })
    }

    fn run(mut self) -> Result<bool, String> {
        let mut gathered = self.gather()?;
        if let Err(nothing) = self.refuse_nothing(&gathered) {
            console::tell(&gathered.problems, self.settings.quiet, |said| said);
            return Err(nothing);
        }
        owners::list(std::mem::take(&mut self.leases), &mut gathered.files);
        let redactor = self.redactor(&gathered)?;
        let redactor = redactor.as_ref();
        if redactor.is_some() {
            gathered.problems.iter_mut().for_each(Problem::hide);
        }
        let shown = |said: String| redactor.map_or_else(|| said.clone(), |redactor| redactor.name(&said));
        console::tell(&gathered.problems, self.settings.quiet, shown);
        let names = Names::new(&gathered);
        let shown = redactor.map(|redactor| names.redacted(|name| redactor.name(name)));
        let shown = shown.as_ref().unwrap_or(&names);
        let mut days = Days::new(gathered.zone.as_ref().unwrap_or(&self.settings.zone).clone());
        let failed = |e: io::Error| format!("a temporary file failed: {e} (TMPDIR says where they lie)");

        let mut rows = connections_of(&mut gathered).map_err(failed)?;
        // The process ends with the report: to give back piece by piece what its hosts hold takes longer than to write it.
        let lanes = ManuallyDrop::new(std::mem::take(&mut gathered.lanes));
        let mut explained = self.pairs_to_explain(&mut gathered).map_err(failed)?;
        let mut given = std::mem::take(&mut gathered.rows);
        let config = &self.settings.config;
        let mut found = Findings::of(&mut given, &lanes, config, &mut days).map_err(failed)?;
        if !self.settings.restriction.ports.is_empty() {
            found.cases.cases.iter_mut().for_each(|case| case.hides_ports = true);
        }
        found.read_attempts(&mut given, &lanes, &gathered, config, &mut days).map_err(failed)?;
        drop(given);

        if let Some((output, form)) = self.pairs.take() {
            let written = write_pairs(&mut found.pairs, &found.cases, shown, redactor, form, output.file());
            written.map_err(|e| unwritten(output.path(), &e))?;
            output.keep()?;
        }
        if let Some((output, form)) = self.connections.take() {
            let shows = self.shown(&lanes);
            let written = write_connections(&mut rows, shown, redactor, shows, form, output.file());
            written.map_err(|e| unwritten(output.path(), &e))?;
            output.keep()?;
        }
        let counts = self.tell_alerts(&mut gathered, &lanes, shown, redactor)?;
        if let Some(output) = self.alerts.take() {
            output.keep()?;
        }
        let mut report = report::build(&self.settings, &gathered, &lanes, &found, &names);
        if let Some(loaded) = &self.rules {
            alerts::attach(&mut report, &counts, &loaded.rules);
            report.limits.extend(loaded.limit.clone());
            if !gathered.files.values().any(FileRead::is_capture) {
                report
                    .warnings
                    .push("Rules are held against packets, and there are none among the evidence.".to_owned());
            }
        }
        self.owners.name(&mut report);
        if let Some(redactor) = redactor {
            redactor.report(&mut report);
        }
        if !self.settings.quiet {
            report.warnings.iter().for_each(|warning| complain("warning", warning));
        }
        if let Some(output) = self.suggest.take() {
            let written = report::suggest::write(&report, &mut BufWriter::new(output.file()));
            written.map_err(|e| unwritten(output.path(), &e))?;
            output.keep()?;
        }
        match self.settings.explain {
            Some(host) => {
                let material = Material {
                    host,
                    lanes: &lanes,
                    cases: &found.cases,
                    dns_forwarders: &found.dns_forwarders,
                    config: &self.settings.config,
                    home: &self.settings.home,
                    verbose: self.settings.verbose,
                };
                let mut legs = material.explain(&mut rows, &mut explained).map_err(failed)?;
                material.add_tunnel(&mut found.pairs, &mut legs).map_err(failed)?;
                let strongest = Strongest::of(host, &found.cases, &mut found.pairs, &mut rows, self.settings.verbose);
                self.listen(strongest.map_err(failed)?, &gathered, &mut legs)?;
                if let Some(redactor) = redactor {
                    redactor.explained(&mut legs);
                }
                self.write(|style, mut out| text::explain::write(&legs, style, &mut out))?;
            }
            None => self.write_report(&report)?,
        }
        if let Some((output, (host, _))) = self.extract.take().zip(self.settings.extract.as_ref()) {
            let shows = self.shown(&lanes);
            let chosen = Chosen::of(*host, &found.cases, &mut found.pairs, &mut rows, shows).map_err(failed)?;
            match extract::why_nothing(*host, &chosen, &gathered) {
                Some(why) => complain("warning", &why),
                None => extract::write(&chosen, &gathered, (self.settings.wait, self.settings.checksums), output)?,
            }
        }
        Ok(match self.settings.rules.fail_on {
            FailOn::Incidents => !report.incidents.is_empty(),
            FailOn::Alerts => counts.all > 0,
        })
    }

    fn gather(&mut self) -> Result<Gathered, String> {
        let mut expanded = std::mem::take(&mut self.evidence);
        let options = Options {
            home: Home { machines: Arc::new(self.owners.machines()), ..self.settings.home.clone() },
            config: Arc::new(self.settings.config.clone()),
            restriction: Arc::new(self.settings.restriction.clone()),
            stamps: self.settings.stamps(),
            maps: Arc::clone(&self.settings.maps),
            days: Days::new(self.settings.zone.clone()),
            days_of_logs: !self.settings.names_zone,
            threads: self.settings.threads,
            wait: self.settings.wait,
            connections: match (self.settings.explain, self.settings.extract.as_ref()) {
                _ if self.connections.is_some() => Wanted::All,
                (Some(host), None) => Wanted::Of([host; 2]),
                (None, Some(&(host, _))) => Wanted::Of([host; 2]),
                (Some(explained), Some(&(extracted, _))) => Wanted::Of([explained, extracted]),
                (None, None) => Wanted::None,
            },
            ours: self.key.is_some(),
            seed: HashSeed(random()),
            signatures: Arc::clone(&self.settings.signatures),
            checksums: self.settings.checksums,
            rules: self.rules.as_ref().map(|loaded| Arc::clone(&loaded.rules)),
            clocks: Clocks::default(),
        };
        let (leases, problems) = owners::sift(&mut expanded.sources, &mut self.owners, &options.stamps);
        self.leases = leases;
        expanded.problems.extend(problems);
        let bar = self.progress_bar(&expanded.sources);
        let gathered = read(&expanded.sources, options, |bytes| bar.set_position(bytes));
        bar.finish_and_clear();
        let mut gathered = gathered.map_err(|e| format!("the scan failed: {e}"))?;
        gathered.problems.splice(0..0, expanded.problems);
        Ok(gathered)
    }

    /// Which connections are of the part of the evidence that was asked for.
    fn shown(&self, lanes: &[Lanes]) -> impl Fn(&Connection) -> bool {
        let shows = self.shown_ends(lanes);
        move |row| shows(row.ends())
    }

    /// The same of connections that are known by their ends.
    fn shown_ends(&self, lanes: &[Lanes]) -> impl Fn((Endpoint, Endpoint)) -> bool {
        let hosts: HashSet<IpAddr> =
            lanes.iter().flat_map(|shard| &shard.lanes).map(|(host, ..)| host.addr()).collect();
        move |ends| self.settings.restriction.shows(ends, |addr| hosts.contains(&addr))
    }

    /// Writes what rules said, and counts it.
    fn tell_alerts(
        &self,
        gathered: &mut Gathered,
        lanes: &[Lanes],
        names: &Names,
        redactor: Option<&Redactor>,
    ) -> Result<Counts, String> {
        let shows = self.shown_ends(lanes);
        let counts = Counts::of(&mut gathered.alerts, &self.settings.home, &shows)
            .map_err(|e| format!("a temporary file failed: {e} (TMPDIR says where they lie)"))?;
        gathered.dropped.add("alerts of hosts and rules that are not counted", counts.dropped);
        gathered.dropped.add("alerts that thresholds could not count", gathered.alerts.uncounted());
        gathered.dropped.add("bits of hosts that rules could not set", gathered.alerts.unset());
        if let (Some(output), Some(loaded)) = (&self.alerts, &self.rules) {
            let mut out = BufWriter::new(output.file());
            let written = gathered.alerts.for_each(|alert| match shows((alert.orig, alert.resp)) {
                true => alerts::write(alert, &loaded.rules, names, redactor, &mut out),
                false => Ok(()),
            });
            written.and_then(|()| out.flush()).map_err(|e| unwritten(output.path(), &e))?;
        }
        Ok(counts)
    }

    /// What was said on the strongest pairs, where the captures can be read again.
    fn listen(&self, strongest: Strongest, gathered: &Gathered, explained: &mut Explained) -> Result<(), String> {
        if strongest.is_empty() {
            return Ok(());
        }
        let captures = gathered.captures();
        if captures.iter().any(|(_, source)| source.size().is_none()) {
            let why = "What was said is not shown: for that captures are read twice, and a pipe can be read once.";
            explained.unheard = Some(why.to_owned());
            return Ok(());
        }
        let replay = Replay::open(captures, self.settings.wait, self.settings.checksums)?;
        explained.dialogues = strongest.read(replay).map_err(|e| format!("the second reading failed: {e}"))?;
        Ok(())
    }

    /// The pairs of the host that is to be explained, also where they convict nobody.
    fn pairs_to_explain(&self, gathered: &mut Gathered) -> io::Result<Sorter<LegPair>> {
        let mut pairs = Sorter::default();
        let Some(host) = self.settings.explain else { return Ok(pairs) };
        for rows in &mut gathered.rows {
            for pair in rows.pairs.rows()? {
                let pair = pair?;
                if pair.host.addr() == host {
                    pairs.push(pair)?;
                }
            }
        }
        Ok(pairs)
    }

    /// What replaces addresses, now that it is known which are ours.
    fn redactor(&mut self, gathered: &Gathered) -> Result<Option<Redactor>, String> {
        let Some((scope, key)) = self.key.take() else { return Ok(None) };
        let settings = &self.settings;
        let ours = || gathered.lanes.iter().map(|lanes| &lanes.ours);
        if ours().any(|ours| ours.beyond > 0) {
            return Err(
                "--redact: there are more addresses of ours than can be told from others: --home-net, or --since and \
                        --until, would help"
                    .to_owned(),
            );
        }
        let declared = settings.config.authorised.iter().map(|stanza| stanza.host);
        let nets = settings.home.nets.iter().copied().chain(declared).chain(settings.restriction.hosts.iter().copied());
        let own = ours()
            .flat_map(|ours| &ours.addresses)
            .copied()
            .chain(settings.explain)
            .chain(gathered.scans.hosts().map(|(host, _)| host))
            .collect();
        Redactor::new(scope, &key, nets.collect(), own).map(|redactor| Some(redactor.with_names(&settings.names)))
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

    /// Nothing read, or nothing of it ours, is no result.
    fn refuse_nothing(&self, gathered: &Gathered) -> Result<(), String> {
        let sensors = || gathered.sensors();
        if sensors().map(|sensor| sensor.records).sum::<u64>() == 0 {
            if gathered.scans.files > 0 {
                return Ok(());
            }
            return Err(report::nothing_understood(&gathered.files, self.key.is_none()));
        }
        if sensors().map(|sensor| sensor.inside).sum::<u64>() > 0 || gathered.alerts.is_any() {
            return Ok(());
        }
        let (home, with_values) = (&self.settings.home, self.key.is_none());
        Err(report::no_inside(home, &gathered.strangers, &gathered.files, with_values))
    }

    fn write_report(&mut self, report: &Report) -> Result<(), String> {
        let (format, verbose) = (self.settings.format, self.settings.verbose);
        self.write(|style, mut out| match format {
            Format::Json => {
                serde_json::to_writer_pretty(&mut *out, report)?;
                writeln!(out)
            }
            Format::Csv => report::csv::write(report, verbose, &mut out),
            Format::Text => text::write(report, style, &mut out),
        })
    }

    /// Writes to where the report goes.
    fn write(&mut self, say: impl Fn(text::Style, &mut dyn Write) -> io::Result<()>) -> Result<(), String> {
        let style = |colour| text::Style {
            width: console::width(),
            colour,
            verbose: self.settings.verbose,
            unicode: is_utf8(),
            redacted: self.settings.redact.is_some(),
        };
        let say = |style, mut out: &mut dyn Write| say(style, &mut out).and_then(|()| out.flush());
        match self.report.take() {
            Some(output) => {
                let written = say(style(false), &mut BufWriter::new(output.file()));
                written.map_err(|e| unwritten(output.path(), &e))?;
                output.keep()
            }
            None => {
                let out = io::stdout();
                let colour = out.is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
                match say(style(colour), &mut BufWriter::new(out.lock())) {
                    // Whoever read it has seen enough.
                    Err(e) if e.kind() == io::ErrorKind::BrokenPipe => Ok(()),
                    result => result.map_err(|e| format!("standard output: {e}")),
                }
            }
        }
    }
}

fn unwritten(path: &Path, error: &io::Error) -> String {
    format!("{}: cannot be written: {error}", path.display())
}

/// Whether the locale says that text is UTF-8.
fn is_utf8() -> bool {
    let locale =
        ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().find_map(|name| std::env::var(name).ok().filter(|v| !v.is_empty()));
    locale.is_some_and(|locale| {
        let locale = locale.to_ascii_lowercase();
        locale.contains("utf-8") || locale.contains("utf8")
    })
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
    redactor: Option<&Redactor>,
    form: Form,
    file: &File,
) -> io::Result<()> {
    let mut table = Table::pairs(BufWriter::new(file), form)?;
    pairs.for_each(|pair| {
        let Some((case, _)) = cases.of(&pair).filter(|_| pair.clear) else { return Ok(()) };
        let case = &cases.cases[case];
        let mail = delivered(&pair.outbound, case.delivered_from.bytes);
        match redactor {
            Some(redactor) => table.pair(&redactor.pair(pair), &redactor.id(&case.id()), mail, names),
            None => table.pair(&pair, &case.id(), mail, names),
        }
    })?;
    table.finish()
}

fn write_connections(
    rows: &mut Sorter<Connection>,
    names: &Names,
    redactor: Option<&Redactor>,
    shows: impl Fn(&Connection) -> bool,
    form: Form,
    file: &File,
) -> io::Result<()> {
    let mut table = Table::connections(BufWriter::new(file), form)?;
    rows.for_each(|row| match redactor {
        _ if !shows(&row) => Ok(()),
        Some(redactor) => table.connection(&redactor.connection(row), names),
        None => table.connection(&row, names),
    })?;
    table.finish()
}
