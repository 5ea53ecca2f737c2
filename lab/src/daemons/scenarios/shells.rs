//! OpenSSH and what runs over it: an interactive session beside browsing, and a backup by rsync.

use std::io;
use std::net::SocketAddr;

use super::{Part, browsers, ssh};
use crate::daemons::net::Host;
use crate::daemons::stage::Stage;

const PROGRAMS: &[(&str, &str)] = &[
    ("/usr/sbin/sshd", "openssh-server"),
    ("ssh", "openssh-client"),
    ("ssh-keygen", "openssh-client"),
    ("rsync", "rsync"),
];
pub(super) const SHELL: Part = Part { name: "ssh", programs: PROGRAMS, set: shell };
pub(super) const BACKUP: Part = Part { name: "backup", programs: PROGRAMS, set: backup };

/// Somebody types, reads, and looks things up meanwhile.
fn shell(stage: &mut Stage) -> io::Result<()> {
    let host = stage.host("ssh")?;
    let (login, _) = server(stage, &host)?;
    let typed = "while sleep 0.2; do printf 'ls -l /some/where\\n'; done";
    let told = "while read -r line; do head -c $((${#line} * 37)) /dev/zero; done";
    let patience = stage.span - 2_000;
    stage.keep(500, &host, &["sh", "-c", &format!("{typed} | {login} '{told}'")], patience);
    let visits = stage.rng.range(15, 25);
    browsers::browse(stage, &host, visits);
    stage.innocent(&host, &["HARD: ssh session beside web browsing"]);
    Ok(())
}

/// What has changed is copied out, some times.
fn backup(stage: &mut Stage) -> io::Result<()> {
    let host = stage.host("backup")?;
    let (login, to) = server(stage, &host)?;
    let (data, shell) =
        (format!("{}/data", stage.folder(&host)?), login.rsplit_once(' ').map_or("", |(words, _)| words));
    let copies = stage.rng.range(4, 6);
    let change = format!(
        "mkdir -p {data}; for i in 1 2 3 4 5 6; do head -c $((i * 30000)) /dev/urandom >{data}/$i; done; \
         rsync -a --delete -e '{shell}' {data}/ {to}/"
    );
    for copy in 0..copies {
        let patience = stage.span / copies;
        stage.run(500 + copy * (stage.span - 4_000) / copies, &host, &["sh", "-c", &change], patience);
    }
    let visits = stage.rng.range(8, 15);
    browsers::browse(stage, &host, visits);
    stage.innocent(&host, &["HARD: backup by rsync over ssh", "web browsing"]);
    Ok(())
}

/// An outside server that lets `host` in; gives how to log in, and where to copy to.
fn server(stage: &mut Stage, host: &Host) -> io::Result<(String, String)> {
    let far = stage.abroad(&format!("{}-server", host.name))?;
    let key = ssh::server(stage, &far, SocketAddr::new(far.v4.into(), 22))?;
    let copy = format!("{}/copy", stage.folder(&far)?);
    std::fs::create_dir_all(&copy)?;
    let options = "-o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o BatchMode=yes -o LogLevel=ERROR";
    let (login, at) = (format!("ssh -F /dev/null -i {key} {options}"), format!("root@{}", far.v4));
    Ok((format!("{login} {at}"), format!("{at}:{copy}")))
}
