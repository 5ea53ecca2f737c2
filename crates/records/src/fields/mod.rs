//! How logs put fields into a line: delimited, as `key=value`, as CEF and LEEF, as RFC 5424's structured data.
//!
//! Each form is an iterator over slices of the line. Nothing is allocated, no field is copied, and escapes stay as they
//! are written: what is read here (addresses, numbers, words) has none.

mod cef;
pub(crate) mod csv;
pub mod json;
mod leef;
mod pairs;
pub(crate) mod places;
mod structured;
pub(crate) mod value;

use memchr::memmem;

pub use cef::{Cef, Extension, ExtensionPairs};
pub use csv::Csv;
pub use leef::Leef;
pub(crate) use pairs::Order;
pub use pairs::Pairs;
pub(crate) use places::{each, first, words};
pub use structured::{Param, Structured};

/// CEF and LEEF begin within so many bytes: a priority, stamps and names stand before them.
const HEADER: usize = 256;

/// Where the header of a form begins that has `mark` before it, wherever that is.
fn header(line: &[u8], mark: &memmem::Finder<'_>) -> Option<usize> {
    mark.find(&line[..line.len().min(HEADER)])
}

/// Why a line cannot be read, and where it breaks if that is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Bad {
    pub(crate) at: Option<usize>,
    /// How long the value is that is wrong; 0 where it is the form.
    pub(crate) len: usize,
    pub(crate) why: &'static str,
}

impl Bad {
    /// Of a value in `line`.
    #[cold]
    pub(crate) fn of(line: &[u8], value: &[u8], why: &'static str) -> Self {
        let at = (value.as_ptr() as usize).checked_sub(line.as_ptr() as usize);
        // What a map says stands in no line.
        let at = at.filter(|at| at + value.len() <= line.len());
        Self { at, len: at.map_or(0, |_| value.len()), why }
    }
}

impl From<&'static str> for Bad {
    fn from(why: &'static str) -> Self {
        Self { at: None, len: 0, why }
    }
}
