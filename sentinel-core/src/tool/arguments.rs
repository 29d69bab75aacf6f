//! Reading the arguments of a call, strictly.
//!
//! Policy is decided from what is read here, so there is one reading: a key that stands twice, a
//! parameter nobody knows, a number in quotes are refused with a hint, never guessed at.
//!
//! # Invariants
//! - Nothing that was not asked for is passed on: every member of the object is a known parameter.
//! - `null` for an optional parameter means that it is not there, as some models must write it.
//!
//! # Not here
//! Which parameters a tool has: [`super::builtin`].

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::error::{ArgumentError, ArgumentProblem, Place, excerpt};
use super::parameter::{Kind, Parameter};
use crate::limits::{TOOL_ARGUMENTS_BYTES_MAX, TOOL_ARGUMENTS_DEPTH_MAX};
use crate::order;
use crate::text::json::{self, Document, Value};
use crate::text::suggest;

/// Reads the arguments of a call of `tool` as one JSON object. Some models send nothing, or `null`,
/// where a tool needs no arguments; both are the empty object.
pub(crate) fn parse<'t>(tool: &str, text: &'t str) -> Result<Document<'t>, ArgumentError> {
    let refuse = |problem| ArgumentError { tool: tool.to_string(), problem };
    if text.len() > TOOL_ARGUMENTS_BYTES_MAX {
        return Err(refuse(ArgumentProblem::ArgumentsTooLong));
    }
    let text = match text.trim_matches([' ', '\t', '\r', '\n']) {
        "" | "null" => "{}",
        _ => text,
    };
    let options =
        json::Options::new().depth(TOOL_ARGUMENTS_DEPTH_MAX).bytes(TOOL_ARGUMENTS_BYTES_MAX);
    let document =
        options.parse(text.as_bytes()).map_err(|error| refuse(ArgumentProblem::NotJson(error)))?;
    match document.root().kind() {
        json::Kind::Object => Ok(document),
        found => Err(refuse(ArgumentProblem::NotAnObject { found })),
    }
}

/// The arguments of one call, every name of them known.
#[derive(Clone, Copy)]
pub(crate) struct Arguments<'d> {
    tool: &'static str,
    object: Value<'d>,
}

impl<'d> Arguments<'d> {
    /// The arguments in `object`, if each of them is one of `parameters`.
    pub(crate) fn new(
        tool: &'static str,
        parameters: &[Parameter],
        object: Value<'d>,
    ) -> Result<Self, ArgumentError> {
        let arguments = Self { tool, object };
        let members = object
            .members()
            .map_err(|_| arguments.error(ArgumentProblem::NotAnObject { found: object.kind() }))?;
        let known = || parameters.iter().map(|parameter| parameter.name);
        for (name, _) in members {
            if !known().any(|known| known == name) {
                return Err(arguments.error(ArgumentProblem::Unknown {
                    name: excerpt(name),
                    meant: suggest::nearest(name, known()),
                    known: known().collect(),
                }));
            }
        }
        Ok(arguments)
    }

