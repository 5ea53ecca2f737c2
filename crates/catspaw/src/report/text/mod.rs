//! The report as text, for the abuse desk: who relays, then each host's story, then what was read.

mod advice;
mod cut;
mod number;
mod page;
mod read;
#[cfg(test)]
mod sample;
mod story;
mod summary;
mod table;
#[cfg(test)]
mod tests;
mod weak;
mod wrap;

use std::io::{self, Write};

use super::model::Report;
use page::Page;

/// How the text is set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Style {
    /// Columns of the terminal.
    pub(crate) width: usize,
    /// With ANSI colours.
    pub(crate) colour: bool,
    /// With everything: every file, every kind of line that could not be read, DNS forwarders.
    pub(crate) verbose: bool,
}

/// Writes the report.
///
/// # Errors
/// Where `out` fails.
pub(crate) fn write(report: &Report, style: Style, out: &mut impl Write) -> io::Result<()> {
    let mut page = Page::new(out, style);
    summary::incidents(&mut page, report)?;
    for incident in &report.incidents {
        page.blank()?;
        story::write(&mut page, incident, &report.timezone)?;
    }
    summary::authorised(&mut page, &report.authorised)?;
    weak::elsewhere(&mut page, report)?;
    read::write(&mut page, report)
}
