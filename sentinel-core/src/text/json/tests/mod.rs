//! Tests of the JSON module, by what they are about.

mod canonical;
mod generate;
mod pieces;
mod reading;
mod writing;
