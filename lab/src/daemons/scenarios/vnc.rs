//! Remote desktops by TigerVNC: one that a host of ours shows, and one outside that it looks at.

use std::io;

use super::{Part, browsers};
use crate::daemons::net::Host;
use crate::daemons::stage::Stage;

const PROGRAMS: &[(&str, &str)] = &[
    ("Xtigervnc", "tigervnc-standalone-server"),
    ("xtigervncviewer", "tigervnc-viewer"),
    ("xterm", "xterm"),
    ("xkbcomp", "x11-xkb-utils"),
];
pub(super) const SHOWN: Part = Part { name: "vnc-shown", programs: PROGRAMS, set: shown };
pub(super) const LOOKED_AT: Part = Part { name: "vnc-looked-at", programs: PROGRAMS, set: looked_at };

/// Where a desktop is looked at.
const PORT: u16 = 5900;
/// Where a viewer's own screen would be: nobody calls.
const OWN_PORT: u16 = 5999;

fn shown(stage: &mut Stage) -> io::Result<()> {
    let (host, far) = (stage.host("vnc-shown")?, stage.abroad("vnc-viewer")?);
    look(stage, &far, &host)?;
    browsers::browse(stage, &host, 12);
    stage.innocent(&host, &["HARD: desktop that is looked at from outside (VNC)", "web browsing"]);
    Ok(())
}

fn looked_at(stage: &mut Stage) -> io::Result<()> {
    let (host, far) = (stage.host("vnc-looks")?, stage.abroad("vnc-server")?);
    look(stage, &host, &far)?;
    browsers::browse(stage, &host, 12);
    stage.innocent(&host, &["HARD: looks at an outside desktop (VNC)", "web browsing"]);
    Ok(())
}

/// A desktop on which something moves, and a viewer on a screen of its own.
fn look(stage: &mut Stage, viewer: &Host, desktop: &Host) -> io::Result<()> {
    let moves = "while sleep 0.4; do ls -lR --sort=none /usr/share/doc | shuf -n 30; done";
    let display = screen(stage, desktop, PORT)?;
    stage.daemon(desktop, &["env", &display, "xterm", "-geometry", "100x40", "-e", "sh", "-c", moves], None)?;
    let display = screen(stage, viewer, OWN_PORT)?;
    let to = desktop.v4.to_string();
    if viewer.space == stage.net.world() {
        // Which has many addresses.
        stage.set_up(viewer, &["ip", "route", "add", &to, "dev", "wan0", "src", &viewer.v4.to_string()])?;
    }
    let at = format!("{to}::{PORT}");
    let words = ["env", &display, "xtigervncviewer", "-SecurityTypes=None", "-Shared", "-ReconnectOnError=0", &at];
    stage.keep(500, viewer, &words, stage.span - 1_000);
    Ok(())
}

/// A screen that is nowhere but in memory; gives the words by which programs find it.
fn screen(stage: &mut Stage, host: &Host, port: u16) -> io::Result<String> {
    // Found by a name that a namespace has for itself: no files are left behind.
    let screen = format!(":{}", 10 + stage.daemons.len());
    let (listens, port_word) = (host.v4.to_string(), port.to_string());
    let words = [
        "Xtigervnc",
        &screen,
        "-nolock",
        "-nolisten",
        "unix",
        "-geometry",
        "1024x768",
        "-depth",
        "24",
        "-SecurityTypes",
        "None",
        "-AlwaysShared",
        "-interface",
        &listens,
        "-rfbport",
        &port_word,
    ];
    stage.daemon(host, &words, Some(port))?;
    Ok(format!("DISPLAY={screen}"))
}
