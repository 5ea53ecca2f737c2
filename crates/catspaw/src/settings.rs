//! The command line and the configuration file together: what they mean.

#[cfg(any(test, feature = "fuzzed"))]
pub(crate) mod check;
mod only;
mod rules;
mod text;
mod views;

use std::fs;
use std::net::{IpAddr, SocketAddr};
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use catspaw_records::cisco::{Names, Unread};
use catspaw_records::{Endpoint, Nanos};
use catspaw_relay::{Authorised, Config, Contained, Network, Topology};
use jiff::tz::TimeZone;
use serde::Deserialize;
use toml::Spanned;
use xxhash_rust::xxh3::xxh3_64;

use crate::args::{Checksums, FailOn, Format, ScanArgs, When};
use crate::columns::Maps;
use crate::console::complain;
use crate::indicators::Signatures;
use crate::moment;
use crate::owners;
use crate::pipeline::{Home, Restriction, Stamps};
use crate::redact::{Key, Scope};
use crate::tables::Form;

pub(crate) use rules::Rules;
pub(crate) use text::Text;

/// The merge waits so long for a record that comes out of order.
const WAIT: i64 = 600;

/// What a scan is to do.
#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) evidence: Vec<PathBuf>,
    /// The configuration file.
    pub(crate) configuration: Option<PathBuf>,
    pub(crate) home: Home,
    pub(crate) config: Config,
    pub(crate) owners: owners::Configured,
    /// What of the evidence is looked at.
    pub(crate) restriction: Restriction,
    pub(crate) format: Format,
    pub(crate) output: Option<PathBuf>,
    pub(crate) pairs: Option<(PathBuf, Form)>,
    pub(crate) connections: Option<(PathBuf, Form)>,
    /// The host whose legs are shown in place of the report.
    pub(crate) explain: Option<IpAddr>,
    /// The host whose incident's packets are written, and where.
    pub(crate) extract: Option<(IpAddr, PathBuf)>,
    /// Where the stanzas go that would declare what was found.
    pub(crate) suggest_authorised: Option<PathBuf>,
    /// Whose addresses are replaced, and the file of the key.
    pub(crate) redact: Option<(Scope, Option<PathBuf>)>,
    pub(crate) year: Option<i16>,
    pub(crate) zone: TimeZone,
    /// Whether the owner has named it.
    pub(crate) names_zone: bool,
    pub(crate) threads: usize,
    pub(crate) quiet: bool,
    pub(crate) verbose: bool,
    pub(crate) progress: When,
    pub(crate) checksums: Checksums,
    /// Nanoseconds.
    pub(crate) wait: i64,
    /// The owner's file of signatures, and what it says with those in the binary.
    pub(crate) signatures_file: Option<PathBuf>,
    pub(crate) signatures: Arc<Signatures>,
    /// What a device calls addresses, and the file that says it.
    pub(crate) names: Arc<Names>,
    pub(crate) names_file: Option<PathBuf>,
    /// What that file says, hashed.
    pub(crate) names_digest: u64,
    /// What could not be read of files that the owner named, and is no reason to give up.
    pub(crate) warnings: Vec<String>,
    /// The owner's files of columns, and what they say with those in the binary.
    pub(crate) column_files: Vec<PathBuf>,
    pub(crate) maps: Arc<Maps>,
    pub(crate) rules: Rules,
}

/// The configuration file: every option's long name with `_` for `-`, and what the owner declares.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    home_net: Option<Vec<Spanned<String>>>,
    since: Option<Spanned<String>>,
    until: Option<Spanned<String>>,
    host: Option<Vec<Spanned<String>>>,
    ports: Option<Vec<Spanned<only::Ports>>>,
    explain: Option<Spanned<String>>,
    extract: Option<Spanned<[String; 2]>>,
    suggest_authorised: Option<PathBuf>,
    redact: Option<Scope>,
    redact_key: Option<PathBuf>,
    format: Option<Format>,
    output: Option<PathBuf>,
    pairs: Option<Spanned<PathBuf>>,
    connections: Option<Spanned<PathBuf>>,
    year: Option<Spanned<i64>>,
    timezone: Option<Spanned<String>>,
    jobs: Option<Spanned<i64>>,
    quiet: Option<bool>,
    verbose: Option<bool>,
    progress: Option<When>,
    checksums: Option<Checksums>,
    signatures: Option<PathBuf>,
    names: Option<PathBuf>,
    columns: Option<Vec<PathBuf>>,
    rules: Option<Vec<PathBuf>>,
    var: Option<Vec<String>>,
    strict_rules: Option<bool>,
    no_builtin_rules: Option<bool>,
    alerts: Option<PathBuf>,
    fail_on: Option<FailOn>,
    #[serde(default)]
    authorised: Vec<Stanza>,
    #[serde(default)]
    contained: Vec<Cut>,
    #[serde(default)]
    thresholds: Thresholds,
    #[serde(default)]
    owners: owners::Configured,
}

