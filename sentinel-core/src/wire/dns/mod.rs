//! Names to addresses.

mod answer;
mod error;
mod name;
mod question;

pub use answer::{Answer, Found, ResponseCode};
pub use error::{MessageError, MessageErrorKind};
pub use name::Name;
pub use question::{Question, RecordKind};
