//! `cargo xtask fuzz`: every fuzz target for a number of runs, and a table of what came out.
//!
//! Targets are the `[[bin]]` entries of `fuzz/Cargo.toml`. What libFuzzer finds worth keeping goes
//! to `fuzz/corpus/TARGET`; `fuzz/seeds/TARGET`, which is committed, is read and never written.
//!
//! # Invariants
//! - A finding, or a target that ends without its statistics, fails the command.
//! - What libFuzzer said is kept in a log whose path is printed.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use crate::check::Outcome;
use crate::error::Error;
use crate::process::Process;
use crate::workspace::Workspace;
use crate::{cpp, setup, similar};

/// The fuzz targets are a workspace of their own: they need a nightly compiler to run.
pub(crate) const MANIFEST: &str = "fuzz/Cargo.toml";

/// The step of `check`: the targets compile, with the compiler of everybody.
pub(crate) fn build_check(workspace: &Workspace) -> Result<Outcome, Error> {
    if !workspace.has(MANIFEST) {
        return Ok(Outcome::Skip(format!("there is no {MANIFEST}")));
    }
    cpp::ensure(workspace)?;
    let target = workspace.target().join("fuzz-check");
    workspace
        .cargo(["check", "--manifest-path", MANIFEST, "--bins", "--target-dir"])
        .args([target])
        .set("RUSTFLAGS", "--cfg fuzzing")
        .run()?;
    Ok(Outcome::Pass)
}

pub(crate) fn command(workspace: &Workspace, arguments: &[String]) -> Result<(), Error> {
    let options = Options::parse(arguments)?;
    if !workspace.has(MANIFEST) {
        return Err(Error::new(format!("there is no {MANIFEST}")));
    }
    let targets = wanted(targets(&workspace.read(MANIFEST)?), options.target.as_deref())?;
    if let Some(reason) = setup::missing_nightly(workspace) {
        return Err(Error::new(reason));
    }
    cpp::ensure(workspace)?;
    if !workspace.cargo(["fuzz", "--version"]).succeeds() {
        println!("installing cargo-fuzz, once");
        workspace.cargo(["install", "cargo-fuzz", "--locked"]).run()?;
    }
    match targets.as_slice() {
        [only] => workspace.cargo(["+nightly", "fuzz", "build", only]).run()?,
        _ => workspace.cargo(["+nightly", "fuzz", "build"]).run()?,
    }
    let logs = workspace.target().join("fuzz-logs");
    std::fs::create_dir_all(&logs).map_err(|cause| Error::file("create", &logs, &cause))?;
    let rows = run_all(&targets, options.jobs, |target| {
        run_target(workspace, target, options.runs, &logs)
    })?;
    println!("\n{:20} {:>12} {:>9} {:>10}  findings", "target", "runs", "seconds", "per second");
    for row in &rows {
        println!("{row}");
    }
    match rows.iter().filter(|row| row.finding.is_some()).count() {
        0 => Ok(()),
        failed => Err(Error::new(format!("{failed} of {} targets failed", rows.len()))
            .help("`cargo +nightly fuzz run TARGET FILE` repeats a finding")),
    }
}

/// What the command line asked for.
#[derive(Debug, PartialEq, Eq)]
struct Options {
    target: Option<String>,
    /// How many inputs each target gets.
    runs: u64,
    /// How many targets run at the same time.
    jobs: usize,
}

impl Options {
    fn parse(arguments: &[String]) -> Result<Self, Error> {
        let mut options = Self { target: None, runs: RUNS, jobs: 1 };
        let mut rest = arguments.iter();
        while let Some(argument) = rest.next() {
            match argument.as_str() {
                "--runs" => options.runs = number(argument, rest.next())?,
                "--jobs" => options.jobs = number(argument, rest.next())?,
                flag if flag.starts_with('-') => {
                    let known = ["--runs", "--jobs"];
                    return Err(similar::unknown("option", flag, known, "cargo xtask help"));
                }
                _ if options.target.is_some() => {
                    return Err(Error::new(format!("`{argument}` is a second target"))
                        .help("name one target, or none to run all of them"));
                }
                target => options.target = Some(target.to_owned()),
            }
        }
        Ok(options)
    }
}

/// The number after an option: at least 1, because libFuzzer reads 0 and less as "no end".
fn number<N: std::str::FromStr + PartialOrd + From<u8>>(
    option: &str,
    value: Option<&String>,
) -> Result<N, Error> {
    match value.map(|value| value.replace('_', "").parse::<N>()) {
        Some(Ok(number)) if number >= N::from(1) => Ok(number),
        _ => Err(Error::new(format!("`{option}` needs a number of at least 1"))
            .help(format!("for example `{option} 2`"))),
    }
}

