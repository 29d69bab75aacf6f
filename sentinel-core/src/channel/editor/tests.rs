use alloc::format;
use alloc::string::ToString as _;
use alloc::vec;
use alloc::vec::Vec;

use super::*;
use crate::channel::editor::layout::lay_out;

fn typed(pieces: &[&[u8]]) -> Vec<Typed> {
    let mut editor = Editor::default();
    let mut typed = Vec::new();
    for piece in pieces {
        editor.press(piece);
        while let Some(message) = editor.next() {
            typed.push(message);
        }
    }
    typed
}

fn message(text: &str) -> Typed {
    Typed::Message(text.into())
}

#[test]
fn keys_do_what_hands_expect() {
    for (keys, said) in [
        ("helo\x1b[Dl\r", "hello"),
        ("ello\x01h\x05!\r", "hello!"),
        ("ello\x1b[Hh\x1b[F!\r", "hello!"),
        ("ello\x1bOHh\x1bOF!\r", "hello!"),
        ("hellx\x7fo\r", "hello"),
        ("xhello\x01\x1b[3~\r", "hello"),
        ("xhello\x01\x04\r", "hello"),
        ("one two\x17three\r", "one three"),
        ("one two \x1b\x7fthree\r", "one three"),
        ("two\x15one \x19\r", "one two"),
        ("one two\x01\x0bthree \x19\r", "three one two"),
        ("one two\x1bb\x1bbx\x1bfy\r", "xoney two"),
        ("one two\x1b[1;5Dx\r", "one xtwo"),
        ("one\x1b\rtwo\r", "one\ntwo"),
        ("one\\\rtwo\r", "one\ntwo"),
        ("one\x1b\rtwo\x1b[Ax\r", "onex\ntwo"),
        ("one\x1b\rtwo\x10\x02x\x0ey\r", "onxe\ntwoy"),
        ("\x1b[200~a\r\nb\tc\x03\x1b[201~\r", "a\nb\tc\u{3}"),
        // Tab leads to the next stop of its line.
        ("\tx\r", "    x"),
        ("abc\tde\t!\r", "abc de  !"),
        ("abcd\x1b\r\ta\tb\r", "abcd\n    a   b"),
        // What no key is, is nothing; the letter after it is one.
        ("a\x1b[99;9zb\x07c\r", "abc"),
        // A letter with its marks is one letter, and a flag too.
        ("e\u{301}x\x7f\x7fy\r", "y"),
        ("\u{1f1e6}\u{1f1f9}\x7fz\r", "z"),
        ("a\u{1f1f9}\x1b[D\u{1f1e6}!\r", "a\u{1f1e6}\u{1f1f9}!"),
    ] {
        let whole = typed(&[keys.as_bytes()]);
        assert_eq!(whole, [message(said)], "{keys:?}");
        let letters: Vec<&[u8]> = keys.as_bytes().chunks(1).collect();
        assert_eq!(typed(&letters), whole, "however it is cut: {keys:?}");
    }
    assert_eq!(typed(&[b"a\xffb\r"]), [message("a\u{fffd}b")]);
    assert_eq!(typed(&[b"x\x04\x01\x04\x04"]), [Typed::End], "only with nothing typed");
    assert_eq!(typed(&[b"  \r\r"]), [], "blank lines are no messages");
}

#[test]
fn what_was_said_is_found_again_and_the_draft_too() {
    let mut editor = Editor::default();
    for earlier in ["first", " second ", "second", ""] {
        editor.remember(earlier);
    }
    editor.press(b"dra\x1b[A\x1b[A\x1b[A\x1b[B\x1b[Bft\r\x1b[A\x1b[A\r\x1b[A\r");
    let said: Vec<Typed> = core::iter::from_fn(|| editor.next()).collect();
    assert_eq!(said, [message("draft"), message("second"), message("second")]);
    assert_eq!(editor.said, ["first", "second", "draft", "second"]);
    for index in 0..2 * CHANNEL_LINES_REMEMBERED_MAX {
        editor.remember(&index.to_string());
    }
    assert_eq!(editor.said.len(), CHANNEL_LINES_REMEMBERED_MAX);
}

#[test]
fn a_message_too_long_rings_and_is_not_cut() {
    let mut editor = Editor::default();
    editor.press(&vec![b'x'; CHANNEL_LINE_BYTES_MAX]);
    assert_eq!(editor.next(), None);
    assert!(!editor.is_ringing);
    editor.press(b"y");
    assert!(editor.next().is_none() && editor.is_ringing);
    let paste = [&b"\x15\x1b[200~"[..], &vec![b'z'; 2 * CHANNEL_LINE_BYTES_MAX], b"\x1b[201~ok\r"];
    editor.is_ringing = false;
    for piece in paste {
        editor.press(piece);
    }
    assert_eq!(editor.next(), Some(message("ok")));
    assert!(editor.is_ringing);
}

/// A terminal, as far as an editor needs one. Nothing may reach its last column.
struct Glass {
    rows: Vec<String>,
    row: usize,
    column: usize,
}

