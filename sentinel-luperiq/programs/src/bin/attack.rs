//! Tries one thing that it may not, which its first argument names.
#![cfg_attr(target_os = "none", no_std, no_main)]

#[cfg(target_os = "none")]
luperiq_runtime::program!(luperiq_programs::attack::attempt);

/// Off the machine there is nothing to attack.
#[cfg(not(target_os = "none"))]
fn main() {}
