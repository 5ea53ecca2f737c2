//! `catspaw trace`: who was behind a public address at a time.

mod answer;
mod args;
mod index;
mod keep;
mod log;
mod print;
mod question;
mod read;
mod search;
mod span;
mod uses;

use std::io::{self, BufWriter, IsTerminal as _, Write};
use std::net::IpAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use indicatif::{ProgressBar, ProgressStyle};

pub(crate) use self::answer::{Answer, Answers, Candidate};
use self::answer::{Indexed, answer};
pub(crate) use self::args::TraceArgs;
use self::args::{Form, Proto};
use self::index::Index;
pub(crate) use self::index::MAGIC as INDEX_MAGIC;
use self::keep::{Keeper, Log};
use self::question::{Question, Questions, SHOWN, Wrong, parse_end};
use self::search::{Found, search};
use crate::console::{self, complain};
use crate::input::{Problem, Source, What, expand};
use crate::owners::{LeaseFile, Owners, sift};
use crate::pipeline::{Looked, Stamps, follow_new_year, follow_parts, is_of_years, survey, take_parts};
use crate::redact::{Key, Redactor, Scope};
use crate::report::text::Style;
use crate::settings::Settings;

/// Runs the command.
pub(crate) fn trace(args: TraceArgs) -> ExitCode {
    console::exit(Trace::new(args).and_then(Trace::run).map(|clear| !clear))
}

/// What is to be done.
struct Trace {
    settings: Settings,
    key: Option<(Scope, Key)>,
    owners: Owners,
    evidence: Vec<PathBuf>,
    questions: Vec<Question>,
    /// Lines that were meant as questions and are none, as far as they are listed; and how many there are.
    wrong: Vec<Wrong>,
    bad: u64,
    form: Form,
    proto: Option<Proto>,
    folder: Option<PathBuf>,
    index_only: bool,
}

/// Says which lines are no questions.
fn say_wrong(questions: &Questions) {
    questions.wrong.iter().take(SHOWN).for_each(|wrong| complain("error", &format!("--questions {wrong}")));
    let more = questions.bad.saturating_sub(SHOWN as u64);
    if more > 0 {
        complain("error", &format!("--questions: {more} more lines are no questions"));
    }
}

impl Trace {
    fn new(mut args: TraceArgs) -> Result<Self, String> {
        let settings = args.settings()?;
        settings.warn();
        let key = settings.key()?;
        let owners = settings.owners.read(settings.configuration.as_deref(), &settings.zone)?;
        let zone = &settings.zone;
        let is_input = |path: &PathBuf| path.to_str() == Some("-");
        if args.questions.as_ref().is_some_and(is_input) && args.words.iter().any(is_input) {
            return Err("--questions - and evidence from standard input: it holds one of them".to_owned());
        }
        let questions = match (&args.at, &args.questions) {
            (Some(at), _) => {
                let address = args.words.remove(0);
                Questions { all: vec![Question::parse(&address.to_string_lossy(), at, zone)?], ..Questions::default() }
            }
            (None, Some(path)) => question::read(path, zone, key.is_some())?,
            (None, None) if args.index => Questions::default(),
            (None, None) => return Err(nothing_asked(&args.words)),
        };
        if args.words.is_empty() {
            return Err("no evidence is named: which logs tell of translations and connections?".to_owned());
        }
        if let (Some(path), Some(first)) =
            (&args.questions, questions.wrong.first().filter(|_| questions.all.is_empty()))
        {
            let (name, bad) = (path.display(), questions.bad);
            let more =
                if bad == 1 { String::new() } else { format!(" (and so on: none of its {bad} lines asks anything)") };
            return Err(format!("{name}: no question in it that is understood: {first}{more}"));
        }
        say_wrong(&questions);
        let TraceArgs { words: evidence, index_dir: folder, format: form, proto, index: index_only, .. } = args;
        let Questions { all: questions, wrong, bad } = questions;
        Ok(Self { settings, key, owners, evidence, questions, wrong, bad, form, proto, folder, index_only })
    }

