//! Mail servers that hand on for everybody, on a port of their own: at once, or when their queue is run.

use std::io;

use super::{Part, Targets};
use crate::daemons::net::Host;
use crate::daemons::stage::{Relay, RelayId, Stage};
use crate::daemons::task::{Job, MailManner};

pub(super) const OPEN: Part = Part { name: "odd-port", programs: &[("postfix", "postfix")], set: open };
pub(super) const QUEUE: Part = Part { name: "odd-port-queue", programs: &[("postfix", "postfix")], set: queue };

/// How often a queue is run, in seconds.
const RUN: u64 = 11;

pub(super) const LAST: Part = Part { name: "mail-server", programs: &[("postfix", "postfix")], set: last };

/// An open relay where nobody looks for one; it hands on at once.
fn open(stage: &mut Stage) -> io::Result<()> {
    let (host, port) = (stage.host("postfix")?, stage.rng.range(2000, 4000) as u16);
    start(stage, &host, port, "mynetworks = 0.0.0.0/0\n")?;
    let relay = stage.relay(Relay::at(&host, port, "smtp-odd-port", "postfix"));
    used(stage, (relay, port));
    Ok(())
}

/// The same, but that what comes is held until the queue is run (as virus scanners do that take it from there); who does not
/// take it is asked again a minute later.
fn queue(stage: &mut Stage) -> io::Result<()> {
    let (host, port) = (stage.host("postfix-queue")?, stage.rng.range(4000, 6000) as u16);
    let more = "mynetworks = 0.0.0.0/0\nsmtpd_client_restrictions = check_client_access static:hold\n\
                minimal_backoff_time = 60s\nqueue_run_delay = 3s\nsmtp_connect_timeout = 5s\n";
    start(stage, &host, port, more)?;
    let run = format!("while sleep {RUN}; do postsuper -c {} -H ALL; done", stage.folder(&host)?);
    stage.daemon(&host, &["sh", "-c", &run], None)?;
    let relay = stage.relay(Relay::at(&host, port, "smtp-odd-port", "postfix that queues"));
    used(stage, (relay, port));
    Ok(())
}

fn used(stage: &mut Stage, relay: (RelayId, u16)) {
    let targets = Targets::new(stage, 12);
    let clients: Vec<_> = (0..8).map(|_| stage.client()).collect();
    let sessions = stage.rng.range(45, 70);
    for _ in 0..sessions {
        let from = stage.rng.pick(&clients);
        let [first, second, third] = [(); 3].map(|()| targets.mail_server(stage));
        let to = match stage.rng.below(12) {
            0 => vec![stage.refuser(MailManner::RefuseGreeting)],
            1 => vec![stage.closed(25)],
            2 => vec![first, second, third],
            3 | 4 => vec![first, second],
            5 => vec![targets.no(stage)],
            _ => vec![first],
        };
        let bytes = stage.rng.draw(&[600, 1_500, 2_400, 4_000, 9_000, 40_000]) as u32;
        stage.handed(relay, from, &to, Job::Mail { messages: 1, bytes, recipients: to.len() as u32 });
    }
}

/// Mail for its own users stays; what they send goes out.
fn last(stage: &mut Stage) -> io::Result<()> {
    let (host, user) = (stage.host("mail-server")?, stage.host("mail-user")?);
    let folder = stage.folder(&host)?;
    let more = format!(
        "mynetworks = 172.28.220.0/24\nvirtual_mailbox_domains = lab.example\nvirtual_mailbox_base = {folder}\n\
         virtual_mailbox_maps = static:mail/\nvirtual_uid_maps = static:65534\nvirtual_gid_maps = static:65534\n\
         smtpd_relay_restrictions = permit_mynetworks, reject_unauth_destination\n"
    );
    start(stage, &host, 25, &more)?;
    let senders: Vec<_> = (0..20).map(|_| stage.client()).collect();
    let targets = Targets::new(stage, 8);
    let job = |stage: &mut Stage| {
        let bytes = stage.rng.draw(&[600, 1_500, 2_400, 4_000, 9_000, 40_000]) as u32;
        Job::Mail { messages: 1, bytes, recipients: 1 }
    };
    for _ in 0..70 {
        let (at, from, job) = (stage.moment(), stage.rng.pick(&senders), job(stage));
        stage.visit(at, from, &host, 25, job);
    }
    for _ in 0..30 {
        let (at, to, job) = (stage.moment(), targets.mail_server(stage), job(stage));
        stage.own_mail(at, &user, &host, to, job);
    }
    stage.innocent(&host, &["HARD: mail server that delivers to its own users, and sends what they write"]);
    stage.innocent(&user, &["hands mail to its own mail server"]);
    Ok(())
}

/// Starts a mail server with a queue of its own, that looks at it every few seconds; `more` is added to its `main.cf`.
pub(super) fn start(stage: &mut Stage, host: &Host, port: u16, more: &str) -> io::Result<()> {
    let folder = stage.folder(host)?;
    let config = format!(
        "compatibility_level = 3.6\nqueue_directory = {folder}/queue\ndata_directory = {folder}/data\n\
         maillog_file = /dev/stdout\nmyhostname = {name}.lab.example\nmydestination =\ninet_interfaces = all\n\
         inet_protocols = ipv4\nalias_maps =\nalias_database =\nlocal_recipient_maps =\nsmtp_tls_security_level = none\n\
         smtp_host_lookup = dns\nminimal_backoff_time = 300s\nqueue_run_delay = 300s\n\
         smtpd_relay_restrictions = permit_mynetworks, reject\nsmtpd_peername_lookup = no\n{more}",
        name = host.name
    );
    stage.file(host, "main.cf", &config)?;
    let services = [
        "smtpd",
        "pickup unix n - n 60 1 pickup",
        "cleanup unix n - n - 0 cleanup",
        "qmgr unix n - n 300 1 qmgr",
        "rewrite unix - - n - - trivial-rewrite",
        "bounce unix - - n - 0 bounce",
        "defer unix - - n - 0 bounce",
        "trace unix - - n - 0 bounce",
        "verify unix - - n - 1 verify",
        "flush unix n - n 1000? 0 flush",
        "smtp unix - - n - - smtp",
        "relay unix - - n - - smtp",
        "error unix - - n - - error",
        "retry unix - - n - - error",
        "discard unix - - n - - discard",
        "anvil unix - - n - 1 anvil",
        "scache unix - - n - 1 scache",
        "tlsmgr unix - - n 1000? 1 tlsmgr",
        "proxymap unix - - n - - proxymap",
        "local unix - n n - - local",
        "virtual unix - n n - - virtual",
        "postlog unix-dgram n - n - 1 postlogd",
    ];
    let services = services.join("\n").replacen("smtpd", &format!("{port} inet n - n - - smtpd"), 1);
    stage.file(host, "master.cf", &(services + "\n"))?;
    for (name, owner) in [("queue", "root"), ("data", "postfix")] {
        let path = format!("{folder}/{name}");
        std::fs::create_dir_all(&path)?;
        crate::daemons::process::run("chown", &[owner, &path])?;
    }
    stage.daemon(host, &["postfix", "-c", &folder, "start-fg"], Some(port))
}
