//! catspaw.

fn main() {}
