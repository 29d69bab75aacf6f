//! Pictures that come with messages, and which models are shown them.

use alloc::string::String;
use alloc::vec::Vec;

use super::shell::{Shell, service};
use super::*;
use crate::agent::{FetchNumber, Provider};
use crate::channel::AttachmentKind;
use crate::limits::{PICTURE_BYTES_MAX, REQUEST_PICTURES_BYTES_MAX, REQUEST_PICTURES_MAX};
use crate::llm::{Dialect, ImageKind};

const WHOLE: &str =
    r#"{"choices":[{"message":{"role":"assistant","content":"done"},"finish_reason":"stop"}]}"#;

/// A model that is shown pictures, and one that is not.
fn two() -> Settings {
    let mut own = service(&["model *"]);
    own.attachments.insert("chat".into(), 100 << 20);
    own.models[0].name = "seeing".into();
    own.models.push(own.models[0].clone());
    own.models[0].sees_pictures = true;
    own.models[1].name = "blind".into();
    own
}

/// Somebody sends a picture; its bytes begin with this mark as far as digests go.
fn send(shell: &mut Shell, words: &str, mark: u8, bytes_count: u64, picture: Option<ImageKind>) {
    let (kind, name) = (AttachmentKind::Image, String::from("house.png"));
    let part = Part::Attachment { kind, name, bytes_count, id: "f".into() };
    shell.send("1", "c1", Vec::from([Part::Text(words.into()), part]));
    let asked = shell.payloads(Kind::AttachmentAsked);
    let document = crate::text::json::parse(asked.last().unwrap().as_bytes()).unwrap();
    let fetch = FetchNumber(document.root().get("fetch").unwrap().as_u64().unwrap());
    let fetched = Fetched::Kept { bytes_count, digest: [mark; 32], picture };
    shell.tell(Event::Fetched { fetch, fetched });
}

fn marks(shell: &Shell) -> Vec<u8> {
    shell.pictures.iter().map(|picture| picture.image.digest[0]).collect()
}

/// The reference stays with the conversation, over switches of models, snapshots and restarts; what
/// goes out is the bytes, for the model that is shown them.
#[test]
fn a_picture_reaches_the_model_that_sees_it() {
    let mut shell = Shell::new(two());
    send(&mut shell, "what is this?", 7, 300, Some(ImageKind::Png));
    assert_eq!(marks(&shell), [7]);
    let picture = &shell.pictures[0];
    assert_eq!((picture.conversation.0, picture.image.bytes_count), (1, 300));
    assert!(picture.file.ends_with("-house.png") && !picture.file.contains('/'), "{picture:?}");
    assert!(shell.request.contains("data:image/png;base64,<7>"), "{}", shell.request);
    assert!(shell.request.contains("what is this?") && shell.request.contains("the file is"));
    shell.answer(200, &[], WHOLE);
    // Nobody vouches for what can be seen in it.
    let chat = shell.sentinel.conversations(ConversationNumber(0)).next().unwrap();
    assert!(chat.is_untrusted);

    shell.write("1", "c1", "/model blind");
    shell.write("1", "c1", "and now?");
    assert!(marks(&shell).is_empty() && !shell.request.contains("base64"), "{}", shell.request);
    assert!(shell.request.contains("the file is"), "it is told of it all the same");
    shell.answer(200, &[], WHOLE);
    shell.write("1", "c1", "/model seeing");
    for _ in 0..2 {
        shell.write("1", "c1", "and again?");
        assert_eq!(marks(&shell), [7]);
        shell.answer(200, &[], WHOLE);
        shell.tell(Event::Operator { request: 1, command: OperatorCommand::Snapshot });
        shell.restart();
    }
    shell.write("1", "c1", "/clear");
    shell.write("1", "c1", "what was it?");
    assert!(marks(&shell).is_empty());
}

