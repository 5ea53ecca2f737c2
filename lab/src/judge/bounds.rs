//! What a report must reach, by view and kind of relay.

use serde_json::Value;

use super::text;

/// What a report was made of.
#[derive(Clone, Copy, Debug)]
pub(super) struct View {
    /// `capture`, `conn`, `pix` or `asa`.
    pub(super) family: &'static str,
    /// The log ends where the capture ended: what was open then has no totals.
    pub(super) cut: bool,
}

impl View {
    pub(super) fn of(name: &str) -> Self {
        let family = ["conn", "pix", "asa"].into_iter().find(|family| name.starts_with(family)).unwrap_or("capture");
        Self { family, cut: name.ends_with("-cut") }
    }

    /// Seconds by which a stamp may be off: those of syslog are whole seconds.
    pub(super) fn tolerance(self) -> f64 {
        if self.is_syslog() { 2.0 } else { 0.5 }
    }

    pub(super) fn is_syslog(self) -> bool {
        matches!(self.family, "pix" | "asa")
    }
}

/// What is to be told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// SOCKS and `CONNECT`: one leg out for one in.
    Proxy,
    /// Pages: a connection in may have several out.
    Web,
    /// Mail that is stored and forwarded.
    Mail,
    Backconnect,
    /// A proxy that hides what it is.
    Hiding,
    Bot,
}

impl Kind {
    pub(super) fn of(relay: &Value) -> Self {
        match text(relay, "topology") {
            "backconnect" => Self::Backconnect,
            "hiding" => Self::Hiding,
            "smtp-odd-port" | "mail-forward" | "mail-queue" => Self::Mail,
            "web-proxy" | "reverse-proxy" => Self::Web,
            _ => Self::Proxy,
        }
    }
}

/// What the pairs' precision and recall must reach, of legs with payload.
pub(super) fn pairs(kind: Kind, family: &str) -> (f64, f64) {
    match (kind, family) {
        (Kind::Mail, "capture") => (0.99, 0.99),
        (Kind::Mail, "conn") => (0.90, 0.85),
        (Kind::Mail, _) => (0.90, 0.60),
        (Kind::Backconnect, "capture") => (0.97, 0.97),
        (Kind::Backconnect | Kind::Bot, _) => (0.0, 0.0),
        (_, "capture") => (0.995, 0.995),
        (_, "conn") => (0.99, 0.99),
        _ => (0.98, 0.98),
    }
}

/// Of legs without payload: the precision alone.
pub(super) const WITHOUT_DATA: f64 = 0.90;

/// By which share `relayed` may be off.
pub(super) fn relayed(kind: Kind, view: &View) -> f64 {
    match kind {
        Kind::Proxy | Kind::Web | Kind::Hiding => 0.01,
        Kind::Backconnect if view.family == "capture" => 0.02,
        _ if view.family == "capture" => 0.01,
        _ => 0.20,
    }
}

/// By which share, and which number, `delivered` may be off; `None` where it is not asked.
pub(super) fn delivered(kind: Kind, messages: bool) -> Option<(f64, f64)> {
    match kind {
        _ if messages => Some((0.0, 0.0)),
        Kind::Proxy | Kind::Hiding => Some((0.02, 2.0)),
        Kind::Mail | Kind::Bot => None,
        Kind::Web | Kind::Backconnect => Some((0.20, 2.0)),
    }
}

/// How many sessions it may take: what hiding costs is for the table to say.
pub(super) fn sessions(kind: Kind, family: &str) -> Option<u64> {
    match (kind, family) {
        (Kind::Backconnect | Kind::Hiding, _) => None,
        (Kind::Bot, _) => Some(25),
        (_, "capture") => Some(5),
        (Kind::Proxy, "conn") => Some(10),
        (_, "conn") => Some(25),
        (Kind::Proxy, _) => Some(15),
        _ => Some(40),
    }
}

/// Whether a count lies in a range, or beside it by no more than a share of it or a number, whichever is more.
pub(super) fn within(got: f64, (least, most): (f64, f64), share: f64, slack: f64) -> bool {
    least - slack.max(share * least) <= got + 1e-9 && got <= most + slack.max(share * most) + 1e-9
}