    fn run(mut self) -> Result<bool, String> {
        let expanded = expand(&self.evidence);
        let (mut sources, mut problems) = (expanded.sources, expanded.problems);
        let stamps = self.settings.stamps();
        let (leases, more) = sift(&mut sources, &mut self.owners, &stamps);
        problems.extend(more);
        let mut logs = self.logs(sources, stamps, &mut problems)?;
        let redactor = self.redactor(self.questions.iter().map(|question| question.address))?;
        self.tell(&logs, &leases, &problems, redactor.as_ref());
        let records = logs.iter().map(|log| log.index.directory.log.records).sum::<u64>();
        if records + leases.iter().map(|file| file.records).sum::<u64>() == 0 {
            return Err("no file gave a record: see above what stands in the way".to_owned());
        }
        if self.index_only {
            self.tell_indexes(&logs, redactor.as_ref());
            return Ok(true);
        }
        let found = self.search(&mut logs)?;
        let asked = self.questions.iter().map(|question| question.address);
        let redactor = self.redactor(found.iter().flat_map(Found::addresses).chain(asked))?;
        let indexed: Vec<Indexed<'_>> =
            logs.iter().map(|log| Indexed { path: log.source.name(), directory: &log.index.directory }).collect();
        let asked = self.questions.iter().zip(found);
        let questions = asked.map(|(question, found)| answer(question, found, &indexed, &self.owners)).collect();
        let unparsed = std::mem::take(&mut self.wrong);
        let mut answers = Answers { schema: "catspaw.trace/1", questions, unparsed, unparsed_total: self.bad };
        if let Some(redactor) = redactor {
            redactor.answers(&mut answers);
        }
        // What was not understood has no answer.
        let clear = self.bad == 0 && answers.questions.iter().all(|answer| answer.candidates.len() == 1);
        match self.write(&answers) {
            // Whoever read it has seen enough.
            Err(e) if e.kind() == io::ErrorKind::BrokenPipe => Ok(clear),
            result => result.map(|()| clear).map_err(|e| format!("standard output: {e}")),
        }
    }

    /// What replaces addresses, all of which are ours.
    fn redactor(&self, own: impl Iterator<Item = IpAddr>) -> Result<Option<Redactor>, String> {
        let Some((scope, key)) = &self.key else { return Ok(None) };
        let nets = self.settings.home.nets.clone();
        Redactor::new(*scope, key, nets, own.collect()).map(Some)
    }

    /// The indexes of all logs.
    fn logs(&self, sources: Vec<Source>, stamps: Stamps, problems: &mut Vec<Problem>) -> Result<Vec<Log>, String> {
        let (mut surveyed, mut unknown) = (Vec::new(), Vec::new());
        for (number, source) in sources.into_iter().enumerate() {
            match survey(source, number as u32, &stamps, &self.settings.maps) {
                Ok(Looked::Log(mut log)) => {
                    problems.append(&mut log.remarks);
                    surveyed.push(*log);
                }
                Ok(Looked::Scan(_, source, _)) => problems.push(source.problem(What::Untold("a scan"))),
                Ok(Looked::Capture(capture)) => problems.push(capture.source.problem(What::Untold("a capture"))),
                Ok(Looked::Unknown(file)) => unknown.push(file),
                Err(problem) => problems.push(problem),
            }
        }
        problems.extend(take_parts(unknown, &mut surveyed, &stamps));
        follow_new_year(&mut surveyed, &stamps, &self.settings.maps);
        follow_parts(&mut surveyed, &stamps.zone);
        let keeper = self.keeper(stamps);
        let mut logs = Vec::new();
        for log in surveyed {
            let bar = self.progress_bar(&log.source);
            let log = keeper.log(log, problems, |bytes| bar.set_position(bytes));
            bar.finish_and_clear();
            logs.push(log?);
        }
        Ok(logs)
    }

    fn keeper(&self, stamps: Stamps) -> Keeper {
        let Settings { maps, names_digest, threads, .. } = &self.settings;
        let (maps, names) = (maps.digest, *names_digest);
        Keeper { stamps, maps, names, threads: *threads, folder: self.folder.clone() }
    }

    fn progress_bar(&self, source: &Source) -> ProgressBar {
        if self.settings.quiet || !io::stderr().is_terminal() {
            return ProgressBar::hidden();
        }
        let form = "{msg}: {wide_bar} {bytes}/{total_bytes}, {bytes_per_sec}, {eta} left";
        let style = ProgressStyle::with_template(form).unwrap_or_else(|_| ProgressStyle::default_bar());
        ProgressBar::new(source.size().unwrap_or(0)).with_style(style).with_message(source.name())
    }

