//! `runplane`, the command line.

fn main() {}
