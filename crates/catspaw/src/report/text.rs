//! The report for a person.
use super::model::Report;
/// How to write.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Style { pub(crate) width: usize, pub(crate) colour: bool, pub(crate) verbose: bool }
/// Writes it.
pub(crate) fn write(report: &Report, style: Style, out: &mut impl std::io::Write) -> std::io::Result<()> {
    writeln!(out, "{report:?} {style:?}")
}
