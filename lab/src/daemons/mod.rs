//! Real traffic of real programs, with its truth.
//!
//! [`run`] makes namespaces (`net`), sets a scenario in them (`scenarios`), lets real daemons and the lab's own clients
//! and servers (`actor`) meet while `tcpdump` records what passes the border, and writes down what happened: the truth
//! from tokens in the payload (`truth`), and the capture as other witnesses would have told of it (`export`).
//! `lab/README.md` says how to add a scenario. Needs root, Linux, and the Debian packages that [`programs`] lists.

mod actor;
mod clock;
mod export;
mod frames;
mod link;
mod names;
mod net;
mod process;
mod scenarios;
mod stage;
mod task;
mod track;
mod truth;

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

use net::{Host, Net};
use process::Running;
use scenarios::{SCENARIOS, Scenario};
use stage::{Cast, Relay, Stage};
use truth::Named;

/// What every run needs: programs, and Debian's packages that have them.
const PROGRAMS: [(&str, &str); 6] = [
    ("ip", "iproute2"),
    ("ethtool", "ethtool"),
    ("socat", "socat"),
    ("tcpdump", "tcpdump"),
    ("softflowd", "softflowd"),
    ("nfcapd", "nfdump"),
];
/// How long the last calls may take when no more begin.
const PATIENCE: Duration = Duration::from_secs(60);
/// Milliseconds of quiet at the end, in which what was closed is closed on both sides.
const QUIET: Duration = Duration::from_millis(1500);

/// What is asked for.
#[derive(Clone, Debug)]
pub struct Request {
    /// What everything varies by.
    pub seed: u64,
    /// Names of scenarios; all of them without one.
    pub scenarios: Vec<String>,
    /// How many are played at a time.
    pub jobs: usize,
    /// Where to: a folder for each scenario is made there.
    pub to: PathBuf,
}

/// The scenarios' names, in their order.
pub fn scenarios() -> impl Iterator<Item = &'static str> {
    SCENARIOS.iter().map(|scenario| scenario.name)
}

/// Programs that scenarios need, and Debian's packages that have them.
///
/// # Errors
/// When there is no such scenario.
pub fn programs(names: &[String]) -> io::Result<Vec<(&'static str, &'static str)>> {
    let mut programs = PROGRAMS.to_vec();
    programs.extend(chosen(names)?.iter().flat_map(|(_, scenario)| scenario.parts).flat_map(|part| part.programs));
    programs.sort_unstable();
    programs.dedup();
    Ok(programs)
}

/// The scenarios of these names, with their numbers.
fn chosen(names: &[String]) -> io::Result<Vec<(usize, &'static Scenario)>> {
    let all = || (1..).zip(SCENARIOS);
    if let Some(unknown) = names.iter().find(|name| !scenarios().any(|known| known == *name)) {
        let known: Vec<&str> = scenarios().collect();
        return Err(io::Error::other(format!("no scenario {unknown}; there are {}", known.join(", "))));
    }
    Ok(all().filter(|(_, scenario)| names.is_empty() || names.iter().any(|name| name == scenario.name)).collect())
}

/// Makes what is asked for; says on standard error what it does.
///
/// # Errors
/// When something cannot be made. What was made in the network is removed in any case.
pub fn run(request: &Request) -> io::Result<()> {
    if !fs::read_to_string("/proc/self/status")?.contains("\nUid:\t0\t") {
        return Err(io::Error::other("the lab makes network namespaces, which takes root"));
    }
    match &chosen(&request.scenarios)?[..] {
        [(number, scenario)] => alone(*number, scenario, request),
        many => together(many, request),
    }
}

fn alone(number: usize, scenario: &Scenario, request: &Request) -> io::Result<()> {
    let began = Instant::now();
    remove_old(scenario.name, &request.to)?;
    let to = request.to.join(format!("{number}-{}", scenario.name));
    let said =
        play(scenario, request.seed, &to).map_err(|why| io::Error::other(format!("{}: {why}", scenario.name)))?;
    _ = writeln!(io::stderr(), "{}: {said}, in {:.0} s", scenario.name, began.elapsed().as_secs_f64());
    Ok(())
}

