//! What `minisign` 0.11 wrote, as it is and changed in every place.

use super::*;

pub(in super::super) const KEY: &str = "RWR+vbxgXn4KK4zLNeyIoA+iJpiES9FXV3OgvGUhYlAX7W0Yl8/Mw2jB";
const OTHER_KEY: &str = "RWRKHjHoE5AlPT9JIDl5Y5cG8/iWTcfdWDKTtDNVJEdyoO6Zea2SfVMp";
/// By `KEY`, over the line of `DIGEST`.
pub(in super::super) const HASHED: &str = "\
untrusted comment: signature from minisign secret key
RUR+vbxgXn4KK6IoJ5i7aU50PUuqvZw7fgTzwyhct5qtdqRgvDaSQVheHPidEvOBTPVa2kBVY1QVDQpYSAUFzGsYqBPAHERqGA4=
trusted comment: release 1.0
dBd9PWwjsWLO8IGdon3pBYHxLzWgmqZAYTZ+0lx0mhwpOXdLOK6ab/BY2pz1ngPDRV2ANbMY3xygauCWmt2VAA==
";
/// The same without a hash, as `minisign -l` writes it.
const PLAIN: &str = "\
untrusted comment: signature from minisign secret key
RWR+vbxgXn4KKzf040HdXic6AXRO3flFGHN4H66AE/mnECUjOj2hB5ZE0JPbakpG/KWhkbrQIn1i7NikA7OLg/Aeh3VyEf78Dws=
trusted comment: release 1.0
HrsK79tgoAcB6hvanCJRq+10/Xo6H6QAnpXu/+hmi0i4UHj/eYD4QZScZiek0ASY9qrXcIL6lu4SCRWJ02u+Ag==
";
pub(in super::super) const DIGEST: [u8; 32] = {
    let mut digest = [0; 32];
    digest[31] = 7;
    digest
};

fn trust(keys: &[&str]) -> Trust {
    let keys = keys.iter().map(|key| SignerKey::parse(key).unwrap()).collect();
    Trust { keys, is_required: false }
}

#[test]
fn what_minisign_signed_counts_for_its_key_and_its_digest() {
    let trusted = trust(&[OTHER_KEY, KEY]);
    for text in [HASHED, PLAIN] {
        let signed = trusted.check(&DIGEST, Some(text)).unwrap().unwrap();
        assert_eq!((signed.key.as_str(), signed.comment.as_str()), (KEY, "release 1.0"));
        let number = SignerKey::parse(KEY).unwrap().number();
        let unknown = Err(SignatureError::Unknown(number));
        assert_eq!(trust(&[OTHER_KEY]).check(&DIGEST, Some(text)), unknown);
        assert_eq!(trust(&[]).check(&DIGEST, Some(text)), unknown);
        assert_eq!(trusted.check(&[7; 32], Some(text)), Err(SignatureError::OtherFiles));
    }
    let said = SignatureError::Unknown(SignerKey::parse(KEY).unwrap().number()).to_string();
    assert!(said.contains("by the key 2B0A7E5E60BCBD7E, which is not trusted"), "{said}");
}

#[test]
fn a_folder_without_a_signature_is_used_where_none_is_required() {
    let mut trust = trust(&[KEY]);
    assert_eq!(trust.check(&DIGEST, None), Ok(None));
    trust.is_required = true;
    assert_eq!(trust.check(&DIGEST, None), Err(SignatureError::Missing));
    assert!(trust.check(&DIGEST, Some(HASHED)).is_ok());
}

/// Every byte changed and every length cut: it counts only where what is signed is the same.
#[test]
fn nothing_that_was_changed_counts() {
    let trusted = trust(&[KEY]);
    let after_first = HASHED.find('\n').unwrap() + 1;
    for at in 0..HASHED.len() {
        let mut bytes = HASHED.as_bytes().to_vec();
        bytes[at] ^= 1;
        let Ok(text) = core::str::from_utf8(&bytes) else { continue };
        let found = trusted.check(&DIGEST, Some(text));
        // The first line is nobody's, and the end of the last one says nothing.
        let is_prefix = at < "untrusted comment: ".len();
        let counts = (!is_prefix && at < after_first - 1) || at == HASHED.len();
        assert_eq!(found.is_ok(), counts, "byte {at}: {found:?} of {text}");
        let cut = trusted.check(&DIGEST, HASHED.get(..at));
        assert_eq!(cut.is_ok(), at == HASHED.len() - 1, "cut at {at}");
    }
    for (text, why) in [
        (format!("{HASHED}\n"), "something stands behind it"),
        (HASHED.repeat(30), "it is too long"),
        (HASHED.replace("RUR", "RUQ"), "which is not trusted"),
        (HASHED.replace("RUR+", "ZZR+"), "of a kind that is not known"),
        (HASHED.replace("release 1.0", "release 1.1"), "trusted comment of skill.minisig was"),
        (String::new(), "it ends too early"),
    ] {
        let said = trusted.check(&DIGEST, Some(&text)).unwrap_err().to_string();
        assert!(said.contains(why), "{said}");
    }
    // The signature of one file under the comment of another.
    let lines: Vec<&str> = HASHED.lines().zip(PLAIN.lines()).flat_map(|(a, b)| [a, b]).collect();
    let mixed = [lines[0], lines[2], lines[4], lines[7]].join("\n");
    assert_eq!(trusted.check(&DIGEST, Some(&mixed)), Err(SignatureError::OtherComment));
}

#[test]
fn a_key_is_spelled_in_one_way() {
    assert_eq!(SignerKey::parse(KEY).unwrap().to_string(), KEY);
    // A weak one: the neutral point signs everything.
    let mut bytes = [0; 42];
    bytes[..2].copy_from_slice(b"Ed");
    bytes[10] = 1;
    let mut weak = [0; 56];
    let weak = Base64::encode(&bytes, &mut weak).unwrap();
    let short = &KEY[..52];
    let kind = KEY.replace("RWR", "RUR");
    for text in ["", "RW", short, &kind, weak, &format!("{KEY}="), &format!(" {KEY}")] {
        assert_eq!(SignerKey::parse(text), None, "{text}");
    }
}
