//! Who is let in, and who asked, as a snapshot keeps it.

use alloc::vec::Vec;

use super::{Access, AccessRules, Standing};
use crate::channel::pairing::Pairing;
use crate::text::json::{ObjectWriter, Sink, Value};

impl Access {
    /// Writes the members of its object.
    pub(crate) fn keep<S: Sink>(&self, out: &mut ObjectWriter<'_, S>) {
        out.array("people", |out| {
            for known in &self.people {
                out.object(|out| {
                    out.field("platform", known.platform.as_str());
                    out.field("sender", known.sender.as_str());
                    out.field("standing", word(known.standing));
                    out.field("ruled", known.is_ruled);
                });
            }
        });
        out.object("pairing", |out| self.pairing.keep(out));
    }

    /// Reads it back under these rules; `None` if it is not what was kept.
    pub(crate) fn restore(rules: AccessRules, value: Value<'_>) -> Option<Self> {
        let mut access = Self {
            people: Vec::new(),
            order: Vec::new(),
            rooms: rules.rooms,
            paired_on: rules.pairing,
            pairing: Pairing::restore(value.find("pairing")?)?,
        };
        for kept in value.find("people")?.elements().ok()? {
            let text = |key| kept.find(key)?.as_str().ok();
            let name = text("standing")?;
            let standing = STANDINGS.into_iter().find(|standing| word(*standing) == name)?;
            let person = access.know(text("platform")?, text("sender")?, standing)?;
            if kept.find("ruled")?.as_bool().ok()? {
                access.rule(person);
            }
        }
        Some(access)
    }
}

const STANDINGS: [Standing; 4] =
    [Standing::Operator, Standing::Person, Standing::Guest, Standing::Revoked];

const fn word(standing: Standing) -> &'static str {
    match standing {
        Standing::Operator => "operator",
        Standing::Person => "person",
        Standing::Guest => "guest",
        Standing::Revoked => "revoked",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::channel::{Identity, Incoming, Known, Person};
    use crate::text::json;
    use crate::time::Timestamp;

    #[test]
    fn people_and_codes_read_back() {
        let rules = AccessRules::new()
            .person("chat", "1", Standing::Operator)
            .and_then(|rules| rules.pairing("chat"))
            .unwrap();
        let mut access = Access::new(rules.clone());
        let stranger = Incoming {
            identity: Identity::new("chat", "9", "9").unwrap(),
            id: "1".into(),
            is_private: true,
            is_from_bot: false,
            name: "Eve".into(),
            parts: Vec::new(),
            sent: Timestamp(0),
        };
        access.admit(&stranger, [3; 16], Timestamp(0));
        assert!(access.approve("AAAAAAAAAA", Timestamp(0)).is_err());
        let kept = |access: &Access| json::object(|out| access.keep(out));
        let text = kept(&access);
        let document = json::parse(text.as_bytes()).unwrap();
        let restored = Access::restore(rules, document.root()).unwrap();
        assert_eq!(kept(&restored), text);
        let numbers = |access: &Access| {
            access.people().map(|known: &Known| known.person).collect::<Vec<Person>>()
        };
        assert_eq!(numbers(&restored), numbers(&access));
    }
}
