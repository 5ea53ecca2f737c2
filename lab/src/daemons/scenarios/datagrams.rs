//! Tunnels of datagrams that a host dials out by: names that are asked for, and pings.

use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use super::{Part, Targets, backconnect, ssh};
use crate::daemons::stage::{Relay, RelayId, Stage};
use crate::daemons::task::{Job, Way};
use crate::wire::Allowance;

pub(super) const DNS: Part = Part {
    name: "dns-tunnel",
    programs: &[("iodine", "iodine"), ("iodined", "iodine"), ("microsocks", "microsocks")],
    set: dns,
};
pub(super) const ICMP: Part = Part {
    name: "icmp-tunnel",
    programs: &[("ptunnel-ng", "ptunnel-ng"), ("/usr/sbin/sshd", "openssh-server"), ("ssh", "openssh-client")],
    set: icmp,
};

/// The ends of what iodine makes of the tunnel.
const FAR_END: Ipv4Addr = Ipv4Addr::new(10, 53, 0, 1);
const NEAR_END: Ipv4Addr = Ipv4Addr::new(10, 53, 0, 2);

fn unseen(why: &str) -> Option<Allowance> {
    let views = ["capture", "pix", "asa", "conn"];
    let out_of_sight: BTreeMap<_, _> = views.iter().map(|view| ((*view).to_owned(), why.to_owned())).collect();
    Some(Allowance { by_design: false, out_of_sight })
}

/// A network of its own in questions for names, and microsocks on it.
fn dns(stage: &mut Stage) -> io::Result<()> {
    let (host, far) = (stage.host("dns-tunnel")?, stage.abroad("iodined")?);
    let zone = "t.lab.example";
    let (network, server) = (format!("{FAR_END}/24"), far.v4.to_string());
    stage.daemon(&far, &["iodined", "-f", "-c", "-P", "sesame", "-l", &server, &network, zone], None)?;
    let client = format!(
        "trap 'kill $a $b' TERM; iodine -f -r -P sesame {server} {zone} & a=$!\n\
         until ip -o addr show dev dns0 2>/dev/null | grep -q {NEAR_END}; do sleep 0.1; done\n\
         microsocks -i {NEAR_END} -p 1080 & b=$!\nwait"
    );
    stage.later(&host, &["sh", "-c", &client], (&host, 1080));
    let software = "iodine and microsocks";
    let allowance = unseen("a tunnel of datagrams");
    let relay =
        stage.relay(Relay { allowance, ..Relay::dialling(&host, SocketAddr::new(far.v4.into(), 53), software) });
    // Whoever is at the far end is where the tunnel ends.
    used(stage, relay, IpAddr::V4(FAR_END), SocketAddr::new(NEAR_END.into(), 1080));
    Ok(())
}

/// `ssh -R` in pings.
fn icmp(stage: &mut Stage) -> io::Result<()> {
    let (host, far) = (stage.host("icmp-tunnel")?, stage.abroad("ptunnel")?);
    let hidden = SocketAddr::new([127, 0, 0, 1].into(), 2022);
    let key = ssh::server(stage, &far, hidden)?;
    // The program answers, not the kernel.
    stage.set_up(&far, &["sh", "-c", "echo 1 >/proc/sys/net/ipv4/icmp_echo_ignore_all"])?;
    // It answers from whatever address its device has.
    stage.set_up(&far, &["ip", "addr", "add", &format!("{}/32", far.v4), "dev", "wan0"])?;
    stage.daemon(&far, &["ptunnel-ng", "-r127.0.0.1", "-R2022"], None)?;
    let (near, server) = (SocketAddr::new([127, 0, 0, 1].into(), 2222), format!("-p{}", far.v4));
    stage.daemon(&host, &["ptunnel-ng", &server, "-l2222", "-r127.0.0.1", "-R2022"], Some(near.port()))?;
    let door = SocketAddr::new(far.v4.into(), stage.rng.range(30_000, 60_000) as u16);
    backconnect::dial(stage, &host, (&far, near), (&key, &door.to_string()), door);
    let allowance = unseen("a tunnel of datagrams");
    let software = "ptunnel-ng and ssh -R";
    let relay = stage.relay(Relay { allowance, ..Relay::dialling(&host, SocketAddr::new(far.v4.into(), 0), software) });
    let client = stage.client();
    used(stage, relay, client, door);
    Ok(())
}

/// As little as such tunnels carry: some kilobytes a second.
fn used(stage: &mut Stage, relay: RelayId, from: IpAddr, door: SocketAddr) {
    stage.patience = 40_000;
    let targets = Targets::new(stage, 20);
    for _ in 0..25 {
        let (to, job) = if stage.rng.chance(500) {
            (targets.mail_server(stage), Job::Mail { messages: 1, bytes: 900, recipients: 1 })
        } else {
            (targets.web(stage).0, Job::Web { pages: 1, bytes: stage.rng.range(200, 3_000) as u32, pause: 0 })
        };
        stage.relayed(relay, from, Way::Socks5(door), to, job);
    }
}
