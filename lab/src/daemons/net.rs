//! The network: a border router between hosts of ours, each in a namespace of its own, and one that holds everybody
//! else.
//!
//! ```text
//! host ── veth ─┐                                        ┌─ 198.18.0.0/15, 2001:db8::/32:
//! host ── veth ─┤ br0  border  wan0 ══ link ══ wan0  world  clients, servers, targets
//! host ── veth ─┘  ▲ tcpdump
//! ```
//!
//! Outside addresses are all local to the namespace `world`, as many as a scenario likes. Nobody removes the namespaces
//! but the janitor, a process of its own that waits for the end of this one, however that comes.

use std::fs;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::os::unix::fs::DirBuilderExt as _;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use super::link;
use super::process::{Running, run, signal_to};
use super::task::Tasks;

/// What every name of ours begins with; the number of the process that made it follows.
const PREFIX: &str = "cats-";
/// How long a program may take until it listens.
pub(super) const READY: Duration = Duration::from_secs(20);
/// Our networks, as `truth.json` calls them: private ones, so that nobody has to say that they are ours.
pub(super) const INSIDE_NETS: &str = "172.28.220.0/24,fd1c:28:dc::/64";
/// The outside name server.
pub(super) const NAME_SERVER: Ipv4Addr = Ipv4Addr::new(198, 18, 0, 53);
/// What a card would do instead of the system.
const OFF: &str = "tx off rx off tso off gso off gro off";
/// Nobody answers there, nor says so.
pub(super) const DARK: [u8; 3] = [198, 18, 255];

/// One of our hosts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Host {
    pub(super) name: String,
    pub(super) space: String,
    pub(super) v4: Ipv4Addr,
    pub(super) v6: Ipv6Addr,
}

/// The namespaces of a run.
#[derive(Debug)]
pub(super) struct Net {
    prefix: String,
    /// For what only lives as long as the run: sockets, whose paths must be short.
    scratch: PathBuf,
    janitor: Child,
    link: Vec<Running>,
    hosts: usize,
}

impl Net {
    /// Makes border, world, and the link between them.
    pub(super) fn make(work: &Path, seed: u64) -> io::Result<Self> {
        sweep()?;
        let prefix = format!("{PREFIX}{}-", std::process::id());
        let scratch = PathBuf::from(format!("/run/{prefix}link"));
        // Nobody else may have made it, or look into it.
        fs::DirBuilder::new().mode(0o700).create(&scratch)?;
        let janitor = Command::new(std::env::current_exe()?)
            .args(["janitor", &prefix])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            // Out of reach of what Ctrl-C sends to everybody else.
            .process_group(0)
            .spawn()?;
        let mut net = Self { prefix, scratch, janitor, link: Vec::new(), hosts: 0 };
        let (border, world) = (net.border(), net.world());
        for space in [&border, &world] {
            make_space(space)?;
        }
        ip(&["-n", &border, "link", "add", "br0", "type", "bridge"])?;
        for address in ["172.28.220.1/24", "fd1c:28:dc::1/64"] {
            ip(&["-n", &border, "addr", "add", address, "dev", "br0", "nodad"])?;
        }
        ip(&["-n", &border, "link", "set", "br0", "up"])?;
        inside(&border, "echo 1 >/proc/sys/net/ipv4/ip_forward; echo 1 >/proc/sys/net/ipv6/conf/all/forwarding")?;
        // Unlike IPv4's, an IPv6 address must be somebody's before a program may have it.
        inside(&world, "echo 1 >/proc/sys/net/ipv6/ip_nonlocal_bind")?;
        for (family, local) in [("-4", "198.18.0.0/15"), ("-6", "2001:db8::/32")] {
            ip(&["-n", &world, family, "route", "add", "local", local, "dev", "lo"])?;
        }
        let dark = format!("{}.{}.{}.0/24", DARK[0], DARK[1], DARK[2]);
        ip(&["-n", &world, "route", "add", "blackhole", &dark, "table", "local"])?;
        net.connect(work, seed)?;
        Ok(net)
    }

    fn connect(&mut self, work: &Path, seed: u64) -> io::Result<()> {
        let exe = std::env::current_exe()?.to_string_lossy().into_owned();
        let scratch = self.scratch.to_string_lossy().into_owned();
        let mut far = Running::start(
            &self.world(),
            "link",
            &[&exe, "link", &scratch, &seed.to_string()],
            &work.join("link.log"),
            true,
        )?;
        far.expect("ready")?;
        self.link.push(far);
        for (space, side) in [(self.border(), link::NEAR), (self.world(), link::FAR)] {
            let socket = format!("UNIX-SENDTO:{scratch}/link-{side},bind={scratch}/tun-{side}");
            let tun = "TUN,tun-name=wan0,tun-type=tun,iff-no-pi,iff-up";
            let log = work.join(format!("socat-{side}.log"));
            self.link.push(Running::start(&space, "socat", &["socat", tun, &socket], &log, false)?);
            wait_for_device(&space, "wan0")?;
            for family in ["-4", "-6"] {
                ip(&["-n", &space, family, "route", "add", "default", "dev", "wan0"])?;
            }
        }
        Ok(())
    }