/// Constants that may be turned.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Thresholds {
    /// Chance of a false verdict per host and thirty days.
    alpha: Option<Spanned<f64>>,
    /// Seconds of log time between an outbound leg's total and its factor.
    settle: Option<Spanned<f64>>,
    /// Seconds after its end at which a leg is final.
    horizon: Option<Spanned<f64>>,
    /// Bytes from which on a completed SMTP connection counts as a delivered mail.
    mail: Option<Spanned<u32>>,
    /// Seconds that the merge waits for a record that comes out of order.
    merge_wait: Option<Spanned<f64>>,
}

/// A declared relay.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stanza {
    host: Spanned<String>,
    proto: Option<Spanned<String>>,
    port: Option<Spanned<i64>>,
    topology: Option<Spanned<String>>,
    tunnel: Option<Spanned<String>>,
    clients: Option<Vec<Spanned<String>>>,
    targets: Option<Vec<Spanned<String>>>,
    reason: Spanned<String>,
}

/// A host that was cut off.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Cut {
    host: Spanned<String>,
    at: Spanned<String>,
}

impl Text<'_> {
    fn network(&self, text: &Spanned<String>) -> Result<Network, String> {
        Network::parse(text.as_ref())
            .ok_or_else(|| self.error(text.span().start, &format!("{:?} is no address and no network", text.as_ref())))
    }

    fn networks(&self, list: &Option<Vec<Spanned<String>>>) -> Result<Option<Vec<Network>>, String> {
        list.as_ref().map(|list| list.iter().map(|text| self.network(text)).collect()).transpose()
    }

    fn authorised(&self, stanza: &Stanza) -> Result<Authorised, String> {
        let one_of = |value: &Option<Spanned<String>>, known: &[&str], what: &str| match value {
            Some(text) if !known.contains(&text.as_ref().as_str()) => {
                Err(self.error(text.span().start, &format!("{what} is one of {}", known.join(", "))))
            }
            _ => Ok(()),
        };
        one_of(&stanza.proto, &["tcp", "udp"], "proto")?;
        one_of(&stanza.topology, &["forward", "backconnect", "direct"], "topology")?;
        if let Some(tunnel) = stanza.tunnel.as_ref().filter(|t| t.as_ref().parse::<SocketAddr>().is_err()) {
            return Err(self.error(tunnel.span().start, "tunnel is an address and a port, such as 198.51.100.9:443"));
        }
        if stanza.reason.as_ref().trim().is_empty() {
            return Err(self.error(stanza.reason.span().start, "a declared relay needs a reason"));
        }
        let topologies = [Topology::Forward, Topology::Backconnect, Topology::Direct];
        let named = |text: &Spanned<String>| topologies.into_iter().find(|t| t.name() == text.as_ref());
        let tunnel = |text: &Spanned<String>| {
            text.as_ref().parse().ok().map(|far: SocketAddr| Endpoint { addr: far.ip(), port: far.port() })
        };
        Ok(Authorised {
            host: self.network(&stanza.host)?,
            port: self.number(&stanza.port, 1..=65_535, "a port from 1 to 65535")?,
            topology: stanza.topology.as_ref().and_then(named),
            tunnel: stanza.tunnel.as_ref().and_then(tunnel),
            tcp: stanza.proto.as_ref().is_none_or(|p| p.as_ref() == "tcp"),
            clients: self.networks(&stanza.clients)?,
            targets: self.networks(&stanza.targets)?,
        })
    }

    /// Moments that do not say their zone are in `zone`.
    fn contained(&self, cut: &Cut, zone: &TimeZone) -> Result<Contained, String> {
        let host = cut.host.as_ref().trim().parse().map_err(|_| {
            self.error(cut.host.span().start, &format!("{:?} is no address: one host is cut off", cut.host.as_ref()))
        })?;
        let at = moment::parse(cut.at.as_ref(), zone).map_err(|why| self.error(cut.at.span().start, &why))?;
        Ok(Contained { host, at })
    }

    fn number<T: TryFrom<i64>>(
        &self,
        value: &Option<Spanned<i64>>,
        range: RangeInclusive<i64>,
        what: &str,
    ) -> Result<Option<T>, String> {
        let Some(number) = value else { return Ok(None) };
        let fits = T::try_from(*number.as_ref()).ok().filter(|_| range.contains(number.as_ref()));
        fits.map(Some).ok_or_else(|| self.error(number.span().start, what))
    }

    fn table(
        &self,
        asked: Option<PathBuf>,
        configured: Option<Spanned<PathBuf>>,
        option: &str,
    ) -> Result<Option<(PathBuf, Form)>, String> {
        let Some(path) = asked else {
            let Some(path) = configured else { return Ok(None) };
            let at = path.span().start;
            return table(path.into_inner()).map(Some).map_err(|why| self.error(at, &why));
        };
        table(path).map(Some).map_err(|why| format!("{option} {why}"))
    }

    fn seconds(&self, value: &Option<Spanned<f64>>, default: i64) -> Result<i64, String> {
        match value {
            Some(seconds) if !(0.0..=1e7).contains(seconds.as_ref()) => {
                Err(self.error(seconds.span().start, "seconds from 0 to 10000000"))
            }
            Some(seconds) => Ok((seconds.as_ref() * Nanos::SECOND as f64) as i64),
            None => Ok(default),
        }
    }

    fn config(&self, file: &File) -> Result<Config, String> {
        let usual = Config::default();
        let alpha = match &file.thresholds.alpha {
            Some(alpha) if !(*alpha.as_ref() > 0.0 && *alpha.as_ref() <= 1e-3) => {
                return Err(self.error(alpha.span().start, "alpha lies above 0 and is at most 0.001"));
            }
            Some(alpha) => *alpha.as_ref(),
            None => usual.alpha,
        };
        Ok(Config {
            alpha,
            settle: self.seconds(&file.thresholds.settle, usual.settle)?,
            horizon: self.seconds(&file.thresholds.horizon, usual.horizon)?,
            mail: file.thresholds.mail.as_ref().map(|bytes| i64::from(*bytes.as_ref())),
            authorised: file.authorised.iter().map(|stanza| self.authorised(stanza)).collect::<Result<_, _>>()?,
            contained: Vec::new(),
        })
    }
}

