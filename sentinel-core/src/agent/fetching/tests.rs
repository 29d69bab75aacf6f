//! The names of files.

use alloc::vec::Vec;

use super::*;
use crate::channel::Identity;
use crate::time::Timestamp;

fn message(id: &str) -> Incoming {
    Incoming {
        identity: Identity::new("telegram", "77", "77").unwrap(),
        id: id.into(),
        is_private: true,
        is_from_bot: false,
        name: "Ada".into(),
        parts: Vec::new(),
        sent: Timestamp(0),
    }
}

#[test]
fn a_name_is_plain_short_and_no_other_files() {
    let name = |name| plain_name(&message("77:1"), 0, name);
    assert!(name("report.pdf").ends_with("-report.pdf"));
    assert_eq!(name("report.pdf"), name("report.pdf"));
    assert_ne!(name("report.pdf"), plain_name(&message("77:1"), 1, "report.pdf"));
    assert_ne!(name("report.pdf"), plain_name(&message("77:2"), 0, "report.pdf"));
    let long = alloc::format!("{}.tar.gz", "x".repeat(300));
    for odd in
        ["", ".", "..", "../../etc/passwd", ".bashrc", "a/b", "a\0b", "\u{202e}fdp.exe", &long]
    {
        let name = name(odd);
        assert!(name.len() <= 13 + ATTACHMENT_NAME_BYTES_MAX, "{name}");
        assert!(!name.starts_with('.') && !name.contains('/'), "{name}");
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
        assert!(name.bytes().all(is_plain), "{name}");
    }
    assert!(name(&long).ends_with("x.tar.gz"));
    assert!(name("../../etc/passwd").ends_with("-etc_passwd"), "{}", name("../../etc/passwd"));
}

#[test]
fn what_became_of_a_file_reads_back() {
    for fetched in [
        Fetched::Kept { bytes_count: 7, digest: [9; 32], picture: None },
        Fetched::Kept { bytes_count: 7, digest: [9; 32], picture: Some(ImageKind::Webp) },
        Fetched::Failed("the platform does not have it".into()),
    ] {
        let text = crate::text::json::object(|out| fetched.write(out));
        let document = crate::text::json::parse(text.as_bytes()).unwrap();
        assert_eq!(Fetched::read(document.root()), Ok(fetched));
    }
}