    /// One more host of ours, with the last part of its addresses.
    pub(super) fn host(&mut self, name: &str, last: u8) -> io::Result<Host> {
        self.hosts += 1;
        let host = Host {
            name: name.to_owned(),
            space: format!("{}{}", self.prefix, self.hosts),
            v4: Ipv4Addr::new(172, 28, 220, last),
            v6: Ipv6Addr::new(0xfd1c, 0x28, 0xdc, 0, 0, 0, 0, u16::from(last)),
        };
        let (space, border, port) = (&host.space, self.border(), format!("h{}", self.hosts));
        make_space(space)?;
        ip(&["-n", space, "link", "add", "eth0", "type", "veth", "peer", "name", &port, "netns", &border])?;
        // The capture is to show segments as they would be on a wire, with their checksums.
        for (space, device) in [(space, "eth0"), (&border, &*port)] {
            inside(space, &format!("ethtool -K {device} {OFF} >/dev/null 2>&1"))?;
        }
        ip(&["-n", &border, "link", "set", &port, "master", "br0", "up"])?;
        for address in [format!("{}/24", host.v4), format!("{}/64", host.v6)] {
            ip(&["-n", space, "addr", "add", &address, "dev", "eth0", "nodad"])?;
        }
        ip(&["-n", space, "link", "set", "eth0", "up"])?;
        ip(&["-n", space, "route", "add", "default", "via", "172.28.220.1"])?;
        ip(&["-n", space, "-6", "route", "add", "default", "via", "fd1c:28:dc::1"])?;
        Ok(host)
    }

    /// A host on a network of its own behind `gateway`, the one of that number.
    pub(super) fn behind(&mut self, gateway: &Host, name: &str, number: u8) -> io::Result<Host> {
        self.hosts += 1;
        let host = Host {
            name: name.to_owned(),
            space: format!("{}{}", self.prefix, self.hosts),
            v4: Ipv4Addr::new(192, 168, number, 2),
            v6: Ipv6Addr::new(0xfd1c, 0x28, 0xdd, u16::from(number), 0, 0, 0, 2),
        };
        let (space, near, port) = (&host.space, Ipv4Addr::new(192, 168, number, 1), format!("lan{number}"));
        make_space(space)?;
        ip(&["-n", space, "link", "add", "eth0", "type", "veth", "peer", "name", &port, "netns", &gateway.space])?;
        for (space, device, address) in [(space, "eth0", host.v4), (&gateway.space, &*port, near)] {
            inside(space, &format!("ethtool -K {device} {OFF} >/dev/null 2>&1"))?;
            ip(&["-n", space, "addr", "add", &format!("{address}/24"), "dev", device])?;
            ip(&["-n", space, "link", "set", device, "up"])?;
        }
        ip(&["-n", space, "addr", "add", &format!("{}/64", host.v6), "dev", "eth0", "nodad"])?;
        ip(&["-n", space, "route", "add", "default", "via", &near.to_string()])?;
        inside(&gateway.space, "echo 1 >/proc/sys/net/ipv4/ip_forward")?;
        Ok(host)
    }

