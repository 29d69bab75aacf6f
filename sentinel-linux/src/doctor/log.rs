//! The audit log: whether every record is what was written.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

use sentinel_core::journal::{Report, Trust, Verdict as Checked, Verifier};

use super::Finding;
use crate::state::log_name;

const ABOUT: &str = "audit log";

/// Reads the whole log, piece by piece.
pub(super) fn look(state: &Path) -> Vec<Finding> {
    // An agent at work may begin a new file between two looks: what is damaged stays so.
    let is_bad = |checked: &io::Result<Option<Report>>| {
        let report = checked.as_ref().ok().and_then(Option::as_ref);
        report.is_some_and(|report| matches!(report.verdict, Checked::Bad { .. }))
    };
    let mut checked = verify(state);
    for _ in 1..LOOKS_COUNT {
        if !is_bad(&checked) {
            break;
        }
        checked = verify(state);
    }
    let report = match checked {
        Ok(None) => return vec![Finding::good(ABOUT, "not begun yet")],
        Ok(Some(report)) => report,
        Err(error) => {
            let fix = "make it readable for this user";
            return vec![Finding::bad(ABOUT, format!("it cannot be read: {error}"), fix)];
        }
    };
    let counted = format!(
        "{} records, {} of them vouched for by a checkpoint",
        report.records_count, report.anchored_count
    );
    vec![match report.verdict {
        Checked::Ok => Finding::good(ABOUT, counted),
        // So it is while an agent works, and after one was killed: the next start signs it.
        Checked::OpenTail { .. } => Finding::good(ABOUT, format!("{counted}; {}", report.verdict)),
        verdict => Finding::bad(
            ABOUT,
            format!("{verdict}; {counted}"),
            "somebody or something changed it: keep it as it is, find out who, and put back a \
             copy of the whole directory",
        ),
    }]
}

/// More than one file is not begun in so short a time.
const LOOKS_COUNT: usize = 3;

/// What a verifier says of the log; nothing if there is none.
fn verify(state: &Path) -> io::Result<Option<Report>> {
    let mut verifier = Verifier::new(Trust::default());
    let mut buffer = vec![0; 64 * 1024];
    let mut has_begun = false;
    for number in 0.. {
        let mut file = match File::open(state.join(log_name(number))) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => break,
            Err(error) => return Err(error),
        };
        if number > 0 {
            verifier.next_file();
        }
        loop {
            let count = match file.read(&mut buffer) {
                Ok(0) => break,
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            has_begun = true;
            verifier.push(buffer.get(..count).unwrap_or_default());
        }
    }
    Ok(has_begun.then(|| verifier.finish()))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::super::Verdict;
    use super::*;

    #[test]
    fn a_log_that_is_none_is_found_out() {
        let home = std::env::temp_dir().join(format!("sentinel-auditlog-{}", std::process::id()));
        let _ = fs::remove_dir_all(&home);
        fs::create_dir_all(home.join("journal")).unwrap();
        assert_eq!(look(&home)[0].verdict, Verdict::Good);
        fs::write(home.join(log_name(0)), vec![7; 4096]).unwrap();
        let findings = look(&home);
        assert_eq!(findings[0].verdict, Verdict::Bad, "{findings:?}");
        fs::remove_dir_all(home).unwrap();
    }
}
