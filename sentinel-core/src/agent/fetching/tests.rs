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

/// A search of the whole workspace, the usual one, comes to the files of every conversation without
/// naming one. What it has to pass over is the same however it spells where it begins.
#[test]
fn a_search_from_above_passes_over_what_came_with_messages() {
    let from = |directory| passed_over("/srv/agent", directory);
    for directory in ["", ".", "./", "/srv/agent", "/srv/agent/", "/srv//./agent"] {
        assert_eq!(from(directory).as_deref(), Some("attachments"), "{directory}");
    }
    assert_eq!(passed_over("/srv/agent/", ".").as_deref(), Some("attachments"));
    assert_eq!(from("/srv").as_deref(), Some("agent/attachments"));
    assert_eq!(from("/").as_deref(), Some("srv/agent/attachments"));
    // Where it begins among them its place is named, and was judged.
    for directory in ["attachments", "attachments/3", "notes", "attachments2", "/srv/agent2"] {
        assert_eq!(from(directory), None, "{directory}");
    }
}
