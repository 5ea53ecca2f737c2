//! The reader of what `--explain` shows. It belongs to the binary, which nothing can depend on, and so it stands here by path.

pub use check::dialogue;

mod check;
#[path = "../../crates/catspaw/src/report/dialogue/secrets.rs"]
mod secrets;
#[path = "../../crates/catspaw/src/report/dialogue/socks.rs"]
mod socks;
#[path = "../../crates/catspaw/src/report/dialogue/talk.rs"]
mod talk;