/// Removes what an earlier run left of a scenario, whatever its number was then.
fn remove_old(name: &str, from: &Path) -> io::Result<()> {
    let number = |folder: &str| folder.strip_suffix(name)?.strip_suffix('-')?.parse::<usize>().ok();
    for entry in fs::read_dir(from).into_iter().flatten() {
        let entry = entry?;
        if number(&entry.file_name().to_string_lossy()).is_some() {
            fs::remove_dir_all(entry.path())?;
        }
    }
    Ok(())
}

/// Plays several at a time, each in a process of its own: most of the time they wait.
fn together(many: &[(usize, &Scenario)], request: &Request) -> io::Result<()> {
    let waiting = Mutex::new(many.iter().map(|(_, scenario)| scenario.name));
    let exe = std::env::current_exe()?;
    let next = || waiting.lock().ok()?.next();
    let play = |name: &str| {
        let mut child = Command::new(&exe);
        child.args(["daemons", "--seed", &request.seed.to_string(), "--scenario", name, "-o"]).arg(&request.to);
        child.stdin(Stdio::null()).status().is_ok_and(|status| status.success())
    };
    let failed: Vec<&str> = thread::scope(|scope| {
        let worker = || std::iter::from_fn(next).filter(|name| !play(name)).collect::<Vec<_>>();
        let workers: Vec<_> = (0..request.jobs.max(1)).map(|_| scope.spawn(worker)).collect();
        workers.into_iter().flat_map(|worker| worker.join().unwrap_or_default()).collect()
    });
    if failed.is_empty() { Ok(()) } else { Err(io::Error::other(format!("not made: {}", failed.join(", ")))) }
}

/// Plays one scenario, and writes all of it.
fn play(scenario: &Scenario, seed: u64, to: &Path) -> io::Result<String> {
    let work = to.join("work");
    fs::create_dir_all(&work)?;
    let work = work.canonicalize()?;
    // Programs read it in their configurations, and shells in commands.
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/._-".contains(&byte);
    if !work.as_os_str().as_encoded_bytes().iter().all(|&byte| plain(byte)) {
        return Err(io::Error::other(format!("{}: letters, digits and ._- only, please", work.display())));
    }
    let mut stage = Stage::new(Net::make(&work, seed)?, work.clone(), seed, scenario.seconds);
    let capture = to.join("capture.pcap");
    let outcome = scenario
        .parts
        .iter()
        .try_for_each(|part| {
            stage.part(part.name);
            (part.set)(&mut stage).map_err(|why| io::Error::other(format!("{}: {why}", part.name)))
        })
        .and_then(|()| record(&mut stage, &capture))
        .and_then(|()| export::netflow(&stage.net, &capture, to, &work));
    stage.daemons.clear();
    let Stage { net, cast, .. } = stage;
    net.remove()?;
    outcome?;
    let recorded = fs::read(&capture)?;
    let conns = track::track(&frames::packets(&recorded)?);
    export::syslog(&conns, to)?;
    export::conn_log(&conns, to)?;
    let named = Named { scenario: scenario.name, seed };
    let mut events = truth::events(&work)?;
    events.extend(truth::on_the_wire(frames::tokens(&recorded)?));
    let truth = truth::truth(&named, &cast, &conns, &events, to)?;
    fs::write(to.join("truth.json"), serde_json::to_vec_pretty(&truth)?)?;
    fs::write(to.join("config.toml"), declared(&cast))?;
    if let Some(table) = owners(&cast) {
        fs::write(to.join("owners.csv"), table)?;
    }
    pack(to)?;
    let counts = truth.expected;
    Ok(format!(
        "{} packets, {} TCP connections, {} sessions",
        counts.packets,
        counts.tcp_connections,
        truth.sessions.len()
    ))
}

