//! Every rule of the WHATWG text by a case of its own, all splits, bounds.

use std::format;
use std::string::{String, ToString};
use std::vec::Vec;

use super::*;

/// An event that outlives its decoder: name, data, last event ID.
type Owned = (String, String, String);

fn feed(decoder: &mut Decoder, mut piece: &[u8], events: &mut Vec<Owned>) -> Result<(), SseError> {
    while let Some(event) = decoder.next(&mut piece)? {
        events.push((event.name.to_string(), event.data.to_string(), event.id.to_string()));
    }
    assert!(piece.is_empty());
    Ok(())
}

fn events(stream: impl AsRef<[u8]>) -> Vec<Owned> {
    let mut events = Vec::new();
    feed(&mut Decoder::new(), stream.as_ref(), &mut events).unwrap();
    events
}

fn data(stream: impl AsRef<[u8]>) -> Vec<String> {
    events(stream).into_iter().map(|(_, data, _)| data).collect()
}

#[test]
fn the_examples_of_the_standard() {
    assert_eq!(data("data: YHOO\ndata: +2\ndata: 10\n\n"), ["YHOO\n+2\n10"]);
    let stream = ": test stream\n\ndata: first event\nid: 1\n\ndata:second event\nid\n\n\
                  data:  third event\n";
    assert_eq!(
        events(stream),
        [
            ("message".into(), "first event".into(), "1".into()),
            ("message".into(), "second event".into(), "".into())
        ]
    );
    assert_eq!(data("data\n\ndata\ndata\n\ndata:"), ["", "\n"]);
    assert_eq!(data("data:test\n\ndata: test\n\n"), ["test", "test"]);
}

#[test]
fn lines_end_with_line_feed_carriage_return_or_both() {
    for end in ["\n", "\r", "\r\n"] {
        let stream = "data: a|data: b||data: c||".replace('|', end);
        assert_eq!(data(&stream), ["a\nb", "c"], "{end:?}");
    }
    assert_eq!(data("data: a\r\r\ndata: b\n\r\n"), ["a", "b"]);
    // A carriage return ends the event at once; the line feed may come much later.
    let mut decoder = Decoder::new();
    let mut events = Vec::new();
    feed(&mut decoder, b"data: a\r\n\r", &mut events).unwrap();
    assert_eq!(events.len(), 1);
    feed(&mut decoder, b"\ndata: b\r", &mut events).unwrap();
    feed(&mut decoder, b"", &mut events).unwrap();
    feed(&mut decoder, b"\n", &mut events).unwrap();
    assert_eq!(events.len(), 1);
    feed(&mut decoder, b"\n", &mut events).unwrap();
    assert_eq!(events.len(), 2);
}

#[test]
fn one_byte_order_mark_is_dropped_at_the_start() {
    assert_eq!(data("\u{feff}data: a\n\n"), ["a"]);
    assert_eq!(data("\u{feff}\u{feff}data: a\n\ndata: b\n\n"), ["b"]);
    assert_eq!(data("\u{feff}\ndata: a\n\n"), ["a"]);
    assert_eq!(data("\n\u{feff}data: a\n\n"), Vec::<String>::new());
    assert_eq!(data("data: \u{feff}a\n\n"), ["\u{feff}a"]);
    assert_eq!(data(b"\xef\xbbdata: a\n\n"), Vec::<String>::new());
}

#[test]
fn one_space_after_the_colon_is_dropped() {
    assert_eq!(data("data:a\n\ndata: a\n\ndata:  a\n\ndata:\ta\n\n"), ["a", "a", " a", "\ta"]);
    assert_eq!(data("data :a\n\n data:a\n\n"), Vec::<String>::new());
    assert_eq!(data("data: a: b\n\n"), ["a: b"]);
}

#[test]
fn field_names_are_compared_exactly_and_others_are_ignored() {
    assert_eq!(data("Data: a\nDATA: b\ndatum: c\ndat: d\ndata2: e\nx\n\n"), Vec::<String>::new());
    assert_eq!(data(":\n: data: x\n:data: y\ndata: z\n:\n\n"), ["z"]);
}

#[test]
fn an_event_without_data_is_dropped_with_its_name() {
    assert_eq!(events("event: a\n\ndata: x\n\n"), [("message".into(), "x".into(), String::new())]);
}

