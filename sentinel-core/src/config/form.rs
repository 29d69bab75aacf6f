//! What a text has to be, and its one spelling.
//!
//! # Invariants
//! - The spelling of a spelling is itself: what `show` prints reads back the same.
//!
//! # Not here
//! Whether what it names is there.

use alloc::format;
use alloc::string::{String, ToString};
use core::net::SocketAddr;

use super::Surroundings;
use super::diagnostic::quoted;
use super::secret::is_secret_name;
use super::signer::SignerKey;
use super::table::Form;
use crate::budget::Money;
use crate::capability::{Grant, Level, PathRef};
use crate::limits::{CONFIG_LINE_BYTES_MAX, CONFIG_TEXT_BYTES_MAX};
use crate::text::suggest;
use crate::wire::url::Url;

/// Why a text is not what it should be.
#[derive(Debug)]
pub(super) struct Complaint {
    pub(super) message: String,
    pub(super) help: Option<String>,
    /// The character it is about, from 1; the whole text if there is none.
    pub(super) character: Option<usize>,
}

impl Complaint {
    fn of(message: impl Into<String>) -> Self {
        Self { message: message.into(), help: None, character: None }
    }

    fn help(self, help: impl Into<String>) -> Self {
        Self { help: Some(help.into()), ..self }
    }
}

/// A text in the one spelling of its form.
pub(super) fn spelled(
    form: Form,
    text: &str,
    surroundings: &Surroundings<'_>,
) -> Result<String, Complaint> {
    match form {
        Form::Prose if text.len() > CONFIG_TEXT_BYTES_MAX => {
            return Err(Complaint::of(format!("it has more than {CONFIG_TEXT_BYTES_MAX} bytes")));
        }
        Form::Prose => return Ok(text.into()),
        // Grants have a bound and words of their own.
        Form::Grant | Form::Denial => {}
        _ if text.trim().is_empty() => return Err(Complaint::of("it is blank")),
        _ if text.len() > CONFIG_LINE_BYTES_MAX => {
            return Err(Complaint::of(format!("it has more than {CONFIG_LINE_BYTES_MAX} bytes")));
        }
        _ if text.contains(char::is_control) => {
            return Err(Complaint::of("it holds a control character"));
        }
        _ => {}
    }
    match form {
        Form::Line | Form::Prose | Form::Id => Ok(text.into()),
        Form::Choice(words) => choice(words, text),
        Form::Path => path(text, surroundings),
        Form::Url => {
            let url = Url::parse(text).map_err(|error| Complaint::of(error.to_string()))?;
            Ok(url.as_str().into())
        }
        Form::Listen => listen(text),
        Form::Money => money(text).map(|money| money.to_string()).ok_or_else(|| {
            Complaint::of("no amount of money").help("digits and at most six decimals: \"2.50\"")
        }),
        Form::Digest => digest(text),
        Form::Variable => variable(text),
        Form::Credential => {
            let is_of = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte);
            let is_name = text.bytes().all(is_of) && text.len() <= 255 && !text.starts_with('.');
            let is_name = is_name && !is_secret_name(text);
            // What stands here may be the secret itself, so it is not repeated.
            is_name.then(|| text.into()).ok_or_else(|| {
                Complaint::of("no name of a systemd credential")
                    .help("letters, digits, '_', '-' and '.', as in LoadCredential=NAME:PATH")
            })
        }
        Form::Signer => signer(text),
        Form::Grant => grant(text, surroundings),
        Form::Denial => denial(text, surroundings),
    }
}

fn choice(words: &'static [&'static str], text: &str) -> Result<String, Complaint> {
    if words.contains(&text) {
        return Ok(text.into());
    }
    let complaint = match suggest::nearest(text, words.iter().copied()) {
        Some(meant) => {
            Complaint::of(format!("unknown word {}; did you mean '{meant}'?", quoted(text)))
        }
        None => Complaint::of(format!("unknown word {}", quoted(text))),
    };
    Err(complaint.help(format!("one of {}", words.join(", "))))
}

