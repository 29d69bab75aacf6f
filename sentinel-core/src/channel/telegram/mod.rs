//! Telegram.
mod formatted;
mod inline;