#[test]
fn the_last_name_counts_and_an_empty_one_is_message() {
    let name = |stream: &str| events(stream)[0].0.clone();
    assert_eq!(name("event: a\nevent: b\ndata: x\n\n"), "b");
    assert_eq!(name("event: a\nevent\ndata: x\n\n"), "message");
    assert_eq!(name("data: x\nevent:é\n\n"), "é");
    assert_eq!(name("data: x\n\ndata: y\n\n"), "message");
    assert_eq!(events("event: a\ndata: x\n\ndata: y\n\n")[1].0, "message");
}

#[test]
fn an_id_lasts_until_it_is_changed_and_is_known_after_its_event() {
    let ids =
        |stream: &str| -> Vec<String> { events(stream).into_iter().map(|(_, _, id)| id).collect() };
    assert_eq!(ids("id: 1\ndata: a\n\ndata: b\n\nid\ndata: c\n\n"), ["1", "1", ""]);
    assert_eq!(ids("id: 1\ndata: a\n\nid: x\0y\ndata: b\n\n"), ["1", "1"]);
    assert_eq!(ids("id: 1\nid: 2\ndata: a\n\n"), ["2"]);
    // Without data the ID counts all the same.
    assert_eq!(ids("id: 7\n\ndata: a\n\n"), ["7"]);
    let mut decoder = Decoder::new();
    decoder.next(&mut &b"id: 5\ndata: a\n"[..]).unwrap();
    assert_eq!(decoder.last_event_id(), "");
    decoder.next(&mut &b"\n"[..]).unwrap();
    assert_eq!(decoder.last_event_id(), "5");
}

#[test]
fn retry_takes_digits_alone() {
    let retry = |stream: &str| {
        let mut decoder = Decoder::new();
        decoder.next(&mut stream.as_bytes()).unwrap();
        decoder.retry().map(|retry| retry.as_millis())
    };
    assert_eq!(retry("retry: 3000\n"), Some(3000));
    assert_eq!(retry("retry:0\n"), Some(0));
    assert_eq!(retry("retry: 1\nretry: -2\nretry: 3s\nretry:\nretry: 4.0\nretry\n"), Some(1));
    assert_eq!(retry("retry:  5\n"), None);
    assert_eq!(retry("retry: ٣\n"), None);
    assert_eq!(retry("retry: 99999999999999999999999\n"), Some(u128::from(u64::MAX)));
}

#[test]
fn bytes_that_are_not_utf8_become_replacement_characters() {
    assert_eq!(
        data(b"data: a\xffb\xe2\x82\ndata: \xf0\x9f\x98\x80\n\n"),
        ["a\u{fffd}b\u{fffd}\n😀"]
    );
    assert_eq!(events(b"event: \xff\nid: \xfe\ndata: x\n\n")[0].0, "\u{fffd}");
    // A line end inside a broken character ends the line.
    assert_eq!(data(b"data: \xe2\x82\n\n"), ["\u{fffd}"]);
}

#[test]
fn what_has_no_empty_line_after_it_is_no_event() {
    for stream in ["data: a", "data: a\n", "event: a\n", "data: a\n\ndata: b\n", "d"] {
        let mut decoder = Decoder::new();
        let mut events = Vec::new();
        feed(&mut decoder, stream.as_bytes(), &mut events).unwrap();
        assert!(!decoder.is_between_events(), "{stream:?}");
        assert_eq!(events.len(), stream.matches("\n\n").count());
    }
    for stream in ["", "data: a\n\n", ": comment\n", "id: 1\n", "event: a\n\n"] {
        let mut decoder = Decoder::new();
        feed(&mut decoder, stream.as_bytes(), &mut Vec::new()).unwrap();
        assert!(decoder.is_between_events(), "{stream:?}");
    }
}

