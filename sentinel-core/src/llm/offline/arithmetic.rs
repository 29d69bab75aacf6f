//! Sums a person might ask for, worked out exactly.
//!
//! # Invariants
//! - Numbers are fractions of 128-bit integers: a result is exact, or there is none.
//! - Time is linear in the text and no call nests.
//!
//! # Not here
//! Powers, roots, functions.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

/// What a sum comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// A number, written out.
    Number(String),
    /// It divides by zero.
    DivisionByZero,
    /// A number in it, or on the way, is too large.
    TooLarge,
}

/// Works out a sum such as `2 + 3 * (4 - 1)`. `None` if the text is none, or a lone number.
pub(super) fn evaluate(text: &str) -> Option<Outcome> {
    let tokens = tokens(text)?;
    if !tokens.iter().any(|token| matches!(token, Token::Operator(_))) {
        return None;
    }
    match work_out(&tokens) {
        Ok(number) => Some(Outcome::Number(number.written())),
        Err(Fault::NotASum) => None,
        Err(Fault::DivisionByZero) => Some(Outcome::DivisionByZero),
        Err(Fault::TooLarge) => Some(Outcome::TooLarge),
    }
}

#[derive(Clone, Copy, Debug)]
enum Token {
    Number(Option<Fraction>),
    Operator(char),
    Open,
    Close,
}

enum Fault {
    NotASum,
    DivisionByZero,
    TooLarge,
}

fn tokens(text: &str) -> Option<Vec<Token>> {
    let mut tokens = Vec::new();
    let mut rest = text.trim();
    while let Some(first) = rest.chars().next() {
        let length = if first.is_ascii_digit() {
            let end = rest
                .find(|character: char| !character.is_ascii_digit() && character != '.')
                .unwrap_or(rest.len());
            let number = rest.get(..end)?;
            if number.ends_with('.') || number.matches('.').count() > 1 {
                return None;
            }
            tokens.push(Token::Number(Fraction::read(number)));
            end
        } else if let Some((word, operator)) =
            WORDS.iter().find(|(word, _)| starts_with(rest, word))
        {
            tokens.push(Token::Operator(*operator));
            word.len()
        } else {
            tokens.push(match first {
                '+' | '-' | '*' | '/' => Token::Operator(first),
                '×' | 'x' | '·' => Token::Operator('*'),
                '÷' | ':' => Token::Operator('/'),
                '−' | '–' => Token::Operator('-'),
                '(' => Token::Open,
                ')' => Token::Close,
                _ => return None,
            });
            first.len_utf8()
        };
        rest = rest.get(length..)?.trim_start();
    }
    Some(tokens)
}

/// Operators in words.
const WORDS: [(&str, char); 4] =
    [("plus", '+'), ("minus", '-'), ("times", '*'), ("divided by", '/')];

fn starts_with(text: &str, word: &str) -> bool {
    text.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word))
}

/// Dijkstra's shunting yard: operators wait on a stack until one that binds less tightly comes.
fn work_out(tokens: &[Token]) -> Result<Fraction, Fault> {
    let mut numbers: Vec<Fraction> = Vec::new();
    let mut waiting: Vec<char> = Vec::new();
    let mut wants_number = true;
    for token in tokens {
        match (token, wants_number) {
            (Token::Number(number), true) => {
                numbers.push(number.ok_or(Fault::TooLarge)?);
                wants_number = false;
            }
            (Token::Open, true) => waiting.push('('),
            // A sign: it binds more tightly than any operator.
            (Token::Operator('-'), true) => waiting.push('~'),
            (Token::Operator(operator), false) => {
                while let Some(top) =
                    waiting.pop_if(|top| *top != '(' && binding(*top) >= binding(*operator))
                {
                    apply(top, &mut numbers)?;
                }
                waiting.push(*operator);
                wants_number = true;
            }
            (Token::Close, false) => loop {
                match waiting.pop() {
                    Some('(') => break,
                    Some(top) => apply(top, &mut numbers)?,
                    None => return Err(Fault::NotASum),
                }
            },
            _ => return Err(Fault::NotASum),
        }
    }
    while let Some(top) = waiting.pop() {
        apply(top, &mut numbers)?;
    }
    match (numbers.pop(), wants_number) {
        (Some(number), false) if numbers.is_empty() => Ok(number),
        _ => Err(Fault::NotASum),
    }
}

fn binding(operator: char) -> u8 {
    match operator {
        '~' => 3,
        '*' | '/' => 2,
        _ => 1,
    }
}

