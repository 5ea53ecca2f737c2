//! What the fuzz targets call of this crate: each takes a file's content and panics where a reader breaks its contract. And what
//! the example that times readers (`read_speed`) needs of it.

pub use crate::columns::check::sniff;
pub use crate::input::check::packing;
pub use crate::report::dialogue::check::dialogue;
pub use crate::settings::check::settings;

#[cfg(test)]
#[path = "../../../fuzz/src/replay.rs"]
#[expect(unreachable_pub, reason = "it is shared by path")]
mod corpus;

/// The committed corpora, in every test run.
#[cfg(test)]
mod tests {
    use super::corpus::replay;

    #[test]
    fn dialogue() {
        replay("dialogue", super::dialogue);
    }

    #[test]
    fn packing() {
        replay("packing", super::packing);
    }

    #[test]
    fn settings() {
        replay("settings", super::settings);
    }
}