#[test]
fn bounds_are_errors_that_name_the_bound_and_the_place() {
    let limits = Limits { line_bytes: 12, event_bytes: 9 };
    let run = |pieces: &[&[u8]]| {
        let mut decoder = Decoder::with_limits(limits);
        let mut events = Vec::new();
        let result = pieces.iter().try_for_each(|piece| feed(&mut decoder, piece, &mut events));
        if let Err(error) = result {
            assert_eq!(decoder.next(&mut &b"data: x\n\n"[..]), Err(error));
            assert!(!decoder.is_between_events());
        }
        result.map(|()| events.len()).map_err(|error| error.to_string())
    };
    assert_eq!(run(&[b"data: 123456\n\n"]), Ok(1));
    let line = "event stream, byte 3: a line is longer than the limit of 12 bytes";
    assert_eq!(run(&[b":a\ndata: 1234567\n\n"]), Err(line.into()));
    assert_eq!(run(&[b":a\ndata", b": 12", b"34567"]), Err(line.into()));
    let event = |offset| {
        format!(
            "event stream, byte {offset}: the data of an event is longer than the limit of 9 bytes"
        )
    };
    assert_eq!(run(&[b"data: 1234\ndata: 5678\n\n"]), Ok(1));
    assert_eq!(run(&[b"data: 1234\ndata: 56789\n\n"]), Err(event(11)));
    assert_eq!(run(&[b"data: 1234\nda", b"ta: 56789\n\n"]), Err(event(11)));
    let endless = b"data\n".repeat(20);
    assert_eq!(run(&[&endless]), Err(event(50)));
}

#[test]
fn an_endless_line_is_given_up_at_the_bound() {
    let mut decoder = Decoder::new();
    let piece = std::vec![b'x'; 1 << 20];
    let fed = (0..100).take_while(|_| decoder.next(&mut piece.as_slice()).is_ok()).count();
    assert_eq!(fed, limits::SSE_LINE_BYTES_MAX >> 20);
    assert_eq!(decoder.line.capacity(), 0);
}

/// The standard in its own words: whole lines, whole strings, no cleverness. The oracle of the
/// splits.
fn by_the_book(stream: &[u8]) -> Vec<Owned> {
    let text = String::from_utf8_lossy(stream).replace("\r\n", "\n").replace('\r', "\n");
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    let (mut events, mut data, mut name) = (Vec::new(), String::new(), String::new());
    let (mut id, mut id_to_be) = (String::new(), String::new());
    let Some((lines, _)) = text.rsplit_once('\n') else { return events };
    for line in lines.split('\n') {
        if line.is_empty() {
            id.clone_from(&id_to_be);
            if let Some(data) = data.strip_suffix('\n') {
                let name = if name.is_empty() { "message" } else { &name };
                events.push((name.to_string(), data.to_string(), id.clone()));
            }
            (data, name) = (String::new(), String::new());
            continue;
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "data" => data += &format!("{value}\n"),
            "event" => name = value.to_string(),
            "id" if !value.contains('\0') => id_to_be = value.to_string(),
            _ => {}
        }
    }
    events
}

fn stream(u: &mut arbitrary::Unstructured<'_>) -> arbitrary::Result<Vec<u8>> {
    let pieces: [&[u8]; 22] = [
        b"data: ",
        b"data:",
        b"data",
        b"event: ",
        b"event",
        b"id: ",
        b"id",
        b"retry: 1",
        b":",
        b"x",
        b"\n",
        b"\n",
        b"\n\n",
        b"\r",
        b"\r\n",
        b"\r\n\r\n",
        "\u{feff}".as_bytes(),
        "é".as_bytes(),
        "😀".as_bytes(),
        b"\xff",
        b"\0",
        b" ",
    ];
    let mut stream = Vec::new();
    while u.len() > 40 && stream.len() < 120 {
        stream.extend_from_slice(u.choose(&pieces)?);
    }
    Ok(stream)
}

#[test]
fn every_split_gives_the_events_of_the_standard() {
    arbtest::arbtest(|u| {
        let stream = stream(u)?;
        let expected = by_the_book(&stream);
        assert_eq!(events(&stream), expected);
        for cut in 0..=stream.len() {
            let (mut decoder, mut events) = (Decoder::new(), Vec::new());
            feed(&mut decoder, &stream[..cut], &mut events).unwrap();
            feed(&mut decoder, &stream[cut..], &mut events).unwrap();
            assert_eq!(events, expected, "cut at {cut}");
        }
        let (mut decoder, mut events) = (Decoder::new(), Vec::new());
        for byte in &stream {
            feed(&mut decoder, &[*byte], &mut events).unwrap();
        }
        assert_eq!(events, expected, "byte by byte");
        let (mut decoder, mut events, mut rest) = (Decoder::new(), Vec::new(), stream.as_slice());
        while !rest.is_empty() {
            let (piece, tail) = rest.split_at(u.int_in_range(1..=rest.len().min(9))?);
            feed(&mut decoder, piece, &mut events).unwrap();
            rest = tail;
        }
        assert_eq!(events, expected, "in random pieces");
        Ok(())
    });
}