    /// Looks the questions up. An index that turns out to be damaged is made again, once.
    fn search(&self, logs: &mut [Log]) -> Result<Vec<Found>, String> {
        let proto = self.proto.map(Proto::number);
        for _ in 0..=logs.len() {
            let indexes: Vec<&Index> = logs.iter().map(|log| &log.index).collect();
            let damaged = match search(&indexes, &self.questions, proto) {
                Ok(found) => return Ok(found),
                Err(number) => number,
            };
            self.keeper(self.settings.stamps()).again(&mut logs[damaged], &mut Vec::new())?;
        }
        Err("an index was damaged while it was read, again and again: name another place with --index-dir".to_owned())
    }

    fn tell(&self, logs: &[Log], leases: &[LeaseFile], problems: &[Problem], redactor: Option<&Redactor>) {
        let shown = |said: String| redactor.map_or_else(|| said.clone(), |redactor| redactor.name(&said));
        console::tell(problems, self.settings.quiet, shown);
        if self.settings.quiet {
            return;
        }
        let complain = |kind, said: &str| complain(kind, &shown(said.to_owned()));
        for log in logs {
            let (name, state) = (log.source.name(), &log.index.directory.log);
            if log.made && log.kept.is_none() && log.source.size().is_some() {
                complain(
                    "warning",
                    &format!(
                        "{name}: its index cannot be kept, neither beside it nor in the cache: the next question reads it again; --index-dir names a place"
                    ),
                );
            }
            // Said each time: an answer is as good as what could be read, whenever that was.
            if state.unparsed > 0 {
                let (unparsed, lines) = (state.unparsed, state.lines);
                complain(
                    "warning",
                    &format!("{name}: {unparsed} of {lines} lines could not be read: catspaw scan shows which"),
                );
            }
            if let Some(lost) = state.lost.sentence(&name) {
                complain("warning", &format!("{lost} Of what they told no question can be answered."));
            }
            if state.let_go > 0 {
                complain(
                    "warning",
                    &format!(
                        "{name}: {} connections and translations were open at once beyond what is kept: they count as open to the end",
                        state.let_go
                    ),
                );
            }
            if let Some(year) = log.guessed_year {
                let others = if state.span.is_some_and(is_of_years) { ", and others in it say another" } else { "" };
                complain(
                    "warning",
                    &format!(
                        "{name}: stamps without a year were taken as of {year}{others}: --year says of which they are"
                    ),
                );
            }
        }
        for file in leases {
            let unparsed: u64 = file.unparsed.values().map(|(count, _)| count).sum();
            if let Some((why, (_, lines))) = file.unparsed.first_key_value() {
                let (name, line) = (file.source.name(), lines.first().copied().unwrap_or(0));
                complain(
                    "warning",
                    &format!("{name}:{line}: {why} ({unparsed} such lines of leases could not be read)"),
                );
            }
        }
        if self.owners.dropped() > 0 {
            complain("warning", &format!("{} leases beyond what is kept were left out", self.owners.dropped()));
        }
    }

    fn tell_indexes(&self, logs: &[Log], redactor: Option<&Redactor>) {
        let shown = |said: String| redactor.map_or_else(|| said.clone(), |redactor| redactor.name(&said));
        for log in logs.iter().filter(|_| !self.settings.quiet) {
            let state = &log.index.directory.log;
            let (lines, size) = (state.lines, log.index.size());
            let made = if log.made { "made" } else { "up to date" };
            let kept = log.kept.as_ref().map_or("nowhere".to_owned(), |path| path.display().to_string());
            let said = format!("{}: {made}: {lines} lines, {size} bytes in {kept}", log.source.name());
            complain("index", &shown(said));
        }
    }

    fn write(&self, answers: &Answers) -> io::Result<()> {
        let mut out = BufWriter::new(io::stdout().lock());
        match self.form {
            Form::Json => {
                serde_json::to_writer_pretty(&mut out, answers)?;
                writeln!(out)?;
            }
            Form::Text => print::write(answers, self.style(), &mut out)?,
        }
        out.flush()
    }
}

impl Trace {
    fn style(&self) -> Style {
        let redacted = self.key.is_some();
        Style { width: console::width(), colour: false, verbose: false, unicode: false, redacted }
    }
}

/// What to say where there is no question.
fn nothing_asked(words: &[PathBuf]) -> String {
    match words.first().and_then(|word| parse_end(&word.to_string_lossy())) {
        Some(_) => "when? --at TIME is missing, such as --at 2003-03-04T16:05:00Z".to_owned(),
        None => "nothing is asked: name ADDRESS[:PORT] and --at TIME, or --questions FILE. (Complaints among the \
                 evidence are not read by this version: take address and time from them.)"
            .to_owned(),
    }
}