    /// Records what passes between our hosts and the border.
    pub(super) fn capture(&self, to: &Path, log: &Path) -> io::Result<Running> {
        let to = to.to_string_lossy();
        let words = [
            "tcpdump",
            "-i",
            "br0",
            "-p",
            "-n",
            "-U",
            "-s",
            "0",
            "-B",
            "32768",
            "-Z",
            "root",
            "--time-stamp-precision=nano",
            "-w",
            &to,
        ];
        let running = Running::start(&self.border(), "tcpdump", &words, log, false)?;
        let began = std::time::Instant::now();
        while !fs::read_to_string(log).unwrap_or_default().contains("listening on") {
            if began.elapsed() > READY {
                return Err(io::Error::other("tcpdump does not begin"));
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(running)
    }

    /// Has the bridge hand what passes it to whoever records, too.
    pub(super) fn mirror(&self) -> io::Result<()> {
        ip(&["-n", &self.border(), "link", "set", "br0", "promisc", "on"]).map(drop)
    }

    /// Starts an actor in `space`, and waits until it is ready.
    pub(super) fn actor(&self, space: &str, name: &str, tasks: &Tasks, work: &Path) -> io::Result<Running> {
        let (file, events) = (work.join(format!("{name}.tasks.json")), work.join(format!("{name}.events.jsonl")));
        fs::write(&file, serde_json::to_vec(tasks)?)?;
        let exe = std::env::current_exe()?;
        let words = [exe.as_os_str(), "actor".as_ref(), file.as_os_str(), events.as_os_str()];
        let mut running = Running::start(space, name, &words, &work.join(format!("{name}.log")), true)?;
        running.expect("ready")?;
        Ok(running)
    }

    pub(super) fn border(&self) -> String {
        format!("{}border", self.prefix)
    }

    /// The namespace of everybody else.
    pub(super) fn world(&self) -> String {
        format!("{}world", self.prefix)
    }

    /// An error where the link has ended by itself.
    pub(super) fn goes_on(&mut self) -> io::Result<()> {
        self.link.iter_mut().try_for_each(Running::goes_on)
    }

    /// Has everything removed, and waits for it.
    pub(super) fn remove(mut self) -> io::Result<()> {
        self.link.clear();
        drop(self.janitor.stdin.take());
        let status = self.janitor.wait()?;
        if status.success() { Ok(()) } else { Err(io::Error::other(format!("the janitor failed ({status})"))) }
    }
}

fn ip(words: &[&str]) -> io::Result<String> {
    run("ip", words)
}

fn inside(space: &str, script: &str) -> io::Result<String> {
    run("ip", &["netns", "exec", space, "sh", "-c", script])
}

/// A namespace whose programs ask the outside name server.
fn make_space(space: &str) -> io::Result<()> {
    let etc = Path::new("/etc/netns").join(space);
    fs::create_dir_all(&etc)?;
    fs::write(etc.join("resolv.conf"), format!("nameserver {NAME_SERVER}\n"))?;
    ip(&["netns", "add", space])?;
    // Nobody waits until it is clear that nobody else has an address.
    inside(space, "for of in all default; do echo 0 >/proc/sys/net/ipv6/conf/$of/accept_dad; done")?;
    ip(&["-n", space, "link", "set", "lo", "up"]).map(drop)
}

fn wait_for_device(space: &str, device: &str) -> io::Result<()> {
    let began = std::time::Instant::now();
    // Of a device that is there and not up it says nothing, and does not fail.
    while !ip(&["-n", space, "link", "show", device, "up"]).is_ok_and(|said| !said.is_empty()) {
        if began.elapsed() > READY {
            return Err(io::Error::other(format!("no {device} in {space}")));
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    Ok(())
}

/// `catspaw-lab janitor PREFIX`: waits until its input ends, as it does when whoever holds the other end is gone, and
/// removes what has that prefix.
pub(super) fn janitor(prefix: &str) -> io::Result<()> {
    io::copy(&mut io::stdin(), &mut io::sink())?;
    remove(prefix)
}

/// Removes what runs left behind whose process is gone.
fn sweep() -> io::Result<()> {
    for space in spaces()? {
        let Some(id) = space.strip_prefix(PREFIX).and_then(|rest| rest.split('-').next()) else { continue };
        if id.parse::<u32>().is_ok() && !Path::new("/proc").join(id).exists() {
            remove(&format!("{PREFIX}{id}-"))?;
        }
    }
    Ok(())
}

fn spaces() -> io::Result<Vec<String>> {
    let list = ip(&["netns", "list"])?;
    Ok(list.lines().filter_map(|line| line.split_whitespace().next()).map(str::to_owned).collect())
}

/// Ends what still runs in our namespaces, by its ids, and removes them.
fn remove(prefix: &str) -> io::Result<()> {
    if !(prefix.starts_with(PREFIX) && prefix.ends_with('-')) {
        return Err(io::Error::other(format!("{prefix:?} is no prefix of namespaces of ours")));
    }
    for space in spaces()?.iter().filter(|space| space.starts_with(prefix)) {
        let ended = ip(&["netns", "pids", space]).and_then(|ids| {
            ids.lines().filter_map(|id| id.trim().parse().ok()).for_each(|id| signal_to(id, "KILL"));
            ip(&["netns", "delete", space])
        });
        // Somebody else may have removed it meanwhile.
        if spaces()?.contains(space) {
            ended?;
        }
        _ = fs::remove_dir_all(Path::new("/etc/netns").join(space));
    }
    _ = fs::remove_dir_all(format!("/run/{prefix}link"));
    Ok(())
}

/// Whether an address is one of ours.
pub(super) fn is_inside(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => v4.octets()[..3] == [172, 28, 220],
        IpAddr::V6(v6) => v6.segments()[..3] == [0xfd1c, 0x28, 0xdc],
    }
}
