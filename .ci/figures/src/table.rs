//! The table: what is measured, what is wanted, and whether it is so.

/// One line of it.
pub(crate) struct Row {
    pub(crate) what: String,
    pub(crate) figure: String,
    /// What is wanted, in words; none for a figure that only says more about another one.
    pub(crate) goal: Option<&'static str>,
    pub(crate) is_met: bool,
}

impl Row {
    /// A figure that has to be at most this, in a unit.
    pub(crate) fn at_most(
        what: impl Into<String>,
        figure: f64,
        most: f64,
        unit: &str,
        goal: &'static str,
    ) -> Self {
        let figure_text = format!("{} {unit}", short(figure));
        Self { what: what.into(), figure: figure_text, goal: Some(goal), is_met: figure <= most }
    }

    /// A figure without a goal.
    pub(crate) fn note(what: impl Into<String>, figure: impl Into<String>) -> Self {
        Self { what: what.into(), figure: figure.into(), goal: None, is_met: true }
    }
}

/// Prints it; true if all goals are met.
pub(crate) fn print(rows: &[Row]) -> bool {
    let width = |text: fn(&Row) -> &str| {
        rows.iter().map(|row| text(row).chars().count()).max().unwrap_or_default()
    };
    let (what, figure) = (width(|row| &row.what), width(|row| &row.figure));
    println!();
    for row in rows {
        let word = match (row.goal, row.is_met) {
            (None, _) => String::new(),
            (Some(goal), true) => format!("  goal {goal}: met"),
            (Some(goal), false) => format!("  goal {goal}: MISSED"),
        };
        println!("{:what$}  {:>figure$}{word}", row.what, row.figure);
    }
    rows.iter().all(|row| row.is_met)
}

/// The value that as many lie below as above, and others by their share of the way.
pub(crate) fn quantile(values: &mut [f64], share: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    let last = values.len().saturating_sub(1);
    let place = (last as f64 * share).round() as usize;
    values.get(place).copied().unwrap_or(f64::NAN)
}

/// As many digits as mean something.
fn short(figure: f64) -> String {
    match figure {
        _ if figure < 10.0 => format!("{figure:.2}"),
        _ if figure < 100.0 => format!("{figure:.1}"),
        _ => format!("{figure:.0}"),
    }
}
