//! A word in a chat, and the answer on its way back.

use alloc::string::{String, ToString};

use sentinel_core::channel::{
    Access, AccessRules, Admission, Delivery, Identity, Incoming, Keyboard, Platform, Post, Screen,
    split,
};
use sentinel_core::time::{Instant, Timestamp};

/// A line is typed, admitted or not, and answered.
pub(crate) fn exercise(mut input: &[u8], output: &mut String) {
    let Ok(identity) = Identity::new("terminal", "local", "1") else { return };
    let mut access = match AccessRules::new().pairing("terminal") {
        Ok(rules) => Access::new(rules),
        Err(error) => return output.push_str(&error.to_string()),
    };
    let mut keyboard = Keyboard::new(identity, "somebody", Timestamp(0));
    let mut screen = Screen::new();
    while let Some(Ok(line)) = keyboard.next(&mut input, Timestamp(1)) {
        let admission = access.admit(&line.message, [1; 16], Timestamp(1));
        if let Admission::OfferCode { text } = admission {
            match access.approve(&text, Timestamp(2)) {
                Ok(person) => output.push_str(&person.to_string()),
                Err(error) => output.push_str(&error.to_string()),
            }
        }
        if let Err(error) = Incoming::from_json(line.message.to_json().as_bytes()) {
            output.push_str(&error.to_string());
        }
        let mut delivery = Delivery::new(&Platform::TELEGRAM, true);
        line.message.words().for_each(|words| delivery.text(words));
        delivery.interrupted("[stopped]");
        while let Some(post) = delivery.poll(Instant(3)) {
            screen.show(&post, output);
            if let Post::Send { piece, .. } = post {
                delivery.sent(piece, "1", Instant(3));
            }
        }
        screen.end(output);
    }
    let pieces: String = split(output, &Platform::DISCORD).collect();
    output.push_str(&pieces);
}
