//! Policies of sandboxes: whatever text comes, what is read of it is printed, and reads back the
//! same; and a policy that is joined with nothing is itself.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sentinel_core::sandbox::policy::Policy;

fuzz_target!(|input: &[u8]| {
    let Ok(text) = core::str::from_utf8(input) else { return };
    match Policy::read("policy.toml", text) {
        Ok(policy) => {
            let shown = policy.show().expect("what was text is text");
            assert_eq!(Policy::read("policy.toml", &shown).as_ref(), Ok(&policy));
            assert!(policy.show().expect("again") == shown);
            if let Ok(joined) = policy.clone().join(Policy::default()) {
                assert_eq!(joined, policy);
            }
        }
        Err(list) => assert!(list.iter().all(|it| !it.to_string().is_empty())),
    }
});
