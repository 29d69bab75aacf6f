//! Requests to the process that starts sandboxes: whatever bytes come, what is read from them is
//! within its bounds, and is written as those bytes again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sentinel_core::sandbox::Profile;

fuzz_target!(|input: &[u8]| {
    if let Ok(profile) = Profile::decode(input) {
        assert_eq!(profile.check(), Ok(()));
        assert_eq!(profile.encode(), input);
    }
});
