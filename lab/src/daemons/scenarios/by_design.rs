//! What relays because it is meant to: a mail server, a web server before another one, a jump host. Each is in the
//! owner's configuration, or nobody has thought of it.

use std::io;
use std::net::SocketAddr;

use super::{Part, Targets, postfix, ssh};
use crate::daemons::net::Host;
use crate::daemons::stage::{Relay, Stage};
use crate::daemons::task::{Job, Service, Way};
use crate::wire::Allowance;

const POSTFIX: &[(&str, &str)] = &[("postfix", "postfix")];
const NGINX: &[(&str, &str)] = &[("nginx", "nginx-light")];

pub(super) const MAIL: Part = Part { name: "mail-server", programs: POSTFIX, set: |stage| mail(stage, false) };
pub(super) const MAIL_DECLARED: Part =
    Part { name: "mail-server-declared", programs: POSTFIX, set: |stage| mail(stage, true) };
pub(super) const WEB: Part = Part { name: "reverse-proxy", programs: NGINX, set: |stage| web(stage, false) };
pub(super) const WEB_DECLARED: Part =
    Part { name: "reverse-proxy-declared", programs: NGINX, set: |stage| web(stage, true) };
pub(super) const JUMP: Part = Part { name: "jump-host", programs: ssh::PROGRAMS, set: |stage| jump(stage, false) };
pub(super) const JUMP_DECLARED: Part =
    Part { name: "jump-host-declared", programs: ssh::PROGRAMS, set: |stage| jump(stage, true) };

/// One by design, that its owner has declared or not.
fn relay(host: &Host, port: u16, (topology, software): (&'static str, &'static str), authorised: bool) -> Relay {
    let allowance = (!authorised).then(|| Allowance { by_design: true, ..Allowance::default() });
    Relay { authorised, allowance, ..Relay::at(host, port, topology, software) }
}

/// Takes letters for people who read them elsewhere.
fn mail(stage: &mut Stage, declared: bool) -> io::Result<()> {
    let host = stage.host("mail")?;
    postfix::start(stage, &host, 25, "mynetworks = 0.0.0.0/0\n")?;
    let relay = stage.relay(relay(&host, 25, ("mail-forward", "postfix"), declared));
    let targets = Targets::new(stage, 8);
    let clients: Vec<_> = (0..25).map(|_| stage.client()).collect();
    let letters = stage.rng.range(45, 60);
    for _ in 0..letters {
        let (from, to) = (stage.rng.pick(&clients), targets.mail_server(stage));
        let bytes = stage.rng.draw(&[900, 2_500, 6_000, 30_000]) as u32;
        stage.handed((relay, 25), from, &[to], Job::Mail { messages: 1, bytes, recipients: 1 });
    }
    Ok(())
}

/// Asks a web server outside for everything that it is asked.
fn web(stage: &mut Stage, declared: bool) -> io::Result<()> {
    let (host, back) = (stage.host("front")?, stage.server(80, Service::Web));
    let folder = stage.folder(&host)?;
    let config = format!(
        "daemon off;\npid {folder}/nginx.pid;\nerror_log stderr;\nevents {{}}\nhttp {{\n access_log off;\n\
         client_body_temp_path {folder}/body;\n proxy_temp_path {folder}/proxy;\n fastcgi_temp_path {folder}/fastcgi;\n\
         uwsgi_temp_path {folder}/uwsgi;\n scgi_temp_path {folder}/scgi;\n\
         server {{ listen 80; location / {{ proxy_pass http://{back}; }} }}\n}}\n"
    );
    let config = stage.file(&host, "nginx.conf", &config)?;
    stage.daemon(&host, &["nginx", "-c", &config, "-e", "stderr"], Some(80))?;
    let relay = stage.relay(relay(&host, 80, ("reverse-proxy", "nginx, to a web server outside"), declared));
    let visitors: Vec<_> = (0..20).map(|_| stage.client()).collect();
    let visits = stage.rng.range(50, 70);
    for _ in 0..visits {
        let from = stage.rng.pick(&visitors);
        let (pages, bytes) = (stage.rng.range(1, 4) as u32, stage.rng.draw(&[400, 5_000, 30_000, 120_000]) as u32);
        let way = Way::Fronted(SocketAddr::new(host.v4.into(), 80));
        stage.relayed(relay, from, way, back, Job::Web { pages, bytes, pause: 300 });
    }
    Ok(())
}

/// People log in and go on to machines elsewhere.
fn jump(stage: &mut Stage, declared: bool) -> io::Result<()> {
    let host = stage.host("jump")?;
    let at = SocketAddr::new(host.v4.into(), 22);
    let key = ssh::server(stage, &host, at)?;
    let relay = stage.relay(relay(&host, 22, ("stepping-stone", "openssh, ssh -J"), declared));
    let targets: Vec<_> = (0..4).map(|_| stage.server(22, Service::Opaque)).collect();
    let people: Vec<_> = (0..5).map(|_| stage.client()).collect();
    let logins = stage.rng.range(25, 35);
    for _ in 0..logins {
        let (from, to) = (stage.rng.pick(&people), stage.rng.pick(&targets));
        let rounds = stage.rng.range(3, 15) as u32;
        let job = Job::Opaque { rounds, up: 60, down: stage.rng.draw(&[80, 400, 3_000, 20_000]) as u32, pause: 400 };
        stage.jumped((relay, at), from, &key, to, job);
    }
    Ok(())
}
