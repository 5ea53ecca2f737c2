//! How logs put fields into a line: delimited, as `key=value`, as CEF and LEEF, as RFC 5424's structured data.
//!
//! Each form is an iterator over slices of the line. Nothing is allocated, no field is copied, and escapes stay as they
//! are written: what is read here (addresses, numbers, words) has none.

mod cef;
mod csv;
pub mod json;
mod leef;
mod pairs;
mod places;
mod structured;
pub(crate) mod value;

pub use cef::{Cef, Extension};
pub use csv::Csv;
pub use leef::Leef;
pub use pairs::Pairs;
pub(crate) use places::{each, first, words};
pub use structured::{Param, Structured};

/// Why a line cannot be read, and where it breaks if that is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Bad {
    pub(crate) at: Option<usize>,
    pub(crate) why: &'static str,
}

impl From<&'static str> for Bad {
    fn from(why: &'static str) -> Self {
        Self { at: None, why }
    }
}
