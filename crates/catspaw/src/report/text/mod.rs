//! The report as text, for the abuse desk: who relays, then each host's story, then what was read.

mod advice;
mod alerts;
mod campaign;
mod cut;
mod dialogue;
pub(crate) mod explain;
mod kind;
mod number;
mod page;
mod read;
#[cfg(test)]
pub(super) mod sample;
mod story;
mod summary;
mod table;
#[cfg(test)]
mod tests;
mod timeline;
mod weak;
mod wrap;

use std::io::{self, Write};

use super::model::{Incident, Report, Tunnel};
pub(crate) use page::{Page, READABLE};

/// How the text is set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Style {
    /// Columns of the terminal.
    pub(crate) width: usize,
    /// With ANSI colours.
    pub(crate) colour: bool,
    /// With everything: every file, every kind of line that could not be read, DNS forwarders.
    pub(crate) verbose: bool,
    /// With more than ASCII: the locale says whether the terminal shows it.
    pub(crate) unicode: bool,
    /// With addresses that nobody has: then there is nothing to declare.
    pub(crate) redacted: bool,
}

/// Writes the report.
///
/// # Errors
/// Where `out` fails.
pub(crate) fn write(report: &Report, style: Style, out: &mut impl Write) -> io::Result<()> {
    let mut page = Page::new(out, style);
    summary::incidents(&mut page, report)?;
    if let Some(part) = &report.restricted {
        page.say(0, &format!("Only part of the evidence was looked at: {part}."))?;
    }
    for incident in &report.incidents {
        page.blank()?;
        story::write(&mut page, incident, &report.timezone)?;
    }
    campaign::write(&mut page, report)?;
    summary::authorised(&mut page, &report.authorised)?;
    weak::elsewhere(&mut page, report)?;
    alerts::elsewhere(&mut page, report)?;
    read::write(&mut page, report)
}

/// The one sentence about an incident.
#[must_use]
pub(super) fn headline(incident: &Incident) -> String {
    kind::headline(incident)
}

/// A tunnel's far end.
#[must_use]
pub(super) fn far_end(tunnel: &Tunnel) -> String {
    kind::far_end(tunnel)
}

/// Text of any origin as harmless lines of `limit` columns.
#[must_use]
pub(crate) fn lines(text: &str, limit: usize) -> Vec<String> {
    wrap::wrap(&wrap::clean(text).replace(wrap::TIE, " "), limit)
}