/// A path, absolute and in its one spelling.
pub(super) fn path(text: &str, surroundings: &Surroundings<'_>) -> Result<String, Complaint> {
    let refused = |error: crate::capability::PathError| Complaint::of(error.to_string());
    let rest = match (text.strip_prefix('~'), surroundings.home) {
        (Some(rest), Some(home)) if rest.is_empty() || rest.starts_with('/') => {
            let rest = rest.trim_start_matches('/');
            let path = if rest.is_empty() { "." } else { rest };
            return PathRef::resolve(home, path).map(|path| path.to_string()).map_err(refused);
        }
        (Some(rest), None) if rest.is_empty() || rest.starts_with('/') => {
            return Err(Complaint::of("there is no home directory here")
                .help("write the path from the root"));
        }
        (Some(_), _) => {
            return Err(Complaint::of("homes of others are not known by name")
                .help("write the path from the root"));
        }
        (None, _) => text,
    };
    let path = PathRef::resolve(surroundings.current_directory, rest).map_err(refused)?;
    Ok(path.to_string())
}

fn listen(text: &str) -> Result<String, Complaint> {
    let address: SocketAddr = text
        .parse()
        .map_err(|_| Complaint::of("no address with a port").help("such as \"127.0.0.1:9464\""))?;
    if address.ip().is_loopback() {
        Ok(address.to_string())
    } else {
        Err(Complaint::of("others could connect to this address")
            .help("figures are given to this machine only: \"127.0.0.1:9464\""))
    }
}

/// An amount of money: digits, and after a point one to six more.
pub(super) fn money(text: &str) -> Option<Money> {
    const DIGITS_MAX: usize = 6;
    let (whole, part) = text.split_once('.').unwrap_or((text, "0"));
    let is_digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    if !is_digits(whole) || !is_digits(part) || part.len() > DIGITS_MAX {
        return None;
    }
    let millionths: u64 = format!("{part:0<DIGITS_MAX$}").parse().ok()?;
    whole.parse::<u64>().ok()?.checked_mul(1_000_000)?.checked_add(millionths).map(Money)
}

fn digest(text: &str) -> Result<String, Complaint> {
    match hexadecimal(text) {
        Some(_) => Ok(text.to_ascii_lowercase()),
        None => Err(Complaint::of("no SHA-256: 64 hexadecimal digits are expected")
            .help("`sha256sum FILE` prints it")),
    }
}

fn signer(text: &str) -> Result<String, Complaint> {
    let key = SignerKey::parse(text.trim()).ok_or_else(|| {
        Complaint::of("no public key of minisign")
            .help("the second line of the author's minisign.pub, which begins with RW")
    })?;
    Ok(key.to_string())
}

/// The bytes of 64 hexadecimal digits.
pub(super) fn hexadecimal(text: &str) -> Option<[u8; 32]> {
    let mut bytes = [0; 32];
    if text.len() != 64 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    for (index, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(text.get(2 * index..2 * index + 2)?, 16).ok()?;
    }
    Some(bytes)
}

fn variable(text: &str) -> Result<String, Complaint> {
    let is_of = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    let is_name = text.bytes().all(is_of) && !text.starts_with(|c: char| c.is_ascii_digit());
    let is_name = is_name && !is_secret_name(text);
    // What stands here is likely the secret itself, so it is not repeated.
    is_name.then(|| text.into()).ok_or_else(|| {
        Complaint::of("no name of a variable")
            .help("the name of the variable that holds the secret, never the secret itself")
    })
}

fn grant(text: &str, surroundings: &Surroundings<'_>) -> Result<String, Complaint> {
    let grant = parse_grant(text, 0, surroundings)?;
    if grant.level == Level::Deny {
        return Err(Complaint::of("this forbids something")
            .help("what is forbidden stands in `deny`, without the word"));
    }
    Ok(grant.to_string())
}

fn denial(text: &str, surroundings: &Surroundings<'_>) -> Result<String, Complaint> {
    const WORD: &str = "deny ";
    if text.trim_start().starts_with(WORD) {
        return Err(Complaint::of("the word `deny` is said already").help("leave it out here"));
    }
    let grant = parse_grant(&format!("{WORD}{text}"), WORD.len(), surroundings)?;
    let spelled = grant.to_string();
    Ok(spelled.strip_prefix(WORD).unwrap_or(&spelled).into())
}

/// Reads a grant. `before` is how many characters of the text are not the person's.
fn parse_grant(
    text: &str,
    before: usize,
    surroundings: &Surroundings<'_>,
) -> Result<Grant, Complaint> {
    text.parse::<Grant>().map_err(|error| {
        let mut complaint = Complaint::of(format!("no grant: {}", error.problem));
        complaint.character = Some(error.position.saturating_sub(before).max(1));
        let word = text.chars().skip(error.position.saturating_sub(1));
        let word: String = word.take_while(|character| *character != ' ').collect();
        if word.starts_with(['~', '.']) {
            complaint.help = path(&word, surroundings).ok().map(|path| format!("write {path}"));
        }
        complaint
    })
}
