//! What a call of a skill takes whose process is kept: lines there and back, through its sandbox.

use std::io;
use std::path::Path;
use std::process::Command;

use crate::BENEATH;
use crate::table::Row;

/// The skill that `sentinel skill new` writes, called again and again.
pub(crate) fn skill(binary: &Path) -> io::Result<Vec<Row>> {
    let home = Path::new(BENEATH).join(format!("sentinel-figures-skill-{}", std::process::id()));
    let measured = measure(binary, &home);
    std::fs::remove_dir_all(&home)?;
    let (middle, fastest) = measured?;
    Ok(vec![
        Row::at_most("a call of a skill in Python, kept alive", middle, 150.0, "µs", "150 µs"),
        Row::note("  the fastest", format!("{fastest:.1} µs")),
    ])
}

fn measure(binary: &Path, home: &Path) -> io::Result<(f64, f64)> {
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
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        if output.status.success() { Ok(said) } else { Err(io::Error::other(said)) }
    };
    said(&["skill", "new", "--lang", "python", &skill.display().to_string()])?;
    said(&["skill", "approve", "probe"])?;
    let times = said(&["skill", "run", "probe", "lengths", "text=one two", "--times", "3000"])?;
    let number = |after: &str| {
        let rest = times.split(after).nth(1)?;
        rest.split(" µs").next()?.trim().parse::<f64>().ok()
    };
    let found = number("the middle one").zip(number("the fastest"));
    found.ok_or_else(|| io::Error::other(times.clone()))
}
