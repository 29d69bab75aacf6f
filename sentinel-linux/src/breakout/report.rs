//! What came of the attempts, for people and for programs.

use sentinel_core::text::json;

use super::GROUPS;
use super::runner::{Finding, Verdict};
use crate::style::Style;

/// How many ended how.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sum {
    pub(crate) stopped: usize,
    pub(crate) escaped: usize,
    pub(crate) untried: usize,
    pub(crate) failed: usize,
}

impl Sum {
    pub(crate) fn of<'f>(findings: impl IntoIterator<Item = &'f Finding>) -> Self {
        let mut sum = Self::default();
        for finding in findings {
            *match finding.verdict {
                Verdict::Stopped(_) => &mut sum.stopped,
                Verdict::Escaped(_) => &mut sum.escaped,
                Verdict::Untried(_) => &mut sum.untried,
                Verdict::Failed(_) => &mut sum.failed,
            } += 1;
        }
        sum
    }

    /// Those that prove something: they succeed without the sandbox.
    pub(crate) fn tried(self) -> usize {
        self.stopped + self.escaped
    }

    /// Whether everything that was tried was stopped, and something was tried.
    pub(crate) fn is_good(self) -> bool {
        self.escaped == 0 && self.failed == 0 && self.stopped > 0
    }
}

/// The word for it, and what there is to say.
fn said(verdict: &Verdict) -> (&'static str, &str) {
    match verdict {
        Verdict::Stopped(why) => ("stopped", why),
        Verdict::Escaped(how) => ("ESCAPED", how),
        Verdict::Untried(why) => ("untried", why),
        Verdict::Failed(why) => ("FAILED", why),
    }
}

/// For people: a line for each attempt, and a sum.
pub(crate) fn written(findings: &[Finding], style: Style) -> String {
    let mut text = String::new();
    for group in GROUPS {
        let mut own = findings.iter().filter(|finding| finding.group == group.name).peekable();
        if own.peek().is_none() {
            continue;
        }
        text.push_str(&format!("{}\n", style.bold(group.name)));
        for finding in own {
            let (word, why) = said(&finding.verdict);
            let Finding { name, shows, .. } = finding;
            text.push_str(&match &finding.verdict {
                Verdict::Stopped(_) => format!("  {}  {name:40} {why}\n", style.good(word)),
                Verdict::Untried(_) => {
                    format!("  {}  {name:40} cannot be tried here: {why}\n", style.faint(word))
                }
                Verdict::Escaped(_) | Verdict::Failed(_) => {
                    let word = style.bad(format!("{word:7}"));
                    format!("  {word}  {name:40} {why}\n{:11}{shows}\n", "")
                }
            });
        }
    }
    let sum = Sum::of(findings);
    let Sum { stopped, escaped, untried, failed } = sum;
    text.push_str(&format!(
        "\n{} attempts succeed without the sandbox; inside, {stopped} are stopped and {escaped} \
         escape.\n{untried} cannot be tried on this machine and prove nothing.\n",
        sum.tried(),
    ));
    if failed > 0 {
        text.push_str(&format!("{failed} could not be begun inside.\n"));
    }
    text
}

/// For programs.
pub(crate) fn to_json(findings: &[Finding]) -> String {
    let sum = Sum::of(findings);
    json::object(|object| {
        object.field("ok", sum.is_good());
        object.field("tried", sum.tried() as u64).field("stopped", sum.stopped as u64);
        object.field("escaped", sum.escaped as u64).field("untried", sum.untried as u64);
        object.field("failed", sum.failed as u64);
        object.array("attempts", |attempts| {
            for finding in findings {
                let (word, why) = said(&finding.verdict);
                attempts.object(|object| {
                    object
                        .field("group", finding.group)
                        .field("name", finding.name)
                        .field("shows", finding.shows)
                        .field("verdict", word)
                        .field("why", why);
                });
            }
        });
    })
}
