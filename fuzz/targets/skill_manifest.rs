//! Manifests and instructions of skills, and what servers listed: any text is one, or has a problem
//! at a place in it; what was read is within its bounds, and twice the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sentinel_core::limits::{SKILL_GRANTS_COUNT_MAX, SKILL_TOOLS_COUNT_MAX};
use sentinel_core::skill::{Instructions, Listing, Manifest, Runtime, clashes};
use sentinel_core::text::json;
use sentinel_core::time::Timestamp;

fuzz_target!(|text: &str| {
    let reading = Manifest::read("skill.toml", text);
    assert_eq!(reading.value.is_none(), !reading.diagnostics.is_empty());
    shown(&reading.diagnostics);
    if let Some(manifest) = reading.value {
        assert_eq!(Manifest::read("skill.toml", text).value.as_ref(), Some(&manifest));
        // A server says itself what it has.
        let is_server = manifest.runtime == Runtime::Mcp;
        assert_eq!(is_server, manifest.server.is_some());
        let least = if is_server { 0 } else { 1 };
        assert!((least..=SKILL_TOOLS_COUNT_MAX).contains(&manifest.tools.len()));
        assert!(manifest.capabilities.required.len() <= SKILL_GRANTS_COUNT_MAX);
        assert_eq!(clashes(manifest.tools.iter().map(|tool| tool.name.as_str())), None);
        let schemas: Vec<String> = manifest.tools.iter().map(|tool| tool.schema()).collect();
        for (tool, schema) in manifest.tools.iter().zip(&schemas) {
            let schema = json::parse(schema.as_bytes()).expect("a schema is JSON");
            let described = [(tool.name.as_str(), tool.description.as_str(), schema.root())];
            let differences = manifest.differences(&described);
            assert!(differences.iter().all(|(name, _)| *name != tool.name));
        }
        let missing = manifest.missing(&manifest.capabilities.required, Timestamp(0));
        assert!(missing.is_empty(), "what is required is enough");
    }
    if let Ok(listing) = Listing::read(text) {
        assert_eq!(Listing::read(&listing.written()).as_ref(), Ok(&listing));
        let told: Vec<String> = listing
            .offered("s")
            .filter(|offered| offered.left_out.is_none())
            .map(|offered| offered.name())
            .collect();
        assert_eq!(clashes(told.iter().map(String::as_str)), None);
    }
    let reading = Instructions::read("SKILL.md", "tea", text);
    assert_eq!(reading.value.is_none(), !reading.diagnostics.is_empty());
    shown(&reading.diagnostics);
});

fn shown(diagnostics: &[sentinel_core::config::Diagnostic]) {
    for diagnostic in diagnostics {
        let is_plain = |character: char| character == '\n' || !character.is_control();
        assert!(diagnostic.to_string().chars().all(is_plain), "{diagnostic:?}");
    }
}
