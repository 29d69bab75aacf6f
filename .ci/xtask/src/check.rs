//! `cargo xtask check`: every check in order, from the quickest answer to the slowest.
//!
//! # Invariants
//! - The first failure ends the run; its message says how to run that step alone.
//! - A step that cannot run here is printed as skipped with the reason, never left out.

use std::time::{Duration, Instant};

use crate::error::Error;
use crate::workspace::Workspace;
use crate::{crash, fuzz, luperiq, metal, sandboxes, sanitize, setup, similar, tidy, wasm};

/// How a step ended when it did not fail.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Pass,
    /// It cannot run on this machine, and why.
    Skip(String),
}

/// The names of all steps, in order.
pub(crate) fn names() -> impl Iterator<Item = &'static str> {
    STEPS.iter().map(|step| step.name)
}

/// Runs the named steps, or all of them when none is named, in the order of the table.
pub(crate) fn run(workspace: &Workspace, wanted: &[String]) -> Result<(), Error> {
    for name in wanted {
        if !names().any(|known| known == name) {
            return Err(similar::unknown("step", name, names(), "cargo xtask help"));
        }
    }
    let is_wanted = |step: &&Step| wanted.is_empty() || wanted.iter().any(|name| name == step.name);
    run_steps(workspace, STEPS.iter().filter(is_wanted))
}

fn run_steps<'a>(
    workspace: &Workspace,
    steps: impl Iterator<Item = &'a Step>,
) -> Result<(), Error> {
    let started = Instant::now();
    let mut rows = Vec::new();
    for step in steps {
        println!("\n== {}: {}", step.name, step.about);
        let step_started = Instant::now();
        let result = (step.run)(workspace);
        let row = Row { name: step.name, time: step_started.elapsed(), result };
        println!("== {row}");
        let has_failed = row.result.is_err();
        rows.push(row);
        if has_failed {
            break;
        }
    }
    println!("\n== summary");
    for row in &rows {
        println!("   {row}");
    }
    println!("   {:12} {:6.1} s", "together", started.elapsed().as_secs_f64());
    match rows.into_iter().find_map(|row| row.result.err().map(|error| (row.name, error))) {
        None => Ok(()),
        Some((name, error)) => {
            println!("\nThis step alone: cargo xtask check {name}");
            Err(error)
        }
    }
}

/// How one step went.
struct Row {
    name: &'static str,
    time: Duration,
    result: Result<Outcome, Error>,
}

impl std::fmt::Display for Row {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{:12} {:6.1} s  ", self.name, self.time.as_secs_f64())?;
        match &self.result {
            Ok(Outcome::Pass) => formatter.write_str("ok"),
            Ok(Outcome::Skip(reason)) => write!(formatter, "skipped: {reason}"),
            Err(_) => formatter.write_str("FAILED"),
        }
    }
}

/// One check.
struct Step {
    name: &'static str,
    about: &'static str,
    run: fn(&Workspace) -> Result<Outcome, Error>,
}

const STEPS: &[Step] = &[
    Step { name: "format", about: "the code is as rustfmt writes it", run: format },
    Step {
        name: "tidy",
        about: "house rules that a machine can see",
        run: |workspace| tidy::run(workspace).map(|()| Outcome::Pass),
    },
    Step { name: "clippy", about: "no warning of compiler or clippy", run: clippy },
    Step { name: "test", about: "unit, integration and documentation tests", run: test },
    Step { name: "doc", about: "the documentation builds without a warning", run: doc },
    Step { name: "metal", about: "the core links into a bare-metal image", run: metal::run },
    Step { name: "luperiq", about: "the kernel boots and holds in QEMU", run: luperiq::run },
    Step { name: "wasm", about: "a skill is a module, and a small one", run: wasm::run },
    Step { name: "fuzz-build", about: "the fuzz targets compile", run: fuzz::build_check },
    Step {
        name: "sanitize",
        about: "tests of the core under AddressSanitizer",
        run: sanitize::run,
    },
];

fn format(workspace: &Workspace) -> Result<Outcome, Error> {
    setup::component(workspace, "rustfmt", "fmt")?;
    let fix = "`cargo fmt` with the same arguments but `--check` mends it";
    workspace.cargo(["fmt", "--all", "--check"]).help(fix).run()?;
    let [core, skill] = metal::MANIFESTS;
    for manifest in [core, skill, luperiq::MANIFEST, fuzz::MANIFEST] {
        if workspace.has(manifest) {
            let format = ["fmt", "--all", "--manifest-path", manifest, "--check"];
            workspace.cargo(format).help(fix).run()?;
        }
    }
    Ok(Outcome::Pass)
}

/// The features of the core, each with what it asks for; the first is none.
const PARTS: [&str; 10] =
    ["", "llm", "policy", "channel", "journal", "websocket", "agent", "config", "mcp", "skill"];

fn clippy(workspace: &Workspace) -> Result<Outcome, Error> {
    setup::component(workspace, "clippy", "clippy")?;
    workspace.cargo(["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"]).run()?;
    // Each part of the core has to stand without the others.
    for part in PARTS {
        let alone = ["clippy", "-p", "sentinel-core", "--no-default-features", "--features", part];
        workspace.cargo(alone).args(["--", "-D", "warnings"]).run()?;
    }
    Ok(Outcome::Pass)
}

fn test(workspace: &Workspace) -> Result<Outcome, Error> {
    let tests = crash::with_strace(workspace, workspace.cargo(["test", "--workspace"]));
    sandboxes::told(workspace, tests).run()?;
    Ok(Outcome::Pass)
}

fn doc(workspace: &Workspace) -> Result<Outcome, Error> {
    let doc = workspace.cargo(["doc", "--workspace", "--no-deps"]);
    doc.set("RUSTDOCFLAGS", "-Dwarnings").run()?;
    Ok(Outcome::Pass)
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: Step = Step { name: "good", about: "", run: |_| Ok(Outcome::Pass) };
    const BAD: Step = Step { name: "bad", about: "", run: |_| Err(Error::new("broken")) };
    const NEVER: Step = Step { name: "never", about: "", run: |_| panic!("it was reached") };

    #[test]
    fn the_first_failure_is_reported_and_ends_the_run() {
        let workspace = Workspace::find().unwrap();
        let error = run_steps(&workspace, [&GOOD, &BAD, &NEVER].into_iter()).unwrap_err();
        assert_eq!(error.to_string(), "error: broken");
        assert!(run_steps(&workspace, [&GOOD].into_iter()).is_ok());
    }

    #[test]
    fn an_unknown_step_is_refused_before_any_step_runs() {
        let workspace = Workspace::find().unwrap();
        let error = run(&workspace, &["format".into(), "clipy".into()]).unwrap_err().to_string();
        assert!(error.contains("unknown step `clipy`"), "{error}");
        assert!(error.contains("did you mean `clippy`?"), "{error}");
    }

    #[test]
    fn a_skipped_step_says_why_in_its_row() {
        let result = Ok(Outcome::Skip("no such tool".into()));
        let row = Row { name: "sanitize", time: Duration::from_millis(1500), result };
        assert_eq!(row.to_string(), "sanitize        1.5 s  skipped: no such tool");
    }
}
