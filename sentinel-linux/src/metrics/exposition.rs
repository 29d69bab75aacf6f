//! The text format of Prometheus, written.
//!
//! # Invariants
//! - The samples of a family stand together, after its `HELP` and `TYPE`.
//! - A label's value is escaped: it names a tool or a model, and those are names of others.

use std::fmt::{Display, Write as _};

/// A page that is being written.
#[derive(Debug, Default)]
pub(super) struct Exposition {
    out: String,
    name: &'static str,
}

impl Exposition {
    /// Begins a family.
    pub(super) fn family(&mut self, name: &'static str, kind: &str, help: &str) -> &mut Self {
        self.name = name;
        // Writing to a string does not fail, here and below.
        let _ = writeln!(self.out, "# HELP {name} {help}\n# TYPE {name} {kind}");
        self
    }

    /// A family of one number.
    pub(super) fn one(&mut self, name: &'static str, kind: &str, help: &str, value: impl Display) {
        self.family(name, kind, help).sample(&[], value);
    }

    /// A sample of the family.
    pub(super) fn sample(&mut self, labels: &[(&str, &str)], value: impl Display) -> &mut Self {
        self.line("", labels, value)
    }

    /// A histogram's samples: for each bound how many were not above it, then the sum and the
    /// count. `counts` has one more than `bounds`, for those above all.
    pub(super) fn histogram(&mut self, bounds: &[f64], counts: &[u64], seconds: f64) {
        let mut total = 0;
        for (index, count) in counts.iter().enumerate() {
            total += count;
            let bound = match bounds.get(index) {
                Some(bound) => bound.to_string(),
                None => "+Inf".to_string(),
            };
            self.line("_bucket", &[("le", &bound)], total);
        }
        self.line("_sum", &[], seconds);
        self.line("_count", &[], total);
    }

    fn line(&mut self, suffix: &str, labels: &[(&str, &str)], value: impl Display) -> &mut Self {
        let _ = write!(self.out, "{}{suffix}", self.name);
        for (index, (name, value)) in labels.iter().enumerate() {
            let _ = write!(self.out, "{}{name}=\"", if index == 0 { '{' } else { ',' });
            for character in value.chars() {
                match character {
                    '\\' => self.out.push_str("\\\\"),
                    '"' => self.out.push_str("\\\""),
                    '\n' => self.out.push_str("\\n"),
                    _ => self.out.push(character),
                }
            }
            self.out.push('"');
        }
        if !labels.is_empty() {
            self.out.push('}');
        }
        let _ = writeln!(self.out, " {value}");
        self
    }

    pub(super) fn finish(self) -> String {
        self.out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_as_the_format_says() {
        let mut page = Exposition::default();
        page.family("turns_total", "counter", "Turns.");
        page.sample(&[("how", "a\"b\\c\nd"), ("x", "")], 3);
        page.family("loop_seconds", "histogram", "Rounds.");
        page.histogram(&[0.5, 1.0], &[1, 2, 4], 9.25);
        assert_eq!(
            page.finish(),
            "# HELP turns_total Turns.\n# TYPE turns_total counter\n\
             turns_total{how=\"a\\\"b\\\\c\\nd\",x=\"\"} 3\n\
             # HELP loop_seconds Rounds.\n# TYPE loop_seconds histogram\n\
             loop_seconds_bucket{le=\"0.5\"} 1\nloop_seconds_bucket{le=\"1\"} 3\n\
             loop_seconds_bucket{le=\"+Inf\"} 7\nloop_seconds_sum 9.25\nloop_seconds_count 7\n"
        );
    }
}
