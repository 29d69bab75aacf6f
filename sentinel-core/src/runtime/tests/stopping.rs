//! What ends at once, and what people are told of it.

use alloc::string::ToString;

use super::shell::{incoming, service};
use super::*;

fn text(text: &str) -> Vec<Part> {
    Vec::from([Part::Text(text.into())])
}

/// Who may end a turn does so by a word in its chat, although nothing else is taken in.
#[test]
fn a_full_disk_keeps_nobody_from_stopping_their_own_turn() {
    for (who, may) in [("2", true), ("1", true), ("9", false)] {
        let mut shell = Shell::new(service(&["model offline"]));
        shell.write("2", "hall", "go");
        shell.write("9", "hall", "/help");
        let exchange = *shell.asked.last().unwrap();
        shell.is_slow = true;
        shell.write("1", "c1", "hello");
        shell.sentinel.handle(shell.now(), Event::PersistFailed).unwrap();
        let now = shell.now();
        let said = shell.said.len();
        let mut send = |sender, id: u64, words| {
            let message = incoming(sender, "hall", &id.to_string(), text(words));
            let takes = shell.sentinel.takes(&message);
            let told = shell.sentinel.handle(now, Event::Message(message));
            assert_eq!(told.is_ok(), takes, "what is said of it before holds");
            shell.perform();
            told
        };
        let expected = if may { Ok(()) } else { Err(EventError::Busy) };
        assert_eq!(send(who, 50, "and another thing"), Err(EventError::Busy));
        assert_eq!(send(who, 51, "/status"), Err(EventError::Busy));
        assert_eq!(send("7", 51, "/stop"), Err(EventError::Busy));
        assert_eq!(send(who, 52, "/stop"), expected);
        // There is nothing more to stop; and what is known is not taken for something new.
        assert_eq!(send("2", 52, "/stop").is_ok(), !may);
        assert_eq!(shell.unasked, [exchange]);
        assert_eq!(shell.said.len(), said, "the word that it is done waits");
        shell.is_slow = false;
        shell.instant += 60_000;
        shell.tell(Event::Time);
        shell.wait();
        assert!(shell.said[said..].iter().any(|said| said == "Stopped."), "{:?}", shell.said);
        // It comes again, for nobody was told that it was taken before.
        shell.tell(Event::Message(incoming(who, "hall", "52", text("/stop"))));
        shell.restart();
    }
}