/// The other dialect, and a snapshot while the files of the message are not all there.
#[test]
fn a_picture_survives_a_start_while_others_are_on_their_way() {
    let mut own = two();
    own.models[0].provider = Provider::Service(Dialect::Anthropic);
    let mut shell = Shell::new(own);
    let part = |id: &str| Part::Attachment {
        kind: AttachmentKind::Image,
        name: "a.jpg".into(),
        bytes_count: 9,
        id: id.into(),
    };
    shell.send("1", "c1", Vec::from([Part::Text("look".into()), part("f"), part("g")]));
    let asked = shell.payloads(Kind::AttachmentAsked);
    for (index, asked) in asked.iter().enumerate() {
        let document = crate::text::json::parse(asked.as_bytes()).unwrap();
        let fetch = FetchNumber(document.root().get("fetch").unwrap().as_u64().unwrap());
        let (digest, picture) = ([index as u8 + 1; 32], Some(ImageKind::Jpeg));
        let fetched = Fetched::Kept { bytes_count: 9, digest, picture };
        shell.tell(Event::Fetched { fetch, fetched });
        if index == 0 {
            shell.tell(Event::Operator { request: 1, command: OperatorCommand::Snapshot });
            shell.restart();
        }
    }
    assert_eq!(marks(&shell), [1, 2]);
    let source = r#""source":{"type":"base64","media_type":"image/jpeg","data":"<2>"}"#;
    assert!(shell.request.contains(source), "{}", shell.request);
}

/// What is no picture, or one that is too large, is a file that the model is told of.
#[test]
fn what_cannot_be_shown_is_a_file() {
    for (bytes_count, picture, is_shown) in [
        (PICTURE_BYTES_MAX, Some(ImageKind::Png), true),
        (PICTURE_BYTES_MAX + 1, Some(ImageKind::Png), false),
        (9, None, false),
    ] {
        let mut shell = Shell::new(two());
        send(&mut shell, "look", 7, bytes_count, picture);
        assert_eq!(!shell.pictures.is_empty(), is_shown, "{bytes_count} {picture:?}");
        assert!(shell.request.contains("the file is"));
    }
}

/// A request holds the newest pictures, as far as they fit.
#[test]
fn a_request_has_so_many_pictures_and_so_many_bytes_of_them() {
    let small = REQUEST_PICTURES_MAX;
    let large = usize::try_from(REQUEST_PICTURES_BYTES_MAX / PICTURE_BYTES_MAX).unwrap();
    for (bytes_count, fit) in [(1000, small), (PICTURE_BYTES_MAX, large)] {
        let mut shell = Shell::new(two());
        for mark in 1..=10 {
            send(&mut shell, "look", mark, bytes_count, Some(ImageKind::Gif));
            shell.answer(200, &[], WHOLE);
        }
        let newest: Vec<u8> = (1..=10).skip(10 - fit).collect();
        assert_eq!(marks(&shell), newest);
        assert_eq!(shell.request.matches("the file is").count(), 10);
        shell.restart();
    }
}

/// A file that somebody took away or changed is not sent, and does not end the conversation: the
/// model is asked without it, at once and from then on.
#[test]
fn a_picture_that_is_gone_is_left_out() {
    let mut shell = Shell::new(two());
    send(&mut shell, "look", 1, 9, Some(ImageKind::Png));
    shell.answer(200, &[], WHOLE);
    send(&mut shell, "and here", 2, 9, Some(ImageKind::Png));
    assert_eq!(marks(&shell), [1, 2]);
    let exchange = shell.asked.pop().unwrap();
    shell.tell(Event::PictureGone { exchange, digest: [1; 32] });
    assert_eq!((marks(&shell), shell.asked.len()), (Vec::from([2]), 1));
    assert!(shell.request.contains("[the picture is not there any more]"));
    // It was not sent, so it cost nothing; and it is over.
    shell.tell(Event::PictureGone { exchange, digest: [2; 32] });
    assert_eq!(shell.asked.len(), 1);
    shell.restart();
    assert_eq!(marks(&shell), [2]);
    shell.asked.drain(..1);
    shell.answer(200, &[], WHOLE);
    assert_eq!(shell.said.last().map(String::as_str), Some("done"));
    // Of a picture that the conversation does not have nothing is asked again without end.
    shell.write("1", "c1", "go on");
    let exchange = shell.asked.pop().unwrap();
    shell.tell(Event::PictureGone { exchange, digest: [9; 32] });
    shell.wait();
    assert!(shell.sentinel.is_at_rest() && shell.asked.is_empty());
    shell.restart();
}
