//! What the lab makes, read again.

mod case;
mod example;
mod officer;
mod wire;
