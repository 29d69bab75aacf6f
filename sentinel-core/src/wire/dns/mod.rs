//! Names to addresses.

mod answer;
mod config;
mod error;
mod hosts;
mod lines;
mod name;
mod question;

pub use answer::{Answer, Found, ResponseCode};
pub use config::{Config, Server};
pub use error::{MessageError, MessageErrorKind};
pub use hosts::Hosts;
pub use lines::{Problem, ProblemKind, Problems};
pub use name::Name;
pub use question::{Question, RecordKind};