fn apply(operator: char, numbers: &mut Vec<Fraction>) -> Result<(), Fault> {
    let right = numbers.pop().ok_or(Fault::NotASum)?;
    let result = if operator == '~' {
        right.minus()
    } else {
        let left = numbers.pop().ok_or(Fault::NotASum)?;
        match operator {
            '+' => left.plus(right),
            '-' => right.minus().and_then(|right| left.plus(right)),
            '*' => left.times(right),
            '/' if right.above == 0 => return Err(Fault::DivisionByZero),
            '/' => right.inverse().and_then(|right| left.times(right)),
            _ => return Err(Fault::NotASum),
        }
    };
    numbers.push(result.ok_or(Fault::TooLarge)?);
    Ok(())
}

/// A fraction in lowest terms; `below` is positive.
#[derive(Clone, Copy, Debug)]
struct Fraction {
    above: i128,
    below: i128,
}

impl Fraction {
    fn new(above: i128, below: i128) -> Option<Self> {
        let divisor = i128::try_from(divisor(above.unsigned_abs(), below.unsigned_abs())).ok()?;
        let (above, below) = (above.checked_div(divisor)?, below.checked_div(divisor)?);
        if below < 0 {
            return Some(Self { above: above.checked_neg()?, below: below.checked_neg()? });
        }
        Some(Self { above, below })
    }

    /// Digits with at most one point among them.
    fn read(text: &str) -> Option<Self> {
        let (whole, decimals) = text.split_once('.').unwrap_or((text, ""));
        let above = format!("{whole}{decimals}").parse().ok()?;
        Self::new(above, 10_i128.checked_pow(u32::try_from(decimals.len()).ok()?)?)
    }

    fn plus(self, other: Self) -> Option<Self> {
        let left = self.above.checked_mul(other.below)?;
        let right = other.above.checked_mul(self.below)?;
        Self::new(left.checked_add(right)?, self.below.checked_mul(other.below)?)
    }

    fn times(self, other: Self) -> Option<Self> {
        Self::new(self.above.checked_mul(other.above)?, self.below.checked_mul(other.below)?)
    }

    fn minus(self) -> Option<Self> {
        Some(Self { above: self.above.checked_neg()?, ..self })
    }

    fn inverse(self) -> Option<Self> {
        Self::new(self.below, self.above)
    }

    /// As an integer, as a decimal number if it has few digits, or else as a fraction.
    fn written(self) -> String {
        let Self { above, below } = self;
        if below == 1 {
            return format!("{above}");
        }
        for digits in 1..=6 {
            let scale = 10_i128.pow(digits);
            if scale % below == 0
                && let Some(scaled) = above.checked_mul(scale / below)
            {
                let sign = if scaled < 0 { "-" } else { "" };
                let (scaled, scale) = (scaled.unsigned_abs(), scale.unsigned_abs());
                let width = digits as usize;
                return format!("{sign}{}.{:0width$}", scaled / scale, scaled % scale);
            }
        }
        format!("{above}/{below}")
    }
}

/// The greatest common divisor, 1 if both are zero.
fn divisor(mut a: u128, mut b: u128) -> u128 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a.max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_are_exact() {
        for (text, result) in [
            ("2 + 3 * 4", "14"),
            ("(2+3)*4", "20"),
            ("2-3-4", "-5"),
            ("-2 * -(3 - 5)", "-4"),
            ("7 / 2", "3.5"),
            ("1/3", "1/3"),
            ("1/3 * 3 + 0", "1"),
            ("0.1 + 0.2", "0.3"),
            ("-1/8", "-0.125"),
            ("6 × 7 ÷ 2", "21"),
            ("six", ""),
            ("3 plus 4 times 2", "11"),
            ("10 divided by 4", "2.5"),
            ("8:2", "4"),
            ("5 x 5", "25"),
        ] {
            let expected = (!result.is_empty()).then(|| Outcome::Number(result.into()));
            assert_eq!(evaluate(text), expected, "{text}");
        }
        assert_eq!(evaluate("1/(2-2)"), Some(Outcome::DivisionByZero));
        let nines = "9".repeat(38);
        assert_eq!(evaluate(&format!("{nines}*{nines}")), Some(Outcome::TooLarge));
        assert_eq!(evaluate(&format!("{nines}9+1")), Some(Outcome::TooLarge));
    }

    #[test]
    fn what_is_no_sum_has_no_result() {
        for text in ["", "5", "+", "1 +", "1 2 + 3", "(1+2", "1+2)", "()", "1.2.3+1", "1.+1", "a+b"]
        {
            assert_eq!(evaluate(text), None, "{text}");
        }
    }
}