/// The names of the `[[bin]]` tables of a manifest.
fn targets(manifest: &str) -> Vec<String> {
    let mut table = "";
    let mut names = Vec::new();
    for line in manifest.lines().map(str::trim) {
        if line.starts_with('[') {
            table = line;
        } else if let Some(("name", value)) =
            line.split_once('=').map(|(key, value)| (key.trim(), value.trim()))
            && table.starts_with("[[bin]]")
        {
            names.extend(value.split('"').nth(1).map(String::from));
        }
    }
    names
}

/// All targets, or the one that was asked for.
fn wanted(targets: Vec<String>, name: Option<&str>) -> Result<Vec<String>, Error> {
    match name {
        None if targets.is_empty() => Err(Error::new(format!("{MANIFEST} has no [[bin]]"))),
        None => Ok(targets),
        Some(name) if targets.iter().any(|target| target == name) => Ok(vec![name.to_owned()]),
        Some(name) => {
            let known = targets.iter().map(String::as_str);
            Err(similar::unknown("fuzz target", name, known, "cargo +nightly fuzz list"))
        }
    }
}

/// Runs each target once, `jobs` of them at a time, and returns the rows in the order of targets.
fn run_all(
    targets: &[String],
    jobs: usize,
    run: impl Fn(&str) -> Result<Row, Error> + Sync,
) -> Result<Vec<Row>, Error> {
    let next = Mutex::new(targets.iter().enumerate());
    let rows = Mutex::new(Vec::new());
    let work = || {
        // The guard ends with this statement: a target must not run under the lock.
        while let Some((index, target)) = next.lock().ok().and_then(|mut next| next.next()) {
            let row = run(target);
            if let Ok(mut rows) = rows.lock() {
                rows.push((index, row));
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..jobs.min(targets.len()) {
            scope.spawn(work);
        }
    });
    let mut rows = rows.into_inner().map_err(|_| Error::new("a fuzzing thread panicked"))?;
    rows.sort_by_key(|(index, _)| *index);
    rows.into_iter().map(|(_, row)| row).collect()
}

/// Runs one target with its output in a log.
fn run_target(workspace: &Workspace, target: &str, runs: u64, logs: &Path) -> Result<Row, Error> {
    let log = logs.join(format!("{target}.log"));
    let corpus = workspace.root().join("fuzz/corpus").join(target);
    std::fs::create_dir_all(&corpus).map_err(|cause| Error::file("create", &corpus, &cause))?;
    let process = process(workspace, target, runs);
    println!("fuzzing {target}, log in {}", log.display());
    let file = File::create(&log).map_err(|cause| Error::file("create", &log, &cause))?;
    let both = file.try_clone().map_err(|cause| Error::file("write", &log, &cause))?;
    let started = Instant::now();
    let status = process.command().stdout(both).stderr(file).status();
    let status = status.map_err(|cause| process.not_started(&cause))?;
    let seconds = started.elapsed();
    let said = std::fs::read(&log).map_err(|cause| Error::file("read", &log, &cause))?;
    let said = String::from_utf8_lossy(&said);
    let row = Row::new(target, seconds, status.success(), &said, log);
    if row.finding.is_some() {
        println!("{target}: {}", complaint(&said).join("\n"));
    }
    Ok(row)
}

/// What a log says about its finding: from the complaint on or, without one, its last lines.
fn complaint(said: &str) -> Vec<&str> {
    let lines: Vec<&str> = said.lines().collect();
    let complains = |line: &&str| COMPLAINTS.iter().any(|words| line.contains(words));
    let start = lines.iter().position(complains);
    let start = start.unwrap_or(lines.len().saturating_sub(COMPLAINT_LINES));
    lines.into_iter().skip(start).take(COMPLAINT_LINES).collect()
}

fn process(workspace: &Workspace, target: &str, runs: u64) -> Process {
    let process = workspace
        .cargo(["+nightly", "fuzz", "run", target])
        .args([format!("fuzz/corpus/{target}")]);
    let seeds = format!("fuzz/seeds/{target}");
    let process = if workspace.has(&seeds) { process.args([seeds]) } else { process };
    // AddressSanitizer keeps the stack of every allocation for ever. Recursive values have so many
    // different stacks that a long run would end at libFuzzer's memory limit for that alone.
    let process = process.set("ASAN_OPTIONS", "malloc_context_size=2");
    process.args(["--", &format!("-runs={runs}"), "-print_final_stats=1"])
}

/// What came out of one target.
#[derive(Debug)]
struct Row {
    target: String,
    runs: u64,
    time: Duration,
    finding: Option<String>,
}

impl Row {
    /// Reads libFuzzer's closing statistics. A target without them did not do its runs.
    fn new(target: &str, time: Duration, success: bool, said: &str, log: PathBuf) -> Self {
        let runs = said.lines().rev().find_map(|line| line.strip_prefix(STATISTIC_RUNS));
        let runs = runs.and_then(|runs| runs.trim().parse().ok());
        let artifact = said.lines().find_map(|line| line.split_once("Test unit written to "));
        let finding = match (artifact, success, runs) {
            (Some((_, artifact)), ..) => Some(artifact.trim().to_owned()),
            (None, true, Some(_)) => None,
            (None, ..) => Some(format!("it ended early, see {}", log.display())),
        };
        Self { target: target.to_owned(), runs: runs.unwrap_or(0), time, finding }
    }
}

impl std::fmt::Display for Row {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { target, runs, time, finding } = self;
        let seconds = time.as_secs_f64();
        // A count of runs is far below 2^53, where the conversion starts to round.
        let rate = *runs as f64 / seconds.max(f64::MIN_POSITIVE);
        let finding = finding.as_deref().unwrap_or("none");
        write!(formatter, "{target:20} {runs:>12} {seconds:>9.1} {rate:>10.0}  {finding}")
    }
}