impl Settings {
    /// Puts the command line on top of the configuration file, and reads what they name.
    ///
    /// # Errors
    /// Where something means nothing: what, where, and what would.
    pub(crate) fn new(args: ScanArgs) -> Result<Self, String> {
        let text = match &args.config {
            Some(path) => fs::read_to_string(path).map_err(|e| format!("{}: cannot be read: {e}", path.display()))?,
            None => String::new(),
        };
        let mut settings = Self::of(args, &text)?;
        settings.signatures = Arc::new(Signatures::load(settings.signatures_file.as_deref())?);
        if let Some(path) = &settings.names_file {
            let (names, digest) = load_names(path)?;
            settings.warnings.extend(
                names
                    .unread()
                    .iter()
                    .map(|Unread { line, column, why }| format!("{}:{line}:{column}: {why}: left out", path.display())),
            );
            (settings.names, settings.names_digest) = (Arc::new(names), digest);
        }
        settings.maps = Arc::new(Maps::load(&settings.column_files)?);
        Ok(settings)
    }

    /// Whose addresses are replaced, and by which key.
    ///
    /// # Errors
    /// Where there is no key.
    pub(crate) fn key(&self) -> Result<Option<(Scope, Key)>, String> {
        let Some((scope, path)) = &self.redact else { return Ok(None) };
        let Some(path) = path else { return Ok(Some((*scope, Key::random()?))) };
        let (key, is_open) = Key::of(path)?;
        if is_open && !self.quiet {
            complain("warning", &format!("{}: others may read this key, and undo --redact: chmod 600", path.display()));
        }
        Ok(Some((*scope, key)))
    }

    /// Says what could not be read of the files that the owner named.
    pub(crate) fn warn(&self) {
        if !self.quiet {
            self.warnings.iter().for_each(|warning| complain("warning", warning));
        }
    }

    /// How stamps without year or zone are read, and names in the place of addresses.
    pub(crate) fn stamps(&self) -> Stamps {
        Stamps { zone: self.zone.clone(), year: self.year, names: Arc::clone(&self.names) }
    }

