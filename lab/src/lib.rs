//! Evidence with its truth, made by the repository itself.