/// The configuration in which the owner says which relays are meant to be ones.
fn declared(cast: &Cast) -> String {
    let relays = cast.relays.iter().filter(|relay| relay.authorised);
    let stanza = |relay: &Relay, port: &u16| {
        let (host, topology) = (relay.ip(), relay.topology);
        format!("[[authorised]]\nhost = \"{host}\"\nproto = \"tcp\"\nport = {port}\nreason = \"{topology}\"\n")
    };
    let owners = if cast.known.is_empty() { "" } else { "[owners]\ncsv = \"owners.csv\"\n" };
    let stanzas = relays.flat_map(|relay| relay.ports.iter().map(move |port| stanza(relay, port)));
    stanzas.chain([owners.to_owned()]).collect()
}

/// The owner's table of machines, where there is one.
fn owners(cast: &Cast) -> Option<String> {
    let row = |(number, host): (u8, &Host)| {
        let mac = format!("02:00:00:00:00:{number:02x}");
        format!("{},{mac},,{name},,\n{},{mac},,{name},,\n", host.v4, host.v6, name = host.name)
    };
    let rows: String = (1..).zip(&cast.known).map(row).collect();
    Some(format!("address,mac,user,name,from,to\n{rows}")).filter(|_| !rows.is_empty())
}

/// Lets everybody do what they are to, while it is recorded.
fn record(stage: &mut Stage, capture: &Path) -> io::Result<()> {
    let mut actors: Vec<Running> = Vec::new();
    for (space, tasks) in &stage.tasks {
        actors.push(stage.net.actor(space, &format!("actor-{}", actors.len()), tasks, &stage.work)?);
    }
    let log = stage.work.join("tcpdump.log");
    let mut dump = stage.net.capture(capture, &log)?;
    let mut programs = begin(stage)?;
    // Nobody is let into a tunnel before it is known to stand.
    let begin = clock::now() + if programs.is_empty() { 200_000 } else { 4_000_000 };
    for actor in &mut actors {
        actor.say(&format!("{begin:>23}\n"))?;
    }
    let patience = Duration::from_millis(stage.span) + PATIENCE;
    for actor in &mut actors {
        actor.expect_within("done", patience)?;
    }
    // What ended before is missing in what was recorded.
    for program in stage.daemons.iter_mut().chain(&mut programs) {
        program.goes_on()?;
    }
    stage.net.goes_on()?;
    for program in &mut programs {
        program.stop("TERM", Duration::from_secs(10))?;
    }
    thread::sleep(QUIET);
    dump.stop("INT", Duration::from_secs(10))?;
    let said = fs::read_to_string(&log)?;
    if !said.contains("\n0 packets dropped by kernel") {
        return Err(io::Error::other(format!("the capture is not whole: {}", said.trim().replace('\n', ", "))));
    }
    Ok(())
}

/// Starts what begins when everything is recorded.
fn begin(stage: &Stage) -> io::Result<Vec<Running>> {
    let mut programs = Vec::new();
    for (number, later) in stage.later.iter().enumerate() {
        let log = stage.work.join(format!("{}-later-{number}.log", later.host.name));
        let mut program = Running::start(&later.host.space, &later.host.name, &later.words, &log, false)?;
        program.opens((&later.opens.0, later.opens.1), net::READY)?;
        programs.push(program);
    }
    Ok(programs)
}

/// Packs every file of a run but the configuration and what it names, as captures beside a checkout are.
fn pack(folder: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "toml" || extension == "csv") {
            continue;
        }
        if path.is_dir() {
            if path.file_name().is_some_and(|name| name != "work") {
                pack(&path)?;
            }
            continue;
        }
        let packed = PathBuf::from(format!("{}.zst", path.display()));
        zstd::stream::copy_encode(fs::File::open(&path)?, fs::File::create(&packed)?, 3)?;
        fs::remove_file(&path)?;
    }
    Ok(())
}

/// The words after `catspaw-lab` that a run says to itself, in its namespaces.
///
/// # Errors
/// When it cannot do what it is to.
pub fn helper(words: &[String]) -> io::Result<bool> {
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match *words.as_slice() {
        ["actor", tasks, events] => actor::run(Path::new(tasks), Path::new(events))?,
        ["link", folder, seed] => link::run(Path::new(folder), seed.parse().map_err(io::Error::other)?)?,
        ["janitor", prefix] => net::janitor(prefix)?,
        _ => return Ok(false),
    }
    Ok(true)
}
