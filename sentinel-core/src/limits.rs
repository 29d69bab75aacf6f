//! Every default bound of the core, in one place, with the reason for its value.
//!
//! Each parser and codec takes its bounds from its caller; these are the values it has when the caller
//! says nothing. Hitting one is an error that names it, never a panic and never silence.
//!
//! # Invariants
//! - Nothing in the core grows with input beyond one of these bounds.
//! - Relations between bounds are checked at compile time, at the end of this file.
//!
//! # Not here
//! Bounds that follow from a format (a port is at most 65535) stand with the format.
