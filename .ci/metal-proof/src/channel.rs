//! A word in a chat, and the answer on its way back.

use alloc::string::{String, ToString};

use sentinel_core::channel::connector::{Action, Connector, ToFetch, ToPost};
use sentinel_core::channel::discord::Discord;
use sentinel_core::channel::slack::Slack;
use sentinel_core::channel::telegram::Telegram;
use sentinel_core::channel::{
    Access, AccessRules, Admission, Delivery, Identity, Incoming, Keyboard, Platform, Post, Screen,
    split,
};
use sentinel_core::time::{Instant, Now, Timestamp};
use sentinel_core::wire::http::Headers;

/// A line is typed, admitted or not, and answered.
pub(crate) fn exercise(mut input: &[u8], output: &mut String) {
    let whole = input;
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
    connect(&mut Telegram::new(7), whole, output);
    connect(&mut Discord::new(7), whole, output);
    connect(&mut Slack::new(7), whole, output);
    let pieces: String = split(output, &Platform::DISCORD).collect();
    output.push_str(&pieces);
}

/// A platform answers everything with the input.
fn connect(connector: &mut dyn Connector, input: &[u8], output: &mut String) {
    let now = Now { instant: Instant(1), wall: Timestamp(1) };
    connector.start(now, Some(input));
    let post = Post::Send { piece: 0, text: output.clone(), key: 1 };
    connector.post(now, ToPost { delivery: 1, chat: output.clone(), post, question: Some(1) });
    connector.fetch(now, ToFetch { number: 1, attachment: output.clone(), bytes_max: 1 });
    connector.opened(now);
    connector.received(now, core::str::from_utf8(input).unwrap_or_default());
    while let Some(action) = connector.poll(now) {
        match action {
            Action::Call(call) => {
                output.push_str(&call.path);
                connector.answered(now, call.number, 401, &Headers::new(), input);
            }
            Action::Message(message) => connector.acknowledge(now, &message.id),
            Action::Stopped { why } => output.push_str(&why),
            _ => {}
        }
    }
}
