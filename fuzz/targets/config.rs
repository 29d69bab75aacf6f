//! Configurations: diagnostics that a terminal can take, or a configuration that is shown as a file
//! which reads back the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sentinel_core::config::{self, Severity, Surroundings};
use sentinel_core::limits::CONFIG_DIAGNOSTICS_MAX;

fuzz_target!(|input: (u8, &str)| {
    let (set, text) = input;
    let environment = |name: &str| {
        let is_set = name.len() % 8 == usize::from(set % 8);
        is_set.then(|| String::from(if set >= 128 { "77,88" } else { "canary" }))
    };
    let surroundings = Surroundings {
        environment: &environment,
        home: (set % 2 == 0).then_some("/users/ada"),
        file: &|path| path.ends_with(".md").then(|| String::from("kind")),
        ..Surroundings::bare("/srv/work")
    };
    let reading = config::read(text, &surroundings);
    assert!(reading.diagnostics.len() <= CONFIG_DIAGNOSTICS_MAX + 1);
    let mut has_error = false;
    for diagnostic in &reading.diagnostics {
        let shown = diagnostic.to_string();
        assert!(!shown.contains(|c: char| c.is_control() && c != '\n'), "{shown:?}");
        has_error |= diagnostic.severity == Severity::Error;
    }
    assert_eq!(reading.config.is_none(), has_error);
    let Some(config) = reading.config else { return };
    let shown = config::show(&config);
    let again = config::read(&shown, &surroundings);
    assert_eq!(again.config.as_ref(), Some(&config), "{shown}\n{:#?}", again.diagnostics);
    assert_eq!(config::show(&config), shown);
});