    /// The string of a parameter that must be there.
    pub(crate) fn text(&self, parameter: &Parameter) -> Result<&'d str, ArgumentError> {
        self.optional_text(parameter)?.ok_or_else(|| self.missing(parameter))
    }

    /// The string of a parameter, if it is there.
    pub(crate) fn optional_text(
        &self,
        parameter: &Parameter,
    ) -> Result<Option<&'d str>, ArgumentError> {
        let Some(value) = self.value(parameter) else { return Ok(None) };
        let place = Place::Parameter(parameter.name);
        let text = self.string(value, &place, parameter.kind.expected())?;
        match parameter.kind {
            Kind::Text { bytes_min, bytes_max } => {
                self.check_length(text, bytes_max, &place)?;
                if text.len() < bytes_min {
                    return Err(self.error(ArgumentProblem::Empty { place }));
                }
            }
            Kind::Choice(choices) if !choices.contains(&text) => {
                return Err(self.error(ArgumentProblem::NotAChoice {
                    name: parameter.name,
                    found: excerpt(text),
                    choices,
                }));
            }
            _ => {}
        }
        Ok(Some(text))
    }

    /// The number of a parameter, if it is there.
    pub(crate) fn integer(&self, parameter: &Parameter) -> Result<Option<u64>, ArgumentError> {
        let Some(value) = self.value(parameter) else { return Ok(None) };
        let Ok(number) = value.as_number() else {
            return Err(self.wrong_type(parameter, value));
        };
        let Kind::Integer { min, max } = parameter.kind else { return Ok(number.as_u64()) };
        match number.as_u64() {
            Some(number) if (min..=max).contains(&number) => Ok(Some(number)),
            _ => {
                let name = parameter.name;
                Err(self.error(ArgumentProblem::OutOfRange { name, min, max }))
            }
        }
    }

    /// The boolean of a parameter, false if it is not there.
    pub(crate) fn flag(&self, parameter: &Parameter) -> Result<bool, ArgumentError> {
        let Some(value) = self.value(parameter) else { return Ok(false) };
        value.as_bool().map_err(|_| self.wrong_type(parameter, value))
    }

    /// The strings of a parameter, none if it is not there.
    pub(crate) fn texts(&self, parameter: &Parameter) -> Result<Vec<String>, ArgumentError> {
        let Some(value) = self.value(parameter) else {
            return if parameter.is_required {
                Err(self.missing(parameter))
            } else {
                Ok(Vec::new())
            };
        };
        let Ok(elements) = value.elements() else {
            return Err(self.wrong_type(parameter, value));
        };
        let Kind::Texts { count_max, bytes_max } = parameter.kind else { return Ok(Vec::new()) };
        let count = elements.clone().count();
        if count > count_max {
            let name = parameter.name;
            return Err(self.error(ArgumentProblem::TooMany { name, count, count_max }));
        }
        let mut texts = Vec::with_capacity(count);
        for (index, element) in elements.enumerate() {
            let place = Place::Element(parameter.name, index);
            let text = self.string(element, &place, "a string")?;
            self.check_length(text, bytes_max, &place)?;
            texts.push(text.to_string());
        }
        Ok(texts)
    }

    /// The pairs of a parameter that is an object of strings: keys in lower case and sorted, none
    /// if it is not there.
    pub(crate) fn map(
        &self,
        parameter: &Parameter,
    ) -> Result<Vec<(String, String)>, ArgumentError> {
        let Some(value) = self.value(parameter) else { return Ok(Vec::new()) };
        let Ok(members) = value.members() else {
            return Err(self.wrong_type(parameter, value));
        };
        let Kind::Map { keys, bytes_max } = parameter.kind else { return Ok(Vec::new()) };
        let mut pairs: Vec<(String, String)> = Vec::new();
        for (key, value) in members {
            let place = Place::Member(parameter.name, excerpt(key));
            let lower = key.to_ascii_lowercase();
            if !keys.contains(&lower.as_str()) {
                return Err(self.error(ArgumentProblem::NotAChoice {
                    name: parameter.name,
                    found: excerpt(key),
                    choices: keys,
                }));
            }
            if pairs.iter().any(|(other, _)| *other == lower) {
                let why = "it stands there twice; write it once";
                return Err(self.error(ArgumentProblem::Unusable { place, why }));
            }
            let text = self.string(value, &place, "a string")?;
            self.check_length(text, bytes_max, &place)?;
            pairs.push((lower, text.to_string()));
        }
        order::sort_by(&mut pairs, Ord::cmp);
        Ok(pairs)
    }

    /// The error that says what is wrong with this call.
    pub(crate) fn error(&self, problem: ArgumentProblem) -> ArgumentError {
        ArgumentError { tool: self.tool.to_string(), problem }
    }

    /// The error of a value that cannot be used.
    pub(crate) fn unusable(&self, place: Place, why: &'static str) -> ArgumentError {
        self.error(ArgumentProblem::Unusable { place, why })
    }

    fn value(&self, parameter: &Parameter) -> Option<Value<'d>> {
        let value = self.object.find(parameter.name)?;
        (parameter.is_required || !value.is_null()).then_some(value)
    }

    fn string(
        &self,
        value: Value<'d>,
        place: &Place,
        expected: &'static str,
    ) -> Result<&'d str, ArgumentError> {
        value.as_str().map_err(|_| {
            let found = value.kind();
            self.error(ArgumentProblem::WrongType { place: place.clone(), expected, found })
        })
    }

    fn check_length(
        &self,
        text: &str,
        bytes_max: usize,
        place: &Place,
    ) -> Result<(), ArgumentError> {
        if text.len() <= bytes_max {
            return Ok(());
        }
        let (place, bytes) = (place.clone(), text.len());
        Err(self.error(ArgumentProblem::TooLong { place, bytes, bytes_max }))
    }

    fn missing(&self, parameter: &Parameter) -> ArgumentError {
        let expected = parameter.kind.expected();
        self.error(ArgumentProblem::Missing { name: parameter.name, expected })
    }

    fn wrong_type(&self, parameter: &Parameter, value: Value<'d>) -> ArgumentError {
        self.error(ArgumentProblem::WrongType {
            place: Place::Parameter(parameter.name),
            expected: parameter.kind.expected(),
            found: value.kind(),
        })
    }
}