/// Enough to reach the rare states of a parser; some minutes per target.
const RUNS: u64 = 10_000_000;

/// How a panic, libFuzzer and its sanitizers begin their report.
const COMPLAINTS: &[&str] = &["panicked at", "ERROR: "];

/// The message and the innermost frames of a stack; the log has the rest.
const COMPLAINT_LINES: usize = 16;

const STATISTIC_RUNS: &str = "stat::number_of_executed_units:";

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Vec<String> {
        line.split_whitespace().map(String::from).collect()
    }

    fn row(success: bool, said: &str) -> Row {
        Row::new("json", Duration::from_secs(2), success, said, PathBuf::from("json.log"))
    }

    #[test]
    fn options_have_defaults_and_are_read_in_any_order() {
        let defaults = Options { target: None, runs: RUNS, jobs: 1 };
        assert_eq!(Options::parse(&[]).unwrap(), defaults);
        let all = Options::parse(&words("--jobs 2 json --runs 1_000")).unwrap();
        assert_eq!(all, Options { target: Some("json".into()), runs: 1000, jobs: 2 });
    }

    #[test]
    fn bad_options_are_refused() {
        for (line, what) in [
            ("--runs", "`--runs` needs a number"),
            ("--runs 0", "at least 1"),
            ("--jobs -1", "at least 1"),
            ("--run 5", "unknown option `--run`"),
            ("json sse", "`sse` is a second target"),
        ] {
            let error = Options::parse(&words(line)).unwrap_err().to_string();
            assert!(error.contains(what), "{line}: {error}");
        }
    }

    #[test]
    fn targets_are_the_bin_tables_and_nothing_else() {
        let manifest = "[package]\nname = \"fuzz\"\n[[bin]]\nname = \"json\"\npath = \"a.rs\"\n\
                        [dependencies]\nname = \"x\"\n[[bin]]\npath = \"b.rs\"\nname=\"sse\"\n";
        assert_eq!(targets(manifest), ["json", "sse"]);
        let error = wanted(targets(manifest), Some("jsn")).unwrap_err().to_string();
        assert!(error.contains("did you mean `json`?"), "{error}");
        assert!(wanted(Vec::new(), None).is_err());
    }

    #[test]
    fn rows_keep_the_order_of_targets_whoever_ends_first() {
        let targets = words("slow quick");
        let rows = run_all(&targets, 2, |target| {
            if target == "slow" {
                std::thread::sleep(Duration::from_millis(50));
            }
            Ok(Row { target: target.into(), runs: 1, time: Duration::ZERO, finding: None })
        });
        let names: Vec<String> = rows.unwrap().into_iter().map(|row| row.target).collect();
        assert_eq!(names, targets);
    }

    #[test]
    fn a_clean_run_has_its_count_and_no_finding() {
        let row = row(true, "INFO: ok\nstat::number_of_executed_units: 5000\n");
        assert_eq!((row.runs, row.finding.as_deref()), (5000, None));
        let shown = row.to_string();
        assert!(shown.ends_with("5000       2.0       2500  none"), "{shown}");
    }

    #[test]
    fn the_shown_part_of_a_log_begins_with_the_complaint() {
        let said = "INFO: seed\nthread panicked at a.rs:1\nfound\n";
        assert_eq!(complaint(said), ["thread panicked at a.rs:1", "found"]);
        let long = "x\n".repeat(COMPLAINT_LINES) + "last\n";
        assert_eq!(complaint(&long).last(), Some(&"last"));
        assert_eq!(complaint(&long).len(), COMPLAINT_LINES);
    }

    #[test]
    fn a_crash_and_a_missing_count_are_findings() {
        let said = "artifact_prefix='x/'; Test unit written to fuzz/artifacts/json/crash-1\n";
        assert_eq!(row(false, said).finding.as_deref(), Some("fuzz/artifacts/json/crash-1"));
        let early = "it ended early, see json.log";
        assert_eq!(row(true, "nothing").finding.as_deref(), Some(early));
        let stopped = row(false, "stat::number_of_executed_units: 5\n");
        assert_eq!(stopped.finding.as_deref(), Some(early));
    }
}
