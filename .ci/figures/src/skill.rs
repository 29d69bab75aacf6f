//! What a call of a skill takes whose process is kept: lines there and back, through its sandbox.

use std::io;
use std::path::Path;
use std::process::Command;

use crate::table::Row;
use crate::{BENEATH, module};

/// The skill that `sentinel skill new` writes, called again and again.
pub(crate) fn skill(binary: &Path) -> io::Result<Vec<Row>> {
    let home = Path::new(BENEATH).join(format!("sentinel-figures-skill-{}", std::process::id()));
    let measured = measure(binary, &home);
    std::fs::remove_dir_all(&home)?;
    let measured = measured?;
    let (middle, fastest) = measured.program;
    let mut rows = vec![
        Row::at_most("a call of a skill in Python, kept alive", middle, 150.0, "µs", "150 µs"),
        Row::note("  the fastest", format!("{fastest:.1} µs")),
    ];
    match measured.module {
        Some(Module { call: (middle, fastest), bytes, read }) => rows.extend([
            Row::at_most("a call of a module, kept alive", middle, 60.0, "µs", "60 µs"),
            Row::note("  the fastest", format!("{fastest:.1} µs")),
            Row::at_most(format!("a module of {bytes} bytes is read"), read, 5.0, "ms", "5 ms"),
        ]),
        None => rows.push(Row::note(
            "a call of a module",
            std::env::var(VARIABLE)
                .unwrap_or_else(|_| "not measured: cargo xtask figures builds the module".into()),
        )),
    }
    Ok(rows)
}

struct Measured {
    program: (f64, f64),
    module: Option<Module>,
}

struct Module {
    call: (f64, f64),
    bytes: usize,
    /// Milliseconds.
    read: f64,
}

fn measure(binary: &Path, home: &Path) -> io::Result<Measured> {
    std::fs::create_dir_all(home.join("skills"))?;
    let shelf = home.join("skills");
    let text = format!("[skills]\ndirectories = [\"{}\"]\n", shelf.display());
    std::fs::write(home.join("sentinel.toml"), text)?;
    let skill = shelf.join("probe");
    let said = |words: &[&str]| -> io::Result<String> {
        let mut command = Command::new(binary);
        command.args(words).current_dir(home);
        command.args(["--config", "sentinel.toml", "--state", "state"]);
        let output = command.output()?;
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8_lossy(&said).into_owned();
        if output.status.success() { Ok(said) } else { Err(io::Error::other(said)) }
    };
    said(&["skill", "new", "--lang", "python", &skill.display().to_string()])?;
    let module = std::env::var(VARIABLE).ok().and_then(|path| std::fs::read(path).ok());
    if let Some(bytes) = &module {
        // Before the first approval: that is when the folders are read.
        let skill = shelf.join("word-count");
        std::fs::create_dir(&skill)?;
        std::fs::write(skill.join("skill.toml"), MANIFEST)?;
        std::fs::write(skill.join("word-count.wasm"), bytes)?;
    }
    said(&["skill", "approve", "probe"])?;
    let times = said(&["skill", "run", "probe", "lengths", "text=one two", "--times", "3000"])?;
    let program = both(&times)?;
    let Some(bytes) = module else { return Ok(Measured { program, module: None }) };
    let skill = shelf.join("word-count");
    said(&["skill", "approve", "word-count"])?;
    let call = ["skill", "run", "word-count", "count", "text=one two", "--times", "3000"];
    let call = both(&said(&call)?)?;
    let large = module::enlarged(&bytes, LARGE_BYTES).ok_or(io::ErrorKind::InvalidData)?;
    std::fs::write(skill.join("word-count.wasm"), &large)?;
    let mut reads = Vec::new();
    for _ in 0..READS {
        let told = said(&["skill", "check", &skill.display().to_string()])?;
        reads.push(number(&told, "its module is read in", " ms").ok_or(io::Error::other(told))?);
    }
    reads.sort_by(f64::total_cmp);
    let read = reads.get(READS / 2).copied().unwrap_or_default();
    Ok(Measured { program, module: Some(Module { call, bytes: large.len(), read }) })
}

/// The middle and the least time of a call.
fn both(times: &str) -> io::Result<(f64, f64)> {
    let found = number(times, "the middle one", " µs").zip(number(times, "the fastest", " µs"));
    found.ok_or_else(|| io::Error::other(times.to_string()))
}

fn number(said: &str, before: &str, unit: &str) -> Option<f64> {
    said.split(before).nth(1)?.split(unit).next()?.trim().parse().ok()
}

/// Names the word counter as a module, or says why there is none.
const VARIABLE: &str = "SENTINEL_MODULE";
const MANIFEST: &str = include_str!("../../../examples/skills/word-count/module/skill.toml");
const LARGE_BYTES: usize = 100 << 10;
const READS: usize = 5;
