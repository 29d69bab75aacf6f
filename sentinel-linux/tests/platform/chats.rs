//! What a platform holds of its chats: the same for all.

use std::sync::Mutex;

/// A message of the agent's, as people see it now.
#[derive(Clone, Debug)]
pub struct Shown {
    pub chat: String,
    pub id: u64,
    pub text: String,
    /// Everything that it ever said, in order.
    pub versions: Vec<String>,
    /// The commands of its buttons.
    pub buttons: Vec<String>,
}

#[derive(Default)]
pub struct Chats {
    shown: Mutex<Vec<Shown>>,
    /// Signs of typing, by chat.
    typing: Mutex<Vec<String>>,
}

impl Chats {
    pub fn add(&self, chat: &str, id: u64, text: &str, buttons: Vec<String>) {
        let (chat, text) = (chat.to_string(), text.to_string());
        let versions = vec![text.clone()];
        self.shown.lock().unwrap().push(Shown { chat, id, text, versions, buttons });
    }

    /// Changes a message; false if there is none. `buttons` is none where they stay.
    pub fn change(&self, id: u64, text: Option<&str>, buttons: Option<Vec<String>>) -> bool {
        let mut all = self.shown.lock().unwrap();
        let Some(shown) = all.iter_mut().find(|shown| shown.id == id) else { return false };
        if let Some(text) = text {
            shown.text = text.into();
            shown.versions.push(text.into());
        }
        if let Some(buttons) = buttons {
            shown.buttons = buttons;
        }
        true
    }

    pub fn type_in(&self, chat: &str) {
        self.typing.lock().unwrap().push(chat.into());
    }

    pub fn has_typed(&self, chat: &str) -> bool {
        self.typing.lock().unwrap().iter().any(|typed| typed == chat)
    }

    pub fn of(&self, chat: &str) -> Vec<Shown> {
        let all = self.shown.lock().unwrap();
        all.iter().filter(|shown| shown.chat == chat).cloned().collect()
    }

    pub fn texts(&self, chat: &str) -> Vec<String> {
        self.of(chat).into_iter().map(|shown| shown.text).collect()
    }

    /// How many messages of a chat say this.
    pub fn count(&self, chat: &str, words: &str) -> usize {
        self.texts(chat).iter().filter(|text| text.contains(words)).count()
    }

    pub fn has(&self, chat: &str, words: &str) -> bool {
        self.count(chat, words) > 0
    }

    /// The message with buttons, if there is one.
    pub fn question(&self, chat: &str) -> Option<Shown> {
        self.of(chat).into_iter().find(|shown| !shown.buttons.is_empty())
    }
}