impl Glass {
    fn write(&mut self, text: &str, columns: usize) {
        let mut rest = text.chars();
        while let Some(letter) = rest.next() {
            match letter {
                '\n' => (self.row, self.column) = (self.row + 1, 0),
                '\r' => self.column = 0,
                '\u{7}' => {}
                '\u{1b}' => {
                    assert_eq!(rest.next(), Some('['));
                    let sequence: String =
                        rest.by_ref().take_while_inclusive(char::is_ascii_digit).collect();
                    let (count, what) = sequence.split_at(sequence.len() - 1);
                    let count = count.parse().unwrap_or(1);
                    match what {
                        "A" => self.row = self.row.checked_sub(count).unwrap(),
                        "C" => self.column += count,
                        "J" => {
                            self.rows.truncate(self.row + 1);
                            let row = self.rows.get_mut(self.row);
                            let _ = row.map(|row| row.truncate(self.column));
                        }
                        other => panic!("{other}"),
                    }
                }
                letter => {
                    self.rows.resize(self.rows.len().max(self.row + 1), String::new());
                    let row = &mut self.rows[self.row];
                    assert_eq!(row.len(), self.column, "it only adds to rows: {row:?}");
                    row.push(letter);
                    self.column += 1;
                    assert!(self.column < columns, "{row:?}");
                }
            }
        }
    }
}

/// `take_while`, with the one that ends it.
trait TakeWhileInclusive: Iterator<Item = char> + Sized {
    fn take_while_inclusive(self, goes_on: fn(&char) -> bool) -> impl Iterator<Item = char> {
        let mut has_ended = false;
        let mut letters = self;
        core::iter::from_fn(move || {
            let letter = (!has_ended).then(|| letters.next())??;
            has_ended = !goes_on(&letter);
            Some(letter)
        })
    }
}

impl<I: Iterator<Item = char>> TakeWhileInclusive for I {}

/// Whatever is pressed, the screen shows what is typed, and the cursor where it is.
#[test]
fn the_screen_shows_what_is_typed() {
    const PRESSED: [&str; 18] = [
        "a",
        "word ",
        "\\",
        "\r",
        "\x1b\r",
        "\x1b[A",
        "\x1b[B",
        "\x1b[C",
        "\x1b[D",
        "\x7f",
        "\x15",
        "\x19",
        "\x1bb",
        "\x01",
        "\x05",
        "\x17",
        "0123456789abcdefghij",
        "\x1b[200~a\nb\x1b[201~",
    ];
    arbtest::arbtest(|source| {
        let columns = source.int_in_range(17..=40)?;
        let mut editor = Editor::default();
        let mut glass = Glass { rows: Vec::new(), row: 0, column: 0 };
        let mut above = Vec::new();
        for _ in 0..source.int_in_range(1..=40)? {
            editor.press(source.choose(&PRESSED)?.as_bytes());
            let mut out = String::new();
            while let Some(Typed::Message(said)) = editor.next() {
                editor.keep(&said, columns, &mut out);
                above.extend(lay_out(&said, said.len(), columns).rows);
            }
            editor.show(columns, 1000, &mut out);
            glass.write(&out, columns);
            let layout = lay_out(&editor.text, editor.cursor, columns);
            let rows: Vec<String> = above.iter().chain(&layout.rows).cloned().collect();
            let seen: Vec<&str> = glass.rows.iter().map(|row| row.trim_end()).collect();
            let meant: Vec<&str> = rows.iter().map(|row| row.trim_end()).collect();
            assert_eq!(seen, meant);
            assert_eq!((glass.row, glass.column), (above.len() + layout.row, layout.column));
        }
        let mut out = String::new();
        editor.hide(&mut out);
        glass.write(&out, columns);
        assert_eq!((glass.row, glass.column), (above.len(), 0));
        Ok(())
    });
}

#[test]
fn wide_letters_and_hidden_ones_have_their_columns() {
    for (text, column) in [
        ("ab", 4),
        ("\u{6f22}\u{5b57}", 6),
        ("\u{1f469}\u{200d}\u{1f467}", 4),
        ("e\u{301}", 3),
        ("\u{2764}\u{fe0f}", 4),
        ("\u{1f1e6}\u{1f1f9}x", 5),
        ("\u{26a1}\u{2705}", 6),
        ("\u{e01}\u{e33}", 4),
        ("\u{301}x", 3 + "\\u{301}".len()),
        ("\u{202e}", 2 + "\\u{202e}".len()),
        ("\t", 2 + "\\u{9}".len()),
    ] {
        assert_eq!(lay_out(text, text.len(), 80).column, column, "{text:?}");
    }
    let layout = lay_out("\u{1b}[2Jx", 0, 80);
    assert_eq!(layout.rows, ["> \\u{1b}[2Jx"]);
    let layout = lay_out(&"x".repeat(30), 30, 17);
    assert_eq!(layout.rows, [format!("> {}", "x".repeat(14)), "x".repeat(16)]);
}

#[test]
fn a_message_higher_than_the_screen_is_shown_around_its_cursor() {
    let mut editor = Editor::default();
    for line in 0..10 {
        editor.press(format!("line {line}\x1b\r").as_bytes());
    }
    assert_eq!(editor.next(), None);
    let mut out = String::new();
    editor.show(80, 5, &mut out);
    assert!(!out.contains("line 6") && out.contains("line 7") && out.contains("line 9"), "{out}");
    assert_eq!(editor.shown, Some(3), "the screen has no more rows to go up");
}
