//! Filters of system calls as containers have them: whatever text comes, what is read is within
//! the bounds of a profile, goes to another process and comes back the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sentinel_core::sandbox::{CallRules, Calls, Machine, Profile};

fuzz_target!(|input: &[u8]| {
    let machine =
        Machine { architecture: "SCMP_ARCH_X86_64", short_architecture: "amd64", kernel: (6, 1) };
    match CallRules::read(input, &machine) {
        Ok(rules) => {
            for rule in &rules.rules {
                let about = rules.about(&rule.names[0]);
                assert!(about.is_sorted_by(|one, other| one.verdict >= other.verdict));
            }
            let mut profile = Profile::new(b"/bin/true", b"/");
            profile.calls = Calls::Custom(rules);
            if profile.check().is_ok() {
                assert_eq!(Profile::decode(&profile.encode()), Ok(profile));
            }
        }
        Err(why) => assert!(why.contains(':'), "{why}"),
    }
});