    /// The command line on top of what a configuration says, before anything that they name is read.
    fn of(args: ScanArgs, text: &str) -> Result<Self, String> {
        let path = args.config.clone().unwrap_or_default();
        let source = Text { path: &path, text };
        let file: File = source.parse()?;
        let mut config = source.config(&file)?;
        let home = match args.home_net.as_slice() {
            [] => source.networks(&file.home_net)?.unwrap_or_default(),
            nets => nets.iter().map(|net| home_net(net)).collect::<Result<_, _>>()?,
        };
        let wait = source.seconds(&file.thresholds.merge_wait, WAIT * Nanos::SECOND)?;
        let zone = match (&args.timezone, &file.timezone) {
            (Some(name), _) => zone(name).map_err(|why| format!("--timezone: {why}"))?,
            (None, Some(name)) => zone(name.as_ref()).map_err(|why| source.error(name.span().start, &why))?,
            (None, None) => TimeZone::UTC,
        };
        let restriction = source.restriction(&args.only, &file, &zone)?;
        // Of the hosts that are not asked for nothing is known, not even that they were not seen.
        config.authorised.retain(|stanza| !stanza.host.is_single() || restriction.names(stanza.host.addr()));
        config.contained = file.contained.iter().map(|cut| source.contained(cut, &zone)).collect::<Result<_, _>>()?;
        let year = match args.year {
            Some(year) if !(1970..=2200).contains(&year) => {
                return Err(format!("--year {year}: give a year from 1970 to 2200"));
            }
            Some(year) => Some(year),
            None => source.number(&file.year, 1970..=2200, "a year from 1970 to 2200")?,
        };
        let explain = source.explain(&args, &file)?;
        let extract = source.extract(&args.views, &file)?;
        let redact = views::redact(&args, &file)?;
        let jobs = source.number::<u16>(&file.jobs, 1..=65_535, "at least one thread")?.map(usize::from);
        let threads = match args.jobs.or(jobs) {
            Some(0) => return Err("--jobs 0: give at least one thread".to_owned()),
            Some(threads) => threads.min(256),
            None => std::thread::available_parallelism().map_or(1, usize::from),
        };
        let mut warnings = Vec::new();
        if args.rules.no_builtin_rules || file.no_builtin_rules == Some(true) {
            warnings.push("--no-builtin-rules: no rules come with this version, so that none are left out".to_owned());
        }
        let is_no_word = |letter: char| letter == '.' || letter.is_whitespace();
        let unsaid = file.authorised.iter().filter(|stanza| stanza.reason.as_ref().chars().all(is_no_word));
        let unsaid: Vec<&str> = unsaid.map(|stanza| stanza.host.as_ref().as_str()).collect();
        if let Some(first) = unsaid.first() {
            let others = if unsaid.len() > 1 { format!(" and {} more", unsaid.len() - 1) } else { String::new() };
            warnings.push(format!(
                "{}: {first}{others} declared without a reason (nothing but dots): say why it is meant to be a relay, for it is not accused \
                 any more",
                path.display(),
            ));
        }
        let rules = Rules::new(args.rules, &file)?;
        let column_files = match args.columns.is_empty() {
            true => file.columns.unwrap_or_default(),
            false => args.columns,
        };
        Ok(Self {
            evidence: args.evidence,
            configuration: args.config,
            home: Home { nets: home, ..Home::default() },
            config,
            owners: file.owners,
            restriction,
            format: args.format.or(file.format).unwrap_or(Format::Text),
            output: args.output.or(file.output),
            pairs: source.table(args.pairs, file.pairs, "--pairs")?,
            connections: source.table(args.connections, file.connections, "--connections")?,
            explain,
            extract,
            redact,
            suggest_authorised: args.views.suggest_authorised.or(file.suggest_authorised),
            year,
            zone,
            names_zone: args.timezone.is_some() || file.timezone.is_some(),
            threads,
            quiet: args.quiet || file.quiet.unwrap_or(false),
            verbose: args.verbose || file.verbose.unwrap_or(false),
            progress: args.progress.or(file.progress).unwrap_or(When::Auto),
            checksums: args.checksums.or(file.checksums).unwrap_or(Checksums::Auto),
            wait,
            signatures: Arc::default(),
            signatures_file: args.signatures.or(file.signatures),
            names: Arc::default(),
            names_file: args.names.or(file.names),
            names_digest: 0,
            warnings,
            maps: Arc::default(),
            column_files,
            rules,
        })
    }
}

/// The `name` commands of a device's configuration, and all of it hashed.
fn load_names(path: &Path) -> Result<(Names, u64), String> {
    let option = format!("--names {}", path.display());
    let text = fs::read(path).map_err(|e| format!("{option}: cannot be read: {e}"))?;
    let names = Names::parse(&text);
    match names.unread().first() {
        _ if !names.is_empty() => Ok((names, xxh3_64(&text))),
        Some(Unread { line, column, why }) => {
            Err(format!("{option}:{line}:{column}: {why}, and no other names anything"))
        }
        None => Err(format!(
            "{option}: no line of it is a `name ADDRESS NAME` command (such as name 192.0.2.25 mail); is it the device's \
             configuration?"
        )),
    }
}

fn home_net(text: &str) -> Result<Network, String> {
    Network::parse(text).ok_or_else(|| format!("--home-net {text}: no address and no network (such as 172.28.0.0/16)"))
}

fn zone(name: &str) -> Result<TimeZone, String> {
    TimeZone::get(name).map_err(|_| format!("{name:?} is no time zone (such as UTC or Europe/Berlin)"))
}

fn table(path: PathBuf) -> Result<(PathBuf, Form), String> {
    match Form::of(&path) {
        Some(form) => Ok((path, form)),
        None => Err(format!("{}: the name ends in .jsonl, or in .log or .tsv for Zeek's form", path.display())),
    }
}
